"""`tools/compare-peers`: Reprise beside the servers that people would use instead, measured by the same generator.

Writes every run's report as JSON Lines, prints ratios and absolute figures, and makes the page with the plots. Exits with 0
when Reprise has as many valid runs as were asked for, with 4 otherwise: a peer that loses messages is named, and no failure.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from . import generator, machine, servers
from .figures import Spread
from .generator import Report
from .paths import REPRISE, ROOT
from .progress import Progress
from .runner import Runner, reasons
from .table import number, render, with_unit

LOADS = {
    "64 clients send, one message outstanding each": {"window": 64, "senders": 64},
    "one client sends, 64 messages outstanding": {"window": 64, "senders": 1},
    "one client sends, one message outstanding": {"window": 1, "senders": 1},
}
HEAD = ("server", "deliveries/s", "min–max", "Reprise is", "p50 ms", "p99 ms", "CPU/delivery", "MiB", "verdict")
RIGHT = frozenset({1, 2, 3, 4, 5, 6, 7})
NOT_MEASURED = ("NATS core: not measured, because its WebSocket listener carries the NATS protocol (CONNECT, SUB, PUB, MSG) "
                "inside its frames, which the generator does not speak.")
EXIT_INVALID = 4


def contenders() -> list[servers.Kind]:
    """Who is measured, in the order of the table."""
    peers = [make(settings)
             for make in (servers.uwebsockets, servers.socketify, servers.nchan, servers.ws, servers.websockets)
             for settings in ("default", "tuned")]
    return [servers.ours("always"), servers.floor("turn"), servers.floor("message"), *peers]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tools/compare-peers", description="Measures Reprise beside other WebSocket servers.",
        epilog="servers: " + ", ".join(kind.name for kind in contenders()))
    parser.add_argument("--runs", type=int, default=5, help="runs of each, in turn; medians are of so many (default 5)")
    parser.add_argument("--seconds", type=float, default=5, help="measured seconds of a run (default 5)")
    parser.add_argument("--clients", type=int, default=1000, help="receiving clients (default 1000)")
    parser.add_argument("--payload", type=int, default=64, help="payload bytes (default 64)")
    parser.add_argument("--server", nargs="+", metavar="NAME", choices=[kind.name for kind in contenders()],
                        help="only these, beside Reprise")
    parser.add_argument("--quick", action="store_true", help="1 run of 2 seconds: for trying, not for quoting")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build/peers.html", help="the page with the plots")
    return parser.parse_args()


def measure(runner: Runner, kinds: list[servers.Kind], load: str, flags: dict[str, float]) -> dict[str, list[Report]]:
    """Runs every server in turn until each has `runs` runs that are valid, or twice as many runs altogether."""
    results: dict[str, list[Report]] = {kind.name: [] for kind in kinds}
    for count in range(2 * runner.runs):
        for kind in kinds:
            if valid_count(results[kind.name]) == runner.runs:
                continue
            runner.progress.show(f"{load}: run {count + 1}, {kind.name}")
            try:
                report = runner.fanout(kind, label=kind.name, **flags)()
            except (generator.RunFailed, servers.ServerFailed) as failure:
                report = {"verdict": "INVALID", "failedRules": [str(failure)]}
            results[kind.name].append(report)
    return results


def valid_count(reports: list[Report]) -> int:
    """How many may be believed."""
    return sum(report["verdict"] == "VALID" for report in reports)


def spread(reports: list[Report], *path: str) -> Spread | None:
    """The spread of one field of the valid runs; None when there is none."""
    values = []
    for report in reports:
        if report["verdict"] == "VALID":
            value = report
            for key in path:
                value = value[key]
            values.append(value)
    return Spread.of(values) if values else None


def cells(kind: servers.Kind, reports: list[Report], reference: Spread | None) -> list[str]:
    """A line of the table, from the valid runs."""
    invalid = len(reports) - valid_count(reports)
    verdict = f"{invalid} of {len(reports)} runs INVALID" if invalid else "VALID"
    rate = spread(reports, "deliveriesPerSecond")
    if not rate:
        return [kind.name, *["–"] * 7, verdict]
    ratio = f"{reference.median / rate.median:.2f} ×" if reference else "–"
    latency = [number(spread(reports, "latency", key).median / 1000) for key in ("p50", "p99")]
    cpu = with_unit(spread(reports, "cpuNanosecondsPerDelivery").median, "ns")
    memory = number(spread(reports, "serverResidentBytesPeak").median / (1 << 20))
    return [kind.name, number(rate.median), f"{number(rate.low)}–{number(rate.high)}", ratio, *latency,
            cpu, memory, verdict]


def print_table(load: str, kinds: list[servers.Kind], results: dict[str, list[Report]]) -> None:
    """The table of one load, and why runs are not valid."""
    reference = spread(results[kinds[0].name], "deliveriesPerSecond")
    print(f"{load}\n\n{render(HEAD, [cells(kind, results[kind.name], reference) for kind in kinds], RIGHT)}\n")
    for kind in kinds:
        for text in sorted({reasons(report) for report in results[kind.name] if report["verdict"] != "VALID"}):
            print(f"{kind.name} INVALID: {text}")
    print()


def make_page(lines: pathlib.Path, page: pathlib.Path) -> None:
    """Lets `reprise bench report` make the page."""
    done = subprocess.run([REPRISE, "bench", "report", lines, "--output", page], capture_output=True, text=True)
    print(f"\nruns: {lines}\npage: {page}" if done.returncode == 0
          else f"\nruns: {lines}\nno page: {done.stderr.strip()[-300:]}")


def main() -> int:
    """Measures, prints, writes."""
    arguments = options()
    machine.allow_many_descriptors()
    progress = Progress()
    if warning := machine.other_load():
        progress.say(f"compare-peers: {warning}")
    runner = Runner(
        runs=1 if arguments.quick else arguments.runs, seconds=2 if arguments.quick else arguments.seconds,
        is_quick=arguments.quick, progress=progress)
    heading = (f"{machine.description()}\nserver on core 0, generator on core 1; {arguments.clients} clients, "
               f"{arguments.payload} B; medians of {runner.runs} runs of {runner.seconds:g} s, in turn; every delivery verified")
    chosen = [kind for index, kind in enumerate(contenders())
              if index == 0 or not arguments.server or kind.name in arguments.server]
    tables = {load: measure(runner, chosen, load, {**flags, "clients": arguments.clients, "payload": arguments.payload})
              for load, flags in LOADS.items()}
    progress.clear()
    print(f"{heading}\n")
    for load, results in tables.items():
        print_table(load, chosen, results)
    for kind in chosen:
        print(f"{kind.name}: {kind.label}; {kind.settings}")
    print(f"\nThe floors and the peers broadcast bytes as they are and keep nothing; Reprise reads JSON, chooses a route and "
          f"syncs its log before it delivers.\n{NOT_MEASURED}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    lines = arguments.output.with_suffix(".jsonl")
    lines.write_text("".join(json.dumps(report) + "\n" for report in runner.reports))
    make_page(lines, arguments.output)
    return 0 if all(valid_count(results[chosen[0].name]) == runner.runs for results in tables.values()) else EXIT_INVALID


if __name__ == "__main__":
    sys.exit(main())
