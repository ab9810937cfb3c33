// Jobs that ask for a deploy bundle, over REST: what is refused in plain words, and what is shown.
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let ana: Person;
beforeAll(async () => {
  factory = await startFactory();
  ana = await addPerson(factory.db, "ana", "north", "member");
});
afterAll(() => factory.close());

const ask = async (method: string, path: string, body?: unknown) =>
  read(
    await handleRest(
      makeRequest(method, path, { token: ana.token, ...(body === undefined ? {} : { body }) }),
      factory.db,
    ),
  );

const KNOWN = /docker-compose, systemd/;

test.each<[string, unknown, RegExp]>([
  ["an unknown name", ["kubernetes"], KNOWN],
  ["another spelling", ["systemd", "Docker-Compose"], KNOWN],
  ["a name twice", ["systemd", "systemd"], /name each deploy target once/],
  ["too many", ["systemd", "docker-compose", "systemd"], KNOWN],
  ["far too many", Array.from({ length: 1_000 }, () => "systemd"), KNOWN],
  ["an empty name", [""], KNOWN],
  ["no name", [null], KNOWN],
  ["what cannot be turned into text", [{ toString: 1 }], KNOWN],
  ["a name that is no list", "systemd", /deploy_targets/],
  ["a mapping", { systemd: true }, /deploy_targets/],
  ["null", null, /deploy_targets/],
])("%s is refused in plain words, and nothing is filed", async (_name, targets, message) => {
  const { status, json } = await ask("POST", "/api/v1/jobs", { title: "Shop", deploy_targets: targets });
  expect(status).toBe(400);
  expect(JSON.stringify(json)).toMatch(message);
  expect(await factory.db.job.count()).toBe(0);
});

test("an external agent is not asked for one", async () => {
  const body = { title: "Shop", agent: "external", deploy_targets: ["systemd"] };
  const { status, json } = await ask("POST", "/api/v1/jobs", body);
  expect([status, json.error.message]).toEqual([400, expect.stringContaining("deploy_targets: an external")]);
});

test("a job shows its targets, in the order of the list; without any it has none", async () => {
  const body = { title: "Shop", deploy_targets: ["systemd", "docker-compose"] };
  const { status, json } = await ask("POST", "/api/v1/jobs", body);
  expect(status).toBe(201);
  expect(json.deploy_targets).toEqual(["docker-compose", "systemd"]);
  const plain = await ask("POST", "/api/v1/jobs", { title: "Other" });
  expect(plain.json.deploy_targets).toEqual([]);
  const listed = await ask("GET", "/api/v1/jobs");
  const jobs = listed.json.jobs as { title: string; deploy_targets: string[] }[];
  expect(jobs.map(({ title, deploy_targets }) => [title, deploy_targets.length])).toEqual([
    ["Other", 0],
    ["Shop", 2],
  ]);
});
