/**
 * How members and newcomers come to the coordinator: `hello` and `welcome`, whom each of them is to meet, and from
 * whom a newcomer fetches the log.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { isLoopback, isUnicast } from "../../../base/text/endpoints.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type Hash, type PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { foldName } from "../../../base/text/names.ts";
import { Slowness } from "../../../base/machine/slowness.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { MemberAdmission } from "./member_admission.ts";
import {
  type Attendance,
  type Attendee,
  type GroupLink,
  isSameProcess,
  memberOf,
  outliving,
} from "../detector/attendance.ts";
import { compareBallots, isSameBallot, type Member, NO_BALLOT } from "../schema/epoch.ts";
import type { ViewChangeCoordinator } from "../views/view_change_coordinator.ts";
import type { DatagramRelay } from "./datagram_relay.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import type { Escrow } from "../catch_up/escrow.ts";
import type { Founding } from "../schema/founding.ts";
import {
  ATTENDEES_MAX,
  ELSEWHERE_BURST,
  ELSEWHERE_MS,
  ELSEWHERE_PER_S,
  HELLO_MS_MAX,
  INSTANCES_MAX,
  JOIN_AGAIN_MS,
  joiningMs,
  MEMBERS_MAX,
  PEERS_BURST,
  PEERS_PER_S,
  REMEMBERED_MAX,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import type { CoordinatorConfig } from "../schema/coordinator_io.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import { awaitedOf, voicesOf } from "../detector/next_view.ts";
import type { OwnKeys } from "../identity/own_keys.ts";
import type { Partings } from "./partings.ts";
import type { GroupSecrets } from "../schema/group_secrets.ts";
import { CROWDED, NAMESAKE, type Places, type Refusal } from "./places.ts";
import type { Views, Voice } from "../detector/views.ts";

type Hello = GroupMessageOf<"hello">;

interface ArrivingParts {
  readonly group: Hash;
  readonly founding: Founding;
  readonly keys: OwnKeys;
  readonly failAfterMs: number;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly admission: MemberAdmission;
  readonly places: Places;
  readonly changing: ViewChangeCoordinator;
  readonly partings: Partings;
  readonly relay: DatagramRelay;
  readonly escrow: Escrow;
  readonly out: CoordinatorOutput;
  readonly secrets: GroupSecrets | null;
  readonly instances: NonNullable<CoordinatorConfig["instances"]>;
  /** The position up to which we were told of the history's entries. */
  told(): number;
}

/**
 * The host that a member says it is found at; null where others couldn't use that. Some addresses aren't of one
 * machine, and each machine has its own loopback: a loopback address counts only for members on the coordinator's
 * machine.
 */
function namedHost({ host }: Hello, seenHost: string | null): string | null {
  if (host === null || !isUnicast(host)) return null;
  return isLoopback(host) && seenHost !== null ? null : host;
}

/**
 * The same process comes on another link: it has met the others already, unless this is its first link since our
 * restart.
 */
function goOnAs(attendee: Attendee, before: Attendee): void {
  const { cameAtMs, end, seq, departure, silences, slowness, joiningSinceMs } = before;
  const meetsByMs = before.heardAtMs === -Infinity ? attendee.meetsByMs : before.meetsByMs;
  Object.assign(attendee, {
    cameAtMs,
    end,
    seq,
    departure,
    meetsByMs,
    silences,
    slowness,
    joiningSinceMs,
  });
}

export class Arriving {
  /** The `peers` that were sent last, as one line. */
  #peersTold = "";
  /** Limits how many may name another host than their link comes from, and be believed for a moment. */
  readonly #elsewhere = new TokenBucket(ELSEWHERE_PER_S, ELSEWHERE_BURST);
  /** Where instances listen, as all that are here know; null: nobody has been told of any. */
  #addressesTold: readonly Endpoint[] | null = null;
  readonly #tellings = new TokenBucket(PEERS_PER_S, PEERS_BURST);
  /** When changed `peers` are sent; null where everybody has been told. */
  #peersDueMs: number | null = null;
  /** Whether the members aren't told yet who is joining. */
  #isJoiningNew = false;
  /** Newcomers that weren't in in time, and from when on they may join again; at most `REMEMBERED_MAX`. */
  readonly #late = new Map<PeerKey, number>();

  constructor(readonly parts: ArrivingParts) {}

  hello(link: GroupLink, hello: Hello): void {
    const { attendance, views, out } = this.parts;
    link.isGreeted = true;
    if (!this.#findsPlace(link, hello)) return;
    const before = attendance.get(link.peer);
    const attendee = this.#attendee(link, hello);
    // Only members of open views count here; those of other views say what they promised when they come in, by
    // `outdone`.
    if (views.isInOpen(link.peer)) views.heard(attendee.promised.number);
    if (before === null || before.link === null || isSameProcess(before, hello)) {
      this.#enter(link, attendee);
      this.#welcome(attendee, this.#lacking, false);
      return this.#judge(attendee);
    }
    // A hello may be late, and its process gone: a newcomer replaces a process that is there only once it answers.
    this.#welcome(attendee, this.#lacking, false);
    link.successor = { hello, attendee };
    link.greetByMs = out.nowMs + HELLO_MS_MAX;
  }

  /** @returns Whether the sender may come in, and has a place; otherwise it is told why not. */
  #findsPlace(link: GroupLink, hello: Hello): boolean {
    const { admission, attendance, places, out } = this.parts;
    const voice = this.#voiceOf(link.peer, hello);
    const refusal = admission.refusal(link, hello, voice);
    const isKnown = admission.isPinned(link.peer, hello.name);
    const place = refusal === null
      ? places.placeFor(link, voice, isKnown, out.nowMs)
      : { type: "none" as const, refusal };
    if (place.type === "none") {
      this.#refuse(link, place.refusal);
      return false;
    }
    if (place.type === "instead of") this.#turnAway(place.attendee, CROWDED);
    const namesake = attendance.namesake(link.peer, foldName(hello.name));
    if (namesake !== null) this.#turnAway(namesake, NAMESAKE);
    return true;
  }

  /** When a newcomer that is joining is to be in; what it takes part in has a time of its own. */
  #joiningUntilMs({ key, joiningSinceMs }: Attendee): number {
    const { told, escrow, changing } = this.parts;
    return joiningSinceMs === null || changing.isParticipant(key)
      ? Infinity
      : joiningSinceMs + joiningMs(Math.max(told(), escrow.log.position));
  }

  /** Newcomers that are sent the log, and aren't in the view. */
  get #joining(): readonly Attendee[] {
    return this.parts.places.joining.filter(({ joiningSinceMs }) => joiningSinceMs !== null);
  }

  /**
   * Those that were sent the log, and aren't in in time, are sent no more of it, and shown to have gone: they would
   * read on, and never be members. They stay where they can be heard by others, and may join again after a pause.
   */
  partLate(): void {
    const { nowMs } = this.parts.out;
    for (const attendee of this.#joining) {
      if (nowMs < this.#joiningUntilMs(attendee)) continue;
      const { key, name } = attendee;
      this.#late.delete(key);
      this.#late.set(key, nowMs + JOIN_AGAIN_MS);
      dropOldest(this.#late, REMEMBERED_MAX);
      attendee.joiningSinceMs = null;
      attendee.wasCaughtUp = attendee.isCaughtUp;
      attendee.isCaughtUp = false;
      attendee.source = undefined;
      this.#isJoiningNew = true;
      this.parts.out.show({ event: "left", name, reason: "lost", joining: true });
    }
  }

  #refuse(link: GroupLink, refusal: Refusal): void {
    const { out } = this.parts;
    link.greetByMs = Infinity;
    out.send(link.id, { type: "refuse", ...refusal });
    out.close(link.id, refusal.code);
  }

  /** There is no place for this attendee any more; it may come back. */
  #turnAway(attendee: Attendee, refusal: Refusal): void {
    const { partings, out } = this.parts;
    if (attendee.link !== null) out.send(attendee.link, { type: "refuse", ...refusal });
    partings.gone(attendee, refusal.code);
  }

  /** The view has begun at all its members: if it is full, attendees that aren't in it are sent away. */
  turnAwayFromFull(): void {
    const { places } = this.parts;
    if (!places.isFull) return;
    for (const attendee of places.joining) {
      if (attendee.departure === null) this.#turnAway(attendee, places.full);
    }
  }

  /**
   * The process that was welcomed on that link answers. @returns It; null where no answer was awaited, or where it
   * can't come in any more.
   */
  answered(link: GroupLink): Attendee | null {
    const { successor } = link;
    link.successor = null;
    if (successor === null) return null;
    const present = this.parts.attendance.get(link.peer)?.link ?? null;
    // The answer comes late: another process has come on a later link since.
    if (present !== null && present > link.id) {
      link.isGreeted = true;
      this.parts.out.close(link.id, "another process came after it");
      return null;
    }
    // It had no place of its own until now, and its name and key may be refused by now.
    if (!this.#findsPlace(link, successor.hello)) return null;
    this.#enter(link, successor.attendee);
    this.#judge(successor.attendee);
    return successor.attendee;
  }

  #enter(link: GroupLink, attendee: Attendee): void {
    const { attendance, changing, partings, out } = this.parts;
    const before = attendance.get(link.peer);
    const isParticipant = changing.isParticipant(link.peer);
    link.greetByMs = Infinity;
    attendee.notBeforeMs = partings.notBeforeMs(link.peer);
    const isSame = before !== null && isSameProcess(before, attendee);
    if (isSame) goOnAs(attendee, before);
    this.#takeOver(before, isSame);
    attendance.put(attendee);
    attendance.heard(attendee, out.nowMs);
    // What it was told on the link before may be lost.
    if (isParticipant) changing.spoiled(link.peer);
    this.#peersTold = "";
  }

  /** A member comes on another link, with the same process or another one. */
  #takeOver(before: Attendee | null, isSame: boolean): void {
    if (before === null) return;
    const { partings, out } = this.parts;
    if (before.link === null) return;
    if (isSame) out.close(before.link, "another link took its place");
    else partings.dismiss(before, "replaced");
  }

  /** Promises to another group bind nobody here. */
  #voiceOf(key: PeerKey, { group, begun, promised }: Hello): Voice {
    const isOurs = group === this.parts.group;
    return isOurs ? { key, begun, promised } : { key, begun: NO_BALLOT, promised: NO_BALLOT };
  }

  #attendee(link: GroupLink, hello: Hello): Attendee {
    const { failAfterMs, out: { nowMs } } = this.parts;
    const { name, incarnation, port } = hello;
    const host = namedHost(hello, link.host) ?? link.host;
    const voice = this.#voiceOf(link.peer, hello);
    const isKnown = this.parts.admission.isPinned(link.peer, name);
    return {
      ...voice,
      lastBegun: isKnown ? voice.begun : NO_BALLOT,
      name: name.normalize("NFC"),
      folded: foldName(name),
      incarnation: incarnation.slice(),
      process: link.process,
      host,
      seenHost: link.host,
      believedUntilMs: this.#believedUntilMs(host, link.host),
      port,
      link: link.id,
      cameAtMs: nowMs,
      heardAtMs: nowMs,
      slowness: new Slowness(),
      silentAtMs: nowMs,
      returnByMs: -Infinity,
      isProbed: false,
      isHoldingUp: false,
      silences: [],
      end: null,
      seq: 0,
      hears: null,
      unheard: new Map(),
      meetsByMs: nowMs + failAfterMs,
      isCaughtUp: false,
      wasCaughtUp: null,
      joiningSinceMs: null,
      showsJoining: new Set(),
      knowsLeft: new Set(),
      isKnown,
      isBack: isKnown && this.#wasHere(link.peer, hello),
      source: undefined,
      progressAtMs: nowMs,
      fruitless: new Set(),
      hasSayTold: false,
      told: 0,
      awaitedTold: "",
      notBeforeMs: -Infinity,
      departure: null,
    };
  }

  /** Whether somebody whose key is known was in this group, and not in an earlier one alone. */
  #wasHere(key: PeerKey, { group }: Hello): boolean {
    return group === null ? this.parts.views.wasMember(key) : group === this.parts.group;
  }

  #believedUntilMs(host: string | null, seenHost: string | null): number {
    const { nowMs } = this.parts.out;
    if (host === null || host === seenHost || isLoopback(host)) return Infinity;
    return this.#elsewhere.take(nowMs) ? nowMs + ELSEWHERE_MS : -Infinity;
  }

  /**
   * Whether the present view can go on with this attendee as it is. It is welcomed: it and others may be told things
   * now.
   */
  #judge(attendee: Attendee): void {
    const { views, changing } = this.parts;
    if (!this.#isMember(attendee)) return;
    const { begun, promised } = attendee;
    const isInStep = isSameBallot(begun, views.ballot) && isSameBallot(promised, views.ballot);
    if (isInStep) return changing.begun(attendee);
    changing.isBroken = true;
    // In a round that began while we were away, all go on; a newcomer waits anyway.
    const isGoingOn = isSameBallot(begun, promised) && compareBallots(begun, views.ballot) > 0;
    if (!isGoingOn && !isSameBallot(begun, NO_BALLOT)) changing.isHurried = true;
  }

  #isMember(attendee: Attendee): boolean {
    const member = this.parts.views.member(attendee.key);
    return member !== null && isSameProcess(member, attendee);
  }

  /** @param isAgain Whether it was welcomed before: then it is told only what has become worse. */
  #welcome(attendee: Attendee, lacking: string[], isAgain: boolean): void {
    const { group, founding, keys, views, admission, relay, secrets, instances, out, told } =
      this.parts;
    const { link, hasSayTold } = attendee;
    const hasSay = views.open.some((view) => views.isVoiceOf(view, attendee));
    const awaited = hasSay && this.#isMember(attendee) ? [] : lacking;
    const isWorse = (hasSayTold && !hasSay) ||
      (awaited.length > 0 && awaited.join(" ") !== attendee.awaitedTold);
    // Whoever is removed is here until a view without it is decided, and could pass on the new secret.
    const isOut = admission.isOut(attendee.key);
    if (link === null || isOut || (isAgain && !isWorse)) return;
    if (!hasSay) {
      // It continues as a newcomer, and fetches the log anew.
      attendee.begun = attendee.promised = NO_BALLOT;
      attendee.isCaughtUp = false;
      attendee.source = undefined;
    }
    attendee.hasSayTold = hasSay;
    attendee.awaitedTold = awaited.join(" ");
    attendee.told = told();
    const standing = { isMember: hasSay, told: attendee.told, awaited };
    out.send(link, { type: "welcome", group, founding, ...standing, former: keys.signed });
    const datagramKeys = relay.keysFor(link);
    if (datagramKeys !== null) out.send(link, datagramKeys);
    const addresses = instances().slice(0, INSTANCES_MAX);
    if (addresses.length > 0) out.send(link, { type: "instances", addresses });
    this.#addressesTold ??= addresses;
    const secret = secrets?.current;
    if (secret) out.send(link, { type: "secret", secret });
  }

  /** Where an instance listens that has begun of late: whoever was welcomed before doesn't know it. */
  tellInstances(): void {
    const { attendance, instances, out } = this.parts;
    const addresses = instances().slice(0, INSTANCES_MAX);
    const told = new Set(this.#addressesTold?.map(endpointText));
    if (addresses.every((address) => told.has(endpointText(address)))) return;
    this.#addressesTold = addresses;
    for (const { link } of attendance.here) {
      if (link !== null) out.send(link, { type: "instances", addresses });
    }
  }

  /**
   * Names of members whose return is awaited, as nobody here has the history: of several views, as many as a message
   * takes. None while some may be back at any moment, as after a start: there is nothing to worry about yet.
   */
  get #lacking(): string[] {
    const { views, attendance } = this.parts;
    const awaited = awaitedOf(views, attendance.here);
    if (attendance.mayReturn(awaited)) return [];
    return awaited.slice(0, MEMBERS_MAX).map(({ name }) => name);
  }

  /** What the last members had is given up: who has the most of the rest is in next, with the log that it has. */
  showOutliving(): void {
    const { views, attendance, out: { nowMs } } = this.parts;
    for (const attendee of outliving(views, attendance.here, nowMs)) this.#isShown(attendee);
  }

  /** Tells those that have no say any more, or that wait for others than before. */
  tellStanding(): void {
    const lacking = this.#lacking;
    for (const attendee of this.parts.attendance.here) this.#welcome(attendee, lacking, true);
  }

  /**
   * The attendee has begun the view. If it is the sequencer, it is told again up to where we know the entries: it
   * needn't report those that another sequencer has reported since it came, and reports what replaced entries that
   * were given up.
   */
  begunAt(attendee: Attendee): void {
    const { views, told } = this.parts;
    const isSequencer = views.members[0]?.key === attendee.key;
    if (isSequencer && attendee.told !== told()) this.#welcome(attendee, [], false);
  }

  /** When there is something to tell, or a newcomer has had its time; null where there is nothing to wait for. */
  get dueMs(): number | null {
    const { failAfterMs, out: { nowMs } } = this.parts;
    const joining = this.#joining.flatMap((attendee) => {
      const shownMs = attendee.joiningSinceMs! + failAfterMs;
      const untilMs = this.#joiningUntilMs(attendee);
      return shownMs > nowMs && attendee.source === undefined ? [shownMs, untilMs] : [untilMs];
    });
    const again = this.parts.attendance.here.flatMap(({ key }) => this.#late.get(key) ?? [])
      .filter((ms) => ms > nowMs);
    const times = [...joining, ...again].filter((ms) => ms < Infinity);
    return earliestMs(this.#peersDueMs, ...times);
  }

  /**
   * Tells all whom to meet: the members of the view, then newcomers.
   * @param isUrgent Whether they must know at once; otherwise it may take a moment, where many come and go.
   */
  tellPeers(isUrgent: boolean): void {
    const { attendance, relay, out } = this.parts;
    const members = this.#peers();
    const behind = this.#behind;
    const joining = [...this.#joining, ...behind].map(({ key }) => key)
      .filter((key) => members.some((member) => member.key === key));
    const paths = members.flatMap((member) => {
      const attendee = attendance.get(member.key);
      return attendee === null ? [] : relay.pathOf(attendee, member) ?? [];
    });
    const line = JSON.stringify([
      members.map(({ incarnation, ...at }) => ({ ...at, incarnation: incarnation.toHex() })),
      joining,
      paths,
    ]);
    if (
      line !== this.#peersTold && !this.#tellings.take(out.nowMs) && !isUrgent &&
      behind.length === 0
    ) {
      if ((this.#peersDueMs ?? 0) <= out.nowMs) this.#peersDueMs = out.nowMs + 1_000 / PEERS_PER_S;
      return;
    }
    this.#peersDueMs = null;
    if (line === this.#peersTold) return;
    this.#peersTold = line;
    for (const { link } of attendance.here) {
      if (link !== null) out.send(link, { type: "peers", members, joining, paths });
    }
  }

  /**
   * Members that haven't begun the present view, and take part in the change to the next one: whoever hasn't begun it
   * either knows of no view with them, and is to send them what they lack.
   */
  get #behind(): readonly Attendee[] {
    const { views, changing, attendance } = this.parts;
    return attendance.here.filter(({ key, begun }) =>
      views.member(key) !== null && changing.isParticipant(key) &&
      !isSameBallot(begun, views.ballot)
    );
  }

  /** Members and newcomers to meet, as many as fit in a message. */
  #peers(): readonly Member[] {
    const { views, attendance } = this.parts;
    const present = views.members.flatMap(({ key }) => attendance.get(key) ?? []);
    const others = [...attendance.all].filter((attendee) =>
      !present.includes(attendee) && attendee.link !== null && attendee.departure === null
    );
    const newcomers = others.slice(0, ATTENDEES_MAX - present.length);
    return [...present.map(memberOf), ...newcomers.map((attendee) => this.#introduced(attendee))];
  }

  /**
   * An attendee can name anybody's address, to which all others would then send, again and again: one that isn't
   * believed is introduced with the address of its link.
   */
  #introduced(attendee: Attendee): Member {
    const { places, out: { nowMs } } = this.parts;
    const { key, seenHost: host, believedUntilMs } = attendee;
    const isBelieved = nowMs < believedUntilMs || places.isHeard(key);
    return isBelieved ? memberOf(attendee) : { ...memberOf(attendee), host };
  }

  /**
   * Tells newcomers from whom to fetch the log: a member that has it and that they hear, a different one for each
   * where possible. Before that, all are shown that they join.
   */
  tellSources(): void {
    const { views, attendance, out } = this.parts;
    const { here } = attendance;
    if (views.lacking(here).length > 0) return;
    const voices = voicesOf(views, here);
    for (const attendee of here) {
      const { link, isCaughtUp, departure } = attendee;
      if (link === null || isCaughtUp || departure !== null || voices.includes(attendee)) continue;
      if (this.#isFetching(attendee, voices)) continue;
      if (attendee.source && this.#isStuck(attendee)) attendee.fruitless.add(attendee.source);
      dropOldest(attendee.fruitless, MEMBERS_MAX);
      attendee.source = undefined;
      const next = this.#source(attendee, voices);
      if (next === undefined || !this.#isShown(attendee)) continue;
      attendee.source = next;
      attendee.progressAtMs = out.nowMs;
      // With several open views there may be more voices than a message takes: the present view's come first.
      const others = voices.map(({ key }) => key).filter((key) => key !== next);
      out.send(link, { type: "catch-up", source: next, others: others.slice(0, MEMBERS_MAX) });
    }
    this.tellPeers(this.#isJoiningNew);
    this.#isJoiningNew = false;
  }

  /**
   * Whether all members that are here have shown that this newcomer joins, or have had the time to; begins to show it
   * otherwise.
   */
  #isShown(attendee: Attendee): boolean {
    const { views, attendance, failAfterMs, out } = this.parts;
    const { key, name } = attendee;
    if (attendee.joiningSinceMs === null && out.nowMs < (this.#late.get(key) ?? -Infinity)) {
      return false;
    }
    if (attendee.joiningSinceMs === null) {
      attendee.joiningSinceMs = out.nowMs;
      attendee.wasCaughtUp = null;
      out.show({ event: "joining", name, key: fingerprintOf(key) });
      this.#isJoiningNew = true;
    }
    if (out.nowMs >= attendee.joiningSinceMs + failAfterMs) return true;
    return views.members.every((member) => {
      const other = attendance.get(member.key);
      return other === null || other.link === null || other.showsJoining.has(key);
    });
  }

  /** Whether more of the log may still come from the source that the newcomer was sent to. */
  #isFetching(attendee: Attendee, voices: readonly Attendee[]): boolean {
    const { source, hears } = attendee;
    if (source === undefined || this.#isStuck(attendee)) return false;
    return source === null ||
      (hears?.has(source) === true && voices.some(({ key }) => key === source));
  }

  #isStuck({ progressAtMs }: Attendee): boolean {
    return progressAtMs + WAIT_MS_MAX <= this.parts.out.nowMs;
  }

  /** @returns Null: the coordinator; undefined where the newcomer hears nobody who is free. */
  #source(
    { hears, fruitless }: Attendee,
    voices: readonly Attendee[],
  ): PeerKey | null | undefined {
    const { views, attendance: { here }, out: { nowMs } } = this.parts;
    if (views.members.length === 0) {
      return outliving(views, here, nowMs).length > 0 ? undefined : null;
    }
    const sequencer = views.members[0]!.key;
    const asked = (key: PeerKey) =>
      here.filter(({ source, isCaughtUp }) => source === key && !isCaughtUp).length;
    const cost = ({ key }: Attendee) => asked(key) + (key === sequencer ? here.length : 0);
    const newest = voices.map(({ begun }) => begun).toSorted(compareBallots).at(-1)!;
    const free = voices.filter(({ key, departure, begun }) =>
      departure === null && compareBallots(begun, NO_BALLOT) > 0 && hears?.has(key) === true &&
      // The present view may be void: a member of it alone lacks what an older view has shown since.
      (views.isConfirmed || isSameBallot(begun, newest))
    );
    // A source that sends nothing, being stuck or a liar, is asked again once all others were tried.
    const isTried = free.length > 0 && free.every(({ key }) => fruitless.has(key));
    if (isTried) fruitless.clear();
    const untried = free.filter(({ key }) => !fruitless.has(key));
    return untried.toSorted((a, b) => cost(a) - cost(b))[0]?.key;
  }
}
