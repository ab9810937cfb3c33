import { expect, test } from "vitest";
import type { ExternalEvent } from "../protocol";
import { ServerRefusal } from "../server-client";
import { EventSender } from "./event-sender";

const iteration = (n: number): ExternalEvent => ({ type: "iteration", n });

/** An app that stores by number and may refuse some events. */
function app(refuses: (event: ExternalEvent) => ServerRefusal | null = () => null) {
  const stored: ExternalEvent[] = [];
  const sizes: number[] = [];
  const send = async (first: number, events: ExternalEvent[]) => {
    expect(first).toBe(stored.length);
    for (const event of events) {
      const refusal = refuses(event);
      if (refusal) throw refusal;
    }
    stored.push(...events);
    sizes.push(events.length);
    return stored.length;
  };
  return { stored, sizes, send };
}

test("events go out in order, put together, numbered without gaps", async () => {
  const { stored, sizes, send } = app();
  const sender = new EventSender({ send, onFailure: () => {} });
  for (let n = 0; n < 450; n++) sender.add(iteration(n));
  await sender.idle();
  sender.add(iteration(450));
  await sender.idle();
  expect(stored).toEqual(Array.from({ length: 451 }, (_, n) => iteration(n)));
  expect(sizes).toEqual([200, 200, 50, 1]);
});

test("one that the app will not have is left out, the others stay", async () => {
  const unwanted = new ServerRefusal("refused", 400, "bad_request", "No.");
  const { stored, send } = app((event) => (event.type === "iteration" && event.n === 13 ? unwanted : null));
  const sender = new EventSender({ send, onFailure: () => {} });
  for (let n = 0; n < 40; n++) sender.add(iteration(n));
  await sender.idle();
  expect(stored.map((event) => event.type === "iteration" && event.n)).toEqual(
    Array.from({ length: 40 }, (_, n) => n).filter((n) => n !== 13),
  );
});

test("without a lease nothing more is sent", async () => {
  const over = new ServerRefusal("over", 410, "lease_over", "Over.");
  const failures: unknown[] = [];
  const { stored, send } = app(() => over);
  const sender = new EventSender({ send, onFailure: (error) => failures.push(error) });
  sender.add(iteration(1));
  await sender.idle();
  sender.add(iteration(2));
  await sender.idle();
  expect([stored, failures]).toEqual([[], [over]]);
});

test("more than can wait is counted, not kept", async () => {
  const { stored, send } = app();
  const sender = new EventSender({ send, onFailure: () => {} });
  for (let n = 0; n < 10_000; n++) sender.add(iteration(n));
  await sender.idle();
  expect(stored).toHaveLength(2_001);
  expect(stored.at(-1)).toMatchObject({ type: "invalid", count: 8_000 });
});
