/**
 * Draws the attention of a user who isn't looking: the terminal's bell, and desktop notifications, by the escape
 * sequences that terminals have for them; and how often.
 */

import type { Clock } from "../../base/machine/clock.ts";
import { startOf, visibleText, withFewMarks } from "../../base/text/text.ts";
import { numberText } from "../../base/text/words.ts";
import type { Attention } from "../rendering/user_interface.ts";
import type { Streams } from "../streams/streams.ts";
import { passedOn } from "./passthrough.ts";
import type { Unseen } from "./unseen.ts";

type Variable = (name: string) => string | undefined;

/** Most of what a desktop shows of one, in characters. */
const TITLE_CHARACTERS_MAX = 60;
const BODY_CHARACTERS_MAX = 200;

/**
 * What to write, so that the desktop shows it; empty where the terminal isn't known to do that. Others ignore sequences
 * that they don't know, but not all do.
 * @param variable Returns the value of an environment variable.
 */
export function notifying(attention: Attention, variable: Variable): string {
  const title = harmless(`${attention.title} - p2pchat`, TITLE_CHARACTERS_MAX);
  const body = harmless(attention.body, BODY_CHARACTERS_MAX);
  const sequences = sequencesOf(kindOf(variable), title, body);
  return sequences === "" ? "" : passedOn(sequences, variable);
}

/** On one line, of bounded length, and nothing in it that a terminal obeys, or that hides or reorders text. */
function harmless(text: string, charactersMax: number): string {
  const line = startOf(text, 2 * charactersMax).replace(/\s+/gu, " ").trim();
  const shown = withFewMarks(visibleText(line));
  const start = startOf(shown, charactersMax);
  return start.length < shown.length ? `${start}…` : start;
}

type Kind = "9" | "99" | "777" | null;

function sequencesOf(kind: Kind, title: string, body: string): string {
  switch (kind) {
    case "9": // iTerm2: text alone. A digit and a semicolon at its start would mean something else, but no name has one.
      return `\x1b]9;${title}: ${body}\x07`;
    case "99": // kitty: title and body of one notification; it documents ST as the end, and no BEL
      return `\x1b]99;i=p2pchat:d=0;${title}\x1b\\\x1b]99;i=p2pchat:p=body;${body}\x1b\\`;
    case "777": // rxvt-unicode: a semicolon ends a field
      return `\x1b]777;notify;${title.replaceAll(";", ",")};${body.replaceAll(";", ",")}\x07`;
    case null:
      return "";
  }
}

const OF_TERM: readonly (readonly [RegExp, Kind])[] = [
  [/kitty/, "99"],
  [/^(?:foot|rxvt-unicode|xterm-ghostty|wezterm)/, "777"],
];
const OF_PROGRAM: Readonly<Record<string, Kind>> = {
  "iTerm.app": "9",
  "WarpTerminal": "9",
  "WezTerm": "777",
  "ghostty": "777",
};
function kindOf(variable: Variable): Kind {
  const term = variable("TERM") ?? "";
  const ofTerm = OF_TERM.find(([pattern]) => pattern.test(term));
  if (ofTerm !== undefined) return ofTerm[1];
  const program = variable("TERM_PROGRAM") ?? "";
  if (Object.hasOwn(OF_PROGRAM, program)) return OF_PROGRAM[program]!;
  if (variable("LC_TERMINAL") === "iTerm2") return "9"; // iTerm2 passes it on through SSH
  // Set by terminals, and kept by tmux; but also by a terminal from which this one was started, and so looked at last.
  if (variable("KITTY_WINDOW_ID")) return "99";
  const is777 = variable("GHOSTTY_RESOURCES_DIR") || variable("WEZTERM_PANE") ||
    variable("KONSOLE_VERSION") || variable("VTE_VERSION");
  return is777 ? "777" : null;
}

/** Between two notifications. */
const PAUSE_MS = 1_000;

/** At most one a second: of those that come sooner the most urgent, or else the last, waits and says how many there are. */
export class NotificationRate {
  #nextMs = -Infinity;
  #waiting: Attention | null = null;
  /** How many came besides the one that waits. */
  #more = 0;

  /** When the one that waits is due; null: none waits. */
  get dueMs(): number | null {
    return this.#waiting === null ? null : this.#nextMs;
  }

  /** @returns What to show now. */
  offer(attention: Attention, nowMs: number): Attention | null {
    if (this.#waiting !== null) {
      this.#more++;
      if (attention.isUrgent || !this.#waiting.isUrgent) this.#waiting = attention;
    } else if (nowMs < this.#nextMs) this.#waiting = attention;
    else {
      this.#nextMs = nowMs + PAUSE_MS;
      return attention;
    }
    return this.due(nowMs);
  }

  /** @returns The one that waited, if it is due. */
  due(nowMs: number): Attention | null {
    const waiting = this.#waiting;
    if (waiting === null || nowMs < this.#nextMs) return null;
    const more = this.#more;
    this.clear();
    this.#nextMs = nowMs + PAUSE_MS;
    if (more === 0) return waiting;
    return { ...waiting, title: `${waiting.title} (and ${numberText(more)} more)` };
  }

  /** The user is looking: nothing waits any more. */
  clear(): void {
    this.#waiting = null;
    this.#more = 0;
  }
}

const BELL = "\x07";

/** Rings and notifies while the user isn't looking, by what the terminal tells of its focus and by the keys. */
export class Notifier {
  readonly #unseen: Unseen;
  readonly #streams: Pick<Streams, "variable" | "wallMs">;
  readonly #clock: Clock;
  readonly #write: (sequence: string) => void;
  readonly #rate = new NotificationRate();
  /** The timer of the one that waits. */
  #timer: { cancel(): void } | null = null;

  /** @param unseen Is told when the user is looking. @param write Writes what the terminal obeys. */
  constructor(
    unseen: Unseen,
    streams: Pick<Streams, "variable" | "wallMs">,
    clock: Clock,
    write: (sequence: string) => void,
  ) {
    this.#unseen = unseen;
    this.#streams = streams;
    this.#clock = clock;
    this.#write = write;
  }

  /** The terminal tells that it has got the focus, or lost it. */
  focus(hasFocus: boolean): void {
    this.#unseen.focus(hasFocus, this.#streams.wallMs());
    if (hasFocus) this.#rate.clear();
  }

  pressed(): void {
    this.#rate.clear();
    this.#unseen.pressed(this.#streams.wallMs());
  }

  attend(attention: Attention): void {
    if (this.#unseen.isSeen(this.#streams.wallMs(), attention.isUrgent)) return;
    this.#notify(this.#rate.offer(attention, this.#clock.nowMs()));
  }

  close(): void {
    this.#timer?.cancel();
  }

  #notify(attention: Attention | null): void {
    if (attention !== null) {
      this.#write(BELL + notifying(attention, (name) => this.#streams.variable(name)));
    }
    const { dueMs } = this.#rate;
    if (dueMs === null || this.#timer !== null) return;
    this.#timer = this.#clock.at(dueMs, () => {
      this.#timer = null;
      this.#notify(this.#rate.due(this.#clock.nowMs()));
    });
  }
}
