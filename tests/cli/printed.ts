/** Lines as a pipe gets them, at noon. */

import { TextFormat } from "../../lib/cli/streams/text_format.ts";
import type { Line } from "../../lib/cli/rendering/user_interface.ts";
import { NOON_MS } from "./memory_streams.ts";

export function printed(lines: Iterable<Line>): string {
  const format = new TextFormat({ colour: false, verbose: false, terminal: null }, NOON_MS);
  return Array.from(lines, (line) => format.format(line)).join("");
}
