"""The same files on the HAProxy of Debian 13 and of today: what was true on 2.6 still is."""

import os
import shutil

import pytest

import chroot
import lab as laboratory
import mqtt
from lab import wait_for

pytestmark = [pytest.mark.full,
              pytest.mark.skipif(os.geteuid() != 0, reason="needs root for chroot")]

POLICY = {
    "frontends": {"mqtt_closed": {"without_verdict": "closed"}},
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    "tenants": {"acme": {"max_connections": 2}},
    "rules": [{"if": {"client_id": "unwanted"}, "reject": "banned"}],
}


@pytest.fixture(scope="module", params=["trixie", "sid"])
def suite(request):
    """3.0 and, at the time of writing, 3.2."""
    one = chroot.Suite(request.param).prepare()
    assert one.version() != "2.6"
    return one


@pytest.fixture
def lab(suite):
    """A running laboratory whose HAProxy is the suite's."""
    one = laboratory.Lab(POLICY)
    inside = suite.move_in(one.directory)
    try:
        with one:
            etc = one.directory / "etc"
            shutil.copytree(laboratory.ROOT / "haproxy", etc)
            one.extra_env["USHER_ETC"] = str(etc)
            one.edit_config(("level operator", "level admin expose-fd listeners"))
            one.start_brokers()
            one.start_usher()
            one.start_haproxy(binary=suite.command())
            one.wait_agent_up()
            one.wait_brokers_up()
            one.usher.wait_log("runtime socket answers")
            yield one
    finally:
        one.directory.unlink()
        shutil.rmtree(inside)


def places(lab, ids):
    return {i: lab.place(i) for i in ids}


def test_clients_spread_and_come_back(lab):
    ids = [f"c{i}" for i in range(9)]
    homes = places(lab, ids)
    assert sorted(homes.values()) == ["emqx1"] * 3 + ["emqx2"] * 3 + ["emqx3"] * 3
    assert places(lab, reversed(ids)) == homes
    # Asked and answered, each of them: HAProxy did not do it on its own.
    assert lab.usher.log().count("verdict action=accept") == 18


def test_refusal_in_the_client_s_version(lab):
    assert mqtt.visit(lab.ports["mqtt"], "unwanted") == 5
    assert mqtt.visit(lab.ports["mqtt"], "unwanted", level=5) == 0x8A


def test_quota(lab):
    two = [mqtt.connect(lab.ports["mqtt"], f"acme-{i}") for i in range(2)]
    assert [c.code for c in two] == [0, 0]
    assert mqtt.visit(lab.ports["mqtt"], "acme-3", level=5) == 0x97
    two.pop().close()
    wait_for(lambda: mqtt.visit(lab.ports["mqtt"], "acme-3") == 0, "the quota to have room again")
    two.pop().close()


def test_agent_killed(lab):
    ids = [f"c{i}" for i in range(9)]
    homes = places(lab, ids)
    lab.kill_usher()
    assert places(lab, ids) == homes
    assert mqtt.visit(lab.ports["closed"], "c0") == 3
    lab.wait_agent_down()
    assert places(lab, ids) == homes
    assert mqtt.visit(lab.ports["closed"], "c0", level=5) == 0x88
    lab.start_usher()
    lab.wait_agent_up()
    wait_for(lambda: mqtt.visit(lab.ports["closed"], "c0") == 0, "usher to decide again")


def test_agent_restarted_under_load(lab, count):
    with mqtt.Load(lab.ports["mqtt"]) as clients:
        for _ in range(count(2, 10)):
            before = clients.served
            lab.kill_usher()
            wait_for(lambda b=before: clients.served > b + 4, "clients to be served without usher")
            lab.start_usher()
            lab.wait_agent_up()
            wait_for(lambda b=before: clients.served > b + 8, "clients to be served with usher")
    assert set(clients.outcomes) == {0}


def test_session_ends(lab):
    held = [mqtt.connect(lab.ports["mqtt"], f"c{i}") for i in range(4)]
    assert "session end key=" not in lab.usher.log()
    for client in held:
        client.close()
    wait_for(lambda: lab.usher.log().count("session end key=") == 4, "the ends to be heard")


def test_drain(lab):
    homes = places(lab, [f"c{i}" for i in range(9)])
    assert not lab.haproxy.ask("set server mqtt_backend/emqx2 state drain").strip()
    lab.usher.wait_log("server=emqx2 state=drain")
    seen = len(lab.brokers["emqx2"].arrivals())
    after = places(lab, homes)
    assert all(after[i] == homes[i] for i in homes if homes[i] != "emqx2")
    assert lab.spread_of(f"new{i}" for i in range(30))["emqx2"] == 0
    assert len(lab.brokers["emqx2"].arrivals()) == seen


def test_haproxy_reloaded(lab):
    ids = [f"c{i}" for i in range(9)]
    homes = places(lab, ids)
    held = mqtt.connect(lab.ports["mqtt"], "held")
    with mqtt.Load(lab.ports["mqtt"]) as clients:
        lab.haproxy.reload("-x", str(lab.directory / "admin.sock"))
        lab.wait_agent_up()
        assert places(lab, ids) == homes
        wait_for(lambda: clients.served > 50, "clients to be served")
    assert set(clients.outcomes) == {0}
    held.ping()
    ends = lab.usher.log().count("session end key=")
    held.close()
    wait_for(lambda: lab.usher.log().count("session end key=") > ends, "the old one's end")
