"""RFC 6455 and the service's limits, by a client that breaks them. Spec sections 1, 5 and 9."""

import contextlib
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from reprise import (
    BINARY_FRAME, CLOSE, CONTINUATION, DEADLINE, PING, PONG, TEXT, RawClient, close_payload, eventually, frame, message)


@pytest.fixture
def client(server):
    with server.raw() as client:
        client.server = server
        yield client


# Frames


def test_fragments_are_joined_with_pings_in_between(client):
    body = message("äöü").encode()
    client.send_frame(TEXT, body[:30], final=False)
    client.send_frame(PING, b"one")
    assert client.receive_frame() == (True, PONG, b"one")
    for byte in body[30:-1]:  # also in the middle of a character
        client.send_frame(CONTINUATION, bytes([byte]), final=False)
    client.send_frame(CONTINUATION, b"", final=False)
    client.send_frame(CONTINUATION, body[-1:])
    assert client.receive_text() == '"äöü"'


def test_frames_may_come_byte_by_byte(client):
    for byte in frame(TEXT, message(1)) + frame(PING, b"x"):
        client.send(bytes([byte]))
    # The pong is control output: it may pass broadcasts.
    assert sorted(client.receive_frame() for _ in range(2)) == [(True, TEXT, b"1"), (True, PONG, b"x")]


@pytest.mark.parametrize("payload", [b"", b"x", b"\xff\x00binary", b"p" * 125])
def test_a_ping_gets_a_pong_with_its_payload(client, payload):
    """Checklist 69."""
    client.send_frame(PING, payload)
    assert client.receive_frame() == (True, PONG, payload)


def test_a_pong_without_a_ping_is_ignored(client):
    client.send_frame(PONG, b"unasked")
    client.send_frame(TEXT, message(1))
    assert client.receive_text() == "1"


def test_many_messages_in_one_packet_are_all_taken(client):
    client.send(b"".join(frame(TEXT, message(n)) for n in range(500)))
    assert [client.receive_text() for _ in range(500)] == [str(n) for n in range(500)]


# Closing


@pytest.mark.parametrize("code, reason", [(1000, ""), (1001, ""), (3000, "ä"), (4001, "bye"), (4999, "x" * 123)])
def test_a_close_is_echoed_with_its_code_and_recorded(client, code, reason):
    """Checklist 74."""
    client.send_frame(CLOSE, close_payload(code, reason))
    assert client.receive_close() == (code, reason)
    client.assert_ended()
    (event,) = client.server.log.disconnected()
    assert (event["cause"], event["code"], event["reason"]) == ("client", code, reason)


def test_a_close_without_code_is_echoed_empty_and_recorded_as_1005(client):
    """Checklist 73."""
    client.send_frame(CLOSE)
    assert client.receive_frame() == (True, CLOSE, b"")
    client.assert_ended()
    (event,) = client.server.log.disconnected()
    assert (event["code"], event["reason"]) == (1005, "Client-side close frame status not set")


def test_a_library_client_sees_its_close_code(server):
    with connect(server.url) as client:
        client.close(4001, "bye")
        assert (client.close_code, client.close_reason) == (4001, "bye")
    (event,) = server.log.disconnected()
    assert (event["code"], event["reason"]) == (4001, "bye")


@pytest.mark.parametrize("end", [RawClient.close, RawClient.reset])
def test_a_socket_that_ends_without_a_close_is_recorded_as_1006(client, end):
    """Checklist 76."""
    end(client)
    (event,) = client.server.log.disconnected()
    assert (event["cause"], event["code"], event["reason"]) == ("lost", 1006, "Connection closed abnormally")


def test_frames_after_a_close_are_discarded(client):
    client.send(frame(CLOSE, close_payload(1000)) + frame(TEXT, message("late")))
    assert client.receive_close() == (1000, "")
    client.server.log.disconnected()
    assert client.server.log.events("message") == []


def test_a_message_just_before_the_close_is_recorded_and_reaches_others(client):
    with client.server.raw() as other:
        client.send(frame(TEXT, message("last words")) + frame(CLOSE, close_payload(1000)))
        assert client.receive_close() == (1000, "")
        assert other.receive_text() == '"last words"'


def test_a_silent_client_is_closed_after_the_idle_time(serve):
    """Checklist 66: 1001 `Going away`, here after a fraction of a second."""
    server = serve("--idle-timeout", "400ms")
    began = time.monotonic()
    with server.raw() as client:
        assert client.receive_close() == (1001, "Going away")
        assert 0.3 < time.monotonic() - began < 3
        client.send_frame(CLOSE, close_payload(1001))
        client.assert_ended()
    (event,) = server.log.disconnected()
    assert (event["cause"], event["code"], event["reason"]) == ("idle", 1001, "Going away")


def test_pings_and_deliveries_hold_off_the_idle_time(serve):
    """Checklist 67."""
    server = serve("--idle-timeout", "600ms")
    with server.raw() as pinging, server.raw() as receiving:
        end = time.monotonic() + 1.8
        while time.monotonic() < end:
            pinging.send_frame(PING)
            assert pinging.receive_frame()[1] == PONG
            server.request("POST", f"/dev/@connections/{server.connection_ids()[1]}", b"tick")
            assert receiving.receive_text() == "tick"
            time.sleep(0.1)
        assert server.log.events("disconnected") == []


def test_a_busy_client_is_closed_at_the_end_of_its_lifetime(serve):
    """Checklist 68."""
    server = serve("--lifetime", "800ms")
    with server.raw() as client:
        client.socket.settimeout(0.05)
        code = None
        end = time.monotonic() + DEADLINE
        while code is None and time.monotonic() < end:
            client.send_frame(PING)
            with contextlib.suppress(TimeoutError):
                _, opcode, payload = client.receive_frame()
                code = payload if opcode == CLOSE else None
        assert code == close_payload(1001, "Going away")
    (event,) = server.log.disconnected()
    assert event["cause"] == "lifetime"


def test_a_client_that_ignores_the_servers_close_is_cut_off(serve):
    server = serve("--close-timeout", "300ms")
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        assert server.request("DELETE", f"/dev/@connections/{connection}").status == 204
        assert client.receive_close() == (1000, "Connection Closed Normally")
        client.assert_ended()  # without an answer from us
    (event,) = server.log.disconnected()
    assert (event["cause"], event["code"]) == ("deleted", 1000)


# Violations. After one the server closes its half, and records the cause.


def assert_refused(client, code, reason=None):
    found = client.receive_close()
    assert found[0] == code and reason in (None, found[1]), found
    client.assert_ended()
    client.close()
    (event,) = client.server.log.disconnected()
    assert (event["cause"], event["code"]) == ("protocol", code)


def test_binary_closes_with_1003(client):
    """Checklist 70."""
    client.send_frame(BINARY_FRAME, b"\0")
    assert_refused(client, 1003, "Binary is not supported")


def test_binary_is_taken_where_it_is_allowed(serve):
    server = serve("--allow-binary", "true", "--route", "$default=broadcast:message")
    with server.raw() as client:
        client.send_frame(BINARY_FRAME, b"\xff\x00")
        assert client.receive_frame() == (True, BINARY_FRAME, b"\xff\x00")
    (event,) = server.log.events("message")
    assert (event["opcode"], event["bodyBase64"]) == ("binary", "/wA=")


def test_the_largest_frame_is_taken(client):
    """Checklist 71: 32768 bytes in one frame."""
    body = message("x" * (32768 - len(message(""))))
    assert len(body) == 32768
    client.send_frame(TEXT, body)
    assert len(client.receive_text()) == 32768 - len(message("")) + 2


def test_a_larger_frame_closes_with_1009(client):
    """Checklist 71."""
    client.send_frame(TEXT, b"x" * 32769)
    assert_refused(client, 1009, "Message too big")


def test_a_frame_that_only_claims_to_be_large_closes_with_1009(client):
    client.send(frame(TEXT, b"", length=1 << 62))
    assert_refused(client, 1009, "Message too big")


def test_the_largest_message_is_taken_and_one_byte_more_closes_with_1009(server):
    """Checklist 71: 131072 bytes over four frames."""
    body = message("x" * (131072 - len(message("")))).encode()
    with server.raw() as client:
        client.server = server
        for start in range(0, len(body), 32768):
            client.send_frame(
                TEXT if start == 0 else CONTINUATION, body[start:start + 32768], final=start == 131072 - 32768)
        assert len(client.receive_text()) == 131072 - len(message("")) + 2
        for start in range(0, len(body), 32768):
            client.send_frame(TEXT if start == 0 else CONTINUATION, body[start:start + 32768], final=False)
        client.send_frame(CONTINUATION, b"x")
        assert_refused(client, 1009, "Message too big")


@pytest.mark.parametrize("payload", [
    b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ab\xe2\x82", b"x" * 100 + b"\x80"])
def test_text_that_is_not_utf8_closes_with_1007(client, payload):
    """Checklist 72."""
    client.send_frame(TEXT, payload)
    assert_refused(client, 1007)


def test_bad_utf8_is_refused_before_its_message_ends(client):
    client.send_frame(TEXT, b"fine so far", final=False)
    client.send_frame(CONTINUATION, b"\xff", final=False)
    assert_refused(client, 1007)


@pytest.mark.parametrize("data", [
    pytest.param(frame(TEXT, b"x", masked=False), id="not masked"),
    pytest.param(frame(TEXT, b"x", reserved=4), id="RSV1"),
    pytest.param(frame(TEXT, b"x", reserved=1), id="RSV3"),
    pytest.param(frame(3, b"x"), id="unknown data opcode"),
    pytest.param(frame(11, b"x"), id="unknown control opcode"),
    pytest.param(frame(CONTINUATION, b"x"), id="continuation of nothing"),
    pytest.param(frame(TEXT, b"x", final=False) + frame(TEXT, b"y"), id="message inside a message"),
    pytest.param(frame(PING, b"x", final=False), id="fragmented ping"),
    pytest.param(frame(PING, b"x" * 126), id="large ping"),
    pytest.param(frame(CLOSE, b"x"), id="close payload of one byte"),
    pytest.param(frame(CLOSE, close_payload(1005)), id="close code 1005"),
    pytest.param(frame(CLOSE, close_payload(999)), id="close code 999"),
    pytest.param(frame(CLOSE, close_payload(5000)), id="close code 5000"),
    pytest.param(b"\x81\xfe\x00\x05" + b"\0" * 9, id="length in too many bytes"),
    pytest.param(b"\x81\xff" + b"\xff" * 8 + b"\0" * 4, id="length above 2^63"),
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="not a frame"),
])
def test_what_breaks_rfc_6455_closes_with_1002(client, data):
    client.send(data)
    assert_refused(client, 1002)


def test_a_violation_harms_nobody_else(server):
    with server.raw() as good, server.raw() as bad:
        bad.send_frame(TEXT, message("from the bad one"))
        bad.send_frame(3, b"")
        assert good.receive_text() == '"from the bad one"'
        good.send_frame(TEXT, message("on"))
        assert good.receive_text() == '"on"'


# The handshake


def reply_to(server, path="/dev", **options):
    with RawClient(server.port) as client:
        client.send(client.request_bytes(path, **options))
        return client.receive_reply()


def test_the_handshake_reply_is_minimal(server):
    with RawClient(server.port) as client:
        reply = client.handshake("/dev")
        assert reply.headers["upgrade"].lower() == "websocket"
        assert reply.headers["connection"].lower() == "upgrade"


@pytest.mark.parametrize("path", ["/other", "/", "/dev/extra", "//dev", "/DEV", "/dev//"])
def test_other_paths_are_forbidden(server, path):
    """Checklist 2 and 3."""
    reply = reply_to(server, path)
    assert (reply.status, reply.body) == (403, b'{"message":"Forbidden"}')
    assert reply.headers["x-amzn-errortype"] == "ForbiddenException"
    assert reply.headers["content-type"].startswith("application/json")


def test_another_stage_has_its_own_path(serve):
    server = serve("--stage", "prod")
    assert server.url.endswith("/prod")
    assert reply_to(server, "/prod").status == 101
    assert reply_to(server, "/dev").status == 403


def test_a_plain_get_is_told_to_upgrade(server):
    """Checklist 9."""
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


def test_subprotocols_are_not_chosen_and_extensions_declined(server):
    """Checklist 10."""
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
