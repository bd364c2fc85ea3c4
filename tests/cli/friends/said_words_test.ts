import { assertEquals } from "@std/assert";
import type { PrivateWords } from "../../../lib/base/schema/private_words.ts";
import { SaidWords } from "../../../lib/cli/friends/friends_history.ts";
import type { FriendsEvent } from "../../../lib/protocols/friends/events.ts";

/** Words that are kept, and what is shown of them, with the refs. */
function opened() {
  const kept: string[] = [];
  const shown: [FriendsEvent, string | undefined][] = [];
  const said = new SaidWords({
    words: {
      keep: ({ words, takenBack }) => {
        kept.push(takenBack === true ? `not ${words.id}` : words.id);
        return Promise.resolve();
      },
      recalled: ({ event }) => Promise.resolve(event),
    },
    ownName: () => "alice",
    show: (event, ref) => void shown.push([event, ref]),
  });
  return { said, kept, shown };
}

const WORDS: PrivateWords = {
  id: "1",
  key: null,
  name: "bob",
  self: true,
  text: "hi",
  sentAt: 1_000,
};
const QUEUED = { event: "delivery", id: "1", to: "bob", state: "queued" } as const;

Deno.test("SaidWords shows once what the user says, before how it fares, with the ref of who asked", async () => {
  const { said, kept, shown } = opened();
  await said.keep({ words: WORDS });
  said.before({ event: "notice", text: "something else" }, undefined);
  assertEquals(shown, []);
  said.before(QUEUED, "page 1");
  said.before({ ...QUEUED, state: "delivered" }, "page 1");

  const event = {
    ...{ event: "message", id: "1", from: "alice", to: "bob", text: "hi" },
    ...{ self: true, history: false, sentAt: "1970-01-01T00:00:01.000Z" },
  };
  assertEquals([kept, shown], [["1"], [[event as FriendsEvent, "page 1"]]]);
});

Deno.test("SaidWords shows nothing of what others say, what was said in an earlier run, and what is taken back", async () => {
  const { said, kept, shown } = opened();
  await said.keep({ words: { ...WORDS, self: false } });
  await said.keep({ words: WORDS, isEarlier: true });
  await said.keep({ words: WORDS, takenBack: true });
  said.before({ ...QUEUED, state: "delivered" }, undefined);

  assertEquals([kept, shown], [["1", "1", "not 1"], []]);
});

Deno.test("SaidWords shows what is said after the clock was set back, to whenever", async () => {
  const { said, shown } = opened();
  for (const [id, sentAt] of [["1", 1_000], ["2", 0], ["3", -1_000]] as const) {
    await said.keep({ words: { ...WORDS, id, sentAt } });
    said.before({ ...QUEUED, id }, undefined);
  }

  assertEquals(shown.map(([event]) => event.event === "message" && event.id), ["1", "2", "3"]);
});

Deno.test("SaidWords doesn't show again what the user says to themselves, which is shown as it comes", async () => {
  const { said, shown } = opened();
  said.before({ ...QUEUED, to: "alice" }, "page 1");
  await said.keep({ words: { ...WORDS, name: "alice" } });
  const message = { event: "message", id: "1", from: "alice", text: "hi" } as const;
  said.before({ ...message, self: true, history: false, sentAt: "" }, undefined);
  said.before({ ...QUEUED, to: "alice", state: "delivered" }, "page 1");

  assertEquals(shown, []);
});
