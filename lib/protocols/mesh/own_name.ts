/** `/name`: another name for us, which a neighbour admits; what the user types meanwhile waits (`room_commands.ts`). */

import type { Signer } from "../../base/crypto/crypto.ts";
import type { Environment } from "../../base/machine/environment.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import type { MeshEvent } from "./schema/events.ts";
import { claimAlone } from "./joining/genesis.ts";
import type { LinkTable, MeshLink } from "./links/link_table.ts";
import type { RoomNames } from "./names/room_names.ts";
import type { RoomConfig } from "./room/room_io.ts";
import type { RoomMachines } from "./room/room_machines.ts";
import type { Roster } from "./roster/roster.ts";
import type { SignedClaim } from "./schema/structures.ts";

interface OwnNamePort {
  /** To be answered by `admitted` and then `ended`, or by `ended` alone. */
  ask(link: LinkId, name: string): void;
  claimed(claim: SignedClaim, ref: string | undefined): void;
  show(event: MeshEvent, ref: string | undefined): void;
}

/** The room in which the name is to be ours. */
interface OwnRoom {
  readonly config: Pick<RoomConfig, "room" | "incarnation">;
  readonly neighbours: readonly PeerKey[];
  readonly machines: Pick<RoomMachines, "latestHead"> & {
    readonly names: Pick<RoomNames, "ownerOf">;
    readonly roster: Pick<Roster, "selfClaim">;
  };
}

interface Wish {
  readonly name: string;
  readonly ref: string | undefined;
}

type Code = Extract<MeshEvent, { event: "error" }>["code"];

/** Codes that say nothing of the name: the same command may succeed. */
const MAY_SUCCEED: ReadonlySet<Code> = new Set(["unreachable", "timeout"]);

export class OwnName {
  /** The wish that a neighbour was asked to admit. */
  #asked: Wish | null = null;
  #lastAsked: PeerKey | null = null;
  /** The name that we have while another one is asked for. */
  #before = "";
  /** Whether a second neighbour was asked, after the link to the first had ended: there is no third. */
  #isAskedAgain = false;
  /** Whether the neighbour has admitted it. If another member takes it at the same time, their claims decide later. */
  #isAdmitted = false;

  constructor(
    private readonly environment: Environment,
    private readonly signer: Signer,
    private readonly links: Pick<LinkTable, "memberLink">,
    private readonly port: OwnNamePort,
  ) {}

  /** Whether a neighbour is asked. */
  get isAsking(): boolean {
    return this.#asked !== null;
  }

  /** Claims the name at once, or says why not; or asks a neighbour (`isAsking`). */
  claim(room: OwnRoom, wish: Wish): void {
    invariant(this.#asked === null, "one name is asked for at a time");
    const { name, ref } = wish;
    const owner = room.machines.names.ownerOf(foldName(name));
    const isOthers = owner !== null && owner !== this.signer.key;
    if (!isOthers && room.machines.roster.selfClaim().claim.value.name === name) {
      return this.port.show(
        { event: "notice", text: `Your name is ${shownName(name)} already` },
        ref,
      );
    }
    const neighbour = this.#nextOf(room.neighbours);
    if (neighbour !== null) {
      this.#asked = wish;
      this.#before = room.machines.roster.selfClaim().claim.value.name;
      this.#isAskedAgain = false;
      this.#isAdmitted = false;
      this.#lastAsked = neighbour.peer;
      return this.port.ask(neighbour.link, name);
    }
    if (isOthers) {
      const text = `Cannot take the name ${
        shownName(name)
      }: somebody else has it here; choose another one`;
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

  /** Another neighbour each time: one that refuses every name, or doesn't answer, is only one of several. */
  #nextOf(neighbours: readonly PeerKey[]): MeshLink | null {
    const links = neighbours.map((peer) => this.links.memberLink(peer)).filter((link) =>
      link !== null
    );
    const after = links.findIndex(({ peer }) => peer === this.#lastAsked) + 1;
    return links[after] ?? links[0] ?? null;
  }

  /** The neighbour has admitted the name. */
  admitted(claim: SignedClaim): void {
    this.#isAdmitted = true;
    this.port.claimed(claim, this.#asked?.ref);
  }

  /** The link to the neighbour that was asked has ended. @returns Whether another one was asked instead. */
  askAnother(room: Pick<OwnRoom, "neighbours">): boolean {
    if (this.#asked === null || this.#isAdmitted || this.#isAskedAgain) return false;
    const neighbour = this.#nextOf(room.neighbours);
    if (neighbour === null) return false;
    this.#isAskedAgain = true;
    this.#lastAsked = neighbour.peer;
    this.port.ask(neighbour.link, this.#asked.name);
    return true;
  }

  /** @param text Why, as part of a sentence. */
  refused(code: Code, text: string): void {
    if (this.#asked === null || this.#isAdmitted) return; // nothing is asked any more: it comes late
    const name = shownName(this.#asked.name);
    const whole = MAY_SUCCEED.has(code)
      ? `Your name stays ${shownName(this.#before)}: ${text}; try /name ${name} again`
      : `Cannot take the name ${name}: ${text}`;
    this.port.show({ event: "error", code, text: whole }, this.#asked.ref);
  }

  /** The request is settled. */
  ended(): void {
    this.#asked = null;
  }
}
