/** Links to friends and to those who say that they are friends; which of two is used. */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Friend } from "./friend.ts";
import type { Position } from "./position.ts";

/** Each phase of a link between friends: what it means, and which ones may follow. */
export const LINK_PHASES = {
  greeting: { about: "no `hello` yet, 10 s at most", next: ["checking", "open", "over"] },
  checking: {
    about:
      "it says that it is a friend whose key isn't known: who answers at that friend's address decides",
    next: ["open", "over"],
  },
  open: { about: "both know whom they talk to", next: ["draining", "over"] },
  draining: {
    about: "another one is used; what is under way on it still arrives, 2 s at most",
    next: ["over"],
  },
  over: { about: "it is being closed, nothing on it is heeded", next: [] },
} as const;
export type LinkPhase = keyof typeof LINK_PHASES;

export interface FriendLink {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly dialled: boolean;
  /** The dial that it answers; null for an inbound one. */
  readonly attempt: number | null;
  /** Whom we dialled, or whom it says it is. */
  friend: Friend | null;
  phase: LinkPhase;
  /** The other's process, as its `hello` said, and what that has stored of what we said. */
  epoch: number;
  stored: readonly Position[];
  /** It was in use: its end says nothing about whether the friend can be reached. */
  wasOpen: boolean;
  /** A message went out on it, or came in. */
  isUsed: boolean;
  /** It was refused, by either side: no new one at once. */
  isRefused: boolean;
  /** When it is closed unless something happens; null for an open one. */
  dueMs: number | null;
  unknownMessages: number;
}

/** The one place where a link changes its phase. @throws {InvariantError} If `LINK_PHASES` doesn't allow it. */
export function enter(link: FriendLink, phase: LinkPhase): void {
  const allowed: readonly LinkPhase[] = LINK_PHASES[link.phase].next;
  invariant(
    allowed.includes(phase),
    `a friend's link goes from ${link.phase} to ${allowed.join(" or ")}, not to ${phase}`,
  );
  link.phase = phase;
}

export class FriendLinks {
  readonly #links = new Map<LinkId, FriendLink>();

  add(link: FriendLink): void {
    this.#links.set(link.link, link);
  }

  get(link: LinkId): FriendLink | null {
    return this.#links.get(link) ?? null;
  }

  remove(link: LinkId): void {
    this.#links.delete(link);
  }

  /** Those to this key that aren't being closed. */
  to(key: PeerKey): readonly FriendLink[] {
    return [...this.#links.values()].filter(({ peer, phase }) => peer === key && phase !== "over");
  }

  all(): Iterable<FriendLink> {
    return this.#links.values();
  }

  /** Those that came in and are in this phase, in the order in which they came. */
  inbound(wanted: FriendLink["phase"]): readonly FriendLink[] {
    return [...this.#links.values()].filter(({ phase, dialled }) => !dialled && phase === wanted);
  }

  /** The friend's, and those who say that they are this friend; none that is being closed. */
  of(friend: Friend): readonly FriendLink[] {
    return [...this.#links.values()].filter((link) =>
      link.friend === friend && link.phase !== "over"
    );
  }

  checking(friend: Friend): readonly FriendLink[] {
    return this.of(friend).filter(({ phase }) => phase === "checking");
  }

  /** The key that answers at the friend's address now; null where nobody was reached there yet. */
  dialledKey(friend: Friend): PeerKey | null {
    for (const { friend: other, dialled, peer, phase } of this.#links.values()) {
      if (dialled && other === friend && phase !== "over") return peer;
    }
    return null;
  }

  nextDueMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#links.values()) {
      if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
    }
    return next;
  }

  postpone(delayMs: number): void {
    for (const link of this.#links.values()) if (link.dueMs !== null) link.dueMs += delayMs;
  }
}

/**
 * Of two open links between two, whether both sides keep `fresh`: the newer where they are to two processes, one of
 * which is gone; else the one that the smaller key dialled, then the newer.
 */
export function isKept(fresh: FriendLink, old: FriendLink, self: PeerKey): boolean {
  if (fresh.epoch !== old.epoch) return true;
  const dialler = ({ dialled, peer }: FriendLink) => dialled ? self : peer;
  return dialler(fresh) === dialler(old) || dialler(fresh) < dialler(old);
}
