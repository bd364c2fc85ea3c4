/** What the user reads of private messages. */

import { assertEquals } from "@std/assert";
import type { MessageId } from "../../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import {
  type PrivateNews,
  PrivateView,
} from "../../../../lib/protocols/mesh/private/private_view.ts";
import type { MeshEvent } from "../../../../lib/protocols/mesh/schema/events.ts";
import { keyOf } from "../membership_fixtures.ts";

const NAMES = new Map(["Ann", "Bob", "Cem", "Tim"].map((name) => [keyOf(name), name]));
const ID = "id" as MessageId;

/** What Ann is shown of this; Tim was removed. */
function shown(news: PrivateNews, forgets = false): readonly MeshEvent[] {
  const events: MeshEvent[] = [];
  const view = new PrivateView(
    {
      shownName: (key) => NAMES.get(key) ?? null,
      authorName: (key, claimed) => NAMES.get(key) ?? claimed,
      nameClaimedBy: (key) => NAMES.get(key) ?? null,
    },
    (key) => key === keyOf("Tim") ? { removed: true } : {},
    (event) => void events.push(event),
    forgets,
  );
  view.tell(news);
  return events;
}

const texts = (news: PrivateNews) =>
  shown(news).map((event) => "text" in event ? event.text : event.event);
const waiting = (name: string, messages: number) => ({ to: keyOf(name), name, messages });

Deno.test("PrivateView: one's own message names its receiver, and that of somebody removed says so", () => {
  const message = { id: ID, from: keyOf("Ann"), to: keyOf("Bob"), text: "hi", sentAt: 0 };
  const [own] = shown({ type: "sent", message, name: "Bob", ref: undefined });
  assertEquals(own?.event === "message" && [own.self, own.to, own.private, own.from], [
    true,
    "Bob",
    true,
    "Ann",
  ]);
  const from = keyOf("Tim");
  const [theirs] = shown({ type: "received", message: { ...message, from }, late: true });
  assertEquals(theirs?.event === "message" && [theirs.self, theirs.history, theirs.removed], [
    false,
    true,
    true,
  ]);
  const stranger = { ...message, from: keyOf("nobody") };
  const [unnamed] = shown({ type: "received", message: stranger, late: false });
  assertEquals(unnamed?.event === "message" && unnamed.shown, fingerprintOf(keyOf("nobody")));
});

Deno.test("PrivateView: with --no-history nothing is said to be kept that isn't", () => {
  const tells = (when: "start" | "absent" | "quit") =>
    shown({ type: "waits", when, receivers: [waiting("Bob", 1)] }, true).map((event) =>
      event.event === "notice" ? event.text : ""
    );
  assertEquals(["start", "absent", "quit"].map((when) => tells(when as "quit")), [
    ["Still kept: 1 private message for Bob; sent when you are both here"],
    ["Kept until you leave: 1 private message for Bob; sent when you are both here again"],
    ["Not delivered: 1 private message for Bob; what you typed isn't kept (--no-history)"],
  ]);
});

Deno.test("PrivateView: what waits is told in one sentence, of who was removed in another", () => {
  const all = ["Bob", "Cem"].map((name, index) => waiting(name, index + 1));
  assertEquals(texts({ type: "waits", when: "start", receivers: all }), [
    "Still kept: 3 private messages for Bob and Cem; sent to each when you are both here",
  ]);
  assertEquals(
    texts({ type: "waits", when: "absent", receivers: [waiting("Bob", 1), waiting("Tim", 2)] }),
    [
      "Kept: 1 private message for Bob; sent when you are both here again",
      "Kept: 2 private messages for Tim, who was removed; sent only if Tim is allowed back",
    ],
  );
  const many = Array.from(
    { length: 7 },
    (_, index) => ({ ...waiting("x", 1), to: keyOf(`${index}`), name: `P${index}` }),
  );
  assertEquals(texts({ type: "waits", when: "quit", receivers: many }), [
    "Kept: 7 private messages for P0, P1, P2, P3, P4 and 2 more; sent to each when you are both here again",
  ]);
});

Deno.test("PrivateView: what became of a message, and that all that waited has arrived", () => {
  const delivery = { type: "delivery", id: ID, name: "Tim", ref: undefined } as const;
  assertEquals(shown({ ...delivery, to: keyOf("Tim"), state: "queued", waiting: 2 }), [
    { event: "delivery", id: ID, to: "Tim", state: "queued", waiting: 2, removed: true },
  ]);
  assertEquals(
    shown({ ...delivery, to: keyOf("Bob"), name: "Bob", state: "failed", reason: "why" }),
    [
      { event: "delivery", id: ID, to: "Bob", state: "failed", reason: "why" },
    ],
  );
  const arrived = (messages: number) =>
    texts({ type: "arrived", receiver: waiting("Bob", messages) });
  const whose = (names: readonly string[]) => {
    const receivers = names.map((name) => waiting(name, 1));
    return shown({ type: "waits", when: "absent", receivers }).map((told) => {
      return "to" in told ? told.to : null;
    });
  };
  assertEquals([whose(["Bob"]), whose(["Bob", "Cem"]), whose(["Bob", "Tim"])], [
    ["Bob"],
    [null],
    ["Bob", "Tim"],
  ]);
  assertEquals([arrived(1), arrived(2)], [
    ["Bob has the message that waited"],
    ["Bob has the 2 messages that waited"],
  ]);
});

Deno.test("PrivateView: why a message can't be kept", () => {
  const refused = {
    type: "refused",
    to: keyOf("Bob"),
    name: "Bob",
    text: "no space",
    ref: undefined,
  } as const;
  const codes = (["full", "disk"] as const).map((code) =>
    shown({ ...refused, code }).map((event) => event.event === "error" ? event.code : event.event)
  );
  assertEquals(codes, [["full"], ["disk"]]);
});
