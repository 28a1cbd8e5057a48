/* Files of a cgroup. */
#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool write_file(const char *directory, const char *file, const char *value) {
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = write(fd, value, strlen(value)) >= 0;
    int error = errno;
    close(fd);
    errno = error;
    return ok;
}

long long cgroup_figure(const char *file, const char *key) {
    char path[4200], text[2048];
    if (!spec.cgroup) return -1;
    snprintf(path, sizeof path, "%s/%s", spec.cgroup, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t length = strlen(key);
        if (!strncmp(line, key, length) && (!length || line[length] == ' ')) return atoll(line + length);
    }
    return -1;
}
