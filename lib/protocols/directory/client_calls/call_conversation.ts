/** The conversation of a call: lines go out as the link takes them, and each side reports which lines it was shown. */

import { countText } from "../../../base/text/words.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { shownName } from "../../../base/text/names.ts";
import { checkedMessage, tooLong, utf8Length } from "../../../base/text/text.ts";
import type { CallSession, ClientCall, Receipts } from "./client_call.ts";
import type { PastCalls } from "./past_calls.ts";
import {
  HEARD_MS,
  LEAVE_MS_MAX,
  PARTING_MAX,
  SAID_AT_ONCE_BYTES,
  TEXT_BYTES_MAX,
} from "../schema/limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { unsaidCode, unsaidText } from "../schema/events.ts";
import type { CallOutcome, DirectoryMessage } from "../schema/messages.ts";
import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import type { LinkId } from "../../../base/ids.ts";

interface CallConversationParts {
  readonly out: ClientOutput;
  readonly session: Pick<CallSession, "name">;
  /** The call that is under way; null where there is none. */
  readonly call: () => ClientCall | null;
  readonly past: Pick<PastCalls, "keep">;
}

export class CallConversation {
  readonly deadlines = new Deadlines({
    /** When to send more waiting lines. */
    flush: () => {
      const call = this.parts.call();
      if (call !== null) this.flush(call);
    },
    /** When to report the lines that were shown. */
    heard: () => {
      const call = this.parts.call();
      if (call !== null) this.tellHeard(call);
    },
  });

  constructor(readonly parts: CallConversationParts) {}

  /** Our user says a line: it waits until the call is connected and the link takes it. */
  say(call: ClientCall | null, text: string, ref: string | undefined): void {
    const { out } = this.parts;
    const bytes = utf8Length(text);
    if (bytes === 0) return;
    if (bytes > TEXT_BYTES_MAX) return out.error("too-long", tooLong(bytes).message, ref);
    if (call === null || call.phase === "asked") {
      const text = "Not sent: you are in no call; NAME or /call NAME calls somebody";
      return out.error("not-allowed", text, ref);
    }
    if (call.lines.fill >= 1) {
      const text = `Not sent: ${countText(call.lines.size, "line waits", "lines wait")} for ${
        shownName(call.peer)
      }`;
      return out.error("full", text, ref);
    }
    call.lines.add({ text: checkedMessage(text), ref });
    this.flush(call);
  }

  /** Sends waiting lines, as far as the link takes them; nothing before the call is connected. */
  flush(call: ClientCall): void {
    if (call.phase !== "talking") return;
    const { out, past, session: { name: from } } = this.parts;
    let bytes = 0;
    while (!call.isCongested) {
      const line = call.lines.shift();
      if (line === undefined) return;
      const { text, ref } = line;
      if (call.link !== null) {
        out.send(call.link.link, { type: "line", text });
        call.receipts.said();
      }
      const id = past.keep(call, text, true);
      out.show({ event: "message", id, from, text, self: true }, ref);
      // It isn't kept twice, and is another message.
      if (call.isSelf) out.show({ event: "message", id: `${id}-back`, from, text, self: false });
      bytes += utf8Length(text);
      if (bytes < SAID_AT_ONCE_BYTES || call.lines.size === 0) continue;
      // Lets the link say first whether it takes more.
      return this.deadlines.set("flush", out.nowMs);
    }
  }

  /** A message came on the call's link. @returns Why it isn't allowed; null where it is. */
  hears(call: ClientCall, message: DirectoryMessage): string | null {
    const { receipts } = call;
    if (message.type === "heard") {
      return receipts.heard(message.lines) ? null : "heard of what wasn't said";
    }
    if (message.type !== "line") return `${message.type} in a call`;
    const { out, past } = this.parts;
    const { peer: from } = call;
    const { text } = message;
    const id = past.keep(call, text, false);
    out.show({ event: "message", id, from, text, self: false });
    receipts.shown();
    if (receipts.owed === "now") this.tellHeard(call);
    else this.deadlines.setEarliest("heard", out.nowMs + HEARD_MS);
    return null;
  }

  /** Reports to the other side the lines that were shown since the last report. */
  tellHeard({ link, receipts }: ClientCall): void {
    this.deadlines.clear("heard");
    if (link === null || receipts.owed === "nothing") return;
    this.parts.out.send(link.link, { type: "heard", lines: receipts.tell() });
  }

  /** Closes the link of the conversation, if there is one. */
  close(call: ClientCall, reason: string): void {
    if (call.link === null) return;
    this.tellHeard(call);
    this.parts.out.close(call.link.link, reason);
  }

  /**
   * The conversation is over: tells our user which lines may be lost.
   * @param isParting Lines that were said go out first; our user is told after that which of them may be lost.
   */
  over(call: ClientCall, state: CallOutcome, isParting: boolean): void {
    const { out } = this.parts;
    const { peer, lines } = call;
    this.deadlines.clearAll();
    if (!isParting) warnOfUnheard(out, call);
    let unsaid = 0;
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
      if (line.ref === undefined) unsaid++;
      else out.error(unsaidCode(state), unsaidText(peer), line.ref);
    }
    if (unsaid > 0) {
      const what = countText(unsaid, "line wasn't", "lines weren't");
      out.notice(`${what} sent, as there is no call with ${shownName(peer)}`);
    }
  }
}

interface Parting {
  readonly peer: string;
  readonly receipts: Receipts;
}

/** Calls that our user has ended, until it is known which of the last lines the other side was shown. */
export class PartingCalls {
  /** By the link of the conversation, which stays until then. */
  readonly #calls = new Map<LinkId, Parting>();
  readonly #deadlines = new DeadlineQueue<LinkId>();

  constructor(readonly out: ClientOutput) {}

  get size(): number {
    return this.#calls.size;
  }

  /** Our user has ended the call, and the other side is told after everything that was said. */
  add(link: LinkId, { peer, receipts }: Parting): void {
    const [oldest] = this.#calls.keys();
    if (this.#calls.size === PARTING_MAX) this.#giveUp(oldest!);
    this.#calls.set(link, { peer, receipts });
    this.#deadlines.set(link, this.out.nowMs + LEAVE_MS_MAX);
    if (receipts.unheard === 0) this.#close(link);
    else this.out.send(link, { type: "hung-up" });
  }

  /** Lines that the other side still sends aren't shown. @returns Whether the link belongs to such a call. */
  message(link: LinkId, message: DirectoryMessage): boolean {
    const call = this.#calls.get(link);
    if (call === undefined) return false;
    if (message.type === "heard") call.receipts.heard(message.lines);
    // If the other side has ended the call, too, it reports no more lines.
    if (call.receipts.unheard === 0 || message.type === "hung-up") this.#close(link);
    return true;
  }

  /** @returns Whether the link belonged to such a call. */
  linkDown(link: LinkId): boolean {
    const call = this.#calls.get(link);
    if (call === undefined) return false;
    this.#calls.delete(link);
    this.#deadlines.set(link, null);
    warnOfUnheard(this.out, call);
    return true;
  }

  /** Stops waiting for any of them. */
  giveUp(): void {
    for (const link of [...this.#calls.keys()]) this.#giveUp(link);
  }

  #giveUp(link: LinkId): void {
    this.#close(link);
    this.linkDown(link);
  }

  #close(link: LinkId): void {
    this.out.close(link, "hung up");
  }

  // Time.

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(nowMs: number): void {
    for (const link of this.#deadlines.takeDue(nowMs)) this.#giveUp(link);
  }
}

/** Warns our user of lines that may be lost with a call. */
function warnOfUnheard(out: ClientOutput, { peer, receipts: { unheard } }: Parting): void {
  if (unheard === 0) return;
  const what = unheard === 1 ? "line" : `${unheard} lines`;
  out.warn(`${shownName(peer)} may not have got your last ${what}`);
}
