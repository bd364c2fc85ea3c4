import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import { MemberAdmission } from "../../../../lib/protocols/group/coordinator/member_admission.ts";
import { Places } from "../../../../lib/protocols/group/coordinator/places.ts";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import { PINS_MAX, PROMISE_JUMP_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { GROUP, keyOf } from "../coordinator_program.ts";
import { Room, viewsOf } from "./coordinator_parts.ts";

/** Ann is in; Zoe's key is known, and those of strangers that came and went. */
function scene(strangers: readonly string[] = []) {
  const room = new Room("ann");
  const views = viewsOf("ann");
  const places = new Places({ membersMax: 64 }, views, room.attendance);
  const known = [...strangers, "zoe"];
  const pins = new Map(known.map((name) => [name, fingerprintOf(keyOf("zoe"))]));
  const admission = new MemberAdmission({ pins }, views, room.attendance, places, room.out);
  /** How who has that key is refused under that name; null: it may come in. */
  const refusal = (key: string, name = key, changes: Partial<GroupMessageOf<"hello">> = {}) => {
    const hello = {
      type: "hello" as const,
      name,
      ...{ incarnation: new Uint8Array(8).fill(1), host: null, port: 9_000, group: GROUP },
      ...{ begun: NO_BALLOT, promised: NO_BALLOT },
      ...changes,
    };
    room.attendance.linkUp(
      { link: LINK, peer: keyOf(key), process: "2", host: null },
      room.out.nowMs,
    );
    const refused = admission.refusal(room.attendance.link(LINK)!, hello, {
      ...hello,
      key: keyOf(key),
    });
    room.attendance.linkDown(LINK);
    return refused?.code ?? null;
  };
  return { room, admission, refusal };
}
const LINK = 999 as Parameters<Room["attendance"]["link"]>[0];

Deno.test("MemberAdmission refuses what can't be: names, hosts, and promises of views that never were", () => {
  const { refusal } = scene();
  for (const host of ["a b;rm", "\x1b]0;evil\x07", "[::1]", "", "-a", "x".repeat(254) + "é"]) {
    assertEquals(refusal("bob", "bob", { host }), "protocol", host);
  }
  assertEquals(refusal("bob", "*coordinator*"), "bad-name");
  const promised = (number: number) => ({ promised: { number, round: 0 } });
  assertEquals(refusal("bob", "bob", promised(1 + PROMISE_JUMP_MAX + 1)), "protocol");
  assertEquals(refusal("bob", "bob", promised(1 + PROMISE_JUMP_MAX)), null);
});

Deno.test("MemberAdmission: who has gone is called as they wrote their name", () => {
  const { admission } = scene();
  admission.pin({ key: keyOf("bob"), name: "Bob" });
  admission.pin({ key: keyOf("zoe"), name: "Zoe" }); // whose key was known before
  assertEquals([admission.nameOf(keyOf("bob")), admission.nameOf(keyOf("zoe"))], ["Bob", "Zoe"]);
});

Deno.test("MemberAdmission: how a refused key's owner wrote the name isn't kept for whoever gets it then", () => {
  const { admission, refusal } = scene();
  admission.pin({ key: keyOf("bob"), name: "Bob" });
  admission.refuse("bob", fingerprintOf(keyOf("bob")), keyOf("bob"));
  refusal("eve", "BOB");
  admission.pin({ key: keyOf("eve"), name: "BOB" });
  admission.refuse("bob", fingerprintOf(keyOf("eve")), keyOf("eve"));
  admission.trust("bob");
  assertEquals(admission.nameOf(keyOf("eve")), "bob");
});

Deno.test("MemberAdmission: a name in use, however it is written, is a member's, and a known one its key's", () => {
  const { room, refusal } = scene();
  assertEquals(refusal("bob", "ANN"), "name-taken");
  assertEquals(refusal("zoe"), null);
  assertEquals(refusal("bob", "Zoe"), "key-changed");
  assertEquals(room.words(), ["error"]);
  assertEquals([refusal("bob", "Zoe"), room.words()], ["key-changed", []], "told of once");
});

Deno.test("MemberAdmission.trust() accepts the key that was told, whoever else comes while the operator asks about it", () => {
  const { room, admission, refusal } = scene();
  for (const stranger of ["bob", "eve", "cem", "bob", "dan"]) {
    refusal(stranger, "zoe");
    room.output.pass(STRANGE_KEPT_MS / 5);
  }
  assertEquals(admission.trust("Zoe"), fingerprintOf(keyOf("bob")));
  assertEquals([refusal("bob", "zoe"), refusal("zoe")], [null, "key-changed"]);

  const later = scene();
  later.refusal("bob", "zoe");
  later.room.output.pass(STRANGE_KEPT_MS);
  later.refusal("eve", "zoe");
  assertEquals(later.admission.trust("zoe"), fingerprintOf(keyOf("eve")));
  assertEquals(later.admission.trust("zoe"), null);
});

Deno.test("MemberAdmission: a key refused in another program is kept out under that name until it is accepted there", () => {
  const { admission, refusal } = scene();
  admission.refuse("bob", fingerprintOf(keyOf("bob")), undefined);
  assertEquals([refusal("bob"), refusal("bob", "rob"), refusal("cem", "bob")], [
    "key-changed",
    null,
    null,
  ]);
  admission.unrefuse("bob", fingerprintOf(keyOf("bob")));
  assertEquals(refusal("bob"), null);

  // Nobody came meanwhile.
  admission.refuse("dan", fingerprintOf(keyOf("dan")), undefined);
  admission.unrefuse("dan", fingerprintOf(keyOf("dan")));
  assertEquals(refusal("dan"), null);
});

Deno.test("MemberAdmission: of two that say they are one process the later is refused, and the operator told once", () => {
  const { room, refusal } = scene();
  const first = room.attendance.get(keyOf("ann"))!;
  room.attendance.put({ ...first, process: "1" });
  assertEquals([refusal("ann"), refusal("ann")], ["replaced", "replaced"]);
  const [told, ...more] = room.words();
  assertStringIncludes(told!, "Two programs with ann's key");
  assertEquals(more, []);
  assertEquals(refusal("ann", "ann", { incarnation: new Uint8Array(8).fill(2) }), null);
});

Deno.test("MemberAdmission: who signed two texts as one is out, and removed by the operator's word alone", () => {
  const { admission, refusal } = scene();
  const key = fingerprintOf(keyOf("bob"));
  admission.kick(key, "bob", "equivocated");
  assertEquals([refusal("bob"), admission.isRemoved(key)], ["kicked", false]);
  admission.kick(key, "bob");
  assertEquals(admission.isRemoved(key), true);
  admission.allow(key);
  assertEquals([refusal("bob"), admission.isRemoved(key)], [null, false]);
});

Deno.test("MemberAdmission remembers no more names than may be, and of more those alone whom the operator asks for", () => {
  const strangers = Array.from({ length: PINS_MAX - 1 }, (_, at) => `n${at}`);
  const { room, admission, refusal } = scene(strangers);
  const member = (name: string) => ({ key: keyOf(name), name });
  admission.pin(member("bob"));
  admission.pin(member("cem"));
  assertEquals([admission.isKnown("bob"), admission.isKnown("cem")], [false, false]);
  assertEquals(admission.trust("bob"), null);
  assertEquals(admission.trust("bob", keyOf("bob")), fingerprintOf(keyOf("bob")));
  assertEquals([room.words(), refusal("eve", "bob")], [["pin"], "key-changed"]);
});
