/** The capabilities that a client may have (IRCv3 capability negotiation, version 302), and how it takes them. */

import { type IrcMessage, ircMessage, SERVER } from "./irc_message.ts";

/** With the values that clients of version 302 are told. */
const CAPABILITIES = {
  "account-tag": "",
  "away-notify": "",
  "batch": "",
  "cap-notify": "",
  "draft/chathistory": "",
  "echo-message": "",
  "extended-join": "",
  "labeled-response": "",
  "message-tags": "",
  "server-time": "",
  "standard-replies": "",
  "userhost-in-names": "",
} as const;

export type Capability = keyof typeof CAPABILITIES;

function isCapability(name: string): name is Capability {
  return Object.hasOwn(CAPABILITIES, name);
}

/** Of what a client asks for in one line: more than there are. */
const REQUESTED_MAX = 64;

export class IrcCapabilities {
  readonly #taken = new Set<Capability>();
  /** Whether the client negotiates: it isn't registered before it has ended that. */
  isOpen = false;
  #knowsValues = false;

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
        if (Number(rest) >= 302) this.#takeVersion302();
        return [answer("LS", this.#listed().join(" "))];
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

  /** Who knows version 302 is told values, and of what comes later (`cap-notify`). */
  #takeVersion302(): void {
    this.#knowsValues = true;
    this.#taken.add("cap-notify");
  }

  #listed(): readonly string[] {
    return Object.entries(CAPABILITIES).map(([name, value]) =>
      value === "" || !this.#knowsValues ? name : `${name}=${value}`
    );
  }

  /** All that is asked for, or nothing. */
  #request(text: string): boolean {
    const names = text.split(" ", REQUESTED_MAX).filter((name) => name !== "");
    if (!names.every((name) => isCapability(name.replace(/^-/, "")))) return false;
    for (const name of names) {
      if (name.startsWith("-")) this.#taken.delete(name.slice(1) as Capability);
      else this.#taken.add(name as Capability);
    }
    return true;
  }
}
