"""The shared store: a real Redis, and two labs that share it and the brokers."""

import contextlib
import os
import shutil
import signal
import subprocess

import lab as laboratory
from lab import ROOT, Lab, Process, wait_for
from test_admin import Admin

# Uncomment the lines of mqtt_backend, as the file tells its reader to.
REPORTED = [(f"    #{line}", f"    {line}") for line in (
    "filter spoe engine usher-connack", "tcp-response inspect-delay 5s",
    "tcp-response content send-spoe-group usher-connack")]


class Redis:
    """A redis-server of our own, on a port and on a UNIX socket, without a file on disk."""

    def __init__(self, directory, password=None):
        self.directory, self.password, self.n = directory, password, 0
        self.port, self.socket = laboratory.free_port(), directory / "redis.sock"
        self.process = None
        self.start()

    def start(self):
        self.n += 1
        secret = ["--requirepass", self.password] if self.password else []
        self.process = Process(f"redis{self.n}", [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no", "--unixsocket", str(self.socket), "--dir", str(self.directory),
            *secret], self.directory)
        self.process.wait_log("Ready to accept connections")
        return self

    def ask(self, *words):
        env = {**os.environ, **({"REDISCLI_AUTH": self.password} if self.password else {})}
        return subprocess.run(["redis-cli", "-s", str(self.socket), *words], env=env, check=True,
                              stdout=subprocess.PIPE, timeout=30).stdout.decode().rstrip("\n")

    def keys(self):
        return set(self.ask("keys", "*").splitlines())

    def value(self, key):
        """The server that stands there, "" if none."""
        return self.ask("get", key).split(" ")[0]

    def wait_key(self, client_id, server=None):
        key = f"usher::{client_id}"
        return wait_for(lambda: self.value(key) == server if server else self.value(key),
                        f"{key} in the store")

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def local_url(self):
        return f"unix://{self.socket}"

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.running:
            self.process.kill()


def policy(url, **more):
    """Patient, so that a busy machine does not make an answer late."""
    return {"stickiness": {"store": {"url": url, "deadline": "1s", **more}},
            "agent": {"max_delay": "3s"}}


def hasty(url):
    """As an operator has it: HAProxy alone is patient, so that nobody is served without usher."""
    return {"stickiness": {"store": {"url": url}}, "agent": {"max_delay": "3s"}}


def count(lab, name):
    return lab.admin.metrics()[f"usher_store_{name}"]


def wait_up(lab):
    """Every connection to the store answers: one a worker, and one more."""
    workers = int(lab.usher.wait_log(r"(?:agent|proxy) ready workers=(\d+)")[1])
    wait_for(lambda: count(lab, "connections_up") == workers + 1, "the store to be up")


def wait_away(lab):
    wait_for(lambda: count(lab, "connections_up") == 0, "the store to be away")


def be_patient(lab):
    """HAProxy waits for usher's answers as long as `policy` lets usher wait for the store's."""
    etc = lab.directory / "etc"
    shutil.copytree(ROOT / "haproxy", etc)
    conf = etc / "spoe-usher.conf"
    conf.write_text(conf.read_text().replace("processing 200ms", "processing 5s")
                    .replace("processing 50ms", "processing 5s"))
    lab.extra_env["USHER_ETC"] = str(etc)


@contextlib.contextmanager
def alone(policy_of_it, edits=(), door="haproxy"):
    """One usher with a store, started."""
    with Lab() as lab:
        lab.door = door
        prepare(lab, policy_of_it, edits)
        yield lab.start()


def prepare(lab, policy_of_it, edits):
    lab.admin = Admin(lab, policy_of_it)
    be_patient(lab)
    if edits:
        lab.edit_config(*edits)


@contextlib.contextmanager
def twins(policy_of_first, policy_of_second=None, edits=(), puppets=(), door="haproxy"):
    """Two ushers, each behind a HAProxy of its own, or in its place, with the same brokers; the
    first one's lab starts and ends those."""
    with Lab() as first, Lab() as second:
        first.door = second.door = door
        first.brokers |= {puppet.name: puppet for puppet in puppets}
        second.brokers = first.brokers
        prepare(first, policy_of_first, edits)
        prepare(second, policy_of_second or policy_of_first, edits)
        first.start()
        if door == "proxy":
            second.start_usher(command="proxy")
            yield first, second
            return
        second.start_usher()
        second.start_haproxy()
        second.wait_agent_up()
        second.wait_brokers_up()
        yield first, second
