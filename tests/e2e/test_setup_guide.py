"""EMQX's guide to HAProxy, block by block: what `usher setup` prints makes each work.

The blocks are tests/config/1*-guide-*.cfg, as published. What the patch gives must be accepted by
HAProxy itself and leave `usher check` nothing to say.
"""

import re
import shutil
import subprocess

import pytest

from lab import ROOT, USHER

GUIDE = sorted((ROOT / "tests/config").glob("1*-guide-*.cfg"))
MQTT = ROOT / "tests/config/10-guide-mqtt.cfg"


def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, **options)


@pytest.fixture
def certificate(tmp_path):
    path = tmp_path / "server.pem"
    made = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=emqx",
               "-keyout", str(path), "-out", str(tmp_path / "crt"))
    assert made.returncode == 0, made.stderr
    path.write_text(path.read_text() + (tmp_path / "crt").read_text())
    return path


def here(text, certificate):
    """Names that resolve here, and a certificate that exists here."""
    text = re.sub(r"emqx(\d)-cluster\.emqx\.io", r"127.0.0.\1", text)
    return text.replace("/etc/haproxy/certs/server.pem", str(certificate))


def sections_of(path, *kinds):
    """The sections of these kinds, without global and defaults."""
    parts = re.split(r"^(?=(?:global|defaults|frontend|backend)\b)", path.read_text(), flags=re.M)
    return "".join(p for p in parts if p.split(maxsplit=1)[0] in kinds)


def apply(tmp_path, text, policy=None):
    """The file with its patch applied, beside what the patch asks to be copied."""
    config = tmp_path / "haproxy.cfg"
    config.write_text(text)
    for name in ("spoe-usher.conf", "usher.lua"):
        shutil.copy(ROOT / "haproxy" / name, tmp_path)
    more = ["-P", str(policy)] if policy else []
    setup = run(USHER, "setup", "-f", str(config), *more)
    assert setup.returncode == 0, setup.stderr
    assert config.read_text() == text, "setup must not touch the file"
    if "@@" in setup.stdout:
        patch = run("patch", str(config), input=setup.stdout)
        assert patch.returncode == 0 and "fuzz" not in patch.stdout, patch.stdout + setup.stdout
    return config, setup.stdout


def assert_sound(config, policy=None):
    haproxy = run("haproxy", "-c", "-f", str(config))
    assert haproxy.returncode == 0, haproxy.stderr + config.read_text()
    assert "WARNING" not in haproxy.stderr, haproxy.stderr
    check = run(USHER, "check", "-f", str(config), *(["-P", str(policy)] if policy else []))
    assert check.stdout == "Configuration file is valid\n" and check.returncode == 0, \
        check.stdout + config.read_text()


@pytest.mark.parametrize("block", GUIDE, ids=lambda p: p.stem)
def test_block(block, tmp_path, certificate):
    text = block.read_text()
    if "websocket" in block.stem or "stats" in block.stem:
        text += sections_of(MQTT, "backend", "frontend")  # they are of no use alone
    config, _ = apply(tmp_path, here(text, certificate))
    assert_sound(config)
    again = run(USHER, "setup", "-f", str(config))
    assert "@@" not in again.stdout and "Nothing is missing" in again.stdout, again.stdout


def test_all_blocks_in_one_file(tmp_path, certificate):
    text = MQTT.read_text()
    for block in GUIDE:
        if re.search("-tls|websocket|stats", block.stem):
            # Each block has its own backend of the same name.
            text += re.sub(r"\bmqtt(_ws)?_backend\b", block.stem[3:] + "-backend",
                           sections_of(block, "backend", "frontend"))
    config, printed = apply(tmp_path, here(text, certificate))
    assert_sound(config)
    assert "frontend mqtt_ws_frontend" in printed and "inside WebSocket" in printed


def test_the_stick_line_that_does_not_load(tmp_path, certificate):
    """The trap of the guide: a blank inside the brackets. setup says so and has it right."""
    text = here(MQTT.read_text(), certificate)
    config, printed = apply(tmp_path, text)
    before = tmp_path / "before.cfg"
    before.write_text(text)
    assert "expected ')'" in run("haproxy", "-c", "-f", str(before)).stderr
    assert "HAProxy does not load this line" in printed
    assert "-  stick on req.payload(0,0), mqtt_field_value(connect, client_identifier)\n" in printed
    assert "+  stick on var(txn.mqtt_client_id),sha1\n" in printed


def test_mode_tcp_below_the_rules(tmp_path, certificate):
    """Debian's own file says mode http in defaults: the lines go below the section's mode tcp."""
    text = here(MQTT.read_text(), certificate).replace("  mode tcp \n", "  mode http\n", 1)
    config, _ = apply(tmp_path, text)
    assert "mode http" in config.read_text()
    assert_sound(config)


def test_file_without_brokers(tmp_path):
    config = tmp_path / "haproxy.cfg"
    config.write_text("defaults\n  mode http\nfrontend web\n  bind :80\n")
    said = run(USHER, "setup", "-f", str(config)).stdout
    assert "@@" not in said and "add your brokers first" in said
    assert "Nothing is missing" not in said


def test_full_width_punctuation(tmp_path, certificate):
    """The other published spelling."""
    text = here(MQTT.read_text(), certificate)
    for line in re.findall(r"^  (?:stick on|tcp-request content).*", text, flags=re.M):
        wide = line.replace("(", "（").replace(")", "）").replace(",", "，")
        text = text.replace(line, wide)
    config, _ = apply(tmp_path, text)
    assert_sound(config)
    assert "  tcp-request content reject unless { req.payload(0,0), mqtt_is_valid }\n" in \
        config.read_text()


def test_policy_adds_its_lines(tmp_path, certificate):
    """Closed doors, quotas and a tenant's backend are in usher.json, and so in the patch."""
    policy = tmp_path / "usher.json"
    policy.write_text("""{
        "frontends": { "mqtt_servers": { "without_verdict": "closed" } },
        "identity": { "client_id": "starts_with", "to": "username" },
        "tenant_from": [ { "client_id": "^(?<tenant>[a-z]+)-" } ],
        "tenants": { "acme": { "backend": "acme", "max_connections": 10 } }
    }""")
    text = here(MQTT.read_text(), certificate) + (
        "\nbackend acme\n  mode tcp\n  server a 127.0.0.1:1885\n  server b 127.0.0.1:1886\n")
    config, printed = apply(tmp_path, text, policy)
    assert_sound(config, policy)
    for line in ("lua.usher_unavailable unless", "track-sc1 var(txn.usher.tenant)",
                 "backend usher_tenants", "use_backend %[var(txn.usher.backend)]"):
        assert line in printed, printed


def test_files_with_errors_are_not_patched(tmp_path):
    config = tmp_path / "haproxy.cfg"
    config.write_text("frontend f\n    bind :1883\n    default_backend nowhere\n")
    setup = run(USHER, "setup", "-f", str(config))
    assert setup.returncode == 1 and setup.stdout == ""
    assert "unable to find required default_backend: 'nowhere'" in setup.stderr
