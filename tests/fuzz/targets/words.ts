/**
 * What nobody would say, to the issuer of a word code and to whoever guesses at it, on several links at once. Whatever
 * comes, no invite goes to who doesn't know the words, each code has one guess, and memory stays bounded.
 *
 * An input is a row of parcels (`parcels.ts`).
 */

import { assert } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { WORDS_MESSAGES, type WordsMessage } from "../../../lib/protocols/words/messages.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import {
  bytesFrom,
  HonestGuesser,
  IssuerWorld,
  numberOf,
  partyOf,
  wrongWords,
} from "../../protocols/words/words_world.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import { messagesIn, parcelOf } from "../parcels.ts";
import type { Target } from "../target.ts";

const CODEC = createCodec(WORDS_MESSAGES);
/** Ends that the issuer may tell: of one code at most one, and once that somebody came late. */
const ENDS_MAX = 2;

/** The same in each run, so that pieces name the code that is open. */
function world(): { readonly world: IssuerWorld; readonly code: string } {
  const made = new IssuerWorld("fuzz");
  return { world: made, code: made.issue() };
}

const { code: CODE } = world();
const OTHER = new HonestGuesser(world().world, "Mallory", wrongWords(CODE)).sent[0]!;
const SHARES = [new Uint8Array(32), new Uint8Array(32).fill(255)].concat(
  OTHER.type === "guess" ? [new Uint8Array(OTHER.share)] : [],
);
const PIECES = [...SHARES, utf8(CODE)].concat(NUMBERS as Uint8Array<ArrayBuffer>[], NO_TEXT);

function messages(random: Random): readonly WordsMessage[] {
  const share = random.pick(SHARES);
  const confirmation = random.bytes(64);
  return [
    { type: "guess", number: random.chance(0.7) ? numberOf(CODE) : random.below(100), share },
    { type: "answer", share },
    { type: "confirm", confirmation },
    { type: "invite", confirmation, sealed: random.bytes(random.below(40)) },
  ];
}

function piece(random: Random): Uint8Array {
  const encoded = CODEC.encode(random.pick(messages(random))).slice();
  const bytes = random.chance(0.3) ? spoilt(encoded, PIECES, random) : encoded;
  return parcelOf(random.below(8), bytes);
}

/** @returns Whether some message was one. */
function check(input: Uint8Array): boolean {
  const { world: issuing, code } = world();
  const links = [0, 1, 2].map((at) => issuing.linked(partyOf(`s${at}`), bytesFrom(`b${at}`)(32)));
  const guest = new HonestGuesser(new IssuerWorld("elsewhere"), "Bob", code);
  let isTaken = false;
  for (const { kind, message } of messagesIn(input, CODEC)) {
    isTaken = true;
    if (kind % 4 === 3) guest.told(message);
    else issuing.heard(links[kind % 4]!, message);
    issuing.pass(kind * 100);
  }
  const said = [...issuing.said.values()].flat();
  assert(!said.some(({ type }) => type === "invite"), "no invite for who doesn't know the words");
  assert(said.filter(({ type }) => type === "answer").length <= 1, "a code has one guess");
  assert(issuing.ended.length <= ENDS_MAX, "each end is told once");
  assert(guest.outcome?.type !== "invited", "an invite counts only from who knows the words");
  return isTaken;
}

export const wordsTarget: Target = {
  name: "words",
  pieces: PIECES,
  bytesMax: 2_048,
  make: (random) =>
    concatBytes(...Array.from({ length: 1 + random.below(8) }, () => piece(random))),
  check,
};
