"""The driver of `scripts/lab.sh --devices`, which says what it does. Not to be called by itself."""

import argparse
import collections
import concurrent.futures
import itertools
import os
import random
import sys
import threading
import time

from lab import Chaos, Failure, Network, Refused, Unanswered, clear, conduct, end_all, until
from lab_device import Device, Writer

ACCOUNTS = ("alice", "bob", "carol")
SETTLE = 180  # seconds in which all must agree after the healing


class Lab:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.wrong, self.writers = [], []
        self.accounts = {name: [] for name in ACCOUNTS}
        self.stranger = None

    @property
    def devices(self):
        return [device for devices in self.accounts.values() for device in devices]

    @property
    def nodes(self):
        return [*self.devices, *([self.stranger] if self.stranger else [])]

    def prepare(self):
        self.network = Network(self.options.lab)
        numbers, self.meeting = itertools.count(1), None
        for name, devices in self.accounts.items():
            for index in range(self.options.devices):
                device = self.attach(next(numbers), f"{name}{index + 1}")
                if devices:
                    device.link_to(devices[0])
                self.run(device)
                devices.append(device)
            first = devices[0]
            if any(device.account != first.account for device in devices):
                raise Failure(f"the devices of {name} have different accounts")
            first.call("device.rename", device="this", name=first.name)
            first.call("account.rename", name=name)
        self.stranger = self.attach(next(numbers), "stranger")
        self.run(self.stranger)
        self.pair()
        self.found()

    def attach(self, number, name):
        self.network.attach(number)
        return Device(self.options.covey, self.network, number, self.folder, self.options.log, name)

    def run(self, device):
        device.bootstrap = [self.meeting] if self.meeting else []
        device.start()
        until(device.is_up, f"{device.name} starts")
        if not self.meeting:
            shown = device.cli("--quiet", "account", "show").stdout.splitlines()
            self.meeting = next(line.split()[1] for line in shown if line.startswith("address") and "/tcp/" in line)

    def pair(self):
        """Any device invites, any device accepts; a stranger asks everybody, and waits for an answer."""
        chance = random.Random(f"{self.options.seed} pairs")
        for one, other in itertools.combinations(self.accounts.values(), 2):
            inviter, invitee = chance.choice(one), chance.choice(other)
            inviter.call("pair.invite", to=chance.choice(other).call("account.ticket")["ticket"])
            until(lambda: self.state(invitee, inviter.account) == "pending", f"{invitee.name} sees an invite")
            invitee.call("pair.accept", contact=inviter.account)
            for device in [*one, *other]:
                others = invitee.account if device in one else inviter.account
                until(lambda: self.state(device, others) == "paired", f"{device.name} is paired with all")
        for devices in self.accounts.values():
            self.stranger.call("pair.invite", to=devices[0].call("account.ticket")["ticket"])
            for device in devices:
                until(lambda: self.state(device, self.stranger.account) == "pending", f"{device.name} sees the stranger")

    def state(self, device, account):
        return next((one["state"] for one in device.call("pair.list") if one["contact"] == account), None)

    def found(self):
        chance = random.Random(f"{self.options.seed} group")
        (founders, *others) = self.accounts.values()
        self.group = chance.choice(founders).call("group.create", name="Lab", rename="member")["group"]
        for device in founders:
            until(lambda: self.is_in(device), f"{device.name} knows the group")
        for devices in others:
            chance.choice(founders).call("group.invite", group=self.group, contact=devices[0].account)
            invitee = chance.choice(devices)
            until(lambda: any(one["group"] == self.group for one in invitee.call("group.list", state="invited")),
                  f"{invitee.name} sees the invite to the group")
            invitee.call("group.accept", group=self.group)
        for device in self.devices:
            until(lambda: self.is_in(device, len(self.accounts)), f"{device.name} knows all members")

    def is_in(self, device, members=1):
        try:
            shown = device.call("group.show", group=self.group)
        except Refused:
            return False
        return shown["state"] == "joined" and shown["members"] >= members

    def work(self):
        options = self.options
        for devices in self.accounts.values():
            others = [one[0].account for one in self.accounts.values() if one is not devices]
            self.writers += [Writer(device, [self.group, *others], options.rate, options.seed) for device in devices]
        chaos = Chaos(self.nodes, None, self.network, options.seed)
        chance = random.Random(f"{options.seed} decline")
        self.declining = []
        for devices in self.accounts.values():
            # In the middle of it all one device says no, for all of them.
            when = time.monotonic() + chance.uniform(0.1, 0.6) * options.minutes * 60
            chaos.at(when, lambda device=chance.choice(devices): self.decline(device))
        for writer in self.writers:
            writer.start()
        try:
            chaos.run(options.minutes * 60, self.say)
        finally:
            chaos.heal()
            self.healed = time.monotonic()
            for writer in self.writers:
                writer.finish(self.healed + SETTLE / 2)
        for thread in [*self.writers, *self.declining]:
            thread.join()
        self.unblock()
        return chaos.count

    def decline(self, device):
        """Until it is done: the device may be down at this moment."""
        def attempt():
            end = time.monotonic() + self.options.minutes * 60 + SETTLE / 2
            while time.monotonic() < end:
                try:
                    device.call("pair.decline", contact=self.stranger.account, client_id=f"{device.name}-decline")
                    return
                except (Unanswered, Refused):
                    time.sleep(0.2)
            self.wrong.append(f"{device.name} could not decline the stranger")

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        self.declining.append(thread)

    def unblock(self):
        """Two devices may have blocked and unblocked at once, so that the block of one counts: it is taken back."""
        for devices in self.accounts.values():
            first = devices[0]
            others = {one[0].account for one in self.accounts.values()} - {first.account}
            for contact in others:
                try:
                    if self.state(first, contact) == "blocked":
                        first.call("pair.unblock", contact=contact)
                except (Unanswered, Refused):
                    pass

    def say(self):
        acknowledged = sum(len(sent) for writer in self.writers for sent in writer.acknowledged.values())
        print(f"  {time.strftime('%H:%M:%S')}  {acknowledged} acknowledged, load {os.getloadavg()[0]:.1f}", flush=True)

    def channels(self):
        """(who have it, name, how a device of each account calls it)."""
        names = list(self.accounts)
        yield names, "the group", {name: self.group for name in names}
        for one, other in itertools.combinations(names, 2):
            first, second = self.accounts[one][0].account, self.accounts[other][0].account
            yield [one, other], f"{one} and {other}", {one: second, other: first}

    def wanted(self, channel, having):
        """What was acknowledged in a channel: id -> text."""
        found = {}
        for name in having:
            for writer in self.writers:
                if writer.device in self.accounts[name]:
                    found.update(writer.acknowledged.get(channel[name], {}))
        return found

    def settle(self):
        """Waits until all devices of each account agree, and show what was acknowledged. How long it took."""
        pool = concurrent.futures.ThreadPoolExecutor(len(self.devices))
        while time.monotonic() < self.healed + SETTLE:
            self.unblock()
            try:
                if not self.differences(pool):
                    return time.monotonic() - self.healed
            except (Unanswered, Refused):
                pass
            time.sleep(2)
        self.wrong.append(f"not settled {SETTLE} s after the healing")
        self.wrong += self.differences(pool)
        return None

    def differences(self, pool):
        """What devices do not agree on, in words."""
        shared = dict(zip(self.devices, pool.map(self.shared, self.devices)))
        wrong = []
        for devices in self.accounts.values():
            first = devices[0]
            for device, (what, value) in itertools.product(devices[1:], shared[first].items()):
                if (other := shared[device][what]) != value:
                    wrong.append(f"{what}: " + self.difference(first, value, device, other))
            if shared[first]["contacts"].get(self.stranger.account, {}).get("state") != "declined":
                wrong.append(f"{first.name} does not hold the stranger as declined")
        for having, called, channel in self.channels():
            everybody = [(device, channel[name]) for name in having for device in self.accounts[name]]
            histories = list(pool.map(lambda pair: pair[0].messages(pair[1]), everybody))
            wrong += self.compare(called, [device for device, _ in everybody], histories, self.wanted(channel, having))
        return wrong

    @staticmethod
    def difference(first, value, device, other):
        """What two devices hold otherwise, without what they agree on."""
        if isinstance(value, dict):
            value, other = ({key: held[key] for key in held if value.get(key) != other.get(key)} for held in (value, other))
        return f"{first.name} has {value}, {device.name} has {other}"

    def shared(self, device):
        """What all devices of an account have to hold alike."""
        contacts = device.call("pair.list", 30)
        channels = device.call("channel.list", 30) + device.call("channel.list", 30, archived=True)
        return {
            "name": device.call("account.show", 30)["name"],
            "contacts": {one["contact"]: {key: one[key] for key in ("alias", "state", "verified", "confirmed")}
                         for one in contacts},
            "channels": {one["channel"]: {key: one.get(key) for key in ("unread", "muted", "archived", "open")}
                         for one in channels},
            "groups": {one["group"]: (one["state"], one["name"], one["members"]) for one in device.call("group.list", 30)},
            "devices": [(one["device"], one["name"], one["role"], one["state"]) for one in device.call("device.list", 30)],
        }

    def compare(self, called, devices, histories, wanted):
        wrong = []
        known = collections.Counter(wanted.values())
        allowed = {text for writer in self.writers for text in writer.unanswered}
        for device, messages in zip(devices, histories):
            shown = {message["id"]: message["text"] for message in messages}
            if lost := [text for one, text in wanted.items() if shown.get(one) != text]:
                wrong.append(f"{called}: {device.name} lacks {len(lost)} acknowledged messages, the first is {min(lost)[:20]!r}")
            texts = collections.Counter(message["text"] for message in messages)
            if twice := [text for text, count in texts.items() if count > 1]:
                wrong.append(f"{called}: {device.name} shows {len(twice)} messages more than once, the first is {twice[0][:20]!r}")
            if strange := [text for text in texts if text not in known and text not in allowed]:
                wrong.append(f"{called}: {device.name} shows what nobody wrote: {strange[0][:40]!r}")
            for writer in self.writers:
                own = [text for text in texts if text.startswith(f"{writer.device.name} ")]
                if own != sorted(own):
                    wrong.append(f"{called}: {device.name} shows messages of {writer.device.name} in another order than written")
            if messages != histories[0] and [one["id"] for one in messages] != [one["id"] for one in histories[0]]:
                wrong.append(f"{called}: {devices[0].name} and {device.name} do not show the same messages in the same order")
        return wrong

    def verify(self):
        end_all(self.nodes, self.wrong)

    def summary(self, harm, took):
        sent = {writer.device.name: sum(map(len, writer.acknowledged.values())) for writer in self.writers}
        refusals, changes = collections.Counter(), collections.Counter()
        for writer in self.writers:
            refusals.update(writer.refusals)
            changes.update(writer.changes)
        print(f"written   {sum(sent.values())} messages acknowledged ({', '.join(f'{name} {n}' for name, n in sent.items())})")
        print(f"          {sum(writer.repeated for writer in self.writers)} times no answer and asked again, "
              f"{sum(len(writer.unanswered) for writer in self.writers)} never answered")
        print("changed   " + ", ".join(f"{count} {what}" for what, count in sorted(changes.items())))
        for refusal, count in refusals.most_common(5):
            print(f"          {count} times refused: {refusal}")
        print("harm      " + ", ".join(f"{count} {what}" for what, count in sorted(harm.items())))
        dropped = self.network.dropped
        print(f"          {dropped['partition']} packets dropped by partitions, {dropped['loss']} lost at random")
        told = "never" if took is None else f"after {took:.1f} s"
        print(f"settled   {told} (reading everything included)")
        print(f"daemons   {sum(node.processor for node in self.nodes):.0f} s of processor time, "
              f"{max(node.memory for node in self.nodes):.0f} MiB at most", flush=True)

    def close(self):
        clear(self.nodes, self.options.lab)


def options():
    parser = argparse.ArgumentParser(prog="scripts/lab.sh --devices", add_help=False)
    parser.add_argument("covey")
    parser.add_argument("lab")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--devices", nargs="?", type=int, const=3, default=3)
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--log", default="info")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    if not 2 <= chosen.devices <= 5 or not 0 < chosen.minutes <= 120 or not 0 < chosen.rate <= 20:
        parser.error("2 to 5 devices, at most 120 minutes, at most 20 messages per second")
    return chosen


def act(lab):
    began = time.monotonic()
    lab.prepare()
    print(f"prepared  {len(lab.devices)} devices, a stranger and a group in {time.monotonic() - began:.1f} s", flush=True)
    harm = lab.work()
    took = lab.settle()
    lab.verify()
    lab.summary(harm, took)


if __name__ == "__main__":
    chosen = options()
    sys.exit(conduct(Lab, chosen, f"{len(ACCOUNTS)} accounts of {chosen.devices} devices", act))
