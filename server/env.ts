// The app's settings: read from the environment once, checked once. Nothing else in server/ reads process.env.
import { z } from "zod";
import { chooseEngine } from "./domain/engine-settings";
import { ANY_ROLE, parseFallbackModels } from "./domain/fallback-models";
import { LANES, parseLaneLimits } from "./domain/lane";

const positive = (fallback: number) => z.coerce.number().positive().default(fallback);
const wholeNumber = (fallback: number) => z.coerce.number().int().positive().default(fallback);
const text = z.string().min(1).optional();
/** 43 letters of base64 are 32 bytes and two bits. */
const secretsKey = z
  .string()
  .regex(/^([0-9a-f]{64}|[a-z0-9+/_-]{43}=?)$/i, "must be 32 bytes in hex or base64: openssl rand -hex 32");
const list = (given: string) => given.split(",").flatMap((part) => part.trim() || []);
const isOrigin = (given: string) =>
  /^https?:/.test(given) && URL.canParse(given) && new URL(given).origin === given;

/** Every setting of the app; docs/settings.md is made from it. */
export const appSettings = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .describe("Postgres; without it the launcher starts one of its own in DATA_DIR"),
  DATA_DIR: z
    .string()
    .min(1)
    .describe(
      "repositories, projects, secrets and the database; the launcher takes .data, or a folder below /var/lib when others cannot reach that",
    ),
  PORT: wholeNumber(9000).describe("port of the app; the launcher reads DASHBOARD_PORT too"),
  FABRICA_AUTH_SECRET: z
    .string()
    .min(32)
    .describe("signs sessions and access tokens, at least 32 characters; made in DATA_DIR by the launcher"),
  FABRICA_SETUP_TOKEN: text.describe("lets the first administrator be created; made by the launcher"),
  FABRICA_RUNNER_TOKEN: text.describe("with it a runner registers; made by the launcher"),
  FABRICA_SECRETS_KEY: secretsKey
    .optional()
    .describe("seals tokens of repositories, 32 bytes in hex or base64; made in DATA_DIR (secrets.key)"),
  PUBLIC_URL: z
    .url()
    .optional()
    .describe("address under which people reach the app; behind a proxy with TLS it belongs here"),
  TRUST_PROXY: z
    .enum(["0", "1"])
    .default("0")
    .describe(
      "1 where a proxy of yours sets X-Forwarded-For and X-Forwarded-Host; else what strangers put there is dropped",
    ),

  ANTHROPIC_API_KEY: text.describe("key for Claude; without it and OLLAMA_HOST everything is simulated"),
  ANTHROPIC_BASE_URL: z.url().optional().describe("another address that speaks the Messages API"),
  CLAUDE_MODEL: z
    .string()
    .min(1)
    .default("claude-sonnet-4-6")
    .describe("model for roles that nobody named one for"),
  CLAUDE_MAX_TOKENS: wholeNumber(4096).describe("most tokens of one answer"),
  OLLAMA_HOST: z.url().optional().describe("address of an Ollama server"),
  OLLAMA_MODEL: z
    .string()
    .min(1)
    .default("qwen2.5-coder:14b")
    .describe("its model, when there is no key for Claude"),
  EMBED_MODEL: z.string().min(1).default("nomic-embed-text").describe("Ollama's model for the memory"),
  SIMULATION_MODEL: z
    .string()
    .min(1)
    .default("sim-1")
    .describe(
      "sim-1, and with +fault@task it errs once in that task: test, lint, crash, garbage, loop, blind, lost, stubborn, deploy",
    ),
  FALLBACK_MODELS: z
    .string()
    .default("")
    .transform((given, ctx) => {
      const parsed = parseFallbackModels(given);
      if ("models" in parsed) return parsed.models;
      ctx.addIssue(parsed.fault);
      return z.NEVER;
    })
    .describe(
      "who answers when the first model of a role cannot, and every second fix round: role=provider/model with commas between them, * for every role",
    ),
  CONTEXT_TOKENS: z.coerce
    .number()
    .int()
    .min(8_192)
    .optional()
    .describe("most tokens of a question with its answer; a model's own smaller window counts before it"),

  INNGEST_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("a real Inngest server; without it the embedded engine"),
  INNGEST_EVENT_KEY: text.describe("its event key"),
  INNGEST_SIGNING_KEY: text.describe("its signing key"),
  INNGEST_DEV: z.enum(["0", "1"]).default("0").describe("1 for an unsigned dev server on this machine"),
  FABRICA_BUILT_IN_ENGINE: z
    .enum(["0", "1"])
    .default("0")
    .describe(
      "told by the launcher, for those who ask about health: it started the engine behind INNGEST_BASE_URL itself",
    ),

  WORKER_TIMEOUT: positive(600).describe("seconds for one command or model call"),
  JOB_SOFT_TIMEOUT: positive(3000).describe("seconds of work after which a job commits and finishes"),
  JOB_TIMEOUT: positive(3600).describe("seconds of work after which a job ends"),
  HEARTBEAT_SECONDS: positive(10).describe("how often workers say that they live"),
  LEASE_SECONDS: positive(60).describe("after so long without a word another worker may have the job"),
  DEAD_SECONDS: positive(120).describe("after so long without a word a worker counts as dead"),
  FILE_LOCK_SECONDS: positive(3600).describe(
    "how long a job holds files of a project without being worked on",
  ),
  BUDGET_JOB_USD: positive(5).describe("cap of a job that names none"),
  BUDGET_DAY_USD: positive(50).describe("cap of a team's day; an admin may set the team's own"),
  BUDGET_ALERT_USD: positive(1).describe("spent so much, a job says so in its log"),
  DAILY_BUDGET: wholeNumber(10_000).describe("agent runs of a team a day"),
  COOLDOWN_SECONDS: z.coerce.number().min(0).default(0).describe("least time between the starts of two jobs"),
  MAX_LEASES: z.coerce.number().int().positive().optional().describe("jobs that are worked on at once"),
  TEAM_MAX_LEASES: z.coerce.number().int().positive().optional().describe("the same for one team"),
  LANE_LIMITS: z
    .string()
    .default("")
    .transform((given, ctx) => {
      const limits = parseLaneLimits(given);
      if (limits) return limits;
      ctx.addIssue(`must be lanes (${LANES.join(", ")}) with whole numbers, such as validation=2,test=1`);
      return z.NEVER;
    })
    .describe("the same by lane, such as validation=2,test=1"),
  OUTPUT_DAYS: positive(30).describe("days after a job's end for which the output of its commands is kept"),
  TRANSCRIPT_DAYS: positive(90).describe(
    "days after a job's end for which it is kept what its agents were asked and answered",
  ),
  RATE_LIMIT_REQUESTS: wholeNumber(100).describe("calls of a token or an address to /api/v1 in a window"),
  RATE_LIMIT_WINDOW: wholeNumber(60).describe("seconds of that window"),
  GIT_HOSTS: z
    .string()
    .default("github.com,gitlab.com,bitbucket.org,codeberg.org")
    .transform((given) => list(given).map((host) => host.toLowerCase()))
    .describe("hosts whose repositories may be worked on, by https"),
  GIT_REMOTES: z
    .string()
    .default("")
    .transform((given, ctx) => {
      const origins = list(given);
      if (origins.every(isOrigin)) return origins;
      ctx.addIssue("must be origins with commas between them, such as http://127.0.0.1:3000");
      return z.NEVER;
    })
    .describe("origins that are allowed although they are private, plain http or on another port"),
  SANDBOX_MEMORY_MB: wholeNumber(1024).describe("memory of a sandbox"),
  SANDBOX_WORK_MB: wholeNumber(256).describe("disk of its workspace"),
  SANDBOX_CPUS: positive(2).describe("processors that it may use"),
  SANDBOX_PIDS: wholeNumber(256).describe("processes that it may have"),
  LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .describe("least weight of what is logged"),
});
export type Env = z.infer<typeof appSettings>;

/**
 * Reads and checks the settings.
 * @throws Error with one plain sentence a line that names every setting that is missing or wrong
 */
export function readEnv(source: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = appSettings.safeParse(given);
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  const { fault } = chooseEngine(given);
  if (fault) faults.push(fault);
  if (parsed.success) faults.push(...missingKeys(parsed.data));
  if (!parsed.success || faults.length > 0)
    throw new Error(`The settings are not usable.\n${faults.join("\n")}`);
  return parsed.data;
}

/** A model that could never stand in is a mistake that would be noticed only when it is needed. */
function missingKeys({ FALLBACK_MODELS, ANTHROPIC_API_KEY, OLLAMA_HOST }: Env): string[] {
  return Object.entries(FALLBACK_MODELS).flatMap(([role, model]) => {
    const of = role === ANY_ROLE ? "every role" : role;
    if (model.startsWith("anthropic/") && !ANTHROPIC_API_KEY)
      return `FALLBACK_MODELS: ${model} for ${of} needs ANTHROPIC_API_KEY`;
    return model.startsWith("ollama/") && !OLLAMA_HOST
      ? `FALLBACK_MODELS: ${model} for ${of} needs OLLAMA_HOST`
      : [];
  });
}

let cached: Env | undefined;

/** The settings of this process; read at first use. */
export function env(): Env {
  cached ??= readEnv(process.env);
  return cached;
}
