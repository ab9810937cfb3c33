// A record of a Python service as a PDF document, written by hand byte for byte.
import { sentence } from "../names";
import type { Bug, DocumentModule, SourceFile } from "../project";
import { mainField } from "../samples";
import { forSource } from "../text";
import { pythonConstant } from "./base";
import { pythonMaker } from "./http-resource";

const PDF = `"""Writes one-page PDF documents; no library is needed for text on a page."""

import textwrap

PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
    b"/Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>"
)
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
LINES_PER_PAGE = 44


def render(title, lines):
    """Return the bytes of an A4 page with a title and lines of text below it."""
    content = page_content(title, lines)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE,
        b"<< /Length %d >>\\nstream\\n%b\\nendstream" % (len(content), content),
        FONT,
    ]
    document = bytearray(b"%PDF-1.4\\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\\n%b\\nendobj\\n" % (number, body)
    table = len(document)
    document += b"xref\\n0 %d\\n0000000000 65535 f \\n" % (len(objects) + 1)
    for offset in offsets:
        document += b"%010d 00000 n \\n" % offset
    document += b"trailer\\n<< /Size %d /Root 1 0 R >>\\n" % (len(objects) + 1)
    document += b"startxref\\n%d\\n%%%%EOF\\n" % table
    return bytes(document)


def page_content(title, lines):
    wrapped = [part for line in lines for part in textwrap.wrap(line, 90) or [""]]
    parts = [b"BT /F1 18 Tf 50 790 Td (%b) Tj" % literal(title), b"/F1 11 Tf 0 -30 Td"]
    for line in wrapped[:LINES_PER_PAGE]:
        parts.append(b"(%b) Tj 0 -16 Td" % literal(line))
    return b"\\n".join([*parts, b"ET"])


def literal(text):
    """Encode text for a PDF string; letters outside of Western Europe become question marks."""
    raw = text.encode("cp1252", errors="replace")
    return raw.replace(b"\\\\", b"\\\\\\\\").replace(b"(", b"\\\\(").replace(b")", b"\\\\)")
`;

/** The module of a document, and the writer of PDF files. */
export function pythonDocument(document: DocumentModule): SourceFile[] {
  const { resource } = document;
  const label = sentence(resource.singular.replaceAll("_", " "));
  const content = `"""${sentence(forSource(document.title, 60))}"""

from app.features.${resource.name} import FIELDS, find
from app.messages import File
from app.pdf import render

${pythonConstant("PATH", document.path)}

def register(router):
    router.add("GET", PATH, as_pdf)


def as_pdf(request):
    """The record as a document of one page."""
    record = find(request.store, request.params["id"])
    lines = [f"{name}: {shown(record[name])}" for name in FIELDS]
    content = render(f"${label} {record['id']}", lines)
    return 200, File(content, "application/pdf", f"${resource.singular}-{record['id']}.pdf")


def shown(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
`;
  const bugs: Bug[] = [
    { right: '"application/pdf"', wrong: '"text/plain"', why: "the answer named the wrong content type" },
    {
      right: "for name in FIELDS]",
      wrong: "for name in FIELDS][1:]",
      why: "the first field of the record was missing in the document",
    },
  ];
  return [
    { path: "app/pdf.py", content: PDF },
    { path: `app/features/${document.name}.py`, content, bugs },
  ];
}

/** Tests of a document over HTTP: the bytes are checked as a PDF reader would. */
export function pythonDocumentTest(document: DocumentModule, className: string): SourceFile {
  const { resource } = document;
  const first = resource.fields.filter((field) => !field.parent)[0]!;
  const main = mainField(resource);
  const shown =
    first.type === "text"
      ? `b"${first.name}: ${first.email ? "person1@example.com" : `${first.name} 1`}"`
      : `b"${first.name}: "`;
  const escaping =
    main.type === "text" && !main.email
      ? `
    def test_brackets_are_escaped(self):
        record = {**self.record(), "${main.name}": "a (b) c"}
        created = self.call("POST", RECORDS, record)[1]
        _, _, content = self.fetch("GET", self.address(created["id"]))
        self.assertIn(rb"a \\(b\\) c", content)
`
      : "";
  const content = `import re

from tests.client import ServiceTestCase

${pythonConstant("RECORDS", resource.path)}${pythonConstant("PATH", document.path.replace(/:id\d+/g, "1"))}

class ${className}Test(ServiceTestCase):
${pythonMaker(resource)}
    def address(self, key):
        return PATH.replace(":id", str(key))

    def test_document(self):
        created = self.create()
        status, headers, content = self.fetch("GET", self.address(created["id"]))
        self.assertEqual((status, headers["Content-Type"]), (200, "application/pdf"))
        self.assertTrue(content.startswith(b"%PDF-1.4"))
        self.assertTrue(content.endswith(b"%%EOF\\n"))
        self.assertIn(${shown}, content)

    def test_cross_references_point_at_their_objects(self):
        _, _, content = self.fetch("GET", self.address(self.create()["id"]))
        table = int(re.search(rb"startxref\\n(\\d+)", content)[1])
        self.assertTrue(content[table:].startswith(b"xref"))
        offsets = [int(offset) for offset in re.findall(rb"(\\d{10}) 00000 n", content)]
        self.assertEqual(len(offsets), 5)
        for number, offset in enumerate(offsets, start=1):
            self.assertTrue(content[offset:].startswith(b"%d 0 obj" % number))

    def test_stream_length(self):
        _, _, content = self.fetch("GET", self.address(self.create()["id"]))
        form = rb"/Length (\\d+) >>\\nstream\\n(.*)\\nendstream"
        length, stream = re.search(form, content, re.DOTALL).groups()
        self.assertEqual(len(stream), int(length))
${escaping}
    def test_unknown_record(self):
        status, answer = self.call("GET", self.address(999))
        self.assertEqual((status, answer["error"]["code"]), (404, "not_found"))
`;
  return { path: `tests/test_${document.name}.py`, content };
}
