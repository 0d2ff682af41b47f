"""Brokers that know the PROXY protocol see each client's own address behind usher proxy, as EMQX's
guide promises: a cluster of ejabberds, and RabbitMQ, which forgives no header."""

import contextlib
import itertools
import re
import socket
import ssl
import types

import pytest

import brokers
import lab as laboratory
import mqtt
import netns
import operators
import websocket
from conftest import FULL
from lab import free_port, wait_for
from netns import BALANCER, CLIENTS
from test_guide_proxy import NODES, Guide, mutual, printed, with_frontend
from test_proxy_tls import certificates  # noqa: F401, a fixture

# ---- every way to say who the client is, to both brokers ---------------------------------------

WORDS = ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn",
         "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority"]
KINDS = {"ejabberd": brokers.Ejabberd, "rabbitmq": brokers.RabbitMQ}

HEAD = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""
WAY = """
frontend {name}
    bind 127.0.0.1:{plain}
    bind 127.0.0.1:{tls} ssl crt {certs}/server.pem ca-file {certs}/ca.pem verify optional
    bind 127.0.0.1:{proxied} accept-proxy
    default_backend {name}
backend {name}
    server s 127.0.0.1:{broker} {word}
frontend {name}-edge
    bind 127.0.0.1:{edge}
    default_backend {name}-edge
backend {name}-edge
    server s 127.0.0.1:{websocket} {word}
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory, certificates):  # noqa: F811
    """usher with a way to each broker for each of WORDS: `nodes`, `ports[kind, word]`."""
    directory = tmp_path_factory.mktemp("strict")
    with contextlib.ExitStack() as stack, laboratory.Lab(brokers=0) as lab:
        epmd = brokers.Epmd(directory).start()
        stack.callback(epmd.stop)
        lab.numbers = itertools.count()
        lab.nodes = {kind: make(kind, epmd) for kind, make in KINDS.items()}
        for node in lab.nodes.values():
            stack.callback(node.stop)
            node.launch()
        for node in lab.nodes.values():
            node.wait_ready()
        lab.ways = {(kind, word): {door: free_port() for door in ("plain", "tls", "proxied", "edge")}
                    for kind in KINDS for word in WORDS}
        lab.config = directory / "strict.cfg"
        lab.config.write_text(HEAD + "".join(
            WAY.format(name=f"{kind}{WORDS.index(word)}", word=word, certs=certificates,
                       broker=lab.nodes[kind].port, websocket=lab.nodes[kind].websocket_port,
                       **ports)
            for (kind, word), ports in lab.ways.items()))
        lab.policy = lab.write_policy({"frontends": {
            f"{kind}{n}-edge": {"websocket": True} for kind in KINDS for n in range(len(WORDS))}})
        lab.start_usher(command="proxy")
        yield lab


# A broker that reads MQTT says: who are you, or: no such client id.
PROBE = {"ejabberd": "20020005", "rabbitmq": "20020002"}
# As printed in the guide and beyond; the last one is for servers whose clients need no header.
CHECKED = ["check send-proxy", "check send-proxy-v2", "check send-proxy-v2-ssl-cn",
           "check check-send-proxy send-proxy-v2-ssl-cn",
           "check send-proxy-v2 proxy-v2-options crc32c", "check check-send-proxy"]
CHECK = """
backend {kind}{n}
    option tcp-check
    tcp-check send-binary 100c00044d5154540400003c0000
    tcp-check expect binary {answer}
    timeout check {patience}
    server talks 127.0.0.1:{broker} {word} inter 2s
backend {kind}{n}-port
    server listens 127.0.0.1:{broker} {word} inter 2s
"""


def wait_health(strict, directory, expected, more="", policy=None, patience="10s"):
    """Until the checks of these (broker, words) say so, at MQTT's and at TCP's level."""
    with laboratory.Lab(policy, brokers=0) as lab:
        side = operators.Side(directory, {}, (
            f"global\n    stats socket {directory}/admin.sock level admin\n    {more}\n{HEAD}"
            + "".join(CHECK.format(kind=kind, n=n, word=word, answer=PROBE[kind],
                                   patience=patience, broker=strict.nodes[kind].port)
                      for kind in KINDS for n, word in enumerate(CHECKED))
            + f"frontend f\n    bind 127.0.0.1:{free_port()}\n    default_backend ejabberd0\n"))
        lab.config = side.config
        lab.start_usher(command="proxy")

        def differences():
            said = {key: row["check_status"].removeprefix("* ") for key, row in side.rows().items()}
            seen = {(kind, word): (said[f"{kind}{n}", "talks"], said[f"{kind}{n}-port", "listens"])
                    for kind in KINDS for n, word in enumerate(CHECKED)}
            return {way: seen[way] for way in expected if seen[way] != expected[way]}

        with contextlib.suppress(AssertionError):  # says less than what follows
            wait_for(lambda: not differences(), "all checks")
        assert differences() == {}


UP = ("L7OK", "L4OK")


def test_servers_are_up(strict, tmp_path):
    """ejabberd would wait for ever behind a LOCAL of length zero, as EMQX does. RabbitMQ closes
    behind any LOCAL at all: its line for version 2 is pp2-never-send-local."""
    wait_health(strict, tmp_path, {**{("ejabberd", word): UP for word in CHECKED},
                                   ("rabbitmq", "check send-proxy"): UP})


def test_servers_are_up_with_addresses_in_each_header(strict, tmp_path):
    wait_health(strict, tmp_path, {(kind, word): UP for kind in KINDS for word in CHECKED},
                "pp2-never-send-local")


def test_header_that_haproxy_would_send_brings_ejabberd_down(strict, tmp_path):
    """So that the other two can fail."""
    wait_health(strict, tmp_path, {("ejabberd", "check send-proxy-v2"): ("L7TOUT", "L4OK"),
                                   ("ejabberd", "check send-proxy"): UP},
                policy={"proxy": {"as_haproxy": ["bare_local"]}}, patience="1s")


@pytest.fixture(params=[(kind, word) for kind in KINDS for word in WORDS], ids="-".join)
def way(request, strict):
    """One of them: its `node`, and `name()` for clients nobody else has had."""
    kind, word = request.param
    return types.SimpleNamespace(
        node=strict.nodes[kind], **strict.ways[request.param],
        user=brokers.USER if kind == "ejabberd" else {},
        name=lambda: f"{kind}-{next(strict.numbers)}")


def say_hello(way, client, level, before=b""):
    """CONNECT, and where the broker believes that it comes from."""
    name = way.name()
    client.send(before + mqtt.connect_packet(name, level=level, **way.user))
    assert client.read_connack() == 0
    client.ping()
    return way.node.came_from(name)


def test_client_s_address(way):
    for level in way.node.levels:
        with mqtt.Client(way.plain, source="127.0.0.77") as client:
            assert say_hello(way, client, level) == client.socket.getsockname()


@pytest.mark.parametrize("who", [None, "device-7"])
def test_client_s_address_in_tls(way, certificates, who):  # noqa: F811
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if who:
        context.load_cert_chain(certificates / f"{who}.pem")
    for level in way.node.levels:
        with mqtt.Client(way.tls, source="127.0.0.77", tls=context, sni="mqtt.example") as client:
            assert say_hello(way, client, level) == client.socket.getsockname()


def test_client_s_address_behind_the_websocket_edge(way):
    for level in way.node.levels:
        with websocket.connect(way.edge, way.name(), source="127.0.0.77", level=level,
                               **way.user) as client:
            assert client.code == 0
            client.ping()
            way.node.wait_websocket(client.socket.getsockname())


@pytest.mark.parametrize("header, address", [
    (b"PROXY TCP4 203.0.113.9 192.0.2.1 5555 1883\r\n", ("203.0.113.9", 5555)),
    (b"PROXY TCP6 2001:db8::9 2001:db8::1 5555 1883\r\n", ("2001:db8::9", 5555)),
    (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("203.0.113.9")
     + socket.inet_aton("192.0.2.1") + b"\x15\xb3\x07\x5b", ("203.0.113.9", 5555)),
], ids=["v1", "v1-ipv6", "v2"])
def test_address_that_another_balancer_told(way, header, address):
    with mqtt.Client(way.proxied) as client:
        assert say_hello(way, client, 4, before=header) == address


# ---- the guide's blocks, as printed ------------------------------------------------------------


class Cluster(Guide):
    """The guide's site; its nodes want PROXY headers."""

    def __init__(self, directory, kind):
        super().__init__(directory)
        self.certs = self.furnish()
        self.epmd = brokers.Epmd(directory, self.site.brokers.command).start()
        self.kind = kind
        self.user = brokers.USER if kind == "ejabberd" else {}
        self.nodes = {}
        for name in NODES:
            self.nodes[name] = KINDS[kind](
                name, self.epmd, self.site.addresses[f"{name}-cluster.emqx.io"], 1883, 8083,
                **({"first": self.nodes.get("emqx1")} if kind == "ejabberd" else {}))

    def start_nodes(self):
        """RabbitMQ takes its time: all at once. An ejabberd joins one that is there."""
        for node in self.nodes.values():
            node.launch()
            if self.kind == "ejabberd":
                node.wait_ready()
        for node in self.nodes.values():
            node.wait_ready()
        return self

    def close(self):
        super().close()
        self.epmd.stop()

    def connect(self, client_id, source=None, **options):
        return super().connect(client_id, source, **self.user, **options)

    def hello_in_tls(self, client_id, source, certificate=None):
        """An open client, and its port."""
        context = ssl.create_default_context(cafile=self.certs / "cacert.pem")
        if certificate:
            context.load_cert_chain(self.certs / f"{certificate}.pem")
        with self.site.brokers.network():
            client = mqtt.Client(8883, host=BALANCER, source=source, tls=context, sni=BALANCER)
        client.send(mqtt.connect_packet(client_id, **self.user))
        assert client.read_connack() == 0
        return client

    def hello_in_websocket(self, port, source, **tls):
        """An open client."""
        with self.site.brokers.network():
            client = websocket.Client(port, host=BALANCER, source=source, **tls)
        client.send(mqtt.connect_packet(f"websocket-{port}-{source}", **self.user))
        assert client.read_connack() == 0
        return client

    def came_from(self, client_id):
        return next(filter(None, (node.peer(client_id) for node in self.nodes.values())), None)


@pytest.fixture(scope="module", params=["ejabberd", *["rabbitmq"] * FULL])
def cluster(request, tmp_path_factory):
    if not netns.is_possible():
        pytest.skip("needs root and namespaces")
    one = Cluster(tmp_path_factory.mktemp("cluster"), request.param)
    try:
        yield one.start_nodes()
    finally:
        one.close()


@pytest.fixture
def guide(cluster, request):
    try:
        cluster.start(request.param)
        yield cluster
    finally:
        cluster.stop()


def of(text):
    return pytest.mark.parametrize("guide", [text], indirect=True, ids=[""])


def with_proxy(text, line="check send-proxy-v2-ssl-cn"):
    """The server lines as the guide has them in a comment, for who wants the real address."""
    assert line in text or "check\n" in text
    return re.sub(r"(?m)^( *server emqx\d \S+).*", rf"\1 {line}", text)


def assert_addresses(guide, clients):
    for client_id, client in clients.items():
        address = wait_for(lambda i=client_id: guide.came_from(i), client_id)
        assert address == client.socket.getsockname()
        client.ping()
        client.close()


@of(with_proxy(printed("10-guide-mqtt")))
def test_guide_with_the_real_address(guide):
    assert_addresses(guide, {f"real-{n}": guide.connect(f"real-{n}", source=CLIENTS[n])
                             for n in range(6)})


@of(printed("11-guide-tls"))
def test_guide_s_tls(guide):
    assert_addresses(guide, {f"tls-{n}": guide.hello_in_tls(f"tls-{n}", CLIENTS[n])
                             for n in range(6)})


@of(mutual(printed("11-guide-tls")))
def test_guide_s_mutual_tls(guide):
    with pytest.raises((ssl.SSLError, ConnectionError, mqtt.Closed)):
        guide.hello_in_tls("nobody", CLIENTS[0])
    assert_addresses(guide, {f"mtls-{n}": guide.hello_in_tls(f"mtls-{n}", CLIENTS[n], "device-7")
                             for n in range(6)})


@of(with_proxy(printed("12-guide-websocket")))
def test_guide_s_websocket(guide):
    assert_websocket(guide, [guide.hello_in_websocket(8083, CLIENTS[n]) for n in range(6)])


@of(with_proxy(printed("13-guide-websocket-tls")))
def test_guide_s_websocket_in_tls(guide):
    context = ssl.create_default_context(cafile=guide.certs / "cacert.pem")
    assert_websocket(guide, [guide.hello_in_websocket(8084, CLIENTS[n], tls=context, sni=BALANCER)
                             for n in range(6)])


def assert_websocket(guide, clients):
    """One after the other went to the nodes by turns."""
    for client, node in zip(clients, [*guide.nodes.values()] * 2):
        client.ping()
        node.wait_websocket(client.socket.getsockname())
        client.close()


# ---- one client identifier, a whole cluster ----------------------------------------------------

# MQTT 5, and one session for the whole cluster.
of_sessions = pytest.mark.parametrize("cluster", ["ejabberd"], indirect=True, ids=[""])
LASTING = b"\x11\0\0\1\0"  # session expiry: 256 s


def come_twice(guide, client_id):
    """The same client again while its first connection stands: the nodes, and what the first
    connection was told."""
    options = {"level": 5, "clean": False, "properties": LASTING}
    first, before = guide.home(client_id, **options)
    second, after = guide.home(client_id, **options)
    assert second.session_present
    told = first.read_packet()
    second.ping()
    first.close()
    second.close()
    return before, after, told


def moved(guide):
    return [i for node in guide.nodes.values() for i in node.moved_here()]


@of_sessions
@of(with_proxy(with_frontend("14-guide-roundrobin")))
def test_session_moves_when_a_client_lands_elsewhere(guide):
    before, after, (packet, reason) = come_twice(guide, "wanderer")
    assert before != after and "wanderer" in moved(guide)
    assert (packet, reason[0]) == (0xE0, 0x8E)


@of_sessions
@of(with_proxy(printed("10-guide-mqtt")))
def test_session_stays_where_it_is_when_its_client_comes_back(guide):
    for n in range(6):
        before, after, (packet, reason) = come_twice(guide, f"homely-{n}")
        assert before == after
        assert (packet, reason[0]) == (0xE0, 0x8E)
    assert not [i for i in moved(guide) if i.startswith("homely")]
