/** `/name`: another name for oneself, which a neighbour admits; of several asked for meanwhile the last one counts. */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { foldName } from "../../base/names.ts";
import type { MeshEvent } from "./events.ts";
import { claimAlone } from "./genesis.ts";
import type { LinkTable, MeshLink } from "./link_table.ts";
import type { Room } from "./room.ts";
import type { SignedClaim } from "./structures.ts";

export interface OwnNamePort {
  /** To be answered by `admitted` and then `ended`, or by `ended` alone. */
  ask(link: LinkId, name: string): void;
  claimed(claim: SignedClaim, ref: string | undefined): void;
  show(event: MeshEvent, ref: string | undefined): void;
}

interface Wish {
  readonly name: string;
  readonly ref: string | undefined;
}

export class OwnName {
  /** What a neighbour was asked for. */
  #asked: Wish | null = null;
  #lastAsked: PeerKey | null = null;
  /** Whether it let us have that. Who was first of two who took it at once is decided by their claims, later. */
  #isAdmitted = false;
  /** What was asked for meanwhile. */
  #next: Wish | null = null;

  constructor(
    private readonly environment: Environment,
    private readonly signer: Signer,
    private readonly links: LinkTable,
    private readonly port: OwnNamePort,
  ) {}

  claim(room: Room, wish: Wish): void {
    const { name, ref } = wish;
    if (this.#asked !== null) return this.#claimLater(wish);
    if (room.machines.roster.selfClaim().claim.value.name === name) {
      return this.port.show({ event: "notice", text: `Your name is ${name} already` }, ref);
    }
    const neighbour = this.#nextOf(room.neighbours);
    if (neighbour !== null) {
      this.#asked = wish;
      this.#isAdmitted = false;
      this.#lastAsked = neighbour.peer;
      return this.port.ask(neighbour.link, name);
    }
    const owner = room.machines.names.ownerOf(foldName(name));
    if (owner !== null && owner !== this.signer.key) {
      const text = `Cannot take the name ${name}: somebody else has it here; choose another one`;
      return this.port.show({ event: "error", code: "name-taken", text }, ref);
    }
    const claim = claimAlone(this.environment, this.signer, {
      room: room.config.room,
      name,
      incarnation: room.config.incarnation,
      admitterTime: room.machines.roster.selfClaim().claim.value.time,
      after: room.machines.latestHead(),
    });
    this.port.claimed(claim, ref);
  }

  /** Each time another one: who refuses every name, or doesn't answer, is one of several. */
  #nextOf(neighbours: readonly PeerKey[]): MeshLink | null {
    const links = neighbours.map((peer) => this.links.memberLink(peer)).filter((link) =>
      link !== null
    );
    const after = links.findIndex(({ peer }) => peer === this.#lastAsked) + 1;
    return links[after] ?? links[0] ?? null;
  }

  #claimLater(wish: Wish): void {
    const before = this.#next;
    this.#next = wish;
    if (before === null) return;
    const text = `The name ${before.name} wasn't taken: you asked for ${wish.name} after it`;
    this.port.show({ event: "error", code: "busy", text }, before.ref);
  }

  /** The neighbour has let us have the name. */
  admitted(claim: SignedClaim): void {
    this.#isAdmitted = true;
    this.port.claimed(claim, this.#asked?.ref);
  }

  refused(code: Extract<MeshEvent, { event: "error" }>["code"], text: string): void {
    if (this.#isAdmitted) return;
    this.port.show({ event: "error", code, text }, this.#asked?.ref);
  }

  /** One's name is settled. @returns What was asked for meanwhile, to be claimed now. */
  ended(): Wish | null {
    const next = this.#next;
    this.#asked = null;
    this.#next = null;
    return next;
  }
}
