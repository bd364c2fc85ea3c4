import { assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { type Fingerprint, parseFingerprint } from "../../../lib/base/text/fingerprint.ts";
import { editText, friendsOf, TableFollower } from "../../../lib/cli/friends/table_follower.ts";
import { ownRow, userInfoRows } from "../../../lib/store/users/user_info.ts";

const KEY: Fingerprint = parseFingerprint("xsazfbd3ockoqe46yrkpuxern4x");
const rowsOf = (text: string) => userInfoRows("users.txt", utf8(text.replaceAll(", ", "\n")));

class Followed {
  readonly told: string[] = [];
  readonly troubles: (string | null)[] = [];
  readonly follower: TableFollower;
  friends: readonly string[] = [];
  /** What each notice says of who is in the table then. */
  readonly names: (readonly string[])[] = [];

  constructor(table: string, fingerprint = KEY) {
    const rows = rowsOf(table);
    const own = ownRow("users.txt", rows, { name: "alice" });
    const identity = { fingerprint };
    this.follower = new TableFollower("users.txt", { rows, own }, identity, {
      isDisputed: ({ fingerprint }) => fingerprint !== null,
      edited: (now) => this.friends = friendsOf(now).map(({ name }) => name),
      notice: (text, names) => {
        this.told.push(text);
        this.names.push(names);
      },
      failed: ({ code, message }) => this.told.push(`${code}: ${message}`),
      trouble: (text) => this.troubles.push(text),
    });
  }

  edit(table: string): void {
    this.follower.changed(rowsOf(table));
  }
}

Deno.test("an edit of the table is told with what it changed", () => {
  const edits: readonly (readonly [before: string, after: string, text: string | null])[] = [
    ["bob b 1, carol c 1", "bob b 1, carol 127.0.0.1 5003", "carol is at 127.0.0.1:5003 now"],
    ["bob b 1", `bob b 1 ${KEY}`, `bob has the key ${KEY} now`],
    [`bob b 1 ${KEY}`, "bob b 1", "bob has no key there now"],
    ["bob b 1", `bob ::1 2 ${KEY}`, `bob is at [::1]:2 now and has the key ${KEY} now`],
    ["bob b 1", "carol c 1, dave d 1, eve e 1", "added carol, dave, eve; removed bob"],
    ["bob b 1, carol c 1", "carol c 1, BOB b 1", null],
  ];
  for (const [before, after, text] of edits) {
    assertEquals(editText(rowsOf(before), rowsOf(after)), text);
  }
});

Deno.test("an edit of many rows is told with some of them", () => {
  const table = (from: number, port: number) =>
    rowsOf(Array.from({ length: 20 }, (_, at) => `f${from + at} h${from + at} ${port}`).join(", "));
  const moved = Array.from({ length: 8 }, (_, at) => `f${at} is at h${at}:2 now`).join("; ");

  assertEquals(editText(table(0, 1), table(0, 2)), `${moved}; 12 more have changed`);
  assertEquals(editText([], table(0, 1)), "added f0, f1, f2, f3, f4, f5, f6, f7 and 12 more");
});

Deno.test("a broken table is a trouble until it is in order again, which is told", () => {
  const followed = new Followed("alice a 1, bob b 1");
  const text = "Cannot be alice: users.txt has no row of that name; add one, as in " +
    "p2pchat users add users.txt alice HOST PORT. Until then the table is as it was";
  followed.edit("bob b 1");
  assertEquals(followed.friends, []);
  followed.edit("alice a 1, bob b 1");
  followed.edit("alice a 1, bob b 1, carol c 1");
  followed.follower.broken(new P2pchatError("bad-file", "Cannot read it"));
  followed.edit("alice a 1, carol c 2");

  assertEquals(followed.told, [
    `bad-file: ${text}`,
    "users.txt is in order again, as it was",
    "users.txt was edited: added carol",
    "bad-file: Cannot read it. Until then the table is as it was",
    "users.txt is in order again: removed bob; carol is at c:2 now",
  ]);
  assertEquals(followed.troubles, [
    text,
    null,
    null,
    "Cannot read it. Until then the table is as it was",
    null,
  ]);
  assertEquals(followed.friends, ["carol"]);
  assertEquals(followed.names, [["bob"], ["bob", "carol"], ["carol"]]);
});

Deno.test("a table that is in order again with another address of one's own isn't as it was", () => {
  const followed = new Followed("alice a 1, bob b 1");
  followed.edit("bob b 1");
  followed.edit("alice a 2, bob b 1");
  followed.edit("bob b 1");
  followed.edit("alice a 1, bob b 2");

  assertEquals(followed.told.filter((text) => !text.startsWith("bad-file")), [
    "users.txt is in order again: you are at a:2 now",
    "users.txt is in order again: bob is at b:2 now; you are at a:1 now",
  ]);
});

Deno.test("a comment in the table is no news, and somebody else's key in one's own row is wrong", () => {
  const followed = new Followed("alice a 1, bob b 1", "other" as Fingerprint);
  followed.edit("# ours, alice a 1, bob b 1");
  assertEquals(followed.told, []);
  followed.edit(`alice a 1 ${KEY}, bob b 1`);

  assertEquals(followed.told.map((text) => text.slice(0, 36)), [
    "bad-file: Cannot be alice: users.txt",
  ]);
});

Deno.test("a key of which the machine warns isn't told of with the edit, too", () => {
  const followed = new Followed("alice a 1, bob b 1");
  followed.edit(`alice a 1, bob b 1 ${KEY}`);
  followed.edit(`alice a 1, bob b 2 ${KEY}`);
  followed.edit("bob b 1");
  followed.edit("alice a 1, bob b 2");
  followed.edit("bob b 1");
  followed.edit(`alice a 1, bob b 2 ${KEY}`);

  assertEquals(followed.told.filter((text) => !text.startsWith("bad-file")), [
    "users.txt was edited: bob is at b:2 now",
    "users.txt is in order again: bob has no key there now",
    "users.txt is in order again",
  ]);
});
