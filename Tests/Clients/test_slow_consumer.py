"""A client that does not read is closed; nobody else notices, and memory stays where it was."""

import threading
import time

import pytest
import xxhash

from crowd import Crowd, server_frames
from reprise import CLOSE, LONG, TEXT, assert_truthful, close_payload, eventually, message

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

    def send(self):
        text = data(self.count)
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
