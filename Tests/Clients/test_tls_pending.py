"""Sockets with TLS that are no WebSockets: they end when they must, whether or not the client answers TLS's goodbye."""

import contextlib
import socket
import ssl

from certificates import trust

LONG = ("--close-timeout", "60s")  # longer than any test waits


def silent(server, certificate):
    """A client that completes the TLS handshake. Returns the TCP socket, which it reads without answering anything."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=15)
    below = plain.dup()
    tls = trust(certificate).wrap_socket(plain, server_hostname="localhost")
    below.settimeout(15)
    return tls, below


def wait_for_end(below):
    with contextlib.suppress(ConnectionError):
        while below.recv(1 << 16):
            pass


def test_the_oldest_goes_at_once(secure, certificate):
    server = secure(*LONG, "--max-pending", "16", "--loops", "1")
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(18):
            tls, below = silent(server, certificate)
            stack.enter_context(tls)
            stack.enter_context(below)
            sockets.append(below)
        for below in sockets[:2]:
            wait_for_end(below)
        sockets[-1].setblocking(False)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            while True:
                assert sockets[-1].recv(1 << 16), "the newest was closed"


def test_whoever_sends_no_request_in_time_is_cut_off(secure, certificate):
    server = secure(*LONG, "--handshake-timeout", "300ms")
    tls, below = silent(server, certificate)
    with tls, below:
        wait_for_end(below)


def test_a_caller_that_keeps_its_connection_does_not_hold_the_end_up(secure, certificate):
    server = secure(*LONG)
    tls, below = silent(server, certificate)
    with tls, below:
        tls.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in tls.recv(1 << 16)
        server.stop()
        wait_for_end(below)
