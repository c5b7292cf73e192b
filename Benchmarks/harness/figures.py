"""Medians, ratios, and what they say about a bound."""

import dataclasses
import enum
import statistics
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Spread:
    """A median with what it lies between."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


class Verdict(enum.Enum):
    """What a comparison says, best first."""

    AIM = "aim met"
    MUST = "must met"
    MISSED = "MISSED"
    SHOWN = "shown only"
    UNMEASURED = "NOT MEASURED"

    @property
    def holds(self) -> bool:
        """Whether nothing was missed."""
        return self in (Verdict.AIM, Verdict.MUST, Verdict.SHOWN)


@dataclasses.dataclass(frozen=True)
class Bound:
    """What a figure must reach, and what it aims at."""

    must: float
    aim: float
    is_ceiling: bool = False
    """Smaller is better."""
    aim_is_beyond: bool = False
    """The aim itself does not meet the aim."""
    unit: str = "×"

    def judge(self, value: float) -> Verdict:
        """The verdict on one figure."""
        sign = -1 if self.is_ceiling else 1
        above_aim = sign * (value - self.aim)
        if above_aim > 0 or (above_aim == 0 and not self.aim_is_beyond):
            return Verdict.AIM
        return Verdict.MUST if sign * (value - self.must) >= 0 else Verdict.MISSED

    @property
    def text(self) -> tuple[str, str]:
        """Must and aim, as the table shows them."""
        within = "≤" if self.is_ceiling else "≥"
        beyond = ("<" if self.is_ceiling else ">") if self.aim_is_beyond else within
        return f"{within} {self.must:g} {self.unit}", f"{beyond} {self.aim:g} {self.unit}"


def at_least(must: float, aim: float, **options) -> Bound:
    """More is better."""
    return Bound(must, aim, **options)


def at_most(must: float, aim: float, **options) -> Bound:
    """Less is better."""
    return Bound(must, aim, is_ceiling=True, **options)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One line of the table: our figures, the yardstick's of the same rounds, and the bound on their ratio.

    Without a yardstick the bound is on our median itself.
    """

    what: str
    unit: str
    bound: Bound | None
    """None for a figure that is shown and not judged."""
    ours: tuple[float, ...]
    yardstick: str = ""
    theirs: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether there is anything to judge."""
        return bool(self.ours) and (not self.yardstick or len(self.theirs) == len(self.ours))

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours to theirs, round by round; empty without a yardstick."""
        return tuple(mine / theirs for mine, theirs in zip(self.ours, self.theirs) if theirs)

    @property
    def value(self) -> float:
        """What is judged: the ratio of the medians, or our median."""
        mine = statistics.median(self.ours)
        return mine / statistics.median(self.theirs) if self.yardstick else mine

    @property
    def verdict(self) -> Verdict:
        """What the bound says."""
        if not self.is_measured:
            return Verdict.UNMEASURED
        return self.bound.judge(self.value) if self.bound else Verdict.SHOWN

    @property
    def bound_text(self) -> tuple[str, str]:
        """Must and aim, as the table shows them."""
        return self.bound.text if self.bound else ("", "")
