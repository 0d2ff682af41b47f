"""The agent in spoe/README.md, taken from the page, against a real HAProxy.

The three fenced blocks of the page (the agent, haproxy.cfg, the engine) are used as they stand;
only the ports are replaced by free ones.
"""

import os
import re
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 20


def library():
    """libspop.a of the build under test: beside the binary that USHER names."""
    usher = os.environ.get("USHER")
    build = Path(usher).parent if usher else ROOT / "build" / "release"
    return build / "libspop.a"


def block(language):
    """The one fenced block of the README in this language."""
    text = (ROOT / "spoe" / "README.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    assert len(found) == 1, f"{len(found)} blocks of {language} in spoe/README.md"
    return found[0]


def free_ports(n):
    """All held at once, so that they differ."""
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def replaced(text, old, new):
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


def wait_for(condition, what, *children):
    """Poll until it is true; a child that ended meanwhile will never make it so."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        for child in children:
            assert child.poll() is None, f"{child.args[0]} ended with {child.returncode}"
        time.sleep(0.02)
    pytest.fail(f"{what}: not within {DEADLINE_S} s")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def get(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
        return response.read().decode()


def end(child):
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@pytest.fixture
def agent_binary(tmp_path):
    source = tmp_path / "agent.c"
    source.write_text(block("c"))
    binary = tmp_path / "agent"
    sanitizers = os.environ.get("USHER_SAN")
    flags = [f"-fsanitize={sanitizers}"] if sanitizers else []
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *flags, "-I.", str(source),
         str(library()), "-o", str(binary)],
        cwd=ROOT, check=True,
    )
    return binary


@pytest.fixture
def web_port(tmp_path, agent_binary):
    """HAProxy and the agent are up; the port of the frontend."""
    web, spop = free_ports(2)
    config = replaced(block("haproxy"), "127.0.0.1:8080", f"127.0.0.1:{web}")
    config = replaced(config, "127.0.0.1:12345", f"127.0.0.1:{spop}")
    (tmp_path / "haproxy.cfg").write_text(config)
    (tmp_path / "reputation.conf").write_text(block("spoe"))

    agent = subprocess.Popen([str(agent_binary), str(spop)])
    try:
        wait_for(lambda: accepts(spop), "the agent listens", agent)
        haproxy = subprocess.Popen(["haproxy", "-db", "-f", "haproxy.cfg"], cwd=tmp_path)
        try:
            wait_for(lambda: accepts(web), "HAProxy listens", agent, haproxy)
            yield web
            assert agent.poll() is None and haproxy.poll() is None
        finally:
            end(haproxy)  # its connections end, and with them the agent's children
    finally:
        end(agent)


def test_readme_agent_answers_haproxy(web_port):
    assert get(web_port) == "score 100"


def test_readme_agent_answers_every_request(web_port):
    """One after the other, over connections that HAProxy keeps and new ones."""
    assert {get(web_port) for _ in range(50)} == {"score 100"}
