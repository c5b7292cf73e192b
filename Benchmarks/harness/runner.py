"""Rounds: everything that is compared runs once in each, in turn, so that what else happens on the machine hits all alike."""

import dataclasses
from collections.abc import Callable
from typing import Any

from . import generator, servers
from .generator import Report
from .progress import Progress

Run = Callable[[], Report]
Figure = Callable[[Report], float]

SERVER_CPUS, GENERATOR_CPUS = "0", "1"


@dataclasses.dataclass
class Rounds:
    """The reports of the rounds that count: for each name as many, in order of the rounds."""

    reports: dict[str, list[Report]]
    rejected: list[str] = dataclasses.field(default_factory=list)
    """Why other rounds do not count."""

    def figures(self, name: str, figure: Figure) -> tuple[float, ...]:
        """One figure of each round."""
        return tuple(figure(report) for report in self.reports[name])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the figures must know."""
        notes = [f"{len(self.rejected)} rounds left out; {reason}" for reason in self.rejected[:1]]
        for name, reports in self.reports.items():
            kept = [report for report in reports if report["verdict"] != "VALID"]
            if kept:
                notes.append(f"{len(kept)} of {len(reports)} runs of {name} are INVALID: {reasons(kept[0])}")
            notes += sorted({f"{name}: {note}" for report in reports for note in report.get("notes", [])})
        return tuple(notes)


def reasons(report: Report) -> str:
    """The first rule that failed, and how many more."""
    rules = report["failedRules"]
    return rules[0] + (f" (and {len(rules) - 1} more)" if len(rules) > 1 else "") if rules else "no rule named"


@dataclasses.dataclass
class Runner:
    """How often and how long is measured, and what came of it."""

    runs: int
    seconds: float
    is_quick: bool = False
    keeps_invalid: bool = False
    """Keep the figures of runs that are not valid, marked: for trying on a busy machine."""
    progress: Progress = dataclasses.field(default_factory=Progress)
    reports: list[Report] = dataclasses.field(default_factory=list)
    """Of every run, valid or not."""

    def fanout(
        self, kind: servers.Kind, *, label: str = "", seconds: float | None = None,
        server_cpus: str | None = SERVER_CPUS, generator_cpus: str | None = GENERATOR_CPUS, **flags: Any,
    ) -> Run:
        """A run of the generator against a fresh server of this kind.

        The report has `anonymousGrowthBytes` beside the generator's fields: the peak of the server's anonymous memory above
        what it was before the first client.
        """
        def run() -> Report:
            with servers.running(kind, server_cpus) as server, generator.MemoryWatch(server.pid) as memory:
                report = generator.measure(
                    server, generator_cpus, seconds=seconds or self.seconds, label=label, **flags)
            report["anonymousGrowthBytes"] = memory.growth
            self.reports.append(report)
            return report
        return run

    def rounds(self, what: str, **cases: Run) -> Rounds:
        """Runs the cases in turn, `runs` times; every second round in the opposite order.

        A round with a run that failed or is not valid does not count and is repeated, at most `runs` times in all.
        """
        result = Rounds({name: [] for name in cases})
        rejected_max = self.runs
        while len(next(iter(result.reports.values()))) < self.runs and len(result.rejected) <= rejected_max:
            count = len(next(iter(result.reports.values()))) + 1
            order = list(cases) if count % 2 else list(reversed(cases))
            round_reports = self._round(what, count, {name: cases[name] for name in order}, result.rejected)
            if round_reports:
                for name, report in round_reports.items():
                    result.reports[name].append(report)
        return result

    def _round(self, what: str, count: int, cases: dict[str, Run], rejected: list[str]) -> dict[str, Report] | None:
        reports: dict[str, Report] = {}
        for name, run in cases.items():
            self.progress.show(f"{what}: round {count} of {self.runs}, {name}")
            try:
                reports[name] = run()
            except (generator.RunFailed, servers.ServerFailed) as failure:
                rejected.append(f"{name} failed: {failure}")
                return None
            if reports[name]["verdict"] != "VALID" and not self.keeps_invalid:
                rejected.append(f"{name} was INVALID: {reasons(reports[name])}")
                return None
        return reports
