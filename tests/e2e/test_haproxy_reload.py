"""HAProxy is reloaded, killed, doubled, while usher stays: one table for all of them."""

import re

import lab as laboratory
import mqtt
from lab import wait_for

# The runtime socket, also for handing listeners to the next process (`-x`).
HANDS_OVER = ("mode 660 level operator", "mode 660 level operator expose-fd listeners")


def reload_seamlessly(lab):
    lab.haproxy.reload("-x", str(lab.directory / "admin.sock"))
    lab.wait_agent_up()


def reasons(lab, client_id):
    """How each of this client's verdicts came about."""
    return re.findall(rf'verdict action=accept client_id="{client_id}" .* reason=(\w+)',
                      lab.usher.log())


def test_haproxy_reloaded_under_load(lab, count):
    """No client is refused, and usher's table answers whichever process asks."""
    lab.edit_config(HANDS_OVER)
    lab.start()
    ids = [f"c{i}" for i in range(12)]
    homes = {i: lab.place(i) for i in ids}
    with mqtt.Load(lab.ports["mqtt"]) as clients:
        for _ in range(count(5, 20)):
            before = clients.served
            reload_seamlessly(lab)
            assert {i: lab.place(i) for i in ids} == homes
            wait_for(lambda b=before: clients.served > b + 20, "clients to be served")
    assert set(clients.outcomes) == {0}
    # Not HAProxy's stick table, which each reload empties: usher said so.
    for i in ids:
        assert set(reasons(lab, i)[1:]) == {"sticky"}


def test_haproxy_reloaded_without_handing_over(lab, count):
    """A bare -sf: between two listeners a client may be refused; who gets in is served."""
    lab.start()
    ids = [f"c{i}" for i in range(6)]
    homes = {i: lab.place(i) for i in ids}
    with mqtt.Load(lab.ports["mqtt"]) as clients:
        for _ in range(count(2, 20)):
            before = clients.served
            lab.haproxy.reload()
            lab.haproxy.old[-1].wait_log("Proxy mqtt stopped")
            lab.wait_agent_up()
            wait_for(lambda b=before: clients.outcomes[0] > b + 20, "clients to be served")
            assert {i: lab.place(i) for i in ids} == homes
    assert set(clients.outcomes) <= {0, "refused", "closed"}


def test_session_ends_of_the_old_process(lab):
    """A session outlives the reload, and its end is still heard."""
    lab.start()
    held = [mqtt.connect(lab.ports["mqtt"], f"held-{i}") for i in range(6)]
    homes = {f"held-{i}": lab.where(f"held-{i}") for i in range(6)}
    lab.haproxy.reload()
    lab.wait_agent_up()
    for client in held:
        client.ping()
    assert "session end key=" not in lab.usher.log()
    for client in held:
        client.send(mqtt.DISCONNECT)
        client.close()

    def ends():
        return re.findall(r"session end key=(\w+)", lab.usher.log())

    wait_for(lambda: len(set(ends())) == 6, "the ends to be heard")
    assert len(ends()) == 6
    assert {i: lab.place(i) for i in homes} == homes


def test_old_process_goes_when_its_sessions_have(lab):
    lab.start()
    held = mqtt.connect(lab.ports["mqtt"], "held")
    lab.haproxy.reload()
    old = lab.haproxy.old[-1]
    lab.wait_agent_up()
    held.ping()
    assert old.running
    held.close()
    wait_for(lambda: not old.running, "the old process to end")


def test_haproxy_killed(lab):
    """It comes back with an empty table of its own: usher's entries are all there is."""
    lab.start()
    ids = [f"c{i}" for i in range(12)]
    homes = {i: lab.place(i) for i in ids}
    held = mqtt.connect(lab.ports["mqtt"], "held")
    lab.haproxy.process.kill()
    assert held.is_closed()
    lab.usher.wait_log("runtime socket silent")
    lab.start_haproxy()
    lab.wait_agent_up()
    lab.wait_brokers_up()
    assert {i: lab.place(i) for i in reversed(ids)} == homes
    assert lab.place("held") == lab.where("held")
    for i in ids:
        assert reasons(lab, i) == [reasons(lab, i)[0], "sticky"]
    lab.usher.wait_log("runtime socket answers", after=lab.usher.log().index("socket silent"))


def test_several_haproxys_ask_one_usher(lab):
    """Two balancers, each with its own ports: a client is known to both."""
    lab.start()
    ids = [f"c{i}" for i in range(12)]
    directory = lab.directory / "second"
    directory.mkdir()
    ports = {name: laboratory.free_port() for name in ("mqtt", "closed", "stats")}
    env = {**lab.env(), "USHER_RUN": str(directory), "USHER_MQTT_PORT": str(ports["mqtt"]),
           "USHER_CLOSED_PORT": str(ports["closed"]),
           "USHER_STATS": f"127.0.0.1:{ports['stats']}"}
    second = laboratory.HAProxy(directory, lab.config, env).start()
    try:
        wait_for(lambda: laboratory.accepts(ports["mqtt"]), "the second HAProxy to listen")
        lab.wait_agent_up()
        wait_for(lambda: mqtt.visit(ports["closed"], "c0") == 0, "usher to decide for both")
        homes = {i: lab.place(i, ports["mqtt" if n % 2 else "closed"])
                 for n, i in enumerate(ids)}
        assert {i: lab.place(i) for i in ids} == homes
        assert {i: lab.place(i, ports["mqtt"]) for i in reversed(ids)} == homes
        assert len(set(homes.values())) == 3
        # One of the two goes; the other's clients notice nothing.
        lab.haproxy.process.kill()
        assert {i: lab.place(i, ports["mqtt"]) for i in ids} == homes
    finally:
        second.stop()
