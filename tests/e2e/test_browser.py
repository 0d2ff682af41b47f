"""MQTT.js in a page of a real browser, over wss, through the WebSocket edge."""

import pytest

import mqtt
from edge import CONFIG, Edge
from lab import free_port, wait_for
from test_proxy_tls import certificates  # noqa: F401, a fixture

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def edge(certificates):  # noqa: F811
    """`url`: its door in TLS."""
    plain = "    bind 127.0.0.1:{ws}\n"
    assert plain in CONFIG
    with Edge(config=CONFIG.replace(plain, plain + f"    bind 127.0.0.1:{{wss}} "
                                    f"ssl crt {certificates}/server.pem\n")) as one:
        one.ports["wss"] = free_port()
        one.url = f"wss://127.0.0.1:{one.ports['wss']}/mqtt"
        yield one.start("-j", "2")


@pytest.fixture(scope="module")
def browser(tmp_path_factory, certificates):  # noqa: F811
    import browser as real  # what it needs is installed for `make e2e-full`
    one = real.Browser(tmp_path_factory.mktemp("browser"), certificates)
    try:
        yield one
    finally:
        one.close()


def start(edge, browser, client_id, **options):
    browser.call("start", edge.url, {"clientId": client_id, "reconnectPeriod": 0, **options})


@pytest.mark.parametrize("version", [3, 4, 5])
def test_page_hears_itself(edge, browser, version):
    name = f"page-{version}"
    old = {"protocolId": "MQIsdp"} if version == 3 else {}
    start(edge, browser, name, protocolVersion=version, **old)
    browser.wait(name, "connect", False)
    for qos, length in ((0, 0), (1, 125), (2, 70000)):
        topic = f"{name}/{qos}"
        browser.call("subscribe", name, topic, qos)
        browser.wait(name, "subscribe", topic)
        browser.call("publish", name, topic, length, qos)
        assert browser.wait(name, "message", topic) == ["message", topic, length,
                                                        120 if length else None]
        browser.wait(name, "publish", topic)
    assert not [line for line in browser.said(name) if line[0] in ("error", "close")]


@pytest.mark.parametrize("version, code", [(4, 5), (5, 0x87)])
def test_page_is_told_why_it_is_refused(edge, browser, version, code):
    name = f"stranger-{version}"
    start(edge, browser, name, protocolVersion=version)
    browser.wait(name, "close")
    assert [line[:2] for line in browser.said(name)] == [["error", code], ["close"]]
    assert "ot authorized" in browser.said(name)[0][2]


def test_page_sees_a_clean_close(edge, browser):
    """What the browser itself makes of the frames, without MQTT.js."""
    browser.call("bare", "bare", edge.url, list(mqtt.connect_packet("stranger-bare")))
    browser.wait("bare", "close")
    assert browser.said("bare") == [["open", "mqtt", ""], ["message", [0x20, 2, 0, 5]],
                                    ["close", 1008, True]]


def test_page_and_device_of_one_name_are_with_one_broker(edge, browser):
    for n in range(4):
        name = f"both-{n}"
        home = edge.place(name)
        before = edge.seen(name)
        start(edge, browser, name)
        assert wait_for(lambda i=name, b=before: edge.newest(i, b), name) == home


def test_page_whose_broker_dies_is_with_another_one(edge, browser):
    start(edge, browser, "survivor", reconnectPeriod=100)
    browser.wait("survivor", "connect")
    home = wait_for(lambda: edge.where("survivor"), "the client at a broker")
    before = edge.seen("survivor")
    edge.brokers[home].process.kill()
    browser.wait("survivor", "close")
    assert wait_for(lambda: edge.newest("survivor", before), "it at another broker") != home
    browser.call("subscribe", "survivor", "after", 1)
    browser.wait("survivor", "subscribe", "after")
    browser.call("publish", "survivor", "after", 5, 1)
    browser.wait("survivor", "message", "after", 5)
