"use client";
// Program output, coloured and escaped. Only the last lines are drawn, in blocks that cost nothing off screen.
import { memo, useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { keyed } from "@/components/ui/keyed";
import { type Ink, PLAIN, parseLine, type Span, type Style } from "./ansi";
import type { CommandLog } from "./log-model";
import { type OutputLine, outputLines } from "./output-lines";

const BLOCK = 100;
const FIRST_SHOWN = 500;

const INK: Record<Ink, string> = {
  black: "text-faint",
  red: "text-bad",
  green: "text-good",
  yellow: "text-warn",
  blue: "text-run",
  magenta: "text-check",
  cyan: "text-cyan",
  white: "text-ink",
};

/** What a command wrote. */
export function OutputView({ command }: { command: CommandLog }) {
  const lines = useMemo(() => outputLines(command.output), [command.output]);
  if (lines.length === 0) {
    const text = command.exitCode === undefined ? "No output yet." : "No output.";
    return <p className="px-3 py-2 text-xs text-faint">{text}</p>;
  }
  return <LinesView lines={lines} />;
}

/** Any text with terminal colours, such as what a tool answered. */
export function TextView({ text }: { text: string }) {
  const lines = useMemo(() => outputLines([{ stream: "stdout", text }]), [text]);
  return <LinesView lines={lines} />;
}

function LinesView({ lines }: { lines: OutputLine[] }) {
  const [shown, setShown] = useState(FIRST_SHOWN);
  // Blocks begin at fixed lines, so that a growing output changes only its last block.
  const first = Math.ceil(Math.max(0, lines.length - shown) / BLOCK) * BLOCK;
  const starts: number[] = [];
  for (let start = first; start < lines.length; start += BLOCK) starts.push(start);
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keys
      tabIndex={0}
      aria-label="Output"
      className="max-h-[28rem] overflow-auto py-2 font-mono text-xs leading-[1.15rem]"
    >
      {first > 0 && (
        <div className="sticky left-0 px-3 pb-2">
          <Button className="font-sans" onClick={() => setShown(shown * 8)}>
            Show {first.toLocaleString("en")} earlier lines
          </Button>
        </div>
      )}
      {starts.map((start) => (
        <Block key={start} lines={lines.slice(start, start + BLOCK)} />
      ))}
    </section>
  );
}

const sameLines = (before: { lines: OutputLine[] }, after: { lines: OutputLine[] }) =>
  before.lines.length === after.lines.length &&
  before.lines.every(
    (line, i) => line.text === after.lines[i]?.text && line.stream === after.lines[i]?.stream,
  );

const Block = memo(function Block({ lines }: { lines: OutputLine[] }) {
  let style: Style = PLAIN;
  return (
    <div className={cx("w-max min-w-full", lines.length === BLOCK && "lazy-block")}>
      {keyed(lines).map(({ key, item: line }) => {
        const parsed = parseLine(line.text, style);
        style = parsed.style;
        return (
          <div
            key={key}
            className={cx("h-[1.15rem] px-3 whitespace-pre", line.stream === "stderr" && "bg-bad/6")}
          >
            {keyed(parsed.spans).map(({ key: at, item: span }) => (
              <SpanView key={at} span={span} />
            ))}
          </div>
        );
      })}
    </div>
  );
}, sameLines);

function SpanView({ span: { text, style } }: { span: Span }) {
  if (style === PLAIN) return text;
  const names = cx(
    style.ink && INK[style.ink],
    style.bold && "font-semibold",
    style.dim && "text-faint",
    style.italic && "italic",
    style.underline && "underline",
  );
  return names ? <span className={names}>{text}</span> : text;
}
