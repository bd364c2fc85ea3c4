/** Calls that our user has ended, until it is known which of the last lines the other side was shown. */

import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { LinkId } from "../../../base/ids.ts";
import { shownName } from "../../../base/text/names.ts";
import { LEAVE_MS_MAX, PARTING_MAX } from "../schema/client_limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { Receipts } from "./client_call.ts";
import type { DirectoryMessage } from "../schema/messages.ts";

interface Parting {
  readonly peer: string;
  readonly receipts: Receipts;
}

export class PartingCalls {
  /** By the link of the conversation, which stays until then. */
  readonly #calls = new Map<LinkId, Parting>();
  readonly #deadlines = new DeadlineQueue<LinkId>();

  constructor(readonly out: ClientOutput) {}

  get size(): number {
    return this.#calls.size;
  }

  /** Our user has ended the call, and the other side is told after everything that was said. */
  add(link: LinkId, { peer, receipts }: Parting): void {
    const [oldest] = this.#calls.keys();
    if (this.#calls.size === PARTING_MAX) this.#giveUp(oldest!);
    this.#calls.set(link, { peer, receipts });
    this.#deadlines.set(link, this.out.nowMs + LEAVE_MS_MAX);
    if (receipts.unheard === 0) this.#close(link);
    else this.out.send(link, { type: "hung-up" });
  }

  /** Lines that the other side still sends aren't shown. @returns Whether the link belongs to such a call. */
  message(link: LinkId, message: DirectoryMessage): boolean {
    const call = this.#calls.get(link);
    if (call === undefined) return false;
    if (message.type === "heard") call.receipts.heard(message.lines);
    // If the other side has ended the call, too, it reports no more lines.
    if (call.receipts.unheard === 0 || message.type === "hung-up") this.#close(link);
    return true;
  }

  /** @returns Whether the link belonged to such a call. */
  linkDown(link: LinkId): boolean {
    const call = this.#calls.get(link);
    if (call === undefined) return false;
    this.#calls.delete(link);
    this.#deadlines.set(link, null);
    warnOfUnheard(this.out, call);
    return true;
  }

  /** Stops waiting for any of them. */
  giveUp(): void {
    for (const link of [...this.#calls.keys()]) this.#giveUp(link);
  }

  #giveUp(link: LinkId): void {
    this.#close(link);
    this.linkDown(link);
  }

  #close(link: LinkId): void {
    this.out.close(link, "hung up");
  }

  // Time.

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(): void {
    for (const link of this.#deadlines.takeDue(this.out.nowMs)) this.#giveUp(link);
  }
}

/** Warns our user of lines that may be lost with a call. */
export function warnOfUnheard(out: ClientOutput, { peer, receipts: { unheard } }: Parting): void {
  if (unheard === 0) return;
  const what = unheard === 1 ? "line" : `${unheard} lines`;
  out.warn(`${shownName(peer)} may not have got your last ${what}`);
}
