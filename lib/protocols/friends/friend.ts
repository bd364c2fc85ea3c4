/** One friend: its row in the table, its key, what waits for it, and how it is connected at the moment. */

import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { type Endpoint, isSameEndpoint, type LinkId, type PeerKey } from "../../base/ids.ts";
import { RetryPauses } from "../../base/rates/retry_pauses.ts";
import {
  AT_ONCE_INTERVAL_MS,
  OFFER_TOLD_MS,
  RETRY_MS_EACH,
  RETRY_MS_FEW,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  STRANGE_KEPT_MS,
  STRANGE_TOLD_MS,
} from "./limits.ts";
import type { FriendRow } from "./friends_io.ts";
import type { FriendsFact } from "./friends_words.ts";
import { Outbox, type OutboxEntry } from "./outbox.ts";

export class Friend {
  readonly outbox: Outbox;
  /** The key that was met under this name, or accepted for it. */
  pinned: Fingerprint | null;
  /** The link in use; others are being drained. */
  link: LinkId | null = null;
  /** The dial attempt that is under way. */
  attempt: number | null = null;
  /** Who has dialled the other since they were last without a link; null before the first. */
  dialler: "we" | "it" | "both" | null = null;
  /** Whether we have tried since then to dial it, though it has dialled us. */
  isProbed = false;
  /** It can't dial us, as far as is known: the link stays, and is made again. */
  isKept = false;
  /** Where its key answered last, if that isn't the address in its row. */
  metAt: Endpoint | null = null;
  /** The addresses of this search for it, the present one last; none where it isn't being looked for. */
  tried: Endpoint[] = [];
  /**
   * The link of an earlier process with the friend's key, while it isn't known whether that one lives. Until then nothing
   * goes out.
   */
  earlier: LinkId | null = null;
  /** Two processes had the friend's key at once: nothing goes out until our user says so. */
  isContested = false;
  /** The key that answered last, for `/verify`; null while that isn't the one expected. */
  key: PeerKey | null = null;
  /** Keys other than the expected one. */
  readonly strange = new StrangeKeys();
  /** When to dial again, while something waits. */
  retryAtMs: number | null = null;
  /** When to ask the disk again to write down what may go out, after it has refused. */
  releaseAtMs: number | null = null;
  #triedAtMs = -Infinity;
  readonly #pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
  #wasRefused = false;
  #isRefusing = false;
  /** The process that said last that it has stored something. */
  storedBy: string | null = null;
  /** Since when an acknowledgement of what was sent is awaited; null where none is. */
  awaitedSinceMs: number | null = null;
  #dialledAtOnceMs = -Infinity;
  /** When something was last sent or received on the present link. */
  lastTrafficMs = 0;
  /** Whether a link is needed for files. */
  readonly files = new FileNeeds();
  /** No dial before this time to check a stranger's claim to be this friend. */
  checkAtMs = -Infinity;
  /**
   * Why messages wait, of which the user is told once all are delivered: an earlier process left them, the friend was
   * away, or it refused or was refused; null where none had to wait.
   */
  waits: "before" | "away" | "held" | null = null;
  /** Messages delivered since the friend is back. */
  deliveredSinceBack = 0;
  problem: FriendsFact | null = null;
  /**
   * Who answered last at the friend's address isn't taken for the friend here: what waits goes out when another key
   * answers, or, with `trust`, once our user accepts that one. Null where none was refused.
   */
  refusedHere: "trust" | "other-key" | null = null;

  /** @param waiting Bytes that wait for all friends together. */
  constructor(public row: FriendRow, pinned: Fingerprint | null, waiting: { bytes: number }) {
    this.pinned = pinned;
    this.outbox = new Outbox(waiting);
  }

  get name(): string {
    return this.row.name;
  }

  /**
   * The key that the friend must have; null while any key that answers at its address will do. Where it `isDisputed`,
   * it isn't accepted either.
   */
  get expected(): Fingerprint | null {
    return this.row.fingerprint ?? this.pinned;
  }

  /** Whether the table has another key than the known one: whoever edits it must not become the friend unasked. */
  get isDisputed(): boolean {
    const { pinned, row: { fingerprint } } = this;
    return fingerprint !== null && pinned !== null && pinned !== fingerprint;
  }

  /** The message is neither delivered nor kept. */
  drop(entry: OutboxEntry): void {
    this.outbox.remove(entry);
    if (this.outbox.size === 0) this.waits = null;
  }

  /** The friend is being dialled there. */
  trying(nowMs: number, attempt: number, at: Endpoint): void {
    this.attempt = attempt;
    this.tried.push(at);
    this.retryAtMs = null;
    this.#triedAtMs = nowMs;
  }

  /**
   * The user has something for the friend. @returns Whether to dial it now; otherwise, as it was dialled just now,
   * soon.
   */
  hurry(nowMs: number): boolean {
    const atMs = this.#triedAtMs + RETRY_MS_MIN;
    if (atMs <= nowMs) return true;
    this.retryAtMs = Math.min(atMs, this.retryAtMs ?? Infinity);
    return false;
  }

  /**
   * The friend can't be reached now: each next try comes later, and at another moment than other friends'.
   * @param waiting How many friends something waits for: if they are few, each is tried more often.
   */
  failed(nowMs: number, random: number, waiting: number): void {
    const fewMs = this.isKept && !this.isWaitedFor ? RETRY_MS_MAX : RETRY_MS_FEW;
    const mostMs = Math.min(RETRY_MS_MAX, fewMs + waiting * RETRY_MS_EACH);
    this.retryAtMs = nowMs + this.#pauses.failed(random, mostMs);
  }

  /**
   * The friend closed a link properly while something waits. @returns Whether to dial it at once: only now and then.
   */
  mayDialAtOnce(nowMs: number): boolean {
    if (nowMs < this.#dialledAtOnceMs + AT_ONCE_INTERVAL_MS) return false;
    this.#dialledAtOnceMs = nowMs;
    return true;
  }

  /** The friend's key answered there. */
  foundAt(at: Endpoint): void {
    this.metAt = isSameEndpoint(at, this.row.endpoint) ? null : at;
  }

  /** Nobody of use answers there. @returns Where to look next; null where the search is over. */
  notFoundAt(at: Endpoint, next: Endpoint | null): Endpoint | null {
    if (this.metAt !== null && isSameEndpoint(at, this.metAt)) this.metAt = null;
    const isNew = (there: Endpoint) => !this.tried.some((tried) => isSameEndpoint(tried, there));
    const there = [next ?? at, this.row.endpoint].find(isNew) ?? null;
    if (there === null) this.tried = [];
    return there;
  }

  /** Either side refused a link: then reaching the friend doesn't make the pauses short again. */
  refused(): void {
    this.#wasRefused = this.#isRefusing = true;
  }

  /** Nobody answers at the friend's address: whether either side would refuse the other isn't known. */
  unreached(): void {
    this.#isRefusing = false;
    this.refusedHere = null;
  }

  /** Whether the friend was connected when it was last tried, and took nothing. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** When what waits for the friend is sent. */
  get sentWhen(): FriendsFact {
    const { name: friend } = this;
    if (this.refusedHere === "trust") return { fact: "when-trusted", friend };
    if (this.refusedHere === "other-key") return { fact: "when-right-key" };
    return { fact: this.isRefusing ? "when-taken" : "when-back", friend };
  }

  /** Forgets refusals and failures: pauses start short again. */
  forgive(): void {
    this.#wasRefused = this.#isRefusing = false;
    this.refusedHere = null;
    this.#pauses.reset();
  }

  /** A link to the friend is open, besides another one perhaps. */
  opened(isDialled: boolean, isFirst: boolean): void {
    const dialler = isDialled ? "we" : "it";
    if (isFirst) this.isProbed = false;
    this.dialler = isFirst || this.dialler === dialler ? dialler : "both";
    this.isKept &&= isDialled;
  }

  reached(nowMs: number): void {
    if (!this.#wasRefused) this.#pauses.reset();
    this.retryAtMs = null;
    this.problem = this.refusedHere = null;
    this.lastTrafficMs = nowMs;
  }

  /** Whether a link to the friend is of use now: something waits, files need it, or the friend can't make one. */
  get isWanted(): boolean {
    return this.isWaitedFor || this.isKept;
  }

  get isWaitedFor(): boolean {
    return this.outbox.size > 0 || this.files.isNeeded;
  }

  /** Whether nothing waits for the friend, and it is neither linked nor dialled. */
  get isIdle(): boolean {
    return !this.isWanted && this.link === null && this.attempt === null;
  }

  /** Whether nothing may go out, as another than the friend might get it. */
  get isHeld(): boolean {
    return this.earlier !== null || this.isContested;
  }

  /** Whether the last attempts failed, and nothing has changed since. */
  get isAway(): boolean {
    return this.link === null && this.#pauses.hasFailed;
  }
}

/** What files need of the link to a friend. */
class FileNeeds {
  /** A file is fetched: the link stays, and is made again. */
  isHeld = false;
  #isTelling = false;
  /** When the friend has been told of all offers, if the link lives so long; null where there is nothing to tell. */
  toldAtMs: number | null = null;
  /** The user doesn't know yet that the friend isn't there. */
  isToSay = false;
  /** What waits needs the friend's key first, and is only in memory. */
  isMetFirst = false;

  get isNeeded(): boolean {
    return this.isHeld || this.#isTelling;
  }

  /** The friend is to be told of an offer. @param openMs Now, where there is a link. */
  tell(isMetFirst: boolean, isFresh: boolean, openMs: number | null): void {
    this.#isTelling = true;
    this.isMetFirst = isMetFirst;
    this.isToSay ||= isFresh && openMs === null;
    if (openMs !== null) this.opened(openMs);
  }

  opened(nowMs: number): void {
    this.isToSay = false;
    if (this.#isTelling) this.toldAtMs = nowMs + OFFER_TOLD_MS;
  }

  told(): void {
    this.#isTelling = false;
    this.toldAtMs = null;
  }
}

/** Where a key was met: it answered at the friend's address, or somebody who has it dialled in as the friend. */
export type MetWhere = "at-address" | "dialled-in";

/**
 * Keys other than a friend's that were met in the friend's place: of which of them the user is told, and which one
 * `/trust` accepts. That is always the one that the user was told of last.
 */
export class StrangeKeys {
  #told: PeerKey | null = null;
  #toldWhere: MetWhere = "dialled-in";
  /** Until then, nobody who dials in replaces the key that the user was told of. */
  #keptUntilMs = -Infinity;
  /** The user isn't told before these times of one more key that was met there. */
  readonly #quietUntilMs: Record<MetWhere, number> = {
    "at-address": -Infinity,
    "dialled-in": -Infinity,
  };

  /** The key that the user was told of last; null: there is none to accept. */
  get told(): PeerKey | null {
    return this.#told;
  }

  /**
   * A key was met. @param isAsked Whether the user decides about keys here: anybody may dial in meanwhile. @returns
   * `tell`: the user is to be told of it now; `told`: the user knows; `other`: there are too many to tell.
   */
  met(key: PeerKey, where: MetWhere, isAsked: boolean, nowMs: number): "tell" | "told" | "other" {
    const isInbound = where === "dialled-in";
    if (key === this.#told && (isInbound || this.#toldWhere === where)) return "told";
    const isKept = isAsked && this.#told !== null && nowMs < this.#keptUntilMs;
    if ((isInbound && isKept) || nowMs < this.#quietUntilMs[where]) return "other";
    this.#told = key;
    this.#toldWhere = where;
    this.#keptUntilMs = nowMs + STRANGE_KEPT_MS;
    this.#quietUntilMs[where] = nowMs + STRANGE_TOLD_MS;
    return "tell";
  }

  /** The user has found other digits than the one who has this key: `/trust` accepts it all the same. */
  refused(key: PeerKey): void {
    this.#told = key;
  }

  /** Another key is expected now: any other one is worth telling at once. */
  forget(): void {
    this.#told = null;
    this.#quietUntilMs["at-address"] = this.#quietUntilMs["dialled-in"] = -Infinity;
  }
}
