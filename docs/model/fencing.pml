/*
 * Who leads a group over an engine, and what it writes there, as a model: two instances of a coordinator, of which each
 * stands by, asks to lead, reads the log, appends, compacts, stands still for any time, and is killed. `make model`; what
 * is left out: README.md beside this file.
 *
 * The picture: a request is carried out by the engine at any later time, heard of later still, or not at all; then it is
 * made again, and an attempt that was held up may be carried out long after the request was answered.
 */

#ifndef LEADS
#define LEADS 3 /* how often somebody begins to lead */
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef COMPACTIONS
#define COMPACTIONS 2
#endif
#ifndef LATE
#define LATE 1 /* attempts that were held up */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CLOCKS
#define CLOCKS 1 /* 0: a lease may end while its holder trusts it: only the fence holds then */
#endif

/* Switches: MUTATION_*, each a rule that is left out; tools/model.sh has the list. */

#define BIT(i) (1 << (i))
#define IN(set, i) (((set) >> (i)) & 1)
#define OTHER(i) (1 - (i))
/* By the same clock: how long a lease lasts, and is trusted. */
#define LEASE 2
#define TRUST 1

/* What an instance does. */
#define STANDBY 0
#define ASKS 1     /* for the key `leader`, under a lease */
#define READS_HEAD 2
#define READS_BASE 3
#define READS_LOG 4
#define CHECKS 5   /* whether it leads still: then it begins to */
#define LEADS_NOW 6

/* What it has asked the engine for; `change` and `append` of fenced_log.ts. */
#define NONE 0
#define APPEND 1   /* `at`: number of the log's key; `what`: the record */
#define BASE 2     /* `at`: which base; `what`: its records */
#define HEAD 3     /* `at`: which base; `what`: the one before; `from`: the first key of the log that counts */
#define DELETE 4   /* `what`: which bases; `from`: the first key of the log that stays */
typedef Request {
  unsigned kind : 3;
  unsigned fence : 2;
  unsigned by : 1;
  unsigned at : 3;
  unsigned from : 3;
  unsigned what : 4
}
/* What becomes of it. */
#define SENT 0
#define DONE 1
#define CONFLICT 2
#define UNKNOWN 3

typedef Instance {
  unsigned phase : 3;
  unsigned fence : 2;
  unsigned trust : 1;    /* time for which nobody else can lead, by its clock */
  unsigned age : 2;      /* since it asked to lead, or for its lease to be renewed */
  unsigned renewal : 2;  /* 1 asked for, 2 done */
  unsigned result : 2;
  unsigned isMissed : 1; /* nothing was heard of an attempt */
  unsigned have : 4;     /* the records that it has read, or written */
  unsigned isRead : 1;   /* what it has read so far isn't damaged */
  unsigned base : 3;
  unsigned from : 3;     /* head, as it has read or put it */
  unsigned next : 3;     /* the next key of the log */
  unsigned lastBase : 3; /* that anybody has begun, as far as it has read */
  unsigned oldBases : 5; /* what is to be deleted */
  unsigned compacts : 2; /* 1 writes the base, 2 has it, 3 puts the head */
  unsigned newFrom : 3
}
Instance c[2];
Request asked[2];
Request held;            /* an attempt that was held up */

/* The engine. */
unsigned leader : 2;     /* fence of the key; 0: there is none */
unsigned holder : 1;     /* whose it is */
unsigned lease : 2;      /* for how long it lasts at least */
unsigned head : 3;       /* number of the base */
unsigned from : 3;
byte records[5];         /* the log; 0: there is no such key */
byte bases[5];           /* records of each base */
unsigned isBase : 5;     /* which bases there are */

unsigned leads : 3, appended : 3, compactions : 3, lates : 3, crashes : 3;

/* What no rule reads. */
unsigned told : 4;       /* records of which somebody has heard that they are durable */
byte fault = 0;
byte n = 0;
byte after = 0;
unsigned found : 4;      /* the records of the log, as whoever reads all of it finds them */
unsigned isDamaged : 1;

/*
 * Faults: 1 what was heard to be durable isn't in the log, or the log is damaged; 2 there is something in it of which
 * whoever leads doesn't know; 3 an instance begins to lead with less than was heard to be durable, or finds the log
 * damaged; 4 an instance speaks as the leader while another one, that began later, leads.
 */
inline check() {
  if
  :: fault != 0 -> printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

/* `foundIn` of fenced_log_keys.ts. */
inline find(aBase, start) {
  isDamaged = aBase != 0 && !IN(isBase, aBase);
  found = (aBase == 0 -> 0 : bases[aBase]);
  n = start;
  do
  :: n < 5 && records[n] != 0 -> found = found | BIT(records[n]); n++
  :: else -> break
  od;
  after = n;
  do
  :: n < 5 -> isDamaged = isDamaged || records[n] != 0; n++
  :: else -> break
  od;
  n = 0
}
/* After each change. */
#define KNOWS(i) (c[i].have | (asked[i].kind == APPEND && asked[i].fence == c[i].fence -> BIT(asked[i].what) : 0))
inline look() {
  find(head, from);
  if
  :: isDamaged || (told & ~found) != 0 -> fault = 1
  :: else ->
    if
    :: leader != 0 && c[holder].phase == LEADS_NOW && c[holder].fence == leader && (found & ~KNOWS(holder)) != 0 ->
      fault = 2
    :: else
    fi
  fi;
  found = 0; after = 0; isDamaged = 0;
  check()
}

/* ---- The engine ---- */

#ifdef MUTATION_FENCE
#define IS_FENCED(request) (request.kind == APPEND || request.fence == leader)
#else
#ifdef MUTATION_NAME
#define IS_FENCED(request) (leader != 0 && request.by == holder)
#else
#define IS_FENCED(request) (request.fence == leader)
#endif
#endif
#ifdef MUTATION_HEAD
#define IS_STILL(request) 1
#else
#define IS_STILL(request) (request.kind != HEAD || head == request.what)
#endif
#define IS_ABSENT(request) (request.kind != APPEND || records[request.at] == 0)
#define HOLDS(request) (IS_FENCED(request) && IS_ABSENT(request) && IS_STILL(request))

inline make(request) {
  if
  :: request.kind == APPEND -> records[request.at] = request.what
  :: request.kind == BASE -> bases[request.at] = request.what; isBase = isBase | BIT(request.at)
  :: request.kind == HEAD -> head = request.at; from = request.from
  :: request.kind == DELETE ->
    isBase = isBase & ~request.what;
    n = 1;
    do
    :: n < 5 ->
      if
      :: IN(request.what, n) -> bases[n] = 0
      :: else
      fi;
      n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < request.from -> records[n] = 0; n++
    :: else -> break
    od;
    n = 0
  fi;
  look()
}

/* An attempt that was missed may have been made: its values are there then. Only one program puts such. */
#define IS_MADE(request) ((request.kind == APPEND && records[request.at] == request.what) \
  || (request.kind == BASE && IN(isBase, request.at) && bases[request.at] == request.what) \
  || (request.kind == HEAD && head == request.at && from == request.from))
inline carryOut(i) {
  if
  :: HOLDS(asked[i]) -> c[i].result = DONE; make(asked[i])
  :: !HOLDS(asked[i]) && c[i].isMissed -> c[i].result = (IS_MADE(asked[i]) -> DONE : UNKNOWN)
  :: else -> c[i].result = CONFLICT
  fi
}
inline carryOutLate() {
  printf("an attempt of %d, kind %d, is carried out late\n", held.by, held.kind);
  if
  :: HOLDS(held) -> make(held)
  :: else
  fi;
  forget(held)
}
inline forget(request) {
  request.kind = NONE; request.fence = 0; request.by = 0; request.at = 0; request.from = 0; request.what = 0
}
inline holdUp(i) {
  printf("an attempt of %d, kind %d, is held up\n", i, asked[i].kind);
  lates++;
  held.kind = asked[i].kind; held.fence = asked[i].fence; held.by = asked[i].by; held.at = asked[i].at;
  held.from = asked[i].from; held.what = asked[i].what;
  c[i].isMissed = 1
}
#define LEASE_IS_OVER (leader != 0 && (lease == 0 || !CLOCKS))
inline endLease() {
  printf("the lease of fence %d ends\n", leader);
  leader = 0; holder = 0; lease = 0
}

/* ---- Time: the same for all; an instance that stands still takes no step, and may do so when it likes. ---- */

inline passFor(i) {
  c[i].trust = 0;
  if
  :: c[i].age < LEASE && (c[i].phase == ASKS || c[i].renewal != 0) -> c[i].age++
  :: else
  fi
}
inline pass() {
  printf("time passes\n");
  if
  :: lease > 0 -> lease--
  :: else
  fi;
  passFor(0);
  passFor(1)
}

/* ---- Instances ---- */

inline standBy(i) {
  c[i].phase = STANDBY; c[i].fence = 0; c[i].trust = 0; c[i].age = 0; c[i].renewal = 0; c[i].result = SENT;
  c[i].isMissed = 0; c[i].have = 0; c[i].isRead = 0; c[i].base = 0; c[i].from = 0; c[i].next = 0; c[i].lastBase = 0;
  c[i].oldBases = 0; c[i].compacts = 0; c[i].newFrom = 0;
  forget(asked[i])
}
/* It gives the lease up, too, where it can. */
inline giveUp(i, isHeard) {
  printf("%d leads no more\n", i);
  if
  :: isHeard && leader != 0 && leader == c[i].fence -> endLease()
  :: else
  fi;
  standBy(i)
}

inline askToLead(i) {
  printf("%d asks to lead\n", i);
  c[i].phase = ASKS; c[i].age = 0
}
/* The lease was granted a little before; what it has asked, and given up, may be done as well. */
inline mayLead(i) {
  leads++;
  leader = leads; holder = i; lease = LEASE - c[i].age;
  printf("%d has the key, fence %d\n", i, leader)
}
#ifdef MUTATION_TRUST
#define TRUST_SINCE(age) TRUST
#else
#define TRUST_SINCE(age) ((age) < TRUST -> TRUST - (age) : 0)
#endif
#ifdef MUTATION_EARLY
#define AFTER_ASKING CHECKS
#define AFTER_READING ASKS
#else
#define AFTER_ASKING READS_HEAD
#define AFTER_READING CHECKS
#endif
inline hearsItLeads(i) {
  c[i].fence = leader;
  c[i].trust = TRUST_SINCE(c[i].age);
  c[i].age = 0;
  c[i].phase = AFTER_ASKING
}

inline readHead(i) {
  printf("%d reads the head\n", i);
  c[i].base = head; c[i].from = from; c[i].phase = READS_BASE
}
/* Here `isRead` says whether the base that the head names is there. */
inline readBase(i) {
  printf("%d reads the bases\n", i);
  c[i].isRead = c[i].base == 0 || IN(isBase, c[i].base);
  c[i].have = (c[i].base == 0 -> 0 : bases[c[i].base]);
  c[i].oldBases = isBase & ~BIT(c[i].base);
  c[i].lastBase = c[i].base;
#ifndef MUTATION_BASE
  n = 1;
  do
  :: n < 5 ->
    if
    :: IN(isBase, n) && n > c[i].lastBase -> c[i].lastBase = n
    :: else
    fi;
    n++
  :: else -> break
  od;
  n = 0;
#endif
  c[i].phase = READS_LOG
}
inline readLog(i) {
  printf("%d reads the log\n", i);
  find(0, c[i].from);
  c[i].isRead = c[i].isRead && !isDamaged;
  c[i].have = c[i].have | found;
  c[i].next = after;
  found = 0; after = 0; isDamaged = 0;
  c[i].phase = AFTER_READING
}
inline beginToLead(i) {
  printf("%d begins to lead with records %d\n", i, c[i].have);
  if
  :: !c[i].isRead || (told & ~c[i].have) != 0 -> fault = 3
  :: else
  fi;
  check();
  c[i].phase = LEADS_NOW;
  look()
}
#ifdef MUTATION_TORN
#define IS_LEADER_STILL(i) 1
#else
#define IS_LEADER_STILL(i) (leader == c[i].fence)
#endif

/* It is asked before each step whether it leads. */
#ifdef MUTATION_UNASKED
#define MAY_STEP(i) 1
#else
#define MAY_STEP(i) (c[i].trust > 0 || !CLOCKS)
#endif
inline speak(i) {
  if
  :: CLOCKS && c[OTHER(i)].phase == LEADS_NOW && c[OTHER(i)].fence > c[i].fence -> fault = 4; printf("%d speaks\n", i)
  :: else
  fi;
  check()
}

#define IS_IDLE(i) (c[i].phase == LEADS_NOW && asked[i].kind == NONE)
inline ask(i, aKind, where, what_, from_) {
  asked[i].kind = aKind; asked[i].fence = c[i].fence; asked[i].by = i; asked[i].at = where; asked[i].what = what_;
  asked[i].from = from_
}
inline append(i) {
  appended++;
  printf("%d appends record %d\n", i, appended);
  ask(i, APPEND, c[i].next, appended, 0)
}
inline compact(i) {
  printf("%d begins a compaction\n", i);
  compactions++;
  c[i].compacts = 1;
  c[i].newFrom = c[i].next;
  c[i].lastBase++;
#ifdef MUTATION_BASE
  c[i].lastBase = c[i].base + 1;
#endif
  ask(i, BASE, c[i].lastBase, c[i].have, 0)
}
inline putHead(i) {
  c[i].compacts = 3;
#ifdef MUTATION_FROM
  c[i].newFrom = c[i].next;
#endif
  ask(i, HEAD, c[i].lastBase, c[i].base, c[i].newFrom)
}
#ifdef MUTATION_DELETES
#define OLD_FROM(i) c[i].newFrom
#define HAS_OLD(i) (c[i].compacts == 2 && OLD_FROM(i) > 0 && records[OLD_FROM(i) - 1] != 0)
#else
#define OLD_FROM(i) c[i].from
#define HAS_OLD(i) (c[i].oldBases != 0)
#endif
inline delete(i) {
  printf("%d deletes what is old\n", i);
  ask(i, DELETE, 0, c[i].oldBases, OLD_FROM(i));
  c[i].oldBases = 0
}

#ifdef MUTATION_UNKNOWN
#define IS_TAKEN_FOR_DONE(result) (result == DONE || result == UNKNOWN)
#else
#ifdef MUTATION_REFUSAL
#define IS_TAKEN_FOR_DONE(result) (result == DONE || result == CONFLICT)
#else
#define IS_TAKEN_FOR_DONE(result) (result == DONE)
#endif
#endif
/* Bit 0 of what is old: the log. */
#define OLD_LOG 1
inline hear(i) {
  printf("%d hears of kind %d: %d\n", i, asked[i].kind, c[i].result);
  if
  :: !IS_TAKEN_FOR_DONE(c[i].result) -> giveUp(i, true)
  :: else ->
    if
    :: asked[i].kind == APPEND ->
      c[i].next++;
      c[i].have = c[i].have | BIT(asked[i].what);
      told = told | BIT(asked[i].what)
    :: asked[i].kind == BASE -> c[i].compacts = 2
    :: asked[i].kind == HEAD ->
      c[i].compacts = 0;
      c[i].oldBases = c[i].oldBases | (c[i].base == 0 -> 0 : BIT(c[i].base)) | OLD_LOG;
      c[i].base = c[i].lastBase; c[i].from = c[i].newFrom; c[i].newFrom = 0
    :: asked[i].kind == DELETE
    fi;
    forget(asked[i]);
    c[i].result = SENT; c[i].isMissed = 0;
    look()
  fi
}

inline renewed(i) {
  c[i].renewal = 0;
  c[i].trust = (TRUST_SINCE(c[i].age) > c[i].trust -> TRUST_SINCE(c[i].age) : c[i].trust);
  c[i].age = 0
}
inline crash(i) {
  printf("%d is killed, and started again\n", i);
  crashes++;
  standBy(i)
}

/* ---- Steps ---- */

proctype AnInstance(byte me) {
  end:
  do
#ifdef MUTATION_EARLY
  :: d_step { c[me].phase == STANDBY && leads < LEADS -> readHead(me) }
#else
  :: d_step { c[me].phase == STANDBY && leads < LEADS && leader == 0 -> askToLead(me) }
#endif
  :: d_step { c[me].phase == ASKS && leader != 0 && holder == me -> hearsItLeads(me) }
  :: d_step { c[me].phase == ASKS && leader == 0 -> printf("%d gives up asking\n", me); standBy(me) }
  :: d_step { c[me].phase == ASKS && leader != 0 && holder != me -> printf("%d hears who leads\n", me); standBy(me) }
  :: d_step { c[me].phase == READS_HEAD -> readHead(me) }
  :: d_step { c[me].phase == READS_BASE -> readBase(me) }
  :: d_step { c[me].phase == READS_LOG -> readLog(me) }
  :: d_step { c[me].phase == CHECKS && IS_LEADER_STILL(me) -> beginToLead(me) }
  :: d_step { c[me].phase == CHECKS && !IS_LEADER_STILL(me) -> giveUp(me, true) }
  :: d_step { IS_IDLE(me) && MAY_STEP(me) && appended < RECORDS -> append(me) }
  :: d_step { IS_IDLE(me) && compactions < COMPACTIONS && c[me].compacts == 0 -> compact(me) }
  :: d_step { IS_IDLE(me) && c[me].compacts == 2 -> putHead(me) }
  :: d_step { IS_IDLE(me) && HAS_OLD(me) -> delete(me) }
  :: d_step { asked[me].kind != NONE && c[me].result != SENT -> hear(me) }
  :: d_step { c[me].phase == LEADS_NOW && MAY_STEP(me) -> speak(me) }
  :: d_step { CLOCKS && c[me].phase >= READS_HEAD && c[me].fence != 0 && c[me].renewal == 0 && c[me].trust > 0 ->
    c[me].renewal = 1; c[me].age = 0 }
  :: d_step { c[me].renewal == 2 -> renewed(me) }
  :: d_step { c[me].fence != 0 && (c[me].trust == 0 || !CLOCKS) -> giveUp(me, true) }
  :: d_step { c[me].fence != 0 && (c[me].trust == 0 || !CLOCKS) -> giveUp(me, false) }
  :: d_step { crashes < CRASHES && c[me].phase != STANDBY -> crash(me) }
  od
}

proctype TheEngine() {
  end:
  do
  :: d_step { c[0].phase == ASKS && leader == 0 && c[0].age < LEASE && leads < LEADS -> mayLead(0) }
  :: d_step { c[1].phase == ASKS && leader == 0 && c[1].age < LEASE && leads < LEADS -> mayLead(1) }
  :: d_step { LEASE_IS_OVER -> endLease() }
  :: d_step { c[0].renewal == 1 && leader == c[0].fence -> c[0].renewal = 2; lease = LEASE }
  :: d_step { c[1].renewal == 1 && leader == c[1].fence -> c[1].renewal = 2; lease = LEASE }
  :: d_step { asked[0].kind != NONE && c[0].result == SENT -> carryOut(0) }
  :: d_step { asked[1].kind != NONE && c[1].result == SENT -> carryOut(1) }
  :: d_step { asked[0].kind != NONE && c[0].result == DONE -> c[0].result = SENT; c[0].isMissed = 1 }
  :: d_step { asked[1].kind != NONE && c[1].result == DONE -> c[1].result = SENT; c[1].isMissed = 1 }
  :: d_step { asked[0].kind != NONE && c[0].result == SENT -> c[0].result = UNKNOWN }
  :: d_step { asked[1].kind != NONE && c[1].result == SENT -> c[1].result = UNKNOWN }
  :: d_step { asked[0].kind != NONE && c[0].result == SENT && held.kind == NONE && lates < LATE -> holdUp(0) }
  :: d_step { asked[1].kind != NONE && c[1].result == SENT && held.kind == NONE && lates < LATE -> holdUp(1) }
  :: d_step { held.kind != NONE -> carryOutLate() }
  :: d_step { CLOCKS && (lease > 0 || c[0].trust > 0 || c[1].trust > 0 || c[0].renewal != 0 || c[1].renewal != 0
    || c[0].phase == ASKS || c[1].phase == ASKS) -> pass() }
  od
}

init {
  atomic { run AnInstance(0); run AnInstance(1); run TheEngine() }
}
