"""What TLS itself owes a client: tickets, goodbyes, a word for who forgot it, and a place in the queue of handshakes."""

import asyncio
import ssl

import pytest

from certificates import trust
from reprise import CLOSE, TEXT, RawClient, close_payload, frame, message
from test_tls import SecureClient, raw, renew

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class StrictClient(SecureClient):
    """To which a stream without TLS's goodbye is cut off: `recv` raises."""

    def __init__(self, port, context, session=None):
        RawClient.__init__(self, port)
        self.socket = context.wrap_socket(
            self.socket, server_hostname="localhost", session=session, suppress_ragged_eofs=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_is_good_after_the_certificate_was_renewed(secure, certificate, folder, version):
    server = secure()
    context = trust(certificate)
    context.minimum_version = context.maximum_version = version
    with StrictClient(server.port, context) as first:
        first.handshake()
        assert not first.socket.session_reused
        ticket = first.socket.session
    renew(server, certificate, folder)
    with StrictClient(server.port, context, ticket) as again:
        again.handshake()
        assert again.socket.session_reused
        again.send_frame(TEXT, message("resumed"))
        assert again.receive_text() == '"resumed"'


def test_a_request_without_tls_is_told_so(secure):
    with RawClient(secure().port) as client:
        client.send(client.request_bytes())
        reply = client.receive_reply()
        assert reply.status == 400 and b"wss://" in reply.body
        client.wait_for_end()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sent, code", [((CLOSE, close_payload(1000)), 1000), ((0xB, b""), 1002)])
def test_every_close_ends_with_the_goodbye_of_tls(secure, certificate, version, sent, code):
    server = secure()
    context = trust(certificate)
    context.minimum_version = context.maximum_version = version
    with StrictClient(server.port, context) as client:
        client.handshake()
        client.send_frame(*sent)
        assert client.receive_close()[0] == code
        client.assert_ended()


def test_the_last_reply_of_a_socket_ends_with_the_goodbye_of_tls(secure, certificate):
    with StrictClient(secure().port, trust(certificate)) as client:
        client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.receive_reply().status == 200
        client.assert_ended()


def test_frames_that_come_with_the_handshake_are_not_lost(secure, certificate):
    server = secure()
    with SecureClient(server.port, trust(certificate)) as client:
        client.handshake(early=frame(TEXT, message("early")))
        assert client.receive_text() == '"early"'


def test_a_storm_of_handshakes_gets_through_whole(secure, certificate):
    server = secure("--loops", "1")
    context = trust(certificate)

    async def one():
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=context, server_hostname="localhost")
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        reply = await reader.read()
        writer.close()
        return reply

    async def storm():
        return await asyncio.gather(*[one() for _ in range(300)])
    replies = asyncio.run(storm())
    assert len(replies) == 300 and all(reply.startswith(b"HTTP/1.1 200 ") for reply in replies)


def test_what_is_in_flight_holds_secure_clients_too(secure, certificate):
    server = secure("--in-flight-bytes", "64KiB")
    with raw(server, certificate) as sender, raw(server, certificate) as reader:
        for number in range(300):
            sender.send_frame(TEXT, message(f"{number} " + "x" * 20_000))
        for number in range(300):
            assert reader.receive_text().startswith(f'"{number} ')


def test_records_that_do_not_end_stay_within_the_bound_of_memory(secure, certificate):
    """A record is kept until it has come as a whole, up to 16 KiB: with many clients that is a lot, and --edge-bytes counts it."""
    server = secure("--edge-bytes", "1MiB", "--loops", "1", "--handshake-timeout", "10m")
    context = trust(certificate)
    clients = []
    for _ in range(80):
        # The record is sealed in memory, so that a part of it can be sent.
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        client = RawClient(server.port)
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.send(outgoing.read())
                incoming.write(client.socket.recv(1 << 16))
        client.send(outgoing.read())
        session.write(b"x" * 16_000)
        client.send(outgoing.read()[:12_000])
        clients.append(client)
    clients[0].wait_for_end()
    with SecureClient(server.port, context) as innocent:
        innocent.handshake()
        innocent.send_frame(TEXT, message("here"))
        assert innocent.receive_text() == '"here"'
    for client in clients:
        client.reset()
