"""A loaded server is killed again and again at random moments; after each restart, nothing may be missing or wrong.

    torture.py [--rounds 200] [--seed N] [--keep FOLDER] [--forget-one]

Each round starts a server on the same folder, loads it (clients that broadcast and listen, posts to @connections, clients that come
and go, one that does not read), and ends it in one of the ways of ENDINGS. The next start recovers, and what the clients
saw is held against the log: every acknowledged post is at its position; what a client received is exactly the beginning
of what the log says it was sent; the log's word about how far each client got is true; one close per open; no position
is missing. Every tenth round and at the end: `log verify`, `replay --session all`, and an independent computation of the
digests. Exit code 2 when something does not hold, with the seed; `--forget-one` takes one reception away from the log's side, which
must be noticed.

The seed repeats what was drawn: the endings and their moments, the flags, and what each load is made of. How far the load has come
by such a moment is up to threads and the machine, so a failure may take several runs with its seed to come again.
"""

import argparse
import collections
import contextlib
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from crowd import Crowd
from reprise import BINARY, DEADLINE, Log, Server, assert_truthful, environment, eventually, message

# How a round ends, and how often.
ENDINGS = {
    "kill": 10,             # SIGKILL in the middle of the load
    "kill at the start": 3,  # SIGKILL within start-up and recovery
    "kill while draining": 2,
    "stop": 2,              # SIGTERM: exit code 0, sessionEnded last
    "freeze": 2,            # SIGSTOP, SIGCONT, on with the load, then SIGKILL
    "second server": 2,     # another server on the folder is refused and harms nothing, then SIGKILL
    "race": 2,              # SIGKILL, and two servers that want the folder at once: one gets it
}


class Violation(Exception):
    pass


def require(holds, what):
    if not holds:
        raise Violation(what)


class Load:
    """What one round does to its server, from threads of its own."""

    def __init__(self, server, rng, label):
        self.server, self.label = server, label
        self.acknowledged = []  # (position, text) of each post that was answered with 200
        self.refused = []       # answers other than 200 and 410: there must be none
        self.stopping = threading.Event()
        self.crowd = Crowd(server, rng.randint(2, 6), captures=True)
        self.slow = server.raw(receive_buffer=4096) if rng.random() < 0.5 else None
        jobs = [self.post] + [self.come_and_go] * rng.randint(0, 2)
        senders = [(self.send, index, rng.choice([20, 300, 5000])) for index in range(rng.randint(1, 3))]
        self.threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        self.threads += [threading.Thread(target=job, args=rest, daemon=True) for job, *rest in senders]
        for thread in self.threads:
            thread.start()

    def send(self, index, size):
        """Broadcasts without waiting for anything but the socket."""
        with contextlib.suppress(OSError, EOFError), self.server.raw() as client:
            client.socket.settimeout(1)
            count = 0
            while not self.stopping.is_set():
                client.send_frame(1, message(f"{self.label}-{index}-{count}-" + "x" * (count * 7 % size)))
                count += 1
                with contextlib.suppress(BlockingIOError, TimeoutError):
                    client.socket.recv(1 << 18)  # what comes back; the crowd is who looks at it

    def post(self):
        count = 0
        while not self.stopping.is_set():
            text = f"{self.label}-post-{count}"
            count += 1
            try:
                reply = self.server.request("POST", "/dev/@connections", text)
            except Exception:  # the server is gone, in the middle of whatever it was
                return
            if reply.status == 200:
                self.acknowledged.append((reply.json["position"], text))
            elif reply.status not in (410, 503):
                self.refused.append(reply.status)

    def come_and_go(self):
        while not self.stopping.is_set():
            try:
                with self.server.raw() as client:
                    client.send_frame(1, message(f"{self.label}-passing"))
                    client.receive_frame()
                    client.send_frame(8)
            except (OSError, EOFError, AssertionError, ValueError):
                if not self.server.is_running:
                    return

    def finish(self):
        """The server is gone: everybody reads what is left."""
        self.stopping.set()
        self.crowd.wait_for_end()
        self.crowd.close()
        if self.slow:
            self.slow.close()
        for thread in self.threads:
            thread.join(DEADLINE)
            require(not thread.is_alive(), "a client of a server that is gone still waits")
        return [(listener.client.id, [payload for opcode, payload in listener.frames if opcode == 1])
                for listener in self.crowd]


class Torture:
    def __init__(self, options, folder):
        self.rng = random.Random(options.seed)
        self.forget_one = options.forget_one
        self.rounds = options.rounds
        self.folder, self.data = folder, folder / "data"
        self.servers = []  # every one that was started, for `destroy`
        self.checked = 0  # the last position that was held against what clients saw
        self.counts = collections.Counter()
        self.endings = collections.Counter()

    def run(self):
        server = self.serve(*self.flags())
        for number in range(1, self.rounds + 1):
            ending = self.rng.choices(list(ENDINGS), list(ENDINGS.values()))[0]
            try:
                server = self.round(server, number, ending)
            except (Violation, AssertionError) as problem:
                print(f"round {number}, {ending}: {problem}", flush=True)
                return False
            self.endings[ending] += 1
            if number % 10 == 0 or number == self.rounds:
                print(f"{number} rounds, {self.checked:,} events: " + self.summary, flush=True)
        server.stop()
        Log(self.data).assert_sound()
        events = Log(self.data).export()
        assert_truthful(events)
        print(f"{len(events):,} events, no position missing, one close for each of "
              f"{sum(event['event'] == 'connected' for event in events):,} opens; verify, replay and an independent "
              f"computation of the digests agree")
        print("ended by: " + ", ".join(f"{name} {count}" for name, count in self.endings.most_common()))
        return True

    @property
    def summary(self):
        return ", ".join(f"{name} {count:,}" for name, count in self.counts.items())

    def flags(self):
        rng = self.rng
        return ["--durability", rng.choice(["always", "always", "interval", "never"]), "--loops", rng.choice("112"),
                "--slow-consumer", rng.choice(["disconnect", "catchUp", "skip"]), "--ring-bytes", "256KiB",
                "--drain", rng.choice(["0s", "1s"])]

    def serve(self, *flags, env=None):
        server = Server(*flags, data=self.data, folder=self.folder, env=env)
        self.servers.append(server)
        return server

    def destroy(self):
        """No server outlives this, whatever was found in the middle of what."""
        for server in self.servers:
            server.destroy()

    def round(self, server, number, ending):
        """Loads `server`, ends it, starts the next one and checks. Returns the next one."""
        load = Load(server, self.rng, f"r{number}")
        moment = self.rng.uniform(0.02, 0.5)
        time.sleep(moment)  # the random moment; nothing is waited for
        following = None
        if ending == "freeze":
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(self.rng.uniform(0.05, 0.4))
            server.process.send_signal(signal.SIGCONT)
            before = len(load.acknowledged)
            eventually(lambda: len(load.acknowledged) > before, "posts after SIGCONT")
        if ending == "second server":
            self.expect_refusal()
            before = len(load.acknowledged)
            eventually(lambda: len(load.acknowledged) > before, "posts beside a second server that was refused")
        if ending == "stop":
            server.stop()
        elif ending == "kill while draining":
            server.process.send_signal(signal.SIGTERM)
            time.sleep(self.rng.uniform(0, 0.2))
            server.kill()
        elif ending == "race":
            server.kill()
            following = self.race()
        else:
            server.kill()
        received = load.finish()
        require(not load.refused, f"posts were answered with {set(load.refused)}")
        server.destroy()
        if ending == "kill at the start":
            for _ in range(self.rng.randint(1, 4)):
                self.kill_at_the_start()
        following = following or self.serve(*self.flags())
        self.check(load, received, ended_cleanly=ending == "stop")
        if number % 10 == 0:
            Log(self.data).assert_sound()
        return following

    def command(self):
        return [BINARY, "serve", "--json", "--port", "0", "--data", str(self.data)]

    def expect_refusal(self):
        second = subprocess.run(self.command(), capture_output=True, text=True, timeout=DEADLINE, env=environment())
        require(second.returncode == 1 and "in use" in second.stderr,
                f"a second server on the folder: exit code {second.returncode}, {second.stderr!r}")

    def race(self):
        """Two servers that start at the same time on the folder of a killed one."""
        outcomes = []

        def start():
            try:
                outcomes.append(self.serve())
            except AssertionError as refusal:
                outcomes.append(str(refusal))
        threads = [threading.Thread(target=start) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [outcome for outcome in outcomes if isinstance(outcome, Server)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
        require(len(winners) == 1 and "in use" in "".join(refused),
                f"of two servers at once {len(winners)} got the folder: {refused}")
        return winners[0]

    def kill_at_the_start(self):
        process = subprocess.Popen(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
        time.sleep(self.rng.uniform(0, 0.06))
        process.kill()
        process.wait()
        self.counts["killed within start-up"] += 1

    def check(self, load, received, ended_cleanly):
        events = Log(self.data).export("--from", str(self.checked + 1))
        positions = [event["position"] for event in events]
        require(positions == list(range(self.checked + 1, self.checked + 1 + len(events))), "a position is missing")
        # The session under test ends before the one that runs now.
        ends = [index for index, event in enumerate(events) if event["event"] == "sessionEnded"]
        session = events[:ends[-1] + 1]
        if ended_cleanly:
            require(session[-1]["cause"] == "shutdown", "a stopped server did not end its session")
        at = {event["position"]: event for event in session}
        for position, text in load.acknowledged:
            require(position in at and at[position].get("body") == text,
                    f"the post {text!r} was acknowledged at {position}; the log has {at.get(position)}")
        self.counts["acknowledged"] += len(load.acknowledged)
        opens = {event["connectionId"]: event for event in session if event["event"] == "connected"}
        closes = collections.defaultdict(list)
        gaps = collections.defaultdict(list)
        for event in session:
            if event["event"] == "disconnected":
                closes[event["connectionId"]].append(event)
            elif event["event"] == "skipped":
                gaps[event["connectionId"]].append((event["first"], event["last"]))
        for connection in opens:
            require(len(closes[connection]) == 1, f"{connection} has {len(closes[connection])} closes")
        require(set(closes) == set(opens), "something was closed that had not been opened")
        broadcasts = [(event["position"], event["body"] if event["event"] == "sent" else data_of(event["body"]))
                      for event in session
                      if event["event"] == "sent" and event["target"] == "everyone"
                      or event["event"] == "message" and event.get("route") == "onMessage"]
        for connection, texts in received:
            require(connection in opens, f"{connection} was let in and is not in the log")
            self.check_client(connection, texts, opens[connection], closes[connection][0], gaps[connection], broadcasts)
        self.checked = session[-1]["position"]

    def check_client(self, connection, texts, opened, closed, gaps, broadcasts):
        owed = [(position, text) for position, text in broadcasts
                if opened["position"] < position < closed["position"]
                and not any(first <= position <= last for first, last in gaps)]
        if self.forget_one and owed:
            owed.pop(len(owed) // 2)
        texts = [text.decode() for text in texts]
        wanted = [text for _, text in owed[:len(texts)]]
        if texts != wanted:
            index = next((i for i, (a, b) in enumerate(zip(texts, wanted)) if a != b), min(len(texts), len(wanted)))
            raise Violation(f"{connection} received {texts[index:index + 1]} as its message {index}, and the log says "
                            f"{owed[index:index + 1]}; it received {len(texts)} of {len(owed)}")
        crashed = closed["cause"] == "crash"
        word = closed.get("deliveredAtLeast" if crashed else "deliveredThrough") or 0
        promised = sum(position <= word for position, _ in owed)
        require(len(texts) >= promised,
                f"{connection} received {len(texts)} messages, and the log says {promised} (up to {word})")
        if not crashed:
            require(len(texts) == promised, f"{connection} received {len(texts)}, more than the {promised} of the log")
        self.counts["received"] += len(texts)


def data_of(body):
    """The value of `data` as it is sent. No parser is needed: it is the last member and holds nothing that is escaped."""
    return body[body.index('"data":') + 7:-1]


def run_to_the_end(name, loop, options, flags):
    """Runs it, leaves no server and no folder behind, and says how it went; exit code 2 when something does not hold."""
    holds = False
    try:
        holds = loop.run()
    except (Violation, AssertionError) as problem:
        print(f"does not hold: {problem}")
    finally:
        loop.destroy()
        if not holds and options.keep:
            shutil.copytree(loop.folder, options.keep, dirs_exist_ok=True)
        shutil.rmtree(loop.folder, ignore_errors=True)
    if not holds:
        print(f"FAILED; again with: tools/{name} {flags} --seed {options.seed}")
        sys.exit(2)
    print(f"{name}: everything holds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", type=pathlib.Path, help="keep the folder here when something does not hold")
    parser.add_argument("--forget-one", action="store_true", help="must fail: proof that a loss is noticed")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="reprise-torture-"))
    print(f"seed {options.seed}, {options.rounds} rounds", flush=True)
    run_to_the_end("torture", Torture(options, folder), options, f"--rounds {options.rounds}")


if __name__ == "__main__":
    main()
