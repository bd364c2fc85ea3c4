import { assertEquals } from "@std/assert";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import type { StreamState } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { Heads } from "../../../../lib/protocols/mesh/log/ledger.ts";
import { HEADS_PER_AUTHOR_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { keyOf } from "../overlay_network.ts";

function streamOf(author: PeerKey, incarnation = 1): StreamState {
  const rest = { counter: 0, id: null, kept: [], keptFrom: 0, head: null, closed: null };
  return { author, incarnation, ...rest };
}

/** The stream's bundle of this time. */
function head({ author, incarnation }: StreamState, time: number) {
  const id = `${author.slice(-2)}${incarnation}${time}`.padStart(64, "0") as BundleId;
  return { author, incarnation, counter: 1, time, id };
}

const [ANN, BOB] = [keyOf(1), keyOf(2)];

Deno.test("Heads: the last bundle of each stream counts, in room order, until another names it", () => {
  const heads = new Heads();
  const [ann, again, bob] = [streamOf(ANN), streamOf(ANN, 2), streamOf(BOB)];
  heads.set(ann, head(ann, 20));
  heads.set(again, head(again, 25));
  heads.set(bob, head(bob, 10));
  heads.set(ann, head(ann, 30));
  assertEquals([heads.all().map(({ time }) => time), heads.count], [[10, 25, 30], 3]);

  for (const named of [bob, bob, again, again]) heads.clear(named);
  assertEquals([heads.all(), heads.count], [[head(ann, 30)], 1]);
});

Deno.test("Heads: a bundle that isn't later than the one before it is a liar's, and replaces nothing", () => {
  const heads = new Heads();
  const ann = streamOf(ANN);
  heads.set(ann, head(ann, 20));
  heads.set(ann, head(ann, 19));
  assertEquals(heads.all(), [head(ann, 20)]);
});

Deno.test("Heads: of one author's streams the latest are named, of others' all", () => {
  const heads = new Heads();
  const bob = streamOf(BOB);
  heads.set(bob, head(bob, 1));
  const streams = Array.from({ length: HEADS_PER_AUTHOR_MAX + 2 }, (_, n) => streamOf(ANN, n));
  for (const stream of streams.toReversed()) {
    heads.set(stream, head(stream, 100 + stream.incarnation));
  }
  const times = heads.all().map(({ time }) => time);
  assertEquals(times, [1, ...streams.slice(2).map(({ incarnation }) => 100 + incarnation)]);
  assertEquals([heads.count, streams[0]!.head], [HEADS_PER_AUTHOR_MAX + 1, null]);
});
