/** A world for tests that follow single messages: all paths, and all syncs, take the same time. */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { fakeSigner } from "../fake_crypto.ts";
import type { MeshChecker } from "./checker.ts";
import type { Member, MemberConfig, MemberProcess } from "./member.ts";
import { meshSubject } from "./mesh_subject.ts";
import { World, type WorldConfig } from "./world.ts";

/** A member that doesn't lie, can be dialled, and is shown some history. */
export function plainMember(signer: Signer, name: string): Omit<MemberConfig, "index"> {
  return {
    signer,
    name,
    passive: false,
    natted: false,
    liar: null,
    knowsAddress: true,
    historyShown: 20,
    eager: false,
  };
}

const EVEN_WORLD = {
  seed: 1,
  disk: { syncMs: 1, slowChance: 0 },
  limits: { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 },
  delayMs: 10,
  jitterMs: 0,
  bytesPerMs: Infinity,
  codec: false,
  clockDrift: 0,
  print: null,
} as const satisfies Omit<WorldConfig, "hosts">;

export class EvenWorld extends World {
  /** @param config How it differs from an even one. */
  constructor(
    hosts: number,
    checkers: readonly MeshChecker[] = [],
    config: Partial<WorldConfig> = {},
    subject = meshSubject(),
  ) {
    super({ ...EVEN_WORLD, ...config, hosts }, subject, checkers);
  }

  /** @param config How it differs from a plain one. */
  add(name: string, config: Partial<MemberConfig> = {}): Member {
    return this.addMember({ ...plainMember(fakeSigner(name), name), ...config });
  }

  addAll<Names extends readonly string[]>(...names: Names) {
    return names.map((name) => this.add(name)) as { readonly [At in keyof Names]: Member };
  }

  pass(forMs: number): void {
    this.time.runUntil(this.time.nowMs + forMs);
  }

  join(member: Member, contact: Member): MemberProcess {
    return this.start(member, { kind: "join", contact: contact.endpoint });
  }

  /** The first of them founds a room; a second later the others come in through it, and have so long for that. */
  gather(members: readonly Member[], forMs = 5_000): void {
    const [founder, ...others] = members as readonly [Member, ...Member[]];
    this.start(founder, { kind: "found" });
    this.pass(1_000);
    for (const member of others) this.join(member, founder);
    this.pass(forMs);
  }
}
