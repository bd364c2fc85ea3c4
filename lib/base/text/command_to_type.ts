/** Commands of this program for its user to type. */

/** What a shell takes as it is. */
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

/**
 * The command with these words in this program's data folder: in another one there are other profiles.
 * @param data The `--data` that this program was given; absent: none was.
 */
export function commandToType(words: string, data?: string): string {
  const command = `p2pchat ${words}`;
  if (data === undefined) return command;
  return `${command} --data ${PLAIN_WORD.test(data) ? data : quotedForShell(data)}`;
}

const COMMAND =
  /\bp2pchat (?=(?:mesh|peer|serve|regserver|rooms|users|log|passphrase|accounts)\b)/g;

/** The program's own text, in which its commands begin as this program was begun, such as `./p2pchat`. */
export function asBegun(text: string, program: string): string {
  return text.replace(
    COMMAND,
    () => `${PLAIN_WORD.test(program) ? program : quotedForShell(program)} `,
  );
}

/** As one word of any of the shells. */
export function quotedForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
