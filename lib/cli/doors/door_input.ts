/** Runs what is asked for through doors, one after the other, on what the console's commands are run on. */

import { P2pchatError } from "../../base/errors.ts";
import { Fifo } from "../../base/collections/fifo.ts";
import { countText } from "../../base/text/words.ts";
import { type HelpEvent, helpEvent } from "../args/help_text.ts";
import type { CommandTable } from "../commands/commands.ts";
import type { CommonEvent, InputHandler } from "../rendering/user_interface.ts";
import { CommandRunner } from "../streams/command_runner.ts";
import type { DoorCommand } from "./door.ts";

/** So many commands of one door may wait: what is typed in a second; more is a program that doesn't look at the answers. */
export const COMMANDS_WAITING_MAX = 64;
/** The most that are run before others get their turn: the network, and the console. */
const COMMANDS_A_TURN_MAX = 16;

interface DoorInputPorts {
  /** Shows an answer that no machine gives. */
  answer(event: CommonEvent | HelpEvent, ref: string | undefined): void;
  /** As `UserInterface.ready`. */
  ready(): Promise<void> | null;
}

/** Who asks, by any value of its own. */
type Asker = unknown;

interface Waiting {
  readonly asker: Asker;
  readonly command: DoorCommand;
  readonly ref: string;
}

export class DoorInput<Target> {
  readonly #ports: DoorInputPorts;
  readonly #runner: CommandRunner<Target>;
  readonly #waiting = new Fifo<Waiting>();
  readonly #counts = new Map<Asker, number>();
  #handler: InputHandler<Target> | null = null;
  #paused: PromiseWithResolvers<void> | null = null;
  #isRunning = false;

  constructor(commands: CommandTable<Target>, ports: DoorInputPorts) {
    this.#ports = ports;
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
    });
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
  add(asker: Asker, command: DoorCommand, ref: string): void {
    const count = this.#counts.get(asker) ?? 0;
    if (count >= COMMANDS_WAITING_MAX) {
      const text =
        `${countText(count, "command")} of yours wait already, and this one wasn't run: ` +
        "try again once they are through";
      return this.#ports.answer({ event: "error", code: "full", text }, ref);
    }
    this.#counts.set(asker, count + 1);
    this.#waiting.push({ asker, command, ref });
    this.#run();
  }

  /** What waits isn't run: it was meant for something that is gone. What says where it is meant for waits on. */
  giveUpWaiting(): void {
    for (const waiting of this.#takeAll()) {
      const { command, ref } = waiting;
      if (typeof command !== "string" && command["room"] !== undefined) {
        this.add(waiting.asker, command, ref);
        continue;
      }
      const text =
        "It wasn't run: it may have been meant for something else than what is there now";
      this.#ports.answer({ event: "error", code: "not-allowed", text }, ref);
    }
  }

  /** Those who asked are gone: what waits isn't run. */
  forget(): void {
    this.#takeAll();
  }

  #takeAll(): readonly Waiting[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    this.#counts.clear();
    return all;
  }

  #run(): void {
    if (this.#isRunning || this.#handler === null) return;
    this.#isRunning = true;
    void this.#runAll(this.#handler); // rejects only for bugs, which end the program
  }

  async #runAll(handler: InputHandler<Target>): Promise<void> {
    for (let count = 1; this.#waiting.size > 0; count++) {
      for (let wait = this.#wait(); wait !== null; wait = this.#wait()) await wait;
      const next = this.#waiting.shift();
      if (next === undefined) break; // given up meanwhile
      const left = this.#counts.get(next.asker)! - 1;
      if (left === 0) this.#counts.delete(next.asker);
      else this.#counts.set(next.asker, left);
      this.#runOne(next, handler);
      if (count % COMMANDS_A_TURN_MAX === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    this.#isRunning = false;
  }

  #wait(): Promise<void> | null {
    return this.#paused?.promise ?? this.#ports.ready();
  }

  #runOne({ command, ref }: Waiting, handler: InputHandler<Target>): void {
    handler.lineBegins?.(true)(); // it is begun and entered at once
    const what = asked(command, ref);
    if (what !== null) return this.#runner.run({ type: "asked", ...what, ref }, handler.target);
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
