"""Flipped bytes: what hits a live record is reported with its position, what is not reported hit none.

REPRISE_FLIPS sets how many bytes are flipped (default 20, with REPRISE_LONG=1 100), REPRISE_SEED which ones.
"""

import json
import os
import random
import shutil
import signal
import subprocess

import pytest

from lmdb_live_ranges import live_values
from preload import signal_faults
from reprise import BINARY, DEADLINE, LONG, TEXT, Log, environment, message, run

FLIPS = int(os.environ.get("REPRISE_FLIPS", "100" if LONG else "20"))
SEED = int(os.environ.get("REPRISE_SEED", "1"))


@pytest.fixture(scope="module")
def recording(serve_once):
    """A log with small and large records, several pages and levels, three sessions, one of them crashed."""
    for session in range(3):
        server = serve_once("--log-bytes", "64MiB", "--durability", "never", "--close-timeout", "100ms")
        with server.raw() as client, server.raw():
            for number in range(700):
                client.send_frame(TEXT, message(f"{session} {number} " + "x" * (number % 97)))
            for size in (2000, 5000, 30_000):
                client.send_frame(TEXT, message("y" * size))
            for _ in range(703):
                client.receive_text()
            if session == 1:
                server.kill()
            else:
                server.stop()
    return server.log


def test_the_walker_finds_every_record(recording):
    values, used = live_values((recording.data / "data.mdb").read_bytes())
    events = recording.export()
    positions = [value.key for value in values if value.table == "events"]
    assert positions == [event["position"] for event in events]
    assert {value.table for value in values} >= {"events", "sessions", "connections", "checkpoints", "snapshots", "meta"}
    spans = sorted((value.start, value.end) for value in values)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:])), "values overlap"
    assert spans[-1][1] <= used


def copy_of(recording, folder, offset=None, bits=0):
    target = folder / "damaged"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    data = bytearray((recording.data / "data.mdb").read_bytes())
    if offset is not None:
        data[offset] ^= bits
    (target / "data.mdb").write_bytes(data)
    return Log(target)


def test_a_flipped_byte_in_a_record_is_reported_and_elsewhere_does_no_harm(recording, folder):
    """The issue's sixth acceptance case. Three of four flips go into records, the rest anywhere in the file."""
    choose = random.Random(SEED)
    values, used = live_values((recording.data / "data.mdb").read_bytes())
    records = [value for value in values if value.table == "events"]
    whole = recording.export()
    assert copy_of(recording, folder).verify().returncode == 0
    for flip in range(FLIPS):
        if flip % 4 == 3:
            offset = choose.randrange(used)
        else:
            record = choose.choice(records)
            offset = choose.randrange(record.start, record.end)
        bits = choose.randrange(1, 256)
        hit = next((value for value in values if value.start <= offset < value.end), None)
        case = f"flip {flip} of seed {SEED}: byte {offset} ^ {bits:#04x}, in {hit}"
        log = copy_of(recording, folder, offset, bits)
        verified = log.verify()
        print(case, verified.returncode, verified.stderr.strip())
        assert verified.returncode in (0, 1, 3), f"{case}: {verified}"
        if hit and hit.table == "events":
            assert verified.returncode == 3, f"{case}: {verified}"
            assert json.loads(verified.stdout)["damage"]["position"] == hit.key, f"{case}: {verified.stdout}"
            assert f"position {hit.key}" in verified.stderr, f"{case}: {verified.stderr}"
        elif hit and hit.table != "meta":
            assert verified.returncode == 3, f"{case}: derived tables are checked too: {verified}"
        elif verified.returncode == 0:
            assert log.export() == whole, f"{case}: reported as sound, and reads differently"
        if verified.returncode:
            assert len(verified.stderr.strip().splitlines()) == 1, f"{case}: {verified.stderr}"


def test_a_damaged_log_is_exported_up_to_the_damage(recording, folder):
    values, _ = live_values((recording.data / "data.mdb").read_bytes())
    record = next(value for value in values if value.table == "events" and value.key == 900)
    log = copy_of(recording, folder, record.end - 1, 1)
    done = run("log", "export", "--data", log.data)
    assert done.returncode == 3 and "position 900" in done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == recording.export()[:899]
    assert log.replay("--session", "all").returncode == 3


def test_a_server_does_not_start_on_a_damaged_tail(recording, folder):
    """What recovery reads must be whole: it would build on it."""
    values, _ = live_values((recording.data / "data.mdb").read_bytes())
    last = [value for value in values if value.table == "events"][-1]
    log = copy_of(recording, folder, last.start + 12, 1)
    done = run("serve", "--port", "0", "--data", log.data, "--log-bytes", "64MiB", timeout=20)
    assert done.returncode == 3, done
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_truncated_file_is_reported(recording, folder):
    data = (recording.data / "data.mdb").read_bytes()
    _, used = live_values(data)
    for size in (used // 2, 8192, 5000, 100, 0):
        target = folder / f"short-{size}"
        target.mkdir()
        (target / "data.mdb").write_bytes(data[:size])
        for command in (("log", "verify"), ("log", "export"), ("replay",)):
            done = run(*command, "--data", target)
            assert done.returncode in (1, 3), f"{command} on {size} bytes: {done}"
            assert len(done.stderr.strip().splitlines()) == 1, f"{command} on {size} bytes: {done.stderr}"


def test_a_page_that_fails_an_assertion_of_lmdb_is_reported(recording, folder):
    """A leaf that says that it is a branch, in the middle of the records."""
    values, _ = live_values((recording.data / "data.mdb").read_bytes())
    record = next(value for value in values if value.table == "events" and value.key == 900)
    log = copy_of(recording, folder, record.start // 4096 * 4096 + 10, 2 ^ 21)
    done = run("log", "export", "--data", log.data)
    assert done.returncode == 3 and "its pages cannot be followed" in done.stderr, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT])
@pytest.mark.parametrize("cause", ["a bug", "somebody else"])
def test_a_crash_says_nothing_of_the_log(recording, cause, number):
    """A command that follows a sound log crashes by itself, or is sent the signal."""
    faults = {signal.SIGSEGV: "null", signal.SIGBUS: "past", signal.SIGABRT: "abort"}
    process = subprocess.Popen(
        [BINARY, "log", "show", "--from", "end", "--follow", "--data", recording.data],
        env=environment({"SWIFT_BACKTRACE": "enable=no", **signal_faults(faults[number])}), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    with process:
        assert "sessionEnded" in process.stdout.readline()
        process.send_signal(signal.SIGUSR1 if cause == "a bug" else number)
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == -number and "damaged" not in errors, errors
