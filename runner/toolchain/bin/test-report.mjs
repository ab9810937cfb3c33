// Writes a test report as JSON lines: a header, what was found or ran, and a closing line.
// A report without its closing line was cut off; the reader treats it as unreadable.
import { openSync, writeSync } from "node:fs";

const MAX_MESSAGE = 4000;

/** Keeps the beginning and, mostly, the end of a long failure text. */
export function cut(text) {
  if (text.length <= MAX_MESSAGE) return text;
  return `${text.slice(0, 900)}\n...\n${text.slice(-(MAX_MESSAGE - 905))}`;
}

/** Colour codes make failure texts unreadable for people and models alike. */
export function plain(text) {
  return String(text).replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");
}

/** Opens the report file anew. */
export function openReport(path) {
  const file = openSync(path, "w", 0o644);
  const write = (line) => writeSync(file, `${JSON.stringify(line)}\n`);
  let failures = 0;
  write({ v: 1, tool: `node ${process.versions.node}` });
  return {
    tool: (name) => write({ tool: name }),
    found: (id) => write({ test: id }),
    started: (id) => write({ start: id }),
    result(id, outcome, ms, message = "") {
      if (outcome === "failed" || outcome === "error") failures++;
      write({ result: { id, outcome, ms: Math.round((ms || 0) * 100) / 100, message: cut(plain(message)) } });
    },
    /** The run as a whole cannot be judged. */
    error(message) {
      failures++;
      write({ error: cut(plain(message)) });
    },
    /** @returns the exit code */
    end() {
      write({ end: true });
      return failures > 0 ? 1 : 0;
    },
  };
}
