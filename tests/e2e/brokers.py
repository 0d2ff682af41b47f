"""Brokers that know the PROXY protocol: ejabberd (PROXY v1 and v2, MQTT 5, a real cluster) and
RabbitMQ (the strictest reader of PROXY headers), as Debian packs them and without their services.

Each node has a directory and free ports of its own, and all of them an epmd that is a child of
ours.
ejabberd takes a client with a user name `…@localhost` and a password: USER. RabbitMQ takes one
without.
"""

import os
import pathlib
import re
import signal

from lab import Process, free_port, wait_for

USER = {"username": "device@localhost", "password": "any"}


class Epmd:
    """Erlang's port mapper. `command` goes before each of its nodes' own: nsenter, for one."""

    def __init__(self, directory, command=()):
        self.directory, self.command, self.port = directory, [*command], free_port()
        self.process = None

    def start(self):
        self.process = Process("epmd", [*self.command, "epmd", "-port", str(self.port),
                                        "-address", "127.0.0.1", *["-d"] * 3], self.directory)
        self.process.wait_log("entering the main select")
        return self

    def environment(self, home):
        return {"ERL_EPMD_PORT": str(self.port), "ERL_EPMD_ADDRESS": "127.0.0.1",
                "HOME": str(home)}

    def stop(self):
        self.process.kill()


class Group(Process):
    """A shell script and what it started: they end together."""

    def __init__(self, name, argv, *more):
        super().__init__(name, ["setsid", *argv], *more)

    def kill(self):
        os.killpg(self.pid, signal.SIGKILL)
        return super().kill()


class Node:
    """What the two kinds have in common with a laboratory's Broker.

    `proxy`: does it want a PROXY header of everybody? `address` is the one it listens on.
    """

    def __init__(self, name, epmd, address="127.0.0.1", port=None, websocket_port=None, proxy=True):
        self.name, self.epmd, self.address, self.proxy = name, epmd, address, proxy
        self.directory = pathlib.Path(epmd.directory) / name
        self.directory.mkdir()
        self.port = port or free_port()
        self.websocket_port = websocket_port or free_port()
        self.distribution_port = free_port()
        self.process = None

    def run(self, argv, environment):
        self.process = Group(self.name, [*self.epmd.command, *argv], self.directory,
                             {**self.epmd.environment(self.directory), **environment})

    def start(self):
        self.launch()
        return self.wait_ready()

    def wait_ready(self):
        self.process.wait_log(self.ready, 120)
        return self

    def came_from(self, client_id):
        """(address, port) of the client of that name as the broker knows them."""
        return wait_for(lambda: self.peer(client_id), f"{client_id} in the log of {self.name}")

    def wait_websocket(self, address):
        """Until the client at (address, port) is there; its name is not told beside them."""
        line = self.arrived + "{}:{} -> ".format(*address)
        wait_for(lambda: re.search(line, self.log()), f"{address} in the log of {self.name}")

    def log(self):
        return self.process.log()

    def stop(self):
        if self.process and self.process.running:
            self.process.kill()


EJABBERD = """
hosts: ["localhost"]
loglevel: info
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
listen:
  - port: {port}
    ip: "{address}"
    module: mod_mqtt
    use_proxy_protocol: {proxy}
  - port: {websocket_port}
    ip: "{address}"
    module: ejabberd_http
    use_proxy_protocol: {proxy}
    request_handlers:
      /mqtt: mod_mqtt
modules:
  mod_mqtt:
    session_expiry: 5 minutes
    access_publish:
      "#":
        - allow: all
    access_subscribe:
      "#":
        - allow: all
"""


class Ejabberd(Node):
    """A node by itself, or in the cluster of `first`, which runs."""

    levels = (4, 5)
    arrived = "Accepted proxied connection "

    def __init__(self, *arguments, first=None, **options):
        super().__init__(*arguments, **options)
        self.first = first

    def launch(self):
        config = self.directory / "ejabberd.yml"
        config.write_text(EJABBERD.format(
            port=self.port, websocket_port=self.websocket_port, address=self.address,
            proxy=str(self.proxy).lower()))
        join = ["-eval", f'ok = ejabberd_admin:join_cluster(<<"{self.first.node}">>), '
                         r'io:format("has joined~n").'] if self.first else []
        self.run(["erl", "-noinput", "-name", self.node, "-setcookie", "usher",
                  "-mnesia", "dir", f'"{self.directory}/mnesia"',
                  "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
                  "inet_dist_listen_min", str(self.distribution_port),
                  "inet_dist_listen_max", str(self.distribution_port),
                  "-s", "ejabberd", *join],
                 {"EJABBERD_CONFIG_PATH": str(config),
                  "EJABBERD_LOG_PATH": str(self.directory / "ejabberd.log"),
                  "ERL_LIBS": "/usr/lib/x86_64-linux-gnu"})
        self.ready = "has joined" if self.first else \
            f"Start accepting TCP connections at .*:{self.websocket_port} "

    @property
    def node(self):
        return f"{self.name}@127.0.0.1"

    def log(self):
        """Its own file: unlike the console it says which of its processes speaks."""
        return (self.directory / "ejabberd.log").read_text(errors="replace")

    def arrivals(self):
        return re.findall(r"(?:Opened|Reopened) MQTT session .*/(.*) from ", self.log())

    def moved_here(self):
        """Client ids whose sessions another node had before: a process of 0 is our own."""
        return re.findall(r"Reopened MQTT session via <[1-9][\d.]+> for .*/(.*) from ", self.log())

    def peer(self, client_id):
        log = self.log()
        opened = re.findall(r"(<[\d.]+>)@mod_mqtt_session:register_session.* (?:Opened|Reopened) "
                            rf"MQTT session .*/{re.escape(client_id)} from ", log)
        proxied = opened and re.findall(
            rf"\({re.escape(opened[-1])}\) Accepted proxied connection (\S+):(\d+) -> ", log)
        return (proxied[-1][0].strip("[]"), int(proxied[-1][1])) if proxied else None


class RabbitMQ(Node):
    """A node by itself."""

    levels = (3, 4)
    arrived = r"accepting Web MQTT connection <[\d.]+> \("
    ready = "Server startup complete"

    def launch(self):
        d, proxy = self.directory, str(self.proxy).lower()
        (d / "enabled_plugins").write_text("[rabbitmq_mqtt,rabbitmq_web_mqtt].\n")
        (d / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{free_port()}\n"
            f"mqtt.listeners.tcp.1 = {self.address}:{self.port}\n"
            f"mqtt.proxy_protocol = {proxy}\nmqtt.allow_anonymous = true\n"
            "loopback_users = none\n"
            f"web_mqtt.tcp.listener = {self.address}:{self.websocket_port}\n"
            f"web_mqtt.proxy_protocol = {proxy}\nweb_mqtt.ws_path = /mqtt\n"
            "log.console = true\nlog.console.level = info\nlog.file = false\n")
        self.run(["/usr/lib/rabbitmq/bin/rabbitmq-server"], {
            "RABBITMQ_NODENAME": f"{self.name}@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(d / "mnesia"), "RABBITMQ_LOG_BASE": str(d / "log"),
            "RABBITMQ_CONFIG_FILE": str(d / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(d / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(d / "none"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(d / "gen"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1}"})
    def arrivals(self):
        return re.findall(r"accepting MQTT connection <[\d.]+> \(.*, client id: (.*)\)",
                          self.log())

    def peer(self, client_id):
        found = re.findall(r"accepting MQTT connection <[\d.]+> \((\S+):(\d+) -> .*, client id: "
                           rf"{re.escape(client_id)}\)", self.log())
        return (found[-1][0].strip("[]"), int(found[-1][1])) if found else None
