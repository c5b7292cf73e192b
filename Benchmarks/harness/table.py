"""Tables of text, and numbers that people can read."""

from collections.abc import Sequence

LONGER = {"ns": "µs", "µs": "ms", "ms": "s"}


def number(value: float) -> str:
    """Three significant digits, with k and M."""
    for limit, divisor, suffix in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= limit:
            return f"{_digits(value / divisor)}{suffix}"
    return _digits(value)


def _digits(value: float) -> str:
    size = abs(value)
    decimals = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    return f"{value:.{decimals}f}"


def with_unit(value: float, unit: str) -> str:
    """`6.81 M/s`, `45.6 µs`; times of 1000 and more take the next unit."""
    while unit in LONGER and abs(value) >= 1000:
        value, unit = value / 1000, LONGER[unit]
    text = number(value)
    if not unit or unit.startswith("/"):
        return text + unit
    return f"{text}{unit}" if text[-1] in "kM" else f"{text} {unit}"


def render(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """Columns as wide as their widest cell; those in `right` end at the same place."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.rjust(width) if column in right else cell.ljust(width)
                  for column, (cell, width) in enumerate(zip(cells, widths)))
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), line(["─" * width for width in widths]), *map(line, rows)])
