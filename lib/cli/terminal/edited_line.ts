/**
 * The line being typed at the prompt, until Enter: the state of its editor, and what it means where it began.
 *
 * Besides what its keys do (`line_editor.ts`), abbreviations in it are expanded as they are typed, Tab completes it,
 * and a console with several rooms takes it out, puts it back, or sets it aside. Keys that may be the rest of what
 * is gone, or a password, are dropped until the user pauses.
 */

import type { CommandTable } from "../commands/commands.ts";
import type { Draft, Expansion } from "../rendering/user_interface.ts";
import { askedPath, complete, completedPath, type Completion } from "./completion.ts";
import type { BegunLine, EnteredLine } from "./entered_lines.ts";
import type { Key } from "./key_parser.ts";
import {
  cleared,
  continued,
  type EditorRequest,
  type EditorState,
  EMPTY_EDITOR,
  forgetting,
  insert,
  onKey,
  recalling,
  replaced,
  shownLine,
} from "./line_editor.ts";
import type { PromptedScreen } from "./prompted_screen.ts";
import type { Asked } from "./questions.ts";

type Screen = Pick<PromptedScreen, "printLines" | "printStar" | "redraw" | "ring">;

/** A user who has seen that no question is asked stops typing: keys are dropped until none has come for this long. */
const QUIET_MS = 1_000;

/** Keys that are never dropped: they can't be part of an answer, and nobody types them ahead. */
const ALWAYS_HEEDED: ReadonlySet<string> = new Set(["interrupt", "suspend", "log-out"]);

export class EditedLine<Target> implements Draft {
  readonly #commands: CommandTable<Target>;
  readonly #dataFolder: string;
  readonly #begins: (isKept?: boolean) => BegunLine | null;
  readonly #screen: Screen;
  #editor: EditorState = EMPTY_EDITOR;
  #expansion: Expansion | null = null;
  #names: () => readonly string[] = () => [];
  #namesAway: (() => readonly string[]) | undefined;
  /** Whether the disk is asked for what a path may go on with. */
  #isLooking = false;
  /** What `begins` returned for the line. */
  #begun: BegunLine | null = null;
  /** What the line was after its first key, if that was a paste. */
  #pasted: string | null = null;
  /** The timer of `QUIET_MS`; set while keys are dropped. */
  #quietTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether keys that are dropped belong to a line that was set aside. */
  #isAside = false;
  #isDropTold = true;
  #isClosed = false;

  /**
   * @param commands What Tab completes. @param dataFolder What the completion of paths is given.
   * @param begins Called with the first key of a line; `isKept`: of one that was begun before it was taken out.
   */
  constructor(
    commands: CommandTable<Target>,
    dataFolder: string,
    begins: (isKept?: boolean) => BegunLine | null,
    screen: Screen,
  ) {
    this.#commands = commands;
    this.#dataFolder = dataFolder;
    this.#begins = begins;
    this.#screen = screen;
  }

  get text(): string {
    return this.#editor.text;
  }

  /** How it is shown behind `prompt`. */
  shown(prompt: string): Asked {
    return shownLine(this.#editor, prompt);
  }

  /** Sets the lines that its keys recall, the oldest first. */
  recall(lines: readonly string[]): void {
    this.#editor = recalling(this.#editor, lines);
  }

  setExpansion(expansion: Expansion | null): void {
    this.#expansion = expansion;
  }

  setNames(names: () => readonly string[], away?: () => readonly string[]): void {
    this.#names = names;
    this.#namesAway = away;
  }

  get names(): readonly string[] {
    return this.#names();
  }

  /** Handles a key. @param isFull Whether no further line can be entered. @returns What the key asks for, if anything. */
  press(key: Key, isFull: boolean): EditorRequest | null {
    const { state, request } = onKey(this.#editor, key);
    // If the queue is full, the line stays in the editor, so that nothing typed is lost. Enter alone isn't queued.
    if (request?.type === "submit" && request.text !== "" && isFull) {
      this.#screen.ring();
      return null;
    }
    // What is searched is typed where the prompt shows no question.
    const [was, is] = [this.#editor, state].map((at) => at.text !== "" || at.search !== null);
    if (!was && is) {
      this.#begun = this.#begins();
      this.#pasted = key.type === "paste" ? state.text : null;
    }
    this.#editor = this.#expanded(state);
    return request;
  }

  /** The line that was just entered, as it is to be run. */
  entered(text: string): EnteredLine {
    return { text, begun: this.#begun, isPasted: text === this.#pasted };
  }

  /** Empties it; Ctrl+Y brings it back. */
  clear(): void {
    this.#editor = cleared(this.#editor);
  }

  /** Empties it, and takes `lines` out of those that its keys recall. */
  forget(lines: readonly string[]): void {
    this.#editor = forgetting(this.#editor, lines);
  }

  /** Replaces the expansion as soon as it is typed: the user sees its meaning, which may change later. */
  #expanded(state: EditorState): EditorState {
    const expansion = this.#expansion;
    if (expansion === null || !state.text.startsWith(expansion.typed)) return state;
    const { typed, becomes } = expansion;
    if (this.#editor.text.startsWith(typed) || state.cursor < typed.length) return state;
    const longer = replaced(state, 0, typed.length, becomes);
    return { ...longer, cursor: state.cursor + becomes.length - typed.length };
  }

  // Tab.

  complete(): void {
    const { text, cursor } = this.#editor;
    const names = this.#names();
    const asked = askedPath(text, cursor, this.#commands, names, this.#namesAway);
    if (asked === null) {
      return this.#completed(complete(text, cursor, this.#commands, names, this.#namesAway));
    }
    // One look at the disk at a time: a disk that doesn't answer holds nothing up but further ones.
    if (this.#isLooking) return this.#completed(null);
    this.#isLooking = true;
    const before = this.#editor;
    void asked.find(asked.typed, this.#dataFolder).then((found) => {
      this.#isLooking = false;
      if (this.#isClosed || this.#editor !== before) return; // the user has typed on
      this.#completed(completedPath(asked, found));
      this.#screen.redraw();
    });
  }

  #completed(completion: Completion | null): void {
    if (completion === null) return this.#screen.ring();
    const { text, cursor } = this.#editor;
    const word = text.slice(completion.start, cursor);
    this.#editor = replaced(this.#editor, completion.start, cursor, completion.replacement);
    if (completion.choices.length > 0 && completion.replacement === word) {
      this.#screen.printLines([[completion.choices.join("  ")]]);
    }
  }

  // A draft for one of several rooms.

  take(): string {
    const { text } = this.#editor;
    this.forget([]);
    this.#screen.redraw();
    return text;
  }

  putBack(text: string): boolean {
    if (this.#editor.text !== "") return false;
    this.#editor = insert(this.#editor, text);
    this.#begun = this.#begins(true);
    this.#screen.redraw();
    return true;
  }

  setAside(whose: string, kept?: string): void {
    const text = kept ?? this.take();
    if (text === "") return;
    this.#editor = { ...this.#editor, killed: text };
    this.#screen.printStar(
      `What you were typing for ${whose} was set aside; Ctrl+Y brings it back`,
    );
    if (kept !== undefined) return;
    this.#isAside = true;
    this.#dropOn(); // the rest of the line comes before the user has read that
  }

  // Keys that are dropped.

  /**
   * Drops all keys until the user pauses, and keeps nothing of them: they may be a password.
   * @param isTold Whether the user knows that; otherwise the first that is dropped tells it.
   */
  dropUntilQuiet(isTold: boolean): void {
    this.#isAside = false;
    this.#isDropTold = isTold;
    this.#dropOn();
  }

  /** Whether this key is dropped. */
  drops(key: Key): boolean {
    if (this.#quietTimer === undefined) return false;
    if (key.type === "press" && ALWAYS_HEEDED.has(key.name)) return false;
    if (this.#isAside && key.type === "press" && key.name === "yank") {
      this.#endQuiet(); // who presses that has read where the line went
      return false;
    }
    if (!this.#isDropTold) {
      this.#isDropTold = true;
      this.#screen.printStar("What you type is dropped until you pause: it may be a password");
    }
    if (this.#isAside && (key.type === "text" || key.type === "paste")) {
      this.#editor = continued(this.#editor, key.text);
    }
    this.#dropOn();
    return true;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#quietTimer);
  }

  #dropOn(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#endQuiet(), QUIET_MS);
  }

  #endQuiet(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = undefined;
    this.#isAside = false;
    this.#isDropTold = true;
  }
}
