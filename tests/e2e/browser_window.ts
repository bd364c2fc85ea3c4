/** A page that is open in a browser, as the program sees it: over a real socket, without a browser. */

import { assert } from "@std/assert";
import { PageVisitor } from "../cli/page/page_visitor.ts";
import type { ShownEvent } from "./node.ts";

/** How long anything is waited for. */
const WAIT_MS = 60_000;

/** The address that a program has printed. */
export function addressOf({ url }: ShownEvent): { readonly port: number; readonly token: string } {
  const { hostname, port, hash } = new URL(url);
  assert(hostname === "127.0.0.1");
  return { port: Number(port), token: hash.slice(1) };
}

/** A connection to the page's server. */
export class Visit implements Disposable {
  readonly visitor: PageVisitor;
  /** How it ended, for the program's side; empty: it hasn't. */
  failure = "";
  readonly #wake = new Set<() => void>();
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(readonly conn: Deno.TcpConn, port: number) {
    this.visitor = new PageVisitor({
      write: (bytes) => {
        this.#writing = this.#writing.then(() => this.#writeAll(bytes));
      },
    }, port);
    void this.#readAll();
  }

  static async open(port: number): Promise<Visit> {
    return new Visit(await Deno.connect({ hostname: "127.0.0.1", port }), port);
  }

  /** Waits until that holds of what the program has said. */
  async until(what: string, holds: (visitor: PageVisitor) => boolean): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!holds(this.visitor)) {
      const { messages, text, closed, hasEnded } = this.visitor;
      const last = JSON.stringify(messages.slice(-5)).slice(0, 2_000);
      const leftMs = deadline - performance.now();
      assert(leftMs > 0 && !hasEnded, `${what}: ${last} ${text.slice(0, 300)} ${closed}`);
      const woken = Promise.withResolvers<void>();
      this.#wake.add(woken.resolve);
      const timer = setTimeout(woken.resolve, leftMs);
      await woken.promise;
      clearTimeout(timer);
      this.#wake.delete(woken.resolve);
    }
  }

  /** Waits until the program has ended the connection. */
  async ended(): Promise<void> {
    while (!this.visitor.hasEnded) await new Promise<void>((resolve) => this.#wake.add(resolve));
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // It is closed.
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
    } catch (error) {
      this.failure = String(error);
    }
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.conn.read(buffer);
        if (count === null) break;
        this.visitor.received(buffer.subarray(0, count));
        for (const wake of this.#wake) wake();
      }
    } catch (error) {
      this.failure = String(error);
    }
    this.visitor.hasEnded = true;
    for (const wake of this.#wake) wake();
  }
}

/** A window that is in. */
export class BrowserWindow implements Disposable {
  #asked = 0;

  private constructor(readonly visit: Visit, readonly id: string) {}

  /** @param web The program's event `web`. @param more Of the log-in: which events it has. */
  static async open(
    web: ShownEvent,
    id: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<BrowserWindow> {
    const { port, token } = addressOf(web);
    const visit = await Visit.open(port);
    const { visitor } = visit;
    visitor.upgrade();
    visitor.hello();
    await visit.until("it is challenged", () => visitor.of("challenge").length > 0);
    assert(visitor.of("challenge")[0]!["proof"] === visitor.proof("program", token));
    visitor.logIn(id, more, token);
    await visit.until("it is in", () => visitor.welcome !== undefined);
    return new BrowserWindow(visit, id);
  }

  get welcome(): Record<string, unknown> {
    return this.visit.visitor.welcome!;
  }

  get lastId(): number {
    return this.visit.visitor.events.at(-1)?.id ?? 0;
  }

  get events(): readonly ShownEvent[] {
    return this.visit.visitor.events.map(({ fields }) => fields as ShownEvent);
  }

  /** The texts of the messages shown. */
  get texts(): readonly string[] {
    return this.events.filter(({ event }) => event === "message").map(({ text }) => text);
  }

  async until(match: (event: ShownEvent) => boolean): Promise<ShownEvent> {
    await this.visit.until(String(match), () => this.events.some(match));
    return this.events.find(match)!;
  }

  /** @returns Its ref. */
  run(asked: string | Readonly<Record<string, unknown>>): string {
    const ref = `r${this.#asked++}`;
    const what = typeof asked === "string" ? { line: asked } : { command: asked };
    this.visit.visitor.send({ type: "run", ...what, ref });
    return ref;
  }

  /** As the page, once all of a question is drawn. */
  shows(question: string): void {
    this.visit.visitor.send({ type: "shown", question });
  }

  /** As the page, when its message box is begun below a question. */
  begins(question: string | null): void {
    this.visit.visitor.send({ type: "begins", question });
  }

  /** Runs it, and waits for its answer. */
  ask(asked: string | Readonly<Record<string, unknown>>): Promise<ShownEvent> {
    const ref = this.run(asked);
    return this.until((event) => event.ref === ref);
  }

  [Symbol.dispose](): void {
    this.visit[Symbol.dispose]();
  }
}
