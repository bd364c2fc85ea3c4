/** The process as the user interface sees it: standard streams, terminal, signals, clock. */

import { P2pchatError } from "../../base/errors.ts";

/** Bytes per read: what a pipe holds on Linux, so that a read seldom needs more. */
export const READ_BYTES = 65_536;

export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGWINCH" | "SIGCONT";

export interface Streams {
  readonly stdin: {
    /** Returns the number of bytes read into `buffer`; `null` at the end of input. */
    read(buffer: Uint8Array): Promise<number | null>;
    readonly isTerminal: boolean;
    /** In raw mode keys, including Ctrl+C, arrive one by one and aren't echoed. */
    setRaw(raw: boolean): void;
  };
  readonly stdout: Sink & {
    readonly isTerminal: boolean;
    /** Writes synchronously, for a program that exits at once. */
    writeSync(bytes: Uint8Array): void;
  };
  readonly stderr: Sink & { readonly isTerminal: boolean };
  /** An environment variable. @throws {P2pchatError} `usage` where it isn't UTF-8. */
  variable(name: string): string | undefined;
  /** The same of one that holds a secret, which is then out of the environment: nothing started later inherits it. */
  takeVariable(name: string): string | undefined;
  /** Size of the terminal in cells. */
  size(): { readonly columns: number; readonly rows: number };
  onSignal(name: SignalName, listener: () => void): void;
  offSignal(name: SignalName, listener: () => void): void;
  /** Stops this process as Ctrl+Z does, until SIGCONT. */
  suspend(): void;
  /** Does to this process what Ctrl+C does where the terminal isn't in raw mode. */
  interrupt(): void;
  /** Ends the process. */
  exit(status: number): void;
  /** Wall time, ms since 1970. */
  wallMs(): number;
}

/** Whether a person, not another program, provides input and reads output. */
export function isAtTerminal({ stdin, stdout }: Streams): boolean {
  return stdin.isTerminal && stdout.isTerminal;
}

/** Assumed where a terminal doesn't report its size. */
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

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

/**
 * The mode of standard output when the program was started; set by `tools/launcher.sh`, as this process can't find
 * out.
 */
const STDOUT_VARIABLE = "P2PCHAT_STDOUT";

export const STANDARD_OUTPUT: Sink = new PatientSink(
  Deno.stdout,
  true,
  () => Deno.stdout.isTerminal() || Deno.env.get(STDOUT_VARIABLE) !== "waits",
);
export const STANDARD_ERROR: Sink = new PatientSink(Deno.stderr, false);

/**
 * An environment variable of this process.
 * @throws {P2pchatError} `usage` where it isn't UTF-8. The error doesn't contain the value, which may be a
 *   password.
 */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.InvalidData)) throw cause;
    throw new P2pchatError("usage", `The variable ${name} isn't UTF-8 text; set another`, {
      cause,
    });
  }
}

/**
 * The user's home folder, as HOME says; undefined: none is known. The launcher gives the runtime another HOME, and says
 * which one was the user's (`tools/launcher.sh`).
 */
export function homeFolder(): string | undefined {
  return variable("P2PCHAT_USER_HOME") || variable("HOME") || undefined;
}

/** The columns that a person sees; no bound where a program reads what is shown. */
export function columnsOf(ui: { readonly interactive: boolean }): number {
  return ui.interactive ? processStreams().size().columns : Infinity;
}

/** The streams of this process. */
export function processStreams(): Streams {
  return {
    stdin: {
      read: (buffer) => Deno.stdin.read(buffer),
      isTerminal: Deno.stdin.isTerminal(),
      setRaw: (raw) => Deno.stdin.setRaw(raw),
    },
    stdout: {
      write: (bytes) => STANDARD_OUTPUT.write(bytes),
      writeSync: (bytes) => void Deno.stdout.writeSync(bytes),
      isTerminal: Deno.stdout.isTerminal(),
    },
    stderr: { write: (bytes) => STANDARD_ERROR.write(bytes), isTerminal: Deno.stderr.isTerminal() },
    variable,
    takeVariable(name) {
      const value = variable(name);
      Deno.env.delete(name);
      return value;
    },
    size() {
      try {
        const { columns, rows } = Deno.consoleSize();
        return { columns: columns || COLUMNS_DEFAULT, rows: rows || ROWS_DEFAULT };
      } catch {
        return { columns: COLUMNS_DEFAULT, rows: ROWS_DEFAULT }; // a terminal of unknown size
      }
    },
    onSignal: (name, listener) => Deno.addSignalListener(name, listener),
    offSignal: (name, listener) => Deno.removeSignalListener(name, listener),
    suspend: () => Deno.kill(Deno.pid, "SIGTSTP"),
    interrupt: () => Deno.kill(Deno.pid, "SIGINT"),
    exit: (status) => Deno.exit(status),
    wallMs: () => Date.now(),
  };
}
