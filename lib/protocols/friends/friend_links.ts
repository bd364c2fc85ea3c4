/** Links to friends and to those that claim to be friends; and which of two links is kept. */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Presence } from "../../base/machine/user_presence.ts";
import { UnknownMessages } from "../../base/machine/unknown_messages.ts";
import type { Friend } from "./friend.ts";
import type { Position } from "./positions.ts";

/** Each phase of a link between friends: what it means, and which ones may follow. */
export const LINK_PHASES = {
  greeting: { about: "no `hello` yet, 10 s at most", next: ["checking", "open", "over"] },
  checking: {
    about:
      "it claims to be a friend whose key isn't known: the key that answers at that friend's address decides",
    next: ["open", "over"],
  },
  open: { about: "each side knows who the other is", next: ["draining", "over"] },
  draining: {
    about: "another link is used; messages in transit on this one still arrive, 2 s at most",
    next: ["over"],
  },
  over: { about: "it is being closed; messages on it are ignored", next: [] },
} as const;
type LinkPhase = keyof typeof LINK_PHASES;

export interface FriendLink {
  readonly link: LinkId;
  readonly peer: PeerKey;
  /** The other side's process. */
  readonly process: string;
  readonly dialled: boolean;
  /** The dial attempt that led to this link; null for an inbound one. */
  readonly attempt: number | null;
  /** The friend that we dialled, or that the other side claims to be. */
  friend: Friend | null;
  phase: LinkPhase;
  /** What the other side has stored of our messages, as its `hello` said. */
  stored: readonly Position[];
  /** What the other side's user says of itself, as its `hello` said. */
  said: Presence;
  /** What it was told that our user says of itself; null before our `hello`. */
  told: Presence | null;
  /** Whether it was ever in use: then its end doesn't say whether the friend can be reached. */
  wasOpen: boolean;
  /** Whether a message was sent or received on it. */
  isUsed: boolean;
  /** Whether it belongs to an earlier process with the friend's key, which was asked whether it lives. */
  isReplaced: boolean;
  /** Whether either side refused it: then no new one is dialled at once. */
  isRefused: boolean;
  /** When it is closed unless something happens; null for an open one. */
  dueMs: number | null;
  readonly unknownMessages: UnknownMessages;
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

  /** Links to this key that aren't being closed. */
  to(key: PeerKey): readonly FriendLink[] {
    return [...this.#links.values()].filter(({ peer, phase }) => peer === key && phase !== "over");
  }

  all(): Iterable<FriendLink> {
    return this.#links.values();
  }

  /** Inbound links in this phase, in the order in which they came. */
  inbound(wanted: FriendLink["phase"]): readonly FriendLink[] {
    return [...this.#links.values()].filter(({ phase, dialled }) => !dialled && phase === wanted);
  }

  /** Links to the friend, and of those that claim to be this friend; none that is being closed. */
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

  nextMs(): number | null {
    let next: number | null = null;
    for (const { dueMs } of this.#links.values()) {
      if (dueMs !== null && (next === null || dueMs < next)) next = dueMs;
    }
    return next;
  }
}

/**
 * Of two open links between the same two, whether both sides keep `fresh`: if they belong to two processes, one of
 * which is gone, the newer one; otherwise the one that the smaller key dialled, then the newer one.
 */
export function isKept(fresh: FriendLink, old: FriendLink, self: PeerKey): boolean {
  if (fresh.process !== old.process) return true;
  const dialler = ({ dialled, peer }: FriendLink) => dialled ? self : peer;
  return dialler(fresh) === dialler(old) || dialler(fresh) < dialler(old);
}
