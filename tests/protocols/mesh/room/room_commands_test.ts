import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { RoomPause } from "../../../../lib/protocols/mesh/room/room_commands.ts";
import {
  PRIVATE_WAITING_HIGH,
  PROMPT_BYTES_MAX,
  PROMPT_MESSAGES_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";

const names = (keys: readonly PeerKey[]) => keys.join(" and ");
const [ANN, BOB] = ["Ann", "Bob"] as readonly string[] as readonly [PeerKey, PeerKey];

interface Found {
  readonly state?: "here" | "entering";
  readonly messages?: number;
  readonly bytes?: number;
  readonly held?: number;
  readonly waitingPrivate?: number;
  readonly laggards?: readonly PeerKey[];
  readonly receivers?: readonly PeerKey[];
}

/** What the user is told after each step: why the input pauses, null where it goes on. */
function told(steps: readonly Found[], isQuitting = false): readonly (string | null)[] {
  const told: (string | null)[] = [];
  let now: Found = {};
  const pause = new RoomPause({
    machines: {
      order: { unsaid: () => ({ messages: now.messages ?? 0, bytes: now.bytes ?? 0 }) },
      privateMessages: {
        get size() {
          return now.waitingPrivate ?? 0;
        },
        awaited: () => now.receivers ?? [],
      },
    },
    showing: {
      get state() {
        return (now.state ?? "here") as "here";
      },
    },
    flow: { waitedFor: () => now.laggards ?? [] },
    view: { namesOf: names },
    out: {
      nowMs: 0,
      first: (effect) => void (effect.type === "input" && told.push(effect.pausedBecause)),
    },
  });
  for (now of steps) pause.stepEnds({ held: now.held ?? 0 }, isQuitting);
  return told;
}

Deno.test("RoomPause: each reason is told once, and once that the input goes on", () => {
  assertEquals(
    told([{}, { state: "entering" }, { state: "entering" }, {}, {}]),
    ["catching up with the room", null],
  );
});

Deno.test("RoomPause: for the disk where too much isn't on it, or no room is for the commands that wait for it", () => {
  const isPaused = (found: Found) => told([found])[0] === "waiting for the disk";
  const [messages, bytes] = [PROMPT_MESSAGES_MAX, PROMPT_BYTES_MAX];
  assertEquals([isPaused({ messages }), isPaused({ messages: messages + 1 })], [false, true]);
  assertEquals(isPaused({ messages, held: 1 }), true);
  assertEquals([isPaused({ bytes }), isPaused({ bytes: bytes + 1 })], [false, true]);
  const waitingPrivate = PRIVATE_WAITING_HIGH;
  assertEquals(isPaused({ waitingPrivate: waitingPrivate + 1 }), false);
  assertEquals([isPaused({ waitingPrivate }), isPaused({ waitingPrivate, held: 1 })], [
    false,
    true,
  ]);
});

Deno.test("RoomPause: for members that are far behind, and receivers that are here, each named once", () => {
  const [text] = told([{ laggards: [ANN, BOB], receivers: [BOB] }]);
  assertEquals(text, "waiting for Ann and Bob");
});

Deno.test("RoomPause: who leaves isn't paused", () => {
  assertEquals(told([{ state: "entering" }], true), []);
});
