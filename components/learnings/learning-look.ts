// How learnings are spoken of on pages. Pure.
import type { LearningKind, LearningView } from "@/server/domain/learning";

export const KIND_LABEL: Record<LearningKind, string> = {
  pattern: "Pattern",
  gotcha: "Gotcha",
  approach: "Approach",
  decision: "Decision",
  "error-solution": "Error and its solution",
};

/** From here on a score says something. */
const CLEAR = 0.15;

/** How the jobs fared that were told it, in words and a colour. `score` is -1 to 1. */
export function scoreOf({ uses, score }: Pick<LearningView, "uses" | "score">): {
  text: string;
  ink: string;
} {
  if (uses === 0) return { text: "not told yet", ink: "text-faint" };
  const sign = score > 0 ? "+" : score < 0 ? "−" : "";
  const text = `score ${sign}${Math.abs(score).toFixed(2)}`;
  return { text, ink: score >= CLEAR ? "text-good" : score <= -CLEAR ? "text-bad" : "text-muted" };
}

/** "told once", "told 12 times". */
export function timesOf(count: number, verb: string): string {
  return `${verb} ${count === 1 ? "once" : `${count.toLocaleString("en")} times`}`;
}
