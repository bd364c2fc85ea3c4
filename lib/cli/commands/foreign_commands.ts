/**
 * Commands of other chat programs: those that mean the same here are run, for others it is said what comes near; of those
 * of another mode, whose they are.
 */

/** What a command is found by. */
interface Headed {
  readonly name: string;
  readonly form: string;
}

/** For a word, the commands that it may mean, by name and form, as the modes differ in these. */
type Meanings = Readonly<Record<string, readonly string[]>>;

/** Commands that end the program, in one mode or another. */
const LEAVING = ["quit", "exit", "logout"];
/** Words for writing to one person alone. */
const WRITING_TO_ONE = ["whisper", "dm", "pm", "tell", "query"];
const FINDING = ["find", "grep", "lastlog"];
const SHOWING_WHO_IS_THERE = ["peers", "list", "list [PART]"];

/** What means the same everywhere. */
const SAME: Meanings = {
  "?": ["help [TOPIC]"],
  "h": ["help [TOPIC]"],
  "man": ["help [TOPIC]"],
  "nick": ["name NEW"],
  "quit": LEAVING,
  "exit": LEAVING,
  "q": LEAVING,
  "bye": LEAVING,
  "leave": LEAVING,
  "part": LEAVING,
  "list": SHOWING_WHO_IS_THERE,
  "peers": SHOWING_WHO_IS_THERE,
  "users": SHOWING_WHO_IS_THERE,
  "members": SHOWING_WHO_IS_THERE,
  "names": SHOWING_WHO_IS_THERE,
  "who": SHOWING_WHO_IS_THERE,
  "w": SHOWING_WHO_IS_THERE,
  ...meaning(WRITING_TO_ONE, "msg NAME TEXT"),
  "log": ["history [NAME] [/TEXT/] [N]"],
  "wall": ["broadcast TEXT"],
  "ban": ["remove NAME"],
  "unban": ["allow NAME"],
  "block": ["ignore NAME"],
  "unblock": ["unignore NAME"],
  ...meaning(FINDING, "search TEXT"),
  ...meaning(["sendfile", "upload"], "send [NAME] FILE"),
  ...meaning(["savefile", "download", "fetch"], "get N [AS]"),
  ...meaning(["downloads", "transfers"], "files"),
};

/** What comes near. Elsewhere who is kicked may come back at once: nobody is shut out for good by a word for that. */
const NEAR: Meanings = {
  ...meaning(WRITING_TO_ONE, "call NAME"),
  "ban": ["kick NAME"],
  "kick": ["remove NAME"],
  "mute": ["ignore NAME"],
  "unmute": ["unignore NAME"],
  "notice": ["msg NAME TEXT"],
  "dcc": ["send [NAME] FILE"],
  "seen": ["whois NAME"],
};

function meaning(words: readonly string[], head: string): Meanings {
  return Object.fromEntries(words.map((word) => [word, [head]]));
}

/** What only some modes have, by whom it is for. */
const OF_MODES: Meanings = {
  "those who chat": ["msg", "me", "away", "back"],
  "members of groups": ["edit", "go", "abort", "entry"],
  "a group's coordinator": ["edits", "states", "snapshot", "snapshots", "recover"],
  "rooms": ["join", "room", "rooms", "deputy", "name"],
  "rooms and a group's coordinator": ["invite", "remove", "allow"],
  "rooms, friends and calls": ["send", "files", "get", "cancel"],
  "tables of friends": ["to", "add", "outbox", "unsend"],
  "directories": [
    ...["call", "accept", "decline", "hangup", "missed", "more"],
    ...["broadcast", "passwd", "forget-me"],
  ],
};

/** Whether a command is another program's for writing to one person alone. */
export function writesToOne(word: string): boolean {
  return WRITING_TO_ONE.includes(word.toLowerCase());
}

/** Whether a word without a slash means leaving in other programs. */
export function meansLeaving(word: string): boolean {
  const lower = word.trim().toLowerCase();
  return LEAVING.includes(lower) || meaningsOf(lower, SAME) === LEAVING;
}

/** The command that is meant by another program's word for it, or by that of another mode. */
export function sameCommand<Entry extends Headed>(
  word: string,
  commands: readonly Entry[],
): Entry | undefined {
  return found(meaningsOf(word, SAME), commands);
}

/** Other programs' words that are run as that command. */
export function wordsFor<Entry extends Headed>(
  entry: Entry,
  commands: readonly Entry[],
): readonly string[] {
  return Object.keys(SAME).filter((word) => sameCommand(word, commands) === entry);
}

/** The command that comes near to another program's. */
export function nearCommand<Entry extends Headed>(
  word: string,
  commands: readonly Entry[],
): Entry | undefined {
  return found(meaningsOf(word, NEAR), commands);
}

/** Whether it is another program's word for what comes near only in some modes: it is no other word mistyped. */
export function isOfOthers(word: string): boolean {
  return meaningsOf(word, NEAR).length > 0;
}

/** Whom a command of another mode is for; undefined: no mode has one of that name. */
export function whoHas(word: string): string | undefined {
  const lower = word.toLowerCase();
  return Object.keys(OF_MODES).find((mode) => OF_MODES[mode]!.includes(lower));
}

function meaningsOf(word: string, meanings: Meanings): readonly string[] {
  const lower = word.toLowerCase();
  return Object.hasOwn(meanings, lower) ? meanings[lower]! : [];
}

function found<Entry extends Headed>(
  heads: readonly string[],
  commands: readonly Entry[],
): Entry | undefined {
  for (const head of heads) {
    const own = commands.find(({ name, form }) => `${name} ${form}`.trimEnd() === head);
    if (own !== undefined) return own;
  }
  return undefined;
}
