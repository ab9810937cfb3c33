// Two real packages with a bug each through the whole factory: fetched, worked on by a scripted model, pushed, and
// judged by the packages' own tests. All ten run by hand: `npx tsx tests/eval/run-scripted.ts`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { QUICK_TASKS } from "../eval/all-tasks";
import { fetchArchives } from "../eval/debian-archive";
import { evaluate } from "../eval/evaluate";
import { ScriptedPlace } from "./scripted-place";

let place: ScriptedPlace;
let folder: string;

beforeAll(async () => {
  place = await ScriptedPlace.start(QUICK_TASKS);
  folder = mkdtempSync(join(tmpdir(), "fabrica-evaluation-"));
}, 300_000);
afterAll(async () => {
  await place?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe("a bug in a public package", () => {
  it.each(QUICK_TASKS.map((task) => [task.name, task] as const))(
    "%s is resolved",
    async (name, task) => {
      const archive = (await fetchArchives([task.source])).get(task.source);
      if (!archive || !("file" in archive)) throw new Error(`${name} was not fetched: ${archive?.problem}`);
      const result = await evaluate(place, task, archive.file, join(folder, name));
      expect(result, place.log()).toMatchObject({ status: "completed", refused: null });
    },
    400_000,
  );
});
