/** Passwords typed at a terminal: they aren't shown, and the terminal's mode is restored afterwards. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AccountsFolder } from "./accounts_folder.ts";
import { PROGRAM } from "./node.ts";
import { hasScript, openTerminal, type Terminal } from "./pty.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";
const BACKSPACE = "\x7f";

function terminalTest(
  name: string,
  test: (folder: AccountsFolder, open: (line: string) => Promise<Terminal>) => Promise<void>,
): void {
  Deno.test({
    name: `accounts at a terminal: ${name}`,
    ignore: !hasScript(),
    fn: async () => {
      await using folder = new AccountsFolder();
      await test(folder, (line) => {
        // The shell stays, so that what the terminal was left as can be seen.
        const command =
          `"${PROGRAM}" accounts ${line} --data "${folder.data}" & echo $! >"${folder.path}/pid"; ` +
          `fg >/dev/null; echo "status $?"; read -r line; echo "read $line"`;
        return openTerminal({ command: ["sh", "-mc", command], columns: 120 });
      });
    },
  });
}

/** What the program showed, once it has ended and the terminal echoes lines again. */
async function ended(terminal: Terminal): Promise<readonly string[]> {
  await terminal.until("the status", ({ text }) => /^status \d+$/m.test(text));
  const settings = await terminal.settings();
  for (const mode of ["echo", "icanon", "isig"]) {
    assertMatch(settings, new RegExp(`^(.*[ ;])?${mode}\\b`, "m"));
  }
  await terminal.press("seen\r");
  await terminal.until("what is typed now", ({ text }) => text.includes("read seen"));
  assertEquals(terminal.screen.modes.has("?2004"), false);
  assertEquals(await terminal.ended(), 0);
  const lines = terminal.screen.lines.filter((line) => line !== "");
  const at = lines.findIndex((line) => line.startsWith("status "));
  assertEquals(lines.slice(at + 1), ["seen", "read seen"]);
  return lines.slice(0, at + 1);
}

terminalTest(
  "nothing of a password is shown; it is taken back by Backspace and Ctrl+U",
  async (folder, open) => {
    await using terminal = await open("add bob");
    await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
    await terminal.press(`xyzzy wrong${CTRL_U}correct horsf${BACKSPACE}e`);
    await terminal.press("\x1b[D\x1b[A\t");
    await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
    await terminal.press("\r");
    await terminal.untilCursorLine("Repeat it: |");
    await terminal.press("\x1b[200~correct horse\n\x1b[201~\r");

    const lines = await ended(terminal);

    assertEquals(
      lines,
      ["Password for bob (at least 8 characters): ", "Repeat it: ", "Added bob.", "status 0"]
        .map((line) => line.trimEnd()),
    );
    for (const word of ["xyzzy", "wrong", "correct", "hors", "*"]) {
      assert(!terminal.raw.includes(word), word);
    }
    assertEquals(await folder.names(), ["bob"]);
    // The typed one, and no other: the same is given again, and compared.
    const row = await Deno.readTextFile(folder.file);
    assertMatch(row, /^bob,"\$scrypt\$ln=17,r=8,p=1\$/m);
  },
);

terminalTest("after a mistake it is asked again, three times at most", async (folder, open) => {
  await using terminal = await open("add bob");
  await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
  await terminal.press("short\r");
  await terminal.until("what is wrong", ({ text }) => text.includes("The password is"));
  await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
  await terminal.press("correct horse\rcorrect house\r");
  await terminal.until("what is wrong", ({ text }) => text.includes("aren't the same"));
  await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
  await terminal.press("\r");

  const lines = await ended(terminal);

  assertEquals(lines, [
    "Password for bob (at least 8 characters):",
    "The password is too short: at least 8 characters",
    "Password for bob (at least 8 characters):",
    "Repeat it:",
    "The two passwords aren't the same; try again",
    "Password for bob (at least 8 characters):",
    "error: The password is empty: at least 8 characters",
    "status 4",
  ]);
  assertEquals(await folder.names(), []);
});

for (
  const [name, keys, status, word] of [
    ["Ctrl+C", `correct hor${CTRL_C}`, 130, "Nothing was changed"],
    ["Ctrl+D", CTRL_D, 2, "error: No password was entered; nothing was changed"],
  ] as const
) {
  terminalTest(`${name} gives up`, async (folder, open) => {
    await using terminal = await open("add bob");
    await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
    await terminal.press(keys);
    const lines = await ended(terminal);
    assertEquals(lines, ["Password for bob (at least 8 characters):", word, `status ${status}`]);
    assertEquals(await folder.names(), []);
  });
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  terminalTest(`${signal} ends it, and the terminal is given back`, async (folder, open) => {
    await using terminal = await open("add bob");
    await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
    // Asked again, it has read all that was typed: what comes after its end is the shell's.
    await terminal.press("short\r");
    await terminal.until("what is wrong", ({ text }) => text.includes("The password is"));
    await terminal.untilCursorLine("Password for bob (at least 8 characters): |");
    Deno.kill(Number(await Deno.readTextFile(`${folder.path}/pid`)), signal);
    const said = signal === "SIGINT" ? ["Nothing was changed"] : [];
    const last = ["Password for bob (at least 8 characters):", ...said, "status 130"];
    assertEquals((await ended(terminal)).slice(-last.length), last);
    assertEquals(await folder.names(), []);
  });
}

terminalTest(
  "an import that takes longer shows how far it is, in one line that goes away",
  async (folder, open) => {
    // A line is shown after a second: hashing of so many takes longer on the quickest machine.
    const rows = Array.from({ length: 8 }, (_, at) => `user${at},correct horse\n`);
    await folder.write("in.csv", `name,password\n${rows.join("")}`);
    await using terminal = await open(`import "${folder.path}/in.csv"`);
    await terminal.until(
      "progress",
      ({ text }) => /^\d+ of 8 added or refused, \d+ s to go$/m.test(text),
    );

    const lines = await ended(terminal);

    assertEquals(lines, [`Added the 8 accounts of ${folder.path}/in.csv.`, "status 0"]);
  },
);
