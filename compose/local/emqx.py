#!/usr/bin/env python3
"""The `emqx` of the stand-in image: mosquitto, made to look like a node of EMQX as far as this demo asks.

    emqx foreground                  serve: what a container of EMQX does
    emqx ctl status
    emqx ctl cluster status
    emqx ctl broker stats
    emqx ctl clients list
    emqx ctl clients show CLIENT_ID

Every listener passes its bytes on to mosquitto. One with `proxy_protocol` wants a PROXY header first,
believes it, and with EMQX_MQTT__PEER_CERT_AS_USERNAME=cn makes the common name in it the username, as
EMQX does. Nodes do not share sessions: a "cluster" here is nodes that see each other's port 4370.
"""

import asyncio
import ipaddress
import os
import pathlib
import re
import signal
import socket
import struct
import sys

CONTROL = "/tmp/emqx.sock"
MQTT, WEBSOCKET = ("127.0.0.1", 21883), ("127.0.0.1", 28083)  # mosquitto's own listeners
DISTRIBUTION = 4370
MOSQUITTO = f"""
listener {MQTT[1]} {MQTT[0]}
listener {WEBSOCKET[1]} {WEBSOCKET[0]}
protocol websockets
allow_anonymous true
log_dest stdout
"""
ARRIVAL = re.compile(
    r"New client connected from \S+:(\d+) as (.*) \(p\d, c\d, k\d+(?:, u'(.*)')?\)\.$")
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"
HEADER_TIMEOUT = 3  # seconds, as EMQX's proxy_protocol_timeout

node_name = os.environ.get("EMQX_NODE__NAME", "emqx@127.0.0.1")
peers = {}  # mosquitto's view of a connection: our port there -> the client's address
clients = {}  # the same port -> client id, username


# ---- PROXY protocol -----------------------------------------------------------------------------

def tlvs(data):
    while data:
        kind, length = struct.unpack("!BH", data[:3])
        yield kind, data[3:3 + length]
        data = data[3 + length:]


async def read_proxy_header(reader):
    """(address or None, common name or None)."""
    start = await reader.readexactly(6)
    if start == b"PROXY ":
        words = (await reader.readuntil(b"\r\n")).split()
        return (f"{words[1].decode()}:{words[3].decode()}" if words[0] != b"UNKNOWN" else None), None
    if start + await reader.readexactly(6) != PROXY_V2:
        raise ValueError("no PROXY header")
    command, family, length = struct.unpack("!BBH", await reader.readexactly(4))
    data = await reader.readexactly(length)
    if command == 0x20:  # LOCAL: the balancer speaks for itself
        return None, None
    size = {0x11: 4, 0x21: 16}.get(family)
    if command != 0x21 or size is None:
        raise ValueError("not TCP")
    source, port = ipaddress.ip_address(data[:size]), struct.unpack_from("!H", data, 2 * size)[0]
    name = None
    for kind, value in tlvs(data[2 * size + 4:]):
        if kind == 0x20:  # PP2_TYPE_SSL: a byte of flags, four of verify, TLVs
            name = dict(tlvs(value[5:])).get(0x22)
    return f"{source}:{port}", name


# ---- CONNECT ------------------------------------------------------------------------------------

def text(data, at):
    """The string at `at` and where it ends."""
    end = at + 2 + struct.unpack_from("!H", data, at)[0]
    return data[at:end], end


def varint(data, at):
    value, shift = 0, 0
    while True:
        value, shift, at = value | (data[at] & 0x7F) << shift, shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at


def length_of(n):
    out = b""
    while True:
        n, digit = n >> 7, n & 0x7F
        out += bytes([digit | (0x80 if n else 0)])
        if not n:
            return out


async def read_packet(reader):
    first, digits = await reader.readexactly(1), b""
    while not digits or digits[-1] & 0x80:
        digits += await reader.readexactly(1)
    return first, await reader.readexactly(varint(digits, 0)[0])


def with_username(body, name):
    """The body of a CONNECT, its username set to `name`."""
    _, at = text(body, 0)
    level, flags = body[at], body[at + 1]
    head, at = body[:at + 1], at + 2
    rest = at
    at += 2  # keepalive

    def properties():
        nonlocal at
        if level == 5:
            size, at = varint(body, at)
            at += size

    properties()
    _, at = text(body, at)
    if flags & 0x04:
        properties()
        for _ in range(2):
            _, at = text(body, at)
    middle = body[rest:at]
    if flags & 0x80:
        _, at = text(body, at)
    return head + bytes([flags | 0x80]) + middle + struct.pack("!H", len(name)) + name + body[at:]


# ---- listeners ----------------------------------------------------------------------------------

async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


def listener(target, proxy_protocol):
    async def serve(reader, writer):
        broker, port = None, None
        try:
            peer, name = "{}:{}".format(*writer.get_extra_info("peername")[:2]), None
            if proxy_protocol:
                told, name = await asyncio.wait_for(read_proxy_header(reader), HEADER_TIMEOUT)
                peer = told or peer
            if os.environ.get("EMQX_MQTT__PEER_CERT_AS_USERNAME") != "cn":
                name = None
            from_broker, broker = await asyncio.open_connection(*target)
            port = broker.get_extra_info("sockname")[1]
            peers[port] = peer
            if name:
                first, body = await read_packet(reader)
                body = with_username(body, name)
                broker.write(first + length_of(len(body)) + body)
            await asyncio.gather(pump(reader, broker), pump(from_broker, writer))
        except (OSError, EOFError, ValueError, LookupError, struct.error, TimeoutError,
                asyncio.IncompleteReadError):
            pass  # as EMQX: a close, whatever the peer did wrong
        finally:
            peers.pop(port, None)
            clients.pop(port, None)
            writer.close()
            if broker:
                broker.close()
    return serve


def listeners():
    """(port, mosquitto's listener, proxy_protocol) of each, by EMQX's defaults and settings."""
    found = {("TCP", "DEFAULT"): {"BIND": "0.0.0.0:1883"}, ("WS", "DEFAULT"): {"BIND": "0.0.0.0:8083"}}
    for name, value in os.environ.items():
        if parts := re.fullmatch(r"EMQX_LISTENERS__(TCP|WS)__(\w+?)__(\w+)", name):
            found.setdefault(parts.group(1, 2), {})[parts[3]] = value
    for (kind, _), settings in found.items():
        yield (int(settings["BIND"].rpartition(":")[2]), MQTT if kind == "TCP" else WEBSOCKET,
               settings.get("PROXY_PROTOCOL") == "true")


async def hear(log):
    """mosquitto's log tells who each connection is."""
    async for line in log:
        line = line.decode(errors="replace").rstrip()
        print(line, flush=True)
        if (who := ARRIVAL.search(line)) and int(who[1]) in peers:
            clients[int(who[1])] = who[2], who[3] or "undefined"


# ---- emqx ctl -----------------------------------------------------------------------------------

def seeds():
    return re.findall(r"[^\[\],\s]+", os.environ.get("EMQX_CLUSTER__STATIC__SEEDS", node_name))


async def is_running(seed):
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(seed.partition("@")[2], DISTRIBUTION), 1)
        writer.close()
        return True
    except (OSError, TimeoutError):
        return False


met = set()  # nodes that were running at some time


async def cluster_status():
    running = [seed for seed in seeds() if seed == node_name or await is_running(seed)]
    met.update(running)
    stopped = sorted(met - set(running))
    return "Cluster status: #{{running_nodes => [{}],\n                  stopped_nodes => [{}]}}\n".format(
        *(",".join(f"'{name}'" for name in names) for names in (running, stopped)))


def client_line(port):
    client_id, username = clients[port]
    return (f"Client({client_id}, username={username}, peername={peers[port]}, "
            "connected=true)\n")


async def answer(words):
    here = [port for port in clients if port in peers]
    match words:
        case ["status"]:
            return f"Node '{node_name}' (stand-in) is started\n"
        case ["cluster", "status"]:
            return await cluster_status()
        case ["broker", "stats"]:
            return "".join(f"{name:30}: {len(here)}\n"
                           for name in ("connections.count", "live_connections.count"))
        case ["clients", "list"]:
            return "".join(map(client_line, here))
        case ["clients", "show", client_id]:
            return "".join(client_line(p) for p in here if clients[p][0] == client_id) \
                or "Not Found.\n"
        case _:
            return f"the stand-in does not know: ctl {' '.join(words)}\n"


async def on_control(reader, writer):
    words = (await reader.read()).decode().split("\0")
    writer.write((await answer(words)).encode())
    writer.close()


def control(words):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(CONTROL)
        link.sendall("\0".join(words).encode())
        link.shutdown(socket.SHUT_WR)
        while data := link.recv(65536):
            sys.stdout.write(data.decode())


# ---- foreground ---------------------------------------------------------------------------------

async def foreground():
    configuration = pathlib.Path("/tmp/mosquitto.conf")
    configuration.write_text(MOSQUITTO)
    broker = await asyncio.create_subprocess_exec(
        "mosquitto", "-c", str(configuration), stdout=asyncio.subprocess.PIPE)
    hearing = asyncio.create_task(hear(broker.stdout))
    for port, target, proxy_protocol in listeners():
        await asyncio.start_server(listener(target, proxy_protocol), "0.0.0.0", port, backlog=1024)
    await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", DISTRIBUTION)
    pathlib.Path(CONTROL).unlink(missing_ok=True)
    await asyncio.start_unix_server(on_control, CONTROL)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, broker.terminate)
    await broker.wait()
    await hearing


def main():
    match sys.argv[1:]:
        case ["foreground"]:
            asyncio.run(foreground())
        case ["ctl", *words]:
            try:
                control(words)
            except OSError:
                sys.exit(f"Node {node_name} not responding to pings.")
        case _:
            sys.exit(__doc__)


main()
