/** The edits that users requested, the votes on them, and what everybody was told about them. */

import type { EditEvent, MemberEvent } from "../../../lib/protocols/group/schema/events.ts";
import type { MemberProcess } from "./member_process.ts";
import type { MemberParty } from "./world.ts";

/** A requested edit; its text is unique. */
export interface AskedEdit {
  readonly text: string;
  readonly seq: number;
  readonly by: MemberParty;
  readonly process: MemberProcess;
  /** Its number; null until the requester was told. */
  edit: number | null;
  /** The outcome that the requester was told. */
  outcome: "committed" | "aborted" | "refused" | null;
  /** Whether it is in a log. */
  isPlaced: boolean;
  /** The members whose users agreed. */
  readonly agreed: Set<MemberParty>;
}

export class EditLedger {
  readonly asked: AskedEdit[] = [];
  readonly #byText = new Map<string, AskedEdit>();

  ask(by: MemberParty, process: MemberProcess, seq: number): AskedEdit {
    const text = `edit.${this.asked.length + 1} of ${by.name}`;
    const fresh = { edit: null, outcome: null, isPlaced: false };
    const asked: AskedEdit = { text, seq, by, process, agreed: new Set(), ...fresh };
    this.asked.push(asked);
    this.#byText.set(text, asked);
    return asked;
  }

  find(text: string): AskedEdit | undefined {
    return this.#byText.get(text);
  }

  refOf(asked: AskedEdit): string {
    return `edit ${this.asked.indexOf(asked)}`;
  }

  /** The edit that a command with this `ref` has requested; null for other commands. */
  byRef(ref: string | undefined): AskedEdit | null {
    const [, index] = /^edit (\d+)$/.exec(ref ?? "") ?? [];
    return index === undefined ? null : this.asked[Number(index)] ?? null;
  }

  /** The edit that an event is about. */
  of(event: MemberEvent): AskedEdit | null {
    return event.event === "edit" ? this.find((event as EditEvent).text) ?? null : null;
  }
}
