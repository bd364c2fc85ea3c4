/** The page's modules that need no browser. They are JavaScript, as browsers take it, without types to import. */

import * as model from "../../../lib/cli/page/assets/model.js";
import * as session from "../../../lib/cli/page/assets/session.js";
import * as storage from "../../../lib/cli/page/assets/storage.js";
import * as typed from "../../../lib/cli/page/assets/typed.js";

// deno-lint-ignore no-explicit-any -- as above
export type Any = any;

export const page: Any = { ...model, ...session, ...storage, ...typed };
