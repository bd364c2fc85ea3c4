import { assertEquals } from "@std/assert";
import { ID_UNKNOWN } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { SECOND_SOURCE_MS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { SecondSource } from "../../../../lib/protocols/mesh/sync/second_source.ts";
import { keyOf } from "../overlay_network.ts";

const [ann, bob] = [keyOf(1), keyOf(2)];

function saidBy(from = ann) {
  return { type: "not-kept", from, entries: [], askedMs: 0, floor: 0 } as const;
}

Deno.test("SecondSource believes one alone that something isn't kept after 5 s, and from then on", () => {
  const second = new SecondSource(() => true);
  assertEquals(second.hear(saidBy(), "room", true, 0), []);
  assertEquals([second.isAwaited, second.due(SECOND_SOURCE_MS_MAX - 1)], [true, []]);
  assertEquals(second.due(SECOND_SOURCE_MS_MAX), [saidBy()]);
  assertEquals([second.isAwaited, second.nextMs()], [false, Infinity]);
  assertEquals(second.hear(saidBy(), "room", true, SECOND_SOURCE_MS_MAX), [saidBy()]);
});

Deno.test("SecondSource has the second one heard first, and both believed", () => {
  const second = new SecondSource(() => true);
  second.hear(saidBy(), "room", true, 0);
  assertEquals(second.hear(saidBy(bob), "room", false, 100), [saidBy(bob), saidBy()]);
  assertEquals(second.hear(saidBy(), "room", true, 200), [saidBy()]);
});

Deno.test("SecondSource: who keeps what is older and hasn't come as far is no second one", () => {
  const second = new SecondSource(() => true);
  const entry = { author: keyOf(3), incarnation: 1, id: ID_UNKNOWN, unkept: 0, closed: false };
  const gone = { ...saidBy(), entries: [{ ...entry, low: 7, counter: 6 }] };
  const behind = { ...saidBy(bob), entries: [{ ...entry, low: 1, counter: 3 }] };
  const there = { ...saidBy(bob), entries: [{ ...entry, low: 1, counter: 6 }] };
  second.hear(gone, "room", true, 0);

  assertEquals(second.hear(behind, "room", false, 100), [behind]);
  assertEquals(second.isAwaited, true);
  assertEquals(second.hear(there, "room", false, 200), [there, gone]);
});

Deno.test("SecondSource waits no longer for who is behind than for nobody", () => {
  const second = new SecondSource(() => true);
  const entry = { author: keyOf(3), incarnation: 1, id: ID_UNKNOWN, unkept: 0, closed: false };
  const gone = { ...saidBy(), entries: [{ ...entry, low: 7, counter: 6 }] };
  const behind = { ...saidBy(bob), entries: [{ ...entry, low: 1, counter: 3 }] };
  second.hear(gone, "room", true, 0);
  second.hear(behind, "room", false, 100);

  assertEquals(second.due(SECOND_SOURCE_MS_MAX), [gone]);
});

Deno.test("SecondSource holds nothing where there is no doubt, or nobody else", () => {
  let others = true;
  const second = new SecondSource(() => others);
  assertEquals(second.hear(saidBy(), "room", false, 0), [saidBy()]);
  second.hear(saidBy(), "room", true, 10);
  others = false;
  assertEquals(second.due(1_000), [saidBy()]);
  assertEquals(second.hear(saidBy(), "room", true, 1_010), [saidBy()]);
});

Deno.test("SecondSource forgets what one said who is gone, and waits anew for the next", () => {
  const second = new SecondSource(() => true);
  second.hear(saidBy(), "room", true, 0);
  second.down(ann);
  assertEquals(second.due(SECOND_SOURCE_MS_MAX), []);
  assertEquals(second.hear(saidBy(bob), "room", true, SECOND_SOURCE_MS_MAX), []);
});

Deno.test("SecondSource: who is behind is no second one, however the first says that it lets go", () => {
  const second = new SecondSource(() => true);
  const entry = { author: keyOf(3), incarnation: 1, id: ID_UNKNOWN, closed: false };
  const gone = { ...saidBy(), entries: [{ ...entry, low: 1, counter: 6, unkept: 6 }] };
  const behind = { ...saidBy(bob), entries: [{ ...entry, low: 1, counter: 3, unkept: 0 }] };
  second.hear(gone, "room", true, 0);

  assertEquals(second.hear(behind, "room", false, 100), [behind]);
});

Deno.test("SecondSource holds what one has said of all there is beside what it says of gaps", () => {
  const second = new SecondSource(() => true);
  const [room, first, last] = [1, 2, 3].map((askedMs) => ({ ...saidBy(), askedMs }));
  second.hear(room!, "room", true, 0);
  for (const gaps of [first!, last!]) second.hear(gaps, "gaps", true, 1_000);

  assertEquals(second.due(SECOND_SOURCE_MS_MAX), [room!, last!]);
});

Deno.test("SecondSource holds what the range of one alone passed over, until another has spoken", () => {
  const second = new SecondSource(() => true);
  const stream = { author: keyOf(3), incarnation: 1 };
  const passed = { type: "passed-over", from: ann, stream, after: 0, before: 109 } as const;
  second.hear(saidBy(), "room", false, 0);

  assertEquals(second.passedOver(passed, 100), []);
  assertEquals(second.due(99 + SECOND_SOURCE_MS_MAX), []);
  assertEquals(second.hear(saidBy(bob), "room", false, 200), [saidBy(bob), passed]);
  assertEquals(second.passedOver(passed, 300), [passed]);
});

Deno.test("SecondSource believes what the range of one alone passed over after 5 s, not once it is gone", () => {
  for (const [isGone, believed] of [[false, 1], [true, 0]] as const) {
    const second = new SecondSource(() => true);
    const stream = { author: keyOf(3), incarnation: 1 };
    second.hear(saidBy(), "room", false, 0);
    second.passedOver({ type: "passed-over", from: ann, stream, after: 0, before: 109 }, 0);
    if (isGone) second.down(ann);
    assertEquals(second.due(SECOND_SOURCE_MS_MAX).length, believed);
  }
});
