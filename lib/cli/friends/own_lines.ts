/**
 * At a terminal: what the user says, with the time and whether it has arrived. A line on its way stands above the prompt
 * and is printed once that is decided: as arrived, as waiting, or as refused. So what scrolls away is right for good, and
 * nothing above is ever rewritten.
 */

import type { Clock } from "../../base/machine/clock.ts";
import { shownName } from "../../base/text/names.ts";
import { startOf } from "../../base/text/text.ts";
import { numberText } from "../../base/text/words.ts";
import type { FriendsCommand, FriendsEvent } from "../../protocols/friends/events.ts";

/** What the user has said, at a terminal. */
export interface OwnLineEvent {
  readonly event: "own";
  readonly to: string;
  readonly text: string;
  /** Wall time, ms since 1970. */
  readonly saidMs: number;
  /** `late`: it has arrived, and was shown as waiting before. */
  readonly state: "arrived" | "waiting" | "refused" | "late";
}

/** What takes longer is shown as waiting, ms. */
const UNDECIDED_MS_MAX = 2_000;

/** More isn't seen in a row of a terminal. */
const PROGRESS_CHARACTERS = 200;

/** What the refs of commands begin with that the user has typed, and never sees. */
const REF_START = "own ";

interface OwnLine {
  /** What its answers are shown with: that of a door; what is typed at the terminal has none. */
  readonly ref: string | undefined;
  readonly to: string;
  readonly text: string;
  readonly saidMs: number;
  /** The message's, once it is known. */
  id: string | null;
  /** Set until the line is printed. */
  timer: { cancel(): void } | null;
}

interface OwnLinesPorts {
  readonly clock: Clock;
  readonly wallMs: () => number;
  /** The friend's name as the table has it; null: only what is said to a friend goes anywhere. */
  listed(name: string): string | null;
  show(event: OwnLineEvent): void;
  /** Sets the row above the prompt; null removes it. */
  progress(text: string | null): void;
}

export class OwnLines {
  /** By ref: what hasn't arrived, no more than the outbox has and than was typed within `UNDECIDED_MS_MAX`. */
  readonly #lines = new Map<string, OwnLine>();
  /** The refs of those lines whose messages' ids are known, by id. */
  readonly #refs = new Map<string, string>();
  /** Those that aren't printed. */
  readonly #undecided = new Set<OwnLine>();
  #progress: string | null = null;
  #count = 0;

  constructor(readonly ports: OwnLinesPorts) {}

  /** A command of the user's. @returns The ref for it. */
  asked(command: FriendsCommand, ref: string | undefined): string | undefined {
    if (command.command !== "msg") return ref;
    const to = this.ports.listed(command.name);
    if (to === null) return ref;
    const { clock, wallMs } = this.ports;
    const own = `${REF_START}${++this.#count}`;
    const line: OwnLine = {
      ref,
      to,
      text: command.text,
      saidMs: wallMs(),
      id: null,
      timer: clock.at(clock.nowMs() + UNDECIDED_MS_MAX, () => {
        this.#print(line, "waiting");
        this.#tellProgress();
      }),
    };
    this.#lines.set(own, line);
    this.#undecided.add(line);
    this.#tellProgress();
    return own;
  }

  /** An event is about to be shown: prints the lines that belong above it. @returns The ref to show it with. */
  before(event: FriendsEvent, ref: string | undefined): string | undefined {
    const isOwn = ref !== undefined && ref.startsWith(REF_START);
    const found = isOwn ? ref : event.event === "delivery" ? this.#refs.get(event.id) : undefined;
    const line = found === undefined ? undefined : this.#lines.get(found);
    if (line !== undefined) this.#decide(found!, line, event);
    // It may say what has become of a line.
    else if (event.event === "notice" || event.event === "error") this.close();
    this.#tellProgress();
    return isOwn ? line?.ref : ref;
  }

  /** Prints what isn't decided. */
  close(): void {
    for (const line of this.#undecided) this.#print(line, "waiting");
    this.#tellProgress();
  }

  #decide(ref: string, line: OwnLine, event: FriendsEvent): void {
    if (event.event === "delivery") {
      this.#refs.set(line.id = event.id, ref);
      if (event.state === "queued") {
        if (event.waiting !== undefined) this.#print(line, "waiting");
        return;
      }
      if (event.state === "delivered") {
        if (line.timer !== null) this.#print(line, "arrived");
        else if (event.waited !== true) this.ports.show({ ...eventOf(line), state: "late" });
        return this.#forget(ref, line);
      }
    } else if (event.event !== "error") return;
    this.#print(line, "refused");
    this.#forget(ref, line);
  }

  #forget(ref: string, { id }: OwnLine): void {
    this.#lines.delete(ref);
    if (id !== null) this.#refs.delete(id);
  }

  #print(line: OwnLine, state: OwnLineEvent["state"]): void {
    if (line.timer === null) return;
    line.timer.cancel();
    line.timer = null;
    this.#undecided.delete(line);
    this.ports.show({ ...eventOf(line), state });
  }

  #tellProgress(): void {
    const text = this.#progressText();
    if (text === this.#progress) return;
    this.#progress = text;
    this.ports.progress(text);
  }

  #progressText(): string | null {
    const { size } = this.#undecided;
    if (size > 1) return `… ${numberText(size)} messages are on their way`;
    for (const { to, text } of this.#undecided) {
      return `… ${shownName(to)}: ${startOf(text, PROGRESS_CHARACTERS)}`;
    }
    return null;
  }
}

function eventOf({ to, text, saidMs }: OwnLine): Omit<OwnLineEvent, "state"> {
  return { event: "own", to, text, saidMs };
}
