"""Clients of usher proxy in TLS who are slow, many, malicious, or there while files change."""

import base64
import contextlib
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import mqtt
from conftest import FULL
from lab import free_port, wait_for
from test_admin import Admin
from test_proxy_tls import (VERSIONS, broker, certificates, hello, in_background,  # noqa: F401
                            openssl, secured, start)


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def version(request):
    return request.param


def context_for(certificates, version=None):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class Handshaker:
    """A client in TLS whose bytes we hold in our hands."""

    def __init__(self, port, context, name="mqtt.example"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)

    def hello(self):
        """The ClientHello, not sent yet."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def call(self, method, *arguments, send=None):
        """Until it is done; `send` is given each piece that goes out."""
        while True:
            try:
                return method(*arguments)
            except ssl.SSLWantReadError:
                (send or self.socket.sendall)(self.outgoing.read())
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionError("closed") from None
                self.incoming.write(data)
            finally:
                if self.outgoing.pending:
                    (send or self.socket.sendall)(self.outgoing.read())

    def trickle(self, data):
        for at in range(len(data)):
            self.socket.sendall(data[at:at + 1])


# -- slow and many

def test_handshake_byte_by_byte(lab, certificates, broker, version):
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    client = Handshaker(lab.port, context_for(certificates, version))
    client.call(client.tls.do_handshake, send=client.trickle)
    client.call(client.tls.write, mqtt.connect_packet("x"), send=client.trickle)
    assert client.call(client.tls.read, 4) == b"\x20\2\0\0"
    client.socket.close()


def test_trickle_does_not_outlast_the_deadline(lab, certificates, broker):
    """With the small count the deadline is `timeout client`, in USHER_FULL usher's ten seconds."""
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    if not FULL:
        lab.config.write_text(lab.config.read_text().replace("client 30s", "client 500ms"))
        lab.usher.send_signal(1)
        lab.usher.wait_log("reload done")
    client = Handshaker(lab.port, context_for(certificates))
    bytes_of_hello = client.hello()
    pause, sent = threading.Event(), 0
    with contextlib.suppress(OSError):
        for at in range(len(bytes_of_hello) - 1):
            client.socket.sendall(bytes_of_hello[at:at + 1])
            sent += 1
            pause.wait(1 if FULL else 0.01)
            client.socket.settimeout(0.001)
            with contextlib.suppress(TimeoutError):
                if client.socket.recv(1) == b"":
                    break
    lab.usher.wait_log("reason=handshake state=handshake")
    assert sent < len(bytes_of_hello) - 1
    assert not broker.heads


def test_unfinished_handshakes_have_a_limit(lab, certificates, broker):
    """Silent strangers take all places: newcomers in TLS wait, the others do not."""
    admin = Admin(lab, {"limits": {"handshakes": 3}})
    plain = free_port()
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port,
          more=f"    bind 127.0.0.1:{plain}\n")

    def metric(name):
        return admin.metrics()[f"usher_tls_handshakes_{name}"]

    silent = [socket.create_connection(("127.0.0.1", lab.port)) for _ in range(3)]
    wait_for(lambda: metric("under_way") == 3, "all places to be taken")
    assert metric("limit") == 3
    came = threading.Event()

    def come():
        with secured(lab, certificates) as client:
            assert hello(client) == b"\x20\2\0\0"
            came.set()

    in_background(come)
    wait_for(lambda: metric("waited_total") > 0, "the newcomer to be left in the backlog")
    assert mqtt.visit(plain, "y") == 0
    assert not came.is_set()
    silent.pop().close()
    assert came.wait(10)
    for one in silent:
        one.close()
    wait_for(lambda: metric("under_way") == 0, "all places to be free")
    assert metric("total") == 1
    assert metric("failed_total") == 3


# -- malicious

GARBAGE = {
    "record_of_nothing": b"\x16\3\1\0\0",
    "record_too_long": b"\x16\3\1\xff\xff" + b"x" * 70000,
    "hello_is_text": b"\x16\3\1\0\5hello",
    "hello_longer_than_it_is": b"\x16\3\1\0\4\1\xff\xff\xff" + b"\x16\3\1\0\4aaaa" * 8,
    "other_type_first": b"\x17\3\3\0\4data",
    "alert_first": b"\x15\3\3\0\2\2\x28",
    "sslv2": b"\x80\x2e\1\3\1" + b"\0" * 41,
    "cut_extension": b"\x16\3\1\0\x33\1\0\0\x2f\3\3" + b"r" * 32 + b"\0\0\2\xc0\x2b\1\0\0\4\0\0\0\xff",
    "noise": bytes(range(255, -1, -1)) * 8,
}


def test_garbage_for_a_client_hello(lab, certificates, broker):
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    for name, sent in GARBAGE.items():
        at = len(lab.usher.log())
        with socket.create_connection(("127.0.0.1", lab.port), timeout=10) as client:
            with contextlib.suppress(OSError):  # it may be gone before we are done
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass
        assert lab.usher.wait_log("reason=handshake", after=at), name
    assert not broker.heads
    with secured(lab, certificates) as client:
        assert hello(client) == b"\x20\2\0\0"


def test_name_with_nul_is_refused(lab, certificates, broker):
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    client = Handshaker(lab.port, context_for(certificates))
    client.socket.sendall(client.hello().replace(b"mqtt.example", b"mqtt\0example"))
    answer = client.socket.recv(4096)
    assert answer[0] == 21 and answer[5] == 2  # a fatal alert
    lab.usher.wait_log("reason=handshake")


def test_name_with_control_character_is_none(lab, certificates, broker):
    """Not cut at it either: a rule sees no name at all."""
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port,
          more="    tcp-request content reject if { ssl_fc_sni -m found }\n")
    for name, passes in (("mqtt.example", False), ("mqtt.example\x01", True)):
        with subprocess.Popen(
                ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{lab.port}",
                 "-servername", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL) as client:
            client.stdin.write(mqtt.connect_packet("x"))
            client.stdin.flush()
            assert (client.stdout.read(4) == b"\x20\2\0\0") == passes
            client.kill()


@pytest.mark.parametrize("bad", [b"\0", b"\n"], ids=["nul", "newline"])
def test_common_name_that_hides_another(lab, certificates, broker, bad):
    """Its signature is broken too, which the line is told to overlook."""
    pem = (certificates / "device-7.crt").read_text()
    body = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S)[1]
    der = base64.b64decode(body)
    assert b"device-7" in der
    forged = base64.encodebytes(der.replace(b"device-7", b"devic" + bad + b"-7")).decode()
    (lab.directory / "forged.pem").write_text(
        f"-----BEGIN CERTIFICATE-----\n{forged}-----END CERTIFICATE-----\n"
        + (certificates / "device-7.key").read_text())
    start(lab, f"ssl crt {certificates}/server.pem ca-file {certificates}/ca.pem verify optional "
          "crt-ignore-err all ca-ignore-err all", "send-proxy-v2-ssl-cn", broker.port,
          more="    tcp-request content reject if { ssl_c_s_dn(cn) -m found }\n")
    context = context_for(certificates)
    for chain, passes in ((certificates / "device-7.pem", False),
                          (lab.directory / "forged.pem", True)):
        context.load_cert_chain(chain)
        raw = socket.create_connection(("127.0.0.1", lab.port), timeout=5)
        with context.wrap_socket(raw, server_hostname="mqtt.example") as client:
            with contextlib.suppress(ConnectionError):
                assert (hello(client) == b"\x20\2\0\0") == passes
    assert b"devic" not in broker.heads[0]


# -- clients that come back

def test_session_goes_on_over_workers_and_reload(lab, certificates, broker, version):
    """And each handshake gives one ticket, also when it was resumed."""
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    context = context_for(certificates, version)
    tickets = []

    def message(_, direction, __, content, kind, ___):
        if direction == "read" and content == 22 and kind == 4:
            tickets.append(kind)

    context._msg_callback = message  # what `openssl s_client -msg` shows; the ssl module has no other
    session = None
    for turn in range(10):
        raw = socket.create_connection(("127.0.0.1", lab.port), timeout=5)
        with context.wrap_socket(raw, server_hostname="mqtt.example", session=session) as client:
            assert hello(client) == b"\x20\2\0\0"
            assert client.session_reused == (turn > 0)
            session = client.session
        if turn == 4:
            lab.usher.send_signal(1)
            lab.usher.wait_log("reload done")
    if version == ssl.TLSVersion.TLSv1_3:
        assert len(tickets) == 10
    else:
        assert len(tickets) == 1


# -- names

def test_three_names(lab, certificates, broker):
    directory = lab.directory
    for name, alternatives in (("default", "DNS:default.example"), ("exact", "DNS:a.example"),
                               ("wildcard", "DNS:*.example")):
        (directory / "x.ext").write_text(f"subjectAltName={alternatives}\n")
        openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "x.csr")
        openssl(directory, "x509", "-req", "-in", "x.csr", "-CA", f"{certificates}/ca.pem", "-CAkey",
                f"{certificates}/ca.key", "-CAcreateserial", "-extfile", "x.ext", "-out",
                f"{name}.crt")
        (directory / f"{name}.pem").write_bytes((directory / f"{name}.crt").read_bytes()
                                                + (directory / f"{name}.key").read_bytes())
    strict = free_port()
    crts = " ".join(f"crt {directory}/{name}.pem" for name in ("default", "exact", "wildcard"))
    start(lab, f"ssl {crts}", "", broker.port,
          more=f"    bind 127.0.0.1:{strict} ssl strict-sni {crts}\n")
    context = context_for(certificates)
    context.check_hostname = False

    def shown(port, name):
        raw = socket.create_connection(("127.0.0.1", port), timeout=5)
        try:
            with context.wrap_socket(raw, server_hostname=name) as client:
                return dict(field for entry in client.getpeercert()["subject"]
                            for field in entry)["commonName"]
        except (ssl.SSLError, ConnectionError):
            return None

    for name, certificate, known in (
            ("a.example", "exact", True), ("A.EXAMPLE", "exact", True),
            ("b.example", "wildcard", True), ("c.b.example", "default", False),
            ("default.example", "default", True), ("else.where", "default", False),
            (None, "default", False)):
        assert shown(lab.port, name) == certificate, name
        assert shown(strict, name) == (certificate if known else None), name


# -- rotation

def test_certificates_change_under_load(lab, certificates, broker, count):
    """Reload upon reload while clients come all the time: not one handshake fails."""
    first, second = ((certificates / f"{name}.pem").read_bytes() for name in ("server", "device-7"))
    path = lab.directory / "live.pem"
    path.write_bytes(first)
    start(lab, f"ssl crt {path}", "", broker.port)
    stop, failures, shown = threading.Event(), [], []

    def come():
        while not stop.is_set():
            try:
                with secured(lab, certificates) as client:
                    assert hello(client) == b"\x20\2\0\0"
                    shown.append(dict(field for entry in client.getpeercert()["subject"]
                                      for field in entry)["commonName"])
            except (OSError, AssertionError) as error:
                failures.append(error)

    clients = [threading.Thread(target=come) for _ in range(count(4, 16))]
    for client in clients:
        client.start()
    for turn in range(count(6, 60)):
        before, at = len(shown), len(lab.usher.log())
        (lab.directory / "next.pem").write_bytes(first if turn % 2 else second)
        (lab.directory / "next.pem").rename(path)
        lab.usher.send_signal(1)
        lab.usher.wait_log("reload done", after=at)
        wait_for(lambda: len(shown) > before + 8, "clients after the reload")
        wanted = "server" if turn % 2 else "device-7"
        wait_for(lambda: shown[-1] == wanted, f"the certificate of {wanted}")
    stop.set()
    for client in clients:
        client.join()
    assert not failures
    assert set(shown) == {"server", "device-7"}


def test_expiry_is_a_metric(lab, certificates, broker):
    """Each file once for a frontend, and of what was read last."""
    admin = Admin(lab)
    path = lab.directory / "live.pem"
    path.write_bytes((certificates / "expired.pem").read_bytes())
    start(lab, f"ssl crt {path} crt {certificates}/server.pem", "", broker.port,
          more=f"    bind 127.0.0.1:{free_port()} ssl crt {path}\n")

    def expires(name):
        done = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in",
                               f"{certificates}/{name}.crt"], capture_output=True, text=True, check=True)
        return ssl.cert_time_to_seconds(done.stdout.strip().removeprefix("notAfter="))

    def series():
        page = admin.get("/metrics")
        assert len(re.findall(r"(?m)^usher_certificate", page)) == 2
        return {key: value for key, value in admin.metrics().items()
                if key.startswith("usher_certificate_expiry_timestamp_seconds")}

    def key(file):
        return ("usher_certificate_expiry_timestamp_seconds"
                f'{{frontend="f",file="{file}",name="mqtt.example"}}')

    assert series() == {key(path): expires("expired"),
                        key(certificates / "server.pem"): expires("server")}
    path.write_bytes((certificates / "device-7.pem").read_bytes())
    lab.usher.send_signal(1)
    lab.usher.wait_log("reload done")
    assert series()[key(path)] == expires("device-7")
    status = admin.run("status", "--json").stdout
    assert f'"expires_at": {expires("device-7"):.0f}' in status


# -- several records in one segment: no event tells of those behind the first

class InPieces:
    """A broker in TLS whose CONNACK comes in these pieces, a record each, in one segment."""

    def __init__(self, certificate, pieces):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate)
        self.pieces = pieces
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        in_background(self.run)

    def run(self):
        peer, _ = self.listener.accept()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        for step in (tls.do_handshake, lambda: tls.read(4096)):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    peer.sendall(outgoing.read())
                    incoming.write(peer.recv(65536))
        for piece in self.pieces:
            tls.write(piece)
        peer.sendall(outgoing.read())
        with contextlib.suppress(OSError):
            peer.recv(1)

    def close(self):
        self.listener.close()


def test_answer_in_several_records(lab, certificates):
    with contextlib.closing(InPieces(certificates / "server.pem",
                                     [b"\x20", b"\2", b"\0\0"])) as broker:
        lab.policy = lab.write_policy({"frontends": {"f": {}}})
        start(lab, "", "ssl verify none", broker.port)
        assert mqtt.visit(lab.port, "x") == 0


def test_burst_of_records_while_the_broker_speaks(lab, certificates):
    """What stands in OpenSSL's buffer is read on though the client's events change meanwhile."""
    server = socket.create_server(("127.0.0.1", 0))
    start(lab, f"ssl crt {certificates}/server.pem", "", server.getsockname()[1])
    client = Handshaker(lab.port, context_for(certificates))
    client.call(client.tls.do_handshake)
    client.call(client.tls.write, mqtt.connect_packet("x"))
    broker, _ = server.accept()
    broker.settimeout(10)
    broker.recv(4096)
    broker.sendall(b"\x20\2\0\0")
    assert client.call(client.tls.read, 4) == b"\x20\2\0\0"
    lab.usher.send_signal(signal.SIGSTOP)
    for _ in range(200):
        client.tls.write(mqtt.PINGREQ)
    client.socket.sendall(client.outgoing.read())
    broker.sendall(b"\x30" * 65536)
    lab.usher.send_signal(signal.SIGCONT)
    got = b""
    while len(got) < 200 * len(mqtt.PINGREQ):
        got += broker.recv(4096)
    assert got == mqtt.PINGREQ * 200
    for one in (client.socket, broker, server):
        one.close()
