/** Which passwords are possible. */

import { utf8Length } from "../../base/text.ts";
import { PASSWORD_BYTES_MAX, PASSWORD_LENGTH_MIN } from "./limits.ts";

/** Why it can't be a password, as the end of a sentence that doesn't repeat it; null where it can. */
export function passwordFault(password: string): string | null {
  const normal = password.normalize("NFC");
  const length = [...normal].length;
  if (length < PASSWORD_LENGTH_MIN) {
    return `has ${length} characters, it needs ${PASSWORD_LENGTH_MIN} at least`;
  }
  const bytes = utf8Length(normal);
  if (bytes > PASSWORD_BYTES_MAX) return `has ${bytes} bytes, it may have ${PASSWORD_BYTES_MAX}`;
  return null;
}
