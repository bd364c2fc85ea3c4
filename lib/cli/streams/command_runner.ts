/** Runs input lines as commands, in order; it can be paused. */

import { P2pchatError } from "../../base/errors.ts";
import { beginsCommand } from "../../base/text/text.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import {
  type Command,
  type CommandTable,
  isObjectLine,
  type ParsedLine,
} from "../commands/commands.ts";
import type { Begun, OpenQuestions } from "../commands/open_questions.ts";
import { type InputLine, lineTooLong } from "./line_splitter.ts";

interface CommandReports<Target> {
  refuse(error: P2pchatError, ref: string | undefined): void;
  /** @param isBrief People are shown the commands of the first hour. */
  help(entries: readonly Command<Target>[], ref: string | undefined, isBrief: boolean): void;
  /** Shows the folded text of that number. @throws {P2pchatError} Where there is none. */
  showFolded(number: number): void;
  /** Clears the screen. @throws {P2pchatError} Where there is none. */
  clear(): void;
  notice(text: string): void;
  /** Whether there is a clipboard, for commands with `--copy`. */
  readonly mayCopy?: true;
  /** A promise while the reader of the output is behind: no line is run then, as each may cause output. */
  ready(): Promise<void> | null;
}

/** What is asked for through a door: its answers carry `ref`. */
interface AskedLine {
  readonly type: "asked";
  readonly text: string;
  /** Whether it is a JSON object; otherwise it is as typed. */
  readonly isObject: boolean;
  readonly ref: string;
  /** Of what is as typed: the room that it is for, where there are several. */
  readonly room: string | undefined;
}

const NO_CLIPBOARD =
  "Cannot copy: only a terminal has a clipboard; without --copy the command shows the same";

/** The most lines run before yielding to the network and the output: some milliseconds' work. */
const LINES_A_TURN_MAX = 1_024;

export class CommandRunner<Target> {
  readonly #table: CommandTable<Target>;
  readonly #objects: boolean;
  readonly #reports: CommandReports<Target>;
  readonly #questions: OpenQuestions | null;
  #paused: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #toldMalformed = false;
  #hasLeft = false;
  #waiting = 0;

  /**
   * @param objects Whether a line that starts with `{`, perhaps after blanks, is parsed as a JSON object.
   * @param questions What lines may answer; null: nothing that is run here is an answer.
   */
  constructor(
    table: CommandTable<Target>,
    objects: boolean,
    reports: CommandReports<Target>,
    questions: OpenQuestions | null = null,
  ) {
    this.#table = table;
    this.#objects = objects;
    this.#reports = reports;
    this.#questions = questions;
  }

  /** Whether a command that leaves the mode has been run; no line is run after it. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** How many lines given to `runAll` haven't begun. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Holds back all lines that haven't begun, or resumes. */
  pause(paused: boolean): void {
    if (paused) {
      this.#paused ??= Promise.withResolvers<void>();
    } else {
      this.#paused?.resolve();
      this.#paused = null;
    }
  }

  /**
   * Runs `lines` one after the other; resolves when the last one has begun, or after a command that leaves.
   * @param typedRef As of `run`. @param begun As of `run`.
   */
  async runAll(
    lines: readonly InputLine[],
    target: Target,
    typedRef?: string,
    begun?: Begun,
  ): Promise<void> {
    let turnLines = 0;
    this.#waiting = lines.length;
    for (const line of lines) {
      for (let wait = this.#wait(); wait !== null; wait = this.#wait()) await wait;
      if (this.#hasLeft) return;
      this.#waiting -= 1;
      this.run(line, target, typedRef, begun);
      if (++turnLines >= LINES_A_TURN_MAX) {
        turnLines = 0;
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }

  #wait(): Promise<void> | null {
    return this.#paused?.promise ?? this.#reports.ready();
  }

  /**
   * Runs a line now. Errors that aren't for the user propagate and end the program.
   * @param typedRef What the answers carry where it is a command that was typed.
   * @param begun How things stood when the line was begun; absent: it answers nothing.
   */
  run(line: InputLine | AskedLine, target: Target, typedRef?: string, begun?: Begun): void {
    if (this.#hasLeft) return;
    if (typeof line === "string") return this.#runText(line, target, typedRef, begun);
    if (line.type === "asked") {
      const { text, isObject, ref, room } = line;
      return this.#runParsed(
        this.#parsed(text, isObject, ref, room, begun),
        target,
        begun,
        isObject,
      );
    }
    if (line.type === "overlong") return this.#reports.refuse(lineTooLong(line.bytes), undefined);
    if (!this.#toldMalformed) {
      this.#toldMalformed = true;
      this.#reports.notice("The input has bytes that aren't UTF-8; they are replaced by U+FFFD");
    }
    this.#runText(line.text, target, typedRef, begun);
  }

  #runText(text: string, target: Target, typedRef: string | undefined, begun?: Begun): void {
    const ref = beginsCommand(text) ? typedRef : undefined;
    const isObject = this.#objects && isObjectLine(text);
    this.#runParsed(this.#parsed(text, isObject, ref, undefined, begun), target, begun, isObject);
  }

  /** The line, or the answer that it is. */
  #parsed(
    text: string,
    isObject: boolean,
    ref: string | undefined,
    room: string | undefined,
    begun: Begun | undefined,
  ): ParsedLine<Target> {
    if (isObject || begun === undefined || this.#questions === null) {
      return this.#table.parse(text, isObject, ref, room);
    }
    try {
      const answer = this.#questions.answer(text, begun, SYSTEM_LINK_CLOCK.nowMs(), room);
      if (answer === null) return this.#table.parse(text, false, ref, room);
      const { run } = answer;
      return run === null ? { type: "empty" } : this.#table.parsed(() => run, ref, answer.room);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return { type: "refused", ref, error };
    }
  }

  #runParsed(
    parsed: ParsedLine<Target>,
    target: Target,
    begun: Begun | undefined,
    isObject: boolean,
  ): void {
    switch (parsed.type) {
      case "empty":
        return;
      case "help":
        return this.#reports.help(parsed.entries, parsed.ref, parsed.isBrief);
      case "refused":
        return this.#reports.refuse(parsed.error, parsed.ref);
      case "show":
      case "clear":
      case "command": {
        const refuse = (error: unknown) => {
          if (!(error instanceof P2pchatError)) throw error;
          this.#reports.refuse(error, parsed.ref);
        };
        if (parsed.type === "command" && parsed.copies && this.#reports.mayCopy !== true) {
          return refuse(new P2pchatError("usage", NO_CLIPBOARD));
        }
        try {
          if (parsed.type === "clear") return this.#reports.clear();
          if (parsed.type === "show") return this.#reports.showFolded(parsed.number);
          const { invocation, room } = parsed;
          const ran = begun && this.#questions?.check(invocation, begun, !isObject, room);
          this.#hasLeft = parsed.leaves(target);
          parsed.run(target)?.catch(refuse);
          ran?.();
        } catch (error) {
          refuse(error);
        }
      }
    }
  }
}
