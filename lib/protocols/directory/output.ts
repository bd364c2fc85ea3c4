/** What one step of the directory brings forth, what it asks for, and what follows the answers. */

import type { LinkId } from "../../base/ids.ts";
import { ModeOutput } from "../../base/mode_output.ts";
import { Pending, type WriteOutcome } from "../../base/pending.ts";
import type { AccountAnswer, AccountQuestion, DirectoryEffect } from "./directory_io.ts";
import type { DirectoryEvent } from "./events.ts";
import type { DirectoryMessage } from "./messages.ts";
import type { DirectoryRecord } from "./records.ts";

export class Output extends ModeOutput<DirectoryEvent, DirectoryEffect> {
  readonly #writes = new Pending<WriteOutcome>();
  readonly #questions = new Pending<(answer: AccountAnswer) => void>();
  /** Why the disk refused the last write; null where it didn't. */
  problem: string | null = null;

  send(link: LinkId, message: DirectoryMessage): void {
    this.sendAll([link], message);
  }

  sendAll(links: readonly LinkId[], message: DirectoryMessage): void {
    if (links.length > 0) this.push({ type: "send", links, message });
  }

  /** Asks for something of the accounts; bounded by the links, each of which has one question at a time. */
  ask(question: AccountQuestion, answered: (answer: AccountAnswer) => void): void {
    const token = this.#questions.add(answered);
    this.push({ type: "account", token, question });
  }

  answered(token: number, answer: AccountAnswer): void {
    if (answer.outcome === "disk") this.problem = answer.text;
    this.#questions.take(token)?.(answer);
  }

  /** Writes and syncs. */
  store(record: DirectoryRecord, outcome: WriteOutcome): void {
    const token = this.#writes.add(outcome);
    this.push({ type: "persist", records: [record], token, sync: true });
  }

  /** Writes what is found out again, or does no harm, where it is lost with the machine. */
  note(record: DirectoryRecord): void {
    this.push({ type: "persist", records: [record], token: null, sync: false });
  }

  persisted(token: number): void {
    this.problem = null;
    this.#writes.take(token)?.done();
  }

  /** @param token Null for a note. */
  persistFailed(token: number | null, text: string): void {
    const isNew = this.problem === null;
    this.problem = text;
    // A full disk refuses each of many notes; the user is told once.
    if (token === null && isNew) this.error("disk", text);
    this.#writes.take(token)?.failed(text);
  }
}
