/** What `npm run eval` is asked for, read from its arguments and the environment; what does not go together is refused. */
import { parseArgs } from "node:util";
import { ROLES, role } from "@/server/domain/roles";
import { BEHAVIOURS, type Behaviour } from "./scripted-answers";
import { modelThatIs } from "./scripted-model";

export const USAGE = `npm run eval -- --provider simulation|anthropic|ollama [options]
  --model M            plays every role; with simulation: ${BEHAVIOURS.join(", ")} (scripts that know
                       the solutions, and prove the evaluation itself) or sim-1; else the factory's own default
  --role ROLE=M        another model for one role, such as coder=ollama/qwen2.5-coder:14b; may be repeated
  --tasks A,B          only these tasks    --list    says which there are
  --n N                only N tasks, of both stacks and kinds by turns
  --budget USD         everything together may cost so much (50)
  --parallel N         jobs at a time (2)
  --minutes N          when a job is given up (30)
  --max-fixes N        rounds of fixing for each task of a job's checklist; else the factory's own default
  --min-resolved PCT   ends with 1 when less is resolved (0)
  --out FILE           writes everything as JSON, too`;

/** A sentence for the person who asked. */
export class OptionsError extends Error {
  override name = "OptionsError";
}

type Provider = "simulation" | "anthropic" | "ollama";

export interface EvalOptions {
  list: boolean;
  provider: Provider;
  /** What plays the roles, for people. */
  player: string;
  scripted: boolean;
  /** Role to `provider/model`; empty for the factory's own default. */
  models: Record<string, string>;
  /** Settings of the factory: keys of the providers that play, and the budget. */
  env: Record<string, string>;
  tasks: string[];
  n: number | null;
  budgetUsd: number;
  parallel: number;
  minutes: number;
  maxFixes: number | null;
  minResolved: number;
  out: string | null;
}

type Environment = Record<string, string | undefined>;

/** @throws OptionsError */
export function readOptions(args: string[], environment: Environment): EvalOptions {
  const values = parse(args);
  const list = values.list === true;
  const provider = list ? "simulation" : providerOf(values.provider);
  const players = playersOf(provider, values.model, values.role ?? []);
  const budgetUsd = number(values.budget, "--budget", 50);
  return {
    list,
    provider,
    ...players,
    env: {
      ...(players.scripted ? {} : keysOf(provider, players.models, environment)),
      BUDGET_DAY_USD: String(budgetUsd),
      BUDGET_JOB_USD: String(Math.min(5, budgetUsd)),
    },
    tasks: (values.tasks ?? "").split(",").flatMap((name) => name.trim() || []),
    n: values.n === undefined ? null : whole(values.n, "--n", 1),
    budgetUsd,
    parallel: whole(values.parallel, "--parallel", 2),
    minutes: number(values.minutes, "--minutes", 30),
    maxFixes: values["max-fixes"] === undefined ? null : whole(values["max-fixes"], "--max-fixes", 5),
    minResolved: percent(values["min-resolved"]),
    out: values.out ?? null,
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args,
      options: {
        provider: text,
        model: text,
        role: { type: "string", multiple: true },
        tasks: text,
        n: text,
        budget: text,
        parallel: text,
        minutes: text,
        "max-fixes": text,
        "min-resolved": text,
        out: text,
        list: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new OptionsError(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
}

function providerOf(name: string | undefined): Provider {
  if (name === "simulation" || name === "anthropic" || name === "ollama") return name;
  throw new OptionsError(
    `${name ? `There is no provider "${name}"` : "Say which provider is to play: --provider"}\n${USAGE}`,
  );
}

type Players = Pick<EvalOptions, "player" | "scripted" | "models">;

function playersOf(provider: Provider, model: string | undefined, roles: string[]): Players {
  const every = (name: string) => Object.fromEntries(ROLES.map((one) => [one, name]));
  if (provider === "simulation") {
    const name = model ?? "perfect";
    if (roles.length > 0) throw new OptionsError("--role does not go with --provider simulation.");
    if (name.startsWith("sim-"))
      return { player: `simulation/${name}`, scripted: false, models: every(`simulation/${name}`) };
    const behaviour = BEHAVIOURS.find((one) => one === name) as Behaviour | undefined;
    if (!behaviour)
      throw new OptionsError(
        `The simulation is told to be ${BEHAVIOURS.join(", ")} or sim-1, not "${name}".`,
      );
    const models = every(`anthropic/${modelThatIs(behaviour)}`);
    return { player: `a script that is ${behaviour}`, scripted: true, models };
  }
  const models = model ? every(`${provider}/${model}`) : {};
  for (const one of roles) Object.assign(models, roleOf(one, provider));
  const others = roles.length > 0 ? `, ${roles.join(", ")}` : "";
  return { player: `${provider}/${model ?? "its default"}${others}`, scripted: false, models };
}

function roleOf(given: string, provider: Provider): Record<string, string> {
  const [, name, model] = /^(\w+)=(\S+)$/.exec(given) ?? [];
  if (!name || !model || !role.safeParse(name).success)
    throw new OptionsError(`"${given}" is no ROLE=MODEL. Roles are: ${ROLES.join(", ")}`);
  return { [name]: /^(?:anthropic|ollama)\//.test(model) ? model : `${provider}/${model}` };
}

const SETTINGS: Record<Provider, readonly string[]> = {
  simulation: [],
  anthropic: ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_MODEL", "CLAUDE_MAX_TOKENS"],
  ollama: ["OLLAMA_HOST", "OLLAMA_MODEL"],
};

/** What the factory has to know of the providers that play; never a key of one that does not. */
function keysOf(
  provider: Provider,
  models: Record<string, string>,
  environment: Environment,
): Record<string, string> {
  const named = Object.values(models).map((model) => model.split("/")[0]);
  const playing = (["anthropic", "ollama"] as const).filter((one) => one === provider || named.includes(one));
  const needed = { anthropic: "ANTHROPIC_API_KEY", ollama: "OLLAMA_HOST" };
  const missing = playing.map((one) => needed[one]).filter((name) => !environment[name]);
  if (missing.length > 0)
    throw new OptionsError(
      `${missing.join(" and ")} must be set in the environment: nothing else says how to reach the model.`,
    );
  const names = playing.flatMap((one) => SETTINGS[one]);
  return Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}

function number(given: string | undefined, name: string, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!(value > 0) || !Number.isFinite(value))
    throw new OptionsError(`${name} must be a number above 0, not "${given}".`);
  return value;
}

function whole(given: string | undefined, name: string, otherwise: number): number {
  const value = number(given, name, otherwise);
  if (!Number.isInteger(value)) throw new OptionsError(`${name} must be a whole number, not "${given}".`);
  return value;
}

function percent(given: string | undefined): number {
  const value = Number(given ?? 0);
  if (!(value >= 0 && value <= 100))
    throw new OptionsError(`--min-resolved must be 0 to 100, not "${given}".`);
  return value;
}
