"""Client identifiers of every length and content, and those that are nearly the same."""

import pytest

import mqtt
from conftest import DOORS, started
from puppet import Puppet, client_id

# What a line of a log, a shell or an ACL would trip over. No NUL: MQTT has none in its strings.
STRANGE = {
    "one_byte": b"a",
    "utf8": "gerät-温度-🌡".encode(),
    "utf8_decomposed": "gera\u0308t".encode(),
    "quotes": b"'it''s \"quoted\"'",
    "backslashes": b"\\x41\\\\n\\",
    "newlines": b"one\nverdict action=accept client_id=\"root\"\r\ntwo",
    "ansi_escape": b"\x1b[31mred\x1b]0;title\x07",
    "blank": b"a b\tc ",
    "blank_alone": b" ",
    "format": b"%s%n%[var(txn.usher.key)]${HOME}$(id)",
    "list": b"a,b;c|d]e[f}g{",
    "not_utf8": b"\xff\xfe\xc3\x28",
    "control": bytes(range(1, 32)) + b"\x7f",
    "8000_bytes": b"x" * 8000,
}


@pytest.fixture(scope="module", params=DOORS)
def puppets(request):
    """mosquitto refuses control characters, so somebody stands here who takes all."""
    def prepare(one):
        one.brokers = {name: Puppet(name) for name in one.brokers}

    yield from started(None, request, prepare)


def send_raw(lab, raw, **options):
    """Connect; the name of the puppet that has got exactly this client id."""
    before = {b.name: len(b.connects) for b in lab.brokers.values()}
    with mqtt.connect(lab.ports["mqtt"], raw, **options) as client:
        assert client.code == 0
    got = [b.name for b in lab.brokers.values()
           if [client_id(c) for c in b.connects[before[b.name]:]] == [raw]]
    assert len(got) == 1, "at one broker, once, byte for byte"
    return got[0]


def questions(lab):
    return len(lab.all_verdicts())


@pytest.mark.parametrize("name", STRANGE)
def test_strange_id(puppets, name):
    """It arrives as it was sent, comes back to its broker, and cannot write a line of our log."""
    before, asked = len(puppets.usher.log()), questions(puppets)
    if (puppets.door, name) == ("proxy", "not_utf8"):  # MQTT 3.1.1, 1.5.3: it is closed
        with pytest.raises(mqtt.Closed):
            mqtt.connect(puppets.ports["mqtt"], STRANGE[name])
        return
    others = (f"{name}-{i}".encode() for i in range(2))
    homes = [send_raw(puppets, i) for i in (STRANGE[name], *others)]
    assert len(set(homes)) == 3, "three clients, three brokers"
    assert send_raw(puppets, STRANGE[name], level=5) == homes[0]

    log = puppets.usher.log_path.read_bytes()[before:]
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in log)
    verdicts = puppets.all_verdicts()[asked:]
    assert [v["reason"] for v in verdicts] == ["roundrobin"] * 3 + ["sticky"]
    assert [v["action"] for v in verdicts] == ["accept"] * 4


def test_two_ids_with_one_spelling_in_the_log(puppets):
    """What the log shows alike is not alike to the table."""
    assert len({send_raw(puppets, i) for i in (b"\\x1b", b"\x1b", b"\\\\x1b")}) == 3


def test_8000_bytes_and_the_longest_username(puppets):
    asked = questions(puppets)
    first = send_raw(puppets, b"y" * 8000, username="u" * 4000)
    send_raw(puppets, b"z", username="u" * 4000)
    assert send_raw(puppets, b"y" * 8000, username="u" * 4000) == first
    assert questions(puppets) - asked == 3, "each question fits into one frame"


@pytest.mark.parametrize("fields", (("z" * 8001, None), ("z", "u" * 4001)),
                         ids=("client_id", "username"))
def test_larger_than_one_question_to_usher(puppets, fields):
    """Closed by the guard lines of haproxy.cfg; nobody is asked and no broker sees it."""
    asked, before = questions(puppets), [len(b.connects) for b in puppets.brokers.values()]
    with mqtt.Client(puppets.ports["mqtt"]) as client:
        client.send(mqtt.connect_packet(fields[0], username=fields[1]))
        assert client.read_rest() == b""
    assert questions(puppets) == asked
    assert [len(b.connects) for b in puppets.brokers.values()] == before


# No identifier -----------------------------------------------------------------------------------


def arrivals(lab):
    return [len(b.arrivals()) for b in lab.brokers.values()]


@pytest.mark.doors(*DOORS)
@pytest.mark.parametrize("level", (4, 5), ids=("3.1.1", "5.0"))
def test_empty_id_is_never_sticky(lab, level):
    lab.start()
    for _ in range(6):
        assert mqtt.visit(lab.ports["mqtt"], "", level=level) == 0
    assert arrivals(lab) == [2, 2, 2]
    assert [v["reason"] for v in lab.verdicts("")] == ["roundrobin"] * 6
    if lab.door == "proxy":
        return

    lab.kill_usher()
    lab.wait_agent_down()
    for _ in range(6):
        assert mqtt.visit(lab.ports["mqtt"], "", level=level) == 0
    assert arrivals(lab) == [4, 4, 4], "HAProxy's own table does not know it either"


# Identifiers that begin alike --------------------------------------------------------------------

ALIKE = [b"D" * 32 + tail for tail in (b"1", b"2", b"3", b"", b"1" * 200, b"1" * 200 + b"2")]


def homes(lab, ids):
    return {i: lab.place(i.decode()) for i in ids}


@pytest.mark.doors(*DOORS)
def test_ids_equal_in_their_first_32_bytes(lab):
    """HAProxy's `string len 32` makes them one client; here each has its own broker and keeps it,
    through usher and, when usher is dead, through HAProxy's own table."""
    lab.start()
    first = homes(lab, ALIKE)
    assert list(first.values()) == ["emqx1", "emqx2", "emqx3"] * 2, "six clients, not one"
    assert homes(lab, reversed(ALIKE)) == first
    if lab.door == "proxy":
        return

    lab.kill_usher()
    lab.wait_agent_down()
    assert homes(lab, reversed(ALIKE)) == first

    new = [b"N" * 32 + tail for tail in (b"1", b"2", b"3")]
    first = homes(lab, new)
    assert sorted(first.values()) == ["emqx1", "emqx2", "emqx3"]
    assert homes(lab, reversed(new)) == first, "an entry of HAProxy alone"
