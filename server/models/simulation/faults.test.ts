// Every logical mistake that a template knows must turn that module's own tests red, or `test@n` would mean nothing.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { replacementBetween } from "./edits";
import { explainPassage } from "./faults";
import { planProject, titlesFor } from "./plan";
import { Drive, type DriveJob } from "./testing/drive";
import { coderFiles } from "./writers";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const PROJECTS: [title: string, features: string[]][] = [
  ["Shop API", ["Products", "Cart", "Checkout", "Search products", "Product statistics", "Archive products"]],
  ["Bills API", ["GET /api/bills/:id/pdf", "GET /api/bills/:id/notes"]],
  ["Library for contacts", ["Contacts", "Search contacts", "Contact statistics", "Archive contacts"]],
  [
    "Library of functions",
    [
      "Slugs",
      "CSV",
      "E-mail",
      "Palindromes",
      "Word count",
      "Config parser",
      "Fibonacci",
      "Primes",
      "Factorial",
      "Roman",
      "Temperature",
      "Calculator",
    ],
  ],
];

describe.each(["python", "node"] as const)("mistakes in %s", (toolchain) => {
  it.each(PROJECTS)("%s: each is caught by tests and can be explained", async (title, features) => {
    const job: DriveJob = {
      title,
      description: "",
      features,
      stack: [],
      toolchains: [toolchain],
      context: null,
    };
    const drive = new Drive(job);
    folders.push(drive.folder);
    await drive.build();
    const project = planProject(job, titlesFor(job), "");
    const missed: string[] = [];
    for (const file of project.tasks.flatMap((task) => coderFiles(project, task.n))) {
      const name = file.path.replace(/^.*\/|\.\w+$/g, "");
      for (const { right, wrong, why } of file.bugs ?? []) {
        const mistaken = file.content.replace(right, () => wrong);
        writeFileSync(join(drive.folder, file.path), mistaken);
        const run =
          toolchain === "python"
            ? await drive.run("python3", ["-m", "unittest", `tests.test_${name}`])
            : await drive.run("node", ["--test", `test/${name}.test.js`]);
        if (run.code === 0) missed.push(`${file.path}: ${why}`);
        const passage = replacementBetween(mistaken, file.content)?.old ?? "";
        if (!explainPassage(file, passage)?.includes(why)) missed.push(`${file.path}: cannot explain ${why}`);
      }
      writeFileSync(join(drive.folder, file.path), file.content);
    }
    expect(missed).toEqual([]);
  });
});
