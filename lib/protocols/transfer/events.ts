/** What file transfer tells the user, and what the user may ask: field for field the objects of `--json`. */

import type { ErrorCode } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";

/** Why a transfer came to nothing. */
export type TransferReason =
  /** Its holder's file isn't what was offered any more. */
  | "changed"
  /** Its signer took it back. */
  | "withdrawn"
  /** Nobody who has it could be reached for long. */
  | "no-holder"
  /** Other files are fetched first; this one is fetched, or fetched on, once there is room. */
  | "waits"
  /** The disk refused; what is there is kept, and the file can be fetched again from there. */
  | "disk"
  /** The user doesn't want it: it wasn't being fetched. */
  | "declined";

export type TransferEvent =
  | {
    readonly event: "offer";
    /** What `/get` and `/cancel` take, from 1. */
    readonly file: number;
    readonly id: string;
    /** The signer's key: the mode knows the name. */
    readonly from: string;
    /** Harmless: as it would be saved. */
    readonly name: string;
    readonly size: number;
    readonly digest: string;
  }
  | {
    readonly event: "transfer";
    readonly file: number;
    readonly state: "started" | "progress" | "done" | "failed" | "cancelled";
    /** How many are here and checked. */
    readonly bytes: number;
    /** Where it was saved, with `done`. */
    readonly path?: string;
    /** An own file: whose key has fetched it, as that one says, with `done`. */
    readonly to?: PeerKey;
    readonly reason?: TransferReason;
    /** What exactly failed, where the disk did. */
    readonly text?: string;
  }
  | { readonly event: "error"; readonly code: ErrorCode; readonly text: string };

export type TransferCommand =
  /** Offers a file. `source`: whatever the adapter knows it by. `to`: a key; null: all who are there. */
  | {
    readonly command: "send";
    readonly source: string;
    readonly name: string;
    readonly to: string | null;
  }
  /**
   * `as`: the name under which it is saved, made harmless; without it, the one that was offered. `waits`: where there is
   * no room, it is fetched once there is, rather than refused.
   */
  | {
    readonly command: "get";
    readonly file: number;
    readonly as?: string;
    readonly waits?: true;
  }
  | { readonly command: "cancel"; readonly file: number };

/** Why, as an event says it: what the disk says is for the user, too. */
export function toldOf(reason: TransferReason, text: string) {
  return reason === "disk" ? { reason, text } : { reason };
}
