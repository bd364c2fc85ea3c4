/**
 * The user interface at a terminal: reads the keys, and passes each to the question that is asked or else to the line
 * being typed, which is run once it is entered; what the program has to say is shown on the screen.
 *
 * Each part has a file: `prompted_screen.ts`, `edited_line.ts`, `entered_lines.ts`, `terminal_dialogue.ts`,
 * `notifications.ts`. Here they are put together.
 */

import type { P2pchatError } from "../../base/errors.ts";
import { tooLong } from "../../base/text/text.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { helpLines } from "../args/help_text.ts";
import type { CommonOptions } from "../args/options.ts";
import { COPY_REF } from "../commands/commands.ts";
import { OpenQuestions, type QuestionsView } from "../commands/open_questions.ts";
import type {
  Attention,
  CommonEvent,
  Dialogue,
  Draft,
  Expansion,
  InputHandler,
  InterruptCause,
  KeptLines,
  Line,
  Mode,
  Place,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import { CommandRunner } from "../streams/command_runner.ts";
import { type DroppedInput, droppedInput } from "../streams/dropped_input.ts";
import { Interrupts } from "../streams/interrupts.ts";
import { unitsOf } from "../streams/output_queue.ts";
import { isCommon } from "../streams/piped_interface.ts";
import { READ_BYTES, type Streams } from "../streams/streams.ts";
import { endRawMode } from "../streams/terminal_mode.ts";
import { copying } from "./clipboard.ts";
import { EditedLine } from "./edited_line.ts";
import { EnteredLines } from "./entered_lines.ts";
import { type Key, KeyParser } from "./key_parser.ts";
import type { EditorRequest } from "./line_editor.ts";
import { Notifier } from "./notifications.ts";
import { PromptedScreen } from "./prompted_screen.ts";
import { type Asked, Questions } from "./questions.ts";
import { TerminalDialogue } from "./terminal_dialogue.ts";
import { Unseen } from "./unseen.ts";

export class InteractiveInterface<Event extends ShownEvent, Target>
  implements UserInterface<Event, Target> {
  readonly interactive = true;
  /** A lost terminal isn't an error. */
  readonly outputError = null;
  readonly dialogue: Dialogue;
  readonly draft: Draft;
  readonly #mode: Mode<Event, Target>;
  readonly #options: CommonOptions;
  readonly #streams: Streams;
  readonly #screen: PromptedScreen;
  readonly #line: EditedLine<Target>;
  readonly #entered: EnteredLines<Target>;
  readonly #dialogue: Questions;
  readonly #questions: OpenQuestions;
  /** What of them is on the screen. */
  readonly #asking: QuestionsView;
  #closing: { cancel(): void } | null = null;
  readonly #notifier: Notifier;
  readonly #interrupts: Interrupts;
  readonly #keys = new KeyParser();

  #handler: InputHandler<Target> | null = null;
  #toldMalformed = false;
  #toldCleared = false;
  /** Whether another reader of the terminal still has it. */
  #isTakingOver = false;
  #escapeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(mode: Mode<Event, Target>, options: CommonOptions, streams: Streams) {
    this.#mode = mode;
    this.#options = options;
    this.#streams = streams;
    const { commands, questions = new OpenQuestions() } = mode;
    const { nowMs } = SYSTEM_LINK_CLOCK;
    this.#questions = questions;
    this.#asking = questions.view({
      hasPrompt: true,
      rest: (folds) => `first ${folds.map((fold) => `/show ${fold}`).join(", ")}`,
    });
    questions.follow(() => this.#screen.redraw());
    const unseen = new Unseen(streams.wallMs());
    const screen = new PromptedScreen(options, streams, unseen, {
      asked: () => this.#asked(),
      names: () => this.#line.names,
      question: () => this.#asking.prompt(nowMs()),
      folds: (number) => this.#asking.folds(number),
      unfolds: (number) => this.#asking.unfolds(number, nowMs()),
      isRaw: () => this.#keys.resumed(),
      outputClosed: () => this.#interrupts.raise("output-closed"),
    });
    this.#screen = screen;
    const write = (sequence: string) => screen.obey(sequence);
    this.#notifier = new Notifier(unseen, streams, SYSTEM_LINK_CLOCK, write);
    const begins = (isKept?: boolean) => ({
      heed: this.#handler?.lineBegins?.(),
      asked: isKept ? this.#asking.unbegun : this.#asking.begins(nowMs()),
    });
    this.#line = new EditedLine(commands, options.dataFolder, begins, screen);
    this.#dialogue = new Questions((line) => screen.printLines([line]), () => screen.redraw());
    const columns = () => streams.size().columns;
    const runner = new CommandRunner(commands, false, {
      refuse: (error) => this.#inOrder(() => this.#refuse(error)),
      help: (entries, _, isBrief) =>
        this.#inOrder(() => screen.printLines(helpLines(entries, commands, columns(), isBrief))),
      showFolded: (number) => screen.showFolded(number),
      clear: () => screen.clear(),
      notice: (text) => screen.printCommon({ event: "notice", text }),
      mayCopy: true,
      ready: () => screen.output.ready(),
    }, this.#questions);
    this.#entered = new EnteredLines(commands, runner, this.#dialogue, screen);
    this.dialogue = new TerminalDialogue(this.#dialogue, this.#line, this.#entered, screen, {
      open: () => this.#open(),
      pressTypedAhead: () => this.#press([]),
    });
    this.draft = this.#line;
    this.#interrupts = new Interrupts(streams, endRawMode);
  }

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#interrupts.heed((cause) => {
      const isLeaving = interrupted(cause);
      if (isLeaving) this.#entered.giveUp();
      return isLeaving;
    });
  }

  listen(handler: InputHandler<Target>): void {
    this.#handler = handler;
    this.#entered.listen(handler);
    this.heedInterrupts((cause) => handler.interrupted(cause));
    this.#open();
    this.#screen.redraw();
  }

  show(event: Event | CommonEvent, ref?: string, place?: Place): void {
    const label = place?.label ?? null;
    const nowMs = this.#streams.wallMs();
    this.#questions.happened(event, place, SYSTEM_LINK_CLOCK.nowMs(), nowMs);
    this.#redrawInTime();
    if (isCommon(event)) return this.#screen.printCommon(event, label);
    const context = { nowMs, interactive: true, verbose: this.#options.verbose };
    const lines = () => this.#mode.render(event, context);
    const shown = () => this.#screen.formatted(lines(), label);
    this.#screen.print(
      unitsOf(event),
      () => this.#asking.showing(event, shown(), SYSTEM_LINK_CLOCK.nowMs),
    );
    if (ref === COPY_REF) this.#copy(lines());
  }

  /** The prompt asks no more once nobody may answer so. */
  #redrawInTime(): void {
    const { nowMs } = SYSTEM_LINK_CLOCK;
    this.#closing?.cancel();
    const dueMs = this.#questions.nextDeadlineMs(nowMs());
    this.#closing = dueMs === null ? null : SYSTEM_LINK_CLOCK.at(dueMs, () => {
      this.#screen.redraw();
      this.#redrawInTime();
    });
  }

  /** Puts the last text of `lines` that is to be copied on the clipboard. */
  #copy(lines: Iterable<Line>): void {
    const spans = [...lines].flat().filter((span) => typeof span === "object" && "as" in span);
    const copied = spans.findLast(({ as }) => as === "exact");
    if (copied === undefined) return;
    this.#screen.obey(copying(copied.text, (name) => this.#streams.variable(name)));
    this.#screen.printStar("Copied to the clipboard, if your terminal allows it");
  }

  setPrompt(text: string, self: string | null): void {
    this.#screen.setPrompt(text, self);
  }

  setExpansion(expansion: Expansion | null): void {
    this.#line.setExpansion(expansion);
  }

  setNames(names: () => readonly string[], away?: () => readonly string[]): void {
    this.#line.setNames(names, away);
  }

  keepTyped(kept: KeptLines): void {
    this.#entered.keepTyped(kept);
    this.#line.recall(kept.lines);
  }

  attend(attention: Attention): void {
    if (this.#screen.isOpen && !this.#screen.isClosed) this.#notifier.attend(attention);
  }

  progress(text: string | null): void {
    this.#screen.progress(text);
  }

  pauseInput(reason: string | null): void {
    this.#entered.pause(reason);
  }

  giveUpWaiting(): void {
    this.#entered.discard();
  }

  ready(): Promise<void> | null {
    return this.#screen.output.ready();
  }

  flush(): Promise<void> {
    return this.#screen.output.flush();
  }

  written(): Promise<void> {
    return this.#screen.output.written();
  }

  async close(): Promise<void> {
    if (this.#screen.isClosed) return;
    this.#dialogue.end();
    this.#entered.giveUp();
    clearTimeout(this.#escapeTimer);
    this.#closing?.cancel();
    this.#line.close();
    this.#notifier.close();
    await this.#screen.close();
    this.#interrupts.close();
  }

  /** What is at the prompt: a question, or the line being typed. */
  #asked(): Asked | null {
    const { isOpen, asked } = this.#dialogue;
    if (isOpen) return asked;
    return this.#handler === null ? null : asked ?? this.#line.shown(this.#screen.prompt);
  }

  // Keys.

  /** Takes the terminal, and starts reading it, unless that is done already. */
  #open(): void {
    if (this.#screen.isOpen || this.#isTakingOver) return;
    const dropped = droppedInput();
    if (dropped === null) this.#begin((buffer) => this.#streams.stdin.read(buffer));
    else void this.#takeOver(dropped); // rejects only for bugs
  }

  /** Waits until what may be a passphrase, typed again, is dropped; the prompt is shown only then. */
  async #takeOver(dropped: DroppedInput): Promise<void> {
    this.#isTakingOver = true;
    const { notice, read } = await dropped.handOver();
    this.#isTakingOver = false;
    if (this.#screen.isClosed) return;
    this.#begin(read);
    if (notice !== null) this.#screen.printCommon({ event: "notice", text: notice });
    this.#screen.redraw();
  }

  #begin(read: Streams["stdin"]["read"]): void {
    this.#screen.open();
    void this.#readAll(read); // rejects only for bugs, which end the program
  }

  async #readAll(read: Streams["stdin"]["read"]): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    while (!this.#screen.isClosed) {
      let length: number | null;
      try {
        length = await read(buffer);
      } catch {
        length = null; // the terminal is gone
      }
      if (this.#screen.isClosed) return;
      if (length === null) return this.#entered.end();
      clearTimeout(this.#escapeTimer);
      this.#press(this.#keys.push(buffer.subarray(0, length)));
      const { waitMs } = this.#keys;
      if (waitMs !== null) {
        this.#escapeTimer = setTimeout(() => this.#press(this.#keys.timeout()), waitMs);
      }
    }
  }

  /** Presses the keys typed ahead, and these. */
  #press(keys: readonly Key[]): void {
    for (const key of [...this.#dialogue.takeTypedAhead(), ...keys]) {
      if (this.#screen.isClosed) return;
      if (key.type === "focus") {
        this.#notifier.focus(key.hasFocus);
        continue;
      }
      this.#notifier.pressed();
      if (!this.#line.drops(key)) this.#heed(key);
    }
    this.#screen.redraw();
  }

  #heed(key: Key): void {
    const { isOpen } = this.#dialogue;
    if (key.type === "number" || key.type === "unseen") {
      if (isOpen) return;
      if (key.type === "number") this.#handler?.goTo?.(key.number);
      else this.#handler?.goToUnseen?.();
      return;
    }
    const isFull = this.#entered.isFull || this.#screen.output.isFull;
    const request = isOpen ? this.#dialogue.press(key) : this.#line.press(key, isFull);
    if (request !== null) this.#answer(request);
  }

  // What keys ask for.

  #answer(request: EditorRequest): void {
    switch (request.type) {
      case "submit":
        return request.text === ""
          ? this.#dialogue.enterPressed()
          : this.#entered.enter(this.#line.entered(request.text));
      case "complete":
        return this.#line.complete();
      case "interrupt":
        return this.#interrupt();
      case "end-of-input":
        // During questions Ctrl+D does the same as Ctrl+X.
        return this.#dialogue.isOpen ? this.#dialogue.logOut() : this.#endOfInput();
      case "redraw":
        return this.#screen.clear();
      case "suspend":
        return void this.#screen.suspend();
      case "log-out":
        return this.#dialogue.isOpen ? this.#dialogue.logOut() : this.#logOut();
      case "tell-malformed":
        return this.#tellMalformed();
      case "refuse-paste":
        return this.#refuse(tooLong(request.units));
    }
  }

  /** Says once what a pipe is told, too. */
  #tellMalformed(): void {
    if (this.#toldMalformed) return;
    this.#toldMalformed = true;
    const text = "Your terminal sends bytes that aren't UTF-8; they are replaced by U+FFFD, " +
      "until you set it to UTF-8";
    this.#screen.printCommon({ event: "notice", text, warning: true });
  }

  /** Clears what is typed; where nothing is, or the program is leaving already, does what a signal does. */
  #interrupt(): void {
    const isLeaving = this.#interrupts.isLeaving || this.#entered.hasEnded;
    if (this.#dialogue.isOpen || isLeaving || this.#line.text === "") {
      return this.#interrupts.raise("interrupt");
    }
    this.#line.clear();
    if (this.#toldCleared) return;
    this.#toldCleared = true;
    const then = this.#handler?.isInCall?.() === true ? "ends the call" : "leaves";
    this.#screen.printStar(`Ctrl+C cleared the line; Ctrl+Y brings it back, Ctrl+C again ${then}`);
  }

  #endOfInput(): void {
    if (this.#handler?.isInCall?.() !== true) return this.#entered.end();
    const text = "Ctrl+D leaves from the lobby: q ends the call first";
    this.#screen.printCommon({ event: "error", code: "not-allowed", text });
  }

  #logOut(): void {
    if (this.#handler?.logOut?.() === true) this.#entered.giveUp();
  }

  /** Calls `show` once the answers to earlier lines are shown. */
  #inOrder(show: () => void): void {
    if (this.#handler?.answer === undefined) show();
    else this.#handler.answer(show);
  }

  #refuse({ code, message }: P2pchatError): void {
    this.#screen.printCommon({ event: "error", code, text: message });
  }
}
