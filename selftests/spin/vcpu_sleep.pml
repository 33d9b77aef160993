/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sleep, wake and kick: work for a vCPU is never left lying while its thread sleeps or its guest runs.
 *
 * The thread is vcpu_thread() with vcpu_block(), serve_vcpu(), run_vcpu(), vcpu_enter(); wakers call
 * hf_vcpu_request() from other threads (device, socket), from the vCPU's own hrtimer callback
 * timer_expired(), from another vCPU's exit (wake_other()) and for STOP (hf_vcpu_stop()). "Work" is
 * what EL2 has for the guest: pended before the request, taken at FFA_RUN. The guest does anything:
 * waits, waits with a time-out, yields, or computes and leaves only when an interrupt arrives.
 * FFA_RUN with an interrupt pending comes back without having run the guest.
 *
 * With BORROWER senders run the vCPU in its thread's place (run_inline()). With ASLEEP the threads sleep
 * already, and do not begin with WAKE.
 *
 * Proves: no two run a vCPU at a time, or one that waits without a request; no lost wake-up and no lost
 * kick: work is always taken some time later, STOP always ends the thread; nothing deadlocks. Reports L1
 * (the blocked vCPU), L3, L4, L5.
 * Not here: memory order (../litmus), which vCPU a message goes to (mailbox.pml).
 *
 * Sites:  hf_vcpu.c:(B) kick_runner(), hf_vcpu.c:(C) check_requests(), hf_vcpu.c:(D) vcpu_enter(),
 *         hf_vcpu.c:(E) vcpu_block(), hf_vcpu.c:(N) take_vcpu(), hf_vcpu.c:(O) give_back(),
 *         hf_vcpu.c:(P) run_inline(), hf_vcpu.c:serve_vcpu(), hf_vcpu.c:run_vcpu(), hf_ffa.c:hf_ffa_run()
 *
 * Run:    one -DNVCPU=1 -DWAKERS=2 ltl=served
 * Run:    timer -DNVCPU=1 -DWAKERS=1 -DTIMED ltl=served
 * Run:    stop -DNVCPU=1 -DWAKERS=1 -DROUNDS=1 -DSTOPPER -DTIMED ltl=stopped,served
 * Run:    two -DNVCPU=2 -DWAKERS=1 -DROUNDS=1 -DOTHERS ltl=served
 * Run:    three -DNVCPU=3 -DWAKERS=1 -DROUNDS=1 -DASLEEP ltl=served
 * Run:    borrow -DNVCPU=1 -DWAKERS=1 -DBORROWER ltl=served big
 * Run:    kick_runner -DNVCPU=1 -DWAKERS=1 -DBORROWER -DROUNDS=1 ltl=served
 * Run:    borrow_two -DNVCPU=1 -DWAKERS=0 -DBORROWER -DBORROWER2 -DROUNDS=1 ltl=served
 * Run:    borrow_timer -DNVCPU=1 -DWAKERS=0 -DBORROWER -DTIMED -DROUNDS=1 ltl=served
 *
 * Mutant: KICK_WITHOUT_REQUEST one: L4: the thread is woken, finds no reason and sleeps again
 * Mutant: REQUEST_WITHOUT_KICK one: nobody wakes the sleeping thread
 * Mutant: KICK_BEFORE_REQUEST one: L4: the kick finds a thread that goes to sleep before the request
 * Mutant: BIT_BEFORE_PAYLOAD one: L4: the request is used up before the work is there
 * Mutant: READ_THEN_CLEAR stop: L3, L4: STOP arrives between the read and the clear, and vanishes
 * Mutant: CLEAR_AFTER_RUN one: L3: the requests are cleared after the run that should serve them
 * Mutant: NO_LAST_LOOK stop: STOP before "in guest" is not kicked, and the guest computes for ever
 * Mutant: INTERRUPTS_ON stop: STOP's IPI is taken between the last look and FFA_RUN
 * Mutant: PMR_MASKED stop: the priority mask keeps STOP's IPI from EL2
 * Mutant: SLEEP_WITHOUT_LOOK one: L1: a request before "blocked" is not looked at
 * Mutant: LOOK_BEFORE_BLOCKED one: L1, L4: the look comes before the waker can see that we sleep
 * Mutant: STATE_AFTER_LOOK one: L4: the wake-up comes between the look and the task state
 * Mutant: EXITING_BY_STORE one: a late kicker overwrites "blocked", later wakers rely on his IPI
 * Mutant: NO_IPI one: the guest computes on
 * Mutant: NO_WAKE one: the thread sleeps on
 * Mutant: PENDING_SKIPS_REQUEST stop: L4, L5: another request is pending, so STOP is not made
 * Mutant: TIMER_WITHOUT_REQUEST timer: L4: the callback wakes the thread without saying why
 * Mutant: TAKE_BY_STORE borrow_two: two find the vCPU free and both run it
 * Mutant: NO_LOOK_AFTER borrow: L1: a request before "blocked" is not looked at when it is given back
 * Mutant: NO_WAKE_AFTER_LIMIT borrow: the guest goes on after the last exit, and nobody runs it
 * Mutant: BORROW_UNTAKEN borrow: the sender runs a vCPU whose thread is awake
 * Mutant: TAKE_IS_ENOUGH borrow: a vCPU that waits again is run for a request that was served
 * Mutant: NO_SECOND_LOOK borrow: who found nothing to do misses the request that finds it so
 * Mutant: KICK_THE_THREAD kick_runner: the IPI goes to the thread while a sender runs the vCPU
 */

#ifndef ROUNDS
#define ROUNDS 2
#endif

#ifdef BORROWER2
#define NTASK (NVCPU + 2)
#elif defined(BORROWER)
#define NTASK (NVCPU + 1)
#endif
#include "hf_vcpu.inc"

bool work[NVCPU];	/* at EL2, for the guest */
bool armed[NVCPU];	/* the vCPU's hrtimer */
bool in_callback[NVCPU];
bool ended[NVCPU];	/* the thread has ended */
bool inside[NVCPU];	/* somebody is in FFA_RUN for it */

inline alone(v)
{
	atomic { assert(!inside[v]); inside[v] = true }
}

/* vcpu->deadline: what the last exit says the vCPU has to do */
#define AGAIN		0
#define WAIT		1
#define WAIT_TIMED	2
byte deadline[NVCPU];

/*
 * run_vcpu(): task t runs vCPU u, which it has taken. @may_return: others may want the CPU, there may be no
 * memory for hf_rx_refill(), or all exits are used up. A thread comes back to where it was, then.
 */
inline run_vcpu(u, t, may_return)
{
	ran = false;
	do
	:: may_return -> break
	:: true ->
		check_requests(u);
#ifdef BORROWER
		assert(ran || taken != 0);	/* it runs for a reason */
#endif
		if
		:: taken & REQ_STOP -> make_request(u, REQ_STOP); break
		:: else -> deadline[u] = AGAIN
		fi;

		/* vcpu_enter() */
		interrupts_on(t);
		atomic { runner[u] = t; mode[u] = IN_GUEST };	/* local_irq_disable(), (M) */
#ifndef NO_LAST_LOOK
		if				/* (D), then the last look */
		:: requests[u] != 0 ->
#ifdef CLEAR_AFTER_RUN
			skip
#else
			mode[u] = OUTSIDE;
			ran = true;
			goto more
#endif
		:: else
		fi;
#endif
#ifdef INTERRUPTS_ON
		interrupts_on(t);
#endif
		alone(u);
		if				/* hf_ffa_run() */
		:: ENDS_RUN(t) -> skip
		:: atomic { !ENDS_RUN(t) -> work[u] = false };
			if
			:: skip
			:: deadline[u] = WAIT
#ifdef TIMED
			:: deadline[u] = WAIT_TIMED
#endif
#ifdef OTHERS
			:: u == 1 && !called -> called = true; other = true
#endif
			:: skip ->		/* computes until it is interrupted */
end_computes:			ENDS_RUN(t)
			fi
		fi;
		atomic { inside[u] = false; mode[u] = OUTSIDE };
#ifdef OTHERS
		if				/* hf_exit_take(): wake_other() */
		:: other ->
			work[(u + 1) % NVCPU] = true;
			hf_vcpu_request((u + 1) % NVCPU, REQ_WAKE)
		:: else
		fi;
#endif
		atomic { ipi[t] = false; ran = true };	/* local_irq_enable(); isb() */
#ifdef CLEAR_AFTER_RUN
		requests[u] = requests[u] & REQ_STOP;
#endif
		if
#ifdef OTHERS
		:: other -> other = false
		:: !other && deadline[u] == AGAIN -> break
#else
		:: deadline[u] == AGAIN -> break	/* HF_EXIT_INTERRUPT, HF_EXIT_YIELD */
#endif
		:: deadline[u] != AGAIN && requests[u] == 0 -> break
		:: else
		fi;
more:		skip
	od
}

/* serve_vcpu() */
inline serve(u, t, may_return)
{
	stop_timer(u);
	run_vcpu(u, t, may_return);
	if
#ifndef NO_WAKE_AFTER_LIMIT
	:: deadline[u] == AGAIN -> make_request(u, REQ_WAKE); deadline[u] = WAIT
#endif
#ifdef TIMED
	:: deadline[u] == WAIT_TIMED -> armed[u] = true	/* start_timer() */
#endif
	:: else
	fi
}

proctype vcpu_thread(byte v)
{
	byte taken, seen;
	bool won, ran;
#ifdef OTHERS
	bool called, other;
#endif

	do
	::
		vcpu_block(v);
		if				/* has_to_stop() */
		:: requests[v] & REQ_STOP -> break
		:: else
		fi;
		serve(v, v, false);
		atomic {
			mode[v] = BLOCKED;	/* (O) give_back() */
			taken = 0;		/* stale values only multiply the states */
			seen = 0;
			won = false;
			ran = false
		}
	od;
	ended[v] = true
}

/* Anybody with work: a device's interrupt, a message, from any context. */
proctype waker()
{
	byte seen, n, v;
	bool won;

	for (n : 1 .. ROUNDS) {
#if NVCPU == 1
		v = 0;
#else
		select (v : 0 .. NVCPU - 1);
#endif
#ifdef BIT_BEFORE_PAYLOAD
		hf_vcpu_request(v, REQ_MESSAGE);
		work[v] = true
#else
		work[v] = true;			/* HF_INTERRUPT_INJECT, or a message */
		hf_vcpu_request(v, REQ_MESSAGE)
#endif
	}
}

#ifdef BORROWER
/* A sender: hf_vcpu_request_here(), which is make_request() and run_inline() */
proctype borrower(byte me)
{
	byte seen, n, taken;
	bool won, ran;

	for (n : 1 .. ROUNDS) {
		work[0] = true;
		make_request(0, REQ_MESSAGE);
#ifdef BORROW_UNTAKEN
		mode[0] = OUTSIDE; won = true;
#else
		take(0);
#endif
		if
		:: !won -> kick(0); goto next
#ifndef TAKE_IS_ENOUGH
		:: won && requests[0] == 0	/* served meanwhile */
		:: won && requests[0] != 0 -> serve(0, me, true)
#else
		:: else -> serve(0, me, true)
#endif
		fi;
		mode[0] = BLOCKED;			/* give_back(), (O), (P) */
#ifndef NO_LOOK_AFTER
		if
		:: requests[0] != 0 -> idle[0] = false
		:: else
		fi;
#endif
next:		skip
	}
}
#endif

#ifdef TIMED
/* timer_expired(), hard interrupt */
proctype timer(byte v)
{
	byte seen;
	bool won;

end:	do
	:: atomic { armed[v] -> armed[v] = false; in_callback[v] = true };
		work[v] = true;			/* the guest's own timer is due */
#ifdef TIMER_WITHOUT_REQUEST
		kick(v);
#else
		hf_vcpu_request(v, REQ_TIMER);
#endif
		in_callback[v] = false
	od
}
#endif

#ifdef STOPPER
/* hf_vcpu_stop() */
proctype stopper()
{
	byte seen;
	bool won;

	hf_vcpu_request(0, REQ_STOP);
	ended[0]					/* kthread_stop() */
}
#endif

init {
	byte i;

	atomic {
		for (i : 0 .. NVCPU - 1) {
#ifndef ASLEEP
			requests[i] = REQ_WAKE;		/* vcpu_thread() begins */
#endif
			mode[i] = BLOCKED;
			deadline[i] = WAIT;
			run vcpu_thread(i);
#ifdef TIMED
			run timer(i)
#endif
		}
#if WAKERS > 0
		for (i : 1 .. WAKERS) {
			run waker()
		}
#endif
#ifdef BORROWER
		run borrower(NVCPU);
#endif
#ifdef BORROWER2
		run borrower(NVCPU + 1);
#endif
#ifdef STOPPER
		run stopper()
#endif
	}
}

#ifndef NO_LTL
ltl served { [] (work[0] -> <> (!work[0] || ended[0])) }
#ifdef STOPPER
ltl stopped { <> ended[0] }
#endif
#endif
