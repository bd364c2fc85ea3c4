/**
 * Lines that no IRC client would send: however they are cut, they are the same; what is read of them is written so that it
 * is read again; and whatever a client sends, before it has given the password and after, each answer is one line that it
 * can read.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { utf8Length } from "../../../lib/base/text/text.ts";
import { IrcGateway, type IrcInput } from "../../../lib/cli/irc/irc_gateway.ts";
import { type ClientLine, IrcLineSplitter } from "../../../lib/cli/irc/lines/irc_line_splitter.ts";
import { parseIrc } from "../../../lib/cli/irc/lines/irc_parser.ts";
import { ircLine } from "../../../lib/cli/irc/lines/irc_serialiser.ts";
import type { DoorEvent } from "../../../lib/cli/doors/door.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions, NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const COMMANDS = ["PRIVMSG", "NOTICE", "JOIN", "PART", "NAMES", "WHO", "WHOIS", "MODE", "TOPIC"]
  .concat(["LIST", "NICK", "AWAY", "ISON", "USERHOST", "CHATHISTORY", "PING", "QUIT", "BATCH"])
  .concat(["CAP", "PASS", "USER", "KICK", "INVITE", "TAGMSG", "WHOWAS", "LUSERS", "VERSION"]);
const WORDS = ["#room", "Bob", "*p2pchat", "Alice", "#ROOM,Bob", "LATEST", "BEFORE", "BETWEEN", "*"]
  .concat(["msgid=m1", "timestamp=2026-01-31T12:00:00.000Z", "50", "LS 302", "REQ", "END", "-1"])
  .concat([
    ":hello there",
    ":\x01ACTION waves\x01",
    ":\x01DCC SEND\x01",
  ])
  .concat(["AROUND", "AFTER", ":batch labeled-response echo-message "]);
const TAGS = ["@label=x ", "@batch=1 ", "@a=\\:\\s\\\\;+b/c "];
const PIECES = [
  " ",
  ":",
  "\n",
  "\r\n",
  "\r",
  "@",
  ";",
  "=",
  "\\",
  "\0",
  ",",
  "#",
  "!",
  "\x01",
  "\x03",
]
  .concat(COMMANDS.map((name) => `\n${name} `), WORDS, TAGS, ["x".repeat(600), "@".repeat(4_100)])
  .map(utf8)
  .concat(NO_TEXT);

function make(random: Random): Uint8Array {
  const lines = Array.from({ length: 1 + random.below(6) }, () => {
    const words = Array.from({ length: random.below(4) }, () => random.pick(WORDS));
    const tags = random.chance(0.3) ? random.pick(TAGS) : "";
    return `${tags}${[random.pick(COMMANDS), ...words].join(" ")}`;
  });
  return spoilt(utf8(`${lines.join("\r\n")}\r\n`), PIECES, random);
}

function split(input: Uint8Array, ends: readonly number[]): readonly ClientLine[] {
  const splitter = new IrcLineSplitter();
  let from = 0;
  return ends.flatMap((end) => {
    const part = input.subarray(from, end);
    from = end;
    return splitter.push(part);
  }).filter((line) => typeof line === "string" || !("isUnended" in line && line.isUnended));
}

const AT = "2026-01-31T12:00:00.000Z";
const EVENTS: readonly DoorEvent["fields"][] = [
  { event: "ready", command: "mesh", name: "Alice", key: "alicekey", room: "r" },
  { event: "rooms", rooms: [{ room: "r", title: "Room" }], ref: "1" },
  { event: "joined", name: "Bob", key: "bobkey", verified: true },
  { event: "message", id: "m1", from: "Bob", shown: "Bob", key: "bobkey", text: "a\r\nb\0c" },
];

/** A program with one room, in which something was said. */
class Served {
  readonly #events = EVENTS.map((fields, at): DoorEvent => ({
    ...{ id: at + 1, fields: { at: AT, ...fields } },
    lines: [[JSON.stringify(fields)]],
  }));
  readonly #gateway = new IrcGateway({
    version: "1",
    isPassword: (text) => text === "right",
    isBehind: () => false,
    events: () => this.#events,
    wholeFrom: () => 1,
    wasShown: () => false,
    commands: { find: () => ({ form: "", args: {} }) },
    wallMs: () => 0,
  });
  isClosed = false;
  answers = 0;

  constructor() {
    for (const event of this.#events) {
      this.step({ type: "event", event });
    }
    this.step({ type: "connected", client: 1 });
  }

  line(line: ClientLine): void {
    this.step({ type: "line", client: 1, line });
  }

  step(input: IrcInput): void {
    for (const effect of this.#gateway.step(input, Date.parse(AT))) {
      if (effect.type === "close") this.isClosed = true;
      if (effect.type !== "send") continue;
      for (const line of effect.lines) {
        this.answers += 1;
        assert(!/[\r\n\0]/.test(line) && line.isWellFormed(), JSON.stringify(line));
        assert(utf8Length(line.replace(/^@\S+ /, "")) <= 510, line);
        assert(parseIrc(line) !== null, line);
      }
    }
  }
}

/** A line so long is written whole, with whatever has to stand for what it lacks. */
const WHOLE_BYTES_MAX = 480;

/** @returns Whether each line is a message. */
function check(input: Uint8Array): boolean {
  const decisions = new Decisions(input);
  const { length } = input;
  const cuts = Array.from({ length: decisions.below(6) }, () => decisions.below(length + 1));
  const lines = split(input, [length]);
  assertEquals(split(input, [...cuts.sort((a, b) => a - b), length]), lines);
  const stranger = new Served();
  const served = new Served();
  for (const line of ["PASS right", "NICK a", "USER a 0 * a"]) served.line(line);
  let isGood = true;
  for (const line of lines) {
    stranger.line(line);
    served.line(line);
    const message = typeof line === "string" ? parseIrc(line) : null;
    if (message === null) {
      isGood = false;
      continue;
    }
    if (utf8Length(line as string) > WHOLE_BYTES_MAX) continue; // what is written of it may be cut
    const again = parseIrc(ircLine(message));
    assertEquals(again?.command, message.command);
    assertEquals(again, parseIrc(ircLine(again!)));
  }
  const silent = new Served();
  for (const line of ["PASS right", "NICK a", "USER a 0 * a"]) silent.line(line);
  assert(served.answers >= silent.answers);
  return isGood;
}

export const ircTarget: Target = { name: "irc", pieces: PIECES, make, check };
