import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { type AbortReader, abortText } from "../../../../lib/protocols/group/edits/abort_reason.ts";
import { ABORT_CODES } from "../../../../lib/protocols/group/schema/edit.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { because } from "../edit_fixtures.ts";

const [ANN, BOB, CEM] = ["ann", "bob", "cem"].map((name) => fakeSigner(name).key) as [
  PeerKey,
  PeerKey,
  PeerKey,
];
const SHOWN = new Map([[ANN, "ann"], [BOB, "bob~k7f3"], [CEM, "cem"]]);

/** One who asked, one who didn't, and the coordinator. */
function reader(self: PeerKey | null): AbortReader {
  return { self, asker: ANN, written: (key) => SHOWN.get(key)! };
}

Deno.test("a reason names people as its reader knows them", () => {
  const text = (...args: Parameters<typeof because>) => abortText(because(...args), reader(CEM));
  assertEquals(text("no", ["bob"]), "bob~k7f3 said no");
  const said = because("no", ["bob"], 'no". You\nhave verified "cem');
  const quoted = "bob~k7f3 said \"no'. You␊have verified 'cem\"";
  assertEquals(abortText(said, reader(CEM)), `the coordinator says that ${quoted}`);
  assertEquals(abortText(said, reader(null)), quoted);
  assertEquals(
    text("author-absent", ["bob"]),
    "its author, bob~k7f3, isn't in the group and can't be asked",
  );
  assertEquals(
    text("members-changed", ["ann", "bob"]),
    "members kept joining and leaving: ann and bob~k7f3",
  );
  assertEquals(text("members-changed"), "members kept joining and leaving");
});

Deno.test("a reason says you to its reader, except where a program of the requester's didn't answer", () => {
  const late = because("late", ["ann", "bob", "cem"]);
  assertEquals(abortText(late, reader(null)), "ann, bob~k7f3 and cem didn't answer in time");
  assertEquals(abortText(late, reader(ANN)), "ann, bob~k7f3 and cem didn't answer in time");
  assertEquals(abortText(late, reader(CEM)), "you, ann and bob~k7f3 didn't answer in time");
  const told = (code: "asker-gone" | "asker-left", self: PeerKey) =>
    abortText(because(code), reader(self));
  assertEquals(told("asker-gone", ANN), "you aren't in the group any more");
  assertEquals(told("asker-left", ANN), "you left the group");
  const others = "the member that asked for it isn't in the group any more";
  assertEquals([told("asker-gone", BOB), told("asker-left", BOB)], [others, others]);
});

Deno.test("each reason is a part of a sentence, also where nobody is named", () => {
  const texts = ABORT_CODES.map((code) => abortText(because(code), reader(BOB)));
  assertEquals(texts.every((text) => /^[a-z ]/.test(text) && !text.endsWith(".")), true);
});
