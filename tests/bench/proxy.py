"""make bench-proxy: usher proxy against HAProxy, with one file.

Both carry the guide's sticky MQTT configuration on one thread and take turns, so that whatever else
this machine does falls on both; medians, and ratios to HAProxy. Prints, asserts nothing about time.
docs/performance.md says what the figures mean.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import spoe  # noqa: E402  pylint: disable=wrong-import-position
from spoe import laboratory, medians, resident, tool  # noqa: E402  pylint: disable=wrong-import-position

ROUNDS = 3
AT_A_TIME = 16
DEVICES = 2000
IDLE = 5000  # sessions that say nothing
PINGS = 20000
BULK = 256 << 20  # bytes
CHUNK = 1 << 16
CONNECT = b"\x10\x0f\0\4MQTT\4\2\0\0\0\3bul"
PING = b"\xc0\0"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of processor time so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Side:
    def __init__(self, name, brokers, governed=False):
        self.name, self.governed, self.runs = name, governed, []
        self.lab = laboratory.Lab(brokers=0)
        self.lab.debug = False
        self.lab.extra_env = {f"USHER_EMQX{i + 1}": f"127.0.0.1:{port}"
                              for i, port in enumerate(brokers)}
        self.lab.extra_env["USHER_MAXCONN"] = str(IDLE + 1000)

    def start(self):
        if not self.governed:
            self.lab.config = HERE / "native.cfg"
        if self.name == "HAProxy":
            self.lab.start_haproxy()
            self.pid = self.lab.haproxy.process.pid
        else:
            self.lab.start_usher("-j", "1", command="proxy")
            self.pid = self.lab.usher.pid
        self.load("-n", 2 * DEVICES)

    def load(self, *how):
        run = tool("mqtt_load", "-p", self.lab.ports["mqtt"], "-k", DEVICES, *how, "-P", self.pid)
        assert run["refused"] == 0, f"{self.name}: {run['refused']:.0f} clients not served"
        return run

    def client(self):
        client = socket.create_connection(("127.0.0.1", self.lab.ports["mqtt"]), timeout=30)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(CONNECT)
        assert client.recv(4) == b"\x20\2\0\0"
        return client

    def idle_memory(self):
        """Resident bytes that each session takes that is there and says nothing."""
        before = resident(self.pid)
        clients = [self.client() for _ in range(IDLE)]
        grown = resident(self.pid) - before
        for client in clients:
            client.close()
        return grown / IDLE

    def pings(self):
        """Microseconds of CPU for a PINGREQ and its answer."""
        with self.client() as client:
            before = cpu(self.pid)
            for _ in range(PINGS):
                client.sendall(PING)
                client.recv(2)
            return (cpu(self.pid) - before) / PINGS * 1e6

    def bulk(self):
        """Milliseconds of CPU for a MiB towards the broker."""
        with self.client() as client:
            before, chunk = cpu(self.pid), bytes(CHUNK)
            for _ in range(BULK // CHUNK):
                client.sendall(chunk)
            client.sendall(b"\1")
            client.recv(1)
            return (cpu(self.pid) - before) / (BULK >> 20) * 1e3

    def measure(self):
        busy = self.load("-c", AT_A_TIME, "-t", 2)
        idle = self.load("-c", 1, "-t", 1)
        self.runs.append({"cpu": busy["cpu_us"], "p50": idle["p50_us"], "p99": idle["p99_us"],
                          "ping": self.pings(), "bulk": self.bulk()})


def print_sides(sides, direct):
    rows = [("cpu", "CPU a session (connect, CONNACK, DISCONNECT)", "µs"),
            ("p50", "CONNACK latency added, p50", "µs"), ("p99", "the same, p99", "µs"),
            ("ping", "CPU a ping and its answer", "µs"), ("bulk", "CPU a MiB to the broker", "ms"),
            ("memory", "memory an idle session", "bytes")]
    print(f"  {'':46}" + "".join(f"{side.name:>26}" for side in sides))
    first = None
    for key, text, unit in rows:
        cells = []
        for side in sides:
            run = {**medians(side.runs), "memory": side.memory}
            value = run[key] - (direct[key] if key in direct else 0)
            first = value if side is sides[0] else first
            ratio = f" ({value / first:.2f})" if first else ""
            cells.append(f"{value:.1f} {unit}{ratio}".rjust(26))
        print(f"  {text:46}" + "".join(cells))


def main():
    laboratory.raise_descriptor_limit()
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"this machine is busy with something else (load {busy:.1f}): ratios are rough")
    with contextlib.ExitStack() as stack:
        ports = [laboratory.free_port() for _ in range(3)]
        quick = subprocess.Popen([spoe.TOOLS / "connack", *map(str, ports)])
        stack.callback(quick.wait)
        stack.callback(quick.terminate)
        sides = [Side("HAProxy", ports), Side("usher proxy", ports),
                 Side("usher proxy, governed", ports, governed=True)]
        for side in sides:
            stack.enter_context(side.lab)
            stack.enter_context(spoe.sink(side.lab.log_port))
            side.start()
        direct = tool("mqtt_load", "-p", ports[0], "-c", 1, "-t", 1)
        for side in sides:
            side.memory = side.idle_memory()
        for _ in range(ROUNDS):
            for side in sides:
                side.measure()
        version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True,
                                 check=True).stdout
        print(f"\n{version.split(' 20')[0]} and usher proxy, one thread each, the same file (the "
              f"guide's sticky one), medians of {ROUNDS} interleaved runs; in brackets the ratio")
        print_sides(sides, {"p50": direct["p50_us"], "p99": direct["p99_us"]})


if __name__ == "__main__":
    main()
