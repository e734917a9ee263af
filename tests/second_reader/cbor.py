"""CBOR in its core deterministic encoding, and nothing else (SPEC section 2).

An object is read in three passes: its structure within the limits, its shape, and whether encoding what was read gives
the same bytes again. Maps stay lists of pairs until the third pass, so that order and repetition are seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from refusal import Refused

MOST_DEPTH = 8
MOST_ITEMS = 256

T = TypeVar("T")


def read_object(data: bytes, most_bytes: int, shape: Callable[["Item"], T], most_items: int = MOST_ITEMS) -> T:
    if len(data) > most_bytes:
        raise Refused("TOO_LONG")
    item = structure(data, most_items)
    value = shape(item)
    if encode(item) != data:
        raise Refused("NOT_DETERMINISTIC")
    return value


@dataclass(frozen=True)
class Text:
    raw: bytes  # UTF-8 is checked where the text is read


@dataclass(frozen=True)
class Map:
    pairs: list[tuple["Item", "Item"]]


@dataclass(frozen=True)
class Tag:
    number: int
    item: "Item"


Item = int | bool | bytes | Text | list | Map | Tag


def structure(data: bytes, most_items: int = MOST_ITEMS) -> Item:
    reader = _Structure(data, most_items)
    item = reader.item(0)
    if reader.position != len(data):
        raise Refused("TRAILING_BYTES")
    return item


class _Structure:
    """Lengths are held against the bytes that are left before anything is taken for them."""

    def __init__(self, data: bytes, most_items: int) -> None:
        self.data = data
        self.position = 0
        self.items_left = most_items

    def item(self, open_levels: int) -> Item:
        first = self._bytes(1)[0]
        major, info = first >> 5, first & 31
        if info > 27:
            raise Refused("ENCODING_UNUSED")
        argument = info if info < 24 else int.from_bytes(self._bytes(1 << (info - 24)), "big")
        self.items_left -= 1
        if self.items_left < 0:
            raise Refused("TOO_MANY_ITEMS")
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self._bytes(argument)
        if major == 3:
            return Text(self._bytes(argument))
        if major == 7:
            if info not in (20, 21):
                raise Refused("ENCODING_UNUSED")
            return info == 21
        if open_levels == MOST_DEPTH:
            raise Refused("TOO_DEEP")
        if major == 6:
            return Tag(argument, self.item(open_levels + 1))
        inside = argument if major == 4 else 2 * argument
        if inside > len(self.data) - self.position:
            raise Refused("CUT_SHORT")
        items = [self.item(open_levels + 1) for _ in range(inside)]
        return items if major == 4 else Map(list(zip(items[::2], items[1::2])))

    def _bytes(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise Refused("CUT_SHORT")
        self.position += count
        return self.data[self.position - count:self.position]


def encode(item: "Item | str | dict") -> bytes:
    if isinstance(item, bool):
        return b"\xf5" if item else b"\xf4"
    if isinstance(item, int):
        return _head(0, item) if item >= 0 else _head(1, -1 - item)
    if isinstance(item, bytes):
        return _head(2, len(item)) + item
    if isinstance(item, str):
        return encode(Text(item.encode()))
    if isinstance(item, Text):
        return _head(3, len(item.raw)) + item.raw
    if isinstance(item, list):
        return _head(4, len(item)) + b"".join(map(encode, item))
    if isinstance(item, Tag):
        number = _big_number(item)
        return _head(6, item.number) + encode(item.item) if number is None else encode(number)
    pairs = item.pairs if isinstance(item, Map) else list(item.items())
    encoded = {encode(key): encode(value) for key, value in pairs}  # a repeated key is lost, and the bytes differ
    return _head(5, len(encoded)) + b"".join(key + encoded[key] for key in sorted(encoded))


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise ValueError("no argument of CBOR has more than 64 bits")


# Shapes. Each refuses another type than the one that the document names at that place.

def unsigned(item: Item) -> int:
    if isinstance(item, bool) or not isinstance(item, int) or item < 0:
        raise Refused("SHAPE")
    return item


def integer(item: Item) -> int:
    """A number that may be negative; all that the document names fit into 64 bits with a sign."""
    if isinstance(item, bool) or not isinstance(item, int) or not -1 << 63 <= item < 1 << 63:
        raise Refused("SHAPE")
    return item


def boolean(item: Item) -> bool:
    if not isinstance(item, bool):
        raise Refused("SHAPE")
    return item


def byte_string(item: Item, size: int | None = None) -> bytes:
    if not isinstance(item, bytes) or size not in (None, len(item)):
        raise Refused("SHAPE")
    return item


def text(item: Item) -> str:
    if not isinstance(item, Text):
        raise Refused("SHAPE")
    try:
        return item.raw.decode()
    except UnicodeDecodeError:
        raise Refused("SHAPE") from None


def array(item: Item, size: int | None = None) -> list[Item]:
    if not isinstance(item, list) or size not in (None, len(item)):
        raise Refused("SHAPE")
    return item


def tagged(item: Item, number: int) -> Item:
    if not isinstance(item, Tag) or item.number != number:
        raise Refused("SHAPE")
    return item.item


class Entries:
    """A map whose keys the document names: they are taken one after the other, in their order."""

    def __init__(self, item: Item, size: int | None = None) -> None:
        if not isinstance(item, Map) or size not in (None, len(item.pairs)):
            raise Refused("SHAPE")
        self._pairs = item.pairs
        self._next = 0

    @property
    def left(self) -> int:
        return len(self._pairs) - self._next

    def next_is(self, key: int) -> bool:
        found = self._pairs[self._next][0] if self.left else None
        return type(found) is int and found == key

    def take(self, key: int) -> Item:
        if not self.next_is(key):
            raise Refused("SHAPE")
        self._next += 1
        return self._pairs[self._next - 1][1]

    def take_named(self, name: str) -> Item:
        if not self.left:
            raise Refused("SHAPE")
        found, value = self._pairs[self._next]
        if text(found) != name:
            raise Refused("FIELDS")
        self._next += 1
        return value

    def at_most_one_left(self, otherwise: str) -> bool:
        if self.left > 1:
            raise Refused(otherwise)
        return self.left == 1

    def end(self, code: str = "SHAPE") -> None:
        if self.left:
            raise Refused(code)


def any_value(item: Item) -> None:
    """An extension of a later version: all that section 2 allows, and no tags."""
    if isinstance(item, Tag) and _big_number(item) is None:
        raise Refused("ENCODING_UNUSED")
    if isinstance(item, Text):
        try:
            item.raw.decode()
        except UnicodeDecodeError:
            raise Refused("ENCODING_UNUSED") from None
    for inside in item if isinstance(item, list) else []:
        any_value(inside)
    if isinstance(item, Map):
        for key, value in item.pairs:
            any_value(key)
            any_value(value)
        if len({encode(key) for key, _ in item.pairs}) < len(item.pairs):
            raise Refused("ENCODING_UNUSED")


def _big_number(tag: Tag) -> int | None:
    """The integer in a big number that has no need to be one: it is refused for its encoding, which is too long."""
    if tag.number not in (2, 3) or not isinstance(tag.item, bytes) or len(tag.item.lstrip(b"\0")) > 8:
        return None
    number = int.from_bytes(tag.item, "big")
    return number if tag.number == 2 else -1 - number
