/**
 * Where a text of another program's comes in. Names and hosts are refused by their schema where they can't be any; any
 * other text must be checked, or be shown as the other's words, so that nobody speaks as the program itself.
 */

import { assertEquals } from "@std/assert";
import { PROTOCOLS } from "./protocols.ts";

const SAID = "what somebody says: shown as a message, behind their name";
const QUOTED = "shown between quotation marks, behind who says it, or not at all";
const CODE = "a word that is known; any other one is quoted, or shown not at all";
const SECRET = "never shown";
const ANSWERED = "checked where it comes in: the sender is told `bad-name`, or what its name is";
const SIGNED_NAME = "checked with the structure in which it is signed, before that counts";
const COMPARED = "compared alone, never shown";
const DIALLED = "dialled alone, never shown; what is shown is in a beacon, and checked with that";

/** What becomes of each text, by its last names. */
const TREATED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mesh: {
    "join.name": ANSWERED,
    "refuse.text": QUOTED,
    "claim.name": SIGNED_NAME,
    "claims.name": SIGNED_NAME,
    "earlier.name": SIGNED_NAME,
    "entries.name": SIGNED_NAME,
    "rotations.name": SIGNED_NAME,
    "admitterClaim.name": SIGNED_NAME,
    away: QUOTED,
    folded: COMPARED,
    "bundle.texts": SAID,
    "beacon.host": SIGNED_NAME,
    "beacons.host": SIGNED_NAME,
    "entries.host": SIGNED_NAME,
    "endpoint.host": "our own is checked in `newcomer.ts`, a member's before it is dialled",
    host: DIALLED,
  },
  friends: {
    "hello.name": ANSWERED,
    "hello.to": ANSWERED,
    away: QUOTED,
    "entries.text": SAID,
  },
  group: {
    "hello.name": ANSWERED,
    "hello.host": ANSWERED,
    "refuse.text": QUOTED,
    "edit-refused.text": QUOTED,
    "vote.reason": QUOTED,
    away: QUOTED,
    "reason.said": QUOTED,
    "signed.name": SIGNED_NAME,
    "one.name": SIGNED_NAME,
    "other.name": SIGNED_NAME,
    "batches.name": SIGNED_NAME,
    text: SAID,
    texts: SAID,
  },
  "group-datagram": {},
  words: {},
  directory: {
    "enter.name": ANSWERED,
    "call.name": ANSWERED,
    "call.refused": COMPARED,
    "visit.as": COMPARED,
    "visit.name": ANSWERED,
    "visit.refused": COMPARED,
    "search.part": COMPARED,
    "search.after": COMPARED,
    "told.from": "a name, or the directory's: checked in `broadcast_receiver.ts`",
    "refused.text": QUOTED,
    "dismissed.text": QUOTED,
    away: QUOTED,
    why: QUOTED,
    "answer.reason": CODE,
    "hang-up.reason": CODE,
    "outcome.reason": CODE,
    password: SECRET,
    newPassword: SECRET,
    "change-password.old": SECRET,
    "change-password.new": SECRET,
    text: SAID,
  },
  transfer: {
    "offer.name": "made a name of a file that can't lead out of the folder: `file_names.ts`",
  },
  meeting: {
    "connect.member": COMPARED,
    "refused.text": QUOTED,
    "close.reason": QUOTED,
  },
};

const TEXT = /(?:(\w+): (?:null or |list of \d+ x )*)?text, \d+ B/g;

Deno.test("every text that another program sends is checked or shown as its words", () => {
  for (const { name, specs } of PROTOCOLS) {
    const treated = TREATED[name]!;
    const used = new Set<string>();
    const forgotten = specs.flatMap((spec) =>
      Object.entries(spec.fields).flatMap(([field, schema]) =>
        [...schema.describe().matchAll(TEXT)].flatMap(([, inner]) => {
          const [last, before] = inner === undefined ? [field, spec.name] : [inner, field];
          const key = [`${before}.${last}`, last].find((each) => each in treated);
          if (key !== undefined) used.add(key);
          return key === undefined ? [`${spec.name}.${field}: ${before}.${last}`] : [];
        })
      )
    );
    assertEquals(forgotten, [], name);
    assertEquals(Object.keys(treated).filter((key) => !used.has(key)), [], name);
  }
});
