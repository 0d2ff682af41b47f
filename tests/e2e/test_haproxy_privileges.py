"""As they run in the field: HAProxy has left root behind, usher never was root."""

import os
import pwd
import shutil

import pytest

import lab as laboratory
import mqtt
from lab import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")


def uids(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
        line = next(line for line in f if line.startswith("Uid:"))
    return {pwd.getpwuid(int(uid)).pw_name for uid in line.split()[1:]}


@pytest.fixture
def lab(lab, monkeypatch):
    """HAProxy's user, group and threads in the file; everything where others may read it."""
    etc = lab.directory / "etc"
    shutil.copytree(laboratory.ROOT / "haproxy", etc)
    usher = shutil.copy(laboratory.USHER, lab.directory / "usher")
    monkeypatch.setattr(laboratory, "USHER", usher)
    lab.extra_env["USHER_ETC"] = str(etc)
    lab.edit_config(
        ("mode 660 level operator", "mode 660 group haproxy level operator"),
        ("\nglobal\n", "\nglobal\n    user haproxy\n    group haproxy\n    nbthread 2\n"))
    return lab


@pytest.fixture
def jail(lab):
    """HAProxy's chroot: nothing in it that is not needed."""
    directory = lab.directory / "jail"
    directory.mkdir()
    lab.edit_config(("\nglobal\n", f"\nglobal\n    chroot {directory}\n"))
    return directory


def start(lab):
    lab.start_brokers()
    lab.start_usher("-j", "2", user="nobody:haproxy")
    lab.start_haproxy()
    lab.wait_agent_up()
    lab.wait_brokers_up()
    lab.usher.wait_log("runtime socket answers")
    assert uids(lab.usher) == {"nobody"}
    assert uids(lab.haproxy.process) == {"haproxy"}


def assert_all_works(lab):
    """Verdicts, refusals, session ends and server states all get through."""
    ids = [f"c{i}" for i in range(9)]
    homes = {i: lab.place(i) for i in ids}
    assert sorted(homes.values()) == ["emqx1"] * 3 + ["emqx2"] * 3 + ["emqx3"] * 3
    assert {i: lab.place(i) for i in reversed(ids)} == homes
    assert mqtt.visit(lab.ports["mqtt"], "unwanted") == 5
    wait_for(lambda: lab.usher.log().count("session end key=") >= 18, "the ends to be heard")
    lab.brokers["emqx2"].process.kill()
    lab.usher.wait_log("server=emqx2 state=down")
    lab.brokers["emqx2"].start()
    lab.usher.wait_log("server=emqx2 state=up")


UNWANTED = {"rules": [{"if": {"client_id": "unwanted"}, "reject": "banned"}]}


@pytest.mark.policy(UNWANTED)
def test_users_and_chroot(lab, jail):
    start(lab)
    assert os.readlink(f"/proc/{lab.haproxy.process.pid}/root") == str(jail)
    assert_all_works(lab)


@pytest.mark.policy(UNWANTED)
def test_users_and_unix_socket(lab):
    """usher's socket stands in a directory that is its own; HAProxy only passes through."""
    directory = lab.directory / "run"
    directory.mkdir()
    shutil.chown(directory, "nobody")
    lab.extra_env["USHER_AGENT"] = f"unix@{directory}/spop.sock"
    start(lab)
    assert_all_works(lab)
    lab.kill_usher()
    lab.wait_agent_down()
    lab.start_usher(user="nobody:haproxy")
    lab.wait_agent_up()
    wait_for(lambda: mqtt.visit(lab.ports["mqtt"], "unwanted") == 5, "usher to decide again")


def test_unix_socket_inside_the_chroot(lab, jail):
    """HAProxy sees its chroot's paths: usher.json says where that is outside."""
    shutil.chown(jail, "nobody")
    lab.extra_env["USHER_AGENT"] = "unix@/spop.sock"
    lab.policy = lab.write_policy({**UNWANTED, "agent": {"listen": f"unix@{jail}/spop.sock"}})
    start(lab)
    assert_all_works(lab)


def test_runtime_socket_not_for_usher(lab):
    """Without the group the socket is closed to usher: it says so, and decides by the file."""
    lab.start_brokers()
    lab.start_haproxy()
    lab.wait_brokers_up()
    lab.start_usher(user="nobody")
    lab.usher.wait_log("runtime socket silent .*Permission denied")
    lab.wait_agent_up()
    assert lab.spread_of(f"c{i}" for i in range(6)) == {"emqx1": 2, "emqx2": 2, "emqx3": 2}
