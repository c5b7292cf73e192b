"""HAR: what a browser recorded becomes a session, and a session becomes what a browser opens."""

import base64
import json
import pathlib
import random

import pytest

from reprise import BINARY_FRAME, TEXT, Log, RawClient, assert_truthful, message, run

CHAT = pathlib.Path(__file__).with_name("har") / "chat.har"  # as Chrome saves it, of a server of another kind
ROUTES = ["--route", "onMessage=broadcast:data", "--route", "say=echo:data", "--route", "quiet=record"]


def load(path):
    return json.loads(path.read_text())


def sockets(har):
    return [entry for entry in har["log"]["entries"] if "_webSocketMessages" in entry]


def seen(entry):
    """What a browser saw, without what is no message."""
    return [(m["type"], m["opcode"], m["data"], round(m["time"], 6)) for m in entry["_webSocketMessages"] if m["opcode"] > 0]


def assert_same(one, two):
    """What every browser saw is the same, message by message."""
    ours, theirs = sockets(one), sockets(two)
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs):
        for number, (mine, other) in enumerate(zip(seen(left), seen(right))):
            assert mine == other, f"message {number} of {right['startedDateTime']}"
        assert len(seen(left)) == len(seen(right))


def imported(har, folder, *flags):
    data = folder / f"data-{len(list(folder.iterdir()))}"
    done = run("log", "import", data, "--har", har, "--json", *flags)
    assert done.returncode == 0, done.stderr
    log = Log(data)
    log.assert_sound()
    assert_truthful(log.export())
    return log, json.loads(done.stdout)


def exported(log, path, *flags):
    done = run("log", "export", "--data", log.data, "--har", "-o", path, *flags)
    assert done.returncode == 0, done.stderr
    return load(path)


def test_a_browsers_recording_of_another_server(folder):
    log, report = imported(CHAT, folder)
    assert (report["connections"], report["ignored"], report["explained"]) == (1, 1, False)
    entry = sockets(load(CHAT))[0]
    opened = log.events("connected")[0]
    assert (opened["host"], opened["stage"], opened["query"]) == ("chat.example.org", "live", "token=abc&v=2")
    assert opened["subprotocol"] == "chat.v2" and opened["time"] == "2026-01-01T12:00:00.102000000Z"
    assert all(header["name"] != "Cookie" for header in opened["headers"])
    assert log.events("disconnected")[0]["time"] == "2026-01-01T12:00:09.102500000Z"
    assert [event["route"] for event in log.events("message")] == ["$default", "$default"]
    assert all(event["target"] == opened["connectionId"] for event in log.events("sent"))
    again = exported(log, folder / "again.har")
    assert [seen(e) for e in sockets(again)] == [seen(entry)]


def test_importing_twice_gives_the_same_events(folder):
    (one, _), (two, _) = imported(CHAT, folder), imported(CHAT, folder)
    assert one.export() == two.export()


class Recorded:
    """Clients of a server of ours, at random: what each sends and receives is a HAR of its own."""

    def __init__(self, server, seed):
        self.server, self.random, self.clients = server, random.Random(seed), []

    def run(self, steps):
        for _ in range(steps):
            kind = self.random.choices(["join", "leave", "send", "post"], [2, 1, 12, 2])[0]
            if kind == "join" or len(self.clients) < 2:
                client = RawClient(self.server.port)
                client.id = client.handshake("/dev?room=a%20b").headers["x-reprise-connection-id"]
                self.clients.append(client)
            elif kind == "leave":
                self.clients.pop(self.random.randrange(len(self.clients))).close()
            elif kind == "send":
                client = self.random.choice(self.clients)
                for _ in range(self.random.choice([1, 1, 8])):
                    text = self.random.choice([
                        message({"n": self.random.random()}), message([1.0, "ä😀"], "say"), "nonsense",
                        message(1, "quiet"), '{"action":"onMessage"}', message("y" * 40_000)])
                    client.send_frame(TEXT, text[:32_000])
            elif self.random.random() < 0.5:
                self.server.request("POST", "/dev/@connections", "to all")
            else:
                self.server.request("POST", f"/dev/@connections/{self.random.choice(self.clients).id}", "to one")


@pytest.fixture(scope="module")
def recording(serve_once):
    server = serve_once(*ROUTES, "--durability", "never")
    crowd = Recorded(server, 5)
    crowd.run(150)
    server.stop()
    return server.log


def test_a_session_goes_out_and_comes_back(recording, folder, serve):
    first = exported(recording, folder / "first.har")
    assert first["log"]["version"] == "1.2" and first["log"]["pages"] and first["log"]["creator"]["name"]
    assert len(sockets(first)) == len(recording.events("connected"))
    config = folder / "routes.yaml"
    config.write_text("routes:\n" + "".join(f"  - {route}\n" for route in ROUTES[1::2]))
    log, report = imported(folder / "first.har", folder, "--config", config)
    assert report["explained"] is True and report["ignored"] == 0
    assert_same(exported(log, folder / "second.har"), first)
    recorded = recording.events("message")
    assert sorted(e["body"] for e in log.events("message")) == sorted(e["body"] for e in recorded)
    # It is a session like any other: it can be driven against a server, which then agrees with the browsers.
    server = serve(*ROUTES, "--durability", "never")
    driven = run("replay", "--data", log.data, "--to", server.url, "--speed", "max")
    assert driven.returncode == 0, driven.stdout + driven.stderr


def test_other_routes_do_not_explain_it_and_the_transcripts_stay(recording, folder):
    first = exported(recording, folder / "first.har")
    log, report = imported(folder / "first.har", folder)  # the default routes
    assert report["explained"] is False
    assert_same(exported(log, folder / "second.har"), first)


def test_a_har_is_what_each_connection_saw(serve, folder):
    server = serve("--allow-binary", "true", "--route", "$default=broadcast:message", "--durability", "never")
    with server.raw() as one, server.raw() as two:
        one.send_frame(BINARY_FRAME, b"\x00\xff")
        assert one.receive_frame() == two.receive_frame() == (True, BINARY_FRAME, b"\x00\xff")
        two.send_frame(TEXT, "\u00e9\"\\\n")
        one.receive_text(), two.receive_text()
        server.stop()
    har = exported(server.log, folder / "it.har")
    (first, second) = sockets(har)
    data = base64.b64encode(b"\x00\xff").decode()
    assert [(t, o, d) for t, o, d, _ in seen(first)] == [
        ("send", 2, data), ("receive", 2, data), ("receive", 1, "\u00e9\"\\\n")]
    assert [(t, o, d) for t, o, d, _ in seen(second)] == [
        ("receive", 2, data), ("send", 1, "\u00e9\"\\\n"), ("receive", 1, "\u00e9\"\\\n")]
    for entry in (first, second):
        for field in ("startedDateTime", "time", "request", "response", "cache", "timings", "pageref"):
            assert field in entry
        for field in ("method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"):
            assert field in entry["request"]
        for field in ("status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"):
            assert field in entry["response"]
        assert entry["request"]["url"].startswith("ws://127.0.0.1:")
    opened = server.log.events("connected")
    for entry, event in zip((first, second), opened):
        assert {"name": "x-reprise-connection-id", "value": event["connectionId"]} in entry["response"]["headers"]


def test_an_empty_log_has_no_har(folder):
    data = folder / "data"
    assert run("log", "import", data, input="").returncode == 0
    assert run("log", "export", data, "--har").returncode == 1


@pytest.mark.parametrize("text, words", [
    ("{", "not JSON"), ("", "not JSON"), ("[]", "another kind"), ("{}", '"log" is missing'),
    ('{"log":{"entries":[]}}', "holds no WebSocket"),
    ('{"log":{"entries":[{"request":{"url":"http://x"},"startedDateTime":"2026-01-01T00:00:00Z"}]}}', "holds no WebSocket"),
    ('{"log":{"entries":[{"_webSocketMessages":[],"request":{"url":"ws://x"},"startedDateTime":"yesterday"}]}}', "yesterday"),
    ('{"log":{"entries":[{"_webSocketMessages":[{"type":"send"}],"request":{"url":"ws://x"},"startedDateTime":""}]}}',
     "log.entries[0]._webSocketMessages[0]")])
def test_what_is_no_har_says_so_and_leaves_nothing(folder, text, words):
    path = folder / "bad.har"
    path.write_text(text)
    done = run("log", "import", folder / "data", "--har", path)
    assert done.returncode == 1 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not (folder / "data").exists()


def test_the_routes_are_those_of_the_file_alone(folder):
    """An environment variable that `serve` would read has no part in it, and what is no list of routes is refused."""
    config = folder / "routes.yaml"
    config.write_text("routes: [onMessage=broadcast:data]\n")
    variables = {"REPRISE_ROUTES": "other=record", "REPRISE_PORT": "many"}
    for name, flags, env in [("file", ("--config", config), variables), ("default", (), variables), ("clean", (), {})]:
        done = run("log", "import", folder / name, "--har", CHAT, *flags, env=env)
        assert done.returncode == 0, done.stderr
    routes = [Log(folder / name).events("sessionStarted")[0]["routes"] for name in ("file", "default", "clean")]
    assert routes[0] == routes[1] == routes[2]
    config.write_text("routes: onMessage=broadcast:data\n")
    done = run("log", "import", folder / "bad", "--har", CHAT, "--config", config)
    assert done.returncode == 64 and "routes.yaml:1: routes must be a list" in done.stderr, done.stderr
    assert not (folder / "bad").exists()


def test_a_missing_file_and_contradictions(folder):
    assert run("log", "import", folder / "data", "--har", folder / "none").returncode == 1
    assert run("log", "import", folder / "data", "--har", CHAT, "--input", CHAT).returncode == 64
    assert run("log", "import", folder / "data", "--config", CHAT).returncode == 64
