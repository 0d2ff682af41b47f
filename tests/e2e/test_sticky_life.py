"""How long a client keeps its broker: entries that outlive, expire, heal and stay apart.

Here alone time itself is the event: what must have expired is given more than its time to do so.
"""

import re
import signal
import socket
import threading
import time

import pytest

import mqtt
from conftest import DOORS
from lab import wait_for

ENDS_LINES = (
    '    log "${USHER_ENDS-127.0.0.1}:${USHER_ENDS_PORT-10514}" len 1024 format rfc5424 local1\n',
    r"    log-format-sd %{+Q,+E}o\ [usher@32473\ key=%[var(txn.usher.key)]\ be=%b\ srv=%s]"
    "\n")


class Ends:
    """Reports of session ends on their way from HAProxy to usher: seen, and lost if wished."""

    def __init__(self, lab):
        self.to = ("127.0.0.1", lab.ends_port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.keys, self.lose, self.over = [], False, False
        self.thread = threading.Thread(target=self.relay)
        self.thread.start()

    def relay(self):
        while True:
            datagram = self.socket.recv(8192)
            if self.over:
                return
            found = re.search(rb'\[usher@32473 key="([0-9a-f]{16})"', datagram)
            if not found:
                continue
            if not self.lose:
                self.socket.sendto(datagram, self.to)
            self.keys.append(found[1])

    def stop(self):
        self.over = True
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()

    def wait(self, n):
        wait_for(lambda: len(self.keys) >= n, f"{n} sessions to be reported as ended")


class OwnEnds:
    """Without HAProxy: usher sees them itself."""

    def __init__(self, lab):
        self.lab = lab

    def wait(self, n):
        wait_for(lambda: self.lab.usher.log().count("session closed") >= n, f"{n} sessions to end")


@pytest.fixture
def ends(lab):
    """The lab is started, with a relay where HAProxy believes usher to be."""
    if lab.door == "proxy":
        yield OwnEnds(lab.start())
        return
    relay = Ends(lab)
    lab.start_brokers()
    lab.start_usher()
    lab.extra_env["USHER_ENDS_PORT"] = str(relay.port)
    lab.start_haproxy()
    lab.wait_agent_up()
    lab.wait_brokers_up()
    lab.usher.wait_log("runtime socket answers")
    yield relay
    relay.stop()


def visit(lab, client_id):
    """Come and go; how the broker was found, and which."""
    assert mqtt.visit(lab.ports["mqtt"], client_id) == 0
    verdict = lab.verdicts(client_id)[-1]
    return verdict["reason"], verdict["server"]


@pytest.mark.doors(*DOORS)
@pytest.mark.policy({"stickiness": {"expire": "2s"}})
def test_entry_lives_as_long_as_its_sessions_and_expires_after_the_last_end(lab, ends):
    port = lab.ports["mqtt"]
    long, home = mqtt.connect(port, "long"), lab.where("long")
    once = mqtt.connect(port, "once")
    first, second = (mqtt.connect(port, "twice") for _ in range(2))
    assert first.is_closed(), "by the broker, since the same id came again"
    first.close()
    ends.wait(1)
    assert visit(lab, "short")[0] == "roundrobin"
    ends.wait(2)

    time.sleep(2.4)
    assert visit(lab, "short")[0] == "roundrobin", "gone longer than `expire`"
    long.ping()
    assert visit(lab, "long") == ("sticky", home), "a session longer than `expire` keeps it"
    assert visit(lab, "twice")[0] == "sticky", "one of its two sessions is still open"

    for client in (long, second, once):
        client.close()
    wait_for(lambda: not sessions_open(lab), "all to have gone")
    assert visit(lab, "once")[0] == "sticky", "`expire` counts from the end, not the beginning"
    wait_for(lambda: not sessions_open(lab), "all to have gone")

    time.sleep(2.4)
    for client_id in ("long", "twice", "once", "short"):
        assert visit(lab, client_id)[0] == "roundrobin"


def sessions_open(lab):
    """Clients that are still carried."""
    return lab.n_open()


@pytest.mark.policy({"stickiness": {"expire": "1s", "max_life": "3s"}})
def test_entry_whose_end_was_never_reported_heals(lab, ends):
    ends.lose = True
    _, home = visit(lab, "c")
    ends.wait(1)
    time.sleep(1.4)
    assert visit(lab, "c") == ("sticky", home), "usher believes it connected"
    ends.wait(2)
    time.sleep(3.4)
    assert visit(lab, "c")[0] == "roundrobin", "`max_life` after the last decision it is gone"


@pytest.mark.policy({"stickiness": {"expire": "1s", "max_life": "1h"}})
def test_nobody_reports_ends(lab):
    """Without those lines in haproxy.cfg `expire` counts from the last decision."""
    lab.edit_config(*((line, "") for line in ENDS_LINES))
    lab.start()
    with mqtt.connect(lab.ports["mqtt"], "c") as client:
        assert visit(lab, "c")[0] == "sticky"
        time.sleep(1.4)
        assert visit(lab, "c")[0] == "roundrobin"
    assert "session ends heard" not in lab.usher.log()


def test_each_session_is_reported_once(lab, ends, count):
    """By the key of its verdict, whatever it carried and however it ended."""
    n = count(20, 500)
    for i in range(n):
        client = mqtt.connect(lab.ports["mqtt"], f"c{i % 4}")
        client.send(mqtt.DISCONNECT if i % 2 else mqtt.PINGREQ)
        client.close()
    ends.wait(n)
    wait_for(lambda: not sessions_open(lab), "all to have gone")
    assert len(ends.keys) == n
    assert len(set(ends.keys)) == 4


def test_reports_that_make_no_sense(lab):
    """Anybody on this machine can send to that port: it must not matter."""
    lab.start()
    home = lab.place("c")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for datagram in (b"", b"\0" * 2000, b"<134>1 - - - - [usher@32473 key=\"xyz\"]",
                         b'[usher@32473 key="' + b"f" * 16 + b'" be="b" srv="s" ts="--"]',
                         b'[usher@32473 key="' + b"0" * 4000, b"[usher@32473 ", b"x" * 9000):
            s.sendto(datagram, ("127.0.0.1", lab.ends_port))
    assert lab.place("c") == home
    assert lab.verdicts("c")[-1]["reason"] == "sticky"


@pytest.mark.policy({"stickiness": {"expire": "2s"}})
def test_lines_for_session_ends_that_come_with_a_reload_are_heard(lab):
    whole = lab.config.read_text()
    lab.edit_config(*((line, "") for line in ENDS_LINES))
    lab.start()
    visit(lab, "before")
    lab.config.write_text(whole)
    lab.haproxy.reload()
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("session ends heard")
    lab.usher.wait_log("reload done")
    lab.wait_agent_up()
    visit(lab, "after")
    lab.usher.wait_log("session end key=")
    lab.edit_config(*((line, "") for line in ENDS_LINES))
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("session ends no longer heard")


@pytest.mark.policy({"stickiness": {"expire": "2s"}})
def test_ends_that_nobody_hears_are_not_waited_for(lab):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", lab.ends_port))
        lab.start()
        lab.usher.wait_log("session ends unheard")
        assert visit(lab, "x")[0] == "roundrobin"
        time.sleep(2.4)
        assert visit(lab, "x")[0] == "roundrobin", "expired from the last CONNECT"
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("session ends heard")
