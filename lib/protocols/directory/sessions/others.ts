/** Who is in at the directory's other instances, as the registrar tells; and the instances. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { type Endpoint, endpointText, type FoldedName, type PeerKey } from "../../../base/ids.ts";
import { foldName } from "../../../base/text/names.ts";
import { GUEST_HELD_MS, HELD_GUESTS_MAX, INSTANCES_MAX } from "../schema/limits.ts";
import type { ListedUser } from "../schema/listed_users.ts";
import { type Instance, listedSession, type OnlineSession } from "../schema/registrar_io.ts";

/** A guest's program, which may go on at this instance. */
interface Guest extends Pick<OnlineSession, "key" | "process"> {
  /** Up to which number broadcasts were made before it came in. */
  readonly before: number;
  readonly untilMs: number;
}

export class Others {
  readonly #byName = new Map<FoldedName, OnlineSession>();
  /** Those of the guests that are in, and of those that were a moment ago: their instance may be gone. */
  readonly #guests = new Map<FoldedName, Guest>();
  readonly #formerGuests = new Map<FoldedName, Guest>();
  #highestRank = 0;
  /** The own one first. */
  instances: readonly Instance[] = [];

  /** Those that are in. */
  get all(): Iterable<OnlineSession> {
    return this.#byName.values().filter(({ isHeld }) => !isHeld);
  }

  /** How many are in. */
  get size(): number {
    return [...this.all].length;
  }

  /** The highest rank that any of them ever had. */
  get highestRank(): number {
    return this.#highestRank;
  }

  /** The session that has the name, or had it a moment ago. */
  named(name: FoldedName): OnlineSession | null {
    return this.#byName.get(name) ?? null;
  }

  /** The session that is in by that name. */
  present(name: FoldedName): OnlineSession | null {
    const session = this.named(name);
    return session?.isHeld === false ? session : null;
  }

  /** How the list shows the name; null: nobody is in by it. */
  listed(name: FoldedName): ListedUser | null {
    const session = this.present(name);
    return session === null ? null : listedSession(session);
  }

  /** Whether a guest other than the one with this key has the name, or had it a moment ago. */
  isOtherGuests(name: FoldedName, key: PeerKey): boolean {
    const session = this.named(name);
    return session !== null && session.isGuest && session.key !== key;
  }

  /**
   * Up to which number broadcasts were made before that guest's program came in at another instance; null: it isn't, and
   * wasn't a moment ago, in there.
   */
  guestsBefore(
    name: FoldedName,
    { key, process }: Pick<OnlineSession, "key" | "process">,
    nowMs: number,
  ): number | null {
    const guest = this.#guests.get(name) ?? this.#formerGuests.get(name);
    if (guest?.key !== key || guest.process !== process) return null;
    return guest.untilMs > nowMs ? guest.before : null;
  }

  /** @param made Up to which number broadcasts are made: a guest that comes in is told later ones alone. */
  set(session: OnlineSession, made: number, nowMs: number): void {
    const folded = foldName(session.name);
    const { isGuest, key, process } = session;
    const before = this.guestsBefore(folded, session, nowMs) ?? made;
    this.#byName.set(folded, session);
    this.#highestRank = Math.max(this.#highestRank, session.rank);
    if (isGuest) this.#guests.set(folded, { key, process, before, untilMs: Infinity });
    else this.#guests.delete(folded);
  }

  remove(name: FoldedName, nowMs: number): void {
    this.#byName.delete(name);
    const guest = this.#guests.get(name);
    if (guest === undefined) return;
    this.#guests.delete(name);
    this.#formerGuests.delete(name);
    this.#formerGuests.set(name, { ...guest, untilMs: nowMs + GUEST_HELD_MS });
    dropOldest(this.#formerGuests, HELD_GUESTS_MAX);
  }

  /** Where the instance is at which the session is; null where that isn't known. */
  instanceOf({ instance }: OnlineSession): Endpoint | null {
    return this.instances.find(({ id }) => id === instance)?.address ?? null;
  }

  /** The same in words; its id where that isn't known. */
  placeOf(session: OnlineSession): string {
    const address = this.instanceOf(session);
    return address === null ? session.instance : endpointText(address);
  }

  /** Where other instances are: as many as clients are told of. */
  get addresses(): readonly Endpoint[] {
    return addressesOf(this.instances.slice(1));
  }

  /** Where other instances are that have room. */
  get withRoom(): readonly Endpoint[] {
    return addressesOf(this.instances.slice(1).filter(({ room }) => room > 0));
  }
}

function addressesOf(instances: readonly Instance[]): readonly Endpoint[] {
  return instances.slice(0, INSTANCES_MAX).map(({ address }) => address);
}
