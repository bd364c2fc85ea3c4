/** Edits that users asked for, how they were voted on, and what everybody was told of them. */

import type { EditEvent, MemberEvent } from "../../../lib/protocols/group/events.ts";
import type { MemberProcess } from "./member_process.ts";
import type { MemberParty } from "./world.ts";

/** An edit that was asked for; its text is like no other. */
export interface AskedEdit {
  readonly text: string;
  readonly seq: number;
  readonly by: MemberParty;
  readonly process: MemberProcess;
  /** Null until the requester was told. */
  edit: number | null;
  /** What the requester was told in the end. */
  outcome: "committed" | "aborted" | "refused" | null;
  /** Whether it is in a log. */
  isPlaced: boolean;
  /** Whose users agreed. */
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

  /** What a user was told in answer to what they asked for; null where it is about something else. */
  byRef(ref: string | undefined): AskedEdit | null {
    const [, index] = /^edit (\d+)$/.exec(ref ?? "") ?? [];
    return index === undefined ? null : this.asked[Number(index)] ?? null;
  }

  /** Whose edit an event is about. */
  of(event: MemberEvent): AskedEdit | null {
    return event.event === "edit" ? this.find((event as EditEvent).text) ?? null : null;
  }
}
