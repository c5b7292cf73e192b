"""`bench log`: appending and reading, beside a program that stands for the floor."""

import json

import pytest

from reprise import run

SHORT = ("bench", "log", "--seconds", "0.05", "--runs", "1", "--durability", "never")


def program(folder, text: str):
    """An executable shell script."""
    file = folder / "floor"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_each_cell_has_its_rates_and_the_ratio_to_the_floor(tmp_path):
    floor = program(tmp_path, """echo "$@" >> "$(dirname "$0")/calls"; echo '{"appendsPerSecond":1000,"scanPerSecond":2000}'""")
    done = run(*SHORT, "--batch", "1,64", "--floor", floor, "--data", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [(row["batch"], row["durability"]) for row in report["rows"]] == [(1, "never"), (64, "never")]
    for row in report["rows"]:
        assert row["appendsPerSecond"] > 0 and row["readsPerSecond"] > 0
        assert (row["floorAppendsPerSecond"], row["floorScanPerSecond"]) == (1000, 2000)
        assert row["ratio"] == pytest.approx(row["appendsPerSecond"] / 1000, rel=0.01)
    calls = [line.split()[1:] for line in (tmp_path / "calls").read_text().splitlines()]
    size = str(report["recordBytes"])
    assert calls == [["1", "0.05", "never", size], ["64", "0.05", "never", size]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls", "floor"], "temporary logs are removed"


def test_a_floor_that_fails_is_said(tmp_path):
    floor = program(tmp_path, "exit 7")
    done = run(*SHORT, "--batch", "1", "--floor", floor, "--data", tmp_path)
    assert done.returncode == 1
    assert f"{floor} failed with status 7" in done.stderr


def test_a_floor_that_is_not_there_is_said_with_the_way_to_build_it(tmp_path):
    done = run(*SHORT, "--floor", tmp_path / "nothing")
    assert done.returncode == 1
    assert "build it with `make -C Benchmarks/Floor`" in done.stderr


@pytest.mark.parametrize("flags", [("--batch", "0"), ("--batch", "1,x"), ("--durability", "often"), ("--runs", "0")])
def test_wrong_flags_are_usage_errors(flags):
    done = run("bench", "log", *flags)
    assert done.returncode == 64
    assert len(done.stderr.strip().splitlines()) == 1
