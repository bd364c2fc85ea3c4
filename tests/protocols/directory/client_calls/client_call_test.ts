/** Which link becomes that of the conversation, and how many are held until then. */

import { assertEquals } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import {
  CallLinks,
  hears,
  verdictOn,
} from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import { CALL_LINKS_MAX } from "../../../../lib/protocols/directory/schema/limits.ts";
import { BOB, callId, EVE, partOutput } from "../client_program.ts";
import { linkOf } from "./call_parts.ts";
import { CALL } from "./calling_cases.ts";

const OURS = CALL.toHex();
const OTHER = callId(9).toHex();
const CALLER = { id: OURS, key: BOB, isCaller: true };
const CALLEE = { ...CALLER, isCaller: false };

Deno.test("CallLinks: of too many the oldest goes that others dialled, never one that we dialled, or one of the relay", () => {
  const output = partOutput();
  const links = new CallLinks(output.out);
  links.add(linkOf(1, { dialled: true }));
  links.add(linkOf(2, { isRelayed: true }));
  for (let id = 3; id <= CALL_LINKS_MAX + 2; id++) links.add(linkOf(id));

  assertEquals(output.words(), ["close link 3", "close link 4"]);
  assertEquals(links.all.slice(0, 3).map(({ link }) => link), [1, 2, 5]);
});

Deno.test("CallLinks: once one is chosen, the others and the dial under way are dropped", () => {
  const output = partOutput();
  const links = new CallLinks(output.out);
  for (const id of [1, 2, 3]) links.add(linkOf(id));
  links.attempt = 7;
  links.remove(2 as LinkId);

  links.dropAll();

  assertEquals(output.words(), ["close link 1", "close link 3", "cancel-dial"]);
  links.dropAll();
  assertEquals(output.words(), []);
});

Deno.test("verdictOn(): the caller takes a link whose dialler has named the call, and begins", () => {
  const named = { talk: OURS };

  assertEquals(verdictOn(linkOf(1), CALLER), "waits");
  assertEquals(verdictOn(linkOf(1, named), CALLER), "talks");
  assertEquals(verdictOn(linkOf(1, { dialled: true }), CALLER), "talks");
  const refused = (more: Parameters<typeof linkOf>[1]) => typeof verdictOn(linkOf(1, more), CALLER);
  assertEquals(refused({ ...named, begun: OURS }), "object", "only the caller begins");
  assertEquals(refused({ talk: OTHER }), "object", "of another call");
  assertEquals(refused({ ...named, peer: EVE }), "object", "with somebody else");
});

Deno.test("verdictOn(): the callee waits for the caller to begin, on a link that its dialler has named", () => {
  assertEquals(verdictOn(linkOf(1, { talk: OURS }), CALLEE), "waits");
  assertEquals(verdictOn(linkOf(1, { dialled: true }), CALLEE), "waits");
  assertEquals(verdictOn(linkOf(1, { talk: OURS, begun: OURS }), CALLEE), "talks");
  assertEquals(verdictOn(linkOf(1, { dialled: true, begun: OURS }), CALLEE), "talks");
  const refused = (more: Parameters<typeof linkOf>[1]) => typeof verdictOn(linkOf(1, more), CALLEE);
  assertEquals(refused({ begun: OURS }), "object", "which its dialler hasn't");
  assertEquals(refused({ talk: OURS, begun: OTHER }), "object", "of another call");
});

Deno.test("hears(): each side names the call once, and only whoever has dialled says that it talks of it", () => {
  const inbound = linkOf(1);
  const outbound = linkOf(2, { dialled: true });
  const [talk, begin] = [{ type: "talk", call: CALL }, { type: "begin", call: CALL }] as const;

  assertEquals([hears(inbound, talk), hears(inbound, talk)], [true, false]);
  assertEquals([hears(inbound, begin), hears(inbound, begin)], [true, false]);
  assertEquals([hears(outbound, talk), hears(outbound, begin)], [false, true]);
  assertEquals(hears(linkOf(3), { type: "line", text: "early" }), false);
});
