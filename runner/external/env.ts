// The configuration of `fabrica ralph`: what the runner of an external agent needs besides a runner's own settings.
import { hostname } from "node:os";
import { z } from "zod";
import { type RunnerEnv, readRunnerEnv } from "../env";

/** Claude Code without a person: it reads the question from its input and says what it does as JSON lines. */
const CLAUDE = "claude -p --output-format stream-json --verbose --dangerously-skip-permissions";

/** What `fabrica ralph` has besides a runner; docs/settings.md is made from it. */
export const ralphSettings = z.object({
  RALPH_COMMAND: z
    .string()
    .min(1)
    .max(10_000)
    .default(CLAUDE)
    .describe("shell text that runs the agent, anew for every iteration"),
  RALPH_FORMAT: z
    .enum(["auto", "events", "claude"])
    .default("auto")
    .describe("how lines of its output are read; auto looks at the command's name"),
  RALPH_TOOLS: z
    .string()
    .min(1)
    .optional()
    .describe("folder with the agent's programs, read-only in its sandboxes"),
  RALPH_SLOTS: z.coerce.number().int().min(1).max(64).default(1).describe("jobs at a time"),
  RALPH_NAME: z
    .string()
    .min(1)
    .max(100)
    .default(`ralph on ${hostname()}`.slice(0, 100))
    .meta({ description: "shown on the workers' page", shownDefault: "ralph on the host's name" }),
  RALPH_STATE_DIR: z
    .string()
    .min(1)
    .default("/var/lib/fabrica-ralph")
    .describe("as RUNNER_STATE_DIR, but its own"),
  RALPH_MAX_ITERATIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .describe("iterations of a job"),
  RALPH_ITERATION_SECONDS: z.coerce
    .number()
    .min(5)
    .max(86_400)
    .default(1_800)
    .describe("seconds of one iteration"),
});

/** How lines of the agent's output are read: by the contract of docs/external-agents.md, or as Claude Code's. */
export type AgentFormat = "events" | "claude";

/** How the agent is run. */
export interface RalphSettings {
  /** Shell text, started anew for every iteration. */
  command: string;
  format: AgentFormat;
  maxIterations: number;
  iterationSeconds: number;
}

/** @throws Error with one plain sentence per mistake */
export function readRalphEnv(source: NodeJS.ProcessEnv = process.env): {
  runner: RunnerEnv;
  ralph: RalphSettings;
} {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = ralphSettings.safeParse(given);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The settings of fabrica ralph are not usable. ${mistakes.join(". ")}.`);
  }
  const env = parsed.data;
  const runner = readRunnerEnv({
    ...source,
    RUNNER_NAME: env.RALPH_NAME,
    RUNNER_WORKERS: String(env.RALPH_SLOTS),
    // Two processes must not share one: each removes what it finds there and does not know.
    RUNNER_STATE_DIR: env.RALPH_STATE_DIR,
    RUNNER_WARM_POOL: "0",
    RUNNER_IMAGES: "",
  });
  return {
    runner: { ...runner, toolsDir: env.RALPH_TOOLS ?? null },
    ralph: {
      command: env.RALPH_COMMAND,
      format: env.RALPH_FORMAT === "auto" ? formatOf(env.RALPH_COMMAND) : env.RALPH_FORMAT,
      maxIterations: env.RALPH_MAX_ITERATIONS,
      iterationSeconds: env.RALPH_ITERATION_SECONDS,
    },
  };
}

function formatOf(command: string): AgentFormat {
  const [program = ""] = command.trim().split(/\s+/);
  return /(^|\/)claude$/.test(program) ? "claude" : "events";
}
