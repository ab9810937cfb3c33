/** What the queue's benchmark asks of each queue. One database each, all on the same server. */
export interface Contender {
  readonly name: string;
  /** Waiting jobs are made up to this number, without counting the time. */
  fill(waiting: number): Promise<void>;
  /** One of `loops` that run at once: enqueues a job, claims one, completes it. */
  cycle(loop: number): Promise<void>;
  /** Enqueues an urgent job; whoever is cycling takes it. @returns milliseconds from the call until it was claimed */
  urgent(): Promise<number>;
  /** An idle worker waits; a job is enqueued. @returns milliseconds from the call until the worker has it */
  wake(): Promise<number>;
  /** Stops what would go on by itself and take the machine from the next one. */
  rest?(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds until something that was announced happened, by name. */
export class Arrivals {
  private readonly open = new Map<string, (at: number) => void>();

  expect(name: string): Promise<number> {
    return new Promise((resolve) => this.open.set(name, resolve));
  }

  arrived(name: string): void {
    this.open.get(name)?.(performance.now());
    this.open.delete(name);
  }
}
