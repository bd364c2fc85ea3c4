import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { Parting } from "../../../lib/protocols/mesh/mesh_phases.ts";
import { beaconOf, claimOf, keyOf } from "./membership_fixtures.ts";

const [BOB, CEM] = [keyOf("Bob"), keyOf("Cem")];
const QUIT = {
  type: "beacons",
  beacons: [{ signed: beaconOf("Bob", 2, { state: "quit" }), ageMs: 0 }],
} as const;

function partingFrom(...neighbours: readonly PeerKey[]) {
  const live = new Set([BOB, CEM]);
  const learnt: string[] = [];
  const part = new Parting(neighbours, {
    learn: (from, { type }) => {
      learnt.push(type);
      if (type === "beacons") live.delete(from);
    },
    isLive: (peer) => live.has(peer),
  });
  return { part, learnt };
}

Deno.test("Parting: who knows that we quit, is gone, or has quit itself, isn't waited for", () => {
  const { part, learnt } = partingFrom(BOB, CEM);
  part.message(BOB, { type: "claims", claims: [claimOf("Bob").signed] });
  part.message(CEM, { type: "disconnect" });
  assertEquals([part.isOver, learnt], [false, ["claims"]]);
  part.message(BOB, QUIT);
  assertEquals([part.isOver, learnt], [true, ["claims", "beacons"]]);

  const down = partingFrom(BOB).part;
  down.gone(BOB);
  assertEquals([down.isOver, partingFrom().part.isOver], [true, true]);
});

Deno.test("Parting: it ends when its time is over, whoever doesn't know yet; nothing else is read", () => {
  const { part, learnt } = partingFrom(BOB);
  part.message(BOB, { type: "overlay-join" });
  assertEquals([part.isOver, learnt], [false, []]);
  part.timeOut();
  assertEquals(part.isOver, true);
});
