// A Python HTTP service on the standard library: entry point, server, router, and the helpers of its tests.
import type { Project, SourceFile } from "../project";
import { forSource } from "../text";
import { pythonBase, pythonImport } from "./base";

const MAIN = `"""Starts the service: python3 -m app [--host HOST] [--port PORT] [--data FILE]."""

import argparse

from app.server import create_server
from app.store import Store


def main():
    parser = argparse.ArgumentParser(prog="app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", help="JSON file that keeps the records between starts")
    options = parser.parse_args()
    server = create_server(Store(options.data), options.host, options.port)
    host, port = server.server_address[:2]
    print(f"Listening on http://{host}:{port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("Stopped.")
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
`;

const MESSAGES = `"""What handlers receive and may answer."""

from dataclasses import dataclass

from app.store import Store


@dataclass(frozen=True)
class Request:
    """A matched request; \`body\` is the JSON object sent, empty when there was none."""

    params: dict
    query: dict
    body: dict
    store: Store


@dataclass(frozen=True)
class File:
    """A body that is not JSON."""

    content: bytes
    content_type: str
    name: str
`;

const ROUTER = `"""Finds the handler for a method and a path such as /things/:id."""

from urllib.parse import unquote

from app.errors import NotFound


class MethodNotAllowed(NotFound):
    code = "method_not_allowed"


class Router:
    def __init__(self):
        self._routes = []

    def add(self, method, path, handler):
        parts = split(path)
        self._routes.append((method, parts, handler))
        # Literal paths win over those with parameters.
        self._routes.sort(key=lambda route: sum(part.startswith(":") for part in route[1]))

    def match(self, method, path):
        """Return the handler and its path parameters."""
        parts = [unquote(part) for part in split(path)]
        other_method = False
        for route_method, route_parts, handler in self._routes:
            params = fit(route_parts, parts)
            if params is not None and route_method == method:
                return handler, params
            other_method = other_method or params is not None
        if other_method:
            raise MethodNotAllowed(f"{method} is not possible here.")
        raise NotFound("There is nothing at this address.")


def split(path):
    return [part for part in path.split("/") if part]


def fit(route_parts, parts):
    """Return the parameters when the path has the form of the route, else None."""
    if len(route_parts) != len(parts):
        return None
    params = {}
    for expected, part in zip(route_parts, parts, strict=True):
        if expected.startswith(":"):
            params[expected[1:]] = part
        elif expected != part:
            return None
    return params
`;

const SERVER = `"""The HTTP server: reads requests, calls handlers, writes JSON answers."""

import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from app.errors import AppError, Invalid
from app.messages import File, Request
from app.registry import FEATURES
from app.router import Router

MAX_BODY_BYTES = 1_000_000
STATUS = {"invalid": 422, "not_found": 404, "conflict": 409, "method_not_allowed": 405}

log = logging.getLogger(__name__)


class BadRequest(Invalid):
    code = "bad_request"


class ApiServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address, store):
        super().__init__(address, ApiHandler)
        self.store = store
        self.router = Router()
        self.router.add("GET", "/health", lambda request: (200, {"status": "ok"}))
        for feature in FEATURES:
            feature.register(self.router)


class ApiHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer

    def answer(self):
        try:
            status, body = self.dispatch()
        except AppError as error:
            status = STATUS.get(error.code, 400)
            body = {"error": {"code": error.code, "message": error.message, **error_details(error)}}
        except Exception:
            log.exception("%s %s failed", self.command, self.path)
            status, body = 500, {"error": {"code": "internal", "message": "Something went wrong."}}
        self.send(status, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def dispatch(self):
        address = urlsplit(self.path)
        body = self.read_body()
        handler, params = self.server.router.match(self.command, address.path)
        query = dict(parse_qsl(address.query))
        return handler(Request(params, query, body, self.server.store))

    def read_body(self):
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise BadRequest("The body is too large.")
        raw = self.rfile.read(int(length))
        if not raw:
            return {}
        try:
            body = json.loads(raw)
        except ValueError:
            raise BadRequest("The body is not JSON.") from None
        if not isinstance(body, dict):
            raise BadRequest("The body must be a JSON object.")
        return body

    def send(self, status, body):
        self.send_response(status)
        if isinstance(body, File):
            content = body.content
            self.send_header("Content-Type", body.content_type)
            self.send_header("Content-Disposition", f'inline; filename="{body.name}"')
        else:
            content = b"" if body is None else json.dumps(body).encode()
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, message, *args):
        log.debug(message, *args)


def error_details(error):
    return {"details": error.details} if error.details else {}


def create_server(store, host="127.0.0.1", port=0):
    """Return a bound server that is not serving yet; port 0 takes a free one."""
    return ApiServer((host, port), store)
`;

const CLIENT = `"""A running service for each test, on a free port."""

import http.client
import json
import threading
import unittest

from app.server import create_server
from app.store import Store


class ServiceTestCase(unittest.TestCase):
    def setUp(self):
        self.server = create_server(Store())
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)

    def call(self, method, path, body=None):
        """Send a request; return the status and the JSON answer (None when empty)."""
        status, _, content = self.fetch(method, path, None if body is None else json.dumps(body))
        return status, json.loads(content) if content else None

    def fetch(self, method, path, content=None):
        """Send a raw request; return the status, the headers and the bytes of the answer."""
        connection = http.client.HTTPConnection(*self.server.server_address[:2], timeout=10)
        self.addCleanup(connection.close)
        connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
`;

const SERVICE_TEST = `from tests.client import ServiceTestCase


class ServiceTest(ServiceTestCase):
    def test_health(self):
        self.assertEqual(self.call("GET", "/health"), (200, {"status": "ok"}))

    def test_unknown_address(self):
        status, answer = self.call("GET", "/nowhere")
        self.assertEqual(status, 404)
        self.assertEqual(answer["error"]["code"], "not_found")

    def test_wrong_method(self):
        status, answer = self.call("DELETE", "/health")
        self.assertEqual(status, 405)
        self.assertEqual(answer["error"]["code"], "method_not_allowed")

    def test_body_that_is_not_json(self):
        status, _, content = self.fetch("POST", "/health", "{nonsense")
        self.assertEqual(status, 400)
        self.assertIn(b"bad_request", content)
`;

/** Everything of the service that no single feature owns. */
export function pythonHttpSkeleton(project: Project): SourceFile[] {
  return [
    { path: "app/__init__.py", content: `"""${forSource(project.title)}."""\n` },
    { path: "app/__main__.py", content: MAIN },
    ...pythonBase("app"),
    { path: "app/messages.py", content: MESSAGES },
    { path: "app/router.py", content: ROUTER },
    { path: "app/server.py", content: SERVER },
    { path: "app/features/__init__.py", content: '"""One module for each feature of the service."""\n' },
  ];
}

/** The list of features after task n. */
export function pythonRegistry(names: readonly string[], what: string): SourceFile {
  const list = `FEATURES = [${names.join(", ")}]`;
  const shown = list.length <= 88 ? list : `FEATURES = [\n${names.map((name) => `    ${name},\n`).join("")}]`;
  return {
    path: "app/registry.py",
    content: `"""${what}"""\n\n${pythonImport("app.features", names)}\n\n${shown}\n`,
  };
}

/** Helper and tests of the skeleton. */
export const PYTHON_HTTP_TEST_BASE: SourceFile[] = [
  { path: "tests/__init__.py", content: "" },
  { path: "tests/client.py", content: CLIENT },
  { path: "tests/test_service.py", content: SERVICE_TEST },
];
