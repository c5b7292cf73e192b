"""TLS: the same server behind it, a certificate that can be changed under way, and clients that get it wrong."""

import contextlib
import signal
import socket
import ssl
import subprocess

import boto3
import pytest
from botocore.config import Config
from websockets.sync.client import connect

from certificates import make_certificate, trust
from reprise import CLOSE, DEADLINE, TEXT, RawClient, assert_truthful, close_payload, eventually, message, run


class SecureClient(RawClient):
    """The raw client, behind TLS."""

    def __init__(self, port, context, receive_buffer=None):
        super().__init__(port, receive_buffer=receive_buffer)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


def raw(server, certificate, **options):
    client = SecureClient(server.port, trust(certificate), **options)
    client.handshake()
    return client


def common_name(client):
    return dict(item[0] for item in client.socket.getpeercert()["subject"])["commonName"]


def test_a_library_client_and_boto3_work_through_tls(secure, certificate):
    server = secure()
    context = trust(certificate)
    with connect(server.url, ssl=context) as one, connect(server.url, ssl=context) as two:
        one.send(message({"hello": "world", "n": 1.0}))
        assert one.recv(timeout=5) == two.recv(timeout=5) == '{"hello":"world","n":1}'
        api = boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"https://localhost:{server.port}/dev", region_name="eu-west-1",
            aws_access_key_id="any", aws_secret_access_key="any", verify=str(certificate[0]),
            config=Config(retries={"total_max_attempts": 1}))
        id = one.response.headers["x-reprise-connection-id"]
        assert api.post_to_connection(ConnectionId=id, Data=b"to one")["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert one.recv(timeout=5) == "to one"
        api.delete_connection(ConnectionId=id)
        with pytest.raises(api.exceptions.GoneException):
            api.post_to_connection(ConnectionId=id, Data=b"gone")
    server.stop()
    assert_truthful(server.log.export())
    server.log.assert_sound()


def test_many_messages_arrive_whole_and_in_order(secure, certificate):
    server = secure("--loops", "2")
    clients = [raw(server, certificate) for _ in range(5)]
    expected = []
    for number in range(300):
        text = f"{number} " + "x" * (number * number % 40_000 if number % 10 == 0 else number)
        clients[number % 5].send_frame(TEXT, message(text) if len(text) < 30_000 else message(text[:30_000]))
        expected.append(f'"{text[:30_000]}"' if len(text) >= 30_000 else f'"{text}"')
    received = [[client.receive_text() for _ in expected] for client in clients]
    assert all(texts == received[0] for texts in received) and sorted(received[0]) == sorted(expected)
    for client in clients:
        client.send_frame(CLOSE, close_payload(1000))
        assert client.receive_close()[0] == 1000
    closes = server.log.disconnected(count=5)
    last = max(event["position"] for event in server.log.events("message"))
    assert all(close["deliveredThrough"] >= last and close["cause"] == "client" for close in closes)


def test_a_client_that_stops_reading_is_closed_and_the_log_says_how_far_it_got(secure, certificate):
    server = secure("--ring-bytes", "256KiB", "--close-timeout", "500ms")
    with raw(server, certificate) as reader, raw(server, certificate, receive_buffer=4096) as stalled:
        sent = 0
        while not (closes := [e for e in server.log.events("disconnected")]):
            for _ in range(20):
                reader.send_frame(TEXT, message(f"{sent} " + "x" * 30_000))
                assert reader.receive_text().startswith(f'"{sent} ')
                sent += 1
            assert sent < 2000, "a client that does not read goes on for ever"
        (close,) = closes
        assert (close["cause"], close["code"]) == ("slowConsumer", 1008)
        texts = []
        with contextlib.suppress(OSError, EOFError, AssertionError):
            while True:
                texts.append(stalled.receive_text())
        opened = server.log.events("connected")[1]["position"]
        bodies = [(e["position"], e["body"]) for e in server.log.events("message") if e["position"] > opened]
        promised = sum(position <= close["deliveredThrough"] for position, _ in bodies)
        assert texts == [f'"{i} ' + "x" * 30_000 + '"' for i in range(len(texts))]
        # Reset: what its kernel had not read when the socket was reset may be gone, so no more than was promised.
        assert len(texts) <= promised < sent
        reader.send_frame(TEXT, message("after"))
        assert reader.receive_text() == '"after"'


@pytest.mark.parametrize("policy", ["catchUp", "skip"])
def test_the_other_policies_work_behind_tls(secure, certificate, policy):
    server = secure("--ring-bytes", "256KiB", "--slow-consumer", policy)
    with raw(server, certificate) as reader, raw(server, certificate, receive_buffer=4096) as late:
        total = 300
        for number in range(total):
            reader.send_frame(TEXT, message(f"{number} " + "x" * 30_000))
            assert reader.receive_text().startswith(f'"{number} ')
        numbers = []
        late.socket.settimeout(0.5)
        while not numbers or numbers[-1] < 300:
            try:
                numbers.append(int(late.receive_text()[1:].split()[0]))
            except TimeoutError:  # it has everything that is for it: now it reads, and the next message is
                reader.send_frame(TEXT, message(f"{total} "))
                assert reader.receive_text() == f'"{total} "'
                total += 1
        assert numbers == sorted(set(numbers))
        total = max(total, numbers[-1] + 1)
        late.send_frame(CLOSE, close_payload(1000))
        assert late.receive_close()[0] == 1000
    if policy == "catchUp":
        assert numbers == list(range(total))
    else:
        server.log.disconnected(count=2)
        skipped = server.log.events("skipped")
        positions = [e["position"] for e in server.log.events("message")]
        missed = {positions.index(p) for e in skipped for p in positions if e["first"] <= p <= e["last"]}
        assert missed == set(range(total)) - set(numbers) and missed


def test_the_log_does_not_know_whether_there_was_tls(serve, secure, certificate):
    """The same conversation with and without: the same events but for ids and times, and the same deliveries."""
    def talk(server, open_client):
        with open_client() as one, open_client() as two:
            for number in range(5):
                (one if number % 2 else two).send_frame(TEXT, message(number))
                assert one.receive_text() == two.receive_text() == str(number)
        server.log.disconnected(count=2)
        server.stop()
        report = server.log.assert_sound()[0]
        return [e["event"] for e in server.log.export()], report["deliveries"], report["events"]
    plain, tls = serve(), None
    first = talk(plain, plain.raw)
    tls = secure(data=plain.data.with_name("secure"))
    assert talk(tls, lambda: raw(tls, certificate)) == first


# The certificate


def renew(server, certificate, folder):
    """Replaces the certificate under a running server, and waits until it is in use."""
    make_certificate(folder, name="renewed")
    server.process.send_signal(signal.SIGHUP)

    def renewed():
        with contextlib.suppress(ssl.SSLError), raw(server, certificate) as client:
            return common_name(client) == "renewed"
    eventually(renewed, "the new certificate")


def test_sighup_changes_the_certificate_and_keeps_every_connection(secure, certificate, folder):
    server = secure()
    with raw(server, certificate) as old:
        assert common_name(old) == "localhost"
        renew(server, certificate, folder)
        old.send_frame(TEXT, message("still here"))
        assert old.receive_text() == '"still here"'
        # A bad file changes nothing, and is said.
        certificate[0].write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "the old certificate stays in use" in server.stderr, "the complaint")
        old.send_frame(TEXT, message("and here"))
        assert old.receive_text() == '"and here"'
        with socket.create_connection(("127.0.0.1", server.port)) as plain, \
                ssl._create_unverified_context().wrap_socket(plain) as client:
            assert client.version() in ("TLSv1.2", "TLSv1.3")


def test_sighup_without_tls_stops_the_server_cleanly(serve):
    server = serve()
    server.stop(signal.SIGHUP)
    assert server.log.export()[-1]["cause"] == "shutdown"


def refused(folder, *flags):
    done = run("serve", "--port", "0", "--data", folder / "data", *flags)
    return done.returncode, done.stderr


def test_files_that_cannot_be_used_are_said_before_anything_is_touched(folder, certificate):
    good, key = certificate
    other = make_certificate(folder, prefix="other")[1]
    locked = folder / "locked.key"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:secret"], check=True)
    (folder / "empty").write_text("")
    for files, word in [((folder / "none", key), "No such file"), ((folder / "empty", key), "no"),
                        ((good, folder / "empty"), "no PEM key"), ((good, other), "not the key of"),
                        ((good, locked), "passphrase"), ((key, key), "certificate")]:
        code, text = refused(folder, "--tls-certificate", files[0], "--tls-key", files[1])
        assert code == 1 and word in text and text.count("\n") == 1, (files, text)
    assert not (folder / "data").exists()
    for flags in (("--tls-certificate", good), ("--tls-key", key)):
        code, text = refused(folder, *flags)
        assert code == 64 and "TLS takes both" in text


# Clients that get it wrong


def test_versions_before_1_2_are_refused(secure, certificate):
    server = secure()
    context = trust(certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        SecureClient(server.port, context)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trust(certificate)
        context.minimum_version = context.maximum_version = version
        with SecureClient(server.port, context) as client:
            client.handshake()


def test_plain_clients_of_a_secure_port_are_closed_and_the_other_way_round(secure, serve, certificate):
    server = secure()
    with RawClient(server.port) as client:
        client.send(client.request_bytes())
        client.wait_for_end()
    with raw(server, certificate) as client:
        client.send_frame(TEXT, message("served"))
        assert client.receive_text() == '"served"'
    plain = serve(data=server.data.with_name("plain"))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        SecureClient(plain.port, trust(certificate))
    with plain.raw() as client:
        client.send_frame(TEXT, message("served"))
        assert client.receive_text() == '"served"'


def test_a_tls_handshake_that_stops_is_cut_off(secure, certificate):
    server = secure("--handshake-timeout", "500ms")
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert half.recv(1) == b""


@pytest.mark.parametrize("ending", ["close", "reset", "end"])
def test_every_end_of_a_secure_socket_is_in_the_log_once(secure, certificate, ending):
    server = secure()
    client = raw(server, certificate)
    client.send_frame(TEXT, message("hello"))
    assert client.receive_text() == '"hello"'
    if ending == "close":
        client.send_frame(CLOSE, close_payload(1000))
        assert client.receive_close()[0] == 1000
        client.assert_ended()
    elif ending == "reset":
        client.reset()
    else:
        client.close()
    (close,) = server.log.disconnected()
    assert close["cause"] == ("client" if ending == "close" else "lost")


def test_pings_go_through_tls(secure, certificate):
    server = secure("--ping-interval", "100ms", "--ping-timeout", "400ms")
    with connect(server.url, ssl=trust(certificate)) as client, raw(server, certificate) as silent:
        (closed,) = server.log.disconnected(silent.id)
        assert closed["cause"] == "lost" and silent.wait_for_end() == b"\x89\x00"
        assert server.connection_ids() == [client.response.headers["x-reprise-connection-id"]]
        client.send(message("here"))
        assert client.recv(timeout=5) == '"here"'
