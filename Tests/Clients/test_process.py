"""What a command inherits: streams that are closed, signals that are ignored."""

import pathlib
import re
import signal
import subprocess

import pytest

from reprise import BINARY, DEADLINE, environment, run


@pytest.fixture
def recording(serve):
    for _ in range(2):
        server = serve()
        with server.raw():
            server.wait_for_connections(1)
        server.stop()
    return server


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", [
    ("log", "trim", "--before", "session:2", "--data"), ("log", "verify", "--data"), ("log", "export", "--data"),
    ("replay", "--session", "all", "--data"), ("log", "sessions", "--data")], ids=lambda command: command[1])
def test_no_file_takes_the_place_of_a_closed_stream(recording, command, closed):
    def files():
        return {path.name: path.read_bytes() for path in recording.data.iterdir() if path.name != "lock.mdb"}

    before = files()
    script = f'exec "$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", BINARY, *command, recording.data], env=environment(), capture_output=True,
        timeout=DEADLINE)
    assert done.returncode == 0, done
    if command[1] == "trim":
        assert re.fullmatch(b"process [0-9]+", files()["serve.lock"])
    else:
        assert files() == before
    assert run("log", "verify", "--data", recording.data).returncode == 0


@pytest.mark.parametrize("command", [
    ("serve", "--json", "--port", "0"), ("replay", "--serve", "--json", "--port", "0"), ("replay", "--speed", "0.001"),
    ("log", "show", "--from", "end", "--follow")], ids=" ".join)
@pytest.mark.parametrize("is_ignored", [True, False], ids=["ignored", "not ignored"])
def test_what_runs_in_the_background_of_a_script_leaves_sigint_ignored(recording, command, is_ignored):
    """As `sh -c 'reprise serve &'` begins it."""
    def begin():
        if is_ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    process = subprocess.Popen(
        [BINARY, *command, "--data", recording.data], env=environment(), stdout=subprocess.PIPE, preexec_fn=begin)
    with process:
        assert process.stdout.readline()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        mask = int(re.search("SigIgn:\t(.*)", status)[1], 16)
        process.send_signal(signal.SIGINT)
        if is_ignored:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE)
    assert mask >> signal.SIGINT - 1 & 1 == is_ignored
    assert process.returncode in (0, 128 + (signal.SIGTERM if is_ignored else signal.SIGINT))
