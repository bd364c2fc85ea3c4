/**
 * Says one thing as soon as somebody can hear it (`--once`, and the tool `send` of `--mcp`), and finds out whether it has
 * arrived. What arrived is told by each mode in its own way: a room and a group by the answers to `status`, which is
 * asked again and again until then, for one alone by `delivery`.
 *
 * What was said stays said when the time is over: the answer says whether saying it again would say it twice.
 */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import type { Machine } from "../../base/machine/machine.ts";
import { didYouMeanName } from "../../base/trust/name_answers.ts";
import { shownName } from "../../base/text/names.ts";
import { inWords } from "../../base/text/words.ts";
import type { SayingDoor } from "../args/options.ts";
import { durationText } from "../rendering/moments.ts";
import type { Hearers } from "./hearers.ts";
import type { Fields } from "./wanted.ts";

type SayingInput =
  /** Somebody else may hear it now. */
  | { readonly type: "heard" }
  | { readonly type: "event"; readonly event: Fields; readonly ref: string | undefined }
  | { readonly type: "tick" };

type SayingEffect =
  | { readonly type: "command"; readonly command: Readonly<Record<string, unknown>> }
  /** It has arrived, as this event says. */
  | { readonly type: "arrived"; readonly event: Fields }
  | { readonly type: "leave" };

/** Where it is said: what its commands and errors call things. */
export interface SaidBy {
  /** Of the commands given for it. */
  readonly ref: string;
  /** What names whoever is to get it. */
  readonly naming: string;
  /** What gives it more time. */
  readonly patience: string;
  /** The words of an error that a mode makes for whoever types commands. */
  readonly words?: (text: string) => string;
}

const BY_SCRIPT: SaidBy = {
  ref: "once",
  naming: "--to NAME",
  patience: "--timeout",
  words: (text) =>
    text.replace("; write NAME/TEXT, /list shows the names", "")
      .replace(/; did you mean (\S+)\/TEXT\?/, "; did you mean --to $1?"),
};

/** Between two questions whether it has arrived: nobody notices, and an answer costs less than a millisecond. */
const LOOK_MS = 50;
/** The same once it takes long: an eighth of the time that it took so far. */
const LOOK_MS_MAX = 1_000;
/** How many names an error lists. */
const NAMED_MAX = 5;

interface Somebody {
  readonly name: string;
  readonly key: string;
}

export class Saying implements Machine<SayingInput, SayingEffect> {
  readonly #deadlineMs: number;
  readonly #statusRef: string;
  #effects: SayingEffect[] = [];
  #isSaid = false;
  /** It on its way: what the mode showed of it. */
  #said: Fields | null = null;
  #lookMs: number | null = null;
  /** Whether the answer to a question is awaited. */
  #isAsked = false;
  #saidMs = 0;
  /** Why it isn't delivered yet, as far as that was told. */
  #undeliveredBecause: string | null = null;
  /** Those who have it, and who lack it, as far as that is known. */
  #having: readonly string[] = [];
  #lacking: readonly string[] = [];
  #state: "trying" | "arrived" | "failed" | "late" = "trying";
  #failure: P2pchatError | null = null;

  /** @param nowMs Monotonic: the time that it may take begins. */
  constructor(
    readonly door: Pick<SayingDoor, "mode" | "text" | "to" | "timeoutMs">,
    readonly hearers: Hearers,
    nowMs: number,
    readonly by: SaidBy = BY_SCRIPT,
  ) {
    this.#deadlineMs = nowMs + door.timeoutMs;
    this.#statusRef = `${by.ref}-status`;
  }

  /** Who has it, and who doesn't yet, once it has arrived: names as they are shown. */
  get reached(): { readonly arrived: readonly string[]; readonly missing: readonly string[] } {
    return { arrived: this.#having, missing: this.#lacking };
  }

  /** What came of it; null: it has arrived. */
  get failure(): P2pchatError | null {
    if (this.#state === "arrived") return null;
    return this.#failure ?? this.#late("by the time it was ended");
  }

  nextDeadlineMs(): number | null {
    if (this.#state === "arrived" || this.#state === "failed") return null;
    if (this.#state === "late") return this.#lookMs;
    return Math.min(this.#deadlineMs, this.#lookMs ?? Infinity);
  }

  step(input: SayingInput, nowMs: number): readonly SayingEffect[] {
    this.#effects = [];
    if (this.#state === "arrived" || this.#state === "failed") return this.#effects;
    if (input.type === "event") this.#heard(input.event, input.ref, nowMs);
    this.#say();
    this.#tick(nowMs);
    return this.#effects;
  }

  #tick(nowMs: number): void {
    if (this.#lookMs !== null && this.#lookMs <= nowMs && !this.#isAsked) {
      this.#lookMs = null;
      this.#isAsked = true;
      this.#effects.push({ type: "command", command: { command: "status", ref: this.#statusRef } });
    }
    if (this.#state !== "trying" || nowMs < this.#deadlineMs) return;
    this.#state = "late";
    this.#failure = this.#late(`within ${durationText(this.door.timeoutMs)}`);
    this.#effects.push({ type: "leave" });
  }

  #heard(event: Fields, ref: string | undefined, nowMs: number): void {
    switch (event.event) {
      case "error":
        if (ref === this.by.ref) {
          const text = String(event["text"]);
          this.#fail(event["code"] as ErrorCode, this.by.words?.(text) ?? text);
        }
        return;
      case "message":
        if (ref === this.by.ref && this.door.to === null) {
          this.#said = event;
          this.#saidMs = nowMs;
          this.#lookMs = nowMs;
        }
        return;
      case "delivery":
        return this.#delivered(event, ref);
      case "status":
        if (ref === this.#statusRef) this.#answered(event, nowMs);
    }
  }

  #delivered(event: Fields, ref: string | undefined): void {
    if (ref === this.by.ref) this.#said ??= event;
    if (this.#said === null || event["id"] !== this.#said["id"]) return;
    const name = shownName(String(event["to"]));
    if (event["state"] === "delivered") {
      this.#having = [name];
      return this.#arrive(event);
    }
    const reason = event["reason"];
    if (typeof reason === "string") this.#undeliveredBecause = reason;
    else if (typeof event["waiting"] === "number") {
      this.#undeliveredBecause ??= `${name} isn't there`;
    }
    if (event["state"] !== "failed") return;
    this.#fail("offline", `${name} didn't get it: ${this.#why ?? "it failed"}`);
  }

  /** Says it, once somebody can hear it. */
  #say(): void {
    const { hearers, door: { to } } = this;
    if (this.#isSaid || this.#state !== "trying") return;
    if (!hearers.isListening || !hearers.canHear(to)) return;
    const name = this.#receiver();
    if (this.#state !== "trying") return;
    this.#isSaid = true;
    const { text } = this.door;
    const named = name === null ? {} : { name };
    const command = { command: "msg", text, ...named, ref: this.by.ref };
    this.#effects.push({ type: "command", command });
  }

  #receiver(): string | null {
    const { mode, to } = this.door;
    if (mode !== "friends" || to !== null) return to;
    const [only, ...others] = this.hearers.friends;
    if (only !== undefined && others.length === 0) return only;
    const text = `To whom? The table has several friends, or none: name one with ${this.by.naming}`;
    this.#fail("usage", text);
    return null;
  }

  #answered(status: Fields, nowMs: number): void {
    this.#isAsked = false;
    const said = this.#said;
    if (said === null) return;
    const others = membersIn(status).filter(({ key }) => key !== status["key"]);
    const isLacking = (each: Somebody & Fields) => !hasIt(each, status, said);
    this.#lacking = others.filter(isLacking).map(({ name }) => shownName(name));
    this.#having = others.filter((each) => !isLacking(each)).map(({ name }) => shownName(name));
    const isDone = this.door.mode === "group"
      ? this.#lacking.length === 0
      : this.#lacking.length < others.length;
    if (isDone) this.#arrive(said);
    else {
      const tookMs = nowMs - this.#saidMs;
      this.#lookMs = nowMs + Math.min(LOOK_MS_MAX, Math.max(LOOK_MS, tookMs / 8));
    }
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

  /** Why nobody has it yet. */
  get #why(): string | null {
    return this.#undeliveredBecause ?? this.hearers.downBecause ?? this.hearers.pausedBecause;
  }

  /** @param when `within 10 s`, `by the time it was ended`. */
  #late(when: string): P2pchatError {
    const { mode, to } = this.door;
    const why = this.#why;
    const because = why === null ? "" : ` (${why})`;
    if (!this.#isSaid) return new P2pchatError(...this.#unsaid(when, because));
    if (mode === "friends" || to !== null) {
      const text =
        `It wasn't known ${when} that ${shownName(to ?? this.hearers.friends[0] ?? "the friend")}` +
        ` has it${because}: it is kept, and sent when both of you are there; don't say it again`;
      return new P2pchatError("timeout", text);
    }
    if (this.#said === null) {
      const text =
        `It wasn't known ${when} whether it was said${because}: it is kept, and may yet be; ` +
        "don't say it again";
      return new P2pchatError("timeout", text);
    }
    const lacking = this.#lacking.slice(0, NAMED_MAX);
    const names = lacking.length < this.#lacking.length ? [...lacking, "others"] : lacking;
    const who = mode === "mesh" || names.length === 0
      ? "that anybody has it"
      : `that ${inWords(names)} ${names.length === 1 ? "has" : "have"} it`;
    const text = `It is said, but it wasn't known ${when} ${who}: who comes back gets it; ` +
      "don't say it again";
    return new P2pchatError("timeout", text);
  }

  #unsaid(when: string, because: string): [ErrorCode, string] {
    const { mode, to } = this.door;
    const near = to === null ? "" : didYouMeanName(to, this.hearers.here);
    const again =
      `nothing was said; try again later, or give it more time (${this.by.patience})${near}`;
    if (!this.hearers.isListening || mode === "friends") {
      return ["timeout", `p2pchat wasn't ready ${when}${because}: ${again}`];
    }
    if (mode === "group") {
      return because === ""
        ? ["timeout", `The group didn't let this in ${when}: ${again}`]
        : ["coordinator-down", `The group's coordinator wasn't there ${when}${because}: ${again}`];
    }
    const who = to === null ? "Nobody else" : shownName(to);
    return ["offline", `${who} was${to === null ? "" : "n't"} in the room ${when}: ${again}`];
  }
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
