"""What an operator does on HAProxy's runtime socket holds for usher, at once."""

import csv
import io
import itertools

import pytest

import mqtt
from lab import wait_for

BACKEND = "mqtt_backend"
POLL_S = 2  # usher looks five times a second


@pytest.fixture
def lab(lab):
    """Its runtime socket lets operators change things; for usher, level operator is enough."""
    lab.edit_config(("level operator", "level admin"))
    return lab


def change(lab, command):
    """A command on the runtime socket; success is silent."""
    said = lab.haproxy.ask(command)
    assert not said.strip(), said


def set_state(lab, server, state, seen=None):
    """As an operator does; back when usher has seen it."""
    before = len(lab.usher.log())
    change(lab, f"set server {BACKEND}/{server} state {state}")
    lab.usher.wait_log(rf"server changed backend={BACKEND} server={server} state={seen or state} ",
                       seconds=POLL_S, after=before)


def clients_of(homes, server):
    return [i for i, home in homes.items() if home == server]


def assert_even(places):
    """Turns are even but for the one that was under way when a server went or came."""
    assert max(places.values()) - min(places.values()) <= 2, places


def settle(lab, n):
    return {f"c{i}": lab.place(f"c{i}") for i in range(n)}


@pytest.mark.parametrize("state", ["drain", "maint"])
def test_draining_server_is_freed_of_its_clients(lab, state, count):
    lab.start()
    homes = settle(lab, 12)
    set_state(lab, "emqx2", state)
    seen = len(lab.brokers["emqx2"].arrivals())
    for i in range(count(30, 300)):
        assert lab.place(f"new{i}") != "emqx2"
    after = {i: lab.place(i) for i in homes}
    assert lab.brokers["emqx2"].arrivals()[seen:] == [], "not one was sent there"
    # Its clients are elsewhere and stay there; the others never moved.
    assert all(after[i] == homes[i] for i in homes if homes[i] != "emqx2")
    assert {i: lab.place(i) for i in homes} == after

    set_state(lab, "emqx2", "ready", "up")
    assert {i: lab.place(i) for i in homes} == after, "being back attracts nobody by itself"
    assert_even(lab.spread_of(f"late{i}" for i in range(12)))


def test_drain_lets_sessions_live(lab):
    """Who is connected stays until it leaves by itself, and goes elsewhere then."""
    lab.start()
    held = {i: mqtt.connect(lab.ports["mqtt"], i) for i in ("a", "b", "c")}
    home = {lab.where(i): i for i in held}
    set_state(lab, "emqx2", "drain")
    held[home["emqx2"]].ping()
    for client in held.values():
        client.close()
    assert lab.place(home["emqx2"]) != "emqx2"
    assert lab.place(home["emqx1"]) == "emqx1"


def test_weight_zero_and_back(lab):
    lab.start()
    homes = settle(lab, 9)
    change(lab, f"set server {BACKEND}/emqx1 weight 0")
    lab.usher.wait_log("server=emqx1 state=up weight=0", POLL_S)
    seen = len(lab.brokers["emqx1"].arrivals())
    assert lab.place(clients_of(homes, "emqx1")[0]) != "emqx1"
    lab.spread_of(f"new{i}" for i in range(30))
    assert lab.brokers["emqx1"].arrivals()[seen:] == []
    change(lab, f"set server {BACKEND}/emqx1 weight 4")
    lab.usher.wait_log("server=emqx1 state=up weight=4", POLL_S)
    places = lab.spread_of(f"late{i}" for i in range(12))
    assert places["emqx1"] in (7, 8, 9), places


def test_server_that_haproxy_finds_down(lab):
    lab.start()
    homes = settle(lab, 9)
    lab.brokers["emqx3"].process.kill()
    lab.usher.wait_log("server=emqx3 state=down")
    for i in homes:
        place = lab.place(i)
        assert place == homes[i] if homes[i] != "emqx3" else place != "emqx3"
    lab.brokers["emqx3"].start()
    lab.usher.wait_log("server=emqx3 state=up")
    assert_even(lab.spread_of(f"new{i}" for i in range(9)))


def test_nobody_may_take_clients(lab):
    """All in maintenance: a refusal in MQTT, not a silence."""
    lab.start()
    for name in lab.brokers:
        set_state(lab, name, "maint")
    assert mqtt.visit(lab.ports["mqtt"], "c") == 3
    assert mqtt.visit(lab.ports["mqtt"], "c", level=5) == 0x88
    set_state(lab, "emqx2", "ready", "up")
    assert lab.place("c") == "emqx2"


@pytest.mark.policy({"backends": {BACKEND: {"balance": "leastconn", "sticky": False}}})
def test_leastconn_follows_the_sessions(lab):
    """The sessions HAProxy counts, those of before usher's time as well."""
    lab.start_brokers()
    lab.start_haproxy()
    lab.wait_brokers_up()
    # Without usher HAProxy spreads them itself: two on each.
    held = {f"h{i}": mqtt.connect(lab.ports["mqtt"], f"h{i}") for i in range(6)}
    homes = {i: lab.where(i) for i in held}
    assert sorted(homes.values()) == ["emqx1"] * 2 + ["emqx2"] * 2 + ["emqx3"] * 2
    # All of emqx1 leave, so usher's first two belong there.
    for i in clients_of(homes, "emqx1"):
        held.pop(i).close()

    def used(server):
        rows = csv.DictReader(io.StringIO(lab.haproxy.ask("show stat")[2:]))
        return next(int(row["scur"]) for row in rows
                    if (row["pxname"], row["svname"]) == (BACKEND, server))

    wait_for(lambda: used("emqx1") == 0, "HAProxy to see them leave")
    lab.start_usher()
    lab.wait_agent_up()
    lab.usher.wait_log("runtime socket answers")
    for i in range(2):
        held[f"n{i}"] = mqtt.connect(lab.ports["mqtt"], f"n{i}")
        assert lab.where(f"n{i}") == "emqx1"
    # Now all are equal, and one more goes to each.
    for i in range(2, 5):
        held[f"n{i}"] = mqtt.connect(lab.ports["mqtt"], f"n{i}")
    assert lab.spread(f"n{i}" for i in range(2, 5)) == {"emqx1": 1, "emqx2": 1, "emqx3": 1}
    for client in held.values():
        client.close()


# -- the runtime socket itself


def test_no_runtime_socket_in_the_file(lab):
    """Said once, with the line that is missing; usher decides by the file alone."""
    lab.edit_config(('    stats socket "unix@${USHER_RUN-/run/haproxy}/admin.sock" '
                     'mode 660 level admin\n', ""))
    lab.start_brokers()
    lab.start_usher()
    lab.start_haproxy()
    spread = [mqtt.visit(lab.ports["mqtt"], f"c{i}") for i in range(9)]
    assert spread == [0] * 9
    wait_for(lambda: lab.usher.log().count("verdict action=accept") == 9, "usher to decide")
    assert lab.spread(f"c{i}" for i in range(9)) == {"emqx1": 3, "emqx2": 3, "emqx3": 3}
    assert lab.usher.log().count("runtime socket missing") == 1
    assert "stats socket" in lab.usher.log()


def test_runtime_socket_lost_and_found(lab):
    """Its path goes: the last known states stay. It comes back: news are taken again."""
    lab.start()
    set_state(lab, "emqx1", "drain")
    path = lab.directory / "admin.sock"
    away = lab.directory / "away.sock"
    before = len(lab.usher.log())
    path.rename(away)
    lab.usher.wait_log("runtime socket silent", after=before)
    assert lab.spread_of(f"c{i}" for i in range(6)) == {"emqx1": 0, "emqx2": 3, "emqx3": 3}
    away.rename(path)
    lab.usher.wait_log("runtime socket answers", after=before)
    set_state(lab, "emqx1", "ready", "up")
    assert_even(lab.spread_of(f"d{i}" for i in range(9)))
    assert lab.usher.log().count("runtime socket silent") == 1


def test_haproxy_too_busy_to_talk(lab):
    """A socket that accepts and never answers costs usher nothing but fresh news."""
    lab.start()
    ids = itertools.count()
    before = len(lab.usher.log())
    path = lab.directory / "admin.sock"
    path.rename(lab.directory / "away.sock")
    with mqtt.silent_unix_listener(path):
        lab.usher.wait_log("runtime socket silent", after=before)
        for _ in range(6):
            assert mqtt.visit(lab.ports["mqtt"], f"c{next(ids)}") == 0
    path.unlink()
    (lab.directory / "away.sock").rename(path)
    lab.usher.wait_log("runtime socket answers", after=before)
