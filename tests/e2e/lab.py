"""The laboratory: real HAProxy, real brokers and usher on loopback, as children of this process.

Every port is free at the time, every wait is for something that can be seen (a log line, a port, a
state) with a deadline, and whatever was started is ended by its pid.
"""

import csv
import grp
import itertools
import json
import os
import pathlib
import pwd
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import mqtt

ROOT = pathlib.Path(__file__).resolve().parents[2]
USHER = os.environ.get("USHER", str(ROOT / "build/release/usher"))
SLOW = 5 if os.environ.get("USHER_SAN") else 1  # sanitizer builds may take that much longer
MISBEHAVED = 66  # exit code of a process that a sanitizer complained about


def wait_for(condition, what, seconds=15):
    """The condition's first true value; AssertionError naming `what` if there is none in time."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


_given = set()


def _own_ports():
    """Below those that the kernel gives to clients, and apart from those of a test run beside us."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return random.Random().sample(range(11000 + 5000 * (worker % 4), 16000 + 5000 * (worker % 4)),
                                  5000)


_ports = itertools.cycle(_own_ports())


def free_port(kind=socket.SOCK_STREAM):
    """One that nobody has; each is given once, as long as there are others."""
    while True:
        port = next(_ports)
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def credentials(user):
    """"user" or "user:group", and nothing of ours: Popen alone would keep our groups."""
    if not user:
        return {}
    name, _, group = user.partition(":")
    gid = grp.getgrnam(group).gr_gid if group else pwd.getpwnam(name).pw_gid
    return {"user": name, "group": gid, "extra_groups": []}


class Process:
    """A child whose output goes to a file."""

    def __init__(self, name, argv, directory, env=None, user=None, cwd=None):
        self.name = name
        self.log_path = pathlib.Path(directory) / f"{name}.log"
        self.log_file = open(self.log_path, "ab")
        self.child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}, cwd=cwd, **credentials(user))
        self.pid = self.child.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern, seconds=15, after=0):
        def look():
            found = re.search(pattern, self.log()[after:])
            assert found or self.child.poll() is None, \
                f"{self.name} ended with {self.child.returncode}:\n{self.log()[-3000:]}"
            return found

        try:
            return wait_for(look, f"{self.name} to say {pattern!r}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-3000:]}") from None

    def send_signal(self, number):
        if self.child.poll() is None:
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=10):
        """End it; the exit code, or minus the signal."""
        self.send_signal(signal.SIGCONT)
        self.send_signal(number)
        try:
            self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.log()[-3000:]}") from None
        finally:
            self.log_file.close()
        return self.child.returncode

    def kill(self):
        return self.stop(signal.SIGKILL)

    @property
    def running(self):
        return self.child.poll() is None


class Broker:
    """mosquitto under the name of an EMQX node."""

    def __init__(self, name, directory, port=None, config=""):
        self.name, self.directory, self.config = name, pathlib.Path(directory), config
        self.port = port or free_port()
        self.process = None

    def start(self):
        path = self.directory / f"{self.name}.conf"
        path.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            f"user root\nlog_dest stderr\nlog_type all\nconnection_messages true\n"
            f"max_inflight_messages 1000\nmax_queued_messages 100000\n{self.config}\n")
        self.process = Process(self.name, ["mosquitto", "-c", str(path)], self.directory)
        wait_for(lambda: accepts(self.port), f"{self.name} to listen")
        return self

    def arrivals(self):
        """Client ids in the order they were accepted."""
        return re.findall(r"New client connected from \S+ as (.*) \(", self.process.log())


class HAProxy:
    """A stock HAProxy; `config` is a path, variables of the file come from `env`."""

    def __init__(self, directory, config, env, binary="haproxy", user=None):
        self.directory, self.config, self.env = pathlib.Path(directory), config, env
        self.binary = binary if isinstance(binary, list) else [binary]
        self.process, self.old, self.n, self.user = None, [], 0, user

    def start(self, *more):
        self.n += 1
        self.process = Process(f"haproxy{self.n}", [*self.binary, "-db", "-f", str(self.config),
                                                    *more],
                               self.directory, self.env, self.user, cwd=self.directory)
        return self

    def reload(self, *more):
        """As `-sf` does: a new process, the old one keeps its sessions until they end."""
        self.old.append(self.process)
        before = self.process.pid
        self.start(*more, "-sf", str(before))
        wait_for(lambda: not self.process.running or self.asked("show info", before), "reload")
        assert self.process.running, self.process.log()

    def asked(self, command, not_pid):
        try:
            return f"Pid: {not_pid}\n" not in self.ask(command)
        except OSError:
            return False

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.directory / "admin.sock"))
            s.sendall(command.encode() + b"\n")
            answer = b""
            while piece := s.recv(65536):
                answer += piece
            return answer.decode()

    def stop(self):
        for process in [self.process, *self.old]:
            if process:
                process.stop(signal.SIGKILL)


class Lab:
    """Brokers, HAProxy with the project's own file, usher with a policy."""

    def __init__(self, policy=None, brokers=3, keep=False, prefix="usher-"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        os.chmod(self.directory, 0o755)
        self.keep = keep
        self.policy_path = self.directory / "usher.json"
        self.policy = None if policy is None else self.write_policy(policy)
        self.brokers = {f"emqx{i + 1}": Broker(f"emqx{i + 1}", self.directory)
                        for i in range(brokers)}
        self.ports = {name: free_port() for name in ("mqtt", "closed", "agent", "stats")}
        self.ends_port = free_port(socket.SOCK_DGRAM)
        self.log_port = free_port(socket.SOCK_DGRAM)
        self.config = ROOT / "haproxy/haproxy.cfg"
        self.haproxy = self.usher = None
        self.n_ushers, self.killed_usher = 0, False
        self.extra_env = {}
        self.door = "haproxy"  # who carries the clients; or "proxy": usher itself
        self.debug = True  # usher's -d: every connection and verdict in its log
        self.wrapper = []  # what usher is started by, prlimit for one

    # -- set up

    def env(self):
        return {
            "USHER_ETC": str(ROOT / "haproxy"),
            "USHER_RUN": str(self.directory),
            "USHER_MAXCONN": "4000",
            "USHER_BIND": "127.0.0.1",
            "USHER_MQTT_PORT": str(self.ports["mqtt"]),
            "USHER_CLOSED_PORT": str(self.ports["closed"]),
            "USHER_AGENT": f"127.0.0.1:{self.ports['agent']}",
            "USHER_STATS": f"127.0.0.1:{self.ports['stats']}",
            "USHER_ENDS_PORT": str(self.ends_port),
            "USHER_LOG_PORT": str(self.log_port),
            **{f"USHER_EMQX{i + 1}": f"127.0.0.1:{b.port}"
               for i, b in enumerate(self.brokers.values())},
            **self.extra_env,
        }

    def write_policy(self, policy):
        self.policy_path.write_text(policy if isinstance(policy, str) else json.dumps(policy))
        return self.policy_path

    def edit_config(self, *changes):
        """A copy of the project's file with (old, new) texts replaced; each must be there."""
        text = self.config.read_text()
        for old, new in changes:
            assert old in text, f"not in {self.config}: {old}"
            text = text.replace(old, new)
        self.config = self.directory / "haproxy.cfg"
        self.config.write_text(text)

    def start_brokers(self):
        for broker in self.brokers.values():
            broker.start()

    def add_broker(self, name, **options):
        """One more, started; haproxy.cfg is the caller's affair."""
        self.brokers[name] = Broker(name, self.directory, **options).start()
        return self.brokers[name]

    def start_haproxy(self, binary="haproxy", user=None):
        self.haproxy = HAProxy(self.directory, self.config, self.env(), binary, user).start()
        wait_for(lambda: self.alive(self.haproxy.process) and accepts(self.ports["mqtt"]),
                 "HAProxy to listen")

    def alive(self, process):
        assert process.running, f"{process.name} ended:\n{process.log()[-3000:]}"
        return True

    def usher_command(self, *more, command="agent"):
        policy = ["-P", str(self.policy)] if self.policy else []
        debug = ["-d"] if self.debug else []
        return [*self.wrapper, USHER, command, "-f", str(self.config), *policy, *debug, *more]

    def start_usher(self, *more, user=None, command="agent"):
        self.n_ushers += 1
        self.killed_usher = False
        self.usher = Process(f"usher{self.n_ushers}",
                             self.usher_command(*more, command=command), self.directory,
                             self.env(), user)
        self.usher.wait_log(f"{command} ready")

    def kill_usher(self):
        self.killed_usher = True
        self.usher.kill()

    def wait_agent_up(self, seconds=15):
        """HAProxy sees the agent, and so asks it."""
        wait_for(lambda: self.server_state("usher_agents", "usher") == "2",
                 "HAProxy to see the agent", seconds)

    def wait_agent_down(self):
        wait_for(lambda: self.server_state("usher_agents", "usher") == "0",
                 "HAProxy to miss the agent")

    def start(self, *usher_options):
        """All of it. Behind the door "proxy", usher carries the clients itself, without HAProxy."""
        self.start_brokers()
        if self.door == "proxy":
            self.start_usher(*usher_options, command="proxy")
            return self
        self.start_usher(*usher_options)
        self.start_haproxy()
        self.wait_agent_up()
        self.wait_brokers_up()
        if self.haproxy:
            self.usher.wait_log("runtime socket answers")
        return self

    def wait_brokers_up(self):
        for name in self.brokers:
            wait_for(lambda n=name: self.server_state("mqtt_backend", n) == "2", f"{name} up")

    # -- look

    def server_state(self, backend, server):
        """srv_op_state as HAProxy has it: "0" down, "2" up."""
        try:
            answer = self.haproxy.ask("show servers state " + backend)
        except OSError:
            return None
        header = answer.splitlines()[1].split()[1:]
        for line in answer.splitlines()[2:]:
            row = dict(zip(header, line.split()))
            if row.get("srv_name") == server:
                return row["srv_op_state"]
        return None

    def sessions(self, server, backend="mqtt_backend"):
        """How many sessions have ever been sent to this server."""
        if self.door == "proxy":
            return sum((v["action"], v["backend"], v["server"]) == ("accept", backend, server)
                       for v in self.all_verdicts())
        rows = csv.DictReader(self.haproxy.ask("show stat").lstrip("# ").splitlines())
        return next(int(r["stot"]) for r in rows
                    if (r["pxname"], r["svname"]) == (backend, server))

    def bytes_read(self):
        """Source port → how many bytes HAProxy has read from that client, of those it holds."""
        return {int(port): int(total) for port, total in re.findall(
            r"source=127\.\d+\.\d+\.\d+:(\d+)\n.*?req=\S+ \(.*?total=(\d+)\)",
            self.haproxy.ask("show sess all"), re.S)}

    def are_read(self, ports):
        """Has the load balancer read all that came from these source ports of clients?"""
        waiting = {}
        with open("/proc/net/tcp", encoding="ascii") as table:
            for _, _, to, _, queues, *_ in map(str.split, list(table)[1:]):
                waiting[int(to.split(":")[1], 16)] = int(queues.split(":")[1], 16)
        return all(waiting.get(port) == 0 for port in ports)

    def n_open(self):
        """Clients that are carried now, of those that got a verdict."""
        if self.haproxy:
            return len(self.bytes_read())
        log = self.usher.log()
        return log.count(" info verdict ") - log.count("session closed")

    def connections_of(self, tenant):
        """How many connections count for a tenant's quota; without HAProxy, those of all tenants
        and of the refused who have not gone yet."""
        if self.door == "proxy":
            return self.n_open()
        found = re.search(rf"key={tenant} .*conn_cur=(\d+)",
                          self.haproxy.ask("show table usher_tenants"))
        return int(found[1]) if found else 0

    def verdicts(self, client_id):
        """What usher's log says of this client, oldest first: dicts of action, server, rule…

        The client id is looked for as the log shows it: with \\x22 for a quote and so on.
        """
        return [verdict for verdict in self.all_verdicts() if verdict["client_id"] == client_id]

    def all_verdicts(self):
        return [{key: quoted or plain for key, quoted, plain in
                 re.findall(r'(\w+)=(?:"([^"]*)"|(\S+))', line)}
                for line in re.findall(r"(?m)^\S+ \w+ verdict (.*)", self.usher.log())]

    def where(self, client_id):
        """The broker that last accepted this client, None if none has."""
        for name, broker in self.brokers.items():
            if client_id in broker.arrivals():
                return name
        return None

    def place(self, client_id, port=None, **options):
        """Connect once, leave, and the broker it was sent to."""
        seen = self.seen(client_id)
        code = mqtt.visit(port or self.ports["mqtt"], client_id, **options)
        assert code == 0, f"{client_id}: CONNACK {code}"
        return wait_for(lambda: self.newest(client_id, seen), f"{client_id} at a broker")

    def seen(self, client_id):
        """Broker → how often it has accepted this client, for newest() later."""
        return {n: b.arrivals().count(client_id) for n, b in self.brokers.items()}

    def newest(self, client_id, seen):
        for name, broker in self.brokers.items():
            if broker.process and broker.arrivals().count(client_id) > seen[name]:
                return name
        return None

    def spread(self, client_ids):
        """Broker → how many of these clients it has accepted last."""
        counts = dict.fromkeys(self.brokers, 0)
        for client_id in client_ids:
            counts[self.where(client_id)] += 1
        return counts

    def spread_of(self, client_ids):
        """Connect each of them once: broker → how many of them it got."""
        places = [self.place(client_id) for client_id in client_ids]
        return {name: places.count(name) for name in self.brokers}

    # -- tear down

    def close(self):
        """End everything; usher must go in good order."""
        status = 0
        try:
            if self.usher:
                died = not self.usher.running and not self.killed_usher
                status = self.usher.child.returncode if died else self.usher.stop()
                status = 0 if self.killed_usher else status
        finally:
            if self.haproxy:
                self.haproxy.stop()
            for broker in self.brokers.values():
                if broker.process and broker.process.running:
                    broker.process.kill()
        log = self.usher.log() if self.usher else ""
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        assert status == 0, f"usher ended with {status}:\n{log[-4000:]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def raise_descriptor_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
