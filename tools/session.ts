/**
 * Draws two terminals with the built program, as both look at the end: the session in the README.
 *
 *     deno run -A tools/session.ts > docs/session.svg
 */

import { fileURLToPath } from "node:url";
import { openTerminal, type Terminal } from "../tests/e2e/pty.ts";
import { terminalsAsSvg } from "./terminals_svg.ts";

const PROGRAM = fileURLToPath(new URL("../p2pchat", import.meta.url));
const WINDOW = { columns: 60, rows: 24 }; // narrow, as the README shows the two beside each other

const folder = await Deno.makeTempDir({ prefix: "p2pchat-session-" });
const environment = { P2PCHAT_HOME: folder, LANG: "C.UTF-8", NO_COLOR: "" };

function open(words: string): Promise<Terminal> {
  const command = [PROGRAM, ...words.split(" ")];
  return openTerminal({ command, env: environment, ...WINDOW });
}

async function shows(terminal: Terminal, text: string): Promise<void> {
  await terminal.until(`"${text}"`, (screen) => screen.text.includes(text));
}

try {
  // The picture is of one machine: loopback's address serves both.
  await using alice = await open("mesh Alice --advertise 127.0.0.1");
  await shows(alice, "Others join with");
  const port = /is listening at (\d+)/.exec(alice.screen.text)![1]!;
  await using bob = await open(`mesh Bob 127.0.0.1 ${port} --advertise 127.0.0.1`);
  await shows(alice, "* Bob joined");
  await shows(bob, "Others join with");
  await alice.press("hi Bob, shall we?\r");
  await shows(bob, "hi Bob, shall we?");
  await bob.press("yes, at seven\r");
  await shows(alice, "yes, at seven");
  await alice.press("/msg Bob the usual place\r");
  await shows(bob, "the usual place");
  await alice.press("/peers\r");
  await shows(alice, "Alice (you)");
  await bob.press(":q\r");
  await shows(alice, "* Bob left");
  await alice.press("/msg Bob take a coat\r");
  await shows(alice, "(1 waiting)");
  const svg = terminalsAsSvg([
    { title: "./p2pchat mesh Alice", rows: alice.screen.styled, columns: WINDOW.columns },
    {
      title: `./p2pchat mesh Bob 127.0.0.1 ${port}`,
      rows: bob.screen.styled,
      columns: WINDOW.columns,
    },
  ]);
  await Deno.stdout.write(new TextEncoder().encode(svg));
} finally {
  await Deno.remove(folder, { recursive: true });
}
