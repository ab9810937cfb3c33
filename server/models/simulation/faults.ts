// The mistakes that a simulated model can be told to make: real ones, in the code of one task. Each is also known
// by what it means, so that a fixer that finds it can say truly what was wrong.
import { errs, type SimulationModel } from "./model-name";
import type { SourceFile } from "./project";

export interface Mistake {
  content: string;
  why: string;
}

/** The task's files as this model writes them: with its mistakes in the file that carries the behaviour. */
export function withMistakes(
  files: SourceFile[],
  model: SimulationModel,
  task: number,
  seed: number,
): SourceFile[] {
  const target = files.findLast((file) => file.bugs !== undefined && file.bugs.length > 0);
  if (!target) return files;
  let content = target.content;
  if (errs(model, "test", task) || errs(model, "blind", task))
    content = logicalMistake({ ...target, content }, seed + task)?.content ?? content;
  if (errs(model, "lint", task)) content = lintMistake(target.path, content).content;
  if (errs(model, "crash", task)) content = crashMistake(target.path, content)?.content ?? content;
  return files.map((file) => (file === target ? { ...file, content } : file));
}

/** Says what a wrong passage means, when it is one of the mistakes that are known for the file. */
export function explainPassage(file: SourceFile, passage: string): string | null {
  const broken = crashMistake(file.path, file.content);
  const candidates = [
    ...(broken ? [broken] : []),
    lintMistake(file.path, file.content),
    ...(file.bugs ?? []).map((_, index) => logicalMistake(file, index)).filter((mistake) => mistake !== null),
  ];
  const found = candidates.filter(
    ({ content }) => content.includes(passage) && !file.content.includes(passage),
  );
  if (found.length > 0) return found[0]!.why;
  const parts = candidates.filter((candidate) =>
    changedLines(file.content, candidate.content).some((line) => passage.includes(line)),
  );
  return parts.length > 0 ? parts.map(({ why }) => why).join("; ") : null;
}

/** The bug that the number picks, as far as it fits the text. */
function logicalMistake(file: SourceFile, pick: number): Mistake | null {
  const bugs = (file.bugs ?? []).filter((bug) => file.content.includes(bug.right));
  const bug = bugs[pick % Math.max(bugs.length, 1)];
  return bug ? { content: file.content.replace(bug.right, () => bug.wrong), why: bug.why } : null;
}

function lintMistake(path: string, content: string): Mistake {
  if (path.endsWith(".py")) {
    const docstring = /^"""[\s\S]*?"""\n\n/.exec(content)?.[0] ?? "";
    const rest = content.slice(docstring.length);
    const own = /^(from app|from toolkit)/.test(rest) ? "import os\n\n" : "import os\n";
    return { content: docstring + own + rest, why: "the module os was imported and never used" };
  }
  const imports = /^(import [^;]+;\n)*/.exec(content)?.[0] ?? "";
  const rest = content.slice(imports.length);
  return {
    content: `${imports}${imports ? "\n" : ""}const unusedLimit = 100;\n${rest.startsWith("\n") ? "" : "\n"}${rest}`,
    why: "the constant unusedLimit was declared and never used",
  };
}

function crashMistake(path: string, content: string): Mistake | null {
  if (path.endsWith(".py")) {
    const broken = content.replace(/^((?:def|class) .*):$/m, "$1");
    return broken === content
      ? null
      : { content: broken, why: "a colon was missing, so the module could not be read" };
  }
  const broken = content.replace(/^((?:export )?(?:async )?function .*)\) \{$/m, "$1 {");
  return broken === content
    ? null
    : { content: broken, why: "a closing parenthesis was missing, so the module could not be read" };
}

function changedLines(before: string, after: string): string[] {
  const known = new Set(before.split("\n"));
  return after.split("\n").filter((line) => line.trim() && !known.has(line));
}
