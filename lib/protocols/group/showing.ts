/** Entries as the user sees them, each once, in order; and what of ours the log has. */

import { dateText } from "../../base/dates.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Held, HeldBatch } from "./held.ts";
import type { MemberNames } from "./member_names.ts";
import type { MemberOutput } from "./member_output.ts";

export interface ShowingOwner {
  readonly self: { readonly key: PeerKey };
  readonly out: MemberOutput;
  readonly names: MemberNames;
}

export class Showing {
  /** Where the first epoch of this process began: all up to there is history. */
  #start: number | null = null;
  /** Incarnations of ours that came into the log since the start of this process; a few. */
  readonly #spoken = new Map<string, number>();
  /** Who said the last entry, as it is shown. */
  last: { readonly from: string; readonly sentAt: number } | null = null;

  constructor(readonly owner: ShowingOwner, readonly held: Held) {}

  startedAt(position: number): void {
    this.#start ??= position;
  }

  /** The log begins anew: what was ours in it will come again. */
  restart(): void {
    this.#spoken.clear();
    this.last = null;
  }

  /** @param refs Of one's own texts. */
  show({ signed, entries }: HeldBatch, refs: readonly (string | undefined)[] | null): void {
    const { out, names, self } = this.owner;
    const { author, name, sentAt, incarnation, counter, texts } = signed.batch.value;
    const isSelf = author === self.key;
    if (isSelf) this.#spoken.set(incarnation.toHex(), counter + texts.length - 1);
    const from = names.shown(author, name);
    const date = dateText(sentAt);
    entries.forEach(({ seq, position, id, text }, index) => {
      const history = this.#start === null || position <= this.#start;
      const event = { seq, id, from, text, self: isSelf, history, sentAt: date };
      out.show({ event: "message", ...event }, refs?.[index]);
    });
    this.last = { from, sentAt };
  }

  /** Up to where one of our incarnations has spoken, in the log or held beyond it. */
  spokenThrough(incarnation: string): number {
    const { self } = this.owner;
    let through = this.#spoken.get(incarnation) ?? this.held.through(self.key, incarnation);
    for (const { signed } of this.held.batches) {
      const { value } = signed.batch;
      if (value.author !== self.key || value.incarnation.toHex() !== incarnation) continue;
      through = Math.max(through, value.counter + value.texts.length - 1);
    }
    return through;
  }
}
