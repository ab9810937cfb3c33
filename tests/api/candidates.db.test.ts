// Jobs that are worked out several times, over REST: what is refused, what is shown, and to whom.
import { afterAll, beforeAll, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { makeCandidates } from "@/server/services/candidates/make-candidates";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let ana: Person;
let eve: Person;
beforeAll(async () => {
  factory = await startFactory();
  ana = await addPerson(factory.db, "ana", "north", "member");
  eve = await addPerson(factory.db, "eve", "south", "admin");
});
afterAll(() => factory.close());

const ask = async (person: Person, method: string, path: string, body?: unknown) =>
  read(
    await handleRest(
      makeRequest(method, path, { token: person.token, ...(body === undefined ? {} : { body }) }),
      factory.db,
    ),
  );

/** A job of ana's with its candidates. */
async function filed(candidates: number): Promise<string> {
  const { json } = await ask(ana, "POST", "/api/v1/jobs", { title: "Shop", candidates });
  const parent = await factory.db.job.findUniqueOrThrow({ where: { publicId: json.job_id } });
  const approaches = [{ title: "Lists", text: "Use lists." }];
  await factory.db.$transaction((tx) =>
    makeCandidates(tx, { parent, spec: "# Shop\n\n- [ ] All\n", approaches }),
  );
  return parent.publicId;
}

test.each([
  [{ candidates: 0 }, /candidates/],
  [{ candidates: 9 }, /candidates/],
  [{ candidates: 2.5 }, /candidates/],
  [{ candidates: "three" }, /candidates/],
  [{ candidates: 2, agent: "external" }, /candidates: an external agent does the whole job by itself/],
])("%j is refused in plain words", async (body, message) => {
  const { status, json } = await ask(ana, "POST", "/api/v1/jobs", { title: "Shop", ...body });
  expect(status).toBe(400);
  expect(JSON.stringify(json)).toMatch(message);
  expect(await factory.db.job.count({ where: { title: "Shop" } })).toBe(0);
});

test("a job shows its candidates side by side, and a list shows them when it is asked for them", async () => {
  const id = await filed(2);
  const { status, json } = await ask(ana, "GET", `/api/v1/jobs/${id}/detail`);
  expect(status).toBe(200);
  const nothing = {
    tests: null,
    held_back: null,
    lint: null,
    diff: null,
    cost_usd: 0,
    chosen: false,
    why: null,
  };
  expect(json.candidates).toMatchObject([
    {
      ...nothing,
      job_id: `${id}-CAND-1`,
      n: 1,
      status: "pending",
      approach: "Lists",
      duration_seconds: null,
    },
    { ...nothing, job_id: `${id}-CAND-2`, n: 2, status: "pending", approach: null },
  ]);
  const all = await ask(ana, "GET", "/api/v1/jobs");
  expect(all.json.jobs.map((job: { job_id: string }) => job.job_id)).toEqual([id]);
  const own = await ask(ana, "GET", `/api/v1/jobs?parent=${id}`);
  expect(own.json.jobs).toMatchObject([
    { job_id: `${id}-CAND-2`, kind: "candidate", parent: id, candidate: 2 },
    { job_id: `${id}-CAND-1`, parent: id, candidate: 1, approach: "Lists" },
  ]);
  expect((await ask(ana, "GET", "/api/v1/jobs?parent=JOB-1")).status).toBe(400);
  const one = await ask(ana, "GET", `/api/v1/jobs/${id}-CAND-1/detail`);
  expect(one.json).toMatchObject({ candidates: [], job: { parent: id } });
});

test("candidates of another team are nobody's business", async () => {
  const id = await filed(2);
  expect((await ask(eve, "GET", `/api/v1/jobs?parent=${id}`)).json.jobs).toEqual([]);
  expect((await ask(eve, "GET", `/api/v1/jobs/${id}-CAND-1`)).status).toBe(404);
  expect((await ask(eve, "POST", `/api/v1/jobs/${id}-CAND-1/pause`)).status).toBe(404);
});

test("a candidate alone can neither rest nor begin again, which is said with what to do instead", async () => {
  const id = await filed(2);
  for (const what of ["pause", "resume", "retry"]) {
    const { status, json } = await ask(ana, "POST", `/api/v1/jobs/${id}-CAND-1/${what}`);
    expect([what, status]).toEqual([what, 409]);
    expect(JSON.stringify(json)).toContain(`${what} ${id} instead`);
  }
  expect((await ask(ana, "DELETE", `/api/v1/jobs/${id}-CAND-1`)).json).toMatchObject({ status: "cancelled" });
});
