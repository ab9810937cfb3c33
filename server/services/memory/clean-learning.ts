// What comes in from jobs, people and files, as it may be stored: freed of secrets first, then cut, then hashed.
import type { NewLearning } from "../../domain/learning";
import type { LearningRow } from "../../memory/learning-rows";
import { hashOf, tidyBody, tidyFiles, tidyTitle } from "../../memory/tidy-learning";
import { redact } from "../redact";

/** Null when nothing is left of it. */
export function cleanLearning(learning: NewLearning): LearningRow | null {
  // A secret that was cut in two would not be known any more.
  const title = tidyTitle(redact(learning.title));
  const text = tidyBody(redact(learning.text));
  if (title === "" || text === "") return null;
  return {
    kind: learning.kind,
    title,
    text,
    stack: [...new Set(learning.stack)],
    files: tidyFiles(learning.files.map(redact)),
    hash: hashOf({ title, text }),
  };
}

/** The same for many, each once. */
export function cleanLearnings(learnings: readonly NewLearning[]): LearningRow[] {
  const rows = learnings.flatMap((learning) => cleanLearning(learning) ?? []);
  return [...new Map(rows.map((row) => [row.hash, row])).values()];
}
