// What tests of agents begin with: a core whose agents ask a scripted model, and a team with one person.
import type { Ctx } from "@/server/context";
import { ScriptedModel } from "./scripted-model";
import { addTeam, type Core, startCore } from "./settings";

export interface ScriptedCore extends Core {
  model: ScriptedModel;
  ctx: Ctx;
}

/** As startCore: in `beforeAll`, before anything reads the settings. Closing it closes the model. */
export async function startScriptedCore(): Promise<ScriptedCore> {
  const model = await ScriptedModel.start();
  const core = await startCore({ ANTHROPIC_API_KEY: "test", ANTHROPIC_BASE_URL: model.url });
  const ctx = await addTeam(core.db, "north");
  return {
    ...core,
    model,
    ctx,
    async close() {
      await core.close();
      await model.close();
    },
  };
}
