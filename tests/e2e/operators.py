"""The same file, once through HAProxy and once through usher proxy, and what their operators see."""

import csv
import http.client
import io
import json
import re
import socket

import lab as laboratory
from lab import HAProxy, free_port, wait_for

CONFIG = """
global
    stats socket {run}/admin.sock mode 600 level admin
    stats socket {run}/operator.sock mode 600 level operator
    stats socket {run}/user.sock mode 600 level user
    stats timeout 30s
    maxconn 1000
    nbthread 2

defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s

frontend mqtt
    bind 127.0.0.1:{port}
    maxconn 300
    tcp-request content track-sc0 src table seen
    default_backend brokers

backend brokers
    balance roundrobin
    server a 127.0.0.1:{a} check inter 100ms
    server b 127.0.0.1:{b} check inter 100ms maxconn 10
    server gone 127.0.0.1:{gone} check inter 100ms
    server off 127.0.0.1:{gone} disabled
    server spare 127.0.0.1:{a} backup weight 50
    server tail 127.0.0.1:{a} track a

backend seen
    stick-table type ip size 1k expire 10m store conn_cnt,conn_cur,gpc0,bytes_in_cnt,conn_rate(1m)

backend pinned
    stick-table type string len 32 size 100k expire 30m
    stick on src table pinned
    balance leastconn
    fullconn 7
    server only 127.0.0.1:{a} weight 0

listen stats
    mode http
    bind 127.0.0.1:{stats}
    stats enable
    stats uri /stats
    stats refresh 10s
    stats show-legends
    stats admin if TRUE
{more}"""


class Side:
    """One of the two: how to ask it, and where its clients go."""

    def __init__(self, directory, ports, config):
        self.directory, self.ports = directory, ports
        self.config = directory / "operators.cfg"
        self.config.write_text(config)
        self.process = None

    def ask(self, command, level="admin", raw=False):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.directory / f"{level}.sock"))
            s.sendall(command.encode() + (b"" if raw else b"\n"))
            answer = b""
            while piece := s.recv(65536):
                answer += piece
            return answer.decode()

    def rows(self, text=None):
        """(pxname, svname) → dict of the columns of `show stat`."""
        text = self.ask("show stat") if text is None else text
        return {(r["pxname"], r["svname"]): r
                for r in csv.DictReader(io.StringIO(text.removeprefix("# ")))}

    def row(self, proxy, server):
        return self.rows()[proxy, server]

    def info(self):
        return dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if line)

    def servers(self, backend=""):
        """Server → dict of `show servers state`."""
        lines = self.ask(f"show servers state {backend}").splitlines()
        names = lines[1].split()[1:]
        return {row["srv_name"]: row
                for row in (dict(zip(names, line.split())) for line in lines[2:] if line)}

    def wait_status(self, server, status, backend="brokers"):
        wait_for(lambda: re.fullmatch(status, self.row(backend, server)["status"]),
                 f"{server} to be {status}")

    def get(self, path, method="GET", body=None, headers=None, port=None):
        """(status, headers, text) of an HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.ports["stats"],
                                                timeout=10)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text


def make(lab, name, more="", **changes):
    """A side of its own: files and ports; the brokers are the lab's."""
    brokers = list(lab.brokers.values())
    directory = lab.directory / name
    directory.mkdir()
    ports = {"mqtt": free_port(), "stats": free_port(), "gone": free_port()}
    values = {"run": directory, "port": ports["mqtt"], "stats": ports["stats"],
              "a": brokers[0].port, "b": brokers[1].port, "gone": ports["gone"], **changes}
    return Side(directory, ports, CONFIG.format(more=more.format(**values), **values))


def start_haproxy(lab, **options):
    side = make(lab, "real", **options)
    lab.haproxy = HAProxy(side.directory, side.config, {}).start()
    side.process = lab.haproxy.process
    wait_for((side.directory / "admin.sock").exists, "HAProxy's socket")
    return side


def start_usher(lab, **options):
    side = make(lab, "ours", **options)
    lab.config = side.config
    lab.start_usher(command="proxy")
    side.process = lab.usher
    return side


def start_both(lab, **options):
    """HAProxy and usher, with all checks made."""
    lab.start_brokers()
    sides = start_haproxy(lab, **options), start_usher(lab, **options)
    for side in sides:
        side.wait_status("gone", "DOWN")
        for server in "ab":
            wait_for(lambda s=side, n=server: s.row("brokers", n)["check_health"] == "4",
                     f"{server} to be checked")
    return sides


def fields_of_json(text):
    """(kind, iid, sid, name) → (pos, type, tags), and the values by the same key."""
    form, values = {}, {}
    for row in json.loads(text):
        for f in row:
            key = f["objType"], f["proxyId"], f["id"], f["field"]["name"]
            form[key] = f["field"]["pos"], f["value"]["type"], tuple(f["tags"].items())
            values[key] = f["value"]["value"]
    return form, values


SLOW = laboratory.SLOW
