/** Bugs put into the machine of file transfer from outside, one at a time, each of which the simulation must find. */

import { Download } from "../../../lib/protocols/transfer/downloading.ts";
import { Downloads } from "../../../lib/protocols/transfer/downloads.ts";
import { Holders } from "../../../lib/protocols/transfer/holders.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { OfferTable } from "../../../lib/protocols/transfer/offers.ts";
import { Serving } from "../../../lib/protocols/transfer/serving.ts";
import { Sought } from "../../../lib/protocols/transfer/sought.ts";
import { Shares } from "../../../lib/protocols/transfer/sharing.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import type { Transfers } from "../../../lib/protocols/transfer/transfers.ts";
import { replaced, together } from "../replaced.ts";
import { Wrapped } from "../wrapped.ts";
import type { Mutation, World } from "./world.ts";

class Bug extends Wrapped<TransferInput, TransferEffect> {
  constructor(readonly transfers: Transfers, readonly world: World) {
    super(transfers);
  }
}

/** Writes what comes before it is checked. */
class WritesUnchecked extends Bug {
  override effects(effects: readonly TransferEffect[], input: TransferInput) {
    if (input.type !== "message" || input.message.type !== "leaf") return effects;
    if (effects.some(({ type }) => type === "write" || type === "penalise")) return effects;
    const { file, leaf, bytes, proof } = input.message;
    const offset = leaf * LEAF_BYTES;
    const write = { type: "write", token: -1, file, leaf, offset, bytes, proof } as const;
    return [...effects, write];
  }
}

/** Takes what an earlier process left for what it was when it was written. */
class TrustsParts extends Bug {
  readonly #reads = new Map<number, Extract<TransferEffect, { readonly type: "read" }>>();

  override effects(effects: readonly TransferEffect[]) {
    for (const effect of effects) if (effect.type === "read") this.#reads.set(effect.token, effect);
    return effects;
  }

  override input(input: TransferInput): TransferInput {
    if (input.type !== "read") return input;
    const { file, leaf } = this.#reads.get(input.token)!;
    const content = this.world.offered.get(file)?.content;
    if (content === undefined) return input;
    return { ...input, bytes: content.leaves[leaf]!, proof: content.tree.proof(leaf) };
  }
}

/** Takes for synced what isn't. */
class NeverSyncs extends Bug {
  override effects(
    effects: readonly TransferEffect[],
    input: TransferInput,
    nowMs: number,
  ): readonly TransferEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "sync") return [effect];
      const { token } = effect;
      return this.effects(this.inner.step({ type: "synced", token }, nowMs), input, nowMs);
    });
  }
}

/** Takes a lane for drained as soon as a leaf is in it. */
class FillsLanes extends Bug {
  override effects(
    effects: readonly TransferEffect[],
    input: TransferInput,
    nowMs: number,
  ): readonly TransferEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "send-bulk") return [effect];
      const more = this.inner.step({ type: "bulk-drained", peer: effect.to }, nowMs);
      return [effect, ...this.effects(more, input, nowMs)];
    });
  }
}

/** Sends what it reads, whatever it is. */
class ServesUnchecked extends Bug {
  readonly #reads = new Map<number, Extract<TransferEffect, { readonly type: "read" }>>();

  override effects(effects: readonly TransferEffect[], input: TransferInput) {
    for (const effect of effects) if (effect.type === "read") this.#reads.set(effect.token, effect);
    if (input.type !== "read") return effects;
    const { file, leaf } = this.#reads.get(input.token)!;
    const lack = effects.find((effect) =>
      effect.type === "send" && effect.message.type === "withdraw" &&
      effect.message.reason === "changed"
    );
    if (lack?.type !== "send") return effects;
    const { bytes, proof } = input;
    const message = { type: "leaf", file, leaf, bytes, proof } as const;
    return [...effects, { type: "send-bulk", to: lack.to, message } as const];
  }
}

/** Saves and shows files as their senders call them. */
class TrustsNames extends Bug {
  override effects(effects: readonly TransferEffect[]): readonly TransferEffect[] {
    return effects.map((effect) => {
      if (effect.type !== "finish") return effect;
      const offer = this.world.people.flatMap(({ parts }) => [...parts.values()])
        .find(({ id }) => id === effect.file)?.offer;
      return { ...effect, name: offer?.offer.value.name ?? effect.name };
    });
  }
}

/** Tells of progress with each leaf. */
class TellsAlways extends Bug {
  override effects(effects: readonly TransferEffect[]): readonly TransferEffect[] {
    return effects.flatMap((effect) => {
      const isProgress = effect.type === "show" && effect.event.event === "transfer" &&
        effect.event.state === "progress";
      return isProgress ? [effect, effect] : [effect];
    });
  }
}

/** Doesn't mind what wasn't asked for. */
class MindsNoCredit extends Bug {
  override effects(effects: readonly TransferEffect[]): readonly TransferEffect[] {
    return effects.filter(({ type }) => type !== "penalise");
  }
}

const { changed } = Sought.prototype;
const { add } = OfferTable.prototype;
const { for: all } = Shares.prototype;

export const MUTATIONS = {
  writesUnchecked: {
    name: "write leaves that they haven't checked",
    wrap: (transfers, world) => new WritesUnchecked(transfers, world),
  },
  trustsParts: {
    name: "trust what was left of a file",
    wrap: (transfers, world) => new TrustsParts(transfers, world),
  },
  neverSyncs: {
    name: "take for synced what they have written",
    wrap: (transfers, world) => new NeverSyncs(transfers, world),
  },
  fillsLanes: {
    name: "don't wait until a lane is drained",
    wrap: (transfers, world) => new FillsLanes(transfers, world),
  },
  servesUnchecked: {
    name: "send leaves of a file that was changed",
    wrap: (transfers, world) => new ServesUnchecked(transfers, world),
  },
  trustsNames: {
    name: "save files as their senders call them",
    wrap: (transfers, world) => new TrustsNames(transfers, world),
  },
  tellsAlways: {
    name: "tell of progress twice at once",
    wrap: (transfers, world) => new TellsAlways(transfers, world),
  },
  mindsNoCredit: {
    name: "don't cut off who sends unasked",
    wrap: (transfers, world) => new MindsNoCredit(transfers, world),
  },
  hasNoQuota: { name: "receive as much as there is", hasNoQuota: true },
  asksLiars: {
    name: "ask liars again",
    install: replaced(Holders.prototype, "accuse", function (this: Holders, peer) {
      this.remove(peer);
    }),
  },
  waitsForEver: {
    name: "wait for a holder that stalls, and ask nobody else for what it has to send",
    install: together(
      replaced(Holders.prototype, "slowRuns", () => []),
      replaced(Holders.prototype, "tick", () => {}),
      replaced(Holders.prototype, "nextMs", () => null),
    ),
  },
  takesAllOffers: {
    name: "take all offers of a flood",
    install: replaced(OfferTable.prototype, "add", function (this: OfferTable, signed, nowMs) {
      const offer = add.call(this, signed, nowMs, true);
      if (typeof offer !== "string") this.settle(offer);
      return offer;
    }),
  },
  tellsNobody: {
    name: "tell newcomers of nothing",
    install: replaced(Shares.prototype, "for", () => []),
  },
  tellsAll: {
    name: "tell all of what is for one",
    install: replaced(Shares.prototype, "for", function (this: Shares) {
      return all.call(this, this.self, false);
    }),
  },
  asksNobody: {
    name: "don't ask those who come",
    install: replaced(Download.prototype, "have", () => {}),
  },
  waitsForDrops: {
    name: "ask nobody else for what comes slowly",
    install: replaced(Holders.prototype, "slowRuns", () => []),
  },
  sharesNoPlaces: {
    name: "leave all places to one sender",
    install: replaced(Downloads.prototype, "surplusFor", () => undefined),
  },
  seeksNobody: {
    name: "look for nobody who has a file",
    install: replaced(Sought.prototype, "changed", () => null),
  },
  seeksNoOthers: {
    name: "look for nobody but those who are known to have a file",
    install: replaced(Sought.prototype, "changed", function (this: Sought) {
      const sought = changed.call(this);
      return sought === null ? null : { ...sought, others: false };
    }),
  },
  seeksAlways: {
    name: "never say that nobody is looked for any more",
    install: replaced(Sought.prototype, "changed", function (this: Sought) {
      const sought = changed.call(this);
      return sought === null || (sought.holders.length === 0 && !sought.others) ? null : sought;
    }),
  },
  takesAnyRequest: {
    name: "send again what they have sent",
    install: replaced(Serving.prototype, "request", requestTwice),
  },
} as const satisfies Record<string, Mutation>;

const { request } = Serving.prototype;

function requestTwice(
  this: Serving,
  ...[peer, file, first, count]: Parameters<Serving["request"]>
): ReturnType<Serving["request"]> {
  request.call(this, peer, file, first, count);
  return request.call(this, peer, file, first, count);
}
