// deno-lint-ignore-file no-console -- part of a program of its own, run by `make fuzz`
/**
 * A worker that looks at the input which is being tried, and ends the program where that one never ends: the program
 * itself can't, then.
 */

import { INPUT_BYTES_MAX } from "./target.ts";

/** Many times what an input may take, on a machine that is busy. */
const STUCK_MS = 60_000;
const LOOK_MS = 5_000;
/** Ahead of the input: how many were tried, and how long it is. */
const HEAD_NUMBERS = 2;

/** What both look at. */
export class Watched {
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(readonly memory = new SharedArrayBuffer(4 * HEAD_NUMBERS + INPUT_BYTES_MAX)) {
    this.#head = new Int32Array(memory, 0, HEAD_NUMBERS);
    this.#bytes = new Uint8Array(memory, 4 * HEAD_NUMBERS);
  }

  /** This one is tried from now on. */
  begin(input: Uint8Array): void {
    const shown = input.subarray(0, INPUT_BYTES_MAX);
    this.#bytes.set(shown);
    this.#head[1] = shown.length;
    Atomics.add(this.#head, 0, 1);
  }

  get count(): number {
    return Atomics.load(this.#head, 0);
  }

  get input(): Uint8Array {
    return this.#bytes.slice(0, this.#head[1]);
  }
}

/** Begins to look. */
export function watch(watched: Watched): void {
  const worker = new Worker(import.meta.url, { type: "module" });
  worker.postMessage(watched.memory);
}

function look(watched: Watched): void {
  let [count, sinceMs] = [watched.count, performance.now()];
  setInterval(() => {
    if (watched.count !== count) [count, sinceMs] = [watched.count, performance.now()];
    else if (performance.now() - sinceMs > STUCK_MS) {
      console.error(
        `An input has taken ${STUCK_MS} ms, and goes on: INPUT=${watched.input.toHex()}`,
      );
      Deno.kill(Deno.pid, "SIGKILL");
    }
  }, LOOK_MS);
}

// Only a worker is sent any.
Object.assign(globalThis, {
  onmessage: ({ data }: MessageEvent<SharedArrayBuffer>) => look(new Watched(data)),
});
