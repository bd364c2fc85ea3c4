/**
 * What no browser sends over a WebSocket: however it is cut, it is the same; nothing is read after a fault or a goodbye; no
 * text is longer than may be; and a window heeds what is no message by a refusal alone.
 */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { MESSAGE_BYTES_MAX, WebSocketReader } from "../../../lib/cli/page/web_socket_reader.ts";
import { messageIn } from "../../../lib/cli/page/window_messages.ts";
import { utf8Length } from "../../../lib/base/text/text.ts";
import { clientFrame } from "../../cli/page/web_socket_client.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions, NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const TEXTS = ['{"type":"hello","protocol":1,"nonce":"NNNNNNNNNNNNNNNNNNNNNN"}', '{"type":"ping"}']
  .concat(['{"type":"login","proof":"x","window":"window-1","run":null,"after":0}', "", "[1]", "{"])
  .concat(['{"type":"run","line":"hi","ref":"1"}', '{"type":"run","command":{},"ref":"1"}'])
  .concat([
    '{"type":"run","line":"hi","room":"r","ref":""}',
    '{"type":"ping","type":7}',
    '{"type":"run","command":{"command":"send","file":{"toString":1,"valueOf":1}},"ref":"1"}',
    "gr\u00fcn",
  ]);
const OPCODES = [0, 1, 1, 1, 2, 8, 9, 10, 3];
const PIECES = TEXTS.map((text) => clientFrame(1, utf8(text)))
  .concat(OPCODES.map((opcode) => clientFrame(opcode, utf8("x"), { isLast: opcode > 1 })))
  .concat([
    clientFrame(1, new Uint8Array(70_000)).subarray(0, 14),
    Uint8Array.of(0x81, 0),
    Uint8Array.of(1, 0x80),
  ])
  .concat(NO_TEXT);

function make(random: Random): Uint8Array {
  const frames = Array.from({ length: 1 + random.below(5) }, () => {
    const text = utf8(random.pick(TEXTS));
    const at = random.below(text.length + 1);
    if (random.chance(0.6)) return [clientFrame(random.pick(OPCODES), text.subarray(0, 125))];
    const rest = clientFrame(0, text.subarray(at));
    return [clientFrame(1, text.subarray(0, at), { isLast: false }), rest];
  }).flat();
  const bytes = frames.flatMap((frame) => [...frame]);
  return spoilt(Uint8Array.from(bytes), PIECES, random);
}

function read(input: Uint8Array, ends: readonly number[]) {
  const reader = new WebSocketReader();
  let from = 0;
  return ends.flatMap((end) => {
    const part = input.slice(from, end);
    from = end;
    return reader.push(part);
  });
}

/** @returns Whether a window is asked something that it heeds. */
function check(input: Uint8Array): boolean {
  const { length } = input;
  const decisions = new Decisions(input);
  const cuts = Array.from({ length: decisions.below(6) }, () => decisions.below(length + 1));
  const found = read(input, [length]);
  assertEquals(read(input, [...cuts.sort((a, b) => a - b), length]), found);
  const end = found.findIndex(({ type }) => type === "fault" || type === "close");
  assert(end < 0 || end === found.length - 1, "nothing is read after the end");
  let isHeeded = false;
  for (const each of found) {
    if (each.type !== "text") continue;
    assert(utf8Length(each.text) <= MESSAGE_BYTES_MAX && each.text.isWellFormed());
    const message = messageIn(each.text);
    if ("code" in message) assert(message.text.length > 10);
    else isHeeded = true;
  }
  return isHeeded;
}

export const webSocketsTarget: Target = { name: "web-sockets", pieces: PIECES, make, check };
