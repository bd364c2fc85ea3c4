/** `./p2pchat` in pipes without `--json`, as a shell script or a person with a pipe uses it. */

import { END_MS, PROGRAM } from "./node.ts";

/** The longest wait for an event, well above any promise that tests check. */
const WAIT_MS = 60_000;

export interface TextProgramOptions {
  /** The folder of the profile; by default a temporary one, which is removed at the end. */
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** If false, the program's output isn't read until `startReading`. */
  readonly reads?: boolean;
}

export class TextProgram implements AsyncDisposable {
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #readers: Promise<void>[] = [];
  readonly #printed = { stdout: "", stderr: "" };
  #changed = Promise.withResolvers<void>();
  #exited = false;

  private constructor(
    readonly data: string,
    readonly ownsData: boolean,
    command: Deno.Command,
    reads: boolean,
  ) {
    this.#child = command.spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#readers.push(this.#read(this.#child.stderr, "stderr"));
    if (reads) this.startReading();
    this.status = this.#child.status.then((status) => {
      this.#exited = true;
      this.#wake();
      return status;
    });
  }

  /** Starts `p2pchat ARGS --data FOLDER`. The caller disposes of it. */
  static start(args: readonly string[], options: TextProgramOptions = {}): TextProgram {
    const data = options.data ?? Deno.makeTempDirSync({ prefix: "p2pchat-text-" });
    const command = new Deno.Command(PROGRAM, {
      args: [...args, "--data", data],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { ...options.env },
    });
    return new TextProgram(data, options.data === undefined, command, options.reads ?? true);
  }

  /** Runs `p2pchat mesh NAME` on a free port of loopback; with `port`, it joins through the member there. */
  static mesh(
    name: string,
    port: number | null,
    args: readonly string[] = [],
    options: TextProgramOptions = {},
  ): TextProgram {
    const contact = port === null ? [] : ["127.0.0.1", String(port)];
    const listen = ["--host", "127.0.0.1", "--port", "0"];
    return TextProgram.start(["mesh", name, ...contact, ...listen, ...args], options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#printed.stdout;
  }

  get stderr(): string {
    return this.#printed.stderr;
  }

  /** The complete lines on standard output, without the time at their start. */
  get lines(): readonly string[] {
    return this.stdout.split("\n").slice(0, -1).map((line) => line.replace(/^\d\d:\d\d /, ""));
  }

  /** Writes lines to standard input; resolves when all are written. */
  async type(...lines: readonly string[]): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  }

  /** Closes standard input. */
  async end(): Promise<void> {
    await this.#stdin.close().catch(() => {}); // the program has ended by itself
  }

  signal(signal: Deno.Signal): void {
    if (!this.#exited) this.#child.kill(signal);
  }

  startReading(): void {
    this.#readers.push(this.#read(this.#child.stdout, "stdout"));
  }

  /** The port at which it listens, from its first line. */
  async port(): Promise<number> {
    const [, port] = await this.until(/^>INFO: .* is listening at (\d+)\.\n/m);
    return Number(port);
  }

  /** Waits until the output matches `pattern`. @returns The match. */
  async until(
    pattern: RegExp,
    channel: "stdout" | "stderr" = "stdout",
    waitMs = WAIT_MS,
  ): Promise<RegExpExecArray> {
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      const match = pattern.exec(this.#printed[channel]);
      if (match !== null) return match;
      const leftMs = deadlineMs - performance.now();
      if (this.#exited || leftMs <= 0) {
        await orAfter(Promise.all(this.#readers), 1_000);
        const late = pattern.exec(this.#printed[channel]);
        if (late !== null) return late;
        throw new Error(
          `${pattern} never came on ${channel}${this.#exited ? ", the program has ended" : ""}:\n` +
            `${this.stdout.slice(-2_000)}\n--- stderr ---\n${this.stderr.slice(-2_000)}`,
        );
      }
      await orAfter(this.#changed.promise, leftMs);
    }
  }

  /** The exit status, once all output has been read. */
  async ended(): Promise<number> {
    const timer = setTimeout(() => this.signal("SIGKILL"), END_MS);
    const { code } = await this.status;
    clearTimeout(timer);
    await Promise.all(this.#readers);
    return code;
  }

  /** Closes standard input, and waits for the end. */
  async quit(): Promise<number> {
    await this.end();
    return await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.end();
    await this.status;
    await this.#child.stdout.cancel().catch(() => {}); // it is being read to its end
    await Promise.all(this.#readers);
    if (this.ownsData) await Deno.remove(this.data, { recursive: true });
  }

  async #read(stream: ReadableStream<Uint8Array>, channel: "stdout" | "stderr"): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#printed[channel] += decoder.decode(bytes, { stream: true });
      this.#wake();
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Waits for `event`, but for `ms` at most. */
async function orAfter(event: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([event, limit]);
  clearTimeout(timer);
}
