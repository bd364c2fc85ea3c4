/**
 * What the user sees of a room: turns what happens into events, under the names that are shown here.
 * Events from before `ready` are held back until it.
 */

import { finder, saidBefore } from "../../../base/text/search.ts";
import type { EffectOf } from "../../../base/machine/machine.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import { dateText } from "../../../base/text/words.ts";
import { type ErrorCode, P2pchatError } from "../../../base/errors.ts";
import { isLinkLocal, isLoopback } from "../../../base/text/endpoints.ts";
import {
  fingerprintFault,
  fingerprintOf,
  parseFingerprint,
} from "../../../base/text/fingerprint.ts";
import {
  type BundleId,
  type ClaimId,
  distinctEndpoints,
  type Endpoint,
  endpointText,
  type MessageId,
  NO_ADDRESS,
  type PeerKey,
} from "../../../base/ids.ts";
import type { Conversation, KeyChange, VerifyCommand } from "../../../base/machine/mode_machine.ts";
import { unsentEvent } from "../../../base/machine/mode_output.ts";
import {
  acceptedText,
  didYouMeanName,
  isYouText,
  noOtherKeyText,
} from "../../../base/trust/name_answers.ts";
import { isPlainName, isSameName, shownName, withoutMark } from "../../../base/text/names.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type {
  HistoryMessage,
  MeshCommand,
  MeshEvent,
  MessageEvent,
  PeerStatus,
  PeerView,
} from "../schema/events.ts";
import type { AskedInvite } from "../authority/secrets_io.ts";
import type { HistoryEntry } from "../log/order_io.ts";
import { type ClaimedRotation, encodeInvite, type RoomSecret } from "../schema/rotations.ts";
import type { NamesEffect } from "../names/names_io.ts";
import type { Waiting } from "../private/private_messages_io.ts";
import { type OfRemoved, PrivateView } from "../private/private_view.ts";
import { INVITE_ADDRESSES_MAX, KEPT_MESSAGES_MAX } from "../schema/limits.ts";
import type { RoomConfig, RoomLinks } from "./room_io.ts";
import type { RoomOutput } from "./room_output.ts";
import { type RulingFacts, RulingsView } from "./rulings_view.ts";
import type { LeaveReason, RosterEffect } from "../roster/roster_io.ts";
import { type Presence, presenceOf, shownPresence } from "../../../base/machine/user_presence.ts";
import type { Beacon } from "../schema/structures.ts";
import { meetingPlace } from "../../../base/text/meeting_address.ts";
import type { MeetingPointNews } from "../schema/mesh_io.ts";
import { PresenceNews } from "../../../base/machine/presence_news.ts";

/** A delivered text on its way to the user. */
export interface DeliveredText {
  readonly id: MessageId;
  readonly author: PeerKey;
  readonly claim: ClaimId;
  readonly text: string;
  /** The author's wall clock, ms. */
  readonly sentAt: number;
  readonly history: boolean;
  /** The bundle it belongs to. */
  readonly through: BundleId;
}

/** A live member other than oneself. */
export interface LiveMember {
  readonly key: PeerKey;
  readonly beacon: Presence & Pick<Beacon, "endpoint"> & Partial<Pick<Beacon, "meeting">>;
  readonly suspected: boolean;
  /** Monotonic time of the last sign of life; null for none yet. */
  readonly heardMs: number | null;
}

/** The `ref` that the user gave with the command that an event answers. */
type Ref = string | undefined;

/** What the view asks the machines of the room. */
export interface RoomFacts extends RulingFacts {
  /** Live members, oneself not among them, in the order of their shown names. */
  live(): readonly LiveMember[];
  ownEndpoint(): Endpoint | null;
  ownPresence(): Presence;
  /** Members that were lost while we were here, and may come back. */
  lost(): readonly PeerKey[];
  /** The key known by this name, whether its owner is here or not: whom `/trust` or `/msg` with this name means. */
  strangerNamed(name: string): PeerKey | null;
  /** The names of all that `strangerNamed` finds. */
  knownNames(): readonly string[];
  /** The name as its owner spelled it when we met, however the user types it. */
  nameAsMet(typed: string): string;
  /** The other key that the user knows by the name that `key` has now; null where there is none. */
  knownInstead(key: PeerKey): PeerKey | null;
  /** Whether the user has refused this key for the name that it has now. */
  isRefused(key: PeerKey): boolean;
  /** How a member is called by the start of its key, whatever it is shown as. */
  calledApart(key: PeerKey): string;
  /** The name that a claim claims; null where the claim isn't known any more. */
  claimedName(claim: ClaimId): string | null;
  history(count: number): readonly HistoryEntry[];
  messages(): number;
}

export interface StatusFacts {
  readonly nowMs: number;
  readonly direct: ReadonlySet<PeerKey>;
  readonly unsent: number;
  readonly waiting: readonly Waiting[];
  /** Whether this member is known to have everything that we wrote. */
  readonly upToDate: (peer: PeerKey) => boolean;
  /** Neighbours from which we are fetching. */
  readonly sources: ReadonlySet<PeerKey>;
  readonly pausedBecause: string | null;
}

const DISK_PROBLEM =
  "cannot write to the disk: incoming messages are shown but not saved, and what you type isn't sent";

const ISOLATED_PROBLEM = "no link to any other member; trying those who were here: check this " +
  "machine's network, or start again with the address of somebody who is there";

/** What a user does to the member of a name, as the sentences say that refuse it. */
interface Act {
  readonly command: "msg" | "remove" | "deputy";
  /** `Cannot ...`. */
  readonly cannot: (name: string) => string;
  /** Whether it can be done to a key that isn't the known one, if the start of that key is named. */
  readonly isExact: boolean;
  /** For which purpose this key is named, or trusted. */
  readonly onto: string;
  /** The command for the one of this name. */
  readonly way: (name: string) => string;
}

const WRITING: Act = {
  command: "msg",
  cannot: (name) => `write to ${name} alone`,
  isExact: false,
  onto: "to write to this one",
  way: (name) => `/msg ${name} TEXT`,
};

const ACTS: Readonly<Record<"remove" | "deputy" | "no-deputy", Act>> = {
  "remove": {
    command: "remove",
    cannot: (name) => `remove ${name} by that name`,
    isExact: true,
    onto: "to remove this one",
    way: (name) => `/remove ${name}`,
  },
  "deputy": {
    command: "deputy",
    cannot: (name) => `make ${name} a deputy`,
    isExact: false,
    onto: "to mean this one",
    way: (name) => `/deputy ${name}`,
  },
  "no-deputy": {
    command: "deputy",
    cannot: (name) => `end that by the name ${name}`,
    isExact: true,
    onto: "for this one",
    way: (name) => `/deputy ${name} --end`,
  },
};

/** With more, the first ones may be told of again. */
const COPIED_MAX = 1_024;
/** Limits the warnings of proven lies: with more, a user would read nothing else. Further proofs are only counted. */
const PROOFS_TOLD_PER_SECOND = 0.1;
const PROOFS_TOLD_BURST = 16;
/** After warnings of so many authors the list of those warned of is cleared, and warnings begin anew. */
const STRANGERS_WARNED_MAX = 1_024;
/** How many of those who were removed an error names. */
const REMOVED_NAMED_MAX = 8;
/** Among so many of the latest messages a status looks for one's own. */
const LATEST_MAX = 100;
/** Of what was said, so much is looked through and made in one go for an answer: 16 MiB of the longest take 10 ms. */
const MADE_AT_ONCE = 256;
/** How many lost members a status names. */
const LOST_NAMED_MAX = 5;

export class RoomEvents {
  /** Who was here when the user was told that we have no link to anybody; null where we have one. */
  #apartFrom: ReadonlySet<PeerKey> | null = null;
  #isInviteVoid = false;
  /** Our endpoint, where it is known that nobody can dial it; else null. */
  #unreachableAt: Endpoint | null = null;
  /** Where others have come in then, as they say, if third ones could do so, too. */
  #foundAt: Endpoint | null = null;
  /** Where others reach us through a meeting point; null: nowhere. */
  #meeting: Endpoint | null = null;
  /** How things stand with it; null where there is none. */
  #meetingPoint: Pick<MeetingPointNews, "point" | "state" | "reason"> | null = null;
  /** Whether the last write to the disk failed. */
  #diskRefuses = false;
  /** Whether the user was told that incoming messages aren't kept: once, not for each message. */
  #toldNotKept = false;
  /** Authors that the user was warned of. */
  readonly #strangers = new Set<PeerKey>();
  /** Proven liars that the user wasn't warned of yet: one of them (a member, if any of them is one), and how many. */
  #proven: { readonly author: PeerKey; readonly count: number } | null = null;
  /** Keys of copied profiles of which the user was warned; at most `COPIED_MAX`. */
  readonly #copied = new Set<PeerKey>();
  readonly #presences = new PresenceNews<PeerKey>((key, presence) =>
    this.#showPresence(key, presence, undefined)
  );
  readonly #proofsTold = new TokenBucket(PROOFS_TOLD_PER_SECOND, PROOFS_TOLD_BURST);
  /** How many messages of each author were skipped in this step. */
  readonly #missed = new Map<PeerKey, number>();
  readonly privateMessages: PrivateView;
  readonly rulings: RulingsView;

  constructor(
    readonly config: RoomConfig,
    readonly self: PeerKey,
    readonly facts: RoomFacts,
    readonly out: Pick<RoomOutput, "isOpen" | "open" | "screen" | "screenFirst">,
    readonly links: Pick<RoomLinks, "fatal">,
  ) {
    this.privateMessages = new PrivateView(
      facts,
      (from) => this.#ofRemoved(from),
      (event, ref) => this.#show(event, ref),
      config.forgets === true,
    );
    this.rulings = new RulingsView(
      self,
      config,
      facts,
      (event, ref) => this.#show(event, ref),
    );
  }

  get ready(): boolean {
    return this.out.isOpen;
  }

  /** Whether the user was told that no other member is linked with us. */
  get isIsolated(): boolean {
    return this.#apartFrom !== null;
  }

  becomeReady(): void {
    if (this.ready) return;
    const { room, passive, genesis } = this.config;
    const isPrivate = genesis.genesis.value.private;
    const event = {
      event: "ready",
      command: "mesh",
      name: this.#name(this.self),
      ...this.#ownAddress(),
      key: fingerprintOf(this.self),
      room,
      ...(passive ? { passive } : {}),
      ...(isPrivate ? { private: isPrivate } : {}),
    } as const;
    this.out.open({ type: "show", event, ref: undefined });
  }

  /** The program ends for this reason: a user who wasn't told of being in the room isn't told so any more. */
  fatal(code: "name-taken" | "replaced" | "kicked", text: string): void {
    this.links.fatal(code, text);
  }

  joined(key: PeerKey, beacon: LiveMember["beacon"], present: boolean): void {
    const member = { name: this.#name(key), key: fingerprintOf(key), ...dialled(beacon.endpoint) };
    const more = { ...this.rulings.roleOf(key), ...shownPresence(beacon) };
    const joined = { event: "joined", ...member, ...more } as const;
    this.#presences.set(key, presenceOf(beacon));
    this.#show(present ? { ...joined, present } : joined);
  }

  presence({ key, presence, ref }: EffectOf<RosterEffect, "presence">, nowMs: number): void {
    if (key !== this.self) return this.#presences.change(key, presence, nowMs);
    this.#showPresence(key, presence, ref);
  }

  #showPresence(key: PeerKey, presence: Presence, ref: Ref): void {
    const self = key === this.self;
    const member = { name: this.#name(key), key: fingerprintOf(key), self };
    this.#show({ event: "presence", ...member, ...shownPresence(presence) }, ref);
  }

  left(key: PeerKey, reason: LeaveReason, silentMs?: number): void {
    this.#presences.left(key);
    const left = { event: "left", name: this.#name(key), key: fingerprintOf(key), reason } as const;
    this.#show(silentMs === undefined ? left : { ...left, silentMs: Math.round(silentMs) });
  }

  renamed(
    { key, from, name, lostTo }: EffectOf<NamesEffect, "renamed">,
    ref: string | undefined,
  ): void {
    this.#show({
      event: "renamed",
      key: fingerprintOf(key),
      from,
      name,
      ...(key === this.self ? { self: true } : {}),
      ...(lostTo === undefined ? {} : { lostTo }),
    }, ref);
  }

  message(message: DeliveredText, ref: string | undefined): void {
    const claimed = this.#claimed(message.claim, message.author);
    const shown = this.facts.authorName(message.author, claimed);
    if (shown !== claimed) this.#warnOfStranger(message.author, claimed, shown);
    this.#show({
      event: "message",
      id: message.id,
      from: claimed,
      shown,
      key: fingerprintOf(message.author),
      text: message.text,
      self: message.author === this.self,
      private: false,
      history: message.history,
      sentAt: dateText(message.sentAt),
      ...this.#ofRemoved(message.author),
    }, ref);
  }

  /** A message that comes to us now isn't live where its author is removed: somebody else brings it. */
  #ofRemoved(author: PeerKey): OfRemoved {
    return this.config.rulings.isRemoved(author) ? { history: true, removed: true } : {};
  }

  /** Warns, once for each author, that one who isn't here wrote under a name that another key has used. */
  #warnOfStranger(author: PeerKey, claimed: string, shown: string): void {
    const isHere = this.facts.shownName(author) !== null;
    if (isHere || this.#strangers.has(author)) return;
    this.#strangers.add(author);
    if (this.#strangers.size > STRANGERS_WARNED_MAX) this.#strangers.clear();
    this.#warn(
      `Several keys have used the name ${shownName(claimed)}; these messages are signed with ` +
        `${fingerprintOf(author)}, and shown as ${shownName(shown)}`,
    );
  }

  /**
   * Shows a newcomer the last `count` messages from before it joined, and all that arrived since (`held`), merged in
   * room order, so that no answer comes before its question.
   */
  arrival(count: number, held: readonly DeliveredText[], refOf: (id: MessageId) => Ref): void {
    const kept = this.facts.history(KEPT_MESSAGES_MAX);
    const keptIds = new Set(kept.map(({ id }) => id));
    // `held` may have a message twice, as an earlier process held it too: the map has each id once.
    const news = new Map(held.map((message) => [message.id, message]));
    for (const message of news.values()) {
      if (keptIds.has(message.id)) continue;
      // No longer kept, though new here. Shown first: kept messages may answer it, and it answers none of them.
      news.delete(message.id);
      this.message(message, refOf(message.id));
    }
    let before = kept.length - news.size - count;
    for (const entry of kept) {
      const message = news.get(entry.id);
      if (message !== undefined) this.message(message, refOf(message.id));
      else if (before-- <= 0 && count > 0) this.#earlier(entry);
    }
  }

  /**
   * Shows a member that is back the last `count` messages that an earlier process showed: all but `unshown`. It comes
   * before all that is new, also before who was found here meanwhile.
   */
  shownAgain(count: number, unshown: ReadonlySet<MessageId>): void {
    const shown = this.facts.history(count + unshown.size).filter(({ id }) => !unshown.has(id));
    const messages = shown.slice(-count).map((one) => this.#again(one));
    this.out.screenFirst({ type: "show", event: { event: "returned", messages }, ref: undefined });
  }

  #earlier(entry: HistoryEntry): void {
    this.#show(this.#again(entry));
  }

  /** The message to be shown, as one of the history. */
  #again(entry: HistoryEntry): MessageEvent {
    const message = this.#historyMessage(entry);
    const { from, shown } = message;
    if (shown !== from) this.#warnOfStranger(entry.author, from, shown);
    return {
      event: "message",
      ...message,
      self: entry.author === this.self,
      private: false,
      history: true,
    };
  }

  /** Counts skipped messages for one notice in `stepEnds`: an author may have many streams, with a gap in each. */
  skipped(author: PeerKey, messages: number): void {
    this.#missed.set(author, (this.#missed.get(author) ?? 0) + messages);
  }

  stepEnds(nowMs: number): void {
    this.#presences.tick(nowMs);
    if (this.#proven !== null && this.#proofsTold.take(nowMs)) this.#tellProven(this.#proven);
    if (this.#missed.size === 0) return;
    const names = this.#speakerNames([...this.#missed.keys()]);
    for (const [author, messages] of this.#missed) this.#tellMissed(names.get(author)!, messages);
    this.#missed.clear();
  }

  #tellMissed(from: string, messages: number): void {
    const count = messages === 1 ? "1 message" : `${messages} messages`;
    this.notice(`Missed ${count} from ${shownName(from)}: nobody here keeps them any more`);
  }

  /** Names of authors. One that has left is named as in `/history`, which is searched once for all of them. */
  #speakerNames(authors: readonly PeerKey[]): ReadonlyMap<PeerKey, string> {
    const names = new Map<PeerKey, string>();
    const gone = new Set<PeerKey>();
    for (const author of authors) {
      const shown = this.facts.shownName(author);
      if (shown === null) gone.add(author);
      names.set(author, shown ?? fingerprintOf(author));
    }
    if (gone.size === 0) return names;
    for (const entry of this.facts.history(KEPT_MESSAGES_MAX)) {
      if (gone.has(entry.author)) names.set(entry.author, this.#authorName(entry));
    }
    return names;
  }

  /** Two processes with this key say that they are one; the user is warned once. */
  copied(key: PeerKey, nowMs: number): void {
    if (this.#copied.has(key) || !this.#proofsTold.take(nowMs)) return;
    this.#copied.add(key);
    dropOldest(this.#copied, COPIED_MAX);
    const name = this.#written(key);
    this.#warn(
      `Two programs with ${name}'s key say that they are one: somebody has a copy of ${name}'s profile. This program ` +
        `believes the one that it heard of first, and nobody can tell which of the two is ${name}`,
    );
  }

  /** Counts a proven liar for the warning in `stepEnds`, which is rate limited: made-up authors cost nothing. */
  equivocated(author: PeerKey): void {
    const known = this.#proven?.author;
    const isKnownHere = known !== undefined && this.facts.shownName(known) !== null;
    const isOwn = author === this.self;
    const count = (this.#proven?.count ?? 0) + 1;
    this.#proven = { author: isKnownHere && !isOwn ? known : author, count };
  }

  #tellProven({ author, count }: { readonly author: PeerKey; readonly count: number }): void {
    this.#proven = null;
    if (author === this.self) {
      return this.#warn(
        "Different versions of one message were provably sent with your key: a copy of this profile is in use, " +
          "or the key was stolen",
      );
    }
    const name = this.#written(author);
    const isOne = count === 1;
    const who = isOne ? `${name} has` : `${name} and ${count - 1} more have each`;
    this.#warn(
      `${who} provably sent different versions of the same message; ` +
        `don't rely on what comes from ${isOne ? name : "them"}`,
    );
  }

  pinContested(contest: EffectOf<NamesEffect, "pin-contested">): void {
    const [key, before] = [fingerprintOf(contest.key), fingerprintOf(contest.pinned)];
    const [name, known] = [shownName(contest.name), shownName(contest.known)];
    this.#warn(
      `${name} is now the member with key ${key}, who claims to have had the name first; ` +
        `you know ${known} with key ${before}, who is shown under another name; ` +
        `no private message goes to ${name} until /trust ${name}`,
      { name: contest.name, key, before },
    );
  }

  keyChanged(change: EffectOf<NamesEffect, "key-changed">): void {
    const { pinned } = change;
    const [name, known] = [shownName(change.name), shownName(change.known)];
    const shown = shownName(change.shown);
    const key = fingerprintOf(change.key);
    const before = pinned === undefined ? {} : { before: fingerprintOf(pinned) };
    const but = before.before === undefined
      ? "whose digits you found to be different"
      : `but you know ${known} with key ${before.before}`;
    this.#warn(
      `${shown} uses the name ${name} with key ${key}, ${but}; shown as ${shown} until /trust ${shown}`,
      { name: change.name, shown: change.shown, key, ...before },
    );
  }

  nameLost(winner: string, shown: string): void {
    this.error(
      "name-taken",
      `The name ${shownName(winner)} belongs to somebody who had it first; you are shown as ` +
        `${shownName(shown)}: ` +
        `choose another one with /name NEW`,
      undefined,
    );
  }

  /**
   * @param typed The name that the user typed for this key.
   * @param isNew Whether there was something to accept.
   */
  trusted(key: PeerKey, typed: string, isNew: boolean, ref: string | undefined): void {
    const name = shownName(this.#nameGiven(key, typed));
    this.notice(isNew ? acceptedText(name, fingerprintOf(key)) : noOtherKeyText(name), ref);
  }

  /** We have no link to any other member. */
  isolated(): void {
    if (this.isIsolated) return;
    this.#apartFrom = new Set(this.facts.live().map(({ key }) => key));
    this.#warn("No link to any other member; trying those who were here");
  }

  /** We have links, to these. Of somebody new it is said already that they came. */
  linked(peers: readonly PeerKey[]): void {
    const apartFrom = this.#apartFrom;
    if (apartFrom === null) return;
    this.#apartFrom = null;
    const back = peers.find((peer) => apartFrom.has(peer));
    if (back !== undefined && this.ready) this.notice(`Linked with ${this.#written(back)} again`);
  }

  /** A member doesn't let us in any more: the invite with which we came doesn't count. Told once. */
  inviteVoid(by: PeerKey): void {
    if (this.#isInviteVoid) return;
    this.#isInviteVoid = true;
    this.#warn(
      `${
        this.#written(by)
      } doesn't let you in any more: your invite has been revoked; ask a member for another ` +
        "(/invite shows it), and start again with --invite",
    );
  }

  /** @param ownLine Whether the write was for a line of the user's own, each of which gets an answer elsewhere. */
  diskRefused(text: string, ownLine: boolean): void {
    this.#diskRefuses = true;
    if (ownLine || this.#toldNotKept) return;
    this.#toldNotKept = true;
    this.error(
      "disk",
      `${text}; until then incoming messages are shown but not saved, and you are told when saving works again`,
      undefined,
    );
  }

  diskRestored(): void {
    if (!this.#diskRefuses) return;
    this.#diskRefuses = false;
    this.#toldNotKept = false;
    this.notice(
      "Writing to the disk works again: messages received meanwhile are saved now",
    );
  }

  /**
   * The endpoints at which others can join: ours, if any, then those of neighbours.
   * @param neighbours Endpoints at which neighbours can be dialled.
   */
  entrances(neighbours: readonly Endpoint[]): readonly Endpoint[] {
    const own = this.#foundAt ?? this.#ownAddress();
    const meeting = this.#meeting === null ? [] : [this.#meeting];
    return distinctEndpoints([...(own.host === "" ? [] : [own]), ...meeting, ...neighbours]);
  }

  /** How things stand with our meeting point. */
  meetingPoint({ point, state, reason, address }: MeetingPointNews): void {
    this.#meetingPoint = { point, state, reason };
    if (address !== null) this.#meeting = address;
    const event = { event: "meeting-point", point, state } as const;
    this.#show(reason === null ? event : { ...event, reason });
  }

  /** Reports that no endpoint is known at which others can join: an invite would lead nowhere. */
  noEntrance(rotate: boolean, ref: string | undefined): void {
    const what = rotate ? "rotate the invite, and the one before still counts" : "make an invite";
    const text = `Cannot ${what}: neither you nor your neighbours can be dialled; ask another ` +
      "member" +
      (this.config.passive
        ? ", or start again without --passive"
        : ", or start again with --advertise and an address at which they can");
    this.error("offline", text, ref);
  }

  /**
   * Shows the invite, and the command with which others join.
   * @param secret Null in an open room.
   */
  invite(
    secret: RoomSecret | null,
    endpoints: readonly Endpoint[],
    { as, ref }: AskedInvite,
  ): void {
    const [first] = endpoints;
    if (first === undefined) return this.noEntrance(false, ref);
    const invite = encodeInvite({
      room: this.config.room,
      secret,
      endpoints: endpoints.slice(0, INVITE_ADDRESSES_MAX),
    });
    // Who can't dial that one needs the others, which the invite has.
    const isEnough = secret === null && endpoints.every((each) => meetingPlace(each) === null);
    const how = isEnough ? `${first.host} ${first.port}` : `--invite`;
    const line = `p2pchat mesh NAME ${how}`;
    this.#show({ event: "invite", invite, line, ...(as === undefined ? {} : { as }) }, ref);
  }

  /**
   * Says of an invite that was just shown whom it doesn't lead here, as a meeting point isn't there.
   * @param endpoints The addresses in it, and perhaps more.
   * @param cameThrough The meeting point through which we came, HOST:PORT; null: none.
   */
  pointOfInvite(
    endpoints: readonly Endpoint[],
    as: AskedInvite["as"],
    cameThrough: string | null,
  ): void {
    if (this.#meetingPoint?.state === "away") {
      const { point, reason } = this.#meetingPoint;
      const why = reason === null ? "" : `: ${reason}`;
      const who = as?.startsWith("words")
        ? "nobody finds the code there"
        : "nobody comes in through it";
      return this.#warn(`The meeting point at ${point} is away${why}. Until it is back, ${who}`);
    }
    const isMet = endpoints.some((each) => meetingPlace(each) !== null);
    if (this.#meetingPoint !== null || cameThrough === null || isMet) return;
    this.#warn(
      `You came through the meeting point at ${cameThrough}, where neither you nor anybody beside ` +
        "you is met now: only those who can dial you come in by this. Start again with --meet " +
        `${cameThrough} to be met there yourself`,
    );
  }

  /** @param overOwn Whether it voids the invite that our user has just made. */
  secretChanged({ rotation, claim }: ClaimedRotation, overOwn: boolean): void {
    const { author, stays } = rotation.rotation.value;
    // Of a removal it was told already that older invites admit nobody, and no invite is shown unasked.
    const rest = stays === null
      ? ": older invites no longer admit newcomers; members can still come back"
      : "; members who weren't removed can still come back";
    if (author === this.self) {
      const invite = stays === null
        ? "This is the room's invite from now on"
        : "There is a new invite, which /invite shows";
      return this.notice(`${invite}${rest}`);
    }
    const name = shownName(this.facts.authorName(author, claim.claim.value.name));
    const isHere = this.facts.shownName(author) !== null;
    const by = isHere ? name : `${name}, who isn't here, with key ${fingerprintOf(author)},`;
    if (!overOwn) {
      return this.notice(`${by} has made a new invite, which /invite shows${rest}`);
    }
    this.#warn(
      `The invite that you have made is void: ${by} made another one at the same time, and only ` +
        "that one counts; /invite shows it, give it to those who have yours",
    );
  }

  /** How to write the name of a key that the user has named as `typed`. */
  nameOf(key: PeerKey, typed: string): string {
    return shownName(this.#nameGiven(key, typed));
  }

  /** @param before The address that this machine had; null where it still has it. */
  moved(endpoint: Endpoint, before: string | null): void {
    this.#unreachableAt = this.#foundAt = null;
    this.notice(
      before === null
        ? `Your address has changed: others find you at ${endpointText(endpoint)} now`
        : `This machine's address is now ${endpoint.host} (it was ${before})`,
    );
  }

  /**
   * Others can't dial us at `endpoint`; or they can, which is reported only after the former.
   * @param elsewhere Where who is here has dialled us instead; null where that isn't known.
   */
  reachable(endpoint: Endpoint, isReachable: boolean, elsewhere: Endpoint | null): void {
    this.#unreachableAt = isReachable ? null : endpoint;
    const isForOthers = !isReachable && elsewhere !== null && !isLoopback(elsewhere.host) &&
      !isLinkLocal(elsewhere.host);
    this.#foundAt = isForOthers ? elsewhere : null;
    const address = endpointText(endpoint);
    if (isReachable) return this.notice(`Others can dial you at ${address} now`);
    const found = this.#foundAt === null ? null : endpointText(this.#foundAt);
    if (this.#meeting !== null && found === null) {
      const { point } = this.#meetingPoint!;
      return this.notice(
        `Nobody can dial you at ${address}: others reach you through the meeting point at ${point}`,
      );
    }
    this.#warn(
      `Nobody can dial you at ${address}: ` +
        (found === null
          ? "you are in the room, but nobody can join through you; open that port in the firewall, or forward it " +
            "and start with --advertise"
          : `a member came in at ${found}; start with --advertise ${found}, and others find you there`),
    );
  }

  notice(text: string, ref?: string): void {
    this.#show({ event: "notice", text }, ref);
  }

  #warn(text: string, changed?: KeyChange): void {
    const more = changed === undefined ? {} : { changed };
    this.#show({ event: "notice", text, warning: true, ...more });
  }

  unsent(reason: string, ref: string | undefined): void {
    this.#show(unsentEvent(reason), ref);
  }

  error(code: ErrorCode, text: string, ref: string | undefined): void {
    this.#show({ event: "error", code, text }, ref);
  }

  /**
   * Whose digits are compared: a live member, or for a `no` also one who isn't here; null where nobody is known.
   * @throws {P2pchatError} `unknown-user` for the user; `offline`.
   */
  compared(
    { name, answer }: VerifyCommand,
  ): { readonly name: string; readonly key: PeerKey } | null {
    const key = this.facts.strangerNamed(name);
    if (key === null) return null;
    if (key === this.self) {
      throw new P2pchatError("unknown-user", isYouText("verify", shownName(name)));
    }
    const shown = this.#nameGiven(key, name);
    if (answer !== "no" && !this.facts.isListed(key)) throw notHere(shown);
    return { name: shown, key };
  }

  /**
   * The receiver of a private message, whether here or not.
   * @throws {P2pchatError} `unknown-user`, if nobody is known under this name; `key-changed`, if the name belonged to
   *   another key until now.
   */
  receiver(name: string): { readonly to: PeerKey; readonly name: string } {
    const to = this.facts.strangerNamed(name);
    if (to === null) {
      throw this.unknownUser(name, "; you can't write to people who left before you joined");
    }
    if (to === this.self) {
      throw new P2pchatError("unknown-user", "Cannot write to yourself: name another member");
    }
    this.#checkKey(to, WRITING);
    return { to, name: this.#nameGiven(to, name) };
  }

  /** @throws {P2pchatError} `unknown-user`, if nobody is known under this name. */
  stranger(name: string, command: "trust" | "allow" | Act["command"] = "trust"): PeerKey {
    const key = this.facts.strangerNamed(name);
    if (key === null) throw this.unknownUser(name);
    if (key === this.self) {
      const text = command === "trust"
        ? isYouText(command, shownName(name))
        : `${shownName(name)} is you: /${command} somebody else`;
      throw new P2pchatError("unknown-user", text);
    }
    return key;
  }

  /**
   * Somebody who isn't removed, of whom the ruling says so.
   * @throws {P2pchatError} `unknown-user`, with the names of those who are.
   */
  notRemoved(name: string): PeerKey {
    const isKey = fingerprintFault(name) === null;
    if (!isKey && this.facts.strangerNamed(name) !== null) return this.stranger(name, "allow");
    const removed = this.rulings.removed();
    const names = removed.slice(0, REMOVED_NAMED_MAX).map((one) => shownName(one.name)).join(", ");
    const more = removed.length > REMOVED_NAMED_MAX ? "; /peers lists all" : "";
    const text = removed.length === 0 ? "nobody is removed" : `these were removed: ${names}${more}`;
    throw new P2pchatError("unknown-user", `Cannot allow ${shownName(name)}: ${text}`);
  }

  /**
   * Whom a ruling is about. An office goes to nobody to whom nothing private would go; all else needs only be meant: a
   * plain name doesn't mean a key that isn't the one known by it, the name with the start of the key does.
   * @throws {P2pchatError} As `stranger`; `key-changed`, if the name belonged to another key until now.
   */
  subject(kind: "remove" | "deputy" | "no-deputy", typed: string): PeerKey {
    const act = ACTS[kind];
    const key = this.stranger(typed, act.command);
    if (kind === "deputy" || isPlainName(typed)) this.#checkKey(key, act);
    return key;
  }

  /** @throws {P2pchatError} `key-changed`, if the name belonged to another key until now. */
  #checkKey(key: PeerKey, { cannot, isExact, onto, way }: Act): void {
    const known = this.facts.knownInstead(key);
    const name = this.#written(key);
    const exact = (): string => way(shownName(this.facts.calledApart(key)));
    if (this.facts.isRefused(key)) {
      const whose = shownName(this.facts.nameClaimedBy(key) ?? this.#name(key));
      const then = isExact ? `type ${exact()} ${onto}` : `if it is after all: /trust ${name}`;
      const text = `Cannot ${cannot(name)}: you found that the key ${fingerprintOf(key)} isn't ` +
        `${whose}'s; ${then}`;
      throw new P2pchatError("key-changed", text);
    }
    if (known === null) return;
    const other = this.facts.shownName(known) === null ? null : this.#written(known);
    const isThere = other !== null && other !== name;
    const first = isExact ? exact() : `/trust ${name}`;
    throw new P2pchatError(
      "key-changed",
      `Cannot ${cannot(name)}: two have used that name; this one has the key ` +
        `${fingerprintOf(key)}, the one you know ${fingerprintOf(known)}` +
        `${isThere ? ` and is shown as ${other}` : ""}: ask who is whom, then type ${first} ` +
        `${onto}${isThere ? `, or ${way(other)} for the one you know` : ""}`,
    );
  }

  peers(direct: ReadonlySet<PeerKey>, ref: string | undefined): void {
    const peers = [
      this.#ownView(),
      ...this.facts.live().map((member) => this.#peerView(member, direct.has(member.key))),
    ];
    const removed = this.rulings.removed();
    this.#show({ event: "peers", peers, ...(removed.length > 0 ? { removed } : {}) }, ref);
  }

  #ownView(): PeerView {
    return {
      name: this.#name(this.self),
      key: fingerprintOf(this.self),
      ...this.#ownAddress(),
      ...metAt({ endpoint: this.#meeting }),
      direct: true,
      ...shownPresence(this.facts.ownPresence()),
      ...this.rulings.roleOf(this.self),
    };
  }

  #peerView({ key, beacon }: LiveMember, direct: boolean): PeerView {
    return {
      name: this.#name(key),
      key: fingerprintOf(key),
      ...dialled(beacon.endpoint),
      ...metAt(beacon),
      direct,
      ...shownPresence(beacon),
      ...this.rulings.roleOf(key),
      ...this.#refusal(key),
    };
  }

  /**
   * @param typed Null: the user.
   * @throws {P2pchatError} `unknown-user`, if nobody is known under this name, here or not.
   */
  whois(typed: string | null, direct: ReadonlySet<PeerKey>, ref: string | undefined): void {
    const { facts } = this;
    const key = typed === null
      ? this.self
      : facts.strangerNamed(typed) ?? this.#keyOfOwnName(typed);
    if (key === null) throw this.unknownUser(typed!);
    const self = key === this.self;
    const member = facts.live().find((one) => one.key === key);
    if (!self && member === undefined) {
      const name = this.#nameGiven(key, typed!);
      const who = { name, self, key: fingerprintOf(key), ...NO_ADDRESS, route: null };
      return this.#show({ event: "whois", ...who, ...this.#refusal(key) }, ref);
    }
    const { direct: isDirect, ...who } = self
      ? this.#ownView()
      : this.#peerView(member!, direct.has(key));
    const route = self ? null : isDirect ? "direct" : "members";
    this.#show({ event: "whois", ...who, self, route }, ref);
  }

  #keyOfOwnName(typed: string): PeerKey | null {
    return isSameName(withoutMark(typed), this.#name(this.self)) ? this.self : null;
  }

  /** What a list says of a key that the user has refused; nothing of others. */
  #refusal(key: PeerKey): Pick<PeerView, "changed"> {
    if (!this.facts.isRefused(key)) return {};
    const shown = this.#name(key);
    const name = this.facts.nameClaimedBy(key) ?? shown;
    return { changed: { name, shown, key: fingerprintOf(key) } };
  }

  /** The user has refused a key: what that doesn't change where its owner is here. */
  refused(key: PeerKey): void {
    if (this.facts.isListed(key)) this.#warn(this.rulings.refusedText(key));
  }

  #ownAddress(): Endpoint {
    const { listening, passive } = this.config;
    if (passive || this.#unreachableAt !== null) return NO_ADDRESS;
    const own = this.facts.ownEndpoint();
    return own === null ? listening : dialled(own);
  }

  /**
   * Answers `history`.
   * @throws {P2pchatError} `unknown-user`, if nobody is known under the name.
   */
  history(
    { count, text: searched, name, before }: Extract<MeshCommand, { readonly command: "history" }>,
    ref: string | undefined,
  ): void {
    const most = count ?? KEPT_MESSAGES_MAX;
    const found = searched === undefined ? {} : { searched };
    if (name !== undefined) {
      const event = {
        event: "history",
        messages: [],
        ...this.#correspondent(name),
        ...found,
      } as const;
      const until = before === undefined ? {} : { before };
      return this.out.screen({ type: "recall", event, ...until, count: most, ref });
    }
    const kept = before === undefined
      ? this.facts.history(searched === undefined ? most : KEPT_MESSAGES_MAX)
      : saidBefore(before, this.facts.history(KEPT_MESSAGES_MAX));
    const isFound = searched === undefined ? () => true : finder(searched);
    const making = this.#lastOf(kept, most, isFound);
    const isPublic = searched === undefined ? { isPublic: true } as const : {};
    const event = { event: "history", messages: [], ...found } as const;
    if (kept.length > MADE_AT_ONCE) {
      return this.out.screen({ type: "recall", event, making, ...isPublic, count: most, ref });
    }
    const whole = { ...event, messages: allOf(making) };
    if (searched === undefined) this.#show(whole, ref);
    else this.out.screen({ type: "recall", event: whole, count: most, ref });
  }

  /**
   * With whom the user spoke: by the name as it is known here, or by the key.
   * @throws {P2pchatError} `unknown-user`.
   */
  #correspondent(typed: string): Conversation {
    if (fingerprintFault(typed) === null) return { name: typed, key: parseFingerprint(typed) };
    const named = this.facts.strangerNamed(typed);
    if (named === null) {
      throw this.unknownUser(typed, "; for somebody who has left, give their key");
    }
    if (named === this.self) {
      const text = `${shownName(typed)} is you: name whom you wrote to, or who wrote to you`;
      throw new P2pchatError("unknown-user", text);
    }
    // A plain name is that of the key known by it, whoever has come with it since.
    const key = isPlainName(typed) ? this.facts.knownInstead(named) ?? named : named;
    return { name: this.#nameGiven(key, typed), key: fingerprintOf(key) };
  }

  /** The last messages found, piece by piece; no more are looked through than that takes. */
  *#lastOf(
    kept: readonly HistoryEntry[],
    count: number,
    isFound: (text: string) => boolean,
  ): Generator<void, readonly HistoryMessage[]> {
    const found: HistoryMessage[] = [];
    for (let at = kept.length - 1; at >= 0 && found.length < count; at--) {
      const entry = kept[at]!;
      if (isFound(entry.text)) found.push(this.#historyMessage(entry));
      if (at > 0 && at % MADE_AT_ONCE === 0) yield;
    }
    return found.reverse();
  }

  status(status: StatusFacts, ref: string | undefined): void {
    const members = this.facts.live().map((member): PeerStatus => ({
      name: this.#name(member.key),
      key: fingerprintOf(member.key),
      direct: status.direct.has(member.key),
      roundTripMs: null,
      heardMsAgo: member.heardMs === null ? null : Math.round(status.nowMs - member.heardMs),
      suspected: member.suspected,
      upToDate: status.upToDate(member.key),
      fetching: status.sources.has(member.key),
      ...this.rulings.roleOf(member.key),
    }));
    const latest = this.facts.history(LATEST_MAX);
    const last = latest.at(-1);
    const own = latest.findLast(({ author }) => author === this.self);
    this.#show({
      event: "status",
      room: this.config.room,
      name: this.#name(this.self),
      key: fingerprintOf(this.self),
      ...this.rulings.roleOf(this.self),
      ...shownPresence(this.facts.ownPresence()),
      members,
      unconfirmed: members.filter(({ upToDate }) => !upToDate).length,
      unsent: status.waiting.reduce((sum, { messages }) => sum + messages, status.unsent),
      waiting: status.waiting.map(({ to, name, messages }) => ({
        name: this.facts.authorName(to, name),
        messages,
        ...(this.privateMessages.isRemoved(to) ? { removed: true as const } : {}),
      })),
      messages: this.facts.messages(),
      lastMessage: last === undefined
        ? null
        : { at: dateText(last.sentAt), from: this.#authorName(last) },
      ...(own === undefined ? {} : { lastOwnAt: dateText(own.sentAt) }),
      catchingUp: status.sources.size > 0,
      problems: this.#problems(members, status),
    }, ref);
  }

  namesOf(keys: readonly PeerKey[]): string {
    return keys.map((key) => this.#written(key)).join(", ");
  }

  /** @param beside What the text adds where no name is similar. */
  unknownUser(name: string, beside = ""): P2pchatError {
    const here = this.facts.live().map(({ key }) => this.#name(key));
    const hint = didYouMeanName(name, new Set([...here, ...this.facts.knownNames()])) ||
      `${beside}; /peers shows who is here`;
    return new P2pchatError("unknown-user", `Nobody here is called ${shownName(name)}${hint}`);
  }

  #problems(members: readonly PeerStatus[], status: StatusFacts): readonly string[] {
    const problems = members.filter(({ suspected }) => suspected).map(suspectedText);
    const lost = this.facts.lost();
    for (const key of lost.slice(0, LOST_NAMED_MAX)) {
      problems.push(`${this.#written(key)} is lost, and gets the missed messages when back`);
    }
    if (lost.length > LOST_NAMED_MAX) {
      problems.push(`${lost.length - LOST_NAMED_MAX} more are lost`);
    }
    if (this.#diskRefuses) problems.push(DISK_PROBLEM);
    if (this.#meetingPoint?.state === "away") {
      const { point, reason } = this.#meetingPoint;
      problems.push(`the meeting point at ${point} is away${reason === null ? "" : `: ${reason}`}`);
    }
    if (this.#unreachableAt !== null && (this.#foundAt !== null || this.#meeting === null)) {
      const address = endpointText(this.#unreachableAt);
      problems.push(
        this.#foundAt === null
          ? `nobody can dial you at ${address}, or come in through you`
          : `nobody can dial you at ${address}, and others came in at ${
            endpointText(this.#foundAt)
          }`,
      );
    }
    if (this.isIsolated && members.length > 0) {
      problems.push(ISOLATED_PROBLEM);
    }
    if (status.pausedBecause !== null) problems.push(`your input waits: ${status.pausedBecause}`);
    return problems;
  }

  #historyMessage(entry: HistoryEntry): HistoryMessage {
    return {
      id: entry.id,
      from: this.#claimed(entry.claim, entry.author),
      shown: this.#authorName(entry),
      key: fingerprintOf(entry.author),
      text: entry.text,
      sentAt: dateText(entry.sentAt),
      ...(this.config.rulings.isRemoved(entry.author) ? { removed: true as const } : {}),
    };
  }

  /** How to write the name of the key that the user typed: as shown; of a key that isn't here, as it was met. */
  #nameGiven(key: PeerKey, typed: string): string {
    return this.facts.shownName(key) ?? this.facts.nameAsMet(typed);
  }

  #name(key: PeerKey): string {
    return this.facts.shownName(key) ?? fingerprintOf(key);
  }

  /** The name of a key in a sentence. */
  #written(key: PeerKey): string {
    return shownName(this.#name(key));
  }

  /** The name shown for the author of a message. */
  #authorName({ author, claim }: HistoryEntry): string {
    return this.facts.authorName(author, this.#claimed(claim, author));
  }

  #claimed(claim: ClaimId, author: PeerKey): string {
    return this.facts.claimedName(claim) ?? fingerprintOf(author);
  }

  #show(event: MeshEvent, ref?: string): void {
    this.out.screen({ type: "show", event, ref });
  }
}

function allOf<All>(making: Iterator<void, All>): All {
  for (;;) {
    const { done, value } = making.next();
    if (done === true) return value;
  }
}

function notHere(of: string): P2pchatError {
  const name = shownName(of);
  return new P2pchatError("offline", `${name} isn't here now; try again when ${name} is back`);
}

function suspectedText({ name: of, heardMsAgo }: PeerStatus): string {
  const name = shownName(of);
  const heard = heardMsAgo === null
    ? "hasn't been heard of yet"
    : `hasn't been heard of for ${Math.ceil(heardMsAgo / 1_000)} s`;
  return `${name} ${heard} and doesn't answer its neighbours (suspected); two seconds of that, and ` +
    `${name} counts as lost`;
}

/** Where a member can be dialled, as others are shown it: its place at a meeting point is none that anybody types. */
function dialled(endpoint: Endpoint | null): Endpoint {
  if (endpoint === null || meetingPlace(endpoint) !== null) return NO_ADDRESS;
  return { host: endpoint.host, port: endpoint.port };
}

/** The meeting point through which a member is reached, if there is one. */
function metAt({ endpoint, meeting = null }: Omit<LiveMember["beacon"], keyof Presence>) {
  const place = [endpoint, meeting].map((each) => each === null ? null : meetingPlace(each))
    .find((each) => each !== null);
  return place === undefined ? {} : { meeting: endpointText(place.at) };
}
