"""The driver of scripts/lab.sh, which says what it does. Not to be called by itself."""

import argparse
import collections
import concurrent.futures
import heapq
import http.client
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

LOSS = 20  # percent of the packets
SETTLE = 120  # seconds in which all must know the same after the healing
SETUP = 90  # seconds for each step of the preparation
ANSWER = 8  # seconds for an answer; who is stopped gives none
RENAME = 0.02  # of what is written are new names of the group


class Failure(Exception):
    """The lab cannot go on."""


class Refused(Exception):
    """A daemon answered, and did not do it."""


class Unanswered(Exception):
    """No answer: it is not known whether it was done."""


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def until(holds, what, patience=SETUP):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            if holds():
                return
        except Unanswered:
            pass
        time.sleep(0.1)
    raise Failure(f"{what}: not within {patience} s")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Network:
    """A bridge in a namespace of its own, and a namespace for each node; all packets are filtered where they arrive."""

    def __init__(self, lab):
        self.lab = lab
        self.dropped = collections.Counter()  # packets
        self.hub = f"{lab}-hub"
        run("ip", "netns", "add", self.hub)
        run("ip", "-n", self.hub, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", self.hub, "link", "set", "bridge", "up")

    def namespace(self, number):
        return f"{self.lab}-{number}"

    def address(self, number):
        return f"10.77.{number}.1"  # each in another /24: invites and strangers are limited by those

    def attach(self, number):
        namespace = self.namespace(number)
        run("ip", "netns", "add", namespace)
        port = f"port{number}"
        run("ip", "-n", self.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        run("ip", "-n", self.hub, "link", "set", port, "master", "bridge", "up")
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", namespace, "address", "add", f"{self.address(number)}/16", "dev", "eth0")
        run("ip", "-n", namespace, "link", "set", "eth0", "up")

    def filter(self, number, deaf_to=(), loss=False):
        """What a node does not hear: other nodes, and a part of the rest."""
        self.count(number)
        rules = []
        if deaf_to:
            others = ", ".join(map(self.address, deaf_to))
            rules.append(f"iifname eth0 ip saddr {{ {others} }} counter drop comment partition")
        if loss:
            rules.append(f"iifname eth0 numgen random mod 100 < {LOSS} counter drop comment loss")
        chain = "\n".join(["type filter hook input priority 0;", *rules])
        table = f"add table inet lab\ndelete table inet lab\ntable inet lab {{\nchain input {{\n{chain}\n}}\n}}\n"
        run("ip", "netns", "exec", self.namespace(number), "nft", "-f", "-", text=table)

    def count(self, number):
        """What was dropped since the filter was made; a new one begins at zero."""
        listed = run("ip", "netns", "exec", self.namespace(number), "nft", "-j", "list", "ruleset")
        for rule in (one["rule"] for one in json.loads(listed)["nftables"] if "rule" in one):
            counted = sum(part["counter"]["packets"] for part in rule["expr"] if "counter" in part)
            self.dropped[rule["comment"]] += counted


class Node:
    """A daemon, and how to speak to it."""

    def __init__(self, covey, network, number, folder, log, name=None):
        self.covey, self.number, self.log = covey, number, log
        self.namespace, self.address = network.namespace(number), network.address(number)
        self.name = name or f"n{number}"
        self.folder = folder / self.name
        self.log_file = open(folder / f"{self.name}.log", "ab")
        self.bootstrap = []
        self.process = None
        self.processor, self.memory = 0.0, 0.0  # seconds of those that ended; MiB at most

    def start(self):
        command = ["ip", "netns", "exec", self.namespace, self.covey, "daemon", "--data-dir", self.folder,
                   "--rpc-listen", "off", "--no-mdns", "--no-upnp",
                   "--listen", f"/ip4/{self.address}/tcp/7421", "--listen", f"/ip4/{self.address}/udp/7421/quic-v1"]
        for address in self.bootstrap:
            command += ["--bootstrap", address]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file,
                                        start_new_session=True, env={**os.environ, "COVEY_LOG": self.log})

    def call(self, method, patience=ANSWER, **params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            path = json.loads((self.folder / "rpc.json").read_text())["socket"]
            connection = UnixConnection(path, patience)
            try:
                connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
                answer = json.loads(connection.getresponse().read())
            finally:
                connection.close()
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            raise Unanswered(f"{self.name}: {method}: {error}") from error
        if "error" in answer:
            raise Refused(f"{method}: {answer['error'].get('message')} {answer['error'].get('data', '')}")
        return answer["result"]

    def is_up(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended by itself with {self.process.returncode}")
        try:
            self.account = self.call("account.show")["account"]
            return True
        except Refused:
            return False

    def cli(self, *words):
        return subprocess.run([self.covey, "--data-dir", self.folder, *words], capture_output=True, text=True)

    def measure(self):
        """Counts what the running process took; to be called before it ends."""
        try:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
            self.processor += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    self.memory = max(self.memory, int(line.split()[1]) / 1024)
        except (OSError, IndexError):
            pass

    def kill(self):
        self.measure()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        """Asks it to end. Did it?"""
        self.measure()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False

    def messages(self, group):
        """All of them, oldest first."""
        found, before = [], None
        while True:
            page = self.call("message.list", 30, channel=group, limit=1000, **({"before": before} if before else {}))
            found = page + found
            if len(page) < 1000:
                return found
            before = page[0]["id"]


class Writer(threading.Thread):
    """Writes one message after the other; the next only when the one before it is acknowledged."""

    def __init__(self, node, group, rate, seed):
        super().__init__(daemon=True)
        self.node, self.group, self.rate = node, group, rate
        self.random = random.Random(f"{seed} {node.name}")
        self.acknowledged = {}  # id -> text
        self.unanswered = []  # texts of which it is not known whether they were taken
        self.took, self.repeated, self.renamed, self.refusals = [], 0, 0, collections.Counter()
        self.over, self.deadline = threading.Event(), None

    def run(self):
        for number in itertools.count(1):
            if self.over.wait(self.random.expovariate(self.rate)):
                return
            if self.random.random() < RENAME:
                self.attempt("group.rename", f"{self.node.name}-name-{number}", group=self.group,
                             name=f"{self.node.name} at {number}")
                self.renamed += 1
            # Of different lengths, at times long.
            filling = "~" * int(self.random.paretovariate(0.7) * 5)
            text = f"{self.node.name} {number:06} {filling[:8000]}"
            began = time.monotonic()
            sent = self.attempt("message.send", f"{self.node.name}-{number}", to=self.group, text=text)
            if sent is None:
                self.unanswered.append(text)
                return
            self.acknowledged[sent["id"]] = text
            self.took.append(time.monotonic() - began)

    def attempt(self, method, client_id, **params):
        """Asks until it is done. The idempotency key makes it happen once, whatever was killed in between."""
        while self.deadline is None or time.monotonic() < self.deadline:
            try:
                return self.node.call(method, client_id=client_id, **params)
            except Unanswered:
                self.repeated += 1
            except Refused as refusal:
                self.refusals[str(refusal)] += 1
            time.sleep(0.2)
        return None

    def finish(self, deadline):
        self.deadline = deadline
        self.over.set()


class Chaos:
    """Does harm at random and heals it later."""

    def __init__(self, nodes, hostile, network, seed):
        self.nodes, self.hostile, self.network = nodes, hostile, network
        self.random = random.Random(f"{seed} chaos")
        self.later = []  # (when, tie breaker, what)
        self.ties = itertools.count()
        self.busy = set()  # nodes that are down or stopped
        self.deaf = {node.number: set() for node in nodes}
        self.split, self.lossy = False, set()
        self.count = collections.Counter()

    def at(self, when, what):
        heapq.heappush(self.later, (when, next(self.ties), what))

    def run(self, seconds, say):
        end, again, told = time.monotonic() + seconds, time.monotonic(), time.monotonic() + 60
        while (now := time.monotonic()) < end:
            while self.later and self.later[0][0] <= now:
                heapq.heappop(self.later)[2]()
            if now >= again:
                self.random.choice([self.kill, self.kill, self.pause, self.partition, self.lose])(now)
                again = now + self.random.uniform(0.5, 4)
            if now >= told:
                say()
                told += 60
            for node in self.nodes:
                if node.number not in self.busy and node.process.poll() is not None:
                    raise Failure(f"{node.name} ended by itself with {node.process.returncode}")
            if self.hostile and self.hostile.process.poll() is not None:
                self.hostile.start()  # whatever it did to itself
            time.sleep(0.02)

    def idle(self):
        free = [node for node in self.nodes if node.number not in self.busy]
        return self.random.choice(free) if free else None

    def kill(self, now):
        node = self.idle()
        if node is None:
            return
        self.count["kills"] += 1
        self.busy.add(node.number)
        node.kill()
        wait = self.random.choice([0, self.random.uniform(0, 2), self.random.uniform(2, 15)])

        def start():
            node.start()
            if self.random.random() < 0.25:  # and once more while it starts
                self.at(time.monotonic() + self.random.uniform(0, 1), again)
            else:
                self.busy.discard(node.number)

        def again():
            self.count["kills"] += 1
            node.kill()
            self.at(time.monotonic(), start)

        self.at(now + wait, start)

    def pause(self, now):
        node = self.idle()
        if node is None:
            return
        self.count["pauses"] += 1
        self.busy.add(node.number)
        node.process.send_signal(signal.SIGSTOP)

        def go_on():
            node.process.send_signal(signal.SIGCONT)
            self.busy.discard(node.number)

        self.at(now + self.random.choice([self.random.uniform(0.1, 3), self.random.uniform(3, 20)]), go_on)

    def partition(self, now):
        if self.split:
            return
        self.split = True
        numbers = [node.number for node in self.nodes]
        self.random.shuffle(numbers)
        cut = self.random.randint(1, len(numbers) - 1)
        ones, others = numbers[:cut], numbers[cut:]
        one_way = self.random.random() < 0.25
        self.count["one-way partitions" if one_way else "partitions"] += 1
        for number in ones:
            self.deaf[number] = set(others)
        if not one_way:
            for number in others:
                self.deaf[number] = set(ones)
        self.apply()

        def join():
            self.split = False
            for number in numbers:
                self.deaf[number] = set()
            self.apply()

        self.at(now + self.random.uniform(2, 30), join)

    def lose(self, now):
        if self.lossy:
            return
        self.count["lossy times"] += 1
        numbers = [node.number for node in self.nodes]
        some = self.random.sample(numbers, self.random.randint(1, len(numbers)))
        self.lossy = set(self.random.choice([numbers, some]))
        self.apply()

        def enough():
            self.lossy = set()
            self.apply()

        self.at(now + self.random.uniform(5, 40), enough)

    def apply(self):
        for node in self.nodes:
            self.network.filter(node.number, sorted(self.deaf[node.number]), node.number in self.lossy)

    def heal(self):
        self.later.clear()
        self.deaf, self.lossy = {node.number: set() for node in self.nodes}, set()
        self.apply()
        for node in self.nodes:
            if node.process.poll() is not None:
                node.start()
            node.process.send_signal(signal.SIGCONT)


def end_all(nodes, wrong):
    """Ends daemons as an operator does; their databases must be whole then."""
    for node in nodes:
        if not node.end():
            wrong.append(f"{node.name} does not end as it should when asked")
    for node in nodes:
        verified = node.cli("db", "verify")
        if verified.returncode != 0:
            wrong.append(f"`covey db verify` of {node.name} ends with {verified.returncode}:\n"
                         f"{verified.stdout}{verified.stderr}")


def clear(nodes, lab):
    """Whatever happened: no daemon runs on, and the namespaces of this lab are gone."""
    for node in nodes:
        if node.process is not None and node.process.poll() is None:
            node.process.kill()
            node.process.wait()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for namespace in (line.split()[0] for line in listed.splitlines() if line):
        if namespace.startswith(lab + "-"):
            subprocess.run(["ip", "netns", "delete", namespace], check=False)


def conduct(make, chosen, who, act):
    """Makes a lab of `who`, lets `act` do with it what is to be done, and says what was wrong; gives the exit code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(130))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="covey-lab."))
    lab, passed = make(chosen, folder), False
    print(f"seed {chosen.seed}, {who}, {chosen.minutes:g} minutes, {chosen.covey}, "
          f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    try:
        act(lab)
        passed = not lab.wrong
    except (Failure, Refused, Unanswered) as error:
        lab.wrong.append(str(error))
    finally:
        lab.close()
        if passed and not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs and data are in {folder}")
    for wrong in lab.wrong:
        print(f"WRONG     {wrong}")
    print("passed" if passed else f"FAILED with seed {chosen.seed}", flush=True)
    return 0 if passed else 1


class Lab:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.wrong = []
        self.nodes, self.writers = [], []
        self.hostile = None

    def prepare(self):
        count = self.options.nodes
        self.network = Network(self.options.lab)
        for number in range(1, count + 1):
            self.network.attach(number)
            node = Node(self.options.covey, self.network, number, self.folder, self.options.log)
            if self.nodes:
                node.bootstrap = [self.meeting]
            self.nodes.append(node)
            node.start()
            until(node.is_up, f"{node.name} starts")
            if number == 1:
                shown = node.cli("--quiet", "account", "show").stdout.splitlines()
                self.meeting = next(line.split()[1] for line in shown if line.startswith("address") and "/tcp/" in line)
            node.call("account.rename", name=node.name)

        founder, chance = self.nodes[0], random.Random(f"{self.options.seed} contacts")
        pairs = [(one, other) for one, other in itertools.combinations(self.nodes, 2)
                 if one is founder or chance.random() < 0.5]
        for one, other in pairs:
            one.call("pair.invite", to=other.call("account.ticket")["ticket"])
        for one, other in pairs:
            until(lambda: self.contact(other, one, "state") == "pending", f"{other.name} sees the invite of {one.name}")
            other.call("pair.accept", contact=one.account)
        for one, other in pairs:
            until(lambda: self.contact(one, other, "confirmed") and self.contact(other, one, "confirmed"),
                  f"{one.name} and {other.name} pair")

        self.group = founder.call("group.create", name="Lab", rename="member")["group"]
        for node in self.nodes[1:]:
            founder.call("group.invite", group=self.group, contact=node.account)
        for node in self.nodes[1:]:
            until(lambda: any(group["group"] == self.group for group in node.call("group.list", state="invited")),
                  f"{node.name} sees the invite to the group")
            node.call("group.accept", group=self.group)
        for node in self.nodes:
            until(lambda: self.is_in(node), f"{node.name} knows all members")
        if self.options.hostile:
            self.let_in(founder)
        return len(pairs)

    def let_in(self, founder):
        """The hostile member. It lies from its first frame on, so everything is tried again until it is in."""
        number = len(self.nodes) + 1
        self.network.attach(number)
        node = Node(os.environ["LAB_HOSTILE"], self.network, number, self.folder, self.options.log)
        node.bootstrap = [self.meeting]
        node.start()
        self.hostile = node
        until(node.is_up, "the hostile one starts")
        ticket = founder.call("group.ticket", group=self.group, role=self.options.hostile)["ticket"]

        def asked():
            try:
                node.call("group.join", ticket=ticket)
            except Refused:
                pass
            members = founder.call("group.members", group=self.group)
            return any(member["account"] == node.account for member in members)

        until(asked, "the hostile one joins")

    def contact(self, node, other, field):
        return next((one[field] for one in node.call("pair.list") if one["contact"] == other.account), None)

    def is_in(self, node):
        shown = node.call("group.show", group=self.group)
        return shown["state"] == "joined" and shown["members"] == len(self.nodes)

    def say(self):
        acknowledged = sum(len(writer.acknowledged) for writer in self.writers)
        print(f"  {time.strftime('%H:%M:%S')}  {acknowledged} acknowledged, load {os.getloadavg()[0]:.1f}", flush=True)

    def work(self):
        options = self.options
        self.writers = [Writer(node, self.group, options.rate, options.seed) for node in self.nodes]
        chaos = Chaos(self.nodes, self.hostile, self.network, options.seed)
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

    def settle(self):
        """Waits until every node finds that all know the same, and shows all messages. How long both took."""
        wanted = sum(len(writer.acknowledged) for writer in self.writers)
        heads, pool = None, concurrent.futures.ThreadPoolExecutor(len(self.nodes))
        while time.monotonic() < self.healed + SETTLE:
            try:
                healths = list(pool.map(lambda node: node.call("group.doctor", 30, group=self.group), self.nodes))
                if self.is_settled(healths):
                    heads = heads or time.monotonic() - self.healed
                    shown = pool.map(lambda node: len(node.messages(self.group)), self.nodes)
                    if min(shown) >= wanted:
                        return heads, time.monotonic() - self.healed
            except (Unanswered, Refused):
                pass
            time.sleep(1)  # who asks for reports on and on gets two per second
        self.wrong.append(f"not settled {SETTLE} s after the healing")
        return heads, None

    def is_settled(self, healths):
        if self.hostile:  # what it says of itself is not worth hearing
            return len({(health["roster_hash"], health["heads_hash"]) for health in healths}) == 1
        return all(health["converged"] and health["reached"] == len(self.nodes) - 1 for health in healths)

    def agree(self, one, other):
        """Do two members show the same in the same order? Of the hostile one's, what both could open."""
        both = {message["id"] for message in one} & {message["id"] for message in other}
        hostile = self.hostile.account if self.hostile else None
        ids = [[message["id"] for message in messages if message["author"] != hostile or message["id"] in both]
               for messages in (one, other)]
        return ids[0] == ids[1]

    def check(self):
        wrong = self.wrong
        histories, rosters, heads, names = {}, {}, {}, {}
        for node in self.nodes:
            try:
                histories[node] = node.messages(self.group)
                health = node.call("group.doctor", 30, group=self.group)
                rosters[node], heads[node] = health["roster_hash"], health["heads_hash"]
                names[node] = node.call("group.show", group=self.group)["name"]
            except (Unanswered, Refused) as error:
                wrong.append(str(error))
        allowed = collections.Counter(text for writer in self.writers for text in writer.unanswered)
        for node, messages in histories.items():
            shown = collections.Counter((message["id"], message["text"]) for message in messages)
            for writer in self.writers:
                lost = [text for one, text in writer.acknowledged.items() if (one, text) not in shown]
                if lost:
                    wrong.append(f"{node.name} lacks {len(lost)} acknowledged messages of {writer.node.name}, "
                                 f"the first is {min(lost)[:12]!r}, the last {max(lost)[:12]!r}")
                own = [message["text"] for message in messages if message["author"] == writer.node.account]
                known = set(writer.acknowledged.values()) | allowed.keys()
                if strange := [text for text in own if text not in known]:
                    wrong.append(f"{node.name} shows what {writer.node.name} did not write: {strange[0][:40]!r}")
                if twice := [text for text, count in collections.Counter(own).items() if count > 1]:
                    wrong.append(f"{node.name} shows {len(twice)} messages of {writer.node.name} more than once, "
                                 f"the first is {twice[0][:12]!r}")
                if own != sorted(own):
                    wrong.append(f"{node.name} shows the messages of {writer.node.name} in another order than written")
        first = self.nodes[0]
        for node in self.nodes[1:]:
            for what, of in [("roster", rosters), ("heads", heads), ("name of the group", names)]:
                if of.get(node) != of.get(first):
                    wrong.append(f"{what}: {first.name} has {of.get(first)}, {node.name} has {of.get(node)}")
            if not self.agree(histories.get(first, []), histories.get(node, [])):
                wrong.append(f"{first.name} and {node.name} do not show the same messages in the same order")
        if self.options.hostile == "reader":
            for node, messages in histories.items():
                if shown := [one["text"] for one in messages if one["author"] == self.hostile.account]:
                    wrong.append(f"{node.name} shows {len(shown)} messages of a reader, the first is {shown[0]!r}")
        for node in self.nodes:
            doctor = node.cli("group", "doctor", self.group)
            if doctor.returncode != 0 and not self.hostile:
                wrong.append(f"`covey group doctor` of {node.name} ends with {doctor.returncode}:\n"
                             f"{doctor.stdout}{doctor.stderr}")
        return rosters.get(first), heads.get(first)

    def verify(self):
        end_all(self.nodes, self.wrong)

    def summary(self, harm, took, hashes):
        sent = sorted(second for writer in self.writers for second in writer.took)
        refusals = collections.Counter()
        for writer in self.writers:
            refusals.update(writer.refusals)
        each = ", ".join(f"{writer.node.name} {len(writer.acknowledged)}" for writer in self.writers)
        print(f"written   {len(sent)} messages acknowledged ({each}), {sum(w.renamed for w in self.writers)} renames")
        print(f"          {sum(w.repeated for w in self.writers)} times no answer and asked again, "
              f"{sum(len(w.unanswered) for w in self.writers)} never answered")
        for refusal, count in refusals.most_common(5):
            print(f"          {count} times refused: {refusal}")
        if len(sent) > 1:
            quantiles = statistics.quantiles(sent, n=100)
            print(f"          acknowledged after {1000 * statistics.median(sent):.1f} ms (median), "
                  f"{1000 * quantiles[94]:.0f} ms (95 %), {sent[-1]:.1f} s (longest)")
        print("harm      " + ", ".join(f"{count} {what}" for what, count in sorted(harm.items())))
        dropped = self.network.dropped
        print(f"          {dropped['partition']} packets dropped by partitions, {dropped['loss']} lost at random")
        told = ["not" if one is None else f"{one:.1f} s" for one in took]
        print(f"settled   heads equal after {told[0]}, all messages shown after {told[1]} (reading them included)")
        print(f"roster    {hashes[0]}\nheads     {hashes[1]}")
        print(f"daemons   {sum(node.processor for node in self.nodes):.0f} s of processor time, "
              f"{max(node.memory for node in self.nodes):.0f} MiB at most", flush=True)

    def close(self):
        clear([*self.nodes, *([self.hostile] if self.hostile else [])], self.options.lab)


def options():
    parser = argparse.ArgumentParser(prog="scripts/lab.sh", add_help=False)
    parser.add_argument("covey")
    parser.add_argument("lab")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--rate", type=float, default=2)
    parser.add_argument("--log", default="info")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--hostile", nargs="?", const="member", choices=["member", "reader"])
    chosen = parser.parse_args()
    if not 2 <= chosen.nodes <= 20 or not 0 < chosen.minutes <= 120 or not 0 < chosen.rate <= 100:
        parser.error("2 to 20 nodes, at most 120 minutes, at most 100 messages per second")
    return chosen


def act(lab):
    began = time.monotonic()
    pairs = lab.prepare()
    print(f"prepared  {pairs} pairs and a group of {lab.options.nodes} in {time.monotonic() - began:.1f} s", flush=True)
    harm = lab.work()
    took = lab.settle()
    hashes = lab.check()
    lab.verify()
    lab.summary(harm, took, hashes)


if __name__ == "__main__":
    chosen = options()
    sys.exit(conduct(Lab, chosen, f"{chosen.nodes} nodes", act))
