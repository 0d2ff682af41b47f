"""make demo: a stock HAProxy, three brokers and usher on this machine's loopback, and a short tour.

Every step states what it shows and fails the command when it does not hold.
"""

import os
import signal
import subprocess
import sys
import time

import lab as laboratory
from lab import wait_for

POLICY = {
    "frontends": {"mqtt_closed": {"without_verdict": "closed"}},
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    "tenants": {
        "acme": {"backend": "acme_backend"},
        "globex": {"identity": {"client_id": "starts_with", "to": "username"}},
    },
}
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLIENTS = [f"sensor{i:02}" for i in range(1, 11)]

BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") \
    if sys.stdout.isatty() else ("", "", "", "")


def step(number, title):
    print(f"\n{BOLD}{number}  {title}{PLAIN}", flush=True)


def shows(text):
    print(f"   {GREEN}ok{PLAIN}  {text}", flush=True)


def holds(condition, text):
    if not condition:
        raise AssertionError(text)
    shows(text)


def table(lab, homes):
    for broker in lab.brokers:
        ids = sorted(c for c, b in homes.items() if b == broker)
        who = " ".join(i[-2:] for i in ids) if lab.brokers[broker].process.running else "(dead)"
        print(f"       {broker}  {len(ids):2}  {who}".rstrip(), flush=True)


class Devices:
    """mosquitto_sub under each client id, reconnecting by itself as devices do."""

    def __init__(self, lab, ids):
        self.lab, self.ids, self.running = lab, ids, {}

    def start(self):
        """Connect all, one after the other. Client id → broker."""
        homes = {}
        for client_id in self.ids:
            seen = self.seen(client_id)
            self.running[client_id] = subprocess.Popen(
                ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.lab.ports["mqtt"]),
                 "-i", client_id, "-t", "commands", "-k", "30"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            homes[client_id] = self.arrival(client_id, seen)
        return homes

    def seen(self, client_id):
        return {n: b.arrivals().count(client_id) for n, b in self.lab.brokers.items()}

    def arrival(self, client_id, seen):
        return wait_for(lambda: self.lab.newest(client_id, seen), f"{client_id} at a broker")

    def stop(self):
        for child in self.running.values():
            child.terminate()
            child.wait()
        self.running = {}


def mosquitto_pub(port, client_id, *more):
    """What mosquitto_pub says first when it connects under this id; "" is success."""
    done = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-i", client_id, "-t", "x",
         "-m", "hello", *more], capture_output=True, text=True, timeout=30, check=False)
    return (done.stdout + done.stderr).partition("\n")[0]


def tour(lab, devices):
    mqtt, closed = lab.ports["mqtt"], lab.ports["closed"]

    step(1, "Ten clients, sensor01 to sensor10, and three brokers")
    homes = devices.start()
    table(lab, homes)
    counts = sorted((list(homes.values()).count(b) for b in lab.brokers), reverse=True)
    holds(counts == [4, 3, 3], "spread 4/3/3")

    step(2, "All ten leave and come back")
    devices.stop()
    again = devices.start()
    table(lab, again)
    holds(again == homes, "each is on its broker again")

    step(3, "A tenant with a broker of its own")
    place = lab.place("acme-meter-1")
    holds(place == "emqx3", f"acme-meter-1 was sent to acme_backend, and so to {place}")

    step(4, "Somebody claims another's id")
    for version, words in (("mqttv311", "not authorised"), ("mqttv5", "not authorized")):
        said = mosquitto_pub(mqtt, "globex-7", "-u", "mallory", "-V", version)
        holds(words in said.lower(), f"{version} client reads: {said}")
    holds(mosquitto_pub(mqtt, "globex-7", "-u", "globex-7") == "", "its owner is let in")

    step(5, "A broker dies")
    victim = "emqx2"
    moved = [c for c in CLIENTS if homes[c] == victim]
    seen = {c: devices.seen(c) for c in CLIENTS}
    lab.brokers[victim].process.kill()
    for client in moved:
        homes[client] = devices.arrival(client, seen[client])
    table(lab, homes)
    holds(victim not in homes.values(), f"its {len(moved)} clients are elsewhere")
    stayed = [c for c in CLIENTS if c not in moved]
    holds(all(devices.seen(c) == seen[c] for c in stayed), f"the other {len(stayed)} never moved")
    lab.brokers[victim].start()
    wait_for(lambda: lab.server_state("mqtt_backend", victim) == "2", f"{victim} up again")

    step(6, "usher dies")
    lab.kill_usher()
    devices.stop()
    started = time.monotonic()
    again = devices.start()
    took = time.monotonic() - started
    table(lab, again)
    holds(again == homes, "all ten are served, on their brokers, from HAProxy's own stick table")
    print(f"       {took * 100:.0f} ms each, client start included")
    said = mosquitto_pub(closed, "sensor01", "-V", "mqttv311")
    holds("unavailable" in said.lower(), f"the frontend that is closed without usher says: {said}")

    step(7, "usher is back")
    lab.start_usher()
    lab.wait_agent_up()
    said = mosquitto_pub(mqtt, "globex-7", "-u", "mallory")
    holds("authori" in said.lower(), "the spoofed id is refused again")
    holds(mosquitto_pub(closed, "sensor01") == "", "the closed frontend serves again")


def leave(*_):
    """Once: a second ^C must not stop the clearing up."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(130)


def held(lab):
    """Set up, tour, and whether every step held."""
    devices = Devices(lab, CLIENTS)
    try:
        lab.start()
        print(f"HAProxy on 127.0.0.1:{lab.ports['mqtt']}, brokers "
              + ", ".join(f"{b.name} :{b.port}" for b in lab.brokers.values())
              + f", usher agent on 127.0.0.1:{lab.ports['agent']}\n"
              f"configuration: {os.path.relpath(lab.config)}; "
              f"policy: POLICY in {os.path.relpath(__file__)}")
        tour(lab, devices)
        return True
    except AssertionError as error:
        complain(error)
        return False
    finally:
        devices.stop()


def complain(error):
    print(f"   {RED}does not hold{PLAIN}  {error}", flush=True)


def main():
    for number in ENDINGS:
        signal.signal(number, leave)
    laboratory.raise_descriptor_limit()
    try:
        with laboratory.Lab(POLICY, prefix="usher-demo-") as lab:
            if not held(lab):
                return 1
    except AssertionError as error:  # usher did not end in good order
        complain(error)
        return 1
    print(f"\n{BOLD}All of it held.{PLAIN} How to put usher beside your own HAProxy: "
          "haproxy/README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
