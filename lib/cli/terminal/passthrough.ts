/** Programs around the terminal, which pass on what is for the terminal behind them only in a form of their own. */

/** screen drops what is longer; UTF-16 units. */
const SCREEN_UNITS_MAX = 120;

type Variable = (name: string) => string | undefined;

/** Whether tmux is around the terminal. It passes on where it may: `allow-passthrough on`. */
export function isInTmux(variable: Variable): boolean {
  return Boolean(variable("TMUX"));
}

/** The escape sequences, which end in BEL or ST, as whatever is around the terminal passes them on. */
export function passedOn(sequences: string, variable: Variable): string {
  if (isInTmux(variable)) return `\x1bPtmux;${sequences.replaceAll("\x1b", "\x1b\x1b")}\x1b\\`;
  return variable("STY") ? inScreen(sequences) : sequences;
}

/** No piece has an ST, with which screen would end it: its ESC ends one piece, and the next one begins behind that. */
function inScreen(sequences: string): string {
  let passed = "";
  let piece = "";
  for (const character of sequences) {
    const isFull = piece.length + character.length > SCREEN_UNITS_MAX;
    if (isFull || (character === "\\" && piece.endsWith("\x1b"))) {
      passed += `\x1bP${piece}\x1b\\`;
      piece = "";
    }
    piece += character;
  }
  return `${passed}\x1bP${piece}\x1b\\`;
}
