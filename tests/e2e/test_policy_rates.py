"""Connect rates: a burst gets in, the next is told to wait, and gets in when it has waited."""

import time

import pytest

import lab as laboratory
import mqtt
from conftest import DOORS
from lab import wait_for

pytestmark = pytest.mark.doors(*DOORS)

BURST, PERIOD_S = 3, 3 * laboratory.SLOW
RATE = f"{BURST}/{PERIOD_S}s"
INTERVAL_S = PERIOD_S / BURST  # one more each, once the burst is spent

RATE_EXCEEDED = {4: 3, 5: 0x9f}
SERVER_BUSY = {4: 3, 5: 0x89}


class Crowd:
    """Connects within one rate: `connect(n)` is the CONNACK's code of the n-th."""

    def __init__(self, lab, rule, reason, codes, connect):
        self.lab, self.rule, self.reason, self.codes = lab, rule, reason, codes
        self.connect, self.n = connect, 0

    def come(self, level=4):
        self.n += 1
        return self.connect(self.n, level)

    def spend(self):
        """All of the burst is let in and nobody behind it, in either version."""
        self.began = time.monotonic()
        assert [self.come() for _ in range(BURST)] == [0] * BURST, self.rule
        for level, code in self.codes.items():
            assert self.come(level) == code, self.rule
            last = self.lab.all_verdicts()[-1]
            assert (last["rule"], last["reason"]) == (self.rule, self.reason)

    def wait_in_vain_and_at_last(self):
        """Trying in between costs nothing; one is let in when the interval is over, not before."""
        wait_for(lambda: self.come() == 0, f"{self.rule} to let one in")
        assert time.monotonic() - self.began > INTERVAL_S * 0.95, self.rule


@pytest.mark.policy({
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    "tenants": {"acme": {"connect_rate": RATE}, "beta": {"connect_rate": RATE}},
    "limits": {"source": RATE, "client": RATE},
})
def test_burst_of_a_source_a_client_a_tenant(lab):
    lab.start()
    port = lab.ports["mqtt"]
    crowds = [
        Crowd(lab, "limits.source", "rate_exceeded", RATE_EXCEEDED, lambda n, level: mqtt.visit(
            port, f"{n}", level=level, source="127.0.1.1")),
        Crowd(lab, "limits.client", "rate_exceeded", RATE_EXCEEDED, lambda n, level: mqtt.visit(
            port, "one", level=level, source=f"127.0.2.{n % 250}")),
        Crowd(lab, "tenants.connect_rate", "rate_exceeded", RATE_EXCEEDED,
              lambda n, level: mqtt.visit(port, f"acme-{n}", level=level,
                                          source=f"127.0.3.{n % 250}")),
    ]
    for crowd in crowds:
        crowd.spend()
    assert mqtt.visit(port, "another", source="127.0.1.2") == 0, "another source"
    assert mqtt.visit(port, "other", source="127.0.2.251") == 0, "another client"
    assert mqtt.visit(port, "beta-1", source="127.0.3.251") == 0, "another tenant"
    for crowd in crowds:
        crowd.wait_in_vain_and_at_last()


@pytest.mark.policy({"limits": {"total": RATE}})
def test_storm_of_everybody(lab):
    """The cap for the whole cluster: whoever comes, by whichever door, it is one rate."""
    lab.start()
    doors = (lab.ports["mqtt"], lab.ports["closed"])
    everybody = Crowd(lab, "limits.total", "server_busy", SERVER_BUSY, lambda n, level: mqtt.visit(
        doors[n % 2], f"c{n}", level=level, source=f"127.0.{n // 250}.{n % 250}"))
    everybody.spend()
    everybody.wait_in_vain_and_at_last()


@pytest.mark.policy({
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    "tenants": {"acme": {"connect_rate": "2/1h"}},
    "limits": {"client": "1/1h"},
})
def test_client_in_a_loop_does_not_use_up_its_tenants_share(lab):
    """Who is held back by one rate is not counted by another."""
    lab.start()
    port = lab.ports["mqtt"]
    assert [mqtt.visit(port, "acme-mad") for _ in range(10)] == [0] + [3] * 9
    assert mqtt.visit(port, "acme-sane") == 0
    assert [mqtt.visit(port, "acme-late") for _ in range(3)] == [3] * 3
    assert [v["rule"] for v in lab.verdicts("acme-late")] == ["tenants.connect_rate"] * 3


@pytest.mark.policy({"limits": {"total": "40/1h"}})
def test_storm_is_capped_exactly(lab):
    """Whatever number of clients comes at the same time, through two threads on either side."""
    lab.start()
    clients = [mqtt.Client(lab.ports["mqtt"]) for _ in range(200)]
    for n, client in enumerate(clients):
        client.send(mqtt.connect_packet(f"c{n}"))
    codes = [client.read_connack() for client in clients]
    for client in clients:
        client.close()
    assert (codes.count(0), codes.count(3)) == (40, 160)
