/** Events of the program as a page gets them, and what a page makes of them. */

import { askedBy } from "../../../lib/cli/commands/question_kinds.ts";
import { RENDERINGS } from "./page_double.ts";
import { type Any, page } from "./page_modules.ts";

export const AT = "2026-11-27T12:00:00.000Z";
/** A room as one comes into it, and another. */
export const READY = {
  ...{ event: "ready", command: "mesh", name: "Alice", host: "10.0.0.1", port: 55107 },
  ...{ key: "a", room: "r1" },
};
export const SECOND = [{ ...READY, room: "r2" }, {
  ...{ event: "room", number: 2, title: "Club", unseen: 0, room: "r2" },
}];

export function said(text: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...{ event: "message", id: `id of ${text}`, from: "Bob", shown: "Bob", key: "b", text },
    ...{ self: false, private: false, history: false, sentAt: AT, mention: false },
    ...more,
  };
}

export function welcome(mode: string, more: Record<string, unknown> = {}): Any {
  const command = (name: string, form: string, more: Record<string, unknown> = {}) => ({
    ...{ name, aliases: [], form, help: "", example: "" },
    ...more,
  });
  return {
    ...{ type: "welcome", run: "run 1", mode, resumed: false, missed: false, last: 0, ticket: "t" },
    ...{ prompt: { text: "Alice", self: "Alice" }, paused: null, names: [] },
    commands: [
      command("msg", "NAME TEXT", { aliases: ["dm"] }),
      command("send", "[NAME] FILE"),
      command("join", "WHERE"),
      command("search", "TEXT"),
      command("me", "ACTION"),
      command("quit", "", { aliases: ["q"], words: ["bye"] }),
      command("verify", "NAME [ANSWER]"),
    ],
    fileBytes: 1_000,
    ...more,
  };
}

/** A page that has been let in, and then got these events, one after the other. */
export function pageOf(mode: string, events: readonly Record<string, unknown>[] = []): Any {
  const model = new page.Model(() => {});
  model.welcome(welcome(mode));
  return after(model, events);
}

export function after(model: Any, events: readonly Record<string, unknown>[]): Any {
  const lines = RENDERINGS[model.mode]!();
  model.events(
    events.map((more, index) => {
      const fields = { at: AT, ...more };
      const asks = askedBy({ event: "", ...fields })?.id;
      return { id: model.last + 1 + index, fields, lines: lines(fields, "Alice"), asks };
    }),
    model.last + events.length,
  );
  return model;
}

/** What stands in a place, in short: `Bob: hi`; other lines as they are read. */
export function texts(place: Any): readonly string[] {
  const textOf = (line: Any) =>
    line.map((part: Any) => typeof part === "string" ? part : OMITTED.has(part[0]) ? "" : part[1])
      .join("").trim();
  return place.chunks.flatMap(({ items }: Any) => items).flatMap((item: Any) =>
    item.kind === "said"
      ? [
        `${item.author}: ${
          item.lines[0].filter(([role]: Any) => role === "body").map(([, text]: Any) => text).join(
            "",
          )
        }`,
      ]
      : item.lines.map(textOf)
  );
}

const OMITTED = new Set(["time", "then"]);
