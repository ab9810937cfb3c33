// Programs that do not come from npm. Gets them with apt-get when that is possible, and always says so first.
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram, step } from "./run-program.mjs";
import { SetupError } from "./setup-error.mjs";

const FIXED_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Debian package → one of these programs must be there. `optional` ones only narrow what can be done. */
const RUN_PACKAGES = {
  git: { programs: ["git"] },
  bubblewrap: { programs: ["bwrap"], instead: dockerAnswers },
  python3: { programs: ["python3"], instead: dockerAnswers },
};
const TEST_PACKAGES = {
  git: { programs: ["git"] },
  bubblewrap: { programs: ["bwrap"] },
  python3: { programs: ["python3"] },
  "python3-pytest": { programs: ["pytest-3", "py.test-3", "pytest"] },
  chromium: { programs: ["chromium", "chromium-browser", "google-chrome"] },
  "docker.io": { programs: ["dockerd"] },
  debootstrap: { programs: ["debootstrap"] },
  // Hosts of their own for the test that cuts a runner off.
  iproute2: { programs: ["ip"] },
};

function dockerAnswers() {
  return existsSync("/var/run/docker.sock") || Boolean(process.env.DOCKER_HOST);
}

function isThere(program) {
  const places = [...FIXED_PATH, ...(process.env.PATH ?? "").split(":")].filter(Boolean);
  return places.some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function usesApt() {
  if (!isThere("apt-get")) return false;
  try {
    return /^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

/**
 * @param {"run" | "test"} purpose
 * @param {boolean} mayInstall false after --no-install
 */
export async function ensureSystemPackages(purpose, mayInstall) {
  const wanted = Object.entries(purpose === "test" ? TEST_PACKAGES : RUN_PACKAGES);
  const missing = wanted
    .filter(([, { programs, instead }]) => !programs.some(isThere) && !instead?.())
    .map(([name]) => name);
  if (missing.length === 0) return;
  if (process.platform !== "linux") {
    throw new SetupError(
      `These programs are missing: ${missing.join(", ")}.`,
      "Install Docker Desktop and git, start Docker, and run the command again.",
    );
  }
  const isRoot = process.getuid?.() === 0;
  const command = `apt-get update && ${isRoot ? "" : "sudo "}apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  const byHand = usesApt()
    ? `Run \`${isRoot ? "" : "sudo "}${command}\` and start again.`
    : `Install them with your system's package manager (${missing.join(", ")}) and start again.`;
  if (!usesApt() || !isRoot || !mayInstall) {
    throw new SetupError(`These system packages are missing: ${missing.join(", ")}.`, byHand);
  }
  console.log(
    `Missing system packages: ${missing.join(", ")}. Fabrica installs them now (--no-install forbids it):`,
  );
  console.log(`  ${command}`);
  const env = { DEBIAN_FRONTEND: "noninteractive", PATH: FIXED_PATH.join(":") };
  await step("Installing system packages", async () => {
    await runProgram("apt-get", ["update", "-q"], { title: "apt-get update", env, remedy: byHand });
    const install = ["install", "-y", "-q", "--no-install-recommends", ...missing];
    await runProgram("apt-get", install, { title: "apt-get install", env, remedy: byHand });
  });
}
