/** Links that are up, the clients that are in, by name, and names of guests that are held for a moment. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { FoldedName, LinkId, PeerKey } from "../../../base/ids.ts";
import {
  FORMER_GUESTS_MAX,
  GUEST_HELD_MS,
  HELD_GUESTS_MAX,
  HELLO_MS_MAX,
  SILENT_LINKS_MAX,
} from "../schema/limits.ts";
import type { Client, ClientLink, SessionPhase } from "./client_session.ts";

/** Links to the directory that are up, each in its phase, with its deadline. */
export class ClientLinks {
  readonly #links = new Map<LinkId, ClientLink>();
  /** Links on which nothing was said, in the order in which they began to wait. */
  readonly #silent = new Set<ClientLink>();
  /** Until when a link may be silent, or take no data. */
  readonly #deadlines = new DeadlineQueue<ClientLink>();
  #checking = 0;

  get all(): Iterable<ClientLink> {
    return this.#links.values();
  }

  /** How many links wait to be let in. */
  get checking(): number {
    return this.#checking;
  }

  get(id: LinkId): ClientLink | null {
    return this.#links.get(id) ?? null;
  }

  /** @returns The link that must be closed, where too many are silent. */
  up(link: ClientLink, nowMs: number): ClientLink | null {
    this.#links.set(link.id, link);
    this.#silent.add(link);
    this.setDue(link, nowMs + HELLO_MS_MAX);
    if (this.#silent.size <= SILENT_LINKS_MAX) return null;
    const [longest] = this.#silent;
    return longest ?? null;
  }

  down(id: LinkId): ClientLink | null {
    const link = this.get(id);
    if (link !== null && link.phase !== "over") this.enter(link, "over", 0);
    this.#links.delete(id);
    return link;
  }

  enter(link: ClientLink, phase: SessionPhase, nowMs: number): void {
    if (link.phase === "checking") this.#checking -= 1;
    if (phase === "checking") this.#checking += 1;
    link.enter(phase);
    this.#silent.delete(link);
    if (phase === "silent") this.#silent.add(link);
    this.setDue(link, phase === "silent" ? nowMs + HELLO_MS_MAX : null);
  }

  setDue(link: ClientLink, atMs: number | null): void {
    this.#deadlines.set(link, atMs);
  }

  /** The links whose deadline has passed. */
  takeDue(nowMs: number): Iterable<ClientLink> {
    return this.#deadlines.takeDue(nowMs);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }
}

export class Sessions {
  readonly #byName = new Map<FoldedName, Client>();
  readonly #byIndex = new Map<number, Client>();
  readonly held = new HeldGuests();
  /** Processes that aren't in any more, and the guest name of each. */
  readonly #former = new Map<string, FoldedName>();

  get size(): number {
    return this.#byName.size;
  }

  get all(): Iterable<Client> {
    return this.#byName.values();
  }

  named(name: FoldedName): Client | null {
    return this.#byName.get(name) ?? null;
  }

  /** The client whose datagrams have this index. */
  indexed(index: number): Client | null {
    return this.#byIndex.get(index) ?? null;
  }

  add(client: Client): void {
    this.held.release(client.folded);
    this.#byName.set(client.folded, client);
    this.#byIndex.set(client.address.path.index, client);
  }

  remove(client: Client): void {
    this.#byName.delete(client.folded);
    this.#byIndex.delete(client.address.path.index);
    if (!client.isGuest) return;
    const { folded, link: { process } } = client;
    this.#former.delete(process);
    this.#former.set(process, folded);
    dropOldest(this.#former, FORMER_GUESTS_MAX);
  }

  /** Whether that program was in as this guest before: then it comes back by itself. */
  wasGuest(name: FoldedName, { process }: ClientLink): boolean {
    return this.#former.get(process) === name;
  }

  /** Whether a guest other than the one with this key has the name, or had it a moment ago. */
  isOtherGuests(name: FoldedName, key: PeerKey, nowMs: number): boolean {
    const client = this.named(name);
    if (client !== null) return client.isGuest && client.key !== key;
    const held = this.held.get(name, nowMs);
    return held !== null && held.key !== key;
  }
}

interface HeldGuest {
  readonly key: PeerKey;
  /** The address that it came from, as for wrong passwords. */
  readonly address: string;
  /** Up to which number it has the broadcasts. */
  readonly through: number;
  untilMs: number;
}

/**
 * Names of guests that were lost a moment ago: each is reserved for its key for a while, so that the guest can come
 * back.
 */
export class HeldGuests {
  /** The one held for longest first. */
  readonly #byName = new Map<FoldedName, HeldGuest>();

  hold({ folded, key, link, delivery: { through } }: Client, nowMs: number): void {
    const untilMs = nowMs + GUEST_HELD_MS;
    this.#byName.delete(folded);
    this.#byName.set(folded, { key, address: link.address, through, untilMs });
    if (this.#byName.size > HELD_GUESTS_MAX) this.#dropOne();
  }

  /** A client is in under that name. */
  release(name: FoldedName): void {
    this.#byName.delete(name);
  }

  get(name: FoldedName, nowMs: number): HeldGuest | null {
    const held = this.#byName.get(name) ?? null;
    return held !== null && held.untilMs > nowMs ? held : null;
  }

  /** Drops the oldest from the address that has most: so one that comes and goes often can't displace others' names. */
  #dropOne(): void {
    const counts = new Map<string, number>();
    let most = 0;
    for (const { address } of this.#byName.values()) {
      const count = (counts.get(address) ?? 0) + 1;
      counts.set(address, count);
      most = Math.max(most, count);
    }
    for (const [name, { address }] of this.#byName) {
      if (counts.get(address) === most) return void this.#byName.delete(name);
    }
  }

  nextMs(): number | null {
    const [longest] = this.#byName.values();
    return longest?.untilMs ?? null;
  }

  tick(nowMs: number): void {
    for (const [name, { untilMs }] of this.#byName) {
      if (untilMs > nowMs) return;
      this.#byName.delete(name);
    }
  }

  /** The directory stood still: nobody could come back meanwhile. */
  holdAnew(nowMs: number): void {
    for (const held of this.#byName.values()) held.untilMs = nowMs + GUEST_HELD_MS;
  }
}
