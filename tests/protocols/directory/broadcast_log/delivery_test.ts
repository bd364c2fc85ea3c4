/** What one client was sent, and hasn't acknowledged. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  Delivery,
  ToldMessage,
} from "../../../../lib/protocols/directory/broadcast_log/delivery.ts";
import {
  ACKNOWLEDGEMENTS_MAX,
  REPEAT_MS,
  TEXT_BYTES_MAX,
  WINDOW_BYTES_MAX,
  WINDOW_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";

function told(number: number, text = "hello"): ToldMessage {
  return new ToldMessage({
    type: "told",
    number,
    after: 0,
    from: "ann",
    sentAt: 0,
    text,
    key: "d".repeat(64) as PeerKey,
    own: number,
    signature: new Uint8Array(64),
    guest: false,
  });
}

const skipped = (number: number) => ({ number }) as Parameters<Delivery["skip"]>[0];

/** A client that had those up to 5, and was sent these. */
function sent(...numbers: readonly number[]): Delivery {
  const delivery = new Delivery(5, 0);
  for (const number of numbers) delivery.sent(told(number));
  return delivery;
}

Deno.test("Delivery: so many, or so many bytes, are unacknowledged at once", () => {
  const short = new Delivery(0, 0);
  for (let number = 1; number <= WINDOW_MAX; number++) short.sent(told(number));
  assertEquals(short.hasRoom, false);
  short.acknowledged(1);
  assertEquals(short.hasRoom, true);

  const long = new Delivery(0, 0);
  const text = "x".repeat(TEXT_BYTES_MAX);
  let count = 0;
  while (long.hasRoom) long.sent(told(++count, text));
  assertEquals(count, WINDOW_BYTES_MAX / TEXT_BYTES_MAX);
});

Deno.test("Delivery: nobody has what it wasn't sent, and what was skipped before counts with what came after it", () => {
  const delivery = sent(7, 8);
  delivery.skip(skipped(9));
  assertEquals([delivery.acknowledged(9), delivery.through], [null, 5]);
  assertEquals([delivery.acknowledged(7)?.length, delivery.through], [1, 7]);
  assertEquals([delivery.acknowledged(8)?.length, delivery.through], [1, 9]);

  const idle = new Delivery(5, 0);
  idle.skip(skipped(6));
  assertEquals(idle.through, 6, "nothing before it is missing");
});

Deno.test("Delivery: its datagram is repeated later each time", () => {
  const delivery = sent(6);
  const [datagram] = delivery.unacknowledged;
  const due = REPEAT_MS.map(() => {
    delivery.datagramSent(datagram!, 0);
    return delivery.nextMs();
  });

  assertEquals(due, [...REPEAT_MS]);
  delivery.acknowledged(6);
  assertEquals(delivery.nextMs(), null);
});

Deno.test("Delivery: each time something is sent it may be acknowledged twice, and so often in all", () => {
  const delivery = sent(6);
  const count = () => {
    let taken = 0;
    while (delivery.takeAcknowledgement()) taken += 1;
    return taken;
  };

  delivery.told();
  assertEquals([count(), count()], [2, 0]);
  for (let n = 0; n < ACKNOWLEDGEMENTS_MAX; n++) delivery.told();
  assertEquals(count(), ACKNOWLEDGEMENTS_MAX);
});

Deno.test("Delivery: a client is slow while it acknowledges late, and until it is in time again", () => {
  const delivery = sent(6, 7);
  const [first, second] = delivery.unacknowledged;
  for (const each of [first!, second!]) delivery.datagramSent(each, 0);
  first!.isLate = true;
  assertEquals(delivery.isSlow, true);

  delivery.acknowledged(6);
  assertEquals(delivery.isSlow, true);
  delivery.acknowledged(7);
  assertEquals(delivery.isSlow, false);
});
