#!/usr/bin/env python3
"""A client that was made from the documents alone calls every method and receives every kind of event. What it is answered, told
and refused is held against the documents.

    from_the_documents.py COVEY [--record FILE]

With --record the first use of each method and event is written to FILE, as an example for the documents.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

from daemon import Daemon, eventually
from document import Client, Documents, Refused


class Node(Daemon):
    """A daemon, and the client that was made from the documents."""

    def client(self, documents):
        return Client(documents, self.url(), self.token())


def state(client, contact):
    found = [one for one in client.call("pair.list") if one["contact"] == contact]
    return found[0]["state"] if found else None


def pair(inviter, invitee, account):
    ticket = invitee.call("account.ticket", uses=2, expires_in=3600)["ticket"]
    inviter.call("pair.invite", to=ticket, note="from the lake", client_id=f"invite-{account[-6:]}")
    eventually("the invite arrives", lambda: state(invitee, account) == "pending")
    invitee.call("pair.accept", contact=account)
    eventually("both know", lambda: [one for one in inviter.call("pair.list", state="paired") if one["confirmed"]])


def documents_of(client):
    for method in ("rpc.version", "rpc.discover", "rpc.spec", "rpc.asyncapi"):
        client.call(method)
    assert client.call("rpc.discover") == client.documents.openrpc, "what is served is what is printed"
    assert client.call("rpc.asyncapi") == client.documents.asyncapi, "what is served is what is printed"


def people(alice, bob, carol, ids):
    alice.call("account.rename", name="Alice")
    bob.call("account.rename", name="Bob")
    pair(alice, bob, ids["alice"])
    spare = bob.call("account.ticket", uses=1)
    bob.call("account.tickets")
    bob.call("account.revoke_ticket", id=spare["id"])
    number = alice.call("account.safety_number", contact=ids["bob"])["safety_number"]
    alice.call("pair.verify", contact=ids["bob"], safety_number=number)
    alice.call("pair.rename", contact=ids["bob"], alias="Bobby")
    alice.call("pair.show", contact="Bobby")
    # One who is declined, and one who thinks better of it.
    carol.call("pair.invite", to=bob.call("account.ticket")["ticket"])
    eventually("bob is asked", lambda: state(bob, ids["carol"]) == "pending")
    bob.call("pair.decline", contact=ids["carol"])
    bob.call("pair.forget", contact=ids["carol"])
    carol.call("pair.invite", to=alice.call("account.ticket")["ticket"])
    carol.call("pair.cancel", contact=ids["alice"])
    eventually("carol can ask again", lambda: state(alice, ids["carol"]) in (None, "cancelled", "stranger", "expired"))
    pair(carol, alice, ids["carol"])
    alice.call("pair.block", contact=ids["carol"])
    alice.call("pair.unblock", contact=ids["carol"])


def talk(alice, bob, ids):
    sent = alice.call("message.send", to=ids["bob"], text="Hello Bob", client_id="hello")
    assert alice.call("message.send", to=ids["bob"], text="Hello Bob", client_id="hello") == sent, "made once"
    alice.call("pair.send", contact=ids["bob"], text="How are you?")
    eventually("both arrive", lambda: len(bob.call("message.list", channel=ids["alice"], limit=10)) == 2)
    bob.call("message.send", to=ids["alice"], text="Fine", reply_to=sent["id"])
    bob.call("channel.mark_read", channel=ids["alice"])
    assert alice.call("message.edit", id=sent["id"], text="Hello, Bob")["edited"], "it says so"
    eventually("it is read", lambda: alice.call("message.show", id=sent["id"])["state"] == "read")
    alice.call("channel.list")
    alice.call("channel.show", channel=ids["bob"])
    alice.call("channel.mute", channel=ids["bob"], muted=True)
    alice.call("channel.archive", channel=ids["bob"], archived=False)


def group(alice, bob, carol, ids):
    lake = alice.call("group.create", name="Lake")["group"]
    standing = lambda client: {one["group"]: one["state"] for one in client.call("group.list")}.get(lake)
    alice.call("group.invite", group=lake, contact=ids["bob"])
    eventually("bob is invited", lambda: standing(bob) == "invited")
    bob.call("group.accept", group=lake)
    eventually("bob is in", lambda: standing(bob) == "joined")
    alice.call("group.show", group=lake)
    eventually("alice knows", lambda: len(alice.call("group.members", group=lake)) == 2)
    alice.call("group.role", group=lake, member=ids["bob"], role="admin")
    alice.call("group.rename", group=lake, name="The lake")
    alice.call("group.policy", group=lake, invite="member")
    ticket = alice.call("group.ticket", group=lake, uses=5, expires_in=3600, approve=True)
    carol.call("group.join", ticket=ticket["ticket"], note="Carol, Bob knows me")
    eventually("carol asks", lambda: alice.call("group.requests", group=lake))
    alice.call("group.approve", group=lake, account=ids["carol"])
    eventually("carol is in", lambda: standing(carol) == "joined")
    said = alice.call("message.send", to=lake, text="Hello all")
    eventually("carol reads it", lambda: [one for one in carol.call("message.list", channel=lake) if one["text"] == "Hello all"])
    proof = carol.call("group.report", group=lake, message=said["id"])
    assert alice.call("group.verify_report", proof=proof["proof"])["valid"]
    alice.call("group.delete", group=lake, message=said["id"])
    alice.call("group.doctor", group=lake)
    # Out, in many ways, and not let in again.
    bob.call("group.leave", group=lake)
    eventually("bob is seen to be out", lambda: all(one["account"] != ids["bob"] for one in alice.call("group.members", group=lake)))
    bob.call("group.join", ticket=ticket["ticket"])
    eventually("bob asks", lambda: alice.call("group.requests", group=lake))
    alice.call("group.reject", group=lake, account=ids["bob"])
    eventually("bob is told", lambda: standing(bob) == "declined")
    alice.call("group.tickets", group=lake)
    alice.call("group.revoke_ticket", group=lake, id=ticket["id"])
    alice.call("group.remove", group=lake, member=ids["carol"])
    eventually("carol is told", lambda: standing(carol) == "removed")
    alice.call("group.ban", group=lake, member=ids["carol"])
    alice.call("group.unban", group=lake, member=ids["carol"])
    other = alice.call("group.create", name="Choir")["group"]
    alice.call("group.invite", group=other, contact=ids["carol"])
    eventually("carol is invited", lambda: [one for one in carol.call("group.list", state="invited")])
    carol.call("group.decline", group=other)


def operate(alice):
    for method in ("node.status", "node.peers", "node.doctor", "config.reload", "web.open"):
        alice.call(method)
    alice.call("config.show", key="receipts.read")
    alice.call("config.set", key="receipts.read", value=True)
    made = alice.call("token.create", name="bot", scopes=["read", "send"], expires_in=3600)
    assert made["token"]
    alice.call("token.list")
    alice.call("token.revoke", token="bot")
    alice.call("audit.list", limit=10)


def keepers(alice, carol, ids):
    """Carol's node keeps mail for Alice, for a while."""
    ticket = carol.call("keeper.serve", limit_mib=16)["ticket"]
    added = alice.call("keeper.add", ticket=ticket)
    assert (added["role"], added["state"], added["limit"]) == ("mine", "keeps", 16 << 20)
    assert [held["role"] for held in carol.call("keeper.list")] == ["held"]
    alice.call("keeper.list")
    alice.call("keeper.remove", keeper=added["keeper"])
    asked = alice.call("keeper.ask", contact=ids["carol"])
    assert (asked["role"], asked["state"]) == ("mine", "asked")
    requests = lambda: [one for one in carol.call("keeper.list") if one["state"] == "requested"]
    eventually("carol is asked", requests)
    carol.call("keeper.accept", contact=ids["alice"], limit_mib=8)
    keeps = lambda: [one for one in alice.call("keeper.list") if one["state"] == "keeps"]
    eventually("carol's node keeps the mail", keeps)
    assert carol.call("keeper.status")["agrees"]
    alice.call("keeper.remove", keeper=keeps()[0]["keeper"])


def devices(alice, covey, base):
    """A second machine is linked, renamed and revoked."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(base), "COVEY_NETWORK__MDNS": "false", "COVEY_NETWORK__UPNP": "false"}
    command = [covey, "--json", "--data-dir", base / "server", "init", "--link", "--name", "server", "--listen", "/ip4/127.0.0.1/tcp/0"]
    machine = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    told = lambda: json.loads(machine.stdout.readline())
    linking = alice.call("device.link", ticket=told()["link"], name="server")
    digits = told()["digits"]
    assert linking["digits"] == digits
    alice.call("device.confirm", digits=digits)
    assert machine.wait(timeout=30) == 0
    alice.call("device.rename", device="this", name="laptop")
    # It is given the history of the account.
    server = Daemon(covey, base, "server")
    server.start()
    done = lambda event: event["params"]["result"]["kind"] == "transfer.progress" and event["params"]["result"]["data"]["phase"] == "done"
    eventually("the server has the history", lambda: any(done(one) for one in list(alice.events) if "result" in one["params"]))
    alice.call("device.list")
    alice.call("device.show", device="server")
    alice.call("device.revoke", device="server")
    server.process.wait(timeout=30)


def journal(alice):
    page = alice.call("events.fetch", limit=1000)
    alice.call("events.ack", consumer="bot", cursor=page["cursor"])
    subscription = alice.call("events.subscribe", consumer="bot", kinds=["message.received"], transient=False)
    assert alice.call("events.unsubscribe", subscription=subscription)
    assert not alice.call("events.unsubscribe", subscription=subscription), "it was ended"
    assert alice.send("events.unsubscribe", [alice.call("events.subscribe")])["result"], "by position"
    # The consumer subscribes twice: the older one is told.
    older = alice.call("events.subscribe", consumer="bot")
    alice.call("events.subscribe", consumer="bot")
    ended = lambda one: one["params"]["subscription"] == older and "consumer_taken" in str(one["params"].get("error"))
    eventually("the older one ends", lambda: any(ended(one) for one in list(alice.events)))
    # What the document says of pages holds: filtered, they are what they would be filtered here.
    everything = alice.call("events.fetch", limit=1000)["events"]
    some = alice.call("events.fetch", limit=1000, kinds=["contact", "channel"])["events"]
    assert some == [event for event in everything if event["kind"] in ("contact", "channel")] and some
    newest = alice.call("events.fetch", last=2, kinds=["contact"])["events"]
    assert newest == [event for event in everything if event["kind"] == "contact"][-2:]


def locked(documents, covey, base, nodes):
    """A node with a passphrase is locked and unlocked while it runs."""
    secret = base / "passphrase"
    secret.write_text("correct horse battery staple")
    secret.chmod(0o600)
    dora = nodes["dora"] = Node(covey, base, "dora")
    dora.run("init", "--passphrase-file", str(secret))
    dora.start(arguments=["--passphrase-file", str(secret)])
    client = dora.client(documents)
    client.call("node.lock")
    assert client.refused("pair.list") == "locked"
    client.call("node.unlock", passphrase=secret.read_text())
    assert client.call("pair.list") == []
    client.close()
    dora.stop()


def mistakes(client):
    """For every method: parameters that it does not have, that are of the wrong type, that are missing, out of range."""
    for name, method in client.documents.methods.items():
        assert client.refused(name, no_such_parameter=1) == "invalid_params", name
        required = [param["name"] for param in method["params"] if param.get("required")]
        if required:
            assert client.refused(name) == "invalid_params", f"{name} without {required}"
        for param in method["params"]:
            schema = param["schema"]
            beyond = [schema["minimum"] - 1] if "minimum" in schema else []
            beyond += [schema["maximum"] + 1] if "maximum" in schema else []
            other = [] if client.documents.takes(schema, {"of": "another type"}) else [{"of": "another type"}]
            for value in [*beyond, *other]:
                given = {one: "x" for one in required} | {param["name"]: value}
                refused = client.refused(name, **given)
                assert refused == "invalid_params" or value in beyond and required, f"{name} {given}: {refused}"
    assert client.refused("events.ack", consumer="bot", cursor="999999999") == "invalid_cursor"
    assert client.refused("events.fetch", **{"from": "elsewhere"}) == "invalid_cursor"


def forgotten(alice, bob, carol, node, documents, ids):
    """Bob is away, and his keeper stops keeping mail for him."""
    bob.call("keeper.add", ticket=carol.call("keeper.serve")["ticket"])
    eventually("alice knows the keeper", lambda: alice.call("pair.show", contact=ids["bob"])["keepers"] == 1)
    bob.close()
    node.stop()
    sent = alice.call("message.send", to=ids["bob"], text="While you are away")
    eventually("it is kept", lambda: alice.call("message.show", id=sent["id"])["state"] == "kept")
    carol.call("keeper.remove", keeper=ids["bob"])
    alice.call("message.send", to=ids["bob"], text="And this")
    eventually("alice is told that it is kept no more", lambda: "message.kept_expired" in documents.seen_kinds)


def afterwards(alice, bob, carol, nodes, documents, ids):
    """What happens to a node that is stopped, lost and found again."""
    phrase_of = nodes["bob"]
    forgotten(alice, bob, carol, phrase_of, documents, ids)
    words = json.loads(phrase_of.run("account", "phrase", "--json"))["phrase"]
    eventually("alice sees bob go", lambda: "peer" in documents.seen_kinds)
    phrase_of.start()
    bob = phrase_of.client(documents)
    bob.call("events.subscribe")
    online = lambda: [one for one in alice.call("pair.list") if one["contact"] == ids["bob"] and one["online"]]
    eventually("bob is there again", online)
    # Somebody has his words: alice is told, and so is bob.
    again = Node(phrase_of.covey, phrase_of.data.parent, "bob again")
    nodes["again"] = again
    near = alice.call("account.show")["addresses"][0]
    recover = [again.covey, "--data-dir", again.data, "account", "recover", "--yes", "--peer", near]
    subprocess.run(recover, env=again.environment(), input=words, check=True, capture_output=True, text=True)
    again.start()
    back = again.client(documents)
    back.call("pair.accept_renewals")
    back.call("pair.invite", to=alice.call("account.ticket")["ticket"])
    eventually("alice sees that the account was recovered", lambda: "contact.recovered" in documents.seen_kinds)
    eventually("alice is warned", lambda: "contact.alert" in documents.seen_kinds)
    eventually("bob is warned", lambda: "account.second_history" in documents.seen_kinds)
    # The words once more, and the machine before this one stays.
    third = nodes["third"] = Node(phrase_of.covey, phrase_of.data.parent, "bob a third time")
    device = back.call("account.show")["device"]
    recover = [third.covey, "--json", "--data-dir", third.data, "account", "recover", "--yes", "--peer", near, "--keep", device]
    # Its card is found once it is published.
    run = lambda: subprocess.run(recover, env=third.environment(), input=words, capture_output=True, text=True)
    done = eventually("the words find the recovered account", lambda: [one for one in [run()] if one.returncode == 0])[0]
    third.start()
    kept = lambda: (back.call("account.status").get("second_history") or {}).get("what") == "kept"
    eventually("the machine that stays is alarmed", kept)
    back.call("account.accept", digits=json.loads(done.stdout)["digits"])
    # And somebody else than the owner had them, says the first machine.
    assert bob.call("account.status")["second_history"]["what"] == "recovered"
    assert bob.call("account.contest")["objected"]
    frozen = lambda: [one for one in alice.call("pair.list") if one["contact"] == ids["bob"] and one.get("contested")]
    eventually("the account is frozen", frozen)
    bob.close()
    phrase_of.stop()
    third.stop()
    back.close()
    alice.call("pair.remove", contact=ids["bob"])
    alice.call("node.shutdown")
    nodes["alice"].process.wait()
    # Events that are no longer kept are missed, and that is told.
    nodes["alice"].start(COVEY_STORAGE__JOURNAL_KEEP="1s")
    alice = nodes["alice"].client(documents)
    eventually("old events go", lambda: alice.call("events.fetch")["events"][:1] == [] or alice.call("events.fetch", **{"from": "0"})["events"][0]["kind"] == "journal_truncated")
    alice.call("events.subscribe", **{"from": "0"})
    eventually("it is told what was missed", lambda: "journal_truncated" in documents.seen_kinds)
    nodes["carol"].stop()
    again.stop()
    eventually("alice is told that nobody is left", lambda: "network" in documents.seen_kinds)
    alice.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("covey", type=pathlib.Path)
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    base = pathlib.Path(tempfile.mkdtemp(prefix="covey-documents-"))
    printed = lambda *args: json.loads(subprocess.run([options.covey, *args], check=True, capture_output=True, text=True).stdout)
    documents = Documents(printed("rpc", "spec"), printed("rpc", "asyncapi"))
    nodes = {name: Node(options.covey, base, name) for name in ("alice", "bob", "carol")}
    try:
        for node in nodes.values():
            node.start()
        alice, bob, carol = (nodes[name].client(documents) for name in ("alice", "bob", "carol"))
        ids = {}
        for name, client in (("alice", alice), ("bob", bob), ("carol", carol)):
            client.call("events.subscribe")
            ids[name] = client.call("account.show")["account"]
        documents_of(alice)
        people(alice, bob, carol, ids)
        talk(alice, bob, ids)
        group(alice, bob, carol, ids)
        operate(alice)
        keepers(alice, carol, ids)
        devices(alice, options.covey, base)
        journal(alice)
        locked(documents, options.covey, base, nodes)
        mistakes(carol)
        afterwards(alice, bob, carol, nodes, documents, ids)
        missing = set(documents.methods) - set(documents.called)
        assert not missing, f"never called: {sorted(missing)}"
        unheard = set(documents.kinds) - set(documents.seen_kinds)
        assert not unheard, f"never received: {sorted(unheard)}"
        if options.record:
            record(options.record, documents)
        print(f"{len(documents.called)} methods and {len(documents.seen_kinds)} kinds of events are as documented")
        shutil.rmtree(base)
    except BaseException:
        print(f"logs and data are kept in {base}", flush=True)
        raise
    finally:
        for node in nodes.values():
            node.stop()


def short(value):
    """Examples are to be read: of each list the first two."""
    if isinstance(value, dict):
        return {name: short(one) for name, one in value.items()}
    return [short(one) for one in value[:2]] if isinstance(value, list) else value


def record(file, documents):
    """The documents themselves are no examples of themselves."""
    called = {name: dict(call) for name, call in documents.called.items() if name != "events.unsubscribe"}
    for name in ("rpc.discover", "rpc.spec", "rpc.asyncapi"):
        called[name]["result"] = {}
    text = json.dumps(short({"methods": called, "events": documents.seen_kinds}), indent=1, sort_keys=True, ensure_ascii=False)
    text = re.sub(r"(cvt_|#code=)[0-9a-f]{64}", r"\g<1>" + "0" * 64, text)
    file.write_text(text.replace(str(pathlib.Path(tempfile.gettempdir())), "/tmp") + "\n")


main()
