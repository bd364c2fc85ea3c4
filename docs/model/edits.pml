/*
 * The edit transaction as a model: two-phase commit with presumed abort between the coordinator and the members of a
 * view, through crashes and restarts of both, lost links, changes of the view, and members that go on without the
 * coordinator. `make model`. What is left out, and how to read a counterexample: README.md beside this file.
 *
 * The picture: a link to the coordinator is a queue each way; whatever is in it is lost with it. Either side may still
 * read what the other had sent before the link broke, until there is another one. What members tell each other may
 * come at any later time. A step is what lies between two synced writes. The one order is what group.pml proves: here
 * it is one shared row, to which the sequencer appends; a change of the epoch may cut off what nobody has shown.
 *
 * Numbers: requests are 0 and 1. A request that was accepted has the number of a transaction, from 1; it may be
 * accepted again under another number where the coordinator has forgotten it. Sets of members and of requests have one
 * bit for each.
 */

/* ---- Bounds ---- */

#ifndef FIRST_VIEW
#define FIRST_VIEW 7 /* members of view 1: 7 is all three, 3 has member 2 as a newcomer or not at all */
#endif
#ifndef GROUP
#define GROUP 7 /* who takes part at all, in the end */
#endif
#ifndef VIEWS
#define VIEWS 2 /* highest number of a flush while anything fails; two more when all is well */
#endif
#ifndef ROUNDS
#define ROUNDS 0
#endif
#ifndef CRASHES
#define CRASHES 1 /* of members */
#endif
#ifndef COORDINATOR_CRASHES
#define COORDINATOR_CRASHES 1
#endif
#ifndef LOSSES
#define LOSSES 1 /* links lost by themselves; those of a crash aren't counted */
#endif
#ifndef NUMBERS
#define NUMBERS 2 /* how often a request is accepted, in all */
#endif
#ifndef REQUESTS
#define REQUESTS 1 /* which requests there are: 1 the first alone, 3 both */
#endif
#ifndef SAME_ENTRY
#define SAME_ENTRY 1
#endif
#ifndef QUEUE
#define QUEUE 4 /* messages under way on a link, each way */
#endif
#ifndef REFUSALS
#define REFUSALS 1 /* users may say no, and votes take too long, at any time; 0: only when all is well again */
#endif
#ifndef SECOND_REQUESTER
#define SECOND_REQUESTER 0
#endif

/* Switches: MUTATION_*, each a rule that is left out or done wrong; tools/model.sh has the list. */

#define MEMBERS 3
#define NOBODY 0
#define BIT(i) (1 << (i))
#define IN(set, i) (((set) >> (i)) & 1)
#define LOWEST(set) (IN(set, 0) -> 0 : (IN(set, 1) -> 1 : 2))
#define REQUESTER(t) ((t) == 0 -> 0 : SECOND_REQUESTER)
#define OTHER(t) (1 - (t))

/* Messages: kind, request, number of the transaction, view. */
#define MESSAGE(kind, t, number, view) ((kind) * 64 + (t) * 32 + (number) * 8 + (view))
#define KIND(message) ((message) / 64)
#define REQUEST(message) (((message) / 32) & 1)
#define NUMBER(message) (((message) / 8) & 3)
#define VIEW(message) ((message) & 7)
/* To members. */
#define PREPARE 1
#define COMMITTED 2
#define ABORTED 3
#define ACCEPTED 4
#define REFUSED 5
/* To the coordinator. */
#define EDIT 1
#define YES 2
#define NO 3
#define APPLIED 4
#define INQUIRE 5
#define BEGUN 6

/* ---- State ---- */

/* edit_participant.ts: what a member knows of a request. */
#define NOTHING 0
#define WAITING 1           /* for the lock */
#define ASKED 2             /* has the lock; its user is asked, or nobody */
#define AGREED 3            /* disk: `prepared` */
#define DECLINED 4          /* memory: said no, or its requester has given it up */
typedef Part {
  unsigned state : 3;
  unsigned number : 2;
  unsigned view : 3;        /* in which it was asked last */
  unsigned refusals : 4     /* on their way from other members that refuse, in this epoch: one bit for each number */
#ifdef MUTATION_UNSYNCED_VOTE
  ; unsigned isUnsynced : 1
#endif
}
typedef Member {
  unsigned view : 3;        /* disk: the last epoch's */
  unsigned length : 2;      /* disk: of its log */
  unsigned promised : 3;    /* the last flush that this process has answered */
  unsigned acting : 1;      /* memory: its epoch has begun in this process, and nothing was promised since */
  unsigned round : 1;       /* that epoch is a round: it began without the coordinator */
  unsigned up : 1;          /* its link, as it knows */
  unsigned decided : 2;     /* memory: requests of which it knows that they are committed, not in its log */
  unsigned refused : 2;     /* memory: unheard of, and never agreed to in this view */
  Part part[2]
}
Member m[MEMBERS];

/* editing.ts: what the requester knows of its request. */
#define IDLE 0
#define WANTED 1            /* memory */
#define STARTED 2           /* disk: accepted, under a number */
#define OVER 3
typedef Request {
  unsigned wanted : 2;
  unsigned number : 2;
  /* edit_coordinator.ts, decisions.ts: what the coordinator knows of it. */
  unsigned state : 3;
  unsigned voted : 2;       /* under which number */
  unsigned view : 3;        /* whose members vote */
  unsigned awaited : 3;     /* votes; then, of whom it isn't known that they have it in their logs */
  unsigned asked : 3;       /* who was asked to vote, in any view */
  unsigned givenUp : 4;     /* its requester has told all so: one bit for each number */
  unsigned isUntold : 1;    /* accepted, and its requester is told so with the vote */
  unsigned isOld : 1;       /* the process that asked for it is gone */
  unsigned isOrphan : 1;    /* it isn't in the present view */
  unsigned isOurs : 1;      /* committed by this process of the coordinator */
  unsigned follows : 1      /* committed by the process that had committed the other one before */
#ifdef MUTATION_UNSYNCED_DECISION
  ; unsigned isUnsynced : 1
#endif
}
#define UNKNOWN 0
#define OPEN 1              /* memory: accepted, waits for a steady view */
#define VOTING 2            /* memory */
#define COMMIT 3            /* disk */
#define FORGOTTEN 4         /* as UNKNOWN: it is in all logs */
#define ABORT 5             /* disk, for the reason's sake: answered as UNKNOWN is */
Request request[2];

/* The coordinator: views (views.ts, view_change_coordinator.ts). */
unsigned view : 3 = 1;      /* disk: the present one */
unsigned members : 3;       /* disk: its members */
unsigned membersBefore : 3; /* disk: of the last view that has begun everywhere, before this one */
unsigned isConfirmed : 1;   /* disk: it has begun everywhere */
unsigned begun : 3;         /* where, as it has heard */
unsigned isBroken : 1;      /* another view must follow */
unsigned flushes : 3 = 1;   /* disk: numbers used */
unsigned flush : 3;         /* the change under way; 0: none */
unsigned participants : 3;
unsigned reported : 3;
unsigned numbers : 2;       /* disk: the last number that was given */
unsigned linked : 3;        /* with whom it has a link, as it knows */
chan toMember[MEMBERS] = [QUEUE] of { short };
chan toCoordinator[MEMBERS] = [QUEUE] of { short };

/* The history: numbers of transactions, two bits for each, the first one lowest. */
unsigned history : 6;
unsigned length : 2;
unsigned start : 2;         /* its length when the present view was decided */
unsigned sequencer : 2;
unsigned begunBy : 3;       /* where the present view has ever begun */
#define AT(position) ((history >> (2 * (position))) & 3)

unsigned crashes : 2, coordinatorCrashes : 2, losses : 2, rounds : 2;
unsigned quiet : 1;         /* nothing fails any more */

/* What no rule reads, for checks alone; the sets are of numbers. */
unsigned isFull : 1;        /* more was under way than a queue takes */
unsigned told : 4;          /* somebody was told that it is aborted, or has acted so although it had agreed */
unsigned committed : 4;
unsigned ofSecond : 4;      /* of request 1 */
byte fault = 0;

/* Within a step; 0 between two. */
short got = 0;
byte t = 0;

/* ---- What must hold ---- */

#define IS_NUMBER_OF(number, r) (IN(ofSecond, number) == (r))
#define IS_AT(r, position) (length > (position) && IS_NUMBER_OF(AT(position), r))
#define IN_HISTORY(r) (IS_AT(r, 0) || IS_AT(r, 1) || IS_AT(r, 2))
#define IS_LOGGED_AT(r, position, j) (m[j].length > (position) && IS_AT(r, position))
#define IS_LOGGED(r, j) (IS_LOGGED_AT(r, 0, j) || IS_LOGGED_AT(r, 1, j) || IS_LOGGED_AT(r, 2, j))

#define BOTH_AGREED(j) (SAME_ENTRY && m[j].part[0].state == AGREED && m[j].part[1].state == AGREED)
/* Committed and neither on the coordinator's disk nor in anybody's log. */
#define IS_LOST(r) ((request[r].state != COMMIT) && (committed & (r == 0 -> ~ofSecond & 15 : ofSecond)) != 0 \
  && !IS_LOGGED(r, 0) && !IS_LOGGED(r, 1) && !IS_LOGGED(r, 2))

/*
 * Faults: 1 somebody was told that an edit is aborted, and it is or will be in the history; 2 a request is committed
 * twice; 3 a committed edit is lost; 4 a number is used twice; 5 a vote counts for another transaction than the one
 * that was voted on; 6 two edits of one entry are agreed to at one member; 7 everybody is up, nothing goes on, and
 * something is open, or locked, or not in all logs.
 */
inline check() {
  if
  :: (told & committed) != 0 -> fault = 1
  :: BOTH_AGREED(0) || BOTH_AGREED(1) || BOTH_AGREED(2) -> fault = 6
  :: IS_LOST(0) || IS_LOST(1) -> fault = 3
  :: else
  fi;
  if
  :: fault != 0 -> printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

/* ---- Links ---- */

inline clear(queue) {
  do
  :: len(queue) > 0 -> queue?got
  :: else -> break
  od;
  got = 0
}

/* Where more would be under way than the queue takes, the link is lost, and nothing is asked of the end. */
#define IS_LINKED(j) (m[j].up && IN(linked, j))
inline hangUp(j) {
  m[j].up = false;
  clear(toMember[j])
}
inline tell(j, message) {
  if
  :: IS_LINKED(j) && len(toMember[j]) < QUEUE -> toMember[j]!message
  :: IS_LINKED(j) && len(toMember[j]) == QUEUE -> hangUp(j); isFull = true
  :: else
  fi
}
inline say(j, message) {
  if
  :: IS_LINKED(j) && len(toCoordinator[j]) < QUEUE -> toCoordinator[j]!message
  :: IS_LINKED(j) && len(toCoordinator[j]) == QUEUE -> hangUp(j); isFull = true
  :: else
  fi
}

/* ---- The member's part ---- */

#define HAS_LOCK(j, r) (m[j].part[r].state == ASKED || m[j].part[r].state == AGREED)

inline drop(j, r) {
  m[j].part[r].state = NOTHING;
#ifdef MUTATION_UNSYNCED_VOTE
  m[j].part[r].isUnsynced = false;
#endif
  m[j].part[r].number = 0;
  m[j].part[r].view = 0
}

/* It is aborted, as far as the member knows: whoever was asked is told. */
inline abandon(j, r) {
  if
  :: m[j].part[r].state == WAITING -> drop(j, r)
  :: HAS_LOCK(j, r) || m[j].part[r].state == DECLINED -> told = told | BIT(m[j].part[r].number); drop(j, r)
  :: else
  fi
}

/* And the requester is: of that transaction, 0 whichever it is. */
#ifdef MUTATION_FELLOW
#define IS_OF(r, itsNumber) 1
#else
#define IS_OF(r, itsNumber) ((itsNumber) == 0 || (itsNumber) == request[r].number)
#endif
inline tellRequester(j, r, itsNumber) {
  if
  :: j == REQUESTER(r) && request[r].wanted == STARTED && IS_OF(r, itsNumber) ->
    told = told | BIT(request[r].number);
    request[r].wanted = OVER; request[r].number = 0
  :: else
  fi
}

/* Its requester has given it up: the user is told, and it is refused from now on, in whatever view it is asked again. */
inline decline(j, r) {
  told = told | BIT(m[j].part[r].number);
#ifdef MUTATION_FORGIVES
  drop(j, r)
#else
  m[j].part[r].state = DECLINED
#ifdef MUTATION_UNSYNCED_VOTE
  ; m[j].part[r].isUnsynced = false
#endif
#endif
}

/* One more of the history is in its log. */
inline log(j) {
  t = IN(ofSecond, AT(m[j].length));
  m[j].length++;
  m[j].decided = m[j].decided & (3 - BIT(t));
  drop(j, t);
  if
  :: j == REQUESTER(t) -> request[t].wanted = OVER; request[t].number = 0
  :: else
  fi;
  say(j, MESSAGE(APPLIED, t, 0, 0))
}

inline append(r) {
  printf("%d puts request %d in order, transaction %d\n", sequencer, r, request[r].voted);
  history = history | (request[r].voted << (2 * length));
  length++
}
#define IS_SEQUENCER(j) (sequencer == (j) && m[j].acting && m[j].view == view && IN(members, j))
#define CAN_ORDER(j, r) (IS_SEQUENCER(j) && IN(m[j].decided, r) && !IN_HISTORY(r) \
  && (!request[r].follows || IN_HISTORY(OTHER(r))))
/* As first designed: only what has just come is put in order, and in a new epoch all. */
#ifdef MUTATION_OFFER
#define OFFER(j, r) if :: CAN_ORDER(j, r) -> append(r) :: else fi
#else
#define OFFER(j, r) skip
#endif

inline ask(j) {
  if
  :: m[j].up && m[j].acting && j == REQUESTER(0) && request[0].wanted == WANTED -> say(j, MESSAGE(EDIT, 0, 0, 0))
  :: else
  fi;
  if
  :: m[j].up && m[j].acting && j == REQUESTER(1) && request[1].wanted == WANTED -> say(j, MESSAGE(EDIT, 1, 0, 0))
  :: else
  fi
}

#ifdef MUTATION_LOCK
#define CAN_LOCK(j, r) (m[j].part[r].state == WAITING)
#else
#define CAN_LOCK(j, r) (m[j].part[r].state == WAITING && !(SAME_ENTRY && HAS_LOCK(j, OTHER(r))))
#endif
/* The entry is looked up in the log: who was slow to hear of the vote may have the edit already. */
#define IS_FOUND(j, r) IS_LOGGED(r, j)
inline lock(j, r) {
  if
  :: IS_FOUND(j, r) -> drop(j, r)
  :: else -> m[j].part[r].state = ASKED
  fi
}
inline open(j, r, itsNumber, itsView) {
  m[j].part[r].state = WAITING;
  m[j].part[r].number = itsNumber;
  m[j].part[r].view = itsView;
  if
  :: CAN_LOCK(j, r) -> lock(j, r)
  :: else
  fi
}

inline sayAgreed(j, r) {
  say(j, MESSAGE(YES, r, m[j].part[r].number, m[j].part[r].view))
}

/* A number other than the known one's: the earlier transaction is unknown to the coordinator, and so aborted. */
#ifdef MUTATION_ANEW
#define IS_ANEW(j, r, itsNumber) 0
#else
#define IS_ANEW(j, r, itsNumber) (m[j].part[r].number != (itsNumber))
#endif
inline prepare(j, r, itsNumber, itsView) {
  if
  :: !m[j].acting || m[j].view != itsView -> skip /* it isn't voted on any more */
  :: else ->
    if
    :: IN(m[j].refused, r) -> say(j, MESSAGE(NO, r, itsNumber, itsView))
    :: else ->
      if
      :: m[j].part[r].state != NOTHING && IS_ANEW(j, r, itsNumber) ->
        abandon(j, r);
        open(j, r, itsNumber, itsView)
      :: m[j].part[r].state != NOTHING && !IS_ANEW(j, r, itsNumber) ->
        m[j].part[r].view = itsView;
        if
        :: m[j].part[r].state == AGREED -> sayAgreed(j, r)
        :: m[j].part[r].state == DECLINED -> say(j, MESSAGE(NO, r, itsNumber, itsView))
        :: else
        fi
      :: m[j].part[r].state == NOTHING -> open(j, r, itsNumber, itsView)
      :: else
      fi
    fi
  fi
}

inline learn(j, r) {
  if
  :: IS_LOGGED(r, j) -> say(j, MESSAGE(APPLIED, r, 0, 0))
  :: !IS_LOGGED(r, j) && !IN(m[j].decided, r) -> m[j].decided = m[j].decided | BIT(r); OFFER(j, r)
  :: else
  fi
}

inline hear(j) {
  toMember[j]?got;
  t = REQUEST(got);
  if
  :: KIND(got) == PREPARE ->
    printf("%d is asked to vote on request %d, transaction %d\n", j, t, NUMBER(got));
    prepare(j, t, NUMBER(got), VIEW(got))
  :: KIND(got) == COMMITTED ->
    printf("%d hears that request %d is committed\n", j, t);
    learn(j, t)
  :: KIND(got) == ABORTED ->
    printf("%d hears that request %d is aborted\n", j, t);
    abandon(j, t);
    tellRequester(j, t, 0)
  :: KIND(got) == ACCEPTED && request[t].wanted == WANTED ->
    printf("%d hears that request %d is transaction %d\n", j, t, NUMBER(got));
    request[t].wanted = STARTED; request[t].number = NUMBER(got)
  :: KIND(got) == REFUSED && request[t].wanted == WANTED ->
    printf("%d hears that request %d is refused\n", j, t);
    request[t].wanted = OVER
  :: else
  fi;
  got = 0; t = 0;
  check()
}

/* `prepared` is on disk, then the vote is said. */
inline agree(j, r) {
  printf("%d agrees to transaction %d\n", j, m[j].part[r].number);
  m[j].part[r].state = AGREED;
#ifdef MUTATION_UNSYNCED_VOTE
  m[j].part[r].isUnsynced = true;
#endif
  sayAgreed(j, r);
  check()
}
inline refuse(j, r) {
  printf("%d refuses transaction %d\n", j, m[j].part[r].number);
  say(j, MESSAGE(NO, r, m[j].part[r].number, m[j].part[r].view));
  m[j].part[r].state = DECLINED;
  check()
}

/* What became of it is asked where it isn't known, and not in the log. */
#ifdef MUTATION_ASKED
#define IS_PART_UNKNOWN(j, r) (m[j].part[r].state == AGREED && !IN(m[j].decided, r))
#else
#define IS_PART_UNKNOWN(j, r) (m[j].part[r].state != NOTHING && !IN(m[j].decided, r))
#endif
#define IS_OUTCOME_UNKNOWN(j, r) (IS_PART_UNKNOWN(j, r) || (j == REQUESTER(r) && request[r].wanted == STARTED))
#define CAN_ANSWER(j, r) (isConfirmed && IN(members, j) && request[r].state != OPEN && request[r].state != VOTING)
/* In the end only what changes something is asked: otherwise there would be no end. */
#define IS_WORTH_IT(j, r) (CAN_ANSWER(j, r) && !IN(m[j].decided, r))
#define IS_ANSWERED(j, r) (toMember[j]??[eval(MESSAGE(COMMITTED, r, 0, 0))] \
  || toMember[j]??[eval(MESSAGE(ABORTED, r, 0, 0))])
#define CAN_INQUIRE(j, r) (m[j].acting && IS_LINKED(j) && IS_OUTCOME_UNKNOWN(j, r) && !IS_LOGGED(r, j) \
  && len(toCoordinator[j]) == 0 && !IS_ANSWERED(j, r) && (!quiet || IS_WORTH_IT(j, r)))

/* Another member is asked while the coordinator is away, in the epoch of both. */
#define ARE_ALONE(j, asker) ((j) != (asker) && !m[j].up && !m[asker].up && m[j].acting && m[asker].acting \
  && m[j].view == m[asker].view && m[j].view == view && m[j].round == m[asker].round)
#define CAN_PASS_ON(j, asker, r) (ARE_ALONE(j, asker) && IN(m[j].decided, r) && !IN(m[asker].decided, r) \
  && !IS_LOGGED(r, asker))
inline passOn(j, asker, r) {
  printf("%d tells %d that request %d is committed\n", j, asker, r);
  learn(asker, r);
  check()
}
#ifdef MUTATION_NEWCOMER
#define HAD_A_VOTE(j, asker, r) 1
#else
#define HAD_A_VOTE(j, asker, r) (m[j].view == m[asker].part[r].view)
#endif
#define MAY_RELY(j, r) ((j) == REQUESTER(r))
#define IS_UNVOTED(j, asker, r) (m[j].part[r].state == NOTHING \
  || (m[j].part[r].state != AGREED && m[j].part[r].number == m[asker].part[r].number))
#define CAN_REFUSE_FOR(j, asker, r) (ARE_ALONE(j, asker) && MAY_RELY(asker, r) && m[asker].part[r].state == AGREED \
  && !IN(m[asker].decided, r) && IS_UNVOTED(j, asker, r) && !IN(m[j].decided, r) && !IS_LOGGED(r, j) \
  && HAD_A_VOTE(j, asker, r) && !IN(m[asker].part[r].refusals, m[asker].part[r].number))
inline refuseFor(j, asker, r) {
  printf("%d hasn't voted on request %d, refuses, and tells %d\n", j, r, asker);
  if
  :: m[j].part[r].state == NOTHING -> m[j].refused = m[j].refused | BIT(r)
  :: else -> m[j].part[r].state = DECLINED
  fi;
  m[asker].part[r].refusals = m[asker].part[r].refusals | BIT(m[asker].part[r].number);
  check()
}
/* A refusal counts in the view in which the vote was asked for. */
#ifdef MUTATION_NEWCOMER
#define IS_ASKED_HERE(j, r) 1
#else
#define IS_ASKED_HERE(j, r) (m[j].part[r].view == m[j].view)
#endif
#ifdef MUTATION_FELLOW
#define IS_BELIEVED(j, r, itsNumber) (!m[j].up && m[j].part[r].state == AGREED && IS_ASKED_HERE(j, r))
#else
#define IS_BELIEVED(j, r, itsNumber) (!m[j].up && m[j].part[r].state == AGREED && m[j].part[r].number == (itsNumber) \
  && IS_ASKED_HERE(j, r))
#endif
inline hearRefusal(j, r, itsNumber) {
  m[j].part[r].refusals = m[j].part[r].refusals & (15 - BIT(itsNumber));
  if
  :: IS_BELIEVED(j, r, itsNumber) ->
    printf("%d hears from another member that request %d is refused, and gives it up\n", j, r);
    request[r].givenUp = request[r].givenUp | BIT(m[j].part[r].number);
    tellRequester(j, r, itsNumber);
    decline(j, r)
  :: else
  fi;
  check()
}

/* At any later time. */
#define CAN_HEAR_OF_END(j, r) (!m[j].up && m[j].acting && (j) != REQUESTER(r) && m[j].part[r].state != NOTHING \
  && IN(request[r].givenUp, m[j].part[r].number) && !IN(told, m[j].part[r].number) && !IN(m[j].decided, r))
inline hearOfEnd(j, r) {
  printf("%d hears that its requester has given up request %d\n", j, r);
  decline(j, r);
  check()
}

#define CAN_DELIVER(j) (m[j].acting && m[j].view == view && IN(members, j) && m[j].length < length)
inline deliver(j) {
  printf("%d has transaction %d in its log\n", j, AT(m[j].length));
  log(j);
  t = 0;
  check()
}

inline enter(j) {
  do
  :: m[j].length < start -> log(j)
  :: else -> break
  od;
  t = 0
}

#define CAN_BEGIN(j) (IN(members, j) && m[j].promised == view && m[j].view != view && (IS_LINKED(j) || begunBy != NOBODY))
inline begin(j) {
  printf("%d begins view %d\n", j, view);
  enter(j);
  m[j].view = view; m[j].acting = true; m[j].round = false; m[j].refused = 0;
  begunBy = begunBy | BIT(j);
  say(j, MESSAGE(BEGUN, 0, 0, view));
#ifndef MUTATION_FELLOW
  m[j].part[0].refusals = 0; m[j].part[1].refusals = 0; /* those are of an earlier epoch */
#endif
  ask(j);
  OFFER(j, 0);
  OFFER(j, 1);
  check()
}

/* All are there and the coordinator isn't: they go on in an epoch of the same view. */
#define IS_THERE(j) (!IN(members, j) || (!m[j].up && m[j].view == view))
#define IS_BACK(j) (IN(members, j) && !m[j].acting)
#define CAN_GO_ON (rounds < ROUNDS && !quiet && IS_THERE(0) && IS_THERE(1) && IS_THERE(2) \
  && (IS_BACK(0) || IS_BACK(1) || IS_BACK(2)))
inline goOnAlone(j) {
  if
  :: IN(members, j) -> enter(j); m[j].acting = true; m[j].round = true; OFFER(j, 0); OFFER(j, 1)
  :: else
  fi
}
/* What nobody has in its log may be lost when an epoch begins. */
inline cut() {
  do
  :: length > m[0].length && length > m[1].length && length > m[2].length ->
    if
    :: true -> length--; history = history & ((1 << (2 * length)) - 1)
    :: true -> break
    fi
  :: else -> break
  od;
  start = length
}

/* The process that asked for it is gone. */
inline age(j, r) {
  if
  :: j == REQUESTER(r) && request[r].wanted != IDLE ->
    request[r].isOld = true;
    if
    :: request[r].wanted == WANTED -> request[r].wanted = OVER
    :: else
    fi
  :: else
  fi
}

#ifdef MUTATION_UNSYNCED_VOTE
#define IS_ON_DISK(j, r) (m[j].part[r].state == AGREED && !m[j].part[r].isUnsynced)
#else
#define IS_ON_DISK(j, r) (m[j].part[r].state == AGREED)
#endif
inline restart(j) {
  printf("%d is killed, and started again\n", j);
  crashes++;
  hangUp(j);
  m[j].acting = false; m[j].round = false; m[j].promised = 0; m[j].decided = 0; m[j].refused = 0;
  if
  :: !IS_ON_DISK(j, 0) -> drop(j, 0)
  :: else
  fi;
  if
  :: !IS_ON_DISK(j, 1) -> drop(j, 1)
  :: else
  fi;
  m[j].part[0].refusals = 0; m[j].part[1].refusals = 0;
  age(j, 0);
  age(j, 1);
  check()
}

/* ---- The coordinator's part ---- */

#define IS_STEADY (isConfirmed && flush == 0 && !isBroken)

inline tellCommitted(j) {
  if
  :: request[0].state == COMMIT && !(request[0].follows && request[1].state == COMMIT) ->
    tell(j, MESSAGE(COMMITTED, 0, 0, 0))
  :: else
  fi;
  if
  :: request[1].state == COMMIT -> tell(j, MESSAGE(COMMITTED, 1, 0, 0))
  :: else
  fi;
  if
  :: request[0].state == COMMIT && request[0].follows && request[1].state == COMMIT ->
    tell(j, MESSAGE(COMMITTED, 0, 0, 0))
  :: else
  fi
}

inline tellPrepare(j, r) {
  if
  :: request[r].state == VOTING && IN(request[r].awaited, j) ->
    tell(j, MESSAGE(PREPARE, r, request[r].voted, request[r].view))
  :: else
  fi
}

inline begunAt(j) {
  begun = begun | BIT(j);
  tellCommitted(j);
  tellPrepare(j, 0);
  tellPrepare(j, 1);
  if
  :: begun == members && !isConfirmed -> isConfirmed = true; membersBefore = members
  :: else
  fi
}

#ifdef MUTATION_ASKED
#define IS_TOLD(j, r) ((IN(members, j) && !IN(request[r].awaited, j)) || j == REQUESTER(r))
#else
#define IS_TOLD(j, r) (IN(request[r].asked, j) || j == REQUESTER(r))
#endif
inline tellAborted(j, r) {
  if
  :: IS_TOLD(j, r) -> tell(j, MESSAGE(ABORTED, r, 0, 0))
  :: else
  fi
}
inline tellAccepted(r) {
  if
  :: request[r].isUntold ->
    request[r].isUntold = false;
    tell(REQUESTER(r), MESSAGE(ACCEPTED, r, request[r].voted, 0))
  :: else
  fi
}
inline abort(r) {
  printf("coordinator: transaction %d is aborted\n", request[r].voted);
  tellAccepted(r);
  tellAborted(0, r);
  tellAborted(1, r);
  tellAborted(2, r);
  request[r].state = ABORT; request[r].awaited = 0; request[r].asked = 0; request[r].view = 0
}

/* On disk, then it is told. */
inline commit(r) {
  printf("coordinator: transaction %d is committed\n", request[r].voted);
  if
  :: IN_HISTORY(r) -> fault = 2
  :: else
  fi;
  request[r].state = COMMIT; request[r].awaited = members; request[r].asked = 0; request[r].view = 0;
  request[r].isOurs = true;
  request[r].follows = request[OTHER(r)].isOurs && request[OTHER(r)].state == COMMIT;
  committed = committed | BIT(request[r].voted);
#ifdef MUTATION_UNSYNCED_DECISION
  request[r].isUnsynced = true;
#endif
  if
  :: IN(members, 0) -> tell(0, MESSAGE(COMMITTED, r, 0, 0))
  :: else
  fi;
  if
  :: IN(members, 1) -> tell(1, MESSAGE(COMMITTED, r, 0, 0))
  :: else
  fi;
  if
  :: IN(members, 2) -> tell(2, MESSAGE(COMMITTED, r, 0, 0))
  :: else
  fi
}

inline answer(j, r) {
  if
  :: request[r].state == COMMIT -> tellCommitted(j)
  :: request[r].state == UNKNOWN || request[r].state == FORGOTTEN || request[r].state == ABORT ->
#ifdef MUTATION_PRESUMES
    if
    :: request[r].state == ABORT -> tell(j, MESSAGE(ABORTED, r, 0, 0))
    :: else -> tell(j, MESSAGE(COMMITTED, r, 0, 0))
    fi
#else
    tell(j, MESSAGE(ABORTED, r, 0, 0))
#endif
  :: else
  fi
}

#define IS_ENTRY_LOCKED(r) (SAME_ENTRY && (request[OTHER(r)].state == OPEN || request[OTHER(r)].state == VOTING))
inline accept(j, r) {
  if
  :: IS_ENTRY_LOCKED(r) || numbers == NUMBERS -> tell(j, MESSAGE(REFUSED, r, 0, 0))
  :: else ->
    numbers++;
    printf("coordinator: request %d is accepted as transaction %d\n", r, numbers);
    if
    :: IN(told | committed, numbers) -> fault = 4
    :: else
    fi;
    if
    :: r == 1 -> ofSecond = ofSecond | BIT(numbers)
    :: else -> ofSecond = ofSecond & (15 - BIT(numbers))
    fi;
    request[r].state = OPEN; request[r].voted = numbers; request[r].isOurs = false; request[r].follows = false;
    request[r].isUntold = true;
    if
    :: IS_STEADY -> skip /* the vote begins soon */
    :: else -> tellAccepted(r)
    fi
  fi
}

inline want(j, r) {
  if
  :: !IN(members, j) -> skip /* it asks again when it is in the view */
  :: IN(members, j) && (request[r].state == UNKNOWN || request[r].state == FORGOTTEN) -> accept(j, r)
  :: else ->
    request[r].isUntold = false;
    tell(j, MESSAGE(ACCEPTED, r, request[r].voted, 0));
    answer(j, r)
  fi
}

#ifdef MUTATION_VOTE
#define IS_FOR(r, itsNumber) 1
#else
#define IS_FOR(r, itsNumber) (request[r].voted == (itsNumber))
#endif
#define COUNTS(j, r, message) (request[r].state == VOTING && request[r].view == VIEW(message) \
  && IN(request[r].awaited, j) && IS_FOR(r, NUMBER(message)))
inline vote(j, r, isYes, itsNumber) {
  if
  :: itsNumber != request[r].voted && isYes -> fault = 5
  :: else
  fi;
  if
  :: !isYes -> abort(r)
  :: else ->
    request[r].awaited = request[r].awaited & (7 - BIT(j));
    if
    :: request[r].awaited == NOBODY -> commit(r)
    :: else
    fi
  fi
}

#ifdef MUTATION_FORGETS
#define IS_FORGOTTEN(r) true
#else
#define IS_FORGOTTEN(r) (request[r].awaited == NOBODY)
#endif
inline applied(j, r) {
  request[r].awaited = request[r].awaited & (7 - BIT(j));
  if
  :: IS_FORGOTTEN(r) ->
    printf("coordinator: request %d is forgotten\n", r);
    request[r].state = FORGOTTEN; request[r].awaited = NOBODY; request[r].isOurs = false
  :: else
  fi
}

inline take(j) {
  toCoordinator[j]?got;
  t = REQUEST(got);
  if
  :: KIND(got) == EDIT -> printf("coordinator: %d asks for request %d\n", j, t); want(j, t)
  :: (KIND(got) == YES || KIND(got) == NO) && COUNTS(j, t, got) ->
    printf("coordinator: %d votes %d on transaction %d\n", j, KIND(got) == YES, NUMBER(got));
    vote(j, t, (KIND(got) == YES), NUMBER(got))
  :: KIND(got) == APPLIED && request[t].state == COMMIT -> applied(j, t)
  :: KIND(got) == INQUIRE && IN(members, j) && isConfirmed ->
    printf("coordinator: %d inquires of request %d\n", j, t);
    answer(j, t)
  :: KIND(got) == BEGUN && VIEW(got) == view -> begunAt(j)
  :: else
  fi;
  got = 0; t = 0;
  check()
}

/* An edit ends with the process that asked for it. */
#ifdef MUTATION_ORPHAN
#define IS_ORPHAN(r) 0
#else
#define IS_ORPHAN(r) request[r].isOrphan
#endif
#define CAN_VOTE(r) (request[r].state == OPEN && IS_STEADY)
inline beginVote(r) {
  if
  :: !IN(members, REQUESTER(r)) || IS_ORPHAN(r) -> abort(r)
  :: else ->
    request[r].state = VOTING; request[r].view = view; request[r].asked = request[r].asked | members;
    request[r].awaited = members;
    tellPrepare(0, r);
    tellPrepare(1, r);
    tellPrepare(2, r);
    tellAccepted(r)
  fi;
  check()
}


/* ---- Views ---- */

/* What isn't decided is voted on anew in the next view. */
inline viewChanges(r) {
#ifndef MUTATION_VIEW
  if
  :: request[r].state == VOTING -> request[r].state = OPEN; request[r].awaited = 0; request[r].view = 0
  :: else
  fi
#else
  skip
#endif
}
inline change(who) {
  flushes++;
  flush = flushes;
  participants = who;
  reported = NOBODY;
  printf("coordinator: flush %d to %d\n", flush, who);
  viewChanges(0);
  viewChanges(1);
  check()
}
#define HAS_SAY(who) (((who) & members) != NOBODY && (isConfirmed || ((who) & membersBefore) != NOBODY))
#define CAN_CHANGE(who) (!quiet && flushes < VIEWS && ((who) & linked) == (who) && HAS_SAY(who))
/* When all is well the coordinator changes the view where that is needed, and takes in everybody. */
#define IS_ALL_LINKED(j) (!IN(GROUP, j) || IS_LINKED(j))
#define CANT_GO_ON(j) (IN(members, j) && (m[j].view == view -> !m[j].acting : m[j].promised != view))
#define MUST_CHANGE (quiet && flush == 0 && IS_ALL_LINKED(0) && IS_ALL_LINKED(1) && IS_ALL_LINKED(2) \
  && (isBroken || members != GROUP || CANT_GO_ON(0) || CANT_GO_ON(1) || CANT_GO_ON(2)) && flushes < VIEWS + 2)

#define CAN_REPORT(j) (flush != 0 && IN(participants, j) && !IN(reported, j) && IS_LINKED(j) && m[j].promised < flush)
inline report(j) {
  printf("%d promises %d\n", j, flush);
  m[j].promised = flush;
  m[j].acting = false; m[j].round = false;
  reported = reported | BIT(j)
}

inline goesOn(r) {
  if
  :: request[r].state == COMMIT -> request[r].awaited = members
#ifdef MUTATION_VIEW
  :: request[r].state == VOTING -> request[r].awaited = request[r].awaited & members; request[r].view = view
#endif
  :: else
  fi;
  request[r].isOrphan = request[r].isOld
}
/* Who isn't in it is sent away. */
inline sendAway(j) {
  if
  :: IN(linked, j) && !IN(members, j) -> linked = linked & (7 - BIT(j)); clear(toCoordinator[j])
  :: else
  fi
}
#define CAN_DECIDE (flush != 0 && reported == participants)
inline decide() {
  if
  :: IN(participants, sequencer) -> skip
  :: else -> sequencer = LOWEST(participants & members)
  fi;
  view = flush;
  members = participants;
  isConfirmed = false; isBroken = false; begun = NOBODY; begunBy = NOBODY;
  flush = 0; participants = NOBODY; reported = NOBODY;
  cut();
  printf("coordinator: view %d is decided: %d, after %d transactions\n", view, members, start);
  goesOn(0);
  goesOn(1);
  sendAway(0);
  sendAway(1);
  sendAway(2);
  check()
}

/* ---- Faults, and links ---- */

#ifdef MUTATION_UNSYNCED_DECISION
#define IS_IN_MEMORY(r) (request[r].state == OPEN || request[r].state == VOTING || request[r].isUnsynced)
#else
#define IS_IN_MEMORY(r) (request[r].state == OPEN || request[r].state == VOTING)
#endif
inline breakDown(r) {
  if
  :: IS_IN_MEMORY(r) ->
    request[r].isUntold = false;
    request[r].state = UNKNOWN; request[r].voted = 0; request[r].awaited = 0; request[r].asked = 0; request[r].view = 0
  :: else
  fi;
  request[r].isOurs = false
}
inline crash() {
  printf("the coordinator is killed, and started again\n");
  coordinatorCrashes++;
  linked = NOBODY; begun = NOBODY; isBroken = false; flush = 0; participants = NOBODY; reported = NOBODY;
  clear(toCoordinator[0]);
  clear(toCoordinator[1]);
  clear(toCoordinator[2]);
#ifdef MUTATION_NUMBER
  numbers = 0;
#endif
  breakDown(0);
  breakDown(1);
  check()
}

inline link(j) {
  printf("%d has a link to the coordinator\n", j);
  clear(toCoordinator[j]);
  m[j].up = true;
  linked = linked | BIT(j);
  if
  :: flush != 0 && IN(participants, j) -> flush = 0; participants = NOBODY; reported = NOBODY; isBroken = true
  :: else
  fi;
  if
  :: !IN(members, j) -> m[j].acting = false; m[j].round = false; m[j].decided = 0; m[j].refused = 0
  :: IN(members, j) && m[j].acting && m[j].view == view && !m[j].round -> begunAt(j)
  :: IN(members, j) && m[j].acting && (m[j].view != view || m[j].round) -> isBroken = true
  :: else
  fi;
  ask(j);
  check()
}

/* ---- Steps ---- */

#define FELLOW_STEPS(asker, r) \
  :: d_step { CAN_PASS_ON(me, asker, r) -> passOn(me, asker, r) } \
  :: d_step { CAN_REFUSE_FOR(me, asker, r) -> refuseFor(me, asker, r) }
#ifdef MUTATION_OFFER
#define ORDER_STEP(r)
#else
#define ORDER_STEP(r) :: d_step { CAN_ORDER(me, r) -> append(r); check() }
#endif
/* In the end a user who was asked may say nothing; who isn't asked agrees. */
#define MAY_ANSWER(j, r) (!quiet || j == REQUESTER(r))
#ifdef MUTATION_UNSYNCED_VOTE
#define SYNC_STEP(r) :: d_step { m[me].part[r].isUnsynced -> m[me].part[r].isUnsynced = false }
#else
#define SYNC_STEP(r)
#endif
#define MEMBER_STEPS(r) \
  :: d_step { me == REQUESTER(r) && IN(REQUESTS, r) && request[r].wanted == IDLE && m[me].acting && IS_LINKED(me) -> \
    request[r].wanted = WANTED; ask(me); check() } \
  :: d_step { CAN_LOCK(me, r) -> lock(me, r) } \
  :: d_step { m[me].part[r].state != NOTHING && m[me].acting && IS_LOGGED(r, me) -> drop(me, r) } \
  :: d_step { m[me].part[r].state == ASKED && MAY_ANSWER(me, r) -> agree(me, r) } \
  :: d_step { m[me].part[r].state == ASKED && REFUSALS && !quiet && me != REQUESTER(r) -> refuse(me, r) } \
  SYNC_STEP(r) \
  :: d_step { CAN_INQUIRE(me, r) -> printf("%d inquires of request %d\n", me, r); say(me, MESSAGE(INQUIRE, r, 0, 0)) } \
  FELLOW_STEPS(0, r) \
  FELLOW_STEPS(1, r) \
  FELLOW_STEPS(2, r) \
  ORDER_STEP(r) \
  :: d_step { CAN_HEAR_OF_END(me, r) -> hearOfEnd(me, r) } \
  :: d_step { IN(m[me].part[r].refusals, 1) -> hearRefusal(me, r, 1) } \
  :: d_step { IN(m[me].part[r].refusals, 2) -> hearRefusal(me, r, 2) } \
  :: d_step { IN(m[me].part[r].refusals, 3) -> hearRefusal(me, r, 3) }

proctype AMember(byte me) {
end:
  do
  :: d_step { m[me].up && len(toMember[me]) > 0 -> hear(me) }
  MEMBER_STEPS(0)
#if REQUESTS > 1
  MEMBER_STEPS(1)
#endif
  :: d_step { CAN_DELIVER(me) -> deliver(me) }
  :: d_step { CAN_REPORT(me) -> report(me) }
  :: d_step { CAN_BEGIN(me) -> begin(me) }
  :: d_step { m[me].up && !IN(linked, me) -> printf("%d notices that its link is lost\n", me); hangUp(me) }
  :: d_step { !m[me].up && IN(GROUP, me) -> link(me) }
  :: d_step { !quiet && losses < LOSSES && m[me].up ->
    printf("%d loses its link\n", me); losses++; hangUp(me); check() }
  :: d_step { !quiet && crashes < CRASHES && IN(GROUP, me) -> restart(me) }
  od
}

#define CHANGE(who) :: d_step { CAN_CHANGE(who) -> change(who) }
#ifdef MUTATION_UNSYNCED_DECISION
#define DECISION_STEP(r) :: d_step { request[r].isUnsynced -> request[r].isUnsynced = false }
#else
#define DECISION_STEP(r)
#endif
#define COORDINATOR_STEPS(r) \
  DECISION_STEP(r) \
  :: d_step { CAN_VOTE(r) -> beginVote(r) } \
  :: d_step { request[r].state == VOTING && (REFUSALS || quiet) -> abort(r); check() }

proctype TheCoordinator() {
end:
  do
  :: d_step { IN(linked, 0) && len(toCoordinator[0]) > 0 -> take(0) }
  :: d_step { IN(linked, 1) && len(toCoordinator[1]) > 0 -> take(1) }
  :: d_step { IN(linked, 2) && len(toCoordinator[2]) > 0 -> take(2) }
  COORDINATOR_STEPS(0)
#if REQUESTS > 1
  COORDINATOR_STEPS(1)
#endif
  CHANGE(1)
  CHANGE(2)
  CHANGE(3)
  CHANGE(4)
  CHANGE(5)
  CHANGE(6)
  CHANGE(7)
  :: d_step { MUST_CHANGE -> change(GROUP) }
  :: atomic { CAN_DECIDE -> decide() }
  :: d_step { !quiet && coordinatorCrashes < COORDINATOR_CRASHES -> crash() }
  :: atomic { CAN_GO_ON -> rounds++; printf("%d go on in a round\n", members); cut();
    d_step { goOnAlone(0); goOnAlone(1); goOnAlone(2); check() } }
  :: d_step { !quiet -> quiet = true }
  od
}

#define IS_PART_OVER(j) (m[j].part[0].state == NOTHING && m[j].part[1].state == NOTHING)
#define HAS_ALL(j) (!IN(GROUP, j) || (m[j].acting && m[j].length == length))
#define IS_OVER(r) (request[r].state != OPEN && request[r].state != VOTING && request[r].state != COMMIT \
  && (request[r].wanted == IDLE || request[r].wanted == OVER))
#define IS_DONE (IS_PART_OVER(0) && IS_PART_OVER(1) && IS_PART_OVER(2) && HAS_ALL(0) && HAS_ALL(1) && HAS_ALL(2) \
  && IS_OVER(0) && IS_OVER(1) && members == GROUP && isConfirmed)

/* Nothing goes on any more, while all are there. */
proctype TheEnd() {
end:
  timeout;
  if
  :: quiet && !isFull && !IS_DONE -> fault = 7; printf("fault %d\n", fault); assert(fault == 0)
  :: else
  fi
}

init {
  d_step {
    members = FIRST_VIEW; membersBefore = FIRST_VIEW; begun = FIRST_VIEW; begunBy = FIRST_VIEW; isConfirmed = true;
    do
    :: t < MEMBERS ->
      if
      :: IN(FIRST_VIEW, t) ->
        m[t].view = 1; m[t].promised = 1; m[t].acting = true; m[t].up = true; linked = linked | BIT(t)
      :: else
      fi;
      t++
    :: else -> break
    od;
    t = 0
  }
  atomic { run AMember(0); run AMember(1); run AMember(2); run TheCoordinator(); run TheEnd() }
}
