#!/usr/bin/python3
"""Asks the real HAProxy for the values that the unit tests expect.

The rows come out of tests/unit/core/test_expr_{eval,acl,http}.c: those tests hold usher to the values,
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


def rows(file, value, table="rows"):
    """(expression, expected) of each row in a table of a test."""
    table = re.search(r"\} " + table + r"\[\] = \{(.*?)\n\};", (ROOT / file).read_text(), re.S)[1]
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


STREAM = (b"hello world line2", "mode tcp",
          " tcp-request inspect-delay 5s\n tcp-request content reject if !{ req.len ge 17 } WAIT_END\n"
          " tcp-request content set-var(txn.s) str(abc)\n"
          " tcp-request content set-var(txn.n) int(7)\n"
          " tcp-request content set-var(txn.ip) ipv4(10.1.2.3)\n", "tcp-request content", "reject")


def request():
    """The head that the tests of HTTP read, and where it is read."""
    text = (ROOT / "tests/unit/core/test_expr_http.c").read_text()
    head = ast.literal_eval("(" + re.search(r"request\[\] =\s*(.*?);\n\n", text, re.S)[1] + ")")
    return head.encode(), "mode http", "", "http-request", "deny"


def answers(rules, said):
    """What HAProxy logs for txn.v0, txn.v1, … once it ran the rules on one connection."""
    sent, mode, before, action, end = said
    port = free_port()
    logged = "@".join(f"%[var(txn.v{i})]" for i in range(len(rules)))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as cfg:
        cfg.write(
            f"defaults\n {mode}\n timeout client 5s\n timeout connect 1s\n timeout server 1s\n"
            f"frontend f\n bind 127.0.0.1:{port}\n log stdout len 65000 format raw local0\n"
            + before
            + "".join(f" {action} set-var(txn.v{i}) {r}\n" for i, r in enumerate(rules))
            + f' {action} {end}\n log-format "{logged}"\n'
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
        client.sendall(sent)
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


def stream_rows():
    for line, text in rows("tests/unit/core/test_expr_eval.c", r"(NULL|" + STRINGS + ")"):
        if not OURS.search(line):
            yield line, text
    for line, holds in rows("tests/unit/core/test_expr_acl.c", "(true|false)"):
        if not OURS.search(line):
            yield line, holds


def http_rows():
    file = "tests/unit/core/test_expr_http.c"
    yield from rows(file, r"(NULL|" + STRINGS + ")")
    yield from rows(file, "(true|false)", "conditions")


def question(line, text):
    """What to ask HAProxy, and its answer."""
    if text in ("true", "false"):
        return "int(1) if " + quoted(line), "1" if text == "true" else "-"
    return quoted(line), (text != "NULL" and ast.literal_eval("(" + text + ")")) or "-"


def main():
    wrong = total = 0
    for said, asked in ((STREAM, [*stream_rows()]), (request(), [*http_rows()])):
        total += len(asked)
        for start in range(0, len(asked), 40):
            part = asked[start : start + 40]
            questions = [question(*row) for row in part]
            values = answers([rule for rule, _ in questions], said)
            for (line, _), (_, expected), value in zip(part, questions, values):
                if value != expected:
                    print(f"{line}: HAProxy says {value!r}, the test {expected!r}")
                    wrong += 1
    print(f"expr-against-haproxy: {total} expressions, {wrong} differ")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
