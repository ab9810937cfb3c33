// Answers of models, texts of jobs and files of repositories are read in the app's own process: none may hold it.
import { describe, expect, test } from "vitest";
import { readFenced, withoutCalls, writeCall } from "./fenced-tools";
import type { ToolDefinition } from "./port";
import { readJson } from "./repair-json";
import { conventionsOf } from "./simulation/change/conventions";
import { layoutOf } from "./simulation/change/layout";
import { survey } from "./simulation/change/survey";
import type { Conversation, Job } from "./simulation/conversation";
import { functionFor } from "./simulation/functions";
import { splitToolText } from "./tool-text";

/** More than any of them may have. Where each place is tried with each other one, minutes go by at this length. */
const SIZE = 1024 * 1024;
const LIMIT = { timeout: 20_000 };

const full = (unit: string) => unit.repeat(Math.ceil(SIZE / unit.length));
const TEXT = { type: "string" };
const tool = (name: string, ...values: string[]): ToolDefinition => ({
  name,
  description: `Does ${name}.`,
  input: {
    type: "object",
    properties: Object.fromEntries(values.map((value) => [value, TEXT])),
    required: values,
  },
});
const TOOLS = [tool("write", "path", "content"), tool("run", "command")];
const F = "```";

describe("an answer", LIMIT, () => {
  test.each([
    ["a word behind the tool", `${F}tool write ${full("a")}`],
    ["words behind the tool", `${F}tool write ${full("a b-")}`],
    ["colons behind the fence", `${F}tool${full(":")}\u2028x`],
    ["blanks behind the fence", `${F}tool${full(" ")}x\u2028x`],
    ["backticks", `${full("`")} \u2028x`],
    ["blanks before a value", `${F}tool write\npath=${full(" ")}x\ry`],
    ["blanks behind a mark", `${F}tool write\n@@ content${full(" ")}x`],
    ["tabs and colons", `${F}tool write\npath${full("\t")}x\ncontent:${full("\t:")}`],
    ["fences", full(`${F}tool write\n`)],
    ["fences of code", full(`${F}js\n`)],
  ])("of %s is read", (_name, text) => expect(readFenced(text, TOOLS).text.length).toBeLessThan(2 * SIZE));

  test("of empty lines before its one text keeps the text", () => {
    const { calls } = readFenced(`${F}tool run\n${full("\n")}ls\n${F}`, TOOLS);
    expect(calls).toEqual([{ name: "run", input: { command: "ls" } }]);
  });

  test.each(["\n", "\r", " ", " \n", "`\n", `${F}\n`, "\u2028"])("full of %j is written", (unit) => {
    const content = full(unit);
    const fence = unit.includes(F) ? "````" : F;
    expect(writeCall({ name: "write", input: { content } }).startsWith(`${fence}tool write`)).toBe(true);
    const results = [{ callId: "1", content, isError: false }];
    const [message] = withoutCalls([{ role: "user", text: "", results }]);
    expect(message?.text.startsWith(`${fence}result`)).toBe(true);
  });

  test.each([
    ["an element of blanks", `<tool_call>${full(" ")}`],
    ["elements without an end", full("<tool_call>")],
    ["a block of blanks", `${F}\n${full(" ")}x`],
    ["a block of lines", `${F}\n${full("\n")}x`],
  ])("of %s has no call in it", (_name, text) => expect(splitToolText(text, ["write"]).calls).toEqual([]));

  test.each([
    ["a block of blanks", `${F}json\n${full(" ")}x`],
    ["a block of lines", `${F}\n${full("\n")}x`],
    ["quotes in a text without an end", `"${full('\\"')}`],
    ["quotes before a last stroke", `"${full('\\"')}\\`],
  ])("of %s is no JSON", (_name, text) => expect(readJson(text)).toHaveProperty("wrong"));
});

const JOB: Job = {
  title: "Add slugify",
  description: "",
  features: [],
  stack: [],
  toolchains: [],
  context: null,
};

describe("the simulation", LIMIT, () => {
  test.each(["count", "contar ", "worter", "pars", "lei", "read", "config", "统计", " ", "word "])(
    "looks through a request full of %j",
    (unit) => expect(functionFor(full(unit))).toBeNull(),
  );

  test.each([
    ["Count the words of a text", "word_count"],
    ["words, and their count", null],
    ["contador de palavras", "word_count"],
    ["Conteo de palabras", "word_count"],
    ["Wörter einer Zahl nach", "word_count"],
    ["统计每个词", "word_count"],
    ["Read the config file", "parse_config"],
    ["config files are parsed", "parse_config"],
    ["the key that is read", null],
  ])("takes %j as before", (text, id) => expect(functionFor(text)).toBe(id));

  test.each(["\n", " ", "\r\n", "\t\n", "import", "export\n", "from ", "'", "\u2028"])(
    "reads the style of files full of %j",
    (unit) => {
      const layout = layoutOf(["package.json", "src/a.js", "test/a.test.js"], JOB, []);
      const text = full(unit);
      const { esm } = conventionsOf(layout, { manifest: text, source: text, test: text });
      expect(esm).toBe(unit === "export\n");
    },
  );

  test("reads the runner out of a long script", () => {
    const layout = layoutOf(["package.json", "src/a.js"], JOB, []);
    const runner = (script: string) =>
      conventionsOf(layout, { manifest: `{"scripts":{"test":"${script}"}}`, source: null, test: null })
        .runner;
    expect(runner(full("node "))).toBe("node-test");
    expect(runner(`jest ${full("node ")}`)).toBe("jest");
  });

  test.each(["\n", " \n", "\r", "\t", "from ", "import src.\n"])(
    "finds its place beside tests full of %j",
    (unit) => {
      const past = [
        ["src/a.py", "def a():\n    return 1\n"],
        ["tests/test_a.py", `${full(unit)}x`],
        ["src/slugify.py", null],
      ].map(([path, text], i) => ({
        call: { id: `${i}`, name: "read", input: { path } },
        result: { callId: `${i}`, content: text ?? `there is no file ${path}`, isError: text === null },
      }));
      const talk = { files: ["src/a.py", "tests/test_a.py"], past } as unknown as Conversation;
      const found = survey(talk, JOB, ["Add slugify"], 1);
      expect(found).toMatchObject({
        found: { module: { file: { path: "src/slugify.py" }, present: false } },
      });
    },
  );
});
