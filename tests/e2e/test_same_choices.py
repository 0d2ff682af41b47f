"""One haproxy.cfg, one list of clients, two load balancers: HAProxy and `usher proxy`.

Each case is carried by both, one after the other, in front of the same brokers; what becomes of
each client must be equal. Where the order within a round is nobody's promise, rounds are compared.
"""

import collections
import contextlib
import random
import re
import select

import pytest

import lab as laboratory
import mqtt
from lab import wait_for
from puppet import ACCEPTED, Puppet

CLIENT_ID = "req.payload(0,0),mqtt_field_value(connect,client_identifier)"
USERNAME = "req.payload(0,0),mqtt_field_value(connect,username)"
HEAD = """
global
    stats socket "unix@${RUN}/admin.sock" mode 660 level operator

defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout queue 30s
    timeout check 1s
"""
OPAQUE = """
frontend front
    bind "127.0.0.1:${PORT}"
    default_backend brokers
"""
READING = """
frontend front
    bind "127.0.0.1:${PORT}"
    tcp-request inspect-delay 5s
    tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }
    default_backend brokers
"""
NAMES = ("b1", "b2", "b3")


def servers(*options, names=NAMES):
    """One line a broker; options: what stands behind each address."""
    options = options or ("",) * len(names)
    return "".join(f'    server {name} "127.0.0.1:${{{name.upper()}}}" {more}\n'
                   for name, more in zip(names, options))


class Door:
    """One of the two load balancers, running, and the clients that come to it."""

    def __init__(self, kind, twins):
        self.kind, self.port = kind, laboratory.free_port()
        twins.n_doors += 1
        self.directory = twins.directory / f"{kind}{twins.n_doors}"
        self.directory.mkdir()
        self.brokers = twins.brokers
        self.env = {"RUN": str(self.directory), "PORT": str(self.port),
                    "PORT2": str(laboratory.free_port()), "DEAD": str(laboratory.free_port()),
                    **{name.upper(): str(b.port) for name, b in self.brokers.items()}}
        self.config, self.n_clients = twins.config, 0
        self.haproxy = self.usher = None

    def __enter__(self):
        if self.kind == "haproxy":
            self.haproxy = laboratory.HAProxy(self.directory, self.config, self.env).start()
            wait_for(self.haproxy_answers, "HAProxy to listen")
        else:
            self.usher = laboratory.Process(
                "usher", [laboratory.USHER, "proxy", "-d", "-f", str(self.config)],
                self.directory, self.env)
            self.usher.wait_log("proxy ready")
        return self

    def __exit__(self, kind, *_):
        if self.haproxy:
            self.haproxy.stop()
            return
        status = self.usher.stop()
        assert kind or status == 0, self.usher.log()[-3000:]

    def haproxy_answers(self):
        """No connection to its port: that might be somebody's turn."""
        assert self.haproxy.process.running, self.haproxy.process.log()
        try:
            return "Pid" in self.haproxy.ask("show info")
        except OSError:
            return False

    def client(self, source=None, port="PORT"):
        self.n_clients += 1
        return mqtt.Client(int(self.env[port]), source=source)

    def stay(self, client_id="", source=None, port="PORT", **options):
        """Connect; the client, and the broker that took it or "closed"."""
        try:
            client = self.client(source, port)
        except ConnectionError:  # reset before its options were set
            return None, "closed"
        with contextlib.suppress(ConnectionError):  # reset before it could speak
            client.send(mqtt.connect_packet(client_id, **options))
        return client, said_by(client)

    def go(self, *args, **options):
        """The same, and away again."""
        client, name = self.stay(*args, **options)
        if client:
            client.close()
        return name

    def wait_open(self, n):
        """Until it carries so many, and knows of everybody who has left."""
        wait_for(lambda: self.n_open() == n, f"{self.kind} to carry {n}")

    def n_open(self):
        if self.haproxy:
            return int(re.search(r"CurrConns: (\d+)", self.haproxy.ask("show info"))[1])
        return self.n_clients - self.usher.log().count("session closed")


def said_by(client):
    """Who answers: each broker says its name behind its CONNACK."""
    try:
        assert client.read_connack() == 0
        _, body = client.read_packet()
    except mqtt.Closed:
        return "closed"
    return body[2:].decode()


class Twins:
    def __init__(self, directory):
        self.directory, self.config = directory, directory / "haproxy.cfg"
        self.n_doors = 0
        self.brokers = {name: Puppet(name, lambda _, n=name: ACCEPTED + mqtt.publish_packet(n, b""))
                        for name in NAMES}
        for broker in self.brokers.values():
            broker.start()

    def each(self, text, script):
        """What the script returns at HAProxy and at usher."""
        self.config.write_text(HEAD + text)
        results = []
        for kind in ("haproxy", "proxy"):
            for broker in self.brokers.values():
                wait_for(lambda b=broker: not b.open, "the brokers to be empty")
                broker.visits.clear()
                if not broker.process.running:
                    broker.start()
            with Door(kind, self) as door:
                results.append(script(door))
        return results

    def same(self, text, script):
        """What it returns at both."""
        haproxy, proxy = self.each(text, script)
        assert proxy == haproxy
        return haproxy

    def close(self):
        for broker in self.brokers.values():
            if broker.process.running:
                broker.stop()


@pytest.fixture
def twins(tmp_path):
    one = Twins(tmp_path)
    yield one
    one.close()


# Which servers count, and how much --------------------------------------------------------------

# `check port`: the broker serves and its check says no, so that nothing else keeps clients off.
DOWN = "check port \"${DEAD}\" inter 50ms fall 1 rise 1"
UP = "check inter 50ms fall 1 rise 1"
STATES = {
    "all_up": ("", ("", "", "")),
    "weights": ("", ("weight 5", "weight 2", "weight 3")),
    "large_weights": ("", ("weight 50", "weight 20", "weight 30")),
    "one_disabled": ("", ("", "disabled", "")),
    "one_draining": ("", ("", "weight 0", "")),
    "one_down": ("", (UP, DOWN, UP)),
    "one_down_with_weights": ("", (f"{UP} weight 5", f"{DOWN} weight 2", f"{UP} weight 3")),
    "backup_while_others_live": ("", ("", "", "backup")),
    "first_backup_alone": ("", ("disabled", "backup", "backup")),
    "all_backups": ("option allbackups", ("disabled", "backup", "backup")),
    "backup_when_the_rest_is_down": ("", (DOWN, DOWN, "backup")),
    "draining_and_backup": ("", ("weight 0", "weight 0", "backup")),
    "nobody": ("", ("disabled", "disabled", "disabled")),
    "all_draining": ("", ("weight 0", "weight 0", "weight 0")),
}


def backend(balance, state, more=""):
    option, options = STATES[state]
    return f"\nbackend brokers\n    balance {balance}\n    {option}\n{more}{servers(*options)}"


def wait_checked(door, state):
    """Until nobody gets to those whose check fails."""
    down = {name for name, more in zip(NAMES, STATES[state][1]) if DOWN in more}
    if down:
        wait_for(lambda: not down & {door.go(source=f"127.0.{n}.{n}") for n in range(1, 13)},
                 "the check to be believed")


@pytest.mark.parametrize("state", STATES)
def test_source_sends_each_address_to_the_same_server(twins, state, count):
    sources = [f"127.{n % 5}.{n % 7}.{n % 250 + 1}" for n in range(count(30, 500))]

    def script(door):
        wait_checked(door, state)
        return {source: door.go(source=source) for source in sources}

    homes = twins.same(OPAQUE + backend("source", state), script)
    assert len(set(homes.values())) > 1 or state in (
        "backup_when_the_rest_is_down", "draining_and_backup", "first_backup_alone", "nobody",
        "all_draining")


ROUNDS = {"weights": 10, "large_weights": 100, "one_down_with_weights": 8}  # else one of 6


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("balance", ("roundrobin", "static-rr"))
def test_rounds_have_equal_counts(twins, balance, state, count):
    def script(door):
        wait_checked(door, state)
        n = ROUNDS.get(state, 6) * count(2, 20)
        return collections.Counter(door.go() for _ in range(n))

    twins.same(OPAQUE + backend(balance, state), script)


def load_of(n_clients, weight):
    """What leastconn compares; a server without clients comes before all."""
    return (n_clients + 1) / weight if n_clients else 0


@pytest.mark.parametrize("state", STATES)
def test_leastconn_never_picks_a_fuller_one(twins, state, count):
    weights = [int((re.search(r"weight (\d+)", more) or [0, 1])[1]) for more in STATES[state][1]]

    def script(door):
        wait_checked(door, state)
        rng, held, choices = random.Random(1), [], []
        door.wait_open(0)
        for _ in range(count(40, 400)):
            if held and rng.random() < 0.35:
                held.pop(rng.randrange(len(held)))[0].close()
                door.wait_open(len(held))
                continue
            at = collections.Counter(name for _, name in held)
            client, name = door.stay()
            choices.append((name, at))
            if name != "closed":
                held.append((client, name))
        for client, _ in held:
            client.close()
        used = {name for name, _ in choices}
        for name, at in choices:
            loads = {n: load_of(at[n], w) for n, w in zip(NAMES, weights) if n in used}
            assert name == "closed" or loads[name] <= min(loads.values()), (door.kind, at, name)
        return used

    twins.same(OPAQUE + backend("leastconn", state), script)


# HAProxy sees no bytes of the request any more when it hashes; what was kept of them, it sees.
KEPT_ID = READING.replace(
    "    default_backend",
    f"    tcp-request content set-var(txn.id) {CLIENT_ID}\n    default_backend")


@pytest.mark.parametrize("state", ("all_up", "weights", "one_disabled", "first_backup_alone"))
@pytest.mark.parametrize("key", ("var(txn.id)", "var(txn.id),crc32", "var(txn.id),lower", "src",
                                 "str(one)"))
def test_hash_sends_each_key_to_the_same_server(twins, key, state, count):
    clients = [(f"Sensor-{n % 30}", f"127.{n % 5}.{n % 7}.{n % 250 + 1}")
               for n in range(count(40, 500))]

    def script(door):
        return [door.go(*client) for client in clients]

    homes = twins.same(KEPT_ID + backend(f"hash {key}", state, "    hash-type map-based\n"), script)
    if key == "var(txn.id)" and state == "all_up":
        assert set(homes) == set(NAMES) and homes[:10] == homes[30:40]


def test_hash_of_nothing_is_a_round_robin(twins):
    def script(door):
        return [collections.Counter(door.go() for _ in range(10)) for _ in "12"]

    assert twins.same(OPAQUE + backend("hash var(txn.unset)", "weights"), script) \
        == [{"b1": 5, "b2": 2, "b3": 3}] * 2


@pytest.mark.parametrize("balance", ("roundrobin", "source", "leastconn", "static-rr"))
def test_server_that_was_down_gets_its_share_again(twins, balance):
    def script(door):
        def spread():
            return {door.go(source=f"127.0.0.{n}") for n in range(1, 13)}

        homes = [spread()]
        door.brokers["b2"].stop()
        wait_for(lambda: spread() == {"b1", "b3"}, "b2 to be missed")
        homes.append(spread())
        door.brokers["b2"].start()
        wait_for(lambda: "b2" in spread(), "b2 to be seen")
        homes.append(spread())
        return homes

    text = (f"{OPAQUE}\nbackend brokers\n    balance {balance}\n    option redispatch 1\n"
            + servers(UP, UP, UP))
    assert twins.same(text, script) == [set(NAMES), {"b1", "b3"}, set(NAMES)]


# Stick tables ------------------------------------------------------------------------------------

# With `balance source` an address says where a client would go if nothing were known of it.
HOME = {"b1": "127.0.0.2", "b2": "127.0.0.3", "b3": "127.0.0.1"}


def sticky(rules, options=(), table="type string len 8 size 1k expire 1m"):
    lines = "".join(f"    {line}\n" for line in (f"stick-table {table}" if table else "", *rules))
    return f"{READING}\nbackend brokers\n    balance source\n{lines}{servers(*options)}"


def visits(*list_):
    """[(client id, the broker that its address leads to, options…)] → where they went."""
    def script(door):
        return [door.go(one[0], source=HOME[one[1]], **(one[2] if len(one) > 2 else {}))
                for one in list_]

    return script


ON_CLIENT_ID = f"stick on {CLIENT_ID}"
STICKY = {
    "second_visit": ([ON_CLIENT_ID], [("x", "b1"), ("x", "b2"), ("y", "b3"), ("y", "b1")],
                     ["b1", "b1", "b3", "b3"]),
    "key_is_cut_at_len": ([ON_CLIENT_ID], [("12345678-a", "b2"), ("12345678-b", "b1"),
                                           ("12345678", "b3"), ("1234567", "b3")],
                          ["b2", "b2", "b2", "b3"]),
    "empty_id_is_not_stored": ([ON_CLIENT_ID], [("", "b1"), ("", "b2"), ("", "b3")],
                               ["b1", "b2", "b3"]),
    "case_counts": ([ON_CLIENT_ID], [("dev", "b1"), ("DEV", "b2"), ("dev", "b3"), ("DEV", "b3")],
                    ["b1", "b2", "b1", "b2"]),
    "every_version_has_one_key": (
        [ON_CLIENT_ID], [("x", "b1", {"level": 3}), ("x", "b2", {"level": 4}),
                         ("x", "b3", {"level": 5})], ["b1"] * 3),
    "match_and_store_are_two_things": (
        [f"stick match {USERNAME}", f"stick store-request {CLIENT_ID}"],
        [("dev", "b1"), ("other", "b2", {"username": "dev"}), ("dev", "b3"),
         ("other", "b2", {"username": "dev"})], ["b1", "b1", "b3", "b3"]),
    "match_alone_never_learns": (
        [f"stick match {CLIENT_ID}"], [("x", "b1"), ("x", "b2"), ("x", "b3")],
        ["b1", "b2", "b3"]),
    "store_alone_is_never_asked": (
        [f"stick store-request {CLIENT_ID}"], [("x", "b1"), ("x", "b2"), ("x", "b3")],
        ["b1", "b2", "b3"]),
    "condition": (
        [f"{ON_CLIENT_ID} if {{ {CLIENT_ID} -m beg s- }}"],
        [("s-1", "b1"), ("s-1", "b2"), ("t-1", "b1"), ("t-1", "b2")], ["b1", "b1", "b1", "b2"]),
    "first_match_decides": (
        [f"stick on {USERNAME}", ON_CLIENT_ID],
        [("c", "b1"), ("d", "b2", {"username": "u"}), ("c", "b3", {"username": "u"}),
         ("c", "b3")], None),
    "converted_key": (
        [f"stick on {CLIENT_ID},lower"], [("DEV", "b1"), ("dev", "b2"), ("Dev", "b3")],
        ["b1"] * 3),
}


@pytest.mark.parametrize("name", STICKY)
def test_stick_table(twins, name):
    rules, list_, expected = STICKY[name]
    homes = twins.same(sticky(rules), visits(*list_))
    assert expected in (None, homes)


def test_stick_on_a_hash_of_the_id(twins):
    """A binary key: ids that begin alike stay apart."""
    alike = "D" * 32
    text = sticky([f"stick on {CLIENT_ID},sha1"], table="type binary len 20 size 1k expire 1m")
    script = visits((alike + "1", "b1"), (alike + "2", "b2"), (alike + "1", "b3"),
                    (alike + "2", "b3"), ("", "b1"), ("", "b2"))
    assert twins.same(text, script)[:4] == ["b1", "b2", "b1", "b2"]


def test_stick_on_src(twins):
    """Addresses as keys, over an algorithm that would send them elsewhere; opaque TCP as well."""
    sources = [f"127.0.{n}.1" for n in range(1, 10)]

    def script(door):
        first = {s: door.go(source=s) for s in sources}
        again = {s: door.go(source=s) for s in reversed(sources)}
        return first == again, collections.Counter(first.values())

    text = ("\nbackend brokers\n    balance roundrobin\n"
            "    stick-table type ip size 1k expire 1m\n    stick on src\n" + servers())
    assert twins.same(OPAQUE + text, script) == (True, {"b1": 3, "b2": 3, "b3": 3})


def test_table_shared_by_two_backends(twins):
    """One learns, the other looks up: by the server's name, wherever it stands in the list."""
    text = f"""
frontend front
    bind "127.0.0.1:${{PORT}}"
    bind "127.0.0.1:${{PORT2}}"
    tcp-request inspect-delay 5s
    tcp-request content reject unless {{ req.payload(0,0),mqtt_is_valid }}
    use_backend second if {{ dst_port 1:65535 }} {{ dst_port "${{PORT2}}" }}
    default_backend brokers
backend table
    stick-table type string len 32 size 1k expire 1m
backend brokers
    balance source
    stick store-request {CLIENT_ID} table table
{servers()}
backend second
    balance source
    stick match {CLIENT_ID} table table
{servers("", "", "", names=("b3", "b1", "b2"))}"""

    def script(door):
        return [[door.go(i, source=HOME[home], port=port) for port in ("PORT", "PORT2", "PORT2")]
                for i, home in (("x", "b1"), ("y", "b2"), ("z", "b3"))]

    assert twins.same(text, script) == [["b1"] * 3, ["b2"] * 3, ["b3"] * 3]


def test_sticky_server_goes_down_and_returns(twins):
    """Its clients go elsewhere, and who had to move stays where it was taken in."""
    def script(door):
        def probe():
            return door.go("", source=HOME["b2"])

        homes = [door.go("x", source=HOME["b2"])]
        door.brokers["b2"].stop()
        wait_for(lambda: probe() not in ("b2", "closed"), "b2 to be missed")
        homes += [door.go("x", source=HOME["b1"]), door.go("x", source=HOME["b3"])]
        door.brokers["b2"].start()
        wait_for(lambda: probe() == "b2", "b2 to be seen")
        return homes + [door.go("x", source=HOME["b1"]), door.go("x", source=HOME["b2"])]

    homes = twins.same(sticky(["option redispatch 1", ON_CLIENT_ID], (UP, UP, UP)), script)
    assert homes[0] == "b2" and homes[1] != "b2"


def test_sticky_server_is_draining(twins):
    """`use-server` made the entry; weight 0 takes nobody new, and keeps whom it knows."""
    rules = [ON_CLIENT_ID, "use-server b2 if { src 127.0.9.9 }"]

    def script(door):
        return [door.go("x", source="127.0.9.9"), door.go("x", source=HOME["b1"]),
                door.go("y", source=HOME["b2"]), door.go("x", source=HOME["b3"])]

    homes = twins.same(sticky(rules, ("", "weight 0", "")), script)
    assert homes[0] == "b2" and homes[2] != "b2"


def test_server_that_is_never_stored(twins):
    text = sticky([ON_CLIENT_ID], ("non-stick", "", ""))
    assert twins.same(text, visits(("x", "b1"), ("x", "b1"), ("x", "b2"), ("x", "b3"))) \
        == ["b1", "b1", "b2", "b2"]


# Rules that choose -------------------------------------------------------------------------------

CHOICE = f"""
frontend front
    bind "127.0.0.1:${{PORT}}"
    tcp-request inspect-delay 5s
    tcp-request content reject unless {{ req.payload(0,0),mqtt_is_valid }}
    tcp-request content set-var(txn.id) {CLIENT_ID}
    acl is_lab var(txn.id) -m beg lab-
    acl is_near src 127.0.7.0/24 127.0.8.8
    acl is_admin {USERNAME} -m str admin root
    use_backend two if is_lab !is_near
    use_backend three if is_admin or is_near
    use_backend two if {{ var(txn.id) -m reg ^[0-9]+$ }}
    use_backend three unless {{ var(txn.id) -m len lt 20 }}
    use_backend %[{USERNAME}] if {{ {USERNAME} -m end _be }}
    use_backend two if {{ req.payload(0,0),mqtt_field_value(connect,protocol_version) -m str 5 }}
    use_backend three if {{ req.payload(0,0),mqtt_field_value(connect,keepalive) -m int gt 900 }}
    default_backend one
backend one
    server b1 "127.0.0.1:${{B1}}"
backend two
    server b2 "127.0.0.1:${{B2}}"
backend three
    server b3 "127.0.0.1:${{B3}}"
backend named_be
    use-server b2 if {{ var(txn.id) -m end .2 }}
    use-server %[var(txn.id)] if {{ var(txn.id) -m found }}
    server b1 "127.0.0.1:${{B1}}"
    server b2 "127.0.0.1:${{B2}}" weight 0
    server b3 "127.0.0.1:${{B3}}" weight 0
"""
CHOOSERS = [
    ("lab-1", {}), ("lab-1", {"source": "127.0.7.7"}), ("lab-1", {"source": "127.0.8.8"}),
    ("x", {"source": "127.0.7.255"}), ("x", {"source": "127.0.8.9"}),
    ("x", {"username": "admin"}), ("x", {"username": "root"}), ("x", {"username": "roo"}),
    ("12345", {}), ("12345a", {}), ("x" * 19, {}), ("x" * 20, {}),
    ("x", {"username": "named_be"}), ("x.2", {"username": "named_be"}),
    ("b3", {"username": "named_be"}), ("b2", {"username": "named_be"}),
    ("b9", {"username": "named_be"}), ("x", {"username": "unknown_be"}),
    ("x", {"level": 5}), ("x", {"level": 3}), ("x", {"keepalive": 901}), ("x", {"keepalive": 900}),
    ("", {}), ("", {"username": "admin"}), ("Lab-1", {}),
]


def test_rules_choose_the_same(twins):
    def script(door):
        return [(client_id, options, door.go(client_id, **options))
                for client_id, options in CHOOSERS]

    homes = [home for _, _, home in twins.same(CHOICE, script)]
    assert homes[:6] == ["b2", "b3", "b3", "b3", "b1", "b3"]
    assert homes[13:16] == ["b2", "b3", "b2"]


def test_use_server_passes_over_one_that_is_down(twins):
    text = f"""{READING}
backend brokers
    balance source
    use-server b2 if {{ {CLIENT_ID} -m beg x }}
    use-server b3 if {{ {CLIENT_ID} -m beg x }}
{servers("", DOWN, "")}"""

    def script(door):
        wait_for(lambda: door.go("x1", source=HOME["b1"]) == "b3", "b2 to be down")
        return [door.go(i, source=HOME["b1"]) for i in ("x1", "x2", "y")]

    twins.same(text, script)


# tcp-request -------------------------------------------------------------------------------------

WHOLE = mqtt.connect_packet("late")


class Content:
    """One list of rules, and clients in turn."""

    def __init__(self, rules, *clients, delay="5s", backend_rules="", table=""):
        lines = "".join(f"    {r}\n" for r in (f"tcp-request inspect-delay {delay}", *rules))
        tables = f"\nbackend seen\n    stick-table {table}\n" if table else ""
        self.text = (f'\nfrontend front\n    bind "127.0.0.1:${{PORT}}"\n{lines}'
                     f"    default_backend brokers\n{tables}"
                     f"\nbackend brokers\n{backend_rules}{servers('', names=('b1',))}")
        self.clients = clients


# set-var takes what is there; the first rule waits until all is.
READ_ID = ("tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }",
           f"tcp-request content set-var(txn.id) {CLIENT_ID}")
CONTENT = {
    "connection_rejected_by_address": Content(
        ["tcp-request connection reject if { src 127.0.5.0/24 }"],
        {"source": "127.0.5.1"}, {"source": "127.0.6.1"}),
    "session_rejected_by_address": Content(
        ["tcp-request session reject if { src 127.0.5.0/24 } !{ src 127.0.5.5 }",
         "tcp-request session accept"],
        {"source": "127.0.5.1"}, {"source": "127.0.5.5"}, {"source": "127.0.6.1"}),
    "connection_accepted_before_it_is_rejected": Content(
        ["tcp-request connection accept if { src 127.0.5.5 }",
         "tcp-request connection reject if { src 127.0.5.0/24 }"],
        {"source": "127.0.5.5"}, {"source": "127.0.5.6"}),
    "content_rejected_by_id": Content(
        [f"tcp-request content reject if {{ {CLIENT_ID} -m str bad }}"],
        {"client_id": "bad"}, {"client_id": "badly"}),
    "accept_ends_the_list": Content(
        [f"tcp-request content accept if {{ {CLIENT_ID} -m beg ok- }}",
         "tcp-request content reject"],
        {"client_id": "ok-1"}, {"client_id": "no"}),
    "always_and_never": Content(
        ["tcp-request content reject if FALSE", "tcp-request content accept if TRUE",
         "tcp-request content reject"], {}),
    "raw_bytes": Content(
        ["tcp-request content reject unless { req.payload(0,1) -m bin 10 }",
         "tcp-request content reject unless { req.payload(4,4) -m str MQTT }",
         "tcp-request content reject if { req.len gt 100 }"],
        {}, {"level": 3}, {"client_id": "x" * 100}, delay="400ms"),
    "variable": Content(
        [*READ_ID, "tcp-request content set-var(sess.long) var(txn.id),length",
         "tcp-request content reject if { var(sess.long) -m int gt 5 }",
         "tcp-request content reject if { var(txn.unset) -m found }"],
        {"client_id": "short"}, {"client_id": "longer"}),
    "two_conditions": Content(
        [*READ_ID, "tcp-request content reject if { var(txn.id) -m beg a } { src 127.0.5.1 } or"
         " { var(txn.id) -m str b }"],
        {"client_id": "a"}, {"client_id": "a", "source": "127.0.5.1"}, {"client_id": "b"}),
    "backends_own_rule": Content(
        ["tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }"],
        {"client_id": "bad"}, {"client_id": "good"},
        backend_rules=f"    tcp-request content reject if {{ {CLIENT_ID} -m str bad }}\n"),
    "rate_of_a_source": Content(
        ["tcp-request content track-sc0 src table seen",
         "tcp-request content reject if { sc0_conn_rate(seen) gt 3 }"],
        *[{"source": "127.0.5.1"}] * 6, {"source": "127.0.5.2"}, {"source": "127.0.5.1"},
        table="type ip size 1k expire 1m store conn_rate(1m)"),
    "rate_at_the_connection": Content(
        ["tcp-request connection track-sc0 src table seen",
         "tcp-request connection reject if { src_conn_rate(seen) gt 2 }"],
        *[{"source": "127.0.5.1"}] * 4, {"source": "127.0.5.2"},
        table="type ip size 1k expire 1m store conn_rate(1m)"),
    "count_of_an_id": Content(
        ["tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }",
         f"tcp-request content track-sc1 {CLIENT_ID} table seen",
         "tcp-request content reject if { sc1_conn_cnt(seen) gt 2 }"],
        *[{"client_id": "loop"}] * 4, {"client_id": "other"}, {"client_id": ""},
        table="type string len 32 size 1k expire 1m store conn_cnt"),
    "general_purpose_counter": Content(
        ["tcp-request content track-sc0 src table seen",
         f"tcp-request content sc-inc-gpc0(0) if {{ {CLIENT_ID} -m str bad }}",
         "tcp-request content reject if { sc0_get_gpc0(seen) gt 1 }"],
        {"client_id": "good"}, {"client_id": "bad"}, {"client_id": "good"}, {"client_id": "bad"},
        {"client_id": "good"}, {"client_id": "good", "source": "127.0.5.1"},
        table="type ip size 1k expire 1m store gpc0"),
    "looked_up_without_tracking": Content(
        ["tcp-request content track-sc0 src table seen unless { src 127.0.5.9 }",
         "tcp-request content reject if { src,table_conn_cnt(seen) gt 2 }"],
        *[{"source": "127.0.5.1"}] * 4, *[{"source": "127.0.5.9"}] * 4,
        table="type ip size 1k expire 1m store conn_cnt"),
}


@pytest.mark.parametrize("name", CONTENT)
def test_tcp_request(twins, name):
    case = CONTENT[name]

    def script(door):
        return [door.go(**client) for client in case.clients]

    outcomes = twins.same(case.text, script)
    assert "b1" in outcomes and ("closed" in outcomes or name == "always_and_never")


def test_limit_of_connections_at_the_same_time(twins):
    case = Content(["tcp-request connection track-sc0 src table seen",
                    "tcp-request connection reject if { sc0_conn_cur(seen) gt 2 }"],
                   table="type ip size 1k expire 1m store conn_cur")

    def script(door):
        held = [door.stay(source="127.0.5.1") for _ in range(3)]
        names = [name for _, name in held] + [door.go(source="127.0.5.2")]
        held[0][0].close()
        wait_for(lambda: door.go(source="127.0.5.1") == "b1", "its place to be free")
        held[1][0].close()
        return names

    assert twins.same(case.text, script) == ["b1", "b1", "closed", "b1"]


UNDECIDED = {
    "not_known_to_be_bad": ([f"tcp-request content reject if {{ {CLIENT_ID} -m str late }}"], True),
    "not_known_to_be_good": ([f"tcp-request content reject unless {{ {CLIENT_ID} -m str late }}"],
                             False),
    "not_valid_yet": (["tcp-request content reject unless { req.payload(0,0),mqtt_is_valid }"],
                      False),
    "accept_at_the_end": (["tcp-request content accept if WAIT_END",
                           "tcp-request content reject"], True),
    "reject_at_the_end": (["tcp-request content reject if WAIT_END"], False),
    "enough_bytes": (["tcp-request content accept if { req.len gt 1000 }",
                      "tcp-request content reject if { src 127.0.5.5 }"], True),
}


@pytest.mark.parametrize("sent", (0, 1, 12), ids=("silent", "one_byte", "half_a_connect"))
@pytest.mark.parametrize("name", UNDECIDED)
def test_undecided_until_the_delay(twins, name, sent):
    rules, is_served = UNDECIDED[name]

    def script(door):
        client = door.client()
        client.send(WHOLE[:sent])
        wait_for(lambda: door.brokers["b1"].open or select.select([client.socket], [], [], 0)[0],
                 "the delay to be over")
        try:
            client.send(WHOLE[sent:])
        except ConnectionError:
            return "closed"
        name = said_by(client)
        client.close()
        return name

    assert twins.same(Content(rules, delay="400ms").text, script) \
        == ("b1" if is_served else "closed")


# Places, queues, retries --------------------------------------------------------------------------

ONE_THREAD = "\nglobal\n    nbthread 1\n"


def is_waiting(client):
    """Neither answered nor closed, for as long as an answer might take."""
    return not select.select([client.socket], [], [], 0.3)[0]


def queueing(options, more=(), balance="roundrobin", names=("b1", "b2")):
    lines = "".join(f"    {line}\n" for line in more)
    return f"{OPAQUE}\nbackend brokers\n    balance {balance}\n{lines}" \
        + servers(*options, names=names)


def come(door, client_id, **options):
    """Connect and send, and do not look."""
    client = door.client(**options)
    client.send(mqtt.connect_packet(client_id))
    return client


def test_who_waits_is_served_when_a_place_is_free(twins):
    def script(door):
        first, second = (door.stay(i) for i in "ab")
        third = come(door, "c")
        seen = [{first[1], second[1]}, is_waiting(third)]
        (first if first[1] == "b2" else second)[0].close()
        seen.append(said_by(third))
        for client in (first[0], second[0], third):
            client.close()
        return seen

    assert twins.same(queueing(["maxconn 1"] * 2), script) == [{"b1", "b2"}, True, "b2"]


def test_who_waits_longest_is_served_first(twins):
    def script(door):
        first, _ = door.stay("first")
        queue = []
        for n in range(4):
            queue.append(come(door, f"q{n}"))
            door.wait_open(n + 2) if door.haproxy else None
        for client in queue:
            assert is_waiting(client)
        first.close()
        for client in queue:
            said_by(client)
            client.close()
        return door.brokers["b1"].arrivals()

    text = ONE_THREAD + queueing(["maxconn 1"], names=("b1",))
    assert twins.same(text, script) == ["first", "q0", "q1", "q2", "q3"]


def test_timeout_queue_closes(twins):
    def script(door):
        held, _ = door.stay("held")
        late = come(door, "late")
        seen = [said_by(late)]
        seen.append(is_there(held))
        held.close()
        wait_for(lambda: door.go("next") == "b1", "the place to be free")
        return seen

    assert twins.same(queueing(["maxconn 1"], ["timeout queue 400ms"], names=("b1",)), script) \
        == ["closed", True]


def test_queueing_client_that_leaves_takes_no_place(twins):
    def script(door):
        held, _ = door.stay("held")
        leaver, stayer = come(door, "leaver"), come(door, "stayer")
        waiting = [is_waiting(c) for c in (leaver, stayer)]
        leaver.close()
        held.close()
        waiting.append(said_by(stayer))
        waiting.append(is_there(stayer))
        stayer.close()
        return waiting

    assert twins.same(queueing(["maxconn 1"], names=("b1",)), script) == [True, True, "b1", True]


def is_there(client):
    try:
        client.send(mqtt.PINGREQ)
        return is_waiting(client)
    except ConnectionError:
        return False


def test_sticky_client_waits_for_its_own_server(twins):
    def script(door):
        held, name = door.stay("x", source="127.0.5.1")
        late = come(door, "y", source="127.0.5.1")
        seen = [is_waiting(late), door.go("z", source="127.0.5.2") != name]
        held.close()
        seen.append(said_by(late) == name)
        late.close()
        return seen

    text = queueing(["maxconn 1"] * 2, ["stick-table type ip size 1k expire 1m", "stick on src"])
    assert twins.same(text, script) == [True, True, True]


def test_full_server_is_passed_over(twins):
    """Those without limit take the rest, as each algorithm shares it out."""
    def script(door):
        held = [door.stay(f"c{n}") for n in range(7)]
        for client, _ in held:
            client.close()
        return collections.Counter(name for _, name in held)["b1"]

    for balance in ("roundrobin", "leastconn"):
        assert twins.same(queueing(["maxconn 1", ""], balance=balance), script) == 1


def test_frontend_above_maxconn_leaves_the_rest_in_the_backlog(twins):
    text = OPAQUE.replace("default_backend", "maxconn 2\n    default_backend")

    def script(door):
        held = [door.stay(f"c{n}") for n in range(2)]
        late = come(door, "late")
        seen = [name for _, name in held] + [is_waiting(late)]
        held[0][0].close()
        seen.append(said_by(late))
        for client in (held[1][0], late):
            client.close()
        return seen

    assert twins.same(f"{text}\nbackend brokers\n{servers('', names=('b1',))}", script) \
        == ["b1", "b1", True, "b1"]


RETRIES = {
    "next_server_at_once": ["retries 3", "option redispatch 1"],
    "last_retry_goes_elsewhere": ["retries 1", "option redispatch"],
    "none": ["retries 0"],
    "none_even_with_redispatch": ["retries 0", "option redispatch"],
}


@pytest.mark.parametrize("name", RETRIES)
def test_dead_server_without_check(twins, name):
    """Who is served at last, and who is closed."""
    def script(door):
        door.brokers["b2"].stop()
        ends = collections.Counter(door.go(f"c{n}") for n in range(6))
        return set(ends), ends["closed"]

    text = queueing(("", "", ""), RETRIES[name], names=NAMES)
    served, closed = twins.same(text, script)
    assert {"b1", "b3"} <= served and closed == (2 if name.startswith("none") else 0)


def test_sticky_client_of_a_dead_server_is_moved_once(twins):
    """Without a check: its own server refuses, another takes it in and keeps it."""
    def script(door):
        homes = [door.go("x")]
        door.brokers[homes[0]].stop()
        homes += [door.go("x") for _ in range(2)]
        door.brokers[homes[0]].start()
        return [home == homes[1] for home in homes + [door.go("x") for _ in range(2)]]

    text = sticky(["option redispatch 1", ON_CLIENT_ID]).replace("balance source",
                                                                 "balance roundrobin")
    assert twins.same(text, script) == [False, True, True, True, True]


def test_all_servers_dead(twins):
    def script(door):
        for broker in door.brokers.values():
            broker.stop()
        return door.go("x")

    assert twins.same(queueing(("", "", ""), RETRIES["next_server_at_once"], names=NAMES), script) \
        == "closed"
