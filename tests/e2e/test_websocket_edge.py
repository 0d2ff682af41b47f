"""MQTT in WebSocket, read by usher: the same decision by client id as over TCP, and brokers that do
not take the client."""

import os
import socket
import threading
import time

import pytest

import lab as laboratory
import mqtt
import websocket
from edge import POLICY, Edge
from test_admin import Admin


class BadBroker(threading.Thread):
    """Takes connections at a port and answers each upgrade by `answer(key)`, bytes; None: closes."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.answer, self.heads = answer, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                self.serve(peer)

    def serve(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = peer.recv(65536)
            if not piece:
                return
            head += piece
        self.heads.append(head.decode())
        key = next(line.split(": ")[1] for line in self.heads[-1].split("\r\n")
                   if line.lower().startswith("sec-websocket-key"))
        answer = self.answer(key)
        if answer is None:
            return
        peer.sendall(answer)
        peer.settimeout(5)
        try:
            while peer.recv(65536):
                pass
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def switch(key, accept=None, more="", tail=b""):
    return (f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept or websocket.accept_of(key)}\r\n"
            f"Sec-WebSocket-Protocol: mqtt\r\n{more}\r\n").encode() + tail


def in_frame(packet):
    return websocket.frame(packet, mask=None)


NOT_HERE = {
    "closes": lambda key: None,
    "503": lambda key: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "no_http": lambda key: b"SSH-2.0-what\r\n\r\n",
    "wrong_accept": lambda key: switch(key, accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    "extensions": lambda key: switch(key, more="Sec-WebSocket-Extensions: permessage-deflate\r\n"),
    "closes_in_frames": lambda key: switch(key, tail=in_frame(b"")[:0] +
                                           websocket.frame(b"\x03\xe8", websocket.CLOSE, mask=None)),
    "connack_3": lambda key: switch(key, tail=in_frame(b"\x20\x02\x00\x03")),
    "connack_in_pieces": lambda key: switch(key, tail=b"".join(
        websocket.frame(bytes([byte]), websocket.CONTINUATION if i else websocket.BINARY,
                        fin=i == 3, mask=None) + websocket.frame(b"hi", websocket.PING, mask=None)
        for i, byte in enumerate(b"\x20\x02\x00\x03"))),
}

FINAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def edge():
    answers = {**NOT_HERE, "curious": NOT_HERE["503"], "all_final": lambda key: FINAL,
               "all_broken": lambda key: BROKEN, "silent": switch}
    frontends = {"mqtt": {}, **{name: {"websocket": True} for name in ("ws", *answers)}}
    with Edge() as one:
        one.admin = Admin(one, {**POLICY, "frontends": frontends})
        one.bad = {name: BadBroker(answer) for name, answer in answers.items()}
        for name, broker in one.bad.items():
            others = [broker.port] * 2 if name.startswith("all_") else list(one.ws_ports.values())[1:]
            one.add(name, broker.port, *others)
        yield one.start()
        for broker in one.bad.values():
            broker.close()


def place(edge, client_id, frontend="ws", **options):
    seen = edge.seen(client_id)
    assert websocket.visit(edge.ports[frontend], client_id, **options) == 0
    return laboratory.wait_for(lambda: edge.newest(client_id, seen), f"{client_id} at a broker")


def closed(edge, reason):
    """How many carried sessions ended so, as the metric says."""
    return edge.admin.metrics()[f'usher_sessions_closed_total{{reason="{reason}"}}']


def test_the_same_broker_over_both_transports(edge):
    for i in range(6):
        client_id = f"both-{i}"
        first = place(edge, client_id)
        assert edge.place(client_id) == first
        assert place(edge, client_id) == first


def test_a_sub_protocol_in_capitals(edge):
    """The client has it its way, and the broker, which knows but one spelling, its own."""
    with websocket.Client(edge.ports["ws"], protocol="MQTT") as client:
        assert client.answer["sec-websocket-protocol"] == "MQTT"
        client.send(mqtt.connect_packet("loud"))
        client.read_connack()
        assert client.code == 0


@pytest.mark.parametrize("level, code", [(4, 5), (5, 0x87)])
def test_a_refused_client_is_told_in_frames(edge, level, code):
    with websocket.Client(edge.ports["ws"]) as client:
        client.send(mqtt.connect_packet("stranger", level=level))
        client.read_connack()
        assert client.code == code
        assert client.read_close() == 1008


@pytest.mark.parametrize("bytes_, code", [
    (websocket.frame(b"x", mask=None), 1002), (websocket.frame(b"x", websocket.TEXT), 1003),
    (websocket.frame(b"x", reserved=4), 1002)], ids=["unmasked", "text", "reserved"])
def test_frames_against_the_protocol_are_closed_and_counted(edge, bytes_, code):
    before = closed(edge, "not_websocket")
    with websocket.Client(edge.ports["ws"]) as client:
        client.send_raw(bytes_)
        assert client.read_close() == code
    laboratory.wait_for(lambda: closed(edge, "not_websocket") == before + 1, "the count")


def test_a_bad_upgrade_is_counted(edge):
    before = closed(edge, "not_websocket")
    with pytest.raises(websocket.Refused) as refused:
        websocket.Client(edge.ports["ws"], without=["Sec-WebSocket-Version"])
    assert refused.value.status == 426
    laboratory.wait_for(lambda: closed(edge, "not_websocket") == before + 1, "the count")


# ---- brokers that do not take the client ---------------------------------------------------------


@pytest.mark.parametrize("what", NOT_HERE)
def test_a_broker_that_does_not_take_it_costs_the_client_nothing(edge, what):
    assert place(edge, f"not-at-{what}", frontend=what) in ("emqx2", "emqx3")
    assert edge.bad[what].heads


def test_a_broker_gets_the_request_and_the_clients_address(edge):
    place(edge, "curious", frontend="curious", target="/mqtt?token=x%20y",
          vhost="broker.example:8083", headers=[
              ("Cookie", "a=b"), ("Authorization", "Bearer z"), ("X-Forwarded-For", "10.9.8.7"),
              ("Sec-WebSocket-Extensions", "permessage-deflate"),
              ("Origin", "https://page.example")])
    head = edge.bad["curious"].heads[0]
    assert head.startswith("GET /mqtt?token=x%20y HTTP/1.1\r\n")
    for line in ("Host: broker.example:8083", "Cookie: a=b", "Authorization: Bearer z",
                 "Origin: https://page.example", "X-Forwarded-For: 127.0.0.1"):
        assert f"\r\n{line}\r\n" in head
    assert "10.9.8.7" not in head and "permessage" not in head


@pytest.mark.parametrize("what, code, close_code, n_asked", [
    ("all_final", 5, 1008, 1), ("all_broken", 3, 1013, 4)])
def test_brokers_that_all_refuse_the_upgrade(edge, what, code, close_code, n_asked):
    with websocket.Client(edge.ports[what]) as client:
        client.send(mqtt.connect_packet("nobody-wants-me"))
        client.read_connack()
        assert client.code == code
        assert client.read_close() == close_code
    assert len(edge.bad[what].heads) == n_asked  # what is final another one would say as well


def test_a_client_that_fills_its_buffer_keeps_no_worker_busy(edge):
    """A CONNECT among so many pings that all there is room for is one to be sent on; then more, for
    which there is none while the broker says nothing."""
    def busy():
        fields = open(f"/proc/{edge.usher.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    packet = mqtt.connect_packet("full")
    pings = websocket.frame(b"x" * 125, websocket.PING) * 1480  # of 192 KiB not much is left
    asked = len(edge.bad["silent"].heads)
    with websocket.Client(edge.ports["silent"]) as client:
        client.send_raw(websocket.frame(packet[:6], fin=False) + pings
                        + websocket.frame(packet[6:], websocket.CONTINUATION))
        laboratory.wait_for(lambda: len(edge.bad["silent"].heads) > asked, "the broker to be asked")
        client.send_raw(websocket.frame(b"y" * 60000))
        before, began = busy(), time.monotonic()
        time.sleep(1)  # to be idle in
        assert busy() - before < (time.monotonic() - began) / 10
