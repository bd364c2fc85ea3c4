import { assert, assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import {
  AFTER_CALL_MS,
  CALLEE_DIALS_MS,
  DECIDED_MS,
} from "../../../../lib/protocols/directory/schema/client_limits.ts";
import {
  CALL_REFUSED_MAX,
  CALLS_BURST,
  CALLS_PER_S,
  UNKNOWN_MESSAGES_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import type { CallOutcome } from "../../../../lib/protocols/directory/schema/messages.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  ANN,
  BOB,
  callId,
  ClientProgram,
  DIRECTORY,
  EVE,
  type ProgramOptions,
  user,
} from "../client_program.ts";

const CALL = callId(1);
const SHOWS_USERS = /^users /;

type Words = readonly string[];

function withoutUsers(words: Words): Words {
  return words.filter((word) => !SHOWS_USERS.test(word));
}

/** Ann has called bob, who hasn't answered. */
function ringing(options: ProgramOptions = {}): ClientProgram {
  const program = ClientProgram.in(options);
  program.types({ command: "call", name: "bob" }, "r");
  return program;
}

/** Bob calls ann. */
function asked(options: ProgramOptions = {}): ClientProgram {
  const program = ClientProgram.in(options);
  program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key: BOB });
  return program;
}

interface Talking {
  readonly program: ClientProgram;
  readonly link: LinkId;
}

/** Ann has called bob, and they talk. */
function talking(options: ProgramOptions = {}): Talking {
  const program = ringing(options);
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  return { program, link };
}

function relayedTalking(): Talking {
  const program = ringing();
  program.meet();
  program.after(4_000);
  program.says({ type: "relay-on", call: CALL });
  const { attempt } = program;
  const { link } = program.linkUp({ dialled: true, attempt, isRelayed: true });
  return { program, link };
}

function outcome(program: ClientProgram, state: CallOutcome, reason = ""): Words {
  return program.says({ type: "outcome", call: CALL, state, reason });
}

// Calling.

Deno.test("calling: the directory is asked, and the user told what came of it", () => {
  const program = ClientProgram.in();

  const words = program.types({ command: "call", name: "BOB" }, "r");

  assertEquals(words, [
    "to directory: call call=#1 name=bob refused=[]",
    "call call=#1 peer=bob state=ringing ref=r",
  ]);
  for (
    const [state, shown] of [
      ["declined", "state=declined"],
      ["busy", "state=busy"],
      ["offline", "state=offline"],
      ["unreachable", "state=unreachable"],
      ["timeout", "state=timeout"],
      ["cancelled", "state=ended reason=cancelled by=bob"],
    ] as const
  ) {
    assertEquals(outcome(ringing(), state), [`call call=#1 peer=bob ${shown} ref=r`]);
  }
  // As it was typed: what shows it to somebody makes it harmless.
  assertEquals(outcome(ringing(), "declined", "later\u202e\u001b[2J\n"), [
    "call call=#1 peer=bob state=declined reason=later\u202e\u001b[2J\n ref=r",
  ]);
});

Deno.test("calling: each event has a reason and a route, empty where there is none", () => {
  const { program, link } = talking();
  program.feed({ type: "link-down", link, closed: true, reason: "hung up" });
  program.types({ command: "call", name: "bob" });
  program.says({ type: "outcome", call: callId(2), state: "declined", reason: "" });

  const fields = program.events.flatMap((event) =>
    event.event === "call" ? [[event.state, event.reason, event.route]] : []
  );
  assertEquals(fields, [
    ["ringing", "", null],
    ["connected", "", "direct"],
    ["ended", "hung-up", null],
    ["ringing", "", null],
    ["declined", "", null],
  ]);
});

Deno.test("calling: by an address in the list", () => {
  const program = ClientProgram.in();
  program.says({
    type: "presence",
    users: ["cem", "dan"].map((name) => user(name, { host: "10.0.0.9", port: 7_000 })),
    offline: [],
  });

  // Dan may say any port behind an address that they share: it is the first in our list who is called.
  const there = program.types({ command: "call-address", host: "10.0.0.9", port: 7_000 }, "a");
  const nowhere = ClientProgram.in().types({ command: "call-address", host: "10.0.0.9", port: 1 });

  assertEquals(there, [
    "to directory: call call=#1 name=cem refused=[]",
    "call call=#1 peer=cem state=ringing ref=a",
  ]);
  assertEquals(outcome(program, "offline"), ["call call=#1 peer=cem state=offline ref=a"]);
  assert(nowhere[0]?.startsWith("error code=unknown-user"), nowhere[0]);
});

Deno.test("calling: what is no name, while one calls, and outside of the directory is refused", () => {
  const program = ringing();
  const apart = ClientProgram.in();
  apart.directoryDown();
  const errorOf = (of: ClientProgram, name: string) =>
    of.types({ command: "call", name })[0]?.split(" ")[1];

  assertEquals(errorOf(ClientProgram.in(), "two words"), "code=unknown-user");
  assertEquals(errorOf(program, "eve"), "code=busy");
  assertEquals(errorOf(apart, "bob"), "code=not-logged-in");
});

Deno.test("calling: both dial, and the caller begins on the first link that is up", () => {
  const inbound = ringing();
  assertEquals(inbound.meet(), ["connecting", "dial call 10.0.0.2:5000 bob"]);
  const { link } = inbound.linkUp();
  assertEquals(inbound.hears(link, { type: "talk", call: CALL }), [
    `to link ${link}: begin call=#1`,
    "cancel-dial",
    "to directory: begun route=direct call=#1",
    "pin bob bob",
    "call call=#1 peer=bob state=connected route=direct ref=r",
  ]);

  const outbound = ringing();
  outbound.meet();
  const { attempt } = outbound;
  const { link: other, words } = outbound.linkUp({ dialled: true, attempt });
  assertEquals(words.slice(0, 3), [
    `to link ${other}: talk call=#1`,
    `to link ${other}: begin call=#1`,
    "to directory: begun route=direct call=#1",
  ]);
});

Deno.test("calling: the second link is closed", () => {
  const { program } = talking();

  const { link, words } = program.linkUp();

  assertEquals(words, [`close link ${link}`]);
});

Deno.test("calling: a link that is up before the directory has said with whom waits for that", () => {
  const program = ringing();
  const { link: strange } = program.linkUp({ peer: EVE });
  const { link, words } = program.linkUp();
  assertEquals(words, []);
  assertEquals(program.hears(link, { type: "talk", call: CALL }), []);

  const met = program.meet();

  assertEquals(met.slice(0, 4), [
    "connecting",
    "dial call 10.0.0.2:5000 bob",
    `close link ${strange}`,
    `to link ${link}: begin call=#1`,
  ]);
});

Deno.test("calling: without a link after 4 s it goes through the directory", () => {
  const program = ringing();
  program.meet();
  program.dialFails();

  assertEquals(program.after(3_999), []);
  assertEquals(program.after(1), ["to directory: relay-please call=#1"]);
  assertEquals(program.says({ type: "relay-on", call: CALL }), ["relay-open dials"]);
  const { attempt } = program;
  const { link, words } = program.linkUp({ dialled: true, attempt, isRelayed: true });
  assertEquals(words, [
    `to link ${link}: talk call=#1`,
    `to link ${link}: begin call=#1`,
    "to directory: begun route=relay call=#1",
    "pin bob bob",
    "call call=#1 peer=bob state=connected route=relay ref=r",
  ]);
});

Deno.test("calling: a direct link that comes late is better than the relay", () => {
  const program = ringing();
  program.meet();
  program.after(4_000);
  program.says({ type: "relay-on", call: CALL });

  const { link } = program.linkUp();
  const words = program.hears(link, { type: "talk", call: CALL });

  assert(words.includes("relay-close call=#1"), words.join("\n"));
  assert(words.includes("to directory: begun route=direct call=#1"));
});

Deno.test("calling: whoever can't be reached where nothing is relayed is unreachable after 4 s", () => {
  const program = ringing();
  program.meet({ mayRelay: false });

  assertEquals(program.after(4_000), [
    "to directory: hang-up reason=unreachable call=#1",
    "cancel-dial",
    "call call=#1 peer=bob state=unreachable reason=not-relayed ref=r",
  ]);
});

Deno.test("calling: whoever can't be reached is told of the relay only where that is the reason", () => {
  for (
    const [mayRelay, said, told] of [
      [true, "", "state=unreachable"],
      [true, "lost", "state=unreachable reason=lost"],
      [false, "", "state=unreachable reason=not-relayed"],
      [false, "neither could dial the other", "state=unreachable reason=not-relayed"],
      [false, "lost", "state=unreachable reason=lost"],
    ] as const
  ) {
    const program = ringing();
    program.meet({ mayRelay });
    assertEquals(
      outcome(program, "unreachable", said).at(-1),
      `call call=#1 peer=bob ${told} ref=r`,
    );
  }
});

Deno.test("calling: without a link after 10 s it is over, for the callee a little later", () => {
  const caller = ringing();
  caller.meet();
  const callee = asked();
  callee.types({ command: "accept" });
  callee.meet({ isCaller: false });

  caller.after(9_999);
  callee.after(11_999);

  assertEquals(caller.after(1).at(-1), "call call=#1 peer=bob state=unreachable ref=r");
  assertEquals(callee.after(1).at(-1), "call call=#1 peer=bob state=unreachable");
});

Deno.test("calling: a directory that says nothing doesn't let it ring for ever", () => {
  const program = ringing();

  assertEquals(program.after(39_999), []);
  assertEquals(program.after(1), [
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=timeout ref=r",
  ]);
});

Deno.test("calling: a ringing call is withdrawn, and what the directory says of it then is nothing", () => {
  const program = ringing();

  assertEquals(program.types({ command: "cancel" }, "c"), [
    "to directory: hang-up reason=cancelled call=#1",
    "call call=#1 peer=bob state=ended reason=cancelled by=ann ref=r",
    "notice text=The call with bob is over ref=c",
  ]);
  assertEquals(program.meet(), []);
  assertEquals(outcome(program, "cancelled"), []);
  assertEquals(program.types({ command: "cancel" })[0]?.slice(0, 22), "error code=not-allowed");
});

Deno.test("calling: a process that stood still doesn't hold that against the other", () => {
  const program = ringing();
  program.meet();

  program.after(3_000);
  program.nowMs += 30_000;

  const words = program.feed({ type: "tick" });
  assertEquals(words, ["to directory: relay-please call=#1"]);
  const { link } = program.linkUp();
  assertEquals(
    program.hears(link, { type: "talk", call: CALL })[0],
    `to link ${link}: begin call=#1`,
  );
});

Deno.test("calling: the outcome alone carries the ref of the call, and no later end", () => {
  const { program, link } = talking();
  const ended = program.feed({ type: "link-down", link, closed: true, reason: "hung up" });
  const itself = ClientProgram.in().types({ command: "call", name: "ann" }, "s");
  const both = ringing();
  const withdrawn = both.types({ command: "cancel" }, "r");

  const isEnd = (word: string) => word.startsWith("call call=");
  assertEquals(ended.filter(isEnd), [
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=0",
  ]);
  assertEquals(itself.filter((word) => word.endsWith(" ref=s")), [
    "call call=#1 peer=ann state=ringing ref=s",
    "call call=#1 peer=ann state=connected route=direct ref=s",
  ]);
  assertEquals(withdrawn.slice(1), [
    "call call=#1 peer=bob state=ended reason=cancelled by=ann ref=r",
  ]);
});

// Being called.

Deno.test("being called: the user is asked, and talks on the link on which the caller begins", () => {
  const program = ClientProgram.in();
  const words = program.says({ type: "incoming", call: CALL, from: "bob", guest: true, key: BOB });
  assertEquals(words, ["incoming call=#1 from=bob key=bob guest=true"]);
  assertEquals(program.types({ command: "accept" }), [
    "to directory: answer accepts=true reason= call=#1",
  ]);
  assertEquals(program.meet({ isCaller: false }), ["connecting"]);
  assertEquals(program.after(CALLEE_DIALS_MS), ["dial call 10.0.0.2:5000 bob"]);
  const { attempt } = program;
  const { link: own, words: dialled } = program.linkUp({ dialled: true, attempt });
  const { link } = program.linkUp();
  assertEquals(dialled, [`to link ${own}: talk call=#1`]);
  assertEquals(program.hears(link, { type: "talk", call: CALL }), []);

  assertEquals(program.hears(link, { type: "begin", call: CALL }), [
    `close link ${own}`,
    "to directory: begun route=direct call=#1",
    "pin bob bob",
    "call call=#1 peer=bob state=connected route=direct",
  ]);
});

Deno.test("being called: the yes is answered by what comes of it", () => {
  const connected = asked();
  connected.types({ command: "accept" }, "a");
  connected.meet({ isCaller: false });
  const { link } = connected.linkUp();
  connected.hears(link, { type: "talk", call: CALL });
  const words = connected.hears(link, { type: "begin", call: CALL });
  const isIt = "call call=#1 peer=bob state=connected route=direct ref=a";
  assertEquals(words.at(-1), isIt);
  const ended = connected.feed({ type: "link-down", link, closed: true, reason: "hung up" });
  assert(ended.includes("call call=#1 peer=bob state=ended reason=hung-up durationMs=0"));

  const withdrawn = asked();
  withdrawn.types({ command: "accept" }, "a");
  const outcome = { type: "outcome", call: CALL, state: "cancelled", reason: "" } as const;
  assertEquals(
    withdrawn.says(outcome)[0],
    "call call=#1 peer=bob state=ended reason=cancelled by=bob ref=a",
  );

  const changed = asked();
  changed.types({ command: "accept" }, "a");
  assertEquals(changed.types({ command: "cancel" }, "c"), [
    "to directory: hang-up reason=cancelled call=#1",
    "call call=#1 peer=bob state=ended reason=cancelled by=ann ref=a",
    "notice text=The call with bob is over ref=c",
  ]);
});

Deno.test("being called: where the caller's link comes at once, one handshake is enough", () => {
  const program = asked();
  program.types({ command: "accept" });
  program.meet({ isCaller: false });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.hears(link, { type: "begin", call: CALL });
  assertEquals(program.after(CALLEE_DIALS_MS).filter((word) => word.startsWith("dial")), []);
});

Deno.test("being called: the caller's link and its beginning may come before the directory's word", () => {
  const program = asked();
  program.types({ command: "accept" });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.hears(link, { type: "begin", call: CALL });

  const words = program.meet({ isCaller: false });

  assert(words.includes("call call=#1 peer=bob state=connected route=direct"));
});

Deno.test("being called: through the directory", () => {
  const program = asked();
  program.types({ command: "accept" });
  program.meet({ isCaller: false });
  program.after(5_000);

  assertEquals(program.says({ type: "relay-on", call: CALL }), ["relay-open waits"]);
  const { link } = program.linkUp({ isRelayed: true });
  program.hears(link, { type: "talk", call: CALL });
  const words = program.hears(link, { type: "begin", call: CALL });

  assert(words.includes("to directory: begun route=relay call=#1"));
  assert(!words.includes("relay-close call=#1"));
});

Deno.test("being called: declined, with a reason as long as can be told, and no longer one", () => {
  const program = asked();

  const said = "\u{1f336}".repeat(256);
  const refused = program.types({ command: "decline", reason: `${said}!` }, "l");
  const words = program.types({ command: "decline", reason: said }, "d");

  assertEquals(refused, [
    "error code=too-long text=The call wasn't declined: the reason has 1025 bytes, at most 1024 " +
    "are possible ref=l",
  ]);
  assertEquals(words, [
    `to directory: answer accepts=false reason=${said} call=#1`,
    `call call=#1 peer=bob state=declined reason=${said} ref=d`,
  ]);
  assertEquals(program.types({ command: "missed" }), ["missed calls=[]"]);
});

Deno.test("being called: withdrawn, or unanswered for 30 s, it is a missed one", () => {
  const program = asked();

  assertEquals(outcome(program, "cancelled"), [
    "call call=#1 peer=bob state=ended reason=cancelled by=bob",
  ]);
  program.says({ type: "incoming", call: callId(2), from: "eve", guest: false, key: EVE });
  assertEquals(program.says({ type: "outcome", call: callId(2), state: "timeout", reason: "" }), [
    "call call=#2 peer=eve state=timeout",
  ]);
  assertEquals(program.types({ command: "missed" }), [
    "missed calls=[{from=bob at=2023-11-14T22:13:20.000Z} {from=eve at=2023-11-14T22:13:20.000Z}]",
  ]);
});

Deno.test("being called: a caller that is lost, or thrown out, hasn't withdrawn its call", () => {
  for (const [said, shown] of [["lost", "lost"], ["kicked", "peer-kicked"]] as const) {
    const program = asked();
    assertEquals(outcome(program, "cancelled", said), [
      `call call=#1 peer=bob state=ended reason=${shown}`,
    ]);
    assert(program.types({ command: "missed" })[0]?.includes("from=bob"));
  }
});

Deno.test("being called while one is busy: each caller is told of once in a call, quietly, and missed", () => {
  for (const busy of [() => ringing(), () => asked(), () => talking().program]) {
    const program = busy();
    const from = (name: string) => program.says({ type: "missed", from: name });
    const told = (name: string) => [`notice text=${name} called, and was told that you are busy`];

    const words = [from("eve"), from("EVE"), from("cem"), from("eve")];

    assertEquals(words, [told("eve"), [], told("cem"), []]);
    assertEquals(program.machine.missed.calls.map(({ from }) => from), ["eve", "cem"]);
  }
});

Deno.test("being called while one is busy: another call is another matter, and so many are told of in each", () => {
  const program = asked();
  for (let n = 1; n <= 120; n++) program.says({ type: "missed", from: `b${n}` });
  assertEquals(program.machine.missed.calls.at(-1)?.from, "b100");

  outcome(program, "declined");
  assertEquals(program.says({ type: "missed", from: "b1" }).length, 1);
});

Deno.test("a lying directory: a call of nobody that was missed ends the link", () => {
  const program = asked();

  assertEquals(program.says({ type: "missed", from: "a b" }).slice(0, 1), ["close directory"]);
});

Deno.test("being called: the last 100 missed ones are kept", () => {
  const program = ClientProgram.in();
  for (let n = 1; n <= 120; n++) {
    const call = callId(n);
    program.says({ type: "incoming", call, from: `b${n}`, guest: false, key: BOB });
    program.says({ type: "outcome", call, state: "timeout", reason: "" });
  }

  const [words] = program.types({ command: "missed" });

  assertEquals(words?.match(/from=/g)?.length, 100);
  assert(words?.includes("from=b21 ") && words.includes("from=b120 "));
});

Deno.test("being called: by the name of who calls, it is answered", () => {
  const program = asked();

  assertEquals(program.types({ command: "call", name: "bob" }), [
    "to directory: answer accepts=true reason= call=#1",
  ]);
});

Deno.test("being called: while in another call, the other is told busy", () => {
  const { program } = talking();

  assertEquals(
    program.says({ type: "incoming", call: callId(7), from: "eve", guest: false, key: EVE }),
    [
      "to directory: answer call=#7 accepts=false reason=busy",
      "notice text=eve called, and was told that you are busy",
    ],
  );
  assertEquals(program.machine.missed.calls.map(({ from }) => from), ["eve"]);
});

Deno.test("being called: nothing to answer", () => {
  const program = ClientProgram.in();

  for (
    const command of [
      { command: "accept" },
      { command: "decline", reason: "" },
      { command: "cancel" },
      { command: "hang-up" },
      { command: "say", text: "hello" },
    ] as const
  ) {
    assertEquals(program.types(command)[0]?.split(" ")[1], "code=not-allowed", command.command);
  }
});

// Both call each other.

Deno.test("two who call each other get one call, under the number that the user knows", () => {
  const program = ringing();
  // Bob's call came first: the directory asks us before it sees ours.
  assertEquals(
    program.says({ type: "incoming", call: callId(8), from: "bob", guest: false, key: BOB }),
    [],
  );

  program.meet({ call: callId(8), instead: CALL, isCaller: false });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: callId(8) });
  const words = program.hears(link, { type: "begin", call: callId(8) });

  assert(words.includes("to directory: begun route=direct call=#8"), words.join("\n"));
  assert(words.includes("call call=#1 peer=bob state=connected route=direct ref=r"));
});

Deno.test("a self-call connects at once, and shows each line once sent and once received", () => {
  const program = ClientProgram.in();

  assertEquals(program.types({ command: "call", name: "Ann" }), [
    "to directory: call call=#1 name=ann refused=[]",
    "call call=#1 peer=ann state=ringing",
    "to directory: begun route=direct call=#1",
    "call call=#1 peer=ann state=connected route=direct",
  ]);
  assertEquals(program.types({ command: "say", text: "hello" }, "s"), [
    "message from=ann text=hello self=true ref=s",
    "message from=ann text=hello self=false",
  ]);
  assertEquals(withoutUsers(program.types({ command: "hang-up" })), [
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=ann state=ended durationMs=0",
  ]);
});

Deno.test("a self-call outlives the directory, which is told of it again", () => {
  const program = ClientProgram.in();
  program.types({ command: "call", name: "ann" });
  assertEquals(withoutUsers(program.directoryDown()).length, 1);
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("talking=null"));

  const words = program.entered();

  assert(
    words.includes("to directory: call call=#1 name=ann refused=[]"),
    words.join("\n"),
  );
  assert(words.includes("to directory: begun route=direct call=#1"));
});

// Lines.

Deno.test("lines: they wait for the answer, and go out in order once connected", () => {
  const program = ringing();
  program.types({ command: "say", text: "one" }, "1");
  program.types({ command: "say", text: "two" }, "2");
  program.meet();
  const { link } = program.linkUp();

  const words = program.hears(link, { type: "talk", call: CALL });

  assertEquals(words.slice(-4), [
    `to link ${link}: line text=one`,
    "message from=ann text=one self=true ref=1",
    `to link ${link}: line text=two`,
    "message from=ann text=two self=true ref=2",
  ]);
});

Deno.test("lines: after a refusal they are dropped, with one notice", () => {
  const program = ringing();
  program.types({ command: "say", text: "one" });
  program.types({ command: "say", text: "two" });

  assertEquals(outcome(program, "busy"), [
    "call call=#1 peer=bob state=busy ref=r",
    "notice text=2 lines weren't sent, as there is no call with bob",
  ]);
});

Deno.test("lines: one with a ref that is dropped is answered by an error with it", () => {
  const codeOf = (state: CallOutcome, reason = "") => {
    const program = ringing();
    program.types({ command: "say", text: "one" }, "1");
    program.types({ command: "say", text: "two" });
    program.types({ command: "say", text: "three" }, "3");
    const words = outcome(program, state, reason).slice(1);
    const code = words[0]!.split(" ")[1]!;
    const text = "text=Not sent: there is no call with bob";
    assertEquals(words, [
      `error ${code} ${text} ref=1`,
      `error ${code} ${text} ref=3`,
      "notice text=1 line wasn't sent, as there is no call with bob",
    ]);
    return code.slice("code=".length);
  };

  const states = ["declined", "busy", "offline", "timeout", "unreachable", "cancelled"] as const;
  assertEquals(states.map((state) => codeOf(state)), [
    "declined",
    "busy",
    "offline",
    "timeout",
    "unreachable",
    "unreachable",
  ]);

  const { program, link } = talking();
  program.feed({ type: "congested", link });
  program.types({ command: "say", text: "late" }, "l");
  const words = program.feed({ type: "link-down", link, closed: false, reason: "reset" });
  assertEquals(words.filter((word) => word.endsWith(" ref=l")), [
    "error code=unreachable text=Not sent: there is no call with bob ref=l",
  ]);
});

Deno.test("lines: piped, hanging up comes after them, and what is piped after that waits", () => {
  const program = ringing();
  program.types({ command: "say", text: "one" });

  assertEquals(program.types({ command: "hang-up" }), [
    "input waiting for the end of the call with bob",
  ]);
  program.meet();
  const { link } = program.linkUp();
  const words = program.hears(link, { type: "talk", call: CALL });

  assertEquals(withoutUsers(words).slice(-6), [
    `to link ${link}: line text=one`,
    "message from=ann text=one self=true",
    `to link ${link}: hung-up`,
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended durationMs=0",
    "input goes on",
  ]);
});

Deno.test("lines: piped, hanging up after them is answered by the end of the call, however it ends", () => {
  const isSaid = (program: ClientProgram) => {
    program.meet();
    return program.hears(program.linkUp().link, { type: "talk", call: CALL });
  };
  const isDeclined = (program: ClientProgram) =>
    program.says({ type: "outcome", call: CALL, state: "declined", reason: "" });
  for (
    const [ends, end] of [
      [isSaid, "call call=#1 peer=bob state=ended durationMs=0 ref=h"],
      [isDeclined, "notice text=The call with bob is over ref=h"],
    ] as const
  ) {
    const program = ringing();
    program.types({ command: "say", text: "one" });
    program.types({ command: "hang-up" }, "h");

    const words = ends(program);
    assertEquals(words.filter((word) => word.endsWith(" ref=h")), [end]);
    assertEquals(words.filter((word) => word.endsWith(" ref=r")).length, 1);
  }
});

Deno.test("lines: piped, hanging up after them waits as long as the other takes some, and 10 s longer", () => {
  const program = ringing();
  program.meet();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  const isSaid = (word: string) => word.startsWith(`to link ${link}: line`);
  const ends = (word: string) => word.startsWith("call") || word.startsWith("notice");
  program.feed({ type: "congested", link });
  for (let at = 0; at < 6; at++) program.types({ command: "say", text: `${at}`.repeat(60_000) });
  program.types({ command: "hang-up" }, "h");

  assertEquals(program.after(9_000).filter(ends), []);
  assertEquals(program.feed({ type: "drained", link }).filter(isSaid).length, 2);
  program.feed({ type: "congested", link });
  assertEquals(program.after(9_000).filter(ends), []);

  const words = program.after(1_000);
  assertEquals(words.includes(`to link ${link}: hung-up`), true);
  assertEquals(words.filter(ends), [
    "call call=#1 peer=bob state=ended durationMs=19000 ref=h",
    "notice text=4 lines weren't sent, as there is no call with bob",
  ]);
  assertEquals(words.at(-1), "input goes on");
});

Deno.test("lines: at a terminal, hanging up withdraws", () => {
  const program = ringing({ config: { isInteractive: true } });
  program.types({ command: "say", text: "one" });

  assert(program.types({ command: "hang-up" })[0]?.endsWith("hang-up reason=cancelled call=#1"));
});

/** Bob calls again. */
function callsAgain(program: ClientProgram): Words {
  return program.says({ type: "incoming", call: callId(2), from: "bob", guest: false, key: BOB });
}

Deno.test("whoever has hung up and calls again is asked for once we know that", () => {
  const { program, link } = talking();
  assertEquals(callsAgain(program), []);
  const words = program.feed({ type: "link-down", link, closed: true, reason: "hung up" });

  assertEquals(withoutUsers(words).slice(-2), [
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=0",
    "incoming call=#2 from=bob key=bob guest=false",
  ]);
  program.types({ command: "accept" });
  assertEquals(program.machine.calling.call?.phase, "accepted");
});

Deno.test("whoever calls again before the first call is answered is told that we are busy", () => {
  const [answer] = callsAgain(asked());

  assert(answer?.includes("reason=busy"), answer);
});

Deno.test("whoever calls again and withdraws before we know that it had hung up was missed", () => {
  for (const how of ["withdrawn", "the directory is gone"]) {
    const { program, link } = talking();
    callsAgain(program);
    if (how === "withdrawn") {
      program.says({ type: "outcome", call: callId(2), state: "cancelled", reason: "" });
    } else program.directoryDown();
    program.feed({ type: "link-down", link, closed: true, reason: "hung up" });

    assertEquals(program.machine.calling.call, null, how);
    assertEquals(program.machine.missed.calls.map(({ from }) => from), ["bob"], how);
  }
});

Deno.test("lines: what a link doesn't take waits, and the input pauses before too much does", () => {
  const { program, link } = talking();
  program.feed({ type: "congested", link });
  const say = () => program.types({ command: "say", text: "x" });

  for (let n = 0; n < 500; n++) assertEquals(say(), []);
  assertEquals(say(), ["input waiting for bob"]);
  for (let n = 501; n < 1_000; n++) assertEquals(say(), []);
  assertEquals(say()[0]?.split(" ")[1], "code=full");

  const words = program.feed({ type: "drained", link });
  assertEquals(words.filter((word) => word.startsWith("to link")).length, 1_000);
  assertEquals(words.at(-1), "input goes on");
});

Deno.test("lines: no more are said at once than a link can say that it doesn't take", () => {
  const { program, link } = talking();
  program.feed({ type: "congested", link });
  for (let n = 0; n < 10; n++) program.types({ command: "say", text: "x".repeat(40_000) });
  const said = (words: Words) => words.filter((word) => / line text=/.test(word)).length;

  assertEquals(said(program.feed({ type: "drained", link })), 2);
  assertEquals(said(program.feed({ type: "tick" })), 2);
  program.feed({ type: "congested", link });
  assertEquals(said(program.after(1_000)), 0);
  assertEquals(said(program.feed({ type: "drained", link })), 2);

  program.types({ command: "hang-up" });
  const words = program.after(0);
  assertEquals([said(words), words.includes(`to link ${link}: hung-up`)], [4, true]);
});

Deno.test("lines: long ones fill what may wait, too", () => {
  const { program, link } = talking();
  program.feed({ type: "congested", link });
  let words: Words = [];
  for (let n = 0; n < 65; n++) {
    words = program.types({ command: "say", text: "x".repeat(65_536) });
  }
  assertEquals(words[0]?.split(" ")[1], "code=full");
});

Deno.test("lines: none is empty, none too long, and none holds what UTF-8 can't", () => {
  const { program, link } = talking();

  assertEquals(program.types({ command: "say", text: "" }), []);
  assertEquals(
    program.types({ command: "say", text: "x".repeat(65_537) })[0]?.split(" ")[1],
    "code=too-long",
  );
  assertEquals(
    program.types({ command: "say", text: "\ud800" })[0],
    `to link ${link}: line text=\ufffd`,
  );
});

Deno.test("lines: those of the other are shown under its name", () => {
  const { program, link } = talking();

  assertEquals(program.hears(link, { type: "line", text: "q" }), [
    "message from=bob text=q self=false",
  ]);
});

// What was shown.

function saysLines(program: ClientProgram, count: number): void {
  for (let n = 0; n < count; n++) program.types({ command: "say", text: "x" });
}

function hearsLines({ program, link }: Talking, count: number): Words {
  return Array.from({ length: count }, () => program.hears(link, { type: "line", text: "x" }))
    .flat().filter((word) => word.startsWith("to link"));
}

function notices(words: Words): Words {
  return words.filter((word) => word.startsWith("notice"));
}

Deno.test("heard: the other is told of what was shown after 200 ms, or 32 lines", () => {
  const talk = talking();
  const { program, link } = talk;

  assertEquals(hearsLines(talk, 1), []);
  assertEquals(program.after(150), []);
  assertEquals(hearsLines(talk, 2), []);
  assertEquals(program.after(49), []);
  assertEquals(program.after(1), [`to link ${link}: heard lines=3`]);
  assertEquals(program.after(60_000), []);
  assertEquals(hearsLines(talk, 31), []);
  assertEquals(hearsLines(talk, 1), [`to link ${link}: heard lines=35`]);
  assertEquals(program.after(150), []);
  assertEquals(hearsLines(talk, 1), []);
  assertEquals(program.after(199), []);
  assertEquals(program.after(1), [`to link ${link}: heard lines=36`]);
  assertEquals(
    hearsLines(talk, 100),
    [68, 100, 132].map((n) => `to link ${link}: heard lines=${n}`),
  );
});

Deno.test("heard: whoever ends a call says first what was shown", () => {
  const ends: Readonly<Record<string, (program: ClientProgram, link: LinkId) => Words>> = {
    "hang-up": (program) => program.types({ command: "hang-up" }),
    quit: (program) => program.types({ command: "quit" }),
    protocol: (program, link) => program.hears(link, { type: "done" }),
    "the account is gone": (program) =>
      program.says({ type: "dismissed", because: "forgotten", text: "", retryMs: 0 }),
  };
  for (const [how, end] of Object.entries(ends)) {
    const talk = talking();
    const { program, link } = talk;
    hearsLines(talk, 2);
    const words = end(program, link);
    assertEquals(
      words.filter((word) => word.includes(`link ${link}`)),
      [`to link ${link}: heard lines=2`, `close link ${link}`],
      how,
    );
    const none = talking();
    assert(!end(none.program, none.link).some((word) => word.includes("heard")), how);
  }
});

Deno.test("heard: what is said and may be lost with the call is told, after it", () => {
  const ends: Readonly<Record<string, (program: ClientProgram, link: LinkId) => Words>> = {
    lost: (program, link) => program.linkDown(link, false),
    "hung-up": (program, link) => program.linkDown(link, true),
    protocol: (program, link) => program.hears(link, { type: "done" }),
    "directory-down": (program) => program.directoryDown(),
  };
  for (const [reason, end] of Object.entries(ends)) {
    for (const [said, heard, may] of [[0, 0, ""], [1, 0, "line"], [4, 1, "3 lines"], [4, 4, ""]]) {
      const { program, link } = reason === "directory-down" ? relayedTalking() : talking();
      saysLines(program, said as number);
      if (heard !== 0) program.hears(link, { type: "heard", lines: heard as number });
      const words = end(program, link);
      assertEquals(
        notices(words),
        may === "" ? [] : [`notice text=bob may not have got your last ${may} warning=true`],
        reason,
      );
      const at = words.findIndex((word) => word.includes(`state=ended reason=${reason}`));
      assert(at >= 0 && (may === "" || words[at + 1]?.startsWith("notice")), words.join("\n"));
    }
  }
});

Deno.test("heard: what the directory relays no more, and nobody says goodbye to, may be lost", () => {
  const { program } = relayedTalking();
  saysLines(program, 2);
  outcome(program, "ended");

  assertEquals(notices(program.after(1_000)), [
    "notice text=bob may not have got your last 2 lines warning=true",
  ]);
});

Deno.test("heard: lines that weren't said are told apart", () => {
  const { program, link } = talking();
  saysLines(program, 1);
  program.feed({ type: "congested", link });
  saysLines(program, 2);

  assertEquals(notices(program.linkDown(link, false)), [
    "notice text=bob may not have got your last line warning=true",
    "notice text=2 lines weren't sent, as there is no call with bob",
  ]);
});

/** Ann has said three lines, of which one was heard, and hung up. */
function hungUp(talk = talking()): Talking {
  const { program, link } = talk;
  saysLines(program, 3);
  program.hears(link, { type: "heard", lines: 1 });
  const words = program.types({ command: "hang-up" });
  assertEquals(
    words.filter((word) => word.includes(`link ${link}`)),
    [`to link ${link}: hung-up`],
  );
  assert(words.some((word) => word.includes("state=ended durationMs=")), words.join("\n"));
  assertEquals(notices(words), []);
  return talk;
}

const TWO_LINES = "notice text=bob may not have got your last 2 lines warning=true";

Deno.test("heard: whoever hangs up is told what wasn't heard as soon as that is known, after 10 s at most", () => {
  const ends: Readonly<Record<string, (talk: Talking) => Words>> = {
    "nobody answers": ({ program }) => {
      assertEquals(notices(program.after(9_999)), []);
      return program.after(1);
    },
    "the link is lost": ({ program, link }) => program.linkDown(link, false),
    "the other closes it": ({ program, link }) => program.linkDown(link, true),
    "nothing more is heard of in time": ({ program, link }) => {
      program.hears(link, { type: "line", text: "too late" });
      return program.after(10_000);
    },
    "the other has hung up, too": ({ program, link }) => {
      assertEquals(program.hears(link, { type: "hung-up" }), [`close link ${link}`]);
      return program.linkDown(link, true);
    },
    "the program leaves": ({ program }) => {
      assertEquals(program.types({ command: "quit" }), []);
      return program.after(10_000);
    },
    "the program is put out": ({ program }) =>
      program.says({ type: "dismissed", because: "kicked", text: "", retryMs: 0 }),
  };
  for (const [how, end] of Object.entries(ends)) {
    for (const talk of [talking(), relayedTalking()]) {
      assertEquals(notices(end(hungUp(talk))), [TWO_LINES], how);
      assertEquals(notices(talk.program.linkDown(talk.link, false)), [], how);
      assertEquals(talk.program.machine.calling.isParting, false, how);
    }
  }
});

Deno.test("heard: whoever hangs up closes the link once all was heard, and shows no more of it", () => {
  const { program, link } = hungUp();
  assertEquals(program.hears(link, { type: "line", text: "too late" }), []);
  assertEquals(program.hears(link, { type: "heard", lines: 2 }), []);
  assertEquals(program.hears(link, { type: "heard", lines: 4 }), [], "more than was said");

  assertEquals(program.hears(link, { type: "heard", lines: 3 }), [`close link ${link}`]);
  assertEquals(notices(program.linkDown(link, true)), []);
  assertEquals(notices(program.after(20_000)), []);
});

Deno.test("heard: whoever is hung up on says first what was shown, and closes the link", () => {
  for (const talk of [talking(), relayedTalking()]) {
    const { program, link } = talk;
    hearsLines(talk, 2);
    const words = withoutUsers(program.hears(link, { type: "hung-up" }));
    const end = "call call=#1 peer=bob state=ended reason=hung-up";
    assertEquals(words.slice(0, 2), [`to link ${link}: heard lines=2`, `close link ${link}`]);
    assert(words.at(-1)?.startsWith(end), words.join("\n"));
    // What the directory relays goes on until the link is down.
    const told = talk.program.linkDown(link, true);
    assert([...words, ...told].some((word) => word.startsWith("to directory: hang-up")));
    assertEquals(words.includes("relay-close call=#1"), false);
  }
});

Deno.test("heard: so many calls that our user has ended are waited for, each for itself", () => {
  const program = ClientProgram.in();
  for (let n = 1; n <= 9; n++) {
    program.types({ command: "call", name: "bob" });
    program.meet({ call: callId(n) });
    const { link } = program.linkUp();
    program.hears(link, { type: "talk", call: callId(n) });
    saysLines(program, n);
    const told = notices(program.types({ command: "hang-up" }));
    assertEquals(
      told,
      n < 9 ? [] : ["notice text=bob may not have got your last line warning=true"],
    );
    program.after(500);
  }
  assertEquals(notices(program.after(10_000)).length, 8);
});

Deno.test("heard: who talks to oneself loses nothing", () => {
  const self = ClientProgram.in();
  self.types({ command: "call", name: "ann" });
  saysLines(self, 3);
  assertEquals(notices(self.types({ command: "quit" })), []);
});

Deno.test("heard: a program that ends although not everything has gone out says so", () => {
  const { program, link } = talking();
  saysLines(program, 1);
  program.feed({ type: "congested", link });
  saysLines(program, 1);
  program.types({ command: "quit" });

  assertEquals(notices(program.after(10_000)), [
    "notice text=bob may not have got your last line warning=true",
    "notice text=1 line wasn't sent, as there is no call with bob",
  ]);
});

Deno.test("heard: each call counts its own lines", () => {
  const { program, link } = talking();
  saysLines(program, 2);
  program.linkDown(link, false);
  program.types({ command: "call", name: "bob" });
  program.meet({ call: callId(2) });
  const { link: other } = program.linkUp();
  program.hears(other, { type: "talk", call: callId(2) });
  saysLines(program, 1);

  assertEquals(program.hears(link, { type: "heard", lines: 2 }), []);
  assertEquals(program.hears(other, { type: "heard", lines: 1 }), []);
  assertEquals(notices(program.linkDown(other, false)), []);
});

Deno.test("heard: of more lines than were said, or of no more than before, it breaks the rules", () => {
  for (const lines of [0, 1, 3]) {
    const { program, link } = talking();
    saysLines(program, 2);
    assertEquals(program.hears(link, { type: "heard", lines: 1 }), []);
    const words = program.hears(link, { type: "heard", lines });
    assertEquals(words.slice(0, 3), [
      `close link ${link}`,
      "to directory: hang-up reason=protocol call=#1",
      "call call=#1 peer=bob state=ended reason=protocol durationMs=0",
    ]);
  }
});

Deno.test("calling: so much that isn't understood ends that call alone, and counts against nobody else", () => {
  const { program, link } = talking();
  const unknown = (link: LinkId) => program.feed({ type: "unknown-message", link, code: 99 });
  for (let n = 0; n < UNKNOWN_MESSAGES_MAX; n++) {
    assertEquals(unknown(link), [`to link ${link}: unknown code=99`]);
  }
  assertEquals(unknown(link).slice(0, 3), [
    `close link ${link}`,
    "to directory: hang-up reason=protocol call=#1",
    "call call=#1 peer=bob state=ended reason=protocol durationMs=0",
  ]);
  assertEquals(unknown(link), []);
  assertEquals(unknown(program.link), ["to directory: unknown code=99"]);
});

Deno.test("calling: so many answers that something isn't understood end the call, too", () => {
  const { program, link } = talking();
  const answer = () => program.hears(link, { type: "unknown", code: 99 });
  for (let n = 0; n < UNKNOWN_MESSAGES_MAX; n++) assertEquals(answer(), []);
  assertEquals(answer()[0], `close link ${link}`);
});

Deno.test("heard: a program that doesn't know it is talked to all the same", () => {
  const { program, link } = talking();
  saysLines(program, 1);

  assertEquals(program.hears(link, { type: "unknown", code: 51 }), []);
  assertEquals(program.machine.calling.call?.phase, "talking");
});

// The end.

Deno.test("the end: hung up here, or there, one is back in a lobby", () => {
  const { program, link } = talking();
  program.nowMs += 63_000;
  const here = program.types({ command: "hang-up" }, "h");
  assertEquals(withoutUsers(here), [
    `close link ${link}`,
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended durationMs=63000 ref=h",
  ]);
  assert(SHOWS_USERS.test(here.at(-1)!));
  assertEquals(program.linkDown(link, true), []);

  const other = talking();
  const there = other.program.linkDown(other.link, true);
  assertEquals(there, [
    "to directory: hang-up reason= call=#1",
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=0",
  ]);
  // Of so short a call the directory may not have told yet.
  assert(SHOWS_USERS.test(other.program.after(AFTER_CALL_MS).at(-1)!));
});

Deno.test("the end: the list after a short call waits until the directory has told of it, and of its end", () => {
  const { program, link } = talking();
  program.linkDown(link, true);
  const both = (state: "busy" | "free") => {
    const users = ["ann", "bob"].map((name) => user(name, { state }));
    return program.says({ type: "presence", users, offline: [] });
  };
  assertEquals(both("busy").some((words) => SHOWS_USERS.test(words)), false);
  assert(SHOWS_USERS.test(both("free").at(-1)!));
  assertEquals(program.after(AFTER_CALL_MS), []);
});

Deno.test("the end: a link that is lost", () => {
  const { program, link } = talking();

  assertEquals(withoutUsers(program.linkDown(link, false)), [
    "to directory: hang-up reason=lost call=#1",
    "call call=#1 peer=bob state=ended reason=lost durationMs=0",
  ]);
});

Deno.test("the end: the other side's user found our digits to be different, as its program says", () => {
  for (const { program, link } of [talking(), relayedTalking()]) {
    const down = { type: "link-down", link, closed: true, reason: "not-trusted" } as const;
    const words = withoutUsers(program.feed(down));
    assertEquals(words.at(-1), "call call=#1 peer=bob state=ended reason=not-trusted durationMs=0");
  }
});

Deno.test("the end: thrown out by the operator, on either side", () => {
  const own = talking();
  const words = own.program.says({ type: "dismissed", because: "kicked", text: "", retryMs: 0 });
  assert(words.includes("call call=#1 peer=bob state=ended reason=kicked durationMs=0"));

  const { program, link } = talking();
  const down = { type: "link-down", link, closed: true, reason: "kicked" } as const;
  assertEquals(withoutUsers(program.feed(down)).slice(1), [
    "call call=#1 peer=bob state=ended reason=peer-kicked durationMs=0",
  ]);

  const relayed = relayedTalking();
  outcome(relayed.program, "ended", "kicked");
  assertEquals(
    withoutUsers(relayed.program.after(1_000)).at(-1),
    "call call=#1 peer=bob state=ended reason=peer-kicked durationMs=1000",
  );
});

Deno.test("the directory goes: a direct call goes on, and is told of when it is back", () => {
  const { program, link } = talking();

  assertEquals(program.directoryDown(), ["session state=down name=ann guest=false reason=lost"]);
  assertEquals(
    program.types({ command: "say", text: "still here" })[0],
    `to link ${link}: line text=still here`,
  );
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("talking={call=#1 name=bob}"));
});

Deno.test("the directory goes: a call that ends while one comes in again is told to have ended", () => {
  const { program, link } = talking();
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.linkDown(link, true);

  assert(program.entered().includes("to directory: hang-up reason= call=#1"));
});

Deno.test("the directory goes: a direct call ends without it", () => {
  const { program, link } = talking();
  program.directoryDown();

  assertEquals(program.types({ command: "hang-up" }), [
    `close link ${link}`,
    "call call=#1 peer=bob state=ended durationMs=0",
  ]);
});

Deno.test("the directory goes: what only it knows of ends", () => {
  const { program, link } = relayedTalking();
  assertEquals(program.directoryDown().slice(1), [
    `close link ${link}`,
    "relay-close call=#1",
    "call call=#1 peer=bob state=ended reason=directory-down durationMs=0",
  ]);

  const down = "call call=#1 peer=bob state=ended reason=directory-down";
  assertEquals(ringing().directoryDown().slice(1), [`${down} ref=r`]);
  const called = asked();
  assertEquals(called.directoryDown().slice(1), [down]);
  assert(called.types({ command: "missed" })[0]?.includes("from=bob"));
});

Deno.test("the directory goes: who is being dialled may still be reached", () => {
  const program = ringing();
  program.meet();
  program.directoryDown();
  const { link } = program.linkUp();

  const words = program.hears(link, { type: "talk", call: CALL });

  assert(words.includes("call call=#1 peer=bob state=connected route=direct ref=r"));
});

Deno.test("the directory goes: one that is met while a call comes about is told of it", () => {
  const program = ringing();
  program.meet();
  program.directoryDown();
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("talking=null"));
  program.entered();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });

  assertEquals(program.after(DECIDED_MS)[0], "close directory");
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("talking={call=#1 name=bob}"));
});

Deno.test("the directory goes: one that lets in only once they talk is told of the call, too", () => {
  const program = ringing();
  program.meet();
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.after(DECIDED_MS);
  program.entered();

  assertEquals(program.after(DECIDED_MS)[0], "close directory");
});

Deno.test("the directory goes: whoever has told it of the call as it came in doesn't come in anew for that", () => {
  const program = ringing();
  program.meet();
  program.directoryDown();
  program.after(1_000);
  program.directoryUp();
  program.entered();
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });
  program.directoryDown();
  program.after(1_000);
  assert(program.directoryUp()[0]?.includes("talking={call=#1 name=bob}"));
  program.entered();

  assertEquals(program.after(DECIDED_MS).filter((word) => word.startsWith("close")), []);
});

Deno.test("replaced: a direct call goes on until it ends, then the program does", () => {
  const { program, link } = talking();

  assertEquals(program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 }), [
    "close directory",
    "session state=replaced name=ann guest=false",
  ]);
  assertEquals(program.types({ command: "say", text: "bye" })[0], `to link ${link}: line text=bye`);
  program.hears(link, { type: "heard", lines: 1 });
  assertEquals(program.after(600_000), []);
  assertEquals(program.linkDown(link, true), [
    "call call=#1 peer=bob state=ended reason=hung-up durationMs=600000",
    "fatal replaced",
  ]);
});

Deno.test("replaced: a relayed call, and one that rings, end with it", () => {
  for (const program of [relayedTalking().program, ringing(), asked()]) {
    const words = program.says({ type: "dismissed", because: "replaced", text: "", retryMs: 0 });
    assertEquals(words.at(-1), "fatal replaced");
    const end = words.find((word) => / state=ended/.test(word));
    assert(end?.includes("reason=replaced"), end);
  }
});

Deno.test("a directory that holds a direct call for over is told again of it, once, and quietly", () => {
  const { program } = talking();

  assertEquals(outcome(program, "unreachable", "lost"), []);
  assertEquals(program.after(2_000), [
    "close directory",
    "dial directory chat.example:4400 directory",
  ]);
  assert(program.directoryUp()[0]?.includes("talking={call=#1 name=bob}"));
  program.entered();
  outcome(program, "unreachable", "lost");
  assertEquals(program.after(60_000), []);
});

Deno.test("a directory that is right about a direct call isn't told anything", () => {
  const { program, link } = talking();

  outcome(program, "cancelled");
  program.linkDown(link, true);

  assertEquals(withoutUsers(program.after(60_000)), []);
});

// Through the directory.

Deno.test("relayed: bytes go both ways, no further ahead than they are taken", () => {
  const { program } = relayedTalking();
  const bytes = new Uint8Array(16_384);

  const out = program.feed({ type: "relayed", call: CALL.toHex(), bytes: Uint8Array.of(1, 2) });
  assertEquals(out, ["to directory: relay call=#1 bytes=0102"]);
  assertEquals(program.says({ type: "relay", call: CALL, bytes: Uint8Array.of(3) }), [
    "relay-bytes call=#1 bytes=03",
  ]);
  program.says({ type: "relay", call: CALL, bytes });
  assertEquals(program.feed({ type: "relay-taken", call: CALL.toHex(), bytes: 1 }), []);
  assertEquals(program.feed({ type: "relay-taken", call: CALL.toHex(), bytes: 16_384 }), [
    "to directory: relay-room call=#1 bytes=16385",
  ]);
  assertEquals(program.says({ type: "relay-room", call: CALL, bytes: 2 }), [
    "relay-room call=#1 bytes=2",
  ]);
});

Deno.test("relayed: more than there is room for ends the link to the directory", () => {
  const { program } = relayedTalking();
  const bytes = new Uint8Array(16_384);
  for (let n = 0; n < 4; n++) program.says({ type: "relay", call: CALL, bytes });

  assertEquals(
    program.says({ type: "relay", call: CALL, bytes: Uint8Array.of(1) })[0],
    "close directory",
  );
});

Deno.test("relayed: bytes of no call of ours go nowhere", () => {
  const { program } = relayedTalking();
  const bytes = Uint8Array.of(1);

  assertEquals(program.says({ type: "relay", call: callId(5), bytes }), []);
  assertEquals(program.says({ type: "relay-room", call: callId(5), bytes: 1 }), []);
  assertEquals(program.feed({ type: "relayed", call: callId(5).toHex(), bytes }), []);
});

Deno.test("relayed: whoever hangs up says so once all of it has gone out", () => {
  const { program, link } = relayedTalking();

  assertEquals(withoutUsers(program.types({ command: "hang-up" })), [
    `close link ${link}`,
    "call call=#1 peer=bob state=ended durationMs=0",
  ]);
  const bytes = Uint8Array.of(1);
  assertEquals(program.feed({ type: "relayed", call: CALL.toHex(), bytes }), [
    "to directory: relay call=#1 bytes=01",
  ]);
  assertEquals(program.linkDown(link, true), [
    "to directory: hang-up call=#1 reason=",
    "relay-close call=#1",
  ]);
});

Deno.test("relayed: the next call doesn't wait for the goodbye of the last", () => {
  const { program } = relayedTalking();
  program.types({ command: "hang-up" });

  assertEquals(program.types({ command: "call", name: "eve" }).slice(0, 3), [
    "to directory: hang-up call=#1 reason=",
    "relay-close call=#1",
    "to directory: call call=#2 name=eve refused=[]",
  ]);
});

Deno.test("relayed: the directory's word that it is over leaves the other's goodbye a second to come", () => {
  const closed = relayedTalking();
  assertEquals(outcome(closed.program, "ended"), []);
  assertEquals(closed.program.hears(closed.link, { type: "line", text: "last" }), [
    "message from=bob text=last self=false",
  ]);
  const words = closed.program.linkDown(closed.link, true);
  assert(words.includes("call call=#1 peer=bob state=ended reason=hung-up durationMs=0"));

  const gone = relayedTalking();
  outcome(gone.program, "ended");
  assertEquals(withoutUsers(gone.program.after(1_000)), [
    `close link ${gone.link}`,
    "to directory: hang-up reason=lost call=#1",
    "relay-close call=#1",
    "call call=#1 peer=bob state=ended reason=lost durationMs=1000",
  ]);
});

// Keys.

const PINNED = { config: { pinsOf: () => new Map([["bob", fingerprintOf(EVE)]]) } };

Deno.test("keys: a caller with another key than before is told so and declined, until it is accepted", () => {
  const program = ClientProgram.in(PINNED);
  const incoming = () =>
    program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key: BOB });

  const [declined, told = ""] = incoming();
  assertEquals(declined, "to directory: answer call=#1 accepts=false reason=key-changed");
  assert(told?.startsWith("error code=key-changed"), told);
  assert(told.includes(fingerprintOf(BOB)) && told.includes(fingerprintOf(EVE)), told);

  assertEquals(program.types({ command: "trust", name: "bob" }), [
    "pin bob bob again",
    `notice text=bob's key is ${fingerprintOf(BOB)} from now on; the former key ${
      fingerprintOf(EVE)
    } isn't accepted any more; call again`,
  ]);
  assertEquals(incoming(), ["incoming call=#1 from=bob key=bob guest=false"]);
});

Deno.test("keys: what was told is accepted, whoever calls under that name while the user asks about it", () => {
  const program = ClientProgram.in(PINNED);
  const calls = (key: PeerKey) =>
    program.says({ type: "incoming", call: CALL, from: "bob", guest: false, key })[1]!;
  const accepts = () => program.types({ command: "trust", name: "bob" })[0];
  calls(BOB);
  program.after(STRANGE_KEPT_MS - 1);
  const told = calls(ANN.key);
  assert(
    told.includes(`/trust bob accepts the key that you were told first, ${fingerprintOf(BOB)}`),
    told,
  );
  assertEquals(accepts(), "pin bob bob again");

  calls(ANN.key);
  program.after(STRANGE_KEPT_MS);
  assert(calls(EVE).includes("/trust bob changed="));
  assertEquals(accepts(), "pin bob eve again");
});

Deno.test("keys: a call says which keys its callee mustn't have", () => {
  const refused = [{ name: "Bob", fingerprint: fingerprintOf(EVE) }];
  const program = ringing({ config: { ...PINNED.config, refused } });

  const call = program.sent.findLast(({ message }) => message.type === "call")?.message;

  assert(call?.type === "call");
  assertEquals(call.refused, [fingerprintOf(EVE)]);
});

Deno.test("keys: another key that was told, and isn't accepted, isn't rung again", () => {
  const program = ringing(PINNED);
  program.says({ type: "rings", call: CALL, name: "bob", key: BOB });
  const refusedNow = () => {
    program.types({ command: "call", name: "bob" });
    program.types({ command: "cancel" });
    const last = program.sent.findLast(({ message }) => message.type === "call")?.message;
    return last?.type === "call" ? last.refused : null;
  };

  assertEquals(refusedNow(), [fingerprintOf(BOB)]);
  program.types({ command: "trust", name: "bob" });
  assertEquals(refusedNow(), []);
});

Deno.test("keys: a call ends when the key at which it rings is refused meanwhile", () => {
  const program = ClientProgram.in();
  program.says({ type: "incoming", call: callId(7), from: "bob", guest: false, key: BOB });
  program.types({ command: "decline", reason: "" });
  program.types({ command: "call", name: "bob" });
  program.says({ type: "rings", call: CALL, name: "bob", key: BOB });

  const words = program.types({ command: "verify", name: "bob", answer: "no" });

  assertEquals(words.slice(-2), [
    "to directory: hang-up reason=key-changed call=#1",
    "call call=#1 peer=bob state=ended reason=key-changed",
  ]);
});

Deno.test("keys: of so many refused keys that the directory can't be told, none is rung", () => {
  const refused = Array.from({ length: CALL_REFUSED_MAX + 1 }, (_, at) => ({
    name: "bob",
    fingerprint: fingerprintOf(fakeSigner(`e${at}`).key),
  }));
  const most = ClientProgram.in({ config: { refused: refused.slice(1) } });
  const more = ClientProgram.in({ config: { refused } });

  const call = { command: "call", name: "bob" } as const;
  assert(most.types(call)[0]?.startsWith("to directory: call "));
  const words = more.types(call);
  assertEquals(words.length, 1);
  assertMatch(
    words[0]!,
    /^error code=full text=Cannot call bob: you have refused more than 64 keys/,
  );
});

Deno.test("keys: a callee with another key than before isn't rung for long", () => {
  const program = ringing(PINNED);

  const words = program.says({ type: "rings", call: CALL, name: "bob", key: BOB });

  assertEquals(words[0], "to directory: hang-up reason=key-changed call=#1");
  assert(words[1]?.startsWith("error code=key-changed"), words[1]);
  assert(words[1]?.endsWith(" ref=r"), words[1]);
  assertEquals(words[2], "call call=#1 peer=bob state=ended reason=key-changed ref=r");
  program.types({ command: "trust", name: "bob" });
  program.types({ command: "call", name: "bob" });
  assertEquals(program.says({ type: "rings", call: CALL, name: "bob", key: BOB }), []);
});

Deno.test("keys: whoever isn't rung any more, or isn't whom one called, is nobody's concern", () => {
  const [withdrawn, other] = [ringing(PINNED), ringing(PINNED)];
  withdrawn.types({ command: "cancel" });

  assertEquals(withdrawn.says({ type: "rings", call: CALL, name: "bob", key: BOB }), []);
  const words = other.says({ type: "rings", call: CALL, name: "eve", key: BOB });
  assertEquals(words[0], "close directory");
});

Deno.test("keys: a callee with another key than before isn't talked to, until it is accepted", () => {
  const program = ringing(PINNED);

  const words = program.meet();

  assertEquals(words[0], "to directory: hang-up reason=key-changed call=#1");
  assert(words[1]?.startsWith("error code=key-changed"), words[1]);
  assert(words[1]?.endsWith(" ref=r"), words[1]);
  assertEquals(words[2], "call call=#1 peer=bob state=ended reason=key-changed ref=r");
  program.types({ command: "trust", name: "bob" });
  program.types({ command: "call", name: "bob" });
  assertEquals(program.meet({ call: callId(2) }), ["connecting", "dial call 10.0.0.2:5000 bob"]);
});

Deno.test("keys: another one that was offered is forgotten once a call is connected with the known one", () => {
  const program = ClientProgram.in({
    config: { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) },
  });
  program.says({ type: "incoming", call: callId(7), from: "bob", guest: false, key: EVE });
  program.types({ command: "call", name: "bob" });
  program.meet({ call: CALL });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call: CALL });

  assertEquals(program.types({ command: "trust", name: "bob" }), [
    "notice text=There is no new key of bob to accept",
  ]);
});

Deno.test("keys: one is remembered once somebody has proved it, and can be compared", () => {
  const { program } = talking();

  const [words] = program.types({ command: "verify", name: "bob" });
  assert(words?.startsWith("verify name=bob key=bob ownKey=ann peerKey=bob"), words);
  assertEquals(program.types({ command: "trust", name: "bob" }), [
    "notice text=There is no new key of bob to accept",
  ]);
  assertEquals(
    program.types({ command: "verify", name: "eve" })[0]?.split(" ")[1],
    "code=unknown-user",
  );
  assert(
    program.types({ command: "verify", name: "*directory*" })[0]?.includes("peerKey=directory"),
  );
  for (const command of ["verify", "trust"] as const) {
    const [words] = program.types({ command, name: "ann" });
    assert(words?.startsWith("error code=unknown-user text=ann is you: "), words);
  }
});

Deno.test("keys: a call has the key of the other side, and before that the one expected", () => {
  const { program } = talking();
  const keys = program.events.flatMap((event) =>
    event.event === "call" ? [[event.state, event.key]] : []
  );
  assertEquals(keys, [["ringing", undefined], ["connected", fingerprintOf(BOB)]]);

  const pinned = talking({ config: { pinsOf: () => new Map([["bob", fingerprintOf(BOB)]]) } });
  const [ringing] = pinned.program.events.filter((event) => event.event === "call");
  assert(ringing?.event === "call" && ringing.key === fingerprintOf(BOB));
});

Deno.test("keys: where the directory's digits were different, the program ends, and later ones don't stay", () => {
  const program = ClientProgram.in();
  const words = program.types({ command: "verify", name: "*directory*", answer: "no" });
  assertEquals(words.at(-1), "fatal key-changed");

  const refused = [{ name: "*directory*", fingerprint: fingerprintOf(DIRECTORY) }];
  const later = new ClientProgram({ config: { refused } });
  later.feed({ type: "start" });
  assertEquals(later.directoryUp().slice(-2), [`close directory`, "fatal key-changed"]);
});

Deno.test("keys: the digits of a call were different: it ends, and that key is another one until /trust", () => {
  const { program } = talking();

  const words = program.types({ command: "verify", name: "bob", answer: "no" });

  assert(words.some((word) => word.includes("state=ended reason=key-changed")), words.join("\n"));
  assertEquals(program.goodbyes.at(-1), "not-trusted");
  const calls = () =>
    program.says({ type: "incoming", call: callId(2), from: "bob", guest: false, key: BOB });
  const [declined] = calls();
  assertEquals(declined, "to directory: answer call=#2 accepts=false reason=key-changed");
  const last = program.events.findLast((event) => event.event === "error");
  assert(last?.event === "error" && last.code === "key-changed");
  assertEquals(last.changed, { name: "bob", key: fingerprintOf(BOB) });
  assert(last.text.includes("whose digits you found to be different"), last.text);

  program.types({ command: "trust", name: "bob" });
  calls();
  assertEquals(program.events.at(-1)?.event, "incoming");
});

Deno.test("keys: one that is refused in another program of the profile ends its call, and isn't expected again", () => {
  const { program } = talking();
  const refuse = (key: PeerKey) =>
    program.types({ command: "refuse", name: "bob", key: fingerprintOf(key) });
  assertEquals(refuse(EVE), []);

  assert(refuse(BOB).some((word) => word.includes("state=ended reason=key-changed")));
  const calls = (key: PeerKey) =>
    program.says({ type: "incoming", call: callId(2), from: "bob", guest: false, key })[0];
  for (const key of [BOB, EVE]) {
    assertEquals(calls(key), "to directory: answer call=#2 accepts=false reason=key-changed");
  }
});

// A lying callee, and strangers.

Deno.test("a liar: a link with another key, of another call, begun by who didn't call, or too early, is closed", () => {
  const program = ringing();
  program.meet();
  const strange = program.linkUp({ peer: EVE });
  assertEquals(strange.words, [`close link ${strange.link}`]);

  for (
    const message of [
      { type: "talk", call: callId(9) },
      { type: "begin", call: CALL },
      { type: "line", text: "early" },
      {
        type: "enter",
        how: "guest",
        name: "",
        password: "",
        newPassword: "",
        port: 0,
        talking: null,
        seen: null,
        rank: 0,
      },
    ] as const
  ) {
    const { link } = program.linkUp();
    assertEquals(program.hears(link, message), [`close link ${link}`], message.type);
  }
  const { link } = program.linkUp();
  assertEquals(
    program.hears(link, { type: "talk", call: CALL })[0],
    `to link ${link}: begin call=#1`,
  );
});

Deno.test("a liar: nobody but the caller begins, and on a link of this call", () => {
  const program = asked();
  program.types({ command: "accept" });
  program.meet({ isCaller: false });
  const other = program.linkUp().link;
  const unnamed = program.linkUp().link;

  program.hears(other, { type: "talk", call: CALL });
  assertEquals(program.hears(other, { type: "begin", call: callId(9) }), [`close link ${other}`]);
  assertEquals(program.hears(unnamed, { type: "begin", call: CALL }), [`close link ${unnamed}`]);
});

Deno.test("a liar: who breaks the rules in a call isn't talked to any more", () => {
  const { program, link } = talking();

  assertEquals(withoutUsers(program.hears(link, { type: "begin", call: CALL })), [
    `close link ${link}`,
    "to directory: hang-up reason=protocol call=#1",
    "call call=#1 peer=bob state=ended reason=protocol durationMs=0",
  ]);
});

Deno.test("strangers: links without a call are closed, and many of them keep nobody out", () => {
  const idle = ClientProgram.in();
  const { link, words } = idle.linkUp();
  assertEquals(words, [`close link ${link}`]);

  const program = ringing();
  const closed: string[] = [];
  for (let n = 0; n < 50; n++) closed.push(...program.linkUp({ peer: EVE }).words);
  assertEquals(closed.length, 42);
  const bob = program.linkUp().link;
  program.hears(bob, { type: "talk", call: CALL });
  assert(program.meet().includes(`to link ${bob}: begin call=#1`));
});

Deno.test("a lying directory: a call with another than the one who was called ends the link to it", () => {
  assertEquals(ringing().meet({ name: "eve" })[0], "close directory");
  const callee = asked();
  callee.types({ command: "accept" });
  assertEquals(callee.meet({ isCaller: false, key: EVE })[0], "close directory");
});

Deno.test("a lying directory: words of calls that there aren't are nothing", () => {
  const { program } = talking();

  assertEquals(program.meet({ call: callId(4) }), []);
  assertEquals(program.meet(), []);
  assertEquals(program.says({ type: "relay-on", call: CALL }), []);
  assertEquals(outcome(program, "ended"), []);
  assertEquals(program.says({ type: "outcome", call: callId(4), state: "busy", reason: "" }), []);
});

Deno.test("a lying directory: nobody calls under a name that is none", () => {
  const program = ClientProgram.in();

  assertEquals(
    program.says({ type: "incoming", call: CALL, from: "a b", guest: true, key: BOB })[0],
    "close directory",
  );
});

Deno.test("after a call the list is shown when both are free in it, or a moment later all the same", () => {
  const usersOf = (words: Words) => words.filter((word) => word.startsWith("users "));
  const presence = (name: string, state: "free" | "busy") =>
    ({
      type: "presence",
      users: [user(name, { state })],
      offline: [],
    }) as const;
  const { program } = talking();
  program.says(presence("ann", "busy"));
  program.says(presence("bob", "busy"));
  assertEquals(usersOf(program.types({ command: "hang-up" })), []);
  assertEquals(usersOf(program.says(presence("ann", "free"))), []);
  assertEquals(usersOf(program.says(presence("bob", "free"))).length, 1);
  assertEquals(usersOf(program.after(AFTER_CALL_MS)), []);

  const other = talking().program;
  other.says(presence("ann", "busy"));
  other.says(presence("bob", "busy"));
  assertEquals(usersOf(other.types({ command: "hang-up" })), []);
  const [late] = usersOf(other.after(AFTER_CALL_MS));
  // One's own state is known better than the directory can.
  assert(late?.includes("name=ann state=free") && late.includes("name=bob state=busy"), late);
});

Deno.test("whoever talks is busy in the own list, before the directory says so", () => {
  const [list] = talking().program.types({ command: "list", part: "ann" });
  assert(list?.includes("name=ann state=busy"), list);
});

Deno.test("calling: more calls than the directory takes aren't made", () => {
  const program = ClientProgram.in();
  const calls = () => {
    const words = program.types({ command: "call", name: "bob" });
    program.types({ command: "cancel" });
    return words[0];
  };
  for (let n = 0; n < CALLS_BURST; n++) assert(calls()?.startsWith("to directory: call"));
  assertEquals(
    calls(),
    "error code=too-fast text=Cannot call: you have called too often within a short time; wait a moment",
  );
  program.after(1_000 / CALLS_PER_S);
  assert(calls()?.startsWith("to directory: call"));
  assertEquals(calls()?.split(" ")[1], "code=too-fast");
});

Deno.test("calling: a reason to decline that is typed isn't what a program says by itself", () => {
  for (const typed of ["busy", "key-changed", "not-trusted"]) {
    assertEquals(asked().types({ command: "decline", reason: typed }), [
      `to directory: answer accepts=false reason="${typed}" call=#1`,
      `call call=#1 peer=bob state=declined reason="${typed}"`,
    ]);
  }
});

Deno.test("whoever's program knows another key of ours than this one is told so, on either side", () => {
  const caller = ringing();
  const declined = caller.says({
    type: "outcome",
    call: CALL,
    state: "declined",
    reason: "key-changed",
  });
  assertEquals(declined[0], "call call=#1 peer=bob state=declined reason=not-trusted ref=r");
  const callee = asked();
  callee.types({ command: "accept" });
  const ended = callee.says({
    type: "outcome",
    call: CALL,
    state: "cancelled",
    reason: "key-changed",
  });
  assertEquals(ended[0], "call call=#1 peer=bob state=ended reason=not-trusted");
});
