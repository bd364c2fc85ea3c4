/**
 * What the hosts of all modes share: a machine over links, its log and a user interface, each a port. Decodes what
 * links bring, and carries out the effects that every machine has.
 */

import { type Clock, measuredMs } from "../../base/machine/clock.ts";
import type { Environment, Logger } from "../../base/machine/environment.ts";
import type { Machine } from "../../base/machine/machine.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import type {
  KeepEffect,
  ModeEffect,
  ModeEvent,
  ModeInput,
  ModeOutcome,
  PinEffect,
  RecallEffect,
} from "../../base/machine/mode_machine.ts";
import type {
  DialExpectation,
  DialFailure,
  LinkEnd,
  LinkInfo,
  Links,
} from "../../transport/link.ts";
import { isUnknown, type MessageCodec } from "../../wire/codec.ts";
import { OpenLinks } from "../open_links.ts";
import { type CarriedFiles, FileCarriage, type FrameCarrier } from "./file_carriage.ts";
import { type LoggedMachine, RecordLog, type RecordStore } from "../record_log.ts";
import type { Persist, Runner, RunnerPorts } from "../runner.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../within.ts";

export interface ModePorts<Event> {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly links: Links;
  show(event: Event, ref: string | undefined): void;
  /**
   * Notes what the user found of a key (`/verify NAME yes`, `no`), before that answer is shown. Resolves when it is
   * durable, or when showing it will say that it isn't; rejects only for faults of our own.
   */
  keepAnswer(answer: Answer): Promise<void>;
  pauseInput(reason: string | null): void;
  /** Resolves when everything shown so far has reached the user's screen. */
  flushed(): Promise<void>;
  /** Resolves when everything shown before the call is written; more may be waiting by then. */
  written(): Promise<void>;
  /** Null while output is taken; otherwise resolves when its reader has caught up. */
  outputReady(): Promise<void> | null;
  /** Absent in a mode that carries no files. */
  readonly files?: CarriedFiles;
  /** Absent in a mode in which nobody writes to one alone. */
  readonly privateWords?: KeptWords<Event>;
  /** Somebody was shut out for breaking the rules; absent: nobody counts. */
  banned?(): void;
}

/** Puts something around a machine that sees what goes in and comes out; it answers as the machine does. */
export type Around<Input, Effect> = (machine: Machine<Input, Effect>) => Machine<Input, Effect>;

/** What was said to one alone, and by one, in files of its own. */
export interface KeptWords<Event> {
  /**
   * Resolves when the words are written, not synced, or the user was told that they can't be; rejects only for faults of
   * our own.
   */
  keep(effect: Omit<KeepEffect, "type">): Promise<void>;
  /**
   * Completes an answer, with all that `keep` was called for before, and nothing that it is called for later. What can't
   * be read is told, and left out.
   */
  recalled(effect: RecallEffect<Event>): Promise<Event>;
}

/**
 * Remembers which key a name has. Resolves when that is durable, or the user was told that it can't be; rejects only
 * for faults of our own.
 */
export type KeepPin = (pin: Omit<PinEffect, "type">) => Promise<void>;

/**
 * How long a key met for the first time may delay the effects behind it. A disk, or another program of the same
 * profile that is writing, may take longer; but links are given up after 2.5 s of silence.
 */
const PIN_MS_MAX = 500;
/** An answer is made for so long at a time: everything else waits meanwhile, and a turn between two pieces takes 1 ms. */
const MADE_MS = 5;

/** What the user found by comparing digits. */
type Answer = Extract<ModeEvent, { readonly event: "verify" }>;

type InputEffect = Extract<ModeEffect<never, never, never>, { readonly type: "input" }>;

export abstract class ModeHost<
  Message extends { readonly type: string },
  Command,
  Event extends { readonly event: string },
  Stored,
  Through,
> {
  readonly #carriage: FileCarriage | null;
  protected readonly openLinks: OpenLinks<Message>;
  readonly #ended = Promise.withResolvers<ModeOutcome>();
  /** Where each unanswered dial goes, for the log. */
  readonly #dialling = new Map<number, string>();
  #records: RecordLog<Stored, Through> | null = null;
  /** Answers that were completed, until they are shown. */
  readonly #recalled = new WeakMap<RecallEffect<Event>, Event>();
  /** The last `input` effect: whether the machine wants input. */
  #lastInput: InputEffect | null = null;

  /** The runner that steps the machine. */
  protected abstract readonly runner: Pick<
    Runner<ModeInput<Message, Command>, unknown, unknown>,
    "feed" | "stop" | "inOrder" | "queued"
  >;

  protected constructor(codec: MessageCodec<Message>, readonly ports: ModePorts<Event>) {
    const { clock, environment, links } = ports;
    const whoIs = (info: LinkInfo) => this.whoIs(info);
    const banned = () => ports.banned?.();
    const of = { clock, environment, links, whoIs, banned };
    const openLinks = this.openLinks = new OpenLinks(codec, of);
    const recipients = () => this.recipients();
    const { files } = ports;
    this.#carriage = files === undefined ? null : new FileCarriage({
      ...{ files, links, openLinks, recipients },
      carried: (link, isContent) => this.carried(link, isContent),
      seek: (holders, others) => this.seek(holders, others),
    });
  }

  /** What carries files; null in a mode that carries none. */
  get carrier(): FrameCarrier | null {
    return this.#carriage;
  }

  /** Effects that wait to be carried out, and what waits for links that are full, in bytes. */
  get waiting(): { readonly effects: number; readonly backlogBytes: number } {
    return { effects: this.runner.queued, backlogBytes: this.backlogBytes };
  }

  protected get backlogBytes(): number {
    return 0;
  }

  /** Starts the machine, and runs until it stops. @throws Whatever breaks the program itself. */
  async run(): Promise<ModeOutcome> {
    this.runner.feed({ type: "start" });
    try {
      return await this.#ended.promise;
    } finally {
      this.runner.stop();
      await this.ending();
      if (this.#records !== null) await this.#records.close();
      else await isDoneWithin(this.ports.clock, CLOSE_MS_MAX, this.ports.flushed());
    }
  }

  /** A command of the user. */
  command(command: Command, ref: string | undefined): void {
    this.runner.feed({ type: "command", command, ref });
  }

  /** Shows an answer that isn't the machine's: after the answers to earlier commands that it gives at once. */
  answer(show: () => void): void {
    this.runner.inOrder(show);
  }

  // LinkHandler's methods.

  abstract dialFailed(attempt: number, failure: DialFailure): void;

  frame(link: LinkId, body: Uint8Array): void {
    const message = this.openLinks.decode(link, body);
    if (message === null) return;
    if (isUnknown(message) && this.#carriage?.takes(link, message.code, body)) return;
    this.runner.feed(
      isUnknown(message)
        ? { type: "unknown-message", link, code: message.code }
        : { type: "message", link, message },
    );
  }

  linkDown(link: LinkId, { closed, reason }: LinkEnd): void {
    this.#carriage?.linkDown(link);
    const removed = this.openLinks.remove(link);
    if (removed === null) return;
    this.log.info("link down", { link, ...this.whoIs(removed.info), closed, reason });
    // The exact fault is only logged.
    const told = removed.isBanned ? "it sent invalid data" : reason;
    this.runner.feed({ type: "link-down", link, closed, reason: told });
  }

  bulkDrained(link: LinkId): void {
    this.#carriage?.bulkDrained(link);
  }

  drained(link: LinkId): void {
    if (this.openLinks.all.has(link)) this.runner.feed({ type: "drained", link });
  }

  /** The side that needs the link dials it anew, under fresh keys. */
  aged(link: LinkId): void {
    this.ports.links.close(link, "this link is a day old; dial again");
  }

  // For the hosts of the modes.

  /** The machine as the runner steps it: who may be sent files follows its steps. */
  protected carrying<Input, Effect>(machine: Machine<Input, Effect>): Machine<Input, Effect> {
    return this.#carriage?.around(machine) ?? machine;
  }

  /** Who may be sent files now, each over which link. */
  protected recipients(): ReadonlyMap<PeerKey, LinkId> {
    return new Map();
  }

  /** A frame about files went over this link, in either direction. */
  protected carried(_link: LinkId, _isContent: boolean): void {}

  /** Links are wanted for files, see `FrameCarrier`: a mode whose links don't depend on that makes none. */
  protected seek(_holders: readonly PeerKey[], _others: boolean): void {}

  /** @returns Whether the link is taken. Where it isn't, its dial fails, as the machine waits for an answer. */
  protected takes(link: LinkId, info: LinkInfo): boolean {
    const { attempt, peer: key } = info;
    if (this.openLinks.add(link, info)) {
      if (attempt !== null) this.#dialling.delete(attempt);
      return true;
    }
    const text = "it broke the rules a moment ago";
    if (attempt !== null) this.dialFailed(attempt, { reason: "refused", text, key });
    return false;
  }

  protected dial(attempt: number, endpoint: Endpoint, expect: DialExpectation): void {
    this.#dialling.set(attempt, endpointText(endpoint));
    this.ports.links.dial(attempt, endpoint, expect);
  }

  protected logDialFailure(attempt: number, { reason, text }: DialFailure): void {
    const remote = this.#dialling.get(attempt);
    this.#dialling.delete(attempt);
    this.log.info("dial failed", { remote, reason, text });
  }

  protected get log(): Logger {
    return this.ports.environment.log;
  }

  /** Log fields that say who is at the other end of a link. */
  protected whoIs({ peer, remote }: LinkInfo): Readonly<Record<string, unknown>> {
    return { key: fingerprintOf(peer), remote: endpointText(remote) };
  }

  /** What a mode still has to do before its log is closed; bounded in time. Never rejects. */
  protected async ending(): Promise<void> {}

  /** Logs who did what, never what was said. */
  protected abstract logEvent(event: Event): void;

  /** Of an error only the code is logged: its text may repeat what the user typed. */
  protected logFields(
    { event, ...fields }: { readonly event: string; readonly code?: ErrorCode },
  ): void {
    this.log.info(event, fields.code === undefined ? fields : { code: fields.code });
  }

  /** Completes an event with what only the links know. */
  protected abstract completed(event: Event): Event;

  /** Reports a bug of our own, or of the runtime. */
  protected fail(error: unknown): void {
    this.#ended.reject(error);
  }

  protected keepLog(store: RecordStore<Stored>, machine: LoggedMachine<Stored, Through>): void {
    const { clock, flushed, written } = this.ports;
    this.#records = new RecordLog<Stored, Through>(store, {
      ...machine,
      clock,
      log: this.log,
      flushed,
      written,
      failed: (error) => this.fail(error),
    });
  }

  /**
   * The ports of the runner that all modes share; a mode adds those for its own effects. @param pin Null where the
   * machine keeps no keys beside its log.
   */
  protected runnerPorts(pin: KeepPin | null = null): Omit<
    RunnerPorts<ModeInput<Message, Command>, { readonly type: string }, Stored>,
    "execute"
  > {
    return {
      persistOf: (effect) =>
        effect.type === "persist" ? effect as unknown as Persist<Stored> : null,
      clock: this.ports.clock,
      keepingOf: (effect) => {
        if (pin !== null && isPin(effect)) return () => this.#keepPin(pin, effect);
        const { privateWords: words } = this.ports;
        if (words !== undefined && isKeep(effect)) return () => words.keep(effect);
        if (isRecall<Event>(effect) && (words !== undefined || effect.making !== undefined)) {
          return () => this.#recall(effect);
        }
        const answer = answerIn(effect);
        return answer === null ? null : () => this.ports.keepAnswer(answer);
      },
      executeAtOnce: (effect) => this.executeAtOnce(effect),
      append: (records, sync) => this.#append(records, sync),
      persisted: (token) => ({ type: "persisted", token }),
      persistFailed: (token, text) => ({ type: "persist-failed", token, text }),
      tick: { type: "tick" },
      saturated: (full) => this.openLinks.pause("disk", full),
      failed: (error) => this.fail(error),
    };
  }

  /** As `append` of `RecordStore`. */
  async #append(records: readonly Stored[], sync: boolean): Promise<void> {
    invariant(this.#records !== null, "the log is open before anything is stored");
    await this.#records.append(records, sync);
  }

  /** Resolves when effects that rely on the key may go on; for an answer to the user, only when the key is kept. */
  async #keepPin(keep: KeepPin, pin: PinEffect): Promise<void> {
    const kept = keep(pin);
    if (pin.again) return await kept;
    kept.catch((error) => this.fail(error)); // also when nobody waits any more
    await isDoneWithin(this.ports.clock, PIN_MS_MAX, kept);
  }

  async #recall(effect: RecallEffect<Event>): Promise<void> {
    const { privateWords: words } = this.ports;
    // Without a turn between: what is kept behind it was said after it, and mustn't be found.
    const event = effect.making === undefined
      ? effect.event
      : await this.#made(effect, effect.making);
    const isWhole = words === undefined || effect.isPublic === true;
    this.#recalled.set(effect, isWhole ? event : await words.recalled({ ...effect, event }));
  }

  /** The answer with all its messages; everything else goes on between two pieces of it. */
  async #made(
    { event }: RecallEffect<Event>,
    making: NonNullable<RecallEffect<Event>["making"]>,
  ): Promise<RecallEffect<Event>["event"]> {
    const { clock } = this.ports;
    let turnMs = clock.nowMs();
    for (let next = making.next();; next = making.next()) {
      if (next.done === true) return { ...event, messages: next.value };
      if (clock.nowMs() - turnMs < MADE_MS) continue;
      await new Promise<void>((resolve) => void clock.at(clock.nowMs(), resolve));
      turnMs = clock.nowMs();
    }
  }

  /**
   * As `executeAtOnce` of the runner. Back pressure that waited for the disk would come too late; but the user's next
   * line may depend on what is shown before.
   */
  protected executeAtOnce(effect: InputEffect | { readonly type: string }): boolean {
    if (!isInput(effect)) return false;
    this.#lastInput = effect;
    if (effect.pausedBecause === null) return false;
    this.ports.pauseInput(effect.pausedBecause);
    return true;
  }

  /** Carries out an effect that the machines of all modes have. */
  protected perform(
    effect: ModeEffect<Event, Stored, Through> | PinEffect | KeepEffect | RecallEffect<Event>,
  ): void {
    switch (effect.type) {
      case "close":
        return this.ports.links.close(effect.link, effect.reason);
      case "ban":
        return this.openLinks.ban(effect.link, effect.reason, effect.durationMs);
      case "show":
        return this.#show(effect.event, effect.ref);
      case "recall":
        return this.#show(this.#recalled.get(effect) ?? effect.event, effect.ref);
      case "shown":
        return this.#records?.noteShown(effect.through);
      case "input":
        if (effect === this.#lastInput) this.ports.pauseInput(null);
        return;
      case "stop":
        this.runner.stop();
        return this.#ended.resolve(effect.outcome);
      case "persist":
      case "pin":
      case "keep":
        return; // for the runner
      default:
        unreachable(effect);
    }
  }

  #show(event: Event, ref: string | undefined): void {
    this.logEvent(event);
    this.ports.show(this.completed(event), ref);
    // While nobody takes the output, nothing more is taken from the network.
    this.openLinks.pauseUntil(() => this.ports.outputReady());
  }

  /** Round trips to the peers with a link, ms, by fingerprint. */
  protected roundTrips(): ReadonlyMap<string, number> {
    const byKey = new Map<string, number>();
    for (const [link, { peer }] of this.openLinks.all) {
      const ms = this.ports.links.roundTripMs(link);
      if (ms !== null) byKey.set(fingerprintOf(peer), measuredMs(ms));
    }
    return byKey;
  }
}

function isInput(effect: { readonly type: string }): effect is InputEffect {
  return effect.type === "input";
}

function answerIn(effect: { readonly type: string }): Answer | null {
  if (effect.type !== "show") return null;
  const { event } = effect as Extract<ModeEffect<ModeEvent, never, never>, { type: "show" }>;
  return event.event === "verify" && event.answer !== undefined ? event : null;
}

function isPin(effect: { readonly type: string }): effect is PinEffect {
  return effect.type === "pin";
}

function isKeep(effect: { readonly type: string }): effect is KeepEffect {
  return effect.type === "keep";
}

function isRecall<Event>(effect: { readonly type: string }): effect is RecallEffect<Event> {
  return effect.type === "recall";
}
