"""usher proxy: servers and bind lines that are names, looked up at start and while it runs.

What a name does at run time is shown on real HAProxy too, line for line.
"""

import contextlib
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest

import lab as laboratory
from lab import free_port, wait_for

A, AAAA = 1, 28
CODES = {"nx": 3, "refused": 5, "failed": 2}


class NameServer:
    """Answers by UDP what `answers` says: a list of addresses, a word of CODES, or "silent"."""

    def __init__(self, **answers):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.answers = {f"{name}.test": answer for name, answer in answers.items()}
        self.asked = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                question, peer = self.socket.recvfrom(4096)
                reply = self.reply(question)
                if reply:
                    self.socket.sendto(reply, peer)

    def reply(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack_from(">H", question, at + 1)[0]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        answer = self.answers.get(name, "nx")
        if answer == "silent":
            return None
        records = b"" if isinstance(answer, str) else b"".join(record(a, kind) for a in answer)
        n = 0 if isinstance(answer, str) else sum(kind_of(a) == kind for a in answer)
        head = struct.pack(">2sHHHHH", question[:2], 0x8180 | CODES.get(str(answer), 0), 1, n, 0, 0)
        return head + question[12:at + 5] + records

    def say(self, name, answer):
        self.answers[f"{name}.test"] = answer


def kind_of(address):
    return AAAA if ":" in address else A


def record(address, kind):
    if kind_of(address) != kind:
        return b""
    data = socket.inet_pton(socket.AF_INET6 if kind == AAAA else socket.AF_INET, address)
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(data)) + data


class Servers:
    """One port at many addresses; each tells its clients who it is and where they come from."""

    def __init__(self, *addresses):
        self.port = free_port()
        for address in addresses:
            listener = socket.create_server((address, self.port))
            threading.Thread(target=self.run, args=(address, listener), daemon=True).start()

    def run(self, address, listener):
        while True:
            client, peer = listener.accept()
            with client, contextlib.suppress(OSError):  # somebody only looked whether we listen
                client.sendall(f"{address} {peer[0]} {peer[1]}".encode())


def visit(port, host="127.0.0.1"):
    """The server's address and the client's, as the server sees them; None: it was closed."""
    with socket.create_connection((host, port), timeout=10) as client:
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(100):
                said += piece
    return said.decode().split() or None


def server_of(lab):
    said = visit(lab.ports["mqtt"])
    return said and said[0]


CONFIG = """
resolvers dns1
{nameservers}
    timeout resolve 100ms
    timeout retry 100ms
    hold nx 300ms
    hold timeout 300ms
    hold refused 300ms
    hold other 300ms
{section}
defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    retries 0

frontend f
    bind {bind}
    default_backend b

backend b
{servers}"""


def write_config(lab, *servers, names=(), section="", bind=None):
    """`names`: the name servers, or ports of theirs."""
    ports = [getattr(name, "port", name) for name in names] or [1]
    lab.config = lab.directory / "names.cfg"
    lab.config.write_text(CONFIG.format(
        nameservers="\n".join(f"    nameserver ns{i + 1} 127.0.0.1:{port}"
                              for i, port in enumerate(ports)),
        section=section, bind=bind or f"127.0.0.1:{lab.ports['mqtt']}",
        servers="".join(f"    {server}\n" for server in servers)))


@pytest.fixture(params=["usher", "haproxy"])
def start(request, lab):
    """Starts one of the two on the lab's file; returns the process whose log says what happened."""
    def start_it():
        if request.param == "usher":
            lab.start_usher(command="proxy")
            return lab.usher
        lab.start_haproxy()
        return lab.haproxy.process

    return start_it


def test_server_follows_its_name(lab, start):
    names, servers = NameServer(broker=["127.0.0.2"]), Servers("127.0.0.2", "127.0.0.3")
    write_config(lab, f"server s1 broker.test:{servers.port} resolvers dns1 init-addr none",
                 names=[names])
    process = start()
    process.wait_log(r"b/s1 changed its IP from \(none\) to 127\.0\.0\.2 by dns1/ns1")
    process.wait_log(r"Server b/s1 \('broker\.test'\) is UP/READY \(resolves again\)\.")
    process.wait_log(r"Server b/s1 administratively READY thanks to valid DNS answer\.")
    assert server_of(lab) == "127.0.0.2"
    names.say("broker", ["127.0.0.3"])
    process.wait_log(r"b/s1 changed its IP from 127\.0\.0\.2 to 127\.0\.0\.3 by dns1/ns1")
    assert server_of(lab) == "127.0.0.3"
    assert names.asked[:2] == [("broker.test", AAAA), ("broker.test", A)]


@pytest.mark.parametrize("answer, words", [("nx", "DNS NX status"),
                                           ("refused", "DNS refused status"),
                                           ("silent", "DNS timeout status"),
                                           ("failed", "unspecified DNS error")])
def test_name_that_is_gone_takes_its_server_out(lab, start, answer, words):
    names, servers = NameServer(broker=["127.0.0.2"]), Servers("127.0.0.2")
    write_config(lab, f"server s1 broker.test:{servers.port} resolvers dns1 init-addr none",
                 names=[names])
    process = start()
    process.wait_log("changed its IP from")
    names.say("broker", answer)
    process.wait_log(rf"Server b/s1 is going DOWN for maintenance \({words}\)")
    assert server_of(lab) is None
    before = len(process.log())
    names.say("broker", ["127.0.0.2"])
    process.wait_log(r"b/s1 changed its IP from \(none\) to 127\.0\.0\.2 by", after=before)
    assert server_of(lab) == "127.0.0.2"


def test_servers_of_one_name_take_an_address_each(lab, start):
    names = NameServer(broker=["127.0.0.2", "127.0.0.3", "127.0.0.4"])
    servers = Servers("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
    write_config(lab, f"server-template s 3 broker.test:{servers.port} resolvers dns1 "
                 "init-addr none", names=[names])
    process = start()
    process.wait_log(r"b/s3 changed its IP from \(none\) to \S+ by DNS cache")
    assert len({server_of(lab) for _ in range(3)}) == 3
    moved = re.search(r"b/(s\d) changed its IP from \(none\) to 127\.0\.0\.3 by", process.log())[1]
    names.say("broker", ["127.0.0.2", "127.0.0.4", "127.0.0.5"])
    process.wait_log(rf"b/{moved} changed its IP from 127\.0\.0\.3 to 127\.0\.0\.5 by")
    assert {server_of(lab) for _ in range(3)} == {"127.0.0.2", "127.0.0.4", "127.0.0.5"}
    names.say("broker", ["127.0.0.4"])
    wait_for(lambda: process.log().count("DOWN for maintenance (No IP for server )") == 2,
             "two servers without an address")
    assert {server_of(lab) for _ in range(3)} == {"127.0.0.4"}


def test_servers_may_share_an_address_that_the_file_lets_them(lab, start):
    names = NameServer(broker=["127.0.0.2"])
    write_config(lab, "default-server resolvers dns1 init-addr none",
                 "server s1 broker.test:1883", "server s2 broker.test:1883",
                 "server s3 broker.test:1883 resolve-opts allow-dup-ip", names=[names])
    process = start()
    process.wait_log("b/s3 changed its IP")
    assert "b/s1 changed its IP" in process.log() and "b/s2 changed" not in process.log()


@pytest.mark.parametrize("options, address", [("", "::1"),
                                              ("resolve-prefer ipv4 ", "127.0.0.2"),
                                              ("resolve-prefer ipv4 resolve-net 127.0.3.0/24",
                                               "127.0.3.1")])
def test_preferred_address(lab, start, options, address):
    names = NameServer(broker=["::1", "127.0.0.2", "127.0.3.1"][:3 if "net" in options else 2])
    write_config(lab, f"server s1 broker.test:1883 resolvers dns1 init-addr none {options}",
                 names=[names])
    start().wait_log(rf"b/s1 changed its IP from \(none\) to {re.escape(address)} by")


def test_obsolete_address_is_held(lab, start):
    names = NameServer(broker=["127.0.0.2"])
    write_config(lab, "server s1 broker.test:1883 resolvers dns1 init-addr none", names=[names],
                 section="    hold obsolete 1m")
    process = start()
    process.wait_log("changed its IP from")
    names.say("broker", ["127.0.0.3"])
    asked = len(names.asked)
    wait_for(lambda: len(names.asked) > asked + 6, "some rounds")
    assert "127.0.0.3" not in process.log()


def test_one_name_server_of_two_is_enough(lab, start):
    quiet, names = NameServer(broker="silent"), NameServer(broker=["127.0.0.2"])
    write_config(lab, "server s1 broker.test:1883 resolvers dns1 init-addr none",
                 names=[free_port(socket.SOCK_DGRAM), quiet, names])
    start().wait_log(r"to 127\.0\.0\.2 by dns1/ns3")
    assert quiet.asked


def test_init_addr_serves_until_the_name_is_known(lab):
    names, servers = NameServer(broker="silent"), Servers("127.0.0.2", "127.0.0.9")
    write_config(lab, f"server s1 broker.test:{servers.port} resolvers dns1 init-addr 127.0.0.9",
                 names=[names], section="    hold timeout 1h")
    lab.start_usher(command="proxy")
    assert server_of(lab) == "127.0.0.9"
    names.say("broker", ["127.0.0.2"])
    lab.usher.wait_log(r"b/s1 changed its IP from 127\.0\.0\.9 to 127\.0\.0\.2 by dns1/ns1")
    assert server_of(lab) == "127.0.0.2"


def test_reload_keeps_the_address_and_takes_new_names(lab):
    names = NameServer(broker=["127.0.0.2"], other=["127.0.0.3"])
    servers = Servers("127.0.0.2", "127.0.0.3")
    write_config(lab, f"server s1 broker.test:{servers.port} resolvers dns1 init-addr none",
                 names=[names])
    lab.start_usher(command="proxy")
    lab.usher.wait_log("changed its IP")
    names.say("broker", "silent")
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done")
    assert server_of(lab) == "127.0.0.2"
    write_config(lab, f"server s1 other.test:{servers.port} resolvers dns1 init-addr none",
                 names=[names])
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log(r"b/s1 changed its IP from \(none\) to 127\.0\.0\.3 by dns1/ns1")
    assert server_of(lab) == "127.0.0.3"


# ---- at start ------------------------------------------------------------------------------------


class System:
    """/etc/hosts and /etc/resolv.conf of our own, for one process and its children."""

    def __init__(self, lab, hosts):
        self.hosts, self.resolv = lab.directory / "hosts", lab.directory / "resolv.conf"
        self.write(hosts)
        self.resolv.write_text("nameserver 127.0.0.1\n")  # where nobody listens

    def write(self, hosts):
        self.hosts.write_text(f"127.0.0.1 localhost\n{hosts}\n")

    def argv(self, argv):
        return ["unshare", "-m", "sh", "-c", f"mount --bind {self.hosts} /etc/hosts && "
                f"mount --bind {self.resolv} /etc/resolv.conf && exec \"$@\"", "sh", *argv]

    def start_usher(self, lab):
        argv = self.argv(lab.usher_command(command="proxy"))
        lab.usher = laboratory.Process("usher1", argv, lab.directory, lab.env())
        lab.usher.wait_log("proxy ready")


def test_name_of_the_hosts_file(lab):
    servers = Servers("127.0.0.5", "127.0.0.6")
    system = System(lab, "127.0.0.5 broker.test")
    write_config(lab, f"server s1 broker.test:{servers.port}")
    system.start_usher(lab)
    assert server_of(lab) == "127.0.0.5"
    system.write("127.0.0.6 broker.test")
    assert server_of(lab) == "127.0.0.5"
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done")
    assert server_of(lab) == "127.0.0.6"
    system.write("")
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload refused")
    assert "'server b/s1' : could not resolve address 'broker.test'." in lab.usher.log()
    assert server_of(lab) == "127.0.0.6"


def findings(system, argv):
    done = subprocess.run(system.argv(argv), capture_output=True, text=True, timeout=60)
    lines = re.findall(r"\[(ALERT|WARNING)\] +\(\d+\) : config : (.*)", done.stderr)
    return done.returncode, [line for line in lines
                             if "Fatal errors" not in line[1] and "Error(s) found" not in line[1]]


@pytest.mark.parametrize("servers, bind", [
    (["server s1 nosuch.test:1883", "server s2 known.test:1883", "server s3 other.test:1883"], None),
    (["server-template s 1-2 nosuch.test:1883 backup"], None),
    (["server s1 nosuch.test:1883 disabled", "server s2 nosuch.test:1 init-addr last"], None),
    (["server s1 nosuch.test:1883 init-addr libc,none"], None),
    (["server s1 nosuch.test:1883 init-addr last,libc,127.0.0.9"], None),
    (["server s1 nosuch.test:1883 init-addr none", "server s2 known.test:1"], None),
    (["server s1 ipv4@known.test:1883", "server s2 ipv6@known.test:1883"], None),
    (["server s1 127.0.0.1:1883"], "nosuch.test:1883"),
    (["server s1 127.0.0.1:1883"], "127.0.0.1:1885-1883"),
    (["server s1 127.0.0.1:1883"], "known.test:11883-11885,:11886"),
])
def test_names_at_start_as_haproxy_says_it(lab, servers, bind):
    system = System(lab, "127.0.0.5 known.test")
    write_config(lab, *servers, bind=bind)
    code, lines = findings(system, ["haproxy", "-c", "-f", str(lab.config)])
    assert findings(system, [laboratory.USHER, "proxy", "-c", "-f", str(lab.config)]) == \
        (code, lines)


@pytest.mark.parametrize("server, words", [
    ("server s1 _mqtt._tcp.known.test resolvers dns1 init-addr none",
     "SRV records ('_mqtt._tcp.known.test') are not carried out by usher proxy"),
    ("server s1 known.test:+10", "address 'known.test:+10' is not carried out by usher proxy"),
])
def test_what_is_not_carried_out_is_refused(lab, server, words):
    system = System(lab, "127.0.0.5 known.test")
    write_config(lab, server)
    code, lines = findings(system, [laboratory.USHER, "proxy", "-c", "-f", str(lab.config)])
    line = lab.config.read_text().splitlines().index(f"    {server}") + 1
    assert (code, lines[0]) == \
        (1, ("ALERT", f"[{lab.config}:{line}] : 'server b/s1' : {words}"))


def test_bind_lines_of_names_and_ranges(lab):
    servers = Servers("127.0.0.2")
    first = free_range(3)
    system = System(lab, "127.0.0.7 entrance.test")
    write_config(lab, f"server s1 127.0.0.2:{servers.port}",
                 bind=f"entrance.test:{lab.ports['mqtt']},127.0.0.1:{first}-{first + 2}")
    system.start_usher(lab)
    assert visit(lab.ports["mqtt"], "127.0.0.7")
    assert all(visit(first + i) for i in range(3))


def free_range(n):
    """The first of n ports in a row that are free now."""
    for first in iter(free_port, None):
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for i in range(n):
                held.enter_context(socket.create_server(("127.0.0.1", first + i)))
            return first


# ---- where connections come from -----------------------------------------------------------------


def test_source_address_is_what_the_server_sees(lab, start):
    servers = Servers("127.0.0.2")
    write_config(lab, f"server s1 127.0.0.2:{servers.port} source 127.0.0.9")
    start()
    assert visit(lab.ports["mqtt"])[1] == "127.0.0.9"


def test_source_ports_of_a_range_are_taken_in_turn(lab):
    servers = Servers("127.0.0.2")
    first = free_range(4)
    write_config(lab, f"server s1 127.0.0.2:{servers.port} source 127.0.0.9:{first}-{first + 3}")
    lab.start_usher("-j", "1", command="proxy")
    ports = [int(visit(lab.ports["mqtt"])[2]) for _ in range(4)]
    assert sorted(ports) == [first + i for i in range(4)]


def test_source_port_that_is_taken_is_passed_over(lab):
    servers = Servers("127.0.0.2")
    first = free_range(2)
    write_config(lab, f"server s1 127.0.0.2:{servers.port} source 127.0.0.9:{first}-{first + 1}")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.9", first))
        other.connect(("127.0.0.2", servers.port))
        lab.start_usher(command="proxy")
        assert int(visit(lab.ports["mqtt"])[2]) == first + 1
