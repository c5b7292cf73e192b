"""`bench replay`: a session verified against the clock, and a session sent to a server again."""

import json

import pytest

from reprise import CLOSE, TEXT, close_payload, message, run


@pytest.fixture(scope="module")
def recording(serve_once):
    """A short session: two clients, one of which leaves early; every kind of answer."""
    server = serve_once("--route", "onMessage=broadcast:data", "--route", "say=echo:data", "--durability", "never")
    with server.raw() as one, server.raw() as two:
        first, second = server.wait_for_connections(2)
        for number in range(300):
            one.send_frame(TEXT, message({"n": number, "text": "ä😀"}))
        for _ in range(300):
            one.receive_text(), two.receive_text()
        two.send_frame(TEXT, message("mine", action="say"))
        two.send_frame(TEXT, "nonsense")
        two.receive_text(), two.receive_text()
        two.send_frame(CLOSE, close_payload(4001, "bye"))
        two.receive_close()
        server.log.disconnected(second)
        one.send_frame(TEXT, message("x" * 5_000))
        one.receive_text()
        server.stop()
    return server.log


def test_a_session_is_verified_and_timed(recording):
    done = run("bench", "replay", recording.data, "--runs", "3", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    replayed = json.loads(recording.replay().stdout)
    assert report["verified"] is True and report["divergedAt"] is None
    assert report["runs"] == 3 and report["seconds"] > 0 and report["eventsPerSecond"] > 0
    assert report["megabytesPerSecond"] > 0
    for field in ("session", "events", "deliveries", "digest", "checkpointsVerified"):
        assert report[field] == replayed[field]


def test_the_human_form_names_the_digest(recording):
    done = run("bench", "replay", "--data", recording.data, "--runs", "1")
    assert done.returncode == 0 and json.loads(recording.replay().stdout)["digest"] in done.stdout


def test_no_log_is_no_damage(tmp_path):
    assert run("bench", "replay", tmp_path / "none").returncode == 1


@pytest.mark.parametrize("flags", [
    ("--runs", "0"), ("--session", "all"), ("--from", "x"), ("--url", "ws://127.0.0.1:1/"),
    ("--from", "x", "--url", "ws://127.0.0.1:1/", "--speed", "fast"),
    ("--from", "x", "--url", "ws://127.0.0.1:1/", "--speed", "0x")])
def test_usage(flags):
    assert run("bench", "replay", *flags).returncode == 64


@pytest.mark.parametrize("speed", ["max", "1x"])
def test_a_session_is_played_to_a_server(recording, serve, speed):
    server = serve("--route", "onMessage=broadcast:data", "--route", "say=echo:data", "--durability", "never")
    done = run("bench", "replay", "--from", recording.data, "--speed", speed, "--url", server.url, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["connections"], report["connected"], report["connectionErrors"]) == (2, 2, 0)
    assert report["messagesOffered"] == report["messagesSent"] == 303
    assert report["unanswered"] == 0
    assert report["latency"]["count"] >= 301  # all but the refused one and, at 1x, what its sender did not wait for
    assert ("lateness" in report) == (speed == "1x")
    server.stop()
    again = json.loads(server.log.replay().stdout)
    assert (again["connects"], again["disconnects"], again["messages"]) == (2, 2, 303)
    assert again["divergence"] is None


def test_a_server_that_answers_otherwise_is_noticed(recording, serve):
    server = serve("--route", "onMessage=echo:message", "--durability", "never")
    done = run("bench", "replay", "--from", recording.data, "--speed", "max", "--url", server.url)
    assert done.returncode == 4 and "did not come back" in done.stderr


def test_nobody_there_is_an_error_of_every_connection(recording):
    done = run("bench", "replay", "--from", recording.data, "--speed", "max", "--url", "ws://127.0.0.1:1/dev")
    assert done.returncode == 4 and "connections failed" in done.stderr
