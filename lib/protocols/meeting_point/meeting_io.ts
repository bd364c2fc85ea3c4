/** What a meeting point and a visitor of one are told, and what they answer. */

import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../../base/ids.ts";
import type { KeyChange, PinEffect } from "../../base/machine/mode_machine.ts";
import type { MEETING_REFUSALS, MeetingMessage } from "./messages.ts";

export type MeetingRefusal = (typeof MEETING_REFUSALS)[number];

/** What the operator allows: streams at once and bytes a second, of one address and of one room. */
export interface MeetingLimits {
  readonly links: number;
  readonly rate: number;
  readonly roomLinks: number;
  readonly roomRate: number;
}

interface Message {
  readonly type: "message";
  readonly link: LinkId;
  readonly message: MeetingMessage;
}

interface OfLink<Type> {
  readonly type: Type;
  readonly link: LinkId;
}

interface UnknownMessage extends OfLink<"unknown-message"> {
  readonly code: number;
}

type Send = OfLink<"send"> & { readonly message: MeetingMessage };
type Close = OfLink<"close"> & { readonly reason: string };

export type PointInput =
  /** A link in the mode `meeting` is up; `host`: where it comes from. */
  | OfLink<"link-up"> & { readonly peer: PeerKey; readonly host: string }
  | Message
  | UnknownMessage
  | OfLink<"link-down">
  /** The link takes no more for now: what is sent to it waits. */
  | OfLink<"congested">
  | OfLink<"drained">
  | { readonly type: "tick" };

export type PointEffect =
  | Send
  | Close
  /** The visitor broke the rules: it isn't let in for a while. */
  | OfLink<"ban"> & { readonly reason: string };

/** Whom a stream is to lead to: a member of a room, or whoever has registered the number of a word code. */
export type Callee =
  | { readonly member: Fingerprint; readonly room: RoomId }
  | { readonly number: number };

export type VisitorInput =
  /** Others may reach us here from now on, as a member of this room, of which it is told a tag. */
  | { readonly type: "register"; readonly room: RoomId }
  /** The numbers of our word codes that are open now. */
  | { readonly type: "numbers"; readonly numbers: readonly number[] }
  /** A stream is wanted: `opened` or `failed` answers. `call`: a number that the caller chooses. */
  | { readonly type: "connect"; readonly call: number; readonly callee: Callee }
  | OfLink<"link-up"> & { readonly peer: PeerKey; readonly attempt: number | null }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    readonly reason: string;
    readonly text: string;
    readonly key: PeerKey | null;
  }
  | Message
  | UnknownMessage
  | OfLink<"link-down"> & { readonly reason: string }
  /** Sealed bytes for the other end, as far as there is room; they belong to the machine. */
  | { readonly type: "bytes"; readonly stream: number; readonly bytes: Uint8Array }
  /** So many received bytes were read. */
  | { readonly type: "taken"; readonly stream: number; readonly bytes: number }
  /** This side has ended the stream, and all that was written has been given to the machine. */
  | { readonly type: "over"; readonly stream: number }
  /** The user accepts the other key that was shown. */
  | { readonly type: "trust" }
  | { readonly type: "tick" };

/** How things stand with the meeting point. `registered`: others reach us there. */
export type MeetingState = "away" | "up" | "registered";

export type VisitorEffect =
  | {
    readonly type: "dial";
    readonly attempt: number;
    readonly endpoint: Endpoint;
    readonly expect: Fingerprint | null;
  }
  | Send
  | Close
  | PinEffect
  /** Another key answers than the one that is expected: nothing goes there. */
  | { readonly type: "key-changed"; readonly changed: KeyChange; readonly text: string }
  /** `failure`: why it is away, as part of a sentence; null where it isn't, or nothing was tried. */
  | {
    readonly type: "state";
    readonly state: MeetingState;
    readonly failure: string | null;
    /** Its key, once it has proved one. */
    readonly key: Fingerprint | null;
  }
  /** Which of our numbers lead to us there. */
  | { readonly type: "numbered"; readonly numbers: readonly number[] }
  | { readonly type: "opened"; readonly call: number; readonly stream: number }
  | {
    readonly type: "failed";
    readonly call: number;
    readonly code: MeetingRefusal;
    readonly text: string;
  }
  | { readonly type: "incoming"; readonly stream: number; readonly from: PeerKey }
  | { readonly type: "received"; readonly stream: number; readonly bytes: Uint8Array }
  /** The other end has granted so many more bytes. */
  | { readonly type: "room"; readonly stream: number; readonly bytes: number }
  /** Nothing more comes, or goes. */
  | { readonly type: "ended"; readonly stream: number; readonly reason: string };
