/*
 * tocsin-keeper: stays with one job's process while agents come and go.
 *
 *     tocsin-keeper DIRECTORY EXECUTION_ID
 *
 * An agent starts one with an id of zeros: the nursery, which forks a keeper for each execution. That runs in a
 * session of its own, with three descriptors: 3, a socket to the agent (SOCK_SEQPACKET); 4, what to start (a memfd,
 * so that neither arguments nor disk show it); 5, the job's standard input, if it has one.
 * It starts the job, keeps its output in DIRECTORY/EXECUTION_ID.out in the journal's format, ends all of it at the
 * timeout or when told to, and says how it ended: to the agent if one listens and acknowledges, else in
 * DIRECTORY/EXECUTION_ID.end. It needs no agent for any of that.
 *
 * SIGUSR1: a new agent listens on DIRECTORY/agent.sock; connect to it. SIGTERM: the host goes down; end the job.
 *
 * As subreaper it is the ancestor of everything that comes of the job, whatever calls setsid or loses its parent.
 */
#define _GNU_SOURCE
#include "keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#ifndef SOURCE_ID
#define SOURCE_ID "unknown"
#endif
/* How long output is awaited after the job has ended, if something still holds its pipes. */
#define PIPE_GRACE_NS SECOND
/* How long an agent may take to acknowledge the end before it goes to a file. */
#define ACK_NS (2 * SECOND)

struct spec spec = {.uid = -1, .gid = -1, .grace_ms = 10000, .max_bytes = 10 << 20};
struct job job = {.failed = "-"};
struct stop stop = {.kind = "-", .done = true, .deadline = NEVER, .check_at = NEVER};
struct kept kept = {.seq = 1, .room = NEVER};

static int signals, timer;

uint64_t now(int clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

const char *name(const char *suffix) {
    static char text[128];
    snprintf(text, sizeof text, "%s.%s", spec.id, suffix);
    return text;
}

/* Counts on while the host sleeps, unlike the timeouts of poll(). */
static void set_timer(uint64_t deadline) {
    static uint64_t armed = NEVER;
    struct itimerspec when = {0};
    if (deadline == armed) return;
    if (deadline != NEVER) {
        when.it_value.tv_sec = (time_t)(deadline / SECOND);
        when.it_value.tv_nsec = (long)(deadline % SECOND) | 1; /* all zero would disarm it */
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    armed = deadline;
}

/* Wait for something to happen, and take it in. */
static void wait_until(uint64_t deadline) {
    struct signalfd_siginfo info;
    set_timer(deadline);
    struct pollfd fds[] = {
        {signals, POLLIN, 0},
        {timer, POLLIN, 0},
        {agent, has_to_tell() ? POLLIN | POLLOUT : POLLIN, 0},
        {stream_fd(0), POLLIN, 0},
        {stream_fd(1), POLLIN, 0},
    };
    if (poll(fds, sizeof fds / sizeof *fds, -1) <= 0) return;
    for (int i = 0; i < STREAMS; i++)
        for (int reads = 0; fds[3 + i].revents && reads < 4 && take(i);) reads++;
    if (fds[2].revents & (POLLIN | POLLHUP | POLLERR)) listen_to_agent();
    while (read(signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGUSR1) connect_again();
        if (info.ssi_signo == SIGTERM) request_stop("host_stopped", spec.grace_ms);
    }
    collect();
}

static void watch(void) {
    uint64_t timeout_at = spec.timeout_ms ? job.started_boot + spec.timeout_ms * MS : NEVER;
    while (!(job.ended && stop.done)) {
        uint64_t t = now(CLOCK_BOOTTIME);
        if (t >= timeout_at) timeout_at = NEVER, request_stop("timeout", spec.grace_ms);
        if (t >= fence_at) fence_at = NEVER, request_stop("self_fence", fence_grace_ms);
        if (t >= stop.check_at) go_on_stopping(t);
        uint64_t flush_at = flush_due(t);
        tell();
        if (!(job.ended && stop.done))
            wait_until(earlier(earlier(timeout_at, fence_at), earlier(stop.check_at, flush_at)));
    }
    /* What still holds the pipes was left in the background, and is left alone. */
    uint64_t until = now(CLOCK_BOOTTIME) + PIPE_GRACE_NS, t;
    while ((stream_fd(0) >= 0 || stream_fd(1) >= 0) && (t = now(CLOCK_BOOTTIME)) < until) {
        uint64_t flush_at = flush_due(t);
        tell();
        wait_until(earlier(until, flush_at));
    }
    finish_streams();
}

static bool set_up(void) {
    struct stat st;
    if (fstat(SPEC_FD, &st) || st.st_size == 0) return false;
    char *text = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, SPEC_FD, 0);
    if (text == MAP_FAILED || text[st.st_size - 1]) return false;
    read_spec(text, (size_t)st.st_size);
    if (!spec.argv || !spec.env) return false;
    close(SPEC_FD);
    fcntl(AGENT_FD, F_SETFD, FD_CLOEXEC);
    if (spec.has_stdin) fcntl(STDIN_FD, F_SETFD, FD_CLOEXEC);
    sigset_t mask;
    sigfillset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD), sigaddset(&mask, SIGUSR1), sigaddset(&mask, SIGTERM);
    signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (signals < 0 || timer < 0) return false;
    start();
    learn_secrets(spec.secrets);
    if (spec.has_stdin) close(STDIN_FD);
    /* Nothing of it is needed any more, and some of it is secret. */
    munmap(text, (size_t)st.st_size);
    return true;
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("tocsin-keeper %d %s\n", PROTOCOL, SOURCE_ID);
        return 0;
    }
    if (argc != 3 || strlen(argv[2]) != ID_LENGTH || chdir(argv[1])) return 64;
    /* Written over the argument: that is where an agent looks for it. */
    nursery(argv[2]);
    spec.id = argv[2];
    if (!set_up()) return 71;
    if (!strcmp(job.failed, "-")) {
        tell_start();
        watch();
    }
    tell_end();
    bool is_found = false, is_refused = false;
    for (uint64_t until = now(CLOCK_BOOTTIME) + ACK_NS; !acknowledged && !is_found;) {
        tell();
        uint64_t t = now(CLOCK_BOOTTIME);
        if (t >= until || (agent < 0 && !is_refused)) {
            is_found = write_end();
            is_refused = !is_found;
            until = t + SECOND; /* a full disk may become emptier; or a new agent takes the end */
        } else {
            wait_until(until);
        }
    }
    return 0;
}
