/**
 * The user interface of a program that an agent uses (`--mcp`): lines of the Model Context Protocol on standard input and
 * output, and nothing else there; errors and warnings go to standard error.
 *
 * To the mode it is a user like others: it is shown events, gives commands, and leaves when the input ends. What others
 * say is in the inbox, on the disk, before it counts as shown, and stays there until a call has given it: the same as
 * `--wait` takes from.
 */

import { P2pchatError } from "../../base/errors.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import type { Disk } from "../../store/disk/disk.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { McpDoor } from "../args/options.ts";
import type {
  CommonEvent,
  InputHandler,
  InterruptCause,
  KeptPlace,
  Mode,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";
import { Hearers } from "../scripts/hearers.ts";
import { Leaving } from "../scripts/leaving.ts";
import { ScriptInbox } from "../scripts/script_inbox.ts";
import { StandardError } from "../scripts/standard_error.ts";
import { type Fields, isHeard } from "../scripts/wanted.ts";
import { CommandRunner } from "../streams/command_runner.ts";
import { Interrupts } from "../streams/interrupts.ts";
import { type InputLine, LineSplitter } from "../streams/line_splitter.ts";
import { OutputQueue } from "../streams/output_queue.ts";
import { READ_BYTES, type Streams } from "../streams/streams.ts";
import { McpServer } from "./mcp_server.ts";
import { McpTools } from "./mcp_tools.ts";
import { type CallsEffect, ToolCalls } from "./tool_calls.ts";
import { failure } from "./tool_results.ts";

type Clock = Pick<typeof SYSTEM_LINK_CLOCK, "nowMs" | "at">;

/** After the end of input a call that says something has so long for its answer: a host kills who stays much longer. */
const ENDING_MS = 2_000;

/** Nobody guesses one of 2^48 for one answer. */
const MARK_BYTES = 6;

/** @param error Why it ends; null: as it was asked to. */
function ended(error: P2pchatError | null): P2pchatError {
  const why = error === null ? "it was asked to" : error.message;
  return new P2pchatError(
    error?.code ?? "offline",
    `This program ends, and nothing more was done: ${why}`,
  );
}

export class McpInterface<Event extends ShownEvent, Target>
  implements UserInterface<Event, Target> {
  readonly interactive = false;
  readonly dialogue = null;
  readonly draft = null;
  readonly #streams: Streams;
  readonly #standardError: StandardError;
  readonly #clock: Clock;
  readonly #output: OutputQueue;
  readonly #interrupts: Interrupts;
  readonly #runner: CommandRunner<Target>;
  readonly #hearers: Hearers;
  readonly #server: McpServer;
  readonly #calls: ToolCalls;
  #target: Target | null = null;
  #inbox: ScriptInbox | null = null;
  readonly #leaving = new Leaving();
  #timer: { cancel(): void } | null = null;
  #endTimer: { cancel(): void } | null = null;
  #isClosed = false;
  #hasEnded = false;
  /** Whether nobody reads the output any more. */
  #isUnread = false;
  #failure: P2pchatError | null = null;
  /** Why the program ends; null where that isn't known. */
  #ending: P2pchatError | null = null;
  /** Until what was answered has gone out. */
  #writing: Promise<unknown> = Promise.resolve();
  /** How many answers to calls have not, as far as is known. */
  #underWay = 0;
  /** Until it is durable what became of messages that were given. */
  #settling: Promise<unknown> = Promise.resolve();

  /**
   * @param version Of this program.
   * @param drawMark Draws what marks lines of others, so that nobody can guess it.
   */
  constructor(
    mode: Mode<Event, Target>,
    door: McpDoor,
    version: string,
    streams: Streams,
    clock: Clock = SYSTEM_LINK_CLOCK,
    drawMark: () => string = randomMark,
  ) {
    this.#streams = streams;
    this.#standardError = new StandardError(streams.stderr);
    this.#clock = clock;
    this.#hearers = new Hearers(door.mode);
    this.#server = new McpServer(new McpTools(mode.commands, door.mode), version);
    this.#calls = new ToolCalls({
      hearers: this.#hearers,
      inbox: () => this.#inbox,
      drawMark,
      isCommand: (name) => mode.commands.find(name) !== undefined,
    });
    this.#output = new OutputQueue({
      stdout: streams.stdout,
      stderr: streams.stderr,
      onClosed: () => {
        this.#isUnread = true;
        this.#interrupts.raise("output-closed");
      },
    });
    this.#interrupts = new Interrupts(streams);
    this.#interrupts.heed((cause) => this.#leaving.leave(cause));
    this.#runner = new CommandRunner(mode.commands, true, {
      refuse: ({ code, message }, ref) => this.show({ event: "error", code, text: message }, ref),
      help: () => {},
      showFolded: () => {},
      clear: () => {},
      notice: () => {},
      ready: () => null,
    });
    // A client may ask what there is before the mode is anywhere.
    void this.#readAll(); // rejects only for bugs, which end the program
  }

  /** What others say is kept there from now on, until a call has given it. */
  async keepIn(disk: Disk, folder: string, isElsewhere = false): Promise<KeptPlace> {
    const failed = (error: unknown) => {
      if (!(error instanceof P2pchatError)) throw error;
      this.#failure ??= error;
      this.#leaving.leave("interrupt");
    };
    const warn = (text: string) => this.#standardError.warn(text);
    const inbox = await ScriptInbox.open(disk, folder, warn, failed);
    if (isElsewhere) inbox.ledHere();
    this.#inbox = inbox;
    this.#callsStep({ type: "came" });
    return {
      close: async () => {
        await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, this.#writing);
        await this.#settling;
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
    this.#callsStep({ type: "listening" });
  }

  show(event: Event | CommonEvent, ref?: string): void {
    const fields = event as unknown as Fields;
    this.#standardError.shown(fields, ref);
    this.#hearers.heard(fields);
    this.#inbox?.heard(fields, new Date(this.#streams.wallMs()).toISOString());
    this.#callsStep({ type: "event", event: fields, ref });
    if (isHeard(fields)) this.#callsStep({ type: "came" });
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
    this.#hearers.pausedBecause = reason;
    this.#callsStep({ type: "paused" });
  }

  /** Whoever waits for an answer is told why there is none. */
  failing(error: P2pchatError): Promise<void> {
    this.#ending = error;
    return Promise.resolve();
  }

  /** What is shown goes into the inbox, which is bounded. */
  ready(): Promise<void> | null {
    return null;
  }

  flush(): Promise<void> {
    return this.#kept();
  }

  written(): Promise<void> {
    return this.#kept();
  }

  /** Resolves when all that others said is in the inbox; never, where the disk refuses: then it doesn't count as shown. */
  async #kept(): Promise<void> {
    await this.#inbox?.synced().catch(() => new Promise(() => {}));
  }

  get outputError(): P2pchatError | null {
    return this.#output.error ?? this.#failure;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const why = ended(this.#ending ?? this.outputError);
    for (const call of this.#server.unanswered) {
      this.#serverStep({ type: "answered", call, result: failure(why) });
    }
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#endTimer?.cancel();
    await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, this.#output.flush());
    await this.#standardError.flush();
    this.#interrupts.close();
  }

  // What comes in.

  async #readAll(): Promise<void> {
    const splitter = new LineSplitter();
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      await this.#output.ready(); // a client that reads nothing isn't answered without end
      const length = await this.#read(buffer);
      // It may answer what has gone out just now, which is to be noted first: what a call does depends on it.
      if (this.#underWay > 0) await turn();
      if (this.#isClosed) return;
      if (length === null) break;
      this.#take(splitter.push(buffer.subarray(0, length)));
    }
    this.#take(splitter.end());
    this.#end();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#streams.stdin.read(buffer);
    } catch {
      return null; // the host has gone, one way or another
    }
  }

  #take(lines: readonly InputLine[]): void {
    for (const line of lines) this.#serverStep({ type: "line", line });
  }

  /** The input has ended: what is under way gets a moment, and the mode leaves. */
  #end(): void {
    this.#hasEnded = true;
    this.#callsStep({ type: "ending" });
    const atMs = this.#clock.nowMs() + ENDING_MS;
    this.#endTimer = this.#clock.at(atMs, () => this.#leaving.leave("interrupt"));
  }

  #leaveIfOver(): void {
    if (this.#hasEnded && this.#server.unanswered.length === 0) this.#leaving.leave("interrupt");
  }

  // Between the two machines, the mode and the output.

  #serverStep(input: Parameters<McpServer["step"]>[0]): void {
    if (this.#isClosed) return;
    for (const effect of this.#server.step(input, this.#clock.nowMs())) {
      switch (effect.type) {
        case "write":
          this.#write(effect.message, effect.calls);
          break;
        case "begin":
        case "cancel":
          this.#callsStep(effect);
      }
    }
    this.#setTimer();
    this.#leaveIfOver();
  }

  #callsStep(input: Parameters<ToolCalls["step"]>[0]): void {
    if (this.#isClosed) return;
    for (const effect of this.#calls.step(input, this.#clock.nowMs())) {
      switch (effect.type) {
        case "command":
          void this.#runner.runAll([JSON.stringify(effect.command)], this.#target!);
          break;
        case "answer":
          void this.#answerKept(effect);
          break;
        case "take":
          this.#settle((inbox) => Promise.all(effect.kept.map(({ id }) => inbox.take(id))));
          break;
        case "put-back":
          this.#settle((inbox) => inbox.putBack(effect.kept));
          this.#callsStep({ type: "came" });
          break;
        case "told":
          this.#settle((inbox) => inbox.told());
      }
    }
    this.#setTimer();
    this.#leaveIfOver();
  }

  /**
   * What a call gives is on the disk before it is given: who is shown it again after a kill had it before. And whoever has
   * had any answer has begun: what is said from then on is news to the next program, also after a kill. What former
   * answers gave is taken first: whoever asks again has had them.
   */
  async #answerKept({ call, result }: Extract<CallsEffect, { type: "answer" }>): Promise<void> {
    await this.#writing;
    await this.#kept();
    this.#serverStep({ type: "answered", call, result });
  }

  #write(message: unknown, calls: readonly number[]): void {
    this.#output.write("stdout", `${JSON.stringify(message)}\n`);
    if (calls.length === 0) return;
    this.#underWay += 1;
    const written = this.#output.written().then(() => {
      this.#underWay -= 1;
      if (this.#isUnread) return;
      for (const call of calls) this.#callsStep({ type: "written", call });
    });
    this.#writing = bothDone(this.#writing, written);
  }

  /** What the disk refuses is told by the inbox. */
  #settle(work: (inbox: ScriptInbox) => Promise<unknown>): void {
    if (this.#inbox === null) return;
    const settled = work(this.#inbox).catch((error) => {
      if (!(error instanceof P2pchatError)) throw error;
    });
    this.#settling = bothDone(this.#settling, settled);
  }

  #setTimer(): void {
    this.#timer?.cancel();
    const nextMs = Math.min(
      this.#server.nextDeadlineMs() ?? Infinity,
      this.#calls.nextDeadlineMs() ?? Infinity,
    );
    this.#timer = nextMs === Infinity ? null : this.#clock.at(nextMs, () => {
      this.#serverStep({ type: "tick" });
      this.#callsStep({ type: "tick" });
    });
  }
}

/** Resolves when what the system has done by now is known. */
function turn(): Promise<void> {
  return new Promise((resolve) => void SYSTEM_LINK_CLOCK.at(SYSTEM_LINK_CLOCK.nowMs(), resolve));
}

/** Without their results: each would hold those of all before it. */
async function bothDone(one: Promise<unknown>, other: Promise<unknown>): Promise<void> {
  await Promise.all([one, other]);
}

function randomMark(): string {
  return crypto.getRandomValues(new Uint8Array(MARK_BYTES)).toHex();
}
