/**
 * What a client says to a channel or to somebody, as commands of the mode. In a directory a channel tells all, and whom
 * one writes to alone is called: what is written meanwhile is said once the call is connected.
 */

import { shownName } from "../../base/text/names.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import { isAnswer } from "../commands/open_questions.ts";
import { answerNotSent } from "./irc_answers.ts";
import type { IrcClient } from "./irc_client.ts";
import { type Fields, isTrue, textOf } from "./rooms/irc_fields.ts";
import { ircFolded } from "./lines/irc_message.ts";
import { nameOfNick, SERVICE, typed } from "./lines/irc_names.ts";
import type { Pending } from "./irc_pending.ts";
import { QUESTIONS_MAX } from "./irc_questions.ts";
import type { Addressee, IrcRooms, Room } from "./rooms/irc_rooms.ts";
import { RoomChoice } from "./rooms/room_choice.ts";
import { sendService } from "./irc_speech.ts";

/** So many lines wait for a call to be connected; more is refused. */
const HELD_MAX = 50;

/** So many whose call is over aren't called by a mere word to them. */
const OVER_MAX = 1_000;

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

export class IrcTalk {
  /** The window in which each question was shown. */
  readonly #asked = new Map<string, string>();
  #call: Call | null = null;
  /** Who calls the user, and isn't answered. */
  #caller: string | null = null;
  /** With whom a call was, and is over: what is written to them then would call them again, unasked. */
  readonly #over = new Set<string>();
  #held: { readonly name: string; readonly text: string; readonly pending: Pending }[] = [];
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
      this.#sayInRoom(room, said);
      return false;
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

  #sayInRoom(room: Room, said: Utterance): void {
    const { text, target } = said;
    const placed = this.rooms.placed(room, { line: text });
    const line = placed["room"] === undefined ? text : placed;
    const seen = this.#askedIn(target);
    if (isAnswer(text) && seen.length > 0) {
      return this.run(line, { ...pendingOf(said, "said"), questions: seen });
    }
    const command = room.kind === "directory" ? "broadcast" : "msg";
    this.run(this.rooms.placed(room, { command, text }), pendingOf(said, "said"));
  }

  /** The questions that were shown in that window. */
  #askedIn(window: string): readonly string[] {
    const asked = [...this.#asked].filter(([, shown]) => shown === ircFolded(window));
    return asked.map(([id]) => id);
  }

  #refuse({ client, target, time }: Utterance, text: string): void {
    answerNotSent(client, this.rooms, target, text, time);
  }

  #sayInCall(name: string, said: Utterance): boolean {
    const { text } = said;
    if (this.#caller === name) {
      if (!isAnswer(text)) {
        this.#refuse(said, `Nothing was sent: ${name} is calling; y accepts, n declines`);
        return true;
      }
      this.run(text, { ...pendingOf(said, "said"), questions: this.#askedIn(said.target) });
      return false;
    }
    if (this.#call !== null && this.#call.peer !== name) {
      const other = shownName(this.#call.peer);
      const way = `you are in a call with ${other}; ${typed("hangup")} ends it`;
      this.#refuse(said, `Nothing was sent: ${way}`);
      return true;
    }
    if (this.#call?.isConnected === true) {
      this.run({ command: "msg", name, text }, pendingOf(said, "said")); // by then there may be another
      return false;
    }
    const isOver = this.#over.has(name);
    // An answer was meant for a call that was withdrawn meanwhile.
    if (this.#call === null && (isOver || isAnswer(text))) {
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
    this.#held.push({ name, text, pending: pendingOf(said, "said") });
    if (this.#call === null) {
      this.#call = { peer: name, isConnected: false };
      this.run({ command: "call", name }, { ...pendingOf(said, "service"), kind: "call" });
    }
    return false;
  }

  /** Takes an event: what is asked of the user, and with whom a call is. */
  take(fields: Fields, client: IrcClient | null, time: string): void {
    switch (fields["event"]) {
      case "incoming":
        this.#caller = textOf(fields, "from");
        return;
      case "call":
        return this.#called(fields, client, time);
    }
  }

  /** A question was shown in that window. */
  shown(question: string, window: string): void {
    this.#asked.set(question, ircFolded(window));
    dropOldest(this.#asked, QUESTIONS_MAX); // as many as are repeated
  }

  /** The call that was asked for couldn't begin. */
  notCalled(client: IrcClient | null, time: string): void {
    this.#call = null;
    this.#dropHeld(client, time);
  }

  #called(fields: Fields, client: IrcClient | null, time: string): void {
    const peer = textOf(fields, "peer");
    const state = textOf(fields, "state");
    if (this.#caller === peer) this.#caller = null;
    if (state === "ringing" || state === "connected") this.#over.delete(peer);
    if (state === "ringing") {
      this.#call = { peer, isConnected: false };
    } else if (state === "connected") {
      this.#call = { peer, isConnected: true };
      if (isTrue(fields, "changed")) {
        this.#dropHeld(client, time, "it is ANOTHER than you verified");
      }
      for (const { name, text, pending } of this.#held.splice(0)) {
        this.run({ command: "msg", name, text }, pending);
      }
    } else if (this.#call?.peer === peer) {
      if (this.#call.isConnected) this.#over.add(peer);
      dropOldest(this.#over, OVER_MAX);
      this.notCalled(client, time);
    }
  }

  #dropHeld(client: IrcClient | null, time: string, why = "there is no call"): void {
    const count = this.#held.splice(0).length;
    if (count === 0 || client === null) return;
    const lines = count === 1
      ? "What you wrote wasn't sent"
      : `${count} lines of yours weren't sent`;
    sendService(client, "NOTICE", client.nick, [`${lines}: ${why}`], time);
  }
}

function nobody(text: string): Addressed {
  return { type: "nobody", text };
}

function pendingOf({ client, target, label }: Utterance, kind: "said" | "service"): Pending {
  return { kind, client: client.number, target, label };
}
