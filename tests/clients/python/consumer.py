"""A bot that is killed at any moment: it follows the journal as a consumer, writes down each event, then acknowledges it.

    consumer.py DATA_DIR LOG

Every line of LOG is {"start": number}, {"event": cursor, "kind": ..., "text": ...} or {"acked": cursor}.
"""

import json
import os
import pathlib
import sys
import time

from websockets.exceptions import WebSocketException

from rpc import Rpc

NAME = "bot"
LOOK_AGAIN = 0.05


def follow(data_dir, note):
    rpc = Rpc(data_dir)
    rpc.call("events.subscribe", consumer=NAME)
    note({"start": os.getpid()})
    while True:
        event = rpc.event()
        if event["cursor"] is None:
            continue
        text = event["data"].get("text") if event["kind"] == "message.received" else None
        note({"event": event["cursor"], "kind": event["kind"], "text": text})
        rpc.call("events.ack", consumer=NAME, cursor=event["cursor"])
        note({"acked": event["cursor"]})


def main():
    data_dir, log = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    with log.open("ab", buffering=0) as out:
        # A line that a kill cut short stays apart from the next one.
        out.write(b"\n")
        while True:
            try:
                follow(data_dir, lambda line: out.write(json.dumps(line).encode() + b"\n"))
            except (OSError, WebSocketException, json.JSONDecodeError):
                # The daemon is away, or just coming back.
                time.sleep(LOOK_AGAIN)


main()
