/** Lines that wait while input is paused: what they mean when they are run, and what becomes of them otherwise. */

import { COPY_REF } from "../../../lib/cli/commands/commands.ts";
import type { OwnCommand } from "../../../lib/cli/commands/mode_commands.ts";
import type { MeshCommandSink } from "../../../lib/cli/mesh/mesh_commands.ts";
import { assertEquals } from "@std/assert";
import { LEAVE_MS_MAX } from "../../../lib/base/machine/mode_limits.ts";
import { LogInDialogue } from "../../../lib/cli/directory/log_in_dialogue.ts";
import { InteractiveInterface } from "../../../lib/cli/terminal/interactive_interface.ts";
import { ACCOUNT_REF, OwnAccount } from "../../../lib/cli/directory/own_account.ts";
import {
  registryCommands,
  type RegistryTarget,
} from "../../../lib/cli/directory/registry_commands.ts";
import { PromptState } from "../../../lib/cli/directory/prompt_state.ts";
import type { InputHandler, Mode, ShownEvent } from "../../../lib/cli/rendering/user_interface.ts";
import type { FileCommand } from "../../../lib/cli/files/file_events.ts";
import type { ClientCommand } from "../../../lib/protocols/directory/schema/events.ts";
import { Screen } from "../../e2e/screen.ts";
import { call } from "../call_event.ts";
import { echoRoom, MODE, OPTIONS } from "../echo_room.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

const REASON = "waiting for bob";

function terminal(): MemoryStreams {
  const streams = new MemoryStreams();
  streams.isTerminal = true;
  streams.columns = 100;
  return streams;
}

async function screenOf(streams: MemoryStreams): Promise<Screen> {
  await settle();
  const screen = new Screen(100, 24);
  screen.write(streams.stdoutText);
  return screen;
}

/** A room whose input is paused. */
async function pausedRoom(leaves = true) {
  const streams = terminal();
  const ui = new InteractiveInterface(MODE, OPTIONS, streams);
  const room = echoRoom(ui, leaves);
  ui.setPrompt("Alice", "Alice");
  ui.listen(room);
  ui.pauseInput(REASON);
  await settle();
  return { streams, ui, room };
}

/** Alice's client of a directory at a terminal; `asked` is what her lines became. */
function client() {
  const streams = terminal();
  const standing = new PromptState("alice", () => 0);
  const commands = registryCommands(() => standing.where, true);
  const mode: Mode<ShownEvent, RegistryTarget> = { commands, render: () => [] };
  const ui = new InteractiveInterface(mode, OPTIONS, streams);
  const notices: string[] = [];
  const asked: (ClientCommand | FileCommand | OwnCommand)[] = [];
  const submit = (command: ClientCommand | FileCommand | OwnCommand) => void asked.push(command);
  const notice = (text: string) => void notices.push(text);
  const comingIn = new LogInDialogue({
    dialogue: ui.dialogue,
    way: null,
    name: "alice",
    given: null,
    refuse: ({ message }) => notice(message),
    notice,
    logOut() {},
  });
  const account = new OwnAccount({
    comingIn,
    standing,
    mayAsk: true,
    password: null,
    submit,
    notice,
  });
  const handler: InputHandler<RegistryTarget> = {
    target: Object.assign(submit, {
      changePassword: () => account.changePassword(),
      forgetAccount: (ref: string | undefined) => account.forget(ref),
    }),
    ended: () => asked.push({ command: "quit" }),
    interrupted: () => true,
    lineBegins: () => standing.lineBegins(),
  };
  ui.listen(handler);
  ui.setPrompt("alice", "alice");
  standing.shows({ event: "session", state: "up", name: "alice", guest: false });
  return { streams, ui, standing, asked, notices, answered: () => account.answered(ACCOUNT_REF) };
}

const PASSWD = { command: "passwd", old: "oldsecret", new: "newsecret" } as const;

Deno.test("passwords typed behind /passwd while input is paused are its answers", async () => {
  const { streams, ui, asked, notices, answered } = client();
  ui.pauseInput(REASON);
  streams.type("bob\r/passwd\roldsecret\rnewsecret\rnewsec");
  await settle();
  ui.pauseInput(null);
  await settle();
  streams.type("ret\rnewsecret\r"); // once more than needed
  const checking = await screenOf(streams);
  answered();
  await settle();
  assertEquals(asked, [{ command: "call", name: "bob" }, PASSWD]);
  assertEquals(checking.cursorLine, "Checking the password ... |");
  assertEquals(notices, [
    "What you typed while the password was being checked is dropped: it may be a password",
  ]);
  streams.type("\x1b[A\x1b[A\x1b[A");
  assertEquals((await screenOf(streams)).cursorLine, "alice> bob|", "no password comes back");
  await ui.close();
});

Deno.test("passwords typed behind a refused /passwd while input is paused are said to nobody", async () => {
  const { streams, ui, standing, asked } = client();
  standing.shows(call("connected"));
  ui.pauseInput(REASON);
  streams.type("hello\r/passwd\roldsecret\rnewsecret\rnewsec");
  await settle();
  ui.pauseInput(null);
  await settle();
  streams.type("ret\r");
  const screen = await screenOf(streams);
  assertEquals(asked, [{ command: "say", text: "hello" }]);
  assertEquals(screen.cursorLine, "alice> |");
  assertEquals(
    screen.text.includes("Dropped 2 lines that you typed, as they may be passwords"),
    true,
    screen.text,
  );
  await ui.close();
});

Deno.test("lines that were typed before a question came are no answers: they follow it", async () => {
  const { streams, ui, room } = await pausedRoom();
  const { dialogue } = ui;
  const answers: (string | null)[] = [];
  streams.type("hello\r");
  await settle();
  void dialogue.beginAtEnter(() => {}, false, () => {});
  streams.type("\r");
  await settle();
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, [], "while something is asked");
  void dialogue.ask({ prompt: "Password: ", isUnseen: true }).then((each) => answers.push(each));
  streams.type("secret\r");
  await settle();
  dialogue.end(true);
  await settle();
  assertEquals([answers, room.happened], [["secret"], ["hello"]]);
  await ui.close();
});

Deno.test("a line typed in a call is for that call alone, however long it waited", async () => {
  const { streams, ui, standing, asked } = client();
  standing.shows(call("connected"));
  ui.pauseInput(REASON);
  streams.type("2 o'clock at my place?\r/msg a secret\r");
  await settle();
  standing.shows(call("ended"));
  streams.type("carol");
  await settle();
  ui.pauseInput(null);
  await settle();
  assertEquals(asked, []);
  streams.type("\r");
  await settle();
  assertEquals(asked, [{ command: "call", name: "carol" }], "begun in the lobby");

  standing.shows(call("connected", "2"));
  ui.pauseInput(REASON);
  streams.type("to bob\r/msg to bob\r");
  await settle();
  standing.shows(call("ended", "2"));
  standing.shows(call("connected", "3"));
  ui.pauseInput(null);
  await settle();
  assertEquals(asked.length, 1, "another call");
  await ui.close();
});

Deno.test("commands that are typed carry the ref that was set for them; what is said carries none", async () => {
  const streams = terminal();
  const ui = new InteractiveInterface(MODE, OPTIONS, streams);
  const asked: (readonly [string, string | undefined])[] = [];
  const target: MeshCommandSink = ({ command }, ref) => void asked.push([command, ref]);
  ui.listen({ ...echoRoom(ui), target, typedRef: "typed" });
  streams.type("/get 77\rhello\r//slash\r/invite --copy\r");
  await settle();
  assertEquals(asked, [
    ["get", "typed"],
    ["say", undefined],
    ["say", undefined],
    ["invite", COPY_REF],
  ]);
  await ui.close();
});

Deno.test("Ctrl+D comes after the lines that wait, which are sent first", async () => {
  const { streams, ui, room } = await pausedRoom();
  streams.type("one\rtwo\r\x04\x04");
  const screen = await screenOf(streams);
  assertEquals(room.happened, []);
  assertEquals(
    screen.text.includes("* Leaving when 2 lines that you wrote are sent"),
    true,
    screen.text,
  );
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, ["one", "two", "(ended)"]);
  await ui.close();
});

Deno.test("the end of input comes after the answers to what a line that waited asks", async () => {
  const { streams, ui, asked, answered } = client();
  ui.pauseInput(REASON);
  streams.type("/passwd\roldsecret\rnewsecret\rnewsecret\r\x04");
  await settle();
  ui.pauseInput(null);
  await settle();
  assertEquals(asked, [PASSWD]);
  answered();
  assertEquals(asked, [PASSWD, { command: "quit" }]);
  await ui.close();
});

Deno.test("lines that can't be sent in time after Ctrl+D are told, and the program leaves", async () => {
  const { streams, ui, room } = await pausedRoom();
  const { setTimeout: set } = globalThis;
  let over = () => {};
  globalThis.setTimeout = ((work: () => void, ms: number) => {
    if (ms === LEAVE_MS_MAX) over = work;
    return set(work, ms);
  }) as typeof set;
  try {
    streams.type("one\r\x04");
    await settle();
  } finally {
    globalThis.setTimeout = set;
  }
  assertEquals(room.happened, []);
  over();
  const screen = await screenOf(streams);
  assertEquals(room.happened, ["(ended)"]);
  assertEquals(screen.text.includes("! 1 line that you wrote wasn't sent"), true, screen.text);
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, ["(ended)"]);
  await ui.close();
});

Deno.test("whoever leaves by Ctrl+C is told how many lines weren't sent", async () => {
  const { streams, ui, room } = await pausedRoom();
  streams.type("one\rtwo\r\x03");
  await settle();
  ui.pauseInput(null);
  const screen = await screenOf(streams);
  assertEquals(room.happened, ["(interrupt)"]);
  assertEquals(screen.text.includes("! 2 lines that you wrote weren't sent"), true, screen.text);
  await ui.close();
});

Deno.test("Ctrl+C that doesn't leave takes no line away", async () => {
  const { streams, ui, room } = await pausedRoom(false);
  streams.type("one\r\x03");
  await settle();
  ui.pauseInput(null);
  await settle();
  assertEquals(room.happened, ["(interrupt)", "one"]);
  await ui.close();
});

Deno.test("whoever leaves by Ctrl+X is told, too, and so is everybody when the program ends", async () => {
  const { streams, ui, room } = await pausedRoom();
  ui.listen({ ...room, logOut: () => true });
  streams.type("one\r\x18");
  await settle();
  ui.pauseInput(null);
  await settle();
  ui.pauseInput(REASON);
  streams.type("two\rthree\r");
  await settle();
  await ui.close();
  const { text } = await screenOf(streams);
  assertEquals(room.happened, []);
  assertEquals(text.includes("! 1 line that you wrote wasn't sent"), true, text);
  assertEquals(text.includes("! 2 lines that you wrote weren't sent"), true, text);
});
