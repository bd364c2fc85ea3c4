import { assert, assertEquals } from "@std/assert";
import { Friend } from "../../../lib/protocols/friends/friend.ts";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "../../../lib/protocols/friends/limits.ts";
import { row } from "./fixtures.ts";

const MOST = 1 - Number.EPSILON;
/** So many friends are waited for that pauses grow to the longest. */
const MANY = 1_000;

function bob(): Friend {
  return new Friend(row("bob", 2), null, { bytes: 0 });
}

/** The pauses after so many failures one after the other. */
function pauses(random: number, count: number): readonly number[] {
  const friend = bob();
  return Array.from({ length: count }, () => {
    friend.failed(1_000, random, MANY);
    return friend.retryAtMs! - 1_000;
  });
}

Deno.test("Friend: pauses between attempts grow by half, up to a bound, and chance shortens them by half", () => {
  const [longest, shortest] = [pauses(MOST, 20), pauses(0, 20)];

  assertEquals(longest.slice(0, 4).map(Math.round), [500, 750, 1_125, 1_688]);
  assertEquals(Math.round(longest.at(-1)!), RETRY_MS_MAX);
  for (const [index, pause] of shortest.entries()) {
    assertEquals(Math.round(2 * pause), Math.round(longest[index]!));
  }
});

Deno.test("Friend: pauses stay shorter where few are waited for", () => {
  const longest = [1, 20, 1_000].map((waiting) => {
    const friend = bob();
    for (let failures = 0; failures < 20; failures++) friend.failed(0, MOST, waiting);
    return Math.round(friend.retryAtMs!);
  });

  assertEquals(longest, [5_250, 10_000, RETRY_MS_MAX]);
});

Deno.test("Friend: pauses begin anew when it was reached", () => {
  const friend = bob();
  for (let failures = 0; failures < 9; failures++) friend.failed(0, 0, MANY);
  assert(friend.retryAtMs! > RETRY_MS_MIN);

  friend.reached(5);
  assertEquals([friend.retryAtMs, friend.isAway], [null, false]);
  friend.failed(5, 0, MANY);

  assertEquals(friend.retryAtMs, 5 + RETRY_MS_MIN / 2);
});

Deno.test("Friend: a new message hurries the next attempt, which comes no sooner than after the shortest pause", () => {
  const friend = bob();
  friend.trying(1_000, 1);
  for (let failures = 0; failures < 9; failures++) friend.failed(1_000, MOST, MANY);

  const soon = friend.hurry(1_100);
  assertEquals([soon, friend.retryAtMs], [false, 1_000 + RETRY_MS_MIN]);
  assertEquals(friend.hurry(1_000 + RETRY_MS_MIN), true);
});

Deno.test("Friend: a new message never puts the next attempt off", () => {
  const friend = bob();
  friend.trying(1_000, 1);
  friend.failed(1_000, 0, MANY);

  friend.hurry(1_100);

  assertEquals(friend.retryAtMs, 1_000 + RETRY_MS_MIN / 2);
});

Deno.test("Friend is away when it was tried in vain, until it is linked", () => {
  const friend = bob();
  const before = friend.isAway;
  friend.failed(0, 0, MANY);

  assertEquals([before, friend.isAway], [false, true]);
});
