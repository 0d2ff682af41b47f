"""HAProxy's runtime socket, served by usher proxy: the same commands to both, the same answers.

What differs on purpose stands in DIFFERENT here and in docs/runtime.md.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import termios
import time

import pytest

import mqtt
import operators
from lab import Lab, wait_for

# Columns of `show stat` that need not be equal, and why.
DIFFERENT = {
    "lastchg", "downtime", "lastsess",  # seconds: the two were not started at once
    "qtime", "ctime", "ttime", "check_duration",  # ms, measured
    "rate", "rate_max", "conn_rate", "conn_rate_max",  # a second may end between two clients
    "qtime_max", "ctime_max", "rtime_max", "ttime_max",  # not kept
    "need_conn_est", "used_conn_cur",  # HAProxy counts its checks, too
    "chkfail", "chkdown",  # HAProxy starts servers one check before the edge, at another time
    "addr",  # of the server that is down: the port is another
}
MODULES = re.compile("(ssl|h1|h2)_")  # HAProxy counts what its muxes do, usher has none


@pytest.fixture(scope="module")
def sides():
    with Lab() as one:
        yield operators.start_both(one)


@pytest.fixture
def ours():
    with Lab() as one:
        one.start_brokers()
        side = operators.start_usher(one)
        side.wait_status("gone", "DOWN")
        yield side


def masked(text):
    """An answer without what cannot be equal."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    text = re.sub(r"\[\d\d/\w+/\d+:[\d:.]+\]", "[date]", text)
    return re.sub(r"exp=\d+", "exp=", text)


# ---- show stat ------------------------------------------------------------------------------


def row_differences(real, ours):
    """Servers are checked ten times a second: one that is being checked now has a star."""
    assert list(real) == list(ours)
    return [(row, column, real[row][column], ours[row][column])
            for row in real for column in real[row]
            if row[0] != "stats" and column not in DIFFERENT and not MODULES.match(column)
            # HAProxy's threads count a client of a frontend before they have it.
            and (row[1], column) != ("FRONTEND", "smax")
            and real[row][column] != ours[row][column]]


def test_the_same_traffic_makes_the_same_rows(sides):
    for side in sides:
        # Whoever knocked to see whether it listens has gone.
        wait_for(lambda s=side: s.row("mqtt", "FRONTEND")["scur"] == "0", "the door to be free")
        for n in range(6):
            assert mqtt.visit(side.ports["mqtt"], f"same-{n}") == 0
            wait_for(lambda s=side: s.row("mqtt", "FRONTEND")["scur"] == "0", "it to go")
    wait_for(lambda: not row_differences(*(side.rows() for side in sides)), "the same rows")


def test_the_header_is_the_same_byte_for_byte(sides):
    real, ours = (side.ask("show stat").splitlines()[0] for side in sides)
    assert real == ours


def test_held_clients_are_counted(sides):
    for side in sides:
        before = int(side.row("mqtt", "FRONTEND")["scur"])
        held = [mqtt.connect(side.ports["mqtt"], f"held-{n}") for n in range(4)]
        rows = side.rows()
        assert rows["mqtt", "FRONTEND"]["scur"] == str(before + 4)
        assert rows["brokers", "BACKEND"]["scur"] == str(before + 4)
        assert sum(int(rows["brokers", s]["scur"]) for s in ("a", "b", "tail")) == before + 4
        assert side.info()["CurrConns"] >= "4"
        for client in held:
            client.close()
        wait_for(lambda s=side, n=before: s.row("mqtt", "FRONTEND")["scur"] == str(n), "ends")


@pytest.mark.parametrize("command", ["show stat json", "show info json"])
def test_json_has_the_same_fields_types_and_tags(sides, command):
    forms = []
    for side in sides:
        text = side.ask(command)
        if command == "show info json":
            forms.append([(f["field"], f["tags"], f["value"]["type"]) for f in json.loads(text)])
        else:
            form, _ = operators.fields_of_json(text)
            forms.append({k: v for k, v in form.items() if not k[3].endswith("_max")
                          or v[0] < 90})
    if isinstance(forms[0], dict):
        # The page's own frontend counts no sessions in usher.
        stats = max(key[1] for key in forms[0])
        forms = [{k: v for k, v in form.items() if k[1] != stats} for form in forms]
    assert forms[0] == forms[1]


@pytest.mark.parametrize("command", [
    "show stat 4 2 -1", "show stat -1 4 -1", "show stat -1 1 -1", "show stat brokers 7 -1",
    "show stat -1 4 2", "show stat nope 7 -1", "show stat up", "show stat no-maint",
    "show stat 99 7 -1"])
def test_rows_can_be_chosen(sides, command):
    chosen = [[line.split(",")[:2] for line in side.ask(command).splitlines()] for side in sides]
    assert chosen[0] == chosen[1]


def test_addresses_are_for_operators(sides):
    for side in sides:
        rows = side.rows(side.ask("show stat", level="user"))
        assert rows["brokers", "a"]["addr"] == rows["brokers", "BACKEND"]["algo"] == ""
        assert side.row("brokers", "a")["addr"].startswith("127.0.0.1:")


def test_typed_rows_are_the_same(sides):
    lines = [[line for line in side.ask("show stat typed").splitlines()
              if line and line.split(".")[4] in ("pxname", "svname", "scur", "status", "weight", "act",
                                        "algo", "type", "rate_lim", "slim", "mode")
              and not line.startswith("F.6.")]
             for side in sides]
    assert lines[0] == lines[1]


# ---- one command, both answers ----------------------------------------------------------------

EQUAL = """
show servers state nope
show servers conn nope
show table nope
show table seen data.foo gt 1
show table seen data.gpc1 gt 1
show table seen data.gpc0 xx 1
show table seen data.gpc0 gt
show table seen data.gpc0 gt 1x
show table seen foo
show table seen key
show table pinned key none
set table seen key 192.0.2.1 data.gpc0 5
set table seen key 192.0.2.1 data.foo 5
set table seen key 192.0.2.1 data.gpc1 5
set table seen key 192.0.2.1 data.gpc0 x
set table seen key 192.0.2.1 gpc0 1
set table seen key
set table seen
set table
clear table seen key 192.0.2.1
clear table seen key 192.0.2.9
clear table nope
clear table
set table pinned key one
show table pinned key one
clear table pinned key one
set server
set server brokers
set server brokers/
set server brokers/nope state ready
set server nope/a state ready
set server brokers/a state
set server brokers/a state foo
set server brokers/a health
set server brokers/a health foo
set server brokers/tail health up
set server brokers/a weight
set server brokers/a weight 300
set server brokers/a weight foo
set server brokers/a weight 1
set server brokers/a addr
set server brokers/a addr foo
set server brokers/gone addr 127.0.0.1
get weight brokers/b
get weight brokers
get weight brokers/nope
get weight nope/a
set weight brokers/b 25
get weight brokers/b
set weight brokers/b 100%
get weight brokers/b
set weight brokers/b foo
set weight
set weight brokers/nope 4
set maxconn server brokers/b
set maxconn server brokers/b 10
set maxconn server brokers/b foo
set maxconn server brokers/nope 4
set maxconn server
enable server brokers/nope
disable server
disable server nope/x
shutdown session
shutdown session foo
shutdown session 0x1234
shutdown sessions server
shutdown sessions server brokers
shutdown sessions server brokers/a
show sess 0x12
show errors
show errors nope
show backend
show cli level
set timeout cli 10
set timeout cli
set timeout
set timeout foo
quit
user;show cli level
operator;disable server brokers/a
show cli level;;show cli level
show cli level \\; foo
  show   cli  level
"""


@pytest.mark.parametrize("command", EQUAL.strip("\n").splitlines())
def test_same_command_same_answer(sides, command):
    real, ours = (masked(side.ask(command)) for side in sides)
    if ";;" in command:  # the list of commands is another
        real, ours = (re.sub(r"(?m)^  .*\n", "", answer) for answer in (real, ours))
    assert real == ours


LEVELS = ["show stat", "show info", "show servers state", "show servers conn", "show errors",
          "disable server brokers/off", "set server brokers/off state maint", "show table seen",
          "clear table seen key 192.0.2.1", "set table seen key 192.0.2.1", "show sess 0x1",
          "shutdown session 0x1", "set weight brokers/b 50", "get weight brokers/b",
          "set maxconn server brokers/b 10", "show cli level", "show backend",
          "shutdown sessions server brokers/off"]


@pytest.mark.parametrize("level", ["user", "operator", "admin"])
@pytest.mark.parametrize("command", LEVELS)
def test_levels_are_enforced(sides, command, level):
    real, ours = (side.ask(command, level) for side in sides)
    assert (real == "Permission denied\n\n") == (ours == "Permission denied\n\n"), (real, ours)
    assert ("insufficient privileges" in real) == ("insufficient privileges" in ours)


def test_servers_state_is_the_same(sides):
    """Ten times a second each server is being checked just now, here or there: not at all times."""
    def differences():
        real, ours = (side.servers() for side in sides)
        assert list(real) == list(ours)
        different = {(name, k): (v, ours[name][k]) for name, row in real.items()
                     for k, v in row.items()
                     if v != ours[name][k] and k != "srv_time_since_last_change"}
        for name in ("gone", "off"):
            different.pop((name, "srv_port"), None)
        return different

    wait_for(lambda: not differences(), "the same states")


def test_unknown_commands_are_told_what_there_is(sides):
    for side in sides:
        assert side.ask("show nothing").startswith(
            "Unknown command, but maybe one of the following ones is a better match:\n")
        assert "\n  show stat " in side.ask("show nothing")
        assert side.ask("").startswith(
            "Unknown command. Please enter one of the following commands only:\n")
        assert side.ask("help").startswith("The following commands are valid at this level:\n")


# ---- operating --------------------------------------------------------------------------------

STATES = [
    ("set server brokers/b state drain", "b", "DRAIN", "2", "8"),
    ("set server brokers/b state ready", "b", "UP", "2", "0"),
    ("set server brokers/b state maint", "b", "MAINT", "0", "1"),
    ("enable server brokers/b", "b", r"UP( \d/3)?", "[12]", "0"),
    ("set server brokers/a state maint", "tail", r"MAINT \(via brokers/a\)", "0", "2"),
    ("set server brokers/a state ready", "tail", r"UP( \d/3)?", "[12]", "0"),
    ("set server brokers/spare health down", "spare", "DOWN", "0", "0"),
    ("set server brokers/spare health up", "spare", "no check", "2", "0"),
    ("set server brokers/b weight 0", "b", r"UP", "2", "0"),
    ("set server brokers/b weight 100%", "b", r"UP", "2", "0"),
    ("set server brokers/off state ready", "off", "no check", "2", "4"),
    ("disable server brokers/off", "off", "MAINT", "0", "5"),
]


def test_states_change_alike(sides):
    for command, name, status, op_state, admin in STATES:
        for side in sides:
            assert side.ask(command) == "\n"
            side.wait_status(name, status)
            row = side.servers("brokers")[name]
            assert re.fullmatch(op_state, row["srv_op_state"]), (command, row)
            assert row["srv_admin_state"] == admin, (command, row)


def test_drained_server_gets_nobody_new_and_keeps_its_clients(ours):
    held = [mqtt.connect(ours.ports["mqtt"], f"held-{n}") for n in range(4)]
    before = int(ours.row("brokers", "a")["scur"])
    ours.ask("set server brokers/a state drain")
    for n in range(4):
        assert mqtt.visit(ours.ports["mqtt"], f"new-{n}") == 0
    row = ours.row("brokers", "a")
    assert (row["status"], row["scur"]) == ("DRAIN", str(before))
    for client in held:
        client.ping()
        client.close()


def test_new_address_is_where_clients_go(ours):
    port_of_a = ours.row("brokers", "a")["addr"].split(":")[1]
    assert ours.ask(f"set server brokers/off addr 127.0.0.1 port {port_of_a}") == (
        f"no need to change the addr, port changed from '{ours.ports['gone']}' to "
        f"'{port_of_a}' by 'stats socket command'\n\n")
    ours.ask("set server brokers/off state ready; disable server brokers/a; "
             "disable server brokers/b; disable server brokers/tail")
    assert mqtt.visit(ours.ports["mqtt"], "moved") == 0
    assert ours.row("brokers", "off")["stot"] == "1"


def test_maxconn_of_a_server_changes_at_once(ours):
    ours.ask("set maxconn server brokers/b 1")
    assert ours.row("brokers", "b")["slim"] == "1"
    ours.ask("set server brokers/b weight 40")
    assert ours.row("brokers", "b")["slim"] == "1"


def test_sessions_are_shown_and_ended(ours):
    client = mqtt.connect(ours.ports["mqtt"], "shown")
    shown = wait_for(lambda: ours.ask("show sess").strip(), "the session")
    row = re.fullmatch(r"(0x[0-9a-f]+): proto=tcpv4 src=127\.0\.0\.1:\d+ fe=mqtt be=brokers "
                       r"srv=(a|b|tail) ts=\S+ .*", shown)
    assert row, shown
    assert f"server={row[2]} (id=" in ours.ask(f"show sess {row[1]}")
    assert ours.ask(f"shutdown session {row[1]}") == "\n"
    assert client.is_closed()
    wait_for(lambda: ours.ask("show sess") == "\n", "the end of the session")


def test_sessions_of_a_server_are_ended(ours):
    clients = [mqtt.connect(ours.ports["mqtt"], f"c{n}") for n in range(4)]
    for server in ("a", "b", "tail"):
        assert ours.ask(f"shutdown sessions server brokers/{server}") == "\n"
    assert all(client.is_closed() for client in clients)


def test_sessions_of_all_workers_are_shown(ours, count):
    n = count(50, 250)  # the frontend takes 300
    clients = [mqtt.connect(ours.ports["mqtt"], f"c{i}") for i in range(n)]
    assert len(ours.ask("show sess").strip().splitlines()) == n
    for client in clients:
        client.close()


def test_tables_are_shown_with_what_rules_track(ours):
    client = mqtt.connect(ours.ports["mqtt"], "tracked")
    assert re.fullmatch(
        r"# table: seen, type: ip, size:1024, used:1\n"
        r"0x[0-9a-f]+: key=127\.0\.0\.1 use=1 exp=\d+ gpc0=0 conn_cnt=1 conn_rate\(60000\)=1 "
        r"conn_cur=1 bytes_in_cnt=\d+\n\n", ours.ask("show table seen"))
    assert ours.ask("show table seen data.conn_cur gt 1").count("\n") == 2
    assert ours.ask("clear table seen key 127.0.0.1") == (
        "Entry currently in use, cannot remove\n\n")
    client.close()


# ---- the connection ---------------------------------------------------------------------------

CONVERSATIONS = {
    "two on a line": "show cli level;show cli level\n",
    "two lines": "show cli level\nshow cli level\n",
    "prompt stays": "prompt\nshow cli level\nquit\n",
    "prompt on a line with others": "prompt;show cli level;quit\n",
    "prompt twice is none": "prompt\nprompt\nshow cli level\n",
    "carriage returns": "show cli level\r\n",
    "quit in the middle": "show cli level; quit; show cli level\n",
    "level stays lowered": "prompt\noperator\nset weight brokers/b 1\nquit\n",
    "payload is skipped": "show cli level <<\nfoo\n\n",
}


@pytest.mark.parametrize("text", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_conversations_are_the_same(sides, text):
    real, ours = (side.ask(text, raw=True) for side in sides)
    assert real == ours


def test_line_without_end_is_no_command(sides):
    for side in sides:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(side.directory / "admin.sock"))
            s.sendall(b"show cli level")
            s.shutdown(socket.SHUT_WR)
            assert s.recv(100) == b""


def test_who_says_nothing_is_sent_away(ours):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(ours.directory / "admin.sock"))
        s.sendall(b"prompt\nset timeout cli 1\n")
        answer = b""
        while piece := s.recv(100):
            answer += piece
        assert answer == b"\n> \n> "


def test_mode_of_the_socket_is_the_files(ours):
    assert (ours.directory / "admin.sock").stat().st_mode & 0o777 == 0o600


def test_states_survive_a_reload(ours):
    ours.ask("set server brokers/b state drain")
    ours.ask("set server brokers/a weight 7")
    changed = int(ours.row("brokers", "gone")["chkdown"])
    ours.process.send_signal(signal.SIGHUP)
    ours.process.wait_log("reload done")
    rows = ours.rows()
    assert rows["brokers", "b"]["status"] == "DRAIN"
    assert rows["brokers", "a"]["weight"] == "7"
    assert int(rows["brokers", "gone"]["chkdown"]) == changed


# ---- other people's tools ---------------------------------------------------------------------


def hatop_screen(path, wanted, seconds=20):
    """What hatop draws until all of these words were seen."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        os.environ.update(TERM="xterm")
        os.execvp("hatop", ["hatop", "-s", str(path), "-i", "1"])
    drawn, deadline = b"", time.monotonic() + seconds * operators.SLOW
    try:
        while time.monotonic() < deadline and not all(w in drawn for w in wanted):
            if select.select([terminal], [], [], 0.5)[0]:
                try:
                    drawn += os.read(terminal, 65536)
                except OSError:
                    break
        os.write(terminal, b"q")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)
    return drawn


def test_hatop_shows_the_servers(ours):
    drawn = hatop_screen(ours.directory / "admin.sock", [b"brokers", b"gone", b"spare", b"DOWN"])
    for word in (b"brokers", b"gone", b"spare", b"DOWN", b"MAINT"):
        assert word in drawn, drawn[-3000:]
