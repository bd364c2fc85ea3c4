/** The four messages by which an invite passes to whoever knows the words. A refusal is a goodbye with its reason. */

import { bytes, fixedBytes, message, type MessageOf, uint } from "../../base/schema/schema.ts";
import { TAG_BYTES } from "../noise/primitives.ts";
import { CONFIRMATION_BYTES, INVITE_BYTES_MAX, NUMBER_MAX, SHARE_BYTES } from "./limits.ts";

const share = fixedBytes(SHARE_BYTES);
const confirmation = fixedBytes(CONFIRMATION_BYTES);

const guess = message(1, "guess", {
  from: "the guesser, who dialled",
  to: "the issuer of the code",
  when: "the link is up",
  answer: "`answer`, or a goodbye: `bad-credentials`, `too-fast`, `full`",
  lane: "control",
}, { number: uint(NUMBER_MAX), share });
const answer = message(2, "answer", {
  from: "the issuer",
  to: "the guesser",
  when: "a `guess` names an open code, which counts as guessed from then on",
  answer: "`confirm`",
  lane: "control",
}, { share });
const confirm = message(3, "confirm", {
  from: "the guesser",
  to: "the issuer",
  when: "an `answer` came: it proves that the guesser knows the words",
  answer: "`invite`, or a goodbye: `bad-credentials`",
  lane: "control",
}, { confirmation });
const invite = message(4, "invite", {
  from: "the issuer",
  to: "the guesser",
  when: "a `confirm` is right: it proves that the issuer knows the words",
  answer: "none; the guesser ends the link",
  lane: "control",
}, {
  confirmation,
  /** The invite as text, sealed with a key that follows from the words' key exchange. */
  sealed: bytes(INVITE_BYTES_MAX + TAG_BYTES),
});

export const WORDS_MESSAGES = [guess, answer, confirm, invite] as const;
export type WordsMessage = MessageOf<(typeof WORDS_MESSAGES)[number]>;
