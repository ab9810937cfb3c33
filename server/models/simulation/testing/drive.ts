// For tests: drives the simulation through a project as the real pipeline does, with a temporary folder as the
// workspace and real programs. No sandbox: the simulation's own code is what runs here.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Role } from "../../../domain/roles";
import type { Message, ModelAnswer, ModelProvider, ToolCall, ToolDefinition, ToolResult } from "../../port";
import { createSimulation } from "../simulation";
import { tasksOfSpec } from "../spec";

export interface DriveJob {
  kind?: "build" | "change";
  folder?: string;
  title: string;
  description: string;
  features: string[];
  stack: string[];
  toolchains: ("python" | "node")[];
  context: string | null;
}

export interface ProgramRun {
  code: number;
  output: string;
}

const text = { type: "string" };
const tool = (name: string, properties: Record<string, unknown>, required: string[]): ToolDefinition => ({
  name,
  description: name,
  input: { type: "object", properties, required },
});
const WORK = [
  tool("run", { command: text, timeout_seconds: { type: "number" } }, ["command"]),
  tool("read", { path: text, start: { type: "number" }, end: { type: "number" } }, ["path"]),
  tool("write", { path: text, content: text }, ["path", "content"]),
  tool("edit", { path: text, old: text, new: text }, ["path", "old", "new"]),
  tool("search", { pattern: text, path: text }, ["pattern"]),
];
const FINISH = tool("finish", { summary: text }, []);

/** Everything a test may want to know about one agent run. */
export interface AgentRun {
  answers: ModelAnswer[];
  finished: Record<string, unknown> | null;
}

export class Drive {
  readonly folder = mkdtempSync(join(tmpdir(), "simulation-"));
  private readonly provider: ModelProvider = createSimulation();
  spec = "";

  constructor(
    private readonly job: DriveJob,
    private readonly model = "sim-1",
    private readonly maxTokens = 4096,
    /** How the list of files is shown to an agent. */
    private readonly shown: (files: readonly string[]) => string = (files) => files.join("\n"),
  ) {}

  /** Puts files into the workspace before anything else happens. */
  seed(content: Record<string, string>): void {
    for (const [path, text] of Object.entries(content)) this.put(path, text);
  }

  /** Plans and returns the task titles. */
  async plan(): Promise<string[]> {
    const run = await this.agent("planner", [], this.job.kind === "change" ? this.fileBlock() : "");
    this.spec = String(run.finished?.spec ?? "");
    return tasksOfSpec(this.spec);
  }

  /** One coder, tester, fixer or debugger run of task n. */
  async task(role: Role, n: number, extra = ""): Promise<AgentRun> {
    const titles = tasksOfSpec(this.spec);
    const title = titles[n - 1];
    // The fixer of a merge works for no task.
    const task =
      title === undefined ? "" : `<task>${JSON.stringify({ n, of: titles.length, title })}</task>\n`;
    const blocks = `<spec>\n${this.spec}\n</spec>\n${task}${this.fileBlock()}\n${extra}`;
    return this.agent(role, WORK, blocks);
  }

  /** Plans, then runs coder and tester of every task. */
  async build(): Promise<string[]> {
    const titles = await this.plan();
    for (const index of titles.keys()) {
      await this.task("coder", index + 1);
      await this.task("tester", index + 1);
    }
    return titles;
  }

  private fileBlock(): string {
    return `<files>\n${this.shown(this.files())}\n</files>`;
  }

  private put(path: string, content: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  /** Paths of all files, as a tree listing has them. */
  files(): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/__pycache__|\.pytest_cache|\.git(?:\/|$)/.test(entry.parentPath))
      .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)))
      .sort();
  }

  /** Runs a program in the workspace. */
  run(program: string, args: string[]): Promise<ProgramRun> {
    return new Promise((resolve) => {
      const { NODE_TEST_CONTEXT: _own, NODE_OPTIONS: _options, VITEST: _vitest, ...env } = process.env;
      const options = { cwd: this.folder, env: { ...env, PYTHONDONTWRITEBYTECODE: "1" }, maxBuffer: 1e7 };
      execFile(program, args, options, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
        resolve({ code, output: `${stdout}\n${stderr}` });
      });
    });
  }

  private async agent(role: Role, tools: ToolDefinition[], blocks: string): Promise<AgentRun> {
    const messages: Message[] = [{ role: "user", text: `<job>${JSON.stringify(this.job)}</job>\n${blocks}` }];
    const answers: ModelAnswer[] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      const answer = await this.provider.ask({
        model: this.model,
        role,
        system: `You are the ${role}.`,
        messages,
        tools: [...tools, FINISH],
        maxTokens: this.maxTokens,
        forceTool: role === "planner" ? "finish" : null,
        signal: new AbortController().signal,
      });
      answers.push(answer);
      const finished = answer.calls.find((call) => call.name === "finish");
      const results: ToolResult[] = [];
      for (const call of answer.calls) if (call !== finished) results.push(await this.apply(call));
      if (finished && !results.some((result) => result.isError)) {
        return { answers, finished: finished.input as Record<string, unknown> };
      }
      messages.push({ role: "assistant", text: answer.text, calls: answer.calls });
      messages.push({
        role: "user",
        text: results.length > 0 ? "" : "That was not a tool call. Call a tool.",
        results,
      });
    }
    return { answers, finished: null };
  }

  private async apply(call: ToolCall): Promise<ToolResult> {
    try {
      return { callId: call.id, content: await this.perform(call), isError: false };
    } catch (error) {
      return {
        callId: call.id,
        content: error instanceof Error ? error.message : String(error),
        isError: true,
      };
    }
  }

  /** Carries out a call; what it throws is told as an error. */
  protected async perform({ name, input }: ToolCall): Promise<string> {
    const { path, content, old, new: fresh, command, pattern } = input as Record<string, unknown>;
    if (name === "run") return (await this.run("sh", ["-c", String(command)])).output;
    if (name === "search") {
      const found = await this.run("grep", ["-rnE", "--exclude-dir=.git", String(pattern), "."]);
      return found.output.replace(/^\.\//gm, "").trim() || "nothing found";
    }
    if (typeof path !== "string") throw new Error("path must be text");
    const file = join(this.folder, path);
    if (name === "write") {
      if (typeof content !== "string") throw new Error("content must be text");
      this.put(path, content);
      return "written";
    }
    if (!existsSync(file)) throw new Error(`no file ${path}`);
    const current = readFileSync(file, "utf8");
    if (name === "read")
      return current
        .replace(/\n$/, "")
        .split("\n")
        .map((line, index) => `${index + 1}\t${line}`)
        .join("\n");
    if (current.split(String(old)).length !== 2) throw new Error("old must occur exactly once");
    writeFileSync(
      file,
      current.replace(String(old), () => String(fresh)),
    );
    return "edited";
  }
}
