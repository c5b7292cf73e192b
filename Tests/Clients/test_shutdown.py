"""A clean end: 1001 to everyone, every close and `sessionEnded` in the log, exit code 0."""

import signal
import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from crowd import Crowd
from reprise import CLOSE, TEXT, RawClient, assert_truthful, close_payload, eventually, frame, message


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(serve, number):
    server = serve()
    with connect(server.url) as one, connect(server.url) as two:
        one.send(message("last"))
        assert one.recv(timeout=5) == two.recv(timeout=5) == '"last"'
        server.stop(number)
        for client in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=5)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "Going away")
    events = server.log.export()
    assert_truthful(events)
    assert (events[-1]["event"], events[-1]["cause"]) == ("sessionEnded", "shutdown")
    closes = [e for e in events if e["event"] == "disconnected"]
    assert {(e["cause"], e["code"], e["reason"]) for e in closes} == {("shutdown", 1001, "Going away")}
    last = max(e["position"] for e in events if e["event"] == "message")
    assert all(e["deliveredThrough"] >= last for e in closes)
    server.log.assert_sound()
    assert server.stderr == ""


def test_a_server_without_clients_ends_at_once(serve):
    serve("--close-timeout", "1m", "--drain", "1m").stop()  # stop() waits for less than that


def test_a_second_signal_changes_nothing(serve):
    server = serve("--close-timeout", "500ms")
    with server.raw():  # does not answer the Close
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        server.wait()
    assert_truthful(server.log.export())


def test_clients_that_do_not_answer_hold_the_end_up_for_the_close_timeout_only(serve):
    server = serve("--close-timeout", "300ms")
    with Crowd(server, 20) as crowd:
        assert server.stop() >= 0.3
        crowd.wait_for_end()
    assert_truthful(server.log.export())


def test_the_closes_are_spread_over_the_drain(serve):
    server = serve("--drain", "3", "--loops", "1")  # each loop spreads its own clients
    clients = [server.raw() for _ in range(10)]
    times = []

    def wait(client):
        assert client.receive_close() == (1001, "Going away")
        times.append(time.monotonic())
        client.send_frame(CLOSE, close_payload(1001))

    threads = [threading.Thread(target=wait, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    server.stop()
    for thread in threads:
        thread.join()
    assert max(times) - min(times) > 1.5  # 2.7 s on a machine that has time
    assert_truthful(server.log.export())


def test_a_drain_closes_one_after_the_other_while_the_others_go_on(serve):
    server = serve("--drain", "6s", "--loops", "1")
    clients = {client.id: client for client in (server.raw() for _ in range(8))}
    server.process.send_signal(signal.SIGTERM)
    first = eventually(lambda: next((id for id, client in clients.items() if peek(client) == 0x88), None), "a first Close")
    others = [client for id, client in clients.items() if id != first]
    for client in others:  # the order of the Closes is not that of the connects: whoever is next may have no time to speak
        client.send_frame(TEXT, message("meanwhile"))
    assert sum(client.receive_frame()[1:] == (TEXT, b'"meanwhile"') for client in others) >= 3
    for client in others:
        assert client.receive_close() == (1001, "Going away")
    for client in clients.values():
        client.close()
    server.wait()
    events = server.log.export()
    assert_truthful(events)
    assert (events[-1]["event"], events[-1]["cause"]) == ("sessionEnded", "shutdown")


def peek(client):
    """The first byte that waits, without taking it."""
    client.socket.setblocking(False)
    try:
        return client.socket.recv(1, socket.MSG_PEEK)[0]
    except BlockingIOError:
        return None
    finally:
        client.socket.settimeout(15)


@pytest.mark.parametrize("first, second", [
    (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP, signal.SIGTERM), (signal.SIGINT, signal.SIGHUP)])
def test_a_second_signal_ends_a_drain(serve, first, second):
    server = serve("--drain", "1h", "--close-timeout", "500ms")
    clients = [server.raw() for _ in range(5)]
    server.process.send_signal(first)
    assert clients and eventually(lambda: any(peek(client) == 0x88 for client in clients), "the first Close")
    server.process.send_signal(second)
    for client in clients:
        assert client.receive_close() == (1001, "Going away")
        client.close()
    server.wait()
    events = server.log.export()
    assert_truthful(events)
    assert (events[-1]["event"], events[-1]["cause"]) == ("sessionEnded", "shutdown")


def test_a_shutdown_under_load_loses_nothing_that_anyone_saw(serve):
    server = serve("--loops", "2", "--durability", "interval")
    with Crowd(server, 20, captures=True) as crowd, server.raw() as sender:
        sender.socket.settimeout(2)

        def send():
            try:
                for number in range(1 << 30):
                    sender.send(frame(TEXT, message(number)))
            except OSError:
                pass

        thread = threading.Thread(target=send)
        thread.start()
        crowd.wait_for_bytes(10_000)
        server.stop()
        sender.close()
        thread.join()
        crowd.wait_for_end()
        events = server.log.export()
        assert_truthful(events)
        bodies = {e["position"]: e["body"] for e in events if e["event"] == "message"}
        opened = [e for e in events if e["event"] == "connected"][:20]
        closed = {e["connectionId"]: e for e in events if e["event"] == "disconnected"}
        for open, listener in zip(opened, crowd):
            through = closed[open["connectionId"]]["deliveredThrough"]
            expected = [body for position, body in bodies.items() if open["position"] < position <= through]
            assert [message(int(text)) for text in listener.texts] == expected
            assert listener.frames[-1] == (CLOSE, close_payload(1001, "Going away"))
    server.log.assert_sound()


def test_nobody_is_let_in_while_the_server_stops(serve):
    server = serve("--close-timeout", "1s")
    with server.raw() as waiting, RawClient(server.port) as accepted:
        accepted.send(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert accepted.receive_reply().status == 200
        server.process.send_signal(signal.SIGTERM)
        assert waiting.receive_close()[0] == 1001
        accepted.send(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = accepted.receive_reply()
        assert (reply.status, reply.json) == (503, {"status": "stopping"})
        server.wait()
