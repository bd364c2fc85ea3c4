import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type IrcMessage, ircMessage, withTags } from "../../../lib/cli/irc/lines/irc_message.ts";
import { parseIrc } from "../../../lib/cli/irc/lines/irc_parser.ts";
import { ircLine, roomForText } from "../../../lib/cli/irc/lines/irc_serialiser.ts";
import { utf8Length } from "../../../lib/base/text/text.ts";

const parsed = (line: string) => {
  const message = parseIrc(line);
  return message === null ? null : { ...message, tags: Object.fromEntries(message.tags) };
};

Deno.test("irc parser: takes tags, source, command and parameters", () => {
  assertEquals(parsed("@time=x;+a/b=\\:\\s\\\\\\r\\n\\x;c :Bob!u@h PRIVMSG  #a  b :hi : there "), {
    tags: { time: "x", "+a/b": "; \\\r\nx", c: "" },
    source: "Bob!u@h",
    command: "PRIVMSG",
    params: ["#a", "b", "hi : there "],
  });
});

Deno.test("irc parser: a command is written in any case, and may have nothing behind it", () => {
  assertEquals(parsed("ping"), { tags: {}, source: null, command: "PING", params: [] });
  assertEquals(parsed("CAP LS 302")?.params, ["LS", "302"]);
  assertEquals(parsed("PRIVMSG a :")?.params, ["a", ""]);
  assertEquals(parsed("AWAY ::-)")?.params, [":-)"]);
});

Deno.test("irc parser: what is no message is none", () => {
  for (const line of ["", " ", ":", ":a", "@", "@a=b", "12", "1234", "PRÍVMSG a", "@a :b", "\0"]) {
    assertEquals(parseIrc(line), null, line);
  }
});

Deno.test("irc parser: has at most 15 parameters, and 64 tags", () => {
  const params = Array.from({ length: 20 }, (_, at) => String(at));
  const tags = Array.from({ length: 100 }, (_, at) => `t${at}`).join(";");

  assertEquals(parseIrc(`X ${params.join(" ")}`)?.params.length, 15);
  assertEquals(parseIrc(`X ${params.join(" ")}`)?.params.at(-1), "14 15 16 17 18 19");
  assertEquals(parseIrc(`@${tags} X`)?.tags.size, 64);
});

Deno.test("irc parser: a backslash at the end of a value is none", () => {
  assertEquals(parsed("@a=b\\ X")?.tags, { a: "b" });
  assertEquals(parsed("@a=1;a=2;=x;b/c/d=1;é=2 X")?.tags, { a: "2" });
});

/** A word that can stand anywhere in a message. */
const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .map((text) => text.replace(/[\0\r\n :]/g, "_"));
const text = fc.string({ unit: "grapheme", maxLength: 60 }).map((text) =>
  text.replace(/[\0\r\n]/g, " ")
);
const message = fc.record({
  tags: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ unit: "grapheme" }), {
    maxKeys: 4,
  }),
  source: fc.option(word),
  command: fc.constantFrom("PRIVMSG", "JOIN", "353", "BATCH"),
  middle: fc.array(word, { maxLength: 3 }),
  last: fc.option(text),
});

Deno.test("irc serialiser: what it writes is read as it was", () => {
  fc.assert(fc.property(message, ({ tags, source, command, middle, last }) => {
    const params = [...middle, ...(last === null ? [] : [last])];
    const made = withTags(ircMessage(source, command, ...params), clean(tags));

    const line = ircLine(made);

    const read = parseIrc(line)!;
    assertEquals([...read.tags], [...made.tags]);
    assertEquals([read.source, read.command, read.params], [source, command, params]);
  }));
});

/** A NUL in a value can't be written. */
function clean(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).map(([name, value]) => [name, value.replaceAll("\0", "").toWellFormed()]),
  );
}

const anything = fc.string({ unit: "binary", maxLength: 900 });

Deno.test("irc serialiser: whatever a message has in it, its line is one, and short enough", () => {
  fc.assert(fc.property(anything, anything, anything, anything, (source, one, two, tag) => {
    const line = ircLine(withTags(ircMessage(source, "PRIVMSG", one, two), { a: tag }));

    assert(!/[\0\r\n]/.test(line), JSON.stringify(line));
    const behind = line.replace(/^@[^ ]* /, "");
    assert(utf8Length(behind) <= 510, String(utf8Length(behind)));
    assert(line.isWellFormed());
  }));
});

Deno.test("irc serialiser: a line break in a text can't begin a message of its own", () => {
  const evil = "hi\r\n:server KILL you\0\nQUIT";
  const line = ircLine(ircMessage("Bob", "PRIVMSG", "#room", evil));

  assertEquals(line, ":Bob PRIVMSG #room :hi  :server KILL you  QUIT");
});

Deno.test("irc serialiser: a parameter before others is one word", () => {
  const line = (...params: readonly string[]) => ircLine(ircMessage(null, "MODE", ...params));

  assertEquals(line("", "x"), "MODE * x");
  assertEquals(line("a b", ":x"), "MODE a_b ::x");
  assertEquals(line(":::", ""), "MODE * :");
});

Deno.test("irc serialiser: a text of as many bytes as there is room for isn't cut", () => {
  const empty: IrcMessage = ircMessage("Bob!p2p@key", "PRIVMSG", "#room");
  const text = "x".repeat(roomForText(empty));

  const line = ircLine(ircMessage("Bob!p2p@key", "PRIVMSG", "#room", text));

  assertEquals(line.length, 510);
  assert(line.endsWith(text));
});

Deno.test("irc serialiser: a text that is too long is cut between characters, tags and all", () => {
  const sent = withTags(ircMessage("Bob", "PRIVMSG", "#room", "é".repeat(600)), { a: "b" });

  const line = ircLine(sent);

  const cut = line.slice("@a=b ".length);
  assertEquals(utf8Length(cut), 510 - utf8Length(cut) % 2);
  assert(/^:Bob PRIVMSG #room :é+$/.test(cut), cut);
  assertEquals(utf8Length(ircLine(ircMessage("x".repeat(900), "PING", "y"))), 510);
});
