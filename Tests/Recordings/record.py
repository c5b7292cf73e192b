#!/usr/bin/env python3
"""Makes the recordings in this folder anew: real servers, scripted clients, one function a recording.

    swift build && $(tools/clients) Tests/Recordings/record.py            all of them
    $(tools/clients) Tests/Recordings/record.py routes slow_skip          some of them
    $(tools/clients) Tests/Recordings/record.py --expect                  only the .trace files, after a wanted change

Each function below is given `serve`, which starts servers on one data folder. What the log then holds becomes NAME.jsonl,
and what this build makes of it NAME.trace; before that, `replay` and `recompute_digests.py` must agree on the digests.

It runs in a network and a host name of its own (`unshare`, so: Linux), where socket buffers are small: a client that does
not read is slow after a few kilobytes already.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Clients"))
sys.dont_write_bytecode = True

from conftest import servers, temporary_folder  # noqa: E402
from reprise import (  # noqa: E402
    BINARY_FRAME, CLOSE, CONTINUATION, PING, TEXT, Log, RawClient, close_payload, eventually, frame, message, run)

RECORDINGS = {}


def recording(function):
    RECORDINGS[function.__name__.replace("_", "-")] = function
    return function


def leave(client, server, code=1000, reason=""):
    """Closes as a client should, and waits until the log has it."""
    known = len(server.log.events("disconnected"))
    client.send_frame(CLOSE, close_payload(code, reason))
    while client.receive_frame()[1] != CLOSE:
        pass
    client.close()
    server.log.disconnected(count=known + 1)


def say(client, *texts, opcode=TEXT, others=()):
    """Sends texts one after another; each gets one answer."""
    for text in texts:
        client.send_frame(opcode, text)
        client.receive_frame()
        for other in others:
            other.receive_frame()


# Broadcasts and routes


@recording
def broadcast(serve):
    """Clients come, talk and go; the default route."""
    server = serve()
    with server.raw() as one, server.raw() as two:
        say(one, message("hello"), message({"n": 1, "text": "ä😀"}), others=[two])
        with server.raw() as three:
            say(two, message([1, 2, 3]), message(None), others=[one, three])
            leave(three, server, 4001, "bye")
        say(one, message("without three"), others=[two])
        leave(two, server)
        say(one, message("alone"))
        leave(one, server, None)
    server.stop()


@recording
def routes(serve):
    """Every action with every source, and routes that nobody can select."""
    server = serve(
        "--route", "b=broadcast", "--route", "bm=broadcast:message", "--route", "e=echo", "--route", "ed=echo:data",
        "--route", "$connect=echo", "--route", "$disconnect=echo", "--route", "a=b=broadcast:data")
    with server.raw() as one, server.raw() as two:
        for action in ["b", "bm", "a=b"]:
            say(one, message({"to": "all"}, action), others=[two])
        for action in ["e", "ed", "$connect", "$disconnect", "$default", "B", ""]:
            say(two, message({"to": "me"}, action))
        say(one, '{"action":"bm"}', '{ "action" : "bm" , "data" : 1.0 }', others=[two])
        say(one, '{"action":"e"}', '{"action":"ed"}', '{"action":"b"}')
    server.stop()


@recording
def default_route(serve):
    """What no key matches is broadcast as it is, JSON or not, text or binary."""
    server = serve("--route", "$default=broadcast:message", "--route", "me=echo:data", "--allow-binary", "true")
    with server.raw() as one, server.raw() as two:
        say(one, "not JSON", "[1,2]", "", "{}", '{"action":"other"}', '{"action":null}', others=[two])
        say(one, b"\x00\xff\xfe", b"", b"plain", opcode=BINARY_FRAME, others=[two])
        say(one, message("mine", "me"), '{"action":"me"}')
    server.stop()


@recording
def default_data_route(serve):
    """A $default that wants `data`: bodies without one are bad requests."""
    server = serve("--route", "$default=broadcast:data", "--allow-binary", "true")
    with server.raw() as one:
        say(one, message(1, "any"), '{"data":"d"}', "{}", "[]", "no JSON", '"text"')
        say(one, b'{"data":1}', opcode=BINARY_FRAME)
    server.stop()


@recording
def forbidden(serve):
    """Messages that no route takes: the error frame goes to the sender alone."""
    server = serve()
    with server.raw() as one, server.raw():
        say(one, "hello", "", "{}", '{"action":"other"}', '{"action":1,"data":1}', '{"action":"onMessage","data":1',
            '{"action":"onMessage","data":1}}', '{"action":"onmessage","data":1}', '{"Action":"onMessage","data":1}',
            '\ufeff{"action":"onMessage","data":1}', "{'action':'onMessage'}")
    server.stop()


@recording
def bad_request_body(serve):
    """Messages whose route wants `data`, and JSON that is no object."""
    server = serve()
    with server.raw() as one:
        say(one, '{"action":"onMessage"}', '{"action":"onMessage","Data":1}', "[1]", "1", "null", '"text"', "true", " [ ] ")
    server.stop()


@recording
def selection_nested(serve):
    """The route is named inside of an object and of an array."""
    server = serve("--route-selection", "$request.body.meta.kinds[1]", "--route", "x=echo:data", "--route", "7=echo")
    with server.raw() as one:
        say(one, *[json.dumps({"meta": {"kinds": kinds}, "data": "d"}) for kinds in (
            ["a", "x"], ["a", 7], ["a", 7.0], ["a"], "x", ["a", ["x"]], ["a", None])],
            '{"meta":1,"meta":{"kinds":[0,"x"]},"data":"last wins"}', '{"meta":{"kinds":[0,"x"]},"meta":1,"data":1}')
    server.stop()


@recording
def selection_composed(serve):
    """The route's key is put together from two members; numbers, truth values, lists and objects have a text too."""
    server = serve("--route-selection", "${request.body.a}/${request.body.b}", *[
        part for key in ("x/1", "true/null", "[1, 2]/{k=v}", "/x", "x/") for part in ("--route", f"{key}=echo:message")])
    with server.raw() as one:
        say(one, *[json.dumps(body) for body in (
            {"a": "x", "b": 1}, {"a": "x", "b": 1.0}, {"a": True, "b": "null"}, {"a": True, "b": None},
            {"a": [1, 2], "b": {"k": "v"}}, {"b": "x"}, {"a": "x"}, {}, {"a": "x/1"})])
    server.stop()


# JSON


def data(*values):
    return ['{"action":"onMessage","data":%s}' % value for value in values]


@recording
def json_numbers(serve):
    """Numbers are delivered as JavaScript writes them."""
    server = serve()
    with server.raw() as one:
        say(one, *data(
            "0", "-0", "1.0", "-1.50", "1e3", "1E400", "-1e400", "1e21", "1e-7", "0.000001", "0.0000001", "123456789012345",
            "12345678901234567890", "0.1234567890123456789", "4.35", "5e-324", "1.7976931348623157e308", "9007199254740993",
            "[1,2.50,[3e0]]", '{"n":1.10}', "100", "1e0", "0e5", "2.50e1", "1e-6", "0.0000010"))
    server.stop()


@recording
def json_strings(serve):
    """Escapes, control characters, half surrogate pairs, and what needs none of them."""
    server = serve()
    with server.raw() as one:
        say(one, *data(
            r'"\u00e9\/\n"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\ude00x"', r'"\u0000\u001f\u007f"', r'"\b\f\t\r\"\\"',
            '"é 😀 \u2028 \ufeff"', r'"\u0022\u005c\u002f"', r'"\uD83D\u0041"', '""', r'"\u0041bc"', '"\u007f"'))
    server.stop()


@recording
def json_objects(serve):
    """Order of keys, array indices, white space, depth."""
    server = serve()
    deep = lambda count: "[" * count + "]" * count  # noqa: E731
    with server.raw() as one:
        say(one, *data(
            '{"b":1,"a":2}', '{"b":1,"2":2,"1":3,"01":4,"4294967295":5,"4294967294":6}', '{"__proto__":1}', "{}", "[]",
            '{ "a" : [ 1 , { "b" : null } ] }', "\t[\n1 ,\r2 ]", deep(127), deep(128), '{"":{"":""}}', "true", "null"))
        say(one, ' { "data" : "spaced" , "action" : "onMessage" } \n')
    server.stop()


@recording
def json_duplicate_keys(serve):
    """Of equal keys the last one counts, for the route and in the place of the first one in what is delivered."""
    server = serve("--route", "onMessage=broadcast:data", "--route", "me=echo:data")
    with server.raw() as one, server.raw() as two:
        say(one, '{"action":"me","action":"onMessage","data":1}', '{"data":1,"action":"onMessage","data":2}',
            others=[two])
        say(one, '{"action":"onMessage","action":"me","data":{"a":1,"b":2,"a":3}}',
            r'{"action":"onMessage","\u0061ction":"me","d\u0061ta":{"a":1,"\u0061":2}}',
            '{"action":"onMessage","action":"nobody","data":1}', '{"action":"onMessage","action":null,"data":1}',
            '{"action":"me","data":{"2":1,"x":0,"1":2,"2":3}}')
    server.stop()


# Frames


@recording
def fragments(serve):
    """Messages in pieces, with pings between them; answers in pieces of 16 bytes."""
    server = serve("--send-frame-bytes", "16", "--allow-binary", "true", "--route", "onMessage=broadcast:data",
                   "--route", "$default=echo:message")
    with server.raw() as one, server.raw() as two:
        whole = message("é" * 30).encode()
        for start, end in ((0, 7), (7, 8), (8, 40)):
            one.send_frame(TEXT if start == 0 else CONTINUATION, whole[start:end], final=False)
            one.send_frame(PING, b"between")
        one.send_frame(CONTINUATION, whole[40:])
        one.send_frame(TEXT, b"", final=False)
        one.send_frame(CONTINUATION, b"", final=True)
        one.send_frame(BINARY_FRAME, bytes(range(40)), final=False)
        one.send_frame(CONTINUATION, bytes(range(40)), final=True)
        for length in (15, 16, 17, 32, 33):
            one.send_frame(TEXT, "x" * length)
        texts = 0
        while texts < 8:
            final, opcode, _ = one.receive_frame()
            texts += final and opcode in (TEXT, BINARY_FRAME, CONTINUATION)
        server.request("POST", "/dev/@connections", b"to all, in three frames, more than 32 bytes")
    server.stop()


@recording
def large_frames(serve):
    """A payload larger than a frame of the service."""
    server = serve()
    with server.raw() as one:
        for length in (32_766, 32_767, 40_000):  # two more for the quotes
            payload = message("y" * length).encode()
            one.send_frame(TEXT, payload[:30_000], final=False)
            one.send_frame(CONTINUATION, payload[30_000:])
            while not one.receive_frame()[0]:
                pass
    server.stop()


@recording
def binary(serve):
    """Binary messages stay binary where the message is passed on, and have no `data`."""
    server = serve("--allow-binary", "true", "--route", "onMessage=broadcast:data", "--route", "$default=broadcast:message")
    with server.raw() as one, server.raw() as two:
        say(one, b"\x80\x81", message("in binary").encode(), opcode=BINARY_FRAME, others=[two])
        say(one, message("in text"), others=[two])
        server.request("POST", "/dev/@connections", b"\x00\x01", {"Content-Type": "application/octet-stream"})
    server.stop()


# The management API


@recording
def management(serve):
    """Sends to one, to all, to one that is gone, and bytes that are no UTF-8."""
    server = serve()
    with server.raw() as one, server.raw() as two:
        first, second = server.wait_for_connections(2)
        post = lambda target, body: server.request("POST", f"/dev/@connections{target}", body)  # noqa: E731
        post(f"/{first}", b"to one")
        post("", b"to all")
        post("", b"broken \xff\xc3 text")
        post(f"/{second}", b"")
        for _ in range(3):
            one.receive_frame(), two.receive_frame()
        leave(two, server)
        post(f"/{second}", b"too late")
        post("", b"to the one who is left")
        one.receive_frame()
        leave(one, server)
        post("", b"to nobody")
    server.stop()


@recording
def deleted(serve):
    """The management API closes a connection."""
    server = serve()
    with server.raw() as one, server.raw() as two:
        first, _ = server.wait_for_connections(2)
        server.request("DELETE", f"/dev/@connections/{first}")
        one.receive_close()
        server.log.disconnected(first)
        say(two, message("still here"))
        server.request("DELETE", f"/dev/@connections/{first}")
    server.stop()


# How connections end


@recording
def idle(serve):
    """Silence ends a connection."""
    server = serve("--idle-timeout", "300ms")
    with server.raw() as one:
        say(one, message("last words"))
        server.log.disconnected()
    server.stop()


@recording
def lifetime(serve):
    """Nothing lives for ever."""
    server = serve("--lifetime", "500ms")
    with server.raw() as one, server.raw() as two:
        say(one, message("while we live"), others=[two])
        server.log.disconnected(count=2)
    server.stop()


@recording
def protocol(serve):
    """What breaks RFC 6455 or a limit ends the connection: 1002, 1003, 1007, 1009."""
    server = serve("--message-bytes", "1000", "--frame-bytes", "500", "--close-timeout", "100ms")
    with server.raw() as witness:
        for number, (arguments, options) in enumerate([
            ((TEXT, b"unmasked"), {"masked": False}), ((BINARY_FRAME, b"binary"), {}), ((TEXT, b"\xc3\x28"), {}),
            ((TEXT, b"x" * 501), {}), ((3, b"reserved"), {}), ((CONTINUATION, b"of nothing"), {}),
        ]):
            with server.raw() as client:
                client.send_frame(*arguments, **options)
                client.receive_close()
                server.log.disconnected(count=number + 1)
            say(witness, message(f"after {number}"))
    server.stop()


@recording
def message_rate(serve):
    """A client that sends more than it may is closed; what came within the rate was a message."""
    server = serve("--message-rate", "5", "--close-timeout", "100ms")
    with server.raw() as witness, server.raw() as client:
        client.send(b"".join(frame(TEXT, message(number)) for number in range(10)))
        client.receive_close()
        server.log.disconnected(count=1)
        for _ in range(5):
            witness.receive_frame()
        say(witness, message("after"))
    server.stop()


@recording
def lost(serve):
    """Sockets that end without a Close."""
    server = serve()
    with server.raw() as witness:
        for number, end in enumerate((RawClient.reset, RawClient.close)):
            client = server.raw()
            say(client, message("soon gone"), others=[witness])
            end(client)
            server.log.disconnected(count=number + 1)
            say(witness, message("gone"))
    server.stop()


@recording
def shutdown(serve):
    """The server stops with clients connected."""
    server = serve("--loops", "2")
    with server.raw() as one, server.raw() as two, server.raw():
        say(one, message("one"), others=[two])
        server.wait_for_connections(3)
        server.stop()


@recording
def crash(serve):
    """The server is killed with clients connected; the next one writes their ends."""
    server = serve("--route", "onMessage=broadcast:data", "--route", "me=echo:data")
    with server.raw() as one, server.raw() as two, server.raw() as three:
        server.wait_for_connections(3)
        say(one, message("before"), others=[two, three])
        leave(three, server)
        say(two, message("mine", "me"))
        server.kill()
    server = serve("--route", "onMessage=broadcast:message")
    with server.raw() as one:
        say(one, message("other routes"))
    server.stop()


@recording
def sessions(serve):
    """Several sessions: two crashes, an empty one, other routes each time."""
    for number in range(5):
        server = serve("--route", f"onMessage={['broadcast', 'echo', 'broadcast:message', 'echo:data'][number % 4]}")
        if number != 3:
            with server.raw() as one:
                say(one, message(number), message("é"))
                if number % 2:
                    server.kill()
                    continue
        server.stop()


@recording
def nobody(serve):
    """A session in which nothing happens."""
    serve().stop()


@recording
def handshakes(serve):
    """Query strings and headers; what is redacted from the start."""
    server = serve("--stage", "prod-1")
    with contextlib.ExitStack() as stack:
        for path, headers in (
            ("/prod-1?room=a%20b&x=%22y%22", {"User-Agent": "test/1.0", "X-Twice": "one"}),
            ("/prod-1?", {"Authorization": "secret", "Cookie": "secret", "Origin": "https://example.org"}),
            ("/prod-1?only", {"X-Empty": ""}),
        ):
            client = stack.enter_context(RawClient(server.port))
            client.handshake(path, headers)
        say(client, message("hello"))
    server.log.disconnected(count=3)
    server.stop()


@recording
def churn(serve):
    """Members change between nearly every two messages."""
    server = serve("--loops", "2")
    with contextlib.ExitStack() as stack:
        clients = []
        for number in range(24):
            if number % 3 == 2:
                leave(clients.pop(number % len(clients)), server, 3000 + number)
            else:
                clients.append(stack.enter_context(server.raw()))
                server.wait_for_connections(len(clients))
            if clients:
                speaker = clients[number % len(clients)]
                say(speaker, message(number), others=[client for client in clients if client is not speaker])
        server.stop()


# Clients that do not read


def stall(serve, policy):
    """A server, a client that reads and sends, one that does not read, and its id. The ring has given up what it needs."""
    server = serve("--ring-bytes", "64KiB", "--slow-consumer", policy, "--loops", "1")
    slow = server.raw(receive_buffer=2304)
    (connection,) = server.wait_for_connections(1)
    sender = server.raw()
    for number in range(40):
        say(sender, message(f"{number} " + "z" * 4000))
        if number % 10 == 5:
            server.request("POST", f"/dev/@connections/{connection}", f"mine {number}".encode())
    return server, sender, slow, connection


@recording
def slow_disconnect(serve):
    """The default policy: a client that does not read is closed with 1008."""
    server, sender, slow, connection = stall(serve, "disconnect")
    server.log.disconnected(connection)
    say(sender, message("without the slow one"))
    server.stop()
    slow.close()


@recording
def slow_skip(serve):
    """A client that does not read goes on with the newest, and the log says what it missed."""
    server, sender, slow, _ = stall(serve, "skip")
    slow.socket.settimeout(0.2)

    def skipped():
        say(sender, message("more"))
        with contextlib.suppress(TimeoutError):
            while True:
                slow.receive_frame()
        return server.log.events("skipped")

    eventually(skipped, "a gap")
    sender.close()
    server.stop()
    slow.close()


@recording
def slow_catch_up(serve):
    """A client that does not read is sent everything, later."""
    server, sender, slow, _ = stall(serve, "catchUp")
    for _ in range(44):
        slow.receive_frame()
    say(sender, message("in the present again"), others=[slow])
    leave(slow, server)
    server.stop()
    sender.close()


# What no client can bring about


@recording
def senders_that_are_gone(serve):
    """Replies and sends to connections that are gone, principals, subprotocols, unknown ends: written by hand."""
    start = 1_767_225_600
    ids = [f"AAAAAAAAAAAA{letter}AA=" for letter in "BCDEFGH"]
    lines = []

    def add(event, **fields):
        number = len(lines) + 1
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start + number // 2))
        lines.append({"position": number, "time": f"{moment}.{number % 2}00000000Z", "event": event, **fields})

    def say(sender, body, opcode="text", **outcome):
        add("message", connectionId=ids[sender], messageId=ids[5], requestId=ids[6], **outcome, opcode=opcode, body=body)

    def open_(number, **fields):
        add("connected", connectionId=ids[number], requestId=ids[6], sourceIp="::1", host="example.org", stage="dev", query="",
            headers=[], **fields)

    def end(number, cause, **fields):
        add("disconnected", connectionId=ids[number], requestId=ids[6], code=1006, reason="", cause=cause, **fields,
            bytesSent=0)

    add("sessionStarted", session=1, version="0", node="nowhere", routeSelectionExpression="$request.body.action",
        frameBytesMax=1, routes=["onMessage=broadcast:data", "me=echo:message"])
    say(0, message("to nobody"), route="onMessage")
    open_(0, principal="someone 😀", subprotocol="chat")
    open_(1, subprotocol="")
    say(2, message("from a stranger"), route="onMessage")
    say(2, message("reply to a stranger", "me"), route="me")
    say(2, "refused, to a stranger", refused="forbidden")
    add("sent", requestId=ids[6], target=ids[3], opcode="text", body="to a stranger")
    add("sent", requestId=ids[6], target=ids[1], opcode="binary", body="")
    add("skipped", connectionId=ids[0], first=4, last=6)
    end(0, "slowConsumer", deliveredThrough=4)
    say(0, message("after my close", "me"), route="me")
    add("skipped", connectionId=ids[1], first=9, last=9)
    end(1, "crash", deliveredAtLeast=4)
    add("sessionEnded", cause="crash")
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)


# Making them


def checked(*arguments, **options):
    done = run(*arguments, **options)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def expect(name, folder):
    """Writes the trace of a recording, if everybody agrees on its digests."""
    checked("log", "import", folder, "--input", HERE / f"{name}.jsonl")
    Log(folder).assert_sound()
    checked("replay", folder, "--session", "all", "--write-expect", HERE / f"{name}.trace")


def record(name):
    with temporary_folder() as folder:
        with servers(folder) as serve:
            text = RECORDINGS[name](serve)
        (HERE / f"{name}.jsonl").write_text(text or checked("log", "export", folder / "data"))
        expect(name, folder / "copy")


def enter_own_network():
    """Small socket buffers, and a host name that says nothing."""
    with contextlib.closing(socket.socket()) as anything:
        set_flags, up_and_running = 0x8914, 0x41
        fcntl.ioctl(anything, set_flags, struct.pack("16sh", b"lo", up_and_running))
    pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").write_text("4096 8192 16384")
    socket.sethostname("recorder")


def main(names):
    if names[:1] == ["--expect"]:
        for name in names[1:] or sorted(RECORDINGS):
            with temporary_folder() as folder:
                expect(name, folder / "copy")
        return
    if os.environ.get("RECORDER") != "inside":
        rights = [] if os.getuid() == 0 else ["--map-root-user"]
        command = ["unshare", *rights, "--net", "--uts", sys.executable, __file__, *names]
        sys.exit(subprocess.run(command, env={**os.environ, "RECORDER": "inside"}).returncode)
    enter_own_network()
    for name in [name.replace("_", "-") for name in names] or RECORDINGS:
        record(name)
        lines = (HERE / f"{name}.jsonl").read_bytes()
        print(f"{name}: {lines.count(10)} events, {len(lines)} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
