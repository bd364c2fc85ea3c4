/**
 * What a client says to a channel or to somebody, as commands of the mode. In a directory a channel tells all, and whom
 * one writes to alone is called: what is written meanwhile is said once the call is connected.
 */

import { shownName } from "../../base/text/names.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import { utf8Length } from "../../base/text/text.ts";
import { answerNotSent } from "./irc_answers.ts";
import type { IrcClient } from "./irc_client.ts";
import { type Fields, textOf } from "./rooms/irc_fields.ts";
import { ircFolded } from "./lines/irc_message.ts";
import { nameOfNick, SERVICE, typed } from "./lines/irc_names.ts";
import type { Pending } from "./irc_pending.ts";
import type { Addressee, IrcRooms, Room } from "./rooms/irc_rooms.ts";
import { ASKED_JUST_NOW, READING_MS_MIN } from "../rendering/reading_time.ts";
import { RoomChoice } from "./rooms/room_choice.ts";
import { sendService } from "./irc_speech.ts";

/** So many lines wait for a call to be connected; more is refused. */
const HELD_MAX = 50;

/** So many whose call is over aren't called by a mere word to them. */
const OVER_MAX = 1_000;

/**
 * An answer in the channel is one to a question behind which no more lines than that have been shown: whoever asks can
 * push the question out of sight, and then ask something else to which people say yes.
 */
export const LINES_BEHIND_MAX = 5;

/** UTF-8 bytes of both texts of an edit that are repeated within a sentence. */
const REPEATED_BYTES_MAX = 160;

/** Answers to an edit of an entry, and to a call: never said while somebody is asked. */
const ANSWERS: ReadonlyMap<string, "yes" | "no"> = new Map([
  ...["y", "yes", "go", "accept"].map((word) => [word, "yes"] as const),
  ...["n", "no", "abort", "decline"].map((word) => [word, "no"] as const),
]);

/** What is said, and how it is answered. */
interface Utterance {
  readonly client: IrcClient;
  readonly target: string;
  readonly text: string;
  readonly label: string | undefined;
  /** ISO 8601. */
  readonly time: string;
}

export type Run = (command: string | Fields, pending: Pending) => void;

type Addressed = Exclude<Addressee, { readonly type: "unclear" }>;

interface Call {
  readonly peer: string;
  readonly isConnected: boolean;
}

/** What the user is asked. */
interface Vote {
  /** Of the client that was shown it last, when that was. */
  askedMs: number;
  /** As a sentence. */
  readonly question: string;
  /** To which client that was shown, and how many lines it had been shown by then; null: to none. */
  shown: { readonly client: IrcClient; readonly lines: number } | null;
}

/** Who calls the user, and isn't answered. */
interface Caller {
  readonly name: string;
  /** When the client was told of it. */
  readonly askedMs: number;
}

export class IrcTalk {
  /** Edits that the user is asked about; bounded by the coordinator's. */
  readonly #votes = new Map<number, Vote>();
  #call: Call | null = null;
  #caller: Caller | null = null;
  /** With whom a call was, and is over: what is written to them then would call them again, unasked. */
  readonly #over = new Set<string>();
  #held: { readonly text: string; readonly pending: Pending }[] = [];
  /** Where what is asked of the program is done. */
  readonly choice: RoomChoice;

  constructor(readonly rooms: IrcRooms, readonly run: Run) {
    this.choice = new RoomChoice(rooms);
  }

  /** @returns Whether it is answered now: it is refused. */
  say(said: Utterance): boolean {
    const { target, text, client } = said;
    if (ircFolded(target) === SERVICE) {
      const refused = this.ask(text.trim(), pendingOf(said, "service"));
      if (refused === null) return false;
      sendService(client, "PRIVMSG", client.nick, [refused], said.time);
      return true;
    }
    if (target.startsWith("#")) {
      const room = this.rooms.byChannel(target);
      if (room === undefined) {
        client.reply("403", target, "Nothing was sent: there is no such channel");
        return true;
      }
      this.choice.turnTo(room);
      return this.#sayInRoom(room, said);
    }
    const addressed = this.addressee(target, "msg");
    if (addressed.type === "nobody") {
      this.#refuse(said, `Nothing was sent: ${addressed.text}`);
      return true;
    }
    const { room, name } = addressed;
    if (room.kind === "directory") return this.#sayInCall(name, said);
    this.run(this.rooms.placed(room, { command: "msg", name, text }), pendingOf(said, "said"));
    return false;
  }

  /** Whom a nick is to stand for in a command; or why nobody. */
  addressee(nick: string, command: string): Addressed {
    if (this.rooms.all.length === 0) return nobody("the program isn't in a room yet");
    if (this.rooms.kind === "group" && command === "msg") {
      return nobody("a group has no private messages; say it in the channel to all");
    }
    const addressee = this.rooms.addressee(nick);
    if (addressee.type !== "unclear") return addressee;
    const name = nameOfNick(nick);
    return nobody(`nobody here is ${name}; ${this.choice.way(`${command} ${name}`)}`);
  }

  /**
   * The program itself is asked, in all rooms that it is about; what is answered first has the label.
   * @param text As to the console, with or without a slash. @returns Why it isn't; null: it is.
   */
  ask(text: string, pending: Pending): string | null {
    const chosen = this.choice.chosen(text);
    if (chosen.type === "refused") return chosen.text;
    const { line, rooms } = chosen;
    for (const [at, room] of rooms.entries()) {
      const placed = room === null ? null : this.rooms.placed(room, { line });
      const command = placed?.["room"] === undefined ? line : placed;
      this.run(command, at === 0 ? pending : { ...pending, label: undefined });
    }
    return null;
  }

  #sayInRoom(room: Room, said: Utterance): boolean {
    const { text, client, target } = said;
    const answer = ANSWERS.get(text.trim().toLowerCase());
    if (room.kind === "directory") {
      this.run({ command: "broadcast", text }, pendingOf(said, "said"));
      return false;
    }
    if (answer === undefined || this.#votes.size === 0) {
      this.run(this.rooms.placed(room, { command: "msg", text }), pendingOf(said, "said"));
      return false;
    }
    const refused = this.#isAskedJustBefore(said) ? ASKED_JUST_NOW : this.#unseenVote(room, client);
    if (refused !== null) {
      client.reply("404", target, `Nothing was done: ${refused}`);
      return true;
    }
    const command = answer === "yes" ? "go" : "abort";
    // With one vote open it is that one, whatever comes meanwhile; of several the program asks which.
    const [edit, ...others] = this.#votes.keys();
    if (others.length === 0) this.#votes.clear();
    const about = others.length === 0 ? { edit } : {};
    this.run({ command, ...about }, pendingOf(said, "service"));
    return false;
  }

  #isAskedJustBefore({ time }: Utterance): boolean {
    return isJustBefore(Math.max(...this.#votes.values().map(({ askedMs }) => askedMs)), time);
  }

  /** The question of a vote that isn't before the client's eyes, if there is one. */
  #unseenVote({ channel }: Room, client: IrcClient): string | null {
    for (const [edit, { question, shown }] of this.#votes) {
      const lines = client.linesIn(channel ?? "");
      const isSeen = shown?.client === client && lines - shown.lines <= LINES_BEHIND_MAX;
      if (!isSeen) {
        return `${question}; answer with ${typed(`go ${edit}`)} or ${typed(`abort ${edit}`)}`;
      }
    }
    return null;
  }

  #refuse({ client, target, time }: Utterance, text: string): void {
    answerNotSent(client, this.rooms, target, text, time);
  }

  #sayInCall(name: string, said: Utterance): boolean {
    const { text } = said;
    const answer = ANSWERS.get(text.trim().toLowerCase());
    if (this.#caller?.name === name) {
      if (answer !== undefined && !isJustBefore(this.#caller.askedMs, said.time)) {
        const command = answer === "yes" ? "accept" : "decline";
        this.run({ command }, pendingOf(said, "service"));
        return false;
      }
      const refused = answer === undefined
        ? `Nothing was sent: ${name} is calling; y accepts, n declines`
        : `Nothing was done: ${ASKED_JUST_NOW}`;
      this.#refuse(said, refused);
      return true;
    }
    if (this.#call !== null && this.#call.peer !== name) {
      const other = shownName(this.#call.peer);
      const way = `you are in a call with ${other}; ${typed("hangup")} ends it`;
      this.#refuse(said, `Nothing was sent: ${way}`);
      return true;
    }
    if (this.#call?.isConnected === true) {
      this.run({ command: "msg", text }, pendingOf(said, "said"));
      return false;
    }
    const isOver = this.#over.has(name);
    // An answer was meant for a call that was withdrawn meanwhile.
    if (this.#call === null && (isOver || answer !== undefined)) {
      const shown = shownName(name);
      const why = isOver ? `the call with ${shown} is over` : `${shown} isn't calling`;
      const way = `${typed(`call ${shown}`)} calls${isOver ? " again" : ""}`;
      this.#refuse(said, `Nothing was sent: ${why}; ${way}`);
      return true;
    }
    if (this.#held.length >= HELD_MAX) {
      this.#refuse(said, "Nothing was sent: much waits already for the call to be answered");
      return true;
    }
    this.#held.push({ text, pending: pendingOf(said, "said") });
    if (this.#call === null) {
      this.#call = { peer: name, isConnected: false };
      this.run({ command: "call", name }, { ...pendingOf(said, "service"), kind: "call" });
    }
    return false;
  }

  /** Takes an event: what is asked of the user, and with whom a call is. */
  take(fields: Fields, client: IrcClient | null, time: string): void {
    switch (fields["event"]) {
      case "vote-wanted":
        this.#votes.set(fields["edit"] as number, {
          ...{ askedMs: Date.parse(time), question: questionIn(fields, this.rooms), shown: null },
        });
        return;
      case "edit":
      case "notice": // that the user has voted on it
        this.#votes.delete(fields["edit"] as number);
        return;
      case "incoming":
        this.#caller = { name: textOf(fields, "from"), askedMs: Date.parse(time) };
        return;
      case "call":
        return this.#called(fields, client, time);
    }
  }

  /** What was taken has been shown to the client. */
  shown(fields: Fields, client: IrcClient, time: string): void {
    const atMs = Date.parse(time);
    if (fields["event"] === "incoming") {
      this.#caller = { name: textOf(fields, "from"), askedMs: atMs };
    }
    if (fields["event"] !== "vote-wanted") return;
    const channel = this.rooms.roomOf(fields)?.channel ?? "";
    const vote = this.#votes.get(fields["edit"] as number);
    if (vote === undefined) return;
    vote.shown = { client, lines: client.linesIn(channel) };
    vote.askedMs = atMs;
  }

  /** The call that was asked for couldn't begin. */
  notCalled(client: IrcClient | null, time: string): void {
    this.#call = null;
    this.#dropHeld(client, time);
  }

  #called(fields: Fields, client: IrcClient | null, time: string): void {
    const peer = textOf(fields, "peer");
    const state = textOf(fields, "state");
    if (this.#caller?.name === peer) this.#caller = null;
    if (state === "ringing" || state === "connected") this.#over.delete(peer);
    if (state === "ringing") {
      this.#call = { peer, isConnected: false };
    } else if (state === "connected") {
      this.#call = { peer, isConnected: true };
      for (const { text, pending } of this.#held.splice(0)) {
        this.run({ command: "msg", text }, pending);
      }
    } else if (this.#call?.peer === peer) {
      if (this.#call.isConnected) this.#over.add(peer);
      dropOldest(this.#over, OVER_MAX);
      this.notCalled(client, time);
    }
  }

  #dropHeld(client: IrcClient | null, time: string): void {
    const count = this.#held.splice(0).length;
    if (count === 0 || client === null) return;
    const lines = count === 1
      ? "What you wrote wasn't sent"
      : `${count} lines of yours weren't sent`;
    sendService(client, "NOTICE", client.nick, [`${lines}: there is no call`], time);
  }
}

/** Whether nobody can have read by that time what was asked at the other. */
function isJustBefore(askedMs: number, time: string): boolean {
  const sinceMs = Date.parse(time) - askedMs;
  return sinceMs >= 0 && sinceMs < READING_MS_MIN; // otherwise the clock was set back
}

function questionIn(fields: Fields, rooms: IrcRooms): string {
  const nick = rooms.nickFor(textOf(fields, "by"), "", rooms.roomOf(fields));
  const asks = `${nick} asks to change entry ${fields["seq"]}`;
  const [old, text] = [textOf(fields, "old"), textOf(fields, "new")].map((each) =>
    JSON.stringify(each)
  );
  const both = `from ${old} to ${text}`;
  return utf8Length(both) > REPEATED_BYTES_MAX
    ? `${asks}, as ${typed("status")} shows`
    : `${asks} ${both}`;
}

function nobody(text: string): Addressed {
  return { type: "nobody", text };
}

function pendingOf({ client, target, label }: Utterance, kind: "said" | "service"): Pending {
  return { kind, client: client.number, target, label };
}
