/** The user interface without line editing: one event per line, as text or as JSON. */

import { P2pchatError, systemText } from "../base/errors.ts";
import { numberText } from "../base/counts.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../transport/system_clock.ts";
import { CommandRunner } from "./command_runner.ts";
import { helpEvent, helpLines } from "./help_text.ts";
import { LineSplitter } from "./input_lines.ts";
import { Interrupts } from "./interrupts.ts";
import { JsonFormat } from "./json_format.ts";
import type { CommonOptions } from "./options.ts";
import { Output, unitsOf } from "./output.ts";
import { ReadAhead } from "./read_ahead.ts";
import { isAtTerminal, type Streams } from "./streams.ts";
import { noticeLine, starLine } from "./spans.ts";
import { TextFormat, type TextFormatOptions } from "./text_format.ts";
import type {
  CommonEvent,
  InputHandler,
  InterruptCause,
  Line,
  Mode,
  ShownEvent,
  UserInterface,
} from "./user_interface.ts";

/** After this time without input, everything written to the pipe earlier has been read. */
const IDLE_MS = 50;

/** For users who start a server without input, and would see it end at once without a word. */
const NO_INPUT = "Input has ended, so the program leaves; --stay keeps it running";

export class PipedInterface<Event extends ShownEvent, Target>
  implements UserInterface<Event, Target> {
  /** True for a terminal that can only print (`TERM=dumb`), since a person uses it. */
  readonly interactive: boolean;
  readonly dialogue = null;
  readonly #mode: Mode<Event, Target>;
  readonly #options: CommonOptions;
  readonly #streams: Streams;
  readonly #output: Output;
  readonly #runner: CommandRunner<Target>;
  readonly #text: TextFormat;
  readonly #errors: TextFormat;
  readonly #json: JsonFormat | null;
  readonly #interrupts: Interrupts;
  #answer: NonNullable<InputHandler<Target>["answer"]> = (show) => show();
  #inProgress = false;
  #isClosed = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param screen The terminal that the output, or errors, may go to although the input doesn't come from there. */
  constructor(
    mode: Mode<Event, Target>,
    options: CommonOptions,
    streams: Streams,
    screen: TextFormatOptions["terminal"] = null,
  ) {
    this.#mode = mode;
    this.#options = options;
    this.#streams = streams;
    this.#json = options.json ? new JsonFormat() : null;
    this.interactive = !options.json && isAtTerminal(streams);
    const formatFor = ({ isTerminal }: { readonly isTerminal: boolean }) => {
      const format = {
        colour: false,
        verbose: options.verbose,
        terminal: isTerminal ? screen : null,
      };
      return new TextFormat(format, streams.wallMs());
    };
    this.#text = formatFor(streams.stdout);
    this.#errors = formatFor(streams.stderr);
    this.#output = new Output({
      stdout: streams.stdout,
      stderr: streams.stderr,
      onClosed: () => this.#interrupts.raise("output-closed"),
    });
    this.#runner = new CommandRunner(mode.commands, options.json, {
      refuse: ({ code, message, seq }, ref) => {
        const about = seq === undefined ? {} : { seq };
        this.#answer(() => this.show({ event: "error", code, text: message, ...about }, ref));
      },
      help: (entries, ref) => {
        this.#answer(() => {
          if (this.#json !== null) this.#writeJson(helpEvent(entries), ref);
          else this.#writeLines(helpLines(entries, mode.commands, null));
        });
      },
      showFolded: (number) => {
        const why = "nothing is folded here, only at a terminal";
        throw new P2pchatError("no-such-entry", `Cannot show ${numberText(number)}: ${why}`);
      },
      notice: (text) => this.show({ event: "notice", text }),
      ready: () => this.#output.ready(),
    });
    this.#interrupts = new Interrupts(streams);
  }

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#interrupts.heed(interrupted);
  }

  listen(handler: InputHandler<Target>): void {
    this.heedInterrupts((cause) => handler.interrupted(cause));
    if (handler.answer !== undefined) this.#answer = handler.answer;
    void this.#readAll(handler); // rejects only for bugs, which end the program
  }

  show(event: Event | CommonEvent, ref?: string): void {
    if (this.#json !== null) return this.#writeJson(event, ref);
    if (isCommon(event)) return this.#showCommon(event);
    const context = {
      nowMs: this.#streams.wallMs(),
      interactive: this.interactive,
      verbose: this.#options.verbose,
    };
    const lines = () => this.#mode.render(event, context);
    this.#output.writeParts("stdout", unitsOf(event), () => this.#formatted(lines()));
  }

  setPrompt(): void {}

  setNames(): void {}
  ring(): void {}
  setExpansion(): void {}

  progress(text: string | null): void {
    if (text !== null && !this.#inProgress && this.#json === null) {
      this.#writeLines([starLine(this.#streams.wallMs(), text)]);
    }
    this.#inProgress = text !== null;
  }

  pauseInput(reason: string | null): void {
    this.#runner.pause(reason !== null);
  }

  ready(): Promise<void> | null {
    return this.#output.ready();
  }

  flush(): Promise<void> {
    return this.#output.flush();
  }

  written(): Promise<void> {
    return this.#output.written();
  }

  get outputError(): P2pchatError | null {
    return this.#streams.stdout.isTerminal ? null : this.#output.error; // losing the terminal isn't an error
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, this.#output.flush());
    this.#interrupts.close();
  }

  async #readAll(handler: InputHandler<Target>): Promise<void> {
    const splitter = new LineSplitter();
    const count = () => this.#runner.waiting + ahead.lines();
    const ahead = new ReadAhead((buffer) => this.#read(buffer), (areAll) => {
      const isOver = this.#isClosed || this.#options.stay || this.#runner.hasLeft;
      if (!isOver && count() > 0) handler.inputWaits?.({ areAll, count });
    });
    let isEmpty = true;
    for (;;) {
      if (handler.idle !== undefined) this.#idleTimer = setTimeout(() => handler.idle!(), IDLE_MS);
      const bytes = await ahead.next();
      clearTimeout(this.#idleTimer);
      if (this.#isClosed) return;
      if (bytes === null) break;
      isEmpty = false;
      await this.#runner.runAll(splitter.push(bytes), handler.target);
      if (this.#isClosed || this.#runner.hasLeft) return;
    }
    await this.#runner.runAll(splitter.end(), handler.target);
    if (this.#options.stay || this.#isClosed || this.#runner.hasLeft) return;
    if (isEmpty && this.#json === null && !this.interactive) {
      this.show({ event: "notice", text: NO_INPUT });
    }
    handler.ended();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#streams.stdin.read(buffer);
    } catch (error) {
      // BadResource: the parent process has closed standard input, so there is nothing to read.
      if (!(error instanceof Deno.errors.BadResource) && !this.#isClosed) {
        const text = `Cannot read standard input: ${
          systemText(error)
        }; the program treats the input as ended`;
        this.show({ event: "notice", text, warning: true });
      }
      return null;
    }
  }

  #showCommon(event: CommonEvent): void {
    if (event.event === "error") {
      this.#output.write("stderr", this.#errors.format([`error: ${event.text}`]));
    } else if (event.event === "notice") {
      const isWarning = event.warning === true;
      this.#writeLines([noticeLine(this.#streams.wallMs(), event.text, isWarning)]);
    }
  }

  #writeJson(event: ShownEvent, ref: string | undefined): void {
    const nowMs = this.#streams.wallMs();
    const parts = () => this.#json!.parts(event, ref, nowMs);
    this.#output.writeParts("stdout", unitsOf(event), parts);
  }

  #writeLines(lines: readonly Line[]): void {
    this.#output.writeParts("stdout", unitsOf(lines), () => this.#formatted(lines));
  }

  *#formatted(lines: readonly Line[]): Generator<string> {
    for (const line of lines) yield this.#text.format(line);
  }
}

/** Whether the event is one that all modes have. */
export function isCommon<Event extends ShownEvent>(
  event: Event | CommonEvent,
): event is CommonEvent {
  return event.event === "error" || event.event === "notice" || event.event === "bye";
}
