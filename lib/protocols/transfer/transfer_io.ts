/**
 * File transfer as its caller sees it: inputs, effects, configuration. The machine is `transfers.ts`.
 *
 * The adapter's duties beside those of `Machine`:
 * - Each `hash`, `keep`, `begin`, `rename`, `read`, `write`, `sync` and `finish` is answered by token, in any order, by
 *   its own input or by `disk-failed`. Each `send-bulk` is answered by one `bulk-drained`, once what was sent has left the lane and nothing
 *   of chat waits; `peer-down` answers those that are left.
 * - Beside the content it keeps each leaf's proof, at `leaf` times the longest proof of the file.
 * - `sync` makes content and proofs durable, and only then replaces the file of leaves, in one piece.
 * - `begin` stores the offer and the name, `rename` another name, and `restore` gives them back at the next start. `keep`
 *   stores that an own file is offered, which is to be restored as `whole`, with its proofs; so is what was finished.
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import type { Hash, OfferId, PeerKey } from "../../base/ids.ts";
import type { TransferCommand, TransferEvent } from "./events.ts";
import type { LeafMessage, SignedOffer, TransferMessage } from "./messages.ts";
import type { Standing } from "./offers.ts";

export type TransferInput =
  | { readonly type: "peer-up"; readonly peer: PeerKey }
  | { readonly type: "peer-down"; readonly peer: PeerKey }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: TransferMessage }
  /** Answers a `send-bulk` to this peer. */
  | { readonly type: "bulk-drained"; readonly peer: PeerKey }
  /** Given at the start: the file is there as a whole, or it is being received. */
  | {
    readonly type: "restore";
    readonly offer: SignedOffer;
    readonly kind: "whole" | "part";
    /** Of a part: the name that the user gave it; null: none. */
    readonly name: string | null;
    /** Of a part: how much of it may be there. */
    readonly bytes?: number;
    /** Where what is whole was saved, if the user may not have been told so. */
    readonly path?: string;
    /** Of what is whole, and was noted as `changed`: the signature. */
    readonly changed?: Uint8Array;
  }
  /** An own file that was restored isn't there any more: its offer ends, and the user is told this. */
  | { readonly type: "gone"; readonly file: OfferId; readonly text: string }
  /** `isThere`: an earlier attempt left a part. `leaves`: the text of its file of leaves, null where there is none. */
  | {
    readonly type: "begun";
    readonly token: number;
    readonly isThere: boolean;
    readonly leaves: string | null;
  }
  | {
    readonly type: "hashed";
    readonly token: number;
    readonly size: number;
    readonly digest: Hash;
  }
  | { readonly type: "kept"; readonly token: number }
  | {
    readonly type: "read";
    readonly token: number;
    readonly bytes: Uint8Array;
    readonly proof: Uint8Array;
  }
  | { readonly type: "written"; readonly token: number }
  | { readonly type: "synced"; readonly token: number }
  | { readonly type: "renamed"; readonly token: number }
  | { readonly type: "finished"; readonly token: number; readonly path: string }
  | { readonly type: "disk-failed"; readonly token: number; readonly text: string }
  | {
    readonly type: "command";
    readonly command: TransferCommand;
    readonly ref: string | undefined;
  }
  | { readonly type: "tick" };

export type TransferEffect =
  | {
    readonly type: "send";
    readonly to: PeerKey;
    readonly message: Exclude<TransferMessage, LeafMessage>;
  }
  | { readonly type: "send-bulk"; readonly to: PeerKey; readonly message: LeafMessage }
  /** Compute size and digest of the user's file. */
  | { readonly type: "hash"; readonly token: number; readonly source: string }
  | {
    readonly type: "keep";
    readonly token: number;
    readonly file: OfferId;
    readonly source: string;
    readonly offer: SignedOffer;
  }
  /** The offer of an own or finished file was taken back: it isn't restored any more. The file itself stays. */
  | { readonly type: "forget"; readonly file: OfferId }
  /**
   * The signer of what is here, or being fetched, hasn't it any more as it was offered, and says so by this signature: to
   * be noted, so that a later start doesn't pass on the offer either.
   */
  | { readonly type: "changed"; readonly file: OfferId; readonly signature: Uint8Array }
  /** Store the offer, and open what is there of the file. */
  | {
    readonly type: "begin";
    readonly token: number;
    readonly file: OfferId;
    readonly offer: SignedOffer;
    /** Under which it will be saved. */
    readonly name: string;
  }
  /** What is fetched will be saved under another name. */
  | {
    readonly type: "rename";
    readonly token: number;
    readonly file: OfferId;
    readonly name: string;
  }
  | {
    readonly type: "read";
    readonly token: number;
    readonly file: OfferId;
    readonly leaf: number;
    readonly offset: number;
    readonly length: number;
    readonly proofLength: number;
  }
  | {
    readonly type: "write";
    readonly token: number;
    readonly file: OfferId;
    readonly leaf: number;
    readonly offset: number;
    readonly bytes: Uint8Array;
    readonly proof: Uint8Array;
  }
  | {
    readonly type: "sync";
    readonly token: number;
    readonly file: OfferId;
    readonly leaves: string;
  }
  /** Give it this name, or one with a number where it is taken, and drop the file of leaves. */
  | {
    readonly type: "finish";
    readonly token: number;
    readonly file: OfferId;
    readonly name: string;
  }
  /** Delete what is there of it. */
  | { readonly type: "discard"; readonly file: OfferId }
  /**
   * Links are wanted, from now on to these: `holders`, who are known to have a file that doesn't come here, or are to be
   * told of one that is for them alone; and any `others`, as one of them may have what doesn't come. Who has no link, is
   * known by its key alone. Where links don't depend on this, nothing follows.
   */
  | { readonly type: "seek"; readonly holders: readonly PeerKey[]; readonly others: boolean }
  /** The peer breaks the rules: its link is to be closed. */
  | { readonly type: "penalise"; readonly peer: PeerKey; readonly text: string }
  | { readonly type: "show"; readonly event: TransferEvent; readonly ref: string | undefined };

export interface TransferConfig {
  /** Where files are offered: the room's id; null where each two people are alone with theirs, see `pairContext`. */
  readonly context: Hash | null;
  readonly signer: Signer;
  /** Bytes that may be received in all, and those that were before this start. */
  readonly filesBytesMax: number;
  readonly receivedBytes: number;
  /** Whether who signs offers, or is to have a file, was seen there, removed or refused; absent: all are known. */
  readonly standingOf?: (author: PeerKey) => Standing;
}

/** What the parts need of the machine. */
export interface TransferOutput {
  emit(effect: TransferEffect): void;
  /** A token; what is answered to it comes back to `following`. */
  token(following: Following): number;
  send(to: PeerKey, message: Exclude<TransferMessage, LeafMessage>): void;
}

/** An answer of the disk. */
export type DiskAnswer = Extract<
  TransferInput,
  {
    readonly type:
      | "begun"
      | "hashed"
      | "kept"
      | "read"
      | "written"
      | "synced"
      | "renamed"
      | "finished";
  }
>;

/** What follows a request to the disk. */
export interface Following {
  done(answer: DiskAnswer, nowMs: number): void;
  failed(text: string, nowMs: number): void;
}
