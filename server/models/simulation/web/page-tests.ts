// Tests of what the web front has before any feature: its server and its rendering.

export const SERVER_TEST = `import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { test } from "node:test";
import { createWebServer } from "../server.js";

async function listen(t, server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return server.address().port;
}

async function get(port, path) {
  const outgoing = request({ host: "127.0.0.1", port, path, agent: false }).end();
  const [response] = await once(outgoing, "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, type: response.headers["content-type"], text };
}

test("pages and modules are served", async (t) => {
  const port = await listen(t, createWebServer("http://127.0.0.1:9"));
  const page = await get(port, "/");
  assert.equal(page.status, 200);
  assert.match(page.text, /<main>/);
  assert.equal((await get(port, "/main.js")).type, "text/javascript");
});

test("nothing outside of the public folder is served", async (t) => {
  const port = await listen(t, createWebServer("http://127.0.0.1:9"));
  assert.equal((await get(port, "/nowhere.html")).status, 404);
  assert.equal((await get(port, "/..%2fserver.js")).status, 404);
});

test("calls of the API are handed on", async (t) => {
  const api = createServer((incoming, response) => response.end(\`asked for \${incoming.url}\`));
  const apiPort = await listen(t, api);
  const port = await listen(t, createWebServer(\`http://127.0.0.1:\${apiPort}\`));
  assert.equal((await get(port, "/api/things?x=1")).text, "asked for /api/things?x=1");
});

test("an API that does not answer is said so", async (t) => {
  const port = await listen(t, createWebServer("http://127.0.0.1:9"));
  assert.equal((await get(port, "/api/things")).status, 502);
});
`;

export const RENDER_TEST = `import assert from "node:assert/strict";
import { test } from "node:test";
import { readForm, renderForm, renderMenu, renderTable } from "../public/render.js";

test("values are escaped", () => {
  const html = renderTable(["name"], [{ name: "<b>&</b>" }]);
  assert.match(html, /&lt;b&gt;&amp;&lt;\\/b&gt;/);
});

test("an empty table says so", () => {
  assert.equal(renderTable(["name"], []), "<p>Nothing here yet.</p>");
});

test("the open view is marked in the menu", () => {
  const views = [{ name: "a", title: "A" }, { name: "b", title: "B" }];
  assert.match(renderMenu(views, views[1]), /href="#b" aria-current="page"/);
});

test("a form becomes a record", () => {
  const fields = [
    { name: "title", kind: "text", required: true },
    { name: "size", kind: "integer", required: false },
    { name: "done", kind: "boolean", required: false },
  ];
  assert.match(renderForm(fields), /name="title" type="text" required/);
  const values = new Map([["title", "x"], ["size", "3"], ["done", "on"]]);
  const form = { get: (name) => values.get(name) ?? null };
  assert.deepEqual(readForm(fields, form), { title: "x", size: 3, done: true });
});
`;
