"""usher proxy and everything that goes wrong: brokers that die, freeze or are full, clients that
send too slowly, read too slowly or are gone, and a machine without descriptors."""

import os
import random
import re
import select
import signal
import socket
import struct
import threading
import time

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from puppet import ACCEPTED, Puppet, client_id

PLAIN = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s

frontend plain
    bind "127.0.0.1:${{USHER_MQTT_PORT}}"
    default_backend brokers

backend brokers
{servers}"""


def start(lab, *options, user=None):
    lab.start_brokers()
    lab.start_usher(*options, command="proxy", user=user)
    return lab


def plain(lab, *servers, head=""):
    """One opaque frontend before addresses."""
    lab.config = lab.directory / "plain.cfg"
    lab.config.write_text(head + PLAIN.format(
        servers="".join(f"    server s{n} {s}\n" for n, s in enumerate(servers))))


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


# A broker that is full ----------------------------------------------------------------------------


class Crew:
    """Puppets that refuse a client at its first try, whoever gets it, and take it at the next.

    `refusals` says how often each client id is refused before that; ids not in it are taken.
    """

    def __init__(self):
        self.lock, self.refusals, self.tried = threading.Lock(), {}, {}

    def refuse(self, name, answer, times=1):
        self.refusals[name] = (answer, times)

    def answer(self, broker, connect):
        name = client_id(connect).decode()
        with self.lock:
            tried = self.tried.setdefault(name, [])
            tried.append((broker, connect))
            answer, times = self.refusals.get(name, (None, 0))
            return answer if len(tried) <= times else ACCEPTED_IN[connect[8]]

    def brokers_of(self, name):
        return [broker for broker, _ in self.tried.get(name, [])]


ACCEPTED_IN = {4: ACCEPTED, 5: b"\x20\3\0\0\0"}


def crew_lab(lab, *changes):
    lab.crew = Crew()
    lab.brokers = {n: Puppet(n, lambda c, n=n: lab.crew.answer(n, c)) for n in lab.brokers}
    if changes:
        lab.edit_config(*changes)
    return start(lab)


@pytest.fixture(scope="module")
def crew():
    with laboratory.Lab() as one:
        yield crew_lab(one)


def warm_up(lab, n=40):
    """New connections, of which replays may be a fifth."""
    for i in range(n):
        assert mqtt.visit(lab.ports["mqtt"], f"warm-{time.monotonic_ns()}-{i}") == 0


def refused_first(lab, prefix, answer, times, level, tries):
    """A client that needs `tries` tries, let in when the cap allows it: its id and its CONNACK."""
    def attempt():
        name = f"{prefix}-{time.monotonic_ns()}"
        lab.crew.refuse(name, answer, times)
        warm_up(lab, 10 * tries)
        with mqtt.Client(lab.ports["mqtt"]) as client:
            client.send(mqtt.connect_packet(name, level=level))
            answers = client.read_packet()
        made = len(lab.crew.brokers_of(name))
        assert made <= tries
        return (name, answers) if made == tries else None

    return wait_for(attempt, f"a client to be tried {tries} times", 30)


def v3(code):
    return bytes([0x20, 2, 0, code])


def v5(code):
    return bytes([0x20, 3, 0, code, 0])


REPLAYED = {
    "server_unavailable_3": (4, v3(3)),
    "server_unavailable_5": (5, v5(0x88)),
    "server_busy": (5, v5(0x89)),
    "use_another_server": (5, v5(0x9C)),
    "server_moved": (5, v5(0x9D)),
    "rate_exceeded": (5, v5(0x9F)),
    "use_another_server_with_reference": (5, b"\x20\x0a\0\x9c\x07\x1c\0\4away"),
    "closed_without_a_byte_3": (4, None),
    "closed_without_a_byte_5": (5, None),
}


@pytest.mark.parametrize("name", REPLAYED)
def test_full_broker_costs_the_client_nothing(crew, name):
    level, answer = REPLAYED[name]
    client, (first, body) = refused_first(crew, name, answer, 1, level, 2)
    assert (first, body[1]) == (0x20, 0)
    tried = crew.crew.brokers_of(client)
    assert len(set(tried)) == 2, "another one"
    assert len({connect for _, connect in crew.crew.tried[client]}) == 1, "the same CONNECT"


@pytest.mark.parametrize("level, code", [(4, c) for c in (1, 2, 4, 5)] + [(5, c) for c in (
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A,
    0x9B)])
def test_every_other_refusal_is_the_clients(crew, level, code):
    """Another broker would say the same."""
    name = f"refused-{level}-{code}"
    answer = v5(code) if level == 5 else v3(code)
    crew.crew.refuse(name, answer)
    warm_up(crew, 6)
    with mqtt.Client(crew.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet(name, level=level))
        assert client.receive(len(answer)) == answer
    assert len(crew.crew.brokers_of(name)) == 1


@pytest.mark.parametrize("level, answer", ((4, v3(3)), (5, v5(0x89))))
def test_last_refusal_is_told(crew, level, answer):
    """All three are full: each is asked once, and the client hears what the last one said."""
    name, (_, body) = refused_first(crew, f"all-full-{level}", answer, 9, level, 3)
    assert body == answer[2:]
    assert sorted(crew.crew.brokers_of(name)) == ["emqx1", "emqx2", "emqx3"]


def test_at_most_retries_replays(lab):
    crew_lab(lab, ("    retries 3\n", "    retries 1\n"))
    _, (_, body) = refused_first(lab, "all-full", v3(3), 9, 4, 2)
    assert body == b"\0\3"


def test_no_retries_no_replay(lab):
    crew_lab(lab, ("    retries 3\n", "    retries 0\n"))
    lab.crew.refuse("once", v3(3))
    warm_up(lab)
    assert mqtt.visit(lab.ports["mqtt"], "once") == 3
    assert len(lab.crew.brokers_of("once")) == 1


def test_client_stays_with_the_broker_that_took_it(crew):
    name, _ = refused_first(crew, "stays", v3(3), 1, 4, 2)
    home = crew.crew.brokers_of(name)[1]
    for _ in range(3):
        assert mqtt.visit(crew.ports["mqtt"], name) == 0
    assert crew.crew.brokers_of(name)[2:] == [home] * 3


def visits_of(lab, name):
    return [v for b in lab.brokers.values() for v in b.visits if v.client_id == name]


@pytest.mark.parametrize("answer", (v3(3), None), ids=("refused", "closed"))
def test_bytes_behind_the_connect_are_held_for_the_one_that_takes_it(crew, answer):
    """Sent in one segment, and more while nobody has answered: once, in order, to that one."""
    behind = mqtt.subscribe_packet("t") + mqtt.publish_packet("t", bytes(3000))

    def attempt():
        name = f"hasty-{time.monotonic_ns()}"
        crew.crew.refuse(name, answer)
        warm_up(crew, 20)
        with mqtt.Client(crew.ports["mqtt"]) as client:
            client.send(mqtt.connect_packet(name) + behind)
            client.send(mqtt.PINGREQ)
            if client.read_connack() != 0:
                return None
            client.send(mqtt.DISCONNECT)
            client.socket.shutdown(socket.SHUT_WR)
            client.read_rest()
        return name

    name = wait_for(attempt, "a replay")
    takes = visits_of(crew, name)
    assert len(takes) == 2
    wait_for(lambda: not any(v.is_open for v in takes), "both to be over")
    assert sorted((bytes(v.rest) for v in takes), key=len) \
        == [b"", behind + mqtt.PINGREQ + mqtt.DISCONNECT]


def test_slow_connack_is_no_evidence(lab):
    """Nobody is asked twice, however long it takes; the server keeps its place in the ring."""
    gate = threading.Event()
    lab.brokers = {n: Puppet(n) for n in lab.brokers}
    slow = lab.brokers["emqx2"]
    slow.answer = lambda connect: gate.wait(30) and ACCEPTED
    start(lab)
    clients = [mqtt.Client(lab.ports["mqtt"]) for _ in range(9)]
    for n, client in enumerate(clients):
        client.send(mqtt.connect_packet(f"c{n}"))
    others = [n for n in range(9) if f"c{n}" not in at(slow, 3)]
    for n in others:
        assert clients[n].read_connack() == 0
    assert not select.select([c.socket for n, c in enumerate(clients) if n not in others],
                             [], [], 1.5)[0], "they wait"
    gate.set()
    for n, client in enumerate(clients):
        if n not in others:
            assert client.read_connack() == 0
    assert [len(b.arrivals()) for b in lab.brokers.values()] == [3, 3, 3]
    for n in range(6):
        assert mqtt.visit(lab.ports["mqtt"], f"d{n}") == 0
    assert [len(b.arrivals()) for b in lab.brokers.values()] == [5, 5, 5]


def at(puppet, n):
    wait_for(lambda: len(puppet.arrivals()) >= n, f"{n} clients at {puppet.name}")
    return puppet.arrivals()


def test_connack_in_pieces(lab):
    """A refusal is one when it is all there; what comes behind a CONNACK belongs to the client."""
    lab.brokers = {n: Puppet(n) for n in lab.brokers}
    for broker in lab.brokers.values():
        broker.answer = lambda connect: ACCEPTED + mqtt.publish_packet("t", bytes(200000))
    start(lab)
    with mqtt.connect(lab.ports["mqtt"], "x") as client:
        first, body = client.read_packet()
        assert (first, len(body)) == (0x30, 200003)


def test_replays_are_capped(lab, count):
    """Two of three are full. A fifth of the new connections may be tried again; the others are
    told, so that a cluster that is full is not asked more than it was."""
    n = count(100, 1000)
    lab.brokers = {name: Puppet(name) for name in lab.brokers}
    for name in ("emqx1", "emqx2"):
        lab.brokers[name].answer = lambda connect: v3(3)
    start(lab)
    began = time.monotonic()
    codes = []
    for i in range(0, n, 50):
        clients = [mqtt.Client(lab.ports["mqtt"]) for _ in range(50)]
        for k, client in enumerate(clients):
            client.send(mqtt.connect_packet(f"c{i + k}"))
        codes += [client.read_connack() for client in clients]
        for client in clients:
            client.close()
    replays = sum(len(b.visits) for b in lab.brokers.values()) - n
    seconds = int(time.monotonic() - began) + 2
    assert set(codes) == {0, 3}
    assert 0 < replays <= 0.2 * n + seconds, replays


def test_single_client_is_replayed_on_a_quiet_day(lab):
    crew_lab(lab)
    lab.crew.refuse("alone", v3(3))
    assert mqtt.visit(lab.ports["mqtt"], "alone") == 0
    assert len(lab.crew.brokers_of("alone")) == 2


# A broker that dies or freezes --------------------------------------------------------------------


def test_broker_killed_in_mid_flow(lab):
    """Its clients are told at once and come back to others, who notice nothing."""
    start(lab)
    ids = [f"c{n}" for n in range(9)]
    held = {i: mqtt.connect(lab.ports["mqtt"], i) for i in ids}
    homes = {i: lab.where(i) for i in ids}
    for client in held.values():
        client.send(mqtt.subscribe_packet("t"))
        assert client.read_packet()[0] == 0x90
    lab.brokers["emqx2"].process.kill()
    for i, client in held.items():
        if homes[i] == "emqx2":
            assert client.is_closed()
            assert lab.place(i) in ("emqx1", "emqx3")
        else:
            client.ping()
        client.close()


def test_broker_frozen(lab):
    """It takes connections and says nothing: the others' clients do not notice, and its own go on
    when it does."""
    start(lab)
    ids = [f"c{n}" for n in range(6)]
    held = {i: mqtt.connect(lab.ports["mqtt"], i) for i in ids}
    homes = {i: lab.where(i) for i in ids}
    frozen = lab.brokers["emqx2"].process
    frozen.send_signal(signal.SIGSTOP)
    try:
        for i, client in held.items():
            if homes[i] == "emqx2":
                client.send(mqtt.PINGREQ)
            else:
                client.ping()
                assert lab.place(i) == homes[i]
    finally:
        frozen.send_signal(signal.SIGCONT)
    for i, client in held.items():
        if homes[i] == "emqx2":
            assert client.read_packet()[0] == 0xD0
        client.close()


# Clients ------------------------------------------------------------------------------------------


def test_connect_of_a_byte_at_a_time_is_cut_at_the_delay(lab):
    lab.edit_config(("inspect-delay 10s", "inspect-delay 1s"))
    start(lab)
    packet = mqtt.connect_packet("x" * 200)
    with mqtt.Client(lab.ports["mqtt"]) as client:
        began, sent = time.monotonic(), 0
        while not select.select([client.socket], [], [], 0.1)[0]:
            client.send(packet[sent:sent + 1])
            sent += 1
            assert sent < len(packet), "bytes do not prolong it"
        assert client.read_rest() == b""
        assert time.monotonic() - began > 0.9, "not before the delay was over"
    lab.usher.wait_log("reason=connect_late")
    assert mqtt.visit(lab.ports["mqtt"], "in-time") == 0


def silent(lab):
    """Puppets that take a CONNECT and never answer."""
    lab.brokers = {n: Puppet(n, lambda connect: b"") for n in lab.brokers}


def test_reset_in_every_state(lab):
    """Whenever the client is gone, its broker is told, and nothing of it is left."""
    silent(lab)
    lab.policy = lab.write_policy({"rules": [{"name": "no", "if": {"client_id": "refused"},
                                              "reject": "banned"}]})
    start(lab)
    port, whole = lab.ports["mqtt"], mqtt.connect_packet("gone")

    for sent in (b"", whole[:5]):
        client = mqtt.Client(port)
        client.send(sent)
        reset(client)
    wait_for(lambda: lab.usher.log().count("session closed") == 2, "both to end")

    def puppets_hold(n):
        return sum(len(b.guests()) for b in lab.brokers.values()) == n

    for answer in (b"", ACCEPTED):
        for broker in lab.brokers.values():
            broker.answer = lambda connect, a=answer: a
        client = mqtt.Client(port)
        client.send(whole)
        wait_for(lambda: puppets_hold(1), "a broker to have it")
        if answer:
            assert client.read_connack() == 0
        reset(client)
        wait_for(lambda: puppets_hold(0), "the broker to be told")

    client = mqtt.Client(port)
    client.send(mqtt.connect_packet("refused"))
    assert client.read_connack() == 5
    reset(client)
    wait_for(lambda: lab.usher.log().count("session closed") == 5, "all to end")
    assert mqtt.visit(port, "after") == 0


def test_reset_while_dialling(lab):
    """A listener whose backlog is full answers no SYN."""
    with socket.socket() as full, socket.socket() as one, socket.socket() as two:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        plain(lab, f"127.0.0.1:{full.getsockname()[1]}")
        lab.brokers = {}
        start(lab)
        client = mqtt.Client(lab.ports["mqtt"])
        client.send(mqtt.connect_packet("x"))
        reset(client)
        lab.usher.wait_log("session closed .*reason=")
        assert "state=relay" not in lab.usher.log()


def accepting():
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.settimeout(15)
    return listener, listener.getsockname()[1]


def through(lab, listener):
    """A connection, and its other end."""
    client = socket.create_connection(("127.0.0.1", lab.ports["mqtt"]), timeout=15)
    server, _ = listener.accept()
    server.settimeout(15)
    return client, server


def test_half_close_both_ways(lab):
    listener, port = accepting()
    plain(lab, f"127.0.0.1:{port}")
    lab.brokers = {}
    start(lab)
    for first_is_client in (True, False):
        ends = through(lab, listener)
        first, second = ends if first_is_client else reversed(ends)
        first.sendall(b"last words")
        first.shutdown(socket.SHUT_WR)
        assert second.recv(100) == b"last words" and second.recv(100) == b""
        for n in range(3):
            second.sendall(b"still here %d" % n)
            assert first.recv(100) == b"still here %d" % n
        second.close()
        assert first.recv(100) == b""
        first.close()
    listener.close()


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def fill(senders):
    """Write until none of them takes any more: how much went into each. All at once: nobody is
    idle for long."""
    sent, piece = dict.fromkeys(senders, 0), bytes(1 << 16)
    for sender in senders:
        sender.setblocking(False)
    while willing := select.select([], senders, [], 0.7)[1]:
        for sender in willing:
            try:
                sent[sender] += sender.send(piece)
            except BlockingIOError:
                pass
            assert sent[sender] < 256 << 20, "no back-pressure"
    for sender in senders:
        sender.settimeout(15)
    return [sent[sender] for sender in senders]


def drain(receiver, n):
    while n:
        piece = receiver.recv(min(n, 1 << 16))
        assert piece, "closed before all had come"
        n -= len(piece)


@pytest.mark.parametrize("to", ("server", "client"))
def test_reader_that_stops(lab, to, count):
    """Its sender is stopped as well: what is on its way waits in the kernel, not in usher."""
    n = count(8, 100)
    listener, port = accepting()
    plain(lab, f"127.0.0.1:{port}")
    lab.brokers = {}
    start(lab)
    pairs = [through(lab, listener) for _ in range(n)]
    ways = [pair if to == "server" else pair[::-1] for pair in pairs]
    before = memory_kib(lab.usher.pid)
    sent = fill([sender for sender, _ in ways])
    grown = memory_kib(lab.usher.pid) - before
    assert grown < (n * 160 + 1024) * laboratory.SLOW, f"{grown} KiB for {sum(sent)} bytes"
    for (sender, receiver), size in zip(ways, sent):
        drain(receiver, size)
        sender.sendall(b"more")
        drain(receiver, 4)
    for pair in pairs:
        for end in pair:
            end.close()
    listener.close()


def test_slow_reader_of_a_broker(lab, count):
    """Through a governed frontend, from a real broker: all messages, in order."""
    lab.policy = lab.write_policy({"rules": [{"server": "emqx1"}]})
    start(lab)
    n, payload = count(100, 1000), random.Random(1).randbytes(20000)
    slow = mqtt.Client(lab.ports["mqtt"])
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    slow.send(mqtt.connect_packet("slow") + mqtt.subscribe_packet("t"))
    assert slow.read_connack() == 0 and slow.read_packet()[0] == 0x90
    with mqtt.connect(lab.ports["mqtt"], "sender") as sender:
        for i in range(n):
            sender.send(mqtt.publish_packet("t", struct.pack("!I", i) + payload))
        sender.ping()
        for i in range(n):
            first, body = slow.read_packet()
            assert first == 0x30 and body[3:] == struct.pack("!I", i) + payload
    slow.close()


# A machine without descriptors --------------------------------------------------------------------


def test_descriptors_run_out_and_come_back(lab):
    """Who is there stays; who comes is refused or waits, until some have left."""
    start_limited(lab, 80, "-j", "1")
    port = lab.ports["mqtt"]
    held, turned_away = [], []
    for n in range(60):
        client = mqtt.Client(port, timeout=2)
        try:
            client.send(mqtt.connect_packet(f"c{n}"))
            served = client.read_connack() == 0
        except (mqtt.Closed, ConnectionError, TimeoutError):
            served = False
        (held if served else turned_away).append(client)
        if len(turned_away) == 4:
            break
    assert len(held) >= 15 and turned_away, "the limit was met, and not at once"
    before = lab.usher.log()
    for client in held:
        client.ping()
    for client in turned_away + held[:10]:
        client.close()
    wait_for(lambda: visit_or_none(port, "again") == 0, "room")
    for client in held[10:]:
        client.ping()
        client.close()
    lines = [line for line in before.splitlines() if " warning " in line or " error " in line]
    assert len(lines) < 40, "a line a second at most"


def visit_or_none(port, name):
    try:
        return mqtt.visit(port, name, timeout=2)
    except (mqtt.Closed, ConnectionError, TimeoutError):
        return None


def start_limited(lab, n, *options):
    """usher as somebody who cannot raise the limit again."""
    lab.wrapper = ["prlimit", f"--nofile={n}:{n}"]
    start(lab, *options, user="nobody" if os.geteuid() == 0 else None)


def test_maxconn_beyond_the_limit_is_lowered(lab):
    """The guide's `maxconn 1024000` where it cannot be had: said, and served."""
    lab.extra_env["USHER_MAXCONN"] = "1024000"
    start_limited(lab, 1000)
    lab.usher.wait_log(r"\[WARNING\].*maxconn")
    with open(f"/proc/{lab.usher.pid}/limits", encoding="ascii") as limits:
        assert re.search(r"Max open files\s+1000\s+1000", limits.read())
    assert mqtt.visit(lab.ports["mqtt"], "x") == 0
