/** Inputs and effects of `Lan`, and what it is told when it is made. */

import type { Endpoint, RoomId } from "../../../base/ids.ts";
import type { AnnouncedRoom } from "./announced_rooms.ts";
import type { Choice } from "./choosing.ts";
import type { SecretRoom } from "./room_tags.ts";

/** A service as it comes from the network, or goes there. */
export interface AnnouncedService {
  readonly instance: string;
  readonly port: number;
  /** Absent: at the host that announces it. */
  readonly host?: string;
  readonly texts: readonly string[];
}

/** The room that this member is in. */
export interface EnteredRoom {
  readonly room: RoomId;
  /** Null where it accepts no connections, and so announces nothing. */
  readonly port: number | null;
  readonly title: string | null;
  /** Its secrets as they are at any time, the current one first; none in an open room. */
  readonly secrets: SecretRoom["secrets"] | (() => SecretRoom["secrets"]);
  /** Whether it was just founded, and another room will do as well. */
  readonly givesWay: boolean;
}

export type LanInput =
  /** Looks for a room to join; `chosen` answers. */
  | {
    readonly type: "seek";
    /** Rooms that this profile goes back to, or has an invite to, wherever they are announced. */
    readonly own: readonly SecretRoom[];
    /** Whether none but these will do. */
    readonly only: boolean;
  }
  /** Looks for as long as this; `looked` answers with all that is announced. */
  | { readonly type: "look"; readonly forMs: number }
  /** Looks for who has an open word code of this number; `words-found` answers. */
  | { readonly type: "seek-words"; readonly number: number }
  /** The room that was chosen couldn't be joined: it isn't chosen again. */
  | { readonly type: "vain"; readonly room: AnnouncedRoom }
  /** We are in a room, which is announced from now on. */
  | { readonly type: "entered"; readonly room: EnteredRoom }
  /** Somebody else came into the room that we founded, or something was said there. */
  | { readonly type: "company" }
  /** The numbers of the word codes that are open from now on. */
  | { readonly type: "words"; readonly numbers: readonly number[] }
  /** The room that we are in is announced no more. */
  | { readonly type: "leave" }
  | { readonly type: "asked" }
  | {
    readonly type: "heard";
    readonly host: string;
    readonly service: AnnouncedService;
    readonly lifeMs: number;
  }
  | { readonly type: "gone"; readonly host: string; readonly instance: string }
  /** There was no network until now. */
  | { readonly type: "connected" }
  | { readonly type: "tick" };

export type LanEffect =
  | { readonly type: "ask" }
  | { readonly type: "announce"; readonly service: AnnouncedService }
  | { readonly type: "goodbye"; readonly service: AnnouncedService }
  | { readonly type: "chosen"; readonly choice: Choice }
  | { readonly type: "looked"; readonly rooms: readonly AnnouncedRoom[] }
  /** Where codes of the number that was looked for are open; nowhere, where nobody announces it. */
  | { readonly type: "words-found"; readonly endpoints: readonly Endpoint[] }
  /** The room that we founded stays, as far as could be heard. Once for each room. */
  | { readonly type: "settled" }
  /** We leave the room that we founded, alone, for this one. */
  | { readonly type: "give-way"; readonly to: AnnouncedRoom }
  /** A member of our room is said to listen there. */
  | { readonly type: "hint"; readonly endpoint: Endpoint }
  /** Other rooms are announced, while we are alone in ours. */
  | { readonly type: "others"; readonly rooms: readonly AnnouncedRoom[] };

export interface LanConfig {
  /** Of this process: a random word that says nothing of it. */
  readonly instance: string;
  /** Of the protocol that is spoken. */
  readonly version: number;
}
