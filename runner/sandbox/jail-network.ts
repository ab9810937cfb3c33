// The way of a jailed command to package registries: a relay inside, started in front of the program, and the runner's
// gateway, over one more socket that only such a jail inherits. Invariant: the jail's own network stays empty.
import { readFileSync } from "node:fs";
import { doorOptions, TunnelGateway } from "../network/gateway";
import type { RegistryAccess } from "../network/registry-access";
import { type ExecRequest, RequestError } from "./port";

/** What the runner's settings allow, and the program that carries it. */
export interface JailNetworkOptions {
  registries?: RegistryAccess;
  /** Path of the bundled supervisor, which is the relay, too. */
  supervisor?: string;
}

/** One command's network. */
export interface JailNetwork {
  gateway: TunnelGateway;
  /** Text of the relay, for Node, and the word that says what it offers. */
  relay: { source: string; role: string };
}

/** Prepares the network of one command. Throws RequestError when this runner gives none. */
export function openJailNetwork(
  { registries, supervisor }: JailNetworkOptions,
  network: ExecRequest["network"],
): JailNetwork {
  const door = typeof network === "object" ? network : null;
  if (!supervisor || (!door && !registries))
    throw new RequestError("This runner gives no sandbox a network.");
  let source: string;
  try {
    source = readFileSync(supervisor, "utf8");
  } catch {
    throw new RequestError(
      `The supervisor ${supervisor} does not exist. Build the project, or set RUNNER_SUPERVISOR.`,
    );
  }
  if (door) {
    const gateway = new TunnelGateway(doorOptions(() => door.connect()));
    return { gateway, relay: { source, role: "relay-model" } };
  }
  if (!registries) throw new RequestError("This runner gives no sandbox a network.");
  return { gateway: new TunnelGateway({ access: registries }), relay: { source, role: "relay" } };
}
