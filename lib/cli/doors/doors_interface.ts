/**
 * The user interface of a program that has doors: the console, the pipe or the JSON lines, and beside it a page or a
 * client of another program. Whatever is said, and whatever changes for all, is shown everywhere; an answer only where
 * it was asked for. One door that fails, or falls behind, costs the others nothing.
 */

import { P2pchatError } from "../../base/errors.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { HelpEvent } from "../args/help_text.ts";
import type { CommandTable } from "../commands/commands.ts";
import { OpenQuestions } from "../commands/open_questions.ts";
import { askedBy, settledBy } from "../commands/question_kinds.ts";
import type {
  Advice,
  Attention,
  CommonEvent,
  Dialogue,
  Draft,
  Expansion,
  InputHandler,
  InterruptCause,
  KeptLines,
  Mode,
  Place,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import { unitsOf } from "../streams/output_queue.ts";
import type { Door, DoorEvent, DoorHost } from "./door.ts";
import { DoorInput } from "./door_input.ts";
import { type DoorRendering, doorRendering } from "./door_lines.ts";
import { audienceOf, kindOf } from "./event_audience.ts";
import { KeptEvents, type Kind } from "./kept_events.ts";
import { TimeShare } from "./time_share.ts";

/** A longer answer is no use to a page or a client: 4 MiB at two bytes a unit. */
const EVENT_UNITS_MAX = 2_097_152;

/** What begins the refs of what doors ask, followed by the door's number: no script has it by chance. */
const REF_START = `door ${crypto.randomUUID()} `;

/** The ref of what answers a command that was typed at the console: it is for that alone, also where it comes late. */
const TYPED_REF = `terminal ${crypto.randomUUID()}`;

interface Attached {
  /** How the user is told of it, at the start of a sentence: `The page`. */
  readonly name: string;
  readonly refStart: string;
  /** Null until it is open. */
  door: Door | null;
  /** The last event that it was shown, or that was there before it. */
  lastId: number;
  isWaiting: boolean;
  isClosed: boolean;
}

interface Kept {
  /** Whose command it answers; null: that of no door. */
  readonly asker: Attached | null;
  forAsker: DoorEvent | null;
  forOthers: DoorEvent | null;
  readonly kind: Kind;
  readonly units: number;
  readonly asks: string | null;
  readonly settles: string | null;
}

export class DoorsInterface<Event extends ShownEvent, Target>
  implements UserInterface<Event, Target> {
  readonly keepIn: UserInterface<Event, Target>["keepIn"];
  readonly #first: UserInterface<Event, Target>;
  readonly #commands: CommandTable<Target>;
  readonly #wallMs: () => number;
  readonly #questions: OpenQuestions;
  readonly #share: TimeShare;
  readonly #input: DoorInput<Target>;
  readonly #kept = new KeptEvents<Kept>();
  /** As many as there are flags for doors. */
  readonly #doors = new Set<Attached>();
  #count = 0;
  #names: () => readonly string[] = () => [];
  #away: () => readonly string[] = () => [];
  #prompt: ReturnType<DoorHost["prompt"]> = { text: "", self: null };
  #pausedBecause: string | null = null;
  #render: DoorRendering = () => [];
  #isReady = false;
  /** Whether a line that was typed at the terminal is being run. */
  #isRunningTyped = false;
  /** What is told once the first line is out, which some readers read alone; one for each door. */
  #untold: CommonEvent[] = [];
  /** How the doors are used, which nobody finds again that has scrolled away. */
  readonly #uses: CommonEvent[] = [];

  /** @param first Where the user would be without doors: the console, as a rule. */
  constructor(
    first: UserInterface<Event, Target>,
    mode: Pick<Mode<Event, Target>, "commands" | "questions">,
    wallMs: () => number,
    share: TimeShare = new TimeShare(),
  ) {
    this.#first = first;
    this.#commands = mode.commands;
    this.#wallMs = wallMs;
    this.#share = share;
    this.keepIn = first.keepIn?.bind(first);
    this.#questions = mode.questions ?? new OpenQuestions();
    this.#input = new DoorInput(mode.commands, this.#questions, share, {
      answer: (event, ref) => this.#keep(event, ref),
      ready: () => first.ready(),
    });
  }

  /**
   * Opens a door. It is shown what comes from now on; what was before it finds in `host.events`.
   * @param name How the user is told of it: `The page`.
   * @throws What `open` throws.
   */
  async attach(name: string, open: (host: DoorHost) => Door | Promise<Door>): Promise<void> {
    const attached: Attached = {
      ...{ name, door: null, lastId: 0, isWaiting: false, isClosed: false },
      refStart: `${REF_START}${++this.#count} `,
    };
    attached.door = await open(this.#hostFor(attached));
    attached.lastId = this.#kept.lastId;
    if (attached.isClosed) await attached.door.close(); // it has failed meanwhile
    else this.#doors.add(attached);
  }

  /** How doors draw what comes, and what is kept: once, before the first is opened. */
  renderBy(render: Mode<Event, Target>["render"]): void {
    this.#render = doorRendering(render, this.#commands, this.#wallMs);
    for (const { event } of this.#kept.all) {
      const { forAsker, forOthers } = event;
      const lines = this.#render((forOthers ?? forAsker)!.fields, this.#prompt.self);
      if (forAsker !== null) event.forAsker = { ...forAsker, lines };
      if (forOthers !== null) event.forOthers = { ...forOthers, lines };
    }
  }

  /** Tells the console how a door is used, once the program is ready. */
  announce(event: CommonEvent): void {
    if (audienceOf(event, false) === "console") this.#uses.push(event);
    if (this.#isReady) this.show(event as Event | CommonEvent);
    else this.#untold.push(event);
  }

  /** The program ends: doors see why, and are closed. @param error Null: as the user asked, which they know. */
  async closeDoors(error: P2pchatError | null): Promise<void> {
    if (error !== null) {
      const fatal = { event: "fatal", code: error.code, text: error.message };
      this.#keep(fatal, undefined);
    }
    this.#input.forget();
    const closing = [...this.#doors].map((attached) => this.#close(attached));
    await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, Promise.all(closing));
  }

  failing(error: P2pchatError): Promise<void> {
    return this.closeDoors(error);
  }

  #hostFor(attached: Attached): DoorHost {
    const events = () => this.#kept.all.flatMap(({ event }) => eventFor(attached, event) ?? []);
    const lastId = () => this.#kept.lastId;
    const wholeFrom = () => this.#kept.wholeFrom;
    const pausedBecause = () => this.#pausedBecause;
    return {
      get events() {
        return events();
      },
      get lastId() {
        return lastId();
      },
      get wholeFrom() {
        return wholeFrom();
      },
      after: (id, max) => {
        const kept = this.#kept.after(id, max);
        const last = kept.length < max ? this.#kept.lastId : kept.at(-1)!.id;
        const found = kept.flatMap(({ event }) => eventFor(attached, event) ?? []);
        return { events: found, last };
      },
      run: (command, ref, begun) => {
        if (!attached.isClosed) this.#input.add(attached, command, attached.refStart + ref, begun);
      },
      questions: this.#questions,
      askedBy: (question) => this.#kept.askedBy(question),
      ready: () => this.#share.ready() ?? this.#input.ready(attached),
      commands: this.#commands,
      names: () => [...this.#names(), ...this.#away()],
      prompt: () => this.#prompt,
      get pausedBecause() {
        return pausedBecause();
      },
      failed: (reason) => this.#drop(attached, reason),
    };
  }

  show(event: Event | CommonEvent, given?: string, place?: Place): void {
    const isAnswer = given !== undefined || (this.#isRunningTyped && event.event === "error");
    const audience = audienceOf(event, isAnswer);
    const ref = given === TYPED_REF ? undefined : given;
    const asker = this.#askerOf(ref);
    if (asker === null) this.#first.show(event, ref, place);
    else if (audience !== "asker" && event.event !== "room") { // the console stays in its room
      this.#first.show(event, undefined, place);
    }
    if (audience === "all" || (audience === "asker" && asker !== null)) {
      this.#keep(event, ref, place);
    }
    if (event.event === "ready") this.#tellUntold();
    if (event.event === "status" && asker === null && this.interactive) {
      for (const use of this.#uses) this.#first.show(use);
    }
  }

  isOfDoor(ref: string | undefined): boolean {
    return this.#askerOf(ref) !== null;
  }

  showSaid(event: Event | CommonEvent, ref?: string): void {
    if (this.#askerOf(ref) !== null) this.#first.show(event);
    this.#keep(event, ref === TYPED_REF ? undefined : ref);
  }

  advise({ text, atDoors }: Advice, place?: Place): void {
    this.#first.show({ event: "notice", text }, undefined, place);
    if (atDoors === null) return;
    const notice: CommonEvent = { event: "notice", text: atDoors };
    this.#keep(notice, undefined, place);
  }

  #tellUntold(): void {
    this.#isReady = true;
    for (const event of this.#untold.splice(0)) this.show(event as Event | CommonEvent);
  }

  /** Shows it to the doors that it is for. */
  #keep(event: ShownEvent | HelpEvent, ref: string | undefined, place?: Place): void {
    const asker = this.#askerOf(ref);
    const isForOthers = audienceOf(event, ref !== undefined) === "all";
    const id = this.#kept.lastId + 1;
    const units = unitsOf(event);
    const shown = units > EVENT_UNITS_MAX ? TOO_LONG : event;
    const at = new Date(this.#wallMs()).toISOString();
    const room = place?.room ?? undefined;
    const more = room === undefined ? {} : { room };
    const fields = { ...Object.assign({ event: shown.event, at }, shown, more) };
    const lines = this.#render(fields, this.#prompt.self);
    const own = asker === null
      ? null
      : { id, fields: { ...fields, ref: ref!.slice(asker.refStart.length) }, lines };
    const forOthers = isForOthers ? { id, fields, lines } : null;
    const kind = isForOthers ? kindOf(event) : "answer";
    const questions = { asks: askedBy(event)?.id ?? null, settles: settledBy(event) };
    const kept = { asker, forAsker: own, forOthers, kind, ...questions };
    this.#kept.add({ ...kept, units: Math.min(units, EVENT_UNITS_MAX) });
    for (const attached of this.#doors) this.#pass(attached);
  }

  /** Whose command it answers; null: that of no door. */
  #askerOf(ref: string | undefined): Attached | null {
    if (ref === undefined || !ref.startsWith(REF_START)) return null;
    for (const attached of this.#doors) if (ref.startsWith(attached.refStart)) return attached;
    return GONE;
  }

  /** Shows the door what it hasn't been shown, as far as it keeps up. */
  #pass(attached: Attached): void {
    const { door } = attached;
    if (door === null || attached.isWaiting) return;
    try {
      while (!attached.isClosed && attached.lastId < this.#kept.lastId) {
        const wait = door.ready?.() ?? null;
        if (wait !== null) return this.#passLater(attached, wait);
        if (attached.lastId + 1 < this.#kept.wholeFrom) {
          return this.#drop(attached, "it has fallen too far behind");
        }
        const [kept] = this.#kept.after(attached.lastId, 1);
        attached.lastId = kept?.id ?? this.#kept.lastId;
        const event = kept === undefined ? null : eventFor(attached, kept.event);
        if (event !== null) door.shown(event);
      }
    } catch (error) {
      this.#dropFailed(attached, error);
    }
  }

  #passLater(attached: Attached, wait: Promise<void>): void {
    attached.isWaiting = true;
    wait.then(() => {
      attached.isWaiting = false;
      this.#pass(attached);
    }, (error) => this.#dropFailed(attached, error));
  }

  #tellAll(tell: (door: Door) => void): void {
    for (const attached of this.#doors) {
      try {
        if (attached.door !== null) tell(attached.door);
      } catch (error) {
        this.#dropFailed(attached, error);
      }
    }
  }

  #dropFailed(attached: Attached, error: unknown): void {
    this.#drop(attached, error instanceof Error ? error.message : String(error));
  }

  #drop(attached: Attached, reason: string): void {
    if (attached.isClosed) return;
    void this.#close(attached);
    const text =
      `${attached.name} is closed: ${reason}. Everything else goes on; start again to have it back`;
    this.show({ event: "notice", text, warning: true });
  }

  async #close(attached: Attached): Promise<void> {
    attached.isClosed = true;
    this.#doors.delete(attached);
    try {
      await attached.door?.close();
    } catch {
      // It is given up, and what it held goes with the process.
    }
  }

  // What the doors are told, too.

  listen(handler: InputHandler<Target>): void {
    const lineBegins = (isAtDoor?: boolean) => {
      const begun = handler.lineBegins?.(isAtDoor);
      return () => {
        begun?.();
        // An error that comes of it before anything else can happen answers it, also where it is no command.
        this.#isRunningTyped = true;
        queueMicrotask(() => this.#isRunningTyped = false);
      };
    };
    this.#first.listen({ ...handler, lineBegins, typedRef: TYPED_REF });
    this.#input.listen(handler);
  }

  setPrompt(text: string, self: string | null): void {
    this.#prompt = { text, self };
    this.#first.setPrompt(text, self);
    this.#tellAll((door) => door.prompted?.());
  }

  setNames(names: () => readonly string[], away?: () => readonly string[]): void {
    this.#names = names;
    this.#away = away ?? (() => []);
    this.#first.setNames(names, away);
  }

  progress(text: string | null): void {
    this.#first.progress(text);
    this.#tellAll((door) => door.progress?.(text));
  }

  pauseInput(reason: string | null): void {
    this.#pausedBecause = reason;
    this.#first.pauseInput(reason);
    this.#input.pause(reason !== null);
    this.#tellAll((door) => door.paused?.(reason));
  }

  giveUpWaiting(): void {
    this.#first.giveUpWaiting();
    this.#input.giveUpWaiting();
  }

  // What is the console's alone.

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#first.heedInterrupts(interrupted);
  }

  keepTyped(kept: KeptLines): void {
    this.#first.keepTyped(kept);
  }

  setExpansion(expansion: Expansion | null): void {
    this.#first.setExpansion(expansion);
  }

  ready(): Promise<void> | null {
    return this.#first.ready();
  }

  flush(): Promise<void> {
    return this.#first.flush();
  }

  written(): Promise<void> {
    return this.#first.written();
  }

  attend(attention: Attention): void {
    this.#first.attend(attention);
  }

  get draft(): Draft | null {
    return this.#first.draft;
  }

  get dialogue(): Dialogue | null {
    return this.#first.dialogue;
  }

  get interactive(): boolean {
    return this.#first.interactive;
  }

  get outputError(): P2pchatError | null {
    return this.#first.outputError;
  }

  async close(): Promise<void> {
    await this.closeDoors(null);
    await this.#first.close();
  }
}

/** Stands for doors that are gone: their answers are for nobody. */
const GONE: Attached = {
  ...{ name: "", refStart: REF_START, door: null, lastId: 0, isWaiting: false, isClosed: true },
};

const TOO_LONG = {
  event: "error",
  code: "too-long",
  text: "The answer is too long to be shown here: ask for less, or ask at the console",
} as const;

function eventFor(attached: Attached, { asker, forAsker, forOthers }: Kept): DoorEvent | null {
  return asker === attached ? forAsker : forOthers;
}
