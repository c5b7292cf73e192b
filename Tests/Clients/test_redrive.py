"""`replay --to ws://…`: a recorded session driven against a server, and compared message by message."""

import json
import random

import pytest

from reprise import CLOSE, TEXT, RawClient, close_payload, message, run

ROUTES = ["--route", "onMessage=broadcast:data", "--route", "say=echo:data", "--route", "shout=broadcast:message"]


def drive(log, url, *flags):
    return run("replay", "--data", log.data, "--to", url, "--json", *flags)


class Crowd:
    """Random joins, leaves, messages, posts and deletes, one after the other; everyone reads everything."""

    def __init__(self, server, seed):
        self.server, self.random = server, random.Random(seed)
        self.clients = []

    def join(self):
        client = RawClient(self.server.port)
        client.id = client.handshake("/dev").headers["x-reprise-connection-id"]
        self.clients.append(client)

    def take(self):
        return self.clients.pop(self.random.randrange(len(self.clients)))

    def leave(self):
        client = self.take()
        way = self.random.choice(["close", "empty", "lost", "protocol"])
        if way == "lost":
            client.close()
        elif way == "protocol":
            client.send_frame(TEXT, b"\xff")
            client.discard_until_end()
        else:
            client.send_frame(CLOSE, close_payload(4000, "b\u00fd") if way == "close" else b"")
            client.discard_until_end()
        client.close()

    def send(self):
        client = self.random.choice(self.clients)
        for _ in range(self.random.choice([1, 1, 1, 5])):
            text = self.random.choice([
                message({"n": self.random.random()}), message([1.0, "ä😀"], "say"), "nonsense", message(1, "unknown"),
                message("x" * self.random.randrange(40_000 if self.random.random() < 0.05 else 300)), '{"action":"onMessage"}',
                message("m", "shout")])
            client.send_frame(TEXT, text[:32_000])

    def post(self):
        if self.random.random() < 0.5:
            assert self.server.request("POST", "/dev/@connections", f"all {self.random.random()}").status == 200
        else:
            target = self.random.choice(self.clients).id
            assert self.server.request("POST", f"/dev/@connections/{target}", "you alone").status == 200

    def delete(self):
        client = self.take()
        assert self.server.request("DELETE", f"/dev/@connections/{client.id}").status == 204
        client.discard_until_end()
        client.close()

    def run(self, steps):
        for _ in range(steps):
            if len(self.clients) < 4:
                self.join()
                continue
            weights = [6, 4, 40, 3, 1]
            self.random.choices([self.join, self.leave, self.send, self.post, self.delete], weights)[0]()


@pytest.fixture(scope="module")
def recording(serve_once):
    """A session with every kind of step, whose last clients the server ends."""
    server = serve_once(*ROUTES, "--durability", "never")
    crowd = Crowd(server, 11)
    crowd.run(250)
    server.stop()
    for client in crowd.clients:
        client.close()
    causes = {event["cause"] for event in server.log.events("disconnected")}
    assert causes >= {"client", "lost", "protocol", "deleted", "shutdown"}
    return server.log


@pytest.fixture(scope="module")
def small(serve_once, tmp_path_factory):
    """Two clients, three messages: positions that a test can name."""
    server = serve_once("--durability", "never", data=tmp_path_factory.mktemp("small") / "data")
    with server.raw() as one, server.raw() as two:
        for number in range(3):
            one.send_frame(TEXT, message({"n": number}))
            one.receive_text(), two.receive_text()
        server.stop()
    return server.log


@pytest.mark.parametrize("flags", [["--speed", "max"], ["--speed", "50"]])
@pytest.mark.parametrize("loops", [1, 2])
def test_a_healthy_server_agrees(recording, serve, flags, loops):
    server = serve(*ROUTES, "--durability", "never", "--loops", loops)
    done = drive(recording, server.url, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert "difference" not in report and report["stepsDone"] == report["steps"] and report["omitted"] == 0
    recorded = json.loads(recording.replay().stdout)
    assert report["deliveriesCompared"] == recorded["deliveries"]
    assert ("timing" in report) == (flags == ["--speed", "50"])
    server.stop()
    again = json.loads(server.log.replay().stdout)
    for field in ("connects", "messages", "sends"):  # who has left is live until the server sees it
        assert again[field] == recorded[field], field


def test_the_human_form_begins_with_positions(small, serve):
    server = serve("--durability", "never")
    done = run("replay", "--data", small.data, "--to", server.url, "--speed", "100")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(line.split("  ")[0].isdigit() for line in lines)
    assert any("no difference" in line for line in lines) and any("late p50" in line for line in lines)


@pytest.mark.parametrize("speed", ["max", "20"])
def test_an_altered_broadcast_is_found_at_its_position(recording, serve, speed):
    server = serve("--route", "onMessage=broadcast:message", *ROUTES[2:], "--durability", "never")
    done = drive(recording, server.url, "--speed", speed)
    assert done.returncode == 2, done.stdout + done.stderr
    difference = json.loads(done.stdout)["difference"]
    first = next(e for e in recording.events("message") if e.get("route") == "onMessage")
    assert difference["position"] == first["position"]
    data = json.loads(first["body"])["data"]
    assert json.loads(difference["expected"]["body"]) == data
    assert difference["received"]["body"] == first["body"][:200]


def test_the_difference_is_printed_with_both_sides(small, serve):
    server = serve("--route", "onMessage=echo:data", "--durability", "never")
    done = run("replay", "--data", small.data, "--to", server.url, "--speed", "max")
    assert done.returncode == 2
    first = small.events("message")[0]["position"]
    assert f"{first}  DIFFERS, connection " in done.stdout
    assert f'{first}  expected  text, 7 B: {{"n":0}}' in done.stdout
    assert f"{first}  received" in done.stdout


def test_a_refused_route_is_a_difference(small, serve):
    server = serve("--route", "other=broadcast:data", "--durability", "never")
    done = drive(small, server.url, "--speed", "max")
    assert done.returncode == 2
    difference = json.loads(done.stdout)["difference"]
    assert difference["position"] == small.events("message")[0]["position"]
    assert "Forbidden" in difference["received"]["body"]


def test_nobody_there_could_not_run(small):
    done = drive(small, "ws://127.0.0.1:1/dev", "--speed", "max")
    assert done.returncode == 1 and "could not connect" in done.stderr


def test_another_stage_could_not_run(small, serve):
    server = serve("--durability", "never")
    done = drive(small, f"ws://127.0.0.1:{server.port}/prod", "--speed", "max")
    assert done.returncode == 1 and "403" in done.stderr


def test_tls_is_not_there_yet(small):
    done = drive(small, "wss://127.0.0.1/dev")
    assert done.returncode == 1 and "TLS" in done.stderr


@pytest.mark.parametrize("arguments", [
    ("replay", "--to", "ws://127.0.0.1:1/dev", "--session", "all"),
    ("replay", "--to", "ws://127.0.0.1:1/dev", "--from", "2"),
    ("log", "show", "--to", "ws://127.0.0.1:1/dev"),
    ("replay", "--to", "http://127.0.0.1/dev"), ("replay", "--to", "ws://127.0.0.1:1/dev", "--speed", "-1")])
def test_usage(small, arguments):
    assert run(*arguments, "--data", small.data).returncode == 64


def test_a_place_is_still_a_place(small):
    done = small.replay("--to", "4")
    assert done.returncode == 0 and json.loads(done.stdout)["lastPosition"] == 4


def test_a_session_after_a_crash(serve, serve_once, folder):
    """What the crash closed and what a stalled client never read is driven all the same."""
    server = serve("--durability", "never")
    with server.raw() as one, server.raw() as two:
        for number in range(50):
            one.send_frame(TEXT, message(number))
        for _ in range(50):
            one.receive_text()
        server.kill()
        two.close()
    recorded = server.log
    again = serve("--durability", "never", data=folder / "again")
    first = drive(recorded, again.url, "--speed", "max")  # not recovered: no close is in the log
    assert first.returncode == 0, first.stdout
    assert json.loads(first.stdout)["deliveriesCompared"] == 100
    recovered = serve("--durability", "never")
    recovered.stop()
    second = drive(recorded, again.url, "--speed", "max", "--session", "1")
    assert second.returncode == 0, second.stdout
    assert json.loads(second.stdout)["deliveriesCompared"] == 100
