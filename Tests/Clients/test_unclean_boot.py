"""The machine stopped under a server that did not sync every commit: who may touch the folder, and who may not."""

import signal

import pytest

from disk import Disk
from reprise import TEXT, message, run


@pytest.fixture
def disk(folder):
    return Disk(folder, folder / "data")


def test_nothing_is_trimmed_before_the_folder_is_verified(serve, disk, log):
    """A list of free pages from another moment would let a trim overwrite what is in use."""
    server = serve("--durability", "interval", env=disk.environment())
    with server.raw() as client:
        for number in range(20):
            client.send_frame(TEXT, message(number))
            client.receive_text()
    server.kill()
    disk.reboot()
    refused = run("log", "trim", "--before", "10", "--data", log.data, env=disk.environment())
    assert refused.returncode == 1 and "reprise serve" in refused.stderr, refused.stderr
    assert log.export()[0]["position"] == 1
    serve("--durability", "interval", env=disk.environment()).stop()
    trimmed = run("log", "trim", "--before", "10", "--data", log.data, env=disk.environment())
    assert trimmed.returncode == 0, trimmed.stderr
    assert log.export()[0]["position"] == 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_end_leaves_no_mark(serve, log, number):
    """A sync under way at the end put its mark back, and the next boot verified a log that had ended cleanly."""
    for _ in range(10):
        server = serve("--durability", "interval", "--sync-interval", "1")
        with server.raw() as client:
            client.send_frame(TEXT, message("x"))
            client.receive_text()
        assert (log.data / "synced").exists()
        server.stop(number)
        assert not (log.data / "synced").exists()


def test_a_mark_without_its_log_says_what_to_do(serve, disk, log):
    server = serve("--durability", "interval", env=disk.environment())
    server.kill()
    disk.reboot()
    (log.data / "data.mdb").unlink()
    (log.data / "lock.mdb").unlink()
    refused = run("serve", "--port", "0", "--durability", "interval", "--data", log.data, env=disk.environment())
    assert refused.returncode == 3 and f"remove {log.data}/synced" in refused.stderr, refused.stderr
    (log.data / "synced").unlink()
    serve("--durability", "interval", env=disk.environment()).stop()
