"""Changes of bytes and of CBOR trees, by dice."""

import random
from dataclasses import dataclass

import cbor
import values
from cbor import Item, Map, Tag, Text
from refusal import Refused

NUMBERS = (
    0, 1, 2, 3, 4, 7, 8, 10, 16, 18, 20, 21, 23, 24, 39, 56, 57, 98, 255, 256, 366, 367, 10_956, 10_957, 20_635, 65_533,
    65_535, 65_536, 84_005, 84_006, 99_999, 100_000, 810_000, 946_684_799, 946_684_800, 7_258_118_399, 7_258_118_400,
    2 ** 32 - 1, 2 ** 32, 10 ** 15, 10 ** 16, 10 ** 17, 2 ** 63, 2 ** 64 - 1, -1, -2, -3, -8, -9, -19, -65_537,
    -65_538, -2 ** 64,
)
CHARACTERS = (
    "\u00b7", "\u3007", "\u5f20", "A", "z", "0", "-", "<", ">", "\\", " ", "\u3000", "\u200b", "\ue000", "\uf900",
    "\ufa0e", "\U0002f800", "\u2f00", "\u00a0", "\u0301", "\u30fb", "\x00", "\n", "\x0b", "\x7f", "\u202e", "\ufe00",
    "\uff10", "\u2022", "\U0001f3e0", "\u0410",
)
UNUSED = (
    b"\xf6", b"\xf7", b"\xf9\x3c\x00", b"\xfb" + bytes(8), b"\xe0", b"\xf8\x20", b"\x1c", b"\xff", b"\x9f\xff",
    b"\x62\xc0\x80",
)
ODD_POINTS = tuple(number.to_bytes(32, "little") for number in (
    0, 1, 2, 2 ** 255 - 20, 2 ** 255 - 19, 2 ** 255 - 18, 2 ** 255 - 16, 2 ** 255 - 15, 2 ** 255 - 1, 2 ** 255 + 1,
    2 ** 256 - 1,
))


class Dice(random.Random):
    def chance(self, probability: float) -> bool:
        return self.random() < probability


@dataclass(frozen=True)
class Raw:
    """Bytes where an item should be."""

    data: bytes


def structure(data: Item) -> Item | None:
    """A tree, if the bytes are one, however it is spelt."""
    try:
        return cbor.structure(data, 10_000) if isinstance(data, bytes) else None
    except Refused:
        return None


def spelt(dice: Dice, item: Item | Raw) -> bytes:
    """An encoding that keeps the order of maps, and now and then has a head that is not the shortest."""
    if isinstance(item, Raw):
        return item.data
    if isinstance(item, bool):
        return cbor.encode(item)
    if isinstance(item, int):
        return _head(dice, 0, item) if item >= 0 else _head(dice, 1, -1 - item)
    if isinstance(item, list):
        return _head(dice, 4, len(item)) + b"".join(spelt(dice, inside) for inside in item)
    if isinstance(item, Map):
        return _head(dice, 5, len(item.pairs)) + b"".join(spelt(dice, key) + spelt(dice, of) for key, of in item.pairs)
    if isinstance(item, Tag):
        return _head(dice, 6, item.number) + spelt(dice, item.item)
    raw = item.raw if isinstance(item, Text) else item
    return _head(dice, 3 if isinstance(item, Text) else 2, len(raw)) + raw


def _head(dice: Dice, major: int, argument: int) -> bytes:
    if dice.chance(0.001):
        return bytes([major << 5 | dice.choice((27, 27, 31))]) + argument.to_bytes(8, "big")
    head = cbor.encode(argument)
    return bytes([head[0] | major << 5]) + head[1:]


def changed_bytes(dice: Dice, data: bytes) -> bytes:
    at, end = sorted(dice.randrange(len(data) + 1) for _ in range(2))
    near = min(len(data), at + dice.choice((1, 1, 2, 8, 32)))
    return dice.choice((
        lambda: flipped(dice, data),
        lambda: flipped(dice, data),
        lambda: flipped(dice, flipped(dice, data)),
        lambda: data[:at] + dice.randbytes(1) + data[at:],
        lambda: data[:at] + data[near:],
        lambda: data[:near] + data[at:],
        lambda: data[:at],
        lambda: data[:at] + bytes(near - at) + data[near:],
        lambda: data[end:] + data[at:end] + data[:at],
        lambda: data + dice.randbytes(dice.choice((1, 2, 64))),
    ))()


def flipped(dice: Dice, data: bytes) -> bytes:
    if not data:
        return b"\0"
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:]


def changed(dice: Dice, item: Item, donor: Item | None = None) -> Item | Raw:
    """A tree in which one place is changed, or has what stands at that place of another tree."""
    inside = _inside(item)
    if inside and dice.chance(0.9):
        at = dice.randrange(len(inside))
        if isinstance(item, Map) and at % 2 == 0 and dice.chance(0.9):
            at += 1  # a value: with another key a map seldom reads
        given = _inside(donor) if type(donor) is type(item) else []
        inside = [*inside[:at], changed(dice, inside[at], given[at] if at < len(given) else None), *inside[at + 1:]]
        if isinstance(item, list):
            return inside
        return Tag(item.number, inside[0]) if isinstance(item, Tag) else Map(list(zip(inside[::2], inside[1::2])))
    if donor is not None and dice.chance(0.3):
        return donor
    if dice.chance(0.05):
        return any_item(dice, 6)
    return Tag(dice.choice((0, 1, 2, 18, 98)), item) if dice.chance(0.02) else _changed_itself(dice, item)


def _inside(item: Item) -> list[Item]:
    if isinstance(item, Map):
        return [inside for pair in item.pairs for inside in pair]
    return item if isinstance(item, list) else [item.item] if isinstance(item, Tag) else []


def _changed_itself(dice: Dice, item: Item) -> Item:
    if isinstance(item, bool):
        return not item
    if isinstance(item, int):
        return _changed_number(dice, item)
    if isinstance(item, Text):
        return _changed_text(dice, item)
    if isinstance(item, Tag):
        return dice.choice((item.item, Tag(dice.choice((18, 61, 98)), item.item)))
    if isinstance(item, bytes):
        return dice.choice((
            flipped(dice, item), item[:-1], item + b"\0", dice.randbytes(len(item)), bytes(len(item)),
            changed_bytes(dice, item), dice.choice(ODD_POINTS) if len(item) == 32 else item[::-1],
        ))
    inside = item if isinstance(item, list) else item.pairs
    at = dice.randrange(len(inside) + 1)
    new = 0 if isinstance(item, list) else (dice.choice(NUMBERS), 0)
    inside = dice.choice((
        inside[:at] + inside[at + 1:], inside[:at] + inside[at:at + 1] + inside[at:], inside[:at] + [new] + inside[at:],
        inside[at:] + inside[:at], inside[:at], inside[::-1],
    ))
    return inside if isinstance(item, list) else Map(inside)


def _changed_number(dice: Dice, number: int) -> int:
    written = str(abs(number))
    at = dice.randrange(len(written))
    digit = int(written[:at] + dice.choice("0123456789") + written[at + 1:])
    number = dice.choice((
        number + 1, number - 1, digit, digit, digit, -number, -1 - number, number + 2 ** 32, number * 1000,
        number // 10, dice.choice(NUMBERS), dice.choice(NUMBERS),
    ))
    return number if -2 ** 64 <= number < 2 ** 64 else 0


def _changed_text(dice: Dice, item: Text) -> Text:
    if dice.chance(0.05):
        return Text(changed_bytes(dice, item.raw))
    text = item.raw.decode(errors="replace")
    at = dice.randrange(len(text) + 1)
    full = ((text or "A") * 260)[:dice.choice((32, 33, 40, 41, 50, 51, 60, 61, 120, 121, 256, 257))]
    return Text(dice.choice((
        text[:at] + character(dice) + text[at + 1:], text[:at] + character(dice) + text[at:], text[:at] + text[at + 1:],
        text[:at] + text[at:at + 1] + text[at:], text[::-1], "", full,
        text.swapcase(), " " + text, text + " ", text[:-1], text + "0",
    )).encode())


def character(dice: Dice) -> str:
    """One that is known to matter, or one at the bounds of what is allowed."""
    if dice.chance(0.5):
        return dice.choice(CHARACTERS)
    if dice.chance(0.2):
        return chr(dice.choice((dice.randint(0, 0xD7FF), dice.randint(0xE000, 0x10FFFF))))
    first, last = dice.choice(values.HAN + values.DISPLAY)
    return chr(dice.choice((first - 1, first, last, last + 1, dice.randint(first, last))))


def any_item(dice: Dice, depth: int = 0) -> Item | Raw:
    """Any item at all, among them some that may not be."""
    kind = dice.randrange(12 if depth < 9 else 6)
    if kind < 2:
        return _changed_number(dice, dice.choice(NUMBERS))
    if kind < 5:
        data = dice.randbytes(dice.choice((0, 1, 8, 16, 24, 300)))
        return (data, _changed_text(dice, Text(b"A1-")), dice.chance(0.5))[kind - 2]
    if kind == 5:
        return Raw(dice.choice(UNUSED)) if dice.chance(0.5) else 0
    items = [any_item(dice, depth + 1) for _ in range(dice.choice((0, 1, 2, 3, 4)))]
    if kind == 6:
        return Tag(dice.choice((1, 2, 3, 18)), dice.choice((bytes(9), b"\1", *items)))
    if kind < 9:
        return items
    keys = sorted({spelt(dice, key): key for key in items}.items()) if dice.chance(0.9) else enumerate(reversed(items))
    return Map([(key, 0) for _, key in keys])


def member(item: Item, key: int) -> Item | None:
    pairs = item.pairs if isinstance(item, Map) else []
    return next((value for found, value in pairs if type(found) is int and found == key), None)


def with_member(item: Item, key: int, value: Item) -> Item:
    """The map with this value; it is put in its place where it was not there."""
    if not isinstance(item, Map):
        return item
    pairs = [pair for pair in item.pairs if pair[0] != key] + [(key, value)]
    return Map(sorted(pairs, key=lambda pair: cbor.encode(pair[0]) if isinstance(pair[0], int) else b"\xff"))
