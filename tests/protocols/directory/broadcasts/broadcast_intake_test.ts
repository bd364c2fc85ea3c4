/** A broadcast is taken, stored, told to all, and its sender hears how many have it. */

import { assert, assertEquals } from "@std/assert";
import {
  BROADCASTS_MAX,
  DATAGRAM_TEXT_BYTES_MAX,
  LEAVE_MS_MAX,
  REACHED_MS_MAX,
  REPEAT_MS,
  REPORTS_KEPT_MS,
  REPORTS_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { signBroadcast } from "../../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { Exchange } from "../exchange.ts";
import { exchangeOf } from "./broadcast_cases.ts";

Deno.test("Directory: a broadcast reaches all but its sender, in datagrams, and the sender hears how many", () => {
  const { exchange, ann } = exchangeOf("bob", "cem");
  ann.tells("hello");

  assertEquals(exchange.take(), [
    "ann: broadcast-taken 1",
    "* broadcast by ann",
    "bob~ told hello by ann",
    "cem~ told hello by ann",
    "ann: broadcast-sent, 2 have it",
  ]);
  exchange.pass(60_000);
  assertEquals(exchange.take(), []);
  assertEquals(exchange.machine.nextDeadlineMs(), null);
});

Deno.test("Directory: a long one goes over the link, and so does one to who hasn't shown where it is", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  exchange.guest("cem");
  exchange.take();
  ann.tells("x".repeat(DATAGRAM_TEXT_BYTES_MAX));
  ann.tells("x".repeat(DATAGRAM_TEXT_BYTES_MAX + 1));
  const told = exchange.take().filter((word) => word.includes("told"));
  assertEquals(told.map((word) => word.slice(0, 9)), [
    "bob~ told",
    "cem: told",
    "bob: told",
    "cem: told",
  ]);
  assertEquals(bob!.heard.length, 2);
});

Deno.test("Directory: a long one to many is one message", () => {
  const { exchange, ann } = exchangeOf("bob", "cem", "dan");
  const before = exchange.sends;
  ann.tells("x".repeat(2_000));
  assertEquals(exchange.sends - before, 3, "taken, told, sent");
});

Deno.test("Directory: a lost datagram is repeated, and then goes over the link", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  exchange.losesDatagrams = true;
  const from = exchange.datagrams;
  ann.tells("hello");
  const sent = [exchange.datagrams - from];
  for (const ms of REPEAT_MS) {
    exchange.pass(ms - 1);
    sent.push(exchange.datagrams - from);
    exchange.pass(1);
    sent.push(exchange.datagrams - from);
  }
  assertEquals(sent, [1, 1, 2, 2, 3, 3, 3]);
  assertEquals(bob!.heard, ["hello"]);
  assertEquals(exchange.take().slice(-2), [
    "bob: told hello by ann",
    "ann: broadcast-sent, 1 have it",
  ]);
});

Deno.test("Directory: one sender's broadcasts keep their order, whichever way they go", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  bob!.acknowledges = false;
  ann.tells("one");
  ann.tells("x".repeat(2_000));
  ann.tells("three");
  const over = bob!.got.flatMap((message) => message.type === "told" ? [message] : []);
  exchange.pass(5_000);
  const all = bob!.got.flatMap((message) => message.type === "told" ? [message] : []);
  assertEquals(over.length, 1);
  const numbers = [...new Map(all.map((each) => [each.number, each.after]))].sort();
  assertEquals(numbers.map(([, after]) => after), [0, numbers[0]![0], numbers[1]![0]]);
});

for (const how of ["account", "guest"] as const) {
  const returning = { how: how === "guest" ? "guest" : "resume" } as const;

  Deno.test(`Directory: an ${how} that comes back on another link before it has acknowledged counts as reached`, () => {
    for (const isLost of [true, false]) {
      for (const hadIt of [true, false]) {
        const { exchange, ann } = exchangeOf();
        const bob = exchange[how]("bob");
        bob.acknowledges = false; // or it was on its way as the link broke
        ann.tells("hello");
        exchange.take();
        if (isLost) bob.goesDown();
        assert(!exchange.take().some((word) => word.includes("broadcast-sent")));
        bob.acknowledges = true;
        bob.connects().enters({ ...returning, seen: hadIt ? bob.last("told").number : null });
        assert(exchange.take().includes("ann: broadcast-sent, 1 have it"));
        assertEquals(bob.heard, hadIt ? [] : ["hello"]);
      }
    }
  });

  Deno.test(`Directory: an ${how} that is lost and doesn't come back is waited for no longer than others`, () => {
    const { exchange, ann } = exchangeOf();
    const bob = exchange[how]("bob");
    bob.acknowledges = false;
    ann.tells("hello");
    bob.goesDown();
    exchange.take();
    exchange.pass(REACHED_MS_MAX);
    assert(exchange.take().includes("ann: broadcast-sent, 0 have it"));
  });
}

Deno.test("Directory: a sender that is away when it is known how many have it is told when it is back, and when it sends it again", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  ann.tells("hello", 7);
  ann.goesDown();
  bob.says({ type: "got", through: bob.last("told").number });
  const sent = () => exchange.take().filter((word) => /entered|taken|sent/.test(word));
  assertEquals(sent().slice(-1), ["ann: broadcast-taken 7"]);
  ann.connects().enters({ how: "resume" });
  assertEquals(sent(), ["ann: entered as ann", "ann: broadcast-sent, 1 have it"]);
  ann.tells("hello", 7);
  assertEquals(sent(), ["ann: broadcast-taken 7", "ann: broadcast-sent, 1 have it"]);

  exchange.account("ann", "laptop");
  assertEquals(sent(), ["ann: entered as ann"], "which hasn't sent it");
  ann.connects().enters({ how: "log-in" });
  assertEquals(sent(), ["ann: entered as ann", "ann: broadcast-sent, 1 have it"]);
  ann.goesDown();
  exchange.pass(REACHED_MS_MAX + REPORTS_KEPT_MS);
  exchange.take();
  ann.connects().enters({ how: "resume" });
  assertEquals(sent(), ["ann: entered as ann"], "after so long");
});

Deno.test("Directory: a guest that comes back too late to be told counts for nothing", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  ann.tells("hello");
  bob.enters(); // twice: no name is held for it
  exchange.take();
  bob.connects().enters();
  assertEquals(exchange.take().filter((word) => word.includes("sent")), [
    "ann: broadcast-sent, 0 have it",
  ]);
  exchange.pass(REACHED_MS_MAX);
  assert(!exchange.take().some((word) => word.includes("sent")));
});

Deno.test("Directory: an account that comes back when it is too late to come for it counts for nothing", () => {
  const exchange = new Exchange({ ttlMs: 100 });
  const ann = exchange.account("ann");
  const cem = exchange.guest("cem");
  const bob = exchange.account("bob");
  for (const slow of [bob, cem]) slow.acknowledges = false;
  ann.tells("hello");
  bob.goesDown();
  exchange.pass(100);
  bob.acknowledges = true;
  bob.connects().enters({ how: "resume" });
  ann.tells("again");
  assertEquals(bob.heard, ["again"]);
  exchange.take();
  cem.goesDown(true);
  assertEquals(exchange.take().filter((word) => word.includes("sent")), [
    "ann: broadcast-sent, 0 have it",
    "ann: broadcast-sent, 1 have it",
  ]);
});

Deno.test("Directory: of so many at once that nobody acknowledges, the earliest are told as they are", () => {
  const exchange = new Exchange();
  const bob = exchange.guest("bob");
  bob.acknowledges = false;
  const senders = Array.from({ length: 6 }, (_, each) => exchange.guest(`n${each}`));
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    for (const sender of senders) sender.tells("hello");
  }
  const sent = senders.flatMap(({ got }) => got).filter(({ type }) => type === "broadcast-sent");
  assertEquals(sent.length, 6 * BROADCASTS_MAX - REPORTS_MAX);
});

/** The operator tells all, and leaves at once, as at the end of input. */
function operatorTellsAndQuits(exchange: Exchange): void {
  exchange.command({ command: "broadcast", text: "we are closing" }, "r1");
  exchange.command({ command: "quit" });
}

Deno.test("Directory: what its operator tells all right before it ends reaches those who are there", () => {
  const { exchange, guests: [bob] } = exchangeOf("bob");
  exchange.diskMode = "holds";
  operatorTellsAndQuits(exchange);
  assertEquals(exchange.take(), []);
  exchange.diskAnswers();

  assertEquals(bob!.heard, ["we are closing"]);
  const words = exchange.take();
  assert(words.includes("* broadcast-sent, 2 have it [r1]"), words.join("\n"));
  assert(words.includes("bob: dismissed closing"), words.join("\n"));
  assertEquals(words.at(-1), "stops: bye");
});

Deno.test("Directory: its operator waits neither for what others tell all, nor where nobody is there", () => {
  const { exchange, ann } = exchangeOf("bob");
  exchange.diskMode = "holds";
  ann.tells("hello"); // is told again when the directory is back
  exchange.command({ command: "quit" });
  assertEquals(exchange.take().at(-1), "stops: bye");

  const alone = new Exchange();
  operatorTellsAndQuits(alone);
  assertEquals(alone.take().slice(-2), ["* broadcast-sent, 0 have it [r1]", "stops: bye"]);
});

Deno.test("Directory: its operator waits for who doesn't answer until that is told, 9 s", () => {
  const { exchange, guests: [bob] } = exchangeOf("bob");
  bob!.acknowledges = false;
  operatorTellsAndQuits(exchange);
  exchange.take();
  const operators = () => exchange.take().filter((word) => !word.startsWith("bob"));
  exchange.pass(999);
  assertEquals(operators(), []);
  exchange.pass(1);
  assertEquals(operators(), ["* notice"]);
  exchange.command({ command: "quit" });
  exchange.pass(REACHED_MS_MAX - 1_001);
  assertEquals(operators(), []);
  exchange.pass(1);
  assertEquals(exchange.take().filter((word) => /^[*s]/.test(word)), [
    "* broadcast-sent, 1 have it [r1]",
    "* logout ann closing",
    "* logout bob closing",
    "stops: bye",
  ]);
});

Deno.test("Directory: its operator waits for a disk that doesn't answer 10 s at most", () => {
  const exchange = new Exchange();
  exchange.diskMode = "holds";
  operatorTellsAndQuits(exchange);
  exchange.pass(LEAVE_MS_MAX - 1);
  assertEquals(exchange.take(), ["* ready", "* notice"]);
  exchange.pass(1);
  assertEquals(exchange.take(), ["* error in-doubt [r1]", "stops: bye"]);
});

Deno.test("Directory: takes no broadcast that its sender hasn't signed for it, under the name that it has", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  const words = { own: 1, sentAt: 5, text: "hello" };
  const said = { directory: fakeSigner("directory").key, from: "ann", ...words };
  const signer = fakeSigner(ann.device);
  for (
    const signature of [
      new Uint8Array(64),
      signBroadcast(fakeSigner(bob!.device), said),
      signBroadcast(signer, { ...said, directory: bob!.key }),
      signBroadcast(signer, { ...said, from: "bob" }),
      signBroadcast(signer, { ...said, sentAt: 6 }),
      signBroadcast(signer, { ...said, text: "hello!" }),
    ]
  ) ann.says({ type: "broadcast", ...words, signature });
  const refused = ann.got.flatMap((message) => message.type === "refused" ? message.code : []);
  assertEquals(refused, Array(6).fill("protocol"));
  assertEquals(bob!.heard, []);
  ann.says({ type: "broadcast", ...words, signature: signBroadcast(signer, said) });
  exchange.take();
  assertEquals(bob!.heard.length, 1);
});

for (const diskMode of ["writes", "holds"] as const) {
  Deno.test(`Directory: a broadcast that isn't later than one of the same key is refused where its disk ${diskMode}, as nobody would be shown it`, () => {
    const { exchange, ann, guests: [bob] } = exchangeOf("bob");
    exchange.diskMode = diskMode;
    ann.tells("by a copy of ann's profile", 7);
    ann.tells("never", 6);
    ann.tells("nor under one number", 7);
    exchange.diskAnswers();
    exchange.diskMode = "writes";
    ann.tells("by a copy of ann's profile", 7);
    ann.tells("nor later", 7);
    ann.tells("later", 8);
    const refused = ann.got.flatMap((message) => message.type === "refused" ? message.code : []);
    assertEquals(refused, ["not-allowed", "not-allowed", "not-allowed"]);
    assertEquals(bob!.heard, ["by a copy of ann's profile", "later"]);
  });
}
