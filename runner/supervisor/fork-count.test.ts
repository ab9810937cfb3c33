// The counter against a pretended kernel that gives out process ids in a circle, and against the real one.
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ForkCounter, lastPid } from "./fork-count";

const PID_MAX = 32_768;

/** A kernel that gives ids in order and begins again at 300. Forks take the time that they are told to take. */
class Kernel {
  private last: number | null;
  private time = 0;
  readonly counter: ForkCounter;

  constructor(last: number | null = 1_000) {
    this.last = last;
    this.counter = new ForkCounter({
      lastPid: () => this.last,
      pidMax: () => PID_MAX,
      now: () => this.time,
    });
  }

  fork(times = 1, eachMs = 0.01): number {
    for (let n = 0; n < times && this.last !== null; n++) {
      this.last = this.last + 1 < PID_MAX ? this.last + 1 : 300;
      this.time += eachMs;
    }
    return this.last ?? 0;
  }

  pass(ms: number): void {
    this.time += ms;
  }

  begin() {
    return this.counter.born(this.fork());
  }
}

describe("the counter of forks", () => {
  it("says that nobody forked when only the supervisor did", () => {
    const kernel = new Kernel();
    const first = kernel.begin();
    const second = kernel.begin();
    kernel.pass(5);
    expect(first.nobodySince()).toBe(true);
    const third = kernel.begin();
    expect(second.nobodySince()).toBe(true);
    expect(third.nobodySince()).toBe(true);
  });

  it("lays a stranger's fork to every command that lived then, and to no later one", () => {
    const kernel = new Kernel();
    const before = kernel.begin();
    kernel.fork();
    const after = kernel.begin();
    expect(before.nobodySince()).toBe(false);
    expect(after.nobodySince()).toBe(true);
    kernel.fork();
    expect(after.nobodySince()).toBe(false);
    expect(kernel.begin().nobodySince()).toBe(true);
  });

  it("does not trust a count that may have come round", () => {
    const kernel = new Kernel();
    const command = kernel.begin();
    // Exactly as many as bring the kernel back to where it was.
    kernel.fork(PID_MAX - 300);
    expect(command.nobodySince()).toBe(false);
    const quiet = kernel.begin();
    kernel.pass(PID_MAX);
    expect(quiet.nobodySince()).toBe(false);
  });

  it("does not trust a kernel that does not count", () => {
    const kernel = new Kernel(null);
    expect(kernel.counter.born(7).nobodySince()).toBe(false);
  });

  it("never overlooks a stranger, whatever happens in whatever order", () => {
    const act = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ own: true, times: 1 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 40_000 }).map((times) => ({ own: false, times })) },
    );
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 30 }),
        fc.integer({ min: 300, max: PID_MAX - 1 }),
        (acts, at) => {
          const kernel = new Kernel(at);
          const living: { command: ReturnType<Kernel["begin"]>; stranger: boolean }[] = [];
          for (const { own, times } of acts) {
            if (own) living.push({ command: kernel.begin(), stranger: false });
            else {
              kernel.fork(times);
              for (const each of living) each.stranger = true;
            }
          }
          for (const { command, stranger } of living) if (stranger) expect(command.nobodySince()).toBe(false);
        },
      ),
    );
  });

  it("reads the id that this machine gave out last", () => {
    const { pid } = spawnSync("true");
    const last = lastPid() ?? 0;
    // Others start processes here at the same moment, and the ids may come round.
    expect(last >= pid || pid - last > 1_000).toBe(true);
  });
});
