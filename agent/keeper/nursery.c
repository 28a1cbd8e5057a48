/* One process per agent from which keepers are forked: starting a program costs several times as much. */
#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_FDS = 3 };

/* A request is an execution's id, with the descriptors that its keeper gets; how many, or -1 when the agent ended. */
static int receive(char *id, int *fds) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control;
    struct iovec text = {id, ID_LENGTH};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    while ((n = recvmsg(NURSERY_FD, &message, 0)) < 0 && errno == EINTR) {}
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (n != ID_LENGTH || !header || header->cmsg_type != SCM_RIGHTS) return n <= 0 ? -1 : 0;
    int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(header), (size_t)count * sizeof(int));
    return count;
}

/* Return in each new keeper; the nursery itself ends with its agent. */
void nursery(char *id) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    signal(SIGCHLD, SIG_IGN); /* nobody waits for keepers */
    for (;;) {
        char asked[ID_LENGTH];
        int fds[MAX_FDS], count = receive(asked, fds);
        if (count < 0) _exit(0);
        pid_t pid = count < 2 ? 0 : fork();
        if (pid == 0 && count >= 2) {
            signal(SIGCHLD, SIG_DFL);
            setsid();
            memcpy(id, asked, ID_LENGTH); /* never in the nursery: it would pass for a keeper */
            /* Received under the lowest free numbers, in order; so each moves down by one. */
            for (int i = 0; i < count; i++) dup2(fds[i], NURSERY_FD + i);
            syscall(SYS_close_range, NURSERY_FD + count, ~0U, 0);
            return;
        }
        if (pid < 0) {
            char text[40];
            snprintf(text, sizeof text, "refused errno=%d", errno);
            send(fds[0], text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        for (int i = 0; i < count; i++) close(fds[i]);
    }
}
