"""Somebody floods usher, or it runs out of something: real clients still get in."""

import resource
import threading
import time

import pytest

import mqtt
import spop
from lab import wait_for

SLOT = 500  # questions that a flooding connection has under way at a time


class Flood:
    """Connections that ask as fast as they are answered, as long as the block lasts."""

    def __init__(self, port, connections=4):
        self.peers = [spop.Peer(port, timeout=60).ready() for _ in range(connections)]
        self.threads = [threading.Thread(target=self.run, args=(n, p))
                        for n, p in enumerate(self.peers)]
        self.answered, self.empty, self.failed, self.over = 0, 0, [], False
        self.lock = threading.Lock()

    def run(self, n, peer):
        batch = b"".join(spop.notify(f"flood-{n}-{i}", i) for i in range(SLOT))
        try:
            while not self.over:
                peer.send(batch)
                acks = peer.frames(SLOT)
                assert [ack.stream for ack in acks] == list(range(SLOT))
                with self.lock:
                    self.answered += SLOT
                    self.empty += sum(not ack.variables for ack in acks)
        except Exception as error:  # pylint: disable=broad-except
            self.failed.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join()
        for peer in self.peers:
            peer.close()


def test_agent_flooded(lab, count):
    """All are answered, the flood and the clients; nobody goes without a CONNACK."""
    lab.start()
    ids = [f"c{i}" for i in range(10)]
    homes = {i: lab.place(i) for i in ids}
    n = count(20000, 80000)
    with Flood(lab.ports["agent"]) as flood:
        with mqtt.Load(lab.ports["mqtt"], threads=2) as clients:
            wait_for(lambda: flood.answered >= n and clients.served >= n / 200,
                     f"{n} answers to the flood, and clients meanwhile", 120)
    assert not flood.failed
    assert set(clients.outcomes) == {0}
    assert {i: lab.place(i) for i in ids} == homes


@pytest.mark.policy({"agent": {"max_delay": "1ms"}})
def test_agent_overloaded(lab):
    """What would come too late is answered empty: HAProxy goes on alone, at once."""
    lab.start("-j", "1")
    with Flood(lab.ports["agent"]) as flood:
        with mqtt.Load(lab.ports["mqtt"], threads=2) as clients:
            wait_for(lambda: flood.empty and clients.served > 100, "empty answers, and clients", 60)
    assert not flood.failed
    assert set(clients.outcomes) == {0}
    # No connection is refused for it, neither at HELLO nor later.
    assert "spop refused" not in lab.usher.log()
    with spop.Peer(lab.ports["agent"]).ready() as peer:
        wait_for(lambda: peer.ask("c").get("action") == "accept", "usher to decide again")


@pytest.mark.policy({"frontends": {"mqtt_closed": {"without_verdict": "closed"}}})
def test_descriptors_run_out(lab):
    """Newcomers wait in the backlog, those who are in are served, and it heals by itself."""
    lab.start("-j", "2")
    assert mqtt.visit(lab.ports["mqtt"], "before") == 0
    limits = resource.prlimit(lab.usher.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(lab.usher.pid, resource.RLIMIT_NOFILE, (48, limits[1]))
    started = time.monotonic()
    crowd = [spop.Peer(lab.ports["agent"]) for _ in range(64)]
    try:
        lab.usher.wait_log("accept paused")
        for n in range(5):
            assert mqtt.visit(lab.ports["mqtt"], f"meanwhile-{n}") == 0
            # With or without usher's word, but with a word.
            assert mqtt.visit(lab.ports["closed"], f"meanwhile-{n}") in (0, 3)
    finally:
        for peer in crowd:
            peer.close()
    lab.wait_agent_up()
    wait_for(lambda: mqtt.visit(lab.ports["closed"], "after") == 0, "usher to decide again")
    # At most one line a second for it.
    assert lab.usher.log().count("accept paused") <= time.monotonic() - started + 2
    with spop.Peer(lab.ports["agent"]).ready() as peer:
        assert peer.ask("after")["action"] == "accept"
