/** A process under measurement: lines in, lines out, each seen as it comes. */

import { fileURLToPath } from "node:url";
import { processorMs, residentBytes } from "../e2e/proc.ts";

/** Longest wait for anything that a measurement awaits. */
const WAIT_MS = 120_000;

/** The built program. */
export const PROGRAM = fileURLToPath(new URL("../../p2pchat", import.meta.url));

/** The path of one of the baselines' programs in `tests/bench/baselines`. */
export function baselinePath(name: string): string {
  return fileURLToPath(new URL(`baselines/${name}`, import.meta.url));
}

/** `make bench-deps` keeps the baselines' packages as npm does, in a node_modules folder. */
const PACKAGES = ["--node-modules-dir=manual"];

/** The command line that runs a baseline under the Deno that runs this. */
export function denoCommand(path: string, ...args: readonly string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "-A", "--no-lock", ...PACKAGES, path, ...args];
}

export class LineProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #encoder = new TextEncoder();
  readonly #listeners = new Set<(line: string) => void>();
  #counted = { lineFeeds: 0, wanted: Infinity, done: () => {} };
  #countsOnly = false;

  constructor(command: readonly string[]) {
    const [program, ...args] = command as [string, ...string[]];
    this.#name = command.join(" ");
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Calls `listener` with each line from now on, until the function returned is called. */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What `take` returns of the first line from now on of which it returns something; `what` names it. */
  async until<Taken>(
    what: string,
    take: (line: string) => Taken | undefined,
  ): Promise<Taken> {
    const found = Promise.withResolvers<Taken>();
    const stop = this.onLine((line) => {
      const taken = take(line);
      if (taken !== undefined) found.resolve(taken);
    });
    const ended = this.#reading.then(() => {
      throw new Error(`Cannot measure: ${this.#name} ended before ${what}`);
    });
    const first = Promise.race([found.promise, ended]);
    return await bounded(first, `${what} of ${this.#name}`).finally(stop);
  }

  /**
   * Resolves after `count` further lines. Nobody sees these: they are counted by their line feeds, so that
   * reading them costs next to nothing.
   */
  async countLines(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#counted = { lineFeeds: 0, wanted: count, done: resolve };
    this.#countsOnly = true;
    try {
      await bounded(promise, `${count} lines`);
    } catch (error) {
      throw new Error(`${this.#counted.lineFeeds} of ${count} lines came`, {
        cause: error,
      });
    } finally {
      this.#countsOnly = false;
    }
  }

  /** Writes bytes as they are; resolves when the pipe took them. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#stdin.ready;
    await this.#stdin.write(bytes);
  }

  async type(line: string): Promise<void> {
    await this.write(this.#encoder.encode(`${line}\n`));
  }

  /** End of input. */
  async end(): Promise<void> {
    await this.#stdin.close().catch(() => {});
  }

  get pid(): number {
    return this.#child.pid;
  }

  processorMs(): Promise<number> {
    return processorMs(this.#child.pid);
  }

  residentBytes(): Promise<number> {
    return residentBytes(this.#child.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.end();
    await this.#child.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      if (this.#countsOnly) {
        this.#count(chunk);
        continue;
      }
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(
        "\n",
      );
      rest = lines.pop()!;
      for (const line of lines) {
        for (const listener of this.#listeners) listener(line);
      }
    }
  }

  #count(chunk: Uint8Array): void {
    const counted = this.#counted;
    for (
      let at = chunk.indexOf(10);
      at !== -1;
      at = chunk.indexOf(10, at + 1)
    ) counted.lineFeeds++;
    if (counted.lineFeeds >= counted.wanted) counted.done();
  }
}

/** `promise`, or an error once it has taken too long. */
export async function bounded<Value>(
  promise: Promise<Value>,
  what: string,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      late.reject(
        new Error(`Cannot measure: ${what} didn't come within ${WAIT_MS} ms`),
      ),
    WAIT_MS,
  );
  return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
