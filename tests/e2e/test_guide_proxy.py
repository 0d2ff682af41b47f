"""EMQX's guide to HAProxy, its configurations as printed, carried by usher proxy: `*:1883`, brokers
by name, `maxconn 1024000` and blanks inside brackets."""

import collections
import ipaddress
import ssl
import socket
import subprocess
import urllib.request

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


def make_certificates(directory):
    """A CA, the server's certificate with its key in one file, and a client's."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=ca",
            "-keyout", "ca.key", "-out", "cacert.pem")
    for name in ("server", "device-7"):
        (directory / "ext").write_text(f"subjectAltName=IP:{BALANCER}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                f"{name}.key", "-out", "csr")
        openssl("x509", "-req", "-in", "csr", "-CA", "cacert.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "30", "-extfile", "ext", "-out", f"{name}.crt")
        (directory / f"{name}.pem").write_text(
            (directory / f"{name}.crt").read_text() + (directory / f"{name}.key").read_text())


# What EMQX's listener with `proxy_protocol` does, as far as it matters here.
PROXY_LISTENER = """
import socket, sys, threading
def serve(connection):
    head = b""
    while b"MQTT" not in head:
        head += connection.recv(4096)
    print("client", head[:12] == bytes.fromhex("0d0a0d0a000d0a515549540a"), b"device-7" in head,
          flush=True)
    connection.sendall(bytes([0x20, 2, 0, 0]))
    while connection.recv(4096):
        pass
listener = socket.create_server((sys.argv[1], 1883))
print("listens", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class ProxyNode(Node):
    """Strict about the PROXY protocol, which mosquitto does not know."""

    def start(self):
        address = self.site.addresses[f"{self.name}-cluster.emqx.io"]
        self.process = laboratory.Process(
            self.name, [*self.site.brokers.command, "/usr/bin/python3", "-c", PROXY_LISTENER,
                        address], self.directory)
        self.process.wait_log("listens")
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

    def furnish(self):
        """/etc/haproxy/certs as the guide has it, in the balancer's room."""
        etc = self.directory / "etc-haproxy"
        certs = etc / "certs"
        certs.mkdir(parents=True)
        make_certificates(certs)
        self.site.balancer.run("mount", "--bind", str(etc), "/etc/haproxy")
        return certs

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


@pytest.fixture(scope="module")
def secured_site(tmp_path_factory):
    """Its nodes want a PROXY header, as the guide's TLS blocks send it."""
    one = Guide(tmp_path_factory.mktemp("secured"))
    one.nodes = {n: ProxyNode(n, one.directory, one.site) for n in NODES}
    one.certs = one.furnish()
    try:
        yield one.start_nodes()
    finally:
        one.close()


@pytest.fixture
def secured(secured_site, request):
    try:
        secured_site.start(request.param)
        yield secured_site
    finally:
        secured_site.stop()


def secured_by(text):
    return pytest.mark.parametrize("secured", [text], indirect=True, ids=[""])


def hello_in_tls(guide, client_id, certificate=None):
    context = ssl.create_default_context(cafile=guide.certs / "cacert.pem")
    if certificate:
        context.load_cert_chain(guide.certs / f"{certificate}.pem")
    with guide.site.brokers.network():
        raw = socket.create_connection((BALANCER, 8883), timeout=10)
    with context.wrap_socket(raw, server_hostname=BALANCER) as client:
        client.sendall(mqtt.connect_packet(client_id))
        return client.recv(4)


def clients_of(guide):
    return [line for node in guide.nodes.values() for line in node.process.log().splitlines()
            if line.startswith("client")]


@secured_by(printed("11-guide-tls"))
def test_tls(secured):
    for n in range(6):
        assert hello_in_tls(secured, f"tls-{n}") == b"\x20\2\0\0"
    assert clients_of(secured)[-6:] == ["client True False"] * 6
    assert all(node.process.log().count("client") == 2 for node in secured.nodes.values())


def mutual(text):
    """The line that the guide has in a comment, instead of the one before it."""
    first, second = [line for line in text.splitlines() if "bind *:8883" in line]
    return text.replace(first + "\n", "").replace(second, second.replace("# ", "", 1))


@secured_by(mutual(printed("11-guide-tls")))
def test_mutual_tls(secured):
    before = len(clients_of(secured))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert hello_in_tls(secured, "nobody") != b""
        raise ConnectionError
    assert hello_in_tls(secured, "device-7", "device-7") == b"\x20\2\0\0"
    assert len(clients_of(secured)) == before + 1
    assert sum("client True True" in node.process.log() for node in secured.nodes.values()) == 1


@secured_by(printed("13-guide-websocket-tls"))
def test_websocket_in_tls(secured):
    secure = WEBSOCKET_CLIENT.replace('8083)', '8084)').replace(
        'client.ws_set', f'client.tls_set("{secured.certs}/cacert.pem")\nclient.ws_set')
    done = subprocess.run(
        [*secured.site.brokers.command, "/usr/bin/python3", "-c", secure, BALANCER, "wss"],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "70000\n", done.stderr
    assert secured.websocket.arrivals() == ["wss"]


def with_statistics():
    text = printed("19-guide-stats")
    return printed("10-guide-mqtt") + "\n" + text[text.index("frontend stats"):]


@of(with_statistics())
def test_statistics(guide):
    for n in range(3):
        guide.place(f"seen-{n}")
    with guide.site.brokers.network():
        page = urllib.request.urlopen(f"http://{BALANCER}:8888/stats", timeout=10)
        text = page.read().decode()
        rows = urllib.request.urlopen(f"http://{BALANCER}:8888/stats;csv", timeout=10).read()
    assert page.headers["Refresh"].startswith("10")
    assert all(name in text for name in (*NODES, "mqtt_servers", "mqtt_backend"))
    assert rows.startswith(b"# pxname,svname,qcur,qmax,scur,") and b"mqtt_backend,emqx2," in rows


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
