/**
 * Links: authenticated connections that carry frames, as the runtime sees them. Two adapters pass the same contract
 * (`tests/contracts/link_contract.ts`): `openTcpLinks` and, for tests and simulation, `MemoryLinkNetwork`.
 *
 * An adapter promises:
 * - Each `dial` is answered once, by `linkUp` with its attempt or by `dialFailed`, within little more than 10 s.
 * - Each `linkUp` is followed by one `linkDown`, and by nothing for that link after it.
 * - Frames of one lane arrive whole, in order, at most once, and only between `linkUp` and `linkDown`. There is no
 *   order between the lanes.
 * - No callback is called from within a call, except `congested` from within `send`.
 * - After `close` no more frames arrive; `linkDown` follows when the queued frames were sent, within about a
 *   second.
 * - Memory for a link is bounded whatever the other side does.
 */

import type { Bytes } from "../base/crypto/crypto.ts";
import type { Clock } from "../base/machine/clock.ts";
import type { Fingerprint } from "../base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../base/ids.ts";
import { invariant } from "../base/invariant.ts";
import type { ChannelSecret, ListenAccess } from "../protocols/noise/channel_handshake.ts";
import type { ChannelFailure, Lane, Queue } from "../protocols/noise/channel_io.ts";
import type { ChannelConfig } from "../protocols/noise/config.ts";
import type { ChannelMode } from "../protocols/noise/preface.ts";

export type { ChannelSecret, Lane, ListenAccess, Queue };

/** The other end of a link. */
export interface LinkInfo {
  /** The peer's authenticated identity. */
  readonly peer: PeerKey;
  /** Identifies the peer's process, authenticated as its identity is: a restarted program has another value. */
  readonly process: string;
  /** Whether this side dialled. */
  readonly dialled: boolean;
  /** The peer's address as seen here; that of an inbound link can't be dialled. */
  readonly remote: Endpoint;
  /** This machine's address on the link; empty where there is none, as through a relay. */
  readonly localHost: string;
  /** The `attempt` argument of `dial`; `null` for an inbound link. */
  readonly attempt: number | null;
  /** The room's secret that was used; `null` in an open room and in modes without secrets. */
  readonly secret: ChannelSecret | null;
  /** Whether the dialler named the room, or accepted whichever room answers. */
  readonly roomNamed: boolean;
  /** On a link in the mode `words`, and no other: the handshake's hash. What is bound to it is of this link alone. */
  readonly binding?: Bytes;
  /** On a link in the mode `meeting`, and no other. */
  readonly isMeeting?: true;
}

/**
 * Why a dial failed. `unreachable`: no such host, nobody listens there, or no route. `refused`: the other side
 * speaks the protocol and refused, or the dial was given up. Whatever the other side says before its identity is
 * authenticated is only a hint, which an attacker on the path can forge.
 */
export type DialFailureReason = ChannelFailure;

export interface DialFailure {
  readonly reason: DialFailureReason;
  /** The reason as part of a sentence for the user. */
  readonly text: string;
  /**
   * The authenticated identity of the peer, if there was one: with `wrong-key`, the unexpected key; our own where we listen
   * there ourselves.
   */
  readonly key: PeerKey | null;
}

export interface LinkEnd {
  /** Whether an authenticated goodbye was sent or received; otherwise the link was lost. */
  readonly closed: boolean;
  /** The reason in the goodbye, or how the link was lost. It may come from another program: display it with care. */
  readonly reason: string;
}

/** The runtime's callbacks. No method may throw or block. */
export interface LinkHandler {
  linkUp(link: LinkId, info: LinkInfo): void;
  dialFailed(attempt: number, failure: DialFailure): void;
  /** `body` is a view that nothing else changes. Keeping it keeps up to 16 KiB around it in memory. */
  frame(link: LinkId, body: Uint8Array): void;
  linkDown(link: LinkId, end: LinkEnd): void;
  /** The data queue has reached 1 MiB: data frames are dropped until `drained`. */
  congested(link: LinkId): void;
  /** The data queue is less than half full again. */
  drained(link: LinkId): void;
  /** All bulk sent on the link has left, and nothing else waits. Only for handlers that send bulk. */
  bulkDrained?(link: LinkId): void;
  /**
   * News frames were dropped, and frames are sent again: fetch what they said in another way. Only for handlers
   * that send news.
   */
  missed?(link: LinkId): void;
  /** The link is 24 h old: dial the peer again, then close this link. Called once. */
  aged(link: LinkId): void;
}

/** Is told what becomes of connections, to count it: nothing depends on it. No method may throw or block. */
export interface LinkObserver {
  established(links: Pick<Links, "roundTripMs">, link: LinkId, dialled: boolean): void;
  /** A link that was established is down. `closed`: by a goodbye. */
  ended(links: Pick<Links, "roundTripMs">, link: LinkId, closed: boolean): void;
  /** A connection ended before both sides had proved who they are. */
  failed(reason: DialFailureReason): void;
  /** A stranger's connection wasn't let in. `full`: others were, or it was in their way; `silent`: too little came. */
  refused(why: "full" | "silent"): void;
  /** Bytes on the network, of whoever was let in. */
  received(bytes: number): void;
  sent(bytes: number): void;
  congested(): void;
}

/** Whom a dial must reach. */
export interface DialExpectation {
  /** The only identity accepted; `null` for any. */
  readonly key: PeerKey | null;
  /** The only fingerprint accepted, where the key isn't known; `key` has precedence. */
  readonly fingerprint?: Fingerprint | null;
  /** Where neither is given: of several identities that may answer, which. */
  readonly accepts?: (key: PeerKey) => boolean;
  /** The room that must answer; `null` where it isn't known. */
  readonly room: RoomId | null;
  /** The secret that a private room's members share; null for an open room. */
  readonly secret: ChannelSecret | null;
  /** The mode of the link, if it isn't that of inbound links. */
  readonly mode?: ChannelMode;
  /** Keep-alive settings of the link, if they aren't the usual ones. */
  readonly channel?: Partial<ChannelConfig>;
}

/** Accepts any program of our mode. */
export const EXPECT_ANYBODY: DialExpectation = { key: null, room: null, secret: null };

/** Accepts whoever has proven a key; the mode's machine decides what they may do. */
export function openTo(mode: ChannelMode): ListenAccess {
  return { mode, room: null, secrets: null, admit: () => null };
}

export interface Links {
  /** Where it listens; `host` as requested, `port` as assigned; empty and 0 where it only dials. */
  readonly local: Endpoint;
  /** The number of links that are up. */
  readonly size: number;
  /** Connects and performs the handshake, in at most 10 s. `attempt` is a number that the caller chooses. */
  dial(attempt: number, to: Endpoint, expect: DialExpectation): void;
  /** Gives up a dial: `dialFailed` with `refused` follows. Does nothing for a dial that is over. */
  cancelDial(attempt: number): void;
  /**
   * Queues a frame of 1 byte to 256 KiB; `body` is copied. Never blocks. If 64 KiB wait already, a control frame
   * ends the link: `linkDown` follows. If half of that waits, a news frame is dropped, and `missed` follows. A
   * bulk frame waits until nothing else does, and `bulkDrained` follows; no more than 256 KiB may wait. Does nothing
   * for a link that is gone.
   */
  send(link: LinkId, body: Uint8Array, lane: Queue | "bulk"): void;
  /** Sends what is queued, for at most a second, then an authenticated goodbye. */
  close(link: LinkId, reason: string): void;
  /**
   * Stops reading, so that the peer experiences back pressure. Frames that were already read may still be
   * delivered.
   */
  pauseReading(link: LinkId): void;
  resumeReading(link: LinkId): void;
  /** The round-trip time last measured, ms; `null` for a link that is gone. */
  roundTripMs(link: LinkId): number | null;
  /** Closes all links with a goodbye, in at most a second, and stops listening. Afterwards no callback is called. */
  shutdown(reason: string): Promise<void>;
}

/** A clock for links. */
export interface LinkClock extends Clock {
  /** Calls `task` as a microtask: after the present code, before anything else happens. */
  soon(task: () => void): void;
}

/**
 * A handler that forwards all calls to another one made later, since links and their handler need each other.
 * @param handler Returns null until the handler exists. It must be made in the same turn of the event loop that
 *   opens the links, as no callback is called before that turn ends.
 */
export function forwardTo(handler: () => LinkHandler | null): LinkHandler {
  const present = () => {
    const made = handler();
    invariant(made !== null, "links bring nothing before their handler is there");
    return made;
  };
  return {
    linkUp: (link, info) => present().linkUp(link, info),
    dialFailed: (attempt, failure) => present().dialFailed(attempt, failure),
    frame: (link, body) => present().frame(link, body),
    linkDown: (link, end) => present().linkDown(link, end),
    congested: (link) => present().congested(link),
    drained: (link) => present().drained(link),
    missed: (link) => present().missed?.(link),
    bulkDrained: (link) => present().bulkDrained?.(link),
    aged: (link) => present().aged(link),
  };
}
