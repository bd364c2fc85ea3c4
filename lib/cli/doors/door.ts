/** What a door is to the program, and the program to a door. */

import type { CommandTable } from "../commands/commands.ts";
import type { Begun, OpenQuestions } from "../commands/open_questions.ts";
import type { DoorLine } from "./door_lines.ts";

/** An event as `--json` prints it. */
export interface DoorEvent {
  /** Counts up from 1 in this run of the program; what isn't for this door leaves gaps. */
  readonly id: number;
  /** `event`, `at`, its own fields, `room` and `ref` as there; `ref` only where it answers what this door asked. */
  readonly fields: DoorFields;
  /** How people read it; none for what only programs need. */
  readonly lines: readonly DoorLine[];
}

type DoorFields = Readonly<Record<string, unknown>>;

/** One more place where the user reads and types, beside the console. It must not throw: one that does is dropped. */
export interface Door {
  /** Called for each event, in order, while `ready()` is null. Not for those that were there before it was attached. */
  shown(event: DoorEvent): void;
  /** Null while more events are welcome. One that leaves 5,000 events or 8 MiB waiting is dropped. */
  ready?(): Promise<void> | null;
  /** Lines wait, for that reason; null: they are run again. */
  paused?(reason: string | null): void;
  /** The prompt is another one: see `DoorHost.prompt`. */
  prompted?(): void;
  /** As `UserInterface.progress`. */
  progress?(text: string | null): void;
  /** The program ends, or the door was dropped. Idempotent. */
  close(): Promise<void>;
}

/**
 * What is asked for through a door: a line as if it were typed, or an object as `--json` takes it; or an object with a
 * `line`, and the `room` that it is for.
 */
export type DoorCommand = string | DoorFields;

/** The program, as a door sees it. */
export interface DoorHost {
  /** The events for this door that are still kept, the oldest first: see `KeptEvents`. */
  readonly events: readonly DoorEvent[];
  /** The number of the last event, for whomever it was; 0: there was none. */
  readonly lastId: number;
  /** From that number on all events are still kept, but for answers, which go first; some of those before it are, too. */
  readonly wholeFrom: number;
  /** As `events`, of those after that number, of which no more than `max` are looked at. `last`: that looked at last. */
  after(id: number, max: number): { readonly events: readonly DoorEvent[]; readonly last: number };
  /**
   * Runs a command once it is its turn. What answers it carries `ref`, any text of the door's own. Whoever leaves more than
   * `COMMANDS_WAITING_MAX` waiting is answered by an error `full`.
   * @param begun How things stood where it was typed, when that began: `questions` has a view for each such place. Absent:
   *   it answers nothing there.
   */
  run(command: DoorCommand, ref: string, begun?: Begun): void;
  /** What waits for the user's answer. */
  readonly questions: Pick<OpenQuestions, "view" | "waiting">;
  /** The number of the event that asks that, while it is open; null: none does. */
  askedBy(question: string): number | null;
  /**
   * Null: more may be done for those at the door now; to be asked before each thing that may take long, such as an answer
   * from all that is kept. Otherwise to be asked again once that resolves: the rest of the program has had its time by
   * then, and fewer commands wait. A door that can't keep its clients waiting may do without.
   */
  ready(): Promise<void> | null;
  /** For help and completion. */
  readonly commands: CommandTable<never>;
  /** For completion: those who are here, then others that are known. There may be thousands. */
  names(): readonly string[];
  /** Who and where the user is, as before `> `; `self` as in `UserInterface.setPrompt`. */
  prompt(): { readonly text: string; readonly self: string | null };
  /** Why lines wait; null: they don't. */
  readonly pausedBecause: string | null;
  /** The door can't go on: it is closed, and the user told. @param reason A sentence without a full stop. */
  failed(reason: string): void;
}
