"""usher run, the thin path: HAProxy is killed, its clients are served, it comes back."""

import signal

import pytest

import mqtt
from lab import wait_for


@pytest.fixture
def run(lab):
    lab.extra_env["USHER_MAXCONN"] = "1000"
    lab.start_brokers()
    lab.policy = lab.write_policy({"standby": {"state_file": str(lab.directory / "standby")}})
    lab.start_haproxy()
    lab.start_usher("-j", "2", command="run")
    lab.wait_agent_up()
    lab.wait_brokers_up()
    lab.usher.wait_log("runtime socket answers")
    lab.usher.wait_log("haproxy seen")
    return lab


def test_killed_and_back(run):
    homes = {f"c{i}": run.place(f"c{i}") for i in range(6)}
    run.haproxy.process.send_signal(signal.SIGKILL)
    run.usher.wait_log("takeover done")
    assert {i: run.place(i) for i in homes} == homes
    client = mqtt.connect(run.ports["mqtt"], "stays")
    run.start_haproxy()
    run.usher.wait_log("given back")
    client.ping()
    assert {i: run.place(i) for i in homes} == homes
    client.ping()
    client.close()
