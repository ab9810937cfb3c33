/** A whole factory, a git server with a password and a model that is a script: where evaluation tasks are worked off. */
import type { ApiClient } from "@/cli/client/api";
import type { Place } from "../eval/evaluate";
import { type RunningModel, startScriptedModel } from "../eval/scripted-model";
import type { EvalTask } from "../eval/task";
import { GitServer } from "../support/git-server";
import { Factory } from "./factory";

const ROLES = ["planner", "coder", "tester", "fixer"];
const ACCESS = { username: "robot", password: "s3cret-canary-word" };

export class ScriptedPlace implements Place {
  readonly models = Object.fromEntries(ROLES.map((role) => [role, "anthropic/claude-sonnet-4-6"]));
  readonly limitMs = 300_000;

  private constructor(
    private readonly factory: Factory,
    private readonly server: GitServer,
    private readonly model: RunningModel,
  ) {}

  static async start(tasks: readonly EvalTask[]): Promise<ScriptedPlace> {
    const server = await GitServer.start({ credentials: ACCESS });
    for (const { name } of tasks) server.create(name);
    const model = await startScriptedModel(tasks);
    const env = { GIT_REMOTES: server.origin, ANTHROPIC_API_KEY: "test", ANTHROPIC_BASE_URL: model.url };
    return new ScriptedPlace(await Factory.start({ env, fast: false }), server, model);
  }

  get client(): ApiClient {
    return this.factory.client;
  }

  get git(): Place["git"] {
    return { url: (name) => this.server.url(name), access: ACCESS };
  }

  log(): string {
    return this.factory.log();
  }

  async stop(): Promise<void> {
    await this.factory.stop();
    await this.model.stop();
    await this.server.stop();
  }
}
