/** Commands of other chat programs, and the command here that does the same. */

/** What a command is found by. */
interface Headed {
  readonly name: string;
  readonly form: string;
}

/** Commands that end the program, in one mode or another. */
const LEAVING = ["quit", "exit", "logout"];
const WRITING_TO_ONE = ["msg NAME TEXT", "call NAME"];
const SHOWING_WHO_IS_THERE = ["peers", "list", "list [PART]"];

/** For each foreign command, its equivalents by name and form, as the modes differ in these. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  "?": ["help [TOPIC]"],
  "h": ["help [TOPIC]"],
  "man": ["help [TOPIC]"],
  "nick": ["name NEW"],
  "quit": LEAVING,
  "exit": LEAVING,
  "bye": LEAVING,
  "leave": LEAVING,
  "part": LEAVING,
  "users": SHOWING_WHO_IS_THERE,
  "names": SHOWING_WHO_IS_THERE,
  "who": SHOWING_WHO_IS_THERE,
  "w": WRITING_TO_ONE,
  "whisper": WRITING_TO_ONE,
  "dm": WRITING_TO_ONE,
  "pm": WRITING_TO_ONE,
  "tell": WRITING_TO_ONE,
  "query": WRITING_TO_ONE,
  "log": ["history [N]"],
  "wall": ["broadcast TEXT"],
  "ban": ["remove NAME", "kick NAME"],
  "kick": ["remove NAME"],
  "unban": ["allow NAME"],
  "join": [],
  "me": [],
};

/** Whether a word without a slash means leaving in other programs. */
export function meansLeaving(word: string): boolean {
  const lower = word.trim().toLowerCase();
  return LEAVING.includes(lower) || (Object.hasOwn(OURS, lower) && OURS[lower] === LEAVING);
}

/**
 * The equivalent of another program's command: null where this mode has none, undefined where no program's command
 * is known by that name.
 */
export function ownCommandFor<Entry extends Headed>(
  word: string,
  commands: readonly Entry[],
): Entry | null | undefined {
  const heads = Object.hasOwn(OURS, word.toLowerCase()) ? OURS[word.toLowerCase()] : undefined;
  if (heads === undefined) return undefined;
  for (const head of heads) {
    const own = commands.find(({ name, form }) => `${name} ${form}`.trimEnd() === head);
    if (own !== undefined) return own;
  }
  return null;
}
