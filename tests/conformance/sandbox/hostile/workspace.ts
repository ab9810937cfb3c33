// Programs that leave traps for what comes after them: the next command, the snapshot, the host that cleans up.
import { bundleWorkspace, restoreWorkspace } from "@/runner/workspace";
import { type Hostile, type Program, python, type Scene } from "./row";

const SNAPSHOT_MS = 30_000;

/** Takes a snapshot, which may refuse with a sentence; it must neither hang nor run or read what lies in wait. */
async function snapshot(scene: Scene): Promise<void> {
  const bundle = await bundleWorkspace(scene.sandbox, null, "hostile", SNAPSHOT_MS).catch((error: Error) => {
    if (error.name !== "WorkspaceError") throw error;
    return null;
  });
  if (bundle && Buffer.from(bundle.bytes).includes("canary-of-the-host"))
    throw new Error("a secret of the host is in it");
  const traces = await scene.run("ls -d /tmp/owned /work/owned /tmp/home/owned 2>/dev/null; true");
  if (traces.text !== "") throw new Error(`something of the workspace was run: ${traces.text}`);
}

/** A trap is set by a program; then a snapshot is taken. */
const trap = (name: string, program: Program | ((host: { canary: string }) => Program)): Hostile => ({
  name,
  program,
  also: snapshot,
});

const OWNED = "touch /tmp/owned /work/owned";

export const WORKSPACE: readonly Hostile[] = [
  trap(
    "links out of the workspace",
    ({ canary }) =>
      `ln -s ${canary} a; ln -s /etc/shadow b; ln -s / c; ln -s /proc/self/environ d; ln -s ../../.. e; ln -s f f`,
  ),
  trap(
    "pipes, sockets and a folder that nobody may enter",
    python(`
os.mkfifo("pipe"); s = socket.socket(socket.AF_UNIX); s.bind("socket"); os.mkdir("closed"); open("closed/x", "w").close()
os.chmod("closed", 0)`),
  ),
  trap(
    "devices",
    python(`
import stat
for kind in (stat.S_IFCHR, stat.S_IFBLK):
  for place in ("/work/device", "/tmp/device", "/dev/shm/device"):
    attempt("mknod " + place, lambda: os.mknod(place, kind | 0o666, os.makedev(1, 3)))`),
  ),
  trap(
    "hard links to files of the system",
    python(`
for source in ("/etc/passwd", "/usr/bin/env", "/bin/su", "/proc/1/environ"):
  try: os.link(source, "/work/linked"); print(source)
  except OSError as error:
    if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOENT, errno.EACCES): print(source, error)`),
  ),
  trap(
    "a hostile .git/config",
    `git init -q . && cat >> .git/config <<'E'
[core]
	fsmonitor = "${OWNED}"
	hooksPath = /work/hooks
	sshCommand = "${OWNED}"
	pager = "${OWNED}"
	editor = "${OWNED}"
	attributesFile = /work/attributes
[filter "evil"]
	clean = "${OWNED}"
	smudge = "${OWNED}"
	process = "${OWNED}"
[alias]
	add = "!${OWNED}"
	commit = "!${OWNED}"
[gpg]
	program = /work/evil
[commit]
	gpgSign = true
E
printf '* filter=evil diff=evil\\n' > .gitattributes; cp .gitattributes attributes; echo x > file`,
  ),
  trap(
    "hostile hooks",
    `git init -q . && mkdir hooks && for h in pre-commit post-commit commit-msg post-index-change reference-transaction post-checkout; do
  printf '#!/bin/sh\\n${OWNED}\\n' | tee hooks/$h > .git/hooks/$h; chmod +x hooks/$h .git/hooks/$h; done; echo x > file`,
  ),
  trap(
    "hostile settings of git in the home folder",
    `mkdir -p ~/.config/git ~/hooks && printf '[core]\\n\\tfsmonitor = "${OWNED}"\\n\\thooksPath = /tmp/home/hooks\\n' > ~/.gitconfig
cp ~/.gitconfig ~/.config/git/config; printf '* filter=evil\\n' > ~/.config/git/attributes; printf '#!/bin/sh\\n${OWNED}\\n' > ~/hooks/pre-commit; chmod +x ~/hooks/pre-commit; echo x > file`,
  ),
  trap(
    "a .git that is a file or a link to somewhere else",
    "mkdir n m; echo 'gitdir: /git/repository' > .git; echo 'gitdir: /proc/1/cwd' > n/.git; ln -s /git/repository m/.git; echo x > n/file",
  ),
  trap(
    "submodules that point to programs",
    `printf '[submodule "x"]\\n\\tpath = x\\n\\turl = ext::sh -c touch%% /tmp/owned\\n\\tupdate = !${OWNED}\\n' > .gitmodules; mkdir x; git init -q x; echo x > x/f`,
  ),
  trap(
    "names with line breaks, orders for terminals and bytes that are no text",
    python(`
for name in (b"a\\nb", b"\\x1b[2J", b"\\xff\\xfe", "\\u202egpj.exe".encode(), b"-rf", b"--", b" ", b"$(touch owned)", b"x" * 255):
  open(b"/work/" + name, "w").close()
try: open("y" * 5000, "w"); print("made")
except OSError as error:
  if error.errno != errno.ENAMETOOLONG: print(error)`),
  ),
  trap(
    "folders of all depths and many files",
    python(`
for _ in range(300): os.mkdir("d"); os.chdir("d"); open("f", "w").close()`),
  ),
  {
    name: "writes while a snapshot is taken",
    program: "mkdir d; for i in 1 2 3 4 5; do head -c 200000 /dev/urandom > d/$i; done",
    also: async (scene) => {
      const writer = scene.run(
        "while :; do for i in 1 2 3 4 5; do head -c 50000 /dev/urandom > d/$i; mv d/$i d/x; mv d/x d/$i; done; done",
        { timeoutMs: 3_000 },
      );
      for (let round = 0; round < 4; round++) await snapshot(scene);
      const { timedOut } = await writer;
      if (!timedOut) throw new Error("the writer ended early");
    },
  },
  {
    name: "locks left in the way of git",
    program: "git init -q .; touch .git/index.lock .git/HEAD.lock .git/config.lock; echo x > file",
    also: async (scene) => {
      await snapshot(scene);
      await snapshot(scene);
    },
  },
  {
    name: "programs that stand in for those of the system",
    program: `mkdir -p node_modules/.bin bin && for p in git sh cat node nice env ls; do
      printf '#!/bin/sh\\n${OWNED}\\n' | tee node_modules/.bin/$p bin/$p > $p; chmod +x node_modules/.bin/$p bin/$p $p; done`,
    also: async (scene) => {
      const next = await scene.run(["git", "--version"]);
      if (!next.text.startsWith("git version")) throw new Error("another git was run");
      await snapshot({ ...scene });
    },
  },
  {
    name: "settings left for the next command",
    program: `for f in .profile .bashrc .bash_profile .zshenv .shrc .env; do
      printf 'export LD_PRELOAD=/work/evil.so PATH=/work\\n${OWNED}\\n' > ~/$f; done; cp ~/.profile /work/.profile; (echo /work/evil.so > /etc/ld.so.preload) 2>/dev/null;
      export LD_PRELOAD=/work/evil.so ENV=/tmp/home/.profile BASH_ENV=/tmp/home/.profile GIT_DIR=/work/x; exit 0`,
    also: async ({ run }) => {
      const next = await run(
        "env | grep -E '^(LD_|ENV|BASH_ENV|GIT_)'; bash -c 'echo $LD_PRELOAD' | grep .; ls /tmp/owned /work/owned 2>/dev/null; true",
      );
      if (next.text !== "") throw new Error(`it left ${next.text}`);
    },
  },
  {
    name: "processes and variables of a command before, looked for in the next",
    program: "X=secret-of-a-command sleep 4000 & exit 0",
    outcome: { exitCode: 0, leftovers: 1 },
    also: async ({ run }) => {
      const next = await run("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep secret-of; true");
      if (next.text !== "") throw new Error(`it saw ${next.text}`);
    },
  },
  {
    name: "a workspace that nobody may enter",
    program: "mkdir a; chmod 000 a /work 2>/dev/null; exit 0",
    nextExitCode: 125,
    also: async ({ sandbox }) => {
      const refused = await bundleWorkspace(sandbox, null, "m", SNAPSHOT_MS).catch(
        (error: Error) => error.name,
      );
      if (refused !== "WorkspaceError") throw new Error("a snapshot was taken of nothing");
    },
  },
  {
    name: "the home folder and all of /tmp taken away",
    program: "rm -rf /tmp/* ~ 2>/dev/null; ln -s /work /tmp/home; chmod 1777 /tmp 2>/dev/null; exit 0",
    also: snapshot,
  },
  {
    name: "programs put into /tmp",
    program:
      "cp /bin/true /tmp/program; cp /bin/true ~/program; /tmp/program 2>/dev/null && echo ran; ~/program 2>/dev/null && echo ran; true",
  },
  {
    name: "a workspace that comes back as it was sent",
    program: "echo kept > file",
    also: async (scene) => {
      const { bytes, commit } = await bundleWorkspace(scene.sandbox, null, "m", SNAPSHOT_MS);
      const other = await scene.driver.create({
        memory_mb: 192,
        work_mb: 32,
        tmp_mb: 8,
        inodes: 2_000,
        cpus: 1,
        pids: 48,
      });
      try {
        for (const broken of [
          bytes.subarray(0, bytes.length - 9),
          Buffer.from("# v2 git bundle\n"),
          Buffer.alloc(1_000, 7),
        ]) {
          const answer = await restoreWorkspace(other, broken).catch((error: Error) => error.name);
          if (answer !== "WorkspaceError") throw new Error("a broken bundle was taken");
        }
        if ((await restoreWorkspace(other, bytes)) !== commit) throw new Error("another commit came back");
      } finally {
        await other.destroy();
      }
    },
  },
];
