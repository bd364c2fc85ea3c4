/**
 * Who is present: the links that are up, and the attendees that have said hello on them; when each was heard, what it
 * says of itself, and when it is taken for gone.
 */

import type { FoldedName, LinkId, PeerKey } from "../../../base/ids.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { graceFor, mostLateMs, Slowness } from "../../../base/machine/slowness.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { type Ballot, compareBallots, type Member, NO_BALLOT } from "../schema/epoch.ts";
import { foldName } from "../../../base/text/names.ts";
import type { HistoryPoint } from "../schema/history.ts";
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
  SILENCES_MAX,
  UNGREETED_LINKS_MAX,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { Views } from "./views.ts";

/** If a deadline is served later than this, we were slow, not the others. */
const LATE_MS = 100;

export interface GroupLink {
  readonly id: LinkId;
  readonly peer: PeerKey;
  readonly process: string;
  /** The address from which the link comes; null: from this machine. */
  readonly host: string | null;
  readonly bucket: TokenBucket;
  readonly fetches: TokenBucket;
  readonly edits: TokenBucket;
  /** When hello is overdue. */
  greetByMs: number;
  /** Whether hello ever came on this link. */
  isGreeted: boolean;
  /** Whether it came with an invite that is void by now: nothing more is heard of it. */
  isUninvited: boolean;
  /** Whether its member is the last one to leave: its goodbye says that it is out, on its disk. */
  isLastOut: boolean;
  /** Set while a process that said hello here, beside another one of the same key, hasn't answered our welcome. */
  successor: Successor | null;
  readonly unknownMessages: UnknownMessages;
}

interface Successor {
  readonly hello: GroupMessageOf<"hello">;
  /** The attendee that takes the other one's place once it answers, if it still can. */
  readonly attendee: Attendee;
}

/**
 * Why an attendee that is present goes: it asked to (`quit`), the operator removed it, it held up the others
 * (`unheard`), or it is to fetch its log anew (`recovering`). It goes when a view without it is decided: until then
 * its say may be needed.
 */
export type Departure = "quit" | "removed" | "unheard" | "recovering";

export interface Attendee {
  readonly key: PeerKey;
  readonly name: string;
  readonly folded: FoldedName;
  /** Of its process. */
  readonly incarnation: Uint8Array;
  /** As the handshake proved it; null: not known yet after our restart, the first one to come with its incarnation. */
  readonly process: string | null;
  /** The address that it gives, or else `seenHost`. */
  readonly host: string | null;
  /** The address from which its link came. */
  readonly seenHost: string | null;
  /** Until when others are told `host` although no member has heard it there. */
  readonly believedUntilMs: number;
  readonly port: number;
  /** Null while it has no link: it was lost a moment ago, or is expected back after our restart. */
  link: LinkId | null;
  /** When the first hello of its process came; after our restart, the first one since. */
  readonly cameAtMs: number;
  heardAtMs: number;
  /** How late it was heard of late. */
  readonly slowness: Slowness;
  /** When it is taken for gone, unless it is heard before; later where all are slow. */
  silentAtMs: number;
  /** After our restart: until when we wait for it as long as others hear it. */
  returnByMs: number;
  /** Whether it was asked for a sign of life once more. */
  isProbed: boolean;
  /** Whether it has been silent for so long that it holds up the others. */
  isHoldingUp: boolean;
  /** When that began of late, each time that it wasn't our own fault; at most `SILENCES_MAX`. */
  readonly silences: number[];
  begun: Ballot;
  promised: Ballot;
  /** The last epoch that had begun for it when it came, whether it has a say or not; none of strangers. */
  lastBegun: Ballot;
  /** The end of its log, as it told last. */
  end: HistoryPoint | null;
  /** Number of the last entry in its log. */
  seq: number;
  /** Keys with which it exchanges datagrams; null until it has told. */
  hears: ReadonlySet<PeerKey> | null;
  /** Other attendees that it doesn't hear, and since when. */
  readonly unheard: Map<PeerKey, number>;
  /**
   * Complaints about it, and its own, don't count before this time; once they do for a process, they do on all its
   * links.
   */
  meetsByMs: number;
  isCaughtUp: boolean;
  /** Once its time to join is over, until it joins again: whether it had caught up; null otherwise. */
  wasCaughtUp: boolean | null;
  /** Since when it is shown as joining, as it is sent the log; null where it isn't. */
  joiningSinceMs: number | null;
  /** Newcomers that it shows as joining. */
  showsJoining: ReadonlySet<PeerKey>;
  /** Members that said goodbye to it. */
  knowsLeft: ReadonlySet<PeerKey>;
  /** Whether it was in a view before, as this process or an earlier one. */
  isKnown: boolean;
  /** Whether that was a view of this group, or it fetches its log anew: then it is said to be back. */
  isBack: boolean;
  /** From whom it fetches the log: null the coordinator, undefined if it wasn't told. */
  source: PeerKey | null | undefined;
  /** When its log last grew. */
  progressAtMs: number;
  /** Sources that have sent it nothing since; at most `MEMBERS_MAX`. */
  readonly fruitless: Set<PeerKey>;
  /** Whether it was last told that it has a say; `awaitedTold` is whom it was told to wait for. */
  hasSayTold: boolean;
  /** Position up to which it knows that the coordinator was told of the entries. */
  told: number;
  awaitedTold: string;
  /** A removed attendee isn't let in again before this time. */
  notBeforeMs: number;
  departure: Departure | null;
}

/** An attendee whose process hasn't said hello yet. */
export function expected(member: Member, nowMs: number): Attendee {
  return {
    ...member,
    folded: foldName(member.name),
    process: null,
    seenHost: member.host,
    believedUntilMs: -Infinity,
    link: null,
    cameAtMs: nowMs,
    heardAtMs: -Infinity,
    slowness: new Slowness(),
    silentAtMs: nowMs + RETURN_MS,
    returnByMs: nowMs + RETURN_HEARD_MS,
    isProbed: false,
    isHoldingUp: true,
    silences: [],
    begun: NO_BALLOT,
    promised: NO_BALLOT,
    lastBegun: NO_BALLOT,
    end: null,
    seq: 0,
    hears: null,
    unheard: new Map(),
    meetsByMs: -Infinity,
    isCaughtUp: false,
    wasCaughtUp: null,
    joiningSinceMs: null,
    showsJoining: new Set(),
    knowsLeft: new Set(),
    isKnown: true,
    isBack: true,
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

/** Whether two records with the same key are of one process: the member wasn't started anew in between. */
export function isSameProcess(
  a: Pick<Member, "incarnation">,
  b: Pick<Member, "incarnation">,
): boolean {
  return a.incarnation.toHex() === b.incarnation.toHex();
}

/** Whether the attendee has no say any more, unless nobody else has. */
export function isExcluded({ departure }: Attendee): boolean {
  return departure !== null && departure !== "quit";
}

/** Whether the attendee is in the present view, or shown as joining it. */
export function isListed(views: Views, { key, joiningSinceMs }: Attendee): boolean {
  return joiningSinceMs !== null || views.isInOpen(key);
}

/**
 * Those whose logs the group goes on with, the newest first, where what the last members had is given up: the others
 * fetch it from them. Whoever held up a change, or wasn't in in time, isn't waited for.
 */
export function outliving(views: Views, here: readonly Attendee[], nowMs: number): Attendee[] {
  return here
    .filter(({ lastBegun, departure, notBeforeMs, wasCaughtUp }) =>
      views.outlives(lastBegun) && departure === null && notBeforeMs <= nowMs &&
      wasCaughtUp === null
    )
    .toSorted((a, b) => compareBallots(b.lastBegun, a.lastBegun));
}

/** The attendee as others are told of it. */
export function memberOf({ key, name, incarnation, host, port }: Attendee): Member {
  return { key, name, incarnation, host, port };
}

export class Attendance {
  /** In the order in which they came. At most those of the open views and those that are joining, see `Places`. */
  readonly #attendees = new Map<PeerKey, Attendee>();
  readonly #links = new Map<LinkId, GroupLink>();

  readonly #holdingUpMs: number;
  #graceMs = 0;
  /** Until when what we sent, questions included, waited for our disk. */
  #heldUpMs = -Infinity;

  /** @param own How late this process comes itself. */
  constructor(readonly failAfterMs: number, readonly own: { readonly lateMs: number }) {
    this.#holdingUpMs = Math.max(failAfterMs / 2, 2 * HEARTBEAT_MS);
  }

  // Links.

  get links(): Iterable<GroupLink> {
    return this.#links.values();
  }

  /** @returns The link that has waited longest for its hello, where there are too many of them; else null. */
  linkUp(
    { link: id, peer, process, host }: {
      readonly link: LinkId;
      readonly peer: PeerKey;
      readonly process: string;
      readonly host: string | null;
    },
    nowMs: number,
  ): GroupLink | null {
    const bucket = new TokenBucket(CONTROL_PER_S, CONTROL_BURST);
    const fetches = new TokenBucket(FETCHES_PER_S, FETCHES_BURST);
    const edits = new TokenBucket(EDIT_MESSAGES_PER_S, EDIT_MESSAGES_BURST);
    const greetByMs = nowMs + HELLO_MS_MAX;
    const unknownMessages = new UnknownMessages();
    const limits = { bucket, fetches, edits, unknownMessages, greetByMs };
    const state = { isGreeted: false, isUninvited: false, isLastOut: false, successor: null };
    this.#links.set(id, { id, peer, process, host, ...limits, ...state });
    // The goodbye of the last member to leave is needed, and mustn't be cut off by anybody who opens links.
    const ungreeted = [...this.#links.values()].filter(({ greetByMs, isLastOut }) =>
      greetByMs < Infinity && !isLastOut
    );
    return ungreeted.length > UNGREETED_LINKS_MAX ? ungreeted[0]! : null;
  }

  link(id: LinkId): GroupLink | null {
    return this.#links.get(id) ?? null;
  }

  /** @returns The attendee that was on this link, and has none now; null where there was none. */
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

  /** The attendee that said hello on this link, and hasn't been sent away or come by another link since. */
  on(id: LinkId): Attendee | null {
    const link = this.#links.get(id);
    const attendee = link === undefined ? undefined : this.#attendees.get(link.peer);
    return attendee?.link === id ? attendee : null;
  }

  /** Another attendee that is present under this name; null where there is none. */
  namesake(own: PeerKey, name: FoldedName): Attendee | null {
    return this.here.find(({ key, folded }) => key !== own && folded === name) ?? null;
  }

  /** Whether anybody is present, or may be back in a moment. */
  get isAnybodyAwaited(): boolean {
    return this.#attendees.size > 0;
  }

  /** Whether one of these isn't here, and may be back at any moment: it still has time. */
  mayReturn(members: readonly Pick<Attendee, "key">[]): boolean {
    return members.some(({ key }) => this.get(key)?.link === null);
  }

  /** Attendees with a link. */
  get here(): readonly Attendee[] {
    return [...this.all].filter(({ link }) => link !== null);
  }

  /** Adds an attendee, in place of the one with the same key. */
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
    const { heardAtMs } = attendee;
    const askedMs = Math.max(heardAtMs + HEARTBEAT_MS, this.#heldUpMs);
    if (heardAtMs > -Infinity) attendee.slowness.came(nowMs - askedMs, nowMs);
    attendee.heardAtMs = nowMs;
    attendee.silentAtMs = nowMs + this.failAfterMs;
    attendee.isProbed = attendee.isHoldingUp = false;
  }

  // Time.

  /**
   * How much longer than otherwise attendees may take, ms: most of them are slow, or we are. What one alone says late
   * counts for nobody.
   */
  get graceMs(): number {
    return this.#graceMs;
  }

  #measureGrace(): void {
    const most = mostLateMs(this.here.map(({ slowness }) => slowness));
    this.#graceMs = graceFor(Math.max(most, this.own.lateMs));
  }

  #dueMs({ link, isProbed, silentAtMs }: Attendee): number {
    const dueMs = link === null || isProbed ? silentAtMs : silentAtMs - PROBE_BEFORE_MS;
    return dueMs + this.#graceMs;
  }

  /**
   * Attendees that are silent, and those to be asked once more before they are. None counts as silent without having
   * been asked, or where our own tick comes late: its answer may be waiting behind.
   * @param isHurried Whether the others can't go on until it is back or gone.
   * @param isHeldUp Whether what we send, questions included, waits for our own disk: until it is sent nobody is
   * silent.
   */
  takeDue(
    nowMs: number,
    isHurried: boolean,
    isHeldUp: boolean,
  ): { readonly silent: readonly Attendee[]; readonly probe: readonly Attendee[] } {
    const silent: Attendee[] = [];
    const probe: Attendee[] = [];
    this.#measureGrace();
    const isAnybodyHere = this.here.length > 0;
    for (const attendee of this.all) {
      this.#noteSilence(attendee, nowMs, isHeldUp);
      const lateMs = nowMs - this.#dueMs(attendee);
      if (lateMs < 0) continue;
      if (isHeldUp) {
        // An attendee that closes its link to us meanwhile comes back, as after a restart.
        attendee.isProbed = false;
        attendee.silentAtMs = nowMs + (attendee.link === null ? RETURN_MS : 2 * PROBE_BEFORE_MS);
        continue;
      }
      if (!isAnybodyHere && attendee.returnByMs > -Infinity) {
        expectAgain(attendee, nowMs); // nobody is held up by it
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

  #noteSilence(attendee: Attendee, nowMs: number, isHeldUp: boolean): void {
    const lateMs = nowMs - this.#holdsUpAtMs(attendee);
    if (lateMs < 0) return;
    attendee.isHoldingUp = true;
    const { here } = this;
    const silent = here.filter(({ heardAtMs }) => nowMs - heardAtMs >= this.#holdingUpMs);
    // Where most are silent, it is our own network that fails.
    if (isHeldUp || lateMs > LATE_MS || 2 * silent.length > here.length) return;
    attendee.silences.push(nowMs);
    if (attendee.silences.length > SILENCES_MAX) attendee.silences.shift();
  }

  #holdsUpAtMs({ isHoldingUp, heardAtMs }: Attendee): number {
    return isHoldingUp ? Infinity : heardAtMs + this.#holdingUpMs + this.#graceMs;
  }

  /** How often the attendee fell silent of late, each time for less than `--fail-after`. */
  silencesOf({ silences }: Attendee, nowMs: number): number {
    const sinceMs = nowMs - 2 * SILENCES_MAX * this.failAfterMs;
    while (silences.length > 0 && silences[0]! <= sinceMs) silences.shift();
    return silences.length;
  }

  #isHeard({ key }: Attendee): boolean {
    return this.here.some(({ hears }) => hears?.has(key) === true);
  }

  /** What we have sent goes out only now. */
  wasHeldUp(nowMs: number): void {
    this.#heldUpMs = nowMs;
  }

  /**
   * Our disk delayed everything we had to send for so long that some attendees took us for gone: they are on their
   * way back. The others answer only now.
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

  nextMs(): number | null {
    let next = Infinity;
    for (const attendee of this.all) {
      next = Math.min(next, this.#dueMs(attendee), this.#holdsUpAtMs(attendee));
    }
    for (const { greetByMs } of this.links) next = Math.min(next, greetByMs);
    return next === Infinity ? null : next;
  }

  /**
   * We stood still: attendees that closed their links to us meanwhile have as much time to come back as after our
   * restart.
   */
  awoke(nowMs: number): void {
    for (const attendee of this.all) {
      attendee.silentAtMs = Math.max(attendee.silentAtMs, nowMs + RETURN_MS);
    }
  }
}

/** Its dial may have begun before we were there: its time runs only while somebody waits for it. */
function expectAgain(attendee: Attendee, nowMs: number): void {
  attendee.silentAtMs = nowMs + RETURN_MS;
  attendee.returnByMs = nowMs + RETURN_HEARD_MS;
}
