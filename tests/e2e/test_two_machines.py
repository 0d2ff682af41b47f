"""Two machines, one address: HAProxy, usher and keepalived on each, by the project's own files.
What happens to one of them costs clients a reconnect, and never their broker."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess

import pytest

import lab as laboratory
import mqtt
import netns
from lab import ROOT, wait_for

pytestmark = pytest.mark.skipif(not netns.is_possible(), reason="needs root and namespaces")

ADDRESS = "192.0.2.10"  # as haproxy/keepalived.conf has it
MACHINES = {"a": "192.0.2.11", "b": "192.0.2.12"}
BROKERS = {"emqx1": "192.0.2.21", "emqx2": "192.0.2.22", "emqx3": "192.0.2.23"}
CLIENTS = "192.0.2.31"
ASK = "    tcp-request content send-spoe-group usher usher-connect\n"
RANK = "tcp-request content lua.usher_rank mqtt_backend unless { var(txn.usher.action) -m found }"
STORE = "192.0.2.24"
RENDEZVOUS = {"backends": {"mqtt_backend": {"balance": "rendezvous"}}}
# Patient, so that a busy machine does not make an answer late; else as the file balances.
SHARED = {"stickiness": {"store": {"url": f"redis://{STORE}:6379", "deadline": "1s"}},
          "agent": {"max_delay": "3s"}}


class Switch(netns.Room):
    """A bridge in a room of its own: no rule of this machine's firewall is on the way."""

    def __init__(self, directory):
        super().__init__(directory, "switch", "")
        self.run("ip", "link", "add", "br0", "type", "bridge")
        self.run("ip", "link", "set", "br0", "up")

    def plug(self, room, port, *addresses):
        room.run("ip", "link", "add", "dev", "eth0", "type", "veth", "peer", "name", port, "netns",
                 str(self.holder.pid))
        for address in addresses:
            room.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        room.run("ip", "link", "set", "eth0", "up")
        self.attach(port)
        self.link_up(port)

    def link_up(self, port):
        self.run("ip", "link", "set", "dev", port, "up")

    def link_down(self, port):
        """The cable is out: who hangs on it sees that."""
        self.run("ip", "link", "set", "dev", port, "down")

    def attach(self, port):
        self.run("ip", "link", "set", "dev", port, "master", "br0")

    def detach(self, port):
        """Something beyond the next switch is broken: the cable is in, and nobody hears anybody."""
        self.run("ip", "link", "set", "dev", port, "nomaster")


class Node(laboratory.Broker):
    """mosquitto in the brokers' room, at an address of its own."""

    def __init__(self, name, directory, room):
        super().__init__(name, directory, port=1883)
        self.room = room

    def start(self):
        path = self.directory / f"{self.name}.conf"
        path.write_text(
            f"listener 1883 {BROKERS[self.name]}\nallow_anonymous true\npersistence false\n"
            "user root\nlog_dest stderr\nlog_type all\nconnection_messages true\n")
        self.process = laboratory.Process(
            self.name, [*self.room.command, "mosquitto", "-c", str(path)], self.directory)
        self.process.wait_log("mosquitto version .* running")


class Machine:
    """Its /run and /usr/local/sbin are its own, so every default of the files holds."""

    def __init__(self, name, directory, switch, policy):
        self.name, self.directory, self.switch = name, directory / name, switch
        for folder in ("run/haproxy", "run/usher"):
            (self.directory / folder).mkdir(parents=True)
        self.room = netns.Room(directory, name, "")
        self.room.run("mount", "--bind", str(self.directory / "run"), "/run")
        self.room.run("mount", "--bind", os.path.dirname(laboratory.USHER), "/usr/local/sbin")
        switch.plug(self.room, f"to-{name}", MACHINES[name])
        self.config = self.directory / "haproxy.cfg"
        text = (ROOT / "haproxy/haproxy.cfg").read_text()
        assert ASK in text and RANK in text  # the latter in a comment
        self.config.write_text(text.replace(ASK, f"{ASK}    {RANK}\n"))
        self.policy = self.directory / "usher.json"
        self.policy.write_text(json.dumps(policy))
        self.haproxy = self.usher = self.keepalived = None
        self.n_starts = 0

    def start_process(self, name, *argv):
        self.n_starts += 1
        return laboratory.Process(
            f"{name}{self.n_starts}", [*self.room.command, *argv], self.directory,
            {"USHER_ETC": str(ROOT / "haproxy"), "USHER_MAXCONN": "4000",
             **{f"USHER_{n.upper()}": f"{address}:1883" for n, address in BROKERS.items()}})

    def start_usher(self):
        self.usher = self.start_process("usher", laboratory.USHER, "run", "-d", "-f",
                                        str(self.config), "-P", str(self.policy))
        self.usher.wait_log("run ready")

    def start_haproxy(self):
        self.haproxy = self.start_process("haproxy", "haproxy", "-db", "-f", str(self.config))

    def start_keepalived(self):
        own, peer = MACHINES[self.name], MACHINES["ab".replace(self.name, "")]
        text = (ROOT / "haproxy/keepalived.conf").read_text()
        for old, new in (("router_id mqtt-a ", f"router_id mqtt-{self.name} "),
                         ("unicast_src_ip 192.0.2.11 ", f"unicast_src_ip {own} "),
                         ("        192.0.2.12 ", f"        {peer} "),
                         ("script_user usher usher", "script_user root"),
                         ("advert_int 0.5", "advert_int 0.1"), ("rise 2", "rise 1")):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = self.directory / "keepalived.conf"
        path.write_text(text)
        self.keepalived = self.start_process("keepalived", "keepalived", "--vrrp", "-n", "-l", "-D",
                                             "-f", str(path))

    def start(self):
        self.start_usher()
        self.start_haproxy()
        self.wait_check(0)
        self.start_keepalived()
        return self

    def wait_check(self, code):
        wait_for(lambda: self.check() == code, f"{self.name}: usher status --check gives {code}")

    def ask(self, *argv):
        return subprocess.run([*self.room.command, *argv], check=False, timeout=30,
                              capture_output=True, text=True)

    def check(self):
        return self.ask(laboratory.USHER, "status", "--check").returncode

    def script(self):
        """What keepalived makes of it: 0 is good."""
        line = re.search(r'script "(.*)"', (ROOT / "haproxy/keepalived.conf").read_text())
        return self.ask(*shlex.split(line[1])).returncode

    def refuse_a_reload(self):
        self.policy.write_text("{ broken")
        assert self.ask(laboratory.USHER, "reload").returncode == 1

    def has_address(self):
        return bool(self.ask("ip", "-o", "addr", "show", "to", ADDRESS).stdout)

    def mark(self):
        return len(self.keepalived.log())

    def wait_said(self, pattern, after=0):
        self.keepalived.wait_log(pattern, after=after)

    def verdicts(self):
        return re.findall(r' verdict .*?client_id="?([^" ]+)', self.usher.log())

    def close(self):
        for process in (self.keepalived, self.usher, self.haproxy):
            if process and process.running:
                process.stop()
        self.room.close()

    def leave(self):
        """keepalived takes a second for it; both machines may take the same one."""
        if self.keepalived:
            self.keepalived.send_signal(signal.SIGTERM)


class Site:
    """Two machines, three brokers and the clients, all on one switch; Redis beside the brokers."""

    def __init__(self, directory, policy):
        self.switch = Switch(directory)
        self.brokers_room = netns.Room(directory, "brokers", "")
        self.clients_room = netns.Room(directory, "clients", "")
        self.switch.plug(self.brokers_room, "to-brokers", *BROKERS.values(), STORE)
        self.switch.plug(self.clients_room, "to-clients", CLIENTS)
        self.brokers = {name: Node(name, directory, self.brokers_room) for name in BROKERS}
        self.a, self.b = (Machine(name, directory, self.switch, policy) for name in MACHINES)
        self.clients, self.redis = {}, None

    def start(self, policy):
        """The address is on a; b stands by and is as good."""
        for broker in self.brokers.values():
            broker.start()
        if "stickiness" in policy:
            self.start_redis()
        for machine in (self.a, self.b):
            machine.start()
            machine.wait_said(r"\(served_here\) succeeded")
            self.a.wait_said("Entering MASTER STATE")
        assert self.holders() == "a"
        return self

    def start_redis(self):
        self.redis = laboratory.Process(
            "redis", [*self.brokers_room.command, "redis-server", "--bind", STORE, "--save", "",
                      "--protected-mode", "no"], self.a.directory)
        self.redis.wait_log("Ready to accept connections")

    def stored(self):
        """Which clients the store knows."""
        keys = subprocess.run(
            [*self.brokers_room.command, "redis-cli", "-h", STORE, "keys", "usher::*"], check=True,
            timeout=30, capture_output=True, text=True).stdout.split()
        return {key.removeprefix("usher::") for key in keys}

    def holders(self):
        return "".join(m.name for m in (self.a, self.b) if m.has_address())

    def connect(self, ids):
        with self.clients_room.network():
            for i in ids:
                self.clients[i] = mqtt.connect(1883, i, host=ADDRESS, timeout=5)
                assert self.clients[i].code == 0

    def homes(self):
        """Client → its brokers, one for each time it connected."""
        return {i: [n for n, b in self.brokers.items() for k in b.arrivals() if k == i]
                for i in self.clients}

    def ping(self):
        for client in self.clients.values():
            client.ping()

    def come_back(self, machine):
        """All were cut off, all come back through this machine, each to its own broker."""
        asked = len(machine.verdicts())
        wait_for(lambda: self.holders() == machine.name, f"the address on {machine.name} alone")
        self.reconnect()
        wait_for(lambda: sorted(machine.verdicts()[asked:]) == sorted(self.clients),
                 f"{machine.name} to say where it sent each of them")

    def reconnect(self):
        before = self.homes()
        for client in self.clients.values():
            # What a device does in its own time: it speaks, and learns that nobody knows it here.
            with contextlib.suppress(ConnectionError):
                client.send(mqtt.PINGREQ)
            assert client.is_closed()
            client.close()
        self.connect(reversed(list(self.clients)))  # no rotation would do that
        assert self.homes() == {i: [home[0]] * (len(home) + 1) for i, home in before.items()}

    def close(self):
        for client in self.clients.values():
            client.close()
        for step in (Machine.leave, Machine.close):
            for machine in (self.a, self.b):
                step(machine)
        for process in (*(b.process for b in self.brokers.values()), self.redis):
            if process:
                process.kill()
        for room in (self.clients_room, self.brokers_room, self.switch):
            room.close()


@pytest.fixture
def site(tmp_path, request):
    policy = getattr(request, "param", RENDEZVOUS)
    one = Site(tmp_path, policy)
    try:
        one.start(policy)
        one.connect([f"device-{n}" for n in range(12)])
        assert {home for (home,) in one.homes().values()} == set(BROKERS)
        wait_for(lambda: sorted(one.a.verdicts()) == sorted(one.clients), "verdicts on a")
        assert not one.b.verdicts()
        yield one
    finally:
        one.close()


def test_active_machine_cut_off(site):
    """Its address moves and stays where it went; and goes back when the other one's usher dies."""
    a, b = site.a, site.b
    site.switch.link_down("to-a")
    b.wait_said("Entering MASTER STATE")
    site.come_back(b)
    returned = a.mark()
    site.switch.link_up("to-a")
    a.wait_said("Entering BACKUP STATE", after=returned)
    a.refuse_a_reload()  # a warning is no reason to move, nor to stay
    assert (a.check(), a.script()) == (1, 0)
    site.ping()
    b.usher.kill()
    assert (b.check(), b.script()) == (2, 1)
    a.wait_said("Entering MASTER STATE", after=returned)
    b.wait_said("Entering BACKUP STATE")
    # It did not claim what was served well.
    assert set(re.findall(r"lower priority \((\d+)\)", a.keepalived.log()[returned:])) == {"50"}
    site.come_back(a)


@pytest.mark.full
@pytest.mark.parametrize("site", [SHARED], indirect=True, ids=[""])
def test_active_machine_cut_off_with_a_store(site):
    """The other usher has never heard of these clients, and no algorithm says where they are."""
    wait_for(lambda: site.stored() == set(site.clients), "all clients in the store")
    site.switch.link_down("to-a")
    site.b.wait_said("Entering MASTER STATE")
    site.come_back(site.b)


@pytest.mark.full
def test_active_haproxy_killed_then_usher(site):
    """usher serves in HAProxy's place and keeps the address; with neither of them it moves."""
    a, b = site.a, site.b
    a.haproxy.kill()
    a.wait_check(1)
    assert a.script() == 0
    site.come_back(a)
    a.usher.kill()
    b.wait_said("Entering MASTER STATE")
    site.come_back(b)


@pytest.mark.full
@pytest.mark.parametrize("site", [{**RENDEZVOUS, "standby": {"on_stop": "stay"}}], indirect=True,
                         ids=[""])
def test_active_haproxy_stopped_for_good(site):
    """Neither serves on a, by its operator's word, though usher is well."""
    site.a.haproxy.stop()
    site.a.wait_check(2)
    site.b.wait_said("Entering MASTER STATE")
    site.come_back(site.b)


@pytest.mark.full
def test_active_machine_sees_no_broker(site):
    """The other one does: its HAProxy is the better one, however well both feel."""
    site.a.room.run("ip", "route", "add", "unreachable", "192.0.2.20/30")
    site.a.wait_check(2)
    site.b.wait_said("Entering MASTER STATE")
    site.a.wait_said("Entering BACKUP STATE")
    site.come_back(site.b)


@pytest.mark.full
def test_no_machine_is_better(site):
    """Both ushers are gone: the address stays, and HAProxy serves whom it served, and others; these
    are where usher would have sent them."""
    for machine in (site.b, site.a):
        machine.usher.kill()
        machine.wait_said("Changing effective priority from 100 to 50")
    site.ping()
    site.connect(["newcomer"])
    seen = site.a.mark(), site.b.mark()
    site.b.start_usher()  # one of them is better again
    site.b.wait_said("Entering MASTER STATE", after=seen[1])
    site.a.wait_said("Entering BACKUP STATE", after=seen[0])
    site.come_back(site.b)


@pytest.mark.full
def test_machines_that_do_not_hear_each_other(site):
    """Both have the address; when they meet again, one, and every client is on its broker."""
    seen = site.a.mark()
    site.switch.detach("to-a")
    site.b.wait_said("Entering MASTER STATE")
    assert site.holders() == "ab"
    site.reconnect()
    site.switch.attach("to-a")
    site.a.wait_said("Entering BACKUP STATE", after=seen)
    wait_for(lambda: site.holders() == "b", "the address on b alone")
    site.ping()
