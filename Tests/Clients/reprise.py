"""What the tests share: the server process, the log's commands, and a WebSocket client that may misbehave."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

BINARY = os.environ.get("REPRISE_BINARY", str(pathlib.Path(__file__).parents[2] / ".build/debug/reprise"))
PREFIX = os.environ.get("REPRISE_PREFIX", "").split()  # for servers, such as `taskset -c 0`
LONG = os.environ.get("REPRISE_LONG") == "1"
DEADLINE = 15  # seconds; only a failing test waits that long

TEXT, BINARY_FRAME, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def eventually(condition, what, deadline=DEADLINE):
    """Polls until `condition()` is true, and returns its value."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        time.sleep(0.01)


def environment(extra=None):
    """The environment for a process of ours: no settings of the person who runs the tests."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("REPRISE_")}
    return {**clean, **(extra or {})}


def run(*arguments, env=None, input=None, timeout=60, cwd=None):
    """Runs a command that ends by itself."""
    return subprocess.run(
        [BINARY, *map(str, arguments)], env=environment(env), input=input, capture_output=True, text=True,
        timeout=timeout, cwd=cwd)


def run_script(*command, env=None, timeout=240):
    """Runs a program that starts servers of its own. It has a session of its own, so that on a timeout they can be ended with it.

    A test that allows more than the 120 seconds of pytest.ini needs `pytest.mark.timeout` too: that one ends the whole run."""
    process = subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
    try:
        output, errors = process.communicate(timeout=timeout)
    except BaseException as problem:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        if isinstance(problem, subprocess.TimeoutExpired):
            raise AssertionError(f"not within {timeout} s: {process.args}\n{output}{errors}") from None
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def message(data, action="onMessage"):
    return json.dumps({"action": action, "data": data}, ensure_ascii=False, separators=(",", ":"))


class Server:
    """A running `reprise serve`."""

    verb = ("serve",)

    def __init__(self, *flags, data, folder, env=None, user=None):
        """`user` is what `callers.as_user` gives, for the server of another user."""
        self.data = pathlib.Path(data)
        self._stderr = open(folder / f"stderr-{time.monotonic_ns()}", "w+b")
        command = [*PREFIX, BINARY, *self.verb, "--json", "--port", "0", "--data", str(data), *map(str, flags)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._stderr, env=environment(env), cwd=folder, **(user or {}))
        self.expected_exit = None
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait(DEADLINE)
            raise AssertionError(f"the server did not start, exit code {code}: {self.stderr}")
        self.announcement = json.loads(line)
        self.url = self.announcement["url"]
        self.port = self.announcement["port"]
        self.stage = self.url.rsplit("/", 1)[1]
        self.endpoint = f"http://127.0.0.1:{self.port}/{self.stage}"
        self.log = Log(self.data)

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process.poll() is None

    @property
    def exit_was_unexpected(self):
        return self.process.returncode != self.expected_exit

    @property
    def stderr(self):
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace").strip()

    def stop(self, number=signal.SIGTERM, code=0, deadline=DEADLINE):
        """Asks the server to stop and returns what its exit took, seconds."""
        self.expected_exit = code
        began = time.monotonic()
        self.process.send_signal(number)
        return self.wait(code, deadline, began)

    def wait(self, code=0, deadline=DEADLINE, began=None):
        self.expected_exit = code
        began = began or time.monotonic()
        try:
            found = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.expected_exit = self.process.wait()
            raise AssertionError(f"the server did not end within {deadline} s; it was killed. {self.stderr}") from None
        assert found == code, f"exit code {found}, not {code}: {self.stderr}"
        return time.monotonic() - began

    def kill(self):
        """SIGKILL: what a crash is to the log."""
        self.expected_exit = -signal.SIGKILL
        self.process.kill()
        self.process.wait(DEADLINE)

    def destroy(self):
        if self.is_running:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._stderr.close()

    @property
    def resident_bytes(self):
        """Anonymous memory: the pages of the log are the kernel's, shared and dropped at will."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
        raise AssertionError("no RssAnon")

    # HTTP

    def request(self, method, path, body=None, headers=None, source=None):
        """One request, with the path's bytes as given."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=DEADLINE, source_address=(source, 0) if source else None)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            content = response.read()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def health(self):
        return self.request("GET", "/health")

    # WebSockets

    def raw(self, **options):
        """A raw client after the handshake."""
        client = RawClient(self.port, **options)
        client.handshake(f"/{self.stage}")
        return client

    def connection_ids(self):
        """Of the live connections, in order of connection, from the log."""
        live = {}
        for event in self.log.export():
            if event["event"] == "connected":
                live[event["connectionId"]] = True
            elif event["event"] == "disconnected":
                del live[event["connectionId"]]
        return list(live)

    def wait_for_connections(self, count):
        return eventually(lambda: ids if len(ids := self.connection_ids()) == count else None, f"{count} connections")


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Log:
    """The `log` and `replay` commands on one data folder."""

    def __init__(self, data):
        self.data = pathlib.Path(data)

    def export(self, *flags):
        done = run("log", "export", "--data", self.data, *flags)
        assert done.returncode == 0, done.stderr
        # Not `splitlines`, which takes U+2028 in a body for the end of a line.
        return [json.loads(line) for line in done.stdout.split("\n") if line]

    def events(self, kind):
        return [event for event in self.export() if event["event"] == kind]

    def disconnected(self, connection=None, count=1):
        """The `disconnected` events of one connection or of all, once there are `count`."""
        def found():
            events = [e for e in self.events("disconnected") if connection in (None, e["connectionId"])]
            return events if len(events) >= count else None
        return eventually(found, f"{count} disconnected in the log")

    def verify(self):
        return run("log", "verify", "--data", self.data, "--json")

    def replay(self, *flags):
        return run("replay", "--data", self.data, "--json", *flags)

    def recompute(self):
        """The digests by `recompute_digests.py`, which shares no code with the engine, from the export alone."""
        exported = run("log", "export", "--data", self.data)
        assert exported.returncode == 0, exported.stderr
        script = pathlib.Path(__file__).with_name("recompute_digests.py")
        done = subprocess.run(
            [sys.executable, script, "--json"], input=exported.stdout, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def assert_sound(self):
        """`verify` and `replay --session all` find nothing, and an independent computation of the digests agrees.

        Returns the replays."""
        verified = self.verify()
        assert verified.returncode == 0, verified.stdout + verified.stderr
        replayed = self.replay("--session", "all")
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr
        reports = [json.loads(line) for line in replayed.stdout.splitlines()]
        assert all(report["divergence"] is None for report in reports)
        expected = self.recompute()
        assert [{key: report[key] for key in expected[0]} for report in reports] == expected
        return reports


def assert_truthful(events):
    """Gapless positions from 1, times that never go back, and exactly one close after each open."""
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    times = [event["time"] for event in events]
    assert times == sorted(times)
    opens, closes, skipped, sessions = {}, {}, {}, []
    for event in events:
        position, name = event["position"], event["event"]
        if name == "connected":
            assert event["connectionId"] not in opens, f"{event['connectionId']} opened twice"
            opens[event["connectionId"]] = position
        elif name == "disconnected":
            connection = event["connectionId"]
            assert connection in opens, f"position {position} closes {connection}, which was never opened"
            assert connection not in closes, f"{connection} closed twice"
            closes[connection] = position
        elif name == "skipped":
            connection = event["connectionId"]
            assert connection in opens and connection not in closes, f"position {position} skips for no connection"
            passed = skipped.get(connection, opens[connection])
            assert passed < event["first"] <= event["last"] < position, f"position {position} skips what it cannot"
            skipped[connection] = event["last"]
        elif name == "sessionStarted":
            assert not sessions or sessions[-1] == "sessionEnded", f"a session starts inside of one at {position}"
            sessions.append(name)
        elif name == "sessionEnded":
            assert set(opens) == set(closes), f"the session ends at {position} with open connections"
            sessions.append(name)
    assert set(opens) == set(closes), "open connections without a close"


# A client that says exactly what a test wants


def frame(opcode, payload=b"", final=True, masked=True, reserved=0, length=None, key=b"\x37\xfa\x21\x3d"):
    """The bytes of one client frame. `length` lies about the payload's length."""
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    mask = 0x80 if masked else 0
    if size < 126:
        head += bytes([mask | size])
    elif size < 1 << 16:
        head += bytes([mask | 126]) + struct.pack(">H", size)
    else:
        head += bytes([mask | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    hidden = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")
    return head + key + hidden


def close_payload(code=None, reason=""):
    return b"" if code is None else struct.pack(">H", code) + reason.encode()


class RawClient:
    """A blocking socket with just enough of RFC 6455 to break it."""

    KEY = "dGhlIHNhbXBsZSBub25jZQ=="
    ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    def __init__(self, port, receive_buffer=None, source=None, host="127.0.0.1"):
        """`port` may be the path of a unix socket."""
        is_file = not isinstance(port, int)
        self.socket = socket.socket(socket.AF_UNIX if is_file else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        if not is_file:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(str(port) if is_file else (host, port))
        self.buffer = b""
        self.port = port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request_bytes(self, path="/dev", headers=None, method="GET", version="HTTP/1.1"):
        """The handshake of RFC 6455; a header of value `None` is left out."""
        fields = {
            "Host": f"127.0.0.1:{self.port}", "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": self.KEY, **(headers or {})}
        lines = [f"{method} {path} {version}"] + [f"{k}: {v}" for k, v in fields.items() if v is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def receive_reply(self):
        """A response head, and its body by Content-Length."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        status = int(first.split()[1])
        body = b"" if status in (101, 204) else self._exactly(int(headers.get("content-length", 0)))
        return Reply(status, headers, body)

    def handshake(self, path="/dev", headers=None, early=b""):
        self.send(self.request_bytes(path, headers) + early)
        reply = self.receive_reply()
        assert reply.status == 101, (reply.status, reply.body)
        assert reply.headers["sec-websocket-accept"] == self.ACCEPT
        self.id = reply.headers["x-reprise-connection-id"]
        return reply

    def send_frame(self, *arguments, **options):
        self.send(frame(*arguments, **options))

    def receive_frame(self):
        """(final, opcode, payload); checks that the server neither masks nor uses reserved bits. After a timeout, what came
        of a frame is still in the buffer."""
        first, second = self._ahead(2)
        assert not first & 0x70 and not second & 0x80, "a reserved bit or a mask from the server"
        head, size = 2, second & 0x7F
        if size == 126:
            head = 4
            (size,) = struct.unpack(">H", self._ahead(head)[2:])
        elif size == 127:
            head = 10
            (size,) = struct.unpack(">Q", self._ahead(head)[2:])
        return bool(first & 0x80), first & 0x0F, self._exactly(head + size)[head:]

    def receive_text(self):
        """A whole message; pings and pongs are an error."""
        final, opcode, payload = self.receive_frame()
        assert opcode == TEXT, (opcode, payload)
        while not final:
            final, opcode, more = self.receive_frame()
            assert opcode == CONTINUATION
            payload += more
        return payload.decode()

    def receive_close(self):
        """(code, reason) of a Close frame, after which the stream must end."""
        while True:
            final, opcode, payload = self.receive_frame()
            if opcode == CLOSE:
                break
            assert opcode == TEXT, f"opcode {opcode} before the Close"
        assert final
        if not payload:
            return None, ""
        return struct.unpack(">H", payload[:2])[0], payload[2:].decode()

    def assert_ended(self):
        """The server ended the stream (FIN or RST) and sent nothing more."""
        try:
            rest = self.buffer + self.socket.recv(65536)
        except ConnectionError:
            rest = self.buffer
        assert rest == b"", f"{rest[:80]!r} after the end"

    def wait_for_end(self):
        """Reads until the server ends the stream; returns what came."""
        data = self.buffer
        self.buffer = b""
        with contextlib.suppress(ConnectionError):
            while part := self.socket.recv(1 << 16):
                data += part
        return data

    def discard_until_end(self):
        """Reads and forgets until either side ends the stream."""
        with contextlib.suppress(OSError):
            while self.socket.recv(1 << 18):
                pass

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def _ahead(self, count):
        """The next bytes, which stay in the buffer."""
        while len(self.buffer) < count:
            self._more()
        return self.buffer[:count]

    def _exactly(self, count):
        data = self._ahead(count)
        self.buffer = self.buffer[count:]
        return data

    def _more(self):
        part = self.socket.recv(1 << 16)
        if not part:
            raise EOFError(f"the server ended the stream; {self.buffer[:200]!r} before that")
        self.buffer += part


def is_connection_id(text):
    """AWS form (spec section 1): 11 bytes in padded base64url, not beginning with `-`."""
    return len(text) == 16 and text[0] != "-" and text[-1] == "=" and len(base64.urlsafe_b64decode(text)) == 11
