// A JavaScript HTTP service on the standard library: entry point, server, router, and the helper of its tests.
import type { Project, SourceFile } from "../project";
import { NODE_BASE, packageJson } from "./base";

const INDEX = `import console from "node:console";
import process from "node:process";
import { parseArgs } from "node:util";
import { createServer } from "./server.js";
import { Store } from "./store.js";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8000" },
    data: { type: "string" },
  },
});

const server = createServer(new Store(values.data ?? null));
server.listen(Number(values.port), values.host, () => {
  const { address, port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  console.log(\`Listening on http://\${address}:\${port}\`);
});
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
`;

const ROUTER = `import { AppError, notFound } from "./errors.js";

/**
 * @typedef {object} Request
 * @property {Record<string, string>} params
 * @property {Record<string, string>} query
 * @property {Record<string, unknown>} body the JSON object sent, empty when there was none
 * @property {import("./store.js").Store} store
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {unknown} [body] sent as JSON
 * @property {{ content: Uint8Array, type: string, name: string }} [file] sent as it is
 */

/** Finds the handler for a method and a path such as /things/:id. */
export class Router {
  #routes = [];

  /**
   * @param {string} method
   * @param {string} path
   * @param {(request: Request) => Answer} handler
   */
  add(method, path, handler) {
    this.#routes.push({ method, parts: split(path), handler });
    // Literal paths win over those with parameters.
    this.#routes.sort((a, b) => parameters(a.parts) - parameters(b.parts));
  }

  /** Returns the handler and its path parameters, or throws. */
  match(method, path) {
    const parts = split(path).map(decode);
    const fitting = this.#routes
      .map((route) => ({ ...route, params: fit(route.parts, parts) }))
      .filter((route) => route.params !== null);
    const route = fitting.find((candidate) => candidate.method === method);
    if (route) return { handler: route.handler, params: route.params };
    if (fitting.length > 0) throw new AppError("method_not_allowed", \`\${method} is not possible here.\`);
    throw notFound("There is nothing at this address.");
  }
}

const split = (path) => path.split("/").filter(Boolean);
const parameters = (parts) => parts.filter((part) => part.startsWith(":")).length;

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The parameters when the path has the form of the route, else null. */
function fit(routeParts, parts) {
  if (routeParts.length !== parts.length) return null;
  const params = {};
  for (const [index, expected] of routeParts.entries()) {
    if (expected.startsWith(":")) params[expected.slice(1)] = parts[index];
    else if (expected !== parts[index]) return null;
  }
  return params;
}
`;

const SERVER = `import { Buffer } from "node:buffer";
import console from "node:console";
import { createServer as createHttpServer } from "node:http";
import { URL } from "node:url";
import { AppError } from "./errors.js";
import { FEATURES } from "./registry.js";
import { Router } from "./router.js";

const MAX_BODY_BYTES = 1_000_000;
const STATUS = { invalid: 422, not_found: 404, conflict: 409, method_not_allowed: 405 };

/**
 * Returns an HTTP server that is not listening yet.
 * @param {import("./store.js").Store} store
 */
export function createServer(store) {
  const router = new Router();
  router.add("GET", "/health", () => ({ status: 200, body: { status: "ok" } }));
  for (const feature of FEATURES) feature.register(router);
  return createHttpServer(async (request, response) => {
    send(response, await answer(router, store, request));
  });
}

async function answer(router, store, request) {
  try {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const body = await readBody(request);
    const { handler, params } = router.match(request.method ?? "GET", pathname);
    return handler({ params, query: Object.fromEntries(searchParams), body, store });
  } catch (error) {
    if (!(error instanceof AppError)) {
      console.error(error);
      return { status: 500, body: { error: { code: "internal", message: "Something went wrong." } } };
    }
    const { code, message, details } = error;
    const known = Object.keys(details).length > 0 ? { details } : {};
    return { status: STATUS[code] ?? 400, body: { error: { code, message, ...known } } };
  }
}

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new AppError("bad_request", "The body is too large.");
    chunks.push(chunk);
  }
  return size === 0 ? {} : parseObject(Buffer.concat(chunks).toString("utf8"));
}

function parseObject(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new AppError("bad_request", "The body is not JSON.");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AppError("bad_request", "The body must be a JSON object.");
  }
  return body;
}

function send(response, { status, body, file }) {
  if (file) {
    response.setHeader("Content-Disposition", \`inline; filename="\${file.name}"\`);
    response.writeHead(status, { "Content-Type": file.type }).end(file.content);
  } else if (body === undefined) {
    response.writeHead(status).end();
  } else {
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  }
}
`;

const CLIENT = `import { Buffer } from "node:buffer";
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "../src/server.js";
import { Store } from "../src/store.js";

/** Starts the service on a free port and stops it when the test is over. */
export async function startService(test) {
  const server = createServer(new Store());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address();

  /** Sends raw content; gives the status, the headers and the bytes of the answer. */
  async function fetchRaw(method, path, content = "") {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content) };
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
    outgoing.end(content);
    const [response] = await once(outgoing, "response");
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, headers: response.headers, content: Buffer.concat(chunks) };
  }

  /** Sends JSON; gives the status and the parsed answer (null when empty). */
  async function call(method, path, body) {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const { status, content } = await fetchRaw(method, path, sent);
    return { status, body: content.length > 0 ? JSON.parse(content.toString("utf8")) : null };
  }

  return { call, fetchRaw };
}
`;

const SERVICE_TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

test("the service says that it is healthy", async (t) => {
  const { call } = await startService(t);
  assert.deepEqual(await call("GET", "/health"), { status: 200, body: { status: "ok" } });
});

test("an unknown address is not found", async (t) => {
  const { call } = await startService(t);
  const { status, body } = await call("GET", "/nowhere");
  assert.equal(status, 404);
  assert.equal(body.error.code, "not_found");
});

test("a wrong method is refused", async (t) => {
  const { call } = await startService(t);
  const { status, body } = await call("DELETE", "/health");
  assert.equal(status, 405);
  assert.equal(body.error.code, "method_not_allowed");
});

test("a body that is not JSON is refused", async (t) => {
  const { fetchRaw } = await startService(t);
  const { status, content } = await fetchRaw("POST", "/health", "{nonsense");
  assert.equal(status, 400);
  assert.match(content.toString("utf8"), /bad_request/);
});
`;

/** Everything of the service that no single feature owns. */
export function nodeHttpSkeleton(project: Project): SourceFile[] {
  return [
    {
      path: "package.json",
      content: packageJson(project.slug, { scripts: { start: "node src/index.js", test: "node --test" } }),
    },
    { path: "src/index.js", content: INDEX },
    ...NODE_BASE,
    { path: "src/router.js", content: ROUTER },
    { path: "src/server.js", content: SERVER },
  ];
}

/** The list of features after task n. */
export function nodeRegistry(names: readonly string[], what: string): SourceFile {
  const imports = names.map((name) => `import * as ${name} from "./features/${name}.js";\n`).join("");
  return {
    path: "src/registry.js",
    content: `${imports}\n/** ${what} */\nexport const FEATURES = [\n${names.map((name) => `  ${name},\n`).join("")}];\n`,
  };
}

/** Helper and tests of the skeleton. The helper stays out of test/, where every file counts as a test. */
export const NODE_HTTP_TEST_BASE: SourceFile[] = [
  { path: "support/client.js", content: CLIENT },
  { path: "test/service.test.js", content: SERVICE_TEST },
];
