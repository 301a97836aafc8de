"""The driver of scripts/nat-lab.sh, which says what it does. Not to be called by itself."""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from lab import Failure, Node, Refused, Unanswered, run, until

PORT = 7421
FOUND = 60  # seconds from an invite to the acknowledged first message
AGAIN = 60  # seconds from a change of the network to the next acknowledged message
CONTACT = 30  # seconds in which a contact gets through a crowd of strangers
KINDS = ("public", "drop", "reject", "random", "firewall")

# What a router does with what it was not asked for.
UNKNOWN = {"drop": "drop", "random": "drop", "firewall": "drop", "deaf": "drop",
           "reject": "meta l4proto tcp reject with tcp reset; reject"}


def nft(namespace, rules):
    run("ip", "netns", "exec", namespace, "nft", "-f", "-", text=rules)


class Internet:
    """A router in the middle; sites with public addresses around it: 45.SITE.0.2 each."""

    def __init__(self, lab):
        self.lab, self.hub, self.sites = lab, f"{lab}-hub", 0
        self.namespaces = []
        self.make(self.hub, forwards=True)
        nft(self.hub, "table ip count {\nchain forward { type filter hook forward priority 0; }\n}\n")

    def make(self, namespace, forwards=False):
        run("ip", "netns", "add", namespace)
        self.namespaces.append(namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        if forwards:
            run("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        return namespace

    def link(self, one, its, other, name, address):
        """A cable: `its` at one end, `name` with an address at the other."""
        run("ip", "-n", one, "link", "add", its, "type", "veth", "peer", "name", name, "netns", other)
        run("ip", "-n", one, "link", "set", its, "up")
        run("ip", "-n", other, "address", "add", address, "dev", name)
        run("ip", "-n", other, "link", "set", name, "up")

    def site(self, namespace):
        """Connects a namespace; returns its public address."""
        self.sites += 1
        site = self.sites
        self.link(self.hub, f"w{site}", namespace, "wan", f"45.{site}.0.2/24")
        run("ip", "-n", self.hub, "address", "add", f"45.{site}.0.1/24", "dev", f"w{site}")
        run("ip", "-n", namespace, "route", "add", "default", "via", f"45.{site}.0.1")
        return f"45.{site}.0.2"

    def renumber(self, home):
        """The provider gives a router another address."""
        site = home.address.split(".")[1]
        run("ip", "-n", home.router, "address", "flush", "dev", "wan")
        home.address = f"45.{site}.0.3" if home.address.endswith(".2") else f"45.{site}.0.2"
        run("ip", "-n", home.router, "address", "add", f"{home.address}/24", "dev", "wan")
        run("ip", "-n", home.router, "route", "add", "default", "via", f"45.{site}.0.1")

    def count(self, one, other):
        """Counts from now on what goes between two sites."""
        sites = [f"45.{home.address.split('.')[1]}.0.0/16" for home in (one, other)]
        rules = "".join(f"add rule ip count forward ip saddr {a} ip daddr {b} counter\n" for a, b in (sites, sites[::-1]))
        nft(self.hub, "flush chain ip count forward\n" + rules)

    def counted(self):
        listed = run("ip", "netns", "exec", self.hub, "nft", "-j", "list", "ruleset")
        parts = [part for one in json.loads(listed)["nftables"] if "rule" in one for part in one["rule"]["expr"]]
        return sum(part["counter"]["bytes"] for part in parts if "counter" in part)

    def remove(self):
        for namespace in self.namespaces:
            run("ip", "netns", "delete", namespace)


class Home:
    """A place where hosts are: behind a router of some kind, or with public addresses."""

    def __init__(self, internet, name, kind):
        self.internet, self.kind, self.plugs = internet, kind, 0
        self.router = internet.make(f"{internet.lab}-{name}", forwards=True)
        self.address = internet.site(self.router)
        self.is_nat = kind in ("drop", "reject", "random")
        if self.is_nat:
            run("ip", "-n", self.router, "link", "add", "lan", "type", "bridge")
            run("ip", "-n", self.router, "address", "add", "192.168.1.1/24", "dev", "lan")
            run("ip", "-n", self.router, "link", "set", "lan", "up")
        self.rules()

    def rules(self):
        if self.kind == "public":
            return
        # A TCP connection from outside looks known when one is tried from inside at that moment.
        opened = "tcp flags & (syn | ack) == syn iifname wan drop; " if self.kind == "deaf" else ""
        known = opened + "ct state established,related accept; iifname { lan, lo } accept; ip protocol icmp accept;"
        rules = f"flush ruleset\ntable ip filter {{\nchain input {{ type filter hook input priority 0; {known} {UNKNOWN[self.kind]}; }}\n"
        rules += f"chain forward {{ type filter hook forward priority 0; {known} {UNKNOWN[self.kind]}; }}\n}}\n"
        if self.is_nat:
            how = "masquerade fully-random" if self.kind == "random" else "masquerade"
            rules += f"table ip nat {{\nchain out {{ type nat hook postrouting priority 100; oifname wan {how}; }}\n}}\n"
        nft(self.router, rules)

    def host(self, name):
        """A namespace for a host here."""
        if not self.is_nat:
            return self.router
        namespace = self.internet.make(f"{self.internet.lab}-{name}")
        self.plug(namespace, 10)
        return namespace

    def plug(self, namespace, number):
        self.plugs += 1
        self.internet.link(self.router, f"p{self.plugs}", namespace, "eth0", f"192.168.1.{number}/24")
        run("ip", "-n", self.router, "link", "set", f"p{self.plugs}", "master", "lan")
        run("ip", "-n", namespace, "route", "add", "default", "via", "192.168.1.1")

    def forget(self):
        """The router loses what it knew of connections."""
        run("ip", "netns", "exec", self.router, "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0")
        nft(self.router, "flush ruleset")
        subprocess.run(["ip", "netns", "exec", self.router, "conntrack", "-F"], capture_output=True)
        self.rules()


class Peer(Node):
    """A daemon in a namespace, started as README says."""

    def __init__(self, covey, namespace, name, folder, flags, log):
        self.covey, self.namespace, self.name, self.log = covey, namespace, name, log
        self.folder, self.flags = folder / name, flags
        self.log_file = open(folder / f"{name}.log", "ab")
        self.process, self.processor, self.memory = None, 0.0, 0.0

    def start(self):
        command = ["ip", "netns", "exec", self.namespace, self.covey, "daemon", "--data-dir", self.folder,
                   "--rpc-listen", "off", *self.flags]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file,
                                        start_new_session=True, env={**os.environ, "COVEY_LOG": self.log})
        until(self.is_up, f"{self.name} answers")

    def deliver(self, to, patience, text="are you there?"):
        """Seconds until the other has a message, or None."""
        began = time.monotonic()
        sent = self.call("message.send", to=to.account, text=text)["id"]
        while time.monotonic() - began < patience:
            try:
                if self.call("message.show", id=sent)["state"] != "queued":
                    return time.monotonic() - began
            except Unanswered:
                pass
            time.sleep(0.1)
        return None


class Lab:
    def __init__(self, chosen, folder):
        self.chosen, self.folder, self.peers, self.rows, self.wrong = chosen, folder, [], [], []
        self.cases = 0
        self.internet = None

    def peer(self, namespace, name, *flags):
        peer = Peer(self.chosen.covey, namespace, name, self.folder / str(self.cases), flags, self.chosen.log)
        self.peers.append(peer)
        peer.start()
        return peer

    def seed(self):
        """A node that everybody reaches, and that carries others' connections."""
        home = Home(self.internet, "seed", "public")
        listen = [f"/ip4/0.0.0.0/tcp/{PORT}"] if self.chosen.seed == "tcp" else [f"/ip4/0.0.0.0/udp/{PORT}/quic-v1"]
        self.peer(home.host("seed"), "seed", "--listen", *listen, "--relay-server", "--no-upnp")
        address = f"/ip4/{home.address}/tcp/{PORT}" if self.chosen.seed == "tcp" else f"/ip4/{home.address}/udp/{PORT}/quic-v1"
        return f"{address}/p2p/{self.peers[-1].call('account.show')['peer_id']}"

    def case(self, name, what):
        self.cases += 1
        (self.folder / str(self.cases)).mkdir()
        self.internet = Internet(f"{self.chosen.lab}-{self.cases}")
        try:
            outcome, good = what()
        except (Failure, Refused, Unanswered) as error:
            outcome, good = str(error), False
        finally:
            self.close()
        print(f"{name:28} {outcome}", flush=True)
        if not good:
            self.wrong.append(f"{name} (case {self.cases}): {outcome}")

    def close(self):
        for peer in self.peers:
            peer.process.kill()
            peer.process.wait()
        self.peers = []
        self.internet.remove()

    def two(self, first, second):
        """Two users and a seed; each has a home."""
        bootstrap = self.seed()
        homes = [Home(self.internet, "home-a", first), Home(self.internet, "home-b", second)]
        users = [self.peer(home.host(name), name, "--bootstrap", bootstrap) for home, name in zip(homes, "ab")]
        return homes, users

    def pair(self, homes, users):
        """Invite by account id, accept, first message. Returns (seconds or None, how)."""
        one, other = users
        began = time.monotonic()
        one.call("pair.invite", to=other.account)
        known = lambda at, of: [c for c in at.call("pair.list") if c["contact"] == of.account]
        try:
            until(lambda: any(c["state"] == "pending" for c in known(other, one)), "the invite arrives", FOUND)
            other.call("pair.accept", contact=one.account)
            until(lambda: any(c["confirmed"] for c in known(one, other)), "the answer arrives", FOUND)
        except Failure:
            return None, "no"
        if one.deliver(other, FOUND) is None:
            return None, "no"
        took = time.monotonic() - began
        self.internet.count(*homes)
        for number in range(8):
            one.deliver(other, AGAIN, f"{number}" * 4000)
        return took, "direct" if self.internet.counted() > 24_000 else "relayed"

    def found(self, first, second):
        homes, users = self.two(first, second)
        took, how = self.pair(homes, users)
        if took is None:
            said = "; ".join(c["message"] for c in users[0].call("node.doctor")["checks"] if c["name"] == "reachability")
            return f"no within {FOUND} s (doctor: {said})", False
        return f"{took:5.1f} s, {how}", True

    def changed(self, first, second, event):
        """What a message takes that is written when the network is whole again."""
        homes, users = self.two(first, second)
        took, how = self.pair(homes, users)
        if took is None:
            return f"did not find each other within {FOUND} s", False
        if event == "move":
            self.move(users[0])
        elif event == "renumber":
            self.internet.renumber(homes[0])
        elif event == "forget":
            homes[0].forget()
        took = users[0].deliver(users[1], self.chosen.patience)
        back = users[1].deliver(users[0], self.chosen.patience) if took is not None else None
        if took is None or back is None:
            return f"no message for {self.chosen.patience} s (was {how})", False
        return f"{took:5.1f} s, and back {back:.1f} s (was {how})", took <= AGAIN

    def move(self, user):
        """A carries the machine to another home."""
        run("ip", "-n", user.namespace, "link", "delete", "eth0")
        time.sleep(5)
        Home(self.internet, "home-c", "drop").plug(user.namespace, 77)

    def strangers(self):
        """A contact connects while a hundred addresses dial; it cannot be dialled itself."""
        alice_home, bob_home = Home(self.internet, "alice", "public"), Home(self.internet, "bob", "deaf")
        alice = self.peer(alice_home.host("alice"), "alice", "--listen", f"/ip4/0.0.0.0/tcp/{PORT}", "--no-mdns", "--no-upnp")
        address = f"/ip4/{alice_home.address}/tcp/{PORT}/p2p/{alice.call('account.show')['peer_id']}"
        bob = self.peer(bob_home.host("bob"), "bob", "--bootstrap", address, "--no-mdns", "--no-upnp")
        took, _ = self.pair((bob_home, alice_home), (bob, alice))
        if took is None:
            return "the contacts do not find each other", False
        crowd = Home(self.internet, "crowd", "public")
        for number in range(1, self.chosen.strangers + 1):
            run("ip", "-n", crowd.router, "address", "add", f"46.{number}.0.1/32", "dev", "lo")
            run("ip", "-n", self.internet.hub, "route", "add", f"46.{number}.0.0/16", "via", crowd.address)
        flood = subprocess.Popen(["ip", "netns", "exec", crowd.router, sys.executable, __file__, "--flood",
                                  alice_home.address, str(self.chosen.strangers)], stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(5)
            times = []
            for attempt in range(4):
                bob.kill()
                if attempt % 2:
                    self.internet.renumber(bob_home)
                began = time.monotonic()
                bob.start()
                got = bob.deliver(alice, CONTACT)
                times.append(None if got is None else time.monotonic() - began)
        finally:
            flood.terminate()
            dialed = flood.communicate()[0].strip()
        told = ", ".join("no" if t is None else f"{t:.1f} s" for t in times)
        return f"{told} (address known, new, known, new; {dialed})", None not in times


async def flood(target, addresses):
    """Connects from every address as fast as it can; closes as soon as it is accepted, or holds what it got."""
    dialed = 0

    async def dial(source, patience):
        nonlocal dialed
        while True:
            try:
                reader, writer = await asyncio.wait_for(
                    asyncio.open_connection(target, PORT, local_addr=(source, 0)), 3)
            except (OSError, asyncio.TimeoutError):
                await asyncio.sleep(0.01)
                continue
            dialed += 1
            try:
                # Who is reset before accepting does not see it.
                writer.write(b"\x13/multistream/1.0.0\n")
                await asyncio.wait_for(reader.read(), patience)
            except (OSError, asyncio.TimeoutError):
                pass
            finally:
                writer.transport.abort()

    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.add_signal_handler(15, over.set_result, None)
    began = time.monotonic()
    sources = [f"46.{number}.0.1" for number in range(1, addresses + 1)]
    tasks = [asyncio.create_task(dial(source, patience)) for patience in (0.2, 0.2, 9, 9) for source in sources]
    await over
    for task in tasks:
        task.cancel()
    print(f"{dialed / (time.monotonic() - began):.0f} connections a second from {addresses} addresses")


def main():
    parser = argparse.ArgumentParser(prog="scripts/nat-lab.sh")
    parser.add_argument("covey")
    parser.add_argument("lab")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", choices=["tcp", "quic"], default="tcp")
    parser.add_argument("--strangers", type=int, default=100)
    parser.add_argument("--patience", type=int, default=AGAIN)
    parser.add_argument("--log", default="info")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="covey-nat-lab."))
    lab = Lab(chosen, folder)
    pairs = [("drop", "drop"), ("drop", "random")]
    changes = [("drop", "drop", "move"), ("random", "random", "renumber")]
    if chosen.whole:
        pairs = [(a, b) for a in KINDS for b in KINDS]
        changes = [(a, a, event) for a in ("drop", "random") for event in ("move", "renumber", "forget")]
    cases = {f"{a} -> {b}": lambda a=a, b=b: lab.found(a, b) for a, b in pairs}
    cases |= {f"{a} -> {b}, {event}": lambda a=a, b=b, event=event: lab.changed(a, b, event) for a, b, event in changes}
    cases["strangers"] = lab.strangers
    print(f"{chosen.covey}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    for name, what in cases.items():
        if chosen.only in name:
            lab.case(name, what)
    if lab.wrong or chosen.keep:
        print(f"logs and data are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    for wrong in lab.wrong:
        print(f"WRONG     {wrong}")
    print("FAILED" if lab.wrong else "passed", flush=True)
    return 1 if lab.wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--flood"]:
        asyncio.run(flood(sys.argv[2], int(sys.argv[3])))
    else:
        sys.exit(main())
