"""usher proxy goes: at once, or when its last client has gone."""

import signal
import socket

import mqtt
from lab import wait_for
from test_proxy import plain_config, sessions_closed, start_proxy


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def ended(lab):
    """Its exit code, once it has one."""
    wait_for(lambda: lab.usher.child.poll() is not None, "usher to end")
    return lab.usher.child.returncode


def test_soft_stop_waits_for_the_last_client(lab):
    plain_config(lab)
    lab.start_brokers()
    start_proxy(lab)
    port = lab.ports["mqtt"]
    clients = [mqtt.connect(port, f"c{i}") for i in range(4)]
    lab.usher.send_signal(signal.SIGUSR1)
    lab.usher.wait_log("stopping softly sessions=4")
    lab.usher.send_signal(signal.SIGUSR1)
    for client in clients:
        client.ping()
        client.close()
    lab.usher.wait_log("soft stop over sessions=0")
    assert ended(lab) == 0
    assert is_refused(port)
    assert sessions_closed(lab, "done") == 4


def test_nobody_new_during_a_soft_stop(lab):
    plain_config(lab)
    lab.start_brokers()
    start_proxy(lab, "-j", "2")
    port = lab.ports["mqtt"]
    client = mqtt.connect(port, "last")
    lab.usher.send_signal(signal.SIGUSR1)
    lab.usher.wait_log("stopping softly sessions=1")
    wait_for(lambda: is_refused(port), "the door to close")
    client.ping()
    client.close()
    assert ended(lab) == 0


def test_hard_stop_after_ends_those_who_stay(lab):
    plain_config(lab)
    lab.config.write_text("global\n    hard-stop-after 300ms\n" + lab.config.read_text())
    lab.start_brokers()
    start_proxy(lab)
    with mqtt.connect(lab.ports["mqtt"], "stays") as client:
        lab.usher.send_signal(signal.SIGUSR1)
        assert client.is_closed()
    assert ended(lab) == 0
    lab.usher.wait_log("soft stop over sessions=1")
    lab.usher.wait_log("reason=stopping")
