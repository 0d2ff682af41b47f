"""One haproxy.cfg with a frontend of `mode http` for MQTT in WebSocket, behind HAProxy with usher as
its agent and behind `usher proxy`: the same rules lead to the same broker, refuse with the same
status, and show the broker the same client."""

import base64
import contextlib
import hashlib
import re
import socket
import threading

import pytest

import lab as laboratory
import websocket
from lab import Lab, free_port, wait_for
from test_websocket_beside_haproxy import POLICY as PROJECT_POLICY, WebSocketLab

CONFIG = """
global
    maxconn 500
    stats socket "unix@${USHER_RUN}/admin.sock" level operator
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch 1

frontend mqtt_ws
    bind "127.0.0.1:${USHER_MQTT_PORT}"
    timeout http-request 1s
    filter spoe engine usher config "${USHER_ETC}/spoe-usher.conf"
    acl is_acme path_beg /acme
    tcp-request content set-var(txn.lab) str(yes) if { hdr(host) -i lab.example }
    http-request deny if { path_beg /closed }
    http-request deny deny_status 429 if { path_end /busy }
    http-request return status 404 if { path /gone }
    http-request deny deny_status 401 if { path_beg /secret } !{ hdr_beg(authorization) Bearer }
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Tenant %[path,field(2,/)]-%[req.hdr(x-tenant)]
    http-request del-header X-Secret
    http-request add-header X-Added one
    http-request add-header X-Added %[hdr_cnt(x-added)]
    http-request set-header X-Split "%[urlp(split),url_dec]"
    http-request send-spoe-group usher usher-http
    http-request set-header X-Rule %[var(txn.usher.rule)]
    http-request deny deny_status 403 if { var(txn.usher.action) -m str reject }
    use_backend acme if is_acme
    use_backend lab if { var(txn.lab) -m found }
    use_backend by_cookie if { cook(pool) blue }
    use_backend seen if { urlp(seen) -m found }
    default_backend mqtt_backend

backend mqtt_backend
    use-server emqx1 if TRUE
    server emqx1 "127.0.0.1:${WS1}" check inter 500ms
    server emqx2 "127.0.0.1:${WS2}" check inter 500ms
    server emqx3 "127.0.0.1:${WS3}" check inter 500ms

backend acme
    server emqx2 "127.0.0.1:${WS2}"

backend lab
    http-request deny deny_status 503 if { path_sub maintenance }
    server emqx3 "127.0.0.1:${WS3}"

backend by_cookie
    balance hash req.hdr(x-device)
    server emqx1 "127.0.0.1:${WS1}"
    server emqx2 "127.0.0.1:${WS2}"
    server emqx3 "127.0.0.1:${WS3}"

backend seen
    http-request set-header X-Backend %[be_name]
    server recorder "127.0.0.1:${RECORDER}"

backend usher_agents
    mode tcp
    timeout connect 200ms
    option spop-check
    server usher "${USHER_AGENT}" check inter 500ms fall 1 rise 1
"""

POLICY = {"frontends": {"mqtt_ws": {"websocket": True}},
          "rules": [{"name": "no-admin", "if": {"path": {"prefix": "/admin"}}, "reject": "banned"}]}


class Recorder:
    """A broker that keeps the heads it was sent, and takes everybody."""

    def __init__(self):
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = connection.recv(1)
                if not piece:
                    return
                head += piece
            fields = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""]
                      for line in head.decode("latin-1").split("\r\n")[1:-2]]
            self.heads.append([(name.lower(), value) for name, value in fields])
            key = dict(self.heads[-1])["sec-websocket-key"]
            accept = base64.b64encode(hashlib.sha1(key.encode() + websocket.GUID).digest())
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               b"Connection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\n"
                               b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    connection.sendall(websocket.frame(b"\x20\2\0\0", mask=None))

    def close(self):
        self.listener.close()


class HttpMode(Lab):
    def __init__(self, door):
        super().__init__(POLICY)
        self.door = door
        self.recorder = Recorder()
        self.ws_ports = [free_port() for _ in self.brokers]
        for i, (broker, port) in enumerate(zip(self.brokers.values(), self.ws_ports)):
            broker.config = f"listener {port} 127.0.0.1\nprotocol websockets\n"
            self.extra_env[f"WS{i + 1}"] = str(port)
        self.extra_env["RECORDER"] = str(self.recorder.port)
        self.config = self.directory / "http.cfg"
        self.config.write_text(CONFIG)

    def start_brokers(self):
        super().start_brokers()
        for port in self.ws_ports:
            wait_for(lambda p=port: laboratory.accepts(p), "brokers to listen for WebSocket")

    def close(self):
        self.recorder.close()
        super().close()

    def place(self, client_id, **options):
        seen = self.seen(client_id)
        assert websocket.visit(self.ports["mqtt"], client_id, **options) == 0
        return wait_for(lambda: self.newest(client_id, seen), f"{client_id} at a broker")

    def seen_head(self, **options):
        """The fields that a broker got of this client."""
        n = len(self.recorder.heads)
        websocket.visit(self.ports["mqtt"], "seen", **options)
        return self.recorder.heads[n]

    def status(self, raw):
        with socket.create_connection(("127.0.0.1", self.ports["mqtt"]), timeout=10) as s:
            s.sendall(raw)
            answer = b""
            while b"\r\n\r\n" not in answer:
                piece = s.recv(4096)
                assert piece, answer
                answer += piece
        return int(answer.split()[1])


@pytest.fixture(scope="module", params=["haproxy", "proxy"])
def lab(request):
    with HttpMode(request.param) as one:
        yield one.start()


@pytest.fixture(scope="module")
def proxy():
    with HttpMode("proxy") as one:
        yield one.start()


@pytest.mark.parametrize("client_id, options, broker", [
    ("default", {}, "emqx1"),
    ("by-path", {"target": "/acme/mqtt"}, "emqx2"),
    ("by-host", {"vhost": "LAB.example"}, "emqx3"),
    ("path-first", {"target": "/acme", "vhost": "lab.example"}, "emqx2"),
    ("with-query", {"target": "/mqtt?path=/acme"}, "emqx1"),
    ("may-in", {"target": "/secret", "headers": [("Authorization", "Bearer x")]}, "emqx1"),
])
def test_rules_lead_to_the_same_broker(lab, client_id, options, broker):
    assert lab.place(client_id, **options) == broker


def test_a_hash_of_a_field_keeps_a_device_where_it_is(lab):
    """The map is HAProxy's own: these are its places, asked of it."""
    places = [lab.place(f"hash-{device}", headers=[("Cookie", "a=b; pool=blue"),
                                                   ("X-Device", device)])
              for device in ("sensor-1", "sensor-2", "pump-9", "valve")]
    assert places == ["emqx2", "emqx3", "emqx2", "emqx3"]


@pytest.mark.parametrize("options, status", [
    ({"target": "/closed/x"}, 403),
    ({"target": "/mqtt/busy"}, 429),
    ({"target": "/gone"}, 404),
    ({"target": "/secret"}, 401),
    ({"target": "/secret", "headers": [("Authorization", "Basic x")]}, 401),
])
def test_who_is_denied_by_the_head_gets_its_status(lab, options, status):
    with pytest.raises(websocket.Refused) as refused:
        websocket.visit(lab.ports["mqtt"], "denied", **options)
    assert refused.value.status == status


def test_the_broker_sees_what_rules_wrote(lab):
    head = lab.seen_head(target="/blue/mqtt?seen&seen=1&split=a%0d%0aX-Evil:%201",
                         headers=[("X-Forwarded-For", "10.9.9.9"), ("X-Tenant", "old"),
                                  ("X-Secret", "s"), ("X-Kept", "k")])
    fields = {}
    for name, value in head:
        fields.setdefault(name, []).append(value)
    assert fields["x-forwarded-for"] == ["127.0.0.1"]
    assert fields["x-tenant"] == ["blue-old"]
    assert fields["x-added"] == ["one", "1"]
    assert fields["x-backend"] == ["seen"]
    assert fields["x-kept"] == ["k"] and "x-secret" not in fields
    assert fields["host"] == ["broker.example"]
    assert fields["x-split"] == ["a%0D%0AX-Evil: 1"] and "x-evil" not in fields


def test_a_field_without_room_lets_nobody_through(proxy):
    """A broker may trust what a rule writes, or that it is there: its client cannot crowd it out."""
    n = len(proxy.recorder.heads)
    crowd = [(f"X-{i}", "1") for i in range(58)]
    with pytest.raises(websocket.Refused) as refused:
        websocket.visit(proxy.ports["mqtt"], "crowd", target="/mqtt?seen&seen=1", headers=crowd)
    assert refused.value.status == 500
    websocket.visit(proxy.ports["mqtt"], "fits", target="/mqtt?seen&seen=1", headers=crowd[:50])
    assert len(proxy.recorder.heads) == n + 1


def test_who_says_nothing_is_sent_away(lab):
    assert lab.status(b"GET /mqtt HTTP/1.1\r\nHost: x\r\n") == 408


def test_refused_by_the_verdict(lab):
    """HAProxy asks with the head alone and answers it; usher has waited for the CONNECT."""
    if lab.door == "haproxy":
        with pytest.raises(websocket.Refused) as refused:
            websocket.visit(lab.ports["mqtt"], "admin", target="/admin")
        assert refused.value.status == 403
        return
    with websocket.connect(lab.ports["mqtt"], "admin", target="/admin", level=5) as client:
        assert client.status == 101 and client.code == 0x8A
        assert client.read_close() == 1008


def test_a_backend_refuses_in_mqtt(proxy):
    with websocket.connect(proxy.ports["mqtt"], "late", vhost="lab.example",
                           target="/maintenance", level=5) as client:
        assert client.code == 0x88
        assert client.read_close() == 1008


@pytest.mark.parametrize("raw", [
    b"GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /closed HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /stats HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
])
def test_all_that_is_no_upgrade_is_told_so(proxy, raw):
    assert proxy.status(raw) == 426


def test_the_load_says_what_is_carried(proxy):
    log = proxy.usher.log()
    assert re.search(r"frontend 'mqtt_ws' of `mode http` is carried by usher proxy: for WebSocket "
                     r"alone; every other request is answered 426", log)
    assert re.findall(r"'([^']*)' is (?:ignored|refused) by usher proxy", log) == [
        "option spop-check"]


@pytest.fixture(scope="module")
def own():
    """The frontend of haproxy/haproxy.cfg, uncommented, without HAProxy."""
    policy = {**PROJECT_POLICY, "frontends": {"mqtt": {}, "mqtt_ws": {"websocket": True}}}
    with WebSocketLab(policy) as one:
        one.door = "proxy"
        one.start_brokers()
        for port in one.ws_ports.values():
            wait_for(lambda p=port: laboratory.accepts(p), "brokers to listen for WebSocket")
        one.start_usher(command="proxy")
        yield one


def test_the_projects_own_frontend_without_haproxy(own):
    """And with it what HAProxy cannot do: a client has the same broker over both transports."""
    assert own.place_ws("own-path", target="/mqtt/acme") == "emqx2"
    assert own.place_ws("own-host", vhost="lab.example") == "emqx1"
    for i in range(4):
        assert own.place_ws(f"own-{i}") == own.place(f"own-{i}")
    with websocket.connect(own.ports["ws"], "own-admin", target="/admin", level=5) as client:
        assert client.code == 0x8A and client.read_close() == 1008
