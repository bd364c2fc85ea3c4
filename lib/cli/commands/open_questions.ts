/**
 * The questions that wait for the user's answer, one rule for all doors. `y` or `n` alone answers the one that the
 * prompt showed when the line was begun; only if by then all that it is about was shown at that door, and time to read has
 * passed, since it is the first, too; and only while nothing was said since by whoever asks, nor asked that another command
 * answers, or where no prompt shows the question, said or asked by anybody, nor is the user in another room there.
 * Otherwise nothing is done, and nothing is said. The commands of a question name it, and answer it at any time.
 */

import { P2pchatError } from "../../base/errors.ts";
import { shownName } from "../../base/text/names.ts";
import type { Invocation } from "./commands.ts";
import {
  askedBy,
  type Asking,
  type Event,
  type Fields,
  settledBy,
  shutOutBy,
} from "./question_kinds.ts";

/**
 * Who answers sooner may have typed it to somebody else: nobody has read by then what they are asked, and a member can
 * ask right after a question of its own to which people say yes.
 */
export const READING_MS_MIN = 2_000;
/** Offers come as often as somebody likes: twice as many as can be open in a room. */
const QUESTIONS_MAX = 2_048;

const ANSWER = /^(?:(y)|n)$/i;

/** Whether the line is an answer, and nothing else. A blank before it makes it a text. */
export function isAnswer(line: string): boolean {
  return ANSWER.test(line.trimEnd());
}

/** Which of a console's several rooms something is about. */
export interface Place {
  /** For `--json`: the field `room`; null before it is known. */
  readonly room: string | null;
  /** What marks lines about another room than the one that the user is in; null: they are about that one. */
  readonly label: string | null;
}

interface Question extends Asking {
  /** The room that it was asked in, where there may be several. */
  readonly place: Place | undefined;
  /** How many had been asked with it. */
  readonly at: number;
  readonly untilMs: number;
  /** Since when none of those before it waits. */
  firstMs: number;
  isAnswered: boolean;
  /** Whether whoever asks has said something since. */
  isTalkedOver: boolean;
  /** Whether anybody has said or asked something since, there. */
  isFollowed: boolean;
}

/** Where the user reads and types. */
interface Door {
  /** Whether the question is seen there while a line is begun. */
  readonly hasPrompt: boolean;
  /** Whether programs read there, which need no time for it. */
  readonly isScripts?: boolean;
  /** Whether a line that is an answer, and nothing else, is given only where somebody is asked. */
  readonly isNeverSaid?: true;
  /** How what was left out is seen there. @param folds The numbers by which the terminal shows it. */
  rest(folds: readonly number[]): string;
}

/** Whether a question is seen where a line is typed. */
type IsSeen = (question: Asking) => boolean;

/** What a line answers. */
export interface Answer {
  /** Null: nothing has to be done. */
  readonly run: Invocation | null;
  readonly room: string | undefined;
}

/** How things stood where a line was begun. */
export interface Begun {
  readonly view: QuestionsView;
  /** What its prompt showed. */
  readonly question: Question | null;
  /** Which of those shown there may have been meant. */
  readonly isSeen: IsSeen;
  /** How many questions had been asked. */
  readonly asked: number;
  readonly atMs: number;
}

export class OpenQuestions {
  readonly #open = new Map<string, Question>();
  #asked = 0;
  /** One that is over, and the user hadn't answered, until a line was entered since. */
  #missed: Question | null = null;
  #nowMs = 0;
  readonly #changed = new Set<() => void>();

  /** An event is about to be shown. @param wallMs Now, ms since 1970. */
  happened(event: Event, place: Place | undefined, nowMs: number, wallMs: number): void {
    this.#nowMs = nowMs;
    const wereOpen = this.#open.size > 0;
    const settled = settledBy(event);
    const shutOut = shutOutBy(event as Fields);
    const isOfRoom = event.event === "parted" || event.event === "removed";
    for (const { id, by, place: asked } of this.#open.values()) {
      const isElsewhere = isOfRoom && place !== undefined && asked?.room !== place.room;
      const isShutOut = event.event === "parted" || (shutOut !== undefined && by.includes(shutOut));
      if (id === settled || (isShutOut && !isElsewhere)) this.#settle(id);
    }
    const asking = askedBy(event, wallMs);
    if (asking !== null) this.#ask(asking, place);
    else if (SAID.has(String(event.event))) this.#said(event as Fields, place);
    if (wereOpen || this.#open.size > 0) { for (const changed of this.#changed) changed(); }
  }

  #ask(asking: Asking, place: Place | undefined): void {
    const { id, openMs = Infinity } = asking;
    this.#leaves(this.#open.get(id), this.#nowMs);
    this.#open.delete(id);
    this.#follow(asking.by, place, asking.yes.command);
    this.#open.set(id, {
      ...{ ...asking, place, at: ++this.#asked, untilMs: this.#nowMs + openMs, firstMs: -Infinity },
      ...{ isAnswered: false, isTalkedOver: false, isFollowed: false },
    });
    // Votes, calls and codes are few: their machines bound them.
    if (this.#open.size <= QUESTIONS_MAX) return;
    const offer = this.#open.values().find(({ yes }) => yes.command === "get");
    this.#settle(offer?.id ?? id);
  }

  #settle(id: string): void {
    const question = this.#open.get(id);
    if (question?.isAnswered === false) this.#missed = question;
    this.#leaves(question, this.#nowMs);
    this.#open.delete(id);
  }

  /** It waits no more: what comes after it may be the first now, which nobody can have seen at once. */
  #leaves(question: Question | undefined, nowMs: number): void {
    if (question === undefined || question.isAnswered) return;
    const sinceMs = Math.min(nowMs, question.untilMs);
    for (const one of this.#open.values()) {
      if (one.at > question.at) one.firstMs = Math.max(one.firstMs, sinceMs);
    }
  }

  /** Since when none of those before it waits. */
  firstMs({ at, firstMs }: Question, nowMs: number): number {
    const over = this.#open.values().filter((one) =>
      one.at < at && !one.isAnswered && one.untilMs <= nowMs
    );
    return Math.max(firstMs, ...over.map(({ untilMs }) => untilMs));
  }

  #said(fields: Fields, place?: Place): void {
    const { event, from, shown, key, name, by, outcome, away, self } = fields;
    if (self === true || (outcome ?? "committed") !== "committed") return;
    if (event === "presence" && away === undefined) return; // nothing is said with it
    this.#follow([from, shown, key, name, by], place);
  }

  /**
   * Somebody has said something, or asks by a command: what is asked by the same command is answered in order.
   * @param place While only one room is open it may come with what is asked alone.
   */
  #follow(who: readonly unknown[], place?: Place, command?: string): void {
    for (const question of this.#open.values()) {
      const isTheirs = question.by.some((one) => one !== undefined && who.includes(one));
      question.isTalkedOver ||= isTheirs && question.yes.command !== command;
      question.isFollowed ||= place === undefined || question.place?.room === place.room;
    }
  }

  /** Null where it isn't open, or not any more. */
  find(id: string): Question | null {
    return this.#open.get(id) ?? null;
  }

  /** Those that a letter answers, the oldest first. */
  waiting(nowMs: number): readonly Question[] {
    return [...this.#open.values()].filter((one) => !one.isAnswered && one.untilMs > nowMs);
  }

  /** When the next of them is open no more; null: at no time that is known. */
  nextDeadlineMs(nowMs: number): number | null {
    const next = Math.min(...this.waiting(nowMs).map(({ untilMs }) => untilMs));
    return next === Infinity ? null : next;
  }

  /** @param changed Called when other questions wait. */
  follow(changed: () => void): void {
    this.#changed.add(changed);
  }

  /** How many were asked so far. */
  get asked(): number {
    return this.#asked;
  }

  /** One more place where the user reads and types. */
  view(door: Door): QuestionsView {
    return new QuestionsView(this, door);
  }

  /**
   * What a line answers; null: nothing, and it means what it means where nobody is asked.
   * @param room The one that it is for, where it says so.
   * @throws {P2pchatError} `not-allowed`: it may have been meant for something else.
   */
  answer(line: string, begun: Begun, nowMs: number, room?: string): Answer | null {
    const word = ANSWER.exec(line.trimEnd());
    const missed = this.#missed;
    this.#missed = null;
    if (word === null) return null;
    const { view, question, isSeen } = begun;
    const first = view.first(nowMs, isSeen);
    // Who is called is in the lobby, where nothing is said.
    const isCalled = [question, first, missed].some((one) => one?.yes.command === "accept");
    const said = isCalled ? null : line;
    if (question === null && first === null) {
      const isOver = missed !== null && !view.door.hasPrompt && view.wasShown(missed);
      if (isOver || view.door.isNeverSaid) throw refusal(OVER, said);
      return null;
    }
    const verb = (of: Question) => word[1] === undefined ? of.no : of.yes;
    const form = (of: Question) => formOf(verb(of), of.place, room);
    if (question === null) throw refusal(LATE, said, form(first!));
    if (!this.waiting(nowMs).includes(question)) throw refusal(OVER, said);
    const isAside = !view.door.hasPrompt && !isThere(question.place, room);
    const why = view.unseen(question, begun.atMs) ??
      (isAside ? ASIDE : whySaid(question, view.door.hasPrompt));
    // What isn't shown whole is answered by nothing yet.
    const answering = view.unseenPart(question) === null ? form(question) : "";
    if (why !== null) throw refusal(why, said, answering);
    this.#answered(question, nowMs);
    return { run: verb(question), room: question.place?.room ?? undefined };
  }

  /**
   * A command is about to be run.
   * @param isTyped Whether a person has typed it. @param room As for `answer`. @returns To be called when it was run.
   * @throws {P2pchatError} `not-allowed` where it says yes to what wasn't shown, or may have been meant for another one.
   */
  check(invocation: Invocation, begun: Begun, isTyped: boolean, room?: string): () => void {
    const { command, texts } = invocation;
    const { view, asked, atMs } = begun;
    const meant: Question[] = [];
    for (const question of this.#open.values()) {
      if (!isThere(question.place, room)) continue;
      const isMeant = (verb: Invocation | null) =>
        verb?.command === command &&
        Object.entries(verb.texts).every(([name, text]) =>
          texts[name] === undefined
            ? question.isMeantUnnamed === true
            : plain(texts[name]) === plain(text)
        );
      const verb = [question.yes, question.no].find(isMeant);
      if (verb === undefined || verb === null) continue;
      const isNamed = Object.keys(verb.texts).some((name) => texts[name] !== undefined);
      meant.push(question);
      const isLate = question.at > asked; // known where there is a prompt
      const why = isLate ? LATE : view.door.hasPrompt ? null : view.unseen(question, atMs);
      if (isTyped && !isNamed && why !== null) throw refusal(why, null, formOf(verb, undefined));
      if (question.isSigned !== true || verb === question.no) continue;
      const unseen = view.unseenPart(question);
      if (unseen !== null) throw new P2pchatError("not-allowed", `Nothing was done: ${unseen}`);
    }
    return () => {
      if (meant.length === 1) this.#answered(meant[0]!, atMs);
    };
  }

  #answered(question: Question, nowMs: number): void {
    this.#leaves(question, nowMs);
    question.isAnswered = true;
    for (const changed of this.#changed) changed();
  }
}

/** Somebody's words. */
const SAID: ReadonlySet<string> = new Set(["message", "broadcast", "presence", "edit"]);

/** A number may be typed with zeros before it. */
function plain(text: string | undefined): string | undefined {
  return text?.replace(/^0+(?=\d)/, "");
}

const OVER = "that question is over";
const LATE = "you were asked after you began that line";
const SOON = "too soon after the question";
const ASIDE = "you were asked in another room";

function whySaid({ isTalkedOver, isFollowed, by }: Question, hasPrompt: boolean): string | null {
  if (isTalkedOver) return `${shownName(String(by[0]))} has written or asked since`;
  return !hasPrompt && isFollowed ? "others have written or asked since" : null;
}

/** @param form What would answer it. */
function refusal(why: string, line: string | null, form = ""): P2pchatError {
  const said = line === null ? [] : [`${line.trim()} after a blank says it`];
  const ways = [...(form === "" ? [] : [`${form} answers`]), ...said];
  const text = ways.length === 0 ? why : `${why}; ${ways.join(", ")}`;
  return new P2pchatError("not-allowed", `Nothing was done: ${text}`);
}

/** Whether what is typed goes to the room of that place. @param room The one that it is for, where it says so. */
function isThere(place: Place | undefined, room: string | undefined): boolean {
  return place === undefined || (room === undefined ? place.label === null : place.room === room);
}

/** As it is typed: `/go 130`; in another room, `/room 1, then /get 2`. Empty: nothing is. */
function formOf(verb: Invocation | null, place: Place | undefined, room?: string): string {
  if (verb === null) return "";
  const there = isThere(place, room) ? "" : `/room ${place!.label}, then `;
  return there + [`/${verb.command}`, ...Object.values(verb.texts)].join(" ");
}

interface Shown {
  /** Since when all of it is; null: some is left out. */
  wholeMs: number | null;
  /** The numbers of what was folded. */
  readonly folds: Set<number>;
}

/** What one place has shown of the questions. */
export class QuestionsView {
  readonly #all: OpenQuestions;
  readonly #shown = new WeakMap<Question, Shown>();
  /** What is folded of what is being shown; null: nothing is. */
  #folds: Set<number> | null = null;
  /** Questions of which something is folded. */
  #folded: readonly Question[] = [];

  constructor(all: OpenQuestions, readonly door: Door) {
    this.#all = all;
  }

  /** Passes on the parts of an event as they are shown; the question that it asks is shown with the last one. */
  showing(event: Event, parts: Iterable<string>, nowMs: () => number): Iterable<string> {
    const asking = askedBy(event);
    return asking === null ? parts : this.#showing(asking, parts, nowMs);
  }

  *#showing({ id }: Asking, parts: Iterable<string>, nowMs: () => number): Generator<string> {
    this.#folds = new Set();
    yield* parts;
    const folds = this.#folds;
    this.#folds = null;
    this.shows(id, nowMs(), folds);
  }

  /** The question was shown. @param folds What was left out; empty: nothing. */
  shows(id: string, nowMs: number, folds: ReadonlySet<number> = new Set()): void {
    const question = this.#all.find(id);
    if (question === null) return;
    const wholeMs = this.#shown.get(question)?.wholeMs ?? (folds.size === 0 ? nowMs : null);
    this.#shown.set(question, { wholeMs, folds: new Set(folds) });
    if (folds.size > 0) {
      this.#folded = [...this.#folded.filter((one) => this.#isOpen(one)), question];
    }
  }

  /** The terminal has left something out, and shows it by that number. */
  folds(number: number): void {
    this.#folds?.add(number);
  }

  /** What has that number was shown. */
  unfolds(number: number, nowMs: number): void {
    for (const question of this.#folded) {
      const shown = this.#shown.get(question)!;
      if (shown.folds.delete(number) && shown.folds.size === 0) shown.wholeMs ??= nowMs;
    }
  }

  #isOpen(question: Question): boolean {
    return this.#all.find(question.id) === question;
  }

  wasShown(question: Question): boolean {
    return this.#shown.has(question);
  }

  /** Those that a letter answers here. */
  #waiting(nowMs: number): readonly Question[] {
    return this.#all.waiting(nowMs).filter((question) => this.wasShown(question));
  }

  /** The first of them that is seen; null: none is. */
  first(nowMs: number, isSeen: IsSeen): Question | null {
    return this.#waiting(nowMs).find(isSeen) ?? null;
  }

  /** What the prompt says of them, behind who and where one is; empty: nothing. */
  prompt(nowMs: number): string {
    const [first, ...more] = this.#waiting(nowMs);
    if (first === undefined) return "";
    const { title, yes, place } = first;
    const ways = whySaid(first, this.door.hasPrompt) === null ? "y/n" : formOf(yes, place);
    const where = isThere(place, undefined) ? "" : `#${place!.label} `;
    return ` (${where}${title}: ${ways}${more.length === 0 ? "" : `; ${more.length} more`})`;
  }

  /** A line is begun. @param isSeen Where some are shown elsewhere than others. */
  begins(nowMs: number, isSeen: IsSeen = () => true): Begun {
    const question = this.first(nowMs, isSeen);
    return { view: this, question, isSeen, asked: this.#all.asked, atMs: nowMs };
  }

  /** Of a line of which it isn't known when it was begun. */
  get unbegun(): Begun {
    return { view: this, question: null, isSeen: () => true, asked: this.#all.asked, atMs: 0 };
  }

  /** Why nobody can have read here what they are asked; null: they can. */
  unseen(question: Question, nowMs: number): string | null {
    const part = this.unseenPart(question);
    if (part !== null) return part;
    const { wholeMs } = this.#shown.get(question)!;
    const sinceMs = Math.max(wholeMs!, this.#all.firstMs(question, nowMs));
    const isRead = this.door.isScripts || nowMs - sinceMs >= READING_MS_MIN;
    return isRead ? null : SOON;
  }

  /** How the rest of it is seen here; null: all was shown. */
  unseenPart(question: Question): string | null {
    const shown = this.#shown.get(question);
    return (shown?.wholeMs ?? null) !== null ? null : this.door.rest([...shown?.folds ?? []]);
  }
}
