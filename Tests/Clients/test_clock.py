"""A clock that was ahead once: the log keeps its time, says so, and loses nothing by it."""

import datetime
import json
import subprocess
import time

import pytest

from reprise import BINARY, TEXT, Log, environment, eventually, message, run

FUTURE = "2099-01-01T00:00:00.000000000Z"


def chat(server, count):
    """Sends messages and waits until the last has come back."""
    with server.raw() as client:
        for number in range(count):
            client.send_frame(TEXT, message(number))
            client.receive_text()
    server.log.disconnected()


@pytest.fixture
def ahead(serve, folder):
    """A log of two sessions, the second of which was recorded when the clock said 2099."""
    for _ in range(2):
        server = serve(data=folder / "true")
        chat(server, 20)
        server.stop()
    events = server.log.export()
    started = [event["position"] for event in events if event["event"] == "sessionStarted"][-1]
    for event in events[started - 1:]:
        event["time"] = FUTURE
    lines = "".join(json.dumps(event) + "\n" for event in events)
    done = run("log", "import", "--data", folder / "data", input=lines)
    assert done.returncode == 0, done.stderr
    log = Log(folder / "data")
    log.before = started - 1
    return log


def lead_of(text):
    """How far a time is ahead of this machine's clock, seconds."""
    moment = datetime.datetime.fromisoformat(text[:19] + "+00:00")
    return moment.timestamp() - time.time()


def test_a_server_warns_of_a_log_that_is_ahead_and_shows_the_lead(ahead, serve):
    server = serve()
    assert "ahead of this machine's clock" in server.stderr and "log export --to @-0s" in server.stderr
    health = server.health()
    assert health.status == 200 and health.json["status"] == "ok"
    assert abs(health.json["clockLead"] - lead_of(FUTURE)) < 60
    chat(server, 3)
    assert server.health().json["clockLead"] > 10
    assert server.log.export()[-1]["time"] == FUTURE
    server.stop()
    ahead.assert_sound()


def test_a_log_of_the_right_time_has_no_lead_and_no_warning(serve):
    server = serve()
    chat(server, 3)
    assert server.health().json["clockLead"] == 0 and server.stderr == ""
    stats = run("log", "stats", "--data", server.data, "--json")
    assert json.loads(stats.stdout)["clockLead"] == 0
    assert "ahead" not in run("log", "stats", "--data", server.data).stdout


def test_stats_show_the_lead(ahead):
    shown = json.loads(run("log", "stats", "--data", ahead.data, "--json").stdout)
    assert abs(shown["clockLead"] - lead_of(FUTURE)) < 60
    (line,) = [line for line in run("log", "stats", "--data", ahead.data).stdout.splitlines() if "ahead" in line]
    assert line.endswith(" s ahead of this machine's clock")


def test_stats_of_an_empty_log_have_no_lead(folder):
    assert run("log", "import", "--data", folder / "empty", input="").returncode == 0
    stats = run("log", "stats", "--data", folder / "empty", "--json")
    assert json.loads(stats.stdout)["clockLead"] is None


def test_what_was_recorded_before_the_jump_goes_on_in_a_new_folder(ahead, serve, folder):
    """The remedy that the warning names, as it names it."""
    export = subprocess.run(
        [BINARY, "log", "export", "--data", ahead.data, "--to", "@-0s"], env=environment(), capture_output=True, text=True)
    assert export.returncode == 0, export.stderr
    done = run("log", "import", "--data", folder / "new", input=export.stdout)
    assert done.returncode == 0, done.stderr
    server = serve(data=folder / "new")
    assert server.announcement["firstPosition"] == ahead.before + 1
    assert server.health().json["clockLead"] == 0 and server.stderr == ""
    chat(server, 3)
    server.stop()
    server.log.assert_sound()


def test_retention_by_age_goes_on_behind_a_clock_that_was_ahead(ahead, serve):
    """What the wrong clock stamped is trimmed away, too, once this server has seen it for so long."""
    end = ahead.export()[-1]["position"]
    server = serve("--retain-age", "1s")
    eventually(lambda: server.health().json["retention"]["firstPosition"] > end, "events of 2099 are trimmed away")
    chat(server, 3)
    server.stop()
    verified = server.log.verify()
    assert verified.returncode == 0, verified.stderr
    assert server.log.replay("--session", "all").returncode == 0
