import { existsSync, mkdtempSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ModelDoor, type ModelDoorOptions, removeStaleDoors } from "./model-door";

let door: ModelDoor | null = null;
afterEach(async () => {
  await door?.close();
  door = null;
});

interface Asked {
  path: string;
  headers: Record<string, string>;
  body: string;
}

async function open(answer: () => Response | Promise<Response>, more: Partial<ModelDoorOptions> = {}) {
  const asked: Asked[] = [];
  const told: string[] = [];
  door = await ModelDoor.open({
    ask: async (path, { headers, body }) => {
      asked.push({ path, headers, body: Buffer.from(body).toString("utf8") });
      return answer();
    },
    onCap: () => told.push("cap"),
    onOver: () => told.push("over"),
    ...more,
  });
  return { asked, told };
}

/** As a program in the sandbox would ask, over a connection through the door. */
function ask(path: string, { method = "POST", body = "{}", headers = {} } = {}) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const call = request(
        { method, path, headers, createConnection: () => (door as ModelDoor).connect() },
        (response) => {
          let text = "";
          response.on("data", (part) => {
            text += part;
          });
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
          );
        },
      );
      call.on("error", reject);
      call.end(method === "GET" ? undefined : body);
    },
  );
}

test("questions go through with the headers that concern the provider, and nothing else", async () => {
  const { asked } = await open(
    () => new Response("data: 1\n\n", { headers: { "content-type": "text/event-stream" } }),
  );
  const headers = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "a,b",
    "x-api-key": "made-up",
    authorization: "Bearer made-up",
    "x-fabrica-fence": "99",
    cookie: "a=b",
    "content-type": "application/json",
  };
  const answer = await ask("/v1/messages?beta=true", { body: '{"a":1}', headers });
  expect([answer.status, answer.text, answer.headers["content-type"]]).toEqual([
    200,
    "data: 1\n\n",
    "text/event-stream",
  ]);
  expect(asked).toEqual([
    {
      path: "/v1/messages",
      headers: {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a,b",
        "content-type": "application/json",
      },
      body: '{"a":1}',
    },
  ]);
});

test("what a killed host left is removed, what a live one has stays", async () => {
  await open(() => new Response("{}"));
  const left = mkdtempSync(join(tmpdir(), "fabrica-model-999999999-"));
  await removeStaleDoors();
  expect(existsSync(left)).toBe(false);
  expect((await ask("/v1/messages")).status).toBe(200);
});

test.each([
  ["GET", "/v1/messages"],
  ["POST", "/v1/messages/"],
  ["POST", "/v1/files"],
  ["POST", "/v1/messages/batches"],
  ["POST", "/v1/messages/../../heartbeat"],
  ["POST", "//evil.example/v1/messages"],
  ["POST", "http://evil.example/v1/models"],
  ["PUT", "/v1/messages"],
])("%s %s leads nowhere", async (method, path) => {
  const { asked } = await open(() => new Response("{}"));
  const answer = await ask(path, { method });
  expect([answer.status, JSON.parse(answer.text).error.type]).toEqual([404, "not_found_error"]);
  expect(asked).toEqual([]);
});

test("the host hears of a cap and of the end of its lease", async () => {
  let status = 402;
  const { told } = await open(() => new Response('{"type":"error"}', { status }));
  expect((await ask("/v1/messages")).status).toBe(402);
  for (status of [409, 410, 401]) await ask("/v1/messages");
  expect(told).toEqual(["cap", "over", "over", "over"]);
});

test("an app that is away is an overloaded model", async () => {
  await open(() => Promise.reject(new Error("ECONNREFUSED")));
  const answer = await ask("/v1/messages");
  expect([answer.status, JSON.parse(answer.text).error.type]).toEqual([529, "overloaded_error"]);
});

test("a question over the limit is refused, however it is sent", async () => {
  const { asked } = await open(() => new Response("{}"));
  expect((await ask("/v1/messages", { body: "x".repeat(17 * 1024 * 1024) })).status).toBe(413);
  expect(asked).toEqual([]);
});

test("whoever leaves in the middle ends the question", async () => {
  let aborted = false;
  await open(() => new Response("{}"), {
    ask: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason);
        });
      }),
  });
  const call = request({
    method: "POST",
    path: "/v1/messages",
    createConnection: () => (door as ModelDoor).connect(),
  });
  call.on("error", () => {});
  call.end("{}");
  await new Promise((resolve) => call.once("socket", (socket) => socket.once("connect", resolve)));
  const left = setInterval(() => call.destroy(), 20);
  await expect.poll(() => aborted).toBe(true);
  clearInterval(left);
});
