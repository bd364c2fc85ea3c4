/**
 * A directory of two instances over three nodes of a real etcd, and people at both, while an instance is killed or cut
 * off, and etcd's leader is killed. The times are those that docs/engine.md promises.
 */

import { assert, assertEquals, assertLess, assertStringIncludes, fail } from "@std/assert";
import { DAMAGED_TEXT } from "../../lib/protocols/directory/schema/refusal_text.ts";
import { ACCOUNTS_HEADER } from "../../lib/store/accounts/accounts_csv.ts";
import { HAS_ETCD, pass } from "../engine/etcd_nodes.ts";
import type { LeanClient, LeanNews, WayInto } from "../runtime/lean_client.ts";
import {
  broadcast,
  endOf,
  heard,
  hears,
  is,
  listed,
  login,
  PASSWORD,
  session,
  tell,
} from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";
import { People } from "./people.ts";

/** Longer than is promised, where the machine has much else to do. */
const LOAD_MS = 20_000;

/** How long something takes, ms. */
async function timeOf(work: Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work;
  return performance.now() - beganMs;
}

/** What nobody should be told in these tests. */
function problemsOf(node: Node): readonly ShownEvent[] {
  return node.events.filter(({ event, code }) =>
    event === "fatal" || (event === "error" && code === "protocol")
  );
}

/** How often two come in at once; where a password is hashed it takes long. */
const RACES = 50;
const SLOW_RACES = 3;
/** At both instances together, for one account. */
const GUESSES = 12;
/** More than twice as long as a lease. */
const STOOD_STILL_MS = 12_000;

let opened: Promise<InstancesWorld> | null = null;
// Its programs outlive each test of the file.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.[Symbol.asyncDispose]());

const says = (start: string) => ({ event, text }: ShownEvent) =>
  event === "notice" && text.startsWith(start);

/** Whether the instance at which the account is has said in the engine that it has all broadcasts. */
async function isMarked({ etcd }: InstancesWorld, account: string): Promise<boolean> {
  const store = etcd.store();
  const fields = async (key: string) => JSON.parse((await store.get(`test/${key}`))?.value ?? "{}");
  const { through, except } = await fields(`marks/${(await fields(`heard/${account}`)).at}`);
  return through >= (await fields("tell/last")).number && !except.includes(account);
}

const people = new Map<string, Node>();
const person = (name: string) => people.get(name)!;

const trial = (name: string, run: (world: InstancesWorld) => Promise<void>) =>
  Deno.test({
    name: `a directory of two instances: ${name}${HAS_ETCD ? "" : ": etcd isn't installed"}`,
    ignore: !HAS_ETCD,
    fn: async () => await run(await (opened ??= InstancesWorld.open2())),
  });

trial("a second one needs the first one's key, and says so", async (world) => {
  const other = world.launchInstance(1, `${world.folder}/other`);
  assertEquals(await endOf(other), [4, "fatal", "key-changed"]);
  world.copyKey();
  Deno.writeTextFileSync(`${world.folder}/1/regserver/accounts.csv`, `${ACCOUNTS_HEADER}\nx\n`);
  await world.direct(1);
  const unused = ({ event, text }: ShownEvent) =>
    event === "notice" && text.includes("regserver/accounts.csv don't count here");
  await world.instance(1).until(unused);
});

trial("people at both see each other, and what one broadcasts", async (world) => {
  people.set("ann", await world.signUp("ann", world.at(0)));
  people.set("bob", await world.guest("bob", world.at(1)));
  const both = [person("ann"), person("bob")];
  await world.see(both, "ann free", "bob free");
  assertEquals(await tell(person("bob"), "one"), 1);
  assertEquals(await hears(person("ann"), 1), ["bob: one"]);

  const { users } = await world.instance(0).ask("list");
  assertEquals(users.map(({ name }: ShownEvent) => name), ["ann", "bob"]);
  assert(users[0]!.instance !== users[1]!.instance);
});

trial("both know how many accounts there are, and how each node answers", async (world) => {
  for (const n of [0, 1]) {
    await holds("there is one account, and each node answers", async () => {
      const { accounts, engine, problems } = await world.instance(n).ask("status");
      assertEquals([engine.answers, problems, engine.nodes.length], [true, [], 3]);
      return accounts === 1 && engine.nodes.every(({ answers }: ShownEvent) => answers);
    });
  }
});

trial("who comes in at the other one takes its own place, and a guest nobody's", async (world) => {
  const ann = person("ann");
  await holds("ann's instance has said what she has heard", () => isMarked(world, "ann"));
  const laptop = await world.logIn("ann", { ...world.at(1), device: "laptop" });
  await ann.until(session("replaced"));
  await ann.ended();
  people.set("ann", laptop);
  const eve = world.launch("--guest", "bob", { ...world.at(0), device: "eve" });
  assertEquals(await endOf(eve), [4, "fatal", "name-taken"]);
  assertEquals(heard(laptop), [], "its account has heard that");
});

trial("etcd's leader is killed: nobody is sent away, and soon others come in", async (world) => {
  const cem = await world.guest("cem", world.at(0));
  people.set("cem", cem);
  const before = [...people.values()].map((node) => node.events.filter(is("session")).length);
  const node = await world.etcd.leader();
  await world.etcd.kill(node);
  const tookMs = await timeOf((async () => {
    const dan = await world.guest("dan", world.at(1));
    people.set("dan", dan);
  })());
  assertLess(tookMs, 4_000 + LOAD_MS);
  assert(await tell(person("dan"), "two") >= 2);
  const after = [...people.values()].map((node) => node.events.filter(is("session")).length);
  assertEquals(after.slice(0, before.length), before);
  const place = new URL(world.etcd.urls[node]!).host;
  const told = (text: string) => ({ event, text: said }: ShownEvent) =>
    event === "notice" && said.startsWith(text);
  await world.instance(1).until(told(`The engine's node ${place} is away: `), LOAD_MS);
  await holds("no other node is silent", async () => {
    const { engine } = await world.instance(1).ask("status");
    const silent = engine.nodes.filter(({ answers }: ShownEvent) => !answers);
    return silent.map(({ address }: ShownEvent) => address).join() === place;
  });
  world.etcd.start(node);
  await world.instance(1).until(told(`The engine's node ${place} answers again`), LOAD_MS);
  await world.see([...people.values()], "ann free", "bob free", "cem free", "dan free");
});

trial("an instance is killed: its people are at the other one within 5 s", async (world) => {
  const moving = ["ann", "bob", "dan"].map(person);
  const from = moving.map((node) => node.events.length);
  const tookMs = await timeOf(Promise.all([
    world.instance(1).kill(),
    ...moving.map((node, at) => node.until(session("up"), 30_000, from[at])),
  ]));
  assertLess(tookMs, 5_000 + LOAD_MS);
  await world.see([...people.values()], "ann free", "bob free", "cem free", "dan free");
  assertEquals(await tell(person("cem"), "three"), 3);
  for (const name of ["ann", "bob"]) {
    await person(name).until(broadcast("three"));
    assertEquals(heard(person(name)).filter((text) => text.endsWith("three")).length, 1);
    assertEquals(heard(person(name)).filter((text) => text.endsWith("two")).length, 1);
  }
  await world.direct(1);
  assertEquals(world.instance(1).events.find(is("ready"))!["accounts"], 1);
  const eve = await world.guest("eve", world.at(1));
  await world.see([eve], "ann free", "bob free", "cem free", "dan free", "eve free");
  await eve.type("/exit");
  await eve.ended();
});

trial(
  "an instance is cut off from the engine: its people are at the other one within 10 s, and it lets nobody in until that is over",
  async (world) => {
    const moving = [...people.values()];
    const from = moving.map((node) => node.events.length);
    for (const wire of world.wires) wire.cut();
    const tookMs = await timeOf(Promise.all(
      moving.map((node, at) => node.until(session("up"), 30_000, from[at])),
    ));
    assertLess(tookMs, 10_000 + LOAD_MS);
    const isLost = (node: Node, at: number) => node.events.slice(from[at]).some(session("down"));
    assertEquals(moving.map(isLost), moving.map(() => false), "nobody was out meanwhile");
    const fay = world.launch("--guest", "fay", world.at(0));
    await fay.until(session("up"), 20_000 + LOAD_MS);
    const names = ["ann", "bob", "cem", "dan", "fay"];
    const all = names.map((name) => `${name} free`);
    await world.see([...moving, fay], ...all);
    const there = await world.instance(1).ask("list");
    assertEquals(there.users.map(({ name }: ShownEvent) => name), names, "at the other one");
    const { problems } = await world.instance(0).ask("status");
    assertEquals(problems.length, 1);
    await world.etcd.compact(); // then it can't go on where it was, and reads all
    for (const wire of world.wires) wire.mend();
    await holds("the list is the same at both", async () => {
      const { users } = await world.instance(0).ask("list");
      return users.length === names.length;
    });
    for (const node of moving) assertEquals(problemsOf(node), []);
    assertEquals(world.instance(0).events.filter(login("fay")), []);
  },
);

trial(
  "an instance stands still for 12 s: its people are at the other one, and when it wakes it has none of them",
  async (world) => {
    const names = ["ann", "bob", "cem", "dan"];
    const moving = names.map(person);
    const from = moving.map((node) => node.events.length);
    const stopped = world.instance(1);
    const before = stopped.events.length;
    const beganMs = performance.now();
    stopped.signal("SIGSTOP");
    await Promise.all(moving.map((node, at) => node.until(session("up"), 30_000, from[at])));
    const movedMs = performance.now() - beganMs;
    assertLess(movedMs, 10_000 + LOAD_MS);
    await pass(Math.max(0, STOOD_STILL_MS - movedMs));
    stopped.signal("SIGCONT");
    const gus = await world.guest("gus", world.at(1));
    const all = [...names, "fay", "gus"].map((name) => `${name} free`);
    await world.see([...moving, gus], ...all);
    const placesAt = async (n: number): Promise<readonly (readonly [string, string])[]> => {
      const { users } = await world.instance(n).ask("list");
      return users.map(({ name, instance }: ShownEvent) => [name, instance]);
    };
    await holds("both know the same of each", async () => {
      const [here, there] = await Promise.all([0, 1].map(placesAt));
      return String(here) === String(there);
    });
    const places = new Map(await placesAt(0));
    assertEquals(new Set(names.map((name) => places.get(name))).size, 1);
    const isBack = (event: ShownEvent) => names.some((name) => login(name)(event));
    assertEquals(stopped.events.slice(before).filter(isBack), [], "they stay where they have gone");
    for (const node of moving) assertEquals(problemsOf(node), []);
  },
);

trial(
  "the quorum is lost: who logs in just then waits, is told so, and is in once there is one",
  async (world) => {
    const [one, other] = [0, 1];
    for (const node of [one, other]) await world.etcd.kill(node);
    const gil = world.launch("--guest", "gil", world.at(0));
    const ann = world.launch("--login", "ann", { ...world.at(1), device: "tablet" });
    const hal = world.launch("--signup", "hal", world.at(1));
    const newcomers = [gil, ann, hal];
    for (const node of newcomers) {
      const { code, text } = await node.until(is("error"), 40_000);
      assertEquals([code, /engine.*trying again/.test(text)], ["disk", true], text);
    }
    const quorum = ({ event, text }: ShownEvent) =>
      event === "notice" && text.startsWith("The engine has no quorum: 1 of 3 nodes answers");
    await world.instance(0).until(quorum, LOAD_MS);
    await pass(10_000);
    for (const node of newcomers) {
      assertEquals(node.events.filter(({ event }) => event === "fatal" || event === "bye"), []);
      assertEquals(node.events.filter(is("error")).length, 1, "once is enough");
    }
    for (const node of [one, other]) world.etcd.start(node);
    for (const node of newcomers) await node.until(session("up"), 40_000);
    await holds("nothing is wrong any more", async () => {
      const both = await Promise.all([0, 1].map((n) => world.instance(n).ask("status")));
      return both.every(({ problems, engine }) => problems.length === 0 && engine.answers);
    });
  },
);

trial(
  "etcd has no space: who is in stays, others are told, and come in once there is some",
  async (world) => {
    const una = await world.guest("una", world.at(0));
    await world.etcd.full(true);
    const vic = world.launch("--guest", "vic", world.at(1));
    await vic.until(is("error"), LOAD_MS);
    // Longer than a lease: it goes on, as that needs no space.
    await pass(STOOD_STILL_MS);
    for (const n of [0, 1]) await world.instance(n).until(says("The engine makes no changes: "));
    assertEquals(una.events.filter(is("bye")), []);
    await world.etcd.full(false);
    for (const n of [0, 1]) await world.instance(n).until(says("The engine makes changes again"));
    await vic.until(session("up"), LOAD_MS);
    await holds("both are seen", async () => {
      const seen = await listed(una);
      return ["una free", "vic free"].every((user) => seen.includes(user));
    });
  },
);

trial(
  "five wrong passwords are five, though they come at both instances at once",
  async (world) => {
    await using here = new People(world.portOf(0));
    await using there = new People(world.portOf(1));
    const guesses = Array.from({ length: GUESSES }, (_, at) => {
      const people = at % 2 === 0 ? here : there;
      const password = `guess ${at}`;
      return { people, client: people.somebody("hal").enters({ how: "log-in", password }) };
    });
    const codes = await Promise.all(
      guesses.map(async ({ people, client }) => (await people.said(client, "refused")).code),
    );
    assertEquals(codes.filter((code) => code === "bad-credentials").length, 5, codes.join());
    // Whoever is told that too many are being checked, or that the engine doesn't answer in time, hasn't guessed.
    const others = new Set(codes.filter((code) => code !== "bad-credentials"));
    const unchecked = new Set(["checking", "engine"]);
    assertEquals([...others.difference(unchecked)], ["locked-out"], codes.join());
    const hal = there.somebody("hal").enters({ how: "log-in", password: PASSWORD });
    assertEquals(
      (await there.said(hal, "refused")).code,
      "locked-out",
      "nor is the right one tried",
    );
  },
);

trial(
  "whose account's entry is cut is told that, the operator which one, and nobody else anything",
  async (world) => {
    const ivy = await world.signUp("ivy", world.at(0));
    await ivy.type("/exit");
    await ivy.ended();
    const froms = [...people.values()].map((node) => node.events.length);
    const store = world.etcd.store();
    const key = "test/accounts/ivy";
    const { value, modified } = (await store.get(key))!;
    const cut = value.slice(0, value.length / 2);
    await store.commit({ when: [{ key, modified }], puts: [{ key, value: cut }] });
    for (const n of [0, 1]) await world.instance(n).until(says(`Cannot use the entry ${key} `));
    for (const how of ["--login", "--signup"]) {
      for (const n of [0, 1]) {
        const again = world.launch(how, "ivy", world.at(n));
        assertEquals(await endOf(again), [4, "fatal", "not-allowed"]);
        const { last } = await again.ended();
        assertStringIncludes(last!["text"], DAMAGED_TEXT);
        assertEquals(again.events.filter(is("error")), []);
      }
    }
    const { modified: now } = (await store.get(key))!;
    await store.commit({ when: [{ key, modified: now }], puts: [{ key, value }] });
    const mended = await world.logIn("ivy", world.at(1));
    await mended.type("/exit");
    await mended.ended();
    for (const [at, node] of [...people.values()].entries()) {
      const told = node.events.slice(froms[at]);
      assertEquals(told.filter(({ event }) => ["error", "session", "fatal"].includes(event)), []);
    }
  },
);

trial("one of two has a name, who come in at both instances at once", async (world) => {
  await using here = new People(world.portOf(0));
  await using there = new People(world.portOf(1));
  using coming = new DisposableStack();
  for (const people of [here, there]) coming.defer(() => people.listeners.clear());
  const isLate = (said: LeanClient["said"][number]) => said.type === "refused" && said.retryMs > 0;
  // Where the engine is late, a client is asked to come again, as the program does; its account may be there by then.
  const isOut = ({ said }: LeanClient) =>
    said.some((one) => one.type === "dismissed" || (one.type === "refused" && !isLate(one)));
  const comesAgain = (way: WayInto) => (client: LeanClient, news: LeanNews) => {
    const isLost = news.type === "down" || news.type === "dial-failed";
    const isToldTo = news.type === "message" && client.said.at(-1) === news.message &&
      isLate(news.message);
    if (isOut(client) || !(isLost || isToldTo)) return;
    const how = way.how === "guest" ? "guest" : "log-in";
    coming.adopt(setTimeout(() => client.enters({ ...way, how }), 500), clearTimeout);
  };
  const race = async (name: string, ways: readonly [WayInto, WayInto]) => {
    const both = [here, there].map((people, at) => {
      people.listeners.clear();
      people.listeners.add(comesAgain(ways[at]!));
      return people.somebody(name).enters(ways[at]!);
    });
    const isIn = (client: LeanClient) =>
      client.link !== null && client.entered !== null && !isOut(client);
    const isDecided = () => {
      const [one, other] = both as [LeanClient, LeanClient];
      return (isIn(one) && isOut(other)) || (isIn(other) && isOut(one));
    };
    const seen = () =>
      JSON.stringify(both.map(({ said, end, link }) => [said.slice(-4), end, link]));
    await holds(name, isDecided).catch(() => fail(`${name} is one of two: ${seen()}`));
    await pass(10);
    assertEquals(both.filter(isIn).length, 1, name);
    // Only a log-in takes the place of who is in.
    const were = both.filter(({ entered }) => entered !== null).length;
    if (ways[0].how === "guest") assertEquals(were, 1, `${name}: who is in stays`);
  };
  const guest = { how: "guest" } as const;
  for (let at = 0; at < RACES; at++) await race(`racing-${at}`, [guest, guest]);
  const signUp = { how: "sign-up", password: PASSWORD } as const;
  const logIn = { how: "log-in", password: PASSWORD } as const;
  for (let at = 0; at < SLOW_RACES; at++) await race(`new-${at}`, [guest, signUp]);
  // Of a name that a guest had first there may be no account.
  for (const people of [here, there]) people.listeners.clear();
  const known = here.somebody("known").enters(signUp);
  await holds("known has an account", () => known.entered !== null);
  for (let at = 0; at < SLOW_RACES; at++) await race("known", [logIn, logIn]);
});
