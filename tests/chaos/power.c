/* Under LD_PRELOAD: every successful fsync and fdatasync is noted in the file CHAOS_SYNCED, so that a power cut can be
 * simulated: `file INODE SIZE` for a file, `directory INODE ENTRY...` (the inodes in it) for a directory. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void note(int file) {
    const char *path = getenv("CHAOS_SYNCED");
    struct stat seen;
    if (!path || fstat(file, &seen) != 0) {
        return;
    }
    char *line = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&line, &size);
    if (S_ISREG(seen.st_mode)) {
        fprintf(text, "file %lu %ld\n", (unsigned long)seen.st_ino, (long)seen.st_size);
    } else if (S_ISDIR(seen.st_mode)) {
        fprintf(text, "directory %lu", (unsigned long)seen.st_ino);
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
        DIR *directory = opendir(name);
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                fprintf(text, " %lu", (unsigned long)entry->d_ino);
            }
        }
        if (directory) {
            closedir(directory);
        }
        fprintf(text, "\n");
    }
    fclose(text);
    int log = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log >= 0) {
        if (write(log, line, size) < 0) {
            abort();
        }
        close(log);
    }
    free(line);
}

int fsync(int file) {
    int failed = (int)syscall(SYS_fsync, file);
    if (!failed) {
        note(file);
    }
    return failed;
}

int fdatasync(int file) {
    int failed = (int)syscall(SYS_fdatasync, file);
    if (!failed) {
        note(file);
    }
    return failed;
}
