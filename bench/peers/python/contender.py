"""The Python contenders, `cwt` and `pycose`: they issue, verify, and answer the faults, line by line.

Neither library has a notion of a holder's proof. Here it is a second COSE_Sign1 by the same library, over [permit, {6: time, 10: nonce}]
and with the device's key, which the verifier takes from claim 8 (cnf) of the permit. What is done for that is the glue; a `Refused` is the
glue's, any other exception the library's.
"""

import json
import sys
import time
from importlib.metadata import version

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NONCE = bytes.fromhex("a0a1a2a3a4a5a6a7")
CRITICAL, KID, CNF, TYP = 2, 4, 8, 16


class Refused(Exception):
    """Not the library's refusal, but that of the lines around it."""


class Cwt:
    """`cwt`: CWT and COSE, with checks of exp and nbf."""

    packages = ("cwt", "cbor2", "cryptography")

    def __init__(self, issuer):
        import cwt

        self.key_of = cwt.COSEKey.new
        # The least leeway that it takes.
        self.cwt, self.cose = cwt.CWT.new(leeway=1), cwt.COSE.new(alg_auto_inclusion=True)
        self.issuer, self.issuer_public = self.private(issuer), self.public(issuer)

    def private(self, key):
        return self.key_of({1: 1, 2: bytes.fromhex(key["kid"]), 3: -19, -1: 6,
                            -2: bytes.fromhex(key["public"]), -4: bytes.fromhex(key["secret"])})

    def public(self, key):
        return self.key_of({1: 1, 2: bytes.fromhex(key["kid"]), 3: -19, -1: 6, -2: bytes.fromhex(key["public"])})

    @staticmethod
    def content(claims):
        # It sets nbf (5) to the time of the day where there is none.
        return {**claims, 5: claims[6]}

    def issue(self, claims):
        return self.cwt.encode_and_sign(self.content(claims), self.issuer)

    def present(self, permit, device, at):
        return self.cose.encode_and_sign(cbor2.dumps([permit, {6: at, 10: NONCE}]), device)

    def verify(self, shown):
        permit = permit_in(cbor2.loads(shown))
        claims = self.cwt.decode(permit, self.issuer_public)
        self.cose.decode(shown, self.key_of({**device_key(claims), 3: -19}))
        return claims


class Pycose:
    """`pycose`: COSE alone."""

    packages = ("pycose", "cbor2", "cryptography")

    def __init__(self, issuer):
        from pycose.algorithms import EdDSA
        from pycose.headers import KID, Algorithm
        from pycose.keys import CoseKey, OKPKey
        from pycose.messages import Sign1Message

        self.message, self.key_of, self.key_from = Sign1Message, OKPKey, CoseKey.from_dict
        self.algorithm, self.kid, self.eddsa = Algorithm, KID, EdDSA
        self.issuer, self.issuer_public = self.private(issuer), self.public(issuer)
        self.issuer_kid = bytes.fromhex(issuer["kid"])

    def private(self, key):
        return self.key_of(crv="ED25519", d=bytes.fromhex(key["secret"]), x=bytes.fromhex(key["public"]))

    def public(self, key):
        return self.key_of(crv="ED25519", x=bytes.fromhex(key["public"]))

    @staticmethod
    def content(claims):
        return claims

    def issue(self, claims):
        message = self.message({self.algorithm: self.eddsa, self.kid: self.issuer_kid}, payload=cbor2.dumps(claims))
        message.key = self.issuer
        return message.encode()

    def present(self, permit, device, at):
        message = self.message({self.algorithm: self.eddsa}, payload=cbor2.dumps([permit, {6: at, 10: NONCE}]))
        message.key = device
        return message.encode()

    def verify(self, shown):
        outer = self.message.decode(shown)
        inner = self.message.decode(permit_of(outer.payload))
        inner.key = self.issuer_public
        if not inner.verify_signature():
            raise ValueError("the issuer's signature")
        claims = cbor2.loads(inner.payload)
        outer.key = self.key_from(device_key(claims))
        if not outer.verify_signature():
            raise ValueError("the device's signature")
        return claims


def permit_in(shown):
    if not isinstance(shown, cbor2.CBORTag) or len(shown.value) != 4:
        raise Refused("no presentation")
    return permit_of(shown.value[2])


def permit_of(payload):
    content = cbor2.loads(payload)
    if not isinstance(content, list) or len(content) != 2:
        raise Refused("no permit in the presentation")
    return content[0]


def device_key(claims):
    if CNF not in claims:
        raise Refused("no device key")
    return dict(claims[CNF][1])


def sign1(protected, payload, secret, unprotected=None):
    """By hand, for faults that the libraries do not sign."""
    protected = cbor2.dumps(protected)
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    signature = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(message)
    return [protected, unprotected or {}, payload, signature]


def tagged(parts):
    return cbor2.dumps(cbor2.CBORTag(18, parts))


def faulty(contender, fault, given):
    """The fault in this form: always the same object but for what is wrong."""
    name = fault["id"]
    if name in ("trust-expired", "status-stale"):
        return None  # there is no such list to be handed over
    claims = bytes.fromhex(fault["permit"]["claims"])
    if name == "duplicate":
        claims = b"\xa5" + claims[1:7] + claims[1:]
    else:
        claims = cbor2.dumps(contender.content(cbor2.loads(claims)))
    signer = given["stranger" if name in ("stranger", "stolen-kid") else "issuer"]
    kid = given["stranger" if name == "stranger" else "issuer"]["kid"]
    header = {1: -8, KID: bytes.fromhex(kid)}
    if name == "critical":
        header |= {CRITICAL: [-70000], -70000: 1}
    if name == "other-kind":
        header[TYP] = "application/library-card+cwt"
    permit = sign1(header, claims, signer["secret"])
    if name == "changed-claim":
        permit[2] = permit[2].replace("路".encode(), "街".encode(), 1)
    if name == "changed-signature":
        permit[3] = bytes([permit[3][0] ^ 1]) + permit[3][1:]
    if name == "no-proof":
        return tagged(permit)
    device = given["other_device"] if name == "other-device" else fault["permit"]["device"]
    binding = {6: fault["shown_at"], 10: NONCE}
    shown = sign1({1: -8}, cbor2.dumps([tagged(permit), binding]), device["secret"])
    if name == "unprotected":
        shown[1] = {99: 1}
    if name == "changed-proof":
        shown[2] = cbor2.dumps([tagged(permit), {**binding, 6: binding[6] ^ 1}])
    shown = tagged(shown)
    if name == "trailing":
        shown += b"\0"
    if name == "long-form":
        shown = shown[:1] + b"\x98\x04" + shown[2:]
    return shown


def answer(contender, fault, given):
    shown = faulty(contender, fault, given)
    if shown is None:
        return {"by": "nothing to hand over", "why": ""}
    try:
        contender.verify(shown)
        if fault["id"] == "replayed":
            contender.verify(shown)
    except Refused as refusal:
        return {"by": "glue", "why": str(refusal)}
    except Exception as refusal:  # whatever the library throws
        return {"by": "library", "why": f"{type(refusal).__name__}: {refusal}"}
    return {"by": "accepted", "why": ""}


def main(name, path):
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    contender = {"cwt": Cwt, "pycose": Pycose}[name](given["issuer"])
    contents = [cbor2.loads(bytes.fromhex(permit["claims"])) for permit in given["permits"]]
    devices = [contender.private(permit["device"]) for permit in given["permits"]]
    permits = [contender.issue(claims) for claims in contents]
    shown = [contender.present(permit, device, given["now"]) for permit, device in zip(permits, devices)]

    messages = [cbor2.dumps(claims) for claims in contents]
    secret = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["issuer"]["secret"]))
    public, signatures = secret.public_key(), [secret.sign(message) for message in messages]
    device_bytes = [bytes.fromhex(permit["device"]["public"]) for permit in given["permits"]]
    device_signatures = [
        Ed25519PrivateKey.from_private_bytes(bytes.fromhex(permit["device"]["secret"])).sign(message)
        for permit, message in zip(given["permits"], messages)
    ]

    def bare_verify(i):
        public.verify(signatures[i], messages[i])
        Ed25519PublicKey.from_public_bytes(device_bytes[i]).verify(device_signatures[i], messages[i])

    work = {
        "issue": lambda i: contender.issue(contents[i]),
        "verify": lambda i: contender.verify(shown[i]),
        "bare-sign": lambda i: secret.sign(messages[i]),
        "bare-verify": bare_verify,
    }
    for line in sys.stdin:
        match line.split():
            case ["hello"]:
                said = {
                    "versions": [f"{package} {version(package)}" for package in contender.packages],
                    "mode": "byte",
                    "issued": [len(permit) for permit in permits],
                    "shown": [len(code) for code in shown],
                    "text": [len(code) for code in shown],
                }
            case ["faults"]:
                said = {fault["id"]: answer(contender, fault, given) for fault in given["faults"]}
            case [what, times]:
                one, count = work[what], len(permits)
                start = time.perf_counter_ns()
                for i in range(int(times)):
                    one(i % count)
                said = time.perf_counter_ns() - start
        print(json.dumps(said), flush=True)


main(*sys.argv[1:])
