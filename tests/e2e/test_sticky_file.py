"""What usher knows outlives usher: killed, stopped, reloaded; bad files and bad disks."""

import fcntl
import os
import re
import signal
import subprocess

import pytest

import mqtt
from conftest import DOORS
from lab import wait_for
from test_admin import Admin
from test_connack_report import REPORTED

COMMANDS = {"haproxy": "agent", "proxy": "proxy"}

pytestmark = pytest.mark.doors(*DOORS)


@pytest.fixture
def kept(lab):
    """The lab, not started; a client's entry is real as soon as its broker has taken it."""
    if lab.door == "haproxy":
        lab.edit_config(*REPORTED)
    lab.file = lab.directory / "sticky"
    keep(lab, "100ms")
    return lab


def keep(lab, interval, path=None):
    stickiness = {"file": str(path or lab.file), "save_interval": interval}
    lab.policy = lab.write_policy({"stickiness": stickiness} if interval else {})


def reload(lab):
    before = len(lab.usher.log())
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done", after=before)


def start_usher(lab, **options):
    """usher alone: nothing but its file matters."""
    lab.start_usher(command=COMMANDS[lab.door], **options)


def restart_usher(lab):
    """After its end: it serves again."""
    if lab.door == "haproxy":
        lab.wait_agent_down()
    start_usher(lab)
    if lab.door == "haproxy":
        lab.wait_agent_up()
        lab.usher.wait_log("runtime socket answers")


def wait_written(lab, entries=r"\d+", path=None):
    """This usher has put so many entries on the disk."""
    lab.usher.wait_log(rf"sticky file written path={path or lab.file} entries={entries} ")


def arrive(lab, names):
    """Each connects, stays, and where it is."""
    clients = {name: mqtt.connect(lab.ports["mqtt"], name) for name in names}
    return clients, {name: lab.where(name) for name in names}


def back(lab, name):
    """It comes again: how its broker was found, and which it was."""
    assert mqtt.visit(lab.ports["mqtt"], name) == 0
    verdict = lab.verdicts(name)[-1]
    return verdict["reason"], verdict["server"]


def test_usher_is_killed(kept, count):
    """Those who were connected, and those who had gone already, return to their brokers."""
    kept.start()
    names = [f"c{i}" for i in range(count(24, 500))]
    clients, homes = arrive(kept, names)
    for name in names[::2]:
        clients[name].close()
    wait_written(kept, len(names))
    assert len(set(homes.values())) == 3
    kept.kill_usher()
    for client in clients.values():
        client.close()
    restart_usher(kept)
    kept.usher.wait_log(rf"sticky file read path={kept.file} entries={len(names)} expired=0 ")
    for name in reversed(names):
        assert back(kept, name) == ("sticky", homes[name]), name


def test_stop_saves_and_kill_loses_what_is_newer(kept):
    keep(kept, "1h")
    kept.start()
    clients, homes = arrive(kept, ["old1", "old2", "old3", "old4"])
    for client in clients.values():
        client.close()
    assert not kept.file.exists()
    assert kept.usher.stop() == 0
    assert "sticky file written" in kept.usher.log() and kept.file.stat().st_mode & 0o777 == 0o600
    restart_usher(kept)
    assert back(kept, "new")[0] == "roundrobin"
    kept.kill_usher()
    restart_usher(kept)
    assert back(kept, "new")[0] == "roundrobin", "nobody wrote it down"
    for name, home in homes.items():
        assert back(kept, name) == ("sticky", home)


def flip(data):
    """One bit, in the checksum of the last block."""
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("spoil, reason", (
    (flip, "wrong checksum"),
    (lambda data: data[:-1], "it ends too early"),
    (lambda data: b"", "it ends too early"),
    (lambda data: b"-- MySQL dump 10.19\n", "usher did not write it"),
    (lambda data: data[:16] + b"\0\0\0\2" + data[20:], "another version of usher wrote it"),
    (lambda data: data + b"\0", "bytes behind its end"),
), ids=("flipped", "cut", "empty", "foreign", "newer", "longer"))
def test_file_is_set_aside(kept, spoil, reason):
    start_usher(kept)
    wait_written(kept)
    assert kept.usher.stop() == 0
    bad = spoil(kept.file.read_bytes())
    kept.file.write_bytes(bad)
    start_usher(kept)
    line = kept.usher.wait_log(r"warning sticky file set aside path=(\S+) to=(\S+) "
                               r'reason="([^"]*)" consequence=')
    assert (line[1], line[3]) == (str(kept.file), reason)
    aside, = kept.directory.glob("sticky.bad-*")
    assert str(aside) == line[2] and aside.read_bytes() == bad
    wait_for(kept.file.exists, "a new one")
    assert kept.usher.stop() == 0
    start_usher(kept)
    assert "sticky file read" in kept.usher.log() and "set aside" not in kept.usher.log()


def check(lab):
    """What `usher check` says of the files."""
    return subprocess.run(lab.usher_command(command="check"), env={**os.environ, **lab.env()},
                          capture_output=True, text=True, timeout=30, check=False).stdout


def test_directory_comes_late(kept):
    """Said once, counted each time, and made good."""
    stickiness = {"file": str(kept.directory / "late" / "sticky"), "save_interval": "100ms"}
    admin = Admin(kept, {"stickiness": stickiness})
    start_usher(kept)
    failed = 'usher_sticky_file_saves_total{result="failed"}'
    wait_for(lambda: admin.metrics()[failed] >= 4, "four failures")
    assert admin.metrics()["usher_sticky_file_last_save_time_seconds"] == 0
    said, = re.findall(r"warning sticky file failed .*", kept.usher.log())
    assert f"directory '{kept.directory}/late/' is not there" in check(kept)
    assert 'op=open reason="No such file or directory" consequence=' in said
    (kept.directory / "late").mkdir()
    kept.usher.wait_log("info sticky file works again")
    assert "late" not in check(kept)
    checked = subprocess.run(["promtool", "check", "metrics"], input=admin.get("/metrics"),
                             text=True, capture_output=True, timeout=30, check=False)
    assert "usher_" not in checked.stdout + checked.stderr
    values = admin.metrics()
    assert values['usher_sticky_file_saves_total{result="done"}'] == 1
    assert values["usher_sticky_file_last_save_time_seconds"] > 1.6e9
    assert values["usher_sticky_file_entries"] == 0


def test_directory_is_not_ours(kept):
    kept.directory.chmod(0o777)  # for its other sockets
    store = kept.directory / "store"
    store.mkdir(mode=0o755)
    keep(kept, "100ms", store / "sticky")
    start_usher(kept, user="nobody")
    kept.usher.wait_log('sticky file failed .*op=open reason="Permission denied"')
    store.chmod(0o777)
    wait_written(kept, path=store / "sticky")


def test_two_ushers_one_file(kept):
    """The second serves, leaves the file alone, and has it when the first has gone."""
    start_usher(kept)
    wait_written(kept)
    assert kept.usher.stop() == 0
    before = kept.file.read_bytes()
    with open(f"{kept.file}.lock", "rb") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        start_usher(kept)
        kept.usher.wait_log('sticky file failed .*reason="another usher keeps its entries there"')
        assert "sticky file read" not in kept.usher.log()
        assert kept.file.read_bytes() == before
    kept.usher.wait_log("sticky file read")
    kept.usher.wait_log("sticky file works again")


def test_reload_follows_interval_and_path(kept):
    keep(kept, "1h")
    start_usher(kept)
    assert not kept.file.exists()
    keep(kept, "100ms")
    reload(kept)
    wait_for(kept.file.exists, "the shorter interval")
    other = kept.directory / "other"
    keep(kept, "100ms", other)
    reload(kept)
    wait_for(other.exists, "the other path")
    with open(f"{kept.file}.lock", "rb") as former:
        fcntl.flock(former, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(f"{other}.lock", "rb") as present:
        with pytest.raises(BlockingIOError):
            fcntl.flock(present, fcntl.LOCK_EX | fcntl.LOCK_NB)
        keep(kept, None)
        reload(kept)
        wait_for(lambda: is_free(present), "nothing is kept any more")


def is_free(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_what_the_new_path_holds_is_added(kept):
    """A file that is there already is not overwritten by those who never saw it."""
    kept.start()
    clients, homes = arrive(kept, ["a1", "a2", "a3"])
    for client in clients.values():
        client.close()
    wait_written(kept, 3)
    other = kept.directory / "other"
    kept.kill_usher()
    other.write_bytes(kept.file.read_bytes())
    kept.file.unlink()
    restart_usher(kept)
    keep(kept, "100ms", other)
    reload(kept)
    kept.usher.wait_log(rf"sticky file read path={other} entries=3 ")
    for name, home in homes.items():
        assert back(kept, name) == ("sticky", home)
