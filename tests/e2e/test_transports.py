"""One policy, one client, four transports: over TCP, TLS, WebSocket and WebSocket in TLS it always
reaches the broker that has its session. The client is paho."""

import itertools
import ssl
import threading

import paho.mqtt.client as paho
import pytest

import edge as websocket_edge
import mqtt
import websocket
from conftest import FULL
from lab import SLOW, free_port, wait_for
from test_proxy_tls import certificates  # noqa: F401, a fixture

TRANSPORTS = ("tcp", "tls", "ws", "wss")
VERSIONS = {"mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}


@pytest.fixture(scope="module")
def site(certificates):  # noqa: F811
    """Four doors, `doors[transport]`, to three brokers of one name each."""
    config = websocket_edge.CONFIG
    for name in ("mqtt", "ws"):
        plain = f"    bind 127.0.0.1:{{{name}}}\n"
        assert plain in config
        secure = f"    bind 127.0.0.1:{{{name}_tls}} ssl crt {certificates}/server.pem\n"
        config = config.replace(plain, plain + secure)
    policy = {**websocket_edge.POLICY,
              "rules": [{"name": "together", "if": {"client_id": {"prefix": "pair-"}},
                         "server": "emqx2"},
                        *({"if": {"client_id": f"no-{t}", "transport": t},
                           "reject": "not_authorized"} for t in TRANSPORTS)]}
    with websocket_edge.Edge(policy, config) as one:
        one.ports.update(mqtt_tls=free_port(), ws_tls=free_port())
        one.doors = dict(zip(TRANSPORTS, (one.ports[p] for p in
                                          ("mqtt", "mqtt_tls", "ws", "ws_tls"))))
        one.certificates = certificates
        yield one.start("-j", "2")


class Device:
    """A paho client that has its CONNACK. `present`: the broker had a session for it."""

    def __init__(self, site, client_id, transport, version="mqttv311", lasting=False):
        self.came = threading.Condition()
        self.messages, self.present, self.granted = [], None, 0
        self.client = paho.Client(
            client_id, protocol=VERSIONS[version], **({} if version == "mqttv5" else
                                                      {"clean_session": not lasting}),
            transport="websockets" if transport.startswith("ws") else "tcp")
        if transport in ("tls", "wss"):
            context = ssl.create_default_context(cafile=site.certificates / "ca.pem")
            self.client.tls_set_context(context)
        if transport.startswith("ws"):
            self.client.ws_set_options("/mqtt")
        self.client.on_connect = lambda c, u, flags, code, *_: self.note(
            "present", flags["session present"] if code == 0 else f"refused with {code}")
        self.client.on_subscribe = lambda *_: self.note("granted", self.granted + 1)
        self.client.on_message = lambda c, u, message: self.note(
            "messages", [*self.messages, message.payload])
        # The certificate names 127.0.0.1 as well.
        self.client.connect("127.0.0.1", site.doors[transport])
        self.client.loop_start()
        self.wait(lambda: self.present is not None, "a CONNACK")
        assert self.present in (0, 1), self.present

    def note(self, name, value):
        with self.came:
            setattr(self, name, value)
            self.came.notify_all()

    def wait(self, condition, what):
        with self.came:
            assert self.came.wait_for(condition, 15 * SLOW), f"waited in vain: {what}"

    def subscribe(self, topic):
        before = self.granted
        self.client.subscribe(topic, qos=1)
        self.wait(lambda: self.granted > before, "a SUBACK")

    def publish(self, topic, payload):
        self.client.publish(topic, payload, qos=1).wait_for_publish(15 * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


def place(site, client_id, transport, **options):
    """Connect once, and the broker that has it."""
    before = site.seen(client_id)
    with Device(site, client_id, transport, **options):
        return wait_for(lambda: site.newest(client_id, before), f"{client_id} at a broker")


@pytest.mark.parametrize("first", TRANSPORTS)
def test_client_that_changes_its_transport(site, first, count):
    """Whichever it came over first, and in whatever order over the others."""
    orders = itertools.permutations(t for t in TRANSPORTS if t != first)
    for n, order in enumerate(itertools.islice(orders, 0, 6, count(3, 1))):
        for version in VERSIONS:
            client_id = f"{first}-{version}-{n}"
            home = place(site, client_id, first, version=version)
            assert [place(site, client_id, t, version=version)
                    for t in (*order, first)] == [home] * 4


def test_clients_are_spread_whatever_they_come_over(site):
    """So that the former test cannot pass by all of them being in one place."""
    for transport in TRANSPORTS:
        ids = [f"spread-{transport}-{n}" for n in range(6)]
        homes = [place(site, i, transport) for i in ids]
        assert sorted(homes.count(b) for b in site.brokers) == [2, 2, 2]


@pytest.mark.parametrize("first", TRANSPORTS)
def test_session_waits_for_its_client_on_another_transport(site, first):
    """What was published while it was away is delivered, three times over."""
    for turn, second in enumerate(t for t in TRANSPORTS if t != first):
        client_id = f"away-{first}-{second}"
        with Device(site, client_id, first, lasting=True) as device:
            assert device.present == 0
            device.subscribe(client_id)
        home = site.where(client_id)
        writer = next(i for i in (f"writer-{client_id}-{n}" for n in itertools.count())
                      if place(site, i, "tcp") == home)
        with Device(site, writer, "tcp") as device:
            device.publish(client_id, b"kept for you")
        with Device(site, client_id, second, lasting=True) as device:
            assert device.present == 1
            device.wait(lambda d=device: d.messages == [b"kept for you"], "the message")


@pytest.mark.parametrize("version", VERSIONS if FULL else ["mqttv5"])
@pytest.mark.parametrize("to", TRANSPORTS)
@pytest.mark.parametrize("by", TRANSPORTS)
def test_message_from_each_transport_to_each(site, by, to, version):
    """Small, and larger than a frame's first length, a TLS record and a buffer. mosquitto needs
    seconds to send what is long in WebSocket, to whomever."""
    topic, is_quick = f"{by}/{to}/{version}", not to.startswith("ws")
    payloads = [b"", b"x" * 125, b"y" * 5000, b"z" * 200000 * is_quick,
                b"z" * 70000 * (by == to and version == "mqttv5")]
    with Device(site, f"pair-reader-{to}", to, version=version) as reader, \
            Device(site, f"pair-writer-{by}", by, version=version) as writer:
        reader.subscribe(topic)
        for payload in payloads:
            writer.publish(topic, payload)
        reader.wait(lambda: len(reader.messages) == len(payloads), "all of them")
        assert reader.messages == payloads


@pytest.mark.parametrize("unwanted", TRANSPORTS)
def test_rule_about_a_transport(site, unwanted):
    context = ssl.create_default_context(cafile=site.certificates / "ca.pem")
    for transport in TRANSPORTS:
        visit = websocket.visit if transport.startswith("ws") else mqtt.visit
        tls = {"tls": context, "sni": "mqtt.example"} if transport in ("tls", "wss") else {}
        code = visit(site.doors[transport], f"no-{unwanted}", **tls)
        assert code == (5 if transport == unwanted else 0)
