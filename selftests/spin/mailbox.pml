/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages to a VM: senders, its send queue, EL2's mailbox, the mirror, and which vCPU is made to run.
 *
 * Senders are hf_mailbox_send() with a send buffer of one message (a second one blocks), and a
 * secondary VM that sends through EL2 itself (forward(), notify_waiters()). Each vCPU is its thread
 * with stop_waiting(), FFA_RUN, hf_mailbox_exit(); its guest is one of these:
 *   WAITER  FFA_MSG_WAIT, read, FFA_RX_RELEASE, for ever
 *   TAKER   waits in WFI for the readable interrupt, then polls until the mailbox is empty
 *   MUTE    waits in WFI with no interrupt enabled, for ever
 *   ONCE    a WAITER that turns MUTE after one message
 *   TURNS   a WAITER that turns TAKER after one message
 *   POLLER  FFA_MSG_POLL and FFA_YIELD, for ever
 *   MIXED   a WAITER that polls once before it waits
 *   ACKER    has the readable interrupt enabled, computes for ever and never takes it
 * hf_vcpu_request() is abstract here: a bit that gets a sleeping thread out of vcpu_block() and a
 * running guest out of FFA_RUN; that it does so is what vcpu_sleep.pml proves.
 *
 * Proves: every message is read, once, in the order of its sender; a sender that blocks for room is
 * woken. With HOLD, hf_mailbox_hold_expired() may run, without it never: a VM whose vCPUs all wait
 * does not need it. Report L1 (both scenarios), L5.
 * With RX_OVERWRITE EL2 may overwrite a page that was taken without blocking (v2.9 and later), and
 * the driver sends only while a vCPU waits: a guest with one vCPU loses nothing. Two vCPUs that both
 * receive do lose something there, whatever the driver does: it cannot see who takes a message.
 * Not here: memory order (../litmus), messages to us.
 *
 * Sites:  hf_wait.c:(F) hf_wait_accepted_locked(), hf_wait.c:(G) hf_wait_begin(),
 *         hf_flow.c:(H) send_next_locked(), hf_mailbox.c:(I) hf_mailbox_exit(),
 *         hf_vcpu.c:(D) vcpu_enter()
 *
 * Run:    waiter -DNVCPU=1 -DGUEST0=WAITER ltl=delivered,unblocked
 * Run:    taker -DNVCPU=1 -DGUEST0=TAKER ltl=delivered
 * Run:    mixed -DNVCPU=1 -DGUEST0=MIXED ltl=delivered
 * Run:    poller -DNVCPU=1 -DGUEST0=POLLER ltl=delivered
 * Run:    forward -DNVCPU=1 -DGUEST0=WAITER -DSECONDARY ltl=delivered
 * Run:    turns -DNVCPU=1 -DGUEST0=TURNS -DSENDERS=1 -DHOLD ltl=delivered
 * Run:    overwrite -DNVCPU=1 -DGUEST0=WAITER -DRX_OVERWRITE ltl=delivered
 * Run:    overwrite-mixed -DNVCPU=1 -DGUEST0=MIXED -DRX_OVERWRITE ltl=delivered
 * Run:    two-waiters -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DSENDERS=1 ltl=delivered
 * Run:    two-by-two -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=WAITER -DMESSAGES=1
 * Run:    acker -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=ACKER -DSENDERS=1 ltl=delivered
 * Run:    one-leaves -DNVCPU=2 -DGUEST0=ONCE -DGUEST1=WAITER -DSENDERS=1 ltl=delivered
 * Run:    smp-irq -DNVCPU=2 -DGUEST0=MUTE -DGUEST1=TAKER -DSENDERS=1 ltl=delivered
 * Run:    irq-smp -DNVCPU=2 -DGUEST0=TAKER -DGUEST1=MUTE -DSENDERS=1 ltl=delivered
 * Run:    both -DNVCPU=2 -DGUEST0=WAITER -DGUEST1=TAKER -DSENDERS=1 ltl=delivered
 *
 * The driver is protected twice: by the mirror, and because hf_vcpu_request() follows each injection
 * whatever EL2 answers. So the historic driver is one mutant that has neither, and the mirror's own
 * mutants need a guest where the interrupt goes to one vCPU and another one reads (acker).
 *
 * Mutant: HISTORIC waiter: L1 A, L5: who was seen waiting, or else EL2's answer, decides
 * Mutant: WAITING_DECIDES acker: L1 A: a message that finds nobody waiting leaves no mark
 * Mutant: MIRROR_UNCHECKED acker: L1 A: no look at the mirror after announcing
 * Mutant: MIRROR_BEFORE_ANNOUNCE acker: L1 A: the look comes before the announcement
 * Mutant: MIRROR_AFTER_CHOICE acker: L1 A: the mirror is set after the look for a waiter
 * Mutant: MIRROR_CLEARED_AFTER_RUN acker: L3: a message that arrives during the run is forgotten
 * Mutant: WAITING_UNINITIALISED irq-smp: L1 B: a vCPU that never waits looks as if it did
 * Mutant: ALWAYS_FIRST smp-irq: the interrupt always goes to the first vCPU
 * Mutant: MIRROR_SKIPS_WAKE taker: L4: "a message is pending already" skips the wake-up
 * Mutant: QUEUE_FORGOTTEN waiter: the send queue is not looked at after an exit
 * Mutant: SEND_THEN_QUEUE waiter: a message that found the mailbox full is queued afterwards
 * Mutant: HOLD_FORGOTTEN turns: nobody sends to a VM that waited once and does not wait now
 * Mutant: SENT_ANY_TIME overwrite: a message is sent while the guest reads the one before
 * Mutant: NOTIFY_FORGOTTEN forward: a secondary VM is not told that the mailbox is free
 */

#ifdef HOLD_FORGOTTEN
#undef HOLD
#endif

#ifndef MESSAGES
#define MESSAGES 2		/* of the first sender; the second one sends one */
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#define TOTAL (MESSAGES + SENDERS - 1)

/* Guests */
#define WAITER	0
#define TAKER	1
#define MUTE	2
#define ONCE	3
#define POLLER	4
#define MIXED	5
#define ACKER	6
#define TURNS	7

/* Whether it matters that an interrupt is pending: the others never enable it. */
#ifndef GUEST1
#define GUEST1 MUTE
#endif
#define KIND(v)			((v) == 0 -> GUEST0 : GUEST1)
#define INTERRUPTIBLE(v)	(KIND(v) == TAKER || KIND(v) == ACKER || KIND(v) == TURNS)

/* EL2: the VM's mailbox and its vCPUs */
#define EMPTY		0
#define RECEIVED	1
#define READ		2

#define RUNNABLE	0
#define IN_MSG_WAIT	1
#define IN_WFI		2

byte box = EMPTY;
byte box_id;			/* the message in it */
byte el2[NVCPU];
bool pending[NVCPU];		/* the readable interrupt */
bool takes[NVCPU];	/* has the readable interrupt enabled */
#ifdef RX_OVERWRITE
bool loose;			/* a guest reads the page of a mailbox that counts as empty */
#endif
bool listed;			/* the secondary sender waits for room */

/* The driver's struct hf_vm */
bool message_pending;
bool waiting[NVCPU];
bool requests[NVCPU];
#if defined(RX_OVERWRITE) && !defined(SENT_ANY_TIME)
bool waits = true;		/* counts as one that uses FFA_MSG_WAIT */
#else
bool waits;			/* the VM uses FFA_MSG_WAIT */
#endif
byte hint;
chan queue = [TOTAL] of { byte };
byte queued;			/* its length */
bool tx_locked;
#ifdef HOLD
byte tx_wanted;			/* how many wait for the lock, which is a fair one */
#endif
bool hold_work;

bool room[SENDERS];		/* in the socket's send buffer */
bool writable;			/* the secondary sender's interrupt */

/* What the guests read */
byte received;
byte last[SENDERS];

/* A message's number says who sent it, and the how manieth it is, from 1. */
#define ID(s, n)	((s) * 16 + (n))
#define SENDER(id)	((id) / 16)
#define NUMBER(id)	((id) % 16)

inline lock()
{
#ifdef HOLD
	tx_wanted++;
	atomic { !tx_locked -> tx_locked = true; tx_wanted-- }
#else
	atomic { !tx_locked -> tx_locked = true }
#endif
}

inline unlock()
{
	tx_locked = false
}

inline interrupt_vm()
{
#ifdef ALWAYS_FIRST
	i = 0;
#else
	i = hint;
#endif
	do
	:: atomic {				/* HF_INTERRUPT_INJECT */
			one = (takes[i] && !pending[i]);
			pending[i] = INTERRUPTIBLE(i)
		};
		atomic {
#ifdef HISTORIC
			if
			:: one -> requests[i] = true
			:: else
			fi;
#else
			requests[i] = true;
#endif
			n++;
#ifdef ALWAYS_FIRST
			break;
#endif
			if
			:: one -> hint = i; break
			:: !one && n == NVCPU -> break
			:: else -> i = (i + 1) % NVCPU
			fi
		}
	od
}

inline look_for_waiter()
{
	atomic {				/* find_first_bit() */
		if
		:: waiting[0] -> i = 0
#if NVCPU > 1
		:: !waiting[0] && waiting[1] -> i = 1
#endif
		:: else -> i = NVCPU
		fi
	}
}

inline hf_mailbox_arrived()
{
#ifdef MIRROR_SKIPS_WAKE
	if
	:: message_pending
	:: else ->
#endif
#ifdef MIRROR_AFTER_CHOICE
	look_for_waiter();
	message_pending = true;
#else
#if !defined(WAITING_DECIDES) && !defined(HISTORIC)
	message_pending = true;			/* (F) */
#endif
	look_for_waiter();
#endif
	if
	:: atomic { i < NVCPU -> requests[i] = true }
	:: else -> interrupt_vm()
	fi;
	atomic { i = 0; n = 0; one = false }	/* stale values only multiply the states */
#ifdef MIRROR_SKIPS_WAKE
	fi
#endif
}

inline overwritten()
{
#ifdef RX_OVERWRITE
	assert(!loose)
#else
	skip
#endif
}

/* (H), then the looks; the message that was sent is in id, 0 = none */
inline send_next_locked(hold_is_over)
{
	if
	:: hold_is_over -> waits = false
	:: else
	fi;
	if
	:: queued > 0 && (hold_is_over || !waits || waiting[0] || waiting[NVCPU - 1]) ->
		atomic {			/* FFA_MSG_SEND */
			if
			:: box == EMPTY ->
				overwritten();
				queue ? <id>;
				box = RECEIVED;
				box_id = id
			:: else
			fi
		}
	:: else
	fi;
	atomic {
		if
		:: id != 0 -> queue ? _; queued--
		:: else
		fi;
		if
		:: queued > 0 -> hold_work = true
		:: else
		fi;
		unlock()
	}
}

inline sent()
{
	if
	:: id != 0 ->
		hf_mailbox_arrived();
		atomic { room[SENDER(id)] = true; id = 0 }	/* consume_skb() */
	:: else
	fi
}

/* hf_mailbox_send() in a loop, as a blocking socket does it */
proctype sender(byte me)
{
	byte m, i, n, id;
	bool one;
#ifdef SEND_THEN_QUEUE
	bool busy;
#endif

	for (m : 1 .. (me == 0 -> MESSAGES : 1)) {
		atomic { room[me] -> room[me] = false };
		lock();
#ifdef SEND_THEN_QUEUE
		busy = (box != EMPTY);
		atomic { queue ! ID(me, m); queued++ };
		if
		:: busy -> unlock()
		:: else -> send_next_locked(false)
		fi;
#else
		atomic { queue ! ID(me, m); queued++ };
		send_next_locked(false);
#endif
		sent()
	}
}

#ifdef SECONDARY
/* A secondary VM and the driver's part in its sending: forward(), notify_waiters() */
proctype secondary(byte me)
{
	byte m, i, n;
	bool one;

	for (m : 1 .. 1) {
retry:		atomic {			/* FFA_MSG_SEND by the guest, with the notify flag */
			if
			:: box == EMPTY -> box = RECEIVED; box_id = ID(me, m)
			:: else -> listed = true; goto blocked
			fi
		};
		hf_mailbox_arrived();
		goto next;
blocked:	atomic { writable -> writable = false };
		goto retry;
next:		skip
	}
}
#endif

#ifdef HOLD
/* hf_mailbox_hold_expired() */
proctype hold()
{
	byte i, n, id;
	bool one, is_over;

end:	do
	:: atomic { hold_work && !tx_wanted -> hold_work = false };
		lock();
		is_over = (queued > 0);
		send_next_locked(is_over);
		sent()
	od
}
#endif

/* What a guest has of the message in its RX page */
#define NOTHING	0
#define UNREAD	1
#define HELD	2

/* The guest has taken what is in the mailbox: it reads it. */
inline read_message()
{
#ifndef RX_OVERWRITE
	assert(box == READ);
#endif
	assert(NUMBER(box_id) == last[SENDER(box_id)] + 1);
	last[SENDER(box_id)] = NUMBER(box_id);
	received++
}

/* A message was there already when the guest asked for one. */
inline take_at_once()
{
#ifdef RX_OVERWRITE
	box = EMPTY;
	loose = true;
#else
	box = READ;
#endif
	has = UNREAD
}

/* FFA_MSG_POLL, and FFA_MSG_WAIT's first half */
inline poll_mailbox()
{
	atomic {
		if
		:: box == RECEIVED -> take_at_once()
		:: else
		fi
	}
}

#define NONE		0
#define MSG_WAIT	1
#define WFI		2
#define YIELD		3
#define RX_RELEASE	4
#define INTERRUPT	5

proctype vcpu(byte v; byte guest)
{
	byte i, n, id, exit, has;
	bool one, announced, run_again;

	/* The guest as it came up. */
	atomic {
		el2[v] = RUNNABLE;
		takes[v] = INTERRUPTIBLE(v);
#ifdef WAITING_UNINITIALISED
		waiting[v] = (v != 0)
#endif
	};
loop:
	atomic { requests[v] = false; exit = NONE; run_again = false };	/* check_requests() */
	if					/* stop_waiting() */
	:: announced ->
#ifdef RX_OVERWRITE
		lock();
		atomic { waiting[v] = false; announced = false; unlock() };
#else
		atomic { waiting[v] = false; announced = false };
#endif
#ifndef MIRROR_CLEARED_AFTER_RUN
		message_pending = false
#endif
	:: else
	fi;
	if					/* vcpu_enter(): (D) */
	:: requests[v] -> goto loop
	:: else
	fi;

	atomic {				/* EL2's look in FFA_RUN */
		if
		:: el2[v] == IN_MSG_WAIT ->
			if
			:: box == RECEIVED -> box = READ; has = UNREAD; el2[v] = RUNNABLE
			:: box != RECEIVED && pending[v] && takes[v] -> el2[v] = RUNNABLE
			:: else -> exit = MSG_WAIT; goto exited
			fi
		:: el2[v] == IN_WFI ->
			if
			:: pending[v] && takes[v] -> el2[v] = RUNNABLE
			:: else -> exit = WFI; goto exited
			fi
		:: else
		fi;

		/* The guest runs, until it exits; it reads what it has. */
		if
		:: has == UNREAD ->
			read_message();
			has = HELD;
			if
			:: guest == ONCE -> guest = MUTE
			:: guest == TURNS -> guest = TAKER
			:: else
			fi
		:: else
		fi
	};
	if
	:: requests[v] -> exit = INTERRUPT; goto exited
	:: skip
	fi;
	if
	:: has == HELD ->
		atomic {			/* FFA_RX_RELEASE */
#ifdef RX_OVERWRITE
			if
			:: loose -> loose = false	/* DENIED */
			:: else -> box = EMPTY
			fi;
#else
			assert(box == READ);
			box = EMPTY;
#endif
			has = NOTHING;
			if
			:: listed -> exit = RX_RELEASE; goto exited
			:: else
			fi
		}
	:: else
	fi;
	if
	:: guest == WAITER || guest == ONCE || guest == TURNS || guest == MIXED ->
		if
		:: guest == MIXED ->
			poll_mailbox();
			if
			:: has != NOTHING -> exit = YIELD; goto exited
			:: else
			fi
		:: else
		fi;
		atomic {			/* FFA_MSG_WAIT */
			if
			:: box == RECEIVED -> take_at_once(); exit = INTERRUPT
			:: else -> el2[v] = IN_MSG_WAIT; exit = MSG_WAIT
			fi
		}
	:: guest == TAKER || guest == ACKER ->
		pending[v] = false;		/* HF_INTERRUPT_GET */
		if
		:: guest == TAKER -> poll_mailbox()
		:: else
		fi;
		if
		:: has != NOTHING -> exit = INTERRUPT
		:: else ->
			atomic {
				if
				:: pending[v] -> exit = INTERRUPT
				:: else -> el2[v] = IN_WFI; exit = WFI
				fi
			}
		fi
	:: guest == MUTE ->
		atomic { el2[v] = IN_WFI; exit = WFI }
	:: guest == POLLER ->
		poll_mailbox();
		exit = YIELD
	fi;

exited:	/* hf_mailbox_exit() */
#ifdef MIRROR_CLEARED_AFTER_RUN
	message_pending = false;
#endif
	if
	:: exit == MSG_WAIT ->
#ifndef SENT_ANY_TIME
		waits = true;
#endif
#ifdef MIRROR_BEFORE_ANNOUNCE
		run_again = message_pending;
		atomic { announced = true; waiting[v] = true }
#else
		atomic { announced = true; waiting[v] = true };		/* (G) */
#ifndef MIRROR_UNCHECKED
		run_again = message_pending
#endif
#endif
#ifndef NOTIFY_FORGOTTEN
	:: exit == RX_RELEASE ->		/* notify_waiters() */
		atomic { listed = false; writable = true; run_again = true }
#endif
	:: else -> run_again = (exit != WFI && exit != MSG_WAIT)
	fi;
#ifndef QUEUE_FORGOTTEN
	if					/* (I) */
	:: queued > 0 ->
		lock();
		send_next_locked(false);
		sent()
	:: else
	fi;
#endif
	if
	:: run_again
	:: else ->
end_asleep:	requests[v]			/* vcpu_block() */
	fi;
	goto loop
}

#ifdef NO_LTL
/* When nobody can do anything any more, nothing is left to do. */
active proctype monitor()
{
end:	timeout -> assert(received == TOTAL && queued == 0)
}
#endif

init {
	atomic {
		room[0] = true;
		room[SENDERS - 1] = true;
		run vcpu(0, KIND(0));
#if NVCPU > 1
		run vcpu(1, KIND(1));
#endif
		run sender(0);
#ifdef SECONDARY
		run secondary(1);
#elif SENDERS > 1
		run sender(1);
#endif
#ifdef HOLD
		run hold()
#endif
	}
}

#ifndef NO_LTL
ltl delivered { <> (received == TOTAL) }
ltl unblocked { [] (!room[0] -> <> room[0]) }
#endif
