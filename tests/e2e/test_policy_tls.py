"""What HAProxy knows from TLS: SNI, ALPN, version and, above all, whose certificate it was."""

import functools
import ssl
import subprocess
import types

import pytest

import lab as laboratory
import mqtt

POLICY = {
    "tenant_from": [{"sni": "^(?<tenant>[a-z]+)\\.mqtt\\.test$"}],
    "tenants": {
        "acme": {"backend": "acme_backend", "identity": {"client_id": "any"}},
        "keyed": {"key": "cn", "identity": {"client_id": "any"}},
    },
    "identity": {"client_id": "equals", "to": "cn"},
    "rules": [
        {"name": "no certificate", "if": {"client_id": {"prefix": "only-verified"}},
         "unless": {"verified": True}, "reject": "bad_credentials"},
        {"name": "shown to be verified", "if": {"client_id": "asks-verified", "verified": True},
         "reject": "use_another_server"},
        {"name": "not verified", "if": {"client_id": "asks-verified", "verified": False},
         "reject": "banned"},
        {"name": "cn", "if": {"cn": "stolen"}, "reject": "banned"},
        {"name": "old tls", "if": {"tls_version": "TLSv1.2"}, "reject": "banned"},
        {"name": "alpn", "if": {"alpn": "mqtt", "client_id": "speaks-alpn"},
         "reject": "server_busy"},
        {"name": "not tls", "if": {"transport": "tcp"}, "reject": "banned"},
    ],
}

BINDS = {door: f'    bind "${{USHER_BIND-*}}:${{USHER_{door.upper()}_PORT-{port}}}"'
         for door, port in (("mqtt", 1883), ("closed", 2883))}


class Certificates:
    """An authority, whom it knows, and an impostor with an authority of his own."""

    def __init__(self, directory):
        self.directory = directory
        self.authority("ca")
        self.authority("other-ca")
        self.issue("server", "ca", "broker", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        for cn in ("device-1", "device-2", "stolen"):
            self.issue(cn, "ca", cn)
        self.issue("impostor", "other-ca", "device-1")

    def path(self, name):
        return self.directory / f"{name}.pem"

    def authority(self, name):
        self.openssl("req", "-x509", *self.new_key(name), "-subj", f"/CN={name}", "-days", "2")

    def issue(self, name, authority, cn, extension="extendedKeyUsage=clientAuth"):
        """A file with the key and the certificate, as `crt` of HAProxy and Python want it."""
        self.openssl("req", "-x509", *self.new_key(name), "-subj", f"/O=Example/CN={cn}",
                     "-days", "2", "-CA", self.path(authority), "-CAkey", self.key(authority),
                     "-addext", extension, "-addext", "basicConstraints=critical,CA:FALSE")
        self.path(name).write_text(self.path(name).read_text() + self.key(name).read_text())

    def key(self, name):
        return self.directory / f"{name}.key"

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self.key(name), "-out", self.path(name))

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def client(self, name=None):
        """The context of a client that shows this certificate, or none."""
        context = ssl.create_default_context(cafile=self.path("ca"))
        context.check_hostname = False  # so that any SNI may be sent
        if name:
            context.load_cert_chain(self.path(name))
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(certificates):
    """One door as it should be; behind the other HAProxy lets bad certificates pass and only
    notes it, which is how `verify optional` with `crt-ignore-err` is used in the field."""
    tls = (f' ssl crt "{certificates.path("server")}" ca-file "{certificates.path("ca")}"'
           " verify optional alpn mqtt")
    with laboratory.Lab(POLICY) as one:
        one.edit_config((BINDS["mqtt"], BINDS["mqtt"] + tls),
                        (BINDS["closed"], BINDS["closed"] + tls
                         + " ca-ignore-err all crt-ignore-err all"))
        yield one.start()


def visit(lab, client_id, tls, door="mqtt", sni="localhost", **options):
    """The CONNACK's code and the verdict."""
    code = mqtt.visit(lab.ports[door], client_id, tls=tls, sni=sni, **options)
    return code, lab.verdicts(client_id)[-1]


# Identity ----------------------------------------------------------------------------------------

DOORS = pytest.mark.parametrize("door", BINDS)


@DOORS
@pytest.mark.parametrize("name", ("device-1", "device-2"))
def test_own_certificate(secured, certificates, door, name):
    code, verdict = visit(secured, name, certificates.client(name), door)
    assert (code, verdict["action"]) == (0, "accept")


@DOORS
@pytest.mark.parametrize("certificate", ("device-2", None))
def test_certificate_of_another_or_none(secured, certificates, door, certificate):
    """Without a certificate HAProxy's ssl_c_verify is 0, as if it were a good one."""
    for level, refusal in ((4, 5), (5, 0x87)):
        code, verdict = visit(secured, "device-1", certificates.client(certificate), door,
                              level=level)
        assert (code, verdict["rule"]) == (refusal, "identity")


def test_right_name_by_a_strange_authority(secured, certificates):
    """A door that lets bad certificates pass passes on the CN as well: it must not count."""
    context = certificates.client("impostor")
    code, verdict = visit(secured, "device-1", context, "closed")
    assert (code, verdict["rule"]) == (5, "identity")
    code, verdict = visit(secured, "asks-verified", context, "closed")
    assert (code, verdict["rule"]) == (5, "not verified")
    with pytest.raises((ssl.SSLError, ConnectionError, mqtt.Closed)):  # the handshake fails
        visit(secured, "device-1", context, "mqtt")


def test_rule_on_verified(secured, certificates):
    code, verdict = visit(secured, "only-verified-1", certificates.client())
    assert (code, verdict["rule"]) == (4, "no certificate")
    code, verdict = visit(secured, "only-verified-1", certificates.client("device-1"))
    assert (code, verdict["rule"]) == (5, "identity"), "past the rule"
    code, verdict = visit(secured, "asks-verified", certificates.client())
    assert (code, verdict["rule"]) == (5, "not verified")
    code, verdict = visit(secured, "asks-verified", certificates.client("device-1"))
    assert (code, verdict["rule"]) == (3, "shown to be verified")


def test_rule_on_cn(secured, certificates):
    code, verdict = visit(secured, "stolen", certificates.client("stolen"))
    assert (code, verdict["rule"]) == (5, "cn"), "its own id, and yet refused"


def test_certificate_that_was_resumed(secured, certificates):
    """The second time the session is resumed and no certificate is sent: it is still his."""
    context = certificates.client("device-1")
    with mqtt.Client(secured.ports["mqtt"], tls=context, sni="localhost") as first:
        first.send(mqtt.connect_packet("device-1"))
        assert first.read_connack() == 0
        session = first.socket.session
    resuming = types.SimpleNamespace(
        wrap_socket=functools.partial(context.wrap_socket, session=session))
    with mqtt.Client(secured.ports["mqtt"], tls=resuming, sni="localhost") as second:
        assert second.socket.session_reused
        second.send(mqtt.connect_packet("device-1"))
        assert second.read_connack() == 0


# The rest of TLS ---------------------------------------------------------------------------------


def test_tenant_from_sni(secured, certificates):
    before = secured.sessions("emqx3", "acme_backend")
    code, verdict = visit(secured, "a1", certificates.client(), sni="acme.mqtt.test")
    assert (code, verdict["tenant"], verdict["server"]) == (0, "acme", "emqx3")
    assert secured.sessions("emqx3", "acme_backend") == before + 1
    for sni in ("unknown.mqtt.test", "acme.mqtt.test.evil.test", "localhost", None):
        code, verdict = visit(secured, "device-1", certificates.client("device-1"), sni=sni)
        assert (code, verdict["tenant"]) == (0, "")


def test_key_is_the_cn(secured, certificates):
    """One broker for a certificate, whatever ids come with it; none without."""
    context = certificates.client("device-1")
    _, first = visit(secured, "k0", context, sni="keyed.mqtt.test")
    for n in range(4):
        code, verdict = visit(secured, f"k{n}", context, sni="keyed.mqtt.test")
        assert (code, verdict["reason"], verdict["server"]) == (0, "sticky", first["server"])
    for context in (certificates.client(), certificates.client("impostor")):
        for _ in range(2):
            code, verdict = visit(secured, "k0", context, "closed", sni="keyed.mqtt.test")
            assert (code, verdict["reason"]) == (0, "roundrobin")


def test_rule_on_tls_version(secured, certificates):
    context = certificates.client("device-1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    code, verdict = visit(secured, "device-1", context)
    assert (code, verdict["rule"]) == (5, "old tls")


def test_rule_on_alpn(secured, certificates):
    context = certificates.client("device-1")
    code, verdict = visit(secured, "speaks-alpn", context)
    assert (code, verdict["rule"]) == (5, "identity")
    context.set_alpn_protocols(["mqtt"])
    code, verdict = visit(secured, "speaks-alpn", context)
    assert (code, verdict["rule"]) == (3, "alpn")


# A real client -----------------------------------------------------------------------------------


@pytest.mark.parametrize("client_id, certificate, is_served", (
    ("device-1", "device-1", True),
    ("device-1", "device-2", False),
    ("device-1", None, False),
    ("device-1", "impostor", False),
))
@pytest.mark.parametrize("version", ("mqttv311", "mqttv5"))
def test_mosquitto_pub(secured, certificates, version, client_id, certificate, is_served):
    own = ["--cert", certificates.path(certificate), "--key", certificates.key(certificate)] \
        if certificate else []
    done = subprocess.run(
        ["mosquitto_pub", "-h", "localhost", "-p", str(secured.ports["mqtt"]), "-V", version,
         "--cafile", certificates.path("ca"), *own, "-i", client_id, "-t", "t", "-m", "m"],
        capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode == 0) == is_served, done.stdout + done.stderr
