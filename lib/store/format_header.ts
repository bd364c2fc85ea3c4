/** The first line of each of the program's files: that it belongs to p2pchat, what it holds, and in which version. */

import { P2pchatError } from "../base/errors.ts";
import { quotedStart } from "../base/text.ts";

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

/**
 * Checks the cells of a file's first line.
 * @throws {P2pchatError} `bad-file` for another format or version.
 */
export function checkHeader(path: string, cells: readonly string[], expected: FileFormat): void {
  const [kind = "", format, version = ""] = cells;
  if (kind !== HEADER_KIND || format !== expected.format) {
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: it says that it is ${quotedStart(format ?? kind)}, expected ` +
        `${JSON.stringify(expected.format)}; move it away or choose another folder with --data`,
    );
  }
  if (version !== String(expected.version)) {
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: its version is ${quotedStart(version)}, this program reads ` +
        `${expected.version}; use the program that wrote it`,
    );
  }
}
