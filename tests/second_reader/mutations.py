"""Mutated vectors: inputs of fixtures/ with something changed, signed again where a signature would hide the change."""

import copy
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import digits
import values
from cbor import Item, Map, Tag, Text
from judge import seconds
from keys import DOMAINS, ED25519, ORDER, P256_ORDER
from refusal import Refused
from signers import Signer, signers
from trees import (
    CHARACTERS, ODD_POINTS, Dice, any_item, changed, changed_bytes, flipped, member, spelt, structure, with_member,
)

WEIGHTS = {
    "verdict": 36, "lifecycle": 10, "permit": 12, "presentation": 6, "voucher": 5, "challenge": 3, "enrolment": 5,
    "cbor": 4, "text": 4, "trust-list": 8, "status-list": 7,
}
SPANS = (
    0, 1, 2, 4, 5, 6, 29, 30, 31, 60, 119, 120, 121, 300, 3_600, 86_399, 86_400, 604_799, 604_800, 604_801, 31_536_000,
    63_158_400,
)
DAYS = (0, 1, -1, -2, 27, 28, 30, 31, 32, 59, 60, 61, 300, -365, -366, -730, -731, -732)
NOW = 1_782_878_400

Change = Callable[[Item], Item]


class Mutations:
    """The same seed gives the same vectors."""

    def __init__(self, seed: int, vectors: list[dict], worlds: list[dict], world_names: list[str]) -> None:
        self.dice = Dice(seed)
        self.world_names = world_names
        self.signers = signers([label for world in worlds for label in world["keys"].values()])
        self.roots = [signer for signer in self.signers.values() if signer.label.startswith("root")]
        self.all = {layer: [vector for vector in vectors if vector["layer"] == layer] for layer in WEIGHTS}
        self.good = {layer: [v for v in of_layer if v["outcome"] == "accept"] for layer, of_layer in self.all.items()}
        self.texts = [text for vector in self.all["verdict"] for text in vector["frame"]]
        self.divisions = sorted(values.divisions())

    def vectors(self, count: int) -> Iterator[dict]:
        for layer in self.dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count):
            # A good vector has farther to fall.
            vector = copy.deepcopy(self.dice.choice((self.good if self.dice.chance(0.7) else self.all)[layer]))
            for _ in range(self.dice.choice((1, 1, 1, 2))):
                self._mutate(layer, vector)
            yield vector

    def _mutate(self, layer: str, vector: dict) -> None:
        {
            "verdict": self._scan, "lifecycle": self._scan, "text": self._text, "trust-list": self._trust_list,
            "status-list": self._status_list,
        }.get(layer, self._object)(vector)

    # Scans: the codes in view, and all that is told besides.

    def _scan(self, vector: dict) -> None:
        changes = (self._code, self._frame, self._now, self._asked, self._guard, self._before, self._world)
        self.dice.choices(changes, (56, 9, 12, 9, 2, 7, 5))[0](vector)

    def _code(self, vector: dict) -> None:
        if not vector["frame"] or self.dice.chance(0.1):
            return self._frame(vector)
        at = self.dice.randrange(len(vector["frame"]))
        try:
            kind, data = digits.read_text(vector["frame"][at])
        except Refused:
            return self._frame(vector)
        if self.dice.chance(0.4):
            # The code follows the clock, so that what is decided after its age is reached.
            self._now(vector)
            now = seconds(vector["now"])
            data = self._resigned(data, self._sensible(now), self._binding(vector["asked"], now))
        else:
            data = self._changed_object(data, seconds(vector["now"]))
        vector["frame"][at] = digits.write_text(kind if self.dice.chance(0.98) else 3 - kind, data)

    def _binding(self, asked: str | dict, now: int) -> dict[int, Item]:
        binding: dict[int, Item] = {6: now - self.dice.choice((0, 0, 0, 4, 30, 31, -5, -6))}
        if isinstance(asked, dict) and self.dice.chance(0.9):
            challenge = asked["challenge"]
            binding |= {3: Text(challenge["counter"].encode()), 39: bytes.fromhex(challenge["cnonce"])}
        return binding

    def _frame(self, vector: dict) -> None:
        frame = vector["frame"]
        foreign = self.dice.choice((
            "8613800138000", "https://example.com/", "", "86129", "8629", "862087654321", "8675500000000", "86200000000000",
        ))
        other = foreign if self.dice.chance(0.8) else self.dice.choice(self.texts)
        shown = frame[0] if frame else other
        self.dice.choice((
            lambda: frame.append(other),
            lambda: frame.insert(0, other),
            lambda: frame.append(shown),
            lambda: frame.append(self._changed_text(shown)),
            lambda: frame.__setitem__(slice(0, 1), [other]),
            lambda: frame.__setitem__(slice(0, 1), [self._changed_text(shown)]),
            lambda: frame.__setitem__(slice(0, 1), [self._changed_text(shown)]),
            lambda: frame.pop() if frame else None,
        ))()

    def _now(self, vector: dict) -> None:
        span = self.dice.choice(SPANS) if self.dice.chance(0.8) else self.dice.randint(0, 40)
        span *= self.dice.choice((1, -1))
        time = min(max(seconds(vector["now"]) + span, 946_684_800), 7_258_118_399)
        vector["now"] = datetime.fromtimestamp(time, timezone(timedelta(hours=8))).isoformat()

    def _asked(self, vector: dict) -> None:
        challenge = {"counter": "TIANHE-03", "cnonce": b"challenge-128-b.".hex(), "age_secs": 20}
        if isinstance(vector["asked"], dict):
            challenge = vector["asked"]["challenge"]
        change = self.dice.choice((
            {}, {"age_secs": self.dice.choice((0, 59, 60, 61, 2 ** 32))}, {"counter": "TIANHE-04"},
            {"cnonce": self.dice.randbytes(16).hex()},
        ))
        asked = {"challenge": {**challenge, **change}}
        vector["asked"] = self.dice.choice(("nothing", "used-challenge", "foreign-challenge", *[asked] * 4))

    def _guard(self, vector: dict) -> None:
        vector["guard"] = self.dice.choice(("empty", "full", "unavailable"))

    def _before(self, vector: dict) -> None:
        scans = vector.setdefault("before", [])
        if not scans or self.dice.chance(0.5):
            scans.append({name: copy.deepcopy(vector[name]) for name in ("now", "asked", "frame", "code")})
        if self.dice.chance(0.7):
            self._now(self.dice.choice(scans))

    def _world(self, vector: dict) -> None:
        vector["world"] = self.dice.choice(self.world_names)

    # Texts.

    def _text(self, vector: dict) -> None:
        if "typed" in vector:
            vector["typed"] = self._changed_text(vector["typed"])
            vector["text"] = digits.typed_text(vector["typed"])
        else:
            vector["text"] = self._changed_text(vector["text"])

    def _changed_text(self, text: str) -> str:
        at = self.dice.randrange(len(text) + 1)
        end = min(len(text), at + self.dice.choice((1, 1, 2, 3, 17)))
        digit, character = self.dice.choice(digits.DIGITS), self.dice.choice(CHARACTERS)
        return self.dice.choice((
            lambda: text[:at] + digit + text[at + 1:],
            lambda: text[:at] + digit + text[at:],
            lambda: text[:at] + text[end:],
            lambda: text[:end] + text[at:],
            lambda: text[:at],
            lambda: text[:at] + character + text[at + 1:],
            lambda: text[:at] + character + text[at:],
            lambda: text[:4] + "9" * 17 + text[21:],
            lambda: self.dice.choice(CHARACTERS) + text,
            lambda: text[:2] + digit + text[3:],
            lambda: text[:3] + digit + text[4:],
            lambda: text + text[4:] * self.dice.choice((1, 3, 7)),
            lambda: digits.write_text(int(digit) % 4 + 1, self.dice.randbytes(self.dice.choice((0, 1, 8, 300, 2_058)))),
        ))()

    # Objects.

    def _object(self, vector: dict) -> None:
        data = bytes.fromhex(vector["bytes"])
        if vector["object"] == "item" and self.dice.chance(0.6):
            data = spelt(self.dice, any_item(self.dice))
        else:
            data = self._changed_object(data, NOW)
        vector["bytes"] = data.hex()

    def _changed_object(self, data: bytes, now: int) -> bytes:
        if self.dice.chance(0.1):
            return changed_bytes(self.dice, data)
        return self._resigned(data, self._sensible(now) if self.dice.chance(0.3) else self._any)

    def _resigned(self, data: bytes, change: Change, binding: dict[int, Item] | None = None) -> bytes:
        """An object changed inside and signed again. What is not signed is changed as it stands."""
        envelope = structure(data)
        if not _is_envelope(envelope):
            return changed_bytes(self.dice, data) if envelope is None else self._spelt(self._any(envelope))
        header, payload = structure(envelope[0]), structure(envelope[2])
        permit = member(header, 13)
        if _is_envelope(permit) and self.dice.chance(0.04):
            envelope, header, payload, permit = permit, structure(permit[0]), structure(permit[2]), None
        if not _is_envelope(permit):
            domain = "enrolment" if member(payload, -65537) is None else "permit"
            return self._spelt(self._sealed(envelope, *self._one_of(change, header, payload), domain))
        for key, value in (binding or {}).items():
            payload = with_member(payload, key, value)
        if self.dice.chance(0.03):
            layer = self.dice.choice(("permit", "voucher"))
            other = structure(bytes.fromhex(self.dice.choice(self.all[layer])["bytes"]))
            permit = other if _is_envelope(other) else permit
        if binding or self.dice.chance(0.6):
            claims = self._one_of(change, structure(permit[0]), structure(permit[2]))
            header = with_member(header, 13, self._sealed(permit, *claims, "permit"))
        else:
            header, payload = self._one_of(self._any, header, payload)
        return self._spelt(self._sealed(envelope, header, payload, "presentation"))

    def _one_of(self, change: Change, header: Item | None, payload: Item | None) -> tuple[Item | None, Item | None]:
        """Both, one of them changed; what is no tree stays."""
        if payload is None or header is not None and self.dice.chance(0.2):
            return header if header is None else change(header), payload
        return header, change(payload)

    def _sealed(self, envelope: list, header: Item, payload: Item, domain: str) -> list:
        protected = envelope[0] if header is None else self._spelt(header)
        content = envelope[2] if payload is None else self._spelt(payload)
        signature, signer = envelope[3], self._signer(header, payload)
        if signer is not None and self.dice.chance(0.97):
            signed_as = domain if self.dice.chance(0.98) else self.dice.choice(list(DOMAINS))
            signature = signer.sign_one(protected, content, signed_as, neutral=self.dice.chance(0.01))
        if isinstance(signature, bytes) and self.dice.chance(0.03):
            half = signature[:32] + bytes(32)
            signature = self.dice.choice((bytes(64), half, flipped(self.dice, signature), _other_s(signature)))
        whole = [protected, envelope[1], content, signature]
        return self._any(whole) if self.dice.chance(0.02) else whole

    def _signer(self, header: Item, payload: Item) -> Signer | None:
        """The key that is named by its kid, stands in the permit that is presented, or is to be bound."""
        kid, permit = member(header, 4), member(header, 13)
        if isinstance(kid, bytes):
            return self.signers.get(kid)
        x = member(member(member(structure(permit[2]) if _is_envelope(permit) else payload, 8), 1), -2)
        return next((signer for signer in self.signers.values() if signer.key.x == x), None)

    def _spelt(self, item: Item) -> bytes:
        data = spelt(self.dice, item)
        return changed_bytes(self.dice, data) if self.dice.chance(0.01) else data

    # Changes of a tree.

    def _any(self, tree: Item) -> Item:
        donor = None
        if self.dice.chance(0.3):
            other = self.dice.choice(self.all[self.dice.choice(("permit", "presentation", "voucher", "enrolment"))])
            envelope = structure(bytes.fromhex(other["bytes"]))
            donor = structure(envelope[2]) if _is_envelope(envelope) and isinstance(tree, Map) else envelope
        return changed(self.dice, tree, donor)

    def _sensible(self, now: int) -> Change:
        """A change of a permit's header or claims after which it reads, mostly."""
        near = now + self.dice.choice(SPANS) * self.dice.choice((1, -1))
        field, value = self.dice.choice((
            (0, self.dice.choice((1, 2))),
            *[(5, self._place()), (6, self._place())] * 2,
            (7, values.day_of(now) - 400),
            *[(8, values.day_of(now) + self.dice.choice(DAYS))] * 5,
            (9, [1, self.dice.randrange(160)]),
            (9, [self.dice.choice((1, 2, 3, 4, 2 ** 64 - 1)), self.dice.choice((0, 5, 46, 2 ** 20, 2 ** 32 + 46))]),
            (10, Map([(self.dice.choice((2, 2, 4, 5)), bytes(16))])),
        ))
        member_change = self.dice.choice(((4, near), (6, near), (8, self._confirmation())))

        def change(tree: Item) -> Item:
            if member(tree, 1) is not None:
                return with_member(tree, 4, self.dice.choice(sorted(self.signers)))
            fields = member(tree, -65537)
            if not isinstance(fields, list) or self.dice.chance(0.3):
                return with_member(tree, *member_change)
            return with_member(tree, -65537, [*fields[:field], value, *fields[field + 1:]])
        return change

    def _place(self) -> list:
        region = self.dice.choice(("44", "4401", "4403", "4404", "4419", "4420", "33", "3303", "11", ""))
        division = int(self.dice.choice([code for code in self.divisions if code.startswith(region)]))
        return [division + (self.dice.choice((1, 100)) if self.dice.chance(0.1) else 0), Text(b"1-101")]

    def _confirmation(self) -> Map:
        key = self.dice.choice([signer.key for signer in self.signers.values()])
        x = key.x if self.dice.chance(0.8) else self.dice.choice(ODD_POINTS)
        if key.algorithm == ED25519:
            return Map([(1, Map([(1, 1), (-1, 6), (-2, x)]))])
        return Map([(1, Map([(1, 2), (-1, 1), (-2, x), (-3, key.sign)]))])

    # Lists.

    def _trust_list(self, vector: dict) -> None:
        tree = structure(bytes.fromhex(vector["bytes"]))
        if self.dice.chance(0.15):
            return self._now(vector)
        if self.dice.chance(0.1) or not isinstance(tree, Tag) or not _is_envelope(tree.item):
            vector["bytes"] = changed_bytes(self.dice, bytes.fromhex(vector["bytes"])).hex()
            return
        content = self._list_change(vector, structure(tree.item[2]) or Map([]))
        data, signatures = self._spelt(content), tree.item[3]
        if self.dice.chance(0.95):
            signing = self.dice.sample(self.roots, self.dice.choice((1, 2, 2, 3, 3, 5)))
            signatures = [self._root_signature(root, data) for root in [*signing, *signing[:self.dice.chance(0.1)]]]
        whole = [tree.item[0], tree.item[1], data, signatures]
        vector["bytes"] = self._spelt(Tag(98, self._any(whole) if self.dice.chance(0.03) else whole)).hex()

    def _root_signature(self, root: Signer, content: bytes) -> list:
        protected = self._spelt(Map([(1, root.key.algorithm), (4, root.key.kid)]))
        signature = root.sign_trust_list(protected, content)
        return [protected, Map([]), flipped(self.dice, signature) if self.dice.chance(0.03) else signature]

    def _status_list(self, vector: dict) -> None:
        tree = structure(bytes.fromhex(vector["bytes"]))
        if self.dice.chance(0.2):
            return self._now(vector)
        if "current" in vector and self.dice.chance(0.1):
            vector["bytes"] = vector["current"]
        elif self.dice.chance(0.1) or not isinstance(tree, Tag) or not _is_envelope(tree.item):
            vector["bytes"] = changed_bytes(self.dice, bytes.fromhex(vector["bytes"])).hex()
        else:
            inner = structure(tree.item[0]), structure(tree.item[2])
            inner = self._one_of(lambda part: self._list_change(vector, part), *inner)
            vector["bytes"] = self._spelt(Tag(18, self._sealed(tree.item, *inner, "status list"))).hex()

    def _list_change(self, vector: dict, tree: Item) -> Item:
        if self.dice.chance(0.6):
            return changed(self.dice, tree)
        if member(tree, 16) is not None:
            return with_member(tree, 4, self.dice.choice(sorted(self.signers)))
        near = seconds(vector["now"]) + self.dice.choice(SPANS) * self.dice.choice((1, -1))
        if self.dice.chance(0.2):
            return with_member(tree, 1, self.dice.randint(6, 9))
        return with_member(tree, self.dice.choice((2, 3, 4, 6)), near)


def _is_envelope(item: Item | None) -> bool:
    return isinstance(item, list) and len(item) == 4


def _other_s(signature: bytes) -> bytes:
    """The other S that the same equation takes: the order above for Ed25519, the other side of 0 for P-256."""
    above = int.from_bytes(signature[32:], "little") + ORDER
    negative = (P256_ORDER - int.from_bytes(signature[32:], "big")) % 2 ** 256
    return signature[:32] + (above.to_bytes(32, "little") if above < 2 ** 253 else negative.to_bytes(32, "big"))
