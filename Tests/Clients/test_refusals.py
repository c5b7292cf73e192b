"""What cannot run says why in one line, and ends with the right code: 1 could not run, 3 damaged, 64 usage."""

import shutil
import socket

import pytest

from lmdb_live_ranges import live_values
from reprise import TEXT, Log, message, run

LOG_COMMANDS = [("replay",), ("log", "sessions"), ("log", "show"), ("log", "export"), ("log", "verify"), ("log", "stats")]


def assert_refused(done, code, *words):
    assert done.returncode == code, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    for word in words:
        assert str(word) in lines[0], lines[0]
    return lines[0]


def try_to_serve(*flags):
    return run("serve", "--port", "0", *flags, timeout=20)


@pytest.fixture
def recording(serve):
    server = serve("--log-bytes", "64MiB")
    with server.raw() as client:
        client.send_frame(TEXT, message("x"))
        client.receive_text()
    server.stop()
    return server.log


def test_a_folder_that_another_server_holds_is_refused_by_name(server):
    """The lock comes first: nothing of the folder is touched."""
    with server.raw() as client:
        assert_refused(try_to_serve("--data", server.data), 1, server.data, f"process {server.pid}")
        client.send_frame(TEXT, message("unharmed"))
        assert client.receive_text() == '"unharmed"'
    server.stop()
    assert [e["event"] for e in server.log.export()].count("sessionStarted") == 1


def test_the_lock_of_a_killed_server_holds_nobody_up(serve):
    serve().kill()
    serve()


@pytest.mark.parametrize("version", [0, 3, 255])
def test_a_folder_of_another_format_version_is_refused_by_name(recording, version):
    path = recording.data / "data.mdb"
    data = bytearray(path.read_bytes())
    values, _ = live_values(data)
    (format,) = [value for value in values if value.table == "meta" and value.key == b"format"]
    assert data[format.start:format.end] == (1).to_bytes(8, "little")
    data[format.start] = version
    path.write_bytes(data)
    assert_refused(try_to_serve("--data", recording.data), 1, f"version {version}", recording.data)
    for command in LOG_COMMANDS:
        assert_refused(run(*command, "--data", recording.data), 1, f"version {version}")


def test_a_record_of_an_unknown_version_is_refused_by_name(recording):
    path = recording.data / "data.mdb"
    data = bytearray(path.read_bytes())
    values, _ = live_values(data)
    record = next(value for value in values if value.table == "events" and value.key == 3)
    data[record.start] = 9
    path.write_bytes(data)
    assert_refused(run("log", "export", "--data", recording.data, "--from", "3"), 3, "position 3")
    assert recording.verify().returncode == 3


@pytest.mark.parametrize("command", LOG_COMMANDS, ids=" ".join)
def test_a_missing_folder_is_no_log(folder, command):
    """And reading makes none."""
    assert_refused(run(*command, "--data", folder / "none"), 1, folder / "none")
    assert not (folder / "none").exists()
    (folder / "empty").mkdir()
    assert_refused(run(*command, "--data", folder / "empty"), 1, folder / "empty")
    assert list((folder / "empty").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused(folder):
    (folder / "file").write_text("not a folder")
    assert_refused(try_to_serve("--data", folder / "file"), 1, folder / "file")
    assert_refused(try_to_serve("--data", folder / "file" / "below"), 1, folder / "file")


def test_a_file_that_is_not_lmdb_is_refused(folder):
    (folder / "data").mkdir()
    (folder / "data" / "data.mdb").write_bytes(b"not LMDB " * 2000)
    done = try_to_serve("--data", folder / "data")
    assert done.returncode in (1, 3) and len(done.stderr.strip().splitlines()) == 1, done
    assert (folder / "data" / "data.mdb").read_bytes() == b"not LMDB " * 2000


def test_a_port_in_use_is_refused_before_the_log_is_touched(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("serve", "--port", port, "--data", folder / "data", timeout=20)
    assert_refused(done, 1, f"127.0.0.1:{port}")
    assert not (folder / "data" / "data.mdb").exists()


def test_a_log_that_is_smaller_than_what_it_holds_is_still_readable(recording, serve):
    """LMDB raises the map to what is used: nothing is lost by a small --log-bytes."""
    server = serve("--max-connections", "10", "--log-bytes", "16MiB")
    server.stop()
    server.log.assert_sound()


@pytest.mark.parametrize("flags", [
    ("--nonsense",), ("--port", "many"), ("--port", "70000"), ("--port",), ("--durability", "sometimes"),
    ("--ring-bytes", "1"), ("--ring-bytes", "64MB"), ("--loops", "0"), ("--stage", "a/b"), ("--stage", "health"),
    ("--frame-bytes", "1MiB"), ("--idle-timeout", "0"), ("--idle-timeout", "soon"), ("--log-bytes", "1MiB"),
    ("--route", "nonsense"), ("--route", "x=shout"), ("--route", "$mine=echo"), ("--route", "a=echo", "--route", "a=echo"),
    ("--route-selection", "${request.body.x"), ("--max-connections", "0"), ("--slow-consumer", "wait"), ("stray",)],
    ids=" ".join)
def test_a_wrong_flag_is_a_usage_error(folder, flags):
    done = try_to_serve("--data", folder / "data", *flags)
    line = assert_refused(done, 64)
    assert flags[0].lstrip("-") in line or flags[0] in line, line
    assert not (folder / "data").exists()


@pytest.mark.parametrize("name, value", [
    ("REPRISE_PORT", "many"), ("REPRISE_IDLE_TIMEOUT", "soon"), ("REPRISE_LOOPS", "0"), ("REPRISE_DURABILITY", "x")])
def test_a_wrong_environment_variable_is_named(folder, name, value):
    done = run("serve", "--data", folder / "data", env={name: value}, timeout=20)
    line = assert_refused(done, 64)
    flag = "--" + name.removeprefix("REPRISE_").lower().replace("_", "-")
    assert name in line or flag in line


@pytest.mark.parametrize("text, word", [
    ("idleTimout: 10m", "idleTimout"), ("idle-timeout: 10m", "idle-timeout"), ("syncInterval: many", "syncInterval"),
    ("routes:\n  - nonsense", "nonsense"), ("port: [1", ""), ("- port: 1", ""), ("stage: health", "stage")])
def test_a_wrong_yaml_file_is_refused_by_key(folder, text, word):
    (folder / "reprise.yaml").write_text(text + "\n")
    assert_refused(try_to_serve("--data", folder / "data", "--config", folder / "reprise.yaml"), 64, word)
    assert not (folder / "data").exists()


def test_a_missing_yaml_file_is_refused_by_name(folder):
    done = try_to_serve("--data", folder / "data", "--config", folder / "none.yaml")
    assert done.returncode in (1, 64)
    assert "none.yaml" in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [
    ("nonsense",), ("log", "nonsense"), ("replay", "--session", "zero"), ("log", "show", "--from", "nowhere"),
    ("log", "verify", "--nonsense"), ("replay", "one", "two")], ids=" ".join)
def test_a_wrong_command_is_a_usage_error(command):
    assert_refused(run(*command), 64)


def test_a_session_or_position_that_is_not_there_could_not_run(recording):
    assert_refused(run("replay", "--data", recording.data, "--session", "9"), 1, "9")
    assert_refused(run("log", "show", "--data", recording.data, "--from", "session:9"), 1, "9")


@pytest.mark.parametrize("command", [
    (), ("--help",), ("serve", "--help"), ("log", "--help"), ("replay", "--help"), ("bench", "fanout", "--help"),
    ("--version",)], ids=lambda command: " ".join(command) or "bare")
def test_help_is_no_error(command):
    done = run(*command)
    assert done.returncode == 0 and done.stdout and done.stderr == ""


def test_a_copy_of_the_folder_is_a_whole_log(recording, folder):
    shutil.copytree(recording.data, folder / "copy")
    assert Log(folder / "copy").export() == recording.export()
