"""`replay --serve`: a recording is played to whoever connects. The recording is made line by line, so its times are known."""

import contextlib
import json
import signal
import time

import pytest

from reprise import BINARY_FRAME, TEXT, DEADLINE, Log, Server, eventually, message, run

A, B = "AAAAAAAAAAAAAAE=", "AAAAAAAAAAAAAAI="
REQUEST = "AAAAAAAAAAAAAAA="
STEP = 0.2  # seconds between two messages


def line(position, seconds, event, **fields):
    stamp = f"2026-01-01T00:{int(seconds) // 60:02}:{seconds % 60:012.9f}Z"
    return {"position": position, "time": stamp, "event": event, **fields}


def recorded():
    """Two clients; broadcasts of both, one binary, one refused, one echo, one post for A alone; then a gap of 50 s."""
    facts = [
        (0, "sessionStarted", dict(
            session=1, version="test", node="test", routeSelectionExpression="$request.body.action", frameBytesMax=32768,
            routes=["onMessage=broadcast:data", "shout=broadcast:message", "say=echo:data", "$default=broadcast:message"])),
    ]
    for connection in (A, B):
        facts.append((0, "connected", dict(
            connectionId=connection, requestId=REQUEST, sourceIp="127.0.0.1", host="h", stage="dev", query="", headers=[])))

    def said(moment, connection, route, body, opcode="text"):
        facts.append((moment, "message", dict(
            connectionId=connection, messageId=REQUEST, requestId=REQUEST, route=route, opcode=opcode, body=body)))

    said(1 * STEP, A, "onMessage", message({"n": 1}))
    said(2 * STEP, B, "onMessage", message("two"))
    said(3 * STEP, A, "say", message("for A", "say"))
    said(4 * STEP, B, "$default", "binary", "binary")
    facts.append((5 * STEP, "sent", dict(requestId=REQUEST, target=A, opcode="text", body="A alone")))
    facts.append((6 * STEP, "sent", dict(requestId=REQUEST, target="everyone", opcode="text", body="all")))
    facts.append((7 * STEP, "disconnected", dict(
        connectionId=A, requestId=REQUEST, code=1000, reason="", cause="client", deliveredThrough=9, bytesSent=0)))
    said(50, B, "onMessage", message("late"))
    facts.append((50, "disconnected", dict(
        connectionId=B, requestId=REQUEST, code=1000, reason="", cause="client", deliveredThrough=11, bytesSent=0)))
    facts.append((50, "sessionEnded", dict(cause="shutdown")))
    return [line(index + 1, seconds, event, **fields) for index, (seconds, event, fields) in enumerate(facts)]


EVERYONE = [(TEXT, b'{"n":1}'), (TEXT, b'"two"'), (BINARY_FRAME, b"binary"), (TEXT, b"all"), (TEXT, b'"late"')]
DUE = [1 * STEP, 2 * STEP, 4 * STEP, 6 * STEP, 50]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    data = tmp_path_factory.mktemp("recording") / "data"
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in recorded())
    done = run("log", "import", data, input=lines)
    assert done.returncode == 0, done.stderr
    assert Log(data).replay().returncode == 0
    return Log(data)


class Player(Server):
    verb = ("replay", "--serve")

    def ask(self, **command):
        """Steers, or without a command asks."""
        path = f"/{self.stage}/@replay"
        body = json.dumps(command) if command else None
        reply = self.request("POST" if command else "GET", path, body)
        assert reply.status == 200, reply.body
        return reply.json

    def wait_for(self, state):
        return eventually(lambda: s if (s := self.ask())["state"] == state else None, state)


@pytest.fixture
def play(recording, folder):
    with contextlib.ExitStack() as stack:
        def start(*flags):
            player = Player(*flags, data=recording.data, folder=folder, env={"TMPDIR": str(folder)})
            stack.callback(player.destroy)
            return player
        yield start


def frames(client, count):
    received = []
    for _ in range(count):
        final, opcode, payload = client.receive_frame()
        assert final
        received.append((opcode, payload))
    return received


@pytest.mark.parametrize("speed", ["max", "10", "2.5"])
def test_the_recorded_frames_come_in_order_and_never_early(play, speed):
    player = play("--speed", speed, "--max-wait", "300ms")
    began = time.monotonic()
    with player.raw() as client:
        moments = []
        for expected in EVERYONE:
            assert client.receive_frame()[1:] == expected
            moments.append(time.monotonic() - began)
        if speed != "max":
            due = [moment / float(speed) for moment in DUE[:4]]
            due.append(due[-1] + 0.3)  # the gap is cut short
            assert all(moment >= least for moment, least in zip(moments, due)), (moments, due)
        status = player.wait_for("ended")
        assert status["position"] == 11 and status["viewers"] == 1 and status["session"] == 1
        assert status["speed"] == ("max" if speed == "max" else float(speed))
        client.send_frame(TEXT, message("ignored"))
        client.send_frame(BINARY_FRAME, b"ignored")
        assert player.ask(goto=11)["state"] in ("playing", "ended")
        assert frames(client, 1) == EVERYONE[-1:]  # and no error frame before it
    player.stop(signal.SIGINT)


def test_one_connections_transcript(play):
    player = play("--speed", "max", "--as", A)
    with player.raw() as client:
        assert frames(client, 6) == [
            (TEXT, b'{"n":1}'), (TEXT, b'"two"'), (TEXT, b'"for A"'), (BINARY_FRAME, b"binary"), (TEXT, b"A alone"),
            (TEXT, b"all")]
        status = player.wait_for("ended")
        assert (status["firstPosition"], status["lastPosition"]) == (3, 9)


def test_it_waits_for_the_first_viewer_and_nobody_misses_the_start(play):
    player = play("--speed", "max")
    assert player.ask()["state"] == "waiting" and player.ask()["position"] == 0
    with player.raw() as client:
        assert frames(client, 5) == EVERYONE


def test_at_once_plays_to_nobody(play):
    player = play("--speed", "max", "--at-once")
    assert player.wait_for("ended")["viewers"] == 0


def test_a_loop_begins_again(play):
    player = play("--speed", "max", "--loop")
    with player.raw() as client:
        assert frames(client, 12) == EVERYONE * 2 + EVERYONE[:2]


def test_it_is_paused_moved_and_sped_up(play):
    player = play("--speed", "0.001")
    with player.raw() as client:
        player.wait_for("playing")
        status = player.ask(paused=True)
        assert status["paused"] is True and status["state"] == "paused"
        assert player.ask(speed="max", goto="7")["state"] == "paused"
        assert player.ask(paused=False)["paused"] is False
        assert frames(client, 3) == EVERYONE[2:]
        player.wait_for("ended")
        assert player.ask(paused=True, speed=0.001, goto=f"{A}:open")["state"] == "paused"
        assert player.ask()["position"] == 1
        player.ask(speed="max")
        player.ask(paused=False)
        assert frames(client, 5) == EVERYONE


def test_two_viewers_share_the_live_path(play):
    player = play("--speed", "0.001")
    with player.raw() as one, player.raw() as two:
        assert eventually(lambda: player.ask()["viewers"] == 2, "two viewers")
        player.ask(speed="max")
        assert frames(one, 5) == frames(two, 5) == EVERYONE
        assert player.request("POST", "/dev/@connections", "live").json["recipients"] == 2
        assert one.receive_text() == two.receive_text() == "live"


@pytest.mark.parametrize("body, words", [
    ('{"goto":"99"}', "after the end"), ('{"goto":"nowhere"}', "not a place"), ('{"speed":0}', "above 0"),
    ('{"speed":"fast"}', "above 0"), ('{"paused":1}', "true or false"), ('{"stop":true}', "stop"), ("[]", "object"),
    ("", "object")])
def test_a_command_that_is_none_changes_nothing(play, body, words):
    player = play()
    before = player.ask()
    reply = player.request("POST", "/dev/@replay", body)
    assert reply.status == 400 and words in reply.json["message"]
    assert player.ask() == before
    assert player.request("DELETE", "/dev/@replay").status == 405


def test_a_server_that_plays_nothing_has_no_such_path(server):
    assert server.request("GET", "/dev/@replay").status == 403


def test_nothing_is_left_behind_and_the_recording_is_not_touched(play, recording, folder):
    before = (recording.data / "data.mdb").read_bytes()
    player = play("--speed", "max")
    with player.raw() as client:
        assert frames(client, 5) == EVERYONE
        assert any(path.name.startswith("reprise-") for path in folder.iterdir())
        player.stop(signal.SIGINT)
        assert client.receive_close()[0] == 1001
    assert not any(path.name.startswith("reprise-") for path in folder.iterdir())
    assert (recording.data / "data.mdb").read_bytes() == before


@pytest.mark.parametrize("flags, code", [
    (["--serve", "--as", "AAAAAAAAAAAAAAM="], 1), (["--serve", "--as", "x"], 64), (["--serve", "--session", "all"], 64),
    (["--loop"], 64), (["--serve", "--max-wait", "long"], 64), (["--serve", "--stage", "health"], 64),
    (["--serve", "--session", "9"], 1)])
def test_what_cannot_be_played(recording, flags, code):
    done = run("replay", "--data", recording.data, "--port", "0", *flags, timeout=DEADLINE)
    assert done.returncode == code and done.stderr.count("\n") == 1, done.stderr
