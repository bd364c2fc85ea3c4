/**
 * Writes the lines that an IRC client reads: the one place where they are made. Whatever a message contains, its line is
 * one line, has the parameters that it was given, and is no longer than clients take.
 */

import { utf8Length } from "../../../base/text/text.ts";
import { type IrcMessage, LINE_BYTES_MAX } from "./irc_message.ts";

/** Their last parameter is a text, written with a colon even where it is one word: some clients expect it. */
const WITH_TEXT =
  /^(?:PRIVMSG|NOTICE|TOPIC|PART|QUIT|AWAY|ERROR|FAIL|WARN|NOTE|CAP|PONG|INVITE|[0-9]{3})$/;

const CRLF_BYTES = 2;

/** One line without its end. A text that is too long is cut at a character: who has much to say splits it before. */
export function ircLine(message: IrcMessage): string {
  const { source, command, params } = message;
  const head = `${source === null ? "" : `:${asWord(source)} `}${command}`;
  const last = params.length - 1;
  let line = head;
  for (const [at, param] of params.entries()) {
    if (at < last) {
      line += ` ${asParam(param)}`;
      continue;
    }
    const text = onOneLine(param);
    const isChannel = at === 0 && command === "PART";
    const isText = (WITH_TEXT.test(command) && !isChannel) || text === "" || text.startsWith(":") ||
      text.includes(" ");
    line += isText ? ` :${text}` : ` ${text}`;
  }
  return tagsText(message.tags) + cutTo(line, LINE_BYTES_MAX - CRLF_BYTES);
}

/** How many bytes a text may have that is the last parameter of such a message. */
export function roomForText(message: IrcMessage): number {
  const { source, command, params } = message;
  const words = [
    ...(source === null ? [] : [`:${asWord(source)}`]),
    command,
    ...params.map(asParam),
  ];
  return LINE_BYTES_MAX - CRLF_BYTES - utf8Length(`${words.join(" ")} :`);
}

function tagsText(tags: IrcMessage["tags"]): string {
  if (tags.size === 0) return "";
  const texts = [...tags].map(([name, value]) => value === "" ? name : `${name}=${escaped(value)}`);
  return `@${texts.join(";")} `;
}

const ESCAPED: Readonly<Record<string, string>> = {
  ";": "\\:",
  " ": "\\s",
  "\\": "\\\\",
  "\r": "\\r",
  "\n": "\\n",
  "\0": "",
};

const TO_ESCAPE = /[; \\\r\n\0]/g;

function escaped(value: string): string {
  return value.toWellFormed().replace(TO_ESCAPE, (character) => ESCAPED[character]!);
}

const LINE_BREAKERS = /[\0\r\n]/g;

/** What would end the line, or the string of a client in C, is a blank. */
function onOneLine(text: string): string {
  return text.toWellFormed().replace(LINE_BREAKERS, " ");
}

/** A parameter that others follow: it can't be empty, have blanks, or begin with a colon. */
function asWord(text: string): string {
  const word = onOneLine(text).replace(/^:+/, "").replaceAll(" ", "_");
  return word === "" ? "*" : word;
}

/** As no name, key or channel is longer: of what a client itself has sent so much is repeated that there is room for the rest. */
const PARAM_BYTES_MAX = 200;

function asParam(text: string): string {
  return cutTo(asWord(text), PARAM_BYTES_MAX);
}

function cutTo(line: string, bytesMax: number): string {
  if (line.length * 3 <= bytesMax || utf8Length(line) <= bytesMax) return line;
  let bytes = 0;
  let end = 0;
  for (const character of line) {
    bytes += utf8Length(character);
    if (bytes > bytesMax) break;
    end += character.length;
  }
  return line.slice(0, end);
}
