"""Where a client comes from: the other end of its socket, or what a proxy says that `--trusted-proxy` names.

Through real proxies: test_proxies.py. How the header is read, case by case: TrustedProxiesTests.
"""

import pytest

from callers import EVERYONE, ask, assert_refused, path
from reprise import RawClient, run


def sources(server, *clients):
    """The `sourceIp` of each client in the log; a client is the address that its socket has and its X-Forwarded-For."""
    for address, forwarded in clients:
        with RawClient(server.port, source=address) as client:
            client.handshake(headers={"X-Forwarded-For": forwarded})
    return [event["sourceIp"] for event in server.log.events("connected")]


def test_nobody_is_believed_unless_told(server):
    assert sources(server, ("127.0.0.2", "198.51.100.7"), ("127.0.0.3", None)) == ["127.0.0.2", "127.0.0.3"]


def test_a_trusted_proxy_is_believed_and_nobody_else(serve):
    server = serve("--trusted-proxy", "127.0.0.2", "--trusted-proxy", "10.0.0.0/8")
    assert sources(
        server, ("127.0.0.2", "198.51.100.7"), ("127.0.0.3", "198.51.100.7"), ("127.0.0.2", None), ("127.0.0.2", "2001:DB8::1"),
        ("127.0.0.2", "203.0.113.1, 198.51.100.7, 10.0.0.1"), ("127.0.0.2", "203.0.113.1\r\nX-Forwarded-For: 198.51.100.7"),
        ("127.0.0.2", "198.51.100.7, unknown, 10.0.0.1"), ("127.0.0.2", "10.0.0.2, 10.0.0.1")) == [
        "198.51.100.7", "127.0.0.3", "127.0.0.2", "2001:db8::1", "198.51.100.7", "198.51.100.7", "10.0.0.1", "10.0.0.2"]


def test_a_socket_of_ipv6_knows_a_proxy_of_ipv4(serve):
    server = serve("--host", "::", "--trusted-proxy", "127.0.0.2")
    assert sources(server, ("127.0.0.2", "198.51.100.7")) == ["198.51.100.7"]


def test_the_management_api_tells_where_a_client_comes_from(serve):
    server = serve("--trusted-proxy", "127.0.0.1")
    with RawClient(server.port) as client:
        client.handshake(headers={"X-Forwarded-For": "198.51.100.7"})
        assert ask(server.port, "GET", path(client.id)).json["identity"]["sourceIp"] == "198.51.100.7"


@pytest.mark.parametrize("forwarded", ["127.0.0.1", "::1", "198.51.100.7", ""])
def test_no_proxy_is_trusted_with_the_management_api(serve, forwarded):
    server = serve("--trusted-proxy", "127.0.0.0/8")
    assert_refused(ask(server.port, "POST", EVERYONE, headers={"X-Forwarded-For": forwarded}), "X-Forwarded-For")


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/33", "10.0.0.0/", "::1/129", "10.0.0.1:80", "10.0.0.1;::1"])
def test_what_is_no_address_is_refused(text):
    done = run("serve", "--print-config", "--trusted-proxy", "::1", "--trusted-proxy", text)
    assert done.returncode == 64 and "--trusted-proxy must be addresses such as" in done.stderr, done
