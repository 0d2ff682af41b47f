"""Where usher proxy differs from HAProxy on purpose, and that each difference can be switched off."""

import subprocess

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from puppet import Puppet

HEAD = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""


@pytest.fixture(params=["usher's way", "as HAProxy"])
def alike(request):
    """Is the difference switched off?"""
    return request.param == "as HAProxy"


def write(lab, text, name, alike):
    lab.config = lab.directory / "difference.cfg"
    lab.config.write_text(HEAD + text)
    lab.policy = lab.write_policy({"proxy": {"as_haproxy": [name]}} if alike else {})


def check(lab):
    return subprocess.run(
        [laboratory.USHER, "proxy", "-c", "-f", str(lab.config), "-P", str(lab.policy)],
        capture_output=True, text=True, check=False)


def start(lab, text, name, alike):
    write(lab, text, name, alike)
    lab.start_usher(command="proxy")


def test_blanks(lab, alike):
    write(lab, """
frontend f
    bind 127.0.0.1:1
    tcp-request inspect-delay 10s
    tcp-request content reject unless { req.payload(0, 0),mqtt_is_valid }
    default_backend b
backend b
    server s 127.0.0.1:2
""", "blanks", alike)
    done = check(lab)
    assert done.returncode == (1 if alike else 0)
    assert ("[ALERT]" if alike else "usher reads it as meant") in done.stderr
    assert subprocess.run(["haproxy", "-c", "-f", str(lab.config)], capture_output=True,
                          check=False).returncode == 1


def test_maxconn(lab, alike):
    write(lab, "global\n    maxconn 1024000000\nlisten l\n    bind 127.0.0.1:1\n"
          "    server s 127.0.0.1:2\n", "maxconn", alike)
    done = check(lab)
    assert done.returncode == (1 if alike else 0)
    assert ("Cannot raise FD limit to" if alike else "at most") in done.stderr


def test_mqtt_is_valid(lab, alike):
    port = laboratory.free_port()
    broker = Puppet("b").start()
    start(lab, f"""
frontend f
    bind 127.0.0.1:{port}
    tcp-request inspect-delay 10s
    tcp-request content reject unless {{ req.payload(0,0),mqtt_is_valid }}
    default_backend b
backend b
    server s 127.0.0.1:{broker.port}
""", "mqtt_is_valid", alike)

    def is_let_in(packet):
        with mqtt.Client(port) as client:
            client.send(packet)
            try:
                return client.read_connack() == 0
            except mqtt.Closed:
                return False

    assert is_let_in(mqtt.connect_packet("plain"))
    assert is_let_in(mqtt.connect_packet("bridge", level=0x84)) != alike
    # An empty client identifier of a session that is to last.
    assert is_let_in(mqtt.connect_packet("", clean=False)) == alike
    broker.stop()


def test_stick_waits(lab, alike):
    """Without inspect-delay HAProxy dials before the CONNECT is there, and sticks nobody."""
    port = laboratory.free_port()
    brokers = [Puppet(f"b{i}").start() for i in range(3)]
    servers = "".join(f"    server {b.name} 127.0.0.1:{b.port}\n" for b in brokers)
    start(lab, f"""
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    stick-table type string len 32 size 1k expire 1m
    stick on req.payload(0,0),mqtt_field_value(connect,client_identifier)
{servers}""", "stick_waits", alike)

    def homes():
        return [b.name for b in brokers for v in b.visits if v.client_id == "x"]

    for n in range(4):
        with mqtt.Client(port) as client:
            if alike:
                wait_for(lambda n=n: sum(len(b.open) for b in brokers) > 0, "it to be dialled")
            else:
                assert sum(len(b.open) for b in brokers) == 0
            client.send(mqtt.connect_packet("x"))
            assert client.read_connack() == 0
        wait_for(lambda n=n: len(homes()) == n + 1 and not any(b.open for b in brokers), "its end")
    assert (len(set(homes())) == 1) != alike
    for broker in brokers:
        broker.stop()


def test_retry_elsewhere(lab, alike):
    """Nobody listens at the server of the client's address: another takes it, or it is closed."""
    port, dead = laboratory.free_port(), laboratory.free_port()
    broker = Puppet("b").start()
    start(lab, f"""
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    balance source
    retries 1
    server dead 127.0.0.1:{dead}
    server b 127.0.0.1:{broker.port}
""", "retry_elsewhere", alike)
    for last in (2, 3, 4, 5):  # two of the four have the dead one for theirs
        with mqtt.Client(port, source=f"127.0.9.{last}") as client:
            client.send(mqtt.connect_packet("x"))
            if not alike or last % 2:
                assert client.read_connack() == 0
            else:
                assert client.is_closed()
    broker.stop()


def test_unknown_difference_is_refused(lab):
    write(lab, "listen l\n    bind 127.0.0.1:1\n    server s 127.0.0.1:2\n", "retry", True)
    done = check(lab)
    assert done.returncode == 1 and "retry_elsewhere" in done.stderr


@pytest.mark.parametrize("connect, server_says, idle", [
    ({"keepalive": 1}, b"\x20\2\0\0", True),
    ({"keepalive": 0}, b"\x20\2\0\0", True),
    ({"keepalive": 60, "level": 5}, b"\x20\6\0\0\3\x13\0\1", True),  # Server Keep Alive 1
    ({"keepalive": 60}, b"\x20\2\0\0", False),
], ids=["keepalive", "cap", "server_keepalive", "longer_keepalive"])
def test_idle_by_keepalive(lab, connect, server_says, idle):
    port = laboratory.free_port()
    broker = Puppet("b", lambda _: server_says).start()
    lab.config = lab.directory / "idle.cfg"
    lab.config.write_text(HEAD + f"""
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    server s 127.0.0.1:{broker.port}
""")
    cap = "2s" if connect["keepalive"] == 0 else "1h"
    lab.policy = lab.write_policy({"frontends": {"f": {"idle_cap": cap}}})
    lab.start_usher(command="proxy")
    with mqtt.Client(port) as client:
        client.send(mqtt.connect_packet("x", **connect))
        client.read_packet()
        if idle:
            assert client.is_closed()
            lab.usher.wait_log("reason=client_timeout")
        else:  # twice 60 s: long after those above would have gone
            client.socket.settimeout(4)
            with pytest.raises(TimeoutError):
                client.socket.recv(1)
    broker.stop()
