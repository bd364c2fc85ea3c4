import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { AccountsListener } from "../../../lib/store/accounts/accounts.ts";
import { accountRow } from "../../../lib/store/accounts/accounts_csv.ts";
import { AccountsFile } from "../../../lib/store/accounts/accounts_file.ts";
import { type DiskOperation, MemoryDisk } from "../../doubles/memory_disk.ts";
import { replaceFile } from "../../../lib/store/disk/replacement.ts";
import { accountOf, hashNumber, keyNumber } from "../../contracts/accounts_contract.ts";
import { LookClock, openAccounts } from "../accounts_files.ts";
import { HastyClock } from "../hasty_clock.ts";

const FOLDER = "/data/regserver";
const PATH = `${FOLDER}/accounts.csv`;
const HEADER = "name,hash,created,keys,check\n";
const rowOf = (name: string) => `${accountRow(accountOf(name)).text}\n`;

async function namesIn(disk: MemoryDisk): Promise<readonly string[]> {
  return namesOf((await openAccounts(disk, FOLDER)).accounts);
}

async function namesOf(accounts: AccountsFile): Promise<readonly string[]> {
  return (await accounts.list()).map(({ name }) => name);
}

Deno.test("accounts that nobody has signed up leave nothing on disk", async () => {
  const disk = new MemoryDisk();
  const { accounts, notices } = await openAccounts(disk, FOLDER);

  assertEquals([await accounts.find("bob"), notices], [null, []]);
  assertEquals(await accounts.setHash(accountOf("bob"), hashNumber(2)), false);
  assertEquals(disk.paths(), [`${FOLDER}/accounts.lock`]);
});

Deno.test("the file and its folder are their owner's alone, also one that others could read", async () => {
  const disk = new MemoryDisk();
  const { accounts } = await openAccounts(disk, FOLDER);
  await accounts.signUp(accountOf("bob"));
  assertEquals((await disk.stat(FOLDER))?.mode, 0o700);
  assertEquals((await disk.stat(PATH))?.mode, 0o600);
  await disk.setMode(PATH, 0o644);

  const { notices } = await openAccounts(disk, FOLDER);

  assertEquals((await disk.stat(PATH))?.mode, 0o600);
  assertEquals(notices.length, 1);
  assertMatch(notices[0]!, /^Others could read or change .*accounts\.csv/);
});

Deno.test("accounts in a folder of the user's leave the files beside them as they are", async () => {
  const disk = new MemoryDisk();
  const path = "/home/team.csv";
  disk.place(`${path}.new`, "mine");
  const open = () =>
    AccountsFile.open(disk, FOLDER, { writer: "1", clock: new HastyClock(), path });
  const bob = accountOf("bob");

  await (await open()).accounts.signUp(bob);
  const { accounts } = await open();
  await accounts.setHash(bob, hashNumber(2));

  assertEquals(disk.text(`${path}.new`), "mine");
  assertEquals(disk.paths().filter((each) => each.startsWith("/home")), [path, `${path}.new`]);
});

Deno.test("what was acknowledged survives a power cut", async () => {
  const disk = new MemoryDisk();
  const { accounts } = await openAccounts(disk, FOLDER);
  const bob = accountOf("bob");

  await accounts.signUp(bob);
  assertEquals(disk.crash().text(PATH), HEADER + rowOf("bob"));
});

Deno.test("each change survives a power cut when it has been acknowledged", async () => {
  const bob = accountOf("bob");
  const hashed = { ...bob, hash: hashNumber(2) };
  const withKeys = { ...bob, keys: [keyNumber(1)] };
  const cases = [
    [(accounts: AccountsFile) => accounts.signUp(accountOf("al")), [bob, accountOf("al")]],
    [(accounts: AccountsFile) => accounts.setHash(bob, hashed.hash), [hashed]],
    [(accounts: AccountsFile) => accounts.addKey(bob, keyNumber(1)), [withKeys]],
    [(accounts: AccountsFile) => accounts.remove(bob), []],
  ] as const;
  for (const [change, after] of cases) {
    const disk = new MemoryDisk();
    disk.place(PATH, HEADER + rowOf("bob"));
    const { accounts } = await openAccounts(disk, FOLDER);
    await change(accounts);

    const found = (await openAccounts(disk.crash(), FOLDER)).accounts;
    assertEquals(await found.list(), [...after]);
  }
});

Deno.test("a sign-up goes on where another program has written, and a hand left no line feed", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, (HEADER + rowOf("bob")).trimEnd());
  const { accounts } = await openAccounts(disk, FOLDER);
  const { accounts: others } = await openAccounts(disk, FOLDER);

  await others.signUp(accountOf("eve"));
  await accounts.signUp(accountOf("al"));
  await others.remove(accountOf("bob"));
  await accounts.signUp(accountOf("zoe"));

  assertEquals(disk.text(PATH), HEADER + rowOf("eve") + rowOf("al") + rowOf("zoe"));
});

Deno.test("a file that was broken meanwhile refuses changes with the reason; what was read is found", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  const { accounts } = await openAccounts(disk, FOLDER);
  const broken = `${HEADER}${rowOf("bob").replace("bob", "eve")}${rowOf("al")}`;
  disk.place(PATH, broken);

  assertEquals(await accounts.find("bob"), accountOf("bob"));
  for (
    const change of [
      () => accounts.signUp(accountOf("zoe")),
      () => accounts.remove(accountOf("bob")),
      () => accounts.signUp(accountOf("bob")),
    ]
  ) {
    const error = await assertRejects(change, P2pchatError);
    assertEquals(error.code, "store-corrupt");
    assertMatch(error.message, /accounts\.csv: line 2 is damaged, its checksum doesn't fit/);
  }
  assertEquals(disk.text(PATH), broken);
  assertEquals(await namesOf(accounts), ["bob"]);
  disk.place(PATH, HEADER + rowOf("al"));
  await accounts.signUp(accountOf("zoe"));
  assertEquals(await namesOf(accounts), ["al", "zoe"]);
});

Deno.test("a file that is gone refuses changes, and what was read is found", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  const { accounts } = await openAccounts(disk, FOLDER);
  await disk.remove(PATH);

  const error = await assertRejects(() => accounts.signUp(accountOf("eve")), P2pchatError);

  assertEquals(error.code, "bad-file");
  assertMatch(error.message, /it is gone; put it back/);
  assertEquals(await namesOf(accounts), ["bob"]);
  assertEquals(disk.text(PATH), null);
});

Deno.test("a disk that can't be read for a while is read again", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  const { accounts } = await openAccounts(disk, FOLDER);
  disk.place(PATH, HEADER + rowOf("bob") + rowOf("eve"));
  disk.fault = ({ kind }) => kind === "read" ? "EIO" : null;
  assertEquals(await namesOf(accounts), ["bob"]);
  const error = await assertRejects(() => accounts.signUp(accountOf("al")), P2pchatError);
  assertEquals(error.code, "disk");

  disk.fault = null;
  assertEquals(await namesOf(accounts), ["bob", "eve"]);
  await accounts.signUp(accountOf("al"));
});

/** A file of four, which an editor that saves in place has emptied, and written again to the middle of line 4. */
async function savedInParts(disk: MemoryDisk) {
  const rows = ["al", "bob", "cy", "dan"].map(rowOf);
  disk.place(PATH, HEADER + rows.join(""));
  const clock = new HastyClock();
  const { accounts } = await openAccounts(disk, FOLDER, clock);
  const text = HEADER + rows[0] + rows[2] + rows[3];
  const editor = await disk.openAppend(PATH, { empty: true });
  const [first, rest] = [text.slice(0, -50), text.slice(-50)];
  editor.write(utf8(first));
  return { accounts, clock, editor, first, rest };
}

Deno.test("a file that is being saved in place is neither read nor written before that has ended", async () => {
  const disk = new MemoryDisk();
  const { accounts, clock, editor, rest } = await savedInParts(disk);
  const pieces = [rest.slice(0, 10), rest.slice(10)];
  const texts: (string | null)[] = [];
  clock.passed = (ms) => {
    if (pieces.length > 0 && ms >= (3 - pieces.length) * 900) editor.write(utf8(pieces.shift()!));
    texts.push(disk.text(PATH));
  };

  assertEquals(await accounts.find("dan"), accountOf("dan"));
  const signedUp = accounts.signUp(accountOf("eve"));
  assertEquals(await accounts.find("dan"), accountOf("dan"));
  await signedUp;

  assert(texts.every((text) => text !== null && !text.includes("eve")));
  assertEquals(disk.text(PATH), HEADER + ["al", "cy", "dan", "eve"].map(rowOf).join(""));
  assertEquals(await namesOf(accounts), ["al", "cy", "dan", "eve"]);
  assert(clock.ms >= 2_800 && clock.ms < 2_900, `${clock.ms}`);
});

Deno.test("who only looks sees a file that was saved in place when it is the same for a second", async () => {
  const { accounts, clock, editor, rest } = await savedInParts(new MemoryDisk());
  const seen = async (ms: number) => {
    clock.ms = ms;
    return (await namesOf(accounts)).join();
  };
  assertEquals(await seen(0), "al,bob,cy,dan");
  assertEquals(await seen(900), "al,bob,cy,dan");
  editor.write(utf8(rest));
  assertEquals(await seen(1_000), "al,bob,cy,dan");
  assertEquals(await seen(1_999), "al,bob,cy,dan");
  assertEquals(await seen(2_000), "al,cy,dan");
});

Deno.test("a file that takes the place of one being saved is read at once, unless its end is missing", async () => {
  const disk = new MemoryDisk();
  const { accounts, clock } = await savedInParts(disk);
  assertEquals(await namesOf(accounts), ["al", "bob", "cy", "dan"]);
  const torn = HEADER + rowOf("cy").slice(0, -50);
  await replaceFile(disk, PATH, utf8(torn));
  assertEquals(await namesOf(accounts), ["al", "bob", "cy", "dan"]);
  await replaceFile(disk, PATH, utf8(HEADER + rowOf("al") + rowOf("dan")));
  assertEquals(await namesOf(accounts), ["al", "dan"]);
  await replaceFile(disk, PATH, utf8(HEADER + rowOf("al")));
  await accounts.signUp(accountOf("eve"));

  assertEquals(await namesOf(accounts), ["al", "eve"]);
  assertEquals(clock.ms, 0);
});

Deno.test("nothing is cut off a file that has got shorter: whoever saves it may go on", async () => {
  const disk = new MemoryDisk();
  const { accounts, editor, first, rest } = await savedInParts(disk);

  const error = await assertRejects(() => accounts.signUp(accountOf("eve")), P2pchatError);
  assertEquals(error.code, "store-corrupt");
  assertMatch(error.message, /accounts\.csv: line 4 is damaged/);
  assertEquals(disk.text(PATH), first);
  assertEquals(await namesOf(accounts), ["al", "bob", "cy", "dan"]);

  editor.write(utf8(rest));
  await accounts.signUp(accountOf("eve"));
  assertEquals(await namesOf(accounts), ["al", "cy", "dan", "eve"]);
});

Deno.test("a change waits 10 s for a file that is being written all the time, and no longer", async () => {
  const disk = new MemoryDisk();
  const { accounts, clock, editor } = await savedInParts(disk);
  clock.passed = () => void editor.write(utf8("\n"));
  const changes = [accounts.signUp(accountOf("eve")), accounts.signUp(accountOf("zoe"))];

  for (const change of changes) {
    const error = await assertRejects(() => change, P2pchatError, "another program is writing it");
    assertEquals(error.code, "in-use");
  }
  assertEquals(clock.ms, 10_000);
});

Deno.test("what is saved while the file is being opened isn't overwritten", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  await disk.setMode(PATH, 0o644);
  disk.fault = ({ kind }) => {
    if (kind === "syncFolder") disk.place(PATH, HEADER + rowOf("bob") + rowOf("eve"));
    return null;
  };
  const { accounts } = await openAccounts(disk, FOLDER, new HastyClock());
  disk.fault = null;

  await accounts.signUp(accountOf("al"));
  assertEquals(await namesOf(accounts), ["bob", "eve", "al"]);
});

Deno.test("nobody waits for what programs that take turns have written", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  const clock = new HastyClock();
  const { accounts } = await openAccounts(disk, FOLDER, clock);
  const { accounts: others } = await openAccounts(disk, FOLDER);

  await others.signUp(accountOf("eve"));
  assertEquals(await namesOf(accounts), ["bob", "eve"]);
  await others.remove(accountOf("bob"));
  assertEquals(await namesOf(accounts), ["eve"]);
  await others.setHash(accountOf("eve"), hashNumber(2));
  await accounts.signUp(accountOf("al"));
  assertEquals(await namesOf(accounts), ["eve", "al"]);
  assertEquals(clock.ms, 0);
});

Deno.test("whoever is looked for while others are is found, too, if another program has added them before", async () => {
  const disk = new MemoryDisk();
  const { accounts } = await openAccounts(disk, FOLDER);
  const { accounts: others } = await openAccounts(disk, FOLDER);
  await others.signUp(accountOf("eve"));

  // The second one comes while the file is read for the first.
  const first = accounts.find("eve");
  await Promise.resolve();
  const found = await Promise.all([first, accounts.find("eve"), namesOf(accounts)]);

  assertEquals(found.map((one) => one === null), [false, false, false]);
  assertEquals(found[2], ["eve"]);
  const beginning = accounts.list();
  await others.signUp(accountOf("al"));
  assertEquals((await accounts.find("al"))?.name, "al");
  await beginning;
});

Deno.test("a full disk refuses with disk, and the store goes on when there is room", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  const { accounts } = await openAccounts(disk, FOLDER);
  const bob = accountOf("bob");
  const bytes = (HEADER + rowOf("bob")).length;
  const changes = [
    () => accounts.signUp(accountOf("eve")),
    () => accounts.addKey(bob, keyNumber(1)),
    () => accounts.setHash(bob, hashNumber(2)),
    () => accounts.remove(bob),
  ];
  // Some of a row fits, or nothing at all, or all but the last byte of an empty table.
  for (const room of [20, 0, 28]) {
    for (const change of changes) {
      disk.bytesMax = bytes + room;
      const error = await assertRejects(change, P2pchatError);
      assertEquals(error.code, "disk");
      assertMatch(error.message, /No space left on device; free some space/);
      assertEquals(disk.text(PATH), HEADER + rowOf("bob"));
      assertEquals(await accounts.list(), [bob]);
      assertEquals(disk.paths(), [PATH, `${FOLDER}/accounts.lock`]);
    }
  }
  disk.bytesMax = Infinity;
  await accounts.signUp(accountOf("eve"));

  assertEquals(await namesIn(disk.crash()), ["bob", "eve"]);
});

/** Ends the process at each operation of a change, one after the other. */
for (const end of ["kill", "crash"] as const) {
  const before = [accountOf("al", { keys: [keyNumber(1)] }), accountOf("bob"), accountOf("cy")];
  const [al] = before as [typeof before[0]];
  const changes: readonly (readonly [
    name: string,
    change: (accounts: AccountsFile) => Promise<unknown>,
    after: readonly unknown[],
  ])[] = [
    ["a sign-up", (accounts) => accounts.signUp(accountOf("eve")), [...before, accountOf("eve")]],
    [
      "another password",
      (accounts) => accounts.setHash(al, hashNumber(2), []),
      [{ ...al, hash: hashNumber(2), keys: [] }, ...before.slice(1)],
    ],
    ["a removal", (accounts) => accounts.remove(al), before.slice(1)],
  ];
  for (const [name, change, after] of changes) {
    Deno.test(`${end} at any operation of ${name}: it is there or not, and all else is`, async () => {
      let seed = 1;
      const random = () => (seed = seed * 48_271 % 2_147_483_647) / 2_147_483_647;
      const outcomes = new Set<string>();
      for (let at = 1; at < 40 || outcomes.size < 2; at++) {
        assert(at < 400, `both outcomes come about: ${[...outcomes]}`);
        const disk = new MemoryDisk({ random });
        disk.place(
          PATH,
          HEADER + before.map((account) => `${accountRow(account).text}\n`).join(""),
        );
        const { accounts } = await openAccounts(disk, FOLDER);
        const found: { disk?: MemoryDisk } = {};
        const first = disk.operations;
        disk.fault = ({ number }: DiskOperation) => {
          if (number === first + 1 + at % 20) found.disk ??= disk[end]();
          return null;
        };
        const isDone = await change(accounts).then(() => true, () => false);
        found.disk ??= disk[end]();

        const reopened = await openAccounts(found.disk, FOLDER);
        const list = await reopened.accounts.list();
        const isAfter = JSON.stringify(list) === JSON.stringify(after);
        assertEquals(list, isAfter ? after : before);
        if (isDone) assert(isAfter, `acknowledged, and gone after operation ${at}`);
        outcomes.add(`${isAfter}`);
        // Whatever was left behind, the next change works, and is durable.
        await reopened.accounts.signUp(accountOf("next"));
        assertEquals((await namesIn(found.disk.crash())).at(-1), "next");
      }
    });
  }
}

const silent: AccountsListener = { changed() {}, broken() {}, notice() {} };

Deno.test("watch() tells of a broken file once, when it stays so, and of its end", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, HEADER + rowOf("bob"));
  const clock = new LookClock();
  const { accounts } = await openAccounts(disk, FOLDER, clock);
  const told: string[] = [];
  const watch = accounts.watch({
    ...silent,
    changed: (accounts) => told.push(`changed ${accounts.map(({ name }) => name)}`),
    broken: ({ code }) => told.push(code),
  });
  await clock.looks(2);
  disk.place(PATH, "name,ha");
  await clock.looks(1);
  assertEquals(told, [], "somebody may be saving it");
  await clock.looks(3);
  disk.place(PATH, HEADER + rowOf("bob") + rowOf("eve"));
  await clock.looks(3);
  watch.close();

  assertEquals(told, ["bad-file", "changed ", "changed eve"]);
  assertEquals(clock.isArmed, false);
});

Deno.test("watch() tells of what a file that was saved in parts had before", async () => {
  const disk = new MemoryDisk();
  const rows = [accountOf("bob"), accountOf("bob", { createdMs: 5 })].map((account) =>
    `${accountRow(account).text}\n`
  );
  disk.place(PATH, HEADER + rows[0]);
  const clock = new LookClock();
  const { accounts } = await openAccounts(disk, FOLDER, clock);
  const told: unknown[] = [];
  const watch = accounts.watch({ ...silent, changed: (changed) => told.push(...changed) });
  disk.place(PATH, HEADER);
  await accounts.find("bob");
  disk.place(PATH, HEADER + rows[1]);
  await accounts.find("bob");
  await clock.looks(3);
  watch.close();

  const { createdMs } = accountOf("bob");
  assertEquals(told, [{ name: "bob", createdMs, now: accountOf("bob", { createdMs: 5 }) }]);
});

Deno.test("so many changes wait, and no more", async () => {
  const disk = new MemoryDisk();
  const { accounts } = await openAccounts(disk, FOLDER);
  const held = Promise.withResolvers<void>();
  disk.latency = () => held.promise;
  const changes = Array.from({ length: 1_025 }, () => accounts.remove(accountOf("bob")));
  const outcomes = Promise.allSettled(changes);
  held.resolve();

  const refused = (await outcomes).filter(({ status }) => status === "rejected");
  assertEquals(refused.length, 1);
  await assertRejects(() => changes[1_024]!, P2pchatError, "1024 changes wait already");
});
