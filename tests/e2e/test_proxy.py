"""usher proxy: the same haproxy.cfg, without HAProxy."""

import os
import re
import signal
import socket
import struct
import subprocess
import threading

import pytest

import lab as laboratory
import mqtt
from lab import wait_for

PLAIN = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend plain
    bind 127.0.0.1:{port}
    default_backend brokers

backend brokers
    balance roundrobin
{servers}"""


def plain_config(lab, servers=None, **times):
    """One opaque frontend before the lab's brokers."""
    servers = servers or [f"server {b.name} 127.0.0.1:{b.port}" for b in lab.brokers.values()]
    text = PLAIN.format(port=lab.ports["mqtt"], servers="".join(f"    {s}\n" for s in servers))
    for name, value in times.items():
        text = re.sub(rf"timeout {name} \S+", f"timeout {name} {value}", text)
    lab.config = lab.directory / "plain.cfg"
    lab.config.write_text(text)


def start_proxy(lab, *options):
    lab.start_usher(*options, command="proxy")


def sessions_closed(lab, reason):
    return lab.usher.log().count(f"reason={reason} ")


def test_ten_clients_reach_three_brokers(lab):
    plain_config(lab)
    lab.start_brokers()
    start_proxy(lab)
    ids = [f"c{i}" for i in range(10)]
    clients = [mqtt.connect(lab.ports["mqtt"], i) for i in ids]
    assert sorted(lab.spread(ids).values()) == [3, 3, 4]
    for client in clients:
        client.ping()
        client.close()
    wait_for(lambda: lab.usher.log().count("session closed") == 10, "ten ends")


def test_projects_own_file_serves_without_haproxy(lab):
    lab.start_brokers()
    start_proxy(lab)
    ids = [f"c{i}" for i in range(10)]
    homes = {i: lab.place(i) for i in ids}
    assert sorted(list(homes.values()).count(b) for b in lab.brokers) == [3, 3, 4]
    assert {i: lab.place(i) for i in reversed(ids)} == homes


POLICY = {
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    "tenants": {"acme": {"backend": "acme_backend", "max_connections": 2},
                "own": {"identity": {"client_id": "equals", "to": "username"}}},
    "rules": [{"name": "old", "if": {"protocol": "3.1"}, "reject": "banned"}],
}


@pytest.mark.policy(POLICY)
def test_refusals_come_in_the_clients_version(lab):
    lab.start_brokers()
    start_proxy(lab)
    port = lab.ports["mqtt"]
    for level, options, connack in (
            (3, {}, b"\x20\x02\x00\x05"),
            (4, {"client_id": "own-1", "username": "eve"}, b"\x20\x02\x00\x05"),
            (5, {"client_id": "own-1", "username": "eve"}, b"\x20\x03\x00\x87\x00"),
            (0x84, {"client_id": "own-1", "username": "eve"}, b"\x20\x02\x00\x05"),
            (6, {}, b"\x20\x03\x00\x84\x00")):
        with mqtt.Client(port) as client:
            client.send(mqtt.connect_packet(options.pop("client_id", "x"), level=level, **options)
                        + mqtt.publish_packet("a", b"unread"))
            assert client.receive(len(connack)) == connack, level
            assert client.is_closed()
    assert mqtt.visit(port, "own-1", username="own-1") == 0


def test_refused_by_the_protocol_is_not_refused_by_the_verdict(lab):
    lab.start_brokers()
    start_proxy(lab)
    with mqtt.Client(lab.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet("x", level=6))
        assert client.receive(5) == b"\x20\x03\x00\x84\x00"
        assert client.is_closed()
    lab.usher.wait_log("session closed .*reason=not_mqtt state=refused")


@pytest.mark.policy({**POLICY, "tenants": {"acme": {}}})
def test_quota_that_comes_with_a_reload_counts_those_already_there(lab):
    lab.start_brokers()
    start_proxy(lab)
    held = [mqtt.connect(lab.ports["mqtt"], f"acme-{i}") for i in range(2)]
    lab.write_policy({**POLICY, "tenants": {"acme": {"max_connections": 2}}})
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done")
    wait_for(lambda: mqtt.visit(lab.ports["mqtt"], "acme-new") == 3, "the quota to hold")
    for client in held:
        client.close()
    wait_for(lambda: mqtt.visit(lab.ports["mqtt"], "acme-new") == 0, "room again")


@pytest.mark.policy(POLICY)
def test_quota_is_exact_under_churn(lab, count):
    lab.start_brokers()
    start_proxy(lab, "-j", "2")
    port, lock, now, most = lab.ports["mqtt"], threading.Lock(), [0], [0]
    codes = []

    def churn(n):
        for i in range(count(30, 300)):
            client = mqtt.connect(port, f"acme-{n}-{i}")
            codes.append(client.code)
            if client.code == 0:
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                client.ping()
                with lock:
                    now[0] -= 1
            client.close()

    threads = [threading.Thread(target=churn, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) == {0, 3} and most[0] <= 2
    wait_for(lambda: mqtt.visit(port, "acme-probe") == 0, "room again")
    held = [mqtt.connect(port, "acme-held-0")]
    wait_for(lambda: held.append(mqtt.connect(port, f"acme-held-{len(held)}"))
             or [c.code for c in held].count(0) == 2, "the probe's place")
    assert mqtt.visit(port, "acme-one-too-many") == 3


def test_connect_cut_at_every_byte(lab):
    lab.start_brokers()
    start_proxy(lab)
    whole = mqtt.connect_packet("cut", level=5, username="u", password="p")
    for at in range(1, len(whole)):
        with mqtt.Client(lab.ports["mqtt"]) as client:
            client.send(whole[:at])
            client.send(whole[at:])
            assert client.read_connack() == 0, at
    with mqtt.Client(lab.ports["mqtt"]) as client:
        for byte in whole:
            client.send(bytes([byte]))
        assert client.read_connack() == 0


def test_garbage_never_reaches_a_broker(lab):
    lab.start_brokers()
    start_proxy(lab)
    for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\x20\x02\x00\x00",
                   b"\x10\x80\x80\x80\x80\x01", b"\x30\x00"):
        with mqtt.Client(lab.ports["mqtt"]) as client:
            client.send(bytes_)
            assert client.is_closed(), bytes_
    assert sessions_closed(lab, "not_mqtt") == 5
    assert not any(b.arrivals() for b in lab.brokers.values())


def test_connect_of_one_byte_a_second_is_cut_at_the_delay(lab):
    lab.edit_config(("tcp-request inspect-delay 10s", "tcp-request inspect-delay 300ms"))
    lab.start_brokers()
    start_proxy(lab)
    with mqtt.Client(lab.ports["mqtt"]) as client:
        client.send(b"\x10")
        assert client.is_closed()
    lab.usher.wait_log("reason=connect_late")


def test_dead_broker_costs_nothing(lab):
    plain_config(lab)
    lab.start_brokers()
    start_proxy(lab)
    lab.brokers["emqx2"].process.kill()
    for i in range(6):
        assert mqtt.visit(lab.ports["mqtt"], f"c{i}") == 0
    for broker in lab.brokers.values():
        if broker.process.running:
            broker.process.kill()
    with mqtt.Client(lab.ports["mqtt"]) as client:
        assert client.is_closed()
    lab.usher.wait_log("reason=connect_failed")


def test_silent_server_is_left_after_timeout_connect(lab):
    """A listener whose backlog is full answers no SYN."""
    with socket.socket() as full, socket.socket() as filler, socket.socket() as filler2:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for s in (filler, filler2):
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        good = lab.brokers["emqx1"]
        plain_config(lab, [f"server full 127.0.0.1:{full.getsockname()[1]}",
                           f"server good 127.0.0.1:{good.port}"], connect="200ms")
        good.start()
        start_proxy(lab)
        for i in range(2):
            assert mqtt.visit(lab.ports["mqtt"], f"c{i}") == 0


def test_slow_reader_gets_every_byte(lab, count):
    """1 MiB both ways through back-pressure: what the reader does not take is not read either."""
    size = count(1, 16) << 20
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        plain_config(lab, [f"server echo 127.0.0.1:{listener.getsockname()[1]}"])
        start_proxy(lab)
        client = socket.create_connection(("127.0.0.1", lab.ports["mqtt"]), timeout=20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        server, _ = listener.accept()
        server.settimeout(20)
        sent = os.urandom(1 << 16) * (size >> 16)

        def echo():
            while piece := server.recv(1 << 16):
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)

        def write():
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)

        threads = [threading.Thread(target=f) for f in (echo, write)]
        for thread in threads:
            thread.start()
        got = bytearray()
        while piece := client.recv(1 << 14):
            got += piece
        for thread in threads:
            thread.join()
        assert bytes(got) == sent
        client.close()
        server.close()
    lab.usher.wait_log(f"reason=done state=relay in={size} out={size} ")


def test_client_stays_where_it_was_taken_in(lab):
    """Its broker is dead for one connect: the entry follows the client to the next one."""
    lab.start_brokers()
    start_proxy(lab)
    home = lab.place("x")
    lab.brokers[home].process.kill()
    refuge = lab.place("x")
    assert refuge != home
    lab.brokers[home].start()
    assert [lab.place("x") for _ in range(3)] == [refuge] * 3


def test_half_close_is_passed_on(lab):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        plain_config(lab, [f"server one 127.0.0.1:{listener.getsockname()[1]}"])
        start_proxy(lab)
        client = socket.create_connection(("127.0.0.1", lab.ports["mqtt"]), timeout=10)
        server, _ = listener.accept()
        server.settimeout(10)
        server.sendall(b"server speaks first")
        assert client.recv(100) == b"server speaks first"
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert server.recv(100) == b"last words" and server.recv(100) == b""
        server.sendall(b"still here")
        assert client.recv(100) == b"still here"
        server.close()
        assert client.recv(100) == b""


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_reset_in_every_state(lab):
    lab.start_brokers()
    start_proxy(lab)
    port = lab.ports["mqtt"]
    whole = mqtt.connect_packet("r")
    for sent in (b"", whole[:5], whole, whole + mqtt.PINGREQ):
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        client.sendall(sent)
        reset(client)
    client = mqtt.connect(port, "relay")
    reset(client.socket)
    wait_for(lambda: lab.usher.log().count("session closed") == 5, "five ends")
    assert mqtt.visit(port, "after") == 0


def test_idle_session_ends_at_the_timeout(lab):
    plain_config(lab, client="500ms", server="500ms")
    lab.start_brokers()
    start_proxy(lab)
    with mqtt.connect(lab.ports["mqtt"], "idle") as client:
        assert client.is_closed()
    lab.usher.wait_log("reason=client_timeout")


def test_real_clients_publish_and_subscribe(lab, count):
    lab.start_brokers()
    start_proxy(lab)
    port = str(lab.ports["mqtt"])
    size = count(1 << 18, 1 << 20)
    payload = lab.directory / "payload"
    payload.write_bytes(os.urandom(size))
    for qos in ("0", "1", "2"):
        # Both ids go to one broker: mosquitto nodes are no cluster.
        home = {i: lab.place(i) for i in (f"pub{qos}", f"sub{qos}", f"spare{qos}")}
        pairs = [i for i in home if list(home.values()).count(home[i]) > 1]
        publisher, subscriber = pairs[:2] if len(pairs) > 1 else (None, None)
        if not publisher:
            subscriber = f"sub{qos}"
            publisher = next(p for p in (f"more{qos}{n}" for n in range(9))
                             if lab.place(p) == home[subscriber])
        listener = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-i", subscriber, "-t", "t",
             "-q", qos, "-C", "1", "-N"],
            stdout=subprocess.PIPE)
        broker = lab.brokers[home[subscriber]]
        wait_for(lambda b=broker, s=subscriber: f"Sending SUBACK to {s}" in b.process.log(),
                 "the subscription")
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-i", publisher,
                        "-t", "t", "-q", qos, "-f", str(payload)], check=True, timeout=30)
        assert listener.communicate(timeout=30)[0] == payload.read_bytes()


def test_reload_touches_no_session(lab):
    policy = {"rules": [{"name": "new", "if": {"client_id": "later"}, "reject": "banned"}]}
    lab.policy = lab.write_policy({})
    lab.start_brokers()
    start_proxy(lab)
    port = lab.ports["mqtt"]
    held = mqtt.connect(port, "held")
    lab.write_policy(policy)
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done")
    held.ping()
    assert mqtt.visit(port, "later") == 5
    lab.write_policy("{")
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload refused")
    held.ping()
    assert mqtt.visit(port, "later") == 5
    held.close()


def check_only(command, *options):
    done = subprocess.run([*command, "-c", *map(str, options)], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def test_what_is_lost_is_said_and_dangerous_lines_are_refused(lab):
    lab.config = lab.directory / "x.cfg"
    lab.config.write_text("""
global
    chroot /var/lib/haproxy
frontend f
    mode tcp
    bind 127.0.0.1:1 transparent
    tcp-request content reject if { src 10.0.0.0/8 }
    default_backend b
backend b
    mode tcp
    option splice-auto
    server s 127.0.0.1:2 check socks4 127.0.0.1:3
peers p
    peer a 127.0.0.1:3
""")
    code, _, said = check_only([laboratory.USHER, "proxy"], "-f", lab.config)
    assert code == 1
    for line, word, level in ((3, "'chroot'", "WARNING"), (6, "'transparent' of 'bind'", "ALERT"),
                              (11, "'option splice-auto'", "WARNING"),
                              (12, "'socks4' of 'server'", "ALERT"),
                              (13, "section 'peers p'", "WARNING")):
        assert re.search(rf"\[{level}\].*x.cfg:{line}\] : {re.escape(word)} is ", said), said
    assert "x.cfg:7]" not in said


@pytest.mark.parametrize("text, code", [
    ("listen l\n mode tcp\n bind 127.0.0.1:1\n timeout client 1s\n timeout server 1s\n"
     " timeout connect 1s\n server s 127.0.0.1:2\n", 0),
    ("", 2),
    ("global\n maxconn 10\n", 2),
    ("listen l\n mode tcp\n disabled\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n", 2),
    ("listen l\n mode tcp\n bind 127.0.0.1:1\n server s 127.0.0.1:2 unheard-of\n"
     " server t 127.0.0.1:x\n", 1),
])
def test_check_says_what_haproxy_says(lab, text, code):
    """Exit code, standard output, and the alerts but for the process's id."""
    config = lab.directory / "x.cfg"
    config.write_text(text)

    def alerts(said):
        return [re.sub(r"\(\d+\)", "", line) for line in said.splitlines() if "ALERT" in line]

    for options in ((), ("-V",), ("-q", "-V")):
        ours = check_only([laboratory.USHER, "proxy"], *options, "-f", config)
        theirs = check_only(["haproxy"], *options, "-f", config)
        assert ours[0] == theirs[0] == code and ours[1] == theirs[1]
        assert alerts(ours[2]) == alerts(theirs[2])
    assert check_only([laboratory.USHER, "proxy"], "-q", "-f", config) == (code, "", "")


def test_check_counts_warnings_as_haproxy_does(lab):
    config = lab.directory / "x.cfg"
    config.write_text("global\n chroot /\nlisten l\n mode tcp\n bind 127.0.0.1:1\n")
    code, said, _ = check_only([laboratory.USHER, "proxy"], "-f", config)
    assert (code, said) == (0, "Warnings were found.\nConfiguration file is valid\n")


def test_proxy_without_listeners_does_not_start(lab):
    config = lab.directory / "x.cfg"
    config.write_text("backend b\n mode tcp\n server s 127.0.0.1:1\n")
    done = subprocess.run([laboratory.USHER, "proxy", "-f", str(config)], capture_output=True,
                          text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert "No enabled listener found (check for 'bind' directives) ! Exiting." in done.stderr


CONNECTS = [{"client_id": c, "level": v, "username": u}
            for c in ("plain", "acme-1", "own-1", "lab7", "x" * 300, "ünï")
            for v in (4, 5) for u in (None, "own-1")]


@pytest.mark.policy({**POLICY, "rules": POLICY["rules"] + [
    {"name": "pin", "if": {"client_id": {"prefix": "lab"}}, "server": "emqx2"}]})
def test_both_doors_decide_alike(lab):
    """The same CONNECTs through HAProxy and agent, and through the proxy: equal verdicts."""
    def verdicts():
        for connect in CONNECTS:
            mqtt.visit(lab.ports["mqtt"], **connect)
        wanted = r"verdict (action=.*? )source=\S+ (frontend=.*?) sticky_age_s"
        return wait_for(lambda: (v := re.findall(wanted, lab.usher.log())) and
                        len(v) == len(CONNECTS) and v, "all verdicts")

    lab.start("-j", "1")
    through_haproxy = verdicts()
    lab.haproxy.stop()
    lab.haproxy = None
    assert lab.usher.stop() == 0
    start_proxy(lab, "-j", "1")
    assert verdicts() == through_haproxy
