"""PROXY headers that come in: families, commands and lies; over TCP and TLS; fused and in bytes."""

import contextlib
import socket
import ssl
import struct

import pytest

import lab as laboratory
import mqtt
from test_proxy_tls import HEAD, V2, Witness, certificates  # noqa: F401 (a fixture)
from test_proxy_tls_faults import Handshaker, context_for
from test_proxy import start_proxy

V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("10.0.0.2") + struct.pack("!HH", 4711, 1883)
V6 = (socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
      + struct.pack("!HH", 4711, 1883))
UNIX = b"/client".ljust(108, b"\0") + b"/server".ljust(108, b"\0")
TCP4 = b"PROXY TCP4 192.0.2.7 10.0.0.2 4711 1883\r\n"
TCP6 = b"PROXY TCP6 2001:db8::7 2001:db8::2 4711 1883\r\n"
OWN = b"its own"  # the addresses of the connection itself


def v2(family, addresses, command=0x21, more=b"", length=None):
    if length is None:
        length = len(addresses) + len(more)
    return V2 + bytes([command, family]) + struct.pack("!H", length) + addresses + more


def tlv(kind, value, length=None):
    return struct.pack("!BH", kind, len(value) if length is None else length) + value


# what is said to the server about the client, as v1 says it; None: refused
HEADERS = {
    "v1_tcp4": (TCP4, TCP4),
    "v1_tcp6": (TCP6, TCP6),
    "v1_unknown": (b"PROXY UNKNOWN\r\n", OWN),
    "v1_unknown_more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", OWN),
    "v1_udp": (TCP4.replace(b"TCP4", b"UDP4"), None),
    "v1_other_family": (TCP4.replace(b"TCP4", b"TCP6"), None),
    "v1_port_too_big": (TCP4.replace(b"4711", b"65536"), None),
    "v1_no_port": (TCP4.replace(b" 1883", b""), None),
    "v1_lf_alone": (TCP4.replace(b"\r\n", b"\n"), None),
    "v1_too_long": (TCP4.replace(b" 4711", b" " * 100 + b"4711"), None),
    "v1_small_letters": (TCP4.lower(), None),
    "v2_inet": (v2(0x11, V4), TCP4),
    "v2_inet6": (v2(0x21, V6), TCP6),
    "v2_unspec": (v2(0x00, b""), None),
    "v2_unspec_of_a_family": (v2(0x10, V4), None),
    "v2_inet_dgram": (v2(0x12, V4), None),
    "v2_inet6_dgram": (v2(0x22, V6), None),
    "v2_unix": (v2(0x31, UNIX), None),
    "v2_unix_dgram": (v2(0x32, UNIX), None),
    "v2_family_4": (v2(0x41, V4), None),
    "v2_protocol_3": (v2(0x13, V4), None),
    "v2_local": (v2(0x00, b"", 0x20), OWN),
    "v2_local_noop": (v2(0x00, b"", 0x20, tlv(4, b"")), OWN),
    "v2_local_inet": (v2(0x11, V4, 0x20), OWN),
    "v2_local_unix": (v2(0x31, UNIX, 0x20), OWN),
    "v2_command_2": (v2(0x11, V4, 0x22), None),
    "v2_version_3": (v2(0x11, V4, 0x31), None),
    "v2_tlvs": (v2(0x11, V4, more=tlv(1, b"mqtt") + tlv(2, b"a.example") + tlv(4, b"xx")
                   + tlv(0xE0, b"own")), TCP4),
    "v2_crc": (v2(0x11, V4, more=tlv(3, b"\0\0\0\0")), None),
    "v2_too_short": (v2(0x11, V4[:8]), None),
    "v2_inet6_with_inet": (v2(0x21, V4), None),
    "v2_length_zero": (v2(0x11, V4, length=0), None),
    "v2_length_cuts_addresses": (v2(0x11, V4, length=11), None),
    "v2_length_of_all": (v2(0x11, V4, length=0xffff), None),
    "v2_length_takes_payload": (v2(0x11, V4, length=19), None),
    "v2_tlv_past_the_end": (v2(0x11, V4, more=tlv(2, b"a", length=2)), None),
    "v2_tlv_without_length": (v2(0x11, V4, more=b"\4\0"), None),
    "v2_ssl_past_its_end": (v2(0x11, V4, more=tlv(0x20, b"\1\0\0\0\0" + tlv(0x22, b"a", length=9))),
                            None),
    "none": (b"", None),
}


@pytest.fixture(scope="module")
def door(certificates):
    """One usher for all rows: tcp and tls, and a broker that keeps what it is told."""
    with laboratory.Lab(brokers=0) as lab, contextlib.closing(Witness()) as witness:
        lab.ports.update(tcp=laboratory.free_port(), tls=laboratory.free_port())
        lab.config = lab.directory / "headers.cfg"
        lab.config.write_text(HEAD + f"""
listen l
    bind 127.0.0.1:{lab.ports['tcp']} accept-proxy
    bind 127.0.0.1:{lab.ports['tls']} accept-proxy ssl crt {certificates}/server.pem
    server s 127.0.0.1:{witness.port} send-proxy
""")
        start_proxy(lab)
        lab.witness = witness
        yield lab


def visit(lab, certificates, transport, header, in_bytes):
    """What the broker is told of a client that begins so; None: it is not let in."""
    lab.witness.heads.clear()
    client = Handshaker(lab.ports[transport], context_for(certificates))
    send = client.trickle if in_bytes else client.socket.sendall
    own = b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (
        client.socket.getsockname()[1], lab.ports[transport])
    try:
        if transport == "tls":
            send(header + client.hello())
            client.call(client.tls.write, mqtt.connect_packet("x"))
            connack = client.call(client.tls.read, 4)
        else:
            send(header + mqtt.connect_packet("x"))
            connack = client.socket.recv(4)
    except (ConnectionError, ssl.SSLError):
        connack = b""
    client.socket.close()
    if connack != b"\x20\2\0\0":
        assert not lab.witness.heads
        return None
    return OWN if lab.witness.heads == [own] else lab.witness.heads[0]


@pytest.mark.parametrize("in_bytes", [False, True], ids=["fused", "byte_by_byte"])
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_headers(door, certificates, transport, in_bytes):
    found = {name: visit(door, certificates, transport, header, in_bytes)
             for name, (header, _) in HEADERS.items()}
    assert found == {name: told for name, (_, told) in HEADERS.items()}
