/* Everything that came of the job, and its end. */
#define _GNU_SOURCE
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* So often SIGKILL is repeated quickly: what sleeps in the kernel can't be helped. The job itself is then still tried. */
enum { MAX_KILLS = 200 };
#define LATE_PAUSE_NS (5 * SECOND)

struct process {
    pid_t pid, parent, group;
    bool ours, is_zombie;
};

static pid_t helper; /* sudo, that signals in this process's place */
static int kills;

static bool read_stat(pid_t pid, struct process *p, unsigned long long *ticks) {
    char path[40], text[1024], state;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = 0;
    char *rest = strrchr(text, ')'); /* the name may hold spaces and brackets */
    if (!rest || sscanf(rest + 1, " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                        &state, &p->parent, &p->group, ticks) != 4)
        return false;
    p->pid = pid;
    p->ours = false;
    p->is_zombie = state == 'Z' || state == 'X';
    return true;
}

bool read_ticks(pid_t pid, unsigned long long *ticks) {
    struct process p;
    return read_stat(pid, &p, ticks);
}

static int by_pid(const void *a, const void *b) {
    return ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

/* All processes of the host, those that descend from this one marked. To be freed. */
static struct process *find_family(size_t *count) {
    struct process *all = NULL;
    size_t room = 0;
    unsigned long long ticks;
    DIR *proc = opendir("/proc");
    *count = 0;
    for (struct dirent *e; proc && (e = readdir(proc));) {
        pid_t pid = atoi(e->d_name);
        if (pid <= 0) continue;
        if (*count == room) {
            struct process *more = realloc(all, (room = 2 * room + 256) * sizeof *all);
            if (!more) break;
            all = more;
        }
        if (read_stat(pid, &all[*count], &ticks)) ++*count;
    }
    if (proc) closedir(proc);
    if (*count) qsort(all, *count, sizeof *all, by_pid);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < *count; i++) {
            if (all[i].ours || all[i].pid == helper) continue;
            struct process key = {.pid = all[i].parent}, *parent = NULL;
            if (key.pid != getpid()) parent = bsearch(&key, all, *count, sizeof *all, by_pid);
            if (key.pid == getpid() || (parent && parent->ours)) all[i].ours = changed = true;
        }
    }
    return all;
}

static void signal_through_sudo(int number, const char *pids) {
    if (helper) return;
    pid_t pid = fork();
    if (pid > 0) helper = pid;
    if (pid) return; /* without room for one more process there is none: the next SIGKILL asks again */
    char script[4200];
    sigset_t none;
    snprintf(script, sizeof script, "kill -%d%s 2>/dev/null", number, pids);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl("/usr/bin/sudo", "sudo", "-n", "-u", spec.sudo_user, "--", "/bin/sh", "-c", script, (char *)NULL);
    _exit(127);
}

/* Signal all of it; how many live. With 0 it only counts. */
static size_t signal_family(int number) {
    size_t count, living = 0, used = 0;
    struct process *all = find_family(&count);
    char out_of_reach[4096];
    bool grouped = false;
    for (size_t i = 0; i < count; i++) {
        all[i].ours &= !all[i].is_zombie;
        living += all[i].ours;
        grouped |= all[i].ours && all[i].group == job.pid;
    }
    /* The group in one go: a script whose child died a moment before it would go on to its next line. */
    if (number && grouped) grouped = kill(-job.pid, number) == 0;
    for (size_t i = 0; number && i < count; i++) {
        if (!all[i].ours || (grouped && all[i].group == job.pid)) continue;
        if (kill(all[i].pid, number) && errno == EPERM && used < sizeof out_of_reach - 16)
            used += (size_t)sprintf(out_of_reach + used, " %d", all[i].pid);
    }
    free(all);
    if (used && spec.sudo_user) signal_through_sudo(number, out_of_reach);
    return living;
}

void request_stop(const char *kind, uint64_t within_ms) {
    uint64_t t = now(CLOCK_BOOTTIME), deadline = t + within_ms * MS;
    if (!strcmp(stop.kind, "-")) {
        if (job.ended) return; /* it ended by itself before */
        snprintf(stop.kind, sizeof stop.kind, "%s", kind);
        stop.done = false;
        signal_family(SIGTERM);
        stop.deadline = deadline;
        stop.check_at = t;
    } else if (deadline < stop.deadline) {
        stop.deadline = deadline; /* a later request can only shorten the grace */
        stop.check_at = t;
    }
}

void go_on_stopping(uint64_t t) {
    bool hard = t >= stop.deadline;
    if (hard && spec.cgroup) write_file(spec.cgroup, "cgroup.kill", "1");
    size_t living = signal_family(hard ? SIGKILL : 0);
    bool given_up = kills > MAX_KILLS;
    if (job.ended && (!living || given_up)) {
        stop.done = true;
        stop.check_at = NEVER;
        return;
    }
    if (hard && !given_up) kills++;
    uint64_t pause = !hard ? 50 * MS : given_up ? LATE_PAUSE_NS : earlier(10 * MS * (uint64_t)kills, 250 * MS);
    stop.check_at = hard ? t + pause : earlier(t + pause, stop.deadline);
}

void collect(void) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == helper) helper = 0;
        if (pid == job.pid && !job.ended) {
            job.ended = true;
            job.status = status;
            if (!stop.done) stop.check_at = 0;
        }
    }
}
