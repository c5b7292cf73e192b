"""Input that does not come in one piece, or not at all, is no input that has ended."""

import fcntl
import os
import pathlib
import signal
import struct
import subprocess
import termios

import pytest

from preload import signal_faults
from reprise import BINARY, environment, eventually, run


@pytest.fixture
def recording(serve, folder):
    """An export of some events."""
    server = serve(data=folder / "recorded")
    with server.raw(), server.raw():
        server.wait_for_connections(2)
    server.stop()
    exported = run("log", "export", server.data)
    assert exported.returncode == 0 and len(exported.stdout.splitlines()) == 6
    return exported.stdout


def is_waiting(process):
    """Whether the process has taken all that is in its pipe and all signals, and sleeps until there is more."""
    count, = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4))
    status = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return count == 0 and int(status["ShdPnd"], 16) == 0 and status["State"].startswith("S")


@pytest.mark.parametrize("verb", ["import", "diff"])
def test_a_read_that_a_signal_interrupts_is_not_the_end_of_the_input(verb, recording, folder):
    command = {"import": ("log", "import", folder / "copy"), "diff": ("log", "diff", folder / "recorded", "-")}[verb]
    process = subprocess.Popen(
        [BINARY, *map(str, command)], env=environment(signal_faults("interrupt")), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        for line in recording.splitlines(keepends=True):
            process.stdin.write(line)
            process.stdin.flush()
            for number in (0, signal.SIGUSR1):
                process.send_signal(number)
                eventually(lambda: process.poll() is not None or is_waiting(process), "all is read")
        output, errors = process.communicate()
    assert (process.returncode, errors) == (0, ""), output
    if verb == "import":
        assert run("log", "export", folder / "copy").stdout == recording


def test_an_input_that_cannot_be_read_leaves_no_log(folder):
    """A folder opens like a file, and fails when it is read."""
    done = run("log", "import", folder / "copy", "--input", folder)
    assert (done.returncode, done.stderr) == (1, f"reprise: cannot read {folder}: Is a directory\n")
    assert not (folder / "copy").exists()
    done = run("log", "import", folder / "copy", "--input", folder / "none")
    assert (done.returncode, done.stderr) == (1, f"reprise: cannot read {folder / 'none'}: No such file or directory\n")
    assert not (folder / "copy").exists()


def test_commands_that_cannot_be_read_do_not_look_like_none(recording, folder):
    descriptor = os.open(folder, os.O_RDONLY)
    done = subprocess.run(
        [BINARY, "replay", "--speed", "step", "--data", folder / "recorded"], env=environment(), stdin=descriptor,
        capture_output=True, text=True)
    os.close(descriptor)
    assert (done.returncode, done.stderr) == (1, "reprise: cannot read standard input: Is a directory\n")
