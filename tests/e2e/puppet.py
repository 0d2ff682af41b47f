"""A broker on strings, for what no real broker can be brought to do or would let a test see."""

import socket
import struct
import threading
import types

import mqtt


class Puppet:
    """Stands in a lab's `brokers` where mosquitto would.

    `answer(connect)` gets the bytes of a CONNECT and returns those to send back; b"" sends nothing
    and keeps the connection. `connects` has every CONNECT that came, oldest first.
    """

    def __init__(self, name, answer=lambda connect: b"\x20\2\0\0"):
        self.name, self.answer, self.connects = name, answer, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.process = types.SimpleNamespace(running=True, kill=self.stop)
        self.lock, self.open = threading.Lock(), set()

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connect = read_connect(connection)
            self.connects.append(connect)
            connection.sendall(self.answer(connect))
            while connection.recv(4096):
                pass
        except (mqtt.Closed, OSError):
            pass  # a health check, or the end
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def arrivals(self):
        """Client ids in the order they came, as text where they are text."""
        return [client_id(c).decode(errors="backslashreplace") for c in self.connects]

    def stop(self):
        self.process.running = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in self.open:
                connection.shutdown(socket.SHUT_RDWR)


def read_connect(connection):
    """The first packet, whole."""
    data = b""
    while not is_whole(data):
        piece = connection.recv(16384)
        if not piece:
            raise mqtt.Closed
        data += piece
    return data


def is_whole(data):
    length = 0
    for i, digit in enumerate(data[1:5]):
        length |= (digit & 0x7F) << 7 * i
        if not digit & 0x80:
            return len(data) >= 2 + i + length
    return False


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
