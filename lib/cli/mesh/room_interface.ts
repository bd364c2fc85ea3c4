/**
 * The user interface as one room of the console has it. With one room it is that of the console; with several it marks
 * what the room shows, and keeps what the console shows only of the room that the user is in.
 */

import type { RoomId } from "../../base/ids.ts";
import { askedBy } from "../commands/question_kinds.ts";
import type { P2pchatError } from "../../base/errors.ts";
import { titleText } from "../../base/text/text.ts";
import { isSameTitle } from "../../base/text/words.ts";
import type {
  Advice,
  Attention,
  CommonEvent,
  InputHandler,
  InterruptCause,
  KeptLines,
  Place,
  UserInterface,
} from "../rendering/user_interface.ts";
import type { MeshCommandSink, RoomSink } from "./mesh_commands.ts";
import type { MeshOwnEvent } from "./mesh_rendering.ts";

export type MeshInterface = UserInterface<MeshOwnEvent, MeshCommandSink>;

/** What the console knows of a room that runs. */
interface OpenRoom {
  /** Null before it is known. */
  readonly id: RoomId | null;
  /** The user's own title for it. */
  readonly title: string | null;
}

/** The console, as its rooms see it. */
interface RoomsConsole {
  readonly ui: MeshInterface;
  readonly rooms: readonly RoomInterface[];
  /** Whether there are several rooms, or have been. */
  readonly hasSeveral: boolean;
  readonly current: RoomInterface;
  readonly hasOther: boolean;
  /** Whether several rooms are being left at once: none of them is the one that the user is in. */
  readonly leavesSeveral: boolean;
  /** A room takes input from now on, or may be left. */
  listen(room: RoomInterface): void;
  heedInterrupts(): void;
  /** What the room has set that is shown of the one that the user is in. */
  changed(room: RoomInterface, what: "prompt" | "names" | "progress" | "pause"): void;
  /** The room is about to show that it is ready. */
  entering(room: RoomInterface): void;
  entered(room: RoomInterface): void;
}

/** What the console does with several rooms. */
export interface ManyRooms {
  /** Begins to join. @throws {P2pchatError} Where that can't be begun. */
  join(where: string, ref: string | undefined): void;
  /** Looks for the text in all of these, and shows one answer. */
  search(rooms: readonly RoomInterface[], text: string, ref: string | undefined): Promise<void>;
  /** Notes on the disk which rooms are open, and in which the user is, for the next start. */
  note(): void;
  /** Resolves when that is done, or the user was told that it can't be. */
  noted(): Promise<void>;
  /** Shows all rooms of the profile. */
  /** @param current The room chosen where it was asked, at the console or at a door. */
  list(current: RoomInterface, ref: string | undefined): Promise<void>;
}

export class RoomInterface implements UserInterface<MeshOwnEvent, RoomSink>, Place {
  open: OpenRoom | null = null;
  handler: InputHandler<RoomSink> | null = null;
  /** Whether the user came in. */
  isIn = false;
  /** Whether the user has asked to leave it, and the console goes on. */
  isLeft = false;
  /** Tells in which room the user is now, once this one was left; null: there is nothing to tell. */
  tellNext: (() => void) | null = null;
  /** Messages of others since the user went to another room. */
  unseen = 0;
  /** What the user had typed, and not entered, when they went to another room. */
  typed = "";
  prompt: { readonly text: string; readonly self: string | null } | null = null;
  names: () => readonly string[] = () => [];
  namesAway: (() => readonly string[]) | undefined;
  progressText: string | null = null;
  pausedBecause: string | null = null;
  /** Answers that the console itself awaits, by the ref with which it asked: they aren't shown. */
  readonly awaited = new Map<string, (answer: MeshOwnEvent | CommonEvent) => void>();
  #interrupted: ((cause: InterruptCause) => boolean) | null = null;
  /** Why it is to be left, also before it can be; null: it isn't. */
  leftBecause: InterruptCause | null = null;

  /** @param ref Of the command with which the user came here. */
  constructor(
    readonly shared: RoomsConsole,
    readonly number: number,
    readonly ref: string | undefined,
  ) {}

  get room(): string | null {
    return this.open?.id ?? null;
  }

  get label(): string | null {
    const { current, leavesSeveral } = this.shared;
    return current === this && !leavesSeveral ? null : this.name;
  }

  /** How people are told of it: by its title, which another room of the console may have, too. */
  get name(): string {
    const title = this.open?.title ?? null;
    if (title === null) return String(this.number);
    const isShared = this.shared.rooms.some(({ isIn, open, number }) =>
      number !== this.number && isIn && isSameTitle(open?.title ?? null, title)
    );
    return `${titleText(title)}${isShared ? ` (${this.number})` : ""}`;
  }

  /** Leaves the room, at once or as soon as it can be left. */
  leave(cause: InterruptCause): void {
    this.leftBecause ??= cause;
    this.#interrupted?.(cause);
  }

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#interrupted = interrupted;
    this.shared.heedInterrupts();
    if (this.leftBecause !== null) interrupted(this.leftBecause);
  }

  listen(handler: InputHandler<RoomSink>): void {
    this.handler = handler;
    this.shared.listen(this);
  }

  show(event: MeshOwnEvent | CommonEvent, ref?: string): void {
    const { ui, hasSeveral } = this.shared;
    const answered = ref === undefined ? undefined : this.awaited.get(ref);
    if (answered !== undefined) return answered(event);
    if (hasSeveral) return this.#showPlaced(event, ref);
    // By the time of the answer there may be others.
    ui.show(event, ref, askedBy(event) === null ? undefined : this);
  }

  #showPlaced(event: MeshOwnEvent | CommonEvent, ref: string | undefined): void {
    const { ui } = this.shared;
    if (event.event === "ready" && !this.isIn) {
      this.shared.entering(this);
      ui.show(event, ref ?? this.ref, this);
      this.shared.entered(this);
      return;
    }
    const isElsewhere = this.shared.current !== this;
    if (isElsewhere && event.event === "message" && !event.self && !event.history) this.unseen += 1;
    // The room that the user is in says so; scripts are told by each.
    if (isElsewhere && ui.interactive && event.event === "presence" && event.self) return;
    ui.show(event, ref, this);
  }

  advise(advice: Advice): void {
    const { ui, hasSeveral } = this.shared;
    if (ui.advise !== undefined) ui.advise(advice, hasSeveral ? this : undefined);
    else this.show({ event: "notice", text: advice.text });
  }

  attend(attention: Attention): void {
    const { ui, hasOther } = this.shared;
    if (!hasOther) return ui.attend(attention);
    ui.attend({ ...attention, title: `${attention.title} in #${this.name}` });
  }

  setPrompt(text: string, self: string | null): void {
    this.prompt = { text, self };
    this.shared.changed(this, "prompt");
  }

  setNames(names: () => readonly string[], away?: () => readonly string[]): void {
    this.names = names;
    this.namesAway = away;
    this.shared.changed(this, "names");
  }

  progress(text: string | null): void {
    this.progressText = text;
    this.shared.changed(this, "progress");
  }

  pauseInput(reason: string | null): void {
    this.pausedBecause = reason;
    this.shared.changed(this, "pause");
  }

  // What is the console's.

  keepTyped(kept: KeptLines): void {
    this.shared.ui.keepTyped(kept);
  }

  setExpansion(): void {}

  get keepIn(): MeshInterface["keepIn"] {
    const { ui } = this.shared;
    return ui.keepIn?.bind(ui);
  }

  giveUpWaiting(): void {
    this.shared.ui.giveUpWaiting();
  }

  ready(): Promise<void> | null {
    return this.shared.ui.ready();
  }

  flush(): Promise<void> {
    return this.shared.ui.flush();
  }

  written(): Promise<void> {
    return this.shared.ui.written();
  }

  get draft(): MeshInterface["draft"] {
    return this.shared.ui.draft;
  }

  get dialogue(): MeshInterface["dialogue"] {
    return this.shared.ui.dialogue;
  }

  get interactive(): boolean {
    return this.shared.ui.interactive;
  }

  get outputError(): P2pchatError | null {
    return this.shared.ui.outputError;
  }

  /** The console is closed when the program ends. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
