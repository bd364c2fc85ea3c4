/**
 * Finds out the outcome of edits that we agreed to or asked for and that should be in our log by now: asks the
 * coordinator or, while that is away, the other members.
 */

import type { RequestId } from "../../../base/ids.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { Editing } from "./editing.ts";
import { EDITS_MAX, INQUIRE_MS } from "../schema/limits.ts";
import type { EntryLookups } from "../log/held_batches.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import type { GroupMessage } from "../schema/messages.ts";
import type { Sequencing } from "../log/sequencing.ts";
import type { EditParticipant, Inquiry } from "./edit_participant.ts";

interface InquiringParts {
  readonly voting: Pick<
    EditParticipant,
    "size" | "inquireSoon" | "inquiries" | "found" | "has"
  >;
  readonly editing: Pick<
    Editing,
    "pending" | "inquireSoon" | "inquiries" | "committed" | "has"
  >;
  readonly looks: Pick<EntryLookups, "look">;
  readonly out: Pick<MemberOutput, "tell">;
  /** Null while in no epoch. */
  readonly ordering: () => Pick<Sequencing, "others"> | null;
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "tell">;
  /** Asks for a call of `tick` after this time. */
  readonly due: (delayMs: number) => void;
}

export class Inquiring {
  constructor(readonly parts: InquiringParts) {}

  /** There will be something to ask about, after a while. */
  later(): void {
    this.parts.due(INQUIRE_MS);
  }

  /** What we were told, or asked, may be lost: asks again at once. */
  soon(): void {
    const { voting, editing, due } = this.parts;
    voting.inquireSoon();
    editing.inquireSoon();
    due(0);
  }

  tick(): void {
    const { ordering, voting, looks, editing } = this.parts;
    if (voting.size + editing.pending > 0) this.later();
    if (ordering() === null) return;
    const edits = new Map<RequestId, Inquiry>();
    for (const edit of voting.inquiries()) edits.set(edit.id, edit);
    for (const edit of editing.inquiries()) {
      if (!edits.has(edit.id)) edits.set(edit.id, { ...edit, isAgreed: false });
    }
    let left = edits.size;
    for (const { id, seq } of edits.values()) {
      looks.look(seq, id, (entry) => {
        if (entry?.isEdited) {
          edits.delete(id);
          voting.found(id);
          editing.committed(id);
        }
        if (--left === 0) this.#ask([...edits.values()]);
      });
    }
  }

  #ask(all: readonly Inquiry[]): void {
    const { voting, coordinator, out, editing } = this.parts;
    const ordering = this.parts.ordering();
    if (ordering === null) return;
    // The coordinator may have forgotten edits that have come into the log meanwhile.
    const open = all.filter(({ id }) => voting.has(id) || editing.has(id));
    if (coordinator.isUp) return this.#send(open, (message) => coordinator.tell(message));
    const inDoubt = open.filter(({ isAgreed }) => isAgreed);
    this.#send(inDoubt, (message) => out.tell(ordering.others, message));
  }

  #send(edits: readonly Inquiry[], send: (message: GroupMessage) => void): void {
    for (let at = 0; at < edits.length; at += EDITS_MAX) {
      send({ type: "inquire", edits: edits.slice(at, at + EDITS_MAX) });
    }
  }
}
