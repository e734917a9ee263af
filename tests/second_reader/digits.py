"""The text of a QR code (SPEC section 1)."""

from refusal import Refused

MOST_DIGITS = 5_000
DIGITS = "0123456789"
GROUP_DIGITS = {1: 3, 2: 5, 3: 8, 4: 10, 5: 13, 6: 15, 7: 17}
GROUP_BYTES = {digits: size for size, digits in GROUP_DIGITS.items()}


def read_text(text: str) -> tuple[int, bytes]:
    """The kind and the bytes of a text of version 1."""
    if len(text) < 4 or text[:2] != "86" or text[2] not in DIGITS or text[3] not in DIGITS:
        raise Refused("NOT_A_PERMIT_CODE")
    if text[2] != "1":
        raise Refused("UNSUPPORTED_VERSION")
    if text[3] not in "1234":
        raise Refused("UNKNOWN_KIND")
    # A text is measured as it is stored: any character but a digit is refused, so that only the code can differ.
    length = len(text.encode())
    if length > MOST_DIGITS:
        raise Refused("TOO_MANY_DIGITS")
    if (length - 4) % 17 not in (0, *GROUP_BYTES):
        raise Refused("DIGITS_LENGTH")
    body = text[4:]
    return int(text[3]), b"".join(_group(body[start:start + 17]) for start in range(0, len(body), 17))


def _group(digits: str) -> bytes:
    if any(digit not in DIGITS for digit in digits):
        raise Refused("NOT_A_DIGIT")
    size = GROUP_BYTES[len(digits)]
    number = int(digits)
    if number >= 256 ** size:
        raise Refused("DIGITS_RANGE")
    return number.to_bytes(size, "big")


def write_text(kind: int, data: bytes) -> str:
    groups = (data[start:start + 7] for start in range(0, len(data), 7))
    return f"861{kind}" + "".join(
        str(int.from_bytes(group, "big")).zfill(GROUP_DIGITS[len(group)]) for group in groups
    )


FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)}
OUTSIDE = "\t\n\f\r \u00a0\u200b\u200c\u200d\u2060\u3000\ufeff"


def typed_text(typed: str) -> str:
    """What the input layer makes of a text that a keyboard or a scanner gun typed."""
    return typed.strip(OUTSIDE).translate(FULL_WIDTH)
