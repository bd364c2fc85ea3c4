import { assertEquals } from "@std/assert";
import { InteractiveInterface } from "../../lib/cli/terminal/interactive_interface.ts";
import { Screen } from "../e2e/screen.ts";
import { echoRoom, MODE, OPTIONS } from "./echo_room.ts";
import { MemoryStreams, settle } from "./memory_streams.ts";
import { SLOW } from "../given.ts";

/** A terminal of 40 columns at which somebody is asked before commands are taken. */
function open() {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  streams.columns = 40;
  const ui = new InteractiveInterface(MODE, OPTIONS, streams);
  const room = echoRoom(ui);
  ui.setPrompt("Alice", "Alice");
  const happened: string[] = [];
  const { dialogue } = ui;
  const ask = (prompt: string, isUnseen = false) => {
    dialogue.ask({ prompt, isUnseen }).then((answer) => happened.push(`${prompt}${answer}`));
  };
  const begin = () => dialogue.begin(() => happened.push("(log out)"));
  const screenNow = async () => {
    await settle();
    const screen = new Screen(40, 24);
    screen.write(streams.stdoutText);
    assertEquals(screen.unexpected, []);
    return screen;
  };
  return { streams, ui, room, dialogue, ask, begin, happened, screenNow };
}

Deno.test("questions are answered one after the other, passwords unseen, before any command runs", async () => {
  const { streams, ui, room, dialogue, ask, begin, happened, screenNow } = open();
  begin();
  ask("Name: ");
  streams.type("alicx\x7fe");
  assertEquals((await screenNow()).cursorLine, "Name: alice|");
  streams.type("\r");
  await settle();
  ask("Password: ", true);
  streams.type("hunter2x\x7f");
  assertEquals((await screenNow()).cursorLine, "Password: |");
  streams.type("\r");
  await settle();
  ui.listen(room);
  dialogue.end(true);
  streams.type("hello\r");

  const screen = await screenNow();
  assertEquals(happened, ["Name: alice", "Password: hunter2"]);
  assertEquals(room.happened, ["hello"]);
  assertEquals(screen.lines, ["Name: alice", "Password:", "12:03 <Alice> hello", "Alice>"]);
  assertEquals(streams.stdoutText.includes("hunter"), false);
  await ui.close();
});

Deno.test("what is typed ahead answers the questions that come, unseen until then; the rest runs", async () => {
  const { streams, ui, room, dialogue, ask, begin, happened, screenNow } = open();
  begin();
  streams.type("alice\rsecret\rhello\r");
  await settle();
  assertEquals((await screenNow()).text.trim(), "");
  ask("Name: ");
  await settle();
  ask("Password: ", true);
  await settle();
  assertEquals(happened, ["Name: alice", "Password: secret"]);
  ui.listen(room);
  await settle();
  assertEquals(room.happened, []);
  dialogue.end(true);
  await settle();
  assertEquals(room.happened, ["hello"]);
  assertEquals(streams.stdoutText.includes("secret"), false);
  await ui.close();
});

Deno.test("what was typed ahead is nobody's where nothing is answered", async () => {
  const { streams, ui, room, dialogue, begin, screenNow } = open();
  begin();
  ui.listen(room);
  streams.type("secret\rhello\r");
  await settle();
  dialogue.end(false);
  streams.type("hi\r");
  await settle();
  assertEquals(room.happened, ["hi"]);
  assertEquals((await screenNow()).text.includes("secret"), false);
  await ui.close();
});

Deno.test("what was typed ahead can be forgotten before the next question", async () => {
  const { streams, ui, ask, begin, happened } = open();
  begin();
  streams.type("secret\rsec");
  await settle();
  ui.dialogue.forgetTypedAhead();
  ask("Menu: ");
  streams.type("3\r");
  await settle();

  assertEquals(happened, ["Menu: 3"]);
  assertEquals(streams.stdoutText.includes("sec"), false);
  await ui.close();
});

const ENTER_FIRST = "Press Enter";

/** The same, once it takes commands; `began` says how the questions that come now began. */
function prompted() {
  const at = open();
  const began: boolean[] = [];
  at.ui.listen(at.room);
  const come = (isExpected = false) => {
    const tell = () => at.ui.show({ event: "notice", text: ENTER_FIRST });
    at.dialogue.beginAtEnter(() => {}, isExpected, tell).then((hasBegun) => began.push(hasBegun));
  };
  return { ...at, began, come };
}

Deno.test("what is typed when questions come is no answer: they wait for Enter at an empty line", async () => {
  const { streams, ui, room, dialogue, ask, come, began, happened, screenNow } = prompted();
  streams.type("half a l");
  await settle();
  come();
  streams.type("ine\r");
  await settle();
  assertEquals([began, room.happened], [[], ["half a line"]]);
  assertEquals((await screenNow()).text.split(ENTER_FIRST).length, 2);

  streams.type("draft\x15\rsecret\r"); // behind that Enter: for the question
  await settle();
  assertEquals(began, [true]);
  ask("Password: ", true);
  await settle();
  dialogue.end(true);
  streams.type("hello\r");
  await settle();
  assertEquals([happened, room.happened], [["Password: secret"], ["half a line", "hello"]]);
  assertEquals(streams.stdoutText.includes("secret"), false);
  await ui.close();
});

Deno.test("Enter at an empty line begins questions also where as many lines wait as may", async () => {
  const { streams, ui, come, began, screenNow } = prompted();
  ui.pauseInput("Carol is far behind");
  streams.type("line\r".repeat(100));
  streams.type("too much\r");
  come();
  await settle();
  const full = (await screenNow()).cursorLine;
  streams.type("\x15\r");
  await settle();

  assertEquals([full, began], ["Alice> too much|", [true]]);
  await ui.close();
});

Deno.test("questions that wait for Enter are given up where others begin", async () => {
  const { streams, ui, come, began, begin } = prompted();
  streams.type("half a l");
  await settle();
  come();
  begin();
  await settle();

  assertEquals(began, [false]);
  await ui.close();
});

Deno.test("questions that somebody asked for begin at once, unless another line is being typed", async () => {
  const { streams, ui, dialogue, come, began } = prompted();
  come(true);
  await settle();
  dialogue.end(true);
  streams.type("half");
  await settle();
  come(true);
  await settle();
  assertEquals(began, [true]);
  dialogue.end(false);
  await settle();
  assertEquals(began, [true, false]);
  streams.type("\x15");
  await settle();
  come();
  await ui.close();
  assertEquals(began, [true, false, false]);
});

Deno.test("where no prompt is shown, and at the end of input, questions begin at once", async () => {
  const { streams, ui, room, dialogue, happened } = open();
  const begun = () => dialogue.beginAtEnter(() => {}, false, () => happened.push("told"));
  assertEquals(await begun(), true);
  dialogue.end(true);
  ui.listen(room);
  streams.type(null);
  await settle();
  assertEquals([await begun(), happened], [true, []]);
  await ui.close();
});

Deno.test("Ctrl+C and Ctrl+X are heeded whether or not something is asked", async () => {
  const { streams, ui, room, dialogue, ask, begin, happened } = open();
  ui.heedInterrupts((cause) => room.interrupted(cause));
  begin();
  streams.type("\x18");
  await settle();
  assertEquals(happened, ["(log out)"]);
  ask("Password: ", true);
  streams.type("abc\x18\x03");
  await settle();
  assertEquals(happened, ["(log out)", "(log out)"]);
  assertEquals(room.happened, ["(interrupt)"]);
  dialogue.end(true);
  await settle();
  assertEquals(happened.at(-1), "Password: null");
  await ui.close();
});

Deno.test("Ctrl+D where nothing is typed gives up what is asked, as Ctrl+X, and isn't the end", async () => {
  const { streams, ui, room, dialogue, ask, begin, happened } = open();
  ui.listen(room);
  begin();
  ask("Password: ", true);
  streams.type("ab\x04\x15\x04");
  await settle();
  assertEquals(happened, ["(log out)"]);
  dialogue.end(false);
  streams.type("hello\r");
  await settle();
  assertEquals([happened.at(-1), room.happened], ["Password: null", ["hello"]]);
  await ui.close();
});

Deno.test(
  "what is typed behind a question that isn't asked is dropped until a pause",
  SLOW,
  async () => {
    const { streams, ui, room, dialogue } = open();
    ui.listen(room);
    dialogue.dropTypedAhead();
    streams.type("secret\rsec");
    await settle();
    streams.type("ret\r\x03");
    await settle();
    assertEquals(room.happened, ["(interrupt)"]);
    const told = streams.stdoutText.split("What you type is dropped").length - 1;
    assertEquals(told, 1);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    streams.type("hello\r");
    await settle();
    assertEquals(room.happened, ["(interrupt)", "hello"]);
    await ui.close();
  },
);

Deno.test("at the end of input nothing is answered any more", async () => {
  const { streams, ui, ask, begin, happened } = open();
  begin();
  ask("Name: ");
  streams.type(null);
  await settle();
  ask("Password: ", true);
  await settle();
  assertEquals(happened, ["Name: null", "Password: null"]);
  await ui.close();
});

Deno.test("more than anybody types ahead isn't kept", async () => {
  const { streams, ui, ask, begin, happened } = open();
  begin();
  streams.type("\x1b[200~" + "x".repeat(70_000) + "\x1b[201~");
  streams.type("bob\r");
  await settle();
  ask("Name: ");
  await settle();
  assertEquals(happened, ["Name: bob"]);
  await ui.close();
});

Deno.test("Ctrl+X at the prompt is the mode's", async () => {
  const { streams, ui, room } = open();
  let times = 0;
  ui.listen({ ...room, logOut: () => ++times > 1 });
  streams.type("\x18");
  await settle();
  assertEquals(times, 1);
  await ui.close();
});

Deno.test("somebody at a terminal is called with its bell", async () => {
  const { streams, ui } = open();
  ui.attend({ title: "bob is calling", body: "", isUrgent: true });
  await settle();
  assertEquals(streams.stdoutText, "");
  ui.listen(echoRoom(ui));
  ui.attend({ title: "bob is calling", body: "", isUrgent: true });
  await settle();
  // deno-lint-ignore no-control-regex
  assertEquals(streams.stdoutText.replaceAll(/\x1b\]2;[^\x07]*\x07/g, "").split("\x07").length, 2);
  await ui.close();
});

Deno.test("a password typed once more while it is checked is never shown or run, and the screen says what is awaited", async () => {
  const { streams, ui, room, dialogue, ask, begin, happened, screenNow } = open();
  begin();
  ask("Password: ", true);
  streams.type("secret\r");
  await settle();
  dialogue.wait("Checking the password ... ");
  streams.type("secret\rsec");
  assertEquals((await screenNow()).cursorLine, "Checking the password ... |");
  ui.listen(room);
  const hasDropped = dialogue.end(false);
  streams.type("ret\r");
  assertEquals((await screenNow()).cursorLine, "Alice> |");

  assertEquals([hasDropped, happened, room.happened], [true, ["Password: secret"], []]);
  assertEquals(streams.stdoutText.includes("ret"), false);
  await ui.close();
});
