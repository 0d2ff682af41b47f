"""Brokers die, fill up and freeze: whose clients notice, and for how long."""

import signal
import time

import pytest

import mqtt
from conftest import DOORS
from lab import Broker, wait_for


@pytest.mark.doors(*DOORS)
def test_broker_killed(lab, count):
    """Its clients reconnect elsewhere at once, before any check has noticed; nobody else moves."""
    lab.start()
    held = {f"c{i}": mqtt.connect(lab.ports["mqtt"], f"c{i}") for i in range(count(12, 120))}
    homes = {i: lab.where(i) for i in held}
    lab.brokers["emqx2"].process.kill()
    lost = [i for i in held if homes[i] == "emqx2"]
    assert len(lost) == len(held) / 3
    started = time.monotonic()
    for i in lost:
        assert held[i].is_closed()
        held[i].close()
        seen = lab.seen(i)
        held[i] = mqtt.connect(lab.ports["mqtt"], i)
        assert held[i].code == 0
        assert lab.newest(i, seen) in ("emqx1", "emqx3")
    assert time.monotonic() - started < 2 + len(lost) * 0.05
    for i in held:
        if homes[i] != "emqx2":
            held[i].ping()
    # It comes back: who moved has a broker now, and stays.
    lab.usher.wait_log("server=emqx2 state=down")
    moved = {i: lab.place(i) for i in lost}
    lab.brokers["emqx2"].start()
    lab.usher.wait_log("server=emqx2 state=up")
    assert {i: lab.place(i) for i in lost} == moved
    for client in held.values():
        client.close()


def test_broker_full(lab):
    """One that takes no more is no trouble for the others, nor for those it has."""
    lab.brokers["emqx1"] = Broker("emqx1", lab.directory, lab.brokers["emqx1"].port,
                                  "max_connections 2")
    lab.edit_config(("level operator", "level admin"))
    lab.start()
    held, refused = {}, []
    for i in range(12):
        client_id = f"c{i}"
        started = time.monotonic()
        try:
            held[client_id] = mqtt.connect(lab.ports["mqtt"], client_id)
        except mqtt.Closed:
            refused.append(client_id)
            assert time.monotonic() - started < 1, "turned away at once"
    assert refused and len(lab.brokers["emqx1"].arrivals()) < 4
    assert lab.spread(held)["emqx2"] == lab.spread(held)["emqx3"] == 4
    for client in held.values():
        assert client.code == 0
        client.ping()
    # An operator drains it: those who were turned away are served elsewhere.
    lab.haproxy.ask("set server mqtt_backend/emqx1 state drain")
    lab.usher.wait_log("server=emqx1 state=drain")
    for client_id in refused:
        assert lab.place(client_id) in ("emqx2", "emqx3")
    for client in held.values():
        client.ping()
        client.close()


@pytest.mark.doors(*DOORS)
def test_broker_frozen(lab):
    """It accepts and says nothing. Its clients wait for it; the others notice nothing."""
    lab.start()
    homes = {f"c{i}": lab.place(f"c{i}") for i in range(9)}
    frozen = lab.brokers["emqx3"]
    frozen.process.send_signal(signal.SIGSTOP)  # the kernel still accepts for it
    try:
        for i in homes:
            if homes[i] != "emqx3":
                started = time.monotonic()
                assert lab.place(i) == homes[i]
                assert time.monotonic() - started < 1
    finally:
        frozen.process.send_signal(signal.SIGCONT)
    wait_for(lambda: mqtt.visit(lab.ports["mqtt"], "c0") == 0, "all to be well")
