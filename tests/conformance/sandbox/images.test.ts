// Sandboxes of an image that a project names, with a real daemon: proved before they are offered, and given to nobody else.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readRunnerEnv } from "@/runner/env";
import { Layers } from "@/runner/layers";
import { type Place, proveImages } from "@/runner/places";
import { runRunner } from "@/runner/run-runner";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { SandboxDriver } from "@/runner/sandbox/port";
import { type DockerDaemon, startDocker } from "@/tests/support/docker";
import { ProtocolServer, shell, until } from "@/tests/support/protocol-server";

const OWN_TOOLS = "example/tools:1.0";
const EMPTY = "example/empty:1.0";
const MISSING = "example/missing:1.0";

let daemon: DockerDaemon;
let driver: SandboxDriver;
let folder: string;
let stop: AbortController;
let running: Promise<unknown> = Promise.resolve();
let server: ProtocolServer | null = null;

/** The sandbox image with one program more, and an image with nothing in it. */
async function makeImages({ client, image }: DockerDaemon): Promise<void> {
  const script =
    "mkdir -p /opt/tools && printf '#!/bin/sh\\necho from the project' > /usr/local/bin/own-tool";
  const container = await client.createContainer({
    Image: image,
    Entrypoint: ["sh", "-c", `${script} && chmod 755 /usr/local/bin/own-tool`],
    HostConfig: { NetworkMode: "none" },
  });
  await container.start();
  await container.wait();
  await container.commit({ repo: "example/tools", tag: "1.0" });
  await container.remove({ force: true });
  // The end of an archive is two empty blocks, and these alone are an archive of nothing.
  const made = await client.importImage(Readable.from([Buffer.alloc(1024)]), {
    fromSrc: "-",
    repo: "example/empty",
    tag: "1.0",
  });
  await text(made);
}

beforeAll(async () => {
  daemon = await startDocker();
  await makeImages(daemon);
  folder = mkdtempSync(join(tmpdir(), "fabrica-images-"));
  chmodSync(folder, 0o755);
  const { host: dockerHost, image, supervisor } = daemon;
  driver = await createDockerDriver({
    dockerHost,
    image,
    runtime: null,
    supervisor,
    toolchainDir: null,
    instance: "images",
  });
}, 600_000);
afterEach(async () => {
  stop?.abort();
  await running;
  await server?.stop();
  server = null;
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await daemon.stop();
});

function proved(of: SandboxDriver, names: string[]) {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const layers = Layers.open({ dir: join(folder, "layers"), maxBytes: 0, platform: "own", log });
  const platformOf = (image: string) => image;
  const images = proveImages(names, { driver: of, layers, instance: "images", platformOf, log });
  return images.then((map) => ({ images: map, lines }));
}

describe("the images that a runner may use", () => {
  it("are offered when every limit holds in them; those that are not there or odd are named in the log", async () => {
    const { images, lines } = await proved(driver, [OWN_TOOLS, MISSING, EMPTY]);
    expect([...images.keys()]).toEqual([OWN_TOOLS]);
    expect(lines).toEqual([
      `image ${OWN_TOOLS} proved`,
      expect.stringContaining(`image ${MISSING} is not offered: The image ${MISSING} does not exist`),
      expect.stringContaining(`image ${EMPTY} is not offered: `),
    ]);
    const sandbox = await (images.get(OWN_TOOLS) as Place).driver.create({
      memory_mb: 192,
      work_mb: 32,
      tmp_mb: 8,
      inodes: 2_000,
      cpus: 1,
      pids: 48,
    });
    const said: string[] = [];
    await sandbox.exec({
      argv: ["own-tool"],
      timeoutMs: 10_000,
      maxOutputBytes: 1_000,
      onOutput: (_, data) => said.push(String(data)),
    });
    expect(said.join("")).toBe("from the project\n");
    await sandbox.destroy();
  });

  it("are none where sandboxes are not made of images", async () => {
    const jails = await createBubblewrapDriver({ stateDir: join(folder, "jails"), toolchainDir: null });
    const { images, lines } = await proved(jails, [OWN_TOOLS]);
    expect(images.size).toBe(0);
    expect(lines).toEqual([expect.stringContaining("RUNNER_IMAGES is left out of account")]);
  });

  it("are told to the app, and a job that needs one gets it, beside a job that needs none", async () => {
    server = await new ProtocolServer().start();
    stop = new AbortController();
    const env = readRunnerEnv({
      FABRICA_URL: server.url,
      FABRICA_RUNNER_TOKEN: "registration",
      RUNNER_WORKERS: "1",
      RUNNER_DRIVER: "docker",
      DOCKER_HOST: daemon.host,
      RUNNER_SUPERVISOR: daemon.supervisor,
      RUNNER_STATE_DIR: join(folder, "runner"),
      RUNNER_IMAGES: `${OWN_TOOLS}, ${MISSING}`,
    } as unknown as NodeJS.ProcessEnv);
    running = runRunner(env, () => {}, stop.signal);
    await until(() => server?.registrations.length === 1, 60_000);
    expect(server.registrations[0]).toMatchObject({ images: [OWN_TOOLS] });
    const claims = () => server?.seen.filter((path) => path.endsWith("/claim")).length ?? 0;
    for (const image of [OWN_TOOLS, null, OWN_TOOLS]) {
      const job = server.offer({ image });
      const { result } = await server.run(shell("own-tool || echo none", { live: false }), 60_000);
      expect(result.stdout).toBe(image ? "from the project\n" : "none\n");
      const before = claims();
      job.over = true;
      // The session that knows it is over asks for the next one.
      await until(() => claims() > before, 60_000);
    }
    // The server gives nobody an image that he did not offer; should it, the job goes back.
    server.offer({ image: MISSING });
    await until(() => server?.failures.some(({ code }) => code === "image") ?? false, 60_000);
  });
});
