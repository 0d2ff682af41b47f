"""The shared store: a real Redis, and two labs that share it and the brokers."""

import contextlib
import os
import shutil
import signal
import subprocess

import lab as laboratory
from lab import ROOT, Lab, Process, wait_for

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


def be_patient(lab):
    """HAProxy waits for usher's answers as long as `policy` lets usher wait for the store's."""
    etc = lab.directory / "etc"
    shutil.copytree(ROOT / "haproxy", etc)
    conf = etc / "spoe-usher.conf"
    conf.write_text(conf.read_text().replace("processing 200ms", "processing 5s")
                    .replace("processing 50ms", "processing 5s"))
    lab.extra_env["USHER_ETC"] = str(etc)


@contextlib.contextmanager
def twins(make_policy, patient=True, edits=()):
    """Two ushers, each behind a HAProxy of its own, with the same brokers; the first one's lab
    starts and ends those."""
    with Lab() as first, Lab() as second:
        second.brokers = first.brokers
        for one in (first, second):
            one.policy = one.write_policy(make_policy(one))
            if patient:
                be_patient(one)
            if edits:
                one.edit_config(*edits)
        first.start()
        second.start_usher()
        second.start_haproxy()
        second.wait_agent_up()
        second.wait_brokers_up()
        yield first, second
