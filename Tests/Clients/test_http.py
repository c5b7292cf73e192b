"""HTTP as others speak it: what RFC 9110 and RFC 9112 ask of every server, whatever it serves."""

import pytest

from callers import EVERYONE, ask
from reprise import RawClient


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
