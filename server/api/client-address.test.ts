import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { clientAddress, recordPeerAddresses } from "./client-address";

Object.assign(process.env, {
  DATABASE_URL: "postgres://localhost/none",
  DATA_DIR: "/nowhere",
  FABRICA_AUTH_SECRET: "x".repeat(32),
});

test("the address of the socket counts, whatever the client claims, and so does the host that was asked", async () => {
  recordPeerAddresses();
  const server = createServer((request, response) => {
    const headers = new Headers(request.headers as Record<string, string>);
    response.end(`${clientAddress(headers)} ${headers.get("x-forwarded-host")} ${headers.get("forwarded")}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const host = { "x-forwarded-host": "evil.test", forwarded: "host=evil.test" };
  const claims = { "x-forwarded-for": "203.0.113.9", "x-fabrica-peer": "203.0.113.9", ...host };
  const answer = await fetch(`http://127.0.0.1:${port}`, { headers: claims });
  expect(await answer.text()).toBe("127.0.0.1 null null");
  await new Promise((resolve) => server.close(resolve));
});

test("without a known address all share one", () => {
  expect(clientAddress(new Headers({ "x-forwarded-for": "203.0.113.9" }))).toBe("unknown");
});
