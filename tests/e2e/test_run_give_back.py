"""HAProxy is back while clients keep coming: what becomes of those who stand in usher's backlog."""

import os
import subprocess

import pytest

import mqtt
import netns
from lab import wait_for
from standing import Standing

pytestmark = pytest.mark.skipif(not netns.is_possible(), reason="needs root and namespaces")


@pytest.fixture
def network(request):
    """All of it in a network of its own, where the sysctl is ours to set."""
    holder = subprocess.Popen(
        ["unshare", "-n", "sh", "-c",
         f"ip link set lo up && sysctl -qw net.ipv4.tcp_migrate_req={request.param} && echo ready"
         " && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"ready\n"
    with open("/proc/thread-self/ns/net", "rb") as home, \
            open(f"/proc/{holder.pid}/ns/net", "rb") as there:
        netns.enter(there)  # this thread, and the threads and processes that it starts
        try:
            yield request.param
        finally:
            netns.enter(home)
            holder.stdin.close()
            holder.wait()


@pytest.mark.parametrize("network", [0, 1], indirect=True)
def test_given_back_under_load(network, lab, monkeypatch, count):
    """With net.ipv4.tcp_migrate_req=1 nobody is reset; without it some are, and they are counted."""
    place = Standing(lab, monkeypatch).start()
    times, lost = count(10, 100), {}
    with mqtt.Load(lab.ports["mqtt"], threads=8) as load:
        for n in range(1, times + 1):
            place.kill()
            place.wait_takeovers(n)
            served = load.outcomes[0]
            wait_for(lambda s=served: load.outcomes[0] >= s + 50, "clients to be served by usher")
            before = dict(load.outcomes)
            place.start_haproxy(n)
            for outcome, total in dict(load.outcomes).items():
                if outcome != 0:
                    lost[outcome] = lost.get(outcome, 0) + total - before.get(outcome, 0)
    print(f"\ntcp_migrate_req={network}: {times} times given back, "
          f"{load.outcomes[0]} clients served; lost: {lost}")
    if network == 1:
        assert lost.get("closed", 0) == 0
    assert set(lost) <= {"closed", "refused"}
