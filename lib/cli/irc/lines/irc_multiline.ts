/** A message of several lines that a client sends as one: the batch `draft/multiline`. */

import { MESSAGE_BYTES_MAX, utf8Length } from "../../../base/text/text.ts";
import { MULTILINE_LINES_MAX } from "./irc_capabilities.ts";
import { ircFolded, type IrcMessage } from "./irc_message.ts";

/** What follows a line of a batch: nothing yet, a refusal, or the whole message. */
export type MultilineStep =
  | { readonly type: "goes on" }
  /** With the words of a `FAIL BATCH`. */
  | {
    readonly type: "refused";
    readonly label: string | undefined;
    readonly fail: readonly string[];
  }
  | {
    readonly type: "whole";
    readonly target: string;
    readonly text: string;
    readonly label: string | undefined;
  };

interface OpenBatch {
  readonly reference: string;
  readonly target: string;
  readonly label: string | undefined;
  lines: number;
  bytes: number;
  text: string;
  /** What the batch is refused for once it ends: its lines are of no use. */
  fault: readonly string[] | null;
}

const GOES_ON: MultilineStep = { type: "goes on" };

export class IrcMultiline {
  #open: OpenBatch | null = null;

  /** Whether the message is a line of a batch. */
  takes({ command, tags }: IrcMessage): boolean {
    return command !== "BATCH" && tags.has("batch");
  }

  /** Answers `BATCH`. */
  batch(message: IrcMessage): MultilineStep {
    const [reference = "", type = "", target = ""] = message.params;
    const label = message.tags.get("label");
    const open = this.#open;
    if (reference.startsWith("-")) {
      if (open === null || open.reference !== reference.slice(1)) {
        return refused(label, ["MULTILINE_INVALID", "No batch of that name is open"]);
      }
      this.#open = null;
      return wholeOf(open);
    }
    if (!reference.startsWith("+") || reference === "+" || type !== "draft/multiline" || !target) {
      return refused(label, ["MULTILINE_INVALID", "Only a draft/multiline to somebody can begin"]);
    }
    if (open !== null) {
      this.#open = null;
      return refused(label, ["MULTILINE_INVALID", "Another batch was open: both are dropped"]);
    }
    const fault = null;
    this.#open = {
      reference: reference.slice(1),
      target,
      label,
      lines: 0,
      bytes: 0,
      text: "",
      fault,
    };
    return GOES_ON;
  }

  /** Takes a line of a batch: of one that was refused none is said. */
  line(message: IrcMessage): MultilineStep {
    const open = this.#open;
    if (open === null || open.reference !== message.tags.get("batch")) {
      return refused(undefined, ["MULTILINE_INVALID", "Nothing was sent: that batch isn't open"]);
    }
    open.fault ??= faultOf(message, open);
    if (open.fault !== null) {
      open.text = "";
      return GOES_ON;
    }
    const text = message.params[1] ?? "";
    const isContinued = message.tags.has("draft/multiline-concat") || open.lines === 0;
    open.lines += 1;
    open.bytes += utf8Length(text) + (isContinued ? 0 : 1);
    if (open.bytes > MESSAGE_BYTES_MAX) {
      open.fault = [
        "MULTILINE_MAX_BYTES",
        String(MESSAGE_BYTES_MAX),
        "Nothing was sent: the message is too long; send it in parts",
      ];
    } else open.text += isContinued ? text : `\n${text}`;
    return GOES_ON;
  }
}

function faultOf({ command, params }: IrcMessage, open: OpenBatch): readonly string[] | null {
  const [target = ""] = params;
  if (command !== "PRIVMSG") {
    return ["MULTILINE_INVALID", "Nothing was sent: a batch consists of PRIVMSG alone"];
  }
  if (ircFolded(target) !== ircFolded(open.target)) {
    const text = "Nothing was sent: a line of the batch goes to somebody else";
    return ["MULTILINE_INVALID_TARGET", open.target, target, text];
  }
  if (open.lines < MULTILINE_LINES_MAX) return null;
  const text = "Nothing was sent: the message has too many lines; send it in parts";
  return ["MULTILINE_MAX_LINES", String(MULTILINE_LINES_MAX), text];
}

function wholeOf({ target, text, label, fault }: OpenBatch): MultilineStep {
  if (fault !== null) return refused(label, fault);
  if (text.trim() === "") return refused(label, ["MULTILINE_INVALID", "Nothing was said"]);
  return { type: "whole", target, text, label };
}

function refused(label: string | undefined, fail: readonly string[]): MultilineStep {
  return { type: "refused", label, fail };
}
