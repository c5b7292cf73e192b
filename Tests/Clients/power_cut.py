"""The power goes at a random call to the disk, again and again; after each cut, what was promised must be there.

    power_cut.py [--cuts 1000] [--durability always|interval] [--seed N] [--lie]

A loaded server runs on a disk that loses what was not synced (Tests/Storage/storage_faults.c). It dies before its nth call
to the disk, n drawn at random, also within start-up and recovery. Of each page that was written and not synced, chance decides
whether it is there afterwards, as a kernel that reorders writes would leave it.

always: the folder opens, and no message that a client received, and no post that was answered with 200, is missing.
interval: where the folder is whole, everything up to the last completed sync is there; where it is not, `serve` says what to do
and exits with 3. It goes on then with what the last sync left.

Exit code 2 when something does not hold, with the seed. `--lie` runs the server with --durability never against the checks of
always, which must be noticed.

The seed repeats what was drawn: flags, loads, the call before which the power goes, the pages that are kept. What the server has
written by that call is up to threads and the machine, and so is whether it reaches that call while it starts, which decides what
is drawn next. A failure may take several runs with its seed to come again; `--keep` keeps the folder of the first.
"""

import argparse
import collections
import pathlib
import random
import shutil
import signal
import tempfile

from disk import Disk
from reprise import DEADLINE, Log
from torture import Load, Torture, Violation, require, run_to_the_end


class PowerCuts(Torture):
    def __init__(self, options, folder):
        options.forget_one, options.rounds = False, options.cuts
        super().__init__(options, folder)
        self.durability = options.durability
        self.runs_with = "never" if options.lie else options.durability
        self.disk = Disk(folder, self.data)
        self.good = folder / "last-sync"  # interval: the data folder as the last completed sync left it
        self.loads = collections.deque()

    def run(self):
        cuts = 0
        load = None
        while cuts < self.rounds:
            server, died = self.start_until_up()
            cuts += died
            self.judge(load)
            load = None
            if cuts >= self.rounds:  # the last ones were within start-up
                server.kill()
                server.destroy()
                self.cut()
                break
            load = self.load_until_dead(server)
            cuts += 1
            self.counts["cuts under load"] += 1
            if cuts % 50 < 1 + died:
                print(f"{cuts} cuts, {self.checked:,} events: " + self.summary, flush=True)
        server, _ = self.start_until_up(may_die=False)
        self.judge(load)
        server.stop()
        Log(self.data).assert_sound()
        print(f"{cuts} cuts: " + self.summary)
        return True

    def start_until_up(self, may_die=True):
        """Starts servers until one serves. The power may go while it starts, so that recovery is cut too."""
        died = 0
        is_restored = False
        while True:
            # A commit makes two to four calls, a start some ten; more where it writes the log anew.
            calls = self.rng.randint(1, self.rng.choice([12, 60, 400]))
            in_start = self.rng.random() < 0.4
            environment = self.disk.environment(die_at=calls if may_die and in_start else None)
            try:
                flags = ["--durability", self.runs_with, "--sync-interval", "20", *self.flags()[2:]]
                server = self.serve(*flags, env=environment)
            except AssertionError as problem:
                if f"exit code {-signal.SIGKILL}" in str(problem):
                    died += 1
                    self.counts["cuts within start-up"] += 1
                    self.cut()
                    is_restored = False
                elif "exit code 3" in str(problem) and self.durability == "interval":
                    require("restore a copy" in str(problem),
                            f"exit code 3 without advice: {problem}")
                    require(not is_restored, f"what the last sync left is damaged: {problem}")
                    self.counts["exit 3 with advice"] += 1
                    self.restore()
                    is_restored = True
                else:
                    raise Violation(f"the folder does not open after a cut: {problem}") from None
            else:
                if may_die and not in_start:
                    self.disk.die_after(calls)
                if self.durability == "interval" and self.good.exists():
                    self.check_sync()
                return server, died

    def judge(self, load):
        """Holds what clients saw before a cut against the log, once a server has taken it up."""
        if load is None:
            return
        if self.durability == "always":
            self.check(load, load.received, ended_cleanly=False)
        else:
            self.checked = Log(self.data).export()[-1]["position"]

    def load_until_dead(self, server):
        try:
            load = Load(server, self.rng, f"c{self.counts['cuts under load']}")
        except (OSError, EOFError, AssertionError):
            load = None  # died while the first clients connected
        try:
            server.process.wait(DEADLINE)
        finally:
            server.expected_exit = server.process.poll()
            server.destroy()
        require(server.process.returncode == -signal.SIGKILL, f"it ended with {server.process.returncode}: not by the cut")
        if load is not None:
            load.received = load.finish()
        self.cut()
        return load

    def cut(self):
        """Gives the disk back what chance says."""
        seed = self.rng.random()
        share = self.rng.choice([0, 0.3, 0.7, 1])
        if self.durability == "interval" and self.disk.data.exists():
            shutil.rmtree(self.good, ignore_errors=True)
            self.good.mkdir()
            (self.good / "data.mdb").write_bytes(self.disk.image_after_cut())
        self.disk.cut(lambda page: random.Random(f"{seed} {page}").random() < share)

    def check_sync(self):
        """A folder that a server takes up holds all that the last sync left."""
        image = self.good / "data.mdb"
        if not image.exists() or image.stat().st_size == 0:
            return  # the power went before a log was made
        verified = Log(self.good).verify()
        require(verified.returncode == 0, f"what the last sync left is damaged: {verified.stdout}{verified.stderr}")
        synced, found = Log(self.good).export(), Log(self.data).export()
        require(found[:len(synced)] == synced, "something that was synced is missing")
        self.counts["taken up with all that was synced"] += 1

    def restore(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.good, self.data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--durability", choices=["always", "interval"], default="always")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--lie", action="store_true", help="must fail: proof that a loss is noticed")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the folder here when something does not hold")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="reprise-power-cut-"))
    print(f"seed {options.seed}, {options.cuts} cuts, --durability {options.durability}", flush=True)
    run_to_the_end(
        "power-cut", PowerCuts(options, folder), options, f"--cuts {options.cuts} --durability {options.durability}")


if __name__ == "__main__":
    main()
