// The HTTP protocol between the app and everything that executes work: runners and external agents.
// This file is the only definition of it; the server imports it, the runner imports nothing else of the server.
// Every write carries the fence of the lease under which it was made; a stale fence is answered with 409.
import { z } from "zod";

/** Raised when a message changes its meaning. The server answers 426 to any other version. */
export const PROTOCOL_VERSION = 1;
export const PROTOCOL_HEADER = "x-fabrica-protocol";

/** Longest time the server holds a claim or a command poll open, in milliseconds. */
export const MAX_POLL_MS = 25_000;
/** Largest body of a bundle in either direction, in bytes. */
export const MAX_BUNDLE_BYTES = 256 * 1024 * 1024;
/** Largest text of one output chunk, in characters. */
export const MAX_CHUNK_CHARS = 64 * 1024;
/** Most programs that a runner names. */
export const MAX_PROGRAMS = 100;
/** Most commands of one report. */
export const MAX_REPORT_ITEMS = 100;

const id = z.string().min(1).max(64);
const fence = z.number().int().positive();
/** Every message about a job names the job and the fence of the lease. */
const lease = z.object({ job_id: id, fence });

/** Where a sandbox lives. */
export const sandboxDriver = z.enum(["docker", "bubblewrap"]);
export type SandboxDriver = z.infer<typeof sandboxDriver>;

/** One check of the probe that a runner makes at start. `warn` = not limited here, said so; `fail` = refuses to register. */
export const probeCheck = z.object({
  name: z.string().max(80),
  result: z.enum(["pass", "warn", "fail"]),
  detail: z.string().max(500),
});
export type ProbeCheck = z.infer<typeof probeCheck>;

export const registerRequest = z.object({
  protocol: z.number().int(),
  /** Given when this runner has registered before: its old leases are freed at once. */
  runner_id: id.optional(),
  /** Secret that came with `runner_id`. */
  runner_secret: z.string().max(128).optional(),
  name: z.string().min(1).max(100),
  slots: z.number().int().min(1).max(64),
  driver: sandboxDriver,
  probe: z.array(probeCheck).max(100),
  /** Programs found in a sandbox and their versions, such as {"python": "3.13.5", "node": "20.19.2"}. */
  programs: z
    .record(z.string().max(40), z.string().max(80))
    .refine(
      (programs) => Object.keys(programs).length <= MAX_PROGRAMS,
      `At most ${MAX_PROGRAMS} programs may be named.`,
    ),
  /** Images that its sandboxes may be made of besides its own. */
  images: z.array(z.string().min(1).max(250)).max(100).optional(),
  /** `external`: an agent that does whole jobs itself; it is given those that ask for one, and no others. */
  agent: z.enum(["factory", "external"]).optional(),
});
export type RegisterRequest = z.infer<typeof registerRequest>;

export const registerAnswer = z.object({
  runner_id: id,
  runner_secret: z.string(),
  workers: z.array(z.object({ worker_id: id, token: z.string() })),
  /** Seconds between heartbeats, and after how many without one a lease is lost. */
  heartbeat_seconds: z.number(),
  lease_seconds: z.number(),
});
export type RegisterAnswer = z.infer<typeof registerAnswer>;

export const heartbeatRequest = z.object({
  /** The lease that the worker holds, or null when it holds none. */
  lease: lease.nullable(),
  iteration: z.number().int().nonnegative().optional(),
  /** Why this worker claims nothing just now, in one sentence; absent when all is well. */
  trouble: z.string().min(1).max(300).optional(),
});
export type HeartbeatRequest = z.infer<typeof heartbeatRequest>;

/** `cancel`: destroy the sandbox, go on. `kill`: the same, then leave this slot. `drain`: finish, claim nothing more. */
export const heartbeatAnswer = z.object({ action: z.enum(["none", "cancel", "kill", "drain"]) });
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswer>;

export const claimRequest = z.object({ wait_ms: z.number().int().min(0).max(MAX_POLL_MS) });
export type ClaimRequest = z.infer<typeof claimRequest>;

/** Hard limits of one sandbox. */
export const sandboxLimits = z.object({
  memory_mb: z.number().int().min(64),
  work_mb: z.number().int().min(16),
  tmp_mb: z.number().int().min(4),
  inodes: z.number().int().min(1000),
  cpus: z.number().positive(),
  pids: z.number().int().min(16),
});
export type SandboxLimits = z.infer<typeof sandboxLimits>;

/**
 * A program run. `argv[0]` is looked up on the sandbox's fixed PATH. `cwd` is relative to /work.
 * `stdin` is text written to the program and then closed. Output beyond `max_output_bytes` per stream is dropped and counted.
 */
export const execSpec = z.object({
  kind: z.literal("exec"),
  argv: z.array(z.string()).min(1).max(1000),
  cwd: z.string().max(1000).default("."),
  env: z.record(z.string(), z.string()).default({}),
  stdin: z.string().nullable().default(null),
  timeout_ms: z.number().int().positive(),
  max_output_bytes: z.number().int().positive(),
  /** What people are shown instead of `argv`. */
  title: z.string().max(200).optional(),
  /** Lets the program reach the runner's allowed package registries; without it there is no network at all. */
  network: z.enum(["registries"]).optional(),
  /** Whether output is sent while the program runs (shown live) or only with the result. */
  live: z.boolean().default(false),
});
/** Commit everything in the sandbox and send the bundle up; the result carries the server's commit and tree. */
export const snapshotSpec = z.object({
  kind: z.literal("snapshot"),
  message: z.string().max(2000),
  timeout_ms: z.number().int().positive(),
});
/** Destroy the sandbox, make a fresh one and restore the workspace from the server. */
export const resetSpec = z.object({ kind: z.literal("reset"), timeout_ms: z.number().int().positive() });

/** Name of a layer, made by the server of everything that it depends on; nobody else can make the same one. */
const layerName = z.string().regex(/^[0-9a-f]{64}$/);
/**
 * A fresh sandbox, as after `reset`, with the project's dependencies in it: from the runner's cache, or installed by
 * `install` and then kept. A layer is what git ignores in /work after `install` ran on the committed tree; everything
 * else that `install` leaves is dropped. Later sandboxes of the same lease get the layer, too.
 */
export const layerSpec = z.object({
  kind: z.literal("layer"),
  /** Names under which it may be found, the first that is there. */
  find: z.array(layerName).min(1).max(4),
  /** Name under which it is kept; null keeps nothing. */
  keep: layerName.nullable(),
  install: execSpec,
  /** For packing and for unpacking each; the installation has its own limit. */
  timeout_ms: z.number().int().positive(),
  /** Variables of every later program in a sandbox with this layer; what a command brings itself comes first. */
  env: z.record(z.string(), z.string()).default({}),
  /** Folders relative to /work in front of PATH for every later program. */
  path: z.array(z.string().min(1).max(200)).max(10).default([]),
});
export type LayerSpec = z.infer<typeof layerSpec>;

export const commandSpec = z.discriminatedUnion("kind", [execSpec, snapshotSpec, resetSpec, layerSpec]);
export type CommandSpec = z.infer<typeof commandSpec>;
export type ExecSpec = z.infer<typeof execSpec>;

/** Answer of a claim; 204 without a body when nothing became claimable in time. */
export const claimAnswer = z.object({
  job_id: id,
  run: z.number().int().positive(),
  fence,
  /** What its sandboxes are made of; null for the runner's own image. */
  image: z.string().nullable().optional(),
  limits: sandboxLimits,
  /** False when the workspace is still empty: nothing to download, `git init` makes it. */
  has_workspace: z.boolean(),
  /** Dependencies that an earlier lease of this run has had in its sandbox, so that this one has them from the start. */
  layer: layerSpec.optional(),
});
export type ClaimAnswer = z.infer<typeof claimAnswer>;

/** `known`: commands that the worker has been given and not yet reported, so that they are not handed out again. */
export const commandsRequest = lease.extend({
  wait_ms: z.number().int().min(0).max(MAX_POLL_MS),
  known: z.array(id).max(1_000).default([]),
});
/** Commands in the order in which they must run; empty when none came in time. */
export const commandsAnswer = z.object({
  commands: z.array(z.object({ command_id: id, spec: commandSpec })),
});
export type CommandsAnswer = z.infer<typeof commandsAnswer>;

export const outputChunk = z.object({
  /** Position of the chunk within the command, from 0; the server ignores numbers that it has. */
  seq: z.number().int().nonnegative(),
  stream: z.enum(["stdout", "stderr"]),
  text: z.string().max(MAX_CHUNK_CHARS),
});
export type OutputChunk = z.infer<typeof outputChunk>;

/** Where a layer came from, and what became of it. */
export const layerOutcome = z.object({
  /** It was there already: nothing was installed. */
  cached: z.boolean(),
  /** Size of its archive; 0 when there is none. */
  bytes: z.number().int().nonnegative(),
  /** Why it is not kept for the next job, in one sentence; null when it is kept. */
  not_kept: z.string().max(300).nullable(),
  /** Bytes that the installation loaded from registries, and the first hosts that it was refused, as sentences. */
  loaded_bytes: z.number().int().nonnegative(),
  refused: z.array(z.string().max(300)).max(20),
});
export type LayerOutcome = z.infer<typeof layerOutcome>;

/** What a command came to. `failure` is set when the sandbox, not the program, was at fault. */
export const commandResult = z.object({
  exit_code: z.number().int().nullable(),
  signal: z.string().nullable(),
  timed_out: z.boolean(),
  /** `possibly`: the kernel killed something of this sandbox while several commands ran. */
  out_of_memory: z.enum(["no", "yes", "possibly"]),
  /** Output went over the cap and was cut. */
  capped: z.boolean(),
  dropped_bytes: z.number().int().nonnegative(),
  killed: z.boolean(),
  /** Processes that outlived the main one and were killed. */
  leftovers: z.number().int().nonnegative(),
  duration_ms: z.number().nonnegative(),
  user_ms: z.number().nonnegative(),
  system_ms: z.number().nonnegative(),
  max_rss_kb: z.number().nonnegative(),
  /** Which sandbox of this lease it was, counted from 1: what one has left is not in the next. 0 = none was needed. */
  sandbox: z.number().int().nonnegative(),
  stdout: z.string(),
  stderr: z.string(),
  failure: z.string().max(2000).nullable(),
  /** Set by a snapshot: what the server made of the bundle. `commit` is null when the tree was refused (see failure). */
  snapshot: z.object({ commit: z.string(), tree: z.string() }).nullable(),
  /** Set by a layer. */
  layer: layerOutcome.optional(),
});
export type CommandResult = z.infer<typeof commandResult>;

/** What there is to say of a command: output that is shown live, and at its end the one result. */
export const reportItem = z.object({
  command_id: id,
  chunks: z.array(outputChunk).max(200),
  result: commandResult.nullable(),
});
export type ReportItem = z.infer<typeof reportItem>;
/** Each command at most once, in the order in which they ran. The whole is stored or nothing of it. */
export const reportRequest = lease.extend({ items: z.array(reportItem).min(1).max(MAX_REPORT_ITEMS) });

/** Answer to an uploaded bundle: accepted as a commit, or refused with a plain reason that the model may read. */
export const bundleAnswer = z.discriminatedUnion("accepted", [
  z.object({
    accepted: z.literal(true),
    commit: z.string(),
    tree: z.string(),
    /** Of an external agent's work: unchecked tasks of its checklist; null when there is no checklist. */
    open_tasks: z.number().int().nonnegative().nullable().optional(),
    /** The job is paused now, because its budget is used up: the lease is over. */
    paused: z.boolean().optional(),
  }),
  z.object({ accepted: z.literal(false), reason: z.string() }),
]);
export type BundleAnswer = z.infer<typeof bundleAnswer>;

/**
 * The worker gives the job back because it cannot work on it (no sandbox); the job becomes claimable again.
 * `final`: an external agent gives up for good; the job fails with this message, and its last commit is kept.
 */
export const failRequest = lease.extend({
  code: z.string().max(60),
  message: z.string().max(2000),
  final: z.boolean().optional(),
});

// The lane of external agents: they do the whole job themselves and report. See docs/external-agents.md.

/** Names the lease under which a model is asked; the one that the worker holds is meant when it is missing. */
export const FENCE_HEADER = "x-fabrica-fence";
/** Below /api/worker/:id, what an external agent uses as the address of the Anthropic API. */
export const MODEL_PATH = "anthropic";
/** Largest question to a model, in bytes. */
export const MAX_MODEL_BYTES = 16 * 1024 * 1024;
/** Most events of one report. */
export const MAX_EVENTS = 200;

const said = (chars: number) => z.string().max(chars);

/** What an agent says of its work, as its host has read it. */
export const externalEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("started"), agent: said(200).nullable() }),
  z.object({ type: z.literal("iteration"), n: z.number().int().nonnegative() }),
  z.object({ type: z.literal("task"), id: said(300), done: z.boolean() }),
  z.object({ type: z.literal("lock"), files: z.array(said(1_000)).max(100) }),
  z.object({ type: z.literal("learning"), kind: said(60), text: said(4_000) }),
  /** Its own count; money is counted by the app alone. */
  z.object({ type: z.literal("usage"), tokens: z.number().nonnegative(), cost: z.number().nonnegative() }),
  z.object({ type: z.literal("commit"), sha: said(100) }),
  z.object({ type: z.literal("said"), text: said(8_000) }),
  z.object({ type: z.literal("stuck"), reason: said(2_000) }),
  z.object({ type: z.literal("completed"), summary: said(4_000) }),
  z.object({ type: z.literal("failed"), reason: said(2_000) }),
  z.object({ type: z.literal("unknown"), name: said(100), data: said(2_000) }),
  z.object({ type: z.literal("invalid"), count: z.number().int().positive(), sample: said(300) }),
]);
export type ExternalEvent = z.infer<typeof externalEvent>;

/** `first`: number of the first of these events within the lease, from 0. The server ignores numbers that it has. */
export const externalRequest = lease.extend({
  first: z.number().int().nonnegative(),
  events: z.array(externalEvent).min(1).max(MAX_EVENTS),
});
export const externalAnswer = z.object({ next: z.number().int().nonnegative() });
export type ExternalAnswer = z.infer<typeof externalAnswer>;

export const briefRequest = lease.extend({ wait_ms: z.number().int().min(0).max(MAX_POLL_MS) });
/** What the job is; 204 while its workspace is still being made. */
export const briefAnswer = z.object({
  title: z.string(),
  description: z.string(),
  kind: z.string(),
  features: z.array(z.string()),
  tech_stack: z.array(z.string()),
  context: z.string().nullable(),
  required_patterns: z.array(z.string()),
  required_tests: z.array(z.string()),
  files: z.array(z.string()),
  /** Where the checklist lies in the workspace, and the folder of notes that outlive an iteration. */
  spec_file: z.string(),
  notes_folder: z.string(),
  /** Iterations of this run that are over. */
  iterations: z.number().int().nonnegative(),
  /** What is left of the job's working time. */
  seconds_left: z.number().nonnegative(),
  /** The model that the factory would take, for agents that have no wish of their own; null when it has none to sell. */
  model: z.string().nullable(),
  /** What earlier jobs learned that may fit this one: material for the agent, never instructions. */
  learnings: z.string().nullable().optional(),
});
export type BriefAnswer = z.infer<typeof briefAnswer>;

export const lockRequest = lease.extend({ files: z.array(z.string().min(1).max(1_000)).min(1).max(500) });
/** Files that other jobs hold, by public id. Locks are advice for the agent: what it changed in spite of them is flagged. */
export const lockAnswer = z.object({
  conflicts: z.array(z.object({ path: z.string(), holder: z.string() })),
});
export type LockAnswer = z.infer<typeof lockAnswer>;

/** `ask`: number of this asking within the lease, from 1; it only rises. The same number again gives the same answer. */
export const messagesRequest = lease.extend({ ask: z.number().int().positive().max(1_000_000_000) });
/** What people said to the job since the asking before, in the order in which they said it. */
export const messagesAnswer = z.object({
  messages: z.array(
    z.object({ message_id: z.string(), author: z.string(), text: z.string(), sent_at: z.string() }),
  ),
});
export type MessagesAnswer = z.infer<typeof messagesAnswer>;

export const completeRequest = lease.extend({ summary: z.string().max(4_000).default("") });
export const stuckRequest = lease.extend({ reason: z.string().min(1).max(2_000) });

/** Every refusal: a stable code and one plain sentence. */
export const protocolError = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
