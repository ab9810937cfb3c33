import { expect, test } from "vitest";
import type { JobView } from "../../server/domain/outputs";
import { report } from "./run-demo";

test("why a job failed may be what a program has said, which does not steer the terminal", () => {
  const said = "\u001b]0;title\u0007\u001b[2Jstuck\r\nover \u202eline\u0000";
  const job = { job_id: "JOB-1", status: "failed", iterations: 1, cost_usd: 0, error_message: said };
  const lines = report(
    { ...job, test_results: null, elapsed_seconds: null, output_path: null } as JobView,
    "",
  );
  const why = lines.find((line) => line.startsWith("Why: "));
  expect(why).toContain("stuck");
  expect(why).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
});
