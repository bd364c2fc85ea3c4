/**
 * The console of a mesh: one room or several, in one of which the user is. Lines go there; what others show is marked.
 * What only several rooms need is loaded with the second one.
 */

import { P2pchatError } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Invite } from "../../protocols/mesh/schema/rotations.ts";
import type { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import type { Session } from "../session/mode_session.ts";
import type { Bye } from "../session/run_mode.ts";
import type { InputHandler, InterruptCause, Place } from "../rendering/user_interface.ts";
import type { MeshMetering } from "../metrics/mesh_metering.ts";
import type { MeshOptions } from "./mesh_arguments.ts";
import type { ConsoleCommand, MeshCommandSink, RoomCommand, RoomSink } from "./mesh_commands.ts";
import type { MeshOwnEvent } from "./mesh_rendering.ts";
import type { OpenTogether } from "./mesh_rooms.ts";
import { OwnAway } from "./own_away.ts";
import { askedAlone, leavingText, namedRoom, searchOf } from "./room_asking.ts";
import { type ManyRooms, type MeshInterface, RoomInterface } from "./room_interface.ts";
import { RoomNumbers } from "./room_numbers.ts";

/** A room that is to be come into, with what it shares with others of this program. */
export interface RoomStart extends Session<MeshOwnEvent, RoomSink> {
  readonly ui: RoomInterface;
  readonly options: MeshOptions;
  readonly invite: Invite | null;
  /** Who has given the invite by words, and is verified once it is met; absent where nobody has. */
  readonly issuer?: PeerKey;
  /** The name with which to come in, where that isn't the profile's. */
  readonly as?: string;
  /** Those that run. */
  readonly hosts: Set<MeshHost>;
  /** Whether the console is in another room already. */
  readonly isFurther: boolean;
  readonly together: OpenTogether;
  /** With `--metrics`; of all rooms together. */
  readonly metering: MeshMetering | null;
}

/** Runs a room until the user leaves it. @throws {P2pchatError} The reason if it ends otherwise. */
type RunRoom = (ui: RoomInterface) => Promise<Bye>;

/** The room into which the user hasn't come. */
const OTHER_ROOM = "the other room";
/** Why lines wait that are entered after `/join`: they are for the room that it leads to. */
const JOINING = "joining the other room";
/** After `/search`: the answer comes before theirs. */
const SEARCHING = "looking through all rooms";

export class MeshConsole {
  /** By number. */
  readonly rooms: RoomInterface[] = [];
  readonly #numbers = new RoomNumbers();
  readonly #away = new OwnAway();
  hasSeveral = false;
  /** Whether the user has been in several: the prompt says in which from then on, also in the last one. */
  #wasInSeveral = false;
  current: RoomInterface;
  /** From `/join` until the room is there, or isn't: null while it is opened. */
  #joining: { room: RoomInterface | null; readonly ref: string | undefined } | null = null;
  #isSearching = false;
  #isLeaving = false;
  leavesSeveral = false;
  #isListening = false;
  #ended = Promise.withResolvers<Bye>();
  /** The words with which the user left. */
  #bye: Bye | null = null;
  #many: Promise<ManyRooms> | null = null;

  /** @param load Loads what only several rooms need. */
  constructor(readonly ui: MeshInterface, readonly load: () => Promise<ManyRooms>) {
    this.current = new RoomInterface(this, this.#numbers.take(), undefined);
    this.current.isIn = true; // or the program ends
  }

  /** A door has a place of its own: what is asked there doesn't lead the console to another room. */
  #isOfDoor(ref: string | undefined): boolean {
    return this.ui.isOfDoor?.(ref) ?? false;
  }

  /** Whether what is typed waits for the room to which a `/join` leads. */
  get #isTypedForOther(): boolean {
    return this.#joining !== null && !this.#isOfDoor(this.#joining.ref);
  }

  get hasOther(): boolean {
    return this.rooms.some((room) => room !== this.current && !room.isLeft);
  }

  #leaving(): void {
    this.#isLeaving = true;
    this.leavesSeveral ||= this.hasOther;
  }

  /** Those that the user came into, and hasn't left. */
  get #open(): readonly RoomInterface[] {
    return this.rooms.filter(({ isIn, isLeft }) => isIn && !isLeft);
  }

  /** Runs the first room, and those that the user joins, until none is left. @throws Why the last one ended. */
  async run(begin: RunRoom): Promise<Bye> {
    this.#begin(this.current, begin);
    try {
      return await this.#ended.promise;
    } finally {
      await (await this.#many)?.noted();
    }
  }

  /** Runs a further room, into which `/join` leads. */
  runFurther(ref: string | undefined, begin: RunRoom): void {
    if (this.#isLeaving) return;
    this.hasSeveral = true;
    const room = new RoomInterface(this, this.#numbers.take(), ref);
    if (this.#joining !== null) this.#joining.room = room;
    this.#begin(room, begin);
    this.#showPrompt();
  }

  #begin(room: RoomInterface, begin: RunRoom): void {
    this.rooms.push(room);
    this.rooms.sort((a, b) => a.number - b.number);
    begin(room).then(
      (bye) => this.#gone(room, bye),
      (error) => {
        if (error instanceof P2pchatError) this.#gone(room, error);
        else this.#ended.reject(error);
      },
    ).catch((error) => this.#ended.reject(error));
  }

  /** A room has ended; the others go on. */
  #gone(room: RoomInterface, ending: Bye | P2pchatError): void {
    const isError = ending instanceof P2pchatError;
    this.rooms.splice(this.rooms.indexOf(room), 1);
    this.#numbers.giveBack(room.number, room.isIn);
    if (!isError && (this.#bye === null || room === this.current)) this.#bye = ending;
    const first = this.#open[0] ?? this.rooms[0];
    if (first === undefined) {
      return isError ? this.#ended.reject(ending) : this.#ended.resolve(this.#bye ?? ending);
    }
    const wasJoining = this.#joining?.room === room;
    if (isError || !this.#isLeaving) this.#tellGone(room, ending, wasJoining);
    if (!this.#isLeaving) this.#setAside(room, wasJoining);
    if (wasJoining) this.#joined();
    this.#note();
    if (this.current === room && first.isIn) return this.#goTo(first, undefined);
    room.tellNext?.();
    this.#showPrompt();
  }

  /** What was typed for a room that has ended isn't said in another one. */
  #setAside(room: RoomInterface, wasJoining: boolean): void {
    if (wasJoining) return this.#isTypedForOther ? this.#giveUpTyped(OTHER_ROOM) : undefined;
    // What is typed after a `/join` is for that room.
    if (room === this.current && !this.#isTypedForOther) this.#giveUpTyped(`#${room.name}`);
    else if (room.typed !== "") this.ui.draft?.setAside(`#${room.name}`, room.typed);
  }

  #giveUpTyped(whose: string): void {
    this.ui.giveUpWaiting();
    this.ui.draft?.setAside(whose);
  }

  #tellGone(room: RoomInterface, ending: Bye | P2pchatError, wasJoining: boolean): void {
    const ref = wasJoining ? room.ref : undefined;
    const place: Place = { room: room.room, label: wasJoining ? null : room.name };
    const { number, open } = room;
    const isError = ending instanceof P2pchatError;
    if (isError) {
      // The reason advises as for a program that ends, unless a room goes on in which /join can be typed.
      const text = this.#isLeaving
        ? ending.message
        : ending.message.replace(/\bwith (?=--(?:new|room)\b)/g, "with /join ");
      this.ui.show({ event: "error", code: ending.code, text }, ref, place);
    }
    if (!isError && wasJoining) {
      return this.ui.show({ event: "notice", text: "You haven't joined it" }, ref, place);
    }
    if (wasJoining || this.#isLeaving) return;
    const reason = isError ? ending.code : ending.reason;
    const parted = { event: "parted", number, title: open?.title ?? null, reason } as const;
    const { room: id } = place;
    this.ui.show(parted, isError ? undefined : ending.ref, { room: id, label: null });
  }

  // What rooms set, and what is shown of it.

  listen(room: RoomInterface): void {
    this.#joinedIf(room);
    if (this.#isListening) return;
    this.#isListening = true;
    const handler: InputHandler<MeshCommandSink> = {
      target: Object.assign(
        (command: RoomCommand | ConsoleCommand, ref: string | undefined) =>
          this.#command(command, ref),
        { hasOther: () => this.hasOther },
      ),
      ended: () => {
        this.#leaving();
        for (const room of [...this.rooms]) {
          if (room.handler === null) room.leave("interrupt");
          else room.handler.ended();
        }
      },
      interrupted: (cause) => this.#interrupted(cause),
      answer: (show) => {
        const { handler } = this.current;
        if (handler?.answer === undefined) show();
        else handler.answer(show);
      },
      brokenOff: () => {
        const told = this.#open.map(({ handler }) => handler?.brokenOff?.() ?? null);
        return told.find((text) => text !== null) ?? null;
      },
      pasted: (line) => this.current.handler?.pasted?.(line) ?? false,
      goTo: (number) => {
        const room = this.#open.find((each) => each.number === number);
        if (room !== undefined) this.#goFrom(room);
      },
      goToUnseen: () => this.#goToUnseen(),
    };
    this.ui.listen(handler);
  }

  heedInterrupts(): void {
    if (this.hasSeveral) return; // done by the first room
    this.ui.heedInterrupts((cause) => this.#interrupted(cause));
  }

  #interrupted(cause: InterruptCause): boolean {
    const joining = this.#joining?.room ?? null;
    // Ctrl+C withdraws what the user waits for.
    if (cause === "interrupt" && joining !== null && this.ui.interactive && this.hasOther) {
      joining.leave(cause);
      return false;
    }
    this.#leaving();
    for (const room of [...this.rooms]) room.leave(cause);
    return true;
  }

  changed(room: RoomInterface, what: "prompt" | "names" | "progress" | "pause"): void {
    if (what === "pause") return this.#tellPause();
    if (what === "progress") return this.#showProgress();
    if (room !== this.current) return;
    if (what === "prompt") this.#showPrompt();
    else this.ui.setNames(room.names, room.namesAway);
  }

  #showPrompt(): void {
    const { prompt, name } = this.current;
    if (prompt === null) return;
    const { text, self } = prompt;
    this.ui.setPrompt(this.hasOther || this.#wasInSeveral ? `${text} #${name}` : text, self);
  }

  #showProgress(): void {
    const { progressText } = this.current;
    if (progressText !== null || !this.hasOther) return this.ui.progress(progressText);
    const other = this.rooms.find((room) => room.progressText !== null);
    this.ui.progress(other === undefined ? null : `#${other.name}: ${other.progressText}`);
  }

  /** Scripts may address any room: where one takes no more lines, none is run. */
  #tellPause(): void {
    const heeded = this.ui.interactive ? [this.current] : this.rooms;
    const paused = heeded.find(({ pausedBecause }) => pausedBecause !== null);
    const joining = this.#joining === null ? null : JOINING;
    const searching = this.#isSearching ? SEARCHING : null;
    this.ui.pauseInput(joining ?? searching ?? paused?.pausedBecause ?? null);
  }

  entering(room: RoomInterface): void {
    room.isIn = true;
    if (!this.#isOfDoor(room.ref)) this.current = room;
  }

  entered(room: RoomInterface): void {
    this.#wasInSeveral = true;
    this.#goTo(room, room.ref);
    this.#joinedIf(room);
  }

  /** Lines that waited for a room run once it takes them. */
  #joinedIf(room: RoomInterface): void {
    if (this.#joining?.room !== room || !room.isIn || room.handler === null) return;
    this.#away.cameInto(room);
    this.#joined();
  }

  #joined(): void {
    this.#joining = null;
    this.#tellPause();
  }

  /**
   * What is typed goes to this room from now on, where it was asked for.
   * @param from The room that the user parts from, if so: the line that it was left comes before that of the next one.
   */
  #goTo(room: RoomInterface, ref: string | undefined, from: RoomInterface | null = null): void {
    const isOfDoor = this.#isOfDoor(ref);
    if (!isOfDoor) this.current = room;
    this.#note();
    const { number, open, unseen, typed } = room;
    if (!isOfDoor) room.unseen = 0;
    const tell = () => {
      // A user who leaves all rooms isn't led from one to the other meanwhile.
      if (this.#isLeaving || from !== null && this.current !== room) return;
      this.ui.show({ event: "room", number, title: open?.title ?? null, unseen }, ref, room);
    };
    if (from === null) tell();
    else from.tellNext = tell;
    this.#showPrompt(); // also where another room has come that is called as this one
    if (isOfDoor) return;
    if (typed !== "" && this.ui.draft?.putBack(typed) === true) room.typed = "";
    this.ui.setNames(room.names, room.namesAway);
    this.#showProgress();
    this.#tellPause();
  }

  /** By a key: what was being typed stays behind. */
  #goFrom(room: RoomInterface): void {
    if (room === this.current) return;
    // Lines that wait are for the room where they were entered, or for the one that is being joined.
    if (!this.#isTypedForOther) this.ui.giveUpWaiting();
    this.current.typed = this.ui.draft?.take() ?? "";
    this.#goTo(room, undefined);
  }

  /** To the next room, by number, in which others have said something meanwhile. */
  #goToUnseen(): void {
    const unseen = this.#open.filter((room) => room !== this.current && room.unseen > 0);
    const next = unseen.find(({ number }) => number > this.current.number) ?? unseen[0];
    if (next !== undefined) return this.#goFrom(next);
    if (this.hasOther) this.ui.show({ event: "notice", text: "Nothing new in the other rooms" });
  }

  #note(): void {
    if (!this.#isLeaving) void this.#many?.then((many) => many.note());
  }

  // Commands.

  #command(command: RoomCommand | ConsoleCommand, ref: string | undefined): void {
    switch (command.command) {
      case "join":
        return this.#join(command.where, ref);
      case "rooms":
        return this.#list(this.current, ref);
      case "room":
        return this.#goTo(namedRoom(this.#open, command.which), ref);
      case "part":
        return this.#part(this.current, ref);
      case "quit":
        return this.#quit(command, ref);
      case "in":
        return this.#in(command.room, command.asked, ref);
      case "presence":
        return this.#away.tell(command, this.#open, this.current, ref);
      case "search":
        return this.#search(command.text, ref);
      case "history":
        this.#tellWhere(command);
    }
    this.current.handler?.target(command, ref);
  }

  #list(current: RoomInterface, ref: string | undefined): void {
    this.#withMany(ref, (many) => many.list(current, ref));
  }

  #search(text: string, ref: string | undefined): void {
    const rooms = this.#open.filter(({ handler }) => handler !== null);
    if (rooms.length < 2) return this.current.handler?.target(searchOf(text), ref);
    this.#isSearching = true;
    this.#tellPause();
    this.#withMany(ref, (many) =>
      many.search(rooms, text, ref).finally(() => {
        this.#isSearching = false;
        this.#tellPause();
      }));
  }

  /** Scripts see it by the field `room`. */
  #tellWhere(command: Extract<RoomCommand, { command: "history" }>): void {
    const text = askedAlone(command, this.current);
    if (text === null || !this.hasOther || !this.ui.interactive) return;
    this.ui.show({ event: "notice", text });
  }

  #quit(command: Extract<RoomCommand, { command: "quit" }>, ref: string | undefined): void {
    this.#leaving();
    const { current } = this;
    if (this.hasOther && this.ui.interactive) {
      const text = leavingText(this.#open.map(({ name }) => `#${name}`));
      this.ui.show({ event: "notice", text });
    }
    for (const room of [...this.rooms]) if (room !== current) room.leave("interrupt");
    current.handler?.target(command, ref);
  }

  #in(id: string, asked: RoomCommand | ConsoleCommand, ref: string | undefined): void {
    const isOfConsole = asked.command === "join" || asked.command === "room" ||
      asked.command === "quit" || asked.command === "in";
    if (isOfConsole) return this.#command(asked, ref);
    const room = this.rooms.find((each) => each.room === id && each.handler !== null);
    if (asked.command === "rooms") return this.#list(room ?? this.current, ref);
    if (room === undefined) {
      const text = "You aren't in that room now: /rooms shows yours, /join opens one";
      throw new P2pchatError("usage", text);
    }
    if (asked.command === "part") return this.#part(room, ref);
    if (asked.command === "search") return room.handler!.target(searchOf(asked.text), ref);
    if (asked.command === "presence") return this.#away.tell(asked, this.#open, room, ref);
    room.handler!.target(asked, ref);
  }

  #join(where: string, ref: string | undefined): void {
    this.#joining = { room: null, ref };
    this.#tellPause();
    this.#withMany(ref, (many) => {
      try {
        many.join(where, ref);
      } finally {
        if (this.#joining?.room === null) {
          if (this.#isTypedForOther) this.#giveUpTyped(OTHER_ROOM);
          this.#joined();
        }
      }
    });
  }

  /** The user goes to another room at once; this one says its farewells meanwhile. */
  #part(room: RoomInterface, ref: string | undefined): void {
    if (room.isLeft) return;
    room.isLeft = true;
    const [next] = this.#open;
    if (room === this.current && next !== undefined) {
      if (this.#isOfDoor(ref)) this.#setAside(room, false); // it was typed for this one
      this.#goTo(next, undefined, room);
    }
    room.handler?.target({ command: "quit" }, ref);
  }

  /** Loads what several rooms need; lines that follow wait until it is there, and has done its work. */
  #withMany(ref: string | undefined, work: (many: ManyRooms) => void | Promise<void>): void {
    this.#many ??= this.load();
    this.#many.then(work).catch((error) => {
      if (!(error instanceof P2pchatError)) return this.#ended.reject(error);
      this.ui.show({ event: "error", code: error.code, text: error.message }, ref);
    });
  }
}
