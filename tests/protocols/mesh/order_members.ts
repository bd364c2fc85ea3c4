/** Members of a room reduced to `CausalOrder`: a disk that is a list, claims that are known, cheap cryptography. */

import { type Signer, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { BundleId, ClaimId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import { bundleId, makeBundle } from "../../../lib/protocols/mesh/log/bundle.ts";
import { CausalOrder } from "../../../lib/protocols/mesh/log/causal_order.ts";
import type { OrderEffect, OrderInput } from "../../../lib/protocols/mesh/log/order_io.ts";
import type { BundleReason } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle, Claim, Head, Header } from "../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";

export const ROOM = "ab".repeat(32) as RoomId;
export const GENESIS_TIME = 1_000;
/** What every member's wall clock shows. */
export const WALL_MS = 10_000;

const authorByClaim = new Map<ClaimId, PeerKey>();

/** The one claim of an author. */
export function claimIdOf(author: PeerKey): ClaimId {
  const id = fakeCrypto.sha256<ClaimId>(utf8(`claim of ${author}`));
  authorByClaim.set(id, author);
  return id;
}

export function claimOf(id: ClaimId): Claim | null {
  const key = authorByClaim.get(id);
  return key === undefined ? null : { key } as Claim; // nothing else of it is looked at
}

export interface MemberOptions {
  readonly incarnation?: number;
  readonly records?: readonly MeshRecord[];
  readonly wallMs?: number | (() => number);
  readonly keptMessagesMax?: number;
  readonly knowsClaim?: (id: ClaimId) => boolean;
  readonly mayBeOthers?: boolean;
}

export class Member {
  readonly signer: Signer;
  readonly order: CausalOrder;
  /** What is on disk. */
  readonly disk: MeshRecord[];
  /** Texts in the order in which they were delivered, those of this process. */
  readonly shown: string[] = [];
  readonly bundles: Bundle[] = [];
  readonly effects: OrderEffect[] = [];
  #token = 0;

  constructor(readonly name: string, options: MemberOptions = {}) {
    this.signer = fakeSigner(name);
    this.disk = [...options.records ?? []];
    const wallMs = options.wallMs ?? WALL_MS;
    this.order = new CausalOrder(
      {
        room: ROOM,
        genesisTime: GENESIS_TIME,
        incarnation: options.incarnation ?? 1,
        claim: claimIdOf(this.signer.key),
        records: this.disk,
        mayBeOthers: () => options.mayBeOthers ?? false,
        ...(options.keptMessagesMax === undefined
          ? {}
          : { keptMessagesMax: options.keptMessagesMax }),
      },
      environment(typeof wallMs === "number" ? () => wallMs : wallMs),
      this.signer,
      (id) => options.knowsClaim?.(id) === false ? null : claimOf(id),
    );
  }

  get key(): PeerKey {
    return this.signer.key;
  }

  /** Carries an input out, what it persists included; own bundles are synced at once. */
  step(input: OrderInput, nowMs = 0): readonly OrderEffect[] {
    const effects = [...this.order.step(input, nowMs)];
    for (let index = 0; index < effects.length; index++) {
      const effect = effects[index]!;
      this.effects.push(effect);
      if (effect.type === "persist") {
        this.disk.push(...effect.records);
        if (effect.token !== null) {
          effects.push(...this.order.step({ type: "stored", token: effect.token }, nowMs));
        }
      } else if (effect.type === "delivered") {
        this.bundles.push(effect.bundle);
        for (const { text } of effect.messages) this.shown.push(text);
      }
    }
    return effects;
  }

  /** Says lines, and returns the bundles that went out. */
  say(texts: readonly string[], nowMs = 0): readonly Bundle[] {
    const lines = texts.map((text) => ({ text, token: ++this.#token }));
    return delivered(this.step({ type: "say", texts: lines }, nowMs));
  }

  sayOne(text: string, nowMs = 0): Bundle {
    return this.say([text], nowMs).at(-1)!;
  }

  receive(
    from: Member,
    bundle: Bundle,
    nowMs = 0,
    reason: BundleReason = "push",
  ): readonly OrderEffect[] {
    return this.step({ type: "bundle", from: from.key, bundle, hop: 0, reason }, nowMs);
  }

  history(): readonly string[] {
    return this.order.history(100_000).map(({ text }) => text);
  }

  frontierOf(member: Member, incarnation = 1): number {
    return this.order.frontier({ author: member.key, incarnation }).counter;
  }
}

export function environment(wallMs: () => number, seed = 1): Environment {
  let state = seed;
  return {
    random: () => (state = state * 16_807 % 2_147_483_647) / 2_147_483_647,
    randomBytes: (length) => new Uint8Array(length),
    wallMs,
    crypto: fakeCrypto,
    log: SILENT_LOGGER,
  };
}

export function delivered(effects: readonly OrderEffect[]): readonly Bundle[] {
  return effects.flatMap((effect) => effect.type === "delivered" ? [effect.bundle] : []);
}

export function types(effects: readonly OrderEffect[]): readonly string[] {
  return effects.map(({ type }) => type);
}

export function idOf(bundle: Bundle): BundleId {
  return bundleId(fakeCrypto, bundle.header.bytes);
}

/** How others name this bundle. */
export function headOf(bundle: Bundle): Head {
  const { author, incarnation, counter, count, time } = bundle.header.value;
  return { author, incarnation, counter: counter + count - 1, time, id: idOf(bundle) };
}

/** A bundle as no honest member makes it: everything can be chosen, the signature holds. Without a text it has none. */
export function forged(
  author: Signer,
  text: string | readonly string[],
  fields: Partial<Header> = {},
): Bundle {
  return makeBundle(fakeCrypto, author, {
    room: ROOM,
    author: author.key,
    incarnation: 1,
    kind: "texts",
    counter: 1,
    claim: claimIdOf(author.key),
    previous: null,
    heads: [],
    time: WALL_MS,
    sentAt: WALL_MS,
    ...fields,
    texts: [text].flat().filter((text) => text !== ""),
  }).bundle;
}
