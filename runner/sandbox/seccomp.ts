// The system calls that programs in a sandbox may make, in a container as in a jail; all others are refused with EPERM.
// An allow-list: what a build, a test run and git need. Left out on purpose: io_uring, ptrace and its kin, bpf, keys,
// mounts, namespaces, clocks, modules, perf, userfaultfd, and sockets other than local and internet ones.

const FILES = `access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr
fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init
inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat
mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2
read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile setxattr splice stat statfs
statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice
write writev`;
const WAITING = `epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 poll ppoll
pselect6 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime`;
const MEMORY = `brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock
munlockall munmap pkey_alloc pkey_free pkey_mprotect get_mempolicy set_mempolicy mbind`;
const PROCESSES = `arch_prctl capget capset execve execveat exit exit_group fork futex futex_waitv get_robust_list
get_thread_area getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid
getrlimit getrusage getsid gettid getuid kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pause
pidfd_open pidfd_send_signal prctl prlimit64 rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups
setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sysinfo tgkill times tkill uname vfork
wait4 waitid`;
const SIGNALS = `restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_tgsigqueueinfo sigaltstack`;
const TIME = `alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create
timer_delete timer_getoverrun timer_gettime timer_settime getrandom`;
const SOCKETS = `accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg
sendto setsockopt shutdown socketpair`;
const IPC = `mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget
semop semtimedop shmat shmctl shmdt shmget`;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
/** All CLONE_NEW* flags but the one for time, which clone cannot carry. */
const NEW_NAMESPACES = 0x7e020000;
export const EPERM = 1;
const ENOSYS = 38;

/** A condition on argument `index`: under `mask` (all bits without it) it must have this value. */
export interface SyscallArgument {
  index: number;
  value: number;
  mask?: number;
}

/** What becomes of the named calls when all conditions hold: allowed, or refused with `errno`. */
export interface SyscallRule {
  names: readonly string[];
  errno: number | null;
  args: readonly SyscallArgument[];
}

const allow = (names: string[], ...args: SyscallArgument[]): SyscallRule => ({ names, errno: null, args });

/** The list, from which both drivers' filters are made. A call that meets no rule is refused with EPERM. */
export const SYSCALL_RULES: readonly SyscallRule[] = [
  allow(
    [FILES, WAITING, MEMORY, PROCESSES, SIGNALS, TIME, SOCKETS, IPC].flatMap((text) => text.split(/\s+/)),
  ),
  ...[AF_UNIX, AF_INET, AF_INET6].map((family) => allow(["socket"], { index: 0, value: family })),
  // Node lists the network interfaces over a route socket, and some tools call that without guarding it.
  allow(["socket"], { index: 0, value: AF_NETLINK }, { index: 2, value: NETLINK_ROUTE }),
  allow(["personality"], { index: 0, value: 0 }),
  allow(["clone"], { index: 0, value: 0, mask: NEW_NAMESPACES }),
  // Its flags lie in memory where a filter cannot look; with ENOSYS the C library falls back to clone.
  { names: ["clone3"], errno: ENOSYS, args: [] },
];

/** The list in the form that the Docker API takes, for 64-bit Intel and ARM only. */
export function seccompProfile(): string {
  return JSON.stringify({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    archMap: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"].map((architecture) => ({
      architecture,
      subArchitectures: [],
    })),
    syscalls: SYSCALL_RULES.map(({ names, errno, args }) => ({
      names,
      ...(errno === null ? { action: "SCMP_ACT_ALLOW" } : { action: "SCMP_ACT_ERRNO", errnoRet: errno }),
      args: args.map(dockerArgument),
    })),
  });
}

function dockerArgument({ index, value, mask }: SyscallArgument): object {
  if (mask === undefined) return { index, value, op: "SCMP_CMP_EQ" };
  return { index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" };
}
