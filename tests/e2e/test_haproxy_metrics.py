"""/metrics of usher proxy under the names of HAProxy's exporter: families, types, labels, values."""

import http.client
import re
import socket

import pytest

import mqtt
import operators
from lab import Lab, free_port, wait_for

EXPORTER = "    http-request use-service prometheus-exporter if {{ path /metrics }}\n"

# Families of HAProxy's that usher does not have: a page is no HTTP proxy.
MISSING = re.compile(r"haproxy_(frontend|backend)_(http_|intercepted_)")
# Values that cannot be equal, or that one of the two does not know.
DIFFERENT = re.compile(r"haproxy_process_|_(seconds|rate|rate_max)(_total)?\b|check_failures|"
                       r"check_up_down|used_connections|need_connections|_max_.*_seconds|"
                       # HAProxy's threads count a client of a frontend before they have it.
                       r"haproxy_frontend_max_sessions")


def metrics(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read().decode()


def parse(text):
    """(families → type, samples → value), of HAProxy's alone."""
    families = dict(re.findall(r"(?m)^# TYPE (haproxy_\S+) (\w+)$", text))
    samples = dict(re.findall(r"(?m)^(haproxy_\S+(?:\{.*\})?) (\S+)$", text))
    return families, samples


@pytest.fixture(scope="module")
def both():
    """What both say after the same traffic."""
    with Lab(policy={"admin": {"listen": f"127.0.0.1:{free_port()}"}}) as one:
        one.start_brokers()
        real = operators.start_haproxy(one, more=EXPORTER)
        ours = operators.start_usher(one)
        for side in (real, ours):
            side.wait_status("gone", "DOWN")
            # Whoever knocked to see whether it listens has gone.
            wait_for(lambda s=side: s.row("mqtt", "FRONTEND")["scur"] == "0", "the door to be free")
            for n in range(4):
                assert mqtt.visit(side.ports["mqtt"], f"c{n}") == 0
                wait_for(lambda s=side: s.row("mqtt", "FRONTEND")["scur"] == "0", "its end")
            for server in "ab":
                wait_for(lambda s=side, n=server: s.row("brokers", n)["check_health"] == "4",
                         "checks")
        port = int(re.search(r"127\.0\.0\.1:(\d+)", one.policy_path.read_text())[1])
        yield metrics(real.ports["stats"]), metrics(port)


def test_families_and_types_are_haproxys(both):
    real, ours = (parse(text)[0] for text in both)
    assert {k: v for k, v in real.items() if not MISSING.match(k)} == ours


def test_samples_have_the_same_labels(both):
    real, ours = (set(parse(text)[1]) for text in both)
    real = {s for s in real if not MISSING.match(s) and "build_info" not in s}
    assert real == {s for s in ours if "build_info" not in s}


def test_values_are_the_same(both):
    real, ours = (parse(text)[1] for text in both)
    wrong = [(sample, value, ours[sample]) for sample, value in real.items()
             if not DIFFERENT.search(sample) and '"stats"' not in sample
             and sample in ours and float(value) != float(ours[sample])
             and not (value == ours[sample] == "NaN")]
    assert not wrong


def test_each_family_stands_in_one_piece(both):
    """Prometheus refuses a family that is begun twice."""
    order = [line.split()[2] for line in both[1].splitlines() if line.startswith("# TYPE")]
    assert len(order) == len(set(order))
    current, seen = None, set()
    for line in both[1].splitlines():
        name = line.split()[2] if line.startswith("#") else re.match(r"\w+", line)[0]
        name = re.sub(r"^(usher_\w+_seconds)_(bucket|sum|count)$", r"\1", name)
        if name != current:
            assert name not in seen, name
            seen.add(name)
            current = name


def test_ushers_own_stand_beside_them(both):
    assert "usher_decisions_total" in both[1]


@pytest.mark.policy({"admin": {"listen": "unix@admin.sock"}})
def test_agent_has_none_of_them(lab):
    path = lab.directory / "admin.sock"
    lab.write_policy({"admin": {"listen": f"unix@{path}"}})
    lab.start_usher()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b""
        while piece := s.recv(65536):
            text += piece
    assert b"usher_decisions_total" in text and b"\nhaproxy_" not in text
