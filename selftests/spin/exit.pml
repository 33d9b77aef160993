/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The exit path: a section with interrupts disabled, then delivery. RX waits for no thread and no memory.
 *
 * Runners of two VMs share the one RX page at EL2, which is full from a guest's FFA_MSG_SEND to
 * FFA_RX_RELEASE. VM 0 has two vCPUs (runners 0 and 1), VM 1 has one (runner 2). A runner is vcpu_thread()
 * with hf_rx_refill(), serve_vcpu(), run_vcpu(), hf_exit_take(), hf_exit_finish(); a guest sends a message (TWICE: one
 * sends two) to the primary. If it finds RX full it asks to be told, sleeps, and is run when the writable
 * interrupt comes. The first guest also sends a message to VM 1 (forward_message(); not with ONLY_TO_US). With
 * SEND2 VM 1 sends by FFA_MSG_SEND2, which does not exit. Any answer may be one that comes_to_wait() leaves
 * to the next exit or to serve_vcpu(), and after any answer run_vcpu() may stop. A guest that is run exits some time.
 *
 * The first PREEMPTED threads may stay away for ever from where others may get their CPU: where they call
 * schedule(), and with RT wherever interrupts are enabled, rx_lock held or not. With NO_MEMORY an
 * allocation for VM 0 may fail from then on. hf_vcpu_request() is abstract, as in mailbox.pml.
 *
 * Proves: a VM's messages are delivered in the order in which they were in RX, each once, and none is
 * left; whatever happens to VM 0, VM 1's messages get through, and those for it; a vCPU whose sibling's
 * thread stays away has its messages delivered; without RT, and without memory, a thread that is not run
 * any more has delivered what it took (none_kept).
 * Not here: that buffers are a CPU's, which a runner that came to another one fills there (refill());
 * memory order (llist_add() and llist_del_all() are full barriers), requests and sleep
 * (vcpu_sleep.pml), the mirrors (mailbox.pml), senders that run a vCPU.
 *
 * Sites:  hf_vcpu.c:vcpu_thread(), hf_vcpu.c:serve_vcpu(), hf_vcpu.c:run_vcpu(), hf_exit.c:hf_exit_take(),
 *         hf_exit.c:hf_exit_finish(), hf_mailbox.c:hf_mailbox_exit(), hf_mailbox.c:hf_mailbox_finish(),
 *         hf_mailbox.c:comes_to_wait(), hf_mailbox.c:notify_some(), hf_mailbox.c:forward_message(),
 *         hf_rx.c:hf_rx_refill(), hf_rx.c:hf_rx_take(), hf_mailbox.c:take_unseen(), hf_rx.c:hf_rx_deliver()
 *
 * Run:    all -DTWICE -DONLY_TO_US ltl=delivered
 * Run:    preempted -DPREEMPTED=2 ltl=other,none_kept
 * Run:    preempted-rt -DPREEMPTED=2 -DRT ltl=other
 * Run:    sibling -DPREEMPTED=1 ltl=sibling
 * Run:    no-memory -DNO_MEMORY ltl=other,none_kept
 * Run:    send2 -DSEND2 -DONLY_TO_US ltl=delivered
 * Run:    send2-rt -DSEND2 -DONLY_TO_US -DPREEMPTED=2 -DRT ltl=other
 *
 * Mutant: RX_HELD preempted-rt: the section ends before FFA_RX_RELEASE
 * Mutant: LOCK_IN_SECTION preempted-rt: rx_lock is spun on while RX is held
 * Mutant: MEMORY_IN_SECTION no-memory: memory is waited for while RX is held
 * Mutant: RUN_WITHOUT_SPARE no-memory: a vCPU is run although there is no buffer for what it sends
 * Mutant: APPEND_AFTER_RELEASE all: the sibling takes the next message, and appends it first
 * Mutant: OUT_OF_ORDER all: a runner delivers its own message, not the oldest
 * Mutant: NEWEST_FIRST all: llist_del_all() gives them newest first
 * Mutant: LIST_UNLOCKED all: two runners take one message each, and the second is faster
 * Mutant: LEFT_TO_HOLDER all: who finds rx_lock taken leaves its message to a runner that has looked
 * Mutant: APPENDED_LATE all: an answer that waits is appended after the next exit, and overtaken
 * Mutant: KEPT_FOR_MEMORY no-memory: serve_vcpu() leaves an answer to the next exit while memory is waited for
 * Mutant: KEPT_WHILE_AWAY preempted: the same while the thread stays away
 * Mutant: KICK_AFTER_SECTION preempted-rt: forward_message() comes after a preemption point
 * Mutant: NOTIFY_AFTER_SECTION preempted-rt: those who wait for RX are told after a preemption point
 * Mutant: UNSEEN_FORGOTTEN send2: only messages that an exit told of are taken
 * Mutant: UNSEEN_UNDELIVERED send2: whoever takes a message of another VM leaves it to that VM
 * Mutant: UNSEEN_UNTOLD send2-rt: the same with RT, and that VM does not hear of it
 * Mutant: UNSEEN_BY_TAKER send2-rt: it hears of it, but finds the list emptied by a thread that stays away
 */

#define RUNNERS		3
#define VM(r)		((r) / 2)
#ifdef TWICE
#define MESSAGES(r)	(1 + ((r) == 1))
#else
#define MESSAGES(r)	1
#endif

#ifdef ONLY_TO_US
#define FORWARDS	false
#else
#define FORWARDS	true
#endif

/* A message's number says which vCPU sent it, and the how manieth of its VM it is, from 1. */
#define ID(r, n)	((r) * 16 + (n))
#define SENDER(id)	((id) / 16)
#define NUMBER(id)	((id) % 16)

/* EL2 */
byte rx;			/* the message in the RX page, 0 = free */
bool rx_unseen;			/* it came by FFA_MSG_SEND2 */
bool listed[2];			/* the VM waits for RX */
byte sent[2];			/* how many each VM has sent to us */
bool box;			/* VM 1 has a message of VM 0 */

/* What FFA_RUN returned; after WFI the guest has nothing to do */
#define NOTHING		0
#define WFI		1
#define MSG_SEND	2
#define FORWARD		3

/* The driver: of each VM, of each vCPU */
chan rx_taken[2] = [3] of { byte };	/* oldest first */
bool rx_lock[2];
bool requests[RUNNERS] = true;
bool wake;			/* WAKE alone, of VM 1's vCPU: a guest that waits has no use for it */

/* What the sockets got, and VM 1 */
byte last[2];
byte got[RUNNERS];
bool forwarded;

/* Others may get the CPU: the thread may be away for ever. */
inline schedule_point()
{
#ifdef PREEMPTED
	if
	:: me < PREEMPTED -> goto away
	:: skip
	fi
#else
	skip
#endif
}

/* The same where preemption is disabled unless spinlocks sleep: see runner_begin(). */
inline preemption_point()
{
#ifdef RT
	schedule_point()
#else
	skip
#endif
}

/* hf_rx_refill(), wait_for_memory() */
inline refill()
{
	if
	:: rx_ready
	:: !rx_ready -> rx_ready = true
#ifdef NO_MEMORY
	:: !rx_ready && VM(me) == 0 -> goto away
#endif
	fi
}

/* notify_some(): EL2 says who waits, and each is interrupted */
inline notify_some()
{
	if
	:: atomic { listed[0] -> listed[0] = false };
		atomic { requests[0] = true; requests[1] = true }
	:: else
	fi;
	if
	:: atomic { listed[1] -> listed[1] = false };
		requests[2] = true
	:: else
	fi
}

/* copy_message(), hf_rx_release() */
inline take_message(vm)
{
#ifdef APPEND_AFTER_RELEASE
	atomic { id = rx; rx = 0 };
	atomic {
		rx_taken[vm] ! id;
#else
	atomic {
		id = rx;
		rx_taken[vm] ! id;		/* llist_add() */
#endif
		assert(rx_ready);
		rx_ready = false;
		wanted = true;
#if defined(OUT_OF_ORDER) || defined(APPENDED_LATE)
		mine = id;
#endif
		id = 0
	};
#ifndef APPEND_AFTER_RELEASE
	rx = 0					/* FFA_RX_RELEASE */
#else
	skip
#endif
}

#ifdef SEND2
#define NO_VM	2

inline take_unseen(vm)
{
	sender = vm;
	take_message(sender);
#if !defined(RT) || defined(UNSEEN_BY_TAKER)
	unseen = sender;
#endif
#if defined(RT) && !defined(UNSEEN_UNTOLD)
	if
	:: sender == 1 -> wake = true
	:: else
	fi;
#endif
	sender = 0
}
#endif

inline hf_socket_deliver(vm)
{
	assert(NUMBER(id) == last[vm] + 1);
	last[vm] = NUMBER(id);
	got[SENDER(id)]++;
	id = 0
}

#ifdef LOCK_IN_SECTION
#define MAY_LOCK(vm)	taken
#elif defined(LIST_UNLOCKED)
#define MAY_LOCK(vm)	true
#else
#define MAY_LOCK(vm)	(!rx_lock[vm])
#endif

/* To look whether there is something, lock and take it is one step: nothing else changes in between. */
inline hf_rx_deliver(vm)
{
#ifdef APPENDED_LATE
	atomic {
		if
		:: mine != 0 -> rx_taken[vm] ! mine; mine = 0
		:: else
		fi
	};
#endif
	if
	:: atomic { len(rx_taken[vm]) > 0 && MAY_LOCK(vm) ->
			rx_lock[vm] = true;
			preemption_point();
#ifdef OUT_OF_ORDER
			if
			:: mine != 0 -> rx_taken[vm] ?? eval(mine); list ! mine; mine = 0
			:: else
			fi
#else
			do			/* llist_del_all(), llist_reverse_order() */
			:: rx_taken[vm] ? id -> list ! id
			:: empty(rx_taken[vm]) -> id = 0; break
			od
#endif
		};
		do
		:: atomic { nempty(list) ->
				preemption_point();
#ifdef NEWEST_FIRST
				if
				:: len(list) > 1 -> list ? id; list ! id
				:: else
				fi;
#endif
				list ? id;
				hf_socket_deliver(vm)
			}
		:: atomic { empty(list) ->
#ifdef LOCK_IN_SECTION
				taken = false;
#endif
				rx_lock[vm] = false;
				break
			}
		od
#ifdef LEFT_TO_HOLDER
	:: len(rx_taken[vm]) > 0 && !MAY_LOCK(vm)
#elif defined(LOCK_IN_SECTION)
	:: len(rx_taken[vm]) > 0 && !taken
#elif defined(RT)
	:: len(rx_taken[vm]) > 0 && !MAY_LOCK(vm) && me < PREEMPTED -> goto away	/* it sleeps */
#endif
	:: len(rx_taken[vm]) == 0
	fi
}

#define HAS_REQUEST	(requests[me] || (me == 2 && wake))

proctype runner(byte me)
{
	byte exit, id, to_send = MESSAGES(me);
	bool rx_ready, wanted, to_forward = (me == 0 && FORWARDS);
	chan list = [3] of { byte };
#ifdef SEND2
	byte sender, unseen = NO_VM;	/* vcpu->unseen */
#endif
#if defined(OUT_OF_ORDER) || defined(APPENDED_LATE)
	byte mine;
#endif
#ifdef LOCK_IN_SECTION
	bool taken;
#endif

end_asleep:
	atomic { HAS_REQUEST -> goto enter };	/* vcpu_block() */
enter:
	atomic {
#ifdef RUN_WITHOUT_SPARE
		if
		:: rx_ready = true
		:: VM(me) == 0
		fi;
#elif !defined(MEMORY_IN_SECTION)
		refill();
#endif
		preemption_point();
		if				/* check_requests(), hf_exit_resume() */
		:: me == 2 && wake ->
			wake = false;
			if
			:: exit == WFI && !requests[me] -> goto stop
			:: true
			fi
		:: else
		fi;
		requests[me] = false;

		/* vcpu_enter(): interrupts are off, and there is no request. FFA_RUN: what the guest does */
		if
		:: me == 2 && box -> box = false; forwarded = true
		:: else
		fi;
		if
		:: to_send > 0 && rx == 0 ->
			to_send--;
			sent[VM(me)]++;
			rx = ID(me, sent[VM(me)]);
#ifdef SEND2
			exit = (me == 2 -> WFI : MSG_SEND);
			rx_unseen = (me == 2)
#else
			exit = MSG_SEND
#endif
		:: to_send > 0 && rx != 0 ->
			listed[VM(me)] = true;
			exit = WFI
		:: to_send == 0 && to_forward ->
			to_forward = false;
			box = true;
			exit = FORWARD
		:: to_send == 0 && !to_forward ->
			exit = WFI
		fi
	};
	/* hf_exit_take(), hf_mailbox_exit() */
	if
	:: exit == MSG_SEND ->			/* hf_rx_take() */
#ifdef RX_HELD
		preemption_point();
#endif
#ifdef MEMORY_IN_SECTION
		refill();
#endif
#ifdef LOCK_IN_SECTION
		atomic { !rx_lock[VM(me)] -> rx_lock[VM(me)] = true; taken = true };
#endif
		take_message(VM(me))
	:: else
	fi;
#if defined(SEND2) && !defined(UNSEEN_FORGOTTEN)
	if					/* take_unseen() */
	:: atomic { rx_ready && rx_unseen -> rx_unseen = false };	/* hf_ffa_rx_full() */
		take_unseen(VM(SENDER(rx)))
	:: else
	fi;
#endif
	atomic {
#ifdef KICK_AFTER_SECTION
		preemption_point();
#endif
		if
		:: exit == FORWARD -> requests[2] = true	/* forward_message(): hf_mailbox_arrived() */
		:: else
		fi;
#ifdef NOTIFY_AFTER_SECTION
		preemption_point();
#endif
		if
		:: wanted -> wanted = false; goto notify
		:: else -> goto end
		fi
	};
notify:
	notify_some();
end:
	/* The end of the section. hf_exit_finish(), hf_mailbox_finish() */
	atomic {
		preemption_point();
		if
#if !defined(LOCK_IN_SECTION) && !defined(OUT_OF_ORDER)
		:: exit == MSG_SEND ->		/* comes_to_wait() */
#ifdef APPENDED_LATE
			if
			:: rx_taken[VM(me)] ?? [eval(mine)] -> rx_taken[VM(me)] ?? eval(mine)
			:: else -> mine = 0	/* its sibling was faster */
			fi;
#endif
			goto unseen_too
#endif
		:: true
		fi;
#ifdef APPENDED_LATE
		if
		:: exit == MSG_SEND -> mine = 0
		:: else
		fi
#endif
	};
	hf_rx_deliver(VM(me));
unseen_too:
#if defined(SEND2) && !defined(UNSEEN_UNDELIVERED)
	if
	:: unseen != NO_VM ->
		hf_rx_deliver(unseen);
		unseen = NO_VM
	:: else
	fi;
#endif
	atomic {
		if
		:: exit != WFI || HAS_REQUEST ->
			exit = NOTHING;
#if !defined(RUN_WITHOUT_SPARE) && !defined(MEMORY_IN_SECTION)
			rx_ready = true;	/* hf_rx_refill() */
#endif
			goto enter
		:: exit == WFI && !HAS_REQUEST
		:: exit == MSG_SEND		/* hf_need_resched(), or no memory */
		fi
	};

	/* serve_vcpu() */
stop:
#if !defined(KEPT_FOR_MEMORY) && !defined(KEPT_WHILE_AWAY)
	hf_rx_deliver(VM(me));
#endif
	atomic {
		if
		:: exit == MSG_SEND ->		/* gives the vCPU back with WAKE */
			exit = NOTHING;
			requests[me] = true
		:: else
		fi;
		schedule_point()
	};
	goto end_asleep;

away:
end_away:
	false
}

init {
	atomic {
		run runner(0);
		run runner(1);
		run runner(2)
	}
}

#ifndef NO_LTL
#define ALL(r)	(got[r] == MESSAGES(r))
ltl delivered { <> ((forwarded || !FORWARDS) && ALL(0) && ALL(1) && ALL(2)) }
ltl other { <> ALL(2) && [] (box -> <> !box) }
ltl sibling { <> ALL(1) }
ltl none_kept { [] (last[0] != sent[0] -> <> (last[0] == sent[0])) }
#endif
