import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { clientAddress, recordPeerAddresses } from "./client-address";

Object.assign(process.env, {
  DATABASE_URL: "postgres://localhost/none",
  DATA_DIR: "/nowhere",
  FABRICA_AUTH_SECRET: "x".repeat(32),
});

test("the address of the socket counts, whatever the client claims", async () => {
  recordPeerAddresses();
  const server = createServer((request, response) => {
    response.end(clientAddress(new Headers(request.headers as Record<string, string>)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const claims = { "x-forwarded-for": "203.0.113.9", "x-fabrica-peer": "203.0.113.9" };
  const answer = await fetch(`http://127.0.0.1:${port}`, { headers: claims });
  expect(await answer.text()).toBe("127.0.0.1");
  await new Promise((resolve) => server.close(resolve));
});

test("without a known address all share one", () => {
  expect(clientAddress(new Headers({ "x-forwarded-for": "203.0.113.9" }))).toBe("unknown");
});
