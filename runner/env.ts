// The runner's whole configuration. The only file of the runner that reads process.env.
// Nothing here is a secret of the app: the registration token is all that a runner ever holds.
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { parseHosts, parseMirrors, type RegistryAccess } from "./network/registry-access";

const REGISTRIES = "registry.npmjs.org,pypi.org,files.pythonhosted.org";
/** Connections of one command at a time; npm opens fifteen. */
const MAX_CONNECTIONS = 64;
const MB = 1024 * 1024;

const MAX_IMAGES = 100;

/** Names of images, with commas between them; "none" for none. */
function parseImages(text: string): string[] {
  const names = text === "none" ? [] : text.split(",").map((name) => name.trim());
  const odd = names.find((name) => name === "" || name.length > 250 || /\s/.test(name));
  if (odd !== undefined) throw new Error(`"${odd}" is not the name of an image`);
  if (names.length > MAX_IMAGES) throw new Error(`at most ${MAX_IMAGES} images`);
  return [...new Set(names)];
}

/** A setting that is a list; what is wrong with it becomes the mistake's text. */
const listOf = (parse: (text: string) => string[]) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

/** Addresses are handed to untrusted programs, so they carry no password. */
const httpsUrl = z
  .url({ protocol: /^https$/, error: "must be an https address" })
  .refine((url) => new URL(url).username === "" && new URL(url).password === "", "must not hold a password");

/** Every setting of a runner; docs/settings.md is made from it. */
export const runnerSettings = z.object({
  FABRICA_URL: z.url().default("http://127.0.0.1:9000").describe("address of the app"),
  FABRICA_RUNNER_TOKEN: z.string({ error: "is missing" }).min(1).describe("registration token"),
  RUNNER_NAME: z
    .string()
    .min(1)
    .max(100)
    .default(hostname())
    .meta({ description: "shown on the workers' page", shownDefault: "the host's name" }),
  RUNNER_WORKERS: z.coerce.number().int().min(1).max(64).default(2).describe("jobs at a time"),
  RUNNER_DRIVER: z
    .enum(["auto", "docker", "bubblewrap"])
    .default("auto")
    .describe("auto takes Docker where a daemon answers and has the image"),
  RUNNER_STATE_DIR: z
    .string()
    .min(1)
    .default("/var/lib/fabrica-runner")
    .describe("who this runner is, and the folders of jailed jobs; one runner each"),
  RUNNER_TOOLCHAIN_DIR: z
    .string()
    .min(1)
    .optional()
    .describe("folder with linters and test runners, read-only at /opt/toolchain in every sandbox"),
  RUNNER_SUPERVISOR: z
    .string()
    .min(1)
    .optional()
    .describe("path of the bundled supervisor, else beside the program"),
  RUNNER_IMAGE: z.string().min(1).default("fabrica-sandbox").describe("image of the Docker driver"),
  RUNNER_IMAGES: listOf(parseImages)
    .prefault("none")
    .describe(
      "further images, with commas between them, that projects may name; each is proved at start like the runner's own, and one that is missing or does not hold is left out with a word in the log",
    ),
  RUNNER_RUNTIME: z
    .string()
    .min(1)
    .optional()
    .describe("container runtime, such as runsc (gVisor); else the daemon's"),
  RUNNER_WARM_POOL: z.coerce
    .number()
    .int()
    .min(0)
    .max(16)
    .default(1)
    .describe("containers made in advance, so that a job need not wait for one; 0 makes none (Docker only)"),
  RUNNER_ALLOWED_HOSTS: listOf(parseHosts).prefault(REGISTRIES).meta({
    description: "names that dependency setup may reach; none for no network at all",
    shownDefault: "the registries of npm and Python",
  }),
  RUNNER_MIRRORS: listOf(parseMirrors)
    .prefault("none")
    .describe("your own registries as host:port, which may lie in a private network"),
  RUNNER_LAYERS_MB: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(4_096)
    .describe(
      "room for installed dependencies, kept by lock file for later jobs of the same team; 0 keeps none",
    ),
  RUNNER_NPM_REGISTRY: httpsUrl
    .optional()
    .describe("registry that npm is told to ask, https and without a password"),
  RUNNER_PYTHON_INDEX: httpsUrl.optional().describe("the same for Python"),
  RUNNER_REGISTRY_CA: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of the authority that your registry's certificate comes from"),
  RUNNER_NETWORK_MB: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1_024)
    .describe("what one command may load and send"),
  DOCKER_HOST: z.string().min(1).optional().describe("daemon; else /var/run/docker.sock"),
  DOCKER_CERT_PATH: z.string().min(1).optional().describe("folder of its certificates"),
});

/** Settings of one runner process; see docs/settings.md for the meaning of each. */
export interface RunnerEnv {
  url: string;
  registrationToken: string;
  name: string;
  workers: number;
  driver: "auto" | "docker" | "bubblewrap";
  stateDir: string;
  toolchainDir: string | null;
  /** Folder with the programs of external agents, which `fabrica ralph` lends to its sandboxes. */
  toolsDir: string | null;
  /** Path of the bundled supervisor; by default beside the running file. */
  supervisor: string;
  image: string;
  /** Images of projects that sandboxes may be made of besides it. */
  images: string[];
  /** Container runtime of the Docker daemon, such as runsc; null takes the daemon's default. */
  runtime: string | null;
  /** Sandboxes made in advance, where making one takes long. */
  warmPool: number;
  /** What commands that install dependencies may reach. */
  registries: RegistryAccess;
  /** How much of the disk installed dependencies may take that are kept for later jobs; 0 keeps none. */
  layerBytes: number;
  /** Where programs that install dependencies are told to look; null leaves them their own defaults. */
  npmRegistry: string | null;
  pythonIndex: string | null;
  /** File with further certificates that those programs shall trust. */
  registryCa: string | null;
  dockerHost: string | null;
  /** Folder with ca.pem, cert.pem and key.pem for a daemon behind TLS. */
  dockerCerts: string | null;
}

/** Reads the settings; empty values count as unset. Throws an Error with one plain sentence per mistake. */
export function readRunnerEnv(source: NodeJS.ProcessEnv = process.env): RunnerEnv {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = runnerSettings.safeParse(given);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The runner's settings are not usable. ${mistakes.join(". ")}.`);
  }
  const env = parsed.data;
  return {
    url: env.FABRICA_URL.replace(/\/+$/, ""),
    registrationToken: env.FABRICA_RUNNER_TOKEN,
    name: env.RUNNER_NAME,
    workers: env.RUNNER_WORKERS,
    driver: env.RUNNER_DRIVER,
    stateDir: env.RUNNER_STATE_DIR,
    toolchainDir: env.RUNNER_TOOLCHAIN_DIR ?? null,
    toolsDir: null,
    supervisor: env.RUNNER_SUPERVISOR ?? join(import.meta.dirname, "supervisor.cjs"),
    image: env.RUNNER_IMAGE,
    images: env.RUNNER_IMAGES,
    runtime: env.RUNNER_RUNTIME ?? null,
    warmPool: env.RUNNER_WARM_POOL,
    registries: {
      hosts: env.RUNNER_ALLOWED_HOSTS,
      mirrors: env.RUNNER_MIRRORS,
      maxBytes: env.RUNNER_NETWORK_MB * MB,
      maxConnections: MAX_CONNECTIONS,
    },
    layerBytes: env.RUNNER_LAYERS_MB * MB,
    npmRegistry: env.RUNNER_NPM_REGISTRY ?? null,
    pythonIndex: env.RUNNER_PYTHON_INDEX ?? null,
    registryCa: env.RUNNER_REGISTRY_CA ?? null,
    dockerHost: env.DOCKER_HOST ?? null,
    dockerCerts: env.DOCKER_CERT_PATH ?? null,
  };
}
