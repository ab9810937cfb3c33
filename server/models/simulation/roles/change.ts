// The simulated roles in a change job. They look first (change/survey.ts), then write new files only; the fixer mends
// what this job wrote, and nothing else.
import { type Surveyed, survey } from "../change/survey";
import type { Conversation, Job } from "../conversation";
import { withMistakes } from "../faults";
import type { SimulationModel } from "../model-name";
import type { SourceFile } from "../project";
import { hashText } from "../text";
import { finish, type PlannedAnswer, write } from "./answer";
import { erringTurn, open, unseen } from "./coder";
import { mendingAnswer } from "./fixer";

/** Everything a role needs to know of its task in a change job. */
export interface ChangeWork {
  talk: Conversation;
  job: Job;
  /** Titles of all tasks in order. */
  titles: readonly string[];
  n: number;
  model: SimulationModel;
}

/** The coder's next answer. */
export function changeCoder(work: ChangeWork): PlannedAnswer {
  const { talk, n, model } = work;
  const erring = erringTurn(talk, n, model);
  if (erring) return erring;
  const looked = survey(talk, work.job, work.titles, n);
  if ("open" in looked) return looking(looked.open);
  const { task, module } = looked.found;
  const { path } = module.file;
  if (module.present)
    return finish(`${path} is there already.`, { summary: `${task.title}: ${path} is there already.` });
  const file = mistaken(looked.found, work);
  const summary = `${task.title}: added ${path}. No file that was there is changed.`.slice(0, 2000);
  return finish(`Working on task ${n}: ${task.title}.`, { summary }, open(talk, [write(path, file.content)]));
}

/** The tester's next answer. */
export function changeTester({ talk, job, titles, n }: ChangeWork): PlannedAnswer {
  const looked = survey(talk, job, titles, n);
  if ("open" in looked) return looking(looked.open);
  const { task, module } = looked.found;
  const tests = looked.found.test();
  if ("open" in tests) return looking(tests.open);
  const { test, extra } = tests.found;
  const held = talk.hold !== null && n === 1 && !test.present ? unseen(test.file) : [];
  const files = test.present ? [] : [...extra, test.file, ...held];
  const summary = `Tests for ${task.title}: they use ${module.file.path} with good input and bad, and fail without it.`;
  return finish(
    `Writing tests for task ${n}: ${task.title}.`,
    {
      summary: summary.slice(0, 2000),
      test_files: [test.file.path, ...held.map(({ path }) => path)],
      held_back: held.map(({ path }) => path),
    },
    open(
      talk,
      files.map((file) => write(file.path, file.content)),
    ),
  );
}

/** The answer of a tester who writes for no task but from the specification alone; all is held back. */
export function changeSpecTester({ talk, job, titles }: Omit<ChangeWork, "n" | "model">): PlannedAnswer {
  const files: SourceFile[] = [];
  for (const n of titles.keys()) {
    const looked = survey(talk, job, titles, n + 1);
    if ("open" in looked) return looking(looked.open);
    const tests = looked.found.test();
    if ("open" in tests) return looking(tests.open);
    files.push(...tests.found.extra, ...unseen(tests.found.test.file));
  }
  const paths = [...new Set(files.map(({ path }) => path))];
  const summary = "Tests from the specification alone; all of them are held back.";
  const calls = files.map((file) => write(file.path, file.content));
  return finish(summary, { summary, test_files: paths, held_back: paths }, open(talk, calls));
}

/** The fixer's next answer to a failing check; a merge, which is no task of the plan, is about all of them. */
export function changeFixer(work: ChangeWork): PlannedAnswer {
  const { talk, n, model, titles } = work;
  const merge = n > titles.length;
  const intended = new Map<string, SourceFile>();
  const own: SourceFile[] = [];
  let wrong: SourceFile | undefined;
  for (const task of merge ? titles.keys() : [n - 1]) {
    const looked = survey(talk, work.job, titles, task + 1);
    if ("open" in looked) return looking(looked.open);
    const tests = looked.found.test();
    if ("open" in tests) return looking(tests.open);
    wrong = mistaken(looked.found, work);
    own.push(looked.found.module.file);
    for (const { file, present } of [looked.found.module, tests.found.test])
      if (present || !merge) intended.set(file.path, file);
  }
  return mendingAnswer(
    talk,
    { own: own.filter(({ path }) => intended.has(path)), intended, mistaken: wrong },
    n,
    model,
  );
}

function looking(calls: PlannedAnswer["calls"]): PlannedAnswer {
  return { text: "Looking at what is there.", calls };
}

function mistaken({ module }: Surveyed, { talk, n, model }: ChangeWork) {
  return withMistakes([module.file], model, n, hashText(talk.jobText))[0] ?? module.file;
}
