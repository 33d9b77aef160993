/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sleep, wake and kick: work for a vCPU is never left lying while its thread sleeps or its guest runs.
 *
 * The thread is vcpu_thread() with check_requests(), vcpu_enter(), vcpu_block(); wakers call
 * hf_vcpu_request() from other threads (device, socket), from the vCPU's own hrtimer callback
 * timer_expired(), from another vCPU's exit (wake_other()) and for STOP (hf_vcpu_stop()). "Work" is
 * what EL2 has for the guest: pended before the request, taken at FFA_RUN. The guest does anything:
 * waits, waits with a time-out, yields, or computes and leaves only when an interrupt arrives.
 * FFA_RUN with an interrupt pending comes back without having run the guest.
 *
 * With BORROWER senders run the vCPU in its thread's place (borrow()), for two exits at most.
 *
 * Proves: no two run a vCPU at a time, or one that waits without a request; no lost wake-up and no lost kick: work is always taken some time later, STOP always ends
 * the thread; nothing deadlocks. Reports L1 (the blocked vCPU), L3, L4, L5.
 * Not here: memory order (../litmus), which vCPU a message goes to (mailbox.pml).
 *
 * Sites:  hf_vcpu.c:(B) kick(), hf_vcpu.c:(C) check_requests(), hf_vcpu.c:(D) vcpu_enter(),
 *         hf_vcpu.c:(E) vcpu_block(), hf_vcpu.c:(N) take(), hf_vcpu.c:(O) give_back(),
 *         hf_vcpu.c:(P) borrow()
 *
 * Run:    one -DNVCPU=1 -DWAKERS=2 ltl=served
 * Run:    timer -DNVCPU=1 -DWAKERS=1 -DTIMED ltl=served
 * Run:    stop -DNVCPU=1 -DWAKERS=1 -DROUNDS=1 -DSTOPPER -DTIMED ltl=stopped,served
 * Run:    two -DNVCPU=2 -DWAKERS=1 -DROUNDS=1 -DOTHERS ltl=served
 * Run:    three -DNVCPU=3 -DWAKERS=1 -DROUNDS=1 ltl=served big
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

/* What the guest does next, as an exit. */
#define AGAIN		0
#define WAIT		1
#define WAIT_TIMED	2
#define OTHER		3

proctype vcpu_thread(byte v)
{
	byte taken, seen, exit;
	bool won, woken = false;
#ifdef OTHERS
	bool called = false;
#endif

loop:
	check_requests(v);
#ifdef BORROWER
	assert(!woken || taken != 0);		/* it runs for a reason */
#endif
	woken = false;
	if
	:: taken & REQ_STOP -> goto out
	:: else
	fi;

	/* vcpu_enter() */
	interrupts_on(v);
	runner[v] = v;
	mode[v] = IN_GUEST;			/* local_irq_disable(), (M) */
#ifndef NO_LAST_LOOK
	if					/* (D), then the last look */
	:: requests[v] != 0 ->
#ifdef CLEAR_AFTER_RUN
		skip
#else
		mode[v] = OUTSIDE;
		goto loop
#endif
	:: else
	fi;
#endif
#ifdef INTERRUPTS_ON
	interrupts_on(v);
#endif
	alone(v);
	if					/* hf_ffa_run() */
	:: ipi[v] -> exit = AGAIN
	:: atomic { !ipi[v] -> work[v] = false };
		if
		:: exit = AGAIN
		:: exit = WAIT
#ifdef TIMED
		:: exit = WAIT_TIMED
#endif
#ifdef OTHERS
		:: v == 1 && !called -> called = true; exit = OTHER
#endif
		:: skip ->			/* computes until it is interrupted */
end_computes:	ipi[v];
			exit = AGAIN
		fi
	fi;
	inside[v] = false;
	mode[v] = OUTSIDE;
	ipi[v] = false;				/* local_irq_enable(); isb() */
#ifdef CLEAR_AFTER_RUN
	requests[v] = requests[v] & REQ_STOP;
#endif

	/* handle_exit() */
	if
#ifdef OTHERS
	:: exit == OTHER ->
		work[(v + 1) % NVCPU] = true;
		hf_vcpu_request((v + 1) % NVCPU, REQ_WAKE)
#endif
	:: exit == WAIT ->
		vcpu_block(v);
		woken = true
#ifdef TIMED
	:: exit == WAIT_TIMED ->
		armed[v] = true;		/* hrtimer_start() */
		vcpu_block(v);
		woken = true
#endif
	:: else
	fi;
	goto loop;

out:
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
#define BORROW_EXITS 2

/* A sender: hf_vcpu_request_here(), which is make_request() and borrow() */
proctype borrower(byte me)
{
	byte seen, n, i, exit, taken;
	bool won;

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
		:: won && requests[0] == 0 -> goto back	/* served meanwhile */
		:: won && requests[0] != 0
#else
		:: else
#endif
		fi;
		stop_timer(0);
		exit = AGAIN;
		i = 0;
		do					/* run_borrowed() */
		:: exit == AGAIN && i < BORROW_EXITS ->
			i++;
			check_requests(0);
			assert(i > 1 || taken != 0);	/* it runs for a reason */
			interrupts_on(me);
			runner[0] = me;
			mode[0] = IN_GUEST;
			if
			:: requests[0] != 0 -> mode[0] = OUTSIDE
			:: else ->
				alone(0);
				if
				:: ipi[me] -> exit = AGAIN
				:: atomic { !ipi[me] -> work[0] = false };
					if
					:: exit = AGAIN
					:: exit = WAIT
#ifdef TIMED
					:: exit = WAIT_TIMED
#endif
					:: skip ->	/* computes until it is interrupted */
end_computes:					ipi[me];
						exit = AGAIN
					fi
				fi;
				inside[0] = false;
				mode[0] = OUTSIDE;
				ipi[me] = false
			fi
		:: break				/* need_resched(), or all exits used */
		od;
		if
#ifndef NO_WAKE_AFTER_LIMIT
		:: exit == AGAIN -> make_request(0, REQ_WAKE)
#endif
#ifdef TIMED
		:: exit == WAIT_TIMED -> armed[0] = true
#endif
		:: else
		fi;
back:		mode[0] = BLOCKED;			/* give_back(), (O), (P) */
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
