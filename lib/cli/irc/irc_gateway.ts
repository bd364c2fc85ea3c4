/**
 * Serves one IRC client with what the program shows and takes: a machine without I/O. Lines of connections, events of the
 * mode and time come in; lines, commands and ends of connections go out. It knows who is where also while no client is
 * there, so that one that comes finds the rooms as they are.
 *
 * A connection is registered once it has given the password, a nick and a user (and has ended the negotiation of its
 * capabilities); of those there is one at a time.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { askedBy } from "../commands/question_kinds.ts";
import type { DoorEvent } from "../doors/door.ts";
import type { KnownCommands } from "../doors/door_lines.ts";
import { sendChange } from "./irc_changes.ts";
import { type Answered, IrcClient } from "./irc_client.ts";
import { type IrcContext, runCommand, sendHistory } from "./irc_commands.ts";
import { type Fields, maybeText, textOf } from "./rooms/irc_fields.ts";
import { lastOfEach } from "./irc_history.ts";
import { type ClientLine, textIn } from "./lines/irc_line_splitter.ts";
import { type IrcMessage, ircMessage, SERVER } from "./lines/irc_message.ts";
import { parseIrc } from "./lines/irc_parser.ts";
import { IrcPending, type Pending } from "./irc_pending.ts";
import { IrcReceipts } from "./irc_receipts.ts";
import { IrcQuestions, QUESTIONS_MAX } from "./irc_questions.ts";
import { IrcRegistration } from "./irc_registration.ts";
import { type Change, IrcRooms, placeWord } from "./rooms/irc_rooms.ts";
import { IrcRoomEvents } from "./rooms/irc_room_events.ts";
import { type News, sendNews } from "./irc_news.ts";
import { sendService } from "./irc_speech.ts";
import { IrcTalk } from "./irc_talk.ts";
import { IrcPartners } from "./rooms/irc_partners.ts";
import {
  CLIENT_BEHIND,
  SECOND_CLIENT,
  sendFarewell,
  sendRefusal,
  sendWelcome,
} from "./irc_welcome.ts";
import { type Said, SaidReader } from "./rooms/said_reader.ts";

/** A connection that hasn't told who it is by then is closed. */
export const REGISTRATION_MS_MAX = 30_000;
/** A client that says nothing for so long is asked whether it is there, and after that time again is gone. */
export const PING_AFTER_MS = 120_000;
/** So long a client may take to say that it is there, where another one with the password wants its place. */
export const ANSWER_MS_MAX = 5_000;
/** Connections that aren't registered: beyond them the one that has waited longest gives way to a new one. */
export const WAITING_MAX = 32;
/**
 * But not before it has had so long: whatever a client says at once has been read by then, and whoever waits behind a
 * thousand connections that say nothing comes in within some seconds.
 */
export const CHANCE_MS = 100;
/** So much said meanwhile is shown to a client that can't ask for it. */
export const REPLAYED_MAX = 500;
/**
 * So often at most, and when a client leaves, it is kept for the next start what was shown; a killed program's next one
 * shows again what its client was shown since then.
 */
export const KEEP_EVERY_MS = 60_000;
/** A line that goes on and on: the connection is closed then. */
const OVERLONG_BYTES_MAX = 1_048_576;

/** Of this machine itself, among those of clients. */
const NO_CLIENT = -1;

export type IrcInput =
  | { readonly type: "connected"; readonly client: number }
  | { readonly type: "line"; readonly client: number; readonly line: ClientLine }
  /** The connection is closed. */
  | { readonly type: "gone"; readonly client: number }
  /** The socket has taken all that was sent. */
  | { readonly type: "drained"; readonly client: number }
  | { readonly type: "event"; readonly event: DoorEvent }
  | { readonly type: "tick" }
  /** The program ends, or the door. */
  | { readonly type: "closing" };

type IrcEffect =
  | { readonly type: "send"; readonly client: number; readonly lines: readonly string[] }
  /** After what was sent. */
  | { readonly type: "close"; readonly client: number }
  /** At once: nothing is sent any more. */
  | { readonly type: "cut"; readonly client: number }
  /** `questions`: see `Pending`. */
  | {
    readonly type: "run";
    readonly command: string | Fields;
    readonly ref: string;
    readonly client: number;
    readonly questions: readonly string[];
  }
  /** A client was shown that question; `isWhole`: all that it is about, and it has read that. */
  | {
    readonly type: "asked";
    readonly client: number;
    readonly question: string;
    readonly isWhole: boolean;
  }
  /** Clients were shown these, which is to be known after the next start, too: see `Said.identity`. */
  | { readonly type: "keep"; readonly shown: readonly string[] }
  /** The user is told of it, wherever that is. */
  | { readonly type: "warn"; readonly text: string };

/** What the machine asks of its surroundings. */
interface IrcPorts {
  readonly version: string;
  /** Takes as long for each text. */
  isPassword(text: string): boolean;
  /** Whether lines of this client have come, and wait until they may be taken. */
  isBehind(client: number): boolean;
  /** All that is kept, the oldest first. */
  events(): readonly DoorEvent[];
  /** See `DoorHost.wholeFrom`. */
  wholeFrom(): number;
  /** Whether a client was shown it before the program was started. @param identity See `Said`. */
  wasShown(identity: string): boolean;
  readonly commands: KnownCommands;
  /** What clients are told of time, ms since 1970; nothing waits by it, as it may be set. */
  wallMs(): number;
}

/** One that is connected. */
interface Connection {
  readonly client: IrcClient;
  heardMs: number;
  /** When it was asked whether it is there, since it was last heard; null: it wasn't. */
  askedMs: number | null;
  /** Since when it could come in, but for the one that is; null: it can't, or is in. */
  readyMs: number | null;
}

export class IrcGateway {
  readonly #ports: IrcPorts;
  readonly #rooms = new IrcRooms();
  readonly #roomEvents = new IrcRoomEvents(this.#rooms);
  readonly #reader = new SaidReader(this.#rooms);
  readonly #partners = new IrcPartners(this.#rooms);
  readonly #talk: IrcTalk;
  readonly #pending = new IrcPending();
  readonly #questions = new IrcQuestions();
  readonly #connections = new Map<number, Connection>();
  readonly #registration: IrcRegistration;
  readonly #receipts = new IrcReceipts();
  /** Questions of which the client was sent everything, each with the `PING` behind it, until that is answered. */
  readonly #unread = new Map<string, string>();
  #asks = 0;
  #registered: Connection | null = null;
  /** The last event up to which it is kept what clients were shown, and when that was done, ms. */
  #keptId = 0;
  #keptMs = -Infinity;
  /** The last event that was taken. */
  #lastId = 0;
  #hasAskedTitles = false;
  /** All that is kept of what was said, since the last event; null: it wasn't asked for since. */
  #saidNow: readonly Said[] | null = null;
  #effects: IrcEffect[] = [];
  #nowMs = 0;

  constructor(ports: IrcPorts) {
    this.#ports = ports;
    this.#registration = new IrcRegistration({
      isPassword: (text) => ports.isPassword(text),
      warn: (text) => void this.#effects.push({ type: "warn", text }),
    });
    this.#talk = new IrcTalk(this.#rooms, (command, pending) => this.#run(command, pending));
  }

  /** When a tick is due, ms; null: none is. */
  nextDeadlineMs(): number | null {
    if (this.#connections.size === 0) return null;
    const times = [...this.#connections.values()].map(({ client, heardMs, askedMs, readyMs }) =>
      client.isRegistered
        ? Math.min((askedMs ?? heardMs) + PING_AFTER_MS, this.#receipts.dueMs ?? Infinity)
        : readyMs === null
        ? client.sinceMs + REGISTRATION_MS_MAX
        : readyMs + ANSWER_MS_MAX
    );
    return Math.min(...times);
  }

  /**
   * For how long no other connection is to be taken, ms; 0: one is welcome. While each that waits may still tell who it is,
   * another one would only push it out.
   */
  crowdedMs(nowMs: number): number {
    if (this.#waiting.length < WAITING_MAX) return 0;
    const { sinceMs } = this.#longestWaiting();
    return Math.max(0, sinceMs + CHANCE_MS - nowMs);
  }

  /** @param nowMs Monotonic, as in all else. */
  step(input: IrcInput, nowMs: number): readonly IrcEffect[] {
    this.#nowMs = nowMs;
    const beforeId = this.#lastId;
    this.#take(input);
    for (const { client } of this.#connections.values()) {
      if (this.#flush(client) && client.isRegistered) {
        this.#receipts.sent(beforeId, this.#lastId, nowMs);
      }
    }
    return this.#effects.splice(0);
  }

  #take(input: IrcInput): void {
    switch (input.type) {
      case "connected":
        return this.#connected(input.client);
      case "line":
        return this.#line(input.client, input.line);
      case "gone":
        return this.#forget(input.client);
      case "drained":
        if (this.#registered?.client.number === input.client) this.#receipts.taken();
        return;
      case "event":
        return this.#event(input.event);
      case "tick":
        return this.#tick();
      case "closing":
        for (const { client } of this.#connections.values()) this.#close(client, this.#ending);
    }
  }

  get #time(): string {
    return new Date(this.#ports.wallMs()).toISOString();
  }

  /** @returns Whether there was anything to send. */
  #flush(client: IrcClient): boolean {
    const lines = client.takeLines();
    if (lines.length > 0) this.#effects.push({ type: "send", client: client.number, lines });
    return lines.length > 0;
  }

  #close(client: IrcClient, reason: string): void {
    sendFarewell(client, reason);
    this.#end(client);
  }

  /** The connection is closed once what was sent has gone out. */
  #end(client: IrcClient): void {
    this.#flush(client);
    this.#effects.push({ type: "close", client: client.number });
    this.#forget(client.number);
  }

  #forget(number: number): void {
    this.#connections.delete(number);
    this.#pending.forget(number);
    if (this.#registered?.client.number !== number) return;
    this.#registered = null;
    this.#keep();
    const next = this.#waiting.find(({ readyMs }) => readyMs !== null);
    if (next !== undefined) this.#letIn(next);
  }

  #refuse(client: IrcClient, text: string): void {
    sendRefusal(client, text);
    this.#end(client);
  }

  /** Those that could come in are refused: the one that is in has said something. */
  #refuseReady(): void {
    for (const { client, readyMs } of this.#waiting) {
      if (readyMs !== null) this.#refuse(client, SECOND_CLIENT);
    }
  }

  get #waiting(): readonly Connection[] {
    return [...this.#connections.values()].filter(({ client }) => !client.isRegistered);
  }

  #connected(number: number): void {
    const client = new IrcClient(number, this.#nowMs);
    if (this.#isBehind) return this.#refuse(client, CLIENT_BEHIND);
    if (this.#waiting.length >= WAITING_MAX) {
      this.#refuse(this.#longestWaiting(), "Nobody has registered, and others want to come in");
    }
    this.#connections.set(number, { client, heardMs: this.#nowMs, askedMs: null, readyMs: null });
  }

  /** Who has given the right password is about to come in, and gives way only to others that have. */
  #longestWaiting(): IrcClient {
    const all = this.#waiting.map(({ client }) => client);
    return all.find(({ hasPassword }) => hasPassword !== true) ?? all[0]!;
  }

  #line(number: number, line: ClientLine): void {
    const connection = this.#connections.get(number);
    if (connection === undefined) return; // it is being closed
    connection.heardMs = this.#nowMs;
    connection.askedMs = null;
    const { client } = connection;
    if (!client.isRegistered) return this.#register(connection, line);
    this.#refuseReady();
    const message = parseIrc(textIn(line) ?? "");
    if (typeof line !== "string" && "bytes" in line) this.#overlong(client, line);
    else if (message === null) return; // it has no answer that a client would understand
    else if (typeof line === "string" || message.command === "QUIT") this.#command(client, message);
    else {
      client.answering(message.tags.get("label"), () => {
        const text = "Nothing was done: that isn't UTF-8; set your client's encoding to it";
        client.fail(message.command, "INVALID_UTF8", text);
        return "now";
      });
    }
  }

  #overlong(client: IrcClient, line: Extract<ClientLine, { readonly bytes: number }>): void {
    if (line.isUnended) {
      if (line.bytes > OVERLONG_BYTES_MAX) this.#close(client, "A line is too long");
      return;
    }
    client.reply("417", "Nothing was done: the line is too long");
  }

  // Coming in.

  #register(connection: Connection, line: ClientLine): void {
    const { client } = connection;
    const registered = this.#registration.line(client, line, this.#nowMs);
    switch (registered.type) {
      case "waits":
        return;
      case "in":
        return this.#letIn(connection);
      case "closed":
        return this.#close(client, registered.reason);
      case "cut":
        this.#effects.push({ type: "cut", client: client.number });
        this.#forget(client.number);
    }
  }

  #letIn(connection: Connection): void {
    const { client } = connection;
    if (this.#registered !== null) return this.#contest(connection, this.#registered);
    client.isRegistered = true;
    this.#registered = connection;
    this.#refuseReady();
    this.#talk.choice.forget();
    this.#receipts.begin();
    this.#unread.clear();
    const own = this.#rooms.selfNick;
    client.nick = own === "*" ? client.wantedNick! : own;
    sendWelcome(client, this.#ports.version);
    const { selfAway } = this.#rooms;
    if (selfAway !== null) this.#change(client, { type: "self away", away: selfAway });
    for (const room of this.#rooms.all) {
      if (room.channel !== null) this.#change(client, { type: "entered", room });
    }
    if (!this.#rooms.all.some(({ channel }) => channel !== null)) {
      const text = this.#rooms.kind === "directory"
        ? "You aren't logged in yet: log in at the console, and the channel comes"
        : "The program isn't in a room yet: its channel comes as soon as it is";
      sendService(client, "NOTICE", client.nick, [text], this.#time);
    }
    if (!client.has("draft/chathistory")) this.#replay(client);
    this.#askAgain(client);
  }

  /** One at a time: a client that hangs is no obstacle to the user's next one. */
  #contest(connection: Connection, registered: Connection): void {
    if (this.#isBehind) return this.#refuse(connection.client, CLIENT_BEHIND);
    if (connection.readyMs !== null) return;
    connection.readyMs = this.#nowMs;
    registered.askedMs ??= this.#nowMs;
    this.#ask(registered.client);
  }

  /** Whether what the one that is in has sent isn't all said yet. */
  get #isBehind(): boolean {
    return this.#registered !== null && this.#ports.isBehind(this.#registered.client.number);
  }

  /** What the user was asked before the client came, and is still to answer. */
  #askAgain(client: IrcClient): void {
    for (const event of this.#questions.unanswered(this.#receipts.shownId)) {
      this.#show(client, event, { partner: this.#partners.of(event.fields) }, this.#time);
    }
  }

  /** What was said while no client was there, or none that has surely been shown it. */
  #replay(client: IrcClient): void {
    const { shownId } = this.#receipts;
    const missed = this.#said().filter((said) => said.id > shownId && this.#isNew(said));
    const shown = lastOfEach(missed, REPLAYED_MAX);
    const left = missed.length - shown.length;
    const isWhole = this.#ports.wholeFrom() <= shownId + 1;
    if (left > 0 || !isWhole) {
      sendService(client, "NOTICE", client.nick, [leftOut(left, isWhole)], this.#time);
    }
    for (const [target, said] of Map.groupBy(shown, ({ target }) => target)) {
      sendHistory(client, target, said);
    }
  }

  /** Whether no client was shown it before the program was started. */
  #isNew({ identity }: Said): boolean {
    return identity === null || !this.#ports.wasShown(identity);
  }

  /** What clients have surely been shown is kept for the next run of the program. */
  #keep(): void {
    const { shownId } = this.#receipts;
    if (shownId === this.#keptId) return;
    const fresh = this.#said().filter(({ id }) => id > this.#keptId && id <= shownId);
    const shown = fresh.flatMap(({ identity }) => identity ?? []);
    this.#keptId = shownId;
    this.#keptMs = this.#nowMs;
    if (shown.length > 0) this.#effects.push({ type: "keep", shown });
  }

  /** All that is kept of what was said: read once between two events, as a client may ask for thousands of pages. */
  #said(): readonly Said[] {
    const reader = new SaidReader(this.#rooms);
    return this.#saidNow ??= this.#ports.events().flatMap((event) => reader.read(event) ?? []);
  }

  /** What was said in rooms before their channels were known. */
  #early(changes: readonly Change[]): readonly Said[] {
    return changes.flatMap((change) => {
      if (change.type !== "entered") return [];
      const { room } = change;
      const since = this.#ports.events().findLast(({ fields }) =>
        fields["event"] === "ready" && this.#rooms.roomOf(fields) === room
      );
      return this.#said().filter((said) =>
        said.id > (since?.id ?? 0) && said.target === room.channel && this.#isNew(said)
      );
    });
  }

  // What a client asks.

  #command(client: IrcClient, message: IrcMessage): void {
    const context: IrcContext = {
      ...{ client, rooms: this.#rooms, talk: this.#talk, version: this.#ports.version },
      time: this.#time,
      run: (command, pending) => this.#run(command, pending),
      said: () => this.#said(),
      commands: this.#ports.commands,
      awaits: (kind) => this.#pending.awaits(client.number, kind),
      answered: (token) => this.#answered(client, token),
      quit: () => this.#quit(client),
    };
    client.answering(message.tags.get("label"), () => runCommand(context, message));
  }

  #answered(client: IrcClient, token: string): void {
    client.answersPings = true;
    this.#receipts.answered(token);
    for (const [question, sent] of this.#unread) {
      if (sent !== token) continue;
      this.#unread.delete(question);
      this.#wasAsked(client, question, true);
    }
  }

  #wasAsked({ number }: IrcClient, question: string, isWhole: boolean): void {
    this.#effects.push({ type: "asked", client: number, question, isWhole });
  }

  #quit(client: IrcClient): void {
    this.#receipts.left(this.#lastId);
    const place = this.#place;
    this.#close(client, place === null ? "Goodbye" : `Goodbye: you are still in ${place}`);
  }

  /** Why the client is left by the program. */
  get #ending(): string {
    const place = this.#place;
    return place === null ? "The program ends" : `The program ends, and leaves ${place}`;
  }

  /** Where the user is, in words; null: nowhere. */
  get #place(): string | null {
    const { length } = this.#rooms.all;
    return length === 0 ? null : length > 1 ? "all your rooms" : `the ${placeWord(this.#rooms)}`;
  }

  #run(command: string | Fields, pending: Pending): void {
    const { client, questions = [] } = pending;
    this.#effects.push({
      type: "run",
      command,
      ref: this.#pending.add(pending),
      client,
      questions,
    });
  }

  // What the program shows.

  #event(event: DoorEvent): void {
    const { fields } = event;
    this.#lastId = event.id;
    this.#saidNow = null;
    const ref = maybeText(fields, "ref");
    const pending = this.#pending.get(ref);
    const client = this.#registered?.client ?? null;
    const changes = this.#told(this.#changes(fields, pending), fields, pending);
    const said = this.#reader.read(event);
    const partner = this.#partners.of(fields);
    const time = maybeText(fields, "at") ?? this.#time;
    this.#askTitles();
    this.#keepName(fields, pending);
    this.#questions.take(event);
    this.#talk.take(fields, client, time);
    if (pending?.kind === "call" && fields["event"] === "error") {
      this.#talk.notCalled(client, time);
    }
    if (pending?.kind === "away" || pending?.kind === "nick") this.#pending.done(ref!);
    if (client === null) return;
    if (fields["event"] === "fatal") return this.#close(client, textOf(fields, "text"));
    if (said?.isEarlier === true && !this.#isNew(said)) return;
    const early = client.has("draft/chathistory") ? [] : this.#early(changes);
    const news = { pending, changes, said, early, partner };
    const show = () => this.#show(client, event, news, time);
    const label = pending?.client === client.number ? pending.label : undefined;
    if (client.answering(label, show) && label !== undefined) this.#pending.answered(ref!);
  }

  #show(
    client: IrcClient,
    { fields, lines }: DoorEvent,
    about: Pick<News, "partner"> & Partial<News>,
    time: string,
  ): Answered {
    const { commands } = this.#ports;
    const common = { client, rooms: this.#rooms, fields, lines, commands, time };
    const id = askedBy(fields)?.id;
    const shown = (window: string, isWhole: boolean) => {
      if (id === undefined) return;
      this.#talk.shown(id, window);
      this.#unread.delete(id);
      // A script that answers no `PING` has to be believed.
      const isRead = isWhole && !client.answersPings;
      this.#wasAsked(client, id, isRead);
      if (isRead || !isWhole) return;
      const token = `asked-${++this.#asks}`;
      this.#unread.set(id, token);
      dropOldest(this.#unread, QUESTIONS_MAX);
      client.send(ircMessage(SERVER, "PING", token));
    };
    const none = { pending: undefined, changes: [], said: null, early: [], shown };
    return sendNews({ ...none, ...about, ...common });
  }

  /** A client that says it is away, or back, is told so once for each time, whether that changes anything or not. */
  #told(
    changes: readonly Change[],
    { event }: Fields,
    pending: Pending | undefined,
  ): readonly Change[] {
    const client = this.#registered?.client.number ?? NO_CLIENT;
    if (!this.#pending.awaits(client, "away")) return changes;
    const others = changes.filter(({ type }) => type !== "self away");
    const isAnswer = event === "presence" && pending?.kind === "away";
    return isAnswer ? [...others, { type: "self away", away: this.#rooms.selfAway }] : others;
  }

  #changes(fields: Fields, pending: Pending | undefined): readonly Change[] {
    const isRefused = fields["event"] === "error" && pending?.client === NO_CLIENT &&
      pending.kind === "service";
    const changes = isRefused
      ? this.#rooms.withoutTitles()
      : this.#roomEvents.take(fields, this.#ports.wallMs());
    if (changes.some(({ type }) => type === "entered")) this.#talk.choice.forget();
    return changes;
  }

  /** A mesh's room has a title that no event tells by itself. */
  #askTitles(): void {
    if (!this.#rooms.awaitsTitles) {
      this.#hasAskedTitles = false;
      return;
    }
    if (this.#hasAskedTitles) return;
    this.#hasAskedTitles = true;
    const asked = { kind: "service", client: NO_CLIENT, target: "", label: undefined } as const;
    this.#run({ command: "rooms" }, asked);
  }

  /** Into a further room the program comes under the name of its start, whatever the client has chosen since. */
  #keepName(fields: Fields, pending: Pending | undefined): void {
    const rooms = this.#rooms;
    const { event } = fields;
    if (event === "renamed" && textOf(fields, "key") === rooms.selfKey) {
      rooms.isNameChosen = pending !== undefined;
    }
    const room = event === "ready" ? rooms.roomOf(fields) : undefined;
    if (room === undefined || textOf(fields, "name") === rooms.selfName) return;
    const client = this.#registered?.client.number ?? NO_CLIENT;
    const asked = { kind: "nick", client, target: rooms.selfNick, label: undefined } as const;
    this.#run(rooms.placed(room, { line: `/name ${rooms.selfName}` }), asked);
  }

  #change(client: IrcClient, change: Change): void {
    sendChange(client, this.#rooms, change, this.#time);
  }

  // Time.

  #tick(): void {
    for (const connection of [...this.#connections.values()]) {
      const { client, heardMs, askedMs, readyMs } = connection;
      if (!this.#connections.has(client.number)) continue; // it was closed for another one
      if (readyMs !== null && !client.isRegistered) {
        if (this.#nowMs - readyMs < ANSWER_MS_MAX || this.#registered === null) continue;
        this.#close(this.#registered.client, "No answer to PING");
      } else if (!client.isRegistered) {
        const isLate = this.#nowMs - client.sinceMs >= REGISTRATION_MS_MAX;
        if (isLate) this.#close(client, "Nobody has registered: PASS, NICK and USER come first");
        // Who has slept with this machine is asked before it is given up.
      } else if (askedMs !== null && this.#nowMs - askedMs >= PING_AFTER_MS) {
        this.#close(client, "No answer to PING");
      } else if (askedMs === null && this.#nowMs - heardMs >= PING_AFTER_MS) {
        connection.askedMs = this.#nowMs;
        this.#ask(client);
      } else if (this.#nowMs >= (this.#receipts.dueMs ?? Infinity)) {
        this.#ask(client);
      }
    }
    if (this.#nowMs - this.#keptMs >= KEEP_EVERY_MS) this.#keep();
  }

  #ask(client: IrcClient): void {
    client.send(ircMessage(SERVER, "PING", this.#receipts.ask(this.#lastId)));
  }
}

/** @param count How many of what is kept. @param isWhole Whether nothing that happened since is kept no more. */
function leftOut(count: number, isWhole: boolean): string {
  const way = "the console, or its history, has them";
  if (count === 0) return `Earlier messages may be left out here; ${way}`;
  return `${isWhole ? count : `At least ${count}`} earlier messages aren't shown again; ${way}`;
}
