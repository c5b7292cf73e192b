"""Holds what recording clients wrote down against what the log's tools say of their connections.

The reference is computed here from `log export`, naively and on its own: nothing is taken over from the tools.
"""

import collections
import concurrent.futures
import json
import pathlib

from recording_client import digest
from reprise import Log, assert_truthful, run


class Record:
    """What one client wrote down."""

    def __init__(self, path):
        self.messages, self.ids, self.close, self.end = [], set(), None, None
        for line in path.read_text().splitlines():
            kind, *rest = json.loads(line)
            if kind == "in":
                assert self.close is None, "a message after the Close"
                self.messages.append((rest[0], rest[1]))
                self.ids.update(rest[2:])
            elif kind == "close":
                self.close = tuple(rest)
            elif kind == "end":
                self.end = rest[0]

    @property
    def is_whole(self):
        """Whether the client read everything that the server's kernel had taken: up to the Close, or to the end of an
        orderly stream."""
        return self.close is not None or self.end == "eof"


class Connection:
    """What the export says of one connection."""

    def __init__(self, event):
        self.id = event["connectionId"]
        self.opened = event["position"]
        query = event["query"]
        self.name = query.removeprefix("client=") if query.startswith("client=") else None
        self.closed = None
        self.gaps = []


class Checks:
    def __init__(self, data, records):
        self.data, self.records = data, pathlib.Path(records)
        self.failures = []
        self.verdicts = collections.Counter()
        self.ends = collections.Counter()
        self.counts = collections.Counter()
        self.transcripts, self.explanations = {}, {}

    def fail(self, connection, what):
        self.failures.append(f"{connection.id} ({connection.name}): {what}")

    def run(self, only=None):
        """Checks every connection, or that of one client."""
        events = Log(self.data).export()
        assert_truthful(events)
        self.connections, self.deliveries = self.read(events)
        chosen = [c for c in self.connections.values() if only in (None, c.name)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for connection, answers in zip(chosen, pool.map(self.ask, chosen)):
                self.check(connection, *answers)

    @staticmethod
    def read(events):
        """The connections, and (position, sender or only recipient or None) of every delivery that was ordered."""
        connections, deliveries, actions = {}, [], {}
        for event in events:
            kind = event["event"]
            if kind == "sessionStarted":
                actions = dict(route.split("=", 1) for route in event["routes"])
            elif kind == "connected":
                connections[event["connectionId"]] = Connection(event)
            elif kind == "disconnected":
                connections[event["connectionId"]].closed = event
            elif kind == "skipped":
                connections[event["connectionId"]].gaps.append((event["first"], event["last"]))
            elif kind == "sent":
                deliveries.append((event["position"], None if event["target"] == "everyone" else event["target"]))
            elif kind == "message":
                is_for_all = "route" in event and actions[event["route"]].startswith("broadcast")
                deliveries.append((event["position"], None if is_for_all else event["connectionId"]))
        return connections, deliveries

    def ask(self, connection):
        answers = []
        for verb in (["transcript", connection.id], ["explain", connection.id, "all"]):
            done = run("log", *verb, "--data", self.data, "--json", timeout=300)
            assert done.returncode == 0, done.stderr
            answers.append([json.loads(line) for line in done.stdout.splitlines()])
        return answers

    @staticmethod
    def expected(connection, position, only):
        """The verdict by the rules of the design."""
        close = connection.closed
        if only not in (None, connection.id):
            return "notAddressed"
        if position < connection.opened:
            return "notYetConnected"
        if position > close["position"]:
            return "alreadyDisconnected"
        if any(first <= position <= last for first, last in connection.gaps):
            return "skipped"
        if close["cause"] == "crash":
            return "delivered" if position <= close.get("deliveredAtLeast", 0) else "unknown"
        return "delivered" if position <= close.get("deliveredThrough", 0) else "cutOff"

    def check(self, connection, transcript, explanation):
        self.transcripts[connection.id] = transcript
        verdicts = {line["position"]: line["verdict"] for line in explanation}
        self.explanations[connection.id] = verdicts
        self.verdicts.update(verdicts.values())
        if [line["position"] for line in explanation] != [position for position, _ in self.deliveries]:
            self.fail(connection, "not exactly one verdict for every message")
        for position, only in self.deliveries:
            wanted = self.expected(connection, position, only)
            if verdicts[position] != wanted:
                self.fail(connection, f"position {position} is {verdicts[position]}, not {wanted}")
        self.check_transcript(connection, transcript, verdicts)
        path = self.records / (connection.name or "")
        if connection.name and path.is_file():
            self.check_record(connection, transcript, Record(path))

    def check_transcript(self, connection, transcript, verdicts):
        opened, *middle, closed = transcript
        if (opened["kind"], opened["position"]) != ("opened", connection.opened):
            self.fail(connection, "the transcript does not begin with the open")
        if (closed["kind"], closed["position"]) != ("closed", connection.closed["position"]):
            self.fail(connection, "the transcript does not end with the close")
        sent = {line["position"]: line["fate"] for line in middle if line["kind"] == "out"}
        present = {p: v for p, v in verdicts.items() if v in ("delivered", "cutOff", "skipped", "unknown")}
        if sent != present:
            self.fail(connection, "fates in the transcript differ from the verdicts")
        if connection.closed["cause"] != "crash":
            # All of what was delivered, and beside it parts of one delivery, a Close and pongs.
            delivered = sum(line["frameBytes"] for line in middle if line.get("fate") == "delivered")
            rest = [line["frameBytes"] for line in middle if line.get("fate") == "cutOff"][:1]
            if not delivered <= connection.closed["bytesSent"] < delivered + sum(rest) + 128:
                self.fail(connection, f"{delivered} B were delivered, {connection.closed['bytesSent']} B are recorded")

    def check_record(self, connection, transcript, record):
        """What came is a prefix of what was sent; where the client read to the end, it is all that was delivered."""
        out = [line for line in transcript if line["kind"] == "out" and line["fate"] != "skipped"]
        delivered = sum(line["fate"] == "delivered" for line in out)
        crashed = connection.closed["cause"] == "crash"
        possible = [(digest(line["body"]), len(line["body"])) for line in out if line["fate"] != "cutOff"]
        count = len(record.messages)
        self.counts["records"] += 1
        self.counts["received"] += count
        if record.ids - {connection.id}:
            self.fail(connection, f"it was told that it is {record.ids}")
        if record.messages != possible[:count]:
            at = next((i for i, (a, b) in enumerate(zip(record.messages, possible)) if a != b), len(possible))
            where = out[at]["position"] if at < len(out) else "the end"
            self.fail(connection, f"message {at} of {count} is not what the transcript has at {where}; "
                                  f"{delivered} delivered, close {connection.closed}, end {record.end}")
            return
        for line in out[:count]:
            if line["fate"] not in (("delivered", "unknown") if crashed else ("delivered",)):
                self.fail(connection, f"position {line['position']} was received, but is {line['fate']}")
        if record.is_whole:
            self.counts["read to the end"] += 1
            if count < delivered or (count > delivered and not crashed):
                self.fail(connection, f"{count} messages came, {delivered} were delivered; end {record.end}, "
                                      f"close {connection.closed}")
        if record.close is not None:
            self.counts["with the server's Close"] += 1
            close = connection.closed
            sent = (close["code"], close["reason"])
            if close["cause"] == "crash":
                self.counts["Closes before a crash"] += 1  # the disconnect did not get into the log
            elif record.close != sent and close["cause"] != "client":
                self.fail(connection, f"the Close said {record.close}, the log says {sent}")
        self.ends[f"{connection.closed['cause']}, {record.end.split(':')[0] if record.end else 'killed'}"] += 1

    def compare_early(self, connection, output):
        """What was said while the connection was open stays true; only `unknown` may be known better."""
        for line in map(json.loads, output.splitlines()):
            self.counts["verdicts on open connections"] += 1
            later = self.explanations[connection][line["position"]]
            if line["verdict"] not in (later, "unknown"):
                self.failures.append(f"{connection}: position {line['position']} was {line['verdict']} while the "
                                     f"connection was open, and is {later} now")

    def compare_followed(self, connection, code, output):
        """`--follow` printed the transcript and ended with the close."""
        self.counts["followed to the close"] += 1

        def plain(lines):
            return [{key: value for key, value in line.items() if key != "fate"} for line in lines]
        followed = [json.loads(line) for line in output.splitlines()]
        if code != 0 or plain(followed) != plain(self.transcripts[connection]):
            self.failures.append(f"{connection}: --follow printed another transcript, exit {code}")

    def report(self):
        closed = collections.Counter(c.closed["cause"] for c in self.connections.values())
        gaps = sum(len(c.gaps) for c in self.connections.values())
        print(f"  {len(self.connections)} connections, {len(self.deliveries)} messages, "
              f"{sum(self.verdicts.values()):,} verdicts: "
              + ", ".join(f"{name} {count:,}" for name, count in self.verdicts.most_common()))
        print("  closes: " + ", ".join(f"{name} {count}" for name, count in closed.most_common())
              + f"; {gaps} gaps skipped")
        print("  " + ", ".join(f"{name} {count:,}" for name, count in self.counts.items()))
        print("  ends by cause and by what the client saw: "
              + ", ".join(f"{name} {count}" for name, count in self.ends.most_common()))
        for failure in self.failures[:20]:
            print(f"  FAILS {failure}")
        print(f"  {len(self.failures)} failures" if self.failures else "  every record and every verdict holds")
