"""How a server is found for a client that has none: each algorithm, through HAProxy and without."""

import pytest

import mqtt
from conftest import DOORS
from lab import wait_for

SERVERS = ("emqx1", "emqx2", "emqx3")
ROUNDROBIN = ("backend mqtt_backend\n    balance roundrobin",
              "backend mqtt_backend\n    balance {}")
# Without HAProxy's table nothing but the algorithm can send a client to the same server again.
NO_TABLE = ("    stick-table type binary len 20 size 1m expire 30m\n"
            "    stick on var(txn.mqtt_client_id),sha1\n", "")
USE_BACKEND = "    use_backend %[var(txn.usher.backend)] if { var(txn.usher.backend) -m found }\n"
USHER_RANK = (USE_BACKEND, "    tcp-request content lua.usher_rank mqtt_backend unless"
              " { var(txn.usher.action) -m found }\n" + USE_BACKEND)


def balance(algorithm):
    return {"backends": {"mqtt_backend": {"balance": algorithm}}}


def balanced_by(algorithm):
    old, new = ROUNDROBIN
    return old, new.format(algorithm)


def hold(lab, ids, **options):
    clients = [mqtt.connect(lab.ports["mqtt"], i, **options) for i in ids]
    assert {client.code for client in clients} == {0}
    return clients


def at_once(lab, ids):
    """All CONNECT before any has an answer, so that both threads of HAProxy and of usher work."""
    clients = [mqtt.Client(lab.ports["mqtt"]) for _ in ids]
    for client, client_id in zip(clients, ids):
        client.send(mqtt.connect_packet(client_id))
    assert {client.read_connack() for client in clients} == {0}
    return clients


def spread(lab, ids):
    counts = lab.spread(ids)
    return [counts[server] for server in SERVERS]


@pytest.mark.doors(*DOORS)
def test_roundrobin_is_one_for_all_threads(lab, count):
    lab.start()
    ids = [f"c{i}" for i in range(count(30, 900))]
    at_once(lab, ids)
    assert spread(lab, ids) == [len(ids) / 3] * 3


@pytest.mark.doors(*DOORS)
def test_weights(lab, count):
    """Each ten split 5/2/3, not only all of them together."""
    lab.edit_config(*((f'    server {s} "${{USHER_{s.upper()}-{s}:1883}}"\n',
                       f'    server {s} "${{USHER_{s.upper()}-{s}:1883}}" weight {w}\n')
                      for s, w in zip(SERVERS, (5, 2, 3))))
    lab.start()
    for n in range(count(3, 30)):
        ids = [f"c{n}-{i}" for i in range(10)]
        hold(lab, ids)
        assert spread(lab, ids) == [5, 2, 3]
    ids = [f"at-once-{i}" for i in range(40)]
    at_once(lab, ids)
    assert spread(lab, ids) == [20, 8, 12]


@pytest.mark.doors(*DOORS)
@pytest.mark.parametrize("where", ("usher.json", "haproxy.cfg"))
def test_leastconn_fills_up_the_one_that_lost_its_clients(lab, where):
    if where == "usher.json":
        lab.policy = lab.write_policy(balance("leastconn"))
    else:
        lab.edit_config(balanced_by("leastconn"))
    lab.start()
    ids = [f"c{i}" for i in range(24)]
    held = dict(zip(ids, hold(lab, ids)))
    assert spread(lab, ids) == [8, 8, 8]
    for client_id in ids:
        if lab.where(client_id) == "emqx2":
            held[client_id].close()
    probes = iter(range(10000))
    # Equals would take turns: two in a row at one broker mean that it is known to be emptier.
    wait_for(lambda: [lab.place(f"probe-{next(probes)}") for _ in "12"] == ["emqx2"] * 2,
             "usher to have heard of it")
    new = [f"new{i}" for i in range(3)]
    hold(lab, new)
    assert spread(lab, new) == [0, 3, 0]
    assert lab.verdicts("new0")[0]["reason"] == "leastconn"


@pytest.mark.doors(*DOORS)
@pytest.mark.policy(balance("random"))
def test_random_leaves_nobody_out(lab):
    """Two are drawn, the emptier one wins: that is far better than dice."""
    lab.start()
    ids = [f"c{i}" for i in range(60)]
    hold(lab, ids)
    assert min(spread(lab, ids)) >= 12
    homes = [lab.where(i) for i in ids]
    assert homes != [SERVERS[i % 3] for i in range(60)], "and yet it is no round robin"
    assert lab.verdicts("c0")[0]["reason"] == "random"


def by_source(lab, prefix, sources):
    """Address → broker, for clients that nobody has ever seen."""
    return {s: lab.place(f"{prefix}-{i}", source=s) for i, s in enumerate(sources)}


@pytest.mark.doors(*DOORS)
def test_source_as_haproxy_has_it(lab, count):
    """An address goes where it would go without usher: the day usher is away moves nobody."""
    lab.edit_config(balanced_by("source"), NO_TABLE)
    lab.start()
    sources = [f"127.{i % 3}.{i % 7}.{i + 1}" for i in range(count(24, 240))]
    homes = by_source(lab, "first", sources)
    assert set(homes.values()) == set(SERVERS)
    assert by_source(lab, "second", sources) == homes, "whatever the client's id"
    if lab.door == "proxy":
        return
    lab.kill_usher()
    lab.wait_agent_down()
    assert by_source(lab, "third", sources) == homes


def homes_of(lab, ids):
    return {i: lab.place(i) for i in ids}


@pytest.mark.policy(balance("rendezvous"))
def test_rendezvous_in_usher_and_in_lua(lab, count):
    """usher dead, its ranking goes on: in usher.lua, with the same result to the last client."""
    lab.edit_config(NO_TABLE, USHER_RANK)
    lab.start()
    ids = [f"sensor-{i}" for i in range(count(46, 1000))] + ["ä", "温度", "x" * 500, " "]
    homes = homes_of(lab, ids)
    assert min(list(homes.values()).count(server) for server in SERVERS) >= 5
    assert {lab.verdicts(i)[0]["reason"] for i in ids[:46]} == {"rendezvous"}
    lab.kill_usher()
    lab.wait_agent_down()
    assert homes_of(lab, reversed(ids)) == homes

    lab.brokers["emqx2"].process.kill()
    wait_for(lambda: lab.server_state("mqtt_backend", "emqx2") == "0", "HAProxy to miss emqx2")
    without = homes_of(lab, ids)
    assert "emqx2" not in without.values()
    assert all(without[i] == homes[i] for i in ids if homes[i] != "emqx2"), "only its own move"

    lab.start_usher()
    lab.wait_agent_up()
    lab.usher.wait_log("server changed backend=mqtt_backend server=emqx2 state=down")
    assert homes_of(lab, ids) == without, "and usher moves them to the same places"
