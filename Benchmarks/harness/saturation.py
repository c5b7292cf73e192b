"""The rate that just saturates a server in open loop."""

from collections.abc import Callable

from .generator import Report

ACHIEVED_SHARE_MIN = 0.99
"""Of the deliveries that the offered rate asks for."""
P99_MICROSECONDS_MAX = 100_000
"""Beyond it the queue is growing, and the latency is the length of the run."""

PROBES_MAX = 3


def is_sustained(report: Report, offered: float) -> bool:
    """Whether the server kept up with `offered` messages a second: what was asked for came, and came soon."""
    receivers = report["clients"] - report["stalledClients"]
    return (report["verdict"] == "VALID"
            and report["deliveriesPerSecond"] >= ACHIEVED_SHARE_MIN * offered * receivers
            and report["latency"]["p99"] <= P99_MICROSECONDS_MAX)


def probed(probe: Callable[[], Report], offered: float) -> bool:
    """Whether the first valid probe shows that the rate is sustained. A starved generator says nothing about the server, so
    a probe that is not valid is repeated; after `PROBES_MAX` of them the rate counts as too high.
    """
    for _ in range(PROBES_MAX):
        report = probe()
        if report["verdict"] == "VALID":
            return is_sustained(report, offered)
    return False


def saturation(sustains: Callable[[float], bool], first: float, precision: float = 0.05) -> tuple[float, float]:
    """The highest rate that `sustains` holds for, and the lowest that it does not, to within `precision`: doubled until it
    does not, then bisected.

    The first is 0 when the rate fell below 1 message a second and still was not sustained.
    """
    low, high = 0.0, first
    while sustains(high):
        low, high = high, 2 * high
    while low == 0:
        if high < 1:
            return 0, high
        if sustains(high / 2):
            low = high / 2
        else:
            high /= 2
    while high / low > 1 + precision:
        middle = (low + high) / 2
        low, high = (middle, high) if sustains(middle) else (low, middle)
    return low, high
