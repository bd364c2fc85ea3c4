/** A `./p2pchat` process driven through `--json`, as a script would. */

import { READING_MS_MIN } from "../../lib/cli/commands/open_questions.ts";
import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";

/** A JSON object that the program has printed. */
export interface ShownEvent {
  readonly event: string;
  // deno-lint-ignore no-explicit-any -- a test reads the fields it knows of
  readonly [field: string]: any;
}

type Match = (event: ShownEvent) => boolean;

export interface NodeOptions {
  /** The folder of the profile; by default a temporary one, which is removed at the end. */
  readonly data?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A module of this folder to run instead of the built program. */
  readonly module?: string;
  /** Another executable to run instead. */
  readonly program?: string;
  /** The runtime's flags for what that module may do; by default everything. */
  readonly rights?: readonly string[];
  /** The command that runs the program, such as `ip netns exec`. */
  readonly within?: readonly string[];
}

/** The built program; the variable `P2PCHAT` can name another one to test. */
export const PROGRAM = Deno.env.get("P2PCHAT") ??
  fileURLToPath(new URL("../../p2pchat", import.meta.url));

function moduleFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The longest wait for an event, well above any promise that tests check. */
const WAIT_MS = 60_000;

/**
 * How much later than promised something may come on a machine that has much else to do. The promised times
 * themselves are those of the machines' tests, by a clock that is theirs.
 */
export const BUSY_MS = 20_000;

/**
 * What programs for scripts and agents say on the standard error, rightly, where the others are linked no sooner, or a group
 * waits for one of them: on a machine that has much else to do that is no fault.
 */
export const WAITS =
  /^warning: (?:No link to any other member; trying those who were here|Waiting for .*: what you write is kept)\n/gm;

/** A program that hasn't ended by itself this long after it should have is killed, so that its test fails. */
export const END_MS = 120_000;

/** By then what was asked can have been read. */
export function untilRead(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, READING_MS_MIN + 100));
}

export class Node implements AsyncDisposable {
  readonly events: ShownEvent[] = [];
  readonly stderr: string[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #readers: Promise<void>[];
  readonly status: Promise<Deno.CommandStatus>;
  #exited = false;
  #asked = 0;

  private constructor(readonly data: string, readonly ownsData: boolean, command: Deno.Command) {
    this.#child = command.spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#readers = [
      // A line without an end was being written by a program that was killed.
      this.#read(this.#child.stdout, (line, isWhole) => {
        if (isWhole) this.events.push(JSON.parse(line));
      }),
      this.#read(this.#child.stderr, (line) => this.stderr.push(line)),
    ];
    this.status = this.#child.status.then((status) => {
      this.#exited = true;
      this.#wake();
      return status;
    });
  }

  /** Starts `p2pchat ARGS --json`. The caller disposes of it. */
  static start(command: readonly string[], options: NodeOptions = {}): Node {
    const data = options.data ?? Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    const { module, program: file = PROGRAM, rights = ["-A"], within = [] } = options;
    const program = module === undefined
      ? [file]
      : [Deno.execPath(), "run", "--no-prompt", "--no-check", ...rights, moduleFile(module)];
    const [first, ...words] = [...within, ...program];
    return new Node(
      data,
      options.data === undefined,
      new Deno.Command(first!, {
        args: [...words, ...command, "--json", "--data", data, ...(options.args ?? [])],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        env: { ...options.env },
      }),
    );
  }

  /** Starts a member of a mesh on a free port of loopback; it joins through `contact`, or founds a room. */
  static mesh(name: string, contact: Node | null, options: NodeOptions = {}): Node {
    const through = contact === null ? [] : ["127.0.0.1", String(contact.port)];
    const listen = ["--host", "127.0.0.1", "--port", "0"];
    return Node.start(["mesh", name, ...through, ...listen], options);
  }

  /** As `mesh`, and waits until it is ready. */
  static async ready(name: string, contact: Node | null, options: NodeOptions = {}): Promise<Node> {
    const node = Node.mesh(name, contact, options);
    await node.until((event) => event.event === "ready");
    return node;
  }

  /** Starts a friend with the table `users`. Without a name, its row is found by the `--port` in the arguments. */
  static friend(name: string | null, users: string, options: NodeOptions = {}): Node {
    const words = name === null ? ["peer"] : ["peer", name];
    return Node.start([...words, "--users", users, "--host", "127.0.0.1"], options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#exited;
  }

  /** Forgets what was shown, all but the first line: for a program that several tests drive, one after the other. */
  forget(): void {
    this.events.splice(0, Infinity, ...this.events.filter(({ event }) => event === "ready"));
    this.stderr.splice(0);
  }

  get port(): number {
    const ready = this.events.find(({ event }) => event === "ready");
    assert(ready !== undefined, "a port is asked for only of a node that is ready");
    return ready.port;
  }

  /** Writes a line to standard input. */
  async type(line: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Writes a command as a JSON object. */
  async command(command: Readonly<Record<string, unknown>>): Promise<void> {
    await this.type(JSON.stringify(command));
  }

  /** Sends any `text` to all. */
  async say(text: string): Promise<void> {
    await this.command({ command: "msg", text });
  }

  /** Sends `text` to `name` only. */
  async tell(name: string, text: string, ref?: string): Promise<void> {
    await this.command({ command: "msg", name, text, ref });
  }

  /** Gives a command, and waits for its answer. */
  async ask(command: string, fields: Readonly<Record<string, unknown>> = {}): Promise<ShownEvent> {
    const ref = `${command}-${this.#asked++}`;
    await this.command({ command, ...fields, ref });
    return this.until((event) => event.ref === ref);
  }

  /** Closes standard input. */
  async end(): Promise<void> {
    await this.#stdin.close().catch(() => {});
  }

  signal(signal: Deno.Signal): void {
    if (!this.#exited) this.#child.kill(signal);
  }

  /** Kills the process with SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.status;
  }

  /** Waits for the first event with an index of at least `from` that matches. */
  async until(match: Match, waitMs = WAIT_MS, from = 0): Promise<ShownEvent> {
    const found = await this.untilCount(match, 1, waitMs, from);
    return found[0] as ShownEvent;
  }

  /** Waits for the first `count` events that match. */
  async untilCount(
    match: Match,
    count: number,
    waitMs = WAIT_MS,
    from = 0,
  ): Promise<readonly ShownEvent[]> {
    const deadline = performance.now() + waitMs;
    const found: ShownEvent[] = [];
    for (let scanned = from;;) {
      for (; scanned < this.events.length && found.length < count; scanned++) {
        const event = this.events[scanned] as ShownEvent;
        if (match(event)) found.push(event);
      }
      if (found.length >= count) return found;
      const leftMs = deadline - performance.now();
      if (this.#exited || leftMs <= 0) throw this.#missed(match, found.length, count, waitMs);
      const woken = Promise.withResolvers<void>();
      this.#waiters.add(woken.resolve);
      const timer = setTimeout(woken.resolve, leftMs);
      await woken.promise;
      clearTimeout(timer);
      this.#waiters.delete(woken.resolve);
    }
  }

  #missed(match: Match, found: number, count: number, waitMs: number): Error {
    const last = this.events.slice(-12).map((event) => JSON.stringify(event).slice(0, 300));
    return new Error(
      `${found} of ${count} awaited events came within ${waitMs} ms` +
        `${this.#exited ? ", the program has ended" : ""}: ${match}
` +
        `${last.join("\n")}\n${this.stderr.slice(-10).join("\n")}`,
    );
  }

  /** The texts of the messages shown, in order; with `from`, only those of that author. */
  texts(from?: string): readonly string[] {
    return this.events.filter((event) =>
      event.event === "message" && (from === undefined || event.from === from)
    ).map(({ text }) => text);
  }

  /** The messages of `/history N`, with what is the same at every member. */
  async history(count = 10_000): Promise<ShownEvent["messages"]> {
    const { messages } = await this.ask("history", { n: count });
    return messages.map(({ shown: _, ...message }: ShownEvent) => message);
  }

  /** Waits for the end, which is near. @returns Exit status and last event. */
  async ended(): Promise<{ readonly code: number; readonly last: ShownEvent | undefined }> {
    const timer = setTimeout(() => this.signal("SIGKILL"), END_MS);
    await this.status;
    clearTimeout(timer);
    return await this.over();
  }

  /** Closes standard input, and waits for the end. */
  async quit(): ReturnType<Node["ended"]> {
    await this.end();
    return await this.ended();
  }

  /** Resolves at the end, whenever that comes. */
  async over(): Promise<{ readonly code: number; readonly last: ShownEvent | undefined }> {
    const { code } = await this.status;
    await Promise.all(this.#readers);
    return { code, last: this.events.at(-1) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGCONT");
    this.signal("SIGKILL");
    await this.end();
    await this.status;
    await Promise.all(this.#readers);
    if (this.ownsData) await Deno.remove(this.data, { recursive: true }).catch(() => {});
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    take: (line: string, isWhole: boolean) => void,
  ): Promise<void> {
    let rest = "";
    for await (
      const chunk of stream.pipeThrough(
        new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>,
      )
    ) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) take(line, true);
      this.#wake();
    }
    if (rest !== "") take(rest, false);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }
}

/** The programs of a test, which are disposed of in reverse order. */
export class Nodes extends AsyncDisposableStack {
  add(node: Node): Node {
    return this.use(node);
  }

  async ready(name: string, contact: Node | null, options: NodeOptions = {}): Promise<Node> {
    const node = this.add(Node.mesh(name, contact, options));
    await node.until((event) => event.event === "ready");
    return node;
  }
}

/** For conditions that no event reports: checks repeatedly until `look` returns true. */
export async function holds(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (const untilMs = performance.now() + WAIT_MS; !(await look());) {
    assert(performance.now() < untilMs, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
