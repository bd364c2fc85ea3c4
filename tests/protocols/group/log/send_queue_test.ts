// What the user says while the log that it was said in is given up: its texts, and their `ref`s.

import { assertEquals } from "@std/assert";
import type { Environment } from "../../../../lib/base/machine/environment.ts";
import type { Hash } from "../../../../lib/base/ids.ts";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";
import { SendQueue } from "../../../../lib/protocols/group/log/send_queue.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

const ANN = fakeSigner("ann");
const GROUP = "00".repeat(32) as Hash;
const INCARNATION = new Uint8Array(8).fill(1);
const SELF = { name: "ann", incarnation: INCARNATION, incarnationId: INCARNATION.toHex() };
const NOTHING_GIVEN_UP = { incarnation: "", through: 0 };
const nothingSaid = () => 0;

/** In its first epoch, with these texts signed and on their way, each under a ref of its own. */
function sayingOf(...texts: readonly string[]): SendQueue {
  const environment = { wallMs: () => 1 } as Environment;
  const saying = new SendQueue(SELF, ANN, environment, new MemberOutput(() => true), []);
  saying.becomeMember(GROUP, { number: 1, round: 0 }, nothingSaid, false);
  for (const text of texts) saying.type(text, GROUP, `r ${text}`);
  saying.keep(GROUP);
  return saying;
}

/** The refs of the texts as they become entries, in order. */
function loggedRefs(saying: SendQueue): readonly (string | undefined)[] {
  const refs: (string | undefined)[] = [];
  for (let next = saying.oldest; next !== null; next = saying.oldest) {
    refs.push(...saying.logged(next) ?? [undefined]);
  }
  return refs;
}

Deno.test("a text keeps its ref where its log is set aside and it is said in another", () => {
  const saying = sayingOf("a", "b");
  saying.type("c", GROUP, "r c");
  saying.startAnew(GROUP, NOTHING_GIVEN_UP);
  assertEquals([...saying.unsaidRefs()], ["r a", "r b", "r c"]);
  saying.startAnew(GROUP, NOTHING_GIVEN_UP);
  saying.becomeMember(GROUP, { number: 1, round: 0 }, nothingSaid, false);
  assertEquals([...saying.unsaidRefs()], ["r a", "r b", "r c"]);
  assertEquals(loggedRefs(saying), ["r a", "r b", "r c"]);
});

Deno.test("where the other log has the first of several texts, the rest keep theirs", () => {
  const saying = sayingOf("a", "b", "c");
  saying.startAnew(GROUP, NOTHING_GIVEN_UP);
  saying.becomeMember(GROUP, { number: 1, round: 0 }, () => 1, false);
  assertEquals(loggedRefs(saying), ["r b", "r c"]);
});

Deno.test("a text keeps its ref where the log is fetched anew and has fewer of its author's", () => {
  const saying = sayingOf("a", "b");
  loggedRefs(saying);
  saying.type("c", GROUP, "r c");
  saying.keep(GROUP);
  saying.goOnAfter(1);
  saying.becomeMember(GROUP, { number: 1, round: 0 }, () => 1, false);
  assertEquals(saying.oldest?.batch.value.counter, 2);
  assertEquals(loggedRefs(saying), ["r c"]);
});

Deno.test("what isn't said because the group is another one is told by its ref, set aside or not", () => {
  const saying = sayingOf("a");
  saying.type("b", GROUP, "r b");
  saying.startAnew(GROUP, NOTHING_GIVEN_UP);
  assertEquals(saying.forget(), { texts: 2, refs: ["r a", "r b"] });
  assertEquals(saying.unsent, 0);
});

Deno.test("what another copy of the profile may have said is told by its ref, too", () => {
  const saying = sayingOf("a");
  saying.startAnew(GROUP, NOTHING_GIVEN_UP);
  const { dropped } = saying.becomeMember(GROUP, { number: 1, round: 0 }, nothingSaid, true);
  assertEquals(dropped, { texts: 1, refs: ["r a"] });
});
