import { expect, test } from "vitest";
import { readPlace, transcriptQuery } from "./transcript-place";

test("a place is found again in its address", () => {
  const place = { run: 2, agentRun: "task-1/fix-2 & more", turn: 7 };
  expect(readPlace(new URLSearchParams(transcriptQuery(place)))).toEqual(place);
  expect(readPlace(new URLSearchParams(transcriptQuery({ ...place, turn: null })))).toEqual({
    ...place,
    turn: null,
  });
  expect(transcriptQuery(null)).toBe("?tab=transcript");
  expect(readPlace(new URLSearchParams(transcriptQuery(null)))).toBeNull();
});

test.each(["0", "-1", "1e3", "x", "", "99999999999"])("a turn of %j is no turn", (turn) => {
  const params = new URLSearchParams({ agent: "plan", run: turn, turn });
  expect(readPlace(params)).toEqual({ agentRun: "plan", run: null, turn: null });
});
