#!/usr/bin/env python3
"""Recompute the digests of a Reprise recording from the outside.

Reads what `reprise log export` writes on standard input and prints one line for each session:

    SESSION FIRST LAST EVENTS DELIVERIES D M          D and M as 16 hex digits

    reprise log export DATA | python3 recompute_digests.py [--json]

It shares no code with the engine: it is the definition of the digests, written down a second time.
Needs Python 3.9 and the package `xxhash` (pip install xxhash); the rest is the standard library.

    M = sum of XXH64(connection id) over the live connections, modulo 2**64
    D = XXH64(D . p . |R| . sum XXH64(id of R) . u8(opcode) . XXH64(payload)), 0 at sessionStarted

Every number but the opcode is 8 little-endian bytes; a delivery without recipients leaves D as it is.

The payload of a `broadcast:data` or `echo:data` route is JSON.stringify(JSON.parse(body).data). What is implemented of it:
objects (last of equal keys wins in the place of the first; array-index keys first, ascending), arrays, strings (lone
surrogates escaped), true, false, null, and numbers as JavaScript writes doubles. What is not: bodies that nest deeper than
128 levels, which the engine takes for "not JSON" and which its recorded route then shows as refused. The route itself is
taken from the recording, not decided again: `reprise replay` does that.
"""

import base64
import json
import struct
import sys

import xxhash

MASK = (1 << 64) - 1
ERRORS = {"forbidden": "Forbidden", "badRequestBody": "Bad request body"}
OPCODES = {"text": 1, "binary": 2}


def xxh64(data: bytes) -> int:
    return xxhash.xxh64(data, seed=0).intdigest()


# --- JSON.stringify(JSON.parse(text).data) --------------------------------------------------------------------------


class Pairs(list):
    """The members of an object, as they were written."""


def number(text: str) -> str:
    """Number::toString of the double that `text` means (ECMA-262)."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return "null"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that read back, as JavaScript does; only the layout differs.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    rest = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"


class Number(str):
    """The text of a number, not yet rounded."""


def quote(text: str) -> str:
    out = ['"']
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    for character in text:
        code = ord(character)
        if character in short:
            out.append(short[character])
        elif code < 0x20 or 0xD800 <= code <= 0xDFFF:
            out.append(f"\\u{code:04x}")
        else:
            out.append(character)
    out.append('"')
    return "".join(out)


def array_index(key: str):
    if key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and int(key) < (1 << 32) - 1:
        return int(key)
    return None


def members(pairs: Pairs) -> dict:
    result = {}
    for key, value in pairs:
        result[key] = value  # a dict keeps the place of the first and takes the value of the last
    indexed = sorted((key for key in result if array_index(key) is not None), key=array_index)
    return {key: result[key] for key in indexed + [key for key in result if array_index(key) is None]}


def stringify(value) -> str:
    if isinstance(value, Pairs):
        return "{" + ",".join(quote(key) + ":" + stringify(item) for key, item in members(value).items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(stringify(item) for item in value) + "]"
    if isinstance(value, Number):
        return number(value)
    if isinstance(value, str):
        return quote(value)
    return {True: "true", False: "false", None: "null"}[value]


def refuse(constant: str):
    raise ValueError(f"{constant} is not JSON")


def canonical_data(body: bytes) -> bytes:
    parsed = json.loads(
        body.decode("utf-8"), object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=refuse
    )
    data = members(parsed)["data"]
    # Lone surrogates are escaped by `quote`, so the text can always be encoded.
    return stringify(data).encode("utf-8")


# --- sessions -------------------------------------------------------------------------------------------------------


class Session:
    def __init__(self, event):
        self.number = event["session"]
        self.first = self.last = event["position"]
        self.events = 0
        self.deliveries = 0
        self.digest = 0
        self.actions = {}
        for route in event["routes"]:
            key, _, action = route.rpartition("=")
            kind, _, source = action.partition(":")
            self.actions[key] = (kind, source or ("data" if kind == "broadcast" else "message"))

    def deliver(self, position, recipients, opcode, payload):
        """One delivery to `recipients`: how many they are, and the sum of their hashes."""
        count, hashes = recipients
        if count == 0:
            return
        self.deliveries += count
        self.digest = xxh64(
            struct.pack("<QQQQBQ", self.digest, position, count, hashes, opcode, xxh64(payload))
        )


class LiveSet:
    """Who is live: connection id -> XXH64 of its 16 characters, and the sum of them all."""

    def __init__(self):
        self.hashes = {}
        self.sum = 0

    def open(self, connection):
        self.hashes[connection] = xxh64(connection.encode("ascii"))
        self.sum = (self.sum + self.hashes[connection]) & MASK

    def close(self, connection):
        self.sum = (self.sum - self.hashes.pop(connection, 0)) & MASK

    def everyone(self):
        return len(self.hashes), self.sum

    def one(self, connection):
        return (1, self.hashes[connection]) if connection in self.hashes else (0, 0)


def body_of(event) -> bytes:
    if "bodyBase64" in event:
        return base64.b64decode(event["bodyBase64"], validate=True)
    return event["body"].encode("utf-8")


def deliver_message(session, live, event):
    sender = live.one(event["connectionId"])
    if "refused" in event:
        text = '{"message": "%s", "connectionId":"%s", "requestId":"%s"}' % (
            ERRORS[event["refused"]],
            event["connectionId"],
            event["requestId"],
        )
        session.deliver(event["position"], sender, OPCODES["text"], text.encode("ascii"))
        return
    if event["route"] not in session.actions:
        return
    kind, source = session.actions[event["route"]]
    if kind == "record":
        return
    recipients = live.everyone() if kind == "broadcast" else sender
    if source == "data":
        opcode, payload = OPCODES["text"], canonical_data(body_of(event))
    else:
        opcode, payload = OPCODES[event["opcode"]], body_of(event)
    session.deliver(event["position"], recipients, opcode, payload)


def report(session, live, as_json):
    member_set = live.sum
    if as_json:
        print(
            json.dumps(
                {
                    "session": session.number,
                    "firstPosition": session.first,
                    "lastPosition": session.last,
                    "events": session.events,
                    "deliveries": session.deliveries,
                    "digest": f"{session.digest:016x}",
                    "memberSet": f"{member_set:016x}",
                }
            )
        )
    else:
        print(
            f"{session.number} {session.first} {session.last} {session.events} {session.deliveries} "
            f"{session.digest:016x} {member_set:016x}"
        )


def main() -> int:
    as_json = "--json" in sys.argv[1:]
    live = LiveSet()
    session = None
    for line in sys.stdin.buffer:
        event = json.loads(line)
        kind = event["event"]
        if kind == "sessionStarted":
            if session:
                report(session, live, as_json)
            session = Session(event)
        if session is None:
            sys.exit("the export does not begin with a sessionStarted: export whole sessions")
        # R is taken from the live set before this event is folded in.
        if kind == "message":
            deliver_message(session, live, event)
        elif kind == "sent":
            target = event["target"]
            recipients = live.everyone() if target == "everyone" else live.one(target)
            session.deliver(event["position"], recipients, OPCODES[event["opcode"]], body_of(event))
        elif kind == "connected":
            live.open(event["connectionId"])
        elif kind == "disconnected":
            live.close(event["connectionId"])
        session.events += 1
        session.last = event["position"]
    if session:
        report(session, live, as_json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
