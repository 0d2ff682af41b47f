#!/usr/bin/python3
"""Does usher know every word that the real HAProxy registers?

The program that prints the manual gives the rows of usher's tables; `haproxy -dKall` gives those of
HAProxy, and its manual, where it is installed, the words that are registered nowhere. Each must have
a row: supported, ignored or refused. Prints what is missing; fails if anything is.
"""

import gzip
import re
import subprocess
import sys
from pathlib import Path

MANUAL = Path("/usr/share/doc/haproxy/configuration.txt.gz")
# Their actions have tables, and so have those of http-request, in mode http; what stands behind
# http-response and http-after-response is ignored with them.
RULES = ("tcp-request", "tcp-response")
# What proxies of mode http with WebSocket have of their own, and where the same words are looked up.
HTTP = {"proxy": "proxy of `mode http` with WebSocket", "option": "option in `mode http`",
        "timeout": "timeout in `mode http`", "balance": "balance in `mode http`"}


def our_rows(program):
    """{(place, word): number of arguments}"""
    text = subprocess.run([program, "rows"], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in text.splitlines()]
    return {(place, word): int(n) for place, word, _, n, _ in rows}


def dumped():
    """{class: lines} of what HAProxy registers."""
    text = subprocess.run(["haproxy", "-dKall", "-q", "-c", "-f", "/dev/null"],
                          capture_output=True, text=True, check=False).stdout
    parts = re.findall(r"^# List of registered (.*?):\n(.*?)(?=^# List|\Z)", text, re.S | re.M)
    return {name: body.splitlines() for name, body in parts}


def arguments(count):
    """"+1" → 1; "+-1" is of a word that counts them itself."""
    return None if count == "+-1" else int(count.lstrip("+") or 0)


def config_words(lines):
    """(place, word, number of arguments or None) of each registered configuration keyword."""
    section = None
    for line in lines:
        if not line.startswith("\t"):
            section = line.strip()
            if section == "crt-list":
                continue  # another file's
            yield ("section", section, None)
            continue
        words = line.split()
        if section == "global":
            yield ("global", words[0], None)
        elif section == "crt-list":
            continue
        elif words[0] in ("bind", "server"):
            skip = 2 if words[0] == "bind" else 3
            rest = [w for w in words[skip:] if not w.startswith("+")]
            count = words[-1] if words[-1].startswith("+") else ""
            yield (words[0], rest[-1], arguments(count))
        elif words[0] in ("option", "timeout"):
            yield (words[0], words[1], None) if len(words) > 1 else ("proxy", words[0], None)
        elif words[0] in RULES and len(words) > 2:
            yield (f"{words[0]} {words[1]}", words[2].rstrip("*"), None)
        elif words[0] == "http-request":
            word = words[1].rstrip("*")
            yield ("http-request", "track-sc0" if word == "track-sc" else word, None)
        else:
            yield ("proxy", words[0], None)


def matrix_words():
    """Keywords of HAProxy's own manual: the matrix of proxy keywords, the lists of global ones."""
    text = gzip.decompress(MANUAL.read_bytes()).decode()
    matrix = text[text.index("\n4.1. Proxy keywords matrix\n---"):]
    for line in matrix[: matrix.index("\n4.2. ")].splitlines():
        row = re.match(r"([a-z][\w-]*)(?: ([a-z][\w-]*))?[ (*a-z)]*? +(?:X|-)(?: \(!\))? +[X-] ", line)
        if not row:
            continue
        yield ("proxy", row[1])
        if row[1] in ("option", "timeout", "stick", "tcp-check", "http-check", *RULES):
            yield (row[1], row[2])
    start = text.index("\n3. Global parameters\n---")
    globals_ = text[start: text.index("\n3.1. Process manag", start)]
    for word in re.findall(r"^   - (\S+)", globals_, re.M):
        yield ("global", word)


def expression_words(lines):
    for line in lines:
        word = re.match(r"(?:\[[ Y.]*\] )?([\w.+-]+)", line)
        if word and not line.startswith("#"):
            yield word[1]


def missing(ours, theirs):
    """What has no row. (`usesrc` is registered as a word by itself, which HAProxy then refuses.)"""
    for place, word, n in config_words(theirs["configuration keywords"]):
        if place in HTTP and (HTTP[place], word) not in ours:
            yield f"{HTTP[place]}: {word}"
        if (place, word) not in ours:
            yield f"{place}: {word}"
        elif n is not None and word != "usesrc" and ours[place, word] != n:
            yield f"{place}: {word} has {n} arguments, the table says {ours[place, word]}"
    for kind, name in (("fetch", "sample fetch functions"), ("converter", "sample converter functions")):
        for word in expression_words(theirs[name]):
            if (kind, word) not in ours:
                yield f"{kind}: {word}"
    for line in theirs["filter names"]:
        if ("filter", line.split()[0]) not in ours:
            yield f"filter: {line}"
    for word in theirs["service names"]:
        if ("use-service", word.strip()) not in ours:
            yield f"use-service: {word}"


def main():
    if "HAProxy version 2.6." not in subprocess.run(["haproxy", "-v"], capture_output=True,
                                                    text=True, check=False).stdout:
        print("language-against-haproxy: no HAProxy 2.6 here, nothing compared", file=sys.stderr)
        return 0
    ours, theirs = our_rows(sys.argv[1]), dumped()
    n = sum(len(lines) for name, lines in theirs.items() if name not in ("CLI keywords", "ACL keywords"))
    if n < 1000:
        sys.exit("haproxy -dKall says too little to compare anything")
    wrong = sorted(set(missing(ours, theirs)))
    if MANUAL.exists():
        in_matrix = set(matrix_words())
        if len(in_matrix) < 300:
            sys.exit(f"{MANUAL} is not read rightly")
        in_matrix |= {(HTTP[place], word) for place, word in in_matrix if place in HTTP}
        wrong += sorted(f"{place}: {word} (manual)" for place, word in in_matrix - set(ours))
    for word in wrong:
        print(f"no row for {word}")
    print(f"language-against-haproxy: {n} words, {len(wrong)} without a row")
    return wrong != []


if __name__ == "__main__":
    sys.exit(main())
