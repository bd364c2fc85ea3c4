/**
 * What is announced of a room: to whom it is open, and nothing of who is in it. As the texts of a DNS-SD record (RFC
 * 6763, section 6), and back: whatever of them isn't as it should be is dropped, the announcement with it where it says
 * of no room.
 */

import { utf8Length } from "../../../base/text/text.ts";
import type { RoomId } from "../../../base/ids.ts";

export interface Announcement {
  /** Of the protocol; a program of another one can't join. */
  readonly version: number;
  /** Null for a private room. */
  readonly room: RoomId | null;
  /** Null where it has none, and for a private room. */
  readonly title: string | null;
  /** What only those recognise who have the secret of a private room; null for an open one. */
  readonly tag: string | null;
  /** The numbers of the word codes that are open. */
  readonly words: readonly number[];
}

/** As many characters as a line has place for. */
export const TITLE_LENGTH_MAX = 64;
/** With its key, a text of DNS-SD has at most 255 bytes. */
const TITLE_BYTES_MAX = 240;
/** More than may be open at a member, which is three. */
const WORDS_MAX = 8;
/** Numbers are small, to be said and typed. */
const NUMBER_MAX = 99_999;

const ROOM = /^[0-9a-f]{64}$/;
const TAG = /^[0-9a-f]{32}$/;
const VERSION = /^\d{1,5}$/;
const NUMBERS = /^\d{1,5}(,\d{1,5})*$/;

/** The title in `text`; null where it has none, too many characters, or some that aren't visible. */
export function titleIn(text: string): string | null {
  const title = text.trim().normalize("NFC");
  const isPossible = /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(title);
  return isPossible && Array.from(title).length <= TITLE_LENGTH_MAX ? title : null;
}

export function textsOf({ version, room, title, tag, words }: Announcement): readonly string[] {
  const texts = [`v=${version}`];
  if (room !== null) texts.push(`room=${room}`);
  if (room !== null && title !== null) texts.push(`title=${fitting(title)}`);
  if (tag !== null) texts.push(`tag=${tag}`);
  if (words.length > 0) texts.push(`words=${words.slice(0, WORDS_MAX).join(",")}`);
  return texts;
}

/** As many of its characters as a text of DNS-SD has place for. */
function fitting(title: string): string {
  const characters = Array.from(title);
  while (utf8Length(characters.join("")) > TITLE_BYTES_MAX) characters.pop();
  return characters.join("");
}

/** Null where no room is announced, or both an open and a private one. */
export function announcementIn(texts: readonly string[]): Announcement | null {
  const valueOf = (key: string) =>
    texts.find((text) => text.startsWith(`${key}=`))?.slice(key.length + 1) ?? "";
  const [version, room, tag, words] = ["v", "room", "tag", "words"].map(valueOf);
  const isOpen = ROOM.test(room!);
  if (isOpen === TAG.test(tag!) || !VERSION.test(version!)) return null;
  const numbers = NUMBERS.test(words!) ? words!.split(",").map(Number) : [];
  return {
    version: Number(version),
    room: isOpen ? room as RoomId : null,
    title: isOpen ? titleIn(valueOf("title")) : null,
    tag: isOpen ? null : tag!,
    words: [...new Set(numbers)].filter((number) => number <= NUMBER_MAX).slice(0, WORDS_MAX),
  };
}
