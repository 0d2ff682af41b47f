"""A small SPOP peer in HAProxy's place: for floods, and for frames that HAProxy never sends."""

import socket
import struct

FIN = 1
UNSET, HAPROXY_HELLO, HAPROXY_DISCONNECT, NOTIFY = 0, 1, 2, 3
AGENT_HELLO, AGENT_DISCONNECT, ACK = 101, 102, 103


# -- bytes


def varint(x):
    if x < 240:
        return bytes([x])
    out = bytes([0xF0 | (x & 0x0F)])
    x = (x - 240) >> 4
    while x >= 128:
        out += bytes([0x80 | (x & 0x7F)])
        x = (x - 128) >> 7
    return out + bytes([x])


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return varint(len(data)) + data


def value(x):
    """None, bool, int (INT64), str (STRING), bytes (BINARY) or an address in a tuple (IPv4)."""
    if x is None:
        return b"\x00"
    if isinstance(x, bool):
        return b"\x11" if x else b"\x01"
    if isinstance(x, int):
        return b"\x04" + varint(x)
    if isinstance(x, tuple):
        return b"\x06" + bytes(x)
    return (b"\x08" if isinstance(x, str) else b"\x09") + string(x)


def uint32(x):
    return b"\x03" + varint(x)


def items(pairs):
    """Key/value list; values that are encoded already come as bytearray."""
    return b"".join(string(k) + (bytes(v) if isinstance(v, bytearray) else value(v))
                    for k, v in pairs.items())


def frame(kind, payload=b"", stream=0, number=0, flags=FIN):
    body = bytes([kind]) + struct.pack("!I", flags) + varint(stream) + varint(number) + payload
    return struct.pack("!I", len(body)) + body


def hello(**changes):
    """HAPROXY-HELLO as 2.6 says it; a change to None leaves the item away."""
    said = {"supported-versions": "2.0", "max-frame-size": bytearray(uint32(16380)),
            "capabilities": "pipelining,async", "engine-id": "0f6ac3a2-test",
            **{k.replace("_", "-"): v for k, v in changes.items()}}
    return frame(HAPROXY_HELLO, items({k: v for k, v in said.items() if v is not None}))


def bye(status=0, message="normal"):
    return frame(HAPROXY_DISCONNECT,
                 items({"status-code": bytearray(uint32(status)), "message": message}))


def message(name, **arguments):
    return string(name) + bytes([len(arguments)]) + items(arguments)


def notify(client_id, stream, number=1, frontend="mqtt", **more):
    """A client asks to be let in, with the arguments that matter."""
    asked = message("usher-connect", client_id=client_id.encode(), level=b"4",
                    source=(127, 0, 0, 1), frontend=frontend, **more)
    return frame(NOTIFY, asked, stream, number)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert self.at + n <= len(self.data), "a field runs past its frame"
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self):
        x = self.take(1)[0]
        if x < 240:
            return x
        shift, digit = 4, 0x80
        while digit & 0x80:
            digit = self.take(1)[0]
            x += digit << shift
            shift += 7
        return x

    def string(self):
        return self.take(self.varint()).decode()

    def value(self):
        kind = self.take(1)[0]
        if kind & 15 == 1:
            return bool(kind & 16)
        if kind & 15 in (2, 3, 4, 5):
            return self.varint()
        assert kind & 15 in (8, 9), f"unexpected type {kind:#x}"
        return self.string()

    @property
    def more(self):
        return self.at < len(self.data)


class Frame:
    """One that the agent sent."""

    def __init__(self, body):
        reader = Reader(body)
        self.kind = reader.take(1)[0]
        self.flags, = struct.unpack("!I", reader.take(4))
        self.stream, self.number = reader.varint(), reader.varint()
        self.items, self.variables = {}, {}
        while reader.more and self.kind == ACK:
            assert reader.take(2) == b"\x01\x03", "not a set-var"
            assert reader.take(1) == b"\x02", "not in txn"
            name = reader.string()
            self.variables[name] = reader.value()
        while reader.more:
            name = reader.string()
            self.items[name] = reader.value()


class Peer:
    """One connection to the agent. Frames come one by one; None is its end."""

    def __init__(self, port, timeout=15, receive_buffer=None):
        address = ("127.0.0.1", port) if isinstance(port, int) else port
        self.socket = socket.socket(
            socket.AF_INET if isinstance(port, int) else socket.AF_UNIX)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        self.data = b""
        self.n_reads = 0

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def frame(self):
        while len(self.data) < 4 or len(self.data) < 4 + self._length():
            try:
                piece = self.socket.recv(1 << 20)
            except ConnectionError:
                piece = b""
            if not piece:
                assert not self.data, f"the end came within a frame: {self.data[:64].hex()}"
                return None
            self.n_reads += 1
            self.data += piece
        end = 4 + self._length()
        body, self.data = self.data[4:end], self.data[end:]
        return Frame(body)

    def _length(self):
        return struct.unpack("!I", self.data[:4])[0]

    def frames(self, n):
        return [self.frame() for _ in range(n)]

    def ready(self):
        """Say HELLO and hear it answered."""
        self.send(hello())
        answer = self.frame()
        assert answer and answer.kind == AGENT_HELLO, "no AGENT-HELLO"
        return self

    def end(self):
        """What the agent says before it closes: the status of its DISCONNECT, None without."""
        status = None
        while (said := self.frame()) is not None:
            assert said.kind == AGENT_DISCONNECT, f"frame {said.kind} instead of DISCONNECT"
            status = said.items["status-code"]
        return status

    def ask(self, client_id, stream=1):
        """The verdict's variables for one client."""
        self.send(notify(client_id, stream))
        answer = self.frame()
        assert answer and answer.kind == ACK and answer.stream == stream
        return answer.variables

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
