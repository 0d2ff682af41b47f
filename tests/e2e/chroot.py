"""A newer HAProxy beside Debian 12's own: another suite's package in a directory of its own. Also
the bare system that `make compose-check` makes its images of.

debootstrap fills <cache>/<suite> once (half a minute and 200 MB each); the program runs there by
chroot(8) and shares this machine's network. Needs root.
"""

import os
import pathlib
import re
import shutil
import subprocess

ROOM = 1 << 30  # bytes free before anything is fetched


def cache():
    """$XDG_CACHE_HOME, else /var/cache; both outlive the tests."""
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "/var/cache"))
    return base / "usher-test"


def mirror():
    """Where this machine gets its own packages."""
    sources = [pathlib.Path("/etc/apt/sources.list"),
               *pathlib.Path("/etc/apt/sources.list.d").glob("*")]
    for path in sources:
        found = re.search(r"https?://\S+/debian/?(?=\s)", path.read_text() if path.exists() else "")
        if found:
            return found.group().rstrip("/")
    raise AssertionError("no Debian mirror among apt's sources")


class Suite:
    """One Debian suite; with HAProxy, or bare."""

    def __init__(self, name, include="haproxy"):
        self.name, self.include, self.root = name, include, cache() / name

    def prepare(self):
        if not self.root.exists():
            self.fetch()
        return self

    def fetch(self):
        cache().mkdir(parents=True, exist_ok=True)
        assert shutil.disk_usage(cache()).free > ROOM, f"no room in {cache()}"
        unfinished = self.root.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        done = subprocess.run(
            ["debootstrap", "--variant=minbase",
             *([f"--include={self.include}"] if self.include else []), self.name,
             str(unfinished), mirror()], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
        unfinished.rename(self.root)

    def command(self):
        return ["chroot", str(self.root), "/usr/sbin/haproxy"]

    def version(self):
        said = subprocess.run([*self.command(), "-v"], capture_output=True, text=True, check=True)
        return re.search(r"version (\d+\.\d+)", said.stdout).group(1)

    def move_in(self, directory):
        """Put a directory inside, under the same name: a link stands where it was."""
        inside = self.root / directory.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(directory, inside)
        directory.symlink_to(inside)
        return inside
