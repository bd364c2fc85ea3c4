/** `p2pchat rooms`: the rooms that are announced on this network. */

import { nodeCrypto } from "../../base/crypto/crypto.ts";
import { commandToType } from "../../base/text/command_to_type.ts";
import type { CommonOptions } from "../args/options.ts";
import { showAnswer, showNoticeBeside } from "../session/answers.ts";
import { openLog } from "../session/log.ts";
import { secureRandom } from "../session/mode_session.ts";
import { randomBytes } from "../session/random_bytes.ts";
import { TextFormat } from "../streams/text_format.ts";
import { announcedEvent, announcedLines, silenceText } from "./announced_texts.ts";
import { openLan } from "./open_lan.ts";

const PRIVATE_ALONE =
  "Join a private room with an invite (p2pchat mesh NAME --invite) or words (p2pchat mesh NAME --words CODE)";

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
    const hasOpen = rooms.some(({ room }) => room !== null);
    const { fault, hearing } = lan;
    if (rooms.length === 0) {
      const silence = { fault, hearing, hasPrivate: false, founds: false };
      await showNoticeBeside(options, silenceText(silence));
    }
    const event = announcedEvent(rooms);
    const format = new TextFormat({ ...options, colour: false, terminal: null }, Date.now());
    const lines = announcedLines(event, false).map((line) => format.format(line));
    await showAnswer(options, event, lines.join(""));
    if (rooms.length > 0 && !hasOpen && !options.json) {
      await showNoticeBeside(options, PRIVATE_ALONE);
    }
    const [open] = event.rooms.filter((room) => !room.private && room.version === undefined);
    if (open !== undefined && !options.json) {
      const such = commandToType(`mesh NAME ${open.host} ${open.port}`, options.data);
      const text = `Join one, for example, with: ${such}`;
      await showNoticeBeside(options, text);
    }
  } finally {
    await lan.close();
  }
}
