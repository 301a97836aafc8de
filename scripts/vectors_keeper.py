"""Keepers: a deposit sealed to an inbox key, and a receipt for it. pairing/SPEC.md, section Keepers."""

from vectors_primitives import (
    blake3, cbor, derive_key, dh, kem_decapsulate, kem_encapsulate, kem_keys, public, seal, seed, sign,
    verifying,
)


def inbox(seed_bytes):
    """X25519 secret, KEM keys and both public keys in a row."""
    secret = derive_key("covey 2026 inbox dh key v1", seed_bytes)
    kem, kem_secret = kem_keys(derive_key("covey 2026 inbox kem key v1", seed_bytes, 64))
    return secret, kem, kem_secret, public(secret) + kem


def invites():
    """A frame that a stranger leaves in the invite slot of an account."""
    account_seed, ephemeral, kem_random = (seed(f"invites/{what}") for what in ("account", "ephemeral", "kem random"))
    frame = seed("invites/frame", 700)
    signing = derive_key("covey 2026 account signing key v1", account_seed)
    secret = derive_key("covey 2026 account dh key v1", account_seed)
    kem, kem_secret = kem_keys(derive_key("covey 2026 account kem key v1", account_seed, 64))
    named = verifying(signing) + blake3(kem)
    slot = derive_key("covey 2026 invite slot id v1", named)[:16]
    token = derive_key("covey 2026 invite slot token v1", named)
    name = blake3(public(secret) + kem)
    shared, ciphertext = kem_encapsulate(kem, kem_random)
    assert kem_decapsulate(kem_secret, ciphertext) == shared
    head = b"\1" + name[:8] + public(ephemeral) + ciphertext
    material = dh(ephemeral, public(secret)) + shared + blake3(head) + name
    material += blake3(b"covey invite slot v1\0" + slot)
    padded = frame + b"\x80"
    padded += bytes(-len(padded) % 1024)
    return {
        "account_seed": account_seed.hex(),
        "slot": slot.hex(),
        "token_hash": derive_key("covey 2026 keeper slot token v1", token).hex(),
        "frame": frame.hex(),
        "kem_random": kem_random.hex(),
        "ephemeral": ephemeral.hex(),
        "parcel": (head + seal(derive_key("covey 2026 inbox seal v1", material), bytes(12), head, padded)).hex(),
    }


def keepers():
    inbox_seed, device_seed, ephemeral, kem_random = (
        seed(f"keeper/{what}") for what in ("inbox", "device", "ephemeral", "kem random")
    )
    slot, content, until = seed("keeper/slot", 16), seed("keeper/content", 300), 1_790_000_000_000
    secret, kem, kem_secret, keys = inbox(inbox_seed)
    name = blake3(keys)
    signing = derive_key("covey 2026 device signing key v1", device_seed)

    signature = sign(signing, b"covey keeper deposit v1\0", name + slot + content)
    payload = cbor([1, verifying(signing), content, signature])
    shared, ciphertext = kem_encapsulate(kem, kem_random)
    assert kem_decapsulate(kem_secret, ciphertext) == shared
    head = b"\1" + name[:8] + public(ephemeral) + ciphertext
    material = dh(ephemeral, public(secret)) + shared + blake3(head) + name + blake3(slot)
    padded = payload + b"\x80"
    padded += bytes(-len(padded) % 1024)
    parcel = head + seal(derive_key("covey 2026 inbox seal v1", material), bytes(12), head, padded)

    account_dh, pact = seed("keeper/account dh"), seed("keeper/pact")
    root = derive_key("covey 2026 own slots v1", account_dh)
    keeper_id, number, losses = verifying(signing), 5, 3
    own = derive_key("covey 2026 own slot id v1", root + keeper_id + number.to_bytes(8, "little") + pact)[:16]
    token = derive_key("covey 2026 own slot token v1", root + own + losses.to_bytes(4, "little"))

    signed = slot + blake3(parcel) + until.to_bytes(8, "little")
    receipt = sign(signing, b"covey keeper receipt v1\0", signed)
    return {
        "invites": invites(),
        "about": "Computed by scripts/vectors.py from pairing/SPEC.md; do not edit.",
        "inbox_seed": inbox_seed.hex(),
        "inbox_hash": name.hex(),
        "device_seed": device_seed.hex(),
        "slot": slot.hex(),
        "content": content.hex(),
        "kem_random": kem_random.hex(),
        "ephemeral": ephemeral.hex(),
        "parcel": parcel.hex(),
        "root": root.hex(),
        "pact": pact.hex(),
        "number": number,
        "losses": losses,
        "own_slot": own.hex(),
        "own_token_hash": derive_key("covey 2026 keeper slot token v1", token).hex(),
        "until": until,
        "receipt": cbor({"slot": slot, "parcel": blake3(parcel), "until": until, "signature": receipt}).hex(),
    }
