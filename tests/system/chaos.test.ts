// A minute of accidents with a fixed seed: SIGKILL and SIGSTOP of app, engine, two runners and database, one at a time
// and all at once. The long version is run by hand (tests/chaos/kill.ts) and reported in docs/reports/chaos.md.
import { expect, it } from "vitest";
import { runChaos } from "@/tests/chaos/run-chaos";

const OPTIONS = { seed: 252, jobs: 8, hits: 20, everyMs: 2_000, calmEvery: 10, workers: 2 };
/** The goal is the lease and 10 s on a machine of its own; here others may use the same processors. */
const RECOVERY_MS = 60_000;

it("loses nothing, does nothing twice and lets nobody write whose lease is over", async () => {
  const lines: string[] = [];
  const report = await runChaos({ ...OPTIONS, recoveryMs: RECOVERY_MS, say: (line) => lines.push(line) });
  expect(report.faults, lines.join("\n")).toEqual([]);
  expect(report.states).toEqual({ completed: report.jobs });
  expect(report.jobs).toBeGreaterThanOrEqual(4);
  expect(report.hits).toBeGreaterThanOrEqual(15);
}, 900_000);
