import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EPERM, SYSCALL_RULES, type SyscallRule } from "./seccomp";
import { compile, type Instruction, OP, seccompFilter } from "./seccomp-bpf";
import { type FilterArch, syscallNumber } from "./seccomp-numbers";

const ALLOW = "allow";
const ENOSYS = 38;
const ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 };
const I386 = 0x40000003;
const ARM = 0x40000028;
const X32_BIT = 0x40000000;
const ARCHES: FilterArch[] = ["x64", "arm64"];

interface Call {
  arch: number;
  number: number;
  args?: readonly bigint[];
}

/** What the kernel would see. */
function callData({ arch, number, args = [] }: Call): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, value] of args.entries())
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8);
  return data;
}

/** The kernel's machine, as far as a filter of ours uses it. Returns "allow" or the error number. */
function interpret(program: Buffer, call: Call): string | number {
  const data = callData(call);
  let register = 0;
  for (let at = 0, steps = 0; steps < 4096; steps++) {
    const code = program.readUInt16LE(at * 8);
    const [jt, jf] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)];
    const k = program.readUInt32LE(at * 8 + 4);
    at += 1;
    if (code === OP.load) register = data.readUInt32LE(k);
    else if (code === OP.and) register = (register & k) >>> 0;
    else if (code === OP.jump) at += k;
    else if (code === OP.ifEqual) at += register === k ? jt : jf;
    else if (code === OP.ifAtLeast) at += register >= k ? jt : jf;
    else if (code === OP.return) return k === 0x7fff0000 ? ALLOW : k & 0xffff;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("no end");
}

/** What the list says, read without any compiler. */
function wanted(
  rules: readonly SyscallRule[],
  arch: FilterArch,
  { number, args = [] }: Call,
): string | number {
  for (const rule of rules) {
    if (!rule.names.some((name) => syscallNumber(name, arch) === number)) continue;
    const holds = rule.args.every(({ index, value, mask }) => {
      const given = BigInt.asUintN(64, args[index] ?? 0n);
      return (mask === undefined ? given : given & BigInt(mask)) === BigInt(value);
    });
    if (holds) return rule.errno === null ? ALLOW : rule.errno;
  }
  return EPERM;
}

describe.each(ARCHES)("the filter for %s", (name) => {
  const arch = ARCH[name];
  const program = seccompFilter(name);
  const ask = (call: string | number, ...args: number[]) => {
    const number = typeof call === "number" ? call : syscallNumber(call, name);
    return interpret(program, { arch, number: number ?? -1, args: args.map(BigInt) });
  };

  it("says of every number what the list says", () => {
    const numbers = [...Array(1_024).keys(), 0x7fffffff, 0x80000000, 0xffffffff];
    for (const number of numbers) {
      const call = { arch, number, args: [] };
      expect([number, interpret(program, call)]).toEqual([number, wanted(SYSCALL_RULES, name, call)]);
    }
  });

  it("says of any arguments what the list says", () => {
    const number = fc.constantFrom(
      ...["socket", "clone", "personality", "clone3", "read"].map((call) => syscallNumber(call, name) ?? -1),
    );
    const small = fc.bigInt(0n, 64n);
    const flags = fc.integer({ min: 0, max: 63 }).map((bit) => 1n << BigInt(bit));
    const any = fc.bigInt(0n, 2n ** 64n - 1n);
    const args = fc.array(fc.oneof(small, flags, any), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(number, args, (number, args) => {
        const call = { arch, number, args };
        expect(interpret(program, call)).toBe(wanted(SYSCALL_RULES, name, call));
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });

  it("knows a few calls by number", () => {
    // From the kernel's own tables, not from ours.
    const [read, keyctl, ptrace, bpf, mount] = {
      x64: [0, 250, 101, 321, 165],
      arm64: [63, 219, 117, 280, 40],
    }[name];
    expect(ask(read!)).toBe(ALLOW);
    for (const number of [keyctl!, ptrace!, bpf!, mount!, 425, 426, 427, 438])
      expect(ask(number)).toBe(EPERM);
    expect(ask(435)).toBe(ENOSYS);
  });

  it("refuses other architectures and x32", () => {
    for (const other of [I386, ARM, arch === ARCH.x64 ? ARCH.arm64 : ARCH.x64, 0]) {
      for (const number of [0, 1, 63, 64]) expect(interpret(program, { arch: other, number })).toBe(EPERM);
    }
    for (const number of [0, 1, 63, 520]) expect(ask(X32_BIT | number)).toBe(EPERM);
  });

  it("lets threads and processes be made, but no namespaces", () => {
    const [vm, thread, newUser, newNet, newCgroup] = [0x100, 0x10000, 0x10000000, 0x40000000, 0x02000000];
    expect(ask("clone", 0x11)).toBe(ALLOW);
    expect(ask("clone", vm | thread)).toBe(ALLOW);
    for (const flag of [newUser, newNet, newCgroup, 0x00020000])
      expect(ask("clone", flag | 0x11)).toBe(EPERM);
  });

  it("lets local, internet and route sockets be made, and no others", () => {
    for (const family of [1, 2, 10]) expect(ask("socket", family, 1, 0)).toBe(ALLOW);
    expect(ask("socket", 16, 3, 0)).toBe(ALLOW);
    expect(ask("socket", 16, 3, 9)).toBe(EPERM);
    for (const family of [0, 3, 17, 38, 40]) expect(ask("socket", family, 1, 0)).toBe(EPERM);
    // The kernel reads 32 bits only, but a filter that did so too would have to be sure of it.
    expect(interpret(program, { arch, number: syscallNumber("socket", name)!, args: [2n ** 32n + 1n] })).toBe(
      EPERM,
    );
  });

  it("is short, and every jump stays inside", () => {
    const instructions = program.length / 8;
    expect(instructions).toBeLessThan(400);
    const depth = (at: number): number => {
      const { code, jt, jf, k } = read(program, at);
      if (code === OP.return) return 1;
      if (code === OP.jump) return 1 + depth(at + 1 + k);
      if (code === OP.load || code === OP.and) return 1 + depth(at + 1);
      return 1 + Math.max(depth(at + 1 + jt), depth(at + 1 + jf));
    };
    expect(depth(0)).toBeLessThan(40);
  });
});

describe("the compiler", () => {
  it("jumps over more than 255 instructions", () => {
    const families = [...Array(100).keys()];
    const rules: SyscallRule[] = [
      { names: ["read", "write"], errno: null, args: [] },
      ...families.map((value) => ({
        names: ["socket"],
        errno: null,
        args: [{ index: 0, value: value * 2 }],
      })),
      ...families.map((value) => ({
        names: ["accept"],
        errno: value + 1,
        args: [{ index: 1, value, mask: 2 ** 40 + 255 }],
      })),
      { names: ["bind", "clone3"], errno: null, args: [] },
    ];
    for (const name of ARCHES) {
      const program = seccompFilter(name, rules);
      expect(compile(name, rules).some((instruction) => instruction.code === OP.jump)).toBe(true);
      for (const call of ["read", "write", "socket", "accept", "bind", "clone3", "listen"]) {
        for (const value of [0n, 1n, 2n, 99n, 100n, 198n, 200n, 2n ** 40n + 3n, 2n ** 41n + 3n]) {
          const asked = { arch: ARCH[name], number: syscallNumber(call, name) ?? -1, args: [value, value] };
          expect(interpret(program, asked)).toBe(wanted(rules, name, asked));
        }
      }
    }
  });

  it("refuses a name without a number", () => {
    expect(() => seccompFilter("x64", [{ names: ["no_such_call"], errno: null, args: [] }])).toThrow(
      /no_such_call/,
    );
  });
});

function read(program: Buffer, at: number): Instruction {
  expect(at).toBeLessThan(program.length / 8);
  const [code, jt] = [program.readUInt16LE(at * 8), program.readUInt8(at * 8 + 2)];
  return { code, jt, jf: program.readUInt8(at * 8 + 3), k: program.readUInt32LE(at * 8 + 4) };
}
