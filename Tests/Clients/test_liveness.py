"""Clients that are gone without a word, and clients that only look like it."""

import threading
import time

import pytest

from websockets.sync.client import connect

from network import two_machines
from reprise import CLOSE, DEADLINE, PING, PONG, TEXT, RawClient, close_payload, message

PINGS = ("--ping-interval", "100ms", "--ping-timeout", "400ms", "--durability", "never")


def receive_ping(client):
    assert client.receive_frame() == (True, PING, b"")


def live(server):
    return server.connection_ids()


# Pings


@pytest.mark.parametrize("loops", [1, 2])
def test_a_client_that_answers_no_ping_is_lost(serve, loops):
    server = serve(*PINGS, "--loops", loops)
    with server.raw() as client:
        began = time.monotonic()
        (closed,) = server.log.disconnected(client.id)
        assert time.monotonic() - began < 5
        assert (closed["cause"], closed["code"]) == ("lost", 1006)
        assert client.wait_for_end() == b"\x89\x00"
    server.stop()
    server.log.assert_sound()


def test_a_client_that_answers_stays(serve):
    server = serve(*PINGS)
    with server.raw() as client, server.raw() as silent:
        for _ in range(8):
            receive_ping(client)
            client.send_frame(PONG)
        server.log.disconnected(silent.id)
        assert live(server) == [client.id]
        client.send_frame(TEXT, message("here"))


def test_anything_that_comes_is_an_answer(serve):
    server = serve(*PINGS, "--route", "$default=record")
    with server.raw() as client, server.raw() as silent:
        for number in range(8):
            receive_ping(client)
            client.send(b"\x81" if number % 2 == 0 else b"\x80\x00\x00\x00\x00")  # a half of an empty message
        server.log.disconnected(silent.id)
        assert live(server) == [client.id]


def test_a_client_that_speaks_is_sent_no_ping(serve):
    server = serve("--ping-interval", "1s", "--durability", "never")
    with server.raw() as client, server.raw() as silent:
        opcode = TEXT
        while opcode == TEXT:
            client.send_frame(TEXT, message("x"))
            client.receive_text()  # a ping would be an error
            opcode = silent.receive_frame()[1]
        assert opcode == PING


def test_nobody_is_sent_a_ping_by_default(serve):
    server = serve("--ping-timeout", "100ms", "--idle-timeout", "1s")
    with server.raw() as client:
        assert client.receive_close() == (1001, "Going away")  # another frame before it would be an error


def test_answers_to_pings_are_no_traffic(serve):
    server = serve(*PINGS, "--idle-timeout", "1s")
    with server.raw() as client:
        pings = 0
        while (received := client.receive_frame())[1] == PING:
            client.send_frame(PONG)
            pings += 1
        assert received[1] == CLOSE and pings > 2
        client.send_frame(CLOSE, received[2])
        (closed,) = server.log.disconnected(client.id)
    assert closed["cause"] == "idle"


def test_a_pong_that_nobody_asked_for_is_traffic(serve):
    server = serve("--idle-timeout", "1s", "--durability", "never")
    with server.raw() as client:
        for _ in range(2):
            with server.raw():
                while not server.log.events("disconnected") or live(server) != [client.id]:
                    client.send_frame(PONG)
                    time.sleep(0.05)  # the pace of a client, not a wait
        assert live(server) == [client.id]


@pytest.mark.parametrize("flags", [(), PINGS])
def test_pings_are_not_counted_as_sent_and_no_events(serve, flags):
    server = serve(*flags)
    with server.raw() as client:
        if flags:
            for _ in range(3):
                receive_ping(client)
                client.send_frame(PONG)
        client.send_frame(TEXT, message("x"))
        while client.receive_frame()[1] != TEXT:
            client.send_frame(PONG)
        client.send_frame(CLOSE, close_payload(1000))
        (closed,) = server.log.disconnected(client.id)
    assert closed["bytesSent"] == len(b'\x81\x03"x"') + len(b"\x88\x02\x03\xe8")
    server.stop()
    assert [event["event"] for event in server.log.export()] == [
        "sessionStarted", "connected", "message", "disconnected", "sessionEnded"]
    server.log.assert_sound()


def test_who_is_behind_is_not_judged(serve):
    """A client that does not read cannot see a ping. Its turn comes when it has read all."""
    # It must be behind before the answer to its first ping is due, also on a machine that has other work.
    server = serve("--ping-interval", "100ms", "--ping-timeout", "4s", "--durability", "never", "--slow-consumer", "catchUp")
    with server.raw(receive_buffer=4096) as stalled, connect(server.url, max_size=None) as sender:
        count = 400
        sending = threading.Thread(target=lambda: [sender.send(message("x" * 30_000)) for _ in range(count)])
        sending.start()
        for _ in range(count):
            sender.recv(timeout=DEADLINE)
        sending.join(DEADLINE)
        with server.raw() as silent:
            server.log.disconnected(silent.id)
        assert stalled.id in live(server)
        received = 0
        while received < count:
            final, opcode, payload = stalled.receive_frame()
            received += opcode == TEXT
        (closed,) = server.log.disconnected(stalled.id)  # it has read all, and answers no ping
        assert closed["cause"] == "lost" and len(live(server)) == 1
    server.stop()
    server.log.assert_sound()


def test_pings_and_broadcasts_side_by_side(serve):
    server = serve("--ping-interval", "10ms", "--ping-timeout", "10s", "--durability", "never")
    with server.raw() as client, server.raw() as sender:
        texts, pings = [], 0
        for number in range(300):
            sender.send_frame(TEXT, message(number))
            while (frame := sender.receive_frame())[1] == PING:
                sender.send_frame(PONG)
            assert frame[2] == str(number).encode()
        while len(texts) < 300 or pings < 3:
            final, opcode, payload = client.receive_frame()
            if opcode == TEXT:
                texts.append(payload.decode())
            else:
                pings += 1
                client.send_frame(PONG)
    assert texts == [str(number) for number in range(300)]


# Machines that are gone


KEPT = ("--host", "0.0.0.0", "--durability", "never", "--keepalive", "1s", "--ping-timeout", "2s")


@pytest.fixture
def far(serve, request):
    """A server, and a client on another machine."""
    with two_machines() as (near, away):
        server = serve(*KEPT, *getattr(request, "param", ()), user={"preexec_fn": near.enter})
        server.machine = near
        server.clients = away

        def connect(**options):
            client = away.make(lambda: RawClient(server.port, host=near.address, **options))
            client.handshake("/dev")
            return client

        server.connect = connect
        yield server
        server.stop()


def beside(server):
    """A client on the server's own machine."""
    return server.machine.make(server.raw)


def test_a_machine_that_vanishes_is_out_of_the_log_within_both_settings(far):
    client, near = far.connect(), beside(far)
    far.clients.vanish()
    began = time.monotonic()
    (closed,) = far.log.disconnected(client.id)
    took = time.monotonic() - began
    assert closed["cause"] == "lost" and took < 1 + 2 + 2, took
    assert live(far) == [near.id]


def test_a_machine_that_vanishes_while_it_is_sent_something_is_out_of_the_log(far):
    """The kernel sends no keepalive probes then, and would try again for a quarter of an hour."""
    client, near = far.connect(), beside(far)
    far.clients.vanish()
    near.send_frame(TEXT, message("x"))
    near.receive_text()
    began = time.monotonic()
    (closed,) = far.log.disconnected(client.id)
    took = time.monotonic() - began
    assert closed["cause"] == "lost" and 1.5 < took < 1 + 2 + 2, took
    assert live(far) == [near.id]


@pytest.mark.parametrize("far", [("--slow-consumer", "catchUp", "--ping-interval", "1s")], indirect=True)
def test_a_living_machine_whose_client_does_not_read_stays(far):
    """Its window is closed, and it answers every probe for room."""
    stalled = far.connect(receive_buffer=4096)
    text = "x" * 30_000
    count = 200
    with beside(far) as near:
        for _ in range(count):
            near.send_frame(TEXT, message(text))
            near.receive_text()
    for _ in range(3):
        with beside(far) as silent:
            (closed,) = far.log.disconnected(silent.id)
            assert closed["cause"] == "lost"  # after a ping, and the timeout
    assert live(far) == [stalled.id]
    received = 0
    while received < count:
        received += stalled.receive_frame()[1] == TEXT
    stalled.send_frame(PONG)
    far.clients.vanish()
    (closed,) = far.log.disconnected(stalled.id)
    assert closed["cause"] == "lost"


def test_without_keepalive_a_machine_that_vanished_stays(serve):
    with two_machines() as (near, away):
        server = serve("--host", "0.0.0.0", "--keepalive", "0", "--ping-timeout", "1s", "--idle-timeout", "5s",
                       "--durability", "never", user={"preexec_fn": near.enter})
        client = away.make(lambda: RawClient(server.port, host=near.address))
        client.handshake("/dev")
        away.vanish()
        (closed,) = server.log.disconnected(client.id)
        assert closed["cause"] == "idle"
        server.stop()
