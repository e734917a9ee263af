"""TEST ONLY: the keys of the vectors, which anyone can derive from their labels (fixtures/README.md)."""

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import cbor
from keys import DOMAINS, ED25519, ESP256, ORDER, P256_ORDER, Key


class Signer:
    def __init__(self, label: str) -> None:
        self.label = label
        self._secret = secret = hashlib.sha256(f"juma TEST ONLY {label}".encode()).digest()
        self._private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey
        if label.endswith("P-256"):
            self._private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
            public = self._private.public_key().public_numbers()
            self.key = Key(ESP256, public.x.to_bytes(32, "big"), public.y % 2 == 1)
        else:
            self._private = Ed25519PrivateKey.from_private_bytes(secret)
            self.key = Key(ED25519, self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        if isinstance(self._private, Ed25519PrivateKey):
            return self._private.sign(message)
        signature = self._private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        r, s = utils.decode_dss_signature(signature)
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")

    def sign_with_neutral_point(self, message: bytes) -> bytes:
        """R is the neutral element, and the equation of Ed25519 holds: only the order of R betrays it."""
        if not isinstance(self._private, Ed25519PrivateKey):
            return self.sign(message)
        scalar = int.from_bytes(hashlib.sha512(self._secret).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
        point = (1).to_bytes(32, "little")
        k = int.from_bytes(hashlib.sha512(point + self.key.x + message).digest(), "little")
        return point + (k * scalar % ORDER).to_bytes(32, "little")

    def sign_one(self, protected: bytes, payload: bytes, domain: str, neutral: bool = False) -> bytes:
        structure = cbor.encode(["Signature1", protected, DOMAINS[domain], payload])
        return self.sign_with_neutral_point(structure) if neutral else self.sign(structure)

    def sign_trust_list(self, protected: bytes, content: bytes) -> bytes:
        return self.sign(cbor.encode(["Signature", b"", protected, DOMAINS["trust list"], content]))


def signers(labels: list[str]) -> dict[bytes, Signer]:
    """By kid. The worlds name the labels of issuers and roots; devices are numbered."""
    numbered = [f"device {number}" for number in range(1, 21)] + [f"root {number}" for number in range(1, 6)]
    made = [Signer(label) for label in sorted({*labels, *numbered, "device P-256", "device 5 P-256"})]
    return {signer.key.kid: signer for signer in made}
