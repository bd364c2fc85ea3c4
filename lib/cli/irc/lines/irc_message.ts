/** A message of IRC, as it is between parser and serialiser: RFC 1459 and 2812, with the tags of IRCv3. */

export interface IrcMessage {
  /** By their names; unescaped, empty where there is no value. */
  readonly tags: ReadonlyMap<string, string>;
  /** Who it is from: a server's name, or `nick!user@host`; null: whoever has sent it. */
  readonly source: string | null;
  /** In capitals, or three digits. */
  readonly command: string;
  readonly params: readonly string[];
}

/** What isn't known of a client, or of whom nobody asks. */
export const NOBODY = "*";

/** The name under which this program speaks as a server. With a dot, as clients tell servers from people by it. */
export const SERVER = "p2pchat.local";

/** Of a line without its tags, CR and LF included. */
export const LINE_BYTES_MAX = 512;
/** Of the tags that a client sends, `@` and the blank after them included. */
export const TAGS_BYTES_MAX = 4_096;

const NO_TAGS: ReadonlyMap<string, string> = new Map();

/** A message without tags. */
export function ircMessage(
  source: string | null,
  command: string,
  ...params: readonly string[]
): IrcMessage {
  return { tags: NO_TAGS, source, command, params };
}

/** The message with further tags, which replace those of the same names. */
export function withTags(
  message: IrcMessage,
  tags: Readonly<Record<string, string | undefined>>,
): IrcMessage {
  const all = new Map(message.tags);
  for (const [name, value] of Object.entries(tags)) if (value !== undefined) all.set(name, value);
  return { ...message, tags: all };
}

/** How names are compared, as `CASEMAPPING=ascii` says: a name of this program is never told from another by case alone. */
export function ircFolded(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
