"""A client that writes down what it receives, in a process of its own, so that it can be killed at any moment.

It is the sans-I/O layer of `websockets` on a plain socket: the record holds each message that came in whole, whether the
server's Close came, and how the stream ended. Not reading the socket is all that stalling takes.
"""

import hashlib
import json
import os
import random
import select
import socket
import time

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Opcode
from websockets.uri import parse_uri

RECEIVE_BYTES = 16 << 10
# With large segments the kernel of a loopback connection keeps megabytes for a client that does not read.
SEGMENT_BYTES = 536


def digest(text):
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def make_plan(name, url, path, seed, length, rate):
    """What one client will do, drawn from its seed. Times are seconds after its start; `length` is a typical life,
    `rate` the mean of messages a second.

    `ending` says who ends it: the client with a Close, `kill -9`, a violation, or else the server."""
    rng = random.Random(seed)
    life = rng.uniform(0.1, 2.0) * length
    stalls = []
    kind = rng.choices(["reads", "pauses", "stalls"], [6, 2, 2])[0]
    if kind == "pauses":
        begin = rng.uniform(0, life / 2)
        stalls = [(begin, begin + rng.uniform(0.05, 0.5) * length)]
    elif kind == "stalls":
        stalls = [(rng.uniform(0, life / 2), float("inf"))]
    return {
        "name": name, "url": url, "path": str(path), "seed": rng.random(), "life": life, "stalls": stalls,
        "ending": rng.choices(["close", "kill", "violation", "server"], [3, 4, 1, 4])[0],
        "asks": rng.random() < 0.6, "sendRate": rate * rng.choice([0, 0.5, 1, 2.5])}


class RecordingClient:
    def __init__(self, plan):
        self.plan = plan
        self.random = random.Random(plan["seed"])
        self.record = os.open(plan["path"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.parts = []
        self.sent_count = 0
        self.is_open = False  # between the response to the handshake and the first Close

    def run(self):
        """Until the stream ends. Whatever happens is written down before the next bytes are read."""
        end = "eof"
        try:
            self.connect()
            self.live()
        except TimeoutError:
            end = "timeout"
        except (OSError, InvalidState) as error:
            end = f"lost: {error}"
        self.note([["end", end]])

    def note(self, lines):
        if lines:
            os.write(self.record, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def connect(self):
        uri = parse_uri(f"{self.plan['url']}?client={self.plan['name']}")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        self.socket.connect((uri.host, uri.port))
        self.protocol = ClientProtocol(uri, max_size=None)
        self.protocol.send_request(self.protocol.connect())
        self.flush()

    def flush(self):
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)
            else:
                self.socket.shutdown(socket.SHUT_WR)

    # What happens by the clock

    def live(self):
        began = time.monotonic()
        plan = self.plan
        next_send = self.next_send(0)
        end = plan["life"] if plan["ending"] in ("close", "violation") else float("inf")
        asked = not plan["asks"]
        while True:
            now = time.monotonic() - began
            if self.is_open and not asked:
                self.send('{"action":"who am I"}')
                asked = True
            if self.is_open and now >= next_send:
                self.send(self.message())
                next_send = self.next_send(now)
            if self.is_open and now >= end:
                self.finish()
                end = float("inf")
            stalled_until = max([stop for start, stop in plan["stalls"] if start <= now < stop], default=0)
            starts = [start for start, _ in plan["stalls"] if start > now]
            wake = min([next_send, end, *starts, *([stalled_until] if stalled_until else []), now + 5])
            wait = max(0, wake - now)
            readable, _, _ = select.select([] if stalled_until else [self.socket], [], [], wait)
            if readable and not self.receive():
                return

    def next_send(self, now):
        rate = self.plan["sendRate"]
        return now + self.random.expovariate(rate) if rate else float("inf")

    def message(self):
        """Mostly broadcasts of mixed sizes; some replies, and some that get an error frame."""
        self.sent_count += 1
        size = self.random.choices([0, 200, 3000, 32_000], [10, 6, 3, 1])[0]
        data = f"{self.plan['name']}-{self.sent_count}-" + "x" * self.random.randint(0, size)
        action = self.random.choices(["onMessage", "echo", "nothing"], [12, 2, 1])[0]
        body = {"action": action, "data": data}
        if self.random.random() < 0.05:
            del body["data"]
        return json.dumps(body, separators=(",", ":"))

    def send(self, text):
        self.protocol.send_text(text.encode())
        self.flush()

    def finish(self):
        if self.plan["ending"] == "close":
            self.protocol.send_close(1000, f"bye {self.plan['name']}")
        else:
            self.protocol.send_binary(b"\0")  # the server takes text alone
        self.is_open = False
        self.flush()

    # What comes in

    def receive(self):
        """Takes in what is there; false at the end of the stream."""
        data = self.socket.recv(1 << 16)
        if not data:
            return False
        self.protocol.receive_data(data)
        lines = []
        for event in self.protocol.events_received():
            opcode = getattr(event, "opcode", None)
            if opcode is None:  # the response to the handshake
                lines.append(["open", event.status_code])
                self.is_open = event.status_code == 101
            elif opcode in (Opcode.TEXT, Opcode.CONT, Opcode.BINARY):
                self.parts.append(bytes(event.data))
                if event.fin:
                    lines.append(self.received(b"".join(self.parts).decode()))
                    self.parts = []
            elif opcode == Opcode.CLOSE:
                self.is_open = False
                close = self.protocol.close_rcvd
                lines.append(["close", close.code, close.reason])
        self.note(lines)
        self.flush()
        return True

    @staticmethod
    def received(text):
        line = ["in", digest(text), len(text)]
        if text.startswith('{"message": "'):
            line.append(json.loads(text)["connectionId"])
        return line
