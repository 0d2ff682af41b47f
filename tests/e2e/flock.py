"""Sticky clients as there are in the field: each keeps its connection, and comes back when it is
lost, after a pause of at least 100 ms that grows. Threads know no such number of them, so they live
on one event loop in a thread of its own."""

import asyncio
import collections
import random
import threading
import time

import mqtt
from lab import wait_for

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
PATIENCE = 10  # seconds for a CONNACK


class Member:
    """One client. `refusals` counts the attempts in a row that found nobody listening."""

    def __init__(self, client_id):
        self.client_id = client_id
        self.writer, self.served_at, self.refusals = None, None, 0


class Flock:
    """`with Flock(port, 200) as flock:`; its figures are for those who read them afterwards.

    refused: attempts that found nobody listening; reset: attempts that ended before a CONNACK;
    lost: connections that were there and ended; most_refused: the most refusals that one client
    met in a row; longest: the longest time that one was without a connection.
    """

    def __init__(self, port, n, prefix="flock"):
        self.port = port
        self.members = [Member(f"{prefix}-{i}") for i in range(n)]
        self.figures = collections.Counter()
        self.most_refused, self.longest = 0, 0.0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run)
        self.tasks, self.failure = [], None

    # -- the clients, on the loop

    async def visit(self, member):
        """Connect, and stay until the connection ends. True: there was a CONNACK 0."""
        reader, member.writer = await asyncio.open_connection("127.0.0.1", self.port)
        member.writer.write(mqtt.connect_packet(member.client_id, keepalive=0))
        connack = await asyncio.wait_for(reader.readexactly(4), PATIENCE)
        if connack[:2] != b"\x20\x02" or connack[3] != 0:
            raise AssertionError(f"{member.client_id}: {connack.hex()}")
        return reader

    async def attempt(self, member, lost_at):
        try:
            reader = await self.visit(member)
        except ConnectionRefusedError:
            self.figures["refused"] += 1
            member.refusals += 1
            self.most_refused = max(self.most_refused, member.refusals)
            return False
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            self.figures["reset"] += 1
            return False
        if lost_at:
            self.longest = max(self.longest, time.monotonic() - lost_at)
        member.served_at, member.refusals = time.monotonic(), 0
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
        member.served_at = None
        self.figures["lost"] += 1
        return True

    async def live(self, member):
        await asyncio.sleep(random.random() * FIRST_PAUSE)
        pause, lost_at = FIRST_PAUSE, None
        while True:
            served = await self.attempt(member, lost_at)
            if member.writer:
                member.writer.close()
                member.writer = None
            if served or not lost_at:
                lost_at = time.monotonic()
            pause = FIRST_PAUSE if served else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause * (1 + random.random()))

    async def main(self):
        self.tasks = [asyncio.create_task(self.live(m)) for m in self.members]
        try:
            await asyncio.gather(*self.tasks)
        except asyncio.CancelledError:
            pass

    def run(self):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.main())
        except AssertionError as error:
            self.failure = error

    # -- for the test

    def all_served(self):
        if self.failure:
            raise self.failure
        return all(m.served_at for m in self.members)

    def wait_served(self, seconds=30):
        """Every one of them has its connection."""
        wait_for(self.all_served, "every client to be served", seconds)

    def wait_lost(self, times=1):
        """Everyone has lost its connection so often since begin(), and has one again."""
        n = times * len(self.members)
        wait_for(lambda: self.figures["lost"] >= n or self.failure, f"{n} losses")
        self.wait_served()

    def begin(self):
        """All are served; what is counted begins now."""
        self.wait_served()
        self.figures, self.most_refused, self.longest = collections.Counter(), 0, 0.0
        return self

    def __str__(self):
        return (f"{len(self.members)} clients: {self.figures['lost']} lost, "
                f"{self.figures['refused']} refused, {self.figures['reset']} reset, "
                f"at most {self.most_refused} refusals in a row, "
                f"longest without a server {self.longest * 1000:.0f} ms")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in self.tasks])
        self.thread.join()
        for member in self.members:
            if member.writer:
                self.loop.call_soon(member.writer.close)
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
