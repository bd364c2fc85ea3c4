/** Which of several announced rooms is meant: by a title, or by what a person answers. */

import { foldTitle, isSameTitle, numberText } from "../../base/text/words.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { AnnouncedRoom } from "../../protocols/mesh/discovery/announced_rooms.ts";

/** In the same order on each machine, so that people can tell each other a number: by title, those without one last. */
export function inOrder(rooms: readonly AnnouncedRoom[]): readonly AnnouncedRoom[] {
  const keyOf = ({ room, tag, title, version }: AnnouncedRoom) =>
    [
      room === null ? "2" : title === null ? "1" : `0${foldTitle(title)}`,
      room ?? tag,
      version,
    ].join(" ");
  const keyed = rooms.map((room) => ({ key: keyOf(room), room }));
  return keyed.toSorted((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0).map(({ room }) =>
    room
  );
}

/** Those with this title, however it is written; none where there is no title. */
export function titled(
  rooms: readonly AnnouncedRoom[],
  title: string | null,
): readonly AnnouncedRoom[] {
  return rooms.filter((each) => isSameTitle(each.title, title));
}

/** What a person has chosen by a number or a title; null where that says nothing, or more than one room. */
export function chosenBy(
  offered: readonly AnnouncedRoom[],
  answer: string,
): AnnouncedRoom | "none" | null {
  const typed = answer.trim();
  const number = /^\d{1,2}$/.test(typed) ? Number(typed) : NaN;
  if (number === 0) return "none";
  const byNumber = offered[number - 1];
  if (byNumber !== undefined) return byNumber;
  const [found, ...more] = titled(offered, typed);
  return found === undefined || more.length > 0 ? null : found;
}

/** What stands above the rooms. @param wanted The title that was asked for; null for none. */
export function offerText(offered: readonly AnnouncedRoom[], wanted: string | null): string {
  if (wanted === null) return "Several rooms are announced on this network:";
  const title = quotedStart(wanted);
  if (titled(offered, wanted).length > 0) {
    return `Several rooms with the title ${title} are announced on this network:`;
  }
  const others = offered.length === 1 ? "but another one is" : "but others are";
  return `No room with the title ${title} is announced on this network, ${others}:`;
}

/** @param none What 0 stands for. */
export function questionText(offered: readonly AnnouncedRoom[], none: string): string {
  const numbers = offered.length === 1 ? "1" : `1 to ${numberText(offered.length)}`;
  return `Which one (${numbers}, or its title; 0 for ${none})? `;
}
