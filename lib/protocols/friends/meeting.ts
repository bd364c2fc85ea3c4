/**
 * How friends meet: who is dialled and when, and whether a peer that dials in is the friend that it claims to be.
 *
 * Where a friend's key is known, from the table or from the first meeting, it decides; where the two differ, the user
 * does. Where none is known, we dial the friend's address in the table, and the key that answers there is the friend's:
 * a key is never learnt from a peer that dials in.
 */

import type { Signer } from "../../base/crypto/crypto.ts";
import { HERE, type Presence, presenceOf } from "../../base/machine/user_presence.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import {
  type Endpoint,
  endpointText,
  isSameEndpoint,
  type LinkId,
  type PeerKey,
} from "../../base/ids.ts";
import { foldName, nameFault } from "../../base/text/names.ts";
import { UnknownMessages } from "../../base/machine/unknown_messages.ts";
import type { Friend, MetWhere } from "./friend.ts";
import { enter, type FriendLink, FriendLinks, isKept } from "./friend_links.ts";
import type { FriendTable } from "./friend_table.ts";
import type { FriendsConfig, FriendsInput } from "./friends_io.ts";
import type { FriendsFact } from "./friends_words.ts";
import {
  CHECK_INTERVAL_MS,
  CHECKING_LINKS_MAX,
  CONFIRM_MS_MAX,
  DIALS_MAX,
  DRAIN_MS,
  DRAINING_LINKS_MAX,
  HELLO_MS_MAX,
  OFFENDER_BAN_MS,
  UNOPENED_LINKS_MAX,
} from "./limits.ts";
import type { FriendsMessage, FriendsRefusal } from "./messages.ts";
import type { FriendsOutput } from "./friends_output.ts";
import type { Position } from "./positions.ts";

/** Both sides close a link with it where nothing was said for long: they are there all the same. */
export const IDLE = "idle";
/** The goodbye of a process that was told that it is replaced: nobody else can say so under its link's keys. */
const REPLACED_GOODBYE = "replaced by another program with the same key";

type Of<Type extends FriendsInput["type"]> = Extract<FriendsInput, { readonly type: Type }>;
type Message<Type extends FriendsMessage["type"]> = Extract<
  FriendsMessage,
  { readonly type: Type }
>;

/** What meeting asks of its owner. */
interface MeetingPort {
  /** Up to where everything of this sender is on our disk. */
  stored(key: PeerKey): readonly Position[];
  /** The friend is there, and has stored this much of what we said. */
  met(link: FriendLink, friend: Friend, stored: readonly Position[]): void;
  /** Sends what waits on the friend's link. */
  pump(friend: Friend): void;
  /** Sends what was held, if nothing holds it any more. */
  sendHeld(friend: Friend): void;
  /** The friend can't be reached, or was lost with something under way. */
  missed(friend: Friend): void;
  /** What our user says of itself. */
  presence(): Presence;
  /** The link is the one in use with the friend. */
  inUse(link: FriendLink, friend: Friend): void;
  /** The friend's program has ended, or can't be reached. */
  ended(friend: Friend): void;
}

export class Meeting {
  readonly links = new FriendLinks();
  readonly #dials = new Map<number, Friend>();
  /** Friends to be dialled when fewer dials are under way, in order. */
  readonly #toDial = new Set<Friend>();
  #nextAttempt = 1;

  constructor(
    readonly config: FriendsConfig,
    readonly signer: Signer,
    readonly table: FriendTable,
    readonly out: FriendsOutput,
    readonly port: MeetingPort,
  ) {}

  /** The link in use with this friend; null where there is none, or it is being closed. */
  linkOf(friend: Friend): FriendLink | null {
    const link = friend.link === null ? null : this.links.get(friend.link);
    return link?.phase === "open" ? link : null;
  }

  /** Dials the friend, unless that is under way; where many dials are, as soon as there is room. */
  reach(friend: Friend, isUrgent = false, at = friend.metAt ?? friend.row.endpoint): void {
    if (friend.link !== null || friend.attempt !== null || !this.table.listed.has(friend)) return;
    if (this.#dials.size >= (isUrgent ? 2 : 1) * DIALS_MAX) {
      friend.retryAtMs = null;
      this.#toDial.add(friend);
      return;
    }
    this.#toDial.delete(friend);
    this.#dial(friend, at);
  }

  /** Ends an idle link once each side has dialled the other: who can't dial couldn't make it again, and is kept linked. */
  idle(link: FriendLink, friend: Friend): void {
    switch (friend.dialler) {
      case "we":
        friend.isKept = true;
        return;
      case "it":
        friend.isProbed = true;
        if (friend.attempt === null) this.#dial(friend, friend.metAt ?? friend.row.endpoint);
        return;
      default:
        return this.out.close(link, IDLE);
    }
  }

  #dial(friend: Friend, at: Endpoint): void {
    const attempt = this.#nextAttempt++;
    friend.trying(this.out.nowMs, attempt, at);
    this.table.markBusy(friend);
    this.#dials.set(attempt, friend);
    this.out.push({ type: "dial", attempt, endpoint: at, expect: friend.expected });
  }

  /** A dial is over. @returns The friend that was dialled; null where nobody needs it any more. */
  #endDial(attempt: number): Friend | null {
    const friend = this.#dials.get(attempt) ?? null;
    this.#dials.delete(attempt);
    if (friend !== null) friend.attempt = null;
    for (const next of this.#toDial) {
      if (this.#dials.size >= DIALS_MAX) break;
      this.#toDial.delete(next);
      if (next.isWanted) this.reach(next);
    }
    return friend;
  }

  /**
   * Another address or another key may be right for this friend now: what was begun with the earlier ones is decided
   * anew, so that nothing meant for one peer reaches another.
   */
  review(friend: Friend, reason: string): void {
    this.#forgetDials(friend);
    // Whatever was wrong before may be right now.
    friend.retryAtMs = friend.problem = friend.metAt = null;
    friend.isKept = false;
    friend.strange.forget();
    friend.forgive();
    friend.checkAtMs = -Infinity;
    const { expected, key } = friend;
    if (key !== null && expected !== null && expected !== fingerprintOf(key)) friend.key = null;
    for (const link of this.links.of(friend)) {
      const isOther = (expected !== null && expected !== fingerprintOf(link.peer)) ||
        this.#isUnaccepted(friend, link.peer);
      const isUndecided = link.dialled && link.phase === "greeting";
      if (isUndecided || (isOther && link.phase !== "checking")) this.out.close(link, reason);
    }
    for (const link of this.links.checking(friend)) this.#identify(link, friend);
    if (friend.isWanted) this.reach(friend);
  }

  /** The friend isn't in the table any more. */
  removed(friend: Friend): void {
    this.#forgetDials(friend);
    friend.files.isHeld = false;
    friend.files.told();
    for (const link of this.links.of(friend)) this.out.close(link, "no longer in the table");
  }

  /** Whoever answers these dials is no longer wanted. */
  #forgetDials(friend: Friend): void {
    for (const [attempt, dialled] of this.#dials) {
      if (dialled === friend) this.#dials.delete(attempt);
    }
    friend.attempt = null;
    friend.tried = [];
  }

  linkUp({ link: id, peer, process, dialled, attempt }: Of<"link-up">): void {
    const friend = attempt === null ? null : this.#endDial(attempt);
    if (friend !== null) friend.attempt = attempt; // until it has greeted
    const link: FriendLink = {
      link: id,
      peer,
      process,
      dialled,
      attempt,
      friend,
      phase: "greeting",
      stored: [],
      said: HERE,
      told: null,
      wasOpen: false,
      isUsed: false,
      isReplaced: false,
      isRefused: false,
      dueMs: this.out.nowMs + HELLO_MS_MAX,
      unknownMessages: new UnknownMessages(),
    };
    this.links.add(link);
    if (!dialled) return this.#makeRoom();
    if (friend === null) return this.out.close(link, "the table was edited");
    const at = friend.tried.at(-1)!;
    friend.tried = [];
    if (peer === this.signer.key) {
      friend.problem = { fact: "other-there", other: this.config.name, address: endpointText(at) };
      return this.out.close(link, "this is the same profile");
    }
    if (this.#isUnaccepted(friend, peer)) return this.#turnAway(link, friend, "at-address");
    if (friend.expected !== null) friend.foundAt(at);
    else this.#knownOne(peer, at);
    this.#greet(link, friend);
    this.#answerChecks(friend, peer);
  }

  /** Whether the user found that the friend's digits aren't those of this key. */
  #isRefused({ name }: Friend, key: PeerKey): boolean {
    return this.table.refused.has(name, fingerprintOf(key));
  }

  /** Whether only `/trust` makes this key the friend's, whatever the table says. */
  #isUnaccepted(friend: Friend, key: PeerKey): boolean {
    return friend.isDisputed || this.#isRefused(friend, key);
  }

  /** The same of a key that is to be learnt: it is another friend's already. */
  #isAnothers({ expected }: Friend, key: PeerKey): boolean {
    return expected === null && this.table.hasKey(fingerprintOf(key));
  }

  /**
   * Of the links whose peer hasn't said who it is, the first is closed: friends say so at once. Known keys aren't in
   * the way.
   */
  #makeRoom(): void {
    const silent = this.links.inbound("greeting").filter(({ peer }) =>
      !this.table.hasKey(fingerprintOf(peer))
    );
    if (silent.length > UNOPENED_LINKS_MAX) this.out.close(silent[0]!, "too many are coming in");
  }

  linkDown({ link: id, closed, reason }: Of<"link-down">): void {
    const link = this.links.get(id);
    this.links.remove(id);
    const friend = link?.friend ?? null;
    if (link === null || friend === null) return;
    if (link.attempt !== null && link.attempt === friend.attempt) friend.attempt = null;
    // A stranger that was refused as this friend was never one of its links.
    if (link.isRefused && (link.dialled || friend.link === id)) friend.refused();
    if (link.isReplaced) this.#earlierEnded(link, friend, closed && reason === REPLACED_GOODBYE);
    if (friend.link !== id) {
      const isFailedTry = link.dialled && !link.wasOpen;
      if (isFailedTry && friend.link === null && friend.attempt === null) this.port.missed(friend);
      return;
    }
    friend.link = null;
    friend.awaitedSinceMs = null;
    friend.outbox.restart();
    // The program's own reason, or the friend's words.
    const isSaid = closed && link.phase !== "over";
    const ended = { event: "connection", friend: friend.name, state: "closed", reason } as const;
    this.out.show(isSaid ? { ...ended, said: true } : ended);
    if (reason !== IDLE) this.port.ended(friend);
    if (!friend.isWanted) return;
    // Our message may have crossed the goodbye.
    if (closed && !link.isRefused && friend.mayDialAtOnce(this.out.nowMs)) {
      return this.reach(friend);
    }
    if (closed) friend.refused();
    friend.problem ??= { fact: isSaid ? "it-said" : "failed", text: reason };
    this.port.missed(friend);
  }

  dialFailed({ attempt, reason, text, key }: Of<"dial-failed">): void {
    const friend = this.#endDial(attempt);
    if (friend === null) return;
    if (friend.link !== null) {
      friend.tried = []; // it has the link that is there
      return;
    }
    const at = friend.tried.at(-1)!;
    const answering = reason === "wrong-key" || key === this.signer.key ? key : null;
    const other = answering === null ? null : this.#knownOne(answering, at);
    const next = friend.notFoundAt(at, other?.home ?? null);
    const isHome = isSameEndpoint(at, friend.row.endpoint);
    if (answering !== null && other === null && isHome) {
      this.#metStranger(friend, answering, "at-address");
    } else {
      if (isHome) {
        friend.unreached();
        const address = endpointText(at);
        friend.problem = other === null
          ? { fact: "failed", text: `${text} (${address})` }
          : { fact: "other-there", other: other.name, address };
      }
      if (next === null) this.port.ended(friend);
    }
    if (next !== null) return this.reach(friend, true, next);
    for (const link of this.links.checking(friend)) {
      // Whoever this is: where the friend is, and what answered there, is not for it to know.
      this.#refuseUnknownKey(link, friend);
    }
    this.port.missed(friend);
  }

  /**
   * Another friend whose key answers where this one was looked for, or ourselves: addresses are handed out anew. Where that
   * one's row says that it is, the one that we look for may be.
   */
  #knownOne(
    key: PeerKey,
    at: Endpoint,
  ): { readonly name: string; readonly home: Endpoint } | null {
    if (key === this.signer.key) return { name: this.config.name, home: this.config.listening };
    const owner = this.table.ownerOf(fingerprintOf(key));
    if (owner === null || this.#isUnaccepted(owner, key)) return null;
    owner.foundAt(at);
    if (owner.isWanted) this.reach(owner);
    return { name: owner.name, home: owner.row.endpoint };
  }

  nextMs(): number | null {
    return this.links.nextMs();
  }

  /** Closes links that have had their time: those without a greeting, and those that another one replaced. */
  tick(nowMs: number): void {
    for (const link of [...this.links.all()]) {
      if ((link.dueMs ?? Infinity) > nowMs) continue;
      this.out.close(link, link.phase === "draining" ? "a second link" : "no greeting within 10 s");
    }
  }

  refuse(link: FriendLink, code: FriendsRefusal): void {
    link.isRefused = true;
    this.out.send(link, { type: "refuse", code });
    this.out.close(link, `refused: ${code}`);
  }

  /** What was sent isn't acknowledged: the friend no longer holds up others. */
  giveUp(link: FriendLink, friend: Friend): void {
    const text = `what was sent wasn't confirmed within ${CONFIRM_MS_MAX / 1_000} s`;
    friend.problem = { fact: "failed", text };
    link.isRefused = true;
    this.out.close(link, text);
  }

  offends(link: FriendLink, text: string): void {
    enter(link, "over");
    link.dueMs = null;
    link.isRefused = true;
    const reason = `protocol: ${text}`;
    this.out.push({ type: "ban", link: link.link, reason, durationMs: OFFENDER_BAN_MS });
  }

  unknown(id: LinkId, code: number): void {
    const link = this.links.get(id);
    if (link === null || link.phase === "over" || this.isPastUnknown(link)) return;
    this.out.send(link, { type: "unknown", code });
  }

  /** Counts a message of an unknown type. @returns Whether there were too many. */
  isPastUnknown(link: FriendLink): boolean {
    const fault = link.unknownMessages.fault(this.out.nowMs);
    if (fault !== null) this.offends(link, fault);
    return fault !== null;
  }

  refused(link: FriendLink, { code }: Message<"refuse">): void {
    const { friend } = link;
    if (code === "replaced") {
      // Whoever only claims to be the friend may say so, too.
      if (friend !== null && link.wasOpen) return this.#replaced(link, friend);
    } else if (friend !== null && link.dialled) {
      const refused = { fact: `refused-${code}`, friend: friend.name } as const;
      this.out.tell(friend.problem = refused);
    }
    link.isRefused = true;
    this.out.close(link, "refused by the other side");
  }

  /** The friend talks with another process that has our key. */
  #replaced(link: FriendLink, friend: Friend): void {
    link.isRefused = true;
    this.out.close(link, REPLACED_GOODBYE);
    this.out.tell({ fact: "replaced", friend: friend.name });
  }

  /**
   * The link of an earlier process with the friend's key has ended. @param lived Whether that one has said that it is
   * there: then two have the key, and one of them perhaps isn't the friend.
   */
  #earlierEnded({ link }: FriendLink, friend: Friend, lived: boolean): void {
    if (lived && !friend.isContested) {
      friend.isContested = true;
      this.out.tell({ fact: "contested", friend: friend.name });
    }
    if (friend.earlier !== link) return;
    friend.earlier = null;
    this.port.sendHeld(friend);
  }

  hello(link: FriendLink, hello: Message<"hello">): void {
    if (link.phase !== "greeting") return this.offends(link, "a second hello");
    if (nameFault(hello.name) !== null) return this.offends(link, "hello under a bad name");
    const isMeant = foldName(hello.to) === foldName(this.config.name);
    if (!isMeant) return this.refuse(link, "misdirected");
    const friend = this.table.get(hello.name);
    if (link.friend !== null && friend !== link.friend) {
      const address = endpointText(link.friend.row.endpoint);
      link.friend.problem = { fact: "other-there", other: hello.name, address };
      return this.refuse(link, "misdirected");
    }
    if (friend === null) {
      const key = fingerprintOf(link.peer);
      this.out.tell({ fact: "stranger", name: hello.name, key });
      return this.refuse(link, "unknown-user");
    }
    link.friend = friend;
    link.stored = hello.stored;
    link.said = presenceOf(hello);
    if (!link.dialled) this.#identify(link, friend);
    else if (this.#isAnothers(friend, link.peer)) this.#turnAway(link, friend, "at-address");
    else this.#open(link, friend);
  }

  #greet(link: FriendLink, { name: to }: Friend): void {
    const { name } = this.config;
    const stored = this.port.stored(link.peer);
    link.told = this.port.presence();
    this.out.send(link, { type: "hello", name, to, stored, ...link.told });
  }

  /** A peer that dialled in claims to be `friend`; perhaps it is waiting already until we can tell. */
  #identify(link: FriendLink, friend: Friend): void {
    const { expected } = friend;
    const isUnaccepted = this.#isUnaccepted(friend, link.peer) ||
      this.#isAnothers(friend, link.peer);
    if (isUnaccepted) return this.#turnAway(link, friend);
    if (expected !== null) {
      if (expected === fingerprintOf(link.peer)) return this.#welcome(link, friend);
      return this.#turnAway(link, friend);
    }
    const answering = this.links.dialledKey(friend);
    const isAsking = friend.attempt !== null;
    const waits = answering === null && (isAsking || this.out.nowMs >= friend.checkAtMs);
    if (link.phase !== "checking") {
      const surplus = waits ? this.#tooManyToCheck(link, friend) : null;
      if (surplus !== null) this.refuse(surplus, "full");
      if (surplus === link) return;
      enter(link, "checking");
    }
    if (answering !== null) return this.#answerChecks(friend, answering);
    if (!waits) return this.#refuseUnknownKey(link, friend);
    if (isAsking) return;
    friend.checkAtMs = this.out.nowMs + CHECK_INTERVAL_MS;
    this.reach(friend);
  }

  /**
   * The link that has to go when one more is to be checked; null where there is room. It is the latest of the friend
   * whom the most links claim to be, or the new one. A crowd that waits for an absent friend keeps out nobody else;
   * where there is no crowd, those that wait already stay.
   */
  #tooManyToCheck(link: FriendLink, friend: Friend): FriendLink | null {
    const checking = this.links.inbound("checking");
    if (checking.length < CHECKING_LINKS_MAX) return null;
    const claims = Map.groupBy(checking, ({ friend }) => friend);
    let most = claims.get(friend) ?? [link];
    for (const links of claims.values()) if (links.length > most.length) most = links;
    return most[0]!.friend === friend ? link : most.at(-1)!;
  }

  /**
   * The friend's own address answers with `key`: that tells the links which claim to be this friend apart. Since a link
   * began to wait, its key may have become another friend's.
   */
  #answerChecks(friend: Friend, key: PeerKey): void {
    for (const link of this.links.checking(friend)) {
      if (link.peer === key && !this.#isAnothers(friend, key)) this.#welcome(link, friend);
      else this.#turnAway(link, friend);
    }
  }

  #turnAway(link: FriendLink, friend: Friend, where: MetWhere = "dialled-in"): void {
    this.#metStranger(friend, link.peer, where);
    this.refuse(link, this.#isRefused(friend, link.peer) ? "digits" : "key-changed");
  }

  /** The peer may be the friend or not: the friend's key isn't known, and nobody answers at its address. */
  #refuseUnknownKey(link: FriendLink, friend: Friend): void {
    this.out.tell({ fact: "unknown-key", friend: friend.name, key: fingerprintOf(link.peer) });
    this.refuse(link, "unreachable");
  }

  /** Somebody has another key than the friend. */
  #metStranger(friend: Friend, peer: PeerKey, met: MetWhere): void {
    const { pinned, name, row, strange: { told } } = friend;
    const key = fingerprintOf(peer);
    // The key in the table is one that the user has refused, or hasn't accepted, where that one is met.
    const isAsked = row.fingerprint === null || row.fingerprint === key;
    // Only while the user may be about to accept the key that was told, nobody replaces it.
    const decides = told !== null &&
      (row.fingerprint === null || row.fingerprint === fingerprintOf(told));
    const isKnownOne = friend.isDisputed && key === pinned;
    const known = decides && isKnownOne
      ? "other"
      : friend.strange.met(peer, met, decides, this.out.nowMs);
    if (met === "at-address") {
      const isOffered = isAsked && known !== "other";
      friend.refusedHere = isOffered ? "trust" : "other-key";
    }
    const expected = isAsked ? pinned : row.fingerprint;
    const isRefused = this.#isRefused(friend, peer);
    const given = isAsked ? {} : { given: true as const };
    const before = isRefused || expected === null ? {} : { before: expected, ...given };
    const problem: FriendsFact = {
      // No advice where the user decides about the key that was told.
      fact: known === "other" ? "turned-away" : isAsked ? "new-key" : "row-key",
      friend: name,
      key,
      where: { fact: met, address: endpointText(row.endpoint) },
      is: isRefused ? { fact: "is-different" } : this.#whose(friend, key, expected),
      changed: { name, key, ...before },
    };
    if (known !== "other") friend.problem = problem;
    else if (met === "at-address") friend.problem ??= problem;
    if (known === "tell") this.out.tell(problem);
  }

  /** Why a key isn't the friend's. @param expected Null while none is known: then another one has answered. */
  #whose(friend: Friend, key: Fingerprint, expected: Fingerprint | null): FriendsFact {
    const owner = expected === null ? this.table.ownerOf(key) : null;
    if (owner !== null) return { fact: "is-other", other: owner.name };
    const answering = this.links.dialledKey(friend);
    const is = expected ?? (answering === null ? "another" : fingerprintOf(answering));
    return { fact: "is-expected", friend: friend.name, expected: is };
  }

  #welcome(link: FriendLink, friend: Friend): void {
    this.#greet(link, friend);
    this.#open(link, friend);
  }

  /** Both sides know whom they talk to. */
  #open(link: FriendLink, friend: Friend): void {
    const { peer } = link;
    const key = fingerprintOf(peer);
    if (friend.pinned === null) {
      this.table.pin(friend, key);
      this.out.push({ type: "pin", name: friend.name, key: peer, again: false });
    }
    if (link.attempt === friend.attempt) friend.attempt = null;
    friend.key = peer;
    const old = this.linkOf(friend);
    enter(link, "open");
    link.wasOpen = true;
    link.dueMs = null;
    friend.opened(link.dialled, old === null);
    friend.reached(this.out.nowMs);
    const isOther = old !== null && old.process !== link.process;
    // A greeting may be late: the link that came up first is the earlier process'.
    if (isOther && link.link < old.link) {
      friend.earlier = link.link;
      this.#drain(link);
      return this.#replace(link);
    }
    if (isOther) friend.earlier = old.link;
    this.port.met(link, friend, link.stored);
    if (old !== null && !isKept(link, old, this.signer.key)) return this.#drain(link);
    if (old !== null) this.#drain(old);
    if (isOther) this.#replace(old);
    else if (old !== null) link.isUsed ||= old.isUsed;
    friend.link = link.link;
    this.table.markBusy(friend);
    friend.outbox.restart();
    friend.awaitedSinceMs = null;
    friend.files.opened(this.out.nowMs);
    if (old === null) {
      const reason = link.dialled ? "dialled" : "the friend dialled";
      this.out.show({ event: "connection", friend: friend.name, key, state: "opened", reason });
    }
    this.port.inUse(link, friend);
    this.port.pump(friend);
  }

  /** Another process has the friend's key now: asks the earlier one, whose link may be dead, whether it lives. */
  #replace(old: FriendLink): void {
    old.isReplaced = true;
    this.out.send(old, { type: "refuse", code: "replaced" });
  }

  #drain(link: FriendLink): void {
    const draining = this.links.of(link.friend!).filter(({ phase }) => phase === "draining");
    if (draining.length >= DRAINING_LINKS_MAX) this.out.close(draining[0]!, "too many links");
    enter(link, "draining");
    link.dueMs = this.out.nowMs + DRAIN_MS;
  }
}
