/** The capabilities that a client may have (IRCv3 capability negotiation, version 302), and how it takes them. */

import { type IrcMessage, ircMessage, SERVER } from "./irc_message.ts";

const CAPABILITIES = [
  "account-tag",
  "away-notify",
  "batch",
  "cap-notify",
  "draft/chathistory",
  "echo-message",
  "extended-join",
  "labeled-response",
  "message-tags",
  "server-time",
  "standard-replies",
  "userhost-in-names",
] as const;

export type Capability = typeof CAPABILITIES[number];

/** Of what a client asks for in one line: more than there are. */
const REQUESTED_MAX = 64;

export class IrcCapabilities {
  readonly #taken = new Set<Capability>();
  /** Whether the client negotiates: it isn't registered before it has ended that. */
  isOpen = false;

  has(name: Capability): boolean {
    return this.#taken.has(name);
  }

  /** Answers `CAP`. @param nick The client's, or `*`. */
  step(params: readonly string[], nick: string): readonly IrcMessage[] {
    const [word = "", rest = ""] = params;
    const answer = (subcommand: string, text: string) =>
      ircMessage(SERVER, "CAP", nick, subcommand, text);
    switch (word.toUpperCase()) {
      case "LS":
        this.isOpen = true;
        if (Number(rest) >= 302) this.#taken.add("cap-notify"); // which is part of that version
        return [answer("LS", CAPABILITIES.join(" "))];
      case "LIST":
        return [answer("LIST", [...this.#taken].join(" "))];
      case "REQ":
        this.isOpen = true;
        return [answer(this.#request(rest) ? "ACK" : "NAK", rest.trim())];
      case "END":
        this.isOpen = false;
        return [];
      default:
        return [ircMessage(SERVER, "410", nick, word, "There is no such subcommand of CAP")];
    }
  }

  /** All that is asked for, or nothing. */
  #request(text: string): boolean {
    const names = text.split(" ", REQUESTED_MAX).filter((name) => name !== "");
    const known: readonly string[] = CAPABILITIES;
    if (!names.every((name) => known.includes(name.replace(/^-/, "")))) return false;
    for (const name of names) {
      if (name.startsWith("-")) this.#taken.delete(name.slice(1) as Capability);
      else this.#taken.add(name as Capability);
    }
    return true;
  }
}
