/**
 * Asks the machines that run how things stand, as their users do by `/status`: what is told to a monitor is what people
 * are told, and a machine that doesn't answer is seen not to.
 */

import type { Clock } from "../../base/machine/clock.ts";
import { Fresh } from "./fresh.ts";

/** Whoever carries out commands, and can be asked. */
export interface StatusHost {
  command(command: { readonly command: "status" }, ref: string): void;
}

interface AnsweringEvent {
  readonly event: string;
}

/** An answer that takes longer waits for the disk, or never comes. */
const ANSWER_MS_MAX = 2_000;

/** Those that came, and whether all did. */
export interface Statuses<Status> {
  readonly answers: readonly Status[];
  /** How many machines were asked. */
  readonly asked: number;
  /** Whether each has said something, if only that it can't tell. */
  readonly isWhole: boolean;
}

interface Question<Status> {
  readonly asked: number;
  readonly answers: Status[];
  left: number;
  readonly done: PromiseWithResolvers<Statuses<Status>>;
}

export class AskedStatuses<Status extends AnsweringEvent> {
  /** By ref: an answer that is slow is still awaited when others ask anew. */
  readonly #open = new Map<string, Question<Status>>();
  readonly #fresh: Fresh<Promise<Statuses<Status>>>;
  #count = 0;

  /** @param mark Begins the `ref` of each question; no user can guess it. */
  constructor(
    readonly mark: string,
    readonly clock: Clock,
    readonly hosts: () => readonly StatusHost[],
  ) {
    this.#fresh = new Fresh(clock, () => this.#ask());
  }

  /** How things stand now, or did a second ago. */
  ask(): Promise<Statuses<Status>> {
    return this.#fresh.get();
  }

  /**
   * Whether the event answers a question that was asked here, and is to be shown to nobody.
   * @param ref That of the event.
   */
  takes(event: Status | AnsweringEvent, ref: string | undefined): boolean {
    if (ref === undefined || !ref.startsWith(this.mark)) return false;
    const question = this.#open.get(ref);
    if (question === undefined) return true; // too late
    if (isStatus<Status>(event)) question.answers.push(event);
    question.left -= 1;
    if (question.left === 0) this.#end(ref);
    return true;
  }

  #ask(): Promise<Statuses<Status>> {
    const hosts = this.hosts();
    const ref = `${this.mark}${++this.#count}`;
    const question: Question<Status> = {
      asked: hosts.length,
      answers: [],
      left: hosts.length,
      done: Promise.withResolvers(),
    };
    this.#open.set(ref, question);
    const timer = this.clock.at(this.clock.nowMs() + ANSWER_MS_MAX, () => this.#end(ref));
    for (const host of hosts) host.command({ command: "status" }, ref);
    if (hosts.length === 0) this.#end(ref);
    return question.done.promise.finally(() => timer.cancel());
  }

  #end(ref: string): void {
    const question = this.#open.get(ref);
    this.#open.delete(ref);
    if (question === undefined) return; // answered, in the moment in which its time was over
    const { answers, asked, left } = question;
    question.done.resolve({ answers, asked, isWhole: left === 0 });
  }
}

function isStatus<Status extends AnsweringEvent>(
  event: Status | AnsweringEvent,
): event is Status {
  return event.event === "status";
}
