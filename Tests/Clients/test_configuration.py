"""Flags win over the environment, which wins over the file, which wins over the defaults."""

import os
import subprocess

import pytest

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
        path.write_text(text)
        return path
    return write


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
        "--max-connections", "77", "--frame-bytes", "1KiB", "--message-bytes", "2KiB", "--send-frame-bytes", "512",
        "--header-bytes", "4KiB", "--handshake-timeout", "1.5", "--idle-timeout", "250ms", "--lifetime", "2h",
        "--close-timeout", "1s", "--drain", "3", "--ring-bytes", "1MiB", "--in-flight-bytes", "2MiB", "--log-bytes",
        "1GiB", "--redact-headers", "X-One, cookie", "--route", "a b=echo", "--route", "$default=broadcast:message",
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
