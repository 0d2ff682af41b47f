"""Who gets a place at a server, who waits for one, and who is to blame when none is had."""

import contextlib
import time

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from puppet import Puppet
from test_proxy import start_proxy

HEAD = """
defaults
    mode tcp
    timeout connect 2s
    timeout queue 20s
    timeout client 30s
    timeout server 30s
"""


@pytest.fixture
def place(lab):
    """A frontend, two puppets, and a function that starts usher with a backend's lines."""
    lab.puppets = [Puppet(f"s{n}").start() for n in (1, 2)]
    lab.port = laboratory.free_port()

    def start(backend, frontend="", policy=None):
        ports = {p.name: p.port for p in lab.puppets}
        lab.config = lab.directory / "places.cfg"
        lab.config.write_text(
            HEAD + f"frontend f\n    bind 127.0.0.1:{lab.port}\n{frontend}    default_backend b\n"
            f"backend b\n{backend.format(**ports, port=lab.port)}")
        if policy:
            lab.policy = lab.write_policy(policy)
        start_proxy(lab, "-j", "2")
        return lab

    yield start
    for puppet in lab.puppets:
        with contextlib.suppress(OSError):
            puppet.stop()


def waiting(port, client_id, **options):
    client = mqtt.Client(port)
    client.send(mqtt.connect_packet(client_id, **options))
    return client


def guests(lab):
    return [sorted(v.client_id for v in p.visits if v.is_open) for p in lab.puppets]


CHECK = "check inter 100ms fall 1 rise 1 maxconn 1"


def test_who_waits_is_served_by_a_server_that_comes_back(place, lab):
    lab.puppets[0].stop()
    place(f"    server s1 127.0.0.1:{{s1}} {CHECK}\n    server s2 127.0.0.1:{{s2}} maxconn 1\n")
    lab.usher.wait_log("server=s1 state=down")
    first = mqtt.connect(lab.port, "first")
    second = waiting(lab.port, "second")
    lab.puppets[0].start()
    assert second.read_connack() == 0
    assert guests(lab) == [["second"], ["first"]]
    first.close()
    second.close()


def test_waiting_for_a_server_that_goes_down_ends(place, lab):
    """Pinned by the stick-table, it is sent to the other one when its own is gone."""
    place(f"    stick-table type string size 10 expire 1m\n"
          f"    stick on req.payload(0,0),mqtt_field_value(connect,username)\n"
          f"    server s1 127.0.0.1:{{s1}} {CHECK}\n    server s2 127.0.0.1:{{s2}}\n")
    first = waiting(lab.port, "first", username="u")
    assert first.read_connack() == 0
    second = waiting(lab.port, "second", username="u")
    time.sleep(0.1)
    assert guests(lab) == [["first"], []]
    lab.puppets[0].stop()
    assert second.read_connack() == 0
    assert "second" in guests(lab)[1]
    first.close()
    second.close()


def test_pinned_client_waits_for_a_draining_server(place, lab):
    """As HAProxy: the file sends it there, and it gets the next place."""
    place("    stick-table type ip size 10 expire 1m\n    stick on src\n"
          "    server s1 127.0.0.1:{s1} maxconn 1\n    server s2 127.0.0.1:{s2}\n")
    first = mqtt.connect(lab.port, "first")
    text = lab.config.read_text()
    lab.config.write_text(text.replace("maxconn 1\n", "maxconn 1 weight 0\n"))
    lab.usher.send_signal(1)
    lab.usher.wait_log("reload done")
    second = waiting(lab.port, "second")
    time.sleep(0.1)
    assert guests(lab) == [["first"], []]
    first.close()
    assert second.read_connack() == 0
    assert guests(lab) == [["second"], []]
    second.close()


def test_full_queue_is_left_for_another_server(place, lab):
    place("    stick-table type ip size 10 expire 1m\n    stick on src\n    option redispatch\n"
          "    server s1 127.0.0.1:{s1} maxconn 1 maxqueue 1\n    server s2 127.0.0.1:{s2}\n")
    first = mqtt.connect(lab.port, "first")
    second = waiting(lab.port, "second")
    time.sleep(0.1)
    third = waiting(lab.port, "third")
    assert third.read_connack() == 0
    assert guests(lab) == [["first"], ["third"]]
    first.close()
    assert second.read_connack() == 0
    for client in (second, third):
        client.close()


def test_full_queue_refuses_a_governed_client_in_its_own_words(place, lab):
    place("    server s1 127.0.0.1:{s1} maxconn 1 maxqueue 1\n",
          policy={"frontends": {"f": {}}, "backends": {"b": {"balance": "rendezvous"}}})
    first = mqtt.connect(lab.port, "first")
    second = waiting(lab.port, "second")
    time.sleep(0.1)
    assert waiting(lab.port, "third").read_connack() == 3
    lab.usher.wait_log("reason=queue_full")
    first.close()
    assert second.read_connack() == 0
    second.close()


def test_own_lack_of_ports_takes_no_server_down(place, lab):
    source = laboratory.free_port()
    place(f"    server s1 127.0.0.1:{{s1}} source 127.0.0.1:{source} check inter 1h fall 1 "
          "on-marked-down shutdown-sessions\n    retries 0\n")
    first = mqtt.connect(lab.port, "first")
    assert waiting(lab.port, "second").is_closed()
    lab.usher.wait_log("reason=connect_failed")
    assert guests(lab) == [["first"], []]
    first.close()
    assert "state=down" not in lab.usher.log()


def test_rules_are_not_run_again_once_passed(place, lab):
    """A CONNECT in two pieces counts once."""
    place("    server s1 127.0.0.1:{s1}\n",
          frontend="    stick-table type ip size 100 expire 1m store gpc0\n"
                   "    tcp-request inspect-delay 5s\n"
                   "    tcp-request connection track-sc0 src\n"
                   "    tcp-request content reject if { sc0_get_gpc0 gt 1 }\n"
                   "    tcp-request content sc-inc-gpc0(0)\n",
          policy={"frontends": {"f": {}}})
    packet = mqtt.connect_packet("in-pieces")
    with mqtt.Client(lab.port) as client:
        client.send(packet[:5])
        time.sleep(0.1)
        client.send(packet[5:])
        assert client.read_connack() == 0
    assert mqtt.visit(lab.port, "second") == 0
    with mqtt.Client(lab.port) as client:
        client.send(mqtt.connect_packet("third"))
        assert client.is_closed()


def test_short_time_out_is_for_silence_alone(place, lab):
    place("    timeout server 800ms\n    server s1 127.0.0.1:{s1}\n")
    client = mqtt.connect(lab.port, "talks")
    for _ in range(20):
        client.send(b"x")
        time.sleep(0.1)
    client.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.socket.recv(1)
    client.socket.settimeout(10)
    assert client.is_closed()


def test_stops_while_somebody_waits(place, lab):
    place("    server s1 127.0.0.1:{s1} maxconn 1\n")
    first = mqtt.connect(lab.port, "first")
    others = [waiting(lab.port, f"w{n}") for n in range(20)]
    time.sleep(0.1)
    assert lab.usher.stop() == 0
    for client in [first, *others]:
        client.close()


def test_places_are_exact_under_churn(place, lab, count):
    """Refused connections, closes and queues: never more guests than places, none is lost."""
    place("    option redispatch\n    retries 2\n    balance random\n"
          "    server s1 127.0.0.1:{s1} maxconn 2\n    server s2 127.0.0.1:{s2} maxconn 3\n")
    most = [0, 0]
    with mqtt.Load(lab.port, threads=16) as clients:
        seen = 0
        while clients.served < count(600, 6000):
            for n, names in enumerate(guests(lab)):
                most[n] = max(most[n], len(names))
            seen += 1
    assert set(clients.outcomes) == {0} and seen > 10
    # A guest that has gone may still be seen by the puppet when the next one comes.
    wait_for(lambda: guests(lab) == [[], []], "everybody to leave")
    held = [mqtt.connect(lab.port, f"h{n}") for n in range(5)]
    assert [len(names) for names in guests(lab)] == [2, 3]
    late = waiting(lab.port, "late")
    with pytest.raises(TimeoutError):
        late.socket.settimeout(0.3)
        late.socket.recv(1)
    held[0].close()
    late.socket.settimeout(10)
    assert late.read_connack() == 0
    for client in [*held, late]:
        client.close()
