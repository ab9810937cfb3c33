// The messages of the tunnel as frames: every payload begins with the connection's number (4 bytes, big-endian), which
// the sandbox gives. The frame's own id is that of the command.
import { FRAME, type FrameType } from "../supervisor/frames";
import type { TunnelPeer } from "./tunnel-stream";

export type SendFrame = (type: FrameType, payload: Uint8Array) => void;

const NUMBER_BYTES = 4;
const COUNT_BYTES = 4;
const END = 0;
const BROKEN = 1;

interface Types {
  data: FrameType;
  taken: FrameType;
  closed: FrameType;
}

/** What the sandbox's end sends, and the runner's. */
export const SANDBOX_SENDS: Types = {
  data: FRAME.tunnelDataOut,
  taken: FRAME.tunnelTakenBySandbox,
  closed: FRAME.tunnelClosedBySandbox,
};
export const RUNNER_SENDS: Types = {
  data: FRAME.tunnelDataIn,
  taken: FRAME.tunnelTakenByRunner,
  closed: FRAME.tunnelClosedByRunner,
};

/** Puts the connection's number in front. */
export function tunnelPayload(connection: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const payload = Buffer.allocUnsafe(NUMBER_BYTES + body.length);
  payload.writeUInt32BE(connection, 0);
  payload.set(body, NUMBER_BYTES);
  return payload;
}

/** Takes the number off. Throws a RangeError for a payload that is too short. */
export function readTunnelPayload(payload: Buffer): { connection: number; body: Buffer } {
  return { connection: payload.readUInt32BE(0), body: payload.subarray(NUMBER_BYTES) };
}

/** One end's messages about one connection. */
export function peerOver(send: SendFrame, types: Types, connection: number): TunnelPeer {
  return {
    data: (bytes) => send(types.data, tunnelPayload(connection, bytes)),
    taken: (count) => {
      const body = Buffer.alloc(COUNT_BYTES);
      body.writeUInt32BE(count);
      send(types.taken, tunnelPayload(connection, body));
    },
    closed: (broken) => send(types.closed, tunnelPayload(connection, Buffer.of(broken ? BROKEN : END))),
  };
}

/** The calls of the other end; a TunnelStream has them. */
interface Receiver {
  write(data: Buffer): void;
  taken(count: number): void;
  close(broken: boolean): void;
}

/** Passes a message to the connection that it is about. Returns false when it is of another kind. */
export function deliver(types: Types, type: number, body: Buffer, to: Receiver): boolean {
  if (type === types.data) to.write(body);
  else if (type === types.taken) to.taken(body.readUInt32BE(0));
  else if (type === types.closed) to.close(body[0] !== END);
  else return false;
  return true;
}

/** Why a connection was not made, for the HTTP answer in the sandbox. */
export interface RefusalBody {
  status: number;
  message: string;
}

/** Whether frames of this type belong to the tunnel, whoever sends them. */
export function isTunnelFrame(type: number): boolean {
  return (type >= FRAME.tunnelOpened && type < FRAME.hello) || type >= FRAME.tunnelOpen;
}
