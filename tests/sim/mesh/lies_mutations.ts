/**
 * Each mutation disables one rule against liars; a room with a liar must then break a promise. In the form of
 * `mutations.ts`.
 */

import { Accusations, Suspicions } from "../../../lib/protocols/mesh/roster/accusations.ts";
import { Gaps } from "../../../lib/protocols/mesh/log/gaps.ts";
import { MissingBundles } from "../../../lib/protocols/mesh/broadcast/missing_bundles.ts";
import { RoomNames } from "../../../lib/protocols/mesh/names/room_names.ts";
import { Overlay } from "../../../lib/protocols/mesh/membership/overlay.ts";
import { Room } from "../../../lib/protocols/mesh/room/room.ts";
import { RosterOutbox } from "../../../lib/protocols/mesh/roster/roster_outbox.ts";
import { WaitingPool } from "../../../lib/protocols/mesh/log/waiting_pool.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import { replaced, together } from "../replaced.ts";
import type { Mutation } from "./mutations.ts";

const { hear } = Suspicions.prototype;
const { verdict } = Gaps.prototype;
const { step } = Overlay.prototype;
const { announced } = MissingBundles.prototype;
/** By machine: the peer that first announced each stream. */
const announcers = new WeakMap<MissingBundles, Map<string, string>>();

export const LIES_MUTATIONS = {
  believesAnySignature: {
    name: "believes any signature",
    install: replaced(fakeCrypto, "verify", () => true),
  },
  believesOneNeighbour: {
    name: "believes one neighbour that something can't be had any more",
    install: replaced(Gaps.prototype, "agreed", (entry) => entry.low > entry.counter),
  },
  passesOnAsItsOwn: {
    name: "passes on a crowd as it says what it says itself",
    install: replaced(
      RosterOutbox.prototype,
      "send",
      function (this: RosterOutbox, to, message) {
        this.effect({ type: "send", to, message, lane: "control" });
      },
    ),
  },
  hearsNoDenial: {
    name: "believes every accusation",
    install: together(
      replaced(Suspicions.prototype, "hear", function (this: Suspicions, signed, nowMs, effectMs) {
        if (signed.statement.value.verdict === "deny") return false;
        return hear.call(this, signed, nowMs, effectMs);
      }),
      replaced(Accusations.prototype, "isAboutUs", () => false),
    ),
  },
  waitsForAnswers: {
    name: "waits for what answers the very bundle that waits",
    install: together(
      replaced(Gaps.prototype, "verdict", function (this: Gaps, ...of) {
        const [waiting, blocker, frontier, , nowMs] = of;
        return verdict.call(this, waiting, blocker, frontier, false, nowMs);
      }),
      replaced(WaitingPool.prototype, "isRefuted", () => false),
    ),
  },
  skipsToHeads: {
    name: "takes for missed whatever somebody else names",
    install: replaced(Gaps.prototype, "verdict", function (this: Gaps, ...of) {
      const said = verdict.apply(this, of);
      return said.kind === "waive" ? { ...said, kind: "skip", counter: of[1].counter } : said;
    }),
  },
  writesToNames: {
    name: "writes in private to whoever has a name, known by it or not",
    install: replaced(RoomNames.prototype, "knownInstead", () => null),
  },
  listsEverybody: {
    name: "takes everybody for a member that it has a link with",
    install: replaced(Room.prototype, "isListed", () => true),
  },
  keepsTheGone: {
    name: "keeps a neighbour that has left",
    install: replaced(Overlay.prototype, "step", function (this: Overlay, input, nowMs) {
      return step.call(this, input.type === "peer-gone" ? { type: "tick" } : input, nowMs);
    }),
  },
  asksOnlyTheFirst: {
    name: "asks nobody but the first who announces something",
    install: replaced(
      MissingBundles.prototype,
      "announced",
      function (this: MissingBundles, ...of) {
        const [key, , { peer }] = of;
        const first = announcers.get(this) ?? new Map<string, string>();
        announcers.set(this, first);
        if ((first.get(key) ?? peer) !== peer) return;
        first.set(key, peer);
        announced.apply(this, of);
      },
    ),
  },
} as const satisfies Record<string, Mutation>;
