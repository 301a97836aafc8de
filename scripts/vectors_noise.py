"""Noise (revision 34) for `25519_ChaChaPoly_BLAKE2s`, patterns IK, IKpsk0, NKpsk0 and X, straight from the specification."""

import hashlib
import hmac

from vectors_primitives import dh, public, seal, unseal

MESSAGES = {
    "IK": [["e", "es", "s", "ss"], ["e", "ee", "se"]],
    "IKpsk0": [["psk", "e", "es", "s", "ss"], ["e", "ee", "se"]],
    "NKpsk0": [["psk", "e", "es"], ["e", "ee"]],
    "X": [["e", "es", "s", "ss"]],
}


def _hash(data):
    return hashlib.blake2s(data).digest()


def _hkdf(chaining_key, ikm, outputs=2):
    temp = hmac.new(chaining_key, ikm, hashlib.blake2s).digest()
    made = [b""]
    for n in range(outputs):
        made.append(hmac.new(temp, made[-1] + bytes([n + 1]), hashlib.blake2s).digest())
    return tuple(made[1:])


def nonce(n):
    return bytes(4) + n.to_bytes(8, "little")


class Handshake:
    def __init__(self, pattern, initiator, prologue, s, e=None, rs=None, psk=None):
        name = f"Noise_{pattern}_25519_ChaChaPoly_BLAKE2s".encode()
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else _hash(name)
        self.ck, self.k, self.n = self.h, None, 0
        self.initiator, self.s, self.e, self.rs, self.re, self.psk = initiator, s, e, rs, None, psk
        self.messages = [list(tokens) for tokens in MESSAGES[pattern]]
        self._mix_hash(prologue)
        self._mix_hash(rs if initiator else public(s))

    def _mix_hash(self, data):
        self.h = _hash(self.h + data)

    def _mix_key(self, ikm):
        self.ck, self.k = _hkdf(self.ck, ikm)
        self.n = 0

    def _mix_psk(self):
        self.ck, mixed, self.k = _hkdf(self.ck, self.psk, 3)
        self._mix_hash(mixed)
        self.n = 0

    def _mix_ephemeral(self, key):
        self._mix_hash(key)
        if self.psk is not None:
            self._mix_key(key)

    def _encrypt_and_hash(self, plaintext):
        out = plaintext if self.k is None else seal(self.k, nonce(self.n), self.h, plaintext)
        self.n += 1
        self._mix_hash(out)
        return out

    def _decrypt_and_hash(self, data):
        out = data if self.k is None else unseal(self.k, nonce(self.n), self.h, data)
        self.n += 1
        self._mix_hash(data)
        return out

    def _dh(self, token):
        ours, theirs = token if self.initiator else token[::-1]
        self._mix_key(dh({"e": self.e, "s": self.s}[ours], {"e": self.re, "s": self.rs}[theirs]))

    def write(self, payload):
        out = b""
        for token in self.messages.pop(0):
            if token == "e":
                out += public(self.e)
                self._mix_ephemeral(public(self.e))
            elif token == "psk":
                self._mix_psk()
            elif token == "s":
                out += self._encrypt_and_hash(public(self.s))
            else:
                self._dh(token)
        return out + self._encrypt_and_hash(payload)

    def read(self, message):
        for token in self.messages.pop(0):
            if token == "e":
                self.re, message = message[:32], message[32:]
                self._mix_ephemeral(self.re)
            elif token == "psk":
                self._mix_psk()
            elif token == "s":
                size = 32 if self.k is None else 48
                self.rs, message = self._decrypt_and_hash(message[:size]), message[size:]
            else:
                self._dh(token)
        return self._decrypt_and_hash(message)

    def split(self):
        """Keys of initiator to responder and of responder to initiator."""
        return _hkdf(self.ck, b"")
