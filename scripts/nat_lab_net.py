"""The internet of scripts/nat-lab.sh: a router in the middle, and homes of every kind around it."""

import json
import pathlib
import subprocess
import sys
import time

from lab import run

HERE = pathlib.Path(__file__).parent
DELAY = 0.020  # seconds from any home to any other; a round trip takes twice that
PORT = 7421

KINDS = ("public", "firewall", "cone", "forward", "upnp", "open", "drop", "reject", "cgnat", "no-udp", "random",
         "cgnat-random", "tcp-443")
# A host on the internet reaches these without their help.
REACHABLE = ("public", "cone", "forward", "upnp")
# Each connection gets a port of its own: nobody can know it beforehand.
SYMMETRIC = ("random", "cgnat-random")
WITHOUT_UDP = ("no-udp", "tcp-443")

# What a router does with what it was not asked for.
UNKNOWN = dict.fromkeys(("drop", "random", "firewall", "deaf", "forward", "upnp", "cgnat", "cgnat-random", "no-udp",
                         "tcp-443"), "drop") | {"reject": "meta l4proto tcp reject with tcp reset; reject"}


def nft(namespace, rules):
    run("ip", "netns", "exec", namespace, "nft", "-f", "-", text=rules)


def is_direct(one, other):
    """Whether two kinds can have a direct connection, if need be by punching holes."""
    kinds = {one, other}
    if "tcp-443" in kinds:
        return False  # it may only go to ports where nobody is who could be punched
    if kinds & set(REACHABLE):
        return True
    return not kinds & set(SYMMETRIC)


class Internet:
    """A router in the middle; sites with public addresses around it: 45.SITE.0.2 and 2a10:SITE::2 each."""

    def __init__(self, lab):
        self.lab, self.hub, self.sites = lab, f"{lab}-hub", 0
        self.namespaces, self.helpers = [], []
        self.make(self.hub, forwards=True)
        nft(self.hub, "table inet count {\nchain forward { type filter hook forward priority 0; }\n}\n")
        self.slow_down()

    def slow_down(self):
        """What comes from a home is handed to a program that puts it back a moment later."""
        self.help(self.hub, HERE / "nat_lab_delay.py", str(DELAY))
        for family in ("-4", "-6"):
            run("ip", "-n", self.hub, family, "route", "add", "default", "dev", "slow", "table", "100")

    def help(self, namespace, *command):
        """Starts a Python program in a namespace and waits for its first line."""
        command = ["ip", "netns", "exec", namespace, sys.executable, *map(str, command)]
        helper = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.helpers.append(helper)
        helper.stdout.readline()
        return helper

    def make(self, namespace, forwards=False):
        run("ip", "netns", "add", namespace)
        self.namespaces.append(namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        if forwards:
            settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0",
                        "net.ipv4.conf.default.rp_filter=0"]
            run("ip", "netns", "exec", namespace, "sysctl", "-qw", *settings)
        return namespace

    def link(self, one, its, other, name, address):
        """A cable: `its` at one end, `name` with an address at the other."""
        run("ip", "-n", one, "link", "add", its, "type", "veth", "peer", "name", name, "netns", other)
        run("ip", "-n", one, "link", "set", its, "up")
        if address:
            run("ip", "-n", other, "address", "add", address, "dev", name)
        run("ip", "-n", other, "link", "set", name, "up")

    def site(self, namespace, families="4"):
        """Connects a namespace; returns its public address."""
        self.sites += 1
        site = self.sites
        self.link(self.hub, f"w{site}", namespace, "wan", f"45.{site}.0.2/24" if "4" in families else None)
        run("ip", "-n", self.hub, "address", "add", f"45.{site}.0.1/24", "dev", f"w{site}")
        for family in ("-4", "-6"):
            run("ip", "-n", self.hub, family, "rule", "add", "iif", f"w{site}", "lookup", "100", "priority", "100")
        if "4" in families:
            run("ip", "-n", namespace, "route", "add", "default", "via", f"45.{site}.0.1")
        if "6" in families:
            run("ip", "-n", self.hub, "address", "add", f"2a10:{site}::1/64", "dev", f"w{site}", "nodad")
            run("ip", "-n", namespace, "address", "add", f"2a10:{site}::2/64", "dev", "wan", "nodad")
            run("ip", "-n", namespace, "-6", "route", "add", "default", "via", f"2a10:{site}::1")
        return f"45.{site}.0.2"

    def renumber(self, home):
        """The provider gives a router another address."""
        site = home.address.split(".")[1]
        run("ip", "-n", home.edge, "address", "flush", "dev", "wan")
        home.address = f"45.{site}.0.3" if home.address.endswith(".2") else f"45.{site}.0.2"
        run("ip", "-n", home.edge, "address", "add", f"{home.address}/24", "dev", "wan")
        run("ip", "-n", home.edge, "route", "add", "default", "via", f"45.{site}.0.1")

    def count(self, one, other):
        """Counts from now on what goes between two sites."""
        sites = [home.address.split(".")[1] for home in (one, other)]
        rules = ""
        for a, b in (sites, sites[::-1]):
            rules += f"add rule inet count forward iifname slow ip saddr 45.{a}.0.0/16 ip daddr 45.{b}.0.0/16 counter\n"
            rules += f"add rule inet count forward iifname slow ip6 saddr 2a10:{a}::/32 ip6 daddr 2a10:{b}::/32 counter\n"
        nft(self.hub, "flush chain inet count forward\n" + rules)

    def count_of(self, home):
        """Counts from now on everything that one site sends and gets."""
        site = home.address.split(".")[1]
        nft(self.hub, "flush chain inet count forward\n"
                      f"add rule inet count forward iifname slow ip saddr 45.{site}.0.0/16 counter\n"
                      f"add rule inet count forward iifname slow ip daddr 45.{site}.0.0/16 counter\n")

    def counted(self):
        listed = run("ip", "netns", "exec", self.hub, "nft", "-j", "list", "ruleset")
        parts = [part for one in json.loads(listed)["nftables"] if "rule" in one for part in one["rule"]["expr"]]
        return sum(part["counter"]["bytes"] for part in parts if "counter" in part)

    def remove(self):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        for namespace in self.namespaces:
            run("ip", "netns", "delete", namespace)


class Home:
    """A place where hosts are: behind a router of some kind, or with public addresses."""

    def __init__(self, internet, name, kind, gateway="honest"):
        self.internet, self.kind, self.plugs, self.number = internet, kind, 0, 10
        self.router = self.edge = internet.make(f"{internet.lab}-{name}", forwards=True)
        self.carrier = None
        if kind.startswith("cgnat"):
            # The provider's own router, with a public address for many customers.
            self.edge = self.carrier = internet.make(f"{internet.lab}-{name}-isp", forwards=True)
            internet.link(self.carrier, "customer", self.router, "wan", "100.64.0.2/24")
            run("ip", "-n", self.carrier, "address", "add", "100.64.0.1/24", "dev", "customer")
            run("ip", "-n", self.router, "route", "add", "default", "via", "100.64.0.1")
        families = {"dual": "46", "six": "6", "public46": "46"}.get(kind, "4")
        self.address = internet.site(self.edge, families)
        self.is_nat = kind not in ("public", "public46", "six", "firewall", "deaf")
        if self.is_nat:
            run("ip", "-n", self.router, "link", "add", "lan", "type", "bridge")
            run("ip", "-n", self.router, "address", "add", "192.168.1.1/24", "dev", "lan")
            run("ip", "-n", self.router, "link", "set", "lan", "up")
        self.rules()
        if kind == "upnp":
            self.gateway(gateway)

    def gateway(self, manner):
        """The router answers UPnP, in a manner that nat_lab_upnp.py knows."""
        return self.internet.help(self.router, HERE / "nat_lab_upnp.py", self.address, manner)

    def rules(self):
        """(Re)starts the firewall and the translation of addresses."""
        if self.carrier:
            nft(self.carrier, rules_of("drop", self.kind.replace("cgnat", "drop").replace("drop-random", "random"), "customer"))
        kind = "drop" if self.carrier else self.kind
        if kind not in ("public", "public46", "six"):
            nft(self.router, rules_of(kind, kind, "lan"))

    def host(self, name):
        """A namespace for a host here."""
        if not self.is_nat:
            return self.router
        namespace = self.internet.make(f"{self.internet.lab}-{name}")
        self.plug(namespace, self.number)
        return namespace

    def plug(self, namespace, number):
        self.plugs += 1
        self.internet.link(self.router, f"p{self.plugs}", namespace, "eth0", f"192.168.1.{number}/24")
        run("ip", "-n", self.router, "link", "set", f"p{self.plugs}", "master", "lan")
        run("ip", "-n", namespace, "route", "add", "default", "via", "192.168.1.1")
        if self.kind == "dual":
            site = self.address.split(".")[1]
            run("ip", "-n", namespace, "address", "add", f"2a10:{site}:0:1::{number}/64", "dev", "eth0", "nodad")
            if self.plugs == 1:
                run("ip", "-n", self.router, "address", "add", f"2a10:{site}:0:1::1/64", "dev", "lan", "nodad")
                run("ip", "-n", self.internet.hub, "-6", "route", "add", f"2a10:{site}:0:1::/64", "via", f"2a10:{site}::2")
            run("ip", "-n", namespace, "-6", "route", "add", "default", "via", f"2a10:{site}:0:1::1")

    def lease(self, namespace):
        """The router gives a host another address."""
        self.number += 1
        run("ip", "-n", namespace, "address", "flush", "dev", "eth0", "scope", "global")
        run("ip", "-n", namespace, "address", "add", f"192.168.1.{self.number}/24", "dev", "eth0")
        run("ip", "-n", namespace, "route", "add", "default", "via", "192.168.1.1")

    def forget(self):
        """The routers lose what they knew of connections."""
        for router in filter(None, (self.router, self.carrier)):
            run("ip", "netns", "exec", router, "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0")
            nft(router, "flush ruleset")
            forget_connections(router)
        self.rules()

    def off(self):
        """The router has no power."""
        run("ip", "-n", self.edge, "link", "set", "wan", "down")

    def on(self):
        """It is back, and knows of nothing."""
        site = self.address.split(".")[1]
        run("ip", "-n", self.edge, "link", "set", "wan", "up")
        run("ip", "-n", self.edge, "route", "replace", "default", "via", f"45.{site}.0.1")
        self.forget()


def forget_connections(namespace):
    """As `conntrack -F`, which is not everywhere: a netlink message to the kernel."""
    code = ("import socket, struct\n"
            "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)\n"
            "s.send(struct.pack('=IHHII', 20, (1 << 8) | 2, 5, 1, 0) + struct.pack('=BBH', 0, 0, 0))\n"
            "print(struct.unpack('=i', s.recv(4096)[16:20])[0])\n")
    done = run("ip", "netns", "exec", namespace, sys.executable, "-c", code).strip()
    if done != "0":
        raise RuntimeError(f"the kernel does not forget connections: {done}")


def rules_of(kind, translates, inside):
    """Firewall by kind, translation of addresses by `translates`."""
    # A TCP connection from outside looks known when one is tried from inside at that moment.
    opened = "tcp flags & (syn | ack) == syn iifname wan drop; " if kind == "deaf" else ""
    known = opened + f"ct state established,related accept; iifname {{ {inside}, lo }} accept; ip protocol icmp accept; " \
                     "meta l4proto ipv6-icmp accept; ct status dnat accept; "
    if kind == "dual":
        known += "meta nfproto ipv6 accept; "
    outward = ""
    if kind in WITHOUT_UDP:
        outward = "iifname lan meta l4proto udp drop; "
    if kind == "tcp-443":
        outward += "iifname lan tcp dport != 443 drop; "
    unknown = UNKNOWN.get(kind, "accept" if kind in ("open", "cone") else "drop")
    rules = "flush ruleset\ntable inet filter {\n" \
            f"chain input {{ type filter hook input priority 0; {known} {unknown}; }}\n" \
            f"chain forward {{ type filter hook forward priority 0; {outward} {known} {unknown}; }}\n}}\n"
    if kind in ("firewall", "deaf"):
        return rules
    how = "masquerade fully-random" if translates == "random" else "masquerade"
    inward = ""
    if kind == "cone":
        inward = "iifname wan meta l4proto { tcp, udp } dnat to 192.168.1.10;"
    if kind == "forward":
        inward = f"iifname wan meta l4proto {{ tcp, udp }} th dport {PORT} dnat to 192.168.1.10;"
    rules += f"table ip nat {{\nchain outward {{ type nat hook postrouting priority 100; oifname wan {how}; }}\n" \
             f"chain inward {{ type nat hook prerouting priority -100; {inward} }}\n" \
             "chain upnp { type nat hook prerouting priority -90; }\n}\n"
    return rules
