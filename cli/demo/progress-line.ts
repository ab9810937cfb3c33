/**
 * The one line that shows a job's progress: redrawn in place on a terminal, printed when it changes elsewhere.
 */

/** What the line shows. */
export interface Progress {
  /** 0 to 1. */
  progress: number;
  status: string;
  step: string | null;
  iteration: number;
  costUsd: number;
  /** The last line of output of the work. */
  output: string;
}

const BAR_WIDTH = 24;
const DEFAULT_COLUMNS = 100;

/** Draws a bar of `width` characters. */
export function bar(fraction: number, width: number = BAR_WIDTH): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `${"█".repeat(full)}${"░".repeat(width - full)}`;
}

/** Output of untrusted programs must not steer the terminal. */
export function harmless(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "")
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, " ")
    .trim();
}

/** The line without the output, e.g. `███░ 42%  test · iteration 2 · $0.0130`. */
export function summary(state: Progress): string {
  const percent = `${String(Math.floor(state.progress * 100)).padStart(3)}%`;
  const step = state.step ?? state.status;
  return `${bar(state.progress)} ${percent}  ${step} · iteration ${state.iteration} · $${state.costUsd.toFixed(4)}`;
}

/** Shows progress on a stream. */
export class ProgressLine {
  private shown = "";

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** Shows the present state. Without a terminal only a change of step, iteration or state is worth a line. */
  show(state: Progress): void {
    if (this.out.isTTY) {
      const width = (this.out.columns || DEFAULT_COLUMNS) - 1;
      const line = `${summary(state)}  ${harmless(state.output)}`.slice(0, width);
      this.out.write(`\r\u001b[2K${line}`);
      return;
    }
    const key = `${state.status} ${state.step} ${state.iteration}`;
    if (key === this.shown) return;
    this.shown = key;
    this.out.write(`${summary(state)}  ${harmless(state.output)}\n`);
  }

  /** Prints a line of its own that stays. */
  say(text: string): void {
    this.out.write(`${this.out.isTTY ? "\r\u001b[2K" : ""}${text}\n`);
  }

  /** Leaves the line as it is and goes to the next. */
  end(): void {
    if (this.out.isTTY) this.out.write("\n");
  }
}
