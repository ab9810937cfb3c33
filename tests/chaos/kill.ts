/**
 * Files simulated jobs while SIGKILL and SIGSTOP hit app, engine, two runners and the database at random, then checks
 * what is left: nothing lost, delivered twice, charged twice, or written by a worker whose lease was over.
 * Run: npx tsx tests/chaos/kill.ts [--jobs N] [--hits N] [--every MS] [--calm N] [--seed N] [--workers N]
 *   [--recovery MS] [--report FILE]. `--workers` is for each of the two runners. Ctrl-C reports what there is.
 * The same seed gives the same hits after the same pauses; what they meet depends on the machine. The build must be fresh.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { ROOT } from "@/tests/system/factory";
import { type ChaosReport, describeRecovery, runChaos } from "./run-chaos";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "24" },
    hits: { type: "string", default: "30" },
    every: { type: "string", default: "2000" },
    calm: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    workers: { type: "string", default: "4" },
    recovery: { type: "string" },
    report: { type: "string" },
  },
});

const lines: string[] = [];
const print = (line: string) => {
  process.stdout.write(`${line}\n`);
  lines.push(line);
};

function commitOf(): string {
  try {
    const args = ["-C", ROOT, "rev-parse", "--short", "HEAD"];
    return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown"; // Not a clone.
  }
}

function summaryOf(report: ChaosReport): string[] {
  const { recovery, faults } = report;
  const sorted = recovery.ms.toSorted((a, b) => a - b);
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
  const completed = report.states.completed ?? 0;
  return [
    `${report.whole ? "" : "BROKEN OFF: "}${report.jobs} jobs (${completed} completed), ${report.hits} hits in ${report.seconds.toFixed(0)} s; load ${loadavg()[0]?.toFixed(1)}`,
    `jobs by state: ${JSON.stringify(report.states)}`,
    `hits by kind: ${JSON.stringify(report.byKind)}`,
    `recovery after a hit (silences over 1 s: ${sorted.length}): median ${quantile(0.5)} ms, p95 ${quantile(0.95)} ms, longest ${sorted.at(-1) ?? 0} ms; limit ${recovery.limitMs} ms; calms ${recovery.calms}`,
    ...recovery.slowest.map((one) => `  ${describeRecovery(one, report.began)}`),
    faults.length === 0 ? "0 faults" : `${faults.length} FAULTS:\n${faults.join("\n")}`,
  ];
}

/** A report is written now and then as well, so that a run that is lost has left something. */
function save(report: ChaosReport): void {
  if (values.report) writeFileSync(values.report, `${[...lines, "", ...summaryOf(report)].join("\n")}\n`);
}

const breakOff = new AbortController();
process.on("SIGINT", () => {
  if (breakOff.signal.aborted) process.exit(130);
  print("broken off; what there is will be reported (Ctrl-C again ends at once)");
  breakOff.abort();
});

const memory = (totalmem() / 1024 ** 3).toFixed(0);
print(`npx tsx tests/chaos/kill.ts ${process.argv.slice(2).join(" ")}`);
print(
  `commit ${commitOf()}; ${new Date().toISOString().slice(0, 10)}; ${cpus().length} × ${cpus()[0]?.model ?? "unknown"}; ${memory} GB; Node ${process.version}; seed ${values.seed}`,
);
const report = await runChaos({
  jobs: Number(values.jobs),
  hits: Number(values.hits),
  everyMs: Number(values.every),
  calmEvery: Number(values.calm),
  seed: Number(values.seed),
  workers: Number(values.workers),
  ...(values.recovery ? { recoveryMs: Number(values.recovery) } : {}),
  signal: breakOff.signal,
  say: print,
  onProgress: save,
});
print("");
for (const line of summaryOf(report)) print(line);
if (values.report) writeFileSync(values.report, `${lines.join("\n")}\n`);
process.exit(breakOff.signal.aborted ? 130 : report.faults.length === 0 ? 0 : 1);
