/**
 * Reads what the SDK registers. A function that uses anything this engine does not do is refused, naming the
 * option: silently ignoring a limit or a key would change what the function means.
 */
import { z } from "zod";
import { nextCronTime, parseCron } from "./cron";
import { parseDuration } from "./duration";
import { parseExpression, parseValue } from "./parse-expression";

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
  /** How many calls may be under way at once, for all runs or for those with the same key. */
  concurrency: { limit: number; key: string | null }[];
  /** Seconds by which a run goes before others, as an expression. */
  priority: string | null;
  /** Events with the same value start one run in 24 hours. */
  idempotency: string | null;
}

const DEFAULT_RETRIES = 3;
const MAX_CONCURRENCY_RULES = 2;

const id = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\u0000-\u001f]*$/);

const concurrencyRule = z.strictObject({
  limit: z.number().int().min(0).max(100_000),
  key: z.string().nullish(),
  scope: z.enum(["fn", "env", "account"]).nullish(),
});

const functionSchema = z.strictObject({
  id,
  name: z.string().optional(),
  triggers: z.array(
    z.union([
      z.strictObject({ event: id, expression: z.string().nullish() }),
      z.strictObject({ cron: z.string(), jitter: z.string().nullish() }),
    ]),
  ),
  steps: z.strictObject({
    step: z.object({
      runtime: z.object({ url: z.string().min(1), type: z.string().optional() }),
      retries: z.object({ attempts: z.number().int().min(0).max(20).optional() }).nullish(),
    }),
  }),
  cancel: z
    .array(z.strictObject({ event: id, if: z.string().nullish(), timeout: z.string().nullish() }))
    .nullish(),
  timeouts: z.strictObject({ start: z.string().nullish(), finish: z.string().nullish() }).nullish(),
  concurrency: z
    .union([
      concurrencyRule.shape.limit,
      concurrencyRule,
      z.array(concurrencyRule).max(MAX_CONCURRENCY_RULES),
    ])
    .nullish(),
  priority: z.strictObject({ run: z.string().nullish() }).nullish(),
  idempotency: z.string().nullish(),
});

type RawFunction = z.infer<typeof functionSchema>;

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

/** Options that are set but unknown here, such as those that batch, delay or drop events. */
function unknownOptions(body: unknown): string[] {
  if (typeof body !== "object" || body === null) return [];
  return Object.entries(body).flatMap(([key, value]) =>
    value === undefined || value === null || Object.hasOwn(functionSchema.shape, key) ? [] : [key],
  );
}

function withoutNulls(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function parseFunction(body: unknown): FunctionConfig {
  const name = (body as { id?: unknown } | null)?.id;
  const refuse = (reason: string): never => {
    throw new RegistrationError(`The function "${String(name)}" cannot be registered: ${reason}`);
  };
  for (const option of unknownOptions(body)) {
    refuse(`the option "${option}" is not supported by the embedded engine.`);
  }
  const parsed = functionSchema.safeParse(withoutNulls(body));
  if (!parsed.success) return refuse(z.prettifyError(parsed.error));
  return new FunctionReader(parsed.data, refuse).read();
}

/** Reads one function; whatever cannot be honoured goes to `refuse`. */
class FunctionReader {
  constructor(
    private readonly raw: RawFunction,
    private readonly refuse: (reason: string) => never,
  ) {}

  read(): FunctionConfig {
    const { raw } = this;
    const { runtime, retries } = raw.steps.step;
    if (runtime.type && runtime.type !== "http")
      this.refuse(`the runtime "${runtime.type}" is not supported.`);
    return {
      id: raw.id,
      name: raw.name ?? raw.id,
      url: runtime.url,
      maxAttempts: (retries?.attempts ?? DEFAULT_RETRIES) + 1,
      events: raw.triggers.flatMap((trigger) => ("event" in trigger ? [this.eventTrigger(trigger)] : [])),
      crons: raw.triggers.flatMap((trigger) => ("cron" in trigger ? [this.cronTrigger(trigger)] : [])),
      cancel: (raw.cancel ?? []).map((rule) => ({
        event: rule.event,
        expression: this.condition("cancelOn.if", rule.if),
        windowMs: this.duration("cancelOn.timeout", rule.timeout),
      })),
      startTimeoutMs: this.duration("timeouts.start", raw.timeouts?.start),
      finishTimeoutMs: this.duration("timeouts.finish", raw.timeouts?.finish),
      concurrency: this.concurrency(),
      priority: this.value("priority.run", raw.priority?.run),
      idempotency: this.value("idempotency", raw.idempotency),
    };
  }

  private eventTrigger(trigger: { event: string; expression?: string | null }) {
    if (trigger.event.includes("*")) this.refuse(`the event pattern "${trigger.event}" is not supported.`);
    return { name: trigger.event, expression: this.condition("triggers.if", trigger.expression) };
  }

  private cronTrigger(trigger: { cron: string; jitter?: string | null }): string {
    if (trigger.jitter) this.refuse('the option "jitter" of a cron trigger is not supported.');
    this.check("triggers.cron", () => nextCronTime(parseCron(trigger.cron), 0));
    return trigger.cron;
  }

  private concurrency(): FunctionConfig["concurrency"] {
    const given = this.raw.concurrency ?? [];
    const rules = Array.isArray(given) ? given : [typeof given === "number" ? { limit: given } : given];
    return rules.flatMap(({ limit, key, scope }) => {
      if (scope && scope !== "fn") this.refuse(`the scope "${scope}" of "concurrency" is not supported.`);
      const checked = this.value("concurrency.key", key);
      // As for the SDK, 0 means no limit.
      return limit === 0 ? [] : [{ limit, key: checked }];
    });
  }

  private duration(option: string, text: string | null | undefined): number | null {
    if (!text) return null;
    return parseDuration(text) ?? this.refuse(`the duration "${text}" of "${option}" cannot be read.`);
  }

  private condition(option: string, text: string | null | undefined): string | null {
    if (text) this.check(option, () => parseExpression(text));
    return text || null;
  }

  private value(option: string, text: string | null | undefined): string | null {
    if (text) this.check(option, () => parseValue(text));
    return text || null;
  }

  private check(option: string, read: () => unknown): void {
    try {
      read();
    } catch (error) {
      this.refuse(`${option}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
