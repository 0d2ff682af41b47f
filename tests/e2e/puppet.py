"""A broker on strings, for what no real broker can be brought to do or would let a test see."""

import contextlib
import socket
import struct
import threading
import types

import mqtt

ACCEPTED = b"\x20\2\0\0"


class Visit:
    """One client's stay: its CONNECT, what it sent behind it, whether it is still there."""

    def __init__(self, connect, rest):
        self.connect, self.rest, self.is_open = connect, bytearray(rest), True

    @property
    def client_id(self):
        """As text where it is text."""
        return client_id(self.connect).decode(errors="backslashreplace")


class Puppet:
    """Stands in a lab's `brokers` where mosquitto would.

    `answer(connect)` gets the bytes of a CONNECT and returns those to send back; b"" sends nothing
    and keeps the connection, None closes it without a byte. `visits` has every client that sent a
    CONNECT, oldest first.
    """

    def __init__(self, name, answer=lambda connect: ACCEPTED):
        self.name, self.answer, self.visits = name, answer, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.process = types.SimpleNamespace(running=True, kill=self.stop)
        self.lock, self.open = threading.Lock(), set()

    def start(self):
        """Also after stop(), on the same port."""
        if not self.process.running:
            self.listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
            self.process.running = True
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        visit = None
        try:
            data = read_connect(connection)
            whole = length_of(data)
            visit = Visit(data[:whole], data[whole:])
            self.visits.append(visit)
            answer = self.answer(visit.connect)
            if answer is not None:
                connection.sendall(answer)
                while piece := connection.recv(65536):
                    visit.rest += piece
        except (mqtt.Closed, OSError):
            pass  # a health check, or the end
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()
            if visit:
                visit.is_open = False

    @property
    def connects(self):
        """Every CONNECT that came, oldest first."""
        return [v.connect for v in self.visits]

    def arrivals(self):
        """Client ids in the order they came."""
        return [v.client_id for v in self.visits]

    def guests(self):
        """Client ids of those who are there now."""
        return [v.client_id for v in self.visits if v.is_open]

    def stop(self):
        self.process.running = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in self.open:
                with contextlib.suppress(OSError):  # it has gone by itself
                    connection.shutdown(socket.SHUT_RDWR)


def read_connect(connection):
    """The first packet, whole, and what came with it."""
    data = b""
    while not length_of(data):
        piece = connection.recv(16384)
        if not piece:
            raise mqtt.Closed
        data += piece
    return data


def length_of(data):
    """How many bytes the first packet has; 0 while it is not all there."""
    length = 0
    for i, digit in enumerate(data[1:5]):
        length |= (digit & 0x7F) << 7 * i
        if not digit & 0x80:
            whole = 2 + i + length
            return whole if len(data) >= whole else 0
    return 0


def client_id(connect):
    """The bytes of a CONNECT's client identifier."""
    at = 1
    while connect[at] & 0x80:
        at += 1
    at += 1
    (name,) = struct.unpack_from("!H", connect, at)
    level = connect[at + 2 + name]
    at += 2 + name + 4
    if level == 5:
        at += 1 + connect[at]
    (length,) = struct.unpack_from("!H", connect, at)
    return connect[at + 2:at + 2 + length]
