/** What of that which was said is on a disk. */

/** Where any of these texts is, in any file below the folder. */
export function found(folder: string, ...texts: readonly string[]): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return found(path, ...texts);
    const content = Deno.readTextFileSync(path);
    return texts.filter((text) => content.includes(text)).map((text) => `${path}: ${text}`);
  });
}
