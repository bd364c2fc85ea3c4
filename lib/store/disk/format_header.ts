/** The first line of each of the program's files: that it belongs to p2pchat, what it holds, and in which version. */

import { P2pchatError } from "../../base/errors.ts";

/** Kind and version of a file's content. */
export interface FileFormat {
  /** Lower-case words with `-` between them, such as `mesh-room`. */
  readonly format: string;
  /** Incremented with each change that older programs cannot read. */
  readonly version: number;
}

export const HEADER_KIND = "p2pchat";

/** The cells of the header line. */
export function headerCells({ format, version }: FileFormat): readonly string[] {
  return [HEADER_KIND, format, String(version)];
}

/** What the first line may say; anything else may be a line of the file's content, such as a key. */
const FORMAT_FORM = /^[a-z][a-z-]{0,30}$/;
const VERSION_FORM = /^[0-9]{1,9}$/;

/**
 * Checks the cells of a file's first line. The error quotes nothing that can't be a format or a version: where the
 * first line is missing, the line in its place may hold a secret.
 * @throws {P2pchatError} `bad-file` for another format or version.
 */
export function checkHeader(path: string, cells: readonly string[], expected: FileFormat): void {
  const [kind, format = "", version = ""] = cells;
  if (kind !== HEADER_KIND || format !== expected.format) {
    const found = kind === HEADER_KIND && FORMAT_FORM.test(format)
      ? `it says that it is ${JSON.stringify(format)}`
      : "its first line doesn't say what it is";
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: ${found}, expected ${JSON.stringify(expected.format)}; ` +
        "move it away or choose another folder with --data",
    );
  }
  if (version !== String(expected.version)) {
    const found = VERSION_FORM.test(version) ? `its version is "${version}"` : "it has no version";
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: ${found}, this program reads ${expected.version}; ` +
        "use the program that wrote it",
    );
  }
}
