import type { Bytes } from "../../lib/base/crypto/crypto.ts";
import { FRAME_HEADER_BYTES, writeFrameHeader } from "../../lib/wire/frame.ts";

/** `body` as a frame. */
export function frameOf(body: Uint8Array): Bytes {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeFrameHeader(frame, body.length);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}
