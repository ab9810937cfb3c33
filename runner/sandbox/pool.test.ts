import { describe, expect, it } from "vitest";
import type { SandboxLimits } from "../protocol";
import { WarmPool } from "./pool";
import { NoSandboxError, SandboxError, type SlowDriver, type WaitingSandbox } from "./port";

const LIMITS: SandboxLimits = { memory_mb: 64, work_mb: 16, tmp_mb: 4, inodes: 1_000, cpus: 1, pids: 16 };

interface Made extends WaitingSandbox {
  limits: SandboxLimits;
  alive: boolean;
  destroyed: boolean;
}

/** A driver whose sandboxes do nothing but live and die; they are ready when the test says so. */
function fakeDriver() {
  const made: Made[] = [];
  const gate = { held: null as Promise<void> | null, failure: null as Error | null, asked: 0 };
  const driver: SlowDriver = {
    name: "docker",
    startsSlowly: true,
    enforced: { memory: true, pids: true, cpu: true, disk: true },
    notes: [],
    async create(limits) {
      gate.asked += 1;
      await gate.held;
      if (gate.failure) throw gate.failure;
      const sandbox: Made = {
        limits,
        alive: true,
        destroyed: false,
        exec: () => Promise.reject(new Error("nothing runs here")),
        async ping() {
          if (!this.alive) throw new SandboxError("The container ended.", true);
        },
        async destroy() {
          this.destroyed = true;
        },
      };
      made.push(sandbox);
      return sandbox;
    },
    reap: async () => 0,
  };
  return { made, gate, driver };
}

function open(size: number) {
  const fake = fakeDriver();
  const stop = new AbortController();
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const pool = new WarmPool(fake.driver, { size, log, signal: stop.signal, refillAfterMs: 0 });
  const living = (count: number) => until(() => fake.made.filter((each) => !each.destroyed).length === count);
  return { ...fake, pool, stop, lines, living };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe("the pool of sandboxes that wait for a job", () => {
  it("makes the next ones after a claim and never hands one out twice", async () => {
    const { pool, made, living } = open(2);
    const given = new Set([await pool.create(LIMITS)]);
    await living(3);
    for (let round = 0; round < 5; round++) {
      given.add(await pool.create({ ...LIMITS }));
      await living(given.size + 2);
    }
    expect(given.size).toBe(6);
    expect(made.length).toBe(8);
    await pool.close();
    expect(made.filter((each) => each.destroyed).length).toBe(2);
    expect([...given].some((each) => (each as Made).destroyed)).toBe(false);
  });

  it("gives every job the limits that it asks for", async () => {
    const { pool, made, living } = open(1);
    await pool.create(LIMITS);
    await living(2);
    const other = (await pool.create({ ...LIMITS, pids: 17 })) as Made;
    expect(other.limits.pids).toBe(17);
    await living(3);
    expect(made.filter((each) => !each.destroyed).map((each) => each.limits.pids)).toEqual([16, 17, 17]);
    await pool.close();
  });

  it("notices one that has died before it is handed out", async () => {
    const { pool, made, lines, living } = open(1);
    await pool.create(LIMITS);
    await living(2);
    const dead = made[1] as Made;
    dead.alive = false;
    expect(await pool.create(LIMITS)).not.toBe(dead);
    await until(() => dead.destroyed);
    expect(lines).toEqual(["a sandbox that waited for a job is gone: The container ended."]);
    await pool.close();
  });

  it("waits for one that is just being made instead of beginning anew", async () => {
    const { pool, made, gate, living } = open(1);
    await pool.create(LIMITS);
    let release = () => {};
    gate.held = new Promise((resolve) => {
      release = resolve;
    });
    await until(() => gate.asked === 2);
    const claim = pool.create(LIMITS);
    gate.held = null;
    release();
    expect(await claim).toBe(made[1]);
    await living(3);
    await pool.close();
  });

  it("says that none can be made, and makes them again after a later claim", async () => {
    const { pool, gate, lines, living } = open(1);
    await pool.create(LIMITS);
    gate.failure = new NoSandboxError("the disk is full");
    await until(() => lines.length === 1);
    expect(lines[0]).toContain("the disk is full");
    await expect(pool.create(LIMITS)).rejects.toThrow("the disk is full");
    gate.failure = null;
    await pool.create(LIMITS);
    await living(3);
    await pool.close();
  });

  it("makes nothing more once the runner stops, and leaves nothing", async () => {
    const { pool, made, stop, living } = open(1);
    await pool.create(LIMITS);
    await living(2);
    await pool.create(LIMITS);
    stop.abort();
    await expect(pool.create(LIMITS)).rejects.toBeInstanceOf(NoSandboxError);
    await pool.close();
    expect(made.length).toBe(2);
  });

  it("destroys also what is still being made when it closes", async () => {
    const { pool, made, gate } = open(1);
    await pool.create(LIMITS);
    let release = () => {};
    gate.held = new Promise((resolve) => {
      release = resolve;
    });
    await until(() => gate.asked === 2);
    const closing = pool.close();
    release();
    await closing;
    expect(made.map((each) => each.destroyed)).toEqual([false, true]);
  });
});
