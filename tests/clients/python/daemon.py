"""A daemon in a directory of its own, and waiting for what it does."""

import json
import os
import subprocess
import time

PATIENCE = 60
LOOK_AGAIN = 0.02


def eventually(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(LOOK_AGAIN)
    raise AssertionError(f"never: {what}")


class Daemon:
    """Listens on the same port for clients at each start."""

    def __init__(self, covey, base, name):
        self.covey, self.name, self.port = covey, name, 0
        self.data, self.log = base / name, (base / f"{name}.log").open("ab")
        self.process = None

    def environment(self, **settings):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("COVEY_")}
        # Nothing outside of the directory of the test is read or written.
        return {**clean, "HOME": str(self.data.parent), **settings}

    def start(self, arguments=(), **settings):
        command = [self.covey, "--data-dir", self.data, "daemon", "--no-mdns", "--no-upnp"]
        command += [*arguments, "--listen", "/ip4/127.0.0.1/tcp/0", "--rpc-listen", f"127.0.0.1:{self.port}"]
        env = self.environment(**settings)
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=self.log, text=True)
        if not any(line.startswith("ready ") for line in self.process.stdout):
            raise AssertionError(f"{self.name} did not get ready")
        self.port = int(self.url().split(":")[2].split("/")[0])

    def url(self):
        return json.loads((self.data / "rpc.json").read_text())["url"]

    def token(self):
        return (self.data / "rpc.cookie").read_text().strip()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, *args):
        command = [self.covey, "--data-dir", self.data, *args]
        return subprocess.run(command, env=self.environment(), check=True, capture_output=True, text=True).stdout
