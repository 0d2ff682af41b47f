"""`usher check` on files: what it prints, where, and what it returns."""

import os
import re
import subprocess

import pytest

from lab import ROOT, USHER

OURS = ROOT / "haproxy/haproxy.cfg"


def check(*argv, **env):
    return subprocess.run([USHER, "check", *map(str, argv)], capture_output=True, text=True,
                          env={**os.environ, "USHER_ETC": str(ROOT / "haproxy"), **env})


def names(output):
    return re.findall(r"\[([a-z-]+)\]$", output, flags=re.M)


def test_our_own_configuration_is_sound(tmp_path):
    said = check("-f", OURS)
    assert (said.returncode, said.stdout, said.stderr) == (0, "Configuration file is valid\n", "")


def test_our_own_configuration_with_a_policy(tmp_path):
    """The two frontends differ in one word, which the policy has to say, too."""
    policy = tmp_path / "usher.json"
    policy.write_text('{ "frontends": { "mqtt_closed": { "without_verdict": "closed" } } }')
    assert check("-f", OURS, "-P", policy).stdout == "Configuration file is valid\n"
    policy.write_text('{ "limits": { "source": "10/1s" } }')
    said = check("-f", OURS, "-P", policy)
    assert said.returncode == 0
    assert names(said.stdout) == ["open-frontend", "open-frontend", "closed-unsaid"]


def test_errors_and_warnings_apart():
    said = check("-f", ROOT / "tests/config/18-guide-sticky.cfg")
    assert said.returncode == 1 and said.stderr == ""
    errors, warnings, last = said.stdout.split("\n\n")
    assert errors.startswith("errors:\n[ALERT]")
    assert names(errors) == ["blank-in-brackets"]
    assert warnings.startswith("warnings:\n[WARNING]")
    assert names(warnings) == ["not-asked", "stick-len"]
    assert last.startswith("1 error, 2 warnings.")


def test_quiet_prints_errors_alone():
    said = check("-q", "-f", ROOT / "tests/config/18-guide-sticky.cfg")
    assert said.returncode == 1 and names(said.stdout) == ["blank-in-brackets"]
    assert "warning" not in said.stdout
    assert check("-q", "-f", OURS).stdout == ""


def test_errors_of_the_policy_do_not_hide_the_rest(tmp_path):
    config, policy = tmp_path / "haproxy.cfg", tmp_path / "usher.json"
    config.write_text(OURS.read_text().replace("option redispatch 1", "no option redispatch"))
    policy.write_text('{ "tenants": { "acme": { "backend": "nowhere" } }, "limit": 1 }')
    said = check("-f", config, "-P", policy)
    assert said.returncode == 1
    assert "no backend 'nowhere' in haproxy.cfg" in said.stdout
    assert "limit: unknown key" in said.stdout
    assert "no-redispatch" in names(said.stdout)


def test_what_cannot_be_read_is_an_error(tmp_path):
    said = check("-f", tmp_path / "none.cfg", "-P", tmp_path / "none.json")
    assert said.returncode == 1
    assert "Cannot open configuration file/directory" in said.stdout
    assert "none.json: cannot be read" in said.stdout
    said = check("-f", OURS, USHER_ETC="/nonexistent")
    assert said.returncode == 1 and "SPOE configuration '/nonexistent/spoe-usher.conf'" in \
        said.stdout


@pytest.mark.parametrize("name", ["10-blank-in-brackets", "11-full-width"])
def test_haproxy_refuses_it_too(name, tmp_path):
    """Errors about what HAProxy refuses are not ours alone, and their twins are accepted."""
    def haproxy(path):
        return subprocess.run(["haproxy", "-c", "-f", str(path)], capture_output=True).returncode

    pair = ROOT / "tests/config/advice" / name
    assert haproxy(f"{pair}.cfg") == 1
    assert haproxy(f"{pair}-fine.cfg") == 0
