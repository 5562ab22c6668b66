"""A connection between psql and PostgreSQL that can be cut at any statement."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from dev import postgres


@dataclass
class Proxy:
    """Forwards between psql and a server, records statements, and cuts the connection after one.

    The server gets the statement number `cut_after`, counted from 1; its answer is dropped.
    """

    server: postgres.Server
    cut_after: int = 0
    statements: list[str] = field(default_factory=list)
    port: int = 0
    cut: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        with socket.create_server((self.server.host, 0)) as listener:
            self.port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)  # close() alone leaves the thread in accept

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((self.server.host, self.server.port))
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        # One of the two sides always closes first.
        with suppress(OSError):
            for kind, message in _messages(client):
                last = kind == b"Q" and self._is_last(message)
                server.sendall(message)
                if last:
                    self.cut.set()
                    break
        _close(client, server)

    def _is_last(self, message: bytes) -> bool:
        with self._lock:
            self.statements.append(message[5:-1].decode())
            return len(self.statements) == self.cut_after


def _messages(client: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and all bytes of each message: the first of a connection have no type."""
    stream = client.makefile("rb")
    started = False
    while True:
        kind = stream.read(1) if started else b""
        length = stream.read(4)
        if len(length) < 4:
            return
        body = stream.read(struct.unpack("!i", length)[0] - 4)
        # 3 is the protocol; other numbers request encryption first.
        started = started or body[:2] == b"\0\3"
        yield kind, kind + length + body


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _close(source, target)


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
