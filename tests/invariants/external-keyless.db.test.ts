// A factory without a key of a model's provider says so to external agents, in the provider's own language.
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerWorkerRequest } from "@/server/api/worker/handle-worker-call";
import { registerRunner } from "@/server/services/runners/register-runner";
import { type Core, startCore } from "../support/settings";

let core: Core;
beforeAll(async () => {
  core = await startCore({ ANTHROPIC_API_KEY: "" });
});
afterAll(() => core.close());

test("a question is refused with a plain sentence", async () => {
  const { workers } = await registerRunner(core.db, {
    protocol: 1,
    name: "host",
    slots: 1,
    driver: "bubblewrap",
    probe: [{ name: "memory", result: "pass", detail: "limited" }],
    programs: {},
    agent: "external",
  });
  const [{ worker_id: id, token } = { worker_id: "", token: "" }] = workers;
  for (const path of ["messages", "messages/count_tokens"]) {
    const response = await answerWorkerRequest(
      new Request(`http://fabrica.test/api/worker/${id}/anthropic/v1/${path}`, {
        method: "POST",
        headers: { "x-api-key": token },
        body: JSON.stringify({
          model: "claude-sonnet-4-6",
          max_tokens: 10,
          messages: [{ role: "user", content: "x" }],
        }),
      }),
    );
    expect(response.status).toBe(503);
    const { type, error } = (await response.json()) as {
      type: string;
      error: { type: string; message: string };
    };
    expect([type, error.type]).toEqual(["error", "api_error"]);
    expect(error.message).toContain("ANTHROPIC_API_KEY");
  }
});
