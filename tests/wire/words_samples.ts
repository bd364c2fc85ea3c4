/** One message of each type of word codes, made of fixed values: for golden bytes, fuzzing and measuring. */

import type { WordsMessage } from "../../lib/protocols/words/messages.ts";

const share = new Uint8Array(32).fill(0x3c);
const confirmation = new Uint8Array(64).fill(0xc3);

/** In the order of their codes. */
export const WORDS_SAMPLES: readonly WordsMessage[] = [
  { type: "guess", number: 7, share },
  { type: "answer", share },
  { type: "confirm", confirmation },
  { type: "invite", confirmation, sealed: new Uint8Array(20).fill(0x5a) },
];
