/** `p2pchat rooms`: the rooms that are announced on this network. */

import { nodeCrypto } from "../../base/crypto/crypto.ts";
import type { CommonOptions } from "../args/options.ts";
import { showAnswer, showNoticeBeside } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import { secureRandom } from "../session/mode_session.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { TextFormat } from "../streams/text_format.ts";
import { announcedEvent, announcedLines, silenceText } from "./announced_texts.ts";
import { openLan } from "./open_lan.ts";

/** Listens for this time, ms, and lists what was announced; announces nothing. */
export async function listAnnounced(options: CommonOptions, forMs: number): Promise<void> {
  const environment = {
    random: secureRandom,
    randomBytes,
    wallMs: Date.now,
    crypto: nodeCrypto,
    log: await openLog(options),
  };
  const lan = openLan(null, environment);
  try {
    const rooms = await lan.look(forMs);
    if (rooms.length === 0) await showNoticeBeside(options, silenceText(lan.fault, lan.hearing));
    const event = announcedEvent(rooms);
    const format = new TextFormat({ ...options, colour: false, terminal: null }, Date.now());
    const lines = announcedLines(event, false).map((line) => format.format(line));
    await showAnswer(options, event, lines.join(""));
    const [open] = event.rooms.filter((room) => !room.private && room.version === undefined);
    if (open !== undefined && !options.json) {
      const text =
        `Join one with: p2pchat mesh NAME HOST PORT, such as p2pchat mesh NAME ${open.host} ${open.port}`;
      await showNoticeBeside(options, text);
    }
  } finally {
    await lan.close();
  }
}
