"""Who may call the management API: processes of the server's own user and of root, that do not speak for somebody else.

A caller on loopback may be a reverse proxy, a page in a browser, or another user of this machine. Real proxies stand in
test_proxies.py.
"""

import os
import subprocess

import pytest

from callers import (
    EVERYONE, FLAGS, as_user, ask, ask_as, assert_nothing_happened, assert_refused, assert_taken, calls, needs_root,
    own_address)
from reprise import BINARY, RawClient

OPEN = "--management-open"
PROXY_HEADERS = {
    "Forwarded": "for=127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "Via": "1.1 localhost",
    "X-Forwarded-Host": "localhost", "x-forwarded-server": "localhost", "X-Real-IP": "127.0.0.1"}
# PORT is the server's, HERE an address of this machine that is not on loopback.
OWN_HOSTS = ["127.0.0.1", "127.0.0.1:PORT", "localhost", "localhost:PORT", "LOCALHOST:PORT", "[::1]", "[::1]:PORT",
             "HERE", "HERE:PORT"]
FOREIGN_HOSTS = ["evil.example", "evil.example:PORT", "127.0.0.1.evil.example", "localhost.evil.example",
                 "198.51.100.7:PORT", ""]
FOREIGN_ORIGINS = ["http://evil.example", "https://evil.example", "null", "http://127.0.0.1:1",
                   "http://127.0.0.1:PORT.evil.example"]


def written(text, server):
    """`text` with the server's port and this machine's address."""
    if "HERE" in text:
        text = text.replace("HERE", own_address())
    return text.replace("PORT", str(server.port))


def assert_all_refused(server, client, *words, flags=FLAGS, **options):
    for method, target, body in calls(client.id):
        assert_refused(ask(server.port, method, target, body, **options), *words, flags=flags)
    assert_nothing_happened(server, client)


# Who is asked for


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_calls_for_this_machine_are_taken(server, host):
    with server.raw() as client:
        assert_taken(server.port, client, headers={"Host": written(host, server)})


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_calls_for_another_host_are_refused(server, host):
    """A page whose name was bound anew to 127.0.0.1 calls its own origin, as the browser sees it."""
    with server.raw() as client:
        assert_all_refused(server, client, "Host", headers={"Host": written(host, server)})


@pytest.mark.parametrize("host", [None, "localhost\r\nHost: evil.example", "evil.example\r\nHost: localhost"],
                         ids=["none", "evil second", "evil first"])
def test_calls_without_exactly_one_host_are_refused(server, host):
    with server.raw() as client:
        for method, target, body in calls(client.id):
            assert ask(server.port, method, target, body, headers={"Host": host}).status in (400, 403)
        assert_nothing_happened(server, client)


def test_named_domains_are_hosts_of_this_server(serve):
    server = serve("--domain-name", "api.example,other.example")
    with server.raw() as client:
        for host in ("api.example", "Other.Example:PORT", "localhost:PORT"):
            assert_taken(server.port, client, headers={"Host": written(host, server)})
        for host in ("evil.example", "sub.api.example", "api.example.evil.example"):
            assert_refused(ask(server.port, "POST", EVERYONE, headers={"Host": host}), "Host")
        forwarded = {"Host": "api.example", "X-Forwarded-For": "198.51.100.7"}
        assert_refused(ask(server.port, "POST", EVERYONE, headers=forwarded), "X-Forwarded-For", flags=[OPEN])
        assert_taken(server.port, client)


# For whom


@pytest.mark.parametrize("header", PROXY_HEADERS)
def test_calls_that_were_forwarded_are_refused(server, header):
    with server.raw() as client:
        assert_all_refused(server, client, header, headers={header: PROXY_HEADERS[header]})


def test_calls_with_http_1_0_are_refused(server):
    """That is what nginx speaks to a server unless told otherwise, and it says nothing else of itself."""
    with server.raw() as client:
        assert_all_refused(server, client, "HTTP/1.0", version="HTTP/1.0")


# Pages in a browser on this machine


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_calls_of_pages_of_this_server_are_taken(server, site):
    with server.raw() as client:
        assert_taken(server.port, client, headers={"Sec-Fetch-Site": site})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_calls_of_pages_of_other_sites_are_refused(server, site):
    with server.raw() as client:
        assert_all_refused(server, client, "Sec-Fetch-Site", flags=(), headers={"Sec-Fetch-Site": site})


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT"])
def test_calls_of_the_own_origin_are_taken(server, host):
    host = written(host, server)
    with server.raw() as client:
        assert_taken(server.port, client, headers={"Host": host, "Origin": f"http://{host}"})


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_calls_of_other_origins_are_refused(server, origin):
    with server.raw() as client:
        assert_all_refused(server, client, "Origin", flags=(), headers={"Origin": written(origin, server)})


@pytest.mark.parametrize("allowed", ["https://app.example", "*"])
def test_origins_that_may_connect_may_not_call(serve, allowed):
    server = serve("--allow-origin", allowed)
    origin = {"Origin": "https://app.example"}
    with RawClient(server.port) as client:
        client.handshake(headers=origin)
        assert_all_refused(server, client, "Origin", flags=(), headers=origin)


# Open to all


def test_open_management_takes_calls_from_everywhere_but_from_pages(serve):
    server = serve(OPEN)
    with server.raw() as client:
        assert_taken(server.port, client, headers={"Host": "evil.example"})
        assert_taken(server.port, client, headers=PROXY_HEADERS)
        assert_taken(server.port, client, version="HTTP/1.0")
        for origin in FOREIGN_ORIGINS:
            reply = ask(server.port, "POST", EVERYONE, headers={"Origin": written(origin, server)})
            assert_refused(reply, "Origin", flags=())
        assert_taken(server.port, client)


@needs_root
def test_open_management_takes_calls_of_other_users(serve):
    assert ask_as("nobody", serve(OPEN).port, "POST", EVERYONE, "hello").status == 200


def test_only_management_is_closed(server):
    stranger = {**PROXY_HEADERS, "Host": "app.example", "Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    for version in ("HTTP/1.1", "HTTP/1.0"):
        assert ask(server.port, "GET", "/health", headers=stranger, version=version).status == 200
    with RawClient(server.port) as client:
        client.handshake(headers=stranger)


# Users of this machine


@needs_root
def test_calls_of_other_users_are_refused(server):
    with server.raw() as client:
        for method, target, body in calls(client.id):
            assert_refused(ask_as("nobody", server.port, method, target, body), "user")
        assert_nothing_happened(server, client)


@needs_root
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_calls_of_the_own_user_and_of_root_are_taken(serve, folder, host):
    nobody = as_user("nobody")
    try:
        subprocess.run([BINARY, "--version"], cwd="/", capture_output=True, check=True, **nobody)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip(f"{BINARY} lies where only root may look")
    os.chown(folder, nobody["user"], nobody["group"])
    server = serve("--host", host, user=nobody)
    for user in ("nobody", "root"):
        reply = ask_as(user, server.port, "POST", EVERYONE, user, host=host)
        assert (reply.status, reply.json["recipients"]) == (200, 0)
    assert_refused(ask_as("daemon", server.port, "POST", EVERYONE, "daemon", host=host), "user")
    assert [event["body"] for event in server.log.events("sent")] == ["nobody", "root"]
