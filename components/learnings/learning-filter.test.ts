import { expect, test } from "vitest";
import { filterQuery, readFilter } from "./learning-filter";

test("what stands in an address is read again", () => {
  const filter = {
    q: "port & test",
    kind: "gotcha",
    project: "shop",
    stack: "node",
    pinned: "true",
  } as const;
  expect(readFilter(new URLSearchParams(filterQuery(filter)))).toEqual(filter);
  expect(filterQuery({})).toBe("");
  expect(readFilter(new URLSearchParams("job=JOB-1"))).toEqual({ job: "JOB-1" });
});

test("what is no valid value is left out", () => {
  const params = new URLSearchParams("q=+&kind=x&project=a/b&stack=cobol&pinned=yes&job=a b");
  expect(readFilter(params)).toEqual({});
});

test("words are searched in everything, also on the page of one job", () => {
  expect(readFilter(new URLSearchParams("q=port&job=JOB-1"))).toEqual({ q: "port" });
});
