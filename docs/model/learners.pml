/*
 * Who is sent what was said, as a model: a coordinator, two members, and a stranger that does whatever it likes. It may
 * become a learner (it is shown as joining, and sent the log before it has a say) and a member, and may be removed.
 * `make model`; what is left out: README.md beside this file.
 *
 * Nothing is said here: what counts is who is sent any of it, and who is shown so. Time is a choice: what runs out may
 * do so at any time, and a link may be lost at any time, with all that is on it.
 */

#ifndef LOSSES
#define LOSSES 2 /* links between a member and the coordinator */
#endif
#ifndef CRASHES
#define CRASHES 2 /* of the coordinator */
#endif
#ifndef COMINGS
#define COMINGS 3 /* how often the stranger becomes a learner */
#endif

/* Switches: MUTATION_*, each a rule that is left out; tools/model.sh has the list. */

#define QUEUE 3
#define BIT(i) (1 << (i))
#define IN(set, i) (((set) >> (i)) & 1)

/* What the stranger is, to the coordinator and to a member. */
#define STRANGER 0
#define LEARNER 1
#define MEMBER 2
#define REMOVED 3

/* The coordinator (arriving.ts, coordinator.ts): member and removed are on its disk, learner is not. */
unsigned status : 2 = STRANGER;
unsigned linked : 2 = 3;
unsigned shown : 2;     /* members that say that they show the learner */
unsigned hadTime : 1;   /* or that had the time to */
unsigned isSent : 1;    /* the learner was told whom to ask for the log */

/* Members (listed.ts): what each has heard. Who is removed is no member in the next view. */
unsigned heard0 : 2 = STRANGER;
unsigned heard1 : 2 = STRANGER;
unsigned ends : 2;      /* members at which a learner is shown only for a moment longer */
chan toMember[2] = [QUEUE] of { byte };
chan toCoordinator[2] = [QUEUE] of { bit };

unsigned longAgo : 2;     /* members that have had no link for longer than a moment */
unsigned losses : 3, crashes : 3, comings : 3;

/* What no rule reads: what users are shown. */
unsigned listed : 2;    /* members whose users see the stranger, as joining or in the view */
unsigned seen : 2;      /* members whose users have, since it joined last */
unsigned announced : 1; /* the operator was shown it */
byte fault = 0;
byte got = 0;

/*
 * Faults: 1 the stranger is sent what was said by a member whose user isn't shown it; 2 nobody but the sender is shown
 * it; 3 a member that has heard of the removal sends it something; 4 a member that has had no link for a moment sends
 * the log to a learner, which others may have been shown to have gone; 5 the learner is sent on to fetch the log while
 * a member that is linked, and had no time to, hasn't shown that it joins.
 */
inline check() {
  if
  :: fault != 0 -> printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

#define HEARD(j) ((j) == 0 -> heard0 : heard1)
inline setHeard(j, it) {
  if
  :: j == 0 -> heard0 = it
  :: else -> heard1 = it
  fi
}

/* A link goes with all that is on it; what a member shows as joining, it shows for a moment longer. */
inline hangUp(j) {
  do
  :: len(toMember[j]) > 0 -> toMember[j]?got
  :: else -> break
  od;
  do
  :: len(toCoordinator[j]) > 0 -> toCoordinator[j]?got
  :: else -> break
  od;
  got = 0;
  linked = linked & ~BIT(j);
  shown = shown & ~BIT(j);
#ifndef MUTATION_OUTLIVES
  if
  :: HEARD(j) == LEARNER -> ends = ends | BIT(j)
  :: else
  fi
#endif
}
/* What doesn't fit loses the link. */
inline tell(j) {
  if
  :: IN(linked, j) && len(toMember[j]) < QUEUE -> toMember[j]!status
  :: IN(linked, j) && len(toMember[j]) == QUEUE -> hangUp(j)
  :: else
  fi
}
inline tellAll() {
  tell(0);
  tell(1)
}

/* ---- Members ---- */

#ifdef MUTATION_GATE
#define MAY_RECEIVE(j) (HEARD(j) != REMOVED)
#else
#ifdef MUTATION_REMOVAL
#define MAY_RECEIVE(j) (IN(listed, j) || HEARD(j) == REMOVED)
#else
#define MAY_RECEIVE(j) (HEARD(j) == LEARNER || HEARD(j) == MEMBER)
#endif
#endif

inline say(j, isShown) {
  if
  :: IN(linked, j) && len(toCoordinator[j]) < QUEUE -> toCoordinator[j]!isShown
  :: else
  fi
}
inline hear(j) {
  toMember[j]?got;
  printf("%d hears that it is %d\n", j, got);
  ends = ends & ~BIT(j);
  if
  :: got == STRANGER && HEARD(j) == LEARNER -> ends = ends | BIT(j)
  :: else ->
    setHeard(j, got);
    listed = (got == LEARNER || got == MEMBER -> listed | BIT(j) : listed & ~BIT(j));
    say(j, got == LEARNER)
  fi;
  seen = seen | (listed & BIT(j));
  got = 0
}
/* The moment is over, or the time of a learner. */
inline isOver(j) {
  printf("%d shows the learner no longer\n", j);
  setHeard(j, STRANGER);
  ends = ends & ~BIT(j);
  listed = listed & ~BIT(j);
  say(j, 0)
}

/* The stranger asks for the log, and is sent it. */
inline serve(j) {
  printf("%d sends the log to the stranger\n", j);
  if
  :: HEARD(j) == REMOVED -> fault = 3
  :: HEARD(j) != REMOVED && !IN(listed, j) -> fault = 1
  :: IN(listed, j) && !announced -> fault = 2
  :: IN(listed, j) && HEARD(j) == LEARNER && IN(longAgo, j) -> fault = 4
  :: else
  fi;
  check()
}
/* As first designed: whoever asks is shown, to that member's user alone, and served. */
inline serveAlone(j) {
  listed = listed | BIT(j);
  setHeard(j, LEARNER);
  say(j, 1);
  serve(j)
}



/* The moment passes: whoever shows a learner for that long only, shows it no more. */
inline momentPasses(j) {
  printf("%d has had no link for a moment\n", j);
  if
  :: IN(ends, j) -> isOver(j)
  :: else
  fi;
  longAgo = longAgo | BIT(j)
}

/* ---- The coordinator ---- */

inline becomes(it) {
  printf("coordinator: the stranger is %d\n", it);
  status = it;
  isSent = 0; hadTime = 0; shown = 0;
  tellAll()
}
/* It may join again after a pause, which is longer than anything takes on a link. */
#define IS_QUIET(j) (len(toMember[j]) == 0 && len(toCoordinator[j]) == 0)
inline join() {
  comings++;
  announced = 1;
  seen = listed;
  becomes(LEARNER)
}
#ifdef MUTATION_WAIT
#define IS_SHOWN 1
#else
#define IS_SHOWN (hadTime || (linked & ~shown) == 0)
#endif
inline catchUp() {
  printf("coordinator: the learner is to fetch the log\n");
  isSent = 1;
  if
  :: !hadTime && (linked & ~seen) != 0 -> fault = 5
  :: else
  fi;
  check()
}
inline crash() {
  printf("the coordinator is killed, and started again\n");
  crashes++;
  hangUp(0);
  hangUp(1);
  shown = 0; hadTime = 0; isSent = 0;
  if
  :: status == LEARNER -> status = STRANGER
  :: else
  fi
}

/* ---- Steps ---- */

proctype AMember(byte me) {
end:
  do
  :: d_step { len(toMember[me]) > 0 -> hear(me) }
  :: d_step { HEARD(me) == LEARNER -> isOver(me) }
  :: d_step { !IN(linked, me) && !IN(longAgo, me) -> momentPasses(me) }
  :: d_step { !IN(linked, me) -> printf("%d has a link\n", me); linked = linked | BIT(me); longAgo = longAgo & ~BIT(me);
    tell(me) }
  :: d_step { IN(linked, me) && losses < LOSSES -> printf("%d loses its link\n", me); losses++; hangUp(me) }
  :: d_step { MAY_RECEIVE(me) -> serve(me) }
#ifdef MUTATION_ALONE
  :: d_step { HEARD(me) == STRANGER -> serveAlone(me) }
#endif
  od
}

proctype TheCoordinator() {
end:
  do
  :: d_step { len(toCoordinator[0]) > 0 -> toCoordinator[0]?got; shown = (shown & 2) | got; got = 0 }
  :: d_step { len(toCoordinator[1]) > 0 -> toCoordinator[1]?got; shown = (shown & 1) | (got << 1); got = 0 }
  :: d_step { status == STRANGER && comings < COMINGS && IS_QUIET(0) && IS_QUIET(1) -> join() }
  :: d_step { status == LEARNER && !hadTime -> printf("coordinator: the members have had their time\n"); hadTime = 1 }
  :: d_step { status == LEARNER && !isSent && IS_SHOWN -> catchUp() }
  :: d_step { status == LEARNER -> becomes(STRANGER) } /* it wasn't in in time, or its link is lost */
  :: d_step { status == LEARNER && isSent -> becomes(MEMBER) }
  :: d_step { status == MEMBER -> becomes(STRANGER) } /* it has left, or was lost */
  :: d_step { status == LEARNER || status == MEMBER -> becomes(REMOVED) }
  :: d_step { status == REMOVED -> becomes(STRANGER) } /* `/allow` */
  :: d_step { crashes < CRASHES -> crash() }
  od
}

init {
  atomic { run AMember(0); run AMember(1); run TheCoordinator() }
}
