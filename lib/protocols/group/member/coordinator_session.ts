/**
 * The conversation between a member and the coordinator: who we are and what our disk knows, whether it lets us in,
 * whom we hear, and who is there. Everything else that it says once we are let in goes to the membership.
 */

import { refusedByText } from "../../../base/trust/name_answers.ts";
import { countText, inWords } from "../../../base/text/words.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { endpointText, type Hash, type LinkId, type PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { shownName } from "../../../base/text/names.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { CoordinatorLink } from "./coordinator_link.ts";
import type { Member } from "../schema/epoch.ts";
import { isFormerOf, type SignedFormerKeys } from "../schema/former_keys.ts";
import { type Founding, foundingFault } from "../schema/founding.ts";
import { COORDINATOR_NAME } from "../schema/history.ts";
import type { MemberConfig, MemberInput } from "../schema/member_io.ts";
import type { MemberOutput } from "../schema/member_output.ts";
import { lastEntriesText } from "./member_events.ts";
import type { MemberUser } from "./member_user.ts";
import type { Membership } from "./membership.ts";
import type { GroupMessage, GroupMessageOf, GroupRefusal, MemberPath } from "../schema/messages.ts";
import type { Self } from "../log/send_queue.ts";
import type { Promises } from "../log/promises.ts";

const REPLACED =
  "This profile is in the group by another program now, which was started later; if that wasn't you, " +
  "somebody has a copy of your profile: tell the others, and use a new one";

/** What each code means, in our own words: the coordinator may send any. */
const REFUSED_TEXTS: Readonly<Record<GroupRefusal, string>> = {
  "name-taken": "Somebody in the group has that name, or one that counts as the same; take another",
  "key-changed": "The coordinator knows another key for that name",
  "kicked": "You are kept out of this group",
  "full": "The group is full",
  "disk": "The coordinator's disk refuses to write",
  "protocol": "The coordinator can't use what this program sent",
  "bad-name": "The coordinator doesn't take this name",
  "too-fast": "Too many are coming into the group",
  "replaced": REPLACED,
};

/** Until then after we stood still, that others went on without us is put down to it. */
const STOOD_STILL_TOLD_MS = 10_000;

interface CoordinatorSessionParts {
  readonly config: MemberConfig;
  readonly self: Self;
  readonly environment: Pick<Environment, "crypto" | "log" | "random">;
  readonly out: MemberOutput;
  readonly standing: Promises;
  /** It speaks with the coordinator, too, and is made after this. */
  readonly user: () => Pick<
    MemberUser,
    "coordinatorDown" | "departed" | "isReady" | "keepUnsaid" | "left" | "ready" | "welcomed"
  >;
  /** Null until this process has been in a group. */
  readonly membership: () => Membership | null;
  /** The highest edit number known here. */
  readonly lastEdit: () => number;
  /**
   * The coordinator's group is ours from now on. @param former The keys that the coordinator had before, as signed by
   * it.
   */
  readonly enter: (
    group: Hash,
    founding: Founding,
    coordinator: PeerKey,
    former: SignedFormerKeys | null,
  ) => Membership;
  /** Members of the present view, and newcomers: they are to be met. */
  readonly rosterIs: (
    members: readonly Member[],
    joining: readonly PeerKey[],
    paths: readonly MemberPath[],
  ) => void;
  /** The members, as the coordinator names them to a newcomer. */
  readonly membersAre: (keys: readonly PeerKey[]) => void;
  /** The coordinator has let us in. @param told It knows of all entries up to this position. */
  readonly coordinatorUp: (told: number) => void;
  /** The coordinator fetches our log after this position. */
  readonly handsOver: (position: number) => void;
  /** The coordinator can't be reached, or has fallen silent: called once, until it is there again. */
  readonly coordinatorDown: () => void;
}

export class CoordinatorSession {
  readonly link: CoordinatorLink;
  #awaited: readonly string[] = [];
  /** Whether the coordinator has asked, on this link, what there was, and doesn't know its group yet. */
  #isAsked = false;
  /** What `heard` told last, as one text. */
  #heardTold = "";
  #unknownMessages = new UnknownMessages();
  /** Why there is no place, as last told to the user since we were in; null: not told. */
  #refusalTold: GroupRefusal | null = null;

  /** For how long this program last did nothing, and until when that is why the others went on without it. */
  #stoodStill = { ms: 0, untilMs: -Infinity };

  constructor(readonly parts: CoordinatorSessionParts) {
    const { config, out, environment } = parts;
    const { coordinator: endpoint, instances: others = [], expect: pinned, given, refused = [] } =
      config;
    const { knownPeers } = config.files;
    const isVerified = config.isServerVerified ?? false;
    const server = {
      what: "coordinator",
      name: COORDINATOR_NAME,
      endpoint,
      others,
      knownPeers,
      pinned,
      given,
      refused,
      isVerified,
    } as const;
    this.link = new CoordinatorLink(server, {
      out,
      random: environment.random,
      hello: () => this.#hello(),
      coordinatorDown: () => this.#down(),
    }, config.secrets ?? []);
  }

  /** Members that a newcomer waits for, as the coordinator says. */
  get awaited(): readonly string[] {
    return this.#awaited;
  }

  /** What the coordinator asks all members, and whom it waits for, in words; null where it knows its group, or is away. */
  get asks(): string | null {
    return this.#isAsked && this.link.link !== null ? asksText(this.#awaited) : null;
  }

  get isUp(): boolean {
    return this.link.isWelcomed;
  }

  get isDown(): boolean {
    return this.link.state === "down";
  }

  /** This program did nothing for so long: the others hear it again from now on. */
  awoke(stalledMs: number): void {
    this.#stoodStill = { ms: stalledMs, untilMs: this.parts.out.nowMs + STOOD_STILL_TOLD_MS };
  }

  /** Why the others went on without us, as a sentence that goes on. */
  get #unheardText(): string {
    const { ms, untilMs } = this.#stoodStill;
    if (this.parts.out.nowMs >= untilMs) return "You weren't heard for a while";
    const seconds = countText(Math.round(ms / 1_000), "second");
    return `This program stood still for ${seconds} (stopped, or its machine slept)`;
  }

  /** Nobody is awaited any more. */
  epochBegan(): void {
    this.#awaited = [];
    if (this.link.isWelcomed) this.#refusalTold = null;
  }

  // The link.

  #hello(): GroupMessageOf<"hello"> {
    const { config, standing, self: { name, incarnation } } = this.parts;
    const { host, port, history } = config;
    const { group, begunBallot: begun, isLost } = standing;
    // A member that has lost what it held speaks neither for a view, nor for one that it only promised, unless it was
    // brought up since to what that view begins with.
    const promised = isLost ? standing.levelled : standing.promised;
    const of = group ?? history?.group ?? null;
    return { type: "hello", name, incarnation, host, port, group: of, begun, promised };
  }

  linkUp(link: LinkId, peer: PeerKey): void {
    this.#heardTold = "";
    this.#isAsked = false;
    this.#unknownMessages = new UnknownMessages();
    if (this.link.key.isRefused(peer)) {
      return this.parts.out.fatal("key-changed", this.link.key.refusal(peer));
    }
    this.link.up(link, peer);
  }

  /** @param goodbye The coordinator's reason for closing the link; null where the link was lost. */
  linkDown(link: LinkId, goodbye: string | null): void {
    if (this.link.down(link, goodbye)) this.#heardTold = "";
  }

  dialFailed(failure: Extract<MemberInput, { type: "dial-failed" }>): void {
    const { attempt, reason } = failure;
    if (reason === "bad-credentials") {
      if (this.link.secretRefused(attempt)) return;
      // Anybody on the way can refuse so: who was in goes on trying. So can an instance that knows no invite yet.
      const isLast = !this.parts.user().isReady && !this.link.hasOther;
      if (isLast) return this.parts.out.fatal(reason, this.#uninvitedText());
    }
    const strange = this.link.strangeKey(failure);
    if (strange !== null) this.#strange(strange);
    this.link.dialFailed(failure);
  }

  #strange(key: PeerKey): void {
    const { out, user } = this.parts;
    if (!user().isReady) return out.fatal("key-changed", this.link.key.refusal(key));
    this.link.key.met(key, "; where its group's log isn't yours, yours is set aside then");
  }

  #uninvitedText(): string {
    const { config: { coordinator, isInvited = false } } = this.parts;
    const why = !this.link.hasSecret
      ? "the group there is private; ask its operator for the invite, and start with --invite"
      : isInvited
      ? "this invite has been revoked, or the group there takes none; ask its operator " +
        "for another (/invite shows it)"
      : "this profile's invite, kept from the private group that it met there before, opens nothing " +
        "there now; probably another coordinator or an open group is there, or the invite was " +
        "changed: join a private group with its present invite and --invite, an open one with " +
        "--invite none";
    return `Cannot join the group at ${endpointText(coordinator)}: ${why}`;
  }

  #down(): void {
    const { out, config } = this.parts;
    const user = this.parts.user();
    const { failure } = this.link;
    if (!config.wait && !user.isReady) {
      return out.fatal("unreachable", this.link.unreachableText);
    }
    user.coordinatorDown();
    this.#refusalTold = null; // a refusal is told again after this: it shows that the coordinator is back
    const reason = failure === null ? {} : { reason: failure };
    const ended = this.link.isEnded ? { ended: true } : {};
    const membership = this.parts.membership();
    const isReturning = membership?.epoch === null && membership.roundView !== null;
    const returning = isReturning ? { returning: true } : {};
    out.show({ event: "coordinator", state: "down", ...reason, ...ended, ...returning });
    this.parts.coordinatorDown();
  }

  // What the coordinator says.

  says(link: LinkId, message: GroupMessage): void {
    if (!this.link.heard(link)) return;
    if (message.type === "refuse") return this.#refused(message);
    if (message.type === "welcome") return this.#welcome(message);
    if (message.type === "unknown") return void this.#isPastUnknown();
    if (message.type === "recount") return this.#recount(message);
    if (message.type === "elsewhere") return this.link.standsBy(message.leader);
    if (message.type === "probe" && this.#isAsked) return this.#tellAlive();
    const membership = this.parts.membership();
    if (membership === null || !this.link.isWelcomed) {
      return this.offends(`${message.type} before welcome`);
    }
    switch (message.type) {
      case "probe":
        this.#tellAlive();
        return membership.telling.more();
      case "peers":
        return this.parts.rosterIs(message.members, message.joining, message.paths);
      case "departed":
        return this.parts.user().departed(message.left);
      case "parted":
        return this.#parted(message);
      case "secret":
        return this.#secretIs(message);
      case "datagram-keys":
        return this.#keysAre(link, message);
      case "instances":
        return this.#instancesAre(message);
      case "catch-up":
        this.parts.membersAre([
          ...message.source === null ? [] : [message.source],
          ...message.others,
        ]);
        return membership.hearing.fromCoordinator(message);
      case "fetch":
        this.parts.handsOver(message.after.position);
        return membership.hearing.fromCoordinator(message);
      default:
        return membership.hearing.fromCoordinator(message);
    }
  }

  saysUnknown(link: LinkId, code: number): void {
    if (!this.link.heard(link) || this.#isPastUnknown()) return;
    this.tell({ type: "unknown", code });
  }

  /** Counts a message of an unknown type. @returns Whether there were too many. */
  #isPastUnknown(): boolean {
    const fault = this.#unknownMessages.fault(this.parts.out.nowMs);
    if (fault !== null) this.offends(fault);
    return fault !== null;
  }

  offends(text: string): void {
    const { environment, out } = this.parts;
    environment.log.warn("the coordinator breaks the protocol", { text });
    const said = "The coordinator sent invalid data: connecting to it again";
    out.show({ event: "error", code: "protocol", text: said, detail: text });
    this.link.offended(text);
  }

  #refused({ code, text }: GroupMessageOf<"refuse">): void {
    const { out, user } = this.parts;
    const said = refusedByText("The coordinator", code, REFUSED_TEXTS[code], text);
    if (code === "disk" || code === "protocol") {
      out.error(code, said);
      return this.link.close("refused", null);
    }
    if (this.#comesAgain(code)) {
      const because = `${said}; trying again until there is a place`;
      if (code !== this.#refusalTold) out.warn(because);
      this.#refusalTold = code;
      user().welcomed();
      return this.link.refused(because);
    }
    out.fatal(code, said);
  }

  /**
   * Whether a refused member tries again: one that was let in before, in this run or an earlier one, comes back when
   * there is a place; and anybody does where many are coming.
   */
  #comesAgain(code: GroupRefusal): boolean {
    const { config, standing, user } = this.parts;
    if (!config.wait && !user().isReady) return false;
    return code === "too-fast" || (code === "full" && standing.group !== null);
  }

  #welcome({ group, founding, isMember, told, awaited, former }: GroupMessageOf<"welcome">): void {
    const { environment, out, standing, user } = this.parts;
    const peer = this.link.peer!;
    if (former !== null && !isFormerOf(environment.crypto, peer, group, former)) {
      return this.offends("it hasn't signed its former keys");
    }
    const isCoordinator = (key: PeerKey) =>
      key === peer || former?.former.value.keys.includes(key) === true;
    const fault = foundingFault(environment.crypto, group, founding, isCoordinator);
    if (fault !== null) return this.#isOtherGroup(fault);
    const membership = this.parts.enter(group, founding, peer, former);
    if (!isMember && (standing.lastEpoch !== null || membership.participating.isBeginning)) {
      const wasIn = membership.epoch !== null;
      membership.goOut();
      if (wasIn) {
        user().keepUnsaid();
        out.warn(
          `${this.#unheardText}, and the group went on without you: what you wrote is kept, ` +
            "and you come back in a moment",
        );
      }
    }
    if (!isMember) {
      membership.participating.abandon(); // what a newcomer was ready for went on without it
      membership.isCaughtUp = false;
    }
    this.#isAsked = false;
    const wasUp = this.link.state === "up";
    this.link.welcomed();
    if (!wasUp) out.show({ event: "coordinator", state: "up" });
    this.#tellAwaited(awaited);
    user().welcomed();
    this.parts.coordinatorUp(told);
  }

  #isOtherGroup(fault: string): void {
    const { out, config } = this.parts;
    const address = endpointText(config.coordinator);
    const text =
      `The coordinator at ${address} can't prove which group it has: ${fault}; ask its ` +
      "operator, this program goes on trying";
    out.error("protocol", text);
    this.link.close("its group isn't what it says", null);
  }

  #tellAwaited(awaited: readonly string[]): void {
    // That fewer are awaited is good news; /status shows it.
    const isNew = this.#hasOthers(awaited);
    this.#awaited = awaited;
    if (!isNew) return;
    const who = awaited.length === 1 ? shownName(awaited[0]!) : "one of them";
    // What else depends on who was removed, which only the coordinator knows.
    const wayOut = `they come when ${who} is back; /status at the coordinator says what else helps`;
    // Not a warning: after a restart of all they come by themselves.
    this.parts.out.notice(`${lastEntriesText(awaited)}; ${wayOut}`);
  }

  /** Whether some of these weren't awaited before. */
  #hasOthers(awaited: readonly string[]): boolean {
    return awaited.some((name) => !this.#awaited.includes(name));
  }

  /** The coordinator's disk is lost, or old: we tell it what ours has, and go on as if it weren't there. */
  #recount({ isLost: isUnknown, awaited }: GroupMessageOf<"recount">): void {
    const { group, founding, begun, view, promised, isLost, isOut, former } = this.parts.standing;
    this.link.send({
      type: "account",
      group,
      founding,
      epoch: begun,
      view: view === begun ? null : view,
      promised,
      isLost,
      isOut,
      edit: this.parts.lastEdit(),
      former,
    });
    if (isUnknown) this.#tellAsked(awaited);
  }

  #tellAsked(awaited: readonly string[]): void {
    const { out, user } = this.parts;
    const isFirst = !this.#isAsked;
    this.#isAsked = true;
    user().welcomed();
    const isNew = this.#hasOthers(awaited);
    if (!this.link.isWelcomed) this.#awaited = awaited;
    if (isFirst) return out.warn(asksText(awaited));
    if (!isNew) return;
    const names = inWords(awaited.map(shownName));
    out.notice(`The coordinator, which asks all members what there was, waits for ${names}`);
  }

  #secretIs({ secret: { epoch, secret } }: GroupMessageOf<"secret">): void {
    const kept = { epoch, secret: secret.slice() }; // a decoder's bytes belong to the link's buffer
    this.link.secretIs(kept);
    this.parts.out.push({ type: "keep-secret", secret: kept });
  }

  #keysAre(link: LinkId, keys: GroupMessageOf<"datagram-keys">): void {
    const { index, toMember, toCoordinator } = keys;
    // A decoder's bytes belong to the link's buffer.
    this.parts.out.push({
      type: "datagram-keys",
      link,
      index,
      toMember: toMember.slice(),
      toCoordinator: toCoordinator.slice(),
    });
  }

  #instancesAre(message: GroupMessageOf<"instances">): void {
    const addresses = this.link.learn(message.addresses);
    if (addresses !== null) this.parts.out.push({ type: "keep-addresses", addresses });
  }

  #parted({ why, pauseMs }: GroupMessageOf<"parted">): void {
    const { out, user, membership } = this.parts;
    membership()?.goOut();
    switch (why) {
      case "left":
        return user().left();
      case "kicked":
        return out.fatal(
          "kicked",
          "The operator removed you from the group; ask to be let in again",
        );
      case "replaced":
        return out.fatal("replaced", REPLACED);
      case "silent":
        this.parts.rosterIs([], [], []);
        user().keepUnsaid();
        out.warn(
          "The others don't hear you, and go on without you: what you write is kept, and you come " +
            "back when all can exchange datagrams with you",
        );
        return this.link.close("parted", pauseMs);
      default:
        return unreachable(why);
    }
  }

  // What is told to the coordinator.

  /** Messages that come before the coordinator has let us in are dropped. */
  tell(message: GroupMessage): void {
    if (this.link.isWelcomed) this.link.send(message);
  }

  #tellAlive(): void {
    const held = this.parts.membership()?.held ?? null;
    const end = held?.log ?? { position: 0, digest: "0".repeat(64) as Hash };
    this.link.send({ type: "alive", end, seq: held?.logSeq ?? 0 });
  }

  /**
   * Tells which members we hear, whether we are caught up, whom we show as joining, and who said goodbye to us, when
   * that is new to the coordinator.
   */
  tellHeard(
    peers: readonly PeerKey[],
    isCaughtUp: boolean,
    joining: readonly PeerKey[],
    left: readonly PeerKey[],
  ): void {
    if (!this.link.isWelcomed) return;
    const told = `${isCaughtUp} ${peers.join()} ${joining.join()} ${left.join()}`;
    if (told === this.#heardTold) return;
    this.#heardTold = told;
    this.link.send({ type: "heard", peers, isCaughtUp, joining, left });
  }
}

/** @param awaited Names of the members that the coordinator waits for. */
function asksText(awaited: readonly string[]): string {
  const whom = awaited.length === 0 ? "" : `; it waits for ${inWords(awaited.map(shownName))}`;
  return `The coordinator lost what it knew of the group, and asks all members what there was${whom}: ` +
    "joining and editing wait for that";
}
