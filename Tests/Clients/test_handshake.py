"""The handshake: RFC 6455 §4, spec section 1, and what is no handshake."""

import contextlib
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from reprise import CLOSE, PING, PONG, TEXT, RawClient, close_payload, eventually, frame, is_connection_id, message, run


def reply_to(server, path="/dev", **options):
    with RawClient(server.port) as client:
        client.send(client.request_bytes(path, **options))
        return client.receive_reply()


def test_4_without_a_connect_route_everybody_is_let_in(server):
    assert "$connect" not in run("serve", "--print-config").stdout
    assert reply_to(server).status == 101
    server.log.disconnected()
    assert [e["event"] for e in server.log.export()] == ["sessionStarted", "connected", "disconnected"]


def test_19_connection_ids_have_the_form_of_the_service_and_differ(server):
    """A million of them: TokenSourceTests."""
    ids = set()
    for _ in range(50):
        with server.raw() as client:
            assert is_connection_id(client.id)
            ids.add(client.id)
    assert len(ids) == 50


def test_the_handshake_reply_is_minimal(server):
    with RawClient(server.port) as client:
        reply = client.handshake("/dev")
        assert reply.headers["upgrade"].lower() == "websocket"
        assert reply.headers["connection"].lower() == "upgrade"


@pytest.mark.parametrize("path", ["/other", "/", "/dev/extra", "//dev", "/DEV", "/dev//"])
def test_2_3_other_paths_are_forbidden(server, path):
    reply = reply_to(server, path)
    assert (reply.status, reply.body) == (403, b'{"message":"Forbidden"}')
    assert reply.headers["x-amzn-errortype"] == "ForbiddenException"
    assert reply.headers["content-type"].startswith("application/json")


def test_another_stage_has_its_own_path(serve):
    server = serve("--stage", "prod")
    assert server.url.endswith("/prod")
    assert reply_to(server, "/prod").status == 101
    assert reply_to(server, "/dev").status == 403


def test_9_a_plain_get_is_told_to_upgrade(server):
    reply = server.request("GET", "/dev")
    assert reply.status == 426
    assert reply.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("headers, status", [
    pytest.param({"Sec-WebSocket-Version": "8"}, 426, id="old version"),
    pytest.param({"Sec-WebSocket-Version": None}, 426, id="no version"),
    pytest.param({"Sec-WebSocket-Key": None}, 400, id="no key"),
    pytest.param({"Sec-WebSocket-Key": "c2hvcnQ="}, 400, id="short key"),
    pytest.param({"Sec-WebSocket-Key": "!" * 22 + "=="}, 400, id="key is not base64"),
    pytest.param({"Connection": "close"}, 400, id="connection does not upgrade"),
])
def test_a_wrong_handshake_is_refused(server, headers, status):
    reply = reply_to(server, headers=headers)
    assert reply.status == status
    if status == 426:
        assert reply.headers["sec-websocket-version"] == "13"
    assert server.log.events("connected") == []


@pytest.mark.parametrize("options", [{"method": "POST"}, {"version": "HTTP/1.0"}])
def test_a_handshake_is_an_http_1_1_get(server, options):
    assert reply_to(server, **options).status == 400


def test_10_subprotocols_are_not_chosen_and_extensions_declined(server):
    reply = reply_to(server, headers={
        "Sec-WebSocket-Protocol": "chat.v1, chat.v2", "Sec-WebSocket-Extensions": "permessage-deflate"})
    assert reply.status == 101
    assert "sec-websocket-protocol" not in reply.headers
    assert "sec-websocket-extensions" not in reply.headers


def test_header_names_and_tokens_are_case_insensitive(server):
    reply = reply_to(server, headers={
        "Connection": None, "Upgrade": None, "connection": "keep-alive, UPGRADE", "UPGRADE": "WebSocket"})
    assert reply.status == 101


@pytest.mark.parametrize("headers", [
    pytest.param({"X-Flood": "x" * 20_000}, id="one large field"),
    pytest.param({f"X-{n}": "x" * 400 for n in range(60)}, id="many fields"),
])
def test_too_many_header_bytes_get_431(server, headers):
    assert reply_to(server, headers=headers).status == 431
    assert server.health().status == 200


def test_a_target_that_is_too_long_gets_414(server):
    assert reply_to(server, "/dev?" + "x" * 5000).status == 414


def test_garbage_gets_400(server):
    with RawClient(server.port) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP\r\n\r\n")
        assert client.receive_reply().status == 400


@pytest.mark.parametrize("begun", [b"", b"GET /dev HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_slow_handshake_is_cut_off(serve, begun):
    server = serve("--handshake-timeout", "300ms")
    with RawClient(server.port) as client:
        began = time.monotonic()
        client.send(begun)
        assert client.wait_for_end() == b""
        assert 0.2 < time.monotonic() - began < 5


def test_a_slow_handshake_is_cut_off_also_while_it_trickles(serve):
    server = serve("--handshake-timeout", "500ms")
    with RawClient(server.port) as client:
        client.send(b"GET /dev HTTP/1.1\r\nX-Slow: ")
        client.socket.settimeout(0.05)
        end = time.monotonic() + 5
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:
                client.send(b"x")
                with contextlib.suppress(TimeoutError):
                    assert client.socket.recv(1) == b""
                    break
        assert time.monotonic() < end, "the server waits for ever"


def test_frames_sent_together_with_the_handshake_are_processed(server):
    early = frame(TEXT, message("early")) + frame(PING, b"p") + frame(TEXT, message("second")) + b"\x81"
    with RawClient(server.port) as client:
        client.handshake("/dev", early=early)
        got = [client.receive_frame() for _ in range(3)]
        client.send(frame(TEXT, message("third"))[1:])
        got.append(client.receive_frame())
    # The pong is control output: it may pass broadcasts.
    assert [payload for _, opcode, payload in got if opcode == TEXT] == [b'"early"', b'"second"', b'"third"']
    assert [payload for _, opcode, payload in got if opcode == PONG] == [b"p"]


def test_a_close_sent_together_with_the_handshake_is_answered(server):
    with RawClient(server.port) as client:
        client.handshake("/dev", early=frame(CLOSE, close_payload(4001, "bye")))
        assert client.receive_close() == (4001, "bye")
    server.log.disconnected()


def test_a_client_that_leaves_during_the_handshake_leaves_no_trace_or_a_whole_one(server):
    for _ in range(30):
        client = RawClient(server.port)
        client.send(client.request_bytes())
        client.reset()
    with server.raw():
        eventually(lambda: len(server.connection_ids()) == 1, "only the last one is live")


def test_a_handshake_after_other_requests_on_the_socket_works(server):
    with RawClient(server.port) as client:
        client.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.receive_reply().status == 200
        assert client.receive_reply().status == 200
        client.handshake("/dev")
        client.send_frame(TEXT, message(1))
        assert client.receive_text() == "1"


def test_all_in_one_packet_request_handshake_and_frame(server):
    """Pipelined: the parts are answered in order."""
    with RawClient(server.port) as client:
        client.send(
            b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + client.request_bytes() + frame(TEXT, message("piped")))
        assert client.receive_reply().status == 200
        assert client.receive_reply().status == 101
        assert client.receive_text() == '"piped"'


def test_a_half_closed_socket_is_lost(server):
    with server.raw() as client:
        client.send_frame(TEXT, message("before"))
        client.socket.shutdown(socket.SHUT_WR)
        client.wait_for_end()
    (event,) = server.log.disconnected()
    assert event["cause"] == "lost"
    assert len(server.log.events("message")) == 1


def test_the_library_reports_the_servers_violation_code(server):
    with connect(server.url) as client:
        client.send(b"binary")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
    assert closed.value.rcvd.code == 1003
