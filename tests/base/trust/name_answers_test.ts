import type { ErrorCode } from "../../../lib/base/errors.ts";
import { assertEquals } from "@std/assert";
import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import {
  acceptedText,
  didYouMeanName,
  isYouText,
  noOtherKeyText,
  refusedByText,
} from "../../../lib/base/trust/name_answers.ts";
import { visibleText } from "../../../lib/base/text/text.ts";

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
