"""Other users of the machine, and programs that the server may start, get nothing of what it holds."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from reprise import BINARY, TEXT, RawClient, environment, eventually, message, run

CLOSE_ON_EXEC = 0o2000000


def modes(folder):
    """The mode of a folder and of everything in it, by name."""
    return {path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}


def assert_private(folder):
    found = modes(folder)
    assert {name: mode for name, mode in found.items() if mode & 0o077} == {}, found


@pytest.fixture
def recorded(serve):
    """A server that has recorded something under the most open mask."""
    mask = os.umask(0)
    try:
        server = serve("--durability", "interval")
        with server.raw() as client:
            client.send_frame(TEXT, message("hello"))
            client.receive_text()
        yield server
    finally:
        os.umask(mask)


def test_the_data_folder_is_its_owners_alone(recorded):
    assert_private(recorded.data)
    recorded.stop()
    assert_private(recorded.data)


def test_copies_of_a_log_are_their_owners_alone(recorded, folder):
    assert run("log", "backup", folder / "backup", "--data", recorded.data).returncode == 0
    assert_private(folder / "backup")
    lines = run("log", "export", "--data", recorded.data).stdout
    assert run("log", "import", folder / "imported", input=lines).returncode == 0
    assert_private(folder / "imported")
    recorded.stop()
    assert run("log", "trim", "--before", "3", "--data", recorded.data).returncode == 0
    assert_private(recorded.data)


def test_a_folder_that_others_may_read_is_named_at_the_start(serve, folder):
    """Who opened it meant to, or an older build made it: it stays as it is, and the server says so."""
    data = folder / "data"
    data.mkdir()
    data.chmod(0o755)
    server = serve(data=data)
    assert re.search(r"other users of this machine .*chmod -R go= ", server.stderr), server.stderr
    server.stop()
    data.chmod(0o700)
    server = serve(data=data)
    server.stop()
    assert server.stderr == ""


def socket_names(pid):
    return [name for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir() if (name := os.readlink(entry)).startswith("socket:")]


def inherited_descriptors(pid):
    """What a program that the process starts would get beside its three standard streams: number to name."""
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        flags = int(re.search(r"^flags:\s*(\d+)", entry.read_text(), re.MULTILINE)[1], 8)
        if int(entry.name) > 2 and not flags & CLOSE_ON_EXEC:
            found[entry.name] = os.readlink(f"/proc/{pid}/fd/{entry.name}")
    return found


@pytest.mark.parametrize("flags", [
    ("--durability", "always", "--loops", "2"),
    ("--durability", "interval", "--slow-consumer", "catchUp"),
    ("--durability", "never", "--retain-bytes", "1MiB"),
])
def test_no_program_that_the_server_starts_gets_a_descriptor_of_it(serve, flags):
    server = serve(*flags)
    clients = [server.raw() for _ in range(3)]
    assert inherited_descriptors(server.pid) == {}
    for client in clients:
        client.close()


def test_with_tls_and_a_socket_in_its_handshake_too(secure):
    server = secure()
    with socket.create_connection(("127.0.0.1", server.port)):
        eventually(lambda: len(socket_names(server.pid)) >= 2, "the accepted socket beside the listening one")
        assert inherited_descriptors(server.pid) == {}


def test_a_server_that_plays_a_recording_too(recorded):
    recorded.stop()
    process = subprocess.Popen(
        [BINARY, "replay", "--serve", "--json", "--port", "0", "--data", str(recorded.data)],
        stdout=subprocess.PIPE, env=environment())
    try:
        assert process.stdout.readline()
        assert inherited_descriptors(process.pid) == {}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_secrets_of_connect_headers_are_not_recorded(server):
    secrets = {"Authorization": "Bearer 1", "Cookie": "s=2", "Proxy-Authorization": "Basic 3", "X-Api-Key": "4"}
    with RawClient(server.port) as client:
        client.handshake(headers={**secrets, "X-Kept": "5"})
    (connected,) = server.log.events("connected")
    names = {header["name"].lower() for header in connected["headers"]}
    assert "x-kept" in names and not names & {name.lower() for name in secrets}
