"""A client made from the documents alone: every function of it is a method of the OpenRPC document, every event is held
against the AsyncAPI document. Knows no method and no event by itself."""

import json
import queue
import re
import threading

from jsonschema import Draft7Validator
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PATIENCE = 60


class Refused(Exception):
    """An error object. `reason` is its stable string."""

    def __init__(self, method, error):
        super().__init__(f"{method}: {error['message']}")
        self.code, self.data = error["code"], error.get("data") or {}
        self.reason = self.data.get("reason")


class Documents:
    """What the two documents say."""

    def __init__(self, openrpc, asyncapi):
        self.openrpc, self.asyncapi = openrpc, asyncapi
        self.methods = {method["name"]: method for method in openrpc["methods"]}
        self.kinds = asyncapi["components"]["messages"]
        self.common = set(openrpc["x-errors"]["common"])
        self.changing = set(openrpc["x-errors"]["changing"])
        self.server = next(one for one in openrpc["servers"] if one["url"].startswith("ws:"))
        self.seen_kinds, self.called = {}, {}
        self.codes = {error["reason"]: error["code"] for error in openrpc["x-errors"]["reasons"]}

    def check(self, document, schema, value, what):
        """Validates against a schema of one of the documents, references and all."""
        whole = {**(schema if isinstance(schema, dict) else {}), "components": document["components"]}
        errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in Draft7Validator(whole).iter_errors(value)]
        assert not errors, f"{what}: {errors[:3]}"

    def takes(self, schema, value):
        whole = {**(schema if isinstance(schema, dict) else {}), "components": self.openrpc["components"]}
        return Draft7Validator(whole).is_valid(value)

    def check_params(self, name, params):
        known = {param["name"]: param for param in self.methods[name]["params"]}
        assert set(params) <= set(known), f"{name} knows no {set(params) - set(known)}"
        for param in known.values():
            if param["name"] in params:
                self.check(self.openrpc, param["schema"], params[param["name"]], f"{name}, parameter {param['name']}")
            else:
                assert not param.get("required"), f"{name} needs {param['name']}"

    def check_result(self, name, params, result):
        self.check(self.openrpc, self.methods[name]["result"]["schema"], result, f"the answer of {name}")
        self.called.setdefault(name, {"params": params, "result": result})

    def check_error(self, name, error):
        """Every refusal is one that the document announces."""
        refused = Refused(name, error)
        method = self.methods[name]
        own = {reference["$ref"].rsplit("/", 1)[1] for reference in method["errors"]}
        announced = own | self.common | (self.changing if method["x-changes"] else set())
        assert refused.reason in announced, f"{name} refused with {refused.reason}, which is not announced: {error}"
        assert refused.code == self.codes[refused.reason], error
        return refused

    def check_event(self, notification):
        kind = notification["params"]["result"]["kind"]
        assert kind in self.kinds, f"{kind} is in no document"
        self.check(self.asyncapi, self.kinds[kind]["payload"], notification, f"an event {kind}")
        self.check(self.openrpc, {"$ref": "#/components/schemas/Event"}, notification["params"]["result"], kind)
        self.seen_kinds.setdefault(kind, notification)


class Client:
    """One WebSocket; `client.call("noun.verb", …)` for every method of the document."""

    def __init__(self, documents, url, token):
        self.documents = documents
        # The port of `rpc.json` in the place of the usual one.
        port = url.rsplit(":", 1)[1].strip("/")
        self.url = re.sub(r":\d+/", f":{port}/", documents.server["url"])
        headers = {"Authorization": f"Bearer {token}"}
        self.socket = connect(self.url, additional_headers=headers, proxy=None, open_timeout=PATIENCE, max_size=None)
        self.number, self.waiting, self.events = 0, {}, []
        self.lock = threading.Lock()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for text in self.socket:
                message = json.loads(text)
                if "method" in message:
                    if "result" in message["params"]:
                        self.documents.check_event(message)
                    with self.lock:
                        self.events.append(message)
                else:
                    self.waiting.pop(message["id"]).put(message)
        except WebSocketException:
            pass

    def call(self, method, **params):
        self.documents.check_params(method, params)
        answer = self.send(method, params)
        if "error" in answer:
            raise self.documents.check_error(method, answer["error"])
        self.documents.check_result(method, params, answer["result"])
        return answer["result"]

    def send(self, method, params):
        """A request, right or wrong, and its answer."""
        self.number += 1
        number, answer = self.number, queue.Queue()
        self.waiting[number] = answer
        self.socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        return answer.get(timeout=PATIENCE)

    def refused(self, method, **params):
        """The reason for which a call is refused."""
        answer = self.send(method, params)
        assert "error" in answer, f"{method} {params} was answered: {answer}"
        return self.documents.check_error(method, answer["error"]).reason

    def close(self):
        self.socket.close()
