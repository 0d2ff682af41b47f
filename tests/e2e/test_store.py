"""Several ushers share what they know of a client through Redis; and Redis has its failures."""

import pathlib
import signal

import pytest

import mqtt
import store
from lab import wait_for
from store import Redis, policy, twins


@pytest.fixture
def redis(tmp_path):
    one = Redis(tmp_path)
    yield one
    one.process.send_signal(signal.SIGCONT)
    one.stop()


def visit(lab, client_id):
    """How the server was found, and which it was."""
    assert mqtt.visit(lab.ports["mqtt"], client_id) == 0
    verdict = lab.verdicts(client_id)[-1]
    return verdict["reason"], verdict["server"]


def test_two_ushers_agree(redis):
    """Each client comes to the second usher in another order, and still finds its broker."""
    clients = [f"twin-{n}" for n in range(9)]
    with twins(lambda lab: policy(redis.url)) as (first, second):
        for usher in (first.usher, second.usher):
            usher.wait_log("store up url=")
        placed = {}
        for client in clients:
            reason, placed[client] = visit(first, client)
            assert reason == "roundrobin"
            redis.wait_key(client, placed[client])
        assert len(set(placed.values())) == 3
        for client in reversed(clients):
            assert visit(second, client) == ("sticky", placed[client])
            assert visit(second, client) == ("sticky", placed[client])
