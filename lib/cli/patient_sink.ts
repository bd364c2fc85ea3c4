/**
 * Standard output and error that another program has set to refuse instead of waiting (O_NONBLOCK): who shares a terminal
 * or a pipe shares that, too. When it is full it refuses (EAGAIN), and is asked again until it takes more.
 *
 * How much a write that failed has written isn't told. Of standard output the runtime keeps what follows the last line
 * feed in a buffer, from which it goes out as part of the next write. So that nothing is written twice or left out,
 * every write is one that is taken wholly or not at all, or whose rest is in that buffer. That makes output two
 * microseconds a line dearer: so it is done where it may be needed, and from the first refusal on.
 */

import type { Sink } from "./streams.ts";

/** Twenty milliseconds later it may take more: nobody sees the difference, and it costs nothing worth measuring. */
const RETRY_MS = 20;

/** A pipe takes so many bytes wholly or not at all (PIPE_BUF of Linux). */
const PIECE_BYTES = 4_096;
/** The runtime's buffer has room for one more than this. */
const BUFFERED_BYTES_MAX = 1_023;

const LINE_FEED = 10;
const NOTHING = new Uint8Array(0);

export class PatientSink implements Sink {
  readonly #sink: Sink;
  readonly #isBuffered: boolean;
  readonly #mayRefuse: () => boolean;
  #isCareful: boolean | null = null;
  #hasRefused = false;

  /**
   * @param isBuffered Whether the runtime keeps what follows the last line feed, as of standard output.
   * @param mayRefuse Whether it is set to refuse, or is shared with those who may set that later.
   */
  constructor(sink: Sink, isBuffered: boolean, mayRefuse: () => boolean = () => true) {
    this.#sink = sink;
    this.#isBuffered = isBuffered;
    this.#mayRefuse = mayRefuse;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (!this.#isBuffered) return await this.#taken(bytes);
    if (!this.#hasRefused) {
      this.#isCareful ??= this.#mayRefuse();
      const piece = this.#isCareful ? pieceOf(bytes) : bytes;
      const count = await this.#tried(piece);
      if (count !== null) return count;
      this.#hasRefused = true;
      await this.#drained();
      if (isBufferable(piece)) return piece.length;
      // A pipe has taken nothing, if that was a piece. Otherwise, and at a terminal, some of these lines may be there,
      // and come again, this once.
    }
    if (bytes[0] === LINE_FEED) return await this.#taken(bytes.subarray(0, 1));
    const end = bytes.indexOf(LINE_FEED);
    const text = bytes.subarray(0, end < 0 ? bytes.length : end).subarray(0, BUFFERED_BYTES_MAX);
    if (await this.#tried(text) === null) await this.#drained();
    return text.length;
  }

  /** Waits until what the runtime has kept is written. */
  async #drained(): Promise<void> {
    await this.#taken(NOTHING);
  }

  /** Asks until it takes some: how much. */
  async #taken(bytes: Uint8Array): Promise<number> {
    for (;;) {
      const count = await this.#tried(bytes);
      if (count !== null) return count;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** How much it takes now; null where it refuses. */
  async #tried(bytes: Uint8Array): Promise<number | null> {
    try {
      return await this.#sink.write(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return null;
      throw error;
    }
  }
}

/** Whole lines, otherwise a part of one. */
function pieceOf(bytes: Uint8Array): Uint8Array {
  const piece = bytes.subarray(0, PIECE_BYTES);
  const end = piece.lastIndexOf(LINE_FEED) + 1;
  return end === 0 ? piece : piece.subarray(0, end);
}

function isBufferable(piece: Uint8Array): boolean {
  return piece.length <= BUFFERED_BYTES_MAX && !piece.includes(LINE_FEED);
}
