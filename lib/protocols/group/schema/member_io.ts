/** A member's machine as its caller sees it: inputs, effects, configuration. */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { Endpoint, Hash, LinkId, MessageId, PeerKey, RequestId } from "../../../base/ids.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { ModeEffect, ModeInput, PinEffect } from "../../../base/machine/mode_machine.ts";
import type { NamedKey } from "./edit.ts";
import type { MemberCommand, MemberEvent } from "./events.ts";
import type { HistoryEnd, SignedBatch } from "./history.ts";
import type { GroupMessage } from "./messages.ts";
import type { MemberRecord } from "./records.ts";
import type { GroupSecret } from "./group_secrets.ts";

/**
 * The caller's duties beside those of `Machine` and `mode_machine.ts`, toward other members:
 * - Messages told to a peer arrive once and in order for as long as both processes live; `peer-reset` says that the
 *   other process is a new one, or knows nothing of before: what was told it is lost or not.
 * - `peer-up` comes once before anything else of a peer, after `meet` or when it met us; `peer-failed` or
 *   `peer-ended` is the last thing said of it, until it is met again.
 * - `meet`, `part` and `tell` are carried out in their order, past what waits for the disk: what depends on something
 *   stored is told once that was answered.
 * - Each `read` is answered by one `read`, each `look` by one `looked`, with all that was stored before it.
 */
export type MemberInput =
  | ModeInput<GroupMessage, MemberCommand>
  /** A link to the coordinator is up. */
  | { readonly type: "link-up"; readonly link: LinkId; readonly peer: PeerKey }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    /** With `wrong-key`, somebody else answered, see `key`. */
    readonly reason: string;
    readonly text: string;
    readonly key: PeerKey | null;
  }
  | { readonly type: "peer-up"; readonly peer: PeerKey }
  | { readonly type: "peer-reset"; readonly peer: PeerKey }
  | { readonly type: "peer-silent"; readonly peer: PeerKey }
  | { readonly type: "peer-heard"; readonly peer: PeerKey }
  | { readonly type: "peer-failed"; readonly peer: PeerKey }
  | { readonly type: "peer-ended"; readonly peer: PeerKey; readonly text: string }
  /** More than 1 MiB waits to be sent to the peer; `peer-drained` when it is less than half of that. */
  | { readonly type: "peer-congested"; readonly peer: PeerKey }
  | { readonly type: "peer-drained"; readonly peer: PeerKey }
  | { readonly type: "peer-message"; readonly peer: PeerKey; readonly message: GroupMessage }
  | { readonly type: "peer-unknown-message"; readonly peer: PeerKey; readonly code: number }
  /** Answers `read`: whole batches, one following the other; none where the log ends before the position. */
  | { readonly type: "read"; readonly token: number; readonly read: HistoryRead }
  /** Answers `look`; null where the log has no such entry. */
  | { readonly type: "looked"; readonly token: number; readonly entry: LoggedEntryState | null };

/** An entry of the log, with all edits applied to it so far. */
export interface LoggedEntryState {
  readonly id: MessageId;
  /** The author, under the name used at the time. */
  readonly author: NamedKey;
  /** The text with all edits applied. */
  readonly text: string;
  /** Whether the edit that was asked about is there. */
  readonly isEdited: boolean;
}

/** Part of the log. */
export interface HistoryRead {
  readonly batches: readonly SignedBatch[];
  /** Digest at the position after which the batches follow; null where no batch ends there. */
  readonly digest: Hash | null;
  /** Number of the last entry at that position. */
  readonly seq: number;
}

/** Where a peer can be reached. */
export interface PeerPlaces {
  /** The address that it gives. */
  readonly endpoint: Endpoint;
  /** The address as the coordinator sees it, where that is another one; null: it isn't, or isn't known. */
  readonly seen: Endpoint | null;
  /** By which the coordinator knows for whom it relays a datagram; null: it can't reach the peer. */
  readonly relay: number | null;
}

/** As in the message of that name. The arrays belong to the receiver. */
export interface DatagramKeys {
  readonly index: number;
  readonly toMember: Bytes;
  readonly toCoordinator: Bytes;
}

export type MemberEffect =
  | ModeEffect<MemberEvent, MemberRecord, never>
  /**
   * Dials the coordinator; `expect` null: whoever answers there is it. `secret`: that of a private group; null: none is
   * known.
   */
  | {
    readonly type: "dial";
    readonly secret: GroupSecret | null;
    readonly attempt: number;
    readonly endpoint: Endpoint;
    readonly expect: Fingerprint | null;
  }
  | { readonly type: "send"; readonly link: LinkId; readonly message: GroupMessage }
  /**
   * Exchange datagrams with this peer, there; the peer may be known already, and be elsewhere now.
   */
  | ({ readonly type: "meet"; readonly peer: PeerKey } & PeerPlaces)
  /** Datagrams are exchanged with the coordinator at the other end of this link, under these keys. */
  | ({ readonly type: "datagram-keys"; readonly link: LinkId } & DatagramKeys)
  /** What was told to the peer still goes out; then nothing is exchanged with it any more, and it isn't let in. */
  | { readonly type: "part"; readonly peer: PeerKey; readonly reason: string }
  | {
    readonly type: "tell";
    readonly peers: readonly PeerKey[];
    readonly message: GroupMessage;
  }
  /**
   * Reads the batches of the log after a position: at most this many bytes, but at least one batch where there is
   * one.
   */
  | {
    readonly type: "read";
    readonly token: number;
    readonly after: number;
    readonly bytesMax: number;
  }
  /**
   * Looks up one entry of the log, and whether an edit of it is there (null: no edit is asked about): answered by
   * `looked`.
   */
  | {
    readonly type: "look";
    readonly token: number;
    readonly seq: number;
    readonly id: RequestId | null;
  }
  /** Looks up an entry for the user: answered directly by `entry`, or by an error where there is none. */
  | { readonly type: "show-entry"; readonly seq: number; readonly ref: string | undefined }
  /**
   * Shows the user the last `count` entries of the log directly, or of those before the entry `before`; with `text`, of
   * those that have it in them.
   */
  | {
    readonly type: "show-log";
    readonly count: number;
    readonly text?: string;
    readonly before?: number;
    readonly ref: string | undefined;
  }
  /** Keeps the secret of a private group for later starts. */
  | { readonly type: "keep-secret"; readonly secret: GroupSecret }
  /** Keeps where the coordinator's instances are for later starts, the user's own address first. */
  | { readonly type: "keep-addresses"; readonly addresses: readonly Endpoint[] }
  /** The key of a member, or of `*coordinator*`. */
  | PinEffect;

/** The author of an entry, under the name used at the time, and when it was said. */
export interface LastSaid extends NamedKey {
  readonly sentAt: number;
}

export interface MemberConfig {
  readonly name: string;
  /** The coordinator's address, and what the user calls it. */
  readonly coordinator: Endpoint;
  /** Where other instances of the coordinator may be. */
  readonly instances?: readonly Endpoint[];
  readonly server: string;
  /** The coordinator's key at that address, where it was met before. */
  readonly expect: Fingerprint | null;
  /** Whether the user has verified the key of `expect`. */
  readonly isServerVerified?: boolean;
  /** The key that the user named beforehand; null: none. */
  readonly given: Fingerprint | null;
  /** The port that takes datagrams; `host` is the address for others to use, null: whatever the coordinator sees. */
  readonly port: number;
  readonly host: string | null;
  /** The address shown in `ready`. */
  readonly listening: Endpoint;
  /** Keys of members met before, by folded name. */
  readonly pins: ReadonlyMap<string, Fingerprint>;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  /** Keys that the user has verified, each under a name as it was shown: none of another key is shown like it. */
  readonly verified?: readonly ComparedKey[];
  readonly records: readonly MemberRecord[];
  /** The log's end; null where there is no log, or none that can be continued. */
  readonly history: HistoryEnd | null;
  /** The author of the log's last entry. */
  readonly last: LastSaid | null;
  /** File names as told to the user: that of the log, and that of the keys met before. */
  readonly files: { readonly log: string; readonly knownPeers: string };
  /** Secrets of a private group, to be tried one after the other; none where none is known. */
  readonly secrets?: readonly GroupSecret[];
  /** Whether the user gave an invite at this start; otherwise a secret is that of the group met there before. */
  readonly isInvited?: boolean;
  /** False: end if the coordinator doesn't answer at the start. */
  readonly wait: boolean;
}
