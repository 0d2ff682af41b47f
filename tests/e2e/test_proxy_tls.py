"""usher proxy in TLS, and the PROXY protocol both ways."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading

import pytest

import lab as laboratory
import mqtt
from test_proxy import start_proxy

HEAD = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA with a server and clients, another CA, and a certificate that has expired."""
    directory = tmp_path_factory.mktemp("certificates")
    for ca in ("ca", "other"):
        openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "30", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key",
                "-out", f"{ca}.pem")
    for name, ca, days in (("server", "ca", 30), ("device-7", "ca", 30), ("stranger", "other", 30),
                           ("expired", "ca", -1)):
        (directory / "x.ext").write_text("subjectAltName=DNS:mqtt.example,DNS:*.wild.example,"
                                         "IP:127.0.0.1\n")
        openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "x.csr")
        openssl(directory, "x509", "-req", "-in", "x.csr", "-CA", f"{ca}.pem", "-CAkey",
                f"{ca}.key", "-CAcreateserial", "-days", str(days), "-extfile", "x.ext",
                "-out", f"{name}.crt")
        (directory / f"{name}.pem").write_bytes((directory / f"{name}.crt").read_bytes()
                                                + (directory / f"{name}.key").read_bytes())
    return directory


@pytest.fixture
def broker():
    with contextlib.closing(Witness()) as one:
        yield one


class Witness:
    """A broker that keeps what came before the CONNECT."""

    def __init__(self):
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context = None
        in_background(self.run)

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            in_background(self.serve, connection)

    def serve(self, connection):
        with contextlib.suppress(OSError):
            head = b""
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            while b"MQTT" not in head:
                data = connection.recv(4096)
                if not data:
                    return
                head += data
            self.heads.append(head[:head.index(b"\x00\x04MQTT") - 2])
            connection.sendall(b"\x20\2\0\0")
            while data := connection.recv(65536):
                if data == mqtt.PINGREQ:
                    connection.sendall(b"\xd0\0")
                elif data[:1] == b"\x30":
                    connection.sendall(data)

    def close(self):
        self.listener.close()


def in_background(run, *arguments):
    threading.Thread(target=run, args=arguments, daemon=True).start()


def start(lab, bind, server, port, more=""):
    lab.port = laboratory.free_port()
    lab.config = lab.directory / "tls.cfg"
    lab.config.write_text(HEAD + f"frontend f\n    bind 127.0.0.1:{lab.port} {bind}\n{more}"
                          f"    default_backend b\nbackend b\n    server s 127.0.0.1:{port} {server}\n")
    start_proxy(lab, "-j", "2")


def secured(lab, certificates, client=None, name="mqtt.example", **limits):
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if client:
        context.load_cert_chain(certificates / f"{client}.pem")
    for key, value in limits.items():
        setattr(context, key, value)
    raw = socket.create_connection(("127.0.0.1", lab.port), timeout=5)
    return context.wrap_socket(raw, server_hostname=name)


def hello(connection, client_id="x"):
    connection.sendall(mqtt.connect_packet(client_id))
    return connection.recv(4)


@pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])
def test_client_in_tls_reaches_a_broker(lab, certificates, broker, version):
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    with secured(lab, certificates, minimum_version=version, maximum_version=version) as client:
        assert hello(client) == b"\x20\2\0\0"
        client.sendall(mqtt.PINGREQ)
        assert client.recv(2) == b"\xd0\0"


def test_a_mebibyte_each_way_in_tls(lab, certificates):
    """More than a record, a buffer and a socket take, back-pressure included."""
    server = socket.create_server(("127.0.0.1", 0))
    start(lab, f"ssl crt {certificates}/server.pem", "", server.getsockname()[1])
    payload = bytes(range(256)) * 4096

    def echo():
        connection, _ = server.accept()
        while data := connection.recv(1 << 16):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    in_background(echo)
    with secured(lab, certificates) as client:
        in_background(client.sendall, payload)
        got = b""
        while len(got) < len(payload):
            got += client.recv(1 << 16)
    assert got == payload
    server.close()


@pytest.mark.parametrize("who, let_in", [
    (None, False), ("device-7", True), ("stranger", False), ("expired", False)])
@pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])
def test_mutual_tls(lab, certificates, broker, who, let_in, version):
    start(lab, f"ssl crt {certificates}/server.pem ca-file {certificates}/ca.pem verify required",
          "send-proxy-v2-ssl-cn", broker.port)
    try:
        with secured(lab, certificates, who, minimum_version=version,
                     maximum_version=version) as client:
            assert (hello(client) == b"\x20\2\0\0") == let_in
    except (ssl.SSLError, ConnectionError):
        assert not let_in
    if let_in:
        assert b"device-7" in broker.heads[0]
        assert broker.heads[0].startswith(b"\r\n\r\n\0\r\nQUIT\n\x21\x11")
    else:
        lab.usher.wait_log("reason=handshake state=handshake")
        assert not broker.heads


def test_unverified_name_is_never_sent(lab, certificates, broker):
    """verify optional lets it in, when told to; EMQX would believe the name."""
    start(lab, f"ssl crt {certificates}/server.pem ca-file {certificates}/ca.pem verify optional "
          "crt-ignore-err all ca-ignore-err all", "send-proxy-v2-ssl-cn", broker.port)
    with secured(lab, certificates, "stranger") as client:
        assert hello(client) == b"\x20\2\0\0"
    assert b"stranger" not in broker.heads[0]


def test_verdict_sees_the_certificate(lab, certificates, broker):
    lab.policy = lab.write_policy({"frontends": {"f": {}},
                                   "identity": {"client_id": "equals", "to": "cn"}})
    start(lab, f"ssl crt {certificates}/server.pem ca-file {certificates}/ca.pem verify required",
          "", broker.port)
    with secured(lab, certificates, "device-7") as client:
        assert hello(client, "device-7") == b"\x20\2\0\0"
    with secured(lab, certificates, "device-7") as client:
        assert hello(client, "somebody") == b"\x20\2\0\5"


def test_rules_see_the_name_a_client_asked_for(lab, certificates, broker):
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port,
          more="    tcp-request content reject unless { ssl_fc_sni -i mqtt.example }\n")
    with secured(lab, certificates) as client:
        assert hello(client) == b"\x20\2\0\0"
    with secured(lab, certificates, name="127.0.0.1") as client:
        client.sendall(mqtt.connect_packet("x"))
        with contextlib.suppress(ConnectionError):
            assert client.recv(4) == b""


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", mqtt.connect_packet("x"), b"\x16\3\1"],
                         ids=["http", "plain_mqtt", "cut"])
def test_what_is_no_handshake(lab, certificates, broker, sent):
    start(lab, f"ssl crt {certificates}/server.pem", "", broker.port)
    with socket.create_connection(("127.0.0.1", lab.port), timeout=5) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while client.recv(4096):
                pass
    lab.usher.wait_log("reason=handshake")
    assert not broker.heads


def test_server_in_tls(lab, certificates, broker):
    broker.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    broker.context.load_cert_chain(certificates / "server.pem")
    start(lab, "", f"ssl verify required ca-file {certificates}/ca.pem verifyhost mqtt.example",
          broker.port)
    assert mqtt.visit(lab.port, "x") == 0


def test_server_whose_certificate_is_not_trusted(lab, certificates, broker):
    broker.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    broker.context.load_cert_chain(certificates / "stranger.pem")
    start(lab, "", f"ssl verify required ca-file {certificates}/ca.pem", broker.port)
    with mqtt.Client(lab.port) as client:
        client.send(mqtt.connect_packet("x"))
        assert client.is_closed()
    lab.usher.wait_log("reason=connect_failed")
    assert not broker.heads


# -- PROXY protocol


V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(source, port, command=0x21, family=0x11, more=b""):
    body = socket.inet_aton(source) + socket.inet_aton("10.0.0.2") + struct.pack("!HH", port, 1883)
    return V2 + bytes([command, family]) + struct.pack("!H", len(body) + len(more)) + body + more


@pytest.mark.parametrize("header", [
    b"PROXY TCP4 192.0.2.7 10.0.0.2 4711 1883\r\n", v2("192.0.2.7", 4711),
    v2("192.0.2.7", 4711, more=b"\4\0\3abc")], ids=["v1", "v2", "tlv"])
@pytest.mark.parametrize("pieces", [1, 0], ids=["fused", "byte_by_byte"])
def test_header_says_who_the_client_is(lab, broker, header, pieces):
    start(lab, "accept-proxy", "send-proxy", broker.port,
          more="    tcp-request content reject unless { src 192.0.2.7 } { src_port 4711 }\n")
    data = header + mqtt.connect_packet("x")
    with mqtt.Client(lab.port) as client:
        if pieces:
            client.send(data)
        else:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(data)):
                client.send(data[at:at + 1])
        assert client.read_connack() == 0
    assert broker.heads == [b"PROXY TCP4 192.0.2.7 10.0.0.2 4711 1883\r\n"]


@pytest.mark.parametrize("header, carried", [
    (v2("192.0.2.7", 1, command=0x20), True), (b"PROXY UNKNOWN\r\n", True),
    (v2("192.0.2.7", 1, family=0x12), False), (mqtt.connect_packet("x"), False),
    (b"PROXY TCP4 192.0.2.7 10.0.0.2 4711\r\n", False), (V2 + b"\x21\x11\0\4abcd", False),
    (v2("192.0.2.7", 1, more=b"\4\0\xffabc"), False),
], ids=["local", "unknown", "datagram", "no_header", "no_port", "short", "tlv_past_the_end"])
def test_other_headers(lab, broker, header, carried):
    start(lab, "accept-proxy", "", broker.port)
    with mqtt.Client(lab.port) as client:
        client.send(header + mqtt.connect_packet("x"))
        if carried:
            assert client.read_connack() == 0
        else:
            assert client.is_closed()
            lab.usher.wait_log("reason=bad_header state=header")


@pytest.mark.parametrize("word", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl",
                                  "send-proxy-v2-ssl-cn",
                                  "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_bytes_are_haproxys(lab, broker, word):
    """The same line in HAProxy and in usher; only the client's port differs."""
    def header(port):
        with mqtt.Client(port, source="127.0.0.77") as client:
            client.send(mqtt.connect_packet("x"))
            assert client.read_connack() == 0
            mine = client.socket.getsockname()[1]
        head = broker.heads.pop()
        v1 = re.sub(rb" \d+ \d+\r\n", b" PORT PORT\r\n", head)
        zero = head[:24] + b"PORT" + head[28:] if head.startswith(V2) else v1
        assert str(mine).encode() in head or struct.pack("!H", mine) in head
        return re.sub(rb"\x03\x00\x04....", b"CRC", zero, flags=re.S)

    start(lab, "", word, broker.port)
    ours = header(lab.port)
    port = laboratory.free_port()
    (lab.directory / "h.cfg").write_text(lab.config.read_text().replace(str(lab.port), str(port)))
    haproxy = laboratory.Process("haproxy", ["haproxy", "-db", "-f", str(lab.directory / "h.cfg")],
                                 lab.directory)
    laboratory.wait_for(lambda: not refused(port), "HAProxy to listen")
    broker.heads.clear()
    assert header(port) == ours
    haproxy.stop()


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")
def test_key_that_root_alone_may_read(lab, certificates, broker, monkeypatch):
    """usher as a user of its own reads it at start and, its powers given up, at a reload."""
    for name in ("server", "device-7"):
        (lab.directory / f"{name}.pem").write_bytes((certificates / f"{name}.pem").read_bytes())
        (lab.directory / f"{name}.pem").chmod(0o600)
    monkeypatch.setattr(laboratory, "USHER", shutil.copy(laboratory.USHER, lab.directory))
    lab.directory.chmod(0o755)
    granted = "+net_bind_service,+chown,+dac_read_search"
    lab.wrapper = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                   f"--inh-caps={granted}", f"--ambient-caps={granted}"]
    start(lab, f"ssl crt {lab.directory}/server.pem", "", broker.port)
    with secured(lab, certificates) as client:
        assert client.getpeercert()["subject"] == ((("commonName", "server"),),)
        lab.config.write_text(lab.config.read_text().replace("/server.pem", "/device-7.pem"))
        lab.usher.send_signal(1)
        lab.usher.wait_log("reload done")
        with secured(lab, certificates) as newer:
            assert newer.getpeercert()["subject"] == ((("commonName", "device-7"),),)
        assert hello(client) == b"\x20\2\0\0"
