"""PQXDH (Signal, revision 3) and the Double Ratchet (Signal, revision 4) as pairing/SPEC.md profiles them.

Written from the specifications: keys are generated when a turn is received, as the pseudo code of section 3.5 does, where
the Rust side defers it. Both must give the same bytes.
"""

from vectors_primitives import (
    blake3, cbor, dh, hkdf, hmac, kem_decapsulate, kem_encapsulate, kem_keys, public, seal, sign, unseal, verifying,
)

SUITE = 1
ZERO_NONCE = bytes(12)


def u32(n):
    return n.to_bytes(4, "big")


class Device:
    """Long-term secrets of one device, and the account it belongs to."""

    def __init__(self, account, dh_secret, signing_seed):
        self.account, self.dh, self.signing = account, dh_secret, signing_seed
        self.id = verifying(signing_seed)


class Prekeys:
    """Signed prekey with last-resort KEM key, and one-time pairs by id."""

    def __init__(self, device, made_at, prekey_id, dh_secret, kem_seed):
        self.device, self.id, self.dh = device, prekey_id, dh_secret
        self.kem, self.kem_secret = kem_keys(kem_seed)
        self.one_time = {}
        message = u32(prekey_id) + made_at.to_bytes(8, "big") + public(dh_secret)
        signature = sign(device.signing, b"covey signed prekey v1\0", message)
        self.signed = [prekey_id, made_at, public(dh_secret), signature]

    def _bundle(self, kem, one_time, message):
        signature = sign(self.device.signing, b"covey kem prekey v1\0", message)
        return {"v": 1, "s": self.signed, "k": kem, "o": one_time, "g": signature}

    def bundle(self):
        return self._bundle(self.kem, None, b"\0" + u32(self.id) + self.kem)

    def one_time_bundle(self, prekey_id, dh_secret, kem_seed):
        kem, kem_secret = kem_keys(kem_seed)
        self.one_time[prekey_id] = (dh_secret, kem_secret)
        message = b"\1" + u32(self.id) + u32(prekey_id) + public(dh_secret) + kem
        return self._bundle(kem, [prekey_id, public(dh_secret)], message)


def transcript(initiator, responder, ik_a, ik_b, handshake, signed, one_time):
    """`initiator` and `responder` as (account, device); `one_time` the public half or None."""
    out = b"covey pqxdh transcript v1" + bytes([SUITE]) + b"".join(initiator) + b"".join(responder)
    out += ik_a + ik_b + handshake["e"] + u32(handshake["s"]) + signed
    out += b"\0" if one_time is None else b"\1" + u32(handshake["o"]) + one_time
    return blake3(out + handshake["c"])


def shared_secret(dhs, kem, psk, digest):
    return hkdf(psk, b"\xff" * 32 + b"".join(dhs) + kem, b"covey pqxdh v1" + digest, 32)


def pqxdh_initiate(us, them, bundle, psk, ephemeral, kem_random):
    """`them` as (account, device id, DH identity key). Returns handshake, SK, transcript."""
    prekey_id, _, signed, _ = bundle["s"]
    one_time = bundle["o"]
    kem, ciphertext = kem_encapsulate(bundle["k"], kem_random)
    handshake = {"s": prekey_id, "o": one_time and one_time[0], "e": public(ephemeral), "c": ciphertext}
    dhs = [dh(us.dh, signed), dh(ephemeral, them[2]), dh(ephemeral, signed)]
    if one_time:
        dhs.append(dh(ephemeral, one_time[1]))
    digest = transcript(
        (us.account, us.id), them[:2], public(us.dh), them[2], handshake, signed, one_time and one_time[1]
    )
    return handshake, shared_secret(dhs, kem, psk, digest), digest


def pqxdh_respond(us, prekeys, them, psk, handshake):
    """Returns SK, transcript."""
    ephemeral = handshake["e"]
    dhs = [dh(prekeys.dh, them[2]), dh(us.dh, ephemeral), dh(prekeys.dh, ephemeral)]
    kem_secret, one_time = prekeys.kem_secret, None
    if handshake["o"] is not None:
        secret, kem_secret = prekeys.one_time.pop(handshake["o"])
        one_time = public(secret)
        dhs.append(dh(secret, ephemeral))
    digest = transcript(
        them[:2], (us.account, us.id), them[2], public(us.dh), handshake, public(prekeys.dh), one_time
    )
    return shared_secret(dhs, kem_decapsulate(kem_secret, handshake["c"]), psk, digest), digest


def kdf_rk(rk, dh_out):
    okm = hkdf(rk, dh_out, b"covey ratchet root v1", 64)
    return okm[:32], okm[32:]


def kdf_ck(ck):
    return hmac(ck, b"\2"), hmac(ck, b"\1")


def envelope(fields, ciphertext):
    """The wire form."""
    return cbor([1, cbor(fields), ciphertext])


class Session:
    """State variables and functions under the names of the specification."""

    def __init__(self, digest, next_key, handshake=None):
        self.digest, self.next_key, self.handshake = digest, next_key, handshake
        self.Ns = self.Nr = self.PN = 0
        self.CKs = self.CKr = self.DHr = None
        self.MKSKIPPED = {}

    @classmethod
    def initiator(cls, sk, digest, handshake, signed_prekey, next_key):
        self = cls(digest, next_key, handshake)
        self.DHs, self.DHr = next_key(), signed_prekey
        self.RK, self.CKs = kdf_rk(sk, dh(self.DHs, self.DHr))
        return self

    @classmethod
    def responder(cls, sk, digest, signed_prekey_secret, next_key):
        self = cls(digest, next_key)
        self.DHs, self.RK = signed_prekey_secret, sk
        return self

    def _aad(self, header, aad):
        return self.digest + u32(len(header)) + header + aad

    def encrypt(self, plaintext, aad):
        """Header fields and ciphertext."""
        self.CKs, mk = kdf_ck(self.CKs)
        fields = [1, SUITE, self.digest[:8], public(self.DHs), self.PN, self.Ns, b"", self.handshake]
        header = cbor(fields)
        self.Ns += 1
        return fields, seal(mk, ZERO_NONCE, self._aad(header, aad), plaintext)

    def decrypt(self, fields, ciphertext, aad):
        _, _, _, ratchet, pn, n, _, _ = fields
        header = cbor(fields)
        mk = self.MKSKIPPED.pop((ratchet, n), None)
        if mk is None:
            if ratchet != self.DHr or self.CKr is None:
                self._skip(pn)
                self._dh_ratchet(ratchet)
            self._skip(n)
            self.CKr, mk = kdf_ck(self.CKr)
            self.Nr += 1
        self.handshake = None
        return unseal(mk, ZERO_NONCE, self._aad(header, aad), ciphertext)

    def _skip(self, until):
        while self.CKr is not None and self.Nr < until:
            self.CKr, mk = kdf_ck(self.CKr)
            self.MKSKIPPED[self.DHr, self.Nr] = mk
            self.Nr += 1

    def _dh_ratchet(self, ratchet):
        self.PN, self.Ns, self.Nr, self.DHr = self.Ns, 0, 0, ratchet
        self.RK, self.CKr = kdf_rk(self.RK, dh(self.DHs, self.DHr))
        self.DHs = self.next_key()
        self.RK, self.CKs = kdf_rk(self.RK, dh(self.DHs, self.DHr))
