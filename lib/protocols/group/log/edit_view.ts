/** Authors and edits as users are shown them. */

import { dateText } from "../../../base/text/dates.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { shownName } from "../../../base/text/names.ts";
import type { Edit, NamedKey } from "../schema/edit.ts";
import type { EditEvent, RulesEvent, SaidBy } from "../schema/events.ts";
import { type Rules, rulesText } from "../schema/founding.ts";
import type { Batch } from "../schema/history.ts";

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
export function rulesEvent(rules: Rules): RulesEvent {
  return {
    event: "notice",
    text: `The coordinator's operator has set the group's rules: ${rulesText(rules)}`,
  };
}
