// Dependencies of a job as a layer: found in the cache, or installed as untrusted code and kept.
// Invariant: what a program finds after a layer was prepared is the same whether it was cached or installed: a fresh
// sandbox with the committed tree, and over it what an archive holds. Of the installation nothing else is left.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beginningOf, endOf } from "./excerpt";
import { LayerCache, type LayerWriter } from "./layer-cache";
import type { Log } from "./log";
import type { CommandResult, ExecSpec, LayerOutcome, LayerSpec } from "./protocol";
import { emptyResult, failedResult, runProgram } from "./run-command";
import { BASE_ENV, NoSandboxError, type OutputStream, PATHS, type Sandbox } from "./sandbox/port";
import { MAKE_SETUP_FOLDER, packIgnored, REMOVE_SETUP_FOLDER, SETUP_ENV, unpackLayer } from "./workspace";

const CA_FILE = `${PATHS.tmp}/fabrica-registry-ca.pem`;
const PREPARE_CA = `cat /etc/ssl/certs/ca-certificates.crt - > ${CA_FILE} 2>/dev/null; test -s ${CA_FILE}`;
const SHORT_MS = 20_000;

export interface LayerOptions {
  /** Where archives are kept, and how many bytes of them; 0 keeps none. */
  dir: string;
  maxBytes: number;
  /** Everything about this runner's sandboxes on which an installation depends: kind, processor, programs, image. */
  platform: string;
  npmRegistry?: string | null;
  pythonIndex?: string | null;
  registryCa?: string | null;
  log: Log;
}

/** What a job's session gives for the preparing of its layer. */
export interface LayerHost {
  /** A sandbox with the committed tree in which nothing has run yet; the one before is gone. */
  fresh(): Promise<Sandbox>;
  show(stream: OutputStream, text: string): void;
  signal: AbortSignal;
}

/** The layers of one runner process, shared by its workers. */
export class Layers {
  private constructor(
    private readonly options: LayerOptions,
    private readonly cache: LayerCache | null,
    /** Installations under way, by the name that they will have on the disk. */
    private readonly underWay: Map<string, Promise<void>>,
  ) {}

  static open(options: LayerOptions): Layers {
    const { dir, maxBytes, log } = options;
    return new Layers(options, maxBytes > 0 ? LayerCache.open({ dir, maxBytes, log }) : null, new Map());
  }

  /** The layers of other sandboxes of this runner, within the same space on the disk. */
  forPlatform(platform: string): Layers {
    return new Layers({ ...this.options, platform }, this.cache, this.underWay);
  }

  /**
   * Makes the layer be there, in a fresh sandbox. Jobs that want the same one at the same time wait for the first.
   * The result is the installation's where that failed. Throws SandboxError.
   */
  async prepare(spec: LayerSpec, host: LayerHost): Promise<CommandResult> {
    const { keep } = spec;
    for (;;) {
      const archive = await this.find(spec);
      if (archive) {
        const layer = outcome({ cached: true, bytes: archive.length });
        return this.unpack(spec, await host.fresh(), archive, layer);
      }
      const other = keep === null ? undefined : this.underWay.get(this.onDisk(keep));
      if (!other) break;
      await settled(other, host.signal);
    }
    if (keep === null) return this.install(spec, host);
    const run = this.install(spec, host);
    const over = run.then(
      () => {},
      () => {},
    );
    const name = this.onDisk(keep);
    this.underWay.set(name, over);
    return run.finally(() => this.underWay.delete(name));
  }

  /**
   * Puts a layer that the job has had before into another sandbox of it. What has to be installed again is not kept,
   * because the tree may have changed since. Throws NoSandboxError when that fails: the job then waits.
   */
  async restore(spec: LayerSpec, sandbox: Sandbox): Promise<void> {
    const archive = await this.find(spec);
    const result = archive
      ? await this.unpack(spec, sandbox, archive, outcome({ cached: true }))
      : (await this.run(spec, sandbox, () => {})).result;
    if (result.exit_code === 0) return;
    const said = lastLines(result.failure ?? `${result.stdout}\n${result.stderr}`);
    throw new NoSandboxError(`The dependencies could not be installed again: ${said}`);
  }

  private async find({ find }: LayerSpec): Promise<Buffer | null> {
    for (const name of find) {
      const archive = await this.cache?.read(this.onDisk(name));
      if (archive) return archive;
    }
    return null;
  }

  private async install(spec: LayerSpec, host: LayerHost): Promise<CommandResult> {
    const sandbox = await host.fresh();
    const { result, told } = await this.run(spec, sandbox, (stream, text) => host.show(stream, text));
    if (result.exit_code !== 0) return { ...result, layer: outcome({ ...told, not_kept: "It failed." }) };
    const writer = spec.keep === null ? null : await this.cache?.begin();
    if (!writer || spec.keep === null)
      return { ...result, layer: outcome({ ...told, not_kept: "Nothing is kept." }) };
    const packed = await pack(sandbox, spec.timeout_ms, writer);
    const bytes = writer.bytes;
    if (packed !== null || !(await writer.keep(this.onDisk(spec.keep)))) {
      if (packed !== null) await writer.drop();
      return { ...result, layer: outcome({ ...told, not_kept: packed ?? writer.trouble }) };
    }
    const archive = await this.cache?.read(this.onDisk(spec.keep));
    if (!archive) return { ...result, layer: outcome({ ...told, not_kept: "It could not be read again." }) };
    const layer = outcome({ ...told, bytes });
    const unpacked = await this.unpack(spec, await host.fresh(), archive, layer);
    return unpacked.exit_code === 0 ? { ...result, layer } : unpacked;
  }

  private async unpack(
    { timeout_ms: timeoutMs }: LayerSpec,
    sandbox: Sandbox,
    archive: Buffer,
    layer: LayerOutcome,
  ): Promise<CommandResult> {
    const trouble = await unpackLayer(sandbox, timeoutMs, archive);
    return trouble === null ? { ...emptyResult(), exit_code: 0, layer } : failedResult(trouble);
  }

  private async run(spec: LayerSpec, sandbox: Sandbox, show: LayerHost["show"]) {
    const ca = this.options.registryCa;
    await shell(sandbox, `${MAKE_SETUP_FOLDER}; ${ca ? PREPARE_CA : ""}`, ca ? readFileSync(ca) : null);
    const install = withLayer(spec.install, spec);
    const program = { ...install, env: { ...this.installEnv(), ...install.env } };
    const { network, ...result } = await runProgram(sandbox, program, show);
    await shell(sandbox, REMOVE_SETUP_FOLDER);
    const told = { loaded_bytes: network?.bytesIn ?? 0, refused: network?.refused.map(brief) ?? [] };
    return { result, told };
  }

  /** Addresses of registries come from the operator; nothing here is a secret. */
  private installEnv(): Record<string, string> {
    const { npmRegistry, pythonIndex, registryCa } = this.options;
    return {
      ...SETUP_ENV,
      ...(npmRegistry && { npm_config_registry: npmRegistry, YARN_NPM_REGISTRY_SERVER: npmRegistry }),
      ...(pythonIndex && { PIP_INDEX_URL: pythonIndex }),
      ...(registryCa && {
        NODE_EXTRA_CA_CERTS: CA_FILE,
        npm_config_cafile: CA_FILE,
        PIP_CERT: CA_FILE,
        YARN_HTTPS_CA_FILE_PATH: CA_FILE,
      }),
    };
  }

  private onDisk(name: string): string {
    const { platform, npmRegistry = "", pythonIndex = "" } = this.options;
    return createHash("sha256")
      .update(JSON.stringify([name, platform, npmRegistry, pythonIndex]))
      .digest("hex");
  }
}

/** A program as it runs in a sandbox with a layer. */
export function withLayer(spec: ExecSpec, layer: LayerSpec | null): ExecSpec {
  if (!layer) return spec;
  const folders = layer.path.map((folder) => `${PATHS.work}/${folder}`);
  // The last one is where a jail finds node when the host has it nowhere else; elsewhere there is no such folder.
  const path = folders.length > 0 && { PATH: [...folders, BASE_ENV.PATH, `${PATHS.node}/bin`].join(":") };
  return { ...spec, env: { ...path, ...layer.env, ...spec.env } };
}

/** Streams the layer of a sandbox into the cache. Returns why that did not work, or null. */
async function pack(sandbox: Sandbox, timeoutMs: number, writer: LayerWriter): Promise<string | null> {
  try {
    return await packIgnored(sandbox, timeoutMs, (data) => writer.write(data));
  } catch (error) {
    await writer.drop();
    throw error;
  }
}

async function shell(sandbox: Sandbox, script: string, stdin: Uint8Array | null = null): Promise<void> {
  const argv = ["sh", "-c", script];
  await sandbox.exec({ argv, stdin, timeoutMs: SHORT_MS, maxOutputBytes: 1_000 });
}

function outcome(known: Partial<LayerOutcome>): LayerOutcome {
  const { not_kept = null } = known;
  return {
    cached: false,
    bytes: 0,
    loaded_bytes: 0,
    refused: [],
    ...known,
    not_kept: not_kept && brief(not_kept),
  };
}

const brief = (text: string) => beginningOf(text, 300);
const lastLines = (text: string) => endOf(text.trim().split("\n").slice(-5).join(" "), 1_000);

/** Waits for another one's work, whatever becomes of it. Throws the signal's reason when that comes first. */
async function settled(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  await Promise.race([work, aborted]).finally(() => signal.removeEventListener("abort", stop));
}
