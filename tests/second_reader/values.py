"""Values: names, texts, numbers with check digits, divisions, times and days (SPEC sections 3.5 and 9)."""

import calendar
import hashlib
import unicodedata
from datetime import date
from functools import cache
from pathlib import Path

import cbor
from cbor import Item
from refusal import Refused

FORMAT = Path(__file__).resolve().parents[2] / "credential-format"


def name(item: Item) -> None:
    text = cbor.text(item)
    if not text:
        raise Refused("NAME_EMPTY")
    if text[0] == DOT:
        raise Refused("NAME_LEADING_DOT")
    if text[-1] == DOT:
        raise Refused("NAME_TRAILING_DOT")
    for before, character in enumerate(text):
        if before == 50:
            raise Refused("NAME_TOO_LONG")
        if character == DOT:
            if text[before - 1] == DOT:
                raise Refused("NAME_DOUBLED_DOT")
        elif not is_han(character):
            raise Refused("NAME_OTHER_DOT" if character in OTHER_DOTS else f"NAME_{_why_not(character)}")


DOT = "\u00b7"
OTHER_DOTS = ".\u2022\u2027\u30fb\uff0e\uff65"


def display_text(item: Item, most: int) -> str:
    text = cbor.text(item)
    if not text:
        raise Refused("TEXT_EMPTY")
    if text[0] == " " or text[-1] == " ":
        raise Refused("TEXT_OUTER_SPACE")
    for before, character in enumerate(text):
        if before == most:
            raise Refused("TEXT_TOO_LONG")
        if not is_han(character) and not _within(ord(character), DISPLAY) or character in NOT_DISPLAY:
            raise Refused(f"TEXT_{_why_not(character)}")
    return text


HAN = (
    (0x3007, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81D),
    (0x2B820, 0x2CEAD), (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D), (0x30000, 0x3134A), (0x31350, 0x323AF),
    (0x323B0, 0x33479), (0xFA0E, 0xFA0F), (0xFA11, 0xFA11), (0xFA13, 0xFA14), (0xFA1F, 0xFA1F), (0xFA21, 0xFA21),
    (0xFA23, 0xFA24), (0xFA27, 0xFA29),
)
DISPLAY = (
    (0x20, 0x7E), (0xFF01, 0xFF5E), (0xB7, 0xB7), (0x3001, 0x3003), (0x3005, 0x3005), (0x3008, 0x3011),
    (0x3014, 0x3017), (0x2010, 0x2010), (0x2013, 0x2015), (0x2018, 0x2019), (0x201C, 0x201D), (0x2026, 0x2026),
    (0x203B, 0x203B), (0x2460, 0x24FF), (0x2160, 0x217F), (0x2116, 0x2116),
)
NOT_DISPLAY = "<>\\\uff1c\uff1e\uff3c"
COMPATIBILITY = ((0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
VARIATION = ((0x180B, 0x180D), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


def is_han(character: str) -> bool:
    return _within(ord(character), HAN)


def _within(point: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= point <= last for first, last in ranges)


def _why_not(character: str) -> str:
    """The document lists what is allowed. What a refused character is called, only the vectors tell."""
    point, category = ord(character), unicodedata.category(character)
    if category in ("Cc", "Cf", "Zl", "Zp") or category == "Zs" and point != 0x20 or _within(point, VARIATION):
        return "INVISIBLE_CHARACTER"
    if category == "Co":
        return "PRIVATE_USE_CHARACTER"
    return "COMPATIBILITY_CHARACTER" if _within(point, COMPATIBILITY) else "CHARACTER"


def identifier(item: Item) -> str:
    text = cbor.text(item)
    if not 1 <= len(text.encode()) <= 32:
        raise Refused("COUNTER_ID_LENGTH")
    if any(character not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-" for character in text):
        raise Refused("COUNTER_ID_CHARACTER")
    return text


def timestamp(item: Item) -> int:
    number = cbor.unsigned(item)
    if not 946_684_800 <= number <= 7_258_118_399:
        raise Refused("TIME_RANGE")
    return number


def day(item: Item) -> int:
    number = cbor.unsigned(item)
    if not 10_957 <= number <= LAST_DAY:
        raise Refused("DAY_RANGE")
    return number


LAST_DAY = 84_005


def day_of(time: int) -> int:
    return min((time + 28_800) // 86_400, LAST_DAY)


def moved_by_months(days: int, months: int) -> int:
    start = as_date(days)
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = calendar.monthrange(year, month0 + 1)[1]
    return as_days(date(year, month0 + 1, min(start.day, last)))


def as_date(days: int) -> date:
    return date.fromordinal(days + EPOCH)


def as_days(when: date) -> int:
    return when.toordinal() - EPOCH


EPOCH = date(1970, 1, 1).toordinal()


def residence_code(item: Item) -> int:
    number = cbor.unsigned(item)
    if not 10 ** 15 <= number < 10 ** 16:
        raise Refused("RESIDENCE_CODE_FORM")
    p = 10
    for digit in str(number)[:15]:
        s = (p + int(digit)) % 10 or 10
        p = 2 * s % 11
    if number % 10 != (11 - p) % 10:
        raise Refused("RESIDENCE_CODE_CHECK_DIGIT")
    return number


def citizen_id_birth(item: Item) -> int:
    """The day of birth in a citizen ID number, of which seventeen digits are on the wire."""
    number = cbor.unsigned(item)
    if number >= 10 ** 17:
        raise Refused("ID_LENGTH")
    digits = f"{number:017}"
    if digits[0] == "0":
        raise Refused("ID_DIVISION")
    if digits[:2] in ("81", "82", "83"):
        raise Refused("ID_HMT")
    if digits[:6] not in divisions():
        raise Refused("DIVISION_UNKNOWN")
    year, month, of_month = int(digits[6:10]), int(digits[10:12]), int(digits[12:14])
    if not 1 <= month <= 12 or not 1 <= of_month <= calendar.mdays[month] + (month == 2 and calendar.isleap(year)):
        raise Refused("ID_BIRTH_DATE")
    if year < 1900:
        raise Refused("ID_BIRTH_BEFORE_1900")
    if year > 2199:
        raise Refused("ID_BIRTH_FUTURE")
    return as_days(date(year, month, of_month))


def ethnicity(item: Item) -> int:
    number = cbor.unsigned(item)
    if not 1 <= number <= 56:
        raise Refused("ETHNICITY_RANGE")
    return number


def place(item: Item) -> str:
    """The division of a place, as six digits."""
    division, detail = cbor.array(item, 2)
    number = cbor.unsigned(division)
    if not 100_000 <= number <= 999_999:
        raise Refused("DIVISION_DIGITS")
    if str(number) not in divisions():
        raise Refused("DIVISION_UNKNOWN")
    display_text(detail, 120)
    return str(number)


def division_prefix(item: Item) -> str:
    text = cbor.text(item)
    if len(text) not in (2, 4, 6) or any(digit not in "0123456789" for digit in text) or text[0] == "0":
        raise Refused("DIVISION_PREFIX")
    return text


@cache
def divisions() -> frozenset[str]:
    """The two tables are part of the specification: their hashes stand in it."""
    rows = []
    for table, digest in TABLES.items():
        content = (FORMAT / "data" / table).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError(f"{table} is not the table of the specification")
        rows += content.decode().splitlines()
    return frozenset(row.split("\t")[0] for row in rows)


TABLES = {
    "gb2260_current.tsv": "a6b6029fc883c55d0cba0df517663a74003aed85dc75195d4758c74faeb884ba",
    "gb2260_retired.tsv": "1442d019d0605905efef3112c0f9c233faf88dec3a185b8113ee2182c2c7b1eb",
}
