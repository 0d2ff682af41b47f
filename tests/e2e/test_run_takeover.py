"""HAProxy goes, in every way it can, and comes back: its clients are served all the time."""

import os
import signal

import pytest

import mqtt
from flock import Flock
from lab import wait_for
from standing import Standing, kernel_tells_how_it_ended

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")


@pytest.fixture
def n(count):
    """How many clients."""
    return count(200, 2000)


@pytest.fixture
def place(request, lab, monkeypatch):
    """`@pytest.mark.standby(...)`: what usher.json says of it. Not started."""
    marker = request.node.get_closest_marker("standby")
    return Standing(lab, monkeypatch, **(marker.kwargs if marker else {}))


@pytest.fixture
def flock(place, n):
    """All is well, and all are served by HAProxy."""
    place.start()
    with Flock(place.lab.ports["mqtt"], n) as flock:
        yield flock.begin()


def test_killed(place, flock):
    place.kill()
    flock.wait_lost()
    wait_for(lambda: place.standby["reason"] == "crashed", "the reason to be known")
    assert place.metrics()['usher_standby_state{state="reigning"}'] == 1
    assert place.metrics()["usher_takeovers_total"] == 1
    assert place.check() == (1, "WARNING: usher serves in HAProxy's place")
    place.start_haproxy(1)
    flock.wait_served()
    assert flock.figures["lost"] == place.standby["sessions"] == len(flock.members)
    assert place.lab.place("newcomer")
    assert place.standby["sessions"] == len(flock.members), "newcomers are HAProxy's"
    assert place.check()[0] == 0
    place.assert_kind(flock, "killed")


@pytest.mark.standby(drain="1000/1s")
def test_drained(place, flock):
    """HAProxy is back: usher's sessions end at the policy's pace, and come to HAProxy."""
    place.kill()
    flock.wait_lost()
    place.start_haproxy(1)
    flock.wait_lost(2)
    place.lab.usher.wait_log(" drained")
    assert place.standby["sessions"] == 0
    assert place.takeovers == 1
    place.assert_kind(flock, "drained")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_stopped(place, flock, number):
    """By an operator. By default usher serves whenever HAProxy does not."""
    place.lab.haproxy.process.send_signal(number)
    place.wait_takeovers(1)
    assert place.lab.place("newcomer")
    if number == signal.SIGUSR1:
        assert place.lab.haproxy.process.running, "its sessions go on"
        assert flock.figures["lost"] == 0
        wait_for(lambda: place.standby["reason"] == "stopped", "the reason to be known")
        place.kill()
    flock.wait_lost()
    place.start_haproxy(1)
    assert place.takeovers == 1
    place.assert_kind(flock, f"stopped by {number.name}")


@pytest.mark.standby(drain="8000/1s")
def test_deaths_in_a_row(place, flock, count):
    """Each is an event of its own: nobody pays for the deaths before."""
    for times in range(1, count(5, 20) + 1):
        place.kill()
        flock.wait_lost(2 * times - 1)
        place.start_haproxy(times)
        flock.wait_lost(2 * times)
    assert place.takeovers == times
    place.assert_kind(flock, f"{times} deaths")


def test_reloaded(place, flock, count):
    """Old process and new: there is always one that listens, so usher has nothing to do."""
    with mqtt.Load(place.lab.ports["mqtt"], threads=2) as load:
        for _ in range(count(3, 20)):
            place.lab.haproxy.reload()
            place.wait_known()
    flock.wait_served()
    print(f"\nvisitors: {dict(load.outcomes)}")
    assert place.takeovers == 0
    assert flock.figures["lost"] == 0
    assert load.outcomes[0] > 0 and "refused" not in load.outcomes
    place.assert_kind(flock, "reloaded")


def test_upgraded(place, flock):
    """The old process lingers for its sessions, and dies with them: that is not HAProxy's end."""
    old = place.lab.haproxy.process
    place.lab.haproxy.reload()
    place.wait_known()
    assert place.lab.place("newcomer")
    assert old.running
    old.kill()
    flock.wait_lost()
    assert place.takeovers == 0
    place.kill()
    flock.wait_lost(2)
    assert place.takeovers == 1
    place.assert_kind(flock, "upgraded")


def test_hung(place, flock):
    """It listens and does nothing: nobody can help but who kills it, so that is said."""
    haproxy, usher = place.lab.haproxy.process, place.lab.usher
    haproxy.send_signal(signal.SIGSTOP)
    usher.wait_log("haproxy hung")
    assert place.check() == (2, "CRITICAL: HAProxy listens and does not answer")
    haproxy.send_signal(signal.SIGCONT)
    usher.wait_log("haproxy answers again")
    place.wait_state("standby")
    assert flock.figures["lost"] == 0
    haproxy.send_signal(signal.SIGSTOP)
    wait_for(lambda: usher.log().count("haproxy hung") == 2, "it to be said again")
    os.kill(haproxy.pid, signal.SIGKILL)
    flock.wait_lost()
    assert place.takeovers == 1
    place.assert_kind(flock, "hung")


@pytest.mark.standby(drain="4/1s")
def test_drained_slowly(place):
    """Fewer at a time than there are workers: each of them has its turn."""
    place.start()
    with Flock(place.lab.ports["mqtt"], 10) as flock:
        flock.begin()
        place.kill()
        flock.wait_lost()
        place.start_haproxy(1)
        flock.wait_lost(2)
        place.lab.usher.wait_log(" drained")


@pytest.mark.standby(start_delay="1h")
def test_reign_of_long_ago(place):
    """Killed in its reign, and again when HAProxy had come back: it was not reigning then."""
    place.start()
    place.kill()
    place.wait_takeovers(1)
    place.lab.kill_usher()
    place.lab.start_haproxy()
    place.start_usher()
    place.wait_state("standby")
    place.lab.kill_usher()
    place.kill()
    place.start_usher()
    assert place.standby["state"] == "waiting"


def test_hung_killed_and_back(place):
    """The next HAProxy is not the one that hung."""
    place.start()
    place.lab.haproxy.process.send_signal(signal.SIGSTOP)
    place.lab.usher.wait_log("haproxy hung")
    os.kill(place.lab.haproxy.process.pid, signal.SIGKILL)
    place.wait_takeovers(1)
    place.start_haproxy(1)
    assert place.lab.usher.log().count("haproxy hung") == 1


@pytest.mark.standby(start_delay="1h")
def test_late(place, n):
    """At boot usher may be the first, and waits."""
    place.lab.start_brokers()
    place.start_usher()
    place.wait_state("waiting")
    assert place.check() == (2, "CRITICAL: HAProxy is not there")
    with Flock(place.lab.ports["mqtt"], n) as flock:
        wait_for(lambda: flock.figures["refused"], "them to find nobody")
        place.lab.start_haproxy()
        place.wait_state("standby")
        place.wait_known()
        place.lab.wait_agent_up()
        flock.begin()
        place.kill()
        flock.wait_lost()
        place.start_haproxy(1)
        assert place.takeovers == 1
        place.assert_kind(flock, "late")


@pytest.mark.standby(start_delay="300ms", haproxy_uid=0)
def test_absent(place, n):
    """It never comes, until one day it does."""
    place.lab.start_brokers()
    place.start_usher()
    place.lab.usher.wait_log("takeover done reason=absent")
    with Flock(place.lab.ports["mqtt"], n) as flock:
        flock.begin()
        place.start_haproxy(1)
        assert place.lab.place("newcomer")
        assert flock.figures["lost"] == 0
        place.assert_kind(flock, "absent")


@pytest.mark.standby(start_delay="1h")
def test_usher_killed_in_its_reign(place, flock):
    """It goes on where it was, whatever start_delay says."""
    place.kill()
    flock.wait_lost()
    place.wait_kept(flock)
    place.lab.kill_usher()
    place.start_usher()
    place.lab.usher.wait_log("takeover done reason=resumed")
    flock.wait_lost(2)
    place.start_haproxy(1)
    flock.wait_served()
    place.assert_kind(flock, "usher killed")


@pytest.mark.standby(start_delay="1h")
def test_both_killed(place, flock):
    """And both come back, HAProxy last. The clients are usher's, from a time before."""
    place.kill()
    flock.wait_lost()
    place.start_haproxy(1)
    place.wait_kept(flock)
    place.lab.kill_usher()
    place.kill()
    place.start_usher()
    place.wait_state("waiting")
    place.lab.start_haproxy()
    place.wait_state("standby")
    flock.wait_lost(2)
    place.wait_known()
    flock.begin()
    place.kill()
    flock.wait_lost()
    assert place.takeovers == 1
    place.assert_kind(flock, "both killed")


@pytest.mark.standby(on_stop="stay")
def test_operator_wants_nobody(place):
    """A stop is a stop, a crash is a crash."""
    place.start()
    for number in (signal.SIGUSR1, signal.SIGTERM) if kernel_tells_how_it_ended() else ():
        place.kill(number)
        place.wait_state("stopped")
        assert place.check() == (2, "CRITICAL: HAProxy was stopped, and nobody serves in its place")
        place.lab.start_haproxy()
        place.wait_state("standby")
        place.wait_known()
    assert place.takeovers == 0
    place.kill()
    place.wait_takeovers(1)
    assert place.lab.place("newcomer")
