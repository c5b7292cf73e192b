"""Behind a reverse proxy on the same machine: WebSockets work, and the management API stays shut to the world.

To the server such a proxy is a caller on loopback. The rules that keep it out, one by one: test_management_trust.py. With a place
of its own for management, as in the README, it is out whatever it sends.
"""

import getpass
import http.client
import json
import urllib.request

import boto3
import botocore.config
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from callers import EVERYONE, ask, assert_nothing_happened, assert_refused, calls, needs_root, path
from proxies import CONFIGURATIONS, HTTPCHK, SHOWN, UPGRADING, Proxy
from reprise import DEADLINE, TEXT, RawClient, eventually, message

GUISES = {  # what an outside client may send to be taken for a local one
    "of its own": {},
    "localhost": {"Host": "localhost"},
    "loopback": {"Host": "127.0.0.1"},
    "foreign": {"Host": "app.example"},
    "forged": {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"},
    # A proxy may drop what the client says is for it alone.
    "hop by hop": {"Host": "localhost", "Connection": "close, X-Forwarded-For"},
}


@pytest.fixture(params=CONFIGURATIONS)
def proxy(request, server):
    with Proxy(request.param, server) as proxy:
        yield proxy


upgrading = pytest.mark.parametrize("proxy", UPGRADING, indirect=True)


# What works


@upgrading
def test_messages_go_through_in_both_directions(server, proxy):
    with connect(f"ws://127.0.0.1:{proxy.port}/dev") as one, server.raw() as two:
        one.send(message({"hello": "world"}))
        assert one.recv(timeout=5) == two.receive_text() == '{"hello":"world"}'
        two.send_frame(TEXT, message("x" * 20_000))
        assert one.recv(timeout=5) == json.dumps("x" * 20_000)
        assert one.ping().wait(5)


@upgrading
def test_closes_go_through_in_both_directions(server, proxy):
    url = f"ws://127.0.0.1:{proxy.port}/dev"
    with connect(url) as client:
        client.close(4001, "enough")
    assert [(e["cause"], e["code"]) for e in server.log.disconnected()] == [("client", 4001)]
    with connect(url) as client:
        id = client.response.headers["x-reprise-connection-id"]
        assert server.request("DELETE", path(id)).status == 204
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
        assert closed.value.rcvd.code == 1000


@pytest.mark.parametrize("proxy", ["nginx"], indirect=True)
def test_nginx_needs_to_be_told_of_websockets(proxy):
    with RawClient(proxy.port) as client:
        client.send(client.request_bytes())
        assert client.receive_reply().status in (400, 426)


def test_health_goes_through(proxy):
    for target in ("/health", "/ready"):
        reply = ask(proxy.port, "GET", target, headers={"Host": "app.example"})
        assert (reply.status, reply.json["status"]) == (200, "ok")


@pytest.mark.parametrize("target", ["/health", "/ready"])
def test_health_checks_of_haproxy_find_the_server_well(server, target):
    with Proxy("haproxy", server, more=HTTPCHK.format(path=target)) as proxy:
        found = eventually(lambda: [line for line in proxy.output.splitlines() if "Health check" in line], "a check")
        assert "Layer7 check passed, code: 200" in found[0]
        assert ask(proxy.port, "GET", target).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_back_ends_on_this_machine_call_beside_it(server, proxy, host):
    url = f"http://{host}:{server.port}/dev"
    api = boto3.client(
        "apigatewaymanagementapi", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="x",
        aws_secret_access_key="y", config=botocore.config.Config(retries={"max_attempts": 0}))
    with server.raw() as client:
        api.post_to_connection(ConnectionId=client.id, Data=b"boto3")
        assert client.receive_text() == "boto3"
        with urllib.request.urlopen(f"{url}/@connections", b"urllib", timeout=DEADLINE) as reply:
            assert reply.status == 200
        assert client.receive_text() == "urllib"
        connection = http.client.HTTPConnection(host, server.port, timeout=DEADLINE)
        connection.request("DELETE", path(client.id))
        assert connection.getresponse().status == 204
        connection.close()
        assert client.receive_close()[0] == 1000


# What does not


@needs_root
@pytest.mark.parametrize("guise", GUISES)
def test_management_is_refused_through_a_proxy_of_another_user(server, proxy, guise):
    with server.raw() as client:
        for version in ("HTTP/1.1", "HTTP/1.0"):
            for method, target, body in calls(client.id):
                assert_refused(ask(proxy.port, method, target, body, headers=GUISES[guise], version=version))
        assert_nothing_happened(server, client)


@upgrading
@needs_root
def test_management_is_refused_behind_other_requests_on_the_same_connection(server, proxy):
    """A proxy keeps its connections to the server: who asked first decides nothing about who asks next."""
    with server.raw() as client, RawClient(proxy.port) as outside:
        for _ in range(2):
            outside.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert outside.receive_reply().status == 200
            outside.send(f"POST {EVERYONE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nto all".encode())
            assert_refused(outside.receive_reply())
        assert_nothing_happened(server, client)


# It runs as the server's own user, so only what it sends can give it away.
@pytest.mark.parametrize("name, guise, word", [
    ("nginx", "localhost", "HTTP/1.0"),
    ("nginx-websockets", "foreign", "Host"),
    ("haproxy", "foreign", "Host"),
    ("haproxy", "forged", "X-Forwarded-For"),
    ("haproxy-forwardfor", "localhost", "X-Forwarded-For"),
    ("haproxy-forwardfor", "hop by hop", "X-Forwarded-For"),
])
def test_management_is_refused_through_a_proxy_of_the_same_user_that_gives_itself_away(server, name, guise, word):
    with Proxy(name, server, user=getpass.getuser()) as proxy, server.raw() as client:
        for method, target, body in calls(client.id):
            assert_refused(ask(proxy.port, method, target, body, headers=GUISES[guise]), word)
        assert_nothing_happened(server, client)


# What the README shows


@pytest.fixture
def file(folder):
    return folder / "admin.sock"


@pytest.fixture
def apart(serve, file):
    return serve("--admin", f"unix:{file}", "--trusted-proxy", "127.0.0.1")


@pytest.mark.parametrize("name", SHOWN)
def test_sockets_go_through_what_the_readme_shows(apart, file, name):
    with Proxy(name, apart) as proxy, connect(f"ws://127.0.0.1:{proxy.port}/dev") as one, RawClient(proxy.port) as two:
        two.handshake(headers={"Host": "app.example"})
        one.send(message({"hello": "world"}))
        assert one.recv(timeout=5) == two.receive_text() == '{"hello":"world"}'
        assert ask(file, "POST", EVERYONE, "beside it").json["recipients"] == 2
        assert one.recv(timeout=5) == two.receive_text() == "beside it"


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("user", ["nobody", getpass.getuser()])
def test_management_is_refused_through_what_the_readme_shows(apart, file, name, user):
    """Whoever the proxy runs as, and whatever it is made to send."""
    with Proxy(name, apart, user=user) as proxy, apart.raw() as client:
        for headers in GUISES.values():
            for version in ("HTTP/1.1", "HTTP/1.0"):
                for method, target, body in calls(client.id):
                    reply = ask(proxy.port, method, target, body, headers=headers, version=version)
                    assert_refused(reply, flags=["--admin"])
        assert_nothing_happened(apart, client, file)


@pytest.mark.parametrize("name", SHOWN)
def test_the_log_has_the_address_of_the_client(apart, name):
    """What a client says of itself counts nothing."""
    with Proxy(name, apart) as proxy:
        for address, said in [("127.0.0.5", None), ("127.0.0.6", "198.51.100.7"), ("127.0.0.7", "127.0.0.1"), ("127.0.0.8", "x")]:
            with RawClient(proxy.port, source=address) as client:
                client.handshake(headers={"X-Forwarded-For": said})
    found = [event["sourceIp"] for event in apart.log.events("connected")]
    assert found == ["127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8"]


@pytest.mark.parametrize("name", SHOWN)
def test_the_log_has_the_address_of_a_proxy_that_is_not_trusted(server, name):
    with Proxy(name, server) as proxy, RawClient(proxy.port, source="127.0.0.5") as client:
        client.handshake(headers={"X-Forwarded-For": "198.51.100.7"})
    assert [event["sourceIp"] for event in server.log.events("connected")] == ["127.0.0.1"]
