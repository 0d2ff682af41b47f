"""usher in an operator's eyes: status, explain, metrics, log."""

import http.client
import json
import re
import socket
import subprocess

import pytest
import yaml

import lab as laboratory
import mqtt
import spop
from lab import ROOT, wait_for

HOSTILE = [b'new\nline', b'quo"te\\', b"\x1b[31mansi\x1b[0m", b"\xff\xfe bad utf-8",
           "schön-日本".encode(), b"{{label=\"x\"}}"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("usher")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


class Admin:
    """The lab with an admin service, and the commands that ask it."""

    def __init__(self, lab, policy=None, listen=None, **admin):
        self.lab = lab
        self.address = listen or f"unix@{lab.directory}/admin-usher.sock"
        lab.policy = lab.write_policy({**(policy or {}),
                                       "admin": {"listen": self.address, **admin}})

    def run(self, *command):
        return subprocess.run([laboratory.USHER, *command, "--admin", self.address],
                              capture_output=True, text=True, timeout=30, check=False)

    def request(self, method, path, headers=None):
        if self.address.startswith("unix@"):
            connection = UnixConnection(self.address.removeprefix("unix@"))
        else:
            connection = http.client.HTTPConnection(self.address, timeout=10)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def get(self, path):
        status, body = self.request("GET", path)
        assert status == 200, body
        return body

    def metrics(self):
        values = {}
        for line in self.get("/metrics").splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values


def conforms(value, schema, document, where=""):
    """Just enough of OpenAPI's schemas to hold the answers against docs/openapi.yaml."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return conforms(value, document["components"]["schemas"][name], document, where)
    if value is None:
        assert schema.get("nullable"), f"{where} is null"
        return None
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
             "number": (int, float)}
    assert isinstance(value, types[schema["type"]]), f"{where}: {value!r}"
    assert value in schema.get("enum", [value]), f"{where}: {value!r}"
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        assert set(schema.get("required", [])) <= set(value), where
        for key, member in value.items():
            described = properties.get(key) or schema.get("additionalProperties")
            assert described, f"{where}.{key} is not documented"
            conforms(member, described, document, f"{where}.{key}")
    if schema["type"] == "array":
        for item in value:
            conforms(item, schema["items"], document, where + "[]")
    return None


def test_status_tells_what_is_going_on(lab):
    admin = Admin(lab, {"rules": [{"name": "old", "if": {"protocol": "3.1"}, "reject": "banned"}]})
    lab.start()
    clients = [mqtt.connect(lab.ports["mqtt"], f"c{i}") for i in range(6)]
    assert mqtt.visit(lab.ports["mqtt"], "old", level=3) == 5

    def sessions():
        status = json.loads(admin.run("status", "--json").stdout)
        rows = [s for s in status["servers"] if s["backend"] == "mqtt_backend"]
        return status if sum(s["sessions"] for s in rows) == 6 else None

    status = wait_for(sessions, "six sessions in the status")
    assert status["haproxy"]["pid"] == lab.haproxy.process.pid
    assert status["haproxy"]["version"].startswith("2.")
    assert status["haproxy"]["engines"]
    assert status["counters"]["accepted"] == 6 and status["counters"]["rejected"] == 1
    assert status["refusals"]["banned"] == 1
    assert status["entries"]["total"] == 6 and status["entries"]["tentative"] == 6
    words = admin.run("status")
    assert words.returncode == 0
    assert re.search(r"mqtt_backend +emqx1 +up +1 +2\n", words.stdout), words.stdout
    assert "banned 1" in words.stdout
    for client in clients:
        client.close()


def test_status_check_is_an_exit_code(lab):
    admin = Admin(lab)
    lab.edit_config(("level operator", "level admin"))
    assert admin.run("status", "--check").returncode == 2
    lab.start()
    good = admin.run("status", "--check")
    assert good.returncode == 0 and good.stdout.startswith("OK"), good
    for name in lab.brokers:
        lab.haproxy.ask(f"set server mqtt_backend/{name} state drain")
    wait_for(lambda: admin.run("status", "--check").returncode == 1, "a warning")
    assert "mqtt_backend has no server up" in admin.run("status", "--check").stdout
    lab.haproxy.ask("set server mqtt_backend/emqx1 state ready")
    wait_for(lambda: admin.run("status", "--check").returncode == 0, "no warning")
    lab.write_policy("{ broken")
    assert admin.run("reload").returncode == 1
    assert "reload was refused" in admin.run("status", "--check").stdout
    # Worse than a warning: nobody gets to a broker here.
    for backend, name in [("acme_backend", "emqx3"), ("mqtt_backend", "emqx1")]:
        assert admin.run("status", "--check").returncode == 1
        lab.haproxy.ask(f"set server {backend}/{name} state maint")
    wait_for(lambda: admin.run("status", "--check").returncode == 2, "no broker")
    assert "CRITICAL: no broker is up" in admin.run("status", "--check").stdout
    lab.haproxy.process.kill()
    wait_for(lambda: "runtime socket does not answer" in admin.run("status", "--check").stdout,
             "HAProxy to be missed")
    assert admin.run("status", "--check").returncode == 2


@pytest.mark.parametrize("door, code", [("haproxy", 1), ("proxy", 0)], indirect=["door"])
def test_status_check_without_a_runtime_socket(lab, code):
    """Of HAProxy nothing is known then; `usher proxy` knows all, and misses nobody."""
    admin = Admin(lab)
    lab.edit_config(("    stats socket", "    #stats socket"))
    lab.start_brokers()
    lab.start_usher(command="agent" if lab.door == "haproxy" else "proxy")
    wait_for(lambda: admin.run("status", "--check").returncode == code, f"exit code {code}")
    assert ("has no runtime socket" in admin.run("status", "--check").stdout) == bool(code)


EXPLAIN_POLICY = {
    "tenant_from": [{"client_id": "^(?<tenant>[a-z]+)-"}],
    "tenants": {"acme": {"backend": "acme_backend"},
                "strict": {"identity": {"client_id": "equals", "to": "username"}}},
    "limits": {"client": "1/1m"},
    "rules": [{"name": "lab", "if": {"client_id": {"prefix": "lab"}}, "server": "emqx2"},
              {"name": "out", "if": {"source": "203.0.113.0/24"}, "reject": "banned"}],
}


@pytest.mark.parametrize("facts, verdict, words", [
    (["--client-id", "lab7"], ("accept", "rule", "lab", ["emqx2"]), "pins the server emqx2"),
    (["--client-id", "x", "--src", "203.0.113.9"], ("reject", "banned", "out", []),
     "rule 'out' (line 1) applies and rejects banned"),
    (["--client-id", "acme-1"], ("accept", "leastconn", None, ["emqx3"]), "tenant 'acme'"),
    (["--client-id", "strict-1", "--username", "eve"],
     ("reject", "not_authorized", "tenants.identity", []), "must equal the username: it does not"),
    (["--client-id", "x"], ("accept", "roundrobin", None, ["emqx1"]), "no sticky entry"),
    (["--username", "u"], ("accept", "roundrobin", None, ["emqx1"]), "did not say who it is"),
])
def test_explain_from_files_alone(lab, facts, verdict, words):
    lab.policy = lab.write_policy(EXPLAIN_POLICY)
    command = [laboratory.USHER, "explain", "-q", "-f", str(lab.config), "-P", str(lab.policy),
               "--frontend", "mqtt", *facts]
    env = {**laboratory.os.environ, **lab.env()}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert words in done.stdout
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=env,
                          check=True)
    got = json.loads(done.stdout)["verdict"]
    action, reason, rule, servers = verdict
    assert (got["action"], got["reason"], got["rule"]) == (action, reason, rule)
    assert got["servers"][:1] == servers[:1]


def test_where_is_client_x_and_why(lab):
    admin = Admin(lab, EXPLAIN_POLICY)
    lab.start()
    home = lab.place("x")
    wait_for(lambda: json.loads(admin.get("/v1/status"))["counters"]["session_ends"] == 1,
             "the end of x's session")
    before = json.loads(admin.get("/v1/status"))["counters"]
    for _ in range(5):
        done = admin.run("explain", "--live", "--json", "--client-id", "x", "--frontend", "mqtt")
        answer = json.loads(done.stdout)
        # Its rate is used up, and asking does not use it either way.
        assert answer["verdict"]["reason"] == "rate_exceeded"
    lab.write_policy({k: v for k, v in {**EXPLAIN_POLICY, "admin": {"listen": admin.address}}
                      .items() if k != "limits"})
    assert admin.run("reload").returncode == 0
    answer = json.loads(admin.run("explain", "--live", "--json", "--client-id", "x",
                                  "--frontend", "mqtt").stdout)
    assert answer["entry"]["server"] == home and answer["entry"]["tentative"]
    assert answer["verdict"]["reason"] == "sticky"
    assert answer["verdict"]["servers"][0] == home
    assert json.loads(admin.get("/v1/status"))["counters"] == before
    wrong = admin.run("explain", "--live", "--client-id", "x", "--keepalive", "soon")
    assert wrong.returncode == 1 and "--keepalive" in wrong.stderr


def test_metrics_are_clean_and_count(lab):
    admin = Admin(lab, {"rules": [{"name": "old", "if": {"protocol": "3.1"}, "reject": "banned"}]})
    lab.start()
    for i in range(4):
        lab.place(f"c{i % 2}")
    mqtt.visit(lab.ports["mqtt"], "old", level=3)
    page = admin.get("/metrics")
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, text=True,
                             capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stdout + checked.stderr, checked
    values = admin.metrics()
    assert values['usher_decisions_total{action="accept"}'] == 4
    assert values['usher_choices_total{by="sticky"}'] == 2
    assert values['usher_choices_total{by="algorithm"}'] == 2
    assert values['usher_refusals_total{reason="banned"}'] == 1
    assert values["usher_decision_duration_seconds_count"] == 5
    assert values['usher_decision_duration_seconds_bucket{le="+Inf"}'] == 5
    assert values['usher_sticky_entries{state="tentative"}'] == 2
    assert values['usher_server_state{backend="mqtt_backend",server="emqx1",state="up"}'] == 1
    assert values["usher_runtime_socket_up"] == 1


def test_hostile_ids_stay_harmless(lab):
    admin = Admin(lab)
    lab.start()
    for client_id in HOSTILE:
        try:
            mqtt.visit(lab.ports["mqtt"], client_id, username=client_id)
        except mqtt.Closed:
            pass  # mosquitto, too, refuses what is no UTF-8
    log = lab.usher.log()
    verdicts = [line for line in log.splitlines() if " verdict " in line]
    assert len(verdicts) == len(HOSTILE)
    assert all(re.fullmatch(r"[ -~]*", line) for line in log.splitlines())
    assert all(line.count('client_id="') == 1 for line in verdicts)
    page = admin.get("/metrics")
    assert "ansi" not in page and "line" not in page.replace("deadline", "")
    json.loads(admin.get("/v1/status"))
    for client_id in HOSTILE:
        if b"\xff" in client_id:
            continue
        done = admin.run("explain", "--live", "--client-id", client_id.decode())
        assert done.returncode == 0 and re.fullmatch(r"[ -~\n]*", done.stdout), done
        json.loads(admin.run("explain", "--live", "--json", "--client-id",
                             client_id.decode()).stdout)


def test_password_is_nowhere(lab):
    admin = Admin(lab)
    lab.start()
    assert mqtt.visit(lab.ports["mqtt"], "c", username="u", password="s3cret-word") == 0
    pages = lab.usher.log() + admin.get("/metrics") + admin.get("/v1/status")
    assert "s3cret" not in pages and 'username="u"' in lab.usher.log()


def test_log_storm_is_limited_and_counted(lab):
    lab.debug = False
    lab.start_brokers()
    lab.start_usher()
    with spop.Peer(lab.ports["agent"]) as peer:
        peer.ready()
        peer.send(*(spop.notify(f"storm{i}", i) for i in range(1, 3001)))
        assert len(peer.frames(3000)) == 3000

        def counted():
            peer.ask("later")
            return " verdicts left_out=" in lab.usher.log()

        wait_for(counted, "the count of what was left out")
    log = lab.usher.log()
    written = len(re.findall(r'verdict action=accept client_id="storm', log))
    left_out = sum(int(n) for n in re.findall(r"verdicts left_out=(\d+)", log))
    assert left_out > 0
    assert 3000 <= written + left_out


def test_api_is_as_documented(lab):
    admin = Admin(lab)
    lab.start()
    lab.place("x")
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
    schemas = document["components"]["schemas"]
    conforms(json.loads(admin.get("/v1/status")), schemas["Status"], document, "status")
    for query in ("client_id=x&frontend=mqtt", "client_id=new&frontend=mqtt", "client_id=x"):
        conforms(json.loads(admin.get("/v1/explain?" + query)), schemas["Explanation"], document,
                 "explanation")
    served = set(re.findall(r'\{ "(?:GET|POST)", "([^"]+)"',
                            (ROOT / "agent/admin/service.c").read_text()))
    assert served == set(document["paths"])
    assert admin.request("GET", "/nothing")[0] == 404
    assert admin.request("GET", "/%ff%0a")[0] == 404
    assert admin.request("POST", "/metrics")[0] == 405
    assert admin.request("GET", "/v1/explain?keepalive=soon")[0] == 400
    assert admin.request("POST", "/v1/reload")[0] == 200
    assert admin.get("/healthz") == "ok\n" and admin.get("/readyz").startswith("ok")


def test_tcp_needs_the_token_to_change_things(lab):
    token = lab.directory / "token"
    token.write_text("correct-horse\n")
    address = f"127.0.0.1:{laboratory.free_port()}"
    admin = Admin(lab, listen=address, token_file=str(token))
    lab.start()
    assert admin.request("GET", "/v1/status")[0] == 200
    assert admin.request("POST", "/v1/reload")[0] == 401
    wrong = {"Authorization": "Bearer correct-hors"}
    assert admin.request("POST", "/v1/reload", wrong)[0] == 401
    assert admin.run("reload").returncode == 1
    assert "reload done" not in lab.usher.log()
    assert admin.run("reload", "--token", "correct-horse").returncode == 0
    lab.usher.wait_log("reload done")
