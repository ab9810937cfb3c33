/**
 * Serves the test run's database cluster to all workers. It is started by the first test that asks,
 * so a run of pure tests never pays for it.
 */
import { createServer } from "node:http";
import { CLUSTER_ADDRESS_VARIABLE, startTestCluster, type TestCluster } from "./postgres";

let cluster: Promise<TestCluster> | undefined;

const broker = createServer((_request, response) => {
  cluster ??= startTestCluster();
  cluster.then(
    ({ adminUrl, template }) => response.end(JSON.stringify({ adminUrl, template })),
    (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
  );
});

/** Called by vitest once before all workers. */
export async function setup(): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    broker.once("error", reject);
    broker.listen(0, "127.0.0.1", resolve);
  });
  const address = broker.address();
  if (typeof address !== "object" || !address) throw new Error("The broker has no address.");
  process.env[CLUSTER_ADDRESS_VARIABLE] = `http://127.0.0.1:${address.port}`;
}

/** Called by vitest once after all workers. */
export async function teardown(): Promise<void> {
  broker.closeAllConnections();
  broker.close();
  await cluster?.then(
    (running) => running.stop(),
    () => undefined,
  );
}
