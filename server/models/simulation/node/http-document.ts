// A record of a JavaScript service as a PDF document, written by hand byte for byte.
import { sentence } from "../names";
import type { Bug, DocumentModule, SourceFile } from "../project";
import { mainField } from "../samples";
import { forSource } from "../text";
import { nodeMaker } from "./http-resource";

const PDF = `import { Buffer } from "node:buffer";

const PAGE =
  "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] " +
  "/Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>";
const FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
const COLUMNS = 90;
const LINES_PER_PAGE = 44;

/**
 * Writes an A4 page with a title and lines of text below it; no library is needed for that.
 * @param {string} title
 * @param {string[]} lines
 * @returns {Buffer} the bytes of the document
 */
export function renderPdf(title, lines) {
  const content = pageContent(title, lines);
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    PAGE,
    \`<< /Length \${content.length} >>\\nstream\\n\${content}\\nendstream\`,
    FONT,
  ];
  let document = "%PDF-1.4\\n";
  let table = \`xref\\n0 \${objects.length + 1}\\n0000000000 65535 f \\n\`;
  for (const [index, body] of objects.entries()) {
    table += \`\${String(document.length).padStart(10, "0")} 00000 n \\n\`;
    document += \`\${index + 1} 0 obj\\n\${body}\\nendobj\\n\`;
  }
  const trailer = \`trailer\\n<< /Size \${objects.length + 1} /Root 1 0 R >>\\n\`;
  const end = \`startxref\\n\${document.length}\\n%%EOF\\n\`;
  return Buffer.from(document + table + trailer + end, "latin1");
}

function pageContent(title, lines) {
  const wrapped = lines.flatMap(wrap).slice(0, LINES_PER_PAGE);
  return [
    \`BT /F1 18 Tf 50 790 Td (\${literal(title)}) Tj\`,
    "/F1 11 Tf 0 -30 Td",
    ...wrapped.map((line) => \`(\${literal(line)}) Tj 0 -16 Td\`),
    "ET",
  ].join("\\n");
}

function wrap(line) {
  const parts = [];
  for (let start = 0; start < line.length; start += COLUMNS) parts.push(line.slice(start, start + COLUMNS));
  return parts;
}

/** Text of a PDF string, one byte a letter; letters outside of Western Europe become question marks. */
function literal(text) {
  return text.replace(/[^\\x20-\\x7e\\xa0-\\xff]/g, "?").replace(/[\\\\()]/g, "\\\\$&");
}
`;

/** The module of a document, and the writer of PDF files. */
export function nodeDocument(document: DocumentModule): SourceFile[] {
  const { resource } = document;
  const label = sentence(resource.singular.replaceAll("_", " "));
  const content = `import { renderPdf } from "../pdf.js";
import { FIELDS, find } from "./${resource.name}.js";

// ${forSource(document.title, 70)}

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("GET", "${document.path}", asPdf);
}

/** The record as a document of one page. */
function asPdf({ params, store }) {
  const record = find(store, params.id);
  const lines = Object.keys(FIELDS).map((name) => \`\${name}: \${shown(FIELDS[name], record[name])}\`);
  const content = renderPdf(\`${label} \${record.id}\`, lines);
  return {
    status: 200,
    file: { content, type: "application/pdf", name: \`${resource.singular}-\${record.id}.pdf\` },
  };
}

function shown(field, value) {
  if (value === null) return "-";
  return field.type === "number" ? value.toFixed(2) : String(value);
}
`;
  const bugs: Bug[] = [
    { right: '"application/pdf"', wrong: '"text/plain"', why: "the answer named the wrong content type" },
    {
      right: "Object.keys(FIELDS).map(",
      wrong: "Object.keys(FIELDS).slice(1).map(",
      why: "the first field of the record was missing in the document",
    },
  ];
  return [
    { path: "src/pdf.js", content: PDF },
    { path: `src/features/${document.name}.js`, content, bugs },
  ];
}

/** Tests of a document over HTTP: the bytes are checked as a PDF reader would. */
export function nodeDocumentTest(document: DocumentModule): SourceFile {
  const { resource, name } = document;
  const [before = "", after = ""] = document.path.replace(/:id\d+/g, "1").split(":id");
  const first = resource.fields.filter((field) => !field.parent)[0]!;
  const main = mainField(resource);
  const shown = `${first.name}: ${first.type === "text" ? (first.email ? "person1@example.com" : `${first.name} 1`) : ""}`;
  const escaping =
    main.type === "text" && !main.email
      ? `
test("${name}: brackets are escaped", async (t) => {
  const { call, fetchRaw, record } = await start(t);
  const { body } = await call("POST", "${resource.path}", { ...record(), ${main.name}: "a (b) c" });
  const { content } = await fetchRaw("GET", address(body.id));
  assert.ok(content.includes("a \\\\(b\\\\) c"));
});
`
      : "";
  const content = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

${nodeMaker(resource)}
const address = (id) => \`${before}\${id}${after}\`;

async function startDocument(t) {
  const { create, fetchRaw } = await start(t);
  const answer = await fetchRaw("GET", address((await create(1)).id));
  return { ...answer, text: answer.content.toString("latin1") };
}

test("${name}: a document", async (t) => {
  const { status, headers, text } = await startDocument(t);
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "application/pdf");
  assert.ok(text.startsWith("%PDF-1.4"));
  assert.ok(text.endsWith("%%EOF\\n"));
  assert.ok(text.includes("${shown}"));
});

test("${name}: cross references point at their objects", async (t) => {
  const { text } = await startDocument(t);
  const [, table] = /startxref\\n(\\d+)/.exec(text);
  assert.ok(text.slice(Number(table)).startsWith("xref"));
  const offsets = [...text.matchAll(/(\\d{10}) 00000 n/g)].map((match) => Number(match[1]));
  assert.equal(offsets.length, 5);
  for (const [index, offset] of offsets.entries()) {
    assert.ok(text.slice(offset).startsWith(\`\${index + 1} 0 obj\`));
  }
});

test("${name}: the stream has the length that it names", async (t) => {
  const { text } = await startDocument(t);
  const [, length, stream] = /\\/Length (\\d+) >>\\nstream\\n([\\s\\S]*)\\nendstream/.exec(text);
  assert.equal(stream.length, Number(length));
});
${escaping}
test("${name}: an unknown record is not found", async (t) => {
  const { call } = await start(t);
  const { status, body } = await call("GET", address(999));
  assert.equal(status, 404);
  assert.equal(body.error.code, "not_found");
});
`;
  return { path: `test/${name}.test.js`, content };
}
