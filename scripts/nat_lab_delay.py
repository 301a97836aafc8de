"""Delays packets in the middle of scripts/nat-lab.sh: takes them from an interface and puts them back a moment later.

A program instead of `tc netem`, which not every kernel has.
"""

import collections
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
TUN, WITHOUT_HEADER = 0x0001, 0x1000
MOST = 20_000  # packets on their way


def main(delay):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"slow", TUN | WITHOUT_HEADER))
    subprocess.run(["ip", "link", "set", "slow", "up", "mtu", "1500", "txqueuelen", "10000"], check=True)
    print("up", flush=True)
    waiting = collections.deque()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([tun], [], [], timeout)
        now = time.monotonic()
        if readable:
            try:
                for _ in range(64):
                    packet = os.read(tun, 65_535)
                    if len(waiting) < MOST:
                        waiting.append((now + delay, packet))
            except BlockingIOError:
                pass
        while waiting and waiting[0][0] <= now:
            try:
                os.write(tun, waiting.popleft()[1])
            except OSError:
                pass  # a packet that cannot be routed is lost


if __name__ == "__main__":
    main(float(sys.argv[1]))
