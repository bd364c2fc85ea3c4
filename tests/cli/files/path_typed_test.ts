import { assertEquals } from "@std/assert";
import { pathsDropped, pathTyped } from "../../../lib/cli/files/path_typed.ts";

const TYPED: readonly (readonly [text: string, path: string])[] = [
  ["report.pdf ", "report.pdf"],
  ["my report.pdf", "my report.pdf"],
  ["my\\ report.pdf", "my report.pdf"],
  ["'my report.pdf'", "my report.pdf"],
  ['"it\'s.pdf"', "it's.pdf"],
  ["~/report.pdf", "/home/ann/report.pdf"],
  ["~bob/report.pdf", "~bob/report.pdf"],
];

for (const [text, path] of TYPED) {
  Deno.test(`pathTyped() understands ${text}`, () => {
    assertEquals(pathTyped(text, "/home/ann"), path);
  });
}

/** As Konsole, GNOME's terminal, iTerm2, kitty and others paste them. */
const DROPPED: readonly (readonly [line: string, ways: readonly (readonly string[])[]])[] = [
  ["/home/ann/a.txt ", [["/home/ann/a.txt"]]],
  ["/home/ann/my a.txt", [["/home/ann/my a.txt"]]],
  ["'/home/ann/my a.txt' ", [["/home/ann/my a.txt"]]],
  ["'/home/ann/it'\\''s.txt'", [["/home/ann/it's.txt"]]],
  ['"/home/ann/a \\"b\\".txt"', [['/home/ann/a "b".txt']]],
  ["/home/ann/my\\ a.txt", [["/home/ann/my\\ a.txt"], ["/home/ann/my a.txt"]]],
  ["file:///home/ann/my%20a.txt", [["/home/ann/my a.txt"]]],
  ["file://localhost/home/ann/a.txt", [["/home/ann/a.txt"]]],
  ["file://elsewhere/home/ann/a.txt", []],
  ["file:///home/%ff", []],
  ["file:///home/%0a", []],
  ["file:///home/100%", []],
  ["'/ann/my a.txt' '/ann/b.txt'", [["/ann/my a.txt", "/ann/b.txt"]]],
  ["/ann/a.txt /b", [["/ann/a.txt /b"], ["/ann/a.txt", "/b"]]],
  ["/ann/a.txt\nfile:///b", [["/ann/a.txt", "/b"]]],
  ["'/ann/a.txt' is here", []],
  ["'/ann/a.txt' '", []],
  ["look at /home/ann/a.txt", []],
  ["a.txt", []],
  ["~/a.txt", []],
  ["", []],
];

for (const [line, ways] of DROPPED) {
  Deno.test(`pathsDropped() finds ${ways.length} ways to read ${JSON.stringify(line)}`, () => {
    assertEquals(pathsDropped(line), ways);
  });
}
