/*
 * The core of a group as a model: views that the coordinator decides, rounds that a view's sequencer leads without it,
 * one order, stable when all hold it, through crashes and restarts. SPIN goes through every run within the bounds
 * below: `make model`. What is left out, and how to read a counterexample: README.md beside this file.
 *
 * The picture: as in models of Paxos, what was once sent may be received at any later time, or never. So links need no
 * state: a member that is down, slow or cut off is one that takes no step, and what a lost link loses is what nobody
 * takes any more. A crash and the restart after it are one step, at any point between two others; it loses all but
 * what is on disk. A step is what lies between two synced writes: something comes, is persisted, and whoever waits for
 * the answer has it. The coordinator has no step for a crash: after one it flushes under another number, which it may
 * do at any time.
 *
 * Numbers: a ballot (lib/protocols/group/schema/epoch.ts) is 4 * number + round. A history (history.ts) has three bits for
 * each batch, the first one lowest. A set of members has one bit for each.
 */

/* ---- Bounds ---- */

#ifndef FIRST_VIEW
#define FIRST_VIEW 7 /* members of view 1: 7 is all three, 3 has member 2 as a newcomer */
#endif
#ifndef VIEWS
#define VIEWS 3 /* highest number that the coordinator uses; check_change() tries another one from every state */
#endif
#ifndef ROUNDS
#define ROUNDS 1 /* how often a sequencer begins to lead a round, altogether */
#endif
#ifndef CRASHES
#define CRASHES 2 /* of members; the coordinator's aren't counted */
#endif
#ifndef LEAVES
#define LEAVES 0 /* how many flushes have somebody leave */
#endif
#ifndef TEXTS
#define TEXTS 2 /* text 1 is of member 0, text 2 of member 1; both may be said at any time */
#endif

/*
 * Switches, each of them a rule that is left out or done wrong; tools/model.sh has the list, README.md what comes of
 * it. RULE_EXCEPTION: how rounds were designed first. CHECK_*: more to check.
 */

#define MEMBERS 3
#define COORDINATOR 3
#define EPOCHS (VIEWS + ROUNDS + 1)
#define NOBODY 0

#define BIT(i) (1 << (i))
#define IN(set, i) (((set) >> (i)) & 1)
#define LOWEST(set) (IN(set, 0) -> 0 : (IN(set, 1) -> 1 : 2))
/* Two bits for each member. */
#define SHARE(packed, i) (((packed) >> (2 * (i))) & 3)
#define WITH_SHARE(packed, i, value) (((packed) & (63 - (3 << (2 * (i))))) | ((value) << (2 * (i))))

#if VIEWS < 4
#define BALLOT_BITS 4
#define VIEW_BITS 2
#else
#define BALLOT_BITS 5
#define VIEW_BITS 3
#endif
#define BALLOT(number) (4 * (number))
#define NUMBER(ballot) ((ballot) / 4)
#define ROUND(ballot) ((ballot) % 4)
#define ROUND_MAX 3

/* A batch is one text, under the incarnation of its author's process that signed it. */
#define AUTHOR(text) ((text) - 1)
#define BATCH(text, incarnation) ((text) + TEXTS * (incarnation))
#define TEXT_OF(batch) (((batch) - 1) % TEXTS)
#define LENGTH_MAX 3
#define LENGTH(h) ((h) == 0 -> 0 : ((h) < 8 -> 1 : ((h) < 64 -> 2 : 3)))
#define FIRST(h, n) ((h) & ((1 << (3 * (n))) - 1))
#define BATCH_AT(h, at) (((h) >> (3 * (at))) & 7)
#define HAS(h, batch) (BATCH_AT(h, 0) == (batch) || BATCH_AT(h, 1) == (batch) || BATCH_AT(h, 2) == (batch))
#define IS_PREFIX(a, b) ((a) == FIRST(b, LENGTH(a)))

/* ---- State ---- */

/* member.ts; what is on its disk: promises.ts, held_batches.ts, records.ts. */
typedef Member {
  unsigned promised : BALLOT_BITS;    /* disk: the highest ballot that it has reported for */
  unsigned flushed : VIEW_BITS;     /* disk: the number of the last view that it has reported to the coordinator for */
  unsigned begun : 3;       /* disk: the last epoch that has begun, in epochs[]; 0: none, or it is out */
  unsigned out : 1;         /* disk: it was told that it is in no view any more; what that changes is `begun` */
  unsigned levelled : BALLOT_BITS;    /* disk: the ballot under which its history was last brought to one level */
  unsigned held : 9;        /* disk: batches in order, those in the log included */
  unsigned leaving : 1;     /* disk: its last promise was one to be in no view */
  unsigned said : 3;        /* disk: its text, under each incarnation that has signed it */
  unsigned incarnation : 2; /* of its process */
  unsigned acting : 1       /* memory: its epoch has begun in this process, and nothing was promised since */
}
Member m[MEMBERS];

/* epoch.ts: what was decided, and signed. Views are on the coordinator's disk (views.ts). */
typedef Epoch {
  unsigned ballot : BALLOT_BITS;
  unsigned view : VIEW_BITS;
  unsigned members : 3;
  unsigned sequencer : 2;
  unsigned incarnations : 6;
  unsigned old : 3;         /* members of the epoch before: the coordinator sends `begin` to these first */
  unsigned startLength : 2;
  unsigned order : 9;       /* the start, and what its sequencer has put in order since: all `order`s that it sent */
  unsigned begunBy : 3;     /* whoever has ever begun it, and so forwards `begin` */
  unsigned acked : 6        /* up to where each of them has ever acknowledged in this epoch */
}
Epoch epochs[EPOCHS];       /* from 1; 0 stands for none */
byte decided = 0;
#define START(e) FIRST(epochs[e].order, epochs[e].startLength)

/*
 * agreement.ts, in memory of its leader: members with their rounds (view_change_leader.ts), the coordinator last
 * (view_change_coordinator.ts).
 */
typedef Agreement {
  unsigned ballot : BALLOT_BITS;      /* 0: none is under way */
  unsigned going : 3;       /* a round's: an epoch of the view that goes on */
  unsigned participants : 3;
  unsigned leavers : 3;
  unsigned reported : 3;
  unsigned incarnations : 6; /* of those */
  unsigned begun : BALLOT_BITS;       /* the last epoch begun of any of those */
  unsigned old : 3;         /* those for whom it is that */
  unsigned oldest : 2;      /* its sequencer */
  unsigned best : BALLOT_BITS;        /* the highest `levelled` of those */
  unsigned start : 9;       /* the longest that is held under it */
  unsigned isValid : 1;     /* whether those reports are enough for another view */
  unsigned ready : 3
}
Agreement agreements[MEMBERS + 1];

byte number = 1;            /* the coordinator's disk: the highest number used */
short escrow = 0;           /* the coordinator's disk: the history, where the last view is empty */

byte crashes = 0, rounds = 0, leaves = 0;

/* What no rule reads, for checks alone. */
short stable = 0;           /* the longest history that anybody can have shown */
byte stableIn[LENGTH_MAX];  /* the lowest ballot in which each place of it was */
byte fault = 0;             /* which property is broken: see check_all() */
byte subject = 0;           /* the epoch that a check is about, 0 between steps */

/* ---- What must hold ---- */

/* Whether a member's last promise to the coordinator was that of `view`. */
#ifdef MUTATION_LATER
#define IS_LAST(i, view) 1
#else
#ifdef MUTATION_STUCK
#define IS_LAST(i, view) (NUMBER(m[i].promised) == (view))
#else
#define IS_LAST(i, view) (m[i].flushed == (view))
#endif
#endif

#ifdef MUTATION_DELIVERY
#define ACKS_SPARED 1
#else
#define ACKS_SPARED 0
#endif

c_code {
  #define LEN(h) ((h) == 0 ? 0 : (h) < 8 ? 1 : (h) < 64 ? 2 : 3)
  #define PREFIX(a, b) ((a) == FIRST(b, LEN(a)))
  #define BALLOT_OF(e) now.epochs[e].ballot
  #define START_OF(e) FIRST(now.epochs[e].order, now.epochs[e].startLength)

  /* Whoever has a part in an epoch of `ballot` shows `history`. */
  void show(int history, int ballot) {
    int at, other, e;
    if (!PREFIX(history, now.stable) && !PREFIX(now.stable, history)) { now.fault = 1; return; }
    for (at = 0; at < LEN(history); at++) {
      if (at >= LEN(now.stable) || now.stableIn[at] > ballot) now.stableIn[at] = ballot;
    }
    if (LEN(history) > LEN(now.stable)) now.stable = history;
    for (at = 1; at < LEN(history); at++) for (other = 0; other < at; other++) {
      if (TEXT_OF(BATCH_AT(history, at)) == TEXT_OF(BATCH_AT(history, other))) now.fault = 2;
    }
    for (e = 1; e <= now.decided; e++) {
      if (now.epochs[e].begunBy && BALLOT_OF(e) > ballot && !PREFIX(history, START_OF(e))) now.fault = 3;
    }
  }

  void check_ballot(int e) {
    int other;
    for (other = 1; other < e; other++) if (BALLOT_OF(other) == BALLOT_OF(e)) now.fault = 4;
  }

  /* It has begun at one more member, which shows all up to its start. */
  void check_begin(int e) {
    int at;
    for (at = 0; at < LEN(now.stable); at++) {
      if (now.stableIn[at] < BALLOT_OF(e) && !PREFIX(FIRST(now.stable, at + 1), START_OF(e))) now.fault = 3;
    }
    show(START_OF(e), BALLOT_OF(e));
  }

  /* What all members have acknowledged may be shown by any of them. */
  void check_acks(int e) {
    int position, i, missing;
    for (position = now.epochs[e].startLength + 1; position <= LEN(now.epochs[e].order); position++) {
      missing = 0;
      for (i = 0; i < MEMBERS; i++) {
        if (IN(now.epochs[e].members, i) && SHARE(now.epochs[e].acked, i) < position) missing++;
      }
      if (missing > ACKS_SPARED) return;
      show(FIRST(now.epochs[e].order, position), BALLOT_OF(e));
    }
  }

  int is_live(int e) {
    int i;
    if (!now.epochs[e].members) return 0;
    for (i = 0; i < MEMBERS; i++) {
      if (IN(now.epochs[e].members, i) && (now.m[i].begun != e || !now.m[i].acting)) return 0;
    }
    return 1;
  }

  int is_last(int i, int view) {
  #ifdef MUTATION_STUCK
    return NUMBER(now.m[i].promised) == view;
  #else
    return now.m[i].flushed == view;
  #endif
  }

  int last_view() {
    int e, last = 0;
    for (e = 1; e <= now.decided; e++) if (ROUND(BALLOT_OF(e)) == 0 && BALLOT_OF(e) > BALLOT_OF(last)) last = e;
    return last;
  }

  /* The rule of validity (views.ts asks for no less): whether a view may follow from these reports. */
  int is_valid(int reported, int begun) {
  #ifndef MUTATION_VALIDITY
    int e;
    for (e = 1; e <= now.decided; e++) {
      if (ROUND(BALLOT_OF(e)) == 0 && BALLOT_OF(e) > begun && now.epochs[e].members
        && !(now.epochs[e].members & reported)) return 0;
    }
  #endif
    return 1;
  }

  int levelled_of(int i) {
  #ifdef MUTATION_LEVELLED
    return BALLOT_OF(now.m[i].begun);
  #else
    return now.m[i].levelled;
  #endif
  }

  /* What comes of it if just these are flushed now, all at once, whichever of the longest is taken. */
  void check_change(int reported) {
    int i, begun = 0, best = 0, last = last_view(), lacks = 0, longest = -1, own = -1;
    if (!now.epochs[last].members) { begun = best = BALLOT_OF(last); own = now.escrow; }
    for (i = 0; i < MEMBERS; i++) if (IN(reported, i)) {
      if (BALLOT_OF(now.m[i].begun) > begun) begun = BALLOT_OF(now.m[i].begun);
      if (levelled_of(i) > best) { best = levelled_of(i); own = -1; }
    }
    if (!is_valid(reported, begun)) { if (reported == 7) now.fault = 6; return; }
    if (own >= 0) { longest = LEN(own); lacks = !PREFIX(now.stable, own); }
    for (i = 0; i < MEMBERS; i++) if (IN(reported, i) && levelled_of(i) == best) {
      if (LEN(now.m[i].held) < longest) continue;
      if (LEN(now.m[i].held) > longest) lacks = 0;
      longest = LEN(now.m[i].held);
      if (!PREFIX(now.stable, now.m[i].held)) lacks = 1;
    }
    if (lacks) now.fault = 7;
  }

  /* All members live, the coordinator is down: `begin` is forwarded until nothing changes; can a view go on then? */
  void check_alone() {
    int e, i, again = 1, by[EPOCHS], at[MEMBERS];
    for (i = 0; i < MEMBERS; i++) { at[i] = now.m[i].begun; if (now.m[i].leaving) return; }
    for (e = 0; e < EPOCHS; e++) by[e] = now.epochs[e].begunBy;
    while (again) {
      again = 0;
      for (e = 1; e <= now.decided; e++) for (i = 0; i < MEMBERS; i++) {
        int promised = now.m[i].promised;
        if (!by[e] || !IN(now.epochs[e].members, i) || BALLOT_OF(at[i]) >= BALLOT_OF(e)) continue;
        if (SHARE(now.epochs[e].incarnations, i) != now.m[i].incarnation) continue;
        if (promised > BALLOT_OF(e)) {
  #ifdef RULE_EXCEPTION
          if (NUMBER(promised) != NUMBER(BALLOT_OF(e)) || ROUND(BALLOT_OF(e))) continue;
          if (!(by[e] & now.epochs[at[i]].members)) continue;
  #else
          continue;
  #endif
        }
        at[i] = e; by[e] |= BIT(i); again = 1;
      }
    }
    for (e = 1; e <= now.decided; e++) {
      int can = by[e] != 0;
      for (i = 0; i < MEMBERS; i++) if (IN(now.epochs[e].members, i)) {
        int view = now.epochs[e].view, own = now.epochs[at[i]].view;
        if (own == view) continue;
  #ifndef RULE_EXCEPTION
        if (own < view && is_last(i, view)) continue;
  #endif
        can = 0;
      }
      if (can) return;
    }
    now.fault = 8;
  }

  /* Whether the last view has begun at all who are asked into the next one, but for those that were killed since. */
  int has_waited(int participants) {
    int i, last = last_view();
    if (now.epochs[last].members && !(now.epochs[last].members & participants)) return 0;
    for (i = 0; i < MEMBERS; i++) {
      if (!IN(now.epochs[last].members & participants, i)) continue;
      if (SHARE(now.epochs[last].incarnations, i) != now.m[i].incarnation) continue;
      if (now.m[i].begun != last && now.epochs[now.m[i].begun].view != now.epochs[last].view) return 0;
    }
    return 1;
  }

  /*
   * Faults: 1 histories were shown that differ, 2 a text is in it twice, 3 an epoch has begun without what was shown
   * in an earlier one, 4 two epochs of one ballot were decided, 5 two epochs are live at once, 6 all members are back
   * and no view can be decided, 7 another view now would lose what was shown, 8 all members live, the coordinator is
   * down, and no view goes on, 9 two hold what differs under one ballot.
   */
  void check_all() {
    int e, live = 0, reported;
    for (e = 1; e <= now.decided; e++) live += is_live(e);
    if (live > 1) now.fault = 5;
    for (reported = 1; reported < 8 && !now.fault; reported++) check_change(reported);
  #ifdef CHECK_ALONE
    if (!now.fault) check_alone();
  #endif
  }

  /* ---- What no step can make use of any more is forgotten, so that states that differ in nothing else are one ---- */

  /* Whether it acts in that epoch, or may yet begin it. */
  int may_act(int i, int e) {
    if (!IN(now.epochs[e].members, i)) return 0;
    if (now.m[i].begun == e) return now.m[i].acting;
    if (BALLOT_OF(now.m[i].begun) >= BALLOT_OF(e)) return 0;
    if (SHARE(now.epochs[e].incarnations, i) != now.m[i].incarnation) return 0;
  #ifdef RULE_EXCEPTION
    return 1;
  #else
    return now.m[i].promised <= BALLOT_OF(e);
  #endif
  }

  /* Whether it can't be decided any more. */
  int is_dead(int leader) {
    int i;
    for (i = 0; i < MEMBERS; i++) {
      if (!IN(now.agreements[leader].participants, i) || IN(now.agreements[leader].ready, i)) continue;
      if (now.m[i].promised > now.agreements[leader].ballot) return 1;
      if (IN(now.agreements[leader].reported, i)
        && SHARE(now.agreements[leader].incarnations, i) != now.m[i].incarnation) return 1;
    }
    return now.agreements[leader].reported == now.agreements[leader].participants
      && !now.agreements[leader].isValid;
  }

  void settle() {
  #ifndef UNSETTLED
    int e, i;
    for (e = 1; e <= now.decided; e++) {
      int can = 0, all = 1, present = 0;
      for (i = 0; i < MEMBERS; i++) {
        if (now.m[i].begun == e) present = 1;
        if (!IN(now.epochs[e].members, i)) continue;
        if (may_act(i, e)) can = 1; else all = 0;
      }
      if (!all) now.epochs[e].acked = 0;
      if (can) continue;
      now.epochs[e].order = START_OF(e);
      now.epochs[e].incarnations = now.epochs[e].old = 0;
      now.epochs[e].begunBy = now.epochs[e].begunBy != 0;
      if (!present) now.epochs[e].sequencer = 0;
    }
    for (i = 0; i <= MEMBERS; i++) if (now.agreements[i].ballot && is_dead(i)) {
      /* Its `flush` may still come to some. */
      int ballot = now.agreements[i].ballot, going = now.agreements[i].going, other, hears = 0;
      int participants = now.agreements[i].participants, leavers = now.agreements[i].leavers;
      for (other = 0; other < MEMBERS; other++) {
        if (IN(participants, other) && now.m[other].promised < ballot) hears = 1;
      }
      memset(&now.agreements[i], 0, sizeof(now.agreements[i]));
      if (!hears) continue;
      now.agreements[i].ballot = ballot; now.agreements[i].going = going;
      now.agreements[i].participants = participants; now.agreements[i].leavers = leavers;
    }
  #endif
  }
}

inline check() {
  c_code { if (!now.fault) check_all(); if (!now.fault) settle(); };
  if
  :: fault != 0 -> printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

/* ---- An agreement: flush, report, level, ready, decision (agreement.ts, view_change_participant.ts) ---- */

inline forget(leader) {
  agreements[leader].ballot = 0; agreements[leader].going = 0; agreements[leader].participants = 0;
  agreements[leader].leavers = 0; agreements[leader].reported = 0; agreements[leader].incarnations = 0;
  agreements[leader].begun = 0; agreements[leader].old = 0; agreements[leader].oldest = 0;
  agreements[leader].best = 0; agreements[leader].start = 0; agreements[leader].isValid = 0;
  agreements[leader].ready = 0
}

#ifdef MUTATION_LEVELLED
#define LEVELLED(i) epochs[m[i].begun].ballot
#else
#define LEVELLED(i) m[i].levelled
#endif
#ifdef SHORTEST_OF_BEST
#define IS_LONGER(h, than) (LENGTH(h) < LENGTH(than))
#else
#define IS_LONGER(h, than) (LENGTH(h) > LENGTH(than))
#endif
#ifdef MUTATION_SHORTEST
#define IS_BETTER(leader, i) \
  (agreements[leader].reported == NOBODY || LENGTH(m[i].held) < LENGTH(agreements[leader].start))
#else
#define IS_BETTER(leader, i) (LEVELLED(i) > agreements[leader].best \
  || (LEVELLED(i) == agreements[leader].best && IS_LONGER(m[i].held, agreements[leader].start)))
#endif

/* `report` comes to the leader: of all of them only what validity and level need is kept. */
inline report(leader, i) {
  agreements[leader].incarnations = WITH_SHARE(agreements[leader].incarnations, i, m[i].incarnation);
  if
  :: epochs[m[i].begun].ballot > agreements[leader].begun ->
    agreements[leader].begun = epochs[m[i].begun].ballot;
    agreements[leader].old = BIT(i);
    agreements[leader].oldest = epochs[m[i].begun].sequencer
  :: epochs[m[i].begun].ballot == agreements[leader].begun && m[i].begun != 0 ->
    agreements[leader].old = agreements[leader].old | BIT(i)
  :: else
  fi;
  if
  :: IS_BETTER(leader, i) -> agreements[leader].best = LEVELLED(i); agreements[leader].start = m[i].held
  :: else
  fi;
  agreements[leader].reported = agreements[leader].reported | BIT(i);
  if
  :: leader == COORDINATOR ->
    c_code { now.agreements[3].isValid = is_valid(now.agreements[3].reported, now.agreements[3].begun); }
  :: else -> agreements[leader].isValid = true
  fi
}

/*
 * Which rounds one takes part in: those of the view that one is in; and of a later one that has begun at a fellow
 * member, by which one may not begin any more: so no round of one's own view will ever be decided. Only where nothing
 * was promised to the coordinator after that view (leaderless_rounds.ts).
 */
#define OWN_VIEW(i) epochs[m[i].begun].view
#define IS_LAST_PROMISE(e, i) IS_LAST(i, epochs[e].view)
#define IS_LATER(e, i) (epochs[e].view > OWN_VIEW(i) && epochs[e].begunBy != NOBODY && IN(epochs[e].members, i) \
  && IS_LAST_PROMISE(e, i))
#ifdef MUTATION_VIEW
#define IS_MY_VIEW(e, i) 1
#else
#ifdef RULE_EXCEPTION
#define IS_MY_VIEW(e, i) (epochs[e].view == OWN_VIEW(i))
#else
#define IS_MY_VIEW(e, i) (epochs[e].view == OWN_VIEW(i) || IS_LATER(e, i))
#endif
#endif

/* `flush` comes to a participant, its promise is on its disk, and the leader has its `report`. */
#define CAN_PROMISE(leader, i) (agreements[leader].ballot > m[i].promised && IN(agreements[leader].participants, i) \
  && (leader == COORDINATOR || (IS_MY_VIEW(agreements[leader].going, i) && !m[i].leaving)))
inline promise(leader, i) {
  m[i].promised = agreements[leader].ballot;
#ifndef MUTATION_FLUSH
  m[i].acting = false;
#endif
  if
  :: leader != i -> forget(i)
  :: else
  fi;
  if
  :: leader == COORDINATOR ->
    m[i].flushed = NUMBER(agreements[leader].ballot);
#ifndef MUTATION_LEAVER
    m[i].leaving = IN(agreements[leader].leavers, i);
#endif
    c_code { now.subject = last_view(); };
    if
    :: m[i].begun != 0 && !IN(epochs[subject].members, i) -> /* `welcome` has said so */
      m[i].out = true; m[i].begun = 0
    :: else
    fi;
    subject = 0
  :: else
  fi;
  printf("%d promises %d.%d: begun %d.%d, levelled %d.%d, holds %o\n", i, NUMBER(m[i].promised), ROUND(m[i].promised),
    NUMBER(epochs[m[i].begun].ballot), ROUND(epochs[m[i].begun].ballot), NUMBER(m[i].levelled), ROUND(m[i].levelled),
    m[i].held);
  report(leader, i);
  check()
}

/* `level` comes, all of it has been fetched and is on disk in one piece, and the leader has `ready`. */
#define CAN_LEVEL(leader, i) (agreements[leader].ballot == m[i].promised && agreements[leader].ballot != 0 \
  && agreements[leader].reported == agreements[leader].participants && agreements[leader].isValid \
  && IN(agreements[leader].participants, i) && !IN(agreements[leader].ready, i) \
  && SHARE(agreements[leader].incarnations, i) == m[i].incarnation)
inline level(leader, i) {
  printf("%d is ready for %d.%d: best %d.%d, start %o\n", i, NUMBER(m[i].promised), ROUND(m[i].promised),
    NUMBER(agreements[leader].best), ROUND(agreements[leader].best), agreements[leader].start);
#ifdef CHECK_HELD
  if
  :: m[i].levelled == agreements[leader].best && !IS_PREFIX(m[i].held, agreements[leader].start) -> fault = 9
  :: else
  fi;
#endif
  m[i].held = agreements[leader].start;
  m[i].levelled = agreements[leader].ballot;
  agreements[leader].ready = agreements[leader].ready | BIT(i);
  check()
}
#ifdef MUTATION_DROP
/* What is held is dropped down to the log before what takes its place has come. */
#define CAN_DROP(leader, i) (CAN_LEVEL(leader, i) && LEVELLED(i) != agreements[leader].best \
  && m[i].held != START(m[i].begun))
inline drop(i) {
  printf("%d drops %o\n", i, m[i].held);
  m[i].held = START(m[i].begun);
  check()
}
#endif

/* All are ready: the epoch is on disk and signed. Whether `begin` was sent to anybody shows when somebody begins it. */
#define CAN_DECIDE(leader) (agreements[leader].ballot != 0 && agreements[leader].isValid \
  && agreements[leader].reported == agreements[leader].participants \
  && agreements[leader].ready == agreements[leader].participants)
inline decide(leader, itsView, itsMembers) {
  decided++;
  epochs[decided].ballot = agreements[leader].ballot;
  epochs[decided].view = itsView;
  epochs[decided].members = itsMembers;
  epochs[decided].incarnations = agreements[leader].incarnations;
  epochs[decided].old = agreements[leader].old & epochs[decided].members;
  epochs[decided].order = agreements[leader].start;
  epochs[decided].startLength = LENGTH(agreements[leader].start);
  epochs[decided].sequencer = (IN(epochs[decided].members, agreements[leader].oldest) -> agreements[leader].oldest :
    (epochs[decided].old -> LOWEST(epochs[decided].old) : LOWEST(epochs[decided].members)));
  printf("%d.%d is decided: view %d, members %d, start %o\n", NUMBER(epochs[decided].ballot),
    ROUND(epochs[decided].ballot), epochs[decided].view, epochs[decided].members, epochs[decided].order);
  forget(leader);
  c_code { check_ballot(now.decided); };
  check()
}

/* ---- An epoch begins (view_change_participant.ts, membership.ts) ---- */

/* The coordinator tells a newcomer only when somebody of the epoch before has begun; whoever has begun forwards it. */
#ifdef MUTATION_NEWCOMER
#define HAS_COME(e, i) 1
#else
#define HAS_COME(e, i) (epochs[e].begunBy != NOBODY || epochs[e].old == NOBODY || IN(epochs[e].old, i))
#endif
#define IS_FORWARDED(e, i) ((epochs[e].begunBy & epochs[m[i].begun].members) != NOBODY)
#ifdef RULE_EXCEPTION
#ifdef MUTATION_EXCEPTION
#define IS_EXCEPTION(e, i) IS_FORWARDED(e, i)
#else
#define IS_EXCEPTION(e, i) (IS_FORWARDED(e, i) && ROUND(epochs[e].ballot) == 0 \
  && NUMBER(m[i].promised) == NUMBER(epochs[e].ballot))
#endif
#else
#define IS_EXCEPTION(e, i) 0
#endif
#ifdef MUTATION_INCARNATION
#define IS_MY_PROCESS(e, i) 1
#else
#define IS_MY_PROCESS(e, i) (SHARE(epochs[e].incarnations, i) == m[i].incarnation)
#endif
#define CAN_BEGIN(e, i) (e <= decided && IN(epochs[e].members, i) && epochs[e].ballot > epochs[m[i].begun].ballot \
  && IS_MY_PROCESS(e, i) && m[i].held == START(e) && HAS_COME(e, i) \
  && (m[i].promised <= epochs[e].ballot || IS_EXCEPTION(e, i)))
inline begin(e, i) {
  printf("%d begins %d.%d\n", i, NUMBER(epochs[e].ballot), ROUND(epochs[e].ballot));
  m[i].begun = e;
  m[i].out = false;
  m[i].levelled = epochs[e].ballot;
  m[i].leaving = false;
  m[i].acting = true;
  forget(i);
  epochs[e].begunBy = epochs[e].begunBy | BIT(i);
  epochs[e].acked = WITH_SHARE(epochs[e].acked, i, epochs[e].startLength);
  /* A new process says again what an older one said, where it isn't in the history (send_queue.ts). */
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

/* ---- Chat within an epoch (sequencing.ts) ---- */

/* `data` comes to the sequencer, which sends its `order` at once, before its own disk has the batch. */
#define SIGNED_AS(e, text) SHARE(epochs[e].incarnations, AUTHOR(text))
#define CAN_ORDER(e, i, text) (m[i].acting && epochs[e].sequencer == i && IN(epochs[e].members, AUTHOR(text)) \
  && IN(m[AUTHOR(text)].said, SIGNED_AS(e, text)) && !HAS(epochs[e].order, BATCH(text, SIGNED_AS(e, text))) \
  && LENGTH(epochs[e].order) < LENGTH_MAX)
inline putInOrder(e, text) {
  printf("%d puts batch %d in order in %d.%d\n", epochs[e].sequencer, BATCH(text, SIGNED_AS(e, text)),
    NUMBER(epochs[e].ballot), ROUND(epochs[e].ballot));
  epochs[e].order = epochs[e].order | (BATCH(text, SIGNED_AS(e, text)) << (3 * LENGTH(epochs[e].order)))
}

/* The next batch in order is on a member's disk, and all others have its `ack`. */
#define CAN_HOLD(e, i) (m[i].acting && LENGTH(m[i].held) < LENGTH(epochs[e].order) \
  && IS_PREFIX(m[i].held, epochs[e].order))
inline hold(e, i) {
  m[i].held = FIRST(epochs[e].order, LENGTH(m[i].held) + 1);
  printf("%d holds %o, acknowledged in %d.%d\n", i, m[i].held, NUMBER(epochs[e].ballot), ROUND(epochs[e].ballot));
  epochs[e].acked = WITH_SHARE(epochs[e].acked, i, LENGTH(m[i].held));
  subject = e;
  c_code { check_acks(now.subject); };
  subject = 0;
  check()
}

/* ---- Rounds (leaderless_rounds.ts): whether or not the coordinator is down, as no sequencer can be sure of it ---- */

#ifdef RULE_EXCEPTION
#define CAN_GO_ON(e, i) (e == m[i].begun)
#else
#define CAN_GO_ON(e, i) (e == m[i].begun || (e <= decided && IS_LATER(e, i)))
#endif
/* The number is the highest promised, its own or of another member that said `outdone`. */
#define CAN_LEAD(e, i, other) (rounds < ROUNDS && CAN_GO_ON(e, i) && e != 0 && epochs[e].sequencer == i \
  && IN(epochs[e].members, i) && !m[i].leaving && IN(epochs[e].members, other) \
  && (other == i || (m[other].promised > m[i].promised && IS_MY_VIEW(e, other))) \
  && ROUND(m[other].promised) < ROUND_MAX)
inline lead(e, i, other) {
  rounds++;
  forget(i);
  agreements[i].ballot = m[other].promised + 1;
  agreements[i].going = e;
  agreements[i].participants = epochs[e].members;
  printf("%d leads round %d.%d of view %d\n", i, NUMBER(agreements[i].ballot), ROUND(agreements[i].ballot),
    epochs[e].view);
  promise(i, i)
}

/* ---- Crash and restart of a member ---- */

inline restart(i) {
  printf("%d is killed, and started again\n", i);
  crashes++;
  m[i].incarnation++;
  m[i].acting = false;
  forget(i);
#ifdef MUTATION_PROMISE
  m[i].promised = epochs[m[i].begun].ballot;
  m[i].flushed = NUMBER(m[i].promised);
  m[i].leaving = false;
#endif
  check()
}

#define PART_STEPS(leader) \
  :: d_step { CAN_PROMISE(leader, me) -> promise(leader, me) } \
  :: d_step { CAN_LEVEL(leader, me) -> level(leader, me) }
#define LEAD_STEPS(e) \
  :: d_step { CAN_LEAD(e, me, 0) -> lead(e, me, 0) } \
  :: d_step { CAN_LEAD(e, me, 1) -> lead(e, me, 1) } \
  :: d_step { CAN_LEAD(e, me, 2) -> lead(e, me, 2) }
#define BEGIN_STEPS(e) \
  :: d_step { CAN_BEGIN(e, me) -> begin(e, me) }

proctype AMember(byte me) {
end:
  do
  PART_STEPS(COORDINATOR)
  PART_STEPS(0)
  PART_STEPS(1)
  PART_STEPS(2)
#ifdef MUTATION_DROP
  :: d_step { CAN_DROP(COORDINATOR, me) -> drop(me) }
#endif
  :: d_step { CAN_DECIDE(me) -> decide(me, epochs[agreements[me].going].view, agreements[me].participants) }
  BEGIN_STEPS(2)
#if EPOCHS > 3
  BEGIN_STEPS(3)
#endif
#if EPOCHS > 4
  BEGIN_STEPS(4)
#endif
#if EPOCHS > 5
  BEGIN_STEPS(5)
#endif
#if EPOCHS > 6
  BEGIN_STEPS(6)
#endif
  :: d_step { CAN_ORDER(m[me].begun, me, 1) -> putInOrder(m[me].begun, 1) }
#if TEXTS > 1
  :: d_step { CAN_ORDER(m[me].begun, me, 2) -> putInOrder(m[me].begun, 2) }
#endif
  :: d_step { CAN_HOLD(m[me].begun, me) -> hold(m[me].begun, me) }
#if ROUNDS > 0
  LEAD_STEPS(1)
  LEAD_STEPS(2)
#if EPOCHS > 3
  LEAD_STEPS(3)
#endif
#if EPOCHS > 4
  LEAD_STEPS(4)
#endif
#if EPOCHS > 5
  LEAD_STEPS(5)
#endif
#if EPOCHS > 6
  LEAD_STEPS(6)
#endif
#endif
  :: d_step { crashes < CRASHES && m[me].incarnation < 2 -> restart(me) }
  od
}

/* ---- The coordinator (coordinator.ts, view_change_coordinator.ts, views.ts) ---- */

/* The number is on disk, what was under way is given up. Whoever isn't asked is silent, or seems so. */
inline flush(who, itsLeavers) {
  number++;
  forget(COORDINATOR);
  agreements[COORDINATOR].ballot = BALLOT(number);
  agreements[COORDINATOR].participants = who;
  agreements[COORDINATOR].leavers = itsLeavers;
  c_code {
    if (!now.epochs[last_view()].members) { /* nobody was in it: our own history goes on */
      now.agreements[3].begun = now.agreements[3].best = BALLOT_OF(last_view());
      now.agreements[3].start = now.escrow;
    }
  };
  printf("coordinator: flush %d to %d, of those leave %d\n", number, who, itsLeavers)
}

#ifdef CHECK_ALONE
#define FLUSH(who) :: d_step { \
  number < VIEWS -> \
    c_code { now.subject = has_waited(who); }; \
    if \
    :: subject != 0 -> subject = 0; flush(who, NOBODY) \
    :: else \
    fi }
#else
#define FLUSH(who) :: d_step { number < VIEWS -> flush(who, NOBODY) }
#endif
#define FLUSH_LEAVING(who, leaver) :: d_step { number < VIEWS && leaves < LEAVES -> leaves++; flush(who, BIT(leaver)) }

proctype TheCoordinator() {
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
  FLUSH_LEAVING(4, 2)
  FLUSH_LEAVING(3, 0)
  FLUSH_LEAVING(3, 1)
  FLUSH_LEAVING(5, 0)
  FLUSH_LEAVING(5, 2)
  FLUSH_LEAVING(6, 1)
  FLUSH_LEAVING(6, 2)
  FLUSH_LEAVING(7, 0)
  FLUSH_LEAVING(7, 1)
  FLUSH_LEAVING(7, 2)
#endif
  :: d_step {
    CAN_DECIDE(COORDINATOR) ->
    if
    :: agreements[COORDINATOR].participants == agreements[COORDINATOR].leavers -> escrow = agreements[COORDINATOR].start
    :: else
    fi;
    decide(COORDINATOR, NUMBER(agreements[COORDINATOR].ballot),
      (agreements[COORDINATOR].participants & (7 - agreements[COORDINATOR].leavers)))
  }
#ifdef MUTATION_NUMBER
  :: d_step {
    crashes < CRASHES && agreements[COORDINATOR].ballot != 0 ->
    printf("the coordinator is killed, and started again\n");
    crashes++;
    forget(COORDINATOR);
    c_code { now.number = NUMBER(BALLOT_OF(last_view())); };
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
    do
    :: subject < MEMBERS ->
      if
      :: IN(FIRST_VIEW, subject) ->
        m[subject].promised = BALLOT(1); m[subject].flushed = 1; m[subject].begun = 1;
        m[subject].levelled = BALLOT(1); m[subject].acting = true
      :: else
      fi;
      if
      :: subject < TEXTS -> m[subject].said = BIT(0)
      :: else
      fi;
      subject++
    :: else -> break
    od;
    subject = 0
  }
  atomic { run AMember(0); run AMember(1); run AMember(2); run TheCoordinator() }
}
