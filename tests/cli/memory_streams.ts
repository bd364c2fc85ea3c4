/** The process's streams without a process: what is read is given, what is written is kept. */

import type { SignalName, Streams } from "../../lib/cli/streams/streams.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** 2026-01-02 12:03:04 in the zone of this machine: times read the same wherever tests run. */
export const NOON_MS = new Date(2026, 0, 2, 12, 3, 4).getTime();

export class MemoryStreams implements Streams {
  stdoutText = "";
  stderrText = "";
  /** Both, in the order of writing. */
  readonly writes: string[] = [];
  readonly exits: number[] = [];
  readonly variables: Record<string, string> = {};
  nowMs = NOON_MS;
  isTerminal = false;
  isRaw = false;
  /** How often the mode was to change while nobody read: the system would wait with it, maybe for ever. */
  hangs = 0;
  /** Called when the terminal becomes raw. */
  onRaw: () => void = () => {};
  suspensions = 0;
  columns = 80;
  rows = 24;
  readonly #input: (Uint8Array | Error | null)[] = [];
  #reader: (() => void) | null = null;
  readonly #listeners = new Map<SignalName, Set<() => void>>();
  #hold: PromiseWithResolvers<void> | null = null;
  #broken: Error | null = null;

  readonly stdin;
  readonly stdout;
  readonly stderr;

  constructor() {
    const isTerminal = () => this.isTerminal;
    this.stdin = {
      read: (buffer: Uint8Array) => this.#read(buffer),
      setRaw: (raw: boolean) => {
        if (this.#hold !== null) this.hangs++;
        this.isRaw = raw;
        if (raw) this.onRaw();
      },
      get isTerminal() {
        return isTerminal();
      },
    };
    this.stdout = {
      write: (bytes: Uint8Array) => this.#write(bytes, "stdoutText"),
      writeSync: (bytes: Uint8Array) => void (this.stdoutText += decoder.decode(bytes)),
      get isTerminal() {
        return isTerminal();
      },
    };
    this.stderr = {
      write: (bytes: Uint8Array) => this.#write(bytes, "stderrText"),
      get isTerminal() {
        return isTerminal();
      },
    };
  }

  /** What the program reads next; `null`: the end. */
  type(text: string | Uint8Array | Error | null): void {
    this.#input.push(typeof text === "string" ? encoder.encode(text) : text);
    this.#reader?.();
    this.#reader = null;
  }

  /** Nobody reads the output until `release`. */
  hold(): void {
    this.#hold = Promise.withResolvers<void>();
  }

  release(): void {
    this.#hold?.resolve();
    this.#hold = null;
  }

  /** The reader of the output is gone, or whatever else `error` says. */
  break(error: Error = new Deno.errors.BrokenPipe("Broken pipe")): void {
    this.#broken = error;
  }

  signal(name: SignalName): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }

  /** Signals that somebody listens to. */
  get heeded(): readonly SignalName[] {
    return [...this.#listeners].filter(([, listeners]) => listeners.size > 0).map(([name]) => name);
  }

  variable(name: string): string | undefined {
    return this.variables[name];
  }

  takeVariable(name: string): string | undefined {
    const value = this.variables[name];
    delete this.variables[name];
    return value;
  }

  size() {
    return { columns: this.columns, rows: this.rows };
  }

  onSignal(name: SignalName, listener: () => void): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  offSignal(name: SignalName, listener: () => void): void {
    this.#listeners.get(name)?.delete(listener);
  }

  suspend(): void {
    this.suspensions++;
  }

  interrupt(): void {
    this.signal("SIGINT");
  }

  exit(status: number): void {
    this.exits.push(status);
  }

  wallMs(): number {
    return this.nowMs;
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      await new Promise<void>((resolve) => this.#reader = resolve);
    }
    const bytes = this.#input.shift()!;
    if (bytes === null) return null;
    if (bytes instanceof Error) throw bytes;
    buffer.set(bytes.subarray(0, buffer.length));
    if (bytes.length > buffer.length) this.#input.unshift(bytes.subarray(buffer.length));
    return Math.min(bytes.length, buffer.length);
  }

  async #write(bytes: Uint8Array, to: "stdoutText" | "stderrText"): Promise<number> {
    await this.#hold?.promise;
    if (this.#broken !== null) throw this.#broken;
    const text = decoder.decode(bytes);
    this[to] += text;
    this.writes.push(text);
    return bytes.length;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
