import { assertEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { RoomOutput } from "../../../../lib/protocols/mesh/room/room_output.ts";

const BOB = "b".repeat(64) as PeerKey;
const RECORDS: readonly MeshRecord[] = [{ kind: "incarnation", incarnation: 1 }];

Deno.test("RoomOutput: a step sends first, and stores before that only what others rely on", () => {
  const out = new RoomOutput((peer) => peer === BOB ? 1 as LinkId : null);
  out.later({ type: "to", peer: BOB, message: { type: "disconnect" } });
  out.persistLater(RECORDS, false);
  out.send(BOB, { type: "disconnect" });
  out.persistFirst(RECORDS);
  out.send("c".repeat(64) as PeerKey, { type: "disconnect" });
  out.send(BOB, { type: "disconnect" }, "data");
  const effects = out.take().map((effect) =>
    effect.type === "send" ? effect.lane : effect.type === "persist" ? effect.sync : effect.type
  );
  assertEquals(effects, ["control", true, "data", "control", false]);
  assertEquals(out.take(), []);
});

Deno.test("RoomOutput: what is done during something else can be left out; nothing comes after the end", () => {
  const out = new RoomOutput(() => 1 as LinkId);
  out.send(BOB, { type: "disconnect" });
  const during = out.during(() => out.persistFirst(RECORDS));
  assertEquals(during.map(({ type }) => type), ["persist"]);
  out.later({ type: "log-shown" } as never);
  out.ends();
  out.persistLater(RECORDS, false);
  const last = out.during(() => out.persistLater(RECORDS, false));
  assertEquals(last.length, 1);
  out.last({ type: "stop", outcome: { kind: "bye", reason: "quit", ref: undefined } });
  out.send(BOB, { type: "disconnect" });
  assertEquals(out.take().map(({ type }) => type as string), ["send", "log-shown", "stop"]);
});

Deno.test("RoomOutput: a machine that waits for a write is told of that one, by its own token", () => {
  const out = new RoomOutput(() => null);
  assertEquals(out.isWriting, false);
  out.persistOf("order", { records: RECORDS, token: 7 });
  out.persistOf("secrets", { records: RECORDS, token: 7 });
  out.persistOf("order", { records: RECORDS, token: null });
  const [first, second, later] = out.take().map((effect) =>
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
