// The simulation with the very commands that a sandbox runs for reading and searching: ranges of long files, outlines of
// large trees, and how a file that is not there is told.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { readLinesCommand, readObservation, searchCommand } from "@/server/agents/look-commands";
import { outlineOf } from "@/server/agents/outline";
import type { ToolCall } from "../../port";
import { Drive } from "../testing/drive";
import { ADD_SLUGIFY, NODE_ESM } from "../testing/repositories";

class SandboxDrive extends Drive {
  constructor() {
    super(ADD_SLUGIFY, "sim-1", 4096, outlineOf);
  }

  protected override async perform(call: ToolCall): Promise<string> {
    const {
      path = "",
      start = 1,
      pattern = "",
    } = call.input as { path?: string; start?: number; pattern?: string };
    if (call.name === "read") {
      const { stdout, stderr, status } = this.execute(readLinesCommand(path, start, undefined).argv);
      if (status !== 0) throw new Error(stderr);
      return readObservation(start, stdout, stderr);
    }
    if (call.name === "search") {
      const { stdout, status } = this.execute(searchCommand({ pattern }).argv);
      return status === 1 ? "nothing found" : stdout;
    }
    const said = await super.perform(call);
    return call.name === "run" ? `exit code 0\n${said}` : said;
  }

  private execute([program = "", ...args]: string[]) {
    return spawnSync(program, args, { cwd: this.folder, encoding: "utf8" });
  }
}

const drives: Drive[] = [];
afterEach(() => {
  for (const drive of drives.splice(0)) rmSync(drive.folder, { recursive: true, force: true });
});
function start(files: Record<string, string>): Drive {
  const drive = new SandboxDrive();
  drives.push(drive);
  drive.seed(files);
  return drive;
}

it("merges conflicts all over a long file", async () => {
  const long = Array.from({ length: 1500 }, (_, n) => `line ${n}`);
  const conflict = (ours: string, theirs: string) => ["<<<<<<< job", ours, "=======", theirs, ">>>>>>> base"];
  const content = [...long, ...conflict("1", "2"), ...long, ...conflict("3", "4"), ...conflict("1", "2"), ""];
  const drive = start({ "a b/x.txt": content.join("\n") });
  const failure = '"a b/x.txt" was changed on both sides; what does not fit stands between conflict markers.';
  const { finished } = await drive.task("fixer", 1, `<failure>${failure}</failure>`);
  expect(finished).toMatchObject({ files_changed: ["a b/x.txt"] });
  const merged = [...long, "1", "2", ...long, "3", "4", "1", "2", ""];
  expect(readFileSync(join(drive.folder, "a b/x.txt"), "utf8")).toBe(merged.join("\n"));
});

it("finds free names in a tree of which it sees an outline only", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 700 }, (_, n) => [`src/area-${n % 30}/part-${n}.js`, "export const a = 1;\n"]),
  );
  // So many that neither the outline nor the listing names the one that is in the way.
  const crowd = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`src/a${n}.js`, "export const a = 1;\n"]),
  );
  const files = { ...NODE_ESM, ...many, ...crowd, "src/slugify.js": "// of others\n" };
  const drive = start(files);
  await drive.run("git", ["init", "-q"]);
  await drive.build();
  expect(drive.files().filter((path) => !(path in files))).toEqual([
    "src/slugify-2.js",
    "test/slugify-2.test.js",
  ]);
  expect(readFileSync(join(drive.folder, "src/slugify.js"), "utf8")).toBe("// of others\n");
  const { code, output } = await drive.run("node", ["--test", "test/"]);
  expect(code, output.slice(-2000)).toBe(0);
});
