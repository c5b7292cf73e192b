"""Where things are. Everything that the benchmarks make is below `.build/` and may be deleted."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "Benchmarks"
FLOOR_PROGRAMS = ROOT / ".build/floor"
KEPT = ROOT / ".build/bench"
"""Recordings that later runs use again."""

REPRISE = pathlib.Path(os.environ.get("REPRISE_BINARY", ROOT / ".build/release/reprise"))
PEERS = pathlib.Path(os.environ.get("REPRISE_PEERS", ROOT / ".build/peers"))
"""What `tools/peers` made and printed."""
