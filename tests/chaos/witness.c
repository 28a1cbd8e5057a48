/* A job that is its own witness: witness FILE SECONDS EXIT_CODE [stubborn]
 *
 * Appends one JSON line per event to FILE: start and end (both fsynced), every 100 ms a sign of life, and the
 * SIGTERM it may get, after which it ends with 143 unless it is stubborn. What it is comes from the environment
 * that the agent gives to every job.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int file;
static char boot[64];
static volatile sig_atomic_t asked;

static void on_term(int number) {
    (void)number;
    asked = 1;
}

static long long nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static const char *told(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static void say(const char *kind, int code, int is_durable) {
    char line[2048];
    int size = snprintf(line, sizeof line,
        "{\"kind\":\"%s\",\"execution_id\":\"%s\",\"run_id\":\"%s\",\"job_id\":\"%s\",\"job\":\"%s\","
        "\"attempt\":\"%s\",\"fence\":\"%s\",\"nominal\":\"%s\",\"pid\":%d,\"boot_id\":\"%s\","
        "\"wall_ns\":%lld,\"mono_ns\":%lld,\"exit_code\":%d}\n",
        kind, told("TOCSIN_EXECUTION_ID"), told("TOCSIN_RUN_ID"), told("TOCSIN_JOB_ID"), told("TOCSIN_JOB_NAME"),
        told("TOCSIN_ATTEMPT"), told("TOCSIN_FENCE"), told("TOCSIN_SCHEDULED_FOR"), getpid(), boot,
        nanoseconds(CLOCK_REALTIME), nanoseconds(CLOCK_BOOTTIME), code);
    if (write(file, line, size) != size || (is_durable && fsync(file) != 0)) {
        perror("witness");
        _exit(99);
    }
}

int main(int count, char **words) {
    if (count < 4) {
        return 98;
    }
    int is_stubborn = count > 4 && strcmp(words[4], "stubborn") == 0;
    file = open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int source = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0 || source < 0 || read(source, boot, 36) != 36) {
        perror("witness");
        return 97;
    }
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    say("start", -1, 1);
    long long until = nanoseconds(CLOCK_BOOTTIME) + (long long)(atof(words[2]) * 1e9);
    int is_told = 0;
    for (;;) {
        if (asked && !is_told) {
            is_told = 1;
            say("signal", -1, 1);
            if (!is_stubborn) {
                say("end", 143, 1);
                return 143;
            }
        }
        long long left = until - nanoseconds(CLOCK_BOOTTIME);
        if (left <= 0) {
            break;
        }
        long long nap = left < 100000000LL ? left : 100000000LL;
        struct timespec pause = {.tv_sec = 0, .tv_nsec = nap};
        nanosleep(&pause, NULL);
        say("alive", -1, 0);
    }
    int code = atoi(words[3]);
    say("end", code, 1);
    return code;
}
