/**
 * `--once`: says one thing as soon as somebody can hear it, and finds out whether it has arrived. What arrived is told by
 * each mode in its own way: a room and a group by the answers to `status`, which is asked again and again until then,
 * for one alone by `delivery`.
 *
 * What was said stays said when the time is over: the answer says whether saying it again would say it twice.
 */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import { inWords } from "../../base/text/words.ts";
import type { SayingDoor } from "../args/options.ts";
import { durationText } from "../rendering/moments.ts";
import type { Fields } from "./wanted.ts";

type SayingInput =
  /** The mode takes commands. */
  | { readonly type: "listening" }
  | { readonly type: "event"; readonly event: Fields; readonly ref: string | undefined }
  | { readonly type: "tick" };

type SayingEffect =
  | { readonly type: "command"; readonly command: Readonly<Record<string, unknown>> }
  /** It has arrived, as this event says. */
  | { readonly type: "arrived"; readonly event: Fields }
  | { readonly type: "leave" };

/** Of the commands given here. */
const SAID_REF = "once";
const ASKED_REF = "once-status";
/** Between two questions whether it has arrived: nobody notices, and an answer costs less than a millisecond. */
const LOOK_MS = 50;
/** How many names an error lists. */
const NAMED_MAX = 5;

interface Somebody {
  readonly name: string;
  readonly key: string;
}

export class Saying implements Machine<SayingInput, SayingEffect> {
  readonly #deadlineMs: number;
  #effects: SayingEffect[] = [];
  #isListening = false;
  /** Who else is here, by key; bounded by the mode's own list. */
  readonly #here = new Map<string, string>();
  /** The user's name. */
  #own = "";
  /** Whether a group has let us in. */
  #isIn = false;
  /** The friends of the table. */
  #friends: readonly string[] = [];
  #isSaid = false;
  /** It on its way: what the mode showed of it. */
  #said: Fields | null = null;
  #lookMs: number | null = null;
  /** Whether the answer to a question is awaited. */
  #isAsked = false;
  /** Why nobody has it yet, as far as that was told. */
  #why: string | null = null;
  /** Those of a group who lack it. */
  #lacking: readonly string[] = [];
  #state: "trying" | "arrived" | "failed" | "late" = "trying";
  #failure: P2pchatError | null = null;

  /** @param nowMs Monotonic: the time that it may take begins. */
  constructor(readonly door: SayingDoor, nowMs: number) {
    this.#deadlineMs = nowMs + door.timeoutMs;
  }

  /** What came of it; null: it has arrived. */
  get failure(): P2pchatError | null {
    if (this.#state === "arrived") return null;
    return this.#failure ?? this.#late("it was ended");
  }

  nextDeadlineMs(): number | null {
    if (this.#state === "arrived" || this.#state === "failed") return null;
    if (this.#state === "late") return this.#lookMs;
    return Math.min(this.#deadlineMs, this.#lookMs ?? Infinity);
  }

  step(input: SayingInput, nowMs: number): readonly SayingEffect[] {
    this.#effects = [];
    if (this.#state === "arrived" || this.#state === "failed") return this.#effects;
    if (input.type === "listening") this.#isListening = true;
    if (input.type === "event") this.#heard(input.event, input.ref, nowMs);
    this.#say();
    this.#tick(nowMs);
    return this.#effects;
  }

  #tick(nowMs: number): void {
    if (this.#lookMs !== null && this.#lookMs <= nowMs && !this.#isAsked) {
      this.#lookMs = null;
      this.#isAsked = true;
      this.#effects.push({ type: "command", command: { command: "status", ref: ASKED_REF } });
    }
    if (this.#state !== "trying" || nowMs < this.#deadlineMs) return;
    this.#state = "late";
    this.#failure = this.#late(`within ${durationText(this.door.timeoutMs)}`);
    this.#effects.push({ type: "leave" });
  }

  #heard(event: Fields, ref: string | undefined, nowMs: number): void {
    switch (event.event) {
      case "ready":
        this.#own = String(event["name"]);
        this.#friends = namesIn(event["names"]);
        return this.#members(event);
      case "view":
        return this.#members(event);
      case "joined":
        return void this.#here.set(String(event["key"]), String(event["name"]));
      case "renamed":
        if (this.#here.has(String(event["key"]))) {
          this.#here.set(String(event["key"]), String(event["name"]));
        }
        return;
      case "left":
        return void this.#here.delete(String(event["key"]));
      case "coordinator":
        this.#why = event["state"] === "up" ? null : String(event["reason"] ?? "it doesn't answer");
        return;
      case "error":
        if (ref === SAID_REF) this.#fail(event["code"] as ErrorCode, String(event["text"]));
        return;
      case "message":
        if (ref === SAID_REF && this.door.to === null) {
          this.#said = event;
          this.#lookMs = nowMs;
        }
        return;
      case "delivery":
        return this.#delivered(event, ref);
      case "status":
        if (ref === ASKED_REF) this.#answered(event, nowMs);
    }
  }

  #members(event: Fields): void {
    if (this.door.mode === "group") this.#isIn = namesIn(event["members"]).includes(this.#own);
  }

  #delivered(event: Fields, ref: string | undefined): void {
    if (ref === SAID_REF) this.#said ??= event;
    if (this.#said === null || event["id"] !== this.#said["id"]) return;
    if (event["state"] === "delivered") return this.#arrive(event);
    const reason = event["reason"];
    if (typeof reason === "string") this.#why = reason;
    if (event["state"] !== "failed") return;
    const name = shownName(String(event["to"]));
    this.#fail("offline", `${name} didn't get it: ${this.#why ?? "it failed"}`);
  }

  /** Says it, once somebody can hear it. */
  #say(): void {
    if (this.#isSaid || !this.#isListening || this.#state !== "trying" || !this.#canBeHeard) return;
    const name = this.#receiver();
    if (this.#state !== "trying") return;
    this.#isSaid = true;
    const to = name === null ? {} : { name };
    const { text } = this.door;
    const command = { command: "msg", text, ...to, ref: SAID_REF };
    this.#effects.push({ type: "command", command });
  }

  get #canBeHeard(): boolean {
    const { mode, to } = this.door;
    if (mode === "friends") return true;
    if (mode === "group") return this.#isIn;
    return to === null ? this.#here.size > 0 : this.#isHere(to);
  }

  #isHere(name: string): boolean {
    return [...this.#here.values()].some((each) => isSameName(each, name));
  }

  #receiver(): string | null {
    const { mode, to } = this.door;
    if (mode !== "friends" || to !== null) return to;
    const [only, ...others] = this.#friends;
    if (only !== undefined && others.length === 0) return only;
    this.#fail("usage", "To whom? The table has several friends, or none: name one with --to NAME");
    return null;
  }

  #answered(status: Fields, nowMs: number): void {
    this.#isAsked = false;
    const said = this.#said;
    if (said === null) return;
    const others = membersIn(status).filter(({ key }) => key !== status["key"]);
    this.#lacking = others.filter((each) => !hasIt(each, status, said)).map(({ name }) => name);
    const isDone = this.door.mode === "group"
      ? this.#lacking.length === 0
      : this.#lacking.length < others.length;
    if (isDone) this.#arrive(said);
    else this.#lookMs = nowMs + LOOK_MS;
  }

  #arrive(event: Fields): void {
    const isLate = this.#state === "late";
    this.#state = "arrived";
    this.#effects.push({ type: "arrived", event });
    if (!isLate) this.#effects.push({ type: "leave" });
  }

  #fail(code: ErrorCode, text: string): void {
    const isLate = this.#state === "late";
    this.#state = "failed";
    this.#failure = new P2pchatError(code, text);
    if (!isLate) this.#effects.push({ type: "leave" });
  }

  /** @param when `within 10 s`. */
  #late(when: string): P2pchatError {
    const { mode, to } = this.door;
    const because = this.#why === null ? "" : ` (${this.#why})`;
    if (!this.#isSaid) return new P2pchatError(...this.#unsaid(when, because));
    if (mode === "friends" || to !== null) {
      const text =
        `It isn't known ${when} that ${shownName(to ?? this.#friends[0] ?? "the friend")}` +
        ` has it${because}: it is kept, and sent when both of you are there; don't say it again`;
      return new P2pchatError("timeout", text);
    }
    if (this.#said === null) {
      return new P2pchatError("timeout", `It isn't known ${when} whether it was said${because}`);
    }
    const lacking = this.#lacking.slice(0, NAMED_MAX).map(shownName);
    const names = lacking.length < this.#lacking.length ? [...lacking, "others"] : lacking;
    const who = mode === "mesh" || names.length === 0
      ? "that anybody has it"
      : `that ${inWords(names)} ${names.length === 1 ? "has" : "have"} it`;
    const text = `It is said, but it isn't known ${when} ${who}: who comes back gets it; ` +
      "don't say it again";
    return new P2pchatError("timeout", text);
  }

  #unsaid(when: string, because: string): [ErrorCode, string] {
    const { mode, to } = this.door;
    const again = "nothing was said; try again later, or give it more time (--timeout)";
    if (!this.#isListening || mode === "friends") {
      return ["timeout", `This wasn't ready ${when}${because}: ${again}`];
    }
    if (mode === "group") {
      return because === ""
        ? ["timeout", `The group hasn't let this in ${when}: ${again}`]
        : ["coordinator-down", `The group's coordinator isn't there ${when}${because}: ${again}`];
    }
    const who = to === null ? "Nobody else" : shownName(to);
    return ["offline", `${who} was${to === null ? "" : "n't"} in the room ${when}: ${again}`];
  }
}

function namesIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}

function membersIn(status: Fields): readonly (Somebody & Fields)[] {
  return Array.isArray(status["members"]) ? status["members"] : [];
}

/** Whether a member of a room, or of a group, has what was said. */
function hasIt(member: Somebody & Fields, status: Fields, said: Fields): boolean {
  if (typeof member["behind"] !== "number") return member["upToDate"] === true;
  // Edits count as well: what it lacks is all behind our entry where that is no more than the entries there.
  return member["behind"] <= Number(status["seq"]) - Number(said["seq"]);
}
