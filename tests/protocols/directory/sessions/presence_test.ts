import { assert, assertEquals } from "@std/assert";
import {
  CHANGES_KEPT_MAX,
  PRESENCE_MS,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { FoldedName } from "../../../../lib/base/ids.ts";
import { Others } from "../../../../lib/protocols/directory/sessions/others.ts";
import { Presence } from "../../../../lib/protocols/directory/sessions/presence.ts";
import { clientOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { Exchange, type Somebody } from "../exchange.ts";
import { SLOW } from "../../../given.ts";

Deno.test("Directory: whoever comes, goes or talks is seen by all at once, and many changes together", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.pass(1_000);
  const before = exchange.sends;
  exchange.guest("bob");
  assertEquals(ann.sees, "ann free, bob free", "at once");
  for (let each = 0; each < 10; each++) exchange.guest(`n${each}`);
  assertEquals(ann.list.size, 2);
  exchange.pass(PRESENCE_MS);
  assertEquals(ann.list.size, 12);
  // 11 times `entered`; a change to Ann and the list to Bob; changes to both and the list to the others.
  assertEquals(exchange.sends - before, 11 + 2 + 2);
});

Deno.test("Directory: who comes and goes unseen is no news", () => {
  const exchange = new Exchange();
  const ann = exchange.guest("ann");
  exchange.pass(1_000);
  exchange.guest("bob");
  const presences = () => ann.got.filter(({ type }) => type === "presence").length;
  const before = presences();
  const cem = exchange.guest("cem");
  cem.goesDown(true);
  exchange.pass(1_000);
  assertEquals([ann.sees, presences() - before], ["ann free, bob free", 1]);
});

Deno.test("Directory: a list of thousands comes in pages, the first and the last of which say so", () => {
  const exchange = new Exchange({ clientsMax: 3_000 });
  for (let each = 0; each < 250; each++) exchange.guest(`n${each}`);
  exchange.pass(100);
  const ann = exchange.guest("ann");
  const pages = ann.got.flatMap((message) => message.type === "users" ? [message] : []);
  assertEquals(pages.map(({ users, isFirst, isLast }) => [users.length, isFirst, isLast]), [
    [100, true, false],
    [100, false, false],
    [51, false, true],
  ]);
});

Deno.test(
  "Directory: a thousand who come at once, and go, cost messages in proportion to time, not to pairs",
  SLOW,
  () => {
    const exchange = new Exchange();
    const many = Array.from({ length: 1_000 }, (_, each) => exchange.somebody(`n${each}`));
    const started = exchange.sends;
    for (const somebody of many) {
      somebody.enters();
      exchange.pass(1);
    }
    exchange.pass(100);
    const flushes = 1_100 / PRESENCE_MS;
    const told = exchange.sends - started - 1_000;
    // Each flush: some pages of changes, and the list for those who are new.
    assert(told < flushes * (2 + 10), `${told} messages`);
    assert(many.every(({ list }) => list.size === 1_000));

    const leaving = exchange.sends;
    for (const somebody of many.slice(1)) somebody.goesDown(true);
    exchange.pass(100);
    assert(exchange.sends - leaving <= 12, `${exchange.sends - leaving} messages`);
    assertEquals(many[0]!.sees, "n0 free");
  },
);

Deno.test("Directory: who is slow costs nothing, however much changes meanwhile", () => {
  const exchange = new Exchange();
  const [slow, fast] = [exchange.guest("slow"), exchange.guest("fast")];
  exchange.pass(100);
  exchange.feed({ type: "congested", link: slow.link });
  const before = exchange.sends;
  for (let each = 0; each < 20; each++) {
    exchange.guest(`n${each}`).goesDown(true);
    exchange.pass(PRESENCE_MS);
  }
  // Each time `entered`, the guest's list, and two messages to the fast one.
  assert(exchange.sends - before <= 20 * 4, `${exchange.sends - before} messages`);
  const got = slow.got.length;
  exchange.feed({ type: "drained", link: slow.link });
  exchange.pass(PRESENCE_MS);
  assertEquals([slow.sees, fast.sees], ["fast free, slow free", "fast free, slow free"]);
  assertEquals(slow.got.length - got, 1);
});

/** What came of the list, whole or in part: `users 2`, `presence 1 -3`. */
function toldOf(somebody: Somebody, from: number): readonly string[] {
  return somebody.got.slice(from).flatMap((message) => {
    if (message.type === "users") return [`users ${message.users.length}`];
    if (message.type !== "presence") return [];
    return [`presence ${message.users.length} -${message.offline.length}`];
  });
}

Deno.test("Directory: who was slow is told what has changed meanwhile, and each as much as it lacks", () => {
  const exchange = new Exchange();
  const [ann, bob, cem] = [exchange.guest("ann"), exchange.guest("bob"), exchange.guest("cem")];
  exchange.pass(100);
  const from = [ann, bob].map(({ got }) => got.length);
  exchange.feed({ type: "congested", link: ann.link });
  exchange.guest("dan");
  exchange.pass(100);
  exchange.feed({ type: "congested", link: bob.link });
  exchange.guest("eve");
  cem.goesDown(true);
  exchange.pass(100);

  for (const { link } of [ann, bob]) exchange.feed({ type: "drained", link });
  exchange.pass(100);

  assertEquals([ann, bob].map((each, index) => toldOf(each, from[index]!)), [
    ["presence 2 -1"],
    ["presence 1 -0", "presence 1 -1"],
  ]);
  assertEquals([ann.sees, bob.sees], Array(2).fill("ann free, bob free, dan free, eve free"));
});

Deno.test("Directory: who is slow while its list comes is told what changes meanwhile, and no list again", () => {
  const exchange = new Exchange();
  const slow = exchange.guest("slow");
  exchange.feed({ type: "congested", link: slow.link });
  exchange.pass(100);
  for (let times = 0; times < 3; times++) {
    exchange.guest(`n${times}`);
    exchange.pass(100);
    exchange.feed({ type: "drained", link: slow.link });
    exchange.feed({ type: "congested", link: slow.link });
  }
  exchange.feed({ type: "drained", link: slow.link });
  exchange.pass(100);

  const told = toldOf(slow, 0);
  assertEquals(told.filter((word) => word.startsWith("users")), ["users 1"]);
  assertEquals(slow.list.size, 4);
});

// Presence alone.

/** What was told: which links, and how much. */
function toldIn({ out }: ReturnType<typeof partOutput>): readonly string[] {
  const told = out.take().flatMap((effect) => {
    if (effect.type !== "send") return [];
    const { links, message } = effect;
    if (message.type !== "users" && message.type !== "presence") return [];
    const gone = message.type === "presence" ? ` -${message.offline.length}` : "";
    return [`${links.join(" ")}: ${message.type} ${message.users.length}${gone}`];
  });
  out.begin(out.monotonicMs);
  return told;
}

Deno.test("Presence: each change is told at once where none was for a while, otherwise together, and once to all", () => {
  const output = partOutput();
  const [ann, bob, cem] = ["ann", "bob", "cem"].map((name, at) => clientOf(name, { id: at + 1 }));
  const sessions = sessionsOf(ann!, bob!);
  const presence = new Presence(sessions, new Others(), output.out);
  presence.tell();
  presence.flush();
  assertEquals(toldIn(output), ["1 2: users 2"]);

  sessions.add(cem!);
  presence.changed(cem!);
  sessions.remove(bob!);
  presence.changed(bob!);
  presence.flush();
  assertEquals([toldIn(output), presence.nextMs()], [[], output.out.nowMs + PRESENCE_MS]);
  output.pass(PRESENCE_MS);
  presence.flush();
  assertEquals(toldIn(output), ["1: presence 1 -1", "3: users 2"]);
  assertEquals(presence.nextMs(), null);
});

Deno.test("Presence: whoever was slow is told what has changed meanwhile, or the list where too much has", () => {
  const output = partOutput();
  const [slow, fast] = [clientOf("slow"), clientOf("fast", { id: 2 })];
  const presence = new Presence(sessionsOf(slow, fast), new Others(), output.out);
  const pass = () => {
    presence.tell();
    output.pass(PRESENCE_MS);
    presence.flush();
    return toldIn(output);
  };
  pass();
  slow.isCongested = true;
  presence.changed(fast);
  assertEquals(pass(), ["2: presence 1 -0"]);
  slow.isCongested = false;
  assertEquals(pass(), ["1: presence 1 -0"]);

  slow.isCongested = true;
  for (let n = 0; n <= CHANGES_KEPT_MAX; n++) {
    presence.changed({ name: `n${n}`, folded: `n${n}` as FoldedName });
  }
  pass();
  slow.isCongested = false;
  assertEquals(pass(), ["1: users 2"]);
});
