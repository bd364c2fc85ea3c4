/** Finding a text in what was said, however it is written: in capitals or not, in compatible characters. */

/** What tells whether a text has `wanted` in it. */
export function finder(wanted: string): (text: string) => boolean {
  const folded = folding(wanted);
  return (text) => folding(text).includes(folded);
}

/** Unlike the folding of names, letter for letter: a search goes through thousands of long texts. */
function folding(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
