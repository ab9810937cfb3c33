// Whole projects, built by the simulation and judged by real programs: the toolchain's linters, the standard test
// runners of both languages.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { nodeToolchain } from "@/server/toolchains/node";
import { pythonToolchain } from "@/server/toolchains/python";
import { makeWorkspace } from "@/tests/support/toolchain";
import { Drive, type DriveJob } from "./testing/drive";

const drives: Drive[] = [];
afterEach(() => {
  for (const drive of drives.splice(0)) rmSync(drive.folder, { recursive: true, force: true });
});

function start(job: Partial<DriveJob> & { title: string }, model?: string): Drive {
  const drive = new Drive(
    { description: "", features: [], stack: [], toolchains: ["python"], context: null, ...job },
    model,
  );
  drives.push(drive);
  return drive;
}

/** What the linter of each toolchain finds, as lines. */
async function lint(drive: Drive): Promise<string[]> {
  const content = Object.fromEntries(
    drive.files().map((path) => [path, readFileSync(join(drive.folder, path), "utf8")]),
  );
  const workspace = makeWorkspace(content);
  const found: string[] = [];
  for (const toolchain of [pythonToolchain, nodeToolchain]) {
    const command = toolchain.lint(workspace.files());
    if (!command) continue;
    const report = toolchain.parseLint(await workspace.run(command));
    if (report.unreadable) found.push(report.unreadable);
    found.push(
      ...report.problems.map(({ file, line, rule, message }) => `${file}:${line} ${rule} ${message}`),
    );
  }
  workspace.remove();
  return found;
}

/** Runs the tests of the project; the output ends with what the runner says. */
async function test(drive: Drive): Promise<{ green: boolean; output: string }> {
  const python = drive.files().some((file) => file.endsWith(".py"));
  const node = drive.files().some((file) => file.endsWith(".js"));
  const runs = [
    ...(python ? [await drive.run("python3", ["-m", "unittest", "discover"])] : []),
    ...(node ? [await drive.run("node", ["--test"])] : []),
  ];
  const output = runs.map((run) => run.output).join("\n");
  const ran = runs.every((run) => /^Ran [1-9]|^# pass [1-9]/m.test(run.output));
  return { green: ran && runs.every((run) => run.code === 0), output };
}

async function expectGoodProject(drive: Drive): Promise<void> {
  expect(await lint(drive)).toEqual([]);
  const { green, output } = await test(drive);
  expect(green, output.slice(-6000)).toBe(true);
}

const REQUESTS: { title: string; features: string[]; description?: string }[] = [
  { title: "API REST para e-commerce", features: ["CRUD produtos", "Carrinho", "Checkout"] },
  { title: "Blog com posts e comentarios", features: ["Posts", "Comentarios", "Tags"] },
  { title: "Sistema de gerenciamento de tarefas", features: ["CRUD tarefas", "Usuarios", "Categorias"] },
  { title: "Agregar GET /api/contabilidad/facturas/:id/pdf", features: [] },
];

/** Further kinds, languages and hostile texts; each in one of the two languages of code, by turns. */
const OTHERS: { title: string; features: string[]; description?: string }[] = [
  { title: "在线商城", features: ["产品管理", "购物车", "结账", "神秘功能"] },
  { title: "نظام إدارة المهام", features: ["مهام", "مستخدمين", "شيء غريب"] },
  {
    title: "Verwaltung für Rechnungen",
    features: ["Kunden", "Rechnungen", "Suche nach Rechnungen", "Übersicht"],
  },
  {
    title: `Invoices, "quoted" */ \${injected} \\ \`tick\` """ with a title that goes on and on and on and on and on`,
    features: [
      "Checkout",
      "Carts",
      "class",
      "import",
      "Archive invoices that were paid long ago and are not needed any more at all",
    ],
  },
  {
    title: "Users API",
    description:
      "GET /v1/users, POST /v1/users, DELETE /v1/users/:id, GET /v1/users/{id}/notes and POST /v1/users/:id/activate",
    features: [],
  },
  {
    title: "Linha de comando para tarefas",
    features: ["Adicionar tarefas", "Buscar tarefas", "Concluir tarefa", "Resumo", "Contatos"],
  },
  {
    title: "CLI tool for text",
    features: [
      "Slugify",
      "Parse CSV files",
      "Validate e-mail",
      "Palindromes",
      "Word count",
      "Parser for config files",
    ],
  },
  {
    title: "CLI calculator",
    features: [
      "Fibonacci",
      "Prime factors",
      "Factorial",
      "Roman numerals",
      "Temperature",
      "Calculate expressions",
    ],
  },
  {
    title: "Biblioteca de funções de texto",
    features: [
      "Slug",
      "CSV",
      "Verificar e-mail",
      "Palíndromo",
      "Contagem de palavras",
      "Parser de configuração",
    ],
  },
  {
    title: "Math library",
    features: ["Fibonacci", "Primes", "Factorial", "Roman numerals", "Temperature", "Expressions"],
  },
  {
    title: "Library to keep contacts",
    features: ["Contacts", "Search contacts", "Archive contact", "Contact statistics", "Companies"],
  },
  { title: "Something quite unknown", description: "Keep zorbs in order", features: [] },
];

async function build(request: (typeof OTHERS)[number], toolchain: "python" | "node"): Promise<void> {
  const drive = start({ ...request, stack: [toolchain], toolchains: [toolchain] });
  await drive.build();
  await expectGoodProject(drive);
}

describe.each(["python", "node"] as const)("a project in %s", (toolchain) => {
  it.each(REQUESTS)("$title: builds, lints clean, tests pass", (request) => build(request, toolchain));
});

describe("projects of other kinds and languages", () => {
  it.each(
    OTHERS.map((request, index) => ({ ...request, toolchain: index % 2 === 0 ? "python" : "node" }) as const),
  )("$title in $toolchain: builds, lints clean, tests pass", ({ toolchain, ...request }) =>
    build(request, toolchain),
  );
});

describe("a project in both languages", () => {
  it("has a service in Python and pages served by Node", async () => {
    const drive = start({
      ...REQUESTS[0]!,
      stack: ["python", "fastapi", "react"],
      toolchains: ["python", "node"],
    });
    await drive.build();
    expect(drive.files()).toContain("web/test/carrinhos.test.js");
    await expectGoodProject(drive);
  });
});

describe.each(["python", "node"] as const)("mistakes in %s", (toolchain) => {
  const shop = { ...REQUESTS[0]!, stack: [toolchain], toolchains: [toolchain] };

  it.each([
    { fault: "test@2", judge: "test" },
    { fault: "lint@1", judge: "lint" },
    { fault: "crash@2", judge: "lint" },
  ])("$fault turns the project red, and the fixer finds and mends it", async ({ fault, judge }) => {
    const drive = start(shop, `sim-1+${fault}`);
    const n = Number(fault.split("@")[1]);
    await drive.build();
    const problems = await lint(drive);
    const tested = await test(drive);
    expect(judge === "lint" ? problems.length > 0 : !tested.green).toBe(true);
    const failure = judge === "lint" ? problems.join("\n") : tested.output;
    const fixed = await drive.task(
      "fixer",
      n,
      `<failure>${failure}</failure>\n<attempt>{"n":1,"max":5}</attempt>`,
    );
    expect(fixed.finished).toMatchObject({ files_changed: [expect.stringMatching(/features\//)] });
    expect(fixed.finished?.root_cause).not.toMatch(/not what the task needs|Not found/);
    await expectGoodProject(drive);
  });
});
