import { assert, assertEquals } from "@std/assert";
import {
  CHANGES_KEPT_MAX,
  LIST_TOLD_AGAIN_MAX,
  LIST_TOLD_MAX,
  ONLINE_MS,
  PRESENCE_MS,
  SEARCHED_BURST,
  SEARCHES_BURST,
  SUBSCRIPTIONS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { FoldedName } from "../../../../lib/base/ids.ts";
import { Others } from "../../../../lib/protocols/directory/sessions/others.ts";
import { Presence } from "../../../../lib/protocols/directory/sessions/presence.ts";
import { clientOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { Exchange, type Somebody } from "../exchange.ts";
import { SLOW } from "../../../given.ts";
import { Random } from "../../../sim/random.ts";

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
  slow.link.isCongested = true;
  presence.changed(fast);
  assertEquals(pass(), ["2: presence 1 -0"]);
  slow.link.isCongested = false;
  assertEquals(pass(), ["1: presence 1 -0"]);

  slow.link.isCongested = true;
  for (let n = 0; n <= CHANGES_KEPT_MAX; n++) {
    presence.changed({ name: `n${n}`, folded: `n${n}` as FoldedName });
  }
  pass();
  slow.link.isCongested = false;
  assertEquals(pass(), ["1: users 2"]);
});

// More are online than are told.

/** A directory in which so many are in. */
function crowded(count: number): Exchange {
  const exchange = new Exchange({ clientsMax: 10_000 });
  for (let each = 0; each < count; each++) {
    exchange.guest(`n${String(each).padStart(5, "0")}`);
    if (each % 100 === 99) exchange.pass(PRESENCE_MS);
  }
  exchange.pass(1_000);
  return exchange;
}

/** What somebody was sent since the call before. */
function news(somebody: Somebody): readonly string[] {
  const { got } = somebody;
  const words = got.map((message) => {
    switch (message.type) {
      case "online":
        return `online ${message.total}`;
      case "presence":
        return [
          "presence",
          ...message.users.map(({ name, state }) => `${name} ${state}`),
          ...message.offline.map((name) => `${name} offline`),
        ].join(", ");
      case "page": {
        const [first, last] = [message.users[0], message.users.at(-1)];
        const which = first === undefined ? "none" : `${first.name} to ${last!.name}`;
        return `page of ${message.users.length}, ${which}, of ${message.total}` +
          (message.hasMore ? ", more" : "") + (message.retryMs > 0 ? ", later" : "");
      }
      default:
        return message.type;
    }
  });
  got.length = 0;
  return words;
}

const search = (part: string, after = "") => ({ type: "search", part, after }) as const;
const subscribe = (add: readonly string[], drop: readonly string[] = []) =>
  ({ type: "subscribe", add, drop }) as const;

Deno.test("Presence: with more online than are told, whoever comes is told how many, and asks", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  exchange.pass(PRESENCE_MS);
  assertEquals(news(ann), ["entered", "online 1001"]);

  ann.says(search(""));
  ann.says(search("", "n00098"));
  ann.says(search("N0099"));
  ann.says(search("nobody"));
  assertEquals(news(ann), [
    "page of 100, ann to n00098, of 1001, more",
    "page of 100, n00099 to n00198, of 1001, more",
    "page of 10, n00990 to n00999, of 1001",
    "page of 0, none, of 1001",
  ]);
});

Deno.test("Presence: a change is told to those alone who have subscribed to that name", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  const eve = exchange.guest("eve");
  exchange.pass(PRESENCE_MS);
  ann.says(subscribe(["N00007", "zoe", "n00001"]));
  exchange.pass(PRESENCE_MS);
  news(ann);
  news(eve);

  ann.says(subscribe([], ["n00001"]));
  exchange.people[7]!.goesDown(true);
  exchange.people[1]!.goesDown(true);
  const sends = exchange.sends;
  exchange.pass(PRESENCE_MS);
  assertEquals([news(ann), news(eve), exchange.sends - sends], [
    ["presence, N00007 offline"],
    [],
    1,
  ]);
  exchange.guest("zoe");
  exchange.pass(PRESENCE_MS);
  assertEquals(news(ann), ["presence, zoe free"]);
});

Deno.test("Presence: who subscribes is told at once who of them is there, and who isn't", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  exchange.pass(PRESENCE_MS);
  news(ann);

  ann.says(subscribe(["n00003", "zoe"]));
  exchange.pass(PRESENCE_MS);
  assertEquals(news(ann), ["presence, n00003 free, zoe offline"]);
});

Deno.test("Presence: of changes while its link is full a client hears the last, once that takes data again", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  exchange.pass(PRESENCE_MS);
  ann.says(subscribe(["zoe"]));
  exchange.pass(PRESENCE_MS);
  news(ann);

  exchange.feed({ type: "congested", link: ann.link });
  for (let each = 0; each < 3; each++) exchange.guest("zoe").goesDown(true);
  exchange.pass(1_000);
  assertEquals(news(ann), []);
  exchange.feed({ type: "drained", link: ann.link });
  exchange.pass(PRESENCE_MS);
  assertEquals(news(ann), ["presence, zoe offline"]);
});

Deno.test("Presence: how many are online is told every 10 s, where that has changed", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  exchange.pass(ONLINE_MS);
  news(ann);

  exchange.pass(60_000);
  assertEquals(news(ann), []);
  for (let each = 0; each < 5; each++) exchange.guest(`z${each}`);
  exchange.pass(ONLINE_MS);
  assertEquals(news(ann), ["online 1006"]);
});

Deno.test("Presence: the whole list is told again once it is short for good", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  const leaves = (count: number) => {
    const present = exchange.people.filter(({ name }) => name.startsWith("n"));
    for (const somebody of present.splice(0, count)) somebody.goesDown(true);
    exchange.people.splice(0, count);
    exchange.pass(PRESENCE_MS);
  };
  exchange.pass(PRESENCE_MS);
  news(ann);

  leaves(1_001 - LIST_TOLD_AGAIN_MAX - 1);
  assertEquals(news(ann), []);
  leaves(1);
  assertEquals(news(ann), Array(9).fill("users"));
  exchange.guest("zoe");
  exchange.pass(PRESENCE_MS);
  assertEquals(news(ann), ["presence, zoe free"]);
});

Deno.test("Presence: a client that wants to ask is never told the list, however short it is", () => {
  const exchange = new Exchange();
  exchange.guest("bob");
  const ann = exchange.somebody("ann").enters({ lists: "asked" });
  exchange.guest("cem");
  exchange.pass(PRESENCE_MS);
  ann.says(search(""));

  assertEquals(news(ann), ["entered", "online 3", "page of 3, ann to cem, of 3"]);
});

Deno.test("Presence: who asks too often is answered later, and who wants too many names breaks the rules", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const ann = exchange.guest("ann");
  exchange.pass(PRESENCE_MS);
  news(ann);
  for (let each = 0; each <= SEARCHES_BURST; each++) ann.says(search("ann"));
  const answers = news(ann);
  assertEquals(answers.slice(-2), [
    "page of 1, ann to ann, of 1001",
    "page of 0, none, of 1001, later",
  ]);
  exchange.pass(1_000);
  ann.says(search("ann"));
  assertEquals(news(ann), ["page of 1, ann to ann, of 1001"]);

  const names = Array.from({ length: SUBSCRIPTIONS_MAX }, (_, n) => `p${n}`);
  exchange.take();
  ann.says(subscribe(names));
  assertEquals(exchange.take(), []);
  ann.says(subscribe(["q"]));
  assertEquals(exchange.take().slice(1), ["ann: ban (too many names)"]);
});

Deno.test("Presence: searches of all together look at so many names, and then wait", () => {
  const exchange = crowded(LIST_TOLD_MAX);
  const asking = exchange.people.slice(0, SEARCHED_BURST / (LIST_TOLD_MAX * SEARCHES_BURST) + 1);
  for (const somebody of asking) {
    for (let each = 0; each < SEARCHES_BURST; each++) somebody.says(search("nobody"));
  }
  const last = asking.at(-1)!.got.at(-1);
  assert(last?.type === "page" && last.retryMs > 0);
});

Deno.test(
  "Presence: with thousands online, a log-in costs each of the others some hundredths of a message",
  SLOW,
  () => {
    const exchange = crowded(3_000);
    const people = [...exchange.people];
    const random = new Random(3);
    for (const somebody of people) {
      const names = Array.from({ length: 20 }, () => random.pick(people).name);
      somebody.says(subscribe([...new Set(names)]));
    }
    exchange.pass(ONLINE_MS);
    for (const somebody of people) somebody.got.length = 0;
    const LOG_INS = 400;
    const atHome = people.splice(0, LOG_INS);
    for (const somebody of atHome) somebody.goesDown(true);
    exchange.pass(ONLINE_MS);
    for (const somebody of people) somebody.got.length = 0;

    const entering = atHome.map((somebody) => {
      exchange.pass(50); // 20 a second, as in an hour's session of 72,000 people
      return somebody.connects().enters();
    });
    exchange.pass(PRESENCE_MS);
    const told = people.reduce((sum, { got }) => sum + got.length, 0);
    const each = told / people.length / LOG_INS;
    // 20 of 3,000 names each: 0.007 hear of one (0.0002 of 100,000); and how many are online is told twice for 400.

    assert(each < 0.02, `${each} messages of a log-in`);
    // What a log-in costs oneself doesn't depend on how many there are.
    const perhaps = LOG_INS * 50 / ONLINE_MS; // how many are online, again
    for (const { got } of entering) assert(got.length <= 2 + perhaps, `${got.length} messages`);
  },
);
