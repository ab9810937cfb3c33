// Couples the runner's end of a tunnel with the relay in a jail, over a socket that the jail inherits.
// Invariant: a jail that does not read is not read either, so nothing piles up here.
import type { Duplex } from "node:stream";
import { encodeFrame, FrameReader } from "../supervisor/frames";
import type { TunnelGateway } from "./gateway";

/** Carries the frames of one command until either side ends. What is no frame ends it at once. */
export function linkGateway(gateway: TunnelGateway, channel: Duplex): void {
  const reader = new FrameReader();
  gateway.attach((type, payload) => channel.write(encodeFrame(type, 0, payload)));
  const end = () => {
    gateway.close();
    channel.destroy();
  };
  channel.on("data", (data: Buffer) => {
    try {
      for (const { type, payload } of reader.push(data)) gateway.receive(type, payload);
    } catch {
      end();
    }
    if (!channel.writableNeedDrain) return;
    channel.pause();
    channel.once("drain", () => channel.resume());
  });
  for (const event of ["end", "error", "close"]) channel.once(event, end);
}
