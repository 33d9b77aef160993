/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The exit path: a section with interrupts disabled, then delivery. RX waits for no thread and no memory.
 *
 * Runners of two VMs share the one RX page at EL2, which is full from a guest's FFA_MSG_SEND to
 * FFA_RX_RELEASE. VM 0 has two vCPUs (runners 0 and 1), VM 1 has one (runner 2). A runner is vcpu_thread()
 * with hf_rx_refill(), run(), hf_exit_take(), hf_exit_finish(); a guest sends a message (TWICE: one sends
 * two) to the primary. If it finds RX full it asks to be told, sleeps, and is run when the writable
 * interrupt comes. The first guest also sends a message to VM 1 (forward(); not with ONLY_TO_US). With
 * SEND2 VM 1 sends by FFA_MSG_SEND2, which does not exit.
 *
 * The first PREEMPTED threads may stay away for ever from where others may get their CPU: where they call
 * schedule(), and with RT wherever interrupts are enabled, rx_lock held or not. With NO_MEMORY an
 * allocation for VM 0 may fail from then on. hf_vcpu_request() is abstract, as in mailbox.pml.
 *
 * Proves: a VM's messages are delivered in the order in which they were in RX, each once, and none is
 * left; whatever happens to VM 0, VM 1's messages get through, and those for it; a vCPU whose sibling's
 * thread stays away has its messages delivered.
 * Not here: memory order (llist_add() and llist_del_all() are full barriers), requests and sleep
 * (vcpu_sleep.pml), the mirrors (mailbox.pml), senders that run a vCPU. Not true with SEND2 and RT: a
 * thread of VM 0 that took VM 1's message and stays away keeps it until VM 1's next exit.
 *
 * Sites:  hf_vcpu.c:vcpu_thread(), hf_exit.c:hf_exit_take(), hf_exit.c:hf_exit_finish(),
 *         hf_mailbox.c:hf_mailbox_exit(), hf_mailbox.c:notify_some(), hf_mailbox.c:forward(),
 *         hf_rx.c:hf_rx_refill(), hf_rx.c:hf_rx_take(), hf_rx.c:hf_rx_take_unseen(), hf_rx.c:hf_rx_deliver()
 *
 * Run:    all -DTWICE -DONLY_TO_US ltl=delivered
 * Run:    preempted -DPREEMPTED=2 ltl=other
 * Run:    preempted-rt -DPREEMPTED=2 -DRT ltl=other
 * Run:    sibling -DPREEMPTED=1 ltl=sibling
 * Run:    no-memory -DNO_MEMORY ltl=other
 * Run:    send2 -DSEND2 -DONLY_TO_US ltl=delivered
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
 * Mutant: KICK_AFTER_SECTION preempted-rt: forward() comes after a preemption point
 * Mutant: NOTIFY_AFTER_SECTION preempted-rt: those who wait for RX are told after a preemption point
 * Mutant: UNSEEN_FORGOTTEN send2: only messages that an exit told of are taken
 * Mutant: UNSEEN_UNDELIVERED send2: whoever takes a message of another VM leaves it to that VM
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

/* What FFA_RUN returns */
#define WFI		0
#define MSG_SEND	1
#define FORWARD		2

/* The driver: of each VM, of each vCPU */
chan rx_taken[2] = [3] of { byte };	/* oldest first */
bool rx_lock[2];
bool requests[RUNNERS];

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
	assert(rx_ready);
#ifdef APPEND_AFTER_RELEASE
	atomic { id = rx; rx_ready = false; wanted = true; rx = 0 };
	rx_taken[vm] ! id
#else
	atomic { id = rx; rx_ready = false; wanted = true; rx_taken[vm] ! id };	/* llist_add() */
	rx = 0					/* FFA_RX_RELEASE */
#endif
}

inline lock_rx(vm)
{
	atomic { !rx_lock[vm] -> rx_lock[vm] = true }
}

inline hf_socket_deliver(vm)
{
	atomic {
		assert(NUMBER(id) == last[vm] + 1);
		last[vm] = NUMBER(id);
		got[SENDER(id)]++
	}
}

/* hf_rx_deliver() */
inline hf_rx_deliver(vm)
{
#ifdef LIST_UNLOCKED
	if
	:: len(rx_taken[vm]) > 0 ->
#elif defined(LOCK_IN_SECTION)
	if
	:: taken ->
		taken = false;
#elif defined(OUT_OF_ORDER)
	if
	:: mine != 0 ->
		lock_rx(vm);
#elif defined(LEFT_TO_HOLDER)
	if
	:: atomic { len(rx_taken[vm]) > 0 && !rx_lock[vm] -> rx_lock[vm] = true };
#else
	if
	:: len(rx_taken[vm]) > 0 ->
#ifdef RT
end_lock:	lock_rx(vm);
#else
		lock_rx(vm);
#endif
#endif
#ifdef OUT_OF_ORDER
		preemption_point();
		id = mine;
		atomic { mine = 0; rx_taken[vm] ?? eval(id) };
		hf_socket_deliver(vm);
#else
		atomic {			/* llist_del_all(), llist_reverse_order() */
			do
			:: rx_taken[vm] ? id -> list ! id
			:: empty(rx_taken[vm]) -> break
			od
		};
		do
		:: nempty(list) ->
			preemption_point();
#ifdef NEWEST_FIRST
			atomic {
				if
				:: len(list) > 1 -> list ? id; list ! id
				:: else
				fi
			};
#endif
			list ? id;
			hf_socket_deliver(vm)
		:: empty(list) -> break
		od;
#endif
#ifndef LIST_UNLOCKED
		atomic { id = 0; rx_lock[vm] = false }
#else
		id = 0
#endif
	:: else
	fi
}

proctype runner(byte me)
{
	byte exit, id, to_send = MESSAGES(me);
#ifdef SEND2
	byte from;
#endif
	bool rx_ready, wanted, to_forward = (me == 0 && FORWARDS);
	chan list = [3] of { byte };
#ifdef SEND2
	bool unseen;			/* vcpu->unseen: the other VM */
#endif
#ifdef OUT_OF_ORDER
	byte mine;
#endif
#ifdef LOCK_IN_SECTION
	bool taken;
#endif

loop:
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
		requests[me] = false		/* check_requests() */
	};

	/* vcpu_enter(): from here on interrupts are off */
	atomic {				/* FFA_RUN: what the guest does */
		wanted = false;
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
		lock_rx(VM(me));
		taken = true;
#endif
		take_message(VM(me));
#ifdef OUT_OF_ORDER
		mine = id;
#endif
		id = 0
	:: else
	fi;
#if defined(SEND2) && !defined(UNSEEN_FORGOTTEN)
	if					/* hf_rx_take_unseen() */
	:: atomic { rx_ready && rx_unseen -> rx_unseen = false };	/* hf_ffa_rx_full() */
		unseen = (VM(SENDER(rx)) != VM(me));
		take_message(VM(SENDER(rx)))
	:: else
	fi;
#endif
#ifdef KICK_AFTER_SECTION
	preemption_point();
#endif
	if
	:: exit == FORWARD -> requests[2] = true	/* forward(): hf_mailbox_arrived() */
	:: else
	fi;
#ifdef NOTIFY_AFTER_SECTION
	preemption_point();
#endif
	if
	:: wanted -> notify_some()
	:: else
	fi;
	/* the end of the section */
	preemption_point();

	/* hf_exit_finish(), hf_mailbox_finish() */
#ifdef SEND2
	from = VM(me);
deliver:
	hf_rx_deliver(from);
#ifndef UNSEEN_UNDELIVERED
	if
	:: atomic { unseen -> unseen = false; from = 1 - VM(me) }; goto deliver
	:: else
	fi;
#endif
	from = 0;
#else
	hf_rx_deliver(VM(me));
#endif
	schedule_point();
	if
	:: exit == WFI ->			/* give_back(), vcpu_block() */
end_asleep:	requests[me]
	:: else					/* goes on, or gives the vCPU back with WAKE */
	fi;
	goto loop;

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
#endif
