"""JSON-RPC 2.0 over a WebSocket, as any bot would write it: a stock library and a token."""

import json

from websockets.sync.client import connect

from daemon import PATIENCE


class Rpc:
    """One connection. Raises OSError or websockets' ConnectionClosed when it breaks."""

    def __init__(self, data_dir):
        place = json.loads((data_dir / "rpc.json").read_text())
        token = (data_dir / "rpc.cookie").read_text().strip()
        url = place["url"].replace("http://", "ws://").rstrip("/")
        url = url if url.endswith("/rpc") else f"{url}/rpc"
        headers = {"Authorization": f"Bearer {token}"}
        self.socket = connect(url, additional_headers=headers, proxy=None, open_timeout=PATIENCE)
        self.number = 0
        self.events = []

    def call(self, method, **params):
        """Asks and waits for the answer; events that come meanwhile are kept for `event`."""
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.socket.send(json.dumps(request))
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE))
            if message.get("method") == "events.event":
                self.events.append(message["params"]["result"])
            elif message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def event(self):
        """The next event of a subscription."""
        while not self.events:
            message = json.loads(self.socket.recv(timeout=None))
            if message.get("method") == "events.event":
                self.events.append(message["params"]["result"])
        return self.events.pop(0)

    def close(self):
        self.socket.close()
