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

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATA_DIR: z.string().min(1),
  PORT: wholeNumber(9000),
  FABRICA_AUTH_SECRET: z.string().min(32),
  FABRICA_SETUP_TOKEN: text,
  FABRICA_RUNNER_TOKEN: text,
  FABRICA_SECRETS_KEY: secretsKey.optional(),
  PUBLIC_URL: z.url().optional(),
  TRUST_PROXY: z.enum(["0", "1"]).default("0"),

  ANTHROPIC_API_KEY: text,
  ANTHROPIC_BASE_URL: z.url().optional(),
  CLAUDE_MODEL: z.string().min(1).default("claude-sonnet-4-6"),
  CLAUDE_MAX_TOKENS: wholeNumber(4096),
  OLLAMA_HOST: z.url().optional(),
  OLLAMA_MODEL: z.string().min(1).default("qwen2.5-coder:14b"),
  EMBED_MODEL: z.string().min(1).default("nomic-embed-text"),
  SIMULATION_MODEL: z.string().min(1).default("sim-1"),
  /** Who answers for a role when its first model cannot: role=provider/model, or * for every role. */
  FALLBACK_MODELS: z
    .string()
    .default("")
    .transform((given, ctx) => {
      const parsed = parseFallbackModels(given);
      if ("models" in parsed) return parsed.models;
      ctx.addIssue(parsed.fault);
      return z.NEVER;
    }),
  /** Most tokens of a question with its answer; a model's own smaller window counts before it. */
  CONTEXT_TOKENS: z.coerce.number().int().min(8_192).optional(),

  INNGEST_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  INNGEST_EVENT_KEY: text,
  INNGEST_SIGNING_KEY: text,
  INNGEST_DEV: z.enum(["0", "1"]).default("0"),
  /** Told by the launcher, for those who ask about health: it started the engine behind INNGEST_BASE_URL itself. */
  FABRICA_BUILT_IN_ENGINE: z.enum(["0", "1"]).default("0"),

  WORKER_TIMEOUT: positive(600),
  JOB_SOFT_TIMEOUT: positive(3000),
  JOB_TIMEOUT: positive(3600),
  HEARTBEAT_SECONDS: positive(10),
  LEASE_SECONDS: positive(60),
  DEAD_SECONDS: positive(120),
  FILE_LOCK_SECONDS: positive(3600),
  BUDGET_JOB_USD: positive(5),
  BUDGET_DAY_USD: positive(50),
  BUDGET_ALERT_USD: positive(1),
  DAILY_BUDGET: wholeNumber(10_000),
  COOLDOWN_SECONDS: z.coerce.number().min(0).default(0),
  MAX_LEASES: z.coerce.number().int().positive().optional(),
  TEAM_MAX_LEASES: z.coerce.number().int().positive().optional(),
  LANE_LIMITS: z
    .string()
    .default("")
    .transform((given, ctx) => {
      const limits = parseLaneLimits(given);
      if (limits) return limits;
      ctx.addIssue(`must be lanes (${LANES.join(", ")}) with whole numbers, such as validation=2,test=1`);
      return z.NEVER;
    }),
  /** Days after a job's end for which the output of its commands is kept, and what its agents were asked and answered. */
  OUTPUT_DAYS: positive(30),
  TRANSCRIPT_DAYS: positive(90),
  RATE_LIMIT_REQUESTS: wholeNumber(100),
  RATE_LIMIT_WINDOW: wholeNumber(60),
  /** Hosts whose repositories may be worked on. */
  GIT_HOSTS: z
    .string()
    .default("github.com,gitlab.com,bitbucket.org,codeberg.org")
    .transform((given) => list(given).map((host) => host.toLowerCase())),
  /** Origins that are allowed although they are private, plain http or on another port. */
  GIT_REMOTES: z
    .string()
    .default("")
    .transform((given, ctx) => {
      const origins = list(given);
      if (origins.every(isOrigin)) return origins;
      ctx.addIssue("must be origins with commas between them, such as http://127.0.0.1:3000");
      return z.NEVER;
    }),
  SANDBOX_MEMORY_MB: wholeNumber(1024),
  SANDBOX_WORK_MB: wholeNumber(256),
  SANDBOX_CPUS: positive(2),
  SANDBOX_PIDS: wholeNumber(256),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
});
export type Env = z.infer<typeof schema>;

/**
 * Reads and checks the settings.
 * @throws Error with one plain sentence a line that names every setting that is missing or wrong
 */
export function readEnv(source: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(given);
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
