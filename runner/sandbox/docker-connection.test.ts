import { Duplex, PassThrough } from "node:stream";

import { describe, expect, it } from "vitest";
import {
  encodeFrame,
  encodeJson,
  FRAME,
  type Frame,
  FrameReader,
  STDIN_WINDOW_BYTES,
} from "../supervisor/frames";
import { DockerDemultiplexer, SupervisorConnection } from "./docker-connection";
import { RequestError, SandboxError } from "./port";

const ORDER = {
  argv: ["true"],
  cwd: "/work",
  env: {},
  timeoutMs: 10_000,
  maxOutputBytes: 1_000,
  repository: false,
  input: true,
  network: null,
};
const REPORT = { exitCode: 0, signal: null, droppedBytes: 0 };

/** The other end of the stream: what a container would read and write. */
class FarEnd {
  readonly stream: Duplex;
  readonly frames: Frame[] = [];
  private readonly fromRunner = new PassThrough();
  private readonly toRunner = new PassThrough();
  private readonly reader = new FrameReader();

  constructor() {
    this.stream = Duplex.from({ readable: this.toRunner, writable: this.fromRunner });
    this.fromRunner.on("data", (data: Buffer) => this.frames.push(...this.reader.push(data)));
  }

  send(frame: Buffer, stream = 1): void {
    this.toRunner.write(dockerPiece(stream, frame));
  }

  end(): void {
    this.toRunner.end();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }
}

function dockerPiece(stream: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

describe("Docker's own framing", () => {
  it.each([1, 3, 8, 9, 64])("comes off, whatever the pieces of %i bytes cut", (size) => {
    const all = Buffer.concat([
      dockerPiece(1, Buffer.from("first")),
      dockerPiece(2, Buffer.from("error")),
      dockerPiece(1, Buffer.from("second")),
    ]);
    const demultiplexer = new DockerDemultiplexer();
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    for (let at = 0; at < all.length; at += size) {
      output.push(...demultiplexer.push(all.subarray(at, at + size), (text) => errors.push(text)));
    }
    expect(Buffer.concat(output).toString()).toBe("firstsecond");
    expect(Buffer.concat(errors).toString()).toBe("error");
  });
});

describe("the connection to a supervisor", () => {
  it("routes output and reports to their commands", async () => {
    const far = new FarEnd();
    const connection = new SupervisorConnection(far.stream);
    far.send(encodeFrame(FRAME.hello, 0));
    await connection.ready;
    const seen: string[] = [];
    const note = (name: string) => (stream: string, data: Buffer) => seen.push(`${name} ${stream} ${data}`);
    const first = connection.exec(ORDER, new Uint8Array(), note("a"));
    const second = connection.exec(ORDER, new Uint8Array(), note("b"));
    far.send(encodeFrame(FRAME.out, 2, Buffer.from("x")));
    far.send(encodeFrame(FRAME.err, 1, Buffer.from("y")));
    far.send(encodeFrame(FRAME.out, 99, Buffer.from("nobody's")));
    far.send(encodeJson(FRAME.exit, 2, { ...REPORT, exitCode: 5 }));
    far.send(encodeJson(FRAME.exit, 1, REPORT));
    expect(await second).toMatchObject({ exitCode: 5 });
    expect(await first).toMatchObject({ exitCode: 0 });
    expect(seen).toEqual(["b stdout x", "a stderr y"]);
    connection.close("done");
  });

  it("sends input only as far as the window allows", async () => {
    const far = new FarEnd();
    const connection = new SupervisorConnection(far.stream);
    const input = Buffer.alloc(STDIN_WINDOW_BYTES * 2 + 10, 7);
    const running = connection.exec(ORDER, input, () => {});
    const arrived = () =>
      far.frames
        .filter((frame) => frame.type === FRAME.stdin)
        .reduce((sum, frame) => sum + frame.payload.length, 0);
    await far.until(() => arrived() === STDIN_WINDOW_BYTES);
    expect(far.frames.some((frame) => frame.type === FRAME.eof)).toBe(false);
    const acknowledged = Buffer.alloc(4);
    acknowledged.writeUInt32BE(STDIN_WINDOW_BYTES);
    far.send(encodeFrame(FRAME.stdinAck, 1, acknowledged));
    await far.until(() => arrived() === STDIN_WINDOW_BYTES * 2);
    far.send(encodeFrame(FRAME.stdinAck, 1, acknowledged));
    await far.until(() => far.frames.at(-1)?.type === FRAME.eof);
    expect(arrived()).toBe(input.length);
    far.send(encodeJson(FRAME.exit, 1, REPORT));
    await running;
    connection.close("done");
  });

  it("settles every command when the container ends, with what it said last", async () => {
    const far = new FarEnd();
    const connection = new SupervisorConnection(far.stream);
    const running = connection.exec(ORDER, new Uint8Array(), () => {});
    far.send(Buffer.from("node: out of luck\n"), 2);
    far.end();
    await expect(running).rejects.toThrow("The container ended. node: out of luck");
    await expect(connection.ready).rejects.toBeInstanceOf(SandboxError);
    await expect(connection.exec(ORDER, new Uint8Array(), () => {})).rejects.toMatchObject({ gone: true });
  });

  it("gives up a container that sends what is no frame", async () => {
    const far = new FarEnd();
    const connection = new SupervisorConnection(far.stream);
    const running = connection.exec(ORDER, new Uint8Array(), () => {});
    far.send(Buffer.alloc(64, 0xff));
    await expect(running).rejects.toThrow("no frame");
  });

  it("tells a command that could not be started from a container that is lost", async () => {
    const far = new FarEnd();
    const connection = new SupervisorConnection(far.stream);
    const running = connection.exec(ORDER, new Uint8Array(), () => {});
    far.send(encodeJson(FRAME.fail, 1, { message: "too many processes", gone: false }));
    await expect(running).rejects.toMatchObject({ message: "too many processes", gone: false });
    const large = { ...ORDER, argv: ["x".repeat(2_000_000)] };
    await expect(connection.exec(large, new Uint8Array(), () => {})).rejects.toBeInstanceOf(RequestError);
    connection.close("done");
  });
});
