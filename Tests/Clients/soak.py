"""A server under load and churn for a long time: memory, descriptors and the log must stay what they are.

    soak.py [--minutes 30] [--output FOLDER] [--judge SAMPLES]

`reprise bench fanout` finds the rate of messages that this machine sustains, and then sends half of that, in rounds of a minute,
with clients that come and go, against one server with retention. It proves what every client received. Every second the server's
memory (RssAnon), descriptors, threads and the log's size on disk are noted in FOLDER/samples.jsonl; the end is a verdict and a chart.
The first fifth is warm-up. Something grows when the median of the last fifth is above that of the second by more than its slack.
Exit code 2 then, or when a delivery was not what it must be. `--judge` only judges samples that were kept.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from reprise import BINARY, Server, environment

CLIENTS, CHURN = 200, 50
# What may be more at the end than after the warm-up: noise of the allocator, sockets of the round that begins or ends.
SLACK = {"memory": 6 << 20, "descriptors": 2 * CLIENTS, "threads": 2, "log": 16 << 20}
UNITS = {"memory": (1 << 20, "MiB"), "descriptors": (1, ""), "threads": (1, ""), "log": (1 << 20, "MiB")}


def sample(server):
    return {"memory": server.resident_bytes, "descriptors": len(os.listdir(f"/proc/{server.pid}/fd")),
            "threads": len(os.listdir(f"/proc/{server.pid}/task")),
            "log": (server.data / "data.mdb").stat().st_blocks * 512}


class Sampler(threading.Thread):
    def __init__(self, server, path):
        super().__init__(daemon=True)
        self.server, self.path, self.stopping = server, path, threading.Event()

    def run(self):
        began = time.monotonic()
        with open(self.path, "w") as output:
            while not self.stopping.wait(1):
                try:
                    now = sample(self.server)
                except (OSError, AssertionError):
                    return  # the server is gone; whoever started it finds out
                print(json.dumps({"seconds": round(time.monotonic() - began, 1), **now}), file=output, flush=True)


def fanout(server, seconds, *flags):
    done = subprocess.run(
        [BINARY, "bench", "fanout", "--url", server.url, "--server-pid", str(server.pid), "--clients", str(CLIENTS),
         "--seconds", str(seconds), "--json", *map(str, flags)],
        capture_output=True, text=True, env=environment(), timeout=seconds + 120)
    if not done.stdout:
        raise AssertionError(f"bench fanout: {done.stderr}")
    return json.loads(done.stdout)


def wrong(report):
    """Rules that failed for what was delivered, rather than for what the generator got of a busy machine."""
    return [rule for rule in report["failedRules"] if "starved" not in rule and "intended time" not in rule]


def judge(samples):
    """Sentences about what grows, and a line for each figure."""
    fifth = len(samples) // 5
    growing, lines = [], []
    for name, slack in SLACK.items():
        values = [each[name] for each in samples]
        early, late = statistics.median(values[fifth:2 * fifth]), statistics.median(values[-fifth:])
        unit, word = UNITS[name]
        lines.append(f"{name}: {early / unit:.1f} → {late / unit:.1f} {word}, at most {max(values) / unit:.1f}".rstrip())
        if late > early + slack:
            growing.append(f"{name} grows: {early / unit:.1f} {word} after the warm-up, {late / unit:.1f} at the end")
    return growing, lines


def chart(values, width=72):
    """One line of blocks, from 0 to the largest value."""
    step = max(1, len(values) / width)
    means = [statistics.mean(values[int(i * step):max(int(i * step) + 1, int((i + 1) * step))])
             for i in range(min(width, len(values)))]
    top = max(means) or 1
    return "".join(" ▁▂▃▄▅▆▇█"[round(8 * mean / top)] for mean in means)


def report(path):
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    if len(samples) < 10:
        print(f"{len(samples)} samples are too few to judge")
        return False
    growing, lines = judge(samples)
    for name, line in zip(SLACK, lines):
        print(f"  {line}\n  |{chart([each[name] for each in samples])}| {samples[-1]['seconds'] / 60:.1f} min")
    for sentence in growing:
        print(f"  {sentence}")
    return not growing


def soak(minutes, folder, round_seconds):
    # The log must have come to its bound when the warm-up is over, or grow by less than its slack until it does.
    retained = "64MiB" if minutes >= 20 else "8MiB"
    server = Server("--retain-bytes", retained, "--loops", "1", data=folder / "data", folder=folder)
    sampler = Sampler(server, folder / "samples.jsonl")
    failures, messages, deliveries, churned, unfit = [], 0, 0, 0, 0
    try:
        calibration = fanout(server, 3)
        rate = int(calibration["deliveriesPerSecond"] / CLIENTS / 2)
        print(f"{rate} messages a second, half of what {CLIENTS} clients were sent at most, to {CLIENTS} clients, {CHURN} of "
              f"which come and go each second, for {minutes:g} minutes", flush=True)
        sampler.start()
        end = time.monotonic() + 60 * minutes
        while (left := end - time.monotonic()) > 1:
            seconds = max(2, min(round_seconds, int(left)))
            done = fanout(server, seconds, "--rate", rate, "--churn", CHURN)
            failures += wrong(done)
            unfit += done["verdict"] != "VALID" and not wrong(done)
            messages += done["measuredMessages"]
            deliveries += done["receivedDeliveries"]
            churned += done["churnedClients"]
            if failures:
                break
        sampler.stopping.set()
        sampler.join()
        server.stop()
    finally:
        server.destroy()
    print(f"{messages:,} messages, {deliveries:,} deliveries as they must be, {churned:,} clients came and went; in {unfit} rounds the "
          f"generator lacked CPU")
    for failure in failures:
        print(f"  WRONG: {failure}")
    sound = server.log.verify().returncode == 0
    print("  the log verifies" if sound else "  the log does NOT verify")
    return not failures and sound and deliveries > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--round", type=int, default=60, help="seconds of one round of the load (default: 60)")
    parser.add_argument("--output", type=pathlib.Path, help="keeps samples.jsonl here")
    parser.add_argument("--judge", type=pathlib.Path, metavar="SAMPLES")
    options = parser.parse_args()
    if options.judge:
        sys.exit(0 if report(options.judge) else 2)
    with tempfile.TemporaryDirectory(prefix="reprise-soak-") as name:
        folder = pathlib.Path(name)
        holds = soak(options.minutes, folder, options.round)
        flat = report(folder / "samples.jsonl")
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            (options.output / "samples.jsonl").write_bytes((folder / "samples.jsonl").read_bytes())
    print("soak: everything is flat" if holds and flat else "FAILED")
    sys.exit(0 if holds and flat else 2)


if __name__ == "__main__":
    main()
