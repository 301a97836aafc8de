"""Linking a device and a renewal, from pairing/SPEC.md, sections Link and Consent handshake; what devices and contacts tell each other
of key logs, and the payload of direct channels, from node/SPEC.md."""

import base64
import struct

import vectors_noise as noise
from vectors_identity import Account, Device, Log, identity
from vectors_primitives import blake3, cbor, derive_key, kem_keys, public, seal, seed, sign

NOW = 1_767_225_600_000
LIFETIME = 600_000


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha, section 2.2."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for x, y, z, shift in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << shift | mixed >> (32 - shift)) & 0xFFFFFFFF

    for _ in range(10):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def seal_random(key, nonce, aad, plaintext):
    """XChaCha20-Poly1305 with the random nonce in front."""
    return nonce + seal(hchacha20(key, nonce[:16]), bytes(4) + nonce[16:], aad, plaintext)


def card(account, log, device, addresses, name):
    """A contact card of one device without prekeys (section Contact card)."""
    content = cbor({
        "v": 1, "account": account.id, "seq": 7, "iat": NOW, "exp": NOW + 86_400_000, "name": name, "log": log.ops,
        "dev": [{"device": device.id, "addresses": addresses, "prekeys": b"", "seq": 7}],
        "cus": [], "kem": blake3(kem_keys(account.kem)[0]),
    })
    return cbor([1, content, device.id, sign(device.signing, b"covey contact card v1\0", content)])


class Link:
    """Ticket and handshake, as both sides compute them."""

    def __init__(self):
        self.machine = Device(seed("link/machine"))
        self.key, self.secret = seed("link/key"), seed("link/secret", 16)
        self.content = cbor([
            1, self.machine.keys, public(self.key), self.secret, None, NOW + LIFETIME, ["/ip4/192.0.2.2/tcp/4002"],
        ])
        text = base64.b32encode(self.content + blake3(self.content)[:4]).decode().rstrip("=").lower()
        self.ticket = "covey-link:" + text
        self.id = derive_key("covey 2026 link id v1", self.content, 16)
        self.nonces = [seed(f"link/nonce {n}", 24) for n in range(5)]
        self.sent = 0

    def frame(self, kind, content):
        return cbor([1, {kind: [self.id, content]}])

    def greet(self):
        """LinkHello and LinkAnswer."""
        psk = derive_key("covey 2026 link psk v1", self.secret)
        prologue = b"covey link v1\0" + blake3(self.content)
        self.host_nonce, self.host_ephemeral = seed("link/host nonce", 16), seed("link/host ephemeral")
        self.own_nonce, self.ephemeral = seed("link/joiner nonce", 16), seed("link/joiner ephemeral")
        host = noise.Handshake("NKpsk0", True, prologue, None, self.host_ephemeral, public(self.key), psk)
        joiner = noise.Handshake("NKpsk0", False, prologue, self.key, self.ephemeral, psk=psk)
        hello = cbor([1, derive_key("covey 2026 link commitment v1", self.host_nonce)])
        message1 = host.write(hello)
        assert joiner.read(message1) == hello
        answer = cbor([1, self.own_nonce, "server"])
        message2 = joiner.write(answer)
        assert host.read(message2) == answer and host.h == joiner.h and host.split() == joiner.split()
        self.hash, (self.to_joiner, self.to_host) = host.h, host.split()
        digits = derive_key("covey 2026 link digits v1", self.hash + self.host_nonce + self.own_nonce)
        self.digits = f"{int.from_bytes(digits[:8], 'little') % 10**6:06}"
        return self.frame("LinkHello", message1), self.frame("LinkAnswer", message2)

    def say(self, host, message):
        key, label = (self.to_joiner, b"covey link host v1\0") if host else (self.to_host, b"covey link joiner v1\0")
        nonce, self.sent = self.nonces[self.sent], self.sent + 1
        return self.frame("LinkSealed", seal_random(key, nonce, label + self.hash, cbor([1, message])))


def link():
    keys, desk, it = Account(seed("link/account"), 0), Device(seed("link/desk")), Link()
    log = Log(keys)
    log.add(keys, desk, 1)
    hello, answer = it.greet()
    frames = [hello, answer, it.say(True, {"Reveal": it.host_nonce}), it.say(True, {"Ask": keys.id})]
    frames.append(it.say(False, {"Join": it.machine.agrees(keys.id)}))
    log.add(keys, it.machine, 2)
    hosts = card(keys, log, desk, ["/ip4/192.0.2.1/tcp/4001"], "ada")
    given = [
        1, [keys.id, 0, None, keys.dh, keys.kem], log.ops, "ada",
        [[desk.id, "desk", True], [it.machine.id, "server", False]], [hosts], NOW - 1_000,
    ]
    frames.append(it.say(True, {"HandOver": cbor(given)}))
    frames.append(it.say(False, "Done"))
    random = it.key + it.secret + it.own_nonce + it.ephemeral
    return {
        "now": NOW,
        "account": keys.seed.hex(),
        "desk": desk.seed.hex(),
        "machine": it.machine.seed.hex(),
        "joiner_random": (random + it.nonces[2] + it.nonces[4]).hex(),
        "host_random": (it.host_nonce + it.host_ephemeral + it.nonces[0] + it.nonces[1] + it.nonces[3]).hex(),
        "ticket": it.ticket,
        "link_id": it.id.hex(),
        "network_tag": derive_key("covey 2026 link network v1", seed("link/network"), 8).hex(),
        "network_key": seed("link/network").hex(),
        "digits": it.digits,
        "frames": [frame.hex() for frame in frames],
        "card": hosts.hex(),
    }


def renewal():
    """The offer of an invite to an account that was recovered."""
    keys, desk, to = Account(seed("renewal/account"), 0), Device(seed("renewal/desk")), Account(seed("renewal/to"), 1)
    log = Log(keys)
    log.add(keys, desk, 1)
    own = card(keys, log, desk, ["/ip4/192.0.2.1/tcp/4001"], "bob")
    kem, ephemeral = kem_keys(seed("renewal/kem", 64))[0], public(seed("renewal/ephemeral"))
    offer = cbor({
        "v": 1, "to": to.id, "e": ephemeral, "at": NOW, "seen": 3, "name": "bob", "note": "", "kem": kem, "card": own,
        "renewal": True,
    })
    return {
        "now": NOW,
        "account": keys.id.hex(),
        "dh": public(keys.dh).hex(),
        "desk": desk.seed.hex(),
        "to": to.id.hex(),
        "ephemeral": ephemeral.hex(),
        "kem": kem.hex(),
        "card": own.hex(),
        "offer": cbor([1, offer, desk.id, sign(desk.signing, b"covey offer v1\0", offer)]).hex(),
    }


def devices():
    return {"link": link(), "renewal": renewal()}


def payload():
    """A text in a direct channel, its key wrapped for two devices (what is in an envelope is of the sessions)."""
    key, channel, author, backlink = (seed(f"payload/{what}") for what in ("key", "channel", "author", "backlink"))
    incarnation, seq = 2, 41
    place = channel + author + incarnation.to_bytes(8, "big") + seq.to_bytes(8, "big") + backlink
    place = b"covey entry v1\0" + place
    body = cbor({"v": 1, "k": 1, "t": NOW, "s": "hello"})
    sealed = b"\1" + seal(key, bytes(12), b"covey body v1\0" + place, (body + b"\x80").ljust(128, b"\0"))
    commitment = derive_key("covey 2026 direct content commitment v1", key)
    wraps = sorted([seed(f"payload/device {n}"), seed(f"payload/envelope {n}", 90)] for n in range(2))
    return {
        "key": key.hex(),
        "channel": channel.hex(),
        "author": author.hex(),
        "incarnation": incarnation,
        "seq": seq,
        "backlink": backlink.hex(),
        "text": "hello",
        "now": NOW,
        "place": place.hex(),
        "wraps": [[part.hex() for part in wrap] for wrap in wraps],
        "payload": cbor([2, commitment, sealed, wraps]).hex(),
    }


def node():
    account = identity()
    log, head, contest = (bytes.fromhex(text) for text in (account["logs"][-1], account["head"], account["contest"]))
    frames = {
        "witness_head": cbor([1, {"h": [6, head]}]),
        "witness_wanted": cbor([1, "y"]),
        "witness_log": cbor([1, {"z": log}]),
        "contest": cbor({"contest": [1, contest]}),
        "log_head": cbor({"log head": [1, head]}),
        "own_record": cbor([1, [[[3, b""], cbor([1, "Household"])]]]),
    }
    return {
        "log": log.hex(),
        "log_length": 6,
        "head": head.hex(),
        "payload": payload(),
    } | {name: frame.hex() for name, frame in frames.items()}
