"""Time stamps of an authority (RFC 3161), asked through a relay of our own on this machine.

The library that signs would wait half a minute for an authority, and a picture should not wait so long for a stamp that
it can do without. So it asks the relay, which gives back nothing that is late, large or something else.
"""

import contextlib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer

SECONDS = 5.0
"""That an authority may take between two pieces of its answer."""
MAX_QUERY, MAX_REPLY = 4096, 64 * 1024
"""Bytes; a query has a hash in it, a reply certificates."""
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
HERE = "127.0.0.1"


@contextlib.contextmanager
def relayed(authority: str) -> Iterator[str]:
    """An address on this machine behind which the authority is, for the length of the block."""

    class Handler(_Relay):
        address = authority

    with HTTPServer((HERE, 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield f"http://{HERE}:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()


def asked(authority: str, query: bytes) -> bytes:
    """The authority's reply. Raises OSError when there is none that could be one."""
    request = urllib.request.Request(authority, query, {"Content-Type": QUERY, "Accept": REPLY})  # noqa: S310 -- the operator's own setting, http or https
    with _opener.open(request, timeout=SECONDS) as answer:
        body: bytes = answer.read(MAX_REPLY + 1)
        if answer.headers.get_content_type() != REPLY or len(body) > MAX_REPLY:
            raise OSError("this is no time stamp")
    return body


class _Relay(BaseHTTPRequestHandler):
    address = ""
    timeout = SECONDS

    def do_POST(self) -> None:
        try:
            size = int(self.headers.get("Content-Length", ""))
            if not 0 < size <= MAX_QUERY:
                raise ValueError
            reply = asked(self.address, self.rfile.read(size))
        except (OSError, ValueError):
            self.send_error(HTTPStatus.BAD_GATEWAY)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", REPLY)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *_words: object) -> None:  # noqa: A002 -- the base class calls it so
        """Nothing: that there is no stamp is told by who signs."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_words: object) -> None:
        """An authority that moved is one that the operator has not chosen."""


_opener = urllib.request.build_opener(_NoRedirect)
