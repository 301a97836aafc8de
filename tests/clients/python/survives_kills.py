#!/usr/bin/env python3
"""A client with a stock WebSocket library and both daemons are killed at random moments, again and again, while messages
flow. At the end the client has every event of the journal once, in order, each time from what it acknowledged last; and
the messages arrived once each, in the order in which they were sent.

    survives_kills.py COVEY [--kills N] [--seed N]
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from websockets.exceptions import WebSocketException

from daemon import LOOK_AGAIN, PATIENCE, Daemon, eventually
from rpc import Rpc

BROKEN = (OSError, WebSocketException, json.JSONDecodeError)
HERE = pathlib.Path(__file__).parent


class Node(Daemon):
    """A daemon that is asked over a connection of its own each time."""

    def call(self, method, **params):
        rpc = Rpc(self.data)
        try:
            return rpc.call(method, **params)
        finally:
            rpc.close()


class Consumer:
    """The bot, as a process."""

    def __init__(self, data, log):
        self.data, self.log = data, log
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, HERE / "consumer.py", self.data, self.log])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self):
        lines = []
        for line in self.log.read_text().splitlines() if self.log.exists() else []:
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                pass  # empty, or cut short by a kill
        return lines

    def texts(self):
        return {line["text"] for line in self.lines() if line.get("text")}


class Writer(threading.Thread):
    """Sends numbered messages until told to stop, each until it is acknowledged, with one client_id each."""

    def __init__(self, daemon, to):
        super().__init__(daemon=True)
        self.daemon_, self.to = daemon, to
        self.sent = []
        self.retried = 0
        self.stopped = threading.Event()

    def run(self):
        rpc, unanswered = None, False
        # What was not answered may have been sent all the same: it is sent again until it is known.
        while unanswered or not self.stopped.is_set():
            text = f"message {len(self.sent)}"
            try:
                rpc = rpc or Rpc(self.daemon_.data)
                rpc.call("message.send", to=self.to, text=text, client_id=f"writer-{len(self.sent)}")
                self.sent.append(text)
                unanswered = False
            except BROKEN:
                rpc, unanswered = None, True
                self.retried += 1
                time.sleep(LOOK_AGAIN)


def befriend(alice, bob):
    ticket = bob.call("account.ticket")["ticket"]
    account = alice.call("account.show")["account"]
    bobs = bob.call("account.show")["account"]
    alice.call("pair.invite", to=ticket)
    eventually("the invite arrives", lambda: bob.call("pair.list", state="pending"))
    bob.call("pair.accept", contact=account)
    eventually("both are paired", lambda: [c for c in alice.call("pair.list", state="paired") if c["confirmed"]])
    return account, bobs


def journal(daemon):
    """All of it, oldest first."""
    events, page = [], daemon.call("events.fetch", limit=1000)
    while page["events"]:
        events += page["events"]
        page = daemon.call("events.fetch", **{"from": page["cursor"], "limit": 1000})
    return events


def check(lines, events, sent):
    """What the client wrote down, against the journal and what was sent."""
    place = {event["cursor"]: index for index, event in enumerate(events)}
    acked = reached = -1
    expected = None
    for line in lines:
        if "start" in line:
            expected = None
        elif "acked" in line:
            acked = place[line["acked"]]
        else:
            at = place[line["event"]]
            if expected is None:
                # An ack that took effect may not have been written down any more, but nothing is left out.
                assert acked < at <= reached + 1, f"went on with event {at}, acknowledged {acked}, reached {reached}"
            else:
                assert at == expected, f"event {at} came, {expected} was next"
            expected = at + 1
            reached = max(reached, at)
    assert reached == len(events) - 1, f"{len(events) - 1 - reached} events were never told"
    arrived = [event["data"]["text"] for event in events if event["kind"] == "message.received"]
    assert arrived == sent, f"{len(sent)} sent, {len(arrived)} arrived, or in another order"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("covey", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"{options.kills} kills, seed {options.seed}", flush=True)
    dice = random.Random(options.seed)
    base = pathlib.Path(tempfile.mkdtemp(prefix="covey-client-"))
    running = []
    try:
        alice, bob = (Node(options.covey, base, name) for name in ("alice", "bob"))
        for node in (alice, bob):
            node.start()
            running.append(node)
        _, to = befriend(alice, bob)
        consumer = Consumer(bob.data, base / "consumer.log")
        running.append(consumer)
        writer = Writer(alice, to)
        writer.start()
        killed = {"alice": 0, "bob": 0, "consumer": 0}
        for number in range(options.kills):
            # Some more messages come through first, so that each kill meets something that is under way.
            goal = len(consumer.texts()) + dice.randint(1, 30)
            eventually(f"messages arrive after kill {number}", lambda: len(consumer.texts()) >= goal)
            name, victim = dice.choice([("alice", alice), ("bob", bob), ("consumer", consumer)])
            print(f"kill {number}: {name} after {len(consumer.texts())} messages", flush=True)
            victim.kill()
            victim.start()
            killed[name] += 1
        writer.stopped.set()
        writer.join(PATIENCE)
        eventually("all messages arrive", lambda: len(consumer.texts()) >= len(writer.sent))
        eventually("all events are acknowledged", lambda: not bob.call("events.fetch", consumer="bot")["events"])
        consumer.kill()
        events = journal(bob)
        check(consumer.lines(), events, writer.sent)
        print(f"{len(events)} events, {len(writer.sent)} messages, {writer.retried} retries, killed {killed}: nothing lost")
        shutil.rmtree(base)
    except BaseException:
        print(f"logs and data are kept in {base}", flush=True)
        raise
    finally:
        for one in running:
            one.kill()


main()
