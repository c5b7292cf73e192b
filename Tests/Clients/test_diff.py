"""Two logs, two configurations, two builds: where they part, on the command line. The recordings are real ones, of
Tests/Recordings."""

import json
import pathlib
import re

import pytest

from reprise import BINARY, Log, message, run

RECORDINGS = pathlib.Path(__file__).parents[1] / "Recordings"


@pytest.fixture
def load(folder):
    """Imports a recording."""
    def load(name):
        done = run("log", "import", folder / name, "--input", RECORDINGS / f"{name}.jsonl")
        assert done.returncode == 0, done.stderr
        return Log(folder / name)
    return load


@pytest.fixture
def write(folder):
    """Writes a file, and an executable one where it is a script."""
    def write(name, text):
        path = folder / name
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)
        return path
    return write


def lines(name):
    return (RECORDINGS / f"{name}.jsonl").read_text().rstrip("\n").split("\n")


def diff(*arguments, code, input=None):
    """The comparison as JSON; its lines for people must begin with the same position."""
    human = run("log", "diff", *arguments, input=input)
    assert human.returncode == code, human.stdout + human.stderr
    assert all(re.match(r"\d+  ", line) for line in human.stdout.splitlines())
    done = run("log", "diff", *arguments, "--json", input=input)
    assert done.returncode == code
    found = json.loads(done.stdout)
    if code == 2:
        assert human.stdout.startswith(f"{found['first']['position']}  FIRST DIFFERENCE")
    return found


# Two logs


def test_a_log_does_not_differ_from_its_export(load):
    log = load("churn")
    text = run("log", "export", log.data).stdout
    assert diff(log.data, "-", code=0, input=text)["first"] is None
    found = diff(log.data, RECORDINGS / "churn.jsonl", "--times", code=0)
    assert found["a"] == found["b"] and found["a"]["events"] == len(text.splitlines())
    assert found["a"]["byKind"]["connected"] == 16


def test_a_changed_byte_a_swapped_pair_and_a_removed_close_are_named(load, write):
    """The issue's third acceptance case."""
    log = load("churn")
    original = lines("churn")
    events = [json.loads(line) for line in original]
    number = next(n for n, e in enumerate(events) if n > 20 and e["event"] == "message")
    changed = original.copy()
    changed[number] = changed[number].replace('\\"data\\":', '\\"daty\\":')
    assert changed != original
    found = diff(log.data, write("byte.jsonl", "\n".join(changed)), code=2)
    assert found["first"]["position"] == number + 1
    assert found["first"]["fields"] == ["body"] and found["first"]["a"]["body"] != found["first"]["b"]["body"]
    offset = found["first"]["bodyOffset"]
    assert (found["first"]["a"]["body"][offset], found["first"]["b"]["body"][offset]) == ("a", "y")
    assert found["eventsDiffering"] == 1 and found["deliveriesDiffering"] == 1

    swapped = original.copy()
    swapped[number], swapped[number + 1] = swapped[number + 1], swapped[number]
    assert diff(log.data, write("pair.jsonl", "\n".join(swapped)), code=2)["first"]["position"] == number + 1

    close = next(n for n, e in enumerate(events) if n > 20 and e["event"] == "disconnected")
    found = diff(log.data, write("close.jsonl", "\n".join(original[:close] + original[close + 1:])), code=2)
    assert found["first"]["position"] == close + 1
    assert found["first"]["a"]["event"] == "disconnected" and found["first"]["b"] is None
    assert found["eventsOnlyA"] == 1 and found["eventsDiffering"] == 0
    assert found["b"]["recipients"] > found["a"]["recipients"] and found["deliveriesDiffering"] > 0


def test_a_changed_byte_is_named_between_two_folders(load, folder, write):
    log = load("broadcast")
    changed = "\n".join(lines("broadcast")).replace("without three", "without thref")
    done = run("log", "import", folder / "other", input=changed + "\n")
    assert done.returncode == 0, done.stderr
    found = diff(log.data, folder / "other", code=2)
    assert found["first"]["fields"] == ["body"] and found["first"]["deliveryA"] != found["first"]["deliveryB"]


def test_times_differ_when_they_are_asked_for(load, write):
    log = load("nobody")
    later = write("later.jsonl", "\n".join(line.replace('"time":"2026', '"time":"2027') for line in lines("nobody")))
    diff(log.data, later, code=0)
    assert diff(log.data, later, "--times", code=2)["first"]["fields"] == ["time"]


@pytest.mark.parametrize("arguments, code, words", [
    (["nowhere", "nowhere"], 1, "nowhere"), (["one"], 64, "two logs"), (["-", "-"], 64, "standard input"),
    (["a", "b", "--config", "x"], 64, "--config"), (["a", "b", "--config", "x", "--config", "y"], 64, "one log")])
def test_what_cannot_be_compared_is_said(folder, arguments, code, words):
    done = run("log", "diff", *arguments, cwd=folder)
    assert done.returncode == code and words in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_line_that_is_no_event_is_named(load, write):
    log = load("nobody")
    done = run("log", "diff", log.data, write("bad.jsonl", lines("nobody")[0] + "\n{}\n"))
    assert done.returncode == 1 and "bad.jsonl:2: " in done.stderr


# What if


def test_another_configuration_is_compared_with_what_was_recorded(load, write):
    log = load("routes")
    same = "routes: [b=broadcast, bm=broadcast:message, e=echo, ed=echo:data, a=b=broadcast:data]\n"
    done = log.replay("--config", write("same.yaml", same))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["differing"] == 0
    other = write("other.yaml", same.replace("b=broadcast,", "b=echo:data,"))
    done = log.replay("--config", other)
    assert done.returncode == 2, done.stderr
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    first = found["first"]
    assert first["event"]["position"] == first["position"] and first["event"]["route"] == "b"
    assert (first["left"]["delivery"]["recipients"], first["right"]["delivery"]["recipients"]) == (2, 1)
    assert found["recipientsFewer"] == found["recipientsLeft"] - found["recipientsRight"] > 0
    human = run("replay", log.data, "--config", other)
    assert human.returncode == 2 and all(re.match(r"\d+  ", line) for line in human.stdout.splitlines())
    # An environment variable that `serve` would read has no part in it.
    quiet = run("replay", log.data, "--config", write("same.yaml", same), env={"REPRISE_SEND_FRAME_BYTES": "1"})
    assert quiet.returncode == 0


def test_limits_of_the_other_configuration_count(load, write):
    large = load("large-frames")
    done = large.replay("--config", write("limit.yaml", "messageBytes: 33000\nsendFrameBytes: 10000\n"))
    found = json.loads(done.stdout)
    assert done.returncode == 2 and found["closing"] == 1 and found["otherFrames"] == 2
    assert found["first"]["right"]["frames"] == 4
    binary = load("binary").replay("--config", write("text.yaml", "routes: [onMessage=broadcast, $default=broadcast:message]\n"))
    found = json.loads(binary.stdout)
    assert binary.returncode == 2 and found["closing"] == 2 and found["first"]["right"]["closes"] == 1003


def test_one_log_is_compared_under_two_configurations(load, write):
    log = load("sessions")
    one, two = write("one.yaml", "routes: [onMessage=echo]\n"), write("two.yaml", "routes: [onMessage=echo:data]\n")
    assert run("log", "diff", log.data, "--config", one, "--config", one).returncode == 0
    done = run("log", "diff", log.data, "--config", one, "--config", two, "--json")
    assert done.returncode == 2
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [session["otherPayload"] for session in found] == [2, 2, 2, 0, 2]
    assert all(session["recipientsLeft"] == session["recipientsRight"] for session in found)


def test_a_configuration_that_cannot_be_read_is_said(load, write):
    log = load("nobody")
    assert log.replay("--config", "nowhere.yaml").returncode == 64
    assert log.replay("--config", write("bad.yaml", "route: x\n")).returncode == 64
    assert log.replay("--config", write("a.yaml", ""), "--trace").returncode == 64


@pytest.mark.parametrize("text, words", [
    ("messageBytes: [1]\n", ":1: messageBytes must be "), ("port: 1\nroutes: a=echo\n", ":2: routes must be a list"),
    ("routes:\n  - a: echo\n", ":2: an item of routes must be "), ("routes:\n", ":1: routes has no value"),
    ("routes: [a=echo]\nroutes: [b=echo]\n", ":1: `routes` is given more than once"),
    ("allowBinary: true\n---\nallowBinary: false\n", ":2: expected a single document")])
def test_a_value_that_no_setting_takes_is_said_as_by_serve(load, write, text, words):
    log, bad = load("nobody"), write("bad.yaml", text)
    for done in (log.replay("--config", bad), run("log", "diff", log.data, "--config", write("good.yaml", ""), "--config", bad)):
        assert done.returncode == 64 and "bad.yaml" + words in done.stderr and done.stderr.count("\n") == 1, done.stderr


# Builds


def test_what_was_expected_is_compared_event_by_event(load, folder):
    log = load("json-numbers")
    done = log.replay("--session", "all", "--expect", RECORDINGS / "json-numbers.trace")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = folder / "trace"
    assert log.replay("--session", "all", "--write-expect", expected).returncode == 0
    assert expected.read_text() == (RECORDINGS / "json-numbers.trace").read_text()
    assert log.replay("--session", "all", "--trace").stdout == expected.read_text()
    text = expected.read_text().splitlines()
    text[6] = text[6].replace('"recipients":1', '"recipients":2')
    expected.write_text("\n".join(text))
    done = log.replay("--session", "all", "--expect", expected)
    first = json.loads(done.stdout)["first"]
    assert done.returncode == 2 and (first["position"], first["line"]) == (7, 7)
    assert first["expected"] == text[6] and json.loads(first["found"])["recipients"] == 1
    for cut in (text[:6], text[:6] + ["garbage"]):
        expected.write_text("\n".join(cut))
        assert json.loads(log.replay("--session", "all", "--expect", expected).stdout)["first"]["position"] == 7
    expected.write_text((RECORDINGS / "json-numbers.trace").read_text() + "more\n")
    done = log.replay("--session", "all", "--expect", expected)
    assert done.returncode == 2 and json.loads(done.stdout)["first"]["expected"] == "more"
    assert log.replay("--expect", folder / "nothing").returncode == 1
    assert log.replay("--trace", "--from", "3").returncode == 64


def test_another_build_is_compared_event_by_event(load, write):
    log = load("sessions")
    same = log.replay("--session", "all", "--against", BINARY)
    assert same.returncode == 0, same.stderr
    assert [json.loads(line)["first"] for line in same.stdout.splitlines()] == [None] * 5
    other = write("other", f'#!/bin/sh\n"{BINARY}" "$@" | sed "s/frameBytes\\":3,/frameBytes\\":4,/"\n')
    done = log.replay("--session", "1", "--against", other)
    assert done.returncode == 2, done.stdout + done.stderr
    first = json.loads(done.stdout)["first"]
    assert first["position"] == 3
    assert first["expected"].replace('frameBytes":4', 'frameBytes":3') == first["found"]


@pytest.mark.parametrize("script, words", [
    ("#!/bin/sh\necho old help\n", "--trace"),
    ('#!/bin/sh\ncase "$*" in *--help*) echo --trace;; *) exit 3;; esac\n', "exit code 3"), (None, "cannot run")])
def test_a_build_that_cannot_be_compared_is_no_difference(load, write, script, words):
    log = load("nobody")
    path = write("build", script) if script else "/nowhere/reprise"
    done = log.replay("--against", path)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert done.stdout == ""


# Redaction


def redacted(log, *flags):
    done = run("log", "export", log.data, "--redact", *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.jsonl")))
def test_a_redacted_recording_replays_to_the_same_plan(load, folder, name):
    log = load(name)
    text = redacted(log)
    done = run("log", "import", folder / "copy", input=text)
    assert done.returncode == 0, done.stderr
    copy = Log(folder / "copy")
    copy.assert_sound()
    plan = lambda log: [  # noqa: E731
        [line.get(key) for key in ("position", "route", "refused", "recipients", "frameBytes", "deliveries")]
        for line in map(json.loads, log.replay("--session", "all", "--trace").stdout.splitlines())]
    assert plan(copy) == plan(log)
    for before, after in zip(log.export(), map(json.loads, text.rstrip("\n").split("\n")), strict=True):
        assert [before[key] for key in ("position", "time", "event")] == [after[key] for key in ("position", "time", "event")]
        for field in ("connectionId", "requestId", "messageId", "sourceIp", "host", "node"):
            assert field not in before or before[field] != after[field] and before[field] not in text
        assert "recorder" not in text and "127.0.0.1" not in text


def test_pseudonyms_agree_for_one_key_only(load):
    log = load("handshakes")
    key = "00112233445566778899aabbccddeeff"
    assert redacted(log, "--redact-key", key) == redacted(log, "--redact-key", key)
    assert redacted(log) != redacted(log)
    # A part of a session is redacted by the rules that it was recorded under.
    whole = redacted(log, "--redact-key", key).splitlines()
    assert redacted(log, "--redact-key", key, "--from", "3").splitlines() == whole[2:]
    assert run("log", "export", log.data, "--redact-key", key).returncode == 64
    assert run("log", "export", log.data, "--redact", "--redact-key", "short").returncode == 64


def test_what_people_wrote_is_not_in_a_redacted_export(serve):
    server = serve("--route", "onMessage=broadcast:data", "--redact-headers", "cookie")
    with server.raw() as client:
        for text in (message({"name": "Alice Liddell", "card": 4929123456789012, "alice@example.org": True}),
                     '{"action":"onMessage","note":"Alice Liddell"', "Alice Liddell says hello"):
            client.send_frame(1, text)
            client.receive_frame()
    server.log.disconnected()
    server.stop()
    text = redacted(server.log)
    for secret in ("Alice", "Liddell", "alice@", "example.org", "4929", "hello"):
        assert secret not in text
    assert '\\"action\\":\\"onMessage\\"' in text
