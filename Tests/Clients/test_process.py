"""What a command inherits: streams that are closed."""

import re
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
