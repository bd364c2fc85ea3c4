import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { nodeSigner, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { writeAll } from "../../../lib/store/disk/disk.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const PATH = "/p/known_peers";
const DAY_MS = Date.UTC(2026, 0, 31);
const key = (fill: number) => nodeSigner(new Uint8Array(32).fill(fill)).key;
const bob = key(1);
const eve = key(2);

async function newDisk(text?: string): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  if (text !== undefined) await put(disk, text);
  return disk;
}

async function put(disk: MemoryDisk, text: string): Promise<void> {
  const file = await disk.openAppend(PATH, { empty: true });
  writeAll(file, utf8(text));
  file.close();
}

async function content(disk: MemoryDisk): Promise<string> {
  return new TextDecoder().decode((await disk.read(PATH))!);
}

Deno.test("check() says new, same or changed, in each scope apart", async () => {
  const known = await KnownPeers.open(await newDisk(), PATH);
  assertEquals(known.check("mesh:1", "Bob", bob), { type: "new" });

  await known.pin("mesh:1", "Bob", bob, DAY_MS);

  const same = known.check("mesh:1", "bob", bob);
  assert(same.type === "same");
  assertEquals(same.pin, {
    scope: "mesh:1",
    name: "Bob",
    fingerprint: fingerprintOf(bob),
    firstSeen: "2026-01-31",
  });
  assertEquals(known.check("mesh:1", "Bob", eve).type, "changed");
  assertEquals(known.check("mesh:2", "Bob", eve).type, "new");
});

Deno.test("otherElsewhere() finds a name that has another key, and this one nowhere, in another scope of its kind", async () => {
  const known = await KnownPeers.open(await newDisk(), PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  await known.pin("group:1", "Eve", bob, DAY_MS);

  assertEquals(known.otherElsewhere("mesh:2", "bob", eve)?.fingerprint, fingerprintOf(bob));
  assertEquals(known.otherElsewhere("mesh:2", "Bob", bob), null);
  assertEquals(known.otherElsewhere("mesh:1", "Bob", eve), null, "here it is no other scope");
  assertEquals(known.otherElsewhere("mesh:2", "Eve", eve), null, "a group is no room");
  assertEquals(known.otherElsewhere("mesh:2", "ob", eve), null);

  await known.pin("mesh:3", "Bob", eve, DAY_MS);
  assertEquals(known.otherElsewhere("mesh:2", "Bob", eve), null, "known with this key, too");
});

Deno.test("pin() refuses another key with both fingerprints, trust() takes it", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("users:a", "Bob", bob, DAY_MS);

  const error = await assertRejects(() => known.pin("users:a", "Bob", eve, DAY_MS), P2pchatError);
  assertEquals(error.code, "key-changed");
  assert(error.message.includes(fingerprintOf(bob)) && error.message.includes(fingerprintOf(eve)));
  assertEquals(known.check("users:a", "Bob", eve).type, "changed");

  await known.trust("users:a", "Bob", eve, DAY_MS);
  const again = await KnownPeers.open(disk.crash(), PATH);
  assertEquals(again.check("users:a", "Bob", eve).type, "same");
  assertEquals(again.pins().length, 1);
});

Deno.test("verify() marks the key under that name alone, in all scopes, at later pins too", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  await known.pin("mesh:2", "Robert", bob, DAY_MS);

  await known.verify("Bob", bob, DAY_MS);
  await known.pin("group:3", "Bob", bob, DAY_MS);

  for (const each of [known, await KnownPeers.open(disk.crash(), PATH)]) {
    const is = (name: string, key: typeof bob) => each.isVerified(name, fingerprintOf(key));
    assertEquals([is("Bob", bob), is("bob", bob), is("Robert", bob), is("Bob", eve)], [
      true,
      true,
      false,
      false,
    ]);
    assertEquals(each.verifiedNames(fingerprintOf(bob)), ["Bob"]);
    assertEquals(each.pins().map(({ scope }) => scope), ["mesh:1", "mesh:2", "group:3"]);
  }
});

Deno.test("verify() takes a second key of one name, and a second name of one key", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.verify("Bob", bob, DAY_MS);
  await known.verify("Bob", eve, DAY_MS);
  await known.verify("Robert", bob, DAY_MS);
  await known.verify("BOB", bob, DAY_MS);

  const again = await KnownPeers.open(disk.crash(), PATH);
  assert(
    again.isVerified("Bob", fingerprintOf(bob)) && again.isVerified("Bob", fingerprintOf(eve)),
  );
  assertEquals(again.verifiedNames(fingerprintOf(bob)), ["Bob", "Robert"]);
});

Deno.test("verify() of a name with the key's start holds however long the start has to be, and for no other name", async () => {
  const known = await KnownPeers.open(await newDisk(), PATH);
  const key = fingerprintOf(bob);
  const start = (length: number) => `Bob~${key.slice(0, length)}`;

  await known.verify(start(4), bob, DAY_MS);

  const names = [start(4), start(8).toUpperCase(), "Bob", `Rob~${key.slice(0, 4)}`];
  assertEquals(names.map((name) => known.isVerified(name, key)), [true, true, false, false]);
});

Deno.test("refuse() takes mark and pins away everywhere, until trust() is asked for", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  await known.pin("group:1", "bob", bob, DAY_MS);
  await known.pin("mesh:1", "Robert", bob, DAY_MS);
  await known.pin("mesh:2", "Bob", eve, DAY_MS);
  await known.verify("Bob", bob, DAY_MS);
  await known.pin("group:1", "*coordinator*", eve, DAY_MS);
  assertEquals(known.verified().map(({ name }) => name), ["Bob"]);
  const keys = [bob, eve].map(fingerprintOf);
  assertEquals(known.keysOf("\u2248BOB"), keys);
  assertEquals(known.keysOf(`Bob~${keys[1]!.slice(0, 4)}`), keys.slice(1));

  await known.refuse("Bob~k7f3", fingerprintOf(bob), DAY_MS);

  const after = disk.crash();
  const read = await KnownPeers.open(after, PATH);
  const pins = read.pins().map(({ scope, name }) => `${scope} ${name}`);
  assertEquals(pins, ["mesh:1 Robert", "mesh:2 Bob", "group:1 *coordinator*"]);
  const left = ["Bob", "*coordinator*", "Eve"].map((name) => read.keysOf(name));
  assertEquals(left, [keys.slice(1), [], []]);
  assertEquals(read.verifiedNames(fingerprintOf(bob)), []);
  assertEquals(read.refused().map(({ name }) => name), ["Bob"]);

  await read.trust("mesh:1", "Bob", bob, DAY_MS);
  assertEquals(read.refused().length, 1, "nobody asked for it");
  await read.trust("mesh:1", "Bob", bob, DAY_MS, true);
  const accepted = await KnownPeers.open(after.crash(), PATH);
  assertEquals([accepted.refused(), accepted.check("mesh:1", "Bob", bob).type], [[], "same"]);
  assertEquals(accepted.isVerified("Bob", fingerprintOf(bob)), false);
});

Deno.test("verify() of a refused key leaves it refused until trust(), unless that takes it back", async () => {
  const known = await KnownPeers.open(await newDisk(), PATH);
  const found = () => [known.isRefused("Bob", bobKey), known.isVerified("Bob", bobKey)];
  const bobKey = fingerprintOf(bob);
  await known.refuse("Bob", fingerprintOf(bob), DAY_MS);

  await known.verify("Bob", bob, DAY_MS);
  assertEquals(found(), [true, true]);
  await known.trust("mesh:1", "Bob", bob, DAY_MS, true);
  assertEquals(found(), [false, true]);

  await known.refuse("Bob", fingerprintOf(bob), DAY_MS);
  await known.verify("Bob", bob, DAY_MS, true);
  assertEquals(found(), [false, true]);
});

for (const isAtOnce of [true, false]) {
  const how = isAtOnce ? "" : ", over a restart";
  Deno.test(`whoever was met first stays first when refused and accepted again${how}`, async () => {
    const disk = await newDisk();
    let known = await KnownPeers.open(disk, PATH);
    await known.pin("mesh:1", "Alice", bob, DAY_MS);
    await known.pin("mesh:1", "AIice", eve, DAY_MS);
    await known.verify("Alice", bob, DAY_MS);

    const refused = known.refuse("Alice", fingerprintOf(bob), DAY_MS);
    if (!isAtOnce) {
      await refused;
      known = await KnownPeers.open(disk, PATH);
      assertEquals([...known.names()], ["AIice"]);
    }
    await Promise.all([refused, known.trust("mesh:1", "Alice", bob, DAY_MS, true)]);

    assertEquals([...known.names()], ["Alice", "AIice"]);
    const read = await KnownPeers.open(disk.crash(), PATH);
    assertEquals([...read.names()], ["Alice", "AIice"]);
    assertEquals([read.refused(), read.verifiedNames(fingerprintOf(bob))], [[], []]);
  });
}

Deno.test("trust() of a key that was verified as Bob~k7f3 verifies it as Bob", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  await known.verify("Bob~k7f3", eve, DAY_MS);
  assertEquals(known.isVerified("Bob", fingerprintOf(eve)), false);

  await known.trust("mesh:1", "Bob", eve, DAY_MS, true);

  const again = await KnownPeers.open(disk.crash(), PATH);
  assertEquals(again.isVerified("Bob", fingerprintOf(eve)), true);
  assertEquals(again.isVerified("Bob", fingerprintOf(bob)), false);
});

Deno.test("open() keeps comments, blank lines and the order of an edited file", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  const [header, line] = (await content(disk)).split("\n") as [string, string];
  await put(disk, `# friends\n${header}\n\n${line}\n# met at FOSDEM`);

  const edited = await KnownPeers.open(disk, PATH);
  await edited.pin("mesh:1", "Eve", eve, DAY_MS);

  const lines = (await content(disk)).split("\n");
  assertEquals(lines.slice(0, 5), [header, "# friends", "", line, "# met at FOSDEM"]);
  assert(lines[5]!.includes("\tEve\t"));
});

Deno.test("open() takes what editors do to line ends, blanks and the start of the file", async () => {
  const disk = await newDisk();
  const first = await KnownPeers.open(disk, PATH);
  await first.pin("users:a", "Bob", bob, DAY_MS);
  await first.pin("users:a", "Eve", eve, DAY_MS);
  const text = await content(disk);
  const edits = {
    "line ends": text.replaceAll("\n", "\r\n"),
    "blanks": text.replaceAll("\n", " \t\n"),
    "byte order mark": `\ufeff${text}`,
    "byte order mark before a comment": `\ufeff# mine\n${text}`,
    "no last line feed": `${text.trimEnd()} `,
    "comment behind blanks": `${text} \t# mine\r\n \r\n`,
  };
  for (const [edit, edited] of Object.entries(edits)) {
    await put(disk, edited);
    const known = await KnownPeers.open(disk, PATH);
    assertEquals(known.pins().map(({ name }) => name), ["Bob", "Eve"], edit);

    await known.trust("users:a", "Eve", bob, DAY_MS);
    const again = await KnownPeers.open(disk, PATH);
    assertEquals(again.check("users:a", "Eve", bob).type, "same", edit);
    assertEquals((await content(disk)).includes("# mine"), edited.includes("# mine"), edit);
  }
});

Deno.test("open() keeps the bytes of comments, in whichever encoding", async () => {
  const disk = await newDisk();
  const comment = new Uint8Array([...utf8("# Jos"), 0xe9, 0x0d, 0x0a]);
  const file = await disk.openAppend(PATH);
  writeAll(file, comment);
  file.close();

  const known = await KnownPeers.open(disk, PATH);
  await known.pin("users:a", "Bob", bob, DAY_MS);

  const bytes = (await disk.read(PATH))!;
  const at = bytes.indexOf(0xe9);
  assertEquals(bytes.slice(at - 5, at + 3), comment);
});

Deno.test("open() takes a deleted line for a name that is new", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  await known.pin("mesh:1", "Eve", eve, DAY_MS);
  const [header, , line] = (await content(disk)).split("\n");

  for (const left of [`${header}\n${line}\n`, `${line}\n`]) {
    await put(disk, left);
    const edited = await KnownPeers.open(disk, PATH);

    assertEquals(edited.check("mesh:1", "Bob", eve).type, "new");
    assertEquals(edited.check("mesh:1", "Eve", eve).type, "same");
  }
});

Deno.test("open() reports a damaged line with file and number", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  const [header, pinned] = (await content(disk)).split("\n");
  const line = `${pinned}\n`;
  for (
    const [text, number] of [
      [`${header!.replace("peers", "pears")}\n${line}`, 1],
      [`${header}\n${line.replace("Bob", "Bop")}`, 2],
      [line.replace("Bob", "Bop"), 1],
      [`# c\n\n${line.slice(0, -5)}\n`, 3],
      ["mesh:1 Bob\n", 1],
      [line + line, 2],
      ["", 1],
    ] as const
  ) {
    const error = await assertRejects(
      async () => await KnownPeers.open(await newDisk(text), PATH),
      P2pchatError,
    );
    assertEquals(error.code, "store-corrupt");
    assert(error.message.includes(`${PATH}: line ${number} `), error.message);
  }
});

/** What a power cut may leave behind whole lines. */
const TORN: readonly (readonly [what: string, end: (line: string) => string])[] = [
  ["zeros", () => "\0".repeat(4_096)],
  ["a line without its end", (line) => line.slice(0, -9)],
  ["a line without its end, and zeros", (line) => `${line.slice(0, 20)}${"\0".repeat(100)}`],
  ["a line with a hole", (line) => `${line.slice(0, 9)}\0\0\0${line.slice(12)}`],
  ["garbage", () => "\x07~\n5\n\x01"],
  ["a line with a hole, and no end", (line) => `${line.slice(0, 9)}\0\0\0${line.slice(12, -1)}`],
];

for (const [what, end] of TORN) {
  Deno.test(`open() drops ${what} at the end with one notice, keeps the rest, and mends the file`, async () => {
    const disk = await newDisk();
    const known = await KnownPeers.open(disk, PATH);
    await known.pin("mesh:1", "Bob", bob, DAY_MS);
    await known.pin("mesh:1", "Eve", eve, DAY_MS);
    const [header, first, second] = (await content(disk)).split("\n");
    await put(disk, `${header}\n${first}\n${end(`${second}\n`)}`);

    const torn = await KnownPeers.open(disk, PATH);
    assertEquals(torn.check("mesh:1", "Bob", eve).type, "changed");
    assertEquals(torn.check("mesh:1", "Eve", bob).type, "new");
    const [notice, ...more] = torn.takeNotices();
    assertMatch(notice!, /^Dropped [\d,]+ bytes at the end of \/p\/known_peers, line 3: /);
    assertEquals([more, torn.takeNotices()], [[], []]);
    await torn.pin("mesh:1", "Eve", eve, DAY_MS);
    assertEquals(await content(disk), `${header}\n${first}\n${second}\n`);
    assertEquals((await KnownPeers.open(disk, PATH)).takeNotices(), []);
  });
}

Deno.test("open() keeps a last line that lacks its line feed alone, zeros behind it or not", async () => {
  const disk = await newDisk();
  await (await KnownPeers.open(disk, PATH)).pin("mesh:1", "Bob", bob, DAY_MS);
  const text = (await content(disk)).slice(0, -1);
  for (const [end, notices] of [["", 0], ["\0\0", 1]] as const) {
    await put(disk, text + end);
    const known = await KnownPeers.open(disk, PATH);
    assertEquals(known.check("mesh:1", "Bob", bob).type, "same");
    assertEquals(known.takeNotices().length, notices);
  }
});

Deno.test("open() refuses a file of which nothing is left, and zeros before other lines", async () => {
  const disk = await newDisk();
  await (await KnownPeers.open(disk, PATH)).pin("mesh:1", "Bob", bob, DAY_MS);
  const [header, pinned] = (await content(disk)).split("\n");
  const zeros = "\0".repeat(512);
  for (
    const text of [
      zeros,
      header!.slice(0, 12),
      `# mine\n${zeros}`,
      `${header}\n${zeros}\n${pinned}\n`,
      `${header}\n${zeros}${pinned}\n`,
      `${header}\n${pinned!.slice(0, 20)}\n`,
    ]
  ) {
    const open = async () => await KnownPeers.open(await newDisk(text), PATH);
    const error = await assertRejects(open, P2pchatError);
    assertEquals(error.code, "store-corrupt");
  }
});

Deno.test("pin() at the same time as others loses none of them", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);

  await Promise.all(
    Array.from({ length: 20 }, (_, at) => known.pin("mesh:1", `Bob${at}`, bob, DAY_MS)),
  );

  assertEquals((await KnownPeers.open(disk.crash(), PATH)).pins().length, 20);
});

Deno.test("pin() fails with disk, and remembers the key for this run", async () => {
  const disk = new MemoryDisk({ fault: ({ kind }) => kind === "sync" ? "ENOSPC" : null });
  await disk.makeFolder("/p");
  const known = await KnownPeers.open(disk, PATH);

  const error = await assertRejects(() => known.pin("mesh:1", "Bob", bob, DAY_MS), P2pchatError);

  assertEquals(error.code, "disk");
  assertEquals(known.check("mesh:1", "Bob", eve).type, "changed");
});

Deno.test("pin() keeps what another program has written meanwhile, and what the user deleted is gone", async () => {
  const disk = await newDisk();
  const mesh = await KnownPeers.open(disk, PATH);
  const group = await KnownPeers.open(disk, PATH);
  await mesh.pin("mesh:1", "Bob", bob, DAY_MS);
  await mesh.verify("Bob", bob, DAY_MS);

  await group.pin("group:1", "Eve", eve, DAY_MS);
  await group.pin("group:1", "Robert", bob, DAY_MS);
  await mesh.pin("mesh:1", "Eve", eve, DAY_MS);

  const shown = (known: KnownPeers) => known.pins().map(({ scope, name }) => [scope, name]);
  const all = [["mesh:1", "Bob"], ["group:1", "Eve"], ["group:1", "Robert"]];
  const both = await KnownPeers.open(disk, PATH);
  assertEquals(shown(both), [...all, ["mesh:1", "Eve"]]);
  assert(both.isVerified("Bob", fingerprintOf(bob)));

  const [header, ...lines] = (await content(disk)).split("\n");
  await put(disk, [header, ...lines.filter((line) => !line.includes("\tBob\t"))].join("\n"));
  await mesh.forget("mesh:1", "Eve");

  assertEquals(shown(await KnownPeers.open(disk, PATH)), all.slice(1));
  assertEquals(mesh.check("mesh:1", "Bob", eve).type, "new");
  assertEquals(mesh.isVerified("Bob", fingerprintOf(bob)), false, "the user deleted that, too");
});

Deno.test("pin() waits for its turn, open() too, and what failed is written with the next", async () => {
  const disk = await newDisk();
  const turns: string[] = [];
  let refused = false;
  const known = await KnownPeers.open(disk, PATH, () => {
    if (refused) return Promise.reject(new P2pchatError("in-use", "another has it"));
    turns.push("taken");
    return Promise.resolve({ release: () => turns.push("released") });
  });
  assertEquals(turns.splice(0), ["taken", "released"]);

  refused = true;
  await assertRejects(
    () => known.pin("mesh:1", "Bob", bob, DAY_MS),
    P2pchatError,
    "another has it",
  );
  assertEquals(known.check("mesh:1", "Bob", eve).type, "changed");

  refused = false;
  await known.pin("mesh:1", "Eve", eve, DAY_MS);
  assertEquals(turns, ["taken", "released"]);
  assertEquals((await KnownPeers.open(disk, PATH)).pins().map(({ name }) => name), ["Bob", "Eve"]);
});

/** A disk that is full for as long as `full` says. */
async function fillingDisk() {
  const state = { full: true, syncs: 0 };
  const disk = new MemoryDisk({
    fault: ({ kind }) => {
      if (kind === "sync") state.syncs++;
      return kind === "sync" && state.full ? "ENOSPC" : null;
    },
  });
  await disk.makeFolder("/p");
  return { disk, state };
}

const CHANGES = {
  pin: (known: KnownPeers) => known.pin("mesh:1", "Bob", bob, DAY_MS),
  trust: (known: KnownPeers) => known.trust("mesh:1", "Bob", bob, DAY_MS),
} as const;

for (const [name, change] of Object.entries(CHANGES)) {
  Deno.test(`${name}() of a key whose write failed writes it again, once`, async () => {
    const { disk, state } = await fillingDisk();
    const known = await KnownPeers.open(disk, PATH);
    for (let n = 0; n < 2; n++) {
      await assertRejects(() => change(known), P2pchatError, "No space left");
    }

    state.full = false;
    await change(known);
    state.syncs = 0;
    await change(known);

    assertEquals(state.syncs, 0, "it is there");
    const again = await KnownPeers.open(disk.crash(), PATH);
    assertEquals(again.check("mesh:1", "Bob", bob).type, "same");
  });
}

Deno.test("pin() of a key that is on disk isn't told that another's write failed", async () => {
  const { disk, state } = await fillingDisk();
  const known = await KnownPeers.open(disk, PATH);
  state.full = false;
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  state.full = true;
  await assertRejects(() => known.pin("mesh:1", "Eve", eve, DAY_MS), P2pchatError);

  await known.pin("mesh:1", "Bob", bob, DAY_MS);
});

Deno.test("forget(), verify() and refuse() whose write failed write when they are asked again", async () => {
  for (
    const [again, left] of [
      [(known: KnownPeers) => known.forget("mesh:1", "Eve"), ["Bob"]],
      [(known: KnownPeers) => known.verify("Bob", bob, DAY_MS), ["Bob", "Eve", "is Bob"]],
      [(known: KnownPeers) => known.refuse("Bob", fingerprintOf(bob), DAY_MS), ["Eve", "not Bob"]],
    ] as const
  ) {
    const { disk, state } = await fillingDisk();
    const known = await KnownPeers.open(disk, PATH);
    state.full = false;
    await known.pin("mesh:1", "Bob", bob, DAY_MS);
    await known.pin("mesh:1", "Eve", eve, DAY_MS);
    state.full = true;
    await assertRejects(async () => await again(known), P2pchatError);

    state.full = false;
    await again(known);

    const read = await KnownPeers.open(disk.crash(), PATH);
    const names = [
      ...read.pins().map(({ name }) => name),
      ...read.verifiedNames(fingerprintOf(bob)).map((name) => `is ${name}`),
      ...read.refused().map(({ name }) => `not ${name}`),
    ];
    assertEquals(names, [...left]);
  }
});

Deno.test("settled() tries once more what failed, and doesn't fail itself", async () => {
  const { disk, state } = await fillingDisk();
  const known = await KnownPeers.open(disk, PATH);
  await assertRejects(() => known.pin("mesh:1", "Bob", bob, DAY_MS), P2pchatError);
  await known.settled();

  state.full = false;
  await known.settled();
  state.syncs = 0;
  await known.settled();

  assertEquals(state.syncs, 0);
  const again = await KnownPeers.open(disk.crash(), PATH);
  assertEquals(again.check("mesh:1", "Bob", bob).type, "same");
});

Deno.test("reread() takes over what another program has written, and says which keys it refused, once", async () => {
  const disk = await newDisk();
  const [known, other] = [await KnownPeers.open(disk, PATH), await KnownPeers.open(disk, PATH)];
  assertEquals(await known.reread(), [], "there is no file yet");
  await known.verify("Bob", bob, DAY_MS);
  await known.refuse("Cem", fingerprintOf(key(3)), DAY_MS);
  assertEquals(await known.reread(), [], "these are its own");

  await other.refuse("Bob", fingerprintOf(bob), DAY_MS);
  await other.verify("Eve", eve, DAY_MS);
  assertEquals(known.isVerified("Bob", fingerprintOf(bob)), true);
  const refused = await known.reread();
  assertEquals(refused.map(({ name, fingerprint }) => [name, fingerprint]), [
    ["Bob", fingerprintOf(bob)],
  ]);
  assertEquals(known.isVerified("Bob", fingerprintOf(bob)), false);
  assertEquals(known.isVerified("Eve", fingerprintOf(eve)), true);
  assertEquals(await known.reread(), []);
});

Deno.test("a file of another user's is believed neither when it is read again nor by a write", async () => {
  const disk = await newDisk();
  const [known, other] = [await KnownPeers.open(disk, PATH), await KnownPeers.open(disk, PATH)];
  await known.verify("Bob", bob, DAY_MS);
  await other.verify("Eve", eve, DAY_MS);
  disk.otherUsers.set(PATH, 12_002);

  assertEquals(await known.reread(), [], "once is not enough to say so");
  await assertRejects(() => known.reread(), P2pchatError, "it belongs to user 12002");
  await assertRejects(() => known.verify("Cem", key(3), DAY_MS), P2pchatError, "belongs to user");
  await assertRejects(() => KnownPeers.open(disk, PATH), P2pchatError, "belongs to user");
  assertEquals(known.isVerified("Eve", fingerprintOf(eve)), false);
});

Deno.test("reread() says which keys others refused, also where a write has found them", async () => {
  const disk = await newDisk();
  const [known, other] = [await KnownPeers.open(disk, PATH), await KnownPeers.open(disk, PATH)];
  await other.refuse("Bob", fingerprintOf(bob), DAY_MS);
  await known.pin("mesh:1", "Eve", eve, DAY_MS);
  assertEquals((await known.reread()).map(({ name }) => name), ["Bob"]);
});

Deno.test("reread() says which keys others don't refuse any more, not which ones a file that is gone doesn't name", async () => {
  const disk = await newDisk();
  const [known, other] = [await KnownPeers.open(disk, PATH), await KnownPeers.open(disk, PATH)];
  await known.refuse("Bob", fingerprintOf(bob), DAY_MS);
  await known.refuse("Cem", fingerprintOf(key(3)), DAY_MS);
  await known.refuse("Dan", fingerprintOf(key(4)), DAY_MS);
  assertEquals(await known.reread(), []);
  await other.reread();
  await other.trust("users:1", "Bob", bob, DAY_MS, true);
  await other.verify("Cem", key(3), DAY_MS, true);
  const found = (await known.reread()).map(({ name, isRefused }) => [name, isRefused]);
  assertEquals(found, [["Bob", false], ["Cem", false]]);
  assertEquals(known.refused().map(({ name }) => name), ["Dan"]);

  await known.trust("mesh:1", "Dan", key(4), DAY_MS, true);
  assertEquals(await known.reread(), [], "that is its own");
  await known.refuse("Dan", fingerprintOf(key(4)), DAY_MS);
  await disk.remove(PATH);
  await known.pin("mesh:1", "Eve", eve, DAY_MS);
  assertEquals(await known.reread(), []);
});

Deno.test("reread() keeps what it knows where the file is gone, or is damaged, which it tells once", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.verify("Bob", bob, DAY_MS);
  await known.reread();
  await put(disk, "half a line\nand more\n");
  assertEquals(await known.reread(), [], "perhaps it is being written");
  const error = await assertRejects(() => known.reread(), P2pchatError);
  assertEquals(error.code, "store-corrupt");
  assertEquals(await known.reread(), []);
  await disk.remove(PATH);
  assertEquals(await known.reread(), []);
  assertEquals(known.isVerified("Bob", fingerprintOf(bob)), true);
});

Deno.test("open() and reread() refuse a file larger than any, and read none of it", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, PATH);
  await known.pin("mesh:1", "Bob", bob, DAY_MS);
  await put(disk, `${await content(disk)}# more\n`);
  const stat = disk.stat.bind(disk);
  disk.stat = async (path) => ({ ...(await stat(path))!, bytes: 2 ** 30 });
  disk.fault = ({ kind }) => {
    assert(kind !== "read");
    return null;
  };

  assertEquals(await known.reread(), [], "perhaps it is being written");
  for (const read of [() => known.reread(), () => KnownPeers.open(disk, PATH)]) {
    const { code, message } = await assertRejects<P2pchatError>(read, P2pchatError);
    assertEquals(code, "store-corrupt");
    assertMatch(
      message,
      /: it has 1,073,741,824 bytes, and no such file has more than 67,108,864; /,
    );
  }
});

Deno.test("KnownPeers tells the program's other rooms what is found of a key, and what is accepted again", async () => {
  const known = await KnownPeers.open(await newDisk(), PATH);
  const found: unknown[] = [];
  known.heed = ({ name, isRefused }) => void found.push([name, isRefused]);
  await known.trust("mesh:a", "Bob", bob, DAY_MS);
  await known.refuse("Bob~k7f3", fingerprintOf(bob), DAY_MS);
  await known.trust("mesh:a", "Bob", bob, DAY_MS, true);
  await known.trust("mesh:b", "Bob", bob, DAY_MS, true);
  assertEquals(found, [["Bob", true], ["Bob", false]]);
});
