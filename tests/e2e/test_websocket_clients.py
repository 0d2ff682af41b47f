"""What clients do to the WebSocket edge: a CONNECT in every shape that the protocols allow, and
heads and frames that they do not. No broker ever hears of the latter."""

import base64
import re
import socket
import struct

import pytest

import mqtt
import websocket
from edge import Edge
from lab import wait_for
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, frames

CONNECT = mqtt.connect_packet("shaped")
SUBSCRIBE, PUBLISH = mqtt.subscribe_packet("own/t"), mqtt.publish_packet("own/t", b"hello")


@pytest.fixture(scope="module")
def edge():
    with Edge() as one:
        yield one.start("-j", "2")


@pytest.fixture(params=["ws", "passed"])
def door(edge, request):
    """The edge, and mosquitto behind a frontend where usher does not look: what one takes the other
    takes as well."""
    return edge.ports[request.param]


@pytest.fixture
def untouched(edge):
    """No broker has heard anything when the test is over."""
    def heard():
        return sum(b.process.log().count("New connection from") for b in edge.brokers.values())

    before = heard()
    yield edge
    assert heard() == before


# ---- good, however odd -------------------------------------------------------------------------


def split(data, size):
    return frames(data, *range(size, len(data), size))


def with_control(data, control):
    """One frame for each byte, and a control frame behind each."""
    return b"".join(frame(data[i:i + 1], CONTINUATION if i else BINARY, fin=i == len(data) - 1)
                    + control for i in range(len(data)))


LONG = mqtt.connect_packet("shaped", username="u" * 60000, password="p" * 60000)
SHAPES = {
    "one frame": frame(CONNECT),
    "a frame for each byte": split(CONNECT, 1),
    "a message for each byte": b"".join(frame(CONNECT[i:i + 1]) for i in range(len(CONNECT))),
    "in the middle of lengths": frames(CONNECT, 1, 3, 13),
    "an empty frame first": frame() + frame(CONNECT),
    "empty frames all over": with_control(CONNECT, frame(b"", CONTINUATION, fin=False))[:0]
    + frames(CONNECT, 0, 0, 4, 4, 4, 9, len(CONNECT), len(CONNECT)),
    "a ping first": frame(b"are you there", PING) + frame(CONNECT),
    "a ping behind each byte": with_control(CONNECT, frame(b"x" * 125, PING)),
    "a pong nobody asked for": frame(b"", PONG) + frame(CONNECT) + frame(b"?", PONG),
    "without a real mask": frame(CONNECT, mask=b"\0\0\0\0"),
    "a long one": frame(LONG),
    "a long one in short frames": split(LONG, 125),
    "a long one in middling frames": split(LONG, 126),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_connect_in_every_shape(door, shape):
    with websocket.Client(door) as client:
        client.send_raw(SHAPES[shape])
        assert client.read_connack() == 0
        client.ping()


@pytest.mark.parametrize("shape", ["one frame", "a frame for each byte", "a ping first",
                                   "empty frames all over"])
def test_connect_byte_by_byte(door, shape):
    """A segment for each byte, of the head too."""
    head = websocket.upgrade_request()
    with websocket.Client(door, upgrade=False) as client:
        client.send_raw(head, *range(1, len(head)))
        client.read_answer()
        client.send_raw(SHAPES[shape], *range(1, len(SHAPES[shape])))
        assert client.read_connack() == 0
        client.ping()


def test_many_packets_in_one_frame(door):
    with websocket.Client(door) as client:
        client.send(CONNECT + SUBSCRIBE + PUBLISH + mqtt.PINGREQ)
        assert client.read_connack() == 0
        assert [client.read_packet()[0] & 0xF0 for _ in "123"] in (
            [0x90, 0x30, 0xD0], [0x90, 0xD0, 0x30])


def test_packets_cut_across_messages(door):
    """The end of one and the beginning of the next share a frame (MQTT 5, 6)."""
    data = CONNECT + SUBSCRIBE + PUBLISH + mqtt.PINGREQ
    with websocket.Client(door) as client:
        for cut in range(0, len(data), 7):
            client.send(data[cut:cut + 7])
        assert client.read_connack() == 0
        while client.read_packet()[0] != 0xD0:
            pass


def test_client_that_says_all_at_once_and_goodbye(edge, door):
    """It waits for no CONNACK, as it may (MQTT 5, 3.1.4): the broker gets its words all the same,
    and sees a client leave and not vanish, which would set off its will."""
    name = f"hasty-{door}"
    with websocket.Client(door) as client:
        client.send_raw(frame(mqtt.connect_packet(name) + PUBLISH + mqtt.DISCONNECT)
                        + frame(struct.pack("!H", 1000), CLOSE))
        wait_for(lambda: any(f"Client {name} disconnected." in b.process.log()
                             for b in edge.brokers.values()), "a broker to see it leave")


def test_frames_behind_the_head_in_one_segment(edge):
    """Before the 101 can be there: a client that is so hasty loses nothing."""
    with websocket.Client(edge.ports["ws"], upgrade=False) as client:
        client.send_raw(websocket.upgrade_request() + frame(CONNECT + mqtt.PINGREQ))
        client.read_answer()
        assert client.read_connack() == 0
        assert client.read_packet() == (0xD0, b"")


def test_ping_inside_the_connect_is_answered(edge):
    """By the broker, with what it said: mosquitto answers one at a time, so there is one."""
    with websocket.Client(edge.ports["ws"]) as client:
        client.send_raw(frame(CONNECT[:5], fin=False) + frame(b"between", PING)
                        + frame(CONNECT[5:], CONTINUATION))
        seen = [client.read_frame()[2:] for _ in "12"]
    assert sorted(seen) == [(BINARY, b"\x20\2\0\0"), (PONG, b"between")]


@pytest.mark.parametrize("offered, chosen", [
    ("mqtt", "mqtt"), ("mqttv3.1", "mqttv3.1"), ("foo, mqtt", "mqtt"),
    ("mqttv3.1,mqtt", "mqttv3.1")])
def test_sub_protocol_is_chosen(edge, offered, chosen):
    with websocket.connect(edge.ports["ws"], "subprotocol", protocol=offered) as client:
        assert client.code == 0 and client.answer["sec-websocket-protocol"] == chosen


def test_no_extension_is_agreed_on(edge):
    with websocket.connect(edge.ports["ws"], "stretched", headers=[
            ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]) as client:
        assert client.code == 0 and "sec-websocket-extensions" not in client.answer


@pytest.mark.parametrize("changed", [
    {"headers": [("Connection", "keep-alive, x")]},
    {"target": "/"}, {"target": "/mqtt/" + "x" * 8000 + "?a=b"}, {"vhost": "[::1]:8083"},
    {"headers": [("X-Long", "y" * 9000)]}, {"headers": [("Content-Length", "0")]}])
def test_head_that_is_odd_but_sound(edge, changed):
    """mosquitto may not like the longest; usher's own word is the 101."""
    with websocket.Client(edge.ports["ws"], **changed) as client:
        assert client.status == 101


# ---- frames against the protocol ---------------------------------------------------------------

BAD_FRAMES = {
    "no mask": (frame(CONNECT, mask=None), 1002),
    "no mask on a ping": (frame(b"x", PING, mask=None), 1002),
    "text": (frame(CONNECT, TEXT), 1003),
    "RSV1": (frame(CONNECT, reserved=4), 1002),
    "RSV2": (frame(CONNECT, reserved=2), 1002),
    "RSV3": (frame(CONNECT, reserved=1), 1002),
    **{f"opcode {n}": (frame(CONNECT, n), 1002) for n in (3, 7, 11, 15)},
    "16 bits for a short length": (frame(CONNECT, form=16), 1002),
    "64 bits for a short length": (frame(CONNECT, form=64), 1002),
    "64 bits for a middling length": (
        frame(mqtt.connect_packet("shaped", username="u" * 300), form=64), 1002),
    "length of 64 bits": (b"\x82\xff" + b"\xff" * 8 + b"mask", 1002),
    "continuation of nothing": (frame(CONNECT, CONTINUATION), 1002),
    "a message inside another": (frame(CONNECT[:5], fin=False) + frame(CONNECT[5:]), 1002),
    "ping in parts": (frame(b"x", PING, fin=False), 1002),
    "ping of 126 bytes": (frame(b"x" * 126, PING), 1002),
    "close of one byte": (frame(b"\x03", CLOSE), 1002),
    "close with no such code": (frame(struct.pack("!H", 999), CLOSE), 1002),
    "no MQTT": (frame(b"GET / HTTP/1.1\r\n\r\n"), 1002),
    "a CONNECT of a quarter gigabyte": (
        b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0\x10\xff\xff\xff\x7f\0\4MQTT", 1002),
    "another packet": (frame(mqtt.PINGREQ), 1002),
    "bad after good": (frame(CONNECT[:5], fin=False) + frame(CONNECT[5:], CONTINUATION, reserved=1),
                       1002),
    "bad after a ping": (frame(b"", PING) + frame(CONNECT, mask=None), 1002),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
@pytest.mark.parametrize("pieces", ["at once", "byte by byte"])
def test_frames_against_the_protocol(untouched, what, pieces):
    bad, code = BAD_FRAMES[what]
    with websocket.Client(untouched.ports["ws"]) as client:
        try:
            client.send_raw(bad, *(range(1, len(bad)) if pieces == "byte by byte" else ()))
        except ConnectionError:
            pass  # it has heard enough
        assert client.read_close() == code
        assert client.is_closed()


@pytest.mark.parametrize("packet, connack", [
    (mqtt.connect_packet("wrong-level", level=7), b"\x20\3\0\x84\0"),
    (mqtt.connect_packet("wrong-level", level=2), b"\x20\2\0\1"),
    (mqtt.connect_packet("", clean=False), b"\x20\2\0\2")], ids=["new", "old", "no client id"])
def test_connect_that_mqtt_has_a_word_for(edge, packet, connack):
    """usher's or the broker's, in a binary frame."""
    with websocket.Client(edge.ports["ws"]) as client:
        client.send(packet)
        assert client.receive(len(connack)) == connack
        assert client.is_closed()


@pytest.mark.parametrize("sent, echoed", [
    (struct.pack("!H", 1000), 1000), (struct.pack("!H", 4000) + b"bye", 4000), (b"", 1000)])
def test_client_that_says_goodbye_before_its_connect(untouched, sent, echoed):
    with websocket.Client(untouched.ports["ws"]) as client:
        client.send_raw(frame(CONNECT[:6], fin=False) + frame(sent, CLOSE))
        assert client.read_close() == echoed
        assert client.is_closed()


@pytest.mark.parametrize("level, code", [(3, 5), (4, 5), (5, 0x87)])
def test_refusal_is_a_binary_frame_then_a_close_frame_then_the_end(untouched, level, code):
    with websocket.Client(untouched.ports["ws"]) as client:
        client.send(mqtt.connect_packet("stranger-1", level=level))
        fin, reserved, opcode, payload = client.read_frame()
        assert (fin, reserved, opcode, payload[0], payload[3]) == (True, 0, BINARY, 0x20, code)
        assert client.read_frame() == (True, 0, CLOSE, struct.pack("!H", 1008))
        assert client.read_rest() == b""


@pytest.mark.full
def test_client_that_sends_frames_without_end(untouched):
    """usher stops reading when it has enough of them, and waits for the CONNECT no longer."""
    with websocket.Client(untouched.ports["ws"]) as client:
        client.send_raw(frame(CONNECT[:6], fin=False))
        with pytest.raises((ConnectionError, mqtt.Closed)):
            for _ in range(64):
                client.send_raw(frame(b"x" * 125, PING) * 1000)
            client.read_close()
    untouched.usher.wait_log("frontend=ws .*reason=connect_late")


# ---- heads against the protocol ----------------------------------------------------------------


def request(**changed):
    return websocket.upgrade_request(**changed)


def doubled(name, value):
    return request(headers=[(name, value)])


def respelt(old, new):
    text = request()
    assert old in text
    return text.replace(old, new, 1)


def replaced(name, value):
    return re.sub(rf"(\r\n{name}: )[^\r]*".encode(), rb"\g<1>" + value.encode(), request())


BAD_HEADS = {
    "HTTP/1.0": (respelt(b"HTTP/1.1", b"HTTP/1.0"), 505),
    "HTTP/2.0": (respelt(b"HTTP/1.1", b"HTTP/2.0"), 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "POST": (respelt(b"GET", b"POST"), 405),
    "HEAD": (respelt(b"GET", b"HEAD"), 405),
    "CONNECT": (b"CONNECT mqtt:1883 HTTP/1.1\r\nHost: mqtt\r\n\r\n", 405),
    "get": (respelt(b"GET", b"get"), 405),
    "absolute target": (request(target="http://broker.example/mqtt"), 400),
    "fragment": (request(target="/mqtt#top"), 400),
    "no target": (respelt(b"GET /mqtt ", b"GET "), 400),
    "two blanks": (respelt(b"GET /mqtt", b"GET  /mqtt"), 400),
    "no Host": (request(without=["Host"]), 400),
    "two Hosts": (doubled("Host", "other.example"), 400),
    "Host that is none": (request(host="a b"), 400),
    "no Upgrade": (request(without=["Upgrade"]), 426),
    "Upgrade to h2c": (replaced("Upgrade", "h2c"), 426),
    "two Upgrades": (doubled("Upgrade", "websocket"), 400),
    "no Connection": (request(without=["Connection"]), 426),
    "Connection: close": (replaced("Connection", "close"), 426),
    "no key": (request(without=["Sec-WebSocket-Key"]), 400),
    "two keys": (doubled("Sec-WebSocket-Key", websocket.new_key()), 400),
    "short key": (request(key=base64.b64encode(b"x" * 15).decode()), 400),
    "key not in base64": (request(key="!" * 22 + "=="), 400),
    "no version": (request(without=["Sec-WebSocket-Version"]), 426),
    "version 8": (replaced("Sec-WebSocket-Version", "8"), 426),
    "versions": (replaced("Sec-WebSocket-Version", "13, 8"), 426),
    "two versions": (doubled("Sec-WebSocket-Version", "13"), 400),
    "no sub-protocol": (request(protocol=None), 400),
    "another sub-protocol": (request(protocol="amqp, wamp"), 400),
    "nearly the sub-protocol": (request(protocol="mqttx"), 400),
    "body": (doubled("Content-Length", "5"), 400),
    "bodies": (request(headers=[("Content-Length", "0"), ("Content-Length", "0")]), 400),
    "chunks": (doubled("Transfer-Encoding", "chunked"), 400),
    "folded line": (respelt(b"\r\nHost", b"\r\nX: a\r\n b\r\nHost"), 400),
    "folded first line": (respelt(b"\r\nHost", b"\r\n Host"), 400),
    "blank before the colon": (respelt(b"Host:", b"Host :"), 400),
    "no colon": (respelt(b"Host:", b"Host"), 400),
    "no name": (respelt(b"Host:", b": x\r\nHost:"), 400),
    "LF alone": (request().replace(b"\r\n", b"\n"), 400),
    "CR alone": (respelt(b"\r\nHost", b"\rX: y\r\nHost"), 400),
    "NUL": (request(headers=[("Cookie", "a\0b")]), 400),
    "escape": (request(headers=[("Cookie", "a\x1b[2Jb")]), 400),
    "a long field": (request(headers=[("Cookie", "x" * 16384)]), 431),
    "a long target": (request(target="/" + "x" * 16384), 431),
    "65 fields": (request(headers=[(f"X-{n}", "y") for n in range(60)]), 431),
    "plain MQTT": (CONNECT, 400),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 40, 400),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    "PROXY": (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + request(), 400),
    "an empty line first": (b"\r\n" + request(), 400),
}


@pytest.mark.parametrize("what", BAD_HEADS)
@pytest.mark.parametrize("pieces", ["at once", "byte by byte"])
def test_heads_against_the_protocol(untouched, what, pieces):
    head, status = BAD_HEADS[what]
    with websocket.Client(untouched.ports["ws"], upgrade=False) as client:
        try:
            client.send_raw(head, *(range(1, len(head)) if pieces == "byte by byte"
                                    and len(head) < 2000 else ()))
        except ConnectionError:
            pass
        with pytest.raises(websocket.Refused) as refused:
            client.read_answer()
        assert refused.value.status == status
        assert "close" in refused.value.head["connection"].lower()
        assert client.is_closed()
        if status == 426:
            assert refused.value.head["sec-websocket-version"] == "13"
            assert refused.value.head["upgrade"].lower() == "websocket"
        if status == 405:
            assert refused.value.head["allow"] == "GET"


@pytest.mark.parametrize("rest", [b"", b"GET /mqtt HT", b"GET /mqtt HTTP/1.1\r\nHost: x\r\n"])
def test_client_that_goes_in_the_middle_of_its_head(untouched, rest):
    with websocket.Client(untouched.ports["ws"], upgrade=False) as client:
        client.send_raw(rest)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_closed()


@pytest.mark.full
def test_client_that_never_ends_its_head(untouched):
    with websocket.Client(untouched.ports["ws"], upgrade=False) as client:
        client.send_raw(request()[:-2])
        with pytest.raises(websocket.Refused, match="408"):
            client.read_answer()


def test_edge_stands(edge):
    """After all that; last in this file."""
    with websocket.connect(edge.ports["ws"], "after-all") as client:
        assert client.code == 0
        client.ping()
