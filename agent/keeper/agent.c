/* What the agent is told, and what it orders. */
#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int agent = AGENT_FD;
bool acknowledged;
uint64_t fence_at = NEVER, fence_grace_ms;

static bool start_is_news, end_is_news;
static char end_text[1200];

static void describe_end(void);

static void hang_up(void) {
    close(agent);
    agent = -1;
    if (spec.leashed) request_stop("agent_stopped", 0);
}

static bool say(const char *text) {
    if (agent < 0) return false;
    if (send(agent, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    if (errno != EAGAIN && errno != ENOBUFS) hang_up();
    return false;
}

void tell_start(void) { start_is_news = true; }

void tell_end(void) {
    describe_end();
    end_is_news = true;
}

bool has_to_tell(void) { return start_is_news || kept.is_news || end_is_news; }

/* In order; what the socket does not take now waits. */
void tell(void) {
    char text[200];
    snprintf(text, sizeof text, "started pid=%d ticks=%llu boot_ns=%" PRIu64 " wall_ns=%" PRIu64, job.pid, job.ticks,
             job.started_boot, job.started_wall);
    if (start_is_news && say(text)) start_is_news = false;
    snprintf(text, sizeof text, "output size=%" PRIu64 " seq=%" PRIu32, kept.size, kept.seq);
    if (!start_is_news && kept.is_news && say(text)) kept.is_news = false;
    if (!start_is_news && !kept.is_news && end_is_news && say(end_text)) end_is_news = false;
}

void listen_to_agent(void) {
    char text[256], kind[24];
    uint64_t number, more;
    ssize_t n = recv(agent, text, sizeof text - 1, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) hang_up();
        return;
    }
    text[n] = 0;
    if (sscanf(text, "stop %23s %" SCNu64, kind, &number) == 2) request_stop(kind, number);
    else if (sscanf(text, "fence %" SCNu64 " %" SCNu64, &number, &more) == 2) fence_at = number, fence_grace_ms = more;
    else if (sscanf(text, "room %" SCNu64, &number) == 1) kept.room = number;
    else if (!strcmp(text, "ack")) acknowledged = true;
}

/* A new agent listens: it is told all of it again. */
void connect_again(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "agent.sock"};
    char hello[128];
    if (agent >= 0) hang_up();
    agent = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (agent >= 0 && connect(agent, (struct sockaddr *)&address, sizeof address)) hang_up();
    snprintf(hello, sizeof hello, "hello protocol=%d id=%s", PROTOCOL, spec.id);
    if (!say(hello)) return;
    start_is_news = job.started_boot != 0;
    kept.is_news = kept.size != 0;
    end_is_news = *end_text != 0;
}

static void describe_end(void) {
    struct rusage used;
    char boot[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, boot, sizeof boot - 1) <= 0) strcpy(boot, "unknown");
    if (fd >= 0) close(fd);
    boot[strcspn(boot, "\n")] = 0;
    getrusage(RUSAGE_CHILDREN, &used);
    long long cpu = (long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec +
                    used.ru_stime.tv_usec;
    /* The cgroup also counts what runs on in the background, and its memory is that of all together. */
    long long all_cpu = cgroup_figure("cpu.stat", "usage_usec"), peak = cgroup_figure("memory.peak", "");
    long long oom_kills = cgroup_figure("memory.events", "oom_kill");
    if (spec.cgroup) rmdir(spec.cgroup);
    snprintf(end_text, sizeof end_text,
             "end protocol=%d id=%s boot=%s failed=%s errno=%d code=%d signal=%d stop=%s timeout_ms=%" PRIu64
             " cpu_us=%lld peak_bytes=%lld oom_kills=%lld start_boot_ns=%" PRIu64 " start_wall_ns=%" PRIu64
             " end_boot_ns=%" PRIu64 " end_wall_ns=%" PRIu64 " stdout=%" PRIu64 " stderr=%" PRIu64
             " stdout_cut=%d stderr_cut=%d dropped=%" PRIu64 " size=%" PRIu64 " seq=%" PRIu32 " .\n",
             PROTOCOL, spec.id, boot, job.failed, job.failed_errno, WIFEXITED(job.status) ? WEXITSTATUS(job.status) : -1,
             WIFSIGNALED(job.status) ? WTERMSIG(job.status) : 0, stop.kind, spec.timeout_ms,
             all_cpu > cpu ? all_cpu : cpu, peak >= 0 ? peak : (long long)used.ru_maxrss * 1024, oom_kills,
             job.started_boot, job.started_wall, now(CLOCK_BOOTTIME), now(CLOCK_REALTIME), stream_bytes(0),
             stream_bytes(1), stream_cut(0), stream_cut(1), kept.dropped, kept.size, kept.seq);
}

bool write_end(void) {
    char draft[128], final[128];
    size_t length = strlen(end_text);
    snprintf(draft, sizeof draft, "%s", name("end.new"));
    snprintf(final, sizeof final, "%s", name("end"));
    int fd = open(draft, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT) return true; /* the state directory is gone */
    bool ok = fd >= 0 && write(fd, end_text, length) == (ssize_t)length && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    if (output_fd() >= 0) ok &= fdatasync(output_fd()) == 0;
    if (!ok || rename(draft, final)) {
        unlink(draft);
        return false;
    }
    int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) fsync(directory);
    return true;
}
