"""Keys, thumbprints and signatures (SPEC sections 3.1 to 3.3)."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import cbor
from cbor import Entries, Item
from refusal import Refused

ED25519, ESP256 = -19, -9

DOMAINS = {
    "permit": b"juma/1/permit",
    "presentation": b"juma/1/presentation",
    "enrolment": b"juma/1/enrolment",
    "trust list": b"juma/1/trust-list",
    "status list": b"",
}


@dataclass(frozen=True)
class Key:
    algorithm: int
    x: bytes
    sign: bool = False  # of y; P-256 only

    @cached_property
    def unfit(self) -> str | None:
        """Why no signature may be checked with this key, if so."""
        if self.algorithm == ESP256:
            return "KEY_NOT_A_POINT" if self._p256 is None else None
        # Canonical: y below p, so that a key has one encoding and one kid.
        if int.from_bytes(self.x, "little") % 2**255 >= P or not _on_edwards_curve(self.x):
            return "KEY_NOT_A_POINT"
        return "KEY_SMALL_ORDER" if _small_order(self.x) else None

    @cached_property
    def thumbprint(self) -> bytes:
        if self.algorithm == ED25519:
            members = {1: 1, -1: 6, -2: self.x}
        else:
            if self._p256 is None:
                raise Refused("KEY_NOT_A_POINT")
            members = {1: 2, -1: 1, -2: self.x, -3: self._p256.public_numbers().y.to_bytes(32, "big")}
        return hashlib.sha256(cbor.encode(members)).digest()

    @property
    def kid(self) -> bytes:
        return self.thumbprint[:8]

    def holds(self, signature: bytes, message: bytes) -> bool:
        if self.unfit:
            return False
        return (self._ed25519_holds if self.algorithm == ED25519 else self._esp256_holds)(signature, message)

    def _ed25519_holds(self, signature: bytes, message: bytes) -> bool:
        # OpenSSL encodes [S]B - [k]A and compares the bytes, without the cofactor: an R that is no canonical encoding
        # never equals them. It says nothing of small orders.
        if int.from_bytes(signature[32:], "little") >= ORDER or _small_order(signature[:32]):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.x).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _esp256_holds(self, signature: bytes, message: bytes) -> bool:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not 1 <= r < P256_ORDER or not 1 <= s <= P256_ORDER // 2 or self._p256 is None:
            return False
        try:
            self._p256.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _p256(self) -> ec.EllipticCurvePublicKey | None:
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes([2 + self.sign]) + self.x)
        except ValueError:
            return None


def key(item: Item) -> Key:
    """A COSE_Key: exactly the members of its type."""
    entries = Entries(item)
    type_and_size = cbor.unsigned(entries.take(1)), entries.left + 1
    if type_and_size == (1, 3):
        if cbor.integer(entries.take(-1)) != 6:
            raise Refused("KEY_CURVE_UNKNOWN")
        return Key(ED25519, cbor.byte_string(entries.take(-2), 32))
    if type_and_size == (2, 4):
        if cbor.integer(entries.take(-1)) != 1:
            raise Refused("KEY_CURVE_UNKNOWN")
        return Key(ESP256, cbor.byte_string(entries.take(-2), 32), cbor.boolean(entries.take(-3)))
    raise Refused("KEY_TYPE_UNKNOWN")


def algorithm(item: Item, known: tuple[int, ...] = (ED25519, ESP256)) -> int:
    number = cbor.integer(item)
    if number not in known:
        raise Refused("ALGORITHM_UNKNOWN")
    return number


@dataclass(frozen=True)
class Signed:
    """The four elements of a COSE_Sign1, headers and payload as they were received."""

    protected: bytes
    payload: bytes
    signature: bytes

    def holds_under(self, key: Key, domain: str) -> bool:
        structure = ["Signature1", self.protected, DOMAINS[domain], self.payload]
        return key.holds(self.signature, cbor.encode(structure))


def signed(item: Item) -> Signed:
    protected, unprotected, payload, signature = cbor.array(item, 4)
    protected = cbor.byte_string(protected)
    Entries(unprotected, 0)
    return Signed(protected, cbor.byte_string(payload), cbor.byte_string(signature, 64))


P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _on_edwards_curve(encoded: bytes) -> bool:
    """Whether -x^2 + y^2 = 1 + d x^2 y^2 has an x for the y that is encoded."""
    y = _y(encoded)
    x_squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return x_squared == 0 or pow(x_squared, (P - 1) // 2, P) == 1


def _small_order(encoded: bytes) -> bool:
    """The eight points of small order have five y: 1, -1, 0 and those of order 8, for which d y^4 + 2 y^2 - 1 = 0."""
    y = _y(encoded)
    return y in (0, 1, P - 1) or (D * y ** 4 + 2 * y * y - 1) % P == 0


def _y(encoded: bytes) -> int:
    return (int.from_bytes(encoded, "little") & (1 << 255) - 1) % P
