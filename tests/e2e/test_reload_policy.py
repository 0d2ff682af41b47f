"""The two files change while clients come: each is decided upon, by the old or the new."""

import json
import re
import signal

import pytest

import mqtt
from conftest import DOORS
from lab import wait_for


# The runtime socket, also for handing listeners to the next process (`-x`).
HANDS_OVER = ("mode 660 level operator", "mode 660 level operator expose-fd listeners")


def server_line(n):
    """As mqtt_backend has it."""
    return f'    server emqx{n} "${{USHER_EMQX{n}-emqx{n}:1883}}"\n'


def reload(lab, answer="reload done"):
    """SIGHUP, and what came of it."""
    before = len(lab.usher.log())
    lab.usher.send_signal(signal.SIGHUP)
    lab.usher.wait_log(answer, after=before)
    return lab.usher.log()[before:]


def reload_haproxy(lab):
    """If there is one."""
    if lab.haproxy:
        lab.haproxy.reload("-x", str(lab.directory / "admin.sock"))
        lab.wait_agent_up()


def verdicts(lab, client_id=".*?"):
    """(action, server) of every decision."""
    return re.findall(rf'verdict action=(\w+) client_id="{client_id}" .*? server=(\S+)',
                      lab.usher.log())


@pytest.mark.doors(*DOORS)
@pytest.mark.policy({"rules": []})
def test_policy_reloaded_under_load(lab, count):
    lab.start()
    with mqtt.Load(lab.ports["mqtt"]) as clients:
        for n in range(count(10, 100)):
            before = clients.served
            lab.write_policy({"rules": [{"name": f"round-{n}", "if": {"client_id": "pinned"},
                                         "server": f"emqx{n % 3 + 1}"}]})
            reload(lab)
            assert lab.place("pinned") == f"emqx{n % 3 + 1}"
            assert f'rule="round-{n}"' in lab.usher.log()
            wait_for(lambda b=before: clients.served > b + 10, "clients to be served")
    assert set(clients.outcomes) == {0}
    decided = verdicts(lab, r"load-\d+")
    assert len(decided) == clients.served, "somebody was left to HAProxy"
    assert all(action == "accept" and server != "-" for action, server in decided)


@pytest.mark.doors(*DOORS)
@pytest.mark.policy({"rules": [{"name": "old", "if": {"client_id": "x"}, "reject": "banned"}]})
def test_bad_policy_keeps_the_old_one(lab):
    lab.start()
    assert mqtt.visit(lab.ports["mqtt"], "x", level=5) == 0x8A
    text = json.dumps({"rules": [], "limits": {"client": "5 per second"}}, indent=1)
    line = next(n for n, words in enumerate(text.splitlines(), 1) if "5 per second" in words)
    for bad, words in ((text, f"usher.json:{line}: limits.client:"),
                       (text[:-10], "usher.json:"),
                       ('{"rulez": []}', "did you mean 'rules'"),
                       ("", "usher.json:1:")):
        lab.write_policy(bad)
        said = reload(lab, "reload refused")
        assert words in said, bad
        assert mqtt.visit(lab.ports["mqtt"], "x", level=5) == 0x8A
        assert mqtt.visit(lab.ports["mqtt"], "y") == 0
    lab.policy_path.unlink()
    assert "cannot be read" in reload(lab, "reload refused")
    assert mqtt.visit(lab.ports["mqtt"], "x", level=5) == 0x8A

    lab.write_policy({})
    reload(lab)
    assert mqtt.visit(lab.ports["mqtt"], "x", level=5) == 0


@pytest.mark.doors(*DOORS)
def test_bad_haproxy_cfg_keeps_the_old_one(lab):
    lab.edit_config()
    lab.start()
    home = lab.place("c")
    good = lab.config.read_text()
    line = good[:good.index("server emqx2")].count("\n") + 1
    lab.config.write_text(good.replace("server emqx2 ", "server emqx1 "))
    said = reload(lab, "reload refused")
    assert f"{lab.config}:{line}]" in said and "already defined" in said
    assert lab.place("c") == home
    assert lab.spread_of([f"d{i}" for i in range(6)]) == {"emqx1": 2, "emqx2": 2, "emqx3": 2}

    lab.config.write_text(good)
    assert "[ALERT]" not in reload(lab)
    assert lab.place("c") == home


@pytest.mark.doors(*DOORS)
def test_server_added(lab):
    """haproxy.cfg gets a fourth broker: HAProxy first, then usher. Nobody moves who was there."""
    lab.edit_config(HANDS_OVER)
    lab.start()
    fourth = lab.add_broker("emqx4")
    ids = [f"c{i}" for i in range(12)]
    homes = {i: lab.place(i) for i in ids}

    third = server_line(3)
    lab.edit_config((third, third + f"    server emqx4 127.0.0.1:{fourth.port}\n"))
    reload_haproxy(lab)
    assert {i: lab.place(i) for i in ids} == homes
    reload(lab)
    assert {i: lab.place(i) for i in ids} == homes
    newcomers = lab.spread_of([f"new{i}" for i in range(12)])
    assert newcomers == {"emqx1": 3, "emqx2": 3, "emqx3": 3, "emqx4": 3}


@pytest.mark.doors(*DOORS)
def test_server_removed(lab):
    """usher first, then HAProxy; its clients go elsewhere, the others stay."""
    lab.edit_config(HANDS_OVER)
    lab.start()
    ids = [f"c{i}" for i in range(12)]
    homes = {i: lab.place(i) for i in ids}
    lab.edit_config((server_line(2), ""))
    reload(lab)
    after = {i: lab.place(i) for i in ids}
    assert "emqx2" not in after.values()
    assert all(after[i] == homes[i] for i in ids if homes[i] != "emqx2")
    reload_haproxy(lab)
    assert {i: lab.place(i) for i in ids} == after


@pytest.mark.policy({"rules": []})
def test_addresses_that_a_reload_does_not_open_are_said(lab):
    lab.start_brokers()
    lab.start_usher()
    assert "listener addresses differ" not in reload(lab)
    lab.write_policy({"agent": {"listen": "127.0.0.1:1"}})
    assert "listener addresses differ" in reload(lab)
