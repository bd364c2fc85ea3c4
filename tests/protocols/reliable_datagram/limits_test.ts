// What must hold between bounds that stand in different places.

import { assert, assertEquals } from "@std/assert";
import * as reliable from "../../../lib/protocols/reliable_datagram/limits.ts";
import {
  ACK_BYTES_MAX,
  CREDIT_BYTES_MAX,
} from "../../../lib/protocols/reliable_datagram/packet.ts";
import { PAYLOAD_BYTES_MAX } from "../../../lib/protocols/sealed_datagram/formats.ts";
import * as sealed from "../../../lib/protocols/sealed_datagram/limits.ts";
import { FRAME_BYTES_MAX } from "../../../lib/wire/frame.ts";

Deno.test("limits of sealed datagrams fit together", () => {
  assert(sealed.HALF_OPEN_MS > sealed.HANDSHAKE_MS_MAX, "a third message finds its handshake");
  assert(2 * sealed.COOKIE_SLOT_MS > sealed.HANDSHAKE_MS_MAX, "a cookie outlives a handshake");
  assert(
    sealed.REKEY_LAG_MS > sealed.HANDSHAKE_MS_MAX,
    "one side's turn is over before the other's",
  );
  assert(sealed.REKEY_AFTER_MS + sealed.REKEY_LAG_MS < sealed.SESSION_MS_MAX);
  assert(sealed.PREVIOUS_SESSION_MS > sealed.HANDSHAKE_MS_MAX, "both know the new keys by then");
  assertEquals(sealed.REPLAY_WINDOW % 32, 0);
});

Deno.test("limits of reliable datagrams fit together", () => {
  assertEquals(reliable.MESSAGE_BYTES_MAX, FRAME_BYTES_MAX, "what TCP carries, datagrams do");
  assert(reliable.ONE_SHOT_BYTES_MAX + reliable.CHUNK_OVERHEAD_BYTES < PAYLOAD_BYTES_MAX);
  assert(
    ACK_BYTES_MAX + 2 * CREDIT_BYTES_MAX + 50 < PAYLOAD_BYTES_MAX,
    "a packet of them has room",
  );
  const atLeast = reliable.CONGESTION_BYTES_MIN / sealed.DATAGRAM_BYTES_MAX;
  assert(reliable.ACK_EVERY < atLeast, "the smallest window is acknowledged before it is used up");
  assert(reliable.BURST_BYTES >= reliable.CONGESTION_BYTES_MIN);
  const windows = reliable.LANE_WINDOW_BYTES.control + reliable.LANE_WINDOW_BYTES.data;
  assert(reliable.CONGESTION_BYTES_MAX > windows, "credit ends a window before its ceiling does");
  assert(reliable.DRAINED_BYTES >= windows && reliable.DRAINED_BYTES < reliable.CONGESTED_BYTES);
  assert(reliable.CONGESTED_BYTES + reliable.MESSAGE_BYTES_MAX < reliable.SEND_BYTES_MAX);
  assert(reliable.SENT_PACKETS_MAX > reliable.CONGESTION_BYTES_MAX / sealed.DATAGRAM_BYTES_MAX);
});
