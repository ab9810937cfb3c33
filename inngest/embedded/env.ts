/**
 * The engine's own environment, read once at start. Only this module reads process.env here.
 */
import { z } from "zod";

const signingKey = z
  .string()
  .regex(
    /^(signkey-\w+-)?([0-9a-fA-F]{2}){16,}$/,
    "must be hex, optionally with a prefix such as signkey-prod-",
  );

const schema = z.object({
  DATABASE_URL: z.string().min(1),
  ENGINE_HOST: z.string().min(1).default("127.0.0.1"),
  ENGINE_PORT: z.coerce.number().int().min(0).max(65_535).default(8288),
  ENGINE_APP_URL: z.url(),
  ENGINE_SIGNING_KEY: signingKey.optional(),
  ENGINE_EVENT_KEY: z.string().min(1).optional(),
  ENGINE_BACKOFF_SCALE: z.coerce.number().min(0).default(1),
  /** For tests only: where the process kills itself, such as "steps:after:2". */
  ENGINE_FAULT_POINT: z
    .string()
    .regex(/^[\w-]+:[\w-]+:\d+$/)
    .optional(),
  ENGINE_RETENTION_DAYS: z.coerce.number().int().min(0).default(7),
  ENGINE_LOG_LEVEL: z.enum(["silent", "error", "warn", "info", "debug"]).default("info"),
});

/** The validated environment of the engine process. */
export type EngineEnv = z.infer<typeof schema>;

/** Reads the environment. Throws one error that names every variable that is wrong. */
export function readEngineEnv(source: NodeJS.ProcessEnv = process.env): EngineEnv {
  const present = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(present);
  const problems = parsed.success
    ? halfOf(parsed.data)
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new Error(`The engine cannot start. ${problems.join("; ")}`);
}

/** With one key only, half of the calls would be open to everybody. */
function halfOf({ ENGINE_SIGNING_KEY, ENGINE_EVENT_KEY }: EngineEnv): string[] {
  if (ENGINE_SIGNING_KEY && !ENGINE_EVENT_KEY)
    return ["ENGINE_SIGNING_KEY is set, but ENGINE_EVENT_KEY is missing: set both or none."];
  if (ENGINE_EVENT_KEY && !ENGINE_SIGNING_KEY)
    return ["ENGINE_EVENT_KEY is set, but ENGINE_SIGNING_KEY is missing: set both or none."];
  return [];
}
