/**
 * Who was removed is out. After every step, nothing of the room goes to a key that the sender has heard removed, and that
 * isn't allowed again there; in a private room it never learns a secret whose author had heard so, and nothing goes to a
 * key either that came by a secret from before a removal known to the sender, and isn't among those that it lets stay.
 * When the room is quiet, all agree on who is removed, and nobody that is runs.
 */

import type { Hash, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { KeptRulings } from "../../../lib/protocols/mesh/authority/kept_rulings.ts";
import { roomIdOf } from "../../../lib/protocols/mesh/schema/credentials.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { rotationIdOf } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";
import { isOfEntrance } from "./m7_recipients.ts";

export class Removals implements MeshChecker {
  readonly name = "removals";
  /** By the rotation's id, who was removed where it was made, and not allowed again anywhere. */
  readonly #made = new Map<Hash, Set<PeerKey>>();
  /** All rulings on any disk: what counts once all have heard of all. */
  #all: KeptRulings | null = null;

  stepped(process: MemberProcess, _input: MeshInput, effects: readonly MeshEffect[]): void {
    const { probe, label, member } = process;
    if (probe === null || member.world.removals.size === 0) return;
    for (const effect of effects) {
      if (effect.type === "persist") this.#persists(process, effect.records);
      if (effect.type !== "send" || isOfEntrance(effect.message, member.key)) continue;
      const peer = process.peerOf(effect.link);
      const why = peer === null ? null : this.#whyOut(process, peer, effect.link);
      if (peer === null || why === null) continue;
      throw this.#broken(
        `${label} sends ${effect.message.type} to ${labelOf(process, peer)}, who ${why}`,
      );
    }
  }

  #whyOut({ probe, links }: MemberProcess, peer: PeerKey, link: LinkId): string | null {
    if (probe?.isRemoved(peer) === true) return "is removed";
    const end = links.get(link);
    const isOut = end !== undefined && probe?.isLeftOut(peer, end.secret) === true;
    return isOut ? "isn't among those that a removal lets stay" : null;
  }

  #persists(process: MemberProcess, records: readonly MeshRecord[]): void {
    const { world, key } = process.member;
    for (const record of records) {
      if (record.kind === "genesis") this.#all ??= rulingsOf(record);
      if (record.kind === "ruling") {
        const { kind, subject } = record.ruling.ruling.value;
        this.#all?.add(this.#all.known(record.ruling));
        if (kind === "allow") {
          for (const without of this.#made.values()) without.delete(subject);
        }
      }
      if (record.kind !== "rotation") continue;
      const { rotation } = record.rotation;
      const id = rotationIdOf(fakeCrypto, rotation);
      const by = rotation.rotation.value.author;
      if (by === key && !this.#made.has(id)) this.#made.set(id, this.#removedAt(process));
      // What a deputy ruled may count no longer.
      const isOut = () => world.judged().some(({ probe }) => probe?.isRemoved(key) === true);
      if (this.#made.get(id)?.has(key) !== true || !isOut()) continue;
      throw this.#broken(
        `${process.label} learns a secret of ${labelOf(process, by)}, where it was removed before`,
      );
    }
  }

  #removedAt({ member: { world }, probe }: MemberProcess): Set<PeerKey> {
    // Its author may not have heard yet that somebody was allowed.
    return new Set(
      [...world.removals].filter((key) =>
        probe?.isRemoved(key) === true && this.#all?.isRemoved(key) === true
      ),
    );
  }

  atQuiet(world: World): void {
    const judged = world.judged();
    for (const key of world.removals) {
      const [out] = judged.filter(({ probe }) => probe?.isRemoved(key) === true);
      if (out === undefined) continue;
      for (const process of judged) {
        if (process.probe?.isRemoved(key) === false) {
          throw this.#broken(
            `${labelOf(process, key)} is removed at ${out.label}, not at ${process.label}`,
          );
        }
        if (process.member.key === key) throw this.#broken(`${process.label} runs, who is removed`);
      }
    }
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}

function rulingsOf({ genesis }: Extract<MeshRecord, { readonly kind: "genesis" }>): KeptRulings {
  return new KeptRulings({ id: roomIdOf(fakeCrypto, genesis), genesis }, fakeCrypto, []);
}

function labelOf({ member: { world } }: MemberProcess, key: PeerKey): string {
  return world.members.find((member) => member.key === key)?.label ?? "somebody";
}
