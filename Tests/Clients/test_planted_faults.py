"""Faults are planted by hand (tools/planted-faults), since each is a build of its own; that they can be is checked here."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).parents[2]


def test_the_place_of_every_fault_is_in_the_sources():
    done = subprocess.run([ROOT / "tools/planted-faults", "--places"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
