"""Judges all vectors, and mutated ones beside another program; ends with 1 on any disagreement."""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import example
from judge import FIXTURES, World, codes_before, judge, read_vectors, read_worlds
from mutations import Mutations

ROOT = FIXTURES.parent
DISAGREEMENTS = ROOT / "target" / "second-reader" / "disagreements"
BATCH = 1_000
NAMED = frozenset(re.findall("`([A-Z][A-Z0-9_]+)`", (ROOT / "credential-format" / "SPEC.md").read_text(encoding="utf-8")))
UNNAMED = "a code that SPEC.md does not name"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mutations", type=int, help="judge so many mutated vectors (2,000)")
    arguments.add_argument("--seed", type=int, default=1, help="from which they are made (1)")
    arguments.add_argument("--judge", type=Path, help="the other program (target/debug/judge)")
    given = arguments.parse_args()
    program = given.judge or ROOT / "target" / "debug" / "judge"

    worlds, vectors = read_worlds(), read_vectors()
    agreed = _judge_example() & _judge_vectors(vectors, worlds)
    if program.is_file():
        mutations = Mutations(given.seed, [vector for _, vector in vectors], *_world_files())
        agreed &= _compare(mutations, 2_000 if given.mutations is None else given.mutations, program, worlds)
    elif given.mutations is not None or given.judge is not None:
        print(f"no program at {program}: build it, or name it with --judge", file=sys.stderr)
        return 2
    else:
        print("mutated vectors: none, since there is no program to compare with")
    return 0 if agreed else 1


def _world_files() -> tuple[list[dict], list[str]]:
    paths = sorted((FIXTURES / "worlds").glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths], [path.stem for path in paths]


def _judge_example() -> bool:
    checked = list(example.checks())
    for what, holds in checked:
        if not holds:
            print(f"worked example: {what}")
    print(f"worked example: {len(checked)} checks, {sum(not holds for _, holds in checked)} disagreements")
    return all(holds for _, holds in checked)


def _judge_vectors(vectors: list[tuple[Path, dict]], worlds: dict[str, World]) -> bool:
    disagreements = 0
    for path, vector in vectors:
        ours = judge(vector, worlds)
        expected = {"code": None, "cause": None} | {name: vector[name] for name in ours if name in vector}
        if any(ours[name] != value for name, value in expected.items()):
            disagreements += 1
            print(f"{path.relative_to(ROOT)}: expected {_short(expected)}, judged {_short(ours)}")
    print(f"vectors: {len(vectors)} judged, {disagreements} disagreements")
    return vectors != [] and disagreements == 0


def _compare(mutations: Mutations, count: int, program: Path, worlds: dict[str, World]) -> bool:
    DISAGREEMENTS.mkdir(parents=True, exist_ok=True)
    for old in DISAGREEMENTS.glob("*.json"):
        old.unlink()
    judged, accepted, codes, differing = 0, 0, set(), Counter()
    mutated = mutations.vectors(count)
    while batch := [_with_codes_before(vector, worlds) for vector in islice(mutated, BATCH)]:
        for vector, theirs in zip(batch, _answers(program, batch), strict=True):
            ours = judge(vector, worlds)
            judged += 1
            accepted += ours["outcome"] == "accept"
            codes.add((ours["code"], ours["cause"]))
            if _differ(ours, theirs):
                differing[vector["layer"], _short(ours), _short(theirs)] += 1
                _save(sum(differing.values()), vector, ours, theirs)
    for (layer, ours, theirs), times in differing.most_common():
        print(f"{times} x {layer}: judged {ours}, {program.name} says {theirs}")
    print(f"mutated vectors: {judged} judged by both, {accepted} accepted, {len(codes)} different codes, "
          f"{sum(differing.values())} disagreements")
    return judged == count and not differing


def _with_codes_before(vector: dict, worlds: dict[str, World]) -> dict:
    """The other program holds the scans before the one that is judged against the codes that stand in the vector."""
    for scan, code in zip(vector.get("before", []), codes_before(vector, worlds) if "before" in vector else []):
        scan["code"] = code
    return vector


def _answers(program: Path, batch: list[dict]) -> list[dict]:
    lines = "".join(json.dumps(vector, ensure_ascii=False) + "\n" for vector in batch)
    done = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, cwd=ROOT, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _differ(ours: dict, theirs: dict) -> bool:
    """`step` has to be there for a verdict; what else a program tells is compared where it tells it.

    Which of several faults an implementation meets first is its own affair where SPEC.md gives them no codes (`SHAPE`, `NAME_CHARACTER`, ...).
    """
    needed = ("outcome", "code", "cause", "step") if "step" in ours else ("outcome", "code", "cause")
    compared = [name for name in ours if name in needed or name in theirs]
    return any(_as_named(ours[name]) != _as_named(theirs.get(name)) for name in compared)


def _as_named(value: object) -> object:
    """A code that SPEC.md does not name is as good as any other such code."""
    is_a_code = isinstance(value, str) and re.fullmatch("[A-Z][A-Z0-9_]+", value)
    return UNNAMED if is_a_code and value not in NAMED else value


def _short(answer: dict) -> str:
    told = (answer.get(name) for name in ("outcome", "code", "cause", "step", "error"))
    return " ".join(str(member) for member in told if member is not None)


def _save(number: int, vector: dict, ours: dict, theirs: dict) -> None:
    text = json.dumps({"vector": vector, "ours": ours, "theirs": theirs}, ensure_ascii=False, indent=2)
    (DISAGREEMENTS / f"{number:03}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
