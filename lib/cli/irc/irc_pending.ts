/** What a client, or this program itself, waits to be answered. */

import { dropOldest } from "../../base/collections/bounded.ts";

export interface Pending {
  readonly kind: "said" | "service" | "whois" | "nick" | "away" | "call";
  /** Number of the connection that asked. */
  readonly client: number;
  /** What it was about: a channel or a nick. */
  readonly target: string;
  /** Of the line, not given to an answer yet. */
  readonly label: string | undefined;
  /** What it may answer: the questions that were shown where it was typed. */
  readonly questions?: readonly string[];
}

/** More than can wait to be run, and be answered later, at once; the oldest are answered without a label. */
const PENDING_MAX = 512;

export class IrcPending {
  readonly #all = new Map<string, Pending>();
  #count = 0;

  /** @returns The ref with which the program is asked. */
  add(pending: Pending): string {
    const ref = String(++this.#count);
    this.#all.set(ref, pending);
    dropOldest(this.#all, PENDING_MAX);
    return ref;
  }

  get(ref: string | null): Pending | undefined {
    return ref === null ? undefined : this.#all.get(ref);
  }

  /** Whether that client waits for an answer to such a command. */
  awaits(client: number, kind: Pending["kind"]): boolean {
    return this.#all.values().some((pending) => pending.client === client && pending.kind === kind);
  }

  /** The one answer that there is has come. */
  done(ref: string): void {
    this.#all.delete(ref);
  }

  /** The label has been given to an answer. */
  answered(ref: string): void {
    const pending = this.#all.get(ref);
    if (pending !== undefined) this.#all.set(ref, { ...pending, label: undefined });
  }

  /** A client is gone: nobody waits for its answers. */
  forget(client: number): void {
    for (const [ref, pending] of this.#all) if (pending.client === client) this.#all.delete(ref);
  }
}
