import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { RoomOutput } from "../../../../lib/protocols/mesh/room/room_output.ts";

const BOB = "b".repeat(64) as PeerKey;
const RECORDS: readonly MeshRecord[] = [{ kind: "incarnation", incarnation: 1 }];

Deno.test("RoomOutput: a step sends first, and stores before that only what others rely on", () => {
  const out = new RoomOutput();
  out.stepBegins(5);
  out.later({ type: "fatal", code: "kicked", text: "why" });
  out.persistLater(RECORDS, false);
  out.send(BOB, { type: "disconnect" });
  out.persistFirst(RECORDS);
  out.send(BOB, { type: "disconnect" }, "data");
  const effects = out.stepEnds().map((effect) =>
    effect.type === "to" ? effect.lane : effect.type === "persist" ? effect.sync : effect.type
  );
  assertEquals([out.nowMs, effects], [5, ["control", true, "data", "fatal", false]]);

  out.stepBegins(6);
  assertEquals(out.stepEnds(), []);
});

Deno.test("RoomOutput: a machine that waits for a write is told of that one, by its own token", () => {
  const out = new RoomOutput();
  out.stepBegins(0);
  assertEquals(out.isWriting, false);
  out.persistOf("order", { records: RECORDS, token: 7 });
  out.persistOf("secrets", { records: RECORDS, token: 7 });
  out.persistOf("order", { records: RECORDS, token: null });
  const [first, second, later] = out.stepEnds().map((effect) =>
    effect.type === "persist" ? effect.token : NaN
  );
  assertEquals(later, null);
  assertEquals(out.isWriting, true);
  assertEquals(out.takeWrite(second!), { of: "secrets", token: 7 });
  // Words that are being written are in a snapshot, too: a busy room's log must shrink all the same.
  assertEquals(out.isWriting, false);
  assertEquals(out.takeWrite(first!), { of: "order", token: 7 });
  assertEquals([out.takeWrite(first!), out.takeWrite(null)], [undefined, undefined]);
});
