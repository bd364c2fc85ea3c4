/*
 * Consents to edits, as a model: the author of two entries, whose user is asked and answers by number, a requester that
 * signs whatever it likes, and a coordinator that does so, too (or is honest). `make model`; what is left out: README.md
 * beside this file.
 *
 * The history is one row: each honest member makes the same checks before a decision takes its place there, whoever
 * brings it. The coordinator says anything to the author, in any order, at any time; it knows what was signed.
 */

#ifndef LIES
#define LIES 1 /* 0: the coordinator is honest */
#endif
#ifndef RULES
#define RULES 2 /* how often the rules change */
#endif
#ifndef CRASHES
#define CRASHES 1 /* of the author */
#endif
#ifndef NUMBERS
#define NUMBERS 2 /* of edits */
#endif

/* Switches: MUTATION_*, each a rule that is left out; tools/model.sh has the list. */

#define BIT(i) (1 << (i))
#define IN(set, i) (((set) >> (i)) & 1)

/*
 * Requests, all signed by the requester: 0 changes entry 0 from text 0 to 1; 1 changes it from 1 to 2, and 2 back to 0,
 * under one id; 3 is as 0, with its id, but names the place of entry 1.
 */
#define ID(r) ((r) == 1 || (r) == 2)
#define PLACE(r) ((r) == 3)
#define IS_OF_PLACE(r) ((r) != 3)
#define OLD(r) ID(r)
#define NEW(r) ((r) == 2 -> 0 : ((r) == 1 -> 2 : 1))
/* What a yes is a signature of (consents.ts): the request's id, the entry's id, both texts. */
#ifdef MUTATION_CONSENT
#define CONSENT(r) ID(r)
#else
#define CONSENT(r) ((r) == 3 -> 0 : (r))
#endif

/* What is known of a request's id at its entry's author (edit_participant.ts). */
#define NOTHING 0
#define WAITING 1  /* for the entry's lock */
#define ASKED 2
#define AGREEING 3 /* `prepared` is being written */
#define AGREED 4
#define REFUSED 5
typedef Part {
  unsigned phase : 3;
  unsigned number : 2;
  unsigned request : 2;
  unsigned isConsented : 1
}
Part part[2];
/* `prepared`, and `settled`, which isn't synced. */
typedef Disk {
  unsigned isThere : 1;
  unsigned isSettled : 1;
  unsigned number : 2;
  unsigned request : 2;
  unsigned isConsented : 1
}
Disk disk[2];
byte askedAbout[4];       /* by number: the request that its user was asked about, and 1 */

/* What its user has read, and is about to answer: a number, and what it meant then. */
unsigned mindNumber : 2;
unsigned mindRequest : 2;

/* The history, and what it makes of the entries. */
unsigned rules : 1 = 1;   /* 1: the author is asked; 0: nobody is */
byte text[2];
unsigned edited : 2;
unsigned done : 2;        /* ids */
unsigned ruled : 2, crashes : 2;

unsigned signatures : 4;  /* consents that the author has signed, as the coordinator knows */

/* An honest coordinator (edit_coordinator.ts, decisions.ts). */
unsigned policy : 1 = 1;
unsigned numbers : 2;
unsigned open : 3;        /* the request, and 1 */
unsigned isVoting : 1;
unsigned decided : 4;     /* on disk, not known to be in the history */
unsigned isSigned : 4;
unsigned isRuling : 1;    /* the same of rules */
unsigned voted : 2;       /* what has come: 1 a yes, 2 with a consent */

/* What no rule reads. */
unsigned meant : 4;       /* to which requests the user has said yes */
unsigned told : 4;        /* which it was told are aborted, by this process */
unsigned everTold : 4;
unsigned isWarned : 1;
byte fault = 0;

/*
 * Faults: 1 a member signs a yes that its user didn't say; 2 an edit is in the history to which the author had to agree
 * and didn't; 3 the entry doesn't read there what it was asked for; 4 a request is done twice; 5 the history has an edit
 * with a user's consent that it was told is aborted, and doesn't warn it; 6 a user is warned of its own consent, about
 * which nobody lied; 7 what an honest coordinator has decided is ruled out.
 */
inline check() {
  if
  :: fault != 0 -> printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

/* ---- The author of both entries ---- */

#define HAS_LOCK(id) (part[id].phase == ASKED || part[id].phase == AGREEING || part[id].phase == AGREED)
#define IS_LOCKED(id) (HAS_LOCK(1 - (id)) && PLACE(part[1 - (id)].request) == PLACE(part[id].request))
#ifdef MUTATION_DIFFERS
#define DIFFERS(r) (!IS_OF_PLACE(r))
#else
#define DIFFERS(r) (!IS_OF_PLACE(r) || text[PLACE(r)] != OLD(r))
#endif

inline forget(id) {
  part[id].phase = NOTHING; part[id].number = 0; part[id].request = 0; part[id].isConsented = 0
}
inline tellEnd(id) {
  told = told | BIT(part[id].request);
  everTold = everTold | BIT(part[id].request)
}
inline vote(id, how) {
  if
  :: !LIES && part[id].number == numbers -> voted = how
  :: else
  fi
}
/* Its vote: with its signature where its user was asked. */
inline sayAgreed(id) {
  if
#ifndef MUTATION_UNASKED
  :: rules && !part[id].isConsented -> skip /* agreed to under other rules: that is no consent */
#endif
  :: part[id].isConsented || rules ->
    printf("the author signs a yes to request %d\n", part[id].request);
    signatures = signatures | BIT(CONSENT(part[id].request));
    vote(id, 2);
    if
    :: !IN(meant, part[id].request) -> fault = 1
    :: else
    fi
  :: else -> vote(id, 1)
  fi;
  check()
}
inline agree(id) {
  part[id].phase = AGREEING;
#ifdef MUTATION_UNSYNCED
  sayAgreed(id)
#endif
}
inline write(id) {
  printf("the author has its yes to request %d on disk\n", part[id].request);
  part[id].phase = AGREED;
  disk[id].isThere = 1; disk[id].isSettled = 0; disk[id].number = part[id].number; disk[id].request = part[id].request;
#ifndef MUTATION_RECORD
  disk[id].isConsented = part[id].isConsented;
#endif
  sayAgreed(id)
}
inline goOn(id) {
  if
  :: part[id].phase != WAITING || IS_LOCKED(id)
  :: else ->
    if
    :: IN(done, id) -> forget(id)
    :: !IN(done, id) && DIFFERS(part[id].request) -> part[id].phase = REFUSED
    :: !IN(done, id) && !DIFFERS(part[id].request) && rules ->
      printf("the author is asked about edit %d, request %d\n", part[id].number, part[id].request);
      part[id].phase = ASKED;
#ifdef MUTATION_ID
      askedAbout[part[id].number] = id + 1
#else
      askedAbout[part[id].number] = part[id].request + 1
#endif
    :: else -> agree(id)
    fi
  fi
}
#ifdef MUTATION_NUMBER
#define MEANS_OTHER(n, r) 0
#else
#ifdef MUTATION_ID
#define MEANS_OTHER(n, r) (askedAbout[n] != 0 && askedAbout[n] != ID(r) + 1)
#else
#define MEANS_OTHER(n, r) (askedAbout[n] != 0 && askedAbout[n] != (r) + 1)
#endif
#endif
#define IS_OPEN(id) (part[id].phase != NOTHING)
inline prepare(n, r) {
  if
  :: IN(done, ID(r))
  :: !IN(done, ID(r)) && IS_OPEN(ID(r)) && part[ID(r)].number == n ->
    if
    :: part[ID(r)].phase == AGREED -> sayAgreed(ID(r))
    :: else
    fi
  :: else ->
    if
    :: IS_OPEN(ID(r)) -> tellEnd(ID(r)); forget(ID(r)); goOn(1 - ID(r))
    :: else
    fi;
    if
    :: IS_OPEN(1 - ID(r)) && part[1 - ID(r)].number == n
    :: else ->
      if
      :: MEANS_OTHER(n, r)
      :: else ->
        part[ID(r)].phase = WAITING; part[ID(r)].number = n; part[ID(r)].request = r;
        goOn(ID(r))
      fi
    fi
  fi
}
inline aborted(id) {
  tellEnd(id);
  disk[id].isSettled = disk[id].isThere;
  forget(id);
  goOn(1 - id)
}
/* The edit is in its log. */
inline logged(r, isOurs) {
#ifdef MUTATION_OWN
  isWarned = 0;
#else
#ifdef MUTATION_OTHER
  isWarned = isOurs && !(IS_OPEN(ID(r)) && part[ID(r)].isConsented);
#else
  isWarned = isOurs && !(IS_OPEN(ID(r)) && part[ID(r)].isConsented && part[ID(r)].request == r);
#endif
#endif
  if
  :: isOurs && IN(told, r) && !isWarned -> fault = 5
  :: isWarned && IN(meant, r) && !IN(everTold, r) -> fault = 6
  :: else
  fi;
  check();
  isWarned = 0;
  disk[ID(r)].isSettled = disk[ID(r)].isThere;
  forget(ID(r));
  goOn(0);
  goOn(1)
}
inline restoreOne(id) {
  if
  :: disk[id].isThere ->
    part[id].phase = AGREED; part[id].number = disk[id].number; part[id].request = disk[id].request;
    part[id].isConsented = disk[id].isConsented; disk[id].isSettled = 0
  :: else -> forget(id)
  fi;
  if
  :: IN(done, id) -> forget(id)
  :: else
  fi
}
inline restart() {
  printf("the author is killed, and started again\n");
  crashes++;
  askedAbout[1] = 0; askedAbout[2] = 0; askedAbout[3] = 0; mindNumber = 0; mindRequest = 0; told = 0;
  restoreOne(0);
  restoreOne(1)
}
inline settle(id) {
  disk[id].isThere = 0; disk[id].isSettled = 0; disk[id].number = 0; disk[id].request = 0; disk[id].isConsented = 0
}

/* Its user: reads a question, and answers it by its number, a moment later or much later. */
inline readQuestion(id) {
  printf("the user reads about edit %d, request %d\n", part[id].number, part[id].request);
  mindNumber = part[id].number; mindRequest = part[id].request
}
inline answerAs(id, agrees) {
  if
  :: part[id].phase == ASKED && part[id].number == mindNumber && agrees -> part[id].isConsented = 1; agree(id)
  :: part[id].phase == ASKED && part[id].number == mindNumber && !agrees -> part[id].phase = REFUSED; goOn(1 - (id))
  :: else
  fi
}
inline answer(agrees) {
  printf("the user answers edit %d, as it read request %d: %d\n", mindNumber, mindRequest, agrees);
  if
  :: agrees -> meant = meant | BIT(mindRequest); told = told & ~BIT(mindRequest)
  :: else
  fi;
  if
  :: part[0].phase == ASKED && part[0].number == mindNumber -> answerAs(0, agrees)
  :: else -> answerAs(1, agrees)
  fi;
  mindNumber = 0; mindRequest = 0
}

/* ---- The history (consentFault): what each member checks, under the rules at that place ---- */

#ifdef MUTATION_SIGNATURE
#define HAS_CONSENT(r, isClaimed) 1
#else
#define HAS_CONSENT(r, isClaimed) (isClaimed && IN(signatures, CONSENT(r)))
#endif
#ifdef MUTATION_PLACE
#define IS_ENTRY(r) 1
#else
#define IS_ENTRY(r) IS_OF_PLACE(r)
#endif
#ifdef MUTATION_TEXT
#define READS(r) 1
#else
#define READS(r) (!IN(edited, PLACE(r)) || text[PLACE(r)] == OLD(r)) /* never edited: its author has looked */
#endif
#ifdef MUTATION_TWICE
#define IS_DONE(r) 0
#else
#define IS_DONE(r) IN(done, ID(r))
#endif
/* Whoever is said to agree must have had to be asked. */
#define FITS(r, isClaimed) (!IS_DONE(r) && IS_ENTRY(r) && READS(r) && (rules -> HAS_CONSENT(r, isClaimed) : !isClaimed))

inline place(r, isClaimed) {
  printf("request %d is in the history, with a consent: %d\n", r, isClaimed);
  if
  :: rules && !IN(meant, r) -> fault = 2
  :: rules && IN(meant, r) && text[PLACE(r)] != OLD(r) -> fault = 3
  :: (!rules || IN(meant, r) && text[PLACE(r)] == OLD(r)) && IN(done, ID(r)) -> fault = 4
  :: else
  fi;
  check();
  text[PLACE(r)] = NEW(r);
  edited = edited | BIT(PLACE(r));
  done = done | BIT(ID(r));
  logged(r, isClaimed)
}
inline placeRules(to) {
  printf("the rules are %d\n", to);
  ruled++;
  rules = to;
  goOn(0);
  goOn(1)
}

/* ---- An honest coordinator: one edit at a time, and what it has decided is put in order at some time ---- */

#ifdef MUTATION_RULES
#define MAY_RULE (rules != policy && !isRuling)
#else
#define MAY_RULE (rules != policy && !isRuling && decided == 0)
#endif
#ifdef MUTATION_VOTES
#define MAY_VOTE 1
#else
#define MAY_VOTE (rules == policy && !isRuling)
#endif
inline accept(r) {
  numbers++;
  printf("coordinator: request %d is edit %d\n", r, numbers);
  open = r + 1; isVoting = 0; voted = 0
}
inline hearVote() {
  if
  :: voted == 2 || !policy ->
    printf("coordinator: request %d is decided\n", open - 1);
    decided = decided | BIT(open - 1);
    isSigned = isSigned | (policy -> BIT(open - 1) : 0)
  :: else -> giveUp()
  fi;
  open = 0; isVoting = 0; voted = 0
}
inline giveUp() {
  if
  :: IS_OPEN(ID(open - 1)) && part[ID(open - 1)].number == numbers -> aborted(ID(open - 1))
  :: else
  fi
}
inline order(r) {
  if
  :: FITS(r, IN(isSigned, r)) -> decided = decided & ~BIT(r); place(r, IN(isSigned, r))
  :: else -> fault = 7; check()
  fi;
  isSigned = isSigned & ~BIT(r)
}
inline restartCoordinator(to) {
  printf("coordinator: is started again, with rules %d\n", to);
  policy = to; open = 0; isVoting = 0; voted = 0
}

/* ---- Steps ---- */

proctype TheAuthor() {
end:
  do
  :: d_step { part[0].phase == AGREEING -> write(0) }
  :: d_step { part[1].phase == AGREEING -> write(1) }
  :: d_step { disk[0].isSettled -> settle(0) }
  :: d_step { disk[1].isSettled -> settle(1) }
  :: d_step { part[0].phase == ASKED -> readQuestion(0) }
  :: d_step { part[1].phase == ASKED -> readQuestion(1) }
  :: d_step { mindNumber != 0 -> answer(1) }
  :: d_step { mindNumber != 0 -> answer(0) }
  :: d_step { crashes < CRASHES -> restart() }
  od
}

#define LIE(r) \
  :: d_step { prepare(1, r) } \
  :: d_step { NUMBERS > 1 -> prepare(2, r) } \
  :: d_step { FITS(r, 1) -> place(r, 1) } \
  :: d_step { FITS(r, 0) -> place(r, 0) }
proctype ALiar() {
end:
  do
  LIE(0)
  LIE(1)
  LIE(2)
  LIE(3)
  :: d_step { IS_OPEN(0) -> printf("coordinator: says that request %d is aborted\n", part[0].request); aborted(0) }
  :: d_step { IS_OPEN(1) -> printf("coordinator: says that request %d is aborted\n", part[1].request); aborted(1) }
  :: d_step { ruled < RULES -> placeRules(1 - rules) }
  od
}

#define IS_NEW(r) (!IN(done, ID(r)) && (decided & (ID(r) -> 6 : 9)) == 0)
#define HONEST(r) \
  :: d_step { open == 0 && numbers < NUMBERS && IS_NEW(r) -> accept(r) } \
  :: d_step { IN(decided, r) -> order(r) }
/* What it doesn't know is aborted. */
#define CAN_ANSWER(id) (IS_OPEN(id) && part[id].number != numbers * (open != 0) \
  && !IN(decided, part[id].request))
proctype TheCoordinator() {
end:
  do
  HONEST(0)
  HONEST(1)
  HONEST(2)
  HONEST(3)
  :: d_step { open != 0 && MAY_VOTE -> isVoting = 1; prepare(numbers, open - 1) }
  :: d_step { isVoting && voted != 0 -> hearVote() }
  :: d_step { open != 0 -> giveUp(); open = 0; isVoting = 0; voted = 0 }
  :: d_step { CAN_ANSWER(0) -> aborted(0) }
  :: d_step { CAN_ANSWER(1) -> aborted(1) }
  :: d_step { MAY_RULE && ruled < RULES -> isRuling = 1 }
  :: d_step { isRuling -> isRuling = 0; placeRules(policy) }
  :: d_step { restartCoordinator(0) }
  :: d_step { restartCoordinator(1) }
  od
}

init {
  atomic {
    run TheAuthor();
    if
    :: LIES -> run ALiar()
    :: !LIES -> run TheCoordinator()
    fi
  }
}
