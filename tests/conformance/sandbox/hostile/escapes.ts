// Programs that try to get out, or to be more than they are. What prints a line has found a hole.
import { forbiddenNumbers, type Hostile, node, python } from "./row";

/** Reads every path of a list; a byte of any of them is a hole. */
const reads = (name: string, paths: string): Hostile => ({
  name,
  program: python(`
import glob
for pattern in """${paths}""".split():
  for path in glob.glob(pattern) or [pattern]:
    try:
      fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
      if os.read(fd, 1): print(path, flush=True)
    except OSError: pass`),
});

const writes = (name: string, paths: string, text = "1"): Hostile => ({
  name,
  program: python(`
import glob
for pattern in """${paths}""".split():
  for path in glob.glob(pattern) or [pattern]:
    if not os.path.isdir(path):
      attempt(path, lambda: os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b"${text}"))`),
});

/** Calls by name: numbers on 64-bit Intel and ARM, then arguments. */
const calls = (name: string, list: Record<string, [number, number, ...number[]]>, before = ""): Hostile => ({
  name,
  program: python(`${before}
for name, (intel, arm, *args) in ${JSON.stringify(list)}.items(): hole(name, call(intel if x86 else arm, *args))`),
});

export const ESCAPES: readonly Hostile[] = [
  reads(
    "secrets of the host",
    "/etc/shadow /etc/sudoers /root /root/* /root/.ssh/* /home/* /var/run/docker.sock /run/* /var/lib/docker/* /var/lib/containerd/* /var/lib/postgresql/* /var/lib/fabrica*/*",
  ),
  {
    name: "a file of the host by every way in",
    program: ({ canary }) =>
      `for p in ${canary} /proc/1/root${canary} /proc/self/root${canary} /proc/1/cwd${canary} /../..${canary}; do cat $p; done 2>/dev/null; true`,
  },
  {
    name: "the environment of every process",
    program:
      "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -E 'TOKEN|KEY|SECRET|CANARY|DATABASE|FABRICA|npm_|NODE_'; true",
  },
  reads(
    "memory of the kernel and of the machine",
    "/proc/kcore /dev/mem /dev/kmem /dev/port /dev/kmsg /proc/kmsg /sys/kernel/debug/* /sys/firmware/* /sys/kernel/security/*",
  ),
  {
    name: "addresses of the kernel",
    program:
      "grep -vE '^0+ ' /proc/kallsyms 2>/dev/null | head -n 1; head -c 1 /proc/1/syscall /proc/1/stack 2>/dev/null | grep -E 'ffff' ; true",
  },
  reads("memory and maps of the processes that keep it", "/proc/1/mem"),
  {
    name: "ptrace of whatever is there",
    program: python(`
for pid in [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()] + [os.getppid()]:
  for request in (16, 0x4206): hole(f"ptrace {pid}", call(101 if x86 else 117, request, pid, 0, 0))
hole("traceme", call(101 if x86 else 117, 0, 0, 0, 0))`),
  },
  {
    name: "memory and descriptors of other processes by number",
    program: python(`
buffer = ctypes.create_string_buffer(16)
class Iov(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
iov = Iov(ctypes.addressof(buffer), 16)
for pid in (1, os.getppid()):
  for intel, arm in ((310, 270), (311, 271)): hole(f"process_vm {pid}", call(intel if x86 else arm, pid, ctypes.byref(iov), 1, ctypes.byref(iov), 1, 0))
  fd = call(434, pid, 0)
  if fd >= 0:
    for target in range(8): hole(f"pidfd_getfd {pid}", call(438, fd, target, 0))
  hole("kcmp", call(312 if x86 else 272, pid, pid, 0, 0, 0))`),
  },
  {
    name: "limits of the process that keeps it",
    program:
      "for p in /proc/[0-9]*; do [ -O $p ] && continue; p=$(basename $p); prlimit --pid $p --nproc=1 2>/dev/null && echo prlimit $p; renice -n 19 -p $p >/dev/null 2>&1 && echo renice $p; kill -0 $p 2>/dev/null && echo kill $p; done; true",
  },
  writes(
    "settings of the kernel",
    "/proc/sys/kernel/* /proc/sys/vm/* /proc/sys/net/*/* /proc/sys/fs/* /proc/sys/user/*",
  ),
  writes(
    "the machine's emergency keys and interrupts",
    "/proc/sysrq-trigger /proc/irq/*/smp_affinity /proc/acpi/* /proc/scsi/scsi",
  ),
  writes(
    "the devices of the machine",
    "/sys/power/state /sys/kernel/* /sys/class/*/*/uevent /sys/fs/* /sys/module/*/parameters/* /sys/devices/system/cpu/*/online",
  ),
  writes(
    "its own identity maps",
    "/proc/self/uid_map /proc/self/gid_map /proc/self/setgroups /proc/self/projid_map",
    "0 0 1",
  ),
  {
    name: "the way out by control groups",
    program: python(`
import glob
for path in glob.glob("/sys/fs/cgroup/**/*", recursive=True):
  if os.path.basename(path) in ("release_agent", "notify_on_release", "cgroup.procs", "tasks", "memory.limit_in_bytes", "memory.max", "pids.max", "devices.allow", "cgroup.kill"):
    attempt(path, lambda: os.write(os.open(path, os.O_WRONLY), b"0"))
attempt("mkdir", lambda: os.mkdir("/sys/fs/cgroup/x")); attempt("mkdir", lambda: os.mkdir("/sys/fs/cgroup/memory/x"))
for intel, arm in ((165, 40),): hole("mount cgroup", call(intel if x86 else arm, b"c", b"/tmp", b"cgroup", 0, b"memory"))`),
  },
  {
    name: "mounts, by every call there is",
    program: python(`
os.makedirs("/work/m", exist_ok=True)
for kind in (b"tmpfs", b"proc", b"sysfs", b"overlay", b"fuse", b"devtmpfs", b"cgroup2", b"bpf"):
  hole(kind, call(165 if x86 else 40, kind, b"/work/m", kind, 0, 0))
hole("bind", call(165 if x86 else 40, b"/", b"/work/m", 0, 4096, 0))
hole("remount", call(165 if x86 else 40, 0, b"/", 0, 32 | 4096, 0))
hole("umount", call(166 if x86 else 39, b"/proc", 2)); hole("pivot_root", call(155 if x86 else 41, b"/work", b"/work/m"))
for number in (428, 429, 430, 431, 432, 433, 442): hole(number, call(number, 0, 0, 0, 0, 0))`),
  },
  {
    name: "new namespaces, by every call there is",
    program: python(`
for flag in (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000, 0x2000000, 0x80):
  hole(f"unshare {flag:x}", call(272 if x86 else 97, flag))
  if flag != 0x80: hole(f"clone {flag:x}", call(56 if x86 else 220, flag | 17, 0, 0, 0, 0))
for kind in ("user", "mnt", "net", "pid", "ipc", "uts"):
  try: fd = os.open(f"/proc/1/ns/{kind}", os.O_RDONLY)
  except OSError: continue
  hole("setns " + kind, call(308 if x86 else 268, fd, 0))
args = (ctypes.c_uint64 * 11)(0x10000000)
answer = call(435, args, 88)
if answer == 0: os._exit(0)
hole("clone3", answer)`),
  },
  {
    name: "another user",
    program: python(`
# No such user is known in the jail's own user namespace, which is another way to refuse it.
for act, number in ((os.setuid, 0), (os.setgid, 0), (os.seteuid, 0), (os.setegid, 0), (os.setuid, 1000)):
  try: act(number); print(act.__name__, number)
  except OSError as error:
    if error.errno not in (errno.EPERM, errno.EINVAL): print(act.__name__, error)
attempt("groups", lambda: os.setgroups([0]))
attempt("chown", lambda: (open("f", "w").close(), os.chown("f", 0, 0)), (PermissionError, OSError))`),
  },
  {
    name: "programs that run as their owner",
    program:
      "for p in $(find / -xdev -perm /6000 -type f 2>/dev/null | head -n 30); do echo $p; done > list; cp /usr/bin/id own; chmod 6755 own; ./own -u; su -c 'id -u' root </dev/null 2>/dev/null; sudo -n id -u 2>/dev/null; grep -h NoNewPrivs /proc/self/status | tr -d '\\t'",
    text: "65532\nNoNewPrivs:1\n",
  },
  {
    name: "capabilities by file and by call",
    program: python(`
attempt("xattr", lambda: (open("p", "w").close(), os.setxattr("p", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))))
for cap in range(41): hole(f"ambient {cap}", libc.prctl(47, 2, cap, 0, 0) if libc.prctl(47, 2, cap, 0, 0) >= 0 else -errno.EPERM)
for line in open("/proc/self/status"):
  if line.startswith(("CapEff", "CapPrm", "CapAmb", "CapInh")) and int(line.split()[1], 16): print(line)`),
  },
  {
    name: "chroot and handles of files",
    program: python(`
attempt("chroot", lambda: os.chroot("/work"))
hole("open_by_handle_at", call(304 if x86 else 265, -100, 0, 0)); hole("name_to_handle_at", call(303 if x86 else 264, -100, b"/", 0, 0, 0))
fd = os.open("/", os.O_RDONLY)
for _ in range(40): fd = os.open("..", os.O_RDONLY, dir_fd=fd)
if os.path.exists(f"/proc/self/fd/{fd}/var/lib/dpkg/lock") and os.stat(f"/proc/self/fd/{fd}").st_ino != os.stat("/").st_ino: print("outside")`),
  },
  {
    name: "sockets to the kernel and raw ones",
    program: python(`
for family, kind, protocol in ((16, 3, 9), (16, 3, 15), (16, 3, 4), (16, 3, 12), (17, 3, 768), (2, 3, 1), (2, 3, 255), (10, 3, 58), (40, 1, 0), (38, 5, 0), (29, 3, 1), (31, 3, 0), (44, 3, 0), (21, 5, 0), (30, 5, 0), (5, 2, 0)):
  attempt(f"socket {family} {kind} {protocol}", lambda: socket.socket(family, kind, protocol))`),
  },
  {
    name: "a network of any kind",
    program: ({ port }) =>
      node(`const net = require("net"), dgram = require("dgram");
for (const host of ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "172.17.0.1", "10.0.0.1", "192.168.0.1", "8.8.8.8", "::ffff:127.0.0.1"])
  for (const port of [${port}, 22, 53, 80, 2375]) { const s = net.connect(port, host); s.on("connect", () => console.log("connected", host, port)); s.on("error", () => {}); setTimeout(() => s.destroy(), 400).unref(); }
const u = dgram.createSocket("udp4"); u.on("error", () => {}); u.send("x", 53, "8.8.8.8", (e) => { if (!e) console.log("sent"); u.close(); });
require("dns").lookup("example.com", (e, a) => { if (a) console.log("resolved", a); }); setTimeout(() => process.exit(0), 600);`),
  },
  {
    name: "local sockets of the host without a file",
    program: ({ abstractSocket }) =>
      python(`
for name in ("${abstractSocket}", "/containerd-shim/x", "/tmp/.X11-unix/X0"):
  s = socket.socket(socket.AF_UNIX)
  try: s.connect("\\0" + name); print("connected", name)
  except OSError: pass
s = socket.socket(socket.AF_UNIX); s.bind("\\0${abstractSocket}"); print("own")`),
    text: "own\n",
  },
  {
    name: "another sandbox, by network, sockets, signals and shared memory",
    program: "mkdir -p seen; echo mine > /tmp/mark; echo mine > /dev/shm/mark 2>/dev/null; true",
    also: async ({ driver, run }) => {
      const other = await driver.create({
        memory_mb: 192,
        work_mb: 32,
        tmp_mb: 8,
        inodes: 2_000,
        cpus: 1,
        pids: 48,
      });
      try {
        const serve = python(`
import threading
a = socket.socket(socket.AF_UNIX); a.bind("\\0fabrica-other"); a.listen()
t = socket.socket(); t.bind(("0.0.0.0", 4777)); t.listen()
libc.shmget(4777, 4096, 0o1666); print("up", flush=True); time.sleep(4000)`);
        let up = () => {};
        const isUp = new Promise<void>((resolve) => {
          up = resolve;
        });
        const serving = other.exec({
          argv: serve,
          timeoutMs: 4_000,
          maxOutputBytes: 1_000,
          onOutput: () => up(),
        });
        await isUp;
        const seen = await run(
          python(`
for family, address in ((socket.AF_UNIX, "\\0fabrica-other"), (socket.AF_INET, ("127.0.0.1", 4777))):
  try: socket.socket(family).connect(address); print("connected", address)
  except OSError: pass
if libc.shmget(4777, 4096, 0o600) >= 0: print("shared memory")
try: os.kill(-1, 0)
except OSError: pass
for path in ("/proc/[0-9]*/root/tmp/mark",):
  import glob
  if len(glob.glob(path)) > 3: print("more than its own")`),
        );
        if (seen.text !== "") throw new Error(`it reached the other: ${seen.text}`);
        if (!(await serving).timedOut) throw new Error("the other one was disturbed");
      } finally {
        await other.destroy();
      }
    },
  },
  calls("keys of the kernel", {
    keyctl: [250, 219, 0, -3, 1],
    keyctl_join: [250, 219, 1, 0],
    add_key: [248, 217, 0, 0, 0, 0, -3],
    request_key: [249, 218, 0, 0, 0, 0],
  }),
  calls("rings of the kernel", {
    io_uring_setup: [425, 425, 8, 0],
    io_uring_enter: [426, 426, 0, 1, 1, 0],
    io_uring_register: [427, 427, 0, 0, 0, 0],
    io_setup: [206, 0, 8, 0],
  }),
  calls("programs for the kernel", {
    bpf: [321, 280, 5, 0, 0],
    perf_event_open: [298, 241, 0, 0, -1, -1, 0],
    userfaultfd: [323, 282, 1],
    init_module: [175, 105, 0, 0, 0],
    finit_module: [313, 273, 0, 0, 0],
    kexec_load: [246, 104, 0, 0, 0, 0],
    memfd_secret: [447, 447, 0],
  }),
  calls("the clock", {
    settimeofday: [164, 170, 0, 0],
    clock_settime: [227, 112, 0, 0],
    adjtimex: [159, 171, 0],
    clock_adjtime: [305, 266, 0, 0],
  }),
  calls("the machine's name and its end", {
    sethostname: [170, 161, 0, 0],
    setdomainname: [171, 162, 0, 0],
    reboot: [169, 142, 0xfee1dead, 672274793, 0],
    swapon: [167, 224, 0, 0],
    swapoff: [168, 225, 0],
    acct: [163, 89, 0],
    quotactl: [179, 60, 0, 0, 0, 0],
    vhangup: [153, 58],
  }),
  calls("fanotify and the kernel's log", {
    fanotify_init: [300, 262, 0, 0],
    syslog: [103, 116, 3, 0, 0],
    lookup_dcookie: [212, 18, 0, 0, 0],
  }),
  calls("addresses that do not change", {
    personality: [135, 92, 0x0040000],
    personality_read: [135, 92, 0xffffffff],
  }),
  {
    name: "every call that is not on the list",
    program: python(`
for number in ${JSON.stringify(forbiddenNumbers())}:
  pid = os.fork()
  if pid == 0:
    answer = call(number, 0, 0, 0, 0, 0, 0)
    os._exit(0 if answer in (-errno.EPERM, -errno.ENOSYS) else 1)
  _, status = os.waitpid(pid, 0)
  if status != 0: print(number, status, flush=True)`),
  },
  {
    name: "calls of a 32-bit program and of x32",
    program: python(`
import mmap
if x86:
  code = mmap.mmap(-1, 4096, prot=7)
  code.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
  address = ctypes.addressof(ctypes.c_char.from_buffer(code))
  pid = os.fork()
  if pid == 0:
    answer = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    os._exit(1 if answer == os.getpid() else 0)
  if os.waitpid(pid, 0)[1] == 256: print("a 32-bit call was answered")
  pid = os.fork()
  if pid == 0: os._exit(1 if call(0x40000000 | 39) == os.getpid() else 0)
  if os.waitpid(pid, 0)[1] == 256: print("an x32 call was answered")`),
  },
  {
    name: "a filter of its own that allows everything",
    program: python(`
class Prog(ctypes.Structure): _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
code = ctypes.create_string_buffer(bytes.fromhex("060000000000ff7f"), 8)
prog = Prog(1, ctypes.addressof(code))
libc.prctl(38, 1, 0, 0, 0); libc.prctl(22, 2, ctypes.byref(prog), 0, 0)
hole("keyctl", call(250 if x86 else 219, 0, -3, 1)); hole("ptrace", call(101 if x86 else 117, 0, 0, 0, 0))`),
  },
  {
    name: "characters typed into a terminal",
    program: python(`
import fcntl
for fd in (0, 1, 2):
  try: fcntl.ioctl(fd, 0x5412, b"x"); print("typed", fd)
  except OSError: pass
attempt("tty", lambda: os.open("/dev/tty", os.O_RDWR), (OSError,)); attempt("console", lambda: os.open("/dev/console", os.O_WRONLY), (OSError,))`),
  },
  reads(
    "devices that should not be there",
    "/dev/sd* /dev/vd* /dev/nvme* /dev/loop* /dev/kvm /dev/fuse /dev/net/tun /dev/vhost-net /dev/dri/* /dev/vsock /dev/btrfs-control /dev/mapper/*",
  ),
  {
    name: "writes to the system, the toolchain and the folders above its own",
    program: python(`
for path in ("/", "/etc", "/usr", "/usr/bin", "/usr/local/bin", "/usr/lib", "/opt", "/dev", "/proc", "/sys", "/git", "/var", "/root", "/home", "/lib", "/sbin"):
  attempt(path, lambda: os.close(os.open(path + "/x", os.O_CREAT | os.O_WRONLY)), (OSError,))
for path in ("/etc/passwd", "/usr/bin/env", "/usr/bin/git", "/bin/sh"): attempt(path, lambda: os.open(path, os.O_WRONLY | os.O_APPEND), (OSError,)); attempt(path, lambda: os.chmod(path, 0o777), (OSError,)); attempt(path, lambda: os.rename(path, path + "x"), (OSError,))`),
  },
  {
    name: "the repository of snapshots",
    program:
      "ls /git/* 2>/dev/null; cat /git/repository/config 2>/dev/null; GIT_DIR=/git/repository git log 2>/dev/null; chmod 777 /git 2>/dev/null; mv /git /tmp/x 2>/dev/null; true",
  },
  {
    name: "a debugger's door of Node",
    program:
      node(`for (const pid of require("fs").readdirSync("/proc").filter((p) => /^\\d+$/.test(p) && +p !== process.pid)) { try { process.kill(+pid, "SIGUSR1"); if (require("fs").statSync("/proc/" + pid).uid !== process.getuid()) console.log("signalled", pid); } catch {} }
setTimeout(() => { const s = require("net").connect(9229, "127.0.0.1"); s.on("connect", () => { console.log("debugger"); process.exit(0); }); s.on("error", () => process.exit(0)); }, 200);`),
    outcome: (ran) => !ran.timedOut,
  },
];
