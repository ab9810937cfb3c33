import { expect, it } from "vitest";
import { OptionsError, readOptions } from "./options";

const KEY = { ANTHROPIC_API_KEY: "key", OLLAMA_HOST: "http://127.0.0.1:1", HOME: "/home" };
const read = (line: string, environment: Record<string, string> = {}) =>
  readOptions(line.split(" ").filter(Boolean), environment);

it("plays the simulation by a script that is perfect unless it is told otherwise", () => {
  const { scripted, models, env, parallel, minResolved, n } = read("--provider simulation", KEY);
  expect({ scripted, coder: models.coder, parallel, minResolved, n }).toEqual({
    scripted: true,
    coder: "anthropic/scripted-perfect",
    parallel: 2,
    minResolved: 0,
    n: null,
  });
  expect(env).toEqual({ BUDGET_DAY_USD: "50", BUDGET_JOB_USD: "5" });
  expect(read("--provider simulation --model plausible").models.reviewer).toBe(
    "anthropic/scripted-plausible",
  );
});

it("plays the factory's own simulation without a script", () => {
  const { scripted, models } = read("--provider simulation --model sim-1+test@1");
  expect(scripted).toBe(false);
  expect(models.planner).toBe("simulation/sim-1+test@1");
});

it("gives a real provider its key and its model, and no other provider's key", () => {
  const { env, models, scripted } = read("--provider anthropic --model claude-x --budget 2", KEY);
  expect(scripted).toBe(false);
  expect(models.coder).toBe("anthropic/claude-x");
  expect(env).toEqual({ ANTHROPIC_API_KEY: "key", BUDGET_DAY_USD: "2", BUDGET_JOB_USD: "2" });
  expect(read("--provider ollama", KEY)).toMatchObject({
    models: {},
    env: { OLLAMA_HOST: "http://127.0.0.1:1" },
  });
  expect(read("--provider ollama", KEY).env).not.toHaveProperty("ANTHROPIC_API_KEY");
});

it("gives a role another model, of another provider, too", () => {
  const { models, env } = read(
    "--provider anthropic --role coder=ollama/qwen:14b --role fixer=claude-y",
    KEY,
  );
  expect(models).toEqual({ coder: "ollama/qwen:14b", fixer: "anthropic/claude-y" });
  expect(env).toMatchObject({ ANTHROPIC_API_KEY: "key", OLLAMA_HOST: "http://127.0.0.1:1" });
});

it("reads tasks, numbers and files", () => {
  expect(
    read(
      "--provider simulation --tasks a,b --n 3 --parallel 4 --minutes 0.5 --max-fixes 1 --min-resolved 60 --out x.json",
    ),
  ).toMatchObject({
    tasks: ["a", "b"],
    n: 3,
    parallel: 4,
    minutes: 0.5,
    maxFixes: 1,
    minResolved: 60,
    out: "x.json",
  });
  expect(read("--list").list).toBe(true);
});

it.each([
  ["", "Say which provider"],
  ["--provider other", 'no provider "other"'],
  ["--provider anthropic", "ANTHROPIC_API_KEY must be set"],
  ["--provider ollama", "OLLAMA_HOST must be set"],
  ["--provider simulation --model best", 'not "best"'],
  ["--provider simulation --role coder=x", "does not go with"],
  ["--provider simulation --n 1.5", "--n must be a whole number"],
  ["--provider simulation --parallel 0", "--parallel must be a number above 0"],
  ["--provider simulation --budget free", "--budget must be a number above 0"],
  ["--provider simulation --min-resolved 101", "--min-resolved must be 0 to 100"],
  ["--provider simulation --min-resolved x", "--min-resolved must be 0 to 100"],
  ["--provider simulation --unknown", "--unknown"],
  ["--provider simulation word", "word"],
])("refuses %j in plain words", (line, why) => {
  expect(() => read(line)).toThrow(OptionsError);
  expect(() => read(line)).toThrow(why);
});

it("refuses a role that there is not", () => {
  expect(() => read("--provider anthropic --role boss=x", KEY)).toThrow("Roles are: architect");
  expect(() => read("--provider anthropic --role coder=ollama/x", { ANTHROPIC_API_KEY: "key" })).toThrow(
    "OLLAMA_HOST",
  );
});
