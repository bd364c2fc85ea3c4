import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  FRONTIER_AUTHORS_MAX,
  PRIVATE_EARLY_MAX,
  PRIVATE_EARLY_STREAMS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { PrivateInbox } from "../../../../lib/protocols/mesh/private/private_inbox.ts";
import { keyOf } from "../overlay_network.ts";
import { cpuMs } from "../../../cpu_time.ts";
import { SLOW } from "../../../given.ts";

const CAUSE_MS = 10_000;

function inboxOf(isShown = true): PrivateInbox {
  return new PrivateInbox([], { isShown: () => isShown }, () => false, CAUSE_MS);
}

function take(inbox: PrivateInbox, sender: number, counter: number, previous: number) {
  const from = keyOf(sender);
  const head = { author: from, incarnation: 1, counter: 1, time: 1, id: "0".repeat(64) as never };
  const content = { previous, late: false, sentAt: 0, heads: [head], text: String(counter) };
  return inbox.take({ from, incarnation: 1, counter }, content, 0);
}

function shown(inbox: PrivateInbox, nowMs: number): readonly string[] {
  return inbox.takeDue(nowMs).flat().map(({ content }) => content.text);
}

Deno.test("PrivateInbox shows what came early when it is its turn, whatever became of the one before", () => {
  const inbox = inboxOf();
  for (const counter of [4, 3, 2]) take(inbox, 1, counter, counter - 1);
  const early = shown(inbox, 0);
  take(inbox, 1, 1, 0);
  const all = shown(inbox, 0);
  take(inbox, 1, 9, 8);
  const gap = shown(inbox, 0);
  take(inbox, 1, 9, 4); // those in between were given up

  assertEquals([early, all, gap, shown(inbox, 0)], [[], ["1", "2", "3", "4"], [], ["9"]]);
});

Deno.test("PrivateInbox shows what its sender holds first, where another copy of the profile acknowledged what waits", () => {
  const inbox = inboxOf();
  for (const counter of [1, 3, 4, 6]) take(inbox, 1, counter, counter - 1);
  const one = shown(inbox, 0);
  take(inbox, 1, 5, 0); // the other copy has shown all up to the fourth
  const five = shown(inbox, 0);
  take(inbox, 1, 8, 0);
  take(inbox, 1, 8, 7); // an older one comes later

  assertEquals([one, five, shown(inbox, 0)], [["1"], ["5", "6"], ["8"]]);
  assertEquals(inbox.nextMs(), null);
});

Deno.test("PrivateInbox waits for what the sender had been shown, and not for ever", () => {
  const inbox = inboxOf(false);
  take(inbox, 1, 1, 0);
  take(inbox, 1, 2, 1);

  assertEquals(inbox.nextMs(), CAUSE_MS);
  assertEquals([shown(inbox, CAUSE_MS - 1), shown(inbox, CAUSE_MS)], [[], ["1", "2"]]);
  assertEquals(inbox.nextMs(), null);
});

Deno.test(
  "PrivateInbox shows nothing again of who is here, or wrote a while ago, whoever has written since",
  SLOW,
  () => {
    const [here, silent, talks] = [0, 1, 2];
    const inbox = new PrivateInbox(
      [],
      { isShown: () => true },
      (sender) => sender === keyOf(here),
      CAUSE_MS,
    );
    const again = (sender: number) => {
      take(inbox, sender, 1, 0);
      return shown(inbox, 0).length > 0;
    };
    for (const sender of [here, silent, talks]) assert(again(sender));
    for (let sender = 3; sender < FRONTIER_AUTHORS_MAX; sender++) take(inbox, sender, 1, 0);
    take(inbox, talks, 2, 1);
    for (let more = 0; more < 2; more++) take(inbox, FRONTIER_AUTHORS_MAX + more, 1, 0);
    inbox.takeDue(0);

    assertEquals([here, talks, silent].map(again), [false, false, true]);
  },
);

Deno.test("PrivateInbox: messages of a crowd whose turn never comes cost nothing at each step", () => {
  const inbox = inboxOf();
  for (let sender = 0; sender < 512; sender++) {
    for (let at = 0; at < PRIVATE_EARLY_MAX; at++) take(inbox, sender, at + 2, 1);
  }
  assertCheap(() => {
    inbox.nextMs();
    inbox.takeDue(CAUSE_MS);
  });
});

Deno.test("PrivateInbox: a crowd that waits for what nobody has said costs nothing at each step, and has an end", () => {
  const isShown = new Set<PeerKey>();
  const room = { isShown: ({ author }: { author: PeerKey }) => isShown.has(author) };
  const inbox = new PrivateInbox([], room, () => false, CAUSE_MS);
  const receptions = Array.from({ length: 2 * PRIVATE_EARLY_STREAMS_MAX }, (_, sender) => {
    return take(inbox, sender, 1, 0);
  });
  shown(inbox, 0);

  assertEquals(
    [receptions.indexOf("no room"), receptions.lastIndexOf("new") + 1],
    [PRIVATE_EARLY_STREAMS_MAX, PRIVATE_EARLY_STREAMS_MAX],
  );
  assertCheap(() => {
    inbox.nextMs();
    inbox.shown({ author: keyOf(1_000_000), incarnation: 1 });
    inbox.takeDue(1);
  });

  // What can be shown at once needs no place.
  for (const sender of [5, 5_000]) isShown.add(keyOf(sender));
  assertEquals(take(inbox, 5_000, 1, 0), "new");
  assertEquals(shown(inbox, 1).length, 1);
  inbox.shown({ author: keyOf(5), incarnation: 1 });
  assertEquals(shown(inbox, 1).length, 1);
  assertEquals(shown(inbox, CAUSE_MS).length, PRIVATE_EARLY_STREAMS_MAX - 1);
  assertEquals(inbox.nextMs(), null);
});

/** In a few hundred microseconds. */
function assertCheap(step: () => void): void {
  const tookMs = cpuMs(() => {
    for (let time = 0; time < 1_000; time++) step();
  });
  assert(tookMs < 200, `1,000 steps take ${tookMs} ms`);
}
