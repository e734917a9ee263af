"""Drives the contenders in turns, and writes down what they took, how long their codes are and what they refused.

    drive.py WORK CHART     WORK holds input.json and commands.json; results.json is written there, the tables are printed
    drive.py --check        draws a chart of invented numbers, and looks whether all of it is inside

Each contender is a process that answers a line with a line: `hello`, `faults`, and for a number of times `issue`, `verify`, `bare-sign`,
`bare-verify`, to which it answers nanoseconds. Standard library only.
"""

import datetime
import json
import platform
import statistics
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from xml.sax.saxutils import escape

OURS = "ours"
ROUNDS = 250
# Of a batch: long enough that reading the clock and the pipe do not count, short enough to be undisturbed now and then.
BATCH_NS = 5_000_000
OPERATIONS = ("issue", "verify", "bare-sign", "bare-verify")
MARKS = {"library": "refused", "glue": "refused by the glue", "accepted": "**accepted**", "nothing to hand over": "no such notion"}


class Contender:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hello = self.ask("hello")
        self.faults = self.ask("faults")
        self.batch, self.taken = {}, {operation: [] for operation in OPERATIONS}
        for operation in OPERATIONS:
            times = 1
            # Warm, and then as many as fill a batch.
            while (taken := self.ask(f"{operation} {times}")) < BATCH_NS:
                times = max(times + 1, min(times * 4, times * BATCH_NS // max(taken, 1)))
            self.batch[operation] = times

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def measure(self, operation, counts):
        times = self.batch[operation]
        # The others have filled the caches: half a batch first, which does not count.
        self.ask(f"{operation} {times // 2 + 1}")
        taken = self.ask(f"{operation} {times}") / times
        if counts:
            self.taken[operation].append(taken)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def quantile(values, share):
    return sorted(values)[int((len(values) - 1) * share)]


def run(work):
    given = json.loads((work / "input.json").read_text(encoding="utf-8"))
    contenders, absent = [], {}
    for name, command in json.loads((work / "commands.json").read_text(encoding="utf-8")).items():
        if "absent" in command:
            absent[name] = command["absent"]
        else:
            contenders.append(Contender(name, command["command"]))
    for number in range(-ROUNDS // 10, ROUNDS):
        for operation in OPERATIONS:
            for contender in contenders if number % 2 else reversed(contenders):
                contender.measure(operation, number >= 0)
    ours = next(contender for contender in contenders if contender.name == OURS)
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "permits": len(given["permits"]),
        "faults": [{key: fault[key] for key in ("id", "step", "says")} for fault in given["faults"]],
        "absent": absent,
        "contenders": [],
    }
    for contender in contenders:
        hello, times = contender.hello, {}
        for operation, taken in contender.taken.items():
            base = ours.taken[operation]
            times[operation] = {
                "median_us": statistics.median(taken) / 1000,
                "undisturbed_us": quantile(taken, 0.1) / 1000,
                "to_ours": statistics.median(taken) / statistics.median(base),
                "to_ours_undisturbed": quantile(taken, 0.1) / quantile(base, 0.1),
            }
        results["contenders"].append({
            "name": contender.name,
            "versions": hello["versions"],
            "mode": hello["mode"],
            "issued_bytes": quantile(hello["issued"], 0.5),
            "shown_bytes": quantile(hello["shown"], 0.5),
            "shown_characters": quantile(hello["text"], 0.5),
            "qr": ours.ask(f"qr {hello['mode']} {quantile(hello['text'], 0.5)}"),
            "times": times,
            "faults": contender.faults,
        })
    for contender in contenders:
        contender.close()
    return results


def machine():
    def said(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"cpu": cpu, "rust": said("rustc", "--version"), "node": said("node", "--version"), "python": platform.python_version()}


def refused(contender, by):
    """How many faults; the first is none."""
    return sum(answer["by"] == by for fault, answer in contender["faults"].items() if fault != "none")


def table(head, rows):
    lines = [head, ["---"] + ["---:" if is_number(cell) else "---" for cell in rows[0][1:]], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def is_number(cell):
    return str(cell)[:1].isdigit()


def tables(results):
    machine, contenders = results["machine"], results["contenders"]
    parts = [f"{results['date']}, {machine['cpu']}; {machine['rust']}, Python {machine['python']}, Node {machine['node']}. "
             f"{results['permits']} permits, {ROUNDS} rounds in turns, one thread each. Medians; in brackets undisturbed (the fastest tenth)."]
    parts += [f"**Not there: {name}.** {why}" for name, why in results["absent"].items()]
    parts.append(table(
        ["contender", "verify µs", "verify/s", "to ours", "two bare signatures µs", "times those", "issue µs", "issue/s", "to ours", "one bare signature µs"],
        [[f"{c['name']} ({', '.join(c['versions'])})", *speed(c["times"])] for c in contenders]))
    parts.append(table(
        ["contender", "issued bytes", "shown bytes", "characters", "QR mode", "QR version at M"],
        [[c["name"], c["issued_bytes"], c["shown_bytes"], c["shown_characters"], c["mode"], c["qr"] or "none"] for c in contenders]))
    rows = []
    for fault in results["faults"]:
        answers = [c["faults"][fault["id"]] for c in contenders]
        rows.append([fault["step"] or "", fault["says"], f"`{answers[0]['why']}`", *(MARKS[answer["by"]] for answer in answers[1:])])
    for row in rows[:1]:
        row[3:] = ["accepted" if cell == MARKS["accepted"] else cell for cell in row[3:]]
    count = len(results["faults"]) - 1
    rows.append(["", f"refused, of {count}", *(
        f"{refused(c, 'library')}" + (f" + {refused(c, 'glue')}" if refused(c, "glue") else "") for c in contenders)])
    parts.append(table(["step", "what is wrong", *(c["name"] for c in contenders)], rows))
    return "\n\n".join(parts) + "\n"


def speed(times):
    verify, issue, sign, check = (times[name] for name in ("verify", "issue", "bare-sign", "bare-verify"))

    def both(one):
        return f"{one['median_us']:.0f} ({one['undisturbed_us']:.0f})"

    def ratio(one):
        return f"{one['to_ours']:.2f} ({one['to_ours_undisturbed']:.2f})"

    over = f"{verify['median_us'] / check['median_us']:.2f} ({verify['undisturbed_us'] / check['undisturbed_us']:.2f})"
    return [both(verify), f"{1e6 / verify['median_us']:.0f}", ratio(verify), both(check), over,
            both(issue), f"{1e6 / issue['median_us']:.0f}", ratio(issue), both(sign)]


# ---- The chart

STYLE = """
  svg { font-family: system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; font-size: 13px }
  .ground { fill: #ffffff; stroke: #d0d7de } .text { fill: #1f2328 } .soft { fill: #59636e }
  .ours { fill: #0969da } .other { fill: #8c959f } .limit { fill: #1f2328 } .glue { fill: #d4a72c } .open { fill: #ffd8d3 }
  .line { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d } .text { fill: #f0f6fc } .soft { fill: #9198a1 }
    .ours { fill: #4493f8 } .other { fill: #656c76 } .limit { fill: #f0f6fc } .glue { fill: #bb8009 } .open { fill: #5d2a2a }
    .line { stroke: #3d444d }
  }
"""
WIDTH, LEFT, ROW, TOP, BAR = 900, 24, 40, 132, 16
# Where each column begins, and how long its longest bar is; the number stands behind the bar.
COLUMNS = {"time": (166, 190), "bytes": (428, 120), "faults": (676, 150)}


def chart(results):
    contenders, count = results["contenders"], len(results["faults"]) - 1
    out = []

    def text(x, y, words, look="text", size=13, weight="normal", anchor="start"):
        out.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{look}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>')

    def bar(x, y, width, look, height=BAR):
        out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height}" class="{look}"/>')

    height = TOP + ROW * len(contenders) + 44
    text(LEFT, 36, "同一张居住证，签发并核验：居码与其他实现", size=19, weight="600")
    text(LEFT, 58, "The same permit issued and verified, in turns, on one machine", "soft")
    heads = {"time": ("Time to verify, µs", "mark: two bare signatures"), "bytes": ("Shown, bytes", "QR version at level M"),
             "faults": (f"Faults refused, of {count}", "by the library")}
    for name, (head, under) in heads.items():
        text(COLUMNS[name][0], 94, head, weight="600")
        text(COLUMNS[name][0], 111, under, "soft", 12)
    longest = max(c["times"]["verify"]["undisturbed_us"] for c in contenders)
    most = max(c["shown_bytes"] for c in contenders)
    for number, c in enumerate(contenders):
        y = TOP + ROW * number
        look, weight = ("ours", "600") if c["name"] == OURS else ("other", "normal")
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{y - 8}" y2="{y - 8}" class="line"/>')
        text(LEFT, y + 17, NAMES.get(c["name"], c["name"]), weight=weight)
        x, room = COLUMNS["time"]
        verify, bare = (c["times"][name]["undisturbed_us"] for name in ("verify", "bare-verify"))
        bar(x, y + 4, room * verify / longest, look)
        bar(x + room * bare / longest - 1, y + 1, 2, "limit", BAR + 6)
        text(x + room * max(verify, bare) / longest + 7, y + 17, f"{verify:.0f}", weight=weight)
        x, room = COLUMNS["bytes"]
        bar(x, y + 4, room * c["shown_bytes"] / most, look)
        text(x + room * c["shown_bytes"] / most + 7, y + 17, f"{c['shown_bytes']:,} · {'v' + str(c['qr']) if c['qr'] else 'no code'}", weight=weight)
        x, room = COLUMNS["faults"]
        library, glue = refused(c, "library"), refused(c, "glue")
        bar(x, y + 4, room, "open")
        bar(x, y + 4, room * library / count, look)
        bar(x + room * library / count, y + 4, room * glue / count, "glue")
        text(x + room + 7, y + 17, f"{library}" + (f"+{glue}" if glue else ""), weight=weight)
    y = TOP + ROW * len(contenders)
    out.append(f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{y - 8}" y2="{y - 8}" class="line"/>')
    x = COLUMNS["faults"][0]
    for offset, look, words in ((0, "glue", "by the lines around it"), (18, "open", "accepted, or no notion of it")):
        bar(x, y + 3 + offset, 10, look, 10)
        text(x + 16, y + 12 + offset, words, "soft", 12)
    text(LEFT, y + 12, "Times: the fastest tenth of the rounds, one thread each. Ed25519 but where P-256 is said.", "soft", 12)
    text(LEFT, y + 30, f"{results['date']}, {results['machine']['cpu']}", "soft", 12)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
            f'aria-label="The same permit issued and verified by several implementations">\n<style>{STYLE}</style>\n'
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="ground"/>\n' + "\n".join(out) + "\n</svg>\n")


NAMES = {OURS: "Juma 居码", "cwt": "cwt (Python)", "pycose": "pycose (Python)", "cose": "@auth0/cose (JS)", "jose": "jose, SD-JWT (JS)", "isomdl": "isomdl, P-256", "isomdl-ed25519": "isomdl, Ed25519"}


def check():
    """All of a chart is inside of it and no text runs into another, also where one contender is a hundred times slower."""
    time = {"verify": {"undisturbed_us": 91.0}, "bare-verify": {"undisturbed_us": 88.0}}
    slow = {"verify": {"undisturbed_us": 9100.0}, "bare-verify": {"undisturbed_us": 9500.0}}
    faults = [{"id": name} for name in ("none", "a", "b")]
    contenders = [
        {"name": OURS, "times": time, "shown_bytes": 340, "qr": 14, "faults": {"none": {"by": "accepted"}, "a": {"by": "library"}, "b": {"by": "library"}}},
        {"name": "isomdl", "times": slow, "shown_bytes": 3400, "qr": None, "faults": {"none": {"by": "accepted"}, "a": {"by": "glue"}, "b": {"by": "accepted"}}},
    ]
    drawn = xml.etree.ElementTree.fromstring(chart({"contenders": contenders, "faults": faults, "date": "2026-01-01", "machine": {"cpu": "a processor"}}))
    width, height = (float(drawn.get(name)) for name in ("width", "height"))
    ends = {}
    for element in sorted((element for element in drawn if element.get("x")), key=lambda element: float(element.get("x"))):
        # Of a wide font: letters are a little more than half as wide as high, Chinese ones as wide as high.
        letters = sum(1 if ord(letter) > 0x2e80 else 0.57 for letter in element.text or "")
        x, y = float(element.get("x")), float(element.get("y"))
        end = x + float(element.get("width") or 0) + letters * float(element.get("font-size") or 0)
        assert 0 <= x and end <= width and 0 <= y <= height, (element.text, end)
        if letters:
            # With room for the patch of colour before it.
            assert ends.get(y, 0) + 16 <= x, (element.text, ends[y])
            ends[y] = end


if sys.argv[1:] == ["--check"]:
    check()
else:
    folder, picture = map(Path, sys.argv[1:])
    found = run(folder)
    (folder / "results.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    picture.write_text(chart(found), encoding="utf-8")
    print(tables(found), end="")
