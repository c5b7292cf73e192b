"""`reprise bench fanout` through TLS: a server of its own, and TLS that is not ours."""

import json
import ssl

import pytest

from reprise import TEXT, message, run
from test_bench import FANOUT, Broadcaster, fanout, faults
from certificates import make_certificate


@pytest.fixture
def certificate(folder):
    files = folder / "certificate"
    files.mkdir()
    return make_certificate(files)


def test_a_run_with_its_own_secure_server_finds_no_fault(folder, certificate):
    _, (report,) = fanout("--", "--tls-certificate", certificate[0], "--tls-key", certificate[1], folder=folder)
    assert faults(report) == []
    assert report["url"].startswith("wss://")
    assert report["receivedDeliveries"] == report["expectedDeliveries"] == 20 * report["messagesSent"] > 0


def test_everything_that_a_plain_run_can_do_works_through_tls(folder, certificate):
    _, (report,) = fanout(
        "--senders", "4", "--error-share", "0.25", "--churn", "50", "--stall", "1", "--payload", "30000",
        "--", "--tls-certificate", certificate[0], "--tls-key", certificate[1], folder=folder)
    assert faults(report) == []
    assert report["errorsReceived"] == report["errorsExpected"] > 0
    assert report["churnedClients"] > 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("count, rules", [(1, []), (0, ["lost message"]), (2, ["twice"])])
def test_what_a_foreign_server_delivers_through_tls_is_verified(folder, certificate, version, count, rules):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.minimum_version = context.maximum_version = version
    with Broadcaster(20, lambda client, number: count if (client, number) == (7, 30) else 1, context) as server:
        result = run(*FANOUT, "--url", server.url, "--envelope", "none")
    report = json.loads(result.stdout)
    assert report["messagesSent"] > 30
    assert bool(faults(report)) == bool(rules), report["failedRules"]
    assert all(any(rule in sentence for sentence in report["failedRules"]) for rule in rules), report["failedRules"]


def test_the_wrong_scheme_is_said(serve, certificate):
    secure = serve("--tls-certificate", certificate[0], "--tls-key", certificate[1])
    plain = serve(data=secure.data.with_name("plain"))
    for url, words in [(plain.url.replace("ws:", "wss:"), "TLS failed"), (secure.url.replace("wss:", "ws:"), "status 400")]:
        result = run(*FANOUT, "--url", url)
        assert (result.returncode, result.stdout) == (1, ""), url
        assert words in result.stderr and result.stderr.count("\n") == 1, result.stderr


@pytest.mark.parametrize("command", [("replay", "--data", "{data}", "--to"), ("bench", "replay", "--from", "{data}", "--url")])
def test_the_commands_that_speak_no_tls_say_so(server, command):
    with server.raw() as client:
        client.send_frame(TEXT, message("recorded"))
        assert client.receive_text() == '"recorded"'
    server.log.disconnected()
    server.stop()
    result = run(*(word.replace("{data}", str(server.data)) for word in command), "wss://127.0.0.1:1/")
    assert result.returncode != 0 and "ws://" in result.stderr
