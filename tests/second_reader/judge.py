"""Judges a vector of fixtures/ from what goes in; its expected members are never looked at."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cbor
import digits
import lists
import permit as permits
import values
from lists import StatusList, TrustList
from permit import Challenge
from refusal import Refused
from verdict import Asked, ReplayGuard, Verdict, Verifier, reason_codes, verify

FIXTURES = values.FORMAT.parent / "fixtures"


def judge(vector: dict, worlds: dict[str, "World"]) -> dict:
    if vector["layer"] in ("verdict", "lifecycle"):
        return _judge_frame(vector, worlds[vector["world"]])
    try:
        code = LAYERS[vector["layer"]](vector, worlds)
        return {"outcome": "accept", "code": code, "cause": None}
    except Refused as refused:
        return {"outcome": refused.outcome, "code": refused.code, "cause": refused.cause}


def _judge_text(vector: dict, _worlds: dict[str, "World"]) -> None:
    digits.read_text(digits.typed_text(vector["typed"]) if "typed" in vector else vector["text"])


def _judge_object(vector: dict, _worlds: dict[str, "World"]) -> None:
    OBJECTS[vector["object"]](bytes.fromhex(vector["bytes"]))


def _prove_enrolment(data: bytes) -> None:
    permits.read_enrolment(data).prove()


OBJECTS: dict[str, Callable] = {
    "item": lambda data: cbor.read_object(data, permits.MOST_BYTES, cbor.any_value),
    "permit": permits.read_permit,
    "presentation": permits.read_presentation,
    "challenge": permits.read_challenge,
    "enrolment": _prove_enrolment,
}


def _judge_trust_list(vector: dict, worlds: dict[str, "World"]) -> str | None:
    data, now = bytes.fromhex(vector["bytes"]), seconds(vector["now"])
    if "root" in vector:
        lists.take_first_trust_list(data, bytes.fromhex(vector["root"]), now)
        return None
    in_use = worlds[vector["world"]].trust
    return "UNCHANGED" if lists.take_next_trust_list(data, in_use, now) is in_use else None


def _judge_status_list(vector: dict, worlds: dict[str, "World"]) -> None:
    world, now = worlds[vector["world"]], seconds(vector["now"])
    in_use = {}
    if "current" in vector:
        current = bytes.fromhex(vector["current"])
        take_status_list(in_use, current, world.trust, lists.read_status_list(current).issued_at)
    take_status_list(in_use, bytes.fromhex(vector["bytes"]), world.trust, now)


def take_status_list(in_use: dict[str, StatusList], data: bytes, trust: TrustList, now: int) -> None:
    same_subject = in_use.get(lists.read_status_list(data).subject)
    taken = lists.take_status_list(data, same_subject, trust, now)
    in_use[taken.subject] = taken


LAYERS: dict[str, Callable] = {
    "text": _judge_text,
    **dict.fromkeys(("cbor", "permit", "presentation", "voucher", "challenge", "enrolment"), _judge_object),
    "trust-list": _judge_trust_list,
    "status-list": _judge_status_list,
}


def _judge_frame(vector: dict, world: "World") -> dict:
    verifier = world.verifier(GUARDS[vector["guard"]]())
    _scan_before(vector, verifier)
    verdict = _verify(verifier, vector)
    reason = reason_codes()[verdict.code]
    result = {
        "outcome": reason.outcome, "code": verdict.code, "cause": None, "step": verdict.step,
        "assurance": verdict.assurance, "curable": reason.curable, "title_zh": reason.title_zh,
    }
    return {**result, "dates": _dates(verdict, seconds(vector["now"]))} if vector["layer"] == "lifecycle" else result


GUARDS = {
    "empty": ReplayGuard,
    "full": lambda: ReplayGuard(room=0),
    "unavailable": lambda: ReplayGuard(works=False),
}


def codes_before(vector: dict, worlds: dict[str, "World"]) -> list[str]:
    """The codes of the scans before the one that is judged."""
    return _scan_before(vector, worlds[vector["world"]].verifier(GUARDS[vector["guard"]]()))


def _scan_before(vector: dict, verifier: Verifier) -> list[str]:
    return [_verify(verifier, scan).code for scan in vector.get("before", [])]


def _verify(verifier: Verifier, scan: dict) -> Verdict:
    return verify(verifier, scan["frame"], seconds(scan["now"]), asked(scan["asked"]))


def asked(member: str | dict) -> Asked:
    if isinstance(member, dict):
        challenge = member["challenge"]
        answer = Challenge(challenge["counter"], bytes.fromhex(challenge["cnonce"]))
        return Asked("challenge", answer, challenge["age_secs"])
    return Asked({"nothing": "nothing", "used-challenge": "used", "foreign-challenge": "foreign"}[member])


def _dates(verdict: Verdict, now: int) -> dict[str, str] | None:
    """The day of automatic cancellation is told only of an endorsement that has lapsed."""
    if verdict.rule is None:
        return None
    until = verdict.permit.endorsed_until
    days = {
        "endorsed_until": until,
        "window_open": verdict.rule.window_opens(until),
        "window_close": until,
        "auto_cancel_on": verdict.rule.auto_cancelled_on(until) if values.day_of(now) > until else None,
    }
    return {name: values.as_date(day).isoformat() for name, day in days.items() if day is not None}


@dataclass
class World:
    """What a verifier has taken in before it is asked."""

    trust: TrustList | None
    status_lists: dict[str, StatusList]
    most_status_age: int

    @property
    def newest_signed_time(self) -> int:
        if self.trust is None:
            return 0
        standing = (status for status in self.status_lists.values() if self.trust.issuer_key(status.kid))
        return max([self.trust.issued_at, *(status.issued_at for status in standing)])

    def verifier(self, guard: ReplayGuard) -> Verifier:
        return Verifier(self.trust, self.status_lists, self.newest_signed_time, self.most_status_age, guard)


def read_worlds() -> dict[str, World]:
    return {
        path.stem: _world(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted((FIXTURES / "worlds").glob("*.json"))
    }


def _world(file: dict) -> World:
    """Takes the lists as a verifier would, so that a world that could not be is no world."""
    taken_at = seconds(file["taken_at"])
    policy = {"status_age_secs_max": 604_800, **file.get("policy", {})}
    world = World(None, {}, policy.pop("status_age_secs_max"))
    if policy:
        raise ValueError(f"limits that this reader does not know: {sorted(policy)}")
    trust_lists = [file[name] for name in ("status_lists_taken_with", "trust_list") if name in file]
    if trust_lists:
        first = bytes.fromhex(trust_lists[0])
        world.trust = lists.take_first_trust_list(first, bytes.fromhex(file["root"]), taken_at)
    for status in file["status_lists"]:
        take_status_list(world.status_lists, bytes.fromhex(status), world.trust, taken_at)
    for following in trust_lists[1:]:
        world.trust = lists.take_next_trust_list(bytes.fromhex(following), world.trust, taken_at)
    if "newest_signed_time" in file and world.newest_signed_time != seconds(file["newest_signed_time"]):
        raise ValueError("the newest signed time is not the one that the lists give")
    return world


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


def read_vectors() -> list[tuple[Path, dict]]:
    return [
        (path, json.loads(path.read_text(encoding="utf-8")))
        for layer in (*LAYERS, "lifecycle", "verdict") for path in sorted((FIXTURES / layer).glob("*.json"))
    ]
