"""usher dies, hangs, comes back: what the clients see of it."""

import signal
import time

import pytest

import lab as laboratory
import mqtt
from lab import wait_for

CLOSED = {"frontends": {"mqtt_closed": {"without_verdict": "closed"}}}

# `timeout processing` of haproxy/spoe-usher.conf, and slack for a busy machine.
PATIENCE_S = 0.2 + 1.0 * laboratory.SLOW


def settle(lab, ids):
    """All connect once through usher: their brokers."""
    return {i: lab.place(i) for i in ids}


def visit_in_time(port, client_id, **options):
    started = time.monotonic()
    code = mqtt.visit(port, client_id, **options)
    assert time.monotonic() - started < PATIENCE_S
    return code


def assert_decides(lab):
    """usher, and not HAProxy on its own, answers for the closed frontend."""
    wait_for(lambda: mqtt.visit(lab.ports["closed"], "again") == 0, "usher to decide again")


@pytest.mark.policy(CLOSED)
def test_agent_killed(lab, count):
    lab.start()
    ids = [f"c{i}" for i in range(count(12, 100))]
    homes = settle(lab, ids)

    lab.kill_usher()
    for level, refusal in ((4, 3), (5, 0x88)):
        assert visit_in_time(lab.ports["closed"], ids[0], level=level) == refusal
    for i in reversed(ids):  # not the order in which anything was balanced
        assert visit_in_time(lab.ports["mqtt"], i) == 0
        assert lab.place(i) == homes[i], "HAProxy's table, kept warm, knows the same broker"
    assert visit_in_time(lab.ports["mqtt"], "newcomer") == 0

    lab.wait_agent_down()
    for level, refusal in ((4, 3), (5, 0x88)):
        assert visit_in_time(lab.ports["closed"], ids[0], level=level) == refusal
    assert {i: lab.place(i) for i in ids} == homes

    lab.start_usher()
    lab.wait_agent_up()
    assert_decides(lab)


@pytest.mark.policy(CLOSED)
def test_agent_hung(lab, count):
    """Stopped, it still has its port and its connections: only time tells."""
    lab.start()
    ids = [f"c{i}" for i in range(count(8, 100))]
    homes = settle(lab, ids)
    lab.usher.send_signal(signal.SIGSTOP)
    for i in ids:
        assert visit_in_time(lab.ports["mqtt"], i) == 0
        assert lab.place(i) == homes[i]
    assert visit_in_time(lab.ports["closed"], "c0") == 3
    lab.wait_agent_down()
    for i in ids:
        assert visit_in_time(lab.ports["mqtt"], i) == 0
    assert visit_in_time(lab.ports["closed"], "c0", level=5) == 0x88

    # The questions that nobody waits for any more are answered now, and taken by nobody.
    lab.usher.send_signal(signal.SIGCONT)
    lab.wait_agent_up()
    assert_decides(lab)
    assert {i: lab.place(i) for i in ids} == homes


def test_agent_hung_for_a_moment(lab):
    """Late answers on connections that go on: none is taken for another client's."""
    lab.start()
    ids = [f"c{i}" for i in range(9)]
    homes = settle(lab, ids)
    for _ in range(3):
        lab.usher.send_signal(signal.SIGSTOP)
        waiting = [mqtt.Client(lab.ports["mqtt"]) for _ in ids]
        for client, i in zip(waiting, ids):
            client.send(mqtt.connect_packet(i))
        for client in waiting:
            assert client.read_connack() == 0
            client.close()
        lab.usher.send_signal(signal.SIGCONT)
        assert {i: lab.place(i) for i in ids} == homes


@pytest.mark.policy(CLOSED)
def test_agent_restarted_under_load(lab, count):
    lab.start()
    with mqtt.Load(lab.ports["mqtt"]) as clients:
        for n in range(count(4, 50)):
            before = clients.served
            if n % 2:
                lab.kill_usher()
            else:
                assert lab.usher.stop() == 0
            wait_for(lambda b=before: clients.served > b + 4, "clients to be served without usher")
            lab.start_usher()
            lab.wait_agent_up()
            before = clients.served
            wait_for(lambda b=before: clients.served > b + 4, "clients to be served with usher")
    assert set(clients.outcomes) == {0}
    assert clients.slowest < 2 * PATIENCE_S
    assert_decides(lab)


@pytest.mark.policy(CLOSED)
def test_agent_not_started_yet(lab):
    """HAProxy first: open serves, closed refuses, and both ask usher once it is there."""
    lab.start_brokers()
    lab.start_haproxy()
    assert visit_in_time(lab.ports["mqtt"], "early") == 0
    assert visit_in_time(lab.ports["closed"], "early") == 3
    lab.start_usher()
    lab.wait_agent_up()
    assert_decides(lab)
    lab.usher.wait_log(r"runtime socket answers")


def test_haproxy_not_started_yet(lab):
    """usher first: it says once that nobody answers, and finds HAProxy when it comes."""
    lab.start_brokers()
    lab.start_usher()
    lab.usher.wait_log(r"runtime socket silent .*admin\.sock")
    lab.start_haproxy()
    lab.usher.wait_log(r"runtime socket answers")
    lab.wait_agent_up()
    assert lab.place("c") in lab.brokers
    assert lab.usher.log().count("runtime socket silent") == 1
    assert 'client_id="c"' in lab.usher.log()
