/** `peer --registry` and `regserver` at a terminal, as a person uses them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  broadcast,
  call,
  DirectoryWorld,
  incoming,
  is,
  login,
  logout,
  message,
  PASSWORD,
  presence,
  seesAll,
  untilListed,
} from "./directory_world.ts";
import { outputOf } from "./failures.ts";
import { copyFolder } from "../samples/samples.ts";
import { type Node, PROGRAM, untilRead } from "./node.ts";
import { freePort } from "./ports.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";
const CTRL_X = "\x18";
const MENU = "1) log in   2) sign up   3) guest: |";

function terminalTest(name: string, test: () => Promise<void>): void {
  Deno.test({ name: `directory at a terminal: ${name}`, ignore: !hasScript(), fn: test });
}

/** The lines on the screen, without their times. */
const lines = ({ screen }: Terminal) => screen.lines.map((line) => line.replace(/^\d\d:\d\d /, ""));

/** Waits for a line, whatever its time is. */
const shows = (terminal: Terminal, line: string) =>
  terminal.until(line, () => lines(terminal).includes(line));

/** Answers the menu and the question for the name, to enter as a guest. */
async function comesAsGuest(terminal: Terminal, name: string): Promise<void> {
  await terminal.untilCursorLine(MENU);
  await terminal.press("3\r");
  await terminal.untilCursorLine("Name: |");
  await terminal.press(`${name}\r`);
}

async function assertLeft(terminal: Terminal): Promise<void> {
  assertEquals(await terminal.ended(), 0);
  assertEquals(terminal.screen.modes.has("?2004"), false);
  assertEquals(terminal.screen.cursorLine, "|");
  assertEquals(terminal.screen.unexpected, []);
}

for (const given of [null, "alice"]) {
  const how = given === null ? "the menu" : "the command line";
  terminalTest(
    `of a name by ${how} that is in use here, or another's, another one is asked for: what is typed next goes to no shell`,
    async () => {
      const { world } = await DirectoryWorld.open(["alice"]);
      await using _ = world;
      await world.start("--guest", "gus", { data: world.data(given ?? "nameless") });
      await using second = await world.terminal(given);
      await second.untilCursorLine(MENU);
      await second.press(given === null ? "3\rgus\r" : "3\r");
      const refusals = [["uses it", "gus"], ["That name is taken", "Alice"]] as const;
      const [[first], [then, next]] = given === null ? refusals : refusals.toReversed();
      for (const [refusal, name] of [[first, next], [then, "hal"]] as const) {
        await second.until("a refusal", ({ text }) => text.includes(refusal));
        await second.untilCursorLine("Name (Enter alone: menu): |");
        await second.press(`${name}\r`);
      }
      await second.untilCursorLine("hal (lobby)> |");
      await second.press(CTRL_X);
      await assertLeft(second);
    },
  );
}

terminalTest(
  "the passphrase of the profile that was named is asked for as the rest is; typed again, it answers nothing",
  async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    const secret = "correct horse battery";
    const data = ["--data", world.data("nameless")];
    await outputOf(["users", "key", "gus", "127.0.0.1", "1", ...data]);
    const file = world.write("secret", `${secret}\n`);
    await outputOf(["passphrase", "gus", "--new-password-file", file, ...data]);

    await using terminal = await world.terminal(null);
    await comesAsGuest(terminal, "gus");
    await terminal.untilCursorLine("Passphrase of gus: |");
    await terminal.press("not this one\r");
    await terminal.until("try again", ({ text }) => text.includes("key; try again"));
    await terminal.untilCursorLine("Passphrase of gus: |");
    await terminal.press(`${secret}\r${secret}\r`);
    await terminal.untilCursorLine("gus (lobby)> |");
    await terminal.press("/whoami\r");
    await terminal.until("who one is", ({ text }) => text.includes("gus (you)"));
    await terminal.press(CTRL_X);
    await assertLeft(terminal);
    assertEquals(terminal.raw.includes(secret), false, "it is never shown");

    for (const key of [CTRL_C, CTRL_D, CTRL_X]) {
      await using other = await world.terminal(null);
      await comesAsGuest(other, "gus");
      await other.untilCursorLine("Passphrase of gus: |");
      await other.press(key);
      await assertLeft(other);
    }
  },
);

terminalTest(
  "while the directory says nothing, a guest's lines are answered, and q leaves",
  async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const data = await Deno.makeTempDir({ prefix: "p2pchat-pty-" });
    try {
      const registry = `127.0.0.1:${listener.addr.port}`;
      await using terminal = await openTerminal({
        command: [PROGRAM, "peer", "gus", "--registry", registry, "--guest", "--data", data],
      });
      await terminal.untilCursorLine("gus (no directory)> |");
      await terminal.press("/status\r");
      await shows(terminal, `Not in the directory ${registry} now.`);
      await terminal.press("q\r");
      await assertLeft(terminal);
    } finally {
      listener.close();
      await Deno.remove(data, { recursive: true });
    }
  },
);

terminalTest("the menu, a name and an unseen password, typed twice to sign up", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  await using terminal = await world.terminal(null);
  await terminal.untilCursorLine(MENU);
  await terminal.press("Sign UP\r");
  await terminal.untilCursorLine("Name: |");
  await terminal.press("alice\r");
  await terminal.untilCursorLine("Password (at least 8 characters): |");
  const key = directory.events[0]!.key;
  // Before the password is asked for.
  assertEquals(lines(terminal).slice(2, 4), [
    `Directory 127.0.0.1:${world.port}, key ${key} (new: compare it with what its operator tells you)`,
    "Password (at least 8 characters):",
  ]);
  await terminal.press("xyzzy horse");
  await terminal.press("\r");
  await terminal.untilCursorLine("Repeat it: |");
  await terminal.press("xyzzy horse\r");
  await terminal.untilCursorLine("alice (lobby)> |");
  await shows(terminal, "* Online: alice (you)");
  for (const secret of ["xyzzy", "horse", "*****"]) {
    assert(!terminal.raw.includes(secret), secret);
  }
  assertEquals(world.accounts(), ["alice"]);
  await terminal.press(CTRL_X);
  await assertLeft(terminal);
});

terminalTest(
  "who comes back is told since when they were away, above what came meanwhile",
  async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    for (const isBack of [false, true]) {
      await using terminal = await world.guestTerminal("bob");
      const isTold = (row: string) => /^-- missed since \d\d:\d\d --$/.test(row);
      if (isBack) await terminal.until("since when", () => lines(terminal).some(isTold));
      assertEquals(lines(terminal).filter(isTold).length, isBack ? 1 : 0);
      await terminal.press(CTRL_X);
      await assertLeft(terminal);
    }
  },
);

terminalTest(
  "after a mistake what was wrong is asked for again, Enter alone brings the menu; the next start asks for the password",
  async () => {
    const { world } = await DirectoryWorld.open(["alice"]);
    await using _ = world;
    const NEW = "Password (at least 8 characters): |";
    const AGAIN = "Password (Enter alone: menu): |";
    const steps: readonly (readonly [cursorLine: string, keys: string, said?: RegExp])[] = [
      [MENU, "4", /Type 1, 2 or 3/],
      [MENU, "signup"],
      [NEW, "short", /too short: at least 8 char/],
      [NEW, "long enough"],
      ["Repeat it: |", "long enougj", /aren't the same/],
      [NEW, ""],
      [MENU, "LogIn"],
      ["Password: |", "no such password", /Wrong name or password/],
      [AGAIN, ""],
    ];
    await using terminal = await world.terminal("alice");
    for (const [cursorLine, keys, said] of steps) {
      await terminal.untilCursorLine(cursorLine);
      await terminal.press(`${keys}\r`);
      if (cursorLine !== MENU && keys !== "") assert(!terminal.raw.includes(keys), keys);
      if (said !== undefined) {
        await terminal.until(`${said}`, ({ text }) => said.test(text.replaceAll("\n", " ")));
      }
    }
    await terminal.untilCursorLine(MENU);
    await terminal.press("log in"); // which is seen
    await terminal.untilCursorLine(MENU.replace("|", "log in|"));
    await terminal.press("\r");
    await terminal.untilCursorLine("Password: |");
    // What is typed once more while it is checked is no name to be called.
    await terminal.press(`${PASSWORD}\r${PASSWORD}\r`);
    await terminal.until("what is dropped", ({ text }) => text.includes("it may be a password"));
    await terminal.untilCursorLine("alice (lobby)> |");
    await shows(terminal, "* Online: alice (you)");
    assert(!terminal.screen.text.includes("Asking the directory"), terminal.screen.text);
    assert(!terminal.raw.includes(PASSWORD), terminal.raw);
    await terminal.press(CTRL_X);
    await assertLeft(terminal);

    await using next = await world.terminal("alice");
    await next.untilCursorLine(AGAIN);
    await next.press(`${PASSWORD}\r`);
    await next.untilCursorLine("alice (lobby)> |");
    assert(!next.raw.includes("1) log in"), next.raw);
  },
);

terminalTest(
  "Ctrl+C and Ctrl+D leave, and give the terminal back, wherever nothing else is to be left",
  async () => {
    const { world, directory } = await DirectoryWorld.open(["alice"]);
    await using _ = world;
    for (const keys of [CTRL_C, CTRL_D]) {
      await using terminal = await world.terminal("alice");
      await terminal.untilCursorLine(MENU);
      await terminal.press(keys);
      await assertLeft(terminal);
    }
    // At a password, too, and none is sent.
    {
      await using terminal = await world.terminal("alice", ["--login"]);
      await terminal.untilCursorLine("Password: |");
      await terminal.press(`half of it${CTRL_C}`);
      await assertLeft(terminal);
      assert(!terminal.raw.includes("half"), terminal.raw);
    }
    assertEquals(directory.events.filter(is("login")), []);

    // In the lobby it is to log out; Ctrl+C and Ctrl+X are pressed there below.
    await using terminal = await world.guestTerminal("bob");
    await directory.until(login("bob"));
    await terminal.press(CTRL_D);
    await assertLeft(terminal);
    assertEquals((await directory.until(logout("bob"))).reason, "quit");
  },
);

terminalTest(
  "whose name is another's when the directory is back is asked anew after the call",
  async () => {
    const { world, directory } = await DirectoryWorld.open([]);
    await using _ = world;
    const bob = await world.guest("bob");
    await using terminal = await world.terminal(null);
    await comesAsGuest(terminal, "alice");
    await terminal.untilCursorLine("alice (lobby)> |");
    await bob.until(presence("alice", "free"));
    await terminal.press("bob\r");
    await bob.until(incoming("alice"));
    await bob.type("/accept");
    await terminal.untilCursorLine("alice (with bob)> |");
    await directory.kill();
    world.addAccounts("alice");
    await world.serve();
    await terminal.until("that it is taken", ({ text }) => text.includes("That name is taken"));
    await terminal.untilCursorLine("alice (with bob)> |");
    await terminal.press("still here\r");
    await bob.until(message("still here"));
    await shows(terminal, "<alice> still here");
    assert(!terminal.screen.text.includes("press Enter"), terminal.screen.text);
    await terminal.press("q\r");
    await terminal.until("what to press", ({ text }) => text.includes("press Enter at an empty"));
    await terminal.press("\r");
    await comesAsGuest(terminal, "zoe");
    await terminal.untilCursorLine("zoe (lobby)> |");
  },
);

terminalTest("who is kicked or replaced is told so, and has the terminal back", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  for (const name of ["alice", "bob"]) {
    await using terminal = await world.guestTerminal(name);
    await terminal.press("half a line");
    await terminal.untilCursorLine(`${name} (lobby)> half a line|`);
    if (name === "alice") await directory.type("/kick alice");
    else {
      copyFolder(world.data(name), world.data("copy"));
      await world.guest(name, { device: "copy" });
    }
    assertEquals(await terminal.ended(), 4);
    assertEquals(terminal.screen.modes.has("?2004"), false);
    assertMatch(
      terminal.screen.text,
      name === "alice" ? /^error: .*(thrown|sent) you out/m : /^error: bob came in from/m,
    );
  }
});

terminalTest("a call from the lobby to the lobby, as the one who calls sees it", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [bob] = await world.guests("bob", "carol") as [Node, Node];
  await using terminal = await world.guestTerminal("alice");
  await bob.until(presence("alice", "free"));
  await terminal.press("bob\r");
  await terminal.untilCursorLine("alice (calling bob)> |");
  await bob.until(incoming("alice"));
  // Nothing is said before he has answered.
  await terminal.press("hello?\r");
  await terminal.until("an error", ({ text }) => /^error: Not sent/m.test(text));
  await terminal.press("/status\r");
  await terminal.until("the status", ({ text }) => /bob: ringing/.test(text));
  await terminal.press(CTRL_X);
  await terminal.until("the hint", ({ text }) => /^error: Ctrl\+X .*lobby.*q/m.test(text));
  await terminal.press("half a line");
  await bob.type("/accept");
  await shows(terminal, "* Connected with bob, directly. Not verified: /verify bob");
  await terminal.untilCursorLine("alice (with bob)> half a line|");
  await terminal.press(`${CTRL_U}shall we?\r`);
  await bob.until(message("shall we?"));
  await terminal.press("\x1b[200~two\rlines\x1b[201~\r");
  await bob.until(message("two\nlines"));
  await terminal.press(" q\r//x\r");
  await bob.until(message("/x"));
  assertEquals(bob.events.filter(is("message")).map(({ text }) => text.trim()), [
    "shall we?",
    "two\nlines",
    "q",
    "/x",
  ]);
  await bob.say("\x1b]0;owned\x07\x1b[2Jhi");
  await shows(terminal, "<bob> ␛]0;owned␇␛[2Jhi");

  // Who comes and goes isn't told during a call, and Ctrl+X is refused.
  const dora = await world.guest("dora");
  await seesAll(bob, "dora");
  await terminal.press("half");
  await terminal.press(CTRL_X);
  await terminal.untilCursorLine("alice (with bob)> half|");
  assert(!terminal.screen.text.includes("dora"), terminal.screen.text);
  await terminal.press(`${CTRL_U}/verify bob\r`);
  await terminal.until("digits", ({ text }) => /\d{5}/.test(text));

  await terminal.press("q\r");
  await terminal.untilCursorLine("alice (lobby)> |");
  await bob.until(call("ended"));
  await terminal.until(
    "a fresh list",
    () =>
      lines(terminal).includes(
        "* Online: alice (you, guest), bob (guest), carol (guest), dora (guest)",
      ),
  );
  await terminal.until("how long", ({ text }) => /\* You hung up after \d+ s/.test(text));
  await dora.type("q");
  await terminal.until("who left", ({ text }) => /\* dora left/.test(text));
  assertEquals(terminal.screen.unexpected, []);
});

Deno.test({
  name: "directory at a terminal: calls with one who is called, and calls back",
  ignore: !hasScript(),
  fn: async (test) => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    const bob = await world.guest("bob");

    await test.step("a call that comes: a bell, the half-typed line, and the answers", async () => {
      bob.events.length = 0;
      await using terminal = await world.guestTerminal("alice");
      await bob.until(presence("alice", "free"));
      const question = "? bob (a guest) is calling (30 s; y accepts, n declines)";
      const ask = async (count: number) => {
        const from = bob.events.length;
        await bob.type("alice");
        await terminal.until(
          "the question",
          () => lines(terminal).filter((line) => line === question).length === count,
        );
        await terminal.until("a bell", ({ bells }) => bells === count);
        return from;
      };

      await terminal.press("half a l");
      let from = await ask(1);
      await terminal.untilCursorLine("alice (bob is calling: y/n)> half a l|");
      await untilRead();
      await terminal.press(`${CTRL_U}n\r`);
      await bob.until(call("declined"), undefined, from);
      await terminal.untilCursorLine("alice (lobby)> |");

      from = await ask(2);
      await terminal.press("/decline later, please\r");
      assertEquals((await bob.until(call("declined"), undefined, from)).reason, "later, please");

      from = await ask(3);
      await bob.type("/cancel");
      await terminal.untilCursorLine("alice (lobby)> |");
      await terminal.until("that it is over", ({ text }) => /bob withdrew the call/.test(text));
      await terminal.press("/missed\r");
      await terminal.until("the missed call", () => lines(terminal).includes("bob"));

      from = await ask(4);
      await untilRead();
      await terminal.press("y\r");
      await bob.until(call("connected"), undefined, from);
      await terminal.untilCursorLine("alice (with bob)> |");
      await bob.say("hi");
      await shows(terminal, "<bob> hi");
      await bob.type("q");
      await terminal.untilCursorLine("alice (lobby)> |");
      await terminal.until(
        "that she hung up",
        ({ text }) => /\* bob hung up after \d+ s/.test(text),
      );
      assertEquals(terminal.screen.unexpected, []);
      await terminal.press(CTRL_X);
      await assertLeft(terminal);
    });

    await test.step("what was begun while it rang does nothing afterwards, and a late q doesn't log out", async () => {
      bob.events.length = 0;
      await using terminal = await world.guestTerminal("alice");
      await bob.until(presence("alice", "free"));
      await terminal.press("bob\r");
      await bob.until(incoming("alice"));
      await terminal.press("2 bob, it's abou");
      await terminal.untilCursorLine("alice (calling bob)> 2 bob, it's abou|");
      await bob.type("/decline");
      await terminal.untilCursorLine("alice (lobby)> 2 bob, it's abou|");
      await terminal.press("t us\rq\r");
      await terminal.until(
        "both errors",
        ({ text }) =>
          /^error: Nothing was done: the call ended/m.test(text) &&
          /^error: The call has just ended/m.test(text),
      );
      const from = bob.events.length;
      await bob.type("alice");
      await terminal.untilCursorLine("alice (bob is calling: y/n)> |");
      await terminal.press("2 tell bob\r");
      await terminal.until("an error", ({ text }) => /^error: Not sent, as a call/m.test(text));
      await bob.type("/cancel");
      await terminal.untilCursorLine("alice (lobby)> |");
      await terminal.press(CTRL_C);
      await terminal.until(
        "it said twice",
        ({ text }) => text.split("has just ended").length === 3,
      );
      assertEquals(bob.events.slice(from).filter(is("broadcast")), []);
      await terminal.press(CTRL_X);
      await assertLeft(terminal);
    });

    await test.step("Ctrl+C withdraws a ringing call, declines one, ends one, and then leaves", async () => {
      bob.events.length = 0;
      await using terminal = await world.guestTerminal("alice");
      await bob.until(presence("alice", "free"));

      await terminal.press("bob\r");
      await bob.until(incoming("alice"));
      await terminal.press(CTRL_C);
      await bob.until(call("ended"));
      await terminal.untilCursorLine("alice (lobby)> |");

      let from = bob.events.length;
      await bob.type("alice");
      await terminal.until("the question", ({ text }) => /bob is calling/.test(text));
      await terminal.press(CTRL_C);
      await bob.until(call("declined"), undefined, from);
      await terminal.untilCursorLine("alice (lobby)> |");

      from = bob.events.length;
      await terminal.press("bob\r");
      await bob.until(incoming("alice"), undefined, from);
      await bob.type("/accept");
      await terminal.untilCursorLine("alice (with bob)> |");
      await terminal.press(CTRL_D);
      const hint = "error: Ctrl+D leaves from the lobby: q ends the call first";
      await terminal.until("how to end the call", ({ text }) => text.includes(hint));
      await terminal.press(`half a line${CTRL_C}`);
      await terminal.until(
        "what it did",
        ({ text }) => text.includes("Ctrl+C again ends the call"),
      );
      await terminal.untilCursorLine("alice (with bob)> |");
      await terminal.press(CTRL_C);
      await bob.until(call("ended"), undefined, from);
      await terminal.untilCursorLine("alice (lobby)> |");
      await untilListed(bob, "alice free", "bob free");

      await terminal.press(CTRL_C);
      await assertLeft(terminal);
    });
  },
});

terminalTest(
  "a call again at once can be withdrawn; who calls sees the yes, and what is typed waits",
  async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    // Neither can be dialled: it takes 4 s until they are connected.
    const away = { host: "127.0.0.2" };
    const bob = await world.guest("bob", away);
    const words = [...world.words("alice", away), "--guest", "--data", world.data("alice")];
    const command = [PROGRAM, ...words, "--no-color"];
    await using terminal = await openTerminal({ command, columns: 120, rows: 40 });
    await terminal.untilCursorLine("alice (lobby)> |");
    await bob.until(presence("alice", "free"));
    await terminal.press("bob\r");
    await bob.until(incoming("alice"));
    await terminal.untilCursorLine("alice (calling bob)> |"); // the lobby's, looked for next, may stand there until then
    await bob.type("/decline");
    await terminal.untilCursorLine("alice (lobby)> |");
    let from = bob.events.length;
    await terminal.press("bob\rq\r");
    await shows(terminal, "* Call to bob cancelled");
    await bob.until(call("ended"), undefined, from);

    from = bob.events.length;
    await terminal.press("bob\r");
    await bob.until(incoming("alice"), undefined, from);
    await bob.type("/accept");
    await terminal.untilCursorLine("alice (connecting with bob)> |");
    await terminal.press("hello\r");
    await bob.until(message("hello"));
    await terminal.untilCursorLine("alice (with bob)> |");
    assertEquals(terminal.screen.text.match(/^error: .*/m), null);
  },
);

terminalTest(
  "the lobby: menu words, the list, what is told to all, and a line that is nothing",
  async () => {
    const { world, directory } = await DirectoryWorld.open(["bob"]);
    await using _ = world;
    const bob = await world.logIn("bob");
    await using terminal = await world.guestTerminal("alice");
    await bob.until(presence("alice", "free"));
    await terminal.press("1\r");
    const at = `127.0.0.1:${world.callPort("bob")}`;
    await terminal.until("the table", () => lines(terminal).includes(`bob  ${at}  free`));
    await terminal.press("2 dinner\r");
    await bob.until(broadcast("dinner"));
    await shows(terminal, "* Your broadcast has reached 1 person");
    await bob.type("2 coming\n/broadcast soon");
    await shows(terminal, "[bob -> all] soon");
    await directory.type("/broadcast down at noon");
    await shows(terminal, "[*directory* -> all] down at noon");
    await terminal.press("who is there?\r");
    await terminal.until("the form", ({ text }) => /^error: .*\/call NAME/m.test(text));
    await terminal.press("nobody\r");
    await shows(terminal, "* nobody isn't online");
    await terminal.press("/help all\r");
    await terminal.until("the help", ({ text }) => text.includes("/forget-me"));
    await terminal.press("bo\t\r");
    await bob.until(incoming("alice"));
    await terminal.press("/cancel\r");
    await bob.until(call("ended"));
    await terminal.untilCursorLine("alice (lobby)> |");
    await terminal.press("q\r");
    await assertLeft(terminal);
  },
);

terminalTest(
  "another password, and an account that is removed: both asked for unseen",
  async () => {
    const { world } = await DirectoryWorld.open(["alice"]);
    await using _ = world;
    await using terminal = await world.terminal("alice", ["--login"]);
    await terminal.untilCursorLine("Password: |");
    await terminal.press(`${PASSWORD}\r`);
    await terminal.untilCursorLine("alice (lobby)> |");
    await terminal.press("/passwd\r");
    const misspelt = ["battery staple", "battery stable"];
    for (const password of ["wrong horse", ...misspelt, "battery staple", "battery staple"]) {
      await terminal.until(
        "a question",
        ({ cursorLine }) => /(assword.*|again): \|$/.test(cursorLine),
      );
      await terminal.press(`${password}\r`);
    }
    await terminal.until("that it is wrong", ({ text }) => /^error: .*wrong/mi.test(text));
    await terminal.untilCursorLine("alice (lobby)> |");
    await terminal.press("/passwd\r");
    for (const password of [PASSWORD, "battery staple", "battery staple"]) {
      await terminal.until(
        "a question",
        ({ cursorLine }) => /(assword.*|again): \|$/.test(cursorLine),
      );
      await terminal.press(`${password}\r`);
    }
    await terminal.until("that it is changed", ({ text }) => /password is changed/.test(text));
    await terminal.untilCursorLine("alice (lobby)> |");
    for (const [at, keys] of [CTRL_C, CTRL_D, CTRL_X].entries()) {
      await terminal.press("/forget-me\r");
      await terminal.until("a question", ({ cursorLine }) => /[Pp]assword.*: \|$/.test(cursorLine));
      await terminal.press(keys);
      await terminal.until(
        "that nothing is done",
        ({ text }) => text.split("Nothing was changed").length === at + 2,
      );
      await terminal.untilCursorLine("alice (lobby)> |");
    }
    await terminal.press("alice\r");
    await terminal.untilCursorLine("alice (with alice)> |");
    await terminal.press("/passwd\rbattery staple\rbattery");
    await terminal.until(
      "that it can't be now",
      ({ text }) => /^error: \/passwd isn't possible/m.test(text),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await terminal.press("q\r");
    await terminal.untilCursorLine("alice (lobby)> |");
    await terminal.press("/forget-me\r");
    await terminal.until("a question", ({ cursorLine }) => /[Pp]assword.*: \|$/.test(cursorLine));
    await terminal.press("battery staple\r");
    await assertLeft(terminal);
    assert(terminal.raw.includes("The account alice is removed"), terminal.raw);
    assertEquals(world.accounts(), []);
    for (const secret of [PASSWORD, "wrong horse", "battery"]) {
      assert(!terminal.raw.includes(secret), secret);
    }
  },
);

terminalTest(
  "without a directory it says so; a line that is typed while one comes isn't taken for the password",
  async () => {
    const world = new DirectoryWorld();
    world.addAccounts("nina");
    await using _ = world;
    await using terminal = await world.terminal("nina", ["--login"]);
    const gone = /! No connection with the directory.*; trying again/;
    await terminal.until("that it is gone", ({ text }) => gone.test(text.replaceAll("\n", " ")));
    await terminal.untilCursorLine("nina (no directory)> |");
    await terminal.press("half a l");
    await terminal.untilCursorLine("nina (no directory)> half a l|");
    await world.serve();
    await terminal.until("what to press", ({ text }) => text.includes("press Enter at an empty"));
    await terminal.press("ine\r");
    await terminal.until("a refusal", ({ text }) => text.includes("error: "));
    await terminal.untilCursorLine("nina (no directory)> |");
    await terminal.press("\r");
    await terminal.untilCursorLine("Password: |");
    await terminal.press(`${PASSWORD}\r`);
    await terminal.untilCursorLine("nina (lobby)> |");
    assert(!terminal.raw.includes(PASSWORD));

    // Without one, Ctrl+C leaves.
    await using nowhere = new DirectoryWorld();
    await using other = await nowhere.terminal("bob");
    await other.until("that it isn't there", ({ text }) => text.includes("No connection"));
    await other.press(CTRL_C);
    await assertLeft(other);
  },
);

terminalTest("the directory's own first line, prompt and commands", async () => {
  await using world = new DirectoryWorld();
  const port = freePort();
  const words = ["regserver", "--host", "127.0.0.1", "--port", String(port)];
  const command = [PROGRAM, ...words, "--data", world.directoryData, "--no-color"];
  await using terminal = await openTerminal({ command, columns: 120 });
  await terminal.untilCursorLine("regserver> |");
  const [first] = terminal.screen.lines;
  assertMatch(first!, new RegExp(`^Listening at ${port}\\.`));
  assert(terminal.screen.text.includes(`--registry 127.0.0.1:${port}`), terminal.screen.text);
  const registry = { registry: `127.0.0.1:${port}` };
  const alice = await world.guest("alice", registry);
  await terminal.until("who came", ({ text }) => text.includes("alice"));
  await terminal.press("/list\r");
  await terminal.until("the list", ({ text }) => /^alice .*free/m.test(text));
  await terminal.press("/broadcast hello\r");
  await alice.until(broadcast("hello"));
  await terminal.press("hello\r");
  await terminal.until("an error", ({ text }) => /^error: /m.test(text));
  await terminal.press("/kick alice\r");
  await alice.until(is("fatal"));
  await terminal.press("/exit\r");
  await assertLeft(terminal);
});
