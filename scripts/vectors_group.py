"""Sender keys, join statements, tickets and the group session key, as section Groups of pairing/SPEC.md has them."""

import base64

from vectors_primitives import blake3, cbor, derive_key, hmac, seal, seed, sign, unseal, verifying

NOW = 1_767_225_600_000
MAX_GENERATION = (1 << 53) - 1


def u64(n):
    return n.to_bytes(8, "big")


def padded(text):
    marked = len(text) + 1
    size = max(128, 1 << (marked - 1).bit_length()) if marked <= 4096 else -(-marked // 4096) * 4096
    return (text + b"\x80").ljust(size, b"\0")


class Chain:
    """A device's chain in a group."""

    def __init__(self, group, device, last, epoch, now, key_id, key):
        self.group, self.device, self.epoch, self.key_id = group, device, epoch, key_id
        self.generation = min(max(now, last + 1), MAX_GENERATION)
        self.first = key

    def key(self, index):
        """The chain key of message `index`."""
        key = self.first
        for _ in range(index):
            key = hmac(key, b"\2")
        return key

    def distribution(self, index):
        return cbor({
            "v": 1,
            "s": {"g": self.group, "d": self.device},
            "c": {"k": self.key_id, "n": self.generation, "e": self.epoch},
            "i": index,
            "q": self.key(index),
        })

    def content_key(self, index, place):
        bound = self.group + self.device + self.key_id + u64(self.generation) + u64(self.epoch) + u64(index) + place
        return hmac(hmac(self.key(index), b"\1"), b"covey group content v1\0" + bound)

    def seal(self, index, place, text):
        key = self.content_key(index, place)
        aad = b"covey body v1\0" + place
        body = b"\1" + seal(key, bytes(12), aad, padded(text))
        assert unseal(key, bytes(12), aad, body[1:]) == padded(text)
        commitment = derive_key("covey 2026 group content commitment v1", key)
        return key, cbor([1, self.key_id, index, commitment, body])


def sender_keys():
    """Two chains of a device, some messages, and what others are given."""
    label = "group/chain/"
    group, device = seed(label + "group"), verifying(seed(label + "device"))
    random = [(seed(f"{label}{n}/key id", 16), seed(f"{label}{n}/key")) for n in (1, 2)]
    chains, messages, last = [], [], 0
    # The second chain begins before the first one did: the clock went back.
    for number, (now, epoch, lengths) in enumerate(((NOW, 3, (0, 5, 200, 5000)), (NOW - 9000, 4, (77,)))):
        chain = Chain(group, device, last, epoch, now, *random[number])
        last = chain.generation
        for index, length in enumerate(lengths):
            text, place = seed(f"{label}{number}/text {index}", length), seed(f"{label}{number}/place {index}", 60)
            key, payload = chain.seal(index, place, text)
            messages.append({
                "chain": number,
                "place": place.hex(),
                "text": text.hex(),
                "content_key": key.hex(),
                "payload": payload.hex(),
            })
        chains.append({
            "now": now,
            "epoch": epoch,
            "random": b"".join(random[number]).hex(),
            "generation": chain.generation,
            "distributions": [chain.distribution(index).hex() for index in range(len(lengths) + 1)],
        })
    return {"group": group.hex(), "device": device.hex(), "chains": chains, "messages": messages}


def statements():
    """Join statements on each ground."""
    label = "group/join/"
    group, account = seed(label + "group"), verifying(seed(label + "account"))
    signing, invite, token = (seed(label + what) for what in ("device signing", "invite", "token"))
    device = verifying(signing)
    ticket = derive_key("covey 2026 group ticket id v1", verifying(token))[:16]

    def statement(ground):
        content = cbor([1, group, account, device, ground, NOW])
        return cbor([1, content, device, sign(signing, b"covey group join v1\0", content)]), blake3(content)

    proof = sign(token, b"covey group ticket v1\0", group + account + device + u64(NOW))
    grounds = {"invite": {"i": invite}, "ticket": {"t": [verifying(token), proof]}, "request": "r"}
    made = {name: statement(ground) for name, ground in grounds.items()}
    return {
        "group": group.hex(),
        "account": account.hex(),
        "device_signing": signing.hex(),
        "device": device.hex(),
        "now": NOW,
        "invite": invite.hex(),
        "token": token.hex(),
        "ticket": ticket.hex(),
        "statements": {name: {"bytes": data.hex(), "id": digest.hex()} for name, (data, digest) in made.items()},
    }


def ticket():
    """A ticket with one admission point."""
    label = "group/ticket/"
    group, token, account, device, dh, network = (
        seed(label + what) for what in ("group", "token", "account", "device", "dh", "network")
    )
    dh = dh[:31] + bytes([dh[31] & 0x7F])
    addresses = ["/ip4/192.168.1.20/udp/4001/quic-v1", "/dns4/ada.example/tcp/4001"]
    content = cbor([1, group, "Sunday walks", token, NOW, [[account, device, dh, network, addresses]]])
    text = base64.b32encode(content + blake3(content)[:4]).decode().rstrip("=").lower()
    return {
        "group": group.hex(),
        "name": "Sunday walks",
        "token": token.hex(),
        "expires_at": NOW,
        "account": account.hex(),
        "device": device.hex(),
        "dh": dh.hex(),
        "network": network.hex(),
        "addresses": addresses,
        "text": f"covey-group:{text}",
    }


def session_key():
    """The pre-shared key of sessions inside a group."""
    secret, group = seed("group/psk/secret"), seed("group/psk/group")
    psk = derive_key("covey 2026 group session psk v1", secret + group)
    return {"secret": secret.hex(), "group": group.hex(), "psk": psk.hex()}


def groups():
    return {
        "about": "Computed by scripts/vectors.py from pairing/SPEC.md; do not edit.",
        "sender_keys": sender_keys(),
        "join": statements(),
        "ticket": ticket(),
        "session": session_key(),
    }
