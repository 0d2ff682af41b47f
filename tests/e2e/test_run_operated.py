"""Operators at work on an usher that stands by: signals and reloads in whatever state it is in."""

import os
import signal

import pytest

import mqtt
from lab import accepts, wait_for
from standing import Standing, kernel_tells_how_it_ended

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")


@pytest.fixture
def place(request, lab, monkeypatch):
    marker = request.node.get_closest_marker("standby")
    return Standing(lab, monkeypatch, **(marker.kwargs if marker else {})).start()


def reload(place):
    before = place.lab.usher.log().count(" reload done")
    place.lab.usher.send_signal(signal.SIGHUP)
    wait_for(lambda: place.lab.usher.log().count(" reload done") > before, "the reload")


def test_stopped_softly_in_its_reign(place):
    """Nobody new, those who are there stay, and HAProxy can have its addresses."""
    place.kill()
    place.wait_takeovers(1)
    client = mqtt.connect(place.lab.ports["mqtt"], "c1")
    place.lab.usher.send_signal(signal.SIGUSR1)
    place.lab.usher.wait_log("stopping softly sessions=1")
    wait_for(lambda: not accepts(place.lab.ports["mqtt"]), "usher to close its doors")
    place.lab.start_haproxy()
    client.ping()
    client.close()
    assert place.lab.usher.child.wait(15) == 0


@pytest.mark.standby(on_stop="stay")
def test_to_serve_after_all(place):
    """HAProxy was stopped, and that nobody serves was a mistake: a reload mends it."""
    if not kernel_tells_how_it_ended():
        pytest.skip("needs Linux 6.15")
    place.kill(signal.SIGTERM)
    place.wait_state("stopped")
    place.set_policy(on_stop="takeover")
    reload(place)
    place.lab.usher.wait_log("takeover done reason=stopped")
    assert place.lab.place("c1")
    place.start_haproxy(1)


def test_reloaded_in_every_state(place):
    """What usher is doing goes on; with nothing left open."""
    pid = place.lab.usher.pid
    reload(place)
    before = len(os.listdir(f"/proc/{pid}/fd"))
    for times in range(1, 4):
        place.kill()
        place.wait_takeovers(times)
        reload(place)
        assert place.lab.place(f"reign-{times}")
        assert place.standby["state"] == "reigning"
        place.start_haproxy(times)
        reload(place)
        assert place.standby["state"] == "standby"
    place.lab.haproxy.process.send_signal(signal.SIGSTOP)
    place.lab.usher.wait_log("haproxy hung")
    reload(place)
    assert place.standby["state"] == "hung"
    place.lab.haproxy.process.send_signal(signal.SIGCONT)
    place.wait_state("standby")
    assert place.takeovers == times
    wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, "all descriptors to be closed")


def test_server_that_haproxy_knew_to_be_down(place):
    """It is down in the first moment of usher's reign: nobody is sent there."""
    def is_down():
        name = 'usher_server_state{backend="mqtt_backend",server="emqx1",state="down"}'
        return place.metrics()[name] == 1

    place.lab.brokers["emqx1"].process.stop()
    wait_for(is_down, "HAProxy's word", 30)
    place.kill()
    place.wait_takeovers(1)
    assert is_down()
    begun = len(place.lab.brokers["emqx1"].arrivals())
    for n in range(9):
        assert mqtt.visit(place.lab.ports["mqtt"], f"c{n}") == 0
    assert len(place.lab.brokers["emqx1"].arrivals()) == begun
    assert "emqx1" not in place.lab.usher.log().split("takeover done")[1]
