import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MESSAGE_BYTES_MAX, WebSocketReader } from "../../../lib/cli/page/web_socket_reader.ts";
import { acceptOf, closeFrame, frame, textFrame } from "../../../lib/cli/page/web_socket_frames.ts";
import { clientFrame, framesIn } from "./web_socket_client.ts";

const text = (text: string) => new TextEncoder().encode(text);

Deno.test("the accept header is that of RFC 6455", () => {
  assertEquals(acceptOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("texts come out as they went in, however the bytes are cut", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: "binary", maxLength: 300 }), { maxLength: 5 }),
    fc.integer({ min: 1, max: 20 }),
    (texts, size) => {
      const reader = new WebSocketReader();
      const bytes = texts.flatMap((each) => [...clientFrame(1, text(each))]);
      const found = [];
      for (let at = 0; at < bytes.length; at += size) {
        found.push(...reader.push(new Uint8Array(bytes.slice(at, at + size))));
      }
      const wellFormed = texts.map((each) => new TextDecoder().decode(text(each)));
      assertEquals(found, wellFormed.map((text) => ({ type: "text", text }) as const));
    },
  ));
});

Deno.test("a message in pieces is one, with a ping between them", () => {
  const reader = new WebSocketReader();
  const euro = text("€");
  const found = [
    ...reader.push(clientFrame(1, euro.subarray(0, 1), { isLast: false })),
    ...reader.push(clientFrame(9, text("here?"))),
    ...reader.push(clientFrame(0, euro.subarray(1))),
    ...reader.push(clientFrame(10, text(""))),
  ];
  assertEquals(found, [
    { type: "ping", bytes: text("here?") },
    { type: "text", text: "€" },
    { type: "pong" },
  ]);
});

Deno.test("a message that is too long is refused by its first bytes, and nothing after it is read", () => {
  const reader = new WebSocketReader();
  const longest = clientFrame(1, new Uint8Array(MESSAGE_BYTES_MAX).fill(97));
  assertEquals(reader.push(longest).map(({ type }) => type), ["text"]);
  const head = clientFrame(1, new Uint8Array(100 * 1_024 * 1_024)).subarray(0, 10);
  assertEquals(reader.push(head).map((input) => input.type === "fault" && input.status), [1009]);
  assertEquals(reader.push(clientFrame(1, text("hi"))), []);
});

Deno.test("pieces are bounded together, in bytes and in number", () => {
  const reader = new WebSocketReader();
  const half = new Uint8Array(MESSAGE_BYTES_MAX / 2 + 1).fill(97);
  assertEquals(reader.push(clientFrame(1, half, { isLast: false })), []);
  const [fault] = reader.push(clientFrame(0, half));
  assertEquals(fault?.type === "fault" && fault.status, 1009);

  const many = new WebSocketReader();
  let status = 0;
  for (let count = 0; count < 5_000 && status === 0; count++) {
    const opcode = count === 0 ? 1 : 0;
    for (const input of many.push(clientFrame(opcode, text(""), { isLast: false }))) {
      assert(input.type === "fault");
      status = input.status;
    }
  }
  assertEquals(status, 1009);
});

Deno.test("what isn't the protocol is refused", () => {
  const faults: readonly (readonly [Uint8Array, number])[] = [
    [clientFrame(1, text("hi"), { isMasked: false }), 1002],
    [clientFrame(1, text("hi"), { reserved: 0x40 }), 1002],
    [clientFrame(3, text("hi")), 1002],
    [clientFrame(2, text("hi")), 1003],
    [clientFrame(0, text("hi")), 1002],
    [clientFrame(9, new Uint8Array(126)), 1002],
    [clientFrame(9, text(""), { isLast: false }), 1002],
    [clientFrame(1, new Uint8Array([0xff])), 1007],
  ];
  for (const [bytes, status] of faults) {
    const found = new WebSocketReader().push(bytes);
    assertEquals(found.map((input) => input.type === "fault" && input.status), [status]);
  }
  const reader = new WebSocketReader();
  reader.push(clientFrame(1, text("a"), { isLast: false }));
  const [fault] = reader.push(clientFrame(1, text("b")));
  assertEquals(fault?.type === "fault" && fault.status, 1002);
});

Deno.test("random bytes never throw, and a goodbye ends the reading", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
    const reader = new WebSocketReader();
    for (const chunk of chunks) reader.push(chunk);
  }));
  const reader = new WebSocketReader();
  assertEquals(reader.push(clientFrame(8, text(""))), [{ type: "close" }]);
  assertEquals(reader.push(clientFrame(1, text("hi"))), []);
});

Deno.test("frames of the program are those that a browser reads", () => {
  const long = "x".repeat(70_000);
  const bytes = [textFrame("hi"), textFrame("y".repeat(200)), textFrame(long)]
    .concat(frame("pong", text("z")), closeFrame(1008, "No. ".repeat(50)))
    .flatMap((frame) => [...frame]);
  const found = framesIn(new Uint8Array(bytes)).frames;
  assertEquals(found.map(({ opcode }) => opcode), [1, 1, 1, 10, 8]);
  assertEquals(new TextDecoder().decode(found[2]!.payload), long);
  const close = found[4]!.payload;
  assert(close.length <= 125);
  assertEquals(close[0]! * 256 + close[1]!, 1008);
});
