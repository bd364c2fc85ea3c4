// Who said each entry of a history, and what edited ones read, through copies and what is taken back.

import { assertEquals } from "@std/assert";
import type { Hash, PeerKey, RequestId } from "../../../../lib/base/ids.ts";
import { EntryPlaces } from "../../../../lib/protocols/group/schema/entry_places.ts";

const ANN = "a1".repeat(32) as PeerKey;
const BOB = "b2".repeat(32) as PeerKey;
const text = (digit: string) => digit.repeat(64) as Hash;

/** Batches of these sizes, by turns of Ann and Bob. */
function said(...sizes: readonly number[]): EntryPlaces {
  const places = new EntryPlaces();
  let seq = 1;
  for (const [at, size] of sizes.entries()) {
    const [author, incarnation] = at % 2 === 0 ? [ANN, "01"] : [BOB, "02"];
    places.said(seq, { author, incarnation, counter: 1 + 10 * at });
    seq += size;
  }
  return places;
}

function wordsOf(places: EntryPlaces, seq: number): string {
  const { author, incarnation, counter } = places.at(seq);
  return `${author === ANN ? "ann" : "bob"} ${incarnation} ${counter}`;
}

Deno.test("each entry is known by author, process and counter", () => {
  const places = said(1, 3, 2);
  assertEquals([1, 2, 3, 4, 5, 6].map((seq) => wordsOf(places, seq)), [
    "ann 01 1",
    "bob 02 11",
    "bob 02 12",
    "bob 02 13",
    "ann 01 21",
    "ann 01 22",
  ]);
});

Deno.test("any number of batches is known", () => {
  const places = said(...new Array<number>(1_000).fill(2));
  for (const seq of [1, 2, 999, 1_000, 1_999, 2_000]) {
    const at = (seq - 1) >> 1;
    const author = at % 2 === 0 ? "ann 01" : "bob 02";
    assertEquals(wordsOf(places, seq), `${author} ${1 + 10 * at + (seq - 1) % 2}`);
  }
});

Deno.test("what is taken back is another's afterwards; a copy goes on by itself", () => {
  const places = said(1, 3);
  const copy = places.copy();
  places.takeBack(1, 1);
  places.said(2, { author: ANN, incarnation: "03", counter: 7 });
  copy.said(5, { author: ANN, incarnation: "04", counter: 9 });
  assertEquals([wordsOf(places, 1), wordsOf(places, 2)], ["ann 01 1", "ann 03 7"]);
  assertEquals([wordsOf(copy, 2), wordsOf(copy, 5)], ["bob 02 11", "ann 04 9"]);
  const again = places.copy();
  again.said(3, { author: BOB, incarnation: "05", counter: 1 });
  places.said(3, { author: BOB, incarnation: "06", counter: 1 });
  assertEquals([wordsOf(again, 3), wordsOf(places, 3)], ["bob 05 1", "bob 06 1"]);
});

Deno.test("an edited entry reads what its last edit says, until that is taken back", () => {
  const places = said(2);
  const change = (seq: number, digit: string) => ({
    seq,
    text: text(digit),
    request: digit.repeat(64) as RequestId,
  });
  places.edited(3, change(1, "3"));
  places.edited(4, change(2, "4"));
  places.edited(5, change(1, "5"));
  const copy = places.copy();
  const reads = (of: EntryPlaces) => [1, 2].map((seq) => of.textOf(seq)?.[0] ?? "never edited");
  assertEquals(reads(places), ["5", "4"]);
  places.takeBack(4, 2);
  assertEquals(reads(places), ["3", "4"]);
  places.takeBack(2, 2);
  assertEquals(reads(places), ["never edited", "never edited"]);
  assertEquals(reads(copy), ["5", "4"]);
  const isDone = (of: EntryPlaces) => of.isDone("3".repeat(64) as RequestId);
  assertEquals([isDone(copy), isDone(places)], [true, false]);
});
