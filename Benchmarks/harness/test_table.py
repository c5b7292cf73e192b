"""Numbers and columns."""

import pytest

from .table import number, render, with_unit


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (3, "3"), (0.856, "0.86"), (12.34, "12.3"), (1234.5, "1234"), (45_678, "45.7 k"), (6_812_345, "6.81 M"),
    (123_456_789, "123 M")])
def test_a_number_has_three_digits(value, text):
    assert number(value) == text


def test_a_unit_follows_its_prefix():
    assert with_unit(6_812_345, "/s") == "6.81 M/s"
    assert with_unit(45.67, "µs") == "45.7 µs"
    assert with_unit(3, "") == "3"


def test_a_long_time_takes_the_next_unit():
    assert with_unit(45_670, "µs") == "45.7 ms"
    assert with_unit(2_000_000, "µs") == "2 s"


def test_columns_are_as_wide_as_their_widest_cell():
    assert render(["row", "ours"], [["a", "1"], ["long name", "12345"]], right=frozenset({1})).splitlines() == [
        "row         ours",
        "─────────  ─────",
        "a              1",
        "long name  12345",
    ]
