"""A CONNECT that comes in pieces, late, with more behind it, or that is none at all."""

import random
import socket
import struct
import subprocess
import time

import pytest

import mqtt
from conftest import DOORS, started
from lab import wait_for

# usher lets nobody in whose CONNECT it has not got whole: the username stands at its end.
IDENTITY = {"identity": {"client_id": "equals", "to": "username"}}

MQTT_VERSIONS = pytest.mark.parametrize("level", (3, 4, 5), ids=("3.1", "3.1.1", "5.0"))
SESSION_EXPIRY = b"\x11" + struct.pack("!I", 60)


@pytest.fixture(scope="module", params=DOORS)
def served(request):
    yield from started(IDENTITY, request)


def own_connect(client_id, level, password=None):
    return mqtt.connect_packet(client_id, level=level, username=client_id, password=password,
                               properties=SESSION_EXPIRY)


class Pieces:
    """Clients that send their bytes piece by piece; each is read before the next goes."""

    def __init__(self, lab, port=None):
        self.lab, self.port = lab, port or lab.ports["mqtt"]
        self.clients, self.sent = {}, {}

    def send(self, pieces):
        """Client id → its next bytes; returns when all of them are read."""
        for client_id, piece in pieces.items():
            if client_id not in self.clients:
                self.clients[client_id] = mqtt.Client(self.port)
                self.sent[client_id] = 0
            self.clients[client_id].send(piece)
            self.sent[client_id] += len(piece)
        wait_for(lambda: self.are_read(pieces), "the pieces to be read")

    def are_read(self, client_ids):
        if not self.lab.haproxy:
            return self.lab.are_read([self.source_port(i) for i in client_ids])
        read = self.lab.bytes_read()
        return all(read.get(self.source_port(i), -1) >= self.sent[i] for i in client_ids)

    def source_port(self, client_id):
        return self.clients[client_id].socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients.values():
            client.close()


def cut(packet, *places):
    return [packet[a:b] for a, b in zip((0, *places), (*places, len(packet)))]


def assert_served_in_pieces(lab, pieces_of):
    """Client id → list of pieces: each of them is let in, by one decision on the whole CONNECT."""
    with Pieces(lab) as pieces:
        for n in range(max(map(len, pieces_of.values())) - 1):
            pieces.send({i: p[n] for i, p in pieces_of.items() if n < len(p) - 1})
        for client_id, client in pieces.clients.items():
            client.send(pieces_of[client_id][-1])
        for client_id, client in pieces.clients.items():
            assert client.read_connack() == 0, client_id
            assert [v["action"] for v in lab.verdicts(client_id)] == ["accept"], client_id


@MQTT_VERSIONS
def test_connect_cut_at_every_byte(served, level):
    length = len(own_connect(f"cut-{level}-000", level))
    ids = {f"cut-{level}-{place:03}": place for place in range(1, length)}
    assert_served_in_pieces(served, {i: cut(own_connect(i, level), place)
                                     for i, place in ids.items()})


def test_connect_whose_remaining_length_has_two_bytes_cut_at_every_byte(served):
    length = len(own_connect("long-000", 5, "p" * 150))
    assert_served_in_pieces(served, {
        f"long-{place:03}": cut(own_connect(f"long-{place:03}", 5, "p" * 150), place)
        for place in range(1, length)})


@MQTT_VERSIONS
def test_connect_cut_twice(served, level, count):
    length = len(own_connect(f"twice-{level}-0000", level))
    pairs = [(a, b) for a in range(1, length) for b in range(a + 1, length)]
    ids = {f"twice-{level}-{n:04}": places
           for n, places in enumerate(random.Random(level).sample(pairs, count(40, 500)))}
    assert_served_in_pieces(served, {i: cut(own_connect(i, level), *places)
                                     for i, places in ids.items()})


@MQTT_VERSIONS
def test_connect_one_byte_at_a_time(served, level):
    packet = own_connect(f"bytewise-{level}", level)
    assert_served_in_pieces(served, {f"bytewise-{level}": cut(packet, *range(1, len(packet)))})


# HAProxy's own limits ----------------------------------------------------------------------------


@pytest.mark.parametrize("length", (128, 256, 384))
def test_limit_of_haproxy_remaining_length_a_multiple_of_128_cut_after_byte_two(served, length):
    """`10 80` | `01 …` is refused by HAProxy itself: usher is never asked.

    One segment, or a cut anywhere else, is served; so the limit is met only by chance.
    """
    if served.door == "proxy":
        places, refused = (0, 1, 2, 3, 4), None
    else:
        places, refused = (0, 1, 3, 4), 2
    client_id = f"round-{length}"
    shortest = mqtt.connect_packet(client_id, username=client_id, password="")
    packet = mqtt.connect_packet(client_id, username=client_id,
                                 password="p" * (length - len(shortest) + 2))
    assert packet[:3] == bytes([0x10, 0x80, length // 128])

    if refused:
        with mqtt.Client(served.ports["mqtt"]) as client:
            client.send(packet[:refused])
            assert client.read_rest() == b"", "closed before the rest could come"
        assert served.verdicts(client_id) == []

    for place in places:
        with Pieces(served) as pieces:
            pieces.send({client_id: packet[:place]})
            pieces.clients[client_id].send(packet[place:])
            assert pieces.clients[client_id].read_connack() == 0, f"cut after byte {place}"


def test_limit_of_haproxy_connect_larger_than_its_buffer(served):
    """tune.bufsize less tune.maxrewrite: 15,360 bytes are read whole, one more never is. usher
    alone takes the largest will there can be."""
    without = len(mqtt.connect_packet("big", username="big", password="")) + 1
    sizes = ((15360, True), (15361, served.door == "proxy"))
    for size, is_served in (*sizes, (65000, True)) if served.door == "proxy" else sizes:
        digits = size > 16384 + 3  # one more byte of remaining length
        packet = mqtt.connect_packet("big", username="big",
                                     password="p" * (size - without - digits))
        assert len(packet) == size
        with mqtt.Client(served.ports["mqtt"]) as client:
            client.send(packet)
            if is_served:
                assert client.read_connack() == 0
            else:
                assert client.read_rest() == b""


# More than a CONNECT -----------------------------------------------------------------------------


def listen(broker, topic):
    """A mosquitto_sub at that very broker, subscribed; it ends with the first message."""
    reader = subprocess.Popen(
        ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-i", f"reader-{topic}",
         "-t", topic, "-C", "1", "-W", "20"], stdout=subprocess.PIPE, text=True)
    broker.process.wait_log(f"Sending SUBACK to reader-{topic}")
    return reader


@pytest.mark.doors(*DOORS)
@MQTT_VERSIONS
def test_connect_subscribe_and_publish_in_one_segment(lab, level):
    lab.write_policy({"rules": [{"server": "emqx2"}]})
    lab.policy = lab.policy_path
    lab.start()
    reader = listen(lab.brokers["emqx2"], "news")
    with mqtt.Client(lab.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet("hasty", level=level)
                    + mqtt.subscribe_packet("news", level)
                    + mqtt.publish_packet("news", b"at once", level))
        assert client.read_connack() == 0
        assert client.read_packet()[0] == 0x90
        first, body = client.read_packet()
        assert first == 0x30 and body.endswith(b"at once"), "its own message comes back"
        assert reader.communicate(timeout=20)[0] == "at once\n"


@pytest.mark.doors(*DOORS)
@pytest.mark.policy({"rules": [{"server": "emqx2"}]})
def test_sensor_publishes_and_goes_without_waiting_for_its_connack(lab):
    lab.start()
    reader = listen(lab.brokers["emqx2"], "news")
    with mqtt.Client(lab.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet("sleepy") + mqtt.publish_packet("news", b"21 C")
                    + mqtt.DISCONNECT)
        client.socket.shutdown(socket.SHUT_WR)
        assert reader.communicate(timeout=20)[0] == "21 C\n"


# No CONNECT --------------------------------------------------------------------------------------

GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
    "tls_on_the_plain_port": bytes.fromhex("16030100c8010000c40303") + b"\xaa" * 190,
    "zeros": bytes(64),
    "noise": random.Random(1).randbytes(64),
    "publish_first": mqtt.publish_packet("t", b"x"),
    "pingreq_first": mqtt.PINGREQ,
    "subscribe_first": mqtt.subscribe_packet("t"),
    "connack": b"\x20\2\0\0",
    "proxy_protocol": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + mqtt.connect_packet("c"),
    "wrong_protocol_name": mqtt.packet(0x10, mqtt.string("MQTX") + b"\4\2\0\x3c\0\1c"),
    "level_6": mqtt.packet(0x10, mqtt.string("MQTT") + b"\6\2\0\x3c\0\1c"),
    "reserved_connect_flag": mqtt.packet(0x10, mqtt.string("MQTT") + b"\4\3\0\x3c\0\1c"),
    "flags_of_the_fixed_header": b"\x11" + mqtt.connect_packet("c")[1:],
    "client_id_past_the_packet": mqtt.packet(0x10, mqtt.string("MQTT") + b"\4\2\0\x3c\0\x7fc"),
    "remaining_length_of_five_bytes": b"\x10\xff\xff\xff\xff\x7f" + b"x" * 32,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_instead_of_connect(served, name):
    before = [served.sessions(server) for server in served.brokers]
    verdicts = len(served.all_verdicts())
    with mqtt.Client(served.ports["mqtt"]) as client:
        client.send(GARBAGE[name])
        told = b"\x20\3\0\x84\0" if (served.door, name) == ("proxy", "level_6") else b""
        assert client.read_rest() == told, "closed, without a word"
    assert [served.sessions(server) for server in served.brokers] == before
    assert len(served.all_verdicts()) == verdicts, "usher was not asked"


@pytest.mark.doors(*DOORS)
def test_connect_that_never_completes(lab):
    lab.edit_config(("inspect-delay 10s", "inspect-delay 700ms"))
    lab.start()
    packet = mqtt.connect_packet("slow")
    started = time.monotonic()
    clients = [mqtt.Client(lab.ports["mqtt"]) for _ in range(4)]
    for client, sent in zip(clients, (b"", packet[:1], packet[:2], packet[:-1])):
        client.send(sent)
    for client in clients:
        assert client.read_rest() == b""
        assert time.monotonic() - started > 0.6, "not before the delay was over"
        client.close()
    assert [lab.sessions(server) for server in lab.brokers] == [0, 0, 0]
    assert lab.verdicts("slow") == []


@pytest.mark.doors(*DOORS)
def test_connect_completed_just_in_time(lab):
    """The delay ends the waiting, not the client: who is done within it stays as long as it likes.
    """
    lab.edit_config(("inspect-delay 10s", "inspect-delay 1s"))
    lab.start()
    packet = mqtt.connect_packet("slow")
    started = time.monotonic()
    with Pieces(lab) as pieces:
        pieces.send({"slow": packet[:5]})
        pieces.clients["slow"].send(packet[5:])
        assert pieces.clients["slow"].read_connack() == 0
        wait_for(lambda: time.monotonic() - started > 1.2, "the delay to be over")
        pieces.clients["slow"].ping()
