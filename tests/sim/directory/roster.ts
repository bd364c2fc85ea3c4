/** Who is logged in, by the directory's own messages, and whether they may be. */

import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { FoldedName, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { DIRECTORY_NAME } from "../../../lib/protocols/directory/schema/events.ts";
import { GUEST_HELD_MS, KICKED_MS } from "../../../lib/protocols/directory/schema/limits.ts";
import type {
  DirectoryMessage,
  DirectoryMessageOf,
  DirectoryRefusal,
  WayIn,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A program that has connected to the directory, as it was when the link came up. */
export interface Visitor {
  readonly key: PeerKey;
  /** A different value for each process. */
  readonly process: string;
  readonly label: string;
}

/** The time from entering until leaving. */
export interface Stay {
  readonly visitor: Visitor;
  readonly name: string;
  readonly isGuest: boolean;
  readonly link: LinkId;
  readonly fromMs: number;
  /** The program's first stay, to which it has returned by itself since; null: this one. */
  readonly first: Stay | null;
  /** The directory's wall clock when the stay began. */
  readonly wallMs: number;
  /** The latest time of this clock since the directory was started: ranks don't go back if it does. */
  readonly latestMs: number;
  /** The number up to which the account had received broadcasts, by the directory's disk at that time. */
  readonly had: number;
  /** Null while the stay lasts. */
  untilMs: number | null;
  /** Why it has ended; null if the user has entered on another link. */
  reason: string | null;
}

/** Clocks are at most this much too fast or too slow. */
const CLOCK_TOLERANCE = 0.99;

/** Messages that may be sent to a client that hasn't entered. */
const OUTSIDE: ReadonlySet<DirectoryMessage["type"]> = new Set(["refused", "dismissed", "unknown"]);

/**
 * Temporary refusals of clients that have entered. Without a time to wait, such a client would retry again and
 * again.
 */
const PASSING: ReadonlySet<DirectoryRefusal> = new Set(["too-fast", "full", "disk"]);

export class Roster {
  readonly #stays = new Map<FoldedName, Stay[]>();
  readonly #in = new Map<FoldedName, Stay>();
  readonly #links = new Set<LinkId>();
  /** The way in which the client on each link wants to enter. */
  readonly #ways = new Map<LinkId, WayIn>();
  /** When each name, or key, was kicked. */
  readonly #kickedAtMs = new Map<FoldedName | PeerKey, number>();
  /** When the directory's present process was started. */
  #sinceMs = 0;
  /** The latest time of its wall clock since then. */
  #latestMs = 0;

  constructor(readonly world: World) {}

  get size(): number {
    return this.#in.size;
  }

  get all(): readonly Stay[] {
    return [...this.#in.values()];
  }

  named(name: string): Stay | null {
    return this.#in.get(foldName(name)) ?? null;
  }

  /** All stays under this name. */
  stays(name: string): readonly Stay[] {
    return this.#stays.get(foldName(name)) ?? [];
  }

  asks(link: LinkId, how: WayIn): void {
    this.#ways.set(link, how);
  }

  /** The directory sends a message on a link. */
  sent(link: LinkId, message: DirectoryMessage, visitor: Visitor): void {
    if (message.type === "entered") this.#entered(link, message, visitor);
    else if (!this.#links.has(link) && !OUTSIDE.has(message.type)) {
      throw new Violation(`${visitor.label} isn't in, and is told ${message.type}`);
    } else if (
      message.type === "refused" && this.#links.has(link) && PASSING.has(message.code) &&
      message.retryMs === 0
    ) throw new Violation(`${visitor.label} hears ${message.code}, and not for how long`);
  }

  #entered(
    link: LinkId,
    { name, guest: isGuest }: DirectoryMessageOf<"entered">,
    visitor: Visitor,
  ): void {
    const { world } = this;
    const { nowMs: fromMs } = world.time;
    const folded = foldName(name);
    const before = this.#in.get(folded);
    if (before !== undefined) this.#leaves(before, null);
    const wallMs = world.directoryWallMs();
    this.#latestMs = Math.max(this.#latestMs, wallMs);
    const stay: Stay = {
      visitor,
      name,
      isGuest,
      link,
      fromMs,
      first: this.#first(link, name, isGuest, visitor),
      wallMs,
      latestMs: this.#latestMs,
      had: this.#had(folded),
      untilMs: null,
      reason: null,
    };
    this.#checkMayEnter(stay, before ?? null);
    this.#checkMayDisplace(stay, before ?? null);
    this.#stays.set(folded, [...this.stays(name), stay]);
    this.#in.set(folded, stay);
    this.#links.add(link);
    if (this.size > world.options.clientsMax) throw new Violation("more are in than may be");
  }

  #first(link: LinkId, name: string, isGuest: boolean, { process }: Visitor): Stay | null {
    const last = this.stays(name).findLast((stay) => stay.visitor.process === process);
    if (last === undefined) return null;
    const comesBack = isGuest ? last.isGuest : this.#ways.get(link) === "resume";
    return comesBack ? last.first ?? last : null;
  }

  #had(name: FoldedName): number {
    let had = 0;
    for (const record of this.world.disk.records) {
      if (record.kind !== "got" && record.kind !== "forgotten") continue;
      if (record.account !== name) continue;
      had = record.kind === "got" ? Math.max(had, record.through) : 0;
    }
    return had;
  }

  #checkMayEnter({ visitor: { key, label }, name, isGuest }: Stay, before: Stay | null): void {
    const { accounts, options, time } = this.world;
    if (name === DIRECTORY_NAME) throw new Violation(`${label} is the directory`);
    for (const kicked of [foldName(name), key]) {
      const atMs = this.#kickedAtMs.get(kicked) ?? -Infinity;
      if (time.nowMs < atMs + KICKED_MS * CLOCK_TOLERANCE) {
        throw new Violation(`${label} is in, and was thrown out a moment ago`);
      }
    }
    if (!isGuest) {
      if (accounts.isDevice(name, fingerprintOf(key)) || accounts.isUnsettled(name)) return;
      throw new Violation(`${label} is in as ${name}, which it isn't`);
    }
    if (!options.guests) throw new Violation(`${label} is in as a guest`);
    if (accounts.has(name) && !accounts.isUnsettled(name)) {
      throw new Violation(`${label} is in as a guest of an account's name`);
    }
    const last = before ?? this.stays(name).at(-1);
    if (last === undefined || !last.isGuest || last.visitor.key === key) return;
    const isHeld = last.reason === "lost" && last.untilMs !== null &&
      last.untilMs > this.#sinceMs && time.nowMs < last.untilMs + GUEST_HELD_MS * CLOCK_TOLERANCE;
    if (before !== null || isHeld) throw new Violation(`${label} is in by another guest's name`);
  }

  /** Only a program's own link is replaced silently, and a program that returns by itself displaces no later one. */
  #checkMayDisplace(stay: Stay, before: Stay | null): void {
    const { visitor, name, isGuest, link } = stay;
    const { label, process } = visitor;
    if (before !== null && before.visitor.process !== process) {
      throw new Violation(`${label} takes the place of ${before.visitor.label}, which isn't told`);
    }
    const stays = this.stays(name).filter(({ untilMs }) =>
      untilMs !== null && untilMs > this.#sinceMs
    );
    const last = stays.at(-1);
    if (last?.reason !== "replaced" || last.visitor.process === process) return;
    if (isLater(stay, last)) return;
    const comesBack = isGuest && last.isGuest
      ? stays.some((stay) => stay.isGuest && stay.visitor.process === process)
      : this.#ways.get(link) === "resume" && !last.isGuest;
    if (comesBack) throw new Violation(`${label} comes back in the place of a later program`);
  }

  /** The directory reports that somebody has left. */
  left(name: string, reason: string): void {
    const stay = this.named(name);
    if (stay === null) throw new Violation(`${name} isn't in, and goes`);
    if (reason === "kicked") {
      for (const each of [foldName(name), stay.visitor.key]) {
        this.#kickedAtMs.set(each, this.world.time.nowMs);
      }
    }
    this.#leaves(stay, reason);
  }

  #leaves(stay: Stay, reason: string | null): void {
    stay.untilMs = this.world.time.nowMs;
    stay.reason = reason;
    this.#in.delete(foldName(stay.name));
    this.#links.delete(stay.link);
  }

  /** The client on this link was banned: no name is held for it. */
  banned(link: LinkId): void {
    for (const stays of this.#stays.values()) {
      const stay = stays.at(-1)!;
      if (stay.link === link) stay.reason = "banned";
    }
  }

  directoryStarts(): void {
    this.#latestMs = this.world.directoryWallMs();
  }

  directoryEnds(): void {
    for (const stay of this.all) this.#leaves(stay, "the directory ends");
    this.#kickedAtMs.clear();
    this.#ways.clear();
    this.#sinceMs = this.world.time.nowMs;
  }

  /** A client has created an account of this name. */
  signedUp(name: string, key: Fingerprint): void {
    const stay = this.named(name);
    if (stay === null || !stay.isGuest || fingerprintOf(stay.visitor.key) === key) return;
    throw new Violation(`${name} is another guest's name, and is signed up`);
  }

  /** When it is quiet: checks that everybody who has logged in has an account. */
  checkAccounts(): void {
    for (const { name, isGuest, visitor } of this.all) {
      if (isGuest || this.world.accounts.has(name)) continue;
      throw new Violation(`${visitor.label} is in as ${name}, an account that is gone`);
    }
  }
}

/** Whether `stay` is later: really, or by the directory's clock, which may have been set back. */
function isLater({ first, ...stay }: Stay, other: Stay): boolean {
  const [a, b] = [first ?? stay, other.first ?? other];
  return a.fromMs > b.fromMs || a.latestMs > b.latestMs;
}
