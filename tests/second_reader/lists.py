"""Trust lists and status lists: reading them, and taking them into use (SPEC sections 6 and 7)."""

import zlib
from dataclasses import dataclass

import cbor
import keys
import values
from cbor import Entries, Item
from keys import DOMAINS, Key, Signed
from refusal import Refused

CLOCKS_DIFFER = 120
USAGE_PERMIT, USAGE_VOUCHER, USAGE_STATUS = 1, 2, 3


# Taking a trust list into use.

def take_first_trust_list(data: bytes, root_thumbprint: bytes, now: int) -> "TrustList":
    offered = read_trust_list(data)
    installed = [root for root in offered.roots if root.thumbprint == root_thumbprint]
    if not any(map(offered.is_signed_by, installed)):
        raise Refused("TRUST_NOT_THE_ROOT")
    return _by_its_own_word(offered, now, may_have_expired=False)


def take_next_trust_list(data: bytes, in_use: "TrustList", now: int) -> "TrustList":
    """The list in use from now on; the very object that was in use before if the bytes are the same."""
    if data == in_use.data:
        return in_use
    offered = read_trust_list(data)
    if not offered.is_signed_by_threshold_of(in_use):
        raise Refused("TRUST_CURRENT_THRESHOLD")
    if offered.version < in_use.version:
        raise Refused("TRUST_ROLLBACK")
    if offered.version == in_use.version:
        raise Refused("TRUST_SAME_VERSION")
    roots_change = offered.root_entry != in_use.root_entry
    if roots_change and offered.version != in_use.version + 1:
        raise Refused("TRUST_ROOT_CHANGE_SKIPS")
    if offered.version > in_use.version + 10_000:
        raise Refused("TRUST_VERSION_JUMP")
    return _by_its_own_word(offered, now, may_have_expired=roots_change)


def _by_its_own_word(offered: "TrustList", now: int, may_have_expired: bool) -> "TrustList":
    _check_time(offered, now, may_have_expired)
    _check_content(offered)
    if not offered.is_signed_by_threshold_of(offered):
        raise Refused("TRUST_OWN_THRESHOLD")
    return offered


def _check_time(offered: "TrustList", now: int, may_have_expired: bool) -> None:
    if offered.issued_at > now + CLOCKS_DIFFER:
        raise Refused("TRUST_FROM_FUTURE")
    if now >= offered.expires_at and not may_have_expired:
        raise Refused("TRUST_EXPIRED")


def _check_content(offered: "TrustList") -> None:
    if offered.expires_at <= offered.issued_at:
        raise Refused("TRUST_EXPIRY")
    prefixes = [rule.prefix for rule in offered.rules]
    if len(set(prefixes)) < len(prefixes):
        raise Refused("TRUST_DUPLICATE_RULE")
    identifiers, addresses, kids = set(), set(), set()
    for issuer in offered.issuers:
        if issuer.identifier in identifiers:
            raise Refused("TRUST_DUPLICATE_ISSUER")
        if not _is_status_address(issuer.status_address):
            raise Refused("TRUST_STATUS_URI")
        if issuer.status_address in addresses:
            raise Refused("TRUST_DUPLICATE_STATUS_URI")
        if not issuer.prefixes or not issuer.keys:
            raise Refused("TRUST_ISSUER_INCOMPLETE")
        if not all(any(prefix.startswith(ruled) for ruled in prefixes) for prefix in issuer.prefixes):
            raise Refused("TRUST_NO_RULE")
        identifiers.add(issuer.identifier)
        addresses.add(issuer.status_address)
        for issuer_key in issuer.keys:
            _check_issuer_key(issuer_key, kids)
            kids.add(issuer_key.key.kid)


def _check_issuer_key(issuer_key: "IssuerKey", kids: set[bytes]) -> None:
    if issuer_key.key.unfit:
        raise Refused("TRUST_KEY_UNFIT")
    if issuer_key.key.kid in kids:
        raise Refused("TRUST_DUPLICATE_KID")
    if not issuer_key.usages:
        raise Refused("TRUST_ISSUER_INCOMPLETE")
    if set(issuer_key.usages) & {USAGE_PERMIT, USAGE_VOUCHER} and issuer_key.key.algorithm != keys.ED25519:
        raise Refused("TRUST_KEY_ALGORITHM")
    if issuer_key.not_after <= issuer_key.not_before:
        raise Refused("TRUST_KEY_PERIOD")


def _is_status_address(text: str) -> bool:
    return text.startswith("https://") and len(text.encode()) <= 256 and _visible_ascii(text)


def _visible_ascii(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


# Reading a trust list.

@dataclass(frozen=True)
class IssuerKey:
    key: Key
    usages: list[int]
    not_before: int
    not_after: int
    compromised_from: int | None
    specimen: bool | None

    def is_compromised_at(self, time: int) -> bool:
        return self.compromised_from is not None and time >= self.compromised_from


@dataclass(frozen=True)
class Issuer:
    identifier: str
    prefixes: list[str]
    keys: list[IssuerKey]
    status_address: str

    def may_sign_for(self, division: str) -> bool:
        return any(division.startswith(prefix) for prefix in self.prefixes)


@dataclass(frozen=True)
class RegionRule:
    prefix: str
    window_months: int
    window_days: int
    auto_cancel_years: int | None
    live_codes: bool
    has_voucher: bool

    def window_opens(self, endorsed_until: int) -> int:
        return values.moved_by_months(endorsed_until, -self.window_months) - self.window_days

    def auto_cancelled_on(self, endorsed_until: int) -> int | None:
        if self.auto_cancel_years is None:
            return None
        day = values.moved_by_months(endorsed_until, 12 * self.auto_cancel_years) + 1
        return day if day <= values.LAST_DAY else None


@dataclass(frozen=True)
class TrustList:
    data: bytes
    content: bytes
    signatures: list[tuple[bytes, int, bytes, bytes]]  # protected, algorithm, kid, signature
    version: int
    issued_at: int
    expires_at: int
    root_entry: bytes
    threshold: int
    roots: list[Key]
    issuers: list[Issuer]
    rules: list[RegionRule]

    def is_signed_by(self, root: Key) -> bool:
        for protected, algorithm, kid, signature in self.signatures:
            structure = ["Signature", b"", protected, DOMAINS["trust list"], self.content]
            if (algorithm, kid) == (root.algorithm, root.kid) and root.holds(signature, cbor.encode(structure)):
                return True
        return False

    def is_signed_by_threshold_of(self, other: "TrustList") -> bool:
        return sum(map(self.is_signed_by, other.roots)) >= other.threshold

    def issuer_key(self, kid: bytes) -> tuple[Issuer, IssuerKey] | None:
        for issuer in self.issuers:
            for issuer_key in issuer.keys:
                if issuer_key.key.kid == kid:
                    return issuer, issuer_key
        return None

    def rule_for(self, division: str) -> RegionRule | None:
        ruling = [rule for rule in self.rules if division.startswith(rule.prefix)]
        return max(ruling, key=lambda rule: len(rule.prefix), default=None)


def read_trust_list(data: bytes) -> TrustList:
    try:
        content, signatures = cbor.read_object(data, MOST_BYTES_TRUST, _trust_list)
        return cbor.read_object(
            content, MOST_BYTES_TRUST, lambda item: TrustList(data, content, signatures, *_content(item)), 400_000
        )
    except Refused as refused:
        raise Refused("TRUST_MALFORMED", refused.code) from None


MOST_BYTES_TRUST = 4_194_304


def _trust_list(item: Item) -> tuple[bytes, list[tuple[bytes, int, bytes, bytes]]]:
    protected, unprotected, content, signatures = cbor.array(cbor.tagged(item, 98), 4)
    cbor.byte_string(protected, 0)
    Entries(unprotected, 0)
    content = cbor.byte_string(content)
    signatures = cbor.array(signatures)
    if not 1 <= len(signatures) <= 32:
        raise Refused("SIGNATURES")
    return content, [_root_signature(signature) for signature in signatures]


def _root_signature(item: Item) -> tuple[bytes, int, bytes, bytes]:
    protected, unprotected, signature = cbor.array(item, 3)
    protected = cbor.byte_string(protected)
    algorithm, kid = cbor.read_object(protected, 16, _root_header)
    Entries(unprotected, 0)
    return protected, algorithm, kid, cbor.byte_string(signature, 64)


def _root_header(item: Item) -> tuple[int, bytes]:
    entries = Entries(item, 2)
    return keys.algorithm(entries.take(1)), cbor.byte_string(entries.take(4), 8)


def _content(item: Item) -> tuple:
    entries = Entries(item, 6)
    version = cbor.unsigned(entries.take(1))
    if not 1 <= version <= 4_294_967_295:
        raise Refused("TRUST_VERSION_RANGE")
    issued_at = values.timestamp(entries.take(2))
    expires_at = values.timestamp(entries.take(3))
    root_entry = entries.take(4)
    threshold, roots = cbor.array(root_entry, 2)
    threshold, roots = cbor.unsigned(threshold), [keys.key(root) for root in cbor.array(roots)]
    if not 1 <= threshold <= len(roots) <= 32 or len(set(roots)) < len(roots):
        raise Refused("TRUST_THRESHOLD")
    if any(root.unfit for root in roots):
        raise Refused("TRUST_KEY_UNFIT")
    issuers = [_issuer(issuer) for issuer in cbor.array(entries.take(5))]
    rules = [_region_rule(rule) for rule in cbor.array(entries.take(6))]
    if any(key.specimen is False for issuer in issuers for key in issuer.keys):
        raise Refused("NOT_DETERMINISTIC")  # false has a shorter form: nothing
    return version, issued_at, expires_at, cbor.encode(root_entry), threshold, roots, issuers, rules


def _issuer(item: Item) -> Issuer:
    entries = Entries(item, 5)
    identifier = values.identifier(entries.take(1))
    values.display_text(entries.take(2), 60)
    prefixes = [values.division_prefix(prefix) for prefix in cbor.array(entries.take(3))]
    issuer_keys = [_issuer_key(issuer_key) for issuer_key in cbor.array(entries.take(4))]
    return Issuer(identifier, prefixes, issuer_keys, cbor.text(entries.take(5)))


def _issuer_key(item: Item) -> IssuerKey:
    entries = Entries(item)
    key = keys.key(entries.take(1))
    usages = [_usage(usage) for usage in cbor.array(entries.take(2))]
    if any(after <= before for before, after in zip(usages, usages[1:])):
        raise Refused("USAGES_UNORDERED")
    not_before = values.timestamp(entries.take(3))
    not_after = values.timestamp(entries.take(4))
    compromised_from = values.timestamp(entries.take(5)) if entries.next_is(5) else None
    specimen = cbor.boolean(entries.take(6)) if entries.next_is(6) else None
    entries.end()
    return IssuerKey(key, usages, not_before, not_after, compromised_from, specimen)


def _usage(item: Item) -> int:
    usage = cbor.unsigned(item)
    if usage not in (USAGE_PERMIT, USAGE_VOUCHER, USAGE_STATUS):
        raise Refused("USAGE_UNKNOWN")
    return usage


def _region_rule(item: Item) -> RegionRule:
    entries = Entries(item)
    prefix = values.division_prefix(entries.take(1))
    values.display_text(entries.take(2), 40)
    months, days = _window(entries.take(3))
    years = cbor.unsigned(entries.take(4)) if entries.next_is(4) else None
    if years is not None and not 1 <= years <= 20:
        raise Refused("AUTO_CANCEL" if years > 255 else "REGION_AUTO_CANCEL_YEARS")
    live_codes = cbor.boolean(entries.take(5))
    has_voucher = entries.at_most_one_left("FIELDS")
    if has_voucher:
        values.display_text(entries.take(6), 40)
    return RegionRule(prefix, months, days, years, live_codes, has_voucher)


def _window(item: Item) -> tuple[int, int]:
    """The window as months and days, of which one is 0. A length that is far too great has a code of its own."""
    unit, length = map(cbor.unsigned, cbor.array(item, 2))
    if unit not in (1, 2) or length > (255 if unit == 1 else 65_535):
        raise Refused("WINDOW")
    if not 1 <= length <= (12 if unit == 1 else 366):
        raise Refused("REGION_WINDOW")
    return (length, 0) if unit == 1 else (0, length)


# Status lists.

@dataclass(frozen=True)
class StatusList:
    data: bytes
    signed: Signed
    algorithm: int
    kid: bytes
    subject: str
    issued_at: int
    expires_at: int | None
    compressed: bytes
    entries: bytes = b""

    def entry(self, index: int) -> int | None:
        if index >= 4 * len(self.entries):
            return None
        return self.entries[index // 4] >> 2 * (index % 4) & 3


def take_status_list(data: bytes, in_use: StatusList | None, trust: TrustList, now: int) -> StatusList:
    """`in_use` is the list in use with the same subject."""
    offered = read_status_list(data)
    refusal = why_key_does_not_stand(offered, trust)
    if refusal:
        raise Refused(refusal)
    key = trust.issuer_key(offered.kid)[1].key
    if offered.algorithm != key.algorithm:
        raise Refused("STATUS_ALGORITHM")
    if not offered.signed.holds_under(key, "status list"):
        raise Refused("STATUS_SIGNATURE")
    offered = StatusList(**{**vars(offered), "entries": inflated(offered.compressed)})
    if in_use is not None and offered.data != in_use.data:
        if offered.issued_at < in_use.issued_at:
            raise Refused("STATUS_ROLLBACK")
        if offered.issued_at == in_use.issued_at:
            raise Refused("STATUS_SAME_TIME")
    if offered.issued_at > now + CLOCKS_DIFFER:
        raise Refused("STATUS_FROM_FUTURE")
    if offered.expires_at is not None and now >= offered.expires_at:
        raise Refused("STATUS_EXPIRED")
    return offered


def why_key_does_not_stand(status: StatusList, trust: TrustList) -> str | None:
    """Why the key that a status list names may not have signed it, by a trust list that may be newer than it."""
    found = trust.issuer_key(status.kid)
    if found is None:
        return "STATUS_KEY_UNKNOWN"
    issuer, key = found
    in_force = key.not_before <= status.issued_at < key.not_after
    if USAGE_STATUS not in key.usages or not in_force or key.is_compromised_at(status.issued_at):
        return "STATUS_KEY_USAGE"
    address, _, number = status.subject.rpartition("/")
    if address != issuer.status_address or not _is_list_number(number):
        return "STATUS_SUBJECT"
    return None


def _is_list_number(digits: str) -> bool:
    return digits.isascii() and digits.isdecimal() and str(int(digits)) == digits and int(digits) < 1 << 64


def read_status_list(data: bytes) -> StatusList:
    try:
        signed = cbor.read_object(data, MOST_BYTES_STATUS, lambda item: keys.signed(cbor.tagged(item, 18)))
        algorithm, kid = cbor.read_object(signed.protected, 64, _status_header)
        return cbor.read_object(signed.payload, MOST_BYTES_STATUS, lambda claims: StatusList(
            data, signed, algorithm, kid, *_status_claims(claims)
        ))
    except Refused as refused:
        raise Refused("STATUS_MALFORMED", refused.code) from None


MOST_BYTES_STATUS = 300_000
MOST_BYTES_INFLATED = 262_144


def _status_header(item: Item) -> tuple[int, bytes]:
    entries = Entries(item, 3)
    algorithm = keys.algorithm(entries.take(1))
    kid = cbor.byte_string(entries.take(4), 8)
    if cbor.text(entries.take(16)) != "application/statuslist+cwt":
        raise Refused("TYPE")
    return algorithm, kid


def _status_claims(item: Item) -> tuple[str, int, int | None, bytes]:
    entries = Entries(item)
    subject = cbor.text(entries.take(2))
    if len(subject.encode()) > 280 or not _visible_ascii(subject):
        raise Refused("STATUS_URI")
    expires_at = values.timestamp(entries.take(4)) if entries.next_is(4) else None
    issued_at = values.timestamp(entries.take(6))
    lst = Entries(entries.take(65533), 2)
    compressed = cbor.byte_string(lst.take_named("lst"))
    if cbor.unsigned(lst.take_named("bits")) != 2:
        raise Refused("STATUS_BITS")
    if entries.at_most_one_left("CLAIMS_UNKNOWN"):
        cbor.unsigned(entries.take(65534))
    return subject, issued_at, expires_at, compressed


def inflated(compressed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        # One byte more than is allowed is enough to know.
        plain = stream.decompress(compressed, MOST_BYTES_INFLATED + 1)
    except zlib.error:
        raise Refused("STATUS_ZLIB") from None
    if len(plain) > MOST_BYTES_INFLATED:
        raise Refused("STATUS_TOO_LARGE")
    if not stream.eof or stream.unused_data:
        raise Refused("STATUS_ZLIB")
    return plain
