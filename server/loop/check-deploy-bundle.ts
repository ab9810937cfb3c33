// The check of deploy bundles: computed from the committed files, whose scripts a shell reads without running them.
// Invariant: what is stored under a key decides, also when a step is done again after the head has moved on.
import type { Db } from "../db";
import { bundleFolder, type DeployTarget, targetsAmong } from "../domain/deploy-targets";
import { checkBundle, MAX_BUNDLE_FILE_BYTES, MAX_BUNDLE_FILES } from "../gates/deploy-bundle/check-bundle";
import type { Bundle, BundleFile, BundleFinding } from "../gates/deploy-bundle/finding";
import { isScript } from "../gates/deploy-bundle/scripts";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { readBlobs, readTree } from "../workspaces/read-files";
import type { Finding } from "./compare-tests";
import { execSpec, runCommands, type Wanted } from "./run-programs";
import { storeCheck } from "./store-check";

/** Findings that are kept; a bundle with more of them has no need of the rest. */
const MAX_FINDINGS = 100;

interface StoredBundleCheck {
  targets: DeployTarget[];
  findings: BundleFinding[];
}

export interface BundleCheck {
  green: boolean;
  findings: BundleFinding[];
}

/**
 * Checks the bundles of all targets of a job at its head, and stores what came of it under `key`.
 * @throws NotYet while a shell reads the scripts
 */
export async function checkBundles(db: Db, job: Job, key: string): Promise<BundleCheck> {
  const known = await storedBundleCheck(db, job, key);
  if (known) return known;
  const targets = targetsAmong(job.deployTargets);
  const bundles = await readBundles(job, targets);
  const findings = [
    ...bundles.flatMap(({ target, bundle }) => checkBundle(target, bundle)),
    ...(await unreadableScripts(
      db,
      job,
      key,
      bundles.flatMap(({ bundle }) => bundle.files),
    )),
  ].slice(0, MAX_FINDINGS);
  const green = findings.length === 0;
  const report: StoredBundleCheck = { targets, findings };
  const summary = green ? `${targets.join(", ")}: nothing to object to` : describeFindings(findings);
  await storeCheck(db, job, { key, kind: "deploy", passed: green, report, summary, task: null });
  return (await storedBundleCheck(db, job, key)) ?? { green, findings };
}

/** What an earlier check under this key came to; null when there was none. */
export async function storedBundleCheck(db: Db, job: Job, key: string): Promise<BundleCheck | null> {
  const check = await db.checkRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key } },
  });
  if (!check) return null;
  return { green: check.passed, findings: (check.report as unknown as StoredBundleCheck).findings };
}

/** Findings in one line each. */
export const findingLines = (findings: readonly BundleFinding[]): string[] =>
  findings.map(
    ({ criterion, file, line, expected, observed }) =>
      `${criterion}: ${file}${line > 0 ? `:${line}` : ""} expected ${expected}; observed ${observed}`,
  );

/** The first of them, and how many there are. */
export function describeFindings(findings: readonly BundleFinding[]): string {
  const more = findings.length > 3 ? `; and ${findings.length - 3} more` : "";
  return `${findingLines(findings.slice(0, 3)).join("; ")}${more}`;
}

async function readBundles(job: Job, targets: readonly DeployTarget[]) {
  const dir = jobRepository(job.publicId);
  const tree = job.headCommit === null ? [] : await readTree(dir, job.headCommit);
  const workspace = new Set(tree.map(({ path }) => path));
  return Promise.all(
    targets.map(async (target) => {
      const folder = bundleFolder(target);
      const own = tree.filter(({ path }) => path.startsWith(`${folder}/`));
      // One more than there may be, so that the check sees that there are too many.
      const read = own.slice(0, MAX_BUNDLE_FILES + 1).filter(({ size }) => size <= MAX_BUNDLE_FILE_BYTES);
      const blobs = await readBlobs(
        dir,
        read.map(({ oid }) => oid),
      );
      const texts = new Map(read.map(({ path }, i) => [path, textOf(blobs[i])]));
      const files = own.map(
        ({ path, size, executable }): BundleFile => ({
          path,
          name: path.slice(folder.length + 1),
          size,
          executable,
          text: texts.get(path) ?? null,
        }),
      );
      const bundle: Bundle = { files, folder, workspace };
      return { target, bundle };
    }),
  );
}

/** Null when it is no UTF-8. */
function textOf(bytes: Buffer | undefined): string | null {
  try {
    return bytes ? new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) : null;
  } catch {
    return null;
  }
}

/** Scripts are given to the shell as they were committed: what lies in the sandbox may be something else. */
async function unreadableScripts(
  db: Db,
  job: Job,
  key: string,
  files: readonly BundleFile[],
): Promise<BundleFinding[]> {
  const scripts = files.filter((file) => isScript(file) && file.text !== null).slice(0, MAX_BUNDLE_FILES);
  const wanted = scripts.map(
    ({ path, text }): Wanted => ({
      key: `${key}/sh/${path}`,
      spec: execSpec(["sh", "-n"], { stdin: text, title: `sh -n ${path}`.slice(0, 200) }),
    }),
  );
  const results = await runCommands(db, job, wanted);
  return results.flatMap(({ exit_code, stderr, failure }, i): BundleFinding[] => {
    if (exit_code === 0) return [];
    const said = (failure ?? stderr).trim().split("\n")[0] || "it could not be read";
    const line = Number(/\b(\d+):/.exec(said)?.[1] ?? 0);
    const file = scripts[i]?.path ?? "";
    return [
      {
        criterion: "scripts",
        file,
        line,
        expected: "a script that sh can read",
        observed: said.slice(0, 300),
      },
    ];
  });
}

/** Whether the bundles are still what they have to be; true for a job without any. @throws NotYet as checkBundles */
export async function bundlesHold(db: Db, job: Job, key: string): Promise<boolean> {
  return job.deployTargets.length === 0 || (await checkBundles(db, job, key)).green;
}

/** What a validation says of the bundles at the head; nothing for a job without any. @throws NotYet as checkBundles */
export async function bundleFaults(db: Db, job: Job): Promise<Finding[]> {
  if (job.deployTargets.length === 0) return [];
  const { findings } = await checkBundles(db, job, "verify/deploy");
  return findings.map(({ file, expected, observed }) => ({
    criterion: `deploy bundle (${file})`,
    expected,
    observed,
  }));
}
