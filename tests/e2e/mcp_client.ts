/** A client of the Model Context Protocol that speaks to the built program with `--mcp`, as an agent's host does. */

import { assert, assertEquals } from "@std/assert";
import { PROGRAM } from "./node.ts";

/** The longest wait for an answer, well above any time that tests ask for. */
const ANSWER_MS = 90_000;

/** What a line of the program says. */
export interface McpMessage {
  readonly jsonrpc: "2.0";
  readonly id?: string | number | null;
  readonly method?: string;
  // deno-lint-ignore no-explicit-any -- a test reads the fields it knows of
  readonly params?: any;
  // deno-lint-ignore no-explicit-any
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A message in an answer. */
export interface SaidMessage {
  readonly from: string;
  readonly key: string;
  readonly verified: boolean;
  readonly text: string;
  readonly id?: string;
  readonly seq?: number;
  readonly private?: boolean;
}

/** The answer to a call. */
export interface Called {
  readonly text: string;
  readonly isError: boolean;
  // deno-lint-ignore no-explicit-any
  readonly structured: any;
}

export class McpClient implements AsyncDisposable {
  readonly received: McpMessage[] = [];
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  readonly #waiters = new Set<() => void>();
  #stderr = "";
  #hasEnded = false;
  #ids = 0;

  /** Starts `p2pchat ARGS --mcp`; nothing is said yet. */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const command = new Deno.Command(PROGRAM, {
      args: [...args, "--mcp"],
      ...{ stdin: "piped", stdout: "piped", stderr: "piped", env: { ...env } },
    });
    this.#child = command.spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#reading = Promise.all([
      read(this.#child.stdout, (text) => this.#take(text)),
      read(this.#child.stderr, (text) => this.#stderr += text),
    ]).then(() => {
      this.#hasEnded = true;
      this.#wake();
    });
    this.status = this.#child.status;
  }

  /** The same, and agrees on a revision. */
  static async start(args: readonly string[], revision = "2025-11-25"): Promise<McpClient> {
    const client = new McpClient(args);
    const clientInfo = { name: "test", version: "1" };
    const params = { protocolVersion: revision, capabilities: {}, clientInfo };
    const { result } = await client.request("initialize", params);
    assertEquals(result.protocolVersion, revision);
    await client.notify("notifications/initialized");
    return client;
  }

  get stderr(): string {
    return this.#stderr;
  }

  async write(line: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(`${line}\n`));
  }

  async notify(method: string, params: object = {}): Promise<void> {
    await this.write(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  /** Asks, and doesn't wait. @returns The id of the request. */
  async ask(method: string, params: object = {}): Promise<number> {
    const id = this.#ids++;
    await this.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return id;
  }

  async request(method: string, params: object = {}): Promise<McpMessage> {
    const id = await this.ask(method, params);
    return await this.until((message) => message.id === id);
  }

  async call(name: string, given: object = {}): Promise<Called> {
    return calledIn(await this.request("tools/call", { name, arguments: given }));
  }

  /** What a `wait` gives. */
  async wait(given: object = {}): Promise<readonly SaidMessage[]> {
    const { structured, isError, text } = await this.call("wait", { timeout: 60, ...given });
    assert(!isError, text);
    return structured.messages;
  }

  /** The first message of the program that matches, of those that came and those that come. */
  async until(isIt: (message: McpMessage) => boolean): Promise<McpMessage> {
    const untilMs = performance.now() + ANSWER_MS;
    for (;;) {
      const found = this.received.find(isIt);
      if (found !== undefined) return found;
      const leftMs = untilMs - performance.now();
      if (this.#hasEnded || leftMs <= 0) {
        const last = this.received.slice(-3).map((each) => JSON.stringify(each).slice(0, 300));
        throw new Error(
          `no such message${this.#hasEnded ? ", it has ended" : ""}: ${isIt}\n${
            last.join("\n")
          }\n${this.#stderr}`,
        );
      }
      const woken = Promise.withResolvers<void>();
      this.#waiters.add(woken.resolve);
      const timer = setTimeout(woken.resolve, leftMs);
      await woken.promise;
      clearTimeout(timer);
      this.#waiters.delete(woken.resolve);
    }
  }

  /** Closes the input, and waits for the end. @returns Its exit status. */
  async end(): Promise<number> {
    await this.#stdin.close().catch(() => {});
    const timer = setTimeout(() => this.#kill(), ANSWER_MS);
    const { code } = await this.status;
    clearTimeout(timer);
    await this.#reading;
    return code;
  }

  async kill(): Promise<void> {
    this.#kill();
    await this.status;
    await this.#reading;
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await this.#stdin.close().catch(() => {});
    await this.status;
    await this.#reading;
  }

  #rest = "";

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line);
      const all: readonly McpMessage[] = Array.isArray(message) ? message : [message];
      for (const each of all) assertEquals(each.jsonrpc, "2.0", line);
      this.received.push(...all);
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }
}

/** A result of `tools/call`, in parts. */
export function calledIn({ result, error }: McpMessage): Called {
  assert(error === undefined, error?.message);
  const [content] = result.content;
  assertEquals(content.type, "text");
  return { text: content.text, isError: result.isError, structured: result.structuredContent };
}

async function read(
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}
