// The supervisor ends by killing everything around it, so it must refuse to begin anywhere but in a container of its own.
// These tests run it behind a process namespace of their own: were it wrong, nobody else would be hit.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleSupervisor } from "@/tests/support/docker";

const run = promisify(execFile);
const NAMESPACE =
  "--unshare-all --unshare-user --die-with-parent --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp";

let folder: string;
let source: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fabrica-supervisor-"));
  await bundleSupervisor(join(folder, "supervisor.cjs"));
  source = readFileSync(join(folder, "supervisor.cjs"), "utf8");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs shell text in the namespace, where `supervise` starts the bundle; a bystander lives beside it. */
async function beside(script: string): Promise<string> {
  const whole = `sleep 60 & bystander=$!; supervise() { "$1" -e "$2" "$3" < /dev/null; }
    ${script}; echo "exit $?"; kill -0 $bystander && echo alive; kill $bystander`;
  const { stdout } = await run("bwrap", [
    ...NAMESPACE.split(" "),
    "sh",
    "-c",
    whole,
    "sh",
    process.execPath,
    source,
  ]);
  return stdout;
}

describe("the supervisor on a machine that is not its own", () => {
  it("touches nobody when its input ends at once", async () => {
    expect(await beside('supervise "$1" "$2" supervise 2>&1')).toBe(
      "The supervisor runs only in a fresh sandbox of its own.\nexit 1\nalive\n",
    );
  });

  it("touches nobody as a daemon, whose parent is the first process", async () => {
    const script = 'out=$( (supervise "$1" "$2" supervise 2>&1 & ) ); echo "$out"; false';
    expect(await beside(script)).toContain("exit 1\nalive\n");
  });

  it("touches nobody when it is not told what to be", async () => {
    expect(await beside('supervise "$1" "$2"')).toBe("exit 1\nalive\n");
    expect(await beside('supervise "$1" "$2" other')).toBe("exit 1\nalive\n");
  });
});
