"""EMQX's guide to HAProxy, its configurations as printed, carried by usher proxy: `*:1883`, brokers
by name, `maxconn 1024000` and blanks inside brackets."""

import collections
import ipaddress
import subprocess

import pytest

import lab as laboratory
import mqtt
import netns
from lab import ROOT, wait_for
from netns import BALANCER, CLIENTS

pytestmark = pytest.mark.skipif(not netns.is_possible(), reason="needs root and namespaces")

NODES = ("emqx1", "emqx2", "emqx3")


class Node(laboratory.Broker):
    """mosquitto in the brokers' room, on MQTT's own port."""

    def __init__(self, name, directory, site):
        super().__init__(name, directory, port=1883)
        self.site = site
        self.listener = f"listener 1883 {site.addresses[f'{name}-cluster.emqx.io']}\n"

    def start(self):
        path = self.directory / f"{self.name}.conf"
        path.write_text(
            f"{self.listener}"
            "allow_anonymous true\npersistence false\nuser root\nlog_dest stderr\nlog_type all\n"
            "connection_messages true\n")
        self.process = laboratory.Process(
            self.name, [*self.site.brokers.command, "mosquitto", "-c", str(path)], self.directory)
        self.process.wait_log("mosquitto version .* running")
        return self


class WebSocketNode(Node):
    """One for all three names: mosquitto's WebSocket listeners take every address."""

    def __init__(self, directory, site):
        super().__init__("emqx1", directory, site)
        self.name, self.listener = "websocket", (
            "listener 1884\n"  # mosquitto does not start without a plain one
            "listener 8083\nprotocol websockets\n")


class Guide:
    """The site, its three nodes, and usher in front of them with one of the guide's files."""

    def __init__(self, directory):
        self.directory, self.usher, self.n_starts = directory, None, 0
        self.site = netns.Site(directory, [f"{n}-cluster.emqx.io" for n in NODES])
        self.nodes = {n: Node(n, directory, self.site) for n in NODES}
        self.websocket = WebSocketNode(directory, self.site)

    def start_nodes(self):
        for node in (*self.nodes.values(), self.websocket):
            node.start()
        return self

    def start(self, text):
        path = self.directory / "haproxy.cfg"
        path.write_text(text)
        self.n_starts += 1
        self.usher = laboratory.Process(
            f"usher{self.n_starts}", [*self.site.balancer.command, laboratory.USHER, "proxy", "-db",
                                      "-f", str(path)], self.directory)
        self.usher.wait_log("proxy ready")

    def stop(self):
        if self.usher:
            usher, self.usher = self.usher, None
            assert usher.stop() == 0

    def close(self):
        for node in (*self.nodes.values(), self.websocket):
            if node.process:
                node.process.kill()
        self.site.close()

    def connect(self, client_id, source=None, **options):
        with self.site.brokers.network():
            client = mqtt.connect(1883, client_id, host=BALANCER, source=source, **options)
        assert client.code == 0
        return client

    def seen(self, client_id):
        return {n: node.arrivals().count(client_id) for n, node in self.nodes.items()}

    def home(self, client_id, source=None, **options):
        """Connect; the client, and the node that has it."""
        before = self.seen(client_id)
        client = self.connect(client_id, source, **options)
        return client, wait_for(
            lambda: next((n for n, k in self.seen(client_id).items() if k > before[n]), None),
            f"{client_id} at a node")

    def place(self, client_id, source=None, **options):
        client, home = self.home(client_id, source, **options)
        client.close()
        return home


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    one = Guide(tmp_path_factory.mktemp("guide"))
    try:
        yield one.start_nodes()
    finally:
        one.close()


def printed(name):
    return (ROOT / "tests/config" / f"{name}.cfg").read_text()


def with_frontend(name):
    """The guide prints its strategies as backends, for the frontend it has shown before."""
    first = printed("10-guide-mqtt")
    return printed(name) + "\n" + first[first.index("frontend mqtt_servers"):]


@pytest.fixture
def guide(site, request):
    try:
        site.start(request.param)
        yield site
    finally:
        site.stop()


def of(text):
    return pytest.mark.parametrize("guide", [text], indirect=True, ids=[""])


def spread(guide, ids):
    """All at the same time."""
    held = [guide.home(i) for i in ids]
    for client, _ in held:
        client.ping()
        client.close()
    return collections.Counter(home for _, home in held)


def connections(guide):
    return sum(n.process.log().count("New connection from") for n in guide.nodes.values())


def assert_sticky(guide, prefix):
    ids = [f"{prefix}-{n}" for n in range(9)]
    homes = {i: guide.place(i, source=CLIENTS[n]) for n, i in enumerate(ids)}
    assert collections.Counter(homes.values()) == dict.fromkeys(NODES, 3)
    for level in (5, 3, 4):
        assert {i: guide.place(i, source=CLIENTS[-n], level=level)
                for n, i in enumerate(reversed(ids), 1)} == homes


@of(printed("10-guide-mqtt"))
def test_basic_mqtt(guide):
    """Only MQTT gets in; a client comes back to its node; ids are told apart by 32 bytes."""
    assert_sticky(guide, "basic")
    assert len({guide.place("L" * 32 + tail) for tail in ("1", "2", "")}) == 1
    assert len({guide.place("L" * 31 + tail) for tail in ("1", "2", "3")}) == 3
    before = connections(guide)
    for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", bytes(64), b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3"):
        with guide.site.brokers.network():
            client = mqtt.Client(1883, host=BALANCER)
        client.send(bytes_)
        assert client.read_rest() == b""
        client.close()
    assert connections(guide) == before


@of(printed("10-guide-mqtt"))
def test_real_clients(guide):
    """Each of the guide's readers tries this first."""
    reader, home = "guide-sub", guide.place("guide-sub")
    writer = next(i for i in (f"guide-pub-{n}" for n in range(9)) if guide.place(i) == home)
    to = [*guide.site.brokers.command]
    listening = subprocess.Popen(
        [*to, "mosquitto_sub", "-h", BALANCER, "-i", reader, "-t", "t", "-q", "1", "-C", "1",
         "-W", "30"], stdout=subprocess.PIPE)
    guide.nodes[home].process.wait_log(f"Sending SUBACK to {reader}")
    subprocess.run([*to, "mosquitto_pub", "-h", BALANCER, "-i", writer, "-t", "t", "-q", "1",
                    "-m", "hello"], check=True, timeout=30)
    assert listening.communicate(timeout=30)[0] == b"hello\n"


@of(with_frontend("14-guide-roundrobin"))
def test_round_robin(guide, count):
    n = count(12, 300)
    assert spread(guide, [f"rr-{i}" for i in range(n)]) == dict.fromkeys(NODES, n / 3)


@of(with_frontend("15-guide-weighted"))
def test_weighted(guide, count):
    for n in range(count(2, 20)):
        assert spread(guide, [f"weighted-{n}-{i}" for i in range(10)]) \
            == {"emqx1": 5, "emqx2": 2, "emqx3": 3}


@of(with_frontend("16-guide-source"))
def test_ip_hash(guide, count):
    """An address has its node, whoever speaks from it: the address as a number modulo three."""
    for n, source in enumerate(CLIENTS[:count(12, 250)]):
        expected = NODES[int(ipaddress.ip_address(source)) % 3]
        assert [guide.place(f"hash-{n}-{k}", source=source) for k in "12"] == [expected] * 2


@of(with_frontend("17-guide-leastconn"))
def test_least_connections(guide):
    held = [guide.home(f"least-{n}") for n in range(9)]
    assert collections.Counter(home for _, home in held) == dict.fromkeys(NODES, 3)
    for client, home in held:
        if home == "emqx2":
            client.close()
    # Equals would take turns: two in a row at one node mean that its loss is known.
    n = iter(range(10000))
    wait_for(lambda: [guide.place(f"probe-{next(n)}") for _ in "12"] == ["emqx2"] * 2,
             "the ends to be known")
    assert spread(guide, [f"least-new-{n}" for n in range(3)]) == {"emqx2": 3}
    for client, home in held:
        if home != "emqx2":
            client.ping()
            client.close()


@of(with_frontend("18-guide-sticky"))
def test_sticky_sessions(guide):
    assert_sticky(guide, "sticky")


WEBSOCKET_CLIENT = """
import sys, threading
import paho.mqtt.client as paho
connected, came = threading.Event(), threading.Event()
client = paho.Client(sys.argv[2], transport="websockets")
client.ws_set_options("/mqtt")
client.on_connect = lambda c, *_: c.subscribe(sys.argv[2])
client.on_subscribe = lambda c, *_: c.publish(sys.argv[2], b"x" * 70000)
client.on_message = lambda c, d, m: (print(len(m.payload)), came.set())
client.connect(sys.argv[1], 8083)
client.loop_start()
sys.exit(0 if came.wait(30) else 1)
"""


@of(printed("12-guide-websocket"))
def test_websocket_passes_through(guide):
    ids = [f"ws-{n}" for n in range(3)]
    for i in ids:
        done = subprocess.run(
            [*guide.site.brokers.command, "/usr/bin/python3", "-c", WEBSOCKET_CLIENT, BALANCER, i],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == "70000\n", done.stderr
    assert guide.websocket.arrivals() == ids
