"""Whoever speaks SPOP badly is told so and harms nobody else; whoever asks oddly is answered."""

import threading

import pytest

import lab as laboratory
import spop
from lab import wait_for


@pytest.fixture
def agent(lab):
    """usher alone, without HAProxy: this file is the peer. The port it listens on."""
    lab.start_usher("-j", "1")
    return lab.ports["agent"]


def test_hello_is_answered_as_every_version_of_haproxy_wants_it(agent):
    with spop.Peer(agent) as peer:
        peer.send(spop.hello())
        said = peer.frame()
    assert said.kind == spop.AGENT_HELLO
    assert (said.flags, said.stream, said.number) == (spop.FIN, 0, 0)
    assert said.items == {"version": "2.0", "max-frame-size": 16380, "capabilities": "pipelining"}


def test_hello_of_newer_haproxy(agent):
    """Offers no async, numbers its streams anew on each connection: 1, 3, 5, …"""
    with spop.Peer(agent) as peer:
        peer.send(spop.hello(capabilities="pipelining", max_frame_size=bytearray(
            spop.uint32(65532))))
        assert peer.frame().items["max-frame-size"] == 65532
        for stream in (1, 3, 5):
            assert peer.ask("new", stream)["action"] == "accept"


def test_health_check(agent):
    """As `option spop-check` does it: a HELLO without engine, then the connection is dropped."""
    with spop.Peer(agent) as peer:
        peer.send(spop.hello(engine_id=None, capabilities="", healthcheck=True))
        assert peer.frame().items["capabilities"] == ""


MALFORMED = {
    "notify_before_hello": (spop.notify("c", 1), 4, False),
    "second_hello": (spop.hello(), 4, True),
    "version_1": (spop.hello(supported_versions="1.0"), 8, False),
    "no_version": (spop.hello(supported_versions=None), 5, False),
    "no_frame_size": (spop.hello(max_frame_size=None), 6, False),
    "frame_size_too_small": (spop.hello(max_frame_size=bytearray(spop.uint32(255))), 9, False),
    "frame_size_of_another_type": (spop.hello(max_frame_size="16380"), 4, False),
    "no_capabilities": (spop.hello(capabilities=None), 7, False),
    "frame_too_big": (b"\x7f\xff\xff\xff" + b"x" * 64, 3, True),
    "http_instead_of_spop": (b"GET / HTTP/1.1\r\nHost: usher\r\n\r\n", 3, False),
    "frame_of_no_length": (b"\0\0\0\0", 4, True),
    "fragment": (spop.frame(spop.NOTIFY, b"", 1, 1, flags=0), 10, True),
    "continuation": (spop.frame(spop.UNSET, b"x", 1, 1), 10, True),
    "aborted": (spop.frame(spop.NOTIFY, b"", 1, 1, flags=3), 10, True),
    "argument_past_the_frame": (
        spop.frame(spop.NOTIFY, spop.string("usher-connect") + b"\x01\x09client_id\x08\x7fx", 1, 1),
        4, True),
    "fewer_arguments_than_said": (
        spop.frame(spop.NOTIFY, spop.string("usher-connect") + b"\x05", 1, 1), 4, True),
    "value_of_no_type": (
        spop.frame(spop.NOTIFY, spop.string("usher-connect") + b"\x01\x01a\x0f", 1, 1), 4, True),
    "ack_from_haproxy": (spop.frame(spop.ACK, b"", 1, 1), 4, True),
}


def test_malformed_frames_end_their_own_connection_only(agent):
    with spop.Peer(agent) as bystander:
        bystander.ready()
        for name, (sent, status, after_hello) in MALFORMED.items():
            with spop.Peer(agent) as peer:
                if after_hello:
                    peer.ready()
                peer.send(sent)
                assert peer.end() == status, name
            assert bystander.ask("bystander")["action"] == "accept", name


def test_whoever_never_says_hello_is_sent_away(agent):
    with spop.Peer(agent) as silent, spop.Peer(agent) as polite:
        polite.ready()
        assert silent.socket.recv(1) == b""
        assert polite.ask("still here")["action"] == "accept"


def test_disconnect_is_answered(agent):
    with spop.Peer(agent).ready() as peer:
        peer.send(spop.bye())
        assert peer.end() == 0


def test_unknown_frame_types_are_skipped(agent):
    with spop.Peer(agent).ready() as peer:
        peer.send(spop.frame(77, b"whatever", 1, 1))
        assert peer.ask("c")["action"] == "accept"


ODD = {
    "no_message": b"",
    "unknown_message": spop.message("other-agent", a=1),
    "no_arguments": spop.message("usher-connect"),
    "unnamed_argument": spop.message("usher-connect", **{"": b"x"}),
    "argument_of_another_type": spop.message("usher-connect", client_id=7, source="10.0.0.1",
                                             frontend=True, level=(127, 0, 0, 1)),
    "null_everywhere": spop.message("usher-connect", client_id=None, username=None, level=None,
                                    source=None, frontend=None),
    "unknown_frontend": spop.message("usher-connect", client_id=b"c", frontend="elsewhere"),
    "bytes_of_no_alphabet": spop.message("usher-connect", client_id=bytes(range(256)),
                                         frontend="mqtt"),
    "report_about_nobody": spop.message("usher-connack", key=b"0123456789abcdef", server="emqx1",
                                        code=b"0"),
    "report_without_sense": spop.message("usher-connack", key=b"xyz", server="emqx9", code="x"),
}


def test_odd_questions_are_answered(agent):
    """Who gets no ACK waits for the whole time-out: every NOTIFY that can be read has one."""
    with spop.Peer(agent).ready() as peer:
        for stream, (name, payload) in enumerate(ODD.items(), 1):
            peer.send(spop.frame(spop.NOTIFY, payload, stream, 9))
            ack = peer.frame()
            assert ack, name
            assert (ack.kind, ack.stream, ack.number) == (spop.ACK, stream, 9), name
            if name in ("no_message", "unknown_message", "report_about_nobody"):
                assert ack.variables == {}, name
        assert peer.ask("ordinary")["srv1"] in ("emqx1", "emqx2", "emqx3")


def test_two_messages_in_one_notify(agent):
    both = spop.message("other-agent", a=1) + spop.message("usher-connect", client_id=b"c",
                                                           frontend="mqtt")
    with spop.Peer(agent).ready() as peer:
        peer.send(spop.frame(spop.NOTIFY, both, 1, 1))
        assert peer.frame().variables["action"] == "accept"


def test_frames_of_one_write_are_answered_together(agent):
    with spop.Peer(agent).ready() as peer:
        peer.n_reads = 0
        peer.send(*(spop.notify(f"c{i}", i) for i in range(1, 21)))
        assert [f.stream for f in peer.frames(20)] == list(range(1, 21))
        assert peer.n_reads <= 3


def test_frame_arriving_byte_by_byte(agent):
    with spop.Peer(agent) as peer:
        for at in spop.hello() + spop.notify("slow", 300, 70000):
            peer.send(bytes([at]))
        assert peer.frame().kind == spop.AGENT_HELLO
        ack = peer.frame()
        assert (ack.stream, ack.number) == (300, 70000)
        assert ack.variables["action"] == "accept"


def test_all_workers_ask_one_table(lab):
    """Whichever connection HAProxy takes, and whichever worker has it."""
    lab.start_usher("-j", "4")
    homes = {}
    for engine in range(16):
        with spop.Peer(lab.ports["agent"]) as peer:
            peer.send(spop.hello(engine_id=f"engine-{engine}"))
            assert peer.frame()
            for i in range(10):
                srv1 = peer.ask(f"c{i}", i + 1)["srv1"]
                assert homes.setdefault(i, srv1) == srv1
    assert len(set(homes.values())) == 3


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


class Lazy:
    """A peer that asks for ever and reads no answer until told to."""

    def __init__(self, port):
        self.peer = spop.Peer(port, receive_buffer=4096).ready()
        self.peer.socket.setblocking(False)
        self.asked, self.unsent = 0, b""

    def is_stuck(self):
        """Ask as much as usher takes; true once it takes nothing."""
        moved = 0
        try:
            while moved < 1 << 22:
                if not self.unsent:
                    self.unsent = b"".join(spop.notify(f"c{i}", i) for i in range(1, 1001))
                    self.asked += 1000
                sent = self.peer.socket.send(self.unsent)
                self.unsent = self.unsent[sent:]
                moved += sent
        except BlockingIOError:
            pass
        return moved == 0

    def read_all(self):
        """Send the rest and take what all that was asked for has earned."""
        self.peer.socket.setblocking(True)
        self.peer.socket.settimeout(15)
        asking = threading.Thread(target=self.peer.send, args=(self.unsent,))
        asking.start()
        for i in range(self.asked):
            ack = self.peer.frame()
            assert ack.kind == spop.ACK and ack.stream == i % 1000 + 1
        asking.join()


@pytest.mark.skipif(laboratory.SLOW > 1, reason="sanitizers keep freed memory")
def test_slow_readers_take_no_memory_and_no_time(lab, count):
    # Long names: one question's answer is fifteen times as long as the question.
    lab.edit_config(*((f"server emqx{i} ", f"server emqx{i}-{'x' * 250} ") for i in (1, 2, 3)))
    lab.start_usher("-j", "1")
    agent = lab.ports["agent"]
    n = count(3, 10)
    before = rss_kb(lab.usher.pid)
    lazy = [Lazy(agent) for _ in range(n)]
    wait_for(lambda: all([one.is_stuck() for one in lazy]),
             "usher to stop reading from those who do not read", 60)
    assert rss_kb(lab.usher.pid) - before < 4096 + 1024 * n
    with spop.Peer(agent).ready() as bystander:
        assert bystander.ask("bystander")["action"] == "accept"
    lazy[0].read_all()
    for one in lazy:
        one.peer.close()
