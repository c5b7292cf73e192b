"""Flags win over the environment, which wins over the file, which wins over the defaults; nothing that was given vanishes."""

import os
import re
import subprocess

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from reprise import BINARY, TEXT, environment, run


def printed(*flags, env=None):
    done = run("serve", "--print-config", *flags, env=env)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def settings(*flags, env=None):
    pairs = (line.split(": ", 1) for line in printed(*flags, env=env).splitlines() if not line.startswith(" "))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


@pytest.fixture
def file(folder):
    def write(text):
        path = folder / "reprise.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write


def keys():
    """Every setting, as `--print-config` lists them."""
    found = [line.split(":")[0] for line in printed().splitlines() if not line.startswith(" ")]
    assert len(found) > 30 and {"allowOrigin", "routes", "routeSelection"} <= set(found)
    return found


def variable(key):
    return "REPRISE_" + re.sub("([A-Z])", r"_\1", key).upper()


def refused(config, *words, env=None):
    """The one line that `serve` ends with, 64, because of its file."""
    done = run("serve", "--print-config", "--config", config, env=env)
    assert done.returncode == 64 and done.stdout == "", done
    (line,) = done.stderr.splitlines()
    assert all(word in line for word in words), (words, line)
    return line


def test_the_defaults_are_those_of_the_design():
    found = settings()
    assert found["host"] == "127.0.0.1" and found["port"] == "8080" and found["stage"] == "dev"
    assert found["data"] == "./reprise-data" and found["durability"] == "always" and found["syncInterval"] == "100"
    assert found["frameBytes"] == "32768" and found["messageBytes"] == "131072"
    assert found["idleTimeout"] == "600" and found["lifetime"] == "7200"
    assert found["ringBytes"] == str(64 << 20) and found["slowConsumer"] == "disconnect"
    assert found["redactHeaders"] == '"authorization,cookie,proxy-authorization,x-api-key"'
    assert found["routeSelection"] == "$request.body.action"
    assert "routes:\n  - onMessage=broadcast:data\n" in printed()


def test_each_source_wins_over_the_next(file):
    config = file("stage: file\nport: 1001\nidleTimeout: 1m\nlifetime: 3m\n")
    env = {"REPRISE_STAGE": "variable", "REPRISE_PORT": "1002", "REPRISE_IDLE_TIMEOUT": "2m"}
    found = settings("--config", config, "--stage", "flag", env=env)
    assert (found["stage"], found["port"], found["idleTimeout"], found["lifetime"]) == ("flag", "1002", "120", "180")
    assert settings("--config", config)["stage"] == "file"
    assert settings(env=env)["stage"] == "variable"


@pytest.mark.parametrize("policy", ["disconnect", "catchUp", "skip"])
def test_the_policy_for_slow_consumers_comes_from_anywhere(file, policy):
    assert settings("--slow-consumer", policy)["slowConsumer"] == policy
    assert settings(env={"REPRISE_SLOW_CONSUMER": policy})["slowConsumer"] == policy
    assert settings("--config", file(f"slowConsumer: {policy}\n"))["slowConsumer"] == policy


def test_routes_come_from_one_source_whole(file):
    config = file("routes:\n  - a=echo\n  - b=broadcast:message\nrouteSelection: $request.body.kind\n")
    text = printed("--config", config)
    assert "routes:\n  - a=echo:message\n  - b=broadcast:message\n" in text
    assert "routeSelection: $request.body.kind\n" in text
    assert "  - c=echo:data\n" in printed("--config", config, "--route", "c=echo:data")
    assert "a=echo" not in printed("--config", config, "--route", "c=echo:data")


def test_what_is_printed_can_be_fed_back(file):
    flags = (
        "--host", "::1", "--port", "0", "--stage", "s-1_A", "--data", "a folder/with: colon # and hash", "--loops", "3",
        "--durability", "interval", "--sync-interval", "7", "--allow-binary", "true", "--management-open",
        "--admin", "[::1]:9001", "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "::1",
        "--max-connections", "77", "--frame-bytes", "1KiB", "--message-bytes", "2KiB", "--send-frame-bytes", "512",
        "--header-bytes", "4KiB", "--handshake-timeout", "1.5", "--idle-timeout", "250ms", "--lifetime", "2h",
        "--close-timeout", "1s", "--drain", "3", "--ring-bytes", "1MiB", "--in-flight-bytes", "2MiB", "--edge-bytes", "2MiB",
        "--log-bytes", "1GiB", "--redact-headers", "X-One, cookie", "--route", "a b=echo", "--route", "$default=broadcast:message",
        "--route-selection", "${request.body.a}-${request.body.b}")
    text = printed(*flags)
    assert printed("--config", file(text)) == text
    defaults = printed()
    assert printed("--config", file(defaults)) == defaults


@pytest.mark.parametrize("written, bytes", [("65536", 65536), ("64KiB", 65536), ("1MiB", 1 << 20), ("2GiB", 2 << 30)])
def test_sizes_are_written_as_people_do(file, written, bytes):
    assert settings("--ring-bytes", written)["ringBytes"] == str(bytes)
    assert settings("--config", file(f"ringBytes: {written}\n"))["ringBytes"] == str(bytes)
    assert settings(env={"REPRISE_RING_BYTES": written})["ringBytes"] == str(bytes)


@pytest.mark.parametrize("written, seconds", [("30", "30"), ("1.5", "1.5"), ("500ms", "0.5"), ("10m", "600"), ("2h", "7200")])
def test_times_are_written_as_people_do(file, written, seconds):
    assert settings("--idle-timeout", written)["idleTimeout"] == seconds
    assert settings("--config", file(f"idleTimeout: {written}\n"))["idleTimeout"] == seconds


def test_a_server_obeys_its_file_and_environment(serve, file):
    config = file("stage: files\nroutes:\n  - $default=echo\nallowBinary: true\n")
    server = serve("--config", config, env={"REPRISE_SEND_FRAME_BYTES": "4"})
    assert server.url.endswith("/files")
    with server.raw() as client:
        client.send_frame(TEXT, "abcdef")
        assert client.receive_frame() == (False, TEXT, b"abcd")
        assert client.receive_frame() == (True, 0, b"ef")
    (started,) = server.log.events("sessionStarted")
    assert (started["routes"], started["frameBytesMax"]) == (["$default=echo:message"], 4)


def test_without_configuration_the_folder_is_in_the_working_directory(folder):
    with subprocess.Popen(
            [BINARY, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=folder, env=environment()) as server:
        line = server.stdout.readline()
        server.terminate()
    assert server.returncode == 0
    assert line.startswith("ws://127.0.0.1:") and "/dev" in line and "reprise-data" in line
    assert os.path.exists(folder / "reprise-data" / "data.mdb")


# What the file says, and what it cannot say

LISTS = {
    "allowOrigin": ["https://a.example", "https://*.b.example"], "domainName": ["a.example", "b.example"],
    "redactHeaders": ["cookie", "x-one"], "trustedProxy": ["10.0.0.0/8", "::1"]}


@pytest.mark.parametrize("kind, value", [("not a list", " [a]"), ("not a mapping", " {a: b}"), ("no value", ""), ("not a list", " [[a]]")])
def test_no_setting_takes_a_value_of_another_kind(file, kind, value):
    for key in keys():
        takes_lists = key in LISTS or key == "routes"
        if not takes_lists or value != " [a]":
            line = refused(file(f"# settings\n\n{key}:{value}\n"), "reprise.yaml:3: ", f" {key} ", kind)
            assert ("an item of" in line) == (takes_lists and value == " [[a]]"), line


@pytest.mark.parametrize("key", ["port", "allowOrigin", "routes"])
def test_no_value_vanishes_in_whatever_way_it_is_written(file, key):
    """The error names the line of the key, or of the item."""
    for value in [
            " # a comment", " ~", " null", " !!null x", "\n  a: b", " {}", " !!set {a}", " !tag a", " !!binary YQ==", " !tag [a]",
            " [a: b]", " [~]", " [1, {}]", " [a=echo, [b]]", " [!tag a]"]:
        refused(file(f"# settings\n\n{key}:{value}\n"), "reprise.yaml:3: ", f" {key} ")
    for value, line in [("\n  - - a", 4), ("\n  - a=echo\n  - b: c", 5), ("\n- a=echo\n-\n", 5)]:
        refused(file(f"# settings\n\n{key}:{value}\n"), f"reprise.yaml:{3 if key == 'port' else line}: ", f" {key} ")
    if key in LISTS:
        refused(file(f"{key}: []\n"), "reprise.yaml:1: ", key, "not an empty list")


@pytest.mark.parametrize("value", ["text", "5", "1.5", "true", "''", "|\n  a=echo"])
def test_routes_take_a_list_alone(file, value):
    refused(file(f"port: 1\nroutes: {value}\n"), "reprise.yaml:2: routes must be a list of texts")


@pytest.mark.parametrize("key", LISTS)
def test_a_list_says_what_the_text_with_commas_says(file, key):
    items = LISTS[key]
    expected = settings("--config", file(f"{key}: '{','.join(items)}'\n"))[key]
    assert expected == f'"{",".join(items)}"'
    for written in (f"{key}: [ '{items[0]} ', ' {items[1]}' ]", f"{key}:\n- '{items[0]}'\n# and\n- \"{items[1]}\""):
        assert settings("--config", file(written))[key] == expected
    refused(file(f"{key}:\n  - '{items[0]},{items[1]}'\n"), "reprise.yaml:2: ", key, "comma")
    refused(file(f"{key}:\n  - {items[0]}\n  - ' '\n"), "reprise.yaml:3: ", key)
    for nothing in (",", " , ", " "):
        refused(file(f"{key}: '{nothing}'\n"), "reprise.yaml:1: ", key)
        assert run("serve", "--print-config", env={variable(key): nothing}).returncode == 64
    assert settings("--config", file(f"{key}: ''\n"))[key] == '""'


def test_a_page_that_is_not_in_the_list_may_not_connect(serve, file):
    server = serve("--config", file("allowOrigin:\n  - https://good.example\n"))
    with connect(server.url, origin="https://good.example"):
        pass
    with pytest.raises(InvalidStatus, match="403"):
        connect(server.url, origin="https://bad.example")


@pytest.mark.parametrize("name", ["a b", "x;y", "x\ty", "ü", "x:", "cookie\\n"])
def test_what_is_no_name_of_a_header_hides_none(file, name):
    refused(file(f'redactHeaders: "cookie,{name}"\n'), "reprise.yaml:1: redactHeaders must be header names")


@pytest.mark.parametrize("text", ["", "\n\n", "# all\n  # comments\n", "---\n# comments\n", "--- {}\n...\n", "{}", "\ufeff# x\n"])
def test_a_file_without_settings_sets_nothing(file, text):
    assert printed("--config", file(text)) == printed()


def test_an_empty_variable_is_not_set(file):
    values = {"host": "::1", "stage": "file", "durability": "never", "slowConsumer": "skip", "allowBinary": "true",
              "managementOpen": "true", "trustedProxy": "::1", "admin": "unix:/a b", "allowOrigin": "https://a.example", "redactHeaders": "x-one", "tlsKey": "key.pem",
              "tlsCertificate": "certificate.pem", "data": "elsewhere", "routeSelection": "$request.body.kind",
              "routes": "[a=echo]", "frameBytes": "1000", "edgeBytes": "1MiB", "logBytes": "1GiB", "retainBytes": "2MiB", "port": "81", "loops": "9"}
    config = file("".join(f"{key}: {values.get(key, 100_000 if 'Bytes' in key else 77)}\n" for key in keys()))
    expected, defaults = printed("--config", config), printed()
    assert not set(expected.splitlines()) & set(defaults.splitlines()) - {"routes:"}
    every = {variable(key): "" for key in keys()}
    assert printed("--config", config, env=every) == expected and printed(env=every) == defaults


@pytest.mark.parametrize("text, words", [
    ("port: 1\nhost: a\nport: 1\n", (":1: ", "`port`", "more than once")),
    ("port: 1\n\"port\": 1\n", ("`port`", "more than once")),
    ("port: 1\n!!int port: 1\n", (":2: ", "`port`", "more than once")),
    ("port: 1\n---\nport: 2\n", (":2: ", "another document")),
    ("port: 1\n--- # nothing\n", (":2: ", "another document")),
    ("# x\n- port: 1\n", (":2: ", "a list")),
    ("\nport 1\n", (":2: ", "port: 8080")),
    ("port", (":1: ", "port: 8080")),
    ("~", (":1: ", "port: 8080")),
    ("!set {port}", (":1: ", "tag")),
    ("port: 1\n<<: {stage: x}\n", (":2: ", "`<<` is not a setting")),
    ("port: 1\n1: x\n", (":2: ", "`1` is not a setting")),
    ("port: 1\n~: x\n", (":2: ", "`~` is not a setting")),
    ("port: 1\nPort: x\n", (":2: ", "`Port` is not a setting")),
    ("port: 1\nport.a: x\n", (":2: ", "`port.a` is not a setting")),
    ("port: 1\n? [stage]\n: x\n", (":2: ", "a key must be a text, not a list")),
    ("? {stage: x}\n: x\n", (":1: ", "a key must be a text, not a mapping")),
    ("port: 1\nallowOrigin: *\n", (":2:",)),
    ("port: 1\nstage: *nowhere\n", (":2: ", "alias")),
    ("port: 1\nhost: [a\n", (":3: ", "line 2")),
    ("port: 1\nstage: \"a\x01\"\n", (":2: ", "control characters")),
    ("port: 1\n\0stage: a\n", (":2: ", "control characters")),
    (b"port: 1\nstage: \xff\n", ("UTF-8",)),
    ("port: 1\r\nstage: [a]\r\n", (":2: stage ",)),
    ("stage: &a [x]\nhost: *a\n", (":1: stage ",)),
    ("routes: &a [a=echo]\nhost: *a\n", (":2: host ",)),
    ("routes:\n  - a=echo\n  - b\n", (":3: ", "routes", "'b' has no action")),
    ("port: 1\nroutes: [a=echo, a=echo]\n", (":2: ", "routes", "twice")),
    ("port: 1\nrouteSelection: $x\n", (":2: ", "routeSelection", "$x")),
    ("\nport: many\n", (":2: port must be a whole number, not `many`",)),
    ("\nport: 70000\n", (":2: port must be 0 to 65535",)),
    ("allowBinary: yes\n", (":1: allowBinary must be true or false, not `yes`",))], ids=repr)
def test_what_cannot_be_read_is_refused_by_line(file, text, words):
    refused(file(text), "reprise.yaml", *words)


def test_a_value_is_the_text_as_it_was_written(file):
    config = file("stage: 2026-11-27\nhost: 'null'\nport: \"81\"\ndata: 1.0\nretainAge: !!str 7d\n"
                  "handshakeTimeout: &t 3s\nidleTimeout: *t\nrouteSelection: true\nroutes: [1=echo, true=record]\n")
    found = settings("--config", config)
    assert (found["stage"], found["host"], found["port"], found["data"]) == ("2026-11-27", '"null"', "81", "1.0")
    assert (found["retainAge"], found["handshakeTimeout"], found["idleTimeout"]) == ("604800", "3", "3")
    assert found["routeSelection"] == "true" and "  - 1=echo:message\n  - true=record\n" in printed("--config", config)


def test_a_wrong_value_is_refused_also_where_a_flag_hides_it(file):
    done = run("serve", "--print-config", "--config", file("port: [1]\n"), "--port", "2", env={"REPRISE_PORT": "3"})
    assert done.returncode == 64 and "reprise.yaml:1: port" in done.stderr


def test_any_text_that_is_printed_can_be_fed_back(file):
    texts = ["null", "~", "Null", "true", "a b", " a ", "#", "- a", "a: b", "a'b", 'a"b', "a\\b", "[a]", "<<", "&a", "*a", "!a", "|",
             "a\tb\n", "a\u0085b", "a\u2028b", "a\ufeffb", "\ufffe", "a\x9fb", "😀", "...", "---", "%a", "@", "`"]
    out = printed("--data=null", "--host=~", "--tls-key= ", "--tls-certificate=a", *(f"--route={text}=record" for text in texts))
    assert out.count("=record") == len(texts) and printed("--config", file(out)) == out


def test_a_table_without_routes_can_be_fed_back(file):
    out = printed("--config", file("routes: []\n"))
    assert "routes: []\n" in out and printed("--config", file(out)) == out
