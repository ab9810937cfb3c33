// Program output as styled spans. Colours and weights of terminals are understood; every other control
// character is made visible and none is ever obeyed. The result is text, never markup. Pure.

export interface Style {
  ink: Ink | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

export type Ink = "black" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "white";

export interface Span {
  text: string;
  style: Style;
}

export const PLAIN: Style = { ink: null, bold: false, dim: false, italic: false, underline: false };

const INKS: readonly Ink[] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Colour sequences (parameters captured), other escape sequences, then single control characters. */
const CONTROL =
  /\u001b\[([0-9;:]*)m|\u001b\[[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]|[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Splits one line into spans.
 * @param line without its line break
 * @param style how the line before ended
 * @returns the spans, and how this line ends
 */
export function parseLine(line: string, style: Style): { spans: Span[]; style: Style } {
  const shown = lastOverprint(line);
  const spans: Span[] = [];
  let now = style;
  const add = (text: string) => {
    const last = spans.at(-1);
    if (!text) return;
    if (last && last.style === now) last.text += text;
    else spans.push({ text, style: now });
  };
  let from = 0;
  for (const match of shown.matchAll(CONTROL)) {
    add(shown.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] !== undefined) now = applyColour(now, match[1]);
    else if (match[0].length === 1) add(makeVisible(match[0]));
  }
  add(shown.slice(from));
  return { spans, style: now };
}

/** A carriage return goes back to the line's beginning: what was printed last is what a terminal shows. */
function lastOverprint(line: string): string {
  const trimmed = line.endsWith("\r") ? line.slice(0, -1) : line;
  return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

function makeVisible(control: string): string {
  const code = control.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return "\ufffd";
}

function applyColour(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  let now = style;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) i += codes[i + 1] === 2 ? 4 : 2;
    else now = applyCode(now, code);
  }
  return now;
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underline: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 23) return { ...style, italic: false };
  if (code === 24) return { ...style, underline: false };
  if (code === 39) return { ...style, ink: null };
  if (code >= 30 && code <= 37) return { ...style, ink: INKS[code - 30] ?? null };
  if (code >= 90 && code <= 97) return { ...style, ink: INKS[code - 90] ?? null };
  return style;
}
