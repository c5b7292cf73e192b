"""Where the management API answers: `--admin same|HOST:PORT|unix:/path|off`.

Who may call at the port of the clients: test_management_trust.py.
"""

import os
import re
import socket
import ssl
import stat
import subprocess
import urllib.request

import boto3
import botocore.config
import pytest

from callers import (
    EVERYONE, ask, ask_as, as_user, assert_nothing_happened, assert_refused, assert_taken, calls, needs_root, path)
from reprise import BINARY, DEADLINE, RawClient, environment, run

FORWARDED = {"X-Forwarded-For": "198.51.100.7"}
PAGE = {"Origin": "https://evil.example"}
OTHER_SITE = {"Sec-Fetch-Site": "cross-site"}


def admin_port(server):
    return int(re.fullmatch(r"https?://(?:127\.0\.0\.1|\[::1\]|0\.0\.0\.0):([0-9]+)/dev", server.announcement["admin"])[1])


def assert_main_refuses(server, client):
    for method, target, body in calls(client.id):
        assert_refused(ask(server.port, method, target, body), flags=["--admin"])


def refused_start(*flags, code, words):
    """The one line that `serve` ends with."""
    done = run("serve", "--port", "0", *flags)
    assert done.returncode == code and done.stdout == "", done
    line = done.stderr.splitlines()[-1]
    assert all(word in line for word in words), (words, line)


@pytest.fixture
def file(folder):
    return folder / "admin.sock"


@pytest.fixture
def apart(serve):
    """A server with a port for the management API."""
    return serve("--admin", "127.0.0.1:0")


@pytest.fixture
def filed(serve, file):
    """A server with a unix socket for the management API."""
    return serve("--admin", f"unix:{file}")


# A port of its own


def test_management_has_a_port_of_its_own(apart):
    port = admin_port(apart)
    assert port not in (0, apart.port)
    with apart.raw() as client:
        assert_main_refuses(apart, client)
        assert_nothing_happened(apart, client, port)
        assert_taken(port, client)
        assert ask(port, "DELETE", path(client.id)).status == 204
        assert client.receive_close()[0] == 1000


def test_sdks_call_the_address_that_is_printed(apart):
    api = boto3.client(
        "apigatewaymanagementapi", endpoint_url=apart.announcement["admin"], region_name="eu-west-1",
        aws_access_key_id="x", aws_secret_access_key="y", config=botocore.config.Config(retries={"max_attempts": 0}))
    with apart.raw() as client:
        api.post_to_connection(ConnectionId=client.id, Data=b"boto3")
        assert client.receive_text() == "boto3"


@pytest.mark.parametrize("options", [
    {"headers": FORWARDED}, {"headers": PAGE}, {"headers": OTHER_SITE}, {"headers": {"Host": "evil.example"}},
    {"version": "HTTP/1.0"}], ids=str)
def test_a_port_of_its_own_has_the_rules_of_the_other(apart, options):
    with apart.raw() as client:
        for method, target, body in calls(client.id):
            assert_refused(ask(admin_port(apart), method, target, body, **options), flags=())
        assert_nothing_happened(apart, client, admin_port(apart))


@needs_root
def test_a_port_of_its_own_refuses_other_users(apart):
    assert_refused(ask_as("nobody", admin_port(apart), "POST", EVERYONE, "hello"), "user")


def test_health_is_told_everywhere(serve, file):
    for number, admin in enumerate(["same", "off", "127.0.0.1:0", "[::1]:0", f"unix:{file}"]):
        server = serve("--admin", admin, data=file.parent / f"data-{number}")
        places = [server.port]
        if admin == "127.0.0.1:0":
            places.append(admin_port(server))
        if admin.startswith("unix:"):
            places.append(file)
        for place in places:
            assert ask(place, "GET", "/health").json["status"] == "ok"
            assert ask(place, "GET", "/ready").json["status"] == "ok"
            assert ask(place, "OPTIONS", "/health").status == ask(place, "OPTIONS", "/ready").status == 200


def test_management_answers_at_an_address_of_ipv6(serve):
    server = serve("--admin", "[::1]:0")
    with urllib.request.urlopen(f"{server.announcement['admin']}/@connections", b"hello", timeout=DEADLINE) as reply:
        assert reply.status == 200


def test_a_port_of_its_own_speaks_tls_where_the_other_does(secure, certificate, file):
    server = secure("--admin", "127.0.0.1:0")
    assert server.announcement["admin"].startswith("https://")
    trust = ssl.create_default_context(cafile=certificate[0])
    url = f"https://localhost:{admin_port(server)}/dev/@connections"
    with urllib.request.urlopen(url, b"hello", timeout=DEADLINE, context=trust) as reply:
        assert reply.status == 200


def test_a_unix_socket_speaks_no_tls(secure, file):
    secure("--admin", f"unix:{file}")
    assert ask(file, "POST", EVERYONE, "hello").status == 200


def test_no_websocket_is_opened_through_the_listener_of_management(serve, file):
    for number, admin in enumerate(["127.0.0.1:0", f"unix:{file}"]):
        server = serve("--admin", admin, data=file.parent / f"data-{number}")
        place = file if number else admin_port(server)
        for target, status in [("/dev", 403), ("/health", 200), (EVERYONE, 405), ("/nothing", 403)]:
            with RawClient(place) as client:
                client.send(client.request_bytes(target, {"Host": "localhost"}))
                reply = client.receive_reply()
                assert reply.status == status
                if target == "/dev":
                    assert_refused(reply, "WebSocket", flags=["--port"])
                client.assert_ended()
        assert [event["event"] for event in server.log.export()] == ["sessionStarted"]


# A unix socket


def test_management_has_a_unix_socket_that_only_its_user_can_open(filed, file):
    assert filed.announcement["admin"] == f"unix:{file}"
    status = file.stat()
    assert (stat.S_IMODE(status.st_mode), stat.S_ISSOCK(status.st_mode)) == (0o600, True)
    with filed.raw() as client:
        assert_main_refuses(filed, client)
        assert_nothing_happened(filed, client, file)
        assert_taken(file, client)


def test_whoever_can_open_the_socket_may_call(filed, file):
    with filed.raw() as client:
        assert_taken(file, client, headers={"Host": "app.example", **FORWARDED, "Via": "1.1 proxy"})
        assert_taken(file, client, version="HTTP/1.0")


@pytest.mark.parametrize("headers", [PAGE, OTHER_SITE], ids=str)
def test_pages_do_not_call_through_the_socket(filed, file, headers):
    with filed.raw() as client:
        for method, target, body in calls(client.id):
            assert_refused(ask(file, method, target, body, headers=headers), flags=())
        assert_nothing_happened(filed, client, file)


@needs_root
def test_other_users_cannot_open_the_socket(filed, file):
    file.parent.chmod(0o755)
    script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-c", script, file], cwd="/", capture_output=True, text=True, **as_user("nobody"))
    assert done.returncode == 1 and "PermissionError" in done.stderr, done.stderr


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_mode_does_not_depend_on_the_mask(serve, file, mask):
    before = os.umask(mask)
    try:
        serve("--admin", f"unix:{file}")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_file_is_gone_after_a_stop(filed, file):
    filed.stop()
    assert not file.exists()


def test_the_file_is_gone_when_the_start_fails(file, folder):
    (folder / "data").mkdir()
    (folder / "data/data.mdb").write_bytes(b"no log" * 10_000)
    done = run("serve", "--port", "0", "--admin", f"unix:{file}", "--data", folder / "data")
    assert done.returncode != 0 and not file.exists()


def test_a_stop_leaves_a_file_that_is_not_the_servers(filed, file):
    file.unlink()
    file.write_text("mine")
    filed.stop()
    assert file.read_text() == "mine"


def test_what_a_killed_server_has_left_is_replaced(serve, filed, file):
    filed.kill()
    assert file.exists()
    serve("--admin", f"unix:{file}")
    assert ask(file, "POST", EVERYONE, "hello").status == 200


def test_the_socket_of_a_server_that_runs_is_not_taken_from_it(filed, file, folder):
    refused_start("--admin", f"unix:{file}", "--data", folder / "other", code=1,
                  words=[f"unix:{file}", "another process listens", "--admin"])
    assert ask(file, "POST", EVERYONE, "hello").status == 200


def test_a_file_that_is_no_socket_stays(file, folder):
    file.write_text("mine")
    refused_start("--admin", f"unix:{file}", "--data", folder / "data", code=1, words=[str(file), "no socket", "--admin"])
    assert file.read_text() == "mine"


def test_a_folder_that_is_missing_is_named(folder):
    refused_start("--admin", f"unix:{folder}/none/a.sock", "--data", folder / "data", code=1,
                  words=[f"{folder}/none/a.sock", "No such file or directory", "--admin"])


def test_a_path_may_have_as_many_bytes_as_the_system_takes(serve, folder):
    longest = f"{folder}/{'x' * (107 - len(str(folder)) - 1)}"
    serve("--admin", f"unix:{longest}")
    assert ask(longest, "GET", "/health").status == 200
    refused_start("--admin", f"unix:{longest}x", "--data", folder / "other", code=64, words=["--admin", "107", "has 108"])


# Nowhere, and what cannot be


def test_management_can_be_switched_off(serve):
    server = serve("--admin", "off", "--management-open")
    assert (server.announcement["admin"], server.announcement["managementOpen"]) == ("off", False)
    with server.raw() as client:
        for method, target, body in calls(client.id):
            assert_refused(ask(server.port, method, target, body), "off", flags=["--admin off"])
        assert [event["event"] for event in server.log.export()] == ["sessionStarted", "connected"]


def test_management_answers_at_the_same_port_unless_told_otherwise(server):
    assert (server.announcement["admin"], server.announcement["managementOpen"]) == ("same", False)


def test_a_port_that_is_in_use_is_named(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused_start("--admin", address, "--data", folder / "data", code=1, words=[address, "in use", "--admin"])


def test_an_address_that_others_reach_needs_more(serve, folder):
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"):
        refused_start("--admin", address, "--data", folder / "data", code=64, words=["--admin", address, "--management-open"])
    server = serve("--admin", "0.0.0.0:0", "--management-open")
    assert server.announcement["managementOpen"] is True
    assert ask(admin_port(server), "POST", EVERYONE, headers={"Host": "evil.example"}).status == 200


@pytest.mark.parametrize("text", ["on", "unix:", "9001", ":9001", "127.0.0.1:", "127.0.0.1:65536", "::1:9001", "[::1]", "a b:1"])
def test_what_is_no_address_is_refused(folder, text):
    refused_start(f"--admin={text}", "--data", folder / "data", code=64, words=["--admin", "unix:/path"])


@pytest.mark.parametrize("flags, words", [
    ("same", r"/dev is up: data"), ("off", r"/dev is up, management API off: data"),
    ("127.0.0.1:0", r"/dev is up, management API at http://127\.0\.0\.1:[1-9][0-9]*/dev: data"),
    ("unix:admin.sock", r"/dev is up, management API at unix:admin\.sock: data"),
    ("same --management-open", r"/dev is up, management API open to every caller: data"),
    ("off --management-open", r"/dev is up, management API off: data"),
    ("[::1]:0 --management-open", r"/dev is up, management API at http://\[::1\]:[0-9]+/dev, open to every caller: data")])
def test_the_line_for_people_says_where_it_is(folder, flags, words):
    command = [BINARY, "serve", "--port", "0", "--admin", *flags.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment()) as server:
        line = server.stdout.readline()
        server.terminate()
    assert server.returncode == 0 and re.search(words, line), line
