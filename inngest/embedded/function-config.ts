/**
 * Reads what the SDK registers. A function that uses anything this engine does not do is refused, naming the
 * option: silently ignoring a limit or a key would change what the function means.
 */
import { z } from "zod";
import { nextCronTime, parseCron } from "./cron";
import { parseDuration } from "./duration";
import { parseExpression } from "./expression";

/** A registration that cannot be accepted; the message is shown to the developer. */
export class RegistrationError extends Error {}

/** The checked configuration of a function. */
export interface FunctionConfig {
  id: string;
  name: string;
  /** Where the SDK serves it, without the step. */
  url: string;
  maxAttempts: number;
  events: { name: string; expression: string | null }[];
  crons: string[];
  cancel: { event: string; expression: string | null; windowMs: number | null }[];
  startTimeoutMs: number | null;
  finishTimeoutMs: number | null;
}

const DEFAULT_RETRIES = 3;
const UNSUPPORTED = [
  "idempotency",
  "batchEvents",
  "rateLimit",
  "throttle",
  "concurrency",
  "debounce",
  "priority",
  "singleton",
] as const;

const id = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\u0000-\u001f]*$/);

const functionSchema = z
  .object({
    id,
    name: z.string().optional(),
    triggers: z.array(
      z.union([
        z.object({ event: id, expression: z.string().nullish() }),
        z.object({ cron: z.string(), jitter: z.string().nullish() }),
      ]),
    ),
    steps: z.object({
      step: z.object({
        runtime: z.object({ url: z.string().min(1) }),
        retries: z.object({ attempts: z.number().int().min(0).max(20).optional() }).nullish(),
      }),
    }),
    cancel: z
      .array(z.object({ event: id, if: z.string().nullish(), timeout: z.string().nullish() }))
      .nullish(),
    timeouts: z.object({ start: z.string().nullish(), finish: z.string().nullish() }).nullish(),
  })
  .loose();

const registrationSchema = z.object({
  appName: id,
  url: z.string().min(1),
  sdk: z.string().optional(),
  functions: z.array(z.unknown()),
});

/** A checked registration. */
export interface Registration {
  app: string;
  functions: FunctionConfig[];
}

/** Checks a register body. Throws RegistrationError naming the function and the option. */
export function parseRegistration(body: unknown): Registration {
  const parsed = registrationSchema.safeParse(body);
  if (!parsed.success)
    throw new RegistrationError(`The registration is not complete: ${parsed.error.message}`);
  return { app: parsed.data.appName, functions: parsed.data.functions.map(parseFunction) };
}

function parseFunction(body: unknown): FunctionConfig {
  const parsed = functionSchema.safeParse(body);
  if (!parsed.success) throw new RegistrationError(`A function cannot be read: ${parsed.error.message}`);
  const config = parsed.data;
  const refuse = (reason: string): never => {
    throw new RegistrationError(`The function "${config.id}" cannot be registered: ${reason}`);
  };
  const check = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
  };
  const duration = (option: string, text: string | null | undefined): number | null =>
    text ? (parseDuration(text) ?? refuse(`the duration "${text}" of "${option}" cannot be read.`)) : null;
  const expression = (text: string | null | undefined): string | null => {
    if (text) check(() => parseExpression(text));
    return text || null;
  };

  for (const option of UNSUPPORTED) {
    if (config[option] !== undefined && config[option] !== null) {
      refuse(`the option "${option}" is not supported by the embedded engine.`);
    }
  }
  const events: FunctionConfig["events"] = [];
  const crons: string[] = [];
  for (const trigger of config.triggers) {
    if ("cron" in trigger) {
      if (trigger.jitter) refuse('the option "jitter" of a cron trigger is not supported.');
      check(() => nextCronTime(parseCron(trigger.cron), 0));
      crons.push(trigger.cron);
    } else {
      if (trigger.event.includes("*")) refuse(`the event pattern "${trigger.event}" is not supported.`);
      events.push({ name: trigger.event, expression: expression(trigger.expression) });
    }
  }
  return {
    id: config.id,
    name: config.name ?? config.id,
    url: config.steps.step.runtime.url,
    maxAttempts: (config.steps.step.retries?.attempts ?? DEFAULT_RETRIES) + 1,
    events,
    crons,
    cancel: (config.cancel ?? []).map((rule) => ({
      event: rule.event,
      expression: expression(rule.if),
      windowMs: duration("cancelOn.timeout", rule.timeout),
    })),
    startTimeoutMs: duration("timeouts.start", config.timeouts?.start),
    finishTimeoutMs: duration("timeouts.finish", config.timeouts?.finish),
  };
}
