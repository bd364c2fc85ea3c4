/** What watches a simulated group: each checker knows one promise, and ends the run where it is broken. */

import type {
  CoordinatorEvent,
  EditEvent,
  MemberEvent,
} from "../../../lib/protocols/group/events.ts";
import type { Entry, Placed, PlacedEdit } from "../../../lib/protocols/group/history.ts";
import type { GroupMessage } from "../../../lib/protocols/group/messages.ts";
import type { CoordinatorRecord, MemberRecord } from "../../../lib/protocols/group/records.ts";
import type { Cut } from "../../../lib/protocols/group/snapshot/cut.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "./process.ts";
import type { Said } from "./canonical_history.ts";
import type { MemberProcess } from "./member_process.ts";
import type { MemberParty, Party, World } from "./world.ts";

export type MessageEvent = Extract<MemberEvent, { readonly event: "message" }>;

/** Each method is called at once, and throws a `Violation`. */
export interface Checker {
  /** Records were written, not yet synced. */
  wrote?(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void;
  /** A disk has other records than before: it was compacted, lost what wasn't synced, or was put back. */
  replaced?(party: Party): void;
  /** The log of a disk got these. */
  logged?(party: Party, placed: Placed): void;
  /** An entry that no log has had before. */
  placed?(entry: Entry, said: Said): void;
  /** An edit that no log has had before. */
  edited?(world: World, edit: PlacedEdit): void;
  /** A user is told what became of an edit. */
  editTold?(process: MemberProcess, event: EditEvent): void;
  /** A user is told something; `ref` where it answers a command. */
  told?(process: MemberProcess, event: MemberEvent, ref: string | undefined): void;
  /** The operator is. */
  operatorTold?(world: World, event: CoordinatorEvent): void;
  /** A message between a member and the coordinator goes out. */
  sent?(party: Party, message: GroupMessage): void;
  /** A message to other members does. */
  toldMembers?(process: MemberProcess, message: GroupMessage): void;
  shown?(process: MemberProcess, event: MessageEvent): void;
  /** A process has taken a step; none of its effects is carried out yet. */
  took?(process: AnyProcess, input: AnyInput, effects: readonly AnyEffect[]): void;
  /** The coordinator has put a snapshot together. */
  cut?(cut: Cut): void;
  stepped?(process: MemberProcess): void;
  started?(process: MemberProcess): void;
  /** After all was well for long enough; everybody runs. */
  settled?(world: World, members: readonly MemberParty[]): void;
}
