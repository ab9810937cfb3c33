// A handful of evaluation tasks through the whole factory: a model that knows the solutions resolves all of them, one
// whose slips its own tests do not notice none, one that gets nothing green neither. All of them by hand:
// `npm run eval -- --provider simulation --model perfect`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROLES } from "@/server/domain/roles";
import { tasksNamed } from "../eval/all-tasks";
import { CleanPlace } from "../eval/clean-place";
import type { EvalResult } from "../eval/evaluate";
import { OwnPlace } from "../eval/place";
import { type Ended, figuresOf, isBroken } from "../eval/report";
import { runTasks } from "../eval/run-tasks";
import type { Behaviour } from "../eval/scripted-answers";
import { modelThatIs } from "../eval/scripted-model";

const OWN = ["roman-numerals", "query-string", "invoice-rounding", "deep-settings"];
const PACKAGES = ["xmltodict-force-list"];

let place: OwnPlace;
let clean: CleanPlace;
let folder: string;

beforeAll(async () => {
  clean = await CleanPlace.open();
  folder = mkdtempSync(join(tmpdir(), "fabrica-evaluation-"));
  const tasks = tasksNamed([...OWN, ...PACKAGES]);
  place = await OwnPlace.start({ tasks, scripted: true, request: {}, workers: 2, limitMs: 200_000 });
}, 300_000);
afterAll(async () => {
  await place?.stop();
  await clean?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function worked(names: string[], behaviour: Behaviour): Promise<Ended[]> {
  const model = `anthropic/${modelThatIs(behaviour)}`;
  const models = Object.fromEntries(ROLES.map((role) => [role, model]));
  const { client, git, limitMs } = place;
  const results: Ended[] = [];
  await runTasks({
    place: { client, git, limitMs, request: { models, max_fixes: 1 } },
    clean,
    tasks: tasksNamed(names),
    folder: join(folder, behaviour),
    parallel: 2,
    signal: new AbortController().signal,
    onEnded: (one) => results.push(one),
  });
  return results;
}

const failures = (results: Ended[]) =>
  results.map((one) => (isBroken(one) ? one.broken : (one as EvalResult).failure));

it("a model that knows the solutions scores 100 %, at the first attempt", async () => {
  const results = await worked([...OWN, ...PACKAGES], "perfect");
  expect(failures(results), place.log()).toEqual(results.map(() => null));
  expect(figuresOf(results)).toMatchObject({
    tasks: 5,
    resolvedShare: 1,
    firstAttemptShare: 1,
    testsFirstShare: 1,
    failures: {},
  });
}, 400_000);

it("one whose own tests are green and whose code is wrong scores 0 %", async () => {
  const results = await worked(["query-string", "invoice-rounding"], "plausible");
  expect(figuresOf(results), place.log()).toMatchObject({
    tasks: 2,
    resolvedShare: 0,
    firstAttemptShare: 0,
    testsFirstShare: 1,
    failures: { "delivered, hidden tests fail": 2 },
  });
}, 400_000);

it("one that gets nothing green scores 0 %", async () => {
  const results = await worked(["roman-numerals", "deep-settings"], "never-green");
  expect(failures(results).join(), place.log()).not.toContain("delivered");
  expect(figuresOf(results)).toMatchObject({ tasks: 2, resolvedShare: 0, testsFirstShare: 0 });
  expect(results.every((one) => !isBroken(one) && one.fixes > 0)).toBe(true);
}, 400_000);
