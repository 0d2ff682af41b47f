"""usher proxy with three mosquittos that speak plain and in WebSocket."""

import lab as laboratory

CONFIG = """
global
    maxconn 500
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 3
frontend mqtt
    bind 127.0.0.1:{mqtt}
    default_backend plain
frontend ws
    bind 127.0.0.1:{ws}
    default_backend edge
frontend passed
    bind 127.0.0.1:{passed}
    default_backend edge
backend plain
    balance roundrobin
    server emqx1 127.0.0.1:{plain1}
    server emqx2 127.0.0.1:{plain2}
    server emqx3 127.0.0.1:{plain3}
backend edge
    balance roundrobin
    server emqx1 127.0.0.1:{ws1}
    server emqx2 127.0.0.1:{ws2}
    server emqx3 127.0.0.1:{ws3}
"""

POLICY = {"frontends": {"mqtt": {}, "ws": {"websocket": True}},
          "rules": [{"name": "no-strangers", "if": {"client_id": {"prefix": "stranger"}},
                     "reject": "not_authorized"}]}


class Edge(laboratory.Lab):
    """usher proxy with three mosquittos that speak plain and in WebSocket."""

    def __init__(self, policy=None, config=CONFIG):
        super().__init__(policy or POLICY)
        self.door = "proxy"
        self.ws_ports = {name: laboratory.free_port() for name in self.brokers}
        for name, broker in self.brokers.items():
            broker.config = (f"listener {self.ws_ports[name]} 127.0.0.1\nprotocol websockets\n"
                             "allow_anonymous true\n")
        self.ports.update(ws=laboratory.free_port(), passed=laboratory.free_port())
        self.template = config

    def add(self, name, *servers):
        """One more frontend whose clients come in WebSocket; the port of each of its servers."""
        self.ports[name] = laboratory.free_port()
        self.template += (f"frontend {name}\n    bind 127.0.0.1:{self.ports[name]}\n"
                          f"    default_backend {name}_servers\n"
                          f"backend {name}_servers\n    balance roundrobin\n")
        for i, port in enumerate(servers):
            self.template += f"    server emqx{i + 1} 127.0.0.1:{port}\n"

    def start(self, *options):
        self.write_config()
        return super().start(*options)

    def write_config(self, **changed):
        places = {**{f"plain{n[-1]}": b.port for n, b in self.brokers.items()},
                  **{f"ws{n[-1]}": p for n, p in self.ws_ports.items()}, **self.ports, **changed}
        self.config = self.directory / "edge.cfg"
        self.config.write_text(self.template.format(**places))
