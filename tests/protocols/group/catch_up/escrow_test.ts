// The log that the coordinator takes over from who leaves last.

import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { Escrow } from "../../../../lib/protocols/group/catch_up/escrow.ts";
import { OwnKeys } from "../../../../lib/protocols/group/identity/own_keys.ts";
import type { HistoryEnd, SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Room, viewOf } from "../coordinator/coordinator_parts.ts";
import { FOUNDING, GROUP, keyOf, OWN, Somebody } from "../coordinator_program.ts";

const ANN = keyOf("ann");

/** Ann, on the first link, has said this. */
function scene(texts: readonly string[], kept: HistoryEnd | null = null) {
  const room = new Room("ann");
  const link = room.on("ann").id;
  const ann = new Somebody("ann", GROUP);
  ann.epoch = viewOf(1, "ann");
  const batches = texts.map((text) => ann.says(text));
  const stored: number[] = [];
  const keys = new OwnKeys(OWN, GROUP, OWN.key, []);
  const escrow: Escrow = new Escrow(GROUP, FOUNDING, keys, fakeCrypto, kept, room.out, () => {
    stored.push(escrow.log.position);
  });
  /** Ann sends so much; what is wrong with it, and what comes of it. */
  const sends = (after: number, batches: readonly SignedBatch[], isLast = true) => [
    escrow.history(link, { type: "history", after, batches, isLast, stable: ann.end.position }),
    ...room.words(),
  ];
  return { room, link, ann, batches, escrow, sends, stored };
}

function unsigned(batch: SignedBatch): SignedBatch {
  return { ...batch, signature: new Uint8Array(64) };
}

Deno.test("Escrow asks until it has all that was agreed on, and supplies none of it before it is on disk", () => {
  const { room, link, ann, batches, escrow, sends, stored } = scene(["one", "two"]);
  escrow.take(ANN, link, ann.end.point);
  assertEquals(room.words(), ["ann: fetch 0 to 2"]);

  assertEquals(sends(0, batches.slice(0, 1)), [null, "disk: new-log", "disk: log"]);
  assertEquals([escrow.log.position, escrow.end?.position], [0, 1]);
  sends(1, batches.slice(1));
  assertEquals(room.output.diskAnswers(), ["ann: fetch 1 to 2"]);
  assertEquals(stored, [0, 1, 2]);
  assertEquals(escrow.isAt(ann.end.point), true);
});

Deno.test("Escrow keeps what comes before the first batch at fault, for those who come next", () => {
  const { ann, link, batches, room, escrow, sends } = scene(["one", "two"]);
  escrow.take(ANN, link, ann.end.point);
  room.words();
  assertEquals(sends(0, [batches[0]!, unsigned(batches[1]!)]), [
    "history after 1: its author hasn't signed it",
    ...["disk: new-log", "disk: log"],
  ]);
  assertEquals(escrow.end?.position, 1);
});

Deno.test("Escrow takes nothing beyond what was agreed on, nor who has nothing to send at its word", () => {
  const { ann, link, batches, escrow, sends } = scene(["one", "two"]);
  const agreed = { ...ann.end.point, position: 1 };
  escrow.take(ANN, link, agreed);
  assertEquals(sends(0, batches)[0], "history after 0 isn't that which was agreed on");
  assertEquals(sends(0, [])[0], "it hasn't the history that it said it had");
  assertEquals(escrow.end, null);
});

Deno.test("Escrow: a log that isn't the beginning of theirs is set aside, once", () => {
  const before = scene(["another history"]);
  const { room, link, ann, escrow } = scene(["one", "two"], before.ann.end);
  escrow.take(ANN, link, ann.end.point);
  const { point } = before.ann.end;
  assertEquals(escrow.unlike(link, { type: "unlike", after: point }), null);
  assertEquals(room.output.diskAnswers(), [
    "ann: fetch 1 to 2",
    ...["disk: new-log", "ann: fetch 0 to 2"],
  ]);
  assertEquals(
    escrow.unlike(link, { type: "unlike", after: { ...point, position: 0 } }),
    "it has another beginning of the history",
  );
});

Deno.test("Escrow hears nobody but whom it asked, and no more of who is gone", () => {
  const { ann, link, batches, escrow, sends, room } = scene(["one"]);
  const message = { type: "history", after: 0, batches: batches.map(unsigned) } as const;
  escrow.take(ANN, link, ann.end.point);
  const other = 99 as LinkId;
  assertEquals(escrow.history(other, { ...message, isLast: true, stable: 1 }), null);
  assertEquals([escrow.source, escrow.fetchesFrom(other)], [ANN, false]);
  escrow.forget(link);
  room.words();
  assertEquals([...sends(0, batches), escrow.source], [null, null]);
});
