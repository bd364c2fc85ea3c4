/** What waits can be a long chain, each link of which a liar made as long as it may be: no stack is. */

import { assert, assertEquals } from "@std/assert";
import { ID_UNKNOWN, nothingOf } from "../../../lib/protocols/mesh/log/frontier_table.ts";
import {
  GAP_LOOKS_BURST,
  HEADS_MAX,
  HEADS_PER_AUTHOR_MAX,
} from "../../../lib/protocols/mesh/schema/limits.ts";
import type { SyncEntry } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle, Head, Header } from "../../../lib/protocols/mesh/schema/structures.ts";
import { type Blocker, missingHead } from "../../../lib/protocols/mesh/log/waiting_pool.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { forged, idOf, Member, WALL_MS } from "./order_members.ts";
import { SLOW } from "../../given.ts";

/** As many as may wait for one link, nearly. */
const CHAIN = 250;

/** Of streams that nobody ever began. */
const INVENTED: readonly Head[] = Array.from({ length: HEADS_MAX }, (_, index) => ({
  author: fakeSigner(`nobody ${Math.floor(index / HEADS_PER_AUTHOR_MAX)}`).key,
  incarnation: 1 + index % HEADS_PER_AUTHOR_MAX,
  counter: 1,
  time: WALL_MS,
  id: ID_UNKNOWN,
}));

/** One author's words, each of which names what `headsOf` says; `gap` counters are left out between two. */
function chain(
  author: Member,
  headsOf: () => readonly Head[],
  gap: number,
  length = CHAIN,
): readonly Bundle[] {
  const bundles: Bundle[] = [];
  for (let index = 0; index < length; index++) {
    const last = bundles.at(-1);
    const place: Partial<Header> = {
      counter: 1 + gap + index * (1 + gap),
      previous: gap > 0 ? ID_UNKNOWN : last === undefined ? null : idOf(last),
    };
    bundles.push(
      forged(author.signer, `${index}`, { ...place, heads: headsOf(), time: WALL_MS + 1 + index }),
    );
  }
  return bundles;
}

/** All of it comes in a range, and all neighbours say that they have it, and none of the rest. */
function takenIn(bundles: readonly Bundle[], low: number): readonly string[] {
  const [ann, eve] = [new Member("ann"), new Member("eve")];
  ann.step({ type: "neighbours", peers: [eve.key] });
  for (const bundle of bundles) ann.receive(eve, bundle, 0, "range");
  const { author, incarnation, counter } = bundles.at(-1)!.header.value;
  const told: SyncEntry = { ...nothingOf({ author, incarnation }), low, counter };
  const entries = [told, ...INVENTED.map(nothingOf)];
  ann.step({ type: "not-kept", from: eve.key, entries, askedMs: 1_500, floor: 0 }, 1_500);
  return ann.shown;
}

Deno.test(
  "Order goes on with a long chain of words, each of which names as many as may be that don't exist",
  SLOW,
  () => {
    const eve = new Member("eve");
    const bundles = chain(eve, () => INVENTED, 0);
    assertEquals(takenIn(bundles, 1), bundles.map(({ texts }) => texts.value[0]!));
  },
);

Deno.test("Order goes on with a long chain of words, between any two of which something is no longer kept", () => {
  const eve = new Member("eve");
  const bundles = chain(eve, () => [], 2);
  assertEquals(takenIn(bundles, CHAIN * 3), bundles.map(({ texts }) => texts.value[0]!));
});

Deno.test("missingHead() looks at each of what a bundle names once, however many it waits for", () => {
  const { header } = forged(fakeSigner("eve"), "x", { heads: INVENTED, time: WALL_MS + 1 });
  const waiting = { waived: new Set<Head>(), blocker: { kind: "floor" } as Blocker };
  let looks = 0;
  for (const [index, head] of header.value.heads.entries()) {
    const missing = missingHead(header.value, index === 0 ? null : waiting, () => {
      looks++;
      return false;
    });
    assertEquals(missing?.head, head);
    waiting.blocker = missing!;
    waiting.waived.add(head);
  }
  assertEquals(missingHead(header.value, waiting, () => false), null);
  assertEquals(looks, HEADS_MAX);
});

interface Counted {
  headersRead: number;
}

/** The bundle; each look at its header is counted. */
function watched(bundle: Bundle, counted: Counted): Bundle {
  const { header } = bundle;
  return {
    ...bundle,
    get header() {
      counted.headersRead++;
      return header;
    },
  };
}

/** So many wait in one row, brought over several links: each first word of an author names the one before. */
function row(ann: Member, length: number): Counted {
  const counted = { headersRead: 0 };
  let head = INVENTED[0]!;
  for (let index = 0; index < length; index++) {
    const liar = fakeSigner(`liar ${index}`);
    const time = head.time + 1;
    const bundle = forged(liar, `${index}`, { heads: [head], time });
    ann.receive(new Member(`link ${Math.floor(index / CHAIN)}`), watched(bundle, counted));
    head = { author: liar.key, incarnation: 1, counter: 1, time, id: idOf(bundle) };
  }
  return counted;
}

Deno.test("Order looks at all that waits in one row once for what a neighbour says, and seldom for what many say", () => {
  const ann = new Member("ann");
  const counted = row(ann, 4 * CHAIN);
  const says = () => {
    const before = counted.headersRead;
    const word = {
      type: "not-kept",
      from: fakeSigner("link 0").key,
      entries: [],
      floor: 0,
    } as const;
    ann.step({ ...word, askedMs: 10 }, 10);
    return counted.headersRead - before;
  };

  const once = says();
  const dueBefore = ann.order.nextDeadlineMs()!;
  const often = Array.from({ length: 1_000 }, says).reduce((sum, reads) => sum + reads);
  const dueMs = ann.order.nextDeadlineMs()!;

  assert(once > 4 * CHAIN && once < 4 * CHAIN * 40, `${once} for one word`);
  assert(often <= once * GAP_LOOKS_BURST / (4 * CHAIN), `${often} for a thousand words`);
  assert(
    dueMs > 10 && dueMs <= Math.min(dueBefore, 510),
    "what was said last is looked at in time",
  );
});

/** What waits for a stream, brought over several links in this order, whose first word then comes. */
function freed(ann: Member, waiting: readonly Bundle[], first: Bundle): Counted {
  const counted = { headersRead: 0 };
  for (const [index, bundle] of waiting.entries()) {
    ann.receive(new Member(`link ${Math.floor(index / CHAIN)}`), watched(bundle, counted));
  }
  counted.headersRead = 0;
  ann.receive(new Member("link 0"), first);
  return counted;
}

/** Of a member that went on without something before this room time, `WALL_MS` and so many ms. */
function recordsBehind(ms: number): readonly MeshRecord[] {
  const [bob, dora] = [new Member("bob"), new Member("dora")];
  const last = forged(dora.signer, "last", { time: WALL_MS + ms });
  const stream = { author: bob.key, incarnation: 1 };
  const lacking = { ...nothingOf(stream), low: 6, counter: 5 };
  return [{ kind: "frontier", entries: [lacking] }, { kind: "bundle", bundle: last }];
}

for (const isBehind of [false, true]) {
  const where = isBehind ? "a member that went on without something" : "a member";
  for (const order of ["forwards", "backwards"]) {
    Deno.test(`Order looks at each of a long row a few times when ${where} gets its first word, which came ${order}`, () => {
      const [first, ...rest] = chain(new Member("eve"), () => [], 0, 4 * CHAIN);
      if (order === "backwards") rest.reverse();
      // So few are kept that what waits may decide whether the first ones are too old.
      const ann = new Member("ann", {
        keptMessagesMax: 4 * CHAIN,
        records: isBehind ? recordsBehind(4 * CHAIN) : [],
      });
      const { headersRead } = freed(ann, rest, first!);
      assertEquals(ann.frontierOf(new Member("eve")), 4 * CHAIN);
      const perWord = headersRead / rest.length;
      assert(perWord < 40, `${perWord} looks at each word`);
    });
  }
}
