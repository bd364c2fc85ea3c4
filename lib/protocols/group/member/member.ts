/**
 * A member of a group: all members have the same log, entry for entry.
 *
 * The picture: what is said goes to all members, the oldest of them numbers it, and what all have on disk is an
 * entry, for ever. The coordinator only says who the members are; while it is away the members go on by themselves,
 * as long as all of them are there.
 *
 * `membership.ts` is the part within the group: `sequencing.ts` one epoch's chat, `view_change_participant.ts` how the
 * next epoch begins, `leaderless_rounds.ts` and `view_change_leader.ts` the same without a coordinator, `catching_up.ts`
 * a newcomer's history, `edit_participant.ts` edits. `send_queue.ts` and `editing.ts` keep what the user says and asks
 * for, `member_user.ts` answers the user, `coordinator_session.ts` speaks with the coordinator, `peers.ts` says who
 * else is there. Here is what they share, and where each input goes.
 *
 * The caller's duties are those in `member_io.ts`.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { Agenda, type Machine } from "../../../base/machine/machine.ts";
import { CoordinatorSession } from "./coordinator_session.ts";
import {
  endpointOf,
  type Epoch,
  type Member as GroupMember,
  type SignedEpoch,
} from "../schema/epoch.ts";
import { Editing } from "../edits/editing.ts";
import { keptFormerKeys, type SignedFormerKeys } from "../schema/former_keys.ts";
import { accessText, type Founding, keptFounding, rulesText } from "../schema/founding.ts";
import { EntryLookups, HeldBatches } from "../log/held_batches.ts";
import { HistoryEnd } from "../schema/history.ts";
import {
  ATTENDEES_MAX,
  GROUPS_LEFT_MAX,
  INCARNATION_BYTES,
  INCARNATION_START_BYTES,
  OFFENDER_BAN_MS,
} from "../schema/limits.ts";
import { Listed } from "./listed.ts";
import type { MemberConfig, MemberEffect, MemberInput, PeerPlaces } from "../schema/member_io.ts";
import { restoreMember } from "../log/member_log.ts";
import { MemberNames } from "../identity/member_names.ts";
import { MemberOutput } from "../schema/member_output.ts";
import { MemberUser } from "./member_user.ts";
import { unheardText } from "./member_events.ts";
import { MemberPresences } from "./member_presences.ts";
import { Membership, type MembershipParts } from "./membership.ts";
import { type GroupMessage, MEMBER_GOODBYE, type MemberPath } from "../schema/messages.ts";
import { Peers } from "../detector/peers.ts";
import type { MemberRecord, NewLogRecord } from "../schema/records.ts";
import { type Self, SendQueue } from "../log/send_queue.ts";
import type { Promises } from "../log/promises.ts";
import { Reads } from "../catch_up/supplying.ts";
import { Unheard } from "../detector/unheard.ts";

const NO_BYTES = new Uint8Array();
/** What happens where the disk takes nothing: part of a sentence. */
const LEAVES_FOR_DISK =
  "this program ends; after you start it again, resend your messages that aren't entries";

export class Member implements Machine<MemberInput, MemberEffect> {
  readonly self: Self & { readonly key: PeerKey };
  readonly out = new MemberOutput((key) => this.#listed.mayReceive(key));
  readonly reads = new Reads((effect) => this.out.push(effect));
  readonly looks = new EntryLookups((effect) => this.out.push(effect));
  readonly peers: Peers;
  readonly names: MemberNames;
  readonly editing: Editing;
  readonly standing: Promises;
  readonly session: CoordinatorSession;
  readonly saying: SendQueue;
  readonly presences: MemberPresences;
  membership: Membership | null = null;
  readonly #listed: Listed;
  readonly #user: MemberUser;
  /** While we are a newcomer: with whom no datagrams are exchanged. */
  readonly #unheard = new Unheard();
  /** Members of the present view, and newcomers, as the coordinator says. */
  #roster: readonly GroupMember[] = [];
  /** How the coordinator reaches those of them that it can. */
  #paths: ReadonlyMap<PeerKey, MemberPath> = new Map();
  /** Records that the disk should have and that were missing at the start. */
  readonly #repairs: readonly MemberRecord[];
  /** Groups that this process was in before: a coordinator with another disk may bring it back to one. */
  readonly #left = new Set<Hash>();
  readonly #membershipParts: MembershipParts;
  readonly #agenda: Agenda;

  constructor(
    readonly config: MemberConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const { records, history, pins, refused, verified } = config;
    const restored = restoreMember(records, history, signer.key, environment.crypto);
    const standing = this.standing = restored.standing;
    const incarnation = environment.randomBytes(INCARNATION_BYTES);
    const [start = ""] = standing.starts;
    incarnation.set(Uint8Array.fromHex(start));
    const incarnationId = incarnation.toHex();
    const selfKey = signer.key;
    const self = this.self = { name: config.name, key: selfKey, incarnation, incarnationId };
    const { out, reads, looks } = this;
    const peers = this.peers = new Peers(out);
    const names = this.names = new MemberNames(selfKey, pins, out, refused, verified);
    names.shown(selfKey, config.name);
    names.recorded(history?.claims ?? new Map());
    const presences = this.presences = new MemberPresences({ self, out, names, peers });
    const around = { self, selfKey, signer, environment, config };
    const shared = { ...around, out, looks, names, peers, standing, presences };
    const membership = () => this.membership;
    const heardChanged = () => this.#heardChanged();
    const listed = this.#listed = new Listed({
      ...shared,
      viewed: () => this.viewed,
      position: () => this.membership?.held.position ?? 0,
      changed: heardChanged,
      isLate: (key) => this.membership?.joinsNoMore(key),
    });
    const saying = this.saying = new SendQueue(self, signer, environment, out, restored.said);
    const session = this.session = new CoordinatorSession({
      ...shared,
      user: () => this.#user,
      membership,
      lastEdit: () => this.#lastEdit,
      enter: (group, founding, coordinator, named) =>
        this.#enter(group, founding, coordinator, named),
      rosterIs: (members, joining, paths) => this.#rosterIs(members, joining, paths),
      membersAre: (keys) => this.#membersAre(keys),
      coordinatorUp: (told) => this.membership!.coordinatorUp(told),
      handsOver: (position) => this.#handsOver(position),
      coordinatorDown: () => this.#coordinatorDown(),
    });
    const editing = this.editing = new Editing({
      ...shared,
      editingIn: () => this.epoch === null ? null : this.membership,
      saying,
      coordinator: session,
    }, restored.asked);
    const user = this.#user = new MemberUser({
      ...shared,
      saying,
      editing,
      coordinator: session.link,
      coordinatorAsks: () => session.asks,
      listed,
      membership,
      awaited: () => session.awaited,
      unheard: () => this.#unheardText(this.#unheard.lasting(out.nowMs)),
    });
    const parts = this.#membershipParts = {
      ...shared,
      reads,
      saying,
      editing,
      coordinator: session,
      isStalled: () => user.isStalled,
      heardChanged,
      epochBegan: (epoch: Epoch) => this.#epochBegan(epoch),
      progress: () => {
        user.progress();
        editing.pump();
      },
    };
    this.#agenda = new Agenda([
      session.link,
      peers,
      listed,
      user.deadlines,
      presences,
      { nextMs: () => this.#unheard.dueMs, tick: (nowMs) => this.#tellUnheard(nowMs) },
      {
        nextMs: () => this.membership?.deadlines.nextMs() ?? null,
        tick: (nowMs) => this.membership?.deadlines.tick(nowMs),
      },
    ]);
    const { group } = standing;
    const { held, prepared } = restored;
    if (group !== null && held !== null) {
      this.membership = new Membership(parts, group, held, prepared);
    }
    this.#repairs = restored.isDamaged ? repairsOf(standing, history) : [];
  }

  /** The epoch that this process is in; null while in none. */
  get epoch(): SignedEpoch | null {
    return this.membership?.epoch ?? null;
  }

  /**
   * Members of the view that counts here: the present one or, in no epoch, the last one, as a round and a change of the
   * view need it. These may have left since: nothing that others have said since then is theirs.
   */
  get viewed(): readonly GroupMember[] {
    const { membership, standing: { lastEpoch } } = this;
    const present = membership?.epoch?.epoch.value;
    if (present !== undefined) return present.members;
    if (membership === null || lastEpoch === null) return [];
    const { held } = membership;
    const hasOthers = held.lacksNames(lastEpoch) && held.position > lastEpoch.start.position;
    return hasOthers ? [] : lastEpoch.members;
  }

  #unheardText(keys: readonly PeerKey[]): string | null {
    const { names, session: { link: { endpoint } }, config: { listening } } = this;
    const members = this.#roster.filter(({ key }) => keys.includes(key));
    return members.length === 0 ? null : unheardText(members, names, listening.port, endpoint.host);
  }

  get #lastEdit(): number {
    const { membership, editing } = this;
    return Math.max(
      membership?.held.lastEdit ?? 0,
      membership?.voting.number ?? 0,
      editing.number,
    );
  }

  /** Records of a compacted file, without the log; null while a write is under way that they would lack. */
  snapshot(): Iterable<MemberRecord> | null {
    return this.out.isWriting ? null : this.#snapshot();
  }

  *#snapshot(): IterableIterator<MemberRecord> {
    const { group, coordinator, promised, isLeaving, begun, levelled, isOut, isRecovering } =
      this.standing;
    const isLost = this.standing.isLost && !isRecovering;
    if (group === null || coordinator === null || this.membership === null) return;
    yield groupRecord(this.standing);
    const { view, former } = this.standing;
    if (former !== null) yield { kind: "former", signed: former };
    if (view !== null && view !== begun) yield { kind: "view", signed: view };
    if (begun !== null) yield { kind: "begun", signed: begun };
    const flushed = { number: this.standing.flushed, round: 0 };
    if (promised.round > 0) yield { kind: "promised", ballot: flushed, isLeaving: false };
    yield { kind: "promised", ballot: promised, isLeaving };
    if (isOut) yield { kind: "out" };
    yield* this.membership.voting.records();
    yield* this.editing.records();
    // What was said before the log was set aside comes before the record that says so.
    if (isLost) yield* this.saying.snapshot(group);
    if (isLost) yield this.standing.lostRecord();
    if (isRecovering) yield { kind: "recovered" };
    yield { kind: "levelled", ballot: levelled };
    for (const { signed: batch, before } of this.membership.held.toKeep()) {
      yield { kind: "held", after: before.position, batch };
    }
    if (!isLost) yield* this.saying.snapshot(group);
  }

  step(input: MemberInput, nowMs: number): readonly MemberEffect[] {
    const { out } = this;
    out.begin(nowMs);
    if (out.isStopped) return out.take();
    if (out.clock.stalledMs > 0) this.#awoke(out.clock.stalledMs);
    this.#handle(input);
    this.#user.settle();
    out.clock.dueMs = out.isStopped ? null : this.#agenda.nextMs();
    return out.take();
  }

  nextDeadlineMs(): number | null {
    return this.out.clock.nextDeadlineMs();
  }

  #awoke(stalledMs: number): void {
    this.session.link.awoke();
    this.session.awoke(stalledMs);
  }

  #handle(input: MemberInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "link-up":
        this.membership?.telling.linked();
        return this.session.linkUp(input.link, input.peer);
      case "dial-failed":
        return this.session.dialFailed(input);
      case "link-down":
        return this.session.linkDown(input.link, input.closed ? input.reason : null);
      case "message":
        return this.session.says(input.link, input.message);
      case "unknown-message":
        return this.session.saysUnknown(input.link, input.code);
      case "drained":
        return;
      case "persisted":
        return this.out.persisted(input.token);
      case "persist-failed":
        return this.out.fatal("disk", `${input.text}; ${LEAVES_FOR_DISK}`);
      case "read":
        return this.reads.answered(input.token, input.read);
      case "looked":
        return this.looks.looked(input.token, input.entry);
      case "command":
        return this.#user.command(input.command, input.ref);
      case "tick":
        return this.#agenda.tick(this.out.nowMs);
      case "peer-message":
        return this.#peerSays(input.peer, input.message);
      default:
        return this.#peer(input);
    }
  }

  #start(): void {
    this.out.store(...this.#repairs);
    this.names.met(this.standing.lastEpoch?.members ?? []);
    this.session.link.dial();
  }

  #tellUnheard(nowMs: number): void {
    const unheard = this.#unheardText(this.#unheard.take(nowMs));
    if (unheard !== null) this.out.warn(unheard);
  }

  // The coordinator.

  #enter(
    group: Hash,
    founding: Founding,
    coordinator: PeerKey,
    named: SignedFormerKeys | null,
  ): Membership {
    const { standing, out, config } = this;
    const records: MemberRecord[] = [];
    const isOther = standing.group !== group;
    const wasIn = standing.group !== null;
    if (isOther && wasIn) {
      out.warn("The coordinator has another group now: the log of the former group is set aside");
      this.membership?.goOut();
      this.reads.forget();
      this.looks.forget();
      this.#left.add(standing.group!);
      dropOldest(this.#left, GROUPS_LEFT_MAX);
      this.#user.forgetUnsaid();
      this.editing.forget();
    }
    if (isOther || standing.coordinator !== coordinator) {
      standing.enter(group, keptFounding(founding), coordinator);
      if (isOther) standing.starts = this.#starts(group, wasIn);
      records.push(groupRecord(standing));
    }
    // A coordinator that lost its disk may know of no view any more: what it has signed before still holds.
    const known = standing.former?.former.bytes ?? NO_BYTES;
    if (named !== null && !sameBytes(named.former.bytes, known)) {
      standing.former = keptFormerKeys(named);
      records.push({ kind: "former", signed: standing.former });
    }
    out.store(...records);
    if (!isOther) return this.membership!;
    const isKnown = !wasIn && config.history?.group === group;
    const history = isKnown ? config.history : new HistoryEnd(this.environment.crypto, group);
    if (!isKnown) {
      const because = wasIn || config.history !== null ? "foreign" : null;
      out.store({ kind: "new-log", founding: standing.founding!, because });
    }
    out.notice(`${accessText(founding)}; ${rulesText(founding)}`);
    const membership = this.membership = new Membership(
      this.#membershipParts,
      group,
      new HeldBatches(history),
      [],
    );
    this.saying.draftAll(group);
    return membership;
  }

  /**
   * Incarnations of ours by which a copy of this disk from before its first view finds out that another copy has gone
   * on. Our own beginning may be that of processes that were in this group before the group we come from: then later
   * ones have another.
   */
  #starts(group: Hash, wasInOther: boolean): readonly string[] {
    const { incarnation, incarnationId } = this.self;
    if (!wasInOther) return [incarnation.subarray(0, INCARNATION_START_BYTES).toHex()];
    const random = this.environment.randomBytes(INCARNATION_START_BYTES).toHex();
    // In a group that we come back to, this process itself has spoken before.
    return this.#left.has(group) ? [random] : [random, incarnationId];
  }

  #coordinatorDown(): void {
    this.#listed.coordinatorLost();
    this.#introduce();
    this.membership?.coordinatorDown();
  }

  // Other members.

  #peer(
    input: Extract<MemberInput, { readonly peer: PeerKey; readonly type: `peer-${string}` }>,
  ): void {
    const { peers, membership } = this;
    const { peer: key } = input;
    switch (input.type) {
      case "peer-up":
        this.#user.cameAgain(key);
        if (peers.up(key) !== null) membership?.peerUp(key);
        this.presences.tellThoseUp();
        break;
      case "peer-reset":
        this.#user.cameAgain(key);
        membership?.peerGone(key);
        this.presences.channelEnded(key);
        if (peers.reset(key) !== null) membership?.peerUp(key);
        this.presences.tellThoseUp();
        break;
      case "peer-silent":
      case "peer-heard":
        peers.setSilent(key, input.type === "peer-silent");
        break;
      case "peer-failed":
      case "peer-ended":
        if (input.type === "peer-ended" && input.text === MEMBER_GOODBYE) {
          this.#user.saidGoodbye(key);
        }
        membership?.peerGone(key);
        peers.ended(key);
        this.presences.channelEnded(key);
        break;
      case "peer-congested":
      case "peer-drained":
        peers.setCongested(key, input.type === "peer-congested");
        membership?.ordering?.congested(key, input.type === "peer-congested");
        if (input.type === "peer-drained") membership?.supplier.resume(key);
        return;
      case "peer-unknown-message":
        return this.#unknownFromPeer(key, input.code);
      case "peer-message":
        return;
      default:
        unreachable(input);
    }
    this.#heardChanged();
  }

  #peerSays(key: PeerKey, message: GroupMessage): void {
    const { membership, peers, out } = this;
    if (membership === null) return;
    if (peers.mayHear(key, message, out.nowMs)) return membership.hearing.fromMember(key, message);
    membership.offends(key, "it sends too many messages");
  }

  #unknownFromPeer(key: PeerKey, code: number): void {
    const peer = this.peers.get(key);
    if (peer === null) return;
    const fault = peer.unknownMessages.fault(this.out.nowMs);
    if (fault !== null) {
      this.peers.ban(key, fault, OFFENDER_BAN_MS);
      return this.#heardChanged();
    }
    this.out.tell([key], { type: "unknown", code });
  }

  #rosterIs(
    members: readonly GroupMember[],
    joining: readonly PeerKey[],
    paths: readonly MemberPath[],
  ): void {
    this.#roster = members;
    this.#paths = new Map(paths.map((path) => [path.key, path]));
    this.names.present(members);
    this.#listed.areHere(members, joining);
    this.#introduce();
  }

  /**
   * The coordinator fetches our log. It is owed that only by the last member, who leaves; otherwise our user is shown
   * that it joins.
   */
  #handsOver(position: number): void {
    const last = (this.epoch ?? this.standing.begun)?.epoch.value.members ?? [];
    const isOwed = this.#user.isLeaving && last.every(({ key }) => key === this.self.key);
    const key = this.session.link.peer;
    if (!isOwed && key !== null) this.#listed.coordinatorAsks(key);
    this.#user.handsOver(position);
  }

  /** The texts of these members will be shown, before a view begins that we are in. */
  #membersAre(keys: readonly PeerKey[]): void {
    this.names.met(this.#roster.filter(({ key }) => keys.includes(key)));
  }

  /** Meets the members that the coordinator and the epoch name, and parts from others. */
  #introduce(): void {
    const wanted = new Map<PeerKey, PeerPlaces>();
    const { membership, session: { isUp, link: { endpoint } } } = this;
    const view = membership?.epoch?.epoch.value ?? (isUp ? null : membership?.roundView);
    const add = (members: readonly GroupMember[]) => {
      for (const member of members) {
        if (member.key === this.self.key) continue;
        const path = this.#paths.get(member.key);
        wanted.set(member.key, {
          endpoint: endpointOf(member, endpoint.host),
          seen: path?.seen ?? null,
          relay: path?.number ?? null,
        });
      }
    };
    add(view?.members ?? []);
    add(this.#roster);
    for (const peer of this.peers.introduce(wanted)) {
      if (peer.isUp) membership?.peerUp(peer.key);
      for (const message of this.peers.takeWaiting(peer)) {
        membership?.hearing.fromMember(peer.key, message);
      }
    }
    this.#heardChanged();
  }

  #heardChanged(): void {
    const { membership, peers } = this;
    if (membership === null) return;
    let heard = peers.heard();
    // Beside the members that the coordinator named, there are those of an epoch that it may have left behind.
    if (heard.length > ATTENDEES_MAX) {
      const named = new Set(this.#roster.map(({ key }) => key));
      heard = heard.filter((key) => named.has(key));
    }
    this.session.tellHeard(
      heard,
      membership.isCaughtUp,
      this.#listed.joining,
      this.#user.saidToLeave,
    );
    this.#noteUnheard(membership);
  }

  #noteUnheard({ epoch }: Membership): void {
    if (epoch !== null) return this.#unheard.forget();
    const others = this.session.isUp ? this.#roster : [];
    const unheard = others.filter(({ key }) => key !== this.self.key && !this.peers.isHeard(key));
    this.#unheard.are(unheard.map(({ key }) => key), this.out.nowMs);
  }

  #epochBegan(epoch: Epoch): void {
    this.session.epochBegan();
    this.names.met(epoch.members);
    this.#listed.viewBegan(epoch.members);
    this.#introduce();
    this.#user.epochBegan(epoch);
    this.presences.epochBegan(epoch);
  }
}

function groupRecord(standing: Promises): MemberRecord {
  const { starts } = standing;
  return { ...standing.lostRecord(), ...(starts.length === 0 ? {} : { starts }) };
}

/** Records written at the start after damage to the disk: they say that what was begun and held is lost. */
function repairsOf(standing: Promises, history: HistoryEnd | null): readonly MemberRecord[] {
  const { group, founding } = standing;
  if (group === null || founding === null) return [];
  const lost = standing.lostRecord();
  if (history?.group === group) return [lost];
  // The process was killed between the two writes when it first came in: there was no log yet.
  const none = standing.begun === null ? null : "damaged";
  const because: NewLogRecord["because"] = history === null ? none : "foreign";
  return [lost, { kind: "new-log", founding, because }];
}
