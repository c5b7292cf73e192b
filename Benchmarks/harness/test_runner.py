"""Rounds: who runs when, and which count."""

from .generator import RunFailed
from .progress import Progress
from .runner import Runner


class Silent(Progress):
    """Shows nothing."""

    def show(self, text):
        pass


def report(verdict="VALID", **fields):
    return {"verdict": verdict, "failedRules": [] if verdict == "VALID" else ["It was starved."], **fields}


def runner(runs, **options):
    return Runner(runs=runs, seconds=1, progress=Silent(), **options)


def test_every_second_round_runs_in_the_opposite_order():
    order = []

    def case(name):
        return lambda: order.append(name) or report()

    runner(3).rounds("x", a=case("a"), b=case("b"))
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_a_round_with_a_run_that_is_not_valid_is_repeated_as_a_whole():
    a = iter([report(rate=1), report(rate=2), report(rate=3)])
    b = iter([report("INVALID", rate=10), report(rate=20), report(rate=30)])
    rounds = runner(2).rounds("x", a=lambda: next(a), b=lambda: next(b))
    assert rounds.figures("a", lambda r: r["rate"]) == (2, 3)
    assert rounds.figures("b", lambda r: r["rate"]) == (20, 30)
    assert rounds.notes == ("1 rounds left out; b was INVALID: It was starved.",)


def test_rounds_that_never_become_valid_end():
    rounds = runner(2).rounds("x", a=lambda: report("INVALID"))
    assert rounds.figures("a", lambda r: 1) == ()
    assert len(rounds.rejected) == 3


def test_a_run_that_fails_is_a_reason_and_not_the_end():
    def fail():
        raise RunFailed("no progress")

    rounds = runner(1).rounds("x", a=fail)
    assert rounds.rejected[0] == "a failed: no progress"


def test_runs_that_are_not_valid_are_kept_and_named_when_asked_for():
    rounds = runner(2, keeps_invalid=True).rounds("x", a=lambda: report("INVALID", rate=1))
    assert rounds.figures("a", lambda r: r["rate"]) == (1, 1)
    assert rounds.notes == ("2 of 2 runs of a are INVALID: It was starved.",)
