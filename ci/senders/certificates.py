"""Certificates of a server on this machine and of one client, by openssl."""

import hashlib
import ssl
import subprocess


class Certificates:
    def __init__(self, folder, name="localhost"):
        self.folder = folder
        folder.mkdir()
        self.authority, self.authority_key = folder / "ca.pem", folder / "ca.key"
        self.server, self.server_key = folder / "server.pem", folder / "server.key"
        self.client, self.client_key = folder / "client.pem", folder / "client.key"
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ledger",
                     "-keyout", self.authority_key, "-out", self.authority)
        self.issue("server", self.server, self.server_key, f"subjectAltName=DNS:{name},IP:127.0.0.1")
        self.issue("client", self.client, self.client_key, "extendedKeyUsage=clientAuth")
        der = ssl.PEM_cert_to_DER_cert(self.client.read_text())
        self.client_fingerprint = hashlib.sha256(der).hexdigest()

    def issue(self, name, certificate, key, extension):
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(extension)
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-days", "2", "-CA", self.authority, "-CAkey", self.authority_key,
                     "-CAcreateserial", "-extfile", extensions, "-out", certificate)

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
