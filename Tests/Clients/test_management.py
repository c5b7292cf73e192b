"""The @connections API: spec section 4, with boto3 and with exact HTTP."""

import datetime
import json
import re
import urllib.parse

import boto3
import botocore.config
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lmdb_live_ranges import live_values
from reprise import CLOSE, RawClient, close_payload


@pytest.fixture
def api(server):
    """boto3 as people use it: only the endpoint is set (spec section 9, case 47). Region and credentials must be something."""
    return boto3.client(
        "apigatewaymanagementapi", endpoint_url=server.endpoint, region_name="eu-west-1",
        aws_access_key_id="x", aws_secret_access_key="y", config=botocore.config.Config(retries={"max_attempts": 0}))


def path(connection):
    return f"/dev/@connections/{connection}"


# boto3


def test_47_52_boto3_posts_to_a_connection(server, api):
    with connect(server.url) as client, connect(server.url) as other:
        first, second = server.wait_for_connections(2)
        reply = api.post_to_connection(ConnectionId=first, Data=b'{"to":"one"}')
        assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert client.recv(timeout=5) == '{"to":"one"}'
        api.post_to_connection(ConnectionId=second, Data="ä".encode())
        assert other.recv(timeout=5) == "ä"
    sent = server.log.events("sent")
    assert [(e["target"], e["body"]) for e in sent] == [(first, '{"to":"one"}'), (second, "ä")]


def test_22_53_boto3_gets_a_connection(server, api):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    with connect(server.url, user_agent_header="tests/1") as client:
        (connection,) = server.wait_for_connections(1)
        found = api.get_connection(ConnectionId=connection)
        assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tests/1"}
        assert before <= found["ConnectedAt"] <= found["LastActiveAt"]
        client.ping().wait(5)
        later = api.get_connection(ConnectionId=connection)
        assert later["ConnectedAt"] == found["ConnectedAt"]
        assert later["LastActiveAt"] >= found["LastActiveAt"]


def test_52_75_boto3_deletes_a_connection(server, api):
    """The client sees 1000, the log the words of the service."""
    with connect(server.url) as client:
        (connection,) = server.wait_for_connections(1)
        assert api.delete_connection(ConnectionId=connection)["ResponseMetadata"]["HTTPStatusCode"] == 204
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
        assert closed.value.rcvd.code == 1000
        for call in (api.get_connection, api.delete_connection):
            with pytest.raises(api.exceptions.GoneException):
                call(ConnectionId=connection)
    (event,) = server.log.disconnected(connection)
    assert (event["cause"], event["code"], event["reason"]) == ("deleted", 1000, "Connection Closed Normally")


def test_54_77_boto3_raises_gone_after_a_close(server, api):
    with connect(server.url):
        (connection,) = server.wait_for_connections(1)
    server.log.disconnected(connection)
    with pytest.raises(api.exceptions.GoneException):
        api.post_to_connection(ConnectionId=connection, Data=b"x")
    with pytest.raises(api.exceptions.GoneException):
        api.get_connection(ConnectionId=connection)
    with pytest.raises(api.exceptions.GoneException):
        api.delete_connection(ConnectionId=connection)
    with pytest.raises(api.exceptions.GoneException):
        api.post_to_connection(ConnectionId="AAAAAAAAAAAAAAA=", Data=b"x")


def test_56_boto3_raises_payload_too_large(server, api):
    with connect(server.url, max_size=None) as client:
        (connection,) = server.wait_for_connections(1)
        api.post_to_connection(ConnectionId=connection, Data=b"x" * 131072)
        assert client.recv(timeout=5) == "x" * 131072
        with pytest.raises(api.exceptions.PayloadTooLargeException):
            api.post_to_connection(ConnectionId=connection, Data=b"x" * 131073)


def test_17_a_post_right_after_the_101_is_delivered(server, api):
    with server.raw() as client:
        reply = api.post_to_connection(ConnectionId=client.id, Data=b"first")
        assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert client.receive_text() == "first"


# Exact HTTP


@pytest.mark.parametrize("form", ["@connections/{}", "%40connections/{}"])
@pytest.mark.parametrize("encode", [str, urllib.parse.quote], ids=["raw", "encoded"])
def test_58_every_spelling_of_the_path_reaches_the_connection(server, form, encode):
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        assert "%3D" in encode(connection) or encode is str
        reply = server.request("POST", "/dev/" + form.format(encode(connection)), b"x")
        assert (reply.status, reply.body) == (200, b"")
        assert client.receive_text() == "x"


def test_segments_are_decoded_once(server):
    with server.raw():
        (connection,) = server.wait_for_connections(1)
        twice = urllib.parse.quote(urllib.parse.quote(connection))
        assert server.request("GET", f"/dev/@connections/{twice}").status == 400


def test_get_has_the_wire_form_of_the_service(server):
    """Spec section 4: lower camel keys, ISO times with milliseconds, `userAgent` null when none was sent."""
    with server.raw():
        (connection,) = server.wait_for_connections(1)
        reply = server.request("GET", path(connection))
    assert reply.status == 200 and reply.headers["content-type"].startswith("application/json")
    assert list(reply.json) == ["connectedAt", "identity", "lastActiveAt"]
    assert reply.json["identity"] == {"sourceIp": "127.0.0.1", "userAgent": None}
    for key in ("connectedAt", "lastActiveAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", reply.json[key])
    (event,) = server.log.events("connected")
    assert event["time"][:23] + "Z" == reply.json["connectedAt"]


def damage(server, table, key=None):
    """Changes a byte of a value of the log that the server has open."""
    values, _ = live_values((server.data / "data.mdb").read_bytes())
    value = [value for value in values if value.table == table and key in (None, value.key)][-1]
    with open(server.data / "data.mdb", "r+b") as file:
        offset = value.start + (12 if table == "events" else 0)
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 0xFF]))


@pytest.mark.parametrize("table", ["events", "connections"])
def test_damage_is_no_gone_connection(serve, table):
    server = serve("--log-bytes", "64MiB")
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        damage(server, table, server.log.export()[-1]["position"] if table == "events" else None)
        found = server.request("GET", path(connection))
        assert found.status == 500 and found.headers["x-amzn-errortype"] == "InternalServerException"
        assert "The log cannot be read" in found.json["message"]
        assert "a connection cannot be described" in server.stderr
        client.send_frame(9, b"still served")
        assert client.receive_frame() == (True, 10, b"still served")
        assert server.request("GET", path("L0SM9cOFvHcCIhw=")).status == 410
    server.kill()


def test_a_call_that_reads_the_log_is_answered_in_its_turn(server):
    with server.raw() as client, RawClient(server.port) as caller:
        get = f"GET {path(client.id)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        caller.send((get + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") * 3)
        bodies = [caller.receive_reply().json for _ in range(6)]
    assert [list(body)[0] for body in bodies] == ["connectedAt", "status"] * 3


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_gone_connection_has_the_header_that_sdks_need_and_no_body(server, method):
    reply = server.request(method, path("AAAAAAAAAAAAAAA="), b"x" if method == "POST" else None)
    assert (reply.status, reply.body) == (410, b"")
    assert reply.headers["x-amzn-errortype"] == "GoneException"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", reply.headers["x-amzn-requestid"])


@pytest.mark.parametrize("text", ["short", "x" * 16, "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAA==", "AAA+AAAAAAAAAAA=", "%FF", "a%2Fb"])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_55_a_malformed_id_is_a_bad_request(server, method, text):
    reply = server.request(method, path(text), b"x" if method == "POST" else None)
    assert reply.status == (403 if text == "%FF" else 400)
    if text != "%FF":
        assert reply.headers["x-amzn-errortype"] == "BadRequestException"
        assert "message" in reply.json


def test_a_payload_that_is_too_large_gets_413(server):
    with server.raw():
        (connection,) = server.wait_for_connections(1)
        reply = server.request("POST", path(connection), b"x" * 131073)
        assert (reply.status, reply.headers["x-amzn-errortype"]) == (413, "PayloadTooLargeException")
        assert "message" in reply.json
        assert server.request("POST", "/dev/@connections", b"x" * 131073).status == 413
    assert server.log.events("sent") == []


def test_post_to_everyone_says_where_and_to_how_many(server):
    with server.raw() as one, server.raw() as two:
        server.wait_for_connections(2)
        reply = server.request("POST", "/dev/@connections", b"to all")
        assert reply.status == 200
        assert one.receive_text() == two.receive_text() == "to all"
    (event,) = server.log.events("sent")
    assert reply.json == {"position": event["position"], "recipients": 2}
    assert (event["target"], event["opcode"], event["body"]) == ("everyone", "text", "to all")


def test_post_to_everyone_reaches_nobody_where_nobody_is(server):
    reply = server.request("POST", "/dev/@connections", b"x")
    assert (reply.status, reply.json["recipients"]) == (200, 0)


def test_invalid_utf8_is_delivered_and_recorded_with_replacement_characters(server):
    """Spec section 4: always one text message."""
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        assert server.request("POST", path(connection), b"a\xffb\xe2\x82").status == 200
        assert client.receive_text() == "a�b�"
    assert server.log.events("sent")[0]["body"] == "a�b�"


def test_an_empty_payload_is_an_empty_message(server):
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        assert server.request("POST", path(connection), b"").status == 200
        assert client.receive_text() == ""


def test_posts_arrive_in_order_and_between_broadcasts(server):
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        for number in range(20):
            target = path(connection) if number % 2 else "/dev/@connections"
            server.request("POST", target, str(number).encode())
        assert [client.receive_text() for _ in range(20)] == [str(n) for n in range(20)]
    positions = [e["position"] for e in server.log.events("sent")]
    assert positions == sorted(positions)


def test_a_large_post_arrives_in_frames_of_32_kib(server):
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        server.request("POST", path(connection), b"x" * 100_000)
        sizes = []
        final = False
        while not final:
            final, _, payload = client.receive_frame()
            sizes.append(len(payload))
        assert sizes == [32768, 32768, 32768, 100_000 - 3 * 32768]


def test_a_connection_is_gone_as_soon_as_it_is_closing(server):
    """The first cause freezes the outbox: 410 before the socket is gone."""
    with server.raw() as client:
        (connection,) = server.wait_for_connections(1)
        assert server.request("DELETE", path(connection)).status == 204
        for method in ("POST", "GET", "DELETE"):
            assert server.request(method, path(connection), b"x" if method == "POST" else None).status == 410
        assert client.receive_close()[0] == 1000
        client.send_frame(CLOSE, close_payload(1000))
        client.assert_ended()
    assert server.log.events("sent") == []


def test_other_methods_and_stages_are_refused(server):
    assert server.request("PUT", path("AAAAAAAAAAAAAAA="), b"").status == 405
    assert server.request("GET", "/dev/@connections").status == 405
    assert server.request("DELETE", "/dev/@connections").status == 405
    reply = server.request("POST", "/other/@connections/AAAAAAAAAAAAAAA=", b"x")
    assert (reply.status, reply.json, reply.headers["x-amzn-errortype"]) == (
        403, {"message": "Forbidden"}, "ForbiddenException")


def test_other_loopback_addresses_may_call(server):
    """All of 127.0.0.0/8 is this machine. That others may not needs a second address, which a test does not have."""
    assert server.request("POST", "/dev/@connections", b"x", source="127.0.0.2").status == 200


def test_a_socket_serves_several_calls(server):
    with RawClient(server.port) as client:
        for _ in range(3):
            client.send(b"POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
        replies = [client.receive_reply() for _ in range(3)]
    assert [reply.status for reply in replies] == [200] * 3
    positions = [reply.json["position"] for reply in replies]
    assert positions == sorted(set(positions))


def test_a_chunked_body_is_taken_whole(server):
    with server.raw() as client, RawClient(server.port) as caller:
        caller.send(
            b"POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert caller.receive_reply().status == 200
        assert client.receive_text() == "abcde"


def test_health_and_ready_are_green(server):
    for target in ("/health", "/ready"):
        reply = server.request("GET", target)
        assert (reply.status, reply.json["status"]) == (200, "ok")
    assert json.loads(server.health().body)["status"] == "ok"
