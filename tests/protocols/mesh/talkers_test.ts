import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { TALK_BYTES_MAX, TALK_MESSAGES_MAX } from "../../../lib/protocols/mesh/limits.ts";
import { Talkers } from "../../../lib/protocols/mesh/talkers.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { EVEN_WORLD, plainMember } from "../../sim/mesh/even_world.ts";
import { meshSubject } from "../../sim/mesh/mesh_subject.ts";
import { World } from "../../sim/mesh/world.ts";

const [ann, mal] = ["a", "b"].map((digit) => digit.repeat(64) as PeerKey) as [PeerKey, PeerKey];

Deno.test("Talkers.said() tells once a minute who says too much, and of nobody else", () => {
  const talkers = new Talkers();
  const said = (author: PeerKey, messages: number, nowMs: number) =>
    talkers.said(author, messages, messages * 100, nowMs);

  const first = [said(mal, TALK_MESSAGES_MAX, 0), said(mal, 1, 1), said(mal, 1, 2)];
  const other = said(ann, 1, 3);
  const slow = [said(ann, TALK_MESSAGES_MAX - 1, 60_000), said(ann, 2, 61_000)];
  const again = [said(mal, TALK_MESSAGES_MAX, 60_000), said(mal, 1, 60_001)];

  assertEquals([first, other, slow], [[false, true, false], false, [false, false]]);
  assertEquals(again, [false, true]);
});

Deno.test("Talkers.loud() names them until their minute is over", () => {
  const talkers = new Talkers();
  talkers.said(ann, TALK_MESSAGES_MAX, 0, 0);
  talkers.said(mal, TALK_MESSAGES_MAX + 1, 0, 0);

  assertEquals([talkers.loud(59_999), talkers.loud(60_000)], [[mal], []]);
});

Deno.test("Talkers.said() counts bytes too", () => {
  assertEquals(new Talkers().said(mal, 1, TALK_BYTES_MAX + 1, 0), true);
});

Deno.test("Mesh tells the others, once and in the status, who says very much", () => {
  const notices: string[] = [];
  let problems: readonly string[] = [];
  const world = new World({ ...EVEN_WORLD, hosts: 2 }, meshSubject(), [{
    name: "notices",
    shown({ member }, event) {
      if (event.event === "status") problems = event.problems;
      if (event.event === "notice") notices.push(`${member.name}: ${event.text.split(":")[0]}`);
    },
  }]);
  const [founder, talker] = ["Ann", "Mal"].map((name) =>
    world.addMember(plainMember(fakeSigner(name), name))
  );
  world.start(founder!, { kind: "found" });
  world.time.runUntil(2_000);
  world.start(talker!, { kind: "join", contact: founder!.endpoint });
  world.time.runUntil(5_000);
  notices.length = 0;

  for (let said = 0; said < TALK_MESSAGES_MAX + 300; said++) {
    world.say(talker!.process!, "", null);
    if (said % 100 === 0) world.time.runUntil(world.time.nowMs + 50);
  }
  world.time.runUntil(world.time.nowMs + 5_000);

  founder!.process!.command({ command: "status" });
  world.time.runUntil(world.time.nowMs + 1_000);

  assertEquals(notices, ["Ann: Mal says very much"]);
  assertEquals(problems.map((text) => text.split(":")[0]), ["Mal says very much"]);
});
