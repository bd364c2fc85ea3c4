import type { ErrorCode } from "../../../lib/base/errors.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  acceptedText,
  Comparing,
  didYouMeanName,
  isYouText,
  noOtherKeyText,
  refusedByText,
} from "../../../lib/base/trust/name_answers.ts";
import { visibleText } from "../../../lib/base/text/text.ts";
import type { ModeEvent, VerifyAnswer } from "../../../lib/base/machine/mode_machine.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";

Deno.test("the answers to /verify and /trust name who is meant, and the key", () => {
  assertEquals(
    [acceptedText("Bob", "k" as Fingerprint), noOtherKeyText("Bob")],
    ["Bob's key is k from now on", "There is no new key of Bob to accept"],
  );
  assertEquals(
    [isYouText("verify", "Bob"), isYouText("trust", "Bob")],
    [
      "Bob is you: /verify somebody else, to compare digits with them",
      "Bob is you: your own key needs no trust; name somebody else",
    ],
  );
});

Deno.test("didYouMeanName() prefers a name that imitates no other, and marks one that may", () => {
  const [imitator, form] = ["B\u043eb", (name: string) => `/msg ${name}`];
  assertEquals(
    [
      didYouMeanName("Bib", [imitator, "Bob"]),
      didYouMeanName("Bib", [imitator], form),
      didYouMeanName("B\u043eb1", ["Bob", imitator]),
      didYouMeanName("Zoë", ["Bob", imitator]),
    ],
    [
      "; did you mean Bob?",
      `; did you mean /msg \u2248${imitator}?`,
      `; did you mean \u2248${imitator}?`,
      "",
    ],
  );
});

Deno.test("a server's words stand between quotation marks behind its name, where ours leave open what is wrong", () => {
  const told = (said: string, code: ErrorCode = "not-allowed") =>
    refusedByText("The directory", code, "It isn't allowed", said);
  assertEquals(told(""), "It isn't allowed");
  assertEquals(told("no", "bad-credentials"), "It isn't allowed");
  assertEquals(told("no"), 'It isn\'t allowed. The directory says: "no"');
  assertEquals(
    told('no". Your program is unsafe:\u001b[1m run "x'),
    `It isn't allowed. The directory says: "${
      visibleText("no'. Your program is unsafe:\u001b[1m run 'x")
    }"`,
  );
});

const [OWN, BOB, EVE] = [fakeSigner("ann").key, fakeSigner("bob").key, fakeSigner("eve").key];

/** What the user is told, in words: whose digits, and what was taken or refused. */
function program() {
  const told: string[] = [];
  const texts: string[] = [];
  const show = (event: ModeEvent) => {
    if (event.event === "verify") {
      const who = event.key === fingerprintOf(BOB) ? "bob's" : "eve's";
      told.push(`${who} as ${event.name}${event.answer === undefined ? "" : `: ${event.answer}`}`);
    } else if (event.event === "error") {
      told.push(event.code);
      texts.push(event.text);
    }
  };
  const refuse = (name: string, key: Fingerprint) => void told.push(`refuses ${name} ${key}`);
  const comparing = new Comparing(OWN, { show }, refuse);
  const verify = (typed: string, key: typeof BOB, answer?: VerifyAnswer, name = "Bob") => {
    const said = answer === undefined ? {} : { answer };
    const command = { command: "verify", name: typed, ...said } as const;
    comparing.verify(command, { name, key }, null, undefined);
    const refused = answer === "no" ? [told.pop()] : [];
    assertEquals(refused.every((word) => word === `refuses Bob ${fingerprintOf(key)}`), true);
    return told.splice(0);
  };
  return { verify, comparing, told, texts };
}

Deno.test("Comparing takes a yes after it has shown those digits, not before", () => {
  const { verify, texts } = program();

  assertEquals(verify("Bob", BOB, "yes"), ["bob's as Bob", "not-allowed"]);
  assertMatch(texts[0]!, /^Bob isn't verified: compare these digits with Bob first, by voice$/);
  assertEquals(verify("bob", BOB, "yes"), ["bob's as Bob: yes"]);
  assertEquals(verify("BOB", BOB), ["bob's as Bob"]);
});

Deno.test("Comparing takes no yes for another key than that whose digits were shown last", () => {
  const { verify } = program();
  verify("Bob", EVE);
  verify("Bob", BOB);

  // Both were shown under that name. Eve has it now.
  assertEquals(verify("Bob", EVE, "yes"), ["eve's as Bob", "not-allowed"]);
});

Deno.test("Comparing takes no yes for a key that is shown under another name by now", () => {
  const { verify } = program();
  verify("Bob", EVE, undefined, "Bob~k7f3");

  assertEquals(verify("Bob", EVE, "yes"), ["eve's as Bob", "not-allowed"]);
  verify("Bob", EVE, undefined, "Bob~k7f3");
  assertEquals(verify("Bob", BOB, "yes"), ["bob's as Bob", "not-allowed"]);
  assertEquals(verify("Bob~k7f3", EVE, "yes", "Bob~k7f3"), ["eve's as Bob~k7f3: yes"]);
});

Deno.test("Comparing always takes a no, and shows the digits again before a yes", () => {
  const { verify } = program();

  assertEquals(verify("Bob", EVE, "no", "Bob~k7f3"), ["eve's as Bob~k7f3: no"]);
  verify("Bob", BOB);
  assertEquals(verify("Bob", EVE, "no"), ["eve's as Bob: no"]);
  assertEquals(verify("Bob", EVE, "yes"), ["eve's as Bob", "not-allowed"]);
  assertEquals(verify("Bob", EVE, "yes"), ["eve's as Bob: yes"]);
});

Deno.test("Comparing takes a no of who isn't here for the key expected, or else for all that are known", () => {
  const [bob, eve] = [BOB, EVE].map(fingerprintOf) as [Fingerprint, Fingerprint];
  const { comparing, told } = program();
  const says = (answer: VerifyAnswer, own?: Fingerprint, ...known: Fingerprint[]) => {
    const command = { command: "verify", name: "\u2248Bob~k7f3", answer, known } as const;
    assertEquals(comparing.verify(command, null, own, undefined), told.length > 0);
    return told.splice(0);
  };

  assertEquals(says("no", bob, eve), ["bob's as Bob: no", `refuses Bob ${bob}`]);
  assertEquals(says("no", undefined, bob, eve).slice(2), [
    "eve's as Bob: no",
    `refuses Bob ${eve}`,
  ]);
  assertEquals([says("no"), says("yes", bob, eve)], [[], []]);
});
