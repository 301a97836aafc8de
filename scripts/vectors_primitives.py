"""Primitives and encodings for the golden transcripts, from Python packages that share nothing with the Rust side."""

import hashlib
import hmac as std_hmac

import blake3 as blake3_package
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from kyber_py.ml_kem import ML_KEM_768


def seed(label, length=32):
    """Fixed bytes for a label: everything random in the transcripts."""
    out = b""
    while len(out) < length:
        out += hashlib.sha256(b"covey golden vectors\0" + label.encode() + b"\0" + bytes([len(out) // 32])).digest()
    return out[:length]


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def dh(secret, key):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(key))


def verifying(seed_bytes):
    return Ed25519PrivateKey.from_private_bytes(seed_bytes).public_key().public_bytes_raw()


def sign(seed_bytes, context, message):
    return Ed25519PrivateKey.from_private_bytes(seed_bytes).sign(context + message)


def kem_keys(seed_bytes):
    """(encapsulation key, decapsulation key) of the seed d || z, FIPS 203 algorithm 16."""
    return ML_KEM_768._keygen_internal(seed_bytes[:32], seed_bytes[32:])


def kem_encapsulate(key, message):
    """(shared secret, ciphertext) with the 32 random bytes given, FIPS 203 algorithm 17."""
    return ML_KEM_768._encaps_internal(key, message)


def kem_decapsulate(secret, ciphertext):
    return ML_KEM_768.decaps(secret, ciphertext)


def hkdf(salt, ikm, info, length):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(ikm)


def hmac(key, message):
    return std_hmac.new(key, message, hashlib.sha256).digest()


def blake3(data):
    return blake3_package.blake3(data).digest()


def derive_key(context, material, length=32):
    return blake3_package.blake3(material, derive_key_context=context).digest(length)


def seal(key, nonce, aad, plaintext):
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)


def unseal(key, nonce, aad, ciphertext):
    return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, aad)


def cbor(value):
    """The subset of RFC 8949 that covey writes: unsigned integers, byte and text strings, arrays, maps, null, true, false."""

    def head(major, n):
        for info, size, limit in ((24, 1, 1 << 8), (25, 2, 1 << 16), (26, 4, 1 << 32), (27, 8, 1 << 64)):
            if n < 24:
                return bytes([major << 5 | n])
            if n < limit:
                return bytes([major << 5 | info]) + n.to_bytes(size, "big")
        raise ValueError(n)

    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    raise TypeError(type(value))


def decode(data):
    """The value that `cbor` made."""

    def item(at):
        major, n = data[at] >> 5, data[at] & 31
        at += 1
        if (major, n) == (7, 22):
            return None, at
        if n >= 24:
            size = 1 << (n - 24)
            n, at = int.from_bytes(data[at : at + size], "big"), at + size
        if major == 0:
            return n, at
        if major in (2, 3):
            text = data[at : at + n]
            return text if major == 2 else text.decode(), at + n
        if major not in (4, 5):
            raise ValueError(major)
        items = []
        for _ in range(n if major == 4 else 2 * n):
            value, at = item(at)
            items.append(value)
        return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at

    value, end = item(0)
    assert end == len(data)
    return value
