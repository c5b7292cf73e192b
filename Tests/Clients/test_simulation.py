"""The simulator in its quick form; `tools/sim --count 10000` is the long one."""

import os
import pathlib

import pytest

from reprise import BINARY, run_script

SIMULATION = os.environ.get("REPRISE_SIMULATION", pathlib.Path(BINARY).with_name("RepriseSimulation"))
pytestmark = pytest.mark.timeout(300)


def simulate(*arguments, timeout=240, **variables):
    folder = {"TMPDIR": "/dev/shm"} if os.path.isdir("/dev/shm") else {}
    return run_script(SIMULATION, *arguments, env=os.environ | folder | variables, timeout=timeout)


@pytest.mark.parametrize("first", [1, 21, 41])
def test_everything_holds_in_these_seeds(first):
    done = simulate("--first", first, "--count", 20)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("sum\t0\t20\t"), done.stdout


@pytest.mark.parametrize("seed", [7, 633, 1963])
def test_a_seed_comes_to_the_same_state_in_every_process(seed):
    """Swift's hashes differ from process to process, unless they are told not to."""
    runs = [simulate(seed, timeout=80, **variables) for variables in ({}, {}, {"SWIFT_DETERMINISTIC_HASHING": "1"})]
    assert [run.returncode for run in runs] == [0, 0, 0], runs[0].stdout + runs[0].stderr
    assert len({run.stdout for run in runs}) == 1 and "state " in runs[0].stdout


def test_wrong_arguments_are_refused():
    done = simulate("--seeds", 3)
    assert done.returncode == 64 and "usage" in done.stdout
