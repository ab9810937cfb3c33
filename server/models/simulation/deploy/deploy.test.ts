// The bundles of the simulation are what the check wants, for every kind of project, and they work: on a host whose systemd
// is played by a small script, deploy.sh brings up the really built program, notices one that is broken, and goes back.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundleFolder, DEPLOY_TARGETS, type DeployTarget } from "../../../domain/deploy-targets";
import { checkBundle } from "../../../gates/deploy-bundle/check-bundle";
import { Drive, type DriveJob } from "../testing/drive";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const jobOf = (title: string, toolchains: ("python" | "node")[], more: Partial<DriveJob> = {}): DriveJob => ({
  kind: "build",
  title,
  description: "",
  features: ["Posts"],
  stack: [],
  toolchains,
  context: null,
  ...more,
});

const TARGETS = `<targets>${JSON.stringify(DEPLOY_TARGETS.map((target) => ({ target })))}</targets>`;

/** A drive with the bundles of all targets. */
async function deployed(job: DriveJob, build: boolean, model = "sim-1", seed: Record<string, string> = {}) {
  const drive = new Drive(job, model);
  folders.push(drive.folder);
  drive.seed(seed);
  if (build) await drive.build();
  else await drive.plan();
  const { finished } = await drive.task("deployer", 1, TARGETS);
  return { drive, finished };
}

function findingsOf(drive: Drive, target: DeployTarget) {
  const folder = bundleFolder(target);
  const workspace = new Set(drive.files());
  const files = [...workspace]
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => {
      const { size, mode } = statSync(join(drive.folder, path));
      const text = readFileSync(join(drive.folder, path), "utf8");
      return { path, name: path.slice(folder.length + 1), size, executable: (mode & 0o100) !== 0, text };
    });
  return checkBundle(target, { files, folder, workspace });
}

describe("bundles of the simulation", () => {
  it.each<[string, DriveJob, Record<string, string>]>([
    ["a service in Python", jobOf("Blog API", ["python"]), {}],
    ["a service in Node", jobOf("Blog API", ["node"]), {}],
    ["a service with pages", jobOf("Blog", ["python", "node"]), {}],
    ["a tool in Python", jobOf("CLI calculator", ["python"]), {}],
    ["a tool in Node", jobOf("CLI calculator", ["node"]), {}],
    ["a library in Python", jobOf("Math library", ["python"]), {}],
    ["a library in Node", jobOf("Math library", ["node"]), {}],
    ["a strange title", jobOf(`"$(id)" 1'; rm -rf / # \${x}`, ["python"]), {}],
    ["a title in other letters", jobOf("在线商城", ["node"]), {}],
    ["no title at all", jobOf("!", ["node"]), {}],
    [
      "a change with migrations",
      jobOf("Slugs", ["node"], { kind: "change", features: ["Slugify"] }),
      { "package.json": "{}", "src/a.js": "1;\n", "migrations/001_init.sql": "SELECT 1;\n" },
    ],
    [
      "a change in Python",
      jobOf("Slugs", ["python"], { kind: "change", features: ["Slugify"] }),
      { "pkg/a.py": "A = 1\n", "manage.py": "A = 1\n", "pkg/migrations/0001_initial.py": "A = 1\n" },
    ],
  ])("are what the check wants: %s", async (_name, job, seed) => {
    const { drive, finished } = await deployed(job, false, "sim-1", seed);
    expect(finished).toMatchObject({ targets: [{ target: "docker-compose" }, { target: "systemd" }] });
    for (const target of DEPLOY_TARGETS) expect(findingsOf(drive, target)).toEqual([]);
    for (const path of drive.files().filter((name) => name.endsWith(".sh")))
      expect(await drive.run("sh", ["-n", path])).toMatchObject({ code: 0 });
  });

  it("are refused when the model is told to be careless", async () => {
    const { drive } = await deployed(jobOf("Blog API", ["node"]), false, "sim-1+deploy@1");
    for (const target of DEPLOY_TARGETS) expect(findingsOf(drive, target)).not.toEqual([]);
  });
});

/** Plays systemctl for one unit: `restart` ends what runs and starts ExecStart as systemd would read it. */
const SYSTEMCTL = `#!/bin/sh
set -eu
pid="$HOST/\${2:-none}.pid"
halt() {
  [ -f "$pid" ] || return 0
  kill "$(cat "$pid")" 2>/dev/null || true
  while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.05; done
  rm -f "$pid"
}
case "$1" in
  restart)
    halt
    command="$(sed -n 's/^ExecStart=//p' "$UNIT_DIR/$2" | sed "s#/var/lib/[^ ]*/#$HOST/data-#")"
    cd "$(sed -n 's/^WorkingDirectory=//p' "$UNIT_DIR/$2" | sed "s#^/opt/[^/]*#$INSTALL_ROOT#")"
    sh -c "exec $command" >>"$HOST/log" 2>&1 </dev/null &
    echo $! >"$pid"
    ;;
  stop) halt ;;
esac
`;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

describe.each(["python", "node"] as const)("a delivered service in %s", (toolchain) => {
  it("is deployed, asked whether it is well, and taken back when it is broken", async () => {
    const { drive } = await deployed(jobOf("Blog API", [toolchain]), true);
    const host = mkdtempSync(join(tmpdir(), "deploy-host-"));
    folders.push(host);
    for (const name of ["units", "opt"]) mkdirSync(join(host, name));
    const systemctl = join(host, "systemctl");
    writeFileSync(systemctl, SYSTEMCTL);
    chmodSync(systemctl, 0o755);
    const port = String(await freePort());
    const env = {
      ...process.env,
      HOST: host,
      INSTALL_ROOT: join(host, "opt"),
      UNIT_DIR: join(host, "units"),
      SYSTEMCTL: systemctl,
      PORT: port,
      HEALTH_TRIES: "10",
    };
    const run = (name: string, more: Record<string, string> = {}) =>
      spawnSync(join(drive.folder, "deploy/systemd", name), [], {
        env: { ...env, ...more },
        encoding: "utf8",
        timeout: 120_000,
      });
    const health = async () => (await fetch(`http://127.0.0.1:${port}/health`)).json();
    try {
      expect(run("health-check.sh", { HEALTH_TRIES: "1" }).status).toBe(1);
      const first = run("deploy.sh");
      expect(first, `${first.stdout}${first.stderr}`).toMatchObject({ status: 0 });
      expect(await health()).toEqual({ status: "ok" });
      expect(run("health-check.sh").status).toBe(0);

      const entry = toolchain === "python" ? "app/__main__.py" : "src/index.js";
      writeFileSync(
        join(drive.folder, entry),
        toolchain === "python" ? "raise SystemExit(1)\n" : "throw 1;\n",
      );
      const second = run("deploy.sh");
      expect(second.status, `${second.stdout}${second.stderr}`).toBe(1);
      expect(second.stderr).toContain("going back");
      expect(await health()).toEqual({ status: "ok" });
    } finally {
      spawnSync(systemctl, ["stop", "blog-api.service"], { env });
    }
  }, 240_000);
});
