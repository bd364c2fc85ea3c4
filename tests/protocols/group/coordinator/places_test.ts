import { assertEquals } from "@std/assert";
import { CROWDED, Places } from "../../../../lib/protocols/group/coordinator/places.ts";
import { Views } from "../../../../lib/protocols/group/detector/views.ts";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import {
  JOINERS_MAX,
  STRANGER_MS_MIN,
  STRANGERS_PER_ADDRESS_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import { keyOf } from "../coordinator_program.ts";
import { Room, viewOf, viewsOf } from "./coordinator_parts.ts";

const FIRST = { number: 1, round: 0 };

/** Ann is in. */
function scene(views: Views = viewsOf("ann"), membersMax = 64) {
  const room = new Room("ann");
  const places = new Places({ membersMax }, views, room.attendance);
  /** What place there is for who comes from there: free, none, or whose. */
  const placeFor = (
    name: string,
    host: string | null = null,
    isKnown = false,
    begun = NO_BALLOT,
  ) => {
    const id = 999 as ReturnType<typeof room.on>["id"];
    room.attendance.linkUp({ link: id, peer: keyOf(name), process: "1", host }, room.out.nowMs);
    const link = room.attendance.link(id)!;
    room.attendance.linkDown(id);
    const voice = { key: keyOf(name), begun, promised: begun };
    const place = places.placeFor(link, voice, isKnown, room.out.nowMs);
    if (place.type === "none") return place.refusal.code;
    return place.type === "free" ? "free" : place.attendee.name;
  };
  const strangers = (count: number, host: (at: number) => string | null) => {
    for (let at = 1; at <= count; at++) room.comes(`stranger${at}`, host(at));
  };
  return { room, places, placeFor, strangers };
}

Deno.test("Places: few strangers of one address wait at once, each for long enough to be heard", () => {
  const { room, placeFor, strangers } = scene();
  strangers(STRANGERS_PER_ADDRESS_MAX, () => "10.1.0.1");

  assertEquals(placeFor("bob", "10.1.0.1"), CROWDED.code);
  assertEquals(placeFor("bob", "10.1.0.2"), "free");
  assertEquals(placeFor("bob", "10.1.0.1", true), "free", "a former member");
  room.output.pass(STRANGER_MS_MIN);
  assertEquals(placeFor("bob", "10.1.0.1"), "stranger1");
  room.hear("ann", "stranger1");
  assertEquals(placeFor("bob", "10.1.0.1"), "free", "who is heard counts no more");
});

Deno.test("Places: an IPv6 network counts as one address, and our own machine as none", () => {
  const { placeFor, strangers } = scene();
  strangers(STRANGERS_PER_ADDRESS_MAX, (at) => `2001:db8::${at}`);
  assertEquals(placeFor("bob", "2001:db8::ffff"), CROWDED.code);
  assertEquals(placeFor("bob", "2001:db8:0:1::1"), "free");

  const own = scene();
  own.strangers(STRANGERS_PER_ADDRESS_MAX, () => null);
  assertEquals(own.placeFor("bob"), "free");
});

Deno.test("Places: where all are taken a stranger waits for one that isn't heard, who was a member doesn't", () => {
  const { room, placeFor, strangers } = scene();
  strangers(JOINERS_MAX, () => null);
  assertEquals(placeFor("bob"), "stranger1");
  room.hear("ann", "stranger1");
  assertEquals(placeFor("bob"), "stranger2");

  room.hear("ann", ...Array.from({ length: JOINERS_MAX }, (_, at) => `stranger${at + 1}`));
  assertEquals(placeFor("bob"), CROWDED.code);
  assertEquals(placeFor("bob", null, true), "stranger1");
});

Deno.test("Places: a full group has one for its members, and for who alone speaks for an open view", () => {
  const confirmed = { kind: "confirmed", ballot: FIRST } as const;
  const views = Views.of([
    { kind: "decided", signed: viewOf(1, "bob", "eve") },
    confirmed,
    { kind: "decided", signed: viewOf(2, "ann", "cem") },
  ]);
  const { room, placeFor } = scene(views, 2);
  const asked = () => [placeFor("cem"), placeFor("bob"), placeFor("bob", null, true, FIRST)];

  assertEquals(asked(), ["free", "full", "free"]);
  room.comes("eve", null, { begun: FIRST });
  assertEquals(asked(), ["free", "full", "full"]);
});

Deno.test("Places: a newcomer that no member hears keeps its name for a moment", () => {
  const { room, places } = scene();
  const bob = room.comes("bob");
  const keeps = () => places.keepsName(bob, room.out.nowMs);

  room.output.pass(STRANGER_MS_MIN - 1);
  assertEquals([keeps(), places.mayLoseName(bob)], [true, true]);
  room.output.pass(1);
  assertEquals(keeps(), false);
  room.hear("ann", "bob");
  assertEquals(keeps(), true);
});

Deno.test("Places: where no member is here who could hear it, a newcomer keeps its name", () => {
  const { room, places } = scene(viewsOf("bob"));
  const ann = room.attendance.get(keyOf("ann"))!;
  room.output.pass(STRANGER_MS_MIN);
  assertEquals(places.keepsName(ann, room.out.nowMs), true);
});
