/**
 * Links: authenticated connections that carry frames, as the runtime sees them. Two adapters pass the same
 * contract (`tests/contracts/link_contract.ts`): `openTcpLinks` and, for tests and simulation,
 * `MemoryLinkNetwork`.
 *
 * What an adapter promises:
 * - Each `dial` is answered once, by `linkUp` with its attempt or by `dialFailed`, within 10 s and a little.
 * - Each `linkUp` is followed by one `linkDown`, and by nothing for that link after it.
 * - Frames of one lane arrive whole, in order, at most once, and only between `linkUp` and `linkDown`. There is
 *   no order between the lanes.
 * - Nothing is called back from within a call, except `congested` from within `send`.
 * - After `close` no more frames arrive; `linkDown` follows when what waited was sent, within about a second.
 * - Memory for a link is bounded whatever the other side does.
 */

import type { Clock } from "../base/clock.ts";
import type { Fingerprint } from "../base/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey, RoomId } from "../base/ids.ts";
import { invariant } from "../base/invariant.ts";
import type { ChannelSecret, ListenAccess } from "../protocols/noise/channel_handshake.ts";
import type { ChannelFailure, Lane, Queue } from "../protocols/noise/channel_io.ts";
import type { ChannelConfig } from "../protocols/noise/config.ts";
import type { ChannelMode } from "../protocols/noise/preface.ts";

export type { ChannelSecret, Lane, ListenAccess, Queue };

/** Who is at the other end. */
export interface LinkInfo {
  /** The proven identity of the other side. */
  readonly peer: PeerKey;
  /** Stands for the other side's process, proven as its identity is: another one after it was started again. */
  readonly process: string;
  /** Whether this side dialled. */
  readonly dialled: boolean;
  /** The other side's address as seen here; for an inbound link not one that can be dialled. */
  readonly remote: Endpoint;
  /** The address of this machine under which the link runs; empty where there is none, as through a relay. */
  readonly localHost: string;
  /** The attempt that `dial` was given; `null` for an inbound link. */
  readonly attempt: number | null;
  /** The epoch of the room's secret that was used, `null` in an open room and in modes without secrets. */
  readonly epoch: number | null;
  /** Whether the dialler named the room, rather than asking whichever answers. */
  readonly roomNamed: boolean;
}

/**
 * Why there is no link. `unreachable`: no such host, nobody listens there, or no way to it. `refused`: the
 * other side is of our kind and said no in words, or we gave up. Everything from the other side before its
 * identity is proven is a hint: a stranger on the way can fake it.
 */
export type DialFailureReason = ChannelFailure;

export interface DialFailure {
  readonly reason: DialFailureReason;
  /** A part of a sentence for the user. */
  readonly text: string;
  /** The proven identity of who answered, where one did: with `wrong-key`, the other key. */
  readonly key: PeerKey | null;
}

export interface LinkEnd {
  /** Whether a sealed goodbye was received or sent; otherwise the link was lost. */
  readonly closed: boolean;
  /** The goodbye's reason, or how it was lost. From another program: to be shown with care. */
  readonly reason: string;
}

/** The runtime's side of the port. No method may throw or wait. */
export interface LinkHandler {
  linkUp(link: LinkId, info: LinkInfo): void;
  dialFailed(attempt: number, failure: DialFailure): void;
  /** `body` is a view that no one else changes; keeping it keeps up to 16 KiB around it. */
  frame(link: LinkId, body: Uint8Array): void;
  linkDown(link: LinkId, end: LinkEnd): void;
  /** The data queue holds 1 MiB: data frames are dropped from now on, until `drained`. */
  congested(link: LinkId): void;
  /** Less than half of the data queue is left. */
  drained(link: LinkId): void;
  /** News was dropped, and goes out again: its like may be told by other ways. For whoever sends any. */
  missed?(link: LinkId): void;
  /** The link is 24 h old: dial the peer anew, then close this one. Said once. */
  aged(link: LinkId): void;
}

/** Whom a dial must reach. */
export interface DialExpectation {
  /** The only identity that will do, `null` for any. */
  readonly key: PeerKey | null;
  /** The same, where its fingerprint is all that is known; `key` goes first. */
  readonly fingerprint?: Fingerprint | null;
  /** The room that must answer, `null` where it isn't known. */
  readonly room: RoomId | null;
  /** What a private room's members know. */
  readonly secret: ChannelSecret | null;
  /** What to talk about there, where it isn't that of those whom we let in. */
  readonly mode?: ChannelMode;
  /** How that link is kept alive, where it isn't as all others. */
  readonly channel?: Partial<ChannelConfig>;
}

/** Any program of our mode will do. */
export const EXPECT_ANYBODY: DialExpectation = { key: null, room: null, secret: null };

/** Lets in whoever has proven a key: what they may do is the machine's affair. */
export function openTo(mode: ChannelMode): ListenAccess {
  return { mode, room: null, secrets: null, admit: () => null };
}

export interface Links {
  /** Where it listens; `host` as it was asked for, `port` as it was given; empty and 0 where it only dials. */
  readonly local: Endpoint;
  /** How many links are up. */
  readonly size: number;
  /**
   * Listens at this port of the same host from now on, and no longer at the one before. Links go on.
   * @throws {P2pchatError} `port-in-use` or `unreachable`; all is as it was then.
   */
  listenAt(port: number): void;
  /** Connects and shakes hands, 10 s at most. `attempt` is the caller's number for it. */
  dial(attempt: number, to: Endpoint, expect: DialExpectation): void;
  /** Gives up a dial: `dialFailed` with `refused` follows. Does nothing where it is over. */
  cancelDial(attempt: number): void;
  /**
   * Queues a frame of 1 byte to 256 KiB; `body` is copied. Never waits. A control frame that finds 64 KiB
   * waiting ends the link: `linkDown` follows; news that finds half of that waiting is dropped, and `missed` follows.
   * Does nothing for a link that is gone.
   */
  send(link: LinkId, body: Uint8Array, lane: Queue): void;
  /** Sends what is queued, a second at most, then the sealed goodbye. */
  close(link: LinkId, reason: string): void;
  /** Takes no more from the peer, which feels it through TCP; what was read already may still arrive. */
  pauseReading(link: LinkId): void;
  resumeReading(link: LinkId): void;
  /** The last measured time there and back; `null` for a link that is gone. */
  roundTripMs(link: LinkId): number | null;
  /** Closes all links properly, a second at most, and stops listening. Then nothing is called back any more. */
  shutdown(reason: string): Promise<void>;
}

/** Time as links need it. */
export interface LinkClock extends Clock {
  /** Calls `task` after the present turn of work, before anything else happens. */
  soon(task: () => void): void;
}

/**
 * Passes everything on to what is made later: links need their handler first, and it needs its links.
 * @param handler Null until it is made, in the turn of work that opens the links: they bring nothing before it is over.
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
    aged: (link) => present().aged(link),
  };
}
