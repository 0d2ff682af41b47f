"""What `usher proxy` sends to the file's `log` targets, line by line against a real HAProxy.

One file for both, one frontend a scenario: its `log-tag` says which one a line belongs to. Dates,
ports and durations are masked; levels, names, flags, counts and bytes are not.
"""

import collections
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

import lab as laboratory
from lab import free_port, wait_for

pytestmark = pytest.mark.skipif(
    "HAProxy version 2.6." not in subprocess.run(["haproxy", "-v"], capture_output=True, text=True,
                                                 check=False).stdout,
    reason="the lines are those of HAProxy 2.6")

# Frontends listen where no other test does: a listener's port is not held while nobody is there.
HOST = f"127.{64 + (os.getpid() >> 8) % 128}.{os.getpid() % 256}.1"

# One thread: several of HAProxy's reach for a newcomer, and each counts it until it has lost.
HEAD = """
global
    nbthread 1
    stats socket {directory}/admin.sock
defaults
    mode tcp
    timeout connect 5s
    timeout client 10s
    timeout server 10s
"""


# ---- masks ---------------------------------------------------------------------------------------

MASKS = (
    (r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d(\.\d{3})?( [+-]\d{4})?", "DATE"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", "ISO"),
    (r"\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b", "SYSLOG"),
    (r"\[\d+\]:", "[PID]:"),
    (r"(127\.0\.0\.1|HOST):\d+", r"\1:PORT"),
    (r" \d+/(-1|\d+)/(\+?)\d+ ", r" TW/\1/\2TT "),
    (r" (-1|TW)/\d+/", r" \1/TC/"),
    (r" -1/-1/(\+?)\d+ ", r" -1/-1/\1TT "),
    (r"duration: \d+ms", "duration: MS"),
    (r"\b(cp|fp|bp|sp|Tw|Tc|Tt|Th|Tu|rt|Ts|ms|pid|dport|hex|fid|bid)=(\+?)[0-9A-F:/]+", r"\1=\2N"),
)


def masked(line):
    line = line.replace(HOST, "HOST")
    for pattern, text in MASKS:
        line = re.sub(pattern, text, line)
    return line


# ---- those who hear ------------------------------------------------------------------------------

class Receiver:
    """A datagram socket, and all that arrived there."""

    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.where = str(path) if path else "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.socket.setblocking(False)
        self.lines = []

    def take(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.lines.append(self.socket.recv(70000).decode())
        return self.lines

    def close(self):
        self.socket.close()


# ---- servers and clients -------------------------------------------------------------------------

def reset(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def echo(client):
    while data := client.recv(1000):
        client.sendall(data)


def say_hi(client):
    client.sendall(b"hi")


def be_mute(client):
    with contextlib.suppress(OSError):
        while client.recv(1000):
            pass
        client.recv(1)


def slam(client):
    client.recv(10)
    reset(client)


def half_close(client):
    client.sendall(b"x")
    client.shutdown(socket.SHUT_WR)
    client.recv(10)


class Servers:
    """One of each kind, and places where nobody is."""

    def __init__(self):
        self.listeners = []
        self.ports = {name: self.listen(act) for name, act in
                      (("echo", echo), ("hi", say_hi), ("mute", be_mute), ("slam", slam),
                       ("half", half_close))}
        self.ports["dead"] = self.refuse()
        self.ports["black"] = self.black_hole()

    def listen(self, act):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listeners.append(listener)

        def serve(client):
            with client, contextlib.suppress(OSError):
                act(client)

        def run():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1]

    def refuse(self):
        """A port that is held, so that nobody else comes to listen there."""
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        self.listeners.append(holder)
        return holder.getsockname()[1]

    def black_hole(self):
        """Its backlog is full: further SYNs get no answer."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.listeners.append(listener)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self.listeners.append(filler)
        return listener.getsockname()[1]

    def close(self):
        for listener in self.listeners:
            listener.close()


def connect(port):
    client = socket.create_connection((HOST, port))
    client.settimeout(10)
    return client


def read_all(client):
    with contextlib.suppress(OSError):
        while client.recv(100):
            pass
    client.close()


def listen_only(port, _):
    read_all(connect(port))


def ping(port, _):
    client = connect(port)
    client.sendall(b"abc")
    assert client.recv(10) == b"abc"
    client.close()


def ping_half_closed(port, _):
    client = connect(port)
    client.sendall(b"abc")
    client.shutdown(socket.SHUT_WR)
    read_all(client)


def ping_reset(port, _):
    client = connect(port)
    client.sendall(b"abc")
    client.recv(10)
    reset(client)


def send_and_listen(port, _):
    client = connect(port)
    client.sendall(b"abc")
    read_all(client)


def hear_and_stay(port, lines):
    client = connect(port)
    client.recv(1)
    lines()
    client.close()


def leave(data=b"", how=socket.socket.close):
    """Gone a moment later, without having waited for anything."""
    def play(port, _):
        client = connect(port)
        if data:
            client.sendall(data)
        time.sleep(0.1)  # it stays in the state that it shall be seen leaving from
        how(client)
    return play


def queued(play):
    """While another one has the server's only place."""
    def both(port, lines):
        first = connect(port)
        first.sendall(b"a")
        first.recv(1)
        play(port, lines)
        lines()
        first.close()
    return both


def queued_and_served(port, _):
    first, second = connect(port), None
    first.sendall(b"a")
    first.recv(1)
    second = connect(port)
    second.sendall(b"q")
    time.sleep(0.1)  # it waits
    first.close()
    second.recv(1)
    second.close()


Scenario = collections.namedtuple("Scenario", "front back play n")
TCPLOG = "option tcplog"
INSPECT = "option tcplog\n tcp-request inspect-delay 400ms\n" \
    " tcp-request content accept if { req.len gt 10 }"
ALL = (r"log-format ci=%ci,cp=%cp,fi=%fi,fp=%fp,f=%f,ft=%ft,b=%b,s=%s,bi=%bi,bp=%bp,si=%si,sp=%sp,"
       r"Tw=%Tw,Tc=%Tc,Tt=%Tt,Th=%Th,Tu=%Tu,B=%B,U=%U,ts=%ts,ac=%ac,fc=%fc,bc=%bc,sc=%sc,rc=%rc,"
       r"sq=%sq,bq=%bq,ID=%ID,lc=%lc,rt=%rt,t=%t,T=%T,Tl=%Tl,Ts=%Ts,ms=%ms,H=%H,pid=%pid,"
       r"src=%[src],dst=%[dst],be=%[be_name],srv=%[srv_name],fe=%[fe_name],fid=%[fe_id],"
       r"bid=%[be_id],sid=%[srv_id],var=%[var(txn.x)],bcs=%[bc_src],bcd=%[bc_dst],"
       r"dport=%[bc_dst_port],conn=%[fe_conn],hex=%{+X}ci:%{+X}cp,q=%{+Q}b,n=%[sc0_conn_cur]")
TRACK = "\n stick-table type ip size 10 store conn_cur\n tcp-request connection track-sc0 src"

SCENARIOS = {
    # how it went
    "server_ends": Scenario(TCPLOG, "server s {hi}", listen_only, 1),
    "client_ends": Scenario(TCPLOG, "server s {echo}", ping, 1),
    "client_half_closes": Scenario(TCPLOG, "server s {echo}", ping_half_closed, 1),
    "client_resets": Scenario(TCPLOG, "server s {echo}", ping_reset, 1),
    "server_resets": Scenario(TCPLOG, "server s {slam}", send_and_listen, 1),
    "client_timeout": Scenario(TCPLOG + "\n timeout client 200ms", "server s {mute}",
                               send_and_listen, 1),
    "server_timeout": Scenario(TCPLOG, "timeout server 200ms\n server s {mute}",
                               send_and_listen, 1),
    "server_timeout_and_silence": Scenario(TCPLOG, "timeout server 200ms\n server s {mute}",
                                           listen_only, 1),
    "client_timeout_half_closed": Scenario(TCPLOG + "\n timeout client 200ms", "server s {half}",
                                           hear_and_stay, 1),
    # no server
    "disabled": Scenario(TCPLOG, "server s {echo} disabled", listen_only, 1),
    "no_server": Scenario(TCPLOG, "", listen_only, 1),
    "dead_and_retried": Scenario(TCPLOG, "timeout connect 100ms\n server s {dead}", listen_only, 1),
    "dead": Scenario(TCPLOG, "retries 0\n server s {dead}", listen_only, 1),
    "redispatched": Scenario(TCPLOG, "option redispatch 1\n server s {dead}\n server t {hi}",
                             listen_only, 1),
    "connect_timeout": Scenario(TCPLOG, "retries 1\n timeout connect 150ms\n server s {black}",
                                listen_only, 1),
    # the client leaves
    "leaves_dial": Scenario(TCPLOG, "retries 0\n timeout connect 400ms\n server s {black}",
                            leave(), 1),
    "leaves_dial_data": Scenario(TCPLOG, "retries 0\n timeout connect 400ms\n server s {black}",
                                 leave(b"abc"), 1),
    "leaves_dial_abortonclose": Scenario(
        TCPLOG, "option abortonclose\n retries 0\n timeout connect 400ms\n server s {black}",
        leave(b"abc"), 1),
    "resets_dial": Scenario(TCPLOG, "retries 0\n timeout connect 400ms\n server s {black}",
                            leave(how=reset), 1),
    "leaves_inspect": Scenario(INSPECT, "server s {echo}", leave(), 1),
    "leaves_inspect_data": Scenario(INSPECT, "server s {echo}", leave(b"abc"), 1),
    "resets_inspect": Scenario(INSPECT, "server s {echo}", leave(how=reset), 1),
    "resets_inspect_data": Scenario(INSPECT, "server s {echo}", leave(b"abc", reset), 1),
    "leaves_queue": Scenario(TCPLOG, "server s {echo} maxconn 1", queued(leave()), 2),
    "resets_queue": Scenario(TCPLOG, "server s {echo} maxconn 1", queued(leave(how=reset)), 2),
    "leaves_queue_abortonclose": Scenario(
        TCPLOG, "option abortonclose\n server s {echo} maxconn 1", queued(leave()), 2),
    # queues
    "queue_timeout": Scenario(TCPLOG, "timeout queue 200ms\n server s {echo} maxconn 1",
                              queued(listen_only), 2),
    "queue_served": Scenario(TCPLOG, "server s {echo} maxconn 1", queued_and_served, 2),
    # rules
    "connection_reject": Scenario(TCPLOG + "\n tcp-request connection reject", "server s {echo}",
                                  listen_only, 0),
    "session_reject": Scenario(TCPLOG + "\n tcp-request session reject", "server s {echo}",
                               listen_only, 0),
    "content_reject": Scenario(TCPLOG + "\n tcp-request content reject", "server s {echo}",
                               listen_only, 1),
    "content_reject_late": Scenario(INSPECT + "\n tcp-request content reject", "server s {echo}",
                                    listen_only, 1),
    "backend_reject": Scenario(TCPLOG, "tcp-request content reject\n server s {echo}",
                               listen_only, 1),
    # what is logged at all, and when, and how loud
    "default": Scenario("", "server s {echo}", ping, 1),
    "default_null_normal": Scenario("option dontlognull\n option dontlog-normal", "server s {hi}",
                                    listen_only, 1),
    "default_rejected": Scenario("tcp-request content reject", "server s {hi}", listen_only, 1),
    "no_sums": Scenario("log-format %ci\\ %b/%s", "server s {echo}", ping, 1),
    "no_sums_null": Scenario("log-format %ci\\ %b/%s\n option dontlognull", "server s {hi}",
                             listen_only, 1),
    "no_sums_normal": Scenario("log-format %ci\\ %b/%s\n option dontlog-normal", "server s {hi}",
                               listen_only, 0),
    "no_sums_dead": Scenario("log-format %ci\\ %b/%s\n option log-separate-errors",
                             "retries 0\n server s {dead}", listen_only, 1),
    "null": Scenario(TCPLOG + "\n option dontlognull", "server s {hi}", listen_only, 0),
    "null_data": Scenario(TCPLOG + "\n option dontlognull", "server s {echo}", ping, 1),
    "null_rejected": Scenario(TCPLOG + "\n option dontlognull\n tcp-request content reject",
                              "server s {echo}", listen_only, 0),
    "normal": Scenario(TCPLOG + "\n option dontlog-normal", "server s {echo}", ping, 0),
    "normal_dead": Scenario(TCPLOG + "\n option dontlog-normal", "retries 0\n server s {dead}",
                            listen_only, 1),
    "normal_rejected": Scenario(TCPLOG + "\n option dontlog-normal\n tcp-request content reject",
                                "server s {echo}", listen_only, 1),
    "normal_redispatched": Scenario(TCPLOG + "\n option dontlog-normal",
                                    "option redispatch 1\n server s {dead}\n server t {hi}",
                                    listen_only, 1),
    "errors": Scenario(TCPLOG + "\n option log-separate-errors", "server s {echo}", ping, 1),
    "errors_dead": Scenario(TCPLOG + "\n option log-separate-errors",
                            "retries 0\n server s {dead}", listen_only, 1),
    "errors_redispatched": Scenario(TCPLOG + "\n option log-separate-errors",
                                    "option redispatch 1\n server s {dead}\n server t {hi}",
                                    listen_only, 1),
    "asap": Scenario(TCPLOG + "\n option logasap", "server s {echo}", ping, 1),
    "asap_dead": Scenario(TCPLOG + "\n option logasap", "retries 0\n server s {dead}",
                          listen_only, 1),
    "asap_null": Scenario(TCPLOG + "\n option logasap\n option dontlognull", "server s {hi}",
                          listen_only, 1),
    "error_format": Scenario(TCPLOG + "\n error-log-format ERR", "retries 0\n server s {dead}",
                             listen_only, 1),
    # every variable
    "all": Scenario(ALL + TRACK + "\n tcp-request content set-var(txn.x) str(foo)",
                    "server s {echo}", ping, 1),
    "all_no_server": Scenario(ALL + TRACK, "", listen_only, 1),
    "all_rejected": Scenario(ALL + TRACK + "\n tcp-request content reject", "server s {echo}",
                             listen_only, 1),
    "all_dead": Scenario(ALL + TRACK, "retries 0\n server s {dead}", listen_only, 1),
    "all_early": Scenario(ALL + TRACK + "\n option logasap", "server s {mute}", leave(), 1),
}


# ---- a door, a file, some targets ----------------------------------------------------------------

@contextlib.contextmanager
def carried(door, text):
    """A laboratory where this door carries the clients of a file."""
    with laboratory.Lab(brokers=0) as lab:
        lab.config = lab.directory / "log.cfg"
        lab.config.write_text(HEAD.format(directory=lab.directory) + text)
        if door == "proxy":
            lab.start_usher(command="proxy")
        else:
            lab.haproxy = laboratory.HAProxy(lab.directory, lab.config, lab.env()).start()
            wait_for(lambda: lab.alive(lab.haproxy.process) and answers(lab.haproxy), "HAProxy")
        yield lab


def answers(haproxy):
    with contextlib.suppress(OSError):
        return "Pid:" in haproxy.ask("show info")


def scenario_text(name, port, servers, where):
    scenario = SCENARIOS[name]
    back = scenario.back.format(**{k: f"127.0.0.1:{p}" for k, p in servers.ports.items()})
    return (f"frontend {name}\n bind {HOST}:{port}\n"
            f" log {where} len 2048 format rfc3164 local0\n log-tag {name}\n"
            f" {scenario.front}\n default_backend b_{name}\n"
            f"backend b_{name}\n {back}\n")


PROBE = """
frontend probe
    bind {host}:{port}
    log {where} format raw local0
    log-format probe=%ac
    default_backend b_probe
backend b_probe
    server s {hi}
"""


def play_all(door):
    """{scenario: its lines, masked}"""
    servers, udp = Servers(), Receiver()
    ports, probe = {name: free_port() for name in SCENARIOS}, free_port()
    found = collections.defaultdict(list)

    def is_quiet():
        """Are all sessions over, but for this one? Each scenario counts from there."""
        listen_only(probe, None)
        wait_for(lambda: ["", *udp.take()][-1].startswith("probe="), "the probe's line")
        return udp.lines.pop() == "probe=1\n"

    def lines_of(name):
        return [line for line in udp.take() if f" {name}[" in line]

    def wait_lines(name, n):
        with contextlib.suppress(AssertionError):  # what is missing is told by the comparison
            wait_for(lambda: len(lines_of(name)) >= n, f"{n} lines of {name}", seconds=3)

    try:
        text = "".join(scenario_text(name, ports[name], servers, udp.where) for name in SCENARIOS)
        text += PROBE.format(host=HOST, port=probe, where=udp.where,
                             hi=f"127.0.0.1:{servers.ports['hi']}")
        with carried(door, text):
            for name, scenario in SCENARIOS.items():
                wait_for(is_quiet, "all sessions to end")
                scenario.play(ports[name], lambda n=name: wait_lines(n, 1))
                wait_lines(name, scenario.n)
        for name in SCENARIOS:
            found[name] = sorted(masked(line) for line in lines_of(name))
    finally:
        servers.close()
        udp.close()
    return found


@pytest.fixture(scope="module")
def haproxys():
    return play_all("haproxy")


@pytest.fixture(scope="module")
def ushers():
    return play_all("proxy")


@pytest.mark.parametrize("name", SCENARIOS)
def test_haproxy_plays_the_scenario(haproxys, name):
    """The comparison below is of lines that are there."""
    assert len(haproxys[name]) == SCENARIOS[name].n, haproxys[name]


@pytest.mark.parametrize("name", SCENARIOS)
def test_line_is_haproxys(haproxys, ushers, name):
    assert ushers[name] == haproxys[name]


# ---- targets -------------------------------------------------------------------------------------

TARGETS = """
global
    log {udp} format {form} local0 info
    log {unix} len 100 local1 debug err
    log stdout format raw daemon
    log-send-hostname here
    log-tag mqtt
frontend f
    bind {host}:{port}
    log global
    log {udp} sample 2:2 user
    option tcplog
    log-format-sd %{{+Q,+E}}o\\ [usher@32473\\ be=%b\\ srv=%s]
    default_backend b
backend b
    server s 127.0.0.1:{echo}
"""


def lines_at_targets(door, form):
    servers, udp = Servers(), Receiver()
    directory = Path(tempfile.mkdtemp(prefix="usher-log-"))
    unix, port = Receiver(directory / "log"), free_port()
    try:
        text = TARGETS.format(host=HOST, udp=udp.where, unix=unix.where, form=form, port=port,
                              echo=servers.ports["echo"])
        with carried(door, text) as lab:
            process = lab.haproxy.process if lab.haproxy else lab.usher
            for n in (1, 2):
                ping(port, None)
                with contextlib.suppress(AssertionError):
                    wait_for(lambda n=n: len(unix.take()) >= n, "its line", seconds=3)
            with contextlib.suppress(AssertionError):
                wait_for(lambda: len(udp.take()) >= 3, "the sampled line", seconds=3)
            output = re.findall(r"(?m)^127\.0\.0\.1:.* b/s .*$", process.log())
    finally:
        servers.close()
        udp.close()
        unix.close()
        shutil.rmtree(directory)
    return {"udp": [masked(one) for one in udp.lines],
            "unix": [(len(one) <= 101, masked(one)[:60]) for one in unix.lines],
            "output": [masked(one) for one in output]}


@pytest.mark.parametrize("form", ("local", "rfc3164", "rfc5424", "priority", "short", "timed",
                                  "iso", "raw"))
def test_targets_get_what_haproxy_sends(form):
    theirs = lines_at_targets("haproxy", form)
    assert len(theirs["udp"]) == 3 and len(theirs["unix"]) == len(theirs["output"]) == 2, theirs
    ours = lines_at_targets("proxy", form)
    assert [re.sub(r" \d+ - ", " PID - ", line) for line in ours["udp"]] == \
        [re.sub(r" \d+ - ", " PID - ", line) for line in theirs["udp"]]
    assert ours["unix"] == theirs["unix"]
    assert ours["output"] == theirs["output"]


# ---- sentences -----------------------------------------------------------------------------------

SENTENCES = """
frontend f
    bind {host}:{port}
    log {where} local0
    log-tag front
    default_backend b
backend b
    log {where} local1
    option log-health-checks
    server s 127.0.0.1:{server} check inter 50ms fall 2 rise 2
"""


def sentences(door):
    udp, port = Receiver(), free_port()
    server = socket.create_server(("127.0.0.1", 0))
    try:
        text = SENTENCES.format(host=HOST, port=port, where=udp.where,
                                server=server.getsockname()[1])
        with carried(door, text) as lab:
            process = lab.haproxy.process if lab.haproxy else lab.usher
            address = server.getsockname()
            wait_for(lambda: any("3/3 UP" in line or "2/2 UP" in line for line in udp.take()),
                     "a check that succeeded")
            server.close()
            wait_for(lambda: any("no server available" in line for line in udp.take()), "its end")
            server = socket.create_server(address)
            wait_for(lambda: any("b/s is UP" in line for line in udp.take()), "its return")
            process.send_signal(signal.SIGUSR1)
            wait_for(lambda: any("Proxy b stopped" in line for line in udp.take()), "the stop")
            if lab.usher:
                lab.usher.child.wait(10)
    finally:
        server.close()
        udp.close()
    return [masked(line) for line in udp.lines]


def test_servers_come_and_go_in_haproxys_words():
    assert sentences("proxy") == sentences("haproxy")
