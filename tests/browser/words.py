#!/usr/bin/env python3
"""Makes the page's font: Noto Sans CJK SC Bold with just the characters that the page and the program say.

    pip install fonttools brotli
    python3 words.py            writes juma-words.woff2, juma-words.txt and juma-words-OFL.txt
    python3 words.py --check    says whether juma-words.txt is still right, and which characters are missing

The font comes from Debian's fonts-noto-cjk, its licence from that package's copyright file.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
VERIFIER = HERE.parent.parent / "verifier" / "src"
PAGE = VERIFIER / "counter" / "page"
FONT = pathlib.Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc")
LICENCE = pathlib.Path("/usr/share/doc/fonts-noto-cjk/copyright")
SAID = ["verdict.rs", "scan/advice.rs", "clock_doctor.rs", "outlook.rs"]
DRAWN = set("✕↻")  # Noto Sans CJK has none of these; the page draws its signs.
ALWAYS = "".join(map(chr, range(0x20, 0x7F))) + "✓!?·–—…≤“”‘’（）《》「」、。，：；！？～％·×→"


def characters():
    """Han characters and signs in what people are shown."""
    found = set(ALWAYS)
    for path in sorted(PAGE.glob("*.js")) + sorted(PAGE.glob("*.html")):
        found.update(path.read_text(encoding="utf-8"))
    programs = [VERIFIER / name for name in SAID] + sorted((VERIFIER / "counter").rglob("*.rs")) + [VERIFIER / "counter.rs"]
    for path in programs:
        if not path.exists():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.lstrip().startswith("//"):
                continue
            for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', line):
                found.update(literal)
    return "".join(sorted(c for c in found - DRAWN if c.isprintable()))


def main():
    text = characters()
    listed = PAGE / "juma-words.txt"
    if "--check" in sys.argv[1:]:
        old = listed.read_text(encoding="utf-8").rstrip("\n")
        missing = sorted(set(text) - set(old))
        if missing:
            sys.exit(f"not in the font: {''.join(missing)}\nrun tests/browser/words.py")
        print(f"{len(old)} characters, none missing")
        return

    from fontTools import subset
    from fontTools.ttLib import TTFont

    numbers = [n for n in range(16) if "Noto Sans CJK SC" in names(FONT, n)]
    font = TTFont(FONT, fontNumber=numbers[0], lazy=True)
    rights = font["name"].getDebugName(0)
    covered = set(map(chr, font.getBestCmap()))
    options = subset.Options()
    options.flavor = "woff2"
    # Pairs of numbers and signs need no finesse here: what is not used is left out.
    options.layout_features = ["kern", "locl", "tnum"]
    options.name_IDs = [0, 1, 2, 4, 6, 13, 14]
    options.hinting = False
    options.desubroutinize = True
    options.notdef_outline = True
    maker = subset.Subsetter(options)
    maker.populate(text="".join(c for c in text if c in covered))
    maker.subset(font)
    for table in ("vhea", "vmtx", "VORG"):
        if table in font:
            del font[table]
    # The day of making is that of the font, so that the same words make the same file.
    font.recalcTimestamp = False
    subset.save_font(font, PAGE / "juma-words.woff2", options)
    listed.write_text("".join(c for c in text if c in covered) + "\n", encoding="utf-8")
    (PAGE / "juma-words-OFL.txt").write_text(licence(rights), encoding="utf-8")
    without = "".join(c for c in text if c not in covered)
    size = (PAGE / "juma-words.woff2").stat().st_size
    print(f"{len(text)} characters, {size} bytes" + (f"; the font has none for: {without}" if without else ""))


def names(path, number):
    from fontTools.ttLib import TTFont
    try:
        return TTFont(path, fontNumber=number, lazy=True)["name"].getDebugName(1) or ""
    except Exception:
        return ""


def licence(rights):
    """The SIL Open Font License as Debian's copyright file gives it, under the font's own line of copyright."""
    lines = LICENCE.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if "SIL OPEN FONT LICENSE" in line.upper() and n > 0)
    body = []
    for line in lines[start:]:
        if line and not line.startswith(" "):
            break
        body.append("" if line.strip() == "." else line[1:] if line.startswith(" ") else line)
    head = ["juma-words.woff2 is a subset of Noto Sans CJK SC Bold, made by tests/browser/words.py.", rights, ""]
    return "\n".join(head + body).rstrip() + "\n"


main()
