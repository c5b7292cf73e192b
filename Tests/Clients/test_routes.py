"""Route selection and replies: spec section 2."""

import json
import re

import pytest
from websockets.sync.client import connect

from reprise import is_connection_id, message

ERROR = re.compile(r'\{"message": "([^"]*)", "connectionId":"([^"]*)", "requestId":"([^"]*)"\}')


def error_frame(text):
    """The message of an error frame; checks its exact form."""
    match = ERROR.fullmatch(text)
    assert match, text
    assert is_connection_id(match[2]) and is_connection_id(match[3]) and match[2] != match[3]
    return match[1], match[2], match[3]


@pytest.mark.parametrize("body", [
    '{"action":"other"}', '{"action":"onmessage","data":1}', '{"action":1,"data":1}', '{"data":1}', "{}",
    "hello", "", '{"action":"onMessage","data":1', '{"action":"onMessage","data":1}}'])
def test_25_34_what_no_route_takes_gets_the_forbidden_frame_and_stays_open(server, body):
    """Exact bytes, the sender alone, the socket open."""
    with connect(server.url) as client, connect(server.url) as other:
        client.send(body)
        assert error_frame(client.recv(timeout=5))[0] == "Forbidden"
        client.send(message("still here"))
        assert client.recv(timeout=5) == '"still here"'
        assert other.recv(timeout=5) == '"still here"'


@pytest.mark.parametrize("body", ['{"action":"onMessage"}', "[1]", "1", "null", '"text"', "true"])
def test_a_body_without_data_gets_the_bad_request_frame(server, body):
    """The design's default routes: no `data`, or JSON that is no object (checklist 45)."""
    with connect(server.url) as client:
        client.send(body)
        assert error_frame(client.recv(timeout=5))[0] == "Bad request body"


@pytest.mark.parametrize("body", ["hello", "", "[1]", "1", "null", "true", '"text"', '{"action":"onMessage"', "{}", '{"data":1}'])
def test_26_27_28_what_names_no_route_goes_to_the_default_route(serve, body):
    server = serve("--route", "onMessage=broadcast:data", "--route", "$default=echo")
    with connect(server.url) as client:
        client.send(body)
        assert client.recv(timeout=5) == body
    (event,) = server.log.events("message")
    assert event["route"] == "$default"


@pytest.mark.parametrize("action", ["$connect", "$disconnect", "$default"])
def test_35_special_routes_cannot_be_called_by_name(server, action):
    with connect(server.url) as client:
        client.send(message("x", action=action))
        assert error_frame(client.recv(timeout=5))[0] == "Forbidden"


def test_20_error_frames_carry_the_ids_that_the_log_has(server):
    """The frame's ids are those of the recorded event; a new request id for each message."""
    with connect(server.url) as client:
        frames = []
        for _ in range(2):
            client.send("no")
            frames.append(error_frame(client.recv(timeout=5)))
    recorded = server.log.events("message")
    assert [(e["connectionId"], e["requestId"]) for e in recorded] == [frame[1:] for frame in frames]
    assert all(e["refused"] == "forbidden" and e["body"] == "no" for e in recorded)
    assert recorded[0]["requestId"] != recorded[1]["requestId"]
    assert all(is_connection_id(e["messageId"]) for e in recorded)


def test_21_only_messages_have_a_message_id(server):
    with connect(server.url) as client:
        client.send(message(1))
        client.recv(timeout=5)
        server.request("POST", "/dev/@connections", b"x")
        client.recv(timeout=5)
    server.log.disconnected()
    events = server.log.export()
    assert [e["event"] for e in events if "messageId" in e] == ["message"]
    assert {e["event"] for e in events} == {"sessionStarted", "connected", "message", "sent", "disconnected"}


def test_36_bodies_are_recorded_byte_for_byte(server):
    """White space, duplicate keys, escapes, emoji."""
    bodies = [
        ' { "data" : 1 , "action" : "onMessage" } \n', '{"action":"no","action":"onMessage","data":"😀\\ud83d\\ude00"}',
        '{"action":"onMessage","data":[1e21,-0,1.50,"\\u0041\\/"]}', "\u0000", "\ufeff{}"]
    with connect(server.url) as client:
        for body in bodies:
            client.send(body)
            client.recv(timeout=5)
    assert [e["body"] for e in server.log.events("message")] == bodies


@pytest.mark.parametrize("data, expected", [
    ("1.0", "1"), ("1e21", "1e+21"), ("-0", "0"), ("0.1e1", "1"), ("123456789012345680000", "123456789012345680000"),
    ('{"b":1,"a":2,"1":3,"0":4}', '{"0":4,"1":3,"b":1,"a":2}'), ('{"a":1,"a":2}', '{"a":2}'),
    ('"\\u0041\\/\\ud800"', '"A/\\ud800"'), (' [ 1 , null ] ', "[1,null]"), ('"\\u2028"', '"\u2028"')])
def test_data_is_what_json_stringify_gives(server, data, expected):
    with connect(server.url) as client:
        client.send('{"action":"onMessage","data":' + data + "}")
        assert client.recv(timeout=5) == expected


def test_24_38_routes_can_be_named_and_echo_to_the_sender_alone(serve):
    """`$default` takes the rest, a reply goes to the sender."""
    server = serve("--route", "say=broadcast:data", "--route", "raw=broadcast:message", "--route", "$default=echo")
    with connect(server.url) as one, connect(server.url) as two:
        one.send(message("to all", action="say"))
        assert one.recv(timeout=5) == two.recv(timeout=5) == '"to all"'
        one.send("not JSON")
        assert one.recv(timeout=5) == "not JSON"
        one.send('{"action":"raw", "x":1.0}')
        assert one.recv(timeout=5) == two.recv(timeout=5) == '{"action":"raw", "x":1.0}'
        one.send("")
        assert one.recv(timeout=5) == ""
    routes = [e["route"] for e in server.log.events("message")]
    assert routes == ["say", "$default", "raw", "$default"]


@pytest.mark.parametrize("expression, body, key", [
    ("$request.body.a.b", '{"a":{"b":"k"}}', "k"),
    ("${request.body.x}/${request.body.y}", '{"x":"p","y":"q"}', "p/q"),
    ("${request.body.x}-${request.body.nope}", '{"x":"join"}', "join-"),
    ("$request.body.action", '{"action":1}', "1"),
    ("fixed", '{"anything":0}', "fixed")])
def test_29_30_31_32_33_selection_expressions_choose_the_route(serve, expression, body, key):
    server = serve("--route-selection", expression, "--route", f"{key}=echo")
    with connect(server.url) as client:
        client.send(body)
        assert client.recv(timeout=5) == body
        client.send(json.dumps({"unknown": True}))
        expected = json.dumps({"unknown": True}) if key == "fixed" else "Forbidden"
        assert expected in client.recv(timeout=5)
