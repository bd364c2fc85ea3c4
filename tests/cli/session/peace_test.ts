import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import { Peace } from "../../../lib/cli/session/peace.ts";
import { Ignored } from "../../../lib/store/profile/ignored.ts";
import { Settings } from "../../../lib/store/profile/settings.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

type Event = Parameters<Peace["heard"]>[0];

const OWN = "own" as Fingerprint;
const TURN = () => Promise.resolve({ release() {} });

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

/** A program of the profile on that disk; `run` answers with the text of a command's answer. */
async function program(disk: MemoryDisk) {
  const settings = await Settings.open(disk, "/p/settings", TURN);
  const ignored = await Ignored.open(disk, "/p/ignored", TURN);
  const peace = new Peace(settings, ignored, OWN, () => "2026-01-31");
  const run = async (command: Parameters<Peace["command"]>[0]) => {
    const answers: unknown[] = [];
    await peace.command(command, (event) => answers.push(event));
    return answers[0] as Event;
  };
  return { peace, run, ignored };
}

const SAID = {
  event: "message",
  from: "Eve",
  shown: "Eve~k7",
  key: "eve",
  text: "hi",
  self: false,
};

async function ignoringEve() {
  const disk = await newDisk();
  const { peace, run } = await program(disk);
  peace.heard(SAID);
  assertEquals((await run({ command: "ignore", name: "eve~K7" })).event, "notice");
  return { disk, peace, run };
}

Deno.test("who is ignored is so by the key, under any name, at the next start too", async () => {
  const { disk, peace } = await ignoringEve();
  assertEquals(peace.heard({ ...SAID, shown: "Anna" }), null);
  assertEquals(peace.heard({ ...SAID, key: "other" })?.event, "message");
  const next = await program(disk.crash());
  assertEquals([next.peace.heard(SAID), next.peace.isIgnored("eve")], [null, true]);
  const [one] = next.ignored.all;
  assertEquals(one, { name: "Eve~k7", key: "eve" as Fingerprint, since: "2026-01-31" });
});

Deno.test("what an ignored one says, asks or calls isn't shown, in any mode, and joins and lists are", async () => {
  const { peace } = await ignoringEve();
  peace.heard({ event: "view", members: ["Eve", "Bob"], keys: ["eve", "bob"] });
  const hidden: readonly Event[] = [
    { event: "broadcast", from: "Eve", key: "eve", text: "hi" },
    { event: "message", from: "Eve", text: "in a call", self: false },
    { event: "vote-wanted", by: "Eve", edit: 3 },
    { event: "edit", by: "Eve", edit: 3, outcome: "committed" },
    { event: "incoming", call: "1", from: "Eve", key: "eve" },
    { event: "call", call: "1", peer: "Eve", state: "declined" },
  ];
  for (const event of hidden) assertEquals(peace.heard(event), null, JSON.stringify(event));
  const shown: readonly Event[] = [
    { event: "joined", name: "Eve", key: "eve" },
    { event: "vote-wanted", by: "Bob", edit: 4 },
    { event: "call", call: "2", peer: "Eve", key: "eve", state: "ringing" },
    { event: "users", users: [{ name: "Eve", key: "eve", state: "free" }] },
  ];
  for (const event of shown) assertEquals(peace.heard(event), event);
  const away = { event: "presence", name: "Eve", key: "eve", self: false, away: "from you all" };
  assertEquals(peace.heard(away), { ...away, away: "" });
});

Deno.test("lists of what was said stay whole, and mark what an ignored one said", async () => {
  const { peace } = await ignoringEve();
  const messages = [{ shown: "Eve", key: "eve" }, { shown: "Bob", key: "bob" }];
  assertEquals(peace.heard({ event: "history", messages }), {
    event: "history",
    messages: [{ ...messages[0], ignored: true }, messages[1]],
  });
});

Deno.test("of two with one name, only the one whose key is ignored is", async () => {
  const { peace } = await ignoringEve();
  const messages = [{ shown: "Eve", key: "eve" }, { shown: "Eve", key: "another" }];
  const heard = peace.heard({ event: "history", messages });
  assertEquals(heard?.["messages"], [{ ...messages[0], ignored: true }, messages[1]]);
});

Deno.test("/unignore by the name of then or of now, or by the key, ends it; /ignored lists", async () => {
  for (const name of ["EVE~k7", "Anna", "eve"]) {
    const { peace, run } = await ignoringEve();
    peace.heard({ event: "renamed", key: "eve", from: "Eve", name: "Anna" });
    assertEquals((await run({ command: "ignored" }))["ignored"], [
      { name: "Eve~k7", key: "eve", since: "2026-01-31" },
    ]);
    assertEquals((await run({ command: "unignore", name })).event, "notice");
    assertEquals(peace.heard(SAID), SAID);
    assertEquals((await run({ command: "unignore", name }))["code"], "unknown-user");
  }
});

Deno.test("/unignore means whoever has the name here, before somebody who had it elsewhere", async () => {
  const { peace, run } = await ignoringEve();
  await peace.ignored.add({ name: "Eve~k7", key: "another" as never, since: "2026-01-31" });
  await run({ command: "unignore", name: "Eve~k7" });
  const { ignored } = await run({ command: "ignored" });
  assertEquals((ignored as readonly { key: string }[]).map(({ key }) => key), ["another"]);
});

Deno.test("/ignore refuses who was never shown, and oneself", async () => {
  const { peace, run } = await ignoringEve();
  peace.heard({ event: "ready", name: "Alice", key: OWN });
  for (const name of ["Alice", "Evf", "*coordinator*"]) {
    assertEquals((await run({ command: "ignore", name }))["code"], "unknown-user");
  }
  assertEquals(
    (await run({ command: "ignore", name: "Eve~k7" }))["text"],
    "Already ignoring Eve~k7",
  );
});

Deno.test("of two programs of a profile neither loses whom the other ignores", async () => {
  const disk = await newDisk();
  const [one, other] = [await program(disk), await program(disk)];
  await one.ignored.add({ name: "A", key: "a" as Fingerprint, since: "" });
  await other.ignored.add({ name: "B", key: "b" as Fingerprint, since: "" });
  assertEquals((await program(disk)).ignored.all.map(({ key }) => key as string), ["a", "b"]);
});

Deno.test("nobody is ignored where the disk refuses to keep it", async () => {
  const disk = await newDisk();
  const { ignored } = await program(disk);
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  await assertRejects(
    () => ignored.add({ name: "A", key: "a" as Fingerprint, since: "" }),
    P2pchatError,
  );
  assertEquals(ignored.has("a"), false);
});
