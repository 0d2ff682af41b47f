"""make install puts everything where it belongs, and make uninstall takes all of it away."""

import os
import re
import subprocess

import pytest

import lab as laboratory


def make(target, destination, prefix):
    """With the build under test: its folder is where USHER stands."""
    build = os.path.relpath(os.path.dirname(laboratory.USHER), laboratory.ROOT)
    done = subprocess.run(
        ["make", "--no-print-directory", target, f"B={build}", f"DESTDIR={destination}",
         f"PREFIX={prefix}", *sanitizers()],
        cwd=laboratory.ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def sanitizers():
    named = os.environ.get("USHER_SAN")
    return [f"SAN={named}"] if named else []


def files(directory):
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir()}


@pytest.mark.parametrize("prefix", ["/usr/local", "/opt/usher"])
def test_install_and_uninstall(tmp_path, prefix):
    make("install", tmp_path, prefix)
    base = tmp_path / prefix.lstrip("/")
    installed = files(base)
    assert {"sbin/usher", "share/man/man8/usher.8", "share/usher/spoe-usher.conf",
            "share/usher/usher.lua", "share/usher/keepalived.conf",
            "lib/sysctl.d/60-usher.conf"} <= installed
    said = subprocess.run([base / "sbin/usher", "-v"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"usher \d+\.\d+\.\d+\n", said.stdout)
    # Sound where it stands: the files beside the program are those of the project.
    for name in ("spoe-usher.conf", "usher.lua", "keepalived.conf"):
        assert (base / "share/usher" / name).read_text() == \
            (laboratory.ROOT / "haproxy" / name).read_text()
    make("uninstall", tmp_path, prefix)
    assert files(tmp_path) == set()
