"""`log transcript` and `log explain`: against what clients wrote down, and their lines, places and errors."""

import json
import pathlib
import signal
import subprocess
import sys

import pytest

from record_checks import Checks, Record
from reprise import BINARY, CLOSE, DEADLINE, TEXT, close_payload, environment, eventually, frame, message, run, run_script


def test_what_clients_wrote_down_is_what_the_log_says(folder):
    """The short form of acceptance case 1: see recorders.py, which is run for a minute there."""
    script = pathlib.Path(__file__).with_name("recorders.py")
    done = run_script(
        sys.executable, script, "--seconds", "6", "--stretches", "2", "--clients", "8", "--rate", "400", "--seed", "7",
        "--keep", folder / "records", timeout=110)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_checks_can_fail(folder / "records")


def assert_checks_can_fail(records):
    """Two messages swapped in a record are found: the checks do look."""
    path = max((p for p in records.glob("s?-*")), key=lambda p: len(Record(p).messages))
    lines = path.read_text().splitlines(keepends=True)
    first, second = [n for n, line in enumerate(lines) if line.startswith('["in"')][1:3]
    assert lines[first] != lines[second]
    lines[first], lines[second] = lines[second], lines[first]
    path.write_text("".join(lines))
    checks = Checks(records / "data", records)
    checks.run(only=path.name)
    assert len(checks.failures) == 1 and "message 1 of" in checks.failures[0], checks.failures


def explain(server, connection, place):
    done = run("log", "explain", connection, place, "--data", server.data, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def transcript(server, connection, *flags):
    done = run("log", "transcript", connection, "--data", server.data, "--json", *flags)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def told(serve_once):
    """A small session: `first` speaks, `second` joins later and leaves, a post goes to one; then the server stops."""
    server = serve_once("--close-timeout", "300ms")
    first = server.raw()
    first.send_frame(TEXT, message("alone"))
    assert first.receive_text() == '"alone"'
    second = server.raw()
    first.send_frame(TEXT, message("both \u202e\n\x1b[31m"))
    assert first.receive_text() == second.receive_text()
    first.send_frame(TEXT, "no JSON")
    assert "Forbidden" in first.receive_text()
    ids = server.connection_ids()
    assert server.request("POST", f"/dev/@connections/{ids[1]}", "for the second").status == 200
    assert second.receive_text() == "for the second"
    second.send_frame(CLOSE, close_payload(1000, "bye"))
    assert second.receive_close() == (1000, "bye")
    server.log.disconnected(ids[1])
    first.send_frame(TEXT, message("x" * 200))
    first.receive_text()
    server.stop()
    first.close()
    second.close()
    return server, *ids


def test_a_transcript_has_everything_in_order(told):
    server, first, second = told
    lines = transcript(server, second)
    assert [line["kind"] for line in lines] == ["opened", "out", "out", "closed"]
    opened, broadcast, post, closed = lines
    assert opened["connectionId"] == second
    assert broadcast["body"] == json.dumps("both \u202e\n\x1b[31m", ensure_ascii=False)
    assert broadcast["sender"] == first and "sender" not in post
    assert (post["body"], post["payloadBytes"], post["frameBytes"]) == ("for the second", 14, 16)
    assert broadcast["fate"] == post["fate"] == "delivered"
    assert (closed["cause"], closed["code"], closed["reason"]) == ("client", 1000, "bye")
    assert closed["deliveredThrough"] == closed["position"] - 1
    assert closed["bytesSent"] == broadcast["frameBytes"] + post["frameBytes"] + len(b"\x88\x05\x03\xe8bye")
    events = {event["position"]: event for event in server.log.export()}
    assert all(events[line["position"]]["time"] == line["time"] for line in lines)

    lines = transcript(server, first)
    assert [line["kind"] for line in lines] == ["opened"] + ["in", "out"] * 4 + ["closed"]
    assert lines[5]["refused"] == "forbidden" and "Forbidden" in lines[6]["body"]
    assert lines[1]["position"] == lines[2]["position"] and lines[1]["route"] == "onMessage"
    # A part of it.
    assert transcript(server, first, "--from", lines[3]["position"], "--to", lines[4]["position"]) == lines[3:5]


def test_lines_for_people_are_short_and_harmless(told):
    server, first, second = told
    lines = run("log", "transcript", first, server.data).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(line["position"]) for line in transcript(server, first)]
    shown = "\n".join(lines)
    assert "\\u{202e}" in shown and "\x1b" not in shown and "\u202e" not in shown
    assert "x" * 79 + "…" in shown and "x" * 80 not in shown
    whole = run("log", "transcript", first, server.data, "--whole").stdout
    assert "x" * 200 in whole
    assert "shutdown  1001" in lines[-1] and "delivered through" in lines[-1]


def test_each_message_is_explained_with_its_evidence(told):
    server, first, second = told
    sent = [line["position"] for line in transcript(server, first) if line["kind"] == "in"]
    span = transcript(server, second)[0]["position"], transcript(server, second)[-1]["position"]
    found = [explain(server, second, position) for position in sent]
    assert [answer["verdict"] for answer in found] == [
        "notYetConnected", "delivered", "notAddressed", "alreadyDisconnected"]
    assert [answer["target"] for answer in found] == ["everyone", "everyone", first, "everyone"]
    assert [answer["recipients"] for answer in found] == [1, 2, 1, 1]
    assert all((answer["opened"], answer["closed"]) == span for answer in found)
    assert all(answer["deliveredThrough"] == span[1] - 1 for answer in found)
    bulk = run("log", "explain", second, "all", "--data", server.data, "--json").stdout.splitlines()
    assert [json.loads(line)["position"] for line in bulk] == sorted(
        [*sent, *(event["position"] for event in server.log.events("sent"))])
    # An event that orders no delivery, by another kind of place.
    answer = explain(server, first, f"{second}:open")
    assert (answer["verdict"], answer["event"], answer["target"]) == ("notAddressed", "connected", None)

    lines = run("log", "explain", second, sent[0], server.data).stdout.splitlines()
    assert lines[0] == f"{sent[0]}  not yet connected: the connection was opened at position {span[0]}"
    positions = [int(line.split()[0]) for line in lines[1:]]
    assert positions == sorted(positions) == [sent[0], *span]


@pytest.mark.parametrize("arguments, code, complaint", [
    (["transcript", "short"], 64, "is no connection id"),
    (["transcript", "AAAAAAAAAAAAAAA="], 1, "knows no connection"),
    (["explain", "AAAAAAAAAAAAAAA=", "1"], 1, "knows no connection"),
    (["explain", "AAAAAAAAAAAAAAA=", "all"], 1, "knows no connection"),
    (["explain", "AAAAAAAAAAAAAAA=", "999"], 1, "after the end of the log"),
    (["explain", "AAAAAAAAAAAAAAA=", "somewhere"], 64, "is not a place"),
    (["explain", "AAAAAAAAAAAAAAA=", "1", "--from", "1"], 64, "belong to `all`"),
    (["transcript", "AAAAAAAAAAAAAAA=", "--follow", "--to", "end"], 64, "leave --to away"),
])
def test_what_cannot_be_answered_is_said_in_a_line(told, arguments, code, complaint):
    done = run("log", *arguments, "--data", told[0].data)
    assert done.returncode == code
    assert done.stdout == "" and done.stderr.count("\n") == 1 and complaint in done.stderr


def test_an_open_connection_is_open_and_what_left_is_not_known_before_a_checkpoint(serve):
    server = serve()
    with server.raw() as client:
        client.send_frame(TEXT, message("x"))
        client.receive_text()
        (connection,) = server.connection_ids()
        lines = transcript(server, connection)
        assert [line["kind"] for line in lines] == ["opened", "in", "out", "open"]
        assert lines[2]["fate"] == "unknown"
        answer = explain(server, connection, lines[2]["position"])
        assert (answer["verdict"], answer["closed"]) == ("unknown", None)
        # 1 024 events later there is a checkpoint.
        client.send(b"".join(frame(TEXT, message(number)) for number in range(1100)))
        for _ in range(1100):
            client.receive_text()
        client.send_frame(TEXT, message("the next commit writes it"))
        client.receive_text()
        answer = eventually(
            lambda: a if (a := explain(server, connection, lines[2]["position"]))["verdict"] == "delivered" else None,
            "a checkpoint that says so")
        assert answer["deliveredAtLeast"] >= lines[2]["position"] and answer["checkpoint"] > 1000


class Follower:
    """`log transcript --follow`, whose lines can be waited for."""

    def __init__(self, server, connection, folder):
        self.path = folder / "followed"
        with open(self.path, "wb") as output:
            self.process = subprocess.Popen(
                [BINARY, "log", "transcript", connection, "--data", server.data, "--follow", "--json"],
                stdout=output, stderr=subprocess.PIPE, env=environment())

    @property
    def lines(self):
        return [json.loads(line) for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wait_for(self, count):
        eventually(lambda: len(self.lines) >= count, f"{count} followed lines")

    def wait(self):
        code = self.process.wait(DEADLINE)
        self.process.stderr.close()
        return code


def test_following_goes_on_to_the_close(serve, folder):
    server = serve()
    with server.raw() as client:
        (connection,) = server.connection_ids()
        follower = Follower(server, connection, folder)
        follower.wait_for(1)
        client.send_frame(TEXT, message("x"))
        follower.wait_for(3)
        client.send_frame(CLOSE, close_payload(1000))
        client.receive_close()
        assert follower.wait() == 0
    assert [line["kind"] for line in follower.lines] == ["opened", "in", "out", "closed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_ends_cleanly_when_it_is_asked_to(serve, folder, number):
    server = serve()
    with server.raw():
        (connection,) = server.connection_ids()
        follower = Follower(server, connection, folder)
        follower.wait_for(1)
        follower.process.send_signal(number)
        assert follower.wait() == 0
    assert [line["kind"] for line in follower.lines] == ["opened", "open"]
