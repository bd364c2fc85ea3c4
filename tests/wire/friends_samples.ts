/** One message of each type of the friends, made of fixed values: for golden bytes, fuzzing and measuring. */

import type { FriendsMessage } from "../../lib/protocols/friends/messages.ts";

const epoch = 1_790_000_000_000;

/** In the order of their codes. */
export const FRIENDS_SAMPLES: readonly FriendsMessage[] = [
  {
    type: "hello",
    name: "Jörg",
    to: "Ann",
    stored: [{ epoch, number: 300 }, { epoch: 5, number: 1 }],
    away: "lunch",
  },
  { type: "refuse", code: "key-changed" },
  {
    type: "texts",
    epoch,
    entries: [
      { number: 7, id: new Uint8Array(16).fill(0x1d), sentAt: epoch + 3, text: "ship it" },
      { number: 9, id: new Uint8Array(16).fill(0x2d), sentAt: epoch + 4, text: "" },
    ],
  },
  { type: "stored", position: { epoch, number: 9 } },
  { type: "skip", position: { epoch: 5, number: 128 } },
  { type: "unknown", code: 126 },
  { type: "presence", away: null },
];
