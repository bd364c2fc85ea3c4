/*
 * The core of a group as a model: views that a coordinator decides, rounds that a view's sequencer leads without it,
 * one order, stable when all hold it, through crashes and restarts. SPIN goes through every run within the bounds
 * below: `make model`. What is left out, and how to read a counterexample: README.md beside this file.
 *
 * The picture: as in models of Paxos, what was once sent may be received at any later time, or never. So links need no
 * state: a member that is down, slow or cut off is one that takes no step, and what a lost link loses is what nobody
 * takes any more. A crash and the restart after it are one step, at any point between two others; it loses all but
 * what is on disk. Each step is what happens between two synced writes: persist, then tell, then the leader has it.
 *
 * Ballot (lib/protocols/group/ballot.ts): 4 * number + round. History (history.ts): three bits for each batch, the
 * first one lowest. Sets of members: one bit for each.
 */

/* ---- Bounds ---- */

#ifndef FIRST_VIEW /* members of view 1: 7 is all three, 3 has member 2 as a newcomer */
#define FIRST_VIEW 7
#endif
#ifndef VIEWS /* highest number that the coordinator uses; safe() then tries one more view, from every state */
#define VIEWS 3
#endif
#ifndef ROUNDS /* how often sequencers begin to lead a round, altogether */
#define ROUNDS 1
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef LEAVES /* how many flushes may have somebody leave */
#define LEAVES 0
#endif

#define MEMBERS 3
#define COORDINATOR 3
#define EPOCHS (VIEWS + ROUNDS + 1)
#define NOBODY 0
#define BIT(i) (1 << (i))

#define BALLOT(number) (4 * (number))
#define NUMBER(ballot) ((ballot) / 4)
#define ROUND(ballot) ((ballot) % 4)

#define LENGTH(h) ((h) == 0 -> 0 : ((h) < 8 -> 1 : ((h) < 64 -> 2 : 3)))
#define LENGTH_MAX 3
#define FIRST(h, n) ((h) & ((1 << (3 * (n))) - 1))
#define IS_PREFIX(a, b) ((a) == FIRST(b, LENGTH(a)))
#define HAS(h, batch) (FIRST(h, 1) == (batch) || ((h) >> 3) % 8 == (batch) || ((h) >> 6) % 8 == (batch))

/* Two bits for each member. */
#define SHARE(packed, i) (((packed) >> (2 * (i))) & 3)
#define WITH_SHARE(packed, i, value) (((packed) & (63 - (3 << (2 * (i))))) | ((value) << (2 * (i))))

/* ---- Switches: rules taken away one by one; each must then be caught (tools/model.sh mutations) ---- */

/* Two texts: text 1 of member 0, text 2 of member 1. A batch is a text under the incarnation of its author's process. */
#define TEXTS 2
#define AUTHOR(text) ((text) - 1)
#define BATCH(text, incarnation) ((text) + TEXTS * (incarnation))

/* ---- Members (member.ts; on disk: records.ts) ---- */

typedef Disk {
  unsigned promised : 5;    /* disk: the highest ballot reported for */
  unsigned begun : 3;       /* disk: the last epoch begun, in epochs[]; 0: none */
  unsigned based : 5;       /* disk: the ballot of the last level that it took over, or of what it began */
  unsigned held : 9;        /* disk: batches in order, those in the log included */
  unsigned leaving : 1;     /* disk: its last promise was one to leave */
  unsigned said : 3;        /* disk: texts are there from the start; a bit for each incarnation that has signed it */
  unsigned incarnation : 2; /* of its process */
  unsigned acting : 1;      /* memory: it has begun its epoch in this process and promised nothing since */
}
Disk m[MEMBERS];

/* ---- Epochs that were decided (epoch.ts): the coordinator's disk, and what the sequencers of rounds signed ---- */

typedef Epoch {
  unsigned ballot : 5;
  unsigned view : 3;
  unsigned members : 3;
  unsigned sequencer : 2;
  unsigned incarnations : 6;
  unsigned old : 3;         /* members of the epoch before: one of them must begin it first */
  unsigned startLength : 2;
  unsigned order : 9;      /* what its sequencer has put in order, the start included: all `order`s that it sent */
  unsigned begunBy : 3;     /* whoever has ever begun it, and so forwards `begin` */
  unsigned acked : 6;       /* up to where each has ever acknowledged, in this epoch */
}
Epoch epochs[EPOCHS];
byte decided = 0;

#define START(e) FIRST(epochs[e].order, epochs[e].startLength)

/* ---- Leaders (agreement.ts), in memory: members for their rounds, the coordinator last ---- */

typedef Agreement {
  unsigned ballot : 5;      /* 0: none under way */
  unsigned participants : 3;
  unsigned leavers : 3;
  unsigned reported : 3;
  unsigned ready : 3;
  unsigned incarnations : 6; /* of those who have reported */
  unsigned begun : 5;       /* highest epoch begun by whoever has reported: ballot, and its members */
  unsigned old : 3;
  unsigned oldest : 2;      /* that epoch's sequencer */
  unsigned best : 5;        /* highest `based` of whoever has reported, and the longest that is held of it */
  unsigned start : 9;
  unsigned isValid : 1;     /* all reports together allow a next view */
}
Agreement agreements[MEMBERS + 1];

/* ---- The coordinator (coordinator.ts) ---- */

byte number = 1;   /* disk: highest number used */
short escrow = 0;  /* disk: the history, while the last view is empty */

byte crashes = 0, rounds = 0, leaves = 0;

/* ---- What must hold: ghosts that no rule reads ---- */

short stable = 0;         /* the longest history that anybody can have shown */
byte stableIn[LENGTH_MAX]; /* lowest ballot in which each place of it was */
byte fault = 0;           /* which property is broken; see README.md */
byte subject = 0;         /* the epoch that a check is about */

#ifdef MUTATION_DELIVERY
#define ACKS_SPARED 1
#else
#define ACKS_SPARED 0
#endif


/*
 * Faults: 1 two histories that differ were shown, 2 an epoch has begun without what was shown before it, 3 something
 * was shown that a later epoch lacks, 4 a text twice, 5 two epochs are live, 6 two epochs of one ballot, 7 a change of
 * view would lose what was shown, 8 all are back and no view can be decided, 9 all members are alive, the coordinator
 * is down, and no view can go on, 10 a member holds what another order has.
 */
c_code {
  #define LEN(h) ((h) == 0 ? 0 : (h) < 8 ? 1 : (h) < 64 ? 2 : 3)
  #define CUT(h, n) ((h) & ((1 << (3 * (n))) - 1))
  #define PREFIX(a, b) ((a) == CUT(b, LEN(a)))
  #define BALLOT_OF(e) now.epochs[e].ballot
  #define START_OF(e) CUT(now.epochs[e].order, now.epochs[e].startLength)

  /* `history` is shown by somebody, in an epoch of `ballot`. */
  void show(int history, int ballot) {
    int at, other, e;
    if (!PREFIX(history, now.stable) && !PREFIX(now.stable, history)) { now.fault = 1; return; }
    for (at = 0; at < LEN(history); at++) {
      if (at >= LEN(now.stable) || now.stableIn[at] > ballot) now.stableIn[at] = ballot;
    }
    if (LEN(history) > LEN(now.stable)) now.stable = history;
    for (at = 1; at < LEN(history); at++) for (other = 0; other < at; other++) {
      if ((((history >> 3 * at) & 7) - 1) % 2 == (((history >> 3 * other) & 7) - 1) % 2) now.fault = 4;
    }
    for (e = 1; e <= now.decided; e++) {
      if (now.epochs[e].begunBy && BALLOT_OF(e) > ballot && !PREFIX(history, START_OF(e))) now.fault = 3;
    }
  }

  /* Epoch `e` is decided. */
  void check_ballot(int e) {
    int other;
    for (other = 1; other < e; other++) if (BALLOT_OF(other) == BALLOT_OF(e)) now.fault = 6;
  }

  /* Epoch `e` has begun at one more member. */
  void check_begin(int e) {
    int at;
    for (at = 0; at < LEN(now.stable); at++) {
      if (now.stableIn[at] < BALLOT_OF(e) && !PREFIX(CUT(now.stable, at + 1), START_OF(e))) now.fault = 2;
    }
    show(START_OF(e), BALLOT_OF(e));
  }

  /* Shown in `e`: what all its members have acknowledged. */
  void check_acks(int e) {
    int position, i, missing;
    for (position = now.epochs[e].startLength + 1; position <= LEN(now.epochs[e].order); position++) {
      missing = 0;
      for (i = 0; i < 3; i++) {
        if ((now.epochs[e].members >> i & 1) && ((now.epochs[e].acked >> 2 * i) & 3) < position) missing++;
      }
      if (missing > ACKS_SPARED) return;
      show(CUT(now.epochs[e].order, position), BALLOT_OF(e));
    }
  }

  int is_live(int e) {
    int i;
    if (!now.epochs[e].members) return 0;
    for (i = 0; i < 3; i++) {
      if ((now.epochs[e].members >> i & 1) && (now.m[i].begun != e || !now.m[i].acting)) return 0;
    }
    return 1;
  }

  int based_of(int i) {
  #ifdef MUTATION_BASED
    return BALLOT_OF(now.m[i].begun);
  #else
    return now.m[i].based;
  #endif
  }

  /* The rule of validity: whether a view may go on from these reports. */
  int is_valid(int reported, int begun) {
  #ifndef MUTATION_VALIDITY
    int e;
    for (e = 1; e <= now.decided; e++) {
      if (BALLOT_OF(e) % 4 == 0 && BALLOT_OF(e) > begun && now.epochs[e].members
        && !(now.epochs[e].members & reported)) return 0;
    }
  #endif
    return 1;
  }

  int last_view() {
    int e, last = 0;
    for (e = 1; e <= now.decided; e++) if (BALLOT_OF(e) % 4 == 0 && BALLOT_OF(e) > BALLOT_OF(last)) last = e;
    return last;
  }

  /* What comes of it if `reported` are flushed now, all at once. */
  void check_change(int reported) {
    int i, begun = 0, best = 0, last = last_view(), lacks = 0, longest = -1, own = -1;
    if (!now.epochs[last].members) { begun = best = BALLOT_OF(last); own = now.escrow; }
    for (i = 0; i < 3; i++) if (reported >> i & 1) {
      if (BALLOT_OF(now.m[i].begun) > begun) begun = BALLOT_OF(now.m[i].begun);
      if (based_of(i) > best) { best = based_of(i); own = -1; }
    }
    if (begun == 0) return;
    if (!is_valid(reported, begun)) { if (reported == 7) now.fault = 8; return; }
    if (own >= 0) { longest = LEN(own); lacks = !PREFIX(now.stable, own); }
    for (i = 0; i < 3; i++) if ((reported >> i & 1) && based_of(i) == best) {
      if (LEN(now.m[i].held) < longest) continue;
      if (LEN(now.m[i].held) > longest) lacks = 0;
      longest = LEN(now.m[i].held);
      if (!PREFIX(now.stable, now.m[i].held)) lacks = 1;
    }
    if (lacks) now.fault = 7;
  }

  void check_alone() {
  #ifdef CHECK_ALONE
    /* Without the coordinator: what has begun is forwarded until nothing changes; then a round must be possible. */
    int e, i, again = 1, by[EPOCHS], at[3];
    for (i = 0; i < 3; i++) { at[i] = now.m[i].begun; if (now.m[i].leaving) return; }
    for (e = 0; e < EPOCHS; e++) by[e] = now.epochs[e].begunBy;
    while (again) {
      again = 0;
      for (e = 1; e <= now.decided; e++) for (i = 0; i < 3; i++) {
        int promised = now.m[i].promised, ballot = BALLOT_OF(e);
        if (!by[e] || !(now.epochs[e].members >> i & 1) || BALLOT_OF(at[i]) >= ballot) continue;
        if (((now.epochs[e].incarnations >> 2 * i) & 3) != now.m[i].incarnation) continue;
        if (promised > ballot) {
  #ifdef WITHOUT_EXCEPTION
          continue;
  #else
          if (promised / 4 != ballot / 4 || ballot % 4) continue;
          if (!(by[e] & now.epochs[at[i]].members)) continue;
  #endif
        }
        at[i] = e; by[e] |= 1 << i; again = 1;
      }
    }
    for (e = 1; e <= now.decided; e++) {
      int can = by[e] != 0;
      for (i = 0; i < 3; i++) if (now.epochs[e].members >> i & 1) {
  #ifdef RULE_LATER
        if (now.epochs[at[i]].view > now.epochs[e].view) can = 0;
  #else
        if (now.epochs[at[i]].view != now.epochs[e].view) can = 0;
  #endif
      }
      if (can) return;
    }
    now.fault = 9;
  #endif
  }

  /* Whether `i` acts in `e`, or may yet begin it. */
  int may_act(int i, int e) {
    if (!(now.epochs[e].members >> i & 1)) return 0;
    if (now.m[i].begun == e) return now.m[i].acting;
    if (BALLOT_OF(now.m[i].begun) >= BALLOT_OF(e)) return 0;
    if (((now.epochs[e].incarnations >> 2 * i) & 3) != now.m[i].incarnation) return 0;
  #ifdef MUTATION_EXCEPTION
    return 1;
  #else
    return now.m[i].promised <= BALLOT_OF(e) || now.m[i].promised / 4 == BALLOT_OF(e) / 4;
  #endif
  }

  int is_dead(int leader) {
    int i;
    for (i = 0; i < 3; i++) if ((now.agreements[leader].participants >> i & 1) && !(now.agreements[leader].ready >> i & 1)) {
      if (now.m[i].promised > now.agreements[leader].ballot) return 1;
      if ((now.agreements[leader].reported >> i & 1)
        && ((now.agreements[leader].incarnations >> 2 * i) & 3) != now.m[i].incarnation) return 1;
    }
    return now.agreements[leader].reported == now.agreements[leader].participants && !now.agreements[leader].isValid;
  }

  /* Forgets what no step can make use of any more, so that states that differ in nothing else are one. */
  void settle() {
  #ifndef UNSETTLED
    int e, i;
    for (e = 1; e <= now.decided; e++) {
      int can = 0, all = 1, present = 0;
      for (i = 0; i < 3; i++) if (now.epochs[e].members >> i & 1) {
        if (may_act(i, e)) can = 1; else all = 0;
        if (now.m[i].begun == e) present = 1;
      }
      if (!all) now.epochs[e].acked = 0;
      if (can) continue;
      now.epochs[e].order = START_OF(e);
      now.epochs[e].incarnations = now.epochs[e].old = 0;
      now.epochs[e].begunBy = now.epochs[e].begunBy != 0;
      if (!present) now.epochs[e].sequencer = 0;
    }
    for (i = 0; i < 4; i++) if (now.agreements[i].ballot && is_dead(i)) {
      int ballot = now.agreements[i].ballot, participants = now.agreements[i].participants,
        leavers = now.agreements[i].leavers, other, hears = 0;
      for (other = 0; other < 3; other++) if ((participants >> other & 1) && now.m[other].promised < ballot) hears = 1;
      memset(&now.agreements[i], 0, sizeof(now.agreements[i]));
      if (!hears) continue;
      now.agreements[i].ballot = ballot;
      now.agreements[i].participants = participants;
      now.agreements[i].leavers = leavers;
    }
  #endif
  }

  void check_all() {
    int e, live = 0, reported;
    for (e = 1; e <= now.decided; e++) live += is_live(e);
    if (live > 1) now.fault = 5;
    for (reported = 1; reported < 8 && !now.fault; reported++) check_change(reported);
    if (!now.fault) check_alone();
  }
}

inline check() {
  c_code { if (!now.fault) check_all(); if (!now.fault) settle(); };
  if
  :: fault != 0 -> printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

/* ---- Steps ---- */

inline forget(leader) {
  agreements[leader].ballot = 0; agreements[leader].participants = 0; agreements[leader].leavers = 0;
  agreements[leader].reported = 0; agreements[leader].ready = 0; agreements[leader].incarnations = 0;
  agreements[leader].begun = 0; agreements[leader].old = 0; agreements[leader].oldest = 0;
  agreements[leader].best = 0; agreements[leader].start = 0; agreements[leader].isValid = 0
}

#ifdef MUTATION_BASED
#define BASED(i) epochs[m[i].begun].ballot
#else
#define BASED(i) m[i].based
#endif
#ifdef MUTATION_SHORTEST
#define IS_BETTER(h, than) (LENGTH(h) < LENGTH(than))
#else
#define IS_BETTER(h, than) (LENGTH(h) > LENGTH(than))
#endif

/* `report` of `i` reaches its leader: of all reports only what validity and level need is kept. */
inline report(leader, i) {
  agreements[leader].incarnations = WITH_SHARE(agreements[leader].incarnations, i, m[i].incarnation);
  if
  :: epochs[m[i].begun].ballot > agreements[leader].begun ->
    agreements[leader].begun = epochs[m[i].begun].ballot;
    agreements[leader].old = epochs[m[i].begun].members;
    agreements[leader].oldest = epochs[m[i].begun].sequencer
  :: else
  fi;
  if
  :: BASED(i) > agreements[leader].best || BASED(i) == agreements[leader].best && IS_BETTER(m[i].held, agreements[leader].start) ->
    agreements[leader].best = BASED(i);
    agreements[leader].start = m[i].held
  :: else
  fi;
  agreements[leader].reported = agreements[leader].reported | BIT(i);
  agreements[leader].isValid = true;
  if
  :: leader == COORDINATOR ->
    c_code { now.agreements[3].isValid = is_valid(now.agreements[3].reported, now.agreements[3].begun); }
  :: else
  fi
}

#define IN(set, i) (((set) >> (i)) & 1)
#define HAS_ALL(leader) (agreements[leader].ballot != 0 && agreements[leader].reported == agreements[leader].participants)
#ifdef MUTATION_VIEW
#define IS_SAME_VIEW(leader, i) 1
#else
#ifdef RULE_LATER
#define IS_SAME_VIEW(leader, i) (epochs[m[i].begun].view <= epochs[m[leader].begun].view)
#else
#define IS_SAME_VIEW(leader, i) (epochs[m[i].begun].view == epochs[m[leader].begun].view)
#endif
#endif

/* Participant: `flush` comes, `promised` is on disk, and the leader has the report. */
#define CAN_PROMISE(leader, i) (agreements[leader].ballot > m[i].promised && IN(agreements[leader].participants, i) \
  && (leader == COORDINATOR || (IS_SAME_VIEW(leader, i) && !m[i].leaving)))
inline promise(leader, i) {
  printf("%d promises %d.%d: based on %d.%d, holds %o\n", i, NUMBER(agreements[leader].ballot),
    ROUND(agreements[leader].ballot), NUMBER(BASED(i)), ROUND(BASED(i)), m[i].held);
  m[i].promised = agreements[leader].ballot;
#ifndef MUTATION_FLUSH
  m[i].acting = false;
#endif
#ifndef MUTATION_LEAVER
  m[i].leaving = leader == COORDINATOR && IN(agreements[leader].leavers, i);
#endif
  if
  :: leader != i -> forget(i)
  :: else
  fi;
  report(leader, i)
}

/* Participant: `level` came, all of it has been fetched and is on disk, in one piece; the leader has `ready`. */
#define CAN_LEVEL(leader, i) (agreements[leader].ballot == m[i].promised && HAS_ALL(leader) && agreements[leader].isValid \
  && IN(agreements[leader].participants, i) && !IN(agreements[leader].ready, i) \
  && SHARE(agreements[leader].incarnations, i) == m[i].incarnation)
inline level(leader, i) {
#ifdef CHECK_HELD
  if
  :: m[i].based == agreements[leader].best && !IS_PREFIX(m[i].held, agreements[leader].start) -> fault = 10
  :: else
  fi;
#endif
  printf("%d is ready for %d.%d, level %o\n", i, NUMBER(m[i].promised), ROUND(m[i].promised), agreements[leader].start);
  m[i].held = agreements[leader].start;
  m[i].based = agreements[leader].ballot;
  agreements[leader].ready = agreements[leader].ready | BIT(i)
}
/* Only in a mutation: what is held is dropped before the other history has come. */
#define CAN_DROP(leader, i) (CAN_LEVEL(leader, i) && BASED(i) != agreements[leader].best && m[i].held != START(m[i].begun))

#define CAN_DECIDE(leader) (HAS_ALL(leader) && agreements[leader].ready == agreements[leader].participants)
#define LOWEST(set) (IN(set, 0) -> 0 : (IN(set, 1) -> 1 : 2))

/* Leader: all are ready: the epoch is signed, on disk, and `begin` may come to whomever it concerns. */
inline decide(leader, itsView, itsMembers) {
  decided++;
  epochs[decided].ballot = agreements[leader].ballot;
  epochs[decided].view = itsView;
  epochs[decided].members = itsMembers;
  epochs[decided].incarnations = agreements[leader].incarnations;
  epochs[decided].old = agreements[leader].old;
  epochs[decided].order = agreements[leader].start;
  epochs[decided].startLength = LENGTH(agreements[leader].start);
  epochs[decided].sequencer =
    (IN(itsMembers, agreements[leader].oldest) -> agreements[leader].oldest :
    ((itsMembers & agreements[leader].old) -> LOWEST(itsMembers & agreements[leader].old) : LOWEST(itsMembers)));
  printf("%d.%d is decided: view %d, members %d, start %o\n", NUMBER(epochs[decided].ballot),
    ROUND(epochs[decided].ballot), itsView, itsMembers, epochs[decided].order);
  forget(leader);
  c_code { check_ballot(now.decided); };
  check()
}

/* `begin`, from the coordinator or forwarded by whoever has begun it: may `i` begin epoch `e`? */
#ifdef MUTATION_ANCHOR
#define HAS_COME(e, i) 1
#else
#define HAS_COME(e, i) (epochs[e].begunBy != NOBODY || IN(epochs[e].old, i) || !(epochs[e].old & epochs[e].members))
#endif
#define IS_FELLOW_FORWARDED(e, i) ((epochs[e].begunBy & epochs[m[i].begun].members) != NOBODY)
#ifdef WITHOUT_EXCEPTION
#define IS_EXCEPTION(e, i) 0
#else
#ifdef MUTATION_EXCEPTION
#define IS_EXCEPTION(e, i) IS_FELLOW_FORWARDED(e, i)
#else
#define IS_EXCEPTION(e, i) (IS_FELLOW_FORWARDED(e, i) && ROUND(epochs[e].ballot) == 0 \
  && NUMBER(m[i].promised) == NUMBER(epochs[e].ballot))
#endif
#endif
#define CAN_BEGIN(e, i) (e <= decided && IN(epochs[e].members, i) && epochs[e].ballot > epochs[m[i].begun].ballot \
  && SHARE(epochs[e].incarnations, i) == m[i].incarnation && m[i].held == START(e) && HAS_COME(e, i) \
  && (m[i].promised <= epochs[e].ballot || IS_EXCEPTION(e, i)))
inline begin(e, i) {
  printf("%d begins %d.%d (it has promised %d.%d)\n", i, NUMBER(epochs[e].ballot), ROUND(epochs[e].ballot),
    NUMBER(m[i].promised), ROUND(m[i].promised));
  m[i].begun = e;
  m[i].based = epochs[e].ballot;
  m[i].acting = true;
  m[i].leaving = false;
  forget(i);
  epochs[e].begunBy = epochs[e].begunBy | BIT(i);
  epochs[e].acked = WITH_SHARE(epochs[e].acked, i, epochs[e].startLength);
  /* A new process says again what an older one said and no history has. */
  if
  :: i < TEXTS && !IN(m[i].said, m[i].incarnation) && !HAS(m[i].held, BATCH(i + 1, 0)) &&
    !(IN(m[i].said, 1) && HAS(m[i].held, BATCH(i + 1, 1))) -> m[i].said = m[i].said | BIT(m[i].incarnation)
  :: else
  fi;
  subject = e;
  c_code { check_begin(now.subject); check_acks(now.subject); };
  subject = 0;
  check()
}

/* Sequencer: the batch of text `text` comes to it. */
#define ITS_BATCH(e, text) BATCH(text, SHARE(epochs[e].incarnations, AUTHOR(text)))
#define CAN_ORDER(e, i, text) (m[i].acting && epochs[e].sequencer == i && IN(epochs[e].members, AUTHOR(text)) \
  && IN(m[AUTHOR(text)].said, SHARE(epochs[e].incarnations, AUTHOR(text))) \
  && !HAS(epochs[e].order, ITS_BATCH(e, text)) && LENGTH(epochs[e].order) < LENGTH_MAX)
inline putInOrder(e, text) {
  printf("%d puts %d in order in %d.%d\n", epochs[e].sequencer, ITS_BATCH(e, text), NUMBER(epochs[e].ballot),
    ROUND(epochs[e].ballot));
  epochs[e].order = epochs[e].order | (ITS_BATCH(e, text) << (3 * LENGTH(epochs[e].order)))
}

/* Member: the next batch in order is on its disk, and all others have its `ack`. */
#define CAN_HOLD(e, i) (m[i].acting && LENGTH(m[i].held) < LENGTH(epochs[e].order) && IS_PREFIX(m[i].held, epochs[e].order))
inline hold(e, i) {
  m[i].held = FIRST(epochs[e].order, LENGTH(m[i].held) + 1);
  printf("%d holds %o, acknowledged in %d.%d\n", i, m[i].held, NUMBER(epochs[e].ballot), ROUND(epochs[e].ballot));
  epochs[e].acked = WITH_SHARE(epochs[e].acked, i, LENGTH(m[i].held));
  subject = e;
  c_code { check_acks(now.subject); };
  subject = 0;
  check()
}

/* A sequencer leads a round, whether or not the coordinator is down: from the sequencer's side nobody can tell. */
#define CAN_LEAD(i, heardOf) (rounds < ROUNDS && m[i].begun != 0 && epochs[m[i].begun].sequencer == i && !m[i].leaving \
  && IN(epochs[m[i].begun].members, heardOf) && (heardOf == i || m[heardOf].promised > m[i].promised) \
  && ROUND(m[heardOf].promised) < 3)
inline lead(i, heardOf) {
  rounds++;
  forget(i);
  agreements[i].ballot = m[heardOf].promised + 1;
  agreements[i].participants = epochs[m[i].begun].members;
  printf("%d leads round %d.%d of view %d\n", i, NUMBER(agreements[i].ballot), ROUND(agreements[i].ballot),
    epochs[m[i].begun].view);
  promise(i, i);
  check()
}

/* Crash of a member, and its restart. */
inline restart(i) {
  crashes++;
  m[i].incarnation++;
  printf("%d is killed and started again\n", i);
  m[i].acting = false;
  forget(i);
#ifdef MUTATION_PROMISE
  m[i].promised = epochs[m[i].begun].ballot;
  m[i].leaving = false;
#endif
  check()
}

#define PARTICIPANT_STEPS(leader) \
  :: d_step { CAN_PROMISE(leader, me) -> promise(leader, me); check() } \
  :: d_step { CAN_LEVEL(leader, me) -> level(leader, me); check() }

proctype Member(byte me) {
end:
  do
  PARTICIPANT_STEPS(COORDINATOR)
  PARTICIPANT_STEPS(0)
  PARTICIPANT_STEPS(1)
  PARTICIPANT_STEPS(2)
#ifdef MUTATION_DROP
  :: d_step { CAN_DROP(COORDINATOR, me) -> printf("%d drops what it holds: %o\n", me, m[me].held); m[me].held = START(m[me].begun); check() }
#endif
  :: d_step { CAN_DECIDE(me) -> decide(me, epochs[m[me].begun].view, agreements[me].participants) }
  :: d_step { CAN_BEGIN(2, me) -> begin(2, me) }
#if EPOCHS > 3
  :: d_step { CAN_BEGIN(3, me) -> begin(3, me) }
#endif
#if EPOCHS > 4
  :: d_step { CAN_BEGIN(4, me) -> begin(4, me) }
#endif
#if EPOCHS > 5
  :: d_step { CAN_BEGIN(5, me) -> begin(5, me) }
#endif
#if EPOCHS > 6
  :: d_step { CAN_BEGIN(6, me) -> begin(6, me) }
#endif
  :: d_step { CAN_ORDER(m[me].begun, me, 1) -> putInOrder(m[me].begun, 1) }
  :: d_step { CAN_ORDER(m[me].begun, me, 2) -> putInOrder(m[me].begun, 2) }
  :: d_step { CAN_HOLD(m[me].begun, me) -> hold(m[me].begun, me) }
  :: d_step { CAN_LEAD(me, 0) -> lead(me, 0) }
  :: d_step { CAN_LEAD(me, 1) -> lead(me, 1) }
  :: d_step { CAN_LEAD(me, 2) -> lead(me, 2) }
  :: d_step { crashes < CRASHES && m[me].incarnation < 2 -> restart(me) }
  od
}

/* `flush` under the next number, given up if another one is under way: whoever isn't in it is silent, or seems to be. */
inline flush(who, leavers_) {
  number++;
  forget(COORDINATOR);
  agreements[COORDINATOR].ballot = BALLOT(number);
  agreements[COORDINATOR].participants = who;
  agreements[COORDINATOR].leavers = leavers_;
  printf("coordinator: flush %d to %d, leaving %d\n", number, who, leavers_);
  c_code {
    if (!now.epochs[last_view()].members) { /* it has the history itself */
      now.agreements[3].begun = now.agreements[3].best = BALLOT_OF(last_view());
      now.agreements[3].start = now.escrow;
    }
  };
}

#define FLUSH(who) :: d_step { number < VIEWS -> flush(who, NOBODY) }
#define FLUSH_LEAVING(who, leaver) \
  :: d_step { number < VIEWS && leaves < LEAVES && IN(who, leaver) -> leaves++; flush(who, BIT(leaver)) }

proctype Coordinator() {
end:
  do
  FLUSH(1)
  FLUSH(2)
  FLUSH(3)
  FLUSH(4)
  FLUSH(5)
  FLUSH(6)
  FLUSH(7)
#if LEAVES > 0
  FLUSH_LEAVING(1, 0)
  FLUSH_LEAVING(2, 1)
  FLUSH_LEAVING(3, 0)
  FLUSH_LEAVING(3, 1)
  FLUSH_LEAVING(5, 0)
  FLUSH_LEAVING(6, 1)
  FLUSH_LEAVING(7, 0)
  FLUSH_LEAVING(7, 1)
  FLUSH_LEAVING(7, 2)
#endif
  :: d_step {
    CAN_DECIDE(COORDINATOR) ->
      if
      :: (agreements[COORDINATOR].participants & ~agreements[COORDINATOR].leavers) == NOBODY ->
        escrow = agreements[COORDINATOR].start
      :: else
      fi;
      decide(COORDINATOR, NUMBER(agreements[COORDINATOR].ballot),
        (agreements[COORDINATOR].participants & (7 - agreements[COORDINATOR].leavers)))
    }
#ifdef MUTATION_NUMBER
  :: d_step {
    crashes < CRASHES && agreements[COORDINATOR].ballot != 0 ->
      crashes++;
      forget(COORDINATOR);
      printf("the coordinator is killed and started again\n");
      c_code { now.number = BALLOT_OF(last_view()) / 4; };
      check()
    }
#endif
  od
}

init {
  d_step {
    decided = 1;
    epochs[1].ballot = BALLOT(1); epochs[1].view = 1; epochs[1].members = FIRST_VIEW; epochs[1].begunBy = FIRST_VIEW;
    epochs[1].old = FIRST_VIEW; epochs[1].sequencer = 0;
    subject = 0;
    do
    :: subject < MEMBERS ->
      if
      :: IN(FIRST_VIEW, subject) ->
        m[subject].promised = BALLOT(1); m[subject].based = BALLOT(1); m[subject].begun = 1; m[subject].acting = true
      :: else
      fi;
      if
      :: subject < TEXTS -> m[subject].said = 1
      :: else
      fi;
      subject++
    :: else -> break
    od;
    subject = 0
  }
  atomic { run Member(0); run Member(1); run Member(2); run Coordinator() }
}
