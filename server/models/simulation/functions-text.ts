// Catalogued functions on texts.
import type { CataloguedFunction } from "./catalogued-function";

export const TEXTS: CataloguedFunction[] = [
  {
    id: "slugify",
    pattern: /slug/,
    about: "Turns a text into a part of an address: lower case, ASCII, words joined by hyphens.",
    params: [{ name: "text", type: "text" }],
    python: `import re
import unicodedata


def slugify(text):
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text.lower()).strip("-")
`,
    node: `export function slugify(text) {
  return text
    .normalize("NFKD")
    .replace(/[\\u0300-\\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
`,
    examples: [
      { args: ["Olá, Mundo!"], result: "ola-mundo" },
      { args: ["  two   words "], result: "two-words" },
      { args: ["already-a-slug"], result: "already-a-slug" },
      { args: ["!!!"], result: "" },
    ],
    bug: {
      python: ['"-", ascii_text', '"_", ascii_text'],
      node: ['/g, "-")\n    .replace', '/g, "_")\n    .replace'],
      why: "words were joined by underscores instead of hyphens",
    },
  },
  {
    id: "parse_csv",
    pattern: /csv/,
    about: "Reads comma separated values with a header line; quotes may hold commas and line breaks.",
    params: [{ name: "text", type: "text" }],
    python: `import csv
import io

from PACKAGE.errors import Invalid


def parse_csv(text):
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows:
        raise Invalid("There is no header line.")
    header, *body = rows
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise Invalid(f"Line {number} has {len(row)} values, not {len(header)}.")
    return [dict(zip(header, row, strict=True)) for row in body]
`,
    node: `import { AppError } from "ERRORS";

export function parseCsv(text) {
  const [header, ...body] = splitRows(text).filter((row) => row.length > 1 || row[0] !== "");
  if (!header) throw new AppError("invalid", "There is no header line.");
  return body.map((row, index) => {
    if (row.length !== header.length) {
      throw new AppError("invalid", \`Line \${index + 2} has \${row.length} values, not \${header.length}.\`);
    }
    return Object.fromEntries(header.map((name, column) => [name, row[column]]));
  });
}

/** Rows of cells; inside of quotes everything is text and a doubled quote is one. */
function splitRows(text) {
  const rows = [[""]];
  let quoted = false;
  for (const [index, letter] of [...text].entries()) {
    const row = rows[rows.length - 1];
    if (letter === '"') {
      quoted = !quoted;
      if (quoted && text[index - 1] === '"') row[row.length - 1] += '"';
    } else if (letter === "," && !quoted) row.push("");
    else if (letter === "\\n" && !quoted) rows.push([""]);
    else if (letter !== "\\r" || quoted) row[row.length - 1] += letter;
  }
  return rows;
}
`,
    examples: [
      {
        args: ["a,b\n1,2\n3,4\n"],
        result: [
          { a: "1", b: "2" },
          { a: "3", b: "4" },
        ],
      },
      { args: ['a,b\n"x, y","say ""hi"""\n'], result: [{ a: "x, y", b: 'say "hi"' }] },
      { args: ["only,header\n"], result: [] },
      { args: ["a,b\n1\n"] },
      { args: [""] },
    ],
    bug: {
      python: ["header, *body = rows", "header, body = rows[0], rows"],
      node: ["const [header, ...body] = splitRows(text)", "const [header, , ...body] = splitRows(text)"],
      why: "the header line and the lines with values were not told apart",
    },
  },
  {
    id: "is_email",
    pattern: /e-?mail/,
    about: "Says whether a text has the form of an e-mail address.",
    params: [{ name: "text", type: "text" }],
    python: `import re

ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\\.)+[A-Za-z]{2,}")


def is_email(text):
    return len(text) <= 254 and ADDRESS.fullmatch(text) is not None
`,
    node: `const ADDRESS = /^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\\.)+[A-Za-z]{2,}$/;

export function isEmail(text) {
  return text.length <= 254 && ADDRESS.test(text);
}
`,
    examples: [
      { args: ["ana@example.com"], result: true },
      { args: ["first.last+tag@mail.example.org"], result: true },
      { args: ["no-at-sign.example.com"], result: false },
      { args: ["a@b"], result: false },
      { args: [""], result: false },
    ],
    bug: {
      python: ["is not None", "is None"],
      node: ["&& ADDRESS", "&& !ADDRESS"],
      why: "the answer was turned round: right addresses were refused",
    },
  },
  {
    id: "is_palindrome",
    pattern: /pal[i]?ndrom/,
    about: "Says whether a text reads the same backwards, letters and digits only.",
    params: [{ name: "text", type: "text" }],
    python: `def is_palindrome(text):
    letters = [letter for letter in text.casefold() if letter.isalnum()]
    return letters == letters[::-1]
`,
    node: `export function isPalindrome(text) {
  const letters = [...text.toLowerCase()].filter((letter) => /[\\p{L}\\p{N}]/u.test(letter));
  return letters.join("") === letters.toReversed().join("");
}
`,
    examples: [
      { args: ["A man, a plan, a canal: Panama"], result: true },
      { args: ["Ana"], result: true },
      { args: ["hello"], result: false },
      { args: [""], result: true },
    ],
    bug: {
      python: ["text.casefold()", "text"],
      node: ["text.toLowerCase()", "text"],
      why: "capital letters counted as different from small ones",
    },
  },
  {
    id: "word_count",
    pattern: /word.?(count|freq)|wortzahl/,
    inOrder: [
      [/count/, /words/],
      [/contar|contagem|contador|frequencia|frecuencia/, /palavras/],
      [/contar|conteo|contador/, /palabras/],
      [/worter/, /zahl/],
      [/统计/, /词/],
    ],
    about: "Counts how often each word occurs, without regard to case.",
    params: [{ name: "text", type: "text" }],
    python: `import re
from collections import Counter


def word_count(text):
    return dict(sorted(Counter(re.findall(r"\\w+", text.casefold())).items()))
`,
    node: `export function wordCount(text) {
  const counts = {};
  for (const word of (text.toLowerCase().match(/[\\p{L}\\p{N}_]+/gu) ?? []).sort()) {
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
`,
    examples: [
      { args: ["One two, two"], result: { one: 1, two: 2 } },
      { args: ["a A a"], result: { a: 3 } },
      { args: ["..."], result: {} },
    ],
    bug: {
      python: ["text.casefold()", "text"],
      node: ["text.toLowerCase()", "text"],
      why: "the same word in capital and small letters was counted apart",
    },
  },
  {
    id: "parse_config",
    pattern: /\bparser\b|\banalisador\b|\banalizador\b|解析/,
    inOrder: [
      [/pars|lei|lec|read/, /config|ini|env|properties|chave|clave|key/],
      [/config/, /pars/],
    ],
    about: "Reads lines of the form key = value; empty lines and lines that begin with # are skipped.",
    params: [{ name: "text", type: "text" }],
    python: `from PACKAGE.errors import Invalid


def parse_config(text):
    values = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, mark, value = line.partition("=")
        if not mark or not key.strip():
            raise Invalid(f"Line {number} is not of the form key = value.")
        values[key.strip()] = value.strip()
    return values
`,
    node: `import { AppError } from "ERRORS";

export function parseConfig(text) {
  const values = {};
  for (const [index, raw] of text.split(/\\r?\\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const mark = line.indexOf("=");
    if (mark < 1) throw new AppError("invalid", \`Line \${index + 1} is not of the form key = value.\`);
    values[line.slice(0, mark).trim()] = line.slice(mark + 1).trim();
  }
  return values;
}
`,
    examples: [
      { args: ["a = 1\n# note\n\nb=two words"], result: { a: "1", b: "two words" } },
      { args: ["url = http://x/?q=1"], result: { url: "http://x/?q=1" } },
      { args: [""], result: {} },
      { args: ["no mark here"] },
      { args: ["= value"] },
    ],
    bug: {
      python: ['line.partition("=")', 'line.rpartition("=")'],
      node: ['line.indexOf("=")', 'line.lastIndexOf("=")'],
      why: "a value that holds an equals sign itself was split at the last one",
    },
  },
];
