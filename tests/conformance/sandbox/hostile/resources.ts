// Programs that take all there is: memory, disk, files, processor, descriptors.
import { type Hostile, LIMITS, python, SHORT } from "./row";

const FULL = "No space left on device";

export const RESOURCES: readonly Hostile[] = [
  {
    name: "a program that takes all memory",
    program: python("x = []\nwhile True: x.append(bytearray(1 << 20))"),
    outcome: { outOfMemory: "yes", signal: "SIGKILL" },
  },
  {
    name: "a child that takes all memory under a parent that ends with 0",
    program: "tail -n 1 /dev/zero; exit 0",
    outcome: { outOfMemory: "yes", exitCode: 0 },
  },
  {
    name: "a grandchild that takes all memory and is not waited for",
    program: python(`
r, w = os.pipe()
if os.fork() == 0:
  if os.fork() == 0:
    os.setsid(); os.close(r); x = []
    while True: x.append(bytearray(1 << 20))
  os._exit(0)
os.close(w); os.wait(); os.read(r, 1); os._exit(0)`),
    outcome: (ran) => ran.exitCode === 0 && ran.outOfMemory === "yes",
  },
  {
    name: "a program that takes all memory and would have others killed for it",
    program: python(`
try: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"0")
except OSError: pass
x = []
while True: x.append(bytearray(1 << 20))`),
    outcome: { outOfMemory: "yes", exitCode: null },
  },
  {
    name: "many that take a little memory each",
    program: python(`
for _ in range(24):
  if os.fork() == 0:
    x = bytearray(12 << 20); time.sleep(60); os._exit(0)
os.wait(); os._exit(0)`),
    outcome: (ran) => ran.outOfMemory === "yes",
  },
  {
    name: "memory in a file without a name",
    program: python(`
fd = os.memfd_create("x"); block = bytes(1 << 20)
try:
  while True: os.write(fd, block)
except OSError: pass`),
    outcome: (ran) => ran.outOfMemory === "yes" || ran.exitCode === 0 || ran.signal === "SIGXFSZ",
  },
  {
    name: "memory shared in the manner of System V, never given back",
    program: python(`
class Gone(Exception): pass
libc.shmat.restype = ctypes.c_void_p
for _ in range(20):
  shm = libc.shmget(0, 16 << 20, 0o1600)
  at = libc.shmat(shm, None, 0)
  if at in (None, ctypes.c_void_p(-1).value): break
  ctypes.memset(at, 1, 16 << 20)
print("done")`),
    outcome: (ran) => ran.outOfMemory === "yes" || ran.exitCode === 0,
    text: /^/,
    also: async ({ run }) => {
      const next = await run(python("x = bytearray(100 << 20); print(len(x))"));
      if (next.outOfMemory !== "no" || next.exitCode !== 0) throw new Error("it still held the memory");
    },
  },
  {
    name: "locked memory",
    program: python("libc.mlockall(3)\nx = []\nwhile True: x.append(bytearray(1 << 20))"),
    outcome: (ran) => ran.outOfMemory === "yes" || ran.exitCode !== 0,
    text: /^/,
  },
  {
    name: "a full disk",
    program: "dd if=/dev/zero of=big bs=1M count=64 2>&1; rm -f big",
    text: new RegExp(FULL),
  },
  {
    name: "a full disk that is left full",
    program: "dd if=/dev/zero of=big bs=64k count=2000 2>/dev/null; echo more > more 2>/dev/null; exit 0",
    also: async ({ run }) => {
      const next = await run("rm big && echo room > room && cat room");
      if (next.text !== "room\n") throw new Error(`no room was made: ${next.stderr}`);
    },
  },
  {
    name: "all inodes",
    program: "mkdir d; cd d; seq 5000 | xargs touch 2>&1 | tail -n 1; cd ..; rm -rf d",
    text: new RegExp(FULL),
  },
  {
    name: "a full /tmp",
    program: "dd if=/dev/zero of=/tmp/big bs=1M count=64 2>&1; rm /tmp/big",
    text: new RegExp(FULL),
  },
  {
    name: "all inodes of /tmp",
    program: "cd /tmp; mkdir d; cd d; seq 5000 | xargs touch 2>&1 | tail -n 1; cd ..; rm -rf d",
    text: new RegExp(FULL),
  },
  {
    name: "a full /dev/shm",
    program: "dd if=/dev/zero of=/dev/shm/big bs=1M count=64 2>&1; rm -f /dev/shm/big",
    text: new RegExp(FULL),
  },
  {
    name: "a huge file of nothing",
    program: python(`
fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try: os.ftruncate(fd, 1 << 40); print("made")
except OSError: pass
try: os.posix_fallocate(fd, 0, 1 << 30); print("filled")
except OSError: pass`),
  },
  {
    name: "more processors than allowed",
    program:
      "burn() { while :; do :; done; }; burn & burn & burn & burn & sleep 0.6; kill $(jobs -p); exit 0",
    outcome: (ran) => ran.exitCode === 0 && ran.userMs + ran.systemMs <= ran.durationMs * LIMITS.cpus + 250,
  },
  {
    name: "more processes than allowed",
    program:
      "i=0; while [ $i -lt 300 ]; do sleep 9 >/dev/null & i=$((i+1)); echo $i; done 2>/dev/null | tail -n 1",
    outcome: (ran) => !ran.timedOut,
    text: /^([1-7]?\d)?\n?$/,
  },
  {
    name: "all descriptors",
    program: python(`
held = []
try:
  while len(held) < 100000: held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error: print(error.errno == errno.EMFILE, len(held) <= 4096)`),
    text: "True True\n",
  },
  {
    name: "all watches of files",
    program: python(`
held = 0
while held < 100000 and libc.inotify_init1(0) >= 0: held += 1
print(held < 100000)`),
    text: "True\n",
  },
  {
    name: "pipes filled to the brim",
    program: python(`
held = []
try:
  while len(held) < 2000:
    r, w = os.pipe(); os.set_blocking(w, False); held += [r, w]
    import fcntl
    try: fcntl.fcntl(w, 1031, 1 << 20)
    except OSError: pass
    try:
      while True: os.write(w, bytes(65536))
    except BlockingIOError: pass
except OSError: pass
print("done")`),
    outcome: (ran) => ran.exitCode === 0 || ran.outOfMemory === "yes",
    text: /^(done\n)?$/,
  },
  {
    name: "folders in folders, deeper than any path",
    program: python(`
try:
  for _ in range(1500): os.mkdir("d"); os.chdir("d")
except OSError: pass
print("deep")`),
    text: "deep\n",
  },
  {
    name: "a table of sockets",
    program: python(`
held = []
try:
  while len(held) < 100000: held.append(socket.socketpair())
except OSError: pass
print(len(held) < 100000)`),
    text: "True\n",
  },
  {
    name: "sleep beyond its time in a child of a child",
    program: "sh -c 'sh -c \"sleep 4000\"'",
    request: SHORT,
    outcome: { timedOut: true, killed: true },
  },
];
