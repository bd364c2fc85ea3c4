/**
 * The user interface of a program that does one thing for a script: says something (`--once`), or prints the next event
 * (`--wait`), and ends. Nothing is read, and nothing else is printed on standard output; errors and warnings go to
 * standard error.
 *
 * To the mode it is a user like others: it is shown events, gives commands, and leaves. What others say is in the inbox,
 * on the disk, before it counts as shown.
 */

import { P2pchatError } from "../../base/errors.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { CommonOptions, SayingDoor, WaitingDoor } from "../args/options.ts";
import { durationText } from "../rendering/moments.ts";
import type {
  CommonEvent,
  InputHandler,
  InterruptCause,
  KeptPlace,
  Mode,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import { CommandRunner } from "../streams/command_runner.ts";
import { PipedInterface } from "../streams/piped_interface.ts";
import type { Streams } from "../streams/streams.ts";
import type { TextFormatOptions } from "../streams/text_format.ts";
import { Hearers } from "./hearers.ts";
import { Leaving } from "./leaving.ts";
import { type Kept, ScriptInbox } from "./script_inbox.ts";
import { Saying } from "./saying.ts";
import { StandardError } from "./standard_error.ts";
import { type Fields, isHeard, isWanted } from "./wanted.ts";

type Clock = Pick<typeof SYSTEM_LINK_CLOCK, "nowMs" | "at">;

export class ScriptedInterface<Event extends ShownEvent, Target>
  implements UserInterface<Event, Target> {
  readonly interactive = false;
  readonly dialogue = null;
  readonly draft = null;
  readonly #out: PipedInterface<Event, Target>;
  readonly #streams: Streams;
  readonly #standardError: StandardError;
  readonly #json: boolean;
  readonly #clock: Clock;
  readonly #runner: CommandRunner<Target>;
  readonly #hearers: Hearers;
  /** Null: it waits. */
  readonly #saying: Saying | null;
  /** Null: it says something. */
  readonly #waiting: WaitingDoor | null;
  #target: Target | null = null;
  #inbox: ScriptInbox | null = null;
  readonly #leaving = new Leaving();
  #timer: { cancel(): void } | null = null;
  #isPrinting = false;
  #isPrinted = false;
  #failure: P2pchatError | null = null;

  constructor(
    mode: Mode<Event, Target>,
    options: CommonOptions,
    door: SayingDoor | WaitingDoor,
    streams: Streams,
    screen: TextFormatOptions["terminal"],
    clock: Clock = SYSTEM_LINK_CLOCK,
  ) {
    this.#out = new PipedInterface(mode, options, streams, screen);
    this.#streams = streams;
    this.#standardError = new StandardError(streams.stderr);
    this.#json = options.json;
    this.#clock = clock;
    this.#hearers = new Hearers(door.mode);
    this.#saying = door.door === "once" ? new Saying(door, this.#hearers, clock.nowMs()) : null;
    this.#waiting = door.door === "wait" ? door : null;
    this.#runner = new CommandRunner(mode.commands, true, {
      refuse: ({ code, message }, ref) => this.show({ event: "error", code, text: message }, ref),
      help: () => {},
      showFolded: () => {},
      clear: () => {},
      notice: () => {},
      ready: () => this.#out.ready(),
    });
    this.#out.heedInterrupts((cause) => this.#leaving.leave(cause));
    if (this.#waiting === null) this.#setTimer();
    else {
      const { timeoutMs } = this.#waiting;
      this.#timer = clock.at(clock.nowMs() + timeoutMs, () => this.#giveUp(timeoutMs));
    }
  }

  /** What others say is kept there from now on, until a `--wait` has printed it. */
  async keepIn(disk: Disk, folder: string): Promise<KeptPlace> {
    const failed = (error: unknown) => {
      if (!(error instanceof P2pchatError)) throw error;
      this.#failure ??= error;
      this.#leaving.leave("interrupt");
    };
    const inbox = await ScriptInbox.open(
      disk,
      folder,
      (text) => this.#standardError.warn(text),
      failed,
    );
    this.#inbox = inbox;
    this.#look();
    return {
      close: async () => {
        await this.#printing;
        this.#inbox = null;
        await inbox.close();
      },
    };
  }

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#leaving.heed(interrupted);
  }

  listen(handler: InputHandler<Target>): void {
    this.heedInterrupts((cause) => handler.interrupted(cause));
    this.#target = handler.target;
    this.#hearers.isListening = true;
    this.#step({ type: "heard" });
  }

  show(event: Event | CommonEvent, ref?: string): void {
    const fields = event as unknown as Fields;
    this.#standardError.shown(fields, ref);
    this.#hearers.heard(fields);
    this.#inbox?.heard(fields, new Date(this.#streams.wallMs()).toISOString());
    this.#step({ type: "event", event: fields, ref });
    if (this.#waiting === null) return;
    const isKept = isHeard(fields) && this.#inbox !== null;
    if (!isWanted(fields, this.#waiting)) return; // all that waited before was looked through once
    // What isn't in the inbox is of the moment: what was before isn't told again by it.
    if (isKept) this.#look();
    else if (fields["history"] !== true) this.#print(fields, null);
  }

  setPrompt(): void {}
  setNames(): void {}
  keepTyped(): void {}
  attend(): void {}
  setExpansion(): void {}
  progress(): void {}
  giveUpWaiting(): void {}

  pauseInput(reason: string | null): void {
    this.#runner.pause(reason !== null);
  }

  ready(): Promise<void> | null {
    return this.#out.ready();
  }

  async flush(): Promise<void> {
    await Promise.all([this.#out.flush(), this.#kept()]);
  }

  async written(): Promise<void> {
    await Promise.all([this.#out.written(), this.#kept()]);
  }

  /** Resolves when all that others said is in the inbox; never, where the disk refuses: then it doesn't count as shown. */
  async #kept(): Promise<void> {
    await this.#inbox?.synced().catch(() => new Promise(() => {}));
  }

  /** Also what came of it, once the mode has ended. */
  get outputError(): P2pchatError | null {
    const error = this.#out.outputError ?? this.#failure ?? this.#saying?.failure ?? null;
    if (error !== null || this.#waiting === null || this.#isPrinted) return error;
    return new P2pchatError("timeout", "Nothing was printed: it was ended before anything came");
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#standardError.flush();
    await this.#out.close();
  }

  // Says something.

  #step(input: Parameters<Saying["step"]>[0]): void {
    const saying = this.#saying;
    if (saying === null) return;
    for (const effect of saying.step(input, this.#clock.nowMs())) {
      switch (effect.type) {
        case "command":
          void this.#runner.runAll([JSON.stringify(effect.command)], this.#target!);
          break;
        case "arrived":
          // People see it by the exit status.
          if (this.#json) this.#out.show(effect.event as unknown as Event);
          break;
        case "leave":
          this.#leaving.leave("interrupt");
      }
    }
    this.#setTimer();
  }

  #setTimer(): void {
    this.#timer?.cancel();
    const nextMs = this.#saying?.nextDeadlineMs() ?? null;
    this.#timer = nextMs === null
      ? null
      : this.#clock.at(nextMs, () => this.#step({ type: "tick" }));
  }

  // Waits for something.

  #printing: Promise<void> = Promise.resolve();

  /** Prints the first that is wanted in the inbox. */
  #look(): void {
    if (this.#waiting === null || this.#isPrinting) return;
    const waiting = this.#waiting;
    const kept = this.#inbox?.next((event) => isWanted(event, waiting)) ?? null;
    if (kept !== null) this.#print(kept.event, kept);
  }

  /** @param kept Where it is taken from; null: it is of the moment. */
  #print(event: Fields, kept: Kept | null): void {
    if (this.#isPrinting || this.#failure !== null) return;
    this.#isPrinting = true;
    this.#timer?.cancel();
    this.#printing = this.#printAndTake(event, kept);
  }

  /**
   * The order matters to who is killed in between: what was printed and isn't taken is printed again by the next call,
   * and nothing is taken that wasn't printed.
   */
  async #printAndTake(event: Fields, kept: Kept | null): Promise<void> {
    try {
      await this.#inbox?.synced();
      this.#out.show(event as unknown as Event);
      await this.#out.flush();
      if (this.#out.outputError !== null || this.#leaving.cause === "output-closed") return;
      if (kept !== null) await this.#inbox?.take(kept.id);
      this.#isPrinted = true;
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error; // what the disk refuses is told by the inbox
    } finally {
      this.#leaving.leave("interrupt");
    }
  }

  #giveUp(timeoutMs: number): void {
    const text = `Nothing came within ${
      durationText(timeoutMs)
    }: the next --wait goes on from here`;
    this.#failure = new P2pchatError("timeout", text);
    this.#leaving.leave("interrupt");
  }
}
