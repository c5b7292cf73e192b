"""Taking care of the log: trims, backups, and what a server keeps by itself."""

import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from reprise import BINARY, TEXT, Log, environment, eventually, message, run


def trim(place, data, *flags):
    return run("log", "trim", "--before", place, "--data", data, "--json", *flags)


def backup(target, data, *flags):
    return run("log", "backup", target, "--data", data, "--json", *flags)


def assert_holds(log):
    """`verify` and every replay find nothing; returns the replays by session."""
    verified = log.verify()
    assert verified.returncode == 0, verified.stdout + verified.stderr
    replayed = log.replay("--session", "all")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    return {report["session"]: report for report in map(json.loads, replayed.stdout.splitlines())}


def chatter(server, client, count, size=40):
    """Sends messages and waits until the last has come back."""
    for number in range(count):
        client.send_frame(TEXT, message(f"{number:08}" + "x" * size))
        client.receive_text()


class Load:
    """A client that sends as fast as it is answered, from a thread of its own, until the block ends."""

    def __init__(self, server, size=200):
        self.server, self.size, self.count = server, size, 0
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            client = self.server.raw()
            while not self.stopping.is_set():
                window = 64
                for _ in range(window):
                    client.send_frame(TEXT, message("x" * self.size))
                for _ in range(window):
                    client.receive_text()
                self.count += window
            client.close()
        except Exception as failure:  # shown by the test
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        if self.failure:
            raise self.failure


@pytest.fixture
def recording(serve, folder):
    """Two sessions, the second of which crashed with a client connected."""
    for end in ("stop", "kill"):
        server = serve()
        client = server.raw()
        other = server.raw()
        chatter(server, client, 60)
        other.close()
        server.log.disconnected(count=1 if end == "stop" else 3)
        chatter(server, client, 60)
        getattr(server, end)()
    return Log(folder / "data")


def test_a_trimmed_log_holds_and_serves_on(recording, serve):
    second = json.loads(run("log", "sessions", "--data", recording.data, "--json").stdout.splitlines()[1])
    before = [json.loads(line) for line in recording.replay("--session", "all").stdout.splitlines()]
    cut = second["firstPosition"] + 40
    done = trim(cut, recording.data)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["firstPosition"], report["events"], report["sessions"]) == (cut, cut - 1, 1)
    assert report["connections"] == 2
    assert json.loads(trim(cut, recording.data).stdout)["events"] == 0
    assert [event["position"] for event in recording.export()][0] == cut

    after = assert_holds(recording)
    assert list(after) == [2]
    for key in ("digest", "memberSet", "lastPosition"):
        assert after[2][key] == before[1][key]
    assert (after[2]["firstPosition"], after[2]["trimmedEvents"]) == (cut, 40)
    listed = run("log", "sessions", "--data", recording.data, "--json")
    assert json.loads(listed.stdout)["trimmedThrough"] == cut - 1
    refused = run("log", "show", "--from", "session:2", "--data", recording.data)
    assert refused.returncode == 1 and f"the log begins at position {cut}" in refused.stderr

    server = serve()
    assert server.announcement["closedConnections"] == 1
    chatter(server, server.raw(), 5)
    server.stop()
    assert list(assert_holds(recording)) == [2, 3]


def test_a_trim_is_refused_beside_a_server_and_for_places_that_are_not_there(recording, serve):
    missing = trim("1", recording.data / "none")
    assert missing.returncode == 1 and "there is no log" in missing.stderr
    assert not (recording.data / "none").exists()
    assert trim("999999", recording.data).returncode == 1
    assert trim("nonsense", recording.data).returncode == 64
    serve()
    beside = trim("5", recording.data)
    assert beside.returncode == 1
    assert "--retain-bytes" in beside.stderr and len(beside.stderr.splitlines()) == 1


def test_a_trim_that_is_killed_leaves_a_log_that_holds(recording):
    """Every step is a transaction; killing the process between or in them is what a crash is."""
    for place in (40, 90, 150):
        process = subprocess.Popen(
            [BINARY, "log", "trim", "--before", str(place), "--data", str(recording.data)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        eventually(lambda: process.poll() is not None or (recording.data / "serve.lock").exists(), "the trim began")
        process.kill()
        process.communicate()
        assert_holds(recording)
    done = trim(150, recording.data)
    assert done.returncode == 0 and json.loads(done.stdout)["firstPosition"] == 150
    assert_holds(recording)


def test_a_backup_of_a_busy_server_is_a_log(serve, folder):
    server = serve()
    with Load(server) as load:
        eventually(lambda: load.count > 500 or load.failure, "load")
        reports = []
        for number in range(3):
            done = backup(folder / f"copy-{number}", server.data)
            assert done.returncode == 0, done.stderr
            reports.append(json.loads(done.stdout))
        before = load.count
        eventually(lambda: load.count > before or load.failure, "the server goes on")
    server.stop()
    whole = {event["position"]: event for event in server.log.export()}
    for number, report in enumerate(reports):
        copy = Log(folder / f"copy-{number}")
        assert 0 < report["lastPosition"] <= max(whole)
        assert copy.export() == [whole[position] for position in range(1, report["lastPosition"] + 1)]
        replayed = assert_holds(copy)
        assert replayed[1]["digest"] == report["digest"]
        reference = json.loads(server.log.replay("--session", "1", "--to", report["lastPosition"]).stdout)
        assert reference["digest"] == report["digest"]
    assert reports[0]["lastPosition"] < reports[2]["lastPosition"]

    again = backup(folder / "copy-0", server.data)
    assert again.returncode == 1 and "exists already" in again.stderr

    taken = serve(data=folder / "copy-2")
    assert taken.announcement["firstPosition"] > reports[2]["lastPosition"]
    chatter(taken, taken.raw(), 3)
    taken.stop()
    assert list(assert_holds(Log(folder / "copy-2"))) == [1, 2]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_retain_bytes_bounds_the_log_of_a_busy_server(serve, folder, end):
    bound = 2 << 20
    server = serve("--retain-bytes", "2MiB", "--log-bytes", "256MiB")
    early = server.raw()  # its connect is trimmed away while it is live
    name = server.wait_for_connections(1)[0]
    stop_reading = threading.Event()
    drained = threading.Thread(target=lambda: drain(early, stop_reading))
    drained.start()
    with Load(server, size=1000) as load:
        first = eventually(
            lambda: (position := server.health().json["retention"]["firstPosition"]) > 10_000 and position or load.failure,
            "old events are trimmed away", deadline=60)
        assert isinstance(first, int)
        described = server.request("GET", f"/{server.stage}/@connections/{name}")
        assert described.status == 200 and described.json["identity"]["sourceIp"] == "127.0.0.1"
        copied = backup(folder / "copy", server.data)
        assert copied.returncode == 0, copied.stderr
    stop_reading.set()
    getattr(server, end)()
    drained.join()
    assert_holds(Log(folder / "copy"))
    report = assert_holds(server.log)[1]
    assert report["firstPosition"] > 10_000
    size = json.loads(trim("start", server.data).stdout)["fileBytes"]
    assert size < 3 * bound, "freed pages are used again"

    server = serve("--retain-bytes", "2MiB", "--log-bytes", "256MiB")
    if end == "kill":
        assert server.announcement["closedConnections"] >= 1
        closed = {event["connectionId"] for event in server.log.events("disconnected")}
        assert name in closed
    server.stop()
    assert_holds(server.log)


def drain(client, stopping):
    """Reads until told otherwise, or the server goes away."""
    try:
        while not stopping.is_set():
            client.receive_text()
    except Exception:
        pass


def test_retain_age_removes_what_is_older(serve):
    server = serve("--retain-age", "1s")
    client = server.raw()
    chatter(server, client, 30)
    eventually(lambda: server.health().json["retention"]["firstPosition"] > 25, "old events are trimmed away")
    chatter(server, client, 1)
    client.close()
    server.log.disconnected()
    server.stop()
    assert_holds(server.log)


def test_retain_age_removes_what_is_older_while_nothing_happens(serve):
    server = serve()
    with server.raw() as client:
        chatter(server, client, 30)
    server.log.disconnected()
    server.stop()
    server = serve("--retain-age", "1s")
    eventually(lambda: server.health().json["retention"]["firstPosition"] > 25, "old events are trimmed away")
    server.stop()
    assert_holds(server.log)


def test_settings(serve):
    def printed(*flags):
        done = run("serve", "--print-config", *flags)
        return done.returncode, done.stdout + done.stderr

    assert "retainBytes: half\nretainAge: 0\n" in printed()[1]
    for text in ("off", "0"):
        assert "retainBytes: 0\nretainAge: 0\n" in printed("--retain-bytes", text)[1]
    assert "retainBytes: half\n" in printed("--retain-bytes", "half")[1]
    text = printed("--retain-bytes", "10GiB", "--retain-age", "7d")[1]
    assert f"retainBytes: {10 << 30}\nretainAge: {7 * 86400}\n" in text
    for flags in (["--retain-bytes", "1000GiB"], ["--retain-bytes", "5"], ["--retain-bytes", "most"], ["--retain-age", "0.1"]):
        code, text = printed(*flags)
        assert code == 64 and flags[0] in text, text


def flood(server, messages, size=30_000, window=40):
    """Sends as much as a stranger may; returns the first answer that is another than what was sent."""
    with server.raw() as client:
        for first in range(0, messages, window):
            texts = [f"{number:08}" + "x" * size for number in range(first, first + window)]
            for text in texts:
                client.send_frame(TEXT, message(text))
            answers = [client.receive_text() for _ in texts]
            for text, answer in zip(texts, answers):
                if answer != f'"{text}"':
                    return answer
    return None


SMALL = (
    "--max-connections", "50", "--log-bytes", "64MiB", "--durability", "never", "--route", "onMessage=echo:data")


def test_one_client_does_not_fill_the_log_for_all(serve):
    server = serve(*SMALL)
    assert server.announcement["retainBytes"] == 32 << 20
    assert server.health().json["retention"] == {"firstPosition": 1}
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda _: flood(server, 1200), range(4))) == [None] * 4
    assert server.health().status == 200
    assert server.health().json["retention"]["firstPosition"] > 1000
    with server.raw():
        server.stop()
    assert_holds(server.log)
    assert (server.data / "data.mdb").stat().st_blocks * 512 < 64 << 20


def test_a_server_that_keeps_all_is_full_one_day(serve):
    server = serve(*SMALL, "--retain-bytes", "off")
    assert server.announcement["retainBytes"] == 0
    assert "Internal server error" in flood(server, 3000)
    assert server.health().status == 503 and "retention" not in server.health().json
    server.stop()
    assert server.log.export()[0]["position"] == 1


def test_a_log_that_is_larger_than_what_is_kept_is_named_before_it_is_trimmed(serve):
    server = serve("--retain-bytes", "off", "--durability", "never")
    assert flood(server, 1400) is None
    server.stop()
    server = serve(*SMALL)  # as after an upgrade: what was recorded when all was kept is not deleted unasked
    assert "all of it is kept" in server.stderr and "--retain-bytes" in server.stderr
    assert server.announcement["retainBytes"] == 0
    server.stop()
    assert server.log.export()[0]["position"] == 1
    server = serve(*SMALL, "--retain-bytes", "16MiB")
    assert "oldest events are trimmed away" in server.stderr and "--retain-bytes 0" in server.stderr
    eventually(lambda: server.health().json["retention"]["firstPosition"] > 1, "it is trimmed")
    server.stop()
    assert_holds(server.log)
    server = serve("--durability", "never")
    assert server.stderr == ""


def test_the_ready_line_says_that_old_events_are_trimmed(folder):
    with subprocess.Popen(
        [BINARY, "serve", "--port", "0", "--data", str(folder / "data")], stdout=subprocess.PIPE, text=True,
        env=environment()) as process:
        line = process.stdout.readline()
        process.terminate()
        assert process.wait(15) == 0
    assert line.endswith("; keeps 32 GiB of events, --retain-bytes 0 all\n")


def test_a_consumer_that_was_trimmed_past_ends_as_slow_and_truthfully(serve):
    """Under `catchUp` a client that reads nothing needs the log; what it needs is trimmed away."""
    server = serve("--slow-consumer", "catchUp", "--ring-bytes", "128KiB", "--retain-bytes", "1MiB")
    stalled = server.raw(receive_buffer=4096)
    name = server.wait_for_connections(1)[0]
    with Load(server, size=4000) as load:
        eventually(
            lambda: server.health().json["retention"]["firstPosition"] > 6000 or load.failure,
            "what the stalled client has still to get is trimmed away", deadline=60)
    stalled.discard_until_end()
    (closed,) = server.log.disconnected(name)
    assert closed["cause"] == "slowConsumer"
    first = server.health().json["retention"]["firstPosition"]
    assert 0 < closed["deliveredThrough"] < first
    server.stop()
    assert_holds(server.log)
