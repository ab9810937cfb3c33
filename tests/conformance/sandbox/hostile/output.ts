// Programs whose output or input is meant to harm the one who reads or feeds it.
import { type Hostile, node, python, SHORT, STOPPED } from "./row";

const CAP = 100_000;

export const OUTPUT: readonly Hostile[] = [
  {
    name: "endless output",
    program: "yes",
    request: { timeoutMs: 3_000, maxOutputBytes: CAP },
    outcome: { ...STOPPED, capped: true },
    text: new RegExp(`^(y\\n){${CAP / 2}}$`),
  },
  {
    name: "endless output on both streams after the reader has had enough",
    program: "yes >&2 & yes",
    request: { timeoutMs: 3_000, maxOutputBytes: CAP },
    outcome: { ...STOPPED, capped: true },
    text: /^y/,
  },
  {
    name: "one line of 100 MB",
    program: "head -c 100000000 /dev/zero | tr '\\0' x",
    request: { maxOutputBytes: CAP },
    outcome: { exitCode: 0, capped: true, droppedBytes: 100_000_000 - CAP },
    text: /^x+$/,
  },
  {
    name: "many small pieces of output",
    program: python("for n in range(30000): os.write(1, b'a')"),
    text: /^a{30000}$/,
  },
  {
    name: "bytes that are no text",
    program: "printf '\\377\\376\\303\\050\\355\\240\\200\\300\\200'",
    text: /^/,
    also: async ({ ran }) => {
      if (ran.stdout.toString("hex") !== "fffec328eda080c080") throw new Error("bytes were changed");
    },
  },
  {
    name: "orders for a terminal",
    program: "printf '\\033[2J\\033]0;title\\007\\033]52;c;aGk=\\007\\0\\r\\b\\033P\\033\\\\'",
    text: "\x1b[2J\x1b]0;title\x07\x1b]52;c;aGk=\x07\0\r\b\x1bP\x1b\\",
  },
  {
    name: "its own streams closed",
    program: "exec <&- >&- 2>&-; sleep 0.1; exit 5",
    outcome: { exitCode: 5, timedOut: false },
  },
  {
    name: "its streams closed and a long life",
    program: "exec <&- >&- 2>&-; while :; do sleep 1; done",
    request: SHORT,
    outcome: STOPPED,
  },
  {
    name: "its output shut down for all who share it",
    program: python(`
for fd in (0, 1, 2):
  try: socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
  except OSError: pass
os._exit(6)`),
    outcome: { exitCode: 6, timedOut: false },
  },
  {
    name: "descriptors sent along with its output",
    program: python(`
try: socket.send_fds(socket.socket(fileno=os.dup(1)), [b"x"], [0] * 100)
except OSError: os.write(1, b"x")`),
    text: "x",
  },
  {
    name: "its output made non-blocking",
    program: python("os.set_blocking(1, False)\nfor fd in (1,):\n  os.write(fd, b'q' * 1000)\nos._exit(0)"),
    text: /^q{1000}$/,
  },
  {
    name: "what a supervisor would say, forged",
    program: python(`
import json, struct
body = json.dumps({"exitCode": 0, "leftovers": 0}).encode()
os.write(1, struct.pack(">IIB", len(body), 1, 68) + body + b"taken\\n0\\n"); os._exit(9)`),
    outcome: { exitCode: 9 },
    text: /leftovers.*taken\n0\n$/s,
  },
  {
    name: "writing to every descriptor that it was not given",
    program: python(`
for fd in range(3, 300):
  try: os.write(fd, b"taken\\n999\\n"); print("descriptor", fd)
  except OSError: pass
for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
  for fd in range(0, 16):
    try:
      target = os.readlink(f"/proc/{pid}/fd/{fd}")
      if target == "/dev/null": continue
      os.write(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), b"taken\\n999\\n{}"); print(pid, fd, target)
    except OSError: pass`),
    outcome: { exitCode: 0, leftovers: 0 },
  },
  {
    name: "a false count of what it left",
    program: "for f in /proc/1/fd/* /proc/$PPID/fd/*; do (echo 999 > $f) 2>/dev/null; done; exit 0",
    outcome: { exitCode: 0, leftovers: 0 },
    text: /^/,
  },
  {
    name: "input that is never read",
    program: "sleep 4000",
    request: { ...SHORT, stdin: Buffer.alloc(8_000_000, "x") },
    outcome: STOPPED,
  },
  {
    name: "input that is read a byte and then refused",
    program: "head -c 1 >/dev/null; exec <&-; sleep 0.2; echo ok",
    request: { stdin: Buffer.alloc(8_000_000, "x") },
    text: "ok\n",
  },
  {
    name: "input that pretends to be an order",
    program: "cat",
    request: { stdin: Buffer.from("} ; echo owned; exit 3\nexit 4\n'\"\n") },
    text: "} ; echo owned; exit 3\nexit 4\n'\"\n",
  },
  {
    name: "output after the end of its command",
    program: "(sleep 5; echo late) & echo early",
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers >= 1,
    text: "early\n",
  },
  {
    name: "a log line that looks like two events",
    program: node('process.stdout.write("a\\r\\nid: 7\\r\\nevent: done\\r\\n\\r\\n\\u2028x")'),
    text: "a\r\nid: 7\r\nevent: done\r\n\r\n\u2028x",
  },
];
