/**
 * What a capture of a join by words is worth, to somebody who tries words against it. The attacker here has more than a
 * sniffer: the channel is open to it, with all that was said in it, its hash, and whose keys are at its ends. What it can
 * work out of that with a candidate's words is tried against all that was sent: nothing tells the right words from others.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ristretto255 } from "@noble/curves/ed25519.js";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import {
  CPace,
  type CPaceShare,
  generatorOf,
  lengthPrefixed,
  multiplied,
  transcriptOf,
} from "../../../lib/protocols/words/cpace.ts";
import type { WordsMessage } from "../../../lib/protocols/words/messages.ts";
import {
  WordsExchange,
  WordsKey,
  type WordsParty,
} from "../../../lib/protocols/words/words_exchange.ts";
import { bytesFrom, HonestGuesser, INVITE, IssuerWorld, wrongWords } from "./words_world.ts";

const { Point } = ristretto255;

/** All of one exchange, as an end of its channel sees it. */
interface Capture {
  readonly guesser: WordsParty;
  readonly issuer: WordsParty;
  readonly binding: Uint8Array;
  readonly said: readonly WordsMessage[];
}

type Said<Type> = Extract<WordsMessage, { readonly type: Type }>;

function said<Type extends WordsMessage["type"]>({ said }: Capture, type: Type): Said<Type> {
  return said.find((message) => message.type === type) as Said<Type>;
}

/** A whole join, or a wrong guess. */
function captured(guessed: (code: string) => string) {
  const world = new IssuerWorld();
  const code = world.issue();
  const binding = bytesFrom("the channel's hash")(32);
  const bob = new HonestGuesser(world, "Bob", guessed(code), { binding });
  const ofBob: WordsMessage[] = [];
  for (let turn = 0; turn < 4 && bob.outcome === null; turn++) {
    ofBob.push(...bob.sent);
    bob.turn();
  }
  const capture = {
    guesser: bob.self,
    issuer: world.self,
    binding,
    said: [...ofBob, ...world.said.get(bob.link)!],
  };
  return { code, capture };
}

/** The candidates: a code with its number, among them the right one. */
function candidates(code: string): readonly string[] {
  const [number, first, second] = code.split("-");
  const words = [first, second, "zoo", "abandon"];
  return words.flatMap((one) => words.map((other) => `${number}-${one}-${other}`));
}

/** The key to which these lead, if `product` were that of both scalars. */
function keyFrom(capture: Capture, product: Uint8Array): WordsKey {
  const { guesser, issuer, binding } = capture;
  const shareOf = (role: string, { key, process }: WordsParty, share: Uint8Array): CPaceShare => ({
    share,
    data: lengthPrefixed(utf8(role), Uint8Array.fromHex(key), Uint8Array.fromHex(process)),
  });
  const shares = {
    guesser: shareOf("guesser", guesser, said(capture, "guess").share),
    issuer: shareOf("issuer", issuer, said(capture, "answer").share),
  };
  const terms = { password: utf8(""), channel: binding, session: binding };
  // Times one: a run of which the product is what it is given.
  const key = new CPace(terms, 1n).keyWith(product, transcriptOf(shares.guesser, shares.issuer));
  return new WordsKey(key!, binding, shares);
}

/** Whether anything that was sent is what a run with this key would have sent. */
function fits(capture: Capture, key: WordsKey): boolean {
  const confirmed = key.isConfirmedBy("guesser", said(capture, "confirm").confirmation);
  const invite = said(capture, "invite") as Said<"invite"> | undefined;
  return confirmed || (invite !== undefined &&
    (key.isConfirmedBy("issuer", invite.confirmation) || key.opened(invite.sealed) !== null));
}

/** Each check that somebody can make with a candidate, and what it says. */
function checks(capture: Capture, code: string, scalar: bigint): readonly boolean[] {
  const { binding } = capture;
  const channel = concatBytes(utf8("p2pchat word code 1\0"), binding);
  const generator = generatorOf({ password: utf8(code), channel, session: binding });
  const [ours, theirs] = [said(capture, "guess").share, said(capture, "answer").share];
  const [a, b] = [Point.fromBytes(ours), Point.fromBytes(theirs)];
  const products = [
    generator.toBytes(),
    generator.multiply(scalar).toBytes(),
    ours,
    theirs,
    a.add(b).toBytes(),
    a.subtract(b).toBytes(),
    a.add(generator).toBytes(),
    b.add(generator).toBytes(),
    multiplied(ours, scalar)!,
    multiplied(theirs, scalar)!,
  ];
  return [
    a.equals(generator),
    b.equals(generator),
    ...products.map((product) => fits(capture, keyFrom(capture, new Uint8Array(product)))),
  ];
}

Deno.test("a capture of a join, and of a wrong guess, tells the right words from no others", () => {
  for (const guessed of [(code: string) => code, wrongWords]) {
    const { code, capture } = captured(guessed);
    const results = candidates(code).map((candidate) => checks(capture, candidate, 7n));

    for (const result of results) assertEquals(result, results[0]);
    assert(results[0]!.every((isFit) => !isFit), "nothing fits at all");
  }
});

Deno.test("whoever knows a side's random number, which is never sent, would see which words are right", () => {
  const { code, capture } = captured((code) => code);
  const { guesser, issuer, binding } = capture;
  const fitsWith = (candidate: string) => {
    // As the guesser, who alone knows the bytes of its scalar.
    const ends = { guesser, issuer, binding };
    const exchange = new WordsExchange("guesser", candidate, ends, bytesFrom("Bob's bytes"));
    const key = exchange.agree(said(capture, "answer").share)!;
    return fits(capture, key);
  };

  assertEquals(candidates(code).filter(fitsWith), [code]);
});

Deno.test("the same words on the same channel are said in other bytes each time", () => {
  const { code, capture: { guesser, issuer, binding } } = captured((code) => code);
  const ends = { guesser, issuer, binding };
  const once = (seed: string) => {
    const [one, other] = (["guesser", "issuer"] as const).map((role) =>
      new WordsExchange(role, code, ends, bytesFrom(`${seed} ${role}`))
    );
    const key = one!.agree(other!.share)!;
    return [
      one!.share,
      other!.share,
      key.confirmationOf("guesser"),
      key.confirmationOf("issuer"),
      key.sealed(INVITE),
    ];
  };
  const [first, second] = [once("first"), once("second")];

  for (const [at, bytes] of first.entries()) assertNotEquals(bytes, second[at]);
});
