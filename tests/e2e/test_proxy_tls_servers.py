"""usher proxy and its servers in TLS: the names they are told, and their health checks."""

import contextlib
import re
import socket
import ssl
import struct

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from test_proxy import start_proxy
from test_proxy_health import HTTP, LOG, TCP, Answerer, fast, http, same_sentences, says, silent
from test_proxy_tls import HEAD, Witness, certificates, refused  # noqa: F401 (a fixture)


class NamedWitness(Witness):
    """A broker in TLS that keeps the names it was called by."""

    def __init__(self, certificate):
        super().__init__()
        self.names = []
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)


# what stands in the server line; what the client asks for; is it taken, and by which name called?
NAMES = {
    "none": ("", None, True, None),
    "expression": ("sni ssl_fc_sni", "mqtt.example", True, "mqtt.example"),
    "case": ("sni ssl_fc_sni,upper", "mqtt.example", True, "MQTT.EXAMPLE"),
    "constant": ("sni str(mqtt.example)", None, True, "mqtt.example"),
    "common_name": ("sni str(server)", None, True, "server"),
    "wildcard": ("sni str(a.wild.example)", None, True, "a.wild.example"),
    "wildcard_two_labels": ("sni str(a.b.wild.example)", None, False, "a.b.wild.example"),
    "address": ("sni str(127.0.0.1)", None, False, "127.0.0.1"),
    "other": ("sni str(other.example)", None, False, "other.example"),
    "no_value": ("sni ssl_fc_sni", None, True, None),
    "verifyhost": ("verifyhost mqtt.example", None, True, None),
    "verifyhost_other": ("verifyhost other.example", None, False, None),
    "sni_before_verifyhost": ("sni str(mqtt.example) verifyhost other.example", None, True,
                              "mqtt.example"),
    "sni_without_value": ("sni ssl_fc_sni verifyhost other.example", None, False, None),
}


def names_config(certificates, brokers, ports):
    return HEAD + "".join(
        f"listen {case}\n    bind 127.0.0.1:{ports[case]} ssl crt {certificates}/server.pem\n"
        f"    retries 0\n"
        f"    server s 127.0.0.1:{brokers[case].port} ssl verify required "
        f"ca-file {certificates}/ca.pem {NAMES[case][0]}\n" for case in NAMES)


def outcomes(certificates, brokers, ports):
    """For each case: was the client taken, and the name that its broker heard."""
    found = {}
    for case, (_, name, _, _) in NAMES.items():
        brokers[case].names.clear()
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        context.check_hostname = False
        raw = socket.create_connection(("127.0.0.1", ports[case]), timeout=5)
        taken = False
        with contextlib.suppress(OSError), \
                context.wrap_socket(raw, server_hostname=name) as client:
            client.sendall(mqtt.connect_packet("x"))
            taken = client.recv(4) == b"\x20\2\0\0"
        wait_for(lambda: brokers[case].names, f"{case}: somebody to ask the broker")
        found[case] = (taken, brokers[case].names[0])
    return found


def test_names_are_told_and_checked_as_by_haproxy(lab, certificates):
    brokers = {case: NamedWitness(certificates / "server.pem") for case in NAMES}
    ports = {who: {case: laboratory.free_port() for case in NAMES} for who in ("usher", "haproxy")}
    lab.config = lab.directory / "names.cfg"
    lab.config.write_text(names_config(certificates, brokers, ports["usher"]))
    start_proxy(lab)
    (lab.directory / "h.cfg").write_text(names_config(certificates, brokers, ports["haproxy"]))
    haproxy = laboratory.Process("haproxy", ["haproxy", "-db", "-f", str(lab.directory / "h.cfg")],
                                 lab.directory)
    wait_for(lambda: not refused(ports["haproxy"]["none"]), "HAProxy to listen")
    try:
        wanted = {case: row[2:] for case, row in NAMES.items()}
        assert outcomes(certificates, brokers, ports["usher"]) == wanted
        assert outcomes(certificates, brokers, ports["haproxy"]) == wanted
    finally:
        haproxy.stop()
        for broker in brokers.values():
            broker.close()


@pytest.mark.parametrize("name", ["str()", "str(mqtt.example%0a),url_dec",
                                  f"str({'a.' * 128}b)"], ids=["empty", "newline", "long"])
def test_name_that_is_none_is_not_cut(lab, certificates, name):
    broker = NamedWitness(certificates / "server.pem")
    lab.port = laboratory.free_port()
    lab.config = lab.directory / "name.cfg"
    lab.config.write_text(HEAD + f"listen l\n    bind 127.0.0.1:{lab.port}\n"
                          f"    server s 127.0.0.1:{broker.port} ssl verify none sni {name}\n")
    start_proxy(lab)
    with mqtt.Client(lab.port) as client:
        client.send(mqtt.connect_packet("x"))
        assert client.is_closed()
    lab.usher.wait_log("reason=connect_failed")
    assert not broker.names
    broker.close()


# -- health checks

def in_tls(serve, certificate="server"):
    """The same behind a handshake; the certificate's place is known when it runs."""
    def make(certificates):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates / f"{certificate}.pem")

        def run(connection, n):
            with context.wrap_socket(connection, server_side=True) as wrapped:
                serve(wrapped, n)
        return run
    return make


def clear(serve):
    return lambda _: serve


def linger(connection, _):
    """As silent(), but ends as the other side does."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def reset(connection, _):
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


TRUSTED = "ssl verify required ca-file CERTS/ca.pem"
SERVER = f"server s 127.0.0.1:PORT {fast()}"
ASK = ["tcp-check send hello", "tcp-check expect string welcome"]

CHECKS = {
    "refused": (None, [f"{SERVER} ssl verify none"], 2),
    "connected": (in_tls(linger), [LOG, f"{SERVER} {TRUSTED}"], 1),
    "silent": (clear(silent), [f"{SERVER} ssl verify none"], 2),
    "silent_timeout_check": (clear(silent), ["timeout check 50ms", f"{SERVER} ssl verify none"], 2),
    "garbage": (clear(says(b"220 welcome\r\n")), [f"{SERVER} ssl verify none"], 2),
    "closed": (clear(says(b"")), [f"{SERVER} ssl verify none"], 2),
    "not_trusted": (in_tls(linger, "stranger"), [f"{SERVER} {TRUSTED}"], 2),
    "not_trusted_in_script": (in_tls(linger, "stranger"), [TCP, *ASK, f"{SERVER} {TRUSTED}"], 2),
    "expired": (in_tls(linger, "expired"), [f"{SERVER} {TRUSTED}"], 2),
    "other_name": (in_tls(linger), [f"{SERVER} {TRUSTED} verifyhost other.example"], 2),
    "other_check_sni": (in_tls(linger), [f"{SERVER} {TRUSTED} check-sni other.example"], 2),
    "check_sni": (in_tls(linger), [LOG, f"{SERVER} {TRUSTED} check-sni mqtt.example"], 1),
    "sni_is_for_clients": (in_tls(linger), [LOG, f"{SERVER} {TRUSTED} sni str(other.example)"], 1),
    "script": (in_tls(says(b"welcome")), [LOG, TCP, *ASK, f"{SERVER} {TRUSTED}"], 1),
    "script_default": (in_tls(says(b"welcome")), [
        LOG, TCP, "tcp-check connect default", *ASK, f"{SERVER} {TRUSTED}"], 1),
    "script_only_connects": (in_tls(linger), [
        LOG, TCP, "tcp-check connect default", f"{SERVER} {TRUSTED}"], 1),
    "script_in_the_clear": (clear(says(b"welcome")), [
        LOG, TCP, "tcp-check connect", *ASK, f"{SERVER} {TRUSTED}"], 1),
    "http": (in_tls(http(200, 500)), [LOG, HTTP, f"{SERVER} {TRUSTED}"], 4),
    "no_check_ssl": (clear(silent), [LOG, f"{SERVER} {TRUSTED} no-check-ssl"], 1),
    "check_ssl_alone": (in_tls(linger), [LOG, f"{SERVER} check-ssl verify none"], 1),
    "elsewhere": (clear(silent), [LOG, f"server s 127.0.0.1:1 {fast()} port PORT {TRUSTED}"], 1),
    "elsewhere_check_ssl": (in_tls(linger), [
        LOG, f"server s 127.0.0.1:1 {fast()} port PORT check-ssl verify none"], 1),
}


@pytest.mark.parametrize("case", CHECKS)
def test_same_sentences_as_haproxy_in_tls(lab, certificates, case):
    make, lines, n = CHECKS[case]
    same_sentences(lab, make and make(certificates),
                   [line.replace("CERTS", str(certificates)) for line in lines], n)


def test_reset_in_the_handshake_fails_the_check(lab):
    """HAProxy sometimes adds the errno, by how soon it notices; usher never does."""
    server = Answerer(reset)
    lab.config = lab.directory / "reset.cfg"
    lab.config.write_text(HEAD + f"listen b\n    bind 127.0.0.1:{laboratory.free_port()}\n    "
                          + SERVER.replace("PORT", str(server.port)) + " ssl verify none\n")
    start_proxy(lab)
    lab.usher.wait_log("Server b/s is DOWN, reason: Layer6 invalid response, info: "
                       '"SSL handshake failure", check duration')
    server.stop()


class Recorder:
    """Keeps the first bytes of a connection, up to the mark; in TLS it takes that off."""

    def __init__(self, context=None):
        self.context, self.first = context, None
        self.alpn = self.name = None
        self.server = Answerer(self.serve)

    def serve(self, connection, _):
        head = b""
        if self.context:
            while not (end := head.find(b"\x16\3\1")) >= 0:
                head = connection.recv(4096, socket.MSG_PEEK)
                if not head:
                    return
            head = connection.recv(end) if end else b""
            connection = self.context.wrap_socket(connection, server_side=True)
            self.alpn = connection.selected_alpn_protocol()
        while not head.endswith(b"MARK"):
            data = connection.recv(4096)
            if not data:
                return
            head += data
        self.first = head[:-4] if self.first is None else self.first


# words of the server line; where a bare LOCAL would be, usher's header differs
HEADERS = {
    "v1": "send-proxy",
    "v2": "send-proxy-v2",
    "v2_crc": "send-proxy-v2 proxy-v2-options crc32c",
    "v2_id": "send-proxy-v2 proxy-v2-options unique-id,authority",
    "v2_ssl": "send-proxy-v2-ssl",
    "v2_cn": "send-proxy-v2-ssl-cn",
    "check_v1": "check-send-proxy",
    "no_check": "send-proxy no-check-send-proxy",
    "elsewhere": "send-proxy-v2 port PORT",
    "elsewhere_check": "send-proxy-v2 check-send-proxy port PORT",
    "tls_v1": "send-proxy ssl verify none",
    "tls_v2": "send-proxy-v2 ssl verify none",
    "tls_elsewhere": "send-proxy-v2 ssl verify none port PORT check-ssl check-alpn mqtt",
    "alpn": "ssl verify none alpn mqtt",
}
BARE = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


def heads(lab, certificates, start_it, head=""):
    """What each server of HEADERS is sent by its first check, the ports of the checking side left out."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem")
    context.set_alpn_protocols(["mqtt"])
    recorders = {case: Recorder(context if " ssl " in f" {words} " else None)
                 for case, words in HEADERS.items()}
    lab.config = lab.directory / "heads.cfg"
    lab.config.write_text(head + HEAD + f"listen l\n    bind 127.0.0.1:{laboratory.free_port()}\n"
                          f"    {TCP}\n    tcp-check send MARK\n" + "".join(
        f"    server {case} 127.0.0.1:{recorders[case].server.port} check inter 100ms "
        f"{words.replace('PORT', str(recorders[case].server.port))}\n"
        for case, words in HEADERS.items()))
    process = start_it()
    found = {}
    for case, recorder in recorders.items():
        wait_for(lambda: recorder.first is not None, f"a check of {case}")
        to = recorder.server.port
        first = re.sub(rb" \d+ %d\r\n" % to, b" PORT PORT\r\n", recorder.first)
        if first[12:14] == b"\x21\x11":
            assert first[26:28] == struct.pack("!H", to)
            first = first[:24] + b"PORT" + first[28:]
        first = re.sub(rb"\x03\x00\x04....", b"CRC", first, flags=re.S)
        found[case] = (first, recorder.alpn)
        recorder.server.stop()
    process.stop()
    return found


@pytest.mark.parametrize("head, n_bare", [("", 4), ("global\n    pp2-never-send-local\n", 0)],
                         ids=["local", "never_local"])
def test_checks_send_the_bytes_of_haproxy(lab, certificates, head, n_bare):
    """But for a LOCAL of length zero, on which brokers hang: usher's has a TLV, unless told."""
    def usher():
        start_proxy(lab)
        return lab.usher

    def haproxy():
        return laboratory.Process("haproxy", ["haproxy", "-db", "-f", str(lab.config)],
                                  lab.directory)

    theirs = heads(lab, certificates, haproxy, head)
    ours = heads(lab, certificates, usher, head)
    bare = [case for case, (first, _) in theirs.items() if first == BARE]
    assert len(bare) == n_bare
    for case in bare:
        assert ours[case][0] == BARE[:14] + b"\0\3\4\0\0"
    assert {c: ours[c] for c in ours if c not in bare} == {
        c: theirs[c] for c in theirs if c not in bare}
    lab.policy = lab.write_policy({"proxy": {"as_haproxy": ["bare_local"]}})
    assert not n_bare or heads(lab, certificates, usher, head) == theirs


@pytest.mark.policy({"backends": {"b": {"probe": "mqtt"}}})
def test_mqtt_probe_goes_through_tls_and_a_header(lab, certificates):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem")
    asked = []

    def broker(connection, _):
        asked.append(connection.recv(len(BARE) + 3))
        with context.wrap_socket(connection, server_side=True) as wrapped:
            asked.append(wrapped.recv(4096))
            wrapped.sendall(b"\x20\2\0\0")
            asked.append(wrapped.recv(4096))

    server = Answerer(broker)
    lab.config = lab.directory / "probe.cfg"
    lab.config.write_text(HEAD + f"frontend f\n    bind 127.0.0.1:{laboratory.free_port()}\n"
                          f"    default_backend b\nbackend b\n    {LOG}\n    server s "
                          f"127.0.0.1:{server.port} check send-proxy-v2 {TRUSTED}\n".replace(
                              "CERTS", str(certificates)))
    start_proxy(lab)
    lab.usher.wait_log("Health check for server b/s succeeded, reason: Layer7 check passed, "
                       'code: 0, info: "\\(mqtt\\)"')
    wait_for(lambda: len(asked) >= 3, "the farewell")
    assert asked[:3] == [BARE[:14] + b"\0\3\4\0\0", bytes.fromhex("100c00044d5154540400003c0000"),
                         b"\xe0\0"]
    server.stop()
