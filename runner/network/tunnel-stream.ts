// One end of one tunnelled connection: couples a socket with the messages of the tunnel. Both ends run this code.
// Invariant: an end never holds more than the window of the other's bytes, however slowly its socket takes them.
import type { Socket } from "node:net";

/** How many bytes of a connection may be under way in one direction before the other end has passed some on. */
export const TUNNEL_WINDOW_BYTES = 128 * 1024;
/** A socket is read in pieces of at most this size. */
const READ_BYTES = 64 * 1024;

/** What one end tells the other about a connection. */
export interface TunnelPeer {
  data(bytes: Buffer): void;
  /** So many bytes of the other's have been passed on. */
  taken(count: number): void;
  /** `broken`: the connection is gone; otherwise no more bytes will come, but some may still be sent. */
  closed(broken: boolean): void;
}

/** A live connection. The calls are the other end's messages. */
export class TunnelStream {
  /** Bytes that the other end has not passed on yet, and bytes of its own that have not been passed on here. */
  private underWay = 0;
  private held = 0;
  private readonly ended = { here: false, there: false };
  private broken = false;

  /** `onGone` is called once, when the socket is closed. */
  constructor(
    private readonly socket: Socket,
    private readonly peer: TunnelPeer,
    private readonly onGone: () => void,
  ) {
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => this.forward(data));
    socket.on("end", () => {
      this.ended.here = true;
      peer.closed(false);
    });
    if (socket.closed) this.gone();
    else socket.once("close", () => this.gone());
  }

  /** Bytes for the socket. An end that sends more than the window is cut off. */
  write(data: Buffer): void {
    this.held += data.length;
    if (this.held > TUNNEL_WINDOW_BYTES || this.ended.there) {
      this.destroy();
      return;
    }
    this.socket.write(data, (error) => {
      if (error) return;
      this.held -= data.length;
      this.peer.taken(data.length);
    });
  }

  /** The other end has passed bytes on. */
  taken(count: number): void {
    this.underWay -= count;
    if (this.underWay < 0) this.destroy();
    else if (this.hasRoom()) this.socket.resume();
  }

  /** The other end sends nothing more, or is gone. */
  close(broken: boolean): void {
    this.ended.there = true;
    this.broken ||= broken;
    if (broken) this.destroy();
    else this.socket.end();
  }

  /** Cuts the connection; the other end is told. */
  destroy(): void {
    this.socket.destroy();
  }

  private gone(): void {
    if (!this.broken && !(this.ended.here && this.ended.there)) this.peer.closed(true);
    this.onGone();
  }

  private forward(data: Buffer): void {
    this.underWay += data.length;
    if (!this.hasRoom()) this.socket.pause();
    this.peer.data(data);
  }

  private hasRoom(): boolean {
    return this.underWay <= TUNNEL_WINDOW_BYTES - READ_BYTES;
  }
}
