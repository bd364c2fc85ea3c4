/** Runs lines of input as commands, in order, unless and until somebody holds them back. */

import { P2pchatError } from "../base/errors.ts";
import { tooLong } from "../base/text.ts";
import type { Command, CommandTable } from "./commands.ts";
import type { InputLine } from "./input_lines.ts";

export interface CommandReports<Target> {
  refuse(error: P2pchatError, ref: string | undefined): void;
  help(entries: readonly Command<Target>[], ref: string | undefined): void;
  notice(text: string): void;
  /** Not `null` while the reader of the output is behind: no line is run then, as each may be answered. */
  ready(): Promise<void> | null;
}

/** Lines run without a pause for the network and the output: some milliseconds' worth. */
const LINES_A_TURN_MAX = 1_024;

export class CommandRunner<Target> {
  readonly #table: CommandTable<Target>;
  readonly #objects: boolean;
  readonly #reports: CommandReports<Target>;
  #paused: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #toldMalformed = false;
  #hasLeft = false;

  /** @param objects Whether a line that starts with `{` is a JSON object. */
  constructor(table: CommandTable<Target>, objects: boolean, reports: CommandReports<Target>) {
    this.#table = table;
    this.#objects = objects;
    this.#reports = reports;
  }

  /** Whether a command to leave has been run: nothing after it is. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Holds back every line that hasn't begun, or lets them go on. */
  pause(paused: boolean): void {
    if (paused) {
      this.#paused ??= Promise.withResolvers<void>();
    } else {
      this.#paused?.resolve();
      this.#paused = null;
    }
  }

  /** Runs `lines` one after the other; resolves when the last has begun. */
  async runAll(lines: readonly InputLine[], target: Target): Promise<void> {
    let turnLines = 0;
    for (const line of lines) {
      for (let wait = this.#wait(); wait !== null; wait = this.#wait()) await wait;
      if (this.#hasLeft) return;
      this.run(line, target);
      if (++turnLines >= LINES_A_TURN_MAX) {
        turnLines = 0;
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }

  #wait(): Promise<void> | null {
    return this.#paused?.promise ?? this.#reports.ready();
  }

  /** Runs one line now. What it throws that isn't for the user ends the program. */
  run(line: InputLine, target: Target): void {
    if (this.#hasLeft) return;
    if (typeof line === "string") return this.#runText(line, target);
    if (line.type === "overlong") return this.#reports.refuse(tooLong(line.bytes), undefined);
    if (!this.#toldMalformed) {
      this.#toldMalformed = true;
      this.#reports.notice("The input isn't all UTF-8; U+FFFD stands for what isn't");
    }
    this.#runText(line.text, target);
  }

  #runText(text: string, target: Target): void {
    const parsed = this.#table.parse(text, this.#objects);
    switch (parsed.type) {
      case "empty":
        return;
      case "help":
        return this.#reports.help(parsed.entries, parsed.ref);
      case "refused":
        return this.#reports.refuse(parsed.error, parsed.ref);
      case "command": {
        this.#hasLeft = parsed.leaves;
        const refuse = (error: unknown) => {
          if (!(error instanceof P2pchatError)) throw error;
          this.#reports.refuse(error, parsed.ref);
        };
        try {
          parsed.run(target)?.catch(refuse);
        } catch (error) {
          refuse(error);
        }
      }
    }
  }
}
