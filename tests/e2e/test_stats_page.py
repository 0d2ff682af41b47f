"""HAProxy's statistics page, served by usher proxy: csv and json as HAProxy has them, HTML of its
own, and changes by the form that HAProxy's page has."""

import base64
import contextlib
import html.parser
import re
import signal
import subprocess

import pytest

import mqtt
import operators
from lab import Lab, accepts, free_port, wait_for
from test_runtime_socket import row_differences

GUARDED = """
listen guarded
    mode http
    bind 127.0.0.1:{guarded}
    stats auth eve:apple
    stats auth bob:secret pear
    stats realm Brokers\\ only
    stats scope brokers
    stats scope .
    stats hide-version
    stats show-node <b>node</b>
    stats admin if FALSE
"""


@pytest.fixture(scope="module")
def sides():
    with Lab() as one:
        both = operators.start_both(one)
        for side in both:
            # Whoever knocked to see whether it listens has gone.
            wait_for(lambda s=side: s.row("mqtt", "FRONTEND")["scur"] == "0", "the door to be free")
            for n in range(3):
                assert mqtt.visit(side.ports["mqtt"], f"c{n}") == 0
                wait_for(lambda s=side: s.row("mqtt", "FRONTEND")["scur"] == "0", "its end")
        yield both


@pytest.fixture
def guarded():
    """usher with a page for a few; its port."""
    with Lab() as one:
        one.start_brokers()
        port = free_port()
        side = operators.start_usher(one, more=GUARDED.replace("secret pear", "pear"),
                                     guarded=port)
        side.ports["guarded"] = port
        yield side


def credentials(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


class Tags(html.parser.HTMLParser):
    """Counts elements, and sees that they are closed in order."""

    VOID = {"meta", "input", "br", "link", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.all, self.text = [], [], ""
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("option", "p") and self.open[-1] != tag:
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


# ---- csv and json ------------------------------------------------------------------------------


def test_csv_is_haproxys(sides):
    (real, real_headers, real_text), (status, headers, text) = (
        side.get("/stats;csv") for side in sides)
    assert real == status == 200
    for name in ("content-type", "cache-control", "refresh"):
        assert headers[name] == real_headers[name]
    assert text.splitlines()[0] == real_text.splitlines()[0] and text.endswith(",\n")
    last = []

    def are_the_same():
        last[:] = row_differences(*(side.rows(side.get("/stats;csv")[2]) for side in sides))
        return not last

    with contextlib.suppress(AssertionError):  # says less than what follows
        wait_for(are_the_same, "the same rows")
    assert not last


def test_csv_is_that_of_the_socket(sides):
    text = sides[1].get("/stats;csv")[2]
    socket_rows, page_rows = sides[1].rows(), sides[1].rows(text)
    changing = {"lastchg", "downtime", "lastsess"}
    assert [{k: v for k, v in row.items() if k not in changing} for row in page_rows.values()] == [
        {k: v for k, v in row.items() if k not in changing} for row in socket_rows.values()]


def test_json_is_haproxys(sides):
    texts = [side.get("/stats;json") for side in sides]
    assert texts[0][1]["content-type"] == texts[1][1]["content-type"]
    real, ours = (operators.fields_of_json(text)[0] for _, _, text in texts)
    page = max(key[1] for key in real)
    assert {k for k in real if k[1] != page and not k[3].endswith("time_max")} == {
        k for k in ours if k[1] != page}


@pytest.mark.parametrize("path", ["/stats;csv;up", "/stats;csv;no-maint", "/stats;csv?scope=brok",
                                  "/stats;csv?scope=nobody", "/statsandmore;csv"])
def test_rows_can_be_chosen(sides, path):
    real, ours = ([line.split(",")[:2] for line in side.get(path)[2].splitlines()]
                  for side in sides)
    assert real == ours


def test_refresh_can_be_disabled(sides):
    for side in sides:
        assert side.get("/stats")[1]["refresh"] == "10"
        assert "refresh" not in side.get("/stats;norefresh")[1]


@pytest.mark.parametrize("path", ["/", "/metrics", "/stat"])
def test_nothing_else_is_served(sides, path):
    for side in sides:
        status, _, text = side.get(path)
        assert status == 503 and "No server is available to handle this request." in text


# ---- the page ----------------------------------------------------------------------------------


def test_page_shows_all_there_is(sides):
    status, headers, text = sides[1].get("/stats")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = Tags(text)
    for word in ("mqtt", "Frontend", "brokers", "gone", "MAINT", "DOWN", "no check", "L4CON",
                 "Backend", "pinned", "tail", "L4OK in 0ms"):
        assert word in page.text, word
    assert not [tag for tag, _ in page.all if tag == "script"]
    assert len([1 for tag, _ in page.all if tag == "h3"]) == 5
    boxes = [a["value"] for tag, a in page.all if tag == "input" and a["type"] == "checkbox"]
    assert boxes == ["a", "b", "gone", "off", "spare", "tail", "only"]


def test_texts_are_escaped(guarded):
    text = guarded.get("/haproxy?stats", headers=credentials("eve:apple"),
                       port=guarded.ports["guarded"])[2]
    Tags(text)
    assert "&lt;b&gt;node&lt;/b&gt;" in text and "<b>node" not in text


def test_what_others_may_not_know_is_hidden(guarded):
    text = guarded.get("/haproxy?stats", headers=credentials("eve:apple"),
                       port=guarded.ports["guarded"])[2]
    version = subprocess.run([guarded.process.child.args[0], "-v"], capture_output=True,
                             text=True, check=False).stdout
    assert re.search(r"\d+\.\d+\.\d+", version)[0] not in text
    assert re.findall(r"<h3[^>]*>(.*?)</h3>", text) == ["brokers", "guarded"]
    assert "checkbox" not in text
    assert {row[0] for row in guarded.rows(guarded.get(
        "/haproxy?stats;csv", headers=credentials("eve:apple"),
        port=guarded.ports["guarded"])[2])} == {"brokers", "guarded"}


@pytest.mark.parametrize("given", [None, "eve:wrong", "eve:", ":apple", "eve", "bob:apple",
                                   "eve:apple2", "x" * 2000])
def test_strangers_are_asked_who_they_are(guarded, given):
    status, headers, text = guarded.get("/haproxy?stats", port=guarded.ports["guarded"],
                                        headers=credentials(given) if given else {})
    assert status == 401 and "401 Unauthorized" in text
    assert headers["www-authenticate"] == 'Basic realm="Brokers only"'


@pytest.mark.parametrize("given", ["eve:apple", "bob:pear"])
def test_those_who_may_look_do(guarded, given):
    assert guarded.get("/haproxy?stats", port=guarded.ports["guarded"],
                       headers=credentials(given))[0] == 200


# ---- changes -----------------------------------------------------------------------------------

CHANGES = [
    ("s=b&action=drain&b=brokers", "DONE", "b", "DRAIN"),
    ("s=b&action=ready&b=brokers", "DONE", "b", "UP"),
    ("s=a&s=b&action=maint&b=%233", "DONE", "b", "MAINT"),
    ("s=a&s=b&action=enable&b=%233", "DONE", "a", r"UP( \d/3)?"),
    ("s=off&action=enable&b=brokers", "DONE", "off", "no check"),
    ("s=off&action=disable&b=brokers", "DONE", "off", "MAINT"),
    ("s=spare&action=hdown&b=brokers", "DONE", "spare", "DOWN"),
    ("s=spare&action=hrunn&b=brokers", "DONE", "spare", "no check"),
    ("s=nope&action=ready&b=brokers", "ERRP", "b", r"UP( \d/3)?"),
    ("s=b&action=foo&b=brokers", "ERRP", "b", r"UP( \d/3)?"),
    ("s=b&action=drain&b=nope", "ERRP", "b", r"UP( \d/3)?"),
    ("action=drain&b=brokers", "NONE", "b", r"UP( \d/3)?"),
    ("s=b&action=shutdown&b=brokers", "DONE", "b", r"UP( \d/3)?"),
]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_form_changes_servers_as_haproxys_does(sides):
    for body, outcome, server, status in CHANGES:
        for side in sides:
            answer = side.get("/stats", "POST", body, FORM)
            assert (answer[0], answer[1]["location"]) == (303, f"/stats;st={outcome}"), body
            side.wait_status(server, status)
    assert "Action processed successfully." in sides[1].get("/stats;st=DONE")[2]


def test_form_of_another_site_changes_nothing(sides):
    answer = sides[1].get("/stats", "POST", "s=b&action=maint&b=brokers",
                          {**FORM, "Sec-Fetch-Site": "cross-site"})
    assert answer[1]["location"] == "/stats;st=DENY"
    assert sides[1].row("brokers", "b")["status"] != "MAINT"


def test_who_may_only_look_changes_nothing(guarded):
    answer = guarded.get("/haproxy?stats", "POST", "s=b&action=maint&b=brokers",
                         {**FORM, **credentials("eve:apple")}, guarded.ports["guarded"])
    assert answer[1]["location"] == "/haproxy?stats;st=DENY"
    assert guarded.row("brokers", "b")["status"] != "MAINT"


# ---- life --------------------------------------------------------------------------------------


def test_reload_opens_and_closes_pages(guarded):
    moved = free_port()
    text = guarded.config.read_text()
    guarded.config.write_text(text.replace(f":{guarded.ports['guarded']}\n", f":{moved}\n")
                              .replace("stats uri /stats", "stats uri /other"))
    guarded.process.send_signal(signal.SIGHUP)
    guarded.process.wait_log("reload done")
    assert guarded.get("/haproxy?stats", port=moved)[0] == 401
    assert not accepts(guarded.ports["guarded"])
    assert guarded.get("/other;csv")[0] == 200
    assert guarded.get("/stats;csv")[0] == 503


def test_address_that_is_taken_stops_the_start(lab):
    lab.start_brokers()
    port = lab.brokers["emqx1"].port
    side = operators.make(lab, "taken", stats=port)
    lab.config = side.config
    started = subprocess.run(lab.usher_command(command="proxy"), env=lab.env(), text=True,
                             capture_output=True, timeout=30, check=False)
    assert started.returncode == 1
    assert f"Starting frontend stats: cannot bind socket (Address already in use) " \
           f"[127.0.0.1:{port}]" in started.stderr


# ---- other people's tools ----------------------------------------------------------------------


def scrape(port):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def test_prometheus_haproxy_exporter_reads_it(sides, tmp_path):
    shown = []
    for number, side in enumerate(sides):
        port = free_port()
        exporter = subprocess.Popen(
            ["prometheus-haproxy-exporter", f"--web.listen-address=127.0.0.1:{port}",
             f"--haproxy.scrape-uri=http://127.0.0.1:{side.ports['stats']}/stats;csv"],
            stdout=(tmp_path / f"{number}.log").open("w"), stderr=subprocess.STDOUT)
        try:
            wait_for(lambda p=port: accepts(p), "the exporter to listen")
            shown.append(scrape(port))
        finally:
            exporter.kill()
            exporter.wait()
    real, ours = ({line.rsplit(" ", 1)[0] for line in text.splitlines()
                   if line.startswith("haproxy_")} for text in shown)
    assert "haproxy_up 1" in shown[1]
    assert 'haproxy_server_up{backend="brokers",server="gone"} 0' in shown[1]
    assert 'haproxy_server_up{backend="brokers",server="a"} 1' in shown[1]
    missing = {line for line in real - ours if '"stats"' not in line}
    assert not missing
