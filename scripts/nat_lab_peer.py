"""A daemon in a namespace of scripts/nat-lab.sh, and what is asked of it."""

import json
import os
import subprocess
import time

from lab import Failure, Node, Unanswered, until


class Peer(Node):
    """A daemon, started as README says."""

    def __init__(self, covey, namespace, name, folder, flags, log):
        self.covey, self.namespace, self.name, self.log = covey, namespace, name, log
        self.folder, self.flags = folder / name, flags
        self.log_file = open(folder / f"{name}.log", "ab")
        self.process, self.processor, self.memory = None, 0.0, 0.0

    def start(self, ready=True):
        command = ["ip", "netns", "exec", self.namespace, self.covey, "daemon", "--data-dir", self.folder,
                   "--rpc-listen", "off", *self.flags]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file,
                                        start_new_session=True, env={**os.environ, "COVEY_LOG": self.log})
        if ready:
            self.ready()

    def ready(self):
        until(self.is_up, f"{self.name} answers")

    def deliver(self, to, patience, text="are you there?"):
        """Seconds until the other has a message, or None."""
        began = time.monotonic()
        sent = self.call("message.send", to=to.account, text=text)["id"]
        while time.monotonic() - began < patience:
            try:
                if self.call("message.show", id=sent)["state"] not in ("queued", "kept"):
                    return time.monotonic() - began
            except Unanswered:
                pass
            time.sleep(0.05)
        return None

    def connection_to(self, other):
        """What this node says of how it is connected to a contact: direct, relayed, or nothing."""
        for peer in self.call("node.peers"):
            if peer.get("contact") == other.account:
                return "relayed" if peer["relayed"] else "direct"
        return "not connected"

    def check(self, name):
        return next(c for c in self.call("node.doctor")["checks"] if c["name"] == name)

    def processor_time(self):
        """Seconds since its start."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_now(self):
        """MiB in use."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


class SeedPeer(Peer):
    """`covey seed`, which has no interface to ask: it says what it is at its start."""

    def start(self, ready=True):
        command = ["ip", "netns", "exec", self.namespace, self.covey, "seed", "--json", "--data-dir", self.folder, *self.flags]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log_file,
                                        start_new_session=True, text=True, env={**os.environ, "COVEY_LOG": self.log})
        said = json.loads(self.process.stdout.readline() or "{}")
        if "peer_id" not in said:
            raise Failure(f"{self.name} does not start")
        self.peer_id, self.addresses = said["peer_id"], said["addresses"]
