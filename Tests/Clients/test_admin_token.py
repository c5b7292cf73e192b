"""`--admin-token FILE`: who shows a token of the file may call the management API from everywhere, as far as its role goes."""

import http.client
import signal

import pytest

from callers import EVERYONE, ask, assert_nothing_happened, assert_refused, assert_taken, calls, own_address, path
from reprise import DEADLINE, RawClient, eventually, run

VIEW, READ, OPERATE = "view-0123456789abcdef", "read-0123456789abcdef", "operate-0123456789+/="
TOKENS = {"view": VIEW, "read": READ, "operate": OPERATE}
ELSEWHERE = {"Host": "app.example", "X-Forwarded-For": "198.51.100.7"}


def bearer(token, **headers):
    return {**ELSEWHERE, "Authorization": f"Bearer {token}", **headers}


@pytest.fixture
def tokens(folder):
    """The file; as a function it writes another text into it."""
    file = folder / "tokens"

    def write(text, mode=0o600):
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    write("# who may call\n\n" + "".join(f"{role} {token}\n" for role, token in TOKENS.items()))
    write.file = file
    return write


@pytest.fixture
def server(serve, tokens):
    return serve("--admin-token", tokens.file, "--verbose")


def assert_unauthorized(reply):
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer"), reply.body
    assert reply.headers["x-amzn-errortype"] == "UnauthorizedException"
    assert "--admin-token" in reply.json["message"]


def refused_start(*flags, code=1, words=()):
    done = run("serve", "--port", "0", *flags)
    assert done.returncode == code and done.stdout == "", done
    line = done.stderr.splitlines()[-1]
    assert all(word in line for word in words), (words, line)
    assert not any(token in done.stderr for token in TOKENS.values())


# What a token is good for


def test_whoever_may_operate_may_do_everything(server):
    with server.raw() as client:
        assert_taken(server.port, client, headers=bearer(OPERATE))
        assert_taken(server.port, client, headers=bearer(OPERATE), version="HTTP/1.0")
        assert ask(server.port, "DELETE", path(client.id), headers=bearer(OPERATE)).status == 204
        assert client.receive_close()[0] == 1000


@pytest.mark.parametrize("token", [VIEW, READ])
def test_whoever_may_look_may_only_ask(server, token):
    with server.raw() as client:
        assert ask(server.port, "GET", path(client.id), headers=bearer(token)).status == 200
        for method, target, body in calls(client.id)[1:]:
            assert_refused(ask(server.port, method, target, body, headers=bearer(token)), "operate", flags=["--admin-token"])
        assert_nothing_happened(server, client)


@pytest.mark.parametrize("wrong", [
    "", "x", OPERATE[:-1], OPERATE + "x", OPERATE.upper(), "x" * len(OPERATE), f"operate {OPERATE}", f"{OPERATE} {OPERATE}"])
def test_a_wrong_token_opens_nothing(server, wrong):
    with server.raw() as client:
        for method, target, body in calls(client.id):
            assert_unauthorized(ask(server.port, method, target, body, headers=bearer(wrong)))
        assert_nothing_happened(server, client)


def test_a_wrong_token_is_refused_also_where_none_is_needed(serve, tokens, folder):
    server = serve("--admin-token", tokens.file, "--management-open")
    assert ask(server.port, "POST", EVERYONE).status == 200
    assert_unauthorized(ask(server.port, "POST", EVERYONE, headers={"Authorization": "Bearer wrong"}))
    server = serve("--admin-token", tokens.file, "--admin", f"unix:{folder}/socket", data=folder / "other")
    assert ask(folder / "socket", "POST", EVERYONE).status == 200
    assert ask(folder / "socket", "POST", EVERYONE, headers={"Authorization": f"Bearer {READ}"}).status == 403
    assert_unauthorized(ask(folder / "socket", "POST", EVERYONE, headers={"Authorization": "Bearer wrong"}))


def test_who_shows_no_token_is_judged_as_ever(server):
    with server.raw() as client:
        assert_taken(server.port, client)
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/execute-api/aws4_request"}
        assert_taken(server.port, client, headers=signed)
        for headers in (ELSEWHERE, {**ELSEWHERE, **signed}, {**ELSEWHERE, "Authorization": f"Basic {OPERATE}"}):
            for method, target, body in calls(client.id):
                assert_unauthorized(ask(server.port, method, target, body, headers=headers))


@pytest.mark.parametrize("written", ["bearer {}", "BEARER {}", "Bearer   {}", " Bearer {} "])
def test_the_scheme_is_written_in_any_way(server, written):
    assert ask(server.port, "POST", EVERYONE, headers=bearer("", Authorization=written.format(OPERATE))).status == 200


def test_two_tokens_are_none(server):
    twice = {**ELSEWHERE, "Authorization": f"Bearer {OPERATE}\r\nAuthorization: Bearer {OPERATE}"}
    assert_unauthorized(ask(server.port, "POST", EVERYONE, headers=twice))


@pytest.mark.parametrize("page", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_a_token_is_no_way_in_for_a_page(server, page):
    with server.raw() as client:
        for method, target, body in calls(client.id):
            assert_refused(ask(server.port, method, target, body, headers=bearer(OPERATE, **page)), "page", flags=())
        assert_nothing_happened(server, client)


def test_without_a_file_a_token_says_nothing(serve):
    server = serve()
    assert ask(server.port, "POST", EVERYONE, headers={"Authorization": "Bearer anything"}).status == 200
    assert_refused(ask(server.port, "POST", EVERYONE, headers=bearer(OPERATE)), "X-Forwarded-For")


def test_management_that_is_switched_off_takes_no_token(serve, tokens):
    server = serve("--admin-token", tokens.file, "--admin", "off")
    assert_refused(ask(server.port, "POST", EVERYONE, headers=bearer(OPERATE)), "off", flags=["--admin off"])


@pytest.mark.parametrize("admin", ["same", "own"])
def test_a_token_lets_other_machines_in(serve, tokens, admin):
    here = own_address()
    server = serve("--admin-token", tokens.file, "--host", "0.0.0.0", "--admin", "0.0.0.0:0" if admin == "own" else "same")
    port = server.port if admin == "same" else int(server.announcement["admin"].rsplit(":", 1)[1].split("/")[0])

    def post(headers):
        connection = http.client.HTTPConnection(here, port, timeout=DEADLINE)
        connection.request("POST", EVERYONE, b"hello", headers)
        reply = connection.getresponse()
        reply.read()
        connection.close()
        return reply.status

    assert (post({}), post({"Authorization": f"Bearer {OPERATE}"}), post({"Authorization": f"Bearer {VIEW}"})) == (401, 200, 403)


# Decided at the head, and kept to oneself


@pytest.mark.parametrize("token, status", [("wrong", 401), (READ, 403), (OPERATE, 100)])
def test_the_head_decides_before_a_byte_of_the_body(server, token, status):
    fields = {"Host": "localhost", "Content-Length": 100_000, "Expect": "100-continue", "Authorization": f"Bearer {token}"}
    with RawClient(server.port) as client:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client.send(f"POST {EVERYONE} HTTP/1.1\r\n{lines}\r\n".encode())
        assert client.receive_reply().status == status


def test_no_token_is_written_anywhere(server):
    for token in [*TOKENS.values(), "wrong-0123456789abcdef"]:
        reply = ask(server.port, "POST", EVERYONE, headers=bearer(token))
        assert token not in str(reply.headers) + reply.body.decode()
    with RawClient(server.port) as client:
        client.handshake(headers={"Authorization": f"Bearer {OPERATE}"})
    server.log.disconnected()
    server.stop()
    written = server.stderr.encode() + b"".join(path.read_bytes() for path in server.data.iterdir())
    assert not any(token.encode() in written for token in [*TOKENS.values(), "wrong-0123456789abcdef"])


# The file


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_a_file_that_others_may_open_is_refused(tokens, folder, mode):
    file = tokens(f"operate {OPERATE}\n", mode)
    refused_start("--admin-token", file, "--data", folder / "data", words=[f"chmod 600 {file}", "--admin-token"])
    assert not (folder / "data").exists()


def test_a_file_that_only_its_owner_may_read_is_taken(serve, tokens):
    server = serve("--admin-token", tokens(f"operate\t{OPERATE}\r\n", 0o400))
    assert ask(server.port, "POST", EVERYONE, headers=bearer(OPERATE)).status == 200


@pytest.mark.parametrize("text, words", [
    ("", ["it has no token"]), ("# operate\n", ["it has no token"]), (f"# a\nadmin {OPERATE}\n", ["line 2", "view, read, operate"]),
    (f"{OPERATE}\n", ["line 1"]), (f"operate {OPERATE} # mine\n", ["line 1"]), ("operate 0123456789abcde\n", ["line 1", "16"]),
    ("operate 0123456789abcdefä\n", ["line 1", "ASCII"]), (f"view {VIEW}\n\noperate {VIEW}\n", ["line 3", "already"])])
def test_what_is_wrong_with_the_file_is_said_by_line(tokens, folder, text, words):
    refused_start("--admin-token", tokens(text), "--data", folder / "data", words=[str(tokens.file), *words])


def test_what_is_no_file_is_named(folder):
    refused_start("--admin-token", folder / "none", "--data", folder / "data", words=[f"{folder}/none", "No such file"])
    refused_start("--admin-token", folder, "--data", folder / "data", words=[str(folder), "no regular file"])


def test_sighup_reads_the_file_again(server, tokens):
    def status(token):
        return ask(server.port, "POST", EVERYONE, headers=bearer(token)).status

    assert (status(OPERATE), status("another-0123456789")) == (200, 401)
    tokens("operate another-0123456789\n")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: status("another-0123456789") == 200, "the new token")
    assert status(OPERATE) == 401
    tokens("operate short\n")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old tokens stay in use" in server.stderr, "a complaint")
    assert status("another-0123456789") == 200 and "short" not in server.stderr
