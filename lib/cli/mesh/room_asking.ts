/** What the user asks, or answers, in one room of a console with several. */

import { P2pchatError } from "../../base/errors.ts";
import { FOUND_COUNT_DEFAULT } from "../commands/command_arguments.ts";
import type { RoomCommand } from "./mesh_commands.ts";
import type { RoomInterface } from "./room_interface.ts";

type Asked = Extract<RoomCommand, { readonly command: "history" }>;

/** The search for a text, as one room alone is asked for it. */
export function searchOf(text: string): Asked {
  return { command: "history", count: FOUND_COUNT_DEFAULT, text };
}

/** What a person is told of an answer that has less than they may expect; null: it hasn't. */
export function askedAlone({ text, name }: Asked, room: RoomInterface): string | null {
  if (name !== undefined) return `In #${room.name} alone; /room N goes to another one`;
  return text === undefined ? null : `In #${room.name} alone; /search looks in all your rooms`;
}

/** An answer isn't said where it answers nothing. @throws {P2pchatError} Where another room alone asks. */
export function heedQuestions(
  text: string,
  current: RoomInterface,
  rooms: readonly RoomInterface[],
): void {
  const asks = (room: RoomInterface) => (room.open?.answerOf(text) ?? null) !== null;
  if (asks(current)) return;
  const asking = rooms.find(asks);
  if (asking === undefined) return;
  const { name, number } = asking;
  throw new P2pchatError("usage", `That answers #${name}'s question: /room ${number} first`);
}
