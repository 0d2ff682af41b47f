"""Real MQTT clients through usher proxy: a governed frontend and an opaque one, to one broker."""

import hashlib
import random
import signal
import socket
import struct
import subprocess
import threading

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import lab as laboratory
import mqtt
from lab import wait_for

CONFIG = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 2m
    timeout server 2m

frontend governed
    bind "127.0.0.1:${USHER_MQTT_PORT}"
    tcp-request inspect-delay 10s
    default_backend brokers

frontend opaque
    bind "127.0.0.1:${USHER_CLOSED_PORT}"
    default_backend brokers

backend brokers
    balance leastconn
    server emqx1 "${USHER_EMQX1}"
"""
VERSIONS = {"mqttv31": paho.MQTTv31, "mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}


@pytest.fixture(scope="module", params=("governed", "opaque"))
def door(request):
    """A running lab with one broker, and the port of this kind of frontend."""
    with laboratory.Lab({"frontends": {"governed": {}}}, brokers=1) as lab:
        lab.config = lab.directory / "clients.cfg"
        lab.config.write_text(CONFIG)
        lab.start_brokers()
        lab.start_usher(command="proxy")
        lab.port = lab.ports["mqtt" if request.param == "governed" else "closed"]
        lab.broker = lab.brokers["emqx1"]
        yield lab


def topic(request):
    """Each scenario's own: the broker is one for all."""
    return "t/" + "".join(c if c.isalnum() else "-" for c in request.node.name)


def publish(lab, *more, version="mqttv311"):
    done = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(lab.port), "-V", version, *more],
        capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


class Subscriber:
    """mosquitto_sub that has its SUBACK."""

    def __init__(self, lab, name, *more, version="mqttv311"):
        self.child = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(lab.port), "-i", name, "-V", version,
             "-W", "60", *more], stdout=subprocess.PIPE)
        lab.broker.process.wait_log(f"Sending SUBACK to {name}\n")

    def read(self):
        return self.child.communicate(timeout=60)[0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", (0, 1, 2))
def test_each_qos_in_each_version(door, request, version, qos):
    at, name = topic(request), f"sub-{qos}-{version}-{door.port}"
    reader = Subscriber(door, name, "-t", at, "-q", str(qos), "-C", "20", version=version)
    subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(door.port), "-V", version, "-t", at,
         "-q", str(qos), "-l"], input=b"".join(b"message %d\n" % n for n in range(20)),
        timeout=60, check=True)
    assert reader.read() == b"".join(b"message %d\n" % n for n in range(20))


@pytest.mark.parametrize("version", VERSIONS)
def test_retained_message_waits_for_who_comes_later(door, request, version):
    at = topic(request)
    publish(door, "-t", at, "-q", "1", "-r", "-m", "kept", version=version)
    reader = Subscriber(door, f"late-{version}-{door.port}", "-t", at, "-C", "1", "-v",
                        version=version)
    assert reader.read() == f"{at} kept\n".encode()


@pytest.mark.parametrize("version", VERSIONS)
def test_will_of_a_client_that_is_killed(door, request, version):
    """The broker hears of its death at once, though it never said so."""
    at, name = topic(request), f"mortal-{version}-{door.port}"
    reader = Subscriber(door, f"heir-{version}-{door.port}", "-t", at, "-C", "1", version=version)
    mortal = Subscriber(door, name, "-t", "nothing/" + at, "--will-topic", at, "--will-payload",
                        "farewell", "--will-qos", "1", version=version)
    mortal.child.send_signal(signal.SIGKILL)
    mortal.child.communicate()
    assert reader.read() == b"farewell\n"


def test_no_will_of_a_client_that_leaves_politely(door, request):
    at = topic(request)
    reader = Subscriber(door, f"heir-{door.port}", "-t", at, "-C", "1")
    publish(door, "-t", "other", "-m", "x", "--will-topic", at, "--will-payload", "farewell")
    publish(door, "-t", at, "-m", "nothing was said before")
    assert reader.read() == b"nothing was said before\n"


class Paho:
    """A paho client that is connected and keeps what it gets."""

    def __init__(self, lab, name, version, keepalive=60, **options):
        self.came, self.subscribed, self.connack = [], threading.Event(), None
        connected = threading.Event()
        if version != paho.MQTTv5:
            options.setdefault("clean_session", True)
        connecting = {k: options.pop(k) for k in ("properties", "clean_start") if k in options}
        self.client = paho.Client(name, protocol=version, **options)

        def on_connect(_client, _data, flags, code, properties=None):
            self.connack = (flags, code, properties)
            connected.set()

        self.client.on_connect = on_connect
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = lambda _client, _data, message: self.came.append(message)
        self.client.connect("127.0.0.1", lab.port, keepalive=keepalive, **connecting)
        self.client.loop_start()
        assert connected.wait(30 * laboratory.SLOW)

    def subscribe(self, at, qos=1):
        self.subscribed.clear()
        self.client.subscribe(at, qos)
        assert self.subscribed.wait(30 * laboratory.SLOW)

    def publish(self, at, payload, qos=1, **options):
        self.client.publish(at, payload, qos, **options).wait_for_publish(60 * laboratory.SLOW)

    def messages(self, n):
        wait_for(lambda: len(self.came) >= n, f"{n} messages", 60)
        return self.came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", (0, 2))
def test_a_mebibyte_there_and_back(door, request, version, qos, count):
    """To the broker and back to the same client, at the same time, several on their way."""
    at, name = topic(request), f"big-{qos}-{version}-{door.port}"
    payloads = [random.Random(n).randbytes(1 << 20) for n in range(count(2, 8))]
    with Paho(door, name, VERSIONS[version]) as client:
        client.subscribe(at, qos)
        for payload in payloads:
            client.client.publish(at, payload, qos)
        came = [hashlib.sha256(m.payload).digest() for m in client.messages(len(payloads))]
        assert came == [hashlib.sha256(p).digest() for p in payloads]


def properties(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_properties_of_mqtt_5(door, request):
    """What the client says in CONNECT and PUBLISH and the broker in CONNACK, untouched."""
    at = topic(request)
    with Paho(door, "", paho.MQTTv5, properties=properties(
            PacketTypes.CONNECT, SessionExpiryInterval=60, ReceiveMaximum=7,
            UserProperty=[("site", "hall 3"), ("site", "ä")])) as client:
        _, code, told = client.connack
        assert code == 0 and told.AssignedClientIdentifier
        client.subscribe(at)
        client.publish(at, b"question", properties=properties(
            PacketTypes.PUBLISH, ResponseTopic=f"{at}/answer", CorrelationData=b"\0\1\xff",
            ContentType="text/plain", MessageExpiryInterval=600,
            UserProperty=[("a", "1"), ("a", "2"), ("ü", "温度")]))
        (message,) = client.messages(1)
        said = message.properties
        assert (said.ResponseTopic, said.CorrelationData, said.ContentType) \
            == (f"{at}/answer", b"\0\1\xff", "text/plain")
        assert said.UserProperty == [("a", "1"), ("a", "2"), ("ü", "温度")]


@pytest.mark.parametrize("version", ("mqttv31", "mqttv311", "mqttv5"))
def test_session_that_the_broker_keeps(door, request, version):
    """It sleeps, messages wait for it, it returns to a session present."""
    at, name = topic(request), f"sleeper-{version}-{door.port}"
    kept = {"clean_session": False}
    if version == "mqttv5":
        kept = {"clean_start": False,
                "properties": properties(PacketTypes.CONNECT, SessionExpiryInterval=600)}
    with Paho(door, name, VERSIONS[version], **kept) as client:
        client.subscribe(at)
    for n in range(5):
        publish(door, "-t", at, "-q", "1", "-m", f"{n}")
    with Paho(door, name, VERSIONS[version], **kept) as client:
        if version != "mqttv31":  # 3.1 has no such flag
            assert client.connack[0]["session present"] == 1
        assert [m.payload for m in client.messages(5)] == [b"%d" % n for n in range(5)]


def test_keepalive_of_an_idle_client(door):
    """Pings keep it; they are all it sends."""
    name = f"idle-{door.port}"
    with Paho(door, name, paho.MQTTv311, keepalive=1) as client:
        door.broker.process.wait_log(rf"(?s)(Received PINGREQ from {name}\n.*){{2}}")
        assert client.client.is_connected()


# Clients that do not take leave -------------------------------------------------------------------


class Rude:
    """Sends a seeded script of packets and cuts it at a random byte, by FIN or by RST."""

    def __init__(self, port, seed):
        self.port, self.rng, self.name = port, random.Random(seed), f"rude-{seed}"

    def script(self):
        level = self.rng.choice((3, 4, 5))
        packets = [mqtt.connect_packet(self.name, level=level, keepalive=30)]
        for _ in range(self.rng.randrange(6)):
            packets.append(self.rng.choice((
                mqtt.PINGREQ, mqtt.subscribe_packet("rude/#", level),
                mqtt.publish_packet(f"rude/{self.rng.randrange(4)}",
                                    self.rng.randbytes(self.rng.randrange(3000)), level))))
        return b"".join(packets)

    def run(self):
        whole = self.script()
        sent = whole[:self.rng.randrange(len(whole) + 1)]
        with mqtt.Client(self.port) as client:
            try:
                while sent:
                    n = self.rng.randrange(1, len(sent) + 1)
                    client.send(sent[:n])
                    sent = sent[n:]
                    if self.rng.random() < 0.3:
                        client.socket.settimeout(0.02)
                        client.socket.recv(self.rng.randrange(1, 4096))
            except (ConnectionError, TimeoutError):
                pass
            if self.rng.random() < 0.5:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))


def test_clients_that_cut_at_random_moments(door, count):
    """Nothing is left of them, and who is there all the time notices nothing."""
    n = count(150, 3000)
    with Paho(door, f"witness-{door.port}", paho.MQTTv311) as witness:
        witness.subscribe("witness")
        before = descriptors(door.usher.pid)
        seeds = iter(range(n))
        lock = threading.Lock()

        def run():
            while True:
                with lock:
                    seed = next(seeds, None)
                if seed is None:
                    return
                Rude(door.port, seed).run()

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: descriptors(door.usher.pid) <= before, "all to be gone", 30)
        witness.publish("witness", b"still here")
        assert witness.messages(1)[0].payload == b"still here"


def descriptors(pid):
    """Sockets that usher has open."""
    listing = subprocess.run(["find", f"/proc/{pid}/fd", "-lname", "socket:*"],
                             capture_output=True, text=True, check=False)
    return len(listing.stdout.splitlines())


def test_many_at_once(door, count):
    """Each gets its own message and nobody else's."""
    n = count(100, 2000)
    clients = [mqtt.Client(door.port, timeout=60) for _ in range(n)]
    for i, client in enumerate(clients):
        client.send(mqtt.connect_packet(f"many-{door.port}-{i}")
                    + mqtt.subscribe_packet(f"many/{door.port}/{i}"))
    for client in clients:
        assert client.read_connack() == 0
        assert client.read_packet()[0] == 0x90
    for i in range(n):
        clients[i].send(mqtt.publish_packet(f"many/{door.port}/{(i + 1) % n}", b"%d" % i))
    for i, client in enumerate(clients):
        first, body = client.read_packet()
        assert first == 0x30 and body.endswith(b"/%d%d" % (i, (i - 1) % n))
        client.ping()
    for client in clients:
        client.close()
