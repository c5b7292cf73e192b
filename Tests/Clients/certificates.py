"""Certificates for servers with TLS, and clients that trust them."""

import ssl
import subprocess


def make_certificate(folder, name="localhost", prefix="server"):
    """A certificate that vouches for itself, and its key, as PEM files."""
    certificate, key = folder / f"{prefix}.pem", folder / f"{prefix}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


def trust(certificate):
    return ssl.create_default_context(cafile=certificate[0])
