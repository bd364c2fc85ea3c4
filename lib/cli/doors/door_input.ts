/** Runs what is asked for through doors, one after the other, on what the console's commands are run on. */

import { P2pchatError } from "../../base/errors.ts";
import { Fifo } from "../../base/collections/fifo.ts";
import { countText } from "../../base/text/words.ts";
import { type HelpEvent, helpEvent } from "../args/help_text.ts";
import type { CommandTable } from "../commands/commands.ts";
import type { Begun, OpenQuestions, QuestionsView } from "../commands/open_questions.ts";
import type { CommonEvent, InputHandler } from "../rendering/user_interface.ts";
import { CommandRunner } from "../streams/command_runner.ts";
import type { DoorCommand } from "./door.ts";
import type { TimeShare } from "./time_share.ts";

/** So many commands of one door may wait: more than a page sends at once; more is a program that doesn't look at the answers. */
export const COMMANDS_WAITING_MAX = 128;
/** A door that can keep what comes next waits while so many of its commands do: none of them is refused then. */
const COMMANDS_GIVEN_MAX = 16;

interface DoorInputPorts {
  /** Shows an answer that no machine gives. */
  answer(event: CommonEvent | HelpEvent, ref: string | undefined): void;
  /** As `UserInterface.ready`. */
  ready(): Promise<void> | null;
}

/** Who asks, by any value of its own. */
type Asker = unknown;

interface Waiting {
  readonly command: DoorCommand;
  readonly ref: string;
  readonly begun: Begun;
}

export class DoorInput<Target> {
  readonly #ports: DoorInputPorts;
  readonly #share: TimeShare;
  readonly #runner: CommandRunner<Target>;
  /** Has shown nothing. */
  readonly #unseeing: QuestionsView;
  /** What waits, of those of whom something does; whose turn is next comes first. */
  readonly #waiting = new Map<Asker, Fifo<Waiting>>();
  #handler: InputHandler<Target> | null = null;
  #paused: PromiseWithResolvers<void> | null = null;
  #isRunning = false;

  constructor(
    commands: CommandTable<Target>,
    questions: OpenQuestions,
    share: TimeShare,
    ports: DoorInputPorts,
  ) {
    this.#ports = ports;
    this.#share = share;
    this.#unseeing = questions.view({ hasPrompt: true, rest: () => "it wasn't shown here" });
    this.#runner = new CommandRunner(commands, false, {
      refuse: (error, ref) => this.#inOrder(() => ports.answer(errorEvent(error), ref)),
      help: (entries, ref) => this.#inOrder(() => ports.answer(helpEvent(entries), ref)),
      showFolded: () => {
        throw new P2pchatError("no-such-entry", "Nothing is folded here, only at a terminal");
      },
      clear: () => {
        throw new P2pchatError("usage", "Cannot clear the screen: only a terminal has one");
      },
      notice: () => {}, // lines are text here
      ready: () => ports.ready(),
    }, questions);
  }

  /** Commands are run from now on. */
  listen(handler: InputHandler<Target>): void {
    this.#handler = handler;
    this.#run();
  }

  pause(isPaused: boolean): void {
    if (isPaused) {
      this.#paused ??= Promise.withResolvers<void>();
    } else {
      this.#paused?.resolve();
      this.#paused = null;
    }
  }

  /** Runs a command when it is its turn, unless too many of its asker's wait. */
  add(
    asker: Asker,
    command: DoorCommand,
    ref: string,
    begun: Begun = this.#unseeing.unbegun,
  ): void {
    const waiting = this.#waiting.get(asker) ?? new Fifo<Waiting>();
    if (waiting.size >= COMMANDS_WAITING_MAX) {
      const text =
        `${countText(waiting.size, "command")} of yours wait already, and this one wasn't run: ` +
        "try again once they are through";
      return this.#ports.answer({ event: "error", code: "full", text }, ref);
    }
    waiting.push({ command, ref, begun });
    this.#waiting.set(asker, waiting);
    this.#run();
  }

  /**
   * Null: a command of that asker's may be given now; otherwise to be asked again once that resolves. While none is run
   * at all, as input is paused, more are taken, and refused beyond the bound: who asks has to be answered.
   */
  ready(asker: Asker): Promise<void> | null {
    if ((this.#waiting.get(asker)?.size ?? 0) < COMMANDS_GIVEN_MAX) return null;
    const isHeld = this.#handler === null || this.#wait() !== null;
    return isHeld ? null : this.#share.over();
  }

  /** What waits isn't run: it was meant for something that is gone. What says where it is meant for waits on. */
  giveUpWaiting(): void {
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (const [asker, waiting] of all) {
      for (const each of waiting) this.#giveUp(asker, each);
    }
  }

  #giveUp(asker: Asker, { command, ref, begun }: Waiting): void {
    if (typeof command !== "string" && command["room"] !== undefined) {
      return this.add(asker, command, ref, begun);
    }
    const text = "It wasn't run: it may have been meant for something else than what is there now";
    this.#ports.answer({ event: "error", code: "not-allowed", text }, ref);
  }

  /** Those who asked are gone: what waits isn't run. */
  forget(): void {
    this.#waiting.clear();
  }

  #run(): void {
    if (this.#isRunning || this.#handler === null) return;
    this.#isRunning = true;
    void this.#runAll(this.#handler); // rejects only for bugs, which end the program
  }

  async #runAll(handler: InputHandler<Target>): Promise<void> {
    while (this.#waiting.size > 0) {
      for (let wait = this.#next(); wait !== null; wait = this.#next()) await wait;
      const next = this.#take();
      if (next === null) break; // given up meanwhile
      this.#runOne(next, handler);
      await this.#share.over();
    }
    this.#isRunning = false;
  }

  /** The next command, of each asker in turn; null: none waits. */
  #take(): Waiting | null {
    const [first] = this.#waiting;
    if (first === undefined) return null;
    const [asker, waiting] = first;
    const next = waiting.shift()!;
    this.#waiting.delete(asker);
    if (waiting.size > 0) this.#waiting.set(asker, waiting);
    return next;
  }

  #next(): Promise<void> | null {
    return this.#wait() ?? this.#share.ready();
  }

  #wait(): Promise<void> | null {
    return this.#paused?.promise ?? this.#ports.ready();
  }

  #runOne({ command, ref, begun }: Waiting, handler: InputHandler<Target>): void {
    handler.lineBegins?.(true)(); // it is begun and entered at once
    const what = asked(command, ref);
    if (what !== null) {
      const line = { type: "asked", ...what, ref } as const;
      return this.#runner.run(line, handler.target, undefined, begun);
    }
    const text = "The command has values within values, too many of them: nothing was done";
    this.#inOrder(() => this.#ports.answer({ event: "error", code: "usage", text }, ref));
  }

  #inOrder(show: () => void): void {
    if (this.#handler?.answer === undefined) show();
    else this.#handler.answer(show);
  }
}

/** Null: it is nested more deeply than can be written. */
function asked(command: DoorCommand, ref: string) {
  if (typeof command === "string") return { text: command, isObject: false, room: undefined };
  const { line, room } = command;
  if (typeof line === "string" && typeof room === "string") {
    return { text: line, isObject: false, room };
  }
  try {
    return { text: JSON.stringify({ ...command, ref }), isObject: true, room: undefined };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function errorEvent({ code, message, seq }: P2pchatError): CommonEvent {
  const about = seq === undefined ? {} : { seq };
  return { event: "error", code, text: message, ...about };
}
