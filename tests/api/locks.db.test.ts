// The files that jobs hold, over REST: a team sees its own projects and no other's.
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { takeLocks } from "@/server/services/locks/take-locks";
import { claimJob } from "@/server/services/queue/claim-job";
import { addWorkers } from "../support/settings";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
beforeAll(async () => {
  factory = await startFactory();
});
afterAll(() => factory.close());

async function fileAndClaim(person: Person, project: string, worker: string): Promise<string> {
  const { db } = factory;
  const made = await db.project.create({
    data: { teamId: person.teamId, name: project, repositoryUrl: "https://git.test/x.git" },
  });
  const body = { title: `Changes ${project}`, files: ["src/", "README.md"], project };
  const filed = makeRequest("POST", "/api/v1/jobs", { token: person.token, body });
  const { json } = await read(await handleRest(filed, db));
  expect(await db.job.count({ where: { publicId: json.job_id, projectId: made.id } })).toBe(1);
  const claimed = await claimJob(db, worker, 60);
  if (!claimed) throw new Error("Nothing could be claimed.");
  expect(await takeLocks(db, claimed)).toEqual({ taken: true });
  return json.job_id;
}

test("GET /locks lists what the team's own jobs hold", async () => {
  const { db } = factory;
  const [one, two] = (await addWorkers(db, 2)) as [string, string];
  const ana = await addPerson(db, "ana", "north", "member");
  const eve = await addPerson(db, "eve", "south", "admin");
  const ours = await fileAndClaim(ana, "shop", one);
  const theirs = await fileAndClaim(eve, "vault", two);
  const body = { title: "Waits", files: ["src/deep/a.ts"], project: "shop" };
  const asked = makeRequest("POST", "/api/v1/jobs", { token: ana.token, body });
  const { json: waits } = await read(await handleRest(asked, db));
  await db.job.update({ where: { publicId: waits.job_id }, data: { waitingCode: "files" } });
  const ask = async (person: Person) =>
    read(await handleRest(makeRequest("GET", "/api/v1/locks", { token: person.token }), db));
  const { status, json } = await ask(ana);
  expect(status).toBe(200);
  const held = { project: "shop", job_id: ours, title: "Changes shop", declared: true };
  expect(json).toEqual({
    locks: [
      { ...held, path: "README.md", until: expect.stringMatching(/^\d{4}-.*Z$/), waiting: [] },
      { ...held, path: "src/", until: expect.stringMatching(/^\d{4}-.*Z$/), waiting: [waits.job_id] },
    ],
    total: 2,
  });
  const other = (await ask(eve)).json;
  expect(other.locks.map((lock: { job_id: string }) => lock.job_id)).toEqual([theirs, theirs]);
  expect(JSON.stringify(other)).not.toContain(ours);
  const shown = makeRequest("GET", `/api/v1/jobs/${waits.job_id}`, { token: ana.token });
  expect((await read(await handleRest(shown, db))).json).toMatchObject({
    waiting_code: "files",
    waiting_reason: `waits for ${ours}, which holds src/`,
  });
});
