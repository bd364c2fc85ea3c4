import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  regserverLines,
  type RegserverOwnEvent,
} from "../../../lib/cli/directory/regserver_rendering.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

const CONTEXT = { nowMs: NOON_MS, interactive: false, verbose: false };
const READY = {
  event: "ready",
  command: "regserver",
  host: "10.0.0.1",
  port: 4_400,
  key: "k7f3",
  accounts: 12,
} as const;
const STATUS = {
  event: "status",
  key: "k7f3",
  accounts: 40,
  clients: 12,
  clientsMax: 1_000,
  calls: 3,
  relayedBytes: 0,
  kept: 5,
  problems: [],
} as const;
const ALICE = {
  name: "alice",
  key: "a1",
  state: "free",
  guest: false,
  host: "10.0.0.2",
  port: 5_001,
  address: "10.0.0.2",
  since: new Date(NOON_MS).toISOString(),
  relayedBytes: 0,
} as const;
const call = (state: Extract<RegserverOwnEvent, { event: "call" }>["state"]) =>
  ({ event: "call", from: "alice", to: "bob", state }) as const;

const LINES: readonly (readonly [RegserverOwnEvent, string])[] = [
  [
    READY,
    "Listening at 4400. Users connect with: p2pchat peer --registry 10.0.0.1\n" +
    "Key (they compare it): k7f3\n12 accounts.\n",
  ],
  [
    { ...READY, host: "::1", port: 7_000, accounts: 0 },
    "Listening at 7000. Users connect with: p2pchat peer --registry [::1]:7000\n" +
    "Key (they compare it): k7f3\nNo accounts yet.\n",
  ],
  [{ event: "login", name: "alice", guest: false }, "12:03 * alice logged in\n"],
  [{ event: "login", name: "bob", guest: true }, "12:03 * bob came in as a guest\n"],
  [{ event: "signup", name: "zo\u200be" }, "12:03 * zo<U+200B>e signed up\n"],
  [{ event: "logout", name: "alice", reason: "quit" }, "12:03 * alice left (quit)\n"],
  [{ event: "logout", name: "alice", reason: "kicked" }, "12:03 * alice left (kicked)\n"],
  [
    { event: "logout", name: "alice", reason: "forgotten" },
    "12:03 * alice left (account removed)\n",
  ],
  [{ event: "logout", name: "alice", reason: "lost" }, "12:03 ! alice is lost: no answer\n"],
  [
    { event: "logout", name: "alice", reason: "slow" },
    "12:03 ! alice is lost: took nothing in for too long\n",
  ],
  [call("ringing"), "12:03 * alice calls bob\n"],
  [call("connected"), "12:03 * alice and bob talk\n"],
  [call("ended"), "12:03 * alice and bob have ended their call\n"],
  [
    { ...call("ended"), reason: "kicked", by: "bob" },
    "12:03 * The call of alice and bob is over: bob was thrown out\n",
  ],
  [call("declined"), "12:03 * bob declined the call of alice\n"],
  [
    { ...call("declined"), reason: "key-changed" },
    "12:03 * bob's program refused the key of alice\n",
  ],
  [call("cancelled"), "12:03 * The call of alice to bob was withdrawn\n"],
  [{ ...call("cancelled"), reason: "lost" }, "12:03 * alice has gone while calling bob\n"],
  [{ ...call("cancelled"), reason: "kicked" }, "12:03 * alice was thrown out while calling bob\n"],
  [call("timeout"), "12:03 * bob didn't answer the call of alice\n"],
  [call("busy"), "12:03 * bob was busy when alice called\n"],
  [call("offline"), "12:03 * bob has gone while alice called\n"],
  [call("unreachable"), "12:03 * bob couldn't be reached for the call of alice\n"],
  [{ event: "broadcast", id: "7", from: "alice" }, "12:03 * alice sent a broadcast\n"],
  [
    { event: "broadcast-sent", id: "7", reached: 1 },
    "12:03 * Your broadcast has reached 1 client\n",
  ],
  [{ event: "users", users: [] }, "Nobody is logged in.\n"],
  [
    {
      event: "users",
      users: [ALICE, {
        ...ALICE,
        name: "bob",
        state: "busy",
        guest: true,
        since: new Date(2026, 0, 1, 12, 3).toISOString(),
        host: "",
        port: 0,
        relayedBytes: 1_234_567,
      }],
    },
    "Name   State        From      Takes calls at  Since             Relayed\n" +
    "alice  free         10.0.0.2  10.0.0.2:5001   12:03             -\n" +
    "bob    busy, guest  10.0.0.2  -               2026-01-01 12:03  1.2 MB\n",
  ],
  [
    { event: "users", users: [{ ...ALICE, instance: "10.0.0.1:4400" }] },
    "Name   State  From      Takes calls at  Since  Relayed  Instance\n" +
    "alice  free   10.0.0.2  10.0.0.2:5001   12:03  -        10.0.0.1:4400\n",
  ],
  [
    STATUS,
    "12 of 1,000 clients at most, 3 calls.\n40 accounts, 5 broadcasts kept for those that log in later.\n" +
    "Your key: k7f3\n",
  ],
  [
    { ...STATUS, accounts: 0, calls: 0, kept: 1, relayedBytes: 1, problems: ["the disk is full"] },
    "12 of 1,000 clients at most, no calls, 1 kB relayed.\n" +
    "No accounts yet, 1 broadcast kept for those that log in later.\nYour key: k7f3\n! the disk is full\n",
  ],
  [
    {
      ...STATUS,
      instances: ["10.0.0.1:4400"],
      online: 12,
      engine: {
        answers: true,
        answeredMs: 310,
        tookMs: 4,
        nodes: [{ address: "10.0.0.9:2379", answers: true, tookMs: 2 }],
      },
    },
    "12 of 1,000 clients at most, 3 calls.\n40 accounts, 5 broadcasts kept for those that log in later.\n" +
    "1 instance, 12 clients in all: 10.0.0.1:4400.\n" +
    "The directory is kept in an engine. It answers within 4 ms, last 0.3 s ago.\n" +
    "Its node 10.0.0.9:2379 answers within 2 ms.\nYour key: k7f3\n",
  ],
];

for (const [event, text] of LINES) {
  Deno.test(`regserver: ${JSON.stringify(event).slice(0, 70)} reads as it should`, () => {
    assertEquals(printed(regserverLines(event, CONTEXT)), text);
  });
}

Deno.test("regserver: --verbose says to the second since when somebody is logged in", () => {
  const event = { event: "users", users: [ALICE] } as const;
  assertStringIncludes(printed(regserverLines(event, { ...CONTEXT, verbose: true })), "12:03:04");
});
