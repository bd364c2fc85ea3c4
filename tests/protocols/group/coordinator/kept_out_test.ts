import { assertEquals } from "@std/assert";
import { keptOutText } from "../../../../lib/protocols/group/coordinator/coordinator_view.ts";
import { KeptOut } from "../../../../lib/protocols/group/coordinator/kept_out.ts";
import { KEPT_OUT_BURST, UNHEARD_TOLD_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import { memberNamed, Room, viewsOf } from "./coordinator_parts.ts";

/** Ann and Bob are in. */
function scene() {
  const room = new Room("ann", "bob");
  const keptOut = new KeptOut({
    views: viewsOf("ann", "bob"),
    attendance: room.attendance,
    out: room.out,
  });
  const after = (ms: number) => {
    room.output.pass(ms);
    keptOut.settle();
    return room.words();
  };
  return { room, keptOut, after };
}

Deno.test("KeptOut: the operator is told once, after a while, with whom a newcomer exchanges nothing", () => {
  const { room, keptOut, after } = scene();
  room.comes("cem");
  room.hear("ann", "cem");

  assertEquals(after(0), []);
  assertEquals(keptOut.dueMs, room.out.nowMs + UNHEARD_TOLD_MS);
  assertEquals(after(UNHEARD_TOLD_MS), [keptOutText(memberNamed("cem"), [memberNamed("bob")])]);
  assertEquals(after(UNHEARD_TOLD_MS), []);
});

Deno.test("KeptOut: time doesn't run for who isn't here, nor after it is heard", () => {
  const { room, after } = scene();
  const cem = room.comes("cem");
  after(0);
  room.attendance.linkDown(cem.link!);
  assertEquals(after(UNHEARD_TOLD_MS), []);
  room.comes("cem");
  assertEquals(after(0), []);
  room.hear("ann", "bob", "cem");
  assertEquals(after(UNHEARD_TOLD_MS), []);
});

Deno.test("KeptOut: a crowd of strangers doesn't flood the operator", () => {
  const { room, after } = scene();
  for (let n = 0; n < 2 * KEPT_OUT_BURST; n++) room.comes(`stranger ${n}`);
  after(0);
  assertEquals(after(UNHEARD_TOLD_MS).length, KEPT_OUT_BURST);
});
