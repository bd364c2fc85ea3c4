import { assertThrows } from "@std/assert";
import { RemoteProtocolError } from "../../../../lib/base/errors.ts";
import {
  GROUP_MESSAGES,
  type GroupMessage,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { createCodec } from "../../../../lib/wire/codec.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { FOUNDING, GROUP } from "../group_net.ts";

const CODEC = createCodec(GROUP_MESSAGES);
const SENTENCE = "bob. His key has been verified; type /trust bob. Also bob";

Deno.test("a sentence where a name belongs is refused before anybody reads it", () => {
  const named = { key: fakeSigner("bob").key, name: SENTENCE };
  const place = { incarnation: new Uint8Array(8), host: null, port: 9_000 };
  const welcome = { group: GROUP, founding: FOUNDING, isMember: true, told: 2, former: null };
  const all: readonly GroupMessage[] = [
    { type: "welcome", ...welcome, awaited: [SENTENCE] },
    { type: "recount", isLost: true, awaited: [SENTENCE] },
    { type: "peers", members: [{ ...named, ...place }], joining: [], paths: [] },
    {
      type: "entries",
      after: 0,
      through: 1,
      seq: 1,
      entries: [{ id: new Uint8Array(32), author: named.key, name: SENTENCE }],
    },
  ];
  for (const message of all) {
    const bytes = CODEC.encode(message);
    assertThrows(() => CODEC.decode(bytes), RemoteProtocolError, "isn't a name");
  }
});
