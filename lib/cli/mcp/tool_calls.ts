/**
 * The calls of tools under way: what they ask of the mode, and what they are answered.
 *
 * A message is given to one `wait` alone. Until that answer is written it is held for it, then it is taken out of the
 * inbox; where the client gives the call up meanwhile, or says only afterwards that it had, the message waits again.
 */

import type { ErrorCode } from "../../base/errors.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { shownName } from "../../base/text/names.ts";
import { durationText } from "../rendering/moments.ts";
import type { Hearers } from "../scripts/hearers.ts";
import { Saying } from "../scripts/saying.ts";
import type { Kept } from "../scripts/script_inbox.ts";
import { type Fields, isWanted } from "../scripts/wanted.ts";
import { agentWords } from "./agent_words.ts";
import type { JsonObject } from "./json_rpc.ts";
import { LookUp } from "./look_up.ts";
import type { ToolCall } from "./mcp_tools.ts";
import { type SaidData, unitsOfSaid } from "./said_data.ts";
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
  | { readonly type: "put-back"; readonly kept: readonly Kept[] };

/** What waits for whoever asks for it. */
interface Waiting {
  next(isWanted: (event: Fields, id: string) => boolean): Kept | null;
}

interface Ports {
  readonly hearers: Hearers;
  /** Null before the place is open where it is kept. */
  readonly inbox: () => Waiting | null;
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
/** Of the texts in one answer, UTF-16 units: a model reads no more at once. A message alone may be longer. */
const ANSWER_UNITS_MAX = 32 * 1_024;
/** As many answered waits may be given up in retrospect: each by a client that was late once. */
const GIVEN_MAX = 16;

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

/** What an answered wait has given, and whether its answer has gone out. */
interface Given {
  readonly kept: readonly Kept[];
  isTaken: boolean;
}

export class ToolCalls implements Machine<CallsInput, CallsEffect> {
  readonly #ports: Ports;
  /** Calls that say something. */
  readonly #sayings = new Map<number, Saying>();
  readonly #asked = new Map<number, Asked>();
  readonly #given = new Map<number, Given>();
  /** Ids of messages that are held for an answer. */
  readonly #held = new Set<string>();
  #ownKey = "";
  #effects: CallsEffect[] = [];

  constructor(ports: Ports) {
    this.#ports = ports;
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
        if (input.asked.tool === "send") this.#beginSaying(input.call, input.asked, nowMs);
        else this.#beginAsking(input.call, input.asked, nowMs);
        break;
      case "cancel":
        this.#cancel(input.call);
        this.#lookAll(nowMs);
        break;
      case "written":
        this.#written(input.call);
        break;
      case "listening":
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
    const wanted = { events: MESSAGES, from: name, mention: false };
    const isFree = (event: Fields, id: string) => !this.#held.has(id) && isWanted(event, wanted);
    const kept: Kept[] = [];
    let units = 0;
    for (;;) {
      const next = this.#ports.inbox()?.next(isFree) ?? null;
      if (next === null && kept.length === 0) return false;
      units += String(next?.event["text"]).length;
      const isMore = next !== null &&
        (kept.length === n || (kept.length > 0 && units > ANSWER_UNITS_MAX));
      if (next === null || isMore) {
        this.#lookUp(call, begun, kept.map(({ event }) => event), kept, isMore, nowMs);
        return true;
      }
      kept.push(next);
      this.#held.add(next.id);
    }
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
      const shown = newest(messages);
      const more = { is: shown.length < messages.length, text: LEFT_OUT };
      return this.#answer(call, saidResult(shown, drawMark, more));
    }
    this.#given.set(call, { kept, isTaken: false });
    this.#forgetGiven();
    this.#answer(call, saidResult(messages, drawMark, { is: isMore, text: WAITING }));
  }

  // What becomes of messages that were given.

  #written(call: number): void {
    const given = this.#given.get(call);
    if (given === undefined || given.isTaken) return;
    given.isTaken = true;
    this.#release(given.kept);
    this.#effects.push({ type: "take", kept: given.kept });
  }

  #cancel(call: number): void {
    this.#sayings.delete(call);
    this.#release(this.#asked.get(call)?.found?.kept ?? []);
    this.#asked.delete(call);
    const given = this.#given.get(call);
    if (given === undefined) return;
    this.#given.delete(call);
    if (given.isTaken) this.#effects.push({ type: "put-back", kept: given.kept });
    else this.#release(given.kept);
  }

  #release(kept: readonly Kept[]): void {
    for (const { id } of kept) this.#held.delete(id);
  }

  #forgetGiven(): void {
    for (const [call, { isTaken }] of this.#given) {
      if (this.#given.size <= GIVEN_MAX) return;
      if (isTaken) this.#given.delete(call);
    }
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
      this.#answer(call, this.#withAside(membersResult(event, this.#ownKey)));
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
    const { isListening, pausedBecause } = this.#ports.hearers;
    if (!isListening) return this.#fail(call, "timeout", notReadyText(pausedBecause));
    if (asked.tool === "wait") {
      const none = saidResult([], this.#ports.drawMark, { is: false, text: "" });
      const { name, timeoutMs } = asked;
      const whose = name === null ? "" : ` of ${shownName(name)}'s`;
      const text = timeoutMs === 0
        ? `No message${whose} waits.`
        : `No message${whose} has come within ${durationText(timeoutMs)}.`;
      return this.#answer(call, { ...none, text: `${text}${this.#aside}` });
    }
    const because = pausedBecause === null ? "" : ` (${pausedBecause})`;
    const text = `No answer came within ${durationText(ANSWER_MS)}${because}: try again later`;
    this.#fail(call, "timeout", text);
  }

  /** Why nothing may have come, as a further sentence behind a blank; empty where nothing is known to be amiss. */
  get #aside(): string {
    const { isAlone } = this.#ports.hearers;
    if (isAlone) return " Nobody else is in the room now.";
    return this.#ofGroup;
  }

  /** A group's list says nothing of why it is empty, or as it was. */
  #withAside(result: ToolResult): ToolResult {
    return { ...result, text: `${result.text}${this.#ofGroup}` };
  }

  get #ofGroup(): string {
    const { isOutside, downBecause } = this.#ports.hearers;
    const down = downBecause === null ? "" : ` Its coordinator isn't there (${downBecause}).`;
    return isOutside ? ` The group hasn't let this in yet.${down}` : down;
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

const MESSAGES: ReadonlySet<string> = new Set(["message"]);
/** Answers to `/peers` and `/list`. */
const MEMBERS: ReadonlySet<string> = new Set(["peers", "members", "friends"]);

const WAITING = "More messages wait: call wait again.";
const LEFT_OUT = "Earlier ones are left out, as these are long: ask for fewer.";

function notReadyText(because: string | null): string {
  if (because === null) return "This isn't in the chat yet: try again in a moment";
  return `This isn't in the chat yet, and nothing was done. ${because}; ask again later, or tell ` +
    "your user";
}

function refOf(call: number): string {
  return `mcp-${call}`;
}

/** Of messages the last that fit in one answer; one at least. */
function newest(messages: readonly SaidData[]): readonly SaidData[] {
  let units = 0;
  let from = messages.length;
  while (from > 0) {
    units += unitsOfSaid(messages[from - 1]!);
    if (units > ANSWER_UNITS_MAX && from < messages.length) break;
    from--;
  }
  return messages.slice(from);
}
