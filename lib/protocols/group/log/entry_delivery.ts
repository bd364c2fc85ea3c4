/** Shows entries to the user, each once, in order. */

import { dateText } from "../../../base/text/words.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { HeldBatch } from "./held_batches.ts";
import { type Founding, type Rules, rulesAt, rulesText } from "../schema/founding.ts";
import type { LastSaid } from "../schema/member_io.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { shownName } from "../../../base/text/names.ts";
import type { Edit, NamedKey } from "../schema/edit.ts";
import type { EditEvent, RulesEvent, SaidBy } from "../schema/events.ts";
import type { Batch } from "../schema/history.ts";

interface EntryDeliveryParts {
  readonly selfKey: PeerKey;
  readonly out: MemberOutput;
  readonly names: MemberNames;
}

export class EntryDelivery {
  /** Where the first epoch of this process began: everything up to there counts as history. */
  #start: number | null = null;
  /** The author and time of the last entry. */
  last: LastSaid | null = null;
  #shown = 0;

  constructor(readonly parts: EntryDeliveryParts) {}

  startedAt(position: number): void {
    this.#start ??= position;
  }

  /** Entries up to here were shown before the log started anew, and come again. */
  get shownBefore(): number {
    return this.#shown;
  }

  /** The log starts anew. @param shown Entries up to here come again as they were; null where it is another history. */
  restart(shown: number | null): void {
    this.#shown = shown ?? 0;
    if (shown === null) this.#start = null;
    this.last = null;
  }

  /**
   * @param refs The `ref`s of our user's texts, or of edits that our user asked for or voted on.
   * @param founding How the group was founded; null while that isn't known.
   */
  show(
    { signed, entries, edits, rules }: HeldBatch,
    refs: readonly (string | undefined)[] | null,
    founding: Founding | null,
  ): void {
    const { out, names, selfKey } = this.parts;
    const { value: batch } = signed.batch;
    const { author, name, sentAt } = batch;
    const nameOf: NameOf = ({ key, name }) => names.shown(key, name);
    const isSelf = author === selfKey;
    edits.forEach(({ position, edit, batch }, index) => {
      if (position <= this.#shown) return;
      const event = committedEvent(edit, batch, nameOf);
      out.show({ ...event, history: this.#isHistory(position), position }, refs?.[index]);
    });
    // A coordinator that has lost its files sets those again that were in force: that is no news.
    const isNews = rules !== null && founding !== null &&
      rulesAt(founding, { rules: rules.before }).edits !== rules.rules.edits;
    if (isNews && rules.position > this.#shown) {
      const { position } = rules;
      const history = this.#isHistory(position);
      out.show({ ...rulesEvent(rules.rules, batch), history, position });
    }
    if (entries.length === 0) return;
    const { from, shown, key } = saidBy(batch, nameOf);
    const date = dateText(sentAt);
    // There are thousands a second: each event is made in one go, as copying the parts of one takes several times as long.
    entries.forEach(({ seq, position, id, text }, index) => {
      if (position <= this.#shown) return;
      out.show({
        event: "message",
        seq,
        id,
        from,
        shown,
        key,
        text,
        self: isSelf,
        history: this.#isHistory(position),
        sentAt: date,
        position,
      }, refs?.[index]);
    });
    this.last = { key: author, name, sentAt };
  }

  #isHistory(position: number): boolean {
    return this.#start === null || position <= this.#start;
  }
}

/** The name that a user or member is shown under. */
export type NameOf = (who: NamedKey) => string;

/** The author of a batch's entries. */
export function saidBy({ author, name }: Pick<Batch, "author" | "name">, nameOf: NameOf): SaidBy {
  return { from: name, shown: nameOf({ key: author, name }), key: fingerprintOf(author) };
}

/** The event for an edit that has its place in the history. */
export function committedEvent(
  { edit, signed: { request: { value } }, agreed }: Edit,
  { sentAt }: Pick<Batch, "sentAt">,
  nameOf: NameOf,
): EditEvent & { readonly outcome: "committed" } {
  const names = agreed.map(nameOf);
  return {
    event: "edit",
    edit,
    seq: value.seq,
    by: nameOf({ key: value.requester, name: value.name }),
    text: value.text,
    outcome: "committed",
    reason: names.length === 0
      ? "nobody had to be asked"
      : `agreed by ${names.map(shownName).join(", ")}`,
    agreed: names,
    committedAt: dateText(sentAt),
  };
}

/** The event for new rules that have their place in the history. */
export function rulesEvent(rules: Rules, { sentAt }: Pick<Batch, "sentAt">): RulesEvent {
  return {
    event: "notice",
    text: `The coordinator's operator has set the group's rules: ${rulesText(rules)}`,
    sentAt: dateText(sentAt),
  };
}
