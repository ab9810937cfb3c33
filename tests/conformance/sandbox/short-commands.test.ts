// Short commands of one container at the same time, for which the supervisor looks at the processes as seldom as it can:
// what one of them leaves is found all the same, and every program has the place that it is to have.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { ExecOutcome, Sandbox, SandboxDriver } from "@/runner/sandbox/port";
import { type DockerDaemon, startDocker } from "@/tests/support/docker";

const LIMITS = { memory_mb: 256, work_mb: 64, tmp_mb: 16, inodes: 5_000, cpus: 2, pids: 128 };
/** A program that is another process every moment, and none of them the one that the supervisor has started. */
const HOPPER = "import os\nif os.fork() == 0:\n  os.setsid()\n  while os.fork() == 0: pass";
const LOCALHOST = 'import socket; print(socket.gethostbyname("localhost"))';
const DAEMON = "setsid sleep 4321 >/dev/null 2>&1 & exit 3";

let daemon: DockerDaemon;
let driver: SandboxDriver;
let sandbox: Sandbox;

beforeAll(async () => {
  daemon = await startDocker();
  const { host: dockerHost, image, supervisor } = daemon;
  const options = { dockerHost, image, runtime: null, supervisor, toolchainDir: null, instance: "short" };
  driver = await createDockerDriver(options);
  sandbox = await driver.create(LIMITS);
}, 600_000);
afterAll(async () => {
  await sandbox?.destroy();
  await daemon?.stop();
}, 60_000);

const run = (...argv: string[]) => runIn(sandbox, argv);

async function runIn(where: Sandbox, argv: string[]): Promise<ExecOutcome & { text: string }> {
  let text = "";
  const onOutput = (_: string, data: Buffer) => {
    text += data.toString("utf8");
  };
  return { ...(await where.exec({ argv, timeoutMs: 30_000, maxOutputBytes: 100_000, onOutput })), text };
}

const alive = async () => (await run("sh", "-c", "ps -eo comm= 2>/dev/null || cat /proc/[0-9]*/comm")).text;

describe("short commands beside each other", () => {
  it("end clean while others come and go, and those that leave something are swept", async () => {
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; n < 12; n++) {
        const leaves = (lane + n) % 4 === 0;
        const ran = await (leaves ? run("sh", "-c", DAEMON) : run("/bin/true"));
        expect(ran).toMatchObject({ exitCode: leaves ? 3 : 0, outOfMemory: "no", killed: false });
        if (!leaves) expect(ran.leftovers).toBe(0);
      }
    });
    await Promise.all(lanes);
    expect(await alive()).not.toContain("sleep");
  });

  it("do not hide a program that forks from one process to the next", async () => {
    const hoppers = Array.from({ length: 3 }, () => run("python3", "-c", HOPPER));
    const others = Array.from({ length: 5 }, async () => {
      for (let n = 0; n < 10; n++)
        expect(await run("/bin/true")).toMatchObject({ exitCode: 0, leftovers: 0 });
    });
    await Promise.all([...hoppers, ...others]);
    expect(await alive()).not.toContain("python");
  });

  it("run slower than the supervisor and are the first to go when memory runs out", async () => {
    expect((await run("nice")).text).toBe("10\n");
    expect((await run("cat", "/proc/self/oom_score_adj")).text).toBe("900\n");
    const own = "for p in /proc/[0-9]*; do [ -O $p/status ] || cut -d' ' -f19 $p/stat; done";
    expect((await run("sh", "-c", own)).text).toBe("0\n0\n");
  });

  it("are answered like by a shell when the program is not there or cannot be started", async () => {
    expect(await run("no-such-program")).toMatchObject({ exitCode: 127, leftovers: 0 });
    expect(await run("/etc/passwd")).toMatchObject({ exitCode: 126, leftovers: 0 });
  });

  it("know who localhost is and nobody else", async () => {
    expect((await run("python3", "-c", LOCALHOST)).text).toBe("127.0.0.1\n");
    expect((await run("cat", "/etc/resolv.conf")).text).toBe("");
    expect((await run("sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")).text).toBe("lo\n");
  });

  it("know it also after somebody has cleared away the daemon's volumes", async () => {
    await daemon.client.getVolume("fabrica-names").remove();
    const next = await driver.create(LIMITS);
    try {
      expect((await runIn(next, ["python3", "-c", LOCALHOST])).text).toBe("127.0.0.1\n");
      expect((await runIn(next, ["sh", "-c", "echo x >> /etc/hosts"])).exitCode).not.toBe(0);
    } finally {
      await next.destroy();
    }
    expect(await daemon.client.listContainers({ all: true })).toHaveLength(1);
  });
});
