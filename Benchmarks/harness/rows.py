"""The fourteen rows of the table that `tools/bench` reproduces: what each measures, against what, and what it must reach.

Where the server is not said to be on both cores it has core 0 and one loop, and the generator has core 1. The floor and
uWebSockets broadcast bytes as they are; Reprise reads JSON, chooses a route and commits to its log.

"Window 64" is 64 clients with one message outstanding each, as people in a room send: the messages of a moment come from
many sockets. One client with 64 outstanding sends them in one segment, and any server that gathers what one read holds
(uWebSockets does) gains by it; row `window-64` shows that case, too, unjudged.
"""

import dataclasses
from collections.abc import Callable

from . import generator, servers
from .figures import Bound, Comparison, at_least, at_most
from .generator import Report
from .paths import FLOOR_PROGRAMS
from .recording import recorded_session
from .runner import Figure, Rounds, Runner
from .saturation import probed, saturation

MIB = 1 << 20
RING_BYTES = 64 * MIB  # the default of --ring-bytes

WINDOW_64 = {"window": 64, "senders": 64, "payload": 64}

FLOOR = servers.floor("turn")
UWEBSOCKETS = servers.uwebsockets("tuned")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    work: str
    measure: Callable[[Runner, str], list[Comparison]]


def deliveries(report: Report) -> float:
    """Deliveries a second."""
    return report["deliveriesPerSecond"]


def cpu_per_delivery(report: Report) -> float:
    """Nanoseconds of the server's CPU."""
    return report["cpuNanosecondsPerDelivery"]


def compared(
    rounds: Rounds, yardstick: str, label: str, bound: Bound | None, what: str = "deliveries", unit: str = "/s",
    figure: Figure = deliveries,
) -> Comparison:
    """Reprise against another case of the same rounds."""
    return Comparison(
        what=what, unit=unit, bound=bound, ours=rounds.figures("reprise", figure), yardstick=label,
        theirs=rounds.figures(yardstick, figure), notes=rounds.notes)


def window_64(runner: Runner, what: str) -> list[Comparison]:
    def measured(what: str, **changes: int) -> Rounds:
        load = {"clients": 1000, **WINDOW_64, **changes}
        return runner.rounds(
            what, reprise=runner.fanout(servers.ours(), **load), floor=runner.fanout(FLOOR, **load),
            uwebsockets=runner.fanout(UWEBSOCKETS, **load))

    many = measured(what)
    one = measured(f"{what}, one sender", senders=1)
    return [compared(many, "floor", "floor", at_least(0.85, 1.0)),
            compared(many, "uwebsockets", "uWebSockets", at_least(6, 10)),
            compared(one, "floor", "floor", None, "one sender"),
            compared(one, "uwebsockets", "uWebSockets", None, "one sender")]


def one_outstanding(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 1000, "window": 1, "payload": 64}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(), **load), floor=runner.fanout(FLOOR, **load),
        uwebsockets=runner.fanout(UWEBSOCKETS, **load))
    return [compared(rounds, "floor", "floor", at_least(0.9, 1.0, aim_is_beyond=True)),
            compared(rounds, "uwebsockets", "uWebSockets", at_least(1.0, 1.0, aim_is_beyond=True))]


def ten_clients(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 10, "window": 1, "payload": 64}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours("interval"), **load), uwebsockets=runner.fanout(UWEBSOCKETS, **load))
    return [compared(rounds, "uwebsockets", "uWebSockets", at_most(1.4, 1.1), "p50", "µs",
                     lambda report: report["latency"]["p50"])]


def nine_thousand(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 9000, **WINDOW_64}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(), **load), floor=runner.fanout(FLOOR, **load))
    return [compared(rounds, "floor", "floor", at_least(0.85, 1.0))]


def open_loop(runner: Runner, what: str) -> list[Comparison]:
    """At the rate that saturates uWebSockets, its latency is a queue that grows as long as the run lasts; below it, both
    have a fan-out cycle or two. The first is judged, the second is shown.
    """
    load = {"clients": 1000, "senders": 64, "payload": 64}

    def sustains(rate: float) -> bool:
        runner.progress.show(f"{what}: does uWebSockets sustain {rate:.0f} messages a second?")
        return probed(runner.fanout(UWEBSOCKETS, label="probe", rate=rate, **load), rate)

    def compared_at(rate: float, bound: Bound | None, words: str) -> Comparison:
        rounds = runner.rounds(
            f"{what}, {words}", reprise=runner.fanout(servers.ours(), rate=rate, **load),
            uwebsockets=runner.fanout(UWEBSOCKETS, rate=rate, **load))
        return compared(rounds, "uwebsockets", "uWebSockets", bound, f"p99 at {rate:.0f}/s, {words}", "µs",
                        lambda report: report["latency"]["p99"])

    sustained, saturating = saturation(sustains, first=100)
    judged = compared_at(saturating, at_most(0.5, 0.2), "saturated")
    return [judged, compared_at(sustained, None, "sustained")] if sustained else [judged]


def stalled(runner: Runner, what: str) -> list[Comparison]:
    seconds = 5 if runner.is_quick else 30
    comparisons = []
    for policy in ("disconnect", "catchUp", "skip"):
        kind = servers.ours(flags=("--slow-consumer", policy))
        rounds = runner.rounds(
            f"{what}, {policy}",
            reprise=runner.fanout(kind, clients=500, stall=100, payload=16384, seconds=seconds),
            unstalled=runner.fanout(kind, clients=400, payload=16384, seconds=seconds))
        comparisons += [
            compared(rounds, "unstalled", "none stalled", at_least(0.9, 0.97), f"{policy}: deliveries"),
            Comparison(
                f"{policy}: memory growth", "MiB", at_most((RING_BYTES + 32 * MIB) / MIB, RING_BYTES / MIB, unit="MiB"),
                rounds.figures("reprise", lambda report: report["anonymousGrowthBytes"] / MIB), notes=rounds.notes),
        ]
    return comparisons


def memory(runner: Runner, what: str) -> list[Comparison]:
    clients = 9000
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(), seconds=1, clients=clients, window=1, warm_up=0))
    return [Comparison(
        "KiB per connection", "KiB", at_most(6, 3, unit="KiB"),
        rounds.figures("reprise", lambda report: (
            report["serverResidentBytesConnected"] - report["serverResidentBytesBefore"]) / clients / 1024),
        notes=rounds.notes)]


def durability(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 1000, **WINDOW_64}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours("always"), **load), never=runner.fanout(servers.ours("never"), **load))
    return [compared(rounds, "never", "Reprise, never", at_least(0.9, 0.97))]


def disturbed(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 1000, **WINDOW_64}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(), error_share=0.1, churn=500, **load),
        undisturbed=runner.fanout(servers.ours(), **load))
    return [compared(rounds, "undisturbed", "Reprise, undisturbed", at_least(0.7, 0.9))]


def storm(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 9000, "window": 1, "warm_up": 0, "seconds": 1}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(), **load), uwebsockets=runner.fanout(UWEBSOCKETS, **load))
    return [compared(rounds, "uwebsockets", "uWebSockets", at_least(0.8, 1.0), "connects", "/s",
                     lambda report: report["connectsPerSecond"])]


def log(runner: Runner, what: str) -> list[Comparison]:
    runner.progress.show(what)
    rows = generator.command(
        "bench", "log", "--json", "--batch", "64", "--durability", "never,always", "--runs", str(runner.runs),
        "--floor", str(FLOOR_PROGRAMS / "log"))["rows"]
    comparisons = []
    for mode, words in (("never", "unsynced"), ("always", "synced")):
        cells = [row for row in rows if row["batch"] == 64 and row["durability"] == mode]
        comparisons.append(Comparison(
            f"appends, {words}", "/s", at_least(0.6, 0.8), tuple(cell["appendsPerSecond"] for cell in cells), "C over LMDB",
            tuple(cell["floorAppendsPerSecond"] for cell in cells if cell.get("floorAppendsPerSecond"))))
    return comparisons


def replay(runner: Runner, what: str) -> list[Comparison]:
    events = 200_000 if runner.is_quick else 10_000_000
    data = recorded_session(events, runner.progress)
    rates = []
    for count in range(runner.runs):
        runner.progress.show(f"{what}: {count + 1} of {runner.runs}")
        report = generator.command("bench", "replay", str(data), "--runs", "1", "--json")
        if report["verified"]:
            rates.append(report["eventsPerSecond"])
    notes = () if len(rates) == runner.runs else (f"{runner.runs - len(rates)} replays did not verify",)
    return [Comparison("events", "/s", at_least(2e6, 5e6, unit="/s"), tuple(rates), notes=notes)]


def loops(runner: Runner, what: str) -> list[Comparison]:
    # At 20 messages a second server and generator together need a third of the two cores: what is compared is the price
    # of a delivery, not who gets the core. With two loops each fan-out holds both cores for a few milliseconds, so a higher
    # rate would starve the generator.
    load = {"clients": 1000, "rate": 20, "payload": 64, "server_cpus": None, "generator_cpus": None}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(loops=2), **load), one=runner.fanout(servers.ours(loops=1), **load))
    return [compared(rounds, "one", "one loop", at_most(1.15, 1.05), "CPU per delivery", "ns", cpu_per_delivery)]


def tls(runner: Runner, what: str) -> list[Comparison]:
    load = {"clients": 1000, **WINDOW_64}
    rounds = runner.rounds(
        what, reprise=runner.fanout(servers.ours(is_secure=True), **load), plain=runner.fanout(servers.ours(), **load))
    # The generator decrypts all of it, and a note says so where that took its whole core: then only the second figure is the
    # server's alone.
    return [compared(rounds, "plain", "Reprise, plain", None),
            compared(rounds, "plain", "Reprise, plain", at_most(2.5, 1.8), "CPU per delivery", "ns", cpu_per_delivery)]


ROWS = [
    Row("window-64", "1 000 clients, 64 B, window 64, durability always, default JSON route", window_64),
    Row("one-outstanding", "1 000 clients, one outstanding", one_outstanding),
    Row("ten-clients", "10 clients, one outstanding, interval: p50", ten_clients),
    Row("nine-thousand", "9 000 clients, window 64", nine_thousand),
    Row("open-loop", "1 000 clients, open loop at the rate that just saturates uWebSockets: p99", open_loop),
    Row("stalled", "500 clients of which 100 stalled, 16 KiB, 30 s; against 400 clients, none stalled", stalled),
    Row("memory", "resident memory per idle connection, 9 000", memory),
    Row("durability", "durability always against never at window 64", durability),
    Row("disturbed", "1 000 clients, window 64, while 10 % of messages get an error frame and 500 clients/s come and go",
        disturbed),
    Row("storm", "connect storm, 9 000 connections, each durable before its 101", storm),
    Row("log", "bench log, batches of 64", log),
    Row("replay", "replay verify of a session of 10 M events", replay),
    Row("loops", "two loops against one, both cores free, generator throttled", loops),
    Row("tls", "1 000 clients, 64 B, window 64, durability always: TLS against plain", tls),
]
