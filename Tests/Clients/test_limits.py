"""Everything is bounded, and says so when the bound is reached."""

import ctypes
import os
import pathlib
import re
import resource
import signal
import threading

import pytest

from reprise import TEXT, RawClient, assert_truthful, eventually, frame, message

FULL = re.compile(r'\{"message": "Internal server error", "connectionId":"[^"]{16}", "requestId":"[^"]{16}"\}')


def attempt(server):
    with RawClient(server.port) as client:
        client.send(client.request_bytes())
        return client.receive_reply()


# Connections


def test_connections_above_the_limit_get_503(serve):
    server = serve("--max-connections", "3")
    clients = [server.raw() for _ in range(3)]
    reply = attempt(server)
    assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
    assert reply.headers["x-amzn-errortype"] == "ServiceUnavailableException"
    assert server.health().status == 200
    clients.pop().close()
    eventually(lambda: attempt(server).status == 101, "a place is free again")
    for client in clients:
        client.close()


def test_connects_that_find_no_place_use_no_rate_up(serve):
    server = serve("--max-connections", "1", "--connect-rate", "3")
    with server.raw():
        assert [attempt(server).status for _ in range(20)] == [503] * 20
    server.log.disconnected()
    assert attempt(server).status == 101


def test_no_place_is_lost_however_a_client_leaves(serve):
    server = serve("--max-connections", "3", "--loops", "2")
    for round in range(40):
        client = RawClient(server.port)
        client.send(client.request_bytes(headers={"Sec-WebSocket-Key": None} if round % 4 == 0 else {}))
        if round % 4 == 1:
            client.reset()
        elif round % 4 == 2:
            client.close()
        else:
            client.receive_reply()
            client.close()
        eventually(lambda: not server.connection_ids(), "the last one is gone")
    clients = []
    for _ in range(3):
        eventually(lambda: clients.append(server.raw()) or True, "a place")
    assert attempt(server).status == 503
    for client in clients:
        client.close()


# Descriptors


def with_descriptors(count):
    """What `Popen` is to be given for a process that may have so many descriptors, also where root may raise its limits."""
    library = ctypes.CDLL(None)

    def apply():
        library.prctl(24, 24, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_SYS_RESOURCE
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    return {"preexec_fn": apply}


def processor_ticks(server):
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("loops", [1, 3])
def test_there_are_no_more_connections_than_descriptors(serve, loops):
    """And whoever comes beyond that is told."""
    server = serve("--loops", loops, user=with_descriptors(96))
    said = re.search(r"96 descriptors are allowed.* at most (\d+) connections are taken \(--max-connections 20000\)", server.stderr)
    assert server.stderr.count("\n") == 0
    limit = int(said.group(1))
    assert 24 <= limit < 96
    clients = [server.raw() for _ in range(limit)]
    idle = [RawClient(server.port) for _ in range(96)]  # the oldest of these go
    for _ in range(3):
        assert attempt(server).status == 503
        assert server.health().status == 200
    clients.pop().close()
    eventually(lambda: attempt(server).status == 101, "a place is free again")
    for client in clients + idle:
        client.close()


def test_whoever_cannot_be_accepted_costs_nothing_and_gets_in_later(serve):
    server = serve()
    with server.raw() as client:
        used = len(os.listdir(f"/proc/{server.pid}/fd"))
        before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used, before[1]))
        with RawClient(server.port) as late:
            late.send(late.request_bytes())
            ticks = processor_ticks(server)
            late.socket.settimeout(1)
            with pytest.raises(TimeoutError):
                late.socket.recv(1)
            assert processor_ticks(server) - ticks < 5, "it is tried again and again"
            client.send_frame(TEXT, message("served"))
            assert client.receive_text() == '"served"'
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
            late.socket.settimeout(5)
            assert late.receive_reply().status == 101


# The log


def fill(client, server, total):
    """Sends large messages until the log refuses one; returns what was acknowledged, which is delivered."""
    delivered = []
    for number in range(total):
        text = message(f"{number} " + "x" * 30_000)
        client.send_frame(TEXT, text)
        answer = client.receive_text()
        if "Internal server error" in answer:
            assert FULL.fullmatch(answer)
            return delivered
        delivered.append(text)
    raise AssertionError(f"the log took {total} messages")


@pytest.fixture
def full(serve):
    """A server whose log is full."""
    server = serve("--max-connections", "50", "--log-bytes", "12MiB", "--durability", "never")
    server.client = server.raw()
    server.other = server.raw()
    server.delivered = fill(server.client, server, 2000)
    yield server
    server.client.close()
    server.other.close()


def test_a_full_log_refuses_everything_new_and_says_so(full):
    assert len(full.delivered) > 50
    reply = attempt(full)
    assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
    health = full.health()
    assert health.status == 503 and "full" in health.json["reason"] and "--log-bytes" in health.json["reason"]
    assert full.request("GET", "/ready").status == 503
    assert full.request("POST", "/dev/@connections", b"x").status == 503
    (connection, _) = full.connection_ids()
    assert full.request("POST", f"/dev/@connections/{connection}", b"x").status == 503
    assert full.request("GET", f"/dev/@connections/{connection}").status == 200
    full.client.send_frame(TEXT, "anything")
    assert FULL.fullmatch(full.client.receive_text())
    full.client.send_frame(9, b"still served")
    assert full.client.receive_frame() == (True, 10, b"still served")


def test_a_full_log_keeps_what_was_acknowledged_and_takes_every_close(full):
    assert [full.other.receive_text() for _ in full.delivered] == [
        text.removeprefix('{"action":"onMessage","data":').removesuffix("}") for text in full.delivered]
    full.client.close()
    full.log.disconnected()
    full.stop()
    events = full.log.export()
    assert_truthful(events)
    assert events[-1]["event"] == "sessionEnded"
    assert [e["body"] for e in events if e["event"] == "message"] == full.delivered
    full.log.assert_sound()


def test_a_full_log_survives_a_crash_and_a_larger_bound_cures_it(full, serve):
    full.kill()
    again = serve("--max-connections", "50", "--log-bytes", "12MiB")
    assert again.announcement["closedConnections"] == 2
    eventually(lambda: attempt(again).status == 503, "still full")
    assert again.health().status == 503
    again.stop()
    larger = serve("--max-connections", "50", "--log-bytes", "64MiB")
    assert larger.health().status == 200
    with larger.raw() as client:
        client.send_frame(TEXT, message("room"))
        assert client.receive_text() == '"room"'
    larger.stop()
    assert_truthful(larger.log.export())
    larger.log.assert_sound()


def test_many_clients_of_a_full_log_all_get_their_close(serve):
    server = serve("--max-connections", "200", "--log-bytes", "12MiB", "--durability", "never")
    clients = [server.raw() for _ in range(200)]
    fill(clients[0], server, 2000)
    for client in clients[:100]:
        client.close()
    server.log.disconnected(count=100)
    server.kill()
    for client in clients[100:]:
        client.close()
    again = serve("--max-connections", "200", "--log-bytes", "12MiB")
    assert again.announcement["closedConnections"] == 100
    again.stop()
    assert_truthful(again.log.export())
    again.log.assert_sound()


def test_a_disk_that_refuses_writes_stops_the_server_and_a_restart_recovers(serve):
    """A limit on the file's size stands in for a broken disk: EFBIG is no lack of room that passes."""
    server = serve()
    with server.raw() as client:
        client.send_frame(TEXT, message("safe"))
        assert client.receive_text() == '"safe"'
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))
        for number in range(40):
            try:
                client.send_frame(TEXT, message("x" * 30_000))
            except OSError:
                break
        client.wait_for_end()
    # The kernel raises SIGXFSZ where it is not ignored; a server that has ended either way must recover.
    server.process.wait(20)
    assert server.process.returncode in (1, -signal.SIGXFSZ)
    server.expected_exit = server.process.returncode
    again = serve()
    again.stop()
    events = again.log.export()
    assert_truthful(events)
    assert '"safe"' in events[2]["body"]
    again.log.assert_sound()


# Management and back-pressure


def test_57_posts_to_a_client_that_does_not_read_get_429(serve):
    server = serve("--durability", "never")
    with server.raw(receive_buffer=4096) as client:
        (connection,) = server.wait_for_connections(1)
        statuses = []
        while len(statuses) < 400 and 429 not in statuses:
            reply = server.request("POST", f"/dev/@connections/{connection}", b"x" * 100_000)
            statuses.append(reply.status)
        assert set(statuses) == {200, 429}
        assert reply.headers["x-amzn-errortype"] == "LimitExceededException"
        assert int(reply.headers["retry-after"]) >= 1
        # Nothing that got 200 is lost once the client reads.
        for _ in range(statuses.count(200)):
            assert len(client.receive_text()) == 100_000


def test_a_flood_is_held_back_and_nothing_of_it_is_lost(serve):
    """More in flight than --in-flight-bytes: reads are held, the sender blocks, and everything arrives."""
    server = serve("--in-flight-bytes", "64KiB")
    count = 3000
    with server.raw() as sender, server.raw() as receiver:
        flood = b"".join(frame(TEXT, message(f"{n} " + "y" * 1000)) for n in range(count))
        thread = threading.Thread(target=sender.send, args=(flood,))
        thread.start()
        drain = threading.Thread(target=lambda: [sender.receive_frame() for _ in range(count)])
        drain.start()
        received = [receiver.receive_text() for _ in range(count)]
        thread.join()
        drain.join()
    assert [int(text[1:].split(" ")[0]) for text in received] == list(range(count))


def test_a_ping_flood_without_reading_costs_no_memory(serve):
    """At most one pong waits, however many pings came."""
    server = serve()
    with server.raw(receive_buffer=4096) as client:
        before = server.resident_bytes
        client.socket.settimeout(1)
        pings = frame(9, b"p" * 125) * 2000
        for _ in range(100):
            try:
                client.send(pings)
            except TimeoutError:
                break
        assert server.resident_bytes - before < 24 << 20
