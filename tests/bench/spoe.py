"""make bench-spoe: what usher costs beside HAProxy.

First usher alone, asked by a generator in HAProxy's place. Then the same HAProxy with the guide's
`stick on` and with usher, the sides taking turns, so that whatever else this machine does falls on
all of them; medians, and ratios to the guide's. Prints, asserts nothing about time.
docs/performance.md says what the figures mean.
"""

import contextlib
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import lab as laboratory  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = pathlib.Path(os.environ["BENCH"])
ROUNDS = 3
KNOWN = 100000  # clients of the agent that come again
DEVICES = 2000  # clients of HAProxy
AT_A_TIME = 16
MILLION = 1000000


def tool(name, *arguments):
    """Run a generator; its figures by name."""
    done = subprocess.run([TOOLS / name, *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=120)
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", done.stdout)}


def medians(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def resident(pid):
    """Resident memory in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@contextlib.contextmanager
def sink(port):
    """Where log lines go: taken by nobody, refused by nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        yield


# -- usher alone


@contextlib.contextmanager
def agent(entries=1048576):
    """usher with one worker; its port and pid."""
    with laboratory.Lab({"stickiness": {"entries": entries}}, brokers=0) as lab:
        lab.debug = False
        lab.start_usher("-j", "1")
        yield lab.ports["agent"], lab.usher.pid


def measure_agent():
    """Name → medians, for each way of asking."""
    ways = {
        "known clients, 4 x 32 in flight": ["-k", KNOWN],
        "new clients, 4 x 32 in flight": ["-b", "{new}"],
        "known clients, one at a time": ["-k", KNOWN, "-c", 1, "-m", 1],
    }
    runs = {name: [] for name in ways}
    with agent() as (port, pid):
        tool("spop_load", "-p", port, "-k", KNOWN, "-n", 4 * KNOWN, "-a")
        for n in range(ROUNDS):
            for name, way in ways.items():
                way = [str(word).format(new=(n + 1) * 10 ** 9) for word in way]
                runs[name].append(tool("spop_load", "-p", port, "-t", 1, "-P", pid, *way))
    return {name: medians(some) for name, some in runs.items()}


def measure_memory():
    """Bytes of each sticky entry, all told."""
    with agent() as (port, pid):
        before = resident(pid)
        tool("spop_load", "-p", port, "-b", 0, "-n", MILLION, "-a")
        return (resident(pid) - before) / MILLION


def print_agent(ways, entry):
    print(f"\nusher alone, one worker, medians of {ROUNDS} runs")
    print(f"  {'':34}{'CPU each':>10}{'a second':>12}{'p50':>10}{'p99':>10}")
    for name, run in ways.items():
        print(f"  {name:34}{run['cpu_us']:7.2f} µs{run['per_s']:12,.0f}"
              f"{run['p50_us']:7.0f} µs{run['p99_us']:7.0f} µs"
              + (f"   {run['empty']:.0f} not decided" if run["empty"] else ""))
    print(f"  a sticky entry with an id of 24 bytes: {entry:.0f} bytes of resident memory, "
          "its bucket and malloc's share included")


# -- beside HAProxy


class Side:
    """One HAProxy, with or without usher, and what was measured of it."""

    def __init__(self, name, brokers, changes=None):
        """`changes` to the project's file; None: the guide's file, and no usher."""
        self.name = name
        self.lab = laboratory.Lab(brokers=0)
        self.lab.debug = False
        self.lab.extra_env = {f"USHER_EMQX{i + 1}": f"127.0.0.1:{port}"
                              for i, port in enumerate(brokers)}
        self.changes, self.pids = changes, []
        self.busy, self.idle = [], []

    def start(self):
        if self.changes is None:
            self.lab.config = HERE / "native.cfg"
            self.lab.start_haproxy()
            self.pids = [self.lab.haproxy.process.pid]
        else:
            self.lab.edit_config(("    hard-stop-after", "    nbthread 1\n    hard-stop-after"),
                                 *self.changes)
            self.lab.start("-j", "1")
            self.pids = [self.lab.haproxy.process.pid, self.lab.usher.pid]
        self.load("-n", 2 * DEVICES)

    def load(self, *how):
        processes = [word for pid in self.pids for word in ("-P", pid)]
        run = tool("mqtt_load", "-p", self.lab.ports["mqtt"], "-k", DEVICES, *how, *processes)
        assert run["refused"] == 0, f"{self.name}: {run['refused']:.0f} clients not served"
        return run

    def measure(self):
        self.busy.append(self.load("-c", AT_A_TIME, "-t", 2))
        self.idle.append(self.load("-c", 1, "-t", 1))


def variants():
    """What usher may be asked to do, as changes to the project's file."""
    text = (laboratory.ROOT / "haproxy/haproxy.cfg").read_text()
    ends = [(line + "\n", "") for line in dict.fromkeys(text.splitlines())
            if "USHER_ENDS" in line or "log-format-sd" in line]
    connack = [("    #filter spoe", "    filter spoe"), ("    #tcp-response", "    tcp-response")]
    return {
        "usher, haproxy.cfg as it stands": [],
        "  without session ends": ends,
        "  with CONNACK reports": connack,
    }


def measure_beside(stack):
    """The sides, the guide's first, and the latency without any HAProxy."""
    ports = [laboratory.free_port() for _ in range(3)]
    broker = subprocess.Popen([TOOLS / "connack", *map(str, ports)])
    stack.callback(broker.wait)
    stack.callback(broker.terminate)
    sides = [Side("the guide's `stick on`", ports)]
    sides += [Side(name, ports, changes) for name, changes in variants().items()]
    for side in sides:
        stack.enter_context(side.lab)
        stack.enter_context(sink(side.lab.log_port))
        side.start()
    direct = []
    for _ in range(ROUNDS):
        direct.append(tool("mqtt_load", "-p", ports[0], "-c", 1, "-t", 1))
        for side in sides:
            side.measure()
    return sides, medians(direct)


def print_beside(sides, direct):
    version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
    print(f"\n{version.split(' 20')[0]}, one thread, beside usher with one worker, medians of "
          f"{ROUNDS} interleaved runs")
    print(f"CPU with {AT_A_TIME} clients at a time, latency of CONNACK with one at a time; "
          f"straight to the broker it is {direct['p50_us']:.0f} µs, p99 {direct['p99_us']:.0f} µs")
    print(f"  {'':34}{'CPU a session':>14}{'ratio':>8}{'usher':>10}"
          f"{'added p50':>12}{'p99':>10}")
    guide = medians(sides[0].busy)["cpu_us"]
    for side in sides:
        busy, idle = medians(side.busy), medians(side.idle)
        print(f"  {side.name:34}{busy['cpu_us']:11.1f} µs{busy['cpu_us'] / guide:8.2f}"
              + (f"{busy['cpu1_us']:7.1f} µs" if "cpu1_us" in busy else f"{'-':>10}")
              + f"{idle['p50_us'] - direct['p50_us']:9.0f} µs"
              f"{idle['p99_us'] - direct['p99_us']:7.0f} µs")


def main():
    laboratory.raise_descriptor_limit()
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"this machine is busy with something else (load {busy:.1f}): ratios are rough, "
              "latencies and CPU of single questions far too high")
    print_agent(measure_agent(), measure_memory())
    with contextlib.ExitStack() as stack:
        print_beside(*measure_beside(stack))
    print("\ndocs/performance.md says how this was measured and what it means.")


if __name__ == "__main__":
    main()
