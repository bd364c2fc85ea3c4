/** A member whose neighbours are all liars: they pass on the roster, and withhold messages. */

import type { MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import { Random } from "../random.ts";
import { Adversary } from "./adversary.ts";
import type { MeshChecker } from "./checker.ts";
import { EvenWorld } from "./even_world.ts";
import type { Member, MeshMachine } from "./member.ts";
import { meshSubject } from "./mesh_subject.ts";
import type { Subject } from "./world.ts";

const SECOND_MS = 1_000;
/** The time until views and roster no longer change. */
const SETTLE_MS = 60 * SECOND_MS;

/** Withholds others' messages and their existence; sends its own, as if nothing were missing. */
export class Withholds extends Adversary {
  /** Makes every request for a place urgent, its own and others': it accepts, and is accepted by, everybody. */
  override input(input: MeshInput): MeshInput | null {
    if (input.type !== "message" || input.message.type !== "neighbor") return input;
    return { ...input, message: { ...input.message, priority: "high" } };
  }

  protected override instead(message: MeshMessage): MeshMessage | null {
    switch (message.type) {
      case "bundle":
        return message.bundle.header.value.author === this.signer.key ? message : null;
      case "neighbor":
        return { ...message, priority: "high" };
      case "ihave":
      case "preview":
      case "private":
      case "proof":
        return null;
      case "sync-frontiers": {
        const entries = message.entries.filter(({ author }) => author === this.signer.key);
        return { ...message, entries, unkept: [] };
      }
      default:
        return message;
    }
  }
}

export interface Eclipse {
  readonly honest: number;
  readonly liars: number;
  readonly seed?: number;
  readonly checkers?: readonly MeshChecker[];
}

export class EclipsedRoom {
  readonly world: EvenWorld;
  readonly honest: readonly Member[];
  readonly liars: readonly Member[];
  /** The member that liars surround. */
  readonly victim: Member;

  constructor({ honest, liars, seed = 1, checkers = [] }: Eclipse) {
    const random = new Random(seed);
    const isLiar = (key: string) => this.liars.some((liar) => liar.key === key);
    const mesh = meshSubject();
    const inner = new WeakMap<MeshMachine, MeshMachine>();
    const subject: Subject = {
      ...mesh,
      create(config, signer, environment) {
        const machine = mesh.create(config, signer, environment);
        if (!isLiar(signer.key)) return machine;
        const lying = new Withholds(machine, signer, environment, random);
        inner.set(lying, machine);
        return lying;
      },
      probe: (machine) => mesh.probe(inner.get(machine) ?? machine),
    };
    this.world = new EvenWorld(honest + liars + 1, checkers, { seed }, subject);
    this.honest = Array.from({ length: honest }, (_, at) => this.world.add(`honest${at}`));
    this.liars = Array.from({ length: liars }, (_, at) => this.world.add(`liar${at}`));
    this.victim = this.world.add("victim");
    this.#gather();
  }

  /** If there are liars, the victim can't reach honest members until its views have settled; after that it can. */
  #gather(): void {
    const { world, victim } = this;
    const [founder, ...others] = this.honest as [Member, ...Member[]];
    world.start(founder, { kind: "found" });
    this.pass(SECOND_MS);
    for (const member of [...others, ...this.liars]) {
      world.join(member, founder);
      this.pass(SECOND_MS);
    }
    this.pass(SETTLE_MS);
    const [contact = founder] = this.liars;
    const isApart = (a: number, b: number) =>
      contact !== founder && a === victim.index && b < this.honest.length;
    world.network.setCuts((from, to) => isApart(from, to) || isApart(to, from));
    world.join(victim, contact);
    this.pass(SETTLE_MS);
    world.network.setCuts(() => false);
  }

  pass(forMs: number): void {
    this.world.pass(forMs);
  }

  /** How many of the victim's neighbours are liars, and how many are honest. */
  neighbours(): { readonly liars: number; readonly honest: number } {
    const view = new Set(this.victim.process!.probe!.activeView());
    const liars = this.liars.filter(({ key }) => view.has(key)).length;
    return { liars, honest: view.size - liars };
  }
}
