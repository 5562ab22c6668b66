"""A git server over HTTP that requires authentication and answers as GitHub does.

Without credentials or with unknown ones it answers 401. With credentials that may not read the
repository it answers 404, so that the answer does not reveal which repositories exist.
"""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

TOKEN = "github_pat_that_reads_the_template"  # noqa: S105  # not a real token
STRANGER = "github_pat_without_access"


@dataclass
class GitServer:
    """Serves the bare repositories of a folder to clients with the token, on this machine only.

    Attributes:
        root: The folder; a repository is reached at `url`/NAME.git.
        url: The URL of the server.
        refused: The path of each rejected request.
    """

    root: Path
    url: str = ""
    refused: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator["GitServer"]:
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def status(self, authorization: str) -> int:
        """Return the status of an answer to a request with these credentials."""
        kind, _, encoded = authorization.partition(" ")
        password = base64.b64decode(encoded).decode().partition(":")[2] if kind == "Basic" else ""
        return {TOKEN: 200, STRANGER: 404}.get(password, 401)


def _handler(git: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = git.status(self.headers.get("Authorization", ""))
            if status != 200:
                git.refused.append(self.path)
                text = b"Repository not found." if status == 404 else b"Authentication required"
                self._send(status, {"WWW-Authenticate": 'Basic realm="git"'}, text)
                return
            headers, _, content = self._run(body).partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in headers.decode().split("\r\n"))
            self._send(int(fields.pop("Status", "200").split()[0]), fields, content)

        def _run(self, body: bytes) -> bytes:
            address = urlsplit(self.path)
            env = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(git.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": address.path,
                "QUERY_STRING": address.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            command = ["git", "http-backend"]
            return subprocess.run(command, env=env, input=body, stdout=-1, check=True).stdout

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815  # names that the base class requires

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

    return Handler
