// Whether a change alters the very programs by which it is checked. A shell line says only how it ended, so what it
// runs has to be what the base has: a script that ends well whatever happens would prove everything.
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { workspaceText } from "../services/workspace/workspace-files";
import { isTestFile } from "../toolchains/test-files";
import { within } from "../toolchains/workspace-files";
import { diffStat } from "../workspaces/diff";
import type { Checks } from "./checks";

const MANAGER = /(?:^|[\s;&|(])(?:npm|pnpm|yarn|bun)\s/;

/** What of the programs that a change job's shell lines run was changed, a short phrase each. */
export async function changedChecks(job: Job, { config, folder }: Checks): Promise<string[]> {
  const { baseRoot, headCommit } = job;
  const lines = [config?.test.command, config?.lint.command].filter((line) => typeof line === "string");
  if (lines.length === 0 || !baseRoot || !headCommit) return [];
  const changes = await diffStat(jobRepository(job.publicId), baseRoot, headCommit);
  const changed = new Set(changes.map(({ path }) => path));
  const place = (path: string) => within(folder === "" ? "." : folder, path.replace(/^(?:\.\/)+/, ""));
  const found = lines
    .flatMap(wordsOf)
    .map(place)
    .filter((path) => changed.has(path) && !isTestFile(path));
  const manifest = place("package.json");
  if (changed.has(manifest)) {
    const textAt = (commit: string) =>
      workspaceText({ publicId: job.publicId, headCommit: commit }, manifest);
    const [before, after] = await Promise.all([textAt(baseRoot), textAt(headCommit)]);
    found.push(
      ...lines
        .filter((line) => MANAGER.test(line))
        .flatMap((line) => changedScripts(line, before, after))
        .map((script) => `the script ${script} of ${manifest}`),
    );
  }
  return [...new Set(found)];
}

const wordsOf = (line: string): string[] => line.split(/[\s;&|()<>"'`=]+/).filter((word) => word !== "");

/** Scripts that a line runs, by themselves or by each other, and that are others in the second package.json. */
export function changedScripts(line: string, before: string | null, after: string | null): string[] {
  const [old, now] = [scriptsOf(before), scriptsOf(after)];
  const reached = new Set<string>();
  const follow = (text: string) => {
    for (const word of wordsOf(text)) {
      if (reached.has(word) || !(old.has(word) || now.has(word))) continue;
      for (const name of [word, `pre${word}`, `post${word}`]) {
        reached.add(name);
        follow(old.get(name) ?? "");
      }
    }
  };
  follow(line);
  return [...reached].filter((name) => old.get(name) !== now.get(name));
}

function scriptsOf(text: string | null): Map<string, string> {
  try {
    const { scripts } = JSON.parse(text ?? "") as { scripts?: object };
    return new Map(Object.entries(scripts ?? {}).map(([name, script]) => [name, String(script)]));
  } catch {
    return new Map();
  }
}
