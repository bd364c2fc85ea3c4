/** Looks for a text in all rooms of the console: one answer, in which each message says where it was said. */

import { FOUND_COUNT_DEFAULT } from "../commands/command_arguments.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import { inTime } from "../session/private_history.ts";
import { isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { MeshOwnEvent } from "./mesh_rendering.ts";
import type { MeshInterface, RoomInterface } from "./room_interface.ts";
import type { FoundMessage } from "./room_views.ts";

/** A room that ends meanwhile gives no answer. */
const ANSWER_MS_MAX = 10_000;

/** No ref of a user's is likely to be this; the rest is a number. */
const REF = "\0search ";
let asked = 0;

export async function searchRooms(
  ui: MeshInterface,
  rooms: readonly RoomInterface[],
  searched: string,
  ref: string | undefined,
  answerMsMax = ANSWER_MS_MAX,
): Promise<void> {
  const answers = await Promise.all(rooms.map((room) => foundIn(room, searched, answerMsMax)));
  let messages: readonly FoundMessage[] = [];
  for (const [at, answer] of answers.entries()) {
    if (answer !== null) messages = inTime(messages, answer);
    else {
      const text = `#${rooms[at]!.name} gave no answer; what is there wasn't looked through`;
      ui.show({ event: "notice", text, warning: true }, ref);
    }
  }
  const heard = rooms.filter((_, at) => answers[at] !== null);
  ui.show({
    event: "history",
    messages: messages.slice(-FOUND_COUNT_DEFAULT),
    searched,
    rooms: heard.map(({ room }) => room ?? ""),
  }, ref);
}

/** What it has of it; null where it doesn't say so in time. */
async function foundIn(
  room: RoomInterface,
  text: string,
  msMax: number,
): Promise<readonly FoundMessage[] | null> {
  const answered = Promise.withResolvers<MeshOwnEvent | CommonEvent>();
  const ref = `${REF}${asked++}`;
  room.awaited.set(ref, answered.resolve);
  try {
    room.handler?.target({ command: "history", count: FOUND_COUNT_DEFAULT, text }, ref);
    if (!await isDoneWithin(SYSTEM_LINK_CLOCK, msMax, answered.promise)) return null;
    const answer = await answered.promise;
    if (answer.event !== "history") return null;
    const { number, open } = room;
    const place = { room: room.room ?? "", number, title: open?.title ?? null };
    return answer.messages.map((message) => ({ ...message, ...place }));
  } finally {
    room.awaited.delete(ref);
  }
}
