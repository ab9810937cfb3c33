/**
 * The whole evaluation set through a factory of its own, with a git server and a model that is a script: what is
 * evaluated is the factory. Run: npx tsx tests/eval/run-scripted.ts [task…]. Ends with `N passed, N failed`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ScriptedPlace } from "../system/scripted-place";
import { tasksNamed } from "./all-tasks";
import { fetchArchives } from "./debian-archive";
import { evaluate } from "./evaluate";

const tasks = tasksNamed(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), "fabrica-evaluation-"));
const place = await ScriptedPlace.start(tasks);
let passed = 0;
try {
  const archives = await fetchArchives(tasks.map((task) => task.source));
  for (const task of tasks) {
    const archive = archives.get(task.source);
    const fetched = archive && "file" in archive ? archive.file : null;
    const result = fetched ? await evaluate(place, task, fetched, join(folder, task.name)) : null;
    const refused = result
      ? (result.refused ?? (result.status === "completed" ? null : result.status))
      : "not fetched";
    if (refused === null) passed++;
    console.log(
      `${task.name}: ${refused ?? "resolved"}${result ? `, ${(result.minutes * 60).toFixed(1)} s` : ""}`,
    );
    if (result && refused !== null) console.log(`  ${result.job} ${result.status}: ${result.said}`);
  }
} finally {
  await place.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${tasks.length - passed} failed`);
process.exitCode = passed === tasks.length ? 0 : 1;
