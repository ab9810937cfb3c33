// Invariant 1: server/services/jobs/move-job.ts is the only code that writes a job's state. Read from the sources.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOTS = ["app", "components", "server", "inngest", "runner", "cli"];
const WRITER = "server/services/jobs/move-job.ts";
/** A job is born with a state; from then on it is moved. */
const CREATORS = ["server/services/jobs/insert-jobs.ts"];
const UPDATES = ["update", "updateMany", "updateManyAndReturn", "upsert"];
const CREATES = ["create", "createMany", "createManyAndReturn"];

const sources = ROOTS.flatMap((root) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name)),
)
  .filter((path) => !path.startsWith("server/generated/"))
  .map((path) => ({ path, text: readFileSync(path, "utf8") }))
  .filter(({ text }) => /\bjob\b/.test(text));

interface Write {
  how: "update" | "create";
  line: number;
}

/** Every place of a source that writes the column `state` of the table `job`. */
function stateWrites(path: string, text: string): Write[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Write[] = [];
  const at = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const visit = (node: ts.Node): void => {
    if ((ts.isTemplateExpression(node) || ts.isStringLiteralLike(node)) && updatesStateInSql(node.getText()))
      found.push({ how: "update", line: at(node) });
    if ((ts.isTemplateExpression(node) || ts.isStringLiteralLike(node)) && insertsJobInSql(node.getText()))
      found.push({ how: "create", line: at(node) });
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const method = node.expression.name.text;
      const onJob = /\bjob$/.test(node.expression.expression.getText());
      const how = UPDATES.includes(method) ? "update" : CREATES.includes(method) ? "create" : null;
      if (onJob && how && node.arguments.some(givesState)) found.push({ how, line: at(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function updatesStateInSql(sql: string): boolean {
  const set =
    /\bUPDATE\s+"?job"?\b(?:\s+\w+)?\s+SET\b([\s\S]*?)(?:\bWHERE\b|\bFROM\b|$)/i.exec(sql)?.[1] ?? "";
  return /(?:^|[,\s"(])state"?\s*=/i.test(set);
}

function insertsJobInSql(sql: string): boolean {
  return /\bINSERT\s+INTO\s+"?job"?(?![\w"])/i.test(sql);
}

/** Whether the data of a call has a field `state`, or cannot be seen here. */
function givesState(argument: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(argument)) return true;
  return argument.properties.some((field) => {
    if (!["data", "update", "create"].includes(field.name?.getText() ?? "")) return false;
    return !ts.isPropertyAssignment(field) || writesState(field.initializer);
  });
}

function writesState(data: ts.Expression): boolean {
  if (ts.isArrayLiteralExpression(data)) return data.elements.some(writesState);
  if (!ts.isObjectLiteralExpression(data)) return true;
  return data.properties.some((field) => field.name?.getText().replace(/["']/g, "") === "state");
}

const writers = (how: Write["how"]) =>
  sources
    .filter(({ path, text }) => stateWrites(path, text).some((write) => write.how === how))
    .map(({ path }) => path);

describe("the state of a job", () => {
  test("is written by one module only", () => {
    expect(writers("update")).toEqual([WRITER]);
  });

  test("is given at birth by one module only", () => {
    expect(writers("create")).toEqual(CREATORS);
  });

  test("is never among the further columns of a move", () => {
    for (const { path, text } of sources) {
      if (!text.includes("moveJob(")) continue;
      for (const [, set] of text.matchAll(/\bset:\s*\{([^}]*)\}/g))
        expect(set, path).not.toMatch(/\bstate\b/);
    }
  });

  test.each([
    ["x.ts", "await tx.job.update({ where: { id }, data: { state: 'failed' } });", 1],
    ["x.ts", "await db.job.updateMany({ where: { id }, data: { rank: 0n, state } });", 1],
    ["x.ts", "await db.job.update({ where: { id }, data });", 1],
    ["x.ts", "await db.job.updateMany(change);", 1],
    ["x.ts", "await db.job.updateMany({ where: { state: 'approved' }, data: { deliveryBegan: true } });", 0],
    ["x.ts", "await db.command.update({ where: { id }, data: { state: 'lost' } });", 0],
    ["x.ts", "await tx.$executeRaw`UPDATE job SET fence = 1, state = 'failed' WHERE id = 1`;", 1],
    ["x.ts", "await tx.$executeRaw`UPDATE job SET fence = 1 WHERE state = 'failed'`;", 0],
    ["x.ts", "await tx.$executeRaw`UPDATE job j SET state = x FROM y`;", 1],
    ["x.ts", "await tx.$executeRaw`INSERT INTO job (id, state) SELECT 1, 'running'`;", 1],
    ["x.ts", "await tx.$executeRaw`INSERT INTO job_event (job_id) SELECT 1`;", 0],
    ["x.ts", "await tx.$executeRaw`UPDATE command SET state = 'lost' WHERE id = 1`;", 0],
  ])("%s: %s", (path, text, count) => expect(stateWrites(path, text)).toHaveLength(count));
});
