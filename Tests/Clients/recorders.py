"""Fifty clients that join, leave, stall and are killed at random, each of which writes down what it received; then their
records are held against `log transcript` and `log explain`. Between stretches the server is killed as well.

    recorders.py [--seconds 60] [--clients 50] [--rate 150] [--stretches 5]
                 [--seed N] [--keep FOLDER]

Prints the figures; exit 0 when everything holds, 1 when not, with what does not.
"""

import argparse
import contextlib
import json
import multiprocessing
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from record_checks import Checks
from recording_client import RecordingClient, make_plan
from reprise import BINARY, Server, environment, run

# Each stretch is a session: the policy for slow consumers, and how the server ends.
STRETCHES = [("disconnect", "kill"), ("skip", "stop"), ("catchUp", "stop"), ("skip", "kill"), ("catchUp", "kill")]
ROUTES = ["--route", "onMessage=broadcast:data", "--route", "echo=echo:data"]
FORK = multiprocessing.get_context("fork")


def live(plan):
    RecordingClient(plan).run()


class Crowd:
    """The clients of one stretch."""

    def __init__(self, server, count, length, rate, folder, rng, label):
        self.server, self.count, self.length, self.rate, self.folder = server, count, length, rate, folder
        self.rng, self.label = rng, label
        self.running = []  # (process, plan, when to kill it)
        self.started = 0
        self.killed = 0

    def fill(self):
        """Starts a client for each that has ended, and kills those whose time has come."""
        now = time.monotonic()
        still = []
        for process, plan, kill_at in self.running:
            if now >= kill_at:
                self.kill(process)
            elif process.is_alive():
                still.append((process, plan, kill_at))
                continue
            process.join()
            process.close()
        self.running = still
        while len(self.running) < self.count:
            self.start(now)

    def start(self, now):
        name = f"{self.label}-{self.started}"
        self.started += 1
        plan = make_plan(name, self.server.url, self.folder / name, self.rng.random(), self.length,
            self.rate / self.count)
        process = FORK.Process(target=live, args=(plan,))
        process.start()
        self.running.append((process, plan, now + plan["life"] if plan["ending"] == "kill" else float("inf")))

    def kill(self, process):
        if process.is_alive():
            process.kill()
            self.killed += 1

    def known_ids(self):
        """Ids of running clients that have asked for theirs."""
        ids = []
        for _, plan, _ in self.running:
            with contextlib.suppress(FileNotFoundError):
                for line in pathlib.Path(plan["path"]).read_text().splitlines(keepends=True):
                    # The client is writing: its last line may be a part of one.
                    if line.startswith('["in"') and line.endswith("\n") and len(parsed := json.loads(line)) > 3:
                        ids.append(parsed[3])
                        break
        return ids

    def finish(self, wait):
        """After the server has gone: whoever reads sees the end; who never reads again is killed."""
        end = time.monotonic() + wait
        for process, plan, _ in self.running:
            if not any(stop == float("inf") for _, stop in plan["stalls"]):
                process.join(max(0, end - time.monotonic()))
            self.kill(process)
            process.join()
            process.close()
        self.running = []


class Stretch:
    """One session with its crowd."""

    def __init__(self, index, options, folder, data, rng):
        self.policy, self.ending = STRETCHES[index]
        self.rng = rng
        self.seconds = options.seconds / options.stretches
        self.server = Server(
            "--slow-consumer", self.policy, "--ring-bytes", "256KiB", "--loops", "2", "--close-timeout", "1s",
            "--lifetime", f"{max(3, int(self.seconds * 0.6))}s", *ROUTES, data=data, folder=folder)
        self.crowd = Crowd(
            self.server, options.clients, self.seconds / 3, options.rate, folder, rng, f"s{index}")
        self.early = []  # (connection, what `explain` said while it was open)
        self.followers = []

    def run(self):
        end = time.monotonic() + self.seconds
        next_post = next_look = time.monotonic()
        while (now := time.monotonic()) < end:
            self.crowd.fill()
            if now >= next_post:
                self.manage()
                next_post = now + self.rng.expovariate(4)
            if now >= next_look:
                self.look()
                next_look = now + self.seconds / 4
            time.sleep(0.01)  # the pace of the crowd, not a condition
        if self.ending == "kill":
            self.server.kill()
        else:
            self.server.stop()
        self.crowd.finish(10)
        print(f"  {self.policy}: {self.crowd.started} clients, {self.crowd.killed} killed with -9, "
              f"then the server got {'SIGKILL' if self.ending == 'kill' else 'SIGTERM'}", flush=True)

    def manage(self):
        """One call of the management API: to everyone, to one, or an end for one."""
        text = f"posted {self.rng.random()}"
        ids = self.crowd.known_ids()
        choice = self.rng.random()
        if choice < 0.5 or not ids:
            assert self.server.request("POST", "/dev/@connections", text).status in (200, 410)
        elif choice < 0.9:
            assert self.server.request("POST", f"/dev/@connections/{self.rng.choice(ids)}", text).status in (200, 410)
        else:
            assert self.server.request("DELETE", f"/dev/@connections/{self.rng.choice(ids)}").status in (204, 410)

    def look(self):
        """Asks about open connections, and follows one of them."""
        ids = self.crowd.known_ids()
        for connection in self.rng.sample(ids, min(2, len(ids))):
            done = run("log", "explain", connection, "all", "--data", self.server.data, "--json")
            assert done.returncode == 0, done.stderr
            self.early.append((connection, done.stdout))
        if ids:
            connection = self.rng.choice(ids)
            output = tempfile.TemporaryFile()
            process = subprocess.Popen(
                [BINARY, "log", "transcript", connection, "--data", self.server.data, "--follow", "--json"],
                stdout=output, env=environment())
            self.followers.append((connection, process, output))


def record(options, folder, stretches):
    """Runs the stretches, one after the other on the same data, and adds each to `stretches`, also if it fails."""
    data = folder / "data"
    rng = random.Random(options.seed)
    for index in range(options.stretches):
        stretch = Stretch(index, options, folder, data, rng)
        stretches.append(stretch)
        try:
            stretch.run()
        finally:
            stretch.server.destroy()
            for process, _, _ in stretch.crowd.running:
                process.kill()
    if stretches[-1].ending == "kill":
        last = Server(data=data, folder=folder)  # what a crash left open is closed by the next start
        try:
            last.stop()
        finally:
            last.destroy()
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rate", type=float, default=150, help="messages a second, all clients together")
    parser.add_argument("--stretches", type=int, default=len(STRETCHES), help="how many sessions share the seconds")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", help="leave data and records in this folder")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {options.seed}, {options.seconds:g} s, {options.clients} clients at a time", flush=True)
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="reprise-recorders-"))
    folder.mkdir(exist_ok=True)
    stretches = []
    try:
        began = time.monotonic()
        data = record(options, folder, stretches)
        recorded = time.monotonic()
        checks = Checks(data, folder)
        checks.run()
        for stretch in stretches:
            for connection, output in stretch.early:
                checks.compare_early(connection, output)
            for connection, process, output in stretch.followers:
                process.wait(30)
                output.seek(0)
                checks.compare_followed(connection, process.returncode, output.read().decode())
        print(f"  recorded in {recorded - began:.0f} s, checked in {time.monotonic() - recorded:.0f} s")
        checks.report()
        return 1 if checks.failures else 0
    finally:
        for stretch in stretches:
            for _, process, output in stretch.followers:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                output.close()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
