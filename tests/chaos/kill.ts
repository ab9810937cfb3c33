/**
 * Files simulated jobs while SIGKILL and SIGSTOP hit app, engine, runner and database at random, then checks what
 * is left: nothing lost, delivered twice, charged twice, or written by a worker whose lease was over.
 * Run: npx tsx tests/chaos/kill.ts [--jobs N] [--hits N] [--every MS] [--seed N] [--workers N]
 * The same seed gives the same hits at the same times; what they meet depends on the machine.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { runChaos } from "./run-chaos";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "12" },
    hits: { type: "string", default: "20" },
    every: { type: "string", default: "4000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    workers: { type: "string", default: "2" },
  },
});

const print = (line: string) => process.stdout.write(`${line}\n`);

const report = await runChaos({
  jobs: Number(values.jobs),
  hits: Number(values.hits),
  everyMs: Number(values.every),
  seed: Number(values.seed),
  workers: Number(values.workers),
  say: print,
});
print(
  `\nseed ${values.seed}; ${report.jobs} jobs, ${report.hits} hits in ${report.seconds.toFixed(0)} s; load ${loadavg()[0]?.toFixed(1)}`,
);
print(`jobs by state: ${JSON.stringify(report.states)}`);
print(`hits: ${JSON.stringify(report.byKind)}`);
print(`longest time between a hit and the next event of an unfinished job: ${report.longestSilenceMs} ms`);
print(report.faults.length === 0 ? "no fault found" : `FAULTS:\n${report.faults.join("\n")}`);
process.exit(report.faults.length === 0 ? 0 : 1);
