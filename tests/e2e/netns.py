"""Two network namespaces and a wire between them: one for a load balancer that may have any port,
one for the brokers it knows by name and for their clients. Needs root."""

import contextlib
import ctypes
import os
import pathlib
import subprocess

BALANCER = "10.77.0.1"
CLIENTS = [f"10.77.1.{n}" for n in range(1, 255)]
_libc = ctypes.CDLL(None, use_errno=True)


class Room:
    """Namespaces of network and mounts, with an /etc/hosts of its own; they live as long as it."""

    def __init__(self, directory, name, hosts):
        path = pathlib.Path(directory) / f"{name}.hosts"
        path.write_text(f"127.0.0.1 localhost\n{hosts}")
        self.holder = subprocess.Popen(
            ["unshare", "-m", "-n", "sh", "-c",
             'mount --bind "$0" /etc/hosts && ip link set lo up && echo ready && exec cat',
             str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"
        self.command = ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "--"]

    def run(self, *argv):
        subprocess.run([*self.command, *argv], check=True, timeout=30)

    @contextlib.contextmanager
    def network(self):
        """Sockets that this thread opens in here belong to the room."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/proc/{self.holder.pid}/ns/net", "rb") as there:
            enter(there)
            try:
                yield
            finally:
                enter(home)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


def enter(namespace):
    if _libc.setns(namespace.fileno(), 0):
        raise OSError(ctypes.get_errno(), "setns")


class Site:
    """The balancer's room, the brokers' room; `names` are those of the brokers, in order."""

    def __init__(self, directory, names):
        self.addresses = {name: f"10.77.0.{11 + n}" for n, name in enumerate(names)}
        hosts = "".join(f"{address} {name}\n" for name, address in self.addresses.items())
        self.balancer = Room(directory, "balancer", hosts)
        self.brokers = Room(directory, "brokers", hosts)
        self.balancer.run("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1",
                          "netns", str(self.brokers.holder.pid))
        self.balancer.run("ip", "addr", "add", f"{BALANCER}/16", "dev", "wire0")
        self.balancer.run("ip", "link", "set", "wire0", "up")
        self.brokers.run("ip", "link", "set", "wire1", "up")
        self.brokers.run("ip", "addr", "add", "10.77.255.2/32", "dev", "wire1")
        self.brokers.run("ip", "route", "add", f"{BALANCER}/32", "dev", "wire1")
        # All of these are this room's, without being named one by one: brokers, and CLIENTS.
        for net in ("10.77.0.8/29", "10.77.1.0/24"):
            self.brokers.run("ip", "route", "add", "local", net, "dev", "lo")

    def close(self):
        self.balancer.close()
        self.brokers.close()


def is_possible():
    """Containers without the right to make namespaces have no such site."""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "-n", "true"], capture_output=True, check=False).returncode == 0
