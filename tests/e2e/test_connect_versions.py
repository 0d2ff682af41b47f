"""Each version of MQTT is served, and refused in bytes that it can read."""

import subprocess

import pytest

import mqtt
from conftest import DOORS, started

POLICY = {
    "frontends": {"mqtt_closed": {"without_verdict": "closed"}},
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+[0-9]?)-"}],
    "tenants": {
        **{f"crowd{level}": {"max_connections": 1} for level in (3, 4, 5)},
        "strict": {"identity": {"client_id": "equals", "to": "username"}},
    },
}

LEVELS = {"3.1": 3, "3.1.1": 4, "5.0": 5}
VERSIONS = pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
REAL_CLIENTS = pytest.mark.parametrize("version", ("mqttv31", "mqttv311", "mqttv5"))


@pytest.fixture(scope="module", params=DOORS)
def served(request):
    yield from started(POLICY, request)


def refusal(level, code3, code5):
    """MQTT 3.1.1, 3.2 and MQTT 5, 3.2: five bytes, as many as properties need, for 5.0 alone."""
    return bytes([0x20, 3, 0, code5, 0]) if level == 5 else bytes([0x20, 2, 0, code3])


def answer(port, client_id, level, **options):
    """All that comes back to a CONNECT until the connection is closed."""
    with mqtt.Client(port) as client:
        client.send(mqtt.connect_packet(client_id, level=level, **options))
        return client.read_rest()


def mosquitto_pub(port, version, client_id, *more):
    """The exit code of a real client, and the first line it says."""
    done = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-V", version, "-i", client_id,
         "-t", "t", "-m", "m", *more], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, (done.stdout + done.stderr).partition("\n")[0]


@VERSIONS
def test_served(served, level):
    """The broker's own CONNACK comes through, as it was sent."""
    client_id = f"any-{level}"
    with mqtt.connect(served.ports["mqtt"], client_id, level=level) as client:
        assert (client.code, client.session_present) == (0, 0)
        client.ping()
        broker = served.brokers[served.where(client_id)].process
        assert f" as {client_id} (p{({3: 1, 4: 2, 5: 5})[level]}, " in broker.log()
    assert [v["action"] for v in served.verdicts(client_id)] == ["accept"]


@VERSIONS
def test_refused_by_policy(served, level):
    assert answer(served.ports["mqtt"], "strict-1", level, username="mallory") \
        == refusal(level, 5, 0x87)


@VERSIONS
def test_refused_by_quota(served, level):
    port = served.ports["mqtt"]
    with mqtt.connect(port, f"crowd{level}-first") as first:
        assert first.code == 0
        assert answer(port, f"crowd{level}-second", level) == refusal(level, 3, 0x97)


@REAL_CLIENTS
def test_real_client_is_served(served, version):
    assert mosquitto_pub(served.ports["mqtt"], version, f"real-{version}") == (0, "")


@REAL_CLIENTS
def test_real_client_reads_why_it_is_refused(served, version):
    code, said = mosquitto_pub(served.ports["mqtt"], version, "strict-1", "-u", "mallory")
    assert code != 0 and "not authorised" in said.lower().replace("z", "s"), said


@pytest.mark.policy(POLICY)
def test_refused_while_usher_is_away(lab):
    lab.start()
    lab.kill_usher()
    for level in LEVELS.values():
        assert answer(lab.ports["closed"], "c", level) == refusal(level, 3, 0x88)
    lab.wait_agent_down()
    for level in LEVELS.values():
        assert answer(lab.ports["closed"], "c", level) == refusal(level, 3, 0x88)
    assert all(lab.sessions(server) == 0 for server in lab.brokers)
