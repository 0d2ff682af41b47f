#!/usr/bin/python3
"""Asks the real HAProxy where sessions end up under rules, and what it says of wrong ones.

The rows come out of tests/unit/core/test_rules_{run,compile}.c: those tests hold usher to them,
this script holds them to HAProxy. All sessions run at once, a frontend each in one configuration;
each wrong line is a configuration of its own. Prints each difference; fails if there is one.
"""

import ast
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = "tests/unit/core/test_rules_run.c"
COMPILE = "tests/unit/core/test_rules_compile.c"
STRING = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
SERVERS = " server s1 127.0.0.1:{sink}\n server s2 127.0.0.1:{sink} weight 0\n" \
    " server s3 127.0.0.1:{sink} disabled\n"
PAUSE = 0.1  # between what is one chunk and what is another


def rows(test, last, n):
    """The n strings of each row of the table whose rows end with member `last`, macros replaced."""
    cc = os.environ.get("CC", "cc").split()
    text = subprocess.run(
        cc + ["-E", "-P", "-D_GNU_SOURCE", "-I.", test],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    table = re.search(r"\*" + last + r";\s*\} rows\[\] = \{(.*?)\};\s*static", text, re.S)[1]
    row = r"\{\s*" + r",\s*".join([STRING] * n) + r",?\s*\}"
    return [[ast.literal_eval("(" + s + ")") for s in m.groups()] for m in re.finditer(row, table)]


def chunks(text):
    for chunk in text.split("|"):
        parts = re.findall(r"<([^>]*)>?|([^<]+)", chunk)
        yield b"".join(bytes.fromhex(h) if h else t.encode() for h, t in parts)


def listener():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s


def configuration(table, ports, sink):
    text = (
        'global\n log stdout format raw local0\ndefaults\n mode tcp\n log global\n'
        ' log-format "OUTCOME %f %b %s %ts"\n'
        " timeout client 4s\n timeout connect 4s\n timeout server 4s\n"
    )
    for i, (_, config, _, _) in enumerate(table):
        front, _, back = config.replace("@", f"x{i}").partition("--\n")
        text += (
            f"frontend f{i}\n bind 127.0.0.1:{ports[i]}\n{front} default_backend dx{i}\n"
            f"backend dx{i}\n{back}{SERVERS.format(sink=sink)}"
            f"backend ox{i}\n server s1 127.0.0.1:{sink}\n"
            f"backend tx{i}\n stick-table type string len 20 size 1k store gpc0,gpc1,gpt0,conn_cur\n"
            f"backend ix{i}\n stick-table type ip size 1k store gpc0\n"
        )
    return text


class Client(threading.Thread):
    """One session: what it sends, how long it lasts, whether it was told to go."""

    def __init__(self, port, text):
        super().__init__()
        self.port, self.text = port, text

    def run(self):
        start = time.monotonic()
        self.told = True
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
                for chunk in chunks(self.text):
                    time.sleep(PAUSE)
                    s.sendall(chunk)
                s.recv(1)
        except TimeoutError:
            self.told = False
        except OSError:
            pass
        self.lasted = time.monotonic() - start


def outcome(logged, client):
    """In the words of the test. What a connection rule rejects is not logged."""
    backend, server, state = logged or ("", "", "PR")
    if state == "PR":
        end = "reject" if client.told else "drop"
    else:
        end = f"{backend[0]}/{server}"
    late = client.told and client.lasted > 0.9
    return end + (" late" if late else "")


def start_haproxy(path, port):
    haproxy = subprocess.Popen(
        ["haproxy", "-db", "-f", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return haproxy
        except OSError:
            if haproxy.poll() is not None:
                sys.exit(haproxy.stdout.read())
            time.sleep(0.02)
    sys.exit("HAProxy does not listen")


def compare_words():
    """The number of lines that HAProxy refuses in other words, and of lines."""
    table = rows(COMPILE, "finding", 3)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for side, line, expected in table:
            front, back = ("", line) if side else (line, "")
            # As session_write_config() of tests/unit/core/rules_world.h writes it.
            Path(folder, "h.cfg").write_text(
                f"frontend f\n{front}\n bind 127.0.0.1:1\n default_backend dx\n"
                f"backend dx\n{back}\n server s1 127.0.0.1:1\n server s2 127.0.0.1:2 weight 0\n"
                " server s3 127.0.0.1:3 disabled\nbackend ox\n server s1 127.0.0.1:1\n"
                "backend tx\n stick-table type string len 20 size 1k store "
                "gpc0,gpc1,gpt0,conn_cur\nbackend ix\n stick-table type ip size 1k store gpc0\n"
            )
            said = subprocess.run(
                ["haproxy", "-c", "-f", "h.cfg"], cwd=folder, capture_output=True, text=True
            ).stderr
            if expected + "\n" not in said:
                print(f"{line}: HAProxy says\n{said}the test\n{expected}")
                wrong += 1
    return wrong, len(table)


def compare_sessions():
    """The number of sessions that end up elsewhere in HAProxy, and of sessions."""
    table = rows(RUN, "outcome", 4)
    sink = listener()
    sink.listen(1024)
    threading.Thread(target=close_all, args=(sink,), daemon=True).start()
    # The last frontend is there to see that HAProxy listens.
    held = [listener() for _ in range(len(table) + 1)]
    ports = [s.getsockname()[1] for s in held]
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as cfg:
        probe = table + [["", "", "", ""]]
        cfg.write(configuration(probe, ports, sink.getsockname()[1]))
        cfg.flush()
        for s in held:
            s.close()
        haproxy = start_haproxy(cfg.name, ports[-1])
        clients = [Client(port, row[2]) for port, row in zip(ports, table)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        time.sleep(PAUSE)
        haproxy.terminate()
        lines = haproxy.communicate()[0]

    logged = {}
    for line in re.findall(r"^OUTCOME f(\d+) (\S+) (\S+) (\S+)$", lines, re.M):
        logged[int(line[0])] = line[1:]
    wrong = 0
    for i, (name, _, _, expected) in enumerate(table):
        value = outcome(logged.get(i), clients[i])
        if value != expected:
            print(f"{name}: HAProxy says {value!r}, the test {expected!r}")
            wrong += 1
    return wrong, len(table)


def main():
    version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout
    if not version.startswith("HAProxy version 2.6"):
        print("rules-against-haproxy: no HAProxy 2.6 here, nothing compared", file=sys.stderr)
        return 0
    sessions, n_sessions = compare_sessions()
    words, n_words = compare_words()
    print(
        f"rules-against-haproxy: {n_sessions} sessions, {sessions} differ; "
        f"{n_words} wrong lines, {words} differ"
    )
    return sessions + words > 0 or not n_sessions or not n_words


def close_all(sink):
    while True:
        sink.accept()[0].close()


if __name__ == "__main__":
    sys.exit(main())
