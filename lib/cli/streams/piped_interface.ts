/** The user interface without line editing: one event per line, as text or as JSON. */

import { P2pchatError, systemText } from "../../base/errors.ts";
import { countText, numberText } from "../../base/text/words.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { helpEvent, helpLines } from "../args/help_text.ts";
import type { CommonOptions } from "../args/options.ts";
import { JsonFormat } from "../rendering/json_format.ts";
import { commonLines, placedLine, starLine } from "../rendering/spans.ts";
import type {
  CommonEvent,
  InputHandler,
  InterruptCause,
  Line,
  Mode,
  Place,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import { type Begun, OpenQuestions, type QuestionsView } from "../commands/open_questions.ts";
import { CommandRunner } from "./command_runner.ts";
import { type DroppedInput, droppedInput } from "./dropped_input.ts";
import { Interrupts } from "./interrupts.ts";
import { type InputLine, LineSplitter } from "./line_splitter.ts";
import { OutputQueue, unitsOf } from "./output_queue.ts";
import { isAtTerminal, READ_BYTES, type Streams } from "./streams.ts";
import { leaveRawMode } from "./terminal_mode.ts";
import { TextFormat, type TextFormatOptions } from "./text_format.ts";

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
  #stdin: Streams["stdin"]["read"];
  readonly #output: OutputQueue;
  readonly #questions: OpenQuestions;
  /** What of them was written. */
  readonly #asking: QuestionsView;
  readonly #runner: CommandRunner<Target>;
  readonly #text: TextFormat;
  readonly #errors: TextFormat;
  readonly #json: JsonFormat | null;
  readonly #interrupts: Interrupts;
  #answer: NonNullable<InputHandler<Target>["answer"]> = (show) => show();
  #inProgress = false;
  #isClosed = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  /** Takes the lines that were read, and haven't begun. */
  #takeUnrun: () => readonly InputLine[] = () => [];

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
    this.#stdin = (buffer) => streams.stdin.read(buffer);
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
    this.#output = new OutputQueue({
      stdout: streams.stdout,
      stderr: streams.stderr,
      onClosed: () => this.#interrupts.raise("output-closed"),
    });
    this.#questions = mode.questions ?? new OpenQuestions();
    const isScripts = !streams.stdin.isTerminal;
    const rest = () => "it wasn't written yet";
    this.#asking = this.#questions.view({ hasPrompt: false, isScripts, rest });
    this.#runner = new CommandRunner(mode.commands, options.json, {
      refuse: ({ code, message, seq }, ref) => {
        const about = seq === undefined ? {} : { seq };
        this.#answer(() => this.show({ event: "error", code, text: message, ...about }, ref));
      },
      help: (entries, ref, isBrief) => {
        this.#answer(() => {
          if (this.#json !== null) this.#writeJson(helpEvent(entries), ref);
          else this.#writeLines(helpLines(entries, mode.commands, null, isBrief));
        });
      },
      showFolded: (number) => {
        const why = "nothing is folded here, only at a terminal";
        throw new P2pchatError("no-such-entry", `Cannot show ${numberText(number)}: ${why}`);
      },
      clear: () => {
        throw new P2pchatError("usage", "Cannot clear the screen: only a terminal has one");
      },
      notice: (text) => this.show({ event: "notice", text }),
      ready: () => this.#output.ready(),
    }, this.#questions);
    this.#interrupts = new Interrupts(streams);
  }

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#interrupts.heed(interrupted);
  }

  listen(handler: InputHandler<Target>): void {
    this.heedInterrupts((cause) => handler.interrupted(cause));
    if (handler.answer !== undefined) this.#answer = handler.answer;
    const dropped = droppedInput();
    if (dropped === null) void this.#readAll(handler); // rejects only for bugs, which end the program
    else void this.#takeOver(dropped).then(() => this.#readAll(handler)); // the same
  }

  show(event: Event | CommonEvent, ref?: string, place?: Place): void {
    if (event.event === "bye" && this.#runner.hasLeft) this.#tellUnrun();
    const nowMs = this.#streams.wallMs();
    this.#questions.happened(event, place, SYSTEM_LINK_CLOCK.nowMs(), nowMs);
    if (this.#json !== null) return this.#writeJson(event, ref, place?.room ?? undefined);
    const label = place?.label ?? null;
    if (isCommon(event)) return this.#showCommon(event, label);
    const context = {
      nowMs,
      interactive: this.interactive,
      verbose: this.#options.verbose,
    };
    const lines = () => this.#mode.render(event, context);
    this.#write(event, () => this.#formatted(lines(), label));
  }

  #write(event: ShownEvent, parts: () => Iterable<string>): void {
    const showing = () => this.#asking.showing(event, parts(), SYSTEM_LINK_CLOCK.nowMs);
    this.#output.writeParts("stdout", unitsOf(event), showing);
  }

  setPrompt(): void {}
  giveUpWaiting(): void {}

  get draft(): null {
    return null;
  }

  setNames(): void {}
  keepTyped(): void {}
  attend(): void {}
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

  /** Takes over a terminal that can only print, at which a passphrase was typed. */
  async #takeOver(dropped: DroppedInput): Promise<void> {
    const { notice, read } = await dropped.handOver();
    leaveRawMode();
    this.#stdin = read;
    if (notice !== null) this.show({ event: "notice", text: notice });
  }

  async #readAll(handler: InputHandler<Target>): Promise<void> {
    const splitter = new LineSplitter();
    const count = () => this.#runner.waiting + ahead.lines();
    const ahead = new ReadAhead((buffer) => this.#read(buffer), (areAll) => {
      if (handler.inputWaits === undefined) return;
      const isOver = this.#isClosed || this.#options.stay || this.#runner.hasLeft;
      if (!isOver && count() > 0) handler.inputWaits({ areAll, count });
    });
    let lines: readonly InputLine[] = [];
    this.#takeUnrun = () => {
      const later = ahead.takeAll().flatMap((bytes) => splitter.push(bytes));
      return [...lines.slice(lines.length - this.#runner.waiting), ...later, ...splitter.end()];
    };
    const typedRef = this.#json === null ? handler.typedRef : undefined; // a script gives refs of its own
    let isEmpty = true;
    for (;;) {
      if (handler.idle !== undefined) this.#idleTimer = setTimeout(() => handler.idle!(), IDLE_MS);
      const bytes = await ahead.next();
      clearTimeout(this.#idleTimer);
      if (this.#isClosed) return;
      if (bytes === null) break;
      isEmpty = false;
      lines = splitter.push(bytes);
      await this.#runner.runAll(lines, handler.target, typedRef, this.#begun);
      if (this.#isClosed || this.#runner.hasLeft) return;
    }
    await this.#runner.runAll(splitter.end(), handler.target, typedRef, this.#begun);
    if (this.#options.stay || this.#isClosed || this.#runner.hasLeft) return;
    if (isEmpty && this.#json === null && !this.interactive) {
      this.show({ event: "notice", text: NO_INPUT });
    }
    handler.ended();
  }

  /** A line is begun and entered at once. */
  get #begun(): Begun {
    return this.#asking.begins(SYSTEM_LINK_CLOCK.nowMs());
  }

  /** A command has left the mode: how many lines after it are lost, as far as they were read. */
  #tellUnrun(): void {
    const isText = (line: InputLine) => typeof line !== "string" || line.trim() !== "";
    const count = this.#takeUnrun().filter(isText).length;
    if (count === 0) return;
    const text = `${countText(count, "line")} after the command to leave ` +
      `${count === 1 ? "is" : "are"} ignored`;
    this.show({ event: "notice", text, warning: true });
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#stdin(buffer);
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

  #showCommon(event: CommonEvent, label: string | null): void {
    if (event.event === "error") {
      this.#output.write("stderr", this.#errors.format([errorText(event.text, label)]));
    } else this.#writeLines(commonLines(event, this.#streams.wallMs()), label);
  }

  #writeJson(event: ShownEvent, ref: string | undefined, room?: string): void {
    const nowMs = this.#streams.wallMs();
    this.#write(event, () => this.#json!.parts(event, ref, nowMs, room));
  }

  #writeLines(lines: readonly Line[], label: string | null = null): void {
    this.#output.writeParts("stdout", unitsOf(lines), () => this.#formatted(lines, label));
  }

  *#formatted(lines: Iterable<Line>, label: string | null): Generator<string> {
    for (const line of lines) {
      yield this.#text.format(label === null ? line : placedLine(line, label));
    }
  }
}

/** An error as a person reads it. @param label Of the room that it is about, where that isn't the one they are in. */
export function errorText(text: string, label: string | null): string {
  return label === null ? `error: ${text}` : `error: #${label}: ${text}`;
}

const COMMON: ReadonlySet<string> = new Set<CommonEvent["event"]>([
  "error",
  "notice",
  "ignored",
  "returned",
  "web",
  "irc",
  "bye",
]);

/** Whether the event is one that all modes have. */
export function isCommon<Event extends ShownEvent>(
  event: Event | CommonEvent,
): event is CommonEvent {
  return COMMON.has(event.event);
}

// Reads the input of a pipe ahead of the lines that are run, as far as it is held in memory.

/** No more is read while so much waits. The end of shorter input is seen although its lines wait. */
const HELD_BYTES_MAX = 4 * READ_BYTES;

const LINE_FEED = 0x0a;

class ReadAhead {
  readonly #read: (buffer: Uint8Array) => Promise<number | null>;
  readonly #stopped: (isEnd: boolean) => void;
  readonly #held: Uint8Array[] = [];
  #bytes = 0;
  #isOver = false;
  /** Wakes whoever waits for more, or for room. */
  #wake: () => void = () => {};

  /**
   * @param read Returns the number of bytes read into `buffer`; null at the end of input. Never rejects.
   * @param stopped Called when no more is read: because the input ends (`isEnd`), or until some has been taken.
   */
  constructor(
    read: (buffer: Uint8Array) => Promise<number | null>,
    stopped: (isEnd: boolean) => void,
  ) {
    this.#read = read;
    this.#stopped = stopped;
    void this.#run();
  }

  /** How many lines end in what is held. */
  lines(): number {
    let count = 0;
    for (const bytes of this.#held) {
      for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
        count += 1;
      }
    }
    return count;
  }

  /** The next bytes, as soon as there are any; null at the end of input. */
  async next(): Promise<Uint8Array | null> {
    while (this.#held.length === 0 && !this.#isOver) await this.#change();
    const bytes = this.#held.shift() ?? null;
    this.#bytes -= bytes?.length ?? 0;
    this.#wake();
    return bytes;
  }

  /** All that is held; no more is read. */
  takeAll(): readonly Uint8Array[] {
    return this.#held.splice(0);
  }

  async #run(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const length = await this.#read(buffer);
      if (length === null) break;
      this.#held.push(buffer.slice(0, length));
      this.#bytes += length;
      this.#wake();
      if (this.#bytes < HELD_BYTES_MAX) continue;
      this.#stopped(false);
      while (this.#bytes >= HELD_BYTES_MAX) await this.#change();
    }
    this.#isOver = true;
    this.#wake();
    this.#stopped(true);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
