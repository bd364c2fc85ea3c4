/**
 * Who is there: the links that are up, and who has said hello on them; when each was heard, what each says of
 * itself, and when it is taken for gone.
 */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import type { FoldedName } from "../../base/ids.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import { type Ballot, NO_BALLOT } from "./ballot.ts";
import type { Member } from "./epoch.ts";
import { foldName } from "../../base/names.ts";
import type { HistoryPoint } from "./history.ts";
import {
  CONTROL_BURST,
  CONTROL_PER_S,
  EDIT_MESSAGES_BURST,
  EDIT_MESSAGES_PER_S,
  FETCHES_BURST,
  FETCHES_PER_S,
  HEARTBEAT_MS,
  HELLO_MS_MAX,
  PROBE_BEFORE_MS,
  RETURN_HEARD_MS,
  RETURN_MS,
  UNGREETED_LINKS_MAX,
  WAIT_MS_MAX,
} from "./limits.ts";
import type { GroupMessageOf } from "./messages.ts";

/** A deadline served later than this says that we were slow, not that others were. */
const LATE_MS = 100;

export interface GroupLink {
  readonly id: LinkId;
  readonly peer: PeerKey;
  /** The address that it comes from; null: of this machine only. */
  readonly host: string | null;
  readonly bucket: TokenBucket;
  readonly fetches: TokenBucket;
  readonly edits: TokenBucket;
  /** When it must have said hello, if it is to. */
  greetByMs: number;
  /** Whether hello ever came on it. */
  isGreeted: boolean;
  /** Whether its member leaves as the last one: its goodbye says that it is out, on its disk. */
  isLastOut: boolean;
  /** Said hello while another process of the same person is there, and hasn't answered since. */
  successor: Successor | null;
  unknownMessages: number;
}

export interface Successor {
  readonly hello: GroupMessageOf<"hello">;
  /** As which it comes in, where it still can when it answers. */
  readonly attendee: Attendee;
}

/**
 * Why somebody goes who is there: it asks to (`quit`), the operator removes it, or it holds up the others
 * (`unheard`), or is to fetch its log anew (`recovering`). It does when a view without it is decided: until then its say
 * may be needed.
 */
export type Departure = "quit" | "removed" | "unheard" | "recovering";

export interface Attendee {
  readonly key: PeerKey;
  readonly name: string;
  readonly folded: FoldedName;
  /** Of its process. */
  readonly incarnation: Uint8Array;
  /** Where it says that it is found, or else `seenHost`. */
  readonly host: string | null;
  /** Whence its link came. */
  readonly seenHost: string | null;
  /** Until when others are told `host` though nobody has heard it there. */
  readonly believedUntilMs: number;
  readonly port: number;
  /** Null while it isn't linked: it was lost a moment ago, or is expected back after our restart. */
  link: LinkId | null;
  /** Its process's first hello, or after our restart that. */
  cameAtMs: number;
  heardAtMs: number;
  /** When it is taken for gone, unless it is heard. */
  silentAtMs: number;
  /** After our restart: until when it is waited for while others hear it. */
  returnByMs: number;
  /** Whether it was asked once more. */
  isProbed: boolean;
  begun: Ballot;
  promised: Ballot;
  /** The end of its log, when it last told it. */
  end: HistoryPoint | null;
  /** Number of the last entry there. */
  seq: number;
  /** With whom it exchanges datagrams; null until it has told. */
  hears: ReadonlySet<PeerKey> | null;
  /** Whom of the others it doesn't hear, and since when. */
  readonly unheard: Map<PeerKey, number>;
  /** Complaints of it, and its own, don't count before; of one process they do, on whatever link it is. */
  meetsByMs: number;
  isCaughtUp: boolean;
  /** Whether it was in a view before, this process or an earlier one. */
  isKnown: boolean;
  /** From whom it fetches the log, null the coordinator; undefined where it wasn't told. */
  source: PeerKey | null | undefined;
  /** When its log last grew. */
  progressAtMs: number;
  /** From whom nothing has come since; at most `MEMBERS_MAX`. */
  readonly fruitless: Set<PeerKey>;
  /** What it was last told: whether it has a say, and for whom it waits. */
  hasSayTold: boolean;
  /** The coordinator was told of the entries up to this position, as far as this process knows. */
  told: number;
  awaitedTold: string;
  /** A removed one waits so long before it is let in again. */
  notBeforeMs: number;
  departure: Departure | null;
}

/** Somebody of whose process no hello has come yet. */
export function expected(member: Member, nowMs: number): Attendee {
  return {
    ...member,
    folded: foldName(member.name),
    seenHost: member.host,
    believedUntilMs: -Infinity,
    link: null,
    cameAtMs: nowMs,
    heardAtMs: -Infinity,
    silentAtMs: nowMs + RETURN_MS,
    returnByMs: nowMs + RETURN_HEARD_MS,
    isProbed: false,
    begun: NO_BALLOT,
    promised: NO_BALLOT,
    end: null,
    seq: 0,
    hears: null,
    unheard: new Map(),
    meetsByMs: -Infinity,
    isCaughtUp: false,
    isKnown: true,
    source: undefined,
    progressAtMs: -Infinity,
    fruitless: new Set(),
    hasSayTold: false,
    told: 0,
    awaitedTold: "",
    notBeforeMs: -Infinity,
    departure: null,
  };
}

/** Whether a member wasn't started anew in between: of two records with the same key. */
export function isSameProcess(
  a: Pick<Member, "incarnation">,
  b: Pick<Member, "incarnation">,
): boolean {
  return a.incarnation.toHex() === b.incarnation.toHex();
}

/** Whether it has no say any more, unless nobody else has. */
export function isExcluded({ departure }: Attendee): boolean {
  return departure !== null && departure !== "quit";
}

/** As others are told of it. */
export function memberOf({ key, name, incarnation, host, port }: Attendee): Member {
  return { key, name, incarnation, host, port };
}

export class Attendance {
  /** In the order in which they came. At most those of the open views and the joining ones: `Places`. */
  readonly #attendees = new Map<PeerKey, Attendee>();
  readonly #links = new Map<LinkId, GroupLink>();

  constructor(readonly failAfterMs: number) {}

  // Links.

  get links(): Iterable<GroupLink> {
    return this.#links.values();
  }

  /** @returns The link that has waited longest to say hello, where there are too many such. */
  linkUp(id: LinkId, peer: PeerKey, host: string | null, nowMs: number): GroupLink | null {
    const bucket = new TokenBucket(CONTROL_PER_S, CONTROL_BURST);
    const fetches = new TokenBucket(FETCHES_PER_S, FETCHES_BURST);
    const edits = new TokenBucket(EDIT_MESSAGES_PER_S, EDIT_MESSAGES_BURST);
    const greetByMs = nowMs + HELLO_MS_MAX;
    const state = { isGreeted: false, isLastOut: false, successor: null, unknownMessages: 0 };
    this.#links.set(id, { id, peer, host, bucket, fetches, edits, greetByMs, ...state });
    // The goodbye of who leaves last is needed, and isn't to be cut off by whoever opens links.
    const ungreeted = [...this.#links.values()].filter(({ greetByMs, isLastOut }) =>
      greetByMs < Infinity && !isLastOut
    );
    return ungreeted.length > UNGREETED_LINKS_MAX ? ungreeted[0]! : null;
  }

  link(id: LinkId): GroupLink | null {
    return this.#links.get(id) ?? null;
  }

  /** @returns Whoever was on it, and isn't linked now. */
  linkDown(id: LinkId): Attendee | null {
    const attendee = this.on(id);
    this.#links.delete(id);
    if (attendee !== null) attendee.link = null;
    return attendee;
  }

  /** Whether the last one of a view is about to be out. */
  get isLastLeaving(): boolean {
    return [...this.links].some(({ isLastOut }) => isLastOut);
  }

  // Attendees.

  get all(): Iterable<Attendee> {
    return this.#attendees.values();
  }

  get(key: PeerKey): Attendee | null {
    return this.#attendees.get(key) ?? null;
  }

  /** Whoever said hello on that link, and hasn't been sent away or come by another since. */
  on(id: LinkId): Attendee | null {
    const link = this.#links.get(id);
    const attendee = link === undefined ? undefined : this.#attendees.get(link.peer);
    return attendee?.link === id ? attendee : null;
  }

  /** Another one who is here under that name; null where nobody is. */
  namesake(own: PeerKey, name: FoldedName): Attendee | null {
    return this.here.find(({ key, folded }) => key !== own && folded === name) ?? null;
  }

  /** Whether somebody is there, or may be back in a moment. */
  get isAnybodyAwaited(): boolean {
    return this.#attendees.size > 0;
  }

  /** Linked. */
  get here(): readonly Attendee[] {
    return [...this.all].filter(({ link }) => link !== null);
  }

  /** Takes the place of whoever was there under this key. */
  put(attendee: Attendee): void {
    if (attendee.link !== null && this.here.length === 0) {
      for (const other of this.all) {
        if (other.returnByMs > -Infinity) expectAgain(other, attendee.heardAtMs);
      }
    }
    this.#attendees.set(attendee.key, attendee);
  }

  remove(key: PeerKey): void {
    this.#attendees.delete(key);
  }

  heard(attendee: Attendee, nowMs: number): void {
    attendee.heardAtMs = nowMs;
    attendee.silentAtMs = nowMs + this.failAfterMs;
    attendee.isProbed = false;
  }

  // Time.

  /**
   * Whoever is silent, or to be asked once more before it is. None is silent without having been asked, or where our
   * own tick comes late: its answer may be waiting behind.
   * @param isHurried Whether the others can't go on until it is there or gone.
   * @param isHeldUp Whether what we say, and ask, waits for our own disk: until it is said nobody is silent.
   */
  takeDue(
    nowMs: number,
    isHurried: boolean,
    isHeldUp: boolean,
  ): { readonly silent: readonly Attendee[]; readonly probe: readonly Attendee[] } {
    const silent: Attendee[] = [];
    const probe: Attendee[] = [];
    const isAnybodyHere = this.here.length > 0;
    for (const attendee of this.all) {
      const lateMs = nowMs - dueMs(attendee);
      if (lateMs < 0) continue;
      if (isHeldUp) {
        // Who closes its link to us meanwhile comes back, as after a restart.
        attendee.isProbed = false;
        attendee.silentAtMs = nowMs + (attendee.link === null ? RETURN_MS : 2 * PROBE_BEFORE_MS);
        continue;
      }
      if (!isAnybodyHere && attendee.returnByMs > -Infinity) {
        expectAgain(attendee, nowMs); // it holds up nobody
        continue;
      }
      if (!isHurried && nowMs < attendee.returnByMs && this.#isHeard(attendee)) {
        attendee.silentAtMs = nowMs + HEARTBEAT_MS;
        continue;
      }
      const isAsked = attendee.link === null || attendee.isProbed;
      if (isAsked && lateMs <= LATE_MS) {
        silent.push(attendee);
        continue;
      }
      attendee.isProbed = true;
      attendee.silentAtMs = Math.max(attendee.silentAtMs, nowMs + PROBE_BEFORE_MS);
      if (attendee.link !== null) probe.push(attendee);
    }
    return { silent, probe };
  }

  #isHeard({ key }: Attendee): boolean {
    return this.here.some(({ hears }) => hears?.has(key) === true);
  }

  /**
   * Our disk kept so long what all were to be told that some took us for gone: they are on their way back. Others answer
   * only now.
   */
  diskAnswers(nowMs: number): void {
    for (const link of this.links) {
      if (link.isGreeted) link.greetByMs = Math.max(link.greetByMs, nowMs + WAIT_MS_MAX);
    }
    for (const attendee of this.all) {
      if (attendee.link !== null) continue;
      attendee.silentAtMs = Math.max(attendee.silentAtMs, nowMs + RETURN_MS);
    }
  }

  /** Links on which hello is overdue. */
  ungreeted(nowMs: number): readonly GroupLink[] {
    return [...this.links].filter(({ greetByMs }) => greetByMs <= nowMs);
  }

  nextDueMs(): number | null {
    let next = Infinity;
    for (const attendee of this.all) next = Math.min(next, dueMs(attendee));
    for (const { greetByMs } of this.links) next = Math.min(next, greetByMs);
    return next === Infinity ? null : next;
  }

  /**
   * We stood still: whoever closed its link to us meanwhile has the time to come back that it has after our restart.
   * @param delayMs How long, at least: nothing was due before that.
   */
  postpone(delayMs: number, nowMs: number): void {
    for (const link of this.links) link.greetByMs += delayMs;
    for (const attendee of this.all) {
      attendee.cameAtMs += delayMs;
      attendee.heardAtMs += delayMs;
      attendee.silentAtMs = Math.max(attendee.silentAtMs + delayMs, nowMs + RETURN_MS);
      attendee.meetsByMs += delayMs;
      attendee.progressAtMs += delayMs;
      for (const [key, sinceMs] of attendee.unheard) attendee.unheard.set(key, sinceMs + delayMs);
    }
  }
}

/** Its dial may be under way since before we were there: its time runs while somebody waits for it. */
function expectAgain(attendee: Attendee, nowMs: number): void {
  attendee.silentAtMs = nowMs + RETURN_MS;
  attendee.returnByMs = nowMs + RETURN_HEARD_MS;
}

function dueMs({ link, isProbed, silentAtMs }: Attendee): number {
  return link === null || isProbed ? silentAtMs : silentAtMs - PROBE_BEFORE_MS;
}
