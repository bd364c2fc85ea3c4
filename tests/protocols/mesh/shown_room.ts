/** A simulated room on an even network, seen by its users. */

import type { ComparedKey } from "../../../lib/base/trust/refused_keys.ts";
import type { MeshCommand, MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { EvenWorld } from "../../sim/mesh/even_world.ts";
import type { MeshChecker } from "../../sim/mesh/checker.ts";
import type { Member } from "../../sim/mesh/member.ts";
import { meshSubject } from "../../sim/mesh/mesh_subject.ts";

const SECOND_MS = 1_000;

/** A room that Ann has founded, and what each member's user is shown. */
export class Room {
  readonly shown = new Map<Member, MeshEvent[]>();
  /** What answers commands. */
  readonly answers: string[] = [];
  readonly ann: Member;
  readonly #world: EvenWorld;

  /** @param verified What the members' users have verified before. */
  constructor(verified: readonly ComparedKey[] = []) {
    const subject = meshSubject();
    const create: typeof subject.create = (config, signer, environment) =>
      subject.create({ ...config, verified }, signer, environment);
    const checker: MeshChecker = {
      name: "shown",
      shown: ({ member }, event, ref) => {
        this.shown.get(member)?.push(event);
        if (ref === undefined) return;
        this.answers.push(`${ref}: ${event.event} ${"name" in event ? event.name : ""}`.trimEnd());
      },
    };
    this.#world = new EvenWorld(8, [checker], {}, { ...subject, create });
    this.ann = this.member("Ann");
    this.#world.start(this.ann, { kind: "found" });
    this.pass();
  }

  /** @param seed Tells the keys of several apart who use one name. */
  member(name: string, seed = name): Member {
    const member = this.#world.add(name, { signer: fakeSigner(seed) });
    this.shown.set(member, []);
    return member;
  }

  joined(name: string, seed = name): Member {
    const member = this.member(name, seed);
    this.#world.join(member, this.ann);
    this.pass();
    return member;
  }

  /** To all, or to one by a name; what the user is shown then. */
  say(member: Member, text: string, name?: string, to?: Member): readonly MeshEvent[] {
    const receiver = name === undefined ? null : { name, key: to!.key };
    return this.#shownBy(member, () => this.#world.say(member.process!, text, receiver));
  }

  /** What the user is shown then. */
  ask(member: Member, command: MeshCommand): readonly MeshEvent[] {
    return this.#shownBy(member, () => member.process!.command(command));
  }

  /** Of the members, as Ann is shown them. */
  names(): readonly string[] {
    const [peers] = this.ask(this.ann, { command: "peers" });
    if (peers?.event !== "peers") throw new Error("no members were shown");
    return peers.peers.map(({ name }) => name);
  }

  /** Each of them asks for a name, all in the same moment. @returns What answers each, in the order of `names`. */
  rename(names: readonly (readonly [Member, string])[]): readonly string[] {
    this.answers.length = 0;
    for (const [index, [member, name]] of names.entries()) {
      member.process!.command({ command: "name", name }, `${index}`);
    }
    this.pass();
    return this.answers.toSorted();
  }

  #shownBy(member: Member, act: () => void): readonly MeshEvent[] {
    const events = this.shown.get(member)!;
    const before = events.length;
    act();
    this.pass();
    return events.slice(before);
  }

  pass(): void {
    this.#world.pass(5 * SECOND_MS);
  }
}
