"""The driver of `scripts/lab.sh --keepers`, which says what it does. Not to be called by itself."""

import argparse
import collections
import itertools
import os
import random
import sys
import time

from lab import Chaos, Network, Node, Refused, Unanswered, clear, conduct, end_all, until
from lab_device import Writer

PEOPLE = ("alice", "bob", "carol")
KEEPERS = ("keeper1", "keeper2")
SETTLE = 180  # seconds in which all must agree after the healing
KEPT = 90  # seconds in which mail must be left at a keeper, or fetched from one
LETTERS = 20  # written to somebody who is away, when all is healed
SLOT = 64  # parcels that one contact may leave
LIMIT = 64 << 20  # bytes that a keeper holds for one account


class Author(Writer):
    """Writes to both others, and changes nothing."""

    def change(self, number):
        pass


class Absences(Chaos):
    """The same harm, and people are away for so long that their mail is left at their keepers."""

    def kill(self, now):
        people = [node for node in self.nodes if node.name in PEOPLE and node.number not in self.busy]
        if not people or self.random.random() < 0.5:
            super().kill(now)
            return
        node = self.random.choice(people)
        self.count["absences"] += 1
        self.busy.add(node.number)
        node.kill()

        def come_back():
            node.start()
            self.busy.discard(node.number)

        self.at(now + self.random.uniform(15, 60), come_back)


class Lab:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.wrong, self.writers = [], []
        self.people, self.keepers, self.hostile = [], [], None

    @property
    def honest(self):
        return [*self.people, *self.keepers]

    @property
    def nodes(self):
        return [*self.honest, *([self.hostile] if self.hostile else [])]

    def prepare(self):
        self.network = Network(self.options.lab)
        numbers, self.meeting = itertools.count(1), None
        for name in KEEPERS:
            self.keepers.append(self.run(next(numbers), name, self.options.covey))
        for name in PEOPLE:
            self.people.append(self.run(next(numbers), name, self.options.covey))
        if kind := self.options.hostile:
            os.environ["HOSTILE_AS"] = kind  # nobody else asks for it
            self.hostile = self.run(next(numbers), "mallory", os.environ["LAB_HOSTILE"])
        for one, other in itertools.combinations(self.people, 2):
            self.pair(one, other)
        if self.options.hostile == "depositor":
            for one in self.people:
                self.pair(self.hostile, one)
        first, second = self.keepers
        for owner in self.people:
            # With a keeper that lies everything is left at that one, too.
            self.keep(first, owner)
            self.keep(self.hostile if self.options.hostile == "keeper" else second, owner)
        for node in self.people:
            others = [one for one in self.people if one is not node]
            # One that lies may say that it has no slots for anybody; then nobody is told of it.
            least = 1 if self.options.hostile == "keeper" else 2
            until(lambda: all(self.contact(node, one, "keepers") >= least for one in others), f"{node.name} knows the keepers of all", 120)

    def run(self, number, name, covey):
        self.network.attach(number)
        node = Node(covey, self.network, number, self.folder, self.options.log, name)
        node.bootstrap = [self.meeting] if self.meeting else []
        node.start()
        until(node.is_up, f"{name} starts")
        node.call("account.rename", name=name)
        if not self.meeting:
            shown = node.cli("--quiet", "account", "show").stdout.splitlines()
            self.meeting = next(line.split()[1] for line in shown if line.startswith("address") and "/tcp/" in line)
        return node

    def pair(self, one, other):
        one.call("pair.invite", to=other.call("account.ticket")["ticket"])
        until(lambda: self.contact(other, one, "state") == "pending", f"{other.name} sees the invite of {one.name}")
        other.call("pair.accept", contact=one.account)
        until(lambda: self.contact(one, other, "confirmed") and self.contact(other, one, "confirmed"),
              f"{one.name} and {other.name} pair")

    def keep(self, keeper, owner):
        """One that lies may refuse or forget: it is asked again with another ticket."""
        def kept():
            states = {one["keeper"]: one["state"] for one in owner.call("keeper.list", 30) if one["role"] == "mine"}
            if states.get(added["keeper"]) == "refused":
                added.update(owner.call("keeper.add", 60, ticket=keeper.call("keeper.serve")["ticket"]))
            return states.get(added["keeper"]) == "keeps"

        added = owner.call("keeper.add", 60, ticket=keeper.call("keeper.serve")["ticket"])
        until(kept, f"{keeper.name} keeps the mail of {owner.name}", 120)

    def contact(self, node, other, field):
        return next((one[field] for one in node.call("pair.list") if one["contact"] == other.account), None)

    def work(self):
        options = self.options
        for node in self.people:
            others = [one.account for one in self.people if one is not node]
            self.writers.append(Author(node, others, options.rate, options.seed))
        chaos = Absences(self.honest, self.hostile, self.network, options.seed)
        for writer in self.writers:
            writer.start()
        try:
            chaos.run(options.minutes * 60, self.say)
        finally:
            chaos.heal()
            self.healed = time.monotonic()
            for writer in self.writers:
                writer.finish(self.healed + SETTLE / 2)
        for writer in self.writers:
            writer.join()
        return chaos.count

    def say(self):
        acknowledged = sum(len(sent) for writer in self.writers for sent in writer.acknowledged.values())
        print(f"  {time.strftime('%H:%M:%S')}  {acknowledged} acknowledged, load {os.getloadavg()[0]:.1f}", flush=True)

    def settle(self):
        """Waits until both sides of every conversation show all of it. How long it took."""
        while time.monotonic() < self.healed + SETTLE:
            try:
                if not self.differences():
                    return time.monotonic() - self.healed
            except (Unanswered, Refused):
                pass
            time.sleep(2)
        self.wrong.append(f"not settled {SETTLE} s after the healing")
        self.wrong += self.differences()
        return None

    def differences(self):
        wrong = []
        for one, other in itertools.combinations(self.people, 2):
            histories = [one.messages(other.account), other.messages(one.account)]
            for node, messages in zip((one, other), histories):
                wrong += self.compare(node, other if node is one else one, messages)
            if [message["id"] for message in histories[0]] != [message["id"] for message in histories[1]]:
                wrong.append(f"{one.name} and {other.name} do not show the same messages in the same order")
        return wrong

    def compare(self, node, other, messages):
        wrong, shown = [], {message["id"]: message["text"] for message in messages}
        for writer in self.writers:
            if writer.device not in (node, other):
                continue
            sent = writer.acknowledged.get((other if writer.device is node else node).account, {})
            if lost := [text for one, text in sent.items() if shown.get(one) != text]:
                wrong.append(f"{node.name} lacks {len(lost)} acknowledged messages of {writer.device.name}, the first is {min(lost)[:20]!r}")
            own = [message["text"] for message in messages if message["author"] == writer.device.account]
            if twice := [text for text, count in collections.Counter(own).items() if count > 1]:
                wrong.append(f"{node.name} shows {len(twice)} messages of {writer.device.name} more than once: {twice[0][:20]!r}")
            if own != sorted(own):
                wrong.append(f"{node.name} shows the messages of {writer.device.name} in another order than written")
            if strange := set(own) - set(sent.values()) - set(writer.unanswered):
                wrong.append(f"{node.name} shows what {writer.device.name} did not write: {min(strange)[:40]!r}")
        return wrong

    def letters(self):
        """All is healed, the hostile one still there: what one writes waits until it is gone and the other is back. How long both took."""
        alice, bob, _ = self.people
        took = []
        bob.end()
        sent = [alice.call("message.send", to=bob.account, text=f"{alice.name} ~ {number:03}") for number in range(LETTERS)]
        began = time.monotonic()
        until(lambda: alice.call("message.show", id=sent[-1]["id"])["state"] == "kept", "the last letter is kept", KEPT)
        took.append(time.monotonic() - began)
        alice.end()
        bob.start()
        until(bob.is_up, "bob is back")
        began, wanted = time.monotonic(), [message["id"] for message in sent]
        until(lambda: [message["id"] for message in bob.messages(alice.account)][-LETTERS:] == wanted, "bob has all letters, in order", KEPT)
        took.append(time.monotonic() - began)
        alice.start()
        until(alice.is_up, "alice is back")
        return took

    def held(self):
        """What lies at the honest keepers is within their limits."""
        for keeper in self.keepers:
            for one in keeper.call("keeper.list", 30):
                if one["role"] == "held" and (one["used"] > LIMIT or one["parcels"] > SLOT * len(self.nodes)):
                    self.wrong.append(f"{keeper.name} holds {one['parcels']} parcels of {one['used']} bytes for one account")

    def verify(self):
        end_all(self.honest, self.wrong)

    def summary(self, harm, took, letters):
        sent = {writer.device.name: sum(map(len, writer.acknowledged.values())) for writer in self.writers}
        print(f"written   {sum(sent.values())} messages acknowledged ({', '.join(f'{name} {n}' for name, n in sent.items())})")
        print("harm      " + ", ".join(f"{count} {what}" for what, count in sorted(harm.items())))
        told = "never" if took is None else f"after {took:.1f} s"
        print(f"settled   {told} (reading everything included)")
        print(f"letters   {LETTERS} kept after {letters[0]:.1f} s, fetched {letters[1]:.1f} s after their recipient was back")
        for name, nodes in (("people", self.people), ("keepers", self.keepers)):
            print(f"{name:<9} {sum(node.processor for node in nodes):.0f} s of processor time, "
                  f"{max(node.memory for node in nodes):.0f} MiB at most", flush=True)

    def close(self):
        clear(self.nodes, self.options.lab)


def options():
    parser = argparse.ArgumentParser(prog="scripts/lab.sh --keepers", add_help=False)
    parser.add_argument("covey")
    parser.add_argument("lab")
    parser.add_argument("--keepers", action="store_true")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--log", default="info")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--hostile", choices=["keeper", "depositor"])
    chosen = parser.parse_args()
    if not 0 < chosen.minutes <= 120 or not 0 < chosen.rate <= 20:
        parser.error("at most 120 minutes, at most 20 messages per second")
    return chosen


def act(lab):
    began = time.monotonic()
    lab.prepare()
    print(f"prepared  in {time.monotonic() - began:.1f} s", flush=True)
    harm = lab.work()
    took = lab.settle()
    letters = lab.letters()
    lab.held()
    lab.verify()
    lab.summary(harm, took, letters)


if __name__ == "__main__":
    chosen = options()
    sys.exit(conduct(Lab, chosen, f"{len(PEOPLE)} people, {len(KEEPERS)} keepers, hostile: {chosen.hostile or 'nobody'}", act))
