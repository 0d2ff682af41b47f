"""Each kind of matcher and each action of usher.json, through a real HAProxy and without it."""

import struct

import pytest

import mqtt
from conftest import DOORS, started
from lab import wait_for

MATCHERS = {
    "exact": {"client_id": "stolen-1"},
    "exact object": {"client_id": {"exact": "stolen-2"}},
    "set": {"client_id": ["stolen-3", "stolen-4"]},
    "set object": {"client_id": {"in": ["stolen-5", "stolen-6"]}},
    "prefix": {"client_id": {"prefix": "lab-"}},
    "suffix": {"client_id": {"suffix": "-test"}},
    "regex": {"client_id": {"regex": "^meter-[0-9]{4}$"}},
    "all of one object": {"client_id": {"prefix": "gw-", "suffix": "-x", "regex": "[0-9]"}},
    "username": {"username": "root"},
    "network": {"source": "127.0.1.0/24"},
    "networks": {"source": ["127.0.2.0/25", "127.0.2.200"]},
    "network object": {"source": {"cidr": "127.0.3.0/24"}},
    "number": {"keepalive": 7},
    "range": {"keepalive": {"min": 1800, "max": 3600}},
    "at least": {"keepalive": {"min": 40000}},
    "protocol": {"protocol": "3.1", "client_id": {"prefix": "old-"}},
    "clean start": {"clean_start": False},
    "session expiry": {"session_expiry": {"min": 86400}},
    "frontend": {"frontend": "mqtt_closed", "client_id": {"prefix": "door-"}},
    "transport": {"transport": "tcp", "username": "plain"},
    "destination": {"destination": "127.0.0.0/8", "username": "to-loopback"},
    "source port": {"source_port": {"min": 1024}, "username": "from-high-port"},
    "all of several facts": {"client_id": {"prefix": "both-"}, "username": "u", "keepalive": 60},
}
POLICY = {"rules": [
    *({"name": name, "if": conditions, "reject": "banned"}
      for name, conditions in MATCHERS.items()),
    {"name": "unless one", "if": {"client_id": {"prefix": "guard-"}},
     "unless": {"source": "127.0.4.0/24"}, "reject": "banned"},
    {"name": "unless all", "if": {"client_id": {"prefix": "wall-"}},
     "unless": {"source": "127.0.4.0/24", "username": "admin"}, "reject": "banned"},
]}


def day(seconds):
    return {"level": 5, "properties": b"\x11" + struct.pack("!I", seconds)}


# The rule that is to match, or None; the client id; what else the CONNECT says.
CASES = [
    ("exact", "stolen-1", {}),
    (None, "stolen-11", {}),
    (None, "Stolen-1", {}),
    (None, "stolen-", {}),
    ("exact object", "stolen-2", {}),
    ("set", "stolen-3", {}),
    ("set", "stolen-4", {}),
    ("set object", "stolen-6", {}),
    (None, "stolen-7", {}),
    ("prefix", "lab-", {}),
    ("prefix", "lab-1", {}),
    (None, "lab", {}),
    (None, "my-lab-1", {}),
    ("suffix", "a-test", {}),
    (None, "a-tests", {}),
    ("regex", "meter-1234", {}),
    (None, "meter-12345", {}),
    (None, "meter-123x", {}),
    ("all of one object", "gw-1-x", {}),
    (None, "gw-a-x", {}),
    (None, "gw-1-y", {}),
    ("username", "c", {"username": "root"}),
    (None, "c", {"username": "roo"}),
    (None, "root", {}),
    ("network", "c", {"source": "127.0.1.0"}),
    ("network", "c", {"source": "127.0.1.255"}),
    ("networks", "c", {"source": "127.0.2.127"}),
    ("networks", "c", {"source": "127.0.2.200"}),
    (None, "c", {"source": "127.0.2.128"}),
    (None, "c", {"source": "127.0.2.201"}),
    ("network object", "c", {"source": "127.0.3.9"}),
    ("number", "c", {"keepalive": 7}),
    (None, "c", {"keepalive": 8}),
    ("range", "c", {"keepalive": 1800}),
    ("range", "c", {"keepalive": 3600}),
    (None, "c", {"keepalive": 1799}),
    (None, "c", {"keepalive": 3601}),
    (None, "c", {"keepalive": 0}),
    ("at least", "c", {"keepalive": 65535}),
    ("protocol", "old-1", {"level": 3}),
    (None, "old-1", {"level": 4}),
    (None, "old-1", {"level": 5}),
    ("clean start", "c", {"clean": False}),
    ("clean start", "c", {"clean": False, "level": 5}),
    ("session expiry", "c", day(86400)),
    ("session expiry", "c", day(0xFFFFFFFF)),
    (None, "c", day(86399)),
    (None, "c", {"level": 5}),
    ("frontend", "door-1", {"port": "closed"}),
    (None, "door-1", {"port": "mqtt"}),
    ("transport", "c", {"username": "plain"}),
    ("destination", "c", {"username": "to-loopback"}),
    ("source port", "c", {"username": "from-high-port"}),
    ("all of several facts", "both-1", {"username": "u"}),
    (None, "both-1", {"username": "v"}),
    (None, "both-1", {"username": "u", "keepalive": 61}),
    ("unless one", "guard-1", {}),
    (None, "guard-1", {"source": "127.0.4.1"}),
    ("unless all", "wall-1", {}),
    ("unless all", "wall-1", {"source": "127.0.4.1"}),
    ("unless all", "wall-1", {"username": "admin"}),
    (None, "wall-1", {"source": "127.0.4.1", "username": "admin"}),
]


@pytest.fixture(scope="module", params=DOORS)
def matching(request):
    yield from started(POLICY, request)


@pytest.mark.parametrize("rule, client_id, options", CASES,
                         ids=[f"{case[0] or 'none'}: {case[1]} {case[2] or ''}".strip()
                              for case in CASES])
def test_matcher(matching, rule, client_id, options):
    options = dict(options)
    port = matching.ports[options.pop("port", "mqtt")]
    code = mqtt.visit(port, client_id, **options)
    verdict = matching.verdicts(client_id)[-1]
    assert verdict["rule"] == (rule or "")
    refused = 0x8a if options.get("level") == 5 else 5
    assert code == (refused if rule else 0)


# Actions -----------------------------------------------------------------------------------------

REASONS = {
    "not_authorized": (5, 0x87),
    "bad_client_id": (2, 0x85),
    "bad_credentials": (4, 0x86),
    "banned": (5, 0x8a),
    "server_unavailable": (3, 0x88),
    "server_busy": (3, 0x89),
    "quota_exceeded": (3, 0x97),
    "rate_exceeded": (3, 0x9f),
    "use_another_server": (3, 0x9c),
    "unsupported_version": (1, 0x84),
}
ACTIONS = {
    "tenants": {
        "acme": {"backend": "acme_backend"},
        "beta": {"servers": ["emqx1", "emqx2"]},
        "own": {"identity": {"client_id": "equals", "to": "username"}},
    },
    "rules": [
        *({"name": reason, "if": {"client_id": {"prefix": reason + "/"}}, "reject": reason}
          for reason in REASONS),
        {"name": "pinned", "if": {"client_id": {"prefix": "pin-"}}, "server": "emqx2"},
        {"name": "too late", "if": {"client_id": {"prefix": "pin-"}}, "reject": "banned"},
        {"name": "pinned elsewhere", "if": {"client_id": {"prefix": "lost-"}}, "server": "emqx1"},
        {"name": "to acme's brokers", "if": {"client_id": {"prefix": "far-"}},
         "backend": "acme_backend"},
        {"if": {"client_id": {"prefix": "acme-"}}, "tenant": "acme"},
        {"if": {"client_id": {"prefix": "beta-"}}, "tenant": "beta"},
        {"if": {"client_id": {"prefix": "own-"}}, "tenant": "own"},
        {"name": "nameless and last", "if": {"client_id": "last"}, "server": "emqx3"},
    ],
}


@pytest.fixture(scope="module", params=DOORS)
def acting(request):
    yield from started(ACTIONS, request)


@pytest.mark.parametrize("reason", REASONS)
def test_rule_rejects(acting, reason):
    """With the code that the client's version has for it; the connection is closed."""
    code3, code5 = REASONS[reason]
    before = sum(acting.sessions(server) for server in acting.brokers)
    for level, expected in ((3, [0x20, 2, 0, code3]), (4, [0x20, 2, 0, code3]),
                            (5, [0x20, 3, 0, code5, 0])):
        with mqtt.Client(acting.ports["mqtt"]) as client:
            client.send(mqtt.connect_packet(f"{reason}/1", level=level))
            assert client.read_rest() == bytes(expected)
    for verdict in acting.verdicts(f"{reason}/1"):
        assert (verdict["action"], verdict["rule"], verdict["reason"]) \
            == ("reject", reason, reason)
    assert sum(acting.sessions(server) for server in acting.brokers) == before


def test_rule_pins_a_server(acting):
    """All of them, in spite of round robin; and the first rule that matches is the last asked."""
    assert {acting.place(f"pin-{i}") for i in range(4)} == {"emqx2"}
    assert {v["reason"] for i in range(4) for v in acting.verdicts(f"pin-{i}")} == {"rule"}
    assert acting.verdicts("pin-0")[0]["rule"] == "pinned"


def test_rule_chooses_a_backend(acting):
    before = acting.sessions("emqx3", "acme_backend")
    assert {acting.place(f"far-{i}") for i in range(3)} == {"emqx3"}
    assert acting.sessions("emqx3", "acme_backend") == before + 3
    assert acting.verdicts("far-0")[0]["backend"] == "acme_backend"


def test_rule_sets_the_tenant(acting):
    """And with it all that the tenant's entry says."""
    assert {acting.place(f"acme-{i}") for i in range(3)} == {"emqx3"}
    assert acting.verdicts("acme-0")[0]["tenant"] == "acme"
    assert acting.verdicts("acme-0")[0]["backend"] == "acme_backend"

    homes = [acting.place(f"beta-{i}") for i in range(6)]
    assert sorted(homes) == ["emqx1"] * 3 + ["emqx2"] * 3, "its servers alone"

    assert mqtt.visit(acting.ports["mqtt"], "own-1", username="mallory") == 5
    assert mqtt.visit(acting.ports["mqtt"], "own-1", username="own-1") == 0


def test_last_rule_is_reached(acting):
    assert {acting.place("last") for _ in range(3)} == {"emqx3"}


@pytest.mark.doors(*DOORS)
@pytest.mark.policy(ACTIONS)
def test_pinned_server_dies(lab):
    """Its clients are served by the others; when it returns they are back at once: a rule keeps no
    entry that could hold them."""
    lab.start()
    assert lab.place("lost-1") == "emqx1"
    lab.brokers["emqx1"].process.kill()
    lab.usher.wait_log("server changed backend=mqtt_backend server=emqx1 state=down")
    assert lab.place("lost-1") in ("emqx2", "emqx3")
    lab.brokers["emqx1"].start()
    lab.usher.wait_log("server changed backend=mqtt_backend server=emqx1 state=up")
    if lab.haproxy:
        wait_for(lambda: lab.server_state("mqtt_backend", "emqx1") == "2", "HAProxy to see it")
    assert lab.place("lost-1") == "emqx1"
