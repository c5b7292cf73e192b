"""The search for the rate that just saturates."""

import pytest

from .saturation import is_sustained, probed, saturation


@pytest.mark.parametrize("limit", [3, 99, 100, 101, 777, 12_345])
def test_the_rate_that_is_found_is_sustained_and_the_next_is_not(limit):
    sustained, saturating = saturation(lambda offered: offered <= limit, first=100)
    assert sustained <= limit < saturating <= sustained * 1.05 + 1e-9


def test_a_server_that_sustains_nothing_has_no_rate():
    assert saturation(lambda offered: False, first=100)[0] == 0


def report(**changes):
    return {"verdict": "VALID", "clients": 1000, "stalledClients": 100, "deliveriesPerSecond": 90_000,
            "latency": {"p99": 2000}, **changes}


def test_a_rate_is_sustained_when_everything_came_and_came_soon():
    assert is_sustained(report(), offered=100)


@pytest.mark.parametrize("changes", [
    {"verdict": "INVALID"}, {"deliveriesPerSecond": 89_000}, {"latency": {"p99": 200_000}}])
def test_a_rate_is_not_sustained_otherwise(changes):
    assert not is_sustained(report(**changes), offered=100)


def test_a_probe_that_is_not_valid_is_repeated_and_one_that_is_decides():
    starved, too_late = report(verdict="INVALID"), report(latency={"p99": 200_000})
    assert probed(iter([starved, starved, report()]).__next__, offered=100)
    assert not probed(iter([starved, too_late, report()]).__next__, offered=100)
    assert not probed(iter([starved, starved, starved, report()]).__next__, offered=100)
