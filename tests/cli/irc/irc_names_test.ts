import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { foldName, nameFault } from "../../../lib/base/text/names.ts";
import { utf8Length } from "../../../lib/base/text/text.ts";
import { ircFolded } from "../../../lib/cli/irc/lines/irc_message.ts";
import {
  CHANNEL_BYTES_MAX,
  channelOf,
  nameOfNick,
  nickOf,
} from "../../../lib/cli/irc/lines/irc_names.ts";

Deno.test("irc names: what no nick may be is changed, and changed back", () => {
  const pairs = [
    ["Alice", "Alice"],
    ["j.doe", "j|doe"],
    ["3po", "_3po"],
    ["Bob~k7f3", "Bob^k7f3"],
    ["4.2~abcd", "_4|2^abcd"],
    ["Пётр", "Пётр"],
    ["٣x", "_٣x"],
    ["NickServ", "≈NickServ"],
    ["CHANSERV", "≈CHANSERV"],
    ["Servus", "Servus"],
  ] as const;
  for (const [name, nick] of pairs) {
    assertEquals(nickOf(name), nick);
    assertEquals(nameOfNick(nick), name);
  }
  assertEquals(nickOf("≈3po"), "≈_3po");
  assertEquals(nameOfNick("≈_3po"), "3po");
  assertEquals(nickOf("≈nickserv"), "≈nickserv");
});

const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .map((text) => text.normalize("NFC"))
  .filter((text) => nameFault(text) === null);
const asciiNames = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,11}$/)
  .filter((text) => nameFault(text) === null);
const any = fc.oneof(names, asciiNames);

Deno.test("irc names: a nick is a name's, and no client takes it for something else", () => {
  fc.assert(fc.property(any, (name) => {
    const nick = nickOf(name);
    assertEquals(nameOfNick(nick), name);
    assert(!/[ ,*?!@:.#&~%\0\r\n]/.test(nick), nick);
    assert(!/^[\p{Nd}-]/u.test(nick), nick);
  }));
});

Deno.test("irc names: two people never have one nick", () => {
  fc.assert(fc.property(any, any, (one, other) => {
    fc.pre(foldName(one) !== foldName(other));
    assertNotEquals(ircFolded(nickOf(one)), ircFolded(nickOf(other)));
  }));
});

Deno.test("irc names: a channel is called as the room, as far as a channel can be", () => {
  const free = () => false;

  assertEquals(channelOf(null, free), "#room");
  assertEquals(channelOf("Club of 27", free), "#Club-of-27");
  assertEquals(channelOf("##a,b:c", free), "#a-b-c");
  assertEquals(channelOf("#", free), "#room");
  assertEquals(channelOf("Room", (channel) => channel === "#room"), "#Room-2");
});

Deno.test("irc names: whatever a title is, its channel is one word, and short", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (title) => {
    const channel = channelOf(title, () => false);
    // deno-lint-ignore no-control-regex
    assert(/^#[^ ,:\x00-\x1f]+$/.test(channel), channel);
    assert(utf8Length(channel) <= CHANNEL_BYTES_MAX);
  }));
});
