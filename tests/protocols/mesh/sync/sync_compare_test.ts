import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { nothingOf } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import type { OrderQueries } from "../../../../lib/protocols/mesh/log/order_io.ts";
import { streamKey } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { compareFrontiers } from "../../../../lib/protocols/mesh/sync/sync_compare.ts";

Deno.test("compareFrontiers() takes for nothing what somebody was asked for and says nothing of", () => {
  const stream = { author: "a".repeat(64) as PeerKey, incarnation: 1 };
  const gap = nothingOf(stream);
  const order: Partial<OrderQueries> = { gaps: () => [gap], entriesOf: () => [] };
  const statementsOf = (gaps: ReadonlySet<ReturnType<typeof streamKey>>) =>
    compareFrontiers(order as OrderQueries, [], {
      buckets: new Set(),
      gaps,
      whole: true,
      all: false,
    }).statements;

  assertEquals(statementsOf(new Set([streamKey(stream)])), [gap]);
  assertEquals(statementsOf(new Set()), [], "equal hashes cover nothing of which nothing is kept");
});
