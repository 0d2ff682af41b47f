"""A small client of MQTT over WebSocket (RFC 6455): for heads and frames that no proper client would
send, cut wherever a test wants. Above the frames it is mqtt.Client."""

import base64
import hashlib
import os
import socket
import struct

import mqtt

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(payload=b"", opcode=BINARY, fin=True, mask=b"\x37\xfa\x21\x3d", reserved=0, form=None):
    """One frame. `mask`: None for one without; `reserved`: RSV1..3 as the bits 4, 2, 1; `form`: 7,
    16 or 64 bits of length, None for the shortest."""
    n = len(payload)
    form = form or (7 if n < 126 else 16 if n < 1 << 16 else 64)
    masked = 0x80 if mask else 0
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    length = {7: bytes([masked | n & 0x7F]) if form == 7 else b"",
              16: bytes([masked | 126]) + struct.pack("!H", n & 0xFFFF),
              64: bytes([masked | 127]) + struct.pack("!Q", n)}[form]
    if not mask:
        return bytes([first]) + length + payload
    hidden = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([first]) + length + mask + hidden


def frames(payload, *cuts):
    """One message in as many frames as its payload has parts, cut at these places."""
    edges = [0, *cuts, len(payload)]
    parts = [payload[a:b] for a, b in zip(edges, edges[1:])]
    return b"".join(frame(part, CONTINUATION if i else BINARY, fin=i == len(parts) - 1)
                    for i, part in enumerate(parts))


def new_key():
    return base64.b64encode(os.urandom(16)).decode()


def accept_of(key):
    """Sec-WebSocket-Accept that answers this key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def upgrade_request(target="/mqtt", host="broker.example", protocol="mqtt", key=None, headers=(),
                    without=()):
    """The head of an upgrade. `headers`: more (name, value) pairs, also doubled ones; `without`:
    names of fields to leave out; `protocol`: None to ask for none."""
    fields = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
              ("Sec-WebSocket-Key", key or new_key()), ("Sec-WebSocket-Version", "13")]
    if protocol:
        fields.append(("Sec-WebSocket-Protocol", protocol))
    lines = [f"{name}: {value}" for name, value in [*fields, *headers] if name not in without]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


class Refused(Exception):
    """The upgrade was answered with something else than 101."""

    def __init__(self, status, head):
        super().__init__(f"{status}: {head}")
        self.status, self.head = status, head


class Client(mqtt.Client):
    """One connection; packets go and come in binary frames. `status` and `answer` are those of the
    upgrade, `close_code` that of the peer's close frame, 1005 for one without; None before."""

    def __init__(self, port, target="/mqtt", upgrade=True, host="127.0.0.1", source=None,
                 timeout=15, tls=None, sni=None, **request):
        """`request`: as upgrade_request() takes it, but for `vhost`, its `host`. Without `upgrade`
        nothing is sent yet. Raises Refused, and Closed when there is no answer."""
        super().__init__(port, host, source, timeout, tls, sni)
        self.payload, self.status, self.answer, self.close_code = b"", None, None, None
        if upgrade:
            self.upgrade(target, **request)

    def upgrade(self, target="/mqtt", vhost="broker.example", **request):
        key = request.setdefault("key", new_key())
        self.send_raw(upgrade_request(target, vhost, **request))
        try:
            self.read_answer(key)
        except BaseException:
            self.close()
            raise

    def read_answer(self, key=None):
        """The head of the answer: `status`, and its fields by lower-case name in `answer`."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.receive_raw(1)
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.answer = {name.lower(): value.strip() for name, _, value in
                       (line.partition(":") for line in lines if line)}
        if self.status != 101:
            raise Refused(self.status, self.answer)
        if key:
            assert self.answer["sec-websocket-accept"] == accept_of(key)

    def send_raw(self, data, *cuts):
        """These bytes as they are, in as many segments as they have parts, cut at these places."""
        edges = [0, *cuts, len(data)]
        for a, b in zip(edges, edges[1:]):
            self.socket.sendall(data[a:b])

    def receive_raw(self, n):
        return super().receive(n)

    def send(self, data):
        self.send_raw(frame(data))

    def read_frame(self):
        """(fin, reserved, opcode, payload) of the next frame, whatever it is."""
        first, second = self.receive_raw(2)
        assert not second & 0x80, "a server masks nothing (RFC 6455, 5.1)"
        n = second & 0x7F
        if n > 125:
            n = int.from_bytes(self.receive_raw(2 if n == 126 else 8), "big")
        return bool(first & 0x80), first >> 4 & 7, first & 15, self.receive_raw(n)

    def receive(self, n):
        """Bytes of MQTT, out of as many frames as they come in; a ping is answered, a close is
        kept in `close_code` and raises Closed."""
        while len(self.payload) < n:
            _, _, opcode, payload = self.read_frame()
            if opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
                raise mqtt.Closed
            if opcode == PING:
                self.send_raw(frame(payload, PONG))
            elif opcode != PONG:
                assert opcode in (BINARY, CONTINUATION), f"a frame of kind {opcode}"
                self.payload += payload
        data, self.payload = self.payload[:n], self.payload[n:]
        return data

    def read_close(self):
        """The code of the peer's close frame; Closed if it goes without one."""
        while self.close_code is None:
            try:
                self.receive(len(self.payload) + 1)
            except mqtt.Closed:
                if self.close_code is None:
                    raise
        return self.close_code


REQUEST_OPTIONS = ("target", "vhost", "protocol", "headers", "without", "source", "timeout", "host",
                   "tls", "sni")


def connect(port, client_id, **options):
    """A client that has its CONNACK: as mqtt.connect(), with the options of Client and of
    mqtt.connect_packet(). Raises Refused, and Closed when there is no CONNACK."""
    own = {k: options.pop(k) for k in REQUEST_OPTIONS if k in options}
    client = Client(port, **own)
    try:
        client.send(mqtt.connect_packet(client_id, **options))
        client.read_connack()
    except BaseException:
        client.close()
        raise
    return client


def visit(port, client_id, **options):
    """Connect, look at the CONNACK, leave politely. The code."""
    with connect(port, client_id, **options) as client:
        if client.code == 0:
            client.send(mqtt.DISCONNECT)
            client.send_raw(frame(struct.pack("!H", 1000), CLOSE))
        return client.code


def abort(client):
    """Gone without a word: the peer sees a reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
