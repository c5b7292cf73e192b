"""A client that does not read is closed, catches up from the log, or skips; nobody else notices, and memory stays where
it was."""

import json
import threading
import time

import pytest
import xxhash

from crowd import Crowd, server_frames
from reprise import (
    CLOSE, DEADLINE, LONG, PING, PONG, TEXT, Log, assert_truthful, close_payload, eventually, message, run)

TEXT_BYTES = 16 << 10
RING = 64 << 20 if LONG else 1 << 20
READERS = 500 if LONG else 20
SECONDS = 30 if LONG else 3


def data(number):
    return f"{number} ".ljust(TEXT_BYTES - 2, "z")


class Sender:
    """Sends 16 KB messages, never more than a few ahead of the slowest reader."""

    def __init__(self, server, crowd):
        self.client = server.raw()
        self.crowd = crowd
        self.expected = xxhash.xxh64()
        self.bytes = self.count = 0
        self.client.socket.settimeout(None)
        threading.Thread(target=self.client.discard_until_end, daemon=True).start()

    def send(self, text=None):
        text = text or data(self.count)
        framed = server_frames(f'"{text}"'.encode())
        self.client.send_frame(TEXT, message(text))
        self.expected.update(framed)
        self.bytes += len(framed)
        self.count += 1
        while self.crowd.least < self.bytes - 8 * len(framed):
            time.sleep(0.0005)


@pytest.fixture
def stalled(serve):
    server = serve("--ring-bytes", str(RING), "--durability", "interval", "--loops", "1")
    with Crowd(server, READERS) as crowd, server.raw(receive_buffer=4096) as client:
        sender = Sender(server, crowd)
        yield server, crowd, client, sender
        sender.client.close()


def assert_missed_nothing(crowd, sender):
    crowd.wait_for_bytes(sender.bytes, 60)
    assert {(listener.count, listener.hash.intdigest()) for listener in crowd} == {
        (sender.bytes, sender.expected.intdigest())}


def slow_close(server, connection):
    return next((e for e in server.log.events("disconnected") if e["connectionId"] == connection), None)


def test_a_client_that_stops_reading_is_closed_and_others_miss_nothing(stalled):
    """The issue's seventh acceptance case; with REPRISE_LONG=1 at full size."""
    server, crowd, client, sender = stalled
    connection = server.connection_ids()[READERS]
    for _ in range(16):
        sender.send()
    before = server.resident_bytes
    peak = before
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        sender.send()
        if sender.count % 32 == 0:
            peak = max(peak, server.resident_bytes)
    assert_missed_nothing(crowd, sender)
    growth = peak - before
    print(f"\n{sender.count} messages to {READERS}, {sender.count * READERS / SECONDS:.0f} deliveries/s; "
          f"memory {before >> 20} MiB, at most {growth >> 20} MiB more (ring {RING >> 20} MiB)")
    assert growth <= RING + (48 << 20)
    close = eventually(lambda: slow_close(server, connection), "the slow client's close", 10)
    assert (close["cause"], close["code"], close["reason"]) == ("slowConsumer", 1008, "Slow consumer")

    events = server.log.export()
    opened = next(e["position"] for e in events if e["event"] == "connected" and e["connectionId"] == connection)
    sizes = {e["position"]: len(server_frames(f'"{data(n)}"'.encode()))
             for n, e in enumerate(e for e in events if e["event"] == "message")}
    through = close["deliveredThrough"]
    assert opened <= through < close["position"]
    sent = [size for position, size in sizes.items() if position <= through]
    rest = next(size for position, size in sizes.items() if position > through)
    # The kernel took all of these, and not all of the next and of the Close.
    assert sum(sent) <= close["bytesSent"] < sum(sent) + rest + 2 + 2 + len("Slow consumer")
    # The client finds in its socket no more than that.
    assert len(client.wait_for_end()) <= close["bytesSent"]
    # Only the slow one was closed.
    assert [e["connectionId"] for e in events if e["event"] == "disconnected"] == [connection]


def test_a_slow_client_that_reads_again_gets_whole_frames_and_the_close(serve):
    """Up to `deliveredThrough` exactly, then 1008."""
    server = serve("--ring-bytes", "1MiB", "--durability", "interval", "--close-timeout", "20s")
    with Crowd(server, 3) as crowd, server.raw(receive_buffer=4096) as client:
        connection = server.connection_ids()[3]
        sender = Sender(server, crowd)
        while server.request("GET", f"/dev/@connections/{connection}").status == 200:
            for _ in range(16):
                sender.send()
            assert sender.count < 5000
        texts = []
        while True:
            final, opcode, payload = client.receive_frame()
            if opcode == CLOSE:
                break
            assert final and opcode == TEXT
            texts.append(payload.decode())
        assert payload == close_payload(1008, "Slow consumer")
        client.send_frame(CLOSE, close_payload(1008))
        client.assert_ended()
        (close,) = server.log.disconnected(connection)
        assert texts == [f'"{data(number)}"' for number in range(len(texts))]
        positions = [e["position"] for e in server.log.events("message")]
        assert close["deliveredThrough"] == positions[len(texts)] - 1
        assert close["bytesSent"] == sum(len(server_frames(t.encode())) for t in texts) + 4 + len("Slow consumer")
        assert_missed_nothing(crowd, sender)
        sender.client.close()


def test_a_client_that_falls_behind_and_catches_up_misses_nothing(serve):
    """Within the ring, slowness is nobody's business."""
    server = serve("--ring-bytes", "64MiB", "--durability", "interval")
    with Crowd(server, 3) as crowd, server.raw(receive_buffer=4096) as client:
        sender = Sender(server, crowd)
        for _ in range(1500):
            sender.send()
        assert [client.receive_text() for _ in range(1500)] == [f'"{data(number)}"' for number in range(1500)]
        for _ in range(3):
            sender.send()
        assert [client.receive_text() for _ in range(3)] == [f'"{data(1500 + n)}"' for n in range(3)]
        assert_missed_nothing(crowd, sender)
        assert server.log.events("disconnected") == []
        sender.client.close()


def stall(serve, policy, *flags):
    """A server whose one client of three does not read, until the ring has given up what it needs."""
    return serve("--ring-bytes", "256KiB", "--durability", "interval", "--slow-consumer", policy, *flags)


def fill(server, sender, crowd, connection, count=600):
    """9.6 MB, more than the sockets and the ring hold, and a frame of its own for the slow client now and then."""
    for number in range(count):
        sender.send()
        if number % 50 == 0:
            reply = server.request("POST", f"/dev/@connections/{connection}", f"mine {number}".encode())
            assert reply.status == 200
    assert_missed_nothing(crowd, sender)


def offered(events, connection):
    """What the log addressed to a connection: position to text."""
    opened = next(e["position"] for e in events if e["event"] == "connected" and e["connectionId"] == connection)
    texts = {}
    for event in events:
        if event["position"] <= opened:
            continue
        if event["event"] == "message":
            texts[event["position"]] = json.dumps(json.loads(event["body"])["data"])
        elif event["event"] == "sent":
            texts[event["position"]] = event["body"]
    return texts


@pytest.mark.parametrize("loops", ["1", "2"])
def test_a_client_that_catches_up_is_sent_everything(serve, loops):
    server = stall(serve, "catchUp", "--loops", loops)
    with Crowd(server, 3) as crowd, server.raw(receive_buffer=4096) as client:
        connection = server.connection_ids()[3]
        sender = Sender(server, crowd)
        fill(server, sender, crowd, connection)
        client.send_frame(PING, "still there?")
        texts = []
        pongs = 0
        while len(texts) < 612:
            final, opcode, payload = client.receive_frame()
            assert final
            if opcode == PONG:
                pongs += 1
            else:
                texts.append(payload.decode())
        for _ in range(3):  # it is in the ring again
            sender.send()
            texts.append(client.receive_text())
        assert pongs == 1
        sender.client.close()
    server.stop()
    events = server.log.export()
    assert_truthful(events)
    assert texts == list(offered(events, connection).values())
    assert not [e for e in events if e["event"] == "skipped" or e.get("cause") == "slowConsumer"]
    server.log.assert_sound()


def test_many_that_catch_up_stay_within_the_ring(serve):
    """Twelve stalled clients; some never read again, some read, some vanish."""
    server = stall(serve, "catchUp", "--loops", "2")
    with Crowd(server, 3) as crowd:
        stalled = [server.raw(receive_buffer=4096) for _ in range(12)]
        sender = Sender(server, crowd)
        for _ in range(64):
            sender.send()
        before = server.resident_bytes
        for _ in range(600):
            sender.send()
        assert_missed_nothing(crowd, sender)
        for client in stalled[:4]:
            texts = [client.receive_text() for _ in range(664)]
            assert texts == [f'"{data(number)}"' for number in range(664)]
        for client in stalled[4:8]:
            client.reset()
        assert server.resident_bytes - before < 48 << 20
        sender.client.close()
    server.stop()
    for client in stalled[8:]:
        client.close()
    assert_truthful(server.log.export())
    server.log.assert_sound()


@pytest.mark.parametrize("loops", ["1", "2"])
def test_a_client_that_skips_is_sent_the_rest_and_the_log_says_what_it_missed(serve, folder, loops):
    server = stall(serve, "skip", "--loops", loops)
    with Crowd(server, 3) as crowd, server.raw(receive_buffer=4096) as client:
        connection = server.connection_ids()[3]
        sender = Sender(server, crowd)
        fill(server, sender, crowd, connection)
        texts = []
        is_back = threading.Event()

        def read():
            while texts[-1:] != ['"the end"']:
                texts.append(client.receive_text())
                if texts[-1].startswith('"again'):
                    is_back.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        # What is sent before the client has read its socket empty belongs to the gap. Small messages do not fill the ring anew.
        while not is_back.is_set():
            sender.send(f"again {sender.count}")
        sender.send("the end")
        reader.join(DEADLINE)
        assert not reader.is_alive()
        sender.client.close()
    server.stop()
    events = server.log.export()
    assert_truthful(events)
    gaps = [e for e in events if e["event"] == "skipped"]
    assert gaps and all(gap["connectionId"] == connection for gap in gaps)
    everything = offered(events, connection)
    # It did not read: that is one gap. While it reads, it may fall behind once more: that is another one.
    skipped = [[position for position in everything if gap["first"] <= position <= gap["last"]] for gap in gaps]
    assert len(skipped[0]) > 50 and all(positions[-1:] == [gap["last"]] for positions, gap in zip(skipped, gaps))
    missed = {position for positions in skipped for position in positions}
    assert texts == [text for position, text in everything.items() if position not in missed]
    reports = server.log.assert_sound()

    lines = run("log", "export", "--data", server.data).stdout
    assert run("log", "import", folder / "copy", input=lines).returncode == 0
    copy = Log(folder / "copy")
    assert [report["digest"] for report in copy.assert_sound()] == [report["digest"] for report in reports]
    shown = run("log", "show", "--data", server.data).stdout.splitlines()
    for gap in gaps:
        assert any(f"{connection}  positions {gap['first']} to {gap['last']}" in line for line in shown)


@pytest.mark.parametrize("end", ["reset", "close", "stop", "delete"])
def test_a_gap_is_in_the_log_before_the_close(serve, end):
    server = stall(serve, "skip", "--close-timeout", "300ms")
    with Crowd(server, 3) as crowd, server.raw(receive_buffer=4096) as client:
        connection = server.connection_ids()[3]
        sender = Sender(server, crowd)
        fill(server, sender, crowd, connection)
        if end == "reset":
            client.reset()
        elif end == "close":
            client.send_frame(CLOSE, close_payload(1000))
        elif end == "delete":
            assert server.request("DELETE", f"/dev/@connections/{connection}").status == 204
        if end != "stop":
            server.log.disconnected(connection)
        server.stop()
        sender.client.close()
    events = server.log.export()
    assert_truthful(events)
    (gap,) = [e for e in events if e["event"] == "skipped"]
    (close,) = [e for e in events if e["event"] == "disconnected" and e["connectionId"] == connection]
    everything = list(offered(events, connection))
    assert gap["last"] == everything[-1]
    # Delivered, skipped, or cut off: the message in flight, at most.
    cut_off = [p for p in everything if p > close["deliveredThrough"] and not gap["first"] <= p <= gap["last"]]
    assert len(cut_off) <= 1
    assert close["cause"] == {"reset": "lost", "close": "client", "stop": "shutdown", "delete": "deleted"}[end]
    server.log.assert_sound()


def test_stalled_clients_that_vanish_or_stay_are_all_accounted_for(serve):
    server = serve("--ring-bytes", "1MiB", "--durability", "interval", "--loops", "2", "--close-timeout", "500ms")
    with Crowd(server, 4) as crowd:
        stalled = [server.raw(receive_buffer=4096) for _ in range(12)]
        sender = Sender(server, crowd)
        for number in range(600):
            sender.send()
            if number % 100 == 50:
                stalled.pop().reset()
        eventually(lambda: len(server.log.events("disconnected")) >= 12, "all twelve", 20)
        assert_missed_nothing(crowd, sender)
        sender.client.close()
        for client in stalled:
            client.close()
    server.stop()
    events = server.log.export()
    assert_truthful(events)
    causes = [e["cause"] for e in events if e["event"] == "disconnected"]
    assert causes.count("slowConsumer") + causes.count("lost") >= 12 and causes.count("slowConsumer") >= 6
    server.log.assert_sound()
