/** What the program sends over a WebSocket: RFC 6455, without extensions. */

import { createHash } from "node:crypto";
import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { OPCODE } from "./web_socket_reader.ts";

const FINAL = 0x80;
/** RFC 6455, 1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** What a close can carry beside its status. */
const REASON_BYTES_MAX = 123;

/** The header `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(key + ACCEPT_SUFFIX).digest("base64");
}

export function textFrame(text: string): Uint8Array {
  return frame(OPCODE.text, utf8(text));
}

export function pingFrame(): Uint8Array {
  return frame(OPCODE.ping, new Uint8Array());
}

/** @param bytes What the ping carried. */
export function pongFrame(bytes: Uint8Array): Uint8Array {
  return frame(OPCODE.pong, bytes);
}

/** @param reason Its start is sent, if it is long. */
export function closeFrame(status: number, reason: string): Uint8Array {
  const said = utf8(reason);
  // A sentence of ours is ASCII, so that any part of it is UTF-8.
  const part = said.length <= REASON_BYTES_MAX ? said : utf8(reason.slice(0, REASON_BYTES_MAX / 3));
  return frame(OPCODE.close, concatBytes(new Uint8Array([status >> 8, status & 255]), part));
}

function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = [FINAL | opcode];
  if (length < 126) head.push(length);
  else if (length < 65_536) head.push(126, length >> 8, length & 255);
  else {
    head.push(127);
    for (let power = 7; power >= 0; power--) head.push(Math.floor(length / 256 ** power) % 256);
  }
  return concatBytes(new Uint8Array(head), payload);
}
