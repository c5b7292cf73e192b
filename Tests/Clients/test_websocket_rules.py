"""RFC 6455 and the service's limits once a socket is open, by a client that breaks them. Spec section 5."""

import contextlib
import json
import signal
import socket
import time

import pytest
from websockets.sync.client import connect

from reprise import (
    BINARY_FRAME, CLOSE, CONTINUATION, DEADLINE, PING, PONG, TEXT, RawClient, close_payload, frame, message)


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
def test_69_a_ping_gets_a_pong_with_its_payload(client, payload):
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
def test_74_a_close_is_echoed_with_its_code_and_recorded(client, code, reason):
    client.send_frame(CLOSE, close_payload(code, reason))
    assert client.receive_close() == (code, reason)
    client.assert_ended()
    (event,) = client.server.log.disconnected()
    assert (event["cause"], event["code"], event["reason"]) == ("client", code, reason)


def test_73_a_close_without_code_is_echoed_empty_and_recorded_as_1005(client):
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
def test_76_a_socket_that_ends_without_a_close_is_recorded_as_1006(client, end):
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


def test_66_a_silent_client_is_closed_after_the_idle_time(serve):
    """1001 `Going away`, here after a fraction of a second."""
    server = serve("--idle-timeout", "400ms")
    began = time.monotonic()
    with server.raw() as client:
        assert client.receive_close() == (1001, "Going away")
        assert 0.3 < time.monotonic() - began < 3
        client.send_frame(CLOSE, close_payload(1001))
        client.assert_ended()
    (event,) = server.log.disconnected()
    assert (event["cause"], event["code"], event["reason"]) == ("idle", 1001, "Going away")


def test_67_pings_and_deliveries_hold_off_the_idle_time(serve):
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


def test_68_a_busy_client_is_closed_at_the_end_of_its_lifetime(serve):
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


def test_70_binary_closes_with_1003(client):
    client.send_frame(BINARY_FRAME, b"\0")
    assert_refused(client, 1003, "Binary is not supported")


def test_binary_is_taken_where_it_is_allowed(serve):
    server = serve("--allow-binary", "true", "--route", "$default=broadcast:message")
    with server.raw() as client:
        client.send_frame(BINARY_FRAME, b"\xff\x00")
        assert client.receive_frame() == (True, BINARY_FRAME, b"\xff\x00")
    (event,) = server.log.events("message")
    assert (event["opcode"], event["bodyBase64"]) == ("binary", "/wA=")


def test_71_the_largest_frame_is_taken(client):
    """32768 bytes in one frame."""
    body = message("x" * (32768 - len(message(""))))
    assert len(body) == 32768
    client.send_frame(TEXT, body)
    assert len(client.receive_text()) == 32768 - len(message("")) + 2


def test_71_a_larger_frame_closes_with_1009(client):
    client.send_frame(TEXT, b"x" * 32769)
    assert_refused(client, 1009, "Message too big")


def test_a_frame_that_only_claims_to_be_large_closes_with_1009(client):
    client.send(frame(TEXT, b"", length=1 << 62))
    assert_refused(client, 1009, "Message too big")


def test_71_the_largest_message_is_taken_and_one_byte_more_closes_with_1009(server):
    """131072 bytes over four frames."""
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
def test_72_text_that_is_not_utf8_closes_with_1007(client, payload):
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


@pytest.mark.parametrize("text", ["x" * 70, "y" * 100_000])
def test_what_a_client_sent_before_it_left_is_in_the_log(server, text):
    """Parsing rests after 64 KiB that had to be written anew; the end of the stream may come meanwhile, and takes nothing away."""
    spaced = json.dumps({"action": "onMessage", "data": [1.0, text]})
    with server.raw() as client:
        parts = [spaced[start:start + 30_000] for start in range(0, len(spaced), 30_000)]
        frames = b"".join(
            frame(CONTINUATION if index else TEXT, part, final=index == len(parts) - 1) for index, part in enumerate(parts))
        server.process.send_signal(signal.SIGSTOP)  # all of it is there when the server looks
        client.send(frames + frame(TEXT, message("last")) + frame(CLOSE, close_payload(1000)))
        client.socket.shutdown(socket.SHUT_WR)
        server.process.send_signal(signal.SIGCONT)
        (closed,) = server.log.disconnected(client.id)
    assert (closed["cause"], closed["code"]) == ("client", 1000)
    said = [event for event in server.log.events("message") if event["connectionId"] == client.id]
    assert len(said) == 2
