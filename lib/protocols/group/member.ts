/**
 * A member of a group: all members have the same log, entry for entry.
 *
 * The picture: what is said goes to all members, the oldest of them numbers it, and what all have on disk is an
 * entry, for ever. The coordinator only says who the members are; while it is away the members go on by themselves,
 * as long as all of them are there.
 *
 * `membership.ts` is the part within the group: `ordering.ts` one epoch's chat, `participating.ts` how the next
 * epoch begins, `rounds.ts` and `leading.ts` the same without a coordinator, `catching_up.ts` a newcomer's history,
 * `voting.ts` edits. `saying.ts` and `editing.ts` keep what the user says and asks for, `member_user.ts` answers the
 * user, `peers.ts` and `coordinator_link.ts` say who is there. Here is what the coordinator says, and where each input
 * goes.
 *
 * The caller's duties are those in `member_io.ts`.
 */

import { sameBytes } from "../../base/bytes.ts";
import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import { fingerprintOf } from "../../base/fingerprint.ts";
import {
  type Endpoint,
  endpointText,
  type Hash,
  type LinkId,
  type PeerKey,
  type RequestId,
} from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import { Deadlines, earliestMs, type Machine } from "../../base/machine.ts";
import { stalledMs } from "../../base/mode_machine.ts";
import { visibleText } from "../../base/text.ts";
import { NO_BALLOT } from "./ballot.ts";
import { CoordinatorLink } from "./coordinator_link.ts";
import { endpointOf, type Epoch, type Member as GroupMember, type SignedEpoch } from "./epoch.ts";
import { Editing } from "./editing.ts";
import { isFormerOf, keptFormerKeys, type SignedFormerKeys } from "./former_keys.ts";
import { Held } from "./held.ts";
import { COORDINATOR_NAME, HistoryEnd } from "./history.ts";
import {
  INCARNATION_BYTES,
  INQUIRE_MS,
  LAGGING_MS_MAX,
  OFFENDER_BAN_MS,
  STRANGE_TOLD_MS,
  UNKNOWN_MESSAGES_MAX,
} from "./limits.ts";
import type { MemberConfig, MemberEffect, MemberInput } from "./member_io.ts";
import { restoreMember } from "./member_log.ts";
import { MemberNames } from "./member_names.ts";
import { MemberOutput } from "./member_output.ts";
import { MemberUser } from "./member_user.ts";
import { joinedNames } from "./member_view.ts";
import { Membership } from "./membership.ts";
import type { GroupMessage, GroupMessageOf } from "./messages.ts";
import { Peers } from "./peers.ts";
import type { MemberRecord, NewLogRecord } from "./records.ts";
import { Saying, type Self } from "./saying.ts";
import type { Standing } from "./standing.ts";
import type { Aborted } from "./voting.ts";

const DEADLINES = ["round", "laggards", "contest", "inquire", "report"] as const;

/** A view that can't go on is looked at so often while the coordinator is away. */
const ROUND_MS = 1_000;
const NO_BYTES = new Uint8Array();
/** What follows where the disk takes nothing: part of a sentence. */
const LEAVES_FOR_DISK =
  "this member leaves the group to the others; once it is back, send again what of yours is no entry";

export class Member implements Machine<MemberInput, MemberEffect> {
  // Shared with the parts; each is bounded by itself.
  readonly self: Self & { readonly key: PeerKey };
  readonly out = new MemberOutput();
  readonly peers: Peers;
  readonly names: MemberNames;
  readonly saying: Saying;
  readonly editing: Editing;
  readonly standing: Standing;
  readonly coordinator: CoordinatorLink;
  readonly user: MemberUser;
  membership: Membership | null = null;
  /** Whom a newcomer waits for, as the coordinator says. */
  awaited: readonly string[] = [];
  /** Whoever answered last at its address, where that had another key. */
  strangeCoordinator: PeerKey | null = null;
  /** Of the present view, and newcomers, as the coordinator says. */
  #roster: readonly GroupMember[] = [];
  /** What was told by `heard`, in one text. */
  #heardTold = "";
  #strangeToldAtMs = -Infinity;
  /** Whether the coordinator has asked, on this link, what there was, and doesn't know its group yet. */
  #isAsked = false;
  #unknownMessages = 0;
  /** The records lack something that the disk should have. */
  readonly #repairs: readonly MemberRecord[];
  readonly #deadlines = new Deadlines(DEADLINES);
  #lastStepMs = 0;
  #dueMs: number | null = null;

  constructor(
    readonly config: MemberConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const incarnation = environment.randomBytes(INCARNATION_BYTES);
    const incarnationId = incarnation.toHex();
    this.self = { name: config.name, key: signer.key, incarnation, incarnationId };
    const { out } = this;
    const { records, history } = config;
    const restored = restoreMember(records, history, signer.key, environment.crypto);
    this.standing = restored.standing;
    this.peers = new Peers(out);
    this.names = new MemberNames(signer.key, config.pins, out);
    this.names.shown(signer.key, config.name);
    this.saying = new Saying(this.self, signer, environment, out, restored.said);
    this.editing = new Editing(this, restored.asked);
    this.coordinator = new CoordinatorLink(config.coordinator, config.expect, {
      out,
      random: environment.random,
      hello: () => this.#hello(),
      coordinatorDown: () => this.#coordinatorDown(),
    });
    this.user = new MemberUser(this);
    const { group } = restored.standing;
    if (group !== null && restored.held !== null) {
      this.membership = new Membership(this, group, restored.held, restored.prepared);
      this.names.met(restored.standing.lastEpoch?.members ?? []);
    }
    this.#repairs = restored.isDamaged ? repairsOf(restored.standing, history) : [];
  }

  /** The epoch that this process is in; null while in none. */
  get epoch(): SignedEpoch | null {
    return this.membership?.epoch ?? null;
  }

  get selfKey(): PeerKey {
    return this.self.key;
  }

  get isCoordinatorUp(): boolean {
    return this.coordinator.isWelcomed;
  }

  get isCoordinatorDown(): boolean {
    return this.coordinator.state === "down";
  }

  get isStalled(): boolean {
    return this.user.isStalled;
  }

  /** For a compacted file, without the log; null while a write is under way that it would lack. */
  snapshot(): Iterable<MemberRecord> | null {
    return this.out.isWriting ? null : this.#snapshot();
  }

  *#snapshot(): IterableIterator<MemberRecord> {
    const { group, coordinator, promised, isLeaving, begun, levelled, isOut, isRecovering } =
      this.standing;
    const isLost = this.standing.isLost && !isRecovering;
    if (group === null || coordinator === null || this.membership === null) return;
    yield { kind: "group", group, coordinator };
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
    // What was said before the log was set aside stands before that.
    if (isLost) yield* this.saying.snapshot(group);
    if (isLost) yield { kind: "group", group, coordinator };
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
    const delayMs = stalledMs(this.#dueMs, this.#lastStepMs, nowMs);
    this.#lastStepMs = nowMs;
    if (delayMs > 0) this.#postpone(delayMs);
    this.#handle(input);
    this.user.settle();
    this.#dueMs = out.isStopped ? null : earliestMs(
      this.#deadlines.nextMs(),
      this.user.nextMs(),
      this.coordinator.nextMs(),
      this.peers.nextMeetMs(),
    );
    return out.take();
  }

  nextDeadlineMs(): number | null {
    return this.#dueMs;
  }

  #postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
    this.membership?.ordering?.postpone(delayMs);
    this.membership?.contests.postpone(delayMs);
    this.user.postpone(delayMs);
    this.coordinator.postpone(delayMs);
  }

  #handle(input: MemberInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "link-up":
        return this.#linkUp(input.link, input.peer);
      case "dial-failed":
        return this.#dialFailed(input);
      case "link-down":
        if (this.coordinator.down(input.link)) this.#heardTold = "";
        return;
      case "message":
        if (this.coordinator.heard(input.link)) this.#coordinatorSays(input.message);
        return;
      case "unknown-message":
        return this.#unknownFromCoordinator(input.link, input.code);
      case "drained":
        return;
      case "persisted":
        return this.out.persisted(input.token);
      case "persist-failed":
        return this.out.fatal("disk", `${input.text}; ${LEAVES_FOR_DISK}`);
      case "read":
        return this.membership?.reads.answered(input.token, input.read);
      case "looked":
        return this.membership?.looks.looked(input.token, input.entry);
      case "command":
        return this.user.command(input.command, input.ref);
      case "tick":
        return this.#tick();
      case "peer-message":
        return this.#peerSays(input.peer, input.message);
      default:
        return this.#peer(input);
    }
  }

  #start(): void {
    this.out.store(...this.#repairs);
    this.coordinator.dial();
  }

  #tick(): void {
    this.coordinator.tick();
    this.peers.meetDue();
    this.user.tick();
    for (const due of this.#deadlines.takeDue(this.out.nowMs)) {
      if (due === "laggards") this.membership?.partLaggards();
      else if (due === "contest") this.membership?.contests.tick();
      else if (due === "inquire") this.#inquire();
      else if (due === "report") this.membership?.observed.reporting.tick();
      else if (this.membership?.rounds.goOn()) {
        this.#deadlines.setEarliest("round", this.out.nowMs + ROUND_MS);
      }
    }
  }

  // The coordinator.

  #hello(): GroupMessageOf<"hello"> {
    const { name, incarnation } = this.self;
    const { host, port, history } = this.config;
    const { group, begunBallot: begun, isLost } = this.standing;
    // Who has lost what it held speaks for no view, nor for one that it would only have promised.
    const promised = isLost ? NO_BALLOT : this.standing.promised;
    const of = group ?? history?.group ?? null;
    return { type: "hello", name, incarnation, host, port, group: of, begun, promised };
  }

  #linkUp(link: LinkId, peer: PeerKey): void {
    this.#heardTold = "";
    this.#isAsked = false;
    this.strangeCoordinator = null;
    this.membership?.telling.linked();
    this.coordinator.up(link, peer);
  }

  #dialFailed({ attempt, reason, text, key }: Extract<MemberInput, { type: "dial-failed" }>): void {
    if (reason === "wrong-key" && key !== null) this.#strange(key);
    this.coordinator.dialFailed(attempt, visibleText(text));
  }

  #strange(key: PeerKey): void {
    const { config, out } = this;
    this.strangeCoordinator = key;
    const address = endpointText(config.coordinator);
    const { expect } = this.coordinator;
    const found =
      `The coordinator at ${address} has another key than before: ${fingerprintOf(key)}` +
      `, it was ${expect}`;
    if (!this.user.isReady) {
      const way = `if that is right, delete the line with ${expect} from ` +
        `${config.files.knownPeers} and start again`;
      return out.fatal("key-changed", `${found}; ${way}`);
    }
    if (out.nowMs < this.#strangeToldAtMs + STRANGE_TOLD_MS) return;
    this.#strangeToldAtMs = out.nowMs;
    const way =
      `if that is right: /trust ${COORDINATOR_NAME}; where its group's log isn't yours, ` +
      "yours is set aside then";
    out.error("key-changed", `${found}; ${way}`);
  }

  #coordinatorDown(): void {
    const { out, config } = this;
    const { failure } = this.coordinator;
    if (!config.wait && !this.user.isReady) {
      const address = endpointText(config.coordinator);
      const because = failure === null ? "doesn't answer" : `can't be reached: ${failure}`;
      return out.fatal(
        "unreachable",
        `The coordinator at ${address} ${because}; check the address and that it runs, or leave out ` +
          "--no-wait to wait for it",
      );
    }
    this.user.ready();
    const reason = failure === null ? {} : { reason: failure };
    out.show({ event: "coordinator", state: "down", ...reason });
    this.#introduce();
    this.membership?.coordinatorDown();
    this.editing.coordinatorDown();
    this.#inquireSoon();
    this.stuck();
  }

  #coordinatorSays(message: GroupMessage): void {
    if (message.type === "refuse") return this.#refused(message);
    if (message.type === "welcome") return this.#welcome(message);
    if (message.type === "unknown") return;
    if (message.type === "recount") return this.#recount(message);
    const { membership } = this;
    if (message.type === "probe" && this.#isAsked) return this.#tellAlive();
    if (membership === null || !this.coordinator.isWelcomed) {
      return this.coordinatorOffends(`${message.type} before welcome`);
    }
    const { participating } = membership;
    switch (message.type) {
      case "probe":
        this.#tellAlive();
        return membership.telling.more();
      case "peers":
        this.#roster = message.members;
        this.names.met(message.members);
        return this.#introduce();
      case "departed":
        return this.user.departed(message.left);
      case "catch-up":
        if (membership.epoch !== null || participating.isBeginning) return;
        participating.abandon(); // it went on without us
        return membership.catchUp(message);
      case "flush":
        membership.leading.abandon();
        return participating.flush(null, message);
      case "level":
        return participating.level(null, message);
      case "begin":
        participating.begin(null, message.signed);
        return;
      case "fetch":
        return membership.supplier.fetch(null, message);
      case "history":
        return membership.history(null, message);
      case "unlike":
        return membership.unlike(null, message);
      case "edit-accepted":
        this.#deadlines.setEarliest("inquire", this.out.nowMs + INQUIRE_MS);
        return this.editing.accepted(message);
      case "edit-refused":
        return this.editing.refused(message);
      case "prepare":
        return membership.voting.prepare(message);
      case "committed":
        membership.observed.cutPart.received(null, message.signed);
        return membership.voting.committed(null, message);
      case "aborted":
        return membership.voting.aborted(null, message);
      case "parted":
        return this.#parted(message);
      case "recover":
        return membership.recover();
      case "equivocated":
        return membership.contests.judged(message);
      case "marker":
        return membership.observed.cutPart.marker(null, message);
      case "snapshot-over":
        return membership.observed.cutPart.over(message.attempt);
      default:
        this.coordinatorOffends(`${message.type} isn't for members`);
    }
  }

  #tellAlive(): void {
    const held = this.membership?.held ?? null;
    const end = held?.log ?? { position: 0, digest: "0".repeat(64) as Hash };
    this.coordinator.send({ type: "alive", end, seq: held?.logSeq ?? 0 });
  }

  /** The coordinator's disk is lost, or old: we tell what ours has, and go on as if it weren't there. */
  #recount({ isLost: isUnknown, awaited }: GroupMessageOf<"recount">): void {
    const { standing, membership } = this;
    const { group, begun, view, promised, isLost, isOut, former } = standing;
    this.coordinator.send({
      type: "account",
      group,
      epoch: begun,
      view: view === begun ? null : view,
      promised,
      isLost,
      isOut,
      edit: Math.max(
        membership?.held.lastEdit ?? 0,
        membership?.voting.number ?? 0,
        this.editing.number,
      ),
      former,
    });
    if (isUnknown) this.#tellAsked(awaited);
  }

  #tellAsked(awaited: readonly string[]): void {
    const { out } = this;
    const isFirst = !this.#isAsked;
    this.#isAsked = true;
    this.user.welcomed();
    const isNew = awaited.some((name) => !this.awaited.includes(name));
    if (!this.isCoordinatorUp) this.awaited = awaited;
    if (!isFirst && !isNew) return;
    const whom = awaited.length === 0 ? "" : `; it waits for ${joinedNames(awaited)}`;
    out.warn(
      `The coordinator lost what it knew of the group, and asks all members what there was${whom}: ` +
        "joining and editing wait for that",
    );
  }

  #refused({ code, text }: GroupMessageOf<"refuse">): void {
    const { out } = this;
    const said = visibleText(text);
    if (code === "disk" || code === "protocol") {
      out.error(code, said);
      return this.coordinator.close("refused", null);
    }
    out.fatal(code, said);
  }

  #welcome({ group, isMember, told, awaited, former }: GroupMessageOf<"welcome">): void {
    const peer = this.coordinator.peer!;
    if (former !== null && !isFormerOf(this.environment.crypto, peer, group, former)) {
      return this.coordinatorOffends("it hasn't signed its former keys");
    }
    this.#enter(group, peer, former);
    const membership = this.membership!;
    if (!isMember && this.standing.lastEpoch !== null) {
      const wasIn = membership.epoch !== null;
      membership.goOut();
      if (wasIn) {
        this.out.warn(
          "You weren't heard for a while, and the group went on without you: what you wrote is kept, " +
            "and you come back in a moment",
        );
      }
    }
    if (!isMember) membership.isCaughtUp = false;
    this.#isAsked = false;
    const wasUp = this.coordinator.state === "up";
    this.coordinator.welcomed();
    if (!wasUp) this.out.show({ event: "coordinator", state: "up" });
    this.#deadlines.clear("round");
    membership.leading.abandon();
    this.#tellAwaited(awaited);
    this.user.welcomed();
    this.heardChanged();
    this.waits(LAGGING_MS_MAX); // nobody was to be told while the coordinator was away
    membership.telling.knows(told);
    membership.observed.welcomed();
    membership.contests.welcomed();
    if (membership.epoch !== null) this.#resumeEdits(membership);
  }

  /** In an epoch, and the coordinator is there: what was told it, or it told us, may be lost. */
  #resumeEdits(membership: Membership): void {
    membership.voting.undelivered.tellCoordinator();
    this.editing.resume();
    this.#inquireSoon();
  }

  #inquireSoon(): void {
    this.membership?.voting.inquireSoon();
    this.editing.inquireSoon();
    this.#deadlines.setEarliest("inquire", this.out.nowMs);
  }

  /** What became of edits that we agreed to, or asked for. */
  #inquire(): void {
    if (this.membership?.inquire()) {
      this.#deadlines.setEarliest("inquire", this.out.nowMs + INQUIRE_MS);
    }
  }

  /** Where edits may be asked for; null while in no epoch. */
  get editingIn(): Membership | null {
    return this.epoch === null ? null : this.membership;
  }

  #tellAwaited(awaited: readonly string[]): void {
    // That fewer are awaited is good news, and /status has it.
    const isNew = awaited.some((name) => !this.awaited.includes(name));
    this.awaited = awaited;
    if (!isNew) return;
    const names = joinedNames(awaited);
    this.out.warn(
      `Waiting for ${names}: only they have the group's last entries; the coordinator's ` +
        "/remove of all of them gives those up",
    );
  }

  /** Its group is ours from now on. */
  #enter(group: Hash, coordinator: PeerKey, named: SignedFormerKeys | null): void {
    const { standing, out, config } = this;
    const records: MemberRecord[] = [];
    const isOther = standing.group !== group;
    const wasIn = standing.group !== null;
    if (isOther && wasIn) {
      out.warn("The coordinator has another group than before: the log of that one is set aside");
      this.membership?.goOut();
      this.saying.forget();
      this.editing.forget();
    }
    if (isOther || standing.coordinator !== coordinator) {
      standing.enter(group, coordinator);
      records.push({ kind: "group", group, coordinator });
    }
    // Where it lost its disk it may know of none any more: what it has signed before still holds.
    const known = standing.former?.former.bytes ?? NO_BYTES;
    if (named !== null && !sameBytes(named.former.bytes, known)) {
      standing.former = keptFormerKeys(named);
      records.push({ kind: "former", signed: standing.former });
    }
    out.store(...records);
    if (!isOther) return;
    const isKnown = !wasIn && config.history?.group === group;
    const history = isKnown ? config.history : new HistoryEnd(this.environment.crypto, group);
    if (!isKnown) {
      const because = wasIn || config.history !== null ? "foreign" : null;
      out.store({ kind: "new-log", group, because });
    }
    this.membership = new Membership(this, group, new Held(history), []);
    this.saying.draftAll(group);
  }

  #parted({ why, pauseMs }: GroupMessageOf<"parted">): void {
    const { out } = this;
    this.membership?.goOut();
    this.#roster = [];
    switch (why) {
      case "left":
        return this.user.left();
      case "kicked":
        return out.fatal(
          "kicked",
          "The operator removed you from the group; ask to be let in again",
        );
      case "replaced":
        return out.fatal("replaced", "Another process with this profile's key is in the group now");
      case "silent":
        this.#introduce();
        out.warn(
          "The others don't hear you, and go on without you: what you write is kept, and you come " +
            "back when all can exchange datagrams with you",
        );
        return this.coordinator.close("parted", pauseMs);
      default:
        return unreachable(why);
    }
  }

  #unknownFromCoordinator(link: LinkId, code: number): void {
    if (!this.coordinator.heard(link)) return;
    if (++this.#unknownMessages > UNKNOWN_MESSAGES_MAX) {
      return this.coordinatorOffends("too many messages of unknown types");
    }
    this.toCoordinator({ type: "unknown", code });
  }

  toCoordinator(message: GroupMessage): void {
    if (this.coordinator.isWelcomed) this.coordinator.send(message);
  }

  coordinatorOffends(text: string): void {
    this.environment.log.warn("the coordinator breaks the protocol", { text });
    const said = "What the coordinator sent can't be right: connecting with it anew";
    this.out.show({ event: "error", code: "protocol", text: said, detail: text });
    this.coordinator.close(text, null);
  }

  // Other members.

  #peer(
    input: Extract<MemberInput, { readonly peer: PeerKey; readonly type: `peer-${string}` }>,
  ): void {
    const { peers, membership } = this;
    const { peer: key } = input;
    switch (input.type) {
      case "peer-up":
        if (peers.up(key) !== null) membership?.peerUp(key);
        break;
      case "peer-reset":
        membership?.peerGone(key);
        if (peers.reset(key) !== null) membership?.peerUp(key);
        break;
      case "peer-silent":
      case "peer-heard":
        peers.setSilent(key, input.type === "peer-silent");
        break;
      case "peer-failed":
      case "peer-ended":
        membership?.peerGone(key);
        peers.ended(key);
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
    this.heardChanged();
  }

  #peerSays(key: PeerKey, message: GroupMessage): void {
    const { membership, peers, out } = this;
    if (membership === null) return;
    if (peers.mayHear(key, message, out.nowMs)) return membership.peerSays(key, message);
    membership.offends(key, "it sends too many messages");
  }

  #unknownFromPeer(key: PeerKey, code: number): void {
    const peer = this.peers.get(key);
    if (peer === null) return;
    if (++peer.unknownMessages > UNKNOWN_MESSAGES_MAX) {
      this.peers.ban(key, "too many messages of unknown types", OFFENDER_BAN_MS);
      return this.heardChanged();
    }
    this.out.tell([key], { type: "unknown", code });
  }

  /** Meets whom the coordinator and the epoch name, and parts from others. */
  #introduce(): void {
    const wanted = new Map<PeerKey, Endpoint>();
    const isAlone = !this.coordinator.isWelcomed;
    const { membership, config } = this;
    const view = membership?.epoch?.epoch.value ?? (isAlone ? membership?.roundView : null);
    const add = (members: readonly GroupMember[]) => {
      for (const member of members) {
        if (member.key === this.selfKey) continue;
        wanted.set(member.key, endpointOf(member, config.coordinator.host));
      }
    };
    add(view?.members ?? []);
    add(this.#roster);
    for (const peer of this.peers.introduce(wanted)) {
      if (peer.isUp) membership?.peerUp(peer.key);
      for (const message of this.peers.takeWaiting(peer)) membership?.peerSays(peer.key, message);
    }
    this.heardChanged();
  }

  heardChanged(): void {
    const { membership } = this;
    if (membership === null || !this.coordinator.isWelcomed) return;
    const peers = this.peers.heard();
    const { isCaughtUp } = membership;
    const told = `${isCaughtUp} ${peers.join()}`;
    if (told === this.#heardTold) return;
    this.#heardTold = told;
    this.toCoordinator({ type: "heard", peers, isCaughtUp });
  }

  epochBegan(epoch: Epoch): void {
    this.awaited = [];
    this.names.met(epoch.members);
    this.#introduce();
    this.user.epochBegan(epoch);
    if (this.isCoordinatorUp) this.#resumeEdits(this.membership!);
    else this.#inquireSoon();
  }

  edited(id: RequestId, aborted: Aborted | null): void {
    if (aborted === null) this.editing.committed(id);
    else this.editing.aborted(id, aborted);
  }

  progress(): void {
    this.user.progress();
  }

  waits(delayMs: number): void {
    this.#deadlines.setEarliest("laggards", this.out.nowMs + delayMs);
  }

  contestsDue(delayMs: number): void {
    this.#deadlines.setEarliest("contest", this.out.nowMs + delayMs);
  }

  reportsLater(delayMs: number): void {
    this.#deadlines.setEarliest("report", this.out.nowMs + delayMs);
  }

  stuck(): void {
    if (this.isCoordinatorDown) this.#deadlines.setEarliest("round", this.out.nowMs);
  }
}

/** What a damaged disk is told at the start: that what was begun and held is lost. */
function repairsOf(standing: Standing, history: HistoryEnd | null): readonly MemberRecord[] {
  const { group, coordinator } = standing;
  if (group === null || coordinator === null) return [];
  const lost: MemberRecord = { kind: "group", group, coordinator };
  if (history?.group === group) return [lost];
  // Killed between the two, when it first came in: there was no log yet.
  const none = standing.begun === null ? null : "damaged";
  const because: NewLogRecord["because"] = history === null ? none : "foreign";
  return [lost, { kind: "new-log", group, because }];
}
