/** The process as the user interface sees it: standard streams, terminal, signals, clock. */

import { P2pchatError } from "../../base/errors.ts";
import { PatientSink, type Sink } from "./patient_sink.ts";

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
    exit: (status) => Deno.exit(status),
    wallMs: () => Date.now(),
  };
}
