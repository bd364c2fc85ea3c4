/**
 * The coordinator as its program runs it: with what its disk knows or, where that is lost or old, first with what the
 * members report (`recounting.ts`). When something shows that the disk is old, all links are closed: members dial
 * again, and are asked.
 *
 * A disk is known to be old when a member knows of something that this disk should have: a number above all that were
 * used, a later view, or the present view with other members. While no such member is there, this can't be known.
 *
 * While nobody is in the group, only the coordinator has its log: if that isn't what it was when the last member
 * left, members are asked, too, and those of the last view go on with their log.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../base/ids.ts";
import type { Machine } from "../../../base/machine/machine.ts";
import { foldName, shownName } from "../../../base/text/names.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import { compareBallots } from "../schema/epoch.ts";
import { Coordinator } from "../coordinator/coordinator.ts";
import type {
  CoordinatorConfig,
  CoordinatorEffect,
  CoordinatorInput,
} from "../schema/coordinator_io.ts";
import { groupOf, isLost } from "../coordinator/coordinator_log.ts";
import { REMEMBERED_MAX } from "../schema/limits.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import { type Account, checkedAccount } from "./recount.ts";
import { type Awaiting, Recounting } from "./recounting.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import { Views } from "../detector/views.ts";

type Hello = GroupMessageOf<"hello">;

export interface RebuildingConfig extends CoordinatorConfig {
  /** Whether to found a group where the disk has none: nobody can know the key yet, or the operator says so. */
  readonly mayFound: boolean;
}

interface Linked {
  readonly peer: PeerKey;
  /** Its `hello`, kept from the coordinator until its account has come. */
  hello: Hello | null;
}

/** What shows that the disk is old, and why, as a sentence. */
interface Evidence {
  readonly because: string;
  readonly account: Account;
}

export class RebuildingCoordinator implements Machine<CoordinatorInput, CoordinatorEffect> {
  #serving: Coordinator | null = null;
  #recounting: Recounting | null = null;
  readonly #links = new Map<LinkId, Linked>();
  /** Tokens of writes and reads up to this one belong to the earlier machine. */
  #tokensBefore = 0;
  #lastToken = 0;
  /** Keys of members, by folded name, including those met since the start. */
  readonly #pins: Map<string, Fingerprint>;
  /** Members whose unproven word has made us ask all. */
  readonly #believed = new Set<PeerKey>();
  #isReadyTold = false;

  constructor(
    readonly config: RebuildingConfig,
    readonly signer: Signer,
    readonly environment: Environment,
  ) {
    const { records, mayFound, pins } = config;
    this.#pins = new Map(pins);
    const isFresh = mayFound || records.some(({ kind }) => kind === "fresh");
    const isKnown = groupOf(records) !== null ? !isLost(records) && this.#hasLog : isFresh;
    if (isKnown) this.#serving = new Coordinator(config, signer, environment);
    else this.#recounting = this.#recountingOf(records, this.#hasLog);
  }

  /** Whether we have the log that was taken over from the last member that left, if nobody has come since. */
  get #hasLog(): boolean {
    const { records, history } = this.config;
    const last = Views.of(records).present?.epoch.value ?? null;
    if (last === null || last.members.length > 0 || last.start.position === 0) return true;
    return history?.position === last.start.position && history.digest === last.start.digest;
  }

  /** @param hasLog False: what counts is the last view that had members, and only they know it. */
  #recountingOf(records: readonly CoordinatorRecord[], hasLog: boolean): Recounting {
    const state = records.filter(({ kind }) => kind !== "log" && kind !== "new-log");
    return new Recounting(this.config, this.signer, this.environment, state, hasLog);
  }

  /**
   * Whether a proven dialler that knew this secret may connect. With an earlier secret those may who were members; of
   * these, who was removed is told so.
   */
  admits(key: PeerKey, secret: ChannelSecret | null): boolean {
    const { secrets } = this.config;
    if (secret === null || !secrets) return true; // the channel needs one in a private group
    return secrets.isCurrent(secret) || (this.#serving?.views ?? this.#recounting!).wasMember(key);
  }

  snapshot(): Iterable<CoordinatorRecord> | null {
    return this.#serving?.snapshot() ?? this.#recounting?.records ?? null;
  }

  nextDeadlineMs(): number | null {
    return this.#serving?.nextDeadlineMs() ?? this.#recounting?.out.clock.nextDeadlineMs() ?? null;
  }

  step(input: CoordinatorInput, nowMs: number): readonly CoordinatorEffect[] {
    this.#track(input);
    const effects: CoordinatorEffect[] = [];
    if (this.#serving !== null) this.#serve(this.#serving, input, nowMs, effects);
    else this.#recount(this.#recounting!, input, nowMs, effects);
    if (this.#recounting !== null) this.#recounting.out.clock.dueMs = this.#recounting.dueMs;
    return effects;
  }

  #track(input: CoordinatorInput): void {
    if (input.type === "link-up") {
      const { link, peer } = input;
      this.#links.set(link, { peer, hello: null });
    } else if (input.type === "link-down") this.#links.delete(input.link);
  }

  /** Passes on effects of the present machine, with tokens that are unique across machines. */
  #bring(from: readonly CoordinatorEffect[], effects: CoordinatorEffect[]): void {
    for (const effect of from) {
      if (effect.type === "show" && effect.event.event === "ready") {
        if (this.#isReadyTold) continue;
        this.#isReadyTold = true;
      }
      if (effect.type === "pin") this.#pins.set(foldName(effect.name), fingerprintOf(effect.key));
      if (!("token" in effect) || effect.token === null) {
        effects.push(effect);
        continue;
      }
      const token = this.#tokensBefore + effect.token;
      this.#lastToken = Math.max(this.#lastToken, token);
      effects.push({ ...effect, token });
    }
  }

  /** The input with the token as the present machine gave it; null for an answer to the earlier machine. */
  #translated(input: CoordinatorInput): CoordinatorInput | null {
    // If the disk refuses a write, that ends the present machine, whichever of them wrote.
    if (!("token" in input) || input.type === "persist-failed") return input;
    const token = input.token - this.#tokensBefore;
    return token <= 0 ? null : { ...input, token };
  }

  // With what the disk knows.

  #serve(
    serving: Coordinator,
    input: CoordinatorInput,
    nowMs: number,
    effects: CoordinatorEffect[],
  ): void {
    if (input.type === "message" && this.#isHeld(serving, input.link, input.message, effects)) {
      const told = this.#told(serving, input.link, input.message);
      if (told === null) return;
      if (told !== undefined) return this.#isOld(serving, told, nowMs, effects);
      const { hello } = this.#links.get(input.link)!;
      this.#links.get(input.link)!.hello = null;
      input = { ...input, message: hello! };
    }
    const translated = this.#translated(input);
    if (translated !== null) this.#bring(serving.step(translated, nowMs), effects);
  }

  /** Whether the message, or the hello before it, can't be taken as it is: then an account is asked for. */
  #isHeld(
    { group, views }: Coordinator,
    id: LinkId,
    message: Extract<CoordinatorInput, { readonly type: "message" }>["message"],
    effects: CoordinatorEffect[],
  ): boolean {
    const link = this.#links.get(id);
    if (link === undefined) return false;
    if (message.type === "hello" && link.hello === null && message.group === group) {
      if (!isStrange(views, link.peer, message)) return false;
      link.hello = message;
      const question = { type: "recount" as const, isLost: false, awaited: [] };
      effects.push({ type: "send", link: id, message: question });
    }
    return link.hello !== null;
  }

  /** @returns What shows that the disk is old; undefined where nothing does; null while the account hasn't come. */
  #told(
    { views, group }: Coordinator,
    id: LinkId,
    message: Extract<CoordinatorInput, { readonly type: "message" }>["message"],
  ): Evidence | null | undefined {
    if (message.type !== "account") return null;
    const { peer, hello } = this.#links.get(id)!;
    const account = checkedAccount(this.environment.crypto, this.signer.key, hello!, message);
    if (typeof account === "string" || account.group !== group) return undefined;
    const news = newsOf(views, account) ?? this.#promiseOf(views, peer, account);
    if (news !== null) return { because: `${shownName(hello!.name)} ${news}`, account };
    if (hasOnlyLost(views, hello!, account)) views.accounted(peer);
    return undefined;
  }

  /**
   * Evidence of an old disk: a promised number above all on this disk, as part of a sentence; null where there is
   * none. The number isn't proven, so it counts only from a member, and once: then all members are asked, and the
   * member could repeat it forever. After that, its promise only raises the numbers that go on, within limits.
   */
  #promiseOf(views: Views, peer: PeerKey, { promised }: Account): string | null {
    const { number } = views;
    if (promised.number <= number || !views.isPossible(promised.number)) return null;
    if (!views.isInOpen(peer) || this.#believed.has(peer)) return null;
    this.#believed.add(peer);
    dropOldest(this.#believed, REMEMBERED_MAX);
    return `knows of view ${promised.number}, but the last one on this disk is ${number}`;
  }

  #isOld(
    serving: Coordinator,
    { because, account }: Evidence,
    nowMs: number,
    effects: CoordinatorEffect[],
  ): void {
    const { effects: last, isOver } = serving.giveWay(nowMs);
    this.#bring(last, effects);
    if (isOver) return;
    const recounting = this.#recountingOf([...serving.snapshot() ?? []], true);
    this.#history = serving.history;
    this.#serving = null;
    this.#recounting = recounting;
    this.#tokensBefore = this.#lastToken;
    recounting.out.begin(nowMs);
    recounting.begin(because);
    recounting.believe(account);
    for (const link of this.#links.keys()) {
      recounting.out.close(link, "the coordinator asks all members what there was");
    }
    this.#bring(recounting.out.take(), effects);
  }

  // With what members tell.

  /** The end of our own log, where it has grown since the start; undefined where it hasn't. */
  #history: CoordinatorConfig["history"] | undefined = undefined;

  #recount(
    recounting: Recounting,
    input: CoordinatorInput,
    nowMs: number,
    effects: CoordinatorEffect[],
  ): void {
    const { out } = recounting;
    out.begin(nowMs);
    if (input.type === "start") this.#start(recounting);
    const translated = this.#translated(input);
    if (translated !== null) recounting.handle(translated);
    this.#bring(out.take(), effects);
    if (recounting.isOver) this.#goOn(recounting, nowMs, effects);
  }

  #start(recounting: Recounting): void {
    const { listening, records } = this.config;
    const key = fingerprintOf(this.signer.key);
    const because = groupOf(records) === null
      ? null
      : isLost(records)
      ? "This coordinator was stopped before its lost disk was restored"
      : "The log that the last one who left handed over isn't there any more, or not all of it";
    const access = this.config.secrets ? { private: true } as const : {};
    recounting.out.show({
      event: "ready",
      command: "serve",
      ...listening,
      key,
      members: [],
      ...access,
    });
    recounting.begin(because);
  }

  /** The group is known: starts the coordinator as with a disk that knows it, and with all that are linked already. */
  #goOn(
    { records, awaiting, lostLogs }: Recounting,
    nowMs: number,
    effects: CoordinatorEffect[],
  ): void {
    const end = this.#history === undefined ? this.config.history : this.#history;
    const history = end?.group === groupOf(records)?.group ? end : null;
    const config = { ...this.config, pins: this.#pins, records, history };
    this.#recounting = null;
    this.#tokensBefore = this.#lastToken;
    const serving = this.#serving = new Coordinator(config, this.signer, this.environment);
    for (const key of lostLogs) serving.views.accounted(key);
    const step = (input: CoordinatorInput) => this.#bring(serving.step(input, nowMs), effects);
    step({ type: "start" });
    for (const one of awaiting) this.#greet(one, step);
  }

  #greet({ hello, ...up }: Awaiting, step: (input: CoordinatorInput) => void): void {
    step({ type: "link-up", ...up });
    if (hello !== null) step({ type: "message", link: up.link, message: hello });
  }
}

/** Whether the sender may know something that this disk doesn't. */
function isStrange(views: Views, peer: PeerKey, hello: Hello): boolean {
  const { begun, promised } = hello;
  if (promised.number > views.number) return true;
  // A member that has lost its log says nothing of itself.
  if (saysNothing(hello)) return true;
  if (begun.number === 0 || compareBallots(begun, views.latest) < 0) return false;
  return !views.isInOpen(peer) || (begun.round === 0 && compareBallots(begun, views.latest) > 0);
}

/**
 * Whether a member of the recounted view tells, as one could that was asked before that view was known, that it has
 * promised it and has lost its log since: it isn't needed for the next view any more.
 *
 * That is on no disk, since each start asks again: a member that has lost its log says nothing of itself. The account
 * comes over the member's own link, as the answer to our question, so it is neither somebody else's nor an old one. It
 * names no later view that has begun for the member, or all would be asked; and one that was decided before we asked
 * can't begin there any more, as `recount.ts` says. If its log isn't lost after all, as with a liar, or comes back, it
 * has given up nothing but its own say, and speaks for the view again as soon as its `hello` does. The view itself goes
 * on only with a member that speaks for it.
 */
function hasOnlyLost(views: Views, hello: Hello, { isLost, promised }: Account): boolean {
  return isLost && saysNothing(hello) && compareBallots(promised, views.ballot) >= 0;
}

function saysNothing({ begun, promised }: Pick<Hello, "begun" | "promised">): boolean {
  return begun.number === 0 && promised.number === 0;
}

/** What proves that the disk is old, as part of a sentence; null where nothing does. */
function newsOf({ present, ballot, latest }: Views, { view }: Account): string | null {
  const told = view?.epoch.value ?? null;
  if (told !== null && told.view > latest.number) {
    return `knows of view ${told.view}, but the last one on this disk is ${latest.number}`;
  }
  const isOther = told !== null && present !== null && told.view === ballot.number &&
    view!.epoch.bytes.toHex() !== present.epoch.bytes.toHex();
  return isOther ? `was in another view ${told.view} than this disk has` : null;
}
