/** What the two machines of word codes are told, and what they answer. */

import type { Endpoint, LinkId, PeerKey } from "../../base/ids.ts";
import type { WordsMessage } from "./messages.ts";

/** A link in the mode `words`. */
interface LinkUp {
  readonly type: "link-up";
  readonly link: LinkId;
  readonly peer: PeerKey;
  /** The X25519 key of its process, in hexadecimal. */
  readonly process: string;
  /** The hash of the handshake. */
  readonly binding: Uint8Array;
}

interface Message {
  readonly type: "message";
  readonly link: LinkId;
  readonly message: WordsMessage;
}

export type IssuerInput =
  /** The user wants a code for this invite. */
  | { readonly type: "issue"; readonly invite: string; readonly ref: string | undefined }
  /** The user wants no open code to count any more. */
  | { readonly type: "void" }
  | LinkUp & {
    readonly remote: Endpoint;
    /** Those whose guesses are counted together; null for this machine's own, which have no limit. */
    readonly address: string | null;
  }
  | Message
  | { readonly type: "link-down"; readonly link: LinkId }
  | { readonly type: "tick" };

/** How a code ended, or that one was tried that had ended. */
export type CodeEnd =
  /** The guesser knew the words: it has the invite. */
  | "used"
  | "wrong"
  /** The guesser asked, and never proved that it knows the words: that was the code's one guess. */
  | "given-up"
  /** Another code took its place. */
  | "voided"
  /** Somebody came with the number of a code that had ended before. */
  | "late";

export type IssuerEffect =
  | { readonly type: "send"; readonly link: LinkId; readonly message: WordsMessage }
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  | {
    readonly type: "issued";
    readonly code: string;
    /** When it ends, by the wall clock, ms since 1970. */
    readonly expiresMs: number;
    readonly ref: string | undefined;
  }
  /** For the user. `by`: who came with it; null where nobody did. */
  | {
    readonly type: "ended";
    readonly number: number;
    readonly end: CodeEnd;
    readonly by: { readonly peer: PeerKey; readonly remote: Endpoint } | null;
  }
  /** For the user: these codes have ended, as their invite admits nobody any more. */
  | { readonly type: "outdated"; readonly numbers: readonly number[] }
  /**
   * The numbers of the codes that are open now, and of those with which somebody may still come, to be told that they count
   * no more, the last one first; emitted when they change.
   */
  | {
    readonly type: "open";
    readonly numbers: readonly number[];
    readonly spent: readonly number[];
  };

export type GuesserInput =
  | { readonly type: "start" }
  | LinkUp
  | { readonly type: "dial-failed"; readonly reason: string; readonly text: string }
  | Message
  /** `closed`: the reason is the other side's. */
  | { readonly type: "link-down"; readonly reason: string; readonly closed: boolean }
  | { readonly type: "tick" };

export type GuesserEffect =
  | { readonly type: "dial" }
  | { readonly type: "send"; readonly link: LinkId; readonly message: WordsMessage }
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  /** Last of all: the invite, from the owner of this key, who knows the words. */
  | { readonly type: "invited"; readonly invite: string; readonly issuer: PeerKey }
  /**
   * Last of all. `reason`: that of the failed dial, or of the goodbye, which may be any; `text`: a part of a sentence.
   * `isWrong`: the code was open, and its words are others.
   */
  | {
    readonly type: "failed";
    readonly reason: string;
    readonly text: string;
    readonly isWrong?: true;
  };
