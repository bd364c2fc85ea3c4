/** What `RoomSecrets` is given and gives, and what it asks of the roster. */

import type { ErrorCode } from "../../../base/errors.ts";
import type { InviteForm } from "../../../base/text/invite_text.ts";
import type { ClaimId, PeerKey } from "../../../base/ids.ts";
import type { Penalise } from "../schema/mesh_io.ts";
import type { MeshMessage } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { ClaimedRotation } from "../schema/rotations.ts";
import type { SignedClaim } from "../schema/structures.ts";

export type RotationsMessage = Extract<MeshMessage, { readonly type: "rotations" }>;

/** A user's wish to see the invite. */
export interface AskedInvite {
  /** Absent: as text alone. */
  readonly as?: InviteForm;
  /** That of the command. */
  readonly ref: string | undefined;
}

export type SecretsInput =
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey }
  /** What was sent to the peer may have been dropped. */
  | { readonly type: "drained"; readonly peer: PeerKey }
  /** A neighbour's beacon shows this epoch. */
  | { readonly type: "beacon"; readonly peer: PeerKey; readonly epoch: number }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: RotationsMessage }
  /** From the user. */
  | { readonly type: "invite"; readonly rotate: boolean } & AskedInvite
  /** Who may be in the room, or remove others, may have changed. `isOwn`: our user has decided so. */
  | { readonly type: "ruled"; readonly isOwn: boolean; readonly ref: string | undefined }
  | { readonly type: "stored"; readonly token: number }
  | { readonly type: "not-stored"; readonly token: number; readonly text: string }
  | { readonly type: "tick" };

export type SecretsEffect =
  | { readonly type: "send"; readonly to: PeerKey; readonly message: RotationsMessage }
  /** An own rotation waits for `stored` or `not-stored`. */
  | {
    readonly type: "persist";
    readonly records: readonly MeshRecord[];
    readonly token: number | null;
  }
  /** It is known of a removal who stays, or that the secret admits nobody: the links of others end. */
  | { readonly type: "stays" }
  /** Another secret is current: invites given before let no newcomer in any more. */
  | {
    readonly type: "changed";
    readonly rotation: ClaimedRotation;
    /** Whether it voids the invite of our own user, who rotated at the same time. */
    readonly overOwn: boolean;
  }
  /** Show the invite. */
  | { readonly type: "invite" } & AskedInvite
  | {
    readonly type: "refused";
    readonly code: ErrorCode;
    readonly text: string;
    readonly ref: string | undefined;
  }
  | Penalise;

/** What the machine asks of the roster. */
export interface SecretsPort {
  selfClaim(): SignedClaim;
  /** The claim of this id whose signatures were checked before; null where none was. */
  claim(id: ClaimId): SignedClaim | null;
  /** The keys that are known as members', present or not, without those that were removed. */
  members(): readonly PeerKey[];
}
