"""The command-line tools that people have for the service, with nothing changed but the endpoint."""

import json
import pathlib
import subprocess
import sys

import pytest

from reprise import DEADLINE

TOOLS = pathlib.Path(sys.executable).parent


@pytest.fixture
def tool(server, folder):
    """Runs a tool with credentials of its own, and without the settings of the person who runs the tests."""
    def run(name, *arguments, code=0):
        environment = {
            "PATH": f"{TOOLS}:/usr/bin:/bin", "HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
        done = subprocess.run(
            [TOOLS / name, *arguments], env=environment, capture_output=True, text=True, timeout=4 * DEADLINE)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done
    return run


def test_50_the_aws_cli_posts_gets_and_deletes(server, tool):
    def aws(verb, *arguments, code=0):
        return tool("aws", "apigatewaymanagementapi", verb, "--endpoint-url", server.endpoint, *arguments, code=code)

    with server.raw() as client:
        aws("post-to-connection", "--connection-id", client.id, "--data", "from the shell")
        assert client.receive_text() == "from the shell"
        found = json.loads(aws("get-connection", "--connection-id", client.id).stdout)
        assert found["Identity"]["SourceIp"] == "127.0.0.1"
        aws("delete-connection", "--connection-id", client.id)
        assert client.receive_close() == (1000, "Connection Closed Normally")
        gone = aws("get-connection", "--connection-id", client.id, code=255)
        assert "GoneException" in gone.stderr


def test_51_awscurl_posts_and_gets(server, tool):
    with server.raw() as client:
        url = f"{server.endpoint}/@connections/{client.id}"
        tool("awscurl", "--service", "execute-api", "--region", "eu-west-1", "-X", "POST", "-d", "signed", url)
        assert client.receive_text() == "signed"
        found = json.loads(tool("awscurl", "--service", "execute-api", "--region", "eu-west-1", url).stdout)
        assert found["identity"]["sourceIp"] == "127.0.0.1"
