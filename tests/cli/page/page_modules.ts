/** The page's pure modules. They are JavaScript, as browsers take it, without types to import. */

import * as asking from "../../../lib/cli/page/assets/asking.js";
import * as attention from "../../../lib/cli/page/assets/attention.js";
import * as answers from "../../../lib/cli/page/assets/answers.js";
import * as chunks from "../../../lib/cli/page/assets/chunks.js";
import * as events from "../../../lib/cli/page/assets/events.js";
import * as harmless from "../../../lib/cli/page/assets/harmless.js";
import * as hashes from "../../../lib/cli/page/assets/hashes.js";
import * as headings from "../../../lib/cli/page/assets/headings.js";
import * as hues from "../../../lib/cli/page/assets/hues.js";
import * as lines from "../../../lib/cli/page/assets/lines.js";
import * as marks from "../../../lib/cli/page/assets/marks.js";
import * as offers from "../../../lib/cli/page/assets/offers.js";
import * as personActions from "../../../lib/cli/page/assets/person_actions.js";
import * as phrases from "../../../lib/cli/page/assets/phrases.js";
import * as places from "../../../lib/cli/page/assets/places.js";
import * as qr from "../../../lib/cli/page/assets/qr.js";
import * as reduce from "../../../lib/cli/page/assets/reduce.js";
import * as refs from "../../../lib/cli/page/assets/refs.js";
import * as rooms from "../../../lib/cli/page/assets/room_events.js";
import * as runs from "../../../lib/cli/page/assets/runs.js";
import * as seeking from "../../../lib/cli/page/assets/seeking.js";
import * as session from "../../../lib/cli/page/assets/session.js";
import * as sidebar from "../../../lib/cli/page/assets/sidebar.js";
import * as spans from "../../../lib/cli/page/assets/spans.js";
import * as steady from "../../../lib/cli/page/assets/steady.js";
import * as storage from "../../../lib/cli/page/assets/storage.js";
import * as times from "../../../lib/cli/page/assets/times.js";
import * as typed from "../../../lib/cli/page/assets/typed.js";

// deno-lint-ignore no-explicit-any -- as above
export type Any = any;

export const page: Any = {
  ...asking,
  ...attention,
  ...answers,
  ...chunks,
  ...events,
  ...harmless,
  ...hashes,
  ...headings,
  ...hues,
  ...lines,
  ...marks,
  ...offers,
  ...personActions,
  ...phrases,
  ...places,
  ...qr,
  ...reduce,
  ...refs,
  ...rooms,
  ...runs,
  ...seeking,
  ...session,
  ...sidebar,
  ...spans,
  ...steady,
  ...storage,
  ...times,
  ...typed,
};
