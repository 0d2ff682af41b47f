#!/usr/bin/python3
"""Asks the real HAProxy for the values that the unit tests expect.

The rows come out of tests/unit/core/test_expr_{eval,acl}.c: those tests hold usher to the values,
this script holds the values to HAProxy. Rows about facts that only the tests' session has are left
out. Prints each difference; fails if there is one.
"""

import ast
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Facts that only the tests' session has, and constants of a clock or dice that stands still.
OURS = re.compile(
    r"ssl_|usher|sc[0-2]?_|nbsrv|srv_|be_name|fe_id|fe_name|\bdst|date|uuid|local\b|remote|\bport\b"
    r"|req\.payload\(18"
)
STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'


def rows(file, value):
    """(expression, expected) of each row in the first table of a test."""
    table = re.search(r"\} rows\[\] = \{(.*?)\n\};", (ROOT / file).read_text(), re.S)[1]
    for row in re.finditer(r"\{\s*" + STRINGS + r",\s*" + value + r"\s*\}", table):
        yield ast.literal_eval("(" + row[1] + ")"), row[2]


def words(line):
    """As line_cut() of the tests cuts: at blanks, but for `words with blanks`."""
    return [bare or quoted for quoted, bare in re.findall(r"`([^`]*)`|([^ ]+)", line)]


def quoted(line):
    return " ".join(re.sub(r"([\\ \"'#$])", r"\\\1", word) for word in words(line))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(rules):
    """What HAProxy logs for txn.v0, txn.v1, … once it ran the rules on one connection."""
    port = free_port()
    logged = "@".join(f"%[var(txn.v{i})]" for i in range(len(rules)))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as cfg:
        cfg.write(
            "defaults\n mode tcp\n timeout client 5s\n timeout connect 1s\n timeout server 1s\n"
            f"frontend f\n bind 127.0.0.1:{port}\n log stdout len 65000 format raw local0\n"
            " tcp-request inspect-delay 5s\n tcp-request content reject if !{ req.len ge 17 } WAIT_END\n"
            " tcp-request content set-var(txn.s) str(abc)\n"
            " tcp-request content set-var(txn.n) int(7)\n"
            " tcp-request content set-var(txn.ip) ipv4(10.1.2.3)\n"
            + "".join(f" tcp-request content set-var(txn.v{i}) {r}\n" for i, r in enumerate(rules))
            + f' tcp-request content reject\n log-format "{logged}"\n'
        )
        cfg.flush()
        haproxy = subprocess.Popen(
            ["haproxy", "-db", "-f", cfg.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(100):
            try:
                client = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                if haproxy.poll() is not None:
                    sys.exit(haproxy.stdout.read().decode())
                time.sleep(0.02)
        client.sendall(b"hello world line2")
        try:
            client.recv(1)
        except OSError:
            pass
        for line in haproxy.stdout:
            values = line.decode("latin1").rstrip("\n").split("@")
            if len(values) == len(rules) and not line.startswith(b"["):
                break
        haproxy.terminate()
        haproxy.wait()
        return values


def main():
    asked = []
    for line, text in rows("tests/unit/core/test_expr_eval.c", r"(NULL|" + STRINGS + ")"):
        if not OURS.search(line):
            expected = "" if text == "NULL" else ast.literal_eval("(" + text + ")")
            asked.append((line, quoted(line), expected or "-"))
    for line, holds in rows("tests/unit/core/test_expr_acl.c", "(true|false)"):
        if not OURS.search(line):
            asked.append((line, "int(1) if " + quoted(line), "1" if holds == "true" else "-"))

    wrong = 0
    for start in range(0, len(asked), 40):
        part = asked[start : start + 40]
        for (line, _, expected), value in zip(part, answers([rule for _, rule, _ in part])):
            if value != expected:
                print(f"{line}: HAProxy says {value!r}, the test {expected!r}")
                wrong += 1
    print(f"expr-against-haproxy: {len(asked)} expressions, {wrong} differ")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
