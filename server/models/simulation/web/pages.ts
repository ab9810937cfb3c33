// The web front of a project with both languages: pages of plain modules, served by a small Node program that hands
// calls of the API on to the Python service.
import { nodeLiteral, packageJson } from "../node/base";
import type { Module, Project, SourceFile, Writer } from "../project";
import { forSource } from "../text";
import { RENDER_TEST, SERVER_TEST } from "./page-tests";

const SERVER = `import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { extname, join, sep } from "node:path";
import { fileURLToPath, URL } from "node:url";

const PUBLIC = fileURLToPath(new URL("./public", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

/**
 * Returns a server for the pages that is not listening yet.
 * @param {string} apiUrl address of the API, to which everything is handed on that is no page
 */
export function createWebServer(apiUrl) {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/" || extname(pathname) in TYPES) sendFile(pathname, response);
    else handOn(apiUrl, request, response);
  });
}

function handOn(apiUrl, request, response) {
  const { method, headers } = request;
  const outgoing = httpRequest(new URL(request.url, apiUrl), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on("error", () => response.writeHead(502).end("The API does not answer."));
  request.pipe(outgoing);
}

async function sendFile(pathname, response) {
  const path = join(PUBLIC, pathname === "/" ? "index.html" : pathname);
  const found = path.startsWith(PUBLIC + sep) && (await stat(path).catch(() => null));
  if (!found || !found.isFile()) return response.writeHead(404).end("There is nothing at this address.");
  response.writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream" });
  return createReadStream(path).pipe(response);
}
`;

const START = `import console from "node:console";
import process from "node:process";
import { createWebServer } from "./server.js";

const port = Number(process.env.PORT ?? 3000);
const host = process.env.HOST ?? "127.0.0.1";
const apiUrl = process.env.API_URL ?? "http://127.0.0.1:8000";

createWebServer(apiUrl).listen(port, host, () => {
  console.log(\`Pages on http://\${host}:\${port}, API at \${apiUrl}\`);
});
`;

const RENDER = `/** Text that is safe inside HTML. */
export function escapeHtml(value) {
  const signs = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(value ?? "").replace(/[&<>"']/g, (sign) => signs[sign]);
}

/** Links to all views, the open one marked. */
export function renderMenu(views, open) {
  const links = views.map((view) => {
    const current = view === open ? ' aria-current="page"' : "";
    return \`<a href="#\${escapeHtml(view.name)}"\${current}>\${escapeHtml(view.title)}</a>\`;
  });
  return \`<nav>\${links.join(" ")}</nav>\`;
}

/** A table of records, or a sentence when there are none. */
export function renderTable(columns, items) {
  if (items.length === 0) return "<p>Nothing here yet.</p>";
  const head = columns.map((name) => \`<th scope="col">\${escapeHtml(name)}</th>\`).join("");
  const rows = items.map((item) => {
    const cells = columns.map((name) => \`<td>\${escapeHtml(item[name])}</td>\`);
    return \`<tr>\${cells.join("")}</tr>\`;
  });
  return \`<table><thead><tr>\${head}</tr></thead><tbody>\${rows.join("")}</tbody></table>\`;
}

/** A form with one input for each field. */
export function renderForm(fields) {
  const inputs = fields.map(({ name, kind, required }) => {
    const type = kind === "boolean" ? "checkbox" : kind === "text" ? "text" : "number";
    const more = \`\${kind === "number" ? ' step="any"' : ""}\${required ? " required" : ""}\`;
    return \`<label>\${escapeHtml(name)} <input name="\${escapeHtml(name)}" type="\${type}"\${more}></label>\`;
  });
  return \`<form>\${inputs.join("")}<button>Save</button></form>\`;
}

/** The values of a submitted form as the API wants them; empty inputs are left out. */
export function readForm(fields, values) {
  const record = {};
  for (const { name, kind } of fields) {
    const value = values.get(name);
    if (kind === "boolean") record[name] = value !== null;
    else if (value) record[name] = kind === "text" ? value : Number(value);
  }
  return record;
}
`;

const MAIN = `import { VIEWS } from "./registry.js";
import { escapeHtml, readForm, renderForm, renderMenu, renderTable } from "./render.js";

const { document, fetch, location, FormData } = globalThis;

async function show(message = "") {
  const view = VIEWS.find(({ name }) => \`#\${name}\` === location.hash) ?? VIEWS[0];
  const answer = view.path ? await fetch(view.path).then((response) => response.json()) : { items: [] };
  const body = view.path
    ? renderForm(view.fields) + renderTable(["id", ...view.fields.map(({ name }) => name)], answer.items)
    : \`<ul>\${view.routes.map((route) => \`<li><code>\${escapeHtml(route)}</code></li>\`).join("")}</ul>\`;
  const heading = \`<h1>\${escapeHtml(view.title)}</h1><p role="status">\${escapeHtml(message)}</p>\`;
  document.querySelector("main").innerHTML = renderMenu(VIEWS, view) + heading + body;
  document.querySelector("form")?.addEventListener("submit", (event) => save(event, view));
}

async function save(event, view) {
  event.preventDefault();
  const body = JSON.stringify(readForm(view.fields, new FormData(event.target)));
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(view.path, { method: "POST", headers, body });
  const answer = await response.json();
  const problems = Object.entries(answer.error?.details ?? {}).map(([name, problem]) => \`\${name} \${problem}\`);
  await show(response.ok ? "Saved." : (problems.join(", ") || answer.error.message));
}

globalThis.addEventListener("hashchange", () => show());
show();
`;

function indexPage(project: Project): string {
  const title = forSource(project.title, 60).replace(/[<>&]/g, "");
  return `<!doctype html>
<html lang="${project.language}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <style>
      body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
      nav a { margin-right: 1rem }
      nav a[aria-current] { font-weight: 600; text-decoration: none }
      label { display: inline-block; margin: 0 1rem .5rem 0 }
      table { border-collapse: collapse; width: 100% }
      th, td { border-bottom: 1px solid #ccc; padding: .4rem; text-align: left }
    </style>
  </head>
  <body>
    <main></main>
    <script type="module" src="main.js"></script>
  </body>
</html>
`;
}

/** Pages below \`web/\`. */
export const WEB: Writer = {
  skeleton: (project) => [
    {
      path: "web/package.json",
      content: packageJson(`${project.slug}-web`, {
        scripts: { start: "node start.js", test: "node --test" },
      }),
    },
    { path: "web/start.js", content: START },
    { path: "web/server.js", content: SERVER },
    { path: "web/public/index.html", content: indexPage(project) },
    { path: "web/public/main.js", content: MAIN },
    { path: "web/public/render.js", content: RENDER },
  ],
  growing: (project, n) => [registry(project, n)],
  feature: (_project, module) => [view(module)],
  testBase: () => [
    { path: "web/test/server.test.js", content: SERVER_TEST },
    { path: "web/test/render.test.js", content: RENDER_TEST },
  ],
  tests: (_project, module) => [viewTest(module)],
};

function registry(project: Project, n: number): SourceFile {
  const names = project.tasks.slice(0, n).flatMap((task) => task.modules.map((module) => module.name));
  const imports = names.map((name) => `import { view as ${name} } from "./views/${name}.js";\n`).join("");
  return {
    path: "web/public/registry.js",
    content: `${imports}\n/** The views in the order of the menu. */\nexport const VIEWS = [\n${names.map((name) => `  ${name},\n`).join("")}];\n`,
  };
}

function view(module: Module): SourceFile {
  const title = nodeLiteral(forSource(module.title, 60));
  const fields =
    module.shape === "resource"
      ? module.fields
          .map(({ name, type, required }) => `    ${nodeLiteral({ name, kind: type, required })},\n`)
          .join("")
      : null;
  const rest =
    module.shape === "resource"
      ? `  path: "${module.path}",\n  fields: [\n${fields}  ],\n`
      : `  routes: [${routesOf(module).map(nodeLiteral).join(", ")}],\n`;
  return {
    path: `web/public/views/${module.name}.js`,
    content: `export const view = {\n  name: "${module.name}",\n  title: ${title},\n${rest}};\n`,
  };
}

function routesOf(module: Module): string[] {
  switch (module.shape) {
    case "cart":
      return [`POST ${module.path}`, `GET ${module.path}/:id`, `POST ${module.path}/:id/${module.items}`];
    case "checkout":
      return [`POST ${module.path}`, `GET ${module.orders}`];
    case "action":
      return [`${module.method} ${module.path}`];
    case "function":
      return [];
    default:
      return [`GET ${module.path}`];
  }
}

function viewTest(module: Module): SourceFile {
  const table =
    module.shape === "resource"
      ? `
test("${module.name}: the form asks for every field", () => {
  const form = renderForm(view.fields);
  for (const { name } of view.fields) assert.ok(form.includes(\`name="\${name}"\`));
  assert.ok(view.path.startsWith("/"));
});
`
      : `
test("${module.name}: the routes are named", () => {
  assert.ok(view.routes.length > 0);
});
`;
  const render = module.shape === "resource" ? "renderForm, renderMenu" : "renderMenu";
  return {
    path: `web/test/${module.name}.test.js`,
    content: `import assert from "node:assert/strict";
import { test } from "node:test";
import { VIEWS } from "../public/registry.js";
import { ${render} } from "../public/render.js";
import { view } from "../public/views/${module.name}.js";

test("${module.name}: the view is in the menu", () => {
  assert.ok(VIEWS.includes(view));
  assert.ok(renderMenu(VIEWS, view).includes('href="#${module.name}" aria-current="page"'));
});
${table}`,
  };
}
