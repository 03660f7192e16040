"""An authority for time stamps (RFC 3161): `openssl ts` behind a small HTTP server, with certificates of its own."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[dn]
[req]
distinguished_name = dn
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[tsa]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[stamps]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """Answers queries; `queries` are those that came, `answer` replaces the right reply."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "ca.pem"
        self.url = ""
        self.queries: list[bytes] = []
        self.answer: tuple[int, str, bytes] | None = None
        self._folder = folder
        self._certificates()

    def reply(self, query: bytes) -> bytes:
        """The stamp."""
        self.queries.append(query)
        place, pair = self._folder / f"query-{len(self.queries)}", ("-signer", "tsa.pem", "-inkey", "tsa.key")
        place.write_bytes(query)
        words = ("-reply", "-config", "openssl.cnf", "-section", "stamps", "-queryfile", str(place), *pair)
        return self._openssl("ts", *words, "-chain", "ca.pem")

    def verified(self, token: bytes, digest: str) -> bool:
        """Does OpenSSL find that the token is of this authority, and about what has that hash?"""
        place = self._folder / "token"
        place.write_bytes(token)
        words = ("ts", "-verify", "-token_in", "-in", str(place), "-digest", digest, "-CAfile", "ca.pem")
        return b"Verification: OK" in self._openssl(*words, "-untrusted", "tsa.pem", check=False)

    def _certificates(self) -> None:
        config = ("-config", "openssl.cnf")
        (self._folder / "openssl.cnf").write_text(CONFIG.format(folder=self._folder))
        (self._folder / "serial").write_text("01\n")
        new = ("-newkey", "rsa:2048", "-nodes", *config)
        self._openssl(
            *("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"),
            *("-subj", "/O=Clock of tests/CN=root", "-extensions", "ca"),
        )
        self._openssl("req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/O=Clock of tests/CN=clock")
        self._openssl(
            *("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", "tsa.pem", "-days", "1", "-extfile", "openssl.cnf", "-extensions", "tsa"),
        )

    def _openssl(self, *words: str, check: bool = True) -> bytes:
        done = subprocess.run(("openssl", *words), cwd=self._folder, capture_output=True, timeout=20, check=check)
        return done.stdout


@contextlib.contextmanager
def an_authority(folder: Path) -> Iterator[Authority]:
    """One that is served on a free port for the length of the block."""
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """A query."""
            query = self.rfile.read(int(self.headers["Content-Length"]))
            good = (200, "application/timestamp-reply", b"") if authority.answer is None else authority.answer
            status, kind, body = good
            body = body or authority.reply(query)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_words: object) -> None:  # noqa: A002 -- the base class calls it so
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        authority.url = f"http://127.0.0.1:{server.server_port}/stamps"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield authority
        finally:
            server.shutdown()
            serving.join()
