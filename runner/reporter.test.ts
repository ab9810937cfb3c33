import { describe, expect, it } from "vitest";
import { until } from "@/tests/support/protocol-server";
import { MAX_CHUNK_CHARS, type ReportItem, reportRequest } from "./protocol";
import { Reporter } from "./reporter";
import { emptyResult } from "./run-command";
import { ServerRefusal } from "./server-client";

const tooLarge = () => new ServerRefusal("too_large", 413, "too_large", "It is too large.");
const done = (stdout = "") => ({ ...emptyResult(), exit_code: 0, stdout });

/** A reporter whose requests are kept; `refuse` looks at each one first. */
function setUp(refuse: (items: ReportItem[]) => Error | null = () => null) {
  const requests: ReportItem[][] = [];
  const stored: string[] = [];
  const failures: unknown[] = [];
  let gate = Promise.resolve();
  const reporter = new Reporter({
    send: async (items) => {
      await gate;
      const refusal = refuse(items);
      if (refusal) throw refusal;
      reportRequest.parse({ job_id: "j", fence: 1, items });
      requests.push(structuredClone(items));
    },
    onStored: (id) => stored.push(id),
    onFailure: (error) => failures.push(error),
  });
  const chunks = () => requests.flat().flatMap((item) => item.chunks);
  const hold = () => {
    let release = () => {};
    gate = new Promise((resolve) => {
      release = resolve;
    });
    return () => release();
  };
  return { reporter, requests, stored, failures, chunks, hold };
}

describe("reports of commands", () => {
  it("send output with the result when both are there", async () => {
    const { reporter, requests, stored } = setUp();
    reporter.output("a", "stdout", "one\n");
    reporter.output("a", "stdout", "two\n");
    reporter.result("a", done("one\ntwo\n"));
    await reporter.idle();
    expect(requests).toHaveLength(1);
    expect(requests[0]?.[0]?.chunks).toEqual([{ seq: 0, stream: "stdout", text: "one\ntwo\n" }]);
    expect(stored).toEqual(["a"]);
  });

  it("show output of a command that goes on", async () => {
    const { reporter, requests } = setUp();
    reporter.output("a", "stdout", "early");
    await until(() => requests.length === 1);
    expect(requests[0]).toMatchObject([{ command_id: "a", result: null }]);
    reporter.result("a", done("early"));
    await reporter.idle();
    expect(requests).toHaveLength(2);
  });

  it("put together what comes while a request travels, in order", async () => {
    const { reporter, requests, hold } = setUp();
    const release = hold();
    for (const id of ["a", "b", "c", "d"]) reporter.result(id, done(id));
    release();
    await reporter.idle();
    expect(requests.map((items) => items.map((item) => item.command_id))).toEqual([["a"], ["b", "c", "d"]]);
  });

  it("cut long text into chunks that the protocol accepts, without lone surrogates", async () => {
    const { reporter, chunks } = setUp();
    const text = `a${"😀".repeat(MAX_CHUNK_CHARS)}`;
    reporter.output("a", "stdout", text);
    reporter.result("a", done());
    await reporter.idle();
    expect(chunks().every((chunk) => chunk.text.isWellFormed())).toBe(true);
    expect(
      chunks()
        .map((chunk) => chunk.text)
        .join(""),
    ).toBe(text);
  });

  it("number chunks without gaps, in few requests, the result last", async () => {
    const { reporter, requests, chunks } = setUp();
    for (let line = 0; line < 500; line++) reporter.output("a", line % 2 ? "stdout" : "stderr", `${line}\n`);
    reporter.result("a", done());
    await reporter.idle();
    expect(chunks().map((chunk) => chunk.seq)).toEqual(chunks().map((_, index) => index));
    expect(requests.length).toBeLessThanOrEqual(4);
    expect(requests.flat().findIndex((item) => item.result)).toBe(requests.flat().length - 1);
  });

  it("replace a result that is not wanted by the reason, and send the others as they are", async () => {
    const { reporter, requests, hold } = setUp((items) =>
      items.some((item) => item.result?.stdout === "huge") ? tooLarge() : null,
    );
    const release = hold();
    for (const [id, text] of Object.entries({ a: "1", b: "2", c: "huge", d: "4" }))
      reporter.result(id, done(text));
    release();
    await reporter.idle();
    const results = requests.flat().map(({ command_id, result }) => [command_id, result?.failure ?? null]);
    expect(results).toEqual([
      ["a", null],
      ["b", null],
      ["c", "The app refused what the command sent: It is too large."],
      ["d", null],
    ]);
  });

  it("say that output was refused in the command's result", async () => {
    const { reporter, requests } = setUp((items) =>
      items.some((item) => item.chunks.length > 0) ? tooLarge() : null,
    );
    reporter.output("a", "stdout", "x");
    await reporter.idle();
    reporter.output("a", "stdout", "y");
    reporter.result("a", done("xy"));
    await reporter.idle();
    expect(requests.flat()).toMatchObject([{ chunks: [], result: { stdout: "" } }]);
    expect(requests.flat()[0]?.result?.failure).toContain("It is too large.");
  });

  it("end with the lease", async () => {
    const over = new ServerRefusal("over", 410, "lease_over", "The lease is over.");
    const { reporter, failures, stored } = setUp(() => over);
    reporter.result("a", done());
    await reporter.idle();
    reporter.result("b", done());
    await reporter.idle();
    expect(failures).toEqual([over]);
    expect(stored).toEqual([]);
  });
});
