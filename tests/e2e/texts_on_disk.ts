/** What of that which was said is on a disk. */

/**
 * Where any of these texts is, in any file below the folder. A program that runs may put a new version of a file in its
 * place meanwhile: what was to become it isn't there any more, and the folder is looked through again.
 */
export function found(folder: string, ...texts: readonly string[]): readonly string[] {
  const places: string[] = [];
  for (const { name, isDirectory } of [...Deno.readDirSync(folder)]) {
    const path = `${folder}/${name}`;
    if (isDirectory) {
      places.push(...found(path, ...texts));
      continue;
    }
    const content = contentOf(path);
    if (content === null) return found(folder, ...texts);
    places.push(
      ...texts.filter((text) => content.includes(text)).map((text) => `${path}: ${text}`),
    );
  }
  return places;
}

function contentOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return null;
  }
}
