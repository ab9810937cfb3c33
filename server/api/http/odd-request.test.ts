import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerOdd, refuseUpgrades } from "./odd-request";

let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (!answerOdd(request, response)) response.end(`through ${request.url}`);
  });
  // As Next does, which then waits for somebody to take the connection over.
  server.on("upgrade", () => undefined);
  refuseUpgrades(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => server.close());

/** Everything that comes back until the connection ends. */
async function send(line: string, headers = "Connection: close\r\n"): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
  });
  socket.write(`${line} HTTP/1.1\r\nHost: fabrica.test\r\n${headers}\r\n`);
  await once(socket, "close");
  return answer;
}

test.each([
  ["GET /jobs/%E0%A4", 400, "bad_request"],
  ["GET /api/v1/jobs/%ff/events", 400, "bad_request"],
  ["GET /%", 400, "bad_request"],
  ["GET /%zz?x=1", 400, "bad_request"],
  ["GET http://evil.test/%E0%A4", 400, "bad_request"],
  ["OPTIONS *", 400, "bad_request"],
  ["GET *", 400, "bad_request"],
  ["GET ftp://evil.test/", 400, "bad_request"],
  ["TRACE /", 405, "method_not_allowed"],
  ["TRACE /api/inngest", 405, "method_not_allowed"],
  ["POST /", 405, "method_not_allowed"],
  ["POST /schemas/fabrica.json", 405, "method_not_allowed"],
  ["PUT /apis?x=/api/", 405, "method_not_allowed"],
  ["OPTIONS /jobs", 405, "method_not_allowed"],
  ["PROPFIND //api/v1/jobs", 405, "method_not_allowed"],
])("%s: %s", async (line, status, code) => {
  const answer = await send(line);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  const { error } = JSON.parse(answer.slice(answer.indexOf("{")));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(/^\w.* .*\.$/);
});

test.each([
  ["GET /", "/"],
  ["GET /jobs/a%2Fb%C3%A9?q=%E0%A4", "/jobs/a%2Fb%C3%A9?q=%E0%A4"],
  ["GET //double", "//double"],
  ["GET http://evil.test/jobs?x=1", "/jobs?x=1"],
  ["GET HTTP://evil.test", "/"],
  ["GET http://evil.test?x=1", "/?x=1"],
  ["HEAD /", ""],
  ["DELETE /api/v1/jobs", "/api/v1/jobs"],
  ["OPTIONS /api/", "/api/"],
])("%s goes through as %s", async (line, target) => {
  const answer = await send(line);
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  if (target !== "") expect(answer).toContain(`through ${target}`);
});

test.each(["websocket", "h2c", "%00"])("an upgrade to %s is refused at once", async (protocol) => {
  const answer = await send("GET /jobs", `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
});
