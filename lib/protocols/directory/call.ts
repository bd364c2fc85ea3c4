/** A call as the directory sees it: its two sides, and its phase. */

import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Client } from "./client_session.ts";
import { DIRECTORY_CALL_PHASES, type DirectoryCallPhase } from "./directory_phases.ts";
import type { CallRoute } from "./messages.ts";
import { Flow } from "./relay.ts";

/** One side of a call; a self-call has only one. */
export class Side {
  readonly name: string;
  readonly folded: FoldedName;
  /** Null where it hasn't been in since the directory was started. */
  key: PeerKey | null;
  /** Null while it isn't in, or once it has hung up. */
  client: Client | null;
  /** How it talks, as it said with `begun`; null before that. */
  route: CallRoute | null = null;
  hasHungUp = false;
  /** What it sends, where the directory relays the call. */
  flow: Flow | null = null;

  constructor({ name, folded }: Pick<Client, "name" | "folded">, client: Client | null) {
    this.name = name;
    this.folded = folded;
    this.key = client?.key ?? null;
    this.client = client;
  }
}

export class Call {
  #phase: DirectoryCallPhase;
  /** The id of the callee's own call that was merged into this one, as the two called each other. */
  later: string | null = null;

  /** @param id In hexadecimal, drawn by the caller. `callee`: the same as `caller` in a self-call. */
  constructor(
    readonly id: string,
    readonly caller: Side,
    readonly callee: Side,
    phase: "ringing" | "connecting" | "connected",
  ) {
    this.#phase = phase;
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
    return this.caller === this.callee ? [this.caller] : [this.caller, this.callee];
  }

  get isRelayed(): boolean {
    return this.caller.flow !== null;
  }

  /** The side that this client is, or was before it hung up; null: neither. */
  sideOf({ folded, key }: Client): Side | null {
    return this.sides.find((side) => side.folded === folded && side.key === key) ?? null;
  }

  other(side: Side): Side {
    return side === this.caller ? this.callee : this.caller;
  }

  /** From now on the directory relays the call. */
  relay(): void {
    for (const side of this.sides) {
      if (side.client !== null) side.flow = new Flow(side.client.link.relayBytes);
    }
  }
}
