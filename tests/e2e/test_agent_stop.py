"""usher is told to go, or cannot start: in good order, and saying why."""

import os
import signal
import socket
import subprocess

import lab as laboratory
import spop


def test_stop_answers_what_has_arrived(lab):
    """Everything sent before the signal has its ACK, then comes DISCONNECT with status 0."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        lab.start_usher()
        peers = [spop.Peer(lab.ports["agent"]).ready() for _ in range(6)]
        # While it is stopped, the questions arrive, and the signal behind them.
        lab.usher.send_signal(signal.SIGSTOP)
        for peer in peers:
            peer.send(*(spop.notify(f"c{i}", i) for i in range(1, 101)))
        assert lab.usher.stop(number) == 0
        for peer in peers:
            assert [f.stream for f in peer.frames(100)] == list(range(1, 101))
            assert peer.end() == 0
            peer.close()
        assert "stopped" in lab.usher.log()


def test_stop_with_an_unfinished_question(lab):
    lab.start_usher()
    with spop.Peer(lab.ports["agent"]).ready() as peer, spop.Peer(lab.ports["agent"]) as silent:
        peer.send(spop.notify("c", 1)[:-5])
        assert lab.usher.stop() == 0
        assert peer.end() == 0
        assert silent.end() is None


def test_stop_does_not_wait_for_a_slow_reader(lab):
    lab.start_usher()
    with spop.Peer(lab.ports["agent"], receive_buffer=4096).ready() as peer:
        batch = b"".join(spop.notify(f"c{i}", i) for i in range(1000))
        peer.socket.settimeout(0.5)
        try:
            while True:
                peer.socket.sendall(batch)
        except TimeoutError:
            pass
        assert lab.usher.stop(seconds=5) == 0


def test_haproxy_is_told_of_the_stop(lab):
    """HAProxy sees no error when usher leaves: nobody waits, and the check finds it gone."""
    lab.start()
    assert lab.place("c") in lab.brokers
    assert lab.usher.stop() == 0
    lab.wait_agent_down()


# -- cannot start


def run(lab, *arguments, **more):
    """usher to its end: exit code, and all it said."""
    done = subprocess.run([laboratory.USHER, *arguments], env={**os.environ, **lab.env()},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=15 * laboratory.SLOW, check=False, **more)
    return done.returncode, done.stdout + done.stderr


def test_port_taken(lab):
    with socket.create_server(("127.0.0.1", lab.ports["agent"])):
        code, said = run(lab, *lab.usher_command()[1:])
    assert code == 1
    assert "Address already in use" in said
    assert f"127.0.0.1:{lab.ports['agent']}" in said and "stop who listens there" in said


def test_port_taken_by_another_usher(lab):
    """Two on one port would each have half of the questions, and a table of their own."""
    lab.start_usher()
    code, said = run(lab, *lab.usher_command()[1:])
    assert code == 1
    assert "Address already in use" in said and "stop who listens there" in said
    lab.usher.stop()
    lab.start_usher()


def test_unix_socket_taken_by_another_usher(lab):
    lab.extra_env["USHER_AGENT"] = f"unix@{lab.directory}/spop.sock"
    lab.start_usher()
    code, said = run(lab, *lab.usher_command()[1:])
    assert code == 1
    assert "Address already in use" in said
    # One that was killed leaves its socket behind: no obstacle for the next.
    lab.kill_usher()
    lab.start_usher()
    with spop.Peer(f"{lab.directory}/spop.sock").ready() as peer:
        assert peer.ask("c")["action"] == "accept"


def test_nothing_would_ask(lab):
    lab.edit_config(("filter spoe engine usher config", "# filter spoe engine usher config"),
                    ("    tcp-request content send-spoe-group", "    # send-spoe-group"))
    code, said = run(lab, *lab.usher_command()[1:])
    assert code == 1
    assert "filter spoe engine usher" in said and "agent.listen" in said


def test_unreadable_files(lab):
    missing = str(lab.directory / "missing")
    code, said = run(lab, "agent", "-f", missing)
    assert code == 1
    assert f"Cannot open configuration file/directory {missing} : No such file" in said
    code, said = run(lab, "agent", "-f", str(lab.config), "-P", missing)
    assert code == 1
    assert f"{missing}: cannot be read: No such file" in said


def test_bad_files(lab):
    lab.edit_config(("server emqx2 ", "server emqx1 "))
    code, said = run(lab, *lab.usher_command()[1:])
    assert code == 1
    assert "[ALERT]" in said and f"[{lab.config}:" in said
    assert "another server named 'emqx1' was already defined at line" in said

    lab.config = laboratory.ROOT / "haproxy/haproxy.cfg"
    lab.policy = lab.write_policy('{\n  "tenants": {\n    "acme": { "backend": "acme" }\n  }\n}\n')
    code, said = run(lab, *lab.usher_command()[1:])
    assert code == 1
    assert "usher.json:3: tenants.acme.backend: no backend 'acme'" in said
    assert "acme_backend" in said, "the ones that exist are named"


def test_bad_command_line(lab):
    for arguments, words in (
            ([], "usage: usher agent"),
            (["agent"], "-f haproxy.cfg is missing"),
            (["agents", "-f", "x"], "unknown command agents"),
            (["agent", "-f"], "missing value for -f"),
            (["agent", "-f", "x", "-j", "many"], "-j takes a number"),
            (["agent", "-f", "x", "--frobnicate"], "--frobnicate")):
        code, said = run(lab, *arguments)
        assert code == 1, arguments
        assert words in said, arguments
