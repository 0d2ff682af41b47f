"""usher run beside HAProxies it could keep from coming back, and beside those it cannot see."""

import os
import shutil
import signal
import subprocess

import pytest

import lab as laboratory
import mqtt
import netns
import standing
from lab import accepts, free_port, wait_for
from standing import Standing

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change users")


@pytest.fixture
def place(request, lab, monkeypatch):
    marker = request.node.get_closest_marker("standby")
    return Standing(lab, monkeypatch, **(marker.kwargs if marker else {}))


def refused(place):
    """usher does not start; what it says."""
    done = subprocess.run(place.lab.usher_command("-j", "2", command="run"), env={
        **os.environ, **place.lab.env()}, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr


def unsay_user(place):
    """Nothing in the file says that HAProxy was root."""
    place.lab.edit_config(("    user haproxy\n    group haproxy\n", ""))


def start_as(place, user):
    """An HAProxy that never was root, as in its official image."""
    shutil.chown(place.lab.directory, "haproxy")
    place.lab.start_haproxy(user=user)


def test_haproxy_that_never_was_root(place):
    """Its sockets are its own user's, and so are ours then: it can come back."""
    unsay_user(place)
    place.lab.start_brokers()
    start_as(place, "haproxy")
    place.start_usher()
    place.wait_known()
    place.kill()
    place.wait_takeovers(1)
    assert place.lab.place("c1")
    start_as(place, "haproxy")
    place.wait_given_back(1)
    place.wait_state("standby")


@pytest.mark.standby(start_delay="300ms")
def test_whose_it_is_nobody_knows(place):
    """HAProxy may be anybody's: usher does not listen before it has seen it, or is told."""
    unsay_user(place)
    place.lab.start_brokers()
    place.start_usher()
    place.lab.usher.wait_log("haproxy absent .*cure=\"standby.haproxy_uid, ")
    assert place.standby["state"] == "waiting"
    start_as(place, "haproxy")
    place.lab.usher.wait_log("standby unfit haproxy_uid=\\d+ uid=0 ")
    place.wait_state("unfit")
    wait_for(lambda: place.check() == (1, "WARNING: usher cannot take HAProxy's place, see its log"),
             "status to say so, once HAProxy's runtime socket answers")
    place.kill()
    start_as(place, "haproxy")
    assert place.takeovers == 0


@pytest.mark.standby(start_delay="300ms", haproxy_uid=0)
def test_told_whose_it_is(place):
    unsay_user(place)
    place.lab.start_brokers()
    place.start_usher()
    place.lab.usher.wait_log("takeover done reason=absent")
    place.lab.start_haproxy()
    place.wait_given_back(1)


@pytest.mark.standby(haproxy_uid=4711)
def test_told_wrong(place):
    place.lab.start_brokers()
    place.lab.start_haproxy()
    assert "HAProxy's sockets belong to user id 0, and usher.json says " \
        "standby.haproxy_uid: 4711; write 0 there" in refused(place)


@pytest.mark.parametrize("is_there", [True, False])
def test_without_the_power_to_make_such_sockets(place, is_there):
    """Bound as another user, it would keep HAProxy from coming back: better not at all."""
    place.lab.start_brokers()
    if is_there:
        place.lab.start_haproxy()
    place.lab.wrapper = place.as_user("nobody", "+net_bind_service")
    assert "with sockets of user id 0: making sockets for another user takes CAP_CHOWN" \
        in refused(place)


def test_noreuseport(place):
    place.lab.edit_config(("\nglobal\n", "\nglobal\n    noreuseport\n"))
    for more in ((), ("-c",)):
        done = subprocess.run(place.lab.usher_command(*more, command="run"), env={
            **os.environ, **place.lab.env()}, capture_output=True, text=True, timeout=30,
            check=False)
        assert done.returncode == 1
        assert "'noreuseport' : HAProxy could not come back" in done.stderr


@pytest.mark.skipif(not netns.is_possible(), reason="needs root and namespaces")
@pytest.mark.parametrize("may_look", [True, False])
def test_another_network_namespace(place, may_look):
    """Of what usher may see of its process: it does not start, or says what it waits for."""
    room = netns.Room(place.lab.directory, "other", "")
    try:
        place.lab.start_brokers()
        place.lab.haproxy = laboratory.HAProxy(
            place.lab.directory, place.lab.config, place.lab.env(),
            [*room.command, "haproxy"]).start()
        wait_for((place.lab.directory / "admin.sock").exists, "HAProxy's socket")
        if may_look:
            place.lab.wrapper = []
            assert "is in another network namespace than usher" in refused(place)
        else:
            place.start_usher()
            place.lab.usher.wait_log("haproxy unseen")
            assert place.standby["state"] == "waiting"
    finally:
        room.close()


def unsay_runtime_socket(place):
    text = place.lab.config.read_text()
    line = next(x for x in text.splitlines() if "stats socket" in x)
    place.lab.edit_config((line + "\n", ""))


def test_without_runtime_socket(place):
    """Nothing tells of HAProxy's process: the sockets alone do."""
    unsay_runtime_socket(place)
    place.lab.start_brokers()
    place.lab.start_haproxy()
    place.start_usher()
    place.wait_state("standby")
    place.kill()
    place.wait_takeovers(1)
    assert place.lab.place("c1")
    place.lab.start_haproxy()
    place.wait_given_back(1)
    assert place.takeovers == 1


@pytest.mark.standby(start_delay="300ms")
def test_user_in_the_file_is_no_proof(place):
    """HAProxy may be that user already when it is started, as in a container: then sockets of
    root's that listen would keep it from coming back."""
    place.lab.start_brokers()
    place.start_usher()
    place.lab.usher.wait_log("haproxy absent ")
    start_as(place, "haproxy:haproxy")
    place.lab.usher.wait_log("standby unfit ")
    assert place.takeovers == 0


@pytest.mark.standby(start_delay="300ms")
def test_chroot_in_the_file_is_proof(place):
    """Only root can follow it."""
    place.lab.edit_config(("\nglobal\n", f"\nglobal\n    chroot {place.lab.directory}\n"))
    place.lab.start_brokers()
    place.start_usher()
    place.lab.usher.wait_log("takeover done reason=absent")
    place.lab.start_haproxy()
    place.wait_given_back(1)


def test_number_of_another_process(place):
    """HAProxy in a PID namespace of its own names a number that is here somebody else's, who lives
    in another network: that is not HAProxy's."""
    stranger = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
    try:
        place.lab.start_brokers()
        place.lab.haproxy = laboratory.HAProxy(
            place.lab.directory, place.lab.config, place.lab.env(),
            ["unshare", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c",
             f'echo {stranger.pid - 1} > /proc/sys/kernel/ns_last_pid; "$0" "$@" & wait',
             "haproxy"]).start()
        wait_for((place.lab.directory / "admin.sock").exists, "HAProxy's socket")
        assert f"Pid: {stranger.pid}\n" in place.lab.haproxy.ask("show info")
        place.lab.wrapper = []
        place.start_usher()
        place.wait_state("standby")
    finally:
        stranger.kill()
        stranger.wait()


def servers_up(place):
    """Broker → whether usher counts on it."""
    row = 'usher_server_state{backend="mqtt_backend",server="%s",state="up"}'
    metrics = place.metrics()
    return {name: metrics[row % name] == 1 for name in place.lab.brokers}


def test_nobody_says_that_a_server_is_back(place):
    """Down in usher's eyes when HAProxy comes back, and no runtime socket: the file counts again,
    or usher would never send anybody there."""
    unsay_runtime_socket(place)
    place.lab.start_brokers()
    place.lab.start_haproxy()
    place.start_usher()
    place.wait_state("standby")
    place.kill()
    place.wait_takeovers(1)
    place.lab.brokers["emqx1"].process.stop()
    wait_for(lambda: not servers_up(place)["emqx1"], "usher to miss emqx1", 30)
    place.lab.start_haproxy()
    place.wait_given_back(1)
    assert all(servers_up(place).values())


def add_frontend(place, port):
    place.lab.edit_config(("\nfrontend mqtt_closed\n",
                           f"\nfrontend at_{port}\n    bind 127.0.0.1:{port}\n"
                           "    default_backend mqtt_backend\n\nfrontend mqtt_closed\n"))


def test_reloaded_with_another_address(place):
    """What is new is stood in for, now or the next time; what is gone is not."""
    place.start()
    first, second = free_port(), free_port()
    add_frontend(place, first)
    place.lab.haproxy.reload()
    place.lab.usher.send_signal(signal.SIGHUP)
    place.lab.usher.wait_log("reload done")
    place.wait_known()
    place.kill()
    for old in place.lab.haproxy.old:
        old.kill()
    place.wait_takeovers(1)
    assert mqtt.visit(first, "c1") == 0
    add_frontend(place, second)
    place.lab.edit_config((f"bind 127.0.0.1:{first}", f"bind 127.0.0.1:{free_port()}"))
    place.lab.usher.send_signal(signal.SIGHUP)
    wait_for(lambda: place.lab.usher.log().count("reload done") == 2, "the reload")
    assert mqtt.visit(second, "c1") == 0
    wait_for(lambda: not accepts(first), "the old address to close")
    place.start_haproxy(1)
    assert place.lab.place("c1")


def test_unix_sockets_are_haproxys_alone(place):
    path = place.lab.directory / "mqtt.sock"
    place.lab.edit_config(("\nfrontend mqtt_closed\n",
                           f"\nfrontend local\n    bind unix@{path}\n"
                           "    default_backend mqtt_backend\n\nfrontend mqtt_closed\n"))
    place.start()
    assert f"[unix@{path}] is HAProxy's alone" in place.lab.usher.log()
    place.kill()
    place.wait_takeovers(1)
    place.lab.start_haproxy()
    place.wait_given_back(1)


@pytest.fixture
def master(place):
    """HAProxy as Debian's unit starts it: a master, and a worker that serves."""
    place.lab.start_brokers()
    master = laboratory.Process("master", ["haproxy", "-W", "-f", str(place.lab.config)],
                                place.lab.directory, place.lab.env())
    wait_for(lambda: accepts(place.lab.ports["mqtt"]), "HAProxy to listen")
    yield master
    master.kill()


def worker(place):
    """The process that answers, as usher knows it."""
    return wait_for(lambda: place.status().get("haproxy", {}).get("pid"), "usher to know it")


def test_master_and_worker(place, master, count):
    place.start_usher()
    with mqtt.Load(place.lab.ports["mqtt"], threads=2) as load:
        for _ in range(count(3, 20)):
            before = worker(place)
            master.send_signal(signal.SIGUSR2)
            wait_for(lambda pid=before: worker(place) != pid, "another worker")
    assert place.takeovers == 0
    assert load.outcomes[0] > 0 and "refused" not in load.outcomes
    os.kill(worker(place), signal.SIGKILL)
    place.wait_takeovers(1)
    wait_for(lambda: place.standby["reason"] == "crashed", "the reason to be known")
    assert place.lab.place("c1")


@pytest.mark.standby(on_stop="stay")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_master_is_stopped(place, master, number):
    if not standing.kernel_tells_how_it_ended():
        pytest.skip("needs Linux 6.15")
    place.start_usher()
    worker(place)
    master.send_signal(number)
    place.wait_state("stopped")
    assert place.takeovers == 0
