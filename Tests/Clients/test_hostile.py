"""Clients that mean harm. For each attack: what the attacker gets, exactly; and that two innocent clients who talk to each
other all the while miss nothing, that memory and descriptors are what they were, and that the log is sound afterwards.

Quick sizes; `tools/hostile` runs the full ones (REPRISE_LONG=1) and prints a table. Attacks that test_websocket_rules.py and
test_limits.py describe on their own are repeated here only where others could suffer from them.
"""

import contextlib
import json
import os
import pathlib
import socket
import threading
import time

import pytest

from reprise import CLOSE, CONTINUATION, DEADLINE, LONG, PING, PONG, TEXT, RawClient, eventually, frame, message, run

MEMORY_BOUND = 48 << 20  # growth of a server under attack: buffers, rings and caches, nothing that an attacker can stretch


def size(quick, full):
    return full if LONG else quick


class Innocents:
    """Two clients; one speaks, both listen. Whatever happens beside them, every message comes, once and in order."""

    def __init__(self, server):
        self.server = server
        self.speaker, self.listener = server.raw(), server.raw()
        self.count = 0
        self.peak = 0  # the most memory that the server had after one of their messages
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.talk, daemon=True)
        self.thread.start()

    def talk(self):
        try:
            while not self.stopping.is_set():
                text = f'"innocent {self.count}"'
                self.speaker.send_frame(TEXT, message(f"innocent {self.count}"))
                for client in (self.speaker, self.listener):
                    while (heard := client.receive_text()) != text:
                        assert "innocent" not in heard, f"{heard} came instead of {text}"
                self.count += 1
                self.peak = max(self.peak, self.server.resident_bytes)
                self.stopping.wait(0.002)  # their pace
        except Exception as failure:
            self.failure = failure

    def say_more(self):
        """Waits until something was said and heard since the call."""
        before = self.count
        eventually(lambda: self.failure or self.count > before + 1, "innocent messages")
        assert self.failure is None, self.failure

    def finish(self):
        self.say_more()
        self.stopping.set()
        self.thread.join(DEADLINE)
        assert self.failure is None, self.failure
        self.speaker.close()
        self.listener.close()


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


@contextlib.contextmanager
def attack(server, name, bound=MEMORY_BOUND):
    """Runs an attack beside innocent clients and checks what must hold for everybody else; `bound` is how much memory may grow."""
    innocents = Innocents(server)
    innocents.say_more()
    memory, open_before = server.resident_bytes, descriptors(server)
    outcome = []
    yield outcome
    assert server.is_running
    innocents.say_more()
    peak = innocents.peak
    assert server.health().status == 200
    eventually(lambda: descriptors(server) <= open_before, f"{open_before} descriptors, as before", 60)
    growth = server.resident_bytes - memory
    assert max(growth, peak - memory) < bound, f"memory grew by {growth >> 20} MiB, {(peak - memory) >> 20} at most"
    innocents.finish()
    server.stop()
    assert server.log.verify().returncode == 0
    if LONG:
        print(f"| {name} | {'; '.join(map(str, outcome))} | {memory >> 20} → {peak >> 20} → {(memory + growth) >> 20} MiB | "
              f"{innocents.count} messages, none missed |")


# Before there is a WebSocket


@pytest.mark.parametrize("begun", [b"", b"GET /dev HTTP/1.1\r\nHost: a\r\n"])
def test_sockets_that_never_upgrade_are_bounded_and_the_oldest_go(serve, begun):
    bound, count = size(64, 4096), size(400, 10_000)
    server = serve("--loops", "1", "--max-pending", str(bound), "--handshake-timeout", "60s")  # the bound is of one loop
    with attack(server, f"{count} connects that never upgrade, {'silent' if not begun else 'half a request each'}") as outcome:
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(count)]
        for client in sockets:
            with contextlib.suppress(OSError):
                client.sendall(begun)
        # Whoever comes now is served, though nobody made room.
        with RawClient(server.port) as late:
            assert late.handshake().status == 101
        eventually(lambda: descriptors(server) < bound + 60, "no more sockets than the bound")
        sockets[0].settimeout(DEADLINE)
        assert sockets[0].recv(1) == b"", "the oldest was not closed"
        sockets[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            sockets[-1].recv(1)
        outcome.append(f"all but the newest {bound} are closed")
        for client in sockets:
            client.close()


def test_a_request_that_dribbles_in_byte_by_byte_is_cut_off(serve):
    server = serve("--handshake-timeout", "1s")
    with attack(server, "requests that dribble") as outcome:
        clients = [RawClient(server.port) for _ in range(size(20, 500))]
        request = clients[0].request_bytes(headers={"X-Long": "y" * 8000})
        sent = 0
        with contextlib.suppress(OSError):
            while True:
                for client in clients:
                    client.send(request[sent:sent + 1])
                sent += 1
                time.sleep(0.02)  # the pace of the attack
        for client in clients:
            with contextlib.suppress(ConnectionError):
                assert client.socket.recv(1) == b""
            client.close()
        outcome.append("closed after --handshake-timeout")


def test_18_connects_above_the_rate_get_429_and_are_let_in_later(serve):
    rate = 20
    server = serve("--connect-rate", str(rate))
    with attack(server, "a storm of connects above --connect-rate") as outcome:
        admitted, refused = [], 0
        for _ in range(size(200, 5000)):
            client = RawClient(server.port)
            client.send(client.request_bytes())
            reply = client.receive_reply()
            if reply.status == 101:
                admitted.append(client)
                continue
            assert reply.status == 429 and int(reply.headers["retry-after"]) >= 1
            assert reply.headers["x-amzn-errortype"] == "TooManyRequestsException"
            refused += 1
            client.close()
        assert refused > 0 and admitted

        def comes_in():
            with RawClient(server.port) as client:
                client.send(client.request_bytes())
                return client.receive_reply().status == 101
        eventually(comes_in, "a connect at the allowed rate")
        outcome.append(f"429 with Retry-After for {refused}, 101 for {len(admitted)}")
        for client in admitted:
            client.close()


def test_a_storm_of_connects_and_closes_leaves_nothing_behind(serve):
    server = serve()
    with attack(server, "a storm of connects and closes") as outcome:
        for index in range(size(200, 10_000)):
            with RawClient(server.port) as client:
                if index % 3:
                    client.handshake()
                    client.send_frame(CLOSE, b"\x03\xe8") if index % 2 else client.reset()
                else:
                    client.send(client.request_bytes())
                    client.reset()
        outcome.append("101 each")
    opens, closes = len(server.log.events("connected")), len(server.log.events("disconnected"))
    assert opens == closes


# Requests


def unread_bytes(server, client=None):
    """How much the kernel holds for all of the server's sockets, or for a client's (proc_net_tcp.txt: addresses, state and queues)."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    peer = "" if client is None else f":{client.socket.getsockname()[1]:04X}"
    return sum(int(row[4].split(":")[1], 16) for row in rows
               if row[1].endswith(f":{server.port:04X}") and row[2].endswith(peer) and row[3] != "0A")


# Its reply repeats what is no id: a few hundred are more than the kernel keeps for a client that takes nothing.
LONG_REPLY = f"GET /dev/@connections/{'x' * 3500} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def send_without_reading(server, client, data, quiet=2):
    """Sends until the server has read everything, or has read nothing for some seconds. Returns what could not be
    sent, and how much the server has not read of the rest."""
    client.socket.setblocking(False)
    sent, progress, since = 0, None, 0

    def is_over():
        nonlocal sent, progress, since
        with contextlib.suppress(BlockingIOError):
            while sent < len(data):
                sent += client.socket.send(data[sent:sent + (1 << 16)])
        before, progress = progress, (sent, unread_bytes(server, client))
        if progress != before:
            since = time.monotonic()
        return progress == (len(data), 0) or time.monotonic() > since + quiet
    eventually(is_over, "the server reads everything, or no more", 100)
    client.socket.settimeout(DEADLINE)
    return data[sent:], progress[1]


def test_replies_that_nobody_reads_pile_up_nowhere(serve):
    """edge.md, fault 1: a client that pipelines requests must take the replies, or its requests are not read."""
    server = serve("--handshake-timeout", "60s")
    with attack(server, "pipelined requests whose replies nobody reads", bound=12 << 20) as outcome:
        clients = [RawClient(server.port, receive_buffer=4096) for _ in range(size(1, 20))]
        for client in clients:
            assert send_without_reading(server, client, LONG_REPLY * 8000) != (b"", 0), "all of it was read"
        outcome.append("one reply waits for each, and nothing more is read")
        for client in clients:
            client.reset()


def test_a_101_stands_behind_all_replies_before_it(server):
    """edge.md, fault 2: it went out in the middle of a reply that waited for the client."""
    count = 3000
    with RawClient(server.port, receive_buffer=4096) as client:
        unsent, _ = send_without_reading(server, client, LONG_REPLY * count)
        # The kernel has a little room again, and not enough to say so.
        statuses = [client.receive_reply().status for _ in range(200)]
        sender = threading.Thread(target=client.send, args=(unsent + client.request_bytes(),))
        sender.start()
        sender.join(1)  # unless it has to wait for the replies to be read
        statuses += [client.receive_reply().status for _ in range(count + 1 - len(statuses))]
        sender.join(DEADLINE)
        assert statuses == [400] * count + [101]
        client.send_frame(TEXT, message("in order"))
        assert client.receive_text() == '"in order"'


@pytest.mark.parametrize("head", [
    "POST /nothing HTTP/1.1\r\nHost: localhost",
    "POST /dev HTTP/1.1\r\nHost: localhost",
    "GET /health HTTP/1.1\r\nHost: localhost",
    "GET /dev/@connections/AAAAAAAAAAAAAAA= HTTP/1.1\r\nHost: localhost",
    "POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example",
])
def test_bodies_that_nobody_asked_for_are_not_kept(serve, head):
    """edge.md, fault 6: who may call what is decided at the head, before a byte of the body is kept."""
    server = serve("--handshake-timeout", "60s")
    with attack(server, f"unfinished bodies: {head.splitlines()[0]}", bound=12 << 20) as outcome:
        clients = [RawClient(server.port) for _ in range(size(200, 2000))]
        for client in clients:
            client.send(f"{head}\r\nContent-Length: 131072\r\n\r\n".encode() + b"x" * 131_000)
        eventually(lambda: unread_bytes(server) == 0, "all of it was read", 60)
        outcome.append("nothing is kept")
        for client in clients:
            client.reset()


SMUGGLED = b"DELETE /dev/@connections/AAAAAAAAAAAAAAA= HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("head, body", [
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 70\r\n\r\n", b""),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n", b"0\r\n\r\n"),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n", b"0\r\n\r\n"),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n", b"0\r\n\r\n"),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n", b""),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b""),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", b""),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"-1\r\nx\r\n0\r\n\r\n"),
    ("POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"fffffffffffffffff\r\nx\r\n"),
    ("GET /health HTTP/1.1\r\nHost: a\r\nX: 1\r\n Content-Length: 70\r\n\r\n", b""),
    ("GET /health HTTP/1.1\r\nHost: a\nContent-Length: 70\n\n", b""),
    ("GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", b""),
    ("GET /health HTTP/1.1\r\nHost : a\r\n\r\n", b""),
    ("GET  /health HTTP/1.1\r\nHost: a\r\n\r\n", b""),
    ("GET /health\r\n\r\n", b""),
    ("GET /health HTTP/9.9\r\nHost: a\r\n\r\n", b""),
])
def test_a_request_with_two_readings_is_refused_or_ends_the_socket(serve, head, body):
    """What two servers in a row could read in two ways must not let a request through that was hidden in another."""
    server = serve()
    with RawClient(server.port) as client:
        client.send(head.encode() + body + SMUGGLED)
        client.socket.shutdown(socket.SHUT_WR)
        answers = client.wait_for_end()
    statuses = [line.split()[1] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert b"410" not in statuses or statuses == [b"200", b"410"], "the hidden request was answered beside a refusal"
    assert statuses[:1] in ([b"400"], [b"200"], []) and len(statuses) <= 2, answers
    if statuses == [b"200", b"410"]:
        # Taken as two requests: then the first one must have had one reading only.
        assert "Content-Length" not in head and "Transfer-Encoding" not in head, answers
    assert server.health().status == 200


@pytest.mark.parametrize("path", [
    "/dev/../health", "/dev/@connections/../../health", "/dev/%2e%2e/health", "/dev/@connections/%2e%2e%2f%2e%2e%2fhealth",
    "/../../../../etc/passwd", "/dev/@connections/..%5c..%5cetc%5cpasswd", "//dev", "/dev/./", "/dev/%00", "/DEV",
    "/dev;a=b", "/dev%2f@connections", "/@connections", "/health/", "/health/../dev", "/%2fhealth", "/dev/@connections/%00",
])
def test_no_path_leads_anywhere_but_where_it_says(server, path):
    for method in ("GET", "POST", "DELETE"):
        with RawClient(server.port) as client:
            client.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
            reply = client.receive_reply()
        assert reply.status in ((200, 403) if path == "/health/" else (400, 403)), (method, path, reply.status)
        assert b"root:" not in reply.body


def test_headers_cannot_be_injected_by_what_is_echoed(server):
    reply = server.request("GET", "/dev/@connections/x%0d%0aSet-Cookie:%20a=b")
    assert reply.status == 400 and "set-cookie" not in reply.headers


# Origins


def test_only_listed_origins_connect(serve):
    server = serve("--allow-origin", "https://app.example.com,https://*.example.org")
    for origin, status in [("https://app.example.com", 101), ("https://a.example.org", 101), (None, 101),
                           ("https://evil.example", 403), ("https://app.example.com.evil.example", 403), ("null", 403)]:
        with RawClient(server.port) as client:
            client.send(client.request_bytes(headers={"Origin": origin}))
            assert client.receive_reply().status == status, origin


def test_a_page_in_a_browser_on_this_machine_may_not_call_the_management_api(serve):
    """A page can make the browser post to 127.0.0.1; the loopback rule alone would let it."""
    server = serve()
    with server.raw() as client:
        page = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
        assert server.request("POST", "/dev/@connections", "hello", headers=page).status == 403
        assert server.request("DELETE", f"/dev/@connections/{client.id}", headers=page).status == 403
        assert server.request("POST", "/dev/@connections", "hello").status == 200
        assert client.receive_text() == "hello"


def test_an_origin_that_cannot_be_one_is_a_usage_error(folder):
    done = run("serve", "--allow-origin", "example.com", "--data", folder / "data")
    assert done.returncode == 64 and "--allow-origin must be" in done.stderr


# Frames


@pytest.mark.parametrize("name, data, code", [
    ("a length of 2^63", frame(TEXT, b"x", length=1 << 63), 1002),
    ("a length of 2^63 - 1", frame(TEXT, b"x", length=(1 << 63) - 1), 1009),
    ("a length of all ones", frame(TEXT, b"x", length=(1 << 64) - 1), 1002),
    ("an unmasked frame", frame(TEXT, b"hello", masked=False), 1002),
    ("reserved bit 1: a claim of compression", frame(TEXT, b"\xcaH\xcd\xc9\xc9\x07\x00", reserved=4), 1002),
    ("reserved bits 2 and 3", frame(TEXT, b"x", reserved=3), 1002),
    ("a reserved opcode", frame(3, b"x"), 1002),
    ("a fragmented ping", frame(PING, b"x", final=False), 1002),
    ("a ping of 126 bytes", frame(PING, b"x" * 126), 1002),
    ("a fragment of nothing", frame(CONTINUATION, b"x"), 1002),
    ("fragments without end", frame(TEXT, b"x" * 30_000, final=False) + frame(CONTINUATION, b"x" * 30_000, final=False) * 8, 1009),
])
def test_a_broken_frame_ends_its_sender_and_nobody_else(serve, name, data, code):
    server = serve()
    with attack(server, name) as outcome:
        for _ in range(size(5, 500)):
            with server.raw() as client:
                with contextlib.suppress(OSError):
                    client.send(data)
                assert client.receive_close()[0] == code
        outcome.append(f"close {code}")
    causes = {(e["cause"], e["code"]) for e in server.log.events("disconnected") if e["code"] != 1006}
    assert causes <= {("protocol", code), ("shutdown", 1001)}, causes


def test_compression_is_not_negotiated_however_it_is_offered(server):
    for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits", "x-webkit-deflate-frame, permessage-bzip2"):
        with RawClient(server.port) as client:
            assert "sec-websocket-extensions" not in client.handshake(
                headers={"Sec-WebSocket-Extensions": offer}).headers


def test_empty_fragments_without_end_cost_nothing(serve):
    server = serve()
    with attack(server, "empty fragments without end") as outcome, server.raw() as client:
        client.send_frame(TEXT, message("begun")[:5], final=False)
        empty = frame(CONTINUATION, b"", final=False) * 1000
        for _ in range(size(100, 5000)):
            client.send(empty)
        client.send_frame(CONTINUATION, message("begun")[5:])
        eventually(lambda: "begun" in client.receive_text(), "the message, once it ends")
        outcome.append("its message, when it ends it at last")


def test_frames_that_dribble_in_byte_by_byte_delay_nobody(serve):
    server = serve()
    with attack(server, "frames that dribble") as outcome, server.raw() as client:
        data = frame(TEXT, message("dribbled " + "x" * size(200, 5000)))
        for byte in data:
            client.send(bytes([byte]))
        eventually(lambda: "dribbled" in client.receive_text(), "the message")
        outcome.append("its message")


def test_a_flood_of_pings_by_a_client_that_does_not_read_costs_no_memory(serve):
    server = serve()
    with attack(server, "a flood of pings") as outcome:
        clients = [server.raw(receive_buffer=4096) for _ in range(size(5, 50))]
        pings = frame(PING, b"x" * 125) * 500
        for client in clients:
            client.socket.settimeout(0.2)
            with contextlib.suppress(TimeoutError, OSError):
                for _ in range(size(100, 2000)):
                    client.send(pings)
        outcome.append("at most one pong waits for each")
        for client in clients:
            client.reset()


def test_pings_that_come_at_once_are_answered_at_once(server):
    """edge.md, fault 8: each had a send of its own, 10 900 of them for one read."""
    with server.raw() as client:
        client.send(b"".join(frame(PING, str(number)) for number in range(8000)))
        answered = []
        while answered[-1:] != [7999]:
            _, opcode, payload = client.receive_frame()
            assert opcode == PONG
            answered.append(int(payload))
        assert answered == sorted(set(answered)) and answered[0] == 0
        assert len(answered) < 4000, "a pong for every ping"


def test_what_is_in_flight_stays_within_its_bound(serve):
    """edge.md, fault 3: every client had a read of 64 KiB more, and each of its smallest messages costs some hundred bytes."""
    server = serve("--in-flight-bytes", "65536", "--route", "onMessage=broadcast:data", "--route", "$default=record")
    count = size(16, 300)
    with attack(server, f"{count} clients that send small messages at once", bound=16 << 20) as outcome:
        clients = [server.raw() for _ in range(count)]
        messages = frame(TEXT, b"") * (65536 // 6)
        for client in clients:
            client.send(messages)
        for client in clients:
            client.send_frame(CLOSE, b"\x03\xe8")
        for client in clients:
            client.socket.settimeout(100)
            assert client.receive_close()[0] == 1000
        outcome.append("all are taken in, a few at a time")
    stats = json.loads(run("log", "stats", "--data", server.data, "--json").stdout)
    assert stats["events"]["message"] > count * (65536 // 6), "theirs, and what the innocent said"


def test_unfinished_messages_stay_within_their_bound(serve):
    """edge.md, fault 7: 500 of them took 62 MiB, and nothing bounded them all."""
    server = serve("--edge-bytes", "4MiB", "--loops", "1")
    count = size(120, 1000)
    with attack(server, f"{count} messages of 128 KiB that do not end", bound=14 << 20) as outcome:
        clients = [server.raw() for _ in range(count)]
        begun = message("x" * 120_000)
        for client in clients:
            client.send_frame(TEXT, begun[:30_000], final=False)
            client.send_frame(CONTINUATION, begun[30_000:60_000], final=False)
            client.send_frame(CONTINUATION, begun[60_000:90_000], final=False)
            eventually(lambda: unread_bytes(server) == 0, "it was read", 60)
        assert clients[0].receive_close() == (1008, "Unfinished for too long, and memory is scarce")
        clients[-1].send_frame(CONTINUATION, begun[90_000:])
        eventually(lambda: "xxx" in clients[-1].receive_text(), "the newest message, which has its room", 60)
        outcome.append("close 1008 for the oldest")
        for client in clients:
            client.reset()
    closes = [e for e in server.log.events("disconnected") if e["cause"] == "protocol"]
    assert count - 40 <= len(closes) < count and all(e["code"] == 1008 for e in closes)


def test_all_bounds_filled_at_once_stay_within_their_sum(serve):
    """README, "All of it together", with small bounds: 1 + 2 + 2 MiB, 100 pending sockets and 150 connections."""
    server = serve("--loops", "1", "--in-flight-bytes", "1MiB", "--edge-bytes", "2MiB", "--ring-bytes", "2MiB", "--max-pending",
                   "100", "--message-bytes", "128KiB", "--handshake-timeout", "60s", "--route", "onMessage=broadcast:data",
                   "--route", "$default=record")
    total = (1 + 2 + 2 << 20) + 100 * (32 << 10) + 150 * 6000
    allocator = 6 << 20  # what malloc keeps beside it, and buffers of the loop
    with attack(server, "every bound filled at once", bound=total + allocator) as outcome, contextlib.ExitStack() as stack:
        begun = message("x" * 120_000)
        unfinished = [server.raw() for _ in range(60)]
        stalled = [server.raw(receive_buffer=4096) for _ in range(20)]
        flooding = [server.raw() for _ in range(20)]
        for client in unfinished:
            client.send_frame(TEXT, begun[:30_000], final=False)
            client.send_frame(CONTINUATION, begun[30_000:60_000], final=False)
        pending = [RawClient(server.port) for _ in range(150)]
        for index, client in enumerate(pending):
            stack.callback(client.reset)
            with contextlib.suppress(OSError):  # the oldest ones are closed meanwhile
                if index % 2:
                    client.send(b"GET /dev HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 15_000)
                else:
                    client.send(b"POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 120000\r\n\r\n")
                    client.send(b"x" * 100_000)
        for client in flooding:
            with contextlib.suppress(OSError):
                client.send(frame(TEXT, message("y" * 20_000)) * 20)
        eventually(lambda: unread_bytes(server) == 0, "all of it was read", 100)
        outcome.append("the oldest holders are closed, and the slow ones")
        for client in [*unfinished, *stalled, *flooding]:
            client.reset()


def test_json_that_has_to_be_written_anew_delays_nobody(serve):
    """edge.md, fault 4: it was written on the thread that commits."""
    server = serve("--route", "onMessage=broadcast:data", "--route", "me=echo:data")
    body = '{"action":"me","data":[' + ",".join(['{"a":1.0}'] * 3200) + "]}"
    expected = "[" + ",".join(['{"a":1}'] * 3200) + "]"
    count = size(60, 2000)
    with attack(server, "messages of 32 KB whose JSON has to be written anew") as outcome, server.raw() as client:
        sender = threading.Thread(target=lambda: [client.send_frame(TEXT, body) for _ in range(count)])
        sender.start()
        answers = 0
        while answers < count:
            text = client.receive_text()
            assert text == expected or "innocent" in text
            answers += text == expected
        sender.join(DEADLINE)
        outcome.append("its answers")


def test_messages_above_the_rate_end_their_sender_and_the_log_says_so(serve):
    server = serve("--message-rate", "1000")
    with attack(server, "messages above --message-rate") as outcome:
        for _ in range(size(3, 100)):
            with server.raw() as client:
                with contextlib.suppress(OSError):
                    client.send(frame(TEXT, message("flood")) * 3000)
                code, reason = client.receive_close()
                assert (code, reason) == (1008, "Too many messages a second")
        outcome.append("close 1008")
    closes = [e for e in server.log.events("disconnected") if e["cause"] == "messageRate"]
    assert len(closes) == size(3, 100) and all(e["code"] == 1008 for e in closes)
    for close in closes:
        sent = [e for e in server.log.events("message") if e["connectionId"] == close["connectionId"]]
        assert 1000 <= len(sent) < 3000, "what came within the rate is in the log, and what was above is not"


def test_messages_within_the_rate_go_on_for_ever(serve):
    server = serve("--message-rate", "5")
    with server.raw() as client:
        for index in range(12):
            client.send_frame(TEXT, message(index))
            assert client.receive_text() == str(index)
            time.sleep(0.2)  # the allowed pace
