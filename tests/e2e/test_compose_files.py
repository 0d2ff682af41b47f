"""compose/ as it stands: what the stack's files say, without a container engine.

EMQX takes a misspelt EMQX_… variable without a word and goes on as if it were not there, so each is
held against what EMQX 5.8 knows.
"""

import pathlib
import re
import subprocess

import lab
import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
COMPOSE = ROOT / "compose"
STACK = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
SERVICES = STACK["services"]
BROKERS = ["emqx1", "emqx2", "emqx3"]

NODE = r"emqx[123]@emqx[123]-cluster\.emqx\.io"
# Settings of EMQX 5.8 as environment variables: EMQX_, then the path with __ between its parts.
SETTINGS = {
    "EMQX_NODE__NAME": NODE,
    "EMQX_NODE__COOKIE": r"\S{16,}",
    "EMQX_CLUSTER__DISCOVERY_STRATEGY": "manual|static|dns|etcd|k8s",
    "EMQX_CLUSTER__STATIC__SEEDS": rf"\[{NODE}(,{NODE})*\]",
    "EMQX_MQTT__PEER_CERT_AS_USERNAME": "cn",  # the only one that travels in a PROXY header
    "EMQX_MQTT__PEER_CERT_AS_CLIENTID": "cn",
    "EMQX_LISTENERS__(TCP|SSL|WS|WSS)__[A-Z0-9_]+__BIND": r"[0-9.]+:\d+",
    "EMQX_LISTENERS__(TCP|SSL|WS|WSS)__[A-Z0-9_]+__PROXY_PROTOCOL": "true|false",
    "EMQX_LISTENERS__(TCP|SSL|WS|WSS)__[A-Z0-9_]+__PROXY_PROTOCOL_TIMEOUT": r"\d+s",
    "EMQX_LISTENERS__(TCP|SSL|WS|WSS)__[A-Z0-9_]+__MAX_CONNECTIONS": r"infinity|\d+",
}


def faults(settings):
    """The settings that EMQX would not know, or not understand."""
    def is_known(name, value):
        return any(re.fullmatch(pattern, name) and re.fullmatch(form, str(value))
                   for pattern, form in SETTINGS.items())

    return [name for name, value in settings.items() if not is_known(name, value)]


def settings(broker):
    return {k: v for k, v in SERVICES[broker]["environment"].items() if k.startswith("EMQX_")}


@pytest.mark.parametrize("broker", BROKERS)
def test_each_setting_is_one_that_emqx_knows(broker):
    assert SERVICES[broker]["image"].startswith("emqx/emqx:5.8.")
    assert SERVICES[broker]["container_name"] == broker
    assert faults(settings(broker)) == []


@pytest.mark.parametrize("name", settings("emqx1"))
def test_a_misspelt_setting_is_found(name):
    value = settings("emqx1")[name]
    for i in range(len("EMQX_"), len(name)):
        misspelt = name[:i] + name[i + 1:]
        if not re.fullmatch(r"EMQX_LISTENERS__TCP__\w+?__(BIND|PROXY_PROTOCOL)", misspelt):
            assert faults({misspelt: value}) == [misspelt]
    assert faults({name: "\0"}) == [name]


def test_the_cookie_is_made_and_not_written_here():
    for broker in BROKERS:
        assert "EMQX_NODE__COOKIE" not in settings(broker)
        assert "EMQX_NODE__COOKIE=$$(cat /certs/cookie)" in SERVICES[broker]["entrypoint"][2]
    assert not [p for p in ROOT.joinpath("compose").rglob("*")
                if p.suffix in {".pem", ".crt", ".key"} or p.is_file() and b"PRIVATE KEY" in p.read_bytes()]


def test_the_nodes_find_each_other():
    names = [settings(broker)["EMQX_NODE__NAME"] for broker in BROKERS]
    for broker, name in zip(BROKERS, names):
        host = name.partition("@")[2]
        assert SERVICES[broker]["hostname"] == host
        assert settings(broker)["EMQX_CLUSTER__STATIC__SEEDS"] == f"[{','.join(names)}]"
        assert settings(broker)["EMQX_CLUSTER__DISCOVERY_STRATEGY"] == "static"


def test_proxy_headers_go_to_the_listener_that_wants_them():
    wants = {}
    for name, value in settings("emqx1").items():
        if found := re.fullmatch(r"EMQX_LISTENERS__TCP__(\w+?)__(BIND|PROXY_PROTOCOL)", name):
            wants.setdefault(found[1], {})[found[2]] = value
    with_header = {w["BIND"].rpartition(":")[2] for w in wants.values()
                   if w.get("PROXY_PROTOCOL") == "true"}
    servers = re.findall(r"server emqx\d emqx\d:(\d+)(.*)", (COMPOSE / "haproxy.cfg").read_text())
    assert {port for port, words in servers if "send-proxy" in words} == with_header == {"1884"}


def test_brokers_have_one_address_everywhere():
    def hosts(service):
        return dict(line.split(":", 1) for line in SERVICES[service]["extra_hosts"])

    for broker in BROKERS:
        address = SERVICES[broker]["networks"]["mqtt"]["ipv4_address"]
        assert hosts("usher")[broker] == address
        for other in BROKERS:
            assert hosts(other)[SERVICES[broker]["hostname"]] == address


def test_the_ports_are_the_guides():
    ours = [port.partition(":")[0] for port in SERVICES["usher"]["ports"]]
    assert ours == ["1883", "8883", "8083", "8084", "8888"]
    assert SERVICES["proxy"]["ports"] == SERVICES["usher"]["ports"]
    assert SERVICES["emqx1"]["ports"] == ["127.0.0.1:18083:18083"]


def test_usher_and_haproxy_share_network_user_and_files():
    usher, haproxy = SERVICES["usher"], SERVICES["haproxy"]
    assert haproxy["network_mode"] == "service:usher"
    assert haproxy["user"] == usher["user"]
    assert set(haproxy["volumes"]) == set(usher["volumes"])
    assert ["-f", "/etc/haproxy/haproxy.cfg", "-f", "/etc/usher/haproxy.cfg"] \
        == haproxy["command"][-4:] == usher["command"][1:5]


def test_nothing_that_compose_v2_refuses():
    assert "version" not in STACK and "links" not in str(STACK)
    names = [service["container_name"] for service in SERVICES.values() if "container_name" in service]
    assert len(names) == len(set(names))
    for name, service in SERVICES.items():
        assert not ("network_mode" in service and {"networks", "ports"} & set(service)), name
        for needed, how in service.get("depends_on", {}).items():
            assert set(SERVICES[needed].get("profiles", [])) <= set(service.get("profiles", []))
            assert how["condition"] in {"service_started", "service_healthy",
                                        "service_completed_successfully"}
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[needed]
        named = {v.partition(":")[0] for v in service.get("volumes", [])} - {".", "../haproxy"}
        assert named <= set(STACK["volumes"]), name
        assert set(service.get("networks", [])) <= set(STACK["networks"]), name


def test_time_to_stop_fits():
    seconds = re.search(r"^\s*hard-stop-after (\d+)s$", (COMPOSE / "haproxy.cfg").read_text(), re.M)
    for name in ("usher", "proxy", "haproxy"):
        assert int(SERVICES[name]["stop_grace_period"].rstrip("s")) > int(seconds[1])


@pytest.fixture
def files(tmp_path):
    """Both haproxy.cfg, with certificates made by the demo's own script."""
    subprocess.run([COMPOSE / "certs.sh", tmp_path], check=True, capture_output=True)
    ours = (COMPOSE / "haproxy.cfg").read_text().replace("/certs/", f"{tmp_path}/")
    (tmp_path / "haproxy.cfg").write_text(re.sub(r"\bemqx([123]):", r"127.0.0.\1:", ours))
    return ["-f", str(ROOT / "haproxy/haproxy.cfg"), "-f", str(tmp_path / "haproxy.cfg")]


def test_haproxy_and_usher_take_the_files(files, tmp_path):
    environment = {"USHER_ETC": str(ROOT / "haproxy"), "USHER_RUN": str(tmp_path),
                   "USHER_MAXCONN": "1000", "PATH": "/usr/sbin:/usr/bin:/bin",
                   **{f"USHER_EMQX{i}": f"127.0.0.{i}:1883" for i in (1, 2, 3)}}
    policy = ["-P", str(COMPOSE / "usher.json")]
    for command in (["haproxy", "-c", *files],
                    [str(lab.USHER), "run", "-c", *files, *policy],
                    [str(lab.USHER), "proxy", "-c", *files, *policy],
                    [str(lab.USHER), "check", *files, *policy]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
