"""usher proxy checks the servers itself, as HAProxy would, and says so in its words."""

import itertools
import re
import signal
import socket
import threading

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from puppet import Puppet

BASE = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s
{defaults}
frontend plain
    bind 127.0.0.1:{port}
    default_backend b

backend b
{lines}"""


class Answerer:
    """A server on strings: `serve(socket, n)` gets each connection and its number, from 0."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.serve, self.count, self.ended = serve, itertools.count(), threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with connection:
            connection.settimeout(20)
            try:
                self.serve(connection, next(self.count))
            except OSError:
                pass

    def stop(self):
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def http(*codes):
    """Answers with these status codes in turn, the last one for ever."""
    def serve(connection, n):
        connection.recv(4096)
        code = codes[min(n, len(codes) - 1)]
        connection.sendall(b"HTTP/1.0 %d Because\r\n\r\nhello" % code)
    return serve


def says(text, ask=True):
    def serve(connection, _):
        if ask:
            connection.recv(4096)
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(4096)
    return serve


def silent(connection, _):
    while connection.recv(4096):
        pass


def config(lab, lines, defaults=""):
    lab.config = lab.directory / "health.cfg"
    lab.config.write_text(BASE.format(port=lab.ports["mqtt"], defaults=defaults,
                                      lines="".join(f"    {line}\n" for line in lines)))


def start_proxy(lab, *options):
    lab.start_usher(*options, command="proxy")


def wait_state(lab, server, state, after=0):
    return lab.usher.wait_log(rf"server changed backend=\S+ server={server} state={state}", after=after)


# ---- against the real one ------------------------------------------------------------------------

SENTENCE = re.compile(r"(?m)((?:Health check for |Backup Server |Server |backend |proxy ).*(?:requeued, "
                      r"\d+ (?:total|remaining) in queue\.|status: \d+/\d+ \w+\.|available!))$")


def sentences(text):
    """HAProxy's sentences in a log, without what a clock decides."""
    return [re.sub(r"duration: \d+ms", "duration: Nms", s) for s in SENTENCE.findall(text)]


def fast(*options):
    return "check inter 100ms rise 2 fall 3" + "".join(f" {o}" for o in options)


LOG = "option log-health-checks"
TCP = "option tcp-check"
HTTP = "option httpchk"

# name: server behaviour (None: nobody listens), lines of the backend, how many sentences to compare
CASES = {
    "refused": (None, [f"server s 127.0.0.1:PORT {fast()}"], 2),
    "refused_all_logged": (None, [LOG, f"server s 127.0.0.1:PORT {fast()}"], 3),
    "connected": (silent, [LOG, f"server s 127.0.0.1:PORT {fast()}"], 1),
    "backup": (http(200, 500, 500, 500, 200), [
        HTTP, f"server s 127.0.0.1:PORT {fast('backup')}"], 3),
    "flapping": (http(200, 500, 500, 200, 500, 500, 500, 200, 500, 200), [
        LOG, HTTP, f"server s 127.0.0.1:PORT {fast()}"], 14),
    "flapping_unlogged": (http(200, 500, 500, 200, 500, 500, 500, 200, 500, 200), [
        HTTP, f"server s 127.0.0.1:PORT {fast()}"], 3),
    "drained_by_404": (http(200, 404, 404, 200, 404, 500, 500, 500, 404, 200, 200, 200), [
        LOG, HTTP, "http-check disable-on-404", f"server s 127.0.0.1:PORT {fast()}"], 16),
    "http_expect_string": (http(200), [
        HTTP, "http-check expect string nobody", f"server s 127.0.0.1:PORT {fast()}"], 2),
    "http_expect_no_string": (http(200), [
        HTTP, "http-check expect comment why ! string hello",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "http_expect_status": (http(200), [
        HTTP, "http-check expect status 201,300-310", f"server s 127.0.0.1:PORT {fast()}"], 2),
    "http_expect_rstatus": (http(200), [
        LOG, HTTP, "http-check expect ! rstatus ^5", f"server s 127.0.0.1:PORT {fast()}"], 1),
    "http_garbage": (says(b"garbage\r\n\r\n"), [
        HTTP, f"server s 127.0.0.1:PORT {fast()}"], 2),
    "http_closed": (says(b""), [HTTP, f"server s 127.0.0.1:PORT {fast()}"], 2),
    "http_silent": (silent, [HTTP, f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_connack": (says(b"\x20\2\0\2"), [
        LOG, TCP, "tcp-check send-binary 100c00044d5154540400003c0000",
        "tcp-check expect binary 20020002", f"server s 127.0.0.1:PORT {fast()}"], 1),
    "script_wrong_connack": (says(b"\x20\2\0\5"), [
        TCP, "tcp-check connect", "tcp-check comment ask",
        "tcp-check send-binary 100c00044d5154540400003c0000",
        "tcp-check expect comment answer binary 20020002",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_string": (says(b"welcome\r\n", ask=False), [
        LOG, TCP, "tcp-check expect string come", f"server s 127.0.0.1:PORT {fast()}"], 1),
    "script_no_string": (says(b"welcome\r\n", ask=False), [
        TCP, "tcp-check expect string foo", f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_negated_regex": (says(b"welcome\r\n", ask=False), [
        TCP, "tcp-check expect ! rstring w.l", f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_rbinary": (says(b"*\r\n", ask=False), [
        LOG, TCP, "tcp-check expect rbinary ^2A", f"server s 127.0.0.1:PORT {fast()}"], 1),
    "script_min_recv": (says(b"welcome\r\n", ask=False), [
        TCP, "tcp-check expect min-recv 3 string zzzz", f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_empty": (says(b""), [
        TCP, "tcp-check send hello", "tcp-check expect string foo",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_silent": (silent, [
        TCP, "tcp-check connect", "tcp-check send hello", "tcp-check expect string foo",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_statuses": (says(b"welcome\r\n", ask=False), [
        TCP, "tcp-check expect error-status L7STS on-error not\\ me string foo",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_refused": (None, [
        TCP, "tcp-check comment first", "tcp-check connect",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_refused_elsewhere": (silent, [
        TCP, "tcp-check connect", "tcp-check connect port 1",
        f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_without_connect_refused": (None, [
        TCP, "tcp-check send hello", f"server s 127.0.0.1:PORT {fast()}"], 2),
    "script_only_send": (silent, [
        LOG, TCP, "tcp-check send hello", f"server s 127.0.0.1:PORT {fast()}"], 1),
    "script_only_connect": (silent, [
        LOG, TCP, "tcp-check connect", f"server s 127.0.0.1:PORT {fast()}"], 1),
    "two_active_one_backup": (None, [
        f"server s 127.0.0.1:PORT {fast()}", "server t 127.0.0.1:1",
        "server u 127.0.0.1:1 backup"], 1),
    "only_backup_left": (None, [
        f"server s 127.0.0.1:PORT {fast()}", "server u 127.0.0.1:1 backup"], 1),
    "tracked": (None, [
        f"server s 127.0.0.1:PORT {fast()}", "backend c", "server t 127.0.0.1:1 track b/s",
        "server u 127.0.0.1:1 track t"], 5),
}


def run_haproxy(lab, n):
    path = lab.directory / "against.cfg"
    path.write_text("global\n log stdout format raw local0\n" +
                    lab.config.read_text().replace("mode tcp", "mode tcp\n log global"))
    real = laboratory.Process("against", ["haproxy", "-db", "-f", str(path)], lab.directory)
    # It says each of them on its terminal as well, in other dress.
    raw = re.compile(r"(?m)^\[.*\n")
    try:
        wait_for(lambda: len(sentences(raw.sub("", real.log()))) >= n, f"{n} sentences of HAProxy")
        return sentences(raw.sub("", real.log()))[:n]
    finally:
        real.kill()


def same_sentences(lab, serve, lines, n):
    """What HAProxy says of that server, once usher has said the same."""
    said = []
    for run in ("haproxy", "usher"):
        server = Answerer(serve) if serve else None
        port = server.port if server else laboratory.free_port()
        config(lab, [line.replace("PORT", str(port)) for line in lines])
        if run == "haproxy":
            said.append(run_haproxy(lab, n))
        else:
            start_proxy(lab)
            wait_for(lambda: len(sentences(lab.usher.log())) >= n,
                     f"{n} sentences, as HAProxy's: {said[0]}")
            said.append(sentences(lab.usher.log())[:n])
        if server:
            server.stop()
    assert said[1] == said[0]
    return said[0]


@pytest.mark.parametrize("name", CASES)
def test_same_sentences_as_haproxy(lab, name):
    same_sentences(lab, *CASES[name])


# ---- failure stories -----------------------------------------------------------------------------

def test_dead_broker_is_avoided_and_comes_back(lab):
    """Without retries: a client that were sent to the dead one would be lost."""
    lab.start_brokers()
    config(lab, [f"server {b.name} 127.0.0.1:{b.port} check inter 100ms fall 2 rise 2"
                 for b in lab.brokers.values()], defaults="    retries 0\n")
    start_proxy(lab)
    lab.brokers["emqx2"].process.kill()
    wait_state(lab, "emqx2", "down")
    lab.usher.wait_log(r"Server b/emqx2 is DOWN, reason: Layer4 connection problem, "
                       r'info: "Connection refused", check duration: \d+ms. '
                       r"2 active and 0 backup servers left.")
    ids = [f"c{i}" for i in range(6)]
    assert set(lab.place(i) for i in ids) == {"emqx1", "emqx3"}
    lab.brokers["emqx2"].start()
    wait_state(lab, "emqx2", "up")
    wait_for(lambda: lab.place("again") == "emqx2", "emqx2 to be used again")


def test_clients_notice_before_the_next_check(lab):
    """One check every half minute: a broker that dies in between is out with its first client."""
    lab.start_brokers()
    config(lab, [LOG, *[f"server {b.name} 127.0.0.1:{b.port} check inter 30s fall 1"
                        for b in list(lab.brokers.values())[:2]]])
    start_proxy(lab)
    lab.usher.wait_log("Health check for server b/emqx1 succeeded")
    lab.brokers["emqx1"].process.kill()
    for i in range(2):
        assert lab.place(f"c{i}") == "emqx2"
    lab.usher.wait_log('Health check for server b/emqx1 failed, reason: Health analyze, info: '
                       '"Detected 1 consecutive errors, last one was: L4 unsuccessful connection"')
    wait_state(lab, "emqx1", "down")


def test_nobody_left_is_said_once(lab):
    lab.start_brokers()
    config(lab, [f"server {b.name} 127.0.0.1:{b.port} check inter 100ms fall 1"
                 for b in lab.brokers.values()])
    start_proxy(lab)
    for broker in lab.brokers.values():
        broker.process.kill()
    lab.usher.wait_log("backend b has no server available!")
    with mqtt.Client(lab.ports["mqtt"]) as client:
        assert client.is_closed()
    assert lab.usher.log().count("has no server available") == 1


PROBE = {"backends": {"b": {"probe": "mqtt"}}}


@pytest.mark.policy(PROBE)
def test_mqtt_probe_drains_an_evacuating_broker(lab):
    answer = [b"\x20\2\0\2"]
    puppet = Puppet("emqx2", lambda connect: answer[0]).start()
    other = lab.brokers["emqx1"].start()
    lab.brokers = {"emqx1": other, "emqx2": puppet}
    config(lab, [f"server emqx1 127.0.0.1:{other.port} check inter 100ms",
                 f"server emqx2 127.0.0.1:{puppet.port} check inter 100ms"])
    start_proxy(lab)
    wait_for(lambda: puppet.connects, "a probe")
    assert puppet.connects[0] == bytes.fromhex("100c00044d5154540400003c0000")
    answer[0] = b"\x20\2\0\3"
    wait_state(lab, "emqx2", "drain")
    lab.usher.wait_log("Server b/emqx2 is stopping, reason: Layer7 check conditionally passed, "
                       'code: 3, info: "evacuating"')
    assert [lab.place(f"c{i}") for i in range(4)] == ["emqx1"] * 4
    at = len(lab.usher.log())
    answer[0] = b"\x20\2\0\2"
    wait_state(lab, "emqx2", "up", after=at)


@pytest.mark.policy(PROBE)
def test_mqtt_probe_leaves_no_session_and_takes_any_connack(lab):
    """mosquitto refuses it; a broker that took it would be told goodbye."""
    heard = []

    def broker(connection, _):
        connection.recv(4096)
        connection.sendall(b"\x20\2\0\0")
        heard.append(connection.recv(4096))

    taker = Answerer(broker)
    mosquitto = lab.brokers["emqx1"].start()
    config(lab, [LOG, f"server m 127.0.0.1:{mosquitto.port} check inter 100ms",
                 f"server t 127.0.0.1:{taker.port} check inter 100ms"])
    start_proxy(lab)
    for name, code in (("m", 2), ("t", 0)):
        lab.usher.wait_log(f"Health check for server b/{name} succeeded, reason: Layer7 check "
                           f"passed, code: {code}, info: \"\\(mqtt\\)\"")
    wait_for(lambda: heard, "the farewell")
    assert heard[0] == b"\xe0\0"
    assert mosquitto.arrivals() == []
    taker.stop()


@pytest.mark.policy({"backends": {"b": {"probe": {"emqx": 1}}}})
def test_emqx_probe_asks_the_api(lab):
    codes, asked = [200], []

    def api(connection, _):
        asked.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % codes[0])

    server = Answerer(api)
    lab.write_policy({"backends": {"b": {"probe": {"emqx": server.port}}}})
    config(lab, [f"server s 127.0.0.1:{laboratory.free_port()} check inter 100ms fall 1 rise 1"])
    start_proxy(lab)
    for code, state in ((503, "drain"), (404, "up"), (500, "down"), (401, "up"), (503, "drain"),
                        (200, "up")):
        at = len(lab.usher.log())
        codes[0] = code
        wait_state(lab, "s", state, after=at)
    assert asked[0].startswith(b"GET /api/v5/load_rebalance/availability_check HTTP/1.1\r\n")
    server.stop()


def test_frozen_broker_passes_a_tcp_check_and_fails_a_probe(lab):
    frozen = lab.brokers["emqx1"].start()
    config(lab, [LOG, f"server plain 127.0.0.1:{frozen.port} check inter 100ms fall 1", "backend c",
                 LOG, f"server asked 127.0.0.1:{frozen.port} check inter 100ms fall 1"])
    lab.policy = lab.write_policy({"backends": {"c": {"probe": "mqtt"}}})
    start_proxy(lab)
    lab.usher.wait_log("Health check for server c/asked succeeded")
    frozen.process.send_signal(signal.SIGSTOP)
    wait_state(lab, "asked", "down")
    lab.usher.wait_log("Health check for server c/asked failed, reason: Layer7 timeout")
    frozen.process.send_signal(signal.SIGCONT)
    wait_state(lab, "asked", "up")
    assert "server=plain state=down" not in lab.usher.log()


def test_reload_keeps_what_is_known(lab):
    """Down stays down without a word; a server that is checked no longer counts as up."""
    dead = laboratory.free_port()
    lines = [f"server s 127.0.0.1:{dead} check inter 100ms", f"server t 127.0.0.1:{dead} check"]
    config(lab, lines)
    start_proxy(lab)
    for server in "st":
        wait_state(lab, server, "down")
    at = len(lab.usher.log())
    config(lab, [lines[0], lines[1].removesuffix(" check")])
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log("reload done", after=at)
    with mqtt.Client(lab.ports["mqtt"]) as client:
        assert client.is_closed()
    lab.usher.wait_log("session closed .*server=t reason=connect_failed", after=at)
    assert "server=s" not in lab.usher.log()[at:]


def test_engines_own_backend_is_not_checked(lab):
    """The project's own file: its agent is usher itself, and nobody stands there."""
    lab.start_brokers()
    start_proxy(lab)
    lab.brokers["emqx1"].process.kill()
    wait_state(lab, "emqx1", "down")
    assert "server=usher " not in lab.usher.log()


def test_many_servers_are_not_asked_at_once(lab):
    """Three checks a second each: the first round is spread over the interval."""
    times = []
    server = Answerer(lambda connection, n: times.append(n))
    config(lab, [LOG, *[f"server s{i} 127.0.0.1:{server.port} check inter 1s" for i in range(3)]])
    start_proxy(lab)
    said = wait_for(lambda: (f := re.findall(r"(?m)^\S+T\S+:(\d+\.\d+)Z .*Health check for server "
                                             r"b/s(\d)", lab.usher.log())) and len(f) == 3 and f,
                    "three checks")
    seconds = [float(s) for s, _ in said]
    gaps = [(b - a) % 60 for a, b in zip(seconds, seconds[1:])]
    assert all(0.2 < gap < 0.6 * laboratory.SLOW for gap in gaps), gaps
    server.stop()


def test_errors_in_checks_are_haproxys(lab):
    lines = ["option httpchk", "http-check expect", "http-check expect status 300-200",
             "http-check send foo", "http-check connect port 0", "http-check expect string",
             "http-check connect", "http-check expect status 200",
             "server s 127.0.0.1:1 check"]
    config(lab, lines)
    texts = []
    for argv in (["haproxy", "-c", "-f"], [laboratory.USHER, "proxy", "-c", "-f"]):
        name = f"check{len(texts)}"
        process = laboratory.Process(name, [*argv, str(lab.config)], lab.directory)
        assert process.child.wait(20) == 1
        texts.append(re.findall(r"parsing \[.*http-check.*", process.log()))
        process.log_file.close()
    assert texts[1] == texts[0] and len(texts[0]) == 6


