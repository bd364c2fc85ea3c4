// Frames about files beside those of a mode's machine, and who may be sent them.

import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { NEWS_BURST, OFFER_BYTES_MAX } from "../../../lib/protocols/transfer/limits.ts";
import { FileCarriage } from "../../../lib/runtime/hosts/file_carriage.ts";
import type { LinkInfo } from "../../../lib/transport/link.ts";

const ANN = "a1" as PeerKey;
const BOB = "b2" as PeerKey;
const FIRST = 1 as LinkId;
const SECOND = 2 as LinkId;
const OFFER = 200;

function world() {
  const told: unknown[][] = [];
  const open = new Map([[FIRST, { peer: ANN } as LinkInfo], [SECOND, { peer: BOB } as LinkInfo]]);
  let recipients = new Map<PeerKey, LinkId>();
  let asked = 0;
  const carriage = new FileCarriage({
    files: {
      peers: (links) => told.push(["peers", ...links]),
      frame: (peer, body) => told.push(["frame", peer, body.length]),
      drained: (peer) => told.push(["drained", peer]),
    },
    links: { send: (link, body) => void told.push(["send", link, body.length]) },
    openLinks: { all: open, ban: (link) => told.push(["ban", link]) },
    recipients() {
      asked++;
      return recipients;
    },
  });
  const machine = carriage.around({ step: () => [], nextDeadlineMs: () => null });
  const become = (...peers: readonly [PeerKey, LinkId][]) => {
    recipients = new Map(peers);
    machine.step({}, 0);
  };
  return { told: () => told.splice(0), carriage, machine, become, asked: () => asked };
}

Deno.test("who may be sent files is asked once a turn, however many steps there are", async () => {
  const { told, machine, become, asked } = world();
  become([ANN, FIRST]);
  for (let step = 0; step < 100; step++) machine.step({}, 0);
  await Promise.resolve();

  assertEquals(asked(), 1);
  assertEquals(told(), [["peers", [ANN, FIRST]]]);
  machine.step({}, 0);
  await Promise.resolve();
  assertEquals([asked(), told()], [2, []]);
});

Deno.test("nothing goes to somebody who mayn't be sent files since the last step", async () => {
  const { told, carriage, become } = world();
  become([ANN, FIRST], [BOB, SECOND]);
  await Promise.resolve();
  told();
  become([BOB, SECOND]); // in the same turn

  carriage.sendTo(ANN, new Uint8Array(1), "data");
  carriage.sendTo(BOB, new Uint8Array(2), "bulk");

  assertEquals(told(), [["peers", [BOB, SECOND]], ["send", SECOND, 2]]);
});

Deno.test("what comes before it is known who that is waits, as much as is looked at in a burst", () => {
  const { told, carriage, become } = world();
  for (let frame = 0; frame <= NEWS_BURST; frame++) {
    assertEquals(carriage.takes(FIRST, OFFER, new Uint8Array(1)), true);
  }
  carriage.takes(SECOND, OFFER, new Uint8Array(OFFER_BYTES_MAX + 1));
  assertEquals(carriage.takes(FIRST, OFFER - 1, new Uint8Array(1)), false, "a later version's");
  assertEquals(told(), []);

  become([ANN, FIRST], [BOB, SECOND]);
  carriage.sendTo(ANN, new Uint8Array(3), "control");

  const frames = Array.from({ length: NEWS_BURST }, () => ["frame", ANN, 1]);
  assertEquals(told(), [["peers", [ANN, FIRST], [BOB, SECOND]], ...frames, ["send", FIRST, 3]]);
});

Deno.test("a lane is drained of the link in use, and an offender is cut off on all", () => {
  const { told, carriage, become } = world();
  become([ANN, FIRST]);
  carriage.sendTo(ANN, new Uint8Array(1), "bulk");
  told();

  carriage.bulkDrained(FIRST);
  carriage.bulkDrained(SECOND);
  carriage.penalise(BOB, "it lies");

  assertEquals(told(), [["drained", ANN], ["ban", SECOND]]);
});
