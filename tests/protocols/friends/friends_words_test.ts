import { assertEquals } from "@std/assert";
import {
  FRIENDS_RULES,
  FRIENDS_WORDS,
  type FriendsFact,
} from "../../../lib/protocols/friends/friends_words.ts";

const WORDS_MAX = 15;
const SENTENCES = Object.values(FRIENDS_WORDS).flatMap((each) => Object.entries<string>(each));
/** Of which key the user is told, and what `/trust` does about it. */
const DECIDED: readonly FriendsFact["fact"][] = [
  ...["new-key", "row-key", "disputed", "row-has-refused", "trust-row", "contested"] as const,
  ...["accepted", "no-other-key", "compared-known", "released", "turned-away"] as const,
];

Deno.test("what friends are told has at most 15 words a sentence, a field counting as one, and no name twice", () => {
  const long = SENTENCES.filter(([, says]) =>
    says.replaceAll(/\{.*?\}/g, "x").split(" ").length > WORDS_MAX
  );

  assertEquals(long, []);
  assertEquals(new Set(SENTENCES.map(([fact]) => fact)).size, SENTENCES.length);
});

Deno.test("nothing that the user decides on is left out as told before", () => {
  assertEquals(DECIDED.filter((fact) => fact in FRIENDS_RULES), []);
});
