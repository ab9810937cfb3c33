// The default driver: one container per job with a supervisor inside that runs the job's commands over one stream.
// Invariant: no network is ever attached, nothing of the host is mounted but, read-only, the toolchain and the names, and
// a container never outlives the connection to this process (StdinOnce), let alone serves two jobs.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { doorOptions, type GatewayOptions, TunnelGateway } from "../network/gateway";
import type { SandboxLimits } from "../protocol";
import { type ExecOrder, SUPERVISE } from "../supervisor/frames";
import { SupervisorConnection } from "./docker-connection";
import { namesFile } from "./docker-names";
import {
  type ExecOutcome,
  type ExecRequest,
  enterArgs,
  gitMegabytes,
  insideEnv,
  NoSandboxError,
  PATHS,
  RequestError,
  SANDBOX_UID,
  SandboxError,
  type SlowDriver,
  type WaitingSandbox,
} from "./port";
import { seccompProfile } from "./seccomp";

const USUAL_SOCKET = "/var/run/docker.sock";
const LABEL = "fabrica.runner";
const GIT_GID = 65_533;
const SHM_MB = 32;
/** What the supervisor and the container's init need beside the job's own allowance. */
const OWN_MEMORY_MB = 64;
const OWN_PIDS = 24;
/** The kernel's limit for one argument, which is how the supervisor's text gets into the container. */
const MAX_ARGUMENT_BYTES = 128 * 1024 - 1;
const ANSWER_MS = 3_000;
const START_MS = 30_000;
/** A supervisor with nothing to do answers in a millisecond; a container that needs longer is no gain over a new one. */
const PING_MS = 1_000;
/** Without its stream a container ends and is removed by itself, which costs half of a removal by force. */
const LEAVE_MS = 2_000;
/** tmpfs counts as memory: above this share every later command would die of a full workspace. */
const TMPFS_SHARE = 0.9;
const MB = 1024 * 1024;

export interface DockerOptions {
  dockerHost: string | null;
  dockerCerts?: string | null;
  image: string;
  runtime: string | null;
  /** Path of the bundled supervisor. Its text is handed to the container, so the daemon need not see the file. */
  supervisor: string;
  toolchainDir: string | null;
  /** Programs of external agents, as the daemon sees the folder. */
  toolsDir?: string | null;
  /** What commands that ask for it may reach; without it they are refused. */
  network?: GatewayOptions | null;
  /** Marks this runner's containers for the reaper. */
  instance: string;
}

/**
 * A client of the daemon at `dockerHost` (unix:///path or tcp://host:port), or at the usual socket.
 * `certs`: folder with ca.pem, cert.pem and key.pem for a daemon behind TLS. Throws an Error with a plain sentence when
 * there is no such socket.
 */
export async function connectDocker(dockerHost: string | null, certs: string | null = null): Promise<Docker> {
  const url = dockerHost ? new URL(dockerHost) : null;
  const socketPath = url ? url.pathname : USUAL_SOCKET;
  const local = url === null || url.protocol === "unix:";
  if (local && !existsSync(socketPath))
    throw new Error(`No Docker daemon answers: ${socketPath} does not exist.`);
  // Loaded only now: it takes 20 MB that a runner without Docker need not have.
  const { default: Client } = await import("dockerode");
  if (local) return new Client({ socketPath });
  if (!certs) return new Client({ host: url.hostname, port: url.port || 2375, protocol: "http" });
  const file = (name: string) => readFileSync(join(certs, name));
  const tls = { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") };
  return new Client({ host: url.hostname, port: url.port || 2376, protocol: "https", ...tls });
}

/** Makes the driver. Throws an Error with a plain sentence when the daemon or the image is not there. */
export async function createDockerDriver(options: DockerOptions): Promise<SlowDriver> {
  const docker = await connectDocker(options.dockerHost, options.dockerCerts);
  await Promise.race([docker.ping(), tooLate(ANSWER_MS)]).catch((error: Error) => {
    throw new Error(`No Docker daemon answers: ${error.message}.`);
  });
  await requireImage(docker, options.image, `Build it: docker build -t ${options.image} runner/image`);
  const given: Given = {
    source: readSupervisor(options.supervisor),
    names: await namesOf(docker, options),
  };
  const live = new Set<string>();
  return {
    name: "docker",
    startsSlowly: true,
    enforced: { memory: true, pids: true, cpu: true, disk: true },
    notes: [],
    create: (limits) => createContainer(docker, options, given, limits, live),
    forImage: async (image) => {
      await requireImage(docker, image, `Pull it on the Docker host: docker pull ${image}`);
      return {
        name: "docker",
        enforced: { memory: true, pids: true, cpu: true, disk: true },
        notes: [],
        create: (limits) => createContainer(docker, { ...options, image }, given, limits, live),
        reap: async () => 0,
      };
    },
    reap: () => reap(docker, options.instance, live),
  };
}

async function requireImage(docker: Docker, image: string, how: string): Promise<void> {
  await docker
    .getImage(image)
    .inspect()
    .catch(() => {
      throw new Error(`The image ${image} does not exist. ${how}`);
    });
}

async function tooLate(afterMs: number): Promise<never> {
  await delay(afterMs, undefined, { ref: false });
  throw new Error("it did not answer in time");
}

function readSupervisor(path: string): string {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch {
    throw new Error(`The supervisor ${path} does not exist. Build the project, or set RUNNER_SUPERVISOR.`);
  }
  if (Buffer.byteLength(source) > MAX_ARGUMENT_BYTES) throw new Error(`The supervisor ${path} is too large.`);
  return source;
}

/** What all containers share. */
interface Given {
  /** The supervisor's text. */
  source: string;
  /** The file that says who `localhost` is, as the daemon sees it; null when there is none. */
  names: string | null;
}

function namesOf(docker: Docker, { image, instance }: DockerOptions): Promise<string | null> {
  return namesFile(docker, image, { [LABEL]: instance });
}

/** The container that a job gets. */
function containerOptions(
  options: DockerOptions,
  { source, names }: Given,
  limits: SandboxLimits,
): Docker.ContainerCreateOptions {
  const memory = (limits.memory_mb + OWN_MEMORY_MB) * MB;
  const tmpfs = (megabytes: number, rest: string) =>
    `rw,nosuid,nodev,size=${megabytes}m,nr_inodes=${limits.inodes},${rest}`;
  const owner = `uid=${SANDBOX_UID},gid=${SANDBOX_UID}`;
  const ulimit = (Name: string, value: number) => ({ Name, Soft: value, Hard: value });
  return {
    Image: options.image,
    Entrypoint: ["node"],
    Cmd: ["--v8-pool-size=0", "--max-old-space-size=48", "-e", source, SUPERVISE],
    User: "0:0",
    WorkingDir: "/",
    Env: [],
    // The kernel gives a network of its own with nothing but the loopback either way. With this, the daemon does not
    // start a copy of itself in every new container to set up what is none, which costs as much as all of the rest.
    NetworkDisabled: names !== null,
    Labels: { [LABEL]: options.instance, "fabrica.created": new Date().toISOString() },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    HostConfig: {
      AutoRemove: true,
      Init: true,
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      // To start children as another user and slower, and to kill them; they themselves get none of it.
      CapAdd: ["SETUID", "SETGID", "KILL", "SYS_NICE"],
      SecurityOpt: ["no-new-privileges", `seccomp=${seccompProfile()}`],
      Memory: memory,
      MemorySwap: memory,
      PidsLimit: limits.pids + OWN_PIDS,
      NanoCpus: Math.round(limits.cpus * 1e9),
      IpcMode: "private",
      // Otherwise memory shared in the manner of System V outlives its command and starves the next ones.
      Sysctls: { "kernel.shm_rmid_forced": "1" },
      ShmSize: SHM_MB * MB,
      OomScoreAdj: 500,
      Ulimits: [ulimit("nofile", 4096), ulimit("core", 0), ulimit("fsize", limits.work_mb * 2 * MB)],
      LogConfig: { Type: "none", Config: {} },
      Tmpfs: {
        [PATHS.work]: tmpfs(limits.work_mb, `exec,${owner},mode=0755`),
        [PATHS.tmp]: tmpfs(limits.tmp_mb, "noexec,mode=1777"),
        [PATHS.git]: tmpfs(gitMegabytes(limits), `noexec,uid=0,gid=${GIT_GID},mode=0770`),
      },
      Mounts: [
        ...(names ? [mount(names, "/etc/hosts")] : []),
        ...(options.toolchainDir ? [mount(resolve(options.toolchainDir), PATHS.toolchain)] : []),
        ...(options.toolsDir ? [mount(resolve(options.toolsDir), PATHS.tools)] : []),
      ],
      ...(options.runtime ? { Runtime: options.runtime } : {}),
    },
  };
}

function mount(source: string, target: string): Docker.MountSettings {
  return { Type: "bind", Source: source, Target: target, ReadOnly: true };
}

async function createContainer(
  docker: Docker,
  options: DockerOptions,
  given: Given,
  limits: SandboxLimits,
  live: Set<string>,
): Promise<WaitingSandbox> {
  const tmpfs = limits.work_mb + limits.tmp_mb + gitMegabytes(limits) + SHM_MB;
  if (tmpfs > limits.memory_mb * TMPFS_SHARE) {
    throw new NoSandboxError(`${tmpfs} MiB of files do not fit into ${limits.memory_mb} MiB of memory.`);
  }
  const make = () => docker.createContainer(containerOptions(options, given, limits));
  const container = await make()
    .catch(async (error: Error) => {
      if (!given.names) throw error;
      // Somebody may have cleared away the daemon's volumes.
      given.names = await namesOf(docker, options);
      return make();
    })
    .catch((error: Error) => {
      throw new NoSandboxError(`The container could not be made: ${error.message}`);
    });
  live.add(container.id);
  try {
    const stream = await container.attach({
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    });
    const connection = new SupervisorConnection(stream as never);
    const gone = () => live.delete(container.id);
    const sandbox = new ContainerSandbox(container, connection, options.network ?? null, gone);
    await sandbox.start();
    return sandbox;
  } catch (error) {
    await removeContainer(container).catch(() => {});
    live.delete(container.id);
    throw new NoSandboxError(`The container could not be started: ${(error as Error).message}`);
  }
}

class ContainerSandbox implements WaitingSandbox {
  private destroyed: Promise<void> | null = null;

  constructor(
    private readonly container: Docker.Container,
    private readonly connection: SupervisorConnection,
    private readonly network: GatewayOptions | null,
    private readonly onGone: () => void,
  ) {}

  async start(): Promise<void> {
    await this.container.start();
    const timer = setTimeout(() => this.connection.close("The supervisor did not start."), START_MS);
    await this.connection.ready.finally(() => clearTimeout(timer));
    // The home folder lies on a tmpfs that is empty at first.
    await this.exec({ argv: ["mkdir", "-m", "700", PATHS.home], timeoutMs: START_MS, maxOutputBytes: 1_000 });
  }

  async exec(request: ExecRequest): Promise<ExecOutcome> {
    const gateway = request.network ? this.gateway(request.network) : null;
    const [cwd = "", ...argv] = enterArgs(request);
    const order: ExecOrder = {
      argv,
      cwd,
      env: insideEnv(request),
      timeoutMs: request.timeoutMs,
      maxOutputBytes: request.maxOutputBytes,
      repository: request.repository === true,
      input: (request.stdin?.length ?? 0) > 0,
      network: gateway === null ? null : request.network === "registries" ? "registries" : "model",
    };
    const report = await this.connection.exec(
      order,
      request.stdin ?? new Uint8Array(),
      request.onOutput ?? (() => {}),
      gateway,
      request.signal,
    );
    const network = gateway ? { network: gateway.report() } : {};
    return { ...report, ...network, capped: report.droppedBytes > 0 };
  }

  private gateway(network: NonNullable<ExecRequest["network"]>): TunnelGateway {
    if (network !== "registries") return new TunnelGateway(doorOptions(() => network.connect()));
    if (!this.network) throw new RequestError("This runner gives no sandbox a network.");
    return new TunnelGateway(this.network);
  }

  ping(): Promise<void> {
    return this.connection.ping(PING_MS);
  }

  destroy(): Promise<void> {
    this.destroyed ??= this.tearDown();
    return this.destroyed;
  }

  private async tearDown(): Promise<void> {
    const left = this.container.wait({ condition: "removed" }).then(() => true, isMissing);
    this.connection.close("The sandbox was destroyed.");
    const gone = await Promise.race([left, delay(LEAVE_MS, false, { ref: false })]);
    if (!gone) await removeContainer(this.container);
    this.onGone();
  }
}

function isMissing(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}

/** Kills and removes a container and waits until the daemon has forgotten it. */
async function removeContainer(container: Docker.Container): Promise<void> {
  for (let round = 0; round < 100; round++) {
    try {
      await container.remove({ force: true, v: true });
      return;
    } catch (error) {
      if (isMissing(error)) return;
      // 409: the daemon is already at it because of AutoRemove.
      if ((error as { statusCode?: number }).statusCode !== 409) throw error;
      await delay(20);
    }
  }
  throw new SandboxError("The container could not be removed.", true);
}

async function reap(docker: Docker, instance: string, live: Set<string>): Promise<number> {
  const filters = { label: [`${LABEL}=${instance}`] };
  const found = await docker.listContainers({ all: true, filters });
  const left = found.filter((entry) => !live.has(entry.Id));
  for (const entry of left) await removeContainer(docker.getContainer(entry.Id));
  return left.length;
}
