"""MQTT in WebSocket, read by usher: the same decision by client id as over TCP, and whatever a
client or a broker does wrong with its frames or its upgrade."""

import pytest

import lab as laboratory
import websocket
from edge import Edge


@pytest.fixture(scope="module")
def edge():
    with Edge() as one:
        yield one.start()


def place(edge, client_id, **options):
    seen = edge.seen(client_id)
    assert websocket.visit(edge.ports["ws"], client_id, **options) == 0
    return laboratory.wait_for(lambda: edge.newest(client_id, seen), f"{client_id} at a broker")


def test_the_same_broker_over_both_transports(edge):
    for i in range(6):
        client_id = f"both-{i}"
        first = place(edge, client_id)
        assert edge.place(client_id) == first
        assert place(edge, client_id) == first
