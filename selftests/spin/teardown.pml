/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Teardown: every thread ends, whatever it is doing, and nobody touches what is freed.
 *
 * Module exit as in hf_vm.c: hf_vm_stop_all() stops the vCPUs one after the other (hf_vcpu_stop():
 * STOP, kthread_stop(), hrtimer_cancel()), hf_mailbox_purge_all() ends retry_work, then
 * hf_vm_destroy_all() frees the vCPUs and the references to their tasks. Meanwhile the late wakers
 * do what they like: threads of other VMs that still run (wake_other(), hf_mailbox_arrived()), a vCPU's
 * own timer, the delayed work. The guests wait, wait with a time-out, or compute for ever; a VM may
 * have aborted, its thread then sleeps and is never to run it again.
 *
 * Proves: every thread ends and everything is freed; no request, kick or timer after that; no thread
 * enters a guest after its VM aborted.
 * Not here: memory order (../litmus), sockets (they hold the module), RX/TX pages, death_work (it makes
 * no request).
 *
 * Sites:  hf_vcpu.c:(B) kick_runner(), hf_vcpu.c:(D) vcpu_enter(), hf_vcpu.c:(E) vcpu_block(),
 *         hf_vcpu.c:hf_vcpu_stop(), hf_vm.c:hf_vm_stop_all(), hf_vm.c:hf_vm_destroy_all()
 *
 * Run:    threads -DNVCPU=2 ltl=all_end
 * Run:    timer -DNVCPU=1 -DTIMED -DWORK ltl=all_end
 *
 * Mutant: NO_STOP_REQUEST threads: kthread_stop() alone wakes a thread that finds no request
 * Mutant: REQUEST_WITHOUT_KICK threads: nobody wakes the thread, or gets its guest to exit
 * Mutant: PENDING_SKIPS_REQUEST threads: L4: a late waker's request is pending, so STOP is not made
 * Mutant: READ_THEN_CLEAR threads: STOP arrives between the read and the clear
 * Mutant: NO_LAST_LOOK threads: STOP before "in guest" is not kicked
 * Mutant: SLEEP_WITHOUT_LOOK threads: STOP before "blocked" is not looked at
 * Mutant: FREE_ONE_BY_ONE threads: a vCPU is freed while other VMs' threads still kick it
 * Mutant: FREE_BEFORE_END threads: kthread_stop() is not waited for
 * Mutant: TIMER_NOT_CANCELLED timer: the timer expires after the vCPU was freed
 * Mutant: WORK_NOT_CANCELLED timer: the delayed work runs after the vCPU was freed
 * Mutant: RUN_ABORTED timer: a request runs a vCPU that has aborted
 */

#include "hf_vcpu.inc"

bool ended[NVCPU];
bool freed[NVCPU];
bool all_freed;
bool aborted[NVCPU];
bool armed[NVCPU];
bool in_callback[NVCPU];
bool work_armed, in_work;

/* A request of a vCPU that is there. */
inline request(v, r)
{
	assert(!freed[v]);
	hf_vcpu_request(v, r);
	assert(!freed[v])
}

#define AGAIN		0
#define WAIT		1
#define WAIT_TIMED	2
#define OTHER		3
#define ABORTED		4

proctype vcpu_thread(byte v)
{
	byte taken, seen, exit = WAIT;
	bool won, called;

	do
	::
		vcpu_block(v);
		if				/* has_to_stop() */
		:: requests[v] & REQ_STOP -> break
		:: else
		fi;
		stop_timer(v);			/* serve_vcpu() */
		do				/* run_vcpu() */
		::
			check_requests(v);
			if
			:: taken & REQ_STOP -> make_request(v, REQ_STOP); break
			:: else
			fi;
#ifndef RUN_ABORTED
			if			/* switch_on() */
			:: aborted[v] -> exit = WAIT; break
			:: else
			fi;
#endif
			exit = AGAIN;
			interrupts_on(v);
			runner[v] = v;
			mode[v] = IN_GUEST;
#ifndef NO_LAST_LOOK
			if
			:: requests[v] != 0 -> mode[v] = OUTSIDE; goto more
			:: else
			fi;
#endif
			assert(!aborted[v]);
			if
			:: ENDS_RUN(v)
			:: else ->
				if
				:: exit = WAIT
#ifdef TIMED
				:: exit = WAIT_TIMED
#endif
#if NVCPU > 1
				:: !called -> called = true; exit = OTHER
#endif
				:: exit = ABORTED
				:: skip ->	/* computes until it is interrupted */
end_computes:				ENDS_RUN(v)
				fi
			fi;
			mode[v] = OUTSIDE;
			if			/* hf_exit_take() */
			:: exit == OTHER ->	/* wake_other(), or a message to another VM */
				request((v + 1) % NVCPU, REQ_WAKE)
			:: exit == ABORTED ->
				aborted[v] = true;
				exit = WAIT
			:: else
			fi;
			ipi[v] = false;
#ifdef WORK
			if
			:: work_armed = true	/* queue_delayed_work() */
			:: skip
			fi;
#endif
			if
			:: exit == AGAIN -> break	/* HF_EXIT_INTERRUPT */
			:: (exit == WAIT || exit == WAIT_TIMED) && requests[v] == 0 -> break
			:: else
			fi;
more:			skip
		od;
		if
		:: exit == AGAIN -> make_request(v, REQ_WAKE)
#ifdef TIMED
		:: exit == WAIT_TIMED -> armed[v] = true
#endif
		:: else
		fi;
		atomic {
			mode[v] = BLOCKED;	/* give_back() */
			exit = WAIT;		/* stale values only multiply the states */
			taken = 0;
			seen = 0;
			won = false
		}
	od;
	ended[v] = true
}

#ifdef TIMED
/* timer_expired() */
proctype timer(byte v)
{
	byte seen;
	bool won;

end:	do
	:: atomic { armed[v] -> armed[v] = false; in_callback[v] = true };
		request(v, REQ_TIMER);
		in_callback[v] = false
	od
}
#endif

#ifdef WORK
/* retry_flows(): it sends, and runs the receiver */
proctype work()
{
	byte seen;
	bool won;

end:	do
	:: atomic { work_armed -> work_armed = false; in_work = true };
		request(0, REQ_MESSAGE);
		in_work = false
	od
}
#endif

/* Module exit */
proctype stopper()
{
	byte seen, v;
	bool won;

	for (v : 0 .. NVCPU - 1) {		/* hf_vm_stop_all() */
#ifdef NO_STOP_REQUEST
		idle[v] = false;
#else
		request(v, REQ_STOP);
		idle[v] = false;		/* kthread_stop() wakes, and waits */
#endif
#ifndef FREE_BEFORE_END
		ended[v];
#endif
#ifndef TIMER_NOT_CANCELLED
		atomic { armed[v] = false };	/* hrtimer_cancel() */
		!in_callback[v];
#endif
#ifdef FREE_ONE_BY_ONE
		freed[v] = true
#endif
	}
#ifndef WORK_NOT_CANCELLED
	atomic { work_armed = false };		/* cancel_delayed_work_sync() */
	!in_work;
#endif
	for (v : 0 .. NVCPU - 1) {		/* hf_vm_destroy_all() */
		freed[v] = true
	}
	all_freed = true
}

init {
	byte v;

	atomic {
		for (v : 0 .. NVCPU - 1) {
			requests[v] = REQ_WAKE;	/* vcpu_thread() begins */
			mode[v] = BLOCKED;
			run vcpu_thread(v);
#ifdef TIMED
			run timer(v)
#endif
		}
#ifdef WORK
		run work();
#endif
		run stopper()
	}
}

#ifndef NO_LTL
ltl all_end { <> all_freed }
#endif
