/**
 * A host of its own for a process: a network namespace, tied to this machine by one cable that can be pulled.
 * Invariant: after `remove` neither the namespace nor the cable is left.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

export class NetworkHost {
  private constructor(
    private readonly name: string,
    private readonly cable: string,
    /** Address of this machine as seen from there. */
    readonly gateway: string,
  ) {}

  /** `index` from 0 keeps the hosts of one test apart; the process id keeps tests apart. */
  static create(index: number): NetworkHost {
    const name = `fabrica-${process.pid}-${index}`;
    const cable = `fab${process.pid}x${index}`.slice(0, 15);
    // Of 10.192.0.0/10 four addresses for each host.
    const base = ((process.pid * 8 + index) * 4) % 2 ** 22;
    const address = (last: number) =>
      `10.${192 + ((base >> 16) & 63)}.${(base >> 8) & 255}.${(base & 255) + last}`;
    const host = new NetworkHost(name, cable, address(1));
    try {
      ip("netns", "add", name);
      ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("addr", "add", `${address(1)}/30`, "dev", cable);
      ip("-n", name, "addr", "add", `${address(2)}/30`, "dev", "eth0");
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("link", "set", cable, "up");
      return host;
    } catch (error) {
      host.remove();
      throw error;
    }
  }

  /** Starts a program there. Only the network is another: `ip netns exec` would hide the control groups, too. */
  start(program: string, args: string[], env: Record<string, string>): ChildProcess {
    return spawn("nsenter", [`--net=/run/netns/${this.name}`, program, ...args], {
      env: { ...env, NODE_ENV: "production" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Pulls the cable: packets vanish in both directions and nobody is told. */
  partition(): void {
    ip("link", "set", this.cable, "down");
  }

  heal(): void {
    ip("link", "set", this.cable, "up");
  }

  remove(): void {
    for (const args of [
      ["link", "del", this.cable],
      ["netns", "del", this.name],
    ]) {
      try {
        ip(...args);
      } catch {
        // It was not made, or went with the other one.
      }
    }
  }
}
