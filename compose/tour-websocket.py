"""A client over WebSocket, for tour.sh: subscribes, publishes, waits for its own message.

tour-websocket.py [--stay] HOST PORT [CA | CLIENT_ID]

With --stay it stays connected under CLIENT_ID until it is ended.
"""

import sys
import threading

from paho.mqtt import client as mqtt

stay = sys.argv[1] == "--stay"
host, port, *rest = sys.argv[2 if stay else 1:]
client_id = rest[0] if stay else "browser"
arrived = threading.Event()


def on_connect(client, _, __, code):
    if code:
        sys.exit(f"refused: {mqtt.connack_string(code)}")
    client.subscribe(f"echo/{client_id}")


def on_subscribe(client, *_):
    client.publish(f"echo/{client_id}", "hello")


def on_message(*_):
    arrived.set()


device = mqtt.Client(client_id, transport="websockets")
device.on_connect, device.on_subscribe, device.on_message = on_connect, on_subscribe, on_message
if rest and not stay:
    device.tls_set(rest[0])
device.connect(host, int(port))
if stay:
    device.loop_forever()
device.loop_start()
sys.exit(0 if arrived.wait(20) else "its message never came")
