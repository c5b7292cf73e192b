"""`tools/bench`: the table of what Reprise must reach and aims at, measured on this machine.

Exits with 0 when every must holds, with 4 when one is missed or could not be measured.
"""

import argparse
import json
import pathlib
import sys

from . import machine
from .figures import Comparison, Spread, Verdict
from .paths import KEPT
from .progress import Progress
from .rows import ROWS, Row
from .runner import Runner
from .table import number, render, with_unit

HEAD = ("row", "figure", "ours", "yardstick", "its", "ratio", "min–max", "must", "aim", "verdict")
RIGHT = frozenset({2, 4, 5})
EXIT_MISSED = 4


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tools/bench", description="Reproduces the table of what Reprise must reach and aims at.",
        epilog="rows: " + ", ".join(row.name for row in ROWS))
    parser.add_argument("--row", action="extend", nargs="+", metavar="NAME", choices=[row.name for row in ROWS],
                        help="only these rows")
    parser.add_argument("--runs", type=int, default=5, help="rounds, medians are of so many (default 5)")
    parser.add_argument("--seconds", type=float, default=5, help="measured seconds of a run (default 5)")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 seconds: for trying, not for quoting")
    parser.add_argument("--keep-invalid", action="store_true",
                        help="keep the figures of runs that are not valid, and say so: for trying on a busy machine")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the table as JSON Lines, too")
    return parser.parse_args()


def cells(work: str, comparison: Comparison) -> list[str]:
    """A line of the table."""
    must, aim = comparison.bound_text
    row = [work, comparison.what]
    if not comparison.is_measured:
        return [*row, "–", comparison.yardstick, "–", "–", "–", must, aim, comparison.verdict.value]
    ours = with_unit(Spread.of(comparison.ours).median, comparison.unit)
    if not comparison.yardstick:
        spread = Spread.of(comparison.ours)
        return [*row, ours, "", "", "", f"{number(spread.low)}–{number(spread.high)}", must, aim,
                comparison.verdict.value]
    ratios = Spread.of(comparison.ratios)
    theirs = with_unit(Spread.of(comparison.theirs).median, comparison.unit)
    return [*row, ours, comparison.yardstick, theirs, f"{comparison.value:.2f}", f"{ratios.low:.2f}–{ratios.high:.2f}",
            must, aim, comparison.verdict.value]


def json_line(row: Row, comparison: Comparison) -> str:
    """The same for machines."""
    must, aim = comparison.bound_text
    return json.dumps({
        "row": row.name, "work": row.work, "figure": comparison.what, "unit": comparison.unit,
        "ours": comparison.ours, "yardstick": comparison.yardstick or None, "theirs": comparison.theirs,
        "value": comparison.value if comparison.is_measured else None, "ratios": comparison.ratios,
        "must": must, "aim": aim, "verdict": comparison.verdict.value, "notes": comparison.notes,
    }, ensure_ascii=False)


def measure(row: Row, runner: Runner) -> list[Comparison]:
    """One row; a row that cannot be measured says why and does not stop the others."""
    try:
        return row.measure(runner, row.name)
    except Exception as failure:  # whatever it is, the table names it
        runner.progress.say(f"{row.name}: {failure}")
        return []


def print_table(results: list[tuple[Row, list[Comparison]]]) -> None:
    """The table, then what must be known to read it."""
    lines, notes = [], []
    for row, comparisons in results:
        if not comparisons:
            lines.append([row.name, "–", "–", "", "–", "–", "–", "", "", Verdict.UNMEASURED.value])
        for index, comparison in enumerate(comparisons):
            lines.append(cells("" if index else row.name, comparison))
            notes += [f"{row.name}: {note}" for note in comparison.notes]
    print(render(HEAD, lines, RIGHT))
    print()
    for row, _ in results:
        print(f"{row.name}: {row.work}")
    if notes:
        print("\n" + "\n".join(dict.fromkeys(notes)))


def main() -> int:
    """Measures, prints, judges."""
    arguments = options()
    machine.allow_many_descriptors()
    progress = Progress()
    if warning := machine.other_load():
        progress.say(f"bench: {warning}")
    runner = Runner(
        runs=2 if arguments.quick else arguments.runs, seconds=2 if arguments.quick else arguments.seconds,
        is_quick=arguments.quick, keeps_invalid=arguments.keep_invalid, progress=progress)
    heading = (f"{machine.description()}\nserver on core 0 with one loop, generator on core 1, medians of {runner.runs} "
               f"alternating runs of {runner.seconds:g} s")
    results = []
    for row in ROWS:
        if not arguments.row or row.name in arguments.row:
            results.append((row, measure(row, runner)))
    progress.clear()
    print(f"{heading}\n")
    print_table(results)
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / "bench-runs.jsonl").write_text("".join(json.dumps(report) + "\n" for report in runner.reports))
    if arguments.json:
        arguments.json.write_text("".join(
            json_line(row, comparison) + "\n" for row, comparisons in results for comparison in comparisons))
    holds = all(comparisons and all(comparison.verdict.holds for comparison in comparisons) for _, comparisons in results)
    return 0 if holds else EXIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
