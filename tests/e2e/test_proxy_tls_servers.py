"""usher proxy and its servers in TLS: the names they are told, and their health checks."""

import contextlib
import socket
import ssl

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from test_proxy import start_proxy
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
