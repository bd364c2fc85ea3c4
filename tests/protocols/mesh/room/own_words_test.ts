import { assertEquals } from "@std/assert";
import { OwnWords } from "../../../../lib/protocols/mesh/room/own_words.ts";

Deno.test("OwnWords has who leaves wait for all neighbours, and after a while for one of them", () => {
  const having = { some: false, all: false };
  const words = new OwnWords(() => having.some, () => having.all, false, false);
  const settled = () => [false, true].map((isLongEnough) => words.isSettled(false, isLongEnough));

  const silent = settled();
  words.said(false);
  // Where there is no neighbour, all of them have it.
  having.all = true;
  const apart = settled();
  [having.some, having.all] = [true, false];
  const some = settled();
  having.all = true;

  assertEquals([silent, apart, some, settled()], [
    [true, true],
    [false, false],
    [false, true],
    [true, true],
  ]);
});

Deno.test("OwnWords has who leaves wait a little for what was said in an earlier process", () => {
  let isWithSomebody = false;
  const words = new OwnWords(() => isWithSomebody, () => isWithSomebody, true, false);
  const settled = () => [false, true].map((isLongEnough) => words.isSettled(false, isLongEnough));

  const before = [...settled(), words.isSettled(true, false)];
  isWithSomebody = true;

  assertEquals([before, settled()], [[false, true, true], [true, true]]);
  assertEquals(words.leavingText(), null);
});

Deno.test("OwnWords tells who leaves what becomes of messages that reached nobody: with --no-history they are lost", () => {
  const texts = [false, true].map((forgets) => {
    const words = new OwnWords(() => false, () => false, false, forgets);
    words.said(true);
    return words.leavingText();
  });
  assertEquals(texts, [
    "Not delivered: your last messages; sent when you come back",
    "Not delivered: your last messages; lost, as nothing is kept (--no-history)",
  ]);
});
