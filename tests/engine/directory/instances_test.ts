/** Instances of one directory: what clients at them see of each other. */

import { assert, assertEquals } from "@std/assert";
import {
  BROADCASTS_MAX,
  GUEST_HELD_MS,
  LOCK_OUT_MS,
} from "../../../lib/protocols/directory/schema/limits.ts";
import { delay } from "../../../lib/engine/delay.ts";
import { type Change, isStill } from "../../../lib/engine/shared_store.ts";
import { DAMAGED_TEXT } from "../../../lib/protocols/directory/schema/refusal_text.ts";
import { PASSWORD, WALL_MS } from "../../protocols/directory/exchange.ts";
import { type Instance, Instances } from "./instances.ts";

async function two() {
  const instances = new Instances();
  const a = (await instances.open()).exchange;
  const b = (await instances.open()).exchange;
  await instances.settle();
  for (const each of [a, b]) each.take();
  return { instances, a, b };
}

Deno.test("instances: all show one list, free or busy, and who goes is gone at each", async () => {
  const { instances, a, b } = await two();
  const ann = a.guest("ann");
  const bob = b.guest("bob");
  await instances.settle();
  const cem = a.account("Cem");
  await instances.settle();
  for (const each of [ann, bob, cem]) assertEquals(each.sees, "Cem free, ann free, bob free");
  assertEquals(b.take(), ["bob: entered as bob", "bob: instances", "* login bob (guest)"]);

  ann.calls("Cem", 1);
  cem.answers(1);
  for (const each of [ann, cem]) each.begins(1);
  await instances.settle();
  for (const each of [ann, bob]) assertEquals(each.sees, "Cem busy, ann busy, bob free");
  const { name, key, host, port } = bob.list.get("Cem")!;
  assertEquals({ name, key, host, port }, {
    name: "Cem",
    key: cem.key,
    host: cem.host,
    port: 5_000,
  });

  b.command({ command: "list" });
  assertEquals(b.event("users").users.map(({ name, instance }) => `${name} ${instance}`), [
    "ann 10.0.0.1:4401",
    "bob 10.0.0.1:4402",
    "Cem 10.0.0.1:4401",
  ]);
  cem.goesDown(true);
  await instances.settle();
  assertEquals(bob.sees, "ann busy, bob free");
});

Deno.test("instances: who comes in at another one takes its own place, and the earlier program is told", async () => {
  const { instances, a, b } = await two();
  const desk = a.account("ann");
  await instances.settle();
  const laptop = b.account("ann", "laptop");
  await instances.settle();

  assertEquals(desk.last("dismissed").because, "replaced");
  assert(laptop.entered !== null && laptop.entered.rank > desk.entered!.rank);
  assertEquals(laptop.sees, "ann free");
  // By itself it doesn't come back, wherever.
  desk.connects().enters({ how: "resume" });
  await instances.settle();
  assertEquals([desk.entered, desk.last("dismissed").because], [null, "replaced"]);
});

Deno.test("instances: a program whose link was lost comes back at another instance without a word", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  await instances.settle();
  a.take();
  const back = b.again(ann).enters({ how: "resume" });
  await instances.settle();

  assert(back.entered !== null);
  assertEquals(back.entered.rank, ann.rank);
  assertEquals(a.take(), ["* logout ann lost", "ann: close (there is a later link)"]);
});

Deno.test("instances: a guest's name is its own at all, for a moment after it was lost, too", async () => {
  const { instances, a, b } = await two();
  const ann = a.guest("ann");
  await instances.settle();
  const eve = b.somebody("ann", { device: "eve" }).enters();
  assertEquals(eve.last("refused").code, "name-taken");
  ann.goesDown();
  await instances.settle();
  eve.enters();
  assertEquals([eve.entered, eve.list.size], [null, 0]);

  const back = b.again(ann).enters();
  await instances.settle();
  assert(back.entered !== null);
  back.goesDown();
  await instances.pass(GUEST_HELD_MS + 500);
  a.take();
  a.somebody("ann", { device: "eve" }).enters();
  await instances.settle();
  assertEquals(a.take(), ["ann: entered as ann", "ann: instances", "* login ann (guest)"]);
});

Deno.test("instances: of two guests of one name at once, at two instances, one comes in", async () => {
  const { instances, a, b } = await two();
  const ann = a.somebody("Ann").enters();
  const eve = b.somebody("ann", { device: "eve" }).enters();
  await instances.settle();

  assert(ann.entered !== null);
  assertEquals([eve.entered, eve.last("refused").code], [null, "name-taken"]);
});

Deno.test("instances: of two devices of one account at once, the later one stays", async () => {
  const { instances, a, b } = await two();
  a.account("ann").goesDown(true);
  await instances.settle();
  const desk = a.somebody("ann").enters({ how: "log-in" });
  const laptop = b.somebody("ann", { device: "laptop" }).enters({ how: "log-in" });
  await instances.settle();

  assertEquals(desk.last("dismissed").because, "replaced");
  assert(laptop.entered !== null);
  assertEquals(laptop.sees, "ann free");
});

Deno.test("instances: an account takes a guest's name at another one, whose guest is sent away", async () => {
  const { instances, a, b } = await two();
  b.account("bob");
  await instances.settle();
  b.people.at(-1)!.goesDown(true);
  a.accounts.get("bob")!.keys = [];
  const saved = a.accounts.get("bob")!;
  a.accounts.delete("bob");
  const guest = a.somebody("bob", { device: "eve" }).enters();
  await instances.settle();
  a.take();
  a.accounts.set("bob", saved);
  b.somebody("bob").enters({ how: "log-in" });
  await instances.settle();

  assertEquals(a.take(), ["* logout bob replaced", "bob: close (an account has the name now)"]);
  assertEquals(guest.got.filter(({ type }) => type === "dismissed"), []);
});

Deno.test("instances: who has left while its name was being claimed has it no more", async () => {
  const { instances, a, b } = await two();
  const bob = b.guest("bob");
  await instances.settle();
  const ann = a.guest("ann");
  ann.goesDown(true);
  await instances.settle();
  await instances.settle();
  assertEquals([ann.entered, bob.sees], [null, "bob free"]);
});

Deno.test("instances: an earlier link of a program that is in doesn't take its place, however late it is let in", async () => {
  const { instances, a, b } = await two();
  const { store } = instances.all[0]!;
  const commit = store.commit.bind(store);
  let goOn = () => {};
  store.commit = (change) => {
    store.commit = commit;
    return new Promise((resolve) => goOn = () => resolve(commit(change)));
  };
  const early = a.guest("ann");
  const late = a.again(early).enters();
  const bob = b.guest("bob");
  await instances.settle();
  assert(late.entered !== null);
  goOn();
  await instances.settle();
  assertEquals([early.entered, early.isClosed, late.isClosed], [null, true, false]);
  assertEquals(bob.sees, "ann free, bob free");
});

Deno.test("instances: whose password was changed while its name was claimed isn't let in", async () => {
  const { instances, a } = await two();
  a.account("ann").goesDown(true);
  await instances.settle();
  const ann = a.somebody("ann").enters({ how: "resume" });
  a.feed({ type: "account-changed", name: "ann", keys: [] });
  await instances.settle();
  assertEquals([ann.entered, ann.last("refused").code], [null, "bad-credentials"]);
});

Deno.test("instances: clients are told where they all are, and where there is room", async () => {
  const instances = new Instances();
  const full = (await instances.open({ clientsMax: 1 })).exchange;
  const ann = full.guest("ann");
  await instances.settle();
  assertEquals(ann.got.some(({ type }) => type === "instances"), false);
  await instances.open();
  await instances.settle();
  const addresses = [{ host: "10.0.0.1", port: 4_402 }];
  assertEquals(ann.last("instances"), { type: "instances", because: "in", addresses });

  const bob = full.guest("bob");
  assertEquals(bob.got.map(({ type }) => type), ["instances", "refused"]);
  assertEquals(bob.last("instances").because, "full");
});

// Broadcasts.

Deno.test("instances: a broadcast is shown once at all, in one order, and its sender is told how many have it", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  const bob = b.account("bob");
  const cem = a.guest("cem");
  await instances.settle();
  ann.tells("one");
  bob.tells("two");
  ann.tells("three");
  await instances.settle();

  assertEquals(cem.heard, ["one", "two", "three"]);
  assertEquals([ann.heard, bob.heard], [["two"], ["one", "three"]]);
  assertEquals(ann.last("broadcast-sent").reached, 2);
  assertEquals(bob.last("broadcast-sent").reached, 2);
  const numbers = cem.got.flatMap((message) => message.type === "told" ? [message.number] : []);
  assertEquals(numbers, numbers.toSorted((one, other) => one - other));
  a.command({ command: "broadcast", text: "closing" }, "r");
  await instances.settle();
  assertEquals([bob.heard.at(-1), a.event("broadcast-sent").reached], ["closing", 3]);
});

Deno.test("instances: what a slow one's clients have is waited for, not what one that is gone", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  const bob = b.account("bob");
  await instances.settle();
  bob.acknowledges = false;
  ann.tells("one");
  await instances.pass(8_000);
  assertEquals(ann.got.some(({ type }) => type === "broadcast-sent"), false);
  await instances.pass(1_000);
  assertEquals(ann.last("broadcast-sent").reached, 0);

  ann.tells("two");
  await instances.settle();
  await instances.all[1]!.registrar.close();
  await instances.settle();
  assertEquals(ann.last("broadcast-sent"), {
    type: "broadcast-sent",
    number: ann.last("broadcast-taken").number,
    reached: 0,
  });
});

Deno.test("instances: who sends it again at another one is told that it was taken, and nobody hears it twice", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  const bob = b.guest("bob");
  await instances.settle();
  ann.tells("one", 7);
  await instances.settle();
  const back = b.again(ann).enters({ how: "resume" });
  await instances.settle();
  back.tells("one", 7);
  await instances.settle();
  assertEquals(back.last("broadcast-taken").number, ann.last("broadcast-taken").number);
  assertEquals([bob.heard, back.last("broadcast-sent").reached], [["one"], 1]);
});

Deno.test("instances: a sender that has come from another one is told how many have it, also where that one has ended", async () => {
  for (const ends of ["before", "after", "never"] as const) {
    const { instances, a, b } = await two();
    const c = (await instances.open()).exchange;
    const ann = a.account("ann");
    const dan = a.guest("dan");
    b.guest("bob");
    const cem = c.guest("cem");
    await instances.settle();
    dan.acknowledges = cem.acknowledges = false;
    ann.tells("one", 1);
    await instances.settle();
    const { number } = ann.last("broadcast-taken");
    assertEquals(ann.got.some(({ type }) => type === "broadcast-sent"), false);
    const end = async () => {
      await instances.all[0]!.registrar.close();
      await instances.settle();
    };
    if (ends === "before") await end();
    const back = b.again(ann).enters({ how: "resume" });
    await instances.settle();
    if (ends === "after") await end();
    cem.says({ type: "got", through: number });
    if (ends === "never") dan.says({ type: "got", through: number });
    await instances.settle();
    const reached = ends === "never" ? 3 : 2;
    assertEquals(back.last("broadcast-sent"), { type: "broadcast-sent", number, reached }, ends);
  }
});

Deno.test("instances: a sender whose instance is killed is told how many have it also at one that begins then", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  const bob = b.guest("bob");
  await instances.settle();
  bob.acknowledges = false;
  ann.tells("one", 1);
  await instances.settle();
  const { number } = ann.last("broadcast-taken");
  bob.says({ type: "got", through: number });
  await instances.all[0]!.registrar.close();
  await instances.settle();
  const next = (await instances.open()).exchange;
  await instances.settle();
  const back = next.again(ann).enters({ how: "resume" });
  await instances.settle();
  assertEquals(back.last("broadcast-sent"), { type: "broadcast-sent", number, reached: 1 });
});

Deno.test("instances: a guest whose instance is gone is told at another one what was told since it came in", async () => {
  const { instances, a, b } = await two();
  const bob = b.account("bob");
  await instances.settle();
  bob.tells("before");
  await instances.settle();
  const [ann, eve, dan, fay] = ["ann", "eve", "dan", "fay"].map((name) => a.guest(name));
  await instances.settle();
  bob.tells("one");
  await instances.settle();
  const c = (await instances.open()).exchange;
  await instances.settle();
  await instances.all[0]!.registrar.close();
  await instances.settle();
  bob.tells("two");
  await instances.settle();

  const back = b.again(ann!).enters({ seen: ann!.through });
  const liar = b.again(eve!).enters({ seen: 0 });
  const another = b.somebody("dan").enters({ seen: 0 });
  assert(another.process !== dan!.process);
  await instances.settle();
  assertEquals(ann!.heard, ["one"]);
  assertEquals([back.heard, liar.heard, another.heard], [["two"], ["one", "two"], []]);

  // From one to the next, and to one that began after it had come in.
  liar.acknowledges = false;
  bob.tells("three");
  await instances.settle();
  const third = c.again(eve!).enters({ seen: 0 });
  await instances.settle();
  assertEquals(third.heard, ["two", "three"]);

  await instances.pass(GUEST_HELD_MS);
  const late = b.again(fay!).enters({ seen: fay!.through });
  await instances.settle();
  assertEquals(late.heard, []);
});

Deno.test("instances: an account hears each broadcast on one of its devices, wherever they come in", async () => {
  const { instances, a, b } = await two();
  const bob = b.account("bob");
  const desk = a.account("ann");
  await instances.settle();
  bob.tells("one");
  await instances.pass(1_500);
  assertEquals(desk.heard, ["one"]);
  // Taken over while it is there: by its instance's mark.
  const laptop = b.account("ann", "laptop");
  await instances.settle();
  bob.tells("two");
  await instances.settle();
  assertEquals(laptop.heard, ["two"]);
  // Left: by what its instance said as it went.
  laptop.goesDown(true);
  await instances.settle();
  bob.tells("three");
  await instances.settle();
  const tablet = a.account("ann", "tablet");
  await instances.settle();
  assertEquals(tablet.heard, ["three"]);
  // Its instance is gone: by its last mark.
  await instances.pass(1_500);
  await instances.all[0]!.registrar.close();
  await instances.settle();
  const phone = b.account("ann", "phone");
  await instances.settle();
  assertEquals(phone.heard, []);
});

Deno.test("instances: what was told while a client lacked it reaches it at another one", async () => {
  const { instances, a, b } = await two();
  const bob = b.account("bob");
  const ann = a.account("ann");
  await instances.settle();
  bob.tells("one");
  await instances.settle();
  ann.acknowledges = false;
  bob.tells("two");
  await instances.pass(1_500);
  const back = b.again(ann).enters({ how: "resume", seen: ann.through });
  await instances.settle();
  assertEquals([ann.heard, back.heard], [["one"], ["two"]]);
});

Deno.test("instances: one that begins later has what is kept for those who are away", async () => {
  const { instances, a, b } = await two();
  b.account("bob").goesDown(true);
  await instances.settle();
  const ann = a.account("ann");
  await instances.settle();
  ann.tells("one");
  await instances.settle();
  const c = (await instances.open()).exchange;
  const bob = c.account("bob");
  const guest = c.guest("eve");
  await instances.settle();
  assertEquals([bob.heard, guest.heard], [["one"], []]);
});

Deno.test("instances: a sender's broadcasts are counted wherever it sends them", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  await instances.settle();
  for (let own = 1; own <= BROADCASTS_MAX; own++) ann.tells("x", own);
  await instances.settle();
  const back = b.again(ann).enters({ how: "resume" });
  await instances.settle();
  back.tells("y", BROADCASTS_MAX + 1);
  assertEquals(back.last("refused").code, "too-fast");
});

Deno.test("instances: who left before it was in hears at another one what was told meanwhile", async () => {
  const { instances, a, b } = await two();
  const bob = b.account("bob");
  const cem = a.account("cem");
  a.account("ann").goesDown(true);
  await instances.settle();
  const ann = a.somebody("ann").enters({ how: "log-in" });
  ann.goesDown(true);
  await instances.settle();
  bob.tells("one");
  await instances.pass(1_500);
  assertEquals(cem.heard, ["one"], "whose instance says that its accounts have it");
  const laptop = b.account("ann", "laptop");
  await instances.settle();
  assertEquals(laptop.heard, ["one"]);
});

Deno.test("instances: a guest isn't told what was told before it came in, nor by one that has read all anew since", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  await instances.settle();
  const { store } = instances.all[1]!;
  store.isCut = true;
  ann.tells("one");
  await instances.settle();
  const gus = a.guest("gus");
  await instances.settle();
  await store.healLate();
  await instances.settle();
  const back = b.again(gus).enters({ seen: 0 });
  await instances.settle();
  assert(back.entered !== null);
  assertEquals(back.heard, []);
});

Deno.test("instances: a guest that goes to another one and back misses nothing", async () => {
  const { instances, a, b } = await two();
  const bob = b.account("bob");
  const gus = b.guest("gus");
  await instances.settle();
  gus.acknowledges = false;
  bob.tells("one");
  await instances.settle();
  const there = a.again(gus);
  there.acknowledges = false;
  there.enters({ seen: 0 });
  await instances.settle();
  await instances.all[0]!.registrar.close();
  await instances.settle();
  const back = b.again(gus).enters({ seen: 0 });
  await instances.settle();
  assertEquals([there.got.some(({ type }) => type === "told"), back.heard], [true, ["one"]]);
});

// The operator, and limits.

Deno.test("instances: the operator throws somebody out at any of them, who isn't let in at another one", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  await instances.settle();
  b.command({ command: "kick", name: "Ann" }, "r");
  await instances.settle();
  assertEquals(ann.last("dismissed").because, "kicked");
  assertEquals(b.take(), ["* notice [r]"]);
  const again = b.again(ann).enters({ how: "resume" });
  assertEquals(again.last("refused").code, "kicked");
  const c = (await instances.open()).exchange;
  const third = c.again(ann).enters({ how: "resume" });
  assertEquals(third.last("refused").code, "kicked");

  b.command({ command: "kick", name: "nobody" });
  assertEquals(b.event("error").code, "unknown-user");
});

/** What it tells isn't known to be taken, until `goOn`. */
function doubtsTells({ store }: Instance): { goOn(): Promise<void> } {
  const commit = store.commit.bind(store);
  const late: Change[] = [];
  store.commit = (change) => {
    if (!change.puts.some(({ key }) => key.includes("/tell/"))) return commit(change);
    late.push(change);
    return Promise.resolve({ outcome: "unknown", text: "no answer" });
  };
  return {
    async goOn() {
      store.commit = commit;
      for (const change of late) await commit(change);
    },
  };
}

Deno.test("instances: what the operator has told is in doubt where that isn't known, and reported once it is", async () => {
  const { instances, a, b } = await two();
  const [first] = instances.all;
  const bob = b.guest("bob");
  await instances.settle();
  a.take();
  const doubts = doubtsTells(first!);
  a.command({ command: "broadcast", text: "closing" }, "r");
  await instances.settle();
  assertEquals(a.take(), ["* error in-doubt [r]"]);
  const { text } = a.event("error");
  assertEquals(text, `It isn't known whether "closing" was sent: the engine doesn't answer`);
  await doubts.goOn();
  await instances.settle();
  assertEquals(bob.heard, ["closing"]);
  const words = ["* broadcast by *directory* [r]", "* broadcast-sent, 1 have it [r]"];
  assertEquals([a.take(), b.events.filter(({ event }) => event === "broadcast")], [words, []]);
});

Deno.test("instances: the operator is told why nothing was told, and that what clients tell waits", async () => {
  const { instances, a } = await two();
  const { store } = instances.all[0]!;
  const ann = a.account("ann");
  await instances.settle();
  a.take();
  const refuses = (text: string) => {
    const commit = store.commit.bind(store);
    store.commit = (change) => {
      if (!change.puts.some(({ key }) => key.includes("/tell/"))) return commit(change);
      return Promise.resolve({ outcome: "refused", code: "disk", text });
    };
  };
  refuses("no space");
  a.command({ command: "broadcast", text: "closing" }, "r");
  await instances.settle();
  assertEquals(a.event("error"), {
    event: "error",
    code: "disk",
    text: "Nothing was told: no space",
    unsent: true,
  });
  ann.tells("one", 1);
  await instances.settle();
  assertEquals([ann.last("refused").code, a.event("error").text], [
    "engine",
    "A broadcast waits: no space",
  ]);
});

Deno.test("instances: whom the operator throws out while the engine doesn't answer is out at another one once it does", async () => {
  const { instances, a, b } = await two();
  const [first] = instances.all;
  const ann = b.account("ann");
  await instances.settle();
  first!.store.isCut = true;
  await instances.pass(3_000);
  a.command({ command: "kick", name: "ann" }, "r");
  await instances.pass(2_000);
  assertEquals(
    a.event("notice").text,
    "ann is thrown out here for a minute, and at other instances once the engine answers",
  );
  assertEquals(ann.got.some(({ type }) => type === "dismissed"), false);
  first!.store.heal();
  await instances.pass(2_000);
  assertEquals(ann.last("dismissed").because, "kicked");
});

Deno.test("instances: the operator compares keys with somebody at another one", async () => {
  const { instances, a, b } = await two();
  const ann = a.guest("ann");
  await instances.settle();
  b.command({ command: "verify", name: "ann" });
  assertEquals(b.event("verify").peerKey, ann.key);
});

Deno.test("instances: five wrong passwords are five, and a right one is let in at any", async () => {
  const { instances, a, b } = await two();
  a.account("ann").goesDown(true);
  await instances.settle();
  const codes: string[] = [];
  for (let n = 0; n < 7; n++) {
    const eve = (n % 2 === 0 ? a : b).somebody("ann", { device: "eve" });
    eve.enters({ how: "log-in", password: `guess ${n}` });
    await instances.settle();
    codes.push(eve.last("refused").code);
    eve.goesDown(true);
  }
  assertEquals(codes, [...Array(5).fill("bad-credentials"), "locked-out", "locked-out"]);
  await instances.pass(LOCK_OUT_MS);
  for (let n = 0; n < 8; n++) {
    const ann = (n % 2 === 0 ? a : b).somebody("ann").enters({ how: "log-in" });
    await instances.settle();
    assert(ann.entered !== null, `${n}`);
    ann.goesDown(true);
    await instances.settle();
  }
});

Deno.test("instances: sign-ups from one address are counted at all, and those that fail aren't", async () => {
  const instances = new Instances();
  const a = (await instances.open({ signUpsMax: 2 })).exchange;
  const b = (await instances.open({ signUpsMax: 2 })).exchange;
  await instances.settle();
  a.account("ann");
  await instances.settle();
  const taken = b.somebody("ann", { device: "eve" }).enters({ how: "sign-up" });
  await instances.settle();
  assertEquals(taken.last("refused").code, "name-taken");
  const bob = b.account("bob");
  await instances.settle();
  assert(bob.entered !== null);
  const cem = a.somebody("cem").enters({ how: "sign-up" });
  await instances.settle();
  assertEquals([cem.entered, cem.last("refused").code], [null, "too-fast"]);
});

Deno.test("instances: sign-ups and passwords are counted though the leases of earlier counts have ended", async () => {
  const { instances, a } = await two();
  const signsUp = async (name: string) => {
    const client = a.somebody(name).enters({ how: "sign-up" });
    await instances.settle();
    return client.entered !== null;
  };
  assertEquals(await signsUp("ann"), true);
  for (const [key, { lease }] of [...instances.engine.entries]) {
    if (key.startsWith("p/counts/")) instances.engine.end(lease!);
  }
  assertEquals(await signsUp("bob"), true);
});

Deno.test("instances: what others have put into the engine, and is none of the directory's, is left aside", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  const bob = b.guest("bob");
  await instances.settle();
  const notices = instances.notices;
  const keys = [
    ...["online/eve", "heard/eve", "heard/ann", "marks/i1", "marks/i9", "instances/i9"],
    ...["tell/m/0000000000000009", "tell/own/x/1", "reached/9/i9", "reached/x", "kicked/eve"],
    ...["counts/x", "unknown/x"],
  ];
  const broadcast = { from: "n".repeat(200), by: "guest", key: "ab".repeat(32), own: 1, sentAt: 1 };
  const more = { takenAt: 1, ttlMs: 1, text: "", signature: "00".repeat(64), number: 9 };
  const values = ["", "null", "[1]", '"x"', "{}", JSON.stringify({ ...broadcast, ...more })];
  for (const value of values) {
    for (const key of keys) {
      const entry = instances.engine.entries.get(`p/${key}`);
      const when = entry === undefined
        ? { key: `p/${key}`, is: "absent" as const }
        : { key: `p/${key}`, modified: entry.modified };
      instances.engine.commit({ when: [when], puts: [{ key: `p/${key}`, value }] });
    }
  }
  await instances.settle();
  assertEquals(new Set(notices), new Set([NO_SESSION]));
  assertEquals(ann.sees, "ann free, bob free");
  bob.tells("one");
  await instances.settle();
  assertEquals(ann.heard, ["one"]);
  const c = (await instances.open()).exchange;
  const back = c.account("ann", "laptop");
  await instances.settle();
  assertEquals(back.sees, "ann free, bob free");
});

Deno.test("instances: what an instance couldn't pass on, or its clients couldn't read, is left aside", async () => {
  const { instances, a, b } = await two();
  const ann = a.account("ann");
  const bob = b.guest("bob");
  await instances.settle();
  const put = (key: string, fields: object) => {
    const when = [{ key: `p/${key}`, is: "absent" } as const];
    return instances.engine.commit({
      when,
      puts: [{ key: `p/${key}`, value: JSON.stringify(fields) }],
    });
  };
  const session = { guest: true, instance: "x", session: "x-1", process: "p", host: "10.0.0.1" };
  const others = { rank: 1, port: 1, busy: false, since: "2026-01-01T00:00:00Z" };
  const eve = { name: "eve", key: "ab".repeat(32), ...session, ...others };
  const numbersEnd = Number.MAX_SAFE_INTEGER;
  // A key for which anybody can sign.
  const anybodys = `01${"00".repeat(31)}`;
  put("online/eve", { ...eve, rank: numbersEnd });
  put("online/mallory", { ...eve, name: "mallory", key: anybodys });
  put("online/dave", { ...eve, name: "dave", since: { toString: 1, valueOf: 1 } });
  const said = { from: "eve", by: "guest", key: eve.key, own: 1, sentAt: 1, text: "hi" };
  const broadcast = { ...said, takenAt: 1, ttlMs: 60_000, signature: "00".repeat(64) };
  const oddities = [
    { text: "\ud800" },
    { from: "no name" },
    { from: "*directory*" },
    { by: "operator", key: null },
    { key: anybodys },
    { number: numbersEnd },
    { number: 1 },
  ];
  for (const [at, oddity] of oddities.entries()) {
    const number = "number" in oddity && oddity.number > 1 ? oddity.number : WALL_MS + 50_000 + at;
    const key = `tell/m/${String(number).padStart(16, "0")}`;
    put(key, { ...broadcast, number, ...oddity });
  }
  put("tell/last", { number: numbersEnd });
  await instances.settle();
  const cat = a.guest("cat");
  await instances.settle();
  assertEquals(bob.sees, "ann free, bob free, cat free");
  assertEquals(cat.rank <= 2 ** 52, true);
  bob.tells("one");
  await instances.settle();
  assertEquals(ann.got.filter(({ type }) => type === "told").length, 1);
  assertEquals(ann.heard, ["one"]);
});

Deno.test("instances: clients are told of 32, and not again where one of them is full", async () => {
  const { instances, a } = await two();
  const ann = a.account("ann");
  await instances.settle();
  const told = () => ann.got.filter(({ type }) => type === "instances").length;
  const put = (id: string, port: number, room: number, modified: number | null) => {
    const key = `p/instances/${id}`;
    const value = JSON.stringify({ host: "10.0.0.1", port, room, beat: 1 });
    const outcome = instances.engine.commit({
      when: [isStill(key, modified)],
      puts: [{ key, value }],
    });
    return outcome.outcome === "done" ? outcome.revision : 0;
  };
  const before = told();
  const modified = put("z", 999, 1, null);
  await instances.settle();
  assertEquals(told(), before + 1);
  put("z", 999, 0, modified);
  await instances.settle();
  assertEquals(told(), before + 1);

  for (let n = 0; n < 40; n++) put(`z${n}`, 1_000 + n, 1, null);
  await instances.settle();
  assertEquals(ann.last("instances").addresses.length, 32);
  const full = (await instances.open({ clientsMax: 0 })).exchange;
  const bob = full.guest("bob");
  assertEquals(bob.last("instances").addresses.length, 32);
});

const NO_SESSION = "The entry p/online/eve of the engine isn't a session; delete it";

// An instance that the engine doesn't answer.

Deno.test("instances: one that is cut off lets nobody in, tells its clients where the others are, and goes on where nothing has changed", async () => {
  const { instances, a, b } = await two();
  const [first] = instances.all;
  const ann = a.account("ann");
  const bob = b.guest("bob");
  await instances.settle();
  first!.store.isCut = true;
  await instances.pass(3_000);
  const late = a.guest("cem");
  assertEquals([late.last("refused").code, late.last("refused").retryMs], ["engine", 1_000]);
  ann.tells("one");
  assertEquals(ann.last("refused").code, "engine");
  assertEquals(bob.sees, "ann free, bob free", "for as long as its lease goes on");

  await instances.pass(1_000);
  first!.store.heal();
  await instances.pass(1_500);
  const guest = a.guest("cem");
  await instances.settle();
  assertEquals([guest.sees, bob.sees], ["ann free, bob free, cem free", guest.sees]);
  assertEquals(ann.got.filter(({ type }) => type === "dismissed"), []);
  assertEquals(a.take().filter((words) => words.startsWith("* notice")), [
    "* notice",
    "* notice",
  ]);
});

Deno.test("instances: what couldn't be done with an account while the engine didn't answer is no problem once something can", async () => {
  const { instances, a } = await two();
  const problems = () => {
    a.command({ command: "status" });
    return a.event("status").problems;
  };
  a.accountMode = "disk";
  a.somebody("bob").enters({ how: "sign-up" });
  await instances.settle();
  assertEquals(problems().length, 1);
  a.accountMode = "answers";
  a.account("cem");
  await instances.settle();
  assertEquals(problems(), []);
});

Deno.test("instances: a broadcast that was taken without its instance hearing so is reported to its sender all the same", async () => {
  const { instances, a, b } = await two();
  const [first] = instances.all;
  const ann = a.account("ann");
  const bob = b.guest("bob");
  const cem = a.guest("cem");
  await instances.settle();
  const doubts = doubtsTells(first!);
  ann.tells("one", 1);
  await instances.settle();
  assertEquals(ann.last("refused").code, "engine");
  await doubts.goOn();
  await instances.settle();
  ann.tells("one", 1);
  await instances.settle();
  assertEquals([bob.heard, cem.heard], [["one"], ["one"]]);
  await instances.pass(1_000);
  const taken = ann.last("broadcast-taken").number;
  assertEquals(ann.last("broadcast-sent"), { type: "broadcast-sent", number: taken, reached: 2 });
});

Deno.test("instances: whose account is damaged in the engine is told that, however they come, and once", async () => {
  const { instances, a } = await two();
  const ann = a.account("ann");
  await instances.settle();
  a.accountMode = "damaged";
  const refusals = [];
  for (const how of ["log-in", "sign-up", "guest", "resume"] as const) {
    const somebody = a.somebody("bob", { device: how }).enters({ how });
    await instances.settle();
    refusals.push(somebody.last("refused"));
  }
  ann.says({ type: "change-password", old: PASSWORD, new: "another password" });
  await instances.settle();
  refusals.push(ann.last("refused"));
  for (const refused of refusals) {
    assertEquals([refused.code, refused.text, refused.retryMs], ["not-allowed", DAMAGED_TEXT, 0]);
  }
  a.accountMode = "answers";
  const cem = a.account("cem");
  await instances.settle();
  assertEquals([cem.sees, ann.sees], ["ann free, cem free", "ann free, cem free"]);
});

Deno.test("instances: whose lease is over has its clients again when it is back, but those who are elsewhere", async () => {
  const { instances, a, b } = await two();
  const [first] = instances.all;
  const ann = a.account("ann");
  const dan = a.account("dan");
  const bob = b.guest("bob");
  await instances.settle();
  first!.store.isCut = true;
  await instances.pass(6_500);
  assertEquals(bob.sees, "bob free");
  assertEquals(ann.last("instances").because, "away");
  a.command({ command: "status" });
  assertEquals(a.event("status").problems.length, 1);
  assertEquals(ann.sees, "ann free, bob free, dan free", "as it was");
  const moved = b.again(dan).enters({ how: "resume" });
  await instances.settle();
  assert(moved.entered !== null);

  first!.store.heal();
  await instances.pass(3_000);
  assertEquals(bob.sees, "ann free, bob free, dan free");
  assertEquals([ann.sees, moved.sees], [bob.sees, bob.sees]);
  assertEquals(ann.last("instances").because, "in");
  assert(a.take().includes("dan: close (there is a later link)"));
  const cem = a.guest("cem");
  await instances.settle();
  assert(cem.entered !== null);
  a.command({ command: "status" });
  assertEquals(a.event("status").problems, []);
  assertEquals([a.event("status").online, b.event("ready").event], [4, "ready"]);
});

Deno.test("instances: one that puts so many sessions anew that its lease would end meanwhile has them all", async () => {
  const { instances, a, b } = await two();
  const { store } = instances.all[0]!;
  a.account("ann");
  const bob = b.guest("bob");
  await instances.settle();
  store.isCut = true;
  await instances.pass(6_500);
  assertEquals(bob.sees, "bob free");
  const commit = store.commit.bind(store);
  store.commit = async (change) => {
    if (change.puts.some(({ key }) => key.includes("/online/"))) {
      await delay(instances.clock, 6_000);
    }
    return await commit(change);
  };
  store.heal();
  await instances.pass(9_000);
  assertEquals(bob.sees, "ann free, bob free");
});

Deno.test("instances: one that is alone tells its clients, too, that the engine doesn't answer, and that it does", async () => {
  const instances = new Instances();
  const a = (await instances.open()).exchange;
  await instances.settle();
  const ann = a.account("ann");
  await instances.settle();
  const [only] = instances.all;
  only!.store.isCut = true;
  await instances.pass(6_500);
  assertEquals(ann.last("instances").because, "away");
  only!.store.heal();
  await instances.pass(3_000);
  assertEquals(ann.last("instances").because, "in");
});
