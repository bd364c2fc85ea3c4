import { assertEquals } from "@std/assert";
import { PromptState } from "../../../lib/cli/directory/prompt_state.ts";
import type { ClientCommand, ClientEvent } from "../../../lib/protocols/directory/schema/events.ts";
import { type Call, call } from "../call_event.ts";

const session = (state: "up" | "down"): ClientEvent => ({
  event: "session",
  state,
  name: "alice",
  guest: false,
});
const INCOMING: ClientEvent = {
  event: "incoming",
  call: "2",
  from: "carol",
  key: "k",
  guest: false,
};

function standing(...events: readonly ClientEvent[]): PromptState {
  const standing = new PromptState("alice", () => 0);
  for (const event of events) standing.shows(event);
  return standing;
}

const UP = session("up");

const PROMPTS: readonly (readonly [events: readonly ClientEvent[], prompt: string])[] = [
  [[], "alice (no directory)"],
  [[UP], "alice (lobby)"],
  [[UP, session("down")], "alice (no directory)"],
  [[UP, call("ringing")], "alice (calling bob)"],
  [[UP, call("ringing"), call("connected")], "alice (with bob)"],
  [[UP, call("ringing"), call("connected"), session("down")], "alice (with bob)"],
  [[UP, call("ringing"), call("declined")], "alice (lobby)"],
  [[UP, call("ringing"), call("connected"), call("ended")], "alice (lobby)"],
  [[UP, INCOMING], "alice"],
  [[UP, INCOMING, call("ended", "1")], "alice"],
  [[UP, INCOMING, call("timeout", "2")], "alice (lobby)"],
];

for (const [events, prompt] of PROMPTS) {
  const told = events.map((event) => "state" in event ? event.state : event.event).join(", ");
  Deno.test(`registry: the prompt is ${prompt} after [${told}]`, () => {
    assertEquals(standing(...events).prompt, prompt);
  });
}

Deno.test("registry: what follows an acceptance is for the call, before it is connected", () => {
  const alice = standing(UP, INCOMING);
  alice.asks({ command: "list", part: undefined });
  alice.asks({ command: "call", name: "bob" });
  assertEquals(alice.where.place, "asked");
  alice.asks({ command: "accept" });
  assertEquals([alice.where.place, alice.where.peer], ["calling", "carol"]);
  assertEquals([alice.where.isAccepted, standing(UP, call("ringing")).where.isAccepted], [
    true,
    false,
  ]);
  assertEquals(alice.prompt, "alice (connecting with carol)");

  const other = standing(UP, INCOMING);
  other.asks({ command: "call", name: "Carol" });
  assertEquals([other.where.place, other.where.peer], ["calling", "carol"]);
});

Deno.test("registry: whoever calls knows that the other has accepted before they are connected", () => {
  const alice = standing(UP, call("ringing"));
  alice.connecting();
  assertEquals(alice.prompt, "alice (connecting with bob)");
  assertEquals(alice.where.isAccepted, true);

  alice.shows(call("unreachable"));
  alice.shows(call("ringing", "2"));
  assertEquals(alice.prompt, "alice (calling bob)");
});

Deno.test("registry: what was piped beyond what is kept for a call that is refused isn't for the lobby", () => {
  const alice = standing(UP, call("ringing"));
  alice.inputPauses();
  alice.shows(call("declined"));
  assertEquals([alice.where.place, alice.where.peer], ["refused", "bob"]);
  assertEquals(alice.prompt, "alice (lobby)");
  assertEquals([alice.unsaid.code, alice.unsaid.message], [
    "declined",
    "Not sent: there is no call with bob",
  ]);
  alice.hasReadAll();
  assertEquals(alice.where.place, "lobby");

  const called = standing(UP, call("ringing"));
  called.inputPauses();
  called.shows(call("declined"));
  called.shows(INCOMING);
  assertEquals([called.where.place, called.where.peer], ["refused", "bob"], "while others call");
  called.hasReadAll();
  assertEquals([called.where.place, called.where.peer], ["asked", "carol"]);

  const ended = standing(UP, call("ringing"));
  ended.asks({ command: "hang-up" });
  ended.inputPauses();
  ended.shows(call("declined"));
  assertEquals(ended.where.place, "lobby", "what follows a q isn't for the call");

  const typed = standing(UP, call("ringing"));
  typed.connecting();
  const runs = typed.lineBegins();
  typed.inputPauses();
  typed.shows(call("unreachable"));
  runs();
  assertEquals([typed.where.place, typed.where.wasInCall], ["lobby", true], "typed, not piped");

  const talked = standing(UP, call("ringing"));
  talked.inputPauses();
  talked.shows(call("connected"));
  talked.shows(call("ended"));
  assertEquals(talked.where.place, "lobby");
});

Deno.test("registry: one is called as the directory says", () => {
  const alice = new PromptState("ALICE", () => 0);
  assertEquals([alice.wasUp, alice.name], [false, "ALICE"]);
  alice.shows(UP);
  alice.shows(session("down"));
  assertEquals([alice.wasUp, alice.name], [true, "alice"]);
});

Deno.test("registry: that a line was begun in a call, and that one is over, is known", () => {
  let nowMs = 0;
  const alice = new PromptState("alice", () => nowMs);
  for (const event of [UP, call("ringing"), call("connected")]) alice.shows(event);
  const runs = alice.lineBegins();
  runs();
  assertEquals(alice.where.wasInCall, false);
  alice.shows({ ...call("ended"), reason: "hung-up" } as ClientEvent);
  const runsNext = alice.lineBegins();
  runs();
  assertEquals([alice.where.wasInCall, alice.where.isJustOver], [true, true]);
  nowMs = 1_500;
  runsNext();
  assertEquals([alice.where.wasInCall, alice.where.isJustOver], [false, false]);

  const own = standing(UP, call("ringing"), call("connected"));
  own.asks({ command: "hang-up" });
  own.shows(call("ended"));
  assertEquals(own.where.isJustOver, false);
});

Deno.test("registry: what a script says isn't measured by the call in which something was done at a door", () => {
  const alice = standing(UP, call("ringing"), call("connected"));
  alice.lineBegins(true)();
  alice.shows({ ...call("ended"), reason: "hung-up" } as ClientEvent);
  assertEquals(alice.where.wasInCall, false);
});

Deno.test("registry: a line that was begun while a call rang isn't for the lobby, nor for the next call", () => {
  const ends: readonly (readonly [ClientEvent, ClientEvent])[] = [
    [call("ringing"), call("declined")],
    [call("ringing"), call("timeout")],
    [INCOMING, call("ended", "2")],
  ];
  for (const [begins, ends_] of ends) {
    const alice = standing(UP, begins);
    const runs = alice.lineBegins();
    runs();
    assertEquals(alice.where.wasInCall, false);
    alice.shows(ends_);
    assertEquals(alice.where.wasInCall, true);
    alice.shows({ ...INCOMING, call: "3" });
    assertEquals(alice.where.wasInCall, true);
    alice.lineBegins()();
    assertEquals(alice.where.wasInCall, false);
  }
  const accepted = standing(UP, INCOMING);
  accepted.asks({ command: "accept" });
  const acceptedRuns = accepted.lineBegins();
  accepted.shows({ ...call("connected", "2") });
  acceptedRuns();
  assertEquals(accepted.where.wasInCall, false);
  const lobby = standing(UP);
  const lobbyRuns = lobby.lineBegins();
  lobby.shows(INCOMING);
  lobbyRuns();
  assertEquals(lobby.where.wasInCall, false);
});

Deno.test("registry: a call that rings anew a moment after another one can be ended", () => {
  const begins: readonly (readonly ClientEvent[])[] = [
    [call("ringing", "3")],
    [call("ringing", "3"), call("connected", "3")],
    [INCOMING],
  ];
  for (const events of begins) {
    const alice = standing(UP, call("ringing"), call("declined"));
    assertEquals(alice.where.isJustOver, true);
    for (const event of events) alice.shows(event);
    assertEquals(alice.where.isJustOver, false, alice.prompt);
  }
  const accepted = standing(UP, call("ringing"), call("declined"), INCOMING);
  accepted.asks({ command: "accept" });
  assertEquals(accepted.where.isJustOver, false);
});

Deno.test("registry: whoever is late with ending what rings is known, however it has ended", () => {
  const late = (begins: ClientEvent, end: Call["state"], ...asked: readonly ClientCommand[]) => {
    const alice = standing(UP, begins);
    for (const command of asked) alice.asks(command);
    alice.shows(call(end, begins === INCOMING ? "2" : "1"));
    return alice.where.isJustOver;
  };
  for (const end of ["declined", "busy", "timeout", "offline", "unreachable"] as const) {
    assertEquals(late(call("ringing"), end), true, end);
  }
  assertEquals(late(INCOMING, "ended"), true, "withdrawn by the caller");
  assertEquals(late(INCOMING, "timeout"), true);
  assertEquals(late(INCOMING, "ended", { command: "accept" }), true);
  assertEquals(late(call("ringing"), "ended", { command: "cancel" }), false);
  assertEquals(late(call("ringing"), "ended", { command: "hang-up" }), false);
  assertEquals(late(INCOMING, "declined", { command: "decline", reason: "" }), false);

  const own = standing(UP, call("ringing"), call("offline"), call("ringing"));
  own.asks({ command: "cancel" });
  own.shows(call("ended"));
  assertEquals(own.where.isJustOver, false, "what was before that counts no more");

  const again = standing(UP, call("ringing"));
  again.asks({ command: "hang-up" });
  again.shows(call("ended"));
  again.shows(INCOMING);
  again.shows(call("ended", "2"));
  assertEquals(again.where.isJustOver, true, "the next one is another matter");
});
