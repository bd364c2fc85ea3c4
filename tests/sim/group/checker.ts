/** The interface of a group's checkers: each checks one promise, and ends the run if it is broken. */

import type {
  CoordinatorEvent,
  EditEvent,
  MemberEvent,
} from "../../../lib/protocols/group/schema/events.ts";
import type { Entry, Placed, PlacedEdit } from "../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import type { Cut } from "../../../lib/protocols/group/schema/cut.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "./process.ts";
import type { Said } from "./canonical_history.ts";
import type { MemberProcess } from "./member_process.ts";
import type { MemberParty, Party, World } from "./world.ts";

export type MessageEvent = Extract<MemberEvent, { readonly event: "message" }>;

/** Each method is called as soon as something happens, and may throw a `Violation`. */
export interface Checker {
  /** Records were written, but not synced yet. */
  wrote?(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void;
  /** A disk's records were replaced: it was compacted, has lost unsynced records, or was restored. */
  replaced?(party: Party): void;
  /** A loss of power has taken records before they were synced; the party's process is as it was then. */
  lost?(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void;
  /** Items were appended to a party's log. */
  logged?(party: Party, placed: Placed): void;
  /** An entry is in a log for the first time. */
  placed?(entry: Entry, said: Said): void;
  /** An edit is in a log for the first time. */
  edited?(world: World, edit: PlacedEdit): void;
  /** A user is told the outcome of an edit. */
  editTold?(process: MemberProcess, event: EditEvent): void;
  /** A user is shown an event; `ref` is that of the command that it answers. */
  told?(process: MemberProcess, event: MemberEvent, ref: string | undefined): void;
  /** The operator is shown an event. */
  operatorTold?(world: World, event: CoordinatorEvent): void;
  /** A message between a member and the coordinator is sent. */
  sent?(party: Party, message: GroupMessage): void;
  /** A message to other members is sent. */
  toldMembers?(process: MemberProcess, message: GroupMessage): void;
  shown?(process: MemberProcess, event: MessageEvent): void;
  /** A process has made a step; none of its effects has been performed yet. */
  took?(process: AnyProcess, input: AnyInput, effects: readonly AnyEffect[]): void;
  /** The coordinator has completed a snapshot. */
  cut?(cut: Cut): void;
  stepped?(process: MemberProcess): void;
  started?(process: MemberProcess): void;
  /** Everybody runs, and there has been no fault for long enough. */
  settled?(world: World, members: readonly MemberParty[]): void;
}
