"""Permits, presentations, challenges and enrolments (SPEC sections 3.4, 4 and 5)."""

from dataclasses import dataclass

import cbor
import keys
import values
from cbor import Entries, Item
from keys import Key, Signed
from refusal import Refused

LIVE, VOUCHER = 1, 2
AGENT, PORTRAIT, VOUCHER_NOTE = 1, 2, 3
MOST_BYTES = 2_048


def read_presentation(data: bytes) -> "Presentation":
    return _presentation(cbor.read_object(data, MOST_BYTES, keys.signed))


def read_permit(data: bytes) -> "Permit":
    return _permit(cbor.read_object(data, MOST_BYTES, keys.signed))


def read_live_permit(data: bytes) -> "Permit":
    """A permit that is malformed where its first element is not kind 1, whatever follows."""
    return _permit(cbor.read_object(data, MOST_BYTES, keys.signed), live_only=True)


def read_challenge(data: bytes) -> "Challenge":
    return cbor.read_object(data, 512, _challenge)


def read_enrolment(data: bytes) -> "Enrolment":
    return _enrolment(cbor.read_object(data, 512, keys.signed))


@dataclass(frozen=True)
class Permit:
    signed: Signed
    kid: bytes
    issued_at: int
    expires_at: int
    device_key: Key | None
    kind: int
    division: str  # of the address
    endorsed_until: int
    status_list: int
    status_index: int
    extensions: frozenset[int]


def _permit(signed: Signed, live_only: bool = False) -> Permit:
    kid = cbor.read_object(signed.protected, 16, _permit_header)
    return cbor.read_object(signed.payload, MOST_BYTES, lambda claims: _permit_claims(claims, signed, kid, live_only))


def _permit_header(item: Item) -> bytes:
    entries = Entries(item, 2)
    keys.algorithm(entries.take(1), (keys.ED25519,))
    return cbor.byte_string(entries.take(4), 8)


def _permit_claims(item: Item, signed: Signed, kid: bytes, live_only: bool) -> Permit:
    entries = Entries(item)
    expires_at = values.timestamp(entries.take(4))
    issued_at = values.timestamp(entries.take(6))
    if entries.left not in (1, 2):
        raise Refused("CLAIMS_UNKNOWN")
    device_key = _confirmation(entries.take(8)) if entries.left == 2 else None
    fields = cbor.array(entries.take(-65537))
    if len(fields) not in (10, 11):
        raise Refused("FIELDS")
    kind = cbor.unsigned(fields[0])
    if live_only and kind != LIVE:
        raise Refused("VOUCHER_IN_PRESENTATION")
    values.residence_code(fields[1])
    values.name(fields[2])
    born_on = values.citizen_id_birth(fields[3])
    values.ethnicity(fields[4])
    values.place(fields[5])
    division = values.place(fields[6])
    issued_on = values.day(fields[7])
    endorsed_until = values.day(fields[8])
    status_list, status_index = map(cbor.unsigned, cbor.array(fields[9], 2))
    extensions = _extensions(fields[10]) if len(fields) == 11 else frozenset()
    if kind not in (LIVE, VOUCHER):
        raise Refused("KIND_UNKNOWN")
    if (device_key is not None) != (kind == LIVE) or (VOUCHER_NOTE in extensions) != (kind == VOUCHER):
        raise Refused("KIND_AND_CLAIMS")
    if expires_at <= issued_at:
        raise Refused("EXPIRY_BEFORE_ISSUE")
    if endorsed_until < issued_on:
        raise Refused("ENDORSED_BEFORE_ISSUE")
    if born_on > issued_on:
        raise Refused("BORN_AFTER_ISSUE")
    return Permit(
        signed, kid, issued_at, expires_at, device_key, kind, division, endorsed_until, status_list, status_index,
        extensions,
    )


def _confirmation(item: Item) -> Key:
    return keys.key(Entries(item, 1).take(1))


def _extensions(item: Item) -> frozenset[int]:
    if not isinstance(item, cbor.Map):
        raise Refused("SHAPE")
    if not item.pairs:
        raise Refused("EXTENSIONS_EMPTY")
    numbers: list[int] = []
    for key, value in item.pairs:
        number = cbor.unsigned(key)
        if numbers and number <= numbers[-1]:
            raise Refused("NOT_DETERMINISTIC")
        _extension(number, value)
        numbers.append(number)
    return frozenset(numbers)


def _extension(key: int, value: Item) -> None:
    if key == 0:
        raise Refused("EXTENSION_ZERO")
    if key == AGENT:
        name, relation = cbor.array(value, 2)
        values.name(name)
        cbor.unsigned(relation)
    elif key == PORTRAIT:
        cbor.byte_string(value, 16)
    elif key == VOUCHER_NOTE:
        serial, printed_at = cbor.array(value, 2)
        values.display_text(serial, 40)
        values.display_text(printed_at, 60)
    else:
        cbor.any_value(value)


@dataclass(frozen=True)
class Presentation:
    signed: Signed
    algorithm: int
    permit: Permit
    made_at: int
    nonce: bytes
    counter: str | None
    cnonce: bytes | None


def _presentation(signed: Signed) -> Presentation:
    algorithm, envelope = cbor.read_object(signed.protected, MOST_BYTES, _presentation_header)
    permit = _permit(keys.signed(envelope))
    if permit.kind != LIVE:
        raise Refused("VOUCHER_IN_PRESENTATION")
    return cbor.read_object(signed.payload, 128, lambda binding: Presentation(
        signed, algorithm, permit, **_binding(binding)
    ))


def _presentation_header(item: Item) -> tuple[int, Item]:
    entries = Entries(item, 2)
    return keys.algorithm(entries.take(1)), entries.take(13)


def _binding(item: Item) -> dict:
    entries = Entries(item)
    answers = entries.left == 4
    counter = values.identifier(entries.take(3)) if answers else None
    made_at = values.timestamp(entries.take(6))
    nonce = cbor.byte_string(entries.take(10), 8)
    cnonce = cbor.byte_string(entries.take(39), 16) if answers else None
    entries.end("CLAIMS_UNKNOWN")
    return {"made_at": made_at, "nonce": nonce, "counter": counter, "cnonce": cnonce}


@dataclass(frozen=True)
class Challenge:
    counter: str
    cnonce: bytes


def _challenge(item: Item) -> Challenge:
    fields = cbor.array(item)
    if len(fields) not in (2, 3):
        raise Refused("FIELDS")
    challenge = Challenge(values.identifier(fields[0]), cbor.byte_string(fields[1], 16))
    if len(fields) == 3:
        values.display_text(fields[2], 40)
    return challenge


@dataclass(frozen=True)
class Enrolment:
    signed: Signed
    algorithm: int
    device_key: Key

    def prove(self) -> None:
        """That the device has the key which it asks to be bound."""
        if self.device_key.unfit:
            raise Refused(self.device_key.unfit)
        if self.algorithm != self.device_key.algorithm:
            raise Refused("ENROLMENT_ALGORITHM")
        if not self.signed.holds_under(self.device_key, "enrolment"):
            raise Refused("ENROLMENT_SIGNATURE")


def _enrolment(signed: Signed) -> Enrolment:
    algorithm = cbor.read_object(signed.protected, 8, lambda header: keys.algorithm(Entries(header, 1).take(1)))
    return cbor.read_object(signed.payload, 512, lambda claims: Enrolment(signed, algorithm, _enrolment_key(claims)))


def _enrolment_key(item: Item) -> Key:
    entries = Entries(item, 4)
    values.timestamp(entries.take(6))
    key = _confirmation(entries.take(8))
    cbor.byte_string(entries.take(10), 16)
    values.residence_code(entries.take(-65538))
    return key
