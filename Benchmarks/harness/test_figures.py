"""Medians, ratios and verdicts."""

import pytest

from .figures import Comparison, Spread, Verdict, at_least, at_most


def compare(ours, theirs, bound):
    return Comparison("deliveries", "/s", bound, tuple(ours), "floor", tuple(theirs))


def test_a_spread_is_the_median_between_the_extremes():
    assert Spread.of([50, 1, 3]) == Spread(median=3, low=1, high=50)
    assert Spread.of([4, 1, 2, 3]).median == 2.5


@pytest.mark.parametrize(("value", "verdict"), [
    (1.0, Verdict.AIM), (0.999, Verdict.MUST), (0.85, Verdict.MUST), (0.849, Verdict.MISSED)])
def test_more_is_better_from_the_bound_on(value, verdict):
    assert at_least(0.85, 1.0).judge(value) is verdict


@pytest.mark.parametrize(("value", "verdict"), [
    (1.1, Verdict.AIM), (1.11, Verdict.MUST), (1.4, Verdict.MUST), (1.41, Verdict.MISSED)])
def test_less_is_better_up_to_the_bound(value, verdict):
    assert at_most(1.4, 1.1).judge(value) is verdict


def test_an_aim_beyond_a_figure_is_not_met_by_the_figure():
    bound = at_least(1.0, 1.0, aim_is_beyond=True)
    assert bound.judge(1.0) is Verdict.MUST
    assert bound.judge(1.001) is Verdict.AIM
    assert bound.text == ("≥ 1 ×", "> 1 ×")


def test_the_ratio_that_is_judged_is_that_of_the_medians():
    comparison = compare([10, 30, 20], [10, 10, 40], at_least(1, 2))
    assert comparison.value == 2
    assert comparison.ratios == (1, 3, 0.5)
    assert comparison.verdict is Verdict.AIM


def test_without_a_yardstick_the_median_itself_is_judged():
    comparison = Comparison("memory", "KiB", at_most(6, 3, unit="KiB"), (5.0, 7.0, 5.5))
    assert comparison.value == 5.5
    assert comparison.ratios == ()
    assert comparison.verdict is Verdict.MUST


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0])])
def test_what_was_not_measured_does_not_hold(ours, theirs):
    verdict = compare(ours, theirs, at_least(0, 0)).verdict
    assert verdict is Verdict.UNMEASURED
    assert not verdict.holds


def test_a_figure_without_a_bound_is_shown_and_misses_nothing():
    comparison = compare([1.0], [4.0], None)
    assert comparison.verdict is Verdict.SHOWN
    assert comparison.verdict.holds
    assert comparison.bound_text == ("", "")
    assert compare([], [], None).verdict is Verdict.UNMEASURED
