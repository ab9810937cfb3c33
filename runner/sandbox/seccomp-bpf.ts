// Compiles the list of system calls into the program that the kernel runs before each call (classic BPF, seccomp(2)).
// Invariant: what is not on the list, another architecture and x32 are refused; nothing falls through to "allowed".
import { EPERM, SYSCALL_RULES, type SyscallArgument, type SyscallRule } from "./seccomp";
import { type FilterArch, syscallNumber } from "./seccomp-numbers";

/** One instruction: operation, distances for a condition that holds and one that does not, operand. */
export interface Instruction {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

export const OP = {
  load: 0x20,
  and: 0x54,
  jump: 0x05,
  ifEqual: 0x15,
  ifAtLeast: 0x35,
  return: 0x06,
} as const;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
/** struct seccomp_data: the call's number, the architecture, the program's address, six arguments of 64 bits. */
const AT = { number: 0, arch: 4, arguments: 16 } as const;
const AUDIT_ARCH: Readonly<Record<FilterArch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const LOW_WORD = 2 ** 32;
/** Distances of a condition are one byte; the operand of a plain jump is not so narrow. */
const FAR = 255;

/** Numbers from `from` up to the next segment's share one fate. */
interface Segment {
  from: number;
  code: Instruction[];
}

/** The filter for an architecture, as bubblewrap's --seccomp takes it. */
export function seccompFilter(arch: FilterArch, rules: readonly SyscallRule[] = SYSCALL_RULES): Buffer {
  return encode(compile(arch, rules));
}

/** The filter as instructions. Throws an Error for a call whose number is not known. */
export function compile(arch: FilterArch, rules: readonly SyscallRule[]): Instruction[] {
  return [
    load(AT.arch),
    { code: OP.ifEqual, jt: 1, jf: 0, k: AUDIT_ARCH[arch] },
    refuse(EPERM),
    load(AT.number),
    ...search(segments(arch, rules)),
  ];
}

/** Sorted and without gaps; neighbours with the same fate are one segment. */
function segments(arch: FilterArch, rules: readonly SyscallRule[]): Segment[] {
  const byNumber = new Map<number, SyscallRule[]>();
  for (const rule of rules) {
    for (const name of rule.names) {
      const number = syscallNumber(name, arch);
      if (number !== null) byNumber.set(number, [...(byNumber.get(number) ?? []), rule]);
    }
  }
  const found: Segment[] = [{ from: 0, code: [refuse(EPERM)] }];
  const add = (from: number, code: Instruction[]) => {
    const last = found.at(-1);
    if (last?.from === from) found.pop();
    const before = found.at(-1);
    if (!before || encode(before.code).compare(encode(code)) !== 0) found.push({ from, code });
  };
  for (const number of [...byNumber.keys()].sort((a, b) => a - b)) {
    add(number, decide(byNumber.get(number) ?? []));
    add(number + 1, [refuse(EPERM)]);
  }
  return found;
}

/** Halves the segments until one is left, so that no call costs more than a handful of comparisons. */
function search(list: readonly Segment[]): Instruction[] {
  const [first, ...others] = list;
  if (!first || others.length === 0) return first?.code ?? [refuse(EPERM)];
  const middle = list.length >> 1;
  const low = search(list.slice(0, middle));
  const high = search(list.slice(middle));
  const k = list[middle]?.from ?? 0;
  if (low.length <= FAR) return [{ code: OP.ifAtLeast, jt: low.length, jf: 0, k }, ...low, ...high];
  const skip = { code: OP.jump, jt: 0, jf: 0, k: low.length };
  return [{ code: OP.ifAtLeast, jt: 0, jf: 1, k }, skip, ...low, ...high];
}

/** The first rule whose conditions all hold decides. */
function decide(rules: readonly SyscallRule[]): Instruction[] {
  const code: Instruction[] = [];
  for (const { errno, args } of rules) {
    const answer = errno === null ? { code: OP.return, jt: 0, jf: 0, k: ALLOW } : refuse(errno);
    const tests = args.flatMap(words);
    // From each comparison the way out is the end of this rule.
    let left = tests.reduce((sum, test) => sum + test.length, 0) + 1;
    for (const test of tests) {
      left -= test.length;
      code.push(...test.slice(0, -1), { ...(test.at(-1) ?? refuse(EPERM)), jf: left });
    }
    code.push(answer);
    if (tests.length === 0) return code;
  }
  return [...code, refuse(EPERM)];
}

/** The comparisons of one argument: its low word and, where any bit of it counts, its high word. */
function words({ index, value, mask }: SyscallArgument): Instruction[][] {
  const at = AT.arguments + index * 8;
  const test = (offset: number, wanted: number, bits: number | null): Instruction[] => [
    load(offset),
    ...(bits === null ? [] : [{ code: OP.and, jt: 0, jf: 0, k: bits }]),
    { code: OP.ifEqual, jt: 0, jf: 0, k: wanted },
  ];
  const [low, high] = [value % LOW_WORD, Math.floor(value / LOW_WORD)];
  if (mask === undefined) return [test(at, low, null), test(at + 4, high, null)];
  const highMask = Math.floor(mask / LOW_WORD);
  return [test(at, low, mask % LOW_WORD), ...(highMask === 0 ? [] : [test(at + 4, high, highMask)])];
}

function load(offset: number): Instruction {
  return { code: OP.load, jt: 0, jf: 0, k: offset };
}

function refuse(errno: number): Instruction {
  return { code: OP.return, jt: 0, jf: 0, k: ERRNO | errno };
}

/** struct sock_filter, in the byte order of both architectures. */
function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  }
  return bytes;
}
