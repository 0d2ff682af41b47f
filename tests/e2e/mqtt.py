"""A small MQTT client over a plain socket: for bytes that no proper client would send, and for
connections that are held open by the hundred. Real clients are used where they can be."""

import collections
import contextlib
import itertools
import socket
import struct
import threading
import time


def string(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("!H", len(data)) + data


def packet(first_byte, body):
    length, n = b"", len(body)
    while True:
        n, digit = n >> 7, n & 0x7F
        length += bytes([digit | (0x80 if n else 0)])
        if not n:
            return bytes([first_byte]) + length + body


def connect_packet(client_id, level=4, username=None, password=None, keepalive=60, clean=True,
                   properties=b""):
    name = b"MQIsdp" if level & 0x7F == 3 else b"MQTT"
    flags = (0x02 if clean else 0) | (0x80 if username is not None else 0) \
        | (0x40 if password is not None else 0)
    body = string(name) + bytes([level, flags]) + struct.pack("!H", keepalive)
    if level == 5:
        body += bytes([len(properties)]) + properties
    body += string(client_id)
    for field in (username, password):
        if field is not None:
            body += string(field)
    return packet(0x10, body)


def publish_packet(topic, payload, level=4):
    return packet(0x30, string(topic) + (b"\0" if level == 5 else b"") + payload)


def subscribe_packet(topic, level=4):
    return packet(0x82, b"\0\1" + (b"\0" if level == 5 else b"") + string(topic) + b"\0")


PINGREQ, PINGRESP, DISCONNECT = b"\xc0\0", b"\xd0\0", b"\xe0\0"


class Closed(Exception):
    """The peer closed before a whole packet had come."""


class Client:
    """One connection. `code` is the CONNACK's, `session_present` its flag; None before it."""

    def __init__(self, port, host="127.0.0.1", source=None, timeout=15, tls=None, sni=None):
        """`tls`: an ssl.SSLContext; `sni` is sent as it is spelt."""
        self.socket = socket.create_connection(
            (host, port), timeout=timeout, source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=sni)
        self.code = self.session_present = None

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, n):
        data = b""
        while len(data) < n:
            try:
                piece = self.socket.recv(n - len(data))
            except ConnectionError:
                piece = b""
            if not piece:
                raise Closed
            data += piece
        return data

    def read_packet(self):
        first, shift, length = self.receive(1)[0], 0, 0
        while True:
            digit = self.receive(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first, self.receive(length)

    def read_connack(self):
        first, body = self.read_packet()
        assert first == 0x20, f"not a CONNACK: {first:#x} {body.hex()}"
        self.session_present, self.code = body[0] & 1, body[1]
        return self.code

    def read_rest(self):
        """Whatever still comes until the peer closes."""
        data = b""
        try:
            while piece := self.socket.recv(4096):
                data += piece
        except ConnectionError:
            pass
        return data

    def ping(self):
        self.send(PINGREQ)
        while self.read_packet()[0] != 0xD0:
            pass

    def is_closed(self):
        """True once the peer has closed; waits for it as long as the socket's timeout."""
        try:
            while self.socket.recv(4096):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(port, client_id, **options):
    """A client that has its CONNACK. Raises Closed when there is none."""
    own = {k: options.pop(k) for k in ("source", "timeout", "host", "tls", "sni") if k in options}
    client = Client(port, **own)
    try:
        client.send(connect_packet(client_id, **options))
        client.read_connack()
    except BaseException:
        client.close()
        raise
    return client


def visit(port, client_id, **options):
    """Connect, look at the CONNACK, leave politely. The code."""
    with connect(port, client_id, **options) as client:
        if client.code == 0:
            client.send(DISCONNECT)
        return client.code


class Load:
    """Clients that come and go without a pause, in threads, as long as the block lasts.

    `outcomes` counts what became of them: their CONNACK codes, "closed", "refused", "timeout".
    """

    def __init__(self, port, threads=4, **options):
        self.port, self.options = port, options
        self.outcomes, self.slowest = collections.Counter(), 0.0
        self.numbers, self.lock, self.over = itertools.count(), threading.Lock(), False
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while not self.over:
            started = time.monotonic()
            try:
                outcome = visit(self.port, f"load-{next(self.numbers)}", **self.options)
            except ConnectionRefusedError:
                outcome = "refused"
            except TimeoutError:
                outcome = "timeout"
            except (Closed, ConnectionError):
                outcome = "closed"
            with self.lock:
                self.outcomes[outcome] += 1
                self.slowest = max(self.slowest, time.monotonic() - started)

    @property
    def served(self):
        return self.outcomes.total()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join()


@contextlib.contextmanager
def silent_unix_listener(path):
    """A UNIX socket that takes connections and says nothing, ever."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(4096)
        yield
