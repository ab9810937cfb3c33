/**
 * Turns the output of the processes into prefixed lines, on the terminal or in a file.
 */
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Takes whole lines of one process. */
export type LineSink = (process: string, line: string) => void;

const MAX_LINE_CHARS = 4_000;
const COLOURS: Record<string, number> = { postgres: 34, engine: 35, app: 32, runner: 36, fabrica: 33 };
const LEVELS: Record<number, string> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

const record = z.looseObject({ level: z.union([z.number(), z.string()]), msg: z.string() });

/** Reads one structured line for people: level, message, then what else it says. Other lines stay as they are. */
export function readable(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const parsed = record.safeParse(JSON.parse(line));
    if (!parsed.success) return line;
    const { level, msg, time: _time, pid: _pid, hostname: _host, ...rest } = parsed.data;
    const details = Object.entries(rest).map(([key, value]) => `${key}=${shown(value)}`);
    return [typeof level === "number" ? (LEVELS[level] ?? level) : level, msg, ...details].join(" ");
  } catch {
    return line;
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Prints lines with the process' name before them; in colour on a terminal, structured lines made readable there. */
export function terminalSink(out: NodeJS.WriteStream = process.stdout): LineSink {
  return (name, line) => {
    const label = name.padEnd(8);
    if (!out.isTTY) out.write(`${label} | ${line}\n`);
    else out.write(`\u001b[${COLOURS[name] ?? 37}m${label}\u001b[0m | ${readable(line)}\n`);
  };
}

/** Writes lines into one file per process, begun anew at every start. */
export function fileSink(dir: string): LineSink {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const files = new Map<string, ReturnType<typeof createWriteStream>>();
  return (name, line) => {
    let file = files.get(name);
    if (!file) {
      file = createWriteStream(join(dir, `${name}.log`), { mode: 0o600 });
      files.set(name, file);
    }
    file.write(`${new Date().toISOString()} ${line}\n`);
  };
}

/** Cuts a stream of text into lines; an endless one is cut, never collected. */
export function lineSplitter(onLine: (line: string) => void): { push(text: string): void; end(): void } {
  let rest = "";
  return {
    push(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line.replace(/\r$/, "").slice(0, MAX_LINE_CHARS));
      if (rest.length > MAX_LINE_CHARS) {
        onLine(rest.slice(0, MAX_LINE_CHARS));
        rest = "";
      }
    },
    end() {
      if (rest) onLine(rest);
      rest = "";
    },
  };
}
