/**
 * A client's session at the directory: its link, what is known of it while it is in, and the call that it is in. Each
 * knows the others, so they stand together.
 */

import type { FoldedName, LinkId, PeerKey } from "../../../base/ids.ts";
import { invariant } from "../../../base/invariant.ts";
import { HERE, type Presence } from "../../../base/machine/user_presence.ts";
import { UnknownMessages } from "../../../base/machine/unknown_messages.ts";
import { RelayFlow } from "../../../base/rates/relay_flow.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { addressBlock } from "../../../base/text/address_block.ts";
import { foldName } from "../../../base/text/names.ts";
import { Delivery } from "../broadcast_log/delivery.ts";
import type { ProvenAddress } from "../../sealed_datagram/keyed_path.ts";
import type { DatagramPath } from "../datagrams/datagram_path.ts";
import {
  CALLS_BURST,
  CALLS_PER_S,
  CONTROL_BURST,
  CONTROL_PER_S,
  RELAY_BYTES_MAX,
  RELAY_BYTES_PER_S,
  RELAY_CREDIT_BYTES,
  RELAY_PIECES_BURST,
  RELAY_PIECES_PER_S,
  RINGS_BURST,
  RINGS_PER_S,
  SEARCHES_BURST,
  SEARCHES_PER_S,
} from "../schema/limits.ts";
import type { CallRoute } from "../schema/messages.ts";
import type { ListedUser } from "../schema/listed_users.ts";
import type { OnlineSession } from "../schema/registrar_io.ts";

/** Of each direction of a relayed call. */
const RELAYED_FLOW = { creditBytes: RELAY_CREDIT_BYTES, pieceBytesMax: RELAY_BYTES_MAX };

export const SESSION_PHASES = {
  silent: {
    about:
      "it has no place: it has sent nothing, or its entry was refused; closed after 10 s, or with the 10th refusal",
    next: ["silent", "checking", "visiting", "over"],
  },
  checking: {
    about: "its name, and its password, are looked up; it has a place",
    next: ["in", "silent", "over"],
  },
  in: { about: "it is in the list", next: ["over"] },
  visiting: {
    about: "it carries the calls of a client that is in at another instance",
    next: ["over"],
  },
  over: { about: "it is closed; messages on it are ignored", next: [] },
} as const;
export type SessionPhase = keyof typeof SESSION_PHASES;

export const DIRECTORY_CALL_PHASES = {
  ringing: {
    about: "the callee was told `incoming`; 30 s",
    next: ["connecting", "over"],
  },
  connecting: {
    about: "both were told `meet`, and not both have said `begun`; 10 s",
    next: ["connected", "over"],
  },
  connected: {
    about: "both talk; of a direct call one may be away from the directory",
    next: ["ending", "over"],
  },
  ending: {
    about: "one has hung up; the other still gets the bytes that are being relayed; 10 s",
    next: ["over"],
  },
  over: { about: "there is no such call", next: [] },
} as const;
type DirectoryCallPhase = keyof typeof DIRECTORY_CALL_PHASES;

/** A link to the directory that is up. */
export class ClientLink {
  #phase: SessionPhase = "silent";
  /** The client that is in on this link; null before and after that. */
  client: Client | null = null;
  /** Address that wrong passwords and sign-ups are counted for. */
  readonly address: string;
  readonly bucket = new TokenBucket(CONTROL_PER_S, CONTROL_BURST);
  readonly calls = new TokenBucket(CALLS_PER_S, CALLS_BURST);
  /** Rate limit of others' calls that ring here. */
  readonly rings = new TokenBucket(RINGS_PER_S, RINGS_BURST);
  readonly searches = new TokenBucket(SEARCHES_PER_S, SEARCHES_BURST);
  readonly relayPieces = new TokenBucket(RELAY_PIECES_PER_S, RELAY_PIECES_BURST);
  /** Rate limit of the bytes that it sends in relayed calls. */
  readonly relayBytes = new TokenBucket(RELAY_BYTES_PER_S, RELAY_CREDIT_BYTES);
  readonly unknownMessages = new UnknownMessages();
  /** How often `enter` was refused on this link. */
  refusals = 0;
  /** Whether its data lane is full: further messages wait, so we send few. */
  isCongested = false;
  /** The client of another instance that calls somebody here on this link; null: none does. */
  visitor: Visitor | null = null;

  constructor(
    readonly id: LinkId,
    readonly peer: PeerKey,
    readonly process: string,
    readonly host: string,
  ) {
    this.address = addressBlock(host);
  }

  /** Who calls, and is called, on this link. */
  get party(): Party | null {
    return this.client ?? this.visitor;
  }

  /**
   * Whether the same program is at the other end of both links; a copy of its profile has the same key but is another
   * one.
   */
  isOfSameProcess({ peer, process }: ClientLink): boolean {
    return peer === this.peer && process === this.process;
  }

  get phase(): SessionPhase {
    return this.#phase;
  }

  enter(phase: SessionPhase): void {
    const next: readonly SessionPhase[] = SESSION_PHASES[this.#phase].next;
    invariant(next.includes(phase), `${this.#phase} isn't followed by ${phase}`);
    this.#phase = phase;
  }
}

/** What is known of a client as it comes in. */
interface ClientFacts {
  /** The name as it was registered, or as the guest wrote it. */
  readonly name: string;
  readonly isGuest: boolean;
  /** Port where the client takes calls; 0: nowhere. */
  readonly port: number;
  /** Where the client receives datagrams. */
  readonly address: ProvenAddress<DatagramPath>;
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  /** When it came in, by the machine's clock. */
  readonly enteredMs: number;
  /** Rank, higher than that of every client that came in before under this name. */
  readonly rank: number;
  /** Id of the session, as all instances know it. */
  readonly session: string;
  /** Whether it wants to ask who is online, however few they are. */
  readonly asksForList: boolean;
}

export class Client implements Party {
  readonly name: string;
  readonly folded: FoldedName;
  readonly isGuest: boolean;
  /** Identifies an account on any device, or a guest: names stay theirs longer than any report of a broadcast waits. */
  readonly person: string;
  readonly host: string;
  readonly port: number;
  readonly key: PeerKey;
  readonly address: ProvenAddress<DatagramPath>;
  readonly sinceMs: number;
  readonly enteredMs: number;
  readonly rank: number;
  readonly session: string;
  readonly asksForList: boolean;
  readonly delivery: Delivery;
  readonly calls = new Set<Call>();
  /** Whether it talks, as it says itself. One that rings or is rung is shown as free. */
  isBusy = false;
  /** The last change to the list that the client was told; null before it was sent the list, or told to ask for it. */
  told: number | null = null;
  /** What its user says of itself. */
  presence: Presence = HERE;
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
    this.session = facts.session;
    this.asksForList = facts.asksForList;
    this.delivery = new Delivery(through.had, through.before);
  }

  get isCongested(): boolean {
    return this.link.isCongested;
  }

  /** The client as the list shows it. */
  get listed(): ListedUser {
    const { name, isGuest: guest, key, port } = this;
    const host = port === 0 ? "" : this.host;
    const state = this.isBusy ? "busy" : "free";
    return { name, state, guest, key, host, port, ...this.presence };
  }
}

/** Whoever takes part in calls here. */
export interface Party {
  readonly link: ClientLink;
  readonly name: string;
  readonly isGuest: boolean;
  readonly key: PeerKey;
  /** Where it takes calls. */
  readonly host: string;
  readonly port: number;
  readonly calls: Set<Call>;
  relayedBytes: number;
}

/** Somebody who is in at another instance, and calls a client of this one. */
export class Visitor implements Party {
  readonly session: string;
  readonly name: string;
  readonly isGuest: boolean;
  readonly key: PeerKey;
  readonly host: string;
  readonly port: number;
  readonly calls = new Set<Call>();
  relayedBytes = 0;

  constructor(readonly link: ClientLink, { id, name, isGuest, key, port }: OnlineSession) {
    this.session = id;
    this.name = name;
    this.isGuest = isGuest;
    this.key = key;
    this.host = link.host;
    this.port = port;
  }
}

/** One side of a call. */
export class Side {
  readonly name: string;
  /** The route on which it has said that it talks. */
  route: CallRoute | null = null;
  hasHungUp = false;
  /** What is being relayed from it. */
  flow: RelayFlow | null = null;

  /** Null: gone. */
  party: Party | null;

  constructor(party: Party) {
    this.party = party;
    this.name = party.name;
  }
}

export class Call {
  #phase: DirectoryCallPhase = "ringing";
  readonly caller: Side;
  readonly callee: Side;

  /** @param id In hexadecimal digits. */
  constructor(readonly id: string, caller: Party, callee: Party) {
    this.caller = new Side(caller);
    this.callee = new Side(callee);
  }

  get phase(): DirectoryCallPhase {
    return this.#phase;
  }

  enter(phase: DirectoryCallPhase): void {
    const next: readonly DirectoryCallPhase[] = DIRECTORY_CALL_PHASES[this.#phase].next;
    invariant(next.includes(phase), `${this.#phase} isn't followed by ${phase}`);
    this.#phase = phase;
  }

  get idBytes(): Uint8Array {
    return Uint8Array.fromHex(this.id);
  }

  get sides(): readonly Side[] {
    return [this.caller, this.callee];
  }

  get isRelayed(): boolean {
    return this.caller.flow !== null;
  }

  sideOf(party: Party): Side | undefined {
    return this.sides.find((side) => side.party === party);
  }

  other(side: Side): Side {
    return side === this.caller ? this.callee : this.caller;
  }

  /** The directory relays the bytes of both from now on. */
  relay(): void {
    for (const side of this.sides) {
      if (side.party !== null) {
        side.flow = new RelayFlow(RELAYED_FLOW, [side.party.link.relayBytes]);
      }
    }
  }
}
