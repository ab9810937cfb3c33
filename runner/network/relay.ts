// The sandbox's end of the tunnel in a jail: a small program that stands between the jail and the command, because the
// jail's network namespace is nobody else's. It runs as the command's own user, so the runner trusts nothing it sends.
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { constants } from "node:os";
import { encodeFrame, FrameReader } from "../supervisor/frames";
import { ConnectProxy, type NetworkKind } from "./connect-proxy";

/** A shell's exit codes for a program that cannot be started. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** By the word with which the relay is started: what it offers. */
export const RELAYS: Readonly<Record<string, NetworkKind>> = { relay: "registries", "relay-model": "model" };

/**
 * Runs a program that finds the proxy in its environment, and ends as it ends; a signal as 128 and its number, like a
 * shell. `fd`: the descriptor of the socket to the runner.
 */
export async function runRelay(
  fd: number,
  argv: readonly string[],
  kind: NetworkKind = "registries",
): Promise<void> {
  const channel = new Socket({ fd, readable: true, writable: true });
  const proxy = await ConnectProxy.listen(
    (type, payload) => channel.write(encodeFrame(type, 0, payload)),
    kind,
  );
  const reader = new FrameReader();
  channel.on("data", (data: Buffer) => {
    for (const { type, payload } of reader.push(data)) proxy.receive(type, payload);
  });
  // Without the runner there is no network; the program may do without.
  channel.on("error", () => {}).on("close", () => proxy.close());
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...proxy.env } });
  child.on("error", (error: NodeJS.ErrnoException) => {
    process.stderr.write(`${file}: ${error.message}\n`);
    process.exit(error.code === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}
