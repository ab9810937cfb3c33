import { z } from "zod";

/** For the API's document; the header itself is read with the request. */
export const idempotencyHeader = z.object({
  "Idempotency-Key": z.string().max(200).optional().describe("Any text that names this request and no other"),
});
