/** One client that is connected: what it has told of itself, and what is sent to it, in the form that it understands. */

import { utf8Length, visibleText } from "../../base/text/text.ts";
import { type Capability, IrcCapabilities } from "./lines/irc_capabilities.ts";
import { ircFolded, type IrcMessage, ircMessage, SERVER, withTags } from "./lines/irc_message.ts";
import { ircLine } from "./lines/irc_serialiser.ts";

/** Without the capability a tag isn't sent. Those that aren't here need `message-tags`. */
const NEEDED: ReadonlyMap<string, Capability> = new Map([
  ["time", "server-time"],
  ["account", "account-tag"],
  ["batch", "batch"],
  ["label", "labeled-response"],
]);

/** A longer one isn't repeated: labeled-response. */
const LABEL_BYTES_MAX = 64;

/** Whether something is answered now, or once the program has done it. */
export type Answered = "now" | "later";

export class IrcClient {
  readonly capabilities = new IrcCapabilities();
  /** Whether the password that it gave, before it was registered, is the right one; null: it hasn't given any. */
  hasPassword: boolean | null = null;
  wantedNick: string | null = null;
  hasUser = false;
  /** How many lines came from it before it was registered. */
  linesBefore = 0;
  isRegistered = false;
  /** Whether it has answered any so far, as clients do that people use. */
  answersPings = false;
  /** As the client knows itself. */
  nick = "*";
  /** Folded channels whose window the client has closed; it is in the room all the same. */
  readonly #hidden = new Set<string>();
  #lines: string[] = [];
  #collected: IrcMessage[] | null = null;
  #batches = 0;

  /** @param number Of the connection: no other one has it. */
  constructor(readonly number: number, readonly sinceMs: number) {}

  has(name: Capability): boolean {
    return this.capabilities.has(name);
  }

  /** Whether the client has closed the window of that channel. */
  hides(channel: string): boolean {
    return this.#hidden.has(ircFolded(channel));
  }

  hide(channel: string): void {
    this.#hidden.add(ircFolded(channel));
  }

  /** @returns Whether it was closed. */
  unhide(channel: string): boolean {
    return this.#hidden.delete(ircFolded(channel));
  }

  /** Answers `CAP`. */
  negotiate(params: readonly string[]): void {
    for (const answer of this.capabilities.step(params, this.nick)) this.send(answer);
  }

  /** The lines to be sent, which are forgotten here. */
  takeLines(): readonly string[] {
    return this.#lines.splice(0);
  }

  send(message: IrcMessage): void {
    if (this.#collected !== null) this.#collected.push(message);
    else this.#write(message);
  }

  /** Sends a numeric of the server's, in which a client obeys nothing, whosever words there are. */
  reply(numeric: string, ...params: readonly string[]): void {
    this.send(ircMessage(SERVER, numeric, this.nick, ...params.map(visibleText)));
  }

  /** Tells that something failed: a standard reply, or its words alone; as `reply`. */
  fail(command: string, ...given: readonly string[]): void {
    const words = given.map(visibleText);
    // Who asks for history knows the replies of that: no other form of them is specified.
    if (this.has("standard-replies") || command === "CHATHISTORY") {
      return this.send(ircMessage(SERVER, "FAIL", command, ...words));
    }
    this.send(ircMessage(SERVER, "NOTICE", this.nick, `${command}: ${words.at(-1) ?? ""}`));
  }

  /** What is sent within belongs together. @param type And its parameters. */
  inBatch(
    tags: Readonly<Record<string, string>>,
    type: readonly string[],
    sendAll: (tag: { readonly batch: string }) => void,
  ): void {
    const batch = `b${++this.#batches}`;
    this.send(withTags(ircMessage(SERVER, "BATCH", `+${batch}`, ...type), tags));
    sendAll({ batch });
    this.send(ircMessage(SERVER, "BATCH", `-${batch}`));
  }

  /**
   * Sends what answers a line with that label, as one answer.
   * @param work Returns whether that is all; what comes later may still be given the label.
   * @returns Whether the label has been used, or there was none.
   */
  answering(label: string | undefined, work: () => Answered): boolean {
    if (label === undefined || !this.#takesLabel(label)) {
      work();
      return true;
    }
    this.#collected = [];
    const answered = work();
    const messages = this.#collected;
    this.#collected = null;
    if (messages.length === 0 && answered === "later") return false;
    this.#sendLabelled(messages, label);
    return true;
  }

  #takesLabel(label: string): boolean {
    return this.has("batch") && this.has("labeled-response") && this.#collected === null &&
      label !== "" && utf8Length(label) <= LABEL_BYTES_MAX;
  }

  #sendLabelled(messages: readonly IrcMessage[], label: string): void {
    const [first, ...rest] = messages;
    if (first === undefined) return this.#write(withTags(ircMessage(SERVER, "ACK"), { label }));
    if (rest.length === 0 || isOneBatch(messages)) {
      this.#write(withTags(first, { label }));
      for (const message of rest) this.#write(message);
      return;
    }
    this.inBatch({ label }, ["labeled-response"], (tag) => {
      for (const message of messages) {
        const isInOther = message.tags.has("batch") || isBatchEnd(message);
        this.#write(isInOther ? message : withTags(message, tag));
      }
    });
  }

  #write(message: IrcMessage): void {
    const tags = new Map(
      [...message.tags].filter(([name]) => this.has(NEEDED.get(name) ?? "message-tags")),
    );
    this.#lines.push(ircLine({ ...message, tags }));
  }
}

function isBatchEnd({ command, params }: IrcMessage): boolean {
  return command === "BATCH" && params[0]?.startsWith("-") === true;
}

/** Whether the first message begins a batch that the last one ends. */
function isOneBatch(messages: readonly IrcMessage[]): boolean {
  const first = messages[0]!;
  const last = messages.at(-1)!;
  return first.command === "BATCH" && last.command === "BATCH" &&
    first.params[0]?.slice(1) === last.params[0]?.slice(1);
}
