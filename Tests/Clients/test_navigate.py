"""Looking around in a recording: state at a place, what is shown, followed and counted, and replays that take their time."""

import contextlib
import datetime
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from reprise import BINARY, CLOSE, DEADLINE, TEXT, Log, RawClient, close_payload, environment, eventually, message, run


@pytest.fixture(scope="module")
def recording(serve_once):
    """Two sessions, the first of which crashed; clients come, speak, go and come."""
    server = serve_once("--route", "onMessage=broadcast:data", "--route", "say=echo:data", "--loops", "2",
                        "--durability", "never", "--close-timeout", "100ms")
    with contextlib.ExitStack() as open_clients:
        clients = []
        for number in range(5):
            client = open_clients.enter_context(server.raw())
            clients.append(client)
            server.wait_for_connections(number + 1)
        with server.raw() as named:
            ids = server.wait_for_connections(6)
            named.send_frame(CLOSE, close_payload(4001, "bye"))
            named.receive_close()
            server.log.disconnected(ids[-1])
        exchange(clients, clients[0], 40)
        clients[3].send_frame(CLOSE, close_payload(1000))
        clients[3].receive_close()
        server.log.disconnected(ids[3])
        del clients[3]
        for _ in range(2):  # two groups at least, so that a checkpoint is due before the last few events
            exchange(clients, clients[1], 700)
        clients[1].send_frame(TEXT, message("Mine ÄÖ", action="say"))
        assert clients[1].receive_text() == '"Mine ÄÖ"'
        server.request("POST", f"/dev/@connections/{ids[0]}", b"only you")
        assert clients[0].receive_text() == "only you"
        server.kill()
    server = serve_once()
    with RawAgent(server, "robot/1.0") as one:
        exchange([one.client], one.client, 30)
        server.stop()
    return server.log


class RawAgent:
    """A client that says what it is."""

    def __init__(self, server, agent):
        self.client = RawClient(server.port)
        self.client.handshake("/dev", headers={"User-Agent": agent})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()


def exchange(clients, sender, count):
    for number in range(count):
        sender.send_frame(TEXT, message({"n": number}))
    for client in clients:
        for _ in range(count):
            client.receive_text()


def on(log, *arguments, input=None, code=0):
    """Runs a `log` or `replay` command on a recording; its lines, parsed where they are JSON."""
    done = run(*arguments, "--data", log.data, input=input)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr)
    if "--json" in arguments:
        return [json.loads(line) for line in done.stdout.splitlines()]
    return done.stdout.splitlines()


def refusal(log, *arguments, code, input=None):
    done = run(*arguments, "--data", log.data, input=input)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def live_at(events, position):
    """The naive fold, from the first event on."""
    live = {}
    for event in events[:position]:
        if event["event"] == "connected":
            live[event["connectionId"]] = event
        elif event["event"] == "disconnected":
            del live[event["connectionId"]]
    return live


# State


def test_the_state_at_any_position_equals_a_fold_of_the_export(recording):
    events = recording.export()
    random.seed(7)
    positions = {1, 2, len(events), *random.sample(range(1, len(events) + 1), 25)}
    positions |= {e["position"] for e in events if e["event"] in ("disconnected", "sessionStarted", "sessionEnded")}
    for position in sorted(positions):
        (state,) = on(recording, "log", "state", "--at", position, "--json")
        live = live_at(events, position)
        assert state["position"] == position and state["time"] == events[position - 1]["time"]
        assert state["session"] == (1 if position < recording_second(events) else 2)
        assert [c["connectionId"] for c in state["connections"]] == list(live)
        for connection, event in zip(state["connections"], live.values()):
            assert connection["connectedPosition"] == event["position"]
            assert connection["connectedAt"] == event["time"]
            assert connection["sourceIp"] == "127.0.0.1"


def recording_second(events):
    return next(e["position"] for e in events if e["event"] == "sessionStarted" and e["session"] == 2)


def test_the_state_is_that_of_the_end_unless_told_otherwise(recording):
    end = len(recording.export())
    assert on(recording, "log", "state", "--json") == on(recording, "log", "state", "--at", "end", "--json")
    assert on(recording, "log", "state")[0].startswith(f"{end}  ")
    with_agent = on(recording, "log", "state", "--at", "end-5", "--json")[0]["connections"]
    assert [c["userAgent"] for c in with_agent] == ["robot/1.0"]
    (head, line) = on(recording, "log", "state", "--at", "end-5")
    assert head.endswith("session 2: 1 live connection")
    assert line.startswith(f"{with_agent[0]['connectedPosition']}  {with_agent[0]['connectionId']}  since ")
    assert line.endswith("robot/1.0")


def test_a_difference_says_who_came_and_who_went_and_how(recording):
    events = recording.export()
    a, b = 4, recording_second(events) + 1
    (change,) = on(recording, "log", "state", "--diff", a, b, "--json")
    before, after = live_at(events, a), live_at(events, b)
    assert (change["from"], change["to"]) == (a, b)
    assert [c["connectionId"] for c in change["came"]] == [c for c in after if c not in before]
    assert [c["connectionId"] for c in change["went"]] == [c for c in before if c not in after]
    closes = {e["connectionId"]: e for e in events if e["event"] == "disconnected"}
    for went in change["went"]:
        close = closes[went["connectionId"]]
        assert went["disconnectedPosition"] == close["position"] and went["disconnectedAt"] == close["time"]
        assert (went["cause"], went["code"], went["reason"]) == (close["cause"], close["code"], close["reason"])
    assert {went["cause"] for went in change["went"]} == {"crash"}
    lines = on(recording, "log", "state", "--diff", a, b)
    assert lines[0].startswith(f"{a}  ") and lines[-1].startswith(f"{b}  ")
    assert lines[-1].endswith(f"{len(change['came'])} came, {len(change['went'])} went")
    signs = [line.split("  ")[1][0] for line in lines[1:-1]]
    assert signs.count("+") == len(change["came"]) and signs.count("-") == len(change["went"])


def test_a_state_that_cannot_be_had_is_refused(recording, folder):
    assert "end" in refusal(recording, "log", "state", "--at", "999999", code=1)
    refusal(recording, "log", "state", "--at", "nowhere", code=64)
    refusal(recording, "log", "state", "--diff", "5", code=64)
    refusal(recording, "log", "state", "--diff", "5", "9", "--at", "7", code=64)
    assert "forward" in refusal(recording, "log", "state", "--diff", "9", "5", code=1)
    assert run("log", "state", "--data", folder / "none").returncode == 1


# Show


def positions(lines):
    return [int(line.split("  ")[0]) for line in lines]


def test_show_takes_conditions(recording):
    events = recording.export()
    say = [e["position"] for e in events if e.get("route") == "say"]
    assert len(say) == 1 and positions(on(recording, "log", "show", "--route", "say")) == say
    assert positions(on(recording, "log", "show", "--grep", "Mine ÄÖ")) == say
    assert positions(on(recording, "log", "show", "--grep", "mine äö")) == []
    assert positions(on(recording, "log", "show", "--grep", "mine äö", "--ignore-case")) == say
    only = [e["position"] for e in events if e["event"] == "sent"]
    assert positions(on(recording, "log", "show", "--grep", "only you")) == only
    assert positions(on(recording, "log", "show", "--grep", "only you", "--event", "message")) == []
    sevens = [e["position"] for e in events if '"n":7}' in e.get("body", "")]
    assert len(sevens) == 4
    assert positions(on(recording, "log", "show", "--grep", '"n":7}', "--route", "onMessage")) == sevens
    assert positions(on(recording, "log", "show", "--grep", '"n":7}', "--limit", 2)) == sevens[:2]
    assert positions(on(recording, "log", "show", "--route", "nothing")) == []
    refusal(recording, "log", "show", "--grep", "", code=64)
    refusal(recording, "log", "show", "--ignore-case", code=64)
    refusal(recording, "log", "show", "--follow", "--to", "9", code=64)


class Follower:
    """A command that goes on, and its lines as they come."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [BINARY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def lines(self, count):
        """The next lines; they come without the command's end."""
        return [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_show_follows_a_running_server_and_the_next_one(serve, number):
    server = serve()
    with Follower("log", "show", "--follow", "--json", "--data", server.data) as follower:
        assert [e["event"] for e in follower.lines(1)] == ["sessionStarted"]
        with server.raw() as client:
            for round in range(3):
                client.send_frame(TEXT, message(round))
                client.receive_text()
                shown = follower.lines(2 if round == 0 else 1)
                assert json.loads(shown[-1]["body"])["data"] == round
            server.stop()
        assert [e["event"] for e in follower.lines(2)] == ["disconnected", "sessionEnded"]
        server = serve()
        assert follower.lines(1)[0]["session"] == 2
        assert follower.end(number) == 0
        assert follower.process.stdout.read() == b"" and follower.process.stderr.read() == b""


def test_following_ends_at_a_limit_or_when_nobody_reads(serve):
    server = serve()
    with server.raw() as client:
        for number in range(5):
            client.send_frame(TEXT, message(number))
            client.receive_text()
        limited = run("log", "show", "--follow", "--event", "message", "--limit", 2, "--json", "--data", server.data)
        assert limited.returncode == 0 and limited.stdout.count("\n") == 2
        with Follower("log", "show", "--follow", "--from", "end", "--json", "--data", server.data) as follower:
            follower.lines(1)
            follower.process.stdout.close()
            assert follower.process.wait(DEADLINE) == 0  # while nothing is appended


# Statistics


def test_statistics_have_rates_sizes_and_the_slowest_commits(recording):
    events = recording.export()
    (stats,) = on(recording, "log", "stats", "--json")
    rates = stats["rates"]
    assert sum(rates["events"]) == len(events) and len(rates["events"]) == len(rates["messages"]) <= 60
    assert sum(rates["messages"]) == stats["events"]["message"]
    assert stats["recordBytes"] > 0 and set(stats["recipients"]) == {"min", "median", "p90", "p99", "max"}
    slowest = stats["slowestCommits"]
    assert 1 <= len(slowest) <= 5
    assert [c["nanoseconds"] for c in slowest] == sorted((c["nanoseconds"] for c in slowest), reverse=True)
    assert all(0 < c["lastPosition"] <= len(events) for c in slowest)
    lines = on(recording, "log", "stats")
    assert all(line.split("  ")[0].isdigit() for line in lines)
    charts = [line for line in lines if "▕" in line]
    assert len(charts) == 6 and all(any(block in line for block in "▁▂▃▄▅▆▇█") for line in (charts[2], charts[5]))
    assert sum("a slow commit ended here" in line for line in lines) == len(slowest)


# Replay that takes its time

TIMING = {"seconds", "eventsPerSecond"}


def without_timing(report):
    return {key: value for key, value in report.items() if key not in TIMING}


@pytest.mark.parametrize("session", [1, 2])
def test_the_report_is_the_same_at_every_speed(recording, session):
    (fastest,) = on(recording, "replay", "--session", session, "--json")
    events = [e for e in recording.export() if fastest["firstPosition"] <= e["position"] <= fastest["lastPosition"]]
    assert fastest["divergence"] is None and fastest["checkpointsVerified"] >= 1
    *paced, report = on(recording, "replay", "--session", session, "--speed", "1000", "--max-wait", "20ms", "--json")
    assert without_timing(report) == without_timing(fastest)
    *stepped, report = on(recording, "replay", "--session", session, "--speed", "step", "--json", input="n 100000\n")
    assert without_timing(report) == without_timing(fastest)
    assert paced == stepped
    extra = {"recipients", "digest", "memberSet", "liveConnections"}
    assert [{k: v for k, v in e.items() if k not in extra} for e in paced] == events
    assert paced[-1]["digest"] == fastest["digest"]
    assert sum(e["recipients"] for e in paced) == fastest["deliveries"]
    for event in paced[::97]:
        assert event["liveConnections"] == len(live_at(recording.export(), event["position"]))


def test_a_paced_replay_waits_as_long_as_was_recorded_and_no_longer_than_allowed(recording):
    lines = on(recording, "replay", "--session", 2, "--speed", "1", "--max-wait", "30ms", "--json")
    def moment(event):
        return datetime.datetime.fromisoformat(event["time"][:26]).timestamp()
    gaps = [min(0.03, moment(after) - moment(before)) for before, after in zip(lines[:-1], lines[1:-1])]
    assert lines[-1]["seconds"] >= sum(gaps) - 0.001  # the times above are cut to microseconds
    human = on(recording, "replay", "--session", 2, "--speed", "1000")
    assert human[2].startswith(f"{lines[2]['position']}  ") and human[2].endswith("  delivered to 1")


def test_all_sessions_are_paced_one_after_the_other(recording):
    lines = on(recording, "replay", "--session", "all", "--speed", "100000", "--json")
    reports = [line for line in lines if "event" not in line]
    assert reports[-1] == lines[-1] and [report["session"] for report in reports] == [1, 2]
    assert [line["position"] for line in lines if "event" in line] == list(range(1, len(recording.export()) + 1))


def test_a_signal_ends_a_paced_replay_with_a_report_of_what_was_replayed(recording):
    for number in (signal.SIGINT, signal.SIGTERM):
        arguments = ("replay", "--session", 1, "--speed", "0.0000001", "--json", "--data", recording.data)
        with Follower(*arguments) as slow:
            (event,) = slow.lines(1)
            assert event["position"] == 1
            assert slow.end(number) == 128 + number
            *_, report = map(json.loads, slow.process.stdout.read().splitlines())
            assert (report["firstPosition"], report["lastPosition"]) == (1, 1)


def test_goto_and_until_narrow_a_replay_to_the_session_that_holds_them(recording):
    second = recording_second(recording.export())
    *events, report = on(recording, "replay", "--goto", 20, "--until", 40, "--speed", "1000", "--json")
    assert report["session"] == 1 and report["lastPosition"] == 40
    assert [e["position"] for e in events] == list(range(20, 41))
    (whole,) = on(recording, "replay", "--session", 1, "--json")
    *events, report = on(recording, "replay", "--goto", second - 2, "--session", 1, "--speed", "max", "--json")
    assert events == [] and report["digest"] == whole["digest"] and report["firstPosition"] > 1000
    (until,) = on(recording, "replay", "--until", 40, "--json")
    assert until["session"] == 1 and until["digest"] == on(
        recording, "replay", "--session", 1, "--to", 40, "--json")[0]["digest"]
    assert "--session 1" in refusal(recording, "replay", "--session", 2, "--goto", 20, code=1)
    refusal(recording, "replay", "--goto", 40, "--until", 20, code=1)
    refusal(recording, "replay", "--goto", 40, "--from", 20, code=64)
    refusal(recording, "replay", "--until", 40, "--to", 20, code=64)
    refusal(recording, "replay", "--max-wait", "2s", code=64)
    refusal(recording, "replay", "--speed", "1", "--max-wait", "soon", code=64)
    refusal(recording, "replay", "--speed", "0", code=64)
    refusal(recording, "replay", "--speed", "step", "--session", "all", code=64)


def steps(log, commands, *flags):
    """Runs the step mode; the events that it showed, other objects, and the report."""
    done = run("replay", "--data", log.data, "--speed", "step", "--json", *flags, input="\n".join(commands))
    assert done.returncode == 0, done.stderr
    *lines, report = map(json.loads, done.stdout.splitlines())
    return lines, report, done.stderr.splitlines()


def test_steps_go_forward_back_and_anywhere(recording):
    lines, report, errors = steps(
        recording, ["n", "next 3", "", "b", "b 3", "g 1120", "n", "back 1000", "start", "b", "q", "n"], "--session", "1")
    assert [e["position"] for e in lines] == [1, 2, 3, 4, 5, 6, 7, 6, 3, 1120, 1121, 121, 1]
    assert len(errors) == 1 and "nothing before" in errors[0]
    assert report["lastPosition"] == 1
    # What is shown at a position does not depend on the way there.
    forward, *_ = steps(recording, ["n 2000"], "--session", "1")
    assert all(forward[e["position"] - 1] == e for e in lines)


def test_steps_find_the_next_event_of_a_connection(recording):
    events = recording.export()
    talker = next(e for e in events if e.get("route") == "say")["connectionId"]
    own = [e["position"] for e in events if e.get("connectionId") == talker or e.get("target") == talker]
    lines, _, errors = steps(recording, [f"c {talker}", "c", "c", f"{talker}:close", "c"], "--session", "1")
    assert [e["position"] for e in lines] == [*own[:3], own[-1]]
    assert errors == [f"reprise: no further event names {talker}"]
    sent = next(e for e in events if e["event"] == "sent")
    lines, _, _ = steps(recording, ["c"], "--goto", sent["position"])
    assert [e["event"] for e in lines] == ["sent", "disconnected"]
    assert lines[1]["connectionId"] == sent["target"]


def test_the_state_of_a_step_is_that_of_log_state(recording):
    lines, *_ = steps(recording, ["s", "n 9", "s", "b 4", "s", "end", "s"], "--session", "2")
    states = [line for line in lines if "connections" in line]
    assert len(states) == 3
    for state in states:
        assert on(recording, "log", "state", "--at", state["position"], "--json") == [state]


def test_wrong_commands_are_named_and_change_nothing(recording):
    wrong = ["x", "n 0", "n x", "b -1", "c abc", "c a b", "g", "g 1 2", "g x", "1", "999999", "s t u"]
    lines, report, errors = steps(recording, ["n", *wrong, "n"], "--session", "2")
    first = recording_second(recording.export())
    assert [e["position"] for e in lines if "event" in e] == [first, first + 1]
    assert len(errors) == len(wrong) and all(error.startswith("reprise: ") for error in errors)
    assert report["divergence"] is None


def test_steps_in_words_say_what_was_delivered(recording):
    sent = next(e for e in recording.export() if e["event"] == "sent")
    lines = on(recording, "replay", "--speed", "step", "--goto", sent["position"] - 2, "--until", sent["position"],
               input="n\nn\nn\nh\nq\n", code=0)
    assert re.search(r"delivered text 9 B to all 4; D [0-9a-f]{16} M [0-9a-f]{16} live 4$", lines[1])
    assert f"delivered text 8 B to {sent['target']}; D " in lines[5]
    assert any(line.startswith("n [COUNT]") for line in lines)
    assert lines[-1].startswith(f"{sent['position']}  no difference")


def test_steps_in_a_terminal_have_a_prompt(recording):
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [BINARY, "replay", "--speed", "step", "--session", "1", "--data", recording.data],
            stdin=slave, stderr=slave, stdout=subprocess.PIPE, env=environment())
        os.close(slave)
        seen = b""

        def expect(text):
            nonlocal seen
            end = time.monotonic() + DEADLINE
            while text not in seen:
                assert time.monotonic() < end, seen
                if select.select([master], [], [], 0.1)[0]:
                    seen += os.read(master, 4096)
        expect(b"(0) ")
        os.write(master, b"n 2\n")
        expect(b"(2) ")
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 128 + signal.SIGINT
        assert process.stdout.read().decode().splitlines()[-1].startswith("2  no difference")
        process.stdout.close()
    finally:
        os.close(master)


def test_a_difference_is_found_at_every_speed(recording, folder):
    lines = run("log", "export", "--data", recording.data, "--session", "1").stdout.splitlines()
    index = next(i for i, line in enumerate(lines) if '"route":"onMessage"' in line and i > 20)
    lines[index] = lines[index].replace('"route":"onMessage"', '"refused":"forbidden"')
    imported = run("log", "import", "--data", folder / "altered", input="\n".join(lines) + "\n")
    assert imported.returncode == 0, imported.stderr
    altered = Log(folder / "altered")
    for flags, input in ((), None), (("--speed", "5000"), None), (("--speed", "step"), "n 5000\nb 900\nq"):
        *_, report = on(altered, "replay", "--json", *flags, input=input, code=2)
        assert report["divergence"]["position"] == index + 1
    lines = on(altered, "replay", "--speed", "step", input=f"{index}\nn\n", code=2)
    assert lines[4].startswith(f"{index + 1}  DIFFERS: the message was recorded as refused")


def test_damage_ends_a_paced_replay_after_what_is_sound(recording, folder):
    copy = Log(folder / "damaged")
    copy.data.mkdir()
    shutil.copy(recording.data / "data.mdb", copy.data)
    content = (copy.data / "data.mdb").read_bytes()  # LMDB leaves old pages in the file: all of them are changed
    (copy.data / "data.mdb").write_bytes(content.replace(b'{"action":"say"', b'{"aktion":"say"'))
    say = next(e["position"] for e in recording.export() if e.get("route") == "say")
    for flags, input in (("--speed", "100000"), None), (("--speed", "step"), "n 5000\n"):
        done = run("replay", "--session", "1", "--json", "--data", copy.data, *flags, input=input)
        assert done.returncode == 3 and f"position {say}" in done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["position"] == say - 1


def test_state_and_following_see_what_a_running_server_does(serve):
    server = serve()
    with server.raw(), server.raw():
        first, second = server.wait_for_connections(2)
        (state,) = on(server.log, "log", "state", "--json")
        assert [c["connectionId"] for c in state["connections"]] == [first, second]
    eventually(lambda: on(server.log, "log", "state", "--json")[0]["connections"] == [], "both gone")
    (change,) = on(server.log, "log", "state", "--diff", f"{second}:open", "end", "--json")
    assert [c["connectionId"] for c in change["went"]] == [first, second]
