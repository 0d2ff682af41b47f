"""MQTT over WebSocket through HAProxy in mode http: usher is told of path, query, host and headers,
and of no client id. The frontend and the backend are those of haproxy/haproxy.cfg, uncommented."""

import os
import re
import subprocess

import pytest

import lab as laboratory
import mqtt
import websocket
from lab import USHER, Lab, free_port, wait_for
from test_policy_tls import Certificates

TENANTS = {"acme": {"servers": ["emqx2"]}, "beta": {"max_connections": 1}}
POLICY = {
    "tenant_from": [{"path": "^/mqtt/(?<tenant>[a-z]+)$"}],
    "tenants": TENANTS,
    "rules": [
        {"name": "no-admin", "if": {"path": {"prefix": "/admin"}}, "reject": "banned"},
        {"name": "slow-down", "if": {"query": {"regex": "(^|&)again(&|$)"}},
         "reject": "rate_exceeded"},
        {"name": "lab", "if": {"host": "lab.example", "transport": "ws"}, "server": "emqx1"},
        {"name": "canary", "if": {"query": {"prefix": "canary="}}, "server": "emqx1"},
        {"name": "region", "if": {"header.X-Region": {"suffix": "eu"}}, "server": "emqx2"},
    ],
}


class WebSocketLab(Lab):
    def __init__(self, policy):
        super().__init__(policy)
        self.admin = f"unix@{self.directory}/usher.sock"
        self.write_policy({**policy, "admin": {"listen": self.admin}})
        self.ports["ws"] = free_port()
        self.extra_env = {"USHER_WS_PORT": str(self.ports["ws"])}
        self.ws_ports = {}
        for name, broker in self.brokers.items():
            port = self.ws_ports[name] = free_port()
            broker.config = f"listener {port} 127.0.0.1\nprotocol websockets"
            self.extra_env[f"USHER_{name.upper()}_WS"] = f"127.0.0.1:{port}"
        self.uncomment()

    def run(self, *command):
        """A command that reads the same files."""
        return subprocess.run(command, env={**os.environ, **self.env()}, capture_output=True,
                              text=True, timeout=30)

    def uncomment(self):
        """The project's own lines, with a header that is told to usher."""
        before, ours = self.config.read_text().split("# MQTT over WebSocket -", 1)
        ours, after = ours.split("\n# usher -", 1)
        self.config = self.directory / "haproxy.cfg"
        self.config.write_text(f"{before}# -"
                               + re.sub(r"(?m)^#(?=frontend |backend |    )", "", ours)
                               + f"\n# usher -{after}")
        engine = (laboratory.ROOT / "haproxy/spoe-usher.conf").read_text()
        (self.directory / "spoe-usher.conf").write_text(
            engine.replace("#args header.x-region=", "args header.x-region="))
        (self.directory / "usher.lua").write_text(
            (laboratory.ROOT / "haproxy/usher.lua").read_text())
        self.extra_env["USHER_ETC"] = str(self.directory)

    def start(self, *options):
        super().start(*options)
        for name in self.brokers:
            wait_for(lambda n=name: self.server_state("mqtt_ws_backend", n) == "2", f"{name} up")
        return self

    def place_ws(self, client_id, **options):
        """Connect once over WebSocket, leave, and the broker it was sent to."""
        seen = self.seen(client_id)
        assert websocket.visit(self.ports["ws"], client_id, **options) == 0
        return wait_for(lambda: self.newest(client_id, seen), f"{client_id} at a broker")


@pytest.fixture(scope="module")
def lab():
    with WebSocketLab(POLICY) as lab:
        yield lab.start()


def test_the_file_is_sound_to_both(lab):
    done = lab.run("haproxy", "-c", "-f", str(lab.config))
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    done = lab.run(USHER, "check", "-f", str(lab.config), "-P", str(lab.policy))
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"\[([a-z-]+)\]\n", done.stderr)) <= {"open-frontend", "tenant-subset"}
    done = lab.run(USHER, "setup", "-f", str(lab.config), "-P", str(lab.policy))
    assert "Nothing is missing" in done.stdout, done.stdout


def test_setup_writes_what_the_frontend_lacks(lab):
    """All but the filter line is taken away; HAProxy and usher take the file that setup mends."""
    ours = re.compile(r"^ +(http-request (?!set-header)|use-server|use_backend).*\n")
    lines = lab.config.read_text().splitlines(keepends=True)
    begin = next(i for i, line in enumerate(lines) if line.startswith("frontend mqtt_ws"))
    path = lab.directory / "bare.cfg"
    path.write_text("".join(line for i, line in enumerate(lines)
                            if i < begin or not ours.match(line)))
    assert lab.run(USHER, "check", "-f", str(path), "-P", str(lab.policy)).returncode == 1
    patch = lab.run(USHER, "setup", "-f", str(path), "-P", str(lab.policy)).stdout
    subprocess.run(["patch", "-s", str(path)], input=patch, text=True, check=True, timeout=30)
    done = lab.run("haproxy", "-c", "-f", str(path))
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    assert lab.run(USHER, "check", "-f", str(path), "-P", str(lab.policy)).returncode == 0
    assert "http-request send-spoe-group usher usher-http" in path.read_text()
    assert "http-request deny deny_status 403" in path.read_text()


@pytest.mark.parametrize("client_id, options, broker", [
    ("by-path", {"target": "/mqtt/acme"}, "emqx2"),
    ("by-host", {"vhost": "lab.example"}, "emqx1"),
    ("by-host-with-port", {"vhost": "lab.example:8083"}, "emqx1"),
    ("by-query", {"target": "/mqtt?canary=1"}, "emqx1"),
    ("by-header", {"headers": [("x-REGION", "north, eu")]}, "emqx2"),
    ("by-last-header", {"headers": [("X-Region", "us"), ("X-Region", "eu")]}, "emqx2"),
])
def test_sent_by_what_the_upgrade_says(lab, client_id, options, broker):
    for _ in range(3):
        assert lab.place_ws(client_id, **options) == broker


def test_others_go_by_address(lab):
    places = [lab.place_ws(f"from-{i % 6}", source=f"127.0.0.{2 + i % 6}") for i in range(12)]
    assert places[:6] == places[6:] and len(set(places)) > 1


def test_verdict_names_tenant_and_rule(lab):
    lab.place_ws("named", target="/mqtt/acme")
    assert any(v["tenant"] == "acme" and v["server"] == "emqx2" for v in lab.all_verdicts())


@pytest.mark.parametrize("target, status", [("/admin/x", 403), ("/mqtt?again", 429)])
def test_refused_in_http(lab, target, status):
    with pytest.raises(websocket.Refused) as refused:
        websocket.connect(lab.ports["ws"], "unwanted", target=target)
    assert refused.value.status == status
    assert lab.where("unwanted") is None


def test_no_upgrade_no_way(lab):
    with pytest.raises(websocket.Refused) as refused:
        websocket.Client(lab.ports["ws"], without=("Upgrade", "Connection"))
    assert refused.value.status == 400


def test_quota_counts_upgraded_clients(lab):
    with websocket.connect(lab.ports["ws"], "beta-1", target="/mqtt/beta") as first:
        with pytest.raises(websocket.Refused) as refused:
            websocket.connect(lab.ports["ws"], "beta-2", target="/mqtt/beta")
        assert refused.value.status == 429
        first.ping()
    wait_for(lambda: lab.connections_of("beta") == 0, "the place to be free")
    assert lab.place_ws("beta-3", target="/mqtt/beta")


def test_frames_pass_however_they_are_cut(lab):
    with websocket.Client(lab.ports["ws"]) as client:
        client.send_raw(websocket.frames(mqtt.connect_packet("in-pieces"), 1, 5, 9), 1, 2, 11)
        assert client.read_connack() == 0
        client.ping()


def test_kept_by_certificate_over_both_transports():
    """Neither address nor client id is the same twice. Who shows no certificate has no key."""
    with WebSocketLab({"stickiness": {"key": "cn"},
                       "backends": {"mqtt_ws_backend": {"balance": "roundrobin"}}}) as lab:
        certificates = Certificates(lab.directory)
        tls = (f" ssl crt {certificates.path('server')} ca-file {certificates.path('ca')}"
               " verify optional")
        binds = [f'bind "${{USHER_BIND-*}}:${{USHER_{port}}}"'
                 for port in ("MQTT_PORT-1883", "WS_PORT-8083")]
        lab.edit_config(*((bind, bind + tls) for bind in binds))
        lab.start()
        device, anybody = certificates.client("device-1"), certificates.client()
        home = lab.place("first", tls=device)
        for i in range(6):
            assert lab.place_ws(f"later-{i}", tls=device, source=f"127.0.0.{9 + i}") == home
        assert lab.place("last", tls=device) == home
        assert len({lab.place_ws(f"any-{i}", tls=anybody) for i in range(6)}) == 3
        verdicts = [v for v in lab.all_verdicts() if v["client_id"] == ""]
        assert verdicts and {v["reason"] for v in verdicts[-6:]} == {"roundrobin"}


@pytest.mark.parametrize("is_live", [False, True], ids=["files", "live"])
def test_explained_alike(lab, is_live):
    files = ["-f", str(lab.config), "-P", str(lab.policy)]

    def explain(*facts):
        return lab.run(USHER, "explain", *(["--live", "--admin", lab.admin] if is_live else files),
                       "--frontend", "mqtt_ws", "--transport", "ws", *facts).stdout

    assert "server emqx2" in explain("--path", "/mqtt/acme")
    assert "server emqx1" in explain("--host", "lab.example")
    assert "server emqx1" in explain("--query", "canary=2")
    assert "server emqx2" in explain("--header", "X-REGION=north, eu")
    assert "REJECTED: banned, by no-admin" in explain("--path", "/admin")
    assert lab.run(USHER, "explain", *files, "--header", "x-region").returncode == 1
