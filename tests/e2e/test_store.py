"""Several ushers share what they know of a client through Redis; and Redis has its failures."""

import re
import signal

import pytest

import mqtt
import spop
from lab import ROOT, Process, accepts, free_port, wait_for
from puppet import Puppet
from store import REPORTED, Redis, alone, count, hasty, policy, twins, wait_away, wait_up

SECRET = "s3cret:with@signs/%"
ENCODED = "s3cret:with@signs/%25"


@pytest.fixture
def redis(tmp_path):
    one = Redis(tmp_path)
    yield one
    one.stop()


def visit(lab, client_id):
    """How the server was found, and which it was."""
    assert mqtt.visit(lab.ports["mqtt"], client_id) == 0
    verdict = lab.verdicts(client_id)[-1]
    return verdict["reason"], verdict["server"]


def other_than(server):
    return "emqx1" if server != "emqx1" else "emqx2"


@pytest.mark.doors("haproxy", "proxy")
def test_two_ushers_agree(redis, door):
    """Each client comes to the second usher in another order, and still finds its broker."""
    clients = [f"twin-{n}" for n in range(9)]
    with twins(policy(redis.url), policy(redis.local_url), door=door) as (first, second):
        wait_up(first)
        wait_up(second)
        placed = {}
        for client in clients:
            reason, placed[client] = visit(first, client)
            assert reason == "roundrobin"
            redis.wait_key(client, placed[client])
        assert len(set(placed.values())) == 3
        for client in reversed(clients):
            assert visit(second, client) == ("sticky", placed[client])
        for client in clients:
            assert visit(second, client) == ("sticky", placed[client])
        assert count(second, "hits_total") == count(second, "questions_total") == len(clients)
        assert count(first, "misses_total") == len(clients)


def test_first_decision_stands_until_a_connack(redis):
    """A decision does not move what another usher has written; the broker's CONNACK 0 does."""
    with alone(policy(redis.url)) as lab:
        wait_up(lab)
        _, server = visit(lab, "c")
        redis.wait_key("c", server)
        written = count(lab, "writes_total")
        redis.ask("set", "usher::c", f"{other_than(server)} another")
        assert visit(lab, "c") == ("sticky", server)
        wait_for(lambda: count(lab, "writes_total") > written, "the decision to be written")
        assert redis.value("usher::c") == other_than(server)


@pytest.mark.doors("haproxy", "proxy")
def test_the_last_connack_wins(redis, door):
    with alone(policy(redis.url), REPORTED if door == "haproxy" else (), door) as lab:
        wait_up(lab)
        _, server = visit(lab, "c")
        redis.wait_key("c", server)
        redis.ask("set", "usher::c", f"{other_than(server)} another")
        assert visit(lab, "c") == ("sticky", server)
        redis.wait_key("c", server)


def test_broker_says_not_here(redis):
    """The entry goes from the store as well, so that no usher sends the client straight back."""
    refuses = Puppet("emqx1", lambda connect: b"\x20\2\0\3")
    with twins(policy(redis.url), edits=REPORTED, puppets=[refuses]) as (first, second):
        wait_up(first)
        wait_up(second)
        redis.ask("set", "usher::c", "emqx1 another")
        assert mqtt.visit(first.ports["mqtt"], "c") == 3
        assert first.verdicts("c")[-1]["reason"] == "sticky"
        wait_for(lambda: not redis.value("usher::c"), "the key to go")
        assert mqtt.visit(second.ports["mqtt"], "c") == 3
        assert second.verdicts("c")[-1]["reason"] == "roundrobin"


def test_a_replay_moves_the_key(redis):
    """usher in HAProxy's place takes the client to another broker, and the store hears of it."""
    refuses = Puppet("emqx1", lambda connect: b"\x20\2\0\3")
    with twins(policy(redis.url), puppets=[refuses], door="proxy") as (first, second):
        wait_up(first)
        wait_up(second)
        redis.ask("set", "usher::c", "emqx1 another")
        assert mqtt.visit(first.ports["mqtt"], "c") == 0
        assert first.verdicts("c")[-1]["reason"] == "sticky"
        server = wait_for(lambda: redis.value("usher::c") != "emqx1" and redis.value("usher::c"),
                          "the key to move")
        assert visit(second, "c") == ("sticky", server)


def test_key_lives_as_long_as_its_session(redis):
    """max_life while somebody is connected, `expire` from the end of the last session on."""
    rules = policy(redis.url)
    rules["stickiness"] |= {"expire": "10m", "max_life": "2h"}
    minute = 60_000
    with twins(rules) as (first, second):
        wait_up(first)
        wait_up(second)
        with mqtt.connect(first.ports["mqtt"], "c"):
            redis.wait_key("c")
            assert 119 * minute < int(redis.ask("pttl", "usher::c")) <= 120 * minute
            # The client goes over to the second usher, and then its old connection ends.
            newer = mqtt.connect(second.ports["mqtt"], "c")
            wait_for(lambda: count(second, "writes_total") >= 1, "the second one to write")
        before = count(first, "writes_total")
        wait_for(lambda: count(first, "writes_total") > before or
                 "session end key=" in first.usher.log(), "the first session to end")
        assert int(redis.ask("pttl", "usher::c")) > 119 * minute, "it has a session elsewhere"
        newer.close()
        wait_for(lambda: int(redis.ask("pttl", "usher::c")) <= 10 * minute, "its life to be short")
        assert redis.value("usher::c")


def test_store_dies_under_load(redis):
    """Nobody is refused or served without usher; what was decided meanwhile is written after."""
    with alone(hasty(redis.url)) as lab:
        wait_up(lab)
        with mqtt.Load(lab.ports["mqtt"]) as load:
            for failure in (redis.stop, lambda: redis.ask("flushall")):
                served = load.served
                wait_for(lambda s=served: load.served > s + 20, "some clients")
                failure()
                if not redis.process.running:
                    wait_away(lab)
                    _, server = visit(lab, "meanwhile")
                    served = load.served
                    wait_for(lambda s=served: load.served > s + 20, "clients without a store")
                    redis.start()
                    wait_up(lab)
                    redis.wait_key("meanwhile", server)
            visit(lab, "afterwards")
            redis.wait_key("afterwards")
            _, again = visit(lab, "meanwhile")
            redis.wait_key("meanwhile", again)
            assert again == server
        assert set(load.outcomes) == {0}, load.outcomes
        metrics = lab.admin.metrics()
        assert metrics["usher_overloaded_total"] == 0
        assert metrics['usher_decisions_total{action="accept"}'] == load.served + 3
        said = [line for line in lab.usher.log().splitlines() if " store " in line]
        assert len([line for line in said if "store away" in line]) == 1, said
        assert len([line for line in said if "store up" in line]) == 2, said


def test_store_hangs(redis):
    """It takes everything and says nothing: only those of the first second wait, and not long."""
    with alone(hasty(redis.url)) as lab, mqtt.Load(lab.ports["mqtt"]) as load:
        wait_up(lab)
        redis.pause()
        wait_away(lab)
        late, unasked, served = (count(lab, "late_total"), count(lab, "unasked_total"),
                                 load.served)
        assert late > 0, "nobody asked a store that hangs"
        wait_for(lambda: load.served > served + 50, "clients without a store")
        assert count(lab, "late_total") == late
        assert count(lab, "unasked_total") >= unasked + 40
        redis.go_on()
        wait_up(lab)
        hits = count(lab, "misses_total")
        wait_for(lambda: count(lab, "misses_total") > hits, "the store to be asked again")
    assert set(load.outcomes) == {0}, load.outcomes


def waits(redis, lab, n=300):
    """A connection from HAProxy with so many questions, all of which wait for the store."""
    wait_up(lab)
    redis.pause()
    peer = spop.Peer(lab.ports["agent"]).ready()
    asked = count(lab, "questions_total")
    peer.send(*(spop.notify(f"waits-{i}", i) for i in range(n)))
    wait_for(lambda: count(lab, "questions_total") == asked + n, "all questions to be put")
    return peer


def test_answers_come_when_the_store_speaks(redis):
    """Others are answered meanwhile, on the same connection too; then each one is, once."""
    with alone(policy(redis.url)) as lab:
        _, server = visit(lab, "known")
        with waits(redis, lab) as peer:
            peer.send(spop.notify("known", 1000))
            first = peer.frame()
            assert first.stream == 1000 and first.variables["srv1"] == server
            redis.go_on()
            acks = peer.frames(300)
            assert sorted(ack.stream for ack in acks) == list(range(300))
            assert all(ack.variables["action"] == "accept" for ack in acks)
        assert count(lab, "late_total") == 0


def test_haproxy_goes_while_it_waits(redis):
    """The answers that come then are nobody's."""
    with alone(policy(redis.url)) as lab:
        waits(redis, lab).close()
        visit(lab, "another")
        redis.go_on()
        with spop.Peer(lab.ports["agent"]).ready() as peer:
            assert peer.ask("waits-1")["action"] == "accept"


def test_stop_while_it_waits(redis):
    """What has arrived is answered without the store, and then comes DISCONNECT."""
    with alone(policy(redis.url)) as lab, waits(redis, lab) as peer:
        assert lab.usher.stop() == 0
        assert sorted(ack.stream for ack in peer.frames(300)) == list(range(300))
        assert peer.end() == 0


def test_reload_while_it_waits(redis):
    """Without a store from now on: those who wait are answered at once."""
    with alone(policy(redis.url)) as lab, waits(redis, lab) as peer:
        lab.write_policy({"agent": {"max_delay": "3s"}, "admin": {"listen": lab.admin.address}})
        lab.usher.send_signal(signal.SIGHUP)
        assert sorted(ack.stream for ack in peer.frames(300)) == list(range(300))
        lab.usher.wait_log("reload done")


WIRE = """
defaults
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen wire
    bind 127.0.0.1:{port}
    server redis 127.0.0.1:{redis}
"""


def test_one_usher_is_cut_off(redis, tmp_path):
    """It goes on alone; what it decided is there for the other one on a new line."""
    port = free_port()
    (tmp_path / "wire.cfg").write_text(WIRE.format(port=port, redis=redis.port))

    def lay_wire(name):
        wire = Process(name, ["haproxy", "-db", "-f", str(tmp_path / "wire.cfg")], tmp_path)
        wait_for(lambda: accepts(port), "the wire")
        return wire

    wire = lay_wire("wire1")
    try:
        with twins(policy(f"redis://127.0.0.1:{port}"), policy(redis.url)) as (first, second):
            wait_up(first)
            wait_up(second)
            wire.send_signal(signal.SIGSTOP)
            wait_away(first)
            placed = {f"c{n}": visit(first, f"c{n}")[1] for n in range(6)}
            assert not redis.keys()
            # What is under way on the line is lost with it.
            wire.send_signal(signal.SIGKILL)
            wire.stop()
            wire = lay_wire("wire2")
            for client, server in placed.items():
                redis.wait_key(client, server)
            for client in reversed(placed):
                assert visit(second, client) == ("sticky", placed[client])
    finally:
        wire.kill()


def test_password(tmp_path):
    """By URL or by file; a wrong one is said clearly; none is ever seen."""
    redis = Redis(tmp_path, SECRET)
    file = tmp_path / "password"
    file.write_text(SECRET + "\n")
    try:
        ways = {
            "url": policy(redis.url.replace("//", f"//:{ENCODED}@") + "/3"),
            "file": policy(redis.local_url, password_file=str(file)),
            "wrong": policy(redis.url.replace("//", "//:not-the-s3cret@")),
            "none": policy(redis.url),
        }
        with alone(ways["url"]) as lab:
            wait_up(lab)
            for way in ("file", "wrong", "none"):
                lab.write_policy({**ways[way], "admin": {"listen": lab.admin.address}})
                at = len(lab.usher.log())
                lab.usher.send_signal(signal.SIGHUP)
                if way == "file":
                    lab.usher.wait_log(r"store up url=unix:///\S+redis.sock", after=at)
                else:
                    said = lab.usher.wait_log(r'store refused url=(\S+) reason="([^"]*)"', after=at)
                    assert said[1] == redis.url + "/0"
                    assert said[2].startswith("WRONGPASS" if way == "wrong" else "NOAUTH")
            visit(lab, "c")
            shown = lab.usher.log() + lab.admin.get("/metrics")
            shown += lab.admin.run("status", "--json").stdout
            assert "s3cret" not in shown
    finally:
        redis.stop()


def test_user_of_its_own(redis):
    """With no more rights than docs/store.md gives it."""
    text = (ROOT / "docs/store.md").read_text()
    rule = re.search(r"ACL SETUSER usher on (.*)", text)[1].replace("PASSWORD", SECRET).split()
    redis.ask("acl", "setuser", "usher", "on", *rule)
    redis.ask("config", "set", "maxmemory", "100mb", "maxmemory-policy", "volatile-ttl")
    refuses = Puppet("emqx1", lambda connect: b"\x20\2\0\3")
    url = redis.url.replace("//", f"//usher:{ENCODED}@") + "/0"
    with twins(policy(url), edits=REPORTED, puppets=[refuses]) as (first, second):
        wait_up(first)
        wait_up(second)
        assert mqtt.visit(first.ports["mqtt"], "c") == 3
        _, server = visit(first, "c")
        redis.wait_key("c", server)
        assert visit(second, "c") == ("sticky", server)
        for lab in (first, second):
            assert "store write refused" not in lab.usher.log()


def test_reload_goes_to_another_store(redis, tmp_path):
    (tmp_path / "other").mkdir()
    other = Redis(tmp_path / "other")
    try:
        with alone(policy(redis.url)) as lab:
            wait_up(lab)
            _, server = visit(lab, "a")
            redis.wait_key("a")
            lab.write_policy({**policy(other.url, prefix="mqtt/"),
                              "admin": {"listen": lab.admin.address}})
            lab.usher.send_signal(signal.SIGHUP)
            lab.usher.wait_log(rf"store up url=redis://127.0.0.1:{other.port}/0")
            wait_up(lab)
            assert visit(lab, "a") == ("sticky", server)
            wait_for(lambda: other.value("mqtt/:a") == server, "the entry in the other store")
            lab.write_policy({"admin": {"listen": lab.admin.address}})
            lab.usher.send_signal(signal.SIGHUP)
            lab.usher.wait_log("reload done(?s:.*)reload done")
            wait_away(lab)
            assert visit(lab, "a") == ("sticky", server)
    finally:
        other.stop()
