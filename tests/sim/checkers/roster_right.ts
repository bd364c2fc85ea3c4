/**
 * After quiet, `/peers` lists at every member exactly those that run: nobody who is gone beyond its lease,
 * nobody twice, no name held by two. Oneself comes first, and each can be dialled where it says.
 */

import { fingerprintOf } from "../../../lib/base/fingerprint.ts";
import type { PeerView } from "../../../lib/protocols/mesh/events.ts";
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
    // Fingerprints are made of keys, each its own way: members are told apart by what `ready` said.
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
      // Who is alone hears from nobody where it is.
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
      if (liars && !honest.has(key)) continue; // one of them, or one that they made up
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
