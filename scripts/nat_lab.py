"""The driver of scripts/nat-lab.sh, which says what it does. Not to be called by itself."""

import argparse
import asyncio
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from lab import Failure, Refused, Unanswered, run, until
from nat_lab_net import KINDS, PORT, REACHABLE, WITHOUT_UDP, Home, Internet, is_direct
from nat_lab_peer import Peer, SeedPeer

FOUND = 60  # seconds from an invite to the acknowledged first message before a case is given up
SOON = 20  # seconds that this may take, as well as the next message after a change of the network
AGAIN = 60  # seconds to watch after a change
CONTACT = 30  # seconds in which a contact gets through a crowd of strangers
DIRECT = 30  # seconds in which a path becomes direct where it can
VERDICTS = {
    "public": "public: reachable", "cone": "public: reachable", "forward": "public: reachable", "upnp": "public by UPnP",
    "firewall": "behind a firewall, punchable", "random": "behind NAT, not punchable: it takes another port for each connection, through ",
    "cgnat-random": "behind NAT, not punchable: it takes another port for each connection, through ",
    "tcp-443": "behind NAT, not punchable: it lets out connections to port 443 only, through ", "dual": "public over IPv6 only",
    "six": "public over IPv6 only",
} | dict.fromkeys(("open", "drop", "reject", "cgnat", "no-udp"), "behind NAT, punchable, through ")
GATEWAYS = {"lies": "public: reachable", "nonsense": "behind NAT, punchable", "rejects": "behind NAT, punchable",
            "late": "public by UPnP"}
EVENTS = ("move", "lease", "redial", "reboot", "flush", "relay", "late", "sleep")
TOLD = 40  # seconds in which the doctor has its verdict
TOLD_LATE = 75  # the same where the router answers late
OFFLINE = 15  # seconds in which a node says that it is connected to nobody
QUIET, IDLE = 90, 60  # seconds until a pair counts as idle, and in which its traffic is counted
CROWD, CROWD_JOINED = 500, 120  # nodes behind one address, and the seconds in which they have joined
IDLE_BYTES, IDLE_PROCESSOR = 20_000, 0.002  # a minute, and a part of a processor
WAIT_LATE, WAIT_SLEEP, WAIT_REBOOT = 35, 40, 20


class Case:
    """An internet of its own, with homes and daemons."""

    def __init__(self, chosen, folder, number):
        self.chosen, self.folder, self.peers = chosen, folder / str(number), []
        self.folder.mkdir()
        self.internet = Internet(f"{chosen.lab}-{number}")

    def peer(self, namespace, name, *flags, ready=True):
        peer = Peer(self.chosen.covey, namespace, name, self.folder, flags, self.chosen.log)
        self.peers.append(peer)
        peer.start(ready)
        return peer

    def close(self):
        for peer in self.peers:
            peer.process.kill()
            peer.process.wait()
        self.internet.remove()

    def seed(self, name="seed", kind="public", relay=True):
        """A node that everybody reaches, and that carries others' connections. Returns its addresses."""
        home = Home(self.internet, name, kind)
        wide = ["/ip4/0.0.0.0"] if kind == "public" else ["/ip4/0.0.0.0", "/ip6/::"]
        listen = [f"{at}/{how}" for at in wide for port in (PORT, 443) for how in (f"tcp/{port}", f"udp/{port}/quic-v1")]
        flags = [word for address in listen for word in ("--listen", address)]
        seed = self.peer(home.host(name), name, *flags, *(["--relay-server"] if relay else []), "--no-upnp")
        peer_id = seed.call("account.show")["peer_id"]
        hows = {"tcp": [f"tcp/{PORT}", "tcp/443"], "quic": [f"udp/{PORT}/quic-v1"]}
        hows["both"] = [f"tcp/{PORT}", f"udp/{PORT}/quic-v1", "tcp/443"]
        places = [f"/ip4/{home.address}"]
        if kind == "public46":
            places.append(f"/ip6/2a10:{home.address.split('.')[1]}::2")
        known = {how: [f"{place}/{word}/p2p/{peer_id}" for place in places for word in words] for how, words in hows.items()}
        return seed, known

    def two(self, first, second, seeds=1, ready=True, seed_kind="public"):
        """Two users and seeds; each has a home."""
        self.seeds = [self.seed(f"seed{number}", seed_kind) for number in range(seeds)]
        homes = [Home(self.internet, f"home-{name}", kind) for name, kind in zip("ab", (first, second))]
        users = []
        for home, name, how in zip(homes, "ab", self.chosen.seed.split("+") * 2):
            flags = [word for _, known in self.seeds for address in known[how] for word in ("--bootstrap", address)]
            if home.kind == "forward":
                for address in (f"tcp/{PORT}", f"udp/{PORT}/quic-v1"):
                    flags += ["--listen", f"/ip4/0.0.0.0/{address}"]
            users.append(self.peer(home.host(name), name, *flags, ready=False))
        if ready:
            for user in users:
                user.ready()
        return homes, users

    def pair(self, homes, users):
        """Invite by account id, accept, first message. Returns seconds, or None."""
        one, other = users
        began = time.monotonic()
        one.call("pair.invite", to=other.account)
        known = lambda at, of: [c for c in at.call("pair.list") if c["contact"] == of.account]
        try:
            until(lambda: any(c["state"] == "pending" for c in known(other, one)), "the invite arrives", FOUND)
            other.call("pair.accept", contact=one.account)
            until(lambda: any(c["confirmed"] for c in known(one, other)), "the answer arrives", FOUND)
        except Failure:
            return None
        if one.deliver(other, FOUND) is None:
            return None
        took = time.monotonic() - began
        self.internet.count(*homes)
        return took

    def way(self, users, hoped="relayed"):
        """Whether messages go direct or through a relay, as counted in the middle; waits a while for what is hoped."""
        end = time.monotonic() + DIRECT
        while True:
            before = self.internet.counted()
            for number in range(4):
                users[0].deliver(users[1], AGAIN, f"{number}" * 4000)
            how = "direct" if self.internet.counted() - before > 12_000 else "relayed"
            if how == hoped or hoped == "relayed" or time.monotonic() > end:
                return how
            time.sleep(1)

    def found(self, first, second):
        homes, users = self.two(first, second)
        took = self.pair(homes, users)
        if took is None:
            return f"no within {FOUND} s (doctor: {users[0].check('reachability')['message']})", False
        hoped = "direct" if self.can_be_direct(first, second) else "relayed"
        how = self.way(users, hoped)
        said = [one.connection_to(other) for one, other in (users, users[::-1])]
        good = took <= SOON and (how == hoped or how == "direct") and said == [how, how]
        notes = "" if how in (hoped, "direct") else ", could be direct"
        notes += "" if said == [how, how] else f", but they say {said[0]} and {said[1]}"
        return f"{took:5.1f} s, {how}{notes}", good

    def can_be_direct(self, first, second):
        return is_direct(first, second)

    def changed(self, first, second, event):
        """What a message takes that is written when the network is whole again."""
        homes, users = self.two(first, second, seeds=2 if event == "relay" else 1, ready=event != "late")
        if event == "late":
            run("ip", "-n", users[0].namespace, "link", "set", "eth0", "down")
            for user in users:
                user.ready()
            time.sleep(WAIT_LATE)
            run("ip", "-n", users[0].namespace, "link", "set", "eth0", "up")
            run("ip", "-n", users[0].namespace, "route", "replace", "default", "via", "192.168.1.1")
            took = self.pair(homes, users)
            return ("no", False) if took is None else (f"{took:5.1f} s", took <= SOON)
        if self.pair(homes, users) is None:
            return f"did not find each other within {FOUND} s", False
        how = self.way(users, "direct" if self.can_be_direct(first, second) else "relayed")
        getattr(self, event)(homes, users)
        took = users[0].deliver(users[1], self.chosen.patience)
        back = users[1].deliver(users[0], self.chosen.patience) if took is not None else None
        if took is None or back is None:
            return f"no message for {self.chosen.patience} s (was {how})", False
        return f"{took:5.1f} s, and back {back:.1f} s (was {how})", took <= SOON and back <= SOON

    def verdict(self, kind, expected, gateway="honest", relay=True):
        """What the doctor and the status say of a home's network."""
        seed_kind = "public46" if kind in ("dual", "six") else "public"
        _, known = self.seed(kind=seed_kind, relay=relay)
        home = Home(self.internet, "home-a", kind, gateway)
        flags = [word for address in known["both"] for word in ("--bootstrap", address)]
        if kind == "forward":
            flags += ["--listen", f"/ip4/0.0.0.0/tcp/{PORT}"]
        user = self.peer(home.host("a"), "a", *flags)
        said = lambda: user.check("reachability")["message"]
        began = time.monotonic()
        try:
            until(lambda: expected in said(), "the verdict", TOLD_LATE if gateway == "late" else TOLD)
        except Failure:
            return f"says: {said()}; not: {expected}", False
        took = time.monotonic() - began
        time.sleep(5)
        status, peers = user.call("node.status"), user.call("node.peers")
        # What the router says falsely is told to nobody; the port that it forwards is found by others.
        if any("/8.8.8.8/" in address for address in status["addresses"]):
            return f"tells the router's lie: {status['addresses']}", False
        wanted = "public" if expected.startswith("public") else "private"
        agree = status["network"] == said() and expected in said() and (
            status["reachability"] == wanted or wanted == "private" and status["reachability"] == "unknown")
        if not agree:
            return f"{said()}, but status: {status['network']}, {status['reachability']}", False
        # A node alone with its seed and the relays that it names is connected to these, directly.
        named = [peer for peer in peers if peer["peer_id"][:12] in said()]
        agree = len(peers) == status["peers"] and not any(peer["relayed"] for peer in peers) and (
            len(named) == (1 if ", through " in said() else 0))
        told = said().split(", through")[0] if agree else f"{said()}, but peers: {peers}"
        return f"{took:5.1f} s, {told}", agree

    def offline(self):
        """A node that loses the only other one says so, and takes it back."""
        homes, users = self.two("drop", "drop")
        said = lambda: users[0].call("node.status")["offline"]
        events = lambda: [e["data"] for e in users[0].call("events.fetch", kinds=["network"])["events"]]
        until(lambda: said() is None, "it is connected", SOON)
        before = len(events())
        homes[0].off()
        began = time.monotonic()
        until(lambda: len(events()) > before, "an event says so", OFFLINE + 5)
        took, words, event = time.monotonic() - began, said(), events()[-1]
        agree = event["offline"] == words and not event["online"] and users[0].call("node.peers") == []
        homes[0].on()
        until(lambda: said() is None and events()[-1]["online"], "it takes it back", SOON + 10)
        good = took <= OFFLINE and "not connected to anybody since" in words and "bootstrap node" in words and agree
        return f"{took:5.1f} s, {words[:100]}" + ("" if agree else f"; the event: {event}"), good

    def idle(self, first, second):
        """What a pair costs that says nothing, with two relays."""
        homes, users = self.two(first, second, seeds=2)
        if self.pair(homes, users) is None:
            return "did not find each other", False
        how = self.way(users, "direct" if self.can_be_direct(first, second) else "relayed")
        time.sleep(QUIET)
        self.internet.count_of(homes[0])
        processor = users[0].processor_time()
        time.sleep(IDLE)
        counted = self.internet.counted() * 60 / IDLE
        used = (users[0].processor_time() - processor) / IDLE
        good = counted <= IDLE_BYTES and used <= IDLE_PROCESSOR
        return f"{counted / 1000:5.1f} kB a minute, {used * 100:.2f} % of a processor (was {how})", good

    def crowd(self):
        """Hundreds of nodes behind one address join one seed, and while others flood it two users still meet."""
        program = pathlib.Path(self.chosen.covey).parent / "examples" / "crowd"
        if not program.exists():
            return f"skipped: there is no {program}", True
        home = Home(self.internet, "seed", "public")
        seed = SeedPeer(self.chosen.covey, home.host("seed"), "seed", self.folder, [], self.chosen.log)
        self.peers.append(seed)
        seed.start()
        address = f"/ip4/{home.address}/tcp/{PORT}/p2p/{seed.peer_id}"
        office = Home(self.internet, "office", "drop")
        began = time.monotonic()
        crowd = subprocess.Popen(["ip", "netns", "exec", office.host("office-pc"), program, address, str(CROWD), str(CROWD_JOINED)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            said = crowd.stdout.readline().strip()
            took = time.monotonic() - began
            flood = self.flood(home.address)
            try:
                time.sleep(3)
                homes = [Home(self.internet, f"home-{name}", "drop") for name in "ab"]
                users = [self.peer(home.host(name), name, "--bootstrap", address) for home, name in zip(homes, "ab")]
                met = self.pair(homes, users)
            finally:
                flood.terminate()
                dialed = flood.communicate()[0].strip()
        finally:
            crowd.stdin.close()
            crowd.kill()
            crowd.wait()
        memory = seed.memory_now()
        good = said == f"{CROWD} joined, {CROWD} with a place" and met is not None
        met = "nobody met" if met is None else f"two met in {met:.1f} s"
        return f"{said} in {took:.0f} s, seed {memory:.0f} MiB; {met} while {dialed}", good

    def flood(self, target):
        """Many addresses connect to one node as fast as they can."""
        crowd = Home(self.internet, "crowd", "public")
        for number in range(1, self.chosen.strangers + 1):
            run("ip", "-n", crowd.router, "address", "add", f"46.{number}.0.1/32", "dev", "lo")
            run("ip", "-n", self.internet.hub, "route", "add", f"46.{number}.0.0/16", "via", crowd.address)
        return subprocess.Popen(["ip", "netns", "exec", crowd.router, sys.executable, __file__, "--flood", target,
                                 str(self.chosen.strangers)], stdout=subprocess.PIPE, text=True)

    def move(self, _, users):
        """A carries the machine to another home."""
        run("ip", "-n", users[0].namespace, "link", "delete", "eth0")
        time.sleep(5)
        Home(self.internet, "home-c", "drop").plug(users[0].namespace, 77)

    def lease(self, homes, users):
        homes[0].lease(users[0].namespace)

    def redial(self, homes, _):
        self.internet.renumber(homes[0])
        homes[0].forget()

    def reboot(self, homes, _):
        homes[0].off()
        time.sleep(WAIT_REBOOT)
        homes[0].on()

    def flush(self, homes, _):
        homes[0].forget()

    def relay(self, _, users):
        """The seed by which A writes to B vanishes for good; if they are connected directly, one of the two."""
        way = next((peer["address"] for peer in users[0].call("node.peers") if peer.get("contact") == users[1].account), "")
        names = {known["both"][0].rsplit("/", 1)[1]: seed for seed, known in self.seeds}
        used = next((seed for name, seed in names.items() if f"/{name}/p2p-circuit" in way), self.seeds[0][0])
        used.process.send_signal(19)

    def sleep(self, _, users):
        users[0].process.send_signal(19)
        time.sleep(WAIT_SLEEP)
        users[0].process.send_signal(18)

    def strangers(self):
        """A contact connects while a hundred addresses dial; it cannot be dialled itself."""
        alice_home, bob_home = Home(self.internet, "alice", "public"), Home(self.internet, "bob", "deaf")
        alice = self.peer(alice_home.host("alice"), "alice", "--listen", f"/ip4/0.0.0.0/tcp/{PORT}", "--no-mdns", "--no-upnp")
        address = f"/ip4/{alice_home.address}/tcp/{PORT}/p2p/{alice.call('account.show')['peer_id']}"
        bob = self.peer(bob_home.host("bob"), "bob", "--bootstrap", address, "--no-mdns", "--no-upnp")
        took = self.pair((bob_home, alice_home), (bob, alice))
        if took is None:
            return "the contacts do not find each other", False
        flood = self.flood(alice_home.address)
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


def cases(chosen):
    """Name and what to do with a case, for all that were chosen."""
    pairs = [("drop", "drop"), ("drop", "random"), ("reject", "drop"), ("public", "drop"), ("cgnat", "firewall"),
             ("random", "cgnat-random"), ("tcp-443", "no-udp"), ("upnp", "drop")]
    changes = [("drop", "drop", "move"), ("random", "random", "redial"), ("random", "random", "relay"),
               ("drop", "drop", "lease")]
    if chosen.whole:
        pairs = list(itertools.combinations_with_replacement(KINDS, 2))
        changes = [(kind, kind, event) for kind in ("drop", "random") for event in EVENTS]
    if "quic" in chosen.seed.split("+"):
        pairs = [pair for pair in pairs if not set(pair) & set(WITHOUT_UDP)]
    for a, b in pairs:
        yield f"{a} -> {b}", lambda case, a=a, b=b: case.found(a, b)
    for a, b, event in changes:
        yield f"{a} -> {b}, {event}", lambda case, a=a, b=b, event=event: case.changed(a, b, event)
    if chosen.whole:
        for kind, expected in VERDICTS.items():
            yield f"verdict: {kind}", lambda case, kind=kind, expected=expected: case.verdict(kind, expected)
        for manner, expected in GATEWAYS.items():
            yield (f"verdict: upnp that {manner}" if manner.endswith("s") else f"verdict: upnp {manner}",
                   lambda case, manner=manner, expected=expected: case.verdict("upnp", expected, manner))
        yield "crowd", lambda case: case.crowd()
        nobody = "unreachable because nobody outside could reach this node, and no relay is known"
        yield "verdict: reject without a relay", lambda case: case.verdict("reject", nobody, relay=False)
        # Whoever can be reached holds no places on relays, and pays for what it does for others.
        for kind in (kind for kind in KINDS if kind not in REACHABLE):
            yield f"idle: {kind}", lambda case, kind=kind: case.idle(kind, kind)
    yield "verdict: offline", lambda case: case.offline()
    # How long it takes to get through a crowd depends on what else this machine does.
    if chosen.whole or "strangers" in chosen.only:
        yield "strangers", lambda case: case.strangers()


def tried(chosen, folder, number, name, what):
    """Does a case; returns its name, what came of it, and whether that is good."""
    try:
        case = Case(chosen, folder, number)
        try:
            outcome, good = what(case)
        finally:
            case.close()
    except (Failure, Refused, Unanswered, OSError) as error:
        outcome, good = str(error), False
    return name, outcome, good


def main():
    parser = argparse.ArgumentParser(prog="scripts/nat-lab.sh")
    parser.add_argument("covey")
    parser.add_argument("lab")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", choices=["tcp", "quic", "both", "tcp+quic"], default="both")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--strangers", type=int, default=100)
    parser.add_argument("--patience", type=int, default=AGAIN)
    parser.add_argument("--log", default="info")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="covey-nat-lab."))
    print(f"{chosen.covey}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    wrong, began = [], time.monotonic()
    picked = [(name, what) for name, what in cases(chosen) if any(word in name for word in chosen.only.split("|"))]
    with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
        runs = {pool.submit(tried, chosen, folder, number, name, what): number
                for number, (name, what) in enumerate(picked, 1)}
        for done in concurrent.futures.as_completed(runs):
            name, outcome, good = done.result()
            print(f"{'' if good else 'WRONG '}{name:28} {outcome}", flush=True)
            if not good:
                wrong.append(f"{name} (case {runs[done]}): {outcome}")
    if wrong or chosen.keep:
        print(f"logs and data are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    for line in wrong:
        print(f"WRONG     {line}")
    minutes = (time.monotonic() - began) / 60
    print(f"{'FAILED' if wrong else 'passed'}: {len(picked) - len(wrong)} of {len(picked)} in {minutes:.0f} min", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--flood"]:
        asyncio.run(flood(sys.argv[2], int(sys.argv[3])))
    else:
        sys.exit(main())
