"""Devices of accounts for scripts/lab_devices.py, and what is done on each. Not to be called by itself."""

import collections
import itertools
import json
import os
import queue
import random
import subprocess
import threading
import time

from lab import Failure, Node, Refused, Unanswered

LINK = 60  # seconds for a machine to be linked
CHANGE = 0.2  # of what is done are changes that an account's devices have to agree on


class Device(Node):
    """A daemon of one of several devices of an account."""

    def link_to(self, host):
        """Becomes a device of the account that `host` has."""
        command = ["ip", "netns", "exec", self.namespace, self.covey, "--json", "--data-dir", self.folder, "init", "--link",
                   "--name", self.name, "--listen", f"/ip4/{self.address}/tcp/7421"]
        environment = {**os.environ, "COVEY_NETWORK__MDNS": "false", "COVEY_NETWORK__UPNP": "false"}
        joiner = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log_file,
                                  text=True, env=environment)
        told = queue.Queue()
        threading.Thread(target=lambda: [told.put(json.loads(line)) for line in joiner.stdout], daemon=True).start()
        try:
            link = self.told(told, "link")
            shown = host.call("device.link", LINK, ticket=link, holder=True)
            digits = self.told(told, "digits")
            if shown["digits"] != digits:
                raise Failure(f"{host.name} and {self.name} show different digits")
            host.call("device.confirm", LINK, digits=digits)
            if joiner.wait(LINK) != 0:
                raise Failure(f"{self.name} is not linked")
        finally:
            joiner.kill()
            joiner.wait()

    def told(self, told, what):
        try:
            while what not in (line := told.get(timeout=LINK)):
                pass
        except queue.Empty as error:
            raise Failure(f"{self.name} does not show its {what}") from error
        return line[what]


class Writer(threading.Thread):
    """Writes to the group and to both others, one after the other, and changes what the devices of its account share."""

    def __init__(self, device, channels, rate, seed):
        super().__init__(daemon=True)
        self.device, self.channels, self.rate = device, channels, rate
        self.random = random.Random(f"{seed} {device.name}")
        self.acknowledged = collections.defaultdict(dict)  # channel -> id -> text
        self.unanswered = []  # texts of which it is not known whether they were taken
        self.repeated, self.refusals, self.changes = 0, collections.Counter(), collections.Counter()
        self.over, self.deadline = threading.Event(), None

    def run(self):
        for number in itertools.count(1):
            if self.over.wait(self.random.expovariate(self.rate)):
                return
            if self.random.random() < CHANGE:
                self.change(number)
            to = self.random.choice(self.channels)
            text = f"{self.device.name} {number:06} {'~' * self.random.randrange(200)}"
            sent = self.attempt("message.send", f"{self.device.name}-{number}", to=to, text=text)
            if sent is None:
                self.unanswered.append(text)
                return
            self.acknowledged[to][sent["id"]] = text

    def change(self, number):
        """Something that all devices of the account have to agree on in the end."""
        contact, channel = self.random.choice(self.channels[1:]), self.random.choice(self.channels)
        what, params = self.random.choice([
            ("pair.rename", {"contact": contact, "alias": f"{self.device.name}-{number}"}),
            ("channel.mute", {"channel": channel, "muted": self.random.random() < 0.5}),
            ("channel.archive", {"channel": channel, "archived": self.random.random() < 0.5}),
            ("channel.mark_read", {"channel": channel}),
            ("account.rename", {"name": f"{self.device.name} {number}"}),
            ("pair.block", {"contact": contact}),
        ])
        self.changes[what] += 1
        self.attempt(what, f"{self.device.name}-change-{number}", **params)
        if what == "pair.block":
            self.attempt("pair.unblock", f"{self.device.name}-unblock-{number}", contact=contact)

    def attempt(self, method, client_id, **params):
        """Asks until it is done, or cannot be done because another device of the account did something meanwhile."""
        while self.deadline is None or time.monotonic() < self.deadline:
            try:
                return self.device.call(method, client_id=client_id, **params)
            except Unanswered:
                self.repeated += 1
            except Refused as refusal:
                self.refusals[str(refusal)[:160]] += 1
                if method != "message.send":
                    return None
            time.sleep(0.2)
        return None

    def finish(self, deadline):
        self.deadline = deadline
        self.over.set()
