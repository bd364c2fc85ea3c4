/** The clients that are in, by name, and names of guests that are held for a moment. */

import { dropOldest } from "../../base/bounded.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { foldName } from "../../base/names.ts";
import type { Call } from "./call.ts";
import type { ClientLink } from "./client_link.ts";
import { Delivery } from "./delivery.ts";
import { HeldGuests } from "./held_guests.ts";
import { FORMER_GUESTS_MAX } from "./limits.ts";
import type { ListedUser } from "./messages.ts";
import type { ProvenAddress } from "./proven_address.ts";

/** What is known of a client as it comes in. */
export interface ClientFacts {
  /** The name as it was registered, or as the guest wrote it. */
  readonly name: string;
  readonly isGuest: boolean;
  /** Port where the client takes calls; 0: nowhere. */
  readonly port: number;
  /** Where the client receives datagrams. */
  readonly address: ProvenAddress;
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  /** When it came in, by the machine's clock. */
  readonly enteredMs: number;
  /** Rank, higher than that of every client that came in before under this name. */
  readonly rank: number;
}

export class Client {
  readonly name: string;
  readonly folded: FoldedName;
  readonly isGuest: boolean;
  /** Identifies an account on any device, or a guest: names stay theirs longer than any report of a broadcast waits. */
  readonly person: string;
  readonly host: string;
  readonly port: number;
  readonly key: PeerKey;
  readonly address: ProvenAddress;
  readonly sinceMs: number;
  readonly enteredMs: number;
  readonly rank: number;
  readonly delivery: Delivery;
  /** The call that the client is in and hasn't hung up. */
  call: Call | null = null;
  /** The last change to the list that the client was told; null before it was sent the list. */
  told: number | null = null;
  /** Its link's data lane is full: further messages wait, so we send few. */
  isCongested = false;
  /** Whether a request about its account is being done. */
  isAsking = false;
  /** Bytes relayed for it, in both directions. */
  relayedBytes = 0;

  /** @param through Up to which number it `had` broadcasts, and which ones were made `before` it came in. */
  constructor(
    readonly link: ClientLink,
    facts: ClientFacts,
    through: { readonly had: number; readonly before: number },
  ) {
    this.name = facts.name;
    this.folded = foldName(facts.name);
    this.isGuest = facts.isGuest;
    this.person = `${facts.isGuest ? "guest" : "account"} ${this.folded}`;
    this.host = link.host;
    this.port = facts.port;
    this.key = link.peer;
    this.address = facts.address;
    this.sinceMs = facts.sinceMs;
    this.enteredMs = facts.enteredMs;
    this.rank = facts.rank;
    this.delivery = new Delivery(through.had, through.before);
  }

  /**
   * Whether it is busy: from when a call is connected until its end. A client that rings or is rung is shown as free.
   */
  get isBusy(): boolean {
    const phase = this.call?.phase;
    return phase === "connected" || phase === "ending";
  }

  /** The client as the list shows it. */
  get listed(): ListedUser {
    const { name, isGuest: guest, port } = this;
    const host = port === 0 ? "" : this.host;
    return { name, state: this.isBusy ? "busy" : "free", guest, host, port };
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
