"""The worked example of SPEC.md: its bytes, its signatures and its verdicts (fixtures/spec-example.json)."""

import json
import re
from collections.abc import Iterator

import cbor
import digits
import keys
import lists
import permit as permits
import values
from judge import FIXTURES, seconds, take_status_list
from keys import Key
from verdict import Asked, ReplayGuard, Verifier, verify


def checks() -> Iterator[tuple[str, bool]]:
    """What is checked, and whether it holds."""
    example = json.loads((FIXTURES / "spec-example.json").read_text(encoding="utf-8"))
    yield from _printed_numbers(example)
    yield "101,997 Han characters", sum(last - first + 1 for first, last in values.HAN) == 101_997
    for name, stated in example["keys"].items():
        key = _key(stated)
        yield f"key {name}", (key.thumbprint.hex(), key.kid.hex()) == (stated["thumbprint_hex"], stated["kid_hex"])
    yield from _signatures(example)
    for name, stated in example.items():
        if isinstance(stated, dict) and "text" in stated:
            kind, data = digits.read_text(stated["text"])
            same_text = digits.write_text(kind, data) == stated["text"]
            yield f"text of {name}", same_text and data.hex() == stated["object_hex"]
    yield from _verdicts(example)


def _key(stated: dict) -> Key:
    return cbor.read_object(bytes.fromhex(stated["cose_key_hex"]), 128, keys.key)


def _printed_numbers(example: dict) -> Iterator[tuple[str, bool]]:
    """Every number that SPEC.md prints in a block of its own is one of the example's file."""
    stated = {text for member in example.values() if isinstance(member, dict) for text in member.values()
              if isinstance(text, str)}
    document = (values.FORMAT / "SPEC.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n((?:[0-9a-f]+\n)+)```$", document, re.MULTILINE)
    for at, block in enumerate(blocks, start=1):
        whole = block.replace("\n", "")
        # The block of the challenge holds two numbers: its bytes and its text.
        begins = [text for text in stated if whole.startswith(text)]
        yield f"number block {at} of SPEC.md", any(whole[len(text):] in (*stated, "") for text in begins)
    yield "number blocks of SPEC.md", len(blocks) >= 8


def _signatures(example: dict) -> Iterator[tuple[str, bool]]:
    public = {name: _key(stated) for name, stated in example["keys"].items()}
    for name, domain, key in (
        ("permit", "permit", "issuer"), ("permit_p256", "permit", "issuer"), ("voucher", "permit", "issuer"),
        ("presentation", "presentation", "device"), ("presentation_with_challenge", "presentation", "device"),
        ("presentation_p256", "presentation", "device_p256"), ("enrolment", "enrolment", "device"),
        ("status_list", "status list", "status"),
    ):
        item = cbor.structure(bytes.fromhex(example[name]["object_hex"]))
        signed = keys.signed(item.item if isinstance(item, cbor.Tag) else item)
        stated = _is_stated(example[name], signed, public[key])
        yield f"signature of {name}", stated and signed.holds_under(public[key], domain)
    permits.read_enrolment(bytes.fromhex(example["enrolment"]["object_hex"])).prove()
    trust = lists.read_trust_list(bytes.fromhex(example["trust_list"]["object_hex"]))
    yield "signature of trust_list", trust.is_signed_by(public["root"])


def _is_stated(stated: dict, signed: keys.Signed, key: Key) -> bool:
    """The file also states what was signed."""
    signature, message = bytes.fromhex(stated["signature_hex"]), bytes.fromhex(stated["to_be_signed_hex"])
    return signed.signature == signature and key.holds(signature, message)


def _verdicts(example: dict) -> Iterator[tuple[str, bool]]:
    first = seconds("2026-07-01T10:00:00+08:00")
    thumbprint = bytes.fromhex(example["keys"]["root"]["thumbprint_hex"])
    trust = lists.take_first_trust_list(bytes.fromhex(example["trust_list"]["object_hex"]), thumbprint, first)
    status: dict[str, lists.StatusList] = {}
    take_status_list(status, bytes.fromhex(example["status_list"]["object_hex"]), trust, first)
    guard = ReplayGuard()
    for case in example["verdicts"]:
        if case.get("state") != "replay guard of the case before":
            guard = ReplayGuard()
        asked = Asked("nothing")
        if case["asked"]:
            challenge = permits.read_challenge(digits.read_text(case["asked"]["challenge"])[1])
            asked = Asked("challenge", challenge, case["asked"]["age_secs"])
        at_hand = trust if case["trust_list"] else None, status if case["status_list"] else {}
        verifier = Verifier(*at_hand, newest_signed_time=0, most_status_age=604_800, guard=guard)
        verdict = verify(verifier, case["frame"], seconds(case["now"]), asked)
        yield f"verdict: {case['name']}", (verdict.code, verdict.outcome, verdict.step) == (
            case["reason"], case["outcome"], case["step"])
