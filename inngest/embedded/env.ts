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

/** Every setting of the engine; docs/settings.md is made from it. */
export const engineSettings = z.object({
  DATABASE_URL: z.string().min(1).describe("the migrated database that it keeps everything in"),
  ENGINE_HOST: z.string().min(1).default("127.0.0.1").describe("address that it listens on"),
  ENGINE_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8288)
    .describe("port that it listens on; 0 takes a free one"),
  ENGINE_APP_URL: z.url().describe("where the app serves its functions"),
  ENGINE_SIGNING_KEY: signingKey
    .optional()
    .describe("signs calls in both directions; without it only on a loopback address"),
  ENGINE_EVENT_KEY: z
    .string()
    .min(1)
    .optional()
    .describe("with it events are sent; belongs with the signing key"),
  ENGINE_BACKOFF_SCALE: z.coerce
    .number()
    .min(0)
    .default(1)
    .describe("multiplies the waits before retries; tests shrink them"),
  ENGINE_FAULT_POINT: z
    .string()
    .regex(/^[\w-]+:[\w-]+:\d+$/)
    .optional()
    .describe("for tests only: where the process kills itself, such as steps:after:2"),
  ENGINE_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .default(7)
    .describe("days for which finished runs are kept; 0 for ever"),
  ENGINE_LOG_LEVEL: z
    .enum(["silent", "error", "warn", "info", "debug"])
    .default("info")
    .describe("least weight of what is logged"),
});

/** The validated environment of the engine process. */
export type EngineEnv = z.infer<typeof engineSettings>;

/** Reads the environment. Throws one error that names every variable that is wrong. */
export function readEngineEnv(source: NodeJS.ProcessEnv = process.env): EngineEnv {
  const present = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = engineSettings.safeParse(present);
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
