/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes: rung, masked, unmasked, pointed elsewhere, and ended.
 *
 * The word of a route as in hf_event.c: a target (the indexes of vCPU and number, A is 0 and 0, B is 1
 * and 1), MASKED, PENDING, LATE. A thread and a hard interrupt ring it, on any CPUs; with ONE_CPU
 * all that is no interrupt stands still while there is one. Whether a ring is within its VM's budget is
 * chosen anew each time. The delayed work is the kernel's: queued once at a time, not pending any more when it begins to run.
 *
 * Without ENDS the route is set to anything, SETS times, and at last unmasked, while it is rung through no
 * lock at all, as the kernel may. With ENDS it is rung by writes to an eventfd, whose wait queue has a lock
 * (hf_event_dev.c): it is deassigned by ioctl() or ends with its file, while the eventfd is closed.
 *
 * Proves: each ring reaches, after it came, a target that the route has had since; a ring, kept or not,
 * never reaches a mixture of two targets; one that was kept goes to the target that the route has when it
 * is taken out, and is taken out once; a masked route rings only for what had begun before; nobody touches
 * a route, or its eventfd, that is freed, work item included; a hard interrupt waits for nobody that it
 * interrupted. Report L2, L3.
 * Not here: memory order (../litmus), how a vCPU is woken (vcpu_sleep.pml). A ring that is kept because of
 * MASKED when its route ends goes with it.
 *
 * Sites:  hf_event.c:(S) hf_event_ring(), hf_event.c:(T) hf_event_set(), hf_event.c:(U) ring_late(),
 *         hf_event.c:hf_event_end(), hf_event_dev.c:eventfd_woken(), hf_event_dev.c:end_route(),
 *         hf_event_dev.c:end_closed_routes()
 *
 * Run:    set big
 * Run:    one-cpu -DONE_CPU
 * Run:    end -DENDS
 *
 * Mutant: UNMASKED_BLIND set: L3: a route is unmasked without a second look at what was kept
 * Mutant: RING_LEFT_BEHIND set: L2: a kept ring does not go along with a new target
 * Mutant: ROUTE_TORN set: L2: a route is replaced by two stores
 * Mutant: SECOND_COPY set: L2: the work item rings the target that the route had when the ring was kept
 * Mutant: OLD_TARGET set: L2: who unmasks rings where the route pointed before
 * Mutant: READ_TWICE set: L2: a ring reads the mask first, then the target
 * Mutant: RING_STORES set: L3: a ring is kept by a store: the route may have been unmasked since
 * Mutant: SET_STORES set: L3: a route is replaced by a store: a ring may have been kept since
 * Mutant: LATE_STORES set: L3: the same in the work item
 * Mutant: LATE_RINGS_MASKED set: the work item rings a route that was masked
 * Mutant: LATE_FORGETS set: L3: the work item takes a ring out of a masked route
 * Mutant: LATE_TWICE set: who unmasks rings what the work item will ring, too
 * Mutant: WORK_FORGOTTEN set: a ring beyond the budget is kept, and no work item queued
 * Mutant: SET_LOCKED one-cpu: the word is changed under a lock, with interrupts on
 * Mutant: FREE_FIRST end: a route is freed before its work item is flushed
 * Mutant: FLUSH_FIRST end: the work item is flushed while the route can still be rung
 * Mutant: FLUSH_UNWAITED end: a work item that runs is not waited for
 * Mutant: LATE_CANCELLED end: a ring beyond the budget goes with its route, though that is not masked
 * Mutant: QUEUE_FORGOTTEN end: a route is freed that is still in its eventfd's queue
 * Mutant: EVENTFD_BORROWED end: the route holds no reference to its eventfd
 * Mutant: ENDED_BY_CLOSE end: the close of the eventfd ends the route where it is seen
 */

#define RINGS	2		/* of the thread; the interrupt rings once */
#ifdef ONE_CPU
#define SETS	1
#else
#define SETS	2
#endif

/* The word */
#define VCPU	1
#define NUMBER	2
#define TARGET	3
#define MASKED	4
#define PENDING	8
#define LATE	16

#define A	0
#define B	3

/* Who does something, by index; the first two ring. */
#define THREAD		0
#define INTERRUPT	1
#define SETTER		2
#define WORK		3
#define PARTIES		4

byte word = A;
byte copy = A;			/* SECOND_COPY */
bool queued, running;		/* event->late */
bool route_freed;

bool in_interrupt;
byte ringers_left = 2;
bool all_set;

/* Targets that the route has had since a party began, a bit each; and those that it had unmasked. */
byte targets[2];
byte open[PARTIES];
bool untold[2];
byte rings;			/* that have reached nothing */

#define BIT(w)		(((w) & TARGET) == A -> 1 : 2)
#define OPEN_BIT(w)	((w) & MASKED -> 0 : BIT(w))
#ifdef ONE_CPU
#define UNLESS_INTERRUPTED	provided (!in_interrupt)
#else
#define UNLESS_INTERRUPTED
#endif

/* From here on the party may act on what the route is now, and on what it will be. */
inline begin(p)
{
	open[p] = OPEN_BIT(word)
}

/* The word was replaced. */
inline note_all()
{
	targets[THREAD] = targets[THREAD] | BIT(word);
	targets[INTERRUPT] = targets[INTERRUPT] | BIT(word);
	open[THREAD] = open[THREAD] | OPEN_BIT(word);
	open[INTERRUPT] = open[INTERRUPT] | OPEN_BIT(word);
	open[WORK] = open[WORK] | OPEN_BIT(word)
}

inline reach(p, w)
{
	atomic {
		assert(!route_freed);
		assert(((w) & TARGET) == A || ((w) & TARGET) == B);
		assert(open[p] & BIT(w));
		assert(rings > 0);
		rings--;
		if
		:: targets[THREAD] & BIT(w) -> untold[THREAD] = false
		:: else
		fi;
		if
		:: targets[INTERRUPT] & BIT(w) -> untold[INTERRUPT] = false
		:: else
		fi
	}
}

/* atomic64_try_cmpxchg() */
inline replace(seen, new, done)
{
	atomic {
		assert(!route_freed);
		if
		:: word == seen -> word = new; done = true
		:: else -> seen = word
		fi
	}
}

#ifdef SET_LOCKED
bool word_locked;
#define LOCK_WORD()	atomic { !word_locked -> word_locked = true };
#define UNLOCK_WORD()	word_locked = false;
#else
#define LOCK_WORD()
#define UNLOCK_WORD()
#endif

/* Local, and so part of the step before */
inline keep()
{
	if
	:: seen & (MASKED | LATE) -> kept = PENDING
	:: !(seen & (MASKED | LATE)) -> kept = PENDING | LATE
	:: !(seen & (MASKED | LATE)) -> kept = 0
	fi
}

inline hf_event_ring(p)
{
	atomic {
		assert(!route_freed);
		begin(p);
		targets[p] = BIT(word);
		rings++;
		untold[p] = true;
		seen = word;
		keep()
	};
	LOCK_WORD()
	do
	:: !kept ->
#ifdef READ_TWICE
		seen = word;
#endif
		reach(p, seen);
		break
	:: atomic {
			kept ->
#ifdef RING_STORES
			word = seen | kept;
			done = true;
#else
			replace(seen, seen | kept, done);	/* (S) */
#endif
			if
			:: !done -> keep()
			:: else ->
#ifdef SECOND_COPY
				copy = seen;
#endif
				done = false;
				break
			fi
		}
	od;
	if
	:: kept & LATE ->
#ifndef WORK_FORGOTTEN
		atomic { assert(!route_freed); queued = true };
#endif
		skip
	:: else
	fi;
	UNLOCK_WORD()
	atomic { kept = 0; seen = 0 }	/* stale values only multiply the states */
}

#ifdef ENDS
/* The eventfd: its context, its wait queue, and the lock of that */
bool context_freed;
byte references = 2;		/* the open eventfd, the route */
bool queue_locked;
bool in_queue = true;
bool closed;
bool file_locked;		/* the file of /dev/hafnium */
bool assigned = true;
bool all_ended;

inline lock_queue()
{
	atomic { !queue_locked -> assert(!context_freed); queue_locked = true }
}

inline unlock_queue()
{
	queue_locked = false
}

/* eventfd_woken(), by a write */
inline ring(p)
{
	lock_queue();
	if
	:: in_queue -> hf_event_ring(p)
	:: else
	fi;
	unlock_queue()
}
#else
#define ring(p)	hf_event_ring(p)
#endif

proctype thread() UNLESS_INTERRUPTED
{
	byte seen, kept, n;
	bool done;

	for (n : 1 .. RINGS) {
		ring(THREAD)
	}
	ringers_left--
}

proctype interrupt()
{
	byte seen, kept;
	bool done;

	in_interrupt = true;
	ring(INTERRUPT);
	atomic { in_interrupt = false; ringers_left-- }
}

/* ring_late() */
proctype late() UNLESS_INTERRUPTED
{
	byte seen, new;
	bool done;

end:	do
	:: atomic { queued -> queued = false; running = true };
		atomic { assert(!route_freed); seen = word };
		do
		:: atomic {
				new = seen & (TARGET | MASKED | PENDING);
				if
#ifdef LATE_FORGETS
				:: true -> new = new & (TARGET | MASKED)
#else
				:: !(seen & MASKED) -> new = new & TARGET
#endif
#ifdef LATE_RINGS_MASKED
				:: seen & MASKED -> new = new & (TARGET | MASKED)
#endif
				:: else
				fi
			};
			atomic {
#ifdef LATE_STORES
				word = new;
				done = true;
#else
				replace(seen, new, done);	/* (U) */
#endif
				if
				:: done -> begin(WORK); break
				:: else
				fi
			}
		od;
#ifdef SECOND_COPY
		new = (new & (MASKED | PENDING | LATE)) | (copy & TARGET);
#endif
#ifdef LATE_FORGETS
		if
		:: (seen & PENDING) && !(new & (PENDING | MASKED)) -> reach(WORK, new)
		:: else
		fi;
#else
		if
		:: (seen & PENDING) && !(new & PENDING) -> reach(WORK, new)
		:: else
		fi;
#endif
		atomic {
			seen = 0;
			new = 0;
			done = false;
			open[WORK] = 0;
			running = false
		}
	od
}

/* hf_event_set(), of which there is one at a time: the file's lock */
inline hf_event_set()
{
	LOCK_WORD()
	atomic { assert(!route_freed); seen = word };
#ifdef ROUTE_TORN
	word = (seen & (NUMBER | MASKED | PENDING | LATE)) | (target & VCPU);
#endif
	do
	:: atomic {
			new = target | (seen & (PENDING | LATE));
			if
#ifdef RING_LEFT_BEHIND
			:: true -> new = new & (TARGET | MASKED | LATE)
#else
			:: !(new & (MASKED | LATE)) -> new = new & (TARGET | MASKED | LATE)
#endif
			:: else
			fi
		};
		atomic {
#ifdef SET_STORES
			word = new;
			done = true;
#else
			replace(seen, new, done);	/* (T) */
#endif
			if
			:: done -> begin(SETTER); note_all(); break
			:: else
			fi
		}
	od;
	UNLOCK_WORD()
#ifdef OLD_TARGET
#define REACHED	seen
#else
#define REACHED	new
#endif
#ifdef UNMASKED_BLIND
#define IS_TAKEN_OUT	false
#elif defined(LATE_TWICE)
#define IS_TAKEN_OUT	((seen & PENDING) && !(new & MASKED))
#else
#define IS_TAKEN_OUT	((seen & PENDING) && !(new & (PENDING | MASKED)))
#endif
	if
	:: IS_TAKEN_OUT -> reach(SETTER, REACHED)
	:: else
	fi;
	atomic { seen = 0; new = 0; done = false; open[SETTER] = 0 }
}

inline choose_target()
{
	if
	:: target = A
	:: target = B
	:: target = A | MASKED
	:: target = B | MASKED
	fi
}

proctype setter() UNLESS_INTERRUPTED
{
	byte seen, new, target, n;
	bool done;

	for (n : 1 .. SETS) {
		choose_target();
		hf_event_set()
	}
#ifndef ENDS
	if
	:: target = A
	:: target = B
	fi;
	hf_event_set()
#endif
	atomic { target = 0; all_set = true }
}

#ifdef ENDS
inline lock_file()
{
	atomic { !file_locked -> file_locked = true }
}

inline unlock_file()
{
	file_locked = false
}

inline put_context()
{
	atomic {
		assert(!context_freed);
		references--;
		if
		:: !references -> context_freed = true
		:: else
		fi
	}
}

inline hf_event_end()
{
#ifdef LATE_CANCELLED
	queued = false;
#endif
#ifdef FLUSH_UNWAITED
	!queued					/* flush_delayed_work() */
#else
	!queued && !running
#endif
}

inline end_route()
{
	atomic { assert(assigned); assigned = false };
#ifdef FLUSH_FIRST
	hf_event_end();
#endif
#ifndef QUEUE_FORGOTTEN
	lock_queue();			/* eventfd_ctx_remove_wait_queue() */
	in_queue = false;
	unlock_queue();
#endif
#ifdef FREE_FIRST
	route_freed = true;
#endif
#ifndef FLUSH_FIRST
	hf_event_end();
#endif
#ifndef EVENTFD_BORROWED
	put_context();
#endif
	route_freed = true
}

/* The last reference to the eventfd's file is gone: nobody writes any more. */
proctype eventfd_close()
{
	atomic {
		!ringers_left;
#ifdef EVENTFD_BORROWED
		references--
#endif
	};
	lock_queue();			/* EPOLLHUP */
	if
	:: in_queue ->
#ifdef ENDED_BY_CLOSE
		end_route()
#else
		closed = true
#endif
	:: else
	fi;
	unlock_queue();
	put_context()
}

/* An ioctl() that sets the route, is about another one, or deassigns this one; then the end of the file */
proctype ending()
{
	byte seen, new, target;
	bool done;

	if
	:: lock_file();				/* do_update() */
		choose_target();
		hf_event_set();
		target = 0;
		unlock_file()
	:: lock_file();				/* event_ioctl() */
		if				/* end_closed_routes() */
		:: closed && assigned -> end_route()
		:: else
		fi;
		unlock_file()
	:: lock_file();				/* deassign() */
		if
		:: assigned -> end_route()
		:: else
		fi;
		unlock_file()
	:: true
	fi;
	lock_file();				/* event_release() */
	if
	:: assigned -> end_route()
	:: else
	fi;
	unlock_file();
	all_ended = true
}
#endif

init {
	atomic {
		run thread();
		run interrupt();
		run late();
#ifdef ENDS
		run eventfd_close();
		run ending()
#else
		run setter()
#endif
	};
#ifdef ENDS
	atomic {
		all_ended && context_freed ->
		assert(route_freed && !queued && !running);
		assert((word & MASKED) || (!untold[THREAD] && !untold[INTERRUPT]))
	}
#else
	atomic { all_set && !ringers_left && !queued && !running -> assert(!untold[THREAD] && !untold[INTERRUPT]) }
#endif
}
