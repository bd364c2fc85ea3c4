import { assertEquals } from "@std/assert";
import {
  comparedText,
  listedName,
  type VerifyEvent,
  verifyLines,
} from "../../../lib/cli/rendering/verify_rendering.ts";
import { printed } from "../printed.ts";

const SHOWN: VerifyEvent = {
  event: "verify",
  name: "Bob",
  key: "k",
  digits: "12345 67890",
  verified: false,
};

function text(more: Partial<VerifyEvent> = {}): string {
  return printed(verifyLines({ ...SHOWN, ...more }));
}

Deno.test("/verify says what to do with the digits, and whether somebody was verified before", () => {
  const compare = "Compare with Bob by voice: 12345 67890\n";
  const then = "The same: /verify Bob yes. Different (somebody is in between): /verify Bob no.\n";

  assertEquals(text(), compare + then);
  assertEquals(text({ verified: true }), `${compare}Bob is verified already.\n${then}`);
  assertEquals(
    text({ verifiedAs: ["mallory", "eve"] }),
    `${compare}This is the key that you verified as mallory and eve.\n${then}`,
  );
});

Deno.test("/verify NAME yes says what is verified, and nothing where that couldn't be noted", () => {
  assertEquals(
    text({ answer: "yes", verified: true }),
    "Bob is verified: with this key and under this name, wherever you meet.\n",
  );
  assertEquals(text({ answer: "yes" }), "");
});

Deno.test("/verify of a refused key says that it counts as changed until /trust, with a yes too", () => {
  const still = "You had said no: the key counts as changed until you accept it with /trust Bob.\n";

  assertEquals(text({ refused: true }).split("\n")[1] + "\n", still);
  assertEquals(
    text({ answer: "yes", verified: true, refused: true }),
    `Bob is verified: with this key and under this name, wherever you meet.\n${still}`,
  );
  const kick = "/kick Bob throws them out for now";
  const operator = verifyLines({ ...SHOWN, refused: true }, kick, false);
  assertEquals(printed(operator), text(), "no /trust there");
});

Deno.test("/verify NAME no warns, and names the way back", () => {
  assertEquals(
    text({ answer: "no" }),
    `! The key ${SHOWN.key} isn't Bob's: somebody may be in between, or pose as Bob.\n` +
      "It counts as changed until you accept it with /trust Bob; tell Bob nothing before.\n",
  );
});

Deno.test("/verify *coordinator* no names no command, as the program ends", () => {
  for (const name of ["*coordinator*", "*directory*"]) {
    assertEquals(
      text({ name, answer: "no" }).split("\n")[1],
      "The program ends, and connects with that key no more: check the address, and ask the operator.",
    );
  }
});

Deno.test("a list says who is verified, who has another key than the one expected, and whose key it is", () => {
  const changed = { name: "Bob", key: "k", before: "b" };
  assertEquals(comparedText({ verified: false }), null);
  assertEquals(comparedText({ verified: true }), "verified");
  assertEquals(comparedText({ changed }), "a different key from before");
  assertEquals(
    comparedText({ changed: { ...changed, verified: true }, verifiedAs: ["mallory"] }),
    "ANOTHER KEY than you verified, the key that you verified as mallory",
  );
  assertEquals(comparedText({ changed: { name: "Bob", key: "k" } }), "the key that you refused");
});

Deno.test("listedName() shows as much of a key as tells it from the one expected", () => {
  const before = "k7f3aaaabbbb";
  const listed = (key: string) => listedName("bob", { name: "bob", key, before });
  assertEquals(["bbbbk7f3aaaa", "k7f3bbbbbbbb"].map(listed), ["bob~bbbb", "bob~k7f3bbbb"]);
  assertEquals(listedName("bob", { name: "bob", key: before }), "bob~k7f3");
});
