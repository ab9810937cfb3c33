// Programs that multiply, hide, will not end, or end in odd ways.
import { type Hostile, LIMITS, python, type Scene, SHORT, STOPPED } from "./row";

const SURVIVORS = "n=0; while [ $n -lt 12 ]; do n=$((n+1));";

/** Nobody writes to the file `grown` any more. */
async function growsNoMore({ run }: Scene): Promise<void> {
  const size = "stat -c %s grown";
  const [before, after] = [await run(size), await run(`sleep 0.1; ${size}`)];
  if (before.exitCode !== 0) throw new Error("nothing has grown");
  if (before.text !== after.text) throw new Error("the file still grows");
}

export const PROCESSES: readonly Hostile[] = [
  {
    name: "a fork bomb of the shell",
    program: "f() { f | f & f; }; f",
    request: { timeoutMs: 1_000 },
    outcome: (ran) => ran.exitCode !== 0 || ran.leftovers > 0 || ran.killed,
    text: /^/,
  },
  {
    name: "a fork bomb that waits for room",
    program: python("while True:\n  try: os.fork()\n  except OSError: pass"),
    request: SHORT,
    outcome: STOPPED,
  },
  {
    name: "a bomb of vfork and exec",
    program: "cat > b <<'E'\n#!/bin/sh\n./b & ./b & wait\nE\nchmod +x b; exec ./b",
    request: SHORT,
    outcome: (ran) => ran.exitCode !== 0 || ran.leftovers > 0 || ran.killed,
    text: /^/,
  },
  {
    name: "a bomb of threads",
    program: python(`
import threading
count = 0
try:
  for count in range(500): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError: pass
print(count < ${LIMITS.pids + 30}, flush=True); os._exit(0)`),
    text: "True\n",
  },
  {
    name: "a process that hops from fork to fork and never stays",
    program: python(`
if os.fork() == 0:
  os.setsid()
  while True:
    if os.fork() != 0: os._exit(0)`),
    outcome: (ran) => ran.exitCode === 0 && !ran.timedOut,
  },
  {
    name: "many hoppers at once",
    program: python(`
for _ in range(8):
  if os.fork() == 0:
    os.setsid()
    while True:
      try:
        if os.fork() != 0: os._exit(0)
      except OSError: pass
print("left", flush=True)`),
    outcome: (ran) => ran.exitCode === 0 && !ran.timedOut,
    text: "left\n",
  },
  {
    name: "daemons by double fork",
    program: `${SURVIVORS} (setsid sleep 4000 >/dev/null 2>&1 &); done; exit 0`,
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers >= 1,
  },
  {
    name: "daemons that ignore every signal that can be ignored",
    program: `${SURVIVORS} (trap '' TERM HUP INT QUIT USR1 PIPE ALRM; exec setsid sleep 4000) >/dev/null 2>&1 & done; exit 3`,
    outcome: (ran) => ran.exitCode === 3 && ran.leftovers >= 1,
  },
  {
    name: "a daemon that gathers orphans",
    program: python(`
if os.fork() == 0:
  os.setsid(); libc.prctl(36, 1, 0, 0, 0)
  for _ in range(5):
    if os.fork() == 0:
      if os.fork() == 0: time.sleep(4000)
      os._exit(0)
  time.sleep(4000)
time.sleep(0.2); os._exit(0)`),
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers >= 1,
  },
  {
    name: "a daemon under a false name",
    program: python(`
if os.fork() == 0:
  libc.prctl(15, b"kworker/0:1", 0, 0, 0); os.setsid(); time.sleep(4000)
os._exit(0)`),
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers === 1,
  },
  {
    name: "a daemon that holds the output open",
    program: "setsid sleep 4000 & echo gone",
    request: { timeoutMs: 10_000 },
    outcome: (ran) => ran.exitCode === 0 && !ran.timedOut && ran.leftovers === 1,
    text: "gone\n",
  },
  {
    name: "a daemon that goes on writing after its command",
    program:
      "(while :; do echo x >> grown; done) >/dev/null 2>&1 & until [ -s grown ]; do sleep 0.05; done; exit 0",
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers >= 1,
    also: growsNoMore,
  },
  {
    name: "a daemon whose first thread has ended, which then looks like a zombie",
    program: python(`
import threading
def grow():
  while True:
    with open("grown", "a") as file: file.write("x")
    time.sleep(0.001)
if os.fork() == 0:
  os.setsid(); null = os.open("/dev/null", os.O_RDWR); os.dup2(null, 1); os.dup2(null, 2)
  threading.Thread(target=grow).start()
  call(60 if x86 else 93, 0)
while not os.path.exists("grown"): time.sleep(0.01)
os._exit(0)`),
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers === 1,
    also: growsNoMore,
  },
  {
    name: "a crowd of zombies",
    program: python(`
pids = []
for _ in range(30):
  pid = os.fork()
  if pid == 0: os._exit(0)
  pids.append(pid)
for pid in pids: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print("done")`),
    text: "done\n",
  },
  {
    name: "SIGTERM and its kin ignored",
    program: "trap '' TERM INT HUP QUIT; while :; do sleep 1; done",
    request: SHORT,
    outcome: STOPPED,
  },
  { name: "SIGSTOP to itself", program: "kill -STOP $$", request: SHORT, outcome: STOPPED },
  { name: "a busy loop", program: "while :; do :; done", request: SHORT, outcome: STOPPED },
  {
    name: "an endless wait for input",
    program: "sleep 0.1; cat; sleep 4000",
    request: SHORT,
    outcome: STOPPED,
  },
  {
    name: "SIGKILL and SIGSTOP to everything it can reach",
    program: python(`
for number in (signal.SIGSTOP, signal.SIGKILL):
  for pid in [-1, 1, os.getppid(), 0x7ffffff]:
    if pid > 1 and pid == os.getpid(): continue
    try: os.kill(pid, number)
    except OSError: pass
print("alive", flush=True)`),
    outcome: (ran) => !ran.timedOut || ran.killed,
    text: /^(alive\n)?$/,
    request: { timeoutMs: 3_000 },
  },
  {
    name: "a group of many processes that all stop",
    program: `${SURVIVORS} setsid sh -c 'kill -STOP $$' & done; sleep 0.2; exit 0`,
    outcome: (ran) => ran.exitCode === 0 && ran.leftovers >= 12,
  },
  {
    name: "exit code 137 of its own",
    program: "exit 137",
    outcome: { outOfMemory: "no", killed: false, timedOut: false },
  },
  {
    name: "SIGKILL to itself",
    program: "kill -KILL $$",
    outcome: { exitCode: null, signal: "SIGKILL", outOfMemory: "no", killed: false },
  },
  { name: "exit code 255", program: "exit 255", outcome: { exitCode: 255, signal: null } },
  {
    name: "a crash that would dump its core",
    program: ["sh", "-c", "ulimit -c unlimited 2>/dev/null; kill -SEGV $$"],
    outcome: { exitCode: null, signal: "SIGSEGV" },
    also: async ({ run }) => {
      const left = await run("ls -A; ls -A /tmp | grep -v '^home$'; ls -A ~");
      if (left.text !== "") throw new Error(`it left ${left.text}`);
    },
  },
  {
    name: "higher limits and a better place in the queue",
    program: python(`
import resource
for name in ("CORE", "NOFILE", "FSIZE"):
  attempt(name, lambda: resource.setrlimit(getattr(resource, "RLIMIT_" + name), (resource.RLIM_INFINITY,) * 2), (ValueError, PermissionError))
attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))
attempt("fifo", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
attempt("score", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-1000"))`),
  },
];
