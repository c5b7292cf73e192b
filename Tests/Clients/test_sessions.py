"""Truthful disconnects: every open has exactly one close in the log, whatever happens to the server."""

import contextlib
import json
import random
import subprocess
import threading

from websockets.sync.client import connect

from crowd import Crowd
from reprise import BINARY, TEXT, assert_truthful, environment, eventually, frame, message, run


class Senders:
    """Clients that send numbered messages until the server is gone."""

    def __init__(self, server, count, label):
        self.threads = [threading.Thread(target=self._send, args=(server.raw(), f"{label}-{n}")) for n in range(count)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _send(client, label):
        number = 0
        with client, contextlib.suppress(OSError, EOFError):
            while True:
                client.send(b"".join(frame(TEXT, message([label, number + n])) for n in range(8)))
                number += 8
                # Reading its own messages back paces the sender.
                for _ in range(8):
                    client.receive_frame()

    def join(self):
        for thread in self.threads:
            thread.join()


def assert_received_is_logged(crowd, events):
    """Whatever a client got is in the log, and in the log's order."""
    order = {json.dumps(json.loads(e["body"])["data"], separators=(",", ":")): e["position"]
             for e in events if e["event"] == "message"}
    for listener in crowd:
        positions = [order[text] for text in listener.texts]
        assert positions == sorted(set(positions)), "received twice, or in another order"


def test_a_crash_under_load_twice_in_a_row_loses_nothing_that_anyone_saw(serve):
    """The issue's fifth acceptance case, small."""
    crowds = []
    closed = 0
    for round in range(2):
        server = serve()
        assert server.announcement["closedConnections"] == closed
        with Crowd(server, 12, captures=True) as crowd:
            senders = Senders(server, 3, f"r{round}")
            crowd.wait_for_bytes(40_000)
            server.kill()
            senders.join()
            crowd.wait_for_end()
            crowds.append(crowd)
        closed = 15
    last = serve()
    assert last.announcement["closedConnections"] == 15
    last.stop()
    events = last.log.export()
    assert_truthful(events)
    for crowd in crowds:
        assert min(len(listener.texts) for listener in crowd) > 100
        assert_received_is_logged(crowd, events)
    crashes = [e for e in events if e["event"] == "disconnected" and e["cause"] == "crash"]
    assert len(crashes) == 30
    assert all(e["code"] == 1006 and "deliveredThrough" not in e for e in crashes)
    last.log.assert_sound()


def test_what_a_crashed_session_says_it_delivered_at_least_was_received(serve):
    """`deliveredAtLeast` comes from the last checkpoint; the kernel had it all by then."""
    server = serve()
    with Crowd(server, 3, captures=True) as crowd:
        senders = Senders(server, 1, "s")
        eventually(lambda: all(len(listener.texts) > 3000 for listener in crowd), "three checkpoints' worth", 30)
        server.kill()
        senders.join()
        crowd.wait_for_end()
    recovered = serve()
    recovered.stop()
    events = recovered.log.export()
    position = {json.dumps(json.loads(e["body"])["data"], separators=(",", ":")): e["position"]
                for e in events if e["event"] == "message"}
    opened = [e["connectionId"] for e in events if e["event"] == "connected"]
    closes = {e["connectionId"]: e for e in events if e["event"] == "disconnected"}
    for connection, listener in zip(opened, crowd):  # the crowd connected one after the other
        at_least = closes[connection]["deliveredAtLeast"]
        assert at_least > 1000
        received = {position[text] for text in listener.texts}
        opened_at = next(e["position"] for e in events if e.get("connectionId") == connection)
        assert {p for p in position.values() if opened_at < p <= at_least} <= received


def test_crashes_at_any_moment_of_the_start_leave_a_whole_log(serve, folder):
    """Also while the server recovers: it is one transaction."""
    random.seed(5)
    server = serve()
    with Crowd(server, 5):
        server.kill()
    for _ in range(8):
        crashing = StartingServer(folder)
        crashing.kill_after(random.uniform(0, 0.08))
    last = serve()
    last.stop()
    events = last.log.export()
    assert_truthful(events)
    assert len([e for e in events if e["event"] == "disconnected"]) == 5
    last.log.assert_sound()


def test_a_crash_within_a_commit_is_recovered_while_somebody_reads_the_log(serve):
    """A kill between a commit and LMDB's note of it: as long as a reader uses the lock file, reads do not show that
    commit before the next write. Where the kill falls is chance; one in three or four fell there."""
    for _ in range(8):
        server = serve("--loops", "2")
        with Crowd(server, 2) as crowd:
            connection = server.connection_ids()[0]
            reader = subprocess.Popen(
                [BINARY, "log", "transcript", connection, "--data", str(server.data), "--follow"],
                stdout=subprocess.DEVNULL, env=environment())
            try:
                senders = Senders(server, 2, "s")
                crowd.wait_for_bytes(5000)
                server.kill()
                senders.join()
                serve().stop()
            finally:
                reader.kill()
                reader.wait()
    assert_truthful(server.log.export())
    server.log.assert_sound()


class StartingServer:
    """A server that is killed before it may have said that it listens."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--port", "0", "--data", str(folder / "data")], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=environment())

    def kill_after(self, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            raise AssertionError(f"the server ended by itself with {self.process.returncode}")
        self.process.kill()
        self.process.wait()


def test_sessions_follow_each_other(serve):
    for _ in range(2):
        server = serve()
        with connect(server.url) as client:
            client.send(message("x"))
            client.recv(timeout=5)
        server.stop()
    server = serve()
    server.kill()
    server = serve()
    listed = [json.loads(line) for line in run(
        "log", "sessions", "--data", server.data, "--json").stdout.splitlines()]
    assert [entry["session"] for entry in listed] == [1, 2, 3, 4]
    assert [entry["cause"] for entry in listed] == ["shutdown", "shutdown", "crash", None]
    assert server.announcement["firstPosition"] == listed[3]["firstPosition"]
    for before, after in zip(listed, listed[1:]):
        assert after["firstPosition"] == before["lastPosition"] + 1


def test_json_names_a_folder_of_any_name(serve, folder):
    data = folder / 'a "b" \\c ä\u2028\n\x01'
    server = serve(data=data)
    assert server.announcement == {
        "url": f"ws://127.0.0.1:{server.port}/dev", "port": server.port, "data": str(data), "firstPosition": 1,
        "closedConnections": 0, "admin": "same", "managementOpen": False, "retainBytes": 32 << 30}
    server.stop()
    exported = run("log", "export", data)
    for verb in ("import", "backup"):
        copy = folder / f'{verb} "\t\\'
        source = ("--data", data) if verb == "backup" else ()
        done = run("log", verb, *source, copy, "--json", input=exported.stdout)
        assert done.returncode == 0 and json.loads(done.stdout)["data"] == str(copy), done


def test_the_log_can_be_read_beside_a_running_server(serve):
    server = serve()
    with Crowd(server, 2) as crowd:
        senders = Senders(server, 1, "s")
        crowd.wait_for_bytes(5000)
        for _ in range(3):
            events = server.log.export()
            assert [e["position"] for e in events] == list(range(1, len(events) + 1))
            verified = server.log.verify()
            assert verified.returncode == 0, verified.stderr
            replayed = server.log.replay()
            assert replayed.returncode == 0, replayed.stderr
        server.stop()
        senders.join()
    server.log.assert_sound()


def test_connects_and_leaves_in_one_storm_all_balance(serve):
    """Clients that end at every stage of their life, on three loops."""
    server = serve("--loops", "3", "--durability", "interval")
    random.seed(11)
    for _ in range(150):
        client = server.raw()
        choice = random.randrange(5)
        if choice > 1:
            client.send_frame(TEXT, message("x"))
        if choice == 2:
            client.receive_text()
        if choice == 3:
            client.send_frame(8, b"\x03\xe8")
        (client.reset if choice == 0 else client.close)()
    eventually(lambda: server.connection_ids() == [], "everybody gone")
    server.stop()
    assert_truthful(server.log.export())
    server.log.assert_sound()
