"""Facts that a policy names itself, where usher carries the clients: user properties of MQTT 5, and
headers of a WebSocket upgrade."""

import pytest

import mqtt
import websocket
from edge import Edge
from lab import wait_for

POLICY = {
    "frontends": {"mqtt": {}, "ws": {"websocket": True}},
    "tenant_from": [{"user_property.Tenant": "^(?<tenant>[a-z]+)$"}],
    "tenants": {"acme": {"servers": ["emqx3"]}},
    "rules": [
        {"name": "lost", "if": {"user_property.site": "nowhere"}, "reject": "banned"},
        {"name": "site", "if": {"user_property.site": {"prefix": "n"}}, "server": "emqx2"},
        {"name": "region", "if": {"header.X-Region": "eu"}, "server": "emqx3"},
        {"name": "canary", "if": {"query": "canary", "host": "broker.example"},
         "server": "emqx2"},
    ],
}


def user_property(name, value):
    return b"\x26" + mqtt.string(name) + mqtt.string(value)


@pytest.fixture(scope="module")
def edge():
    with Edge(POLICY) as one:
        yield one.start()


def place(edge, visit, frontend, client_id, **options):
    seen = edge.seen(client_id)
    assert visit(edge.ports[frontend], client_id, **options) == 0
    return wait_for(lambda: edge.newest(client_id, seen), f"{client_id} at a broker")


@pytest.mark.parametrize("visit, frontend", [(mqtt.visit, "mqtt"), (websocket.visit, "ws")])
def test_user_properties_decide(edge, visit, frontend):
    for name, properties, broker in [
            ("site", user_property("site", "north"), "emqx2"),
            ("first", user_property("site", "n1") + user_property("site", "nowhere"), "emqx2"),
            ("tenant", user_property("x", "y") + user_property("Tenant", "acme"), "emqx3")]:
        for _ in range(3):
            assert place(edge, visit, frontend, f"{name}-{frontend}", level=5,
                         properties=properties) == broker
    assert visit(edge.ports[frontend], "lost", level=5,
                 properties=user_property("site", "nowhere")) == 0x8A


def test_names_of_user_properties_have_their_case(edge):
    places = {place(edge, mqtt.visit, "mqtt", f"case-{i}", level=5,
                    properties=user_property("tenant", "acme")) for i in range(3)}
    assert places != {"emqx3"}  # where tenant acme is


def test_headers_decide(edge):
    for _ in range(3):
        assert place(edge, websocket.visit, "ws", "by-header",
                     headers=[("x-region", "eu")]) == "emqx3"
        assert place(edge, websocket.visit, "ws", "by-query", target="/mqtt?canary",
                     vhost="Broker.Example:8083") == "emqx2"
