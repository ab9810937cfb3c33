import { expect, test } from "vitest";
import { MAX_PROGRAMS, registerRequest } from "./protocol";

const registering = (count: number) =>
  registerRequest.safeParse({
    protocol: 1,
    name: "r",
    slots: 1,
    driver: "bubblewrap",
    probe: [],
    programs: Object.fromEntries(Array.from({ length: count }, (_, i) => [`program${i}`, "1.0"])),
  });

test("a runner names so many programs and no more", () => {
  expect(registering(MAX_PROGRAMS).success).toBe(true);
  expect(registering(MAX_PROGRAMS + 1).error?.issues).toMatchObject([
    { path: ["programs"], message: `At most ${MAX_PROGRAMS} programs may be named.` },
  ]);
});
