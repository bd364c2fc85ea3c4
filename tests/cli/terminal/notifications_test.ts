import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Unseen } from "../../../lib/cli/terminal/unseen.ts";
import { VirtualClock } from "../../doubles/memory_links.ts";
import { NotificationRate, Notifier, notifying } from "../../../lib/cli/terminal/notifications.ts";
import type { Attention } from "../../../lib/cli/rendering/user_interface.ts";

const HI: Attention = { title: "Bob; to you", body: "hi; there", isUrgent: false };

function written(env: Readonly<Record<string, string>>, attention = HI): string {
  return notifying(attention, (name) => env[name]);
}

const OF_9 = "\x1b]9;Bob; to you - p2pchat: hi; there\x07";
const OF_99 =
  "\x1b]99;i=p2pchat:d=0;Bob; to you - p2pchat\x1b\\\x1b]99;i=p2pchat:p=body;hi; there\x1b\\";
const OF_777 = "\x1b]777;notify;Bob, to you - p2pchat;hi, there\x07";

const TERMINALS: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
  [{ TERM: "xterm-256color" }, ""],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "vscode" }, ""],
  [{ TERM: "linux" }, ""],
  [{}, ""],
  [{ TERM: "xterm-kitty" }, OF_99],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app" }, OF_9],
  [{ TERM: "xterm-256color", LC_TERMINAL: "iTerm2" }, OF_9],
  [{ TERM: "foot" }, OF_777],
  [{ TERM: "foot", KITTY_WINDOW_ID: "1" }, OF_777],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "WezTerm" }, OF_777],
  [{ TERM: "xterm-256color", TERM_PROGRAM: "toString" }, ""],
  [{ TERM: "xterm-256color", VTE_VERSION: "7600" }, OF_777],
  [{ TERM: "tmux-256color", TERM_PROGRAM: "tmux", TMUX: "/tmp/x" }, ""],
];

for (const [env, sequence] of TERMINALS) {
  Deno.test(`notifying() at a terminal with ${JSON.stringify(env)}`, () => {
    assertEquals(written(env), sequence);
  });
}

Deno.test("notifying() goes through tmux in its form", () => {
  const inTmux = written({ TERM: "tmux-256color", TMUX: "/tmp/x", KITTY_WINDOW_ID: "1" });
  assertEquals(inTmux, `\x1bPtmux;${OF_99.replaceAll("\x1b", "\x1b\x1b")}\x1b\\`);
});

Deno.test("notifying() writes nothing of others' that a terminal obeys, nor much of it", () => {
  const text = fc.string({ unit: "binary", maxLength: 600 });
  const nasty = fc.constantFrom(
    "\x07",
    "\x1b\\",
    "\x9c",
    "\x1b]0;x\x07",
    "\u202e",
    "\n",
    "\u2028",
    ";",
  );
  const texts = fc.array(fc.oneof(text, nasty)).map((parts) => parts.join(""));
  fc.assert(fc.property(texts, texts, fc.constantFrom(...TERMINALS), (title, body, [env]) => {
    const sequence = written(env, { title, body, isUrgent: false });
    // deno-lint-ignore no-control-regex
    const bare = sequence.replaceAll(/\x1b\](?:9|99|777);|\x07|\x1b\\/g, "");
    assertEquals(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(bare), false);
    const ends = sequence.replaceAll("\x1b\\", "\x07").split("\x07").length - 1;
    assertEquals(ends <= 2, true);
    assertEquals([...sequence].length < 500, true);
  }));
});

const at = (title: string, isUrgent = false): Attention => ({ title, body: "", isUrgent });

Deno.test("NotificationRate tells of at most one a second, and then of how many", () => {
  const rate = new NotificationRate();
  assertEquals([rate.offer(at("a"), 0), rate.dueMs], [at("a"), null]);
  assertEquals([rate.offer(at("b"), 400), rate.dueMs], [null, 1_000]);
  assertEquals(rate.offer(at("c"), 500), null);
  assertEquals(rate.due(999), null);
  assertEquals([rate.due(1_000), rate.dueMs], [at("c (and 1 more)"), null]);
  assertEquals([rate.offer(at("d"), 1_999), rate.dueMs], [null, 2_000]);
  assertEquals([rate.due(2_500), rate.due(9_000)], [at("d"), null]);
  assertEquals(rate.offer(at("e"), 9_000), at("e"));
});

Deno.test("NotificationRate keeps a call above what is said after it", () => {
  const rate = new NotificationRate();
  rate.offer(at("a"), 0);
  rate.offer(at("bob is calling", true), 10);
  rate.offer(at("b"), 20);
  assertEquals(rate.due(1_000), at("bob is calling (and 1 more)", true));
});

Deno.test("NotificationRate forgets what waits once the user looks", () => {
  const rate = new NotificationRate();
  rate.offer(at("a"), 0);
  rate.offer(at("b"), 10);
  rate.clear();
  assertEquals([rate.dueMs, rate.due(5_000)], [null, null]);
});

Deno.test("NotificationRate: whatever comes when, two are a second apart, and none is told twice", () => {
  const steps = fc.array(fc.tuple(fc.nat(1_500), fc.boolean()), { maxLength: 60 });
  fc.assert(fc.property(steps, (waits) => {
    const rate = new NotificationRate();
    const told: number[] = [];
    let nowMs = 0;
    for (const [waitMs, isUrgent] of waits) {
      nowMs += waitMs;
      if (rate.offer(at("a", isUrgent), nowMs) !== null) told.push(nowMs);
      if (rate.due(nowMs) !== null) told.push(nowMs);
    }
    assertEquals(told.every((ms, index) => index === 0 || ms - told[index - 1]! >= 1_000), true);
    if (waits.length > 0) assertEquals(told.length >= 1, true);
  }));
});

Deno.test("Notifier rings while the user isn't looking, and nothing that waits rings after a key", () => {
  const clock = new VirtualClock();
  const unseen = new Unseen(0);
  const written: string[] = [];
  const streams = { variable: () => undefined, wallMs: () => clock.nowMs() };
  const notifier = new Notifier(unseen, streams, clock, (sequence) => written.push(sequence));
  notifier.attend(at("seen"));
  assertEquals(written, []);
  notifier.focus(false);
  for (const title of ["a", "b", "c"]) notifier.attend(at(title));
  assertEquals(written, ["\x07"]);
  clock.advance(1_000);
  assertEquals(written, ["\x07", "\x07"]);
  notifier.attend(at("d"));
  clock.advance(1_000);
  assertEquals(written.length, 3);
  notifier.attend(at("e"));
  notifier.pressed();
  clock.advance(5_000);
  assertEquals(written.length, 3);
  notifier.focus(false);
  notifier.attend(at("f"));
  notifier.attend(at("g"));
  notifier.close();
  clock.advance(5_000);
  assertEquals(written.length, 4);
});
