import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { CommandTable } from "../../../lib/cli/commands/commands.ts";
import {
  registryCommands,
  type RegistryTarget,
} from "../../../lib/cli/directory/registry_commands.ts";
import type { Place, Whereabouts } from "../../../lib/cli/directory/prompt_state.ts";
import type { ClientCommand } from "../../../lib/protocols/directory/schema/events.ts";
import { type Outcome, outcomeOf } from "../command_outcome.ts";

const HERE: Whereabouts = {
  place: "lobby",
  peer: "",
  isAccepted: false,
  wasInCall: false,
  isJustOver: false,
};

/** What a line does there, with bob. */
function outcome(
  line: string,
  place: Place = "lobby",
  { isInteractive = true, objects = false, more = {} as Partial<Whereabouts>, online = "" } = {},
): Outcome<ClientCommand> {
  const where = { ...HERE, ...more, place, peer: place === "lobby" ? "" : "bob" };
  const table = registryCommands(() => where, isInteractive, (name) => name === online);
  // Those that ask for passwords are tried below.
  const plain = table as unknown as CommandTable<
    (command: ClientCommand, ref: string | undefined) => void
  >;
  return outcomeOf(plain, line, objects);
}

const call = (name: string) => ({ command: { command: "call", name } as const });
const say = (text: string) => ({ command: { command: "say", text } as const });
const tell = (text: string) => ({ command: { command: "broadcast", text } as const });
const alone = <Name extends ClientCommand["command"]>(name: Name) => ({
  command: { command: name },
});
const history = (asked: Readonly<Record<string, unknown>>) => ({
  command: { command: "history", count: null, ...asked } as const,
});
const LIST: Outcome<ClientCommand> = { command: { command: "list", part: undefined } };
const QUIT = alone("quit");
const ACCEPT: Outcome<ClientCommand> = { command: { command: "accept", name: undefined } };
const HANG_UP = alone("hang-up");

const LOBBY: readonly (readonly [line: string, outcome: unknown])[] = [
  ["", "nothing"],
  ["bob", call("bob")],
  ["  bob ", call("bob")],
  ["≈Вob", call("Вob")],
  ["bob~5elu", call("bob~5elu")],
  ["≈Вob~5elu ", call("Вob~5elu")],
  ["1", LIST],
  ["1 al", { command: { command: "list", part: "al" } }],
  ["2 lunch is ready", tell("lunch is ready")],
  ["2  two\nlines", tell("two\nlines")],
  ["q", QUIT],
  ["q ", QUIT],
  ["y", ACCEPT],
  ["n", { command: { command: "decline", reason: "" } }],
  ["n busy with homework", { command: { command: "decline", reason: "busy with homework" } }],
  ["/call 1", call("1")],
  ["/call q", call("q")],
  ["/call 10.0.0.3:5000", { command: { command: "call-address", host: "10.0.0.3", port: 5_000 } }],
  ["/call [::1]:5000", { command: { command: "call-address", host: "::1", port: 5_000 } }],
  ["/history", history({})],
  ["/history 5", history({ count: 5 })],
  ["/history bob 5", history({ name: "bob", count: 5 })],
  ["/history bob /dinner/", history({ name: "bob", text: "dinner", count: 20 })],
  ["/search dinner", history({ text: "dinner", count: 20, everywhere: true })],
  ["/list", LIST],
  ["/list al", { command: { command: "list", part: "al" } }],
  ["/broadcast 2 for lunch", tell("2 for lunch")],
  ["/decline in a meeting", { command: { command: "decline", reason: "in a meeting" } }],
  ["/decline", { command: { command: "decline", reason: "" } }],
  ["/accept", ACCEPT],
  ["/accept bob", { command: { command: "accept", name: "bob" } }],
  ["/cancel", alone("cancel")],
  ["/hangup", HANG_UP],
  ["/missed", alone("missed")],
  ["/status", alone("status")],
  ["/verify bob", { command: { command: "verify", name: "bob" } }],
  ["/trust *directory*", { command: { command: "trust", name: "*directory*" } }],
  ["/logout", QUIT],
  ["/q", QUIT],
  ["/msg hello", say("hello")],
];

for (const [line, expected] of LOBBY) {
  Deno.test(`registry: in the lobby ${JSON.stringify(line)} is understood`, () => {
    assertEquals(outcome(line), expected);
  });
}

const REFUSED: readonly (readonly [line: string, code: string, text: string])[] = [
  ["is anybody there?", "unknown-user", "call somebody with NAME or /call NAME"],
  ["10.0.0.3:5000", "unknown-user", "call somebody with NAME or /call NAME"],
  ["bob~ see you", "unknown-user", "call somebody with NAME"],
  ["//bob", "unknown-user", "call somebody with NAME"],
  ["2", "usage", "Usage: 2 TEXT"],
  ["/call", "usage", "Usage: /call NAME"],
  ["/call 10.0.0.3:99999", "unknown-user", "/list shows it"],
  ["help", "unknown-user", "/help shows what can be typed"],
  ["exit", "unknown-user", "Nobody called exit is online; /logout logs out and leaves"],
  ["Quit ", "unknown-user", "/logout logs out"],
  ["bye", "unknown-user", "/logout logs out"],
  ["logout", "unknown-user", "/logout logs out"],
  ["Help ", "unknown-user", "/help shows what can be typed"],
  ["?", "unknown-user", "/help shows more"],
  ["/cal bob", "unknown-command", "did you mean /call?"],
];

for (const [line, code, text] of REFUSED) {
  Deno.test(`registry: in the lobby ${JSON.stringify(line)} is refused`, () => {
    const refused = outcome(line);
    if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
    assertEquals(refused.error, code);
    assertStringIncludes(refused.text, text);
  });
}

Deno.test("registry: somebody of the name help is called where they are online, and by /call", () => {
  assertEquals(outcome("help", "lobby", { online: "help" }), call("help"));
  assertEquals(outcome("/call help"), call("help"));
  assertEquals(outcome("exit", "lobby", { online: "exit" }), call("exit"));
  assertEquals(outcome("exit", "talking"), say("exit"));
  assertEquals(outcome("help", "talking"), say("help"));
});

Deno.test("registry: in a call every line is said, but q and commands", () => {
  for (const text of ["hello", "1", "2 of us", "y", "bob", "  indented", "qq"]) {
    assertEquals(outcome(text, "talking"), say(text));
  }
  assertEquals(outcome(" q", "talking"), say("q"));
  assertEquals(outcome("//list", "talking"), say("/list"));
  assertEquals(outcome("q", "talking"), HANG_UP);
  assertEquals(outcome("q ", "talking"), HANG_UP);
  assertEquals(outcome("/list", "talking"), LIST);
});

Deno.test("registry: while it rings a terminal takes commands alone, and a pipe's lines wait", () => {
  assertEquals(outcome("q", "calling"), HANG_UP);
  assertEquals(outcome("1", "calling"), LIST);
  const refused = outcome("hello", "calling");
  if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
  assertEquals(refused.error, "not-allowed");
  assertStringIncludes(refused.text, "bob hasn't answered yet");
  for (const text of ["hello", "1", "y"]) {
    assertEquals(outcome(text, "calling", { isInteractive: false }), say(text));
  }
  assertEquals(outcome("q", "calling", { isInteractive: false }), HANG_UP);
});

Deno.test("registry: what is said after a yes waits until both are connected", () => {
  const accepted = { more: { isAccepted: true } };
  for (const text of ["hello", "1", "2 of us", "n", "bob"]) {
    assertEquals(outcome(text, "calling", accepted), say(text));
  }
  assertEquals(outcome("q", "calling", accepted), HANG_UP);
});

Deno.test("registry: what is left of a refused call's lines is no name and no word of the menu", () => {
  for (const text of ["bob", " q", "1", "2 all", "y"]) {
    assertEquals(outcome(text, "refused", { isInteractive: false }), say(text));
  }
  assertEquals(outcome("q", "refused", { isInteractive: false }), HANG_UP);
  assertEquals(outcome("/list", "refused", { isInteractive: false }), LIST);
});

Deno.test("registry: whoever is called answers with a command", () => {
  assertEquals(outcome("/accept", "asked"), ACCEPT);
  assertEquals(outcome("n later", "asked"), { command: { command: "decline", reason: "later" } });
  assertEquals(outcome("q", "asked"), HANG_UP);
  assertEquals(outcome("carol", "asked"), call("carol"));
});

Deno.test("registry: whoever answers a call by another word is told which do", () => {
  for (const word of ["y", "n", "yes", "No", "ok", "what?", "who is that"]) {
    const refused = outcome(word, "asked");
    if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
    assertEquals(refused.error, /^\w+$/.test(word) ? "not-allowed" : "unknown-user", word);
    assertEquals(refused.text, "Nothing was done: /accept or /decline answers bob");
  }
  assertEquals(outcome("yes", "asked", { online: "yes" }), call("yes"));
  assertEquals(outcome("yes", "lobby"), call("yes"));
});

Deno.test("registry: while it rings, what begins with 2 isn't for all, unless a script says it", () => {
  for (const place of ["asked", "calling"] as const) {
    const refused = outcome("2 lunch is ready", place);
    if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
    assertEquals(refused.error, "not-allowed");
    assertStringIncludes(refused.text, "/broadcast TEXT");
    assertEquals(outcome("/broadcast lunch is ready", place), tell("lunch is ready"));
  }
  // Nobody keeps a script from telling all by calling it.
  assertEquals(outcome("2 lunch", "asked", { isInteractive: false }), tell("lunch"));
});

Deno.test("registry: objects have the names that /help shows, and their text is literal", () => {
  const object = (text: string, place: Place = "lobby") => outcome(text, place, { objects: true });
  assertEquals(object('{"command":"call","name":"bob","ref":"7"}'), { ...call("bob"), ref: "7" });
  assertEquals(object('{"command":"call","name":"[::1]:5000"}'), {
    command: { command: "call-address", host: "::1", port: 5_000 },
  });
  assertEquals(object('{"command":"broadcast","text":"2 all"}'), tell("2 all"));
  assertEquals(
    object('{"command":"history","name":"bob","text":"x","n":3}', "talking"),
    history({ name: "bob", text: "x", count: 3 }),
  );
  assertEquals(
    object('{"command":"search","text":"x"}', "talking"),
    history({ text: "x", count: 20, everywhere: true }),
  );
  assertEquals(object('{"command":"msg","text":"q"}', "talking"), say("q"));
  assertEquals(object('{"command":"msg","text":"two\\nlines"}', "talking"), say("two\nlines"));
  assertEquals(object('{"command":"decline","reason":"no time"}', "asked"), {
    command: { command: "decline", reason: "no time" },
  });
  assertEquals(object('{"command":"decline"}', "asked"), {
    command: { command: "decline", reason: "" },
  });
});

Deno.test("registry: passwords are asked for, never typed into a command", async () => {
  const table = registryCommands(() => HERE, true);
  const asked: string[] = [];
  const target: RegistryTarget = Object.assign(() => {}, {
    changePassword: () => Promise.resolve(void asked.push("passwd")),
    forgetAccount: () => Promise.reject(new P2pchatError("usage", "nobody can be asked")),
  });
  const run = async (line: string) => {
    const parsed = table.parse(line, true);
    if (parsed.type !== "command") throw new Error(parsed.type);
    await parsed.run(target);
  };
  await run('{"command":"passwd","ref":"1"}');
  assertEquals(asked, ["passwd"]);
  await assertRejects(() => run("/forget-me"), P2pchatError, "nobody can be asked");
  assertEquals(table.parse("/passwd old new", true).type, "refused");
});

Deno.test("registry: a terminal keeps what was typed in the lobby, chat comes back by itself", () => {
  let place: Place = "lobby";
  const table = registryCommands(() => ({ ...HERE, place, peer: "bob" }), true);
  assertEquals(table.chatIsSilent("bob"), true);
  place = "talking";
  assertEquals(table.chatIsSilent("bob"), false);
});

Deno.test("registry: a line that was begun in a call is for nobody else once that is over", () => {
  const bare = ["2 apples and secrets", "carol", "q", "1"];
  const ofCall = ["/accept", "/n later", "/cancel", "/hangup", "/msg a secret", "//a secret"];
  for (const line of [...bare, ...ofCall]) {
    for (const place of ["lobby", "asked", "calling", "talking"] as const) {
      const refused = outcome(line, place, { more: { wasInCall: true } });
      if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
      assertEquals(refused.error, "not-allowed");
    }
  }
  assertEquals(outcome("/list", "lobby", { more: { wasInCall: true } }), LIST);
});

Deno.test("registry: /msg NAME TEXT, private elsewhere, doesn't say the name in a call", () => {
  for (const line of ["/msg bob at seven?", "/msg BOB at seven?", "/msg carol at seven?"]) {
    const refused = outcome(line, "talking", { online: "carol" });
    if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
    assertEquals(refused, {
      error: "usage",
      text: "Nothing was sent: what you type goes to bob alone: leave the name out",
    });
    assertEquals(outcome(line, "talking", { isInteractive: false }), say(line.slice(5)));
  }
  assertEquals(outcome("/msg bob", "talking"), say("bob"));
  assertEquals(outcome("bob at seven?", "talking"), say("bob at seven?"));
});

Deno.test("registry: who hangs up a moment after the other doesn't log out", () => {
  const late = { more: { isJustOver: true } };
  const refused = outcome("q", "lobby", late);
  if (typeof refused === "string" || !("error" in refused)) throw new Error("it is understood");
  assertEquals(refused.error, "not-allowed");
  assertEquals(outcome("q", "lobby", { ...late, isInteractive: false }), QUIT);
  assertEquals(outcome("/logout", "lobby", late), QUIT);
  assertEquals(outcome("bob", "lobby", late), call("bob"));
});

Deno.test("registry: an object that names who is to hear its text is said to nobody else", () => {
  const object = (name: string) => JSON.stringify({ command: "msg", text: "hi", name });
  const said = (name: string, place: Place) => outcome(object(name), place, { objects: true });

  assertEquals(said("bob", "talking"), say("hi"));
  assertEquals(said("BOB", "talking"), say("hi"));
  const others = [["carol", "talking"], ["bob", "lobby"], ["x".repeat(60_000), "talking"]] as const;
  for (const [name, place] of others) {
    const refused = JSON.stringify(said(name, place));
    assertStringIncludes(refused, "Not sent: you aren't in a call with");
    assert(refused.length < 200, `${refused.length} characters`);
  }
});
