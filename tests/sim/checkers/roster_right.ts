/**
 * When the room is quiet, `/peers` lists at every member exactly the running members: nobody whose lease has
 * expired, nobody twice, no name held by two. The member itself comes first, and each can be dialled at the listed
 * address.
 */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerView } from "../../../lib/protocols/mesh/schema/events.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

export class RosterRight implements MeshChecker {
  readonly name = "roster";

  atAnswers(world: World): void {
    const present = world.judged();
    for (const process of present) this.#checkOne(process, present);
  }

  #checkOne(process: MemberProcess, present: readonly MemberProcess[]): void {
    const { label, peers } = process;
    if (peers === null) throw this.#broken(`${label} listed nobody`);
    const self = present.filter(({ member }) => member.key === process.member.key);
    if (self.length > 1) throw this.#broken(`${label} and its copy are both in the room`);
    // The simulator's fingerprints may differ from the program's: a member is identified by the key in its `ready`.
    if (peers[0]?.key !== process.shownKey) {
      throw this.#broken(`${label} doesn't list itself first`);
    }
    const byKey = new Map<string, PeerView>();
    const names = new Map<string, string>();
    for (const peer of peers) {
      if (byKey.has(peer.key)) throw this.#broken(`${label} lists ${peer.name} twice`);
      byKey.set(peer.key, peer);
      const folded = peer.name.normalize("NFKC").toLowerCase();
      if (names.has(folded)) throw this.#broken(`${label} lists two as ${peer.name}`);
      names.set(folded, peer.key);
    }
    for (const other of present) {
      const listed = byKey.get(other.shownKey);
      if (listed === undefined) {
        throw this.#broken(`${label} doesn't list ${other.label}, who runs`);
      }
      byKey.delete(other.shownKey);
      const { natted, passive, knowsAddress } = other.member.config;
      // A member that is alone has nobody to learn its address from.
      if (knowsAddress && !natted && !passive && present.length > 1) {
        this.#checkEndpoint(label, listed, other.member);
      }
    }
    const { members } = process.member.world;
    const liars = members.some(({ isJudged }) => !isJudged);
    const honest = new Set(
      members.filter(({ isJudged }) => isJudged).map(({ key }) => fingerprintOf(key) as string),
    );
    for (const { name, key } of byKey.values()) {
      if (liars && !honest.has(key)) continue; // a liar, or a member invented by one
      throw this.#broken(`${label} lists ${name}, who doesn't run`);
    }
  }

  #checkEndpoint(label: string, listed: PeerView, member: Member): void {
    const { host, port } = member.endpoint;
    if (listed.host === host && listed.port === port) return;
    throw this.#broken(
      `${label} has ${member.label} at ${listed.host}:${listed.port}, it listens at ${host}:${port}`,
    );
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}
