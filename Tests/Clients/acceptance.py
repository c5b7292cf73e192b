"""The acceptance cases at full size: see tools/acceptance, which runs this."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from crowd import Crowd
from reprise import BINARY, Log, Server, assert_truthful, environment, run

HERE = pathlib.Path(__file__).parent


@contextlib.contextmanager
def temporary_folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="reprise-acceptance-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def load(server, *flags):
    """Starts `bench fanout` beside us, on our core."""
    return subprocess.Popen(
        [BINARY, "bench", "fanout", "--url", server.url, "--payload", "64", "--server-pid", str(server.pid), "--json",
         *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())


def check(holds, what):
    print(f"  {'holds ' if holds else 'FAILS '} {what}", flush=True)
    check.failed = check.failed or not holds


check.failed = False


def fanout():
    """3 and 4: 1000 connections, every message to everyone, in one order, none twice; then replay."""
    with temporary_folder() as folder:
        server = Server("--durability", "always", "--loops", "1", data=folder / "data", folder=folder)
        try:
            for window in (64, 1):
                process = load(server, "--clients", "1000", "--window", str(window), "--seconds", "5")
                report = json.loads(process.communicate(timeout=120)[0])
                print(f"  window {window}: {report['deliveriesPerSecond']:,.0f} deliveries/s, "
                      f"{report['cpuNanosecondsPerDelivery']:.0f} ns CPU per delivery, "
                      f"p50 {report['latency']['p50']:.0f} µs, p99 {report['latency']['p99']:.0f} µs to the last client, "
                      f"peak {report['serverResidentBytesPeak'] >> 20} MiB")
                check(process.returncode == 0 and report["verdict"] == "VALID",
                      f"{report['receivedDeliveries']:,} of {report['expectedDeliveries']:,} deliveries verified: "
                      f"{report['verdict']} {report['failedRules']}")
            server.stop()
            reports = server.log.assert_sound()
            check(True, f"replay, verify and an independent computation agree: {reports[0]['events']:,} events, "
                        f"{reports[0]['deliveries']:,} deliveries, {reports[0]['checkpointsVerified']} checkpoints, "
                        f"{reports[0]['eventsPerSecond']:,.0f} events/s, D {reports[0]['digest']}")
            with subprocess.Popen([BINARY, "log", "export", "--data", server.data], stdout=subprocess.PIPE) as export:
                done = subprocess.run([BINARY, "log", "import", "--data", folder / "copy"], stdin=export.stdout)
            copied = json.loads(run("replay", "--data", folder / "copy", "--json").stdout)
            same = ("digest", "memberSet", "events", "deliveries")
            check(done.returncode == 0 and all(copied[key] == reports[0][key] for key in same),
                  "export | import into a new folder gives the same digests")
        finally:
            server.destroy()


def crash():
    """5: kill -9 in the middle of the load, restart, twice in a row."""
    with temporary_folder() as folder:
        received = []
        for round in range(3):
            server = Server("--durability", "always", "--loops", "1", data=folder / "data", folder=folder)
            try:
                print(f"  start {round + 1}: closed {server.announcement['closedConnections']} of the last session")
                check(server.announcement["closedConnections"] == (0 if round == 0 else 1000),
                      "every connection of the last session is closed")
                if round == 2:
                    server.stop()
                    break
                with Crowd(server, 10, captures=True) as crowd:
                    process = load(server, "--clients", "990", "--seconds", "60")
                    crowd.wait_for_bytes(1_000_000 if round else 500_000, 60)  # somewhere in the middle
                    server.kill()
                    process.wait(60)
                    crowd.wait_for_end()
                    received += [listener.texts for listener in crowd]
            finally:
                server.destroy()
        events = server.log.export()
        assert_truthful(events)
        check(True, f"{len(events):,} positions without a gap, every open has exactly one close")
        order = {}
        for event in events:
            if event["event"] == "message" and "route" in event:
                text = json.dumps(json.loads(event["body"])["data"], ensure_ascii=False, separators=(",", ":"))
                order.setdefault(text, []).append(event["position"])
        total = sum(map(len, received))
        check(all(text in order for texts in received for text in texts),
              f"all {total:,} messages that the watching clients received are in the log")
        check(all(is_in_order(texts, order) for texts in received), "in the order of the log, none twice")
        reports = Log(folder / "data").assert_sound()
        check(True, f"verify and replay --session all exit 0 over {len(reports)} sessions, "
                    f"{sum(r['deliveries'] for r in reports):,} deliveries")


def is_in_order(texts, order):
    """Two sessions of the generator may send the same text; each reception takes the next position that has it."""
    last = 0
    for text in texts:
        last = next((position for position in order[text] if position > last), None)
        if last is None:
            return False
    return True


def tests(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-s", *arguments], cwd=HERE,
        env={**os.environ, **variables}, capture_output=True, text=True)


def damage():
    """6: 100 flipped bytes, and what is refused."""
    done = tests("test_damage.py", "test_refusals.py", REPRISE_FLIPS="100", REPRISE_SEED=str(int(time.time())))
    flips = [line for line in done.stdout.splitlines() if "flip " in line]
    in_records = sum("table='events'" in line for line in flips)
    print(f"  {len(flips)} flips, {in_records} of them in live records")
    check(done.returncode == 0, done.stdout.strip().splitlines()[-1])
    if done.returncode:
        print(done.stdout)


def slow():
    """7: one client stops reading while 500 others get 16 KB messages for 30 s."""
    done = tests("test_slow_consumer.py", "-k", "stops_reading", REPRISE_LONG="1")
    print("\n".join(f"  {line}" for line in done.stdout.splitlines() if "deliveries/s" in line or "memory" in line))
    check(done.returncode == 0, done.stdout.strip().splitlines()[-1])
    if done.returncode:
        print(done.stdout)


def record():
    """Of the replay tools, 1: fifty recording clients for a minute, against `log transcript` and `log explain`."""
    done = subprocess.run([sys.executable, HERE / "recorders.py", "--seconds", "60"])
    check(done.returncode == 0, "records, transcripts and explanations agree")


CASES = {"fanout": fanout, "crash": crash, "damage": damage, "slow": slow, "record": record}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        print(f"{name}: {CASES[name].__doc__}", flush=True)
        CASES[name]()
    sys.exit(4 if check.failed else 0)
