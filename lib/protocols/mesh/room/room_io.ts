/**
 * Ports, effects and configuration of a room, which composes the machines of one membership and knows peers by key,
 * no links.
 */

import type { ErrorCode } from "../../../base/errors.ts";
import type { Endpoint, PeerKey, ProcessKey, RoomId } from "../../../base/ids.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { Fault, MeshEffect } from "../schema/mesh_io.ts";
import type { BundleReason, Contact, MeshMessage } from "../schema/messages.ts";
import type { KeptSecrets } from "../authority/kept_secrets.ts";
import type { KeptRulings } from "../authority/kept_rulings.ts";
import type { OwnLateness } from "../roster/roster_io.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Bundle, SignedClaim, SignedGenesis } from "../schema/structures.ts";

/** What the room asks of the links, and of the process that it runs in. */
export interface RoomLinks {
  /** Sends it with its author's claim, where the link hasn't carried that yet. */
  sendBundle(peer: PeerKey, bundle: Bundle, hop: number, reason: BundleReason): void;
  dial(contact: Contact): void;
  release(peer: PeerKey, reason: string): void;
  penalise(peer: PeerKey, fault: Fault, text: string): void;
  /** The user wants this name; answered by `nameSettled`. */
  claimName(name: string, ref: string | undefined): void;
  /** From now on it is too late for those that came by an earlier secret and aren't in yet. */
  secretChanged(): void;
  /** Who may be in the room has changed: links to those that may not are to be closed. */
  rulingsChanged(): void;
  /** We can't stay: this step is the last. */
  fatal(code: ErrorCode, text: string): void;
}

/** What the disk and the user get; or a message that is to go out only behind that, on the link that there is then. */
export type LaterEffect =
  | MeshEffect
  | { readonly type: "to"; readonly peer: PeerKey; readonly message: MeshMessage };

export interface RoomConfig {
  readonly room: RoomId;
  readonly genesis: SignedGenesis;
  /** The secrets of a private room, which the room keeps up to date; null in an open one. */
  readonly secrets: KeptSecrets | null;
  /** Who may be in the room; the room keeps it up to date. */
  readonly rulings: KeptRulings;
  /** The room's records on disk. */
  readonly records: readonly MeshRecord[];
  /**
   * Records that aren't on disk yet and must be before anybody hears of us, beside those that every member writes.
   */
  readonly fresh: readonly MeshRecord[];
  readonly incarnation: number;
  readonly claim: SignedClaim;
  readonly process: ProcessKey;
  readonly endpoint: Endpoint | null;
  readonly passive: boolean;
  readonly historyShown: number;
  /** How many of the last messages are shown again to a member that comes back. */
  readonly historyAgain: number;
  /** As of `RosterConfig`. */
  readonly earlierMs?: number;
  /** Whether nothing that is said is on the disk: what waits is lost at the end, which the user is told. */
  readonly forgets?: boolean;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  /** Keys that the user has verified, each under a name as it was shown: none of another key is shown like it. */
  readonly verified?: readonly ComparedKey[];
  /** The address at which the process listens, as shown in `ready`. */
  readonly listening: Endpoint;
  /** How late this process comes of late. */
  readonly own: OwnLateness;
  /** Whether the room was founded by this start. */
  readonly founded: boolean;
}
