"""Two and more clients of the `websockets` library."""

import asyncio
import contextlib
import json
import re
import threading

import websockets
from websockets.sync.client import connect

from reprise import TEXT, eventually, is_connection_id, message


def test_23_what_one_client_sends_reaches_all_in_canonical_form(server):
    """The issue's first acceptance case."""
    with connect(server.url) as one, connect(server.url) as two:
        one.send('{"action":"onMessage","data":{"hello":"world","n":1.0}}')
        assert one.recv(timeout=5) == '{"hello":"world","n":1}'
        assert two.recv(timeout=5) == '{"hello":"world","n":1}'


def test_1_the_path_may_end_with_a_slash(server):
    with connect(server.url + "/") as client:
        client.send(message("x"))
        assert client.recv(timeout=5) == '"x"'


def test_a_client_gets_nothing_from_before_it_connected(server):
    with connect(server.url) as early:
        early.send(message("before"))
        assert early.recv(timeout=5) == '"before"'
        with connect(server.url) as late:
            early.send(message("after"))
            assert late.recv(timeout=5) == '"after"'


def test_every_client_sees_one_order_of_all_senders(serve):
    server = serve("--loops", "3")

    async def run():
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(websockets.connect(server.url, compression=None)) for _ in range(12)]

            async def send(number):
                for index in range(50):
                    await clients[number].send(message([number, index]))

            async def receive(client):
                return [await client.recv() for _ in range(4 * 50)]

            received = await asyncio.wait_for(
                asyncio.gather(*map(receive, clients), *map(send, range(4))), timeout=20)
            return received[:12]

    streams = asyncio.run(run())
    assert all(stream == streams[0] for stream in streams)
    pairs = [tuple(json.loads(text)) for text in streams[0]]
    assert len(set(pairs)) == len(pairs) == 200
    for sender in range(4):
        assert [index for number, index in pairs if number == sender] == list(range(50))
    recorded = [json.loads(e["body"])["data"] for e in server.log.events("message")]
    assert [list(pair) for pair in pairs] == recorded


def test_a_message_above_the_frame_limit_reaches_clients_in_several_frames(server):
    """Spec section 4: frames of at most 32 KB; 100 KB in pieces both ways."""
    text = "é" * 50_000
    with server.raw() as receiver, connect(server.url, max_size=None) as client:
        body = message(text)
        client.send([body[start:start + 16_000] for start in range(0, len(body), 16_000)])
        assert client.recv(timeout=5) == json.dumps(text, ensure_ascii=False)
        final, opcode, payload = receiver.receive_frame()
        assert (final, opcode, len(payload)) == (False, TEXT, 32768)
        while not final:
            final, opcode, more = receiver.receive_frame()
            assert opcode == 0 and len(more) <= 32768
            payload += more
        assert payload.decode() == json.dumps(text, ensure_ascii=False)


def test_the_log_says_who_connected_and_keeps_credentials_out(server):
    headers = {"Authorization": "Bearer secret", "Cookie": "s=1", "X-Own": "Ä".encode().decode("latin-1")}
    with connect(server.url + "?room=a&room=b", additional_headers=headers, user_agent_header="tests/1"):
        (event,) = server.log.events("connected")
    assert is_connection_id(event["connectionId"]) and is_connection_id(event["requestId"])
    assert event["sourceIp"] == "127.0.0.1"
    assert event["host"] == f"127.0.0.1:{server.port}"
    assert (event["stage"], event["query"]) == ("dev", "room=a&room=b")
    recorded = {header["name"]: header["value"] for header in event["headers"]}
    assert recorded["User-Agent"] == "tests/1"
    assert "secret" not in json.dumps(event) and "s=1" not in json.dumps(event)
    assert not {name.lower() for name in recorded} & {"authorization", "cookie"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", event["time"])


def test_clients_that_come_and_go_lose_nothing_between_their_open_and_close(serve):
    """The recorded open and close of each client bound exactly what it received."""
    server = serve("--loops", "2")
    stop = threading.Event()

    def send():
        with connect(server.url) as sender:
            drain = threading.Thread(target=lambda: [None for _ in sender], daemon=True)
            drain.start()
            number = 0
            while not stop.is_set():
                sender.send(message(number))
                number += 1
                if number % 20 == 0:
                    stop.wait(0.002)
            sender.close()

    thread = threading.Thread(target=send)
    thread.start()
    received = []
    try:
        for round in range(25):
            with server.raw() as client:
                texts = []
                while len(texts) < 20:
                    texts.append(int(client.receive_text()))
                client.send_frame(8, (4000 + round).to_bytes(2, "big"))
                final, opcode, payload = client.receive_frame()
                while opcode != 8:
                    texts.append(int(payload))
                    final, opcode, payload = client.receive_frame()
                assert payload == (4000 + round).to_bytes(2, "big")
            received.append(texts)
    finally:
        stop.set()
        thread.join()
    eventually(lambda: len(server.log.events("disconnected")) == 26, "all closes in the log")
    events = server.log.export()
    opened = {e["connectionId"]: e["position"] for e in events if e["event"] == "connected"}
    closed = {e["code"]: e for e in events if e["event"] == "disconnected"}
    numbers = {e["position"]: json.loads(e["body"])["data"] for e in events if e["event"] == "message"}
    for round, texts in enumerate(received):
        end = closed[4000 + round]
        assert end["cause"] == "client"
        expected = [
            number for position, number in numbers.items()
            if opened[end["connectionId"]] < position <= end["deliveredThrough"]]
        assert texts == expected
