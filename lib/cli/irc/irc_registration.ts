/**
 * What a client says before it is let in: a password, a nick and a user, and which capabilities it has. Whoever has the
 * password comes in, however many others try: what they do costs them their own connections alone.
 */

import { TokenBucket } from "../../base/rates/token_bucket.ts";
import type { IrcClient } from "./irc_client.ts";
import { type ClientLine, textIn } from "./lines/irc_line_splitter.ts";
import { type IrcMessage, ircMessage, SERVER } from "./lines/irc_message.ts";
import { parseIrc } from "./lines/irc_parser.ts";
import { NO_PASSWORD, WRONG_PASSWORD } from "./irc_welcome.ts";

/** So many wrong passwords in a row may be typing errors; of more the user is told, once an hour. */
const GUESSES_UNTOLD_MAX = 5;
const TOLD_PER_SECOND = 1 / 3_600;

/**
 * Clients say what they have to in a tenth of this. Whoever says more only takes the time in which others are read: that
 * of one who has the password, too.
 */
export const LINES_BEFORE_MAX = 64;

const TOO_MUCH = "That is too much before PASS, NICK and USER";

const GUESSED =
  "Some program on this machine tries passwords of IRC's port in vain: it isn't let in";

/** What any page can make a browser send to a port of this machine. */
const OF_HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) /i;

/** What becomes of a connection. */
type Registered =
  /** It has more to say. */
  | { readonly type: "waits" }
  | { readonly type: "in" }
  /** It is told so. */
  | { readonly type: "closed"; readonly reason: string }
  /** It isn't told anything: nobody there understands it. */
  | { readonly type: "cut" };

const WAITS: Registered = { type: "waits" };

interface RegistrationPorts {
  /** Takes as long for each text. */
  isPassword(text: string): boolean;
  /** Tells the user. */
  warn(text: string): void;
}

export class IrcRegistration {
  readonly #told = new TokenBucket(TOLD_PER_SECOND, 1);
  #guesses = 0;

  constructor(readonly ports: RegistrationPorts) {}

  /** A line of a client that isn't in. */
  line(client: IrcClient, given: ClientLine, nowMs: number): Registered {
    const line = textIn(given);
    const isFirst = ++client.linesBefore === 1;
    if (line === null || (isFirst && OF_HTTP.test(line))) return { type: "cut" };
    if (client.linesBefore > LINES_BEFORE_MAX) return { type: "closed", reason: TOO_MUCH };
    const message = parseIrc(line);
    if (message === null) return WAITS; // what isn't a message has no answer that a client would understand
    if (message.command === "QUIT") return { type: "closed", reason: "Goodbye" };
    this.#take(client, message, nowMs);
    const isWhole = client.wantedNick !== null && client.hasUser && !client.capabilities.isOpen;
    return isWhole ? this.#decide(client) : WAITS;
  }

  #take(client: IrcClient, message: IrcMessage, nowMs: number): void {
    const { command, params } = message;
    const [first = ""] = params;
    switch (command) {
      case "CAP":
        return client.negotiate(params);
      case "PASS":
        if (params.length === 0) client.reply("461", command, "Parameters are missing");
        else client.hasPassword ??= this.#isRight(first, nowMs); // one guess for each connection
        return;
      case "NICK":
        if (first === "") client.reply("431", "No nick is given");
        else client.wantedNick = first;
        return;
      case "USER":
        client.hasUser = true;
        return;
      case "PING":
        return client.send(ircMessage(SERVER, "PONG", SERVER, first));
      default:
        client.reply("451", "Not before you are registered: PASS, NICK and USER come first");
    }
  }

  /** Known at once: whoever has it doesn't give way to others that connect, however long it takes for the rest. */
  #isRight(password: string, nowMs: number): boolean {
    if (this.ports.isPassword(password)) {
      this.#guesses = 0;
      return true;
    }
    if (++this.#guesses > GUESSES_UNTOLD_MAX && this.#told.take(nowMs)) this.ports.warn(GUESSED);
    return false;
  }

  #decide(client: IrcClient): Registered {
    const { hasPassword } = client;
    if (hasPassword === true) return { type: "in" };
    const reason = hasPassword === null ? NO_PASSWORD : WRONG_PASSWORD;
    client.reply("464", reason);
    return { type: "closed", reason };
  }
}
