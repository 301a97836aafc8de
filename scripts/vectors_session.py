"""PQXDH (Signal, revision 3) and the Double Ratchet (Signal, revision 4) as pairing/SPEC.md profiles them.

Written from the specifications. Post-quantum steps make a difference between the pseudo code of section 3.5, which makes
the next sending chain when a turn is received, and one that is made when a device next sends: pairing/SPEC.md says the latter.
"""

from vectors_primitives import (
    blake3, cbor, decode, dh, hkdf, hmac, kem_decapsulate, kem_encapsulate, kem_keys, public, seal, sign, unseal, verifying,
)

SUITE = 2
DAY = 24 * 3_600_000
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


def kdf_rk(rk, dh_out, mixed=None):
    """`mixed`: epoch, hashes of encapsulation key and ciphertext, and secret of a post-quantum step."""
    if mixed is None:
        okm = hkdf(rk, dh_out, b"covey ratchet root v1", 64)
    else:
        epoch, key_hash, ciphertext_hash, secret = mixed
        info = b"covey ratchet root with kem v1" + epoch.to_bytes(8, "big") + key_hash + ciphertext_hash
        okm = hkdf(rk, dh_out + secret, info, 64)
    return okm[:32], okm[32:]


def kdf_ck(ck):
    return hmac(ck, b"\2"), hmac(ck, b"\1")


def envelope(fields, ciphertext):
    """The wire form."""
    return cbor([1, cbor(fields), ciphertext])


class Steps:
    """The post-quantum steps of one session, as one end sees them: section Healing."""

    def __init__(self, random, now, at_once):
        self.random, self.at, self.at_once = random, now, at_once
        self.epoch = self.messages = 0
        self.step = None  # of our sending chain
        self.offers = []  # (id, encapsulation key, decapsulation key), oldest first
        self.ready = None  # (id, hashes, secret) to step with
        self.theirs = []  # [id, key, ciphertext, hashes, secret]; the last three when it was answered
        self.ahead = False  # we stepped, and they began no chain since

    def _stepped(self, now):
        self.epoch, self.messages, self.at, self.at_once = self.epoch + 1, 0, now, False
        self.offers, self.ready, self.theirs = [], None, []

    def own_chain(self, now):
        """What goes into the root step of our new chain."""
        self.step = None
        if self.ready is None:
            return None
        (self.step, hashes, secret), self.ahead = self.ready, True
        self._stepped(now)
        return (self.epoch, *hashes, secret)

    def their_chain(self, said, now):
        """The same of a chain of theirs."""
        self.ahead = False
        if "s" not in said:
            assert said.get("e", 0) == self.epoch
            return None
        hashes, secret = next(their[3:] for their in self.theirs if their[0] == said["s"])
        self._stepped(now)
        assert said["e"] == self.epoch
        return (self.epoch, *hashes, secret)

    def say(self, number, now):
        """What the header of our message says."""
        said = {"e": self.epoch}
        if self.step is not None:
            said["s"] = self.step
        if number == 0:
            answer = self._answer()
            offer = self._offer(now)
            said |= {} if offer is None else {"k": offer}
            said |= {} if answer is None else {"a": answer}
        self.messages += 1
        return b"" if said == {"e": 0} else cbor(said)

    def _answer(self):
        if not self.theirs:
            return None
        newest = self.theirs[-1]
        if len(newest) == 2:
            secret, ciphertext = kem_encapsulate(newest[1], self.random(32))
            newest += [ciphertext, (blake3(newest[1]), blake3(ciphertext)), secret]
        return [newest[0], newest[2]]

    def _offer(self, now):
        due = self.at_once or self.messages >= 50 or now - self.at >= 7 * DAY
        if not self.offers and not self.theirs and due:
            key, secret = kem_keys(self.random(64))
            self.offers.append((blake3(key)[:8], key, secret))
            self.at_once = False
        return self.offers[-1][1] if self.offers else None

    def hear(self, said, in_newest_chain):
        """What an authenticated header of theirs says."""
        self.messages += 1
        if self.ahead or not in_newest_chain:
            return
        if "a" in said and not (self.ready and self.ready[0] == said["a"][0]):
            key_id, ciphertext = said["a"]
            key, secret = next(offer[1:] for offer in self.offers if offer[0] == key_id)
            hashes = blake3(key), blake3(ciphertext)
            self.ready, self.offers = (key_id, hashes, kem_decapsulate(secret, ciphertext)), []
        if "k" in said and all(their[0] != blake3(said["k"])[:8] for their in self.theirs):
            self.theirs = self.theirs[-1:] + [[blake3(said["k"])[:8], said["k"]]]


class Session:
    """State variables and functions under the names of the specification."""

    def __init__(self, digest, random, now, handshake, repeats_handshake=False):
        self.digest, self.random = digest, random
        self.handshake = handshake if repeats_handshake else None
        self.Ns = self.Nr = self.PN = 0
        self.CKs = self.CKr = self.DHr = None
        self.MKSKIPPED = {}
        self.steps = Steps(random, now, at_once=handshake["o"] is None)

    @classmethod
    def initiator(cls, sk, digest, handshake, signed_prekey, first_key, random, now):
        self = cls(digest, random, now, handshake, repeats_handshake=True)
        self.DHs, self.DHr = first_key, signed_prekey
        self.RK, self.CKs = kdf_rk(sk, dh(self.DHs, self.DHr))
        return self

    @classmethod
    def responder(cls, sk, digest, handshake, signed_prekey_secret, random, now):
        self = cls(digest, random, now, handshake)
        self.DHs, self.RK = signed_prekey_secret, sk
        return self

    def _aad(self, header, aad):
        return self.digest + u32(len(header)) + header + aad

    def encrypt(self, plaintext, aad, now):
        """Header fields, what the seventh of them says, and ciphertext."""
        if self.CKs is None:
            self.DHs = self.random(32)
            self.RK, self.CKs = kdf_rk(self.RK, dh(self.DHs, self.DHr), self.steps.own_chain(now))
        said = self.steps.say(self.Ns, now)
        self.CKs, mk = kdf_ck(self.CKs)
        fields = [1, SUITE, self.digest[:8], public(self.DHs), self.PN, self.Ns, said, self.handshake]
        header = cbor(fields)
        self.Ns += 1
        return fields, seal(mk, ZERO_NONCE, self._aad(header, aad), plaintext)

    def decrypt(self, fields, ciphertext, aad, now):
        _, _, _, ratchet, pn, n, said, _ = fields
        header, said = cbor(fields), decode(said) if said else {}
        mk = self.MKSKIPPED.pop((ratchet, n), None)
        if mk is None:
            if ratchet != self.DHr or self.CKr is None:
                self._skip(pn)
                self._dh_ratchet(ratchet, said, now)
            self._skip(n)
            self.CKr, mk = kdf_ck(self.CKr)
            self.Nr += 1
        self.handshake = None
        self.steps.hear(said, ratchet == self.DHr)
        return unseal(mk, ZERO_NONCE, self._aad(header, aad), ciphertext)

    def _skip(self, until):
        while self.CKr is not None and self.Nr < until:
            self.CKr, mk = kdf_ck(self.CKr)
            self.MKSKIPPED[self.DHr, self.Nr] = mk
            self.Nr += 1

    def _dh_ratchet(self, ratchet, said, now):
        self.PN, self.Ns, self.Nr, self.DHr = self.Ns, 0, 0, ratchet
        self.RK, self.CKr = kdf_rk(self.RK, dh(self.DHs, self.DHr), self.steps.their_chain(said, now))
        self.CKs = None
