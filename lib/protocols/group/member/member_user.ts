/** What a member's user asks for and is told: texts, commands, whom the user waits for, leaving. */

import { shownPresence } from "../../../base/machine/user_presence.ts";
import { sameBytes } from "../../../base/collections/bytes.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import { countText, dateText, inWords, numberText } from "../../../base/text/words.ts";
import type { ErrorCode } from "../../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import { endpointText, type LinkId, NO_ADDRESS, type PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import {
  acceptedText,
  Comparing,
  didYouMeanName,
  isYouText,
  noOtherKeyText,
} from "../../../base/trust/name_answers.ts";
import type { VerifyCommand, WhoisView } from "../../../base/machine/mode_machine.ts";
import { foldName, shownName, withoutMark } from "../../../base/text/names.ts";
import { checkedMessage, tooLong, utf8Length, wordBeforeText } from "../../../base/text/text.ts";
import type { CoordinatorLink } from "./coordinator_link.ts";
import { endpointOf, type Epoch, type Member } from "../schema/epoch.ts";
import type { Editing } from "../edits/editing.ts";
import {
  type LeftReason,
  type LogEnd,
  type MemberCommand,
  membersEvent,
  namesAndKeys,
} from "../schema/events.ts";
import {
  AWAITED_TOLD_MS,
  HAND_OVER_MS_MAX,
  LEAVE_MS_MAX,
  MEMBERS_MAX,
  TEXT_BYTES_MAX,
  WAIT_MS_MAX,
} from "../schema/limits.ts";
import { COORDINATOR_NAME } from "../schema/history.ts";
import type { Listed } from "./listed.ts";
import type { MemberConfig } from "../schema/member_io.ts";
import type { MemberNames } from "../identity/member_names.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import { saidBy } from "../log/entry_delivery.ts";
import {
  absentText,
  awaitedNames,
  nameOf,
  statusView,
  unheardOf,
  untilBackText,
} from "./member_events.ts";
import type { MemberPresences } from "./member_presences.ts";
import type { Membership } from "./membership.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { Peers } from "../detector/peers.ts";
import type { Promises } from "../log/promises.ts";
import type { SendQueue } from "../log/send_queue.ts";

/** How long after the coordinator has answered a newcomer takes input, even if it isn't in the group yet. */
const READY_MS = 1_000;
/** Input pauses when this share of the outbox is full, and goes on when no more than the second is. */
const OUTBOX_FULL = 0.5;
const OUTBOX_FREE = 0.25;

const NOTHING_PRIVATE = "Not sent: a group has no private messages; without /msg it goes to all";

interface Leaving {
  readonly ref: string | undefined;
  /** The link on which the coordinator was asked last; null: it wasn't. Who was restarted must be asked again. */
  askedOn: LinkId | null;
  isLate: boolean;
  /** The position up to which the coordinator has our log, as nobody else is left; null if it fetches nothing. */
  handedOver: number | null;
  /** What our user gives up beside what was to be said; null where it isn't waited for any longer. */
  readonly unrun: Unrun | null;
}

type Unrun = Omit<Extract<MemberCommand, { readonly command: "give-up" }>, "command">;

/** Members whose key none of `others` has. */
function without(members: readonly Member[], others: readonly Member[]): readonly Member[] {
  return members.filter(({ key }) => !others.some((other) => other.key === key));
}

/** Those of `members` whose next process is among `others`. */
function startedAgain(members: readonly Member[], others: readonly Member[]): readonly Member[] {
  return others.filter(({ key, incarnation }) =>
    members.some((member) => member.key === key && !sameBytes(member.incarnation, incarnation))
  );
}

/** What is said of input that wasn't read to its end. */
function restText({ areAll }: Unrun): string {
  return areAll ? "" : ", and what follows them wasn't read";
}

interface MemberUserParts {
  readonly selfKey: PeerKey;
  readonly config: MemberConfig;
  readonly out: MemberOutput;
  readonly saying: SendQueue;
  readonly editing: Editing;
  readonly names: MemberNames;
  readonly peers: Peers;
  readonly standing: Pick<Promises, "lastEpoch">;
  readonly coordinator: CoordinatorLink;
  /** What the coordinator asks all members, in words, while it doesn't know its group; null otherwise. */
  readonly coordinatorAsks: () => string | null;
  /** Who is joining. */
  readonly listed: Pick<Listed, "joiningNames">;
  readonly presences: Pick<MemberPresences, "say" | "own" | "of">;
  /** Null before this member was ever in a group. */
  readonly membership: () => Membership | null;
  /** Names of members that the coordinator lets a newcomer wait for. */
  readonly awaited: () => readonly string[];
  /** With whom a newcomer hasn't exchanged datagrams for a while, in words; null where there is nobody. */
  readonly unheard: () => string | null;
}

export class MemberUser {
  readonly deadlines = new Deadlines({
    /** When a newcomer takes input, even if it isn't in the group yet, and is told who is missing. */
    ready: () => {
      this.ready();
      this.#tellAbsent();
    },
    /** When the user is told that no text has become an entry for a while. */
    awaited: () => this.#stall(),
    /** When the user is told what leaving waits for. */
    told: () => {
      if (this.#leaving !== null) this.#tellLeaving(this.#leaving);
    },
    /** When what still waits is given up, as the user leaves. */
    leave: () => {
      if (this.#leaving !== null) this.#leaving.isLate = true;
    },
    /** When the coordinator's answer to our leaving is awaited no longer. */
    parted: () => this.#stop(),
  });
  #isReady = false;
  #isPaused = false;
  /** What the user was told that texts wait for; null: they don't, or it wasn't told yet. */
  #stalledFor: string | null = null;
  /** The epoch whose members the user was told last. */
  #told: Epoch | null = null;
  /** Whether this member has been in no epoch since. */
  #isOut = false;
  /** Why members aren't in the next view, as the coordinator says; kept for a view or two. */
  readonly #reasons = new Map<PeerKey, LeftReason>();
  /** Members that said goodbye and haven't come again. */
  readonly #goodbyes = new Set<PeerKey>();
  #leaving: Leaving | null = null;
  /** Whether the last write before the end is under way. */
  #isStopping = false;

  readonly #comparing: Comparing;

  constructor(readonly parts: MemberUserParts) {
    const refuse = (name: string, key: Fingerprint) => this.#refuse(name, key);
    this.#comparing = new Comparing(parts.selfKey, parts.out, refuse);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isLeaving(): boolean {
    return this.#leaving !== null;
  }

  /** Whether no text of our user has become an entry for a while, and the user was told that they are kept. */
  get isStalled(): boolean {
    return this.#stalledFor !== null;
  }

  // Coming in.

  /** The program takes input from now on. */
  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.deadlines.clear("ready");
    const { config, selfKey, names, out } = this.parts;
    const membership = this.parts.membership();
    const epoch = membership?.epoch?.epoch.value ?? null;
    out.show({
      event: "ready",
      command: "peer",
      name: config.name,
      ...config.listening,
      key: fingerprintOf(selfKey),
      server: config.server,
      log: config.files.log,
      members: (epoch?.members ?? []).map((member) => nameOf(names, member)),
      ...this.#logEnd(),
    });
  }

  #logEnd(): LogEnd {
    const { config, names } = this.parts;
    const membership = this.parts.membership();
    const entries = membership?.held.logSeq ?? config.history?.seq ?? 0;
    const last = entries === 0 ? null : membership?.showing.last ?? config.last;
    if (last === null) return { entries, last };
    const by = saidBy({ ...last, author: last.key }, (who) => nameOf(names, who));
    return { entries, last: { ...by, sentAt: dateText(last.sentAt) } };
  }

  /** The coordinator has answered. */
  welcomed(): void {
    const isAwaited = this.parts.awaited().length > 0; // which is told
    if (isAwaited) this.deadlines.clear("ready");
    if (this.#isReady) return;
    if (isAwaited) this.ready();
    else this.deadlines.setEarliest("ready", this.parts.out.nowMs + READY_MS);
  }

  /** The coordinator doesn't answer: who else is missing is told once the others had time to. */
  coordinatorDown(): void {
    this.ready();
    this.deadlines.set("ready", this.parts.out.nowMs + READY_MS);
  }

  #tellAbsent(): void {
    const { membership, standing, peers, names, coordinator, out } = this.parts;
    if (membership()?.epoch !== null || this.parts.coordinatorAsks() !== null) return;
    const text = absentText(standing, peers, names, coordinator.state === "down");
    if (text !== null) out.notice(text);
  }

  /** An epoch begins. The user isn't told of a round in which no member changed. */
  epochBegan(epoch: Epoch): void {
    this.ready();
    this.deadlines.clear("ready");
    const told = this.#told;
    this.#told = epoch;
    const known = told?.members ?? [];
    const gone = without(known, epoch.members);
    const others = told === null ? [] : without(epoch.members, known);
    const isRound = told?.view === epoch.view && gone.length + others.length === 0;
    this.#tellStartedAgain(known, epoch.members);
    if (isRound && !this.#isOut) return;
    const isSelfNew = told === null || this.#isOut;
    this.#isOut = false;
    const self = epoch.members.filter(({ key }) => isSelfNew && key === this.parts.selfKey);
    const name = (member: Member) => nameOf(this.parts.names, member);
    this.parts.out.show({
      event: "view",
      view: epoch.view,
      ...namesAndKeys(epoch.members.map((member) => ({ key: member.key, name: name(member) }))),
      joined: [...self, ...others].map(name),
      left: gone.map((member) => {
        const reason = this.#reasonOf(member.key);
        return { name: name(member), ...(reason === undefined ? {} : { reason }) };
      }),
      ...(self.length === 0 ? {} : this.#logEnd()),
    });
    this.#reasons.clear();
    for (const { key } of gone) this.#goodbyes.delete(key);
  }

  /** The list stays the same, and what is said goes to another program, which may be at another place. */
  #tellStartedAgain(known: readonly Member[], present: readonly Member[]): void {
    for (const member of startedAgain(known, present)) {
      if (member.key === this.parts.selfKey) continue;
      const shown = shownName(nameOf(this.parts.names, member));
      this.parts.out.notice(`${shown} has started again: ${shown}'s earlier program is out`);
    }
  }

  /** A coordinator that was away when a member left knows it from others; one that doesn't takes it for lost. */
  #reasonOf(key: PeerKey): LeftReason | undefined {
    const reason = this.#reasons.get(key);
    const isLeft = this.#goodbyes.has(key) && (reason === undefined || reason === "lost");
    return isLeft ? "quit" : reason;
  }

  /** Who said goodbye to us, and hasn't come again: the coordinator may have been away then. */
  get saidToLeave(): readonly PeerKey[] {
    return [...this.#goodbyes];
  }

  /** The member said to us that it leaves. */
  saidGoodbye(key: PeerKey): void {
    this.#goodbyes.add(key);
    dropOldest(this.#goodbyes, MEMBERS_MAX);
  }

  /** Its next process is there. */
  cameAgain(key: PeerKey): void {
    this.#goodbyes.delete(key);
  }

  /** The coordinator says who isn't in the next view, and why. */
  departed(left: GroupMessageOf<"departed">["left"]): void {
    for (const { key, reason } of left) {
      this.#reasons.set(key, reason);
      dropOldest(this.#reasons, MEMBERS_MAX);
    }
  }

  // Commands.

  command(command: MemberCommand, ref: string | undefined): void {
    const { out, names, config, coordinator } = this.parts;
    const membership = this.parts.membership();
    switch (command.command) {
      case "msg":
        if (command.isTyped === true && this.#isForOne(command.text)) {
          return out.error("usage", NOTHING_PRIVATE, ref);
        }
        return this.#say(command.text, ref);
      case "list":
        return this.#list(ref);
      case "log":
        if (!command.digest) {
          const { count, text, before } = command;
          return out.push({
            type: "show-log",
            count,
            ...(text === undefined ? {} : { text }),
            ...(before === undefined ? {} : { before }),
            ref,
          });
        }
        return out.show({
          event: "digest",
          seq: membership?.held.logSeq ?? 0,
          digest: membership?.held.log.digest ?? "",
        }, ref);
      case "status":
        return out.show(
          statusView({
            presence: this.parts.presences.own,
            name: config.name,
            key: this.parts.selfKey,
            coordinator: coordinator.endpoint,
            listening: config.listening,
            log: config.files.log,
            isUp: this.#isCoordinatorThere,
            asks: this.parts.coordinatorAsks(),
            refusal: coordinator.refusal,
            unreachedBecause: coordinator.failure,
            isEnded: coordinator.isEnded,
            isUninvited: coordinator.isUninvited,
            strangeCoordinator: coordinator.key.strange,
            membership,
            standing: this.parts.standing,
            peers: this.parts.peers,
            names,
            unsent: this.parts.saying.unsent,
            editing: this.parts.editing,
            awaitedByCoordinator: this.parts.awaited(),
            unheard: this.parts.unheard(),
          }),
          ref,
        );
      case "edit":
        return this.#edit(command.seq, command.text, ref);
      case "go":
      case "abort":
        return this.#vote(command.command === "go", command.edit, ref);
      case "entry":
        return out.push({ type: "show-entry", seq: command.seq, ref });
      case "presence":
        return this.parts.presences.say(command.change, ref);
      case "verify":
        return this.#verify(command, ref);
      case "whois":
        return this.#whois(command.name, ref);
      case "trust":
        return this.#trust(command.name, ref);
      case "refuse":
        return this.#refuse(command.name, command.key);
      case "unrefuse":
        // A program that has refused its coordinator has ended.
        return this.parts.names.unrefused(command.name, command.key);
      case "quit":
        return this.quit(ref);
      case "give-up":
        return this.#giveUp(command);
      default:
        return unreachable(command);
    }
  }

  /** Whether the coordinator answers, even if it doesn't let us in yet. */
  get #isCoordinatorThere(): boolean {
    const { coordinator, coordinatorAsks } = this.parts;
    return coordinator.state === "up" || coordinator.refusal !== null || coordinatorAsks() !== null;
  }

  /** Whether the text looks like a private message in other modes: somebody else's name, and something after it. */
  #isForOne(text: string): boolean {
    const { names, config, selfKey } = this.parts;
    const name = wordBeforeText(text);
    if (name === undefined) return false;
    const key = names.keyOf(name);
    return key === null ? config.pins.has(foldName(withoutMark(name))) : key !== selfKey;
  }

  #say(text: string, ref: string | undefined): void {
    const { out, saying } = this.parts;
    const membership = this.parts.membership();
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return out.error("too-long", tooLong(bytes).message, ref);
    if (this.#leaving !== null) {
      return out.error("not-allowed", "Nothing was sent: the program is leaving", ref);
    }
    if (saying.fill >= 1) {
      const awaited = this.#awaited();
      const whom = awaited === "" ? "" : ` and wait for ${awaited}`;
      const text = `Nothing was sent: ${
        numberText(saying.unsent)
      } messages aren't entries yet${whom}; try later`;
      return out.error("full", text, ref);
    }
    saying.type(checkedMessage(text), membership?.group ?? null, ref);
    membership?.pump();
    if (this.isStalled) out.sync();
    if (saying.unsent > 0) this.deadlines.setEarliest("awaited", out.nowMs + AWAITED_TOLD_MS);
  }

  #edit(seq: number, text: string, ref: string | undefined): void {
    const { out, editing } = this.parts;
    const bytes = utf8Length(text);
    const refuse = (code: ErrorCode, text: string) =>
      out.show({ event: "error", code, text, seq }, ref);
    if (bytes > TEXT_BYTES_MAX) return refuse("too-long", tooLong(bytes).message);
    if (bytes === 0) return refuse("usage", "An edit needs a text: /edit TEXT - N");
    if (this.#leaving !== null) {
      return refuse("not-allowed", "Nothing was edited: the program is leaving");
    }
    editing.want(seq, checkedMessage(text), ref);
  }

  #vote(agrees: boolean, edit: number | null, ref: string | undefined): void {
    const { out } = this.parts;
    const membership = this.parts.membership();
    if (membership !== null) return membership.voting.answer(agrees, edit, ref);
    out.error("not-allowed", "No edit waits for your vote: you aren't in the group yet", ref);
  }

  /** A text of our user became an entry. */
  progress(): void {
    const { saying, out } = this.parts;
    this.#stalledFor = null;
    if (saying.unsent === 0) this.deadlines.clear("awaited");
    else this.deadlines.set("awaited", out.nowMs + AWAITED_TOLD_MS);
  }

  #list(ref: string | undefined): void {
    const { membership, names, out } = this.parts;
    const members = membership()?.epoch?.epoch.value.members ?? [];
    const shown = members.map((member) => ({ key: member.key, name: nameOf(names, member) }));
    const { listed, presences } = this.parts;
    const away = shown.flatMap(({ key, name }) => {
      const { away } = presences.of(key);
      return away === null ? [] : [{ name, away }];
    });
    const event = membersEvent(shown, listed.joiningNames);
    out.show(away.length === 0 ? event : { ...event, away }, ref);
  }

  #verify(command: VerifyCommand, ref: string | undefined): void {
    const { name } = command;
    const { out, names, selfKey: ownKey, coordinator } = this.parts;
    const isCoordinator = name === COORDINATOR_NAME;
    const peerKey = isCoordinator ? coordinator.peer : names.keyOf(name);
    if (peerKey === ownKey) {
      return out.error("unknown-user", isYouText("verify", name), ref);
    }
    const several = names.severalCalled(name);
    if (several.length > 0) return this.#whichOne("verify", name, several, ref);
    const found = peerKey === null
      ? null
      : { name: isCoordinator ? COORDINATOR_NAME : names.of(peerKey), key: peerKey };
    const own = isCoordinator ? null : names.pinned(name);
    if (!this.#comparing.verify(command, found, own, ref)) this.#unknownUser("verify", name, ref);
  }

  /** @param typed Null: the user. */
  #whois(typed: string | null, ref: string | undefined): void {
    const { out, names, selfKey, coordinator } = this.parts;
    if (typed === COORDINATOR_NAME) {
      const { peer, endpoint, state } = coordinator;
      const key = peer === null ? null : fingerprintOf(peer);
      const route = state === "up" ? "direct" : null;
      const who = { name: typed, self: false, key, ...endpoint, route } as const;
      return out.show({ event: "whois", ...who }, ref);
    }
    const key = typed === null ? selfKey : names.keyOf(typed);
    if (key === null) return this.#unknownUser("whois", typed!, ref);
    const several = typed === null ? [] : names.severalCalled(typed);
    if (several.length > 0) return this.#whichOne("whois", typed!, several, ref);
    out.show({ event: "whois", ...this.#who(key) }, ref);
  }

  #who(key: PeerKey): WhoisView {
    const { names, selfKey, config, coordinator, peers, membership } = this.parts;
    const self = key === selfKey;
    const members = membership()?.epoch?.epoch.value.members ?? [];
    const member = members.find((one) => one.key === key);
    const { host, port } = self
      ? config.listening
      : member === undefined
      ? NO_ADDRESS
      : endpointOf(member, coordinator.endpoint.host);
    return {
      name: self ? config.name : names.of(key),
      self,
      key: fingerprintOf(key),
      host,
      port,
      route: !self && member !== undefined && peers.isHeard(key) ? "direct" : null,
      ...shownPresence(this.parts.presences.of(key)),
    };
  }

  /** The key isn't that of the one called so: said here, or in another program of the profile. */
  #refuse(name: string, key: Fingerprint): void {
    const { out, names, coordinator } = this.parts;
    if (name !== COORDINATOR_NAME) return names.refuse(name, key);
    const { peer } = coordinator;
    if (peer === null || fingerprintOf(peer) !== key) return;
    out.fatal("key-changed", coordinator.key.refuse(peer)); // nobody can stay with it
  }

  #trust(name: string, ref: string | undefined): void {
    const { out, names, selfKey, coordinator } = this.parts;
    if (name === COORDINATOR_NAME) {
      const accepted = coordinator.trust();
      const said = accepted === null
        ? noOtherKeyText("the coordinator")
        : acceptedText("The coordinator", fingerprintOf(accepted));
      return out.notice(said, ref);
    }
    const trusted = names.trust(name);
    if (trusted !== null) {
      return out.notice(acceptedText(shownName(trusted.name), fingerprintOf(trusted.key)), ref);
    }
    const key = names.keyOf(name);
    if (key === null) return this.#unknownUser("trust", name, ref);
    if (key === selfKey) return out.error("unknown-user", isYouText("trust", shownName(name)), ref);
    const several = names.severalCalled(name);
    if (several.length > 0) return this.#whichOne("trust", name, several, ref);
    out.notice(noOtherKeyText(shownName(name)), ref);
  }

  #whichOne(
    command: string,
    name: string,
    several: readonly string[],
    ref: string | undefined,
  ): void {
    const ways = inWords(several.map((shown) => `/${command} ${shownName(shown)}`), "or");
    this.parts.out.error("unknown-user", `Several are called ${shownName(name)}: ${ways}`, ref);
  }

  #unknownUser(command: string, name: string, ref: string | undefined): void {
    const { names, out } = this.parts;
    const hint = didYouMeanName(name, names.names(), (known) => `/${command} ${known}`);
    const advice = hint || "; /list shows who is here";
    out.error(
      "unknown-user",
      `Nobody else in this group is called ${shownName(name)}${advice}`,
      ref,
    );
  }

  // Waiting.

  /** Called after each step. */
  settle(): void {
    this.#isOut ||= this.#told !== null && this.parts.membership()?.epoch === null;
    this.#pauseInput();
    this.#goOnLeaving();
  }

  #pauseInput(): void {
    const { saying, out } = this.parts;
    const { fill } = saying;
    const isPaused = this.#isPaused ? fill > OUTBOX_FREE : fill > OUTBOX_FULL;
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    const awaited = this.#awaited();
    const whom = awaited === "" ? "the group" : awaited;
    out.push({ type: "input", pausedBecause: isPaused ? `waiting for ${whom}` : null });
  }

  #awaited(): string {
    const { names } = this.parts;
    const membership = this.parts.membership();
    return membership === null ? "" : inWords(awaitedNames(membership, names).map(shownName));
  }

  /** Names of the members that aren't heard: without the coordinator, the chat goes on with all of them alone. */
  get #missing(): readonly string[] {
    const { names, peers } = this.parts;
    const members = this.parts.membership()?.epoch?.epoch.value.members ?? [];
    return unheardOf(members, peers).map((member) => nameOf(names, member));
  }

  /** No text of our user has become an entry for a while; looked at anew while that is so, as others may be missing. */
  #stall(): void {
    const { out, saying, coordinator } = this.parts;
    if (saying.unsent === 0) return;
    this.deadlines.set("awaited", out.nowMs + AWAITED_TOLD_MS);
    const missing = coordinator.state === "down" ? this.#missing : [];
    if (this.isStalled && missing.length === 0) return;
    const text = this.#waitingText(missing);
    if (text === this.#stalledFor) return;
    this.#stalledFor = text;
    this.keepUnsaid();
    if (this.#isReady && this.#leaving === null) out.warn(text);
  }

  #waitingText(missing: readonly string[]): string {
    const { coordinator, names } = this.parts;
    const membership = this.parts.membership();
    if (membership === null) {
      return "You aren't in the group yet: your messages are sent once you are in; they are lost if you " +
        "quit before";
    }
    if (membership.epoch === null) {
      return "You aren't in the group yet: what you write is kept, and said when you are";
    }
    if (membership.contests.proven.length > 0) {
      return "Waiting for the coordinator: what you write is kept";
    }
    const awaited = missing.length > 0 ? missing : awaitedNames(membership, names);
    if (coordinator.state === "down" && awaited.length > 0) {
      return `Chat pauses until ${untilBackText(awaited)}: what you write is kept`;
    }
    const whom = awaited.length === 0 ? "the group" : inWords(awaited.map(shownName));
    return `Waiting for ${whom}: what you write is kept`;
  }

  /** Writes texts that aren't entries to disk, before the user is told that they are kept. */
  keepUnsaid(): void {
    this.parts.membership()?.pump();
    this.parts.out.sync();
  }

  /** The coordinator has another group now: texts that weren't said there are dropped. */
  forgetUnsaid(): void {
    const { out, saying } = this.parts;
    const { texts, refs } = saying.forget();
    for (const ref of refs) {
      out.error("not-allowed", "This wasn't said: the coordinator has another group now", ref);
    }
    if (texts === 0) return;
    const what = texts === 1
      ? "1 message that you wrote in the former group wasn't sent in this one: send it again if you " +
        "want to"
      : `${
        numberText(texts)
      } messages that you wrote in the former group weren't sent in this one: ` +
        "send them again if you want to";
    out.warn(what);
  }

  // Leaving.

  quit(ref: string | undefined): void {
    if (this.#leaving !== null) return;
    this.#leaving = { ref, askedOn: null, isLate: false, handedOver: null, unrun: null };
    this.deadlines.set("leave", this.parts.out.nowMs + LEAVE_MS_MAX);
    this.deadlines.set("told", this.parts.out.nowMs + AWAITED_TOLD_MS);
  }

  #giveUp(unrun: Unrun): void {
    this.#leaving ??= { ref: undefined, askedOn: null, isLate: true, handedOver: null, unrun };
  }

  /** Leaving takes a while: tells the user what it waits for. */
  #tellLeaving({ askedOn, handedOver }: Leaving): void {
    const { out, saying: { unsent }, editing: { size: edits } } = this.parts;
    if (handedOver !== null) {
      return out.notice("Leaving when the coordinator has the group's log: nobody else is left");
    }
    if (askedOn !== null) return;
    const awaited: string[] = [];
    if (unsent > 0) {
      awaited.push(unsent === 1 ? "message is said" : `${numberText(unsent)} messages are said`);
    }
    if (edits > 0) awaited.push(edits === 1 ? "edit is decided" : `${edits} edits are decided`);
    if (awaited.length === 0) return;
    const what = inWords(awaited.map((one) => `your ${one}`));
    out.notice(`Leaving when ${what}, or in ${(LEAVE_MS_MAX - AWAITED_TOLD_MS) / 1_000} s`);
  }

  /**
   * The coordinator fetches our log after this position. Leaving may take as long as that makes progress. The
   * position falls back if what the coordinator had isn't the beginning of our log.
   */
  handsOver(position: number): void {
    const leaving = this.#leaving;
    if (leaving === null || leaving.askedOn === null || position === leaving.handedOver) return;
    const { nowMs } = this.parts.out;
    if (leaving.handedOver === null) this.deadlines.set("told", nowMs + AWAITED_TOLD_MS);
    leaving.handedOver = position;
    this.deadlines.set("parted", nowMs + HAND_OVER_MS_MAX);
  }

  /** The coordinator says that the others have everything that we had. */
  left(): void {
    if (this.#leaving !== null) this.#leaving.handedOver = null; // it has all
    this.#stop();
  }

  #goOnLeaving(): void {
    const leaving = this.#leaving;
    const { coordinator, saying, editing } = this.parts;
    if (leaving === null || this.#isStopping) return;
    if (leaving.askedOn !== null) {
      // Nobody who could answer is left.
      if (coordinator.state === "down") this.#stop();
      else if (coordinator.isWelcomed && coordinator.link !== leaving.askedOn) this.#ask(leaving);
      return;
    }
    const isIn = (this.parts.membership()?.epoch ?? null) !== null;
    const isThere = coordinator.isWelcomed;
    if (saying.unsent + editing.size > 0 && !leaving.isLate) return;
    if (!isIn || !isThere) return this.#stop();
    this.deadlines.clear("leave");
    this.#ask(leaving);
  }

  #ask(leaving: Leaving): void {
    const { coordinator, out } = this.parts;
    leaving.askedOn = coordinator.link;
    leaving.handedOver = null;
    this.deadlines.set("parted", out.nowMs + WAIT_MS_MAX);
    coordinator.send({ type: "leave" });
  }

  #stop(): void {
    const { out, saying, editing } = this.parts;
    if (this.#isStopping) return;
    this.#isStopping = true;
    editing.giveUp();
    if (saying.unsent === 0) return this.#goodbye();
    const membership = this.parts.membership();
    if (membership === null) {
      this.#closeLink();
      return this.#giveUpUnsaid(saying.unsent);
    }
    // If the disk refuses the write, the user isn't told that the texts are kept.
    out.storeThen(saying.keep(membership.group), () => this.#goodbye());
  }

  /** Texts that aren't entries are on disk. */
  #goodbye(): void {
    const { out, saying: { unsent } } = this.parts;
    this.#closeLink();
    this.#tellPause();
    if (unsent > 0) {
      const what = countText(unsent, "message isn't", "messages aren't");
      const they = unsent === 1 ? "it is" : "they are";
      out.notice(`${what} in the log yet; ${they} kept, and sent when you start again`);
    }
    const unrun = this.#leaving?.unrun ?? null;
    if (unrun === null) return out.bye(this.#leaving?.ref);
    const what = countText(unrun.lines, "line that waited isn't", "lines that waited aren't");
    const text = `${what} said and not kept${restText(unrun)}, as the group took none for ` +
      `${WAIT_MS_MAX / 1_000} s; say the rest when it does`;
    out.fatal("timeout", text);
  }

  /** Nobody but the coordinator changes the view, or could give our entries to who comes. */
  #tellPause(): void {
    const { out, coordinator, peers, names, selfKey } = this.parts;
    const membership = this.parts.membership();
    const { isWelcomed } = coordinator;
    const view = membership?.epoch?.epoch.value ?? (isWelcomed ? null : membership?.roundView);
    const others = (view?.members ?? []).map(({ key }) => key).filter((key) => key !== selfKey);
    const isUnfinished = this.#leaving !== null && this.#leaving.handedOver !== null;
    if (view === null || view === undefined || (isWelcomed && !isUnfinished)) return;
    if (others.length === 0) {
      const why = isWelcomed ? "doesn't have them all yet" : "is away";
      return out.warn(
        `Only you have the group's last entries, as the coordinator ${why}: the group waits until you start again`,
      );
    }
    if (isWelcomed) return;
    // Whoever left before us, or is gone for another reason, has no chat that could pause.
    if (others.some((key) => peers.isHeard(key))) {
      return out.notice(
        "The coordinator is away: the others can't chat until you or it returns",
      );
    }
    const awaited = inWords(["you", ...others.map((key) => names.written(key))], "or");
    out.warn(
      `Only members have the group's last entries, as the coordinator is away: the group waits until ${awaited} is back`,
    );
  }

  #closeLink(): void {
    const { out, coordinator: { link } } = this.parts;
    if (link !== null) out.push({ type: "close", link, reason: "quit" });
  }

  /** There was no group to keep the texts for: their author must know, and say them again. */
  #giveUpUnsaid(unsent: number): void {
    const { out, saying, config, coordinator } = this.parts;
    const hasAnswered = coordinator.refusal !== null;
    const because = `as the coordinator at ${endpointText(config.coordinator)} ` +
      (hasAnswered ? "had no place yet" : "didn't answer");
    for (const ref of saying.unsaidRefs()) {
      out.error("coordinator-down", `This wasn't said and isn't kept, ${because}`, ref);
    }
    const unrun = this.#leaving?.unrun ?? null;
    const lost = unsent + (unrun?.lines ?? 0);
    const what = lost === 1
      ? "1 message wasn't said and isn't kept"
      : `${numberText(lost)} messages weren't said and aren't kept`;
    const rest = unrun === null ? "" : restText(unrun);
    const way = hasAnswered ? "come back later" : "start it";
    const again = `then say ${lost === 1 ? "it" : "them"} again`;
    out.fatal("coordinator-down", `${what}${rest}, ${because}; ${way}, ${again}`);
  }
}
