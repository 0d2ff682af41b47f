"""The optional CONNACK group: usher hears which server really answered, and what it said."""

import signal
import threading

import pytest

import lab as laboratory
import mqtt
from puppet import Puppet

# Uncomment the lines of mqtt_backend, as the file tells its reader to.
REPORTED = [(f"    #{line}", f"    {line}") for line in (
    "filter spoe engine usher-connack", "tcp-response inspect-delay 5s",
    "tcp-response content send-spoe-group usher-connack")]
# A server that dies is not noticed while the scenario lasts.
UNNOTICED = ("check inter 1s fall 2 rise 1 on-marked-down", "check inter 1h fall 2 rise 1 "
             "on-marked-down")

OK = {4: b"\x20\2\0\0", 5: b"\x20\3\0\0\0"}


@pytest.fixture
def reported(lab):
    """Not started, as `lab`; puppets may still be put in the brokers' places."""
    lab.edit_config(*REPORTED)
    return lab


def visit(lab, client_id, **options):
    """The CONNACK's code, how the server was found, and which it was."""
    code = mqtt.visit(lab.ports["mqtt"], client_id, **options)
    verdict = lab.verdicts(client_id)[-1]
    return code, verdict["reason"], verdict["server"]


@pytest.mark.parametrize("level, connack", (
    (4, b"\x20\2\0\3"),
    (5, b"\x20\3\0\x88\0"),
    (5, b"\x20\3\0\x89\0"),
    (5, b"\x20\3\0\x9c\0"),
    (5, b"\x20\3\0\x9d\0"),
    (5, b"\x20\3\0\x9f\0"),
    (5, b"\x20\x0d\0\x9c\x0a\x1c\0\x07emqx2:1"),  # with a Server Reference, as EMQX says it
), ids=lambda v: v.hex() if isinstance(v, bytes) else None)
def test_broker_says_not_here(reported, level, connack):
    """Its client is told so, and the next time goes elsewhere instead of straight back."""
    reported.brokers["emqx1"] = Puppet("emqx1", lambda connect: connack)
    reported.start()
    assert visit(reported, "c", level=level) == (connack[3], "roundrobin", "emqx1")
    code, reason, server = visit(reported, "c", level=level)
    assert (code, reason) == (0, "roundrobin") and server != "emqx1", "the entry is gone"
    assert visit(reported, "c", level=level) == (0, "sticky", server)


@pytest.mark.parametrize("level, connack", (
    (4, b"\x20\2\0\5"), (4, b"\x20\2\0\1"), (5, b"\x20\3\0\x87\0"), (5, b"\x20\3\0\x97\0")),
    ids=lambda v: v.hex() if isinstance(v, bytes) else None)
def test_broker_says_no_for_good(reported, level, connack):
    """Another broker would say the same: the client keeps its place."""
    reported.brokers["emqx1"] = Puppet("emqx1", lambda connect: connack)
    reported.start()
    assert visit(reported, "c", level=level) == (connack[3], "roundrobin", "emqx1")
    assert visit(reported, "c", level=level) == (connack[3], "sticky", "emqx1")


@pytest.mark.parametrize("report", (True, False), ids=("reported", "not_reported"))
def test_broker_dies_unnoticed(lab, report):
    """HAProxy takes another one; usher's entry follows when it hears of it, and else does not."""
    lab.edit_config(UNNOTICED, *(REPORTED if report else ()))
    lab.start()
    lab.brokers["emqx1"].process.kill()
    with mqtt.connect(lab.ports["mqtt"], "c", level=5) as client:
        assert client.code == 0
        real = lab.where("c")
    first, = lab.verdicts("c")
    assert (first["reason"], first["server"]) == ("roundrobin", "emqx1") and real != "emqx1"
    assert visit(lab, "c") == (0, "sticky", real if report else "emqx1")


def test_connack_and_first_message_in_one_segment(reported):
    """A broker that resumes a session need not wait: both come through, and are understood."""
    resumed = b"\x20\2\1\0" + mqtt.publish_packet("t", b"queued")
    reported.brokers["emqx1"] = Puppet("emqx1", lambda connect: resumed)
    reported.start()
    with mqtt.connect(reported.ports["mqtt"], "c") as client:
        assert (client.code, client.session_present) == (0, 1)
        assert client.read_packet() == (0x30, mqtt.string("t") + b"queued")
    assert visit(reported, "c") == (0, "sticky", "emqx1")


def test_session_goes_on_behind_the_report(reported):
    """Once the CONNACK is through, nothing of the group stands in the way."""
    reported.start()
    with mqtt.connect(reported.ports["mqtt"], "c", level=5) as client:
        client.send(mqtt.subscribe_packet("t", 5))
        assert client.read_packet()[0] == 0x90
        for n in range(20):
            client.send(mqtt.publish_packet("t", b"%d" % n * 1000, 5))
            assert client.read_packet()[0] == 0x30


class Gate:
    """A broker's answer that waits to be let go."""

    def __init__(self, level=4):
        self.came, self.go, self.level = threading.Event(), threading.Event(), level

    def answer(self, connect):
        self.came.set()
        self.go.wait(30)
        return OK[self.level]


@pytest.mark.parametrize("level", (4, 5), ids=("3.1.1", "5.0"))
def test_usher_hangs_between_connect_and_connack(reported, level):
    """The CONNACK arrives all the same, late by no more than the engine's short time-out."""
    gate = Gate(level)
    reported.brokers["emqx1"] = Puppet("emqx1", gate.answer)
    reported.start()
    with mqtt.Client(reported.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet("c", level=level))
        assert gate.came.wait(10 * laboratory.SLOW)
        reported.usher.send_signal(signal.SIGSTOP)
        gate.go.set()
        assert client.read_connack() == 0
        client.close()
    assert mqtt.visit(reported.ports["mqtt"], "later", level=level) == 0, "hung before the CONNECT"
    reported.usher.send_signal(signal.SIGCONT)


def test_usher_dies_between_connect_and_connack(reported):
    gate = Gate()
    reported.brokers["emqx1"] = Puppet("emqx1", gate.answer)
    reported.start()
    with mqtt.Client(reported.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet("c"))
        assert gate.came.wait(10 * laboratory.SLOW)
        reported.kill_usher()
        gate.go.set()
        assert client.read_connack() == 0
