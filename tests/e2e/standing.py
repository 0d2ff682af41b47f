"""usher run as it is operated: HAProxy is started by root and becomes `haproxy`, usher is a user of
its own with three capabilities."""

import json
import platform
import re
import shutil
import signal
import socket
import subprocess

import lab as laboratory
from lab import wait_for

POWERS = "+chown,+net_bind_service,+dac_read_search"


class Standing:
    """A Lab whose usher stands by. `standby` goes into usher.json."""

    def __init__(self, lab, monkeypatch, **standby):
        self.lab = lab
        etc = lab.directory / "etc"
        shutil.copytree(laboratory.ROOT / "haproxy", etc)
        monkeypatch.setattr(laboratory, "USHER",
                            shutil.copy(laboratory.USHER, lab.directory / "usher"))
        lab.extra_env["USHER_ETC"] = str(etc)
        lab.edit_config(
            ("mode 660 level operator", "mode 660 group haproxy level operator"),
            ("\nglobal\n", "\nglobal\n    user haproxy\n    group haproxy\n"))
        self.own = lab.directory / "own"
        self.own.mkdir()
        shutil.chown(self.own, "nobody")
        self.set_policy(**standby)
        lab.debug = False
        lab.wrapper = self.as_user("nobody", POWERS)

    @staticmethod
    def as_user(user, powers):
        return ["setpriv", f"--reuid={user}", "--regid=haproxy", "--clear-groups",
                f"--inh-caps={powers}", f"--ambient-caps={powers}", "--"]

    def set_policy(self, **standby):
        self.lab.policy = self.lab.write_policy({
            "standby": {"state_file": str(self.own / "standby"), **standby},
            "stickiness": {"file": str(self.own / "sticky"), "save_interval": "1s"},
            "admin": {"listen": f"unix@{self.own}/admin.sock"}})

    def start_usher(self):
        self.lab.start_usher("-j", "2", command="run")

    def start(self):
        """HAProxy serves, usher stands by and knows its process."""
        self.lab.start_brokers()
        self.lab.start_haproxy()
        self.start_usher()
        self.lab.usher.wait_log("haproxy seen")
        self.wait_known()
        self.lab.wait_agent_up()
        self.lab.wait_brokers_up()
        return self

    # -- look

    def ask(self, *what):
        return subprocess.run(
            [laboratory.USHER, "status", *what, "--admin", f"unix@{self.own}/admin.sock"],
            capture_output=True, text=True, check=False)

    def status(self):
        answer = self.ask("--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    @property
    def standby(self):
        return self.status().get("standby", {})

    def check(self):
        """Exit code and words of `usher status --check`."""
        answer = self.ask("--check")
        return answer.returncode, answer.stdout.strip()

    def wait_state(self, state, seconds=15):
        wait_for(lambda: self.standby.get("state") == state, f"usher to be {state}", seconds)

    def wait_known(self):
        """usher knows the process of the newest HAProxy."""
        pid = self.lab.haproxy.process.pid
        wait_for(lambda: self.status().get("haproxy", {}).get("pid") == pid, "usher to know it")

    @property
    def takeovers(self):
        return self.standby["takeovers"]

    def wait_takeovers(self, n):
        wait_for(lambda: self.lab.usher.log().count(" takeover done ") >= n, f"takeover {n}")

    def wait_given_back(self, n):
        wait_for(lambda: self.lab.usher.log().count(" given back ") >= n, f"giving back {n}")

    # -- do

    def kill(self, number=signal.SIGKILL):
        """The signal, and the end of the process, as its supervisor would see to it."""
        self.lab.haproxy.process.stop(number)

    def start_haproxy(self, n):
        """It is back, for the n-th time."""
        self.lab.start_haproxy()
        self.wait_given_back(n)
        self.wait_state("standby")
        self.wait_known()

    # -- clients

    def metrics(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.own / "admin.sock"))
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            answer = b""
            while piece := s.recv(65536):
                answer += piece
        return {name: float(value) for name, value in
                re.findall(r"(?m)^(usher_\S+) (\S+)$", answer.decode())}

    def wait_kept(self, flock):
        """All of them are in usher's file, where they come when a broker has said CONNACK 0."""
        wait_for(lambda: self.metrics()["usher_sticky_file_entries"] >= len(flock.members),
                 "the entries to be saved")

    def assert_sticky(self, flock):
        """Nobody has ever been at two brokers."""
        homes = {}
        for name, broker in self.lab.brokers.items():
            for client_id in set(broker.arrivals()):
                homes.setdefault(client_id, set()).add(name)
        moved = {m.client_id: homes[m.client_id] for m in flock.members
                 if len(homes.get(m.client_id, ())) != 1}
        assert not moved, moved

    def assert_kind(self, flock, what):
        """As few refusals as were promised, everybody where they belong; prints the figures."""
        print(f"\n{what}: {flock}")
        assert flock.most_refused <= 1
        self.assert_sticky(flock)


def kernel_tells_how_it_ended():
    """To others than a process's parent: since Linux 6.15."""
    return tuple(int(n) for n in re.findall(r"\d+", platform.release())[:2]) >= (6, 15)
