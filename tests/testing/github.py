"""A server with the endpoints of GitHub's REST API that start and follow a workflow.

https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event
https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY = "acme/payments-api"
TOKEN = "github_pat_of_the_test"  # noqa: S105  # not a real token
DISPATCHES = "actions/workflows/hello.yaml/dispatches"
INPUTS = {"greeting": "Hello", "name": "Seungkyu", "correlation-id": ""}
FIRST_RUN = 21234567890  # as large as real ones, which lose digits as a float of six places
LIMITED = {"Retry-After": "1"}

Fault = tuple[int, Mapping[str, str]]
Answer = tuple[int, Mapping[str, str], dict[str, Any] | None]


@dataclass
class GitHub:
    """The state of one repository with the workflow hello.yaml, and the server's behaviour.

    Attributes:
        conclusion: The conclusion of every run.
        polls: The number of requests for a run before it is completed; None if it never is.
        faults: By method, the status and headers that the next requests get instead of an answer.
        details: Whether it knows `return_run_details`; servers before February 2026 do not.
        url: Its URL over TCP.
        runs: The inputs of each started run.
        requests: Method and path of each request.
    """

    conclusion: str = "success"
    polls: int | None = 2
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    details: bool = True
    url: str = ""
    runs: list[dict[str, str]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _requests_of_run: dict[int, int] = field(default_factory=dict)

    def answer(self, method: str, path: str, token: str, body: bytes) -> Answer:
        """Return status, headers and body of the answer to a request."""
        self.requests.append(f"{method} {path}")
        if self.faults.get(method):
            status, headers = self.faults[method].pop(0)
            return status, headers, {"message": "You have exceeded a rate limit"}
        if token not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
            return 401, {}, {"message": "Bad credentials", "status": "401"}
        if (method, path) == ("POST", f"/repos/{REPOSITORY}/{DISPATCHES}"):
            return self._dispatch(json.loads(body))
        if run := re.fullmatch(rf"/repos/{REPOSITORY}/actions/runs/(\d+)", path):
            return self._run(int(run[1]))
        return 404, {}, {"message": "Not Found", "status": "404"}

    def _dispatch(self, body: dict[str, Any]) -> Answer:
        if not self.details and "return_run_details" in body:
            return 400, {}, {"message": "Invalid request: unexpected key"}
        unknown = set(body.get("inputs", {})) - set(INPUTS)
        if body.get("ref") != "main" or unknown:
            return 422, {}, {"message": f"No ref found or unexpected inputs: {sorted(unknown)}"}
        self.runs.append(INPUTS | body.get("inputs", {}))
        number = FIRST_RUN + len(self.runs) - 1
        if not body.get("return_run_details"):
            return 204, {}, None
        return 200, {}, {"workflow_run_id": number, **self._addresses(number)}

    def _run(self, number: int) -> Answer:
        if not 0 <= number - FIRST_RUN < len(self.runs):
            return 404, {}, {"message": "Not Found", "status": "404"}
        count = self._requests_of_run[number] = self._requests_of_run.get(number, 0) + 1
        done = self.polls is not None and count > self.polls
        state = "completed" if done else "queued" if count == 1 else "in_progress"
        conclusion = self.conclusion if done else None
        run = {"id": number, "status": state, "conclusion": conclusion}
        return 200, {}, {**run, **self._addresses(number)}

    def _addresses(self, number: int) -> dict[str, str]:
        api = self.url or "https://api.github.com"
        path = f"{REPOSITORY}/actions/runs/{number}"
        return {"run_url": f"{api}/repos/{path}", "html_url": f"https://github.com/{path}"}

    @contextmanager
    def on_socket(self, path: Path) -> Iterator["GitHub"]:
        """Serve on a Unix socket, which gh uses if its configuration sets http_unix_socket."""
        with _UnixServer(str(path), _handler(self)) as server:
            yield from _serve(server, self)

    @contextmanager
    def on_port(self) -> Iterator["GitHub"]:
        """Serve on a free port of this machine."""
        with ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            yield from _serve(server, self)


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _serve(server: socketserver.BaseServer, github: GitHub) -> Iterator[GitHub]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "")
            with github.lock:
                status, headers, answer = github.answer(self.command, self.path, token, body)
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            sent = {"Content-Type": "application/json; charset=utf-8", **headers}
            for name, value in {**sent, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer  # noqa: N815  # names that the base class requires

        def log_message(self, *arguments: object) -> None:
            """Log nothing; the state has the requests."""

    return Handler


def renewed_after(seconds: int) -> Mapping[str, str]:
    """Return the headers of a rate-limited answer, with a limit that is reset in some seconds."""
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + seconds)}
