/** A member that lies about files in a room. */

import { assertEquals } from "@std/assert";
import { nodeCrypto, nodeSigner } from "../../lib/base/crypto/crypto.ts";
import type { Hash } from "../../lib/base/ids.ts";
import { OFFERS_UNKNOWN_MAX } from "../../lib/protocols/transfer/limits.ts";
import { TRANSFER_MESSAGES } from "../../lib/protocols/transfer/messages.ts";
import { signedOffer } from "../../lib/protocols/transfer/offers.ts";
import { createCodec } from "../../lib/wire/codec.ts";
import { FilesFolder, isOffer } from "./files_folder.ts";
import { FalseMember } from "./hostile_peer.ts";
import { Node } from "./node.ts";

Deno.test("a member that makes up the signers of offers fills nobody's list, and keeps nobody from offering", async () => {
  await using world = new FilesFolder();
  const { path } = world.file("real.txt", 1_000);
  const alice = await Node.ready("Alice", null);
  const bob = await Node.ready("Bob", alice);
  world.nodes.push(alice, bob);
  await alice.type("hello");
  await using mallory = await FalseMember.join("Mallory", alice.port);
  const { room } = await alice.until(({ event }) => event === "ready");
  const codec = createCodec(TRANSFER_MESSAGES);
  for (let at = 0; at < 2 * OFFERS_UNKNOWN_MAX; at++) {
    const signer = nodeSigner(crypto.getRandomValues(new Uint8Array(32)));
    const offer = signedOffer(signer, nodeCrypto, {
      ...{ version: 1, context: room, from: signer.key, to: null, at, name: `x${at}.txt`, size: 1 },
      digest: "ab".repeat(32) as Hash,
    });
    mallory.sendBody(codec.encode({ type: "offer", offer }));
  }
  await alice.untilCount(isOffer, OFFERS_UNKNOWN_MAX);

  assertEquals((await bob.ask("send", { file: path })).event, "offer");
  await alice.until((event) => isOffer(event) && event.from === "Bob");
  const { files } = await alice.ask("files");
  assertEquals(files.length, OFFERS_UNKNOWN_MAX + 1);
});
