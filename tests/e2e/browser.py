"""A real browser: Debian's chromium without a window, a page with MQTT.js, and what the page says.

MQTT.js comes from npm's registry once and stays in the tests' cache.
"""

import functools
import http.server
import json
import ssl
import subprocess
import tarfile
import threading

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

import chroot
from lab import wait_for

MQTT_JS = "mqtt@5.16.0"

PAGE = """<!DOCTYPE html>
<title>MQTT.js</title>
<ol id="said"></ol>
<script src="mqtt.min.js"></script>
<script>
let clients = {};

function say(...words) {
  const line = document.createElement("li");
  line.textContent = JSON.stringify(words);
  document.getElementById("said").append(line);
}

function start(url, options) {
  const name = options.clientId;
  const client = clients[name] = mqtt.connect(url, options);
  client.on("connect", (packet) => say(name, "connect", packet.sessionPresent));
  client.on("message", (topic, data) => say(name, "message", topic, data.length, data[0] ?? null));
  client.on("error", (error) => say(name, "error", error.code ?? null, error.message));
  client.on("close", () => say(name, "close"));
}

function subscribe(name, topic, qos) {
  clients[name].subscribe(topic, { qos },
                          (error) => say(name, "subscribe", error ? "" + error : topic));
}

function publish(name, topic, length, qos) {
  clients[name].publish(topic, new Uint8Array(length).fill(120), { qos },
                        (error) => say(name, "publish", error ? "" + error : topic));
}

function bare(name, url, packet) {
  const socket = new WebSocket(url, "mqtt");
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    say(name, "open", socket.protocol, socket.extensions);
    socket.send(new Uint8Array(packet));
  };
  socket.onmessage = (event) => say(name, "message", [...new Uint8Array(event.data)]);
  socket.onclose = (event) => say(name, "close", event.code, event.wasClean);
}
</script>
"""


def mqtt_js():
    """The file for browsers, fetched if it is not there yet."""
    file = chroot.cache() / f"{MQTT_JS}.min.js"
    if not file.exists():
        chroot.cache().mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", MQTT_JS, "--pack-destination", str(chroot.cache())],
            capture_output=True, text=True, timeout=300, check=True).stdout.split()[-1]
        with tarfile.open(chroot.cache() / packed) as archive:
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_bytes(archive.extractfile("package/dist/mqtt.min.js").read())
        (chroot.cache() / packed).unlink()
        unfinished.rename(file)
    return file


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Browser:
    """One page, served over https with a certificate that the browser trusts.

    `certificates` has ca.pem and server.pem, which names 127.0.0.1.
    """

    def __init__(self, directory, certificates):
        page = directory / "page"
        page.mkdir()
        (page / "index.html").write_text(PAGE)
        (page / "mqtt.min.js").symlink_to(mqtt_js())
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=page))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates / "server.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        trust(directory, certificates / "ca.pem")
        self.driver = launch(directory)
        self.driver.get(f"https://127.0.0.1:{self.server.server_address[1]}/index.html")

    def call(self, function, *arguments):
        self.driver.execute_script(f"{function}(...arguments)", *arguments)

    def said(self, name):
        """What the page has said of this client so far: lists of words."""
        lines = self.driver.execute_script(
            "return [...document.querySelectorAll('#said li')].map((line) => line.textContent)")
        return [words[1:] for words in map(json.loads, lines) if words[0] == name]

    def wait(self, name, *words):
        """Until a line about it begins with these; the whole line."""
        def look():
            return next((line for line in self.said(name) if line[:len(words)] == [*words]), None)

        try:
            return wait_for(look, words)
        except AssertionError as error:
            raise AssertionError(f"{error}; the page said {self.said(name)}") from None

    def close(self):
        self.driver.quit()
        self.server.shutdown()
        self.server.server_close()


def trust(home, ca):
    """The browser's own store of those it trusts."""
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "test", "-i", str(ca)]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *arguments], check=True, timeout=60)


def launch(home):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage",
                 "no-first-run", "disable-background-networking", f"user-data-dir={home}/profile"):
        options.add_argument(f"--{word}")
    service = Service("/usr/bin/chromedriver", log_path=str(home / "chromedriver.log"),
                      env={"HOME": str(home), "PATH": "/usr/bin:/bin"})
    return webdriver.Chrome(service=service, options=options)
