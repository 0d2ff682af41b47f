"""A tenant's quota is exact, however its clients come and go.

HAProxy counts, or usher itself, in two threads at least, which look and count at the same time:
that is the race.
"""

import random
import re
import socket
import struct
import threading
import time

import pytest

import mqtt
from conftest import DOORS
from lab import wait_for

QUOTA = 5
POLICY = {
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    # acme_backend has one broker, whose log is then the order of all that happens.
    "tenants": {"acme": {"backend": "acme_backend", "max_connections": QUOTA},
                "globex": {"max_connections": 1},
                "free": {}},
}
OVER_QUOTA = {4: 3, 5: 0x97}


class Churn:
    """Threads whose clients connect, stay a moment and leave. `open` is never too high: a client
    counts from its CONNACK until just before it begins to leave."""

    def __init__(self, port, rounds, leave):
        self.port, self.rounds, self.leave = port, rounds, leave
        self.lock = threading.Lock()
        self.open = self.most = self.accepted = self.refused = 0
        self.faults = []

    def run(self, n_threads):
        threads = [threading.Thread(target=self.client, args=(n,)) for n in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.faults

    def client(self, number):
        rng = random.Random(number)
        for n in range(self.rounds):
            try:
                self.visit(f"acme-{number}-{n}", rng)
            except (OSError, mqtt.Closed, AssertionError) as fault:
                self.faults.append(fault)

    def visit(self, client_id, rng):
        level = rng.choice((4, 5))
        with mqtt.connect(self.port, client_id, level=level) as client:
            if client.code != 0:
                assert client.code == OVER_QUOTA[level]
                assert client.read_rest() == b""
                with self.lock:
                    self.refused += 1
                return
            with self.lock:
                self.accepted += 1
                self.open += 1
                self.most = max(self.most, self.open)
            time.sleep(rng.random() / 100)  # its stay: part of the churn, nothing is awaited
            with self.lock:
                self.open -= 1
            self.leave(client, rng)


def politely_or_not(client, rng):
    if rng.random() < 0.5:
        client.send(mqtt.DISCONNECT)


def by_reset(client, rng):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def most_at_broker(broker):
    """How many of the tenant's clients the broker had at once, by its own log.

    It writes that a client has gone before it closes, and HAProxy counts until it has closed.
    """
    here, most = set(), 0
    for came, went in re.findall(
            r"New client connected from \S+ as (acme-\S+)|"
            r"Client (acme-\S+) (?:disconnected|closed its connection)", broker.process.log()):
        here.discard(went)
        here |= {came} - {""}
        most = max(most, len(here))
    return most


def hold(port, n, prefix="acme"):
    return [mqtt.connect(port, f"{prefix}-held-{i}") for i in range(n)]


def assert_exact(lab):
    """Nobody is counted who has gone: exactly the quota can be open."""
    wait_for(lambda: lab.connections_of("acme") == 0, "all to have gone")
    port = lab.ports["mqtt"]
    held = hold(port, QUOTA)
    assert [c.code for c in held] == [0] * QUOTA
    assert [mqtt.visit(port, "acme-late", level=level) for level in (4, 5)] == [3, 0x97]
    if lab.door == "proxy":
        wait_for(lambda: lab.connections_of("acme") == QUOTA, "the refused to have gone")
    assert lab.connections_of("acme") == QUOTA, "who is refused is not counted"
    held.pop().close()
    wait_for(lambda: lab.connections_of("acme") == QUOTA - 1, "the one to have gone")
    with mqtt.connect(port, "acme-next") as following:
        assert following.code == 0
        assert mqtt.visit(port, "acme-late") == 3
    for client in held:
        client.ping()
        client.close()


@pytest.mark.doors(*DOORS)
@pytest.mark.policy(POLICY)
@pytest.mark.parametrize("leave", (politely_or_not, by_reset))
def test_quota_under_churn(lab, leave, count):
    lab.start()
    if lab.haproxy:
        assert int(re.search(r"Nbthread: (\d+)", lab.haproxy.ask("show info"))[1]) >= 2
    churn = Churn(lab.ports["mqtt"], count(150, 2000), leave)
    churn.run(12)
    assert churn.most <= QUOTA
    assert churn.accepted > QUOTA and churn.refused > QUOTA, "the quota was met all the time"
    broker = lab.brokers["emqx3"]
    assert len([i for i in broker.arrivals() if i.startswith("acme-")]) == churn.accepted
    if leave is politely_or_not:  # a reset is known to HAProxy before the broker knows
        assert most_at_broker(broker) <= QUOTA
    assert_exact(lab)


@pytest.mark.doors(*DOORS)
@pytest.mark.policy(POLICY)
def test_all_come_at_once(lab, count):
    """Never more than the quota get in; once all are told off or in, one at a time fills it up."""
    lab.start()
    for n in range(count(10, 200)):
        clients = [mqtt.Client(lab.ports["mqtt"]) for _ in range(4 * QUOTA)]
        for i, client in enumerate(clients):
            client.send(mqtt.connect_packet(f"acme-{n}-{i}"))
        codes = [client.read_connack() for client in clients]
        assert set(codes) <= {0, 3} and codes.count(0) <= QUOTA
        if lab.haproxy:  # usher counts no refused client, however long it stays
            wait_for(lambda: lab.connections_of("acme") == codes.count(0),
                     "the refused to have gone")
        late = hold(lab.ports["mqtt"], QUOTA - codes.count(0) + 1, f"acme-{n}")
        assert [c.code for c in late] == [0] * (len(late) - 1) + [3]
        for client in (*clients, *late):
            client.close()
        wait_for(lambda: lab.connections_of("acme") == 0, "all to have gone")
    assert most_at_broker(lab.brokers["emqx3"]) == QUOTA


@pytest.mark.policy(POLICY)
def test_refused_client_that_never_closes(lab):
    """Without the first look every refused client is counted, as in a race; it must not stay so."""
    first_look = re.search(r".*table_conn_cur\(usher_tenants\).*\n", lab.config.read_text()).group()
    lab.edit_config((first_look, ""))
    lab.start()
    held = hold(lab.ports["mqtt"], QUOTA + 1)
    assert [c.code for c in held] == [0] * QUOTA + [3]
    assert lab.connections_of("acme") == QUOTA + 1
    wait_for(lambda: lab.connections_of("acme") == QUOTA, "the refused one to be sent away")
    for client in held[:QUOTA]:
        client.ping()


@pytest.mark.doors(*DOORS)
@pytest.mark.policy(POLICY)
def test_quota_is_one_for_all_doors_and_each_tenant_has_its_own(lab):
    lab.start()
    mqtt_port, closed_port = lab.ports["mqtt"], lab.ports["closed"]
    with mqtt.connect(mqtt_port, "globex-1") as first:
        assert first.code == 0
        assert [mqtt.visit(port, "globex-2") for port in (mqtt_port, closed_port)] == [3, 3]
        assert mqtt.visit(mqtt_port, "globex-1") == 3, "coming again does not help"
        others = hold(mqtt_port, QUOTA) + hold(mqtt_port, 20, "free") + hold(mqtt_port, 20, "no")
        assert {c.code for c in others} == {0}
        for client in others:
            client.close()
    wait_for(lambda: lab.connections_of("globex") == 0, "it to have gone")
    with mqtt.connect(closed_port, "globex-2") as second:
        assert second.code == 0
        assert mqtt.visit(mqtt_port, "globex-1") == 3
