/** How much may be told, and what a disk that refuses does. */

import { Others } from "../../../../lib/protocols/directory/sessions/others.ts";
import { assert, assertEquals } from "@std/assert";
import { Broadcasts } from "../../../../lib/protocols/directory/broadcast_log/broadcasts.ts";
import { ToldMessage } from "../../../../lib/protocols/directory/broadcast_log/delivery.ts";
import { BroadcastIntake } from "../../../../lib/protocols/directory/broadcasts/broadcast_intake.ts";
import type { BroadcastPolicy } from "../../../../lib/protocols/directory/schema/directory_io.ts";
import {
  BROADCASTS_MAX,
  BROADCASTS_MS,
  CONTROL_BURST,
  REACHED_MS_MAX,
  TEXT_BYTES_MAX,
  UNSTORED_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { signBroadcast } from "../../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { clientOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { Exchange } from "../exchange.ts";
import { exchangeOf, TTL_MS } from "./broadcast_cases.ts";

/** There and back: longer than until the last repetition. */
const FAR_MS = 2_000;

Deno.test("Directory: sixty a minute for each sender, a reconnect in between or not", () => {
  const { exchange, ann } = exchangeOf("bob");
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    ann.tells("hello");
    exchange.pass(100);
  }
  exchange.take();
  ann.tells("too fast");
  assertEquals(exchange.take(), ["ann: refused too-fast"]);
  const { retryMs } = ann.last("refused");
  assertEquals(retryMs, BROADCASTS_MS - 100 * BROADCASTS_MAX);
  const laptop = exchange.account("ann", "laptop");
  laptop.tells("too fast", 1_000);
  assertEquals(laptop.last("refused").code, "too-fast");
  const bobby = exchange.somebody("bob2", { device: "bob2" }).enters();
  for (let each = 0; each < BROADCASTS_MAX; each++) bobby.tells("hello");
  bobby.goesDown(true);
  bobby.connects().enters({ name: "bob3" });
  bobby.tells("a guest under another name");
  assertEquals(bobby.last("refused").code, "too-fast");
  exchange.take();
  exchange.guest("cem").tells("another sender");
  assert(exchange.take().includes("bob~ told another sender by cem"));
  exchange.pass(retryMs);
  laptop.tells("in time", 1_001);
  assert(exchange.take().includes("bob~ told in time by ann"));
});

for (
  const [policy, account, guest] of [
    ["all", true, true],
    ["accounts", true, false],
    ["operator", false, false],
  ] as const
) {
  Deno.test(`Directory: ${policy} may tell all, others may not`, () => {
    const exchange = new Exchange({ broadcast: policy });
    const ann = exchange.account("ann");
    const bob = exchange.guest("bob");
    assertEquals([ann.last("entered").mayBroadcast, bob.last("entered").mayBroadcast], [
      account,
      guest,
    ]);
    for (const [somebody, may] of [[ann, account], [bob, guest]] as const) {
      exchange.take();
      somebody.tells("hello");
      const [word] = exchange.take();
      assertEquals(word, `${somebody.name}: ${may ? "broadcast-taken 1" : "refused not-allowed"}`);
    }
    exchange.take();
    exchange.command({ command: "broadcast", text: "listen" }, "r");
    assertEquals(exchange.take(), [
      "* broadcast by *directory* [r]",
      "ann: told listen by *directory*",
      "bob: told listen by *directory*",
      "* broadcast-sent, 2 have it [r]",
    ]);
  });
}

Deno.test("Directory: the same broadcast again is taken once, after a restart, too", () => {
  const { exchange: before, ann, guests: [bob] } = exchangeOf("bob");
  ann.tells("hello", 77);
  before.take();
  ann.tells("hello", 77);
  assertEquals([before.take(), bob!.heard], [
    ["ann: broadcast-taken 77", "ann: broadcast-sent, 1 have it"],
    ["hello"],
  ]);
  before.diskMode = "holds";
  ann.tells("twice", 78);
  ann.tells("twice", 78);
  before.diskAnswers();
  assertEquals(bob!.heard, ["hello", "twice"]);

  const exchange = before.restarted();
  const again = exchange.account("ann");
  exchange.take();
  again.tells("hello", 77);
  assertEquals(exchange.take(), ["ann: broadcast-taken 77"]);
  exchange.pass(TTL_MS);
  again.tells("new", 79);
  exchange.take();
  again.tells("hello", 77);
  assertEquals(exchange.take(), ["ann: broadcast-taken 77"], "though nobody is told it any more");
  exchange.account("eve").tells("another's", 77);
  assert(exchange.take().includes("ann: told another's by eve"));
});

Deno.test("Directory: a broadcast whose sender reconnects while it is written is told to the new link", () => {
  const { exchange, ann } = exchangeOf("bob");
  exchange.diskMode = "holds";
  ann.tells("hello");
  ann.goesDown();
  ann.connects().enters({ how: "resume" });
  exchange.take();
  exchange.diskAnswers();
  const words = exchange.take();
  assert(words.includes("ann: broadcast-taken 1") && !words.includes("ann: told hello by ann"));

  exchange.diskMode = "holds";
  ann.tells("again");
  const laptop = exchange.account("ann", "laptop");
  exchange.diskAnswers();
  assert(!laptop.got.some(({ type }) => type === "broadcast-taken"), "it isn't the laptop's");
});

Deno.test("Directory: that the disk refuses is said on the link that asked: it doesn't say of what it is", () => {
  for (const isAsked of [false, true]) {
    const { exchange, ann } = exchangeOf("bob");
    exchange.diskMode = "holds";
    ann.tells("hello", 7);
    ann.goesDown();
    ann.connects().enters({ how: "resume" });
    if (isAsked) ann.tells("hello", 7);
    exchange.take();
    exchange.diskAnswers("refuses");
    const refused = isAsked ? ["ann: refused disk"] : [];
    assertEquals(exchange.take(), [...refused, "* error disk"]);
    exchange.diskMode = "writes";
    ann.tells("hello", 7);
    assert(exchange.take().includes("bob~ told hello by ann"));
  }
});

Deno.test("Directory: that the disk refuses isn't said to the next program of that device", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "holds";
  ann.tells("hello");
  const next = exchange.account("ann");
  exchange.diskAnswers("refuses");
  assertEquals([ann, next].map(({ got }) => got.some(({ type }) => type === "refused")), [
    false,
    false,
  ]);
});

Deno.test("Directory: whose disk is full says when to try again, so that nobody is taken for a flood", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "refuses";
  ann.tells("hello");
  assertEquals([ann.last("refused").code, ann.last("refused").retryMs], ["disk", 1_000]);
});

Deno.test("Directory: acknowledging the same again and again is a flood", () => {
  const { exchange, ann, guests: [bob] } = exchangeOf("bob");
  ann.tells("hello");
  exchange.take();
  for (let each = 0; each < 2 * CONTROL_BURST; each++) {
    bob!.says({ type: "got", through: bob!.through });
  }
  assert(exchange.take().some((word) => word.startsWith("bob: ban")));
});

Deno.test("Directory: whoever is far away acknowledges each repetition, and that is no flood", () => {
  const { exchange, guests: [bob, ...tellers] } = exchangeOf("bob", "cem", "dan", "eva", "flo");
  const coming: { readonly atMs: number; readonly through: number }[] = [];
  bob!.told = ({ number }) => {
    coming.push({ atMs: exchange.nowMs + FAR_MS, through: number });
  };
  for (let each = 0; each < BROADCASTS_MAX; each++) {
    for (const teller of tellers) teller.tells("hello");
  }
  let through = 0;
  const numbers = new Set<number>();
  while (coming.length > 0) {
    exchange.pass(50);
    for (
      let next = coming[0];
      next !== undefined && next.atMs <= exchange.nowMs;
      next = coming[0]
    ) {
      numbers.add(next.through);
      through = Math.max(through, next.through);
      coming.shift();
      for (const way of ["sends", "says"] as const) bob![way]({ type: "got", through });
    }
  }
  assertEquals(numbers.size, tellers.length * BROADCASTS_MAX);
  assert(!exchange.take().some((word) => word.startsWith("bob: ban")));
});

Deno.test("Directory: a disk that refuses to note who has what is told of once, and again after a recovery", () => {
  const { exchange, ann } = exchangeOf();
  const bob = exchange.account("bob");
  const errors = () => exchange.events.filter(({ event }) => event === "error").length;
  for (const expected of [1, 2]) {
    bob.acknowledges = false;
    for (const text of ["one", "two"]) ann.tells(text);
    const told = bob.got.flatMap((message) => message.type === "told" ? [message.number] : []);
    exchange.diskMode = "refuses";
    for (const through of told.slice(-2)) bob.says({ type: "got", through });
    assertEquals(errors(), expected);
    exchange.command({ command: "status" });
    assertEquals(exchange.event("status").problems, ["the disk is full"]);
    exchange.diskMode = "writes";
    bob.acknowledges = true;
  }
});

Deno.test("Directory: of what clients tell all, and a full disk refuses, its operator is told once", () => {
  const { exchange, ann } = exchangeOf();
  exchange.diskMode = "refuses";
  const words: string[] = [];
  for (let each = 0; each < 3; each++) {
    ann.tells("hello");
    exchange.pass(1_000);
    words.push(...exchange.take());
  }
  assertEquals(words, [
    "ann: refused disk",
    "* error disk",
    "ann: refused disk",
    "ann: refused disk",
  ]);
  exchange.command({ command: "broadcast", text: "hello" }, "r1");
  exchange.command({ command: "broadcast", text: "hello" }, "r2");
  assertEquals(exchange.take(), ["* error disk [r1]", "* error disk [r2]"]);

  exchange.diskMode = "writes";
  ann.tells("hello");
  exchange.take();
  exchange.diskMode = "refuses";
  ann.tells("hello");
  assertEquals(exchange.take(), ["ann: refused disk", "* error disk"]);
});

// The intake alone.

/** Ann is in, and with her whoever is named. @param policy Who may broadcast. */
function intakeOf(policy: BroadcastPolicy = "all", ...names: readonly string[]) {
  const output = partOutput();
  const signer = fakeSigner("directory");
  const clients = ["ann", ...names].map((name, at) =>
    clientOf(name, { id: at + 1, isGuest: true })
  );
  const broadcasts = new Broadcasts([], signer.key, () => new Uint8Array(8));
  const sent: string[] = [];
  const intake = new BroadcastIntake({
    out: output.out,
    broadcasts,
    marks: { changed: () => {} },
    others: new Others(),
    isUp: () => true,
    sessions: sessionsOf(...clients),
    deliveries: {
      pump: ({ name }) => void sent.push(name),
      got: ({ delivery }, through) => {
        delivery.sent(new ToldMessage({ ...TOLD, number: through }));
        return delivery.acknowledged(through) !== null;
      },
      gone: () => {},
    },
    crypto: fakeCrypto,
    signer,
    policy,
    ttlMs: 60_000,
    wallMs: () => 1,
  });
  let own = 0;
  const tells = (text: string, by = 0) => {
    const { name: from, key } = clients[by]!;
    const said = { from, own: ++own, sentAt: 5, text };
    const signature = signBroadcast(fakeSigner(from), { directory: signer.key, ...said });
    assertEquals(key, fakeSigner(from).key);
    return intake.broadcast(clients[by]!, { type: "broadcast", ...said, signature });
  };
  return { output, intake, broadcasts, clients, sent, tells };
}

const TOLD = {
  type: "told",
  after: 0,
  from: "ann",
  sentAt: 5,
  text: "hello",
  key: fakeSigner("ann").key,
  own: 1,
  signature: new Uint8Array(64),
  guest: true,
} as const;

Deno.test("BroadcastIntake: nobody hears of what isn't on disk; its sender hears when all have it", () => {
  const { output, intake, broadcasts, clients, sent, tells } = intakeOf("all", "bob");
  tells("hello");
  assertEquals(sent, []);
  assertEquals(output.diskAnswers(), [
    "writes broadcast",
    "1: broadcast-taken 1",
    "* broadcast by ann",
  ]);
  assertEquals(sent, ["ann", "bob"]);

  assertEquals(intake.got(clients[1]!, broadcasts.last), true);
  assertEquals(output.words(), ["1: broadcast-sent, 1 have it"]);
});

Deno.test("BroadcastIntake: who isn't allowed to, or hasn't signed it, sends none; an empty one is no broadcast", () => {
  const guest = intakeOf("accounts");
  guest.tells("hello");
  assertEquals([guest.output.words(), guest.tells("")], [
    ["1: refused not-allowed"],
    "a broadcast of nothing",
  ]);

  const { output, intake, clients: [ann] } = intakeOf();
  const forged = { type: "broadcast", own: 1, sentAt: 5, text: "x", signature: new Uint8Array(64) };
  intake.broadcast(ann!, forged as Parameters<typeof intake.broadcast>[1]);
  assertEquals(output.words(), ["1: refused protocol"]);
});

Deno.test("BroadcastIntake: a disk that doesn't answer isn't given more and more", () => {
  const { output, tells } = intakeOf("all", "bob", "cem", "dan", "eve", "fay");
  for (let each = 0; each < 50; each++) for (let by = 0; by < 6; by++) tells("hello", by);

  const refused = output.words().filter((word) => word.endsWith("refused too-fast"));
  assertEquals(refused.length, 6 * 50 - UNSTORED_MAX);
});

Deno.test("BroadcastIntake: one that the disk refuses doesn't count against its sender, and the operator is told once", () => {
  const { output, tells } = intakeOf();
  for (let each = 0; each <= BROADCASTS_MAX; each++) {
    tells("never");
    const told = each === 0 ? ["* error disk"] : [];
    assertEquals(output.diskAnswers("full"), ["writes broadcast", "1: refused disk", ...told]);
  }
});

Deno.test("BroadcastIntake: what the operator says is bounded as well", () => {
  const { output, intake } = intakeOf();
  const says = (text: string) => {
    intake.operator(text, "r");
    return output.words();
  };

  assertEquals(says("x".repeat(TEXT_BYTES_MAX + 1)), ["* error too-long [r]"]);
  for (let each = 0; each < BROADCASTS_MAX; each++) says("hello");
  assertEquals(says("hello"), ["* error too-fast [r]"]);
});

Deno.test("BroadcastIntake: after 9 s it is told how many have it, whoever is awaited", () => {
  const { output, intake, tells } = intakeOf("all", "bob");
  tells("hello");
  output.diskAnswers();

  assertEquals(intake.nextMs(), output.out.nowMs + REACHED_MS_MAX);
  output.pass(REACHED_MS_MAX);
  intake.tick(output.out.nowMs);
  assertEquals([output.words(), intake.nextMs()], [["1: broadcast-sent, 0 have it"], null]);
});
