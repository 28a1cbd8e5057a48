/* What to start, and starting it. */
#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In the kernel's out-of-memory choice a job goes before its keeper and the agent. */
#define OOM_SCORE_ADJ "500"

/* Why the new process could not become the job; in memory that both share. */
struct trouble {
    int error;
    const char *step;
};

static void add(char ***list, size_t *count, char *value) {
    char **more = realloc(*list, (*count + 2) * sizeof **list);
    if (!more) _exit(71);
    more[(*count)++] = value;
    more[*count] = NULL;
    *list = more;
}

static void add_group(gid_t group) {
    gid_t *more = realloc(spec.groups, (spec.n_groups + 1) * sizeof *more);
    if (!more) _exit(71);
    more[spec.n_groups++] = group;
    spec.groups = more;
}

/* `key=value` strings, each ended by NUL. Those not known are a newer agent's and do no harm. */
void read_spec(char *text, size_t size) {
    for (char *key = text, *next; key < text + size; key = next) {
        next = key + strlen(key) + 1;
        char *value = strchr(key, '=');
        if (!value) continue;
        *value++ = 0;
        if (!strcmp(key, "arg")) add(&spec.argv, &spec.n_argv, value);
        else if (!strcmp(key, "env")) add(&spec.env, &spec.n_env, value);
        else if (!strcmp(key, "set")) add(&spec.settings, &spec.n_settings, value);
        else if (!strcmp(key, "redact")) add(&spec.secrets, &spec.n_secrets, value);
        else if (!strcmp(key, "stdin")) spec.has_stdin = true;
        else if (!strcmp(key, "leash")) spec.leashed = true;
        else if (!strcmp(key, "cwd")) spec.cwd = value;
        else if (!strcmp(key, "uid")) spec.uid = atol(value);
        else if (!strcmp(key, "gid")) spec.gid = atol(value);
        else if (!strcmp(key, "group")) add_group((gid_t)atol(value));
        else if (!strcmp(key, "sudo")) spec.sudo_user = strdup(value);
        else if (!strcmp(key, "cgroup")) spec.cgroup = strdup(value);
        else if (!strcmp(key, "timeout_ms")) spec.timeout_ms = strtoull(value, NULL, 10);
        else if (!strcmp(key, "grace_ms")) spec.grace_ms = strtoull(value, NULL, 10);
        else if (!strcmp(key, "max_bytes")) spec.max_bytes = strtoull(value, NULL, 10);
    }
}

static void fail(const char *step, int error) {
    snprintf(job.failed, sizeof job.failed, "%s", step);
    job.failed_errno = error;
}

/* In the new process, which may share this one's memory until it executes the job. Never returns. */
__attribute__((noinline, noreturn)) static void become_job(const int *outputs, struct trouble *trouble, bool in_cgroup) {
    sigset_t none;
    sigemptyset(&none);
#define STEP(what, call)                 \
    if (!trouble->error && (call) < 0) { \
        trouble->error = errno;          \
        trouble->step = what;            \
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    if (spec.cgroup && !in_cgroup) STEP("cgroup", write_file(spec.cgroup, "cgroup.procs", "0") ? 0 : -1);
    write_file("/proc/self", "oom_score_adj", OOM_SCORE_ADJ);
    STEP("stdin", dup2(spec.has_stdin ? STDIN_FD : 0, 0)); /* a keeper's own is /dev/null */
    STEP("stdout", dup2(outputs[0], 1));
    STEP("stderr", dup2(outputs[1], 2));
    /* A directory may be out of root's reach and not of the account's, or the other way round. */
    bool is_there = !spec.cwd || chdir(spec.cwd) == 0;
    if (spec.uid >= 0) {
        /* The system calls themselves: the library's functions do more than is allowed here. */
        STEP("groups", syscall(SYS_setgroups, spec.n_groups, spec.groups));
        STEP("group", syscall(SYS_setresgid, spec.gid, spec.gid, spec.gid));
        STEP("user", syscall(SYS_setresuid, spec.uid, spec.uid, spec.uid));
    }
    if (!is_there) STEP("directory", chdir(spec.cwd));
    /* Without the keeper nobody watches it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    STEP("exec", execve(spec.argv[0], spec.argv, spec.env));
    _exit(127);
}

static bool make_cgroup(void) {
    if (spec.cgroup && mkdir(spec.cgroup, 0755) && errno != EEXIST) {
        if (spec.n_settings) return fail("cgroup", errno), false;
        spec.cgroup = NULL; /* nothing depends on it */
    }
    for (size_t i = 0; i < spec.n_settings; i++) {
        char *value = strchr(spec.settings[i], '='), step[60];
        if (value) *value++ = 0;
        snprintf(step, sizeof step, "limit:%s", spec.settings[i]);
        if (!spec.cgroup || !value || !write_file(spec.cgroup, spec.settings[i], value))
            return fail(step, errno), false;
    }
    return true;
}

/* Returns once the new process executes the job, or has failed to. */
static pid_t fork_job(const int *outputs, struct trouble *trouble) {
    int directory = spec.cgroup ? open(spec.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    volatile pid_t pid = -1;
    if (directory >= 0) {
        /* Born there: moving a process between cgroups makes the whole host wait. */
        struct clone_args how = {
            .flags = CLONE_INTO_CGROUP | CLONE_VFORK, .exit_signal = SIGCHLD, .cgroup = (uint64_t)directory};
        pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
        if (pid == 0) become_job(outputs, trouble, true);
        close(directory);
    }
    if (pid < 0 && (pid = vfork()) == 0) become_job(outputs, trouble, false);
    return pid;
}

void start(void) {
    int out[2], err[2];
    struct trouble *trouble = mmap(NULL, sizeof *trouble, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!make_cgroup()) return;
    if (trouble == MAP_FAILED || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) return fail("pipe", errno);
    const int ours[2] = {out[0], err[0]}, theirs[2] = {out[1], err[1]};
    open_streams(ours);
    job.pid = fork_job(theirs, trouble);
    if (job.pid < 0) return fail("fork", errno);
    close(out[1]), close(err[1]);
    if (trouble->error) {
        waitpid(job.pid, NULL, 0);
        return fail(trouble->step, trouble->error);
    }
    job.started_boot = now(CLOCK_BOOTTIME);
    job.started_wall = now(CLOCK_REALTIME);
    read_ticks(job.pid, &job.ticks);
}
