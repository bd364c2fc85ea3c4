/** The effects of one step of the directory, its questions about accounts, and what follows the answers. */

import type { LinkId } from "../../../base/ids.ts";
import { Pending } from "../../../base/machine/pending.ts";
import { StoringOutput } from "../../../base/machine/mode_output.ts";
import type { AccountAnswer, AccountQuestion, DirectoryEffect } from "./directory_io.ts";
import type { DirectoryEvent } from "./events.ts";
import type { DirectoryMessage } from "./messages.ts";
import type { DirectoryRecord } from "./records.ts";
import type { RegistrarAnswer, RegistrarOrder, RegistrarQuestion } from "./registrar_io.ts";

export class DirectoryOutput
  extends StoringOutput<DirectoryEvent, DirectoryEffect, DirectoryRecord> {
  readonly #questions = new Pending<(answer: AccountAnswer) => void>();
  readonly #claims = new Pending<(answer: RegistrarAnswer) => void>();
  /**
   * Why the disk refused the last change to the accounts, which are a store of their own; null where it succeeded. An
   * engine that is asked with success answers again.
   */
  accountsProblem: string | null = null;

  #stamps = 0;

  /** @param instance This instance's id; null: the directory has no other. */
  constructor(readonly instance: string | null = null) {
    super();
  }

  get isAlone(): boolean {
    return this.instance === null;
  }

  /** What no other instance has, and we never had. */
  newStamp(): string {
    return `${this.instance} ${++this.#stamps}`;
  }

  send(link: LinkId, message: DirectoryMessage): void {
    this.sendAll([link], message);
  }

  sendAll(links: readonly LinkId[], message: DirectoryMessage): void {
    if (links.length > 0) this.push({ type: "send", links, message });
  }

  /**
   * Asks a question about accounts; bounded by the links, each of which has one open question, and one more as it
   * comes in.
   */
  ask(question: AccountQuestion, answered: (answer: AccountAnswer) => void): void {
    const isChange = question.ask !== "find" && question.ask !== "check-password";
    const token = this.#questions.add((answer) => {
      if (answer.outcome === "disk") this.accountsProblem = answer.text;
      else if (answer.outcome === "ok" && (isChange || !this.isAlone)) this.accountsProblem = null;
      answered(answer);
    });
    this.push({ type: "account", token, question });
  }

  answered(token: number, answer: AccountAnswer): void {
    this.#questions.take(token)?.(answer);
  }

  /** Asks the registrar; bounded by the links, each of which has one open question. Alone, whatever one asks is done. */
  register(question: RegistrarQuestion, answered: (answer: RegistrarAnswer) => void): void {
    if (this.isAlone) return answered({ outcome: "done", heard: 0 });
    this.push({ type: "registrar", token: this.#claims.add(answered), question });
  }

  /** What many instances know, none of them notes on a disk of its own. */
  override note(record: DirectoryRecord, how: { readonly sync: boolean }): void {
    if (this.isAlone) super.note(record, how);
  }

  registered(token: number, answer: RegistrarAnswer): void {
    this.#claims.take(token)?.(answer);
  }

  /** Has the registrar note something. */
  order(order: RegistrarOrder): void {
    if (!this.isAlone) this.push({ type: "registrar-order", order });
  }
}
