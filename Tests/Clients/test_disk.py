"""Disks that lose what was not synced, that fill up and that break. `tools/power-cut` is the long form of the first."""

import errno
import pathlib
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from disk import Disk
from reprise import TEXT, Log, RawClient, Server, assert_truthful, eventually, message, run, run_script

POWER_CUT = pathlib.Path(__file__).with_name("power_cut.py")


def power_cut(*flags):
    return run_script(sys.executable, POWER_CUT, *flags)


@pytest.mark.timeout(300)
def test_a_power_cut_loses_nothing_that_was_promised():
    done = power_cut("--cuts", "15", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_a_promise_that_was_not_kept_would_be_noticed():
    done = power_cut("--cuts", "30", "--seed", "1", "--lie")
    assert done.returncode == 2 and "does not hold" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def disk(folder):
    return Disk(folder, folder / "data")


def attempt(server):
    with RawClient(server.port) as client:
        client.send(client.request_bytes())
        return client.receive_reply()


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("how", ["full", "short"])
@pytest.mark.parametrize("durability", ["always", "interval"])
def test_a_full_disk_refuses_and_the_server_recovers_by_itself(serve, disk, how, durability):
    server = serve("--durability", durability, env=disk.environment())
    with server.raw() as client, server.raw() as other, server.raw() as leaver:
        client.send_frame(TEXT, message("before"))
        assert [c.receive_text() for c in (client, other, leaver)] == ['"before"'] * 3
        disk.fail(how)
        # Whoever sends now is told, sooner or later also by a commit that needs no new page.
        refused = []

        def is_refused():
            client.send_frame(TEXT, message("x" * 20_000))
            refused.append("Internal server error" in client.receive_text())
            return refused[-1]
        eventually(is_refused, "a refused message")
        health = server.health()
        assert health.status == 503 and health.json["status"] == "failing" and health.json["reason"]
        reply = attempt(server)
        assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
        assert server.request("POST", "/dev/@connections", "x").status == 503
        leaver.close()  # a fact: it is kept until there is room
        assert server.is_running
        disk.heal()
        eventually(lambda: server.health().status == 200, "health after there is room")
        with server.raw() as newcomer:
            client.send_frame(TEXT, message("after"))
            assert newcomer.receive_text() == '"after"'
            while client.receive_text() != '"after"':
                pass
    server.stop()
    events = server.log.export()
    assert_truthful(events)
    bodies = [e["body"] for e in events if e["event"] == "message"]
    assert message("before") in bodies and message("after") in bodies
    assert bodies.count(message("x" * 20_000)) == refused.count(False), "what was refused is not in the log, the rest is"
    server.log.assert_sound()


def would_survive_a_power_cut(disk, folder, text):
    """Whether a message is in what a disk that keeps nothing unsynced has now."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    (copy / "data.mdb").write_bytes(disk.image_after_cut())
    return any(event.get("body") == text for event in Log(copy).export())


def test_interval_syncs_what_was_delivered_without_being_asked(folder, serve, disk):
    server = serve("--durability", "interval", "--sync-interval", "20", env=disk.environment())
    with server.raw() as client:
        client.send_frame(TEXT, message("kept"))
        assert client.receive_text() == '"kept"'
        eventually(lambda: would_survive_a_power_cut(disk, folder, message("kept")), "a sync after the message")


def test_a_message_that_no_sync_followed_would_not_survive(folder, serve, disk):
    """So that the test above cannot pass without the sync: nothing else brings a message to the disk."""
    server = serve("--durability", "interval", "--sync-interval", "60000", env=disk.environment())
    with server.raw() as client:
        client.send_frame(TEXT, message("lost"))
        assert client.receive_text() == '"lost"'
        assert not would_survive_a_power_cut(disk, folder, message("lost"))


@pytest.mark.parametrize("how", ["broken", "unsyncable"])
def test_a_disk_that_breaks_stops_the_server_with_the_reason_and_a_restart_recovers(serve, disk, how):
    server = serve(env=disk.environment())
    with server.raw() as client:
        client.send_frame(TEXT, message("safe"))
        assert client.receive_text() == '"safe"'
        disk.fail(how)
        client.send_frame(TEXT, message("never acknowledged"))
        assert b"never acknowledged" not in client.wait_for_end()
        server.wait(1)
        assert "the log failed" in server.stderr and "restart recovers" in server.stderr
    disk.heal()
    disk.cut()
    again = serve()
    again.stop()
    events = again.log.export()
    assert_truthful(events)
    bodies = [e["body"] for e in events if e["event"] == "message"]
    assert message("safe") in bodies
    again.log.assert_sound()


def test_a_disk_that_is_full_at_the_start_says_so_and_harms_nothing(folder, serve, disk):
    server = serve()
    with server.raw() as client:
        client.send_frame(TEXT, message("kept"))
        assert client.receive_text() == '"kept"'
        server.kill()
    disk.fail("full")
    with pytest.raises(AssertionError, match="exit code 1.*(No space left|full)"):
        Server(data=server.data, folder=folder, env=disk.environment())
    disk.heal()
    again = serve()
    assert again.announcement["closedConnections"] == 1
    again.stop()
    assert_truthful(again.log.export())
    again.log.assert_sound()


def test_a_full_disk_during_the_shutdown_is_waited_for(serve, disk):
    server = serve("--close-timeout", "500ms", env=disk.environment())
    with server.raw() as client:
        client.send_frame(TEXT, message("last"))
        assert client.receive_text() == '"last"'
        disk.fail("full")
        server.process.send_signal(signal.SIGTERM)
        assert client.receive_close()[0] == 1001
        disk.heal()
        server.wait(0)
    events = server.log.export()
    assert_truthful(events)
    assert events[-1]["event"] == "sessionEnded" and events[-1]["cause"] == "shutdown"


def test_a_server_on_a_disk_that_was_full_a_moment_ago_ends_cleanly(serve, disk):
    """Found by the simulator: facts that still waited to be written again made the end fail."""
    server = serve("--close-timeout", "500ms", env=disk.environment())
    disk.fail("full")
    assert attempt(server).status == 503
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: refuses(server.port), "nothing is accepted any more")
    disk.heal()
    server.wait(0)
    assert [e["event"] for e in server.log.export()] == ["sessionStarted", "sessionEnded"]
    server.log.assert_sound()


def test_a_disk_that_breaks_while_it_is_full_stops_the_server(serve, disk):
    """Found by the simulator: room on a broken disk was waited for, for good."""
    server = serve(env=disk.environment())
    disk.fail("full")
    assert attempt(server).status == 503
    disk.fail("broken")
    server.wait(1)
    assert "the log failed" in server.stderr


@pytest.mark.parametrize("call", range(1, 7))
@pytest.mark.parametrize("page", [0, 1])
def test_a_power_cut_in_the_first_start_leaves_a_folder_that_the_next_start_takes(folder, serve, disk, call, page):
    """Found by the simulator: one of the first two pages on the disk was a file that no start took."""
    with pytest.raises(AssertionError, match="did not start|exit code"):
        Server(data=folder / "data", folder=folder, env=disk.environment(die_at=call))
    disk.cut(lambda kept: kept == page)
    again = serve()
    again.stop()
    again.log.assert_sound()


@pytest.mark.parametrize("verb", ["serve", "import", "backup", "mark"])
def test_a_folder_that_cannot_be_synced_holds_nothing_new(folder, serve, disk, verb):
    """The name of a new file is in its folder; without a sync of that the file may be gone after a power cut."""
    source = folder / "source"
    serve(data=source).stop()
    exported = run("log", "export", source).stdout
    shutil.copytree(source, folder / "marked")
    (folder / "new").mkdir()
    command, made = {
        "serve": (("serve", "--port", 0, "--data", folder / "new"), folder / "new/data.mdb"),
        "import": (("log", "import", folder / "new"), folder / "new/data.mdb"),
        "backup": (("log", "backup", "--data", source, folder / "copy"), folder / "copy"),
        "mark": (("serve", "--durability", "interval", "--port", 0, "--data", folder / "marked"), folder / "marked/synced"),
    }[verb]
    for code, reason in ((errno.EIO, "Input/output error"), (errno.ENOSPC, "No space left on device")):
        disk.fail(f"folders {code}")
        done = run(*command, env=disk.environment(), input=exported)
        assert done.returncode == 1 and "syncing the folder" in done.stderr and reason in done.stderr, done
        assert not made.exists() and not list(folder.glob("copy*"))
    disk.fail(f"folders {errno.EINVAL}")  # the file system does not sync folders, and nobody can help that
    if "serve" in command:
        serve(*command[1:], env=disk.environment(), data=command[-1])
    else:
        assert run(*command, env=disk.environment(), input=exported).returncode == 0
    assert made.exists()


@pytest.fixture
def small_filesystem(folder):
    """A file system of 8 MiB of its own."""
    place = folder / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"nothing may be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("durability", ["always", "interval"])
def test_a_small_file_system_that_fills_up_under_load(serve, small_filesystem, durability):
    ballast = small_filesystem / "ballast"
    ballast.write_bytes(bytes(3 << 20))
    server = serve("--durability", durability, data=small_filesystem / "data")
    acknowledged = []
    with server.raw() as client:
        def is_refused():
            text = f"{len(acknowledged)} " + "x" * 20_000
            client.send_frame(TEXT, message(text))
            if "Internal server error" in client.receive_text():
                return True
            acknowledged.append(message(text))
            return False
        eventually(is_refused, "the file system is full", deadline=60)
        assert acknowledged
        health = server.health()
        assert health.status == 503 and "space" in health.json["reason"]
        assert attempt(server).status == 503
        ballast.unlink()
        eventually(lambda: server.health().status == 200, "health after there is room")
        client.send_frame(TEXT, message("after"))
        assert client.receive_text() == '"after"'
    server.stop()
    events = server.log.export()
    assert_truthful(events)
    assert [e["body"] for e in events if e["event"] == "message"] == acknowledged + [message("after")]
    server.log.assert_sound()
