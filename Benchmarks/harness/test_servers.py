"""Starting a server: what it finds in its folder."""

import os
import ssl
import sys

from . import servers

SERVER = """
import json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"url": os.getcwd()}), flush=True)
signal.pause()
"""


def kind(**options):
    return servers.Kind(name="test", label="test", settings="", command=(sys.executable, "-c", SERVER), **options)


def test_a_secure_server_is_started_beside_a_certificate_and_its_key():
    with servers.running(kind(is_secure=True), cpus=None) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(server.url, servers.CERTIFICATE), os.path.join(server.url, servers.KEY))
    assert not os.path.exists(server.url)


def test_a_plain_server_is_started_in_an_empty_folder_but_for_what_it_says():
    with servers.running(kind(), cpus=None) as server:
        assert os.listdir(server.url) == ["stderr"]


def test_only_the_secure_kind_is_told_to_speak_tls():
    plain, secure = servers.ours(), servers.ours(is_secure=True)
    assert secure.command == (*plain.command, "--tls-certificate", servers.CERTIFICATE, "--tls-key", servers.KEY)
    assert secure.is_secure and not plain.is_secure
