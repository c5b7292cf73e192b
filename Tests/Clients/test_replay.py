"""Replay, export and import: the same digests everywhere, and by anyone."""

import json
import subprocess

import pytest

from reprise import BINARY, CLOSE, TEXT, Log, close_payload, message, run

FIELDS = {
    "session", "firstPosition", "lastPosition", "events", "connects", "disconnects", "messages", "deliveries", "digest",
    "memberSet", "checkpointsVerified", "divergence", "seconds", "eventsPerSecond"}


@pytest.fixture(scope="module")
def recording(serve_once):
    """A log of two sessions with every kind of event that clients can cause."""
    for session in range(2):
        server = serve_once("--route", "onMessage=broadcast:data", "--route", "say=echo:data", "--loops", str(1 + session),
            "--durability", "never", "--close-timeout", "100ms")
        with server.raw() as one, server.raw() as two:
            first, second = server.wait_for_connections(2)
            for number in range(600):
                one.send_frame(TEXT, message({"n": number, "text": "ä😀"}))
            for _ in range(600):
                one.receive_text(), two.receive_text()
            two.send_frame(TEXT, message("mine", action="say"))
            two.send_frame(TEXT, "nonsense")
            two.send_frame(TEXT, '{"action":"onMessage"}')
            for _ in range(3):
                two.receive_text()
            server.request("POST", f"/dev/@connections/{first}", b"to one \xff")
            server.request("POST", "/dev/@connections", b"x" * 40_000)
            assert one.receive_text() == "to one �"
            one.receive_text(), two.receive_text()
            two.send_frame(CLOSE, close_payload(4001, "bye"))
            two.receive_close()
            server.log.disconnected(second)
            for number in range(600):
                one.send_frame(TEXT, message(number))
            for number in range(600):
                assert one.receive_text() == str(number)
            server.stop()
    return server.log


def reports(log, *flags):
    done = log.replay(*flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_replay_says_what_the_issue_asks_for(recording):
    (latest,) = reports(recording)
    assert FIELDS <= set(latest)
    assert latest["session"] == 2 and latest["divergence"] is None
    assert (latest["connects"], latest["disconnects"], latest["messages"]) == (2, 2, 1203)
    assert latest["deliveries"] == 600 * 2 + 3 + 1 + 2 + 600
    assert latest["checkpointsVerified"] >= 2
    assert latest["memberSet"] == "0" * 16 and len(latest["digest"]) == 16
    assert latest["seconds"] > 0 and latest["eventsPerSecond"] > 0
    assert latest["lastPosition"] - latest["firstPosition"] + 1 == latest["events"]
    assert reports(recording, "--session", "latest")[0]["digest"] == latest["digest"]
    assert reports(recording, "--session", "2")[0]["digest"] == latest["digest"]
    assert [r["session"] for r in reports(recording, "--session", "all")] == [1, 2]


def test_an_independent_computation_agrees(recording):
    found = reports(recording, "--session", "all")
    expected = recording.recompute()
    assert [{key: report[key] for key in expected[0]} for report in found] == expected


def test_export_and_import_give_the_same_digests(recording, folder):
    exported = run("log", "export", "--data", recording.data)
    assert exported.returncode == 0, exported.stderr
    imported = run("log", "import", "--data", folder / "copy", input=exported.stdout)
    assert imported.returncode == 0, imported.stderr
    copy = Log(folder / "copy")
    copy.assert_sound()
    timing = {"seconds", "eventsPerSecond", "checkpointsVerified"}
    strip = lambda all: [{k: v for k, v in report.items() if k not in timing} for report in all]  # noqa: E731
    assert strip(reports(copy, "--session", "all")) == strip(reports(recording, "--session", "all"))
    assert copy.export() == recording.export()


def test_export_and_import_work_in_a_pipe(recording, folder):
    with subprocess.Popen([BINARY, "log", "export", "--data", recording.data], stdout=subprocess.PIPE) as export:
        subprocess.run([BINARY, "log", "import", "--data", folder / "copy"], stdin=export.stdout, check=True,
                       capture_output=True, timeout=60)
    assert Log(folder / "copy").export() == recording.export()


def test_a_server_goes_on_with_an_imported_log(recording, serve, folder):
    exported = run("log", "export", "--data", recording.data)
    assert run("log", "import", "--data", folder / "copy", input=exported.stdout).returncode == 0
    server = serve(data=folder / "copy")
    assert server.announcement["closedConnections"] == 0
    assert server.announcement["firstPosition"] == len(exported.stdout.splitlines()) + 1
    server.stop()
    assert len(server.log.assert_sound()) == 3


@pytest.mark.parametrize("change, line", [
    ("drop", 5), ("swap", 9), ("garbage", 3), ("duplicate", 7)])
def test_an_import_of_changed_lines_is_refused_and_leaves_no_log(recording, folder, change, line):
    lines = run("log", "export", "--data", recording.data).stdout.splitlines()
    if change == "drop":
        del lines[line - 1]
    elif change == "swap":
        lines[line - 1], lines[line] = lines[line], lines[line - 1]
    elif change == "garbage":
        lines[line - 1] = "{"
    else:
        lines.insert(line, lines[line - 1])
    done = run("log", "import", "--data", folder / "copy", input="\n".join(lines) + "\n")
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "copy" / "data.mdb").exists()


def test_a_log_is_never_imported_over_another(recording):
    done = run("log", "import", "--data", recording.data, input="")
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
    recording.assert_sound()


def test_places_narrow_what_is_shown(recording):
    events = recording.export()
    assert run("log", "export", "--data", recording.data, "--from", "10", "--to", "12").stdout.count("\n") == 3
    shown = run("log", "show", "--data", recording.data, "--from", "end-2", "--json")
    assert [json.loads(line)["position"] for line in shown.stdout.splitlines()] == [e["position"] for e in events[-3:]]
    second = next(e["position"] for e in events if e["event"] == "sessionStarted" and e["session"] == 2)
    (first,) = recording.export("--from", "session:2", "--to", "session:2")[:1]
    assert first["position"] == second
    connection = next(e for e in events if e["event"] == "connected")["connectionId"]
    (opened,) = recording.export("--from", f"{connection}:open", "--to", f"{connection}:open")
    assert (opened["event"], opened["connectionId"]) == ("connected", connection)
