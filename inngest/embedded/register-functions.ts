/**
 * Takes over what the app serves now: its functions replace all that were known (the engine has one app),
 * crons are re-armed.
 */
import { type Cron, nextCronTime, parseCron } from "./cron";
import type { Engine, RegisteredFunction } from "./engine-state";
import type { FunctionConfig, Registration } from "./function-config";
import { parseExpression, parseValue } from "./parse-expression";

/** A function with its expressions parsed. A configuration that an older engine stored lacks the newer options. */
export function compileFunction(app: string, config: FunctionConfig): RegisteredFunction {
  const value = (text: string | null | undefined) => (text ? parseValue(text) : null);
  const events = config.events.map(({ name, expression }) => ({
    name,
    expression: expression === null ? null : parseExpression(expression),
  }));
  const concurrency = (config.concurrency ?? []).map(({ limit, key }) => ({ limit, key: value(key) }));
  return {
    app,
    config,
    events,
    concurrency,
    priority: value(config.priority),
    idempotency: value(config.idempotency),
  };
}

/** Makes a registration effective in one change. Returns whether anything differs from before. */
export function registerFunctions(engine: Engine, registration: Registration): boolean {
  let modified = false;
  const kept = new Set(registration.functions.map(({ id }) => id));
  for (const id of [...engine.functions.keys()]) {
    if (kept.has(id)) continue;
    engine.functions.delete(id);
    engine.journal.deleteFunction(id);
    keepCrons(engine, id, []);
    modified = true;
  }
  for (const config of registration.functions) {
    const text = JSON.stringify(config);
    const known = engine.functions.get(config.id);
    if (known?.app === registration.app && JSON.stringify(known.config) === text) continue;
    engine.functions.set(config.id, compileFunction(registration.app, config));
    engine.journal.putFunction({ id: config.id, app: registration.app, url: config.url, config: text });
    keepCrons(engine, config.id, config.crons);
    modified = true;
  }
  return modified;
}

function keepCrons(engine: Engine, functionId: string, expressions: string[]): void {
  for (const id of [...engine.crons.keys()]) {
    const [owner, expression] = splitCronId(id);
    if (owner !== functionId || expressions.includes(expression)) continue;
    engine.crons.delete(id);
    engine.journal.deleteCron(functionId, expression);
  }
  for (const expression of expressions) {
    if (!engine.crons.has(cronId(functionId, expression))) armCron(engine, functionId, expression);
  }
}

const parsed = new Map<string, Cron>();

/** Sets when a cron trigger fires next, counted from now: what was missed is made up for once, not many times. */
export function armCron(engine: Engine, functionId: string, expression: string): void {
  const cron = parsed.get(expression) ?? parseCron(expression);
  parsed.set(expression, cron);
  const nextAt = nextCronTime(cron, engine.now());
  engine.journal.putCron({ functionId, expression, nextAt });
  holdCron(engine, functionId, expression, nextAt);
}

/** The part of armCron that does not write: for a row read back from the database. */
export function holdCron(engine: Engine, functionId: string, expression: string, nextAt: number): void {
  engine.crons.set(cronId(functionId, expression), nextAt);
  engine.timers.add(nextAt, { functionId, cron: expression });
}

/** The key of a cron trigger in `engine.crons`. */
export function cronId(functionId: string, expression: string): string {
  return `${functionId}\n${expression}`;
}

function splitCronId(id: string): [string, string] {
  const at = id.indexOf("\n");
  return [id.slice(0, at), id.slice(at + 1)];
}
