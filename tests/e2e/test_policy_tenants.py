"""Whose client it is: tenants, keys that are kept apart by tenant, and identities."""

import signal

import pytest

import mqtt
from conftest import DOORS, started

pytestmark = pytest.mark.doors(*DOORS)

TENANTS = {
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"},
                    {"username": "^(?<tenant>[a-z]+)/"},
                    {"username": "@(?<tenant>[a-z]+)$"}],
    "tenants": {"acme": {"backend": "acme_backend"}, "beta": {}, "gamma": {}},
}
IDENTITIES = {
    "identity": {"client_id": "equals", "to": "username"},
    "tenant_from": [{"username": "^(?<tenant>[a-z]+)/"}, {"client_id": "^(?<tenant>[a-z]+):"}],
    "tenants": {
        "prefix": {"identity": {"client_id": "starts_with", "to": "username"}},
        "tenant": {"identity": {"client_id": "starts_with", "to": "tenant"}},
        "same": {"identity": {"client_id": "equals", "to": "tenant"}},
        "any": {"identity": {"client_id": "any"}},
        "inherits": {},
    },
}


def refused(lab, rule, client_id, **options):
    """Both versions are told not_authorized, and by this rule."""
    for level, code in ((4, 5), (5, 0x87)):
        assert mqtt.visit(lab.ports["mqtt"], client_id, level=level, **options) == code
        verdict = lab.verdicts(client_id)[-1]
        assert (verdict["reason"], verdict["rule"]) == ("not_authorized", rule)


def served(lab, client_id, **options):
    assert mqtt.visit(lab.ports["mqtt"], client_id, **options) == 0
    return lab.verdicts(client_id)[-1]


@pytest.mark.policy(TENANTS)
def test_tenant_from_client_id_and_username(lab):
    """The sources in their order; the first that names a tenant of the table."""
    lab.start()
    for client_id, username, tenant in (
            ("beta-1", None, "beta"),
            ("beta-1", "gamma/u", "beta"),
            ("1", "gamma/u", "gamma"),
            ("1", "u@gamma", "gamma"),
            ("nobody-1", "gamma/u", "gamma"),
            ("nobody-1", "nobody/u@beta", "beta"),
            ("nobody-1", None, ""),
            ("BETA-1", None, ""),
            ("1", None, ""),
    ):
        assert served(lab, client_id, username=username)["tenant"] == tenant, client_id
    assert {lab.place(f"acme-{i}") for i in range(3)} == {"emqx3"}
    assert lab.verdicts("acme-0")[-1]["backend"] == "acme_backend"


@pytest.mark.policy(TENANTS)
def test_two_tenants_with_the_same_client_id(lab):
    """Each has an entry of its own: neither is sent to the other's broker, nor moves it."""
    lab.start()
    port = lab.ports["mqtt"]
    homes = {}
    for username in ("beta/u", "gamma/u", None):
        assert mqtt.visit(port, "dev7", username=username) == 0
        verdict = lab.verdicts("dev7")[-1]
        assert verdict["reason"] == "roundrobin", "nothing is known of this one"
        homes[username] = verdict["server"]
    assert sorted(homes.values()) == ["emqx1", "emqx2", "emqx3"]
    for username in (None, "gamma/u", "beta/u") * 2:
        assert lab.place("dev7", username=username) == homes[username]
        assert lab.verdicts("dev7")[-1]["reason"] == "sticky"


@pytest.mark.policy({**TENANTS, "unknown_tenant": "reject"})
def test_client_of_no_tenant(lab):
    lab.start()
    for client_id, username in (("nobody-1", None), ("1", None), ("1", "nobody/u"), ("", None)):
        refused(lab, "unknown_tenant", client_id, username=username)
    assert served(lab, "beta-1")["tenant"] == "beta"
    assert served(lab, "1", username="gamma/u")["tenant"] == "gamma"


@pytest.mark.policy(TENANTS)
def test_tenant_keeps_to_its_servers(lab):
    """Even if its entry says otherwise: it was made before the policy was changed."""
    lab.start()
    ids = [f"beta-{i}" for i in range(3)]
    assert sorted(lab.place(i) for i in ids) == ["emqx1", "emqx2", "emqx3"]
    lab.write_policy({**TENANTS, "tenants": {"acme": {}, "beta": {"servers": ["emqx2"]}}})
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done")
    assert {lab.place(i) for i in ids} == {"emqx2"}


# Identity ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=DOORS)
def bound(request):
    yield from started(IDENTITIES, request)


@pytest.mark.parametrize("client_id, username", (
    ("dev1", "dev1"),
    ("prefix/u.1", "prefix/u"),
    ("prefix/u", "prefix/u"),
    ("tenant:1", None),
    ("tenant-1", "tenant/u"),
    ("same", "same/u"),
    ("whatever", "any/u"),
    ("inherits/u", "inherits/u"),
    ("gerät", "gerät"),
))
def test_own_identity(bound, client_id, username):
    assert mqtt.visit(bound.ports["mqtt"], client_id, username=username) == 0


@pytest.mark.parametrize("rule, client_id, username", (
    ("identity", "dev1", "dev2"),
    ("identity", "dev1", "dev"),
    ("identity", "dev", "dev1"),
    ("identity", "dev1", "DEV1"),
    ("identity", "dev1", None),
    ("identity", "dev1", ""),
    ("identity", "", None),
    ("identity", "", "dev1"),
    ("tenants.identity", "prefi", "prefix/u"),
    ("tenants.identity", "xprefix/u", "prefix/u"),
    ("tenants.identity", "", "prefix/u"),
    ("tenants.identity", "1", "tenant/u"),
    ("tenants.identity", "same1", "same/u"),
    ("tenants.identity", "same:", None),
    ("tenants.identity", "inherits", "inherits/u"),
))
def test_borrowed_identity(bound, rule, client_id, username):
    """What is unknown proves nothing, and nobody gets to a broker under another's name."""
    refused(bound, rule, client_id, username=username)


# The key -----------------------------------------------------------------------------------------


@pytest.mark.policy({"stickiness": {"key": "username"}})
def test_key_is_the_username(lab):
    """One broker for a username, whatever client ids it uses; without one there is no entry."""
    lab.start()
    homes = {u: lab.place("c", username=u) for u in ("u1", "u2", "u3")}
    assert sorted(homes.values()) == ["emqx1", "emqx2", "emqx3"]
    for n in range(3):
        for username, home in homes.items():
            assert lab.place(f"c{n}", username=username) == home
    assert [served(lab, "anonymous")["reason"] for _ in range(3)] == ["roundrobin"] * 3


@pytest.mark.policy({**TENANTS, "tenants": {"beta": {"key": "username"}, "gamma": {}, "acme": {}}})
def test_key_of_one_tenant_is_the_username(lab):
    lab.start()
    home = lab.place("beta-1", username="u")
    assert {lab.place(f"beta-{i}", username="u") for i in range(4)} == {home}
    assert len({lab.place(f"gamma-{i}", username="u") for i in range(3)}) == 3
