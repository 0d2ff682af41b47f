#!/usr/bin/python3
"""`make bench-takeover`: HAProxy is killed, and how long it takes until a client has its CONNACK
through usher. The client tries again every half millisecond while it is refused, so this is the gap
itself, not a client's patience.

    ROUNDS=50 CLIENTS=200 tests/bench/takeover.py

CLIENTS others are connected all the time, and come back as everybody does, after 100 ms or more.
"""

import os
import pathlib
import re
import signal
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import lab as laboratory  # noqa: E402
import mqtt  # noqa: E402
from flock import Flock  # noqa: E402
from lab import wait_for  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "50"))
CLIENTS = int(os.environ.get("CLIENTS", "200"))


def first_connack(port, began):
    """(ms since then, refusals before it)"""
    refused = 0
    while True:
        try:
            mqtt.visit(port, f"first-{began}")
            return (time.monotonic() - began) * 1000, refused
        except ConnectionRefusedError:
            refused += 1
            time.sleep(0.0005)
        except (mqtt.Closed, ConnectionError):
            pass


def one_round(lab, n):
    """Kill, measure, and let HAProxy come back."""
    port = lab.ports["mqtt"]
    began = time.monotonic()
    os.kill(lab.haproxy.process.pid, signal.SIGKILL)
    result = first_connack(port, began)
    lab.haproxy.process.kill()
    lab.start_haproxy()
    wait_for(lambda: lab.usher.log().count(" given back ") == n, "HAProxy to be back")
    lab.wait_agent_up()
    return result


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def show(what, values):
    print(f"{what:34} median {statistics.median(values):7.2f}   p99 {percentile(values, 99):7.2f}"
          f"   max {max(values):7.2f}")


def main():
    laboratory.raise_descriptor_limit()
    with laboratory.Lab() as lab:
        lab.policy = lab.write_policy(
            {"standby": {"state_file": str(lab.directory / "standby"), "drain": "100000/1s"}})
        lab.debug = False
        lab.start_brokers()
        lab.start_haproxy()
        lab.start_usher(command="run")
        lab.usher.wait_log("haproxy seen")
        lab.wait_agent_up()
        with Flock(lab.ports["mqtt"], CLIENTS) as flock:
            flock.begin()
            rounds = []
            for n in range(1, ROUNDS + 1):
                rounds.append(one_round(lab, n))
                flock.wait_served()
        print(f"{ROUNDS} deaths of HAProxy with {CLIENTS} clients; ms")
        show("SIGKILL to the first CONNACK", [ms for ms, _ in rounds])
        show("usher's own: alarm to listening",
             [float(x) for x in re.findall(r"takeover done .* ms=([0-9.]+)",
                                                         lab.usher.log())])
        print(f"refusals of that client: {sum(r for _, r in rounds)} in all")
        print(f"the others: {flock}")


if __name__ == "__main__":
    main()
