"""optuna-dashboard for a scan, running or finished; read-only.

optuna-dashboard escapes what it shows and forbids foreign scripts. This server also refuses changes (such as deleting
the study) and requests with a foreign Host header, by which a web site could reach it (DNS rebinding).
"""

from __future__ import annotations

import socketserver
import wsgiref.simple_server
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..sampling.optuna_private import quiet_optuna, storage_of
from .record.storage import open_folder

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = (("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"))

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def make_app(folder: Path, *, storage: str = "", hosts: tuple[str, ...] = LOOPBACK) -> App:
    """The WSGI application for the study of a folder. Raises ValueError without a study or without optuna-dashboard."""
    try:
        import optuna_dashboard
    except ImportError as error:
        raise ValueError(
            "the dashboard needs optuna-dashboard, which is not installed: pip install optuna-dashboard."
        ) from error
    with quiet_optuna():
        inner: App = optuna_dashboard.wsgi(storage_of(open_folder(folder, storage)))

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def refuse(status: str, words: str) -> Iterable[bytes]:
            start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *_HEADERS])
            return [f"{words}\n".encode()]

        if _name(environ.get("HTTP_HOST", "")) not in hosts:
            return refuse("403 Forbidden", "This server accepts only its own host name: see --host.")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return refuse("405 Method Not Allowed", "This dashboard is read-only.")

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, *_HEADERS], *rest)

        return inner(environ, start)

    return app


def serve(
    folder: Path, *, storage: str = "", host: str = LOOPBACK[0], port: int = 8080, opened: Callable[[str], None]
) -> None:
    """Serve until Ctrl-C; `opened` is called with the address. Raises ValueError if host or port cannot be used."""
    app = make_app(folder, storage=storage, hosts=(*LOOPBACK, host))
    try:
        server = wsgiref.simple_server.make_server(host, port, app, _Server, _Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"cannot listen on {host}, port {port} ({reason}): give another --port or --host.") from error
    with server:
        opened(f"http://{host}:{server.server_port}/dashboard")
        server.serve_forever()


def _name(host: str) -> str:
    """The host of a Host header, without its port: "localhost:8080", "[::1]:8080"."""
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]


class _Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class _Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return  # do not print every request
