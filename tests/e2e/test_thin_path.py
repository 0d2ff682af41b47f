"""The main job: HAProxy asks, usher answers, the client is at its broker."""

import mqtt


def test_ten_clients_spread_and_come_back(lab):
    lab.start()
    ids = [f"c{i}" for i in range(10)]
    clients = [mqtt.connect(lab.ports["mqtt"], i) for i in ids]
    assert sorted(lab.spread(ids).values()) == [3, 3, 4]
    homes = {i: lab.where(i) for i in ids}
    for client in clients:
        client.close()
    assert {i: lab.place(i) for i in reversed(ids)} == homes
