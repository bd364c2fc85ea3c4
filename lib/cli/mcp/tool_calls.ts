/** The calls of tools under way: what they ask of the mode, and what they are answered. */

import type { ErrorCode } from "../../base/errors.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { durationText } from "../rendering/moments.ts";
import type { Hearers } from "../scripts/hearers.ts";
import { Saying } from "../scripts/saying.ts";
import type { Kept } from "../scripts/script_inbox.ts";
import type { Fields } from "../scripts/wanted.ts";
import { agentWords } from "./agent_words.ts";
import { GivenMessages, type Inbox } from "./given_messages.ts";
import type { JsonObject } from "./json_rpc.ts";
import { LookUp } from "./look_up.ts";
import type { ToolCall } from "./mcp_tools.ts";
import { ELSEWHERE, groupAside, noMessageText, notReadyText } from "./nothing_words.ts";
import { newestOf } from "./said_data.ts";
import {
  failure,
  membersResult,
  saidResult,
  sentResult,
  type ToolResult,
  verifyResult,
} from "./tool_results.ts";

type CallsInput =
  /** @param call A number of its own. */
  | { readonly type: "begin"; readonly call: number; readonly asked: ToolCall }
  /** The client has no use for its answer, whether it has been given or not. */
  | { readonly type: "cancel"; readonly call: number }
  /** Its answer has gone out. */
  | { readonly type: "written"; readonly call: number }
  /** The mode takes commands from now on. */
  | { readonly type: "listening" }
  /** The mode has said why it runs none, or that it does: see `Hearers.pausedBecause`. */
  | { readonly type: "paused" }
  | { readonly type: "event"; readonly event: Fields; readonly ref: string | undefined }
  /** Messages wait that didn't before. */
  | { readonly type: "came" }
  /** No input comes any more: nothing is worth waiting for. */
  | { readonly type: "ending" }
  | { readonly type: "tick" };

export type CallsEffect =
  | { readonly type: "command"; readonly command: JsonObject }
  | {
    readonly type: "answer";
    readonly call: number;
    readonly result: ToolResult;
  }
  /** These were given: no later call gives them. */
  | { readonly type: "take"; readonly kept: readonly Kept[] }
  /** These weren't given after all. */
  | { readonly type: "put-back"; readonly kept: readonly Kept[] }
  /** The agent knows that this is another room than its last one. */
  | { readonly type: "told" };

interface Ports {
  readonly hearers: Hearers;
  /** Null before the place is open where it is kept. */
  readonly inbox: () => (Inbox & { readonly isElsewhere: boolean }) | null;
  /** Draws what marks lines of others. */
  readonly drawMark: () => string;
  /** Whether the mode has a command of that name. */
  readonly isCommand: (name: string) => boolean;
}

/** A mode takes commands within this time, or says why not, or ends: it dials for no longer. */
const READY_MS = 15_000;
/** Where the mode says why it isn't in: it may be about to come in, as while it catches up. */
const OUTSIDE_MS = 3_000;
/** Answers come at once, unless the mode has paused: while it catches up, or the disk is slow. */
const ANSWER_MS = 10_000;
/** Where nobody says by then whose key it is, it counts as not verified. */
const LOOK_UP_MS = 2_000;

type Send = Extract<ToolCall, { readonly tool: "send" }>;
type Ask = Exclude<ToolCall, Send>;
type Wait = Extract<Ask, { readonly tool: "wait" }>;

/** A call that asks for something. */
interface Asked {
  readonly asked: Ask;
  readonly beganMs: number;
  deadlineMs: number;
  /** What is to be answered, once it is known whose keys they are. */
  found: Found | null;
}

interface Found {
  readonly lookUp: LookUp;
  /** The messages as a wait took them. */
  readonly kept: readonly Kept[];
  /** Whether others wait that are wanted as well. */
  readonly isMore: boolean;
}

export class ToolCalls implements Machine<CallsInput, CallsEffect> {
  readonly #ports: Ports;
  /** Calls that say something. */
  readonly #sayings = new Map<number, Saying>();
  readonly #asked = new Map<number, Asked>();
  readonly #given: GivenMessages;
  /** Calls whose answers say that this is another room than the last one, until they have gone out. */
  readonly #telling = new Set<number>();
  #ownKey = "";
  #effects: CallsEffect[] = [];

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#given = new GivenMessages(ports.inbox);
  }

  nextDeadlineMs(): number | null {
    const sayings = [...this.#sayings.values()].map((saying) =>
      saying.nextDeadlineMs() ?? Infinity
    );
    const asked = [...this.#asked.values()].map(({ deadlineMs }) => deadlineMs);
    const next = Math.min(...sayings, ...asked);
    return next === Infinity ? null : next;
  }

  step(input: CallsInput, nowMs: number): readonly CallsEffect[] {
    this.#effects = [];
    switch (input.type) {
      case "begin":
        this.#begin(input.call, input.asked, nowMs);
        break;
      case "cancel":
        this.#cancel(input.call);
        this.#lookAll(nowMs);
        break;
      case "written":
        this.#written(input.call);
        break;
      case "listening":
        for (const call of [...this.#sayings.keys(), ...this.#asked.keys()]) this.#tell(call);
        this.#sayAll({ type: "heard" }, nowMs);
        for (const [call, asked] of [...this.#asked]) this.#ask(call, asked, nowMs);
        break;
      case "paused":
        for (const [call, asked] of [...this.#asked]) this.#bePatient(call, asked, nowMs);
        break;
      case "event":
        this.#heard(input.event, input.ref, nowMs);
        break;
      case "came":
        this.#lookAll(nowMs);
        break;
      case "ending":
        for (const [call, { asked, found }] of [...this.#asked]) {
          if (asked.tool === "wait" && found === null) this.#late(call, asked);
        }
        break;
      case "tick":
        this.#tick(nowMs);
    }
    return this.#effects;
  }

  #begin(call: number, asked: ToolCall, nowMs: number): void {
    if (this.#tell(call)) return;
    if (asked.tool === "send") this.#beginSaying(call, asked, nowMs);
    else this.#beginAsking(call, asked, nowMs);
  }

  /** In another room than the last one nothing is done before the agent knows that. @returns Whether it is told here. */
  #tell(call: number): boolean {
    if (this.#ports.inbox()?.isElsewhere !== true) return false;
    this.#fail(call, "not-allowed", ELSEWHERE);
    this.#telling.add(call);
    return true;
  }

  // Says something.

  #beginSaying(call: number, { name: to, text, timeoutMs }: Send, nowMs: number): void {
    const { hearers } = this.#ports;
    const door = { mode: hearers.mode, text, to, timeoutMs };
    const by = {
      ref: refOf(call),
      naming: "the argument name",
      patience: "the argument timeout",
    };
    const saying = new Saying(door, hearers, nowMs, by);
    this.#sayings.set(call, saying);
    this.#said(call, saying, saying.step({ type: "heard" }, nowMs));
  }

  #sayAll(input: Parameters<Saying["step"]>[0], nowMs: number): void {
    for (const [call, saying] of [...this.#sayings]) {
      this.#said(call, saying, saying.step(input, nowMs));
    }
  }

  #said(call: number, saying: Saying, effects: ReturnType<Saying["step"]>): void {
    let arrived: Fields | null = null;
    for (const effect of effects) {
      if (effect.type === "command") this.#effects.push(effect);
      else if (effect.type === "arrived") arrived = effect.event;
      else {
        const { failure: why } = saying;
        if (why === null) this.#answer(call, sentResult(saying.reached, arrived ?? {}));
        else this.#fail(call, why.code, why.message);
      }
    }
  }

  // Asks for something.

  #beginAsking(call: number, asked: Ask, nowMs: number): void {
    const begun: Asked = { asked, beganMs: nowMs, deadlineMs: nowMs + READY_MS, found: null };
    this.#asked.set(call, begun);
    if (this.#ports.hearers.isListening) this.#ask(call, begun, nowMs);
    else this.#bePatient(call, begun, nowMs);
  }

  /** Where it is known why the mode isn't anywhere yet, that is the answer soon; a wait has its time. */
  #bePatient(call: number, begun: Asked, nowMs: number): void {
    const { asked, beganMs } = begun;
    const { isListening, pausedBecause } = this.#ports.hearers;
    if (isListening || pausedBecause === null) return;
    begun.deadlineMs = beganMs + (asked.tool === "wait" ? asked.timeoutMs : OUTSIDE_MS);
    if (begun.deadlineMs <= nowMs) this.#late(call, asked);
  }

  #ask(call: number, begun: Asked, nowMs: number): void {
    const { asked } = begun;
    if (asked.tool === "wait") {
      begun.deadlineMs = nowMs + asked.timeoutMs;
      if (!this.#look(call, begun, asked, nowMs) && asked.timeoutMs === 0) this.#late(call, asked);
      return;
    }
    begun.deadlineMs = nowMs + ANSWER_MS;
    this.#effects.push({ type: "command", command: { ...asked.command, ref: refOf(call) } });
  }

  /** Gives what waits. @returns Whether anything does. */
  #look(call: number, begun: Asked, { name, n }: Wait, nowMs: number): boolean {
    const held = this.#given.hold(name, n);
    if (held === null) return false;
    const { kept, isMore } = held;
    this.#lookUp(call, begun, kept.map(({ event }) => event), kept, isMore, nowMs);
    return true;
  }

  #lookUp(
    call: number,
    begun: Asked,
    said: readonly JsonObject[],
    kept: readonly Kept[],
    isMore: boolean,
    nowMs: number,
  ): void {
    const lookUp = new LookUp(said, this.#ownKey, refOf(call));
    begun.found = { lookUp, kept, isMore };
    begun.deadlineMs = nowMs + LOOK_UP_MS;
    for (const command of lookUp.questions) this.#effects.push({ type: "command", command });
    if (lookUp.isDone) this.#answerSaid(call, begun.asked, begun.found);
  }

  #answerSaid(call: number, { tool }: Ask, { lookUp, kept, isMore }: Found): void {
    const { drawMark } = this.#ports;
    const messages = lookUp.data();
    if (tool === "history") {
      const shown = newestOf(messages);
      const more = { is: shown.length < messages.length, text: LEFT_OUT };
      return this.#answer(call, saidResult(shown, drawMark, more));
    }
    this.#given.give(call, kept);
    this.#answer(call, saidResult(messages, drawMark, { is: isMore, text: WAITING }));
  }

  // What becomes of messages that were given.

  #written(call: number): void {
    if (this.#telling.delete(call)) this.#effects.push({ type: "told" });
    const kept = this.#given.written(call);
    if (kept !== null) this.#effects.push({ type: "take", kept });
  }

  #cancel(call: number): void {
    this.#telling.delete(call);
    this.#sayings.delete(call);
    this.#given.release(this.#asked.get(call)?.found?.kept ?? []);
    this.#asked.delete(call);
    const kept = this.#given.cancelled(call);
    if (kept !== null) this.#effects.push({ type: "put-back", kept });
  }

  // What the mode says.

  #heard(event: Fields, ref: string | undefined, nowMs: number): void {
    if (event.event === "ready") this.#ownKey = String(event["key"]);
    this.#sayAll({ type: "event", event, ref }, nowMs);
    if (ref !== undefined) {
      for (const [call, begun] of [...this.#asked]) this.#answered(call, begun, event, ref, nowMs);
    }
  }

  #lookAll(nowMs: number): void {
    if (!this.#ports.hearers.isListening) return;
    for (const [call, begun] of [...this.#asked]) {
      const { asked, found } = begun;
      if (asked.tool === "wait" && found === null) this.#look(call, begun, asked, nowMs);
    }
  }

  #answered(call: number, begun: Asked, event: Fields, ref: string, nowMs: number): void {
    const { asked, found } = begun;
    if (found !== null) {
      if (found.lookUp.heard(event, ref) && found.lookUp.isDone) {
        this.#answerSaid(call, asked, found);
      }
      return;
    }
    if (ref !== refOf(call)) return;
    if (event.event === "error") {
      const { code, text } = event as Fields & { readonly code: ErrorCode; readonly text: string };
      return this.#fail(call, code, text);
    }
    if (asked.tool === "members" && MEMBERS.has(event.event)) {
      const result = membersResult(event, this.#ownKey);
      const text = `${result.text}${groupAside(this.#ports.hearers)}`;
      this.#answer(call, { ...result, text });
    }
    if (asked.tool === "verify" && event.event === "verify") {
      this.#answer(call, verifyResult(event));
    }
    const said = event["messages"] ?? event["entries"];
    if (asked.tool !== "history" || !Array.isArray(said)) return;
    // What an ignored person says isn't shown to people, either.
    const heard = said.filter(({ ignored }) => ignored !== true);
    this.#lookUp(call, begun, heard, [], false, nowMs);
  }

  // When the time is over.

  #tick(nowMs: number): void {
    this.#sayAll({ type: "tick" }, nowMs);
    for (const [call, { asked, found, deadlineMs }] of [...this.#asked]) {
      if (deadlineMs > nowMs) continue;
      if (found !== null) this.#answerSaid(call, asked, found);
      else this.#late(call, asked);
    }
  }

  #late(call: number, asked: Ask): void {
    const { hearers, drawMark } = this.#ports;
    const { isListening, pausedBecause } = hearers;
    if (!isListening) return this.#fail(call, "timeout", notReadyText(pausedBecause));
    if (asked.tool === "wait") {
      const none = saidResult([], drawMark, { is: false, text: "" });
      const text = noMessageText(asked.name, asked.timeoutMs, hearers);
      return this.#answer(call, { ...none, text });
    }
    const because = pausedBecause === null ? "" : ` (${pausedBecause})`;
    const text = `No answer came within ${durationText(ANSWER_MS)}${because}: try again later`;
    this.#fail(call, "timeout", text);
  }

  #fail(call: number, code: ErrorCode, text: string): void {
    const message = agentWords(text, this.#ports.isCommand);
    this.#answer(call, failure({ code, message }));
  }

  #answer(call: number, result: ToolResult): void {
    this.#sayings.delete(call);
    this.#asked.delete(call);
    this.#effects.push({ type: "answer", call, result });
  }
}

/** Answers to `/peers` and `/list`. */
const MEMBERS: ReadonlySet<string> = new Set(["peers", "members", "friends"]);

const WAITING = "More messages wait: call wait again.";
const LEFT_OUT = "Earlier ones are left out, as these are long: ask for fewer.";

function refOf(call: number): string {
  return `mcp-${call}`;
}
