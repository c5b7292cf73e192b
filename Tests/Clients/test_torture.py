"""The kill loop in its quick form; `tools/torture` runs 200 rounds."""

import pathlib
import sys

import pytest

from reprise import run_script

TORTURE = pathlib.Path(__file__).with_name("torture.py")
pytestmark = pytest.mark.timeout(300)


def torture(*flags):
    return run_script(sys.executable, TORTURE, *flags)


def test_a_server_that_is_killed_at_random_loses_nothing_it_acknowledged():
    done = torture("--rounds", "6", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_loss_would_be_noticed():
    done = torture("--rounds", "6", "--seed", "1", "--forget-one")
    assert done.returncode == 2 and "and the log says" in done.stdout, done.stdout + done.stderr
