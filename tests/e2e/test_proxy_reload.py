"""usher proxy reads its files again: no client is refused, none is cut, a bad file changes nothing."""

import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from test_proxy import start_proxy
from test_proxy_stop import is_refused

HEAD = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
"""


def write(lab, *frontends, more=""):
    """(name, port, …): a frontend with its ports, all of them before the lab's brokers."""
    text = HEAD + more
    for name, *ports in frontends:
        binds = "".join(f"    bind 127.0.0.1:{port}\n" for port in ports)
        text += f"frontend {name}\n{binds}    default_backend brokers\n"
    servers = "".join(f"    server {b.name} 127.0.0.1:{b.port}\n" for b in lab.brokers.values())
    lab.config = lab.directory / "reload.cfg"
    lab.config.write_text(text + f"backend brokers\n{servers}")


def reload(lab, says="reload done"):
    seen = len(lab.usher.log())
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log(says, after=seen)


@pytest.fixture
def ports():
    return [laboratory.free_port() for _ in range(3)]


def test_bind_comes_and_goes(lab, ports):
    first, second, _ = ports
    write(lab, ("f", first))
    lab.start_brokers()
    start_proxy(lab, "-j", "2")
    old = mqtt.connect(first, "old")
    write(lab, ("f", first, second))
    reload(lab)
    new = mqtt.connect(second, "new")
    write(lab, ("f", second))
    reload(lab)
    wait_for(lambda: is_refused(first), "the first address to close")
    assert mqtt.visit(second, "newer") == 0
    for client in (old, new):
        client.ping()
        client.close()


def test_address_passes_to_another_frontend(lab, ports):
    write(lab, ("before", ports[0]))
    lab.start_brokers()
    start_proxy(lab, "-j", "2")
    held = mqtt.connect(ports[0], "held")
    with mqtt.Load(ports[0]) as clients:
        for name in ("after", "before", "after"):
            seen = clients.served
            write(lab, (name, ports[0]))
            reload(lab)
            wait_for(lambda s=seen: clients.served > s + 20, "clients to be served")
    assert set(clients.outcomes) == {0}
    held.ping()
    held.close()
    lab.usher.wait_log("session closed frontend=after ")


def test_reloads_under_load(lab, ports, count):
    """An address comes and goes each time; the one that stays is never closed."""
    write(lab, ("f", ports[0]))
    lab.start_brokers()
    start_proxy(lab, "-j", "2")
    held = [mqtt.connect(ports[0], f"held-{i}") for i in range(8)]
    with mqtt.Load(ports[0]) as clients:
        for turn in range(count(20, 200)):
            seen = clients.served
            write(lab, ("f", *ports[:1 + turn % 3]))
            reload(lab)
            wait_for(lambda s=seen: clients.served > s + 8, "clients to be served")
    assert set(clients.outcomes) == {0}
    for client in held:
        client.ping()
        client.close()


def test_who_stands_before_a_door_that_closes_is_let_in(lab, ports):
    """A full frontend leaves them in the backlog, which is emptied before its socket is closed."""
    write(lab, ("f", *ports[:2]), more="    maxconn 1\n")
    lab.start_brokers()
    start_proxy(lab, "-j", "1")
    held = mqtt.connect(ports[0], "held")
    waiting = [socket.create_connection(("127.0.0.1", ports[1]), timeout=20) for _ in range(5)]
    write(lab, ("f", ports[0]), more="    maxconn 1\n")
    reload(lab)
    for n, connection in enumerate(waiting):
        connection.sendall(mqtt.connect_packet(f"w{n}"))
        assert connection.recv(4) == b"\x20\2\0\0"
        connection.close()
    wait_for(lambda: is_refused(ports[1]), "the address to close")
    held.ping()
    held.close()


def test_address_in_use_refuses_the_whole_reload(lab, ports):
    write(lab, ("f", ports[0]))
    lab.start_brokers()
    start_proxy(lab)
    with socket.create_server(("127.0.0.1", ports[1])):
        write(lab, ("g", ports[2], ports[1]))
        reload(lab, "reload refused")
        assert re.search(rf"Starting frontend g: cannot bind socket \(Address already in use\) "
                         rf"\[127.0.0.1:{ports[1]}\]", lab.usher.log())
        assert mqtt.visit(ports[0], "x") == 0
        assert is_refused(ports[2])
    lab.usher.wait_log("session closed frontend=f ")
    reload(lab)
    assert mqtt.visit(ports[1], "x") == 0


def test_bad_file_changes_nothing(lab, ports):
    write(lab, ("f", ports[0]))
    lab.start_brokers()
    start_proxy(lab)
    held = mqtt.connect(ports[0], "held")
    write(lab, ("f", ports[1]), more="    no such keyword\n")
    reload(lab, "reload refused")
    assert mqtt.visit(ports[0], "x") == 0 and is_refused(ports[1])
    held.ping()
    held.close()


def test_nbthread_waits_for_a_restart(lab, ports):
    write(lab, ("f", ports[0]), more="global\n    nbthread 1\n" + HEAD)
    lab.start_brokers()
    start_proxy(lab)
    lab.usher.wait_log("workers=1 ")
    write(lab, ("f", ports[0]), more="global\n    nbthread 2\n" + HEAD)
    reload(lab)
    lab.usher.wait_log("nbthread differs")


def test_no_reload_while_it_leaves(lab, ports):
    write(lab, ("f", ports[0]))
    lab.start_brokers()
    start_proxy(lab)
    client = mqtt.connect(ports[0], "last")
    lab.usher.send_signal(signal.SIGUSR1)
    lab.usher.wait_log("stopping softly")
    write(lab, ("f", *ports[:2]))
    reload(lab, "reload refused")
    assert is_refused(ports[1])
    client.ping()
    client.close()


CAPABILITIES = "net_bind_service", "chown", "dac_read_search"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")
def test_reload_as_a_user_of_its_own(lab, ports, monkeypatch):
    """Root's file, and a port below 1024: as the unit starts it, with three capabilities."""
    private = next(port for port in range(1023, 512, -1) if is_refused(port))
    write(lab, ("f", ports[0]))
    lab.config.chmod(0o600)
    monkeypatch.setattr(laboratory, "USHER", shutil.copy(laboratory.USHER, lab.directory))
    lab.directory.chmod(0o755)
    granted = ",".join(f"+{c}" for c in CAPABILITIES)
    lab.wrapper = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                   f"--inh-caps={granted},+kill", f"--ambient-caps={granted},+kill"]
    lab.start_brokers()
    start_proxy(lab)
    status = Path(f"/proc/{lab.usher.pid}/status").read_text()
    assert re.search(r"^Uid:\s+65534\s", status, re.M)
    # 1 << CAP_CHOWN | 1 << CAP_DAC_READ_SEARCH | 1 << CAP_NET_BIND_SERVICE, and no CAP_KILL.
    assert int(re.search(r"CapPrm:\s+(\w+)", status)[1], 16) == 1 << 0 | 1 << 2 | 1 << 10
    assert int(re.search(r"CapEff:\s+(\w+)", status)[1], 16) == 1 << 0 | 1 << 2 | 1 << 10
    assert int(re.search(r"CapAmb:\s+(\w+)", status)[1], 16) == 0
    held = mqtt.connect(ports[0], "held")
    write(lab, ("f", private))
    lab.config.chmod(0o600)
    reload(lab)
    assert mqtt.visit(private, "x") == 0
    held.ping()
    held.close()
