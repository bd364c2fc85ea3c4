/**
 * Standard output or error that another program has made non-blocking (O_NONBLOCK), a setting that all programs
 * share that have the same terminal or pipe open. Writing to a full one fails (EAGAIN) and is repeated until it
 * succeeds.
 *
 * A failed write doesn't tell how much it has written. For standard output, the runtime also buffers what follows
 * the last line feed, and writes it with the next write. To write nothing twice and omit nothing, each write is
 * either one that succeeds or fails as a whole, or one whose rest is in that buffer. That costs two microseconds a
 * line, so it is only done where it may be needed, and from the first failure on.
 */

/** A destination of bytes. */
export interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Pause between attempts: nobody notices 20 ms, and the cost isn't measurable. */
const RETRY_MS = 20;

/** A pipe takes so many bytes either wholly or not at all (PIPE_BUF of Linux). */
const PIECE_BYTES = 4_096;
/** The runtime's buffer has room for one byte more. */
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
   * @param isBuffered Whether the runtime buffers what follows the last line feed, as for standard output.
   * @param mayRefuse Whether it is non-blocking, or is shared with programs that may make it so.
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
      // If this is a pipe and the write was one piece, nothing was written. Otherwise some of these lines may have
      // been, and are written again, only this once.
    }
    if (bytes[0] === LINE_FEED) return await this.#taken(bytes.subarray(0, 1));
    const end = bytes.indexOf(LINE_FEED);
    const text = bytes.subarray(0, end < 0 ? bytes.length : end).subarray(0, BUFFERED_BYTES_MAX);
    if (await this.#tried(text) === null) await this.#drained();
    return text.length;
  }

  /** Waits until the runtime's buffer is written. */
  async #drained(): Promise<void> {
    await this.#taken(NOTHING);
  }

  /** Writes repeatedly until some bytes are taken. @returns How many. */
  async #taken(bytes: Uint8Array): Promise<number> {
    for (;;) {
      const count = await this.#tried(bytes);
      if (count !== null) return count;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Writes once. @returns The bytes taken; null on EAGAIN. */
  async #tried(bytes: Uint8Array): Promise<number | null> {
    try {
      return await this.#sink.write(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return null;
      throw error;
    }
  }
}

/** The longest run of whole lines that fits in a piece, or else part of a line. */
function pieceOf(bytes: Uint8Array): Uint8Array {
  const piece = bytes.subarray(0, PIECE_BYTES);
  const end = piece.lastIndexOf(LINE_FEED) + 1;
  return end === 0 ? piece : piece.subarray(0, end);
}

function isBufferable(piece: Uint8Array): boolean {
  return piece.length <= BUFFERED_BYTES_MAX && !piece.includes(LINE_FEED);
}
