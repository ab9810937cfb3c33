/**
 * A whole factory of its own with a git server, and a model that is a script where one is wanted: where evaluation
 * tasks are worked off. Invariant: after `stop` nothing of it is left.
 */
import type { ApiClient } from "@/cli/client/api";
import { GitServer } from "../support/git-server";
import { Factory } from "../system/factory";
import type { Place } from "./evaluate";
import { type RunningModel, startScriptedModel } from "./scripted-model";
import { type EvalTask, kindOf } from "./task";

const ACCESS = { username: "robot", password: "s3cret-canary-word" };

export interface PlaceOptions {
  tasks: readonly EvalTask[];
  /** Starts the scripted model as the provider anthropic. */
  scripted: boolean;
  /** Further settings of the factory. */
  env?: Record<string, string>;
  /** Further fields of every job. */
  request: Record<string, unknown>;
  /** Jobs at a time. */
  workers: number;
  /** When a job is given up, in milliseconds. */
  limitMs: number;
}

export class OwnPlace implements Place {
  private constructor(
    private readonly options: PlaceOptions,
    private readonly factory: Factory,
    private readonly server: GitServer,
    private readonly model: RunningModel | null,
  ) {}

  /** @throws with the launcher's words when the factory does not start; nothing is left then */
  static async start(options: PlaceOptions): Promise<OwnPlace> {
    const { tasks, scripted, env = {}, workers } = options;
    const server = await GitServer.start({ credentials: ACCESS });
    for (const task of tasks) if (kindOf(task) === "change") server.create(task.name);
    const model = scripted ? await startScriptedModel(tasks) : null;
    const given: Record<string, string> = model
      ? { ANTHROPIC_API_KEY: "test", ANTHROPIC_BASE_URL: model.url }
      : {};
    try {
      const settings: Record<string, string> = { GIT_REMOTES: server.origin, ...given, ...env };
      const factory = await Factory.start({ env: settings, fast: false, workers, ownGroup: true });
      return new OwnPlace(options, factory, server, model);
    } catch (error) {
      await model?.stop();
      await server.stop();
      throw error;
    }
  }

  get client(): ApiClient {
    return this.factory.client;
  }

  get git(): Place["git"] {
    return { url: (name) => this.server.url(name), access: ACCESS };
  }

  get request(): Place["request"] {
    return this.options.request;
  }

  get limitMs(): number {
    return this.options.limitMs;
  }

  /** The last lines of the factory's processes. */
  log(): string {
    return this.factory.log();
  }

  /** @throws what the factory left behind; all else is ended all the same */
  async stop(): Promise<void> {
    try {
      await this.factory.stop();
    } finally {
      await this.model?.stop();
      await this.server.stop();
    }
  }
}
