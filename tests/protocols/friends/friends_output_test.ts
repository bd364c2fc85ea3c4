import { assertEquals } from "@std/assert";
import { Friend } from "../../../lib/protocols/friends/friend.ts";
import { linkOf, outboxEntry, row } from "./fixtures.ts";
import { partOutput } from "./program.ts";

Deno.test("FriendsOutput.queued() tells how much waits where the friend was tried in vain, once for each amount", () => {
  const output = partOutput();
  const bob = new Friend(row("bob", 2), null, { bytes: 0 });
  const queued = (number: number, isLast = true) => {
    const entry = outboxEntry(number);
    bob.outbox.add(entry);
    output.out.queued(entry, bob, isLast);
    return output.words();
  };

  assertEquals(queued(1), ["bob queued"], "it wasn't tried yet");
  bob.failed(0, 0.5, 1);
  assertEquals(queued(2, false), ["bob queued"], "more comes");
  assertEquals(queued(3), ["bob queued (3 waiting)", "warning"]);
  bob.attempt = 1;
  assertEquals(queued(4), ["bob queued"], "it is being tried");
});

Deno.test("FriendsOutput.close() ends the link's phases, and what it waits for", () => {
  const output = partOutput();
  const link = linkOf(1, { dueMs: 5 });

  output.out.close(link, "idle");
  assertEquals([output.words(), link.phase, link.dueMs], [["closes 1: idle"], "over", null]);
});
