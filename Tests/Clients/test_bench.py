"""`reprise bench fanout`, as people run it: with a server of its own, against servers that are wrong, starved, and
interrupted."""

import contextlib
import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve as listen

from reprise import BINARY, DEADLINE, environment, eventually, run

FANOUT = ("bench", "fanout", "--clients", "20", "--seconds", "0.5", "--warm-up", "0", "--json")


def faults(report):
    """The failed rules that are about the server. Where other processes take the CPU a run says so, rightly."""
    return [r for r in report["failedRules"] if "starved" not in r and "intended time" not in r]


def fanout(*flags, folder):
    """A run; (the process's result, its reports)."""
    result = run(*FANOUT, *flags, env={"TMPDIR": str(folder)})
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == (4 if any(report["failedRules"] for report in reports) else 0), result.stderr
    return result, reports


def names(folder):
    return [path.name for path in folder.iterdir()]


def process_state(pid):
    """The letter of /proc/PID/stat, or None if there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return None


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Broadcaster:
    """Sends every message to every client, with a fault: `broken(client, number)` gives how often client `client` (in
    order of arrival) gets broadcast `number`. It begins when `expected` clients are there: their threads may come late. With
    a `context` it speaks TLS."""

    def __init__(self, expected, broken=lambda client, number: 1, context=None):
        self.expected = expected
        self.context = context
        self.everybody = threading.Event()
        self.broken = broken
        self.clients = []
        self.number = 0
        self.lock = threading.Lock()

    def __enter__(self):
        self.server = listen(self._talk, "127.0.0.1", 0, ssl=self.context)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"{'wss' if self.context else 'ws'}://127.0.0.1:{self.server.socket.getsockname()[1]}/"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()

    def _talk(self, client):
        with self.lock:
            self.clients.append(client)
            if len(self.clients) == self.expected:
                self.everybody.set()
        with contextlib.suppress(ConnectionClosed):
            for text in client:
                self._broadcast(text)
        with self.lock:
            self.clients.remove(client)

    def _broadcast(self, text):
        self.everybody.wait(DEADLINE)
        with self.lock:
            number, self.number = self.number, self.number + 1
            for index, other in enumerate(self.clients):
                for _ in range(self.broken(index, number)):
                    with contextlib.suppress(ConnectionClosed):
                        other.send(text)


def test_a_run_with_its_own_server_finds_no_fault_and_leaves_nothing_behind(folder):
    result, (report,) = fanout("--label", "mine", folder=folder)
    assert faults(report) == [] and report["label"] == "mine"
    if not report["failedRules"]:  # on a busy machine the generator is starved, and says so
        assert (result.stderr, report["verdict"]) == ("", "VALID")
    assert report["receivedDeliveries"] == report["expectedDeliveries"] == 20 * report["messagesSent"] > 0
    assert (report["durability"], report["serveFlags"]) == ("always", ["--loops", "1"])
    assert report["machine"]["cores"] == os.cpu_count() and report["machine"]["memoryBytes"] > 0
    assert report["serverCPUSeconds"] > 0
    assert names(folder) == []
    host, port = report["url"].removeprefix("ws://").split("/")[0].split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port))).close()


def test_flags_after_two_dashes_go_to_the_server_and_each_number_of_clients_has_its_run(folder):
    _, reports = fanout("--clients", "3,5", "--", "--durability", "never", "--loops", "2", folder=folder)
    assert [r["clients"] for r in reports] == [3, 5]
    assert {r["durability"] for r in reports} == {"never"}
    assert {tuple(r["serveFlags"]) for r in reports} == {("--durability", "never", "--loops", "2")}
    assert len({r["url"] for r in reports}) == 2
    assert names(folder) == []


def test_refused_messages_are_answered_once_each_while_clients_come_and_go(folder):
    _, (report,) = fanout(
        "--senders", "4", "--error-share", "0.25", "--churn", "50", "--stall", "1", "--seconds", "1", folder=folder)
    assert faults(report) == []
    assert report["errorsReceived"] == report["errorsExpected"] > 0
    share = report["errorsExpected"] / (report["errorsExpected"] + report["messagesSent"])
    assert abs(share - 0.25) < 0.01
    assert report["churnedClients"] > 0


def test_both_sides_can_be_pinned(folder):
    cpus = sorted(os.sched_getaffinity(0))
    _, (report,) = fanout("--server-cpus", str(cpus[0]), "--generator-cpus", str(cpus[-1]), folder=folder)
    assert (report["serverCPUs"], report["generatorCPUs"]) == (str(cpus[0]), str(cpus[-1]))


def test_a_server_that_does_not_start_is_shown_with_its_words(folder):
    result = run(*FANOUT, "--", "--durability", "sometimes", env={"TMPDIR": str(folder)})
    assert result.returncode == 1
    assert result.stdout == ""
    assert "did not start" in result.stderr and "sometimes" in result.stderr
    assert names(folder) == []


@pytest.mark.parametrize("flags", [
    ["--clients", "1,x"], ["--server-pid", "1"], ["--url", "ws://127.0.0.1:1/", "--", "--loops", "2"],
    ["--error-share", "1"], ["--error-share", "0.1", "--envelope", "none"], ["--server-cpus", "x"], ["extra"]])
def test_a_wrong_command_line_is_a_usage_error(flags):
    assert run("bench", "fanout", *flags).returncode == 64


def test_a_plain_broadcaster_is_valid(folder):
    with Broadcaster(20) as server:
        _, (report,) = fanout(
            "--url", server.url, "--envelope", "none", "--server-durability", "none at all", folder=folder)
    assert faults(report) == []
    assert report["durability"] == "none at all"
    assert "serveFlags" not in report


@pytest.mark.parametrize("count, rule", [(0, "lost message"), (2, "twice")])
def test_one_wrong_delivery_of_a_foreign_server_is_found(folder, count, rule):
    with Broadcaster(20, lambda client, number: count if (client, number) == (7, 30) else 1) as server:
        result = run(*FANOUT, "--url", server.url, "--envelope", "none")
    assert result.returncode == 4, result.stderr
    report = json.loads(result.stdout)
    assert report["verdict"] == "INVALID"
    assert any(rule in sentence for sentence in report["failedRules"]), report["failedRules"]


def start(*flags, folder, stderr=subprocess.PIPE):
    return subprocess.Popen(
        [BINARY, "bench", "fanout", "--json", *flags], stdout=subprocess.PIPE, stderr=stderr, text=True,
        env=environment({"TMPDIR": str(folder)}))


class Terminal:
    """A terminal that a program can write to, and what it shows."""

    def __enter__(self):
        self.screen, self.descriptor = pty.openpty()
        self.shown = b""
        return self

    def __exit__(self, *_):
        os.close(self.screen)
        if self.descriptor is not None:
            os.close(self.descriptor)

    def read_until(self, text):
        while text not in self.shown:
            self.shown += os.read(self.screen, 1 << 16)

    def read_to_the_end(self):
        """The kernel hands on what was written piece by piece, behind the writer's back: only its end says that this was all."""
        os.close(self.descriptor)
        self.descriptor = None
        with contextlib.suppress(OSError):  # EIO: the last writer has closed its side
            while more := os.read(self.screen, 1 << 16):
                self.shown += more
        return self.shown


def test_a_run_that_was_without_a_cpu_is_not_valid(folder):
    with Broadcaster(5) as server:
        bench = start("--clients", "5", "--url", server.url, "--envelope", "none", "--seconds", "3", "--warm-up", "0",
                      folder=folder)
        eventually(lambda: server.number > 0, "a message of the measurement")
        os.kill(bench.pid, signal.SIGSTOP)
        eventually(lambda: process_state(bench.pid) == "T", "the bench is stopped")
        stopped = time.monotonic()
        eventually(lambda: time.monotonic() - stopped > 1, "a third of the measured time has passed")
        os.kill(bench.pid, signal.SIGCONT)
        output, _ = bench.communicate(timeout=60)
    assert bench.returncode == 4
    assert any("starved" in rule for rule in json.loads(output)["failedRules"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_own_server_and_deletes_its_folder(folder, number):
    bench = start("--clients", "5", "--seconds", "60", folder=folder)
    (server,) = eventually(lambda: children(bench.pid), "the own server")
    eventually(lambda: any((path / "data").exists() for path in folder.iterdir()), "its data folder")
    bench.send_signal(number)
    output, errors = bench.communicate(timeout=DEADLINE)
    assert (bench.returncode, output) == (1, "")
    assert f"signal {int(number)}" in errors
    assert process_state(server) is None
    assert names(folder) == []


def test_a_server_that_is_killed_is_a_run_that_is_not_valid(folder):
    with Terminal() as terminal:
        bench = start("--clients", "5", "--seconds", "60", "--warm-up", "0", folder=folder, stderr=terminal.descriptor)
        terminal.read_until(b"measure")
        (server,) = children(bench.pid)
        os.kill(server, signal.SIGKILL)
        output, _ = bench.communicate(timeout=60)
    assert bench.returncode == 4
    rules = json.loads(output)["failedRules"]
    assert any("ended during the run, by signal 9" in rule for rule in rules), rules
    assert names(folder) == []


def test_a_terminal_gets_a_progress_line_and_loses_it_again(folder):
    with Terminal() as terminal:
        bench = start("--clients", "5", "--seconds", "2", folder=folder, stderr=terminal.descriptor)
        bench.communicate(timeout=60)
        assert bench.returncode in (0, 4)
        shown = terminal.read_to_the_end()
    assert b"5 clients" in shown
    assert shown.endswith(b"\r\x1b[K")
