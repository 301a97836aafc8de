#!/usr/bin/env python3
"""Golden transcripts of pairing/SPEC.md and node/SPEC.md, computed a second time, from the specifications and without the Rust code.

    scripts/vectors.py           writes the files of FILES
    scripts/vectors.py --check   fails if these files are not exactly what is computed here

Needs scripts/requirements.txt. The Rust tests that reproduce the files byte for byte are in pairing and node.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

import vectors_noise as noise
from vectors_devices import devices, node
from vectors_group import groups
from vectors_identity import identity
from vectors_keeper import keepers
from vectors_primitives import (
    blake3, cbor, derive_key, hkdf, kem_decapsulate, kem_encapsulate, kem_keys, public, seal, seed, verifying,
)
from vectors_session import DAY, Device, Prekeys, Session, envelope, pqxdh_initiate, pqxdh_respond

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOW = 1_767_225_600_000
AAD = b"what the caller binds"

# Who says what, and in which order it arrives ("alice 0" is the first message Alice sends). Message 1 of each side
# overtakes message 0; messages are skipped within a turn and at its end; a message arrives two turns late.
CONVERSATION = """
alice says 0, 1, 2; bob hears 1, 0
bob says 0, 1; alice hears 1
alice says 3, 4; bob hears 4, 2, 3
bob says 2; alice hears 2, 0
alice says 5; bob hears 5
bob says 3, 4, 5; alice hears 5, 3
""".split("\n")


# Three post-quantum steps. Of the first, which is due at once, the answer comes late, and again; the first envelope of the
# chain that begins with it arrives two turns later. The second is due after days, the third, of the other side, after fifty
# messages.
STEPS = f"""
alice says 0; bob hears 0
bob says 0, 1; alice hears 1
alice says 1; bob hears 1
bob says 2, 3; alice hears 3, 0, 2
alice says 2, 3; bob hears 3
bob says 4; alice hears 4
days 8
alice says 4; bob hears 4, 2
bob says 5; alice hears 5
alice says 5; bob hears 5
bob says 6; alice hears 6
alice says {", ".join(map(str, range(6, 56)))}; bob hears {", ".join(map(str, range(6, 56)))}
bob says 7; alice hears 7
alice says 56; bob hears 56
bob says 8; alice hears 8
alice says 57; bob hears 57
""".split("\n")


def session(name, one_time, conversation):
    """A PQXDH and a conversation. Returns inputs and every byte string that must come out."""
    label = f"session/{name}/"
    devices = {
        who: Device(seed(f"{label}{who}/account"), seed(f"{label}{who}/dh"), seed(f"{label}{who}/signing"))
        for who in ("alice", "bob")
    }
    psk = seed(label + "psk")
    script = {
        "bob_prekeys": seed(label + "bob/prekeys", 4 + 32 + 64),
        "bob_one_time": seed(label + "bob/one-time", 4 + 32 + 64),
        "alice_initiates": seed(label + "alice/initiates", 32 + 32 + 32),
    }

    def prekey(random):
        return int.from_bytes(random[:4], "big"), random[4:36], random[36:]

    prekeys = Prekeys(devices["bob"], NOW, *prekey(script["bob_prekeys"]))
    published = prekeys.bundle()
    offered = prekeys.one_time_bundle(*prekey(script["bob_one_time"]))
    bundle = offered if one_time else published

    used = {"alice": [], "bob": []}

    def random(who):
        def draw(length):
            used[who].append(seed(f"{label}{who}/turn {len(used[who]) + 1}", length))
            return used[who][-1]

        return draw

    alice, bob = devices["alice"], devices["bob"]
    ephemeral, kem_random, first = (script["alice_initiates"][i : i + 32] for i in (0, 32, 64))
    to_bob = (bob.account, bob.id, public(bob.dh))
    to_alice = (alice.account, alice.id, public(alice.dh))
    handshake, sk, digest = pqxdh_initiate(alice, to_bob, bundle, psk, ephemeral, kem_random)
    assert pqxdh_respond(bob, prekeys, to_alice, psk, handshake) == (sk, digest)

    ends = {
        "alice": Session.initiator(sk, digest, handshake, bundle["s"][2], first, random("alice"), NOW),
        "bob": Session.responder(sk, digest, handshake, prekeys.dh, random("bob"), NOW),
    }

    sent, events, now = {"alice": [], "bob": []}, [], NOW
    for line in filter(None, conversation):
        if line.startswith("days "):
            now += int(line[5:]) * DAY
            events.append({"now": now})
            continue
        (speaker, _, numbers), (listener, _, order) = (half.split(maxsplit=2) for half in line.split("; "))
        for number in map(int, numbers.split(", ")):
            text = f"{speaker} says {number}".encode()
            fields, ciphertext = ends[speaker].encrypt(text, AAD, now)
            assert number == len(sent[speaker])
            sent[speaker].append((text, fields, ciphertext))
            events.append({"who": speaker, "says": text.hex(), "envelope": envelope(fields, ciphertext).hex()})
        for number in map(int, order.split(", ")):
            text, fields, ciphertext = sent[speaker][number]
            assert ends[listener].decrypt(fields, ciphertext, AAD, now) == text
            events.append({"who": listener, "hears": number, "text": text.hex()})

    return {
        "name": name,
        "now": NOW,
        "aad": AAD.hex(),
        "psk": psk.hex(),
        "one_time": one_time,
        "devices": {
            who: {"account": d.account.hex(), "dh": d.dh.hex(), "signing": d.signing.hex(), "id": d.id.hex()}
            for who, d in devices.items()
        },
        "random": {k: v.hex() for k, v in script.items()}
        | {f"{who}_turns": b"".join(keys).hex() for who, keys in used.items()},
        "published_bundle": cbor(published).hex(),
        "one_time_bundle": cbor(offered).hex(),
        "transcript": digest.hex(),
        "epochs": {who: end.steps.epoch for who, end in ends.items()},
        "events": events,
    }


def body(length):
    """A body sealed under a fresh content key."""
    label = f"body/{length}/"
    key, aad, text = seed(label + "key"), seed(label + "aad", 50), seed(label + "text", length)
    marked = length + 1
    size = max(128, 1 << (marked - 1).bit_length()) if marked <= 4096 else -(-marked // 4096) * 4096
    padded = (text + b"\x80").ljust(size, b"\0")
    sealed = b"\1" + seal(key, bytes(12), b"covey body v1\0" + aad, padded)
    return {"key": key.hex(), "aad": aad.hex(), "body": text.hex(), "sealed": sealed.hex()}


def parcels():
    """A payload sealed to a device, Noise X, and sealed to its KEM key as well."""
    sender, receiver, ephemeral = (seed(f"parcel/{who}") for who in ("sender", "receiver", "ephemeral"))
    prologue, payload = seed("parcel/prologue", 40), seed("parcel/payload", 200)
    full = b"covey parcel v1\0" + prologue
    message = noise.Handshake("X", True, full, sender, ephemeral, public(receiver)).write(payload)
    reader = noise.Handshake("X", False, full, receiver)
    assert reader.read(message) == payload and reader.rs == public(sender)
    kem_seed, kem_random, name = seed("parcel/kem", 64), seed("parcel/kem random"), 0x01020304
    key, kem_secret = kem_keys(kem_seed)
    shared, ciphertext = kem_encapsulate(key, kem_random)
    assert kem_decapsulate(kem_secret, ciphertext) == shared
    head = b"\2" + name.to_bytes(4, "big") + ciphertext
    full = b"covey parcel v2\0" + blake3(head) + prologue
    inner = noise.Handshake("X", True, full, sender, ephemeral, public(receiver)).write(payload)
    outer = derive_key("covey 2026 parcel kem key v1", shared + blake3(head))
    return {
        "sender": sender.hex(),
        "receiver": receiver.hex(),
        "ephemeral": ephemeral.hex(),
        "prologue": prologue.hex(),
        "payload": payload.hex(),
        "parcel": (b"\1" + message).hex(),
        "kem_seed": kem_seed.hex(),
        "kem_random": kem_random.hex(),
        "kem_id": name,
        "hybrid": (head + seal(outer, bytes(12), head, inner)).hex(),
    }


def account(seed_bytes):
    """Account id, X25519 key, KEM key and KEM secret of a seed (section Identities)."""
    signing = derive_key("covey 2026 account signing key v1", seed_bytes)
    dh = derive_key("covey 2026 account dh key v1", seed_bytes)
    kem = derive_key("covey 2026 account kem key v1", seed_bytes, 64)
    return (verifying(signing), dh) + kem_keys(kem)


def seal_invite(sender, invitee, random):
    """What stands before message 1 of a sealed invite, and the pre-shared key (*Sealed invites*)."""
    to, _, key, secret = invitee
    shared, ciphertext = kem_encapsulate(key, random)
    assert kem_decapsulate(secret, ciphertext) == shared
    material = shared + blake3(key) + blake3(ciphertext)
    head = ciphertext + seal(derive_key("covey 2026 invite sender key v1", material), bytes(12), to, sender)
    return head, derive_key("covey 2026 invite psk v1", material)


def invite(sealed):
    """The consent handshake below its payloads: Noise IK, the KEM, the pair secret and what comes from it."""
    inviter, e1, e2 = (seed(f"invite/{who}") for who in ("inviter", "ephemeral 1", "ephemeral 2"))
    invitee_seed = seed("invite/invitee seed")
    account1, theirs = seed("invite/account 1"), account(invitee_seed)
    account2, invitee = theirs[:2]
    payload1, payload2 = seed("invite/offer", 300), seed("invite/answer", 200)
    kem_seed, kem_random = seed("invite/kem", 64), seed("invite/kem random")
    random = seed("invite/seal random")
    head, psk = seal_invite(account1, theirs, random) if sealed else (b"", None)
    prologue = (b"covey pair v2\0" if sealed else b"covey pair v1\0") + account1 + account2

    pattern = "IKpsk0" if sealed else "IK"
    ours = noise.Handshake(pattern, True, prologue, inviter, e1, public(invitee), psk)
    them = noise.Handshake(pattern, False, prologue, invitee, e2, psk=psk)
    message1 = ours.write(payload1)
    assert them.read(message1) == payload1 and them.rs == public(inviter)
    message1 = head + message1
    message2 = them.write(payload2)
    assert ours.read(message2) == payload2 and ours.h == them.h and ours.split() == them.split()
    to_invitee, to_inviter = ours.split()

    key, secret = kem_keys(kem_seed)
    shared, ciphertext = kem_encapsulate(key, kem_random)
    assert kem_decapsulate(secret, ciphertext) == shared
    info = b"covey pair secret v1" + account1 + account2
    pair_secret = hkdf(ours.h, to_invitee + to_inviter + shared, info, 32)
    confirm = seed("invite/confirm", 100)
    opened_seal = {"kem_hash": blake3(theirs[2]).hex(), "random": random.hex(), "head": head.hex()}
    opened_seal = {**opened_seal, "psk": psk.hex()} if sealed else None
    return {
        "inviter": inviter.hex(),
        "invitee_seed": invitee_seed.hex(),
        "invitee_key": public(invitee).hex(),
        "inviter_account": account1.hex(),
        "invitee_account": account2.hex(),
        "ephemeral_1": e1.hex(),
        "ephemeral_2": e2.hex(),
        "payload_1": payload1.hex(),
        "payload_2": payload2.hex(),
        "kem_seed": kem_seed.hex(),
        "kem_random": kem_random.hex(),
        "kem_ciphertext": ciphertext.hex(),
        "seal": opened_seal,
        "message_1": message1.hex(),
        "invite_id": blake3(message1)[:16].hex(),
        "message_2": message2.hex(),
        "handshake_hash": ours.h.hex(),
        "confirm_payload": confirm.hex(),
        "confirm": seal(to_invitee, noise.nonce(0), b"", confirm).hex(),
        "confirm_key": derive_key("covey 2026 pair confirm key v1", to_invitee).hex(),
        "pair_secret": pair_secret.hex(),
        "channel_id": derive_key("covey 2026 direct channel id v1", pair_secret).hex(),
        "session_psk": derive_key("covey 2026 session psk v1", pair_secret).hex(),
        "control_key": derive_key("covey 2026 pair control key v1", pair_secret).hex(),
    }


def golden():
    return {
        "about": "Computed by scripts/vectors.py from pairing/SPEC.md; do not edit.",
        "sessions": [
            session("one-time pair", True, CONVERSATION),
            session("last-resort key", False, CONVERSATION),
            session("three steps", False, STEPS),
        ],
        "bodies": [body(length) for length in (0, 1, 127, 128, 4095, 4096, 5000)],
        "parcel": parcels(),
        "invite": invite(False),
        "sealed_invite": invite(True),
    }


FILES = {
    "pairing/tests/vectors/golden.json": golden,
    "pairing/tests/vectors/group.json": groups,
    "pairing/tests/vectors/identity.json": identity,
    "pairing/tests/vectors/devices.json": devices,
    "pairing/tests/vectors/keeper.json": keepers,
    "node/src/engine/wire/golden.json": node,
}


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    for name, compute in FILES.items():
        file, computed = ROOT / name, json.dumps(compute(), indent=1) + "\n"
        if not sys.argv[1:]:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(computed)
        elif not file.exists() or file.read_text() != computed:
            sys.exit(f"{file} is not what scripts/vectors.py computes")
        else:
            print(f"{name}: {len(computed)} bytes, as computed")


if __name__ == "__main__":
    main()
