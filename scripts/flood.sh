#!/usr/bin/env bash
# A stranger floods a node while a contact of it measures round trips: quiet first, then under the flood.
#
#   scripts/flood.sh [SECONDS [WORKERS]]     60 seconds and 24 identities at a time unless told
#
# A round trip: a contact sends a message and waits until it knows that the node has it durably. Prints the median and
# the 95th percentile of both, their ratios, and the most memory the node took. Fails when a round trip takes more than
# 30 s, when the node takes 200 MiB or more, or when the median is doubled.
# COVEY=path/to/covey measures that one instead of building this tree. The flood runs on the same machine, niced.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${1:-60}
workers=${2:-24}
case $seconds$workers in
    *[!0-9]* | '') sed -n '2,/^set /{s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
if [ "$seconds" -gt 600 ] || [ "$workers" -gt 200 ]; then
    printf 'scripts/flood.sh: at most 600 seconds and 200 workers\n' >&2
    exit 2
fi
for name in $(compgen -e | grep '^COVEY_' || true); do unset "$name"; done

target=${CARGO_TARGET_DIR:-$root/target}
covey=${COVEY:-}
cd "$root"
if [ -z "$covey" ]; then
    cargo build --locked --quiet
    covey=$target/debug/covey
fi
cargo build --locked --quiet --package covey-overlay --example flood

exec timeout --kill-after 10 $((seconds + 240)) python3 - "$covey" "$target/debug/examples/flood" "$seconds" "$workers" <<'PYTHON'
import http.client, json, os, pathlib, shutil, signal, statistics, subprocess, sys, tempfile, threading, time
from urllib.parse import urlparse

covey, flood, seconds, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
QUIET, PATIENCE, LARGEST, WORST = 15, 30, 200, 2.0


class Node:
    def __init__(self, folder, *flags):
        self.folder = folder
        command = [covey, "daemon", "--data-dir", folder, "--rpc-listen", "127.0.0.1:0", "--no-mdns", "--no-upnp",
                   "--listen", "/ip4/127.0.0.1/tcp/0", *flags]
        self.log = open(folder + ".log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(lambda: self.up(), "a node does not start; see " + folder + ".log")

    def up(self):
        try:
            where = json.loads(pathlib.Path(self.folder, "rpc.json").read_text())["url"]
            self.cookie = pathlib.Path(self.folder, "rpc.cookie").read_text().strip()
            self.http = http.client.HTTPConnection(urlparse(where).netloc, timeout=PATIENCE)
            self.call("account.show")
            return True
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return False

    def call(self, method, **params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        headers = {"Authorization": "Bearer " + self.cookie, "Content-Type": "application/json"}
        self.http.request("POST", "/rpc", body, headers)
        answer = json.loads(self.http.getresponse().read())
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    def memory(self, field):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        return 0.0

    def processor(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def until(holds, otherwise, patience=60):
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("scripts/flood.sh: " + otherwise)
        time.sleep(0.05)


def round_trips(node, to, duration):
    took, end = [], time.monotonic() + duration
    while time.monotonic() < end:
        began = time.monotonic()
        sent = node.call("message.send", to=to, text=f"round trip {len(took)}")["id"]
        while node.call("message.show", id=sent)["state"] == "queued":
            if time.monotonic() - began > PATIENCE:
                raise SystemExit(f"scripts/flood.sh: a message was not delivered within {PATIENCE} s")
            time.sleep(0.001)
        took.append((time.monotonic() - began) * 1000)
        time.sleep(0.05)
    return took


def told(name, took):
    median, late = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    print(f"{name:8} {len(took):4} round trips, median {median:8.1f} ms, 95 % within {late:8.1f} ms", flush=True)
    return median, late


folder = tempfile.mkdtemp(prefix="covey-flood.")
nodes, flooder = [], None
try:
    alice = Node(folder + "/alice")
    nodes.append(alice)
    bob = Node(folder + "/bob")
    nodes.append(bob)
    alice_id, bob_id = (node.call("account.show")["account"] for node in nodes)
    bob.call("pair.invite", to=alice.call("account.ticket")["ticket"])
    state = lambda node, of: [c for c in node.call("pair.list") if c["contact"] == of]
    until(lambda: any(c["state"] == "pending" for c in state(alice, bob_id)), "the invite does not arrive")
    alice.call("pair.accept", contact=bob_id)
    until(lambda: all(any(c["confirmed"] for c in state(*who)) for who in [(alice, bob_id), (bob, alice_id)]),
          "the two do not pair")
    shown = subprocess.run([covey, "--data-dir", alice.folder, "--quiet", "account", "show"],
                           check=True, capture_output=True, text=True).stdout
    address = next(line.split()[1] for line in shown.splitlines() if line.startswith("address"))

    print(f"{covey}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    round_trips(bob, alice_id, 3)
    quiet = told("quiet", round_trips(bob, alice_id, QUIET))
    before, worked = alice.memory("VmRSS"), alice.processor()
    flooder = subprocess.Popen(["nice", "-n", "10", flood, address, str(seconds), workers], stdout=subprocess.PIPE, text=True)
    samples, over = [], threading.Event()

    def sample():
        while not over.wait(0.2):
            samples.append(alice.memory("VmRSS"))

    sampler = threading.Thread(target=sample)
    sampler.start()
    flooded = told("flooded", round_trips(bob, alice_id, seconds))
    worked = alice.processor() - worked
    over.set()
    sampler.join()
    print("flood   ", flooder.communicate(timeout=60)[0].strip())
    calm = told("after", round_trips(bob, alice_id, 5))
    most = max(samples + [alice.memory("VmHWM")])
    print(f"ratio    median {flooded[0] / quiet[0]:.2f}, 95 % {flooded[1] / quiet[1]:.2f}, afterwards {calm[0] / quiet[0]:.2f}")
    print(f"node     {before:.0f} MiB before, {most:.0f} MiB at most, {alice.memory('VmRSS'):.0f} MiB after; "
          f"{100 * worked / seconds:.0f} % of a processor under the flood")
    failed = [what for what, is_so in [("the median is doubled", flooded[0] >= WORST * quiet[0]),
                                       ("the node took 200 MiB", most >= LARGEST)] if is_so]
    if failed:
        raise SystemExit("FAILED: " + " and ".join(failed))
    print("passed")
finally:
    if flooder and flooder.poll() is None:
        flooder.kill()
    for node in nodes:
        node.end()
    shutil.rmtree(folder, ignore_errors=True)
PYTHON
