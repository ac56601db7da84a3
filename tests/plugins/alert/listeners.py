"""A chat tool's webhook and a mail server, small but real, each on a port of its own."""

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Keeps what is posted; answers with `status`, and not at all while `is_silent`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.received: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.is_silent = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/T0P-S3CRET"


class _Post(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.received.append(json.loads(body))
        if self.server.is_silent.is_set():
            return
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps the mails it is given.

    Args:
        secure: offers STARTTLS with it.
        login: (user, password) that it demands before it takes a mail.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, secure: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.secure, self.login = secure, login
        self.received: list[bytes] = []
        self.over_tls: list[bool] = []

    @property
    def port(self) -> int:
        return self.server_address[1]


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.is_secure = self.is_known = False
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            command, _, rest = line.partition(" ")
            getattr(self, f"_{command.lower()}", self._other)(rest)
            if command.upper() == "QUIT":
                return

    def _ehlo(self, _: str) -> None:
        can_secure = self.server.secure and not self.is_secure
        self._say("\r\n".join(["250-here", *(["250-STARTTLS"] if can_secure else []), "250 AUTH PLAIN"]))

    def _starttls(self, _: str) -> None:
        self._say("220 go on")
        self.connection = self.server.secure.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.is_secure = True

    def _auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")
        self.is_known = (user, password) == self.server.login
        self._say("235 welcome" if self.is_known else f"535 {user} is not known here")

    def _data(self, _: str) -> None:
        if self.server.login and not self.is_known:
            self._say("530 log in first")
            return
        self._say("354 go on")
        lines = iter(self.rfile.readline, b".\r\n")
        self.server.received.append(b"".join(lines))
        self.server.over_tls.append(self.is_secure)
        self._say("250 taken")

    def _quit(self, _: str) -> None:
        self._say("221 good-bye")

    def _other(self, _: str) -> None:
        self._say("250 well")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def running(server: Any) -> Iterator[Any]:
    """The server, answering in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
