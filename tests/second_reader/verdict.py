"""The thirteen steps from the codes in view to a verdict (SPEC section 8)."""

import re
from dataclasses import dataclass, field
from functools import cache

import digits
import keys
import permit as permits
import values
from lists import Issuer, IssuerKey, RegionRule, StatusList, TrustList, why_key_does_not_stand
from permit import VOUCHER, Challenge, Permit, Presentation
from refusal import Refused

MOST_AGE, MOST_AHEAD, MOST_BEHIND, MOST_CHALLENGE_AGE = 30, 5, 120, 60
KEPT_SECONDS = 300


@dataclass(frozen=True)
class Asked:
    """What the counter asked for: nothing, a challenge, or one that cannot be answered any more or here."""

    state: str  # "nothing", "challenge", "used", "foreign"
    challenge: Challenge | None = None
    age: int = 0


@dataclass
class Verifier:
    trust: TrustList | None
    status_lists: dict[str, StatusList]
    newest_signed_time: int
    most_status_age: int
    guard: "ReplayGuard" = field(default_factory=lambda: ReplayGuard())


@dataclass(frozen=True)
class Verdict:
    code: str
    step: int
    assurance: str | None = None
    rule: RegionRule | None = None
    permit: Permit | None = None

    @property
    def outcome(self) -> str:
        return reason_codes()[self.code].outcome


class Decided(Exception):
    """A step failed, and so decided."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def verify(verifier: Verifier, frame: list[str], now: int, asked: Asked) -> Verdict:
    check = _Check(verifier, now, asked)
    try:
        code = check.run(frame)
    except Decided as decided:
        code = decided.code
    return Verdict(code, check.step, check.assurance, check.rule, check.permit)


class _Check:
    permit: Permit | None = None
    presentation: Presentation | None = None
    rule: RegionRule | None = None
    assurance: str | None = None
    issuer: Issuer
    issuer_key: IssuerKey

    def __init__(self, verifier: Verifier, now: int, asked: Asked) -> None:
        self.verifier, self.now, self.asked = verifier, now, asked
        self.step = 0

    def run(self, frame: list[str]) -> str:
        self.step = 1
        kind, data = self.code(frame)
        self.step = 2
        self.permit, self.presentation = self.parse(kind, data)
        for step, check in enumerate((
            self.trust_list, self.key, self.issuer_signature, self.scope, self.holder_proof, self.freshness,
            self.validity, self.status, self.endorsement, self.replay,
        ), start=3):
            self.step = step
            check()
        self.step = 13
        return self.accepted()

    def code(self, frame: list[str]) -> tuple[int, bytes]:
        ours = {
            text for text in frame
            if re.match("861[12]", text) or re.match("86[02-9][0-9]", text) and len(text.encode()) not in (12, 13)
        }
        if len(ours) > 1:
            raise Decided("MULTIPLE_CODES")
        if not ours:
            raise Decided("NOT_A_PERMIT_CODE" if frame else "NO_CODE")
        try:
            return digits.read_text(ours.pop())
        except Refused as refused:
            raise Decided("UNSUPPORTED_VERSION" if refused.code == "UNSUPPORTED_VERSION" else "MALFORMED") from None

    def parse(self, kind: int, data: bytes) -> tuple[Permit, Presentation | None]:
        unknown_division = False
        if kind == 1:
            try:
                presentation = permits.read_presentation(data)
                return presentation.permit, presentation
            except Refused as refused:
                unknown_division = refused.code == "DIVISION_UNKNOWN"
        try:
            return (permits.read_live_permit if kind == 1 else permits.read_permit)(data), None
        except Refused as refused:
            unknown_division = unknown_division or refused.code == "DIVISION_UNKNOWN"
        raise Decided("UNSUPPORTED_VERSION" if unknown_division else "MALFORMED")

    def trust_list(self) -> None:
        trust = self.verifier.trust
        if trust is None:
            raise Decided("TRUST_LIST_MISSING")
        if self.now >= trust.expires_at:
            raise Decided("TRUST_LIST_EXPIRED")
        if max(trust.issued_at, self.verifier.newest_signed_time) - self.now > MOST_BEHIND:
            raise Decided("CLOCK_SUSPECT")

    def key(self) -> None:
        found = self.verifier.trust.issuer_key(self.permit.kid)
        if found is None:
            raise Decided("ISSUER_UNKNOWN")
        self.issuer, self.issuer_key = found
        if self.permit.issued_at < self.issuer_key.not_before or self.now >= self.issuer_key.not_after:
            raise Decided("KEY_RETIRED")
        if self.issuer_key.is_compromised_at(self.permit.issued_at):
            raise Decided("KEY_COMPROMISED")

    def issuer_signature(self) -> None:
        # The permit's header can only name Ed25519.
        key = self.issuer_key.key
        if key.algorithm != keys.ED25519 or not self.permit.signed.holds_under(key, "permit"):
            raise Decided("ISSUER_SIGNATURE")

    def scope(self) -> None:
        division = self.permit.division
        self.rule = self.verifier.trust.rule_for(division)
        # The usage for a kind has the number of the kind.
        usable = self.permit.kind in self.issuer_key.usages
        if not usable or not self.issuer.may_sign_for(division) or self.rule is None:
            raise Decided("ISSUER_OUT_OF_SCOPE")
        if any(key >= 4 for key in self.permit.extensions):
            raise Decided("UNSUPPORTED_EXTENSION")

    def holder_proof(self) -> None:
        if self.permit.kind == VOUCHER:
            if not self.rule.has_voucher:
                raise Decided("VOUCHER_NOT_ALLOWED")
            return
        if self.presentation is None:
            raise Decided("HOLDER_PROOF_MISSING")
        if not self.rule.live_codes:
            raise Decided("LIVE_CODE_NOT_ALLOWED")
        key = self.permit.device_key
        named = self.presentation.algorithm == key.algorithm
        if key.unfit or not named or not self.presentation.signed.holds_under(key, "presentation"):
            raise Decided("DEVICE_SIGNATURE")

    def freshness(self) -> None:
        asked, code = self.asked, self.presentation
        if code is None:
            if asked.state != "nothing":
                raise Decided("CHALLENGE_MISSING")
            self.assurance = "paper"
            return
        age = self.now - code.made_at
        if age > MOST_AGE:
            raise Decided("PRESENTATION_EXPIRED")
        if age < -MOST_AHEAD:
            raise Decided("PRESENTATION_FROM_FUTURE")
        if asked.state == "nothing":
            if code.cnonce is not None:
                raise Decided("CHALLENGE_MISMATCH")
            self.assurance = "passive"
            return
        if code.cnonce is None:
            raise Decided("CHALLENGE_MISSING")
        if asked.state == "foreign":
            raise Decided("CHALLENGE_MISMATCH")
        if asked.state == "used":
            raise Decided("CHALLENGE_EXPIRED")
        if Challenge(code.counter, code.cnonce) != asked.challenge:
            raise Decided("CHALLENGE_MISMATCH")
        if asked.age > MOST_CHALLENGE_AGE:
            raise Decided("CHALLENGE_EXPIRED")
        self.assurance = "challenge"

    def validity(self) -> None:
        if self.now < self.permit.issued_at:
            raise Decided("NOT_YET_VALID")
        if self.now >= self.permit.expires_at:
            raise Decided("EXPIRED")

    def status(self) -> None:
        status = self.verifier.status_lists.get(f"{self.issuer.status_address}/{self.permit.status_list}")
        if status is None or why_key_does_not_stand(status, self.verifier.trust):
            raise Decided("STATUS_LIST_MISSING")
        ended = status.expires_at is not None and self.now >= status.expires_at
        if ended or self.now - status.issued_at > self.verifier.most_status_age:
            raise Decided("STATUS_LIST_STALE")
        entry = status.entry(self.permit.status_index)
        if entry is None:
            raise Decided("STATUS_INDEX")
        if entry:
            raise Decided(("CANCELLED", "SUSPENDED", "SUPERSEDED")[entry - 1])

    def endorsement(self) -> None:
        today, until = values.day_of(self.now), self.permit.endorsed_until
        if today <= until:
            return
        cancelled_on = self.rule.auto_cancelled_on(until)
        lapsed = cancelled_on is None or today < cancelled_on
        raise Decided("ENDORSEMENT_LAPSED" if lapsed else "AUTO_CANCELLED")

    def replay(self) -> None:
        if self.presentation is not None:
            self.verifier.guard.record(self.permit, self.presentation, self.now)

    def accepted(self) -> str:
        if self.issuer_key.specimen:
            return "SPECIMEN"
        if self.permit.kind == VOUCHER:
            return "VOUCHER_VALID"
        opened = values.day_of(self.now) >= self.rule.window_opens(self.permit.endorsed_until)
        return "VALID_ENDORSABLE" if opened else "VALID"


class ReplayGuard:
    """Keeps what it recorded for a while; it cannot tell of a code that is no newer than one which it has forgotten."""

    def __init__(self, room: int = 1_000_000, works: bool = True) -> None:
        self.room, self.works = room, works
        self.newest_forgotten = 0
        self.recorded: dict[tuple, tuple[int, int, bytes | None]] = {}

    def record(self, permit: Permit, code: Presentation, now: int) -> None:
        sighting = (permit.kid, permit.status_list, permit.status_index, code.made_at, code.nonce)
        self._forget(now)
        if sighting in self.recorded:
            raise Decided("REPLAYED")
        if not self.works or code.made_at <= self.newest_forgotten or len(self.recorded) >= self.room:
            raise Decided("REPLAY_GUARD_UNAVAILABLE")
        if code.cnonce is not None and code.cnonce in (kept[2] for kept in self.recorded.values()):
            raise Decided("CHALLENGE_EXPIRED")
        self.recorded[sighting] = (now, code.made_at, code.cnonce)

    def _forget(self, now: int) -> None:
        old = [sighting for sighting, kept in self.recorded.items() if kept[0] < now - KEPT_SECONDS]
        for sighting in old:
            self.newest_forgotten = max(self.newest_forgotten, self.recorded.pop(sighting)[1])


@dataclass(frozen=True)
class ReasonCode:
    outcome: str
    curable: bool
    title_zh: str


@cache
def reason_codes() -> dict[str, ReasonCode]:
    """The table of SPEC section 8.4; its words are stable."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| \d+ \| (accept|reject|undetermined) \| (yes|no|\u2014) \| (.+?) \| .+ \|$",
        (values.FORMAT / "SPEC.md").read_text(encoding="utf-8"), re.MULTILINE,
    )
    return {code: ReasonCode(outcome, curable == "yes", title) for code, outcome, curable, title in rows}
