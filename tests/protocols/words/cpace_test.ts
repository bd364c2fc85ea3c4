import { assertEquals, assertNotEquals } from "@std/assert";
import { ristretto255 } from "@noble/curves/ed25519.js";
import {
  confirmationOf,
  CPace,
  generatorOf,
  isConfirmed,
  lengthPrefixed,
  multiplied,
  randomScalar,
  transcriptOf,
} from "../../../lib/protocols/words/cpace.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import vectors from "./vectors/cpace_ristretto255.json" with { type: "json" };

const { run, points } = vectors;
const bytes = (hex: string) => Uint8Array.fromHex(hex.toLowerCase());
const scalar = (hex: string) => ristretto255.Point.Fn.fromBytes(bytes(hex));
const TERMS = { password: bytes(run.PRS), channel: bytes(run.CI), session: bytes(run.sid) };

Deno.test("CPace computes the draft's generator, shares and key", () => {
  const a = new CPace(TERMS, scalar(run.ya));
  const b = new CPace(TERMS, scalar(run.yb));
  const transcript = transcriptOf(
    { share: a.share, data: bytes(run.ADa) },
    { share: b.share, data: bytes(run.ADb) },
  );

  assertEquals(generatorOf(TERMS).toBytes(), bytes(run.g));
  assertEquals(a.share, bytes(run.Ya));
  assertEquals(b.share, bytes(run.Yb));
  assertEquals(multiplied(b.share, scalar(run.ya)), bytes(run.K));
  assertEquals(a.keyWith(bytes(run.Yb), transcript), bytes(run.ISK_IR));
  assertEquals(b.keyWith(bytes(run.Ya), transcript), bytes(run.ISK_IR));
});

Deno.test("CPace multiplies as the draft does, and gives up at the points that it calls invalid", () => {
  const s = scalar(points.Valid.s);

  assertEquals(multiplied(bytes(points.Valid.X), s), bytes(points.Valid["G.scalar_mult_vfy(s,X)"]));
  assertEquals(multiplied(bytes(points["Invalid Y1"]), s), null);
  assertEquals(multiplied(bytes(points["Invalid Y2"]), s), null);
  assertEquals(multiplied(new Uint8Array(32).fill(255), s), null);
  assertEquals(multiplied(new Uint8Array(31), s), null);
});

Deno.test("lengthPrefixed() writes lengths as the draft's prepend_len", () => {
  const lengths = [0, 4, 127, 128].map((length) => lengthPrefixed(new Uint8Array(length)));

  assertEquals(lengths.map((each) => each.length), [1, 5, 128, 130]);
  assertEquals(lengths[3]!.subarray(0, 3).toHex(), "800100");
});

Deno.test("CPace with another password, channel or session leads to another key", () => {
  const share = (terms: typeof TERMS) => new CPace(terms, scalar(run.ya));
  const key = (terms: typeof TERMS) => share(terms).keyWith(bytes(run.Yb), new Uint8Array(0))!;
  const other = utf8("other");

  const keys = [
    TERMS,
    { ...TERMS, password: other },
    { ...TERMS, channel: other },
    { ...TERMS, session: other },
  ].map((terms) => share(terms).share.toHex() + key(terms).toHex());

  assertEquals(new Set(keys).size, 4);
});

Deno.test("A confirmation is good for one key, session and sender alone", () => {
  const [key, session, data] = [utf8("key"), utf8("session"), utf8("data")];
  const share = bytes(run.Ya);
  const right = confirmationOf(key, session, { share, data });

  assertEquals(isConfirmed(confirmationOf(key, session, { share, data }), right), true);
  for (
    const wrong of [
      confirmationOf(utf8("else"), session, { share, data }),
      confirmationOf(key, utf8("else"), { share, data }),
      confirmationOf(key, session, { share: bytes(run.Yb), data }),
      confirmationOf(key, session, { share, data: utf8("else") }),
      right.subarray(1),
    ]
  ) assertEquals(isConfirmed(wrong, right), false);
});

Deno.test("randomScalar() of another seed is another scalar", () => {
  assertNotEquals(randomScalar(new Uint8Array(64)), randomScalar(new Uint8Array(64).fill(1)));
});
