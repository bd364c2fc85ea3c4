/** Texts that a program may take for something else. */

/** Texts that the program must transport unchanged. */
export const AWKWARD: readonly string[] = [
  "%s %d %n %x",
  "-n --help",
  "  indented, and a trailing blank ",
  "emoji 👩‍👩‍👧‍👦 🇩🇪 é",
  "שלום עליכם — right to left",
  "several\nlines\n\nand an empty one",
  "/quit isn't a command here",
  ":q",
  '{"command":"quit"}',
  "\u001b[2J\u0007 control characters",
  "x".repeat(60 * 1024),
];
