import { assertEquals, assertMatch } from "@std/assert";
import type { ProcessKey, RoomId } from "../../../../lib/base/ids.ts";
import { joinFailure } from "../../../../lib/protocols/mesh/joining/room_setup.ts";
import type { MeshConfig } from "../../../../lib/protocols/mesh/schema/mesh_io.ts";

const GONE = { host: "10.0.0.1", port: 55107 };

function configOf(isKept: boolean): MeshConfig {
  const invite = { room: "ab".repeat(32) as RoomId, secret: null, endpoints: [GONE] };
  return {
    name: "Bob",
    process: "" as ProcessKey,
    advertise: { host: null, port: 1 },
    passive: false,
    historyShown: 100,
    begin: { kind: "join", contact: GONE, invite, kept: isKept ? [invite.room] : [] },
  };
}

Deno.test("who has an invite to a room that it was in, of which nobody answers, is told how to go back alone", () => {
  const way = /You were in that room, and can go back alone: p2pchat mesh Bob --room abababab$/;
  for (const reason of ["unreachable", "timeout", "refused", "self"] as const) {
    const failure = { contact: GONE, reason, text: "nobody listens there" };
    const others = { contact: { ...GONE, port: 2 }, reason, text: "nobody listens there" };
    assertMatch(joinFailure(configOf(true), [failure]).text, way);
    assertMatch(joinFailure(configOf(true), [failure, others]).text, way);
    assertEquals(way.test(joinFailure(configOf(false), [failure]).text), false);
    const elsewhere = joinFailure({ ...configOf(true), data: "my data" }, [failure]).text;
    assertMatch(elsewhere, /: p2pchat mesh Bob --room abababab --data 'my data'$/);
  }
});

Deno.test("who meets a process of the own profile isn't sent through others into a room that it is in", () => {
  const failure = { contact: GONE, reason: "self", text: "" } as const;
  const ofSelf =
    "Cannot join through 10.0.0.1:55107: a process with your own profile answers there; " +
    "if it is in the room that you want, end it first; otherwise join through another member";
  assertEquals(joinFailure(configOf(false), [failure]).text, ofSelf);
  const resumes = { ...configOf(false), begin: { kind: "resume", room: "" as RoomId } } as const;
  assertMatch(joinFailure(resumes, [failure]).text, /^Cannot come back: .* no address of anybody/);
});
