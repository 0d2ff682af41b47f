"""make soak: for SOAK_SECONDS everything that can go wrong goes wrong, at random.

Clients come, stay and go; brokers die and return; usher is killed, stopped and hung; HAProxy and
the policy are reloaded. SOAK_SEED repeats the same order of events. At the end usher must have
leaked nothing, nobody may have been left waiting, and everybody is served again.
"""

import collections
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time

import lab as laboratory
import mqtt
from lab import wait_for

IDS = [f"sensor{n:03}" for n in range(500)]
VISITORS, HOLDERS, HELD = 4, 2, 20
GROWTH = 16 << 20  # bytes that usher may take more than it had once warm
HANDS_OVER = ("mode 660 level operator", "mode 660 level operator expose-fd listeners")

STICKINESS = {"expire": "10s", "max_life": "1m", "entries": 20000}
POLICIES = [
    {"stickiness": STICKINESS},
    {"stickiness": STICKINESS, "backends": {"mqtt_backend": {"balance": "leastconn"}}},
    {"stickiness": STICKINESS, "backends": {"mqtt_backend": {"balance": "rendezvous"}}},
    {"stickiness": STICKINESS, "limits": {"client": "1000/1s", "source": "100000/1s"}},
    {"stickiness": STICKINESS, "tenant_from": [{"client_id": "^(?<tenant>sensor)"}],
     "tenants": {"sensor": {"max_connections": 3000}}},
    {"stickiness": STICKINESS,
     "rules": [{"name": "pin", "if": {"client_id": {"prefix": "sensor1"}}, "server": "emqx1"}]},
]
BAD_POLICIES = ["", "{", '{"rules": 1}', '{"tenants": {"a": {"backend": "nowhere"}}}']


class Clients:
    """Visitors that connect and go, holders that keep their connections and come back when they
    lose one. What became of each attempt is counted."""

    def __init__(self, port, seed):
        self.port, self.over = port, threading.Event()
        self.outcomes, self.errors, self.lock = collections.Counter(), [], threading.Lock()
        self.threads = [
            threading.Thread(target=self.guard, args=(job, random.Random(f"{seed}-{job}-{n}")))
            for job, many in ((self.visit, VISITORS), (self.hold, HOLDERS)) for n in range(many)]

    def guard(self, job, chance):
        try:
            job(chance)
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)

    def attempt(self, act):
        """The result of act(), or None; either way it is counted."""
        result, outcome = None, None
        try:
            result = act()
            outcome = result if isinstance(result, int) else result.code
        except TimeoutError:
            outcome = "timeout"
        except ConnectionRefusedError:
            outcome = "refused"
        except (mqtt.Closed, ConnectionError):
            outcome = "closed"
        with self.lock:
            self.outcomes[outcome] += 1
        return result

    def visit(self, chance):
        while not self.over.wait(chance.uniform(0, 0.02)):
            name = chance.choice(IDS) if chance.random() < 0.9 else \
                f"stranger-{chance.getrandbits(64):x}"
            level = chance.choice([3, 4, 5])
            self.attempt(lambda n=name, v=level: mqtt.visit(self.port, n, level=v))

    def hold(self, chance):
        held = {f"held-{chance.getrandbits(32):x}": None for _ in range(HELD)}
        while not self.over.wait(0.05):
            name = chance.choice(list(held))
            try:
                if held[name]:
                    held[name].ping()
            except (mqtt.Closed, ConnectionError):
                held[name].close()
                held[name] = None
            if not held[name]:
                held[name] = self.attempt(lambda n=name: mqtt.connect(self.port, n))
        for client in held.values():
            if client:
                client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


class Usher:
    """What /proc says of it."""

    def __init__(self, pid):
        self.proc = pathlib.Path(f"/proc/{pid}")

    def descriptors(self):
        return len(list((self.proc / "fd").iterdir()))

    def threads(self):
        return len(list((self.proc / "task").iterdir()))

    def resident(self):
        return int(re.search(r"VmRSS:\s+(\d+)", (self.proc / "status").read_text())[1]) * 1024


# -- what goes wrong


def broker_dies(lab, chance):
    """One at a time, so that somebody is always there to serve."""
    broker = chance.choice(list(lab.brokers.values()))
    broker.process.kill()
    time.sleep(chance.uniform(0, 2))
    broker.start()
    wait_for(lambda: lab.server_state("mqtt_backend", broker.name) == "2", f"{broker.name} up")


def usher_is_killed(lab, chance):
    lab.kill_usher()
    time.sleep(chance.uniform(0, 1))
    lab.start_usher()
    lab.wait_agent_up()


def usher_is_restarted(lab, chance):
    status = lab.usher.stop()
    assert status == 0, f"usher ended with {status}:\n{lab.usher.log()[-3000:]}"
    lab.start_usher()
    lab.wait_agent_up()


def usher_hangs(lab, chance):
    lab.usher.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0, 1))
    lab.usher.send_signal(signal.SIGCONT)


def haproxy_is_reloaded(lab, chance):
    lab.haproxy.reload("-x", str(lab.directory / "admin.sock"))
    lab.wait_agent_up()
    lab.wait_brokers_up()


def change_policy(lab, policy, answer):
    before = len(lab.usher.log())
    lab.write_policy(policy)
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log(answer, after=before)


def policy_is_changed(lab, chance):
    change_policy(lab, chance.choice(POLICIES), "reload done")


def policy_is_spoiled(lab, chance):
    """Mended at once, since usher may be started anew with it."""
    good = lab.policy_path.read_text()
    change_policy(lab, chance.choice(BAD_POLICIES), "reload refused")
    lab.write_policy(good)


ALWAYS = [broker_dies, usher_hangs, haproxy_is_reloaded, policy_is_changed, policy_is_spoiled]
DEADLY = [usher_is_killed, usher_is_restarted]


# -- the run


def say(text):
    print(text, flush=True)


def wreck(lab, chance, until, events):
    """Event after event until then; how many of each."""
    done = collections.Counter()
    while time.monotonic() < until:
        event = chance.choice(events)
        event(lab, chance)
        done[event.__name__] += 1
        assert lab.usher.running, f"usher died:\n{lab.usher.log()[-3000:]}"
        assert lab.haproxy.process.running, f"HAProxy died:\n{lab.haproxy.process.log()[-3000:]}"
        time.sleep(chance.uniform(0, 0.5))
    return done


def everybody_is_served(lab):
    """By usher's word, at the first attempt."""
    for name in IDS:
        code = mqtt.visit(lab.ports["mqtt"], name)
        assert code == 0, f"{name}: CONNACK {code}"
        assert mqtt.visit(lab.ports["closed"], name) == 0, f"{name}: usher did not decide"
    say(f"all {len(IDS)} clients are served, the first time they ask")


def nothing_leaked(lab, fresh, warm):
    """`fresh`: descriptors and threads of an usher whom nobody has asked yet."""
    usher = Usher(lab.usher.pid)
    grown = usher.resident() - warm
    lab.haproxy.stop()
    wait_for(lambda: usher.descriptors() == fresh[0],
             f"usher to have {fresh[0]} descriptors again, not {usher.descriptors()}", 30)
    assert usher.threads() == fresh[1], f"{usher.threads()} threads, {fresh[1]} at first"
    say(f"usher: {fresh[0]} descriptors and {fresh[1]} threads as at first, "
        f"{grown / 2 ** 20:+.1f} MiB since it was warm")
    if not os.environ.get("USHER_SAN"):  # sanitizers keep what was freed
        assert grown < GROWTH, f"usher grew by {grown} bytes"


def soak(lab, seed, seconds):
    chance = random.Random(seed)
    lab.edit_config(HANDS_OVER)
    lab.debug = False
    lab.start_brokers()
    lab.start_usher()
    fresh = Usher(lab.usher.pid).descriptors(), Usher(lab.usher.pid).threads()
    lab.start_haproxy()
    lab.wait_agent_up()
    lab.wait_brokers_up()
    begun = time.monotonic()
    with Clients(lab.ports["mqtt"], seed) as clients:
        done = wreck(lab, chance, begun + seconds / 2, ALWAYS + DEADLY)
        # The second half belongs to one usher, so that a leak has time to show.
        done += wreck(lab, chance, begun + seconds * 0.6, ALWAYS)
        warm = Usher(lab.usher.pid).resident()
        done += wreck(lab, chance, begun + seconds, ALWAYS)
    say("events: " + ", ".join(f"{name} {n}" for name, n in sorted(done.items())))
    say("clients: " + ", ".join(f"{what} {n}" for what, n in clients.outcomes.most_common()))
    assert not clients.errors, clients.errors
    assert not clients.outcomes["timeout"], "clients were left waiting"
    assert set(clients.outcomes) <= {0, "closed"}, "clients were refused"
    lab.wait_agent_up()
    everybody_is_served(lab)
    nothing_leaked(lab, fresh, warm)


def main():
    seed = os.environ.get("SOAK_SEED") or f"{random.SystemRandom().getrandbits(32):08x}"
    seconds = float(os.environ.get("SOAK_SECONDS", "600"))
    say(f"SOAK_SEED={seed} SOAK_SECONDS={seconds:.0f}")
    laboratory.raise_descriptor_limit()
    try:
        with laboratory.Lab(POLICIES[0], prefix="usher-soak-") as lab:
            soak(lab, seed, seconds)
    except AssertionError as error:
        say(f"does not hold, SOAK_SEED={seed}: {error}")
        return 1
    say("All of it held; usher ended with 0.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
