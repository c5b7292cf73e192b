"""The soak test in its quick form, and that it would notice growth; `tools/soak` takes half an hour."""

import json
import pathlib
import sys

import pytest

from reprise import run_script

SOAK = pathlib.Path(__file__).with_name("soak.py")
pytestmark = pytest.mark.timeout(300)


def soak(*flags):
    return run_script(sys.executable, SOAK, *flags)


def test_a_short_soak_is_flat():
    done = soak("--minutes", "0.3", "--round", "6")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name, growth", [("memory", 300 << 10), ("descriptors", 10), ("threads", 1), ("log", 1 << 20)])
def test_what_grows_is_noticed(folder, name, growth):
    def write(factor):
        lines = [{"seconds": second, "memory": 30 << 20, "descriptors": 300, "threads": 8, "log": 80 << 20} for second in range(100)]
        for second, line in enumerate(lines):
            line[name] += factor * growth * second
        (folder / "samples").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write(1)
    done = soak("--judge", folder / "samples")
    assert done.returncode == 2 and f"{name} grows" in done.stdout
    write(0)
    assert soak("--judge", folder / "samples").returncode == 0
