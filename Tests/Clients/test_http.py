"""HTTP as others speak it: what RFC 9110 and RFC 9112 ask of every server, whatever it serves."""

import socket

import pytest

from callers import EVERYONE, ask
from certificates import trust
from reprise import TEXT, RawClient, eventually, frame, message


# Blanks around the value of a field are no part of it (RFC 9110 §5.5)


@pytest.mark.parametrize("before, behind", [("", " "), ("", "\t"), (" \t ", ""), ("\t", " \t ")])
def test_blanks_around_a_value_change_nothing(server, before, behind):
    with RawClient(server.port) as client:
        lines = client.request_bytes(headers={"X-Name": "a b", "Origin": "https://a.example"}).decode().split("\r\n")
        fields = [f"{name}:{before}{value}{behind}" for name, value in (line.split(": ") for line in lines[1:-2])]
        client.send("\r\n".join([lines[0], *fields, "", ""]).encode())
        assert client.receive_reply().status == 101
        (event,) = server.log.events("connected")
    headers = {header["name"]: header["value"] for header in event["headers"]}
    assert (headers["X-Name"], headers["Sec-WebSocket-Version"]) == ("a b", "13")
    assert event["host"] == headers["Host"] == f"127.0.0.1:{server.port}"


def test_blanks_do_not_get_around_a_rule(server):
    evil = {"Origin": "http://evil.example \t", "Host": f"127.0.0.1:{server.port}"}
    assert ask(server.port, "POST", EVERYONE, headers=evil).status == 403
    own = {"Origin": f"http://127.0.0.1:{server.port} ", "Host": f"127.0.0.1:{server.port}\t"}
    assert ask(server.port, "POST", EVERYONE, headers=own).status == 200


# Which host is meant (RFC 9112 §3.2)

ASKED = ["/health", "/dev", EVERYONE, "/nothing"]


def lines_of(server, path, *fields, version="HTTP/1.1"):
    """A handshake, where the path is that of one, with exactly these fields about the host."""
    with_host = [f"GET {path} {version}", *(field.replace("PORT", str(server.port)) for field in fields)]
    upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {RawClient.KEY}"]
    return "\r\n".join([*with_host, *(upgrade if path.endswith("/dev") else []), "", ""]).encode()


def status_of(server, *request, **options):
    with RawClient(server.port) as client:
        client.send(lines_of(server, *request, **options))
        return client.receive_reply().status


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("fields", [
    pytest.param([], id="none"),
    pytest.param(["Host: localhost", "Host: localhost"], id="twice the same"),
    pytest.param(["Host: localhost", "X-Between: 1", "hOST: evil.example"], id="two"),
    pytest.param(["Host: localhost, evil.example"], id="a list"),
    pytest.param(["Host: a b"], id="a blank"),
    pytest.param(["Host: http://localhost"], id="a URL"),
    pytest.param(["Host: user@localhost"], id="a user"),
    pytest.param(["Host: localhost:80x"], id="no port"),
    pytest.param(["Host: [::1"], id="half an address"),
    pytest.param(["Host: ::1"], id="an address without brackets"),
])
def test_without_exactly_one_host_nothing_is_served(server, path, fields):
    assert status_of(server, path, *fields) == 400
    assert server.log.events("connected") == []


@pytest.mark.parametrize("host", ["localhost", "LocalHost:PORT", "127.0.0.1", "[::1]:PORT", "a_b.example:", "x%2Dy.example", ""])
def test_every_form_of_a_host_is_served(server, host):
    assert status_of(server, "/health", f"Host: {host}") == 200
    assert status_of(server, "/dev", f"Host: {host}") == 101


def test_before_http_1_1_a_host_may_be_missing_but_not_doubled(server):
    assert status_of(server, "/health", version="HTTP/1.0") == 200
    assert status_of(server, "/health", "Host: localhost", version="HTTP/1.0") == 200
    assert status_of(server, "/health", "Host: localhost", "Host: localhost", version="HTTP/1.0") == 400
    assert status_of(server, "/health", "Host: a b", version="HTTP/1.0") == 400


def test_a_refused_host_does_not_disturb_the_next_request(server):
    with RawClient(server.port) as client:
        client.send(b"POST /dev/@connections HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /")
        client.send(lines_of(server, "/health", "Host: localhost"))
        assert [client.receive_reply().status for _ in range(2)] == [400, 200]


# Targets in absolute form: the host is that of the target, whatever the header says (RFC 9112 §3.2.2)


@pytest.mark.parametrize("scheme", ["ws", "wss", "http", "https", "WS", "anything"])
def test_an_absolute_target_of_any_scheme_is_served(server, scheme):
    with RawClient(server.port) as client:
        client.handshake(f"{scheme}://other.example:1/dev?room=a", headers={"Host": "ignored.example"})
        (event,) = server.log.events("connected")
    assert (event["host"], event["query"]) == ("other.example:1", "room=a")
    assert [header["value"] for header in event["headers"] if header["name"] == "Host"] == ["other.example:1"]


@pytest.mark.parametrize("target, host, status", [
    ("http://localhost:PORT", "evil.example", 200), ("ws://127.0.0.1:PORT", "evil.example", 200),
    ("http://evil.example", "127.0.0.1:PORT", 403), ("ws://127.0.0.1.evil.example:PORT", "127.0.0.1:PORT", 403)])
def test_the_management_api_is_called_for_the_host_of_the_target(server, target, host, status):
    target, host = (text.replace("PORT", str(server.port)) for text in (target, host))
    assert ask(server.port, "POST", target + EVERYONE, headers={"Host": host}).status == status
    origin = {"Host": host, "Origin": f"http://{host}"}
    assert ask(server.port, "POST", target + EVERYONE, headers=origin).status == 403


@pytest.mark.parametrize("target", ["http://user@localhost/health", "http://:80/health", "ws://a%zz/health"])
def test_an_absolute_target_without_a_valid_host_is_refused(server, target):
    assert status_of(server, target, "Host: localhost") == 400


def test_an_absolute_target_does_not_make_up_for_the_header(server):
    assert status_of(server, "http://localhost/health") == 400
    assert status_of(server, "http://localhost/health", "Host: a", "Host: a") == 400
    assert status_of(server, "http://localhost/health", version="HTTP/1.0") == 200


# Probes: HEAD is GET without the content (RFC 9110 §9.3.2), and OPTIONS is what HAProxy asks with (§9.3.7)

PROBES = ["/health", "/ready"]


def probe(server, method, path, version="HTTP/1.1"):
    """The reply to a method, with nothing behind its head where it is HEAD."""
    with RawClient(server.port) as client:
        client.send(f"{method} {path} {version}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = client.wait_for_end()
    head, content = answer.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    for changing in ("date", "x-amzn-requestid"):
        assert headers.pop(changing)
    return int(first.split()[1]), headers, content


def assert_probes_agree(server, path, status):
    found, headers, content = probe(server, "GET", path)
    assert (found, headers["content-length"]) == (status, str(len(content)))
    assert probe(server, "HEAD", path) == (status, headers, b"")
    for version in ("HTTP/1.1", "HTTP/1.0"):
        assert probe(server, "OPTIONS", path, version) == (status, {**headers, "allow": "get, head, options"}, content)


@pytest.mark.parametrize("path", PROBES)
def test_head_and_options_say_what_get_says(server, path):
    assert_probes_agree(server, path, 200)


@pytest.mark.parametrize("path", PROBES)
def test_head_and_options_say_that_the_log_is_full(serve, path):
    """A proxy that sees only the status of these must see the right one."""
    server = serve("--max-connections", "50", "--log-bytes", "12MiB", "--durability", "never")
    eventually(lambda: server.request("POST", EVERYONE, b"x" * 100_000).status == 503, "the log is full")
    assert_probes_agree(server, path, 503)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
def test_other_methods_are_no_probes(server, method):
    assert ask(server.port, method, "/health").status == 403


def test_head_has_no_content_wherever_it_is_sent(server):
    """Also where it is refused: a client would take what follows for the next reply."""
    for path in ("/nothing", "/dev", EVERYONE):
        status, headers, content = probe(server, "HEAD", path)
        assert status >= 400 and int(headers["content-length"]) > 0 and content == b""


# HTTP/1.0 ends the connection unless both sides say otherwise (RFC 9112 §9.3)


def old_request(*connection):
    return "\r\n".join(["GET /health HTTP/1.0", *(f"Connection: {value}" for value in connection), "", ""]).encode()


def test_an_http_1_0_connection_that_is_kept_is_said_to_be(server):
    with RawClient(server.port) as client:
        for value in ("Keep-Alive", "keep-alive", "x, keep-alive"):
            client.send(old_request(value))
            reply = client.receive_reply()
            assert (reply.status, reply.headers["connection"]) == (200, "keep-alive")


@pytest.mark.parametrize("options", [(), ("close",), ("keep-alive, close",), ("keep-alive", "close"), ("x",)])
def test_an_http_1_0_connection_that_is_not_kept_ends(server, options):
    with RawClient(server.port) as client:
        client.send(old_request(*options))
        reply = client.receive_reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        client.assert_ended()


@pytest.mark.parametrize("content", [b"-1\r\nx\r\n", b"x\r\n", b"1\r\nabc\r\n"])
def test_content_that_cannot_be_read_ends_the_connection_and_says_so(server, content):
    with RawClient(server.port) as client:
        client.send(b"POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + content)
        reply = client.receive_reply()
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        client.assert_ended()


# Clients that wait before they send the content (RFC 9110 §10.1.1)


def expecting(path, *fields, method="POST", version="HTTP/1.1", expect="100-continue"):
    return "\r\n".join([f"{method} {path} {version}", "Host: localhost", f"Expect: {expect}", *fields, "", ""]).encode()


def statuses(client, count):
    return [client.receive_reply().status for _ in range(count)]


@pytest.mark.parametrize("fields, content", [
    (["Content-Length: 5"], b"hello"), (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n")])
def test_content_is_asked_for_at_once(server, fields, content):
    with RawClient(server.port) as client:
        for _ in range(2):
            client.send(expecting(EVERYONE, *fields))
            assert statuses(client, 1) == [100]
            client.send(content)
            assert statuses(client, 1) == [200]
    assert [event["body"] for event in server.log.events("sent")] == ["hello"] * 2


def test_content_that_comes_unasked_is_taken(server):
    with RawClient(server.port) as client:
        client.send((expecting(EVERYONE, "Content-Length: 2") + b"hi") * 2)
        assert statuses(client, 4) == [100, 200, 100, 200]


@pytest.mark.parametrize("path, fields, expect, status", [
    ("/nothing", ["Content-Length: 5"], "100-continue", 403),
    ("/nothing", ["Transfer-Encoding: chunked"], "100-continue", 403),
    (EVERYONE, ["Content-Length: 5", "Origin: http://evil.example"], "100-continue", 403),
    (EVERYONE, ["Content-Length: 5", "Host: localhost"], "100-continue", 400),
    (EVERYONE, ["Content-Length: 131073"], "100-continue", 413),
    (EVERYONE, ["Content-Length: 5"], "something-else", 417),
    ("/health", [], "something-else", 417)])
def test_content_that_is_not_wanted_is_refused_before_it_comes(server, path, fields, expect, status):
    with RawClient(server.port) as client:
        client.send(expecting(path, *fields, expect=expect))
        reply = client.receive_reply()
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        client.assert_ended()
    assert server.log.events("sent") == []


def test_a_client_that_sends_unwanted_content_all_the_same_hears_the_reply(serve):
    """It is not reset while it sends, and not for ever read from."""
    server = serve("--close-timeout", "300ms")
    with RawClient(server.port) as client:
        client.send(expecting("/nothing", "Content-Length: 5000000") + b"x" * 1_000_000)
        client.send(b"POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        assert client.receive_reply().status == 403
        client.assert_ended()
        eventually(lambda: ends_sending(client), "the server has closed")
    assert server.log.events("sent") == []


def ends_sending(client):
    try:
        client.send(b"x")
    except ConnectionError:
        return True


def test_a_client_that_speaks_http_1_0_is_told_nothing_before(server):
    with RawClient(server.port) as client:
        client.send(expecting("/health", "Content-Length: 2", method="GET", version="HTTP/1.0") + b"hi")
        assert client.receive_reply().status == 200


def test_a_handshake_with_content_goes_on_behind_the_100(server):
    with RawClient(server.port) as client:
        client.send(client.request_bytes(headers={"Expect": "100-continue", "Content-Length": "2"}))
        assert statuses(client, 1) == [100]
        client.send(b"hi" + frame(TEXT, message("early")))
        assert statuses(client, 1) == [101]
        assert client.receive_text() == '"early"'


def test_a_handshake_that_waited_for_an_answer_is_read_on(server):
    """The channel asks once for a read; while the answer was in the making it was withheld, and then forgotten."""
    with RawClient(server.port) as client:
        client.send(b"POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi" + client.request_bytes())
        assert statuses(client, 2) == [200, 101]
        client.send_frame(TEXT, message("in order"))
        assert client.receive_text() == '"in order"'


def test_unwanted_content_is_refused_over_tls_too(secure, certificate):
    server = secure()
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as plain:
        with trust(certificate).wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(expecting("/nothing", "Content-Length: 5"))
            answer = b""
            while part := client.recv(1 << 16):
                answer += part
    assert answer.startswith(b"HTTP/1.1 403 ") and answer.endswith(b'{"message":"Forbidden"}')
