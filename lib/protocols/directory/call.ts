/** A call as the directory sees it: its two sides, and how far it has come. */

import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { Client } from "./client_session.ts";
import { DIRECTORY_CALL_PHASES, type DirectoryCallPhase } from "./directory_phases.ts";
import type { CallRoute } from "./messages.ts";
import { Flow } from "./relay.ts";

/** One of two who talk; of who talks to oneself, both. */
export class Side {
  readonly name: string;
  readonly folded: FoldedName;
  /** Null where it wasn't here since the directory was started. */
  key: PeerKey | null;
  /** Null while it isn't connected to the directory, or has hung up. */
  client: Client | null;
  /** It talks, by its own account; how. */
  route: CallRoute | null = null;
  hasHungUp = false;
  /** What it says, where the directory passes that on. */
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
  /** The number of the callee's own call, which goes on in this one: two called each other. */
  later: string | null = null;

  /** @param id In hexadecimal, drawn by the caller. `callee`: `caller` again of who talks to oneself. */
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

  /** From now on the directory passes on what they say. */
  relay(): void {
    for (const side of this.sides) {
      if (side.client !== null) side.flow = new Flow(side.client.link.relayBytes);
    }
  }
}
