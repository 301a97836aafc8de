"""Keys of an account and a key log, from pairing/SPEC.md, sections Identities and Key log."""

from vectors_primitives import blake3, cbor, derive_key, kem_keys, public, seed, sign, verifying

OP = b"covey key log op v1\0"
ROTATION = b"covey key log rotation v1\0"
SUCCESSOR = b"covey key log successor v1\0"
CONTEST = b"covey key log contest v1\0"
JOIN = b"covey device join v1\0"
NOW = 1_767_225_600_000


class Account:
    """The keys of a seed after some rotations."""

    def __init__(self, seed_bytes, rotations):
        self.seed = seed_bytes
        material = seed_bytes + rotations.to_bytes(4, "little") if rotations else seed_bytes
        self.signing = derive_key("covey 2026 account signing key v1", material)
        self.dh = derive_key("covey 2026 account dh key v1", material)
        self.kem = derive_key("covey 2026 account kem key v1", material, 64)
        self.id = verifying(derive_key("covey 2026 account signing key v1", seed_bytes))

    def recovery(self, index):
        return derive_key("covey 2026 account recovery key v1", self.seed + index.to_bytes(4, "little"))

    def commitment(self, index):
        return blake3(verifying(self.recovery(index)))


class Device:
    def __init__(self, seed_bytes):
        self.seed = seed_bytes
        self.signing = derive_key("covey 2026 device signing key v1", seed_bytes)
        self.network = derive_key("covey 2026 device network key v1", seed_bytes)
        dh = public(derive_key("covey 2026 device dh key v1", seed_bytes))
        self.keys = {"id": verifying(self.signing), "dh": dh, "network": verifying(self.network)}
        self.id = self.keys["id"]

    def agrees(self, account):
        message = account + self.id + self.keys["dh"] + self.keys["network"]
        return sign(self.signing, JOIN, message) + sign(self.network, JOIN, message)


class Log:
    """The list of operations as it travels, and what the next one stands on."""

    def __init__(self, account):
        self.account, self.ops, self.seq, self.head = account.id, [], 0, bytes(32)
        self.root, self.rotations = None, []
        genesis = {"dh": public(account.dh), "next": account.commitment(0)}
        self.ordinary(account, {"Genesis": genesis})
        self.root, self.after = 1, self.head

    def ordinary(self, keys, operation):
        content = {"v": 1, "account": self.account, "seq": self.seq, "prev": self.head, "at": NOW, "operation": operation}
        content = cbor(content)
        self.ops.append([content, sign(keys.signing, OP, content)])
        self.seq, self.head = self.seq + 1, blake3(content)

    def add(self, keys, device, number):
        add = {"device": device.keys, "number": number, "proof": device.agrees(self.account)}
        self.ordinary(keys, {"Add": add})

    def revoke(self, keys, device, cutoffs):
        self.ordinary(keys, {"Revoke": {"device": device.id, "cutoffs": cutoffs}})

    def rotate(self, account, keys, index, place, prev, numbers, devices, out):
        """`numbers`: the highest ever given; `devices`: [(device, number)]; `out`: [(device, cutoffs)]."""
        restated = [[device.keys, number, NOW, device.agrees(self.account)] for device, number in devices]
        content = cbor({
            "v": 1, "key": verifying(keys.signing), "dh": public(keys.dh), "prev": prev, "at": NOW,
            "numbers": numbers, "devices": restated, "out": [[device.id, cutoffs] for device, cutoffs in out],
        })
        recovery = account.recovery(index)
        head = cbor([1, index, verifying(recovery), account.commitment(index + 1), place, blake3(content)])
        name = derive_key("covey 2026 key log rotation v1", self.after + head)
        rotation = [head, sign(recovery, ROTATION, name), content, sign(keys.signing, SUCCESSOR, name)]
        older = [folded(op) for op in self.ops if len(op) > 2]
        self.ops = self.ops[: self.root] + older + [rotation]
        self.seq, self.head, self.after = place + 1, name, name
        self.rotations.append(name)

    def bytes(self):
        return cbor(self.ops)


def folded(rotation):
    return [rotation[0], rotation[1], None]


def identity():
    seed_bytes = seed("identity/account")
    keys = [Account(seed_bytes, n) for n in range(3)]
    devices = [Device(seed(f"identity/device {n}")) for n in range(4)]
    desk, phone, thief, fresh = devices
    cutoffs = [{"channel": seed("identity/channel"), "incarnation": 2, "seq": 41}]

    log = Log(keys[0])
    log.add(keys[0], desk, 1)
    log.add(keys[0], phone, 2)
    stands_on = log.head
    log.add(keys[0], thief, 3)
    before = list(log.ops)
    stages = [log.bytes()]
    # The thief's device is superseded, the phone is lost and ends where it did, the desk stays.
    log.rotate(keys[0], keys[1], 0, 3, stands_on, 4, [(desk, 1), (fresh, 4)], [(phone, cutoffs), (thief, [])])
    first = log.ops[-1]
    stages.append(log.bytes())
    contest = cbor([1, before, folded(first), phone.id, sign(phone.signing, CONTEST, log.rotations[0])])
    log.rotate(keys[1], keys[2], 1, 4, log.head, 4, [(fresh, 4)], [(desk, []), (phone, cutoffs)])
    stages.append(log.bytes())
    log.revoke(keys[2], fresh, cutoffs)
    stages.append(log.bytes())
    return {
        "seed": seed_bytes.hex(),
        "now": NOW,
        "account": keys[0].id.hex(),
        "keys": [
            {
                "signing": k.signing.hex(),
                "dh": public(k.dh).hex(),
                "kem_hash": blake3(kem_keys(k.kem)[0]).hex(),
                "recovery": verifying(k.recovery(n)).hex(),
                "commitment": k.commitment(n).hex(),
            }
            for n, k in enumerate(keys)
        ],
        "devices": [d.seed.hex() for d in devices],
        "channel": seed("identity/channel").hex(),
        "logs": [stage.hex() for stage in stages],
        "rotations": [name.hex() for name in log.rotations],
        "contest": contest.hex(),
        "head": log.head.hex(),
    }
